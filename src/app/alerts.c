/* skytrend alerts: the topic of TrendAlerts -> people and programs.
 *
 * One thread reads the topic, sorts alerts to the outputs that want them and commits offsets; each output hands over in
 * a thread of its own (io/alert/alert_outputs.h). An offset is committed when every output that wants the alert has
 * taken it, or when it is kept among the dead letters: so each is delivered at least once, whatever is killed when. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/alert_receivers.h"
#include "app/service.h"
#include "base/time.h"
#include "io/alert/alert_filter.h"
#include "io/host/clock.h"
#include "io/kafka/kafka_dead_letters.h"
#include "io/kafka/offset_ledger.h"
#include "ops/log.h"
#include "ops/signal.h"
#include "ops/topics.h"
#include "trend/record_json.h"

#define DEFAULT_PORT       9104
#define TURN_MS            100
#define COMMIT_MS          250
#define TELL_MS            500
#define TOPICS_MS          2000
#define DRAIN_MS_MAX       10000 /* after SIGTERM; what is not delivered by then comes again */
#define ALERT_BYTES_MAX    262144
#define LETTERS_OPEN_MAX   1000
#define PART_OF_QUEUE_FREE 4 /* reading goes on when a quarter of each queue is free again */

static const struct sky_option alerts_options[] = {
    {.name = "to",
     .letter = 't',
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "OUTPUT[,OUTPUT]",
     .setting = "alerts.outputs",
     .help = "table, json, webhook, alertmanager, mail"},
    {.name = "from-beginning",
     .help = "send everything that the topic still holds once more; the group stays where it is, and so it is not "
             "taken up again after a restart"},
    {.name = "once", .help = "stop when everything that is there now has been sent"},
    {.name = "dry-run", .help = "send nothing: show what would be sent; the group stays where it is"},
    SKY_SERVICE_OPTIONS,
    {0},
};

/* One record on its way. The first member is what the outputs see. */
struct letter {
    struct sky_alert_item item;
    struct sky_record_reader reader;
    struct sky_buffer bytes; /* key and value; the alert borrows them */
    size_t key_len;
    struct sky_offset_ticket ticket;
    uint32_t waiting; /* outputs that have not finished, and dead letters that are not kept yet */
    struct letter *previous, *next;
};

struct alerts {
    struct sky_service service;
    const struct sky_config *config;
    const char *topic;
    struct sky_alert_filter *filter;
    struct sky_alert_receivers receivers;
    struct sky_alert_outputs *outputs;
    struct sky_kafka_consumer *consumer;
    struct sky_kafka_dead_letters *dead_letters; /* NULL: none are kept */
    struct sky_offset_ledger *ledger;
    struct letter *letters;                  /* all on their way */
    struct letter *unkept[LETTERS_OPEN_MAX]; /* whose dead letters are under way; one may stand there more than once */
    size_t unkept_count;
    bool commits; /* false: another group's offsets are none of our business */
    bool once;
    bool dry;
    bool is_held_up;
    uint64_t undelivered; /* refused or given up, by an output */
    uint64_t retried[SKY_ALERT_TO_COUNT];
    int64_t commit_clock_ms;
    int64_t tell_clock_ms;
    char problem[SKY_HEALTH_DETAIL_SIZE]; /* of receivers, told last */
    enum sky_status failed;
};

/* ---- letters ---- */

static struct letter *letter_new(struct alerts *alerts, const struct sky_kafka_record *record)
{
    struct letter *letter = calloc(1, sizeof *letter);
    if (!letter)
        return NULL;
    sky_record_reader_init(&letter->reader);
    letter->next = alerts->letters;
    if (letter->next)
        letter->next->previous = letter;
    alerts->letters = letter;
    letter->key_len = record->key.len;
    sky_buffer_put_span(&letter->bytes, record->key);
    sky_buffer_put_span(&letter->bytes, record->value);
    return letter->bytes.failed ? NULL : letter;
}

static struct sky_span letter_value(const struct letter *letter)
{
    return sky_span_from(sky_buffer_span(&letter->bytes), letter->key_len);
}

static void letter_free(struct letter *letter)
{
    sky_record_reader_clean_up(&letter->reader);
    sky_buffer_clean_up(&letter->bytes);
    free(letter);
}

static void letter_end(struct alerts *alerts, struct letter *letter)
{
    if (letter->next)
        letter->next->previous = letter->previous;
    if (letter->previous)
        letter->previous->next = letter->next;
    else
        alerts->letters = letter->next;
    letter_free(letter);
}

/* One of those it waits for is through; the last one ends it. */
static void release(struct alerts *alerts, struct letter *letter)
{
    if (--letter->waiting)
        return;
    sky_offset_ledger_done(alerts->ledger, &letter->ticket);
    letter_end(alerts, letter);
}

/* ---- dead letters ---- */

/* One more that the letter waits for. Where no dead letters are kept, the log is all there is. */
static enum sky_status bury(struct alerts *alerts, struct letter *letter, const char *part, const char *reason)
{
    if (!alerts->dead_letters)
        return SKY_OK;
    const struct sky_kafka_dead_letter dead = {.service = "alerts",
                                               .part = part,
                                               .reason = reason,
                                               .topic = alerts->topic,
                                               .partition = letter->ticket.partition,
                                               .offset = letter->ticket.offset,
                                               .key = sky_span_of(letter->bytes.ptr, letter->key_len),
                                               .value = letter_value(letter)};
    enum sky_status status = sky_kafka_dead_letters_add(alerts->dead_letters, &dead);
    if (status == SKY_OK) {
        letter->waiting++;
        alerts->unkept[alerts->unkept_count++] = letter;
    }
    return status;
}

static bool may_bury(const struct alerts *alerts)
{
    return alerts->unkept_count < LETTERS_OPEN_MAX;
}

static void settle(struct alerts *alerts, int timeout_ms)
{
    struct sky_kafka_message message;
    if (!alerts->unkept_count)
        return;
    enum sky_status status = sky_kafka_dead_letters_settle(alerts->dead_letters, timeout_ms, &message);
    if (status == SKY_OK) {
        sky_metric_add(alerts->service.metrics, SKY_METRIC_KAFKA_PRODUCED, SKY_TOPIC_DEAD_LETTERS,
                       alerts->unkept_count);
        for (size_t i = 0; i < alerts->unkept_count; i++)
            release(alerts, alerts->unkept[i]);
        alerts->unkept_count = 0;
    } else if (status != SKY_E_TIMEOUT) {
        sky_log(SKY_LOG_WARN, "dead_letters_not_kept", SKY_LOG_TEXT("reason", message.text),
                SKY_LOG_INT("count", alerts->unkept_count));
    }
}

/* ---- what has become of alerts ---- */

static void observe(struct alerts *alerts, const struct sky_alert_finish *finish)
{
    const struct sky_trend_alert *alert = &finish->item->alert;
    int64_t latency_ms = finish->ended_ms - alert->window_end_ms;
    if (alerts->commits && alert->kind == SKY_TREND_STARTED && latency_ms >= 0)
        sky_metric_observe(alerts->service.metrics, SKY_METRIC_TREND_DETECTION_LATENCY, (double)latency_ms / 1e3);
}

static bool is_lines(enum sky_alert_output_kind kind)
{
    return kind == SKY_ALERT_TO_TABLE || kind == SKY_ALERT_TO_JSON;
}

/* `alert` is the id, by which it is followed from `run` on; `delivery` what the receiver is told to know it by. */
static void log_finish(const struct sky_alert_finish *finish, const char *output, bool is_sent)
{
    static const char *const events[] = {[SKY_ALERT_DELIVERED] = "alert_delivered",
                                         [SKY_ALERT_REFUSED] = "alert_refused",
                                         [SKY_ALERT_GIVEN_UP] = "alert_given_up"};
    const struct sky_trend_alert *alert = &finish->item->alert;
    char id[SKY_TREND_ID_TEXT_SIZE], delivery[SKY_ALERT_EVENT_SIZE];
    sky_trend_id_format(alert->id, id);
    sky_alert_event(alert, delivery);
    struct sky_span uri = alert->sample_posts_count ? alert->sample_posts[0].uri : SKY_SPAN("");
    sky_log(finish->end == SKY_ALERT_DELIVERED ? SKY_LOG_INFO : SKY_LOG_WARN,
            is_sent ? events[finish->end] : "alert_not_sent", SKY_LOG_TEXT("alert", id), SKY_LOG_SPAN("uri", uri),
            SKY_LOG_TEXT("delivery", delivery), SKY_LOG_TEXT("output", output),
            SKY_LOG_INT("attempts", finish->attempts), SKY_LOG_INT("code", finish->code),
            SKY_LOG_TEXT("reason", finish->problem));
}

static enum sky_status take_finish(struct alerts *alerts, const struct sky_alert_finish *finish)
{
    struct letter *letter = (struct letter *)finish->item;
    enum sky_alert_output_kind kind = alerts->receivers.kinds[finish->output];
    enum sky_status status = SKY_OK;
    bool is_sent = !alerts->dry || is_lines(kind);
    log_finish(finish, sky_alert_output_name(kind), is_sent);
    if (!is_sent) {
        /* by --dry-run: neither delivered nor dead */
    } else if (finish->end == SKY_ALERT_DELIVERED) {
        sky_metric_add(alerts->service.metrics, SKY_METRIC_ALERTS_DELIVERED, kind, 1);
        observe(alerts, finish);
    } else {
        alerts->undelivered++;
        sky_metric_add(alerts->service.metrics, SKY_METRIC_ALERTS_DEAD, kind, 1);
        status = bury(alerts, letter, sky_alert_output_name(kind), finish->problem);
    }
    if (status == SKY_OK)
        release(alerts, letter);
    return status;
}

static void collect(struct alerts *alerts)
{
    struct sky_alert_finish finish;
    while (alerts->failed == SKY_OK && may_bury(alerts) && sky_alert_outputs_take(alerts->outputs, &finish))
        alerts->failed = take_finish(alerts, &finish);
}

/* ---- offsets ---- */

static void commit_place(struct alerts *alerts, const struct sky_offset_place *place)
{
    struct sky_kafka_message message;
    const struct sky_kafka_record position = {
        .topic = alerts->topic, .partition = place->partition, .offset = place->offset};
    enum sky_status status = sky_kafka_consumer_commit(alerts->consumer, &position, NULL, &message);
    if (status == SKY_OK || status == SKY_E_FENCED)
        sky_offset_ledger_committed(alerts->ledger, place);
    else
        sky_log(SKY_LOG_WARN, "offset_not_committed", SKY_LOG_INT("partition", place->partition),
                SKY_LOG_INT("offset", place->offset), SKY_LOG_TEXT("reason", message.text));
}

static void commit_due(struct alerts *alerts, bool at_once)
{
    struct sky_offset_place place, last = {.partition = -1};
    int64_t now_ms = sky_clock_monotonic_ms();
    if (!alerts->commits || (!at_once && now_ms - alerts->commit_clock_ms < COMMIT_MS))
        return;
    alerts->commit_clock_ms = now_ms;
    while (sky_offset_ledger_due(alerts->ledger, &place) && place.partition != last.partition) {
        commit_place(alerts, &place);
        last = place; /* the same again: it could not be committed */
    }
}

static int64_t on_assigned(void *context, const char *topic, int32_t partition, int64_t committed, const char *metadata)
{
    struct alerts *alerts = context;
    if (sky_offset_ledger_assign(alerts->ledger, partition) != SKY_OK)
        alerts->failed = SKY_E_MEMORY;
    sky_log(SKY_LOG_DEBUG, "partition_assigned", SKY_LOG_INT("partition", partition), SKY_LOG_INT("offset", committed));
    return committed;
}

static void on_revoked(void *context, const char *topic, int32_t partition, bool lost)
{
    struct alerts *alerts = context;
    struct sky_offset_place place;
    if (alerts->commits && !lost && sky_offset_ledger_due_of(alerts->ledger, partition, &place))
        commit_place(alerts, &place);
    sky_offset_ledger_revoke(alerts->ledger, partition);
    sky_log(SKY_LOG_DEBUG, "partition_revoked", SKY_LOG_INT("partition", partition));
}

/* ---- each record ---- */

static bool wants(const struct alerts *alerts, enum sky_alert_output_kind kind, const struct sky_trend_alert *alert)
{
    return sky_alert_filter_wants_kind(alerts->filter, alert->kind) ||
           (kind == SKY_ALERT_TO_ALERTMANAGER && alert->kind == SKY_TREND_ONGOING);
}

static void send_to_outputs(struct alerts *alerts, struct letter *letter)
{
    const struct sky_trend_alert *alert = &letter->item.alert;
    uint32_t wanted[SKY_ALERT_TO_COUNT], count = 0;
    if (sky_alert_filter_wants(alerts->filter, alert))
        for (uint32_t i = 0; i < alerts->receivers.count; i++)
            if (wants(alerts, alerts->receivers.kinds[i], alert))
                wanted[count++] = i;
    letter->waiting = count;
    if (!count) {
        sky_metric_add(alerts->service.metrics, SKY_METRIC_ALERTS_LEFT_OUT, 0, 1);
        letter->waiting = 1;
        release(alerts, letter);
    }
    for (uint32_t i = 0; i < count; i++)
        sky_alert_outputs_put(alerts->outputs, wanted[i], &letter->item);
}

static enum sky_status drop_bad(struct alerts *alerts, struct letter *letter, const struct sky_kafka_record *record,
                                const struct sky_error *error)
{
    char reason[SKY_KAFKA_MESSAGE_SIZE];
    snprintf(reason, sizeof reason, "no TrendAlert: %s at byte %zu: %s", sky_status_name(error->status), error->offset,
             error->reason ? error->reason : "");
    sky_service_bad_record(&alerts->service, record, error);
    letter->waiting = 1;
    enum sky_status status = bury(alerts, letter, NULL, reason);
    if (status == SKY_OK)
        release(alerts, letter);
    return status;
}

static enum sky_status take_record(struct alerts *alerts, const struct sky_kafka_record *record)
{
    struct sky_error error = {.status = SKY_E_LIMIT, .reason = "longer than an alert may be"};
    struct letter *letter = letter_new(alerts, record);
    enum sky_status status = SKY_E_MEMORY;
    if (letter)
        status = sky_offset_ledger_take(alerts->ledger, record->partition, record->offset, &letter->ticket);
    if (status != SKY_OK)
        return status;
    if (letter->bytes.len <= ALERT_BYTES_MAX)
        status = sky_trend_alert_read(&letter->reader, letter_value(letter), &letter->item.alert, &error);
    else
        status = SKY_E_LIMIT;
    if (status == SKY_E_MEMORY)
        return status;
    if (status != SKY_OK)
        return drop_bad(alerts, letter, record, &error);
    send_to_outputs(alerts, letter);
    return SKY_OK;
}

/* Reading stops when a queue is full, and goes on when there is some room again. */
static void hold_up(struct alerts *alerts)
{
    struct sky_alert_output_state state;
    uint32_t capacity = (uint32_t)alerts->config->alerts.queue;
    bool full = !sky_alert_outputs_have_room(alerts->outputs) || !may_bury(alerts);
    bool roomy = !full;
    for (uint32_t i = 0; i < alerts->receivers.count; i++) {
        sky_alert_outputs_state(alerts->outputs, i, &state);
        roomy &= state.waiting <= capacity - (capacity + PART_OF_QUEUE_FREE - 1) / PART_OF_QUEUE_FREE;
    }
    if (alerts->is_held_up ? roomy : full) {
        alerts->is_held_up = !alerts->is_held_up;
        sky_log(SKY_LOG_WARN, alerts->is_held_up ? "reading_held_up" : "reading_goes_on",
                SKY_LOG_INT("queue", capacity));
        sky_kafka_consumer_pause(alerts->consumer, alerts->is_held_up);
    }
}

/* ---- now and then ---- */

static void tell_output(struct alerts *alerts, uint32_t number, struct sky_buffer *detail)
{
    struct sky_alert_output_state state;
    char since[SKY_TIME_TEXT_SIZE];
    enum sky_alert_output_kind kind = alerts->receivers.kinds[number];
    struct sky_metrics *metrics = alerts->service.metrics;
    sky_alert_outputs_state(alerts->outputs, number, &state);
    sky_metric_set(metrics, SKY_METRIC_ALERTS_WAITING, kind, (double)state.waiting);
    sky_metric_set_total(metrics, SKY_METRIC_ALERTS_RETRIED, kind, state.attempts_failed);
    if (!state.problem[0])
        return;
    sky_buffer_printf(detail, "%s%s: %.160s", detail->len ? "; " : "", sky_alert_output_name(kind), state.problem);
    if (!state.failing_since_ms)
        return;
    sky_time_format(state.failing_since_ms, since);
    sky_buffer_printf(detail, " (since %s, %u waiting%s)", since, state.waiting,
                      state.waiting >= (uint32_t)alerts->config->alerts.queue ? ": full, the others wait too" : "");
}

/* The log hears of a receiver that fails, and of one that works again; not of each attempt. */
static void tell(struct alerts *alerts)
{
    struct sky_buffer detail = {0};
    int64_t now_ms = sky_clock_monotonic_ms();
    if (now_ms - alerts->tell_clock_ms < TELL_MS)
        return;
    alerts->tell_clock_ms = now_ms;
    for (uint32_t i = 0; i < alerts->receivers.count; i++)
        tell_output(alerts, i, &detail);
    sky_buffer_put_u8(&detail, 0);
    const char *text = detail.failed ? "" : (const char *)detail.ptr;
    bool was_well = !alerts->problem[0];
    snprintf(alerts->problem, sizeof alerts->problem, "%s", text);
    sky_health_set(alerts->service.health, SKY_DEPENDENCY_RECEIVERS, *text ? SKY_HEALTH_DEGRADED : SKY_HEALTH_OK, text);
    if (was_well && *text)
        sky_log(SKY_LOG_WARN, "receivers_degraded", SKY_LOG_TEXT("reason", text));
    else if (!was_well && !*text)
        sky_log(SKY_LOG_INFO, "receivers_recovered", SKY_LOG_INT("outputs", alerts->receivers.count));
    sky_buffer_clean_up(&detail);
}

static bool is_gone(struct alerts *alerts)
{
    struct sky_alert_output_state state;
    bool gone = false;
    for (uint32_t i = 0; i < alerts->receivers.count; i++) {
        sky_alert_outputs_state(alerts->outputs, i, &state);
        gone |= state.is_gone;
    }
    return gone;
}

/* With --once nobody is there to make room on a disk that is full: waiting for that would look like a hang. */
static bool cannot_write(struct alerts *alerts, struct sky_alert_output_state *state)
{
    for (uint32_t i = 0; alerts->once && i < alerts->receivers.count; i++) {
        if (!is_lines(alerts->receivers.kinds[i]))
            continue;
        sky_alert_outputs_state(alerts->outputs, i, state);
        if (state->failing_since_ms)
            return true;
    }
    return false;
}

/* ---- setting up ---- */

/* Topics that are missing are made; brokers that do not answer are waited for. False: asked to end meanwhile. */
static bool wait_for_topics(struct alerts *alerts)
{
    static const enum sky_topic_kind kinds[] = {SKY_TOPIC_TREND_ALERTS, SKY_TOPIC_DEAD_LETTERS};
    while (sky_service_goes_on(&alerts->service)) {
        struct sky_kafka_message message;
        enum sky_status status = sky_topics_ensure(alerts->config, kinds, 2, TOPICS_MS, &message);
        if (status == SKY_OK)
            return true;
        sky_health_set(alerts->service.health, SKY_DEPENDENCY_KAFKA, SKY_HEALTH_FAILED, message.text);
        sky_log(SKY_LOG_WARN, "kafka_problem", SKY_LOG_TEXT("reason", message.text));
        if (status == SKY_E_CONFIG) {
            sky_service_fail(&alerts->service, "the topics", message.text);
            alerts->failed = status;
            return false;
        }
        sky_signal_sleep(TURN_MS);
    }
    return false;
}

static enum sky_status open_filter(struct alerts *alerts)
{
    char problem[SKY_ALERT_FILTER_PROBLEM_SIZE];
    const struct sky_alert_filter_options options = {.languages = alerts->config->alerts.languages,
                                                     .kinds = alerts->config->alerts.kinds,
                                                     .keywords = alerts->config->alerts.keywords,
                                                     .min_confidence = alerts->config->alerts.min_confidence};
    enum sky_status status = sky_alert_filter_new(&options, &alerts->filter, problem);
    if (status != SKY_OK)
        sky_service_fail(&alerts->service, "alerts.languages, .kinds, .keywords", problem);
    return status;
}

static enum sky_status open_outputs(struct alerts *alerts, bool dry)
{
    char problem[SKY_ALERT_RECEIVERS_PROBLEM_SIZE];
    struct sky_alert_outputs_options options = {.capacity = (uint32_t)alerts->config->alerts.queue,
                                                .patience_ms = alerts->config->alerts.patience_ms};
    enum sky_status status = sky_alert_receivers_init(&alerts->receivers, alerts->config, dry, problem);
    if (status != SKY_OK) {
        sky_log_say(SKY_LOG_ERROR, "failed", "skytrend alerts: %s", problem);
        return status;
    }
    if (getrandom(&options.seed, sizeof options.seed, 0) != sizeof options.seed)
        options.seed = (uint64_t)sky_clock_monotonic_us();
    options.count = alerts->receivers.count;
    memcpy(options.receivers, alerts->receivers.receivers, sizeof alerts->receivers.receivers);
    for (uint32_t i = 0; i < options.count; i++)
        if (alerts->receivers.kinds[i] == SKY_ALERT_TO_WEBHOOK && !alerts->receivers.is_signed)
            sky_log(SKY_LOG_WARN, "webhook_not_signed", SKY_LOG_TEXT("setting", "alerts.webhook_secret"));
    status = sky_alert_outputs_new(&options, &alerts->outputs);
    if (status != SKY_OK)
        sky_service_fail(&alerts->service, "the outputs", sky_status_name(status));
    return status;
}

static enum sky_status open_kafka(struct alerts *alerts)
{
    struct sky_kafka_message message = {.text = "no memory"};
    char group[256];
    if (alerts->commits)
        snprintf(group, sizeof group, "%s", alerts->config->alerts.group);
    else /* a group of its own, of which nothing is left when it ends */
        snprintf(group, sizeof group, "%.200s-replay-%d-%lld", alerts->config->alerts.group, (int)getpid(),
                 (long long)sky_clock_wall_ms());
    const char *instance = alerts->config->kafka.instance_id;
    const struct sky_kafka_consumer_options options = {
        .kafka = &alerts->service.kafka,
        .group = group,
        .instance = alerts->commits && *instance ? instance : NULL,
        .topics = {alerts->topic},
        .topics_count = 1,
        .from_latest = alerts->commits,
        .events = {on_assigned, on_revoked, alerts},
    };
    enum sky_status status = sky_offset_ledger_new(&alerts->ledger);
    if (status == SKY_OK && alerts->commits)
        status = sky_kafka_dead_letters_new(&alerts->service.kafka, alerts->config->topics.dead_letters,
                                            &alerts->dead_letters, &message);
    if (status == SKY_OK)
        status = sky_kafka_consumer_new(&options, &alerts->consumer, &message);
    if (status != SKY_OK)
        sky_service_fail(&alerts->service, "Kafka", message.text);
    return status;
}

/* ---- the command ---- */

static bool take_turn(struct alerts *alerts)
{
    struct sky_kafka_record record;
    collect(alerts);
    settle(alerts, TURN_MS);
    hold_up(alerts);
    switch (sky_service_next(&alerts->service, alerts->consumer, TURN_MS, &record)) {
    case SKY_KAFKA_RECORD:
        if (!alerts->is_held_up)
            alerts->failed = take_record(alerts, &record);
        else /* there is no room for it: it is read once more when there is */
            alerts->failed = sky_kafka_consumer_seek(alerts->consumer, record.topic, record.partition, record.offset);
        break;
    case SKY_KAFKA_PARTITION_END: sky_offset_ledger_pass(alerts->ledger, record.partition, record.offset, true); break;
    case SKY_KAFKA_FAILED: alerts->failed = SKY_E_IO; break;
    case SKY_KAFKA_IDLE:
    case SKY_KAFKA_PROBLEM: break;
    }
    commit_due(alerts, false);
    tell(alerts);
    return alerts->failed == SKY_OK && !(alerts->once && sky_offset_ledger_is_at_end(alerts->ledger));
}

static void drain(struct alerts *alerts)
{
    int64_t end_ms = sky_clock_monotonic_ms() + DRAIN_MS_MAX;
    sky_alert_outputs_drain(alerts->outputs);
    while (alerts->failed == SKY_OK && sky_clock_monotonic_ms() < end_ms) {
        sky_health_beat(alerts->service.health);
        collect(alerts);
        settle(alerts, TURN_MS);
        if (!alerts->unkept_count && sky_alert_outputs_are_idle(alerts->outputs))
            break;
        sky_alert_outputs_wait(alerts->outputs, TURN_MS);
    }
    collect(alerts);
    settle(alerts, TURN_MS);
    commit_due(alerts, true);
}

/* What --once came to. */
static int end_once(struct alerts *alerts)
{
    struct sky_alert_output_state state;
    char text[SKY_DELIVERY_PROBLEM_SIZE + 32];
    uint64_t waiting = sky_kafka_consumer_lag(alerts->consumer);
    for (const struct letter *letter = alerts->letters; letter; letter = letter->next)
        waiting++;
    if (cannot_write(alerts, &state))
        snprintf(text, sizeof text, "standard output: %s", state.problem);
    else if (alerts->undelivered)
        snprintf(text, sizeof text, "refused or given up: %llu", (unsigned long long)alerts->undelivered);
    else if (!sky_offset_ledger_is_at_end(alerts->ledger) && waiting)
        snprintf(text, sizeof text, "ended before its time: %llu wait", (unsigned long long)waiting);
    else if (!sky_offset_ledger_is_at_end(alerts->ledger))
        snprintf(text, sizeof text, "ended before its time: the topic was not read to its end");
    else
        return SKY_EXIT_OK;
    return sky_service_fail(&alerts->service, "not everything was delivered", text);
}

static int work(struct alerts *alerts)
{
    bool gone = false;
    struct sky_alert_output_state state;
    if (alerts->commits && !wait_for_topics(alerts)) {
        if (alerts->failed == SKY_OK && alerts->once)
            return sky_service_fail(&alerts->service, "not everything was delivered", "the brokers did not answer");
        return alerts->failed == SKY_OK ? SKY_EXIT_OK : SKY_EXIT_FAILURE;
    }
    if (open_kafka(alerts) != SKY_OK)
        return SKY_EXIT_FAILURE;
    while (sky_service_goes_on(&alerts->service) && !gone && !cannot_write(alerts, &state) && take_turn(alerts))
        gone = is_gone(alerts);
    drain(alerts);
    if (alerts->failed == SKY_E_MEMORY)
        sky_service_fail(&alerts->service, "stopped", "no memory");
    /* A reader that went away is nobody looking any more; where others still wait for alerts it is a failure. */
    gone |= is_gone(alerts);
    if (gone && alerts->receivers.count > 1)
        return sky_service_fail(&alerts->service, "stopped", "nobody reads standard output any more");
    if (alerts->failed != SKY_OK)
        return SKY_EXIT_FAILURE;
    return alerts->once && !gone ? end_once(alerts) : SKY_EXIT_OK;
}

static void tear_down(struct alerts *alerts)
{
    atomic_store(&alerts->receivers.stop, true);
    sky_kafka_consumer_free(alerts->consumer); /* the group learns that we leave */
    sky_alert_outputs_free(alerts->outputs);
    for (struct letter *next, *letter = alerts->letters; letter; letter = next) {
        next = letter->next;
        letter_free(letter);
    }
    sky_alert_receivers_clean_up(&alerts->receivers);
    sky_kafka_dead_letters_free(alerts->dead_letters);
    sky_offset_ledger_free(alerts->ledger);
    sky_alert_filter_free(alerts->filter);
    sky_service_stop(&alerts->service);
}

static int alerts_command(const struct sky_invocation *invocation)
{
    bool dry = sky_options_bool(&invocation->options, "dry-run");
    bool replay = dry || sky_options_bool(&invocation->options, "from-beginning");
    bool once = sky_options_bool(&invocation->options, "once");
    const struct sky_service_options options = {
        .invocation = invocation, .role = SKY_ROLE_ALERTS, .default_port = replay || once ? 0 : DEFAULT_PORT};
    struct alerts alerts = {.config = invocation->config,
                            .topic = invocation->config->topics.trend_alerts,
                            .commits = !replay,
                            .once = once,
                            .dry = dry};
    int exit_code = sky_service_start(&options, &alerts.service);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    enum sky_status status = open_filter(&alerts);
    if (status == SKY_OK)
        status = open_outputs(&alerts, dry);
    if (status == SKY_OK)
        status = sky_service_open(&alerts.service);
    if (status == SKY_OK)
        exit_code = work(&alerts);
    else
        exit_code = sky_exit_of(status);
    tear_down(&alerts);
    return exit_code;
}

const struct sky_command sky_command_alerts = {
    .name = "alerts",
    .summary = "send trend alerts to a terminal, a webhook, Alertmanager or by mail",
    .description = "Reads the topic of trend alerts and hands each one over at least once, with an id that stays the "
                   "same. What a\n"
                   "receiver refuses, or cannot take within alerts.patience, is kept in the topic of dead letters.",
    .options = alerts_options,
    .examples = (const char *const[]){"# watch the alerts as they come", "skytrend alerts",
                                      "# everything that is still in the topic, as JSON lines",
                                      "skytrend alerts --to json --from-beginning --once",
                                      "# to a program of yours and to Alertmanager, whose addresses stand in the file",
                                      "skytrend alerts --to webhook,alertmanager --config skytrend.yaml", NULL},
    .takes_config = true,
    .run = alerts_command,
};
