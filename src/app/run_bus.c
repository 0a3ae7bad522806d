#include "app/run_bus.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "io/host/clock.h"
#include "io/kafka/kafka_reader.h"
#include "wire/json_read.h"

#define GATHER_MS         1000 /* minutes that close within it share a transaction */
#define GATHER_BYTES_MAX  ((size_t)8 << 20)
#define WAITING_BYTES_MAX ((size_t)64 << 20)
#define ANSWER_MS         20    /* one wait for the brokers while there is other work */
#define PATIENCE_MS       5000  /* a transaction that takes longer is worth a word */
#define CONNECT_MS        5000  /* likewise when there is none */
#define MARKER_MS         10000 /* to read the whole topic of markers */
#define CHECK_MS          10000 /* without a transaction: is there a newer instance? */

static const enum sky_topic_kind outputs[] = {SKY_TOPIC_TRENDS,   SKY_TOPIC_TREND_ALERTS, SKY_TOPIC_KEYWORD_COUNTS,
                                              SKY_TOPIC_ACTIVITY, SKY_TOPIC_SESSIONS,     SKY_TOPIC_RUN_MARKER};

struct sky_run_bus {
    const struct sky_config *config;
    struct sky_kafka_options kafka;
    struct sky_kafka_producer *producer;
    bool is_taken_on; /* the producer, by the brokers */
    bool has_topics;
    struct sky_outbox *outbox;
    struct sky_buffer json;
    int64_t sent_clock_ms;    /* monotonic: when a transaction was begun last */
    int64_t trouble_clock_ms; /* since when nothing could be committed; 0: it can */
    bool failed;              /* a record could not be made for want of memory */
    bool publishes_all;       /* the marker of another network counts for nothing */
    uint64_t records[SKY_TOPIC_COUNT];
    uint64_t open_records[SKY_TOPIC_COUNT]; /* of the minute being made */
    struct sky_kafka_message message;
    int64_t published_ms; /* as sky_run_bus_read_marker found it */
};

/* ---- the outbox's link ---- */

static void note_problem(struct sky_run_bus *bus)
{
    if (bus->producer)
        sky_kafka_producer_problem(bus->producer, &bus->message);
}

static enum sky_status link_connect(void *context, int timeout_ms)
{
    struct sky_run_bus *bus = context;
    const struct sky_kafka_producer_options options = {&bus->kafka, bus->config->kafka.transactional_id};
    if (bus->is_taken_on || !bus->producer) {
        sky_kafka_producer_free(bus->producer);
        bus->producer = NULL;
        bus->is_taken_on = false;
        enum sky_status status = sky_kafka_producer_new(&options, &bus->producer, &bus->message);
        if (status != SKY_OK)
            return status;
    }
    enum sky_status status = sky_kafka_producer_init(bus->producer, timeout_ms);
    bus->is_taken_on = status == SKY_OK;
    if (status == SKY_OK)
        return status;
    note_problem(bus);
    if (status != SKY_E_TIMEOUT) { /* this one is of no use any more */
        sky_kafka_producer_free(bus->producer);
        bus->producer = NULL;
    }
    return status;
}

/* {"window_end":"..."} */
static enum sky_status parse_marker(struct sky_span value, int64_t *window_end_ms)
{
    struct sky_json_document document;
    struct sky_error error;
    sky_json_document_init(&document);
    enum sky_status status = sky_json_parse(&document, value, &error);
    if (status == SKY_OK)
        status = sky_time_parse(sky_json_member_text(document.values, "window_end"), window_end_ms);
    sky_json_document_clean_up(&document);
    return status == SKY_OK ? SKY_OK : SKY_E_CONFIG;
}

static enum sky_status link_read_marker(void *context, int64_t *window_end_ms)
{
    struct sky_run_bus *bus = context;
    const struct sky_kafka_reader_options options = {
        .kafka = &bus->kafka, .topic = sky_topic_name(bus->config, SKY_TOPIC_RUN_MARKER), .fetch_bytes = 1 << 20};
    struct sky_buffer value = {0};
    if (bus->publishes_all)
        return SKY_E_MISSING;
    enum sky_status status = sky_kafka_read_last(&options, sky_span_from_string(bus->config->kafka.transactional_id),
                                                 MARKER_MS, &value, &bus->message);
    if (status == SKY_OK) {
        status = parse_marker(sky_buffer_span(&value), window_end_ms);
        if (status != SKY_OK)
            snprintf(bus->message.text, sizeof bus->message.text, "the marker in %s is none of `run`", options.topic);
    }
    sky_buffer_clean_up(&value);
    return status;
}

static enum sky_status link_begin(void *context)
{
    struct sky_run_bus *bus = context;
    bus->sent_clock_ms = sky_clock_monotonic_ms();
    enum sky_status status = sky_kafka_producer_begin(bus->producer);
    if (status != SKY_OK)
        note_problem(bus);
    return status;
}

static enum sky_status link_send(void *context, const struct sky_kafka_outgoing *record)
{
    struct sky_run_bus *bus = context;
    enum sky_status status = sky_kafka_producer_send(bus->producer, record);
    if (status != SKY_OK)
        note_problem(bus);
    return status;
}

static enum sky_status link_send_marker(void *context, int64_t window_end_ms)
{
    struct sky_run_bus *bus = context;
    struct sky_json_writer json;
    sky_buffer_clear(&bus->json);
    if (window_end_ms != SKY_OUTBOX_NO_MARKER) {
        sky_json_begin(&json, &bus->json);
        sky_json_object(&json);
        sky_json_key(&json, "window_end");
        sky_json_time(&json, window_end_ms);
        sky_json_end(&json);
    }
    if (bus->json.failed)
        return SKY_E_MEMORY;
    const struct sky_kafka_outgoing record = {
        .topic = sky_topic_name(bus->config, SKY_TOPIC_RUN_MARKER),
        .partition = 0,
        .timestamp_ms = 0, /* now: compaction goes by the clock */
        .key = sky_span_from_string(bus->config->kafka.transactional_id),
        .value = bus->json.len ? sky_buffer_span(&bus->json) : (struct sky_span){0},
    };
    return link_send(context, &record);
}

static enum sky_status link_commit(void *context, int timeout_ms)
{
    struct sky_run_bus *bus = context;
    enum sky_status status = sky_kafka_producer_commit(bus->producer, timeout_ms);
    if (status != SKY_OK)
        note_problem(bus);
    return status;
}

static enum sky_status link_abort(void *context, int timeout_ms)
{
    struct sky_run_bus *bus = context;
    enum sky_status status = sky_kafka_producer_abort(bus->producer, timeout_ms);
    if (status != SKY_OK)
        note_problem(bus);
    return status;
}

/* ---- life ---- */

enum sky_status sky_run_bus_new(const struct sky_config *config, struct sky_run_bus **bus)
{
    struct sky_run_bus *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    const struct sky_outbox_link link = {.context = made,
                                         .connect = link_connect,
                                         .read_marker = link_read_marker,
                                         .begin = link_begin,
                                         .send = link_send,
                                         .send_marker = link_send_marker,
                                         .commit = link_commit,
                                         .abort = link_abort};
    made->config = config;
    made->published_ms = SKY_OUTBOX_NO_MARKER;
    sky_config_kafka_options(config, &made->kafka);
    made->outbox = sky_outbox_new(&link);
    if (!made->outbox) {
        sky_run_bus_free(made);
        return SKY_E_MEMORY;
    }
    *bus = made;
    return SKY_OK;
}

void sky_run_bus_free(struct sky_run_bus *bus)
{
    if (!bus)
        return;
    sky_outbox_free(bus->outbox);
    sky_kafka_producer_free(bus->producer);
    sky_buffer_clean_up(&bus->json);
    free(bus);
}

enum sky_status sky_run_bus_read_marker(struct sky_run_bus *bus)
{
    return link_read_marker(bus, &bus->published_ms);
}

int64_t sky_run_bus_published_ms(const struct sky_run_bus *bus)
{
    return bus->published_ms;
}

enum sky_status sky_run_bus_connect(struct sky_run_bus *bus)
{
    if (!bus->has_topics) {
        enum sky_status status =
            sky_topics_ensure(bus->config, outputs, sizeof outputs / sizeof *outputs, CONNECT_MS, &bus->message);
        if (status != SKY_OK)
            return status == SKY_E_IO ? SKY_E_TIMEOUT : status;
        bus->has_topics = true;
    }
    return sky_outbox_pump(bus->outbox, CONNECT_MS);
}

void sky_run_bus_forget_marker(struct sky_run_bus *bus)
{
    bus->publishes_all = true;
}

/* ---- records ---- */

struct target {
    enum sky_topic_kind kind;
    struct sky_span key; /* ptr NULL: none, in the topic's one order */
    int64_t timestamp_ms;
    const struct sky_kafka_header *header; /* NULL: none */
};

static struct sky_json_writer begin_json(struct sky_run_bus *bus)
{
    struct sky_json_writer json;
    sky_buffer_clear(&bus->json);
    sky_json_begin(&json, &bus->json);
    return json;
}

static void put(struct sky_run_bus *bus, const struct target *target)
{
    const struct sky_kafka_outgoing record = {
        .topic = sky_topic_name(bus->config, target->kind),
        .partition = target->key.ptr ? SKY_KAFKA_PARTITION_BY_KEY : 0,
        .timestamp_ms = target->timestamp_ms,
        .key = target->key,
        .value = sky_buffer_span(&bus->json),
        .headers = target->header,
        .headers_count = target->header ? 1 : 0,
    };
    bus->failed |= bus->json.failed;
    sky_outbox_put(bus->outbox, &record);
    bus->open_records[target->kind]++;
}

void sky_run_bus_counts(struct sky_run_bus *bus, const struct sky_keyword_count *counts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sky_json_writer json = begin_json(bus);
        sky_keyword_count_write(&json, &counts[i]);
        put(bus,
            &(struct target){SKY_TOPIC_KEYWORD_COUNTS, counts[i].normalized_keyword, counts[i].window_end_ms, NULL});
    }
}

void sky_run_bus_activity(struct sky_run_bus *bus, const struct sky_activity_record *activity)
{
    struct sky_json_writer json = begin_json(bus);
    sky_activity_write(&json, activity);
    put(bus, &(struct target){.kind = SKY_TOPIC_ACTIVITY, .timestamp_ms = activity->window_end_ms});
}

void sky_run_bus_sessions(struct sky_run_bus *bus, const struct sky_session *sessions, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sky_json_writer json = begin_json(bus);
        sky_session_write(&json, &sessions[i]);
        put(bus, &(struct target){SKY_TOPIC_SESSIONS, sessions[i].author_did, sessions[i].session_end_ms, NULL});
    }
}

/* correlation-id: the alert's id, by which it is followed through all who pass it on. */
static void put_alerts(struct sky_run_bus *bus, const struct sky_trend_alert *alerts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char id[SKY_TREND_ID_TEXT_SIZE];
        sky_trend_id_format(alerts[i].id, id);
        const struct sky_kafka_header header = {"correlation-id", sky_span_from_string(id)};
        struct sky_json_writer json = begin_json(bus);
        sky_trend_alert_write(&json, &alerts[i]);
        put(bus, &(struct target){SKY_TOPIC_TREND_ALERTS, alerts[i].keyword, alerts[i].window_end_ms, &header});
    }
}

void sky_run_bus_slide(struct sky_run_bus *bus, const struct sky_trend_snapshot *snapshot)
{
    put_alerts(bus, snapshot->trends, snapshot->trends_count);
    put_alerts(bus, snapshot->ended, snapshot->ended_count);
    struct sky_json_writer json = begin_json(bus);
    sky_trend_snapshot_write(&json, snapshot);
    put(bus, &(struct target){.kind = SKY_TOPIC_TRENDS, .timestamp_ms = snapshot->window_end_ms});
    bool is_new = sky_outbox_end_minute(bus->outbox, snapshot->window_end_ms);
    for (int kind = 0; kind < SKY_TOPIC_COUNT; kind++) {
        bus->records[kind] += is_new ? bus->open_records[kind] : 0;
        bus->open_records[kind] = 0;
    }
}

/* ---- sending ---- */

enum sky_status sky_run_bus_turn(struct sky_run_bus *bus, bool now)
{
    if (bus->failed)
        return SKY_E_MEMORY;
    bool is_due = now || sky_outbox_is_busy(bus->outbox) || sky_outbox_bytes(bus->outbox) >= GATHER_BYTES_MAX ||
                  sky_clock_monotonic_ms() - bus->sent_clock_ms >= GATHER_MS;
    bool is_idle = sky_outbox_is_clear(bus->outbox) && !sky_outbox_is_busy(bus->outbox);
    if (is_idle && !bus->publishes_all && sky_clock_monotonic_ms() - bus->sent_clock_ms >= CHECK_MS)
        sky_outbox_check(bus->outbox);
    else if (!is_due || is_idle)
        return SKY_OK;
    enum sky_status status = sky_outbox_pump(bus->outbox, ANSWER_MS);
    if (status == SKY_OK) {
        bus->trouble_clock_ms = 0;
        bus->message.text[0] = '\0';
    } else if (!bus->trouble_clock_ms) {
        bus->trouble_clock_ms = sky_clock_monotonic_ms();
    }
    return status;
}

bool sky_run_bus_is_clear(const struct sky_run_bus *bus)
{
    return sky_outbox_is_clear(bus->outbox);
}

bool sky_run_bus_is_full(const struct sky_run_bus *bus)
{
    return sky_outbox_bytes(bus->outbox) >= WAITING_BYTES_MAX;
}

void sky_run_bus_status(struct sky_run_bus *bus, struct sky_run_bus_status *status)
{
    *status = (struct sky_run_bus_status){.reached = !bus->trouble_clock_ms ||
                                                     sky_clock_monotonic_ms() - bus->trouble_clock_ms < PATIENCE_MS,
                                          .committed = sky_outbox_committed(bus->outbox),
                                          .aborted = sky_outbox_aborted(bus->outbox),
                                          .problem = bus->message.text};
    memcpy(status->records, bus->records, sizeof bus->records);
}
