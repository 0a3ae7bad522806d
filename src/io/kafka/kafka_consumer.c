#include "io/kafka/kafka_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/host/clock.h"
#include "io/kafka/kafka_client.h"

#define FETCH_BYTES_DEFAULT (16 * 1024 * 1024)
#define SEEK_WAIT_MS        10000
#define WAKE_EVERY_RECORDS  256
#define WAKE_WAIT_MS        100 /* for a broker's answer */
#define WAKE_PAUSE_MS       50  /* ours, between two rounds */
#define WAKE_UNANSWERED_MS  1000
#define PROBE_EVERY_MS      1000 /* while there is a problem */

/* For what the group committed, inside a rebalance. Together far below what may pass between two calls of next. */
#define COMMITTED_WAIT_MS    5000
#define COMMITTED_TRIES      3
#define COMMITTED_BACKOFF_MS 200

/* One partition this member reads. */
struct place {
    char *topic;
    int32_t partition;
    int64_t next; /* offset behind the last record given; below 0: none yet */
};

struct sky_kafka_consumer {
    rd_kafka_t *client;
    struct sky_kafka_group_events events;
    struct sky_kafka_problem problem;
    struct sky_kafka_message unplaced; /* why an assignment was given up; "": it was not */
    rd_kafka_queue_t *queue;           /* what librdkafka has fetched */
    rd_kafka_message_t *held;          /* the record given last */
    struct place *places;
    uint32_t places_count;
    bool from_latest;
    bool paused;
    uint32_t given;     /* since the queue was looked at */
    size_t queue_most;  /* records in it, since the last wake */
    int64_t wake_at_ms; /* of the monotonic clock: not before */
    int64_t probe_at_ms;
};

/* ---- who reads what ---- */

static void forget_places(struct sky_kafka_consumer *consumer)
{
    for (uint32_t i = 0; i < consumer->places_count; i++)
        free(consumer->places[i].topic);
    free(consumer->places);
    consumer->places = NULL;
    consumer->places_count = 0;
}

static struct place *find_place(const struct sky_kafka_consumer *consumer, const char *topic, int32_t partition)
{
    for (uint32_t i = 0; i < consumer->places_count; i++)
        if (consumer->places[i].partition == partition && strcmp(consumer->places[i].topic, topic) == 0)
            return &consumer->places[i];
    return NULL;
}

static bool remember_places(struct sky_kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    forget_places(consumer);
    consumer->places = calloc((size_t)list->cnt + 1, sizeof *consumer->places);
    for (int i = 0; consumer->places && i < list->cnt; i++) {
        char *topic = strdup(list->elems[i].topic);
        if (!topic) {
            forget_places(consumer);
            return false;
        }
        consumer->places[consumer->places_count++] = (struct place){topic, list->elems[i].partition, -1};
    }
    return consumer->places;
}

/* True: `list` holds what the group committed, of every partition. The coordinator may be moving: then it is asked
 * again. */
static bool learn_committed(struct sky_kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int tries = 0; tries < COMMITTED_TRIES; tries++) {
        if (tries)
            usleep(COMMITTED_BACKOFF_MS * 1000);
        code = rd_kafka_committed(consumer->client, list, COMMITTED_WAIT_MS);
        for (int i = 0; !code && i < list->cnt; i++)
            code = list->elems[i].err;
        if (!code)
            return true;
    }
    sky_kafka_say(&consumer->unplaced, "it cannot be learned what the group committed: %s", rd_kafka_err2str(code));
    return false;
}

/* Where each partition begins: the owner decides, knowing what was committed. */
static void place_offsets(struct sky_kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *at = &list->elems[i];
        char metadata[SKY_KAFKA_METADATA_BYTES_MAX + 1] = "";
        if (at->metadata && at->metadata_size <= SKY_KAFKA_METADATA_BYTES_MAX)
            memcpy(metadata, at->metadata, at->metadata_size);
        int64_t committed = at->offset >= 0 ? at->offset : SKY_KAFKA_OFFSET_NONE;
        int64_t begin =
            consumer->events.assigned(consumer->events.context, at->topic, at->partition, committed, metadata);
        at->offset = begin >= 0 ? begin : consumer->from_latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    }
}

/* The partitions are ours, and the owner knows of each. False: nothing is read, and the group is to be joined anew. */
static bool take_assignment(struct sky_kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    if (consumer->events.assigned && !learn_committed(consumer, list))
        return false;
    if (!remember_places(consumer, list)) {
        sky_kafka_say(&consumer->unplaced, "no memory for the partitions assigned");
        return false;
    }
    if (consumer->events.assigned)
        place_offsets(consumer, list);
    return true;
}

/* The owner is told of those it knows of. */
static void tell_revoked(struct sky_kafka_consumer *consumer)
{
    bool lost = rd_kafka_assignment_lost(consumer->client);
    for (uint32_t i = 0; consumer->events.revoked && i < consumer->places_count; i++)
        consumer->events.revoked(consumer->events.context, consumer->places[i].topic, consumer->places[i].partition,
                                 lost);
    forget_places(consumer);
}

/* librdkafka keeps a partition's pause over assignments, and resuming while nothing is assigned reaches none: so each
 * assignment says again what is meant. Before it begins: pausing sets where to go on, which the assignment knows
 * better, and resuming what was not paused would drop what was fetched. */
static void apply_pause(struct sky_kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    if (consumer->paused)
        rd_kafka_pause_partitions(consumer->client, list);
    else
        rd_kafka_resume_partitions(consumer->client, list);
}

/* A committed offset that cannot be learned would mean to begin at the wrong place, with an owner who knows of nothing:
 * then the assignment is given up, and the next call of sky_kafka_consumer_next joins the group anew. */
static void take_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                           void *opaque)
{
    struct sky_kafka_problem *problem = opaque;
    struct sky_kafka_consumer *consumer =
        (struct sky_kafka_consumer *)(void *)((char *)problem - offsetof(struct sky_kafka_consumer, problem));
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        bool taken = take_assignment(consumer, list);
        if (!taken) /* NULL would be the answer to a revocation: the group would wait for another one */
            while (list->cnt)
                rd_kafka_topic_partition_list_del_by_idx(list, 0);
        apply_pause(consumer, list);
        rd_kafka_assign(client, list);
        return;
    }
    tell_revoked(consumer);
    rd_kafka_assign(client, NULL);
}

/* ---- opening, closing ---- */

static bool configure(rd_kafka_conf_t *conf, const struct sky_kafka_consumer_options *options,
                      struct sky_kafka_message *message)
{
    char poll[32], session[32], queued[32];
    size_t fetch_bytes = options->fetch_bytes ? options->fetch_bytes : FETCH_BYTES_DEFAULT;
    snprintf(poll, sizeof poll, "%d", SKY_KAFKA_POLL_MS_MAX);
    snprintf(session, sizeof session, "%d", SKY_KAFKA_SESSION_MS);
    snprintf(queued, sizeof queued, "%zu", fetch_bytes / 1024);
    const struct sky_kafka_property properties[] = {
        {"group.id", options->group},
        {"group.instance.id", options->instance ? options->instance : ""},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},
        {"isolation.level", "read_committed"},
        /* With `assigned` this is only for a committed offset that the topic does not have any more: what it still has
         * must not be passed over. */
        {"auto.offset.reset", options->from_latest && !options->events.assigned ? "latest" : "earliest"},
        {"partition.assignment.strategy", "range"},
        {"max.poll.interval.ms", poll},
        {"session.timeout.ms", session},
        {"heartbeat.interval.ms", "3000"},
        {"queued.max.messages.kbytes", queued},
        {"fetch.wait.max.ms", "100"},
        {"queued.min.messages", "1000000"},
        {NULL, NULL},
    };
    rd_kafka_conf_set_rebalance_cb(conf, take_rebalance);
    return sky_kafka_conf_set(conf, properties, message);
}

static enum sky_status subscribe(struct sky_kafka_consumer *consumer, const struct sky_kafka_consumer_options *options,
                                 struct sky_kafka_message *message)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)options->topics_count);
    for (uint32_t i = 0; i < options->topics_count; i++)
        rd_kafka_topic_partition_list_add(list, options->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        sky_kafka_say(message, "the topics cannot be subscribed to: %s", rd_kafka_err2str(code));
    return code ? SKY_E_CONFIG : SKY_OK;
}

enum sky_status sky_kafka_consumer_new(const struct sky_kafka_consumer_options *options,
                                       struct sky_kafka_consumer **consumer, struct sky_kafka_message *message)
{
    struct sky_kafka_consumer *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    sky_kafka_problem_init(&made->problem);
    made->events = options->events;
    made->from_latest = options->from_latest;
    rd_kafka_conf_t *conf = sky_kafka_conf_new(options->kafka, &made->problem, message);
    if (conf && !configure(conf, options, message)) {
        rd_kafka_conf_destroy(conf);
        conf = NULL;
    }
    if (conf)
        made->client = sky_kafka_client_new(RD_KAFKA_CONSUMER, conf, message);
    enum sky_status status = made->client ? SKY_OK : SKY_E_CONFIG;
    if (status == SKY_OK) {
        rd_kafka_poll_set_consumer(made->client);
        made->queue = rd_kafka_queue_get_consumer(made->client);
        status = subscribe(made, options, message);
    }
    if (status != SKY_OK) {
        sky_kafka_consumer_free(made);
        return status;
    }
    *consumer = made;
    return SKY_OK;
}

void sky_kafka_consumer_free(struct sky_kafka_consumer *consumer)
{
    if (!consumer)
        return;
    if (consumer->held)
        rd_kafka_message_destroy(consumer->held);
    if (consumer->queue)
        rd_kafka_queue_destroy(consumer->queue);
    if (consumer->client) {
        rd_kafka_consumer_close(consumer->client);
        rd_kafka_destroy(consumer->client);
    }
    forget_places(consumer);
    sky_kafka_problem_clean_up(&consumer->problem);
    free(consumer);
}

/* ---- reading ---- */

/* What librdkafka says instead of a record. */
static enum sky_kafka_event take_trouble(struct sky_kafka_consumer *consumer, const rd_kafka_message_t *told,
                                         struct sky_kafka_message *message)
{
    char why[256];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(consumer->client, why, sizeof why);
    if (fatal) {
        sky_kafka_say(message,
                      fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID
                          ? "another member with the same kafka.instance_id has taken over"
                          : "%s",
                      why);
        return SKY_KAFKA_FAILED;
    }
    sky_kafka_say(message, "%s", rd_kafka_message_errstr(told));
    return sky_kafka_status(told->err) == SKY_E_CONFIG ? SKY_KAFKA_FAILED : SKY_KAFKA_PROBLEM;
}

/* Subscribing again gives back what we were assigned, and asks for it anew. */
static enum sky_kafka_event join_anew(struct sky_kafka_consumer *consumer, struct sky_kafka_message *message)
{
    rd_kafka_topic_partition_list_t *topics = NULL;
    *message = consumer->unplaced;
    rd_kafka_resp_err_t code = rd_kafka_subscription(consumer->client, &topics);
    if (!code)
        code = rd_kafka_subscribe(consumer->client, topics);
    if (topics)
        rd_kafka_topic_partition_list_destroy(topics);
    if (!code)
        consumer->unplaced.text[0] = 0;
    return SKY_KAFKA_PROBLEM;
}

/* Up to where the brokers are known to have records that were not given yet. */
static bool has_more(const struct sky_kafka_consumer *consumer, const struct place *place)
{
    int64_t low = 0, high = 0;
    return place->next >= 0 &&
           !rd_kafka_get_watermark_offsets(consumer->client, place->topic, place->partition, &low, &high) &&
           high > place->next;
}

/* The brokers of the partitions, or of those that have more, are asked for something small: the ends. True: all have
 * answered in time. (rd_kafka_query_watermark_offsets would wait for a broker that is away for as long as it is.) */
static bool ask_brokers(const struct sky_kafka_consumer *consumer, bool with_more)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)consumer->places_count);
    for (uint32_t i = 0; i < consumer->places_count; i++) {
        const struct place *place = &consumer->places[i];
        if (!with_more || has_more(consumer, place))
            rd_kafka_topic_partition_list_add(list, place->topic, place->partition)->offset = RD_KAFKA_OFFSET_END;
    }
    bool answered = !list->cnt || !rd_kafka_offsets_for_times(consumer->client, list, WAKE_WAIT_MS);
    for (int i = 0; i < list->cnt; i++)
        answered &= !list->elems[i].err;
    rd_kafka_topic_partition_list_destroy(list);
    return answered;
}

/* When its queue is full, librdkafka 2.0 stops to fetch, and looks again after a second, or when anything else goes
 * over the connection to that broker. A second is long: so, once half of what was there has been taken, the brokers
 * that have more are asked for something. */
static void wake_fetching(struct sky_kafka_consumer *consumer)
{
    size_t length = rd_kafka_queue_length(consumer->queue);
    int64_t now_ms = sky_clock_monotonic_ms();
    consumer->given = 0;
    if (length > consumer->queue_most)
        consumer->queue_most = length;
    if (length > consumer->queue_most / 2 || now_ms < consumer->wake_at_ms || consumer->paused)
        return;
    consumer->queue_most = length;
    bool answered = ask_brokers(consumer, true);
    consumer->wake_at_ms = sky_clock_monotonic_ms() + (answered ? WAKE_PAUSE_MS : WAKE_UNANSWERED_MS);
}

/* Records say that a problem is over; where none come, because there are none or in a pause, the brokers are asked. */
static void probe_problem(struct sky_kafka_consumer *consumer)
{
    struct sky_kafka_message problem;
    sky_kafka_problem_read(&consumer->problem, &problem);
    if (!problem.text[0] || !consumer->places_count || sky_clock_monotonic_ms() < consumer->probe_at_ms)
        return;
    if (ask_brokers(consumer, false))
        sky_kafka_problem_clear(&consumer->problem);
    consumer->probe_at_ms = sky_clock_monotonic_ms() + PROBE_EVERY_MS;
}

enum sky_kafka_event sky_kafka_consumer_next(struct sky_kafka_consumer *consumer, int timeout_ms,
                                             struct sky_kafka_record *record, struct sky_kafka_message *message)
{
    message->text[0] = 0;
    if (consumer->held)
        rd_kafka_message_destroy(consumer->held);
    consumer->held = NULL;
    if (consumer->unplaced.text[0])
        return join_anew(consumer, message);
    consumer->held = rd_kafka_consumer_poll(consumer->client, timeout_ms);
    if (!consumer->held || ++consumer->given == WAKE_EVERY_RECORDS)
        wake_fetching(consumer);
    if (!consumer->held) {
        probe_problem(consumer);
        return SKY_KAFKA_IDLE;
    }
    const rd_kafka_message_t *got = consumer->held;
    if (got->err && got->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return take_trouble(consumer, got, message);
    sky_kafka_record_from(got, record);
    struct place *place = find_place(consumer, record->topic, record->partition);
    if (place)
        place->next = got->err ? got->offset : got->offset + 1;
    sky_kafka_problem_clear(&consumer->problem);
    return got->err ? SKY_KAFKA_PARTITION_END : SKY_KAFKA_RECORD;
}

enum sky_status sky_kafka_consumer_commit(struct sky_kafka_consumer *consumer, const struct sky_kafka_record *position,
                                          const char *metadata, struct sky_kafka_message *message)
{
    size_t len = metadata ? strlen(metadata) : 0;
    if (len > SKY_KAFKA_METADATA_BYTES_MAX)
        return SKY_E_LIMIT;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(list, position->topic, position->partition);
    at->offset = position->offset;
    if (len) {
        at->metadata = malloc(len); /* librdkafka frees it with the list */
        if (!at->metadata) {
            rd_kafka_topic_partition_list_destroy(list);
            return SKY_E_MEMORY; /* without it, it would be another promise */
        }
        at->metadata_size = len;
        memcpy(at->metadata, metadata, len);
    }
    rd_kafka_resp_err_t code = rd_kafka_commit(consumer->client, list, 0);
    if (!code)
        code = list->elems[0].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        sky_kafka_say(message, "the offset is not committed: %s", rd_kafka_err2str(code));
    return code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ? SKY_E_TIMEOUT : sky_kafka_status(code);
}

enum sky_status sky_kafka_consumer_seek(struct sky_kafka_consumer *consumer, const char *topic, int32_t partition,
                                        int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer->client, list, SEEK_WAIT_MS);
    rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : list->elems[0].err;
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
    return sky_kafka_status(code);
}

void sky_kafka_consumer_pause(struct sky_kafka_consumer *consumer, bool paused)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    if (consumer->paused == paused)
        return;
    consumer->paused = paused;
    if (rd_kafka_assignment(consumer->client, &list) || !list)
        return;
    apply_pause(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

uint64_t sky_kafka_consumer_lag(const struct sky_kafka_consumer *consumer)
{
    uint64_t lag = 0;
    for (uint32_t i = 0; i < consumer->places_count; i++) {
        const struct place *place = &consumer->places[i];
        int64_t low = 0, high = 0;
        if (rd_kafka_get_watermark_offsets(consumer->client, place->topic, place->partition, &low, &high))
            continue;
        int64_t from = place->next >= 0 ? place->next : low;
        if (high > from)
            lag += (uint64_t)(high - from);
    }
    return lag;
}

uint32_t sky_kafka_consumer_partitions(const struct sky_kafka_consumer *consumer)
{
    return consumer->places_count;
}

void sky_kafka_consumer_problem(struct sky_kafka_consumer *consumer, struct sky_kafka_message *message)
{
    sky_kafka_problem_read(&consumer->problem, message);
}
