/* flink_job.h: what a Flink cluster tells of jobs, read out of its answers.
 *
 * Spec     Flink's REST API, v1
 * Memory   allocates nothing that outlives a call; texts are copied.
 * Threads  no state.
 * Trust    input is hostile: an id is 32 hexadecimal digits or it is refused, for it goes into paths of requests;
 *          counts are bounded; what is for people is printable and cut. Every read gives
 *            SKY_E_TYPE     not what the API says: a member is missing or of another type
 *            SKY_E_LIMIT    more than a limit below */
#ifndef SKY_IO_FLINK_FLINK_JOB_H
#define SKY_IO_FLINK_FLINK_JOB_H

#include "wire/json_read.h"

#define SKY_FLINK_ID_SIZE 33 /* Flink's: 16 bytes in hexadecimal, and NUL */

/* Limits of ours. */
#define SKY_FLINK_NAME_SIZE    160
#define SKY_FLINK_PATH_SIZE    1024 /* of a savepoint or checkpoint */
#define SKY_FLINK_REASON_SIZE  512
#define SKY_FLINK_JOBS_MAX     64
#define SKY_FLINK_VERTICES_MAX 64

enum sky_flink_state {
    SKY_FLINK_INITIALIZING,
    SKY_FLINK_CREATED,
    SKY_FLINK_RUNNING,
    SKY_FLINK_FAILING,
    SKY_FLINK_FAILED,
    SKY_FLINK_CANCELLING,
    SKY_FLINK_CANCELED,
    SKY_FLINK_FINISHED,
    SKY_FLINK_RESTARTING,
    SKY_FLINK_SUSPENDED,
    SKY_FLINK_RECONCILING,
    SKY_FLINK_STATE_UNKNOWN,
    SKY_FLINK_STATE_COUNT
};

const char *sky_flink_state_name(enum sky_flink_state state); /* "RUNNING" */
bool sky_flink_state_is_end(enum sky_flink_state state);      /* nothing comes after it */

/* "0123456789abcdef0123456789abcdef" */
bool sky_flink_is_id(struct sky_span text);

/* ---- /jobs/overview ---- */

struct sky_flink_summary {
    char id[SKY_FLINK_ID_SIZE];
    enum sky_flink_state state;
    int64_t start_ms;
    int64_t end_ms; /* -1: it has not ended */
};

/* Those that have not ended first, then the latest first; of more than there is room for the last are left out. */
struct sky_flink_jobs {
    struct sky_flink_summary jobs[SKY_FLINK_JOBS_MAX];
    size_t count;
    size_t alive; /* of them have not ended */
};

/* Those of that name. */
SKY_MUST_USE enum sky_status sky_flink_read_jobs(const struct sky_json_value *answer, const char *name,
                                                 struct sky_flink_jobs *jobs);

/* ---- /jobs/ID ---- */

/* Operators that are chained into one task. */
struct sky_flink_vertex {
    char id[SKY_FLINK_ID_SIZE];
    char name[SKY_FLINK_NAME_SIZE];
    int64_t parallelism;
    int64_t running; /* of its tasks */
    int64_t waiting; /* for a slot */
    char state[16];  /* for people */
};

struct sky_flink_job {
    char id[SKY_FLINK_ID_SIZE];
    char name[SKY_FLINK_NAME_SIZE];
    enum sky_flink_state state;
    int64_t start_ms;
    int64_t duration_ms;
    int64_t now_ms; /* the cluster's clock */
    struct sky_flink_vertex vertices[SKY_FLINK_VERTICES_MAX];
    size_t count;
    int64_t tasks; /* of all vertices */
    int64_t running;
    int64_t waiting;
};

SKY_MUST_USE enum sky_status sky_flink_read_job(const struct sky_json_value *answer, struct sky_flink_job *job);

/* The tasks are asked, not the job: it can say RUNNING while its tasks come back again and again. */
bool sky_flink_job_runs(const struct sky_flink_job *job);

/* ---- /jobs/ID/checkpoints ---- */

struct sky_flink_checkpoint {
    int64_t id; /* 0: there is none */
    int64_t triggered_ms;
    int64_t completed_ms;
    int64_t duration_ms;
    int64_t size_bytes;             /* of the state */
    char path[SKY_FLINK_PATH_SIZE]; /* "": it is not kept outside */
};

struct sky_flink_checkpoints {
    int64_t completed; /* counts */
    int64_t failed;
    int64_t in_progress;
    struct sky_flink_checkpoint last;      /* no savepoint */
    struct sky_flink_checkpoint savepoint; /* the last one */
    char failure[SKY_FLINK_REASON_SIZE];   /* of the last that failed; "": none */
    int64_t failed_id;
    char restored[SKY_FLINK_PATH_SIZE]; /* what the job went on from; "": nothing */
};

SKY_MUST_USE enum sky_status sky_flink_read_checkpoints(const struct sky_json_value *answer,
                                                        struct sky_flink_checkpoints *checkpoints);

/* ---- the rest ---- */

/* /jobs/ID/savepoints/TRIGGER */
struct sky_flink_trigger {
    bool done;
    char location[SKY_FLINK_PATH_SIZE];  /* "": it failed */
    char problem[SKY_FLINK_REASON_SIZE]; /* why */
};

SKY_MUST_USE enum sky_status sky_flink_read_trigger(const struct sky_json_value *answer,
                                                    struct sky_flink_trigger *trigger);

/* The latest of /jobs/ID/exceptions. */
struct sky_flink_failure {
    int64_t time_ms; /* 0: there is none */
    char reason[SKY_FLINK_REASON_SIZE];
};

SKY_MUST_USE enum sky_status sky_flink_read_failure(const struct sky_json_value *answer,
                                                    struct sky_flink_failure *failure);

/* The id under `key`. */
SKY_MUST_USE enum sky_status sky_flink_read_id(const struct sky_json_value *answer, const char *key,
                                               char id[SKY_FLINK_ID_SIZE]);

/* The name of the jar in the answer to its upload, {"filename":"/tmp/flink-web-upload/UUID_NAME.jar"}. */
SKY_MUST_USE enum sky_status sky_flink_read_upload(const struct sky_json_value *answer, char jar[SKY_FLINK_NAME_SIZE]);

#endif
