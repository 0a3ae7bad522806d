/* trends_report.h: from what a detector displayed and the truth to the figures of docs/TRENDS.md.
 *
 * Memory   owned by the report. Several trials add up into one report. */
#ifndef SKY_BENCH_TRENDS_REPORT_H
#define SKY_BENCH_TRENDS_REPORT_H

#include "sim/world.h"
#include "trends_log.h"

#define TRENDS_REPORT_BINS 10

struct trends_report_input {
    struct trends_log *log; /* its intervals are changed */
    const struct sky_world_event *events;
    size_t events_count;
    int64_t start_ms;
    int32_t shown_from; /* false trends on the screen are counted from this minute on */
};

/* Of one hour, the unit of the bootstrap. */
struct trends_report_hour {
    uint32_t bursts;
    uint32_t found;
    uint32_t false_alarms;
};

struct trends_report_part {
    uint32_t bursts;
    uint32_t found;
};

struct trends_report {
    struct sky_evaluation sum;
    int64_t scored_minutes;
    struct trends_report_part small; /* peak below 40 */
    struct trends_report_part real;
    uint32_t ended_in_time; /* of those found: off within 30 minutes of the burst's end */
    uint32_t false_background;
    uint32_t false_bots;
    uint32_t false_early; /* began before the onset */
    uint32_t false_again; /* a further start on a burst */
    int64_t shown_false;  /* minutes */
    int64_t shown_minutes;
    int32_t shown_false_max;
    double *latencies;
    size_t latencies_count;
    struct trends_report_hour *hours;
    size_t hours_count;
    struct {
        uint32_t count;
        uint32_t hits;
        double claimed;
    } bins[TRENDS_REPORT_BINS];
};

/* Score one trial. False: no memory. */
bool trends_report_add(struct trends_report *report, const struct sky_evaluation_rules *rules,
                       const struct trends_report_input *input);
void trends_report_print(const struct trends_report *report, const char *detector, bool json);
void trends_report_clean_up(struct trends_report *report);

#endif
