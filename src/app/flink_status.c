#include "app/flink_status.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/flink_submit.h"
#include "base/time.h"
#include "wire/json_write.h"

#define SECOND_MS INT64_C(1000)

/* All there is to tell of one job. */
struct report {
    struct sky_flink_job job;
    struct sky_flink_checkpoints checkpoints;
    struct sky_flink_failure failure;
    struct sky_flink_measures measures;
};

static enum sky_status gather(struct sky_flink_rest *rest, const char *id, struct report *report)
{
    *report = (struct report){0};
    enum sky_status status = sky_flink_look(rest, id, &report->job);
    if (status == SKY_OK)
        status = sky_flink_look_at_checkpoints(rest, id, &report->checkpoints);
    if (status == SKY_E_MISSING && report->job.id[0] && sky_flink_state_is_end(report->job.state))
        status = SKY_OK; /* it failed before it could have any */
    if (status == SKY_OK)
        status = sky_flink_look_at_failure(rest, id, &report->failure);
    if (status == SKY_OK && !sky_flink_state_is_end(report->job.state))
        status = sky_flink_measure(rest, &report->job, &report->measures);
    return status;
}

/* ---- for people ---- */

static const char *const green = "\033[32m", *const red = "\033[31m", *const plain = "\033[0m";

/* "3 d 4 h", "12 m 5 s" */
static void write_duration(int64_t ms, char text[40])
{
    if (ms < 0)
        ms = 0;
    if (ms >= SKY_DAY_MS)
        snprintf(text, 40, "%" PRId64 " d %" PRId64 " h", ms / SKY_DAY_MS, ms % SKY_DAY_MS / SKY_HOUR_MS);
    else if (ms >= SKY_HOUR_MS)
        snprintf(text, 40, "%" PRId64 " h %" PRId64 " m", ms / SKY_HOUR_MS, ms % SKY_HOUR_MS / SKY_MINUTE_MS);
    else if (ms >= SKY_MINUTE_MS)
        snprintf(text, 40, "%" PRId64 " m %" PRId64 " s", ms / SKY_MINUTE_MS, ms % SKY_MINUTE_MS / SECOND_MS);
    else
        snprintf(text, 40, "%" PRId64 " s", ms / SECOND_MS);
}

static void print_head(const struct report *report, const struct sky_flink_status_options *options)
{
    const struct sky_flink_job *job = &report->job;
    char started[SKY_TIME_TEXT_SIZE], uptime[40];
    bool runs = sky_flink_job_runs(job);
    sky_time_format(job->start_ms, started);
    write_duration(job->duration_ms, uptime);
    printf("%s\n", job->name);
    printf("  job         %s\n", job->id);
    printf("  state       %s%s%s for %s, since %s\n", options->colours ? (runs ? green : red) : "",
           sky_flink_state_name(job->state), options->colours ? plain : "", uptime, started);
    if (report->measures.known[SKY_FLINK_RESTARTS])
        printf("  restarts    %.0f\n", report->measures.values[SKY_FLINK_RESTARTS]);
}

static void print_tasks(const struct sky_flink_job *job, bool colours)
{
    printf("  tasks       %" PRId64 " of %" PRId64 " run\n", job->running, job->tasks);
    for (size_t i = 0; i < job->count; i++) {
        const struct sky_flink_vertex *vertex = &job->vertices[i];
        bool runs = vertex->running == vertex->parallelism;
        printf("    %s%3" PRId64 " of %-3" PRId64 " %-12s%s %s\n", colours ? (runs ? green : red) : "", vertex->running,
               vertex->parallelism, vertex->state, colours ? plain : "", vertex->name);
    }
}

static void print_checkpoint(const char *what, const struct sky_flink_checkpoint *checkpoint, int64_t now_ms)
{
    char age[40];
    if (!checkpoint->id)
        return;
    write_duration(now_ms - checkpoint->completed_ms, age);
    printf("  %-11s %" PRId64 ", %s ago, %.1f MB in %.1f s\n", what, checkpoint->id, age,
           (double)checkpoint->size_bytes / 1e6, (double)checkpoint->duration_ms / 1e3);
    if (checkpoint->path[0])
        printf("    %s\n", checkpoint->path);
}

static void print_checkpoints(const struct report *report)
{
    const struct sky_flink_checkpoints *all = &report->checkpoints;
    print_checkpoint("checkpoint", &all->last, report->job.now_ms);
    print_checkpoint("savepoint", &all->savepoint, report->job.now_ms);
    if (!all->last.id && !all->savepoint.id)
        printf("  checkpoint  none yet\n");
    printf("  checkpoints %" PRId64 " complete, %" PRId64 " failed, %" PRId64 " under way\n", all->completed,
           all->failed, all->in_progress);
    if (all->failed_id > all->last.id)
        printf("    the last one failed: %s\n", all->failure);
    if (all->restored[0])
        printf("  went on from %s\n", all->restored);
}

static void print_measures(const struct sky_flink_measures *measures)
{
    static const enum sky_flink_measure shown[] = {
        SKY_FLINK_LAG,    SKY_FLINK_POSTS,   SKY_FLINK_POSTS_LATE,    SKY_FLINK_DEAD_LETTERS,
        SKY_FLINK_SLIDES, SKY_FLINK_RECORDS, SKY_FLINK_ACTIVE_TRENDS, SKY_FLINK_KEYWORDS_IN_WINDOW,
        SKY_FLINK_LATENCY};
    static const char *const labels[SKY_FLINK_MEASURE_COUNT] = {
        [SKY_FLINK_LAG] = "records behind",
        [SKY_FLINK_POSTS] = "records read",
        [SKY_FLINK_POSTS_LATE] = "posts late",
        [SKY_FLINK_DEAD_LETTERS] = "dead letters",
        [SKY_FLINK_SLIDES] = "slides",
        [SKY_FLINK_RECORDS] = "records published",
        [SKY_FLINK_ACTIVE_TRENDS] = "trends on",
        [SKY_FLINK_KEYWORDS_IN_WINDOW] = "keywords in window",
        [SKY_FLINK_LATENCY] = "ms from a minute's end to its trends, 99 %",
    };
    char time[SKY_TIME_TEXT_SIZE];
    if (measures->known[SKY_FLINK_EVENT_TIME]) {
        sky_time_format((int64_t)measures->values[SKY_FLINK_EVENT_TIME], time);
        printf("  event time  %s\n", time);
    }
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (measures->known[shown[i]])
            printf("  %11.0f %s\n", measures->values[shown[i]], labels[shown[i]]);
}

static void print_report(const struct report *report, const struct sky_flink_status_options *options)
{
    char age[40];
    print_head(report, options);
    print_tasks(&report->job, options->colours);
    print_checkpoints(report);
    print_measures(&report->measures);
    if (!report->failure.time_ms)
        return;
    write_duration(report->job.now_ms - report->failure.time_ms, age);
    printf("  last failure, %s ago: %s\n", age, report->failure.reason);
}

/* ---- for programs ---- */

static void write_checkpoint(struct sky_json_writer *json, const char *key,
                             const struct sky_flink_checkpoint *checkpoint, int64_t now_ms)
{
    sky_json_key(json, key);
    if (!checkpoint->id) {
        sky_json_null(json);
        return;
    }
    sky_json_object(json);
    sky_json_key(json, "id");
    sky_json_int(json, checkpoint->id);
    sky_json_key(json, "completed");
    sky_json_time(json, checkpoint->completed_ms);
    sky_json_key(json, "age_ms");
    sky_json_int(json, now_ms - checkpoint->completed_ms);
    sky_json_key(json, "duration_ms");
    sky_json_int(json, checkpoint->duration_ms);
    sky_json_key(json, "size_bytes");
    sky_json_int(json, checkpoint->size_bytes);
    sky_json_key(json, "path");
    sky_json_string(json, checkpoint->path);
    sky_json_end(json);
}

static void write_operators(struct sky_json_writer *json, const struct sky_flink_job *job)
{
    sky_json_key(json, "operators");
    sky_json_array(json);
    for (size_t i = 0; i < job->count; i++) {
        sky_json_object(json);
        sky_json_key(json, "name");
        sky_json_string(json, job->vertices[i].name);
        sky_json_key(json, "state");
        sky_json_string(json, job->vertices[i].state);
        sky_json_key(json, "parallelism");
        sky_json_int(json, job->vertices[i].parallelism);
        sky_json_key(json, "running");
        sky_json_int(json, job->vertices[i].running);
        sky_json_end(json);
    }
    sky_json_end(json);
}

static void write_checkpoints(struct sky_json_writer *json, const struct report *report)
{
    const struct sky_flink_checkpoints *all = &report->checkpoints;
    write_checkpoint(json, "checkpoint", &all->last, report->job.now_ms);
    write_checkpoint(json, "savepoint", &all->savepoint, report->job.now_ms);
    sky_json_key(json, "checkpoints");
    sky_json_object(json);
    sky_json_key(json, "completed");
    sky_json_int(json, all->completed);
    sky_json_key(json, "failed");
    sky_json_int(json, all->failed);
    sky_json_key(json, "in_progress");
    sky_json_int(json, all->in_progress);
    sky_json_end(json);
    sky_json_key(json, "restored_from");
    if (all->restored[0])
        sky_json_string(json, all->restored);
    else
        sky_json_null(json);
}

static void write_rest(struct sky_json_writer *json, const struct report *report)
{
    sky_json_key(json, "failure");
    if (report->failure.time_ms) {
        sky_json_object(json);
        sky_json_key(json, "time");
        sky_json_time(json, report->failure.time_ms);
        sky_json_key(json, "reason");
        sky_json_string(json, report->failure.reason);
        sky_json_end(json);
    } else
        sky_json_null(json);
    sky_json_key(json, "measures");
    sky_json_object(json);
    for (enum sky_flink_measure i = 0; i < SKY_FLINK_MEASURE_COUNT; i++) {
        if (!report->measures.known[i])
            continue;
        sky_json_key(json, sky_flink_measure_name(i));
        sky_json_double(json, report->measures.values[i]);
    }
    sky_json_end(json);
}

static void write_report(struct sky_json_writer *json, const struct report *report)
{
    const struct sky_flink_job *job = &report->job;
    sky_json_object(json);
    sky_json_key(json, "job");
    sky_json_string(json, job->id);
    sky_json_key(json, "state");
    sky_json_string(json, sky_flink_state_name(job->state));
    sky_json_key(json, "start");
    sky_json_time(json, job->start_ms);
    sky_json_key(json, "uptime_ms");
    sky_json_int(json, job->duration_ms);
    sky_json_key(json, "tasks");
    sky_json_int(json, job->tasks);
    sky_json_key(json, "tasks_running");
    sky_json_int(json, job->running);
    write_operators(json, job);
    write_checkpoints(json, report);
    write_rest(json, report);
    sky_json_end(json);
}

/* ---- all ---- */

/* The places of `jobs` that are told of: [*first, *end). */
static enum sky_status choose(const struct sky_flink_jobs *jobs, const char *wanted, size_t *first, size_t *end)
{
    *first = 0;
    *end = jobs->alive ? jobs->alive : jobs->count ? 1 : 0;
    if (!wanted)
        return SKY_OK;
    while (*first < jobs->count && strcmp(jobs->jobs[*first].id, wanted) != 0)
        ++*first;
    *end = *first + 1;
    return *first < jobs->count ? SKY_OK : SKY_E_MISSING;
}

static void print_none(const struct sky_flink_jobs *jobs, const char *url)
{
    if (!jobs->count)
        printf("%s has no job of trend detection: `skytrend flink submit` starts it\n", url);
    else if (!jobs->alive)
        printf("%s runs no job of trend detection; the last one:\n", url);
    else if (jobs->alive > 1)
        printf("%s has %zu jobs of trend detection that disturb each other: cancel all but one\n", url, jobs->alive);
}

enum sky_status sky_flink_status_print(struct sky_flink_rest *rest, const struct sky_flink_status_options *options,
                                       bool *all_run)
{
    struct sky_buffer text = {0};
    struct sky_json_writer json;
    struct sky_flink_jobs jobs;
    struct report report;
    size_t first, end;
    *all_run = false;
    enum sky_status status = sky_flink_find(rest, SKY_FLINK_JOB_NAME, &jobs);
    if (status == SKY_OK)
        status = choose(&jobs, options->job, &first, &end);
    if (status != SKY_OK)
        return status;
    if (!options->json && !options->job)
        print_none(&jobs, sky_flink_rest_url(rest));
    bool run = end == first + 1;
    sky_json_begin(&json, &text);
    sky_json_object(&json);
    sky_json_key(&json, "url");
    sky_json_string(&json, sky_flink_rest_url(rest));
    sky_json_key(&json, "jobs");
    sky_json_array(&json);
    for (size_t i = first; i < end && status == SKY_OK; i++) {
        status = gather(rest, jobs.jobs[i].id, &report);
        if (status != SKY_OK)
            break;
        run = run && sky_flink_job_runs(&report.job);
        write_report(&json, &report);
        if (!options->json)
            print_report(&report, options);
    }
    sky_json_end(&json);
    sky_json_key(&json, "running");
    sky_json_bool(&json, run);
    sky_json_end(&json);
    if (status == SKY_OK && options->json && !text.failed)
        printf("%.*s\n", (int)text.len, (const char *)text.ptr);
    if (text.failed)
        status = SKY_E_MEMORY;
    sky_buffer_clean_up(&text);
    *all_run = run && status == SKY_OK;
    return status;
}
