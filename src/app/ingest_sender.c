#include "app/ingest_sender.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "event/post_json.h"
#include "io/host/clock.h"
#include "io/host/thread.h"
#include "io/kafka/kafka_last.h"
#include "io/kafka/kafka_producer.h"
#include "io/spool/spool_end.h"
#include "ops/log.h"

#define CALL_MS       5000 /* of one call that waits for brokers */
#define RETRY_MS      1000 /* before a new producer is tried */
#define IDLE_MS       100  /* one wait for a batch */
#define FENCED_MS     3000 /* in which a newer instance writes its number into the cursor */
#define PARTITIONS_MS 30000

struct sky_ingest_sender {
    struct sky_ingest_sender_options options;
    const char *transactional_id;
    uint64_t instance; /* of this process */
    pthread_t thread;

    pthread_mutex_t mutex; /* of what follows, up to the thread's own */
    pthread_cond_t changed;
    enum sky_ingest_answer answer;
    bool has_go;
    bool alone; /* go came without Kafka's cursor */
    bool stopping;
    int64_t deadline_ms; /* of the monotonic clock, once stopping */
    struct sky_ingest_sender_status status;

    /* The thread's own; `found` and `committed` are the receiver's between answer and go. */
    struct sky_kafka_producer *producer;
    struct sky_ingest_cursor found;     /* as last read */
    struct sky_ingest_cursor committed; /* known to be */
    struct sky_ingest_cursor next;      /* in the present transaction */
    bool was_connected;                 /* the brokers have taken us on */
    bool settled;                       /* where to begin is known */
    bool claimed;                       /* our number stands in the cursor */
    bool drained;
    uint64_t instance_before; /* in the cursor when we came */
    int32_t partitions;
    int64_t partitions_clock_ms;
    struct sky_buffer text; /* one record's JSON */
};

/* ---- between the threads ---- */

/* How long a call may take that would take `most_ms`; 0 when there is no time left. */
static int time_left_ms(struct sky_ingest_sender *sender, int most_ms)
{
    pthread_mutex_lock(&sender->mutex);
    int64_t left_ms = sender->stopping ? sender->deadline_ms - sky_clock_monotonic_ms() : most_ms;
    pthread_mutex_unlock(&sender->mutex);
    return left_ms < 0 ? 0 : left_ms < most_ms ? (int)left_ms : most_ms;
}

static bool goes_on(struct sky_ingest_sender *sender)
{
    return time_left_ms(sender, 1) > 0;
}

static bool is_stopping(struct sky_ingest_sender *sender)
{
    pthread_mutex_lock(&sender->mutex);
    bool stopping = sender->stopping;
    pthread_mutex_unlock(&sender->mutex);
    return stopping;
}

/* Wait that long, or until it is asked to stop. */
static void pause_for(struct sky_ingest_sender *sender, int ms)
{
    struct timespec until = sky_thread_time_in(time_left_ms(sender, ms));
    pthread_mutex_lock(&sender->mutex);
    bool was_stopping = sender->stopping;
    int error = 0;
    while (!error && sender->stopping == was_stopping)
        error = pthread_cond_timedwait(&sender->changed, &sender->mutex, &until);
    pthread_mutex_unlock(&sender->mutex);
}

/* Where it stands; a new problem is logged once. */
static void tell(struct sky_ingest_sender *sender, enum sky_ingest_sender_state state, const char *problem)
{
    pthread_mutex_lock(&sender->mutex);
    bool is_new = strcmp(sender->status.problem, problem) != 0;
    sender->status.state = state;
    snprintf(sender->status.problem, sizeof sender->status.problem, "%s", problem);
    sender->status.committed = sender->committed.position;
    sender->status.committed_event_time_ms = sender->committed.event_time_ms;
    pthread_mutex_unlock(&sender->mutex);
    if (is_new && *problem)
        sky_log(SKY_LOG_WARN, "kafka_problem", SKY_LOG_TEXT("reason", problem));
    else if (is_new)
        sky_log(SKY_LOG_INFO, "kafka_recovered", SKY_LOG_TEXT("brokers", sender->options.kafka->bootstrap_servers));
}

static void tell_producer_problem(struct sky_ingest_sender *sender, enum sky_ingest_sender_state state)
{
    struct sky_kafka_message message;
    sky_kafka_producer_problem(sender->producer, &message);
    if (*message.text)
        tell(sender, state, message.text);
}

/* No hope without a person. */
static enum sky_status fail(struct sky_ingest_sender *sender, const char *problem)
{
    sky_log(SKY_LOG_ERROR, "kafka_failed", SKY_LOG_TEXT("reason", problem));
    pthread_mutex_lock(&sender->mutex);
    snprintf(sender->status.problem, sizeof sender->status.problem, "%s", problem);
    sender->status.failed = true;
    sender->answer = SKY_INGEST_FAILED;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->mutex);
    return SKY_E_CONFIG;
}

/* ---- a transaction's records ---- */

/* Nothing older follows: to every partition, whether it got a post or not. */
static enum sky_status send_watermarks(struct sky_ingest_sender *sender, int64_t event_time_ms)
{
    const struct sky_post watermark = {.op = SKY_POST_WATERMARK, .event_time_ms = event_time_ms};
    struct sky_json_writer json;
    sky_buffer_clear(&sender->text);
    sky_json_begin(&json, &sender->text);
    sky_post_json_write(&json, &watermark);
    enum sky_status status = sender->text.failed ? SKY_E_MEMORY : SKY_OK;
    for (int32_t partition = 0; partition < sender->partitions && status == SKY_OK; partition++) {
        const struct sky_kafka_outgoing outgoing = {
            .topic = sky_topic_name(sender->options.config, SKY_TOPIC_POSTS),
            .partition = partition,
            .timestamp_ms = event_time_ms,
            .value = sky_buffer_span(&sender->text),
        };
        status = sky_kafka_producer_send(sender->producer, &outgoing);
    }
    return status;
}

/* Into the partition that read_cursor reads, whatever the key would lead to. */
static enum sky_status send_cursor_value(struct sky_ingest_sender *sender, struct sky_span value)
{
    const struct sky_kafka_outgoing outgoing = {
        .topic = sky_topic_name(sender->options.config, SKY_TOPIC_INGEST_CURSOR),
        .partition = 0,
        .key = sky_span_from_string(sender->transactional_id),
        .value = value,
    };
    return sky_kafka_producer_send(sender->producer, &outgoing);
}

/* ---- connecting ---- */

/* A transaction of nothing, aborted in every partition. A broker that was killed just behind a commit may come back
 * without the marks of its end in the partitions (seen with 4.4, a single one): then nobody ever saw the records, nor
 * the cursor among them, but the next commit would bring them to light beside those that are sent again. Like this they
 * end as aborted. Where no such thing happened it changes nothing. */
static enum sky_status sweep(struct sky_ingest_sender *sender)
{
    enum sky_status status = sky_kafka_producer_begin(sender->producer);
    if (status == SKY_OK)
        status = send_watermarks(sender, 0);
    if (status == SKY_OK)
        status = send_cursor_value(sender, SKY_SPAN("{}"));
    if (status == SKY_OK)
        status = sky_kafka_producer_flush(sender->producer, time_left_ms(sender, CALL_MS));
    if (status == SKY_OK)
        status = sky_kafka_producer_abort(sender->producer, time_left_ms(sender, CALL_MS));
    return status;
}

static enum sky_status open_producer(struct sky_ingest_sender *sender, struct sky_kafka_message *message)
{
    static const enum sky_topic_kind kinds[] = {SKY_TOPIC_POSTS, SKY_TOPIC_INGEST_CURSOR};
    const struct sky_kafka_producer_options options = {sender->options.kafka, sender->transactional_id};
    const char *posts = sky_topic_name(sender->options.config, SKY_TOPIC_POSTS);
    enum sky_status status =
        sky_topics_ensure(sender->options.config, kinds, 2, time_left_ms(sender, CALL_MS), message);
    if (status == SKY_OK)
        status = sky_kafka_producer_new(&options, &sender->producer, message);
    if (status != SKY_OK)
        return status;
    while ((status = sky_kafka_producer_init(sender->producer, time_left_ms(sender, CALL_MS))) == SKY_E_TIMEOUT &&
           goes_on(sender))
        tell_producer_problem(sender, SKY_INGEST_CONNECTING);
    if (status == SKY_OK)
        status =
            sky_kafka_producer_partitions(sender->producer, posts, time_left_ms(sender, CALL_MS), &sender->partitions);
    if (status == SKY_OK)
        status = sweep(sender);
    if (status != SKY_OK)
        sky_kafka_producer_problem(sender->producer, message);
    sender->partitions_clock_ms = sky_clock_monotonic_ms();
    return status;
}

/* Into `found`. SKY_E_MISSING: there is none. */
static enum sky_status read_cursor(struct sky_ingest_sender *sender, struct sky_kafka_message *message)
{
    struct sky_kafka_reader_options options = {
        .kafka = sender->options.kafka, .topic = sky_topic_name(sender->options.config, SKY_TOPIC_INGEST_CURSOR)};
    struct sky_error error;
    sky_buffer_clear(&sender->text);
    enum sky_status status = sky_kafka_read_last(&options, sky_span_from_string(sender->transactional_id),
                                                 time_left_ms(sender, CALL_MS), &sender->text, message);
    if (status != SKY_OK)
        return status;
    status = sky_ingest_cursor_read(sky_buffer_span(&sender->text), &sender->found, &error);
    if (status == SKY_OK || status == SKY_E_MEMORY)
        return status;
    snprintf(message->text, sizeof message->text, "the last record of %s for %s cannot be read: %s", options.topic,
             sender->transactional_id, error.reason ? error.reason : sky_status_name(status));
    return SKY_E_CONFIG;
}

/* ---- where to begin ---- */

static enum sky_status take_found(struct sky_ingest_sender *sender)
{
    sender->committed.position = sender->found.position;
    sender->committed.event_time_ms = sender->found.event_time_ms;
    sky_buffer_clear(&sender->committed.state);
    sky_buffer_put_span(&sender->committed.state, sky_buffer_span(&sender->found.state));
    return sender->committed.state.failed ? SKY_E_MEMORY : SKY_OK;
}

/* The receiver began without knowing Kafka's cursor. */
static enum sky_status compare_alone(struct sky_ingest_sender *sender, bool has_cursor)
{
    struct sky_spool_status spool;
    uint64_t end;
    sky_spool_status(sender->options.spool, &spool);
    if (!has_cursor) {
        sky_spool_end_forget(sender->options.spool);
        sender->committed.position = spool.first_position;
        sender->committed.event_time_ms = spool.first_time_ms;
        return SKY_OK;
    }
    if (sender->found.spool_id != sky_spool_id(sender->options.spool))
        return fail(sender,
                    "another spool was committed to Kafka meanwhile: start ingest again, it will go on from there");
    if (sky_spool_end_noted(sender->options.spool, &end) && sender->found.position > end) {
        uint64_t twice = spool.next_position - end;
        sky_log(SKY_LOG_ERROR, "spool_lost_its_end", SKY_LOG_INT("position", end),
                SKY_LOG_INT("committed", sender->found.position), SKY_LOG_INT("records", twice));
        sky_metric_add(sender->options.metrics, SKY_METRIC_SPOOL_LOST, 0, twice);
        return fail(sender, "the spool had lost its end, and what was received since has positions that Kafka knows: "
                            "start ingest again, it will go on from Kafka");
    }
    sky_spool_end_forget(sender->options.spool);
    return take_found(sender);
}

/* Tell the receiver what was found, and wait for its word. SKY_E_END: it is asked to stop before. */
static enum sky_status settle(struct sky_ingest_sender *sender, bool has_cursor)
{
    sender->instance_before = has_cursor ? sender->found.instance : sender->instance;
    pthread_mutex_lock(&sender->mutex);
    sender->answer = has_cursor ? SKY_INGEST_CURSOR : SKY_INGEST_NO_CURSOR;
    pthread_cond_broadcast(&sender->changed);
    while (!sender->has_go && !sender->stopping)
        pthread_cond_wait(&sender->changed, &sender->mutex);
    bool has_go = sender->has_go, alone = sender->alone;
    pthread_mutex_unlock(&sender->mutex);
    if (!has_go)
        return SKY_E_END;
    enum sky_status status = alone ? compare_alone(sender, has_cursor) : SKY_OK;
    sender->settled = status == SKY_OK;
    return status;
}

static bool is_replaced(const struct sky_ingest_sender *sender)
{
    return sender->found.instance != sender->instance && sender->found.instance != sender->instance_before;
}

static enum sky_status fail_replaced(struct sky_ingest_sender *sender)
{
    char text[SKY_KAFKA_MESSAGE_SIZE];
    snprintf(text, sizeof text, "another ingest with the transactional id %s has taken over", sender->transactional_id);
    return fail(sender, text);
}

/* A producer after the first: what became of the last transaction? */
static enum sky_status resume(struct sky_ingest_sender *sender, bool has_cursor)
{
    if (has_cursor && is_replaced(sender))
        return fail_replaced(sender);
    if (!has_cursor || sender->found.spool_id != sky_spool_id(sender->options.spool)) {
        if (sender->claimed)
            sky_log(SKY_LOG_ERROR, "cursor_is_gone", SKY_LOG_INT("committed", sender->committed.position));
        return SKY_OK; /* not written by us yet */
    }
    return take_found(sender);
}

static enum sky_status connect(struct sky_ingest_sender *sender)
{
    struct sky_kafka_message message = {""};
    enum sky_status status = open_producer(sender, &message);
    bool has_cursor = false;
    if (status == SKY_OK) {
        status = read_cursor(sender, &message);
        has_cursor = status == SKY_OK;
        status = status == SKY_E_MISSING ? SKY_OK : status;
    }
    sender->was_connected = sender->was_connected || status == SKY_OK;
    if (status == SKY_OK)
        return sender->settled ? resume(sender, has_cursor) : settle(sender, has_cursor);
    /* What was right once comes right again: an expired certificate, a broker that knows no users yet. */
    if (status == SKY_E_CONFIG && !sender->was_connected)
        return fail(sender, message.text);
    if (goes_on(sender))
        tell(sender, SKY_INGEST_CONNECTING, *message.text ? message.text : sky_status_name(status));
    return status;
}

/* ---- a transaction ---- */

static enum sky_status send_batch(struct sky_ingest_sender *sender, struct sky_spool_batch *batch)
{
    struct sky_spool_record record;
    const char *topic = sky_topic_name(sender->options.config, SKY_TOPIC_POSTS);
    enum sky_status status = SKY_OK;
    if (batch->lost) {
        sky_log(SKY_LOG_ERROR, "spool_records_lost", SKY_LOG_INT("position", batch->first_position - batch->lost),
                SKY_LOG_INT("records", batch->lost));
        sky_metric_add(sender->options.metrics, SKY_METRIC_SPOOL_LOST, 0, batch->lost);
    }
    while (status == SKY_OK && sky_spool_batch_next(batch, &record)) {
        const struct sky_kafka_outgoing outgoing = {.topic = topic,
                                                    .partition = SKY_KAFKA_PARTITION_BY_KEY,
                                                    .timestamp_ms = record.event_time_ms,
                                                    .key = record.key,
                                                    .value = record.value};
        status = sky_kafka_producer_send(sender->producer, &outgoing);
    }
    sender->next.position = batch->next_position;
    sender->next.event_time_ms = batch->event_time_ms;
    sky_buffer_clear(&sender->next.state);
    sky_buffer_put_span(&sender->next.state, batch->state);
    return sender->next.state.failed ? SKY_E_MEMORY : status;
}

static enum sky_status send_cursor(struct sky_ingest_sender *sender)
{
    sender->next.instance = sender->instance;
    sender->next.spool_id = sky_spool_id(sender->options.spool);
    sky_buffer_clear(&sender->text);
    sky_ingest_cursor_write(&sender->next, &sender->text);
    return sender->text.failed ? SKY_E_MEMORY : send_cursor_value(sender, sky_buffer_span(&sender->text));
}

/* Until its end is known, or there is no time left. */
static enum sky_status commit(struct sky_ingest_sender *sender)
{
    enum sky_status status;
    while ((status = sky_kafka_producer_commit(sender->producer, time_left_ms(sender, CALL_MS))) == SKY_E_TIMEOUT &&
           goes_on(sender))
        tell_producer_problem(sender, SKY_INGEST_SENDING);
    return status;
}

static void note_committed(struct sky_ingest_sender *sender, uint64_t records)
{
    struct sky_ingest_cursor before = sender->committed;
    struct sky_metrics *metrics = sender->options.metrics;
    sender->committed = sender->next;
    sender->next = before; /* its buffer is used again */
    sender->claimed = true;
    sky_metric_add(metrics, SKY_METRIC_KAFKA_TRANSACTIONS, SKY_METRIC_TRANSACTION_COMMITTED, 1);
    sky_metric_add(metrics, SKY_METRIC_KAFKA_PRODUCED, SKY_TOPIC_POSTS, records + (uint64_t)sender->partitions);
    sky_metric_add(metrics, SKY_METRIC_KAFKA_PRODUCED, SKY_TOPIC_INGEST_CURSOR, 1);
    if (sky_spool_release(sender->options.spool, sender->committed.position) != SKY_OK)
        sky_log(SKY_LOG_WARN, "spool_segment_not_removed", SKY_LOG_TEXT("reason", strerror(errno)));
    tell(sender, SKY_INGEST_SENDING, "");
}

/* The end of a transaction that was begun, after its posts. */
static enum sky_status finish(struct sky_ingest_sender *sender, uint64_t records)
{
    enum sky_status status = sender->next.event_time_ms ? send_watermarks(sender, sender->next.event_time_ms) : SKY_OK;
    if (status == SKY_OK)
        status = send_cursor(sender);
    if (status == SKY_OK)
        status = commit(sender);
    if (status == SKY_OK)
        note_committed(sender, records);
    return status;
}

/* Our number into the cursor, at once: whoever was here before shall know that it was replaced. */
static enum sky_status claim(struct sky_ingest_sender *sender)
{
    if (sender->claimed || !sender->committed.state.len)
        return SKY_OK;
    sender->next.position = sender->committed.position;
    sender->next.event_time_ms = sender->committed.event_time_ms;
    sky_buffer_clear(&sender->next.state);
    sky_buffer_put_span(&sender->next.state, sky_buffer_span(&sender->committed.state));
    enum sky_status status = sender->next.state.failed ? SKY_E_MEMORY : sky_kafka_producer_begin(sender->producer);
    return status == SKY_OK ? finish(sender, 0) : status;
}

/* This batch and the next ones in one transaction. */
static enum sky_status transact(struct sky_ingest_sender *sender, struct sky_spool_reader *reader,
                                struct sky_spool_batch *batch)
{
    uint64_t records = 0, bytes = 0;
    int64_t full_ms = sky_clock_monotonic_ms() + SKY_INGEST_TRANSACTION_MS_MAX;
    enum sky_status status = sky_kafka_producer_begin(sender->producer);
    while (status == SKY_OK) {
        records += batch->next_position - batch->first_position;
        bytes += batch->records.len;
        status = send_batch(sender, batch);
        int64_t wait_ms = full_ms - sky_clock_monotonic_ms();
        bool is_full =
            wait_ms <= 0 || bytes >= SKY_INGEST_TRANSACTION_BYTES_MAX || records >= SKY_INGEST_TRANSACTION_RECORDS_MAX;
        if (status != SKY_OK || is_full ||
            sky_spool_reader_next(reader, is_stopping(sender) ? 0 : (int)wait_ms, batch) != SKY_OK)
            break; /* what cannot be read now is tried again before the next transaction */
    }
    status = status == SKY_OK ? finish(sender, records) : status;
    if (status != SKY_OK)
        sky_metric_add(sender->options.metrics, SKY_METRIC_KAFKA_TRANSACTIONS, SKY_METRIC_TRANSACTION_ABORTED, 1);
    return status;
}

/* Partitions may be added while it runs: they want watermarks too. */
static void count_partitions(struct sky_ingest_sender *sender)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    int32_t partitions;
    if (now_ms - sender->partitions_clock_ms < PARTITIONS_MS)
        return;
    sender->partitions_clock_ms = now_ms;
    if (sky_kafka_producer_partitions(sender->producer, sky_topic_name(sender->options.config, SKY_TOPIC_POSTS),
                                      time_left_ms(sender, CALL_MS), &partitions) == SKY_OK)
        sender->partitions = partitions;
}

/* At the beginning: batches without posts have the position of what is committed, and may have been committed too. */
static bool is_behind(const struct sky_ingest_sender *sender, const struct sky_spool_batch *batch)
{
    return batch->first_position == batch->next_position && batch->event_time_ms < sender->committed.event_time_ms;
}

/* Until it is asked to stop and everything is sent (SKY_OK), or something fails. */
static enum sky_status send_all(struct sky_ingest_sender *sender)
{
    struct sky_spool_reader *reader;
    enum sky_status status = sky_spool_reader_open(sender->options.spool, sender->committed.position, &reader);
    if (status != SKY_OK)
        return status;
    status = claim(sender);
    if (status == SKY_OK)
        tell(sender, SKY_INGEST_SENDING, "");
    while (status == SKY_OK && goes_on(sender) && !sender->drained) {
        struct sky_spool_batch batch;
        count_partitions(sender);
        bool stopping = is_stopping(sender);
        enum sky_status got = sky_spool_reader_next(reader, stopping ? 0 : IDLE_MS, &batch);
        if (got == SKY_OK) {
            status = is_behind(sender, &batch) ? SKY_OK : transact(sender, reader, &batch);
        } else if (got == SKY_E_END) {
            sender->drained = stopping;
        } else {
            sky_log(SKY_LOG_ERROR, "spool_unreadable",
                    SKY_LOG_TEXT("reason", got == SKY_E_IO ? strerror(errno) : sky_status_name(got)));
            pause_for(sender, RETRY_MS);
        }
    }
    if (status != SKY_OK && status != SKY_E_FENCED)
        tell_producer_problem(sender, SKY_INGEST_CONNECTING);
    sky_spool_reader_close(reader);
    return status;
}

/* ---- the thread ---- */

static bool has_failed(struct sky_ingest_sender *sender)
{
    pthread_mutex_lock(&sender->mutex);
    bool failed = sender->status.failed;
    pthread_mutex_unlock(&sender->mutex);
    return failed;
}

/* Replaced by another one, or only too late with a transaction? */
static void look_who_fenced(struct sky_ingest_sender *sender)
{
    struct sky_kafka_message message;
    enum sky_status status = SKY_E_TIMEOUT;
    tell(sender, SKY_INGEST_CONNECTING, "fenced: looking whether another ingest has taken over");
    pause_for(sender, FENCED_MS);
    while (goes_on(sender) && (status = read_cursor(sender, &message)) != SKY_OK && status != SKY_E_MISSING)
        pause_for(sender, RETRY_MS);
    if (status == SKY_OK && is_replaced(sender))
        fail_replaced(sender);
}

static void *work(void *context)
{
    struct sky_ingest_sender *sender = context;
    while (goes_on(sender)) {
        enum sky_status status = connect(sender);
        if (status == SKY_OK)
            status = send_all(sender);
        sky_kafka_producer_free(sender->producer); /* what it left open ends with the next one's init */
        sender->producer = NULL;
        if (status == SKY_OK || status == SKY_E_END || has_failed(sender))
            break;
        if (status == SKY_E_FENCED)
            look_who_fenced(sender);
        if (has_failed(sender))
            break;
        pause_for(sender, RETRY_MS);
    }
    pthread_mutex_lock(&sender->mutex);
    sender->status.state = SKY_INGEST_STOPPED;
    pthread_mutex_unlock(&sender->mutex);
    return NULL;
}

/* ---- for the receiver ---- */

static void free_sender(struct sky_ingest_sender *sender)
{
    sky_ingest_cursor_clean_up(&sender->found);
    sky_ingest_cursor_clean_up(&sender->committed);
    sky_ingest_cursor_clean_up(&sender->next);
    sky_buffer_clean_up(&sender->text);
    pthread_cond_destroy(&sender->changed);
    pthread_mutex_destroy(&sender->mutex);
    free(sender);
}

enum sky_status sky_ingest_sender_start(const struct sky_ingest_sender_options *options, struct sky_ingest_sender **out)
{
    struct sky_ingest_sender *sender = calloc(1, sizeof *sender);
    *out = NULL;
    if (!sender)
        return SKY_E_MEMORY;
    sender->options = *options;
    sender->transactional_id = options->config->ingest.transactional_id;
    pthread_mutex_init(&sender->mutex, NULL);
    sky_thread_condition_init(&sender->changed);
    bool started = getrandom(&sender->instance, sizeof sender->instance, 0) == sizeof sender->instance &&
                   sky_thread_start(&sender->thread, work, sender) == SKY_OK;
    if (!started) {
        free_sender(sender);
        return SKY_E_IO;
    }
    *out = sender;
    return SKY_OK;
}

enum sky_ingest_answer sky_ingest_sender_await(struct sky_ingest_sender *sender, int timeout_ms,
                                               const struct sky_ingest_cursor **cursor)
{
    struct timespec until = sky_thread_time_in(timeout_ms);
    int error = 0;
    pthread_mutex_lock(&sender->mutex);
    while (sender->answer == SKY_INGEST_WAITING && !error)
        error = pthread_cond_timedwait(&sender->changed, &sender->mutex, &until);
    enum sky_ingest_answer answer = sender->answer;
    pthread_mutex_unlock(&sender->mutex);
    *cursor = answer == SKY_INGEST_CURSOR ? &sender->found : NULL;
    return answer;
}

enum sky_status sky_ingest_sender_go(struct sky_ingest_sender *sender, const struct sky_spool_tail *from)
{
    pthread_mutex_lock(&sender->mutex);
    sender->alone = !from;
    if (from) {
        sender->committed.position = from->position;
        sender->committed.event_time_ms = from->event_time_ms;
        sky_buffer_clear(&sender->committed.state);
        sky_buffer_put_span(&sender->committed.state, from->state);
    }
    bool failed = sender->committed.state.failed;
    sender->has_go = !failed;
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->mutex);
    return failed ? SKY_E_MEMORY : SKY_OK;
}

void sky_ingest_sender_status(struct sky_ingest_sender *sender, struct sky_ingest_sender_status *status)
{
    pthread_mutex_lock(&sender->mutex);
    *status = sender->status;
    pthread_mutex_unlock(&sender->mutex);
}

bool sky_ingest_sender_stop(struct sky_ingest_sender *sender, int drain_ms)
{
    if (!sender)
        return true;
    pthread_mutex_lock(&sender->mutex);
    sender->stopping = true;
    sender->deadline_ms = sky_clock_monotonic_ms() + (sender->has_go ? drain_ms : 0);
    pthread_cond_broadcast(&sender->changed);
    pthread_mutex_unlock(&sender->mutex);
    sky_spool_wake(sender->options.spool);
    pthread_join(sender->thread, NULL);
    bool drained = sender->drained;
    free_sender(sender);
    return drained;
}
