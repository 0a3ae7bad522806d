/* rank_stage.h: from what all buckets tell of a minute to its trends and records. There is one, for baselines, null and
 * ranks are of the whole network; what it does for a keyword and minute is a look-up in a table.
 *
 * Packets wait until their minute is over. Then its posts enter the store, its rows the tracker, and SKY_PACKET_RECORDS
 * has its records of all kinds but sessions (record.h). The order of packets is of no matter, but for what one author
 * did.
 *
 * Memory   owned: the tracker, the posts of the window with their texts, packets of open minutes.
 * Threads  one owner.
 * Trust    packets come from other stages, saved states may be damaged: reads stay inside them. */
#ifndef SKY_STAGE_RANK_STAGE_H
#define SKY_STAGE_RANK_STAGE_H

#include "engine/engine.h"
#include "stage/packets.h"

struct sky_rank_stage;

/* `options` were checked. NULL when there is no memory. */
struct sky_rank_stage *sky_rank_stage_new(const struct sky_engine_options *options);
void sky_rank_stage_free(struct sky_rank_stage *stage); /* NULL is fine */

/* SKY_E_LATE: its minute is over, nothing done. SKY_E_RANGE: a kind that is for others. SKY_E_MEMORY: good only for
 * free. */
SKY_MUST_USE enum sky_status sky_rank_stage_take(struct sky_rank_stage *stage, const struct sky_packet *packet);

/* All minutes up to `minute` are over. SKY_E_MEMORY, or what is wrong with a packet: good only for free. */
SKY_MUST_USE enum sky_status sky_rank_stage_close(struct sky_rank_stage *stage, int64_t minute,
                                                  struct sky_packets *packets, struct sky_error *error);

struct sky_rank_stage_stats {
    uint64_t slides;
    uint64_t packets_late;
    uint64_t keywords_known;
    uint64_t keywords_in_window; /* of the last slide, over all languages */
    uint32_t trends;             /* on, of the last slide */
    uint32_t uptime_minutes;
    int64_t closed_minute; /* INT64_MIN: none */
};
void sky_rank_stage_stats(const struct sky_rank_stage *stage, struct sky_rank_stage_stats *stats);

void sky_rank_stage_save(const struct sky_rank_stage *stage, struct sky_buffer *buffer);
/* Into a new one of the same options. On an error it is good only for free. */
SKY_MUST_USE enum sky_status sky_rank_stage_load(struct sky_rank_stage *stage, struct sky_span input,
                                                 struct sky_error *error);

#endif
