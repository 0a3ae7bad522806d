/* The place of a lake in a bucket: what of the bucket is the lake's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/lake/lake_store.h"
#include "unit/io/net/scripted_server.h"

#define NO_UPLOADS "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"

/* The request's first line is kept. */
static void list_nothing(struct peer *peer, void *context)
{
    char answer[512], *line = context;
    if (!peer_read_request(peer))
        return;
    snprintf(line, 256, "%.*s", (int)strcspn(peer->request, "\r"), peer->request);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
             strlen(NO_UPLOADS), NO_UPLOADS);
    peer_send_text(peer, answer);
}

static void assert_asks_for(const char *location, const char *expected)
{
    static char line[256]; /* the thread may outlive a failed test */
    char endpoint[64], problem[SKY_S3_PROBLEM_SIZE];
    uint32_t count = 7;
    struct scripted_server *server = scripted_server_new();
    struct sky_lake_store *store;
    struct sky_s3_options s3;
    scripted_server_start(server, list_nothing, line);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", server->port);
    sky_s3_options_default(&s3);
    s3.endpoint = endpoint;
    s3.access_key = "key";
    s3.secret_key = "secret";
    const struct sky_lake_store_options options = {.location = location, .s3 = &s3};
    assert_int_equal(sky_lake_store_new(&options, &store, problem), SKY_OK);
    assert_int_equal(sky_lake_store_abort_uploads(store, 0, &count), SKY_OK);
    assert_int_equal(count, 0);
    sky_lake_store_free(store);
    scripted_server_stop(server);
    if (!strstr(line, expected))
        fail_msg("%s has no %s", line, expected);
}

static void test_uploads_of_the_lake_alone(void **state)
{
    (void)state;
    assert_asks_for("s3://bucket/some/prefix", "prefix=some%2Fprefix%2F");
    assert_asks_for("s3://bucket/some/prefix//", "prefix=some%2Fprefix%2F");
    assert_asks_for("s3://bucket", "prefix=");
}

static void test_a_folder_has_none(void **state)
{
    char problem[SKY_S3_PROBLEM_SIZE];
    uint32_t count = 7;
    struct sky_lake_store *store;
    const struct sky_lake_store_options options = {.location = "/nowhere"};
    (void)state;
    assert_int_equal(sky_lake_store_new(&options, &store, problem), SKY_OK);
    assert_int_equal(sky_lake_store_abort_uploads(store, 0, &count), SKY_OK);
    assert_int_equal(count, 0);
    sky_lake_store_free(store);
}

static void test_what_a_place_is(void **state)
{
    char problem[SKY_S3_PROBLEM_SIZE];
    struct sky_lake_store *store;
    static const char *const neither[] = {"", "ftp://x", "s3:/skytrend", "S3:/skytrend", "file:///srv/lake", "gs+x:/a"};
    static const char *const folders[] = {"lake", "/srv/a:/b", "./ftp:/x", "a:b", ":/x", "s3"};
    static const char *const buckets[] = {"s3://skytrend", "S3://skytrend/a"};
    (void)state;
    for (size_t i = 0; i < sizeof neither / sizeof *neither; i++) {
        const struct sky_lake_store_options options = {.location = neither[i]};
        assert_int_equal(sky_lake_store_new(&options, &store, problem), SKY_E_CONFIG);
        assert_non_null(strstr(problem, "neither"));
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const struct sky_lake_store_options options = {.location = folders[i]};
        assert_int_equal(sky_lake_store_new(&options, &store, problem), SKY_OK);
        assert_null(sky_lake_store_s3(store));
        sky_lake_store_free(store);
    }
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++)
        assert_true(sky_lake_is_s3(buckets[i]));
    assert_false(sky_lake_is_s3("s3:/skytrend"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uploads_of_the_lake_alone),
        cmocka_unit_test(test_a_folder_has_none),
        cmocka_unit_test(test_what_a_place_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
