#include "trend/recurrence.h"

#include <stdlib.h>

#define DAY_MINUTES      1440
#define WEEK_MINUTES     (7 * DAY_MINUTES)
#define DAYS             7
#define WEEKS            4
#define TIMES_BEFORE     2
#define START_SIZE_BYTES 16                  /* in a saved state */
#define MINUTE_MAX       (INT64_MAX / 60000) /* so that differences and milliseconds fit */

struct start {
    uint64_t id;
    int64_t minute;
};

struct sky_recurrence {
    struct start *starts; /* oldest first */
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
    free(recurrence->starts);
    free(recurrence);
}

/* Let go of what is too old; when all the room is taken, of the oldest eighth. */
static void forget(struct sky_recurrence *recurrence, int64_t minute)
{
    uint32_t old = 0;
    while (old < recurrence->count && recurrence->starts[old].minute < minute - SKY_RECURRENCE_KEPT_MINUTES)
        old++;
    if (old < SKY_RECURRENCE_STARTS_MAX / 8 && recurrence->count == SKY_RECURRENCE_STARTS_MAX)
        old = SKY_RECURRENCE_STARTS_MAX / 8;
    if (!old)
        return;
    recurrence->count -= old;
    memmove(recurrence->starts, recurrence->starts + old, recurrence->count * sizeof *recurrence->starts);
}

enum sky_status sky_recurrence_add(struct sky_recurrence *recurrence, uint64_t id, int64_t minute)
{
    forget(recurrence, minute);
    if (recurrence->count == recurrence->capacity) {
        uint32_t capacity = recurrence->capacity ? 2 * recurrence->capacity : 256;
        struct start *starts = realloc(recurrence->starts, capacity * sizeof *starts);
        if (!starts)
            return SKY_E_MEMORY;
        recurrence->starts = starts;
        recurrence->capacity = capacity;
    }
    recurrence->starts[recurrence->count++] = (struct start){id, minute};
    return SKY_OK;
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
        int64_t since_minutes = minute - recurrence->starts[i].minute;
        if (recurrence->starts[i].id != id || since_minutes <= 0)
            continue;
        days |= 1U << period_of(since_minutes, DAY_MINUTES, SKY_RECURRENCE_DAY_MINUTES, DAYS);
        weeks |= 1U << period_of(since_minutes, WEEK_MINUTES, SKY_RECURRENCE_WEEK_MINUTES, WEEKS);
    }
    return __builtin_popcount(days & ~1U) >= TIMES_BEFORE || __builtin_popcount(weeks & ~1U) >= TIMES_BEFORE;
}

size_t sky_recurrence_size_bytes(const struct sky_recurrence *recurrence)
{
    return sizeof *recurrence + recurrence->capacity * sizeof *recurrence->starts;
}

void sky_recurrence_save(const struct sky_recurrence *recurrence, struct sky_buffer *buffer)
{
    sky_buffer_put_u64(buffer, recurrence->count);
    for (uint32_t i = 0; i < recurrence->count; i++) {
        sky_buffer_put_u64(buffer, recurrence->starts[i].id);
        sky_buffer_put_i64(buffer, recurrence->starts[i].minute);
    }
}

void sky_recurrence_load(struct sky_recurrence *recurrence, struct sky_reader *reader)
{
    uint64_t count = sky_reader_count(reader, START_SIZE_BYTES);
    if (count > SKY_RECURRENCE_STARTS_MAX)
        sky_reader_fail(reader, SKY_E_LIMIT, "more starts than are remembered");
    int64_t last = INT64_MIN;
    for (uint64_t i = 0; sky_reader_ok(reader) && i < count; i++) {
        uint64_t id = sky_reader_u64(reader);
        int64_t minute = sky_reader_i64(reader);
        if (minute < last || minute < -MINUTE_MAX || minute > MINUTE_MAX)
            sky_reader_fail(reader, SKY_E_RANGE, "starts out of order");
        else if (sky_reader_ok(reader) && sky_recurrence_add(recurrence, id, minute) != SKY_OK)
            sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the starts of trends");
        last = minute;
    }
}
