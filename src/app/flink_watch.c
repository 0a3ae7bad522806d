/* The service that keeps one job of trend detection on the cluster.
 *
 *     a job of ours has not ended      look after it: how its tasks are, and which checkpoint is its last
 *     none, and it was ended by hand   leave it so, until somebody submits it or the watch is started again
 *     none, for whatever other reason  submit it, from the checkpoint that is remembered, if there is one
 *
 * Never two: none is submitted while one is there, and each submission has an id of its own, which is written down
 * before it is used. When no answer comes the same id is used again, and the cluster refuses it a second time. */
#include "app/flink_watch.h"

#include <string.h>

#include "app/flink_memory.h"
#include "app/flink_newest.h"
#include "app/flink_submit.h"
#include "app/service.h"
#include "io/host/clock.h"
#include "ops/log.h"
#include "ops/signal.h"

#define DEFAULT_PORT   9105
#define TURN_MS        1000
#define MEASURE_MS     5000
#define GRACE_MS       3000 /* a JobManager that has just come back may still be finding its jobs */
#define BACKOFF_MS_MIN 1000
#define BACKOFF_MS_MAX 300000
#define STALE_MS                                                                                                       \
    5000 /* what a cluster tells of checkpoints may be 3 s old: rest.cache.checkpoint-statistics.timeout               \
          */
#define SAVEPOINT_MS 30000 /* likewise, where somebody has set it to more: a job that has finished has a savepoint */
#define STEADY_MS    60000 /* a job whose tasks have run for so long begins the back-off anew */

struct watch {
    struct sky_service service;
    const struct sky_config *config;
    struct sky_flink_rest *rest;
    struct sky_flink_memory memory;
    struct sky_flink_job job; /* looked at last */
    bool allow_non_restored;
    int64_t absent_since_ms; /* of the monotonic clock, as all here; 0: there is a job, or it is not known */
    int64_t next_attempt_ms;
    int64_t backoff_ms;
    int64_t runs_since_ms; /* 0: not all its tasks run */
    int64_t measured_ms;
    char ended[SKY_FLINK_ID_SIZE];        /* a job whose end has been taken note of */
    int64_t ended_since_ms;               /* when its end was seen first; 0: it was not */
    bool has_seen;                        /* a job that had not ended: should it end by hand, so it shall be */
    char problem[SKY_HEALTH_DETAIL_SIZE]; /* of the cluster, told last */
};

/* ---- telling ---- */

static void set_job(struct watch *watch, enum sky_health_state state, const char *detail)
{
    sky_health_set(watch->service.health, SKY_DEPENDENCY_JOB, state, detail);
}

/* Once for each new text. */
static void tell_cluster(struct watch *watch, const char *problem)
{
    char shown[SKY_HEALTH_DETAIL_SIZE];
    snprintf(shown, sizeof shown, "%s", problem);
    sky_health_set(watch->service.health, SKY_DEPENDENCY_FLINK, *problem ? SKY_HEALTH_FAILED : SKY_HEALTH_OK, problem);
    if (strcmp(shown, watch->problem) == 0)
        return;
    if (*problem)
        sky_log(SKY_LOG_WARN, "flink_problem", SKY_LOG_TEXT("reason", problem));
    else
        sky_log(SKY_LOG_INFO, "flink_recovered", SKY_LOG_TEXT("url", sky_flink_rest_url(watch->rest)));
    snprintf(watch->problem, sizeof watch->problem, "%s", shown);
}

static void tell_checkpoints(struct watch *watch, const struct sky_flink_checkpoints *all)
{
    struct sky_metrics *metrics = watch->service.metrics;
    sky_metric_set_total(metrics, SKY_METRIC_CHECKPOINTS, SKY_METRIC_CHECKPOINT_OK, (uint64_t)all->completed);
    sky_metric_set_total(metrics, SKY_METRIC_CHECKPOINTS, SKY_METRIC_CHECKPOINT_FAILED, (uint64_t)all->failed);
    bool fails = all->failed_id > all->last.id;
    sky_health_set(watch->service.health, SKY_DEPENDENCY_CHECKPOINT,
                   fails          ? SKY_HEALTH_DEGRADED
                   : all->last.id ? SKY_HEALTH_OK
                                  : SKY_HEALTH_STARTING,
                   fails ? all->failure : all->last.path);
    if (!all->last.id)
        return;
    sky_metric_set(metrics, SKY_METRIC_CHECKPOINT_SIZE, 0, (double)all->last.size_bytes);
    sky_metric_set(metrics, SKY_METRIC_CHECKPOINT_TIME, 0, (double)all->last.completed_ms / 1e3);
}

static void take_gauge(struct watch *watch, const struct sky_flink_measures *from, enum sky_flink_measure measure,
                       enum sky_metric metric, double unit)
{
    if (from->known[measure])
        sky_metric_set(watch->service.metrics, metric, 0, from->values[measure] / unit);
}

static void take_total(struct watch *watch, const struct sky_flink_measures *from, enum sky_flink_measure measure,
                       enum sky_metric metric)
{
    if (from->known[measure] && from->values[measure] >= 0)
        sky_metric_set_total(watch->service.metrics, metric, 0, (uint64_t)from->values[measure]);
}

static void tell_measures(struct watch *watch, const struct sky_flink_measures *all)
{
    take_total(watch, all, SKY_FLINK_POSTS, SKY_METRIC_POSTS_PROCESSED);
    take_total(watch, all, SKY_FLINK_SLIDES, SKY_METRIC_SLIDES);
    take_total(watch, all, SKY_FLINK_RESTARTS, SKY_METRIC_FLINK_RESTARTS);
    take_total(watch, all, SKY_FLINK_POSTS_LATE, SKY_METRIC_FLINK_POSTS_LATE);
    take_total(watch, all, SKY_FLINK_DEAD_LETTERS, SKY_METRIC_FLINK_DEAD_LETTERS);
    take_total(watch, all, SKY_FLINK_RECORDS, SKY_METRIC_FLINK_RECORDS);
    take_gauge(watch, all, SKY_FLINK_LAG, SKY_METRIC_KAFKA_CONSUMER_LAG, 1);
    take_gauge(watch, all, SKY_FLINK_EVENT_TIME, SKY_METRIC_EVENT_TIME, 1e3);
    take_gauge(watch, all, SKY_FLINK_FRESHNESS, SKY_METRIC_FRESHNESS, 1);
    take_gauge(watch, all, SKY_FLINK_ACTIVE_TRENDS, SKY_METRIC_ACTIVE_TRENDS, 1);
    take_gauge(watch, all, SKY_FLINK_LATENCY, SKY_METRIC_FLINK_LATENCY, 1e3);
    if (all->known[SKY_FLINK_KEYWORDS_KNOWN])
        sky_metric_set(watch->service.metrics, SKY_METRIC_KEYWORDS, SKY_METRIC_KEYWORDS_KNOWN,
                       all->values[SKY_FLINK_KEYWORDS_KNOWN]);
    if (all->known[SKY_FLINK_KEYWORDS_IN_WINDOW])
        sky_metric_set(watch->service.metrics, SKY_METRIC_KEYWORDS, SKY_METRIC_KEYWORDS_IN_WINDOW,
                       all->values[SKY_FLINK_KEYWORDS_IN_WINDOW]);
}

static void tell_tasks(struct watch *watch, int64_t running, int64_t all)
{
    sky_metric_set(watch->service.metrics, SKY_METRIC_FLINK_TASKS, SKY_METRIC_TASKS_RUNNING, (double)running);
    sky_metric_set(watch->service.metrics, SKY_METRIC_FLINK_TASKS, SKY_METRIC_TASKS_OTHER, (double)(all - running));
}

/* ---- remembering ---- */

static bool save(struct watch *watch)
{
    char message[SKY_FLINK_MEMORY_MESSAGE_SIZE];
    if (sky_flink_memory_save(&watch->memory, message) == SKY_OK)
        return true;
    sky_log(SKY_LOG_ERROR, "flink_state_not_kept", SKY_LOG_TEXT("reason", message));
    sky_health_set(watch->service.health, SKY_DEPENDENCY_CHECKPOINT, SKY_HEALTH_DEGRADED, message);
    return false;
}

/* One that is kept outside and is not the one remembered; false: nothing is new. */
static bool remember(struct watch *watch, const struct sky_flink_checkpoint *checkpoint)
{
    if (!checkpoint->path[0] || strcmp(checkpoint->path, watch->memory.checkpoint.path) == 0)
        return false;
    watch->memory.checkpoint.id = checkpoint->id;
    watch->memory.checkpoint.completed_ms = checkpoint->completed_ms;
    snprintf(watch->memory.checkpoint.path, sizeof watch->memory.checkpoint.path, "%s", checkpoint->path);
    return true;
}

/* ---- a job that is there ---- */

/* It is the one from now on. */
static void adopt(struct watch *watch, const char *id)
{
    snprintf(watch->memory.job, sizeof watch->memory.job, "%s", id);
    watch->memory.submitting[0] = 0;
    watch->memory.stopped = false;
    save(watch);
}

static void judge_tasks(struct watch *watch, const struct sky_flink_jobs *jobs)
{
    const struct sky_flink_job *job = &watch->job;
    struct sky_flink_failure failure = {0};
    char detail[SKY_FLINK_REASON_SIZE + 128];
    int64_t now_ms = sky_clock_monotonic_ms();
    tell_tasks(watch, job->running, job->tasks);
    if (!sky_flink_job_runs(job)) {
        watch->runs_since_ms = 0;
        enum sky_status status = sky_flink_look_at_failure(watch->rest, job->id, &failure);
        bool failed = status == SKY_OK && failure.time_ms;
        snprintf(detail, sizeof detail, "%s: %lld of %lld tasks run%s%s", sky_flink_state_name(job->state),
                 (long long)job->running, (long long)job->tasks, failed ? "; last failure: " : "", failure.reason);
        set_job(watch, failed ? SKY_HEALTH_FAILED : SKY_HEALTH_STARTING, detail);
        return;
    }
    if (!watch->runs_since_ms) {
        watch->runs_since_ms = now_ms;
        sky_log(SKY_LOG_INFO, "flink_job_runs", SKY_LOG_TEXT("job", job->id), SKY_LOG_INT("tasks", job->tasks));
    }
    if (now_ms - watch->runs_since_ms >= STEADY_MS)
        watch->backoff_ms = BACKOFF_MS_MIN;
    snprintf(detail, sizeof detail, "%zu jobs of trend detection disturb each other: cancel all but one", jobs->alive);
    set_job(watch, jobs->alive > 1 ? SKY_HEALTH_DEGRADED : SKY_HEALTH_OK, jobs->alive > 1 ? detail : job->id);
}

static void look_after(struct watch *watch, const struct sky_flink_jobs *jobs)
{
    const char *id = jobs->jobs[0].id;
    struct sky_flink_checkpoints checkpoints;
    struct sky_flink_measures measures;
    int64_t now_ms = sky_clock_monotonic_ms();
    watch->absent_since_ms = watch->ended_since_ms = 0;
    watch->has_seen = true;
    if (sky_flink_look(watch->rest, id, &watch->job) != SKY_OK)
        return;
    if (strcmp(watch->memory.job, id) != 0 || watch->memory.submitting[0] || watch->memory.stopped) {
        sky_log(SKY_LOG_INFO, "flink_job_found", SKY_LOG_TEXT("job", id));
        adopt(watch, id);
    }
    if (sky_flink_look_at_checkpoints(watch->rest, id, &checkpoints) == SKY_OK) {
        tell_checkpoints(watch, &checkpoints);
        if (remember(watch, &checkpoints.last))
            save(watch);
    }
    judge_tasks(watch, jobs);
    if (now_ms - watch->measured_ms < MEASURE_MS)
        return;
    watch->measured_ms = now_ms;
    if (sky_flink_measure(watch->rest, &watch->job, &measures) == SKY_OK)
        tell_measures(watch, &measures);
}

/* ---- a job that is not there any more ---- */

/* The last word of a job that has ended: the savepoint with which a person stopped it, or its last checkpoint. */
static void take_note(struct watch *watch, const struct sky_flink_summary *job)
{
    struct sky_flink_checkpoints checkpoints;
    struct sky_flink_failure failure = {0};
    int64_t now_ms = sky_clock_monotonic_ms();
    if (strcmp(watch->ended, job->id) == 0)
        return;
    if (!watch->ended_since_ms)
        watch->ended_since_ms = now_ms;
    if (now_ms - watch->ended_since_ms < STALE_MS)
        return;
    enum sky_status status = sky_flink_look_at_checkpoints(watch->rest, job->id, &checkpoints);
    if (status == SKY_E_MISSING) /* it failed before it could have any */
        checkpoints = (struct sky_flink_checkpoints){0};
    else if (status != SKY_OK)
        return; /* again in the next turn */
    if (job->state == SKY_FLINK_FAILED && sky_flink_look_at_failure(watch->rest, job->id, &failure) != SKY_OK)
        return;
    bool by_savepoint = job->state == SKY_FLINK_FINISHED && checkpoints.savepoint.id > checkpoints.last.id;
    if (job->state == SKY_FLINK_FINISHED && !by_savepoint && now_ms - watch->ended_since_ms < SAVEPOINT_MS)
        return;
    snprintf(watch->ended, sizeof watch->ended, "%s", job->id);
    watch->ended_since_ms = 0;
    remember(watch, by_savepoint ? &checkpoints.savepoint : &checkpoints.last);
    watch->memory.stopped = job->state != SKY_FLINK_FAILED && watch->has_seen;
    save(watch);
    sky_log(watch->memory.stopped ? SKY_LOG_INFO : SKY_LOG_WARN,
            watch->memory.stopped ? "flink_job_stopped" : "flink_job_ended", SKY_LOG_TEXT("job", job->id),
            SKY_LOG_TEXT("state", sky_flink_state_name(job->state)), SKY_LOG_TEXT("reason", failure.reason),
            SKY_LOG_TEXT("checkpoint", watch->memory.checkpoint.path));
}

static bool has_noted(const struct watch *watch, const struct sky_flink_jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++)
        if (strcmp(jobs->jobs[i].id, watch->memory.job) == 0)
            return strcmp(watch->ended, watch->memory.job) == 0;
    return true; /* the cluster does not know it any more */
}

static void wait_longer(struct watch *watch)
{
    watch->next_attempt_ms = sky_clock_monotonic_ms() + watch->backoff_ms;
    watch->backoff_ms = watch->backoff_ms < BACKOFF_MS_MAX / 2 ? watch->backoff_ms * 2 : BACKOFF_MS_MAX;
}

static void tell_not_submitted(struct watch *watch, const char *message)
{
    char detail[SKY_FLINK_MESSAGE_SIZE + SKY_FLINK_PATH_SIZE + 128];
    const char *path = watch->memory.checkpoint.path;
    if (*path)
        snprintf(detail, sizeof detail, "not begun; it is to go on from %s (--reset-state begins from nothing): %s",
                 path, message);
    else
        snprintf(detail, sizeof detail, "not begun: %s", message);
    set_job(watch, SKY_HEALTH_FAILED, detail);
    sky_metric_add(watch->service.metrics, SKY_METRIC_FLINK_SUBMISSIONS, SKY_METRIC_SUBMISSION_FAILED, 1);
    sky_log(SKY_LOG_WARN, "flink_job_not_submitted", SKY_LOG_TEXT("reason", message), SKY_LOG_TEXT("checkpoint", path),
            SKY_LOG_TEXT("hint", *path ? "--reset-state begins from nothing" : ""),
            SKY_LOG_INT("next_ms", watch->next_attempt_ms - sky_clock_monotonic_ms()));
}

/* The one to go on from; false: that cannot be said now. */
static bool find_newest(struct watch *watch)
{
    char path[SKY_FLINK_PATH_SIZE], message[SKY_FLINK_MESSAGE_SIZE];
    snprintf(path, sizeof path, "%s", watch->memory.checkpoint.path);
    if (sky_flink_newest_checkpoint(watch->config, watch->memory.job, path, message) != SKY_OK) {
        wait_longer(watch);
        tell_not_submitted(watch, message);
        return false;
    }
    if (strcmp(path, watch->memory.checkpoint.path) == 0)
        return true;
    sky_log(SKY_LOG_INFO, "flink_checkpoint_newer", SKY_LOG_TEXT("known", watch->memory.checkpoint.path),
            SKY_LOG_TEXT("checkpoint", path));
    watch->memory.checkpoint.id = sky_flink_checkpoint_number(strrchr(path, '/') + 1);
    snprintf(watch->memory.checkpoint.path, sizeof watch->memory.checkpoint.path, "%s", path);
    return true;
}

static void submit(struct watch *watch)
{
    char id[SKY_FLINK_ID_SIZE], message[SKY_FLINK_MESSAGE_SIZE];
    bool is_known;
    if (!find_newest(watch))
        return;
    if (!watch->memory.submitting[0])
        sky_flink_make_id(watch->memory.submitting);
    if (!save(watch)) { /* what cannot be written down is not done */
        watch->memory.submitting[0] = 0;
        set_job(watch, SKY_HEALTH_FAILED, "data.directory cannot be written to: nothing is submitted");
        wait_longer(watch);
        return;
    }
    set_job(watch, SKY_HEALTH_STARTING, "submitting");
    const struct sky_flink_submission submission = {.config = watch->config,
                                                    .savepoint = watch->memory.checkpoint.path,
                                                    .job_id = watch->memory.submitting,
                                                    .allow_non_restored = watch->allow_non_restored};
    enum sky_status status = sky_flink_submit(watch->rest, &submission, id, &is_known, message);
    wait_longer(watch);
    if (status != SKY_OK) {
        if (is_known)
            watch->memory.submitting[0] = 0;
        save(watch);
        tell_not_submitted(watch, message);
        return;
    }
    sky_metric_add(watch->service.metrics, SKY_METRIC_FLINK_SUBMISSIONS, SKY_METRIC_SUBMITTED, 1);
    sky_log(SKY_LOG_INFO, "flink_job_submitted", SKY_LOG_TEXT("job", id),
            SKY_LOG_TEXT("checkpoint", watch->memory.checkpoint.path));
    watch->absent_since_ms = 0;
    adopt(watch, id);
}

static void do_without(struct watch *watch, const struct sky_flink_jobs *jobs)
{
    char detail[SKY_FLINK_PATH_SIZE + 160];
    int64_t now_ms = sky_clock_monotonic_ms();
    watch->runs_since_ms = 0;
    tell_tasks(watch, 0, 0);
    for (size_t i = 0; i < jobs->count; i++)
        if (strcmp(jobs->jobs[i].id, watch->memory.job) == 0)
            take_note(watch, &jobs->jobs[i]);
    if (!has_noted(watch, jobs))
        return;
    if (watch->memory.stopped) {
        snprintf(detail, sizeof detail,
                 "ended by hand: `flink submit --from-savepoint %s` or a new start of `watch` goes on",
                 watch->memory.checkpoint.path);
        set_job(watch, SKY_HEALTH_FAILED, detail);
        return;
    }
    if (!watch->absent_since_ms)
        watch->absent_since_ms = now_ms;
    if (now_ms - watch->absent_since_ms >= GRACE_MS && now_ms >= watch->next_attempt_ms)
        submit(watch);
}

/* ---- the service ---- */

static void turn(struct watch *watch)
{
    struct sky_flink_jobs jobs;
    enum sky_status status = sky_flink_find(watch->rest, SKY_FLINK_JOB_NAME, &jobs);
    if (sky_signal_requested())
        return; /* it may have been stopped by that */
    tell_cluster(watch, status == SKY_OK ? "" : sky_flink_rest_problem(watch->rest));
    if (status != SKY_OK) {
        watch->absent_since_ms = watch->runs_since_ms = 0;
        set_job(watch, SKY_HEALTH_FAILED, "not known: the cluster does not answer");
        tell_tasks(watch, 0, 0);
        return;
    }
    sky_metric_set(watch->service.metrics, SKY_METRIC_FLINK_JOBS, 0, (double)jobs.alive);
    if (jobs.alive)
        look_after(watch, &jobs);
    else
        do_without(watch, &jobs);
}

/* A request may take minutes: the service lives meanwhile, and a signal ends it. */
static bool goes_on(void *context)
{
    struct watch *watch = context;
    return sky_service_goes_on(&watch->service);
}

static int open_all(struct watch *watch, const struct sky_invocation *invocation)
{
    char message[SKY_FLINK_MEMORY_MESSAGE_SIZE], problem[SKY_FLINK_PROBLEM_SIZE];
    struct sky_flink_options rest;
    bool reset = sky_options_bool(&invocation->options, "reset-state");
    sky_flink_rest_options(watch->config, &rest);
    rest.goes_on = goes_on;
    rest.context = watch;
    if (sky_flink_rest_new(&rest, &watch->rest, problem) != SKY_OK)
        return sky_command_usage_error(invocation->command, problem);
    if (sky_flink_memory_open(watch->config->data.directory, reset, &watch->memory, message) != SKY_OK)
        return sky_service_fail(&watch->service, "the state of `watch`", message);
    watch->memory.stopped = false; /* who starts the watch wants the job to run */
    if (watch->memory.job[0])
        sky_log(SKY_LOG_INFO, "flink_state_found", SKY_LOG_TEXT("job", watch->memory.job),
                SKY_LOG_TEXT("checkpoint", watch->memory.checkpoint.path));
    return SKY_EXIT_OK;
}

int sky_flink_watch(const struct sky_invocation *invocation)
{
    struct watch watch = {.config = invocation->config,
                          .memory.lock = -1,
                          .backoff_ms = BACKOFF_MS_MIN,
                          .allow_non_restored = sky_options_bool(&invocation->options, "allow-non-restored")};
    char message[SKY_FLINK_MESSAGE_SIZE];
    const struct sky_service_options options = {
        .invocation = invocation, .role = SKY_ROLE_FLINK, .default_port = DEFAULT_PORT};
    if (sky_flink_check_settings(invocation->config, message) != SKY_OK)
        return sky_command_usage_error(invocation->command, message);
    int exit_code = sky_service_start(&options, &watch.service);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    exit_code = open_all(&watch, invocation);
    enum sky_status opened = exit_code == SKY_EXIT_OK ? sky_service_open(&watch.service) : SKY_OK;
    if (opened != SKY_OK)
        exit_code = sky_exit_of(opened);
    while (exit_code == SKY_EXIT_OK && sky_service_goes_on(&watch.service)) {
        turn(&watch);
        sky_signal_sleep(TURN_MS);
    }
    sky_flink_rest_free(watch.rest);
    sky_flink_memory_close(&watch.memory);
    sky_service_stop(&watch.service);
    return exit_code;
}
