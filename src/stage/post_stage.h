/* post_stage.h: the posts of the authors of one bucket: repeats are dropped, what may not be shown is noted, authors
 * and sessions are counted, and each keyword is sent on to its bucket.
 *
 * Events wait until their minute is over, whatever order the partitions come in; what one author did must come in the
 * order it was done. Then the minute is taken as a whole, and gives
 *
 *     SKY_PACKET_OCCURRENCES  for each bucket of keywords: u8 entry (enum sky_occurrence_entry), then
 *                             a post: u64 author id, u64 post id, u64 sketch, u8 language, u32 count, keywords
 * (event.h) hide and show: u64 post id: it may not be shown any more; it may be again SKY_PACKET_POSTS        the
 * events that change what is shown of posts, as events without keywords SKY_PACKET_TOTALS       u64 posts and u64
 * authors of the bucket in the sliding window; of no minute without either SKY_PACKET_ACTIVITY     see activity_part.h
 *     SKY_PACKET_RECORDS      the sessions that are over
 *
 * Memory   owned: the posts of the window by id (not their texts), open sessions, events of open minutes.
 * Threads  one owner.
 * Trust    events come from a decode stage, saved states may be damaged: reads stay inside them. */
#ifndef SKY_STAGE_POST_STAGE_H
#define SKY_STAGE_POST_STAGE_H

#include "engine/engine.h"
#include "stage/packets.h"

enum sky_occurrence_entry {
    SKY_OCCURRENCE_POST,
    SKY_OCCURRENCE_HIDDEN_POST, /* one that may not be shown, as was told of its uri before */
    SKY_OCCURRENCE_HIDE,
    SKY_OCCURRENCE_SHOW
};

struct sky_post_stage;

/* `options` were checked. NULL when there is no memory. */
struct sky_post_stage *sky_post_stage_new(const struct sky_engine_options *options);
void sky_post_stage_free(struct sky_post_stage *stage); /* NULL is fine */

/* Take the events of a packet. SKY_E_LATE: its minute is over, nothing done. SKY_E_MEMORY: good only for free. */
SKY_MUST_USE enum sky_status sky_post_stage_take(struct sky_post_stage *stage, int64_t minute, struct sky_span events);

/* All minutes up to `minute` are over. SKY_E_MEMORY, or what is wrong with an event: good only for free. */
SKY_MUST_USE enum sky_status sky_post_stage_close(struct sky_post_stage *stage, int64_t minute,
                                                  struct sky_packets *packets, struct sky_error *error);

struct sky_post_stage_stats {
    uint64_t posts; /* creates taken */
    uint64_t posts_imported;
    uint64_t posts_duplicate;
    uint64_t events_late; /* packets */
};
void sky_post_stage_stats(const struct sky_post_stage *stage, struct sky_post_stage_stats *stats);

void sky_post_stage_save(const struct sky_post_stage *stage, struct sky_buffer *buffer);
/* Into a new one of the same options. On an error it is good only for free. */
SKY_MUST_USE enum sky_status sky_post_stage_load(struct sky_post_stage *stage, struct sky_span input,
                                                 struct sky_error *error);

#endif
