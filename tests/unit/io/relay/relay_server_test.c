/* The relay server from outside: a WebSocket client written here from RFC 6455, over a plain socket. */
#include "io/relay/relay_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/decoder.h"

#define PATH "/xrpc/com.atproto.sync.subscribeRepos"

struct running {
    struct sky_relay_server *server;
    pthread_t thread;
};

static void *serve(void *context)
{
    (void)!sky_relay_server_run(context);
    return NULL;
}

static void start(struct running *running, double speed, unsigned faults, uint64_t window_bytes)
{
    struct sky_relay_server_options options = {
        .speed = speed, .faults = faults, .window_bytes = window_bytes, .waits = window_bytes == 0};
    sky_world_options_default(&options.world);
    options.world.rate = 0.02;
    assert_int_equal(sky_relay_server_new(&options, &running->server), SKY_OK);
    assert_int_equal(pthread_create(&running->thread, NULL, serve, running->server), 0);
}

static void stop(struct running *running)
{
    sky_relay_server_stop(running->server);
    pthread_join(running->thread, NULL);
    sky_relay_server_free(running->server);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static bool receive(int fd, void *to, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t more = recv(fd, (char *)to + got, len - got, 0);
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

/* The answer's status code, its header read to the end. */
static int shake_hands(int fd, const char *path)
{
    char request[512], answer[4096];
    size_t len = 0;
    int status = 0;
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
             path);
    assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
    do {
        if (len + 1 >= sizeof answer || !receive(fd, answer + len, 1))
            return 0;
        answer[++len] = '\0';
    } while (len < 4 || strcmp(answer + len - 4, "\r\n\r\n") != 0);
    sscanf(answer, "HTTP/1.%*d %d", &status);
    return status;
}

/* One data message (opcode 2), into `message`; pings and fragments are put up with. 0: closed. */
static size_t read_message(int fd, uint8_t *message, size_t capacity)
{
    size_t len = 0;
    for (;;) {
        uint8_t head[2], longer[8];
        if (!receive(fd, head, 2))
            return 0;
        uint64_t size = head[1] & 127;
        assert_int_equal(head[1] & 128, 0); /* a server does not mask */
        if (size == 126 || size == 127) {
            size_t bytes = size == 126 ? 2 : 8;
            if (!receive(fd, longer, bytes))
                return 0;
            size = 0;
            for (size_t i = 0; i < bytes; i++)
                size = size << 8 | longer[i];
        }
        assert_true(len + size <= capacity);
        if (!receive(fd, message + len, size))
            return 0;
        if ((head[0] & 15) == 8)
            return 0;
        if ((head[0] & 15) > 8)
            continue;
        len += size;
        if (head[0] & 128)
            return len;
    }
}

struct client {
    int fd;
    struct sky_decoder *decoder;
    struct sky_decoded decoded;
    uint8_t message[1 << 16];
};

static struct client *open_client(uint16_t port, const char *query)
{
    const struct sky_decoder_options options = {.scope = SKY_DECODE_ALL_RECORDS};
    struct client *client = calloc(1, sizeof *client);
    char path[256];
    snprintf(path, sizeof path, PATH "%s", query);
    assert_non_null(client);
    client->fd = connect_to(port);
    assert_int_equal(shake_hands(client->fd, path), 101);
    assert_int_equal(sky_decoder_new(&options, &client->decoder), SKY_OK);
    return client;
}

static void close_client(struct client *client)
{
    close(client->fd);
    sky_decoder_free(client->decoder);
    free(client);
}

/* The next message decoded; false when the connection ended. */
static bool read_event(struct client *client, enum sky_status *status)
{
    size_t len = read_message(client->fd, client->message, sizeof client->message);
    if (len)
        *status =
            sky_decoder_frame(client->decoder, sky_span_of(client->message, len), SKY_RECEIPT_NONE, &client->decoded);
    return len > 0;
}

static void expect_seqs(struct client *client, int64_t from, int64_t to)
{
    for (int64_t seq = from; seq <= to; seq++) {
        enum sky_status status;
        assert_true(read_event(client, &status));
        assert_int_equal(status, SKY_OK);
        assert_int_equal(client->decoded.event->seq, seq);
    }
}

static void sends_every_frame_and_resumes_at_a_cursor(void **state)
{
    struct running running;
    start(&running, 0, 0, 0);
    uint16_t port = sky_relay_server_port(running.server);
    struct client *first = open_client(port, "");
    expect_seqs(first, 1, 3000);
    struct client *second = open_client(port, "?cursor=1234");
    expect_seqs(second, 1235, 2000);
    struct client *third = open_client(port, "?cursor=0");
    expect_seqs(third, 1, 100);
    close_client(third);
    close_client(second);
    expect_seqs(first, 3001, 4000);
    close_client(first);
    stop(&running);
}

static void tells_of_cursors_it_cannot_serve(void **state)
{
    struct running running;
    enum sky_status status;
    start(&running, 1000, 0, 200000); /* a window of some forty frames that waits for nobody */
    uint16_t port = sky_relay_server_port(running.server);
    struct client *future = open_client(port, "?cursor=999999999");
    assert_true(read_event(future, &status));
    assert_int_equal(future->decoded.event->kind, SKY_EVENT_ERROR);
    assert_true(sky_span_equal(future->decoded.event->name, SKY_SPAN("FutureCursor")));
    assert_false(read_event(future, &status));
    close_client(future);
    usleep(600000);
    struct client *late = open_client(port, "?cursor=1");
    assert_true(read_event(late, &status));
    assert_int_equal(late->decoded.event->kind, SKY_EVENT_INFO);
    assert_true(sky_span_equal(late->decoded.event->name, SKY_SPAN("OutdatedCursor")));
    assert_true(read_event(late, &status));
    assert_true(late->decoded.event->seq > 2);
    close_client(late);
    stop(&running);
}

static void refuses_other_requests(void **state)
{
    static const struct {
        const char *path;
        int status;
    } requests[] = {{"/", 404}, {"/xrpc/other", 404}, {PATH "?cursor=x", 400}, {PATH "?cursor=-1", 400}};
    struct running running;
    start(&running, 1, 0, 0);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        int fd = connect_to(sky_relay_server_port(running.server));
        assert_int_equal(shake_hands(fd, requests[i].path), requests[i].status);
        close(fd);
    }
    stop(&running);
}

/* Garbage and halves come between the frames and never in their place. */
static void loses_nothing_to_its_faults(void **state)
{
    struct running running;
    uint32_t bad = 0, cuts = 0;
    int64_t last = 0;
    start(&running, 0, SKY_RELAY_FAULT_GARBAGE | SKY_RELAY_FAULT_HALF_FRAME | SKY_RELAY_FAULT_DROP, 0);
    struct client *client = open_client(sky_relay_server_port(running.server), "");
    while (last < 20000) {
        enum sky_status status;
        char query[64];
        if (!read_event(client, &status)) {
            cuts++;
            close_client(client);
            snprintf(query, sizeof query, "?cursor=%lld", (long long)last);
            client = open_client(sky_relay_server_port(running.server), query);
        } else if (status != SKY_OK) {
            bad++;
        } else {
            assert_int_equal(client->decoded.event->seq, last + 1);
            last++;
        }
    }
    assert_true(bad > 20 && cuts > 0);
    close_client(client);
    stop(&running);
}

/* 60 times as fast as the clock: half a second is half a minute. */
static void keeps_the_pace(void **state)
{
    struct running running;
    enum sky_status status;
    struct timespec began, now;
    start(&running, 60, 0, 0);
    struct client *client = open_client(sky_relay_server_port(running.server), "");
    clock_gettime(CLOCK_MONOTONIC, &began);
    int64_t first_ms = 0, passed_ms = 0;
    do {
        assert_true(read_event(client, &status));
        if (!first_ms)
            first_ms = client->decoded.event_time_ms;
        clock_gettime(CLOCK_MONOTONIC, &now);
        passed_ms = (now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000;
    } while (client->decoded.event_time_ms - first_ms < 60000);
    assert_in_range(passed_ms, 700, 5000); /* one second on a machine at rest */
    close_client(client);
    stop(&running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_every_frame_and_resumes_at_a_cursor),
        cmocka_unit_test(tells_of_cursors_it_cannot_serve),
        cmocka_unit_test(refuses_other_requests),
        cmocka_unit_test(loses_nothing_to_its_faults),
        cmocka_unit_test(keeps_the_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
