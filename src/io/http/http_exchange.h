/* http_exchange.h: one request and its answer, inside the HTTP server. For the files of the server alone.
 *
 *     http_server.c    threads, connections, beginning and end
 *     http_exchange.c  what a request asks for, and whether it may
 *     http_answer.c    an answer on its way: headers, ETag, compression (http_answer.h)
 *
 * Memory   an exchange is made when a request's line has come, and freed when its answer is through or its connection
 *          gone.
 * Threads  libmicrohttpd's one; a slow route's handler has the exchange while the connection is suspended. */
#ifndef SKY_IO_HTTP_HTTP_EXCHANGE_H
#define SKY_IO_HTTP_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "io/http/event_stream.h"
#include "io/http/http_gate.h"
#include "io/http/http_server.h"
#include "io/http/http_workers.h"

struct sky_http_server {
    struct sky_http_server_options options;
    struct MHD_Daemon *daemon;
    struct sky_event_stream *stream;
    uint16_t port;
    struct sky_http_gate gate;
    struct sky_http_workers *workers; /* NULL: no route is slow */
    pthread_t heartbeat;
    pthread_mutex_t mutex; /* of `stopping` */
    pthread_cond_t stop;
    bool stopping;
    atomic_uint_fast32_t exchanges; /* being answered */
    atomic_uint_fast64_t requests, responses_4xx, responses_5xx, streams_refused, limited;
};

/* One request, from its first line to its end. */
struct sky_http_exchange {
    struct sky_http_server *server;
    struct MHD_Connection *connection;
    struct sky_http_seat *seat;
    enum sky_status parsed;
    bool begun;        /* the headers have been seen */
    size_t body_bytes; /* read and forgotten so far */
    unsigned retry_after_s;
    const struct sky_http_route *slow; /* being answered by the worker, or answered */
    struct sky_http_response answer;   /* its */
    bool answered;
    struct sky_http_request request;
};

/* What libmicrohttpd calls. */

void *sky_http_exchange_begin(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result sky_http_exchange_handle(void *server, struct MHD_Connection *connection, const char *url,
                                         const char *method, const char *version, const char *upload,
                                         size_t *upload_size, void **exchange);
void sky_http_exchange_complete(void *server, struct MHD_Connection *connection, void **exchange,
                                enum MHD_RequestTerminationCode code);

/* Its stream has something for it. */
void sky_http_exchange_wake(void *exchange);

/* What its connection does from here on. */
void sky_http_exchange_set_phase(const struct sky_http_exchange *exchange, enum sky_http_phase phase);

/* What a worker does with the exchange of a slow route, and with one that will not have its turn. */
extern const struct sky_http_work sky_http_exchange_work;

#endif
