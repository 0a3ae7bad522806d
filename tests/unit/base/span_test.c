#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/span.h"
#include "base/status.h"

static void test_order_is_by_bytes_and_a_prefix_first(void **state)
{
    (void)state;
    struct sky_span sorted[] = {SKY_SPAN(""),   SKY_SPAN("\0"), SKY_SPAN("a"),
                                SKY_SPAN("ab"), SKY_SPAN("b"),  SKY_SPAN("\x80")};
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++) {
            int order = sky_span_compare(sorted[i], sorted[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(sky_span_equal(sorted[i], sorted[j]), i == j);
        }
}

static void test_parts(void **state)
{
    (void)state;
    assert_true(sky_span_starts_with(SKY_SPAN("abc"), SKY_SPAN("ab")));
    assert_true(sky_span_starts_with(SKY_SPAN("abc"), SKY_SPAN("")));
    assert_false(sky_span_starts_with(SKY_SPAN("ab"), SKY_SPAN("abc")));
    assert_true(sky_span_equal(sky_span_from(SKY_SPAN("abc"), 1), SKY_SPAN("bc")));
    assert_int_equal(sky_span_from(SKY_SPAN("abc"), 9).len, 0);
    assert_int_equal(sky_span_from_string(NULL).len, 0);
}

static void test_every_status_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < SKY_STATUS_COUNT; i++) {
        assert_non_null(sky_status_name((enum sky_status)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(sky_status_name((enum sky_status)i), sky_status_name((enum sky_status)j));
    }
    assert_string_equal(sky_status_name((enum sky_status)999), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_is_by_bytes_and_a_prefix_first),
                                       cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_every_status_has_a_name_of_its_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
