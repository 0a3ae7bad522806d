/* flink_submit.h: what `flink submit` and `flink watch` do alike: the job's settings as arguments of its program, its
 * topics, its jar, its beginning. */
#ifndef SKY_APP_FLINK_SUBMIT_H
#define SKY_APP_FLINK_SUBMIT_H

#include "io/flink/flink.h"
#include "ops/config.h"

#define SKY_FLINK_JOB_NAME     "Skytrend trend detection" /* as TrendDetectionJob.java has it */
#define SKY_FLINK_MESSAGE_SIZE (SKY_FLINK_PROBLEM_SIZE + 512)

/* How to speak to the cluster; borrows `config`. Without a way to stop a request. */
void sky_flink_rest_options(const struct sky_config *config, struct sky_flink_options *options);

/* What the job cannot do that is configured, before anything is done. SKY_E_CONFIG: message. */
SKY_MUST_USE enum sky_status sky_flink_check_settings(const struct sky_config *config,
                                                      char message[SKY_FLINK_MESSAGE_SIZE]);

struct sky_flink_submission {
    const struct sky_config *config;
    const char *savepoint; /* NULL or "": from nothing */
    const char *job_id;    /* the cluster takes it once: a request that is sent again is no second job */
    bool allow_non_restored;
};

/* A new one. */
void sky_flink_make_id(char id[SKY_FLINK_ID_SIZE]);

/* Make the topics that are missing, upload the jar, run it, remove the upload. That the job is there already is fine.
 * `is_known` false: it may have begun.
 * `message` says what failed and what to do.
 *   SKY_E_CONFIG   Kafka refuses: no retry helps
 *   others         as sky_flink_rest_call */
SKY_MUST_USE enum sky_status sky_flink_submit(struct sky_flink_rest *rest,
                                              const struct sky_flink_submission *submission, char id[SKY_FLINK_ID_SIZE],
                                              bool *is_known, char message[SKY_FLINK_MESSAGE_SIZE]);

#endif
