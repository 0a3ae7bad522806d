/* detector.h: the trend detector of one language: counts of a slide in, trends that are on out.
 *
 * docs/TRENDS.md has the formulas; every step of sky_detector_slide names the one it computes.
 *
 * Time     a slide is named by the last minute of its window: minute = window_end / 60,000 - 1, in event time since
 *          1970. Every slide is given, in order, empty ones too. uptime = slides taken before this one.
 * Order    rows of a slide may come in any order; nothing computed depends on it, nor on `hash_key`.
 * Memory   about 80 bytes a known keyword with its text; rows are known from row_authors on and forgotten when they
 *          are off, unseen for a window and their slow baseline is under 0.05. Results live until the next slide.
 * Threads  one owner. */
#ifndef SKY_TREND_DETECTOR_H
#define SKY_TREND_DETECTOR_H

#include "base/buffer.h"
#include "trend/baseline.h"
#include "trend/record.h"

struct sky_detector_options {
    uint32_t min_frequency;  /* 10: mentions */
    uint32_t min_authors;    /* 5 */
    double min_growth;       /* 1.0 */
    double min_z;            /* 5.0 */
    uint32_t row_authors;    /* 3: a keyword is known from that many authors on; 1 keeps every keyword */
    uint32_t window_minutes; /* 10: how long the windows are that are counted; at least 1 */
    bool z_literal;          /* plain z against the last 1,440 windows instead of the model */
    uint64_t hash_key;
};

/* One keyword in the window of the slide. */
struct sky_detector_count {
    uint64_t id; /* sky_hash_id(keyword) */
    struct sky_span keyword;
    uint8_t kind;    /* enum sky_keyword_kind; carried along */
    uint32_t count;  /* x */
    uint32_t voices; /* d */
};

/* A trend as it stands after a slide. */
struct sky_trend {
    uint64_t id; /* sky_hash_id(keyword) */
    struct sky_span keyword;
    uint32_t language; /* set by the tracker; 0 from a detector */
    uint8_t kind;      /* enum sky_keyword_kind */
    enum sky_trend_kind state;
    uint32_t count;  /* x */
    uint32_t voices; /* d */
    uint32_t rank;   /* 1 is first; set by sky_rank, 0 when ended */
    double z;        /* z', rescaled by the null */
    double growth;
    double expected;        /* E_slow */
    double confidence;      /* 1 / (1 + exp(-2.5 (z' - 4.9))) */
    int64_t started_minute; /* slide it started at: started_at = (started_minute + 1) * 60,000 */
};

/* What was computed for one candidate (x >= min_frequency), for tests and explanations. */
struct sky_detector_score {
    struct sky_span keyword;
    uint32_t count;
    uint32_t voices;
    double expected; /* E, the larger of slow and fast */
    double z;        /* z' */
    double z_slow;
    double growth;
    double expected_slow;
};

struct sky_detector_result {
    const struct sky_trend *on; /* started or ongoing, by keyword bytes */
    uint32_t on_count;
    const struct sky_trend *ended; /* at this slide, by keyword bytes */
    uint32_t ended_count;
    const struct sky_detector_score *scores; /* candidates, in no order that may be relied on */
    uint32_t scores_count;
    bool warming_up; /* uptime is under the 12 min hold */
};

struct sky_detector;

/* Minutes of event time before the first start: a window, and two minutes to compare it with. */
static inline uint32_t sky_detector_warm_up_minutes(uint32_t window_minutes)
{
    return window_minutes + 2;
}

/* docs/TRENDS.md's defaults. */
void sky_detector_options_default(struct sky_detector_options *options);

/* NULL when there is no memory. */
struct sky_detector *sky_detector_new(const struct sky_detector_options *options);
void sky_detector_free(struct sky_detector *detector);

/* The tag of a keyword that is known, to give to the sky_detector_add calls to come; UINT32_MAX when it is not. */
uint32_t sky_detector_find(const struct sky_detector *detector, uint64_t id);

/* One slide: begin, then add each keyword with voices > 0 once, then end.
 * `volume` is N of the language in this window. */
SKY_MUST_USE enum sky_status sky_detector_begin(struct sky_detector *detector, int64_t minute, uint64_t volume);

/* Take one count. *tag: 0 not looked up yet, UINT32_MAX known to be unknown, otherwise where the keyword is kept (a
 * hint, checked); it is brought up to date. A keyword that is not known and has fewer voices than row_authors is
 * ignored. */
SKY_MUST_USE enum sky_status sky_detector_add(struct sky_detector *detector, const struct sky_detector_count *count,
                                              uint32_t *tag);

SKY_MUST_USE enum sky_status sky_detector_end(struct sky_detector *detector, struct sky_detector_result *result);

/* The past of one known keyword as of the last finished slide. */
bool sky_detector_baseline(const struct sky_detector *detector, uint64_t id, struct sky_baseline *baseline);

/* Between begin and end: a keyword which sky_detector_add has just made known starts with this past instead of none. */
void sky_detector_seed(struct sky_detector *detector, uint64_t id, const struct sky_baseline *baseline);

uint32_t sky_detector_uptime(const struct sky_detector *detector); /* slides taken, in minutes */
uint64_t sky_detector_known(const struct sky_detector *detector);  /* keywords */
size_t sky_detector_size_bytes(const struct sky_detector *detector);

/* Between slides. Rows are saved by id, so that equal states save equal bytes whatever the hash key. Load goes into a
 * new detector of the same options; errors are in the reader. */
void sky_detector_save(const struct sky_detector *detector, struct sky_buffer *buffer);
void sky_detector_load(struct sky_detector *detector, struct sky_reader *reader);

#endif
