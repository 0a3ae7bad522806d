#include "io/http/http_exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/host/clock.h"
#include "io/http/http_answer.h"

#define STREAM_BLOCK_BYTES  (16 * 1024)
#define CONTENT_LENGTH_SIZE 20
#define CHUNKED_BYTES_MAX   (1024 * 1024) /* no answer can be given before the end of a body in chunks */

void sky_http_exchange_set_phase(const struct sky_http_exchange *exchange, enum sky_http_phase phase)
{
    sky_http_connections_set(exchange->server->gate.connections, exchange->seat, phase, sky_clock_monotonic_ms());
}

/* The stream */

static void pause_client(void *context)
{
    struct sky_http_exchange *exchange = context;
    MHD_suspend_connection(exchange->connection);
}

void sky_http_exchange_wake(void *context)
{
    struct sky_http_exchange *exchange = context;
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

static uint64_t last_event_id(struct sky_http_exchange *exchange)
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

static enum MHD_Result queue_stream(struct sky_http_exchange *exchange)
{
    struct sky_http_server *server = exchange->server;
    struct sky_event_stream_stats stats;
    sky_event_stream_stats(server->stream, &stats);
    if (stats.clients >= SKY_HTTP_STREAMS_MAX) {
        server->streams_refused++;
        return sky_http_answer_queue_error(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "too_many_streams",
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
    sky_http_answer_add_headers(response, "text/event-stream; charset=utf-8", "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx passes each event on at once */
    enum MHD_Result result = sky_http_answer_queue(exchange, MHD_HTTP_OK, response);
    sky_http_exchange_set_phase(exchange, SKY_HTTP_FOLLOWING);
    return result;
}

/* Dispatch */

static const struct sky_http_route *find_route(const struct sky_http_exchange *exchange)
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

static const struct sky_http_asset *find_asset(const struct sky_http_exchange *exchange)
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

static bool is_stream(const struct sky_http_exchange *exchange)
{
    const char *path = exchange->server->options.stream_path;
    return path && sky_span_equal(exchange->request.path, sky_span_from_string(path));
}

/* Slow routes: the connection sleeps while the worker has the exchange, and is handled once more when it wakes. */

static void run_slow(void *job)
{
    struct sky_http_exchange *exchange = job;
    exchange->slow->handler(exchange->slow->context, &exchange->request, &exchange->answer);
    exchange->answered = true;
    MHD_resume_connection(exchange->connection);
}

static void abandon_slow(void *job)
{
    struct sky_http_exchange *exchange = job;
    sky_http_fail(&exchange->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "shutting_down", "This server is about to end.",
                  NULL);
    exchange->answered = true;
    MHD_resume_connection(exchange->connection);
}

const struct sky_http_work sky_http_exchange_work = {run_slow, abandon_slow};

static enum MHD_Result defer(struct sky_http_exchange *exchange, const struct sky_http_route *route)
{
    exchange->slow = route;
    exchange->answer =
        (struct sky_http_response){.status = MHD_HTTP_OK, .content_type = "application/json; charset=utf-8"};
    sky_http_exchange_set_phase(exchange, SKY_HTTP_FOLLOWING);
    MHD_suspend_connection(exchange->connection);
    if (sky_http_workers_put(exchange->server->workers, exchange))
        return MHD_YES;
    sky_http_fail(&exchange->answer, MHD_HTTP_SERVICE_UNAVAILABLE, "too_many_questions",
                  "As many questions of this kind wait as this server allows.", "Try again in a few seconds.");
    exchange->answered = true;
    MHD_resume_connection(exchange->connection);
    return MHD_YES;
}

static enum MHD_Result queue_deferred(struct sky_http_exchange *exchange)
{
    struct sky_http_response answer = exchange->answer;
    exchange->answer.body = (struct sky_buffer){0};
    return sky_http_answer_queue_response(exchange, &answer);
}

static enum MHD_Result answer(struct sky_http_exchange *exchange, bool is_head)
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
        return sky_http_answer_queue_response(exchange, &answer);
    struct sky_http_answer_body what = {.bytes = asset->bytes, .len = asset->len, .mode = MHD_RESPMEM_PERSISTENT};
    return sky_http_answer_queue_bytes(exchange, MHD_HTTP_OK, asset->content_type, &what);
}

static bool host_is_ours(const struct sky_http_exchange *exchange, const char *version)
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

static enum MHD_Result refuse_target(struct sky_http_exchange *exchange)
{
    switch (exchange->parsed) {
    case SKY_E_LIMIT:
        return sky_http_answer_queue_error(
            exchange, MHD_HTTP_URI_TOO_LONG, "uri_too_long",
            "The path and query are longer than 2048 bytes, or have more than 16 parameters.", NULL);
    case SKY_E_DUPLICATE:
        return sky_http_answer_queue_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_parameter",
                                           "A parameter is given twice.", NULL);
    case SKY_E_UTF8:
        return sky_http_answer_queue_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_request",
                                           "The path or query is not UTF-8 after percent-decoding.", NULL);
    default:
        return sky_http_answer_queue_error(
            exchange, MHD_HTTP_BAD_REQUEST, "bad_request",
            "The path or query is not well-formed: a '%' must be followed by two hex digits, not 00.",
            "Write # as %23, % as %25 and a space as %20.");
    }
}

static enum MHD_Result refuse_body(struct sky_http_exchange *exchange)
{
    return sky_http_answer_queue_error(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "content_too_large",
                                       "The request's body is longer than 8192 bytes.", "Requests here need no body.");
}

static bool body_is_too_large(const struct sky_http_exchange *exchange)
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
static const char *find_ambiguity(struct sky_http_exchange *exchange, const char *version)
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
static bool has_no_place(const struct sky_http_exchange *exchange)
{
    const struct sky_http_route *route = exchange->parsed == SKY_OK ? find_route(exchange) : NULL;
    return sky_http_connections_are_full(exchange->server->gate.connections) && !(route && route->is_probe);
}

static bool is_admitted(struct sky_http_exchange *exchange)
{
    if (sky_http_gate_admits(&exchange->server->gate, exchange->connection, &exchange->retry_after_s))
        return true;
    exchange->server->limited++;
    return false;
}

/* The question of a browser whether another page's request may have headers of its own (CORS preflight). */
static enum MHD_Result answer_preflight(struct sky_http_exchange *exchange)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    sky_http_answer_add_headers(response, NULL, "no-cache");
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, HEAD");
    MHD_add_response_header(response, "Access-Control-Allow-Headers", "If-None-Match, Last-Event-ID");
    MHD_add_response_header(response, "Access-Control-Max-Age", "600");
    return sky_http_answer_queue(exchange, MHD_HTTP_NO_CONTENT, response);
}

/* Answers at once when the headers say that nothing can come of the request. */
static enum MHD_Result check(struct sky_http_exchange *exchange, const char *method, const char *version)
{
    if (has_no_place(exchange))
        return sky_http_answer_queue_error(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "too_many_connections",
                                           "As many connections are open as this server allows.",
                                           "Try again in a few seconds.");
    if (!is_admitted(exchange))
        return sky_http_answer_queue_error(
            exchange, MHD_HTTP_TOO_MANY_REQUESTS, "too_many_requests",
            "More requests came from this address than this server allows.",
            "Wait as long as Retry-After says; /v1/stream gives every change in one request.");
    const char *ambiguity = find_ambiguity(exchange, version);
    if (ambiguity)
        return sky_http_answer_queue_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_request", ambiguity, NULL);
    if (!host_is_ours(exchange, version))
        return sky_http_answer_queue_error(
            exchange, MHD_HTTP_MISDIRECTED_REQUEST, "wrong_host", "The Host header does not name this server.",
            "Use http://127.0.0.1 or http://localhost, or add the name to the allowed host names.");
    if (exchange->parsed != SKY_OK)
        return refuse_target(exchange);
    if (!find_route(exchange) && !find_asset(exchange) && !is_stream(exchange))
        return sky_http_answer_queue_error(exchange, MHD_HTTP_NOT_FOUND, "not_found", "There is nothing at this path.",
                                           "GET /v1/openapi.json lists what there is.");
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0 && sky_http_answer_origin(exchange))
        return answer_preflight(exchange);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return sky_http_answer_queue_error(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
                                           "Only GET and HEAD are answered here.", NULL);
    return body_is_too_large(exchange) ? refuse_body(exchange) : MHD_YES;
}

enum MHD_Result sky_http_exchange_handle(void *context, struct MHD_Connection *connection, const char *url,
                                         const char *method, const char *version, const char *upload,
                                         size_t *upload_size, void **state)
{
    struct sky_http_exchange *exchange = *state;
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

void *sky_http_exchange_begin(void *context, const char *target, struct MHD_Connection *connection)
{
    struct sky_http_server *server = context;
    struct sky_http_exchange *exchange = malloc(sizeof *exchange);
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

void sky_http_exchange_complete(void *context, struct MHD_Connection *connection, void **state,
                                enum MHD_RequestTerminationCode code)
{
    struct sky_http_server *server = context;
    if (!*state)
        return;
    struct sky_http_exchange *exchange = *state;
    sky_http_exchange_set_phase(exchange, SKY_HTTP_NEXT_REQUEST);
    sky_buffer_clean_up(&exchange->answer.body); /* of a client that went away meanwhile */
    free(exchange);
    *state = NULL;
    server->exchanges--;
}
