#include "ops/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "event/decoder.h"
#include "io/host/clock.h"
#include "io/relay/websocket.h"

#define SERIES_MAX  32 /* label values of one metric */
#define BUCKETS_MAX 12

enum type { COUNTER, GAUGE, HISTOGRAM };

struct description {
    unsigned roles; /* that have it, a bit for each enum sky_role */
    const char *name;
    enum type type;
    const char *help;
    const char *label;  /* NULL: none */
    const char *values; /* "ok|failed"; NULL with a label: `value_name` gives them */
    const char *(*value_name)(size_t place);
    size_t values_count;
    const double *buckets; /* of a histogram: upper bounds, ended by 0 */
};

static const double seconds_buckets[] = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 0};

static const char *drop_name(size_t place)
{
    return sky_drop_name((enum sky_drop)place);
}

static const char *kind_name(size_t place)
{
    return sky_event_kind_name((enum sky_event_kind)place);
}

static const char *topic_name(size_t place)
{
    return sky_topic_kind_name((enum sky_topic_kind)place);
}

static const char *dependency_name(size_t place)
{
    return sky_dependency_name((enum sky_dependency)place);
}

static const char *end_name(size_t place)
{
    return sky_websocket_end_name((enum sky_websocket_end)place);
}

#define BIT(role) (1U << (role))
#define ALL       (BIT(SKY_ROLE_COUNT) - 1)
#define RUN       BIT(SKY_ROLE_RUN)
#define INGEST    BIT(SKY_ROLE_INGEST)
#define ALERTS    BIT(SKY_ROLE_ALERTS)
#define CACHE     BIT(SKY_ROLE_CACHE)
#define FLINK     BIT(SKY_ROLE_FLINK)
#define ENGINES   (RUN | FLINK)
#define SOURCES   (RUN | INGEST)
#define CONSUMERS (BIT(SKY_ROLE_LAKE) | BIT(SKY_ROLE_CACHE) | ALERTS)
#define LAKES     (RUN | BIT(SKY_ROLE_LAKE))
#define BUS       (SOURCES | CONSUMERS)
#define PAGES     (RUN | BIT(SKY_ROLE_SERVE))

#define COUNTER_OF(r, n, h)                                                                                            \
    {                                                                                                                  \
        .roles = (r), .name = (n), .type = COUNTER, .help = (h)                                                        \
    }
#define GAUGE_OF(r, n, h)                                                                                              \
    {                                                                                                                  \
        .roles = (r), .name = (n), .type = GAUGE, .help = (h)                                                          \
    }
#define HISTOGRAM_OF(r, n, h)                                                                                          \
    {                                                                                                                  \
        .roles = (r), .name = (n), .type = HISTOGRAM, .help = (h), .buckets = seconds_buckets                          \
    }
#define LABELLED(r, t, n, h, l, v, count)                                                                              \
    {                                                                                                                  \
        .roles = (r), .name = (n), .type = (t), .help = (h), .label = (l), .values = (v), .values_count = (count)      \
    }
#define NAMED(r, n, h, l, function, count)                                                                             \
    {                                                                                                                  \
        .roles = (r), .name = (n), .type = COUNTER, .help = (h), .label = (l), .value_name = (function),               \
        .values_count = (count)                                                                                        \
    }
#define NAMED_GAUGE(r, n, h, l, function, count)                                                                       \
    {                                                                                                                  \
        .roles = (r), .name = (n), .type = GAUGE, .help = (h), .label = (l), .value_name = (function),                 \
        .values_count = (count)                                                                                        \
    }

#define ALERT_OUTPUTS "table|json|webhook|alertmanager|mail"

static const struct description table[SKY_METRIC_COUNT] = {
    [SKY_METRIC_POSTS_PROCESSED] =
        COUNTER_OF(ALL, "posts_processed_total",
                   "Posts worked off: counted, spooled, stored, whatever the service does with them."),
    [SKY_METRIC_TREND_DETECTION_LATENCY] = HISTOGRAM_OF(
        RUN | ALERTS, "trend_detection_latency_seconds",
        "From the arrival of the event that closes a minute to the publication of that minute's trends; in "
        "`alerts` from the end of the minute in which a trend started to its receiver's yes."),
    [SKY_METRIC_ACTIVE_TRENDS] = GAUGE_OF(PAGES | FLINK, "active_trends", "Trends that are on."),
    [SKY_METRIC_TRENDS_STARTED] = COUNTER_OF(RUN, "skytrend_trends_started_total", "Trends that started."),
    [SKY_METRIC_TRENDS_ENDED] = COUNTER_OF(RUN, "skytrend_trends_ended_total", "Trends that ended."),
    [SKY_METRIC_FRESHNESS] =
        GAUGE_OF(ALL, "skytrend_freshness_seconds", "How far the stream's time is behind the clock; 0 when simulated."),
    [SKY_METRIC_COMPLETENESS] = GAUGE_OF(SOURCES, "skytrend_completeness_ratio",
                                         "Seqs seen of those expected, from 0 to 1; 1 where the source has no seqs. "
                                         "Relays may leave some out, so a little below 1 is no loss by itself."),
    [SKY_METRIC_READABLE] =
        GAUGE_OF(SOURCES, "skytrend_readable_ratio", "Share of the received messages that could be read, from 0 to 1."),
    [SKY_METRIC_SOURCE_BYTES] =
        COUNTER_OF(SOURCES, "skytrend_source_bytes_total", "Bytes of messages from the source."),
    [SKY_METRIC_SOURCE_MESSAGES] = COUNTER_OF(SOURCES, "skytrend_source_messages_total", "Messages from the source."),
    [SKY_METRIC_SOURCE_CONNECTED] = GAUGE_OF(SOURCES, "skytrend_source_connected", "1 while the source is connected."),
    [SKY_METRIC_SOURCE_CONNECTIONS] = COUNTER_OF(SOURCES, "skytrend_source_connections_total", "Connections made."),
    [SKY_METRIC_SOURCE_RECONNECTS] =
        COUNTER_OF(SOURCES, "skytrend_source_reconnects_total", "Connections made after the first one."),
    [SKY_METRIC_SOURCE_ENDS] =
        NAMED(SOURCES, "skytrend_source_ends_total", "Connections and attempts that ended, by reason.", "reason",
              end_name, SKY_WEBSOCKET_END_COUNT),
    [SKY_METRIC_SOURCE_REPEATED] = COUNTER_OF(SOURCES, "skytrend_source_repeated_total",
                                              "Messages that had been received before and were passed over."),
    [SKY_METRIC_SOURCE_GAPS] =
        COUNTER_OF(SOURCES, "skytrend_source_gaps_total", "Times that events were missed for good."),
    [SKY_METRIC_SOURCE_FAILOVERS] =
        COUNTER_OF(SOURCES, "skytrend_source_failovers_total", "Times that another relay of the list was taken."),
    [SKY_METRIC_EVENTS] =
        NAMED(SOURCES, "skytrend_events_total", "Messages read, by kind.", "kind", kind_name, SKY_EVENT_KIND_COUNT),
    [SKY_METRIC_DROPS] = NAMED(SOURCES, "skytrend_drops_total", "Messages and records dropped as bad, by reason.",
                               "reason", drop_name, SKY_DROP_COUNT),
    [SKY_METRIC_SEQS_SEEN] = COUNTER_OF(SOURCES, "skytrend_seqs_seen_total",
                                        "Readable messages with a seq, each seq once: of a relay, not of Jetstream."),
    [SKY_METRIC_SEQS_EXPECTED] =
        COUNTER_OF(SOURCES, "skytrend_seqs_expected_total",
                   "Seqs from the first to the last seen of each relay; relays may leave some out."),
    [SKY_METRIC_TIME_FORGED] = COUNTER_OF(SOURCES, "skytrend_time_forged_total",
                                          "Messages whose time was ahead of its arrival and was replaced."),
    [SKY_METRIC_CREATED_AT_INVALID] = COUNTER_OF(SOURCES, "skytrend_created_at_invalid_total",
                                                 "Posts kept although their createdAt is missing or invalid."),
    [SKY_METRIC_POST_EVENTS] =
        LABELLED(SOURCES, COUNTER, "skytrend_post_events_total", "Events about posts that change samples, not counts.",
                 "op", "update|delete|account", 3),
    [SKY_METRIC_POSTS_LEFT_OUT] =
        LABELLED(RUN, COUNTER, "skytrend_posts_left_out_total", "Posts read but not counted for trends, by reason.",
                 "reason", "late|imported|labelled|duplicate", 4),
    [SKY_METRIC_EVENT_TIME] =
        GAUGE_OF(ALL, "skytrend_event_timestamp_seconds", "Time of the stream, seconds since 1970."),
    [SKY_METRIC_SLIDES] = COUNTER_OF(ENGINES, "skytrend_slides_total", "Minutes closed and published."),
    [SKY_METRIC_SLIDE_DURATION] =
        HISTOGRAM_OF(RUN, "skytrend_slide_duration_seconds", "To score, rank and publish one minute."),
    [SKY_METRIC_KEYWORDS] =
        LABELLED(ENGINES, GAUGE, "skytrend_keywords", "Keywords in memory.", "state", "known|in_window", 2),
    [SKY_METRIC_WARMING_UP] =
        GAUGE_OF(RUN, "skytrend_warming_up", "1 while too little was seen for any trend to be named."),
    [SKY_METRIC_CHECKPOINTS] =
        LABELLED(ENGINES, COUNTER, "skytrend_checkpoints_total", "Checkpoints written.", "result", "ok|failed", 2),
    [SKY_METRIC_CHECKPOINT_DURATION] =
        HISTOGRAM_OF(RUN, "skytrend_checkpoint_duration_seconds", "To write one checkpoint to the disk."),
    [SKY_METRIC_CHECKPOINT_SIZE] = GAUGE_OF(ENGINES, "skytrend_checkpoint_size_bytes", "Size of the last checkpoint."),
    [SKY_METRIC_CHECKPOINT_TIME] = GAUGE_OF(ENGINES, "skytrend_checkpoint_timestamp_seconds",
                                            "When the last checkpoint was written, seconds since 1970; 0: never."),
    [SKY_METRIC_KAFKA_CONSUMER_LAG] =
        GAUGE_OF(CONSUMERS | ENGINES, "kafka_consumer_lag", "Records behind the ends of the partitions that it reads."),
    [SKY_METRIC_KAFKA_CONSUMED] = NAMED(CONSUMERS | RUN, "skytrend_kafka_consumed_total",
                                        "Records read, by the kind of topic.", "topic", topic_name, SKY_TOPIC_COUNT),
    [SKY_METRIC_KAFKA_PRODUCED] =
        NAMED(BUS, "skytrend_kafka_produced_total", "Records acknowledged by the brokers, by the kind of topic.",
              "topic", topic_name, SKY_TOPIC_COUNT),
    [SKY_METRIC_KAFKA_TRANSACTIONS] = LABELLED(SOURCES, COUNTER, "skytrend_kafka_transactions_total",
                                               "Transactions, by how they ended.", "result", "committed|aborted", 2),
    [SKY_METRIC_KAFKA_PARTITIONS] =
        GAUGE_OF(CONSUMERS | RUN, "skytrend_kafka_partitions", "Partitions that this process reads."),
    [SKY_METRIC_RECORDS_BAD] =
        NAMED(CONSUMERS | RUN, "skytrend_records_bad_total", "Records that could not be read, by the kind of topic.",
              "topic", topic_name, SKY_TOPIC_COUNT),
    [SKY_METRIC_LAKE_ROWS] = COUNTER_OF(LAKES, "skytrend_lake_rows_total", "Rows that are in the lake for good."),
    [SKY_METRIC_LAKE_FILES] = COUNTER_OF(LAKES, "skytrend_lake_files_total", "Parquet files written to the lake."),
    [SKY_METRIC_LAKE_BYTES] = COUNTER_OF(LAKES, "skytrend_lake_bytes_total", "Bytes of these files."),
    [SKY_METRIC_LAKE_WAITING] =
        GAUGE_OF(LAKES, "skytrend_lake_waiting_bytes", "Bytes of records that wait in memory to be written."),
    [SKY_METRIC_LAKE_STORE_DURATION] =
        HISTOGRAM_OF(LAKES, "skytrend_lake_store_seconds", "Time to write one chunk of records, with all attempts."),
    [SKY_METRIC_LAKE_STORE_FAILURES] =
        COUNTER_OF(LAKES, "skytrend_lake_store_failures_total", "Attempts to write that failed and were made again."),
    [SKY_METRIC_LAKE_COMPACTED] =
        COUNTER_OF(LAKES, "skytrend_lake_compacted_files_total", "Small files whose rows are in a larger one now."),
    [SKY_METRIC_CACHE_WRITES] =
        LABELLED(CACHE, COUNTER, "skytrend_cache_writes_total",
                 "Keys of Redis: written; refused, as a newer value was there; merged again, as "
                 "another wrote in between; replaced, as they could not be read.",
                 "result", "written|refused|conflict|repaired", 4),
    [SKY_METRIC_CACHE_WAITING] =
        GAUGE_OF(CACHE, "skytrend_cache_waiting", "Hours and windows that are still to be written to Redis."),
    [SKY_METRIC_REDIS_CONNECTIONS] =
        COUNTER_OF(CACHE | BIT(SKY_ROLE_SERVE), "skytrend_redis_connections_total", "Connections made to Redis."),
    [SKY_METRIC_ALERTS_DELIVERED] =
        LABELLED(ALERTS, COUNTER, "skytrend_alerts_delivered_total", "Alerts that their receivers took, by output.",
                 "output", ALERT_OUTPUTS, SKY_METRIC_ALERTS_OUTPUTS),
    [SKY_METRIC_ALERTS_RETRIED] = LABELLED(ALERTS, COUNTER, "skytrend_alerts_retried_total",
                                           "Attempts that failed and are made again, by output.", "output",
                                           ALERT_OUTPUTS, SKY_METRIC_ALERTS_OUTPUTS),
    [SKY_METRIC_ALERTS_DEAD] = LABELLED(ALERTS, COUNTER, "skytrend_alerts_dead_lettered_total",
                                        "Alerts that were refused or given up and went to the dead letters, by output.",
                                        "output", ALERT_OUTPUTS, SKY_METRIC_ALERTS_OUTPUTS),
    [SKY_METRIC_ALERTS_WAITING] =
        LABELLED(ALERTS, GAUGE, "skytrend_alerts_waiting", "Alerts that wait for their receivers, by output.", "output",
                 ALERT_OUTPUTS, SKY_METRIC_ALERTS_OUTPUTS),
    [SKY_METRIC_ALERTS_LEFT_OUT] =
        COUNTER_OF(ALERTS, "skytrend_alerts_left_out_total", "Alerts read that no output wants."),
    [SKY_METRIC_POSTS_REPEATED] =
        COUNTER_OF(INGEST, "skytrend_posts_repeated_total",
                   "Posts dropped because the same came before, from another relay or another connection."),
    [SKY_METRIC_POSTS_TOO_LARGE] = COUNTER_OF(INGEST, "skytrend_posts_too_large_total",
                                              "Posts dropped because Kafka would not take so large a record."),
    [SKY_METRIC_SPOOL_BYTES] = GAUGE_OF(INGEST, "skytrend_spool_bytes", "Size of the spool on the disk."),
    [SKY_METRIC_SPOOL_ROOM] = GAUGE_OF(INGEST, "skytrend_spool_room_bytes", "The most that it may have."),
    [SKY_METRIC_SPOOL_RECORDS] =
        GAUGE_OF(INGEST, "skytrend_spool_records", "Records in it that Kafka has not taken yet."),
    [SKY_METRIC_SPOOL_LAG] =
        GAUGE_OF(INGEST, "skytrend_spool_lag_seconds", "How far, in event time, Kafka is behind what was received."),
    [SKY_METRIC_SPOOL_LOST] =
        COUNTER_OF(INGEST, "skytrend_spool_lost_records_total", "Records that the disk did not give back as written."),
    [SKY_METRIC_SPOOL_BLOCKED] = GAUGE_OF(INGEST, "skytrend_spool_blocked",
                                          "1 while it takes nothing, being full or failing: the relay is not read."),
    [SKY_METRIC_FLINK_TASKS] = LABELLED(FLINK, GAUGE, "skytrend_flink_tasks",
                                        "Tasks of the job: running, or anything else.", "state", "running|other", 2),
    [SKY_METRIC_FLINK_JOBS] =
        GAUGE_OF(FLINK, "skytrend_flink_jobs", "Jobs of trend detection on the cluster that have not ended: one."),
    [SKY_METRIC_FLINK_RESTARTS] =
        COUNTER_OF(FLINK, "skytrend_flink_restarts_total", "Restarts of the job's tasks, as the cluster counts them."),
    [SKY_METRIC_FLINK_SUBMISSIONS] = LABELLED(FLINK, COUNTER, "skytrend_flink_submissions_total",
                                              "Submissions of the job by `watch`.", "result", "ok|failed", 2),
    [SKY_METRIC_FLINK_POSTS_LATE] = COUNTER_OF(FLINK, "skytrend_flink_posts_late_total",
                                               "Posts that came too late for their window, since the last restart."),
    [SKY_METRIC_FLINK_DEAD_LETTERS] = COUNTER_OF(FLINK, "skytrend_flink_dead_letters_total",
                                                 "Records that could not be read, since the last restart."),
    [SKY_METRIC_FLINK_RECORDS] =
        COUNTER_OF(FLINK, "skytrend_flink_records_total", "Records sent to Kafka, since the last restart."),
    [SKY_METRIC_FLINK_LATENCY] = GAUGE_OF(FLINK, "skytrend_flink_latency_p99_seconds",
                                          "Of the last slides: from the end of a minute to its trends, 99 %."),
    [SKY_METRIC_DEPENDENCY_UP] =
        NAMED_GAUGE(ALL, "skytrend_dependency_up", "1 while it is reached and works, else 0; see /readyz.",
                    "dependency", dependency_name, SKY_DEPENDENCY_COUNT),
    [SKY_METRIC_HTTP_REQUESTS] = COUNTER_OF(ALL, "skytrend_http_requests_total", "Requests to the page and the API."),
    [SKY_METRIC_HTTP_ERRORS] = LABELLED(ALL, COUNTER, "skytrend_http_errors_total",
                                        "Answers that are errors, by class.", "class", "4xx|5xx", 2),
    [SKY_METRIC_HTTP_CONNECTIONS] = GAUGE_OF(ALL, "skytrend_http_connections", "Connections that are open."),
    [SKY_METRIC_HTTP_CUT] = LABELLED(
        ALL, COUNTER, "skytrend_http_connections_cut_total",
        "Connections that were closed: refused, as their address had all its places; overdue, as a request or an "
        "answer took too long; displaced, as they asked for nothing while others waited for a place.",
        "reason", "refused|overdue|displaced", 3),
    [SKY_METRIC_HTTP_LIMITED] = COUNTER_OF(PAGES, "skytrend_http_limited_total",
                                           "Requests answered with 429, as their client asked too often."),
    [SKY_METRIC_STREAM_CLIENTS] = GAUGE_OF(PAGES, "skytrend_stream_clients", "Clients that follow the live stream."),
    [SKY_METRIC_STREAM_DROPPED] = COUNTER_OF(PAGES, "skytrend_stream_clients_dropped_total",
                                             "Clients of the live stream that were too slow for it."),
    [SKY_METRIC_LOG_LINES] = LABELLED(ALL, COUNTER, "skytrend_log_lines_total", "Log lines, written or left out.",
                                      "result", "written|suppressed", 2),
};

_Static_assert(SKY_DROP_COUNT <= SERIES_MAX, "more reasons to drop than series");
_Static_assert(SKY_TOPIC_COUNT <= SERIES_MAX && SKY_DEPENDENCY_COUNT <= SERIES_MAX, "likewise");
_Static_assert(SKY_WEBSOCKET_END_COUNT <= SERIES_MAX && SKY_EVENT_KIND_COUNT <= SERIES_MAX, "likewise");
_Static_assert(sizeof seconds_buckets / sizeof seconds_buckets[0] <= BUCKETS_MAX, "more bounds than buckets");

struct sky_metrics {
    _Atomic uint64_t words[SKY_METRIC_COUNT][SERIES_MAX]; /* counts; the bits of a gauge's double; buckets */
    _Atomic uint64_t sums_us[SKY_METRIC_COUNT];           /* of histograms */
    double started_s;                                     /* wall clock */
    enum sky_role role;
};

enum sky_status sky_metrics_new(enum sky_role role, struct sky_metrics **metrics)
{
    *metrics = calloc(1, sizeof **metrics);
    if (!*metrics)
        return SKY_E_MEMORY;
    (*metrics)->role = role;
    (*metrics)->started_s = (double)sky_clock_wall_ms() / 1e3;
    sky_metric_set(*metrics, SKY_METRIC_COMPLETENESS, 0, 1);
    sky_metric_set(*metrics, SKY_METRIC_READABLE, 0, 1);
    return SKY_OK;
}

void sky_metrics_free(struct sky_metrics *metrics)
{
    free(metrics);
}

static size_t series_count(const struct description *metric)
{
    return metric->label ? metric->values_count : 1;
}

static _Atomic uint64_t *word_of(struct sky_metrics *metrics, enum sky_metric metric, size_t label, enum type type)
{
    assert((unsigned)metric < SKY_METRIC_COUNT && table[metric].type == type);
    assert(label < series_count(&table[metric]));
    (void)type;
    return &metrics->words[metric][label];
}

void sky_metric_add(struct sky_metrics *metrics, enum sky_metric metric, size_t label, uint64_t n)
{
    atomic_fetch_add_explicit(word_of(metrics, metric, label, COUNTER), n, memory_order_relaxed);
}

void sky_metric_set_total(struct sky_metrics *metrics, enum sky_metric metric, size_t label, uint64_t total)
{
    atomic_store_explicit(word_of(metrics, metric, label, COUNTER), total, memory_order_relaxed);
}

void sky_metric_set(struct sky_metrics *metrics, enum sky_metric metric, size_t label, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(word_of(metrics, metric, label, GAUGE), bits, memory_order_relaxed);
}

void sky_metric_observe(struct sky_metrics *metrics, enum sky_metric metric, double seconds)
{
    size_t bucket = 0;
    const double *bounds = table[metric].buckets;
    _Atomic uint64_t *words = word_of(metrics, metric, 0, HISTOGRAM);
    if (!(seconds > 0)) /* a clock that went backwards */
        seconds = 0;
    while (bounds[bucket] > 0 && seconds > bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&words[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->sums_us[metric], (uint64_t)(seconds * 1e6), memory_order_relaxed);
}

/* ---- as text ---- */

static void put_head(struct sky_buffer *buffer, const char *name, enum type type, const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    sky_buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

/* The i-th of "a|b|c". */
static struct sky_span choice(const char *values, size_t i)
{
    for (; i > 0; i--)
        values += strcspn(values, "|") + 1;
    return sky_span_of(values, strcspn(values, "|"));
}

static struct sky_span label_value(const struct description *metric, size_t i)
{
    return metric->values ? choice(metric->values, i) : sky_span_from_string(metric->value_name(i));
}

static uint64_t load(_Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void put_series(struct sky_metrics *metrics, enum sky_metric id, struct sky_buffer *buffer)
{
    const struct description *metric = &table[id];
    for (size_t i = 0; i < series_count(metric); i++) {
        if (id == SKY_METRIC_DEPENDENCY_UP && !sky_dependency_is_of((enum sky_dependency)i, metrics->role))
            continue;
        uint64_t word = load(&metrics->words[id][i]);
        double value;
        memcpy(&value, &word, sizeof value);
        sky_buffer_put_string(buffer, metric->name);
        if (metric->label) {
            sky_buffer_printf(buffer, "{%s=\"", metric->label);
            sky_buffer_put_span(buffer, label_value(metric, i));
            sky_buffer_put_string(buffer, "\"}");
        }
        if (metric->type == COUNTER)
            sky_buffer_printf(buffer, " %llu\n", (unsigned long long)word);
        else
            sky_buffer_printf(buffer, " %.15g\n", value);
    }
}

static void put_histogram(struct sky_metrics *metrics, enum sky_metric id, struct sky_buffer *buffer)
{
    const struct description *metric = &table[id];
    uint64_t total = 0;
    size_t i = 0;
    for (; metric->buckets[i] > 0; i++) {
        total += load(&metrics->words[id][i]);
        sky_buffer_printf(buffer, "%s_bucket{le=\"%g\"} %llu\n", metric->name, metric->buckets[i],
                          (unsigned long long)total);
    }
    total += load(&metrics->words[id][i]); /* the count is of the same instant as the last bucket */
    sky_buffer_printf(buffer, "%s_bucket{le=\"+Inf\"} %llu\n", metric->name, (unsigned long long)total);
    sky_buffer_printf(buffer, "%s_sum %.6f\n", metric->name, (double)load(&metrics->sums_us[id]) / 1e6);
    sky_buffer_printf(buffer, "%s_count %llu\n", metric->name, (unsigned long long)total);
}

/* The names and meanings that every Prometheus client library gives. */
static void put_process(const struct sky_metrics *metrics, struct sky_buffer *buffer)
{
    struct rusage usage;
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*d %ld", &pages) != 1) /* NOLINT(cert-err34-c): the kernel writes it */
        pages = 0;
    if (file)
        fclose(file);
    put_head(buffer, "process_resident_memory_bytes", GAUGE, "Resident memory size in bytes.");
    sky_buffer_printf(buffer, "process_resident_memory_bytes %lld\n", (long long)pages * sysconf(_SC_PAGESIZE));
    put_head(buffer, "process_start_time_seconds", GAUGE, "Start time of the process, seconds since 1970.");
    sky_buffer_printf(buffer, "process_start_time_seconds %.3f\n", metrics->started_s);
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    put_head(buffer, "process_cpu_seconds_total", COUNTER, "User and system processor time in seconds.");
    sky_buffer_printf(buffer, "process_cpu_seconds_total %.6f\n", seconds);
}

void sky_metrics_write(struct sky_metrics *metrics, struct sky_buffer *buffer)
{
    for (enum sky_metric id = 0; id < SKY_METRIC_COUNT; id++) {
        if (!(table[id].roles & BIT(metrics->role)))
            continue;
        put_head(buffer, table[id].name, table[id].type, table[id].help);
        if (table[id].type == HISTOGRAM)
            put_histogram(metrics, id, buffer);
        else
            put_series(metrics, id, buffer);
    }
    put_head(buffer, "skytrend_build_info", GAUGE, "1, with the version as a label.");
    sky_buffer_printf(buffer, "skytrend_build_info{version=\"%s\"} 1\n", SKY_VERSION);
    put_process(metrics, buffer);
}

unsigned sky_metrics_render(void *metrics, struct sky_buffer *buffer)
{
    sky_metrics_write(metrics, buffer);
    return 200;
}

static void put_markdown_row(const struct description *metric, struct sky_buffer *buffer)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    sky_buffer_printf(buffer, "| `%s` | %s | ", metric->name, types[metric->type]);
    if (metric->label)
        sky_buffer_printf(buffer, "`%s`: ", metric->label);
    for (size_t i = 0; metric->label && i < metric->values_count; i++) {
        sky_buffer_put_string(buffer, i ? ", " : "");
        sky_buffer_put_span(buffer, label_value(metric, i));
    }
    sky_buffer_put_string(buffer, " | ");
    if (metric->roles == ALL)
        sky_buffer_put_string(buffer, "all");
    for (unsigned role = 0, count = 0; metric->roles != ALL && role < SKY_ROLE_COUNT; role++)
        if (metric->roles & BIT(role))
            sky_buffer_printf(buffer, "%s`%s`", count++ ? ", " : "", sky_role_name((enum sky_role)role));
    sky_buffer_printf(buffer, " | %s |\n", metric->help);
}

void sky_metrics_write_markdown(struct sky_buffer *buffer)
{
    sky_buffer_put_string(
        buffer,
        "<!-- Printed from the table in src/ops/metrics.c; a test fails when it is not what that prints. -->\n\n"
        "# Metrics\n\n"
        "Every service serves its own at `/metrics` in Prometheus' text format. No keyword and nothing else that\n"
        "comes from the network is ever a label.\n\n"
        "| metric | type | label | services | meaning |\n|---|---|---|---|---|\n");
    for (enum sky_metric id = 0; id < SKY_METRIC_COUNT; id++)
        put_markdown_row(&table[id], buffer);
    sky_buffer_put_string(buffer,
                          "| `skytrend_build_info` | gauge | `version` | all | 1, with the version as a label. |\n\n"
                          "Beside these: `process_resident_memory_bytes`, `process_start_time_seconds` and\n"
                          "`process_cpu_seconds_total`, as every Prometheus client has them.\n");
}
