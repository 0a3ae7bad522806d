#include "io/redis/cache_hour.h"

#include <stdlib.h>

#include "base/sorted.h"

#define FIRST_CAPACITY   64
#define NUMBER_BYTES_MAX 40

void sky_cache_hour_init(struct sky_cache_hour *hour, int64_t hour_ms)
{
    *hour = (struct sky_cache_hour){.hour_ms = hour_ms};
}

void sky_cache_hour_clean_up(struct sky_cache_hour *hour)
{
    free(hour->trends);
    sky_arena_clean_up(&hour->texts);
    *hour = (struct sky_cache_hour){0};
}

/* Merging */

static uint32_t place_of(const struct sky_cache_hour *hour, uint64_t id)
{
    return (uint32_t)sky_lower_bound(hour->trends, hour->trends_count, sizeof *hour->trends, id);
}

/* Best first: <0 when `a` is better. */
static int compare_trends(const struct sky_cache_hour_trend *a, const struct sky_cache_hour_trend *b)
{
    if (a->best_rank != b->best_rank)
        return a->best_rank < b->best_rank ? -1 : 1;
    if (a->peak_frequency != b->peak_frequency)
        return a->peak_frequency > b->peak_frequency ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static void drop_worst(struct sky_cache_hour *hour)
{
    uint32_t worst = 0;
    for (uint32_t i = 1; i < hour->trends_count; i++)
        if (compare_trends(&hour->trends[i], &hour->trends[worst]) > 0)
            worst = i;
    hour->trends_count--;
    memmove(&hour->trends[worst], &hour->trends[worst + 1], (hour->trends_count - worst) * sizeof *hour->trends);
}

static bool has_room(struct sky_cache_hour *hour)
{
    if (hour->trends_count < hour->trends_capacity)
        return true;
    uint32_t capacity = hour->trends_capacity ? 2 * hour->trends_capacity : FIRST_CAPACITY;
    struct sky_cache_hour_trend *trends = realloc(hour->trends, capacity * sizeof *trends);
    if (!trends)
        return false;
    hour->trends = trends;
    hour->trends_capacity = capacity;
    return true;
}

static enum sky_status insert(struct sky_cache_hour *hour, const struct sky_cache_hour_trend *trend)
{
    struct sky_cache_hour_trend copy = *trend;
    copy.keyword = sky_arena_copy(&hour->texts, trend->keyword);
    copy.language = sky_arena_copy(&hour->texts, trend->language);
    if (!has_room(hour) || (trend->keyword.len && !copy.keyword.ptr) || (trend->language.len && !copy.language.ptr))
        return SKY_E_MEMORY;
    uint32_t at = place_of(hour, trend->id);
    memmove(&hour->trends[at + 1], &hour->trends[at], (hour->trends_count - at) * sizeof copy);
    hour->trends[at] = copy;
    hour->trends_count++;
    if (hour->trends_count > SKY_CACHE_HOUR_TRENDS_MAX)
        drop_worst(hour);
    return SKY_OK;
}

#define KEEP_LARGER(field)                                                                                             \
    if (trend->field > known->field)                                                                                   \
    known->field = trend->field
#define KEEP_SMALLER(field)                                                                                            \
    if (trend->field < known->field)                                                                                   \
    known->field = trend->field

static enum sky_status merge(struct sky_cache_hour *hour, const struct sky_cache_hour_trend *trend)
{
    uint32_t at = place_of(hour, trend->id);
    if (at == hour->trends_count || hour->trends[at].id != trend->id)
        return insert(hour, trend);
    struct sky_cache_hour_trend *known = &hour->trends[at];
    KEEP_SMALLER(best_rank);
    KEEP_SMALLER(started_at_ms);
    KEEP_SMALLER(first_seen_ms);
    KEEP_LARGER(last_seen_ms);
    KEEP_LARGER(peak_frequency);
    KEEP_LARGER(peak_unique_authors);
    KEEP_LARGER(peak_growth_rate);
    KEEP_LARGER(peak_confidence_score);
    return SKY_OK;
}

enum sky_status sky_cache_hour_add(struct sky_cache_hour *hour, const struct sky_trend_snapshot *snapshot)
{
    if (snapshot->window_end_ms > hour->window_end_ms)
        hour->window_end_ms = snapshot->window_end_ms;
    for (uint32_t i = 0; i < snapshot->trends_count; i++) {
        const struct sky_trend_alert *alert = &snapshot->trends[i];
        const struct sky_cache_hour_trend trend = {
            .id = alert->id,
            .keyword = alert->keyword,
            .language = alert->language,
            .started_at_ms = alert->started_at_ms,
            .first_seen_ms = snapshot->window_end_ms,
            .last_seen_ms = snapshot->window_end_ms,
            .best_rank = alert->rank,
            .peak_frequency = alert->frequency,
            .peak_unique_authors = alert->unique_authors,
            .peak_growth_rate = alert->growth_rate,
            .peak_confidence_score = alert->confidence_score,
        };
        enum sky_status status = alert->rank ? merge(hour, &trend) : SKY_OK;
        if (status != SKY_OK)
            return status;
    }
    return SKY_OK;
}

/* Reading */

static bool take_time(const struct sky_json_value *object, const char *key, int64_t *time_ms)
{
    struct sky_span text = sky_json_member_text(object, key);
    return text.len && sky_time_parse(text, time_ms) == SKY_OK;
}

static bool take_count(const struct sky_json_value *object, const char *key, uint32_t *count)
{
    const struct sky_json_value *value = sky_json_member(object, key);
    if (!value || value->type != SKY_JSON_NUMBER || !value->is_integer || value->integer < 0 ||
        value->integer > UINT32_MAX)
        return false;
    *count = (uint32_t)value->integer;
    return true;
}

static bool take_double(const struct sky_json_value *object, const char *key, double *number)
{
    const struct sky_json_value *value = sky_json_member(object, key);
    char text[NUMBER_BYTES_MAX];
    if (!value || value->type != SKY_JSON_NUMBER || value->text.len >= sizeof text)
        return false;
    memcpy(text, value->text.ptr, value->text.len);
    text[value->text.len] = '\0';
    *number = strtod(text, NULL);
    return true;
}

static bool take_id(const struct sky_json_value *object, uint64_t *id)
{
    struct sky_span text = sky_json_member_text(object, "id");
    *id = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *id = *id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return text.len == SKY_TREND_ID_TEXT_SIZE - 1;
}

static bool take_trend(const struct sky_json_value *object, struct sky_cache_hour_trend *trend)
{
    trend->keyword = sky_json_member_text(object, "keyword");
    trend->language = sky_json_member_text(object, "language");
    return object->type == SKY_JSON_OBJECT && trend->keyword.len && take_id(object, &trend->id) &&
           take_time(object, "started_at", &trend->started_at_ms) &&
           take_time(object, "first_seen", &trend->first_seen_ms) &&
           take_time(object, "last_seen", &trend->last_seen_ms) && take_count(object, "best_rank", &trend->best_rank) &&
           take_count(object, "peak_frequency", &trend->peak_frequency) &&
           take_count(object, "peak_unique_authors", &trend->peak_unique_authors) &&
           take_double(object, "peak_growth_rate", &trend->peak_growth_rate) &&
           take_double(object, "peak_confidence_score", &trend->peak_confidence_score);
}

enum sky_status sky_cache_hour_read(struct sky_cache_hour *hour, struct sky_json_document *document,
                                    struct sky_span input)
{
    struct sky_error error;
    int64_t hour_ms, window_end_ms;
    enum sky_status status = sky_json_parse(document, input, &error);
    if (status != SKY_OK)
        return status;
    const struct sky_json_value *trends = sky_json_member(document->values, "trends");
    if (!trends || !take_time(document->values, "hour", &hour_ms) ||
        !take_time(document->values, "window_end", &window_end_ms))
        return SKY_E_MISSING;
    if (trends->type != SKY_JSON_ARRAY)
        return SKY_E_TYPE;
    if (hour_ms != hour->hour_ms)
        return SKY_E_RANGE;
    struct sky_cache_hour_trend trend = {0};
    const struct sky_json_value *item = sky_json_first(trends);
    for (uint32_t i = 0; i < trends->count; i++, item = sky_json_next(item))
        if (!take_trend(item, &trend))
            return SKY_E_RANGE;
    if (window_end_ms > hour->window_end_ms)
        hour->window_end_ms = window_end_ms;
    item = sky_json_first(trends);
    for (uint32_t i = 0; i < trends->count && status == SKY_OK; i++, item = sky_json_next(item))
        if (take_trend(item, &trend))
            status = merge(hour, &trend);
    return status;
}

/* Writing */

static int compare_for_sort(const void *a, const void *b)
{
    return compare_trends(*(const struct sky_cache_hour_trend *const *)a,
                          *(const struct sky_cache_hour_trend *const *)b);
}

static void write_trend(struct sky_json_writer *json, const struct sky_cache_hour_trend *trend)
{
    char id[SKY_TREND_ID_TEXT_SIZE];
    sky_trend_id_format(trend->id, id);
    sky_json_object(json);
    sky_json_key(json, "keyword");
    sky_json_span(json, trend->keyword);
    sky_json_key(json, "language");
    sky_json_span(json, trend->language);
    sky_json_key(json, "id");
    sky_json_string(json, id);
    sky_json_key(json, "started_at");
    sky_json_time(json, trend->started_at_ms);
    sky_json_key(json, "first_seen");
    sky_json_time(json, trend->first_seen_ms);
    sky_json_key(json, "last_seen");
    sky_json_time(json, trend->last_seen_ms);
    sky_json_key(json, "best_rank");
    sky_json_uint(json, trend->best_rank);
    sky_json_key(json, "peak_frequency");
    sky_json_uint(json, trend->peak_frequency);
    sky_json_key(json, "peak_unique_authors");
    sky_json_uint(json, trend->peak_unique_authors);
    sky_json_key(json, "peak_growth_rate");
    sky_json_double(json, trend->peak_growth_rate);
    sky_json_key(json, "peak_confidence_score");
    sky_json_double(json, trend->peak_confidence_score);
    sky_json_end(json);
}

void sky_cache_hour_write(struct sky_cache_hour *hour, struct sky_buffer *buffer)
{
    struct sky_json_writer json;
    const struct sky_cache_hour_trend **order = calloc(hour->trends_count + 1, sizeof *order);
    if (!order) {
        buffer->failed = true;
        return;
    }
    for (uint32_t i = 0; i < hour->trends_count; i++)
        order[i] = &hour->trends[i];
    qsort(order, hour->trends_count, sizeof *order, compare_for_sort);
    sky_json_begin(&json, buffer);
    sky_json_object(&json);
    sky_json_key(&json, "hour");
    sky_json_time(&json, hour->hour_ms);
    sky_json_key(&json, "window_end");
    sky_json_time(&json, hour->window_end_ms);
    sky_json_key(&json, "trends");
    sky_json_array(&json);
    for (uint32_t i = 0; i < hour->trends_count; i++)
        write_trend(&json, order[i]);
    sky_json_end(&json);
    sky_json_end(&json);
    free(order);
}
