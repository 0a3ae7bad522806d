#include "io/redis/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/host/clock.h"
#include "io/redis/cache_merge.h"
#include "io/redis/redis_node.h"

#define USERS_CURRENT "users:active:current"
#define HEAD_BYTES    127 /* of a snapshot: both ends of its window are in it */
#define NUMBER_SIZE   24
#define HOURS_TOTAL   (SKY_CACHE_HOURS_MAX + 4) /* and at most 3 that are written */
#define WINDOWS_TOTAL (SKY_CACHE_WINDOWS_MAX + 256)

/* Both ends are RFC 3339 of one length, so their order is that of their letters. The first window_end in the value is
 * the snapshot's own: its alerts, which have others, come behind. */
static const char newest_script[] = "local old = redis.call('GET', KEYS[1])\n"
                                    "if old then\n"
                                    "  local old_end = string.match(old, '\"window_end\":\"([^\"]*)\"')\n"
                                    "  if old_end and old_end > ARGV[2] then return 0 end\n"
                                    "end\n"
                                    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])\n"
                                    "return 1";

/* A value that is written as a whole and only grows newer. */
struct newest {
    struct sky_buffer json;
    int64_t window_end_ms;
    int64_t taken_ms; /* monotonic clock */
    bool waits;
};

struct hour_entry {
    struct sky_cache_hour hour;
    bool waits;
};

struct users_entry {
    struct sky_cache_users users;
    bool waits;
};

struct sky_cache {
    struct sky_cache_options options;
    struct sky_redis *redis;
    struct newest trends;
    struct newest users;
    struct sky_cache_slides slides;
    struct hour_entry hours[HOURS_TOTAL]; /* in no order */
    uint32_t hours_count;
    struct users_entry *windows; /* likewise; WINDOWS_TOTAL */
    uint32_t windows_count;
    uint32_t sessions_waiting;
    int64_t newest_ms; /* of the records taken, by the end of their window */
    uint64_t connections;
    uint32_t failures;       /* of flushes, in a row, that the client does not wait for */
    int64_t due_ms;          /* no flush before; of sky_clock_monotonic_ms */
    enum sky_status failure; /* what the last one gave */
    struct sky_cache_stats stats;
    struct sky_record_reader reader;
    struct sky_trend_snapshot snapshot;
    struct sky_json_document document;
};

void sky_cache_options_default(struct sky_cache_options *options)
{
    *options = (struct sky_cache_options){.current_ttl_ms = 5 * SKY_MINUTE_MS,
                                          .hourly_ttl_ms = 7 * SKY_DAY_MS,
                                          .slides_ttl_ms = SKY_DAY_MS,
                                          .users_ttl_ms = 2 * SKY_DAY_MS,
                                          .users_window_ms = 5 * SKY_MINUTE_MS};
}

enum sky_status sky_cache_new(const struct sky_cache_options *options, struct sky_redis *redis,
                              struct sky_cache **result)
{
    struct sky_cache *cache = calloc(1, sizeof *cache);
    *result = NULL;
    if (!cache)
        return SKY_E_MEMORY;
    cache->windows = calloc(WINDOWS_TOTAL, sizeof *cache->windows);
    if (!cache->windows) {
        free(cache);
        return SKY_E_MEMORY;
    }
    cache->options = *options;
    cache->redis = redis;
    sky_record_reader_init(&cache->reader);
    sky_json_document_init(&cache->document);
    *result = cache;
    return SKY_OK;
}

void sky_cache_free(struct sky_cache *cache)
{
    if (!cache)
        return;
    for (uint32_t i = 0; i < cache->hours_count; i++)
        sky_cache_hour_clean_up(&cache->hours[i].hour);
    for (uint32_t i = 0; i < cache->windows_count; i++)
        sky_cache_users_clean_up(&cache->windows[i].users);
    free(cache->windows);
    sky_cache_slides_clean_up(&cache->slides);
    sky_buffer_clean_up(&cache->trends.json);
    sky_buffer_clean_up(&cache->users.json);
    sky_record_reader_clean_up(&cache->reader);
    sky_json_document_clean_up(&cache->document);
    free(cache);
}

/* Keys */

static void write_key(const char *prefix, int64_t time_ms, char key[SKY_CACHE_KEY_SIZE])
{
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, text);
    snprintf(key, SKY_CACHE_KEY_SIZE, "%s%.19sZ", prefix, text);
}

void sky_cache_hour_key(int64_t hour_ms, char key[SKY_CACHE_KEY_SIZE])
{
    write_key("trends:hourly:", hour_ms, key);
}

void sky_cache_users_key(int64_t window_start_ms, char key[SKY_CACHE_KEY_SIZE])
{
    write_key("users:active:", window_start_ms, key);
}

/* What is kept */

static uint32_t waiting_hours(const struct sky_cache *cache)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cache->hours_count; i++)
        count += cache->hours[i].waits;
    return count;
}

static uint32_t waiting_windows(const struct sky_cache *cache)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cache->windows_count; i++)
        count += cache->windows[i].waits;
    return count;
}

/* Let go of what is written and old. */
static void forget(struct sky_cache *cache)
{
    int64_t until_ms = cache->newest_ms - SKY_CACHE_KEPT_MS;
    for (uint32_t i = cache->hours_count; i-- > 0;) {
        struct hour_entry *entry = &cache->hours[i];
        if (entry->waits || entry->hour.hour_ms + SKY_HOUR_MS > until_ms)
            continue;
        sky_cache_hour_clean_up(&entry->hour);
        *entry = cache->hours[--cache->hours_count];
    }
    for (uint32_t i = cache->windows_count; i-- > 0;) {
        struct users_entry *entry = &cache->windows[i];
        if (entry->waits || entry->users.window_end_ms > until_ms)
            continue;
        sky_cache_users_clean_up(&entry->users);
        *entry = cache->windows[--cache->windows_count];
    }
}

static void see_time(struct sky_cache *cache, int64_t end_ms)
{
    if (end_ms <= cache->newest_ms)
        return;
    cache->newest_ms = end_ms;
    forget(cache);
}

static struct hour_entry *take_hour(struct sky_cache *cache, int64_t hour_ms)
{
    for (uint32_t i = 0; i < cache->hours_count; i++)
        if (cache->hours[i].hour.hour_ms == hour_ms)
            return &cache->hours[i];
    if (cache->hours_count == HOURS_TOTAL || waiting_hours(cache) >= SKY_CACHE_HOURS_MAX)
        return NULL;
    struct hour_entry *entry = &cache->hours[cache->hours_count++];
    *entry = (struct hour_entry){0};
    sky_cache_hour_init(&entry->hour, hour_ms);
    return entry;
}

/* A free place, or that of the oldest that is written: Redis has it, and it is read from there should more of it come.
 * NULL: all wait. */
static struct users_entry *place_for_window(struct sky_cache *cache)
{
    struct users_entry *oldest = NULL;
    if (cache->windows_count < WINDOWS_TOTAL)
        return &cache->windows[cache->windows_count++];
    for (uint32_t i = 0; i < cache->windows_count; i++) {
        struct users_entry *entry = &cache->windows[i];
        if (!entry->waits && (!oldest || entry->users.window_end_ms < oldest->users.window_end_ms))
            oldest = entry;
    }
    if (oldest)
        sky_cache_users_clean_up(&oldest->users);
    return oldest;
}

static struct users_entry *take_window(struct sky_cache *cache, int64_t start_ms, int64_t end_ms)
{
    for (uint32_t i = 0; i < cache->windows_count; i++)
        if (cache->windows[i].users.window_start_ms == start_ms)
            return &cache->windows[i];
    if (waiting_windows(cache) >= SKY_CACHE_WINDOWS_MAX)
        return NULL;
    struct users_entry *entry = place_for_window(cache);
    if (!entry)
        return NULL;
    *entry = (struct users_entry){0};
    sky_cache_users_init(&entry->users, start_ms, end_ms);
    return entry;
}

/* Adding */

/* One that is older than what is kept gives way, but not to something that has gone from Redis by now: a single record
 * from the future would keep all that follow away. */
static enum sky_status set_newest(const struct sky_cache *cache, struct newest *newest, struct sky_span json,
                                  int64_t window_end_ms)
{
    bool has_gone = sky_clock_monotonic_ms() - newest->taken_ms >= cache->options.current_ttl_ms;
    if (window_end_ms < newest->window_end_ms && !has_gone)
        return SKY_OK;
    sky_buffer_clear(&newest->json);
    sky_buffer_put_span(&newest->json, json);
    newest->window_end_ms = window_end_ms;
    newest->taken_ms = sky_clock_monotonic_ms();
    newest->waits = !newest->json.failed;
    return newest->json.failed ? SKY_E_MEMORY : SKY_OK;
}

/* One far ahead would make all else old. */
static bool is_far_ahead(int64_t end_ms)
{
    return end_ms - sky_clock_wall_ms() > SKY_CACHE_AHEAD_MS_MAX;
}

enum sky_status sky_cache_add_snapshot(struct sky_cache *cache, const struct sky_trend_snapshot *snapshot,
                                       struct sky_span json)
{
    if (is_far_ahead(snapshot->window_end_ms))
        return SKY_E_RANGE;
    see_time(cache, snapshot->window_end_ms);
    struct hour_entry *entry = take_hour(cache, sky_cache_hour_of(snapshot->window_end_ms));
    if (!entry)
        return SKY_E_LIMIT;
    enum sky_status status = sky_cache_hour_add(&entry->hour, snapshot);
    entry->waits = true;
    if (status == SKY_OK)
        status = set_newest(cache, &cache->trends, json, snapshot->window_end_ms);
    if (status == SKY_OK && cache->options.slides_ttl_ms)
        status = sky_cache_slides_add(&cache->slides, snapshot);
    cache->stats.window_end_ms = cache->trends.window_end_ms;
    return status;
}

/* No producer makes others; each would take a key and a place. */
static bool is_window(const struct sky_cache *cache, int64_t start_ms, int64_t end_ms)
{
    return start_ms < end_ms && sky_time_floor(start_ms, cache->options.users_window_ms) == start_ms &&
           !is_far_ahead(end_ms);
}

enum sky_status sky_cache_add_activity(struct sky_cache *cache, const struct sky_activity_record *activity)
{
    if (!is_window(cache, activity->window_start_ms, activity->window_end_ms))
        return SKY_E_RANGE;
    see_time(cache, activity->window_end_ms);
    struct users_entry *entry = take_window(cache, activity->window_start_ms, activity->window_end_ms);
    if (!entry)
        return SKY_E_LIMIT;
    entry->waits = true;
    return sky_cache_users_set_activity(&entry->users, activity);
}

enum sky_status sky_cache_add_session(struct sky_cache *cache, const struct sky_session *session, int32_t partition,
                                      int64_t offset)
{
    int64_t start_ms = sky_time_floor(session->session_end_ms, cache->options.users_window_ms);
    int64_t length_ms = session->session_end_ms - session->session_start_ms;
    if (cache->sessions_waiting >= SKY_CACHE_SESSIONS_MAX)
        return SKY_E_LIMIT;
    if (!is_window(cache, start_ms, start_ms + cache->options.users_window_ms))
        return SKY_E_RANGE;
    struct users_entry *entry = take_window(cache, start_ms, start_ms + cache->options.users_window_ms);
    if (!entry)
        return SKY_E_LIMIT;
    const struct sky_cache_session item = {partition, offset, length_ms < 0 ? 0 : length_ms};
    entry->waits = true;
    cache->sessions_waiting++;
    return sky_cache_users_add_session(&entry->users, &item);
}

/* Flushing */

static enum sky_status put_newest(struct sky_cache *cache, const char *key, struct newest *newest)
{
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    char end[SKY_TIME_TEXT_SIZE], ttl[NUMBER_SIZE];
    int64_t ttl_ms = cache->options.current_ttl_ms - (sky_clock_monotonic_ms() - newest->taken_ms);
    if (!newest->waits)
        return SKY_OK;
    if (ttl_ms <= 0) { /* it would be gone by now */
        newest->waits = false;
        return SKY_OK;
    }
    sky_time_format(newest->window_end_ms, end);
    snprintf(ttl, sizeof ttl, "%" PRId64, ttl_ms);
    sky_redis_command_eval(&command, newest_script, sky_span_from_string(key));
    sky_redis_command_add(&command, sky_buffer_span(&newest->json));
    sky_redis_command_add(&command, sky_span_from_string(end));
    sky_redis_command_add(&command, sky_span_from_string(ttl));
    enum sky_status status = sky_redis_call(cache->redis, &command, &reply);
    if (status == SKY_OK && reply.kind != SKY_REDIS_INTEGER)
        status = SKY_E_MALFORMED; /* nothing the script returns */
    if (status != SKY_OK)
        return status;
    newest->waits = false;
    if (reply.integer == 1)
        cache->stats.writes++;
    else
        cache->stats.refused++;
    return SKY_OK;
}

/* A value that is not ours, or broken, is replaced: nothing else can be made of it. */
static enum sky_status judge_read(struct sky_cache *cache, enum sky_status status)
{
    if (status == SKY_OK || status == SKY_E_MEMORY)
        return status;
    cache->stats.repaired++;
    return SKY_OK;
}

static enum sky_status merge_hour(void *context, void *item, struct sky_span old, struct sky_buffer *new_value)
{
    struct sky_cache *cache = context;
    struct hour_entry *entry = item;
    enum sky_status status = SKY_OK;
    if (old.len)
        status = judge_read(cache, sky_cache_hour_read(&entry->hour, &cache->document, old));
    sky_cache_hour_write(&entry->hour, new_value);
    return status;
}

static enum sky_status merge_users(void *context, void *item, struct sky_span old, struct sky_buffer *new_value)
{
    struct sky_cache *cache = context;
    struct users_entry *entry = item;
    enum sky_status status = SKY_OK;
    if (old.len)
        status = judge_read(cache, sky_cache_users_read(&entry->users, &cache->document, old));
    uint32_t sessions = entry->users.sessions_count;
    if (status == SKY_OK)
        status = sky_cache_users_sum(&entry->users);
    if (status == SKY_OK)
        cache->sessions_waiting -= sessions;
    sky_cache_users_write(&entry->users, new_value);
    return status;
}

/* The newest window's value is that of `current` too. */
static void merged_users(void *context, void *item, struct sky_span value)
{
    struct sky_cache *cache = context;
    struct users_entry *entry = item;
    entry->waits = false;
    if (entry->users.has_activity)
        (void)set_newest(cache, &cache->users, value, entry->users.window_end_ms); /* no memory: the next one will do */
}

static void merged_hour(void *context, void *item, struct sky_span value)
{
    struct hour_entry *entry = item;
    entry->waits = false;
}

static enum sky_status flush_hours(struct sky_cache *cache)
{
    struct sky_cache_merger merger = {.redis = cache->redis, .ttl_ms = cache->options.hourly_ttl_ms, .context = cache};
    merger.merge = merge_hour;
    merger.merged = merged_hour;
    for (uint32_t i = 0; i < cache->hours_count; i++)
        if (cache->hours[i].waits) {
            struct sky_cache_merge_item *item = sky_cache_merger_add(&merger);
            if (!item)
                break; /* the rest next time */
            item->item = &cache->hours[i];
            sky_cache_hour_key(cache->hours[i].hour.hour_ms, item->key);
        }
    enum sky_status status = sky_cache_merger_run(&merger);
    cache->stats.writes += merger.writes;
    cache->stats.conflicts += merger.conflicts;
    return status;
}

static enum sky_status flush_windows(struct sky_cache *cache)
{
    struct sky_cache_merger merger = {.redis = cache->redis, .ttl_ms = cache->options.users_ttl_ms, .context = cache};
    merger.merge = merge_users;
    merger.merged = merged_users;
    for (uint32_t i = 0; i < cache->windows_count; i++)
        if (cache->windows[i].waits) {
            struct sky_cache_merge_item *item = sky_cache_merger_add(&merger);
            if (!item)
                break;
            item->item = &cache->windows[i];
            sky_cache_users_key(cache->windows[i].users.window_start_ms, item->key);
        }
    enum sky_status status = sky_cache_merger_run(&merger);
    cache->stats.writes += merger.writes;
    cache->stats.conflicts += merger.conflicts;
    return status;
}

/* A new connection may lead to a server that has lost everything: what is kept is written again. */
static void notice_connection(struct sky_cache *cache)
{
    struct sky_redis_stats stats;
    sky_redis_stats(cache->redis, &stats);
    bool is_first = cache->connections == 0;
    if (stats.connections == cache->connections)
        return;
    cache->connections = stats.connections;
    if (is_first)
        return;
    for (uint32_t i = 0; i < cache->hours_count; i++)
        cache->hours[i].waits = true;
    for (uint32_t i = 0; i < cache->windows_count; i++)
        cache->windows[i].waits = true;
    sky_cache_slides_write_again(&cache->slides);
    cache->trends.waits = cache->trends.json.len > 0;
    cache->users.waits = cache->users.json.len > 0;
}

static enum sky_status flush_once(struct sky_cache *cache)
{
    enum sky_status status = put_newest(cache, SKY_CACHE_CURRENT, &cache->trends);
    if (status == SKY_OK)
        cache->stats.written_end_ms = cache->trends.window_end_ms;
    while (status == SKY_OK && waiting_windows(cache))
        status = flush_windows(cache);
    if (status == SKY_OK)
        status = put_newest(cache, USERS_CURRENT, &cache->users);
    while (status == SKY_OK && waiting_hours(cache))
        status = flush_hours(cache);
    if (status == SKY_OK)
        status =
            sky_cache_slides_flush(&cache->slides, cache->redis, cache->options.slides_ttl_ms, &cache->stats.writes);
    return status;
}

/* Before it tries a server again that is away, or does not let us in, the client waits (redis_node.h). */
static bool client_waits(enum sky_redis_trouble trouble)
{
    switch (trouble) {
    case SKY_REDIS_UNREACHABLE:
    case SKY_REDIS_TIMEOUT:
    case SKY_REDIS_UNTRUSTED:
    case SKY_REDIS_CLOSED:
    case SKY_REDIS_NOAUTH:
    case SKY_REDIS_WRONGPASS: return true;
    default: return false;
    }
}

/* A server that answers, but wrongly, or refuses, or whose keys change all the time, is not asked again at once. */
static void set_due(struct sky_cache *cache, enum sky_status status)
{
    cache->failure = status;
    if (status == SKY_OK) {
        cache->failures = 0;
        cache->due_ms = 0;
    } else if (!client_waits(sky_redis_trouble(cache->redis))) {
        cache->failures++;
        cache->due_ms = sky_clock_monotonic_ms() + sky_redis_backoff_ms(cache->failures);
    }
}

enum sky_status sky_cache_flush(struct sky_cache *cache)
{
    if (sky_clock_monotonic_ms() < cache->due_ms)
        return cache->failure;
    /* Twice when the first time found a new connection: then all that is kept waits again. */
    enum sky_status status = SKY_OK;
    for (int i = 0; i < 2 && status == SKY_OK; i++) {
        status = flush_once(cache);
        notice_connection(cache);
        if (sky_cache_is_flushed(cache))
            break;
    }
    forget(cache);
    if (status == SKY_OK && !sky_cache_is_flushed(cache))
        status = SKY_E_IO;
    set_due(cache, status);
    return status;
}

bool sky_cache_is_flushed(const struct sky_cache *cache)
{
    return !cache->trends.waits && !cache->users.waits && !waiting_hours(cache) && !waiting_windows(cache) &&
           !sky_cache_slides_wait(&cache->slides);
}

bool sky_cache_is_full(const struct sky_cache *cache)
{
    return waiting_hours(cache) >= SKY_CACHE_HOURS_MAX || waiting_windows(cache) >= SKY_CACHE_WINDOWS_MAX ||
           cache->sessions_waiting >= SKY_CACHE_SESSIONS_MAX;
}

void sky_cache_stats(const struct sky_cache *cache, struct sky_cache_stats *stats)
{
    *stats = cache->stats;
    stats->waiting = waiting_hours(cache) + waiting_windows(cache);
}

/* Reading */

static enum sky_status get(struct sky_cache *cache, const char *key, struct sky_span *json)
{
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    sky_redis_command_begin(&command, "GET");
    sky_redis_command_key(&command, sky_span_from_string(key));
    enum sky_status status = sky_redis_call(cache->redis, &command, &reply);
    *json = reply.text;
    if (status != SKY_OK || reply.kind == SKY_REDIS_TEXT)
        return status;
    return reply.kind == SKY_REDIS_NIL ? SKY_E_MISSING : SKY_E_MALFORMED;
}

static enum sky_status read_current(struct sky_cache *cache, struct sky_span *json)
{
    struct sky_error error;
    enum sky_status status = get(cache, SKY_CACHE_CURRENT, json);
    return status == SKY_OK ? sky_trend_snapshot_read(&cache->reader, *json, &cache->snapshot, &error) : status;
}

enum sky_status sky_cache_get_trending_keywords(struct sky_cache *cache, uint32_t limit,
                                                const struct sky_trend_alert **trends, uint32_t *count)
{
    struct sky_span json;
    enum sky_status status = read_current(cache, &json);
    *trends = NULL;
    *count = 0;
    if (status != SKY_OK)
        return status;
    if (limit == 0)
        limit = SKY_CACHE_TRENDING_DEFAULT;
    *trends = cache->snapshot.trends;
    *count = cache->snapshot.trends_count < limit ? cache->snapshot.trends_count : limit;
    return SKY_OK;
}

/* Whether the value begins as a snapshot does that ends then: {"window_start":"...","window_end":"END", */
static bool head_has_end(struct sky_span head, int64_t end_ms)
{
    char text[SKY_TIME_TEXT_SIZE], member[64];
    sky_time_format(end_ms, text);
    int len = snprintf(member, sizeof member, "\"window_end\":\"%s\"", text);
    return head.len && memmem(head.ptr, head.len, member, (size_t)len) != NULL;
}

enum sky_status sky_cache_get_current(struct sky_cache *cache, int64_t known_end_ms,
                                      const struct sky_trend_snapshot **snapshot, struct sky_span *json)
{
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    *snapshot = NULL;
    if (known_end_ms) {
        char last[NUMBER_SIZE];
        snprintf(last, sizeof last, "%d", HEAD_BYTES - 1);
        sky_redis_command_begin(&command, "GETRANGE");
        sky_redis_command_key(&command, SKY_SPAN(SKY_CACHE_CURRENT));
        sky_redis_command_add(&command, SKY_SPAN("0"));
        sky_redis_command_add(&command, sky_span_from_string(last));
        enum sky_status status = sky_redis_call(cache->redis, &command, &reply);
        if (status != SKY_OK)
            return status;
        if (reply.kind != SKY_REDIS_TEXT)
            return SKY_E_MALFORMED;
        if (reply.text.len == 0)
            return SKY_E_MISSING;
        if (head_has_end(reply.text, known_end_ms))
            return SKY_E_DUPLICATE;
    }
    enum sky_status status = read_current(cache, json);
    if (status == SKY_OK)
        *snapshot = &cache->snapshot;
    return status;
}

enum sky_status sky_cache_get_hour(struct sky_cache *cache, int64_t hour_ms, struct sky_span *json)
{
    char key[SKY_CACHE_KEY_SIZE];
    sky_cache_hour_key(hour_ms, key);
    return get(cache, key, json);
}

enum sky_status sky_cache_get_users(struct sky_cache *cache, int64_t window_start_ms, struct sky_span *json)
{
    char key[SKY_CACHE_KEY_SIZE];
    sky_cache_users_key(window_start_ms, key);
    return get(cache, key, json);
}

enum sky_status sky_cache_get_users_now(struct sky_cache *cache, struct sky_span *json)
{
    return get(cache, USERS_CURRENT, json);
}

enum sky_status sky_cache_get_slides(struct sky_cache *cache, const struct sky_cache_slides_wanted *wanted)
{
    return sky_cache_slides_read(cache->redis, &cache->reader, wanted);
}

enum sky_status sky_cache_get_age(struct sky_cache *cache, int64_t *age_ms)
{
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    sky_redis_command_begin(&command, "PTTL");
    sky_redis_command_key(&command, SKY_SPAN(SKY_CACHE_CURRENT));
    enum sky_status status = sky_redis_call(cache->redis, &command, &reply);
    if (status != SKY_OK)
        return status;
    if (reply.kind != SKY_REDIS_INTEGER || reply.integer < 0)
        return SKY_E_MISSING;
    *age_ms = cache->options.current_ttl_ms > reply.integer ? cache->options.current_ttl_ms - reply.integer : 0;
    return SKY_OK;
}

enum sky_status sky_cache_ping(struct sky_cache *cache)
{
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    sky_redis_command_begin(&command, "PING");
    return sky_redis_call(cache->redis, &command, &reply);
}
