/* lake.h: writes the lake: rows of posts and trends as Parquet, in the folder of their hour (docs/LAKE.md).
 *
 *     for each record of the chunk:  sky_lake_add_post(lake, &post), sky_lake_add_trends(lake, &snapshot), ...
 *     sky_lake_store_raw_posts(lake, &chunk)            the waiting posts, deletes and account events
 *     sky_lake_store_trend_aggregations(lake, &chunk)   the waiting trends, activity and sessions
 *     sky_lake_clear(lake)
 *
 * A chunk is a run of offsets of one partition. Its files are named by it, one for each table and hour; so the same
 * chunk written again replaces them, and after a crash the whole chunk is simply done once more.
 *
 * Memory   waiting rows, see parquet.h; options.memory_bytes bounds DuckDB's part.
 * Threads  one owner.
 * Errors   as in s3.h: SKY_E_IO may pass (the store is away): the same call can be made again, the rows still wait.
 *          SKY_E_CONFIG needs a person. SKY_E_LIMIT: the rows belong to more than SKY_PARQUET_HOURS_MAX hours, or the
 *          local disk is full. sky_lake_problem says it in words. */
#ifndef SKY_IO_LAKE_LAKE_H
#define SKY_IO_LAKE_LAKE_H

#include "event/post.h"
#include "io/lake/lake_path.h"
#include "io/lake/lake_store.h"
#include "trend/record.h"

#define SKY_LAKE_PROBLEM_SIZE 1200

struct sky_lake_options {
    struct sky_lake_store *store;  /* borrowed */
    const char *staging_directory; /* for files on their way, see lake_staging.h; of a folder store on the same file
                                      system, best in that folder */
    uint64_t memory_bytes;
};

struct sky_lake;

SKY_MUST_USE enum sky_status sky_lake_new(const struct sky_lake_options *options, struct sky_lake **lake,
                                          char problem[SKY_LAKE_PROBLEM_SIZE]);
void sky_lake_free(struct sky_lake *lake); /* NULL is fine */
const char *sky_lake_problem(const struct sky_lake *lake);

/* Records to rows. A watermark gives none. Errors are those of sky_parquet_end_row. */
SKY_MUST_USE enum sky_status sky_lake_add_post(struct sky_lake *lake, const struct sky_post *post);
SKY_MUST_USE enum sky_status sky_lake_add_trends(struct sky_lake *lake, const struct sky_trend_snapshot *snapshot);
SKY_MUST_USE enum sky_status sky_lake_add_activity(struct sky_lake *lake, const struct sky_activity_record *activity);
SKY_MUST_USE enum sky_status sky_lake_add_session(struct sky_lake *lake, const struct sky_session *session);

uint64_t sky_lake_rows(const struct sky_lake *lake); /* that wait, of all tables */

struct sky_lake_totals {
    uint64_t files; /* stored since the start */
    uint64_t rows;
    uint64_t bytes; /* as Parquet */
};

/* Every waiting row of the raw, or of the processed tables is in the store when this gives SKY_OK. */
SKY_MUST_USE enum sky_status sky_lake_store_raw_posts(struct sky_lake *lake, const struct sky_lake_chunk *chunk);
SKY_MUST_USE enum sky_status sky_lake_store_trend_aggregations(struct sky_lake *lake,
                                                               const struct sky_lake_chunk *chunk);
SKY_MUST_USE enum sky_status sky_lake_clear(struct sky_lake *lake);
void sky_lake_totals(const struct sky_lake *lake, struct sky_lake_totals *totals);

/* Compaction: the small files of a partition and hour become one, as long as that has at most
 * SKY_LAKE_COMPACT_BYTES_MAX. Hours are closed `closed_ms` after their end. Files that are covered are deleted once the
 * covering one is `grace_ms` old, so that a reader who listed before still finds them. Any number of processes may do
 * this at once, beside any number of writers and readers. */
#define SKY_LAKE_COMPACT_BYTES_MAX (UINT64_C(128) << 20) /* of the files that become one */

struct sky_lake_compaction {
    int64_t now_ms;   /* of the stream: says which hours are closed */
    int64_t clock_ms; /* of the wall: says how old files are */
    int64_t closed_ms;
    int64_t grace_ms;
    int64_t start_ms; /* hours looked at: [start_ms, end_ms) */
    int64_t end_ms;
    int64_t offset_max;             /* files that reach past it are left alone; INT64_MAX: none */
    uint32_t merges_max;            /* of one call, which may take a second each */
    bool (*goes_on)(void *context); /* false: end with SKY_E_END, before the next file; NULL: always true */
    void *context;
};

struct sky_lake_compacted {
    uint32_t merged;   /* files that were made */
    uint32_t replaced; /* files whose rows are in them */
    uint32_t deleted;  /* covered files */
    uint32_t waiting;  /* covered files that are not old enough to be deleted */
    bool more;         /* merges_max was reached */
};

SKY_MUST_USE enum sky_status sky_lake_compact(struct sky_lake *lake, const struct sky_lake_compaction *compaction,
                                              struct sky_lake_compacted *compacted);

#endif
