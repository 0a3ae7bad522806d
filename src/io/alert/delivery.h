/* delivery.h: what a receiver made of something handed to it, and when to try again.
 *
 * A receiver either takes it, or refuses it for good (a 4xx that trying again does not mend), or fails (no answer, 5xx,
 * 408, 425, 429). After a failure the next attempt waits 1 s, doubling to 60 s, less a random half, so that senders do
 * not come back all at once; and never comes before what Retry-After asks.
 *
 * Patience. An item waits for its receiver until its deadline and is given up then. When three in a row were given up,
 * it is the receiver and not the item: from then on what waits is given up at its deadline without an attempt of its
 * own, so that a queue in front of a dead receiver does not grow; one that comes in later is tried when the wait is
 * over.
 *
 * Time     in ms on a clock of the caller's that never goes back; so are random numbers: no clock is read here.
 * Threads  one owner per retry. */
#ifndef SKY_IO_ALERT_DELIVERY_H
#define SKY_IO_ALERT_DELIVERY_H

#include "base/span.h"

#define SKY_DELIVERY_PROBLEM_SIZE  320
#define SKY_RETRY_WAIT_MS_MIN      1000
#define SKY_RETRY_WAIT_MS_MAX      60000
#define SKY_RETRY_AFTER_MS_MAX     3600000 /* what a receiver may ask for: ours */
#define SKY_RETRY_DEAD_ITEMS_COUNT 3       /* given up in a row: the receiver is dead */

enum sky_delivery_result {
    SKY_DELIVERY_TAKEN,
    SKY_DELIVERY_FAILED,
    SKY_DELIVERY_REFUSED,
    SKY_DELIVERY_GONE /* there is no receiver any more, and there will be none: a reader that closed its pipe */
};

struct sky_delivery {
    enum sky_delivery_result result;
    unsigned code;                           /* of HTTP or SMTP; 0: there was no answer */
    int64_t retry_after_ms;                  /* what the receiver asked for; 0: nothing */
    char problem[SKY_DELIVERY_PROBLEM_SIZE]; /* for a person; text of the network may be in it; "" when taken */
};

/* RFC 9110 section 15: 2xx is taken; 408, 425 (RFC 8470), 429 (RFC 6585) and 5xx may pass; all else stays. */
enum sky_delivery_result sky_delivery_of_http(unsigned code);

/* Of a mail that was not taken, RFC 5321 section 4.2.1: 5yz stays; 4yz may pass, and so may what is no answer to the
 * mail. */
enum sky_delivery_result sky_delivery_of_smtp(unsigned code);

struct sky_retry {
    uint32_t failures; /* in a row */
    uint32_t given_up; /* items in a row */
    int64_t next_ms;   /* no attempt before */
    bool asked;        /* the receiver said so itself */
};

struct sky_retry_item {
    int64_t deadline_ms;
    uint32_t attempts; /* failed so far */
};

enum sky_retry_step { SKY_RETRY_TRY, SKY_RETRY_WAIT, SKY_RETRY_GIVE_UP };

/* What to do with the first item in the queue now; WAIT: ask again at *wake_ms. */
enum sky_retry_step sky_retry_step(const struct sky_retry *retry, const struct sky_retry_item *item, int64_t now_ms,
                                   int64_t *wake_ms);

/* The receiver answered, with yes or with a refusal: it lives. */
void sky_retry_answered(struct sky_retry *retry);

/* An attempt failed. `random` is any number. */
void sky_retry_failed(struct sky_retry *retry, const struct sky_delivery *delivery, int64_t now_ms, uint64_t random);

/* The item was given up; the next one may be tried at once, unless the receiver is dead or asked for time. */
void sky_retry_gave_up(struct sky_retry *retry, int64_t now_ms);

static inline bool sky_retry_is_dead(const struct sky_retry *retry)
{
    return retry->given_up >= SKY_RETRY_DEAD_ITEMS_COUNT;
}

#endif
