#include "io/kafka/kafka_producer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "io/host/clock.h"
#include "io/kafka/kafka_client.h"

#define BATCH_BYTES    "1000000"
#define SEND_WAIT_MS   100 /* one wait for room in the queue */
#define CLOSE_FLUSH_MS 2000
#define CLOSE_PURGE_MS 1000

static const char *const compression_names[SKY_KAFKA_COMPRESSION_COUNT] = {"none", "gzip", "snappy", "lz4", "zstd"};

struct sky_kafka_producer {
    rd_kafka_t *client;
    struct sky_kafka_problem problem; /* librdkafka's */
    struct sky_kafka_message message; /* ours, of the last call */
    int64_t request_timeout_ms;
    _Atomic uint64_t refused;         /* records that will not be delivered, since the last flush */
    struct sky_kafka_message refusal; /* of the first of them in this transaction: what follows says less */
    bool too_large;                   /* the brokers' word for it */
};

/* Runs inside poll and flush, on the owner's thread. In a transaction a refused record shows up at the commit too. */
static void take_delivery(rd_kafka_t *client, const rd_kafka_message_t *delivered, void *opaque)
{
    struct sky_kafka_producer *producer = delivered->_private;
    (void)client;
    (void)opaque;
    if (delivered->err == RD_KAFKA_RESP_ERR_NO_ERROR || !producer)
        return;
    atomic_fetch_add(&producer->refused, 1);
    sky_kafka_say(&producer->message, "a record for %s was not delivered: %s", rd_kafka_topic_name(delivered->rkt),
                  rd_kafka_err2str(delivered->err));
    if (delivered->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        producer->too_large = true;
        sky_kafka_say(
            &producer->message,
            "a record of %zu bytes for topic %s is too large for the brokers, or the batch of up to " BATCH_BYTES
            " bytes that it is in: set the topic's max.message.bytes higher",
            delivered->len + delivered->key_len, rd_kafka_topic_name(delivered->rkt));
    }
    if (!*producer->refusal.text || producer->too_large)
        producer->refusal = producer->message;
}

static bool configure(rd_kafka_conf_t *conf, const struct sky_kafka_producer_options *options,
                      struct sky_kafka_message *message)
{
    char retry[32], linger[32], transaction[32], queue[32], largest[32];
    const struct sky_kafka_options *kafka = options->kafka;
    snprintf(retry, sizeof retry, "%lld", (long long)kafka->retry_backoff_ms);
    snprintf(linger, sizeof linger, "%lld", (long long)kafka->linger_ms);
    snprintf(transaction, sizeof transaction, "%lld", (long long)kafka->transaction_timeout_ms);
    snprintf(queue, sizeof queue, "%d", SKY_KAFKA_QUEUE_BYTES_MAX / 1024);
    snprintf(largest, sizeof largest, "%d", SKY_KAFKA_RECORD_BYTES_MAX);
    const struct sky_kafka_property properties[] = {
        {"enable.idempotence", "true"},
        {"retry.backoff.ms", retry},
        {"compression.type", compression_names[kafka->compression]},
        {"compression.level", "1"},
        {"linger.ms", linger},
        {"batch.size", BATCH_BYTES},
        {"batch.num.messages", "100000"},
        {"queue.buffering.max.kbytes", queue},
        {"queue.buffering.max.messages", "500000"},
        {"message.max.bytes", largest},
        {"partitioner", "murmur2_random"},
        {"delivery.report.only.error", "true"},
        {"transactional.id", options->transactional_id ? options->transactional_id : ""},
        {"transaction.timeout.ms", options->transactional_id ? transaction : ""},
        {NULL, NULL},
    };
    rd_kafka_conf_set_dr_msg_cb(conf, take_delivery);
    return sky_kafka_conf_set(conf, properties, message);
}

enum sky_status sky_kafka_producer_new(const struct sky_kafka_producer_options *options,
                                       struct sky_kafka_producer **producer, struct sky_kafka_message *message)
{
    struct sky_kafka_producer *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    sky_kafka_problem_init(&made->problem);
    made->request_timeout_ms = options->kafka->request_timeout_ms;
    rd_kafka_conf_t *conf = sky_kafka_conf_new(options->kafka, &made->problem, message);
    if (conf && !configure(conf, options, message)) {
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    if (conf)
        made->client = sky_kafka_client_new(RD_KAFKA_PRODUCER, conf, message);
    if (!made->client) {
        sky_kafka_producer_free(made);
        return SKY_E_CONFIG;
    }
    *producer = made;
    return SKY_OK;
}

void sky_kafka_producer_free(struct sky_kafka_producer *producer)
{
    if (!producer)
        return;
    /* librdkafka 2.0 ends the whole process (its assertion txn_req_cnt > 0) when a partition is to be added to a
     * transaction while the client is destroyed. What was delivered has had its partition added. */
    if (producer->client) {
        rd_kafka_flush(producer->client, CLOSE_FLUSH_MS);
        rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(producer->client, CLOSE_PURGE_MS);
        rd_kafka_destroy(producer->client);
    }
    sky_kafka_problem_clean_up(&producer->problem);
    free(producer);
}

static enum sky_status take(struct sky_kafka_producer *producer, rd_kafka_error_t *error, const char *what)
{
    if (!error) {
        sky_kafka_problem_clear(&producer->problem);
        producer->message.text[0] = 0;
    }
    return sky_kafka_take_error(error, what, &producer->problem, &producer->message);
}

enum sky_status sky_kafka_producer_init(struct sky_kafka_producer *producer, int timeout_ms)
{
    return take(producer, rd_kafka_init_transactions(producer->client, timeout_ms), "the brokers do not take us on");
}

enum sky_status sky_kafka_producer_begin(struct sky_kafka_producer *producer)
{
    atomic_store(&producer->refused, 0);
    producer->refusal.text[0] = 0;
    producer->too_large = false;
    return take(producer, rd_kafka_begin_transaction(producer->client), "no transaction can be begun");
}

static rd_kafka_headers_t *make_headers(const struct sky_kafka_outgoing *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->headers_count);
    for (uint32_t i = 0; i < record->headers_count; i++)
        rd_kafka_header_add(headers, record->headers[i].name, -1, record->headers[i].value.ptr,
                            (ssize_t)record->headers[i].value.len);
    return headers;
}

/* librdkafka takes the headers over only when it takes the record. */
static rd_kafka_resp_err_t produce(struct sky_kafka_producer *producer, const struct sky_kafka_outgoing *record)
{
    rd_kafka_headers_t *headers = record->headers_count ? make_headers(record) : NULL;
    rd_kafka_vu_t parts[9] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)record->key.ptr, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)record->value.ptr, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = producer},
    };
    size_t count = 7;
    if (headers)
        parts[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
    rd_kafka_error_t *error = rd_kafka_produceva(producer->client, parts, count);
    if (!error)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        sky_kafka_say(&producer->message, "a record for %s cannot be sent: %s", record->topic,
                      rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    if (headers)
        rd_kafka_headers_destroy(headers);
    return code;
}

enum sky_status sky_kafka_producer_send(struct sky_kafka_producer *producer, const struct sky_kafka_outgoing *record)
{
    if (record->key.len + record->value.len > SKY_KAFKA_RECORD_BYTES_MAX) {
        sky_kafka_say(&producer->message, "a record for %s is longer than %d bytes", record->topic,
                      SKY_KAFKA_RECORD_BYTES_MAX);
        return SKY_E_LIMIT;
    }
    rd_kafka_resp_err_t code = produce(producer, record);
    int64_t give_up_ms = code ? sky_clock_monotonic_ms() + producer->request_timeout_ms : 0;
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(producer->client, SEND_WAIT_MS);
        code = produce(producer, record);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && sky_clock_monotonic_ms() >= give_up_ms) {
            sky_kafka_say(&producer->message, "the brokers take nothing: the queue is full");
            return SKY_E_TIMEOUT;
        }
    }
    enum sky_status status = sky_kafka_status(code);
    return status == SKY_E_TIMEOUT ? SKY_E_IO : status;
}

enum sky_status sky_kafka_producer_commit(struct sky_kafka_producer *producer, int timeout_ms)
{
    enum sky_status status =
        take(producer, rd_kafka_commit_transaction(producer->client, timeout_ms), "the transaction is not committed");
    if (status != SKY_E_IO && status != SKY_E_LIMIT)
        return status;
    struct sky_kafka_message whole = producer->message;
    rd_kafka_poll(producer->client, 0); /* what became of each record */
    producer->message = *producer->refusal.text ? producer->refusal : whole;
    return producer->too_large ? SKY_E_LIMIT : status;
}

/* Only when nothing is under way (see sky_kafka_producer_free); else a new producer does what an abort would. */
enum sky_status sky_kafka_producer_abort(struct sky_kafka_producer *producer, int timeout_ms)
{
    rd_kafka_resp_err_t code = rd_kafka_flush(producer->client, timeout_ms);
    if (code || atomic_load(&producer->refused)) {
        sky_kafka_say(&producer->message, "the transaction is not aborted: records are under way");
        return SKY_E_IO;
    }
    return take(producer, rd_kafka_abort_transaction(producer->client, timeout_ms), "the transaction is not aborted");
}

enum sky_status sky_kafka_producer_flush(struct sky_kafka_producer *producer, int timeout_ms)
{
    rd_kafka_resp_err_t code = rd_kafka_flush(producer->client, timeout_ms);
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT)
        sky_kafka_say(&producer->message, "the brokers have not acknowledged everything yet");
    if (code)
        return sky_kafka_status(code);
    return atomic_exchange(&producer->refused, 0) ? SKY_E_IO : SKY_OK;
}

void sky_kafka_producer_problem(struct sky_kafka_producer *producer, struct sky_kafka_message *message)
{
    if (*producer->message.text)
        *message = producer->message;
    else
        sky_kafka_problem_read(&producer->problem, message);
}

enum sky_status sky_kafka_producer_partitions(struct sky_kafka_producer *producer, const char *topic, int timeout_ms,
                                              int32_t *count)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer->client, topic, NULL);
    rd_kafka_resp_err_t code =
        handle ? rd_kafka_metadata(producer->client, 0, handle, &metadata, timeout_ms) : rd_kafka_last_error();
    if (!code && metadata) {
        code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        *count = code ? 0 : metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    if (handle)
        rd_kafka_topic_destroy(handle);
    if (code)
        sky_kafka_say(&producer->message, "%s: %s", topic, rd_kafka_err2str(code));
    return sky_kafka_status(code);
}
