/* offset_ledger.h: how far a consumer has come, when records are worked off in another order than they are read.
 *
 *     sky_offset_ledger_take(ledger, partition, offset, &ticket)   work on that record has begun
 *     sky_offset_ledger_done(ledger, &ticket)                      and is done, whatever came before it
 *     sky_offset_ledger_due(ledger, &place)                        the group may go on there: all before it is done
 *     sky_offset_ledger_committed(ledger, &place)
 *
 * A partition that was given to another member and comes back begins anew: tickets of before are void.
 *
 * Memory   owned; grows with the records under way. Threads  one owner. */
#ifndef SKY_IO_KAFKA_OFFSET_LEDGER_H
#define SKY_IO_KAFKA_OFFSET_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct sky_offset_ticket {
    int32_t partition;
    uint32_t generation;
    int64_t offset;
};

struct sky_offset_place {
    int32_t partition;
    uint32_t generation;
    int64_t offset; /* of the first record that is not done */
};

struct sky_offset_ledger;

SKY_MUST_USE enum sky_status sky_offset_ledger_new(struct sky_offset_ledger **ledger); /* SKY_E_MEMORY */
void sky_offset_ledger_free(struct sky_offset_ledger *ledger);                         /* NULL is fine */

/* This member reads the partition from now on; not any more. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_offset_ledger_assign(struct sky_offset_ledger *ledger, int32_t partition);
void sky_offset_ledger_revoke(struct sky_offset_ledger *ledger, int32_t partition);

/* Offsets of a partition are taken in rising order. SKY_E_MISSING: the partition is not ours; SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_offset_ledger_take(struct sky_offset_ledger *ledger, int32_t partition, int64_t offset,
                                                    struct sky_offset_ticket *ticket);
void sky_offset_ledger_done(struct sky_offset_ledger *ledger, const struct sky_offset_ticket *ticket);

/* Everything below `offset` that was not taken needs no work; `at_end`: nothing follows for now. */
void sky_offset_ledger_pass(struct sky_offset_ledger *ledger, int32_t partition, int64_t offset, bool at_end);

/* A place that was not committed yet; false: there is none. */
bool sky_offset_ledger_due(const struct sky_offset_ledger *ledger, struct sky_offset_place *place);

/* Likewise, of one partition. */
bool sky_offset_ledger_due_of(const struct sky_offset_ledger *ledger, int32_t partition,
                              struct sky_offset_place *place);
void sky_offset_ledger_committed(struct sky_offset_ledger *ledger, const struct sky_offset_place *place);

/* Every partition that is ours has been read to its end, and all of it is done. False while none is ours. */
bool sky_offset_ledger_is_at_end(const struct sky_offset_ledger *ledger);

#endif
