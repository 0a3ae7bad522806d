/* alert_outputs.h: the ways out for alerts, each with a queue and a thread of its own, so that none waits for another.
 *
 *     while (sky_alert_outputs_have_room(outputs))
 *         sky_alert_outputs_put(outputs, i, item);       once for each output i that wants it
 *     while (sky_alert_outputs_take(outputs, &finish))   what has become of them, in order within an output
 *         switch (finish.end) ...
 *
 * Order. An output hands over what it got in the order it got it, one attempt at a time; delivery.h says when it tries
 * again and when it gives up. A receiver that is slow or dead delays its own output alone, until `capacity` items wait
 * there; then have_room says no, and whoever feeds the outputs must wait: nothing is thrown away for want of room.
 *
 * Memory   an item stays the caller's, unchanged until its finish was taken. `capacity` items at most are in an output.
 * Threads  one feeder; a thread for each output, which calls the receiver's `deliver` and nothing else. */
#ifndef SKY_IO_ALERT_ALERT_OUTPUTS_H
#define SKY_IO_ALERT_ALERT_OUTPUTS_H

#include <stdatomic.h>

#include "io/alert/alert_text.h"
#include "io/alert/delivery.h"

#define SKY_ALERT_OUTPUTS_MAX 8
#define SKY_ALERT_BATCH_MAX   256

/* How an output hands alerts over. */
struct sky_alert_receiver {
    void (*deliver)(void *context, struct sky_alert_list list, int64_t now_ms, struct sky_delivery *delivery);
    void *context;
    uint32_t batch_max;  /* at once, 1 to SKY_ALERT_BATCH_MAX */
    int64_t gather_ms;   /* how long the first of a batch waits for others */
    bool splits_refused; /* what was refused together is tried one by one */
};

struct sky_alert_outputs_options {
    struct sky_alert_receiver receivers[SKY_ALERT_OUTPUTS_MAX];
    uint32_t count;
    uint32_t capacity;   /* items of each output */
    int64_t patience_ms; /* from put to giving up */
    uint64_t seed;       /* of the jitter */
};

/* The caller's items begin with this. */
struct sky_alert_item {
    struct sky_trend_alert alert;
};

enum sky_alert_end { SKY_ALERT_DELIVERED, SKY_ALERT_REFUSED, SKY_ALERT_GIVEN_UP };

struct sky_alert_finish {
    struct sky_alert_item *item;
    uint32_t output;
    enum sky_alert_end end;
    uint32_t attempts;
    unsigned code;                           /* of the last answer; 0: none */
    int64_t ended_ms;                        /* wall clock */
    char problem[SKY_DELIVERY_PROBLEM_SIZE]; /* "" when delivered */
};

struct sky_alert_output_state {
    uint32_t waiting;                        /* items, the one being tried included */
    uint32_t failures;                       /* attempts in a row; 0: it works */
    bool is_dead;                            /* sky_retry_is_dead */
    bool is_gone;                            /* the receiver said that there is none any more */
    uint64_t attempts_failed;                /* since the start */
    int64_t failing_since_ms;                /* wall clock; 0: it works */
    char problem[SKY_DELIVERY_PROBLEM_SIZE]; /* of the last failure or refusal; "" when the last attempt went well */
};

struct sky_alert_outputs;

/* SKY_E_MEMORY, SKY_E_IO (no thread). */
SKY_MUST_USE enum sky_status sky_alert_outputs_new(const struct sky_alert_outputs_options *options,
                                                   struct sky_alert_outputs **outputs);

/* What was not finished is not delivered. NULL is fine. Set what the receivers know as `stop` before, or this waits for
 * the attempts under way. */
void sky_alert_outputs_free(struct sky_alert_outputs *outputs);

/* No output is full. */
bool sky_alert_outputs_have_room(struct sky_alert_outputs *outputs);

/* Only while there is room in that output. */
void sky_alert_outputs_put(struct sky_alert_outputs *outputs, uint32_t output, struct sky_alert_item *item);

bool sky_alert_outputs_take(struct sky_alert_outputs *outputs, struct sky_alert_finish *finish);

/* Wait until something is finished, timeout_ms at most. */
void sky_alert_outputs_wait(struct sky_alert_outputs *outputs, int timeout_ms);

/* No more is put: what gathers goes out now. */
void sky_alert_outputs_drain(struct sky_alert_outputs *outputs);

/* Nothing will move soon: every output is empty, or waits for a receiver that failed. */
bool sky_alert_outputs_are_idle(struct sky_alert_outputs *outputs);

void sky_alert_outputs_state(struct sky_alert_outputs *outputs, uint32_t output, struct sky_alert_output_state *state);

#endif
