/* A server that answers as each case says, byte for byte, and what the client makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/flink/flink.h"
#include "unit/io/net/scripted_server.h"

#define PATIENCE_MS 10000
#define ID          "0123456789abcdef0123456789abcdef"

/* What a case says, and what the server was asked: its thread writes that, the test's reads. */
struct scene {
    const char *answer;
    pthread_mutex_t mutex;
    char head[4096];
    char body[4096];
};

static size_t body_len(const char *head)
{
    const char *length = strcasestr(head, "content-length: ");
    return length ? strtoul(length + 16, NULL, 10) : 0;
}

static void play(struct peer *peer, void *context)
{
    struct scene *scene = context;
    while (peer_read_request(peer)) {
        size_t len = body_len(peer->request), got = 0;
        pthread_mutex_lock(&scene->mutex);
        snprintf(scene->head, sizeof scene->head, "%s", peer->request);
        while (got < len && got + 1 < sizeof scene->body && peer_recv(peer, scene->body + got, 1) == 1)
            got++;
        scene->body[got] = 0;
        pthread_mutex_unlock(&scene->mutex);
        if (!peer_send_text(peer, scene->answer))
            return;
    }
}

static bool stops_at_once(void *context)
{
    (void)context;
    return false;
}

struct client {
    struct scripted_server *server;
    struct sky_flink_rest *rest;
};

static struct client open_client(struct scene *scene, int timeout_ms, bool (*goes_on)(void *context))
{
    struct client client = {.server = scripted_server_new()};
    char url[64], problem[SKY_FLINK_PROBLEM_SIZE];
    scripted_server_start(client.server, play, scene);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", client.server->port);
    const struct sky_flink_options options = {.url = url,
                                              .user_agent = "skytrend/test",
                                              .connect_timeout_ms = PATIENCE_MS,
                                              .timeout_ms = timeout_ms,
                                              .long_timeout_ms = PATIENCE_MS,
                                              .goes_on = goes_on};
    if (sky_flink_rest_new(&options, &client.rest, problem) != SKY_OK)
        fail_msg("%s", problem);
    return client;
}

static void close_client(struct client *client)
{
    sky_flink_rest_free(client->rest);
    scripted_server_stop(client->server);
}

/* One GET of /overview. */
static void check(const char *answer, int timeout_ms, enum sky_status expected, unsigned code, const char *problem)
{
    struct scene scene = {.mutex = PTHREAD_MUTEX_INITIALIZER, .answer = answer};
    struct client client = open_client(&scene, timeout_ms, NULL);
    enum sky_status status = sky_flink_rest_get(client.rest, "/overview");
    const char *said = sky_flink_rest_problem(client.rest);
    if (status != expected || sky_flink_rest_code(client.rest) != code || !strstr(said, problem))
        fail_msg("%.60s: %s, %u, %s", answer, sky_status_name(status), sky_flink_rest_code(client.rest), said);
    if (status != SKY_OK)
        assert_int_equal(strncmp(said, "http://127.0.0.1:", 17), 0);
    close_client(&client);
}

#define HEAD(code, length) "HTTP/1.1 " code " x\r\nContent-Type: application/json\r\nContent-Length: " length "\r\n\r\n"

static void check_body(int code, const char *body, enum sky_status expected, const char *problem)
{
    char answer[1024];
    snprintf(answer, sizeof answer, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\n\r\n%s", code, strlen(body), body);
    check(answer, PATIENCE_MS, expected, (unsigned)code, problem);
}

static void test_answers(void **state)
{
    check_body(200, "{}", SKY_OK, "");
    check_body(202, "", SKY_OK, "");
    check_body(404, "{\"errors\":[\"not here\"]}", SKY_E_MISSING, "/overview answered 404: not here");
    check_body(503, "{\"errors\":[\"leader\"]}", SKY_E_TIMEOUT, "answered 503: leader");
    check_body(500, "{\"errors\":[\"Internal.\",\"a.B: c.D: e\"]}", SKY_E_IO, "answered 500: D: e");
    check_body(502, "<html>\x1b[2Jno\n", SKY_E_IO, "answered 502: <html> [2Jno");
    check_body(400, "null", SKY_E_IO, "answered 400");
    check_body(400, "{\"errors\":7}", SKY_E_IO, "answered 400");
    check_body(200, "<html>", SKY_E_MALFORMED, "is that a Flink cluster?");
    check("HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", PATIENCE_MS, SKY_E_IO, 302,
          "answered 302");
    check("nonsense\r\n\r\n", PATIENCE_MS, SKY_E_IO, 0, "");
}

static void test_no_answer_in_time(void **state)
{
    check("", 300, SKY_E_TIMEOUT, 0, "no answer within");
    check(HEAD("200", "20") "{", 300, SKY_E_TIMEOUT, 0, "no answer within");
}

static void test_too_long(void **state)
{
    static char answer[SKY_FLINK_ANSWER_BYTES_MAX + 1000];
    int head = snprintf(answer, sizeof answer, HEAD("200", "%u"), SKY_FLINK_ANSWER_BYTES_MAX + 1);
    memset(answer + head, ' ', SKY_FLINK_ANSWER_BYTES_MAX + 1);
    check(answer, PATIENCE_MS, SKY_E_LIMIT, 0, "longer than 8388608 bytes");
}

static void test_nobody(void **state)
{
    struct sky_flink_rest *rest;
    char problem[SKY_FLINK_PROBLEM_SIZE];
    struct sky_flink_options options = {.url = "http://127.0.0.1:1",
                                        .user_agent = "skytrend/test",
                                        .connect_timeout_ms = PATIENCE_MS,
                                        .timeout_ms = PATIENCE_MS};
    assert_int_equal(sky_flink_rest_new(&options, &rest, problem), SKY_OK);
    assert_int_equal(sky_flink_rest_get(rest, "/overview"), SKY_E_IO);
    assert_int_equal(sky_flink_rest_code(rest), 0);
    assert_null(sky_flink_rest_answer(rest));
    assert_non_null(strstr(sky_flink_rest_problem(rest), "http://127.0.0.1:1: "));
    sky_flink_rest_free(rest);
    static const char *const urls[] = {"",        "127.0.0.1:8081", "ws://127.0.0.1", "http://user@host",
                                       "http://", "http://h?x"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        options.url = urls[i];
        assert_int_equal(sky_flink_rest_new(&options, &rest, problem), SKY_E_CONFIG);
        assert_non_null(strstr(problem, "flink.url"));
    }
}

static void test_stopped(void **state)
{
    struct scene scene = {.mutex = PTHREAD_MUTEX_INITIALIZER, .answer = ""};
    struct client client = open_client(&scene, PATIENCE_MS, stops_at_once);
    assert_int_equal(sky_flink_rest_get(client.rest, "/overview"), SKY_E_IO);
    assert_non_null(strstr(sky_flink_rest_problem(client.rest), "it was stopped"));
    close_client(&client);
}

/* ---- what is asked ---- */

static void assert_asked(struct scene *scene, const char *line, const char *body)
{
    pthread_mutex_lock(&scene->mutex);
    if (strncmp(scene->head, line, strlen(line)) != 0 || strcmp(scene->body, body) != 0)
        fail_msg("%s%s", scene->head, scene->body);
    pthread_mutex_unlock(&scene->mutex);
}

static void test_requests(void **state)
{
    struct scene scene = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                          .answer = HEAD("200", "49") "{\"request-id\":\"" ID "\"}"};
    struct client client = open_client(&scene, PATIENCE_MS, NULL);
    char id[SKY_FLINK_ID_SIZE];
    assert_int_equal(sky_flink_save(client.rest, ID, NULL, false, id), SKY_OK);
    assert_asked(&scene, "POST /jobs/" ID "/savepoints HTTP/1.1\r\n", "{\"cancel-job\":false}");
    assert_string_equal(id, ID);
    assert_int_equal(sky_flink_save(client.rest, ID, "s3://a/\"b", true, id), SKY_OK);
    assert_asked(&scene, "POST /jobs/" ID "/stop HTTP/1.1\r\n",
                 "{\"drain\":false,\"targetDirectory\":\"s3://a/\\\"b\"}");
    assert_int_equal(sky_flink_cancel(client.rest, ID), SKY_OK);
    assert_asked(&scene, "PATCH /jobs/" ID " HTTP/1.1\r\n", "");
    assert_int_equal(sky_flink_remove(client.rest, "a b/%_x.jar"), SKY_OK);
    assert_asked(&scene, "DELETE /jars/a%20b%2F%25_x.jar HTTP/1.1\r\n", "");
    struct sky_flink_jobs jobs; /* a GET behind others is one, and an answer of another kind is said to be so */
    assert_int_equal(sky_flink_find(client.rest, "x", &jobs), SKY_E_TYPE);
    assert_asked(&scene, "GET /jobs/overview HTTP/1.1\r\n", "");
    assert_non_null(strstr(sky_flink_rest_problem(client.rest), "not as Flink's REST API has it"));
    close_client(&client);
}

static void test_run(void **state)
{
    struct scene scene = {.mutex = PTHREAD_MUTEX_INITIALIZER, .answer = HEAD("200", "44") "{\"jobid\":\"" ID "\"}"};
    struct client client = open_client(&scene, PATIENCE_MS, NULL);
    char id[SKY_FLINK_ID_SIZE];
    static const char *const arguments[] = {"--a", "", "--b", "x\ny"};
    struct sky_flink_run run = {.jar = "x.jar", .arguments = arguments, .arguments_count = 4};
    assert_int_equal(sky_flink_run(client.rest, &run, id), SKY_OK);
    assert_string_equal(id, ID);
    assert_asked(&scene, "POST /jars/x.jar/run HTTP/1.1\r\n", "{\"programArgsList\":[\"--a\",\"\",\"--b\",\"x\\ny\"]}");
    run = (struct sky_flink_run){
        .jar = "x.jar", .parallelism = 3, .job_id = ID, .savepoint = "s3://a", .allow_non_restored = true};
    assert_int_equal(sky_flink_run(client.rest, &run, id), SKY_OK);
    assert_asked(&scene, "POST /jars/x.jar/run HTTP/1.1\r\n",
                 "{\"programArgsList\":[],\"parallelism\":3,\"jobId\":\"" ID
                 "\",\"savepointPath\":\"s3://a\",\"allowNonRestoredState\":true}");
    close_client(&client);
}

/* As a form (RFC 7578), its one field named as Flink wants it. */
static void test_upload(void **state)
{
    struct scene scene = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                          .answer = HEAD("200", "25") "{\"filename\":\"/a/b_c.jar\"}"};
    struct client client = open_client(&scene, PATIENCE_MS, NULL);
    char jar[SKY_FLINK_NAME_SIZE];
    FILE *file = fopen("upload.jar", "wbe");
    assert_true(file && fputs("the jar", file) >= 0 && fclose(file) == 0);
    assert_int_equal(sky_flink_upload(client.rest, "upload.jar", jar), SKY_OK);
    assert_string_equal(jar, "b_c.jar");
    pthread_mutex_lock(&scene.mutex);
    assert_non_null(strstr(scene.head, "POST /jars/upload HTTP/1.1\r\n"));
    assert_non_null(strcasestr(scene.head, "Content-Type: multipart/form-data; boundary="));
    assert_null(strcasestr(scene.head, "application/json"));
    assert_non_null(strstr(scene.body, "name=\"jarfile\"; filename=\"upload.jar\""));
    assert_non_null(strstr(scene.body, "\r\n\r\nthe jar\r\n"));
    pthread_mutex_unlock(&scene.mutex);
    assert_int_equal(sky_flink_upload(client.rest, "absent.jar", jar), SKY_E_IO);
    assert_string_equal(sky_flink_rest_problem(client.rest), "absent.jar: No such file or directory");
    remove("upload.jar");
    close_client(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_no_answer_in_time),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_stopped),  cmocka_unit_test(test_requests),
        cmocka_unit_test(test_run),      cmocka_unit_test(test_upload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
