/* detector_state.h: what a detector is made of; for the detector*.c files only.
 *
 * Rows keep their number while they are known; free numbers are reused. A slide's counts are (row, x, d) in `now`; of
 * the slides of one window's length before only (row, d) is kept, for a window enters the baselines when it is as old
 * as it is long: the present one does not overlap it. So a slide touches the rows that are in it and those of the one
 * that long ago, never all. */
#ifndef SKY_TREND_DETECTOR_STATE_H
#define SKY_TREND_DETECTOR_STATE_H

#include "trend/baseline.h"
#include "trend/detector.h"
#include "trend/literal.h"
#include "trend/score.h"
#include "window/index_table.h"

#define DETECTOR_NO_CANDIDATE UINT32_MAX
#define DETECTOR_ROWS_MAX     (UINT32_C(1) << 30)

struct detector_row {
    uint64_t id;
    struct sky_baseline past; /* stored form: times the decay factors of its time */
    uint32_t text_offset;     /* into texts */
    uint32_t last_seen;       /* low bits of the minute of the last slide with d > 0 */
    uint32_t on;              /* 1 + index into `on`, 0 when off */
    uint8_t text_len;
    uint8_t kind;
    bool known; /* false: a free number */
};

struct detector_count { /* of the slide being taken */
    uint32_t row;
    uint32_t count;
    uint32_t voices;
};

struct detector_past_count {
    uint32_t row;
    uint32_t voices;
};

struct detector_slide { /* a slide still to enter the baselines */
    struct detector_past_count *counts;
    uint32_t counts_count;
    uint32_t counts_capacity;
    uint64_t volume;
};

struct detector_candidate {
    uint32_t row;
    uint32_t count;
    uint32_t voices;
    double expected;
    double z; /* rescaled in step 2's end */
    double z_slow;
    double growth;
    double expected_slow;
};

struct detector_on {
    uint32_t row;
    uint32_t candidate; /* of this slide; behind the candidates proper when it has too few mentions */
    int64_t started_minute;
};

struct sky_detector {
    struct sky_detector_options options;
    uint32_t uptime;
    int64_t minute;         /* of the slide being taken, or of the last one */
    int64_t landmark;       /* minute, a multiple of SKY_LANDMARK_MINUTES */
    struct sky_decay decay; /* the factors that stored values stand under: those of the last finished slide */
    struct sky_volume_baseline volume; /* true values; `now` is N */
    uint64_t volume_now;
    struct sky_null null;

    struct detector_row *rows;
    uint32_t rows_count;
    uint32_t rows_capacity;
    uint32_t *free_rows;
    uint32_t free_count;
    uint32_t free_capacity;
    struct sky_index_table table; /* id -> row */
    struct sky_buffer texts;
    size_t texts_garbage; /* bytes of texts that no row names */

    struct detector_count *now;
    uint32_t now_count;
    uint32_t now_capacity;
    struct detector_slide *slides; /* options.window_minutes of them, a ring by uptime */

    struct detector_candidate *candidates;
    uint32_t candidates_count;
    uint32_t candidates_capacity;
    double *values; /* scratch for the null */
    uint32_t values_capacity;
    struct detector_on *on;
    uint32_t on_count;
    uint32_t on_capacity;
    struct sky_literal *literal; /* NULL unless z_literal */

    struct sky_trend *trends; /* the result: first those on, then those ended */
    uint32_t trends_capacity;
    struct sky_detector_score *scores;
    uint32_t scores_capacity;
};

/* The row of `id`, or UINT32_MAX. */
uint32_t detector_row_find(const struct sky_detector *detector, uint64_t id);

/* A new row under a free number; UINT32_MAX when there is no memory. */
uint32_t detector_row_create(struct sky_detector *detector, uint64_t id, struct sky_span keyword, uint8_t kind);

/* Forget rows that are off, in no slide still to enter the baselines, and of no weight. */
SKY_MUST_USE enum sky_status detector_rows_drop(struct sky_detector *detector);

/* Move the landmark to the day of `minute`. */
void detector_landmark_move(struct sky_detector *detector, int64_t minute);

/* Make room for `count` items of `size` bytes; false when there is no memory. */
SKY_MUST_USE bool detector_reserve(void **items, uint32_t *capacity, uint32_t count, size_t size);

/* True values of a row's past. */
static inline void detector_past(const struct sky_detector *detector, const struct detector_row *row,
                                 struct sky_baseline *past)
{
    past->slow = row->past.slow / detector->decay.slow;
    past->fast = row->past.fast / detector->decay.fast;
    past->p = row->past.p / detector->decay.dispersion;
    past->q = row->past.q / detector->decay.dispersion;
}

static inline struct sky_span detector_row_text(const struct sky_detector *detector, uint32_t row)
{
    return sky_span_of(detector->texts.ptr + detector->rows[row].text_offset, detector->rows[row].text_len);
}

#endif
