/* One thread puts, one takes: everything comes, in order, whole, and never more than the capacity waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "io/relay/message_queue.h"

#define MESSAGES   60000
#define LENGTH_MAX 700
#define CAPACITY   16384

static struct sky_message_queue *queue;
static atomic_int rooms;

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* Both sides make the i-th message for themselves. */
static size_t make(uint64_t *state, uint8_t bytes[LENGTH_MAX])
{
    size_t len = next_random(state) % (LENGTH_MAX + 1);
    uint8_t fill = (uint8_t)next_random(state);
    memset(bytes, fill, len);
    return len;
}

static void on_room(void *context)
{
    atomic_fetch_add(&rooms, 1);
}

static void *produce(void *context)
{
    uint64_t state = 7;
    uint8_t bytes[LENGTH_MAX];
    for (int i = 0; i < MESSAGES; i++) {
        bool pause;
        size_t len = make(&state, bytes);
        while (!sky_message_queue_has_room(queue))
            sched_yield();
        struct sky_message message = {.kind = (uint32_t)i, .receipt_ms = -i, .data = sky_span_of(bytes, len)};
        if (sky_message_queue_put(queue, &message, &pause) != SKY_OK)
            abort();
    }
    return NULL;
}

static void test_order(void **state)
{
    uint64_t random = 7;
    uint8_t bytes[LENGTH_MAX];
    pthread_t thread;
    assert_int_equal(sky_message_queue_new(CAPACITY, LENGTH_MAX, &queue), SKY_OK);
    sky_message_queue_on_room(queue, on_room, NULL);
    pthread_create(&thread, NULL, produce, NULL);
    for (int i = 0; i < MESSAGES; i++) {
        struct sky_message message;
        size_t len = make(&random, bytes);
        if (i % 1000 == 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* let it fill */
        assert_true(sky_message_queue_next(queue, 10000, &message));
        assert_int_equal(message.kind, i);
        assert_int_equal(message.receipt_ms, -i);
        assert_int_equal(message.data.len, len);
        assert_memory_equal(message.data.ptr, bytes, len);
        assert_true(sky_message_queue_bytes(queue) <= CAPACITY);
    }
    pthread_join(thread, NULL);
    struct sky_message none;
    assert_false(sky_message_queue_next(queue, 0, &none));
    assert_false(sky_message_queue_next(queue, 5, &none));
    assert_int_equal(sky_message_queue_bytes(queue), 0);
    assert_true(atomic_load(&rooms) > 0); /* it was full at times */
    sky_message_queue_free(queue);
}

/* Told to pause, the producer may still put the message it has in hand and the word of the end, of the largest size. */
static void test_room_for_two_more(void **state)
{
    static const uint8_t bytes[LENGTH_MAX];
    for (size_t before = 0; before < 40; before++) { /* at every place of the ring's end */
        struct sky_message message = {.data = sky_span_of(bytes, before)}, taken;
        bool pause = false;
        assert_int_equal(sky_message_queue_new(CAPACITY, LENGTH_MAX, &queue), SKY_OK);
        for (int i = 0; i < 10; i++) {
            assert_int_equal(sky_message_queue_put(queue, &message, &pause), SKY_OK);
            assert_true(sky_message_queue_next(queue, 0, &taken));
        }
        message.data.len = LENGTH_MAX - before;
        while (!pause)
            assert_int_equal(sky_message_queue_put(queue, &message, &pause), SKY_OK);
        message.data.len = LENGTH_MAX;
        assert_int_equal(sky_message_queue_put(queue, &message, &pause), SKY_OK);
        assert_int_equal(sky_message_queue_put(queue, &message, &pause), SKY_OK);
        enum sky_status status = SKY_OK;
        for (int i = 0; i < 10 && status == SKY_OK; i++)
            status = sky_message_queue_put(queue, &message, &pause);
        assert_int_equal(status, SKY_E_LIMIT); /* beyond that it is refused, nothing is overwritten */
        sky_message_queue_free(queue);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_room_for_two_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
