#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"

/* By the definition (RFC 3629, section 3), bit by bit: the slow model. */
static size_t model_length(const uint8_t *p, size_t left)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80)
        return 1;
    size_t want = (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (want == 0 || left < want)
        return 0;
    uint32_t code_point = p[0] & (0x7fu >> want);
    for (size_t i = 1; i < want; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code_point = code_point << 6 | (p[i] & 0x3f);
    }
    bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    return code_point < smallest[want] || code_point > 0x10ffff || surrogate ? 0 : want;
}

static void test_every_sequence_of_three_bytes_and_leads_of_four(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 1u << 24; bits++) {
        uint8_t bytes[4] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits, 0x80};
        size_t len = bytes[0] >= 0xf0 ? 4 : 3;
        size_t expected = 0, step;
        while (expected < len && (step = model_length(bytes + expected, len - expected)))
            expected += step;
        if (sky_utf8_valid_prefix(sky_span_of(bytes, len)) != expected)
            fail_msg("%06x: not %zu", bits, expected);
    }
}

static void test_error_position_behind_long_ascii(void **state)
{
    (void)state;
    uint8_t text[100];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = 0xff;
        assert_int_equal(sky_utf8_valid_prefix(sky_span_of(text, sizeof text)), i);
        text[i] = 'a';
    }
    assert_true(sky_utf8_is_valid(sky_span_of(text, sizeof text)));
    assert_true(sky_utf8_is_valid(sky_span_of(NULL, 0)));
}

static void test_put_and_next_are_inverse(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 37) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        uint8_t bytes[4];
        size_t len = sky_utf8_put(c, bytes), offset = 0;
        assert_int_equal(model_length(bytes, len), len);
        assert_int_equal(sky_utf8_next(sky_span_of(bytes, len), &offset), c);
        assert_int_equal(offset, len);
    }
}

static void test_boundaries(void **state)
{
    (void)state;
    struct sky_span text = SKY_SPAN("a\xc3\xa9\xe6\x97\xa5"); /* a é 日 */
    static const bool expected[] = {true, true, false, true, false, false, true, false};
    for (size_t i = 0; i < sizeof expected; i++)
        assert_int_equal(sky_utf8_is_boundary(text, i), expected[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sequence_of_three_bytes_and_leads_of_four),
        cmocka_unit_test(test_error_position_behind_long_ascii),
        cmocka_unit_test(test_put_and_next_are_inverse),
        cmocka_unit_test(test_boundaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
