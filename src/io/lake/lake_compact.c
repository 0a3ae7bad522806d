/* Small files to large ones. The new file covers what it was made of (lake_path.h), so there is no moment at which a
 * row is missing or seen twice: it appears as a whole, and from then on the old ones are passed over. They are deleted
 * in a later round, when nobody can be reading them any more. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "io/lake/lake_listing.h"
#include "io/lake/lake_state.h"

#define BATCH_FILES_MAX 256 /* that become one at a time: their copies lie on the local disk meanwhile */

/* Entries [first, end) that become one file; covered ones among them are left out. */
struct batch {
    const struct sky_lake_entry *entries[BATCH_FILES_MAX];
    size_t count;
    uint64_t bytes;
};

static bool is_one_place(const struct sky_lake_file *a, const struct sky_lake_file *b)
{
    return a->hour_ms == b->hour_ms && a->partition == b->partition && sky_span_equal(a->topic, b->topic);
}

/* How far the run of files that can become one goes, from entry `first` on. */
static size_t take_batch(const struct sky_lake_listing *listing, size_t first, int64_t offset_max, struct batch *batch)
{
    size_t i = first;
    *batch = (struct batch){0};
    for (; i < listing->count && batch->count < BATCH_FILES_MAX; i++) {
        const struct sky_lake_entry *entry = &listing->entries[i];
        if (!is_one_place(&listing->entries[first].file, &entry->file))
            break;
        if (entry->covered)
            continue;
        if (entry->file.end > offset_max || batch->bytes + entry->size_bytes > SKY_LAKE_COMPACT_BYTES_MAX) {
            if (batch->count)
                break;
            continue; /* too large by itself, or not settled */
        }
        batch->entries[batch->count++] = entry;
        batch->bytes += entry->size_bytes;
    }
    return i > first ? i : first + 1;
}

/* SKY_E_END: no. */
static enum sky_status may_go_on(struct sky_lake *lake, const struct sky_lake_compaction *compaction)
{
    if (!compaction->goes_on || compaction->goes_on(compaction->context))
        return SKY_OK;
    snprintf(lake->problem, sizeof lake->problem, "stopped");
    return SKY_E_END;
}

/* Local copies (or the files themselves) of the batch, one file of them, and that into the store. */
static enum sky_status merge_batch(struct sky_lake *lake, const struct batch *batch,
                                   const struct sky_lake_compaction *compaction)
{
    char(*paths)[PATH_MAX] = calloc(batch->count + 1, sizeof *paths);
    const char **list = (const char **)calloc(batch->count, sizeof *list);
    char *to = paths ? paths[batch->count] : NULL, key[SKY_LAKE_KEY_SIZE], topic[SKY_LAKE_TOPIC_SIZE], name[32];
    enum sky_status status =
        paths && list && sky_lake_staging_path(&lake->staging, "merged.parquet", to) ? SKY_OK : SKY_E_MEMORY;
    size_t fetched = 0;
    const struct sky_lake_file *first = &batch->entries[0]->file;
    struct sky_lake_chunk chunk = {
        .topic = topic, .partition = first->partition, .start = first->start, .end = first->end};
    snprintf(topic, sizeof topic, "%.*s", (int)first->topic.len, (const char *)first->topic.ptr);
    for (; status == SKY_OK && fetched < batch->count; fetched++) {
        const struct sky_lake_entry *entry = batch->entries[fetched];
        snprintf(name, sizeof name, "part-%zu.parquet", fetched);
        list[fetched] = paths[fetched];
        chunk.end = entry->file.end > chunk.end ? entry->file.end : chunk.end;
        status = may_go_on(lake, compaction);
        if (status == SKY_OK && sky_lake_staging_path(&lake->staging, name, paths[fetched])) {
            status = sky_lake_store_fetch(lake->store, (const char *)entry->key.ptr, paths[fetched]);
            if (status != SKY_OK)
                sky_lake_fail_store(lake, status);
        }
    }
    if (status == SKY_OK)
        status = may_go_on(lake, compaction);
    if (status == SKY_OK) {
        status = sky_parquet_merge(&lake->database, list, batch->count, to);
        if (status != SKY_OK)
            sky_lake_fail_database(lake, status);
    }
    if (status == SKY_OK) {
        sky_lake_get_key(first->table, first->hour_ms, &chunk, key);
        status = sky_lake_store_put(lake->store, key, to);
        if (status != SKY_OK)
            sky_lake_fail_store(lake, status);
    }
    for (size_t i = 0; paths && sky_lake_store_s3(lake->store) && i < fetched; i++)
        unlink(paths[i]);
    free(paths);
    free((void *)list);
    return status;
}

/* Covered files whose covering one is old enough. */
static enum sky_status delete_covered(struct sky_lake *lake, const struct sky_lake_listing *listing,
                                      const struct sky_lake_compaction *compaction, struct sky_lake_compacted *done)
{
    enum sky_status status = SKY_OK;
    const struct sky_lake_entry *outer = NULL;
    for (size_t i = 0; status == SKY_OK && i < listing->count; i++) {
        const struct sky_lake_entry *entry = &listing->entries[i];
        if (!entry->covered || !outer) { /* sorted, the first one never is */
            outer = entry;
            continue;
        }
        if (outer->modified_ms + compaction->grace_ms > compaction->clock_ms) {
            done->waiting++;
            continue;
        }
        status = may_go_on(lake, compaction);
        if (status != SKY_OK)
            break;
        status = sky_lake_store_delete(lake->store, (const char *)entry->key.ptr);
        if (status != SKY_OK)
            return sky_lake_fail_store(lake, status);
        done->deleted++;
    }
    return status;
}

static enum sky_status compact_table(struct sky_lake *lake, enum sky_lake_table table,
                                     const struct sky_lake_compaction *compaction, struct sky_lake_compacted *done)
{
    struct sky_lake_listing listing;
    struct batch batch;
    enum sky_status status = sky_lake_list(lake->store, table, compaction->start_ms, compaction->end_ms, &listing);
    if (status != SKY_OK)
        sky_lake_fail_store(lake, status);
    if (status == SKY_OK)
        status = delete_covered(lake, &listing, compaction, done);
    for (size_t at = 0; status == SKY_OK && at < listing.count && !done->more;) {
        bool closed = listing.entries[at].file.hour_ms + SKY_HOUR_MS + compaction->closed_ms <= compaction->now_ms;
        at = take_batch(&listing, at, compaction->offset_max, &batch);
        if (!closed || batch.count < 2)
            continue;
        if (done->merged == compaction->merges_max) {
            done->more = true;
            break;
        }
        status = merge_batch(lake, &batch, compaction);
        if (status == SKY_OK) {
            done->merged++;
            done->replaced += (uint32_t)batch.count;
            done->waiting += (uint32_t)batch.count;
        }
    }
    sky_lake_listing_clean_up(&listing);
    return status;
}

enum sky_status sky_lake_compact(struct sky_lake *lake, const struct sky_lake_compaction *compaction,
                                 struct sky_lake_compacted *compacted)
{
    enum sky_status status = SKY_OK;
    *compacted = (struct sky_lake_compacted){0};
    for (int table = 0; status == SKY_OK && table < SKY_LAKE_TABLE_COUNT && !compacted->more; table++)
        status = compact_table(lake, (enum sky_lake_table)table, compaction, compacted);
    return status;
}
