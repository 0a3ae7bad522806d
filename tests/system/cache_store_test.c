/* The cache on real servers: what stands under which key and for how long, writers that race, a server that comes back
 * empty, a cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "system/redis_server.h"

#include "io/host/clock.h"
#include "io/redis/cache.h"

#define HOUR    INT64_C(1767574800000) /* 2026-01-05T01:00:00Z */
#define TRENDS  20
#define WRITERS 4
#define SLIDES  59
#define WEEK    2016 /* windows of five minutes */

struct writer {
    struct sky_redis *redis;
    struct sky_cache *cache;
};

static struct writer new_writer_with(uint16_t port, int64_t current_ttl_ms)
{
    struct writer writer;
    char address[32], problem[SKY_REDIS_PROBLEM_SIZE];
    struct sky_redis_options options;
    struct sky_cache_options cache;
    sky_redis_options_default(&options);
    sky_cache_options_default(&cache);
    cache.current_ttl_ms = current_ttl_ms ? current_ttl_ms : cache.current_ttl_ms;
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    options.addresses = address;
    assert_int_equal(sky_redis_new(&options, &writer.redis, problem), SKY_OK);
    assert_int_equal(sky_cache_new(&cache, writer.redis, &writer.cache), SKY_OK);
    return writer;
}

static struct writer new_writer(uint16_t port)
{
    return new_writer_with(port, 0);
}

static void free_writer(struct writer *writer)
{
    sky_cache_free(writer->cache);
    sky_redis_free(writer->redis);
}

/* A slide at HOUR + `minute` whose trends have frequencies that depend on it. */
static void add_slide(struct writer *writer, int minute)
{
    char words[TRENDS][16];
    struct sky_trend_alert alerts[TRENDS];
    struct sky_trend_snapshot snapshot = {.window_start_ms = HOUR + (minute - 10) * SKY_MINUTE_MS,
                                          .window_end_ms = HOUR + minute * SKY_MINUTE_MS,
                                          .trends = alerts,
                                          .trends_count = TRENDS,
                                          .posts = 1000 + (uint64_t)minute};
    for (int i = 0; i < TRENDS; i++) {
        snprintf(words[i], sizeof words[i], "word%d", i);
        alerts[i] = (struct sky_trend_alert){.id = (uint64_t)i + 1,
                                             .kind = SKY_TREND_ONGOING,
                                             .keyword = sky_span_from_string(words[i]),
                                             .language = SKY_SPAN("en"),
                                             .rank = (uint32_t)i + 1,
                                             .frequency = (uint32_t)((minute * 37 + i * 11) % 100),
                                             .unique_authors = 5,
                                             .window_start_ms = snapshot.window_start_ms,
                                             .window_end_ms = snapshot.window_end_ms,
                                             .started_at_ms = HOUR};
    }
    struct sky_json_writer json;
    struct sky_buffer text = {0};
    sky_json_begin(&json, &text);
    sky_trend_snapshot_write(&json, &snapshot);
    assert_int_equal(sky_cache_add_snapshot(writer->cache, &snapshot, sky_buffer_span(&text)), SKY_OK);
    sky_buffer_clean_up(&text);
}

static void flush(struct writer *writer)
{
    if (sky_cache_flush(writer->cache) != SKY_OK)
        fail_msg("%s", sky_redis_problem(writer->redis));
    assert_true(sky_cache_is_flushed(writer->cache));
}

static void assert_hour(struct writer *writer, int first, int last)
{
    struct sky_span json;
    struct sky_json_document document;
    struct sky_cache_hour hour;
    sky_json_document_init(&document);
    sky_cache_hour_init(&hour, HOUR);
    assert_int_equal(sky_cache_get_hour(writer->cache, HOUR, &json), SKY_OK);
    assert_int_equal(sky_cache_hour_read(&hour, &document, json), SKY_OK);
    assert_int_equal(hour.window_end_ms, HOUR + last * SKY_MINUTE_MS);
    assert_int_equal(hour.trends_count, TRENDS);
    for (int i = 0; i < TRENDS; i++) {
        uint32_t peak = 0;
        for (int minute = first; minute <= last; minute++) {
            uint32_t frequency = (uint32_t)((minute * 37 + i * 11) % 100);
            peak = frequency > peak ? frequency : peak;
        }
        assert_int_equal(hour.trends[i].peak_frequency, peak);
        assert_int_equal(hour.trends[i].first_seen_ms, HOUR + first * SKY_MINUTE_MS);
        assert_int_equal(hour.trends[i].last_seen_ms, HOUR + last * SKY_MINUTE_MS);
    }
    sky_cache_hour_clean_up(&hour);
    sky_json_document_clean_up(&document);
}

static int64_t ask_number(struct writer *writer, const char *name, const char *key)
{
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    sky_redis_command_begin(&command, name);
    sky_redis_command_key(&command, sky_span_from_string(key));
    assert_int_equal(sky_redis_call(writer->redis, &command, &reply), SKY_OK);
    assert_int_equal(reply.kind, SKY_REDIS_INTEGER);
    return reply.integer;
}

static void assert_ttl(struct writer *writer, const char *key, int64_t ttl_ms)
{
    int64_t left_ms = ask_number(writer, "PTTL", key);
    assert_true(left_ms <= ttl_ms && left_ms > ttl_ms - 60000);
}

static int64_t current_end_ms(struct writer *writer)
{
    const struct sky_trend_snapshot *snapshot;
    struct sky_span json;
    enum sky_status status = sky_cache_get_current(writer->cache, 0, &snapshot, &json);
    if (status != SKY_OK)
        fail_msg("%s %s", sky_status_name(status), sky_redis_problem(writer->redis));
    return snapshot->window_end_ms;
}

static void test_keys(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct writer writer = new_writer(server.port);
    const struct sky_trend_snapshot *snapshot;
    const struct sky_trend_alert *trends;
    struct sky_span json;
    uint32_t count;
    assert_int_equal(sky_cache_get_current(writer.cache, 0, &snapshot, &json), SKY_E_MISSING);
    assert_int_equal(sky_cache_get_current(writer.cache, HOUR, &snapshot, &json), SKY_E_MISSING);
    assert_int_equal(sky_cache_get_trending_keywords(writer.cache, 0, &trends, &count), SKY_E_MISSING);
    add_slide(&writer, 5);
    flush(&writer);
    assert_ttl(&writer, "trends:current", 300000);
    assert_ttl(&writer, "trends:hourly:2026-01-05T01:00:00Z", 7 * SKY_DAY_MS);
    assert_int_equal(current_end_ms(&writer), HOUR + 5 * SKY_MINUTE_MS);
    assert_int_equal(sky_cache_get_current(writer.cache, HOUR + 5 * SKY_MINUTE_MS, &snapshot, &json), SKY_E_DUPLICATE);
    assert_int_equal(sky_cache_get_current(writer.cache, HOUR + 4 * SKY_MINUTE_MS, &snapshot, &json), SKY_OK);
    assert_int_equal(snapshot->posts, 1005);
    assert_int_equal(sky_cache_get_trending_keywords(writer.cache, 0, &trends, &count), SKY_OK);
    assert_int_equal(count, TRENDS);
    assert_int_equal(sky_cache_get_trending_keywords(writer.cache, 3, &trends, &count), SKY_OK);
    assert_int_equal(count, 3);
    assert_true(sky_span_equal(trends[2].keyword, SKY_SPAN("word2")));
    assert_hour(&writer, 5, 5);

    struct sky_activity_record activity = {
        .window_start_ms = HOUR, .window_end_ms = HOUR + 300000, .posts = 30, .replies = 12, .unique_authors = 21};
    struct sky_session session = {.author_did = SKY_SPAN("did:plc:a"),
                                  .session_start_ms = HOUR - 60000,
                                  .session_end_ms = HOUR + 30000,
                                  .posts = 2};
    assert_int_equal(sky_cache_add_activity(writer.cache, &activity), SKY_OK);
    assert_int_equal(sky_cache_add_session(writer.cache, &session, 0, 17), SKY_OK);
    flush(&writer);
    assert_int_equal(sky_cache_add_session(writer.cache, &session, 0, 17), SKY_OK); /* once more */
    flush(&writer);
    assert_ttl(&writer, "users:active:2026-01-05T01:00:00Z", 2 * SKY_DAY_MS);
    assert_ttl(&writer, "users:active:current", 300000);
    static const char users[] =
        "{\"window_start\":\"2026-01-05T01:00:00.000Z\",\"window_end\":\"2026-01-05T01:05:00.000Z\","
        "\"active_users\":21,\"posts\":30,\"replies\":12,\"by_language\":{},\"sessions_ended\":1,"
        "\"mean_session_seconds\":90.000000,"
        "\"session_sums\":[{\"partition\":0,\"through\":17,\"ended\":1,\"length_ms\":90000}]}";
    assert_int_equal(sky_cache_get_users(writer.cache, HOUR, &json), SKY_OK);
    assert_int_equal(json.len, sizeof users - 1);
    assert_memory_equal(json.ptr, users, sizeof users - 1);
    assert_int_equal(sky_cache_get_users_now(writer.cache, &json), SKY_OK);
    assert_memory_equal(json.ptr, users, sizeof users - 1);
    free_writer(&writer);
    redis_server_stop(&server);
}

/* An older snapshot, of another writer that lags, changes the hour but not what is current. */
static void test_older(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct writer one = new_writer(server.port), other = new_writer(server.port);
    add_slide(&one, 9);
    flush(&one);
    add_slide(&other, 3);
    flush(&other);
    assert_int_equal(current_end_ms(&one), HOUR + 9 * SKY_MINUTE_MS);
    struct sky_cache_stats stats;
    sky_cache_stats(other.cache, &stats);
    assert_int_equal(stats.refused, 1);
    for (int minute = 4; minute <= 9; minute++)
        add_slide(&other, minute);
    flush(&other);
    assert_int_equal(current_end_ms(&one), HOUR + 9 * SKY_MINUTE_MS);
    assert_hour(&one, 3, 9);
    /* Within one batch too. */
    add_slide(&one, 10);
    add_slide(&one, 2);
    flush(&one);
    assert_int_equal(current_end_ms(&one), HOUR + 10 * SKY_MINUTE_MS);
    assert_hour(&one, 2, 10);
    /* What is no value of ours is replaced. */
    assert_true(REDIS_CLI(&server, "SET", "trends:current", "rubbish"));
    assert_true(REDIS_CLI(&server, "SET", "trends:hourly:2026-01-05T01:00:00Z", "rubbish"));
    add_slide(&one, 11);
    flush(&one);
    assert_int_equal(current_end_ms(&one), HOUR + 11 * SKY_MINUTE_MS);
    sky_cache_stats(one.cache, &stats);
    assert_int_equal(stats.repaired, 1);
    free_writer(&one);
    free_writer(&other);
    redis_server_stop(&server);
}

struct racer {
    uint16_t port;
    int first;
    uint64_t conflicts;
};

static void *race(void *context)
{
    struct racer *racer = context;
    struct writer writer = new_writer(racer->port);
    for (int minute = racer->first; minute <= SLIDES; minute += WRITERS) {
        add_slide(&writer, minute);
        while (sky_cache_flush(writer.cache) != SKY_OK)
            continue; /* others were faster too often */
    }
    struct sky_cache_stats stats;
    sky_cache_stats(writer.cache, &stats);
    racer->conflicts = stats.conflicts;
    free_writer(&writer);
    return NULL;
}

static void add_activity(struct writer *writer, int minute)
{
    const struct sky_activity_record activity = {.window_start_ms = HOUR + minute * SKY_MINUTE_MS,
                                                 .window_end_ms = HOUR + (minute + 5) * SKY_MINUTE_MS,
                                                 .posts = (uint64_t)minute};
    assert_int_equal(sky_cache_add_activity(writer->cache, &activity), SKY_OK);
}

static void assert_users_now(struct writer *writer, const char *member)
{
    struct sky_span json;
    assert_int_equal(sky_cache_get_users_now(writer->cache, &json), SKY_OK);
    assert_non_null(memmem(json.ptr, json.len, member, strlen(member)));
}

/* One slide from the future is current until its time has passed, and no longer. */
static void test_from_the_future(void **state)
{
    struct redis_server server;
    redis_server_start(&server, NULL);
    struct writer writer = new_writer_with(server.port, 2000);
    add_slide(&writer, 50);
    add_activity(&writer, 50);
    flush(&writer);
    add_slide(&writer, 10);
    add_activity(&writer, 10);
    flush(&writer);
    assert_int_equal(current_end_ms(&writer), HOUR + 50 * SKY_MINUTE_MS);
    assert_users_now(&writer, "\"posts\":50,");
    sleep(3);
    add_slide(&writer, 11);
    add_activity(&writer, 15);
    flush(&writer);
    assert_int_equal(current_end_ms(&writer), HOUR + 11 * SKY_MINUTE_MS);
    assert_users_now(&writer, "\"posts\":15,");
    free_writer(&writer);
    redis_server_stop(&server);
}

/* Four write the same hour at once, each other slides: nothing is lost, and the newest is current. */
static void test_race(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    uint64_t conflicts = 0;
    for (int round = 0; round < 5 || (conflicts == 0 && round < 100); round++) {
        pthread_t threads[WRITERS];
        struct racer racers[WRITERS];
        assert_true(REDIS_CLI(&server, "FLUSHALL"));
        for (int i = 0; i < WRITERS; i++) {
            racers[i] = (struct racer){server.port, i + 1, 0};
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        for (int i = 0; i < WRITERS; i++) {
            pthread_join(threads[i], NULL);
            conflicts += racers[i].conflicts;
        }
        struct writer reader = new_writer(server.port);
        assert_hour(&reader, 1, SLIDES);
        assert_int_equal(current_end_ms(&reader), HOUR + SLIDES * SKY_MINUTE_MS);
        free_writer(&reader);
    }
    assert_true(conflicts > 0); /* they did meet */
    redis_server_stop(&server);
}

/* It dies, slides go on, it comes back with nothing: one flush makes all right that was written in the last hours. */
static void test_comes_back_empty(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct writer writer = new_writer(server.port);
    struct sky_activity_record activity = {
        .window_start_ms = HOUR, .window_end_ms = HOUR + 300000, .posts = 30, .replies = 12, .unique_authors = 21};
    assert_int_equal(sky_cache_add_activity(writer.cache, &activity), SKY_OK);
    for (int minute = 1; minute <= 20; minute++)
        add_slide(&writer, minute);
    flush(&writer);
    redis_server_kill(&server);
    add_slide(&writer, 21);
    assert_int_equal(sky_cache_flush(writer.cache), SKY_E_IO);
    add_slide(&writer, 22);
    assert_int_equal(sky_cache_flush(writer.cache), SKY_E_IO);
    assert_false(sky_cache_is_flushed(writer.cache));
    redis_server_start(&server, NULL);
    int64_t until_ms = sky_clock_monotonic_ms() + 2 * SKY_REDIS_BACKOFF_MS_MAX;
    while (sky_cache_flush(writer.cache) != SKY_OK) {
        assert_true(sky_clock_monotonic_ms() < until_ms);
        redis_wait_a_little();
    }
    assert_hour(&writer, 1, 22);
    assert_int_equal(current_end_ms(&writer), HOUR + 22 * SKY_MINUTE_MS);
    struct sky_span json;
    assert_int_equal(sky_cache_get_users(writer.cache, HOUR, &json), SKY_OK);
    assert_int_equal(sky_cache_get_users_now(writer.cache, &json), SKY_OK);

    redis_server_kill(&server); /* and once more, while nothing new comes */
    redis_server_start(&server, NULL);
    assert_int_equal(sky_cache_ping(writer.cache), SKY_OK);
    flush(&writer);
    assert_hour(&writer, 1, 22);
    assert_int_equal(current_end_ms(&writer), HOUR + 22 * SKY_MINUTE_MS);
    assert_int_equal(sky_cache_get_users(writer.cache, HOUR, &json), SKY_OK);
    assert_int_equal(sky_cache_get_users_now(writer.cache, &json), SKY_OK);
    free_writer(&writer);
    redis_server_stop(&server);
}

struct seen {
    int64_t ends_ms[64];
    uint32_t count;
};

static void see(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct seen *seen = context;
    assert_true(seen->count < 64);
    assert_int_equal(snapshot->trends_count, TRENDS);
    assert_int_equal(snapshot->posts, 1000 + (snapshot->window_end_ms - HOUR) / SKY_MINUTE_MS);
    seen->ends_ms[seen->count++] = snapshot->window_end_ms;
}

/* Slides come back by time, without those that are not there; a server that lost them has them again at once. */
static void test_slides(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct writer writer = new_writer(server.port);
    for (int minute = 1; minute <= 50; minute++)
        if (minute != 7)
            add_slide(&writer, minute);
    flush(&writer);
    assert_ttl(&writer, "trends:slide:2026-01-05T01:33:00Z", SKY_DAY_MS);
    for (int round = 0; round < 2; round++) {
        struct seen seen = {0};
        const struct sky_cache_slides_wanted wanted = {HOUR + 5 * SKY_MINUTE_MS, HOUR + 45 * SKY_MINUTE_MS, see, &seen};
        assert_true(REDIS_CLI(&server, "SET", "trends:slide:2026-01-05T01:09:00Z", "rubbish"));
        assert_int_equal(sky_cache_get_slides(writer.cache, &wanted), SKY_OK);
        assert_int_equal(seen.count, 39);
        for (uint32_t i = 0, minute = 5; i < seen.count; i++, minute++) {
            while (minute == 7 || minute == 9)
                minute++;
            assert_int_equal(seen.ends_ms[i], HOUR + minute * SKY_MINUTE_MS);
        }
        redis_server_kill(&server);
        redis_server_start(&server, NULL);
        flush(&writer); /* notices nothing: nothing waits */
        assert_int_equal(sky_cache_ping(writer.cache), SKY_OK);
        flush(&writer);
    }
    int64_t age_ms = -1;
    assert_int_equal(sky_cache_get_age(writer.cache, &age_ms), SKY_OK);
    assert_true(age_ms >= 0 && age_ms < 60000);
    free_writer(&writer);
    redis_server_stop(&server);
}

/* Many hours and windows wait while nothing can be written: bounded, and said so. */
static void test_bounds(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct writer writer = new_writer(server.port);
    redis_server_kill(&server);
    int hours = 0;
    struct sky_trend_snapshot snapshot = {.window_end_ms = HOUR};
    while (!sky_cache_is_full(writer.cache)) {
        assert_true(hours <= SKY_CACHE_HOURS_MAX);
        snapshot.window_end_ms += SKY_HOUR_MS;
        assert_int_equal(sky_cache_add_snapshot(writer.cache, &snapshot, SKY_SPAN("{}")), SKY_OK);
        hours++;
    }
    assert_int_equal(hours, SKY_CACHE_HOURS_MAX);
    snapshot.window_end_ms += SKY_HOUR_MS;
    assert_int_equal(sky_cache_add_snapshot(writer.cache, &snapshot, SKY_SPAN("{}")), SKY_E_LIMIT);
    redis_server_start(&server, NULL);
    int64_t until_ms = sky_clock_monotonic_ms() + 2 * SKY_REDIS_BACKOFF_MS_MAX;
    while (sky_cache_flush(writer.cache) != SKY_OK)
        assert_true(sky_clock_monotonic_ms() < until_ms);
    assert_false(sky_cache_is_full(writer.cache));
    for (int i = 0; i < hours; i++) {
        char key[SKY_CACHE_KEY_SIZE];
        sky_cache_hour_key(HOUR + i * SKY_HOUR_MS, key);
        assert_int_equal(ask_number(&writer, "EXISTS", key), 1);
    }
    free_writer(&writer);
    redis_server_stop(&server);
}

static void add_session(struct writer *writer, int window)
{
    const int64_t end_ms = HOUR + window * 5 * SKY_MINUTE_MS + 1;
    const struct sky_session session = {.session_start_ms = end_ms - 1000, .session_end_ms = end_ms};
    assert_int_equal(sky_cache_add_session(writer->cache, &session, 0, window), SKY_OK);
}

/* Sessions of a week are read while the trends stand still, as after a long pause: written, they hold nothing up, and
 * one that comes late is added to what Redis has. */
static void test_sessions_ahead(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct writer writer = new_writer(server.port);
    add_slide(&writer, 1);
    for (int i = 0; i < WEEK; i++) {
        add_session(&writer, i);
        if (i % 500 == 499)
            flush(&writer);
    }
    flush(&writer);
    assert_false(sky_cache_is_full(writer.cache));
    for (int i = 0; i < WEEK; i += 97) {
        char key[SKY_CACHE_KEY_SIZE];
        sky_cache_users_key(HOUR + i * 5 * SKY_MINUTE_MS, key);
        assert_int_equal(ask_number(&writer, "EXISTS", key), 1);
    }
    const struct sky_session late = {.session_start_ms = HOUR, .session_end_ms = HOUR + 2000};
    struct sky_span json;
    assert_int_equal(sky_cache_add_session(writer.cache, &late, 0, WEEK), SKY_OK);
    flush(&writer);
    assert_int_equal(sky_cache_get_users(writer.cache, HOUR, &json), SKY_OK);
    const char both[] = "\"sessions_ended\":2,";
    if (!memmem(json.ptr, json.len, both, sizeof both - 1))
        fail_msg("%.*s", (int)json.len, (const char *)json.ptr);
    free_writer(&writer);
    redis_server_stop(&server);
}

/* Windows that nobody makes are refused, and those at the limits are not. */
static void test_windows_refused(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct writer writer = new_writer(server.port);
    const int64_t length_ms = 5 * SKY_MINUTE_MS;
    const int64_t last_ms = sky_time_floor(sky_clock_wall_ms() + SKY_CACHE_AHEAD_MS_MAX, length_ms);
    const int64_t year_9999_ms = INT64_C(253402300500000); /* 9999-12-31T23:55:00Z */
    const struct {
        int64_t start_ms, end_ms;
        enum sky_status status;
    } cases[] = {
        {HOUR, HOUR + length_ms, SKY_OK},
        {HOUR + 1, HOUR + 1 + length_ms, SKY_E_RANGE},
        {HOUR + SKY_MINUTE_MS, HOUR + SKY_MINUTE_MS + length_ms, SKY_E_RANGE},
        {HOUR, HOUR, SKY_E_RANGE},
        {HOUR, HOUR - length_ms, SKY_E_RANGE},
        {last_ms - length_ms, last_ms, SKY_OK},
        {last_ms + length_ms, last_ms + 2 * length_ms, SKY_E_RANGE},
        {year_9999_ms, year_9999_ms + length_ms - 1, SKY_E_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sky_activity_record activity = {.window_start_ms = cases[i].start_ms,
                                                     .window_end_ms = cases[i].end_ms};
        assert_int_equal(sky_cache_add_activity(writer.cache, &activity), cases[i].status);
    }
    const struct sky_session late = {.session_start_ms = HOUR, .session_end_ms = year_9999_ms};
    assert_int_equal(sky_cache_add_session(writer.cache, &late, 0, 1), SKY_E_RANGE);
    struct sky_trend_snapshot slide = {.window_end_ms = year_9999_ms};
    assert_int_equal(sky_cache_add_snapshot(writer.cache, &slide, SKY_SPAN("{}")), SKY_E_RANGE);
    slide.window_end_ms = last_ms + length_ms;
    assert_int_equal(sky_cache_add_snapshot(writer.cache, &slide, SKY_SPAN("{}")), SKY_E_RANGE);
    struct sky_cache_stats stats;
    sky_cache_stats(writer.cache, &stats);
    assert_int_equal(stats.waiting, 2);
    assert_int_equal(stats.window_end_ms, 0);
    flush(&writer);
    free_writer(&writer);
    redis_server_stop(&server);
}

static void test_cluster(void **state)
{
    struct redis_server servers[3] = {0};
    redis_cluster_start(servers);
    struct writer writer = new_writer(servers[0].port);
    struct sky_activity_record activity = {.posts = 30};
    for (int i = 0; i < 12; i++) {
        activity.window_start_ms = HOUR + i * 300000;
        activity.window_end_ms = activity.window_start_ms + 300000;
        assert_int_equal(sky_cache_add_activity(writer.cache, &activity), SKY_OK);
    }
    for (int minute = 1; minute <= 40; minute++)
        add_slide(&writer, minute);
    flush(&writer);
    struct writer reader = new_writer(servers[2].port);
    assert_hour(&reader, 1, 40);
    assert_int_equal(current_end_ms(&reader), HOUR + 40 * SKY_MINUTE_MS);
    for (int i = 0; i < 12; i++) {
        struct sky_span json;
        assert_int_equal(sky_cache_get_users(reader.cache, HOUR + i * 300000, &json), SKY_OK);
    }
    struct sky_redis_stats stats;
    sky_redis_stats(reader.redis, &stats);
    assert_true(stats.is_cluster);
    free_writer(&writer);
    free_writer(&reader);
    for (int i = 0; i < 3; i++)
        redis_server_stop(&servers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_older),
        cmocka_unit_test(test_from_the_future),
        cmocka_unit_test(test_race),
        cmocka_unit_test(test_comes_back_empty),
        cmocka_unit_test(test_slides),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_sessions_ahead),
        cmocka_unit_test(test_windows_refused),
        cmocka_unit_test(test_cluster),
    };
    if (!redis_server_is_installed()) {
        printf("redis-server is not installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
