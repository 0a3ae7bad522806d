/* The modules kafka_*.h against a real broker: kafka_test.py starts one and runs this. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "io/host/clock.h"
#include "io/kafka/kafka_consumer.h"
#include "io/kafka/kafka_last.h"
#include "io/kafka/kafka_producer.h"
#include "io/kafka/kafka_topics.h"

#define WAIT_MS 20000

static struct sky_kafka_options kafka = {
    .client_id = "probe",
    .compression = SKY_KAFKA_ZSTD,
    .linger_ms = 5,
    .retry_backoff_ms = 50,
    .reconnect_backoff_max_ms = 500,
    .request_timeout_ms = WAIT_MS,
    .transaction_timeout_ms = 60000,
};
static struct sky_kafka_message message;

static void expect(enum sky_status got, enum sky_status wanted)
{
    if (got != wanted)
        fail_msg("%s instead of %s: %s", sky_status_name(got), sky_status_name(wanted), message.text);
}

/* Of a call on a producer. */
static void expect_of(struct sky_kafka_producer *producer, enum sky_status got, enum sky_status wanted)
{
    sky_kafka_producer_problem(producer, &message);
    expect(got, wanted);
}

static void make_topic(const char *name, int32_t partitions, bool compacted)
{
    const struct sky_kafka_topic topic = {name, partitions, 1, -1, compacted, false};
    expect(sky_kafka_ensure_topics(&kafka, &topic, 1, WAIT_MS, &message), SKY_OK);
}

static struct sky_kafka_producer *new_producer(const char *transactional_id)
{
    struct sky_kafka_producer *producer;
    const struct sky_kafka_producer_options options = {&kafka, transactional_id};
    expect(sky_kafka_producer_new(&options, &producer, &message), SKY_OK);
    if (transactional_id)
        expect_of(producer, sky_kafka_producer_init(producer, WAIT_MS), SKY_OK);
    return producer;
}

static void send(struct sky_kafka_producer *producer, const char *topic, const char *key, const char *value)
{
    const struct sky_kafka_outgoing record = {.topic = topic,
                                              .partition = SKY_KAFKA_PARTITION_BY_KEY,
                                              .timestamp_ms = INT64_C(1767571200000),
                                              .key = sky_span_from_string(key),
                                              .value = sky_span_from_string(value)};
    expect(sky_kafka_producer_send(producer, &record), SKY_OK);
}

static void commit_one(struct sky_kafka_producer *producer, const char *topic, const char *key, const char *value)
{
    expect_of(producer, sky_kafka_producer_begin(producer), SKY_OK);
    send(producer, topic, key, value);
    expect_of(producer, sky_kafka_producer_commit(producer, WAIT_MS), SKY_OK);
}

/* Everything committed in partition 0, values one behind the other. */
static void read_all(const char *topic, char *text, size_t size)
{
    struct sky_kafka_reader *reader;
    struct sky_kafka_record record;
    const struct sky_kafka_reader_options options = {.kafka = &kafka, .topic = topic};
    size_t len = 0;
    expect(sky_kafka_reader_open(&options, &reader, &message), SKY_OK);
    for (uint32_t p = 0; p < sky_kafka_reader_partitions(reader); p++)
        expect(sky_kafka_reader_begin(reader, p, SKY_KAFKA_READER_BEGINNING), SKY_OK);
    while (!sky_kafka_reader_at_end(reader, 0))
        if (sky_kafka_reader_next(reader, 0, WAIT_MS, &record) == SKY_OK)
            len += (size_t)snprintf(text + len, size - len, "%.*s;", (int)record.value.len,
                                    (const char *)record.value.ptr);
    text[len] = 0;
    assert_int_equal(sky_kafka_reader_lag(reader), 0);
    sky_kafka_reader_close(reader);
}

static void test_only_committed_records_are_seen(void **state)
{
    char text[256];
    make_topic("atomic", 1, false);
    struct sky_kafka_producer *producer = new_producer("atomic");
    commit_one(producer, "atomic", "k", "one");
    expect_of(producer, sky_kafka_producer_begin(producer), SKY_OK);
    send(producer, "atomic", "k", "aborted");
    expect_of(producer, sky_kafka_producer_abort(producer, WAIT_MS), SKY_OK);
    commit_one(producer, "atomic", "k", "two");
    expect_of(producer, sky_kafka_producer_begin(producer), SKY_OK);
    send(producer, "atomic", "k", "left open");
    sky_kafka_producer_free(producer);
    sky_kafka_producer_free(new_producer("atomic")); /* aborts what was left open */
    read_all("atomic", text, sizeof text);
    assert_string_equal(text, "one;two;");
}

static void test_a_newer_instance_fences_the_older(void **state)
{
    char text[256];
    make_topic("fenced", 1, false);
    struct sky_kafka_producer *older = new_producer("fenced");
    commit_one(older, "fenced", "k", "older");
    expect_of(older, sky_kafka_producer_begin(older), SKY_OK);
    send(older, "fenced", "k", "too late");
    struct sky_kafka_producer *newer = new_producer("fenced");
    expect_of(older, sky_kafka_producer_commit(older, WAIT_MS), SKY_E_FENCED);
    sky_kafka_producer_problem(older, &message);
    assert_non_null(strstr(message.text, "fenced"));
    commit_one(newer, "fenced", "k", "newer");
    sky_kafka_producer_free(older);
    sky_kafka_producer_free(newer);
    read_all("fenced", text, sizeof text);
    assert_string_equal(text, "older;newer;");
}

/* The hashes of org.apache.kafka.common.utils.UtilsTest#testMurmur2: a Java producer's partition of these keys. */
static void test_partitions_are_those_of_java(void **state)
{
    static const struct {
        const char *key;
        int32_t hash;
    } known[] = {{"21", -973932308},
                 {"foobar", -790332482},
                 {"a-little-bit-long-string", -985981536},
                 {"a-little-bit-longer-string", -1486304829},
                 {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
                 {"abc", 479470107}};
    const uint32_t partitions = 7;
    struct sky_kafka_reader *reader;
    struct sky_kafka_record record;
    make_topic("keyed", (int32_t)partitions, false);
    struct sky_kafka_producer *producer = new_producer("keyed");
    int32_t count;
    expect(sky_kafka_producer_partitions(producer, "keyed", WAIT_MS, &count), SKY_OK);
    assert_int_equal(count, partitions);
    expect_of(producer, sky_kafka_producer_begin(producer), SKY_OK);
    for (size_t i = 0; i < 6; i++)
        send(producer, "keyed", known[i].key, known[i].key);
    expect_of(producer, sky_kafka_producer_commit(producer, WAIT_MS), SKY_OK);
    sky_kafka_producer_free(producer);

    const struct sky_kafka_reader_options options = {.kafka = &kafka, .topic = "keyed"};
    expect(sky_kafka_reader_open(&options, &reader, &message), SKY_OK);
    size_t found = 0;
    for (uint32_t p = 0; p < partitions; p++) {
        expect(sky_kafka_reader_begin(reader, p, SKY_KAFKA_READER_BEGINNING), SKY_OK);
        while (!sky_kafka_reader_at_end(reader, p)) {
            if (sky_kafka_reader_next(reader, p, WAIT_MS, &record) != SKY_OK)
                continue;
            for (size_t i = 0; i < 6; i++)
                if (sky_span_equal(record.key, sky_span_from_string(known[i].key))) {
                    assert_int_equal(p, ((uint32_t)known[i].hash & 0x7fffffff) % partitions);
                    assert_int_equal(record.timestamp_ms, INT64_C(1767571200000));
                    found++;
                }
        }
    }
    assert_int_equal(found, 6);
    sky_kafka_reader_close(reader);
}

static void test_the_last_value_of_a_key(void **state)
{
    struct sky_buffer value = {0};
    make_topic("states", 1, true);
    const struct sky_kafka_reader_options options = {.kafka = &kafka, .topic = "states"};
    expect(sky_kafka_read_last(&options, SKY_SPAN("a"), WAIT_MS, &value, &message), SKY_E_MISSING);
    struct sky_kafka_producer *producer = new_producer("states");
    commit_one(producer, "states", "a", "1");
    commit_one(producer, "states", "b", "other");
    commit_one(producer, "states", "a", "2");
    expect(sky_kafka_read_last(&options, SKY_SPAN("a"), WAIT_MS, &value, &message), SKY_OK);
    assert_true(sky_span_equal(sky_buffer_span(&value), SKY_SPAN("2")));
    expect_of(producer, sky_kafka_producer_begin(producer), SKY_OK);
    const struct sky_kafka_outgoing tombstone = {
        .topic = "states", .partition = SKY_KAFKA_PARTITION_BY_KEY, .key = SKY_SPAN("a")};
    expect(sky_kafka_producer_send(producer, &tombstone), SKY_OK);
    expect_of(producer, sky_kafka_producer_commit(producer, WAIT_MS), SKY_OK);
    value.len = 0;
    expect(sky_kafka_read_last(&options, SKY_SPAN("a"), WAIT_MS, &value, &message), SKY_E_MISSING);
    const struct sky_kafka_reader_options absent = {.kafka = &kafka, .topic = "absent"};
    expect(sky_kafka_read_last(&absent, SKY_SPAN("a"), WAIT_MS, &value, &message), SKY_E_MISSING);
    sky_kafka_producer_free(producer);
    sky_buffer_clean_up(&value);
}

/* Step by step: no call takes longer than it may, also where nobody answers. */
static void test_the_last_value_in_steps(void **state)
{
    struct sky_kafka_options away = kafka;
    struct sky_kafka_last *last;
    struct sky_buffer value = {0};
    make_topic("steps", 1, true);
    struct sky_kafka_reader_options options = {.kafka = &kafka, .topic = "steps"};
    struct sky_kafka_producer *producer = new_producer("steps");
    commit_one(producer, "steps", "a", "1");
    sky_kafka_producer_free(producer);
    enum sky_status status = SKY_E_TIMEOUT;
    expect(sky_kafka_last_new(&options, SKY_SPAN("a"), &last, &message), SKY_OK);
    int64_t until_ms = sky_clock_monotonic_ms() + WAIT_MS;
    while (status == SKY_E_TIMEOUT && sky_clock_monotonic_ms() < until_ms)
        status = sky_kafka_last_read(last, 5, &value, &message);
    expect(status, SKY_OK);
    assert_true(sky_span_equal(sky_buffer_span(&value), SKY_SPAN("1")));
    sky_kafka_last_free(last);
    away.bootstrap_servers = "127.0.0.1:1";
    options.kafka = &away;
    expect(sky_kafka_last_new(&options, SKY_SPAN("a"), &last, &message), SKY_OK);
    for (int i = 0; i < 10; i++) {
        int64_t began_ms = sky_clock_monotonic_ms();
        expect(sky_kafka_last_read(last, 20, &value, &message), SKY_E_TIMEOUT);
        assert_true(sky_clock_monotonic_ms() - began_ms < 1000); /* a busy machine */
    }
    assert_non_null(strstr(message.text, "127.0.0.1:1"));
    sky_kafka_last_free(last);
    sky_buffer_clean_up(&value);
}

struct group {
    struct sky_kafka_consumer *consumer;
    int64_t committed; /* what `assigned` was told */
    char metadata[64];
    int64_t begin; /* what it answers */
};

static int64_t on_assigned(void *context, const char *topic, int32_t partition, int64_t committed, const char *metadata)
{
    struct group *group = context;
    assert_string_equal(topic, "grouped");
    assert_int_equal(partition, 0);
    group->committed = committed;
    snprintf(group->metadata, sizeof group->metadata, "%s", metadata);
    return group->begin >= 0 ? group->begin : committed;
}

static void join(struct group *group)
{
    const struct sky_kafka_consumer_options options = {
        .kafka = &kafka,
        .group = "group",
        .instance = "one",
        .topics = {"grouped"},
        .topics_count = 1,
        .events = {.assigned = on_assigned, .context = group},
    };
    group->committed = -7;
    expect(sky_kafka_consumer_new(&options, &group->consumer, &message), SKY_OK);
}

/* The records up to the end of the partition. */
static size_t take_all(struct group *group, struct sky_kafka_record *last)
{
    struct sky_kafka_record record;
    int64_t give_up_ms = sky_clock_monotonic_ms() + WAIT_MS;
    for (size_t count = 0; sky_clock_monotonic_ms() < give_up_ms;) {
        switch (sky_kafka_consumer_next(group->consumer, 100, &record, &message)) {
        case SKY_KAFKA_RECORD:
            count++;
            *last = record;
            break;
        case SKY_KAFKA_PARTITION_END: return count;
        case SKY_KAFKA_FAILED: fail_msg("%s", message.text); break;
        case SKY_KAFKA_IDLE:
        case SKY_KAFKA_PROBLEM: break;
        }
    }
    fail_msg("the end was not reached");
    return 0;
}

/* A member that was killed leaves a plan behind: the next one is told of it, and decides where to begin. */
static void test_a_group_remembers_offset_and_plan(void **state)
{
    struct group group = {.begin = -1};
    struct sky_kafka_record last, at = {.topic = "grouped", .partition = 0};
    make_topic("grouped", 1, false);
    struct sky_kafka_producer *producer = new_producer("grouped");
    expect_of(producer, sky_kafka_producer_begin(producer), SKY_OK);
    for (int i = 0; i < 10; i++)
        send(producer, "grouped", "k", "v");
    expect_of(producer, sky_kafka_producer_commit(producer, WAIT_MS), SKY_OK);

    join(&group);
    assert_int_equal(take_all(&group, &last), 10);
    assert_int_equal(group.committed, SKY_KAFKA_OFFSET_NONE);
    assert_int_equal(sky_kafka_consumer_lag(group.consumer), 0);
    assert_int_equal(sky_kafka_consumer_partitions(group.consumer), 1);
    at.offset = 4;
    expect(sky_kafka_consumer_commit(group.consumer, &at, "end=8", &message), SKY_OK);

    /* Another process with the same name takes over at once, and the older one is told. */
    struct group next = {.begin = 6};
    join(&next);
    assert_int_equal(take_all(&next, &last), 4); /* 6, 7, 8, 9 */
    assert_int_equal(next.committed, 4);
    assert_string_equal(next.metadata, "end=8");
    expect(sky_kafka_consumer_seek(next.consumer, "grouped", 0, 2), SKY_OK);
    assert_int_equal(take_all(&next, &last), 8);
    enum sky_kafka_event event = SKY_KAFKA_IDLE;
    for (int64_t until = sky_clock_monotonic_ms() + WAIT_MS;
         event != SKY_KAFKA_FAILED && sky_clock_monotonic_ms() < until;)
        event = sky_kafka_consumer_next(group.consumer, 100, &last, &message);
    assert_int_equal(event, SKY_KAFKA_FAILED);
    assert_non_null(strstr(message.text, "kafka.instance_id"));

    /* Paused, nothing comes; resumed, everything. */
    sky_kafka_consumer_pause(next.consumer, true);
    commit_one(producer, "grouped", "k", "later");
    for (int i = 0; i < 10; i++)
        assert_int_not_equal(sky_kafka_consumer_next(next.consumer, 50, &last, &message), SKY_KAFKA_RECORD);
    sky_kafka_consumer_pause(next.consumer, false);
    assert_int_equal(take_all(&next, &last), 1);
    sky_kafka_consumer_free(group.consumer);
    sky_kafka_consumer_free(next.consumer);
    sky_kafka_producer_free(producer);
}

static void test_an_offset_that_is_gone(void **state)
{
    struct sky_kafka_reader *reader;
    struct sky_kafka_record record;
    make_topic("short", 1, false);
    const struct sky_kafka_reader_options options = {.kafka = &kafka, .topic = "short"};
    expect(sky_kafka_reader_open(&options, &reader, &message), SKY_OK);
    expect(sky_kafka_reader_begin(reader, 0, 1000), SKY_OK);
    expect(sky_kafka_reader_next(reader, 0, WAIT_MS, &record), SKY_E_RANGE);
    sky_kafka_reader_close(reader);
}

static void test_headers_and_limits(void **state)
{
    struct sky_kafka_reader *reader;
    struct sky_kafka_record record;
    struct sky_span value;
    static char large[SKY_KAFKA_RECORD_BYTES_MAX + 1];
    make_topic("headed", 1, false);
    struct sky_kafka_producer *producer = new_producer(NULL);
    const struct sky_kafka_header header = {"correlation-id", SKY_SPAN("0123456789abcdef")};
    struct sky_kafka_outgoing sent = {
        .topic = "headed", .value = SKY_SPAN("v"), .headers = &header, .headers_count = 1};
    expect(sky_kafka_producer_send(producer, &sent), SKY_OK);
    expect(sky_kafka_producer_flush(producer, WAIT_MS), SKY_OK);
    sent.value = sky_span_of(large, sizeof large);
    expect(sky_kafka_producer_send(producer, &sent), SKY_E_LIMIT);

    const struct sky_kafka_reader_options options = {.kafka = &kafka, .topic = "headed"};
    expect(sky_kafka_reader_open(&options, &reader, &message), SKY_OK);
    expect(sky_kafka_reader_begin(reader, 0, 0), SKY_OK);
    expect(sky_kafka_reader_next(reader, 0, WAIT_MS, &record), SKY_OK);
    assert_true(sky_kafka_record_header(&record, "correlation-id", &value));
    assert_true(sky_span_equal(value, header.value));
    assert_false(sky_kafka_record_header(&record, "absent", &value));
    assert_null(record.key.ptr);
    sky_kafka_reader_close(reader);
    sky_kafka_producer_free(producer);
}

/* Larger than a topic may have by default, 1 MiB: said with its size, not only that something went wrong. */
static void test_too_large_for_the_brokers(void **state)
{
    static char large[2 << 20];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof large; i++) /* which no compression makes smaller */
        large[i] = (char)((random = random * 1664525 + 1013904223) >> 24);
    make_topic("small", 1, false);
    struct sky_kafka_producer *producer = new_producer("large");
    const struct sky_kafka_outgoing sent = {.topic = "small", .value = sky_span_of(large, sizeof large)};
    expect_of(producer, sky_kafka_producer_begin(producer), SKY_OK);
    expect(sky_kafka_producer_send(producer, &sent), SKY_OK);
    enum sky_status status = sky_kafka_producer_commit(producer, WAIT_MS);
    sky_kafka_producer_problem(producer, &message);
    expect(status, SKY_E_LIMIT);
    assert_non_null(strstr(message.text, "2097152 bytes for topic small"));
    assert_non_null(strstr(message.text, "max.message.bytes"));
    sky_kafka_producer_free(producer);
}

static void test_asking(void **state)
{
    struct sky_kafka_cluster cluster;
    static const char *const names[] = {"asked", "not-there"};
    make_topic("asked", 3, false);
    make_topic("asked", 3, false); /* there already */
    expect(sky_kafka_ask(&kafka, names, 2, WAIT_MS, &cluster, &message), SKY_OK);
    assert_int_equal(cluster.brokers, 1);
    assert_int_equal(cluster.topics, 1);
    assert_string_equal(cluster.missing, "not-there");
    const struct sky_kafka_topic greedy = {"greedy", 1, 3, -1, false, false}; /* three copies on one broker */
    expect(sky_kafka_ensure_topics(&kafka, &greedy, 1, WAIT_MS, &message), SKY_E_CONFIG);
    assert_non_null(strstr(message.text, "greedy"));
    const struct sky_kafka_topic alone = {"asked", 1, 1, -1, false, true}; /* which has three partitions */
    expect(sky_kafka_ensure_topics(&kafka, &alone, 1, WAIT_MS, &message), SKY_E_CONFIG);
    assert_non_null(strstr(message.text, "asked has 3 partitions"));
}

/* Nobody listens on port 1: a time-out that names the broker, not a wait for ever. */
static void test_no_broker(void **state)
{
    struct sky_kafka_cluster cluster;
    struct sky_kafka_producer *producer;
    struct sky_kafka_options away = kafka;
    away.bootstrap_servers = "127.0.0.1:1";
    int64_t began_ms = sky_clock_monotonic_ms();
    expect(sky_kafka_ask(&away, NULL, 0, 1500, &cluster, &message), SKY_E_TIMEOUT);
    assert_non_null(strstr(message.text, "127.0.0.1:1"));
    const struct sky_kafka_producer_options options = {&away, "away"};
    expect(sky_kafka_producer_new(&options, &producer, &message), SKY_OK);
    expect_of(producer, sky_kafka_producer_init(producer, 1500), SKY_E_TIMEOUT);
    sky_kafka_producer_problem(producer, &message);
    assert_non_null(strstr(message.text, "127.0.0.1:1"));
    sky_kafka_producer_free(producer);
    assert_true(sky_clock_monotonic_ms() - began_ms < WAIT_MS);
    away.bootstrap_servers = "";
    expect(sky_kafka_producer_new(&options, &producer, &message), SKY_E_CONFIG);
    away = kafka;
    away.security = SKY_KAFKA_SASL_PLAINTEXT;
    expect(sky_kafka_producer_new(&options, &producer, &message), SKY_E_CONFIG);
    assert_non_null(strstr(message.text, "kafka.username"));
}

int main(void)
{
    kafka.bootstrap_servers = getenv("SKYTREND_KAFKA_BOOTSTRAP_SERVERS");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_committed_records_are_seen),
        cmocka_unit_test(test_a_newer_instance_fences_the_older),
        cmocka_unit_test(test_partitions_are_those_of_java),
        cmocka_unit_test(test_the_last_value_of_a_key),
        cmocka_unit_test(test_the_last_value_in_steps),
        cmocka_unit_test(test_a_group_remembers_offset_and_plan),
        cmocka_unit_test(test_an_offset_that_is_gone),
        cmocka_unit_test(test_headers_and_limits),
        cmocka_unit_test(test_too_large_for_the_brokers),
        cmocka_unit_test(test_asking),
        cmocka_unit_test(test_no_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
