#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trend/recurrence.h"

#define NOW  INT64_C(29453760) /* a Monday noon, in minutes since 1970 */
#define DAY  1440
#define WEEK (7 * DAY)

static bool is_due(const int64_t *rises, size_t count, int64_t minute)
{
    struct sky_recurrence *recurrence = sky_recurrence_new();
    assert_non_null(recurrence);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sky_recurrence_note(recurrence, 7, rises[i]), SKY_OK);
        assert_int_equal(sky_recurrence_note(recurrence, 8, rises[i] + 300), SKY_OK); /* of another keyword */
    }
    bool due = sky_recurrence_is_due(recurrence, 7, minute);
    sky_recurrence_free(recurrence);
    return due;
}

#define DUE(...) is_due((const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), NOW)

/* docs/TRENDS.md: the same time of day on 2 of 7 days, an hour early or late at most. */
static void test_days(void **state)
{
    (void)state;
    assert_false(DUE(NOW - DAY));
    assert_true(DUE(NOW - 2 * DAY, NOW - DAY));
    assert_true(DUE(NOW - 7 * DAY, NOW - 3 * DAY));
    assert_true(DUE(NOW - 2 * DAY - 60, NOW - DAY + 60));
    assert_false(DUE(NOW - 2 * DAY - 61, NOW - DAY));
    assert_false(DUE(NOW - 2 * DAY, NOW - DAY + 61));
    assert_false(DUE(NOW - 8 * DAY, NOW - DAY));
    assert_false(DUE(NOW - DAY - 5, NOW - DAY + 5)); /* twice on one day */
    assert_false(DUE(NOW - 60, NOW - DAY));          /* today is not before */
    assert_false(DUE(NOW - 2 * DAY - 300, NOW - DAY - 300));
}

/* The same time of the week in 2 of 4 weeks, an hour and a half early or late at most. */
static void test_weeks(void **state)
{
    (void)state;
    assert_true(DUE(NOW - 2 * WEEK, NOW - WEEK));
    assert_true(DUE(NOW - 4 * WEEK - 90, NOW - 3 * WEEK + 90));
    assert_false(DUE(NOW - 5 * WEEK, NOW - WEEK));
    assert_false(DUE(NOW - 4 * WEEK - 91, NOW - 3 * WEEK));
    assert_false(DUE(NOW - 4 * WEEK, NOW - 3 * WEEK + 91));
    assert_false(DUE(NOW - WEEK));
}

/* Against a list that is never cut, over a year of starts at random. */
static void test_what_is_old_is_forgotten(void **state)
{
    (void)state;
    struct sky_recurrence *recurrence = sky_recurrence_new();
    uint64_t random = 1;
    int64_t minute = NOW;
    for (int i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        minute += (int64_t)(random >> 60) * 2;
        assert_int_equal(sky_recurrence_note(recurrence, random >> 33, minute), SKY_OK);
    }
    /* 15 minutes apart on the average, so some 3,360 of 35 days; twice that is room for what grows by doubling */
    assert_true(sky_recurrence_size_bytes(recurrence) < 2 * 5000 * 16);
    sky_recurrence_free(recurrence);
}

static void test_a_flood_is_bounded(void **state)
{
    (void)state;
    struct sky_recurrence *recurrence = sky_recurrence_new();
    assert_int_equal(sky_recurrence_note(recurrence, 7, NOW - 2 * DAY), SKY_OK);
    for (int i = 0; i < 2 * SKY_RECURRENCE_RISES_MAX; i++)
        assert_int_equal(sky_recurrence_note(recurrence, 1000 + (uint64_t)i, NOW - DAY), SKY_OK);
    assert_int_equal(sky_recurrence_note(recurrence, 7, NOW - DAY), SKY_OK);
    assert_true(sky_recurrence_size_bytes(recurrence) <= 64 + SKY_RECURRENCE_RISES_MAX * 16);
    assert_false(sky_recurrence_is_due(recurrence, 7, NOW)); /* the oldest went first */
    sky_recurrence_free(recurrence);
}

static void test_state(void **state)
{
    (void)state;
    struct sky_recurrence *one = sky_recurrence_new(), *other = sky_recurrence_new();
    struct sky_buffer saved = {0}, again = {0};
    assert_int_equal(sky_recurrence_note(one, 7, NOW - 2 * DAY), SKY_OK);
    assert_int_equal(sky_recurrence_note(one, 9, NOW - DAY), SKY_OK);
    assert_int_equal(sky_recurrence_note(one, 7, NOW - DAY), SKY_OK);
    sky_recurrence_save(one, &saved);
    for (size_t len = 0; len < saved.len; len++) { /* cut anywhere */
        struct sky_recurrence *cut = sky_recurrence_new();
        struct sky_reader reader;
        sky_reader_init(&reader, sky_span_of(saved.ptr, len));
        sky_recurrence_load(cut, &reader);
        assert_false(sky_reader_ok(&reader));
        sky_recurrence_free(cut);
    }
    struct sky_reader reader;
    sky_reader_init(&reader, sky_buffer_span(&saved));
    sky_recurrence_load(other, &reader);
    assert_true(sky_reader_ok(&reader));
    assert_true(sky_recurrence_is_due(other, 7, NOW));
    assert_false(sky_recurrence_is_due(other, 9, NOW));
    sky_recurrence_save(other, &again);
    assert_true(sky_span_equal(sky_buffer_span(&saved), sky_buffer_span(&again)));
    sky_buffer_clean_up(&saved);
    sky_buffer_clean_up(&again);
    sky_recurrence_free(one);
    sky_recurrence_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_weeks),
        cmocka_unit_test(test_what_is_old_is_forgotten),
        cmocka_unit_test(test_a_flood_is_bounded),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
