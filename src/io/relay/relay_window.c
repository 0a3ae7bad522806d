#include "io/relay/relay_window.h"

#include <stdlib.h>

#define FRAME_BYTES_TYPICAL_MIN 512 /* one index entry for so many bytes of window */

enum sky_status sky_relay_window_init(struct sky_relay_window *window, uint64_t size_bytes)
{
    *window = (struct sky_relay_window){.size_bytes = size_bytes, .oldest_seq = 1};
    window->entries_max = size_bytes / FRAME_BYTES_TYPICAL_MIN + 1;
    window->bytes = malloc(size_bytes);
    window->entries = malloc(window->entries_max * sizeof *window->entries);
    if (window->bytes && window->entries)
        return SKY_OK;
    sky_relay_window_clean_up(window);
    return SKY_E_MEMORY;
}

void sky_relay_window_clean_up(struct sky_relay_window *window)
{
    free(window->bytes);
    free(window->entries);
    *window = (struct sky_relay_window){0};
}

static struct sky_relay_window_entry *entry_at(const struct sky_relay_window *window, int64_t seq)
{
    return &window->entries[(uint64_t)seq % window->entries_max];
}

enum sky_status sky_relay_window_put(struct sky_relay_window *window, struct sky_span frame)
{
    if (frame.len > window->size_bytes)
        return SKY_E_LIMIT;
    uint64_t place = window->position % window->size_bytes;
    if (place + frame.len > window->size_bytes) { /* no frame is split by the end */
        window->position += window->size_bytes - place;
        place = 0;
    }
    uint64_t end = window->position + frame.len;
    while (window->oldest_seq <= window->newest_seq &&
           (entry_at(window, window->oldest_seq)->position + window->size_bytes < end ||
            (uint64_t)(window->newest_seq - window->oldest_seq) + 1 >= window->entries_max))
        window->oldest_seq++;
    memcpy(window->bytes + place, frame.ptr, frame.len);
    *entry_at(window, ++window->newest_seq) =
        (struct sky_relay_window_entry){.position = window->position, .len = (uint32_t)frame.len};
    window->position = end;
    return SKY_OK;
}

struct sky_span sky_relay_window_get(const struct sky_relay_window *window, int64_t seq)
{
    const struct sky_relay_window_entry *entry = entry_at(window, seq);
    return sky_span_of(window->bytes + entry->position % window->size_bytes, entry->len);
}
