/* keyword_history.h: how often each keyword was seen, slide by slide, for the last 24 hours of event time.
 *
 * Kept for a keyword in a language, not for a trend: what trended twice has one history with two episodes. When there
 * are SKY_HISTORY_KEYWORDS_MAX keywords, the one not seen for longest makes room.
 *
 * Memory   owns everything; what sky_keyword_history_find gives borrows until the next change.
 * Threads  one owner (board.h locks). */
#ifndef SKY_IO_API_KEYWORD_HISTORY_H
#define SKY_IO_API_KEYWORD_HISTORY_H

#include "base/span.h"
#include "base/status.h"
#include "base/time.h"

/* Limits of ours. */
#define SKY_HISTORY_SPAN_MS      SKY_DAY_MS
#define SKY_HISTORY_POINTS_MAX   1440  /* of a keyword: 24 h of one minute */
#define SKY_HISTORY_KEYWORDS_MAX 16384 /* a power of two: also the slots of the table */
#define SKY_HISTORY_EPISODES_MAX 8     /* of a keyword, the last ones */

/* One slide of one keyword. */
struct sky_history_point {
    int64_t window_end_ms;
    uint32_t frequency;
    uint32_t unique_authors;
    uint32_t rank;  /* 0: not a trend then */
    float expected; /* NAN where only the count is known */
    float z_score;  /* likewise */
};

/* One time a keyword trended. */
struct sky_history_episode {
    int64_t started_at_ms;
    int64_t ended_at_ms; /* 0: still on */
    uint32_t peak_frequency;
    uint32_t best_rank;
};

struct sky_history_series {
    struct sky_span keyword;
    struct sky_span language;
    const struct sky_history_point *points; /* oldest first, one for a window at most */
    uint32_t points_count;
    const struct sky_history_episode *episodes; /* oldest first */
    uint32_t episodes_count;
};

struct sky_keyword_history;

/* `hash_key`: randomness, so that a sender cannot choose keywords that fall into one slot. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_keyword_history_new(uint64_t hash_key, struct sky_keyword_history **history);
void sky_keyword_history_free(struct sky_keyword_history *history);
void sky_keyword_history_clear(struct sky_keyword_history *history);

/* A keyword at a slide; a second point for the same or an earlier window is ignored. `started_at_ms` 0: not a trend.
 * Points come in the order of time. Without memory the point is left out: SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_keyword_history_add(struct sky_keyword_history *history, struct sky_span keyword,
                                                     struct sky_span language, const struct sky_history_point *point,
                                                     int64_t started_at_ms);

/* The trend that started then is over. */
void sky_keyword_history_end(struct sky_keyword_history *history, struct sky_span keyword, struct sky_span language,
                             int64_t started_at_ms, int64_t ended_at_ms);

/* Forget what is older than SKY_HISTORY_SPAN_MS at `now_ms`. */
void sky_keyword_history_expire(struct sky_keyword_history *history, int64_t now_ms);

/* False when the keyword was not seen in that language. */
bool sky_keyword_history_find(const struct sky_keyword_history *history, struct sky_span keyword,
                              struct sky_span language, struct sky_history_series *series);

/* Each language it was seen in, the latest seen first, at most `max`; the number found. Walks all keywords. */
uint32_t sky_keyword_history_find_all(const struct sky_keyword_history *history, struct sky_span keyword,
                                      struct sky_history_series *series, uint32_t max);

uint32_t sky_keyword_history_count(const struct sky_keyword_history *history);

#endif
