/* The API over real sockets: statuses, errors, and documents as docs/API.md has them, compared as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/io/api/snapshots.h"
#include "unit/io/http/http_client.h"

#include "io/api/api.h"

struct fixture {
    struct sky_board *board;
    struct sky_api *api;
    uint16_t port;
};

static unsigned render_ready(void *context, struct sky_buffer *body)
{
    sky_buffer_put_string(body, "{\"ready\":false}");
    return 503;
}

static unsigned render_metrics(void *context, struct sky_buffer *body)
{
    sky_buffer_put_string(body, "posts_processed_total 7\n");
    return 200;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    char message[SKY_HTTP_ERROR_SIZE];
    assert_int_equal(sky_board_new(&fixture.board), SKY_OK);
    struct sky_api_options options = {
        .board = fixture.board,
        .address = "127.0.0.1",
        .readyz = {render_ready, NULL, NULL},
        .metrics = {render_metrics, NULL, "text/plain; version=0.0.4; charset=utf-8"},
    };
    assert_int_equal(sky_api_start(&options, &fixture.api, message), SKY_OK);
    assert_memory_equal(sky_api_url(fixture.api), "http://127.0.0.1:", 17);
    fixture.port = (uint16_t)atoi(sky_api_url(fixture.api) + 17);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    sky_api_stop(fixture->api);
    sky_board_free(fixture->board);
    return 0;
}

static void publish_two(const struct fixture *fixture)
{
    struct sky_trend_alert trends[] = {make_trend(0xabc, "#eclipse", "en", 1, 1), make_trend(2, "地震", "ja", 2, 1)};
    struct sky_trend_snapshot snapshot = make_snapshot(trends, 2, 1);
    struct sky_board_status status = {.source = "bsky.network",
                                      .connection = SKY_BOARD_CONNECTED,
                                      .speed = 1,
                                      .lag_ms = 1500,
                                      .posts_per_minute = 1900,
                                      .event_time_ms = NOON + 61000,
                                      .version = "0.1.0"};
    sky_board_set_status(fixture->board, &status);
    assert_int_equal(sky_board_publish(fixture->board, &snapshot), SKY_OK);
}

static void expect(const struct fixture *fixture, const char *target, int status, const char *part)
{
    char *reply = client_get(fixture->port, target);
    if (reply_status(reply) != status || !strstr(reply_body(reply), part))
        fail_msg("%s: not %d with %s, but\n%s", target, status, part, reply);
    free(reply);
}

static void expect_none(const struct fixture *fixture, const char *target, const char *part)
{
    char *reply = client_get(fixture->port, target);
    assert_int_equal(reply_status(reply), 200);
    assert_null(strstr(reply_body(reply), part));
    free(reply);
}

#define STATUS                                                                                                         \
    "{\"source\":\"bsky.network\",\"connection\":\"connected\",\"simulated\":false,\"speed\":1.000000,"                \
    "\"stalled_since\":null,\"lag_seconds\":1.500000,\"posts_per_minute\":1900.000000,"                                \
    "\"event_time\":\"2026-07-04T12:01:01.000Z\",\"warm_up_minutes_left\":0,\"posts_total\":0,\"version\":\"0.1.0\"}"

static void test_trends(void **state)
{
    publish_two(*state);
    expect(*state, "/v1/trends", 200,
           "{\"window_start\":\"2026-07-04T11:51:00.000Z\",\"window_end\":\"2026-07-04T12:01:00.000Z\","
           "\"posts\":19000,\"active_authors\":13000,\"volume\":{\"en\":5000,\"ja\":700},\"warming_up\":false,"
           "\"trends\":[{\"keyword\":\"#eclipse\",\"frequency\":120,");
    expect(*state, "/v1/trends", 200,
           "\"topic\":[],\"previous_rank\":null,\"peak_confidence\":0.875000,\"history\":[100]}");
    expect(*state, "/v1/trends", 200,
           "\"ended\":[],\"recurring\":[],\"top_keywords\":[{\"keyword\":\"today\",\"language\":\"en\","
           "\"count\":400,\"unique_authors\":390,\"history\":[390]}],\"status\":" STATUS "}");
    expect_none(*state, "/v1/trends?limit=1", "地震");
    expect(*state, "/v1/trends?language=ja", 200, "地震");
    expect_none(*state, "/v1/trends?language=ja", "#eclipse");
    expect_none(*state, "/v1/trends?language=other", "eclipse");
}

static void test_before_the_first_snapshot(void **state)
{
    expect(*state, "/v1/trends", 200, "{\"window_start\":null,\"window_end\":null,\"posts\":0");
    expect(*state, "/v1/trends", 200, "\"warming_up\":true,\"trends\":[]");
    expect(*state, "/v1/activity", 200, "\"series\":[]");
    expect(*state, "/v1/trends/x", 404, "keyword_not_found");
}

static void test_parameters(void **state)
{
    static const char *const limits[] = {"0", "501", "-1", "", "abc", "1.5", "+5", "99999999999999999999"};
    char target[128];
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        snprintf(target, sizeof target, "/v1/trends?limit=%s", limits[i]);
        expect(*state, target, 400, "\"message\":\"The parameter 'limit' must be a whole number from 1 to 500.\"");
    }
    expect(*state, "/v1/trends?limit=500", 200, "trends");
    expect(*state, "/v1/trends?limit=0000000001", 200, "trends");
    expect(*state, "/v1/trends?language=EN", 400, "The parameter 'language' must be");
    expect(*state, "/v1/trends?language=*", 200, "trends");
    expect(*state, "/v1/trends?lang=en", 400, "The parameter 'lang' is not known here.");
    expect(*state, "/v1/activity?limit=1", 400, "'limit' is not known here.");
    expect(*state, "/v1/trends?%22%3C=1", 400, "The parameter '\\\"<' is not known here.");
}

static void test_keyword(void **state)
{
    publish_two(*state);
    expect(*state, "/v1/trends/%23eclipse", 200,
           "{\"keyword\":\"#eclipse\",\"window_end\":\"2026-07-04T12:01:00.000Z\",\"languages\":[{\"language\":\"en\","
           "\"trend\":{\"keyword\":\"#eclipse\"");
    expect(*state, "/v1/trends/%E5%9C%B0%E9%9C%87", 200,
           "\"episodes\":[{\"started_at\":\"2026-07-04T12:00:00.000Z\",\"ended_at\":null,\"peak_frequency\":120,"
           "\"best_rank\":2}],\"points\":[{\"window_end\":\"2026-07-04T12:01:00.000Z\",\"frequency\":120,"
           "\"unique_authors\":100,\"rank\":2,\"expected\":10.000000,\"z_score\":5.500000}]}]}");
    expect(*state, "/v1/trends/today?language=en", 200, "\"trend\":null,\"episodes\":[],\"points\":[{\"window_end\":");
    expect(*state, "/v1/trends/today", 200, "\"rank\":null,\"expected\":null,\"z_score\":null}");
    expect(*state, "/v1/trends/today?language=ja", 404, "keyword_not_found");
    expect(*state, "/v1/trends/nothing", 404, "a hashtag begins with %23");
}

static void test_activity(void **state)
{
    publish_two(*state);
    expect(*state, "/v1/activity", 200,
           "\"posts_per_minute\":1900.000000,\"series\":[{\"window_end\":\"2026-07-04T12:01:00.000Z\",\"posts\":19000,"
           "\"active_authors\":13000,\"posts_per_minute\":1900.000000,\"trends\":2}],\"status\":" STATUS "}");
}

static void test_probes(void **state)
{
    char value[512];
    const struct fixture *fixture = *state;
    expect(fixture, "/readyz", 503, "{\"ready\":false}");
    expect(fixture, "/healthz", 404, "not_found"); /* none was given */
    char *reply = client_get(fixture->port, "/metrics");
    assert_true(reply_header(reply, "Content-Type", value));
    assert_string_equal(value, "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(reply_body(reply), "posts_processed_total 7\n");
    free(reply);
}

static void test_assets(void **state)
{
    char value[512];
    static const struct {
        const char *target, *type, *part;
    } assets[] = {
        {"/", "text/html; charset=utf-8", "<title>Skytrend</title>"},
        {"/app.js", "text/javascript; charset=utf-8", "EventSource"},
        {"/style.css", "text/css; charset=utf-8", "prefers-color-scheme"},
        {"/chart.js", "text/javascript; charset=utf-8", "Chart.js v"},
        {"/icon.svg", "image/svg+xml", "<svg"},
        {"/v1/openapi.json", "application/json; charset=utf-8", "\"openapi\": \"3.1"},
    };
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++) {
        char *reply = client_get(((struct fixture *)*state)->port, assets[i].target);
        assert_int_equal(reply_status(reply), 200);
        assert_true(reply_header(reply, "Content-Type", value));
        assert_string_equal(value, assets[i].type);
        assert_non_null(strstr(reply_body(reply), assets[i].part));
        free(reply);
    }
}

static void test_stream(void **state)
{
    const struct fixture *fixture = *state;
    int fd = client_connect(fixture->port);
    client_send(fd, "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    char *reply = client_read(fd, "\"version\":\"\"}}\n\n");
    assert_non_null(strstr(reply, "event: snapshot\ndata: {\"window_start\":null"));
    free(reply);
    publish_two(fixture);
    reply = client_read(fd, "\"history\":[100]");
    assert_non_null(strstr(reply, "event: status\ndata: " STATUS "\n\n"));
    assert_non_null(strstr(reply, "event: snapshot\ndata: {\"window_start\":\"2026-07-04T11:51:00.000Z\""));
    free(reply);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_before_the_first_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parameters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keyword, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_activity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_probes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_assets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stream, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
