/* skytrend lake: the topics of posts, trends, activity and sessions -> Parquet on S3 or in a folder, each record once.
 *
 * One thread reads and commits; when a partition has enough (rows, time, or memory) another one writes its chunk
 * (app/lake_storer.h) while the first reads on, as far as there is room. A third makes small files one
 * (io/lake/lake_tidy.h). The protocol is that of lake_part.h. While the store is away the consumer is paused but
 * polled, so that the group keeps its members, and the chunk waits. */
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/grace.h"
#include "app/lake_part.h"
#include "app/lake_place.h"
#include "app/lake_storer.h"
#include "app/service.h"
#include "base/time.h"
#include "io/host/clock.h"
#include "io/lake/lake_tidy.h"
#include "ops/log.h"
#include "ops/signal.h"

#define DEFAULT_PORT      9102
#define POLL_MS           100
#define ENSURE_TOPICS_MS  10000
#define PATIENCE_MS       2000  /* for the store, before reading stops and what was fetched ahead is given up */
#define STORE_SLOW_MS     10000 /* of one chunk */
#define FETCH_BYTES       ((size_t)32 << 20)
#define DATABASE_BYTES    (UINT64_C(160) << 20)
#define TIDY_BYTES        (UINT64_C(128) << 20) /* of DuckDB, while files become one */
#define ATTEMPT_MS_MAX    120000                /* of one upload */
#define CONNECT_MS        5000
#define RETRY_FIRST_MS    500
#define RETRY_MS_MAX      60000
#define STORE_CHECK_MS    10000
#define DRAIN_MS_MAX      8000             /* after SIGTERM; what is not stored by then is read again */
#define COMPACT_RECENT_MS (2 * SKY_DAY_MS) /* what every round looks at; the first one looks at all */
#define STALE_UPLOAD_MS   SKY_DAY_MS

static const struct sky_option options[] = {SKY_SERVICE_OPTIONS, {0}};

struct lake {
    struct sky_service service;
    const struct sky_config *config;
    struct sky_grace grace;
    char location[PATH_MAX];
    char staging[PATH_MAX];
    struct sky_lake_store *store;
    struct sky_lake *lake;
    struct sky_lake_tidy *tidy; /* NULL: nothing is made one */
    struct sky_kafka_consumer *consumer;
    struct sky_kafka_dead_letters *dead_letters;
    struct sky_lake_parts parts;
    struct sky_lake_storer *storer;
    struct sky_lake_part *stored_part; /* whose chunk the storer has, */
    uint64_t stored_generation;        /* as it was then */
    uint64_t stored_bytes;             /* of the chunk's records */
    struct sky_lake_totals totals;
    int64_t compact_clock_ms; /* of the next round */
    int64_t touched_ms;       /* what is older has been tidied, and not been written to since */
    int64_t tidied_ms;        /* as that was before the round under way */
    bool is_tidying;
    int64_t newest_ms; /* the newest event time seen */
    int64_t store_check_clock_ms;
    bool store_failed; /* and no chunk was stored since */
    bool failed;       /* no hope without a person; it has been told */
};

/* ---- waiting, and telling ---- */

static void note_end(struct lake *lake, const char *topic, int32_t partition, int64_t offset)
{
    struct sky_lake_part *part = sky_lake_part_get(&lake->parts, topic, partition);
    if (part)
        part->seen_end = offset;
}

static void read_again(struct lake *lake, const char *topic, int32_t partition, int64_t offset)
{
    note_end(lake, topic, partition, 0);
    if (sky_kafka_consumer_seek(lake->consumer, topic, partition, offset) == SKY_OK)
        return;
    sky_service_fail(&lake->service, topic, "cannot be read again from an offset");
    lake->failed = true; /* a restart begins where the group committed */
}

/* A wait during which the group keeps us. False: it is time to end. */
static bool wait_polling(struct lake *lake, int64_t wait_ms)
{
    struct sky_kafka_record record;
    int64_t until_ms = sky_clock_monotonic_ms() + wait_ms;
    sky_kafka_consumer_pause(lake->consumer, true);
    while (!lake->failed && sky_clock_monotonic_ms() < until_ms && sky_service_goes_on(&lake->service)) {
        enum sky_kafka_event event = sky_service_next(&lake->service, lake->consumer, POLL_MS, &record);
        if (event == SKY_KAFKA_RECORD) /* on its way before the pause: read it again when its turn comes */
            read_again(lake, record.topic, record.partition, record.offset);
        else if (event == SKY_KAFKA_PARTITION_END) /* it is told once */
            note_end(lake, record.topic, record.partition, record.offset);
        lake->failed |= event == SKY_KAFKA_FAILED;
    }
    return !lake->failed && sky_service_goes_on(&lake->service);
}

static void store_works(struct lake *lake)
{
    lake->store_failed = false;
    sky_health_set(lake->service.health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_OK, NULL);
}

/* An attempt that takes long fails in the end, or not: that it takes long is told at once. */
static void watch_store(struct lake *lake)
{
    char problem[64];
    int64_t attempt_ms = sky_lake_storer_attempt_ms(lake->storer);
    if (attempt_ms < STORE_SLOW_MS)
        return;
    snprintf(problem, sizeof problem, "a file has been on its way there for %lld s", (long long)(attempt_ms / 1000));
    sky_health_set(lake->service.health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_FAILED, problem);
}

/* The chunk that could not be stored was given up, and there may be none for long: is the store there again? */
static void check_failed_store(struct lake *lake)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    if (!lake->store_failed || sky_lake_storer_is_busy(lake->storer) || now_ms < lake->store_check_clock_ms)
        return;
    if (sky_lake_store_check(lake->store, false) == SKY_OK)
        store_works(lake);
    lake->store_check_clock_ms = sky_clock_monotonic_ms() + STORE_CHECK_MS;
}

/* ---- chunks ---- */

static uint64_t waiting_bytes(const struct lake *lake)
{
    return lake->parts.waiting_bytes + lake->stored_bytes;
}

/* SKY_E_FENCED: the part was given away meanwhile, maybe to come back without what waited, or the brokers say that it
 * is not ours. SKY_E_END: it is time to end. */
static enum sky_status commit(struct lake *lake, const struct sky_lake_part *part, int64_t offset, const char *metadata)
{
    struct sky_kafka_message message = {0};
    const struct sky_kafka_record position = {.topic = part->topic, .partition = part->partition, .offset = offset};
    uint64_t generation = part->generation;
    for (int64_t wait_ms = RETRY_FIRST_MS;; wait_ms = wait_ms * 2 < RETRY_MS_MAX ? wait_ms * 2 : RETRY_MS_MAX) {
        enum sky_status status = sky_kafka_consumer_commit(lake->consumer, &position, metadata, &message);
        if (status == SKY_OK || status == SKY_E_FENCED)
            return status;
        sky_log(SKY_LOG_WARN, "commit_failed", SKY_LOG_TEXT("topic", part->topic),
                SKY_LOG_INT("partition", part->partition), SKY_LOG_TEXT("reason", message.text));
        bool goes_on = wait_polling(lake, wait_ms);
        sky_kafka_consumer_pause(lake->consumer, false);
        if (part->generation != generation)
            return SKY_E_FENCED;
        if (!goes_on)
            return SKY_E_END;
    }
}

static void tell_totals(struct lake *lake)
{
    struct sky_metrics *metrics = lake->service.metrics;
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_ROWS, 0, lake->totals.rows);
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_FILES, 0, lake->totals.files);
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_BYTES, 0, lake->totals.bytes);
    sky_metric_set(metrics, SKY_METRIC_LAKE_WAITING, 0, (double)waiting_bytes(lake));
    if (lake->newest_ms) {
        sky_metric_set(metrics, SKY_METRIC_EVENT_TIME, 0, (double)lake->newest_ms / 1000);
        sky_metric_set(metrics, SKY_METRIC_FRESHNESS, 0, (double)(sky_clock_wall_ms() - lake->newest_ms) / 1000);
    }
}

static void tell_stored(struct lake *lake, const struct sky_lake_stored *stored)
{
    if (stored->kind == SKY_TOPIC_POSTS)
        sky_metric_add(lake->service.metrics, SKY_METRIC_POSTS_PROCESSED, 0, stored->records);
    sky_metric_observe(lake->service.metrics, SKY_METRIC_LAKE_STORE_DURATION, (double)stored->us / 1e6);
    sky_log(SKY_LOG_INFO, "chunk_stored", SKY_LOG_TEXT("topic", stored->chunk.topic),
            SKY_LOG_INT("partition", stored->chunk.partition), SKY_LOG_INT("start", stored->chunk.start),
            SKY_LOG_INT("end", stored->chunk.end), SKY_LOG_INT("records", stored->records));
}

/* The part is another member's, or it is time to end: what waits is read again. */
static void drop_part(struct lake *lake, struct sky_lake_part *part, enum sky_status status)
{
    if (status == SKY_E_FENCED)
        sky_log(SKY_LOG_INFO, "partition_lost", SKY_LOG_TEXT("topic", part->topic),
                SKY_LOG_INT("partition", part->partition));
    sky_lake_part_revoke(&lake->parts, part);
}

/* A chunk that has come to its end in the storer: the offset behind it is committed. */
static void finish_chunk(struct lake *lake)
{
    struct sky_lake_stored stored;
    if (!sky_lake_storer_is_busy(lake->storer) || !sky_lake_storer_take(lake->storer, &stored))
        return;
    struct sky_lake_part *part = lake->stored_part;
    enum sky_status status = stored.status;
    lake->stored_bytes = 0;
    lake->totals = stored.totals;
    lake->store_failed = stored.store_failed;
    if (stored.status == SKY_OK)
        store_works(lake);
    if (stored.oldest_ms < lake->touched_ms)
        lake->touched_ms = stored.oldest_ms;
    if (stored.newest_ms > lake->newest_ms)
        lake->newest_ms = stored.newest_ms;
    if (status == SKY_E_MEMORY) {
        sky_service_fail(&lake->service, "a dead letter", "no memory");
        lake->failed = true;
    }
    if (part->generation != lake->stored_generation)
        return; /* it has begun anew already, from where the group stands */
    if (status == SKY_OK)
        status = commit(lake, part, stored.chunk.end, NULL);
    if (status == SKY_OK)
        tell_stored(lake, &stored);
    else if (part->generation == lake->stored_generation)
        drop_part(lake, part, status);
    tell_totals(lake);
}

/* Until the storer has nothing to do. One that cannot end soon is waited for with the group's membership kept. */
static void await_storer(struct lake *lake)
{
    bool is_over = sky_lake_storer_await(lake->storer, PATIENCE_MS);
    bool pauses = !is_over;
    while (!is_over) {
        bool goes_on = wait_polling(lake, POLL_MS);
        if (!goes_on)
            sky_lake_storer_let_go(lake->storer);
        watch_store(lake);
        is_over = sky_lake_storer_await(lake->storer, goes_on ? 0 : POLL_MS);
    }
    finish_chunk(lake);
    if (pauses)
        sky_kafka_consumer_pause(lake->consumer, false);
}

/* What waits of a part is handed to the storer, with its plan committed; behind the chunk that is there before. */
static void begin_chunk(struct lake *lake, struct sky_lake_part *part)
{
    char metadata[SKY_LAKE_METADATA_SIZE];
    struct sky_lake_records records;
    uint64_t generation = part->generation;
    await_storer(lake);
    if (lake->failed || part->generation != generation)
        return;
    if (!part->plan_end) {
        sky_lake_part_metadata(part, metadata);
        enum sky_status status = commit(lake, part, part->start, metadata);
        if (part->generation != generation)
            return;
        if (status != SKY_OK) {
            drop_part(lake, part, status);
            return;
        }
    }
    sky_lake_part_take(&lake->parts, part, &records);
    lake->stored_part = part;
    lake->stored_generation = generation;
    lake->stored_bytes = records.bytes.len;
    sky_lake_storer_begin(lake->storer, &records);
}

/* ---- turns ---- */

static struct sky_lake_part *largest_part(const struct sky_lake_parts *parts)
{
    struct sky_lake_part *largest = NULL;
    for (size_t i = 0; i < parts->count; i++) {
        struct sky_lake_part *part = parts->parts[i];
        if (part->rows && !part->plan_end && (!largest || part->waiting.len > largest->waiting.len))
            largest = part;
    }
    return largest;
}

static void take_record(struct lake *lake, const struct sky_kafka_record *record)
{
    struct sky_lake_part *part = sky_lake_part_get(&lake->parts, record->topic, record->partition);
    if (!part || !part->assigned)
        return;
    if (record->offset < part->end && part->rows == 0) { /* the brokers do not know what was committed any more */
        sky_log(SKY_LOG_WARN, "offset_reset", SKY_LOG_TEXT("topic", part->topic),
                SKY_LOG_INT("partition", part->partition), SKY_LOG_INT("committed", part->end),
                SKY_LOG_INT("offset", record->offset));
        part->start = part->end = record->offset;
        part->plan_end = 0;
    }
    if (record->offset < part->end)
        return;
    if (part->plan_end && record->offset >= part->plan_end) { /* its last records are gone */
        uint64_t generation = part->generation;
        begin_chunk(lake, part);
        if (part->generation == generation)
            read_again(lake, part->topic, part->partition, part->end);
        return;
    }
    if (sky_lake_part_add(&lake->parts, part, record, sky_clock_monotonic_ms()) != SKY_OK) {
        sky_service_fail(&lake->service, "a record", "no memory");
        lake->failed = true;
        return;
    }
    bool ends_plan = part->plan_end && part->end >= part->plan_end;
    if (ends_plan || (!part->plan_end && part->rows >= (uint64_t)lake->config->lake.roll_rows))
        begin_chunk(lake, part);
    if (waiting_bytes(lake) > (uint64_t)lake->config->lake.buffer_bytes && (part = largest_part(&lake->parts)) != NULL)
        begin_chunk(lake, part);
}

/* Every part that waits long enough, and every plan that is as done as it will be; all that waits with `drain`. */
static void store_due(struct lake *lake, bool drain)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    for (size_t i = 0; i < lake->parts.count && !lake->failed && !atomic_load(&lake->grace.is_over); i++) {
        struct sky_lake_part *part = lake->parts.parts[i];
        bool due = drain || now_ms - part->since_clock_ms >= lake->config->lake.roll_interval_ms;
        if ((part->assigned && part->rows && !part->plan_end && due) || sky_lake_part_ends_plan(part))
            begin_chunk(lake, part);
    }
    if (drain)
        await_storer(lake);
}

/* One member of the group tidies: the one that reads the first partition of posts. */
static bool tidies(const struct lake *lake)
{
    for (size_t i = 0; i < lake->parts.count; i++)
        if (lake->parts.parts[i]->kind == SKY_TOPIC_POSTS && lake->parts.parts[i]->partition == 0)
            return lake->parts.parts[i]->assigned;
    return false;
}

/* Behind each round, in its thread. */
static void abort_stale_uploads(void *context, struct sky_lake_tidy *tidy, struct sky_lake_store *store, int64_t now_ms)
{
    uint32_t count;
    if (sky_lake_store_abort_uploads(store, now_ms - STALE_UPLOAD_MS, &count) == SKY_OK && count)
        sky_log(SKY_LOG_INFO, "uploads_given_up", SKY_LOG_INT("count", count));
}

static void take_tidied(struct lake *lake)
{
    struct sky_lake_tidied tidied;
    if (!lake->tidy || !sky_lake_tidy_take(lake->tidy, &tidied))
        return;
    lake->is_tidying = false;
    if (!tidied.whole && lake->tidied_ms < lake->touched_ms)
        lake->touched_ms = lake->tidied_ms; /* the next round looks there again */
    if (tidied.status != SKY_OK)
        sky_log(SKY_LOG_WARN, "compaction_failed", SKY_LOG_TEXT("reason", tidied.problem));
    sky_metric_add(lake->service.metrics, SKY_METRIC_LAKE_COMPACTED, 0, tidied.done.replaced);
    if (tidied.done.merged || tidied.done.deleted)
        sky_log(SKY_LOG_INFO, "compacted", SKY_LOG_INT("files", tidied.done.replaced),
                SKY_LOG_INT("into", tidied.done.merged), SKY_LOG_INT("deleted", tidied.done.deleted));
    lake->compact_clock_ms = sky_clock_monotonic_ms() + lake->config->lake.compact_interval_ms;
}

static void compact(struct lake *lake)
{
    int64_t now_ms = sky_clock_wall_ms(), recent_ms = now_ms - COMPACT_RECENT_MS;
    take_tidied(lake);
    if (!lake->tidy || lake->is_tidying || sky_clock_monotonic_ms() < lake->compact_clock_ms || !tidies(lake))
        return;
    const struct sky_lake_compaction compaction = {.now_ms = now_ms,
                                                   .clock_ms = now_ms,
                                                   .closed_ms = lake->config->lake.compact_after_ms,
                                                   .grace_ms = lake->config->lake.compact_grace_ms,
                                                   .start_ms =
                                                       lake->touched_ms < recent_ms ? lake->touched_ms : recent_ms,
                                                   .end_ms = INT64_MAX,
                                                   .offset_max = INT64_MAX,
                                                   .merges_max = UINT32_MAX};
    lake->tidied_ms = lake->touched_ms;
    lake->touched_ms = INT64_MAX; /* what is written from now on counts for the next round */
    lake->is_tidying = true;
    sky_lake_tidy_ask(lake->tidy, &compaction);
}

/* ---- beginning and end ---- */

static int64_t on_assigned(void *context, const char *topic, int32_t partition, int64_t committed, const char *metadata)
{
    struct lake *lake = context;
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
    struct lake *lake = context;
    struct sky_lake_part *part = sky_lake_part_get(&lake->parts, topic, partition);
    if (!part)
        return;
    if (part == lake->stored_part && sky_lake_storer_is_busy(lake->storer))
        sky_lake_storer_let_go(lake->storer); /* its other reader does the same chunk */
    sky_lake_part_revoke(&lake->parts, part);
}

static enum sky_status set_expiry(struct lake *lake)
{
    const struct sky_config *config = lake->config;
    struct sky_s3 *s3 = sky_lake_store_s3(lake->store);
    struct sky_buffer raw = {0}, processed = {0};
    struct sky_s3_expiry rules[2];
    size_t count = 0;
    if (!s3 || (!config->lake.keep_raw_ms && !config->lake.keep_processed_ms))
        return SKY_OK;
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
    return status;
}

/* Waits for the store as long as it is away. SKY_E_CONFIG: only a person can help. */
static enum sky_status reach_store(struct lake *lake)
{
    int64_t wait_ms = RETRY_FIRST_MS;
    for (;;) {
        enum sky_status status = sky_lake_store_check(lake->store, true);
        if (status == SKY_OK) {
            store_works(lake);
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
            sky_signal_sleep(POLL_MS);
        }
        wait_ms = wait_ms * 2 < RETRY_MS_MAX ? wait_ms * 2 : RETRY_MS_MAX;
    }
}

static void get_s3_options(const struct lake *lake, struct sky_s3_options *s3)
{
    sky_lake_s3_options(lake->config, s3);
    s3->stop = &lake->grace.is_over;
    s3->connect_timeout_ms = CONNECT_MS;
    s3->timeout_ms = ATTEMPT_MS_MAX;
    s3->attempts_max = 1; /* the loop around it tries again, and polls between */
}

static int open_store(struct lake *lake)
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
static int open_lake(struct lake *lake)
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

static int open_kafka(struct lake *lake)
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
    const struct sky_lake_storer_options storer = {&lake->service, lake->lake, lake->dead_letters};
    if (sky_lake_storer_new(&storer, &lake->storer) != SKY_OK)
        return sky_service_fail(&lake->service, "a thread", "no memory");
    return SKY_EXIT_OK;
}

static void work(struct lake *lake)
{
    struct sky_kafka_record record;
    int64_t turn_ms = 0;
    while (!lake->failed && sky_service_goes_on(&lake->service)) {
        switch (sky_service_next(&lake->service, lake->consumer, POLL_MS, &record)) {
        case SKY_KAFKA_RECORD: take_record(lake, &record); break;
        case SKY_KAFKA_PARTITION_END: note_end(lake, record.topic, record.partition, record.offset); break;
        case SKY_KAFKA_FAILED: lake->failed = true; break;
        default: break;
        }
        finish_chunk(lake);
        int64_t now_ms = sky_clock_monotonic_ms();
        if (now_ms - turn_ms < POLL_MS || lake->failed)
            continue;
        turn_ms = now_ms;
        watch_store(lake);
        store_due(lake, false);
        check_failed_store(lake);
        compact(lake);
        tell_totals(lake);
    }
    if (lake->tidy)
        sky_lake_tidy_stop(lake->tidy);
    if (!lake->failed)
        store_due(lake, true);
}

static void close_all(struct lake *lake)
{
    atomic_store(&lake->grace.is_over, true);
    sky_lake_storer_free(lake->storer);
    sky_kafka_consumer_free(lake->consumer);
    sky_kafka_dead_letters_free(lake->dead_letters);
    sky_lake_parts_clean_up(&lake->parts);
    sky_lake_tidy_free(lake->tidy);
    sky_lake_free(lake->lake);
    sky_lake_store_free(lake->store);
    sky_grace_clean_up(&lake->grace);
    sky_service_stop(&lake->service);
    free(lake);
}

static int run(const struct sky_invocation *invocation)
{
    struct lake *lake = calloc(1, sizeof *lake);
    if (!lake)
        return SKY_EXIT_FAILURE;
    lake->config = invocation->config;
    lake->touched_ms = 0; /* the first round looks at everything */
    const struct sky_service_options service = {invocation, SKY_ROLE_LAKE, DEFAULT_PORT};
    int exit_code = sky_service_start(&service, &lake->service);
    if (exit_code != SKY_EXIT_OK) {
        free(lake);
        return exit_code;
    }
    exit_code = sky_grace_init(&lake->grace) == SKY_OK ? open_store(lake)
                                                       : sky_service_fail(&lake->service, "a thread", "no memory");
    enum sky_status opened = exit_code == SKY_EXIT_OK ? sky_service_open(&lake->service) : SKY_OK;
    if (opened != SKY_OK)
        exit_code = opened == SKY_E_CONFIG ? SKY_EXIT_USAGE : SKY_EXIT_FAILURE;
    enum sky_status reached = exit_code == SKY_EXIT_OK ? reach_store(lake) : SKY_E_END;
    if (reached == SKY_E_CONFIG)
        exit_code = SKY_EXIT_FAILURE;
    if (reached == SKY_OK) {
        enum sky_status ignored = set_expiry(lake);
        (void)ignored;
        exit_code = open_lake(lake);
        if (exit_code == SKY_EXIT_OK)
            exit_code = open_kafka(lake);
        sky_grace_allow(&lake->grace, DRAIN_MS_MAX);
        if (exit_code == SKY_EXIT_OK)
            work(lake);
    }
    if (lake->failed)
        exit_code = SKY_EXIT_FAILURE;
    close_all(lake);
    return exit_code;
}

const struct sky_command sky_command_lake = {
    .name = "lake",
    .summary = "write posts and trends from Kafka as Parquet to S3 or a folder",
    .description =
        "Reads the topics of posts, trends, activity and sessions as a consumer group (any number of processes share\n"
        "the work) and writes Parquet files by hour to lake.location. Every record is there once, whatever is killed\n"
        "and when. While the store cannot be reached, /readyz says so and nothing is lost. See docs/LAKE.md.",
    .options = options,
    .examples =
        (const char *const[]){
            "skytrend lake --lake.location s3://skytrend --s3.endpoint http://127.0.0.1:9000",
            "# the keys: SKYTREND_S3_ACCESS_KEY and SKYTREND_S3_SECRET_KEY in the environment, or file:PATH",
            "skytrend lake --lake.location /srv/lake",
            NULL,
        },
    .takes_config = true,
    .run = run,
};
