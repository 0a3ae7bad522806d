#include "io/api/api_history.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "wire/json_write.h"

#define DAY_TEXT_LEN 10 /* 2026-01-05 */

const char *const sky_api_history_parameters[] = {"from", "to", "keyword", "language", "by", "limit", NULL};

struct sky_api_history {
    struct sky_api_history_options options;
    _Atomic(const struct sky_lake_query_options *) lake; /* what is asked now */
    const struct sky_lake_query_options *opened;         /* whose query it is */
    struct sky_lake_query *query;                        /* NULL: not open */
};

enum sky_status sky_api_history_new(const struct sky_api_history_options *options, struct sky_api_history **result)
{
    struct sky_api_history *history = calloc(1, sizeof *history);
    *result = history;
    if (!history)
        return SKY_E_MEMORY;
    history->options = *options;
    atomic_store(&history->lake, options->lake);
    return SKY_OK;
}

void sky_api_history_free(struct sky_api_history *history)
{
    if (!history)
        return;
    sky_lake_query_free(history->query);
    free(history);
}

void sky_api_history_move(struct sky_api_history *history, const struct sky_lake_query_options *lake)
{
    atomic_store(&history->lake, lake);
}

/* Parameters */

static bool fail(struct sky_http_response *response, const char *message)
{
    sky_http_fail(response, 400, "bad_parameter", message, "GET /v1/history?from=2026-01-05&to=2026-01-06T12:00:00Z");
    return false;
}

/* An instant, or the beginning of a day in UTC. */
static bool take_time(const struct sky_http_request *request, const char *name, int64_t *time_ms)
{
    struct sky_span text = sky_http_request_parameter(request, name);
    char day[] = "0000-00-00T00:00:00Z";
    if (text.len == DAY_TEXT_LEN) {
        memcpy(day, text.ptr, DAY_TEXT_LEN);
        text = sky_span_of(day, sizeof day - 1);
    }
    return text.len && sky_time_parse(text, time_ms) == SKY_OK;
}

static bool take_limit(const struct sky_http_request *request, uint64_t *limit)
{
    struct sky_span text = sky_http_request_parameter(request, "limit");
    *limit = SKY_API_HISTORY_ROWS_DEFAULT;
    if (!text.ptr)
        return true;
    *limit = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || *limit > SKY_API_HISTORY_ROWS_MAX)
            return false;
        *limit = *limit * 10 + (text.ptr[i] - '0');
    }
    return *limit >= 1 && *limit <= SKY_API_HISTORY_ROWS_MAX;
}

static bool take_wanted(const struct sky_http_request *request, struct sky_lake_trends_wanted *wanted,
                        struct sky_http_response *response)
{
    struct sky_span by = sky_http_request_parameter(request, "by");
    *wanted = (struct sky_lake_trends_wanted){
        .keyword = sky_http_request_parameter(request, "keyword"),
        .language = sky_http_request_parameter(request, "language"),
        .each_slide = sky_span_equal(by, SKY_SPAN("slide")),
    };
    if (!take_time(request, "from", &wanted->start_ms) || !take_time(request, "to", &wanted->end_ms))
        return fail(response, "The parameters 'from' and 'to' must be instants such as 2026-01-05T14:00:00Z, or days.");
    if (wanted->start_ms >= wanted->end_ms)
        return fail(response, "'from' must be before 'to'.");
    if (wanted->end_ms - wanted->start_ms > SKY_API_HISTORY_DAYS_MAX * SKY_DAY_MS)
        return fail(response, "'from' and 'to' may be 31 days apart at most.");
    if (by.ptr && !wanted->each_slide && !sky_span_equal(by, SKY_SPAN("trend")))
        return fail(response, "The parameter 'by' must be trend or slide.");
    if (!take_limit(request, &wanted->limit))
        return fail(response, "The parameter 'limit' must be a whole number from 1 to 1000.");
    return true;
}

/* The answer */

struct rows {
    struct sky_json_writer json;
    const struct sky_lake_column *columns;
    size_t columns_count;
    uint64_t left;
    bool more;
};

static void write_value(struct sky_json_writer *json, enum sky_lake_value_kind kind, struct sky_span value)
{
    if (!value.ptr)
        sky_json_null(json);
    else if (kind == SKY_LAKE_VALUE_TEXT)
        sky_json_span(json, value);
    else
        sky_json_raw(json, value);
}

static enum sky_status write_row(void *context, const struct sky_span *values)
{
    struct rows *rows = context;
    if (rows->left == 0) {
        rows->more = true;
        return SKY_OK;
    }
    rows->left--;
    sky_json_object(&rows->json);
    for (size_t i = 0; i < rows->columns_count; i++) {
        sky_json_key(&rows->json, rows->columns[i].name);
        write_value(&rows->json, rows->columns[i].kind, values[i]);
    }
    sky_json_end(&rows->json);
    return SKY_OK;
}

static enum sky_status write_rows(struct sky_api_history *history, const struct sky_lake_trends_wanted *wanted,
                                  struct sky_http_response *response)
{
    struct rows rows = {.left = wanted->limit};
    rows.columns = sky_lake_query_columns(history->query, &rows.columns_count);
    sky_json_begin(&rows.json, &response->body);
    sky_json_object(&rows.json);
    sky_json_key(&rows.json, "from");
    sky_json_time(&rows.json, wanted->start_ms);
    sky_json_key(&rows.json, "to");
    sky_json_time(&rows.json, wanted->end_ms);
    sky_json_key(&rows.json, wanted->each_slide ? "slides" : "trends");
    sky_json_array(&rows.json);
    enum sky_status status = sky_lake_query_rows(history->query, write_row, &rows);
    sky_json_end(&rows.json);
    sky_json_key(&rows.json, "more");
    sky_json_bool(&rows.json, rows.more);
    sky_json_end(&rows.json);
    return status;
}

static enum sky_status open_lake(struct sky_api_history *history, char problem[SKY_LAKE_QUERY_PROBLEM_SIZE])
{
    const struct sky_lake_query_options *lake = atomic_load(&history->lake);
    if (history->opened != lake) {
        sky_lake_query_free(history->query);
        history->query = NULL;
        history->opened = lake;
    }
    if (!lake) {
        snprintf(problem, SKY_LAKE_QUERY_PROBLEM_SIZE, "there is no lake now");
        return SKY_E_MISSING;
    }
    return history->query ? SKY_OK : sky_lake_query_new(lake, &history->query, problem);
}

static enum sky_status ask(struct sky_api_history *history, const struct sky_lake_trends_wanted *wanted,
                           struct sky_http_response *response, char problem[SKY_LAKE_QUERY_PROBLEM_SIZE])
{
    enum sky_status status = open_lake(history, problem);
    if (status != SKY_OK)
        return status;
    struct sky_lake_trends_wanted one_more = *wanted; /* which is not shown, but says that there is more */
    one_more.limit++;
    status = sky_lake_query_historical_trends(history->query, &one_more);
    if (status == SKY_OK)
        status = write_rows(history, wanted, response);
    if (status != SKY_OK)
        snprintf(problem, SKY_LAKE_QUERY_PROBLEM_SIZE, "%s", sky_lake_query_problem(history->query));
    return status;
}

void sky_api_history_get(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    struct sky_api_history *history = context;
    struct sky_lake_trends_wanted wanted;
    char problem[SKY_LAKE_QUERY_PROBLEM_SIZE] = "";
    if (!take_wanted(request, &wanted, response))
        return;
    enum sky_status status = ask(history, &wanted, response, problem);
    if (history->options.report)
        history->options.report(history->options.context, status, problem);
    if (status == SKY_OK)
        return;
    sky_lake_query_free(history->query); /* a new one next time: what is wrong may pass */
    history->query = NULL;
    /* The problem may name paths and hosts of ours: it is for the log, not for who asks. */
    sky_http_fail(response, 503, "lake_unavailable", "The history cannot be read now.",
                  "GET /v1/trends is as of now; the log of this server says more.");
}
