#include "io/lake/lake_path.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"

#define SUFFIX        ".parquet"
#define OFFSET_DIGITS 20 /* so that names sort as numbers do */
#define PARTITION_MAX INT32_MAX

static const struct {
    const char *name;
    const char *folder;
} tables[SKY_LAKE_TABLE_COUNT] = {
    [SKY_LAKE_POSTS] = {"posts", "raw/posts/"},
    [SKY_LAKE_DELETES] = {"deletes", "raw/deletes/"},
    [SKY_LAKE_TRENDS] = {"trends", "processed/trends/"},
    [SKY_LAKE_ACTIVITY] = {"activity", "processed/activity/"},
    [SKY_LAKE_SESSIONS] = {"sessions", "processed/sessions/"},
};

const char *sky_lake_table_name(enum sky_lake_table table)
{
    return tables[table].name;
}

const char *sky_lake_table_folder(enum sky_lake_table table)
{
    return tables[table].folder;
}

void sky_lake_get_partition_path(enum sky_lake_table table, int64_t time_ms, char path[SKY_LAKE_KEY_SIZE])
{
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, text); /* 2026-01-05T14:00:00.000Z */
    snprintf(path, SKY_LAKE_KEY_SIZE, "%syear=%.4s/month=%.2s/day=%.2s/hour=%.2s/", tables[table].folder, text,
             text + 5, text + 8, text + 11);
}

void sky_lake_get_common_path(enum sky_lake_table table, int64_t start_ms, int64_t end_ms, char path[SKY_LAKE_KEY_SIZE])
{
    char last[SKY_LAKE_KEY_SIZE];
    size_t common = 0, at = strlen(tables[table].folder);
    sky_lake_get_partition_path(table, start_ms, path);
    sky_lake_get_partition_path(table, end_ms > start_ms ? end_ms - 1 : start_ms, last);
    for (size_t i = 0; path[i] && path[i] == last[i]; i++)
        if (path[i] == '/')
            common = i + 1;
    path[common > at ? common : at] = '\0';
}

void sky_lake_get_key(enum sky_lake_table table, int64_t time_ms, const struct sky_lake_chunk *chunk,
                      char key[SKY_LAKE_KEY_SIZE])
{
    sky_lake_get_partition_path(table, time_ms, key);
    size_t len = strlen(key);
    snprintf(key + len, SKY_LAKE_KEY_SIZE - len, "%.249s-%d-%0*lld-%0*lld" SUFFIX, chunk->topic, chunk->partition,
             OFFSET_DIGITS, (long long)chunk->start, OFFSET_DIGITS, (long long)chunk->end);
}

/* ---- the way back ---- */

static bool take(struct sky_span *rest, const char *text)
{
    struct sky_span wanted = sky_span_from_string(text);
    if (!sky_span_starts_with(*rest, wanted))
        return false;
    *rest = sky_span_from(*rest, wanted.len);
    return true;
}

static bool take_digits(struct sky_span *rest, size_t count, const uint8_t **digits)
{
    if (rest->len < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (rest->ptr[i] < '0' || rest->ptr[i] > '9')
            return false;
    *digits = rest->ptr;
    *rest = sky_span_from(*rest, count);
    return true;
}

static bool take_hour(struct sky_span *rest, int64_t *hour_ms)
{
    const uint8_t *year, *month, *day, *hour;
    char text[SKY_TIME_TEXT_SIZE];
    if (!take(rest, "year=") || !take_digits(rest, 4, &year) || !take(rest, "/month=") ||
        !take_digits(rest, 2, &month) || !take(rest, "/day=") || !take_digits(rest, 2, &day) || !take(rest, "/hour=") ||
        !take_digits(rest, 2, &hour) || !take(rest, "/"))
        return false;
    snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:00:00Z", (const char *)year, (const char *)month,
             (const char *)day, (const char *)hour);
    return sky_time_parse(sky_span_from_string(text), hour_ms) == SKY_OK;
}

/* The number behind the last '-', which is cut off with it. A topic's name may have '-' of its own. */
static bool take_last_number(struct sky_span *rest, int64_t max, int64_t *number)
{
    const uint8_t *dash = rest->len ? memrchr(rest->ptr, '-', rest->len) : NULL;
    size_t digits = dash ? rest->len - (size_t)(dash - rest->ptr) - 1 : 0;
    *number = 0;
    if (digits == 0 || digits > OFFSET_DIGITS)
        return false;
    for (size_t i = 1; i <= digits; i++) {
        uint8_t c = dash[i];
        if (c < '0' || c > '9' || *number > (max - (c - '0')) / 10)
            return false;
        *number = *number * 10 + (c - '0');
    }
    rest->len = (size_t)(dash - rest->ptr);
    return true;
}

static bool is_topic(struct sky_span topic)
{
    for (size_t i = 0; i < topic.len; i++) {
        uint8_t c = topic.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-'))
            return false;
    }
    return topic.len > 0 && topic.len < SKY_LAKE_TOPIC_SIZE;
}

bool sky_lake_parse_key(struct sky_span key, struct sky_lake_file *file)
{
    struct sky_span rest = key;
    int64_t partition;
    int table = 0;
    while (table < SKY_LAKE_TABLE_COUNT && !take(&rest, tables[table].folder))
        table++;
    if (table == SKY_LAKE_TABLE_COUNT || !take_hour(&rest, &file->hour_ms))
        return false;
    size_t suffix = sizeof SUFFIX - 1;
    if (rest.len <= suffix || memcmp(rest.ptr + rest.len - suffix, SUFFIX, suffix) != 0)
        return false;
    rest.len -= suffix;
    if (!take_last_number(&rest, INT64_MAX, &file->end) || !take_last_number(&rest, INT64_MAX, &file->start) ||
        !take_last_number(&rest, PARTITION_MAX, &partition) || !is_topic(rest) || file->start >= file->end)
        return false;
    file->table = (enum sky_lake_table)table;
    file->partition = (int32_t)partition;
    file->topic = rest;
    return true;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_places(const struct sky_lake_file *a, const struct sky_lake_file *b)
{
    int order = compare_numbers(a->table, b->table);
    order = order ? order : compare_numbers(a->hour_ms, b->hour_ms);
    order = order ? order : sky_span_compare(a->topic, b->topic);
    return order ? order : compare_numbers(a->partition, b->partition);
}

bool sky_lake_covers(const struct sky_lake_file *outer, const struct sky_lake_file *inner)
{
    return compare_places(outer, inner) == 0 && outer->start <= inner->start && outer->end >= inner->end &&
           (outer->start != inner->start || outer->end != inner->end);
}

int sky_lake_file_compare(const struct sky_lake_file *a, const struct sky_lake_file *b)
{
    int order = compare_places(a, b);
    order = order ? order : compare_numbers(a->start, b->start);
    return order ? order : compare_numbers(b->end, a->end);
}
