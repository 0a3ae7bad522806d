/* The known keywords of a detector: found, made, given a past, forgotten. The slide itself is in detector_slide.c. */
#include "trend/detector_state.h"

#include <assert.h>
#include <stdlib.h>

#define ROWS_MIN            256
#define DROP_SLOW_BELOW     0.05
#define DROP_MINUTE_OF_HOUR 29
#define MINUTES_OF_HOUR     60

void sky_detector_options_default(struct sky_detector_options *options)
{
    *options = (struct sky_detector_options){
        .min_frequency = 10, .min_authors = 5, .min_growth = 1.0, .min_z = 5.0, .row_authors = 3, .window_minutes = 10};
}

struct sky_detector *sky_detector_new(const struct sky_detector_options *options)
{
    struct sky_detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return NULL;
    detector->options = *options;
    detector->null.spread = 1;
    sky_decay_at(0, &detector->decay);
    detector->literal = options->z_literal ? sky_literal_new() : NULL;
    detector->slides = calloc(options->window_minutes, sizeof *detector->slides);
    if (!detector->slides || !sky_index_table_reset(&detector->table, ROWS_MIN) ||
        (options->z_literal && !detector->literal)) {
        sky_detector_free(detector);
        return NULL;
    }
    return detector;
}

void sky_detector_free(struct sky_detector *detector)
{
    if (!detector)
        return;
    sky_index_table_clean_up(&detector->table);
    sky_buffer_clean_up(&detector->texts);
    for (uint32_t i = 0; detector->slides && i < detector->options.window_minutes; i++)
        free(detector->slides[i].counts);
    free(detector->slides);
    free(detector->rows);
    free(detector->free_rows);
    free(detector->now);
    free(detector->candidates);
    free(detector->values);
    free(detector->on);
    free(detector->trends);
    free(detector->scores);
    sky_literal_free(detector->literal);
    free(detector);
}

bool detector_reserve(void **items, uint32_t *capacity, uint32_t count, size_t size)
{
    if (count <= *capacity)
        return true;
    uint64_t grown = (uint64_t)*capacity + *capacity / 2 + 64;
    if (grown < count)
        grown = count;
    void *moved = grown <= DETECTOR_ROWS_MAX ? realloc(*items, grown * size) : NULL;
    if (!moved)
        return false;
    *items = moved;
    *capacity = (uint32_t)grown;
    return true;
}

uint32_t detector_row_find(const struct sky_detector *detector, uint64_t id)
{
    uint64_t hash = sky_hash_slot(id, detector->options.hash_key), probe = 0;
    for (uint32_t at; sky_index_table_next(&detector->table, hash, &probe, &at);)
        if (detector->rows[at].id == id && detector->rows[at].known)
            return at;
    return UINT32_MAX;
}

static bool table_rebuild(struct sky_detector *detector)
{
    uint32_t known = detector->rows_count - detector->free_count;
    if (!sky_index_table_reset(&detector->table, (uint64_t)known + ROWS_MIN))
        return false;
    for (uint32_t i = 0; i < detector->rows_count; i++)
        if (detector->rows[i].known)
            sky_index_table_insert(&detector->table, sky_hash_slot(detector->rows[i].id, detector->options.hash_key),
                                   i);
    return true;
}

uint32_t detector_row_create(struct sky_detector *detector, uint64_t id, struct sky_span keyword, uint8_t kind)
{
    assert(keyword.len <= UINT8_MAX);
    if (sky_index_table_is_full(&detector->table) && !table_rebuild(detector))
        return UINT32_MAX;
    uint32_t at = detector->rows_count;
    if (detector->free_count) {
        at = detector->free_rows[--detector->free_count];
    } else {
        void *rows = detector->rows;
        if (!detector_reserve(&rows, &detector->rows_capacity, at + 1, sizeof *detector->rows))
            return UINT32_MAX;
        detector->rows = rows;
        detector->rows_count++;
    }
    detector->rows[at] = (struct detector_row){.id = id,
                                               .text_offset = (uint32_t)detector->texts.len,
                                               .text_len = (uint8_t)keyword.len,
                                               .kind = kind,
                                               .known = true};
    sky_buffer_put_span(&detector->texts, keyword);
    sky_index_table_insert(&detector->table, sky_hash_slot(id, detector->options.hash_key), at);
    return detector->texts.failed || detector->texts.len > UINT32_MAX ? UINT32_MAX : at;
}

/* ---- forgetting ---- */

static bool texts_compact(struct sky_detector *detector)
{
    struct sky_buffer texts = {0};
    if (!sky_buffer_reserve(&texts, detector->texts.len - detector->texts_garbage))
        return false;
    for (uint32_t i = 0; i < detector->rows_count; i++) {
        struct detector_row *row = &detector->rows[i];
        if (!row->known)
            continue;
        struct sky_span text = detector_row_text(detector, i);
        row->text_offset = (uint32_t)texts.len;
        sky_buffer_put_span(&texts, text);
    }
    sky_buffer_clean_up(&detector->texts);
    detector->texts = texts;
    detector->texts_garbage = 0;
    return true;
}

static bool row_is_stale(const struct sky_detector *detector, uint32_t number)
{
    const struct detector_row *row = &detector->rows[number];
    return row->known && !row->on && (uint32_t)detector->minute - row->last_seen > detector->options.window_minutes &&
           row->past.slow / detector->decay.slow < DROP_SLOW_BELOW &&
           (!detector->literal || sky_literal_is_forgotten(detector->literal, number));
}

enum sky_status detector_rows_drop(struct sky_detector *detector)
{
    uint32_t dropped = 0;
    for (uint32_t i = 0; i < detector->rows_count; i++) {
        if (!row_is_stale(detector, i))
            continue;
        void *numbers = detector->free_rows;
        if (!detector_reserve(&numbers, &detector->free_capacity, detector->free_count + 1, sizeof(uint32_t)))
            return SKY_E_MEMORY;
        detector->free_rows = numbers;
        detector->free_rows[detector->free_count++] = i;
        detector->rows[i].known = false;
        detector->texts_garbage += detector->rows[i].text_len;
        dropped++;
    }
    if (dropped && !table_rebuild(detector))
        return SKY_E_MEMORY;
    if (detector->texts_garbage > detector->texts.len / 4 && !texts_compact(detector))
        return SKY_E_MEMORY;
    return SKY_OK;
}

void detector_landmark_move(struct sky_detector *detector, int64_t minute)
{
    int64_t into_day = minute % SKY_LANDMARK_MINUTES;
    int64_t landmark = minute - into_day - (into_day < 0 ? SKY_LANDMARK_MINUTES : 0);
    if (detector->uptime && landmark != detector->landmark) {
        struct sky_decay moved; /* whole days: powers of two */
        sky_decay_at(landmark - detector->landmark, &moved);
        for (uint32_t i = 0; i < detector->rows_count; i++) {
            struct sky_baseline *past = &detector->rows[i].past;
            past->slow /= moved.slow;
            past->fast /= moved.fast;
            past->p /= moved.dispersion;
            past->q /= moved.dispersion;
        }
        sky_decay_at(detector->minute - landmark, &detector->decay);
    }
    detector->landmark = landmark;
}

/* ---- a slide's counts ---- */

enum sky_status sky_detector_begin(struct sky_detector *detector, int64_t minute, uint64_t volume)
{
    detector_landmark_move(detector, minute);
    if (!detector->uptime)
        sky_decay_at(minute - detector->landmark, &detector->decay);
    detector->minute = minute;
    detector->volume_now = volume;
    detector->now_count = 0;
    int64_t of_hour = minute % MINUTES_OF_HOUR;
    return of_hour == DROP_MINUTE_OF_HOUR ? detector_rows_drop(detector) : SKY_OK;
}

uint32_t sky_detector_find(const struct sky_detector *detector, uint64_t id)
{
    uint32_t row = detector_row_find(detector, id);
    return row == UINT32_MAX ? UINT32_MAX : row + 1;
}

/* The row a tag tells of, or the one the table knows. */
static uint32_t row_of_tag(const struct sky_detector *detector, uint64_t id, uint32_t tag)
{
    if (tag == UINT32_MAX)
        return UINT32_MAX;
    if (tag && tag <= detector->rows_count && detector->rows[tag - 1].id == id && detector->rows[tag - 1].known)
        return tag - 1;
    return detector_row_find(detector, id);
}

enum sky_status sky_detector_add(struct sky_detector *detector, const struct sky_detector_count *count, uint32_t *tag)
{
    uint32_t row = row_of_tag(detector, count->id, *tag);
    if (row == UINT32_MAX) {
        *tag = UINT32_MAX;
        if (count->voices < detector->options.row_authors)
            return SKY_OK;
        row = detector_row_create(detector, count->id, count->keyword, count->kind);
        if (row == UINT32_MAX)
            return SKY_E_MEMORY;
    }
    *tag = row + 1;
    void *now = detector->now;
    if (!detector_reserve(&now, &detector->now_capacity, detector->now_count + 1, sizeof *detector->now))
        return SKY_E_MEMORY;
    detector->now = now;
    detector->now[detector->now_count++] = (struct detector_count){row, count->count, count->voices};
    detector->rows[row].last_seen = (uint32_t)detector->minute;
    return SKY_OK;
}

bool sky_detector_baseline(const struct sky_detector *detector, uint64_t id, struct sky_baseline *baseline)
{
    uint32_t row = detector_row_find(detector, id);
    if (row == UINT32_MAX)
        return false;
    detector_past(detector, &detector->rows[row], baseline);
    return true;
}

void sky_detector_seed(struct sky_detector *detector, uint64_t id, const struct sky_baseline *baseline)
{
    uint32_t row = detector_row_find(detector, id);
    assert(row != UINT32_MAX);
    detector->rows[row].past = (struct sky_baseline){.slow = baseline->slow * detector->decay.slow,
                                                     .fast = baseline->fast * detector->decay.fast,
                                                     .p = baseline->p * detector->decay.dispersion,
                                                     .q = baseline->q * detector->decay.dispersion};
}

uint32_t sky_detector_uptime(const struct sky_detector *detector)
{
    return detector->uptime;
}

uint64_t sky_detector_known(const struct sky_detector *detector)
{
    return detector->rows_count - detector->free_count;
}

size_t sky_detector_size_bytes(const struct sky_detector *detector)
{
    size_t size = sizeof *detector + detector->rows_capacity * sizeof *detector->rows + detector->texts.capacity +
                  (detector->table.mask + 1) * sizeof(struct sky_index_slot) +
                  detector->now_capacity * sizeof *detector->now +
                  detector->candidates_capacity * (sizeof *detector->candidates + sizeof *detector->scores);
    for (uint32_t i = 0; i < detector->options.window_minutes; i++)
        size += detector->slides[i].counts_capacity * sizeof *detector->slides[i].counts;
    return size + (detector->literal ? sky_literal_size_bytes(detector->literal) : 0);
}
