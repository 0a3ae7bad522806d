/* spool_scan.h: the batches of one segment file of the spool, one after the other, past what is damaged.
 *
 * A batch whose head passes its check is stepped over whole, good or not; where no head is, the next one is looked for.
 * So the work is O(bytes), whatever stands in the file.
 *
 * Memory   owns one buffer as large as the largest batch so far; a batch borrows it until the next call.
 * Threads  one owner. */
#ifndef SKY_IO_SPOOL_SPOOL_SCAN_H
#define SKY_IO_SPOOL_SPOOL_SCAN_H

#include "io/spool/spool_format.h"

struct sky_spool_batch {
    uint64_t first_position;
    uint64_t next_position;  /* behind its last record */
    uint64_t lost;           /* positions before first_position that cannot be read any more */
    int64_t event_time_ms;   /* of the stream behind it: a batch may hold no record and yet move time */
    struct sky_span records; /* for sky_spool_batch_next */
    struct sky_span state;
};

/* Its next record; false behind the last. */
bool sky_spool_batch_next(struct sky_spool_batch *batch, struct sky_spool_record *record);

struct sky_spool_scan {
    int fd;
    uint64_t id;            /* of the spool */
    uint64_t expected;      /* position that comes next; moves with each batch */
    uint64_t end_position;  /* from here on it is the next segment's */
    uint64_t offset;        /* of the byte looked at next */
    uint64_t good_end;      /* offset behind the last whole batch */
    uint64_t damaged_bytes; /* passed over so far */
    struct sky_buffer buffer;
};

void sky_spool_scan_begin(struct sky_spool_scan *scan, int fd, uint64_t id, uint64_t first_position);
void sky_spool_scan_clean_up(struct sky_spool_scan *scan); /* does not close the file */

/* The next whole batch that ends at or before byte `limit`. `lost` is not set.
 *   SKY_E_END     there is none; what stands before `limit` was passed over
 *   SKY_E_IO      errno says why; the next call tries again
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_spool_scan_next(struct sky_spool_scan *scan, uint64_t limit,
                                                 struct sky_spool_batch *batch);

#endif
