/* message_queue.h: messages from one thread that receives to one that works, in order, within bounded memory.
 *
 * A ring of bytes, allocated once; each message lies in it in one piece. When it is nearly full the receiver is told to
 * pause, and called back once half of that was worked off: so a slow consumer slows the sender (back-pressure) and
 * nothing is lost.
 *
 * Memory   a message handed out lives until the next call of sky_message_queue_next.
 * Threads  one producer, one consumer. */
#ifndef SKY_IO_RELAY_MESSAGE_QUEUE_H
#define SKY_IO_RELAY_MESSAGE_QUEUE_H

#include "base/span.h"
#include "base/status.h"

struct sky_message {
    uint32_t kind; /* of the producer's choice */
    int64_t receipt_ms;
    struct sky_span data;
};

struct sky_message_queue;

/* `message_bytes_max`: the largest message; `capacity_bytes`: made six times as much if it is less. `on_room` is called
 * by the consumer's thread when a paused producer may go on. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_message_queue_new(size_t capacity_bytes, size_t message_bytes_max,
                                                   struct sky_message_queue **queue);
void sky_message_queue_on_room(struct sky_message_queue *queue, void (*on_room)(void *context), void *context);
void sky_message_queue_free(struct sky_message_queue *queue);

/* Producer. *pause: stop now; two messages more still fit. SKY_E_LIMIT: it did not fit, which is the producer's bug. */
SKY_MUST_USE enum sky_status sky_message_queue_put(struct sky_message_queue *queue, const struct sky_message *message,
                                                   bool *pause);

/* Producer: is there room again? */
bool sky_message_queue_has_room(struct sky_message_queue *queue);

/* Consumer. False: none came within timeout_ms (0: do not wait). */
bool sky_message_queue_next(struct sky_message_queue *queue, int timeout_ms, struct sky_message *message);

/* Bytes waiting, from any thread. */
size_t sky_message_queue_bytes(struct sky_message_queue *queue);

#endif
