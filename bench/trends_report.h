/* trends_report.h: from what a detector displayed and the truth to the figures of docs/TRENDS.md.
 *
 * Everything is counted by hours, since hours are what the bootstrap draws; a figure is one count over another.
 *
 * Memory   owned by the report. Several trials add up into one report. */
#ifndef SKY_BENCH_TRENDS_REPORT_H
#define SKY_BENCH_TRENDS_REPORT_H

#include "sim/world.h"
#include "trends_log.h"

#define TRENDS_BINS 10 /* of the confidence claimed */

struct trends_report_input {
    struct trends_log *log; /* its intervals are changed */
    const struct sky_world_event *events;
    size_t events_count;
    const struct sky_span *daily; /* the words with an hour of every day of their own */
    uint32_t daily_count;
    int64_t start_ms;
    int32_t shown_from; /* false trends on the screen are counted from this minute on */
    const char *list;   /* print each false alarm and each miss to stderr, under this name; NULL: do not */
};

enum trends_count {
    TRENDS_MINUTES, /* scored */
    TRENDS_BURSTS,  /* asked for */
    TRENDS_FOUND,
    TRENDS_SMALL, /* peak below 40 */
    TRENDS_SMALL_FOUND,
    TRENDS_REAL, /* real onset curves */
    TRENDS_REAL_FOUND,
    TRENDS_STARTS, /* of bursts found */
    TRENDS_ENDED,  /* of bursts found: off within 30 minutes of the burst's end */
    TRENDS_JUDGED, /* episodes right or wrong */
    TRENDS_HITS,
    TRENDS_FALSE,
    TRENDS_APART, /* false alarms that are no coordinated copies */
    TRENDS_COORDINATED,
    TRENDS_SPAM, /* by one to three authors */
    TRENDS_BOTS,
    TRENDS_BACKGROUND,
    TRENDS_EARLY, /* began before the onset */
    TRENDS_AGAIN, /* a further start on a burst */
    TRENDS_SHOWN, /* minutes of false trends on the screen */
    TRENDS_SHOWN_MINUTES,
    TRENDS_DAILY, /* starts of the daily words from the third day on */
    TRENDS_DAILY_MINUTES,
    TRENDS_BIN_JUDGED,
    TRENDS_BIN_HITS = TRENDS_BIN_JUDGED + TRENDS_BINS,
    TRENDS_COUNTS = TRENDS_BIN_HITS + TRENDS_BINS
};

struct trends_report_hour {
    uint32_t counts[TRENDS_COUNTS];
};

struct trends_report_latency {
    uint32_t hour;
    double minutes;
};

struct trends_report {
    struct trends_report_hour *hours;
    size_t hours_count;
    size_t hours_from; /* first hour of the trial being added */
    struct trends_report_latency *latencies;
    size_t latencies_count;
    double claimed[TRENDS_BINS];
    int32_t shown_max;
};

/* Score one trial. False: no memory. */
bool trends_report_add(struct trends_report *report, const struct sky_evaluation_rules *rules,
                       const struct trends_report_input *input);
void trends_report_clean_up(struct trends_report *report);

/* Each figure with its number of events and the interval that 95 % of bootstrap rounds lie in. False: no memory. */
bool trends_report_print(const struct trends_report *report, const char *detector, bool json);

#endif
