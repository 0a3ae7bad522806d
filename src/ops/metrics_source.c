#include "ops/metrics_source.h"

#include "ops/log.h"

void sky_metrics_take_decoder(struct sky_metrics *metrics, const struct sky_decoder_stats *stats)
{
    uint64_t dropped = 0;
    for (size_t i = 0; i < SKY_DROP_COUNT; i++) {
        sky_metric_set_total(metrics, SKY_METRIC_DROPS, i, stats->drops[i]);
        bool repeated = i == SKY_DROP_FRAME_REPEATED; /* here already, not missing */
        dropped += sky_drop_is_frame((enum sky_drop)i) && !repeated ? stats->drops[i] : 0;
    }
    for (size_t i = 0; i < SKY_EVENT_KIND_COUNT; i++)
        sky_metric_set_total(metrics, SKY_METRIC_EVENTS, i, stats->kinds[i]);
    sky_metric_set_total(metrics, SKY_METRIC_TIME_FORGED, 0, stats->time_forged);
    sky_metric_set_total(metrics, SKY_METRIC_CREATED_AT_INVALID, 0, stats->created_at_invalid);
    double frames = (double)stats->frames;
    sky_metric_set(metrics, SKY_METRIC_READABLE, 0, frames > 0 ? 1 - (double)dropped / frames : 1);
}

void sky_metrics_take_engine(struct sky_metrics *metrics, const struct sky_engine_stats *stats)
{
    sky_metric_set_total(metrics, SKY_METRIC_POSTS_PROCESSED, 0, stats->posts);
    sky_metric_set_total(metrics, SKY_METRIC_POST_EVENTS, SKY_METRIC_POST_UPDATE, stats->updates);
    sky_metric_set_total(metrics, SKY_METRIC_POST_EVENTS, SKY_METRIC_POST_DELETE, stats->deletes);
    sky_metric_set_total(metrics, SKY_METRIC_POST_EVENTS, SKY_METRIC_POST_ACCOUNT, stats->accounts);
    sky_metric_set_total(metrics, SKY_METRIC_POSTS_LEFT_OUT, SKY_METRIC_POST_LATE, stats->posts_late);
    sky_metric_set_total(metrics, SKY_METRIC_POSTS_LEFT_OUT, SKY_METRIC_POST_IMPORTED, stats->posts_imported);
    sky_metric_set_total(metrics, SKY_METRIC_POSTS_LEFT_OUT, SKY_METRIC_POST_LABELLED, stats->posts_labelled);
    sky_metric_set_total(metrics, SKY_METRIC_POSTS_LEFT_OUT, SKY_METRIC_POST_DUPLICATE, stats->posts_duplicate);
    sky_metric_set_total(metrics, SKY_METRIC_SLIDES, 0, stats->slides);
    sky_metric_set(metrics, SKY_METRIC_KEYWORDS, SKY_METRIC_KEYWORDS_KNOWN, (double)stats->keywords_known);
    sky_metric_set(metrics, SKY_METRIC_KEYWORDS, SKY_METRIC_KEYWORDS_IN_WINDOW, (double)stats->keywords_in_window);
    sky_metric_set(metrics, SKY_METRIC_EVENT_TIME, 0, (double)stats->event_time_ms / 1000);
}

void sky_metrics_take_relay(struct sky_metrics *metrics, const struct sky_relay_status *status)
{
    bool connected = status->state == SKY_RELAY_STREAMING || status->state == SKY_RELAY_SILENT;
    sky_metric_set(metrics, SKY_METRIC_SOURCE_CONNECTED, 0, connected);
    sky_metric_set_total(metrics, SKY_METRIC_SOURCE_BYTES, 0, status->bytes);
    sky_metric_set_total(metrics, SKY_METRIC_SOURCE_MESSAGES, 0, status->messages);
    sky_metric_set_total(metrics, SKY_METRIC_SOURCE_CONNECTIONS, 0, status->connections);
    uint64_t reconnects = status->connections > 0 ? status->connections - 1 : 0;
    sky_metric_set_total(metrics, SKY_METRIC_SOURCE_RECONNECTS, 0, reconnects);
    sky_metric_set_total(metrics, SKY_METRIC_SOURCE_REPEATED, 0, status->repeated);
    sky_metric_set_total(metrics, SKY_METRIC_SOURCE_GAPS, 0, status->gaps);
    sky_metric_set_total(metrics, SKY_METRIC_SEQS_SEEN, 0, status->seqs_seen);
    sky_metric_set_total(metrics, SKY_METRIC_SEQS_EXPECTED, 0, status->seqs_expected);
    double expected = (double)status->seqs_expected;
    sky_metric_set(metrics, SKY_METRIC_COMPLETENESS, 0, expected > 0 ? (double)status->seqs_seen / expected : 1);
    sky_metric_set_total(metrics, SKY_METRIC_SOURCE_FAILOVERS, 0, status->failovers);
    for (size_t i = 0; i < SKY_WEBSOCKET_END_COUNT; i++)
        sky_metric_set_total(metrics, SKY_METRIC_SOURCE_ENDS, i, status->ends[i]);
}

void sky_metrics_take_health(struct sky_metrics *metrics, struct sky_health *health)
{
    for (enum sky_dependency i = 0; i < SKY_DEPENDENCY_COUNT; i++)
        sky_metric_set(metrics, SKY_METRIC_DEPENDENCY_UP, i, sky_health_is_up(health, i));
}

void sky_metrics_take_http(struct sky_metrics *metrics, const struct sky_http_server_stats *stats)
{
    const struct sky_http_connections_stats *connections = &stats->connections;
    sky_metric_set_total(metrics, SKY_METRIC_HTTP_REQUESTS, 0, stats->requests);
    sky_metric_set_total(metrics, SKY_METRIC_HTTP_ERRORS, SKY_METRIC_HTTP_4XX, stats->responses_4xx);
    sky_metric_set_total(metrics, SKY_METRIC_HTTP_ERRORS, SKY_METRIC_HTTP_5XX, stats->responses_5xx);
    sky_metric_set(metrics, SKY_METRIC_HTTP_CONNECTIONS, 0, connections->open);
    sky_metric_set_total(metrics, SKY_METRIC_HTTP_CUT, SKY_METRIC_HTTP_REFUSED, connections->refused);
    sky_metric_set_total(metrics, SKY_METRIC_HTTP_CUT, SKY_METRIC_HTTP_OVERDUE, connections->overdue);
    sky_metric_set_total(metrics, SKY_METRIC_HTTP_CUT, SKY_METRIC_HTTP_DISPLACED, connections->displaced);
    sky_metric_set_total(metrics, SKY_METRIC_HTTP_LIMITED, 0, stats->limited);
    sky_metric_set(metrics, SKY_METRIC_STREAM_CLIENTS, 0, stats->streams);
    sky_metric_set_total(metrics, SKY_METRIC_STREAM_DROPPED, 0, stats->streams_dropped);
}

void sky_metrics_take_log(struct sky_metrics *metrics)
{
    uint64_t written, suppressed;
    sky_log_counts(&written, &suppressed);
    sky_metric_set_total(metrics, SKY_METRIC_LOG_LINES, SKY_METRIC_LOG_WRITTEN, written);
    sky_metric_set_total(metrics, SKY_METRIC_LOG_LINES, SKY_METRIC_LOG_SUPPRESSED, suppressed);
}

void sky_metrics_take_slide(struct sky_metrics *metrics, const struct sky_trend_snapshot *snapshot,
                            const struct sky_slide_timing *timing)
{
    uint64_t started = 0;
    for (uint32_t i = 0; i < snapshot->trends_count; i++)
        started += snapshot->trends[i].kind == SKY_TREND_STARTED;
    sky_metric_add(metrics, SKY_METRIC_TRENDS_STARTED, 0, started);
    sky_metric_add(metrics, SKY_METRIC_TRENDS_ENDED, 0, snapshot->ended_count);
    sky_metric_set(metrics, SKY_METRIC_ACTIVE_TRENDS, 0, snapshot->trends_count);
    sky_metric_set(metrics, SKY_METRIC_WARMING_UP, 0, snapshot->warming_up);
    sky_metric_observe(metrics, SKY_METRIC_TREND_DETECTION_LATENCY, timing->latency_s);
    sky_metric_observe(metrics, SKY_METRIC_SLIDE_DURATION, timing->duration_s);
}
