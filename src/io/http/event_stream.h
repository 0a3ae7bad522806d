/* event_stream.h: one stream of server-sent events and the clients that follow it.
 *
 * The last events lie in a ring, encoded once. A client is a place in it: it is handed bytes as fast as it takes them,
 * and one that is still inside an event when the ring has moved past it is dropped. So a slow client costs nothing but
 * its place, and never holds the sender up. What a new client is told first is made once for all that come before much
 * more was sent: they share it, and then follow from where it was made.
 *
 * Spec     WHATWG HTML section 9.2 "Server-sent events"
 * Memory   owns its copies, of events and of what new clients are told: at most SKY_EVENT_STREAM_BACKLOG_BYTES_MAX,
 *          beside one of each.
 * Threads  all calls from any thread. `wake` is called with the stream's lock held: it must not call back. */
#ifndef SKY_IO_HTTP_EVENT_STREAM_H
#define SKY_IO_HTTP_EVENT_STREAM_H

#include "base/buffer.h"

/* Limits of ours. */
#define SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX 64                 /* that a client may be behind */
#define SKY_EVENT_STREAM_BACKLOG_BYTES_MAX  (16 * 1024 * 1024) /* likewise, and all clients together */
#define SKY_EVENT_STREAM_RETRY_MS           2000               /* a browser waits this long before it connects again */

/* Append one event. `data` holds no line break; id 0: none. */
void sky_event_stream_write(struct sky_buffer *buffer, const char *event, uint64_t id, struct sky_span data);

struct sky_event_stream;
struct sky_event_client;

/* Tell a waiting client that sky_event_stream_read has something for it. */
typedef void (*sky_event_wake_fn)(void *client_context);

/* SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_event_stream_new(uint64_t first_id, sky_event_wake_fn wake,
                                                  struct sky_event_stream **stream);
void sky_event_stream_free(struct sky_event_stream *stream); /* without clients */

void sky_event_stream_send(struct sky_event_stream *stream, const char *event, struct sky_span data);
void sky_event_stream_heartbeat(struct sky_event_stream *stream); /* a comment line to each client */

/* No more events: wakes all; reads give SKY_E_END from now on. */
void sky_event_stream_finish(struct sky_event_stream *stream);

/* A client that knows all events up to `last_id` goes on behind it when the ring still has what follows, and
 * *resumed is true; else it begins with what is sent from now on. NULL: no memory. */
struct sky_event_client *sky_event_client_new(struct sky_event_stream *stream, uint64_t last_id, bool *resumed,
                                              void *context);
void sky_event_client_free(struct sky_event_client *client);

/* Append what a client is told before all else. */
typedef void (*sky_event_greeting_fn)(void *context, struct sky_buffer *greeting);

/* Begin with a greeting: `make` is called when the one made last is not worth keeping. All calls from one thread.
 * False: no memory. */
SKY_MUST_USE bool sky_event_client_greet(struct sky_event_client *client, sky_event_greeting_fn make, void *context);

/* Up to `size` bytes for the client into `out`.
 *   SKY_OK        *len > 0 bytes
 *   SKY_E_MISSING nothing now: `pause` was called, under the lock, and `wake` will be
 *   SKY_E_LIMIT   the client is too slow: drop it
 *   SKY_E_END     the stream is over */
SKY_MUST_USE enum sky_status sky_event_client_read(struct sky_event_client *client, char *out, size_t size, size_t *len,
                                                   sky_event_wake_fn pause);

struct sky_event_stream_stats {
    uint64_t events;
    uint64_t dropped; /* clients that were too slow */
    uint32_t clients;
};
void sky_event_stream_stats(struct sky_event_stream *stream, struct sky_event_stream_stats *stats);

#endif
