/* websocket.h: one connection of a WebSocket client (libwebsockets), from the look-up of the name to its end.
 *
 *     sky_websocket_open(&options, &websocket);
 *     while (sky_websocket_next(websocket, 1000, &event))
 *         ... SKY_WEBSOCKET_OPEN once, SKY_WEBSOCKET_MESSAGE..., then SKY_WEBSOCKET_CLOSED with the reason, once
 *     sky_websocket_close(websocket);
 *
 * Messages come whole, fragments joined. Whether and when to connect again is the caller's business (relay.h).
 *
 * Spec     RFC 6455; no extension is offered, so nothing is ever compressed
 * Memory   a queue of options.queue_bytes; an event's data lives until the next call of sky_websocket_next.
 * Threads  one of its own that receives; next and close belong to one owner. When the owner is slow the queue fills
 *          and the socket is not read: the sender is slowed, nothing is lost.
 * Trust    the peer is hostile: a message is bounded with its fragments; certificates and host names are checked;
 *          redirects never lead from wss to ws nor to private addresses. */
#ifndef SKY_IO_RELAY_WEBSOCKET_H
#define SKY_IO_RELAY_WEBSOCKET_H

#include "base/span.h"
#include "base/status.h"

#define SKY_WEBSOCKET_REDIRECTS_MAX      3 /* ours */
#define SKY_WEBSOCKET_RETRY_AFTER_MS_MAX (10 * 60 * 1000)
#define SKY_WEBSOCKET_DETAIL_SIZE        192

struct sky_websocket_options {
    const char *url;          /* ws:// or wss:// */
    const char *user_agent;   /* NULL: none is sent */
    const char *ca_file;      /* certificates trusted instead of the system's; NULL: the system's */
    bool allow_plain;         /* ws:// to another machine than this one */
    size_t message_bytes_max; /* fragments together */
    size_t queue_bytes;
    int connect_timeout_ms; /* until the handshake is done, redirects included */
    int ping_interval_ms;
    int dead_after_ms; /* without a frame and without a pong */
};

/* 10 s to connect, ping every 15 s, dead after 30 s, messages of 5,000,000 B, a queue of 32 MiB. */
void sky_websocket_options_default(struct sky_websocket_options *options);

enum sky_websocket_end {
    SKY_WEBSOCKET_END_URL,      /* not a URL that may be used */
    SKY_WEBSOCKET_END_NAME,     /* the host's name is not found */
    SKY_WEBSOCKET_END_CONNECT,  /* refused, unreachable, TLS or handshake failed */
    SKY_WEBSOCKET_END_TIMEOUT,  /* no handshake in time */
    SKY_WEBSOCKET_END_STATUS,   /* the server answered with http_status */
    SKY_WEBSOCKET_END_REDIRECT, /* too many, or to where it may not lead */
    SKY_WEBSOCKET_END_CLOSED,   /* by the server, in an orderly way: close_code */
    SKY_WEBSOCKET_END_LOST,     /* the connection broke */
    SKY_WEBSOCKET_END_DEAD,     /* neither frame nor pong */
    SKY_WEBSOCKET_END_SIZE,     /* a message over message_bytes_max */
    SKY_WEBSOCKET_END_COUNT
};

/* For logs and metrics: "refused", "dead", ... Never NULL. */
const char *sky_websocket_end_name(enum sky_websocket_end end);

struct sky_websocket_closed {
    enum sky_websocket_end end;
    int http_status;                        /* 0: none */
    int close_code;                         /* RFC 6455 section 7.4; 0: none */
    int64_t retry_after_ms;                 /* the server's wish, bounded; -1: none */
    char detail[SKY_WEBSOCKET_DETAIL_SIZE]; /* for a person, printable ASCII */
};

enum sky_websocket_kind {
    SKY_WEBSOCKET_OPEN,    /* data: the URL connected to, after redirects */
    SKY_WEBSOCKET_MESSAGE, /* data: a binary message */
    SKY_WEBSOCKET_TEXT,    /* data: a text message */
    SKY_WEBSOCKET_CLOSED
};

struct sky_websocket_event {
    enum sky_websocket_kind kind;
    int64_t receipt_ms; /* wall clock, when the last byte was there */
    struct sky_span data;
    struct sky_websocket_closed closed; /* kind closed */
};

struct sky_websocket;

/* Begins to connect and returns at once; what comes of it is told by sky_websocket_next. SKY_E_MEMORY, SKY_E_IO (no
 * thread). */
SKY_MUST_USE enum sky_status sky_websocket_open(const struct sky_websocket_options *options,
                                                struct sky_websocket **websocket);

/* The next event; false: none within timeout_ms (0: do not wait). Nothing comes behind SKY_WEBSOCKET_CLOSED. */
bool sky_websocket_next(struct sky_websocket *websocket, int timeout_ms, struct sky_websocket_event *event);

/* Bytes received and not yet taken. */
size_t sky_websocket_queued_bytes(struct sky_websocket *websocket);

/* Ends the connection, whatever its state, and frees. NULL is fine. */
void sky_websocket_close(struct sky_websocket *websocket);

#endif
