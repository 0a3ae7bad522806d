/* Against a naive bucket: a number of tokens that grows with time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "io/http/http_limit.h"

static struct sky_http_address ipv4(uint32_t number)
{
    struct sky_http_address address = {.bytes = {[10] = 0xff, [11] = 0xff}};
    for (int i = 0; i < 4; i++)
        address.bytes[15 - i] = (uint8_t)(number >> 8 * i);
    return address;
}

static uint64_t random_state = 1;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % below;
}

static void check_rate(uint32_t rate)
{
    struct sky_http_limit *limit;
    struct sky_http_address client = ipv4(7);
    double tokens = rate;
    int64_t now_ms = 1000000, last_ms = now_ms;
    uint32_t refused = 0, wait_s;
    assert_int_equal(sky_http_limit_new(rate, 42, &limit), SKY_OK);
    for (int i = 0; i < 40000; i++) {
        now_ms += draw(4000) ? draw(60000 / rate + 1) : draw(60000);
        tokens += (double)(now_ms - last_ms) * rate / 60000.0;
        tokens = tokens > rate ? rate : tokens;
        last_ms = now_ms;
        if (tokens > 0.99 && tokens < 1.01 && tokens < rate)
            continue; /* either will do: a token is a whole number of units */
        bool may = sky_http_limit_take(limit, &client, now_ms, &wait_s);
        if (may != (tokens >= 1))
            fail_msg("rate %u, request %d: %f tokens", rate, i, tokens);
        if (may) {
            tokens -= 1;
            continue;
        }
        refused++;
        double wanted_s = (1 - tokens) * 60.0 / rate; /* in whole seconds, and not too early */
        if (wait_s < 1 || wait_s + 0.05 < wanted_s || wait_s > wanted_s + 1.05)
            fail_msg("rate %u: %u s instead of %f", rate, wait_s, wanted_s);
    }
    if (refused <= 100)
        fail_msg("rate %u: %u refused", rate, refused);
    sky_http_limit_free(limit);
}

static void test_model(void **state)
{
    check_rate(1);
    check_rate(7);
    check_rate(60);
    check_rate(600);
}

/* One who floods does not touch another; all of one /64 are one. */
static void test_clients(void **state)
{
    struct sky_http_limit *limit;
    struct sky_http_address one = ipv4(1), other = ipv4(2);
    uint32_t wait_s;
    assert_int_equal(sky_http_limit_new(10, 42, &limit), SKY_OK);
    for (int i = 0; i < 10; i++)
        assert_true(sky_http_limit_take(limit, &one, 5, &wait_s));
    assert_false(sky_http_limit_take(limit, &one, 5, &wait_s));
    assert_int_equal(wait_s, 6);
    assert_true(sky_http_limit_take(limit, &other, 5, &wait_s));
    struct sky_http_address ipv6 = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};
    int allowed = 0;
    for (uint8_t i = 0; i < 100; i++) {
        ipv6.bytes[15] = i;
        allowed += sky_http_limit_take(limit, &ipv6, 5, &wait_s);
    }
    assert_int_equal(allowed, 10);
    ipv6.bytes[7] = 1;
    assert_true(sky_http_limit_take(limit, &ipv6, 5, &wait_s));
    sky_http_limit_free(limit);
}

/* More clients than places, each once: the one who floods between them stays known. */
static void test_crowd(void **state)
{
    struct sky_http_limit *limit;
    struct sky_http_address flood = ipv4(UINT32_MAX);
    uint32_t wait_s;
    int allowed = 0;
    assert_int_equal(sky_http_limit_new(100, 42, &limit), SKY_OK);
    for (uint32_t i = 0; i < 10 * SKY_HTTP_LIMIT_CLIENTS; i++) {
        struct sky_http_address client = ipv4(i);
        assert_true(sky_http_limit_take(limit, &client, 5, &wait_s));
        allowed += sky_http_limit_take(limit, &flood, 5, &wait_s);
    }
    assert_int_equal(allowed, 100);
    sky_http_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model), cmocka_unit_test(test_clients),
                                       cmocka_unit_test(test_crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
