#include "io/flink/flink.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "wire/json_write.h"

#define REQUEST_PATH_SIZE 2048 /* of a request: ids and the names of metrics */

/* ---- looking ---- */

/* SKY_OK of the request and of what was read of its answer. */
static enum sky_status judge(struct sky_flink_rest *rest, enum sky_status read)
{
    return read == SKY_OK ? SKY_OK : sky_flink_rest_refuse(rest, read);
}

enum sky_status sky_flink_find(struct sky_flink_rest *rest, const char *name, struct sky_flink_jobs *jobs)
{
    enum sky_status status = sky_flink_rest_get(rest, "/jobs/overview");
    return status == SKY_OK ? judge(rest, sky_flink_read_jobs(sky_flink_rest_answer(rest), name, jobs)) : status;
}

static enum sky_status get_of_job(struct sky_flink_rest *rest, const char *id, const char *what)
{
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s%s", id, what);
    return sky_flink_rest_get(rest, path);
}

enum sky_status sky_flink_look(struct sky_flink_rest *rest, const char *id, struct sky_flink_job *job)
{
    enum sky_status status = get_of_job(rest, id, "");
    return status == SKY_OK ? judge(rest, sky_flink_read_job(sky_flink_rest_answer(rest), job)) : status;
}

enum sky_status sky_flink_look_at_checkpoints(struct sky_flink_rest *rest, const char *id,
                                              struct sky_flink_checkpoints *checkpoints)
{
    enum sky_status status = get_of_job(rest, id, "/checkpoints");
    return status == SKY_OK ? judge(rest, sky_flink_read_checkpoints(sky_flink_rest_answer(rest), checkpoints))
                            : status;
}

enum sky_status sky_flink_look_at_failure(struct sky_flink_rest *rest, const char *id,
                                          struct sky_flink_failure *failure)
{
    enum sky_status status = get_of_job(rest, id, "/exceptions?maxExceptions=1");
    return status == SKY_OK ? judge(rest, sky_flink_read_failure(sky_flink_rest_answer(rest), failure)) : status;
}

static bool read_integer(const struct sky_json_value *object, const char *key, int64_t *number)
{
    const struct sky_json_value *value = sky_json_member(object, key);
    bool right = value && value->type == SKY_JSON_NUMBER && value->is_integer;
    *number = right ? value->integer : 0;
    return right;
}

enum sky_status sky_flink_look_at_slots(struct sky_flink_rest *rest, struct sky_flink_slots *slots)
{
    enum sky_status status = sky_flink_rest_get(rest, "/overview");
    const struct sky_json_value *answer = sky_flink_rest_answer(rest);
    if (status != SKY_OK)
        return status;
    bool whole = read_integer(answer, "taskmanagers", &slots->task_managers) &&
                 read_integer(answer, "slots-total", &slots->total) &&
                 read_integer(answer, "slots-available", &slots->free);
    return judge(rest, whole ? SKY_OK : SKY_E_TYPE);
}

/* ---- measuring ---- */

/* A metric's name ends with that; Flink puts the operator's before it. `least`: the least of the tasks counts, else
 * their sum. */
static const struct {
    const char *name;
    const char *ending;
    bool least;
} measures_table[SKY_FLINK_MEASURE_COUNT] = {
    [SKY_FLINK_POSTS] = {"posts_processed", ".posts_processed_total", false},
    [SKY_FLINK_POSTS_LATE] = {"posts_late", ".posts_late_total", false},
    [SKY_FLINK_DEAD_LETTERS] = {"dead_letters", ".dead_letters_total", false},
    [SKY_FLINK_LAG] = {"lag", ".pendingRecords", false},
    [SKY_FLINK_EVENT_TIME] = {"event_time_ms", "ranks.currentInputWatermark", true},
    [SKY_FLINK_ACTIVE_TRENDS] = {"active_trends", ".active_trends", false},
    [SKY_FLINK_KEYWORDS_KNOWN] = {"keywords_known", ".keywords_known", false},
    [SKY_FLINK_KEYWORDS_IN_WINDOW] = {"keywords_in_window", ".keywords_in_window", false},
    [SKY_FLINK_SLIDES] = {"slides", ".slides_total", false},
    [SKY_FLINK_FRESHNESS] = {"freshness_seconds", ".freshness_seconds", false},
    [SKY_FLINK_LATENCY] = {"latency_p99_ms", ".trend_detection_latency_ms_p99", false},
    [SKY_FLINK_RECORDS] = {"records_published", "Writer.numRecordsSend", false},
    [SKY_FLINK_RESTARTS] = {"restarts", "numRestarts", false},
};

const char *sky_flink_measure_name(enum sky_flink_measure measure)
{
    return measures_table[measure].name;
}

static enum sky_flink_measure measure_of(struct sky_span name)
{
    enum sky_flink_measure measure = 0;
    for (; measure < SKY_FLINK_MEASURE_COUNT; measure++) {
        struct sky_span ending = sky_span_from_string(measures_table[measure].ending);
        if (name.len >= ending.len && sky_span_equal(sky_span_from(name, name.len - ending.len), ending))
            break;
    }
    return measure;
}

/* A number, or as a job's metrics have it a text that is one. Flink has no value yet: NaN, or before all time. */
static bool read_value(const struct sky_json_value *value, double *number)
{
    char text[40], *end;
    if (!value || (value->type != SKY_JSON_NUMBER && value->type != SKY_JSON_STRING) || !value->text.len ||
        value->text.len >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)value->text.len, (const char *)value->text.ptr);
    *number = strtod(text, &end);
    return !*end && isfinite(*number) && *number > (double)INT64_MIN && *number < (double)INT64_MAX;
}

enum sky_status sky_flink_read_measures(const struct sky_json_value *answer, struct sky_flink_measures *measures)
{
    if (!answer || answer->type != SKY_JSON_ARRAY)
        return SKY_E_TYPE;
    const struct sky_json_value *item = sky_json_first(answer);
    for (uint32_t i = 0; i < answer->count; i++, item = sky_json_next(item)) {
        enum sky_flink_measure measure = measure_of(sky_json_member_text(item, "id"));
        double number;
        if (measure == SKY_FLINK_MEASURE_COUNT)
            continue;
        const struct sky_json_value *value = sky_json_member(item, "value");
        if (!value)
            value = sky_json_member(item, measures_table[measure].least ? "min" : "sum");
        if (!read_value(value, &number))
            continue;
        bool first = !measures->known[measure];
        if (first || !measures_table[measure].least)
            measures->values[measure] = first ? number : measures->values[measure] + number;
        else if (number < measures->values[measure])
            measures->values[measure] = number;
        measures->known[measure] = true;
    }
    return SKY_OK;
}

/* Letters, digits, '.', '_' and '-': what is left of an operator's name needs no escapes in a path. */
static bool is_plain(struct sky_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return name.len > 0;
}

/* Put the names of what is measured behind "...?get=": how many there are. As many as fit. */
static size_t put_names(const struct sky_json_value *names, char *path, size_t size)
{
    size_t len = strlen(path), count = 0;
    if (!names || names->type != SKY_JSON_ARRAY)
        return 0;
    const struct sky_json_value *item = sky_json_first(names);
    for (uint32_t i = 0; i < names->count; i++, item = sky_json_next(item)) {
        struct sky_span name = sky_json_member_text(item, "id");
        if (measure_of(name) == SKY_FLINK_MEASURE_COUNT || !is_plain(name) || len + 1 + name.len >= size)
            continue;
        len += (size_t)snprintf(path + len, size - len, "%s%.*s", count++ ? "," : "", (int)name.len,
                                (const char *)name.ptr);
    }
    return count;
}

static enum sky_status measure_vertex(struct sky_flink_rest *rest, const struct sky_flink_job *job, size_t place,
                                      struct sky_flink_measures *measures)
{
    char path[REQUEST_PATH_SIZE];
    int len = snprintf(path, sizeof path, "/jobs/%s/vertices/%s/subtasks/metrics", job->id, job->vertices[place].id);
    enum sky_status status = sky_flink_rest_get(rest, path);
    if (status != SKY_OK)
        return status;
    snprintf(path + len, sizeof path - (size_t)len, "?get=");
    if (!put_names(sky_flink_rest_answer(rest), path, sizeof path))
        return SKY_OK;
    status = sky_flink_rest_get(rest, path);
    return status == SKY_OK ? judge(rest, sky_flink_read_measures(sky_flink_rest_answer(rest), measures)) : status;
}

enum sky_status sky_flink_measure(struct sky_flink_rest *rest, const struct sky_flink_job *job,
                                  struct sky_flink_measures *measures)
{
    *measures = (struct sky_flink_measures){0};
    enum sky_status status = get_of_job(rest, job->id, "/metrics?get=numRestarts");
    if (status == SKY_OK)
        status = judge(rest, sky_flink_read_measures(sky_flink_rest_answer(rest), measures));
    for (size_t i = 0; status == SKY_OK && i < job->count; i++)
        status = measure_vertex(rest, job, i, measures);
    return status;
}

/* ---- doing ---- */

enum sky_status sky_flink_upload(struct sky_flink_rest *rest, const char *file, char jar[SKY_FLINK_NAME_SIZE])
{
    const struct sky_flink_request request = {
        .method = SKY_FLINK_POST, .path = "/jars/upload", .file = file, .takes_long = true};
    enum sky_status status = sky_flink_rest_call(rest, &request);
    return status == SKY_OK ? judge(rest, sky_flink_read_upload(sky_flink_rest_answer(rest), jar)) : status;
}

/* The name that the cluster gave a jar, as a part of a path (RFC 3986). */
static void put_escaped(struct sky_buffer *path, const char *name)
{
    for (; *name; name++) {
        if (is_plain(sky_span_of(name, 1)))
            sky_buffer_put_u8(path, (uint8_t)*name);
        else
            sky_buffer_printf(path, "%%%02X", (unsigned)(uint8_t)*name);
    }
}

static enum sky_status call_jar(struct sky_flink_rest *rest, const char *jar, const char *what,
                                struct sky_flink_request *request)
{
    struct sky_buffer path = {0};
    sky_buffer_put_string(&path, "/jars/");
    put_escaped(&path, jar);
    sky_buffer_put_string(&path, what);
    sky_buffer_put_u8(&path, 0);
    request->path = (const char *)path.ptr;
    enum sky_status status = path.failed ? SKY_E_MEMORY : sky_flink_rest_call(rest, request);
    sky_buffer_clean_up(&path);
    return status;
}

enum sky_status sky_flink_remove(struct sky_flink_rest *rest, const char *jar)
{
    struct sky_flink_request request = {.method = SKY_FLINK_DELETE};
    return call_jar(rest, jar, "", &request);
}

static void write_run(const struct sky_flink_run *run, struct sky_buffer *body)
{
    struct sky_json_writer json;
    sky_json_begin(&json, body);
    sky_json_object(&json);
    sky_json_key(&json, "programArgsList");
    sky_json_array(&json);
    for (size_t i = 0; i < run->arguments_count; i++)
        sky_json_string(&json, run->arguments[i]);
    sky_json_end(&json);
    if (run->parallelism) {
        sky_json_key(&json, "parallelism");
        sky_json_int(&json, run->parallelism);
    }
    if (run->job_id) {
        sky_json_key(&json, "jobId");
        sky_json_string(&json, run->job_id);
    }
    if (run->savepoint && run->savepoint[0]) {
        sky_json_key(&json, "savepointPath");
        sky_json_string(&json, run->savepoint);
        sky_json_key(&json, "allowNonRestoredState");
        sky_json_bool(&json, run->allow_non_restored);
    }
    sky_json_end(&json);
}

enum sky_status sky_flink_run(struct sky_flink_rest *rest, const struct sky_flink_run *run, char id[SKY_FLINK_ID_SIZE])
{
    struct sky_buffer body = {0};
    write_run(run, &body);
    struct sky_flink_request request = {.method = SKY_FLINK_POST, .body = sky_buffer_span(&body), .takes_long = true};
    enum sky_status status = body.failed ? SKY_E_MEMORY : call_jar(rest, run->jar, "/run", &request);
    sky_buffer_clean_up(&body);
    return status == SKY_OK ? judge(rest, sky_flink_read_id(sky_flink_rest_answer(rest), "jobid", id)) : status;
}

enum sky_status sky_flink_cancel(struct sky_flink_rest *rest, const char *id)
{
    char path[64];
    snprintf(path, sizeof path, "/jobs/%s", id);
    const struct sky_flink_request request = {.method = SKY_FLINK_PATCH, .path = path};
    return sky_flink_rest_call(rest, &request);
}

enum sky_status sky_flink_save(struct sky_flink_rest *rest, const char *id, const char *directory, bool stop,
                               char trigger[SKY_FLINK_ID_SIZE])
{
    struct sky_buffer body = {0};
    struct sky_json_writer json;
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s/%s", id, stop ? "stop" : "savepoints");
    sky_json_begin(&json, &body);
    sky_json_object(&json);
    sky_json_key(&json, stop ? "drain" : "cancel-job");
    sky_json_bool(&json, false);
    if (directory) {
        sky_json_key(&json, stop ? "targetDirectory" : "target-directory");
        sky_json_string(&json, directory);
    }
    sky_json_end(&json);
    const struct sky_flink_request request = {.method = SKY_FLINK_POST, .path = path, .body = sky_buffer_span(&body)};
    enum sky_status status = body.failed ? SKY_E_MEMORY : sky_flink_rest_call(rest, &request);
    sky_buffer_clean_up(&body);
    return status == SKY_OK ? judge(rest, sky_flink_read_id(sky_flink_rest_answer(rest), "request-id", trigger))
                            : status;
}

enum sky_status sky_flink_follow(struct sky_flink_rest *rest, const char *id, const char *trigger,
                                 struct sky_flink_trigger *state)
{
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s/savepoints/%s", id, trigger);
    enum sky_status status = sky_flink_rest_get(rest, path);
    return status == SKY_OK ? judge(rest, sky_flink_read_trigger(sky_flink_rest_answer(rest), state)) : status;
}
