/* flink_memory.h: what `flink watch` must not forget over its own end: which job it looks after, and the checkpoint
 * from which that goes on.
 *
 * One small JSON file, flink-watch.json in data.directory, which a new one replaces by renaming; beside it a lock, so
 * that no two watch over the same.
 *
 * Trust    the file is ours: one that cannot be read is an error, never a beginning from nothing. */
#ifndef SKY_APP_FLINK_MEMORY_H
#define SKY_APP_FLINK_MEMORY_H

#include <limits.h>

#include "io/flink/flink_job.h"

#define SKY_FLINK_MEMORY_MESSAGE_SIZE (PATH_MAX + 256)

struct sky_flink_memory {
    char job[SKY_FLINK_ID_SIZE];        /* "": none yet */
    char submitting[SKY_FLINK_ID_SIZE]; /* an id under which a job was submitted without word of what became of it */
    bool stopped;                       /* the job was ended by a person, not by a failure */
    struct {
        int64_t id;
        int64_t completed_ms;
        char path[SKY_FLINK_PATH_SIZE]; /* "": there is none */
    } checkpoint;
    /* the rest is the module's own */
    char folder[PATH_MAX];
    char file[PATH_MAX];
    char temporary[PATH_MAX];
    int lock; /* -1: not held */
};

/* `reset`: what there was is put aside as flink-watch.json.old.
 *   SKY_E_DUPLICATE  another one watches
 *   SKY_E_MALFORMED  the file cannot be read
 *   SKY_E_IO
 * message says what, and what to do. Close in any case. */
SKY_MUST_USE enum sky_status sky_flink_memory_open(const char *directory, bool reset, struct sky_flink_memory *memory,
                                                   char message[SKY_FLINK_MEMORY_MESSAGE_SIZE]);
void sky_flink_memory_close(struct sky_flink_memory *memory);

/* On the disk when this returns. SKY_E_IO, SKY_E_MEMORY: the file is as it was. */
SKY_MUST_USE enum sky_status sky_flink_memory_save(struct sky_flink_memory *memory,
                                                   char message[SKY_FLINK_MEMORY_MESSAGE_SIZE]);

#endif
