/* Records to rows: the columns of each table, and what is in them. docs/LAKE.md explains them. */
#include <stdio.h>

#include "event/post_json.h"
#include "io/lake/lake_state.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define LANGUAGES_MAX 512 /* ours, of a record of activity */

static const struct sky_parquet_column posts_columns[] = {
    {"uri", SKY_PARQUET_TEXT},        {"author_did", SKY_PARQUET_TEXT},  {"text", SKY_PARQUET_TEXT},
    {"created_at", SKY_PARQUET_TIME}, {"language", SKY_PARQUET_TEXT},    {"reply_to", SKY_PARQUET_TEXT},
    {"mentions", SKY_PARQUET_TEXTS},  {"hashtags", SKY_PARQUET_TEXTS},   {"op", SKY_PARQUET_TEXT},
    {"event_time", SKY_PARQUET_TIME}, {"observed_at", SKY_PARQUET_TIME}, {"seq", SKY_PARQUET_INT},
    {"rev", SKY_PARQUET_TEXT},        {"cid", SKY_PARQUET_TEXT},         {"relay", SKY_PARQUET_TEXT},
    {"langs", SKY_PARQUET_TEXTS},     {"labels", SKY_PARQUET_TEXTS},
};

static const struct sky_parquet_column deletes_columns[] = {
    {"op", SKY_PARQUET_TEXT},          {"uri", SKY_PARQUET_TEXT},    {"author_did", SKY_PARQUET_TEXT},
    {"active", SKY_PARQUET_BOOL},      {"status", SKY_PARQUET_TEXT}, {"event_time", SKY_PARQUET_TIME},
    {"observed_at", SKY_PARQUET_TIME}, {"seq", SKY_PARQUET_INT},     {"rev", SKY_PARQUET_TEXT},
    {"cid", SKY_PARQUET_TEXT},         {"relay", SKY_PARQUET_TEXT},
};

static const struct sky_parquet_column trends_columns[] = {
    {"keyword", SKY_PARQUET_TEXT},
    {"frequency", SKY_PARQUET_INT},
    {"growth_rate", SKY_PARQUET_DOUBLE},
    {"confidence_score", SKY_PARQUET_DOUBLE},
    {"window_start", SKY_PARQUET_TIME},
    {"window_end", SKY_PARQUET_TIME},
    {"sample_posts", SKY_PARQUET_TEXTS},
    {"sample_texts", SKY_PARQUET_TEXTS},
    {"unique_authors", SKY_PARQUET_INT},
    {"rank", SKY_PARQUET_INT},
    {"id", SKY_PARQUET_TEXT},
    {"kind", SKY_PARQUET_TEXT},
    {"language", SKY_PARQUET_TEXT},
    {"z_score", SKY_PARQUET_DOUBLE},
    {"expected", SKY_PARQUET_DOUBLE},
    {"started_at", SKY_PARQUET_TIME},
    {"topic", SKY_PARQUET_TEXTS},
    {"recurring", SKY_PARQUET_BOOL},
    {"posts", SKY_PARQUET_INT},
    {"active_authors", SKY_PARQUET_INT},
};

static const struct sky_parquet_column activity_columns[] = {
    {"window_start", SKY_PARQUET_TIME},  {"window_end", SKY_PARQUET_TIME},    {"posts", SKY_PARQUET_INT},
    {"replies", SKY_PARQUET_INT},        {"unique_authors", SKY_PARQUET_INT}, {"by_language", SKY_PARQUET_COUNTS},
    {"top_keywords", SKY_PARQUET_TEXTS}, {"top_hashtags", SKY_PARQUET_TEXTS},
};

static const struct sky_parquet_column sessions_columns[] = {
    {"author_did", SKY_PARQUET_TEXT}, {"session_start", SKY_PARQUET_TIME}, {"session_end", SKY_PARQUET_TIME},
    {"posts", SKY_PARQUET_INT},       {"replies", SKY_PARQUET_INT},
};

const struct sky_parquet_table sky_lake_tables[SKY_LAKE_TABLE_COUNT] = {
    [SKY_LAKE_POSTS] = {"posts", posts_columns, COUNT(posts_columns)},
    [SKY_LAKE_DELETES] = {"deletes", deletes_columns, COUNT(deletes_columns)},
    [SKY_LAKE_TRENDS] = {"trends", trends_columns, COUNT(trends_columns)},
    [SKY_LAKE_ACTIVITY] = {"activity", activity_columns, COUNT(activity_columns)},
    [SKY_LAKE_SESSIONS] = {"sessions", sessions_columns, COUNT(sessions_columns)},
};

/* The table's writer; NULL, and *status, when it cannot be had. */
static struct sky_parquet *writer_of(struct sky_lake *lake, enum sky_lake_table table, enum sky_status *status)
{
    *status = SKY_OK;
    if (!lake->writers[table]) {
        *status = sky_parquet_open(&lake->database, &sky_lake_tables[table], &lake->writers[table]);
        if (*status != SKY_OK) {
            sky_parquet_free(lake->writers[table]);
            lake->writers[table] = NULL;
            sky_lake_fail_database(lake, *status);
        }
    }
    return lake->writers[table];
}

static enum sky_status end_row(struct sky_lake *lake, struct sky_parquet *writer, int64_t time_ms)
{
    enum sky_status status = sky_parquet_end_row(writer, time_ms);
    if (status == SKY_E_LIMIT)
        snprintf(lake->problem, sizeof lake->problem, "rows of more than %d hours at once", SKY_PARQUET_HOURS_MAX);
    return status == SKY_OK || status == SKY_E_LIMIT ? status : sky_lake_fail_database(lake, status);
}

static struct sky_span op_name(const struct sky_post *post)
{
    return sky_span_from_string(sky_post_op_name(post->op));
}

static enum sky_status add_post(struct sky_lake *lake, struct sky_parquet *row, const struct sky_post *post)
{
    sky_parquet_text(row, post->uri);
    sky_parquet_text(row, post->author_did);
    sky_parquet_text(row, post->text);
    sky_parquet_time(row, post->created_at_ms);
    sky_parquet_text_or_null(row, post->language);
    sky_parquet_text_or_null(row, post->reply_to);
    sky_parquet_texts(row, post->mentions, post->mentions_count);
    sky_parquet_texts(row, post->hashtags, post->hashtags_count);
    sky_parquet_text(row, op_name(post));
    sky_parquet_time(row, post->event_time_ms);
    sky_parquet_time(row, post->observed_at_ms);
    sky_parquet_int(row, post->seq);
    sky_parquet_text(row, post->rev);
    sky_parquet_text(row, post->cid);
    sky_parquet_text(row, post->relay);
    sky_parquet_texts(row, post->langs, post->langs_count);
    sky_parquet_texts(row, post->labels, post->labels_count);
    return end_row(lake, row, post->event_time_ms);
}

/* A deleted post, or an account that came or went. */
static enum sky_status add_delete(struct sky_lake *lake, struct sky_parquet *row, const struct sky_post *post)
{
    sky_parquet_text(row, op_name(post));
    sky_parquet_text_or_null(row, post->uri);
    sky_parquet_text(row, post->author_did);
    sky_parquet_bool(row, post->active);
    sky_parquet_text_or_null(row, post->status);
    sky_parquet_time(row, post->event_time_ms);
    sky_parquet_time(row, post->observed_at_ms);
    sky_parquet_int(row, post->seq);
    sky_parquet_text(row, post->rev);
    sky_parquet_text(row, post->cid);
    sky_parquet_text(row, post->relay);
    return end_row(lake, row, post->event_time_ms);
}

enum sky_status sky_lake_add_post(struct sky_lake *lake, const struct sky_post *post)
{
    enum sky_status status;
    if (post->op == SKY_POST_WATERMARK)
        return SKY_OK;
    bool is_post = post->op == SKY_POST_CREATE || post->op == SKY_POST_UPDATE;
    struct sky_parquet *row = writer_of(lake, is_post ? SKY_LAKE_POSTS : SKY_LAKE_DELETES, &status);
    if (!row)
        return status;
    return is_post ? add_post(lake, row, post) : add_delete(lake, row, post);
}

static void add_samples(struct sky_parquet *row, const struct sky_trend_alert *alert)
{
    sky_parquet_list_begin(row);
    for (uint32_t i = 0; i < alert->sample_posts_count; i++)
        sky_parquet_list_text(row, alert->sample_posts[i].uri);
    sky_parquet_list_end(row);
    sky_parquet_list_begin(row);
    for (uint32_t i = 0; i < alert->sample_posts_count; i++)
        sky_parquet_list_text(row, alert->sample_posts[i].text);
    sky_parquet_list_end(row);
}

static enum sky_status add_alert(struct sky_lake *lake, const struct sky_trend_snapshot *snapshot,
                                 const struct sky_trend_alert *alert, bool recurring)
{
    enum sky_status status;
    char id[SKY_TREND_ID_TEXT_SIZE];
    struct sky_parquet *row = writer_of(lake, SKY_LAKE_TRENDS, &status);
    if (!row)
        return status;
    sky_trend_id_format(alert->id, id);
    sky_parquet_text(row, alert->keyword);
    sky_parquet_int(row, alert->frequency);
    sky_parquet_double(row, alert->growth_rate);
    sky_parquet_double(row, alert->confidence_score);
    sky_parquet_time(row, alert->window_start_ms);
    sky_parquet_time(row, alert->window_end_ms);
    add_samples(row, alert);
    sky_parquet_int(row, alert->unique_authors);
    sky_parquet_int(row, alert->rank);
    sky_parquet_text(row, sky_span_from_string(id));
    sky_parquet_text(row, sky_span_from_string(sky_trend_kind_name(alert->kind)));
    sky_parquet_text(row, alert->language);
    sky_parquet_double(row, alert->z_score);
    sky_parquet_double(row, alert->expected);
    sky_parquet_time(row, alert->started_at_ms);
    sky_parquet_texts(row, NULL, 0); /* topic: always empty so far */
    sky_parquet_bool(row, recurring);
    sky_parquet_int(row, (int64_t)snapshot->posts);
    sky_parquet_int(row, (int64_t)snapshot->active_authors);
    return end_row(lake, row, snapshot->window_end_ms);
}

enum sky_status sky_lake_add_trends(struct sky_lake *lake, const struct sky_trend_snapshot *snapshot)
{
    enum sky_status status = SKY_OK;
    for (uint32_t i = 0; status == SKY_OK && i < snapshot->trends_count; i++)
        status = add_alert(lake, snapshot, &snapshot->trends[i], false);
    for (uint32_t i = 0; status == SKY_OK && i < snapshot->ended_count; i++)
        status = add_alert(lake, snapshot, &snapshot->ended[i], false);
    for (uint32_t i = 0; status == SKY_OK && i < snapshot->recurring_count; i++)
        status = add_alert(lake, snapshot, &snapshot->recurring[i], true);
    return status;
}

static void add_top(struct sky_parquet *row, const struct sky_top_keyword *top, uint32_t count)
{
    sky_parquet_list_begin(row);
    for (uint32_t i = 0; i < count; i++)
        sky_parquet_list_text(row, top[i].keyword);
    sky_parquet_list_end(row);
}

/* A map has each key once, whatever a foreign record says. */
static bool is_first(const struct sky_activity_record *activity, uint32_t place)
{
    for (uint32_t i = 0; i < place; i++)
        if (sky_span_equal(activity->by_language[i].language, activity->by_language[place].language))
            return false;
    return true;
}

enum sky_status sky_lake_add_activity(struct sky_lake *lake, const struct sky_activity_record *activity)
{
    enum sky_status status;
    struct sky_parquet *row = writer_of(lake, SKY_LAKE_ACTIVITY, &status);
    if (!row)
        return status;
    sky_parquet_time(row, activity->window_start_ms);
    sky_parquet_time(row, activity->window_end_ms);
    sky_parquet_int(row, (int64_t)activity->posts);
    sky_parquet_int(row, (int64_t)activity->replies);
    sky_parquet_int(row, (int64_t)activity->unique_authors);
    sky_parquet_list_begin(row);
    for (uint32_t i = 0; i < activity->by_language_count && i < LANGUAGES_MAX; i++)
        if (is_first(activity, i))
            sky_parquet_list_count(row, activity->by_language[i].language, (int64_t)activity->by_language[i].posts);
    sky_parquet_list_end(row);
    add_top(row, activity->top_keywords, activity->top_keywords_count);
    add_top(row, activity->top_hashtags, activity->top_hashtags_count);
    return end_row(lake, row, activity->window_end_ms);
}

enum sky_status sky_lake_add_session(struct sky_lake *lake, const struct sky_session *session)
{
    enum sky_status status;
    struct sky_parquet *row = writer_of(lake, SKY_LAKE_SESSIONS, &status);
    if (!row)
        return status;
    sky_parquet_text(row, session->author_did);
    sky_parquet_time(row, session->session_start_ms);
    sky_parquet_time(row, session->session_end_ms);
    sky_parquet_int(row, session->posts);
    sky_parquet_int(row, session->replies);
    return end_row(lake, row, session->session_end_ms);
}
