/* skytrend lake: the topics of posts, trends, activity and sessions -> Parquet on S3 or in a folder, each record once.
 *
 * One thread reads and commits; when a partition has enough (rows, time, or memory) another one writes its chunk while
 * the first reads on, as far as there is room. While the store is away the consumer is paused but polled, so that the
 * group keeps its members, and the chunk waits. */
#include "app/lake.h"

#include <stdlib.h>

#include "app/command.h"
#include "base/time.h"
#include "io/host/clock.h"
#include "ops/log.h"

#define DEFAULT_PORT      9102
#define DRAIN_MS_MAX      8000             /* after SIGTERM; what is not stored by then is read again */
#define COMPACT_RECENT_MS (2 * SKY_DAY_MS) /* what every round looks at; the first one looks at all */

static const struct sky_option options[] = {SKY_SERVICE_OPTIONS, {0}};

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

static bool is_due(const struct sky_lake_service *lake, const struct sky_lake_part *part)
{
    if (!part->assigned || !part->rows || part->plan_end)
        return false;
    return part->rows >= (uint64_t)lake->config->lake.roll_rows ||
           sky_clock_monotonic_ms() - part->since_clock_ms >= lake->config->lake.roll_interval_ms;
}

/* From half of the room on, what waits most is written while the other half takes what is read meanwhile. */
static void make_room(struct sky_lake_service *lake)
{
    uint64_t room = (uint64_t)lake->config->lake.buffer_bytes;
    if (sky_lake_waiting_bytes(lake) > room)
        sky_lake_await_storer(lake);
    if (lake->parts.waiting_bytes <= room / 2 || sky_lake_storer_is_busy(lake->storer) || lake->failed)
        return;
    struct sky_lake_part *part = largest_part(&lake->parts);
    if (part)
        sky_lake_begin_chunk(lake, part);
}

static void take_record(struct sky_lake_service *lake, const struct sky_kafka_record *record)
{
    struct sky_lake_part *part = sky_lake_part_get(&lake->parts, record->topic, record->partition);
    if (!part || !part->assigned)
        return;
    if (record->offset < part->end && part->rows == 0) { /* the brokers do not know what was committed any more */
        sky_log(SKY_LOG_WARN, "offset_reset", SKY_LOG_TEXT("topic", part->topic),
                SKY_LOG_INT("partition", part->partition), SKY_LOG_INT("committed", part->end),
                SKY_LOG_INT("offset", record->offset));
        sky_lake_part_reset(part, record->offset);
    }
    if (record->offset < part->end)
        return;
    if (part->plan_end && record->offset >= part->plan_end) { /* its last records are gone */
        uint64_t generation = part->generation;
        sky_lake_begin_chunk(lake, part);
        if (part->generation == generation)
            sky_lake_read_again(lake, part->topic, part->partition, part->end);
        return;
    }
    if (sky_lake_part_add(&lake->parts, part, record, sky_clock_monotonic_ms()) != SKY_OK) {
        sky_service_fail(&lake->service, "a record", "no memory");
        lake->failed = true;
        return;
    }
    if (part->plan_end ? part->end >= part->plan_end : is_due(lake, part) && !sky_lake_storer_is_busy(lake->storer))
        sky_lake_begin_chunk(lake, part);
    make_room(lake);
}

/* One part that is due, or plan that is as done as it will be, when the storer has nothing to do. */
static void store_due(struct sky_lake_service *lake)
{
    for (size_t i = 0; i < lake->parts.count && !lake->failed; i++) {
        struct sky_lake_part *part = lake->parts.parts[i];
        if (sky_lake_storer_is_busy(lake->storer))
            return;
        if (is_due(lake, part) || sky_lake_part_ends_plan(part))
            sky_lake_begin_chunk(lake, part);
    }
}

/* At the end: all that waits, as far as there is time. */
static void drain(struct sky_lake_service *lake)
{
    for (size_t i = 0; i < lake->parts.count && !lake->failed && !atomic_load(&lake->grace.is_over); i++) {
        struct sky_lake_part *part = lake->parts.parts[i];
        if ((part->assigned && part->rows && !part->plan_end) || sky_lake_part_ends_plan(part))
            sky_lake_begin_chunk(lake, part);
    }
    sky_lake_await_storer(lake);
}

/* One member of the group tidies: the one that reads the first partition of posts. */
static bool tidies(const struct sky_lake_service *lake)
{
    for (size_t i = 0; i < lake->parts.count; i++)
        if (lake->parts.parts[i]->kind == SKY_TOPIC_POSTS && lake->parts.parts[i]->partition == 0)
            return lake->parts.parts[i]->assigned;
    return false;
}

static void take_tidied(struct sky_lake_service *lake)
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

static void compact(struct sky_lake_service *lake)
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

static void work(struct sky_lake_service *lake)
{
    struct sky_kafka_record record;
    int64_t turn_ms = 0;
    while (!lake->failed && sky_service_goes_on(&lake->service)) {
        switch (sky_service_next(&lake->service, lake->consumer, SKY_LAKE_POLL_MS, &record)) {
        case SKY_KAFKA_RECORD: take_record(lake, &record); break;
        case SKY_KAFKA_PARTITION_END: sky_lake_note_end(lake, record.topic, record.partition, record.offset); break;
        case SKY_KAFKA_FAILED: lake->failed = true; break;
        default: break;
        }
        sky_lake_finish_chunk(lake);
        int64_t now_ms = sky_clock_monotonic_ms();
        if (now_ms - turn_ms < SKY_LAKE_POLL_MS || lake->failed)
            continue;
        turn_ms = now_ms;
        sky_lake_watch_store(lake);
        store_due(lake);
        sky_lake_check_failed_store(lake);
        compact(lake);
        sky_lake_tell_totals(lake);
    }
    if (lake->tidy)
        sky_lake_tidy_stop(lake->tidy);
    if (!lake->failed)
        drain(lake);
}

static int run(const struct sky_invocation *invocation)
{
    struct sky_lake_service *lake = calloc(1, sizeof *lake);
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
    exit_code = sky_lake_open(lake);
    if (exit_code == SKY_EXIT_OK && lake->storer) {
        sky_grace_allow(&lake->grace, DRAIN_MS_MAX);
        work(lake);
    }
    if (lake->failed)
        exit_code = SKY_EXIT_FAILURE;
    sky_lake_close(lake);
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
