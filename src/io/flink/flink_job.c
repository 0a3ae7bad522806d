#include "io/flink/flink_job.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/printable.h"
#include "io/flink/flink_rest.h"

#define ID_LEN (SKY_FLINK_ID_SIZE - 1)

static const char *const state_names[SKY_FLINK_STATE_COUNT] = {
    [SKY_FLINK_INITIALIZING] = "INITIALIZING",
    [SKY_FLINK_CREATED] = "CREATED",
    [SKY_FLINK_RUNNING] = "RUNNING",
    [SKY_FLINK_FAILING] = "FAILING",
    [SKY_FLINK_FAILED] = "FAILED",
    [SKY_FLINK_CANCELLING] = "CANCELLING",
    [SKY_FLINK_CANCELED] = "CANCELED",
    [SKY_FLINK_FINISHED] = "FINISHED",
    [SKY_FLINK_RESTARTING] = "RESTARTING",
    [SKY_FLINK_SUSPENDED] = "SUSPENDED",
    [SKY_FLINK_RECONCILING] = "RECONCILING",
    [SKY_FLINK_STATE_UNKNOWN] = "UNKNOWN",
};

const char *sky_flink_state_name(enum sky_flink_state state)
{
    return state_names[state];
}

bool sky_flink_state_is_end(enum sky_flink_state state)
{
    return state == SKY_FLINK_FAILED || state == SKY_FLINK_CANCELED || state == SKY_FLINK_FINISHED;
}

/* ---- members ---- */

bool sky_flink_is_id(struct sky_span text)
{
    if (text.len != ID_LEN)
        return false;
    for (size_t i = 0; i < ID_LEN; i++)
        if (!(text.ptr[i] >= '0' && text.ptr[i] <= '9') && !(text.ptr[i] >= 'a' && text.ptr[i] <= 'f'))
            return false;
    return true;
}

enum sky_status sky_flink_read_id(const struct sky_json_value *answer, const char *key, char id[SKY_FLINK_ID_SIZE])
{
    struct sky_span text = sky_json_member_text(answer, key);
    id[0] = 0;
    if (!sky_flink_is_id(text))
        return SKY_E_TYPE;
    memcpy(id, text.ptr, ID_LEN);
    id[ID_LEN] = 0;
    return SKY_OK;
}

static enum sky_flink_state read_state(const struct sky_json_value *object, const char *key)
{
    struct sky_span text = sky_json_member_text(object, key);
    enum sky_flink_state state = 0;
    while (state < SKY_FLINK_STATE_UNKNOWN && !sky_span_equal(text, sky_span_from_string(state_names[state])))
        state++;
    return state;
}

static bool read_number(const struct sky_json_value *object, const char *key, int64_t *number)
{
    const struct sky_json_value *value = sky_json_member(object, key);
    *number = value && value->type == SKY_JSON_NUMBER && value->is_integer ? value->integer : 0;
    return value && value->type == SKY_JSON_NUMBER && value->is_integer;
}

/* A count: not negative, and so small that many of them add up. */
static bool read_count(const struct sky_json_value *object, const char *key, int64_t *count)
{
    return read_number(object, key, count) && *count >= 0 && *count <= UINT32_MAX;
}

/* For people. */
static void read_text(const struct sky_json_value *object, const char *key, char *text, size_t size)
{
    struct sky_buffer shown = {0};
    struct sky_span from = sky_json_member_text(object, key);
    if (from.len > size)
        from.len = size;
    sky_buffer_put_printable(&shown, from);
    snprintf(text, size, "%.*s", (int)shown.len, shown.len ? (const char *)shown.ptr : "");
    sky_buffer_clean_up(&shown);
}

/* As it is, for it is given back: "" when it is too long or has controls in it. */
static void read_path(const struct sky_json_value *object, const char *key, char path[SKY_FLINK_PATH_SIZE])
{
    struct sky_span from = sky_json_member_text(object, key);
    bool fits = from.len < SKY_FLINK_PATH_SIZE;
    for (size_t i = 0; fits && i < from.len; i++)
        fits = from.ptr[i] >= ' ' && from.ptr[i] != 127;
    snprintf(path, SKY_FLINK_PATH_SIZE, "%.*s", fits ? (int)from.len : 0,
             fits && from.len ? (const char *)from.ptr : "");
}

/* ---- jobs ---- */

static bool comes_before(const struct sky_flink_summary *a, const struct sky_flink_summary *b)
{
    bool a_ended = sky_flink_state_is_end(a->state), b_ended = sky_flink_state_is_end(b->state);
    return a_ended != b_ended ? b_ended : a->start_ms > b->start_ms;
}

static void insert(struct sky_flink_jobs *jobs, const struct sky_flink_summary *job)
{
    size_t at = jobs->count;
    while (at && comes_before(job, &jobs->jobs[at - 1]))
        at--;
    if (at == SKY_FLINK_JOBS_MAX)
        return;
    if (jobs->count < SKY_FLINK_JOBS_MAX)
        jobs->count++;
    for (size_t i = jobs->count - 1; i > at; i--)
        jobs->jobs[i] = jobs->jobs[i - 1];
    jobs->jobs[at] = *job;
}

enum sky_status sky_flink_read_jobs(const struct sky_json_value *answer, const char *name, struct sky_flink_jobs *jobs)
{
    const struct sky_json_value *list = sky_json_member(answer, "jobs");
    *jobs = (struct sky_flink_jobs){0};
    if (!list || list->type != SKY_JSON_ARRAY)
        return SKY_E_TYPE;
    const struct sky_json_value *item = sky_json_first(list);
    for (uint32_t i = 0; i < list->count; i++, item = sky_json_next(item)) {
        struct sky_flink_summary job;
        if (!sky_span_equal(sky_json_member_text(item, "name"), sky_span_from_string(name)))
            continue;
        enum sky_status status = sky_flink_read_id(item, "jid", job.id);
        job.state = read_state(item, "state");
        if (status != SKY_OK || !read_number(item, "start-time", &job.start_ms) ||
            !read_number(item, "end-time", &job.end_ms))
            return SKY_E_TYPE;
        insert(jobs, &job);
    }
    while (jobs->alive < jobs->count && !sky_flink_state_is_end(jobs->jobs[jobs->alive].state))
        jobs->alive++;
    return SKY_OK;
}

/* ---- one job ---- */

static enum sky_status read_vertex(const struct sky_json_value *item, struct sky_flink_vertex *vertex)
{
    const struct sky_json_value *tasks = sky_json_member(item, "tasks");
    int64_t created, scheduled;
    enum sky_status status = sky_flink_read_id(item, "id", vertex->id);
    read_text(item, "name", vertex->name, sizeof vertex->name);
    read_text(item, "status", vertex->state, sizeof vertex->state);
    bool whole = status == SKY_OK && read_count(item, "parallelism", &vertex->parallelism) &&
                 read_count(tasks, "RUNNING", &vertex->running) && read_count(tasks, "CREATED", &created) &&
                 read_count(tasks, "SCHEDULED", &scheduled);
    if (!whole)
        return SKY_E_TYPE;
    vertex->waiting = created + scheduled;
    return SKY_OK;
}

enum sky_status sky_flink_read_job(const struct sky_json_value *answer, struct sky_flink_job *job)
{
    const struct sky_json_value *list = sky_json_member(answer, "vertices");
    *job = (struct sky_flink_job){.state = read_state(answer, "state")};
    enum sky_status status = sky_flink_read_id(answer, "jid", job->id);
    read_text(answer, "name", job->name, sizeof job->name);
    if (status != SKY_OK || !list || list->type != SKY_JSON_ARRAY ||
        !read_number(answer, "start-time", &job->start_ms) || !read_number(answer, "duration", &job->duration_ms) ||
        !read_number(answer, "now", &job->now_ms))
        return SKY_E_TYPE;
    if (list->count > SKY_FLINK_VERTICES_MAX)
        return SKY_E_LIMIT;
    const struct sky_json_value *item = sky_json_first(list);
    for (uint32_t i = 0; i < list->count; i++, item = sky_json_next(item)) {
        struct sky_flink_vertex *vertex = &job->vertices[job->count++];
        status = read_vertex(item, vertex);
        if (status != SKY_OK)
            return status;
        job->tasks += vertex->parallelism;
        job->running += vertex->running;
        job->waiting += vertex->waiting;
    }
    return SKY_OK;
}

bool sky_flink_job_runs(const struct sky_flink_job *job)
{
    return job->state == SKY_FLINK_RUNNING && job->tasks > 0 && job->running == job->tasks;
}

/* ---- checkpoints ---- */

/* null and absent: none. */
static enum sky_status read_checkpoint(const struct sky_json_value *item, struct sky_flink_checkpoint *checkpoint)
{
    *checkpoint = (struct sky_flink_checkpoint){0};
    if (!item || item->type == SKY_JSON_NULL)
        return SKY_OK;
    read_path(item, "external_path", checkpoint->path);
    bool whole = read_number(item, "id", &checkpoint->id) && checkpoint->id > 0 &&
                 read_number(item, "trigger_timestamp", &checkpoint->triggered_ms) &&
                 read_number(item, "latest_ack_timestamp", &checkpoint->completed_ms) &&
                 read_number(item, "end_to_end_duration", &checkpoint->duration_ms) &&
                 read_number(item, "state_size", &checkpoint->size_bytes);
    return whole ? SKY_OK : SKY_E_TYPE;
}

enum sky_status sky_flink_read_checkpoints(const struct sky_json_value *answer,
                                           struct sky_flink_checkpoints *checkpoints)
{
    const struct sky_json_value *counts = sky_json_member(answer, "counts");
    const struct sky_json_value *latest = sky_json_member(answer, "latest");
    const struct sky_json_value *failed = sky_json_member(latest, "failed");
    *checkpoints = (struct sky_flink_checkpoints){0};
    if (!latest || !read_count(counts, "completed", &checkpoints->completed) ||
        !read_count(counts, "failed", &checkpoints->failed) ||
        !read_count(counts, "in_progress", &checkpoints->in_progress))
        return SKY_E_TYPE;
    if (failed && failed->type == SKY_JSON_OBJECT && read_number(failed, "id", &checkpoints->failed_id))
        sky_flink_shorten_trace(sky_json_member_text(failed, "failure_message"), checkpoints->failure,
                                sizeof checkpoints->failure);
    read_path(sky_json_member(latest, "restored"), "external_path", checkpoints->restored);
    enum sky_status status = read_checkpoint(sky_json_member(latest, "completed"), &checkpoints->last);
    return status == SKY_OK ? read_checkpoint(sky_json_member(latest, "savepoint"), &checkpoints->savepoint) : status;
}

/* ---- the rest ---- */

enum sky_status sky_flink_read_trigger(const struct sky_json_value *answer, struct sky_flink_trigger *trigger)
{
    struct sky_span state = sky_json_member_text(sky_json_member(answer, "status"), "id");
    const struct sky_json_value *operation = sky_json_member(answer, "operation");
    *trigger = (struct sky_flink_trigger){.done = sky_span_equal(state, SKY_SPAN("COMPLETED"))};
    if (!trigger->done)
        return sky_span_equal(state, SKY_SPAN("IN_PROGRESS")) ? SKY_OK : SKY_E_TYPE;
    read_path(operation, "location", trigger->location);
    const struct sky_json_value *cause = sky_json_member(operation, "failure-cause");
    sky_flink_shorten_trace(sky_json_member_text(cause, "stack-trace"), trigger->problem, sizeof trigger->problem);
    return trigger->location[0] || cause ? SKY_OK : SKY_E_TYPE;
}

enum sky_status sky_flink_read_failure(const struct sky_json_value *answer, struct sky_flink_failure *failure)
{
    const struct sky_json_value *entries = sky_json_member(sky_json_member(answer, "exceptionHistory"), "entries");
    *failure = (struct sky_flink_failure){0};
    if (!entries || entries->type != SKY_JSON_ARRAY)
        return SKY_E_TYPE;
    if (!entries->count)
        return SKY_OK;
    const struct sky_json_value *latest = sky_json_first(entries);
    sky_flink_shorten_trace(sky_json_member_text(latest, "stacktrace"), failure->reason, sizeof failure->reason);
    return read_number(latest, "timestamp", &failure->time_ms) ? SKY_OK : SKY_E_TYPE;
}

enum sky_status sky_flink_read_upload(const struct sky_json_value *answer, char jar[SKY_FLINK_NAME_SIZE])
{
    struct sky_span name = sky_json_member_text(answer, "filename");
    size_t begin = name.len;
    while (begin && name.ptr[begin - 1] != '/' && name.ptr[begin - 1] != '\\')
        begin--;
    name = sky_span_from(name, begin);
    jar[0] = 0;
    if (name.len >= SKY_FLINK_NAME_SIZE)
        return SKY_E_LIMIT;
    if (!name.len || memchr(name.ptr, 0, name.len))
        return SKY_E_TYPE;
    memcpy(jar, name.ptr, name.len);
    jar[name.len] = 0;
    return SKY_OK;
}
