#include "trend/record.h"

#include <stdio.h>

const char *sky_trend_kind_name(enum sky_trend_kind kind)
{
    static const char *const names[] = {"started", "ongoing", "ended"};
    return names[kind];
}

void sky_trend_id_format(uint64_t id, char out[SKY_TREND_ID_TEXT_SIZE])
{
    snprintf(out, SKY_TREND_ID_TEXT_SIZE, "%016llx", (unsigned long long)id);
}

static void write_sample(struct sky_json_writer *json, const struct sky_sample_post *post)
{
    sky_json_object(json);
    sky_json_key(json, "uri");
    sky_json_span(json, post->uri);
    sky_json_key(json, "author_did");
    sky_json_span(json, post->author_did);
    sky_json_key(json, "text");
    sky_json_span(json, post->text);
    sky_json_key(json, "created_at");
    sky_json_time(json, post->created_at_ms);
    sky_json_end(json);
}

static void write_samples(struct sky_json_writer *json, const struct sky_sample_post *posts, uint32_t count)
{
    sky_json_key(json, "sample_posts");
    sky_json_array(json);
    for (uint32_t i = 0; i < count; i++)
        write_sample(json, &posts[i]);
    sky_json_end(json);
}

static void write_window(struct sky_json_writer *json, int64_t start_ms, int64_t end_ms)
{
    sky_json_key(json, "window_start");
    sky_json_time(json, start_ms);
    sky_json_key(json, "window_end");
    sky_json_time(json, end_ms);
}

static void write_uint(struct sky_json_writer *json, const char *key, uint64_t value)
{
    sky_json_key(json, key);
    sky_json_uint(json, value);
}

static void write_counts(struct sky_json_writer *json, const struct sky_trend_alert *alert)
{
    write_uint(json, "frequency", alert->frequency);
    sky_json_key(json, "growth_rate");
    sky_json_double(json, alert->growth_rate);
    sky_json_key(json, "confidence_score");
    sky_json_double(json, alert->confidence_score);
    write_window(json, alert->window_start_ms, alert->window_end_ms);
}

void sky_trend_alert_write_fields(struct sky_json_writer *json, const struct sky_trend_alert *alert)
{
    char id[SKY_TREND_ID_TEXT_SIZE];
    sky_trend_id_format(alert->id, id);
    sky_json_key(json, "keyword");
    sky_json_span(json, alert->keyword);
    write_counts(json, alert);
    write_samples(json, alert->sample_posts, alert->sample_posts_count);
    write_uint(json, "unique_authors", alert->unique_authors);
    write_uint(json, "rank", alert->rank);
    sky_json_key(json, "id");
    sky_json_string(json, id);
    sky_json_key(json, "kind");
    sky_json_string(json, sky_trend_kind_name(alert->kind));
    sky_json_key(json, "language");
    sky_json_span(json, alert->language);
    sky_json_key(json, "z_score");
    sky_json_double(json, alert->z_score);
    sky_json_key(json, "expected");
    sky_json_double(json, alert->expected);
    sky_json_key(json, "started_at");
    sky_json_time(json, alert->started_at_ms);
    sky_json_key(json, "topic");
    sky_json_array(json);
    sky_json_end(json);
}

void sky_trend_alert_write(struct sky_json_writer *json, const struct sky_trend_alert *alert)
{
    sky_json_object(json);
    sky_trend_alert_write_fields(json, alert);
    sky_json_end(json);
}

static void write_top(struct sky_json_writer *json, const struct sky_top_keyword *top)
{
    sky_json_object(json);
    sky_json_key(json, "keyword");
    sky_json_span(json, top->keyword);
    sky_json_key(json, "language");
    sky_json_span(json, top->language);
    write_uint(json, "count", top->count);
    write_uint(json, "unique_authors", top->unique_authors);
    sky_json_end(json);
}

static void write_tops(struct sky_json_writer *json, const char *key, const struct sky_top_keyword *tops,
                       uint32_t count)
{
    sky_json_key(json, key);
    sky_json_array(json);
    for (uint32_t i = 0; i < count; i++)
        write_top(json, &tops[i]);
    sky_json_end(json);
}

static void write_alerts(struct sky_json_writer *json, const char *key, const struct sky_trend_alert *alerts,
                         uint32_t count)
{
    sky_json_key(json, key);
    sky_json_array(json);
    for (uint32_t i = 0; i < count; i++)
        sky_trend_alert_write(json, &alerts[i]);
    sky_json_end(json);
}

void sky_trend_snapshot_write(struct sky_json_writer *json, const struct sky_trend_snapshot *snapshot)
{
    sky_json_object(json);
    write_window(json, snapshot->window_start_ms, snapshot->window_end_ms);
    write_alerts(json, "trends", snapshot->trends, snapshot->trends_count);
    write_alerts(json, "ended", snapshot->ended, snapshot->ended_count);
    write_alerts(json, "recurring", snapshot->recurring, snapshot->recurring_count);
    write_uint(json, "posts", snapshot->posts);
    write_uint(json, "active_authors", snapshot->active_authors);
    sky_json_key(json, "volume");
    sky_json_object(json);
    for (uint32_t i = 0; i < snapshot->volume_count; i++) {
        sky_json_key_span(json, snapshot->volume[i].language);
        sky_json_uint(json, snapshot->volume[i].words);
    }
    sky_json_end(json);
    write_tops(json, "top_keywords", snapshot->top_keywords, snapshot->top_keywords_count);
    sky_json_key(json, "warming_up");
    sky_json_bool(json, snapshot->warming_up);
    sky_json_end(json);
}

void sky_keyword_count_write(struct sky_json_writer *json, const struct sky_keyword_count *count)
{
    sky_json_object(json);
    sky_json_key(json, "keyword");
    sky_json_span(json, count->keyword);
    sky_json_key(json, "normalized_keyword");
    sky_json_span(json, count->normalized_keyword);
    sky_json_key(json, "language");
    sky_json_span(json, count->language);
    write_uint(json, "count", count->count);
    write_uint(json, "unique_authors", count->unique_authors);
    write_uint(json, "voices", count->voices);
    write_window(json, count->window_start_ms, count->window_end_ms);
    write_samples(json, count->sample_posts, count->sample_posts_count);
    sky_json_end(json);
}

void sky_activity_write(struct sky_json_writer *json, const struct sky_activity_record *activity)
{
    sky_json_object(json);
    write_window(json, activity->window_start_ms, activity->window_end_ms);
    write_uint(json, "posts", activity->posts);
    write_uint(json, "replies", activity->replies);
    write_uint(json, "unique_authors", activity->unique_authors);
    sky_json_key(json, "by_language");
    sky_json_object(json);
    for (uint32_t i = 0; i < activity->by_language_count; i++) {
        sky_json_key_span(json, activity->by_language[i].language);
        sky_json_uint(json, activity->by_language[i].posts);
    }
    sky_json_end(json);
    write_tops(json, "top_keywords", activity->top_keywords, activity->top_keywords_count);
    write_tops(json, "top_hashtags", activity->top_hashtags, activity->top_hashtags_count);
    sky_json_end(json);
}

void sky_session_write(struct sky_json_writer *json, const struct sky_session *session)
{
    sky_json_object(json);
    sky_json_key(json, "author_did");
    sky_json_span(json, session->author_did);
    sky_json_key(json, "session_start");
    sky_json_time(json, session->session_start_ms);
    sky_json_key(json, "session_end");
    sky_json_time(json, session->session_end_ms);
    write_uint(json, "posts", session->posts);
    write_uint(json, "replies", session->replies);
    sky_json_end(json);
}
