#include "engine/minute_records.h"

#include <stdlib.h>

#include "base/time.h"
#include "engine/options.h"

#define ROWS_CAPACITY_MIN 1024

static bool keep_row(struct sky_count_builder *builder, uint32_t count, const struct sky_sliding_row *row)
{
    if (count == builder->rows_capacity) {
        uint32_t capacity = count ? count * 2 : ROWS_CAPACITY_MIN;
        struct sky_sliding_row *rows = capacity > count ? realloc(builder->rows, capacity * sizeof *rows) : NULL;
        if (!rows)
            return false;
        builder->rows = rows;
        builder->rows_capacity = capacity;
    }
    builder->rows[count] = *row;
    return true;
}

static int by_language_and_keyword(const void *a, const void *b)
{
    const struct sky_sliding_row *x = a, *y = b;
    if (x->language != y->language)
        return x->language < y->language ? -1 : 1;
    return sky_span_compare(x->keyword, y->keyword);
}

/* Of most rows the sample is the post with the smallest id; those are found in one pass. */
static bool find_posts(struct sky_count_builder *builder, const struct sky_snapshot_input *input)
{
    uint32_t numbers = sky_sliding_numbers(input->window);
    if (numbers > builder->post_ids_capacity) {
        free(builder->post_ids);
        builder->post_ids_capacity = numbers + numbers / 4;
        builder->post_ids = malloc(builder->post_ids_capacity * sizeof *builder->post_ids);
    }
    if (!builder->post_ids) {
        builder->post_ids_capacity = 0;
        return numbers == 0;
    }
    sky_sliding_smallest_posts(input->window, input->options->min_frequency, builder->post_ids);
    return true;
}

static enum sky_status choose_sample(struct sky_count_builder *builder, const struct sky_snapshot_input *input,
                                     const struct sky_sliding_row *row, struct sky_keyword_count *count)
{
    struct sky_shown_post shown;
    if (!input->options->samples)
        return SKY_OK;
    if (!sky_post_store_show(input->store, builder->post_ids[row->number], &shown)) { /* hidden: the next one */
        const struct sky_sample_source source = {&builder->arena, input->window, input->store, SKY_COUNT_SAMPLES_MAX};
        return sky_sample_choose(&source, row, &count->sample_posts, &count->sample_posts_count);
    }
    struct sky_sample_post *sample = sky_arena_alloc(&builder->arena, sizeof *sample);
    if (!sample)
        return SKY_E_MEMORY;
    *sample = (struct sky_sample_post){shown.uri, shown.author_did, shown.text, shown.created_at_ms};
    count->sample_posts = sample;
    count->sample_posts_count = 1;
    return SKY_OK;
}

enum sky_status sky_counts_build(struct sky_count_builder *builder, const struct sky_snapshot_input *input)
{
    const struct sky_engine_options *options = input->options;
    int64_t end_ms = sky_sliding_open_minute(input->window) * SKY_MINUTE_MS;
    struct sky_sliding_row row;
    uint32_t count = 0;
    sky_arena_reset(&builder->arena);
    for (uint32_t cursor = 0; sky_sliding_next(input->window, &cursor, &row);)
        if (row.count >= options->min_frequency && !keep_row(builder, count++, &row))
            return SKY_E_MEMORY;
    if (count)
        qsort(builder->rows, count, sizeof *builder->rows, by_language_and_keyword);
    struct sky_keyword_count *counts = sky_arena_alloc(&builder->arena, count * sizeof *counts);
    if (!counts || !find_posts(builder, input))
        return SKY_E_MEMORY;
    enum sky_status status = SKY_OK;
    for (uint32_t i = 0; i < count && status == SKY_OK; i++) {
        const struct sky_sliding_row *from = &builder->rows[i];
        counts[i] = (struct sky_keyword_count){
            .keyword = from->keyword,
            .normalized_keyword = from->keyword,
            .language = sky_engine_language_name(options, from->language),
            .count = from->count,
            .unique_authors = from->unique_authors,
            .voices = from->voices,
            .window_start_ms = end_ms - options->window_minutes * SKY_MINUTE_MS,
            .window_end_ms = end_ms,
        };
        status = choose_sample(builder, input, from, &counts[i]);
    }
    builder->counts = counts;
    builder->counts_count = count;
    return status;
}

void sky_count_builder_clean_up(struct sky_count_builder *builder)
{
    sky_arena_clean_up(&builder->arena);
    free(builder->rows);
    free(builder->post_ids);
}

static const struct sky_top_keyword *put_top(struct sky_arena *arena, const struct sky_engine_options *options,
                                             const struct sky_sliding_row *rows, uint32_t count)
{
    struct sky_top_keyword *top = sky_arena_alloc(arena, count * sizeof *top);
    for (uint32_t i = 0; top && i < count; i++)
        top[i] = (struct sky_top_keyword){
            .keyword = rows[i].keyword,
            .language = sky_engine_language_name(options, rows[i].language),
            .count = rows[i].count,
            .unique_authors = rows[i].unique_authors,
        };
    return top;
}

enum sky_status sky_activity_build(struct sky_arena *arena, const struct sky_engine_options *options,
                                   const struct sky_activity *from, struct sky_activity_record *record)
{
    uint32_t languages = options->languages_count + 1;
    struct sky_language_posts *by_language = sky_arena_alloc(arena, languages * sizeof *by_language);
    *record = (struct sky_activity_record){
        .window_start_ms = from->window_start_minute * SKY_MINUTE_MS,
        .window_end_ms = from->window_end_minute * SKY_MINUTE_MS,
        .posts = from->posts,
        .replies = from->replies,
        .unique_authors = from->unique_authors,
        .by_language = by_language,
        .by_language_count = languages,
        .top_keywords = put_top(arena, options, from->top_keywords, from->top_keywords_count),
        .top_keywords_count = from->top_keywords_count,
        .top_hashtags = put_top(arena, options, from->top_hashtags, from->top_hashtags_count),
        .top_hashtags_count = from->top_hashtags_count,
    };
    if (!by_language || !record->top_keywords || !record->top_hashtags)
        return SKY_E_MEMORY;
    for (uint32_t g = 0; g < languages; g++)
        by_language[g] = (struct sky_language_posts){sky_engine_language_name(options, g), from->by_language[g]};
    return SKY_OK;
}
