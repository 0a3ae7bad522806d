/* spool.h: a queue on disk between one that receives and one that sends, which loses and doubles nothing over kill -9.
 *
 *     receiver                                             sender
 *     sky_spool_put(spool, &record)  some times            sky_spool_reader_open(spool, committed, &reader)
 *     sky_spool_commit(spool, time, state)                 sky_spool_reader_next(reader, 100, &batch)
 *                                                          ... sent and committed there ...
 *                                                          sky_spool_release(spool, batch.next_position)
 *
 * Records are numbered from 0 on by their position. A batch is some records and the receiver's state behind them, and
 * it is there whole or not at all: one write, one fsync. So the state of the last batch is that of having seen exactly
 * the records up to it, and a receiver that starts from it goes on where the spool ends.
 *
 * Files (spool_format.h): segments DIRECTORY/POSITION-SERIAL.spool, named by the position of their first record (20
 * digits) and a running number (10 digits), each at most SKY_SPOOL_SEGMENT_BYTES or one batch long. One is removed when
 * everything in it was released, is older than keep_ms, and a newer one stands on the disk. DIRECTORY/lock is held by
 * the process that uses it.
 *
 * Crash     What an unfinished write left at the end is cut off by the next open. That the newest position then lies
 *           below what was released means that more than that was damaged: see sky_spool_restart.
 * Damage    A batch or segment that does not pass its checks is passed over; its positions are told as lost with the
 *           next batch, and counted. Segments that hold no readable batch at the end are set aside as NAME.damaged.
 * Full      SKY_E_LIMIT from commit: nothing was written, the batch stays in memory; commit again after a release.
 * Errors    SKY_E_IO from commit (a full disk is one): likewise, the next commit writes the same place again.
 *           A reader's SKY_E_IO: the same batch is tried again by the next call.
 *
 * Memory   the spool owns the batch that is being made, at most SKY_SPOOL_RECORDS_BYTES_MAX and a state.
 * Threads  one receiver (put, commit, tail, restart) and one sender (reader, release); status from any. restart: while
 *          no reader is open. One process at a time.
 * Trust    files are hostile: no length is trusted, a changed bit is found. */
#ifndef SKY_IO_SPOOL_SPOOL_H
#define SKY_IO_SPOOL_SPOOL_H

#include "io/spool/spool_scan.h"

#define SKY_SPOOL_SEGMENT_BYTES UINT64_C(67108864)    /* ours: 64 MiB */
#define SKY_SPOOL_ROOM_BYTES    UINT64_C(17179869184) /* 16 GiB unless set */
#define SKY_SPOOL_SEGMENTS_MAX  1048576               /* ours */
#define SKY_SPOOL_MESSAGE_SIZE  512

struct sky_spool_options {
    const char *directory;  /* made when missing */
    uint64_t room_bytes;    /* of all segments together; 0: SKY_SPOOL_ROOM_BYTES */
    uint64_t segment_bytes; /* 0: SKY_SPOOL_SEGMENT_BYTES; less in a small room */
    int64_t keep_ms;        /* of event time: released records younger than this stay while there is room; 0: none do */
};

/* Of one open: what went wrong, or what was cut off or set aside, for a person; empty when nothing was. */
struct sky_spool_message {
    char text[SKY_SPOOL_MESSAGE_SIZE];
};

struct sky_spool;

/* SKY_E_IO, SKY_E_DUPLICATE (another process holds it), SKY_E_UNSUPPORTED (of another version), SKY_E_LIMIT (more
 * segments than SKY_SPOOL_SEGMENTS_MAX), SKY_E_MEMORY; the message says more. */
SKY_MUST_USE enum sky_status sky_spool_open(const struct sky_spool_options *options, struct sky_spool **spool,
                                            struct sky_spool_message *message);
void sky_spool_close(struct sky_spool *spool); /* NULL is fine; after its readers */

/* Add a record to the batch that is being made. SKY_E_LIMIT: the record is larger than SKY_SPOOL_RECORD_BYTES_MAX, or
 * the batch would be larger than SKY_SPOOL_RECORDS_BYTES_MAX: not taken. SKY_E_MEMORY: likewise. */
SKY_MUST_USE enum sky_status sky_spool_put(struct sky_spool *spool, const struct sky_spool_record *record);

struct sky_spool_pending {
    uint32_t records_count;
    size_t bytes;
};

/* What was put and not committed yet. */
struct sky_spool_pending sky_spool_pending(const struct sky_spool *spool);

/* The batch is on the disk, and readers see it, when this returns SKY_OK. `state` is the receiver's behind it (at most
 * SKY_SPOOL_STATE_BYTES_MAX). The batch may be empty of records. Else the batch is kept, for the next call.
 *   SKY_E_LIMIT   there is no room
 *   SKY_E_IO      errno says why
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_spool_commit(struct sky_spool *spool, int64_t event_time_ms, struct sky_span state);

/* The state of the last batch, and the position behind it. False: there is no batch. */
struct sky_spool_tail {
    uint64_t position;
    int64_t event_time_ms;
    struct sky_span state; /* lives until the next commit */
};
bool sky_spool_tail(const struct sky_spool *spool, struct sky_spool_tail *tail);

/* Tells one spool from another: a committed position means something only together with it. 0 while there is no batch
 * and never was. */
uint64_t sky_spool_id(struct sky_spool *spool);

/* Forget all there is, and go on from what is known to be committed elsewhere: the first record to come gets
 * tail->position, and the spool a new id. For a spool that was lost, that lost its end, or that is not the one which
 * was committed last. tail->state is not the spool's own. SKY_E_IO, SKY_E_LIMIT, SKY_E_MEMORY: as commit; to be called
 * again. */
SKY_MUST_USE enum sky_status sky_spool_restart(struct sky_spool *spool, const struct sky_spool_tail *tail);

/* Everything below `position` is committed elsewhere: segments below it are removed. SKY_E_IO: one could not be, errno
 * says why; the next call tries again. */
SKY_MUST_USE enum sky_status sky_spool_release(struct sky_spool *spool, uint64_t position);

/* From here on all records of event time `time_ms` or later that are still there. */
uint64_t sky_spool_position_at(struct sky_spool *spool, int64_t time_ms);

struct sky_spool_status {
    uint64_t bytes;
    uint64_t room_bytes;
    uint64_t segments;
    uint64_t first_position; /* of the oldest segment */
    int64_t first_time_ms;   /* of the stream before it */
    uint64_t released;       /* what was released in this process; before: first_position */
    uint64_t next_position;  /* behind the last committed record */
    int64_t event_time_ms;   /* of the stream behind the last batch; 0: none */
    uint64_t lost_records;   /* positions that readers found damaged */
    uint64_t lost_ranges;
};
void sky_spool_status(struct sky_spool *spool, struct sky_spool_status *status);

struct sky_spool_reader;

/* From `position` on; where that is not there any more, from the oldest. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_spool_reader_open(struct sky_spool *spool, uint64_t position,
                                                   struct sky_spool_reader **reader);
void sky_spool_reader_close(struct sky_spool_reader *reader); /* NULL is fine */

/* The next batch, or the part of it from the reader's position on; it lives until the next call.
 *   SKY_E_END     none came within timeout_ms
 *   SKY_E_IO      errno says why
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_spool_reader_next(struct sky_spool_reader *reader, int timeout_ms,
                                                   struct sky_spool_batch *batch);

/* Wakes a reader that waits in another thread: its call gives SKY_E_END. */
void sky_spool_wake(struct sky_spool *spool);

#endif
