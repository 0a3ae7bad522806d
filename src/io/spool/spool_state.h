/* spool_state.h: the inside of a spool, shared by spool.c, spool_recovery.c and spool_reader.c. */
#ifndef SKY_IO_SPOOL_SPOOL_STATE_H
#define SKY_IO_SPOOL_SPOOL_STATE_H

#include <limits.h>
#include <pthread.h>

#include "io/spool/spool.h"

#define SKY_SPOOL_NAME_SIZE 48 /* of a file in the folder */
#define SKY_SPOOL_PATH_SIZE PATH_MAX

struct sky_spool_segment {
    uint64_t first_position;
    uint64_t serial;
    uint64_t bytes;        /* up to here batches are whole and on the disk */
    int64_t event_time_ms; /* of the stream before it */
    bool readable;         /* its head is what was written, and of this spool */
};

struct sky_spool {
    char directory[SKY_SPOOL_PATH_SIZE];
    uint64_t room_bytes;
    uint64_t segment_bytes;
    int64_t keep_ms;
    int lock_fd;

    /* Under the mutex; the receiver alone changes all but `released`, removal of the oldest, and what was lost. */
    pthread_mutex_t mutex;
    pthread_cond_t grown;
    struct sky_spool_segment *segments; /* oldest first */
    size_t segments_count;
    size_t segments_capacity;
    uint64_t bytes;
    uint64_t id;
    uint64_t next_position;
    uint64_t released;
    uint64_t batches; /* committed in this process */
    uint64_t wakes;
    int64_t event_time_ms;
    uint64_t lost_records;
    uint64_t lost_ranges;

    /* The receiver's. */
    int fd; /* of the newest segment; -1: the next batch begins a new one */
    uint64_t next_serial;
    bool has_tail;
    struct sky_buffer tail_state;
    struct sky_buffer pending; /* room for both heads, records */
    uint32_t pending_count;
};

/* Both heads stand before the records, so that a batch is one write, whether it begins a segment or not. */
#define SKY_SPOOL_PENDING_HEAD_BYTES (SKY_SPOOL_SEGMENT_HEAD_BYTES + SKY_SPOOL_BATCH_HEAD_BYTES)

void sky_spool_segment_path(const struct sky_spool *spool, const struct sky_spool_segment *segment,
                            char path[SKY_SPOOL_PATH_SIZE]);

/* Add to the list's end; false without memory. */
bool sky_spool_add_segment(struct sky_spool *spool, const struct sky_spool_segment *segment);

/* Find what is in the folder: fills the list, id, positions and the tail, and cuts off what was not finished. */
SKY_MUST_USE enum sky_status sky_spool_recover(struct sky_spool *spool, struct sky_spool_message *message);

void sky_spool_say(struct sky_spool_message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
