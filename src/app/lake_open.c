#include <stdio.h>
#include <stdlib.h>

#include "app/lake.h"
#include "app/lake_place.h"
#include "base/time.h"
#include "io/host/clock.h"
#include "ops/log.h"
#include "ops/signal.h"

#define ENSURE_TOPICS_MS 10000
#define FETCH_BYTES      ((size_t)32 << 20)
#define DATABASE_BYTES   (UINT64_C(160) << 20)
#define TIDY_BYTES       (UINT64_C(128) << 20) /* of DuckDB, while files become one */
#define ATTEMPT_MS_MAX   120000                /* of one upload */
#define CONNECT_MS       5000
#define STALE_UPLOAD_MS  SKY_DAY_MS

/* Behind each round, in its thread. */
static void abort_stale_uploads(void *context, struct sky_lake_tidy *tidy, struct sky_lake_store *store, int64_t now_ms)
{
    uint32_t count;
    if (sky_lake_store_abort_uploads(store, now_ms - STALE_UPLOAD_MS, &count) == SKY_OK && count)
        sky_log(SKY_LOG_INFO, "uploads_given_up", SKY_LOG_INT("count", count));
}

static int64_t on_assigned(void *context, const char *topic, int32_t partition, int64_t committed, const char *metadata)
{
    struct sky_lake_service *lake = context;
    struct sky_lake_part *part = sky_lake_part_get(&lake->parts, topic, partition);
    if (!part) {
        sky_service_fail(&lake->service, topic,
                         lake->parts.count == SKY_LAKE_PARTS_MAX ? "more partitions than one member reads"
                                                                 : "no memory");
        lake->failed = true;
        return committed;
    }
    part->kind = sky_topic_kind_of(lake->config, topic);
    int64_t begin = sky_lake_part_assign(&lake->parts, part, committed, metadata);
    sky_log(SKY_LOG_INFO, "partition_assigned", SKY_LOG_TEXT("topic", topic), SKY_LOG_INT("partition", partition),
            SKY_LOG_INT("offset", committed), SKY_LOG_TEXT("plan", metadata));
    return begin;
}

static void on_revoked(void *context, const char *topic, int32_t partition, bool lost)
{
    struct sky_lake_service *lake = context;
    struct sky_lake_part *part = sky_lake_part_get(&lake->parts, topic, partition);
    if (!part)
        return;
    if (part == lake->stored_part && sky_lake_storer_is_busy(lake->storer))
        sky_lake_storer_let_go(lake->storer); /* its other reader does the same chunk */
    sky_lake_part_revoke(&lake->parts, part);
}

static void set_expiry(struct sky_lake_service *lake)
{
    const struct sky_config *config = lake->config;
    struct sky_s3 *s3 = sky_lake_store_s3(lake->store);
    struct sky_buffer raw = {0}, processed = {0};
    struct sky_s3_expiry rules[2];
    size_t count = 0;
    if (!s3 || (!config->lake.keep_raw_ms && !config->lake.keep_processed_ms))
        return;
    sky_lake_store_put_key(lake->store, SKY_SPAN("raw/"), &raw);
    sky_lake_store_put_key(lake->store, SKY_SPAN("processed/"), &processed);
    sky_buffer_put_u8(&raw, 0);
    sky_buffer_put_u8(&processed, 0);
    if (config->lake.keep_raw_ms)
        rules[count++] = (struct sky_s3_expiry){"skytrend-raw", (const char *)raw.ptr,
                                                (uint32_t)((config->lake.keep_raw_ms + SKY_DAY_MS - 1) / SKY_DAY_MS)};
    if (config->lake.keep_processed_ms)
        rules[count++] =
            (struct sky_s3_expiry){"skytrend-processed", (const char *)processed.ptr,
                                   (uint32_t)((config->lake.keep_processed_ms + SKY_DAY_MS - 1) / SKY_DAY_MS)};
    enum sky_status status = raw.failed || processed.failed ? SKY_E_MEMORY : sky_s3_put_expiry(s3, rules, count);
    if (status != SKY_OK)
        sky_log(SKY_LOG_WARN, "retention_not_set", SKY_LOG_TEXT("reason", sky_s3_problem(s3)));
    sky_buffer_clean_up(&raw);
    sky_buffer_clean_up(&processed);
}

/* Waits for the store as long as it is away. SKY_E_CONFIG: only a person can help. */
static enum sky_status reach_store(struct sky_lake_service *lake)
{
    int64_t wait_ms = SKY_LAKE_RETRY_FIRST_MS;
    for (;;) {
        enum sky_status status = sky_lake_store_check(lake->store, true);
        if (status == SKY_OK) {
            sky_lake_store_works(lake);
            return SKY_OK;
        }
        if (status == SKY_E_CONFIG || status == SKY_E_MALFORMED) {
            sky_service_fail(&lake->service, "the lake", sky_lake_store_problem(lake->store));
            return SKY_E_CONFIG;
        }
        sky_lake_storer_tell_failure(&lake->service, sky_lake_store_problem(lake->store));
        for (int64_t until_ms = sky_clock_monotonic_ms() + wait_ms; sky_clock_monotonic_ms() < until_ms;) {
            if (!sky_service_goes_on(&lake->service))
                return SKY_E_END;
            sky_signal_sleep(SKY_LAKE_POLL_MS);
        }
        wait_ms = sky_lake_longer_wait(wait_ms);
    }
}

static void get_s3_options(const struct sky_lake_service *lake, struct sky_s3_options *s3)
{
    sky_lake_s3_options(lake->config, s3);
    s3->stop = &lake->grace.is_over;
    s3->connect_timeout_ms = CONNECT_MS;
    s3->timeout_ms = ATTEMPT_MS_MAX;
    s3->attempts_max = 1; /* the loop around it tries again, and polls between */
}

static int open_store(struct sky_lake_service *lake)
{
    char problem[SKY_LAKE_PROBLEM_SIZE] = "";
    struct sky_s3_options s3;
    get_s3_options(lake, &s3);
    if (!sky_lake_place(lake->config, lake->location) || !sky_lake_staging_place(lake->config, lake->staging))
        return sky_service_fail(&lake->service, "lake.location", "longer than a path may be");
    const struct sky_lake_store_options store = {.location = lake->location, .s3 = &s3};
    if (sky_lake_store_new(&store, &lake->store, problem) != SKY_OK)
        return sky_service_fail(&lake->service, "lake.location", problem);
    return SKY_EXIT_OK;
}

/* Once the store is there: a folder has the files on their way in it. */
static int open_lake(struct sky_lake_service *lake)
{
    char problem[SKY_LAKE_PROBLEM_SIZE] = "no memory";
    struct sky_s3_options s3;
    get_s3_options(lake, &s3);
    const struct sky_lake_options lake_options = {lake->store, lake->staging, DATABASE_BYTES};
    const struct sky_lake_store_options store = {.location = lake->location, .s3 = &s3};
    const struct sky_lake_tidy_options tidy = {.store = &store,
                                               .staging_directory = lake->staging,
                                               .memory_bytes = TIDY_BYTES,
                                               .compacts = true,
                                               .also = abort_stale_uploads};
    enum sky_status status = sky_lake_new(&lake_options, &lake->lake, problem);
    if (status == SKY_OK && lake->config->lake.compact_interval_ms)
        status = sky_lake_tidy_new(&tidy, &lake->tidy, problem);
    return status == SKY_OK ? SKY_EXIT_OK
                            : sky_service_fail(&lake->service, "the folder for files on their way", problem);
}

static int open_kafka(struct sky_lake_service *lake)
{
    struct sky_kafka_message message = {0};
    const enum sky_topic_kind kinds[] = {SKY_TOPIC_POSTS, SKY_TOPIC_TRENDS, SKY_TOPIC_ACTIVITY, SKY_TOPIC_SESSIONS,
                                         SKY_TOPIC_DEAD_LETTERS};
    struct sky_kafka_consumer_options consumer = {
        .kafka = &lake->service.kafka,
        .group = lake->config->lake.group,
        .topics_count = 4,
        .fetch_bytes = FETCH_BYTES,
        .events = {.assigned = on_assigned, .revoked = on_revoked, .context = lake},
    };
    for (size_t i = 0; i < 4; i++)
        consumer.topics[i] = sky_topic_name(lake->config, kinds[i]);
    if (lake->config->kafka.instance_id[0])
        consumer.instance = lake->config->kafka.instance_id;
    enum sky_status status =
        sky_topics_ensure(lake->config, kinds, sizeof kinds / sizeof kinds[0], ENSURE_TOPICS_MS, &message);
    if (status == SKY_E_CONFIG)
        return sky_service_fail(&lake->service, "the topics", message.text);
    if (status != SKY_OK)
        sky_log(SKY_LOG_WARN, "topics_not_checked", SKY_LOG_TEXT("reason", message.text));
    if (sky_kafka_dead_letters_new(&lake->service.kafka, lake->config->topics.dead_letters, &lake->dead_letters,
                                   &message) != SKY_OK ||
        sky_kafka_consumer_new(&consumer, &lake->consumer, &message) != SKY_OK)
        return sky_service_fail(&lake->service, "Kafka", message.text);
    const struct sky_lake_storer_options storer = {&lake->service, lake->store, lake->lake, lake->dead_letters};
    if (sky_lake_storer_new(&storer, &lake->storer) != SKY_OK)
        return sky_service_fail(&lake->service, "a thread", "no memory");
    return SKY_EXIT_OK;
}

int sky_lake_open(struct sky_lake_service *lake)
{
    if (sky_grace_init(&lake->grace) != SKY_OK)
        return sky_service_fail(&lake->service, "a thread", "no memory");
    int exit_code = open_store(lake);
    enum sky_status status = exit_code == SKY_EXIT_OK ? sky_service_open(&lake->service) : SKY_OK;
    if (status != SKY_OK)
        return sky_exit_of(status);
    if (exit_code == SKY_EXIT_OK)
        status = reach_store(lake);
    if (status == SKY_E_END)
        return SKY_EXIT_OK;
    if (status != SKY_OK)
        return SKY_EXIT_FAILURE;
    if (exit_code == SKY_EXIT_OK) {
        set_expiry(lake);
        exit_code = open_lake(lake);
    }
    return exit_code == SKY_EXIT_OK ? open_kafka(lake) : exit_code;
}

void sky_lake_close(struct sky_lake_service *lake)
{
    atomic_store(&lake->grace.is_over, true);
    sky_kafka_consumer_free(lake->consumer); /* which takes the partitions away: the chunk under way is let go */
    sky_lake_storer_free(lake->storer);
    sky_kafka_dead_letters_free(lake->dead_letters);
    sky_lake_parts_clean_up(&lake->parts);
    sky_lake_tidy_free(lake->tidy);
    sky_lake_free(lake->lake);
    sky_lake_store_free(lake->store);
    sky_grace_clean_up(&lake->grace);
    sky_service_stop(&lake->service);
    free(lake);
}
