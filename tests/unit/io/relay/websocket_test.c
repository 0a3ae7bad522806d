/* The client against a server that follows RFC 6455 to the letter, or breaks it on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/relay/websocket.h"
#include "unit/io/net/scripted_server.h"

#define PATIENCE_MS 8000 /* far above what any of it takes */

static struct sky_websocket_options quick_options(const char *url)
{
    struct sky_websocket_options options;
    sky_websocket_options_default(&options);
    options.url = url;
    options.connect_timeout_ms = 3000;
    options.ping_interval_ms = 100;
    options.dead_after_ms = 300;
    return options;
}

static struct sky_websocket *open_options(const struct sky_websocket_options *options)
{
    struct sky_websocket *websocket;
    assert_int_equal(sky_websocket_open(options, &websocket), SKY_OK);
    return websocket;
}

static struct sky_websocket *open_server(const struct scripted_server *server)
{
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/path?cursor=7", server->port);
    struct sky_websocket_options options = quick_options(url);
    return open_options(&options);
}

static void expect_open(struct sky_websocket *websocket)
{
    struct sky_websocket_event event;
    assert_true(sky_websocket_next(websocket, PATIENCE_MS, &event));
    if (event.kind == SKY_WEBSOCKET_CLOSED)
        fail_msg("closed: %s", event.closed.detail);
    assert_int_equal(event.kind, SKY_WEBSOCKET_OPEN);
}

static void expect_message(struct sky_websocket *websocket, const char *text)
{
    struct sky_websocket_event event;
    assert_true(sky_websocket_next(websocket, PATIENCE_MS, &event));
    if (event.kind == SKY_WEBSOCKET_CLOSED)
        fail_msg("closed: %s", event.closed.detail);
    assert_int_equal(event.kind, SKY_WEBSOCKET_MESSAGE);
    assert_int_equal(event.data.len, strlen(text));
    assert_memory_equal(event.data.ptr, text, strlen(text));
    assert_true(event.receipt_ms > INT64_C(1700000000000));
}

/* The next event must be the end; no other follows it. */
static struct sky_websocket_closed expect_end(struct sky_websocket *websocket, enum sky_websocket_end end)
{
    struct sky_websocket_event event, none;
    assert_true(sky_websocket_next(websocket, PATIENCE_MS, &event));
    assert_int_equal(event.kind, SKY_WEBSOCKET_CLOSED);
    if (event.closed.end != end)
        fail_msg("ended %s (%s), not %s", sky_websocket_end_name(event.closed.end), event.closed.detail,
                 sky_websocket_end_name(end));
    assert_false(sky_websocket_next(websocket, 50, &none));
    return event.closed;
}

static void send_messages(struct peer *peer, void *context)
{
    assert(peer_accept(peer));
    assert(strncmp(peer->request, "GET /path?cursor=7 HTTP/1.1\r\n", 29) == 0);
    assert(!strcasestr(peer->request, "permessage-deflate"));
    peer_send_binary(peer, "one");
    peer_send_frame(peer, WS_BINARY, "tw", 2); /* fragments, with a ping between */
    peer_send_frame(peer, WS_FIN | WS_PING, "?", 1);
    peer_send_frame(peer, WS_MORE, "o a", 3);
    peer_send_frame(peer, WS_FIN | WS_MORE, "nd", 2);
    peer_send_frame(peer, WS_FIN | WS_TEXT, "three", 5);
    peer_send_binary(peer, "");
    peer_send_close(peer, 1001, "going\x1b[31m away");
    peer_wait_end(peer);
}

static void test_messages(void **state)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_websocket_event event;
    scripted_server_start(server, send_messages, NULL);
    struct sky_websocket *websocket = open_server(server);
    expect_open(websocket);
    expect_message(websocket, "one");
    expect_message(websocket, "two and");
    assert_true(sky_websocket_next(websocket, PATIENCE_MS, &event));
    assert_int_equal(event.kind, SKY_WEBSOCKET_TEXT);
    expect_message(websocket, "");
    struct sky_websocket_closed closed = expect_end(websocket, SKY_WEBSOCKET_END_CLOSED);
    assert_int_equal(closed.close_code, 1001);
    assert_string_equal(closed.detail, "going?[31m away"); /* no control reaches a terminal */
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void drop_in_frame(struct peer *peer, void *context)
{
    assert(peer_accept(peer));
    peer_send_binary(peer, "whole");
    peer_send(peer, "\x82\x05hal", 5); /* five bytes said, three sent */
}

static void test_half_frame_is_not_delivered(void **state)
{
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, drop_in_frame, NULL);
    struct sky_websocket *websocket = open_server(server);
    expect_open(websocket);
    expect_message(websocket, "whole");
    expect_end(websocket, SKY_WEBSOCKET_END_LOST);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void break_protocol(struct peer *peer, void *context)
{
    assert(peer_accept(peer));
    peer_send_binary(peer, "good");
    peer_send(peer, "\xf3\x7f garbage that is no frame", 28); /* reserved bits and opcode */
    peer_wait_end(peer);
}

static void test_garbage_ends_the_connection(void **state)
{
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, break_protocol, NULL);
    struct sky_websocket *websocket = open_server(server);
    expect_open(websocket);
    expect_message(websocket, "good");
    expect_end(websocket, SKY_WEBSOCKET_END_LOST);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void stay_silent(struct peer *peer, void *context)
{
    assert(peer_accept(peer));
    peer_wait_end(peer); /* reads pings, answers none */
}

static void test_silence_without_pongs_is_death(void **state)
{
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, stay_silent, NULL);
    struct sky_websocket *websocket = open_server(server);
    expect_open(websocket);
    expect_end(websocket, SKY_WEBSOCKET_END_DEAD);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void answer_pings(struct peer *peer, void *context)
{
    assert(peer_accept(peer));
    for (int pings = 0; pings < 12;) { /* four times as long as death takes */
        int opcode = peer_read_frame(peer, 2000);
        assert(opcode == WS_PING);
        pings++;
        peer_send_frame(peer, WS_FIN | WS_PONG, "", 0);
    }
    peer_send_binary(peer, "still here");
    peer_send_close(peer, 1000, "");
    peer_wait_end(peer);
}

static void test_silence_with_pongs_is_alive(void **state)
{
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, answer_pings, NULL);
    struct sky_websocket *websocket = open_server(server);
    expect_open(websocket);
    expect_message(websocket, "still here");
    expect_end(websocket, SKY_WEBSOCKET_END_CLOSED);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void send_too_much(struct peer *peer, void *context)
{
    static char block[40000];
    assert(peer_accept(peer));
    peer_send_frame(peer, WS_FIN | WS_BINARY, block, 100000 - 60000); /* allowed */
    peer_send_frame(peer, WS_BINARY, block, 40000);
    peer_send_frame(peer, WS_MORE, block, 40000);
    peer_send_frame(peer, WS_FIN | WS_MORE, block, 20001); /* together one over 100,000 */
    peer_wait_end(peer);
}

static void test_fragments_count_for_the_limit(void **state)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_websocket_event event;
    char url[64];
    scripted_server_start(server, send_too_much, NULL);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", server->port);
    struct sky_websocket_options options = quick_options(url);
    options.message_bytes_max = 100000;
    struct sky_websocket *websocket = open_options(&options);
    expect_open(websocket);
    assert_true(sky_websocket_next(websocket, PATIENCE_MS, &event));
    assert_int_equal(event.data.len, 40000);
    expect_end(websocket, SKY_WEBSOCKET_END_SIZE);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

/* The message that is too long goes on for a long time, as one frame and as many. */
static void never_end(struct peer *peer, void *context)
{
    static char block[1 << 20];
    bool in_one_frame = peer->number == 1;
    if (!peer_accept(peer))
        return;
    uint8_t head[10] = {WS_BINARY, 127, 0, 0, 0, 0, 0x40}; /* 1 GiB (RFC 6455 section 5.2) */
    bool there = in_one_frame ? peer_send(peer, head, sizeof head) : peer_send_frame(peer, WS_BINARY, block, 1);
    for (int i = 0; i < 64 && there; i++)
        there =
            in_one_frame ? peer_send(peer, block, sizeof block) : peer_send_frame(peer, WS_MORE, block, sizeof block);
}

static void test_message_without_end_ends_the_connection(void **state)
{
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, never_end, NULL);
    for (int connections = 0; connections < 2; connections++) {
        struct sky_websocket *websocket = open_server(server);
        expect_open(websocket);
        expect_end(websocket, SKY_WEBSOCKET_END_SIZE);
        sky_websocket_close(websocket);
    }
    scripted_server_stop(server);
}

#define FLOOD_MESSAGES 3000
#define FLOOD_BYTES    8000

static void flood(struct peer *peer, void *context)
{
    static char block[FLOOD_BYTES];
    atomic_int *sent = context;
    if (!peer_accept(peer))
        return;
    for (int i = 0; i < FLOOD_MESSAGES; i++) {
        memcpy(block, &i, sizeof i);
        if (!peer_send_frame(peer, WS_FIN | WS_BINARY, block, sizeof block))
            return;
        atomic_fetch_add(sent, 1);
    }
    peer_send_close(peer, 1000, "done");
    peer_wait_end(peer);
}

/* 24 MB through a queue of 1 MB: the sender must wait, nothing may be lost, the connection must not count as dead. */
static void test_slow_consumer_slows_the_sender(void **state)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_websocket_event event;
    atomic_int sent = 0;
    char url[64];
    scripted_server_start(server, flood, &sent);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", server->port);
    struct sky_websocket_options options = quick_options(url);
    options.queue_bytes = 1 << 20;
    options.message_bytes_max = 100000;
    struct sky_websocket *websocket = open_options(&options);
    expect_open(websocket);
    usleep(1000 * 1000); /* over three times as long as death takes */
    assert_true(atomic_load(&sent) < FLOOD_MESSAGES);
    assert_true(sky_websocket_queued_bytes(websocket) <= 1 << 20);
    for (int i = 0; i < FLOOD_MESSAGES; i++) {
        int number;
        assert_true(sky_websocket_next(websocket, PATIENCE_MS, &event));
        assert_int_equal(event.kind, SKY_WEBSOCKET_MESSAGE);
        assert_int_equal(event.data.len, FLOOD_BYTES);
        memcpy(&number, event.data.ptr, sizeof number);
        assert_int_equal(number, i);
    }
    expect_end(websocket, SKY_WEBSOCKET_END_CLOSED);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void answer_with(struct peer *peer, void *context)
{
    if (peer_read_request(peer))
        peer_send_text(peer, context);
    peer_wait_end(peer);
}

static struct sky_websocket_closed end_of_answer(const char *answer, enum sky_websocket_end end)
{
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, answer_with, (void *)(uintptr_t)answer);
    struct sky_websocket *websocket = open_server(server);
    struct sky_websocket_closed closed = expect_end(websocket, end);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
    return closed;
}

static void test_http_answers(void **state)
{
    struct sky_websocket_closed closed =
        end_of_answer("HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", SKY_WEBSOCKET_END_STATUS);
    assert_int_equal(closed.http_status, 503);
    assert_int_equal(closed.retry_after_ms, 17000);
    closed = end_of_answer("HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
                           SKY_WEBSOCKET_END_STATUS);
    assert_int_equal(closed.http_status, 429);
    assert_int_equal(closed.retry_after_ms, 600000); /* ten minutes at most */
    closed = end_of_answer("HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n", SKY_WEBSOCKET_END_STATUS);
    assert_int_equal(closed.http_status, 501);
    assert_int_equal(closed.retry_after_ms, -1);
    end_of_answer("SSH-2.0-OpenSSH_9.2\r\n\r\n", SKY_WEBSOCKET_END_TIMEOUT); /* no HTTP: nothing more to wait for */
    end_of_answer("", SKY_WEBSOCKET_END_TIMEOUT);
}

static void accept_late(struct peer *peer, void *context)
{
    if (peer->number == 1) {
        usleep(6000 * 1000);
        assert(peer_accept(peer));
        peer_send_binary(peer, "at last");
    }
    peer_wait_end(peer);
}

/* The time to connect is what the options say, to both sides. */
static void test_slow_handshake(void **state)
{
    struct scripted_server *server = scripted_server_new();
    char url[64];
    scripted_server_start(server, accept_late, NULL);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", server->port);
    struct sky_websocket_options options = quick_options(url);
    struct sky_websocket *websocket = open_options(&options);
    expect_end(websocket, SKY_WEBSOCKET_END_TIMEOUT);
    sky_websocket_close(websocket);
    options.connect_timeout_ms = 60000;
    websocket = open_options(&options);
    expect_open(websocket);
    expect_message(websocket, "at last");
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void test_wrong_accept_key_is_refused(void **state)
{
    end_of_answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", /* of RFC 6455's own example key */
                  SKY_WEBSOCKET_END_CONNECT);
}

struct redirects {
    int count; /* so many times, then an upgrade */
    const char *to;
};

static void redirect(struct peer *peer, void *context)
{
    const struct redirects *redirects = context;
    char answer[512];
    if (!peer_read_request(peer))
        return;
    if (peer->number >= redirects->count) {
        peer_upgrade(peer);
        peer_send_binary(peer, "arrived");
        peer_send_close(peer, 1000, "");
    } else {
        snprintf(answer, sizeof answer, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                 redirects->to);
        peer_send_text(peer, answer);
    }
    peer_wait_end(peer);
}

static struct sky_websocket *open_redirects(struct scripted_server *server, struct redirects *redirects)
{
    scripted_server_start(server, redirect, redirects);
    return open_server(server);
}

static void test_three_redirects_are_followed(void **state)
{
    struct scripted_server *server = scripted_server_new();
    struct redirects redirects = {3, "/elsewhere"};
    struct sky_websocket *websocket = open_redirects(server, &redirects);
    expect_open(websocket);
    expect_message(websocket, "arrived");
    expect_end(websocket, SKY_WEBSOCKET_END_CLOSED);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void expect_redirect_refused(int count, const char *to)
{
    struct scripted_server *server = scripted_server_new();
    struct redirects redirects = {count, to};
    struct sky_websocket *websocket = open_redirects(server, &redirects);
    expect_end(websocket, SKY_WEBSOCKET_END_REDIRECT);
    sky_websocket_close(websocket);
    scripted_server_stop(server);
}

static void test_redirects_refused(void **state)
{
    expect_redirect_refused(4, "/elsewhere");
    expect_redirect_refused(1, "wss://10.0.0.1/");      /* private */
    expect_redirect_refused(1, "wss://[::1]:9/");       /* private, and not the host asked for */
    expect_redirect_refused(1, "wss://169.254.1.1:9/"); /* link-local: cloud metadata */
    expect_redirect_refused(1, "ws://example.com/");    /* not encrypted */
    expect_redirect_refused(1, "ftp://example.com/");
}

static void test_refused_and_unknown(void **state)
{
    struct scripted_server *server = scripted_server_new();
    char url[64];
    scripted_server_start(server, stay_silent, NULL);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", server->port);
    scripted_server_stop(server); /* the port is free now */
    struct sky_websocket_options options = quick_options(url);
    struct sky_websocket *websocket = open_options(&options);
    expect_end(websocket, SKY_WEBSOCKET_END_CONNECT);
    sky_websocket_close(websocket);

    options.url = "ws://example.com/";
    websocket = open_options(&options);
    expect_end(websocket, SKY_WEBSOCKET_END_URL); /* not encrypted, not this machine */
    sky_websocket_close(websocket);

    options.url = "wss://name.invalid/"; /* RFC 6761: never resolves */
    websocket = open_options(&options);
    struct sky_websocket_event event;
    assert_true(sky_websocket_next(websocket, PATIENCE_MS, &event));
    assert_int_equal(event.kind, SKY_WEBSOCKET_CLOSED);
    assert_true(event.closed.end == SKY_WEBSOCKET_END_NAME || event.closed.end == SKY_WEBSOCKET_END_TIMEOUT);
    sky_websocket_close(websocket);
}

static void greet(struct peer *peer, void *context)
{
    if (!peer_accept(peer))
        return;
    peer_send_binary(peer, "secret");
    peer_wait_end(peer);
}

/* A TLS server with a certificate for `name`, asked for as localhost. */
static struct sky_websocket *open_tls(struct scripted_server *server, const char *name, bool trust)
{
    static char file[] = "/tmp/websocket_test_XXXXXX";
    char url[64];
    strcpy(file + sizeof file - 7, "XXXXXX");
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    scripted_server_use_tls(server, name, file);
    scripted_server_start(server, greet, NULL);
    snprintf(url, sizeof url, "wss://localhost:%u/", server->port);
    struct sky_websocket_options options = quick_options(url);
    options.ca_file = trust ? file : NULL;
    struct sky_websocket *websocket = open_options(&options);
    unlink(file); /* read by then: the context is made in open */
    return websocket;
}

static void test_certificates(void **state)
{
    struct scripted_server *good = scripted_server_new(), *stranger = scripted_server_new(),
                           *impostor = scripted_server_new();
    struct sky_websocket *websocket = open_tls(good, "localhost", true);
    expect_open(websocket);
    expect_message(websocket, "secret");
    sky_websocket_close(websocket);
    scripted_server_stop(good);

    websocket = open_tls(stranger, "localhost", false); /* not signed by anyone known */
    expect_end(websocket, SKY_WEBSOCKET_END_CONNECT);
    sky_websocket_close(websocket);
    scripted_server_stop(stranger);

    websocket = open_tls(impostor, "example.com", true); /* trusted, but for another name */
    expect_end(websocket, SKY_WEBSOCKET_END_CONNECT);
    sky_websocket_close(websocket);
    scripted_server_stop(impostor);
}

/* In every state, and quickly. */
static void test_close_at_any_moment(void **state)
{
    for (int delay_ms = 0; delay_ms < 40; delay_ms += 4) {
        struct scripted_server *server = scripted_server_new();
        atomic_int sent = 0;
        scripted_server_start(server, flood, &sent);
        struct sky_websocket *websocket = open_server(server);
        usleep((useconds_t)delay_ms * 1000);
        sky_websocket_close(websocket);
        scripted_server_stop(server);
    }
    struct sky_websocket_options options = quick_options("wss://name.invalid/");
    sky_websocket_close(open_options(&options));
    sky_websocket_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_half_frame_is_not_delivered),
        cmocka_unit_test(test_garbage_ends_the_connection),
        cmocka_unit_test(test_silence_without_pongs_is_death),
        cmocka_unit_test(test_silence_with_pongs_is_alive),
        cmocka_unit_test(test_fragments_count_for_the_limit),
        cmocka_unit_test(test_message_without_end_ends_the_connection),
        cmocka_unit_test(test_slow_consumer_slows_the_sender),
        cmocka_unit_test(test_http_answers),
        cmocka_unit_test(test_slow_handshake),
        cmocka_unit_test(test_wrong_accept_key_is_refused),
        cmocka_unit_test(test_three_redirects_are_followed),
        cmocka_unit_test(test_redirects_refused),
        cmocka_unit_test(test_refused_and_unknown),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_close_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
