/* count_stage.h: the keywords of one bucket, counted over the sliding window and over the windows of activity.
 *
 * Occurrences wait until their minute is over. Then it gives
 *
 *     SKY_PACKET_ROWS      of each minute with posts in the window: u32 languages and for each u64 volume; a list of
 * the most used words and hashtags; then rows (row.h) up to the end of the entry. An entry is a blob.
 *     SKY_PACKET_ACTIVITY  see activity_part.h
 *
 * It has no saved state: what it holds follows from the occurrences of the last sky_count_stage_minutes minutes and of
 * those that are not over, which the engine around keeps. A new stage that takes those again, and closes what was over
 * without telling anybody, goes on like the one before.
 *
 * Memory   owned: the windows, the posts that may not be shown, occurrences of open minutes.
 * Threads  one owner.
 * Trust    occurrences come from a post stage, kept ones may be damaged: reads stay inside them. */
#ifndef SKY_STAGE_COUNT_STAGE_H
#define SKY_STAGE_COUNT_STAGE_H

#include "engine/engine.h"
#include "stage/packets.h"

struct sky_count_stage;

/* How many minutes of occurrences a stage follows from. */
uint32_t sky_count_stage_minutes(const struct sky_engine_options *options);

/* `options` were checked. NULL when there is no memory. */
struct sky_count_stage *sky_count_stage_new(const struct sky_engine_options *options);
void sky_count_stage_free(struct sky_count_stage *stage); /* NULL is fine */

/* Take the entries of a packet. SKY_E_LATE: its minute is over, nothing done. SKY_E_MEMORY: good only for free. */
SKY_MUST_USE enum sky_status sky_count_stage_take(struct sky_count_stage *stage, int64_t minute,
                                                  struct sky_span occurrences);

/* All minutes up to `minute` are over. `packets` NULL: tell nobody. SKY_E_MEMORY, or what is wrong with an occurrence:
 * good only for free. */
SKY_MUST_USE enum sky_status sky_count_stage_close(struct sky_count_stage *stage, int64_t minute,
                                                   struct sky_packets *packets, struct sky_error *error);

#endif
