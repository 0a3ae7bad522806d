/* skytrend cache: the topics of trends, activity and sessions -> Redis.
 *
 * What comes is merged in memory and written when the topics have no more for now, so that after a pause the newest
 * trends are written first and once. An offset is committed when what it stands for is in Redis; all that may come
 * twice then is merged to the same (io/redis/cache.h). While Redis is away, records are taken as long as there is room.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/service.h"
#include "app/trace.h"
#include "io/host/clock.h"
#include "io/kafka/kafka_dead_letters.h"
#include "io/redis/cache.h"
#include "ops/log.h"
#include "ops/signal.h"
#include "ops/topics.h"
#include "trend/record_json.h"

#define DEFAULT_PORT   9103
#define TURN_MS        100
#define RECORDS_A_TURN 256 /* before clocks and Redis are looked at */
#define TOPICS_MS      2000
#define BEHIND_MS_MAX  5000 /* a topic that does not end is written from so often */
#define PING_MS        2000
#define DRAIN_MS_MAX   5000 /* after SIGTERM; what is not written by then is read again */
#define SETTLE_MS      5000

/* Of each of the three topics: what Redis has of the sessions keeps a sum for each partition. */
#define PARTITIONS_MAX SKY_CACHE_USERS_PARTITIONS_MAX

/* Read again at the start, as merging them twice changes nothing: a Redis that lost its memory while nobody wrote has
 * the present hour whole again. */
#define SLIDES_AGAIN   130
#define ACTIVITY_AGAIN 26

static const struct sky_option cache_options[] = {SKY_SERVICE_OPTIONS, {0}};

/* A partition that is read. */
struct place {
    const char *topic; /* the configuration's */
    int32_t partition;
    int64_t next;      /* offset behind the last record taken */
    int64_t committed; /* the group's; SKY_KAFKA_OFFSET_NONE: none */
    bool at_end;
};

struct cache {
    struct sky_service service;
    const struct sky_config *config;
    struct sky_redis *redis;
    struct sky_cache *cache;
    struct sky_kafka_consumer *consumer;
    struct sky_kafka_dead_letters *dead_letters;
    struct sky_record_reader reader;
    struct place places[3 * PARTITIONS_MAX];
    size_t places_count;
    bool has_unwritten;
    int64_t unwritten_clock_ms; /* since when */
    bool write_failed;          /* the last time it was tried */
    bool is_paused;
    int64_t ping_clock_ms;
    int64_t drained_clock_ms;       /* when draining is over; 0: the end is not asked for yet */
    enum sky_redis_trouble trouble; /* of Redis, told last */
    bool was_told;
    enum sky_status failed;
};

/* ---- partitions ---- */

static const char *topic_of(const struct cache *cache, const char *name)
{
    const char *const topics[] = {cache->config->topics.trends, cache->config->topics.activity,
                                  cache->config->topics.sessions};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        if (strcmp(topics[i], name) == 0)
            return topics[i];
    return NULL;
}

static struct place *find_place(struct cache *cache, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < cache->places_count; i++)
        if (cache->places[i].partition == partition && strcmp(cache->places[i].topic, topic) == 0)
            return &cache->places[i];
    return NULL;
}

/* It would be met again at each start, by whichever member gets the partition: a person must see to it. */
static void refuse_partition(struct cache *cache, const char *topic, int32_t partition)
{
    char why[SKY_KAFKA_MESSAGE_SIZE];
    snprintf(why, sizeof why,
             "it reads the partitions 0 to %d of a topic, at most %d, and %.200s has a partition %d: name a topic with "
             "fewer in topics.*",
             PARTITIONS_MAX - 1, PARTITIONS_MAX, topic, (int)partition);
    sky_log(SKY_LOG_ERROR, "too_many_partitions", SKY_LOG_TEXT("topic", topic), SKY_LOG_INT("partition", partition),
            SKY_LOG_INT("partitions_max", PARTITIONS_MAX));
    if (cache->failed == SKY_OK)
        sky_service_fail(&cache->service, "too many partitions", why);
    cache->failed = SKY_E_LIMIT;
}

static int64_t on_assigned(void *context, const char *topic, int32_t partition, int64_t committed, const char *metadata)
{
    struct cache *cache = context;
    const char *name = topic_of(cache, topic);
    (void)metadata;
    if (!name)
        return committed;
    if (partition >= PARTITIONS_MAX) {
        refuse_partition(cache, topic, partition);
        return committed;
    }
    struct place *place = find_place(cache, name, partition);
    if (!place)
        place = &cache->places[cache->places_count++];
    int64_t again = strcmp(name, cache->config->topics.trends) == 0     ? SLIDES_AGAIN
                    : strcmp(name, cache->config->topics.activity) == 0 ? ACTIVITY_AGAIN
                                                                        : 0;
    *place = (struct place){.topic = name, .partition = partition, .next = committed, .committed = committed};
    sky_log(SKY_LOG_INFO, "partition_assigned", SKY_LOG_TEXT("topic", topic), SKY_LOG_INT("partition", partition),
            SKY_LOG_INT("committed", committed));
    return committed > again ? committed - again : committed >= 0 ? 0 : committed;
}

static void commit(struct cache *cache)
{
    for (size_t i = 0; i < cache->places_count; i++) {
        struct place *place = &cache->places[i];
        struct sky_kafka_message message;
        const struct sky_kafka_record position = {
            .topic = place->topic, .partition = place->partition, .offset = place->next};
        if (place->next <= place->committed)
            continue;
        enum sky_status status = sky_kafka_consumer_commit(cache->consumer, &position, NULL, &message);
        if (status == SKY_OK || status == SKY_E_FENCED) /* fenced: another reads it, and it is that one's to commit */
            place->committed = place->next;
        else
            sky_log(SKY_LOG_WARN, "offset_not_committed", SKY_LOG_TEXT("topic", place->topic),
                    SKY_LOG_INT("partition", place->partition), SKY_LOG_INT("offset", place->next),
                    SKY_LOG_TEXT("reason", message.text));
    }
}

/* ---- Redis ---- */

/* For its client, while it waits: a slow Redis does not make us look dead, nor hold up the end but for the draining. */
static bool redis_goes_on(void *context)
{
    struct cache *cache = context;
    if (sky_service_goes_on(&cache->service) && cache->failed == SKY_OK)
        return true;
    int64_t now_ms = sky_clock_monotonic_ms();
    if (!cache->drained_clock_ms)
        cache->drained_clock_ms = now_ms + DRAIN_MS_MAX;
    return now_ms < cache->drained_clock_ms;
}

static void tell_redis(struct cache *cache, enum sky_status status)
{
    enum sky_redis_trouble trouble = status == SKY_OK ? SKY_REDIS_FINE : sky_redis_trouble(cache->redis);
    const char *problem = sky_redis_problem(cache->redis);
    if (status == SKY_E_MALFORMED && trouble == SKY_REDIS_FINE) { /* an answer, but not to what was asked */
        trouble = SKY_REDIS_MALFORMED;
        problem = "its answers do not fit the commands";
    } else if (status == SKY_E_IO && trouble == SKY_REDIS_FINE) {
        trouble = SKY_REDIS_REFUSED;
        problem = "its values change all the time between reading and writing";
    }
    char detail[SKY_HEALTH_DETAIL_SIZE];
    snprintf(detail, sizeof detail, "%s%.180s", sky_cache_is_full(cache->cache) ? "full, nothing more is read: " : "",
             *problem ? problem : sky_status_name(status));
    sky_health_set(cache->service.health, SKY_DEPENDENCY_REDIS, status == SKY_OK ? SKY_HEALTH_OK : SKY_HEALTH_FAILED,
                   status == SKY_OK ? NULL : detail);
    if (cache->was_told && trouble == cache->trouble)
        return;
    if (status != SKY_OK)
        sky_log(SKY_LOG_WARN, "redis_problem", SKY_LOG_TEXT("reason", problem));
    else
        sky_log(SKY_LOG_INFO, cache->was_told ? "redis_recovered" : "redis_connected",
                SKY_LOG_TEXT("url", cache->config->redis.url));
    cache->trouble = trouble;
    cache->was_told = true;
}

/* What could not be read is kept before its offset is committed. */
static bool settle(struct cache *cache)
{
    struct sky_kafka_message message;
    uint64_t pending = sky_kafka_dead_letters_pending(cache->dead_letters);
    if (!pending)
        return true;
    enum sky_status status = sky_kafka_dead_letters_settle(cache->dead_letters, SETTLE_MS, &message);
    if (status == SKY_OK)
        sky_metric_add(cache->service.metrics, SKY_METRIC_KAFKA_PRODUCED, SKY_TOPIC_DEAD_LETTERS, pending);
    else
        sky_log(SKY_LOG_WARN, "dead_letters_not_kept", SKY_LOG_TEXT("reason", message.text));
    return status == SKY_OK;
}

static void write_redis(struct cache *cache)
{
    enum sky_status status = sky_cache_flush(cache->cache);
    cache->write_failed = true;
    cache->ping_clock_ms = sky_clock_monotonic_ms();
    if (status == SKY_E_MEMORY) {
        cache->failed = status;
        return;
    }
    tell_redis(cache, status);
    if (status != SKY_OK)
        return;
    if (!settle(cache))
        return;
    cache->has_unwritten = cache->write_failed = false;
    commit(cache);
}

/* Called for each partition, before the group goes on. The first call writes what all of them have brought; where that
 * has just failed the others do not wait for Redis again. */
static void on_revoked(void *context, const char *topic, int32_t partition, bool lost)
{
    struct cache *cache = context;
    struct place *place = find_place(cache, topic, partition);
    if (!place)
        return;
    if (lost)
        place->committed = place->next; /* not ours to commit any more */
    if (!cache->has_unwritten)
        commit(cache);
    else if (!cache->write_failed)
        write_redis(cache);
    *place = cache->places[--cache->places_count];
}

/* ---- records ---- */

/* It can be read, but not be true. */
static enum sky_status judge_window(enum sky_status status, struct sky_error *error)
{
    if (status == SKY_E_RANGE)
        *error = (struct sky_error){.status = status, .reason = "its window is none, or far ahead of the clock"};
    return status;
}

static enum sky_status add_trends(struct cache *cache, const struct sky_kafka_record *record, struct sky_error *error)
{
    struct sky_trend_snapshot snapshot;
    enum sky_status status = sky_trend_snapshot_read(&cache->reader, record->value, &snapshot, error);
    if (status != SKY_OK)
        return status;
    sky_trace_changes(SKY_LOG_DEBUG, "trend_start_cached", "trend_end_cached", &snapshot);
    return judge_window(sky_cache_add_snapshot(cache->cache, &snapshot, record->value), error);
}

static enum sky_status add_activity(struct cache *cache, const struct sky_kafka_record *record,
                                    const struct place *place, struct sky_error *error)
{
    struct sky_activity_record activity;
    enum sky_status status = sky_activity_read(&cache->reader, record->value, &activity, error);
    if (status == SKY_OK)
        status = judge_window(sky_cache_add_activity(cache->cache, &activity), error);
    if (status == SKY_OK && record->offset >= place->committed)
        sky_metric_add(cache->service.metrics, SKY_METRIC_POSTS_PROCESSED, 0, activity.posts);
    return status;
}

static enum sky_status add_session(struct cache *cache, const struct sky_kafka_record *record, struct sky_error *error)
{
    struct sky_session session;
    enum sky_status status = sky_session_read(&cache->reader, record->value, &session, error);
    if (status != SKY_OK)
        return status;
    return judge_window(sky_cache_add_session(cache->cache, &session, record->partition, record->offset), error);
}

static enum sky_status add_record(struct cache *cache, const struct sky_kafka_record *record, const struct place *place,
                                  struct sky_error *error)
{
    *error = (struct sky_error){0};
    if (place->topic == cache->config->topics.trends)
        return add_trends(cache, record, error);
    if (place->topic == cache->config->topics.activity)
        return add_activity(cache, record, place, error);
    return add_session(cache, record, error);
}

static void bury(struct cache *cache, const struct sky_kafka_record *record, const struct sky_error *error)
{
    const struct sky_kafka_dead_letter letter = {.service = "cache",
                                                 .reason =
                                                     error->reason ? error->reason : sky_status_name(error->status),
                                                 .topic = record->topic,
                                                 .partition = record->partition,
                                                 .offset = record->offset,
                                                 .key = record->key,
                                                 .value = record->value};
    sky_service_bad_record(&cache->service, record, error);
    cache->failed = sky_kafka_dead_letters_add(cache->dead_letters, &letter);
}

static void take_record(struct cache *cache, const struct sky_kafka_record *record)
{
    struct place *place = find_place(cache, record->topic, record->partition);
    struct sky_error error;
    if (!place)
        return;
    enum sky_status status = add_record(cache, record, place, &error);
    if (status == SKY_E_MEMORY) {
        cache->failed = status;
        return;
    }
    if (status == SKY_E_LIMIT && error.status == SKY_OK) { /* full: this one once more when there is room */
        if (sky_kafka_consumer_seek(cache->consumer, record->topic, record->partition, record->offset) != SKY_OK)
            cache->failed = SKY_E_IO;
        return;
    }
    if (status != SKY_OK && record->offset >= place->committed) /* else it was told of before */
        bury(cache, record, &error);
    place->at_end = false;
    if (record->offset + 1 > place->next)
        place->next = record->offset + 1;
    if (!cache->has_unwritten)
        cache->unwritten_clock_ms = sky_clock_monotonic_ms();
    cache->has_unwritten = true;
}

/* ---- turn by turn ---- */

static bool is_caught_up(const struct cache *cache)
{
    for (size_t i = 0; i < cache->places_count; i++)
        if (!cache->places[i].at_end)
            return false;
    return true;
}

/* /readyz says from the next write on that it is so, see tell_redis. */
static void pause_when_full(struct cache *cache)
{
    struct sky_cache_stats stats;
    bool is_full = sky_cache_is_full(cache->cache);
    if (is_full == cache->is_paused)
        return;
    sky_cache_stats(cache->cache, &stats);
    if (is_full)
        sky_log(SKY_LOG_WARN, "cache_full", SKY_LOG_INT("waiting", stats.waiting),
                SKY_LOG_TEXT("reason", sky_redis_problem(cache->redis)),
                SKY_LOG_TEXT("hint", "nothing more is read until Redis takes what waits"));
    else
        sky_log(SKY_LOG_INFO, "cache_not_full", SKY_LOG_INT("waiting", stats.waiting));
    sky_kafka_consumer_pause(cache->consumer, is_full);
    cache->is_paused = is_full;
}

static void write_when_due(struct cache *cache)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    bool is_full = sky_cache_is_full(cache->cache);
    if (cache->write_failed || (cache->has_unwritten && (is_full || is_caught_up(cache) ||
                                                         now_ms - cache->unwritten_clock_ms >= BEHIND_MS_MAX))) {
        write_redis(cache); /* also what failed: no ping that is answered makes that good */
    } else if (now_ms - cache->ping_clock_ms >= PING_MS || !cache->was_told) {
        /* A new connection may lead to a Redis that has forgotten all: the flush behind the ping sees to that. */
        enum sky_status status = sky_cache_ping(cache->cache);
        cache->ping_clock_ms = now_ms;
        tell_redis(cache, status);
        if (status == SKY_OK && !cache->has_unwritten)
            write_redis(cache);
    }
    pause_when_full(cache);
}

static void tell_metrics(struct cache *cache)
{
    struct sky_metrics *metrics = cache->service.metrics;
    struct sky_cache_stats stats;
    struct sky_redis_stats redis;
    sky_cache_stats(cache->cache, &stats);
    sky_redis_stats(cache->redis, &redis);
    sky_metric_set_total(metrics, SKY_METRIC_CACHE_WRITES, SKY_METRIC_CACHE_WRITTEN, stats.writes);
    sky_metric_set_total(metrics, SKY_METRIC_CACHE_WRITES, SKY_METRIC_CACHE_REFUSED, stats.refused);
    sky_metric_set_total(metrics, SKY_METRIC_CACHE_WRITES, SKY_METRIC_CACHE_CONFLICT, stats.conflicts);
    sky_metric_set_total(metrics, SKY_METRIC_CACHE_WRITES, SKY_METRIC_CACHE_REPAIRED, stats.repaired);
    sky_metric_set(metrics, SKY_METRIC_CACHE_WAITING, 0, stats.waiting);
    sky_metric_set_total(metrics, SKY_METRIC_REDIS_CONNECTIONS, 0, redis.connections);
    if (!stats.written_end_ms)
        return;
    sky_metric_set(metrics, SKY_METRIC_EVENT_TIME, 0, (double)stats.written_end_ms / 1e3);
    sky_metric_set(metrics, SKY_METRIC_FRESHNESS, 0, (double)(sky_clock_wall_ms() - stats.written_end_ms) / 1e3);
}

/* False: there is no more for now. */
static bool take_event(struct cache *cache, int timeout_ms)
{
    struct sky_kafka_record record;
    switch (sky_service_next(&cache->service, cache->consumer, timeout_ms, &record)) {
    case SKY_KAFKA_RECORD: take_record(cache, &record); return true;
    case SKY_KAFKA_PARTITION_END: {
        struct place *place = find_place(cache, record.topic, record.partition);
        if (place)
            place->at_end = true;
        return true;
    }
    case SKY_KAFKA_FAILED: cache->failed = SKY_E_IO; return false;
    case SKY_KAFKA_IDLE:
    case SKY_KAFKA_PROBLEM: break;
    }
    return false;
}

static void take_turn(struct cache *cache)
{
    bool more = take_event(cache, TURN_MS);
    for (int i = 1; i < RECORDS_A_TURN && more && cache->failed == SKY_OK; i++)
        more = take_event(cache, 0);
    if (cache->failed == SKY_OK)
        write_when_due(cache);
    tell_metrics(cache);
}

static bool wait_for_topics(struct cache *cache)
{
    static const enum sky_topic_kind kinds[] = {SKY_TOPIC_TRENDS, SKY_TOPIC_ACTIVITY, SKY_TOPIC_SESSIONS,
                                                SKY_TOPIC_DEAD_LETTERS};
    char told[SKY_KAFKA_MESSAGE_SIZE] = "";
    while (sky_service_goes_on(&cache->service)) {
        struct sky_kafka_message message;
        enum sky_status status = sky_topics_ensure(cache->config, kinds, 4, TOPICS_MS, &message);
        if (status == SKY_OK)
            return true;
        sky_health_set(cache->service.health, SKY_DEPENDENCY_KAFKA, SKY_HEALTH_FAILED, message.text);
        if (strcmp(told, message.text) != 0)
            sky_log(SKY_LOG_WARN, "kafka_problem", SKY_LOG_TEXT("reason", message.text));
        snprintf(told, sizeof told, "%s", message.text);
        if (status == SKY_E_CONFIG) {
            sky_service_fail(&cache->service, "the topics", message.text);
            cache->failed = status;
            return false;
        }
        tell_redis(cache, sky_cache_ping(cache->cache));
        sky_signal_sleep(TURN_MS);
    }
    return false;
}

/* What was taken is written and committed, when Redis is there. */
static void drain(struct cache *cache)
{
    while (cache->failed == SKY_OK && cache->has_unwritten && redis_goes_on(cache)) {
        write_redis(cache);
        if (cache->has_unwritten)
            nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000L}, NULL);
    }
    if (cache->has_unwritten)
        sky_log(SKY_LOG_WARN, "not_written", SKY_LOG_TEXT("reason", sky_redis_problem(cache->redis)),
                SKY_LOG_TEXT("hint", "it is read again at the next start"));
}

static int work(struct cache *cache)
{
    const char *instance = cache->config->kafka.instance_id;
    const struct sky_kafka_consumer_options options = {
        .kafka = &cache->service.kafka,
        .group = cache->config->cache.group,
        .instance = *instance ? instance : NULL,
        .topics = {cache->config->topics.trends, cache->config->topics.activity, cache->config->topics.sessions},
        .topics_count = 3,
        .events = {on_assigned, on_revoked, cache},
    };
    struct sky_kafka_message message;
    if (!wait_for_topics(cache))
        return cache->failed == SKY_OK ? SKY_EXIT_OK : SKY_EXIT_FAILURE;
    enum sky_status status = sky_kafka_dead_letters_new(&cache->service.kafka, cache->config->topics.dead_letters,
                                                        &cache->dead_letters, &message);
    if (status == SKY_OK)
        status = sky_kafka_consumer_new(&options, &cache->consumer, &message);
    if (status != SKY_OK)
        return sky_service_fail(&cache->service, "Kafka", message.text);
    while (cache->failed == SKY_OK && sky_service_goes_on(&cache->service))
        take_turn(cache);
    drain(cache);
    if (cache->failed == SKY_E_MEMORY)
        sky_service_fail(&cache->service, "stopped", "no memory");
    return cache->failed == SKY_OK ? SKY_EXIT_OK : SKY_EXIT_FAILURE;
}

static enum sky_status open_redis(struct cache *cache)
{
    struct sky_redis_options redis;
    struct sky_cache_options options;
    char problem[SKY_REDIS_PROBLEM_SIZE];
    sky_config_redis_options(cache->config, &redis);
    redis.goes_on = redis_goes_on;
    redis.context = cache;
    sky_config_cache_options(cache->config, &options);
    enum sky_status status = sky_redis_new(&redis, &cache->redis, problem);
    if (status == SKY_OK)
        status = sky_cache_new(&options, cache->redis, &cache->cache);
    if (status != SKY_OK)
        sky_service_fail(&cache->service, "Redis", problem);
    return status;
}

static void tear_down(struct cache *cache)
{
    sky_kafka_consumer_free(cache->consumer);
    sky_kafka_dead_letters_free(cache->dead_letters);
    sky_cache_free(cache->cache);
    sky_redis_free(cache->redis);
    sky_record_reader_clean_up(&cache->reader);
    sky_service_stop(&cache->service);
    free(cache);
}

static int cache_command(const struct sky_invocation *invocation)
{
    const struct sky_service_options options = {
        .invocation = invocation, .role = SKY_ROLE_CACHE, .default_port = DEFAULT_PORT};
    struct cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return SKY_EXIT_FAILURE;
    cache->config = invocation->config;
    sky_record_reader_init(&cache->reader);
    int exit_code = sky_service_start(&options, &cache->service);
    if (exit_code != SKY_EXIT_OK) {
        free(cache);
        return exit_code;
    }
    enum sky_status status = open_redis(cache);
    if (status == SKY_OK)
        status = sky_service_open(&cache->service);
    exit_code = status == SKY_OK ? work(cache) : sky_exit_of(status);
    tear_down(cache);
    return exit_code;
}

const struct sky_command sky_command_cache = {
    .name = "cache",
    .summary = "keep the trends and users of now and of the last days in Redis",
    .description =
        "Reads the topics of trends, activity and sessions and writes trends:current, trends:hourly:HOUR and\n"
        "users:active:WINDOW. Several may run: they share the topics, and what they write is merged. While\n"
        "Redis is away it waits, and writes the newest trends first when it is back.",
    .options = cache_options,
    .examples = (const char *const[]){"skytrend cache --redis.url redis://127.0.0.1:6379/0",
                                      "# a cluster, over TLS, with a password",
                                      "skytrend cache --redis.url rediss://one:6379,rediss://two:6379 "
                                      "--redis.password file:redis.password",
                                      NULL},
    .takes_config = true,
    .run = cache_command,
};
