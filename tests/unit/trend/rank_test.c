/* Ranks worked out by hand. */
#include "trend/rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sky_trend trend(const char *keyword, uint32_t language, uint32_t voices, double expected)
{
    return (struct sky_trend){
        .keyword = sky_span_from_string(keyword), .language = language, .voices = voices, .expected = expected};
}

static void assert_order(const struct sky_trend *trends, uint32_t count, const char *order)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(trends[i].rank, i + 1);
        if (trends[i].keyword.ptr[0] != order[i])
            fail_msg("place %u is %c, should be %c", i + 1, trends[i].keyword.ptr[0], order[i]);
    }
}

/* velocity: a 90, b 60, c 60, d 5; voices: d 200, a 100, b 61, c 60.
 * By velocity a 1, b 2, c 2, d 4; by voices d 1, a 2, b 3, c 4.
 * a 1/11 + 1/12 = .1742, d 1/14 + 1/11 = .1623, b 1/12 + 1/13 = .1603, c 1/12 + 1/14 = .1548 */
static void test_fusion(void **state)
{
    (void)state;
    struct sky_trend trends[] = {trend("c", 0, 60, 0), trend("d", 0, 200, 195), trend("a", 0, 100, 10),
                                 trend("b", 0, 61, 1)};
    assert_int_equal(sky_rank(trends, 4), SKY_OK);
    assert_order(trends, 4, "adbc");
    assert_int_equal(trends[0].voices, 100);
}

/* Fourteen trends; x is first by velocity and `x_by_voices` by voices, y fifth by both. How many places x may lose
 * there and still stand before y tells the 10 of 1 / (10 + rank): 13: 1/11 + 1/23 = .13439 > 2/15 = .13333    with 12:
 * 1/13 + 1/25 = .11692 < 2/17 = .11765 14: 1/11 + 1/24 = .13258 < 2/15             with  9: 1/10 + 1/23 = .14348 > 2/14
 * = .14286 */
static bool x_is_before_y(uint32_t x_by_voices)
{
    struct sky_trend trends[14];
    uint32_t by_voices = 1, x = 0, y = 0;
    for (uint32_t i = 0; i < 14; i++) { /* i + 1 by velocity */
        uint32_t place = i == 0 ? x_by_voices : i == 4 ? 5 : 0;
        for (; !place; by_voices++)
            place = by_voices != x_by_voices && by_voices != 5 ? by_voices : 0;
        uint32_t voices = 1000 - 10 * place, velocity = 100 - i;
        trends[i] = trend(i == 0 ? "x" : i == 4 ? "y" : "z", i, voices, voices - velocity);
    }
    assert_int_equal(sky_rank(trends, 14), SKY_OK);
    for (uint32_t i = 0; i < 14; i++) {
        x = trends[i].keyword.ptr[0] == 'x' ? trends[i].rank : x;
        y = trends[i].keyword.ptr[0] == 'y' ? trends[i].rank : y;
    }
    return x < y;
}

static void test_the_constant_of_fusion(void **state)
{
    (void)state;
    assert_true(x_is_before_y(13));
    assert_false(x_is_before_y(14));
}

/* a: velocity 50 (1), voices 50 (2); b: velocity 10 (2), voices 80 (1): equal scores, more voices first. */
static void test_equal_scores_go_by_voices(void **state)
{
    (void)state;
    struct sky_trend trends[] = {trend("a", 0, 50, 0), trend("b", 0, 80, 70)};
    assert_int_equal(sky_rank(trends, 2), SKY_OK);
    assert_order(trends, 2, "ba");
}

static void test_equal_trends_go_by_keyword_then_language(void **state)
{
    (void)state;
    struct sky_trend trends[] = {trend("b", 1, 50, 0), trend("c", 0, 50, 0), trend("b", 0, 50, 0),
                                 trend("a", 1, 50, 0)};
    assert_int_equal(sky_rank(trends, 4), SKY_OK);
    assert_order(trends, 4, "abbc");
    assert_int_equal(trends[1].language, 0);
    assert_int_equal(trends[2].language, 1);
    assert_int_equal(sky_rank(NULL, 0), SKY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fusion),
        cmocka_unit_test(test_the_constant_of_fusion),
        cmocka_unit_test(test_equal_scores_go_by_voices),
        cmocka_unit_test(test_equal_trends_go_by_keyword_then_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
