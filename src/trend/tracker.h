/* tracker.h: the detectors of all languages, and of all languages together, fed from one sliding window.
 *
 * This is what the engine drives: after each sky_sliding_close one sky_tracker_slide gives the ranked trends. Where
 * windows are counted in parts, elsewhere, their rows come in one by one: sky_tracker_begin, _add, _add_all, _end.
 *
 * Memory   owned; a result lives until the next slide or load.
 * Threads  one owner. */
#ifndef SKY_TREND_TRACKER_H
#define SKY_TREND_TRACKER_H

#include "trend/detector.h"
#include "window/sliding.h"

/* A keyword with that many authors in two languages or more is counted as language `*` too. */
#define SKY_TRACKER_SPREAD_AUTHORS 3

struct sky_tracker_options {
    uint32_t languages; /* as the window's; language index `languages` is `*` */
    struct sky_detector_options detector;
    bool rank_recurring; /* trends that come back with the clock are ranked with the others */
};

struct sky_tracker_result {
    const struct sky_trend *on; /* of all languages and `*`, by rank */
    uint32_t on_count;
    const struct sky_trend *recurring; /* on too, but back with the clock (recurrence.h): without a rank, by keyword */
    uint32_t recurring_count;
    const struct sky_trend *ended; /* at this slide, by keyword bytes, then language; recurring ones are left out */
    uint32_t ended_count;
    bool warming_up; /* too young to start a trend */
};

struct sky_tracker;

/* NULL when there is no memory. */
struct sky_tracker *sky_tracker_new(const struct sky_tracker_options *options);
void sky_tracker_free(struct sky_tracker *tracker);

/* The slide whose last minute is the one `window` has just closed. SKY_E_MEMORY: good only for sky_tracker_free. */
SKY_MUST_USE enum sky_status sky_tracker_slide(struct sky_tracker *tracker, struct sky_sliding *window,
                                               struct sky_tracker_result *result);

/* The same in pieces. `minute` as in detector.h; volume[g] is N of language g, volume[languages] their sum. Then each
 * keyword of each language with voices > 0 once, and each keyword once as counted over all languages together (*tag as
 * in detector.h; `spread`: how many languages have SKY_TRACKER_SPREAD_AUTHORS authors), in any order; then the end. */
SKY_MUST_USE enum sky_status sky_tracker_begin(struct sky_tracker *tracker, int64_t minute, const uint64_t *volume);
SKY_MUST_USE enum sky_status sky_tracker_add(struct sky_tracker *tracker, uint32_t language,
                                             const struct sky_detector_count *count, uint32_t *tag);
SKY_MUST_USE enum sky_status sky_tracker_add_all(struct sky_tracker *tracker, const struct sky_detector_count *count,
                                                 uint32_t spread);
SKY_MUST_USE enum sky_status sky_tracker_end(struct sky_tracker *tracker, struct sky_tracker_result *result);

uint64_t sky_tracker_known(const struct sky_tracker *tracker);  /* keywords, over all detectors */
uint32_t sky_tracker_uptime(const struct sky_tracker *tracker); /* minutes of event time processed */
size_t sky_tracker_size_bytes(const struct sky_tracker *tracker);

/* The detector of a language or, for options.languages, of `*`. */
struct sky_detector *sky_tracker_detector(struct sky_tracker *tracker, uint32_t language);

void sky_tracker_save(const struct sky_tracker *tracker, struct sky_buffer *buffer);
void sky_tracker_load(struct sky_tracker *tracker, struct sky_reader *reader); /* into a new tracker */

#endif
