/* network_record.h: the records of the simulated network, in canonical DAG-CBOR.
 *
 * Spec     the lexicons app.bsky.feed.post, .like, .repost, app.bsky.graph.follow, app.bsky.actor.profile
 * Each appends one record to `buffer`. */
#ifndef SKY_SIM_NETWORK_RECORD_H
#define SKY_SIM_NETWORK_RECORD_H

#include "base/buffer.h"
#include "sim/world_text.h"

/* com.atproto.repo.strongRef */
struct sky_network_reference {
    struct sky_span uri;
    struct sky_span cid; /* text */
};

/* `parent` is read when the post is a reply; its root is taken to be the parent too. */
void sky_network_record_post(struct sky_buffer *buffer, const struct sky_post *post,
                             const struct sky_composer_text *text, const struct sky_network_reference *parent);

/* A like or a repost, by `type`. */
void sky_network_record_reference(struct sky_buffer *buffer, struct sky_span type,
                                  const struct sky_network_reference *subject, int64_t created_at_ms);
void sky_network_record_follow(struct sky_buffer *buffer, struct sky_span did, int64_t created_at_ms);
void sky_network_record_profile(struct sky_buffer *buffer, struct sky_span name, int64_t created_at_ms);

/* A key and the item behind it, for maps written elsewhere too. */
void sky_network_put_text(struct sky_buffer *buffer, struct sky_span key, struct sky_span value);
void sky_network_put_time(struct sky_buffer *buffer, struct sky_span key, int64_t time_ms);

#endif
