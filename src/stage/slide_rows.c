#include "stage/slide_rows.h"

#include <stdlib.h>

#include "base/hash.h"

#define KEPT_MIN 1024

void sky_slide_rows_clean_up(struct sky_slide_rows *rows)
{
    sky_arena_clean_up(&rows->arena);
    sky_index_table_clean_up(&rows->by_id);
    free(rows->top);
    free(rows->kept);
    *rows = (struct sky_slide_rows){0};
}

enum sky_status sky_rows_get(struct sky_reader *reader, struct sky_sliding_row **items, uint32_t *count,
                             uint32_t *capacity)
{
    struct sky_row row;
    for (uint32_t left = sky_number_get(reader); left && sky_reader_ok(reader); left--) {
        if (*count == *capacity) {
            uint32_t grown = *capacity ? *capacity * 2 : 256;
            struct sky_sliding_row *moved = realloc(*items, grown * sizeof *moved);
            if (!moved)
                return SKY_E_MEMORY;
            *items = moved;
            *capacity = grown;
        }
        sky_row_get(reader, &row);
        (*items)[(*count)++] = (struct sky_sliding_row){
            .id = row.id,
            .keyword = row.keyword,
            .language = row.language,
            .kind = row.kind,
            .count = row.count,
            .unique_authors = row.unique_authors,
            .voices = row.unique_authors,
        };
    }
    return SKY_OK;
}

static int by_use(const void *a, const void *b)
{
    return sky_sliding_order_of_use(a, b);
}

uint32_t sky_rows_most_used(struct sky_sliding_row *items, uint32_t count, uint32_t limit)
{
    if (count)
        qsort(items, count, sizeof *items, by_use);
    return count < limit ? count : limit;
}

/* What stands before the rows of one entry. */
static enum sky_status take_head(struct sky_slide_rows *rows, const struct sky_engine_options *options,
                                 struct sky_reader *entry)
{
    uint32_t languages = options->languages_count + 1;
    if (sky_reader_u32(entry) != languages)
        sky_reader_fail(entry, SKY_E_RANGE, "rows of other languages");
    for (uint32_t g = 0; g < languages && sky_reader_ok(entry); g++) {
        uint64_t volume = sky_reader_u64(entry);
        rows->volume[g] += volume;
        rows->volume[languages] += volume;
    }
    return sky_rows_get(entry, &rows->top, &rows->top_count, &rows->top_capacity);
}

static void pass_errors(const struct sky_reader *entry, struct sky_reader *entries)
{
    if (!sky_reader_ok(entry))
        sky_reader_fail(entries, entry->error.status, entry->error.reason);
}

enum sky_status sky_slide_rows_begin(struct sky_slide_rows *rows, const struct sky_engine_options *options,
                                     struct sky_reader *entries)
{
    enum sky_status status = SKY_OK;
    sky_arena_reset(&rows->arena);
    memset(rows->volume, 0, sizeof rows->volume);
    rows->top_count = rows->kept_count = 0;
    rows->rows = 0;
    while (status == SKY_OK && sky_reader_ok(entries) && entries->offset < entries->input.len) {
        struct sky_reader entry;
        sky_reader_init(&entry, sky_reader_blob(entries));
        status = take_head(rows, options, &entry);
        pass_errors(&entry, entries);
    }
    rows->top_count = sky_rows_most_used(rows->top, rows->top_count, options->top_keywords);
    return sky_index_table_reset(&rows->by_id, KEPT_MIN) ? status : SKY_E_MEMORY;
}

static enum sky_status rebuild(struct sky_slide_rows *rows, uint64_t key)
{
    if (!sky_index_table_reset(&rows->by_id, (uint64_t)rows->kept_count * 2))
        return SKY_E_MEMORY;
    for (uint32_t i = 0; i < rows->kept_count; i++)
        sky_index_table_insert(&rows->by_id, sky_hash_slot(rows->kept[i].id, key), i);
    return SKY_OK;
}

static enum sky_status keep(struct sky_slide_rows *rows, const struct sky_row *row, uint64_t key)
{
    if (rows->kept_count == rows->kept_capacity) {
        uint32_t capacity = rows->kept_capacity ? rows->kept_capacity * 2 : KEPT_MIN;
        struct sky_kept_row *kept = realloc(rows->kept, capacity * sizeof *kept);
        if (!kept)
            return SKY_E_MEMORY;
        rows->kept = kept;
        rows->kept_capacity = capacity;
    }
    struct sky_sample_pick *picks = sky_arena_alloc(&rows->arena, row->picks_count * sizeof *picks);
    if (!picks)
        return SKY_E_MEMORY;
    memcpy(picks, row->picks, row->picks_count * sizeof *picks);
    if (sky_index_table_is_full(&rows->by_id) && rebuild(rows, key) != SKY_OK)
        return SKY_E_MEMORY;
    sky_index_table_insert(&rows->by_id, sky_hash_slot(row->id, key), rows->kept_count);
    rows->kept[rows->kept_count++] = (struct sky_kept_row){
        .id = row->id,
        .keyword = row->keyword,
        .language = row->language,
        .count = row->count,
        .unique_authors = row->unique_authors,
        .is_alone = row->flags & SKY_ROW_IS_ALONE,
        .picks = picks,
        .picks_count = row->picks_count,
    };
    return SKY_OK;
}

static enum sky_status take_row(struct sky_slide_rows *rows, const struct sky_engine_options *options,
                                const struct sky_row *row, struct sky_tracker *tracker)
{
    const struct sky_detector_count count = {.id = row->id,
                                             .keyword = row->keyword,
                                             .kind = (uint8_t)row->kind,
                                             .count = row->count,
                                             .voices = row->unique_authors};
    enum sky_status status = SKY_OK;
    uint32_t tag = SKY_SLIDING_TAG_UNKNOWN;
    if (row->flags & SKY_ROW_IS_ALL)
        status = sky_tracker_add_all(tracker, &count, row->spread);
    else
        status = sky_tracker_add(tracker, row->language, &count, &tag);
    if (status == SKY_OK && row->flags & SKY_ROW_IS_ALONE) /* one language is not spread enough to begin */
        status = sky_tracker_add_all(tracker, &count, 1);
    rows->rows += !(row->flags & SKY_ROW_IS_ALL);
    return status == SKY_OK && row->flags & SKY_ROW_HAS_PICKS ? keep(rows, row, options->hash_key) : status;
}

enum sky_status sky_slide_rows_count(struct sky_slide_rows *rows, const struct sky_engine_options *options,
                                     struct sky_reader *entries, struct sky_tracker *tracker)
{
    struct sky_row row;
    enum sky_status status = SKY_OK;
    uint32_t languages = options->languages_count + 1;
    while (status == SKY_OK && sky_reader_ok(entries) && entries->offset < entries->input.len) {
        struct sky_reader entry;
        sky_reader_init(&entry, sky_reader_blob(entries));
        sky_reader_bytes(&entry, 4 + languages * sizeof(uint64_t));
        for (uint32_t left = sky_number_get(&entry); left && sky_reader_ok(&entry); left--)
            sky_row_get(&entry, &row);
        while (status == SKY_OK && sky_reader_ok(&entry) && entry.offset < entry.input.len) {
            sky_row_get(&entry, &row);
            if (row.language > languages || (row.language == languages) != !!(row.flags & SKY_ROW_IS_ALL))
                sky_reader_fail(&entry, SKY_E_RANGE, "a row of a language that the options do not have");
            if (sky_reader_ok(&entry))
                status = take_row(rows, options, &row, tracker);
        }
        pass_errors(&entry, entries);
    }
    return status;
}

const struct sky_kept_row *sky_slide_rows_find(const struct sky_slide_rows *rows,
                                               const struct sky_engine_options *options, uint32_t language,
                                               struct sky_span keyword)
{
    uint64_t id = sky_hash_id(keyword), hash = sky_hash_slot(id, options->hash_key), probe = 0;
    bool is_all = language == options->languages_count + 1;
    uint32_t at;
    while (sky_index_table_next(&rows->by_id, hash, &probe, &at)) {
        const struct sky_kept_row *row = &rows->kept[at];
        if (row->id == id && (row->language == language || (is_all && row->is_alone)))
            return row;
    }
    return NULL;
}
