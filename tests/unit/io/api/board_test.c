/* What the board keeps of what it is given: copies, ranks, histories; and that readers see whole states only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "unit/io/api/snapshots.h"

#include "io/api/board.h"

static int set_up(void **state)
{
    struct sky_board *board;
    assert_int_equal(sky_board_new(&board), SKY_OK);
    *state = board;
    return 0;
}

static int tear_down(void **state)
{
    sky_board_free(*state);
    return 0;
}

static void publish(struct sky_board *board, const struct sky_trend_alert *trends, uint32_t count, int64_t minute)
{
    struct sky_trend_snapshot snapshot = make_snapshot(trends, count, minute);
    assert_int_equal(sky_board_publish(board, &snapshot), SKY_OK);
}

static void read_empty(void *context, const struct sky_board_view *view)
{
    assert_null(view->snapshot);
    assert_int_equal(view->slides_count, 0);
}

static void read_copy(void *context, const struct sky_board_view *view)
{
    const struct sky_trend_alert *trend = &view->snapshot->trends[0];
    assert_int_equal(view->snapshot->trends_count, 1);
    assert_true(sky_span_equal(trend->keyword, SKY_SPAN("eclipse")));
    assert_true(sky_span_equal(trend->sample_posts[0].text, SKY_SPAN("look up")));
    assert_int_equal(view->snapshot->volume[1].words, 700);
    assert_int_equal(view->slides[0].posts, 19000);
    assert_true(view->slides[0].posts_per_minute == 1900.0); /* 19,000 in ten minutes */
    assert_int_equal(view->version, 1);
}

static void test_copies(void **state)
{
    char keyword[] = "eclipse";
    sky_board_read(*state, read_empty, NULL);
    struct sky_trend_alert trend = make_trend(1, keyword, "en", 1, 1);
    publish(*state, &trend, 1, 1);
    memset(keyword, 'x', sizeof keyword - 1);
    memset(&trend, 0, sizeof trend);
    sky_board_read(*state, read_copy, NULL);
}

static void read_ranks(void *context, const struct sky_board_view *view)
{
    assert_int_equal(view->previous_ranks[0], 2);
    assert_int_equal(view->previous_ranks[1], 0); /* new */
    assert_int_equal(view->previous_ranks[2], 1);
    assert_true(view->peak_confidences[0] == 0.75); /* it was surer before */
    assert_true(view->peak_confidences[1] == 0.25);
    assert_true(view->peak_confidences[2] == 1.0); /* it is surer now */
}

static void test_previous_ranks(void **state)
{
    struct sky_trend_alert before[] = {make_trend(1, "a", "en", 1, 1), make_trend(2, "b", "en", 2, 1)};
    struct sky_trend_alert after[] = {make_trend(2, "b", "en", 1, 2), make_trend(3, "c", "en", 2, 2),
                                      make_trend(1, "a", "en", 3, 2)};
    before[0].confidence_score = 0.5;
    before[1].confidence_score = 0.75;
    after[0].confidence_score = after[1].confidence_score = 0.25;
    after[2].confidence_score = 1.0;
    publish(*state, before, 2, 1);
    publish(*state, after, 3, 2);
    sky_board_read(*state, read_ranks, NULL);
}

static void read_histories(void *context, const struct sky_board_view *view)
{
    struct sky_history_series series;
    assert_true(sky_keyword_history_find(view->history, SKY_SPAN("eclipse"), SKY_SPAN("en"), &series));
    assert_int_equal(series.points_count, 3);
    assert_int_equal(series.points[0].rank, 1);
    assert_true((double)series.points[0].expected == 10.0);
    assert_int_equal(series.points[2].rank, 0); /* ended */
    assert_int_equal(series.episodes_count, 1);
    assert_int_equal(series.episodes[0].ended_at_ms, NOON + 3 * SKY_MINUTE_MS);
    assert_true(sky_keyword_history_find(view->history, SKY_SPAN("today"), SKY_SPAN("en"), &series));
    assert_int_equal(series.points_count, 3);
    assert_int_equal(series.points[1].frequency, 400);
    assert_true(isnan(series.points[1].expected));
    assert_int_equal(view->slides_count, 3);
}

static void test_histories(void **state)
{
    struct sky_trend_alert trend = make_trend(1, "eclipse", "en", 1, 1);
    publish(*state, &trend, 1, 1);
    trend = make_trend(1, "eclipse", "en", 1, 2);
    publish(*state, &trend, 1, 2);
    trend = make_trend(1, "eclipse", "en", 0, 3);
    trend.kind = SKY_TREND_ENDED;
    struct sky_trend_snapshot last = make_snapshot(NULL, 0, 3);
    last.ended = &trend;
    last.ended_count = 1;
    assert_int_equal(sky_board_publish(*state, &last), SKY_OK);
    sky_board_read(*state, read_histories, NULL);
}

static void read_new_history(void *context, const struct sky_board_view *view)
{
    assert_int_equal(view->slides_count, 1);
    assert_int_equal(view->previous_ranks[0], 0);
    assert_int_equal(sky_keyword_history_count(view->history), 2); /* b and today */
}

static void test_time_that_goes_back_begins_anew(void **state)
{
    struct sky_trend_alert a = make_trend(1, "a", "en", 1, 500), b = make_trend(2, "b", "en", 1, 3);
    publish(*state, &a, 1, 500);
    publish(*state, &b, 1, 3);
    sky_board_read(*state, read_new_history, NULL);
}

static void read_day(void *context, const struct sky_board_view *view)
{
    assert_int_equal(view->slides_count, SKY_BOARD_SLIDES_MAX);
    assert_int_equal(view->slides[0].window_end_ms, NOON + (2000 - SKY_BOARD_SLIDES_MAX + 1) * SKY_MINUTE_MS);
    assert_int_equal(view->slides[SKY_BOARD_SLIDES_MAX - 1].window_end_ms, NOON + 2000 * SKY_MINUTE_MS);
}

static void test_keeps_a_day(void **state)
{
    for (int64_t minute = 1; minute <= 2000; minute++)
        publish(*state, NULL, 0, minute);
    sky_board_read(*state, read_day, NULL);
}

static void read_bounded(void *context, const struct sky_board_view *view)
{
    assert_int_equal(view->snapshot->trends_count, SKY_BOARD_TRENDS_MAX);
    assert_int_equal(view->snapshot->trends[SKY_BOARD_TRENDS_MAX - 1].rank, SKY_BOARD_TRENDS_MAX);
}

static void test_bounds_a_snapshot(void **state)
{
    static struct sky_trend_alert trends[SKY_BOARD_TRENDS_MAX + 10];
    for (uint32_t i = 0; i < SKY_BOARD_TRENDS_MAX + 10; i++)
        trends[i] = make_trend(i + 1, "same", "en", i + 1, 1);
    publish(*state, trends, SKY_BOARD_TRENDS_MAX + 10, 1);
    sky_board_read(*state, read_bounded, NULL);
}

static void count_change(void *context, enum sky_board_change change)
{
    ((int *)context)[change]++;
}

static void test_listener(void **state)
{
    int changes[2] = {0};
    struct sky_board_status status = {.source = "a file", .version = "1"};
    sky_board_listen(*state, count_change, changes);
    publish(*state, NULL, 0, 1);
    sky_board_set_status(*state, &status);
    sky_board_set_status(*state, &status);
    sky_board_listen(*state, NULL, NULL);
    publish(*state, NULL, 0, 2);
    assert_int_equal(changes[SKY_BOARD_SNAPSHOT], 1);
    assert_int_equal(changes[SKY_BOARD_STATUS], 2);
}

static atomic_bool done;

/* In every snapshot of the writer below, all frequencies are the minute. */
static void read_whole(void *context, const struct sky_board_view *view)
{
    for (uint32_t i = 0; view->snapshot && i < view->snapshot->trends_count; i++) {
        int64_t minute = (view->snapshot->window_end_ms - NOON) / SKY_MINUTE_MS;
        if (view->snapshot->trends[i].frequency != (uint32_t)minute)
            ++*(int *)context;
    }
}

static void *read_often(void *context)
{
    static int torn;
    while (!done)
        sky_board_read(context, read_whole, &torn);
    return &torn;
}

static void test_readers_see_whole_states(void **state)
{
    struct sky_trend_alert trends[20];
    pthread_t reader;
    void *torn;
    done = false;
    assert_int_equal(pthread_create(&reader, NULL, read_often, *state), 0);
    for (int64_t minute = 1; minute <= 500; minute++) {
        for (uint32_t i = 0; i < 20; i++) {
            trends[i] = make_trend(i + 1, "word", "en", i + 1, minute);
            trends[i].frequency = (uint32_t)minute;
        }
        publish(*state, trends, 20, minute);
    }
    done = true;
    pthread_join(reader, &torn);
    assert_int_equal(*(int *)torn, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_copies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_previous_ranks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_histories, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_time_that_goes_back_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keeps_a_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds_a_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_listener, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_readers_see_whole_states, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
