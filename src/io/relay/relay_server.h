/* relay_server.h: a WebSocket relay over the simulated network (libwebsockets).
 *
 * Serves /xrpc/com.atproto.sync.subscribeRepos[?cursor=N] with binary messages, each one frame. Without a cursor a
 * client gets what comes from now on; with one the frames after it, from a replay window in memory: older than the
 * window is answered by #info OutdatedCursor and the oldest frames kept, newer than the newest by an error frame
 * FutureCursor and a close. A client that is too slow for the window gets ConsumerTooSlow and a close.
 *
 * Spec     https://atproto.com/specs/event-stream
 * Memory   owned by the server: the replay window.
 * Threads  one owner runs sky_relay_server_run; sky_relay_server_stop may be called from any thread or a signal
 *          handler. Time comes from the system's monotonic clock: pacing is the point of it. */
#ifndef SKY_IO_RELAY_RELAY_SERVER_H
#define SKY_IO_RELAY_RELAY_SERVER_H

#include "sim/network.h"

#define SKY_RELAY_SERVER_WINDOW_BYTES ((size_t)256 << 20) /* address space; used as frames come */
#define SKY_RELAY_SERVER_CLIENTS_MAX  64

#define SKY_RELAY_GAP_EVERY_SEQS 1000 /* of SKY_RELAY_FAULT_GAP */
#define SKY_RELAY_GAP_SEQS       10

/* Faults on request, each by its own dice, seeded, but for the last. */
enum sky_relay_fault {
    SKY_RELAY_FAULT_GARBAGE = 1,    /* a message of random bytes between two frames */
    SKY_RELAY_FAULT_HALF_FRAME = 2, /* the first half of a frame before the whole one */
    SKY_RELAY_FAULT_DROP = 4,       /* the connection is cut */
    SKY_RELAY_FAULT_STALL = 8,      /* nothing is sent to anyone for a while */
    SKY_RELAY_FAULT_GAP = 16        /* the last 10 of each 1,000 seqs are never sent: by rule, so that all know which */
};

struct sky_relay_server_options {
    struct sky_world_options world;
    uint16_t port;         /* on 127.0.0.1; 0: any free one, see sky_relay_server_port */
    double speed;          /* event time passes this many times faster than the clock; 0: as fast as it goes */
    unsigned faults;       /* enum sky_relay_fault, or-ed */
    bool waits;            /* event time stands still while nobody is connected, and never runs half a window ahead
                            * of the slowest client: nothing is lost. Always so at speed 0. */
    uint64_t window_bytes; /* of the replay window; 0: SKY_RELAY_SERVER_WINDOW_BYTES */
};

struct sky_relay_server_stats {
    uint64_t frames;
    uint64_t bytes;
    uint64_t clients; /* connected now */
    uint64_t clients_total;
    uint64_t faults;
    int64_t seq;     /* of the newest frame */
    int64_t time_ms; /* event time reached */
};

struct sky_relay_server;

/* SKY_E_CONFIG, SKY_E_MEMORY, SKY_E_IO (the port is taken). The port listens when this returns. */
SKY_MUST_USE enum sky_status sky_relay_server_new(const struct sky_relay_server_options *options,
                                                  struct sky_relay_server **server);
void sky_relay_server_free(struct sky_relay_server *server);
uint16_t sky_relay_server_port(const struct sky_relay_server *server);

/* Serve until stopped, or until the world has ended and all clients have what they want. */
SKY_MUST_USE enum sky_status sky_relay_server_run(struct sky_relay_server *server);
void sky_relay_server_stop(struct sky_relay_server *server);

/* Called by run about once a second, for progress and for the truth planned since; may be NULL. */
typedef void (*sky_relay_server_tick_fn)(void *context, const struct sky_relay_server_stats *stats);
void sky_relay_server_on_tick(struct sky_relay_server *server, sky_relay_server_tick_fn on_tick, void *context);

const struct sky_world *sky_relay_server_world(const struct sky_relay_server *server);

#endif
