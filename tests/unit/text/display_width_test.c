/* Expected widths are East_Asian_Width and General_Category of the Unicode character database, as Python's unicodedata
 * gives them: W and F two, Mn, Me and Cf none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text/display_width.h"

static void test_characters(void **state)
{
    static const struct {
        uint32_t code_point, width;
    } expected[] = {
        {'a', 1},    {0xe9, 1},   {0xb0, 1},   {0xad, 0},   {0x96ea, 2}, {0xff71, 1}, {0xff21, 2},  {0x20ac, 1},
        {0x2026, 1}, {0x2588, 1}, {0x25cf, 1}, {0x301, 0},  {0x200d, 0}, {0xfe0f, 0}, {0x1f600, 2}, {0x1f1e9, 1},
        {0xe44, 1},  {0xe31, 0},  {0xd55c, 2}, {0x1161, 0}, {0x2614, 2}, {0x2764, 1}, {0x203b, 1},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (sky_display_width_of(expected[i].code_point) != expected[i].width)
            fail_msg("U+%04X is not %u wide", expected[i].code_point, expected[i].width);
}

static void check_prefix(const char *text, uint32_t columns, const char *expected, uint32_t expected_width)
{
    uint32_t width = 99;
    struct sky_span prefix = sky_display_prefix(sky_span_from_string(text), columns, &width);
    assert_true(sky_span_equal(prefix, sky_span_from_string(expected)));
    assert_int_equal(width, expected_width);
}

static void test_prefix(void **state)
{
    check_prefix("abc", 5, "abc", 3);
    check_prefix("abc", 2, "ab", 2);
    check_prefix("地震速報", 5, "地震", 4); /* no half character */
    check_prefix("地震", 0, "", 0);
    check_prefix("e\xcc\x81"
                 "e",
                 1, "e\xcc\x81", 1); /* the accent stays with its letter */
}

static void test_stacked_marks_end_the_text(void **state)
{
    check_prefix("a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81"
                 "b",
                 9, "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_stacked_marks_end_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
