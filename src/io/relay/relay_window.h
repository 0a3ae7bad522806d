/* relay_window.h: the newest frames of a stream, for clients that come back with a cursor.
 *
 * Memory   owns one run of bytes, written round and round, and an index; frames leave when their place is needed.
 * Threads  one owner. */
#ifndef SKY_IO_RELAY_RELAY_WINDOW_H
#define SKY_IO_RELAY_RELAY_WINDOW_H

#include "base/span.h"
#include "base/status.h"

struct sky_relay_window_entry {
    uint64_t position; /* counts on for ever; modulo size_bytes it is the place in `bytes` */
    uint32_t len;
};

struct sky_relay_window {
    uint8_t *bytes;
    uint64_t size_bytes;
    uint64_t position;                      /* where the next frame goes */
    struct sky_relay_window_entry *entries; /* seq modulo entries_max */
    uint64_t entries_max;
    int64_t oldest_seq; /* newest_seq + 1 when empty */
    int64_t newest_seq;
};

/* The first frame put has seq 1. */
SKY_MUST_USE enum sky_status sky_relay_window_init(struct sky_relay_window *window, uint64_t size_bytes);
void sky_relay_window_clean_up(struct sky_relay_window *window);

/* The next frame, with the seq after the newest. SKY_E_LIMIT: longer than the window. */
SKY_MUST_USE enum sky_status sky_relay_window_put(struct sky_relay_window *window, struct sky_span frame);

/* oldest_seq <= seq <= newest_seq. */
struct sky_span sky_relay_window_get(const struct sky_relay_window *window, int64_t seq);

#endif
