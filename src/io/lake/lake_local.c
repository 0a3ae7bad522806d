#include "io/lake/lake_local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/time.h"
#include "io/host/clock.h"
#include "io/lake/lake_listing.h"
#include "io/lake/lake_tidy.h"

#define TOPIC            "run"
#define MEMORY_BYTES     (UINT64_C(192) << 20) /* of DuckDB, for rows that wait */
#define TIDY_BYTES       (UINT64_C(128) << 20) /* of DuckDB, for files that become one */
#define TIDY_INTERVAL_MS (10 * SKY_MINUTE_MS)  /* of the stream's time */
#define GRACE_MS         SKY_MINUTE_MS         /* for readers in other processes */
#define MERGES_MAX       16                    /* of one round; the rest in the next one */

struct sky_lake_local {
    struct sky_lake_store *store;
    struct sky_lake *lake;
    int lock_fd;    /* of FOLDER/.lock; -1: not ours */
    uint64_t start; /* number of the first row that waits */
    uint64_t next;  /* of the next one */
    uint64_t dropped;
    bool has_rows_behind; /* `start`, of files that could not be removed: nothing is written beside them */
    int64_t tidied_ms;    /* the stream's time */
    int64_t keep_ms;
    uint64_t bytes_max;
    int64_t closed_ms;
    bool compacts;
    struct sky_lake_tidy *tidy; /* the thread beside */
    int64_t tidy_start_ms;      /* older hours have been made one already */
    uint64_t compacted;
    atomic_uint_least64_t removed; /* these two by the thread */
    atomic_uint_least64_t bytes;
    char problem[SKY_LAKE_PROBLEM_SIZE];
};

static enum sky_status note(struct sky_lake_local *local, enum sky_status status)
{
    if (status != SKY_OK)
        snprintf(local->problem, sizeof local->problem, "%s", sky_lake_problem(local->lake));
    return status;
}

const char *sky_lake_local_problem(const struct sky_lake_local *local)
{
    return local->problem;
}

/* ---- tidying ---- */

struct usage {
    struct sky_lake_listing listings[SKY_LAKE_TABLE_COUNT];
    uint64_t bytes;
};

static enum sky_status list_all(struct sky_lake_store *store, struct usage *usage)
{
    enum sky_status status = SKY_OK;
    *usage = (struct usage){0};
    for (int table = 0; status == SKY_OK && table < SKY_LAKE_TABLE_COUNT; table++) {
        status =
            sky_lake_list(store, (enum sky_lake_table)table, INT64_MIN / 2, INT64_MAX / 2, &usage->listings[table]);
        for (size_t i = 0; status == SKY_OK && i < usage->listings[table].count; i++)
            usage->bytes += usage->listings[table].entries[i].size_bytes;
    }
    return status;
}

static void clean_up_usage(struct usage *usage)
{
    for (int table = 0; table < SKY_LAKE_TABLE_COUNT; table++)
        sky_lake_listing_clean_up(&usage->listings[table]);
}

/* The oldest hour that is left, of the raw tables or of all. INT64_MAX: none. */
static int64_t oldest_hour(const struct usage *usage, bool raw_only)
{
    int64_t oldest_ms = INT64_MAX;
    for (int table = 0; table < (raw_only ? SKY_LAKE_TRENDS : SKY_LAKE_TABLE_COUNT); table++) {
        const struct sky_lake_listing *listing = &usage->listings[table];
        for (size_t i = 0; i < listing->count; i++) /* sorted by hour; removed ones have no key any more */
            if (listing->entries[i].key.len) {
                oldest_ms = listing->entries[i].file.hour_ms < oldest_ms ? listing->entries[i].file.hour_ms : oldest_ms;
                break;
            }
    }
    return oldest_ms;
}

static enum sky_status remove_hour(struct sky_lake_store *store, struct usage *usage, int64_t hour_ms,
                                   uint64_t *removed)
{
    for (int table = 0; table < SKY_LAKE_TABLE_COUNT; table++) {
        struct sky_lake_listing *listing = &usage->listings[table];
        for (size_t i = 0; i < listing->count && listing->entries[i].file.hour_ms <= hour_ms; i++) {
            struct sky_lake_entry *entry = &listing->entries[i];
            if (!entry->key.len || entry->file.hour_ms != hour_ms)
                continue;
            enum sky_status status = sky_lake_store_delete(store, (const char *)entry->key.ptr);
            if (status != SKY_OK)
                return status;
            entry->key.len = 0;
            usage->bytes -= entry->size_bytes;
            ++*removed;
        }
    }
    return SKY_OK;
}

/* By age, then by size. The hour that is being written stays in any case. */
static void retain(void *context, struct sky_lake_tidy *tidy, struct sky_lake_store *store, int64_t now_ms)
{
    struct sky_lake_local *local = (struct sky_lake_local *)context;
    struct usage usage;
    uint64_t removed = 0;
    enum sky_status status = list_all(store, &usage);
    int64_t current_ms = sky_time_floor(now_ms, SKY_HOUR_MS), hour_ms;
    while (status == SKY_OK && sky_lake_tidy_goes_on(tidy) && local->keep_ms &&
           (hour_ms = oldest_hour(&usage, false)) < current_ms && hour_ms + SKY_HOUR_MS + local->keep_ms <= now_ms)
        status = remove_hour(store, &usage, hour_ms, &removed);
    while (status == SKY_OK && sky_lake_tidy_goes_on(tidy) && local->bytes_max && usage.bytes > local->bytes_max) {
        hour_ms = oldest_hour(&usage, true);
        hour_ms = hour_ms < current_ms ? hour_ms : oldest_hour(&usage, false);
        if (hour_ms >= current_ms)
            break;
        status = remove_hour(store, &usage, hour_ms, &removed);
    }
    clean_up_usage(&usage);
    atomic_fetch_add(&local->removed, removed);
    atomic_store(&local->bytes, usage.bytes);
}

/* What the rounds since the last look did. */
static void take_tidied(struct sky_lake_local *local)
{
    struct sky_lake_tidied tidied;
    if (!sky_lake_tidy_take(local->tidy, &tidied))
        return;
    local->compacted += tidied.done.replaced;
    if (tidied.whole)
        local->tidy_start_ms = tidied.now_ms - 2 * SKY_DAY_MS;
}

/* ---- opening and closing ---- */

static enum sky_status open_store(const char *folder, struct sky_lake_store **store,
                                  char problem[SKY_LAKE_PROBLEM_SIZE])
{
    const struct sky_lake_store_options options = {.location = folder};
    enum sky_status status = sky_lake_store_new(&options, store, problem);
    if (status == SKY_OK) {
        status = sky_lake_store_check(*store, true);
        if (status != SKY_OK)
            snprintf(problem, SKY_LAKE_PROBLEM_SIZE, "%s", sky_lake_store_problem(*store));
    }
    return status;
}

/* Two processes would take each other's files for leftovers. The lock ends with the process that holds it. */
static enum sky_status take_lock(struct sky_lake_local *local, const char *folder, char problem[SKY_LAKE_PROBLEM_SIZE])
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/.lock", folder) >= sizeof path)
        return SKY_E_LIMIT;
    local->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (local->lock_fd >= 0 && flock(local->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return SKY_OK;
    bool held = local->lock_fd >= 0 && errno == EWOULDBLOCK;
    snprintf(problem, SKY_LAKE_PROBLEM_SIZE, "%.1024s: %s", folder,
             held ? "another skytrend writes there" : strerror(errno));
    return held ? SKY_E_DUPLICATE : SKY_E_IO;
}

static enum sky_status open_lakes(struct sky_lake_local *local, const char *folder, char problem[SKY_LAKE_PROBLEM_SIZE])
{
    char staging[PATH_MAX];
    enum sky_status status = open_store(folder, &local->store, problem);
    if (status == SKY_OK)
        status = take_lock(local, folder, problem);
    if (status == SKY_OK && (size_t)snprintf(staging, sizeof staging, "%s/.staging", folder) >= sizeof staging)
        status = SKY_E_LIMIT;
    if (status != SKY_OK)
        return status;
    const struct sky_lake_options options = {local->store, staging, MEMORY_BYTES};
    const struct sky_lake_store_options store = {.location = folder};
    const struct sky_lake_tidy_options tidy = {.store = &store,
                                               .staging_directory = staging,
                                               .memory_bytes = TIDY_BYTES,
                                               .compacts = local->compacts,
                                               .also = retain,
                                               .context = local};
    status = sky_lake_new(&options, &local->lake, problem);
    return status == SKY_OK ? sky_lake_tidy_new(&tidy, &local->tidy, problem) : status;
}

/* Files of the lake, and no others. */
static enum sky_status empty(struct sky_lake_local *local)
{
    struct usage usage;
    uint64_t removed = 0;
    enum sky_status status = list_all(local->store, &usage);
    int64_t hour_ms;
    while (status == SKY_OK && (hour_ms = oldest_hour(&usage, false)) != INT64_MAX)
        status = remove_hour(local->store, &usage, hour_ms, &removed);
    clean_up_usage(&usage);
    return status;
}

/* Behind all rows that are there. */
static enum sky_status find_end(struct sky_lake_local *local)
{
    struct usage usage;
    enum sky_status status = list_all(local->store, &usage);
    for (int table = 0; table < SKY_LAKE_TABLE_COUNT; table++)
        for (size_t i = 0; i < usage.listings[table].count; i++) {
            const struct sky_lake_file *file = &usage.listings[table].entries[i].file;
            if (sky_span_equal(file->topic, SKY_SPAN(TOPIC)) && (uint64_t)file->end > local->start)
                local->start = (uint64_t)file->end;
        }
    local->next = local->start;
    clean_up_usage(&usage);
    return status;
}

enum sky_status sky_lake_local_open(const struct sky_lake_local_options *options, struct sky_lake_local **local,
                                    char problem[SKY_LAKE_PROBLEM_SIZE])
{
    struct sky_lake_local *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    made->lock_fd = -1;
    made->keep_ms = options->keep_ms;
    made->bytes_max = options->bytes_max;
    made->closed_ms = options->closed_ms;
    made->compacts = options->compacts;
    made->tidy_start_ms = INT64_MIN / 2;
    enum sky_status status = open_lakes(made, options->folder, problem);
    if (status == SKY_OK && options->anew)
        status = empty(made);
    if (status == SKY_OK)
        status = find_end(made);
    if (status == SKY_OK)
        *local = made;
    else
        sky_lake_local_close(made);
    return status;
}

void sky_lake_local_close(struct sky_lake_local *local)
{
    if (!local)
        return;
    sky_lake_tidy_free(local->tidy);
    sky_lake_free(local->lake);
    sky_lake_store_free(local->store);
    if (local->lock_fd >= 0)
        close(local->lock_fd);
    free(local);
}

static enum sky_status remove_behind(struct sky_lake_local *local, uint64_t position, uint32_t *removed)
{
    struct usage usage;
    enum sky_status status = list_all(local->store, &usage);
    for (int table = 0; table < SKY_LAKE_TABLE_COUNT; table++)
        for (size_t i = 0; status == SKY_OK && i < usage.listings[table].count; i++) {
            const struct sky_lake_entry *entry = &usage.listings[table].entries[i];
            if (!sky_span_equal(entry->file.topic, SKY_SPAN(TOPIC)) || (uint64_t)entry->file.end <= position)
                continue;
            status = sky_lake_store_delete(local->store, (const char *)entry->key.ptr);
            *removed += status == SKY_OK;
        }
    clean_up_usage(&usage);
    local->has_rows_behind = status != SKY_OK;
    if (status != SKY_OK)
        snprintf(local->problem, sizeof local->problem, "%s", sky_lake_store_problem(local->store));
    return status;
}

enum sky_status sky_lake_local_resume(struct sky_lake_local *local, uint64_t position, uint32_t *removed)
{
    *removed = 0;
    local->start = local->next = position;
    return remove_behind(local, position, removed);
}

/* ---- rows ---- */

static enum sky_status write_rows(struct sky_lake_local *local)
{
    const struct sky_lake_chunk chunk = {TOPIC, 0, (int64_t)local->start, (int64_t)local->next};
    enum sky_status status = sky_lake_store_raw_posts(local->lake, &chunk);
    return note(local, status == SKY_OK ? sky_lake_store_trend_aggregations(local->lake, &chunk) : status);
}

enum sky_status sky_lake_local_cut(struct sky_lake_local *local)
{
    uint32_t removed = 0;
    /* Nothing has been written since sky_lake_local_resume, so what is behind that position is still what was then. */
    enum sky_status status = local->has_rows_behind ? remove_behind(local, local->start, &removed) : SKY_OK;
    if (local->next == local->start)
        return status;
    if (status == SKY_OK)
        status = write_rows(local);
    if (status != SKY_OK && local->next - local->start < SKY_LAKE_LOCAL_ROWS_MAX)
        return status;
    if (status != SKY_OK)
        local->dropped += sky_lake_rows(local->lake);
    if (local->has_rows_behind)
        local->next = local->start; /* checkpoints go on to name that position; the numbers were used by no file */
    local->start = local->next;
    enum sky_status cleared = sky_lake_clear(local->lake);
    return status == SKY_OK ? note(local, cleared) : status;
}

/* A row was added, or could not be: its number is used up in any case, so that a repetition counts the same. */
static void added(struct sky_lake_local *local, enum sky_status status)
{
    local->next++;
    if (status != SKY_OK) {
        local->dropped++;
        note(local, status);
    }
    uint64_t waiting = local->next - local->start;
    if (waiting == SKY_LAKE_LOCAL_ROWS || waiting >= SKY_LAKE_LOCAL_ROWS_MAX)
        sky_lake_local_cut(local);
}

void sky_lake_local_post(struct sky_lake_local *local, const struct sky_post *post)
{
    if (post->op != SKY_POST_WATERMARK)
        added(local, sky_lake_add_post(local->lake, post));
}

void sky_lake_local_trends(struct sky_lake_local *local, const struct sky_trend_snapshot *snapshot)
{
    if (snapshot->trends_count || snapshot->ended_count || snapshot->recurring_count)
        added(local, sky_lake_add_trends(local->lake, snapshot));
}

void sky_lake_local_activity(struct sky_lake_local *local, const struct sky_activity_record *activity)
{
    added(local, sky_lake_add_activity(local->lake, activity));
}

void sky_lake_local_sessions(struct sky_lake_local *local, const struct sky_session *sessions, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        added(local, sky_lake_add_session(local->lake, &sessions[i]));
}

uint64_t sky_lake_local_position(const struct sky_lake_local *local)
{
    return local->start;
}

void sky_lake_local_saved(struct sky_lake_local *local, int64_t time_ms)
{
    if (time_ms - local->tidied_ms < TIDY_INTERVAL_MS)
        return;
    local->tidied_ms = time_ms;
    take_tidied(local);
    const struct sky_lake_compaction compaction = {.now_ms = time_ms,
                                                   .closed_ms = local->closed_ms,
                                                   .start_ms = local->tidy_start_ms,
                                                   .end_ms = INT64_MAX / 2,
                                                   .offset_max = (int64_t)local->start,
                                                   .merges_max = MERGES_MAX,
                                                   .clock_ms = sky_clock_wall_ms(),
                                                   .grace_ms = GRACE_MS};
    sky_lake_tidy_ask(local->tidy, &compaction);
}

void sky_lake_local_stats(struct sky_lake_local *local, struct sky_lake_local_stats *stats)
{
    sky_lake_totals(local->lake, &stats->totals);
    stats->dropped = local->dropped;
    take_tidied(local);
    stats->compacted = local->compacted;
    stats->removed = atomic_load(&local->removed);
    stats->bytes = atomic_load(&local->bytes);
}
