#include "trend/recurrence.h"

#include <stdlib.h>

#define DAY_MINUTES     1440
#define WEEK_MINUTES    (7 * DAY_MINUTES)
#define DAYS            7
#define WEEKS           4
#define TIMES_BEFORE    2
#define RISE_SIZE_BYTES 16                  /* in a saved state */
#define MINUTE_MAX      (INT64_MAX / 60000) /* so that differences and milliseconds fit */

struct rise {
    uint64_t id;
    int64_t minute;
};

struct sky_recurrence {
    struct rise *rises; /* oldest first */
    uint32_t count;
    uint32_t capacity;
};

struct sky_recurrence *sky_recurrence_new(void)
{
    return calloc(1, sizeof(struct sky_recurrence));
}

void sky_recurrence_free(struct sky_recurrence *recurrence)
{
    if (!recurrence)
        return;
    free(recurrence->rises);
    free(recurrence);
}

/* Let go of what is too old; when all the room is taken, of the oldest eighth. */
static void forget(struct sky_recurrence *recurrence, int64_t minute)
{
    uint32_t old = 0;
    while (old < recurrence->count && recurrence->rises[old].minute < minute - SKY_RECURRENCE_KEPT_MINUTES)
        old++;
    if (old < SKY_RECURRENCE_RISES_MAX / 8 && recurrence->count == SKY_RECURRENCE_RISES_MAX)
        old = SKY_RECURRENCE_RISES_MAX / 8;
    if (!old)
        return;
    recurrence->count -= old;
    memmove(recurrence->rises, recurrence->rises + old, recurrence->count * sizeof *recurrence->rises);
}

static enum sky_status add(struct sky_recurrence *recurrence, uint64_t id, int64_t minute)
{
    forget(recurrence, minute);
    if (recurrence->count == recurrence->capacity) {
        uint32_t capacity = recurrence->capacity ? 2 * recurrence->capacity : 256;
        struct rise *rises = realloc(recurrence->rises, capacity * sizeof *rises);
        if (!rises)
            return SKY_E_MEMORY;
        recurrence->rises = rises;
        recurrence->capacity = capacity;
    }
    uint32_t at = recurrence->count++; /* of one minute by id: equal states save equal bytes */
    for (; at > 0 && recurrence->rises[at - 1].minute == minute && recurrence->rises[at - 1].id > id; at--)
        recurrence->rises[at] = recurrence->rises[at - 1];
    recurrence->rises[at] = (struct rise){id, minute};
    return SKY_OK;
}

enum sky_status sky_recurrence_note(struct sky_recurrence *recurrence, uint64_t id, int64_t minute)
{
    for (uint32_t i = recurrence->count; i > 0; i--) {
        const struct rise *rise = &recurrence->rises[i - 1];
        if (rise->minute <= minute - SKY_RECURRENCE_APART_MINUTES)
            break;
        if (rise->id == id)
            return SKY_OK;
    }
    return add(recurrence, id, minute);
}

/* Which of the `periods_max` periods before `since_minutes` lies near the end of; 0: none. */
static uint32_t period_of(int64_t since_minutes, int64_t period_minutes, int64_t near_minutes, uint32_t periods_max)
{
    int64_t period = (since_minutes + near_minutes) / period_minutes;
    int64_t off = since_minutes - period * period_minutes;
    return period >= 1 && period <= periods_max && off <= near_minutes ? (uint32_t)period : 0;
}

bool sky_recurrence_is_due(const struct sky_recurrence *recurrence, uint64_t id, int64_t minute)
{
    uint32_t days = 0, weeks = 0; /* bit k: k periods before */
    for (uint32_t i = 0; i < recurrence->count; i++) {
        int64_t since_minutes = minute - recurrence->rises[i].minute;
        if (recurrence->rises[i].id != id || since_minutes <= 0)
            continue;
        days |= 1U << period_of(since_minutes, DAY_MINUTES, SKY_RECURRENCE_DAY_MINUTES, DAYS);
        weeks |= 1U << period_of(since_minutes, WEEK_MINUTES, SKY_RECURRENCE_WEEK_MINUTES, WEEKS);
    }
    return __builtin_popcount(days & ~1U) >= TIMES_BEFORE || __builtin_popcount(weeks & ~1U) >= TIMES_BEFORE;
}

size_t sky_recurrence_size_bytes(const struct sky_recurrence *recurrence)
{
    return sizeof *recurrence + recurrence->capacity * sizeof *recurrence->rises;
}

void sky_recurrence_save(const struct sky_recurrence *recurrence, struct sky_buffer *buffer)
{
    sky_buffer_put_u64(buffer, recurrence->count);
    for (uint32_t i = 0; i < recurrence->count; i++) {
        sky_buffer_put_u64(buffer, recurrence->rises[i].id);
        sky_buffer_put_i64(buffer, recurrence->rises[i].minute);
    }
}

void sky_recurrence_load(struct sky_recurrence *recurrence, struct sky_reader *reader)
{
    uint64_t count = sky_reader_count(reader, RISE_SIZE_BYTES);
    if (count > SKY_RECURRENCE_RISES_MAX)
        sky_reader_fail(reader, SKY_E_LIMIT, "more rises than are remembered");
    int64_t last = INT64_MIN;
    for (uint64_t i = 0; sky_reader_ok(reader) && i < count; i++) {
        uint64_t id = sky_reader_u64(reader);
        int64_t minute = sky_reader_i64(reader);
        if (minute < last || minute < -MINUTE_MAX || minute > MINUTE_MAX)
            sky_reader_fail(reader, SKY_E_RANGE, "rises out of order");
        else if (sky_reader_ok(reader) && add(recurrence, id, minute) != SKY_OK)
            sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the rises of keywords");
        last = minute;
    }
}
