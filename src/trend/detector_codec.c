/* A detector as bytes, between two slides. Rows are saved in the order of their numbers, the free ones left out; all
 * else names them by their place in that order.
 *
 *   u32 uptime  i64 minute  i64 landmark  f64 G_slow  f64 G_fast  f64 median  f64 spread
 *   u64 rows x { u64 id  f64 x 4 past, stored form  u32 last_seen  u8 kind  blob keyword }
 *   10 x { u64 volume  u64 counts x { u32 row  u32 voices } }
 *   u64 on x { u32 row  i64 started_minute }
 *   u8 literal [the history of literal.h] */
#include "trend/detector_state.h"

#include <math.h>
#include <stdlib.h>

#define ROW_HEAD_SIZE_BYTES 49 /* up to and with the blob's length */
#define COUNT_SIZE_BYTES    8
#define ON_SIZE_BYTES       12

static void put_row(const struct sky_detector *detector, uint32_t number, struct sky_buffer *buffer)
{
    const struct detector_row *row = &detector->rows[number];
    sky_buffer_put_u64(buffer, row->id);
    sky_buffer_put_f64(buffer, row->past.slow);
    sky_buffer_put_f64(buffer, row->past.fast);
    sky_buffer_put_f64(buffer, row->past.p);
    sky_buffer_put_f64(buffer, row->past.q);
    sky_buffer_put_u32(buffer, row->last_seen);
    sky_buffer_put_u8(buffer, row->kind);
    sky_buffer_put_blob(buffer, detector_row_text(detector, number));
}

static void put_slide(const struct detector_slide *slide, const uint32_t *numbers, struct sky_buffer *buffer)
{
    sky_buffer_put_u64(buffer, slide->volume);
    sky_buffer_put_u64(buffer, slide->counts_count);
    for (uint32_t i = 0; i < slide->counts_count; i++) {
        sky_buffer_put_u32(buffer, numbers[slide->counts[i].row]);
        sky_buffer_put_u32(buffer, slide->counts[i].voices);
    }
}

static void put_rows(const struct sky_detector *detector, uint32_t *numbers, struct sky_buffer *buffer)
{
    uint32_t known = 0;
    sky_buffer_put_u64(buffer, sky_detector_known(detector));
    for (uint32_t i = 0; i < detector->rows_count; i++) {
        numbers[i] = detector->rows[i].known ? known++ : UINT32_MAX;
        if (detector->rows[i].known)
            put_row(detector, i, buffer);
    }
}

void sky_detector_save(const struct sky_detector *detector, struct sky_buffer *buffer)
{
    uint32_t *numbers = malloc((detector->rows_count + 1) * sizeof *numbers);
    if (!numbers) {
        buffer->failed = true;
        return;
    }
    sky_buffer_put_u32(buffer, detector->uptime);
    sky_buffer_put_i64(buffer, detector->minute);
    sky_buffer_put_i64(buffer, detector->landmark);
    sky_buffer_put_f64(buffer, detector->volume.slow);
    sky_buffer_put_f64(buffer, detector->volume.fast);
    sky_buffer_put_f64(buffer, detector->null.median);
    sky_buffer_put_f64(buffer, detector->null.spread);
    put_rows(detector, numbers, buffer);
    for (uint32_t i = 0; i < detector->options.window_minutes; i++)
        put_slide(&detector->slides[i], numbers, buffer);
    sky_buffer_put_u64(buffer, detector->on_count);
    for (uint32_t i = 0; i < detector->on_count; i++) {
        sky_buffer_put_u32(buffer, numbers[detector->on[i].row]);
        sky_buffer_put_i64(buffer, detector->on[i].started_minute);
    }
    sky_buffer_put_u8(buffer, detector->literal != NULL);
    if (detector->literal)
        sky_literal_save(detector->literal, numbers, detector->rows_count, buffer);
    free(numbers);
}

/* ---- reading back; nothing that is read is trusted ---- */

static double take_finite(struct sky_reader *reader)
{
    double value = sky_reader_f64(reader);
    if (!isfinite(value))
        sky_reader_fail(reader, SKY_E_RANGE, "a number that is not finite");
    return value;
}

static void take_head(struct sky_detector *detector, struct sky_reader *reader)
{
    detector->uptime = sky_reader_u32(reader);
    detector->minute = sky_reader_i64(reader);
    detector->landmark = sky_reader_i64(reader);
    detector->volume.slow = take_finite(reader);
    detector->volume.fast = take_finite(reader);
    detector->null.median = take_finite(reader);
    detector->null.spread = take_finite(reader);
    int64_t into_day = 0;
    if (__builtin_sub_overflow(detector->minute, detector->landmark, &into_day) || detector->volume.slow < 0 ||
        detector->volume.fast < 0 || !(detector->null.spread > 0) ||
        (detector->uptime && (into_day < 0 || into_day >= SKY_LANDMARK_MINUTES)))
        sky_reader_fail(reader, SKY_E_RANGE, "not the state of a detector");
    else
        sky_decay_at(into_day, &detector->decay);
}

static void take_row(struct sky_detector *detector, struct sky_reader *reader)
{
    uint64_t id = sky_reader_u64(reader);
    struct sky_baseline past = {.slow = take_finite(reader)};
    past.fast = take_finite(reader);
    past.p = take_finite(reader);
    past.q = take_finite(reader);
    uint32_t last_seen = sky_reader_u32(reader);
    uint8_t kind = sky_reader_u8(reader);
    struct sky_span keyword = sky_reader_blob(reader);
    if (keyword.len > UINT8_MAX || past.slow < 0 || past.fast < 0 || past.q < 0)
        sky_reader_fail(reader, SKY_E_RANGE, "not a keyword of a detector");
    if (!sky_reader_ok(reader))
        return;
    uint32_t number = detector_row_create(detector, id, keyword, kind);
    if (number == UINT32_MAX) {
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the known keywords");
        return;
    }
    detector->rows[number].past = past;
    detector->rows[number].last_seen = last_seen;
}

static uint32_t take_row_number(const struct sky_detector *detector, struct sky_reader *reader)
{
    uint32_t row = sky_reader_u32(reader);
    if (row >= detector->rows_count)
        sky_reader_fail(reader, SKY_E_RANGE, "a keyword that is not known");
    return row;
}

static void take_slide(struct sky_detector *detector, struct detector_slide *slide, struct sky_reader *reader)
{
    slide->volume = sky_reader_u64(reader);
    uint64_t count = sky_reader_count(reader, COUNT_SIZE_BYTES);
    if (count > detector->rows_count)
        sky_reader_fail(reader, SKY_E_RANGE, "more counts than keywords");
    if (!sky_reader_ok(reader))
        return;
    void *counts = slide->counts;
    if (!detector_reserve(&counts, &slide->counts_capacity, (uint32_t)count, sizeof *slide->counts)) {
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the last slides");
        return;
    }
    slide->counts = counts;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t row = take_row_number(detector, reader);
        slide->counts[i] = (struct detector_past_count){row, sky_reader_u32(reader)};
    }
    slide->counts_count = sky_reader_ok(reader) ? (uint32_t)count : 0;
}

static void take_on(struct sky_detector *detector, struct sky_reader *reader)
{
    uint64_t count = sky_reader_count(reader, ON_SIZE_BYTES);
    void *on = detector->on;
    if (count > detector->rows_count)
        sky_reader_fail(reader, SKY_E_RANGE, "more trends than keywords");
    else if (!detector_reserve(&on, &detector->on_capacity, (uint32_t)count, sizeof *detector->on))
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the trends");
    else
        detector->on = on;
    for (uint64_t i = 0; sky_reader_ok(reader) && i < count; i++) {
        uint32_t row = take_row_number(detector, reader);
        int64_t started_minute = sky_reader_i64(reader), age;
        if (!sky_reader_ok(reader))
            return;
        if (detector->rows[row].on || __builtin_sub_overflow(detector->minute, started_minute, &age)) {
            sky_reader_fail(reader, SKY_E_RANGE, "a trend twice or of no time");
            return;
        }
        detector->on[detector->on_count++] = (struct detector_on){.row = row, .started_minute = started_minute};
        detector->rows[row].on = detector->on_count;
    }
}

void sky_detector_load(struct sky_detector *detector, struct sky_reader *reader)
{
    take_head(detector, reader);
    uint64_t rows = sky_reader_count(reader, ROW_HEAD_SIZE_BYTES);
    if (rows > DETECTOR_ROWS_MAX)
        sky_reader_fail(reader, SKY_E_LIMIT, "more keywords than a detector keeps");
    for (uint64_t i = 0; sky_reader_ok(reader) && i < rows; i++)
        take_row(detector, reader);
    for (uint32_t i = 0; sky_reader_ok(reader) && i < detector->options.window_minutes; i++)
        take_slide(detector, &detector->slides[i], reader);
    if (sky_reader_ok(reader))
        take_on(detector, reader);
    bool literal = sky_reader_u8(reader);
    if (literal != (detector->literal != NULL))
        sky_reader_fail(reader, SKY_E_CONFIG, "a detector of another z_mode");
    else if (literal && sky_reader_ok(reader))
        sky_literal_load(detector->literal, detector->rows_count, reader);
}
