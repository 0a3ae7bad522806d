/* What a real cluster answered (tests/vectors/flink), and answers that no cluster gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "io/flink/flink.h"

#define NAME "Skytrend trend detection"

static char text[65536];
static struct sky_json_document document;

static const struct sky_json_value *parse(const char *json)
{
    struct sky_error error = {0};
    if (sky_json_parse(&document, sky_span_from_string(json), &error) != SKY_OK)
        fail_msg("%.100s: %s", json, error.reason);
    return document.values;
}

static const struct sky_json_value *recorded(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/vectors/flink/%s.json", SKY_SOURCE_DIR, name);
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return parse(text);
}

/* ---- jobs ---- */

static void test_jobs(void **state)
{
    struct sky_flink_jobs jobs;
    assert_int_equal(sky_flink_read_jobs(recorded("overview"), NAME, &jobs), SKY_OK);
    assert_int_equal(jobs.count, 3);
    assert_int_equal(jobs.alive, 2);
    assert_string_equal(jobs.jobs[0].id, "9872e52d56c003a3bd6268790ec3b41e");
    assert_string_equal(jobs.jobs[1].id, "3c0ba555f8a033cacdf5fdd3f81ba40a");
    assert_int_equal(jobs.jobs[1].state, SKY_FLINK_RUNNING);
    assert_int_equal(jobs.jobs[2].state, SKY_FLINK_FAILED);
    assert_int_equal(jobs.jobs[2].end_ms, 1795660372797);
    assert_int_equal(sky_flink_read_jobs(recorded("overview_end"), NAME, &jobs), SKY_OK);
    assert_int_equal(jobs.count, 3);
    assert_int_equal(jobs.alive, 0);
    assert_int_equal(jobs.jobs[0].state, SKY_FLINK_CANCELED); /* the latest first */
    assert_int_equal(jobs.jobs[1].state, SKY_FLINK_FINISHED);
    assert_int_equal(sky_flink_read_jobs(recorded("overview"), "another job", &jobs), SKY_OK);
    assert_int_equal(jobs.count, 0);
    assert_int_equal(sky_flink_read_jobs(parse("{\"jobs\":[]}"), NAME, &jobs), SKY_OK);
    assert_int_equal(jobs.count, 0);
}

/* More than there is room for: the one that runs stays, though it began first. */
static void test_many_jobs(void **state)
{
    struct sky_flink_jobs jobs;
    struct sky_buffer json = {0};
    sky_buffer_put_string(&json, "{\"jobs\":[");
    for (int i = 0; i < SKY_FLINK_JOBS_MAX + 20; i++)
        sky_buffer_printf(
            &json, "%s{\"jid\":\"%032x\",\"name\":\"" NAME "\",\"start-time\":%d,\"end-time\":-1,\"state\":\"%s\"}",
            i ? "," : "", (unsigned)i, i, i ? "FAILED" : "RESTARTING");
    sky_buffer_put(&json, "]}", 3);
    assert_int_equal(sky_flink_read_jobs(parse((const char *)json.ptr), NAME, &jobs), SKY_OK);
    assert_int_equal(jobs.count, SKY_FLINK_JOBS_MAX);
    assert_int_equal(jobs.alive, 1);
    assert_int_equal(jobs.jobs[0].state, SKY_FLINK_RESTARTING);
    assert_int_equal(jobs.jobs[1].start_ms, SKY_FLINK_JOBS_MAX + 19);
    sky_buffer_clean_up(&json);
}

static void test_job(void **state)
{
    struct sky_flink_job job;
    assert_int_equal(sky_flink_read_job(recorded("job"), &job), SKY_OK);
    assert_string_equal(job.name, NAME);
    assert_int_equal(job.count, 5);
    assert_int_equal(job.tasks, 8);
    assert_int_equal(job.running, 8);
    assert_string_equal(job.vertices[2].name, "windows by keyword");
    assert_int_equal(job.vertices[2].parallelism, 2);
    assert_string_equal(job.vertices[2].state, "RUNNING");
    assert_true(sky_flink_job_runs(&job));
    /* the job says RUNNING, its tasks wait for slots */
    assert_int_equal(sky_flink_read_job(recorded("job_early"), &job), SKY_OK);
    assert_int_equal(job.state, SKY_FLINK_RUNNING);
    assert_int_equal(job.running, 0);
    assert_int_equal(job.waiting, 8);
    assert_false(sky_flink_job_runs(&job));
    assert_int_equal(sky_flink_read_job(recorded("job_no_slots"), &job), SKY_OK);
    assert_int_equal(job.waiting, 9 * 3 + 2);
    assert_int_equal(sky_flink_read_job(recorded("job_finished"), &job), SKY_OK);
    assert_int_equal(job.state, SKY_FLINK_FINISHED);
    assert_true(sky_flink_state_is_end(job.state));
    assert_false(sky_flink_job_runs(&job));
}

/* ---- checkpoints and savepoints ---- */

static void test_checkpoints(void **state)
{
    struct sky_flink_checkpoints checkpoints;
    assert_int_equal(sky_flink_read_checkpoints(recorded("checkpoints"), &checkpoints), SKY_OK);
    assert_int_equal(checkpoints.completed, 48);
    assert_int_equal(checkpoints.failed, 15);
    assert_int_equal(checkpoints.in_progress, 1);
    assert_int_equal(checkpoints.last.id, 47);
    assert_int_equal(checkpoints.last.completed_ms, 1795660436248);
    assert_int_equal(checkpoints.last.duration_ms, 110);
    assert_int_equal(checkpoints.last.size_bytes, 425231);
    assert_string_equal(checkpoints.last.path, "file:/tmp/flink/checkpoints/3c0ba555f8a033cacdf5fdd3f81ba40a/chk-47");
    assert_int_equal(checkpoints.savepoint.id, 48);
    assert_string_equal(checkpoints.savepoint.path, "file:/tmp/flink/savepoints/savepoint-3c0ba5-85688f3a0d9b");
    assert_int_equal(checkpoints.failed_id, 49);
    assert_string_equal(checkpoints.failure,
                        "An Exception occurred while triggering the checkpoint. IO-problem detected.");
    assert_string_equal(checkpoints.restored, "");
    assert_int_equal(sky_flink_read_checkpoints(recorded("checkpoints_early"), &checkpoints), SKY_OK);
    assert_int_equal(checkpoints.last.id, 0);
    assert_int_equal(sky_flink_read_checkpoints(recorded("checkpoints_restored"), &checkpoints), SKY_OK);
    assert_string_equal(checkpoints.restored, "file:/tmp/flink/savepoints/savepoint-3c0ba5-2d4b0f03b727");
}

/* A path goes into a file and back to the cluster: one with controls, or too long, is none. */
static void test_hostile_paths(void **state)
{
    struct sky_flink_trigger trigger;
    static char json[SKY_FLINK_PATH_SIZE + 100];
    const char *head = "{\"status\":{\"id\":\"COMPLETED\"},\"operation\":{\"location\":\"";
    snprintf(json, sizeof json, "%sa\\nb\"}}", head);
    assert_int_equal(sky_flink_read_trigger(parse(json), &trigger), SKY_E_TYPE);
    snprintf(json, sizeof json, "%s%0*d\"}}", head, SKY_FLINK_PATH_SIZE - 1, 7);
    assert_int_equal(sky_flink_read_trigger(parse(json), &trigger), SKY_OK);
    assert_int_equal(strlen(trigger.location), SKY_FLINK_PATH_SIZE - 1);
    snprintf(json, sizeof json, "%s%0*d\"}}", head, SKY_FLINK_PATH_SIZE, 7);
    assert_int_equal(sky_flink_read_trigger(parse(json), &trigger), SKY_E_TYPE);
}

static void test_trigger(void **state)
{
    struct sky_flink_trigger trigger;
    assert_int_equal(sky_flink_read_trigger(recorded("savepoint_progress"), &trigger), SKY_OK);
    assert_false(trigger.done);
    assert_int_equal(sky_flink_read_trigger(recorded("savepoint_done"), &trigger), SKY_OK);
    assert_true(trigger.done);
    assert_string_equal(trigger.location, "file:/tmp/flink/savepoints/savepoint-3c0ba5-85688f3a0d9b");
    assert_int_equal(sky_flink_read_trigger(recorded("savepoint_bad"), &trigger), SKY_OK);
    assert_true(trigger.done);
    assert_string_equal(trigger.location, "");
    assert_string_equal(trigger.problem, "IOException: Failed to create savepoint directory at file:/proc/none");
}

/* ---- measures ---- */

static void assert_measure(const struct sky_flink_measures *measures, enum sky_flink_measure measure, double value)
{
    if (!measures->known[measure] || measures->values[measure] != value)
        fail_msg("%s is %f", sky_flink_measure_name(measure), measures->values[measure]);
}

static void test_measures(void **state)
{
    struct sky_flink_measures measures = {0};
    static const char *const answers[] = {"posts_values", "ranks_values", "sink_values", "job_metrics_get"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(sky_flink_read_measures(recorded(answers[i]), &measures), SKY_OK);
    assert_measure(&measures, SKY_FLINK_POSTS, 31500);
    assert_measure(&measures, SKY_FLINK_LAG, 0);
    assert_measure(&measures, SKY_FLINK_DEAD_LETTERS, 0);
    assert_measure(&measures, SKY_FLINK_SLIDES, 1440);
    assert_measure(&measures, SKY_FLINK_KEYWORDS_KNOWN, 4632);
    assert_measure(&measures, SKY_FLINK_RECORDS, 40109);
    assert_measure(&measures, SKY_FLINK_RESTARTS, 0);
    assert_false(measures.known[SKY_FLINK_EVENT_TIME]); /* it was not asked for */
}

/* The least watermark of all tasks; one that has none yet has the least of all numbers. */
static void test_watermark(void **state)
{
    struct sky_flink_measures measures = {0};
    const char *name = "trends__baselines__gates__ranks.currentInputWatermark";
    char json[256];
    snprintf(json, sizeof json, "[{\"id\":\"%s\",\"min\":-9.223372036854775808E18,\"sum\":0.0}]", name);
    assert_int_equal(sky_flink_read_measures(parse(json), &measures), SKY_OK);
    assert_false(measures.known[SKY_FLINK_EVENT_TIME]);
    snprintf(json, sizeof json, "[{\"id\":\"%s\",\"min\":1.767657599999E12,\"sum\":3.535315199998E12}]", name);
    assert_int_equal(sky_flink_read_measures(parse(json), &measures), SKY_OK);
    assert_measure(&measures, SKY_FLINK_EVENT_TIME, 1767657599999.0);
    assert_int_equal(sky_flink_read_measures(parse("[{\"id\":\"numRestarts\",\"value\":\"NaN\"}]"), &measures), SKY_OK);
    assert_int_equal(
        sky_flink_read_measures(parse("[{\"id\":\"numRestarts\",\"value\":\"1x\"},7,{\"id\":3}]"), &measures), SKY_OK);
    assert_false(measures.known[SKY_FLINK_RESTARTS]);
}

/* ---- the rest ---- */

static void assert_last_error(const char *name, const char *expected)
{
    char reason[SKY_FLINK_REASON_SIZE];
    const struct sky_json_value *errors = sky_json_member(recorded(name), "errors"), *last = sky_json_first(errors);
    for (uint32_t i = 1; i < errors->count; i++)
        last = sky_json_next(last);
    sky_flink_shorten_trace(last->text, reason, sizeof reason);
    assert_int_equal(strncmp(reason, expected, strlen(expected)), 0);
    assert_null(strchr(reason, '\n'));
}

static void test_errors(void **state)
{
    assert_last_error("run_bad_args", "IllegalArgumentException: --nonsense is not a setting of the job; they are: ");
    assert_last_error("run_missing_savepoint",
                      "FileNotFoundException: Cannot find checkpoint or savepoint file/directory "
                      "'file:///tmp/none' on file system 'file'.");
    assert_last_error("run_no_jar",
                      "RestHandlerException: Jar file /tmp/flink/upload/flink-web-upload/none.jar does not exist");
    assert_last_error("run_fixed_again", "DuplicateJobSubmissionException: Job has already been submitted.");
    assert_last_error("job_unknown",
                      "FlinkJobNotFoundException: Could not find Flink job (00000000000000000000000000000000)");
}

static void test_shorten(void **state)
{
    char reason[24];
    sky_flink_shorten_trace(SKY_SPAN(""), reason, sizeof reason);
    assert_string_equal(reason, "");
    sky_flink_shorten_trace(SKY_SPAN("java.lang.NullPointerException\n\tat x"), reason, sizeof reason);
    assert_string_equal(reason, "java.lang.NullPointerEx"); /* cut to the room */
    sky_flink_shorten_trace(SKY_SPAN("a.B: c.D: e.F: \x1b[2Jwhy"), reason, sizeof reason);
    assert_string_equal(reason, "F: [2Jwhy");
    sky_flink_shorten_trace(SKY_SPAN("x\nCaused by: "), reason, sizeof reason);
    assert_string_equal(reason, "");
    sky_flink_shorten_trace(SKY_SPAN("localhost: refused"), reason, sizeof reason);
    assert_string_equal(reason, "localhost: refused");
}

static void test_upload(void **state)
{
    char jar[SKY_FLINK_NAME_SIZE];
    assert_int_equal(sky_flink_read_upload(recorded("upload"), jar), SKY_OK);
    assert_non_null(strstr(jar, "_skytrend-flink.jar"));
    assert_null(strchr(jar, '/'));
    assert_int_equal(sky_flink_read_upload(parse("{\"filename\":\"C:\\\\temp\\\\x.jar\"}"), jar), SKY_OK);
    assert_string_equal(jar, "x.jar");
    assert_int_equal(sky_flink_read_upload(parse("{\"filename\":\"/\"}"), jar), SKY_E_TYPE);
    assert_int_equal(sky_flink_read_upload(parse("{\"filename\":\"a\\u0000b\"}"), jar), SKY_E_TYPE);
    assert_int_equal(sky_flink_read_upload(parse("{}"), jar), SKY_E_TYPE);
}

static void test_failure(void **state)
{
    struct sky_flink_failure failure;
    assert_int_equal(sky_flink_read_failure(recorded("exceptions"), &failure), SKY_OK);
    assert_int_equal(failure.time_ms, 0);
    assert_int_equal(sky_flink_read_failure(
                         parse("{\"exceptionHistory\":{\"entries\":[{\"exceptionName\":\"a.B\",\"stacktrace\":"
                               "\"a.B: first\\n\\tat x\\nCaused by: c.D: second\\n\",\"timestamp\":1795660455115}]}}"),
                         &failure),
                     SKY_OK);
    assert_int_equal(failure.time_ms, 1795660455115);
    assert_string_equal(failure.reason, "D: second");
}

static void test_not_flink(void **state)
{
    struct sky_flink_jobs jobs;
    static struct sky_flink_job job;
    static struct sky_flink_checkpoints checkpoints;
    struct sky_flink_measures measures = {0};
    struct sky_flink_trigger trigger;
    struct sky_flink_failure failure;
    static const char *const answers[] = {
        "{}",
        "[]",
        "7",
        "null",
        "\"jobs\"",
        "{\"jobs\":7}",
        "{\"jobs\":[{\"name\":\"Skytrend trend detection\"}]}",
        "{\"jobs\":[{\"name\":\"Skytrend trend detection\",\"jid\":\"../../0000000000000000000000000\"}]}",
        "{\"vertices\":[{}],\"jid\":\"00000000000000000000000000000000\"}",
        "{\"latest\":{\"completed\":7},\"counts\":{}}",
        "{\"status\":{\"id\":\"LOST\"}}"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct sky_json_value *root = parse(answers[i]);
        assert_int_equal(sky_flink_read_jobs(root, NAME, &jobs), SKY_E_TYPE);
        assert_int_equal(sky_flink_read_job(root, &job), SKY_E_TYPE);
        assert_int_equal(sky_flink_read_checkpoints(root, &checkpoints), SKY_E_TYPE);
        assert_int_equal(sky_flink_read_trigger(root, &trigger), SKY_E_TYPE);
        assert_int_equal(sky_flink_read_failure(root, &failure), SKY_E_TYPE);
        assert_int_equal(sky_flink_read_measures(root, &measures), i == 1 ? SKY_OK : SKY_E_TYPE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs),        cmocka_unit_test(test_many_jobs),     cmocka_unit_test(test_job),
        cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_hostile_paths), cmocka_unit_test(test_trigger),
        cmocka_unit_test(test_measures),    cmocka_unit_test(test_watermark),     cmocka_unit_test(test_errors),
        cmocka_unit_test(test_shorten),     cmocka_unit_test(test_upload),        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_not_flink),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sky_json_document_clean_up(&document);
    return failed;
}
