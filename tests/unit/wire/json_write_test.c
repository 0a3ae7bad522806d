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
    assert_string_equal((char *)buffer.ptr, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\\u007f\xc3\xa9\"");
    sky_buffer_clean_up(&buffer);
}

/* RFC 8259 section 7: any character may be escaped. What a terminal or a reader's eye would follow is; its neighbours
 * and the letters around it are not. */
static void test_what_acts_is_escaped(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"a\302\2332J", "\"a\\u009b2J\""},                          /* CSI as one character */
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\"\\u0080\\u009f\xc2\xa0\""}, /* the last and the first around C1 */
        {"\xe2\x80\xaegpj", "\"\\u202egpj\""},                      /* right-to-left override */
        {"\xe2\x80\xaa\xe2\x80\xaf", "\"\\u202a\xe2\x80\xaf\""},
        {"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9", "\"\xe2\x81\xa5\\u2066\\u2069\""},
        {"\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f", "\"\xe2\x80\x8d\\u200e\\u200f\""}, /* a joiner stays */
        {"\xd8\x9b\xd8\x9c", "\"\xd8\x9b\\u061c\""},
        {"\xe2\x80", "\"\xe2\x80\""}, /* cut: not UTF-8, and passed on */
        {"\xe2\"x", "\"\xe2\\\"x\""}, /* likewise; the quotation mark is one */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sky_buffer buffer = {0};
        struct sky_json_writer json;
        sky_json_begin(&json, &buffer);
        sky_json_string(&json, cases[i].text);
        assert_int_equal(buffer.len, strlen(cases[i].json));
        assert_memory_equal(buffer.ptr, cases[i].json, buffer.len);
        sky_buffer_clean_up(&buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_containers_and_commas), cmocka_unit_test(test_escapes),
                                       cmocka_unit_test(test_what_acts_is_escaped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
