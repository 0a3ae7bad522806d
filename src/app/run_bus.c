#include "app/run_bus.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/time.h"
#include "engine/publish.h"
#include "io/host/clock.h"
#include "io/kafka/kafka_last.h"
#include "wire/json_read.h"

#define GATHER_MS         1000 /* minutes that close within it share a transaction */
#define GATHER_BYTES_MAX  ((size_t)8 << 20)
#define WAITING_BYTES_MAX ((size_t)64 << 20)
#define ANSWER_MS         20    /* one wait for the brokers while there is other work */
#define PATIENCE_MS       5000  /* a transaction that takes longer is worth a word */
#define CONNECT_MS        5000  /* likewise when there is none */
#define MARKER_MS         10000 /* to read the whole topic of markers; then with a new connection */
#define INSTANCE_DIGITS   16
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
    int64_t sent_clock_ms;         /* monotonic: when a transaction was begun last */
    int64_t trouble_clock_ms;      /* since when nothing could be committed; 0: it can */
    bool failed;                   /* a record could not be made for want of memory */
    bool publishes_all;            /* the marker of another network counts for nothing */
    uint64_t instance;             /* of this process */
    struct sky_kafka_last *marker; /* NULL: it is not being read */
    int64_t marker_clock_ms;       /* monotonic: since when it is */
    uint64_t records[SKY_TOPIC_COUNT];
    uint64_t open_records[SKY_TOPIC_COUNT]; /* of the minute being made */
    struct sky_kafka_message message;
    struct sky_kafka_message broke; /* why the last transaction did: what is tried behind that has messages too */
    int64_t published_ms;           /* as sky_run_bus_read_marker found it */
};

/* ---- the outbox's link ---- */

static void note_problem(struct sky_run_bus *bus)
{
    if (bus->producer)
        sky_kafka_producer_problem(bus->producer, &bus->message);
}

static void forget_marker_reader(struct sky_run_bus *bus)
{
    sky_kafka_last_free(bus->marker);
    bus->marker = NULL;
}

/* Of a transaction. */
static void note_break(struct sky_run_bus *bus)
{
    note_problem(bus);
    bus->broke = bus->message;
}

static enum sky_status link_connect(void *context, int timeout_ms)
{
    struct sky_run_bus *bus = context;
    const struct sky_kafka_producer_options options = {&bus->kafka, bus->config->kafka.transactional_id};
    forget_marker_reader(bus);
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

static bool parse_instance(struct sky_span text, uint64_t *instance)
{
    char digits[INSTANCE_DIGITS + 1] = "", *end;
    *instance = 0;
    if (!text.ptr)
        return true; /* an older version wrote it */
    if (text.len != INSTANCE_DIGITS)
        return false;
    memcpy(digits, text.ptr, text.len);
    *instance = strtoull(digits, &end, 16);
    return *end == 0;
}

/* {"window_end":"...","instance":"..."}, either of which may be absent. */
static enum sky_status parse_marker(struct sky_span value, struct sky_outbox_marker *marker)
{
    struct sky_json_document document;
    struct sky_error error;
    sky_json_document_init(&document);
    enum sky_status status = sky_json_parse(&document, value, &error);
    if (status == SKY_OK) {
        struct sky_span end = sky_json_member_text(document.values, "window_end");
        struct sky_span instance = sky_json_member_text(document.values, "instance");
        if (!parse_instance(instance, &marker->instance) || (!end.ptr && !instance.ptr) ||
            (end.ptr && sky_time_parse(end, &marker->window_end_ms) != SKY_OK))
            status = SKY_E_CONFIG;
    }
    sky_json_document_clean_up(&document);
    return status == SKY_OK ? SKY_OK : SKY_E_CONFIG;
}

static struct sky_kafka_reader_options marker_options(const struct sky_run_bus *bus)
{
    return (struct sky_kafka_reader_options){
        .kafka = &bus->kafka, .topic = sky_topic_name(bus->config, SKY_TOPIC_RUN_MARKER), .fetch_bytes = 1 << 20};
}

static enum sky_status take_marker(struct sky_run_bus *bus, struct sky_span value, struct sky_outbox_marker *marker)
{
    enum sky_status status = parse_marker(value, marker);
    if (status != SKY_OK)
        snprintf(bus->message.text, sizeof bus->message.text, "the marker in %s is none of `run`",
                 sky_topic_name(bus->config, SKY_TOPIC_RUN_MARKER));
    if (bus->publishes_all && marker->instance != bus->instance)
        marker->window_end_ms = SKY_OUTBOX_NO_MARKER;
    return status;
}

/* A little of it in each call: there is other work. */
static enum sky_status link_read_marker(void *context, int timeout_ms, struct sky_outbox_marker *marker)
{
    struct sky_run_bus *bus = context;
    const struct sky_kafka_reader_options options = marker_options(bus);
    struct sky_buffer value = {0};
    enum sky_status status = SKY_OK;
    if (bus->marker && sky_clock_monotonic_ms() - bus->marker_clock_ms > MARKER_MS)
        forget_marker_reader(bus);
    if (!bus->marker) {
        bus->marker_clock_ms = sky_clock_monotonic_ms();
        status = sky_kafka_last_new(&options, sky_span_from_string(bus->config->kafka.transactional_id), &bus->marker,
                                    &bus->message);
    }
    if (status == SKY_OK)
        status = sky_kafka_last_read(bus->marker, timeout_ms, &value, &bus->message);
    if (status == SKY_OK)
        status = take_marker(bus, sky_buffer_span(&value), marker);
    if (status != SKY_E_TIMEOUT)
        forget_marker_reader(bus);
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
        note_break(bus);
    return status;
}

static enum sky_status link_send_marker(void *context, const struct sky_outbox_marker *marker)
{
    struct sky_run_bus *bus = context;
    struct sky_json_writer json;
    char instance[INSTANCE_DIGITS + 1];
    snprintf(instance, sizeof instance, "%016" PRIx64, marker->instance);
    sky_buffer_clear(&bus->json);
    sky_json_begin(&json, &bus->json);
    sky_json_object(&json);
    if (marker->window_end_ms != SKY_OUTBOX_NO_MARKER) {
        sky_json_key(&json, "window_end");
        sky_json_time(&json, marker->window_end_ms);
    }
    sky_json_key(&json, "instance");
    sky_json_string(&json, instance);
    sky_json_end(&json);
    if (bus->json.failed)
        return SKY_E_MEMORY;
    const struct sky_kafka_outgoing record = {
        .topic = sky_topic_name(bus->config, SKY_TOPIC_RUN_MARKER),
        .partition = 0,
        .timestamp_ms = 0, /* now: compaction goes by the clock */
        .key = sky_span_from_string(bus->config->kafka.transactional_id),
        .value = sky_buffer_span(&bus->json),
    };
    return link_send(context, &record);
}

static enum sky_status link_commit(void *context, int timeout_ms)
{
    struct sky_run_bus *bus = context;
    enum sky_status status = sky_kafka_producer_commit(bus->producer, timeout_ms);
    if (status == SKY_E_TIMEOUT)
        note_problem(bus);
    else if (status != SKY_OK)
        note_break(bus);
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

static int64_t link_clock_ms(void *context)
{
    (void)context;
    return sky_clock_monotonic_ms();
}

static void link_pause(void *context, int ms)
{
    (void)context;
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
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
                                         .abort = link_abort,
                                         .clock_ms = link_clock_ms,
                                         .pause = link_pause};
    made->config = config;
    made->published_ms = SKY_OUTBOX_NO_MARKER;
    sky_config_kafka_options(config, &made->kafka);
    bool is_random = getrandom(&made->instance, sizeof made->instance, 0) == sizeof made->instance;
    made->instance |= 1; /* 0 is nobody's */
    made->outbox = is_random ? sky_outbox_new(&link, made->instance) : NULL;
    if (!made->outbox) {
        sky_run_bus_free(made);
        return is_random ? SKY_E_MEMORY : SKY_E_IO;
    }
    *bus = made;
    return SKY_OK;
}

void sky_run_bus_free(struct sky_run_bus *bus)
{
    if (!bus)
        return;
    sky_outbox_free(bus->outbox);
    forget_marker_reader(bus);
    sky_kafka_producer_free(bus->producer);
    sky_buffer_clean_up(&bus->json);
    free(bus);
}

enum sky_status sky_run_bus_read_marker(struct sky_run_bus *bus)
{
    const struct sky_kafka_reader_options options = marker_options(bus);
    struct sky_outbox_marker marker = {.window_end_ms = SKY_OUTBOX_NO_MARKER};
    struct sky_buffer value = {0};
    enum sky_status status = sky_kafka_read_last(&options, sky_span_from_string(bus->config->kafka.transactional_id),
                                                 MARKER_MS, &value, &bus->message);
    if (status == SKY_OK)
        status = take_marker(bus, sky_buffer_span(&value), &marker);
    if (status == SKY_OK)
        bus->published_ms = marker.window_end_ms;
    sky_buffer_clean_up(&value);
    return status;
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

static const enum sky_topic_kind topic_of[SKY_PUBLISHED_COUNT] = {
    [SKY_PUBLISHED_TRENDS] = SKY_TOPIC_TRENDS,
    [SKY_PUBLISHED_TREND_ALERTS] = SKY_TOPIC_TREND_ALERTS,
    [SKY_PUBLISHED_KEYWORD_COUNTS] = SKY_TOPIC_KEYWORD_COUNTS,
    [SKY_PUBLISHED_ACTIVITY] = SKY_TOPIC_ACTIVITY,
    [SKY_PUBLISHED_SESSIONS] = SKY_TOPIC_SESSIONS,
};

/* correlation-id: the alert's id, by which it is followed through all who pass it on. */
static void put(void *context, const struct sky_published *published)
{
    struct sky_run_bus *bus = context;
    enum sky_topic_kind kind = topic_of[published->kind];
    char id[SKY_TREND_ID_TEXT_SIZE];
    sky_trend_id_format(published->correlation_id, id);
    const struct sky_kafka_header header = {"correlation-id", sky_span_from_string(id)};
    const struct sky_kafka_outgoing record = {
        .topic = sky_topic_name(bus->config, kind),
        .partition = published->key.ptr ? SKY_KAFKA_PARTITION_BY_KEY : 0,
        .timestamp_ms = published->timestamp_ms,
        .key = published->key,
        .value = published->value,
        .headers = &header,
        .headers_count = published->correlation_id ? 1 : 0,
    };
    sky_outbox_put(bus->outbox, &record);
    bus->open_records[kind]++;
}

static struct sky_publisher publisher_of(struct sky_run_bus *bus)
{
    return (struct sky_publisher){bus, put, &bus->json};
}

void sky_run_bus_counts(struct sky_run_bus *bus, const struct sky_keyword_count *counts, uint32_t count)
{
    const struct sky_publisher publisher = publisher_of(bus);
    bus->failed |= sky_publish_counts(&publisher, counts, count) != SKY_OK;
}

void sky_run_bus_activity(struct sky_run_bus *bus, const struct sky_activity_record *activity)
{
    const struct sky_publisher publisher = publisher_of(bus);
    bus->failed |= sky_publish_activity(&publisher, activity) != SKY_OK;
}

void sky_run_bus_sessions(struct sky_run_bus *bus, const struct sky_session *sessions, uint32_t count)
{
    const struct sky_publisher publisher = publisher_of(bus);
    bus->failed |= sky_publish_sessions(&publisher, sessions, count) != SKY_OK;
}

void sky_run_bus_slide(struct sky_run_bus *bus, const struct sky_trend_snapshot *snapshot)
{
    const struct sky_publisher publisher = publisher_of(bus);
    bus->failed |= sky_publish_snapshot(&publisher, snapshot) != SKY_OK;
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
    if (is_idle && sky_clock_monotonic_ms() - bus->sent_clock_ms >= CHECK_MS)
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
                                          .abort_reason = bus->broke.text,
                                          .problem = bus->message.text};
    memcpy(status->records, bus->records, sizeof bus->records);
}
