/* skytrend lake: the topics of posts, trends, activity and sessions -> Parquet on S3 or in a folder, each record once.
 *
 * One thread reads, and when a partition has enough (rows, time, or memory) writes its chunk before it reads on.
 * Another one makes small files one (io/lake/lake_tidy.h). The protocol is that of lake_part.h. While the store is away
 * the consumer is paused but polled, so that the group keeps its members, and the chunk waits. */
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/grace.h"
#include "app/lake_part.h"
#include "app/lake_place.h"
#include "app/service.h"
#include "app/trace.h"
#include "base/time.h"
#include "event/post_json.h"
#include "io/host/clock.h"
#include "io/kafka/kafka_dead_letters.h"
#include "io/lake/lake_tidy.h"
#include "ops/log.h"
#include "ops/signal.h"
#include "trend/record_json.h"

#define DEFAULT_PORT      9102
#define POLL_MS           100
#define ENSURE_TOPICS_MS  10000
#define SETTLE_MS         5000
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
    struct sky_post_json_reader post_reader;
    struct sky_record_reader record_reader;
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

static void store_failed(struct lake *lake, const char *problem)
{
    lake->store_failed = true;
    sky_metric_add(lake->service.metrics, SKY_METRIC_LAKE_STORE_FAILURES, 0, 1);
    sky_health_set(lake->service.health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_FAILED, problem);
    sky_log(SKY_LOG_WARN, "store_failed", SKY_LOG_TEXT("reason", problem));
}

static void store_works(struct lake *lake)
{
    lake->store_failed = false;
    sky_health_set(lake->service.health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_OK, NULL);
}

/* The chunk that could not be stored was given up, and there may be none for long: is the store there again? */
static void check_failed_store(struct lake *lake)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    if (!lake->store_failed || now_ms < lake->store_check_clock_ms)
        return;
    if (sky_lake_store_check(lake->store, false) == SKY_OK)
        store_works(lake);
    lake->store_check_clock_ms = sky_clock_monotonic_ms() + STORE_CHECK_MS;
}

/* ---- records to rows ---- */

static void bury(struct lake *lake, const struct sky_kafka_record *record, const struct sky_error *error)
{
    const struct sky_kafka_dead_letter letter = {
        .service = "lake",
        .reason = error->reason ? error->reason : sky_status_name(error->status),
        .topic = record->topic,
        .partition = record->partition,
        .offset = record->offset,
        .value = record->value,
    };
    sky_service_bad_record(&lake->service, record, error);
    if (sky_kafka_dead_letters_add(lake->dead_letters, &letter) == SKY_OK)
        return;
    sky_service_fail(&lake->service, "a dead letter", "no memory");
    lake->failed = true;
}

static void note_time(struct lake *lake, int64_t time_ms)
{
    if (time_ms < lake->touched_ms)
        lake->touched_ms = time_ms;
    if (time_ms > lake->newest_ms)
        lake->newest_ms = time_ms;
}

/* The record as rows. An error of the record itself is in *error; what is returned is the lake's. */
static enum sky_status add_record(struct lake *lake, enum sky_topic_kind kind, struct sky_span value,
                                  struct sky_error *error)
{
    struct sky_post post;
    struct sky_trend_snapshot snapshot;
    struct sky_activity_record activity;
    struct sky_session session;
    *error = (struct sky_error){0};
    switch (kind) {
    case SKY_TOPIC_POSTS:
        if (sky_post_json_read(&lake->post_reader, value, &post, error) != SKY_OK)
            return SKY_OK;
        note_time(lake, post.event_time_ms);
        sky_trace_post("post_stored", &post);
        return sky_lake_add_post(lake->lake, &post);
    case SKY_TOPIC_TRENDS:
        if (sky_trend_snapshot_read(&lake->record_reader, value, &snapshot, error) != SKY_OK)
            return SKY_OK;
        note_time(lake, snapshot.window_end_ms);
        sky_trace_changes(SKY_LOG_DEBUG, "trend_start_stored", "trend_end_stored", &snapshot);
        return sky_lake_add_trends(lake->lake, &snapshot);
    case SKY_TOPIC_ACTIVITY:
        if (sky_activity_read(&lake->record_reader, value, &activity, error) != SKY_OK)
            return SKY_OK;
        note_time(lake, activity.window_end_ms);
        return sky_lake_add_activity(lake->lake, &activity);
    case SKY_TOPIC_SESSIONS:
        if (sky_session_read(&lake->record_reader, value, &session, error) != SKY_OK)
            return SKY_OK;
        note_time(lake, session.session_end_ms);
        return sky_lake_add_session(lake->lake, &session);
    default: return SKY_OK;
    }
}

/* All that waits of a part, as rows. `first`: bad records are told of, which a repetition does not do again. */
static enum sky_status add_part(struct lake *lake, const struct sky_lake_part *part, bool first)
{
    struct sky_kafka_record record = {.topic = part->topic, .partition = part->partition};
    struct sky_error error;
    size_t at = 0;
    enum sky_status status = sky_lake_clear(lake->lake);
    while (status == SKY_OK && sky_lake_part_next(part, &at, &record.offset, &record.value)) {
        status = add_record(lake, part->kind, record.value, &error);
        if (status == SKY_E_LIMIT) {
            error = (struct sky_error){SKY_E_LIMIT, 0, "of one hour too many for its chunk"};
            status = SKY_OK;
        }
        if (error.status != SKY_OK && first)
            bury(lake, &record, &error);
    }
    return status;
}

/* ---- chunks ---- */

/* A wait while a part's chunk is stored. SKY_E_FENCED: the part was given away meanwhile, maybe to come back without
 * what waited. SKY_E_END: it is time to end. */
static enum sky_status wait_with(struct lake *lake, const struct sky_lake_part *part, int64_t *wait_ms)
{
    uint64_t generation = part->generation;
    bool goes_on = wait_polling(lake, *wait_ms);
    *wait_ms = *wait_ms * 2 < RETRY_MS_MAX ? *wait_ms * 2 : RETRY_MS_MAX;
    if (part->generation != generation)
        return SKY_E_FENCED;
    return goes_on ? SKY_OK : SKY_E_END;
}

/* SKY_E_FENCED, SKY_E_END: as above; also when the brokers say that the part is not ours. */
static enum sky_status commit(struct lake *lake, const struct sky_lake_part *part, int64_t offset, const char *metadata)
{
    struct sky_kafka_message message = {0};
    const struct sky_kafka_record position = {.topic = part->topic, .partition = part->partition, .offset = offset};
    int64_t wait_ms = RETRY_FIRST_MS;
    for (;;) {
        enum sky_status status = sky_kafka_consumer_commit(lake->consumer, &position, metadata, &message);
        if (status == SKY_OK || status == SKY_E_FENCED)
            return status;
        sky_log(SKY_LOG_WARN, "commit_failed", SKY_LOG_TEXT("topic", part->topic),
                SKY_LOG_INT("partition", part->partition), SKY_LOG_TEXT("reason", message.text));
        status = wait_with(lake, part, &wait_ms);
        if (status != SKY_OK)
            return status;
    }
}

static enum sky_status store_files(struct lake *lake, const struct sky_lake_part *part)
{
    const struct sky_lake_chunk chunk = {part->topic, part->partition, part->start, part->end};
    int64_t wait_ms = RETRY_FIRST_MS;
    for (bool first = true;; first = false) {
        enum sky_status status = add_part(lake, part, first);
        if (status == SKY_OK)
            status = sky_lake_store_raw_posts(lake->lake, &chunk);
        if (status == SKY_OK)
            status = sky_lake_store_trend_aggregations(lake->lake, &chunk);
        if (status == SKY_OK) {
            store_works(lake);
            return SKY_OK;
        }
        store_failed(lake, sky_lake_problem(lake->lake));
        status = wait_with(lake, part, &wait_ms);
        if (status != SKY_OK)
            return status;
    }
}

/* What could not be read is kept before the offset behind it is committed. */
static enum sky_status settle(struct lake *lake, const struct sky_lake_part *part)
{
    struct sky_kafka_message message;
    int64_t wait_ms = RETRY_FIRST_MS;
    uint64_t count = sky_kafka_dead_letters_pending(lake->dead_letters);
    while (sky_kafka_dead_letters_settle(lake->dead_letters, SETTLE_MS, &message) != SKY_OK) {
        sky_log(SKY_LOG_WARN, "dead_letters_not_kept", SKY_LOG_TEXT("reason", message.text),
                SKY_LOG_INT("count", count));
        enum sky_status status = wait_with(lake, part, &wait_ms);
        if (status != SKY_OK)
            return status;
    }
    if (count)
        sky_metric_add(lake->service.metrics, SKY_METRIC_KAFKA_PRODUCED, SKY_TOPIC_DEAD_LETTERS, count);
    return SKY_OK;
}

static void tell_totals(struct lake *lake)
{
    struct sky_lake_totals totals;
    struct sky_metrics *metrics = lake->service.metrics;
    sky_lake_totals(lake->lake, &totals);
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_ROWS, 0, totals.rows);
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_FILES, 0, totals.files);
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_BYTES, 0, totals.bytes);
    sky_metric_set(metrics, SKY_METRIC_LAKE_WAITING, 0, (double)lake->parts.waiting_bytes);
    if (lake->newest_ms) {
        sky_metric_set(metrics, SKY_METRIC_EVENT_TIME, 0, (double)lake->newest_ms / 1000);
        sky_metric_set(metrics, SKY_METRIC_FRESHNESS, 0, (double)(sky_clock_wall_ms() - lake->newest_ms) / 1000);
    }
}

/* The chunk [start, end) of a part into the lake; true: it is there. What waited is gone in any case: stored, or
 * another member's, or it is time to end and the next start reads it again. */
static bool store_chunk(struct lake *lake, struct sky_lake_part *part)
{
    char metadata[SKY_LAKE_METADATA_SIZE];
    uint64_t generation = part->generation;
    int64_t begun_us = sky_clock_monotonic_us();
    uint64_t rows = part->rows;
    enum sky_status status = SKY_OK;
    if (part->plan_end)
        part->end = part->plan_end; /* as it was committed */
    else {
        sky_lake_part_metadata(part, metadata);
        status = commit(lake, part, part->start, metadata);
    }
    if (status == SKY_OK)
        status = store_files(lake, part);
    if (status == SKY_OK)
        status = settle(lake, part);
    if (status == SKY_OK)
        status = commit(lake, part, part->end, NULL);
    if (status == SKY_OK) {
        if (part->kind == SKY_TOPIC_POSTS)
            sky_metric_add(lake->service.metrics, SKY_METRIC_POSTS_PROCESSED, 0, rows);
        sky_metric_observe(lake->service.metrics, SKY_METRIC_LAKE_STORE_DURATION,
                           (double)(sky_clock_monotonic_us() - begun_us) / 1e6);
        sky_log(SKY_LOG_INFO, "chunk_stored", SKY_LOG_TEXT("topic", part->topic),
                SKY_LOG_INT("partition", part->partition), SKY_LOG_INT("start", part->start),
                SKY_LOG_INT("end", part->end), SKY_LOG_INT("records", rows));
        sky_lake_part_done(&lake->parts, part);
    } else {
        if (status == SKY_E_FENCED)
            sky_log(SKY_LOG_INFO, "partition_lost", SKY_LOG_TEXT("topic", part->topic),
                    SKY_LOG_INT("partition", part->partition));
        if (part->generation == generation) /* else it has begun anew already */
            sky_lake_part_revoke(&lake->parts, part);
    }
    sky_kafka_consumer_pause(lake->consumer, false);
    tell_totals(lake);
    return status == SKY_OK;
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
        int64_t end = part->plan_end;
        if (store_chunk(lake, part))
            read_again(lake, part->topic, part->partition, end);
        return;
    }
    if (sky_lake_part_add(&lake->parts, part, record, sky_clock_monotonic_ms()) != SKY_OK) {
        sky_service_fail(&lake->service, "a record", "no memory");
        lake->failed = true;
        return;
    }
    bool ends_plan = part->plan_end && part->end >= part->plan_end;
    if (ends_plan || (!part->plan_end && part->rows >= (uint64_t)lake->config->lake.roll_rows))
        store_chunk(lake, part);
    if (lake->parts.waiting_bytes > (uint64_t)lake->config->lake.buffer_bytes &&
        (part = largest_part(&lake->parts)) != NULL)
        store_chunk(lake, part);
}

/* Every part that waits long enough, and every plan that is as done as it will be; all that waits with `drain`. */
static void store_due(struct lake *lake, bool drain)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    for (size_t i = 0; i < lake->parts.count && !lake->failed && !atomic_load(&lake->grace.is_over); i++) {
        struct sky_lake_part *part = lake->parts.parts[i];
        bool due = drain || now_ms - part->since_clock_ms >= lake->config->lake.roll_interval_ms;
        if ((part->assigned && part->rows && !part->plan_end && due) || sky_lake_part_ends_plan(part))
            store_chunk(lake, part);
    }
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
    if (part)
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
        store_failed(lake, sky_lake_store_problem(lake->store));
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
        int64_t now_ms = sky_clock_monotonic_ms();
        if (now_ms - turn_ms < POLL_MS || lake->failed)
            continue;
        turn_ms = now_ms;
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
    sky_kafka_consumer_free(lake->consumer);
    sky_kafka_dead_letters_free(lake->dead_letters);
    sky_lake_parts_clean_up(&lake->parts);
    sky_post_json_reader_clean_up(&lake->post_reader);
    sky_record_reader_clean_up(&lake->record_reader);
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
    sky_post_json_reader_init(&lake->post_reader);
    sky_record_reader_init(&lake->record_reader);
    const struct sky_service_options service = {invocation, SKY_ROLE_LAKE, DEFAULT_PORT};
    int exit_code = sky_service_start(&service, &lake->service);
    if (exit_code != SKY_EXIT_OK) {
        free(lake);
        return exit_code;
    }
    exit_code = sky_grace_init(&lake->grace) == SKY_OK ? open_store(lake)
                                                       : sky_service_fail(&lake->service, "a thread", "no memory");
    enum sky_status reached = exit_code == SKY_EXIT_OK ? reach_store(lake) : SKY_E_CONFIG;
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
