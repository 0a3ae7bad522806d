#include "io/kafka/kafka_last.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/host/clock.h"
#include "io/kafka/kafka_client.h"

#define FETCH_BYTES_DEFAULT (1 << 20)
#define BATCH_RECORDS       512

struct sky_kafka_last {
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    struct sky_kafka_problem problem;
    struct sky_buffer key;
    struct sky_buffer value; /* the last one so far */
    bool begun;
    bool found;
    bool at_end;
};

static bool configure(rd_kafka_conf_t *conf, const struct sky_kafka_reader_options *options,
                      struct sky_kafka_message *message)
{
    char queued[32];
    snprintf(queued, sizeof queued, "%zu",
             (options->fetch_bytes ? options->fetch_bytes : (size_t)FETCH_BYTES_DEFAULT) / 1024);
    const struct sky_kafka_property properties[] = {
        {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "error"},
        {"queued.max.messages.kbytes", queued},
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "50"},
        {NULL, NULL},
    };
    return sky_kafka_conf_set(conf, properties, message);
}

enum sky_status sky_kafka_last_new(const struct sky_kafka_reader_options *options, struct sky_span key,
                                   struct sky_kafka_last **last, struct sky_kafka_message *message)
{
    struct sky_kafka_last *made = calloc(1, sizeof *made);
    *last = NULL;
    if (!made)
        return SKY_E_MEMORY;
    sky_kafka_problem_init(&made->problem);
    sky_buffer_put_span(&made->key, key);
    rd_kafka_conf_t *conf = sky_kafka_conf_new(options->kafka, &made->problem, message);
    if (conf && !configure(conf, options, message)) {
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    made->client = conf ? sky_kafka_client_new(RD_KAFKA_CONSUMER, conf, message) : NULL;
    made->topic = made->client ? rd_kafka_topic_new(made->client, options->topic, NULL) : NULL;
    if (!made->topic || made->key.failed) {
        enum sky_status status = made->key.failed ? SKY_E_MEMORY : SKY_E_CONFIG;
        sky_kafka_last_free(made);
        return status;
    }
    *last = made;
    return SKY_OK;
}

void sky_kafka_last_free(struct sky_kafka_last *last)
{
    if (!last)
        return;
    if (last->begun)
        rd_kafka_consume_stop(last->topic, 0);
    if (last->topic)
        rd_kafka_topic_destroy(last->topic);
    if (last->client)
        rd_kafka_destroy(last->client);
    sky_kafka_problem_clean_up(&last->problem);
    sky_buffer_clean_up(&last->key);
    sky_buffer_clean_up(&last->value);
    free(last);
}

static enum sky_status take(struct sky_kafka_last *last, const rd_kafka_message_t *got,
                            struct sky_kafka_message *message)
{
    if (got->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        last->at_end = true;
        return SKY_OK;
    }
    last->at_end = false;
    if (got->err) {
        enum sky_status status = sky_kafka_status(got->err);
        sky_kafka_say(message, "%s: %s", rd_kafka_topic_name(last->topic), rd_kafka_message_errstr(got));
        return status == SKY_E_TIMEOUT ? SKY_OK : status; /* librdkafka goes on trying */
    }
    if (!sky_span_equal(sky_span_of(got->key, got->key ? got->key_len : 0), sky_buffer_span(&last->key)))
        return SKY_OK;
    last->found = got->payload != NULL;
    sky_buffer_clear(&last->value);
    sky_buffer_put(&last->value, got->payload, got->payload ? got->len : 0);
    return last->value.failed ? SKY_E_MEMORY : SKY_OK;
}

/* At least one message, if one comes in time. A batch waits for its last record: hence without a wait first. */
static enum sky_status take_some(struct sky_kafka_last *last, int timeout_ms, struct sky_kafka_message *message)
{
    rd_kafka_message_t *batch[BATCH_RECORDS];
    enum sky_status status = SKY_OK;
    rd_kafka_poll(last->client, 0);
    ssize_t count = rd_kafka_consume_batch(last->topic, 0, 0, batch, BATCH_RECORDS);
    if (count <= 0) {
        batch[0] = rd_kafka_consume(last->topic, 0, timeout_ms);
        count = batch[0] != NULL;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (status == SKY_OK)
            status = take(last, batch[i], message);
        rd_kafka_message_destroy(batch[i]);
    }
    return status;
}

enum sky_status sky_kafka_last_read(struct sky_kafka_last *last, int timeout_ms, struct sky_buffer *value,
                                    struct sky_kafka_message *message)
{
    int64_t until_ms = sky_clock_monotonic_ms() + timeout_ms, left_ms = timeout_ms;
    enum sky_status status = SKY_OK;
    if (!last->begun && rd_kafka_consume_start(last->topic, 0, RD_KAFKA_OFFSET_BEGINNING) != 0) {
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        sky_kafka_say(message, "%s cannot be read: %s", rd_kafka_topic_name(last->topic), rd_kafka_err2str(code));
        return sky_kafka_status(code);
    }
    last->begun = true;
    do {
        status = take_some(last, left_ms > 0 ? (int)left_ms : 0, message);
        left_ms = until_ms - sky_clock_monotonic_ms();
    } while (status == SKY_OK && !last->at_end && left_ms > 0);
    if (status != SKY_OK)
        return status;
    if (!last->at_end) {
        sky_kafka_problem_read(&last->problem, message);
        return SKY_E_TIMEOUT;
    }
    if (last->found)
        sky_buffer_put_span(value, sky_buffer_span(&last->value));
    return !last->found ? SKY_E_MISSING : value->failed ? SKY_E_MEMORY : SKY_OK;
}

/* A topic that is not there is told by the metadata; a partition of it would be waited for. */
static enum sky_status find_topic(struct sky_kafka_last *last, int timeout_ms, struct sky_kafka_message *message)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(last->client, 0, last->topic, &metadata, timeout_ms);
    if (code) {
        struct sky_kafka_message behind;
        sky_kafka_problem_read(&last->problem, &behind);
        sky_kafka_say(message, "the brokers do not answer: %s", *behind.text ? behind.text : rd_kafka_err2str(code));
        return sky_kafka_status(code);
    }
    code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__FAIL;
    rd_kafka_metadata_destroy(metadata);
    if (code && code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        sky_kafka_say(message, "topic %s: %s", rd_kafka_topic_name(last->topic), rd_kafka_err2str(code));
        return sky_kafka_status(code);
    }
    return SKY_OK;
}

enum sky_status sky_kafka_read_last(const struct sky_kafka_reader_options *options, struct sky_span key, int timeout_ms,
                                    struct sky_buffer *value, struct sky_kafka_message *message)
{
    struct sky_kafka_last *last;
    int64_t until_ms = sky_clock_monotonic_ms() + timeout_ms;
    enum sky_status status = sky_kafka_last_new(options, key, &last, message);
    if (status != SKY_OK)
        return status;
    status = find_topic(last, timeout_ms > 0 ? timeout_ms : 1, message);
    int64_t left_ms = until_ms - sky_clock_monotonic_ms();
    if (status == SKY_OK)
        status = sky_kafka_last_read(last, left_ms > 0 ? (int)left_ms : 0, value, message);
    sky_kafka_last_free(last);
    return status;
}
