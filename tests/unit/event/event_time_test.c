#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/event_time.h"

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The rule as it is written, with a sort for each frame. */
struct model {
    int64_t differences[4000];
    size_t count;
    int64_t event_time_ms;
};

static struct sky_event_time_result model_next(struct model *model, int64_t claimed_ms, int64_t receipt_ms)
{
    struct sky_event_time_result result = {.observed_at_ms = claimed_ms};
    if (receipt_ms != SKY_RECEIPT_NONE) {
        int64_t window[255];
        model->differences[model->count++] = claimed_ms - receipt_ms;
        size_t size = model->count < 255 ? model->count : 255;
        memcpy(window, model->differences + model->count - size, size * sizeof window[0]);
        qsort(window, size, sizeof window[0], compare);
        int64_t median = window[(size - 1) / 2];
        result.forged = claimed_ms - receipt_ms > median + 2000;
        if (result.forged)
            result.observed_at_ms = receipt_ms + median;
    }
    if (result.observed_at_ms > model->event_time_ms)
        model->event_time_ms = result.observed_at_ms;
    result.event_time_ms = model->event_time_ms;
    return result;
}

static uint32_t random_state = 42;

static int64_t random_below(int64_t bound)
{
    random_state = random_state * 1664525 + 1013904223;
    return (int64_t)(random_state >> 8) % bound;
}

static void assert_same(struct sky_event_time_result a, struct sky_event_time_result b)
{
    assert_int_equal(a.observed_at_ms, b.observed_at_ms);
    assert_int_equal(a.event_time_ms, b.event_time_ms);
    assert_int_equal(a.forged, b.forged);
}

static void test_agrees_with_the_rule_and_survives_a_restart(void **state)
{
    (void)state;
    static struct model model;
    struct sky_event_time time;
    sky_event_time_init(&time);
    for (int i = 0; i < 3000; i++) {
        int64_t receipt_ms = 1783175888000 + i * 10;
        int64_t claimed_ms = receipt_ms - 300 - random_below(900);
        if (random_below(20) == 0)
            claimed_ms += random_below(100000) - 50000; /* far off, both ways */
        if (random_below(50) == 0)
            receipt_ms = SKY_RECEIPT_NONE;
        assert_same(sky_event_time_next(&time, claimed_ms, receipt_ms), model_next(&model, claimed_ms, receipt_ms));
        if (i % 100 == 0) { /* saved and loaded, it goes on the same */
            struct sky_buffer buffer = {0};
            struct sky_reader reader;
            sky_event_time_save(&time, &buffer);
            sky_reader_init(&reader, sky_buffer_span(&buffer));
            memset(&time, 0xff, sizeof time);
            sky_event_time_load(&time, &reader);
            assert_true(sky_reader_ok(&reader) && reader.offset == buffer.len);
            sky_buffer_clean_up(&buffer);
        }
    }
}

static void test_one_frame_from_2099_moves_nothing(void **state)
{
    (void)state;
    struct sky_event_time time;
    sky_event_time_init(&time);
    for (int64_t i = 0; i < 10; i++)
        sky_event_time_next(&time, 1000000 + i, 1000500 + i);
    struct sky_event_time_result result = sky_event_time_next(&time, 4070908800000, 1000510);
    assert_true(result.forged);
    assert_int_equal(result.observed_at_ms, 1000010); /* receipt - 500 */
    assert_int_equal(result.event_time_ms, 1000010);
}

/* It is its own median; the frames behind it are then held to theirs. */
static void test_a_stream_that_begins_with_2099(void **state)
{
    (void)state;
    const int64_t now = 1790164800000; /* 2026-09-23T12:00:00Z */
    struct sky_event_time time;
    sky_event_time_init(&time);
    struct sky_event_time_result result = sky_event_time_next(&time, 4070908800000, now);
    assert_true(result.forged);
    assert_int_equal(result.event_time_ms, now);
    result = sky_event_time_next(&time, 4070908800000, now + 1); /* and another one */
    assert_true(result.forged);
    for (int i = 2; i < 100; i++)
        result = sky_event_time_next(&time, now + i, now + i + 500);
    assert_false(result.forged);
    assert_int_equal(result.event_time_ms, now + 99);

    sky_event_time_init(&time); /* a clock that is an hour slow changes nothing */
    result = sky_event_time_next(&time, now + 3600000, now);
    assert_false(result.forged);
    assert_int_equal(result.event_time_ms, now + 3600000);
}

/* Receipts of a recording may be anything. */
static void test_receipts_that_are_no_time(void **state)
{
    (void)state;
    static const int64_t receipts[] = {INT64_MAX, INT64_MIN + 1, INT64_MAX - 2000, -INT64_MAX + 2000};
    static const int64_t claims[] = {-62167219200000, 0, 1790164800000, 253402300799999}; /* years 0 to 9999 */
    struct sky_event_time time;
    sky_event_time_init(&time);
    for (int i = 0; i < 2000; i++) {
        int64_t claim = claims[i / 4 % 4], receipt = receipts[i % 4];
        struct sky_event_time_result result = sky_event_time_next(&time, claim, receipt);
        assert_false(result.forged);
        assert_int_equal(result.observed_at_ms, claim);
    }
}

static void test_time_runs_backwards_only_as_observed(void **state)
{
    (void)state;
    struct sky_event_time time;
    sky_event_time_init(&time);
    sky_event_time_next(&time, 5000, SKY_RECEIPT_NONE);
    struct sky_event_time_result result = sky_event_time_next(&time, 4100, SKY_RECEIPT_NONE);
    assert_int_equal(result.observed_at_ms, 4100);
    assert_int_equal(result.event_time_ms, 5000);
    assert_false(result.forged);
}

/* An hour of Kafka's timestamp, no more, whatever a writer has put there. */
static void test_ahead_of_a_record(void **state)
{
    (void)state;
    const int64_t now_ms = INT64_C(1783175889001), year_9999_ms = INT64_C(253402300799999);
    assert_false(sky_event_time_is_ahead(now_ms, now_ms));
    assert_false(sky_event_time_is_ahead(now_ms + 3600000, now_ms));
    assert_true(sky_event_time_is_ahead(now_ms + 3600001, now_ms));
    assert_true(sky_event_time_is_ahead(year_9999_ms, now_ms));
    assert_false(sky_event_time_is_ahead(INT64_C(1767571200000), now_ms)); /* a simulated network's, half a year old */
    assert_true(sky_event_time_is_ahead(now_ms, -1));
    assert_true(sky_event_time_is_ahead(now_ms, INT64_MIN));
    assert_false(sky_event_time_is_ahead(now_ms, INT64_MAX));
    assert_false(sky_event_time_is_ahead(INT64_C(-62135596800000), INT64_MAX)); /* the year 1 */
}

static void test_damaged_state_is_refused(void **state)
{
    (void)state;
    struct sky_event_time time;
    struct sky_buffer buffer = {0};
    struct sky_reader reader;
    sky_event_time_init(&time);
    for (int i = 0; i < 300; i++)
        sky_event_time_next(&time, i, i);
    sky_event_time_save(&time, &buffer);
    for (size_t len = 0; len < buffer.len; len++) {
        sky_reader_init(&reader, sky_span_of(buffer.ptr, len));
        sky_event_time_load(&time, &reader);
        assert_false(sky_reader_ok(&reader));
    }
    buffer.ptr[16 + 7] = 0x7f; /* a difference near 2^63 */
    sky_reader_init(&reader, sky_buffer_span(&buffer));
    sky_event_time_load(&time, &reader);
    assert_false(sky_reader_ok(&reader));
    buffer.ptr[16 + 7] = 0;
    buffer.ptr[9] = 1; /* a count of 255 + 256 */
    sky_reader_init(&reader, sky_buffer_span(&buffer));
    sky_event_time_load(&time, &reader);
    assert_false(sky_reader_ok(&reader));
    sky_buffer_clean_up(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_rule_and_survives_a_restart),
        cmocka_unit_test(test_one_frame_from_2099_moves_nothing),
        cmocka_unit_test(test_a_stream_that_begins_with_2099),
        cmocka_unit_test(test_receipts_that_are_no_time),
        cmocka_unit_test(test_time_runs_backwards_only_as_observed),
        cmocka_unit_test(test_ahead_of_a_record),
        cmocka_unit_test(test_damaged_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
