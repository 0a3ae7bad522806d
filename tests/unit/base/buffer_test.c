#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"

static void test_what_is_put_is_read_back(void **state)
{
    (void)state;
    struct sky_buffer buffer;
    struct sky_reader reader;
    sky_buffer_init(&buffer);
    sky_buffer_put_u8(&buffer, 0xab);
    sky_buffer_put_u32(&buffer, UINT32_MAX - 1);
    sky_buffer_put_u64(&buffer, UINT64_MAX - 2);
    sky_buffer_put_i64(&buffer, INT64_MIN);
    sky_buffer_put_f64(&buffer, -0.1);
    sky_buffer_put_blob(&buffer, SKY_SPAN("blob"));
    sky_reader_init(&reader, sky_buffer_span(&buffer));
    assert_int_equal(sky_reader_u8(&reader), 0xab);
    assert_int_equal(sky_reader_u32(&reader), UINT32_MAX - 1);
    assert_true(sky_reader_u64(&reader) == UINT64_MAX - 2);
    assert_true(sky_reader_i64(&reader) == INT64_MIN);
    assert_true(sky_reader_f64(&reader) == -0.1);
    assert_true(sky_span_equal(sky_reader_blob(&reader), SKY_SPAN("blob")));
    assert_true(sky_reader_ok(&reader));
    assert_int_equal(reader.offset, buffer.len);
    sky_buffer_clean_up(&buffer);
}

static void test_bytes_are_little_endian(void **state)
{
    (void)state;
    struct sky_buffer buffer = {0};
    sky_buffer_put_u32(&buffer, 0x01020304);
    sky_buffer_put_f64(&buffer, 1.0);
    assert_memory_equal(buffer.ptr, "\x04\x03\x02\x01\0\0\0\0\0\0\xf0\x3f", 12);
    sky_buffer_clean_up(&buffer);
}

static void test_reader_is_sticky_and_stays_inside(void **state)
{
    (void)state;
    struct sky_reader reader;
    sky_reader_init(&reader, SKY_SPAN("\x01\x02\x03\x04\xff"));
    assert_int_equal(sky_reader_u32(&reader), 0x04030201);
    assert_int_equal(sky_reader_u32(&reader), 0);
    assert_int_equal(reader.error.status, SKY_E_TRUNCATED);
    assert_int_equal(reader.error.offset, 4);
    assert_int_equal(sky_reader_u8(&reader), 0); /* there is a byte, but the error stays */
    assert_null(sky_reader_blob(&reader).ptr);
}

static void test_counts_are_bounded_by_what_follows(void **state)
{
    (void)state;
    struct sky_buffer buffer = {0};
    struct sky_reader reader;
    sky_buffer_put_u64(&buffer, 3);
    sky_buffer_put(&buffer, "123456789012", 12);
    sky_reader_init(&reader, sky_buffer_span(&buffer));
    assert_int_equal(sky_reader_count(&reader, 4), 3);
    sky_reader_init(&reader, sky_buffer_span(&buffer));
    assert_int_equal(sky_reader_count(&reader, 5), 0);
    assert_int_equal(reader.error.status, SKY_E_TRUNCATED);
    memset(buffer.ptr, 0xff, 8);
    sky_reader_init(&reader, sky_buffer_span(&buffer));
    assert_int_equal(sky_reader_count(&reader, 8), 0);
    assert_false(sky_reader_ok(&reader));
    sky_buffer_clean_up(&buffer);
}

static void test_grows_and_prints(void **state)
{
    (void)state;
    struct sky_buffer buffer = {0};
    for (int i = 0; i < 10000; i++)
        sky_buffer_printf(&buffer, "%04d", i);
    assert_int_equal(buffer.len, 40000);
    assert_memory_equal(buffer.ptr + 4 * 4321, "4321", 4);
    assert_false(buffer.failed);
    sky_buffer_clean_up(&buffer);
}

static void test_impossible_growth_fails_and_stays_failed(void **state)
{
    (void)state;
    struct sky_buffer buffer = {0};
    sky_buffer_put_string(&buffer, "kept");
    assert_false(sky_buffer_grow(&buffer, SIZE_MAX));
    assert_false(sky_buffer_grow(&buffer, SIZE_MAX - 2));
    assert_true(buffer.failed);
    assert_false(sky_buffer_grow(&buffer, 1));
    assert_int_equal(buffer.len, 4);
    sky_buffer_clear(&buffer); /* for other bytes */
    sky_buffer_put_string(&buffer, "anew");
    assert_false(buffer.failed);
    assert_true(sky_span_equal(sky_buffer_span(&buffer), SKY_SPAN("anew")));
    sky_buffer_clean_up(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_is_read_back),
        cmocka_unit_test(test_bytes_are_little_endian),
        cmocka_unit_test(test_reader_is_sticky_and_stays_inside),
        cmocka_unit_test(test_counts_are_bounded_by_what_follows),
        cmocka_unit_test(test_grows_and_prints),
        cmocka_unit_test(test_impossible_growth_fails_and_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
