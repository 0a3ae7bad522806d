#include "engine/publish.h"

static struct sky_json_writer begin(const struct sky_publisher *publisher)
{
    struct sky_json_writer json;
    sky_buffer_clear(publisher->json);
    sky_json_begin(&json, publisher->json);
    return json;
}

static enum sky_status put(const struct sky_publisher *publisher, struct sky_published record)
{
    record.value = sky_buffer_span(publisher->json);
    if (publisher->json->failed)
        return SKY_E_MEMORY;
    publisher->put(publisher->context, &record);
    return SKY_OK;
}

static enum sky_status put_alerts(const struct sky_publisher *publisher, const struct sky_trend_alert *alerts,
                                  uint32_t count)
{
    enum sky_status status = SKY_OK;
    for (uint32_t i = 0; status == SKY_OK && i < count; i++) {
        struct sky_json_writer json = begin(publisher);
        sky_trend_alert_write(&json, &alerts[i]);
        status = put(publisher, (struct sky_published){.kind = SKY_PUBLISHED_TREND_ALERTS,
                                                       .key = alerts[i].keyword,
                                                       .timestamp_ms = alerts[i].window_end_ms,
                                                       .correlation_id = alerts[i].id});
    }
    return status;
}

enum sky_status sky_publish_snapshot(const struct sky_publisher *publisher, const struct sky_trend_snapshot *snapshot)
{
    enum sky_status status = put_alerts(publisher, snapshot->trends, snapshot->trends_count);
    if (status == SKY_OK)
        status = put_alerts(publisher, snapshot->ended, snapshot->ended_count);
    if (status != SKY_OK)
        return status;
    struct sky_json_writer json = begin(publisher);
    sky_trend_snapshot_write(&json, snapshot);
    return put(publisher,
               (struct sky_published){.kind = SKY_PUBLISHED_TRENDS, .timestamp_ms = snapshot->window_end_ms});
}

enum sky_status sky_publish_counts(const struct sky_publisher *publisher, const struct sky_keyword_count *counts,
                                   uint32_t count)
{
    enum sky_status status = SKY_OK;
    for (uint32_t i = 0; status == SKY_OK && i < count; i++) {
        struct sky_json_writer json = begin(publisher);
        sky_keyword_count_write(&json, &counts[i]);
        status = put(publisher, (struct sky_published){.kind = SKY_PUBLISHED_KEYWORD_COUNTS,
                                                       .key = counts[i].normalized_keyword,
                                                       .timestamp_ms = counts[i].window_end_ms});
    }
    return status;
}

enum sky_status sky_publish_activity(const struct sky_publisher *publisher, const struct sky_activity_record *activity)
{
    struct sky_json_writer json = begin(publisher);
    sky_activity_write(&json, activity);
    return put(publisher,
               (struct sky_published){.kind = SKY_PUBLISHED_ACTIVITY, .timestamp_ms = activity->window_end_ms});
}

enum sky_status sky_publish_sessions(const struct sky_publisher *publisher, const struct sky_session *sessions,
                                     uint32_t count)
{
    enum sky_status status = SKY_OK;
    for (uint32_t i = 0; status == SKY_OK && i < count; i++) {
        struct sky_json_writer json = begin(publisher);
        sky_session_write(&json, &sessions[i]);
        status = put(publisher, (struct sky_published){.kind = SKY_PUBLISHED_SESSIONS,
                                                       .key = sessions[i].author_did,
                                                       .timestamp_ms = sessions[i].session_end_ms});
    }
    return status;
}
