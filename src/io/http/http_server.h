/* http_server.h: an HTTP/1.1 server for a few pages, an API that is read only, and a stream of events.
 *
 * Over libmicrohttpd: one thread with epoll serves all connections, and handlers run on it, so a handler must be quick;
 * one that is not says so in its route, and runs on a thread beside it, one request after the other.
 *
 * Spec     RFC 9110 (HTTP semantics), WHATWG HTML section 9.2 (server-sent events)
 * Methods  GET and HEAD; all else is 405 with Allow.
 * Errors   {"error":{"code":"not_found","message":"...","hint":"..."}}
 * Headers  every answer carries a strict Content-Security-Policy, nosniff, no-referrer and an ETag. CORS only for the
 *          origins that are allowed, and only under /v1/.
 * Coding   gzip for clients that take it, from SKY_HTTP_GZIP_BYTES_MIN on; the stream is never compressed.
 * Limits   `requests_per_minute` for each client, by address; above it 429 with Retry-After. Places and patience for
 *          connections are those of http_connections.h.
 * Trust    the peer is hostile, and so are other web pages in the same browser: the Host header must name this server
 *          (against DNS rebinding), and a query or path must be UTF-8 after percent-decoding, without NUL.
 * Threads  start and stop by the owner; sky_http_server_send from any thread. */
#ifndef SKY_IO_HTTP_HTTP_SERVER_H
#define SKY_IO_HTTP_HTTP_SERVER_H

#include "base/buffer.h"
#include "io/http/http_connections.h"
#include "io/http/http_encoding.h"
#include "io/http/http_gate.h"
#include "io/http/http_request.h"

/* Limits of ours. */
#define SKY_HTTP_STREAMS_MAX                 384         /* connections that follow events; the next one gets 503 */
#define SKY_HTTP_BODY_BYTES_MAX              8192        /* of a request; bodies are never looked at; 413 above */
#define SKY_HTTP_CONNECTION_MEMORY_BYTES_MAX (32 * 1024) /* request line and headers; 431 above */
#define SKY_HTTP_HEARTBEAT_S                 15          /* a comment line to each client of the stream */

struct sky_http_response { /* as a handler finds it: 200, application/json, an empty body */
    unsigned status;
    const char *content_type; /* static */
    struct sky_buffer body;
};

/* Fill in the response. `request` and what it points to live until the return. */
typedef void (*sky_http_handler)(void *context, const struct sky_http_request *request,
                                 struct sky_http_response *response);

struct sky_http_route {
    const char *path; /* "/v1/trends"; one that ends in '/' but "/" takes one more segment: "/v1/trends/" */
    sky_http_handler handler;
    void *context;
    bool is_slow;  /* takes longer than a moment; when more than SKY_HTTP_WORK_MAX wait, the next one gets 503 */
    bool is_probe; /* is answered when all connections but the spare ones are taken, too */
};

/* A file built into the program. */
struct sky_http_asset {
    const char *path; /* "/app.js"; "/index.html" is "/" too */
    const char *content_type;
    const uint8_t *bytes;
    size_t len;
};

/* What a new client of the stream is told first: whole events, written with sky_event_stream_write. */
typedef void (*sky_http_welcome_fn)(void *context, struct sky_buffer *events);

struct sky_http_server_options {
    const char *address;           /* numeric, "127.0.0.1" or "::1" */
    uint16_t port;                 /* 0: any free one, see sky_http_server_port */
    const char *const *host_names; /* what Host may say beside localhost, 127.0.0.1, [::1] and `address`; "*": all */
    size_t host_names_count;
    struct sky_http_access access;
    const struct sky_http_route *routes; /* routes, assets and host_names outlive the server */
    size_t routes_count;
    const struct sky_http_asset *assets;
    size_t assets_count;
    const char *stream_path; /* "/v1/stream"; NULL: none */
    sky_http_welcome_fn welcome;
    void *welcome_context;
    uint64_t first_event_id; /* larger than any given before, over restarts: the wall clock in ms */
};

struct sky_http_server;

/* Listening when it returns. On an error `message` says what is wrong and what to do, for a person.
 *   SKY_E_CONFIG  not an address, proxy or origin
 *   SKY_E_IO      cannot listen: the port is taken, or may not be used
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_http_server_start(const struct sky_http_server_options *options,
                                                   struct sky_http_server **server, char message[SKY_HTTP_ERROR_SIZE]);

/* Ends every stream, finishes what is being answered, frees. NULL is fine. */
void sky_http_server_stop(struct sky_http_server *server);

uint16_t sky_http_server_port(const struct sky_http_server *server);

/* One event to every client of the stream; `data` without line breaks (JSON). Copies. */
void sky_http_server_send(struct sky_http_server *server, const char *event, struct sky_span data);

struct sky_http_server_stats {
    uint64_t requests;
    uint64_t responses_4xx;
    uint64_t responses_5xx;
    uint64_t events;          /* sent with sky_http_server_send */
    uint64_t streams_dropped; /* clients too slow for SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX */
    uint64_t streams_refused; /* above SKY_HTTP_STREAMS_MAX */
    uint64_t limited;         /* answered with 429 */
    uint32_t streams;         /* now */
    struct sky_http_connections_stats connections;
};
void sky_http_server_stats(struct sky_http_server *server, struct sky_http_server_stats *stats);

/* Make the response this error. `message` and `hint` are sentences; hint may be NULL. */
void sky_http_fail(struct sky_http_response *response, unsigned status, const char *code, const char *message,
                   const char *hint);

#endif
