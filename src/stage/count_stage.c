/* Rows that are told with samples. Trends that are on have min_frequency mentions, and the last record of one that ends
 * is about a window that may have fewer; so a keyword's rows have samples when it has min_frequency mentions in all
 * languages together, or had them a minute ago. */
#include "stage/count_stage.h"

#include <stdlib.h>

#include "base/sorted.h"
#include "engine/options.h"
#include "engine/sample.h"
#include "engine/snapshot.h"
#include "stage/activity_part.h"
#include "stage/event.h"
#include "stage/minute_windows.h"
#include "stage/post_stage.h"
#include "stage/row.h"

struct hidden_post {
    uint64_t post_id; /* first: sky_lower_bound */
    int64_t minute;   /* it was hidden last */
};

struct ids {
    uint64_t *items;
    uint32_t count;
    uint32_t capacity;
};

struct sky_count_stage {
    struct sky_engine_options_copy copy;
    const struct sky_engine_options *options; /* of the copy */
    uint32_t row_authors;                     /* from which a detector gets to know a keyword */
    struct sky_minute_windows windows;
    struct hidden_post *hidden; /* by post_id */
    uint32_t hidden_count;
    uint32_t hidden_capacity;
    struct ids frequent;        /* keywords of min_frequency mentions in the window at hand */
    struct ids frequent_before; /* and in the one before it; sorted */
    struct sky_sliding_row *top;
    struct sky_keyword keywords[SKY_KEYWORDS_MAX];
};

uint32_t sky_count_stage_minutes(const struct sky_engine_options *options)
{
    return options->window_minutes > options->activity_minutes ? options->window_minutes : options->activity_minutes;
}

struct sky_count_stage *sky_count_stage_new(const struct sky_engine_options *options)
{
    struct sky_count_stage *stage = calloc(1, sizeof *stage);
    if (!stage)
        return NULL;
    sky_engine_options_copy(&stage->copy, options);
    stage->options = &stage->copy.options;
    sky_minute_windows_init(&stage->windows, stage->options);
    stage->row_authors = sky_engine_tracker_options(options).detector.row_authors;
    stage->top = calloc(options->top_keywords + 1, sizeof *stage->top);
    if (!stage->top) {
        sky_count_stage_free(stage);
        return NULL;
    }
    return stage;
}

void sky_count_stage_free(struct sky_count_stage *stage)
{
    if (!stage)
        return;
    sky_minute_windows_clean_up(&stage->windows);
    free(stage->hidden);
    free(stage->frequent.items);
    free(stage->frequent_before.items);
    free(stage->top);
    free(stage);
}

enum sky_status sky_count_stage_take(struct sky_count_stage *stage, int64_t minute, struct sky_span occurrences)
{
    return sky_minute_windows_take(&stage->windows, minute, occurrences);
}

/* ---- what may not be shown ---- */

static uint32_t hidden_place(const struct sky_count_stage *stage, uint64_t post_id)
{
    return (uint32_t)sky_lower_bound(stage->hidden, stage->hidden_count, sizeof *stage->hidden, post_id);
}

static bool is_hidden_at(const struct sky_count_stage *stage, uint32_t place, uint64_t post_id)
{
    return place < stage->hidden_count && stage->hidden[place].post_id == post_id;
}

static bool is_visible(const void *context, uint64_t post_id)
{
    const struct sky_count_stage *stage = context;
    return !is_hidden_at(stage, hidden_place(stage, post_id), post_id);
}

static void show(struct sky_count_stage *stage, uint64_t post_id)
{
    uint32_t at = hidden_place(stage, post_id);
    if (!is_hidden_at(stage, at, post_id))
        return;
    stage->hidden_count--;
    memmove(&stage->hidden[at], &stage->hidden[at + 1], (stage->hidden_count - at) * sizeof *stage->hidden);
}

static enum sky_status hide(struct sky_count_stage *stage, int64_t minute, uint64_t post_id)
{
    uint32_t at = hidden_place(stage, post_id);
    if (!is_hidden_at(stage, at, post_id)) {
        if (stage->hidden_count == stage->hidden_capacity) {
            uint32_t capacity = stage->hidden_capacity ? stage->hidden_capacity * 2 : 16;
            struct hidden_post *hidden = realloc(stage->hidden, capacity * sizeof *hidden);
            if (!hidden)
                return SKY_E_MEMORY;
            stage->hidden = hidden;
            stage->hidden_capacity = capacity;
        }
        memmove(&stage->hidden[at + 1], &stage->hidden[at], (stage->hidden_count - at) * sizeof *stage->hidden);
        stage->hidden_count++;
    }
    stage->hidden[at] = (struct hidden_post){post_id, minute};
    return SKY_OK;
}

/* A post is told to be hidden while it is in the window; it has left it a window later. */
static void forget_hidden(struct sky_count_stage *stage, int64_t minute)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stage->hidden_count; i++)
        if (minute - stage->hidden[i].minute < stage->options->window_minutes)
            stage->hidden[kept++] = stage->hidden[i];
    stage->hidden_count = kept;
}

/* ---- taking a minute ---- */

static enum sky_status take_post(struct sky_count_stage *stage, int64_t minute, bool is_hidden,
                                 struct sky_reader *reader)
{
    struct sky_sliding_post post = {.author_id = sky_reader_u64(reader)};
    post.post_id = sky_reader_u64(reader);
    post.sketch = sky_reader_u64(reader);
    post.language = sky_reader_u8(reader);
    uint32_t count = sky_reader_u32(reader);
    if (post.language > stage->options->languages_count || count > SKY_KEYWORDS_MAX)
        sky_reader_fail(reader, SKY_E_RANGE, "not a post of the stages");
    for (uint32_t i = 0; i < count && sky_reader_ok(reader); i++)
        sky_keyword_get(reader, &stage->keywords[i]);
    if (!sky_reader_ok(reader))
        return SKY_OK;
    const struct sky_keyword_list list = {stage->keywords, count};
    enum sky_status status = sky_minute_windows_add(&stage->windows, minute, &post, false, &list);
    if (is_hidden && status == SKY_OK)
        status = hide(stage, minute, post.post_id);
    else
        show(stage, post.post_id); /* an older one of that id may have been hidden */
    return status;
}

static enum sky_status take_entry(struct sky_count_stage *stage, int64_t minute, struct sky_reader *reader)
{
    switch (sky_reader_u8(reader)) {
    case SKY_OCCURRENCE_POST: return take_post(stage, minute, false, reader);
    case SKY_OCCURRENCE_HIDDEN_POST: return take_post(stage, minute, true, reader);
    case SKY_OCCURRENCE_HIDE: return hide(stage, minute, sky_reader_u64(reader));
    case SKY_OCCURRENCE_SHOW: show(stage, sky_reader_u64(reader)); return SKY_OK;
    default: sky_reader_fail(reader, SKY_E_RANGE, "not an occurrence of the stages"); return SKY_OK;
    }
}

/* ---- telling ---- */

static bool ids_add(struct ids *ids, uint64_t id)
{
    if (ids->count == ids->capacity) {
        uint32_t capacity = ids->capacity ? ids->capacity * 2 : 64;
        uint64_t *items = realloc(ids->items, capacity * sizeof *items);
        if (!items)
            return false;
        ids->items = items;
        ids->capacity = capacity;
    }
    ids->items[ids->count++] = id;
    return true;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool ids_have(const struct ids *ids, uint64_t id)
{
    return ids->count && bsearch(&id, ids->items, ids->count, sizeof id, by_id);
}

/* One row, of a language or of all. */
static void put_row(struct sky_count_stage *stage, const struct sky_sliding_row *from, struct sky_row *row,
                    struct sky_buffer *out)
{
    row->language = from->language;
    row->count = from->count;
    row->unique_authors = from->unique_authors;
    row->kind = from->kind;
    row->keyword = from->keyword;
    row->id = from->id;
    if (row->flags & SKY_ROW_HAS_PICKS) {
        const struct sky_sample_filter filter = {stage, is_visible};
        row->picks_count = sky_sample_picks(stage->windows.window, from, &filter, stage->options->samples, row->picks);
    }
    if (from->voices >= stage->row_authors || row->flags & SKY_ROW_HAS_PICKS)
        row->flags |= SKY_ROW_HAS_TEXT;
    sky_row_put(out, row);
}

/* The rows of each keyword; out NULL: only what is remembered for the next minute. */
static enum sky_status put_rows(struct sky_count_stage *stage, struct sky_buffer *out)
{
    struct sky_sliding_row from;
    struct ids before = stage->frequent_before;
    stage->frequent_before = stage->frequent;
    stage->frequent = before;
    stage->frequent.count = 0;
    for (uint32_t cursor = 0; sky_sliding_next(stage->windows.window, &cursor, &from);) {
        struct sky_sliding_all all;
        sky_sliding_all(stage->windows.window, &from, SKY_TRACKER_SPREAD_AUTHORS, &all);
        bool is_frequent = all.row.count >= stage->options->min_frequency;
        if (all.first && is_frequent && !ids_add(&stage->frequent, from.id))
            return SKY_E_MEMORY;
        if (!out)
            continue;
        uint32_t picks = is_frequent || ids_have(&stage->frequent_before, from.id) ? SKY_ROW_HAS_PICKS : 0;
        struct sky_row row = {.flags = picks | (all.languages == 1 ? SKY_ROW_IS_ALONE : 0)};
        put_row(stage, &from, &row, out);
        if (!all.first || all.languages == 1)
            continue;
        row = (struct sky_row){.flags = picks | SKY_ROW_IS_ALL, .spread = all.spread};
        sky_sliding_unite(stage->windows.window, &all);
        put_row(stage, &all.row, &row, out);
    }
    if (stage->frequent.count)
        qsort(stage->frequent.items, stage->frequent.count, sizeof *stage->frequent.items, by_id);
    return SKY_OK;
}

static enum sky_status put_slide(struct sky_count_stage *stage, struct sky_buffer *out)
{
    size_t begin = sky_buffer_begin_blob(out);
    sky_buffer_put_u32(out, stage->options->languages_count + 1);
    for (uint32_t g = 0; g <= stage->options->languages_count; g++)
        sky_buffer_put_u64(out, sky_sliding_volume(stage->windows.window, g));
    sky_rows_put(out, stage->top,
                 sky_sliding_top(stage->windows.window, UINT32_MAX, SKY_SNAPSHOT_TOP_KINDS,
                                 stage->options->top_keywords, stage->top));
    enum sky_status status = put_rows(stage, out);
    sky_buffer_end_blob(out, begin);
    return status;
}

/* packets NULL: they are only passed. */
static void put_activity(struct sky_count_stage *stage, int64_t minute, struct sky_packets *packets)
{
    struct sky_activity ended;
    while (sky_minute_windows_activity(&stage->windows, minute, &ended)) {
        if (!packets)
            continue;
        struct sky_buffer *out = sky_packets_open(packets, SKY_PACKET_ACTIVITY, 0, minute);
        size_t begin = sky_buffer_begin_blob(out);
        sky_buffer_put_i64(out, ended.window_start_minute);
        sky_buffer_put_u8(out, SKY_ACTIVITY_KEYWORDS);
        sky_rows_put(out, ended.top_keywords, ended.top_keywords_count);
        sky_rows_put(out, ended.top_hashtags, ended.top_hashtags_count);
        sky_buffer_end_blob(out, begin);
    }
}

/* ---- closing ---- */

static enum sky_status close_minute(struct sky_count_stage *stage, int64_t minute, struct sky_packets *packets)
{
    enum sky_status status = sky_minute_windows_close(&stage->windows);
    if (status == SKY_OK && stage->windows.window)
        status =
            packets ? put_slide(stage, sky_packets_open(packets, SKY_PACKET_ROWS, 0, minute)) : put_rows(stage, NULL);
    else
        stage->frequent.count = 0;
    put_activity(stage, minute, packets);
    forget_hidden(stage, minute);
    return status;
}

enum sky_status sky_count_stage_close(struct sky_count_stage *stage, int64_t minute, struct sky_packets *packets,
                                      struct sky_error *error)
{
    enum sky_status status = SKY_OK;
    int64_t next;
    *error = (struct sky_error){0};
    while (status == SKY_OK && sky_minute_windows_next(&stage->windows, &next) && next <= minute) {
        struct sky_buffer occurrences;
        struct sky_reader reader;
        sky_minutes_take(&stage->windows.waiting, next, &occurrences);
        sky_reader_init(&reader, sky_buffer_span(&occurrences));
        while (status == SKY_OK && sky_reader_ok(&reader) && reader.offset < occurrences.len)
            status = take_entry(stage, next, &reader);
        if (status == SKY_OK && !sky_reader_ok(&reader)) {
            *error = reader.error;
            status = reader.error.status;
        }
        sky_buffer_clean_up(&occurrences);
        if (status == SKY_OK)
            status = close_minute(stage, next, packets);
        stage->windows.closed_minute = next;
    }
    if (minute > stage->windows.closed_minute)
        stage->windows.closed_minute = minute;
    if (status != SKY_OK && !error->status)
        *error = (struct sky_error){status, 0, "no memory to count a minute"};
    return status;
}
