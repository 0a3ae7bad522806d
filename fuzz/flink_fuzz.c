/* flink_job.h and flink.h over any bytes that are JSON: each reader ends, ids are ids, texts for people are printable
 * and end, paths have no controls, and counts add up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "io/flink/flink.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_id(const char *id)
{
    check(sky_flink_is_id(sky_span_from_string(id)));
}

static void check_text(const char *text, size_t size)
{
    check(memchr(text, 0, size));
    for (; *text; text++)
        check((unsigned char)*text >= 0x80 || sky_is_printable((unsigned char)*text));
}

static void check_path(const char *path)
{
    check(memchr(path, 0, SKY_FLINK_PATH_SIZE));
    for (; *path; path++)
        check((unsigned char)*path >= ' ' && *path != 127);
}

static void read_jobs(const struct sky_json_value *root)
{
    static struct sky_flink_jobs jobs;
    if (sky_flink_read_jobs(root, "j", &jobs) != SKY_OK)
        return;
    check(jobs.count <= SKY_FLINK_JOBS_MAX && jobs.alive <= jobs.count);
    for (size_t i = 0; i < jobs.count; i++) {
        check_id(jobs.jobs[i].id);
        check(sky_flink_state_is_end(jobs.jobs[i].state) == (i >= jobs.alive));
    }
}

static void read_job(const struct sky_json_value *root)
{
    static struct sky_flink_job job;
    if (sky_flink_read_job(root, &job) != SKY_OK)
        return;
    int64_t tasks = 0;
    check_id(job.id);
    check_text(job.name, sizeof job.name);
    for (size_t i = 0; i < job.count; i++) {
        check_id(job.vertices[i].id);
        check_text(job.vertices[i].name, sizeof job.vertices[i].name);
        check_text(job.vertices[i].state, sizeof job.vertices[i].state);
        tasks += job.vertices[i].parallelism;
    }
    check(tasks == job.tasks && tasks >= 0);
}

static void read_rest(const struct sky_json_value *root)
{
    struct sky_flink_trigger trigger;
    struct sky_flink_failure failure;
    struct sky_flink_measures measures = {0};
    char jar[SKY_FLINK_NAME_SIZE];
    if (sky_flink_read_trigger(root, &trigger) == SKY_OK) {
        check_path(trigger.location);
        check_text(trigger.problem, sizeof trigger.problem);
    }
    if (sky_flink_read_failure(root, &failure) == SKY_OK)
        check_text(failure.reason, sizeof failure.reason);
    if (sky_flink_read_upload(root, jar) == SKY_OK)
        check(jar[0] && memchr(jar, 0, sizeof jar) && !strchr(jar, '/'));
    if (sky_flink_read_measures(root, &measures) == SKY_OK)
        for (size_t i = 0; i < SKY_FLINK_MEASURE_COUNT; i++)
            check(!measures.known[i] || isfinite(measures.values[i]));
}

static void read_checkpoints(const struct sky_json_value *root)
{
    static struct sky_flink_checkpoints checkpoints;
    if (sky_flink_read_checkpoints(root, &checkpoints) != SKY_OK)
        return;
    check(checkpoints.last.id >= 0 && checkpoints.savepoint.id >= 0 && checkpoints.completed >= 0);
    check_path(checkpoints.last.path);
    check_path(checkpoints.savepoint.path);
    check_path(checkpoints.restored);
    check_text(checkpoints.failure, sizeof checkpoints.failure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sky_json_document document;
    struct sky_error error = {0};
    char reason[64];
    sky_flink_shorten_trace(sky_span_of(data, size), reason, sizeof reason);
    check_text(reason, sizeof reason);
    sky_json_document_init(&document);
    if (sky_json_parse(&document, sky_span_of(data, size), &error) == SKY_OK) {
        read_jobs(document.values);
        read_job(document.values);
        read_checkpoints(document.values);
        read_rest(document.values);
    }
    sky_json_document_clean_up(&document);
    return 0;
}
