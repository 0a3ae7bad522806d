/* The server over real sockets. Expected statuses and headers are RFC 9110's; the policy is ours, by DESIGN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "unit/io/http/http_client.h"

#include "io/http/event_stream.h"
#include "io/http/http_server.h"
#include "io/http/http_workers.h"

#define CLIENTS     200
#define PATIENCE_MS 60000

static void echo(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    struct sky_span value = sky_http_request_parameter(request, "q");
    response->content_type = "text/plain";
    sky_buffer_put_span(&response->body, request->segment);
    sky_buffer_put_u8(&response->body, '|');
    sky_buffer_put_span(&response->body, value);
}

static void refuse(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    sky_buffer_put_string(&response->body, "half an answer");
    sky_http_fail(response, 400, "bad_parameter", "The parameter \"q\" is wrong.", NULL);
}

static void welcome(void *context, struct sky_buffer *events)
{
    sky_event_stream_write(events, "status", 0, SKY_SPAN("{\"hello\":true}"));
}

static const struct sky_http_route routes[] = {
    {"/echo", echo, NULL}, {"/echo/", echo, NULL}, {"/refuse", refuse, NULL}};
static const struct sky_http_asset assets[] = {
    {"/index.html", "text/html; charset=utf-8", (const uint8_t *)"<!doctype html>", 15},
};
static const char *const names[] = {"trends.example"};

static uint16_t port;

static struct sky_http_server *start(void)
{
    char message[SKY_HTTP_ERROR_SIZE];
    struct sky_http_server *server = NULL;
    struct sky_http_server_options options = {
        .address = "127.0.0.1",
        .host_names = names,
        .host_names_count = 1,
        .routes = routes,
        .routes_count = sizeof routes / sizeof routes[0],
        .assets = assets,
        .assets_count = 1,
        .stream_path = "/stream",
        .welcome = welcome,
        .first_event_id = 100,
    };
    assert_int_equal(sky_http_server_start(&options, &server, message), SKY_OK);
    port = sky_http_server_port(server);
    return server;
}

static int set_up(void **state)
{
    *state = start();
    return 0;
}

static int tear_down(void **state)
{
    sky_http_server_stop(*state);
    return 0;
}

static void expect(const char *request, int status, const char *body)
{
    char *reply = client_ask(port, request);
    if (reply_status(reply) != status)
        fail_msg("%s\nis answered by\n%s", request, reply);
    if (body && !strstr(reply_body(reply), body))
        fail_msg("no '%s' in\n%s", body, reply);
    free(reply);
}

#define REST "Host: localhost\r\nConnection: close\r\n\r\n"

static void test_routes(void **state)
{
    expect("GET /echo HTTP/1.1\r\n" REST, 200, "echo|");
    expect("GET /echo/%E9%9B%AA?q=a+b HTTP/1.1\r\n" REST, 200, "雪|a b");
    expect("GET / HTTP/1.1\r\n" REST, 200, "<!doctype html>");
    expect("GET /index.html HTTP/1.1\r\n" REST, 200, "<!doctype html>");
    expect("GET /nothing HTTP/1.1\r\n" REST, 404, "\"code\":\"not_found\"");
    expect("GET /echo/a/b HTTP/1.1\r\n" REST, 404, NULL);
    expect("GET /echo/ HTTP/1.1\r\n" REST, 404, NULL);
    expect("GET /index.html/.. HTTP/1.1\r\n" REST, 404, NULL);
    expect("GET /refuse HTTP/1.1\r\n" REST, 400,
           "{\"error\":{\"code\":\"bad_parameter\",\"message\":\"The parameter \\\"q\\\" is wrong.\",\"hint\":null}}");
}

static void test_methods(void **state)
{
    char value[512];
    expect("POST /nothing HTTP/1.1\r\nContent-Length: 0\r\n" REST, 404, NULL);
    char *reply = client_ask(port, "DELETE /echo HTTP/1.1\r\n" REST);
    assert_int_equal(reply_status(reply), 405);
    assert_true(reply_header(reply, "Allow", value));
    assert_string_equal(value, "GET, HEAD");
    free(reply);
    reply = client_ask(port, "HEAD /echo/abc HTTP/1.1\r\n" REST);
    assert_int_equal(reply_status(reply), 200);
    assert_true(reply_header(reply, "Content-Length", value));
    assert_string_equal(value, "4");
    assert_string_equal(reply_body(reply), "");
    free(reply);
    expect("HEAD /stream HTTP/1.1\r\n" REST, 200, NULL);
}

static void test_sizes(void **state)
{
    static char request[64 * 1024];
    int len = snprintf(request, sizeof request, "GET /echo/");
    memset(request + len, 'a', SKY_HTTP_TARGET_BYTES_MAX);
    snprintf(request + len + SKY_HTTP_TARGET_BYTES_MAX, 100, " HTTP/1.1\r\n" REST);
    expect(request, 414, "\"code\":\"uri_too_long\"");
    expect("GET /echo HTTP/1.1\r\nContent-Length: 8193\r\n" REST, 413, "\"code\":\"content_too_large\"");
    expect("GET /echo HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n" REST, 413, NULL);
    expect("GET /echo HTTP/1.1\r\nContent-Length: 2\r\n" REST "hi", 200, "echo|");
    expect("GET /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" REST "2\r\nhi\r\n0\r\n\r\n", 200, "echo|");
    len = snprintf(request, sizeof request, "GET /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" REST "2001\r\n");
    memset(request + len, 'h', 0x2001);
    strcpy(request + len + 0x2001, "\r\n0\r\n\r\n");
    expect(request, 413, "\"code\":\"content_too_large\"");
    memset(request, 'h', sizeof request - 1);
    memcpy(request, "GET /echo HTTP/1.1\r\nX: ", 23);
    char *reply = client_ask(port, request);
    assert_true(reply_status(reply) == 0 || reply_status(reply) == 431);
    free(reply);
}

static void test_bad_requests(void **state)
{
    expect("GET /echo?q=%zz HTTP/1.1\r\n" REST, 400, "bad_request");
    expect("GET /echo?q=%ff HTTP/1.1\r\n" REST, 400, "UTF-8");
    expect("GET /echo?q=1&q=2 HTTP/1.1\r\n" REST, 400, "twice");
    expect("GET http://localhost/echo HTTP/1.1\r\n" REST, 400, NULL);
    char *reply = client_ask(port, "\x16\x03\x01\x02\x01garbage\r\n\r\n"); /* a TLS client */
    assert_true(reply_status(reply) == 0 || reply_status(reply) == 400);
    free(reply);
}

static void test_host(void **state)
{
    expect("GET /echo HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n", 200, NULL);
    expect("GET /echo HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\n\r\n", 200, NULL);
    expect("GET /echo HTTP/1.1\r\nHost: Trends.Example\r\nConnection: close\r\n\r\n", 200, NULL);
    expect("GET /echo HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421, "\"code\":\"wrong_host\"");
    expect("GET /stream HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421, NULL);
    expect("GET /echo HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 421, NULL);
    expect("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "\"code\":\"bad_request\"");
    expect("GET /echo HTTP/1.1\r\nHost: evil.example\r\n" REST, 400, "one Host");
    expect("GET /echo HTTP/1.1\r\nhost: localhost\r\n" REST, 400, "one Host");
}

/* RFC 9112 section 6.3: what two servers may read differently is refused, and nothing behind it is answered. */
static void test_smuggling(void **state)
{
#define BEHIND "0\r\n\r\nGET /echo/behind HTTP/1.1\r\n" REST
    static const char *const requests[] = {
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" BEHIND,
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" BEHIND,
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\n" BEHIND,
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" BEHIND,
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n" BEHIND,
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char *reply = client_ask(port, requests[i]);
        assert_int_equal(reply_status(reply), 400);
        assert_null(strstr(reply, "behind"));
        assert_null(strstr(reply_body(reply), "HTTP/1.1 "));
        free(reply);
    }
}

static void test_headers(void **state)
{
    char value[512];
    static const char *const targets[] = {"/echo", "/", "/nothing"};
    for (size_t i = 0; i < 3; i++) {
        char *reply = client_get(port, targets[i]);
        assert_true(reply_header(reply, "Content-Security-Policy", value));
        assert_non_null(strstr(value, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                                      "connect-src 'self'"));
        assert_null(strstr(value, "unsafe"));
        assert_true(reply_header(reply, "X-Content-Type-Options", value));
        assert_string_equal(value, "nosniff");
        assert_false(reply_header(reply, "Access-Control-Allow-Origin", value));
        free(reply);
    }
}

static void test_etag(void **state)
{
    char etag[512], request[1024];
    char *reply = client_get(port, "/");
    assert_true(reply_header(reply, "ETag", etag));
    free(reply);
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nIf-None-Match: %s\r\n" REST, etag);
    reply = client_ask(port, request);
    assert_int_equal(reply_status(reply), 304);
    assert_string_equal(reply_body(reply), "");
    free(reply);
    snprintf(request, sizeof request, "GET /echo/x HTTP/1.1\r\nIf-None-Match: %s\r\n" REST, etag);
    expect(request, 200, "x|");
    expect("GET /echo/x HTTP/1.1\r\nIf-None-Match: *\r\n" REST, 304, NULL);
}

static void test_stream(void **state)
{
    char value[512];
    int fd = client_connect(port);
    client_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    char *reply = client_read(fd, "{\"hello\":true}\n\n");
    assert_true(reply_header(reply, "Content-Type", value));
    assert_string_equal(value, "text/event-stream; charset=utf-8");
    assert_non_null(strstr(reply, "retry: 2000\n\nevent: status\ndata: {\"hello\":true}\n\n"));
    free(reply);
    sky_http_server_send(*state, "snapshot", SKY_SPAN("{\"n\":1}"));
    reply = client_read(fd, "{\"n\":1}\n\n");
    assert_non_null(strstr(reply, "id: 100\nevent: snapshot\ndata: {\"n\":1}\n\n"));
    free(reply);
    close(fd);
    fd = client_connect(port);
    sky_http_server_send(*state, "snapshot", SKY_SPAN("{\"n\":2}"));
    client_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 100\r\n\r\n");
    reply = client_read(fd, "{\"n\":2}\n\n");
    assert_non_null(strstr(reply, "id: 101\n"));
    assert_null(strstr(reply, "hello")); /* it knows all that was before */
    free(reply);
    close(fd);
}

static void test_many_clients(void **state)
{
    struct sky_http_server_stats stats;
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(port);
        client_send(fds[i], "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
        free(client_read(fds[i], "hello"));
    }
    sky_http_server_stats(*state, &stats);
    assert_int_equal(stats.streams, CLIENTS);
    for (int event = 0; event < 10; event++)
        sky_http_server_send(*state, "snapshot", SKY_SPAN("{}"));
    sky_http_server_send(*state, "snapshot", SKY_SPAN("\"the last\""));
    for (int i = 0; i < CLIENTS; i++) {
        char *reply = client_read(fds[i], "the last");
        assert_non_null(strstr(reply, "the last"));
        free(reply);
        close(fds[i]);
    }
}

static void test_refuses_the_stream_above_the_limit(void **state)
{
    struct sky_http_server_stats stats;
    int fds[SKY_HTTP_STREAMS_MAX];
    for (int i = 0; i < SKY_HTTP_STREAMS_MAX; i++) {
        fds[i] = client_connect(port);
        client_send(fds[i], "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
        free(client_read(fds[i], "hello"));
    }
    expect("GET /stream HTTP/1.1\r\n" REST, 503, "\"code\":\"too_many_streams\"");
    expect("GET /echo HTTP/1.1\r\n" REST, 200, NULL); /* the rest goes on */
    sky_http_server_stats(*state, &stats);
    assert_int_equal(stats.streams_refused, 1);
    for (int i = 0; i < SKY_HTTP_STREAMS_MAX; i++)
        close(fds[i]);
}

static void wait_for_streams(struct sky_http_server *server, uint64_t streams)
{
    struct sky_http_server_stats stats = {0};
    for (int waited_ms = 0; stats.streams != streams && waited_ms < PATIENCE_MS; waited_ms++) {
        usleep(1000);
        sky_http_server_stats(server, &stats);
    }
    assert_int_equal(stats.streams, streams);
}

static long seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec;
}

/* Read until the other side closes; how much it was. */
static size_t drain(int fd)
{
    static char bytes[64 * 1024];
    size_t total = 0;
    for (ssize_t got; (got = recv(fd, bytes, sizeof bytes, 0)) > 0;)
        total += (size_t)got;
    return total;
}

/* A client that reads nothing: the server forgets it as soon as it notices, which is when the client takes what was on
 * its way; others get all events meanwhile. */
static void test_slow_client(void **state)
{
    static char data[256 * 1024];
    struct sky_http_server_stats stats;
    memset(data, 'x', sizeof data);
    long began = seconds();
    int slow = client_connect(port), quick = client_connect(port);
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000}; /* a sender that found no room asks ever more rarely */
    setsockopt(slow, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    client_send(slow, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_send(quick, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    free(client_read(quick, "hello"));
    wait_for_streams(*state, 2);
    for (int i = 0; i < 3 * SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX; i++) {
        sky_http_server_send(*state, "snapshot", sky_span_of(data, sizeof data));
        free(client_read(quick, "x\n\n"));
    }
    size_t got = drain(slow);
    assert_in_range(got, 1, 2 * SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX * sizeof data);
    wait_for_streams(*state, 1);
    sky_http_server_stats(*state, &stats);
    if (seconds() - began < SKY_HTTP_IDLE_S_MAX) /* else it may have been closed for being idle */
        assert_int_equal(stats.streams_dropped, 1);
    close(slow);
    close(quick);
}

static void test_stops_with_open_streams(void **state)
{
    struct sky_http_server *server = start();
    int fd = client_connect(port);
    client_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    free(client_read(fd, "hello"));
    sky_http_server_stop(server);
    char *rest = client_read(fd, NULL); /* ends: does not hang */
    free(rest);
    close(fd);
}

static void test_port_taken(void **state)
{
    struct sky_http_server *server = start(), *second = NULL;
    char message[SKY_HTTP_ERROR_SIZE], number[16];
    struct sky_http_server_options options = {.address = "127.0.0.1", .port = port};
    assert_int_equal(sky_http_server_start(&options, &second, message), SKY_E_IO);
    snprintf(number, sizeof number, "%u", port);
    assert_non_null(strstr(message, number));
    assert_non_null(strstr(message, "127.0.0.1"));
    assert_non_null(strstr(message, "choose another port"));
    options.address = "localhost";
    assert_int_equal(sky_http_server_start(&options, &second, message), SKY_E_CONFIG);
    assert_non_null(strstr(message, "localhost"));
    sky_http_server_stop(server);
}

/* Coding, other pages, limits */

static void large(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    for (int i = 0; i < 1000; i++)
        sky_buffer_put_string(&response->body, "a line that comes again\n");
}

static const struct sky_http_route access_routes[] = {
    {"/echo", echo, NULL}, {"/large", large, NULL}, {"/v1/large", large, NULL}, {"/v1/small", echo, NULL}};

static struct sky_http_server *start_with(const struct sky_http_access *access)
{
    char message[SKY_HTTP_ERROR_SIZE];
    struct sky_http_server *server = NULL;
    struct sky_http_server_options options = {.address = "127.0.0.1",
                                              .access = *access,
                                              .routes = access_routes,
                                              .routes_count = sizeof access_routes / sizeof access_routes[0],
                                              .assets = assets,
                                              .assets_count = 1,
                                              .stream_path = "/v1/stream",
                                              .welcome = welcome};
    if (sky_http_server_start(&options, &server, message) != SKY_OK)
        fail_msg("%s", message);
    port = sky_http_server_port(server);
    return server;
}

static void test_gzip(void **state)
{
    static const struct sky_http_access none = {0};
    char value[512], etag[512], request[1024];
    struct sky_http_server *server = start_with(&none);
    char *reply = client_ask(port, "GET /large HTTP/1.1\r\nAccept-Encoding: gzip, br\r\n" REST);
    assert_int_equal(reply_status(reply), 200);
    assert_true(reply_header(reply, "Content-Encoding", value));
    assert_string_equal(value, "gzip");
    assert_true(reply_header(reply, "Vary", value));
    assert_string_equal(value, "Accept-Encoding");
    assert_true(reply_header(reply, "Content-Length", value));
    assert_in_range(atoi(value), 20, 1000); /* of 24,000 */
    assert_memory_equal(reply_body(reply), "\x1f\x8b", 2);
    assert_true(reply_header(reply, "ETag", etag));
    free(reply);
    /* Known in either coding. */
    snprintf(request, sizeof request, "GET /large HTTP/1.1\r\nAccept-Encoding: gzip\r\nIf-None-Match: W/%s\r\n" REST,
             etag);
    reply = client_ask(port, request);
    assert_int_equal(reply_status(reply), 304);
    assert_false(reply_header(reply, "Content-Encoding", value));
    assert_true(reply_header(reply, "ETag", value));
    assert_string_equal(value, etag);
    free(reply);
    snprintf(request, sizeof request, "GET /large HTTP/1.1\r\nIf-None-Match: %s\r\n" REST, etag);
    expect(request, 304, NULL);
    reply = client_ask(port, "GET /large HTTP/1.1\r\n" REST);
    assert_false(reply_header(reply, "Content-Encoding", value));
    assert_true(reply_header(reply, "Vary", value));
    assert_true(reply_header(reply, "Content-Length", value));
    assert_string_equal(value, "24000");
    assert_true(reply_header(reply, "ETag", value));
    assert_string_not_equal(value, etag);
    free(reply);
    reply = client_ask(port, "GET /echo?q=small HTTP/1.1\r\nAccept-Encoding: gzip\r\n" REST);
    assert_false(reply_header(reply, "Content-Encoding", value));
    assert_string_equal(reply_body(reply), "echo|small");
    free(reply);
    reply = client_ask(port, "HEAD /large HTTP/1.1\r\nAccept-Encoding: gzip\r\n" REST);
    assert_true(reply_header(reply, "Content-Encoding", value));
    assert_string_equal(reply_body(reply), "");
    free(reply);
    sky_http_server_stop(server);
}

static void expect_origin(const char *target, const char *origin, const char *expected)
{
    char request[512], value[512];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nOrigin: %s\r\n" REST, target, origin);
    char *reply = client_ask(port, request);
    assert_int_equal(reply_status(reply) == 200 || reply_status(reply) == 404, true);
    bool has = reply_header(reply, "Access-Control-Allow-Origin", value);
    assert_int_equal(has, expected != NULL);
    if (expected)
        assert_string_equal(value, expected);
    free(reply);
}

static void test_other_pages(void **state)
{
    static const char *const origins[] = {"https://example.org"};
    static const struct sky_http_access some = {.cors_origins = origins, .cors_origins_count = 1}, none = {0};
    char value[512];
    struct sky_http_server *server = start_with(&some);
    expect_origin("/v1/small", "https://example.org", "https://example.org");
    expect_origin("/v1/nothing", "https://example.org", "https://example.org"); /* an error can be read too */
    expect_origin("/v1/small", "https://evil.example", NULL);
    expect_origin("/echo", "https://example.org", NULL); /* not of the API */
    expect_origin("/", "https://example.org", NULL);
    char *reply = client_ask(port, "OPTIONS /v1/small HTTP/1.1\r\nOrigin: https://example.org\r\n"
                                   "Access-Control-Request-Method: GET\r\n" REST);
    assert_int_equal(reply_status(reply), 204);
    assert_true(reply_header(reply, "Access-Control-Allow-Methods", value));
    assert_true(reply_header(reply, "Access-Control-Allow-Origin", value));
    assert_true(reply_header(reply, "Vary", value));
    assert_string_equal(value, "Origin");
    free(reply);
    expect("OPTIONS /v1/small HTTP/1.1\r\nOrigin: https://evil.example\r\n" REST, 405, NULL);
    expect("POST /v1/small HTTP/1.1\r\nOrigin: https://example.org\r\nContent-Length: 0\r\n" REST, 405, NULL);
    int fd = client_connect(port);
    client_send(fd, "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.org\r\n\r\n");
    reply = client_read(fd, "hello");
    assert_true(reply_header(reply, "Access-Control-Allow-Origin", value));
    free(reply);
    close(fd);
    sky_http_server_stop(server);
    server = start_with(&none);
    expect_origin("/v1/small", "https://example.org", NULL);
    expect("OPTIONS /v1/small HTTP/1.1\r\nOrigin: https://example.org\r\n" REST, 405, NULL);
    sky_http_server_stop(server);
}

static int ask_as(const char *forwarded)
{
    char request[512];
    snprintf(request, sizeof request, "GET /echo HTTP/1.1\r\nX-Forwarded-For: %s\r\n" REST, forwarded);
    char *reply = client_ask(port, request);
    int status = reply_status(reply);
    free(reply);
    return status;
}

static void test_limit(void **state)
{
    static const char *const proxies[] = {"127.0.0.0/8"};
    static const struct sky_http_access limited = {.requests_per_minute = 20};
    static const struct sky_http_access behind = {
        .requests_per_minute = 20, .trusted_proxies = proxies, .trusted_proxies_count = 1};
    char value[512];
    struct sky_http_server *server = start_with(&limited);
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask_as("192.0.2.1"), 200);
    char *reply = client_ask(port, "GET /echo HTTP/1.1\r\nX-Forwarded-For: 192.0.2.2\r\n" REST);
    assert_int_equal(reply_status(reply), 429);
    assert_true(reply_header(reply, "Retry-After", value));
    assert_in_range(atoi(value), 1, 3);
    assert_non_null(strstr(reply_body(reply), "\"code\":\"too_many_requests\""));
    free(reply);
    struct sky_http_server_stats stats;
    sky_http_server_stats(server, &stats);
    assert_true(stats.limited >= 1);
    sky_http_server_stop(server);

    server = start_with(&behind);
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask_as(i % 2 ? "198.51.100.7, 192.0.2.1" : "192.0.2.1"), 200);
    assert_int_equal(ask_as("192.0.2.1"), 429);
    assert_int_equal(ask_as("192.0.2.2"), 200); /* another client of the proxy */
    sky_http_server_stop(server);
}

/* Slow routes */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held: slow handlers wait */
static atomic_int slow_entered;

static void slow(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    slow_entered++;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    sky_buffer_put_string(&response->body, "slow ");
    sky_buffer_put_span(&response->body, sky_http_request_parameter(request, "q"));
}

static struct sky_http_server *start_slow(void)
{
    static const struct sky_http_route slow_routes[] = {{"/slow", slow, NULL, true}, {"/echo", echo, NULL, false}};
    char message[SKY_HTTP_ERROR_SIZE];
    struct sky_http_server *server = NULL;
    struct sky_http_server_options options = {.address = "127.0.0.1", .routes = slow_routes, .routes_count = 2};
    if (sky_http_server_start(&options, &server, message) != SKY_OK)
        fail_msg("%s", message);
    port = sky_http_server_port(server);
    return server;
}

static int ask_slowly(int number)
{
    char request[128];
    int fd = client_connect(port);
    snprintf(request, sizeof request, "GET /slow?q=%d HTTP/1.1\r\n" REST, number);
    client_send(fd, request);
    return fd;
}

static void test_slow_route(void **state)
{
    struct sky_http_server *server = start_slow();
    expect("GET /slow?q=1 HTTP/1.1\r\n" REST, 200, "slow 1");
    expect("HEAD /slow?q=1 HTTP/1.1\r\n" REST, 200, NULL);
    pthread_mutex_lock(&gate);
    int first = ask_slowly(2), gone = ask_slowly(3), last = ask_slowly(4);
    expect("GET /echo?q=meanwhile HTTP/1.1\r\n" REST, 200, "meanwhile"); /* others are not held up */
    close(gone);
    pthread_mutex_unlock(&gate);
    char *reply = client_read(first, NULL);
    assert_string_equal(reply_body(reply), "slow 2");
    free(reply);
    reply = client_read(last, NULL);
    assert_string_equal(reply_body(reply), "slow 4");
    free(reply);
    close(first);
    close(last);
    sky_http_server_stop(server);
}

/* More wait than may: the next is told so; those who wait when the server ends are told that. */
static void test_slow_limit(void **state)
{
    struct sky_http_server *server = start_slow();
    int fds[SKY_HTTP_WORK_MAX + 1];
    pthread_mutex_lock(&gate);
    slow_entered = 0;
    for (int i = 0; i <= SKY_HTTP_WORK_MAX; i++) {
        fds[i] = ask_slowly(i);
        while (!slow_entered)
            usleep(1000); /* the first one is not waiting any more */
    }
    struct sky_http_server_stats stats = {0};
    while (stats.requests <= SKY_HTTP_WORK_MAX) { /* until all are read */
        usleep(1000);
        sky_http_server_stats(server, &stats);
    }
    expect("GET /slow?q=x HTTP/1.1\r\n" REST, 503, "too_many_questions");
    pthread_mutex_unlock(&gate);
    sky_http_server_stop(server);
    int answered = 0;
    for (int i = 0; i <= SKY_HTTP_WORK_MAX; i++) {
        char *reply = client_read(fds[i], NULL);
        answered += reply_status(reply) == 200 || reply_status(reply) == 503;
        free(reply);
        close(fds[i]);
    }
    assert_int_equal(answered, SKY_HTTP_WORK_MAX + 1);
}

static void test_bad_access(void **state)
{
    static const char *const bad[] = {"example.org"};
    char message[SKY_HTTP_ERROR_SIZE];
    struct sky_http_server *server = NULL;
    struct sky_http_server_options options = {.address = "127.0.0.1",
                                              .access = {.trusted_proxies = bad, .trusted_proxies_count = 1}};
    assert_int_equal(sky_http_server_start(&options, &server, message), SKY_E_CONFIG);
    assert_non_null(strstr(message, "example.org"));
    options.access = (struct sky_http_access){.cors_origins = bad, .cors_origins_count = 1};
    assert_int_equal(sky_http_server_start(&options, &server, message), SKY_E_CONFIG);
    assert_non_null(strstr(message, "origin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_methods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_smuggling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_etag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_clients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_the_stream_above_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_client, set_up, tear_down),
        cmocka_unit_test(test_stops_with_open_streams),
        cmocka_unit_test(test_port_taken),
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_other_pages),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_bad_access),
        cmocka_unit_test(test_slow_route),
        cmocka_unit_test(test_slow_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
