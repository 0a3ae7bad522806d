/* buffer.h: a growing run of bytes that one owner writes to its end.
 *
 * Memory   owns its bytes. Allocation failure is sticky: `failed` is set, later writes do nothing, and whoever
 *          uses the result checks once.
 * The little-endian puts and the sticky sky_reader below are the primitives of checkpoints. */
#ifndef SKY_BASE_BUFFER_H
#define SKY_BASE_BUFFER_H

#include "base/span.h"
#include "base/status.h"

struct sky_buffer {
    uint8_t *ptr;
    size_t len;
    size_t capacity;
    bool failed;
};

void sky_buffer_init(struct sky_buffer *buffer); /* a zeroed buffer is the same */
void sky_buffer_clean_up(struct sky_buffer *buffer);

/* Empty, for other bytes: its room is kept, and a failure before is forgotten. */
static inline void sky_buffer_clear(struct sky_buffer *buffer)
{
    buffer->len = 0;
    buffer->failed = false;
}

bool sky_buffer_grow(struct sky_buffer *buffer, size_t more_bytes);

/* Room for `more_bytes` at the end; false when there is no memory. */
static inline bool sky_buffer_reserve(struct sky_buffer *buffer, size_t more_bytes)
{
    return buffer->capacity - buffer->len >= more_bytes || sky_buffer_grow(buffer, more_bytes);
}

static inline void sky_buffer_put(struct sky_buffer *buffer, const void *ptr, size_t len)
{
    if (len && sky_buffer_reserve(buffer, len)) {
        memcpy(buffer->ptr + buffer->len, ptr, len);
        buffer->len += len;
    }
}

static inline void sky_buffer_put_span(struct sky_buffer *buffer, struct sky_span span)
{
    sky_buffer_put(buffer, span.ptr, span.len);
}

static inline void sky_buffer_put_u8(struct sky_buffer *buffer, uint8_t value)
{
    sky_buffer_put(buffer, &value, 1);
}

void sky_buffer_put_string(struct sky_buffer *buffer, const char *string);
void sky_buffer_printf(struct sky_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Little-endian, fixed width; doubles as their IEEE 754 bits; a blob is u32 length + bytes. */
void sky_buffer_put_u32(struct sky_buffer *buffer, uint32_t value);
void sky_buffer_put_u64(struct sky_buffer *buffer, uint64_t value);
void sky_buffer_put_i64(struct sky_buffer *buffer, int64_t value);
void sky_buffer_put_f64(struct sky_buffer *buffer, double value);
void sky_buffer_put_blob(struct sky_buffer *buffer, struct sky_span span);

/* A blob that is written piece by piece: what is put between begin and end. `end` takes what `begin` gave. */
size_t sky_buffer_begin_blob(struct sky_buffer *buffer);
void sky_buffer_end_blob(struct sky_buffer *buffer, size_t begin);

static inline struct sky_span sky_buffer_span(const struct sky_buffer *buffer)
{
    return sky_span_of(buffer->ptr, buffer->len);
}

/* Reads back what the puts wrote. Sticky: after an error every get gives 0 or an empty span; check `error` once,
 * before the values are trusted for a size or an index. */
struct sky_reader {
    struct sky_span input;
    size_t offset;
    struct sky_error error;
};

void sky_reader_init(struct sky_reader *reader, struct sky_span input);
void sky_reader_fail(struct sky_reader *reader, enum sky_status status, const char *reason);
uint8_t sky_reader_u8(struct sky_reader *reader);
uint32_t sky_reader_u32(struct sky_reader *reader);
uint64_t sky_reader_u64(struct sky_reader *reader);
int64_t sky_reader_i64(struct sky_reader *reader);
double sky_reader_f64(struct sky_reader *reader);
struct sky_span sky_reader_blob(struct sky_reader *reader);              /* borrows the input */
struct sky_span sky_reader_bytes(struct sky_reader *reader, size_t len); /* likewise */

/* A count of items of at least `item_size_bytes` each: fails when the rest of the input cannot hold them, so
 * that the count may be trusted for an allocation. */
uint64_t sky_reader_count(struct sky_reader *reader, size_t item_size_bytes);

static inline bool sky_reader_ok(const struct sky_reader *reader)
{
    return reader->error.status == SKY_OK;
}

#endif
