/* run_report.h: how `run` is doing: for people (the board's status), for Prometheus (/metrics) and for whoever keeps it
 * running (/healthz, /readyz).
 *
 * Threads  one owner; the API's thread renders what was told last. */
#ifndef SKY_APP_RUN_REPORT_H
#define SKY_APP_RUN_REPORT_H

#include "app/feed.h"
#include "app/run_bus.h"
#include "app/run_letters.h"
#include "engine/engine.h"
#include "io/api/api.h"
#include "ops/config.h"
#include "ops/metrics_source.h"

struct sky_run_report;

SKY_MUST_USE enum sky_status sky_run_report_new(const struct sky_config *config, struct sky_run_report **report);
void sky_run_report_free(struct sky_run_report *report); /* NULL is fine; after sky_api_stop */

/* Let the API answer /healthz, /readyz and /metrics from this report. */
struct sky_health *sky_run_report_health(struct sky_run_report *report);
void sky_run_report_set_probes(struct sky_run_report *report, struct sky_api_options *options);

/* What a report is made from. */
struct sky_run_parts {
    const struct sky_feed *feed;
    const struct sky_decoder *decoder;
    const struct sky_engine *engine;
    struct sky_board *board;
    const struct sky_api *api;             /* NULL: none */
    struct sky_run_bus *bus;               /* NULL: none */
    const struct sky_run_letters *letters; /* NULL: none */
    int64_t event_clock_ms;                /* monotonic clock of the last event */
};

/* Now and then, some times a second: the working thread is alive, and this is where it stands. */
void sky_run_report_update(struct sky_run_report *report, const struct sky_run_parts *parts);

/* Likewise while Kafka is waited for: `problem` says why, "" when nothing is known yet. Of `parts`: board, api. */
void sky_run_report_waiting(struct sky_run_report *report, const struct sky_run_parts *parts, const char *problem);

/* A slide was made, before it is published. Of `parts`: engine, board. */
void sky_run_report_slide(struct sky_run_report *report, const struct sky_run_parts *parts,
                          const struct sky_trend_snapshot *snapshot);

/* It is out. */
void sky_run_report_published(struct sky_run_report *report, const struct sky_trend_snapshot *snapshot,
                              const struct sky_slide_timing *timing);

struct sky_run_checkpoint {
    enum sky_status status;
    double duration_s;
    uint64_t size_bytes;
    const char *message; /* when status is not SKY_OK: why */
};

/* A checkpoint was written, or not: then that is logged too. */
void sky_run_report_checkpoint(struct sky_run_report *report, const struct sky_run_checkpoint *checkpoint);

/* The lake of this process: what it wrote, and what is wrong with it ("": nothing). */
struct sky_lake_local_stats; /* io/lake/lake_local.h */
void sky_run_report_lake(struct sky_run_report *report, const struct sky_lake_local_stats *stats, const char *problem);

/* No checkpoints are made in this run. */
void sky_run_report_no_checkpoint(struct sky_run_report *report);

#endif
