/* What lies between the records that wait and the chunks in the lake; lake_part.h has the protocol. */
#include <stdio.h>

#include "app/lake.h"
#include "io/host/clock.h"
#include "ops/log.h"

#define PATIENCE_MS    2000  /* for the store, before reading stops and what was fetched ahead is given up */
#define STORE_SLOW_MS  10000 /* of one chunk */
#define STORE_CHECK_MS 10000

/* ---- waiting, and telling ---- */

void sky_lake_note_end(struct sky_lake_service *lake, const char *topic, int32_t partition, int64_t offset)
{
    struct sky_lake_part *part = sky_lake_part_get(&lake->parts, topic, partition);
    if (part)
        part->seen_end = offset;
}

void sky_lake_read_again(struct sky_lake_service *lake, const char *topic, int32_t partition, int64_t offset)
{
    sky_lake_note_end(lake, topic, partition, 0);
    if (sky_kafka_consumer_seek(lake->consumer, topic, partition, offset) == SKY_OK)
        return;
    sky_service_fail(&lake->service, topic, "cannot be read again from an offset");
    lake->failed = true; /* a restart begins where the group committed */
}

/* A wait during which the group keeps us. False: it is time to end. */
static bool wait_polling(struct sky_lake_service *lake, int64_t wait_ms)
{
    struct sky_kafka_record record;
    int64_t until_ms = sky_clock_monotonic_ms() + wait_ms;
    sky_kafka_consumer_pause(lake->consumer, true);
    while (!lake->failed && sky_clock_monotonic_ms() < until_ms && sky_service_goes_on(&lake->service)) {
        enum sky_kafka_event event = sky_service_next(&lake->service, lake->consumer, SKY_LAKE_POLL_MS, &record);
        if (event == SKY_KAFKA_RECORD) /* on its way before the pause: read it again when its turn comes */
            sky_lake_read_again(lake, record.topic, record.partition, record.offset);
        else if (event == SKY_KAFKA_PARTITION_END) /* it is told once */
            sky_lake_note_end(lake, record.topic, record.partition, record.offset);
        lake->failed |= event == SKY_KAFKA_FAILED;
    }
    return !lake->failed && sky_service_goes_on(&lake->service);
}

void sky_lake_store_works(struct sky_lake_service *lake)
{
    lake->store_failed = false;
    sky_health_set(lake->service.health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_OK, NULL);
}

/* An attempt that takes long fails in the end, or not: that it takes long is told at once. */
void sky_lake_watch_store(struct sky_lake_service *lake)
{
    char problem[64];
    int64_t attempt_ms = sky_lake_storer_attempt_ms(lake->storer);
    if (attempt_ms < STORE_SLOW_MS)
        return;
    snprintf(problem, sizeof problem, "a file has been on its way there for %lld s", (long long)(attempt_ms / 1000));
    sky_health_set(lake->service.health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_FAILED, problem);
}

/* The chunk that could not be stored was given up, and there may be none for long: is the store there again? */
void sky_lake_check_failed_store(struct sky_lake_service *lake)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    if (!lake->store_failed || sky_lake_storer_is_busy(lake->storer) || now_ms < lake->store_check_clock_ms)
        return;
    lake->store_check_clock_ms = now_ms + STORE_CHECK_MS;
    lake->stored_part = NULL;
    sky_lake_storer_begin_check(lake->storer);
}

/* ---- chunks ---- */

uint64_t sky_lake_waiting_bytes(const struct sky_lake_service *lake)
{
    return lake->parts.waiting_bytes + lake->stored_bytes;
}

/* SKY_E_FENCED: the part was given away meanwhile, maybe to come back without what waited, or the brokers say that it
 * is not ours. SKY_E_END: it is time to end. */
static enum sky_status commit(struct sky_lake_service *lake, const struct sky_lake_part *part, int64_t offset,
                              const char *metadata)
{
    struct sky_kafka_message message = {0};
    const struct sky_kafka_record position = {.topic = part->topic, .partition = part->partition, .offset = offset};
    uint64_t generation = part->generation;
    for (int64_t wait_ms = SKY_LAKE_RETRY_FIRST_MS;; wait_ms = sky_lake_longer_wait(wait_ms)) {
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

void sky_lake_tell_totals(struct sky_lake_service *lake)
{
    struct sky_metrics *metrics = lake->service.metrics;
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_ROWS, 0, lake->totals.rows);
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_FILES, 0, lake->totals.files);
    sky_metric_set_total(metrics, SKY_METRIC_LAKE_BYTES, 0, lake->totals.bytes);
    sky_metric_set(metrics, SKY_METRIC_LAKE_WAITING, 0, (double)sky_lake_waiting_bytes(lake));
    if (lake->newest_ms) {
        sky_metric_set(metrics, SKY_METRIC_EVENT_TIME, 0, (double)lake->newest_ms / 1000);
        sky_metric_set(metrics, SKY_METRIC_FRESHNESS, 0, (double)(sky_clock_wall_ms() - lake->newest_ms) / 1000);
    }
}

static void tell_stored(struct sky_lake_service *lake, const struct sky_lake_stored *stored)
{
    if (stored->kind == SKY_TOPIC_POSTS)
        sky_metric_add(lake->service.metrics, SKY_METRIC_POSTS_PROCESSED, 0, stored->records);
    sky_metric_observe(lake->service.metrics, SKY_METRIC_LAKE_STORE_DURATION, (double)stored->us / 1e6);
    sky_log(SKY_LOG_INFO, "chunk_stored", SKY_LOG_TEXT("topic", stored->chunk.topic),
            SKY_LOG_INT("partition", stored->chunk.partition), SKY_LOG_INT("start", stored->chunk.start),
            SKY_LOG_INT("end", stored->chunk.end), SKY_LOG_INT("records", stored->records));
}

/* The part is another member's, or it is time to end: what waits is read again. */
static void drop_part(struct sky_lake_service *lake, struct sky_lake_part *part, enum sky_status status)
{
    if (status == SKY_E_FENCED)
        sky_log(SKY_LOG_INFO, "partition_lost", SKY_LOG_TEXT("topic", part->topic),
                SKY_LOG_INT("partition", part->partition));
    sky_lake_part_revoke(&lake->parts, part);
}

/* A chunk that has come to its end in the storer: the offset behind it is committed. */
void sky_lake_finish_chunk(struct sky_lake_service *lake)
{
    struct sky_lake_stored stored;
    if (!sky_lake_storer_is_busy(lake->storer) || !sky_lake_storer_take(lake->storer, &stored))
        return;
    struct sky_lake_part *part = lake->stored_part;
    enum sky_status status = stored.status;
    lake->stored_bytes = 0;
    lake->totals = stored.totals;
    lake->store_failed = stored.store_failed;
    if (!stored.store_failed)
        sky_lake_store_works(lake);
    if (!part)
        return; /* it was the store that was asked about */
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
    sky_lake_tell_totals(lake);
}

/* Until the storer has nothing to do. One that cannot end soon is waited for with the group's membership kept. */
void sky_lake_await_storer(struct sky_lake_service *lake)
{
    bool is_over = sky_lake_storer_await(lake->storer, PATIENCE_MS);
    bool pauses = !is_over;
    while (!is_over) {
        bool goes_on = wait_polling(lake, SKY_LAKE_POLL_MS);
        if (!goes_on)
            sky_lake_storer_let_go(lake->storer);
        if (lake->failed)
            atomic_store(&lake->grace.is_over, true);
        sky_lake_watch_store(lake);
        sky_lake_tell_totals(lake);
        is_over = sky_lake_storer_await(lake->storer, goes_on ? 0 : SKY_LAKE_POLL_MS);
    }
    sky_lake_finish_chunk(lake);
    if (pauses)
        sky_kafka_consumer_pause(lake->consumer, false);
}

/* What waits of a part is handed to the storer, with its plan committed; behind the chunk that is there before. */
void sky_lake_begin_chunk(struct sky_lake_service *lake, struct sky_lake_part *part)
{
    char metadata[SKY_LAKE_METADATA_SIZE];
    struct sky_lake_records records;
    uint64_t generation = part->generation;
    sky_lake_await_storer(lake);
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
