/* topics.h: the topics of the bus by kind: their names are settings, their shape stands in topics.c (docs/DATA.md).
 *
 * Threads  reads the configuration alone. */
#ifndef SKY_OPS_TOPICS_H
#define SKY_OPS_TOPICS_H

#include "io/kafka/kafka_topics.h"

struct sky_config; /* ops/config.h */

enum sky_topic_kind {
    SKY_TOPIC_POSTS,
    SKY_TOPIC_TRENDS,
    SKY_TOPIC_TREND_ALERTS,
    SKY_TOPIC_KEYWORD_COUNTS,
    SKY_TOPIC_ACTIVITY,
    SKY_TOPIC_SESSIONS,
    SKY_TOPIC_DEAD_LETTERS,
    SKY_TOPIC_INGEST_CURSOR,
    SKY_TOPIC_RUN_MARKER,
    SKY_TOPIC_COUNT
};

const char *sky_topic_kind_name(enum sky_topic_kind kind); /* "posts", "trends", ...: a metric's label */
const char *sky_topic_name(const struct sky_config *config, enum sky_topic_kind kind); /* as configured */

/* SKY_TOPIC_COUNT when no kind has that name. */
enum sky_topic_kind sky_topic_kind_of(const struct sky_config *config, const char *name);

/* Make these where they are missing, with the configured partitions, copies and retention; see
 * sky_kafka_ensure_topics. */
SKY_MUST_USE enum sky_status sky_topics_ensure(const struct sky_config *config, const enum sky_topic_kind *kinds,
                                               uint32_t count, int timeout_ms, struct sky_kafka_message *message);

#endif
