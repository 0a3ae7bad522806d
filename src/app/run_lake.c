#include "app/run_lake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/source.h"
#include "base/time.h"
#include "io/host/clock.h"
#include "io/lake/lake_local.h"
#include "ops/log.h"

/* Where there are no checkpoints: of the stream's time, and of the clock, which a simulated network leaves behind. */
#define CUT_MS       (5 * SKY_MINUTE_MS)
#define CUT_CLOCK_MS 4000

struct sky_run_lake {
    struct sky_lake_local *local;
    struct sky_run_report *report;
    char folder[PATH_MAX];
    bool failed;          /* the last cut; told once */
    int64_t cut_ms;       /* the stream's time of the next cut */
    int64_t cut_clock_ms; /* not before */
};

static void tell(struct sky_run_lake *lake, const char *problem)
{
    struct sky_lake_local_stats stats;
    sky_lake_local_stats(lake->local, &stats);
    sky_run_report_lake(lake->report, &stats, problem);
}

struct sky_run_lake *sky_run_lake_open(const struct sky_config *config, bool simulated, struct sky_run_report *report)
{
    char problem[SKY_LAKE_PROBLEM_SIZE] = "no memory";
    if (!config->lake.local)
        return NULL;
    struct sky_run_lake *lake = calloc(1, sizeof *lake);
    if (!lake || sky_source_path(config, simulated ? "lake-simulated" : "lake", lake->folder) != SKY_OK) {
        snprintf(problem, sizeof problem, "%.200s: %s", config->data.directory, lake ? strerror(errno) : "no memory");
        free(lake);
        sky_log(SKY_LOG_WARN, "no_lake", SKY_LOG_TEXT("reason", problem));
        return NULL;
    }
    const struct sky_lake_local_options options = {
        .folder = lake->folder,
        .anew = simulated,
        .keep_ms = config->lake.keep_ms,
        .bytes_max = (uint64_t)config->lake.local_bytes,
        .closed_ms = config->lake.compact_after_ms,
        .compacts = config->lake.compact_interval_ms > 0,
    };
    lake->report = report;
    if (sky_lake_local_open(&options, &lake->local, problem) != SKY_OK) {
        const struct sky_lake_local_stats none = {0};
        sky_run_report_lake(report, &none, problem);
        sky_log(SKY_LOG_WARN, "no_lake", SKY_LOG_TEXT("reason", problem));
        free(lake);
        return NULL;
    }
    tell(lake, "");
    return lake;
}

const char *sky_run_lake_folder(const struct sky_run_lake *lake)
{
    return lake->folder;
}

void sky_run_lake_close(struct sky_run_lake *lake)
{
    if (!lake)
        return;
    sky_lake_local_close(lake->local);
    free(lake);
}

void sky_run_lake_post(struct sky_run_lake *lake, const struct sky_post *post)
{
    if (lake)
        sky_lake_local_post(lake->local, post);
}

void sky_run_lake_trends(struct sky_run_lake *lake, const struct sky_trend_snapshot *snapshot)
{
    if (lake)
        sky_lake_local_trends(lake->local, snapshot);
}

void sky_run_lake_activity(struct sky_run_lake *lake, const struct sky_activity_record *activity)
{
    if (lake)
        sky_lake_local_activity(lake->local, activity);
}

void sky_run_lake_sessions(struct sky_run_lake *lake, const struct sky_session *sessions, uint32_t count)
{
    if (lake)
        sky_lake_local_sessions(lake->local, sessions, count);
}

void sky_run_lake_cut(struct sky_run_lake *lake)
{
    if (!lake)
        return;
    bool failed = sky_lake_local_cut(lake->local) != SKY_OK;
    const char *problem = failed ? sky_lake_local_problem(lake->local) : "";
    if (failed && !lake->failed)
        sky_log(SKY_LOG_WARN, "lake_not_written", SKY_LOG_TEXT("reason", problem));
    lake->failed = failed;
    tell(lake, problem);
}

uint64_t sky_run_lake_position(const struct sky_run_lake *lake)
{
    return sky_lake_local_position(lake->local);
}

void sky_run_lake_saved(struct sky_run_lake *lake, int64_t time_ms)
{
    if (lake)
        sky_lake_local_saved(lake->local, time_ms);
}

void sky_run_lake_turn(struct sky_run_lake *lake, int64_t time_ms)
{
    if (!lake || time_ms < lake->cut_ms)
        return;
    int64_t clock_ms = sky_clock_monotonic_ms();
    if (clock_ms < lake->cut_clock_ms)
        return;
    if (lake->cut_ms)
        sky_run_lake_cut(lake);
    lake->cut_ms = time_ms + CUT_MS;
    lake->cut_clock_ms = clock_ms + CUT_CLOCK_MS;
    sky_run_lake_saved(lake, time_ms);
}

void sky_run_lake_resume(struct sky_run_lake *lake, uint64_t position)
{
    uint32_t removed;
    if (!lake)
        return;
    if (sky_lake_local_resume(lake->local, position, &removed) != SKY_OK) { /* each cut tries it again */
        sky_log(SKY_LOG_WARN, "lake_not_cut_back", SKY_LOG_TEXT("reason", sky_lake_local_problem(lake->local)));
        lake->failed = true;
        tell(lake, sky_lake_local_problem(lake->local));
    } else if (removed)
        sky_log(SKY_LOG_INFO, "lake_cut_back", SKY_LOG_INT("files", removed));
}
