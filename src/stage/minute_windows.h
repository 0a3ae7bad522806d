/* minute_windows.h: what the stages that count have in common: entries wait until their minute is over, and a sliding
 * window and one of activity are there for as long as they hold posts.
 *
 * Memory   owned. Threads  one owner. */
#ifndef SKY_STAGE_MINUTE_WINDOWS_H
#define SKY_STAGE_MINUTE_WINDOWS_H

#include "engine/options.h"
#include "stage/minutes.h"

#define SKY_NOTHING_CLOSED INT64_MIN

struct sky_minute_windows {
    const struct sky_engine_options *options;
    struct sky_sliding *window;    /* NULL while it would be empty */
    struct sky_tumbling *activity; /* likewise, and when it was not asked for */
    uint64_t activity_posts;       /* in its open window */
    struct sky_minutes waiting;
    int64_t closed_minute; /* the last that is over; SKY_NOTHING_CLOSED */
};

void sky_minute_windows_init(struct sky_minute_windows *windows, const struct sky_engine_options *options);
void sky_minute_windows_clean_up(struct sky_minute_windows *windows);

/* Entries of a minute, to wait. SKY_E_LATE: it is over, nothing done. */
SKY_MUST_USE enum sky_status sky_minute_windows_take(struct sky_minute_windows *windows, int64_t minute,
                                                     struct sky_span entries);

/* The next minute that has something in it: the one after the last while a window holds posts, otherwise the first that
 * something waits for. False: there is none. */
bool sky_minute_windows_next(const struct sky_minute_windows *windows, int64_t *minute);

/* Count a post of `minute`, the one that sky_minute_windows_next has given. */
SKY_MUST_USE enum sky_status sky_minute_windows_add(struct sky_minute_windows *windows, int64_t minute,
                                                    const struct sky_sliding_post *post, bool is_reply,
                                                    const struct sky_keyword_list *keywords);

/* The minute is over: the sliding window ends with it, and is gone when nothing is in it. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_minute_windows_close(struct sky_minute_windows *windows);

/* A window of activity with posts that has ended with `minute`; call until false. */
bool sky_minute_windows_activity(struct sky_minute_windows *windows, int64_t minute, struct sky_activity *activity);

/* The windows and the time; what waits is saved by itself (minutes.h). */
void sky_minute_windows_save(const struct sky_minute_windows *windows, struct sky_buffer *buffer);
void sky_minute_windows_load(struct sky_minute_windows *windows, struct sky_reader *reader); /* into new ones */

#endif
