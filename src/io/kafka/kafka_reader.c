/* Each partition is consumed into a queue of its own, and asked for a batch when its last one is used up. */
#include "io/kafka/kafka_reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/kafka/kafka_client.h"

#define FETCH_BYTES_DEFAULT (64 * 1024 * 1024)
#define FETCH_KIBIBYTES_MIN 256 /* of one partition */
#define BATCH_RECORDS       512
#define METADATA_WAIT_MS    10000

struct partition {
    rd_kafka_message_t *batch[BATCH_RECORDS];
    uint32_t batch_count;
    uint32_t at;         /* the one given last is batch[at - 1] */
    int64_t next_offset; /* behind the last record given, or where the end was found */
    bool begun;
    bool at_end;
};

struct sky_kafka_reader {
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    struct sky_kafka_problem problem;
    struct sky_kafka_message message;
    uint32_t partitions_count;
    struct partition partitions[];
};

/* How many partitions there are decides how much each may hold, and is known only with a client: it is asked first. */
static enum sky_status count_partitions(const struct sky_kafka_reader_options *options, uint32_t *count,
                                        struct sky_kafka_message *message)
{
    struct sky_kafka_problem problem;
    sky_kafka_problem_init(&problem);
    rd_kafka_conf_t *conf = sky_kafka_conf_new(options->kafka, &problem, message);
    rd_kafka_t *client = conf ? sky_kafka_client_new(RD_KAFKA_CONSUMER, conf, message) : NULL;
    rd_kafka_topic_t *topic = client ? rd_kafka_topic_new(client, options->topic, NULL) : NULL;
    const struct rd_kafka_metadata *metadata;
    enum sky_status status = topic ? SKY_OK : SKY_E_CONFIG;
    if (topic) {
        int timeout_ms =
            (int)(options->kafka->request_timeout_ms < METADATA_WAIT_MS ? options->kafka->request_timeout_ms
                                                                        : METADATA_WAIT_MS);
        rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, topic, &metadata, timeout_ms);
        struct sky_kafka_message behind;
        sky_kafka_problem_read(&problem, &behind);
        if (code)
            sky_kafka_say(message, "the brokers do not answer: %s",
                          *behind.text ? behind.text : rd_kafka_err2str(code));
        status = sky_kafka_status(code);
    }
    if (status == SKY_OK) {
        rd_kafka_resp_err_t code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__FAIL;
        *count = code ? 0 : (uint32_t)metadata->topics[0].partition_cnt;
        status = code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ? SKY_OK : sky_kafka_status(code);
        if (status == SKY_OK && (*count == 0 || *count > SKY_KAFKA_READER_PARTITIONS_MAX))
            status = *count ? SKY_E_LIMIT : SKY_E_MISSING;
        if (status != SKY_OK)
            sky_kafka_say(message, "topic %s: %s", options->topic, rd_kafka_err2str(code));
        rd_kafka_metadata_destroy(metadata);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    if (client)
        rd_kafka_destroy(client);
    sky_kafka_problem_clean_up(&problem);
    return status;
}

static bool configure(rd_kafka_conf_t *conf, const struct sky_kafka_reader_options *options, uint32_t partitions,
                      struct sky_kafka_message *message)
{
    char queued[32];
    size_t share = (options->fetch_bytes ? options->fetch_bytes : FETCH_BYTES_DEFAULT) / 1024 / partitions;
    snprintf(queued, sizeof queued, "%zu", share > FETCH_KIBIBYTES_MIN ? share : FETCH_KIBIBYTES_MIN);
    const struct sky_kafka_property properties[] = {
        {"isolation.level", "read_committed"}, {"enable.partition.eof", "true"},
        {"auto.offset.reset", "error"},        {"queued.max.messages.kbytes", queued},
        {"fetch.wait.max.ms", "100"},          {"fetch.error.backoff.ms", "50"},
        {"queued.min.messages", "1000000"},    {NULL, NULL},
    };
    return sky_kafka_conf_set(conf, properties, message);
}

/* A partition that is begun before its leader is known waits half a second for it. */
static void learn_leaders(struct sky_kafka_reader *reader, const struct sky_kafka_options *kafka)
{
    const struct rd_kafka_metadata *metadata;
    int timeout_ms = kafka->request_timeout_ms < METADATA_WAIT_MS ? (int)kafka->request_timeout_ms : METADATA_WAIT_MS;
    if (rd_kafka_metadata(reader->client, 0, reader->topic, &metadata, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
}

enum sky_status sky_kafka_reader_open(const struct sky_kafka_reader_options *options, struct sky_kafka_reader **reader,
                                      struct sky_kafka_message *message)
{
    uint32_t count = 0;
    enum sky_status status = count_partitions(options, &count, message);
    if (status != SKY_OK)
        return status;
    struct sky_kafka_reader *made = calloc(1, sizeof *made + count * sizeof made->partitions[0]);
    if (!made)
        return SKY_E_MEMORY;
    sky_kafka_problem_init(&made->problem);
    made->partitions_count = count;
    rd_kafka_conf_t *conf = sky_kafka_conf_new(options->kafka, &made->problem, message);
    if (conf && !configure(conf, options, count, message)) {
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    made->client = conf ? sky_kafka_client_new(RD_KAFKA_CONSUMER, conf, message) : NULL;
    made->topic = made->client ? rd_kafka_topic_new(made->client, options->topic, NULL) : NULL;
    if (!made->topic) {
        sky_kafka_reader_close(made);
        return SKY_E_CONFIG;
    }
    learn_leaders(made, options->kafka);
    *reader = made;
    return SKY_OK;
}

static void drop_batch(struct partition *partition)
{
    for (uint32_t i = 0; i < partition->batch_count; i++)
        rd_kafka_message_destroy(partition->batch[i]);
    partition->batch_count = 0;
    partition->at = 0;
}

void sky_kafka_reader_close(struct sky_kafka_reader *reader)
{
    if (!reader)
        return;
    for (uint32_t i = 0; i < reader->partitions_count; i++) {
        drop_batch(&reader->partitions[i]);
        if (reader->partitions[i].begun)
            rd_kafka_consume_stop(reader->topic, (int32_t)i);
    }
    if (reader->topic)
        rd_kafka_topic_destroy(reader->topic);
    if (reader->client)
        rd_kafka_destroy(reader->client);
    sky_kafka_problem_clean_up(&reader->problem);
    free(reader);
}

uint32_t sky_kafka_reader_partitions(const struct sky_kafka_reader *reader)
{
    return reader->partitions_count;
}

enum sky_status sky_kafka_reader_begin(struct sky_kafka_reader *reader, uint32_t partition, int64_t offset)
{
    int64_t from = offset == SKY_KAFKA_READER_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : offset;
    if (rd_kafka_consume_start(reader->topic, (int32_t)partition, from) == 0) {
        reader->partitions[partition].begun = true;
        reader->partitions[partition].next_offset = offset >= 0 ? offset : 0;
        return SKY_OK;
    }
    rd_kafka_resp_err_t code = rd_kafka_last_error();
    sky_kafka_say(&reader->message, "partition %u cannot be read: %s", partition, rd_kafka_err2str(code));
    return sky_kafka_status(code);
}

/* At least one message, if one comes in time. A batch waits for its last record: hence without a wait first. */
static void fill_batch(struct sky_kafka_reader *reader, uint32_t number, int timeout_ms)
{
    struct partition *partition = &reader->partitions[number];
    drop_batch(partition);
    ssize_t got = rd_kafka_consume_batch(reader->topic, (int32_t)number, 0, partition->batch, BATCH_RECORDS);
    if (got <= 0 && timeout_ms > 0) {
        partition->batch[0] = rd_kafka_consume(reader->topic, (int32_t)number, timeout_ms);
        got = partition->batch[0] ? 1 : 0;
    }
    partition->batch_count = got > 0 ? (uint32_t)got : 0;
}

static enum sky_status take_trouble(struct sky_kafka_reader *reader, const rd_kafka_message_t *told)
{
    enum sky_status status = sky_kafka_status(told->err);
    sky_kafka_say(&reader->message, "%s", rd_kafka_message_errstr(told));
    return status == SKY_E_TIMEOUT || status == SKY_E_MISSING ? SKY_E_MISSING : status;
}

enum sky_status sky_kafka_reader_next(struct sky_kafka_reader *reader, uint32_t number, int timeout_ms,
                                      struct sky_kafka_record *record)
{
    struct partition *partition = &reader->partitions[number];
    rd_kafka_poll(reader->client, 0);
    if (partition->at == partition->batch_count)
        fill_batch(reader, number, partition->at_end && timeout_ms == 0 ? 0 : timeout_ms);
    if (partition->at == partition->batch_count)
        return SKY_E_MISSING;
    const rd_kafka_message_t *got = partition->batch[partition->at++];
    partition->at_end = got->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (partition->at_end) {
        partition->next_offset = got->offset;
        return SKY_E_MISSING;
    }
    if (got->err)
        return take_trouble(reader, got);
    reader->message.text[0] = 0;
    sky_kafka_problem_clear(&reader->problem);
    sky_kafka_record_from(got, record);
    partition->next_offset = got->offset + 1;
    return SKY_OK;
}

bool sky_kafka_reader_at_end(const struct sky_kafka_reader *reader, uint32_t partition)
{
    return reader->partitions[partition].at_end;
}

uint64_t sky_kafka_reader_lag(const struct sky_kafka_reader *reader)
{
    uint64_t lag = 0;
    for (uint32_t i = 0; i < reader->partitions_count; i++) {
        int64_t low = 0, high = 0;
        if (rd_kafka_get_watermark_offsets(reader->client, rd_kafka_topic_name(reader->topic), (int32_t)i, &low, &high))
            continue;
        if (high > reader->partitions[i].next_offset)
            lag += (uint64_t)(high - reader->partitions[i].next_offset);
    }
    return lag;
}

void sky_kafka_reader_problem(struct sky_kafka_reader *reader, struct sky_kafka_message *message)
{
    if (*reader->message.text)
        *message = reader->message;
    else
        sky_kafka_problem_read(&reader->problem, message);
}
