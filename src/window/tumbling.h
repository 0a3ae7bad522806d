/* tumbling.h: what happened in each 5 minutes: posts, replies, authors, languages, the most used keywords and hashtags
 * (record Activity, docs/RECORDS.md).
 *
 * A window is [k L, (k + 1) L) of event time, L = length_minutes. Posts of the open window come in any order.
 *
 * Memory   owned: the window's posts and keywords, kept for the next window. Records live until the next add or load.
 * Threads  one owner.
 * Trust    keywords are hostile: slots depend on `hash_key`, no record does. */
#ifndef SKY_WINDOW_TUMBLING_H
#define SKY_WINDOW_TUMBLING_H

#include "window/sliding.h"

struct sky_tumbling;

struct sky_tumbling_options {
    uint32_t length_minutes; /* 5; 1 .. SKY_SLIDING_WINDOW_MINUTES_MAX */
    uint32_t languages;      /* as in sliding.h */
    uint32_t top;            /* keywords, and hashtags, in a record at most */
    uint64_t hash_key;
};

struct sky_activity {
    int64_t window_start_minute;
    int64_t window_end_minute; /* exclusive */
    uint64_t posts;            /* replies included */
    uint64_t replies;
    uint64_t unique_authors;
    const uint64_t *by_language;                /* posts, by language index */
    const struct sky_sliding_row *top_keywords; /* words and phrases, most authors first (see sky_sliding_top) */
    uint32_t top_keywords_count;
    const struct sky_sliding_row *top_hashtags;
    uint32_t top_hashtags_count;
};

/* NULL when there is no memory. */
struct sky_tumbling *sky_tumbling_new(const struct sky_tumbling_options *options);
void sky_tumbling_free(struct sky_tumbling *tumbling);

/* Event time has reached the beginning of `minute`: when that ends the open window, *activity is filled and true is
 * returned; call again until false. Windows without a post between two with posts give a record each; none is open
 * before the first. */
bool sky_tumbling_advance(struct sky_tumbling *tumbling, int64_t minute, struct sky_activity *activity);

/* Count a post of `minute`, to which sky_tumbling_advance has been called.
 *   SKY_E_LATE    its window is closed; nothing done
 *   SKY_E_RANGE   its window is not open yet, or no such language; nothing done
 *   SKY_E_MEMORY  good only for sky_tumbling_free */
SKY_MUST_USE enum sky_status sky_tumbling_add(struct sky_tumbling *tumbling, int64_t minute,
                                              const struct sky_sliding_post *post, bool is_reply,
                                              const struct sky_keyword_list *keywords);

/* Whether a post of `minute` can be added now: it is in the open window, or none is open yet. */
bool sky_tumbling_takes(const struct sky_tumbling *tumbling, int64_t minute);

void sky_tumbling_save(const struct sky_tumbling *tumbling, struct sky_buffer *buffer);
void sky_tumbling_load(struct sky_tumbling *tumbling, struct sky_reader *reader); /* into a new one */

#endif
