/* Expected: the forms that redis_address.h lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/redis/redis_address.h"

static uint32_t expect(const char *text, const char *written, bool secure)
{
    struct sky_redis_address address;
    const char *reason = NULL;
    char out[300];
    if (sky_redis_address_parse(sky_span_from_string(text), &address, &reason) != SKY_OK)
        fail_msg("%s: %s", text, reason);
    sky_redis_endpoint_write(&address.endpoint, out, sizeof out);
    assert_string_equal(out, written);
    assert_int_equal(address.secure, secure);
    return address.database;
}

static void test_forms(void **state)
{
    expect("redis.example", "redis.example:6379", false);
    expect("10.1.2.3:7000", "10.1.2.3:7000", false);
    expect("[::1]", "[::1]:6379", false);
    expect("[fe80::1]:65535", "[fe80::1]:65535", false);
    expect("redis://a:1", "a:1", false);
    expect("redis://a/", "a:6379", false);
    assert_int_equal(expect("redis://127.0.0.1:6379/0", "127.0.0.1:6379", false), 0);
    assert_int_equal(expect("redis://h/15", "h:6379", false), 15);
    assert_int_equal(expect("redis://[::1]:1/3", "[::1]:1", false), 3);
    expect("rediss://cache.example:6380", "cache.example:6380", true);
    expect("unix:/run/redis.sock", "unix:/run/redis.sock", false);
    expect("unix:///run/redis.sock", "unix:/run/redis.sock", false);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"",         ":6379",         "a:",    "a:0",           "a:65536",
                                      "a:12x",    "::1",           "[::1",  "[]:1",          "[::1]6379",
                                      "redis://", "redis://u:p@a", "a:1/x", "a/99999999999", "a/1/2",
                                      "unix:",    "unix:relative", "a b",   "a\n:1",         "a:99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sky_redis_address address;
        const char *reason = NULL;
        if (sky_redis_address_parse(sky_span_from_string(bad[i]), &address, &reason) == SKY_OK)
            fail_msg("taken: %s", bad[i]);
        assert_non_null(reason);
    }
    char text[400] = {0};
    struct sky_redis_address address;
    const char *reason = NULL;
    memset(text, 'a', 300);
    assert_int_equal(sky_redis_address_parse(sky_span_from_string(text), &address, &reason), SKY_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
