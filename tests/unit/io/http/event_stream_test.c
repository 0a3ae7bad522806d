/* The bytes a client gets are those of the WHATWG HTML standard's section 9.2.6, written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/http/event_stream.h"

static int paused, woken;

static void pause_client(void *context)
{
    paused++;
}

static void wake_client(void *context)
{
    woken++;
}

static struct sky_event_stream *start(uint64_t first_id)
{
    struct sky_event_stream *stream;
    paused = woken = 0;
    assert_int_equal(sky_event_stream_new(first_id, wake_client, &stream), SKY_OK);
    return stream;
}

static void send(struct sky_event_stream *stream, const char *data)
{
    sky_event_stream_send(stream, "snapshot", sky_span_from_string(data));
}

/* Read all there is, `step` bytes at a time, and compare. */
static void expect(struct sky_event_client *client, size_t step, const char *expected, enum sky_status end)
{
    char out[4096];
    size_t len = 0, got = 0;
    enum sky_status status;
    while ((status = sky_event_client_read(client, out + got, step, &len, pause_client)) == SKY_OK)
        got += len;
    out[got] = '\0';
    assert_string_equal(out, expected);
    assert_int_equal(status, end);
}

static int greetings_made;

static void make_greeting(void *context, struct sky_buffer *greeting)
{
    const char *const *text = context;
    greetings_made++;
    sky_buffer_put_string(greeting, *text);
}

static void greet(struct sky_event_client *client, const char *text)
{
    assert_true(sky_event_client_greet(client, make_greeting, &text));
}

static void test_events_in_order(void **state)
{
    struct sky_event_stream *stream = start(7);
    bool resumed = true;
    send(stream, "{\"a\":1}"); /* before the client came */
    struct sky_event_client *client = sky_event_client_new(stream, 0, &resumed, NULL);
    assert_false(resumed);
    greet(client, "retry: 2000\n\n");
    send(stream, "{\"a\":2}");
    sky_event_stream_heartbeat(stream);
    send(stream, "{\"a\":3}");
    expect(client, 3,
           "retry: 2000\n\n"
           "id: 8\nevent: snapshot\ndata: {\"a\":2}\n\n"
           ": still here\n\n"
           "id: 9\nevent: snapshot\ndata: {\"a\":3}\n\n",
           SKY_E_MISSING);
    assert_int_equal(paused, 1);
    assert_int_equal(woken, 0);
    send(stream, "4");
    send(stream, "5");
    assert_int_equal(woken, 1); /* once: it is awake now */
    expect(client, 4096, "id: 10\nevent: snapshot\ndata: 4\n\nid: 11\nevent: snapshot\ndata: 5\n\n", SKY_E_MISSING);
    sky_event_client_free(client);
    sky_event_stream_free(stream);
}

static void test_resumes_behind_the_last_event(void **state)
{
    struct sky_event_stream *stream = start(1);
    bool resumed;
    send(stream, "1");
    send(stream, "2");
    send(stream, "3");
    struct sky_event_client *client = sky_event_client_new(stream, 2, &resumed, NULL);
    assert_true(resumed);
    expect(client, 4096, "id: 3\nevent: snapshot\ndata: 3\n\n", SKY_E_MISSING);
    struct sky_event_client *stranger = sky_event_client_new(stream, 99, &resumed, NULL);
    assert_false(resumed);
    expect(stranger, 4096, "", SKY_E_MISSING);
    sky_event_client_free(client);
    sky_event_client_free(stranger);
    sky_event_stream_free(stream);
}

static void test_drops_the_slow(void **state)
{
    struct sky_event_stream *stream = start(1);
    struct sky_event_stream_stats stats;
    bool resumed;
    char byte;
    size_t len;
    struct sky_event_client *slow = sky_event_client_new(stream, 0, &resumed, NULL);
    send(stream, "first");
    assert_int_equal(sky_event_client_read(slow, &byte, 1, &len, pause_client), SKY_OK);
    for (int i = 0; i < SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX - 1; i++)
        send(stream, "more");
    assert_int_equal(sky_event_client_read(slow, &byte, 1, &len, pause_client), SKY_OK); /* the ring still has it */
    send(stream, "one too many");
    assert_int_equal(sky_event_client_read(slow, &byte, 1, &len, pause_client), SKY_E_LIMIT);
    sky_event_stream_stats(stream, &stats);
    assert_int_equal(stats.dropped, 1);
    assert_int_equal(stats.clients, 1);
    assert_int_equal(stats.events, 1 + SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX);
    sky_event_client_free(slow);
    sky_event_stream_free(stream);
}

static void test_bounds_the_backlog_bytes(void **state)
{
    struct sky_event_stream *stream = start(1);
    size_t size = SKY_EVENT_STREAM_BACKLOG_BYTES_MAX / 4, len;
    char *large = malloc(size), byte;
    bool resumed;
    memset(large, 'x', size);
    struct sky_event_client *client = sky_event_client_new(stream, 0, &resumed, NULL);
    for (int i = 0; i < 4; i++) /* with the lines around them, four are more than the bound */
        sky_event_stream_send(stream, "snapshot", sky_span_of(large, size));
    assert_int_equal(sky_event_client_read(client, &byte, 1, &len, pause_client), SKY_E_LIMIT);
    sky_event_client_free(client);
    sky_event_stream_free(stream);
    free(large);
}

/* Many clients, one greeting; later ones share it while what came after it is less than it. */
static void test_shares_the_greeting(void **state)
{
    enum { CLIENTS = 50 };
    static const char all[] = ": all there is\n\n", small[] = "id: 1\nevent: snapshot\ndata: 1\n\n";
    static char greeting[512];
    char expected[sizeof greeting + sizeof small];
    struct sky_event_stream *stream = start(1);
    struct sky_event_client *clients[CLIENTS + 2];
    bool resumed;
    greetings_made = 0;
    for (size_t i = 0; i < 10; i++)
        memcpy(greeting + i * (sizeof all - 1), all, sizeof all);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = sky_event_client_new(stream, 0, &resumed, NULL);
        greet(clients[i], greeting);
    }
    send(stream, "1");
    clients[CLIENTS] = sky_event_client_new(stream, 0, &resumed, NULL);
    greet(clients[CLIENTS], greeting);
    assert_int_equal(greetings_made, 1);
    snprintf(expected, sizeof expected, "%s%s", greeting, small);
    for (int i = 0; i <= CLIENTS; i++)
        expect(clients[i], 7, expected, SKY_E_MISSING);
    for (int i = 0; i < 10; i++)
        send(stream, "much more than was told");
    clients[CLIENTS + 1] = sky_event_client_new(stream, 0, &resumed, NULL);
    greet(clients[CLIENTS + 1], ": now\n\n");
    assert_int_equal(greetings_made, 2);
    expect(clients[CLIENTS + 1], 7, ": now\n\n", SKY_E_MISSING);
    for (int i = 0; i < CLIENTS + 2; i++)
        sky_event_client_free(clients[i]);
    sky_event_stream_free(stream);
}

/* One that never reads what it is told first is as slow as any other; it is known without its reading. */
static void test_drops_who_does_not_take_the_greeting(void **state)
{
    struct sky_event_stream *stream = start(1);
    struct sky_event_stream_stats stats;
    bool resumed;
    char byte;
    size_t len;
    struct sky_event_client *slow = sky_event_client_new(stream, 0, &resumed, NULL);
    greet(slow, ": hello\n\n");
    assert_int_equal(sky_event_client_read(slow, &byte, 1, &len, pause_client), SKY_OK);
    for (int i = 0; i < SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX; i++)
        send(stream, "more");
    sky_event_stream_stats(stream, &stats);
    assert_int_equal(stats.dropped, 0);
    send(stream, "one too many");
    sky_event_stream_stats(stream, &stats);
    assert_int_equal(stats.dropped, 1);
    assert_int_equal(sky_event_client_read(slow, &byte, 1, &len, pause_client), SKY_E_LIMIT);
    sky_event_client_free(slow);
    sky_event_stream_free(stream);
}

struct rush {
    struct sky_event_stream *stream;
    int events;
};

/* Events that are sent while the greeting is made. */
static void make_in_a_rush(void *context, struct sky_buffer *greeting)
{
    const struct rush *rush = context;
    for (int i = 0; i < rush->events; i++)
        send(rush->stream, "more");
    sky_buffer_put_string(greeting, ": hello\n\n");
}

/* A client begins at the end of what was sent before its greeting was asked for: what is dropped before that is none of
 * its events. */
static void test_keeps_who_is_greeted(void **state)
{
    static const struct {
        int events;
        enum sky_status status;
    } cases[] = {{SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX, SKY_OK}, {SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX + 1, SKY_E_LIMIT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sky_event_stream *stream = start(1);
        struct sky_event_stream_stats stats;
        struct rush rush = {stream, cases[i].events};
        bool resumed;
        char byte;
        size_t len;
        struct sky_event_client *client = sky_event_client_new(stream, 0, &resumed, NULL);
        send(stream, "before the greeting");
        assert_true(sky_event_client_greet(client, make_in_a_rush, &rush));
        assert_int_equal(sky_event_client_read(client, &byte, 1, &len, pause_client), cases[i].status);
        sky_event_stream_stats(stream, &stats);
        assert_int_equal(stats.dropped, cases[i].status == SKY_E_LIMIT);
        sky_event_client_free(client);
        sky_event_stream_free(stream);
    }
}

/* Five and six MiB: two greetings and an event are within the bound of 16 MiB less a few bytes, no event more is. */
static void test_bounds_the_greetings(void **state)
{
    static char greeting[5 * 1024 * 1024], event[6 * 1024 * 1024 - 1024];
    struct sky_event_stream *stream = start(1);
    struct sky_event_stream_stats stats;
    bool resumed;
    memset(greeting, 'x', sizeof greeting - 1);
    memset(event, 'x', sizeof event);
    struct sky_event_client *first = sky_event_client_new(stream, 0, &resumed, NULL);
    greet(first, greeting);
    sky_event_stream_send(stream, "snapshot", sky_span_of(event, sizeof event));
    struct sky_event_client *second = sky_event_client_new(stream, 0, &resumed, NULL);
    greet(second, greeting);
    sky_event_stream_stats(stream, &stats);
    assert_int_equal(stats.dropped, 0);
    sky_event_stream_send(stream, "snapshot", sky_span_of(event, sizeof event));
    sky_event_stream_stats(stream, &stats);
    assert_int_equal(stats.dropped, 1);
    char byte;
    size_t len;
    assert_int_equal(sky_event_client_read(first, &byte, 1, &len, pause_client), SKY_E_LIMIT);
    assert_int_equal(sky_event_client_read(second, &byte, 1, &len, pause_client), SKY_OK);
    sky_event_client_free(first);
    sky_event_client_free(second);
    sky_event_stream_free(stream);
}

static void test_ends(void **state)
{
    struct sky_event_stream *stream = start(1);
    bool resumed;
    struct sky_event_client *client = sky_event_client_new(stream, 0, &resumed, NULL);
    expect(client, 10, "", SKY_E_MISSING);
    sky_event_stream_finish(stream);
    assert_int_equal(woken, 1);
    expect(client, 10, "", SKY_E_END);
    sky_event_client_free(client);
    sky_event_stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_in_order),      cmocka_unit_test(test_resumes_behind_the_last_event),
        cmocka_unit_test(test_drops_the_slow),       cmocka_unit_test(test_bounds_the_backlog_bytes),
        cmocka_unit_test(test_shares_the_greeting),  cmocka_unit_test(test_drops_who_does_not_take_the_greeting),
        cmocka_unit_test(test_bounds_the_greetings), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_keeps_who_is_greeted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
