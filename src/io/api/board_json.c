#include "io/api/board_json.h"

static void write_time(struct sky_json_writer *json, const char *key, int64_t time_ms)
{
    sky_json_key(json, key);
    if (time_ms)
        sky_json_time(json, time_ms);
    else
        sky_json_null(json);
}

static void write_uint(struct sky_json_writer *json, const char *key, uint64_t value)
{
    sky_json_key(json, key);
    sky_json_uint(json, value);
}

static void write_span(struct sky_json_writer *json, const char *key, struct sky_span value)
{
    sky_json_key(json, key);
    sky_json_span(json, value);
}

static void write_double(struct sky_json_writer *json, const char *key, double value)
{
    sky_json_key(json, key);
    sky_json_double(json, value); /* NAN is null */
}

void sky_board_write_status(struct sky_json_writer *json, const struct sky_board_status *status)
{
    sky_json_object(json);
    sky_json_key(json, "source");
    sky_json_string(json, status->source);
    sky_json_key(json, "connection");
    sky_json_string(json, sky_board_connection_name(status->connection));
    sky_json_key(json, "simulated");
    sky_json_bool(json, status->simulated);
    write_double(json, "speed", status->speed);
    write_time(json, "stalled_since", status->stalled_since_ms);
    write_double(json, "lag_seconds", (double)status->lag_ms / 1000);
    write_double(json, "posts_per_minute", status->posts_per_minute);
    write_time(json, "event_time", status->event_time_ms);
    write_uint(json, "warm_up_minutes_left", status->warm_up_minutes_left);
    write_uint(json, "posts_total", status->posts_total);
    sky_json_key(json, "version");
    sky_json_string(json, status->version);
    sky_json_end(json);
}

/* The authors of the last slides, to compare with `expected`: one place for each, null where the keyword was not seen;
 * from the first slide it was seen at. */
static void write_sparkline(struct sky_json_writer *json, const struct sky_board_view *view, struct sky_span keyword,
                            struct sky_span language)
{
    struct sky_history_series series = {0};
    sky_keyword_history_find(view->history, keyword, language, &series);
    uint32_t shown =
        view->slides_count < SKY_BOARD_JSON_SPARKLINE_MAX ? view->slides_count : SKY_BOARD_JSON_SPARKLINE_MAX;
    uint32_t at = series.points_count > shown ? series.points_count - shown : 0;
    bool begun = false;
    sky_json_key(json, "history");
    sky_json_array(json);
    for (uint32_t i = view->slides_count - shown; i < view->slides_count; i++) {
        while (at < series.points_count && series.points[at].window_end_ms < view->slides[i].window_end_ms)
            at++;
        bool seen = at < series.points_count && series.points[at].window_end_ms == view->slides[i].window_end_ms;
        if (seen)
            sky_json_uint(json, series.points[at].unique_authors);
        else if (begun)
            sky_json_null(json);
        begun |= seen;
    }
    sky_json_end(json);
}

static bool passes(const struct sky_board_filter *filter, struct sky_span language)
{
    return !filter->language.len || sky_span_equal(filter->language, language);
}

/* A trend that is on, and what only the board knows of it. */
static void write_current_fields(struct sky_json_writer *json, const struct sky_board_view *view, uint32_t i)
{
    sky_trend_alert_write_fields(json, &view->snapshot->trends[i]);
    sky_json_key(json, "previous_rank");
    if (view->previous_ranks[i])
        sky_json_uint(json, view->previous_ranks[i]);
    else
        sky_json_null(json);
    write_double(json, "peak_confidence", view->peak_confidences[i]);
}

static void write_trends(struct sky_json_writer *json, const struct sky_board_view *view,
                         const struct sky_board_filter *filter)
{
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    uint32_t left = filter->limit;
    sky_json_key(json, "trends");
    sky_json_array(json);
    for (uint32_t i = 0; snapshot && i < snapshot->trends_count && left; i++) {
        const struct sky_trend_alert *alert = &snapshot->trends[i];
        if (!passes(filter, alert->language))
            continue;
        left--;
        sky_json_object(json);
        write_current_fields(json, view, i);
        write_sparkline(json, view, alert->keyword, alert->language);
        sky_json_end(json);
    }
    sky_json_end(json);
}

static void write_alerts(struct sky_json_writer *json, const char *key, const struct sky_trend_alert *alerts,
                         uint32_t count, const struct sky_board_filter *filter)
{
    sky_json_key(json, key);
    sky_json_array(json);
    for (uint32_t i = 0; i < count; i++)
        if (passes(filter, alerts[i].language))
            sky_trend_alert_write(json, &alerts[i]);
    sky_json_end(json);
}

static void write_top(struct sky_json_writer *json, const struct sky_board_view *view,
                      const struct sky_board_filter *filter)
{
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    uint32_t left = filter->limit;
    sky_json_key(json, "top_keywords");
    sky_json_array(json);
    for (uint32_t i = 0; snapshot && i < snapshot->top_keywords_count && left; i++) {
        const struct sky_top_keyword *top = &snapshot->top_keywords[i];
        if (!passes(filter, top->language))
            continue;
        left--;
        sky_json_object(json);
        write_span(json, "keyword", top->keyword);
        write_span(json, "language", top->language);
        write_uint(json, "count", top->count);
        write_uint(json, "unique_authors", top->unique_authors);
        write_sparkline(json, view, top->keyword, top->language);
        sky_json_end(json);
    }
    sky_json_end(json);
}

static void write_window(struct sky_json_writer *json, const struct sky_trend_snapshot *snapshot)
{
    write_time(json, "window_start", snapshot ? snapshot->window_start_ms : 0);
    write_time(json, "window_end", snapshot ? snapshot->window_end_ms : 0);
    write_uint(json, "posts", snapshot ? snapshot->posts : 0);
    write_uint(json, "active_authors", snapshot ? snapshot->active_authors : 0);
    sky_json_key(json, "volume");
    sky_json_object(json);
    for (uint32_t i = 0; snapshot && i < snapshot->volume_count; i++) {
        sky_json_key_span(json, snapshot->volume[i].language);
        sky_json_uint(json, snapshot->volume[i].words);
    }
    sky_json_end(json);
}

void sky_board_write_trends(struct sky_json_writer *json, const struct sky_board_view *view,
                            const struct sky_board_filter *filter)
{
    sky_json_object(json);
    write_window(json, view->snapshot);
    sky_json_key(json, "warming_up");
    sky_json_bool(json, !view->snapshot || view->snapshot->warming_up);
    write_trends(json, view, filter);
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    write_alerts(json, "ended", snapshot ? snapshot->ended : NULL, snapshot ? snapshot->ended_count : 0, filter);
    write_alerts(json, "recurring", snapshot ? snapshot->recurring : NULL, snapshot ? snapshot->recurring_count : 0,
                 filter);
    write_top(json, view, filter);
    sky_json_key(json, "status");
    sky_board_write_status(json, view->status);
    sky_json_end(json);
}

/* The trend of a keyword that is on, or null. */
static void write_current(struct sky_json_writer *json, const struct sky_board_view *view,
                          const struct sky_history_series *series)
{
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    for (uint32_t i = 0; snapshot && i < snapshot->trends_count; i++) {
        if (!sky_span_equal(snapshot->trends[i].keyword, series->keyword) ||
            !sky_span_equal(snapshot->trends[i].language, series->language))
            continue;
        sky_json_object(json);
        write_current_fields(json, view, i);
        sky_json_end(json);
        return;
    }
    sky_json_null(json);
}

static void write_point(struct sky_json_writer *json, const struct sky_history_point *point)
{
    sky_json_object(json);
    write_time(json, "window_end", point->window_end_ms);
    write_uint(json, "frequency", point->frequency);
    write_uint(json, "unique_authors", point->unique_authors);
    sky_json_key(json, "rank");
    if (point->rank)
        sky_json_uint(json, point->rank);
    else
        sky_json_null(json);
    write_double(json, "expected", (double)point->expected);
    write_double(json, "z_score", (double)point->z_score);
    sky_json_end(json);
}

static void write_episode(struct sky_json_writer *json, const struct sky_history_episode *episode)
{
    sky_json_object(json);
    write_time(json, "started_at", episode->started_at_ms);
    write_time(json, "ended_at", episode->ended_at_ms);
    write_uint(json, "peak_frequency", episode->peak_frequency);
    write_uint(json, "best_rank", episode->best_rank);
    sky_json_end(json);
}

static void write_series(struct sky_json_writer *json, const struct sky_board_view *view,
                         const struct sky_history_series *series)
{
    sky_json_object(json);
    write_span(json, "language", series->language);
    sky_json_key(json, "trend");
    write_current(json, view, series);
    sky_json_key(json, "episodes");
    sky_json_array(json);
    for (uint32_t i = 0; i < series->episodes_count; i++)
        write_episode(json, &series->episodes[i]);
    sky_json_end(json);
    sky_json_key(json, "points");
    sky_json_array(json);
    for (uint32_t i = 0; i < series->points_count; i++)
        write_point(json, &series->points[i]);
    sky_json_end(json);
    sky_json_end(json);
}

bool sky_board_write_keyword(struct sky_json_writer *json, const struct sky_board_view *view, struct sky_span keyword,
                             struct sky_span language)
{
    struct sky_history_series series[SKY_BOARD_JSON_LANGUAGES_MAX];
    uint32_t count = language.len
                         ? sky_keyword_history_find(view->history, keyword, language, series)
                         : sky_keyword_history_find_all(view->history, keyword, series, SKY_BOARD_JSON_LANGUAGES_MAX);
    if (!count)
        return false;
    sky_json_object(json);
    write_span(json, "keyword", keyword);
    write_time(json, "window_end", view->snapshot ? view->snapshot->window_end_ms : 0);
    sky_json_key(json, "languages");
    sky_json_array(json);
    for (uint32_t i = 0; i < count; i++)
        write_series(json, view, &series[i]);
    sky_json_end(json);
    sky_json_end(json);
    return true;
}

void sky_board_write_activity(struct sky_json_writer *json, const struct sky_board_view *view)
{
    sky_json_object(json);
    write_window(json, view->snapshot);
    write_double(json, "posts_per_minute", view->status->posts_per_minute);
    sky_json_key(json, "series");
    sky_json_array(json);
    for (uint32_t i = 0; i < view->slides_count; i++) {
        const struct sky_board_slide *slide = &view->slides[i];
        sky_json_object(json);
        write_time(json, "window_end", slide->window_end_ms);
        write_uint(json, "posts", slide->posts);
        write_uint(json, "active_authors", slide->active_authors);
        write_double(json, "posts_per_minute", slide->posts_per_minute);
        write_uint(json, "trends", slide->trends);
        sky_json_end(json);
    }
    sky_json_end(json);
    sky_json_key(json, "status");
    sky_board_write_status(json, view->status);
    sky_json_end(json);
}

static double mean_per_minute(const struct sky_trend_snapshot *snapshot)
{
    int64_t length_ms = snapshot->window_end_ms - snapshot->window_start_ms;
    return length_ms > 0 ? (double)snapshot->posts * 60000.0 / (double)length_ms : 0;
}

void sky_board_write_summary(struct sky_json_writer *json, const struct sky_board_view *view)
{
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    double per_minute = view->status->posts_per_minute;
    if (!(per_minute > 0) && snapshot)
        per_minute = mean_per_minute(snapshot);
    sky_json_object(json);
    write_time(json, "window_end", snapshot ? snapshot->window_end_ms : 0);
    write_double(json, "posts_per_minute", per_minute);
    write_uint(json, "active_users_count", snapshot ? snapshot->active_authors : 0);
    write_uint(json, "current_trending_topics", snapshot ? snapshot->trends_count : 0);
    sky_json_key(json, "connection");
    sky_json_string(json, sky_board_connection_name(view->status->connection));
    write_time(json, "stalled_since", view->status->stalled_since_ms);
    sky_json_end(json);
}
