#include "engine/snapshot.h"

#include "base/hash.h"
#include "base/time.h"
#include "engine/sample.h"

struct sky_span sky_snapshot_language(const struct sky_engine_options *options, uint32_t index)
{
    if (index < options->languages_count)
        return sky_span_from_string(options->languages[index]);
    return index == options->languages_count ? SKY_SPAN("other") : SKY_SPAN("*");
}

static enum sky_status make_alert(struct sky_snapshot_builder *builder, const struct sky_snapshot_input *input,
                                  const struct sky_trend *trend, struct sky_trend_alert *alert)
{
    const struct sky_trend_snapshot *snapshot = &builder->snapshot;
    int64_t started_at_ms = (trend->started_minute + 1) * SKY_MINUTE_MS;
    *alert = (struct sky_trend_alert){
        .kind = trend->state,
        .keyword = trend->keyword,
        .language = sky_snapshot_language(input->options, trend->language),
        .frequency = trend->count,
        .rank = trend->rank,
        .growth_rate = trend->growth,
        .confidence_score = trend->confidence,
        .z_score = trend->z,
        .expected = trend->expected,
        .window_start_ms = snapshot->window_start_ms,
        .window_end_ms = snapshot->window_end_ms,
        .started_at_ms = started_at_ms,
    };
    alert->id = sky_hash_id_in(alert->keyword, sky_hash_id_in(alert->language, (uint64_t)started_at_ms));
    struct sky_sliding_row row;
    if (!sky_sliding_find(input->window, trend->language, trend->keyword, &row))
        return SKY_OK;
    alert->unique_authors = row.unique_authors;
    const struct sky_sample_source source = {&builder->arena, input->window, input->store, input->options->samples};
    return sky_sample_choose(&source, &row, &alert->sample_posts, &alert->sample_posts_count);
}

static const struct sky_trend_alert *make_alerts(struct sky_snapshot_builder *builder,
                                                 const struct sky_snapshot_input *input, const struct sky_trend *trends,
                                                 uint32_t count)
{
    struct sky_trend_alert *alerts = sky_arena_alloc(&builder->arena, count * sizeof *alerts);
    for (uint32_t i = 0; alerts && i < count; i++)
        if (make_alert(builder, input, &trends[i], &alerts[i]) != SKY_OK)
            return NULL;
    return alerts;
}

static enum sky_status put_volume(struct sky_snapshot_builder *builder, const struct sky_snapshot_input *input)
{
    uint32_t count = input->options->languages_count + 1;
    struct sky_language_volume *volume = sky_arena_alloc(&builder->arena, count * sizeof *volume);
    if (!volume)
        return SKY_E_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        volume[i] = (struct sky_language_volume){sky_snapshot_language(input->options, i),
                                                 sky_sliding_volume(input->window, i)};
    builder->snapshot.volume = volume;
    builder->snapshot.volume_count = count;
    return SKY_OK;
}

static enum sky_status put_top(struct sky_snapshot_builder *builder, const struct sky_snapshot_input *input)
{
    uint32_t wanted = input->options->top_keywords;
    struct sky_sliding_row *rows = sky_arena_alloc(&builder->arena, wanted * sizeof *rows);
    struct sky_top_keyword *top = sky_arena_alloc(&builder->arena, wanted * sizeof *top);
    if (!rows || !top)
        return SKY_E_MEMORY;
    uint32_t kinds = 1U << SKY_KEYWORD_WORD | 1U << SKY_KEYWORD_HASHTAG;
    uint32_t count = sky_sliding_top(input->window, UINT32_MAX, kinds, wanted, rows);
    for (uint32_t i = 0; i < count; i++)
        top[i] = (struct sky_top_keyword){
            .keyword = sky_arena_copy(&builder->arena, rows[i].keyword),
            .language = sky_snapshot_language(input->options, rows[i].language),
            .count = rows[i].count,
            .unique_authors = rows[i].unique_authors,
        };
    builder->snapshot.top_keywords = top;
    builder->snapshot.top_keywords_count = count;
    return SKY_OK;
}

enum sky_status sky_snapshot_build(struct sky_snapshot_builder *builder, const struct sky_snapshot_input *input)
{
    sky_arena_reset(&builder->arena);
    const struct sky_tracker_result *result = input->result;
    int64_t end_ms = sky_sliding_open_minute(input->window) * SKY_MINUTE_MS;
    builder->snapshot = (struct sky_trend_snapshot){
        .window_start_ms = end_ms - input->options->window_minutes * SKY_MINUTE_MS,
        .window_end_ms = end_ms,
        .warming_up = result->warming_up,
        .posts = sky_sliding_posts(input->window),
        .active_authors = sky_sliding_authors(input->window),
        .trends_count = result->on_count,
        .ended_count = result->ended_count,
        .recurring_count = result->recurring_count,
    };
    builder->snapshot.trends = make_alerts(builder, input, result->on, result->on_count);
    builder->snapshot.ended = make_alerts(builder, input, result->ended, result->ended_count);
    builder->snapshot.recurring = make_alerts(builder, input, result->recurring, result->recurring_count);
    if (!builder->snapshot.trends || !builder->snapshot.ended || !builder->snapshot.recurring ||
        put_volume(builder, input) != SKY_OK)
        return SKY_E_MEMORY;
    return put_top(builder, input);
}

void sky_snapshot_builder_clean_up(struct sky_snapshot_builder *builder)
{
    sky_arena_clean_up(&builder->arena);
}
