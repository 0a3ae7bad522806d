#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/json_read.h"

static struct sky_json_document document;

static enum sky_status parse(const char *text, struct sky_error *error)
{
    return sky_json_parse(&document, sky_span_from_string(text), error);
}

/* Texts of RFC 8259's grammar and of the limits in json_read.h, with the first bad byte. */
static const struct {
    const char *text;
    enum sky_status status;
    size_t offset;
} texts[] = {
    {"null", SKY_OK, 0},
    {" [ ] ", SKY_OK, 0},
    {"{\"a\":[1,{\"b\":\"c\"}],\"d\":null}", SKY_OK, 0},
    {"\"\\u00e9\\ud83d\\ude00\\n\\/\"", SKY_OK, 0},
    {"-0.5e+3", SKY_OK, 0},
    {"", SKY_E_TRUNCATED, 0},
    {"{", SKY_E_TRUNCATED, 1},
    {"[1,]", SKY_E_MALFORMED, 3},
    {"[1 2]", SKY_E_MALFORMED, 3},
    {"{\"a\" 1}", SKY_E_MALFORMED, 5},
    {"{\"a\":1,}", SKY_E_MALFORMED, 7},
    {"{a:1}", SKY_E_MALFORMED, 1},
    {"01", SKY_E_TRAILING, 1},
    {"+1", SKY_E_MALFORMED, 0},
    {"1.", SKY_E_TRUNCATED, 2},
    {".5", SKY_E_MALFORMED, 0},
    {"1e", SKY_E_TRUNCATED, 2},
    {"NaN", SKY_E_MALFORMED, 0},
    {"nul", SKY_E_MALFORMED, 0},
    {"True", SKY_E_MALFORMED, 0},
    {"1 1", SKY_E_TRAILING, 2},
    {"\"a", SKY_E_TRUNCATED, 2},
    {"\"\\x\"", SKY_E_MALFORMED, 1},
    {"\"\\u12g4\"", SKY_E_MALFORMED, 3},
    {"\"\x01\"", SKY_E_MALFORMED, 1},
    {"\"\\ud83d\"", SKY_E_UTF8, 1},        /* a high surrogate alone */
    {"\"\\ude00\"", SKY_E_UTF8, 1},        /* a low one */
    {"\"\\ud83d\\ud83d\"", SKY_E_UTF8, 1}, /* two high ones */
    {"\"\\ud83dx\"", SKY_E_UTF8, 1},
    {"\"\xff\"", SKY_E_UTF8, 1},
    {"\"\xed\xa0\x80\"", SKY_E_UTF8, 1},
    {"{\"a\":1,\"a\":2}", SKY_E_NON_CANONICAL, 7},
    {"{\"a\":1,\"\\u0061\":2}", SKY_E_NON_CANONICAL, 7}, /* the same key, spelt otherwise */
};

static void test_texts(void **state)
{
    (void)state;
    struct sky_error error;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        enum sky_status status = parse(texts[i].text, &error);
        if (status != texts[i].status || (status && error.offset != texts[i].offset))
            fail_msg("%s: %s at %zu", texts[i].text, sky_status_name(status), error.offset);
    }
}

static void test_tree(void **state)
{
    (void)state;
    struct sky_error error;
    assert_int_equal(parse("{\"a\":[1,{\"b\":\"c\\u00e9\"},true],\"d\":null}", &error), SKY_OK);
    const struct sky_json_value *root = document.values;
    assert_int_equal(root->type, SKY_JSON_OBJECT);
    assert_int_equal(root->count, 2);
    const struct sky_json_value *array = sky_json_member(root, "a");
    assert_int_equal(array->count, 3);
    const struct sky_json_value *item = sky_json_first(array);
    assert_int_equal(item->integer, 1);
    item = sky_json_next(item);
    assert_true(sky_span_equal(sky_json_member_text(item, "b"), SKY_SPAN("c\xc3\xa9")));
    item = sky_json_next(item);
    assert_true(item->type == SKY_JSON_BOOL && item->boolean);
    assert_int_equal(sky_json_member(root, "d")->type, SKY_JSON_NULL);
    assert_null(sky_json_member(root, "b"));
    assert_null(sky_json_member(item, "b"));
    assert_null(sky_json_member_text(root, "a").ptr);
    assert_int_equal(sky_json_next(root) - root, document.count);
}

static void test_integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_integer;
        int64_t integer;
    } numbers[] = {{"0", true, 0},
                   {"-0", true, 0},
                   {"9223372036854775807", true, INT64_MAX},
                   {"-9223372036854775808", true, INT64_MIN},
                   {"9223372036854775808", false, 0},
                   {"-9223372036854775809", false, 0},
                   {"123.0", true, 123},
                   {"1e3", true, 1000},
                   {"1.5", false, 0},
                   {"1e300", false, 0},
                   {"1e999", false, 0},
                   {"9007199254740993", true, 9007199254740993}};
    struct sky_error error;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(parse(numbers[i].text, &error), SKY_OK);
        assert_int_equal(document.values[0].is_integer, numbers[i].is_integer);
        if (numbers[i].is_integer)
            assert_int_equal(document.values[0].integer, numbers[i].integer);
        assert_true(sky_span_equal(document.values[0].text, sky_span_from_string(numbers[i].text)));
    }
}

static void test_limits(void **state)
{
    (void)state;
    static char nested[20001];
    struct sky_error error;
    for (size_t depth = 31; depth <= 33; depth++) {
        memset(nested, '[', depth);
        memset(nested + depth, ']', depth);
        nested[2 * depth] = '\0';
        assert_int_equal(parse(nested, &error), depth <= 32 ? SKY_OK : SKY_E_LIMIT);
    }
    memset(nested, '[', 20000);
    nested[20000] = '\0';
    assert_int_equal(parse(nested, &error), SKY_E_LIMIT);
    char *large = calloc(1, SKY_JSON_SIZE_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, ' ', SKY_JSON_SIZE_BYTES_MAX + 1);
    large[0] = '1';
    assert_int_equal(sky_json_parse(&document, sky_span_of(large, SKY_JSON_SIZE_BYTES_MAX), &error), SKY_OK);
    assert_int_equal(sky_json_parse(&document, sky_span_of(large, SKY_JSON_SIZE_BYTES_MAX + 1), &error), SKY_E_LIMIT);
    free(large);
}

/* Objects small and large find their duplicate, and only then. */
static void test_duplicates_in_large_objects(void **state)
{
    (void)state;
    struct sky_error error;
    for (int keys = 2; keys < 60; keys++)
        for (int duplicate = 0; duplicate < 2; duplicate++) {
            char text[2000] = "{", *at = text + 1;
            for (int i = 0; i < keys; i++)
                at += sprintf(at, "%s\"k%d\":[%d]", i ? "," : "", duplicate && i == keys - 1 ? 0 : i, i);
            sprintf(at, "}");
            assert_int_equal(parse(text, &error), duplicate ? SKY_E_NON_CANONICAL : SKY_OK);
        }
}

/* RFC 8259, section 7: of all bytes, wherever in a string, only the quote ends it, only the backslash escapes, and only
 * what is below 0x20 may not stand there (bytes above 0x7f are UTF-8's business). */
static void test_each_byte_at_each_place(void **state)
{
    (void)state;
    struct sky_error error;
    for (unsigned byte = 1; byte < 0x80; byte++)
        for (size_t before = 0; before < 20; before++) {
            char text[64];
            int len = sprintf(text, "[\"%.*s%c%s\",1]", (int)before, "aaaaaaaaaaaaaaaaaaaa", (char)byte,
                              byte == '\\' ? "nbbbbbbbb" : "bbbbbbbbb");
            enum sky_status status = sky_json_parse(&document, sky_span_of(text, (size_t)len), &error);
            if (byte == '"' || byte < 0x20) {
                assert_int_equal(status, SKY_E_MALFORMED);
                assert_int_equal(error.offset, 2 + before + (byte == '"'));
            } else {
                assert_int_equal(status, SKY_OK);
                assert_int_equal(document.values[1].text.len, before + 10 - (byte == '\\'));
                assert_int_equal(document.values[1].text.ptr[before], byte == '\\' ? '\n' : byte);
            }
        }
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    struct sky_error error;
    const char *text = "{\"did\":\"a\\u00e9\\ud83d\\ude00\",\"n\":[-1.5e3,true,null,{}]}";
    for (size_t len = 0; len < strlen(text); len++) {
        char *copy = malloc(len + 1); /* exactly sized, for the address sanitizer */
        assert_non_null(copy);
        memcpy(copy, text, len);
        assert_int_not_equal(sky_json_parse(&document, sky_span_of(copy, len), &error), SKY_OK);
        free(copy);
    }
}

static int clean_up(void **state)
{
    (void)state;
    sky_json_document_clean_up(&document);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_integers_are_exact),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_duplicates_in_large_objects),
        cmocka_unit_test(test_each_byte_at_each_place),
        cmocka_unit_test(test_every_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
