/* The history against a naive list of everything ever added, on a random stream; then its limits one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/api/keyword_history.h"

#define KEYWORDS 60
#define SLIDES   4000
#define MINUTE   60000

struct model_point {
    int keyword;
    struct sky_history_point point;
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static void name_of(int keyword, char out[16])
{
    snprintf(out, 16, "word%d", keyword / 2);
}

static struct sky_span language_of(int keyword)
{
    return keyword % 2 ? SKY_SPAN("en") : SKY_SPAN("ja");
}

static void compare(const struct sky_keyword_history *history, const struct model_point *model, size_t count,
                    int keyword, int64_t horizon_ms)
{
    char name[16];
    struct sky_history_series series = {0};
    name_of(keyword, name);
    sky_keyword_history_find(history, sky_span_from_string(name), language_of(keyword), &series);
    uint32_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (model[i].keyword != keyword || model[i].point.window_end_ms < horizon_ms)
            continue;
        assert_true(at < series.points_count);
        assert_int_equal(series.points[at].window_end_ms, model[i].point.window_end_ms);
        assert_int_equal(series.points[at].frequency, model[i].point.frequency);
        at++;
    }
    assert_int_equal(at, series.points_count);
}

static void test_against_a_list(void **state)
{
    static struct model_point model[SLIDES * 8];
    struct sky_keyword_history *history;
    uint64_t random = 1;
    size_t count = 0;
    assert_int_equal(sky_keyword_history_new(42, &history), SKY_OK);
    for (int slide = 1; slide <= SLIDES; slide++) {
        for (int i = 0; i < 8; i++) {
            int keyword = (int)(next_random(&random) % KEYWORDS) * (int)(next_random(&random) % 8) / 7;
            struct sky_history_point point = {.window_end_ms = (int64_t)slide * MINUTE,
                                              .frequency = next_random(&random)};
            char name[16];
            bool repeated = false;
            name_of(keyword, name);
            for (size_t j = count; j > 0 && model[j - 1].point.window_end_ms == point.window_end_ms; j--)
                repeated |= model[j - 1].keyword == keyword;
            assert_int_equal(
                sky_keyword_history_add(history, sky_span_from_string(name), language_of(keyword), &point, 0), SKY_OK);
            if (!repeated)
                model[count++] = (struct model_point){keyword, point};
        }
        sky_keyword_history_expire(history, (int64_t)slide * MINUTE);
        if (slide % 100 == 0)
            for (int keyword = 0; keyword < KEYWORDS; keyword++)
                compare(history, model, count, keyword, (int64_t)slide * MINUTE - SKY_HISTORY_SPAN_MS);
    }
    sky_keyword_history_free(history);
}

static void add(struct sky_keyword_history *history, const char *keyword, const char *language, int64_t minute,
                int64_t started_minute)
{
    struct sky_history_point point = {.window_end_ms = minute * MINUTE, .frequency = (uint32_t)minute, .rank = 3};
    assert_int_equal(sky_keyword_history_add(history, sky_span_from_string(keyword), sky_span_from_string(language),
                                             &point, started_minute * MINUTE),
                     SKY_OK);
}

static void test_room_for_the_newest(void **state)
{
    struct sky_keyword_history *history;
    struct sky_history_series series;
    char name[16];
    assert_int_equal(sky_keyword_history_new(1, &history), SKY_OK);
    add(history, "first", "en", 1, 0);
    add(history, "second", "en", 1, 0);
    for (int i = 2; i < SKY_HISTORY_KEYWORDS_MAX; i++) {
        snprintf(name, sizeof name, "w%d", i);
        add(history, name, "en", 2, 0);
    }
    add(history, "first", "en", 3, 0); /* seen again: now "second" is the oldest */
    add(history, "last", "en", 3, 0);
    assert_int_equal(sky_keyword_history_count(history), SKY_HISTORY_KEYWORDS_MAX);
    assert_true(sky_keyword_history_find(history, SKY_SPAN("first"), SKY_SPAN("en"), &series));
    assert_int_equal(series.points_count, 2);
    assert_false(sky_keyword_history_find(history, SKY_SPAN("second"), SKY_SPAN("en"), &series));
    assert_true(sky_keyword_history_find(history, SKY_SPAN("last"), SKY_SPAN("en"), &series));
    sky_keyword_history_free(history);
}

static void test_languages_of_a_keyword(void **state)
{
    struct sky_keyword_history *history;
    struct sky_history_series series[4];
    assert_int_equal(sky_keyword_history_new(1, &history), SKY_OK);
    add(history, "eclipse", "en", 1, 0);
    add(history, "eclipse", "*", 2, 0);
    add(history, "eclipse2", "en", 3, 0);
    assert_int_equal(sky_keyword_history_find_all(history, SKY_SPAN("eclipse"), series, 4), 2);
    assert_true(sky_span_equal(series[0].language, SKY_SPAN("*"))); /* the latest seen first */
    assert_true(sky_span_equal(series[1].language, SKY_SPAN("en")));
    assert_int_equal(sky_keyword_history_find_all(history, SKY_SPAN("eclipse"), series, 1), 1);
    assert_int_equal(sky_keyword_history_find_all(history, SKY_SPAN("eclips"), series, 4), 0);
    sky_keyword_history_free(history);
}

static void test_episodes(void **state)
{
    struct sky_keyword_history *history;
    struct sky_history_series series;
    assert_int_equal(sky_keyword_history_new(1, &history), SKY_OK);
    for (int64_t minute = 10; minute < 13; minute++)
        add(history, "eclipse", "en", minute, 10);
    sky_keyword_history_end(history, SKY_SPAN("eclipse"), SKY_SPAN("en"), 10 * MINUTE, 13 * MINUTE);
    add(history, "eclipse", "en", 20, 20);
    assert_true(sky_keyword_history_find(history, SKY_SPAN("eclipse"), SKY_SPAN("en"), &series));
    assert_int_equal(series.episodes_count, 2);
    assert_int_equal(series.episodes[0].started_at_ms, 10 * MINUTE);
    assert_int_equal(series.episodes[0].ended_at_ms, 13 * MINUTE);
    assert_int_equal(series.episodes[0].peak_frequency, 12);
    assert_int_equal(series.episodes[1].ended_at_ms, 0);
    for (int64_t minute = 30; minute < 40; minute++)
        add(history, "eclipse", "en", minute, minute);
    assert_true(sky_keyword_history_find(history, SKY_SPAN("eclipse"), SKY_SPAN("en"), &series));
    assert_int_equal(series.episodes_count, SKY_HISTORY_EPISODES_MAX);
    assert_int_equal(series.episodes[SKY_HISTORY_EPISODES_MAX - 1].started_at_ms, 39 * MINUTE);
    sky_keyword_history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_list),
        cmocka_unit_test(test_room_for_the_newest),
        cmocka_unit_test(test_languages_of_a_keyword),
        cmocka_unit_test(test_episodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
