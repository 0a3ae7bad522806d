#include "app/trace.h"

void sky_trace_post(const char *event, const struct sky_post *post)
{
    if (post->op != SKY_POST_WATERMARK && sky_log_shows(SKY_LOG_DEBUG))
        sky_log(SKY_LOG_DEBUG, event, SKY_LOG_INT("seq", post->seq), SKY_LOG_SPAN("uri", post->uri));
}

void sky_trace_alert(enum sky_log_level level, const char *event, const struct sky_trend_alert *alert)
{
    char id[SKY_TREND_ID_TEXT_SIZE];
    if (!sky_log_shows(level))
        return;
    sky_trend_id_format(alert->id, id);
    struct sky_span uri = alert->sample_posts_count ? alert->sample_posts[0].uri : SKY_SPAN("");
    sky_log(level, event, SKY_LOG_TEXT("alert", id), SKY_LOG_SPAN("uri", uri), SKY_LOG_SPAN("keyword", alert->keyword),
            SKY_LOG_SPAN("language", alert->language));
}

void sky_trace_changes(enum sky_log_level level, const char *started, const char *ended,
                       const struct sky_trend_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->trends_count; i++)
        if (snapshot->trends[i].kind == SKY_TREND_STARTED)
            sky_trace_alert(level, started, &snapshot->trends[i]);
    for (uint32_t i = 0; i < snapshot->ended_count; i++)
        sky_trace_alert(level, ended, &snapshot->ended[i]);
}
