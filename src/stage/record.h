/* record.h: a record for Kafka as an entry of a packet: u8 kind (enum sky_published_kind), i64 timestamp, u64
 * correlation id (0: none), u8 whether there is a key, blob key, blob value. All little-endian; a blob is u32 length
 * and bytes.
 *
 * Memory   a read record borrows the input. */
#ifndef SKY_STAGE_RECORD_H
#define SKY_STAGE_RECORD_H

#include "engine/publish.h"

void sky_record_put(struct sky_buffer *buffer, const struct sky_published *record);
void sky_record_get(struct sky_reader *reader, struct sky_published *record); /* errors are in the reader */

#endif
