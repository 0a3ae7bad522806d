/* The codes are those of RFC 9110, 8470, 6585 and 5321; the waits are checked as bounds, for many random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/alert/delivery.h"

#define PATIENCE_MS 600000

static const struct sky_delivery no_answer = {.result = SKY_DELIVERY_FAILED};

static void test_codes(void **state)
{
    static const unsigned taken[] = {200, 201, 202, 204, 299};
    static const unsigned failed[] = {0, 408, 425, 429, 500, 501, 502, 503, 504, 507, 599};
    static const unsigned refused[] = {101, 300, 301, 302, 307, 308, 400, 401, 403,
                                       404, 405, 409, 410, 411, 413, 422, 426, 451};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        assert_int_equal(sky_delivery_of_http(taken[i]), SKY_DELIVERY_TAKEN);
    for (size_t i = 0; i < sizeof failed / sizeof failed[0]; i++)
        assert_int_equal(sky_delivery_of_http(failed[i]), SKY_DELIVERY_FAILED);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(sky_delivery_of_http(refused[i]), SKY_DELIVERY_REFUSED);
    assert_int_equal(sky_delivery_of_smtp(0), SKY_DELIVERY_FAILED);
    assert_int_equal(sky_delivery_of_smtp(220), SKY_DELIVERY_FAILED); /* the greeting, then nothing */
    assert_int_equal(sky_delivery_of_smtp(354), SKY_DELIVERY_FAILED);
    assert_int_equal(sky_delivery_of_smtp(421), SKY_DELIVERY_FAILED);
    assert_int_equal(sky_delivery_of_smtp(451), SKY_DELIVERY_FAILED);
    assert_int_equal(sky_delivery_of_smtp(535), SKY_DELIVERY_REFUSED);
    assert_int_equal(sky_delivery_of_smtp(554), SKY_DELIVERY_REFUSED);
}

/* 1, 2, 4, 8, 16, 32, 60, 60 s, each less a random half at most; and different numbers give different waits. */
static void test_waits_double_to_a_minute(void **state)
{
    static const int64_t longest[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    int64_t least[9], most[9];
    uint64_t random = 1;
    for (int round = 0; round < 2000; round++) {
        struct sky_retry retry = {0};
        for (size_t i = 0; i < 9; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            sky_retry_failed(&retry, &no_answer, 5000, random >> 11);
            int64_t wait = retry.next_ms - 5000;
            assert_in_range(wait, longest[i] / 2, longest[i]);
            least[i] = round && least[i] < wait ? least[i] : wait;
            most[i] = round && most[i] > wait ? most[i] : wait;
        }
    }
    for (size_t i = 0; i < 9; i++) { /* spread over the whole of it */
        assert_true(least[i] < longest[i] / 2 + longest[i] / 50);
        assert_true(most[i] > longest[i] - longest[i] / 50);
    }
    struct sky_retry many = {.failures = UINT32_MAX - 1};
    sky_retry_failed(&many, &no_answer, 0, 0);
    assert_int_equal(many.next_ms, 60000);
}

static void test_never_before_what_the_receiver_asks(void **state)
{
    struct sky_retry retry = {0};
    struct sky_delivery busy = {.result = SKY_DELIVERY_FAILED, .code = 429, .retry_after_ms = 90000};
    sky_retry_failed(&retry, &busy, 1000, 7);
    assert_int_equal(retry.next_ms, 91000);
    busy.retry_after_ms = 10; /* less than we would wait anyway */
    sky_retry_failed(&retry, &busy, 1000, 0);
    assert_int_equal(retry.next_ms, 3000);
    busy.retry_after_ms = INT64_MAX;
    sky_retry_failed(&retry, &busy, 1000, 0);
    assert_int_equal(retry.next_ms, 1000 + SKY_RETRY_AFTER_MS_MAX);
}

static void test_an_item_is_tried_until_its_deadline(void **state)
{
    struct sky_retry retry = {0};
    struct sky_retry_item item = {.deadline_ms = PATIENCE_MS};
    int64_t now = 0, wake = 0;
    uint32_t attempts = 0;
    for (;;) {
        enum sky_retry_step step = sky_retry_step(&retry, &item, now, &wake);
        if (step == SKY_RETRY_GIVE_UP)
            break;
        if (step == SKY_RETRY_WAIT) {
            assert_true(wake > now); /* it gets on */
            now = wake;
            continue;
        }
        assert_true(now >= retry.next_ms);
        sky_retry_failed(&retry, &no_answer, now, 0);
        item.attempts = ++attempts;
    }
    assert_int_equal(now, PATIENCE_MS);
    assert_int_equal(attempts, 15); /* at 0, 1, 3, 7, 15, 31, 63 s, and each minute from then on: 123, ..., 543 */
}

/* The first item is the cause: those that came just behind it, and whose time is over with it, are tried all the same.
 */
static void test_one_that_cannot_be_taken_does_not_take_others_along(void **state)
{
    struct sky_retry retry = {.failures = 9, .next_ms = PATIENCE_MS + 40000};
    struct sky_retry_item first = {.deadline_ms = PATIENCE_MS, .attempts = 9};
    struct sky_retry_item next = {.deadline_ms = PATIENCE_MS + 1};
    int64_t wake;
    assert_int_equal(sky_retry_step(&retry, &first, PATIENCE_MS, &wake), SKY_RETRY_GIVE_UP);
    sky_retry_gave_up(&retry, PATIENCE_MS);
    assert_int_equal(sky_retry_step(&retry, &next, PATIENCE_MS + 5, &wake), SKY_RETRY_TRY);
    sky_retry_answered(&retry);
    assert_int_equal(sky_retry_step(&retry, &next, PATIENCE_MS + 5, &wake), SKY_RETRY_TRY);
}

/* A receiver that hangs for 10 s each time, and an alert every second for two hours: what waits stays what came within
 * the patience, which is what bounds the queue. */
static void test_a_dead_receiver_does_not_make_the_queue_grow(void **state)
{
    enum { ITEMS = 7200, ATTEMPT_MS = 10000, EVERY_MS = 1000 };
    struct sky_retry retry = {0};
    int64_t now = 0, wake;
    int64_t longest_queue = 0;
    uint32_t attempts = 0;
    for (int i = 0; i < ITEMS; i++) {
        struct sky_retry_item item = {.deadline_ms = (int64_t)i * EVERY_MS + PATIENCE_MS};
        if (now < (int64_t)i * EVERY_MS)
            now = (int64_t)i * EVERY_MS; /* it comes now */
        for (;;) {
            enum sky_retry_step step = sky_retry_step(&retry, &item, now, &wake);
            int64_t queue = now / EVERY_MS - i;
            longest_queue = queue > longest_queue ? queue : longest_queue;
            if (step == SKY_RETRY_GIVE_UP) {
                sky_retry_gave_up(&retry, now);
                break;
            }
            if (step == SKY_RETRY_TRY) {
                now += ATTEMPT_MS;
                sky_retry_failed(&retry, &no_answer, now, 0);
                item.attempts++;
                attempts++;
            } else {
                now = wake;
            }
        }
    }
    assert_true(sky_retry_is_dead(&retry));
    assert_in_range(longest_queue, PATIENCE_MS / EVERY_MS, (PATIENCE_MS + 3 * ATTEMPT_MS) / EVERY_MS);
    assert_in_range(attempts, ITEMS / 70, ITEMS / 60 + 30); /* and it is asked about once a minute */
    sky_retry_answered(&retry);
    assert_false(sky_retry_is_dead(&retry));
}

static void test_time_asked_for_is_kept_from_the_next_item_too(void **state)
{
    struct sky_retry retry = {0};
    struct sky_delivery busy = {.result = SKY_DELIVERY_FAILED, .code = 503, .retry_after_ms = 1000000};
    struct sky_retry_item next = {.deadline_ms = PATIENCE_MS + 1000};
    int64_t wake;
    sky_retry_failed(&retry, &busy, 0, 0);
    sky_retry_gave_up(&retry, PATIENCE_MS);
    assert_int_equal(sky_retry_step(&retry, &next, PATIENCE_MS, &wake), SKY_RETRY_WAIT);
    assert_int_equal(wake, PATIENCE_MS + 1000);
    assert_int_equal(sky_retry_step(&retry, &next, wake, &wake), SKY_RETRY_GIVE_UP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_waits_double_to_a_minute),
        cmocka_unit_test(test_never_before_what_the_receiver_asks),
        cmocka_unit_test(test_an_item_is_tried_until_its_deadline),
        cmocka_unit_test(test_one_that_cannot_be_taken_does_not_take_others_along),
        cmocka_unit_test(test_a_dead_receiver_does_not_make_the_queue_grow),
        cmocka_unit_test(test_time_asked_for_is_kept_from_the_next_item_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
