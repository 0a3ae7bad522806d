#include "io/http/http_server.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/host/clock.h"
#include "io/http/event_stream.h"
#include "io/http/http_gate.h"
#include "io/http/http_origin.h"
#include "io/http/http_workers.h"
#include "wire/json_write.h"

#define STREAM_BLOCK_BYTES  (16 * 1024)
#define DRAIN_MS_MAX        1000 /* sky_http_server_stop waits this long for answers under way */
#define DRAIN_STEP_MS       5
#define ETAG_SIZE           24 /* 16 hex digits, perhaps "-gzip", in quotes, and NUL */
#define HASH_TEXT_SIZE      18 /* a quote, 16 hex digits, and NUL */
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
struct exchange {
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

/* The Origin header's answer, for what lies under /v1/; NULL: none. */
static const char *allowed_origin(const struct exchange *exchange)
{
    const struct sky_http_access *access = &exchange->server->options.access;
    const struct sky_http_origins origins = {access->cors_origins, access->cors_origins_count};
    if (exchange->parsed != SKY_OK || !sky_span_starts_with(exchange->request.path, SKY_SPAN("/v1/")))
        return NULL;
    return sky_http_origin_answer(&origins,
                                  MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Origin"));
}

static void add_cors(const struct exchange *exchange, struct MHD_Response *response)
{
    const char *origin = allowed_origin(exchange);
    if (exchange->server->options.access.cors_origins_count)
        MHD_add_response_header(response, "Vary", "Origin");
    if (!origin)
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
    MHD_add_response_header(response, "Access-Control-Expose-Headers", "ETag, Retry-After");
}

static void set_phase(const struct exchange *exchange, enum sky_http_phase phase)
{
    sky_http_connections_set(exchange->server->gate.connections, exchange->seat, phase, sky_clock_monotonic_ms());
}

static enum MHD_Result queue(struct exchange *exchange, unsigned status, struct MHD_Response *response)
{
    set_phase(exchange, SKY_HTTP_ANSWERING);
    if (sky_http_connections_are_full(exchange->server->gate.connections))
        MHD_add_response_header(response, "Connection", "close");
    if (status >= 500)
        exchange->server->responses_5xx++;
    else if (status >= 400)
        exchange->server->responses_4xx++;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "5");
    if (status == MHD_HTTP_TOO_MANY_REQUESTS) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", exchange->retry_after_s);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    add_cors(exchange, response);
    enum MHD_Result result = MHD_queue_response(exchange->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* What is answered: the bytes as they are, or compressed. */
struct representation {
    const void *bytes;
    size_t len;
    enum MHD_ResponseMemoryMode mode; /* MUST_FREE: `owned` has them */
    struct sky_buffer owned;
    bool is_gzip;
    char hash[HASH_TEXT_SIZE]; /* of the bytes as they are, behind a quote */
};

static bool may_compress(const struct exchange *exchange, const struct representation *what)
{
    return what->len >= SKY_HTTP_GZIP_BYTES_MIN &&
           sky_http_accepts_gzip(MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Accept-Encoding"));
}

/* RFC 9110 section 13.1.2: by weak comparison, which a W/ of a proxy passes, and in either coding, as they say the
 * same. */
static bool is_known_to_client(const struct exchange *exchange, const char *hash)
{
    const char *known = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "If-None-Match");
    return known && (strcmp(known, "*") == 0 || strstr(known, hash));
}

static void compress(struct representation *what)
{
    struct sky_buffer compressed = {0};
    if (!sky_http_gzip(sky_span_of(what->bytes, what->len), &compressed)) {
        sky_buffer_clean_up(&compressed);
        what->is_gzip = false; /* as it is, then */
        return;
    }
    sky_buffer_clean_up(&what->owned);
    what->owned = compressed;
    what->bytes = compressed.ptr;
    what->len = compressed.len;
    what->mode = MHD_RESPMEM_MUST_FREE;
}

/* Answer with it, or 304 when the client has it. Takes over what it owns. */
static enum MHD_Result queue_bytes(struct exchange *exchange, unsigned status, const char *content_type,
                                   struct representation *what)
{
    char etag[ETAG_SIZE];
    snprintf(what->hash, sizeof what->hash, "\"%016" PRIx64, sky_hash_id(sky_span_of(what->bytes, what->len)));
    bool unchanged = status == MHD_HTTP_OK && is_known_to_client(exchange, what->hash);
    bool depends = what->len >= SKY_HTTP_GZIP_BYTES_MIN;
    what->is_gzip = may_compress(exchange, what);
    if (what->is_gzip && !unchanged)
        compress(what);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(unchanged ? 0 : what->len, unchanged ? NULL : (void *)(uintptr_t)what->bytes,
                                        unchanged ? MHD_RESPMEM_PERSISTENT : what->mode);
    if (unchanged || !response)
        sky_buffer_clean_up(&what->owned);
    if (!response)
        return MHD_NO;
    snprintf(etag, sizeof etag, "%s%s\"", what->hash, what->is_gzip ? "-gzip" : "");
    if (status == MHD_HTTP_OK)
        MHD_add_response_header(response, "ETag", etag);
    if (depends)
        MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (what->is_gzip && !unchanged)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    add_headers(response, unchanged ? NULL : content_type, "no-cache");
    return queue(exchange, unchanged ? MHD_HTTP_NOT_MODIFIED : status, response);
}

static enum MHD_Result queue_response(struct exchange *exchange, struct sky_http_response *answer)
{
    if (answer->body.failed) {
        sky_buffer_clean_up(&answer->body);
        return MHD_NO; /* no memory: close the connection */
    }
    struct representation what = {
        .bytes = answer->body.ptr, .len = answer->body.len, .mode = MHD_RESPMEM_MUST_FREE, .owned = answer->body};
    return queue_bytes(exchange, answer->status, answer->content_type, &what);
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

static void make_greeting(void *context, struct sky_buffer *greeting)
{
    const struct sky_http_server_options *options = context;
    sky_buffer_printf(greeting, "retry: %d\n\n", SKY_EVENT_STREAM_RETRY_MS);
    if (options->welcome)
        options->welcome(options->welcome_context, greeting);
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
    bool is_greeted = resumed || sky_event_client_greet(client, make_greeting, &server->options);
    struct MHD_Response *response = is_greeted ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                                                   read_client, client, free_client)
                                               : NULL;
    if (!response) {
        sky_event_client_free(client);
        return MHD_NO;
    }
    add_headers(response, "text/event-stream; charset=utf-8", "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx passes each event on at once */
    enum MHD_Result result = queue(exchange, MHD_HTTP_OK, response);
    set_phase(exchange, SKY_HTTP_FOLLOWING);
    return result;
}

static void *beat(void *context)
{
    struct sky_http_server *server = context;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&server->mutex);
    for (unsigned second = 1; !server->stopping; second++) {
        next.tv_sec++;
        while (!server->stopping && pthread_cond_timedwait(&server->stop, &server->mutex, &next) != ETIMEDOUT)
            continue;
        if (!server->stopping && second % SKY_HTTP_HEARTBEAT_S == 0)
            sky_event_stream_heartbeat(server->stream);
        sky_http_connections_sweep(server->gate.connections, sky_clock_monotonic_ms());
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

/* Slow routes: the connection sleeps while the worker has the exchange, and is handled once more when it wakes. */

static void run_slow(void *job)
{
    struct exchange *exchange = job;
    exchange->slow->handler(exchange->slow->context, &exchange->request, &exchange->answer);
    exchange->answered = true;
    MHD_resume_connection(exchange->connection);
}

static void abandon_slow(void *job)
{
    struct exchange *exchange = job;
    sky_http_fail(&exchange->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "shutting_down", "This server is about to end.",
                  NULL);
    exchange->answered = true;
    MHD_resume_connection(exchange->connection);
}

static enum MHD_Result defer(struct exchange *exchange, const struct sky_http_route *route)
{
    exchange->slow = route;
    exchange->answer =
        (struct sky_http_response){.status = MHD_HTTP_OK, .content_type = "application/json; charset=utf-8"};
    set_phase(exchange, SKY_HTTP_FOLLOWING);
    MHD_suspend_connection(exchange->connection);
    if (sky_http_workers_put(exchange->server->workers, exchange))
        return MHD_YES;
    sky_http_fail(&exchange->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "too_many_questions",
                  "As many questions of this kind wait as this server allows.", "Try again in a few seconds.");
    exchange->answered = true;
    MHD_resume_connection(exchange->connection);
    return MHD_YES;
}

static enum MHD_Result queue_deferred(struct exchange *exchange)
{
    struct sky_http_response answer = exchange->answer;
    exchange->answer.body = (struct sky_buffer){0};
    return queue_response(exchange, &answer);
}

static enum MHD_Result answer(struct exchange *exchange, bool is_head)
{
    const struct sky_http_route *route = find_route(exchange);
    const struct sky_http_asset *asset = find_asset(exchange);
    if (exchange->slow)
        return exchange->answered ? queue_deferred(exchange) : MHD_YES;
    if (route && route->is_slow)
        return defer(exchange, route);
    if (is_stream(exchange) && !is_head)
        return queue_stream(exchange);
    struct sky_http_response answer = {.status = MHD_HTTP_OK, .content_type = "application/json; charset=utf-8"};
    if (is_stream(exchange))
        answer.content_type = "text/event-stream; charset=utf-8";
    else if (route)
        route->handler(route->context, &exchange->request, &answer);
    if (!asset)
        return queue_response(exchange, &answer);
    struct representation what = {.bytes = asset->bytes, .len = asset->len, .mode = MHD_RESPMEM_PERSISTENT};
    return queue_bytes(exchange, MHD_HTTP_OK, asset->content_type, &what);
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

/* The spare places are not for this request. */
static bool has_no_place(const struct exchange *exchange)
{
    const struct sky_http_route *route = exchange->parsed == SKY_OK ? find_route(exchange) : NULL;
    return sky_http_connections_are_full(exchange->server->gate.connections) && !(route && route->is_probe);
}

static bool is_admitted(struct exchange *exchange)
{
    if (sky_http_gate_admits(&exchange->server->gate, exchange->connection, &exchange->retry_after_s))
        return true;
    exchange->server->limited++;
    return false;
}

/* The question of a browser whether another page's request may have headers of its own (CORS preflight). */
static enum MHD_Result answer_preflight(struct exchange *exchange)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    add_headers(response, NULL, "no-cache");
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, HEAD");
    MHD_add_response_header(response, "Access-Control-Allow-Headers", "If-None-Match, Last-Event-ID");
    MHD_add_response_header(response, "Access-Control-Max-Age", "600");
    return queue(exchange, MHD_HTTP_NO_CONTENT, response);
}

/* Answers at once when the headers say that nothing can come of the request. */
static enum MHD_Result check(struct exchange *exchange, const char *method, const char *version)
{
    if (has_no_place(exchange))
        return queue_error(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "too_many_connections",
                           "As many connections are open as this server allows.", "Try again in a few seconds.");
    if (!is_admitted(exchange))
        return queue_error(exchange, MHD_HTTP_TOO_MANY_REQUESTS, "too_many_requests",
                           "More requests came from this address than this server allows.",
                           "Wait as long as Retry-After says; /v1/stream gives every change in one request.");
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
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0 && allowed_origin(exchange))
        return answer_preflight(exchange);
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
    exchange->seat = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    exchange->begun = false;
    exchange->body_bytes = 0;
    exchange->retry_after_s = 1;
    exchange->slow = NULL;
    exchange->answer = (struct sky_http_response){0};
    exchange->answered = false;
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
    struct exchange *exchange = *state;
    set_phase(exchange, SKY_HTTP_NEXT_REQUEST);
    sky_buffer_clean_up(&exchange->answer.body); /* of a client that went away meanwhile */
    free(exchange);
    *state = NULL;
    server->exchanges--;
}

/* Connections */

static enum MHD_Result admit(void *context, const struct sockaddr *peer, socklen_t peer_len)
{
    struct sky_http_server *server = context;
    const struct sky_http_address address = sky_http_address_of(peer);
    return sky_http_connections_admit(server->gate.connections, &address) ? MHD_YES : MHD_NO;
}

/* libmicrohttpd tells of the end before it closes the socket. */
static void note_connection(void *context, struct MHD_Connection *connection, void **seat,
                            enum MHD_ConnectionNotificationCode code)
{
    struct sky_http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        sky_http_connections_leave(server->gate.connections, *seat);
        return;
    }
    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sky_http_address address = sky_http_address_of(peer->client_addr);
    *seat = sky_http_connections_enter(server->gate.connections, fd, &address, sky_clock_monotonic_ms());
}

/* Start and stop */

/* Signals go to the program's own threads: all are blocked while the server makes its threads. */
static bool start_threads(struct sky_http_server *server, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, admit, server, handle, server,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(SKY_HTTP_CONNECTIONS_MAX + SKY_HTTP_CONNECTIONS_SPARE), MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SKY_HTTP_IDLE_S_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SKY_HTTP_CONNECTION_MEMORY_BYTES_MAX,
        MHD_OPTION_NOTIFY_CONNECTION, note_connection, server, MHD_OPTION_URI_LOG_CALLBACK, begin, server,
        MHD_OPTION_NOTIFY_COMPLETED, complete, server, MHD_OPTION_END);
    bool ok = server->daemon && pthread_create(&server->heartbeat, NULL, beat, server) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server->daemon && !ok)
        MHD_stop_daemon(server->daemon);
    else if (!ok)
        close(fd);
    return ok;
}

/* With its signals blocked as in start_threads. */
static bool start_worker(struct sky_http_server *server)
{
    static const struct sky_http_work work = {run_slow, abandon_slow};
    bool is_wanted = false;
    for (size_t i = 0; i < server->options.routes_count; i++)
        is_wanted |= server->options.routes[i].is_slow;
    if (!is_wanted)
        return true;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    enum sky_status status = sky_http_workers_new(&work, &server->workers);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status == SKY_OK;
}

static void clean_up(struct sky_http_server *server)
{
    sky_http_workers_free(server->workers);
    sky_http_gate_close(&server->gate);
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
    struct sky_http_listener listener;
    enum sky_status status = sky_http_access_check(&options->access, message);
    if (status == SKY_OK)
        status = sky_http_listen(options->address, options->port, &listener, message);
    if (status != SKY_OK)
        return status;
    snprintf(message, SKY_HTTP_ERROR_SIZE, "no memory for the HTTP server");
    struct sky_http_server *server = new_server(options);
    if (!server || sky_http_gate_open(&server->gate, &options->access) != SKY_OK) {
        close(listener.fd);
        if (server)
            clean_up(server);
        return SKY_E_MEMORY;
    }
    server->port = listener.port;
    if (!start_worker(server)) {
        snprintf(message, SKY_HTTP_ERROR_SIZE, "the HTTP server's threads cannot be started");
        close(listener.fd);
        clean_up(server);
        return SKY_E_IO;
    }
    if (!start_threads(server, listener.fd)) {
        snprintf(message, SKY_HTTP_ERROR_SIZE, "the HTTP server's threads cannot be started");
        sky_http_workers_stop(server->workers);
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
    sky_http_workers_stop(server->workers);
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
        .limited = server->limited,
        .streams = stream.clients,
    };
    sky_http_connections_stats(server->gate.connections, &stats->connections);
}
