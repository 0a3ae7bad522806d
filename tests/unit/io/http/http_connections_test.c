/* Places and patience: first alone, over socket pairs and a clock of our own; then in a server, over real sockets. What
 * is expected follows from the limits in the header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include "unit/io/http/http_client.h"

#include "io/http/http_server.h"

#define LARGE_BYTES (4 * 1024 * 1024)
#define BUSY        (SKY_HTTP_CONNECTIONS_MAX - SKY_HTTP_STREAMS_MAX)

static const struct sky_http_proxies no_proxies = {NULL, 0};

/* ---- alone ---- */

struct line {
    int server, client;
    struct sky_http_seat *seat;
};

static struct sky_http_connections *start(uint32_t per_address, const struct sky_http_proxies *proxies)
{
    struct sky_http_connections *connections;
    assert_int_equal(sky_http_connections_new(per_address, proxies, &connections), SKY_OK);
    return connections;
}

static struct sky_http_address address(const char *text)
{
    struct sky_http_address parsed;
    assert_int_equal(sky_http_address_parse(sky_span_from_string(text), &parsed), SKY_OK);
    return parsed;
}

static bool admits(struct sky_http_connections *connections, const char *text)
{
    const struct sky_http_address peer = address(text);
    return sky_http_connections_admit(connections, &peer);
}

static struct line enter(struct sky_http_connections *connections, const char *text, int64_t now_ms)
{
    int pair[2];
    const struct sky_http_address peer = address(text);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct sky_http_seat *seat = sky_http_connections_enter(connections, pair[0], &peer, now_ms);
    assert_non_null(seat);
    return (struct line){pair[0], pair[1], seat};
}

static bool is_shut(const struct line *line)
{
    char byte;
    return recv(line->client, &byte, 1, MSG_DONTWAIT) == 0;
}

static void leave(struct sky_http_connections *connections, const struct line *line)
{
    sky_http_connections_leave(connections, line->seat);
    close(line->server);
    close(line->client);
}

static void test_patience(void **state)
{
    struct sky_http_connections *connections = start(0, &no_proxies);
    struct sky_http_connections_stats stats;
    struct line silent = enter(connections, "192.0.2.1", 1000), next = enter(connections, "192.0.2.1", 1000),
                busy = enter(connections, "192.0.2.1", 1000), stream = enter(connections, "192.0.2.1", 1000);
    sky_http_connections_set(connections, next.seat, SKY_HTTP_NEXT_REQUEST, 2000);
    sky_http_connections_set(connections, busy.seat, SKY_HTTP_ANSWERING, 3000);
    sky_http_connections_set(connections, stream.seat, SKY_HTTP_FOLLOWING, 4000);
    sky_http_connections_sweep(connections, 10999);
    assert_false(is_shut(&silent));
    sky_http_connections_sweep(connections, 11000);
    assert_true(is_shut(&silent));
    sky_http_connections_sweep(connections, 31999);
    assert_false(is_shut(&next));
    sky_http_connections_sweep(connections, 32000);
    assert_true(is_shut(&next));
    sky_http_connections_sweep(connections, 122999);
    assert_false(is_shut(&busy));
    sky_http_connections_sweep(connections, 123000);
    assert_true(is_shut(&busy));
    sky_http_connections_sweep(connections, 1000000000000);
    assert_false(is_shut(&stream));
    sky_http_connections_stats(connections, &stats);
    assert_int_equal(stats.overdue, 3);
    assert_int_equal(stats.open, 1);
    leave(connections, &silent);
    leave(connections, &next);
    leave(connections, &busy);
    leave(connections, &stream);
    sky_http_connections_free(connections);
}

/* One more than libmicrohttpd lets in: it is as if it were not there. */
static void test_no_seat_left(void **state)
{
    enum { ALL = SKY_HTTP_CONNECTIONS_MAX + SKY_HTTP_CONNECTIONS_SPARE };
    struct sky_http_connections *connections = start(0, &no_proxies);
    struct sky_http_connections_stats stats;
    const struct sky_http_address peer = address("192.0.2.1");
    for (int i = 0; i < ALL; i++)
        assert_non_null(sky_http_connections_enter(connections, -1, &peer, 1000));
    assert_null(sky_http_connections_enter(connections, -1, &peer, 1000));
    sky_http_connections_set(connections, NULL, SKY_HTTP_ANSWERING, 2000);
    sky_http_connections_leave(connections, NULL);
    sky_http_connections_stats(connections, &stats);
    assert_int_equal(stats.open, ALL);
    sky_http_connections_free(connections);
}

static void test_an_address_has_so_many_places(void **state)
{
    struct sky_http_network network;
    const struct sky_http_proxies proxies = {&network, 1};
    assert_int_equal(sky_http_network_parse(SKY_SPAN("10.0.0.0/8"), &network), SKY_OK);
    struct sky_http_connections *connections = start(2, &proxies);
    struct sky_http_connections_stats stats;
    struct line one = enter(connections, "2001:db8::1", 1), two = enter(connections, "2001:db8::2", 2);
    sky_http_connections_set(connections, one.seat, SKY_HTTP_FOLLOWING, 3);
    assert_true(admits(connections, "2001:db8::3")); /* of one client, as the first 64 bits say: one of them waits */
    assert_true(is_shut(&two));
    struct line three = enter(connections, "2001:db8::3", 4);
    sky_http_connections_set(connections, three.seat, SKY_HTTP_ANSWERING, 5);
    assert_false(admits(connections, "2001:db8::4"));
    assert_true(admits(connections, "2001:db8:0:1::4"));
    assert_true(admits(connections, "192.0.2.1"));
    leave(connections, &one);
    assert_true(admits(connections, "2001:db8::4")); /* one has gone */
    struct line proxied[3];
    for (int i = 0; i < 3; i++) {
        assert_true(admits(connections, "10.1.2.3"));
        proxied[i] = enter(connections, "10.1.2.3", 6);
        sky_http_connections_set(connections, proxied[i].seat, SKY_HTTP_FOLLOWING, 6);
    }
    sky_http_connections_stats(connections, &stats);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.displaced, 1);
    assert_int_equal(stats.open, 4);
    leave(connections, &two);
    leave(connections, &three);
    for (int i = 0; i < 3; i++)
        leave(connections, &proxied[i]);
    sky_http_connections_free(connections);
}

/* ---- in a server ---- */

static char large[LARGE_BYTES];
static uint16_t port;

static void say_ok(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    sky_buffer_put_string(&response->body, "ok");
}

static void welcome(void *context, struct sky_buffer *events)
{
    sky_buffer_put_string(events, ": hello\n\n");
}

static const struct sky_http_route routes[] = {{"/page", say_ok, NULL}, {"/healthz", say_ok, NULL, .is_probe = true}};
static const struct sky_http_asset assets[] = {
    {"/large", "application/octet-stream", (const uint8_t *)large, LARGE_BYTES}};

static struct sky_http_server *serve(uint32_t per_address)
{
    char message[SKY_HTTP_ERROR_SIZE];
    struct sky_http_server *server = NULL;
    const struct sky_http_server_options options = {.address = "127.0.0.1",
                                                    .access.connections_per_address = per_address,
                                                    .routes = routes,
                                                    .routes_count = 2,
                                                    .assets = assets,
                                                    .assets_count = 1,
                                                    .stream_path = "/stream",
                                                    .welcome = welcome};
    if (sky_http_server_start(&options, &server, message) != SKY_OK)
        fail_msg("%s", message);
    port = sky_http_server_port(server);
    return server;
}

static int follow(void)
{
    int fd = client_connect(port);
    client_send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    free(client_read(fd, "hello"));
    return fd;
}

static int ask(const char *path)
{
    char *reply = client_get(port, path);
    int status = reply_status(reply);
    free(reply);
    return status;
}

static void test_one_address(void **state)
{
    enum { PLACES = 4 };
    struct sky_http_server *server = serve(PLACES);
    struct sky_http_server_stats stats;
    int fds[PLACES];
    char byte;
    for (int i = 0; i < PLACES; i++)
        fds[i] = client_connect(port);
    assert_int_equal(ask("/page"), 200); /* they ask for nothing: the first of them makes way */
    assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
    assert_int_equal(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);
    for (int i = 0; i < PLACES; i++)
        close(fds[i]);
    for (int i = 0; i < PLACES; i++)
        fds[i] = follow();
    assert_int_equal(ask("/page"), 0); /* closed without a word */
    sky_http_server_stats(server, &stats);
    assert_true(stats.connections.refused >= 1);
    for (int i = 0; i < PLACES; i++)
        close(fds[i]);
    sky_http_server_stop(server);
}

/* Five bytes a second of a request that has no end: the server's patience does not begin anew. */
static void test_slow_request(void **state)
{
    struct sky_http_server *server = serve(0);
    struct sky_http_server_stats stats;
    struct timespec began, now;
    char byte;
    int fd = client_connect(port);
    clock_gettime(CLOCK_MONOTONIC, &began);
    client_send(fd, "GET /page HTTP/1.1\r\nHost: localhost\r\nX: ");
    do {
        client_send(fd, "x");
        usleep(200 * 1000);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN && now.tv_sec - began.tv_sec < 60);
    assert_in_range(now.tv_sec - began.tv_sec, SKY_HTTP_REQUEST_S_MAX - 1, 59);
    sky_http_server_stats(server, &stats);
    assert_int_equal(stats.connections.overdue, 1);
    close(fd);
    sky_http_server_stop(server);
}

/* Takes nothing of an answer that is larger than what lies between. */
static int do_not_read(void)
{
    static const int small = 4096;
    struct sockaddr_in where = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    client_send(fd, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return fd;
}

static bool allow_files(rlim_t files)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= files)
        return true;
    limit.rlim_cur = files;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void wait_for_requests(struct sky_http_server *server, uint64_t requests)
{
    struct sky_http_server_stats stats = {0};
    while (stats.requests < requests) {
        usleep(1000);
        sky_http_server_stats(server, &stats);
    }
}

/* All places taken by whoever asks for nothing: who asks gets one. By others who are busy: only a probe is answered. */
static void test_no_place_left(void **state)
{
    static int fds[SKY_HTTP_CONNECTIONS_MAX];
    char *reply, value[512];
    if (!allow_files(2 * SKY_HTTP_CONNECTIONS_MAX + 100))
        skip();
    struct sky_http_server *server = serve(0);
    for (int i = 0; i < SKY_HTTP_CONNECTIONS_MAX; i++)
        fds[i] = client_connect(port);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask("/page"), 200);
    for (int i = 0; i < SKY_HTTP_CONNECTIONS_MAX; i++)
        close(fds[i]);
    for (int i = 0; i < SKY_HTTP_STREAMS_MAX; i++)
        fds[i] = follow();
    for (int i = 0; i < BUSY; i++)
        fds[SKY_HTTP_STREAMS_MAX + i] = do_not_read();
    wait_for_requests(server, 100 + SKY_HTTP_CONNECTIONS_MAX);
    int silent[2 * SKY_HTTP_CONNECTIONS_SPARE]; /* the spare places cannot be held by silence either */
    for (int i = 0; i < 2 * SKY_HTTP_CONNECTIONS_SPARE; i++) {
        silent[i] = client_connect(port);
        reply = client_get(port, "/page");
        assert_int_equal(reply_status(reply), 503);
        assert_non_null(strstr(reply_body(reply), "\"code\":\"too_many_connections\""));
        assert_true(reply_header(reply, "Connection", value));
        assert_string_equal(value, "close");
        free(reply);
        assert_int_equal(ask("/healthz"), 200);
    }
    for (int i = 0; i < 2 * SKY_HTTP_CONNECTIONS_SPARE; i++)
        close(silent[i]);
    for (int i = 0; i < SKY_HTTP_CONNECTIONS_MAX; i++)
        close(fds[i]);
    sky_http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patience),     cmocka_unit_test(test_an_address_has_so_many_places),
        cmocka_unit_test(test_one_address),  cmocka_unit_test(test_no_place_left),
        cmocka_unit_test(test_slow_request), cmocka_unit_test(test_no_seat_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
