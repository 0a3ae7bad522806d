/* repeats.h: drops what was seen within the last minutes already: after a failover relays give part of the stream again
 * under other seqs, and Jetstream's times are not ordered, so that reconnecting to it asks for more than was missed.
 *
 * What came is known by the XXH3-64 of author, rev and record key: a commit has one rev, and an op one path in it. The
 * newest SKY_REPEATS_MAX events of the last span are remembered, the oldest forgotten first; so a repetition that comes
 * later than that passes. Two different posts of one hash would cost one of them; at a million remembered that is one
 * chance in 10^13 a post.
 *
 * Memory   16 bytes an event remembered, twice that for the table; grows to SKY_REPEATS_MAX.
 * Threads  one owner.
 * Trust    the table's hash is keyed: nobody can choose events that fall into one slot. */
#ifndef SKY_EVENT_REPEATS_H
#define SKY_EVENT_REPEATS_H

#include "base/status.h"
#include "event/post.h"

#define SKY_REPEATS_SPAN_MS 600000  /* ours; more than a failover looks back */
#define SKY_REPEATS_MAX     1048576 /* ours; 10 min at 1,700 posts a second */

struct sky_repeats;

struct sky_repeats_options {
    int64_t span_ms;      /* of event time; 0: SKY_REPEATS_SPAN_MS */
    uint32_t entries_max; /* 0: SKY_REPEATS_MAX; a power of two */
    uint64_t hash_key;    /* random */
};

/* SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_repeats_new(const struct sky_repeats_options *options, struct sky_repeats **repeats);
void sky_repeats_free(struct sky_repeats *repeats); /* NULL is fine */

/* What a post is known by. `time`: of its event, as it was sent: an account event has no rev and is told by that. */
uint64_t sky_repeats_identity(const struct sky_post *post, struct sky_span time);

/* True: it came within the span before `event_time_ms`. False: it did not, and is remembered from now on. Event times
 * do not go back. Without memory for more the oldest are forgotten early. */
bool sky_repeats_seen(struct sky_repeats *repeats, uint64_t identity, int64_t event_time_ms);

uint32_t sky_repeats_count(const struct sky_repeats *repeats); /* remembered now */

#endif
