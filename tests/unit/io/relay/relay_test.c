/* The source's policy against a scripted network in virtual time: no socket, no waiting, every step seen.
 * (The connection itself is tested in websocket_test.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/relay/relay.h"

#define SCRIPT_MAX 400
#define T0         INT64_C(1790000000000) /* an instant of the stream */

/* One thing that the network does; `open` begins the script of the next connection. */
enum step_kind { STEP_OPEN, STEP_MESSAGE, STEP_CLOSED };

struct step {
    enum step_kind kind;
    struct sky_websocket_closed closed;
    const uint8_t *data; /* a message of a probe: it is decoded by the relay itself */
    size_t len;
};

struct network {
    struct step steps[SCRIPT_MAX];
    size_t steps_count;
    size_t at;
    int64_t now_ms;
    uint64_t random;
    char urls[64][400]; /* asked for, in order */
    size_t urls_count;
    int64_t opened_ms[64];
    int open_connections;
};

static int64_t network_now(void *context)
{
    return ((struct network *)context)->now_ms;
}

static uint64_t network_random(void *context)
{
    return ((struct network *)context)->random;
}

static void network_sleep(void *context, int ms)
{
    ((struct network *)context)->now_ms += ms;
}

static enum sky_status network_open(void *context, const struct sky_websocket_options *options, void **connection)
{
    struct network *network = context;
    assert_true(network->urls_count < 64);
    network->opened_ms[network->urls_count] = network->now_ms;
    snprintf(network->urls[network->urls_count++], sizeof network->urls[0], "%s", options->url);
    network->open_connections++;
    *connection = network;
    return SKY_OK;
}

static bool network_next(void *connection, int timeout_ms, struct sky_websocket_event *event)
{
    struct network *network = connection;
    if (network->at == network->steps_count) {
        network->now_ms += timeout_ms;
        return false;
    }
    const struct step *step = &network->steps[network->at++];
    *event = (struct sky_websocket_event){.receipt_ms = T0};
    switch (step->kind) {
    case STEP_OPEN: event->kind = SKY_WEBSOCKET_OPEN; break;
    case STEP_MESSAGE:
        event->kind = SKY_WEBSOCKET_MESSAGE;
        event->data = step->data ? sky_span_of(step->data, step->len) : SKY_SPAN("frame");
        break;
    case STEP_CLOSED:
        event->kind = SKY_WEBSOCKET_CLOSED;
        event->closed = step->closed;
        break;
    }
    return true;
}

static void network_close(void *connection)
{
    ((struct network *)connection)->open_connections--;
}

static void add_step(struct network *network, enum step_kind kind)
{
    assert_true(network->steps_count < SCRIPT_MAX);
    network->steps[network->steps_count++] = (struct step){.kind = kind};
}

static void add_end(struct network *network, enum sky_websocket_end end, int http_status, int64_t retry_after_ms)
{
    add_step(network, STEP_CLOSED);
    network->steps[network->steps_count - 1].closed = (struct sky_websocket_closed){
        .end = end, .http_status = http_status, .retry_after_ms = retry_after_ms, .detail = "told so"};
}

static void add_lost(struct network *network)
{
    add_end(network, SKY_WEBSOCKET_END_LOST, 0, -1);
}

static void add_messages(struct network *network, int count)
{
    add_step(network, STEP_OPEN);
    for (int i = 0; i < count; i++)
        add_step(network, STEP_MESSAGE);
}

struct fixture {
    struct network network;
    struct sky_relay_options options;
    struct sky_relay *relay;
    struct sky_event event;
    struct sky_decoded decoded;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    sky_relay_options_default(&f->options);
    f->network.random = UINT64_MAX; /* of full jitter; see expect_delay */
    f->network.now_ms = 1000000;
    f->options.urls = "wss://a.example,wss://b.example";
    f->options.environment = (struct sky_relay_environment){.now_ms = network_now,
                                                            .random = network_random,
                                                            .sleep = network_sleep,
                                                            .open = network_open,
                                                            .next = network_next,
                                                            .close = network_close,
                                                            .context = &f->network};
    f->decoded.event = &f->event;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sky_relay_free(f->relay);
    assert_int_equal(f->network.open_connections, 0);
    free(f);
    return 0;
}

static void start(struct fixture *f)
{
    assert_int_equal(sky_relay_new(&f->options, &f->relay), SKY_OK);
}

/* The next item that is something, within a virtual minute or two. */
static struct sky_relay_item next_item(struct fixture *f)
{
    struct sky_relay_item item;
    for (int i = 0; i < 2000; i++) {
        sky_relay_next(f->relay, 100, &item);
        if (item.kind != SKY_RELAY_NOTHING)
            return item;
    }
    fail_msg("nothing happened");
    return item;
}

static struct sky_relay_item expect_item(struct fixture *f, enum sky_relay_item_kind kind)
{
    struct sky_relay_item item = next_item(f);
    if (item.kind != kind)
        fail_msg("item %d (%s), not %d", (int)item.kind, item.reason ? item.reason : "", (int)kind);
    return item;
}

static bool judge(struct fixture *f, enum sky_status status, int64_t seq, int64_t time_ms)
{
    f->event.kind = SKY_EVENT_COMMIT;
    f->event.seq = seq;
    f->event.time_us = time_ms * 1000;
    f->decoded.has_time = status == SKY_OK;
    f->decoded.observed_at_ms = time_ms;
    return sky_relay_judge(f->relay, status, &f->decoded);
}

static void expect_good(struct fixture *f, int64_t seq, int64_t time_ms)
{
    expect_item(f, SKY_RELAY_MESSAGE);
    assert_true(judge(f, SKY_OK, seq, time_ms));
    sky_relay_complete(f->relay);
}

static void expect_url(const struct fixture *f, size_t i, const char *url)
{
    assert_true(i < f->network.urls_count);
    assert_string_equal(f->network.urls[i], url);
}

static struct sky_relay_status status_of(struct fixture *f)
{
    struct sky_relay_status status;
    sky_relay_status(f->relay, &status);
    return status;
}

static void expect_seqs(struct fixture *f, uint64_t seen, uint64_t expected)
{
    assert_int_equal(status_of(f).seqs_seen, seen);
    assert_int_equal(status_of(f).seqs_expected, expected);
}

#define PATH "/xrpc/com.atproto.sync.subscribeRepos"

static void test_goes_on_after_the_last_seq(void **state)
{
    struct fixture *f = *state;
    add_messages(&f->network, 2);
    add_lost(&f->network);
    add_messages(&f->network, 2);
    start(f);
    assert_int_equal(status_of(f).state, SKY_RELAY_WAITING);
    expect_item(f, SKY_RELAY_CONNECTED);
    assert_int_equal(status_of(f).state, SKY_RELAY_SILENT);
    expect_good(f, 41, T0);
    expect_good(f, 45, T0 + 10); /* gaps in seq are legal */
    assert_int_equal(status_of(f).state, SKY_RELAY_STREAMING);
    struct sky_relay_item item = expect_item(f, SKY_RELAY_DISCONNECTED);
    assert_string_equal(item.host, "a.example");
    assert_string_equal(item.reason, "a.example: told so");
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_item(f, SKY_RELAY_MESSAGE);
    assert_false(judge(f, SKY_OK, 45, T0 + 10)); /* a relay that counts the cursor in */
    expect_good(f, 46, T0 + 20);
    expect_url(f, 0, "wss://a.example" PATH);
    expect_url(f, 1, "wss://a.example" PATH "?cursor=45");
    assert_int_equal(status_of(f).completed, 46);
    assert_int_equal(status_of(f).repeated, 1);
    expect_seqs(f, 3, 6); /* 41, 45 and 46 of 41 to 46 */
}

/* Random numbers are chosen so that full jitter gives its bound: 1 s, 2 s, ... 60 s. */
static void expect_delay(struct fixture *f, int64_t bound_ms)
{
    f->network.random = (uint64_t)bound_ms;
    struct sky_relay_item item = expect_item(f, SKY_RELAY_DISCONNECTED);
    assert_int_equal(item.retry_ms, bound_ms);
    int64_t from = f->network.now_ms;
    size_t attempts = f->network.urls_count;
    while (f->network.urls_count == attempts) {
        struct sky_relay_item nothing;
        sky_relay_next(f->relay, 100, &nothing);
        assert_int_equal(nothing.kind, SKY_RELAY_NOTHING);
    }
    assert_int_equal(f->network.opened_ms[attempts] - from, bound_ms);
}

static void test_backoff_doubles_to_a_minute(void **state)
{
    static const int bounds_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct fixture *f = *state;
    f->options.urls = "wss://a.example";
    for (size_t i = 0; i < sizeof bounds_ms / sizeof bounds_ms[0]; i++)
        add_end(&f->network, SKY_WEBSOCKET_END_CONNECT, 0, -1);
    start(f);
    for (size_t i = 0; i < sizeof bounds_ms / sizeof bounds_ms[0]; i++)
        expect_delay(f, bounds_ms[i]);
}

static void test_backoff_is_reset_by_a_minute_of_data(void **state)
{
    struct fixture *f = *state;
    f->options.urls = "wss://a.example";
    add_end(&f->network, SKY_WEBSOCKET_END_CONNECT, 0, -1);
    add_end(&f->network, SKY_WEBSOCKET_END_CONNECT, 0, -1);
    add_messages(&f->network, 2);
    add_lost(&f->network);
    add_messages(&f->network, 2);
    add_lost(&f->network);
    start(f);
    expect_delay(f, 1000);
    expect_delay(f, 2000);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 1, T0);
    f->network.now_ms += 59000;
    expect_good(f, 2, T0 + 100);
    expect_delay(f, 4000); /* a second too early */
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 3, T0 + 200);
    f->network.now_ms += 60000;
    expect_good(f, 4, T0 + 300);
    expect_delay(f, 1000);
}

static void test_jitter_is_within_its_bound(void **state)
{
    struct fixture *f = *state;
    f->options.urls = "wss://a.example";
    for (int i = 0; i < 50; i++)
        add_end(&f->network, SKY_WEBSOCKET_END_CONNECT, 0, -1);
    start(f);
    int64_t smallest = INT64_MAX, largest = 0;
    for (int i = 0; i < 50; i++) {
        f->network.random = f->network.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t retry_ms = expect_item(f, SKY_RELAY_DISCONNECTED).retry_ms;
        smallest = retry_ms < smallest ? retry_ms : smallest;
        largest = retry_ms > largest ? retry_ms : largest;
    }
    assert_true(smallest >= 0 && smallest < 5000);
    assert_true(largest > 40000 && largest <= 60000);
}

static void test_retry_after_is_honoured(void **state)
{
    struct fixture *f = *state;
    f->options.urls = "wss://a.example";
    f->network.random = 0;
    add_end(&f->network, SKY_WEBSOCKET_END_STATUS, 429, 90000);
    start(f);
    assert_int_equal(expect_item(f, SKY_RELAY_DISCONNECTED).retry_ms, 90000);
    assert_int_equal(status_of(f).retry_ms, 90000);
}

/* With others in the list too: one is asked at once, but none before the time it named. */
static void test_retry_after_is_honoured_among_several(void **state)
{
    struct fixture *f = *state;
    f->network.random = 0;
    int64_t from_ms = f->network.now_ms;
    add_end(&f->network, SKY_WEBSOCKET_END_STATUS, 429, 90000);
    add_end(&f->network, SKY_WEBSOCKET_END_STATUS, 503, 30000);
    add_end(&f->network, SKY_WEBSOCKET_END_STATUS, 503, 120000);
    add_messages(&f->network, 1);
    start(f);
    assert_int_equal(expect_item(f, SKY_RELAY_DISCONNECTED).retry_ms, 0);
    assert_int_equal(expect_item(f, SKY_RELAY_DISCONNECTED).retry_ms, 30000);
    assert_int_equal(expect_item(f, SKY_RELAY_DISCONNECTED).retry_ms, 60000);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 0, "wss://a.example" PATH);
    expect_url(f, 1, "wss://b.example" PATH);
    expect_url(f, 2, "wss://b.example" PATH);
    expect_url(f, 3, "wss://a.example" PATH);
    assert_true(f->network.opened_ms[2] - from_ms >= 30000);
    assert_true(f->network.opened_ms[3] - from_ms >= 90000);
}

/* A relay that says nothing but that it cannot serve has failed, and gives no data. */
static void test_error_frames_are_failures(void **state)
{
    struct fixture *f = *state;
    f->network.random = 0;
    add_messages(&f->network, 1);
    for (int i = 0; i < 3; i++) {
        add_lost(&f->network);
        if (i < 2)
            add_messages(&f->network, 1);
    }
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 41, T0);
    for (int i = 0; i < 2; i++) {
        expect_item(f, SKY_RELAY_DISCONNECTED);
        expect_item(f, SKY_RELAY_CONNECTED);
        expect_item(f, SKY_RELAY_MESSAGE);
        f->event = (struct sky_event){.kind = SKY_EVENT_ERROR, .name = SKY_SPAN("InternalError")};
        f->decoded.has_time = false;
        assert_true(sky_relay_judge(f->relay, SKY_OK, &f->decoded));
        assert_int_equal(status_of(f).state, SKY_RELAY_SILENT);
    }
    expect_item(f, SKY_RELAY_DISCONNECTED); /* the third failure at a */
    assert_int_equal(status_of(f).failovers, 1);
}

static void test_501_is_fatal(void **state)
{
    struct fixture *f = *state;
    add_end(&f->network, SKY_WEBSOCKET_END_STATUS, 501, -1);
    add_end(&f->network, SKY_WEBSOCKET_END_STATUS, 501, -1);
    start(f);
    expect_item(f, SKY_RELAY_DISCONNECTED); /* the other one may still serve */
    expect_item(f, SKY_RELAY_FAILED);
    expect_item(f, SKY_RELAY_FAILED);
    assert_int_equal(status_of(f).state, SKY_RELAY_STOPPED);
    assert_int_equal(f->network.urls_count, 2);
}

static void test_all_relays_are_tried_at_once_at_the_start(void **state)
{
    struct fixture *f = *state;
    f->options.urls = "wss://a.example, wss://b.example, wss://c.example";
    for (int i = 0; i < 3; i++)
        add_end(&f->network, SKY_WEBSOCKET_END_NAME, 0, -1);
    add_messages(&f->network, 1);
    start(f);
    for (int i = 0; i < 3; i++)
        expect_item(f, SKY_RELAY_DISCONNECTED);
    assert_false(status_of(f).ever_received);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 1, "wss://b.example" PATH);
    expect_url(f, 2, "wss://c.example" PATH);
    expect_url(f, 3, "wss://a.example" PATH);
    assert_int_equal(f->network.opened_ms[2], f->network.opened_ms[0]);
    assert_true(f->network.opened_ms[3] > f->network.opened_ms[2]);
    assert_int_equal(status_of(f).ends[SKY_WEBSOCKET_END_NAME], 3);
}

static void test_future_cursor_told(void **state)
{
    struct fixture *f = *state;
    f->options.cursor = 500;
    add_messages(&f->network, 1);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 0, "wss://a.example" PATH "?cursor=500");
    expect_item(f, SKY_RELAY_MESSAGE);
    f->event.kind = SKY_EVENT_ERROR;
    f->event.name = SKY_SPAN("FutureCursor");
    assert_false(sky_relay_judge(f->relay, SKY_OK, &f->decoded));
    struct sky_relay_item item = expect_item(f, SKY_RELAY_FAILED);
    assert_non_null(strstr(item.reason, "500"));
    assert_non_null(strstr(item.reason, "--reset-cursor"));
}

static void test_future_cursor_not_told(void **state)
{
    struct fixture *f = *state;
    f->options.cursor = 500;
    add_messages(&f->network, 1);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_item(f, SKY_RELAY_MESSAGE);
    assert_false(judge(f, SKY_OK, 7, T0));
    expect_item(f, SKY_RELAY_FAILED);
    assert_int_equal(status_of(f).completed, 500); /* nothing was forgotten */
}

static void test_reset_cursor_goes_on_from_now(void **state)
{
    struct fixture *f = *state;
    f->options.cursor = 500;
    f->options.reset_cursor = true;
    add_messages(&f->network, 1);
    add_messages(&f->network, 1);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_item(f, SKY_RELAY_MESSAGE);
    assert_false(judge(f, SKY_OK, 7, T0));
    expect_item(f, SKY_RELAY_GAP);
    expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 1, "wss://a.example" PATH);
    expect_good(f, 9, T0);
    assert_int_equal(status_of(f).completed, 9);
    expect_seqs(f, 1, 1);
}

static void test_gaps_are_reported(void **state)
{
    struct fixture *f = *state;
    add_messages(&f->network, 1);
    add_lost(&f->network);
    add_messages(&f->network, 1);
    add_lost(&f->network);
    add_messages(&f->network, 1);
    add_lost(&f->network);
    add_messages(&f->network, 2);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 1, T0);
    expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 2, T0 + 5000); /* not more than 5 s: no gap */
    expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 3, T0 + 10001);
    struct sky_relay_item gap = expect_item(f, SKY_RELAY_GAP);
    assert_int_equal(gap.from_ms, T0 + 5000);
    assert_int_equal(gap.to_ms, T0 + 10001);
    expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_item(f, SKY_RELAY_MESSAGE);
    f->event.kind = SKY_EVENT_INFO;
    f->event.seq = 0;
    f->event.name = SKY_SPAN("OutdatedCursor");
    f->decoded.has_time = false;
    assert_true(sky_relay_judge(f->relay, SKY_OK, &f->decoded));
    expect_good(f, 900, T0 + 10500);
    expect_item(f, SKY_RELAY_GAP); /* told, so whatever its length */
    assert_int_equal(status_of(f).gaps, 2);
}

static void bad_run(struct fixture *f)
{
    expect_item(f, SKY_RELAY_CONNECTED);
    for (int i = 0; i < SKY_RELAY_BAD_RUN_MAX; i++) {
        expect_item(f, SKY_RELAY_MESSAGE);
        assert_false(judge(f, SKY_E_MALFORMED, 0, 0));
        sky_relay_complete(f->relay);
    }
}

static void test_fifty_bad_messages_reconnect_then_pass_over(void **state)
{
    struct fixture *f = *state;
    f->options.urls = "wss://a.example";
    f->options.cursor = 100;
    for (int i = 0; i < 2; i++)
        add_messages(&f->network, SKY_RELAY_BAD_RUN_MAX);
    add_messages(&f->network, 1);
    start(f);
    bad_run(f);
    expect_item(f, SKY_RELAY_DISCONNECTED);
    bad_run(f); /* the same run at the same place */
    expect_item(f, SKY_RELAY_GAP);
    expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 1, "wss://a.example" PATH "?cursor=100");
    expect_url(f, 2, "wss://a.example" PATH);
    expect_good(f, 5000, T0);
    assert_int_equal(status_of(f).bad, 2 * SKY_RELAY_BAD_RUN_MAX);
}

/* Bad messages among good ones never end anything, and do not move the cursor: they are asked for again. */
static void test_bad_messages_among_good_ones(void **state)
{
    struct fixture *f = *state;
    add_messages(&f->network, 200);
    add_lost(&f->network);
    add_messages(&f->network, 0);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    for (int i = 0; i < 100; i++) {
        expect_good(f, 10 + 2 * i, T0 + i);
        expect_item(f, SKY_RELAY_MESSAGE);
        assert_false(judge(f, SKY_E_MALFORMED, i % 2 ? 11 + 2 * i : INT64_MAX, 0)); /* one is nonsense */
    }
    expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 1, "wss://a.example" PATH "?cursor=208");
}

static void test_jetstream_goes_back_five_seconds(void **state)
{
    struct fixture *f = *state;
    f->options.kind = SKY_RELAY_JETSTREAM;
    add_messages(&f->network, 2);
    add_lost(&f->network);
    add_messages(&f->network, 0);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    assert_true(expect_item(f, SKY_RELAY_MESSAGE).is_line);
    assert_true(judge(f, SKY_OK, 0, T0 + 3));
    expect_item(f, SKY_RELAY_MESSAGE);
    assert_true(judge(f, SKY_OK, 0, T0)); /* not in order */
    expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 0, "wss://a.example/subscribe?wantedCollections=app.bsky.feed.post");
    char url[200];
    snprintf(url, sizeof url, "wss://a.example/subscribe?wantedCollections=app.bsky.feed.post&cursor=%lld",
             (long long)(T0 + 3 - 5000) * 1000);
    expect_url(f, 1, url);
}

/* What is saved is the completed cursor, and a relay that left the list leaves nothing behind. */
static void test_save_and_load(void **state)
{
    struct fixture *f = *state;
    struct sky_buffer saved = {0};
    struct sky_reader reader;
    add_messages(&f->network, 2);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 70, T0);
    expect_item(f, SKY_RELAY_MESSAGE);
    assert_true(judge(f, SKY_OK, 71, T0 + 1)); /* received, not completed */
    sky_relay_save(f->relay, &saved);
    sky_relay_free(f->relay);

    f->options.urls = "wss://b.example,wss://a.example"; /* in another order */
    start(f);
    sky_reader_init(&reader, sky_buffer_span(&saved));
    assert_int_equal(sky_relay_load(f->relay, &reader), SKY_OK);
    assert_int_equal(reader.offset, saved.len);
    add_messages(&f->network, 1);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 1, "wss://a.example" PATH "?cursor=70");
    sky_relay_free(f->relay);

    for (size_t len = 0; len < saved.len; len++) { /* cut anywhere */
        start(f);
        sky_reader_init(&reader, sky_span_of(saved.ptr, len));
        assert_int_not_equal(sky_relay_load(f->relay, &reader), SKY_OK);
        sky_relay_free(f->relay);
    }
    f->relay = NULL;
    sky_buffer_clean_up(&saved);
}

/* {"op":1,"t":"#identity"} {"did":"did:web:a","seq":SEQ,"time":TIME} in canonical DAG-CBOR, written by hand. */
static void add_identity(struct network *network, uint32_t seq, const char *time)
{
    static uint8_t frames[32][128];
    static size_t used;
    uint8_t *frame = frames[used++ % 32];
    static const uint8_t head[] = "\xa2\x61t\x69#identity\x62op\x01\xa3\x63"
                                  "did\x69"
                                  "did:web:a\x63seq\x1a";
    size_t len = sizeof head - 1;
    memcpy(frame, head, len);
    for (int i = 3; i >= 0; i--)
        frame[len++] = (uint8_t)(seq >> (8 * i));
    memcpy(frame + len, "\x64time\x78\x18", 7);
    memcpy(frame + len + 7, time, 24);
    add_step(network, STEP_MESSAGE);
    network->steps[network->steps_count - 1].data = frame;
    network->steps[network->steps_count - 1].len = len + 7 + 24;
}

/* Relay a ends at 12:00:00. Relay b counts from 10,000,000 on and is now at 12:00:30; the place is found in two steps
 * back. 2026-09-23T12:00:00Z is 1,790,164,800 s (date -u -d). */
static void test_failover_finds_the_place(void **state)
{
    struct fixture *f = *state;
    const int64_t noon = INT64_C(1790164800000);
    f->network.random = 0;
    add_messages(&f->network, 1);
    for (int i = 0; i < 3; i++)
        add_lost(&f->network); /* three failures at a */
    add_step(&f->network, STEP_OPEN);
    add_identity(&f->network, 10000000, "2026-09-23T12:00:30.000Z");
    add_step(&f->network, STEP_OPEN); /* (30 + 10) s x 600 a second back */
    add_identity(&f->network, 9976001, "2026-09-23T12:00:11.000Z");
    add_step(&f->network, STEP_OPEN); /* twice that */
    add_identity(&f->network, 9952001, "2026-09-23T11:59:52.000Z");
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 77, noon);
    for (int i = 0; i < 3; i++)
        expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_DISCONNECTED); /* live: read and left */
    expect_item(f, SKY_RELAY_DISCONNECTED); /* first step: too new */
    struct sky_relay_item item = expect_item(f, SKY_RELAY_CONNECTED);
    assert_string_equal(item.host, "b.example");
    expect_good(f, 9952001, noon - 8000);
    expect_url(f, 3, "wss://b.example" PATH);
    expect_url(f, 4, "wss://b.example" PATH "?cursor=9976000");
    expect_url(f, 5, "wss://b.example" PATH "?cursor=9952000");
    assert_int_equal(status_of(f).gaps, 0);
    assert_int_equal(status_of(f).failovers, 1);
    assert_int_equal(status_of(f).completed, 9952001);
    expect_seqs(f, 2, 2); /* no number of a's says anything about b's */
}

/* b's one live message claims to be of 2099: so far back that its oldest comes. What a has seen is not handed out
 * again, but for a minute of it, and nothing is missed. */
static void test_failover_too_far_back(void **state)
{
    struct fixture *f = *state;
    const int64_t noon = INT64_C(1790164800000), hour = 3600000;
    f->network.random = 0;
    add_messages(&f->network, 1);
    for (int i = 0; i < 3; i++)
        add_lost(&f->network);
    add_step(&f->network, STEP_OPEN);
    add_identity(&f->network, 10000000, "2099-01-01T00:00:00.000Z");
    add_step(&f->network, STEP_OPEN);
    add_identity(&f->network, 100005, "2026-09-23T09:00:00.000Z");
    for (int i = 0; i < 5; i++)
        add_step(&f->network, STEP_MESSAGE);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 77, noon);
    for (int i = 0; i < 4; i++)
        expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, 4, "wss://b.example" PATH "?cursor=1");
    expect_item(f, SKY_RELAY_MESSAGE);
    assert_false(judge(f, SKY_OK, 100005, noon - 3 * hour));
    expect_item(f, SKY_RELAY_MESSAGE);
    assert_false(judge(f, SKY_OK, 100006, noon - 61000));
    assert_int_equal(status_of(f).time_ms, noon); /* the stream has not gone back */
    expect_good(f, 100007, noon - 59000);
    expect_seqs(f, 4, 4);
    expect_good(f, 100008, noon + 1);
    expect_good(f, 100009, noon - hour); /* a claim of its author's, no repetition */
    expect_good(f, 100010, noon + 2);
    assert_int_equal(status_of(f).repeated, 2);
    assert_int_equal(status_of(f).gaps, 0);
}

/* Relay b took over from a at noon and failed an hour later; the state is saved between that and a's first word. What a
 * has is of noon, whatever the stream has reached since: it must be searched, not taken up there. */
static void test_a_cursor_is_saved_with_its_own_time(void **state)
{
    struct fixture *f = *state;
    const int64_t noon = INT64_C(1790164800000);
    struct sky_buffer saved = {0};
    struct sky_reader reader;
    f->network.random = 0;
    add_messages(&f->network, 1);
    for (int i = 0; i < 3; i++)
        add_lost(&f->network);
    add_step(&f->network, STEP_OPEN);
    add_identity(&f->network, 10000000, "2026-09-23T12:00:00.000Z");
    add_step(&f->network, STEP_MESSAGE);
    for (int i = 0; i < 3; i++)
        add_lost(&f->network);
    start(f);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 77, noon);
    for (int i = 0; i < 3; i++)
        expect_item(f, SKY_RELAY_DISCONNECTED);
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_good(f, 10000000, noon);
    expect_good(f, 12000000, noon + INT64_C(3600000));
    for (int i = 0; i < 3; i++)
        expect_item(f, SKY_RELAY_DISCONNECTED);
    assert_string_equal(status_of(f).host, "a.example");
    sky_relay_save(f->relay, &saved);
    sky_relay_free(f->relay);

    start(f);
    sky_reader_init(&reader, sky_buffer_span(&saved));
    assert_int_equal(sky_relay_load(f->relay, &reader), SKY_OK);
    size_t asked = f->network.urls_count;
    add_step(&f->network, STEP_OPEN);
    add_identity(&f->network, 5000000, "2026-09-23T13:00:00.000Z");
    expect_item(f, SKY_RELAY_CONNECTED);
    expect_url(f, asked, "wss://a.example" PATH);
    sky_buffer_clean_up(&saved);
}

static void test_options_refused(void **state)
{
    struct fixture *f = *state;
    static const char nine[] = "wss://a,wss://a,wss://a,wss://a,wss://a,wss://a,wss://a,wss://a,wss://a";
    static const char *const wrong[] = {"",          " , ",       "a.example",     "ftp://a.example", "wss://",
                                        "wss://a b", "wss://a:0", "wss://a:65536", "wss://[::1",      nine};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f->options.urls = wrong[i];
        assert_int_equal(sky_relay_new(&f->options, &f->relay), SKY_E_CONFIG);
        assert_null(f->relay);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_goes_on_after_the_last_seq),
        TEST(test_backoff_doubles_to_a_minute),
        TEST(test_backoff_is_reset_by_a_minute_of_data),
        TEST(test_jitter_is_within_its_bound),
        TEST(test_retry_after_is_honoured),
        TEST(test_retry_after_is_honoured_among_several),
        TEST(test_error_frames_are_failures),
        TEST(test_501_is_fatal),
        TEST(test_all_relays_are_tried_at_once_at_the_start),
        TEST(test_future_cursor_told),
        TEST(test_future_cursor_not_told),
        TEST(test_reset_cursor_goes_on_from_now),
        TEST(test_gaps_are_reported),
        TEST(test_fifty_bad_messages_reconnect_then_pass_over),
        TEST(test_bad_messages_among_good_ones),
        TEST(test_jetstream_goes_back_five_seconds),
        TEST(test_save_and_load),
        TEST(test_failover_finds_the_place),
        TEST(test_failover_too_far_back),
        TEST(test_a_cursor_is_saved_with_its_own_time),
        TEST(test_options_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
