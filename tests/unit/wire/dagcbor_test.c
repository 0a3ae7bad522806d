#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/wire/hex.h"
#include "wire/dagcbor.h"

#define CID "d82a582500 01711220 c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0" /* of {} */

/* A value of 17 bytes. */
#define WIDE "50 00000000000000000000000000000000"

/* Bytes with the verdict of each mode. RFC 8949, appendix A, has most of the good ones; each bad one says why. */
static const struct {
    const char *bytes;
    enum sky_status record;
    enum sky_status drisl;
    size_t offset; /* of the first error, in both */
} museum[] = {
    /* integers */
    {"00", SKY_OK, SKY_OK, 0},
    {"17", SKY_OK, SKY_OK, 0},
    {"1818", SKY_OK, SKY_OK, 0},
    {"18ff", SKY_OK, SKY_OK, 0},
    {"190100", SKY_OK, SKY_OK, 0},
    {"1a00010000", SKY_OK, SKY_OK, 0},
    {"1b0000000100000000", SKY_OK, SKY_OK, 0},
    {"1b7fffffffffffffff", SKY_OK, SKY_OK, 0},
    {"1b8000000000000000", SKY_E_RANGE, SKY_OK, 0},
    {"1bffffffffffffffff", SKY_E_RANGE, SKY_OK, 0},
    {"20", SKY_OK, SKY_OK, 0},
    {"3b7fffffffffffffff", SKY_OK, SKY_OK, 0},
    {"3b8000000000000000", SKY_E_RANGE, SKY_OK, 0},
    {"3bffffffffffffffff", SKY_E_RANGE, SKY_OK, 0},
    {"1817", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"1900ff", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"1a0000ffff", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"1b00000000ffffffff", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"3800", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"1c", SKY_E_MALFORMED, SKY_E_MALFORMED, 0}, /* reserved */
    {"1e", SKY_E_MALFORMED, SKY_E_MALFORMED, 0},
    {"1f", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    /* strings */
    {"40", SKY_OK, SKY_OK, 0},
    {"4401020304", SKY_OK, SKY_OK, 0},
    {"60", SKY_OK, SKY_OK, 0},
    {"6449455446", SKY_OK, SKY_OK, 0},
    {"62c3bc", SKY_OK, SKY_OK, 0},
    {"63e6b0b4", SKY_OK, SKY_OK, 0},
    {"64f0908591", SKY_OK, SKY_OK, 0},
    {"780161", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0}, /* a length in two bytes that fits one */
    {"62c328", SKY_E_UTF8, SKY_E_UTF8, 1},
    {"63eda080", SKY_E_UTF8, SKY_E_UTF8, 1}, /* a surrogate */
    {"62c0af", SKY_E_UTF8, SKY_E_UTF8, 1},   /* overlong */
    {"6161ff", SKY_E_TRAILING, SKY_E_TRAILING, 2},
    {"62 61", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 0},
    {"5f42010243030405ff", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0}, /* indefinite */
    {"7f657374726561646d696e67ff", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"5b7fffffffffffffff", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 0},
    {"5b8000000000000000", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 0}, /* 2^63 */
    {"7bffffffffffffffff", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 0},
    /* arrays */
    {"80", SKY_OK, SKY_OK, 0},
    {"83010203", SKY_OK, SKY_OK, 0},
    {"8301820203820405", SKY_OK, SKY_OK, 0},
    {"8201", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 2},
    {"9f01ff", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"9b8000000000000000", SKY_E_LIMIT, SKY_E_LIMIT, 0},
    {"9a00020001", SKY_E_LIMIT, SKY_E_LIMIT, 0}, /* 131,073 */
    {"9a00020000", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 5},
    /* maps */
    {"a0", SKY_OK, SKY_OK, 0},
    {"a26161016162820203", SKY_OK, SKY_OK, 0},
    {"a2616201626161f6", SKY_OK, SKY_OK, 0},                           /* shorter before smaller */
    {"a2626161f6616201", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 5}, /* bytewise, but not by length */
    {"a2616201616101", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 4},   /* out of order */
    {"a2616101616102", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 4},   /* twice */
    {"a26a61616161616161616162016a6161616161616161616101", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 13},
    {"a26a61616161616161616161016a6161616161616161616101", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 13},
    {"a16161", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 3},
    {"a1", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 1},
    {"a10102", SKY_E_MALFORMED, SKY_E_MALFORMED, 1}, /* a key that is no text */
    {"a1416101", SKY_E_MALFORMED, SKY_E_MALFORMED, 1},
    {"a161ff01", SKY_E_UTF8, SKY_E_UTF8, 2},
    {"a1780161 01", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 1},
    {"bf616101ff", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"bb8000000000000000", SKY_E_LIMIT, SKY_E_LIMIT, 0},
    {"a16000", SKY_OK, SKY_OK, 0}, /* the empty key */
    {"a260006000", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 3},
    {"a26000616100", SKY_OK, SKY_OK, 0},
    {"a2 6161 00 626100 00", SKY_OK, SKY_OK, 0}, /* "a", "a\0" */
    /* keys of more than eight bytes, with enough behind them for the short way */
    {"a1 69 637265617465644174" WIDE, SKY_OK, SKY_OK, 0}, /* "createdAt" */
    {"a2 69 616161616161616161" WIDE "69 616161616161616162" WIDE, SKY_OK, SKY_OK, 0},
    {"a2 69 616161616161616162" WIDE "69 616161616161616161" WIDE, SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 28},
    {"a2 69 616161616161616161" WIDE "69 616161616161616161" WIDE, SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 28},
    {"a2 6a 61616161616161616161" WIDE "69 626262626262626262" WIDE, SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 29},
    {"a2 61 7a" WIDE "70 61616161616161616161616161616161" WIDE, SKY_OK, SKY_OK, 0},
    {"a2 70 61616161616161616161616161616161" WIDE "61 7a" WIDE, SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 35},
    {"a1 69 6161616161616161ff" WIDE, SKY_E_UTF8, SKY_E_UTF8, 10},
    {"a1 69 ff6161616161616161" WIDE, SKY_E_UTF8, SKY_E_UTF8, 2},
    {"a1 69 61616161616161c3bc" WIDE, SKY_OK, SKY_OK, 0},
    /* links */
    {CID, SKY_OK, SKY_OK, 0},
    {"81" CID, SKY_OK, SKY_OK, 0},
    {"d82a582501 01711220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0", SKY_E_CID, SKY_E_CID, 2},
    {"d82a582500 01701220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0", SKY_E_CID, SKY_E_CID, 2},
    {"d82a582500 02711220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0", SKY_E_CID, SKY_E_CID, 2},
    {"d82a40", SKY_E_CID, SKY_E_CID, 2},
    {"d82a6161", SKY_E_MALFORMED, SKY_E_MALFORMED, 2},
    {"d82a5825000171", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 2},
    {"d82a", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 0},
    {"d9002a582500", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"c074323031332d30332d32315432303a30343a30305a", SKY_E_UNSUPPORTED, SKY_E_UNSUPPORTED, 0}, /* another tag */
    /* simple values and floats */
    {"f4", SKY_OK, SKY_OK, 0},
    {"f5", SKY_OK, SKY_OK, 0},
    {"f6", SKY_OK, SKY_OK, 0},
    {"f7", SKY_E_UNSUPPORTED, SKY_E_UNSUPPORTED, 0}, /* undefined */
    {"f0", SKY_E_UNSUPPORTED, SKY_E_UNSUPPORTED, 0},
    {"f818", SKY_E_UNSUPPORTED, SKY_E_UNSUPPORTED, 0},
    {"ff", SKY_E_MALFORMED, SKY_E_MALFORMED, 0}, /* a break */
    {"fc", SKY_E_MALFORMED, SKY_E_MALFORMED, 0},
    {"fb3ff199999999999a", SKY_E_UNSUPPORTED, SKY_OK, 0},
    {"fb0000000000000000", SKY_E_UNSUPPORTED, SKY_OK, 0},
    {"fb8000000000000000", SKY_E_UNSUPPORTED, SKY_E_RANGE, 0}, /* -0 */
    {"fb7ff0000000000000", SKY_E_UNSUPPORTED, SKY_E_RANGE, 0}, /* infinity */
    {"fb7ff8000000000000", SKY_E_UNSUPPORTED, SKY_E_RANGE, 0}, /* NaN */
    {"fb3ff1", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 0},
    {"f93c00", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0}, /* 16 bits */
    {"fa47c35000", SKY_E_NON_CANONICAL, SKY_E_NON_CANONICAL, 0},
    {"", SKY_E_TRUNCATED, SKY_E_TRUNCATED, 0},
};

static void check(const char *bytes, struct sky_span item, enum sky_dagcbor_mode mode, enum sky_status expected,
                  size_t offset)
{
    struct sky_error error;
    enum sky_status status = sky_dagcbor_validate(item, mode, &error);
    if (status != expected)
        fail_msg("%s (mode %d): %s, not %s", bytes, mode, sky_status_name(status), sky_status_name(expected));
    if (status && error.offset != offset)
        fail_msg("%s (mode %d): at byte %zu, not %zu", bytes, mode, error.offset, offset);
    assert_int_equal(status == SKY_OK, error.reason == NULL);
}

static void test_museum(void **state)
{
    (void)state;
    struct sky_buffer item = {0};
    for (size_t i = 0; i < sizeof museum / sizeof museum[0]; i++) {
        unhex(&item, museum[i].bytes);
        check(museum[i].bytes, sky_buffer_span(&item), SKY_DAGCBOR_RECORD, museum[i].record, museum[i].offset);
        check(museum[i].bytes, sky_buffer_span(&item), SKY_DAGCBOR_DRISL, museum[i].drisl, museum[i].offset);
    }
    sky_buffer_clean_up(&item);
}

/* What strict reading accepts, canonical writing gives back; and every cut of it is refused. */
static void test_copy_gives_back_what_is_valid_and_cuts_fail(void **state)
{
    (void)state;
    struct sky_buffer item = {0}, copy = {0};
    for (size_t i = 0; i < sizeof museum / sizeof museum[0]; i++) {
        struct sky_dagcbor_reader reader;
        struct sky_error error;
        if (museum[i].drisl != SKY_OK)
            continue;
        unhex(&item, museum[i].bytes);
        copy.len = 0;
        sky_dagcbor_init(&reader, sky_buffer_span(&item), SKY_DAGCBOR_DRISL);
        sky_dagcbor_copy(&reader, &copy);
        assert_int_equal(sky_dagcbor_end(&reader), SKY_OK);
        assert_int_equal(copy.len, item.len);
        assert_memory_equal(copy.ptr, item.ptr, item.len);
        for (size_t len = 0; len < item.len; len++)
            assert_int_not_equal(sky_dagcbor_validate(sky_span_of(item.ptr, len), SKY_DAGCBOR_DRISL, &error), SKY_OK);
    }
    sky_buffer_clean_up(&item);
    sky_buffer_clean_up(&copy);
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    static uint8_t arrays[10001];
    struct sky_error error;
    memset(arrays, 0x81, sizeof arrays);
    for (size_t depth = 1; depth <= 10000; depth = depth < 40 ? depth + 1 : depth * 5) {
        arrays[depth] = 0x00;
        enum sky_status status = sky_dagcbor_validate(sky_span_of(arrays, depth + 1), SKY_DAGCBOR_RECORD, &error);
        arrays[depth] = 0x81;
        assert_int_equal(status, depth <= 32 ? SKY_OK : SKY_E_LIMIT);
        if (status)
            assert_int_equal(error.offset, 32);
    }
    assert_int_equal(sky_dagcbor_validate(sky_span_of(arrays, 10000), SKY_DAGCBOR_RECORD, &error), SKY_E_LIMIT);
}

static void test_pulling_counts_open_containers_too(void **state)
{
    (void)state;
    static uint8_t arrays[64];
    struct sky_dagcbor_reader reader;
    memset(arrays, 0x81, sizeof arrays);
    sky_dagcbor_init(&reader, sky_span_of(arrays, sizeof arrays), SKY_DAGCBOR_RECORD);
    for (int i = 0; i < 30; i++)
        sky_dagcbor_array(&reader);
    sky_dagcbor_skip(&reader);
    assert_int_equal(reader.error.status, SKY_E_LIMIT);
    assert_int_equal(reader.error.offset, 32);
}

static void test_key_length_limit(void **state)
{
    (void)state;
    struct sky_buffer item = {0};
    struct sky_error error;
    for (size_t len = 8191; len <= 8193; len++) {
        item.len = 0;
        sky_dagcbor_put_map(&item, 1);
        sky_buffer_put(&item, (uint8_t[]){0x79, (uint8_t)(len >> 8), (uint8_t)len}, 3);
        for (size_t i = 0; i < len; i++)
            sky_buffer_put_u8(&item, 'k');
        sky_dagcbor_put_null(&item);
        assert_int_equal(sky_dagcbor_validate(sky_buffer_span(&item), SKY_DAGCBOR_RECORD, &error),
                         len <= 8192 ? SKY_OK : SKY_E_LIMIT);
    }
    sky_buffer_clean_up(&item);
}

/* {"a": [1, -2], "b": h'0102', "cc": "text", "dd": null, "ee": true} */
static void test_pulling_a_map(void **state)
{
    (void)state;
    struct sky_buffer item = {0};
    struct sky_dagcbor_reader reader;
    struct sky_span key;
    sky_dagcbor_init(&reader, unhex(&item, "a5 6161 820121 6162 420102 626363 6474657874 626464 f6 626565 f5"),
                     SKY_DAGCBOR_RECORD);
    struct sky_dagcbor_map map = sky_dagcbor_map(&reader);
    assert_int_equal(map.left, 5);
    assert_true(sky_dagcbor_key(&reader, &map, &key) && sky_span_equal(key, SKY_SPAN("a")));
    struct sky_dagcbor_array array = sky_dagcbor_array(&reader);
    assert_true(sky_dagcbor_item(&reader, &array));
    assert_int_equal(sky_dagcbor_int(&reader), 1);
    assert_true(sky_dagcbor_item(&reader, &array));
    assert_int_equal(sky_dagcbor_int(&reader), -2);
    assert_false(sky_dagcbor_item(&reader, &array));
    assert_true(sky_dagcbor_key(&reader, &map, &key) && sky_span_equal(key, SKY_SPAN("b")));
    assert_true(sky_span_equal(sky_dagcbor_bytes(&reader), SKY_SPAN("\x01\x02")));
    assert_true(sky_dagcbor_key(&reader, &map, &key) && sky_span_equal(key, SKY_SPAN("cc")));
    assert_true(sky_span_equal(sky_dagcbor_text(&reader), SKY_SPAN("text")));
    assert_true(sky_dagcbor_key(&reader, &map, &key) && sky_span_equal(key, SKY_SPAN("dd")));
    assert_int_equal(sky_dagcbor_peek(&reader), SKY_DAGCBOR_NULL);
    sky_dagcbor_null(&reader);
    assert_true(sky_dagcbor_key(&reader, &map, &key) && sky_span_equal(key, SKY_SPAN("ee")));
    assert_true(sky_dagcbor_bool(&reader));
    assert_false(sky_dagcbor_key(&reader, &map, &key));
    assert_int_equal(sky_dagcbor_end(&reader), SKY_OK);
    sky_buffer_clean_up(&item);
}

static void test_a_wrong_type_is_sticky(void **state)
{
    (void)state;
    struct sky_dagcbor_reader reader;
    sky_dagcbor_init(&reader,
                     SKY_SPAN("\x82\x01\x61"
                              "a"),
                     SKY_DAGCBOR_RECORD);
    struct sky_dagcbor_array array = sky_dagcbor_array(&reader);
    assert_true(sky_dagcbor_item(&reader, &array));
    assert_null(sky_dagcbor_text(&reader).ptr);
    assert_int_equal(reader.error.status, SKY_E_TYPE);
    assert_int_equal(reader.error.offset, 1);
    assert_false(sky_dagcbor_item(&reader, &array));
    assert_null(sky_dagcbor_text(&reader).ptr);
    assert_int_equal(sky_dagcbor_end(&reader), SKY_E_TYPE);
}

/* Heads at the edges of each width, from RFC 8949, section 3. */
static void test_written_heads(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *bytes;
    } integers[] = {{0, "00"},
                    {23, "17"},
                    {24, "1818"},
                    {255, "18ff"},
                    {256, "190100"},
                    {65535, "19ffff"},
                    {65536, "1a00010000"},
                    {4294967295, "1affffffff"},
                    {4294967296, "1b0000000100000000"},
                    {-1, "20"},
                    {-24, "37"},
                    {-25, "3818"},
                    {INT64_MAX, "1b7fffffffffffffff"},
                    {INT64_MIN, "3b7fffffffffffffff"}};
    struct sky_buffer written = {0}, expected = {0};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        written.len = 0;
        sky_dagcbor_put_int(&written, integers[i].value);
        unhex(&expected, integers[i].bytes);
        assert_int_equal(written.len, expected.len);
        assert_memory_equal(written.ptr, expected.ptr, expected.len);
    }
    written.len = 0;
    sky_dagcbor_put_float(&written, 1.1);
    assert_memory_equal(written.ptr, unhex(&expected, "fb3ff199999999999a").ptr, 9);
    sky_buffer_clean_up(&written);
    sky_buffer_clean_up(&expected);
}

static void test_key_order(void **state)
{
    (void)state;
    assert_true(sky_dagcbor_compare_keys(SKY_SPAN("b"), SKY_SPAN("aa")) < 0);
    assert_true(sky_dagcbor_compare_keys(SKY_SPAN("ab"), SKY_SPAN("aa")) > 0);
    assert_true(sky_dagcbor_compare_keys(SKY_SPAN("a\xc3"), SKY_SPAN("az")) > 0); /* bytes are unsigned */
    assert_int_equal(sky_dagcbor_compare_keys(SKY_SPAN(""), SKY_SPAN("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_museum),
        cmocka_unit_test(test_copy_gives_back_what_is_valid_and_cuts_fail),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_pulling_counts_open_containers_too),
        cmocka_unit_test(test_key_length_limit),
        cmocka_unit_test(test_pulling_a_map),
        cmocka_unit_test(test_a_wrong_type_is_sticky),
        cmocka_unit_test(test_written_heads),
        cmocka_unit_test(test_key_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
