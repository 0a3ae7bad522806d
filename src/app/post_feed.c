#include "app/post_feed.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE    256
#define PROBLEM_SIZE (SKY_KAFKA_MESSAGE_SIZE + 512)

struct sky_post_feed {
    struct sky_kafka_reader *reader;
    struct sky_post_merge *merge;
    bool begun;
    int64_t offsets[SKY_KAFKA_READER_PARTITIONS_MAX]; /* to begin at */
    uint64_t records;
    uint64_t bytes;
    uint64_t bad;
    char topic[NAME_SIZE];
    char name[NAME_SIZE];
    char problem[PROBLEM_SIZE];
};

static enum sky_status next_record(void *context, uint32_t partition, int timeout_ms, struct sky_kafka_record *record)
{
    struct sky_post_feed *feed = context;
    return sky_kafka_reader_next(feed->reader, partition, timeout_ms, record);
}

enum sky_status sky_post_feed_open(const struct sky_kafka_reader_options *options, struct sky_post_feed **feed,
                                   struct sky_kafka_message *message)
{
    struct sky_post_feed *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    enum sky_status status = sky_kafka_reader_open(options, &made->reader, message);
    if (status != SKY_OK) {
        sky_post_feed_close(made);
        return status;
    }
    const struct sky_post_source source = {made, sky_kafka_reader_partitions(made->reader), next_record};
    made->merge = sky_post_merge_new(&source);
    if (!made->merge) {
        sky_post_feed_close(made);
        return SKY_E_MEMORY;
    }
    for (uint32_t i = 0; i < source.partitions; i++)
        made->offsets[i] = SKY_KAFKA_READER_BEGINNING;
    snprintf(made->topic, sizeof made->topic, "%s", options->topic);
    snprintf(made->name, sizeof made->name, "Kafka %.200s", options->kafka->bootstrap_servers);
    *feed = made;
    return SKY_OK;
}

void sky_post_feed_close(struct sky_post_feed *feed)
{
    if (!feed)
        return;
    sky_post_merge_free(feed->merge);
    sky_kafka_reader_close(feed->reader);
    free(feed);
}

static void note_problem(struct sky_post_feed *feed, uint32_t partition, enum sky_status status)
{
    struct sky_kafka_message behind;
    sky_kafka_reader_problem(feed->reader, &behind);
    if (status == SKY_E_RANGE)
        snprintf(feed->problem, sizeof feed->problem,
                 "partition %u of %.80s: what comes after the checkpoint is not kept any more (%.100s); --reset-state "
                 "begins "
                 "anew",
                 partition, feed->topic, behind.text);
    else
        snprintf(feed->problem, sizeof feed->problem, "partition %u of %.80s: %.200s", partition, feed->topic,
                 *behind.text ? behind.text : sky_status_name(status));
}

static enum sky_status begin(struct sky_post_feed *feed)
{
    for (uint32_t i = 0; i < sky_kafka_reader_partitions(feed->reader); i++) {
        sky_post_merge_begin(feed->merge, i, feed->offsets[i]);
        enum sky_status status = sky_kafka_reader_begin(feed->reader, i, feed->offsets[i]);
        if (status != SKY_OK) {
            note_problem(feed, i, status);
            return status;
        }
    }
    feed->begun = true;
    return SKY_OK;
}

enum sky_merge_event sky_post_feed_next(struct sky_post_feed *feed, int timeout_ms, struct sky_merged *item)
{
    *item = (struct sky_merged){0};
    if (!feed->begun && begin(feed) != SKY_OK)
        return SKY_MERGE_FAILED;
    enum sky_merge_event event = sky_post_merge_next(feed->merge, timeout_ms, item);
    if (event == SKY_MERGE_POST || event == SKY_MERGE_BAD) {
        feed->records++;
        feed->bytes += item->record.value.len;
        feed->bad += event == SKY_MERGE_BAD;
    }
    if (event == SKY_MERGE_FAILED)
        note_problem(feed, item->partition, item->error.status);
    return event;
}

const char *sky_post_feed_problem(const struct sky_post_feed *feed)
{
    return feed->problem;
}

void sky_post_feed_status(struct sky_post_feed *feed, struct sky_post_feed_status *status)
{
    struct sky_kafka_message problem;
    sky_kafka_reader_problem(feed->reader, &problem);
    snprintf(feed->problem, sizeof feed->problem, "%s", problem.text);
    *status = (struct sky_post_feed_status){
        .name = feed->name,
        .ever_received = feed->records > 0,
        .records = feed->records,
        .bytes = feed->bytes,
        .bad = feed->bad,
        .lag = feed->begun ? sky_kafka_reader_lag(feed->reader) : 0,
        .partitions = sky_kafka_reader_partitions(feed->reader),
        .problem = feed->problem,
    };
}

void sky_post_feed_save(const struct sky_post_feed *feed, struct sky_buffer *buffer)
{
    uint32_t partitions = sky_kafka_reader_partitions(feed->reader);
    sky_buffer_put_blob(buffer, sky_span_from_string(feed->topic));
    sky_buffer_put_u64(buffer, partitions);
    for (uint32_t i = 0; i < partitions; i++)
        sky_buffer_put_i64(buffer, feed->begun ? sky_post_merge_position(feed->merge, i) : feed->offsets[i]);
}

void sky_post_feed_load(struct sky_post_feed *feed, struct sky_reader *reader)
{
    struct sky_span topic = sky_reader_blob(reader);
    uint64_t count = sky_reader_count(reader, 8);
    if (!sky_reader_ok(reader))
        return;
    if (!sky_span_equal(topic, sky_span_from_string(feed->topic)) ||
        count > sky_kafka_reader_partitions(feed->reader)) {
        sky_reader_fail(reader, SKY_E_CONFIG, "it was made with another topic of posts");
        return;
    }
    for (uint64_t i = 0; i < count; i++)
        feed->offsets[i] = sky_reader_i64(reader);
}
