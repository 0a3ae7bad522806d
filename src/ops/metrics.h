/* metrics.h: numbers for Prometheus, from one table (metrics.c): counters, gauges and histograms.
 *
 * A metric has at most one label, whose values are a fixed list: no keyword, no host from outside is ever a label.
 * docs/METRICS.md is printed from the table (sky_metrics_write_markdown).
 *
 * Spec     Prometheus text format 0.0.4
 * Memory   fixed.
 * Threads  updates and rendering from any, without locks: each number is one atomic word, so a page of metrics may show
 *          two numbers of slightly different instants. */
#ifndef SKY_OPS_METRICS_H
#define SKY_OPS_METRICS_H

#include "base/buffer.h"
#include "ops/health.h"
#include "ops/role.h"
#include "ops/topics.h"

#define SKY_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum sky_metric {
    SKY_METRIC_POSTS_PROCESSED,
    SKY_METRIC_TREND_DETECTION_LATENCY,
    SKY_METRIC_ACTIVE_TRENDS,
    SKY_METRIC_TRENDS_STARTED,
    SKY_METRIC_TRENDS_ENDED,
    SKY_METRIC_FRESHNESS,
    SKY_METRIC_COMPLETENESS,
    SKY_METRIC_READABLE,
    SKY_METRIC_SOURCE_BYTES,
    SKY_METRIC_SOURCE_MESSAGES,
    SKY_METRIC_SOURCE_CONNECTED,
    SKY_METRIC_SOURCE_CONNECTIONS,
    SKY_METRIC_SOURCE_RECONNECTS,
    SKY_METRIC_SOURCE_ENDS,
    SKY_METRIC_SOURCE_REPEATED,
    SKY_METRIC_SOURCE_GAPS,
    SKY_METRIC_SOURCE_FAILOVERS,
    SKY_METRIC_EVENTS,
    SKY_METRIC_DROPS,
    SKY_METRIC_SEQS_SEEN,
    SKY_METRIC_SEQS_EXPECTED,
    SKY_METRIC_TIME_FORGED,
    SKY_METRIC_CREATED_AT_INVALID,
    SKY_METRIC_POST_EVENTS,
    SKY_METRIC_POSTS_LEFT_OUT,
    SKY_METRIC_EVENT_TIME,
    SKY_METRIC_SLIDES,
    SKY_METRIC_SLIDE_DURATION,
    SKY_METRIC_KEYWORDS,
    SKY_METRIC_WARMING_UP,
    SKY_METRIC_CHECKPOINTS,
    SKY_METRIC_CHECKPOINT_DURATION,
    SKY_METRIC_CHECKPOINT_SIZE,
    SKY_METRIC_CHECKPOINT_TIME,
    SKY_METRIC_KAFKA_CONSUMER_LAG,
    SKY_METRIC_KAFKA_CONSUMED,
    SKY_METRIC_KAFKA_PRODUCED,
    SKY_METRIC_KAFKA_TRANSACTIONS,
    SKY_METRIC_KAFKA_PARTITIONS,
    SKY_METRIC_RECORDS_BAD,
    SKY_METRIC_LAKE_ROWS,
    SKY_METRIC_LAKE_FILES,
    SKY_METRIC_LAKE_BYTES,
    SKY_METRIC_LAKE_WAITING,
    SKY_METRIC_LAKE_STORE_DURATION,
    SKY_METRIC_LAKE_STORE_FAILURES,
    SKY_METRIC_LAKE_COMPACTED,
    SKY_METRIC_CACHE_WRITES,
    SKY_METRIC_CACHE_WAITING,
    SKY_METRIC_REDIS_CONNECTIONS,
    SKY_METRIC_ALERTS_DELIVERED,
    SKY_METRIC_ALERTS_RETRIED,
    SKY_METRIC_ALERTS_DEAD,
    SKY_METRIC_ALERTS_WAITING,
    SKY_METRIC_ALERTS_LEFT_OUT,
    SKY_METRIC_POSTS_REPEATED,
    SKY_METRIC_POSTS_TOO_LARGE,
    SKY_METRIC_SPOOL_BYTES,
    SKY_METRIC_SPOOL_ROOM,
    SKY_METRIC_SPOOL_RECORDS,
    SKY_METRIC_SPOOL_LAG,
    SKY_METRIC_SPOOL_LOST,
    SKY_METRIC_SPOOL_BLOCKED,
    SKY_METRIC_FLINK_TASKS,
    SKY_METRIC_FLINK_JOBS,
    SKY_METRIC_FLINK_RESTARTS,
    SKY_METRIC_FLINK_SUBMISSIONS,
    SKY_METRIC_FLINK_POSTS_LATE,
    SKY_METRIC_FLINK_DEAD_LETTERS,
    SKY_METRIC_FLINK_RECORDS,
    SKY_METRIC_FLINK_LATENCY,
    SKY_METRIC_DEPENDENCY_UP,
    SKY_METRIC_HTTP_REQUESTS,
    SKY_METRIC_HTTP_ERRORS,
    SKY_METRIC_HTTP_CONNECTIONS,
    SKY_METRIC_HTTP_CUT,
    SKY_METRIC_HTTP_LIMITED,
    SKY_METRIC_STREAM_CLIENTS,
    SKY_METRIC_STREAM_DROPPED,
    SKY_METRIC_LOG_LINES,
    SKY_METRIC_COUNT
};

/* Label values that have no enum elsewhere. Of _DROPS: enum sky_drop; _EVENTS: enum sky_event_kind; _SOURCE_ENDS: enum
 * sky_websocket_end; _KAFKA_CONSUMED, _PRODUCED, _RECORDS_BAD: enum sky_topic_kind; _DEPENDENCY_UP: enum
 * sky_dependency. */
enum { SKY_METRIC_POST_UPDATE, SKY_METRIC_POST_DELETE, SKY_METRIC_POST_ACCOUNT };
enum { SKY_METRIC_POST_LATE, SKY_METRIC_POST_IMPORTED, SKY_METRIC_POST_LABELLED, SKY_METRIC_POST_DUPLICATE };
enum { SKY_METRIC_KEYWORDS_KNOWN, SKY_METRIC_KEYWORDS_IN_WINDOW };
enum { SKY_METRIC_TRANSACTION_COMMITTED, SKY_METRIC_TRANSACTION_ABORTED };
enum {
    SKY_METRIC_ALERTS_TABLE,
    SKY_METRIC_ALERTS_JSON,
    SKY_METRIC_ALERTS_WEBHOOK,
    SKY_METRIC_ALERTS_ALERTMANAGER,
    SKY_METRIC_ALERTS_MAIL,
    SKY_METRIC_ALERTS_OUTPUTS
};
enum { SKY_METRIC_CHECKPOINT_OK, SKY_METRIC_CHECKPOINT_FAILED };
enum { SKY_METRIC_CACHE_WRITTEN, SKY_METRIC_CACHE_REFUSED, SKY_METRIC_CACHE_CONFLICT, SKY_METRIC_CACHE_REPAIRED };
enum { SKY_METRIC_TASKS_RUNNING, SKY_METRIC_TASKS_OTHER };
enum { SKY_METRIC_SUBMITTED, SKY_METRIC_SUBMISSION_FAILED };
enum { SKY_METRIC_HTTP_4XX, SKY_METRIC_HTTP_5XX };
enum { SKY_METRIC_HTTP_REFUSED, SKY_METRIC_HTTP_OVERDUE, SKY_METRIC_HTTP_DISPLACED };
enum { SKY_METRIC_LOG_WRITTEN, SKY_METRIC_LOG_SUPPRESSED };

struct sky_metrics;

SKY_MUST_USE enum sky_status sky_metrics_new(enum sky_role role, struct sky_metrics **metrics); /* SKY_E_MEMORY */
void sky_metrics_free(struct sky_metrics *metrics);

/* `label`: place of the label's value; 0 for a metric without one. A metric of another type asserts. */
void sky_metric_add(struct sky_metrics *metrics, enum sky_metric metric, size_t label, uint64_t n);
void sky_metric_set_total(struct sky_metrics *metrics, enum sky_metric metric, size_t label, uint64_t total);
void sky_metric_set(struct sky_metrics *metrics, enum sky_metric metric, size_t label, double value);
void sky_metric_observe(struct sky_metrics *metrics, enum sky_metric metric, double seconds);

/* The whole page: the metrics of its role. sky_metrics_render is the same as a sky_api_render_fn (io/api/api.h):
 * context is the metrics, gives 200.
 */
void sky_metrics_write(struct sky_metrics *metrics, struct sky_buffer *buffer);
unsigned sky_metrics_render(void *metrics, struct sky_buffer *buffer);

/* docs/METRICS.md. */
void sky_metrics_write_markdown(struct sky_buffer *buffer);

#endif
