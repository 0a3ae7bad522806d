/* The cache against a server that answers what no Redis does. Real ones: tests/system/cache_store_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/io/redis/redis_peer.h"

#include "io/host/clock.h"
#include "io/redis/cache.h"
#include "io/redis/cache_merge.h"

#define END_MS INT64_C(1767578400000) /* 2026-01-05T02:00:00Z */

/* What the server says, by the command. */
struct answers {
    const char *eval, *get, *set;
    atomic_int commands;
    atomic_bool heals; /* from now on it says what Redis would */
};

static void serve(struct peer *peer, void *context)
{
    struct answers *answers = context;
    while (peer_read_command(peer)) {
        bool right = answers->heals;
        const char *answer = strncmp(peer->request, "EVAL", 4) == 0  ? right ? ":1\r\n" : answers->eval
                             : strncmp(peer->request, "GET", 3) == 0 ? right ? "$-1\r\n" : answers->get
                             : right                                 ? "+OK\r\n"
                                                                     : answers->set;
        atomic_fetch_add(&answers->commands, 1);
        if (!peer_send_text(peer, answer))
            return;
    }
}

struct fixture {
    struct answers answers;
    struct scripted_server *server;
    struct sky_redis *redis;
    struct sky_cache *cache;
};

static struct fixture *new_fixture(const struct answers *answers)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct sky_redis_options redis;
    struct sky_cache_options cache;
    char address[32], problem[SKY_REDIS_PROBLEM_SIZE];
    fixture->answers.eval = answers->eval;
    fixture->answers.get = answers->get;
    fixture->answers.set = answers->set;
    fixture->server = scripted_server_new();
    scripted_server_start(fixture->server, serve, &fixture->answers);
    sky_redis_options_default(&redis);
    sky_cache_options_default(&cache);
    snprintf(address, sizeof address, "127.0.0.1:%u", fixture->server->port);
    redis.addresses = address;
    assert_int_equal(sky_redis_new(&redis, &fixture->redis, problem), SKY_OK);
    assert_int_equal(sky_cache_new(&cache, fixture->redis, &fixture->cache), SKY_OK);
    return fixture;
}

static void free_fixture(struct fixture *fixture)
{
    sky_cache_free(fixture->cache);
    sky_redis_free(fixture->redis);
    scripted_server_stop(fixture->server);
    free(fixture);
}

static void add_slide(struct sky_cache *cache)
{
    const struct sky_trend_snapshot snapshot = {.window_start_ms = END_MS - 10 * SKY_MINUTE_MS,
                                                .window_end_ms = END_MS};
    assert_int_equal(sky_cache_add_snapshot(cache, &snapshot, SKY_SPAN("{}")), SKY_OK);
}

static void add_window(struct sky_cache *cache)
{
    const struct sky_activity_record activity = {.window_start_ms = END_MS - 5 * SKY_MINUTE_MS,
                                                 .window_end_ms = END_MS};
    assert_int_equal(sky_cache_add_activity(cache, &activity), SKY_OK);
}

/* At most: half of 100 ms lie between the first two, then twice as much each time, up to half of 5 s. */
static int attempts_within(int64_t ms)
{
    int attempts = 1;
    for (int64_t wait_ms = 50; ms >= wait_ms; wait_ms = wait_ms < 1250 ? 2 * wait_ms : 2500) {
        ms -= wait_ms;
        attempts++;
    }
    return attempts;
}

/* An answer that is none to its command is an error, what it was about still waits, and the next attempts keep their
 * distance, however often the flush is called. */
static void test_wrong_answers(void **state)
{
    static const struct {
        struct answers answers;
        void (*add)(struct sky_cache *cache);
        int commands; /* of an attempt, up to the wrong answer: EVAL, GET, EVAL, SET; of a window GET, EVAL */
        enum sky_status status;
    } cases[] = {
        {{.eval = "+OK\r\n", .get = "$-1\r\n", .set = "+OK\r\n"}, add_slide, 1, SKY_E_MALFORMED},
        {{.eval = "$-1\r\n", .get = "$-1\r\n", .set = "+OK\r\n"}, add_slide, 1, SKY_E_MALFORMED},
        {{.eval = "$1\r\n1\r\n", .get = "$-1\r\n", .set = "+OK\r\n"}, add_slide, 1, SKY_E_MALFORMED},
        {{.eval = ":1\r\n", .get = ":1\r\n", .set = "+OK\r\n"}, add_slide, 2, SKY_E_MALFORMED},
        {{.eval = ":1\r\n", .get = "$-1\r\n", .set = ":1\r\n"}, add_slide, 4, SKY_E_MALFORMED},
        {{.eval = "+OK\r\n", .get = "$-1\r\n", .set = "+OK\r\n"}, add_window, 2, SKY_E_MALFORMED},
        {{.eval = ":0\r\n", .get = "$-1\r\n", .set = "+OK\r\n"}, add_window, 2 * SKY_CACHE_MERGE_TRIES, SKY_E_IO},
        {{.eval = "-ERR unknown command 'EVAL'\r\n", .get = "$-1\r\n", .set = "+OK\r\n"},
         add_slide,
         1,
         SKY_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *fixture = new_fixture(&cases[i].answers);
        cases[i].add(fixture->cache);
        int64_t began_ms = sky_clock_monotonic_ms();
        for (int calls = 0; calls < 100 || sky_clock_monotonic_ms() - began_ms < 300; calls++) {
            assert_int_equal(sky_cache_flush(fixture->cache), cases[i].status);
            assert_false(sky_cache_is_flushed(fixture->cache));
        }
        assert_in_range(fixture->answers.commands, 1,
                        cases[i].commands * attempts_within(sky_clock_monotonic_ms() - began_ms));
        atomic_store(&fixture->answers.heals, true);
        while (sky_cache_flush(fixture->cache) != SKY_OK)
            assert_true(sky_clock_monotonic_ms() - began_ms < 30000);
        assert_true(sky_cache_is_flushed(fixture->cache));
        free_fixture(fixture);
    }
}

/* GET gives a text or nothing. */
static void test_wrong_reading(void **state)
{
    const struct answers answers = {.eval = ":1\r\n", .get = ":1\r\n", .set = "+OK\r\n"};
    struct fixture *fixture = new_fixture(&answers);
    const struct sky_trend_snapshot *snapshot;
    struct sky_span json;
    assert_int_equal(sky_cache_get_current(fixture->cache, 0, &snapshot, &json), SKY_E_MALFORMED);
    assert_int_equal(sky_cache_get_current(fixture->cache, END_MS, &snapshot, &json), SKY_E_MALFORMED);
    assert_int_equal(sky_cache_get_users_now(fixture->cache, &json), SKY_E_MALFORMED);
    atomic_store(&fixture->answers.heals, true);
    assert_int_equal(sky_cache_get_users_now(fixture->cache, &json), SKY_E_MISSING);
    free_fixture(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_answers),
        cmocka_unit_test(test_wrong_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
