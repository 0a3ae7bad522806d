/* skytrend ingest: relay -> PostData -> spool -> Kafka, each post once, whatever dies in between.
 *
 * Two threads: this one receives (ingest_receiver.h), another one sends (ingest_sender.h); the spool lies between them
 * (io/spool/spool.h). The probes' server, the connection and librdkafka have threads of their own. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "app/command.h"
#include "app/ingest_receiver.h"
#include "app/ingest_start.h"
#include "app/service.h"
#include "app/source.h"
#include "io/host/clock.h"
#include "ops/log.h"
#include "ops/metrics_source.h"

#define DEFAULT_PORT 9101
#define REPORT_MS    250
#define STALLED_MS   30000 /* of the clock without an event */
#define DRAIN_MS     10000 /* for what is spooled, once it is to end */

static const struct sky_option ingest_options[] = {
    {.name = "source",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "URL[,URL]",
     .setting = "source.urls",
     .help = "relays instead of the public ones"},
    SKY_SOURCE_CURSOR_OPTIONS,
    SKY_SERVICE_OPTIONS,
    {0},
};

struct ingest {
    const struct sky_invocation *invocation;
    const struct sky_config *config;
    struct sky_service service;
    struct sky_feed *feed;
    struct sky_decoder *decoder;
    struct sky_dead_letters *letters;
    struct sky_spool *spool;
    struct sky_ingest_receiver *receiver;
    struct sky_ingest_sender *sender;
    int64_t report_clock_ms;
};

/* ---- setting up ---- */

static enum sky_status open_spool(struct ingest *ingest)
{
    char path[PATH_MAX];
    const char *name = ingest->config->ingest.spool;
    struct sky_spool_message message;
    enum sky_status status = SKY_OK;
    if (*name == '/')
        snprintf(path, sizeof path, "%s", name);
    else
        status = sky_source_path(ingest->config, name, path);
    if (status != SKY_OK) {
        (void)sky_service_fail(&ingest->service, ingest->config->data.directory,
                               status == SKY_E_IO ? strerror(errno) : sky_status_name(status));
        return status;
    }
    const struct sky_spool_options options = {
        .directory = path, .room_bytes = (uint64_t)ingest->config->ingest.spool_bytes, .keep_ms = SKY_REPEATS_SPAN_MS};
    status = sky_spool_open(&options, &ingest->spool, &message);
    if (status != SKY_OK)
        (void)sky_service_fail(&ingest->service, "the spool", *message.text ? message.text : sky_status_name(status));
    else if (*message.text)
        sky_log(SKY_LOG_WARN, "spool_recovered", SKY_LOG_TEXT("detail", message.text));
    return status;
}

static enum sky_status open_receiver(struct ingest *ingest)
{
    const struct sky_decoder_options decoder = {.scope = SKY_DECODE_POSTS};
    uint64_t hash_key;
    if (getrandom(&hash_key, sizeof hash_key, 0) != sizeof hash_key)
        return SKY_E_IO;
    enum sky_status status = sky_decoder_new(&decoder, &ingest->decoder);
    if (status == SKY_OK)
        status = sky_source_open_dead_letters(ingest->invocation, &ingest->letters);
    const struct sky_ingest_receiver_options options = {
        .source = {ingest->config, ingest->feed, ingest->decoder, ingest->letters},
        .spool = ingest->spool,
        .metrics = ingest->service.metrics,
        .hash_key = hash_key,
    };
    return status == SKY_OK ? sky_ingest_receiver_new(&options, &ingest->receiver) : status;
}

/* Where the last run stopped. */
static enum sky_status resume(struct ingest *ingest)
{
    struct sky_error error = {0};
    char why[512];
    enum sky_status status = sky_ingest_settle(&ingest->service, ingest->spool, ingest->sender);
    if (status != SKY_OK)
        return status;
    status = sky_ingest_receiver_resume(ingest->receiver, &error);
    if (status == SKY_OK)
        return status;
    snprintf(why, sizeof why, "%s; to begin anew, move its folder away and take another ingest.transactional_id",
             error.reason ? error.reason : sky_status_name(status));
    (void)sky_service_fail(&ingest->service, "the state in the spool cannot be used", why);
    return status;
}

static enum sky_status set_up(struct ingest *ingest)
{
    int64_t kind = ingest->config->source.kind;
    if (kind != SKY_SOURCE_RELAY && kind != SKY_SOURCE_JETSTREAM) {
        (void)sky_service_fail(&ingest->service, "source.kind",
                               "ingest reads a relay or Jetstream; `skytrend simulate` is a relay too, for --source");
        return SKY_E_CONFIG;
    }
    enum sky_status status = open_spool(ingest);
    if (status == SKY_OK)
        status = sky_source_open(ingest->invocation, &ingest->feed);
    if (status == SKY_OK)
        status = open_receiver(ingest);
    if (status == SKY_OK)
        status = sky_service_open(&ingest->service);
    const struct sky_ingest_sender_options options = {ingest->config, &ingest->service.kafka, ingest->spool,
                                                      ingest->service.metrics};
    if (status == SKY_OK)
        status = sky_ingest_sender_start(&options, &ingest->sender);
    return status == SKY_OK ? resume(ingest) : status;
}

/* ---- how it is doing ---- */

static void tell_source(struct ingest *ingest, const struct sky_ingest_receiver_status *receiver)
{
    struct sky_feed_status feed;
    struct sky_relay_status relay;
    sky_feed_status(ingest->feed, &feed);
    sky_relay_status(sky_feed_relay(ingest->feed), &relay);
    sky_metrics_take_relay(ingest->service.metrics, &relay);
    sky_metrics_take_decoder(ingest->service.metrics, sky_decoder_stats(ingest->decoder));
    int64_t silent_ms = sky_clock_monotonic_ms() - receiver->event_clock_ms;
    bool stalled = receiver->event_clock_ms && silent_ms > STALLED_MS && !receiver->blocked;
    enum sky_health_state state = !feed.connected ? *feed.problem ? SKY_HEALTH_FAILED : SKY_HEALTH_STARTING
                                  : stalled       ? SKY_HEALTH_FAILED
                                                  : SKY_HEALTH_OK;
    char detail[SKY_HEALTH_DETAIL_SIZE];
    snprintf(detail, sizeof detail, "%s%s", state == SKY_HEALTH_FAILED && !stalled ? feed.problem : feed.name,
             stalled ? ": no event for a while" : "");
    sky_health_set(ingest->service.health, SKY_DEPENDENCY_SOURCE, state, detail);
}

static void tell_spool(struct ingest *ingest, const struct sky_ingest_receiver_status *receiver,
                       const struct sky_ingest_sender_status *sender)
{
    struct sky_metrics *metrics = ingest->service.metrics;
    struct sky_spool_status spool;
    sky_spool_status(ingest->spool, &spool);
    uint64_t records = spool.next_position > sender->committed ? spool.next_position - sender->committed : 0;
    bool is_behind = records && sender->committed_event_time_ms;
    int64_t lag_ms = is_behind ? spool.event_time_ms - sender->committed_event_time_ms : 0;
    sky_metric_set(metrics, SKY_METRIC_SPOOL_BYTES, 0, (double)spool.bytes);
    sky_metric_set(metrics, SKY_METRIC_SPOOL_ROOM, 0, (double)spool.room_bytes);
    sky_metric_set(metrics, SKY_METRIC_SPOOL_RECORDS, 0, (double)records);
    sky_metric_set(metrics, SKY_METRIC_SPOOL_LAG, 0, (double)lag_ms / 1000);
    sky_metric_set(metrics, SKY_METRIC_SPOOL_BLOCKED, 0, receiver->blocked);
    if (spool.event_time_ms) {
        sky_metric_set(metrics, SKY_METRIC_EVENT_TIME, 0, (double)spool.event_time_ms / 1000);
        sky_metric_set(metrics, SKY_METRIC_FRESHNESS, 0, (double)(sky_clock_wall_ms() - spool.event_time_ms) / 1000);
    }
    sky_health_set(ingest->service.health, SKY_DEPENDENCY_SPOOL,
                   receiver->blocked ? SKY_HEALTH_DEGRADED : SKY_HEALTH_OK,
                   receiver->blocked ? receiver->problem : NULL);
}

/* False: the sender has given up. */
static bool report(struct ingest *ingest)
{
    struct sky_ingest_receiver_status receiver;
    struct sky_ingest_sender_status sender;
    sky_ingest_receiver_status(ingest->receiver, &receiver);
    sky_ingest_sender_status(ingest->sender, &sender);
    tell_source(ingest, &receiver);
    tell_spool(ingest, &receiver, &sender);
    sky_ingest_tell_kafka(&ingest->service, &sender);
    if (sender.failed)
        (void)sky_service_fail(&ingest->service, "Kafka", sender.problem);
    return !sender.failed;
}

/* ---- work ---- */

static int work(struct ingest *ingest)
{
    while (sky_service_goes_on(&ingest->service)) {
        int64_t now_ms = sky_clock_monotonic_ms();
        if (now_ms - ingest->report_clock_ms >= REPORT_MS) {
            ingest->report_clock_ms = now_ms;
            if (!report(ingest))
                return SKY_EXIT_FAILURE;
        }
        enum sky_status status = sky_ingest_receiver_turn(ingest->receiver);
        if (status == SKY_OK)
            continue;
        struct sky_ingest_receiver_status receiver;
        sky_ingest_receiver_status(ingest->receiver, &receiver);
        return sky_service_fail(&ingest->service, status == SKY_E_IO ? "the source failed" : "stopped",
                                status == SKY_E_IO ? receiver.problem : sky_status_name(status));
    }
    return SKY_EXIT_OK;
}

/* What was received onto the disk, and what is there to Kafka if that is soon done. */
static void drain(struct ingest *ingest)
{
    struct sky_spool_status spool;
    if (ingest->receiver && !sky_ingest_receiver_flush(ingest->receiver)) {
        struct sky_ingest_receiver_status receiver;
        sky_ingest_receiver_status(ingest->receiver, &receiver);
        sky_log(SKY_LOG_WARN, "last_batch_not_kept", SKY_LOG_TEXT("reason", receiver.problem));
    }
    bool drained = sky_ingest_sender_stop(ingest->sender, DRAIN_MS);
    if (!ingest->spool)
        return;
    sky_spool_status(ingest->spool, &spool);
    if (drained)
        sky_log(SKY_LOG_INFO, "stopped", SKY_LOG_INT("position", spool.next_position));
    else
        sky_log(SKY_LOG_WARN, "stopped_before_all_was_sent", SKY_LOG_INT("position", spool.next_position),
                SKY_LOG_INT("committed", spool.released), SKY_LOG_INT("bytes", spool.bytes));
}

static void tear_down(struct ingest *ingest)
{
    drain(ingest);
    sky_ingest_receiver_free(ingest->receiver);
    sky_dead_letters_free(ingest->letters);
    sky_decoder_free(ingest->decoder);
    sky_feed_close(ingest->feed);
    sky_spool_close(ingest->spool);
    sky_service_stop(&ingest->service);
}

static int run(const struct sky_invocation *invocation)
{
    struct ingest ingest = {.invocation = invocation, .config = invocation->config};
    const struct sky_service_options options = {invocation, SKY_ROLE_INGEST, DEFAULT_PORT};
    int exit_code = sky_service_start(&options, &ingest.service);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    enum sky_status status = set_up(&ingest);
    if (status == SKY_OK)
        exit_code = work(&ingest);
    else if (status != SKY_E_END)
        exit_code = sky_exit_of(status);
    tear_down(&ingest);
    return exit_code;
}

const struct sky_command sky_command_ingest = {
    .name = "ingest",
    .summary = "bring the posts of the network to Kafka, each once",
    .description =
        "Reads a relay (or Jetstream), keeps what it received in a queue on disk, and sends it to the topic of posts "
        "in\n"
        "transactions. A crash of it, of Kafka or of both loses and doubles nothing; while Kafka is away it goes on\n"
        "receiving until ingest.spool_bytes are full. One at a time: a newer one with the same\n"
        "--ingest.transactional_id takes over. docs/OPERATIONS.md says more.",
    .options = ingest_options,
    .examples = (const char *const[]){"skytrend ingest --kafka.bootstrap_servers broker1:9092,broker2:9092",
                                      "# from a simulated relay, whose time is not the clock's",
                                      "skytrend ingest --source ws://127.0.0.1:8790 --source.trust_time true "
                                      "--kafka.retention 0",
                                      NULL},
    .takes_config = true,
    .run = run,
};
