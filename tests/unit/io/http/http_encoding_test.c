/* Expected: RFC 9110 sections 12.4.2 and 12.5.3; what is compressed is read again by zlib's inflate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <zlib.h>

#include "io/http/http_encoding.h"

static void test_accepts(void **state)
{
    static const char *const yes[] = {"gzip",
                                      "gzip, deflate, br",
                                      "deflate,gzip;q=0.5",
                                      "GZIP",
                                      "x-gzip",
                                      "*",
                                      "br;q=1, gzip;q=0.001",
                                      "identity;q=0, *;q=0.1",
                                      " gzip ; q=1.000 ",
                                      "*;q=0, gzip"};
    static const char *const no[] = {"",         "br",      "gzip;q=0", "gzip;q=0.000", "gzip;q=0, *", "*;q=0",
                                     "identity", "gzip;q=", "gzip;x=1", "gzipped",      "gzip;q=-1"};
    assert_false(sky_http_accepts_gzip(NULL));
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (!sky_http_accepts_gzip(yes[i]))
            fail_msg("not taken: %s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (sky_http_accepts_gzip(no[i]))
            fail_msg("taken: %s", no[i]);
}

static void check_round_trip(size_t len, uint32_t alphabet)
{
    struct sky_buffer bytes = {0}, compressed = {0}, back = {0};
    uint32_t random = 1;
    for (size_t i = 0; i < len; i++) {
        random = random * 1664525 + 1013904223;
        sky_buffer_put_u8(&bytes, (uint8_t)((random >> 16) % alphabet));
    }
    sky_buffer_put_string(&compressed, "before");
    assert_true(sky_http_gzip(sky_buffer_span(&bytes), &compressed));
    assert_memory_equal(compressed.ptr, "before\x1f\x8b", 8);
    assert_true(sky_buffer_reserve(&back, len + 1));
    z_stream stream = {.next_in = compressed.ptr + 6,
                       .avail_in = (uInt)(compressed.len - 6),
                       .next_out = back.ptr,
                       .avail_out = (uInt)(len + 1)};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, len);
    assert_int_equal(stream.avail_in, 0);
    if (len)
        assert_memory_equal(back.ptr, bytes.ptr, len);
    inflateEnd(&stream);
    sky_buffer_clean_up(&bytes);
    sky_buffer_clean_up(&compressed);
    sky_buffer_clean_up(&back);
}

static void test_round_trip(void **state)
{
    check_round_trip(0, 2);
    check_round_trip(1, 2);
    check_round_trip(100000, 256); /* does not get smaller */
    check_round_trip(3000000, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accepts), cmocka_unit_test(test_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
