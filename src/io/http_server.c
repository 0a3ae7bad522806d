#include "io/http_server.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/event_stream.h"
#include "wire/json_write.h"

#define LISTEN_BACKLOG      128
#define STREAM_BLOCK_BYTES  (16 * 1024)
#define DRAIN_MS_MAX        1000 /* sky_http_server_stop waits this long for answers under way */
#define DRAIN_STEP_MS       5
#define ETAG_SIZE           19 /* 16 hex digits in quotes, and NUL */
#define CONTENT_LENGTH_SIZE 20
#define CHUNKED_BYTES_MAX   (1024 * 1024) /* no answer can be given before the end of a body in chunks */

/* Nothing but our own files; no inline script or style, no frame around the page. */
static const char content_security_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct sky_http_server {
    struct sky_http_server_options options;
    struct MHD_Daemon *daemon;
    struct sky_event_stream *stream;
    uint16_t port;
    pthread_t heartbeat;
    pthread_mutex_t mutex; /* of `stopping` */
    pthread_cond_t stop;
    bool stopping;
    atomic_uint_fast32_t exchanges; /* being answered */
    atomic_uint_fast64_t requests, responses_4xx, responses_5xx, streams_refused;
};

/* One request, from its first line to its end. */
struct exchange {
    struct sky_http_server *server;
    struct MHD_Connection *connection;
    enum sky_status parsed;
    bool begun;        /* the headers have been seen */
    size_t body_bytes; /* read and forgotten so far */
    struct sky_http_request request;
};

void sky_http_fail(struct sky_http_response *response, unsigned status, const char *code, const char *message,
                   const char *hint)
{
    struct sky_json_writer json;
    response->status = status;
    response->content_type = "application/json; charset=utf-8";
    response->body.len = 0;
    sky_json_begin(&json, &response->body);
    sky_json_object(&json);
    sky_json_key(&json, "error");
    sky_json_object(&json);
    sky_json_key(&json, "code");
    sky_json_string(&json, code);
    sky_json_key(&json, "message");
    sky_json_string(&json, message);
    sky_json_key(&json, "hint");
    if (hint)
        sky_json_string(&json, hint);
    else
        sky_json_null(&json);
    sky_json_end(&json);
    sky_json_end(&json);
}

/* Queueing */

static void add_headers(struct MHD_Response *response, const char *content_type, const char *cache_control)
{
    if (content_type)
        MHD_add_response_header(response, "Content-Type", content_type);
    MHD_add_response_header(response, "Cache-Control", cache_control);
    MHD_add_response_header(response, "Content-Security-Policy", content_security_policy);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
}

static enum MHD_Result queue(struct exchange *exchange, unsigned status, struct MHD_Response *response)
{
    if (status >= 500)
        exchange->server->responses_5xx++;
    else if (status >= 400)
        exchange->server->responses_4xx++;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "5");
    enum MHD_Result result = MHD_queue_response(exchange->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* RFC 9110 section 13.1.2, by strong comparison, which a W/ of a proxy passes too. */
static bool is_known_to_client(struct exchange *exchange, const char *etag)
{
    const char *known = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "If-None-Match");
    return known && (strcmp(known, "*") == 0 || strstr(known, etag));
}

/* Answer with `bytes`, or 304 when the client has them. `mode` says who owns the bytes. */
static enum MHD_Result queue_bytes(struct exchange *exchange, struct sky_http_response *answer, const void *bytes,
                                   size_t len, enum MHD_ResponseMemoryMode mode)
{
    char etag[ETAG_SIZE];
    snprintf(etag, sizeof etag, "\"%016" PRIx64 "\"", sky_hash_id(sky_span_of(bytes, len)));
    bool unchanged = answer->status == MHD_HTTP_OK && is_known_to_client(exchange, etag);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        unchanged ? 0 : len, unchanged ? NULL : (void *)(uintptr_t)bytes, unchanged ? MHD_RESPMEM_PERSISTENT : mode);
    if (mode == MHD_RESPMEM_MUST_FREE && (unchanged || !response))
        sky_buffer_clean_up(&answer->body);
    if (!response)
        return MHD_NO;
    if (answer->status == MHD_HTTP_OK)
        MHD_add_response_header(response, "ETag", etag);
    add_headers(response, unchanged ? NULL : answer->content_type, "no-cache");
    return queue(exchange, unchanged ? MHD_HTTP_NOT_MODIFIED : answer->status, response);
}

static enum MHD_Result queue_response(struct exchange *exchange, struct sky_http_response *answer)
{
    if (answer->body.failed) {
        sky_buffer_clean_up(&answer->body);
        return MHD_NO; /* no memory: close the connection */
    }
    return queue_bytes(exchange, answer, answer->body.ptr, answer->body.len, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result queue_error(struct exchange *exchange, unsigned status, const char *code, const char *message,
                                   const char *hint)
{
    struct sky_http_response answer = {0};
    sky_http_fail(&answer, status, code, message, hint);
    return queue_response(exchange, &answer);
}

/* The stream */

static void pause_client(void *context)
{
    struct exchange *exchange = context;
    MHD_suspend_connection(exchange->connection);
}

static void wake_client(void *context)
{
    struct exchange *exchange = context;
    MHD_resume_connection(exchange->connection);
}

static ssize_t read_client(void *context, uint64_t position, char *out, size_t size)
{
    size_t len = 0;
    switch (sky_event_client_read(context, out, size, &len, pause_client)) {
    case SKY_OK: return (ssize_t)len;
    case SKY_E_MISSING: return 0;
    case SKY_E_END: return MHD_CONTENT_READER_END_OF_STREAM;
    default: return MHD_CONTENT_READER_END_WITH_ERROR;
    }
}

static void free_client(void *context)
{
    sky_event_client_free(context);
}

static uint64_t last_event_id(struct exchange *exchange)
{
    const char *text = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Last-Event-ID");
    return text ? strtoull(text, NULL, 10) : 0; /* what is no number is an unknown event, as any other */
}

static void greet(struct exchange *exchange, struct sky_event_client *client, bool resumed)
{
    const struct sky_http_server_options *options = &exchange->server->options;
    struct sky_buffer greeting = {0};
    sky_buffer_printf(&greeting, "retry: %d\n\n", SKY_EVENT_STREAM_RETRY_MS);
    if (!resumed && options->welcome)
        options->welcome(options->welcome_context, &greeting);
    sky_event_client_greet(client, &greeting);
}

static enum MHD_Result queue_stream(struct exchange *exchange)
{
    struct sky_http_server *server = exchange->server;
    struct sky_event_stream_stats stats;
    sky_event_stream_stats(server->stream, &stats);
    if (stats.clients >= SKY_HTTP_STREAMS_MAX) {
        server->streams_refused++;
        return queue_error(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "too_many_streams",
                           "As many clients follow the stream as this server allows.",
                           "Try again in a few seconds, or poll /v1/trends.");
    }
    bool resumed;
    struct sky_event_client *client = sky_event_client_new(server->stream, last_event_id(exchange), &resumed, exchange);
    if (!client)
        return MHD_NO;
    greet(exchange, client, resumed);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, read_client, client, free_client);
    if (!response) {
        sky_event_client_free(client);
        return MHD_NO;
    }
    add_headers(response, "text/event-stream; charset=utf-8", "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx passes each event on at once */
    return queue(exchange, MHD_HTTP_OK, response);
}

static void *beat(void *context)
{
    struct sky_http_server *server = context;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&server->mutex);
    while (!server->stopping) {
        next.tv_sec += SKY_HTTP_HEARTBEAT_S;
        while (!server->stopping && pthread_cond_timedwait(&server->stop, &server->mutex, &next) != ETIMEDOUT)
            continue;
        if (!server->stopping)
            sky_event_stream_heartbeat(server->stream);
    }
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

void sky_http_server_send(struct sky_http_server *server, const char *event, struct sky_span data)
{
    sky_event_stream_send(server->stream, event, data);
}

/* Dispatch */

static const struct sky_http_route *find_route(const struct exchange *exchange)
{
    const struct sky_http_server_options *options = &exchange->server->options;
    struct sky_span path = exchange->request.path;
    struct sky_span folder = sky_span_of(path.ptr, path.len - exchange->request.segment.len);
    for (size_t i = 0; i < options->routes_count; i++) {
        struct sky_span route = sky_span_from_string(options->routes[i].path);
        bool takes_segment = route.len > 1 && route.ptr[route.len - 1] == '/';
        if (takes_segment ? exchange->request.segment.len && sky_span_equal(folder, route)
                          : sky_span_equal(path, route))
            return &options->routes[i];
    }
    return NULL;
}

static const struct sky_http_asset *find_asset(const struct exchange *exchange)
{
    const struct sky_http_server_options *options = &exchange->server->options;
    struct sky_span path = exchange->request.path;
    if (sky_span_equal(path, SKY_SPAN("/")))
        path = SKY_SPAN("/index.html");
    for (size_t i = 0; i < options->assets_count; i++)
        if (sky_span_equal(path, sky_span_from_string(options->assets[i].path)))
            return &options->assets[i];
    return NULL;
}

static bool is_stream(const struct exchange *exchange)
{
    const char *path = exchange->server->options.stream_path;
    return path && sky_span_equal(exchange->request.path, sky_span_from_string(path));
}

static enum MHD_Result answer(struct exchange *exchange, bool is_head)
{
    const struct sky_http_route *route = find_route(exchange);
    const struct sky_http_asset *asset = find_asset(exchange);
    if (is_stream(exchange) && !is_head)
        return queue_stream(exchange);
    struct sky_http_response answer = {.status = MHD_HTTP_OK, .content_type = "application/json; charset=utf-8"};
    if (is_stream(exchange))
        answer.content_type = "text/event-stream; charset=utf-8";
    else if (route)
        route->handler(route->context, &exchange->request, &answer);
    if (!asset)
        return queue_response(exchange, &answer);
    answer.content_type = asset->content_type;
    return queue_bytes(exchange, &answer, asset->bytes, asset->len, MHD_RESPMEM_PERSISTENT);
}

static bool host_is_ours(const struct exchange *exchange, const char *version)
{
    static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
    const struct sky_http_server_options *options = &exchange->server->options;
    const char *text = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Host");
    if (!text) /* a browser, which could be led here by another page, always sends one */
        return strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    struct sky_span host = sky_span_from_string(text);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (sky_http_host_matches(host, own[i]))
            return true;
    for (size_t i = 0; i < options->host_names_count; i++)
        if (sky_http_host_matches(host, options->host_names[i]))
            return true;
    return sky_http_host_matches(host, options->address);
}

static enum MHD_Result refuse_target(struct exchange *exchange)
{
    switch (exchange->parsed) {
    case SKY_E_LIMIT:
        return queue_error(exchange, MHD_HTTP_URI_TOO_LONG, "uri_too_long",
                           "The path and query are longer than 2048 bytes, or have more than 16 parameters.", NULL);
    case SKY_E_DUPLICATE:
        return queue_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_parameter", "A parameter is given twice.", NULL);
    case SKY_E_UTF8:
        return queue_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_request",
                           "The path or query is not UTF-8 after percent-decoding.", NULL);
    default:
        return queue_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_request",
                           "The path or query is not well-formed: a '%' must be followed by two hex digits, not 00.",
                           "Write # as %23, % as %25 and a space as %20.");
    }
}

static enum MHD_Result refuse_body(struct exchange *exchange)
{
    return queue_error(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "content_too_large",
                       "The request's body is longer than 8192 bytes.", "Requests here need no body.");
}

static bool body_is_too_large(const struct exchange *exchange)
{
    const char *text = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Content-Length");
    return text && (strlen(text) > CONTENT_LENGTH_SIZE || strtoull(text, NULL, 10) > SKY_HTTP_BODY_BYTES_MAX);
}

/* Headers that another server may read otherwise than this one, so that the two would not agree on where a request
 * ends or whom it is for. */
struct ambiguity {
    unsigned hosts, lengths, encodings;
    bool unknown_encoding;
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct ambiguity *found = context;
    if (strcasecmp(name, "Host") == 0)
        found->hosts++;
    else if (strcasecmp(name, "Content-Length") == 0)
        found->lengths++;
    else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        found->encodings++;
        found->unknown_encoding |= !value || strcasecmp(value, "chunked") != 0;
    }
    return MHD_YES;
}

/* RFC 9112 sections 3.2 (one Host) and 6.3 (one length, and chunked alone). NULL: nothing is wrong. */
static const char *find_ambiguity(struct exchange *exchange, const char *version)
{
    struct ambiguity found = {0};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, count_header, &found);
    if (found.hosts > 1 || (found.hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0))
        return "A request needs one Host header.";
    if (found.lengths + found.encodings > 1 || found.unknown_encoding)
        return "A body needs one Content-Length, or 'Transfer-Encoding: chunked' alone.";
    return NULL;
}

/* Answers at once when the headers say that nothing can come of the request. */
static enum MHD_Result check(struct exchange *exchange, const char *method, const char *version)
{
    const char *ambiguity = find_ambiguity(exchange, version);
    if (ambiguity)
        return queue_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_request", ambiguity, NULL);
    if (!host_is_ours(exchange, version))
        return queue_error(exchange, MHD_HTTP_MISDIRECTED_REQUEST, "wrong_host",
                           "The Host header does not name this server.",
                           "Use http://127.0.0.1 or http://localhost, or add the name to the allowed host names.");
    if (exchange->parsed != SKY_OK)
        return refuse_target(exchange);
    if (!find_route(exchange) && !find_asset(exchange) && !is_stream(exchange))
        return queue_error(exchange, MHD_HTTP_NOT_FOUND, "not_found", "There is nothing at this path.",
                           "GET /v1/openapi.json lists what there is.");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return queue_error(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
                           "Only GET and HEAD are answered here.", NULL);
    return body_is_too_large(exchange) ? refuse_body(exchange) : MHD_YES;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct exchange *exchange = *state;
    if (!exchange)
        return MHD_NO;
    if (!exchange->begun) {
        exchange->begun = true;
        exchange->connection = connection;
        return check(exchange, method, version);
    }
    if (*upload_size) {
        exchange->body_bytes += *upload_size;
        *upload_size = 0; /* a small body is read and forgotten; in chunks, one that never ends is cut off */
        return exchange->body_bytes <= CHUNKED_BYTES_MAX ? MHD_YES : MHD_NO;
    }
    if (exchange->body_bytes > SKY_HTTP_BODY_BYTES_MAX)
        return refuse_body(exchange);
    return answer(exchange, strcmp(method, MHD_HTTP_METHOD_HEAD) == 0);
}

static void *begin(void *context, const char *target, struct MHD_Connection *connection)
{
    struct sky_http_server *server = context;
    struct exchange *exchange = malloc(sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->server = server;
    exchange->connection = connection;
    exchange->begun = false;
    exchange->body_bytes = 0;
    exchange->parsed = sky_http_request_parse(&exchange->request, sky_span_from_string(target));
    server->requests++;
    server->exchanges++;
    return exchange;
}

static void complete(void *context, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode code)
{
    struct sky_http_server *server = context;
    if (!*state)
        return;
    free(*state);
    *state = NULL;
    server->exchanges--;
}

/* Start and stop */

static enum sky_status explain(const struct sky_http_server_options *options, char message[SKY_HTTP_ERROR_SIZE])
{
    int reason = errno;
    if (reason == EADDRINUSE)
        snprintf(message, SKY_HTTP_ERROR_SIZE,
                 "port %u of %s is taken by another program; stop it (`ss -ltnp 'sport = :%u'` names it) or choose "
                 "another port",
                 options->port, options->address, options->port);
    else if (reason == EACCES)
        snprintf(message, SKY_HTTP_ERROR_SIZE,
                 "port %u of %s may not be used: ports below 1024 belong to root; choose a larger one", options->port,
                 options->address);
    else
        snprintf(message, SKY_HTTP_ERROR_SIZE, "cannot listen on port %u of %s: %s", options->port, options->address,
                 strerror(reason));
    return SKY_E_IO;
}

static int listen_on(const struct addrinfo *where)
{
    static const int on = 1;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* or a restart would wait for old connections */
    if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static enum sky_status open_socket(const struct sky_http_server_options *options, int *fd, uint16_t *port,
                                   char message[SKY_HTTP_ERROR_SIZE])
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *where;
    char service[sizeof "65535"];
    snprintf(service, sizeof service, "%u", options->port);
    if (getaddrinfo(options->address, service, &hints, &where) != 0) {
        snprintf(message, SKY_HTTP_ERROR_SIZE, "'%.80s' is not a numeric address such as 127.0.0.1 or ::1",
                 options->address);
        return SKY_E_CONFIG;
    }
    *fd = listen_on(where);
    freeaddrinfo(where);
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof bound;
    if (*fd < 0 || getsockname(*fd, (struct sockaddr *)&bound, &bound_len) != 0)
        return explain(options, message);
    char number[sizeof service];
    getnameinfo((struct sockaddr *)&bound, bound_len, NULL, 0, number, sizeof number, NI_NUMERICSERV);
    *port = (uint16_t)strtoul(number, NULL, 10);
    return SKY_OK;
}

/* Signals go to the program's own threads: all are blocked while the server makes its threads. */
static bool start_threads(struct sky_http_server *server, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle,
                                      server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                                      (unsigned)SKY_HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                      (unsigned)SKY_HTTP_IDLE_S_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                      (size_t)SKY_HTTP_CONNECTION_MEMORY_BYTES_MAX, MHD_OPTION_URI_LOG_CALLBACK, begin,
                                      server, MHD_OPTION_NOTIFY_COMPLETED, complete, server, MHD_OPTION_END);
    bool ok = server->daemon && pthread_create(&server->heartbeat, NULL, beat, server) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server->daemon && !ok)
        MHD_stop_daemon(server->daemon);
    else if (!ok)
        close(fd);
    return ok;
}

static void clean_up(struct sky_http_server *server)
{
    sky_event_stream_free(server->stream);
    pthread_cond_destroy(&server->stop);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

static struct sky_http_server *new_server(const struct sky_http_server_options *options)
{
    struct sky_http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->options = *options;
    if (sky_event_stream_new(options->first_event_id, wake_client, &server->stream) != SKY_OK) {
        free(server);
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&server->mutex, NULL);
    return server;
}

enum sky_status sky_http_server_start(const struct sky_http_server_options *options, struct sky_http_server **result,
                                      char message[SKY_HTTP_ERROR_SIZE])
{
    int fd;
    uint16_t port;
    enum sky_status status = open_socket(options, &fd, &port, message);
    if (status != SKY_OK)
        return status;
    snprintf(message, SKY_HTTP_ERROR_SIZE, "no memory for the HTTP server");
    struct sky_http_server *server = new_server(options);
    if (!server) {
        close(fd);
        return SKY_E_MEMORY;
    }
    server->port = port;
    if (!start_threads(server, fd)) {
        snprintf(message, SKY_HTTP_ERROR_SIZE, "the HTTP server's threads cannot be started");
        clean_up(server);
        return SKY_E_IO;
    }
    message[0] = '\0';
    *result = server;
    return SKY_OK;
}

void sky_http_server_stop(struct sky_http_server *server)
{
    if (!server)
        return;
    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    pthread_cond_signal(&server->stop);
    pthread_mutex_unlock(&server->mutex);
    pthread_join(server->heartbeat, NULL);
    sky_event_stream_finish(server->stream);
    for (int waited_ms = 0; server->exchanges && waited_ms < DRAIN_MS_MAX; waited_ms += DRAIN_STEP_MS)
        nanosleep(&(struct timespec){.tv_nsec = DRAIN_STEP_MS * 1000000L}, NULL);
    MHD_stop_daemon(server->daemon);
    clean_up(server);
}

uint16_t sky_http_server_port(const struct sky_http_server *server)
{
    return server->port;
}

void sky_http_server_stats(struct sky_http_server *server, struct sky_http_server_stats *stats)
{
    struct sky_event_stream_stats stream;
    sky_event_stream_stats(server->stream, &stream);
    *stats = (struct sky_http_server_stats){
        .requests = server->requests,
        .responses_4xx = server->responses_4xx,
        .responses_5xx = server->responses_5xx,
        .events = stream.events,
        .streams_dropped = stream.dropped,
        .streams_refused = server->streams_refused,
        .streams = stream.clients,
    };
}
