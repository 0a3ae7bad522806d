/* Globs are compared with the C library's fnmatch, over every small pattern and text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <time.h>

#include "io/alert/alert_filter.h"
#include "unit/io/alert/alerts.h"

/* The number-th word over `letters`, shortest first; false behind those of `len_max`. */
static bool nth_word(size_t number, const char *letters, size_t len_max, char *word)
{
    size_t base = strlen(letters), len = 0, count = 1;
    while (number >= count) {
        number -= count;
        count *= base;
        if (++len > len_max)
            return false;
    }
    for (size_t i = 0; i < len; i++, number /= base)
        word[i] = letters[number % base];
    word[len] = 0;
    return true;
}

static void test_globs_are_those_of_the_c_library(void **state)
{
    char pattern[8], text[8];
    size_t matches = 0;
    for (size_t p = 0; nth_word(p, "ab*?", 5, pattern); p++)
        for (size_t t = 0; nth_word(t, "ab", 6, text); t++) {
            bool expected = fnmatch(pattern, text, 0) == 0;
            if (sky_glob_matches(sky_span_from_string(pattern), sky_span_from_string(text)) != expected)
                fail_msg("'%s' and '%s': fnmatch says %d", pattern, text, expected);
            matches += expected;
        }
    assert_true(matches > 1000);
}

static void test_a_character_is_one_however_many_bytes_it_has(void **state)
{
    assert_true(sky_glob_matches(SKY_SPAN("??"), SKY_SPAN("紅茶")));
    assert_false(sky_glob_matches(SKY_SPAN("?"), SKY_SPAN("紅茶")));
    assert_true(sky_glob_matches(SKY_SPAN("*茶"), SKY_SPAN("紅茶")));
    assert_false(sky_glob_matches(SKY_SPAN("*茶?"), SKY_SPAN("紅茶")));
}

/* What makes backtracking matchers take ages. */
static void test_cost_has_a_bound(void **state)
{
    static char pattern[SKY_ALERT_FILTER_PATTERN_BYTES], text[1024];
    for (size_t i = 0; i + 1 < sizeof pattern; i++)
        pattern[i] = i % 2 ? '*' : 'a';
    pattern[sizeof pattern - 2] = 'b';
    memset(text, 'a', sizeof text);
    clock_t begin = clock();
    assert_false(sky_glob_matches(sky_span_of(pattern, sizeof pattern - 1), sky_span_of(text, sizeof text)));
    assert_true(clock() - begin < CLOCKS_PER_SEC);
}

static struct sky_alert_filter *filter_of(const char *languages, const char *kinds, const char *keywords,
                                          double confidence)
{
    struct sky_alert_filter *filter;
    char problem[SKY_ALERT_FILTER_PROBLEM_SIZE];
    const struct sky_alert_filter_options options = {languages, kinds, keywords, confidence};
    assert_int_equal(sky_alert_filter_new(&options, &filter, problem), SKY_OK);
    assert_string_equal(problem, "");
    return filter;
}

static bool wants_keyword(const char *patterns, const char *keyword)
{
    struct sky_alert_filter *filter = filter_of("", "", patterns, 0);
    struct sky_trend_alert alert = alert_of(keyword, SKY_TREND_STARTED);
    bool wants = sky_alert_filter_wants(filter, &alert);
    sky_alert_filter_free(filter);
    return wants;
}

static void test_keywords(void **state)
{
    assert_true(wants_keyword("", "storm"));
    assert_true(wants_keyword("storm", "storm"));
    assert_false(wants_keyword("storm", "#storm"));
    assert_false(wants_keyword("storm", "new storm"));
    assert_true(wants_keyword("eclipse, *storm*", "new storm"));
    assert_true(wants_keyword("Storm", "storm"));
    assert_true(wants_keyword("who", "WHO"));
    assert_true(wants_keyword("#ÉCLIPSE*", "#éclipse2026"));
    assert_true(wants_keyword("ｓｔｏｒｍ", "storm")); /* full width, as NFKC has it */
    assert_true(wants_keyword("*,!*spam*", "storm"));
    assert_false(wants_keyword("*,!*spam*", "new spam here"));
    assert_true(wants_keyword("!*spam*", "storm"));
    assert_false(wants_keyword("!*spam*,*", "spam"));
    assert_false(wants_keyword("紅?", "紅"));
    assert_true(wants_keyword("紅?", "紅茶"));
}

static void test_languages_and_confidence(void **state)
{
    struct sky_alert_filter *filter = filter_of("JA, *", "", "", 0.5);
    struct sky_trend_alert alert = alert_of("紅茶", SKY_TREND_STARTED);
    assert_true(sky_alert_filter_wants(filter, &alert));
    alert.language = SKY_SPAN("*");
    assert_true(sky_alert_filter_wants(filter, &alert));
    alert.language = SKY_SPAN("en");
    assert_false(sky_alert_filter_wants(filter, &alert));
    alert.language = SKY_SPAN("j");
    assert_false(sky_alert_filter_wants(filter, &alert));
    alert.language = SKY_SPAN("ja");
    alert.confidence_score = 0.49;
    assert_false(sky_alert_filter_wants(filter, &alert));
    alert.kind = SKY_TREND_ENDED; /* sure of nothing any more, as ends are */
    assert_true(sky_alert_filter_wants(filter, &alert));
    sky_alert_filter_free(filter);
}

static void test_kinds(void **state)
{
    struct sky_alert_filter *filter = filter_of("", "started, ended", "", 0);
    assert_true(sky_alert_filter_wants_kind(filter, SKY_TREND_STARTED));
    assert_false(sky_alert_filter_wants_kind(filter, SKY_TREND_ONGOING));
    assert_true(sky_alert_filter_wants_kind(filter, SKY_TREND_ENDED));
    sky_alert_filter_free(filter);
    filter = filter_of("", "", "", 0);
    assert_true(sky_alert_filter_wants_kind(filter, SKY_TREND_ONGOING));
    sky_alert_filter_free(filter);
}

static void check_refused(const char *kinds, const char *keywords, const char *problem_part)
{
    struct sky_alert_filter *filter;
    char problem[SKY_ALERT_FILTER_PROBLEM_SIZE];
    const struct sky_alert_filter_options options = {"", kinds, keywords, 0};
    assert_int_equal(sky_alert_filter_new(&options, &filter, problem), SKY_E_CONFIG);
    assert_null(filter);
    if (!strstr(problem, problem_part))
        fail_msg("it says: %s", problem);
}

static void test_what_is_no_filter(void **state)
{
    char many[1024] = "", longer[600];
    for (int i = 0; i <= SKY_ALERT_FILTER_PATTERNS_MAX; i++)
        strcat(many, "a,");
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = 0;
    check_refused("started,begun", "", "'begun' is none of started, ongoing, ended");
    check_refused("", "!", "'!' is no pattern");
    check_refused("", "\xff", "is no pattern");
    check_refused("", many, "one pattern too many");
    check_refused("", longer, "too long");
}

/* Whatever a keyword is, the filter stays in its bounds. */
static void test_hostile_keywords(void **state)
{
    static char text[100000];
    memset(text, '*', sizeof text - 1);
    assert_true(wants_keyword("*", text));
    assert_false(wants_keyword("a*", text));
    assert_false(wants_keyword("a", "\x1b[2J\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globs_are_those_of_the_c_library),
        cmocka_unit_test(test_a_character_is_one_however_many_bytes_it_has),
        cmocka_unit_test(test_cost_has_a_bound),
        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_languages_and_confidence),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_is_no_filter),
        cmocka_unit_test(test_hostile_keywords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
