/* Each output is a ring with three marks that only move forward:
 *
 *     taken        finished          put
 *       | finished    | waiting       |
 *       v             v               v
 *     [.. d d d d d d w w w w w w w w ......]
 *
 * The thread moves `finished`, the feeder the other two. Items are handed over from the front, some at once; while that
 * goes on the lock is open, and only the thread itself could move what it works on. */
#include "io/alert/alert_outputs.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "io/host/clock.h"
#include "io/host/thread.h"

struct entry {
    struct sky_alert_finish finish;
    struct sky_retry_item retry;
    int64_t put_ms;
};

struct output {
    struct sky_alert_outputs *outputs;
    uint32_t number;
    struct sky_alert_receiver receiver;
    struct entry *ring;
    uint64_t taken, finished, put;
    uint64_t single_until; /* items before this one are handed over one by one */
    struct sky_retry retry;
    uint64_t random;
    bool is_waiting; /* for the receiver's time */
    struct sky_alert_output_state state;
    pthread_cond_t moved; /* something was put, or it is time to end */
    pthread_t thread;
    bool has_thread;
};

struct sky_alert_outputs {
    pthread_mutex_t mutex;
    pthread_cond_t finished;
    uint32_t count;
    uint32_t capacity;
    int64_t patience_ms;
    bool draining;
    bool ending;
    struct output output[SKY_ALERT_OUTPUTS_MAX];
};

static struct entry *entry_at(struct output *output, uint64_t place)
{
    return &output->ring[place % output->outputs->capacity];
}

/* xorshift64*: jitter needs no more. */
static uint64_t next_random(struct output *output)
{
    output->random ^= output->random >> 12;
    output->random ^= output->random << 25;
    output->random ^= output->random >> 27;
    return output->random * UINT64_C(2685821657736338717);
}

/* ---- the thread of an output; the lock is held ---- */

static void wait_until(struct output *output, int64_t wake_ms)
{
    struct timespec when = sky_thread_time(wake_ms);
    pthread_cond_timedwait(&output->moved, &output->outputs->mutex, &when);
}

/* The first `count` that wait have come to their end. */
static void finish(struct output *output, uint32_t count, enum sky_alert_end end, const struct sky_delivery *delivery)
{
    for (uint32_t i = 0; i < count; i++) {
        struct entry *entry = entry_at(output, output->finished++);
        entry->finish.end = end;
        entry->finish.attempts = entry->retry.attempts;
        entry->finish.code = delivery->code;
        entry->finish.ended_ms = sky_clock_wall_ms();
        memcpy(entry->finish.problem, delivery->problem, sizeof delivery->problem);
    }
    pthread_cond_signal(&output->outputs->finished);
}

static void note_result(struct output *output, const struct sky_delivery *delivery)
{
    struct sky_alert_output_state *state = &output->state;
    memcpy(state->problem, delivery->problem, sizeof state->problem);
    if (delivery->result == SKY_DELIVERY_FAILED || delivery->result == SKY_DELIVERY_GONE) {
        state->attempts_failed++;
        if (!state->failing_since_ms)
            state->failing_since_ms = sky_clock_wall_ms();
    } else {
        state->failing_since_ms = 0;
    }
    state->is_gone |= delivery->result == SKY_DELIVERY_GONE;
}

/* How many go out together now; 0: others may still come, until *wake_ms. */
static uint32_t gather(struct output *output, int64_t now_ms, int64_t *wake_ms)
{
    uint64_t waiting = output->put - output->finished;
    uint32_t most = output->finished < output->single_until ? 1 : output->receiver.batch_max;
    *wake_ms = entry_at(output, output->finished)->put_ms + output->receiver.gather_ms;
    if (waiting >= most)
        return most;
    return now_ms >= *wake_ms || output->outputs->draining ? (uint32_t)waiting : 0;
}

static void hand_over(struct output *output, uint32_t count)
{
    const struct sky_trend_alert *alerts[SKY_ALERT_BATCH_MAX];
    struct sky_delivery delivery;
    for (uint32_t i = 0; i < count; i++) {
        struct entry *entry = entry_at(output, output->finished + i);
        alerts[i] = &entry->finish.item->alert;
        entry->retry.attempts++;
    }
    pthread_mutex_unlock(&output->outputs->mutex);
    output->receiver.deliver(output->receiver.context, (struct sky_alert_list){alerts, count}, sky_clock_wall_ms(),
                             &delivery);
    pthread_mutex_lock(&output->outputs->mutex);
    note_result(output, &delivery);
    if (delivery.result == SKY_DELIVERY_FAILED || delivery.result == SKY_DELIVERY_GONE) {
        sky_retry_failed(&output->retry, &delivery, sky_clock_monotonic_ms(), next_random(output));
        for (uint32_t i = 0; i < count; i++) {
            struct sky_alert_finish *last = &entry_at(output, output->finished + i)->finish;
            last->code = delivery.code;
            memcpy(last->problem, delivery.problem, sizeof last->problem);
        }
        return;
    }
    sky_retry_answered(&output->retry);
    if (delivery.result == SKY_DELIVERY_REFUSED && count > 1 && output->receiver.splits_refused)
        output->single_until = output->finished + count;
    else
        finish(output, count, delivery.result == SKY_DELIVERY_TAKEN ? SKY_ALERT_DELIVERED : SKY_ALERT_REFUSED,
               &delivery);
}

/* The first one has waited long enough. One that was never tried is told what the last one met. */
static void give_up(struct output *output)
{
    const struct sky_alert_finish *last = &entry_at(output, output->finished)->finish;
    bool tried = last->problem[0] != 0;
    struct sky_delivery delivery = {.code = last->code};
    memcpy(delivery.problem, tried ? last->problem : output->state.problem, sizeof delivery.problem);
    finish(output, 1, SKY_ALERT_GIVEN_UP, &delivery);
    sky_retry_gave_up(&output->retry, sky_clock_monotonic_ms());
}

static void work_on_first(struct output *output)
{
    int64_t wake_ms, now_ms = sky_clock_monotonic_ms();
    enum sky_retry_step step =
        sky_retry_step(&output->retry, &entry_at(output, output->finished)->retry, now_ms, &wake_ms);
    uint32_t count = step == SKY_RETRY_TRY ? gather(output, now_ms, &wake_ms) : 0;
    if (step == SKY_RETRY_GIVE_UP) {
        give_up(output);
    } else if (count) {
        hand_over(output, count);
    } else {
        output->is_waiting = step == SKY_RETRY_WAIT;
        pthread_cond_signal(&output->outputs->finished); /* whoever drains wants to know */
        wait_until(output, wake_ms);
        output->is_waiting = false;
    }
}

static void *run(void *context)
{
    struct output *output = context;
    struct sky_alert_outputs *outputs = output->outputs;
    pthread_mutex_lock(&outputs->mutex);
    while (!outputs->ending && !output->state.is_gone) {
        if (output->finished == output->put)
            pthread_cond_wait(&output->moved, &outputs->mutex);
        else
            work_on_first(output);
    }
    pthread_cond_signal(&outputs->finished);
    pthread_mutex_unlock(&outputs->mutex);
    return NULL;
}

/* ---- the feeder ---- */

static enum sky_status start(struct sky_alert_outputs *outputs, const struct sky_alert_outputs_options *options,
                             uint32_t number)
{
    struct output *output = &outputs->output[number];
    output->outputs = outputs;
    output->number = number;
    output->receiver = options->receivers[number];
    output->random = options->seed * 2 + 1 + number * 2;
    assert(output->receiver.batch_max >= 1 && output->receiver.batch_max <= SKY_ALERT_BATCH_MAX);
    output->ring = calloc(options->capacity, sizeof *output->ring);
    if (!output->ring)
        return SKY_E_MEMORY;
    output->has_thread = sky_thread_start(&output->thread, run, output) == SKY_OK;
    return output->has_thread ? SKY_OK : SKY_E_IO;
}

enum sky_status sky_alert_outputs_new(const struct sky_alert_outputs_options *options,
                                      struct sky_alert_outputs **outputs)
{
    struct sky_alert_outputs *made = calloc(1, sizeof *made);
    *outputs = NULL;
    if (!made)
        return SKY_E_MEMORY;
    assert(options->count <= SKY_ALERT_OUTPUTS_MAX && options->capacity);
    pthread_mutex_init(&made->mutex, NULL);
    sky_thread_condition_init(&made->finished);
    made->count = options->count;
    made->capacity = options->capacity;
    made->patience_ms = options->patience_ms;
    enum sky_status status = SKY_OK;
    for (uint32_t i = 0; i < made->count; i++)
        sky_thread_condition_init(&made->output[i].moved);
    for (uint32_t i = 0; i < made->count && status == SKY_OK; i++)
        status = start(made, options, i);
    if (status == SKY_OK)
        *outputs = made;
    else
        sky_alert_outputs_free(made);
    return status;
}

void sky_alert_outputs_free(struct sky_alert_outputs *outputs)
{
    if (!outputs)
        return;
    pthread_mutex_lock(&outputs->mutex);
    outputs->ending = true;
    for (uint32_t i = 0; i < outputs->count; i++)
        pthread_cond_signal(&outputs->output[i].moved);
    pthread_mutex_unlock(&outputs->mutex);
    for (uint32_t i = 0; i < outputs->count; i++) {
        if (outputs->output[i].has_thread)
            pthread_join(outputs->output[i].thread, NULL);
        pthread_cond_destroy(&outputs->output[i].moved);
        free(outputs->output[i].ring);
    }
    pthread_cond_destroy(&outputs->finished);
    pthread_mutex_destroy(&outputs->mutex);
    free(outputs);
}

bool sky_alert_outputs_have_room(struct sky_alert_outputs *outputs)
{
    bool room = true;
    pthread_mutex_lock(&outputs->mutex);
    for (uint32_t i = 0; i < outputs->count; i++)
        room &= outputs->output[i].put - outputs->output[i].taken < outputs->capacity;
    pthread_mutex_unlock(&outputs->mutex);
    return room;
}

void sky_alert_outputs_put(struct sky_alert_outputs *outputs, uint32_t number, struct sky_alert_item *item)
{
    struct output *output = &outputs->output[number];
    int64_t now_ms = sky_clock_monotonic_ms();
    pthread_mutex_lock(&outputs->mutex);
    assert(output->put - output->taken < outputs->capacity);
    *entry_at(output, output->put++) = (struct entry){.finish = {.item = item, .output = number},
                                                      .retry = {.deadline_ms = now_ms + outputs->patience_ms},
                                                      .put_ms = now_ms};
    pthread_cond_signal(&output->moved);
    pthread_mutex_unlock(&outputs->mutex);
}

bool sky_alert_outputs_take(struct sky_alert_outputs *outputs, struct sky_alert_finish *finished)
{
    bool found = false;
    pthread_mutex_lock(&outputs->mutex);
    for (uint32_t i = 0; i < outputs->count && !found; i++) {
        struct output *output = &outputs->output[i];
        found = output->taken < output->finished;
        if (found)
            *finished = entry_at(output, output->taken++)->finish;
    }
    pthread_mutex_unlock(&outputs->mutex);
    return found;
}

void sky_alert_outputs_wait(struct sky_alert_outputs *outputs, int timeout_ms)
{
    struct timespec when = sky_thread_time_in(timeout_ms);
    bool something = false;
    pthread_mutex_lock(&outputs->mutex);
    for (uint32_t i = 0; i < outputs->count; i++)
        something |= outputs->output[i].taken < outputs->output[i].finished;
    if (!something)
        pthread_cond_timedwait(&outputs->finished, &outputs->mutex, &when);
    pthread_mutex_unlock(&outputs->mutex);
}

void sky_alert_outputs_drain(struct sky_alert_outputs *outputs)
{
    pthread_mutex_lock(&outputs->mutex);
    outputs->draining = true;
    for (uint32_t i = 0; i < outputs->count; i++)
        pthread_cond_signal(&outputs->output[i].moved);
    pthread_mutex_unlock(&outputs->mutex);
}

bool sky_alert_outputs_are_idle(struct sky_alert_outputs *outputs)
{
    bool idle = true;
    pthread_mutex_lock(&outputs->mutex);
    for (uint32_t i = 0; i < outputs->count; i++) {
        const struct output *output = &outputs->output[i];
        idle &= output->taken == output->finished &&
                (output->finished == output->put || output->is_waiting || output->state.is_gone);
    }
    pthread_mutex_unlock(&outputs->mutex);
    return idle;
}

void sky_alert_outputs_state(struct sky_alert_outputs *outputs, uint32_t number, struct sky_alert_output_state *state)
{
    struct output *output = &outputs->output[number];
    pthread_mutex_lock(&outputs->mutex);
    *state = output->state;
    state->waiting = (uint32_t)(output->put - output->finished);
    state->failures = output->retry.failures;
    state->is_dead = sky_retry_is_dead(&output->retry);
    pthread_mutex_unlock(&outputs->mutex);
}
