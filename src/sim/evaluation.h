/* evaluation.h: scores what a detector displayed against what really happened.
 *
 * The rules. Times are minutes; a window is named by its last minute. Intervals of one keyword that lie at most `gap`
 * apart join into an episode. The event of an episode is the first one of its keyword that it overlaps.
 *   - a burst's first episode that began at or after the onset is a hit; later ones are false alarms
 *   - an episode that began before the burst's onset is a false alarm, and no detection
 *   - bursts below the size that must be found make their episodes neither right nor wrong
 *   - every other episode is a false alarm, counted apart for coordinated copies and for spam by few
 * Asked for are the detectable bursts with an onset in [from, to - margin).
 *
 * Memory   the caller's. Threads  no state. */
#ifndef SKY_SIM_EVALUATION_H
#define SKY_SIM_EVALUATION_H

#include "base/buffer.h"

enum sky_evaluation_kind {
    SKY_EVALUATION_BURST,
    SKY_EVALUATION_BY_FEW,
    SKY_EVALUATION_COORDINATED,
    SKY_EVALUATION_OTHER
};

struct sky_evaluation_event {
    uint32_t keyword;
    enum sky_evaluation_kind kind;
    bool detectable;
    int32_t onset;
    int32_t end;
    /* Set by sky_evaluate: */
    int32_t first;  /* minute the hit began; -1: none */
    int32_t ended;  /* minute the hit's episode ended */
    int32_t starts; /* displays that began during the burst */
};

struct sky_evaluation_interval {
    uint32_t keyword;
    int32_t from;
    int32_t to;
    double confidence; /* claimed at its start */
};

enum sky_evaluation_verdict {
    SKY_EVALUATION_HIT,
    SKY_EVALUATION_FALSE,
    SKY_EVALUATION_NEUTRAL,
    SKY_EVALUATION_OUTSIDE
};

struct sky_evaluation_episode {
    uint32_t keyword;
    int32_t from;
    int32_t to;
    int32_t displays;
    double confidence;                        /* of the first display */
    const struct sky_evaluation_event *event; /* NULL: none */
    enum sky_evaluation_verdict verdict;
};

struct sky_evaluation_rules {
    int32_t from;
    int32_t to;
    int32_t margin; /* 30: a burst needs some time to be found */
    int32_t gap;    /* 20 */
};

struct sky_evaluation {
    uint32_t bursts; /* asked for */
    uint32_t found;  /* of these */
    uint32_t hits;   /* also of those not asked for */
    uint32_t false_alarms;
    uint32_t coordinated; /* of the false alarms */
    uint32_t by_few;
    int64_t false_minutes; /* displayed */
    int64_t starts;        /* of those found */
};

/* Order by keyword, then time: what sky_evaluate needs. */
void sky_evaluation_sort(struct sky_evaluation_interval *intervals, size_t count);

/* Join overlapping intervals of one keyword (rows of several languages); gives the new count. Sorts first. */
size_t sky_evaluation_unite(struct sky_evaluation_interval *intervals, size_t count);

/* What is scored. */
struct sky_evaluation_input {
    const struct sky_evaluation_interval *intervals; /* sorted */
    size_t intervals_count;
    struct sky_evaluation_event *events; /* in any order; of those that fit an episode the first wins */
    size_t events_count;
};

/* `episodes` has room for one for each interval; *episodes_count is set. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_evaluate(const struct sky_evaluation_rules *rules,
                                          const struct sky_evaluation_input *input, struct sky_evaluation *result,
                                          struct sky_evaluation_episode *episodes, size_t *episodes_count);

/* A type-7 quantile (numpy's default); sorts `values`. count > 0. */
double sky_evaluation_quantile(double *values, size_t count, double q);

#endif
