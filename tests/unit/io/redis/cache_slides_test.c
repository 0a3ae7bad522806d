/* The slides' writer against a server that answers what no Redis does. Real ones: tests/system/cache_store_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/io/net/scripted_server.h"

#include "base/time.h"
#include "io/redis/cache_slides.h"

#define SLIDES 3

/* Each command, which ends with its TTL, is answered alike. */
static void serve(struct peer *peer, void *context)
{
    const char last[] = "\r\n60000\r\n";
    char byte;
    size_t same = 0;
    while (peer_recv(peer, &byte, 1) == 1) {
        same = byte == last[same] ? same + 1 : byte == last[0] ? 1 : 0;
        if (last[same])
            continue;
        same = 0;
        if (!peer_send_text(peer, context))
            return;
    }
}

static void check(const char *answer, enum sky_status status, uint64_t written)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_cache_slides *slides = malloc(sizeof *slides);
    struct sky_redis_options options;
    struct sky_redis *redis;
    char address[32], problem[SKY_REDIS_PROBLEM_SIZE];
    uint64_t writes = 0;
    scripted_server_start(server, serve, (void *)(uintptr_t)answer);
    sky_redis_options_default(&options);
    snprintf(address, sizeof address, "127.0.0.1:%u", server->port);
    options.addresses = address;
    assert_int_equal(sky_redis_new(&options, &redis, problem), SKY_OK);
    sky_cache_slides_init(slides);
    for (int i = 1; i <= SLIDES; i++) {
        const struct sky_trend_snapshot snapshot = {.window_end_ms = i * SKY_MINUTE_MS};
        assert_int_equal(sky_cache_slides_add(slides, &snapshot), SKY_OK);
    }
    assert_int_equal(sky_cache_slides_flush(slides, redis, 60000, &writes), status);
    assert_int_equal(writes, written);
    assert_int_equal(sky_cache_slides_wait(slides), status != SKY_OK);
    sky_cache_slides_clean_up(slides);
    sky_redis_free(redis);
    scripted_server_stop(server);
    free(slides);
}

/* The kinds of replies of RESP2. */
static void test_answers(void **state)
{
    check("+OK\r\n", SKY_OK, SLIDES);
    check("$-1\r\n", SKY_E_MALFORMED, 0);
    check("$2\r\nOK\r\n", SKY_E_MALFORMED, 0);
    check(":1\r\n", SKY_E_MALFORMED, 0);
    check("*0\r\n", SKY_E_MALFORMED, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
