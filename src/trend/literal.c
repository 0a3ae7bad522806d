#include "trend/literal.h"

#include <math.h>
#include <stdlib.h>

#define DEVIATION_MIN    0.001
#define VARINT_BYTES_MAX 10
#define CHANGE_BYTES_MIN 2

struct literal_row {
    int64_t sum; /* over windows [left_from, entered_from), of the counts and of their squares */
    int64_t squares;
    uint32_t entering; /* count of the windows from entered_from on */
    uint32_t leaving;  /* count of the windows from left_from on */
    uint32_t entered_from;
    uint32_t left_from;
};

/* The changes of one window, as pairs of zigzag varints: row against the pair before, count against the window before.
 */
struct changes {
    struct sky_buffer bytes;
    uint32_t last_row;
};

struct sky_literal {
    uint32_t t;      /* the window begun */
    uint32_t oldest; /* windows before are no longer in the sums: max(0, t - SKY_LITERAL_WINDOWS) */
    struct literal_row *rows;
    uint32_t rows_count;
    struct changes changes[SKY_LITERAL_WINDOWS + 1]; /* ring by window */
};

struct sky_literal *sky_literal_new(void)
{
    return calloc(1, sizeof(struct sky_literal));
}

void sky_literal_free(struct sky_literal *literal)
{
    if (!literal)
        return;
    for (uint32_t i = 0; i <= SKY_LITERAL_WINDOWS; i++)
        sky_buffer_clean_up(&literal->changes[i].bytes);
    free(literal->rows);
    free(literal);
}

static void put_varint(struct sky_buffer *buffer, int64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t len = 0;
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (; rest >= 0x80; rest >>= 7)
        bytes[len++] = (uint8_t)(rest | 0x80);
    bytes[len++] = (uint8_t)rest;
    sky_buffer_put(buffer, bytes, len);
}

/* Bytes of our own making or checked at load: a varint is whole. */
static int64_t take_varint(struct sky_span bytes, size_t *offset)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; *offset < bytes.len && shift < 64; shift += 7) {
        uint8_t byte = bytes.ptr[(*offset)++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static bool rows_reserve(struct sky_literal *literal, uint32_t count)
{
    if (count <= literal->rows_count)
        return true;
    uint32_t grown = literal->rows_count + literal->rows_count / 2 + 1024;
    if (grown < count)
        grown = count;
    struct literal_row *rows = realloc(literal->rows, grown * sizeof *rows);
    if (!rows)
        return false;
    memset(rows + literal->rows_count, 0, (grown - literal->rows_count) * sizeof *rows);
    literal->rows = rows;
    literal->rows_count = grown;
    return true;
}

/* The window whose changes these are leaves the sums next: count what left until then, then change the count. */
static void changes_leave(struct sky_literal *literal, struct changes *changes, uint32_t window)
{
    struct sky_span bytes = sky_buffer_span(&changes->bytes);
    int64_t row = 0;
    for (size_t offset = 0; offset < bytes.len;) {
        row += take_varint(bytes, &offset);
        int64_t change = take_varint(bytes, &offset);
        struct literal_row *at = &literal->rows[row];
        int64_t windows = window - at->left_from, count = at->leaving;
        at->sum -= windows * count;
        at->squares -= windows * count * count;
        at->left_from = window;
        at->leaving = (uint32_t)(count + change);
    }
}

bool sky_literal_begin(struct sky_literal *literal, uint32_t t)
{
    literal->t = t;
    literal->oldest = t > SKY_LITERAL_WINDOWS ? t - SKY_LITERAL_WINDOWS : 0;
    if (t >= SKY_LITERAL_WINDOWS) {
        struct changes *changes = &literal->changes[literal->oldest % (SKY_LITERAL_WINDOWS + 1)];
        changes_leave(literal, changes, literal->oldest);
        sky_buffer_clean_up(&changes->bytes);
    }
    literal->changes[t % (SKY_LITERAL_WINDOWS + 1)].last_row = 0;
    return true;
}

bool sky_literal_note(struct sky_literal *literal, uint32_t row, uint32_t count)
{
    if (!rows_reserve(literal, row + 1))
        return false;
    struct literal_row *at = &literal->rows[row];
    if (at->entering == count)
        return true;
    int64_t windows = literal->t - at->entered_from, before = at->entering;
    at->sum += windows * before;
    at->squares += windows * before * before;
    at->entered_from = literal->t;
    at->entering = count;
    struct changes *changes = &literal->changes[literal->t % (SKY_LITERAL_WINDOWS + 1)];
    put_varint(&changes->bytes, (int64_t)row - changes->last_row);
    put_varint(&changes->bytes, (int64_t)count - before);
    changes->last_row = row;
    return !changes->bytes.failed;
}

void sky_literal_moments(const struct sky_literal *literal, uint32_t row, struct sky_literal_moments *moments)
{
    *moments = (struct sky_literal_moments){0, 1};
    int64_t windows = literal->t - literal->oldest;
    if (!windows || row >= literal->rows_count)
        return;
    const struct literal_row *at = &literal->rows[row];
    int64_t entered = literal->t - at->entered_from, left = literal->oldest - at->left_from;
    int64_t x = at->entering, y = at->leaving;
    double sum = (double)(at->sum + entered * x - left * y);
    double squares = (double)(at->squares + entered * x * x - left * y * y);
    moments->mean = sum / (double)windows;
    double deviation = sqrt(fmax(0, squares / (double)windows - moments->mean * moments->mean));
    moments->deviation = deviation < DEVIATION_MIN ? 1 : deviation;
}

bool sky_literal_is_forgotten(const struct sky_literal *literal, uint32_t row)
{
    if (row >= literal->rows_count)
        return true;
    const struct literal_row *at = &literal->rows[row];
    return !at->entering && !at->leaving && literal->t - at->entered_from > SKY_LITERAL_WINDOWS + 1;
}

size_t sky_literal_size_bytes(const struct sky_literal *literal)
{
    size_t size = sizeof *literal + literal->rows_count * sizeof *literal->rows;
    for (uint32_t i = 0; i <= SKY_LITERAL_WINDOWS; i++)
        size += literal->changes[i].bytes.capacity;
    return size;
}

static void save_changes(const struct changes *changes, const uint32_t *numbers, struct sky_buffer *buffer)
{
    struct sky_span bytes = sky_buffer_span(&changes->bytes);
    struct sky_buffer renumbered = {0};
    int64_t row = 0, last = 0;
    for (size_t offset = 0; offset < bytes.len;) {
        row += take_varint(bytes, &offset);
        int64_t change = take_varint(bytes, &offset);
        put_varint(&renumbered, numbers[row] - last);
        put_varint(&renumbered, change);
        last = numbers[row];
    }
    buffer->failed = buffer->failed || renumbered.failed;
    sky_buffer_put_u32(buffer, (uint32_t)last);
    sky_buffer_put_blob(buffer, sky_buffer_span(&renumbered));
    sky_buffer_clean_up(&renumbered);
}

void sky_literal_save(const struct sky_literal *literal, const uint32_t *numbers, uint32_t count,
                      struct sky_buffer *buffer)
{
    uint32_t rows = literal->rows_count < count ? literal->rows_count : count;
    sky_buffer_put_u32(buffer, literal->t);
    sky_buffer_put_u32(buffer, literal->oldest);
    uint64_t saved = 0;
    for (uint32_t i = 0; i < rows; i++)
        saved += numbers[i] != UINT32_MAX;
    sky_buffer_put_u64(buffer, saved);
    for (uint32_t i = 0; i < rows; i++) {
        const struct literal_row *row = &literal->rows[i];
        if (numbers[i] == UINT32_MAX)
            continue;
        sky_buffer_put_i64(buffer, row->sum);
        sky_buffer_put_i64(buffer, row->squares);
        sky_buffer_put_u32(buffer, row->entering);
        sky_buffer_put_u32(buffer, row->leaving);
        sky_buffer_put_u32(buffer, row->entered_from);
        sky_buffer_put_u32(buffer, row->left_from);
    }
    for (uint32_t i = 0; i <= SKY_LITERAL_WINDOWS; i++)
        save_changes(&literal->changes[i], numbers, buffer);
}

/* Varints must be whole, and rows must exist. */
static bool changes_are_valid(struct sky_span bytes, uint32_t rows)
{
    if (bytes.len && bytes.ptr[bytes.len - 1] >= 0x80)
        return false;
    int64_t row = 0;
    for (size_t offset = 0; offset < bytes.len;) {
        int64_t step = take_varint(bytes, &offset);
        if (offset == bytes.len || step < -(int64_t)UINT32_MAX || step > UINT32_MAX)
            return false;
        row += step;
        int64_t change = take_varint(bytes, &offset);
        if (row < 0 || row >= rows || change < -(int64_t)UINT32_MAX || change > UINT32_MAX)
            return false;
    }
    return true;
}

void sky_literal_load(struct sky_literal *literal, uint32_t rows, struct sky_reader *reader)
{
    literal->t = sky_reader_u32(reader);
    literal->oldest = sky_reader_u32(reader);
    uint64_t count = sky_reader_count(reader, 2 * 8 + 4 * 4);
    if (count > rows)
        sky_reader_fail(reader, SKY_E_RANGE, "a history of keywords that are not known");
    if (!sky_reader_ok(reader))
        return;
    if (!rows_reserve(literal, rows)) {
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the history");
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct literal_row *row = &literal->rows[i];
        row->sum = sky_reader_i64(reader);
        row->squares = sky_reader_i64(reader);
        row->entering = sky_reader_u32(reader);
        row->leaving = sky_reader_u32(reader);
        row->entered_from = sky_reader_u32(reader);
        row->left_from = sky_reader_u32(reader);
    }
    for (uint32_t i = 0; i <= SKY_LITERAL_WINDOWS; i++) {
        literal->changes[i].last_row = sky_reader_u32(reader);
        struct sky_span bytes = sky_reader_blob(reader);
        if (!changes_are_valid(bytes, rows))
            sky_reader_fail(reader, SKY_E_RANGE, "changes of keywords that are not known");
        if (!sky_reader_ok(reader))
            return;
        sky_buffer_put_span(&literal->changes[i].bytes, bytes);
        if (literal->changes[i].bytes.failed)
            sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the history");
    }
}
