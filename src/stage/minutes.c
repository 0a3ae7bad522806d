#include "stage/minutes.h"

#include <stdlib.h>

void sky_minutes_clean_up(struct sky_minutes *minutes)
{
    for (uint32_t i = 0; i < minutes->count; i++)
        sky_buffer_clean_up(&minutes->items[i].bytes);
    free(minutes->items);
    *minutes = (struct sky_minutes){0};
}

/* The place of the first item that is not before `minute`: there are few, and most come at the end. */
static uint32_t place_of(const struct sky_minutes *minutes, int64_t minute)
{
    uint32_t at = minutes->count;
    while (at > 0 && minutes->items[at - 1].minute >= minute)
        at--;
    return at;
}

struct sky_buffer *sky_minutes_open(struct sky_minutes *minutes, int64_t minute)
{
    uint32_t at = place_of(minutes, minute);
    if (at < minutes->count && minutes->items[at].minute == minute)
        return &minutes->items[at].bytes;
    if (minutes->count == minutes->capacity) {
        uint32_t capacity = minutes->capacity ? minutes->capacity * 2 : 4;
        struct sky_waiting_minute *items = realloc(minutes->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        minutes->items = items;
        minutes->capacity = capacity;
    }
    memmove(&minutes->items[at + 1], &minutes->items[at], (minutes->count - at) * sizeof *minutes->items);
    minutes->items[at] = (struct sky_waiting_minute){.minute = minute};
    minutes->count++;
    return &minutes->items[at].bytes;
}

void sky_minutes_take(struct sky_minutes *minutes, int64_t minute, struct sky_buffer *bytes)
{
    uint32_t at = place_of(minutes, minute);
    *bytes = (struct sky_buffer){0};
    if (at == minutes->count || minutes->items[at].minute != minute)
        return;
    *bytes = minutes->items[at].bytes;
    minutes->count--;
    memmove(&minutes->items[at], &minutes->items[at + 1], (minutes->count - at) * sizeof *minutes->items);
}

void sky_minutes_save(const struct sky_minutes *minutes, struct sky_buffer *buffer)
{
    sky_buffer_put_u32(buffer, minutes->count);
    for (uint32_t i = 0; i < minutes->count; i++) {
        sky_buffer_put_i64(buffer, minutes->items[i].minute);
        sky_buffer_put_blob(buffer, sky_buffer_span(&minutes->items[i].bytes));
    }
}

void sky_minutes_load(struct sky_minutes *minutes, struct sky_reader *reader)
{
    for (uint32_t left = sky_reader_u32(reader); left && sky_reader_ok(reader); left--) {
        int64_t minute = sky_reader_i64(reader);
        struct sky_span bytes = sky_reader_blob(reader);
        struct sky_buffer *open = sky_reader_ok(reader) ? sky_minutes_open(minutes, minute) : NULL;
        if (open)
            sky_buffer_put_span(open, bytes);
        if (sky_reader_ok(reader) && (!open || open->failed))
            sky_reader_fail(reader, SKY_E_MEMORY, "no memory for what waits");
    }
}
