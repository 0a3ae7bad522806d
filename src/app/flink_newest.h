/* flink_newest.h: the newest checkpoint of a job that is not there any more, found where its checkpoints are kept.
 *
 * What a cluster tells of checkpoints is some seconds old (rest.cache.checkpoint-statistics.timeout), and each one that
 * is complete has published what was before it: to go on from an older one would publish that again. Flink keeps them
 * as ROOT/JOB/chk-1, chk-2, ...; one is complete when it has its _metadata. So that place is looked at: a folder of
 * this machine (file:), or S3 (s3:, s3a:) with the settings s3.*. */
#ifndef SKY_APP_FLINK_NEWEST_H
#define SKY_APP_FLINK_NEWEST_H

#include "app/flink_submit.h"

/* `path` is the last one known, maybe of the job before `job`; it becomes the newest of `job`, or else of its own job.
 * It stays as it is when it is a savepoint, or a place that cannot be seen from here. SKY_E_IO and others  S3 does not
 * answer: message */
SKY_MUST_USE enum sky_status sky_flink_newest_checkpoint(const struct sky_config *config, const char *job,
                                                         char path[SKY_FLINK_PATH_SIZE],
                                                         char message[SKY_FLINK_MESSAGE_SIZE]);

/* N of a name chk-N; 0: it is none. */
int64_t sky_flink_checkpoint_number(const char *name);

#endif
