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

static void write_counts(struct sky_json_writer *json, const struct sky_trend_alert *alert)
{
    sky_json_key(json, "frequency");
    sky_json_uint(json, alert->frequency);
    sky_json_key(json, "growth_rate");
    sky_json_double(json, alert->growth_rate);
    sky_json_key(json, "confidence_score");
    sky_json_double(json, alert->confidence_score);
    sky_json_key(json, "window_start");
    sky_json_time(json, alert->window_start_ms);
    sky_json_key(json, "window_end");
    sky_json_time(json, alert->window_end_ms);
}

void sky_trend_alert_write_fields(struct sky_json_writer *json, const struct sky_trend_alert *alert)
{
    char id[SKY_TREND_ID_TEXT_SIZE];
    sky_trend_id_format(alert->id, id);
    sky_json_key(json, "keyword");
    sky_json_span(json, alert->keyword);
    write_counts(json, alert);
    sky_json_key(json, "sample_posts");
    sky_json_array(json);
    for (uint32_t i = 0; i < alert->sample_posts_count; i++)
        write_sample(json, &alert->sample_posts[i]);
    sky_json_end(json);
    sky_json_key(json, "unique_authors");
    sky_json_uint(json, alert->unique_authors);
    sky_json_key(json, "rank");
    sky_json_uint(json, alert->rank);
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
    sky_json_key(json, "count");
    sky_json_uint(json, top->count);
    sky_json_key(json, "unique_authors");
    sky_json_uint(json, top->unique_authors);
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
    sky_json_key(json, "window_start");
    sky_json_time(json, snapshot->window_start_ms);
    sky_json_key(json, "window_end");
    sky_json_time(json, snapshot->window_end_ms);
    write_alerts(json, "trends", snapshot->trends, snapshot->trends_count);
    write_alerts(json, "ended", snapshot->ended, snapshot->ended_count);
    write_alerts(json, "recurring", snapshot->recurring, snapshot->recurring_count);
    sky_json_key(json, "posts");
    sky_json_uint(json, snapshot->posts);
    sky_json_key(json, "active_authors");
    sky_json_uint(json, snapshot->active_authors);
    sky_json_key(json, "volume");
    sky_json_object(json);
    for (uint32_t i = 0; i < snapshot->volume_count; i++) {
        sky_json_key_span(json, snapshot->volume[i].language);
        sky_json_uint(json, snapshot->volume[i].words);
    }
    sky_json_end(json);
    sky_json_key(json, "top_keywords");
    sky_json_array(json);
    for (uint32_t i = 0; i < snapshot->top_keywords_count; i++)
        write_top(json, &snapshot->top_keywords[i]);
    sky_json_end(json);
    sky_json_key(json, "warming_up");
    sky_json_bool(json, snapshot->warming_up);
    sky_json_end(json);
}
