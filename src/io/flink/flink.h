/* flink.h: what one does with jobs on a Flink cluster: find, look at, measure, submit, save and stop them.
 *
 * Each call is a request or two (flink_rest.h), gives its statuses and leaves its problem.
 *
 * Memory   results are the caller's. Threads  one owner of the client. */
#ifndef SKY_IO_FLINK_FLINK_H
#define SKY_IO_FLINK_FLINK_H

#include "io/flink/flink_job.h"
#include "io/flink/flink_rest.h"

/* ---- looking ---- */

/* The jobs of that name. */
SKY_MUST_USE enum sky_status sky_flink_find(struct sky_flink_rest *rest, const char *name, struct sky_flink_jobs *jobs);
SKY_MUST_USE enum sky_status sky_flink_look(struct sky_flink_rest *rest, const char *id, struct sky_flink_job *job);
SKY_MUST_USE enum sky_status sky_flink_look_at_checkpoints(struct sky_flink_rest *rest, const char *id,
                                                           struct sky_flink_checkpoints *checkpoints);
SKY_MUST_USE enum sky_status sky_flink_look_at_failure(struct sky_flink_rest *rest, const char *id,
                                                       struct sky_flink_failure *failure);

struct sky_flink_slots {
    int64_t task_managers;
    int64_t total;
    int64_t free;
};

SKY_MUST_USE enum sky_status sky_flink_look_at_slots(struct sky_flink_rest *rest, struct sky_flink_slots *slots);

/* What the job counts (flink/src/main/java), over all its tasks. */
enum sky_flink_measure {
    SKY_FLINK_POSTS,
    SKY_FLINK_POSTS_LATE,
    SKY_FLINK_DEAD_LETTERS,
    SKY_FLINK_LAG,        /* records behind the ends of the partitions */
    SKY_FLINK_EVENT_TIME, /* ms: the watermark at the ranks */
    SKY_FLINK_ACTIVE_TRENDS,
    SKY_FLINK_KEYWORDS_KNOWN,
    SKY_FLINK_KEYWORDS_IN_WINDOW,
    SKY_FLINK_SLIDES,
    SKY_FLINK_FRESHNESS, /* s */
    SKY_FLINK_LATENCY,   /* ms, 99 % */
    SKY_FLINK_RECORDS,   /* sent to Kafka */
    SKY_FLINK_RESTARTS,
    SKY_FLINK_MEASURE_COUNT
};

struct sky_flink_measures {
    bool known[SKY_FLINK_MEASURE_COUNT]; /* the cluster gathers them every ten seconds: not all at once */
    double values[SKY_FLINK_MEASURE_COUNT];
};

const char *sky_flink_measure_name(enum sky_flink_measure measure); /* "posts_processed", ... */

/* Add what an answer of /jobs/ID/vertices/VERTEX/subtasks/metrics?get=... or /jobs/ID/metrics?get=... tells. */
SKY_MUST_USE enum sky_status sky_flink_read_measures(const struct sky_json_value *answer,
                                                     struct sky_flink_measures *measures);

SKY_MUST_USE enum sky_status sky_flink_measure(struct sky_flink_rest *rest, const struct sky_flink_job *job,
                                               struct sky_flink_measures *measures);

/* ---- doing ---- */

/* `jar` names it for sky_flink_run. */
SKY_MUST_USE enum sky_status sky_flink_upload(struct sky_flink_rest *rest, const char *file,
                                              char jar[SKY_FLINK_NAME_SIZE]);
/* Uploads would pile up; a job that runs has a copy of its own. */
SKY_MUST_USE enum sky_status sky_flink_remove(struct sky_flink_rest *rest, const char *jar);

struct sky_flink_run {
    const char *jar;
    const char *const *arguments; /* of its program */
    size_t arguments_count;
    int64_t parallelism;   /* 0: the cluster's default */
    const char *job_id;    /* the id the job is to have: a second submission of it is refused; NULL: any */
    const char *savepoint; /* a savepoint or checkpoint to go on from; NULL or "": from nothing */
    bool allow_non_restored;
};

SKY_MUST_USE enum sky_status sky_flink_run(struct sky_flink_rest *rest, const struct sky_flink_run *run,
                                           char id[SKY_FLINK_ID_SIZE]);

/* Ends without a savepoint. */
SKY_MUST_USE enum sky_status sky_flink_cancel(struct sky_flink_rest *rest, const char *id);

/* Begin a savepoint in `directory` (NULL: the cluster's), and with `stop` end the job with it, its last transaction
 * committed. sky_flink_follow says how it goes on. */
SKY_MUST_USE enum sky_status sky_flink_save(struct sky_flink_rest *rest, const char *id, const char *directory,
                                            bool stop, char trigger[SKY_FLINK_ID_SIZE]);
SKY_MUST_USE enum sky_status sky_flink_follow(struct sky_flink_rest *rest, const char *id, const char *trigger,
                                              struct sky_flink_trigger *state);

#endif
