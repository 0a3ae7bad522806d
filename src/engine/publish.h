/* publish.h: the records of a minute as they stand in topics (docs/DATA.md): which topic, key, timestamp and JSON.
 *
 * Memory   `json` is scratch of the caller's; what `put` is given lives during the call.
 * Both engines publish through this, so that a record is the same bytes whoever made it. */
#ifndef SKY_ENGINE_PUBLISH_H
#define SKY_ENGINE_PUBLISH_H

#include "base/buffer.h"
#include "trend/record.h"

enum sky_published_kind {
    SKY_PUBLISHED_TRENDS,
    SKY_PUBLISHED_TREND_ALERTS,
    SKY_PUBLISHED_KEYWORD_COUNTS,
    SKY_PUBLISHED_ACTIVITY,
    SKY_PUBLISHED_SESSIONS,
    SKY_PUBLISHED_COUNT
};

struct sky_published {
    enum sky_published_kind kind;
    struct sky_span key; /* ptr NULL: none, and the record belongs into partition 0: the topic has one order */
    int64_t timestamp_ms;
    uint64_t correlation_id; /* of an alert: its id; 0: none */
    struct sky_span value;
};

struct sky_publisher {
    void *context;
    void (*put)(void *context, const struct sky_published *record);
    struct sky_buffer *json;
};

/* Of a snapshot: an alert for each trend that is on or has ended, then the snapshot. SKY_E_MEMORY is the only error of
 * all these. */
SKY_MUST_USE enum sky_status sky_publish_snapshot(const struct sky_publisher *publisher,
                                                  const struct sky_trend_snapshot *snapshot);
SKY_MUST_USE enum sky_status sky_publish_counts(const struct sky_publisher *publisher,
                                                const struct sky_keyword_count *counts, uint32_t count);
SKY_MUST_USE enum sky_status sky_publish_activity(const struct sky_publisher *publisher,
                                                  const struct sky_activity_record *activity);
SKY_MUST_USE enum sky_status sky_publish_sessions(const struct sky_publisher *publisher,
                                                  const struct sky_session *sessions, uint32_t count);

#endif
