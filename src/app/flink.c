/* skytrend flink: the job of trend detection on a Flink cluster: begin it, look at it, save it, end it, keep it
 * running. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/flink_status.h"
#include "app/flink_submit.h"
#include "app/flink_watch.h"
#include "app/service.h"
#include "io/host/clock.h"
#include "ops/signal.h"
#include "wire/json_write.h"

#define TURN_MS         500
#define SETTLE_MS       4000 /* all tasks have run for so long: they do not just come and go */
#define STALE_MS        4000 /* what the cluster tells of checkpoints may be 3 s old */
#define TIMEOUT_DEFAULT "5m"

enum { SUBMIT = 1, STATUS = 2, SAVEPOINT = 4, CANCEL = 8, WATCH = 16 };

static const struct {
    const char *name;
    unsigned bit;
} actions[] = {{"submit", SUBMIT}, {"status", STATUS}, {"savepoint", SAVEPOINT}, {"cancel", CANCEL}, {"watch", WATCH}};

#define ACTIONS_COUNT (sizeof actions / sizeof actions[0])

static const struct sky_option options[] = {
    {.name = "url",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "URL",
     .setting = "flink.url",
     .help = "of the cluster's REST API"},
    {.name = "parallelism",
     .rule.type = SKY_VALUE_STRING,
     .setting = "flink.parallelism",
     .help = "submit, watch: tasks of each kind; 0: the cluster's default"},
    {.name = "from-savepoint",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "PATH",
     .help = "submit: go on from this savepoint or checkpoint"},
    {.name = "allow-non-restored",
     .help = "submit, watch: also when the savepoint holds state that this version of the job has no place for"},
    {.name = "job",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "ID",
     .help = "status, savepoint, cancel: of this job, when there are several"},
    {.name = "directory",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "PATH",
     .help = "savepoint, cancel: where savepoints go, as the cluster sees it (default: the cluster's)"},
    {.name = "no-savepoint",
     .help = "cancel: end it at once; what it has published last is seen only when it goes on, or never"},
    {.name = "timeout",
     .rule = {.type = SKY_VALUE_DURATION, .min = 1000, .max = 86400000},
     .value = TIMEOUT_DEFAULT,
     .help = "submit, savepoint, cancel: longest wait"},
    {.name = "json", .help = "submit, status, savepoint, cancel: one JSON object"},
    {.name = "reset-state", .help = "watch: forget the checkpoint that it remembers, and begin from nothing"},
    SKY_SERVICE_OPTIONS,
    {0},
};

/* Which actions take it; `url` all. */
static const struct {
    const char *name;
    unsigned actions;
} uses[] = {
    {"parallelism", SUBMIT | WATCH},
    {"from-savepoint", SUBMIT},
    {"allow-non-restored", SUBMIT | WATCH},
    {"job", STATUS | SAVEPOINT | CANCEL},
    {"directory", SAVEPOINT | CANCEL},
    {"no-savepoint", CANCEL},
    {"timeout", SUBMIT | SAVEPOINT | CANCEL},
    {"json", SUBMIT | STATUS | SAVEPOINT | CANCEL},
    {"reset-state", WATCH},
    {"port", WATCH},
    {"duration", WATCH},
};

struct flink {
    const struct sky_invocation *invocation;
    const struct sky_config *config;
    struct sky_flink_rest *rest;
    int64_t until_ms; /* of the monotonic clock */
    bool json;
    bool shows_progress;
    struct sky_flink_job job; /* looked at last */
};

/* ---- telling ---- */

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("skytrend flink: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    return SKY_EXIT_FAILURE;
}

/* The cluster's last word; that it is not there has a remedy. */
static int fail_rest(const struct flink *flink, const char *what)
{
    const char *hint = sky_flink_rest_code(flink->rest)
                           ? ""
                           : "\nIs the cluster's JobManager running, and is flink.url (--url) its REST address?";
    return fail("%s%s%s%s", what, *what ? ": " : "", sky_flink_rest_problem(flink->rest), hint);
}

static void progress(const struct flink *flink, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void progress(const struct flink *flink, const char *format, ...)
{
    va_list arguments;
    if (!flink->shows_progress)
        return;
    va_start(arguments, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

static void end_progress(const struct flink *flink)
{
    if (flink->shows_progress)
        fputs("\r\033[K", stderr);
}

static void write_pair(struct sky_json_writer *json, const char *key, const char *value)
{
    sky_json_key(json, key);
    if (value && *value)
        sky_json_string(json, value);
    else
        sky_json_null(json);
}

/* The result: a line, or {"url":...,"job":...,KEY:VALUE}. */
static int print_result(const struct flink *flink, const char *job, const char *key, const char *value)
{
    struct sky_buffer text = {0};
    struct sky_json_writer json;
    if (!flink->json) {
        printf("%s\n", strcmp(key, "job") == 0 ? job : value);
        return SKY_EXIT_OK;
    }
    sky_json_begin(&json, &text);
    sky_json_object(&json);
    write_pair(&json, "url", sky_flink_rest_url(flink->rest));
    write_pair(&json, "job", job);
    if (strcmp(key, "job") != 0)
        write_pair(&json, key, value);
    sky_json_end(&json);
    printf("%.*s\n", (int)text.len, text.len ? (const char *)text.ptr : "");
    sky_buffer_clean_up(&text);
    return SKY_EXIT_OK;
}

/* ---- waiting ---- */

static bool goes_on(void *context)
{
    (void)context;
    return !sky_signal_requested();
}

/* A turn's pause; false: the time is over, or a signal came. */
static bool may_wait(const struct flink *flink)
{
    return sky_clock_monotonic_ms() < flink->until_ms && !sky_signal_sleep(TURN_MS);
}

static int tell_interrupted(const struct flink *flink, const char *what)
{
    end_progress(flink);
    return fail("interrupted: %s", what);
}

/* Why not all tasks run: their last failure, or too few slots. */
static int tell_not_running(const struct flink *flink, const char *id)
{
    struct sky_flink_failure failure = {0};
    struct sky_flink_slots slots = {0};
    char state[128];
    const struct sky_flink_job *job = &flink->job;
    end_progress(flink);
    snprintf(state, sizeof state, "job %s is %s and %lld of its %lld tasks run", id, sky_flink_state_name(job->state),
             (long long)job->running, (long long)job->tasks);
    if (sky_flink_look_at_failure(flink->rest, id, &failure) == SKY_OK && failure.time_ms)
        return fail("%s: %s\nThe cluster goes on trying; `skytrend flink cancel --no-savepoint` ends it.", state,
                    failure.reason);
    if (job->waiting && sky_flink_look_at_slots(flink->rest, &slots) == SKY_OK)
        return fail(
            "%s: %lld wait for slots, and the cluster has %lld slots on %lld TaskManagers, %lld of them free\nAdd "
            "TaskManagers, or end it (`skytrend flink cancel --no-savepoint`) and submit it with a lower "
            "--parallelism.",
            state, (long long)job->waiting, (long long)slots.total, (long long)slots.task_managers,
            (long long)slots.free);
    return fail("%s after the time given (--timeout); `skytrend flink status` shows how it goes on", state);
}

static int tell_ended(const struct flink *flink, const char *id)
{
    struct sky_flink_failure failure = {0};
    end_progress(flink);
    enum sky_status status = sky_flink_look_at_failure(flink->rest, id, &failure);
    return fail("job %s has ended, %s%s%s", id, sky_flink_state_name(flink->job.state),
                status == SKY_OK && failure.time_ms ? ": " : "", failure.reason);
}

/* Until all its tasks have run for a while. */
static int wait_for_tasks(struct flink *flink, const char *id)
{
    int64_t since_ms = 0;
    do {
        enum sky_status status = sky_flink_look(flink->rest, id, &flink->job);
        int64_t now_ms = sky_clock_monotonic_ms();
        if (sky_signal_requested())
            break;
        if (status != SKY_OK && status != SKY_E_TIMEOUT) {
            end_progress(flink);
            return fail_rest(flink, "the job was submitted, but");
        }
        if (status == SKY_OK && sky_flink_state_is_end(flink->job.state))
            return tell_ended(flink, id);
        if (status != SKY_OK || !sky_flink_job_runs(&flink->job))
            since_ms = 0;
        else if (!since_ms)
            since_ms = now_ms;
        else if (now_ms - since_ms >= SETTLE_MS) {
            end_progress(flink);
            return SKY_EXIT_OK;
        }
        progress(flink, "job %s: %lld of %lld tasks run", id, (long long)flink->job.running,
                 (long long)flink->job.tasks);
    } while (may_wait(flink));
    if (sky_signal_requested())
        return tell_interrupted(flink, "the job was submitted, and stays");
    return tell_not_running(flink, id);
}

/* ---- submit ---- */

/* What the last job has left, should the caller have forgotten it. */
static void tell_earlier(const struct flink *flink, const struct sky_flink_jobs *jobs)
{
    struct sky_flink_checkpoints checkpoints;
    if (!jobs->count || sky_flink_look_at_checkpoints(flink->rest, jobs->jobs[0].id, &checkpoints) != SKY_OK)
        return;
    bool by_savepoint = checkpoints.savepoint.id > checkpoints.last.id;
    const char *path = by_savepoint ? checkpoints.savepoint.path : checkpoints.last.path;
    if (*path)
        fprintf(stderr,
                "skytrend flink: this job begins from nothing; the last one, %s, ended with a state to go on from:\n"
                "  --from-savepoint %s\n",
                jobs->jobs[0].id, path);
}

static int check_before(struct flink *flink, bool from_nothing)
{
    char message[SKY_FLINK_MESSAGE_SIZE];
    struct sky_flink_jobs jobs;
    if (sky_flink_check_settings(flink->config, message) != SKY_OK)
        return sky_command_usage_error(flink->invocation->command, message);
    if (sky_flink_find(flink->rest, SKY_FLINK_JOB_NAME, &jobs) != SKY_OK)
        return fail_rest(flink, "");
    if (jobs.alive)
        return fail(
            "job %s is on %s already (%s), and two would disturb each other\n`skytrend flink cancel` ends it with a "
            "savepoint, from which `skytrend flink submit --from-savepoint PATH` goes on.",
            jobs.jobs[0].id, sky_flink_rest_url(flink->rest), sky_flink_state_name(jobs.jobs[0].state));
    if (from_nothing)
        tell_earlier(flink, &jobs);
    if (strcmp(flink->config->kafka.password, "") != 0 && !sky_config_is_default(flink->config, "kafka.password"))
        fprintf(stderr,
                "skytrend flink: the job reads Kafka's password where its tasks run: from the same file, or from "
                "SKYTREND_KAFKA_PASSWORD in the TaskManagers' environment\n");
    return SKY_EXIT_OK;
}

static int submit(struct flink *flink)
{
    const struct sky_options *given = &flink->invocation->options;
    char wanted[SKY_FLINK_ID_SIZE], id[SKY_FLINK_ID_SIZE], message[SKY_FLINK_MESSAGE_SIZE];
    bool is_known;
    sky_flink_make_id(wanted);
    const struct sky_flink_submission submission = {
        .config = flink->config,
        .job_id = wanted,
        .savepoint = sky_options_string(given, "from-savepoint"),
        .allow_non_restored = sky_options_bool(given, "allow-non-restored"),
    };
    int exit_code = check_before(flink, !submission.savepoint);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    progress(flink, "submitting the job to %s", sky_flink_rest_url(flink->rest));
    enum sky_status status = sky_flink_submit(flink->rest, &submission, id, &is_known, message);
    end_progress(flink);
    if (status != SKY_OK)
        return fail("%s%s", message, is_known ? "" : "\nIt may have begun nevertheless: see `skytrend flink status`.");
    exit_code = wait_for_tasks(flink, id);
    return exit_code == SKY_EXIT_OK ? print_result(flink, id, "job", NULL) : exit_code;
}

/* ---- savepoint, cancel ---- */

/* The one that --job names, else the one that there is. */
static int find_job(struct flink *flink, char id[SKY_FLINK_ID_SIZE])
{
    const char *wanted = sky_options_string(&flink->invocation->options, "job");
    struct sky_flink_jobs jobs;
    if (sky_flink_find(flink->rest, SKY_FLINK_JOB_NAME, &jobs) != SKY_OK)
        return fail_rest(flink, "");
    if (!jobs.alive)
        return fail("%s runs no job of trend detection", sky_flink_rest_url(flink->rest));
    if (!wanted && jobs.alive > 1)
        return fail("%s has %zu jobs of trend detection, %s and %s among them: name one with --job",
                    sky_flink_rest_url(flink->rest), jobs.alive, jobs.jobs[0].id, jobs.jobs[1].id);
    size_t place = 0;
    while (wanted && place < jobs.alive && strcmp(jobs.jobs[place].id, wanted) != 0)
        place++;
    if (place == jobs.alive)
        return fail("%s runs no job of trend detection with the id %s", sky_flink_rest_url(flink->rest), wanted);
    snprintf(id, SKY_FLINK_ID_SIZE, "%s", jobs.jobs[place].id);
    return SKY_EXIT_OK;
}

static int tell_not_saved(const struct flink *flink, const char *id, const char *why, bool stop)
{
    end_progress(flink);
    return fail("the savepoint of job %s failed: %s\nThe job goes on%s.", id, why,
                stop ? "; `skytrend flink cancel --no-savepoint` ends it in any case" : "");
}

/* A savepoint, and with `stop` the job's end; its path. */
static int save(struct flink *flink, const char *id, bool stop, char path[SKY_FLINK_PATH_SIZE])
{
    char trigger[SKY_FLINK_ID_SIZE];
    struct sky_flink_trigger state = {0};
    const char *directory = sky_options_string(&flink->invocation->options, "directory");
    int64_t begin_ms = sky_clock_monotonic_ms();
    if (sky_flink_save(flink->rest, id, directory, stop, trigger) != SKY_OK)
        return fail_rest(flink, "the savepoint");
    do {
        enum sky_status status = sky_flink_follow(flink->rest, id, trigger, &state);
        if (sky_signal_requested())
            break;
        if (status != SKY_OK && status != SKY_E_TIMEOUT) {
            end_progress(flink);
            return fail_rest(flink, "the savepoint is under way, but");
        }
        if (status == SKY_OK && state.done) {
            end_progress(flink);
            snprintf(path, SKY_FLINK_PATH_SIZE, "%s", state.location);
            return path[0] ? SKY_EXIT_OK : tell_not_saved(flink, id, state.problem, stop);
        }
        progress(flink, "savepoint of job %s: %lld s", id, (long long)(sky_clock_monotonic_ms() - begin_ms) / 1000);
    } while (may_wait(flink));
    end_progress(flink);
    if (sky_signal_requested())
        return tell_interrupted(flink, "the savepoint is under way, and the cluster goes on with it");
    return fail("the savepoint of job %s is not complete after %lld s (--timeout); the cluster goes on with it", id,
                (long long)(sky_clock_monotonic_ms() - begin_ms) / 1000);
}

static int wait_for_end(struct flink *flink, const char *id)
{
    do {
        enum sky_status status = sky_flink_look(flink->rest, id, &flink->job);
        if (sky_signal_requested())
            break;
        if (status == SKY_OK && sky_flink_state_is_end(flink->job.state)) {
            end_progress(flink);
            return SKY_EXIT_OK;
        }
        if (status != SKY_OK && status != SKY_E_TIMEOUT) {
            end_progress(flink);
            return fail_rest(flink, "the job is to end, but");
        }
        progress(flink, "job %s: %s", id, sky_flink_state_name(flink->job.state));
    } while (may_wait(flink));
    end_progress(flink);
    return fail("job %s is %s, and has not ended in the time given (--timeout)", id,
                sky_flink_state_name(flink->job.state));
}

static int savepoint(struct flink *flink)
{
    char id[SKY_FLINK_ID_SIZE] = "", path[SKY_FLINK_PATH_SIZE] = "";
    int exit_code = find_job(flink, id);
    if (exit_code == SKY_EXIT_OK)
        exit_code = save(flink, id, false, path);
    return exit_code == SKY_EXIT_OK ? print_result(flink, id, "savepoint", path) : exit_code;
}

/* At once; the last checkpoint is kept, and is what can be gone on from. */
static int cancel_at_once(struct flink *flink, const char *id)
{
    struct sky_flink_checkpoints checkpoints;
    if (sky_flink_cancel(flink->rest, id) != SKY_OK)
        return fail_rest(flink, "the job was not cancelled");
    int exit_code = wait_for_end(flink, id);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    sky_signal_sleep(STALE_MS);
    if (sky_flink_look_at_checkpoints(flink->rest, id, &checkpoints) != SKY_OK)
        return fail_rest(flink, "the job is cancelled; its last checkpoint");
    if (!flink->json && !checkpoints.last.path[0])
        return SKY_EXIT_OK;
    return print_result(flink, id, "checkpoint", checkpoints.last.path);
}

static int cancel(struct flink *flink)
{
    char id[SKY_FLINK_ID_SIZE] = "", path[SKY_FLINK_PATH_SIZE] = "";
    int exit_code = find_job(flink, id);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    if (sky_options_bool(&flink->invocation->options, "no-savepoint"))
        return cancel_at_once(flink, id);
    exit_code = save(flink, id, true, path);
    if (exit_code == SKY_EXIT_OK)
        exit_code = wait_for_end(flink, id);
    return exit_code == SKY_EXIT_OK ? print_result(flink, id, "savepoint", path) : exit_code;
}

/* ---- status ---- */

static int status(struct flink *flink)
{
    const struct sky_flink_status_options wanted = {
        .job = sky_options_string(&flink->invocation->options, "job"),
        .json = flink->json,
        .colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
    };
    bool all_run;
    enum sky_status found = sky_flink_status_print(flink->rest, &wanted, &all_run);
    if (found == SKY_E_MISSING && !sky_flink_rest_problem(flink->rest)[0])
        return fail("%s has no job of trend detection with the id %s", sky_flink_rest_url(flink->rest), wanted.job);
    if (found != SKY_OK)
        return fail_rest(flink, "");
    return all_run ? SKY_EXIT_OK : SKY_EXIT_FAILURE;
}

/* ---- the command ---- */

static int check_options(const struct sky_invocation *invocation, unsigned action, const char *name)
{
    const char *job = sky_options_string(&invocation->options, "job");
    char message[160];
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (!sky_options_given(&invocation->options, uses[i].name) || (uses[i].actions & action))
            continue;
        snprintf(message, sizeof message, "--%s is nothing for `%s`", uses[i].name, name);
        return sky_command_usage_error(invocation->command, message);
    }
    if (!job || sky_flink_is_id(sky_span_from_string(job)))
        return SKY_EXIT_OK;
    snprintf(message, sizeof message, "--job: '%.60s' is no id of a job: 32 digits of 0-9 and a-f", job);
    return sky_command_usage_error(invocation->command, message);
}

static int act(struct flink *flink, unsigned action)
{
    switch (action) {
    case SUBMIT: return submit(flink);
    case STATUS: return status(flink);
    case SAVEPOINT: return savepoint(flink);
    default: return cancel(flink);
    }
}

static int run(const struct sky_invocation *invocation)
{
    const char *name = invocation->options.arguments[0];
    char problem[SKY_FLINK_PROBLEM_SIZE];
    struct sky_flink_options rest;
    size_t place = 0;
    while (place < ACTIONS_COUNT && strcmp(actions[place].name, name) != 0)
        place++;
    if (place == ACTIONS_COUNT)
        return sky_command_usage_error(invocation->command,
                                       "what is to be done: submit, status, savepoint, cancel or watch?");
    int exit_code = check_options(invocation, actions[place].bit, name);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    if (actions[place].bit == WATCH)
        return sky_flink_watch(invocation);
    struct flink flink = {.invocation = invocation,
                          .config = invocation->config,
                          .until_ms =
                              sky_clock_monotonic_ms() + sky_options_duration_ms(&invocation->options, "timeout"),
                          .json = sky_options_bool(&invocation->options, "json"),
                          .shows_progress = isatty(STDERR_FILENO)};
    sky_flink_rest_options(invocation->config, &rest);
    rest.goes_on = goes_on;
    sky_signal_install();
    if (sky_flink_rest_new(&rest, &flink.rest, problem) != SKY_OK)
        return sky_command_usage_error(invocation->command, problem);
    exit_code = act(&flink, actions[place].bit);
    sky_flink_rest_free(flink.rest);
    return exit_code;
}

const struct sky_command sky_command_flink = {
    .name = "flink",
    .summary = "run the trend detection on a Flink cluster: submit, status, savepoint, cancel, watch",
    .description =
        "submit     make missing topics, upload flink.jar, run it with this configuration, and wait until all its\n"
        "           tasks run; prints the job's id\n"
        "status     how the job is: tasks, checkpoints, lag, counts; exits with 1 unless all its tasks run\n"
        "savepoint  save the job's state while it goes on; prints the savepoint's path\n"
        "cancel     end the job with a savepoint, so that all it has published is seen; prints its path\n"
        "watch      a service that keeps the job running: submits it when there is none, and submits it again from\n"
        "           its last checkpoint when the cluster has lost it or it failed for good; never two at once.\n"
        "           SIGTERM ends the watch, and leaves the job running.\n\n"
        "Secrets are no arguments of the job: its tasks read kafka.password from the file that file:PATH names where\n"
        "they run, or from SKYTREND_KAFKA_PASSWORD in the TaskManagers' environment. docs/OPERATIONS.md has more.",
    .arguments = "submit|status|savepoint|cancel|watch",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .examples =
        (const char *const[]){
            "skytrend flink submit --url http://jobmanager:8081 --parallelism 4",
            "skytrend flink status",
            "# another parallelism, or another version of the job",
            "path=$(skytrend flink cancel) && skytrend flink submit --parallelism 8 --from-savepoint \"$path\"",
            "# as a service, with probes and metrics on port 9105",
            "skytrend flink watch --data.directory /var/lib/skytrend",
            NULL,
        },
    .takes_config = true,
    .run = run,
};
