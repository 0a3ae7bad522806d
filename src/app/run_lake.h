/* run_lake.h: the lake in data.directory that `run` writes beside its work: lake, or lake-simulated, which is begun
 * anew each time. It stops nothing: what goes wrong is logged and stands in /readyz.
 *
 * Every function takes NULL for a run without one. Threads  one owner. */
#ifndef SKY_APP_RUN_LAKE_H
#define SKY_APP_RUN_LAKE_H

#include "app/run_report.h"
#include "event/post.h"
#include "ops/config.h"
#include "trend/record.h"

struct sky_run_lake;

/* NULL when the configuration wants none, or it cannot be had. */
struct sky_run_lake *sky_run_lake_open(const struct sky_config *config, bool simulated, struct sky_run_report *report);
void sky_run_lake_close(struct sky_run_lake *lake);

void sky_run_lake_post(struct sky_run_lake *lake, const struct sky_post *post);
void sky_run_lake_trends(struct sky_run_lake *lake, const struct sky_trend_snapshot *snapshot);
void sky_run_lake_activity(struct sky_run_lake *lake, const struct sky_activity_record *activity);
void sky_run_lake_sessions(struct sky_run_lake *lake, const struct sky_session *sessions, uint32_t count);

/* Lives as long as the lake. */
const char *sky_run_lake_folder(const struct sky_run_lake *lake);

/* Before a checkpoint: what waits becomes files. Its position goes into the checkpoint. */
void sky_run_lake_cut(struct sky_run_lake *lake);
uint64_t sky_run_lake_position(const struct sky_run_lake *lake);
/* The checkpoint is on the disk; without checkpoints: now and then, and it cuts by itself. `time_ms`: the stream's. */
void sky_run_lake_saved(struct sky_run_lake *lake, int64_t time_ms);
void sky_run_lake_turn(struct sky_run_lake *lake, int64_t time_ms);

/* Of the checkpoint that is gone on from. */
void sky_run_lake_resume(struct sky_run_lake *lake, uint64_t position);

#endif
