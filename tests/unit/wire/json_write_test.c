#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "wire/json_write.h"

static void test_containers_and_commas(void **state)
{
    (void)state;
    struct sky_buffer buffer = {0};
    struct sky_json_writer json;
    sky_json_begin(&json, &buffer);
    sky_json_object(&json);
    sky_json_key(&json, "a");
    sky_json_array(&json);
    sky_json_int(&json, INT64_MIN);
    sky_json_uint(&json, UINT64_MAX);
    sky_json_double(&json, 0.1);
    sky_json_double(&json, (double)NAN);
    sky_json_array(&json);
    sky_json_end(&json);
    sky_json_end(&json);
    sky_json_key(&json, "b");
    sky_json_object(&json);
    sky_json_end(&json);
    sky_json_key(&json, "c");
    sky_json_bool(&json, false);
    sky_json_key(&json, "t");
    sky_json_time(&json, 0);
    sky_json_end(&json);
    sky_buffer_put_u8(&buffer, '\0');
    assert_string_equal((char *)buffer.ptr,
                        "{\"a\":[-9223372036854775808,18446744073709551615,0.100000,null,[]],\"b\":{},\"c\":false,"
                        "\"t\":\"1970-01-01T00:00:00.000Z\"}");
    sky_buffer_clean_up(&buffer);
}

static void test_escapes(void **state)
{
    (void)state;
    struct sky_buffer buffer = {0};
    struct sky_json_writer json;
    sky_json_begin(&json, &buffer);
    sky_json_span(&json, SKY_SPAN("\"\\\b\f\n\r\t\x01\x1f/\x7f\xc3\xa9"));
    sky_buffer_put_u8(&buffer, '\0');
    assert_string_equal((char *)buffer.ptr, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7f\xc3\xa9\"");
    sky_buffer_clean_up(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_containers_and_commas), cmocka_unit_test(test_escapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
