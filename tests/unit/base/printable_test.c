/* Expected texts are written by hand, from the code charts; the removed set is checked against UAX #9's list of bidi
 * controls (ALM, LRM, RLM, LRE, RLE, PDF, LRO, RLO, LRI, RLI, FSI, PDI). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/printable.h"
#include "base/utf8.h"

static void check(const char *input, size_t len, const char *expected)
{
    struct sky_buffer buffer = {0};
    sky_buffer_put_string(&buffer, ">");
    sky_buffer_put_printable(&buffer, sky_span_of(input, len));
    sky_buffer_put_u8(&buffer, 0);
    assert_false(buffer.failed);
    assert_string_equal((const char *)buffer.ptr + 1, expected);
    sky_buffer_clean_up(&buffer);
}

#define CHECK(input, expected) check(input, sizeof(input) - 1, expected)

static void test_keeps_text(void **state)
{
    CHECK("", "");
    CHECK("plain  text", "plain  text");
    CHECK("地震 café 👩‍👩‍👧 ไทย", "地震 café 👩‍👩‍👧 ไทย");
}

static void test_replaces_controls(void **state)
{
    CHECK("\x1b[31mred\x1b[0m", "[31mred [0m");
    CHECK("a\r\n\tb", "a b");
    CHECK("a \n b", "a  b");
    CHECK("\n\na\n", "a");
    CHECK("a\0b", "a b");
    CHECK("a\x7f"
          "b",
          "a b");
    CHECK("a\xc2\x9b"
          "31mb",
          "a 31mb"); /* C1: CSI in one character */
}

static void test_replaces_bidi_controls(void **state)
{
    static const uint32_t controls[] = {0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c,
                                        0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069};
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        char text[8] = "a";
        size_t len = 1 + sky_utf8_put(controls[i], (uint8_t *)text + 1);
        text[len++] = 'b';
        check(text, len, "a b");
    }
}

static void test_shows_what_is_not_utf8(void **state)
{
    CHECK("a\xff"
          "b",
          "a\xef\xbf\xbd"
          "b");
    CHECK("\xe5\x9c", "\xef\xbf\xbd\xef\xbf\xbd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_text),
        cmocka_unit_test(test_replaces_controls),
        cmocka_unit_test(test_replaces_bidi_controls),
        cmocka_unit_test(test_shows_what_is_not_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
