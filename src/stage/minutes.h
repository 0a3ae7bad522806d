/* minutes.h: bytes that wait for their minute to be over.
 *
 * Memory   owned; what sky_minutes_take gives is the caller's to clean up.
 * Threads  one owner. */
#ifndef SKY_STAGE_MINUTES_H
#define SKY_STAGE_MINUTES_H

#include "base/buffer.h"

struct sky_waiting_minute {
    int64_t minute;
    struct sky_buffer bytes;
};

struct sky_minutes {                  /* zeroed before the first use */
    struct sky_waiting_minute *items; /* by minute */
    uint32_t count;
    uint32_t capacity;
};

void sky_minutes_clean_up(struct sky_minutes *minutes);

/* The bytes that wait for a minute, to append to; NULL when there is no memory. Good until the next call. */
struct sky_buffer *sky_minutes_open(struct sky_minutes *minutes, int64_t minute);

/* What waits for `minute`, empty when nothing does; *bytes is the caller's. */
void sky_minutes_take(struct sky_minutes *minutes, int64_t minute, struct sky_buffer *bytes);

void sky_minutes_save(const struct sky_minutes *minutes, struct sky_buffer *buffer);
void sky_minutes_load(struct sky_minutes *minutes, struct sky_reader *reader); /* into none; errors are in the reader */

#endif
