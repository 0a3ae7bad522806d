/* Receivers that are functions, and what has become of every item: each has one end, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <time.h>

#include "io/alert/alert_outputs.h"
#include "io/host/clock.h"
#include "unit/io/alert/alerts.h"

#define PATIENCE_MS 600000
#define TEST_MS_MAX 20000
#define ITEMS_MAX   512

struct receiver {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool closed;                          /* deliver waits */
    enum sky_delivery_result results[64]; /* of the first calls; then taken */
    uint32_t calls;
    uint32_t sizes[ITEMS_MAX]; /* of each call's list */
    uint64_t ids[ITEMS_MAX];   /* that were taken, in order */
    uint32_t taken;
    uint64_t refuses_id; /* whenever it is in a list */
};

static void deliver(void *context, struct sky_alert_list list, int64_t now_ms, struct sky_delivery *delivery)
{
    struct receiver *receiver = context;
    *delivery = (struct sky_delivery){.result = SKY_DELIVERY_TAKEN};
    pthread_mutex_lock(&receiver->mutex);
    while (receiver->closed)
        pthread_cond_wait(&receiver->changed, &receiver->mutex);
    if (receiver->calls < 64)
        delivery->result = receiver->results[receiver->calls];
    for (size_t i = 0; i < list.count; i++)
        if (receiver->refuses_id && list.alerts[i]->id == receiver->refuses_id)
            delivery->result = SKY_DELIVERY_REFUSED;
    receiver->sizes[receiver->calls++] = (uint32_t)list.count;
    for (size_t i = 0; i < list.count && delivery->result == SKY_DELIVERY_TAKEN; i++)
        receiver->ids[receiver->taken++] = list.alerts[i]->id;
    pthread_mutex_unlock(&receiver->mutex);
    if (delivery->result != SKY_DELIVERY_TAKEN)
        snprintf(delivery->problem, sizeof delivery->problem, "no");
}

static struct receiver *receiver_new(void)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    pthread_mutex_init(&receiver->mutex, NULL);
    pthread_cond_init(&receiver->changed, NULL);
    return receiver;
}

static void set_closed(struct receiver *receiver, bool closed)
{
    pthread_mutex_lock(&receiver->mutex);
    receiver->closed = closed;
    pthread_cond_signal(&receiver->changed);
    pthread_mutex_unlock(&receiver->mutex);
}

static void receiver_free(struct receiver *receiver)
{
    pthread_cond_destroy(&receiver->changed);
    pthread_mutex_destroy(&receiver->mutex);
    free(receiver);
}

static struct sky_alert_outputs *outputs_of(struct receiver *const *receivers, uint32_t count,
                                            struct sky_alert_receiver how, int64_t patience_ms)
{
    struct sky_alert_outputs *outputs;
    struct sky_alert_outputs_options options = {.count = count, .capacity = 16, .patience_ms = patience_ms, .seed = 5};
    for (uint32_t i = 0; i < count; i++) {
        options.receivers[i] = how;
        options.receivers[i].deliver = deliver;
        options.receivers[i].context = receivers[i];
    }
    assert_int_equal(sky_alert_outputs_new(&options, &outputs), SKY_OK);
    return outputs;
}

static struct sky_alert_item *items_of(size_t count)
{
    struct sky_alert_item *items = calloc(count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i].alert = alert_of("storm", SKY_TREND_STARTED);
        items[i].alert.id = i + 1;
    }
    return items;
}

static struct sky_alert_finish next_finish(struct sky_alert_outputs *outputs)
{
    struct sky_alert_finish finish;
    int64_t end_ms = sky_clock_monotonic_ms() + TEST_MS_MAX;
    while (!sky_alert_outputs_take(outputs, &finish)) {
        if (sky_clock_monotonic_ms() > end_ms)
            fail_msg("nothing is finished");
        sky_alert_outputs_wait(outputs, 1000);
    }
    return finish;
}

static void wait_for_attempts(struct sky_alert_outputs *outputs, uint32_t output, uint64_t failed)
{
    struct sky_alert_output_state state;
    int64_t end_ms = sky_clock_monotonic_ms() + TEST_MS_MAX;
    struct timespec pause = {.tv_nsec = 1000000};
    do {
        nanosleep(&pause, NULL);
        sky_alert_outputs_state(outputs, output, &state);
        if (sky_clock_monotonic_ms() > end_ms)
            fail_msg("no such attempt");
    } while (state.attempts_failed < failed);
}

static void test_all_are_taken_in_order(void **state)
{
    struct receiver *receiver = receiver_new();
    struct sky_alert_outputs *outputs =
        outputs_of(&receiver, 1, (struct sky_alert_receiver){.batch_max = 3}, PATIENCE_MS);
    struct sky_alert_item *items = items_of(300);
    size_t put = 0;
    for (size_t taken = 0; taken < 300;) {
        while (put < 300 && sky_alert_outputs_have_room(outputs))
            sky_alert_outputs_put(outputs, 0, &items[put++]);
        struct sky_alert_finish finish = next_finish(outputs);
        assert_ptr_equal(finish.item, &items[taken++]);
        assert_int_equal(finish.end, SKY_ALERT_DELIVERED);
        assert_int_equal(finish.attempts, 1);
        assert_string_equal(finish.problem, "");
    }
    assert_true(sky_alert_outputs_are_idle(outputs));
    assert_int_equal(receiver->taken, 300);
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(receiver->ids[i], i + 1);
    for (uint32_t i = 0; i < receiver->calls; i++)
        assert_in_range(receiver->sizes[i], 1, 3);
    sky_alert_outputs_free(outputs);
    receiver_free(receiver);
    free(items);
}

static void test_a_stuck_receiver_holds_up_nobody_until_it_is_full(void **state)
{
    struct receiver *receivers[] = {receiver_new(), receiver_new()};
    struct sky_alert_outputs *outputs =
        outputs_of(receivers, 2, (struct sky_alert_receiver){.batch_max = 1}, PATIENCE_MS);
    struct sky_alert_item *items = items_of(16);
    set_closed(receivers[0], true);
    for (size_t i = 0; i < 16; i++) {
        assert_true(sky_alert_outputs_have_room(outputs));
        sky_alert_outputs_put(outputs, 0, &items[i]);
        sky_alert_outputs_put(outputs, 1, &items[i]);
        struct sky_alert_finish finish = next_finish(outputs);
        assert_int_equal(finish.output, 1);
        assert_ptr_equal(finish.item, &items[i]);
    }
    assert_false(sky_alert_outputs_have_room(outputs));
    assert_false(sky_alert_outputs_are_idle(outputs));
    set_closed(receivers[0], false);
    for (size_t i = 0; i < 16; i++)
        assert_ptr_equal(next_finish(outputs).item, &items[i]);
    assert_true(sky_alert_outputs_have_room(outputs));
    sky_alert_outputs_free(outputs);
    receiver_free(receivers[0]);
    receiver_free(receivers[1]);
    free(items);
}

static void test_a_failure_is_tried_again_and_told(void **state)
{
    struct receiver *receiver = receiver_new();
    struct sky_alert_output_state output;
    receiver->results[0] = SKY_DELIVERY_FAILED;
    struct sky_alert_outputs *outputs =
        outputs_of(&receiver, 1, (struct sky_alert_receiver){.batch_max = 1}, PATIENCE_MS);
    struct sky_alert_item *items = items_of(2);
    sky_alert_outputs_put(outputs, 0, &items[0]);
    sky_alert_outputs_put(outputs, 0, &items[1]);
    wait_for_attempts(outputs, 0, 1);
    sky_alert_outputs_state(outputs, 0, &output);
    assert_string_equal(output.problem, "no");
    assert_int_equal(output.waiting, 2);
    assert_true(output.failing_since_ms > 0);
    struct sky_alert_finish finish = next_finish(outputs);
    assert_int_equal(finish.end, SKY_ALERT_DELIVERED);
    assert_int_equal(finish.attempts, 2);
    assert_int_equal(next_finish(outputs).attempts, 1);
    sky_alert_outputs_state(outputs, 0, &output);
    assert_string_equal(output.problem, "");
    assert_int_equal(output.failures, 0);
    assert_int_equal(output.failing_since_ms, 0);
    sky_alert_outputs_free(outputs);
    receiver_free(receiver);
    free(items);
}

static void test_given_up_after_its_time(void **state)
{
    struct receiver *receiver = receiver_new();
    for (size_t i = 0; i < 64; i++)
        receiver->results[i] = SKY_DELIVERY_FAILED;
    struct sky_alert_outputs *outputs = outputs_of(&receiver, 1, (struct sky_alert_receiver){.batch_max = 1}, 100);
    struct sky_alert_item *items = items_of(3);
    for (size_t i = 0; i < 3; i++)
        sky_alert_outputs_put(outputs, 0, &items[i]);
    for (size_t i = 0; i < 3; i++) {
        struct sky_alert_finish finish = next_finish(outputs);
        assert_ptr_equal(finish.item, &items[i]);
        assert_int_equal(finish.end, SKY_ALERT_GIVEN_UP);
        assert_true(finish.attempts >= 1); /* each had its chance */
        assert_string_equal(finish.problem, "no");
    }
    sky_alert_outputs_put(outputs, 0, &items[0]); /* the receiver is dead now: no attempt is wasted on it */
    struct sky_alert_finish finish = next_finish(outputs);
    assert_int_equal(finish.end, SKY_ALERT_GIVEN_UP);
    assert_string_equal(finish.problem, "no");
    struct sky_alert_output_state output;
    sky_alert_outputs_state(outputs, 0, &output);
    assert_true(output.is_dead);
    sky_alert_outputs_free(outputs);
    receiver_free(receiver);
    free(items);
}

/* What was refused together is handed over one by one, so that only the bad one is refused. */
static void test_a_refused_batch_is_split(void **state)
{
    struct receiver *receiver = receiver_new();
    receiver->refuses_id = 3;
    set_closed(receiver, true);
    const struct sky_alert_receiver how = {.batch_max = 8, .gather_ms = 60000, .splits_refused = true};
    struct sky_alert_outputs *outputs = outputs_of(&receiver, 1, how, PATIENCE_MS);
    struct sky_alert_item *items = items_of(8);
    for (size_t i = 0; i < 8; i++)
        sky_alert_outputs_put(outputs, 0, &items[i]);
    set_closed(receiver, false);
    for (size_t i = 0; i < 8; i++) {
        struct sky_alert_finish finish = next_finish(outputs);
        assert_ptr_equal(finish.item, &items[i]);
        assert_int_equal(finish.end, i == 2 ? SKY_ALERT_REFUSED : SKY_ALERT_DELIVERED);
    }
    assert_int_equal(receiver->calls, 9);
    assert_int_equal(receiver->sizes[0], 8);
    sky_alert_outputs_free(outputs);
    receiver_free(receiver);
    free(items);
}

/* What comes within gather_ms goes out together; drain does not wait for more. */
static void test_gathering(void **state)
{
    struct receiver *receiver = receiver_new();
    const struct sky_alert_receiver how = {.batch_max = 100, .gather_ms = 300};
    struct sky_alert_outputs *outputs = outputs_of(&receiver, 1, how, PATIENCE_MS);
    struct sky_alert_item *items = items_of(6);
    int64_t begin_ms = sky_clock_monotonic_ms();
    for (size_t i = 0; i < 3; i++)
        sky_alert_outputs_put(outputs, 0, &items[i]);
    for (size_t i = 0; i < 3; i++)
        next_finish(outputs);
    assert_true(sky_clock_monotonic_ms() - begin_ms >= 299);
    assert_int_equal(receiver->calls, 1);
    assert_int_equal(receiver->sizes[0], 3);
    sky_alert_outputs_drain(outputs);
    sky_alert_outputs_put(outputs, 0, &items[3]);
    next_finish(outputs);
    assert_int_equal(receiver->calls, 2);
    sky_alert_outputs_free(outputs);
    receiver_free(receiver);
    free(items);
}

static void test_a_receiver_that_is_gone(void **state)
{
    struct receiver *receiver = receiver_new();
    struct sky_alert_output_state output;
    receiver->results[0] = SKY_DELIVERY_GONE;
    struct sky_alert_outputs *outputs =
        outputs_of(&receiver, 1, (struct sky_alert_receiver){.batch_max = 1}, PATIENCE_MS);
    struct sky_alert_item *items = items_of(2);
    struct sky_alert_finish finish;
    sky_alert_outputs_put(outputs, 0, &items[0]);
    sky_alert_outputs_put(outputs, 0, &items[1]);
    wait_for_attempts(outputs, 0, 1);
    sky_alert_outputs_state(outputs, 0, &output);
    assert_true(output.is_gone);
    assert_true(sky_alert_outputs_are_idle(outputs));
    assert_false(sky_alert_outputs_take(outputs, &finish)); /* not delivered, not given up */
    sky_alert_outputs_free(outputs);
    assert_int_equal(receiver->calls, 1);
    receiver_free(receiver);
    free(items);
}

/* Waiting for a receiver that failed is no reason not to end. */
static void test_waiting_is_idle(void **state)
{
    struct receiver *receiver = receiver_new();
    for (size_t i = 0; i < 64; i++)
        receiver->results[i] = SKY_DELIVERY_FAILED;
    struct sky_alert_outputs *outputs =
        outputs_of(&receiver, 1, (struct sky_alert_receiver){.batch_max = 1}, PATIENCE_MS);
    struct sky_alert_item *items = items_of(1);
    sky_alert_outputs_put(outputs, 0, &items[0]);
    wait_for_attempts(outputs, 0, 3); /* so the wait is seconds long */
    int64_t end_ms = sky_clock_monotonic_ms() + TEST_MS_MAX;
    while (!sky_alert_outputs_are_idle(outputs) && sky_clock_monotonic_ms() < end_ms)
        sky_alert_outputs_wait(outputs, 10);
    assert_true(sky_alert_outputs_are_idle(outputs));
    int64_t begin_ms = sky_clock_monotonic_ms();
    sky_alert_outputs_free(outputs);
    assert_true(sky_clock_monotonic_ms() - begin_ms < 1500);
    receiver_free(receiver);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_taken_in_order),
        cmocka_unit_test(test_a_stuck_receiver_holds_up_nobody_until_it_is_full),
        cmocka_unit_test(test_a_failure_is_tried_again_and_told),
        cmocka_unit_test(test_given_up_after_its_time),
        cmocka_unit_test(test_a_refused_batch_is_split),
        cmocka_unit_test(test_gathering),
        cmocka_unit_test(test_a_receiver_that_is_gone),
        cmocka_unit_test(test_waiting_is_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
