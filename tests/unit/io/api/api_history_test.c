/* /v1/history over HTTP, from a lake in a folder that holds slides whose trends are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "unit/io/http/http_client.h"

#include "io/api/api.h"
#include "io/host/clock.h"
#include "io/lake/lake.h"

#define FIRST  INT64_C(1767621600000) /* 2026-01-05T14:00:00Z */
#define SLIDES 30
#define MINUTE INT64_C(60000)

struct fixture {
    char folder[64];
    struct sky_board *board;
    struct sky_api *api;
    struct sky_lake_query_options lake;
    uint16_t port;
    enum sky_status reported;
    char problem[256];
};

static void report(void *context, enum sky_status status, const char *problem)
{
    struct fixture *fixture = context;
    fixture->reported = status;
    snprintf(fixture->problem, sizeof fixture->problem, "%.200s", problem);
}

/* Of the slide that ends `minute` minutes behind FIRST: "storm" always, "#snow" from the 20th on. */
static void add_slide(struct sky_lake *lake, int minute)
{
    struct sky_trend_alert alerts[2] = {{.id = 1, .keyword = SKY_SPAN("storm"), .language = SKY_SPAN("en")},
                                        {.id = 2, .keyword = SKY_SPAN("#snow"), .language = SKY_SPAN("de")}};
    struct sky_trend_snapshot snapshot = {.window_start_ms = FIRST + (minute - 10) * MINUTE,
                                          .window_end_ms = FIRST + minute * MINUTE,
                                          .trends = alerts,
                                          .trends_count = minute >= 20 ? 2 : 1};
    for (uint32_t i = 0; i < 2; i++) {
        alerts[i].rank = i + 1;
        alerts[i].kind = SKY_TREND_ONGOING;
        alerts[i].frequency = (uint32_t)(100 * (i + 1) + (uint32_t)minute);
        alerts[i].unique_authors = 50;
        alerts[i].window_start_ms = snapshot.window_start_ms;
        alerts[i].window_end_ms = snapshot.window_end_ms;
        alerts[i].started_at_ms = FIRST + (i ? 20 : 1) * MINUTE;
    }
    assert_int_equal(sky_lake_add_trends(lake, &snapshot), SKY_OK);
}

static void fill_lake(const char *folder)
{
    struct sky_lake_store *store;
    struct sky_lake *lake;
    char staging[96], problem[SKY_LAKE_PROBLEM_SIZE];
    const struct sky_lake_store_options options = {.location = folder};
    const struct sky_lake_chunk chunk = {"trends", 0, 0, SLIDES};
    assert_int_equal(sky_lake_store_new(&options, &store, problem), SKY_OK);
    assert_int_equal(sky_lake_store_check(store, true), SKY_OK);
    snprintf(staging, sizeof staging, "%s/.staging", folder);
    const struct sky_lake_options lake_options = {store, staging, UINT64_C(256) << 20};
    assert_int_equal(sky_lake_new(&lake_options, &lake, problem), SKY_OK);
    for (int minute = 1; minute <= SLIDES; minute++)
        add_slide(lake, minute);
    assert_int_equal(sky_lake_store_trend_aggregations(lake, &chunk), SKY_OK);
    sky_lake_free(lake);
    sky_lake_store_free(store);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char message[SKY_HTTP_ERROR_SIZE];
    unsigned port;
    *state = fixture;
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/skytrend-history-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fill_lake(fixture->folder);
    fixture->lake =
        (struct sky_lake_query_options){.location = fixture->folder, .memory_bytes = UINT64_C(256) << 20, .threads = 2};
    assert_int_equal(sky_board_new(&fixture->board), SKY_OK);
    const struct sky_api_options options = {
        .board = fixture->board, .address = "127.0.0.1", .history = {&fixture->lake, report, fixture}};
    if (sky_api_start(&options, &fixture->api, message) != SKY_OK)
        fail_msg("%s", message);
    assert_int_equal(sscanf(sky_api_url(fixture->api), "http://127.0.0.1:%u/", &port), 1);
    fixture->port = (uint16_t)port;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    sky_api_stop(fixture->api);
    sky_board_free(fixture->board);
    snprintf(command, sizeof command, "rm -rf %s", fixture->folder);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static char *ask(struct fixture *fixture, const char *query, int status)
{
    char target[512];
    snprintf(target, sizeof target, "/v1/history?%s", query);
    char *reply = client_get(fixture->port, target);
    if (reply_status(reply) != status)
        fail_msg("%s is answered by\n%s", target, reply);
    return reply;
}

static int count(const char *text, const char *part)
{
    int found = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        found++;
    return found;
}

#define DAY "from=2026-01-05&to=2026-01-06"

static void test_trends(void **state)
{
    char *reply = ask(*state, DAY, 200);
    assert_non_null(
        strstr(reply, "{\"from\":\"2026-01-05T00:00:00.000Z\",\"to\":\"2026-01-06T00:00:00.000Z\",\"trends\":[{"));
    assert_int_equal(count(reply, "\"slides\":30"), 1);
    assert_int_equal(count(reply, "\"slides\":11"), 1);
    assert_non_null(strstr(reply, "\"frequency\":130,")); /* storm's highest */
    assert_non_null(strstr(reply, "\"best_rank\":2,\"keyword\":\"#snow\",\"language\":\"de\",\"frequency\":230,"));
    assert_non_null(strstr(reply, "\"more\":false}"));
    free(reply);
    assert_int_equal(((struct fixture *)*state)->reported, SKY_OK);
}

static void test_filters(void **state)
{
    char *reply = ask(*state, DAY "&keyword=Snow", 200); /* a hashtag too, in any case */
    assert_null(strstr(reply, "storm"));
    assert_int_equal(count(reply, "#snow"), 1);
    free(reply);
    reply = ask(*state, DAY "&language=en", 200);
    assert_null(strstr(reply, "#snow"));
    free(reply);
    reply = ask(*state, "from=2026-01-05T14:10:00Z&to=2026-01-05T14:15:00Z&by=slide", 200);
    assert_int_equal(count(reply, "\"keyword\":\"storm\""), 5); /* window_end of minute 10 to 14 */
    assert_non_null(strstr(reply, "\"slides\":[{\"window_end\":\"2026-01-05T14:10:00.000Z\",\"rank\":1,"));
    free(reply);
    reply = ask(*state, DAY "&by=slide&limit=7", 200);
    assert_int_equal(count(reply, "\"keyword\""), 7);
    assert_non_null(strstr(reply, "\"more\":true}"));
    free(reply);
    reply = ask(*state, DAY "&by=slide&limit=41", 200);
    assert_int_equal(count(reply, "\"keyword\""), 41); /* all of them */
    assert_non_null(strstr(reply, "\"more\":false}"));
    free(reply);
    reply = ask(*state, "from=2025-01-05&to=2025-01-06", 200);
    assert_non_null(strstr(reply, "\"trends\":[],\"more\":false}"));
    free(reply);
    reply = ask(*state, DAY "&keyword=%27%29%20OR%201=1%20--", 200); /* ') OR 1=1 -- */
    assert_non_null(strstr(reply, "\"trends\":[],"));
    free(reply);
}

static void test_parameters(void **state)
{
    static const char *const bad[] = {
        "",
        "from=2026-01-05",
        "from=2026-01-06&to=2026-01-05",
        "from=2026-01-05&to=2026-01-05",
        "from=2026-01-05&to=2026-02-06",
        "from=yesterday&to=2026-01-05",
        "from=2026-13-05&to=2026-01-06",
        DAY "&by=hour",
        DAY "&limit=0",
        DAY "&limit=1001",
        DAY "&limit=-1",
        DAY "&language=e",
        DAY "&keywords=a",
        DAY "&from=2026-01-05",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        free(ask(*state, bad[i], 400));
}

/* To a lake without anything, to none, and back. */
static void test_move(void **state)
{
    struct fixture *fixture = *state;
    char empty[] = "/tmp/skytrend-history-XXXXXX";
    assert_non_null(mkdtemp(empty));
    const struct sky_lake_query_options other = {.location = empty, .memory_bytes = UINT64_C(256) << 20, .threads = 2};
    free(ask(fixture, DAY, 200));
    sky_api_move_history(fixture->api, &other);
    char *reply = ask(fixture, DAY, 200);
    assert_non_null(strstr(reply, "\"trends\":[],"));
    free(reply);
    sky_api_move_history(fixture->api, NULL);
    free(ask(fixture, DAY, 503));
    sky_api_move_history(fixture->api, &fixture->lake);
    reply = ask(fixture, DAY, 200);
    assert_int_equal(count(reply, "\"slides\":30"), 1);
    free(reply);
    assert_int_equal(rmdir(empty), 0);
}

/* The lake is not there yet, then it is; what is wrong is for the log, not for who asks. */
static void test_away(void **state)
{
    struct fixture *fixture = *state;
    char elsewhere[96];
    snprintf(elsewhere, sizeof elsewhere, "%s-away", fixture->folder);
    assert_int_equal(rename(fixture->folder, elsewhere), 0);
    char *reply = ask(fixture, DAY, 503);
    assert_non_null(strstr(reply, "\"code\":\"lake_unavailable\""));
    assert_null(strstr(reply, fixture->folder));
    free(reply);
    assert_int_not_equal(fixture->reported, SKY_OK);
    assert_true(fixture->problem[0]);
    assert_int_equal(rename(elsewhere, fixture->folder), 0);
    free(ask(fixture, DAY, 200));
    assert_int_equal(fixture->reported, SKY_OK);
}

/* A listener that takes connections and says nothing, as a store that hangs does. */
static int listen_silently(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

struct silent {
    struct sky_lake_query_options lake;
    struct sky_s3_options s3;
    struct sky_board *board;
    struct sky_api *api;
    char endpoint[64];
    uint16_t port;
    int fd;
};

static void silent_start(struct silent *silent, int ms_max)
{
    char message[SKY_HTTP_ERROR_SIZE];
    unsigned port;
    *silent = (struct silent){.port = 0};
    silent->fd = listen_silently(&silent->port);
    sky_s3_options_default(&silent->s3);
    snprintf(silent->endpoint, sizeof silent->endpoint, "http://127.0.0.1:%u", silent->port);
    silent->s3.endpoint = silent->endpoint;
    silent->s3.access_key = silent->s3.secret_key = "secret";
    silent->lake = (struct sky_lake_query_options){
        .location = "s3://lake", .s3 = &silent->s3, .memory_bytes = UINT64_C(256) << 20, .threads = 1};
    assert_int_equal(sky_board_new(&silent->board), SKY_OK);
    const struct sky_api_options options = {
        .board = silent->board, .address = "127.0.0.1", .history = {.lake = &silent->lake, .ms_max = ms_max}};
    assert_int_equal(sky_api_start(&options, &silent->api, message), SKY_OK);
    assert_int_equal(sscanf(sky_api_url(silent->api), "http://127.0.0.1:%u/", &port), 1);
    silent->port = (uint16_t)port;
}

static void silent_stop(struct silent *silent)
{
    sky_api_stop(silent->api);
    sky_board_free(silent->board);
    close(silent->fd);
}

/* Each question has its time, and the next one after it its own. */
static void test_too_long(void **state)
{
    struct silent silent;
    (void)state;
    silent_start(&silent, 300);
    for (int i = 0; i < 2; i++) {
        int64_t began_ms = sky_clock_monotonic_ms();
        char *reply = client_get(silent.port, "/v1/history?" DAY);
        assert_int_equal(reply_status(reply), 504);
        assert_non_null(strstr(reply, "\"code\":\"lake_timeout\""));
        assert_true(sky_clock_monotonic_ms() - began_ms < 5000);
        free(reply);
    }
    silent_stop(&silent);
}

static void *ask_in_vain(void *context)
{
    struct silent *silent = context;
    free(client_get(silent->port, "/v1/history?" DAY));
    return NULL;
}

/* The server ends though a question waits for the store. */
static void test_stop(void **state)
{
    struct silent silent;
    pthread_t thread;
    (void)state;
    silent_start(&silent, 120000);
    assert_int_equal(pthread_create(&thread, NULL, ask_in_vain, &silent), 0);
    usleep(300000);
    int64_t began_ms = sky_clock_monotonic_ms();
    silent_stop(&silent);
    assert_true(sky_clock_monotonic_ms() - began_ms < 5000);
    pthread_join(thread, NULL);
}

static void *interrupt_later(void *context)
{
    usleep(300000);
    for (int i = 0; i < 3; i++) {
        sky_lake_query_interrupt(context);
        usleep(50000);
    }
    return NULL;
}

/* Work of DuckDB's own that would take hours. */
static void test_interrupt(void **state)
{
    struct fixture *fixture = *state;
    struct sky_lake_query *query;
    pthread_t thread;
    char problem[SKY_LAKE_QUERY_PROBLEM_SIZE];
    assert_int_equal(sky_lake_query_new(&fixture->lake, &query, problem), SKY_OK);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_later, query), 0);
    int64_t began_ms = sky_clock_monotonic_ms();
    assert_int_equal(
        sky_lake_query_sql(query,
                           SKY_SPAN("SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * "
                                    "b.range % 7 = 1"),
                           FIRST, FIRST + MINUTE, 0),
        SKY_E_END);
    assert_true(sky_clock_monotonic_ms() - began_ms < 10000);
    pthread_join(thread, NULL);
    sky_lake_query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parameters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_move, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
