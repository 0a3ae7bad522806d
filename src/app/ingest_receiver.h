/* ingest_receiver.h: the half of `ingest` that takes events from the relay, makes PostData of them and puts them into
 * the spool, batch by batch: a batch is on the disk after SKY_INGEST_BATCH_MS at the latest.
 *
 * The state beside each batch (io/kafka/ingest_cursor.h) is that behind its last event, so a batch that cannot be
 * written holds everything up: no more events are taken from the relay until it is.
 *
 * Memory   the receiver owns its buffers; what it is made of is borrowed.
 * Threads  one owner. */
#ifndef SKY_APP_INGEST_RECEIVER_H
#define SKY_APP_INGEST_RECEIVER_H

#include "app/source.h"
#include "event/repeats.h"
#include "io/spool/spool.h"
#include "ops/metrics.h"

#define SKY_INGEST_BATCH_BYTES     (1 << 20) /* ours: a batch is written when it is as large */
#define SKY_INGEST_BATCH_MS        100       /* or as old */
#define SKY_INGEST_RETRY_MS        500       /* before a batch that could not be written is tried again */
#define SKY_INGEST_VALUE_BYTES_MAX 900000    /* of PostData; ours: a broker takes 1 MiB with all around it */

struct sky_ingest_receiver_options {
    struct sky_source source;
    struct sky_spool *spool;
    struct sky_metrics *metrics;
    uint64_t hash_key; /* random */
};

struct sky_ingest_receiver;

SKY_MUST_USE enum sky_status sky_ingest_receiver_new(const struct sky_ingest_receiver_options *options,
                                                     struct sky_ingest_receiver **receiver); /* SKY_E_MEMORY */
void sky_ingest_receiver_free(struct sky_ingest_receiver *receiver);                         /* NULL is fine */

/* Go on from the spool's tail, if it has one: decoder, cursors, and what came in the last ten minutes. On an error
 * error->reason says what. */
SKY_MUST_USE enum sky_status sky_ingest_receiver_resume(struct sky_ingest_receiver *receiver, struct sky_error *error);

/* Some events, or a wait for one. SKY_OK; SKY_E_IO: the source has failed for good, the problem says why; SKY_E_END: it
 * has no more; SKY_E_MEMORY, SKY_E_LIMIT. That a batch cannot be written is no error here, see the status. */
SKY_MUST_USE enum sky_status sky_ingest_receiver_turn(struct sky_ingest_receiver *receiver);

/* What was taken onto the disk, at once. False: it could not be, the problem says why. */
bool sky_ingest_receiver_flush(struct sky_ingest_receiver *receiver);

struct sky_ingest_receiver_status {
    bool blocked;           /* the last batch could not be written */
    const char *problem;    /* why, or of the source; "" when there is none */
    int64_t event_clock_ms; /* monotonic, of the last event; 0: none yet */
};
void sky_ingest_receiver_status(const struct sky_ingest_receiver *receiver, struct sky_ingest_receiver_status *status);

#endif
