#include "engine/minute_records.h"

#include <stdlib.h>

#include "base/time.h"

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

enum sky_status sky_counts_build(struct sky_count_builder *builder, const struct sky_snapshot_input *input)
{
    const struct sky_engine_options *options = input->options;
    uint32_t samples = options->samples < SKY_COUNT_SAMPLES_MAX ? options->samples : SKY_COUNT_SAMPLES_MAX;
    const struct sky_sample_source source = {&builder->arena, input->window, input->store, samples};
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
    if (!counts)
        return SKY_E_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const struct sky_sliding_row *from = &builder->rows[i];
        counts[i] = (struct sky_keyword_count){
            .keyword = from->keyword,
            .normalized_keyword = from->keyword,
            .language = sky_snapshot_language(options, from->language),
            .count = from->count,
            .unique_authors = from->unique_authors,
            .voices = from->voices,
            .window_start_ms = end_ms - options->window_minutes * SKY_MINUTE_MS,
            .window_end_ms = end_ms,
        };
        enum sky_status status =
            sky_sample_choose(&source, from, &counts[i].sample_posts, &counts[i].sample_posts_count);
        if (status != SKY_OK)
            return status;
    }
    builder->counts = counts;
    builder->counts_count = count;
    return SKY_OK;
}

void sky_count_builder_clean_up(struct sky_count_builder *builder)
{
    sky_arena_clean_up(&builder->arena);
    free(builder->rows);
}

static const struct sky_top_keyword *put_top(struct sky_arena *arena, const struct sky_engine_options *options,
                                             const struct sky_sliding_row *rows, uint32_t count)
{
    struct sky_top_keyword *top = sky_arena_alloc(arena, count * sizeof *top);
    for (uint32_t i = 0; top && i < count; i++)
        top[i] = (struct sky_top_keyword){
            .keyword = rows[i].keyword,
            .language = sky_snapshot_language(options, rows[i].language),
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
        by_language[g] = (struct sky_language_posts){sky_snapshot_language(options, g), from->by_language[g]};
    return SKY_OK;
}
