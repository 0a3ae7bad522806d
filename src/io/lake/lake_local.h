/* lake_local.h: the lake that `run` keeps in a folder of its own: the same files as lake.h writes, made of one stream
 * of events, once each relative to the checkpoint of that stream.
 *
 *     sky_lake_local_open(&options, &local, problem)
 *     sky_lake_local_resume(local, position of the checkpoint)   rows behind it come again: their files go
 *     sky_lake_local_post, _trends, _activity, _sessions
 *     sky_lake_local_cut(local)               before each checkpoint: what waits becomes files
 *     sky_lake_local_position(local)          goes into the checkpoint
 *     sky_lake_local_saved(local, time)       it is on the disk: files up to it may be tidied
 *
 * Rows are numbered; a file is named by the numbers it holds, and ends at a checkpoint or before. So after a crash the
 * files behind the checkpoint are removed, and the stream makes them again.
 *
 * Files of closed hours become one, hours older than keep_ms go, and when there are more than bytes_max the oldest
 * hours go, of posts and deletes first. A thread beside does that.
 *
 * Memory   the rows of up to SKY_LAKE_LOCAL_ROWS rows wait; DuckDB's part is bounded.
 * Threads  one owner, and one of its own. One process at a time: FOLDER/.lock sees to that.
 * Errors   what cannot be written waits for the next cut, and above SKY_LAKE_LOCAL_ROWS_MAX rows is dropped and
 * counted: the lake stops nothing. sky_lake_local_problem says why. */
#ifndef SKY_IO_LAKE_LAKE_LOCAL_H
#define SKY_IO_LAKE_LAKE_LOCAL_H

#include "io/lake/lake.h"

#define SKY_LAKE_LOCAL_ROWS     50000  /* after which files are written without a checkpoint too */
#define SKY_LAKE_LOCAL_ROWS_MAX 200000 /* that wait while they cannot be written */

struct sky_lake_local_options {
    const char *folder; /* made when missing */
    bool anew;          /* empty it first: a simulated network */
    int64_t keep_ms;    /* 0: for ever */
    uint64_t bytes_max; /* 0: none */
    int64_t closed_ms;  /* see struct sky_lake_compaction */
    bool compacts;
};

struct sky_lake_local;

/* SKY_E_DUPLICATE: another process writes there. Others as in lake.h. */
SKY_MUST_USE enum sky_status sky_lake_local_open(const struct sky_lake_local_options *options,
                                                 struct sky_lake_local **local, char problem[SKY_LAKE_PROBLEM_SIZE]);
void sky_lake_local_close(struct sky_lake_local *local); /* without a cut; NULL is fine */
const char *sky_lake_local_problem(const struct sky_lake_local *local);

/* Go on at `position`: *removed files behind it are gone. Where one cannot be removed an error is returned, and each
 * cut tries that again before it writes anything: the rows would be there twice. Without this call it goes on behind
 * all that is there. */
SKY_MUST_USE enum sky_status sky_lake_local_resume(struct sky_lake_local *local, uint64_t position, uint32_t *removed);

void sky_lake_local_post(struct sky_lake_local *local, const struct sky_post *post);
void sky_lake_local_trends(struct sky_lake_local *local, const struct sky_trend_snapshot *snapshot);
void sky_lake_local_activity(struct sky_lake_local *local, const struct sky_activity_record *activity);
void sky_lake_local_sessions(struct sky_lake_local *local, const struct sky_session *sessions, uint32_t count);

enum sky_status sky_lake_local_cut(struct sky_lake_local *local); /* a failure is noted, and tried again */
uint64_t sky_lake_local_position(const struct sky_lake_local *local);
/* `time_ms`: the stream's. Also without checkpoints, after a cut. */
void sky_lake_local_saved(struct sky_lake_local *local, int64_t time_ms);

struct sky_lake_local_stats {
    struct sky_lake_totals totals;
    uint64_t dropped;   /* rows that could not be written */
    uint64_t compacted; /* files */
    uint64_t removed;   /* files, by age or size */
    uint64_t bytes;     /* of the lake, when it was tidied last */
};
void sky_lake_local_stats(struct sky_lake_local *local, struct sky_lake_local_stats *stats);

#endif
