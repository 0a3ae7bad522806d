#include "app/run_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/host/clock.h"
#include "io/lake/lake_local.h"
#include "ops/health.h"
#include "ops/log.h"
#include "trend/detector.h"

#define STALLED_MS 30000 /* of the clock without an event */

struct sky_run_report {
    const struct sky_config *config;
    struct sky_board_status status;
    struct sky_metrics *metrics;
    struct sky_health *health;
};

enum sky_status sky_run_report_new(const struct sky_config *config, struct sky_run_report **report)
{
    struct sky_run_report *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    made->config = config;
    made->status.version = SKY_VERSION;
    enum sky_status status = sky_metrics_new(SKY_ROLE_RUN, &made->metrics);
    if (status == SKY_OK)
        status = sky_health_new(SKY_ROLE_RUN, &made->health);
    if (status != SKY_OK) {
        sky_run_report_free(made);
        return status;
    }
    sky_health_set(made->health, SKY_DEPENDENCY_KAFKA, SKY_HEALTH_OFF, NULL);
    sky_health_set(made->health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_OFF, NULL);
    *report = made;
    return SKY_OK;
}

void sky_run_report_free(struct sky_run_report *report)
{
    if (!report)
        return;
    sky_metrics_free(report->metrics);
    sky_health_free(report->health);
    free(report);
}

struct sky_health *sky_run_report_health(struct sky_run_report *report)
{
    return report->health;
}

void sky_run_report_set_probes(struct sky_run_report *report, struct sky_api_options *options)
{
    options->healthz = (struct sky_api_probe){sky_health_render_alive, report->health, NULL};
    options->readyz = (struct sky_api_probe){sky_health_render_ready, report->health, NULL};
    options->metrics = (struct sky_api_probe){sky_metrics_render, report->metrics, SKY_METRICS_CONTENT_TYPE};
}

/* ---- the board's status ---- */

static void tell_board(struct sky_run_report *report, const struct sky_run_parts *parts,
                       const struct sky_feed_status *feed, const struct sky_engine_stats *engine)
{
    struct sky_board_status *status = &report->status;
    int64_t now_ms = sky_clock_wall_ms(), silent_ms = sky_clock_monotonic_ms() - parts->event_clock_ms;
    bool stalled = silent_ms > STALLED_MS;
    snprintf(status->source, sizeof status->source, "%s", feed->name);
    status->simulated = feed->simulated;
    status->speed = feed->speed;
    status->connection = stalled               ? SKY_BOARD_STALLED
                         : feed->connected     ? SKY_BOARD_CONNECTED
                         : feed->ever_received ? SKY_BOARD_DISCONNECTED
                                               : SKY_BOARD_CONNECTING;
    snprintf(status->problem, sizeof status->problem, "%s", feed->connected ? "" : feed->problem);
    status->retry_ms = feed->retry_ms;
    status->stalled_since_ms = stalled ? now_ms - silent_ms : 0;
    status->lag_ms = feed->simulated || !engine->event_time_ms ? 0 : now_ms - engine->event_time_ms;
    status->event_time_ms = engine->event_time_ms;
    status->posts_total = engine->posts;
    sky_board_set_status(parts->board, status);
}

/* ---- health ---- */

/* Kafka is there for the outputs, or for the posts alone; both have the same brokers. */
static void tell_kafka(struct sky_run_report *report, const struct sky_run_parts *parts,
                       const struct sky_feed_status *feed)
{
    bool reads = sky_feed_posts(parts->feed) != NULL;
    struct sky_run_bus_status bus = {.reached = true, .problem = ""};
    if (parts->bus)
        sky_run_bus_status(parts->bus, &bus);
    const char *problem = !bus.reached ? bus.problem : reads ? feed->problem : "";
    enum sky_health_state state = !reads && !parts->bus ? SKY_HEALTH_OFF : *problem ? SKY_HEALTH_FAILED : SKY_HEALTH_OK;
    sky_health_set(report->health, SKY_DEPENDENCY_KAFKA, state, *problem ? problem : NULL);
}

static void tell_health(struct sky_run_report *report, const struct sky_feed_status *feed)
{
    char detail[SKY_HEALTH_DETAIL_SIZE];
    snprintf(detail, sizeof detail, "%s", *feed->problem ? feed->problem : feed->name);
    enum sky_health_state state = SKY_HEALTH_FAILED;
    switch (report->status.connection) {
    case SKY_BOARD_CONNECTED:
        state = SKY_HEALTH_OK;
        snprintf(detail, sizeof detail, "%s", feed->name);
        break;
    case SKY_BOARD_CONNECTING: state = *feed->problem ? SKY_HEALTH_FAILED : SKY_HEALTH_STARTING; break;
    case SKY_BOARD_STALLED: snprintf(detail, sizeof detail, "%s: no event for a while", feed->name); break;
    case SKY_BOARD_DISCONNECTED: break;
    }
    sky_health_set(report->health, SKY_DEPENDENCY_SOURCE, state, detail);
    sky_health_set(report->health, SKY_DEPENDENCY_ENGINE, SKY_HEALTH_OK, NULL);
    sky_health_beat(report->health);
}

/* ---- metrics ---- */

/* Returns the records read. */
static uint64_t tell_posts(struct sky_run_report *report, struct sky_post_feed *feed)
{
    struct sky_post_feed_status posts;
    sky_post_feed_status(feed, &posts);
    sky_metric_set(report->metrics, SKY_METRIC_KAFKA_CONSUMER_LAG, 0, (double)posts.lag);
    sky_metric_set(report->metrics, SKY_METRIC_KAFKA_PARTITIONS, 0, posts.partitions);
    sky_metric_set_total(report->metrics, SKY_METRIC_KAFKA_CONSUMED, SKY_TOPIC_POSTS, posts.records);
    sky_metric_set_total(report->metrics, SKY_METRIC_RECORDS_BAD, SKY_TOPIC_POSTS, posts.bad);
    return posts.records;
}

static void tell_bus(struct sky_run_report *report, struct sky_run_bus *bus)
{
    struct sky_run_bus_status status;
    if (!bus)
        return;
    sky_run_bus_status(bus, &status);
    for (int kind = 0; kind < SKY_TOPIC_COUNT; kind++)
        if (kind != SKY_TOPIC_DEAD_LETTERS) /* of another's */
            sky_metric_set_total(report->metrics, SKY_METRIC_KAFKA_PRODUCED, (size_t)kind, status.records[kind]);
    sky_metric_set_total(report->metrics, SKY_METRIC_KAFKA_TRANSACTIONS, SKY_METRIC_TRANSACTION_COMMITTED,
                         status.committed);
    sky_metric_set_total(report->metrics, SKY_METRIC_KAFKA_TRANSACTIONS, SKY_METRIC_TRANSACTION_ABORTED,
                         status.aborted);
}

static void tell_source(struct sky_run_report *report, const struct sky_run_parts *parts,
                        const struct sky_feed_status *feed)
{
    const struct sky_relay *relay = sky_feed_relay(parts->feed);
    struct sky_relay_status status = {
        .state = SKY_RELAY_STREAMING, .bytes = feed->bytes, .messages = sky_decoder_stats(parts->decoder)->frames};
    if (relay)
        sky_relay_status(relay, &status);
    if (sky_feed_posts(parts->feed))
        status.messages = tell_posts(report, sky_feed_posts(parts->feed));
    sky_metrics_take_relay(report->metrics, &status);
}

static void tell_page(struct sky_run_report *report, const struct sky_api *api)
{
    struct sky_http_server_stats http;
    if (!api)
        return;
    sky_api_stats(api, &http);
    sky_metrics_take_http(report->metrics, &http);
}

void sky_run_report_update(struct sky_run_report *report, const struct sky_run_parts *parts)
{
    struct sky_feed_status feed;
    struct sky_engine_stats engine;
    sky_feed_status(parts->feed, &feed);
    sky_engine_stats(parts->engine, &engine);
    tell_board(report, parts, &feed, &engine);
    tell_health(report, &feed);
    tell_kafka(report, parts, &feed);
    tell_source(report, parts, &feed);
    tell_bus(report, parts->bus);
    sky_metric_set_total(report->metrics, SKY_METRIC_KAFKA_PRODUCED, SKY_TOPIC_DEAD_LETTERS,
                         sky_run_letters_kept(parts->letters));
    tell_page(report, parts->api);
    sky_metrics_take_decoder(report->metrics, sky_decoder_stats(parts->decoder));
    sky_metrics_take_engine(report->metrics, &engine);
    sky_metrics_take_log(report->metrics);
    sky_metrics_take_health(report->metrics, report->health);
    sky_metric_set(report->metrics, SKY_METRIC_FRESHNESS, 0, (double)report->status.lag_ms / 1000);
}

void sky_run_report_waiting(struct sky_run_report *report, const struct sky_run_parts *parts, const char *problem)
{
    struct sky_board_status *status = &report->status;
    if (report->config->source.kind == SKY_SOURCE_KAFKA)
        snprintf(status->source, sizeof status->source, "Kafka %s", report->config->kafka.bootstrap_servers);
    status->connection = SKY_BOARD_CONNECTING;
    snprintf(status->problem, sizeof status->problem, "%s", problem);
    sky_board_set_status(parts->board, status);
    sky_health_set(report->health, SKY_DEPENDENCY_KAFKA, *problem ? SKY_HEALTH_FAILED : SKY_HEALTH_STARTING, problem);
    sky_health_beat(report->health);
    tell_page(report, parts->api);
    sky_metrics_take_log(report->metrics);
    sky_metrics_take_health(report->metrics, report->health);
}

void sky_run_report_slide(struct sky_run_report *report, const struct sky_run_parts *parts,
                          const struct sky_trend_snapshot *snapshot)
{
    struct sky_engine_stats stats;
    sky_engine_stats(parts->engine, &stats);
    uint32_t window = (uint32_t)report->config->window.minutes;
    uint32_t uptime = stats.uptime_minutes ? stats.uptime_minutes : 1;
    report->status.posts_per_minute = (double)snapshot->posts / (uptime < window ? uptime : window);
    uint32_t warm_up = sky_detector_warm_up_minutes(window);
    report->status.warm_up_minutes_left = uptime < warm_up ? warm_up - uptime : 0;
    sky_board_set_status(parts->board, &report->status); /* or the slide would stand beside older numbers */
}

void sky_run_report_published(struct sky_run_report *report, const struct sky_trend_snapshot *snapshot,
                              const struct sky_slide_timing *timing)
{
    sky_metrics_take_slide(report->metrics, snapshot, timing);
}

void sky_run_report_checkpoint(struct sky_run_report *report, const struct sky_run_checkpoint *checkpoint)
{
    bool good = checkpoint->status == SKY_OK;
    sky_metric_add(report->metrics, SKY_METRIC_CHECKPOINTS,
                   good ? SKY_METRIC_CHECKPOINT_OK : SKY_METRIC_CHECKPOINT_FAILED, 1);
    sky_health_set(report->health, SKY_DEPENDENCY_CHECKPOINT, good ? SKY_HEALTH_OK : SKY_HEALTH_FAILED,
                   good ? NULL : checkpoint->message);
    if (!good) {
        sky_log(SKY_LOG_ERROR, "checkpoint_failed", SKY_LOG_TEXT("reason", checkpoint->message));
        return;
    }
    sky_metric_observe(report->metrics, SKY_METRIC_CHECKPOINT_DURATION, checkpoint->duration_s);
    sky_metric_set(report->metrics, SKY_METRIC_CHECKPOINT_SIZE, 0, (double)checkpoint->size_bytes);
    sky_metric_set(report->metrics, SKY_METRIC_CHECKPOINT_TIME, 0, (double)sky_clock_wall_ms() / 1000);
}

void sky_run_report_no_checkpoint(struct sky_run_report *report)
{
    sky_health_set(report->health, SKY_DEPENDENCY_CHECKPOINT, SKY_HEALTH_OFF, NULL);
}

void sky_run_report_lake(struct sky_run_report *report, const struct sky_lake_local_stats *stats, const char *problem)
{
    sky_metric_set_total(report->metrics, SKY_METRIC_LAKE_ROWS, 0, stats->totals.rows);
    sky_metric_set_total(report->metrics, SKY_METRIC_LAKE_FILES, 0, stats->totals.files);
    sky_metric_set_total(report->metrics, SKY_METRIC_LAKE_BYTES, 0, stats->totals.bytes);
    sky_metric_set_total(report->metrics, SKY_METRIC_LAKE_COMPACTED, 0, stats->compacted);
    sky_health_set(report->health, SKY_DEPENDENCY_STORAGE, *problem ? SKY_HEALTH_DEGRADED : SKY_HEALTH_OK, problem);
}
