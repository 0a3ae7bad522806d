/* The protocol against brokers made of a few arrays, which fail as told: what is committed is every minute once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/kafka/outbox.h"

#define SENT_MAX 4096
#define MINUTES  400

/* Records are numbers: minute x 10 + place. */
struct brokers {
    int committed[SENT_MAX];
    int committed_count;
    int64_t marker_ms; /* SKY_OUTBOX_NO_MARKER */
    int open[SENT_MAX];
    int open_count;
    int64_t open_marker_ms;
    bool is_open;
    bool is_lost; /* the connection: everything but connect fails */
    bool is_fenced;
    uint64_t random;  /* 0: nothing fails */
    int commit_waits; /* timeouts before a commit is done */
    int connects, aborts, commits;
};

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % bound);
}

static bool strikes(struct brokers *brokers, uint32_t one_in)
{
    return brokers->random && random_below(&brokers->random, one_in) == 0;
}

static enum sky_status fake_connect(void *context, int timeout_ms)
{
    struct brokers *brokers = context;
    (void)timeout_ms;
    if (strikes(brokers, 3))
        return random_below(&brokers->random, 2) ? SKY_E_TIMEOUT : SKY_E_IO;
    brokers->connects++;
    brokers->is_lost = brokers->is_open = false; /* what an older one left open is aborted */
    brokers->open_count = 0;
    return SKY_OK;
}

static enum sky_status fake_read_marker(void *context, int64_t *window_end_ms)
{
    struct brokers *brokers = context;
    if (strikes(brokers, 5))
        return SKY_E_TIMEOUT;
    *window_end_ms = brokers->marker_ms;
    return brokers->marker_ms == SKY_OUTBOX_NO_MARKER ? SKY_E_MISSING : SKY_OK;
}

static enum sky_status fake_begin(void *context)
{
    struct brokers *brokers = context;
    assert_false(brokers->is_open);
    if (brokers->is_lost || strikes(brokers, 20)) {
        brokers->is_lost = true;
        return SKY_E_IO;
    }
    brokers->is_open = true;
    brokers->open_count = 0;
    brokers->open_marker_ms = SKY_OUTBOX_NO_MARKER;
    return SKY_OK;
}

static enum sky_status fake_send(void *context, const struct sky_kafka_outgoing *record)
{
    struct brokers *brokers = context;
    assert_true(brokers->is_open);
    if (strikes(brokers, 60))
        return SKY_E_IO;
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)record->value.len, (const char *)record->value.ptr);
    int number = atoi(text);
    assert_string_equal(record->topic, "topic");
    assert_int_equal(record->timestamp_ms, number / 10);
    assert_true(sky_span_equal(record->key, sky_span_from_string(number % 2 ? "odd" : "even")));
    assert_int_equal(record->headers_count, number % 10 == 0);
    if (record->headers_count) {
        assert_string_equal(record->headers[0].name, "id");
        assert_true(sky_span_equal(record->headers[0].value, record->value));
    }
    brokers->open[brokers->open_count++] = number;
    return SKY_OK;
}

static enum sky_status fake_send_marker(void *context, int64_t window_end_ms)
{
    struct brokers *brokers = context;
    if (strikes(brokers, 20))
        return SKY_E_TIMEOUT; /* the queue was full */
    brokers->open_marker_ms = window_end_ms;
    return SKY_OK;
}

static void make_it_so(struct brokers *brokers)
{
    memcpy(brokers->committed + brokers->committed_count, brokers->open, (size_t)brokers->open_count * sizeof(int));
    brokers->committed_count += brokers->open_count;
    assert_true(brokers->open_marker_ms > brokers->marker_ms ||
                (!brokers->open_count && brokers->open_marker_ms == brokers->marker_ms)); /* a check */
    brokers->commits++;
    brokers->marker_ms = brokers->open_marker_ms;
    brokers->open_count = 0;
    brokers->is_open = false;
}

static enum sky_status fake_commit(void *context, int timeout_ms)
{
    struct brokers *brokers = context;
    (void)timeout_ms;
    if (brokers->is_fenced)
        return SKY_E_FENCED;
    if (brokers->commit_waits) {
        brokers->commit_waits--;
        return SKY_E_TIMEOUT;
    }
    assert_true(brokers->is_open);
    if (strikes(brokers, 8))
        return SKY_E_IO;       /* not committed; it can be aborted */
    if (strikes(brokers, 8)) { /* committed, but the answer was lost with the connection */
        make_it_so(brokers);
        brokers->is_lost = true;
        return SKY_E_IO;
    }
    make_it_so(brokers);
    brokers->commit_waits = brokers->random ? (int)random_below(&brokers->random, 3) : 0;
    return SKY_OK;
}

static enum sky_status fake_abort(void *context, int timeout_ms)
{
    struct brokers *brokers = context;
    (void)timeout_ms;
    if (brokers->is_lost)
        return SKY_E_IO;
    if (strikes(brokers, 4))
        return SKY_E_TIMEOUT;
    if (strikes(brokers, 6)) {
        brokers->is_lost = true;
        return SKY_E_IO;
    }
    brokers->aborts++;
    brokers->is_open = false;
    brokers->open_count = 0;
    return SKY_OK;
}

static struct sky_outbox *outbox_of(struct brokers *brokers)
{
    const struct sky_outbox_link link = {brokers,   fake_connect,     fake_read_marker, fake_begin,
                                         fake_send, fake_send_marker, fake_commit,      fake_abort};
    struct sky_outbox *outbox = sky_outbox_new(&link);
    assert_non_null(outbox);
    return outbox;
}

/* Minute m ends at m, and has m % 4 records. */
static bool put_minute(struct sky_outbox *outbox, int minute)
{
    for (int i = 0; i < minute % 4; i++) {
        char text[16];
        int number = minute * 10 + i;
        snprintf(text, sizeof text, "%d", number);
        const struct sky_kafka_header header = {"id", sky_span_from_string(text)};
        const struct sky_kafka_outgoing record = {.topic = "topic",
                                                  .partition = SKY_KAFKA_PARTITION_BY_KEY,
                                                  .timestamp_ms = minute,
                                                  .key = sky_span_from_string(number % 2 ? "odd" : "even"),
                                                  .value = sky_span_from_string(text),
                                                  .headers = &header,
                                                  .headers_count = i == 0 ? 1 : 0};
        sky_outbox_put(outbox, &record);
    }
    return sky_outbox_end_minute(outbox, minute);
}

static void assert_all_once(const struct brokers *brokers, int minutes)
{
    int at = 0;
    for (int minute = 1; minute <= minutes; minute++)
        for (int i = 0; i < minute % 4; i++)
            assert_int_equal(brokers->committed[at++], minute * 10 + i);
    assert_int_equal(at, brokers->committed_count);
    assert_int_equal(brokers->marker_ms, minutes);
}

static void test_a_minute_and_many(void **state)
{
    (void)state;
    struct brokers brokers = {.marker_ms = SKY_OUTBOX_NO_MARKER};
    struct sky_outbox *outbox = outbox_of(&brokers);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    assert_int_equal(sky_outbox_marker_ms(outbox), SKY_OUTBOX_NO_MARKER);
    assert_true(put_minute(outbox, 1));
    assert_false(sky_outbox_is_clear(outbox));
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    assert_true(sky_outbox_is_clear(outbox));
    for (int minute = 2; minute <= 9; minute++)
        put_minute(outbox, minute);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    assert_int_equal(sky_outbox_committed(outbox), 2);
    assert_int_equal(sky_outbox_bytes(outbox), 0);
    assert_all_once(&brokers, 9);
    sky_outbox_free(outbox);
}

/* What is not whole yet stays here. */
static void test_half_a_minute_waits(void **state)
{
    (void)state;
    struct brokers brokers = {.marker_ms = SKY_OUTBOX_NO_MARKER, .commit_waits = 2};
    struct sky_outbox *outbox = outbox_of(&brokers);
    const struct sky_kafka_outgoing half = {
        .topic = "topic", .timestamp_ms = 2, .key = SKY_SPAN("even"), .value = SKY_SPAN("22")};
    const struct sky_kafka_header header = {"id", SKY_SPAN("20")};
    const struct sky_kafka_outgoing first = {.topic = "topic",
                                             .timestamp_ms = 2,
                                             .key = SKY_SPAN("even"),
                                             .value = SKY_SPAN("20"),
                                             .headers = &header,
                                             .headers_count = 1};
    put_minute(outbox, 1);
    sky_outbox_put(outbox, &first);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_E_TIMEOUT);
    assert_true(sky_outbox_is_busy(outbox));
    sky_outbox_put(outbox, &half); /* while the commit is on its way */
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_E_TIMEOUT);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    assert_int_equal(brokers.committed_count, 1);
    assert_true(sky_outbox_is_clear(outbox));
    sky_outbox_end_minute(outbox, 2);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    const int expected[] = {10, 20, 22};
    assert_int_equal(brokers.committed_count, 3);
    assert_memory_equal(brokers.committed, expected, sizeof expected);
    sky_outbox_free(outbox);
}

static void test_published_minutes_are_forgotten(void **state)
{
    (void)state;
    struct brokers brokers = {.marker_ms = SKY_OUTBOX_NO_MARKER};
    struct sky_outbox *outbox = outbox_of(&brokers);
    for (int minute = 1; minute <= 5; minute++)
        put_minute(outbox, minute);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    sky_outbox_free(outbox);
    outbox = outbox_of(&brokers);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    assert_int_equal(sky_outbox_marker_ms(outbox), 5);
    for (int minute = 3; minute <= 7; minute++)
        assert_int_equal(put_minute(outbox, minute), minute > 5);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    assert_all_once(&brokers, 7);
    sky_outbox_free(outbox);
}

static void test_fenced(void **state)
{
    (void)state;
    struct brokers brokers = {.marker_ms = SKY_OUTBOX_NO_MARKER, .is_fenced = true};
    struct sky_outbox *outbox = outbox_of(&brokers);
    put_minute(outbox, 1);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_E_FENCED);
    assert_int_equal(brokers.committed_count, 0);
    sky_outbox_free(outbox);
}

/* Without anything to publish: a transaction that changes nothing, and only when it is asked for. */
static void test_check(void **state)
{
    (void)state;
    struct brokers brokers = {.marker_ms = SKY_OUTBOX_NO_MARKER};
    struct sky_outbox *outbox = outbox_of(&brokers);
    for (int minutes = 0; minutes <= 3; minutes += 3) {
        for (int minute = 1; minute <= minutes; minute++)
            put_minute(outbox, minute);
        assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
        int commits = brokers.commits;
        sky_outbox_check(outbox);
        assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
        assert_int_equal(brokers.commits, commits + 1);
        assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
        assert_int_equal(brokers.commits, commits + 1);
        assert_int_equal(sky_outbox_marker_ms(outbox), minutes ? minutes : SKY_OUTBOX_NO_MARKER);
    }
    brokers.commit_waits = 1;
    sky_outbox_check(outbox);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_E_TIMEOUT);
    put_minute(outbox, 4); /* while it is under way */
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK);
    assert_all_once(&brokers, 4);
    brokers.is_fenced = true;
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_OK); /* nobody asked */
    sky_outbox_check(outbox);
    assert_int_equal(sky_outbox_pump(outbox, 1), SKY_E_FENCED);
    sky_outbox_free(outbox);
}

/* Every call fails now and then, and the process is killed and begins again from an older state. */
static void test_everything_fails(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        static struct brokers brokers;
        brokers = (struct brokers){.marker_ms = SKY_OUTBOX_NO_MARKER, .random = seed};
        uint64_t random = seed * 31;
        int checkpoint = 0, minute = 0;
        struct sky_outbox *outbox = NULL;
        while (brokers.marker_ms != MINUTES) {
            if (!outbox || random_below(&random, 40) == 0) {
                sky_outbox_free(outbox);
                outbox = outbox_of(&brokers);
                minute = checkpoint;
                while (sky_outbox_pump(outbox, 1) == SKY_E_TIMEOUT) /* as `run` does before it works */
                    ;
            }
            if (minute < MINUTES)
                put_minute(outbox, ++minute);
            if (random_below(&random, 3) == 0) {
                if (random_below(&random, 4) == 0)
                    sky_outbox_check(outbox);
                enum sky_status status = sky_outbox_pump(outbox, 1);
                assert_true(status == SKY_OK || status == SKY_E_TIMEOUT);
            }
            if (sky_outbox_is_clear(outbox) && random_below(&random, 4) == 0)
                checkpoint = minute;
        }
        sky_outbox_free(outbox);
        brokers.open_count = 0;
        assert_all_once(&brokers, MINUTES);
        assert_true(brokers.connects > 5 && brokers.aborts > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_minute_and_many),
        cmocka_unit_test(test_half_a_minute_waits),
        cmocka_unit_test(test_published_minutes_are_forgotten),
        cmocka_unit_test(test_fenced),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_everything_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
