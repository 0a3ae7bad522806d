/* Partitions merged by event time, against what sorting all their records gives; and what must not be given yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "io/kafka/post_merge.h"

#define PARTITIONS  5
#define RECORDS_MAX 2000
#define START_MS    (INT64_C(29600000) * SKY_MINUTE_MS)

struct record {
    char value[320];
    int64_t time_ms;
    int64_t timestamp_ms; /* Kafka's */
    bool is_bad;
};

/* Partitions of records, of which so many have "arrived". */
struct topic {
    struct record records[PARTITIONS][RECORDS_MAX];
    uint32_t counts[PARTITIONS];
    uint32_t arrived[PARTITIONS];
    uint32_t next[PARTITIONS];
    enum sky_status broken[PARTITIONS];
    uint32_t asked[PARTITIONS];
    uint32_t partitions;
};

static struct topic topic;

static enum sky_status next_record(void *context, uint32_t partition, int timeout_ms, struct sky_kafka_record *record)
{
    struct topic *from = context;
    (void)timeout_ms;
    from->asked[partition]++;
    if (from->broken[partition])
        return from->broken[partition];
    if (from->next[partition] == from->arrived[partition])
        return SKY_E_MISSING;
    *record =
        (struct sky_kafka_record){.topic = "posts",
                                  .partition = (int32_t)partition,
                                  .offset = from->next[partition],
                                  .timestamp_ms = from->records[partition][from->next[partition]].timestamp_ms,
                                  .value = sky_span_from_string(from->records[partition][from->next[partition]].value)};
    from->next[partition]++;
    return SKY_OK;
}

static void put(uint32_t partition, int64_t time_ms, const char *op)
{
    char time[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, time);
    struct record *record = &topic.records[partition][topic.counts[partition]];
    record->time_ms = record->timestamp_ms = time_ms;
    snprintf(record->value, sizeof record->value,
             "{\"op\":\"%s\",\"event_time\":\"%s\",\"author_did\":\"did:plc:a\",\"uri\":\"at://did:plc:a/p/"
             "%u\",\"text\":\"p%u "
             "n%u\"}",
             op, time, topic.counts[partition], partition, topic.counts[partition]);
    topic.arrived[partition] = ++topic.counts[partition];
}

static void put_bad(uint32_t partition)
{
    struct record *record = &topic.records[partition][topic.counts[partition]];
    record->is_bad = true;
    snprintf(record->value, sizeof record->value, "{\"op\":");
    topic.arrived[partition] = ++topic.counts[partition];
}

static struct sky_post_merge *merge_of(uint32_t partitions)
{
    const struct sky_post_source source = {&topic, partitions, next_record};
    struct sky_post_merge *merge = sky_post_merge_new(&source);
    assert_non_null(merge);
    for (uint32_t p = 0; p < partitions; p++)
        sky_post_merge_begin(merge, p, 0);
    return merge;
}

static int reset(void **state)
{
    (void)state;
    memset(&topic, 0, sizeof topic);
    return 0;
}

static void assert_given(struct sky_post_merge *merge, uint32_t partition, int64_t time_ms)
{
    struct sky_merged item;
    assert_int_equal(sky_post_merge_next(merge, 10, &item), SKY_MERGE_POST);
    assert_int_equal(item.partition, partition);
    assert_int_equal(item.post->event_time_ms, time_ms);
}

static void assert_waits_for(struct sky_post_merge *merge, uint32_t partition)
{
    struct sky_merged item;
    assert_int_equal(sky_post_merge_next(merge, 10, &item), SKY_MERGE_WAITING);
    assert_int_equal(item.partition, partition);
}

static void test_waits_for_the_slowest(void **state)
{
    (void)state;
    struct sky_post_merge *merge = merge_of(3);
    put(0, START_MS + 1000, "create");
    put(1, START_MS + 2000, "create");
    assert_waits_for(merge, 2); /* it may have something older */
    put(2, START_MS + 1500, "watermark");
    assert_given(merge, 0, START_MS + 1000);
    assert_waits_for(merge, 0); /* come to 1000 only, and there is a watermark at 1500 to give */
    put(0, START_MS + 1800, "create");
    assert_given(merge, 2, START_MS + 1500);
    assert_waits_for(merge, 2);
    put(2, START_MS + 9000, "watermark");
    assert_given(merge, 0, START_MS + 1800);
    assert_waits_for(merge, 0);
    put(0, START_MS + 9000, "watermark");
    put(1, START_MS + 9000, "watermark");
    assert_given(merge, 1, START_MS + 2000);
    assert_given(merge, 0, START_MS + 9000);
    assert_given(merge, 1, START_MS + 9000);
    assert_given(merge, 2, START_MS + 9000);
    assert_waits_for(merge, 0);
    sky_post_merge_free(merge);
}

/* A partition that is ahead is left alone, whatever lies in it. */
static void test_one_ahead_is_not_asked(void **state)
{
    (void)state;
    struct sky_post_merge *merge = merge_of(2);
    for (int i = 0; i < 100; i++)
        put(1, START_MS + SKY_HOUR_MS + i, "create");
    for (int i = 0; i < 100; i++)
        put(0, START_MS + i, "create");
    for (int i = 0; i < 100; i++)
        assert_given(merge, 0, START_MS + i);
    assert_waits_for(merge, 0);
    assert_int_equal(topic.asked[1], 1);
    assert_int_equal(sky_post_merge_position(merge, 0), 100);
    assert_int_equal(sky_post_merge_position(merge, 1), 0); /* at hand, not given */
    sky_post_merge_free(merge);
}

static void test_bad_records_are_passed(void **state)
{
    (void)state;
    struct sky_post_merge *merge = merge_of(2);
    put(0, START_MS, "create");
    put_bad(1);
    put(1, START_MS + 5, "create");
    struct sky_merged item;
    assert_int_equal(sky_post_merge_next(merge, 10, &item), SKY_MERGE_BAD);
    assert_int_equal(item.partition, 1);
    assert_int_equal(item.record.offset, 0);
    assert_int_equal(item.error.status, SKY_E_TRUNCATED);
    assert_int_equal(sky_post_merge_position(merge, 1), 1);
    assert_given(merge, 0, START_MS);
    assert_waits_for(merge, 0);
    put(0, START_MS + 6, "create");
    assert_given(merge, 1, START_MS + 5);
    sky_post_merge_free(merge);
}

/* The next is a record of partition 0 that is refused. */
static void assert_ahead(struct sky_post_merge *merge, int64_t offset)
{
    struct sky_merged item;
    assert_int_equal(sky_post_merge_next(merge, 10, &item), SKY_MERGE_BAD);
    assert_int_equal(item.partition, 0);
    assert_int_equal(item.record.offset, offset);
    assert_int_equal(item.error.status, SKY_E_RANGE);
    assert_int_equal(sky_post_merge_position(merge, 0), offset + 1);
}

/* Posts and watermarks of the far future, as of a foreign writer, end nothing: the partition has not come to there. */
static void test_the_far_future_is_passed(void **state)
{
    (void)state;
    const int64_t year_9999_ms = INT64_C(253402300799999);
    struct sky_post_merge *merge = merge_of(2);
    put(0, year_9999_ms, "watermark");
    put(0, START_MS + SKY_HOUR_MS + 1, "create");
    put(0, START_MS + SKY_HOUR_MS, "create");
    for (int i = 0; i < 3; i++)
        topic.records[0][i].timestamp_ms = START_MS;
    put(1, START_MS + 5, "create");
    put(1, START_MS + SKY_HOUR_MS + 2, "watermark");
    assert_ahead(merge, 0);
    assert_ahead(merge, 1);
    assert_given(merge, 1, START_MS + 5);
    assert_given(merge, 0, START_MS + SKY_HOUR_MS);
    put(0, START_MS + SKY_HOUR_MS + 1, "create"); /* not late */
    struct sky_merged item;
    assert_int_equal(sky_post_merge_next(merge, 10, &item), SKY_MERGE_POST);
    assert_int_equal(item.record.offset, 3);
    assert_false(item.post->late);
    sky_post_merge_free(merge);
}

static void test_old_records_are_given_at_once(void **state)
{
    (void)state;
    struct sky_post_merge *merge = merge_of(2);
    put(0, START_MS + 5000, "create");
    put(0, START_MS, "create"); /* goes back: not from our ingest */
    put(0, START_MS - 1, "create");
    put(1, START_MS + 6000, "create");
    struct sky_merged item;
    assert_given(merge, 0, START_MS + 5000);
    assert_int_equal(sky_post_merge_next(merge, 10, &item), SKY_MERGE_POST);
    assert_int_equal(item.post->event_time_ms, START_MS);
    assert_false(item.post->late);
    assert_int_equal(sky_post_merge_next(merge, 10, &item), SKY_MERGE_POST);
    assert_int_equal(item.post->event_time_ms, START_MS - 1);
    assert_true(item.post->late); /* of a minute that the partition has left */
    assert_waits_for(merge, 0);
    put(0, START_MS + 7000, "create");
    assert_given(merge, 1, START_MS + 6000);
    sky_post_merge_free(merge);
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    struct sky_post_merge *merge = merge_of(2);
    put(0, START_MS, "create");
    topic.broken[1] = SKY_E_RANGE;
    struct sky_merged item;
    assert_int_equal(sky_post_merge_next(merge, 10, &item), SKY_MERGE_FAILED);
    assert_int_equal(item.partition, 1);
    assert_int_equal(item.error.status, SKY_E_RANGE);
    sky_post_merge_free(merge);
}

/* ---- many records, that arrive bit by bit; restarts on the way ---- */

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % bound);
}

static int64_t expected_ms[PARTITIONS * RECORDS_MAX];

static uint32_t fill_topic(uint64_t *random)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        int64_t time_ms = START_MS;
        for (uint32_t i = 0; i < RECORDS_MAX - 1; i++) {
            time_ms += random_below(random, 3) * random_below(random, 40);
            put(p, time_ms, random_below(random, 10) ? "create" : "watermark");
            expected_ms[count++] = time_ms;
        }
        put(p, START_MS + SKY_DAY_MS, "watermark");
        expected_ms[count++] = START_MS + SKY_DAY_MS;
        topic.arrived[p] = 0;
    }
    qsort(expected_ms, count, sizeof *expected_ms, by_time);
    return count;
}

/* A merge that begins where the one before was. */
static struct sky_post_merge *restart(struct sky_post_merge *merge)
{
    int64_t positions[PARTITIONS];
    for (uint32_t p = 0; p < PARTITIONS; p++)
        positions[p] = sky_post_merge_position(merge, p);
    sky_post_merge_free(merge);
    merge = merge_of(PARTITIONS);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        topic.next[p] = (uint32_t)positions[p];
        sky_post_merge_begin(merge, p, positions[p]);
    }
    return merge;
}

static void test_equals_sorting(void **state)
{
    (void)state;
    uint64_t random = 4;
    uint32_t count = fill_topic(&random), given = 0, offsets[PARTITIONS] = {0};
    struct sky_post_merge *merge = merge_of(PARTITIONS);
    while (given < count) {
        struct sky_merged item;
        uint32_t p = random_below(&random, PARTITIONS);
        if (random_below(&random, 4) == 0 && topic.arrived[p] < topic.counts[p])
            topic.arrived[p] +=
                1 + random_below(&random,
                                 topic.counts[p] - topic.arrived[p] < 50 ? topic.counts[p] - topic.arrived[p] : 50);
        if (random_below(&random, 500) == 0)
            merge = restart(merge);
        if (sky_post_merge_next(merge, 0, &item) != SKY_MERGE_POST)
            continue;
        assert_int_equal(item.post->event_time_ms, expected_ms[given]);
        assert_int_equal(item.post->event_time_ms, topic.records[item.partition][item.record.offset].time_ms);
        assert_int_equal(item.record.offset, offsets[item.partition]++);
        given++;
    }
    sky_post_merge_free(merge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_waits_for_the_slowest, reset),
        cmocka_unit_test_setup(test_one_ahead_is_not_asked, reset),
        cmocka_unit_test_setup(test_bad_records_are_passed, reset),
        cmocka_unit_test_setup(test_the_far_future_is_passed, reset),
        cmocka_unit_test_setup(test_old_records_are_given_at_once, reset),
        cmocka_unit_test_setup(test_what_cannot_be_read, reset),
        cmocka_unit_test_setup(test_equals_sorting, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
