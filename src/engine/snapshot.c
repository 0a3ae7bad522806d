#include "engine/snapshot.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/options.h"
#include "engine/sample.h"

static enum sky_status make_alert(struct sky_snapshot_builder *builder, const struct sky_slide *slide,
                                  const struct sky_trend *trend, struct sky_trend_alert *alert)
{
    const struct sky_trend_snapshot *snapshot = &builder->snapshot;
    int64_t started_at_ms = (trend->started_minute + 1) * SKY_MINUTE_MS;
    *alert = (struct sky_trend_alert){
        .kind = trend->state,
        .keyword = trend->keyword,
        .language = sky_engine_language_name(slide->options, trend->language),
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
    return slide->describe(slide->context, &builder->arena, trend, alert);
}

static const struct sky_trend_alert *make_alerts(struct sky_snapshot_builder *builder, const struct sky_slide *slide,
                                                 const struct sky_trend *trends, uint32_t count)
{
    struct sky_trend_alert *alerts = sky_arena_alloc(&builder->arena, count * sizeof *alerts);
    for (uint32_t i = 0; alerts && i < count; i++)
        if (make_alert(builder, slide, &trends[i], &alerts[i]) != SKY_OK)
            return NULL;
    return alerts;
}

static enum sky_status put_volume(struct sky_snapshot_builder *builder, const struct sky_slide *slide)
{
    uint32_t count = slide->options->languages_count + 1;
    struct sky_language_volume *volume = sky_arena_alloc(&builder->arena, count * sizeof *volume);
    if (!volume)
        return SKY_E_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        volume[i] = (struct sky_language_volume){sky_engine_language_name(slide->options, i), slide->volume[i]};
    builder->snapshot.volume = volume;
    builder->snapshot.volume_count = count;
    return SKY_OK;
}

static enum sky_status put_top(struct sky_snapshot_builder *builder, const struct sky_slide *slide)
{
    struct sky_top_keyword *top = sky_arena_alloc(&builder->arena, slide->top_count * sizeof *top);
    if (!top)
        return SKY_E_MEMORY;
    for (uint32_t i = 0; i < slide->top_count; i++)
        top[i] = (struct sky_top_keyword){
            .keyword = sky_arena_copy(&builder->arena, slide->top[i].keyword),
            .language = sky_engine_language_name(slide->options, slide->top[i].language),
            .count = slide->top[i].count,
            .unique_authors = slide->top[i].unique_authors,
        };
    builder->snapshot.top_keywords = top;
    builder->snapshot.top_keywords_count = slide->top_count;
    return SKY_OK;
}

enum sky_status sky_snapshot_of_slide(struct sky_snapshot_builder *builder, const struct sky_slide *slide)
{
    sky_arena_reset(&builder->arena);
    const struct sky_tracker_result *result = slide->result;
    builder->snapshot = (struct sky_trend_snapshot){
        .window_start_ms = (slide->end_minute - slide->options->window_minutes) * SKY_MINUTE_MS,
        .window_end_ms = slide->end_minute * SKY_MINUTE_MS,
        .warming_up = result->warming_up,
        .posts = slide->posts,
        .active_authors = slide->active_authors,
        .trends_count = result->on_count,
        .ended_count = result->ended_count,
        .recurring_count = result->recurring_count,
    };
    builder->snapshot.trends = make_alerts(builder, slide, result->on, result->on_count);
    builder->snapshot.ended = make_alerts(builder, slide, result->ended, result->ended_count);
    builder->snapshot.recurring = make_alerts(builder, slide, result->recurring, result->recurring_count);
    if (!builder->snapshot.trends || !builder->snapshot.ended || !builder->snapshot.recurring ||
        put_volume(builder, slide) != SKY_OK)
        return SKY_E_MEMORY;
    return put_top(builder, slide);
}

static enum sky_status describe(void *context, struct sky_arena *arena, const struct sky_trend *trend,
                                struct sky_trend_alert *alert)
{
    const struct sky_snapshot_input *input = context;
    struct sky_sliding_row row;
    if (!sky_sliding_find(input->window, trend->language, trend->keyword, &row))
        return SKY_OK;
    alert->unique_authors = row.unique_authors;
    const struct sky_sample_source source = {arena, input->window, input->store, input->options->samples};
    return sky_sample_choose(&source, &row, &alert->sample_posts, &alert->sample_posts_count);
}

enum sky_status sky_snapshot_build(struct sky_snapshot_builder *builder, const struct sky_snapshot_input *input)
{
    uint64_t volume[SKY_ENGINE_LANGUAGES_MAX];
    struct sky_snapshot_input context = *input;
    struct sky_sliding_row *top = malloc(input->options->top_keywords * sizeof *top);
    if (!top && input->options->top_keywords)
        return SKY_E_MEMORY;
    for (uint32_t g = 0; g <= input->options->languages_count; g++)
        volume[g] = sky_sliding_volume(input->window, g);
    const struct sky_slide slide = {
        .options = input->options,
        .end_minute = sky_sliding_open_minute(input->window),
        .posts = sky_sliding_posts(input->window),
        .active_authors = sky_sliding_authors(input->window),
        .volume = volume,
        .top = top,
        .top_count =
            sky_sliding_top(input->window, UINT32_MAX, SKY_SNAPSHOT_TOP_KINDS, input->options->top_keywords, top),
        .result = input->result,
        .context = &context,
        .describe = describe,
    };
    enum sky_status status = sky_snapshot_of_slide(builder, &slide);
    free(top);
    return status;
}

void sky_snapshot_builder_clean_up(struct sky_snapshot_builder *builder)
{
    sky_arena_clean_up(&builder->arena);
}
