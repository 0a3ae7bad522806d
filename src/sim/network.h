/* network.h: the simulated network as its relay sends it: firehose frames around the posts of a world.
 *
 * Every frame is a true one: header and body in canonical DAG-CBOR, the CAR with a commit block, the blocks of the MST
 * path and the record, each under its right CID. Likes, follows, reposts, deletes, identity and account events and
 * profiles stand beside the posts in the proportions of the real network.
 *
 * Spec     https://atproto.com/specs/sync, https://atproto.com/specs/event-stream
 * Memory   owned by the network; an item borrows it until the next call.
 * Threads  one owner.
 * Limits   signatures are random bytes and an MST path proves nothing: only CIDs can be checked. */
#ifndef SKY_SIM_NETWORK_H
#define SKY_SIM_NETWORK_H

#include "sim/world.h"

enum sky_network_kind {
    SKY_NETWORK_POST,
    SKY_NETWORK_LIKE,
    SKY_NETWORK_FOLLOW,
    SKY_NETWORK_REPOST,
    SKY_NETWORK_DELETE,
    SKY_NETWORK_PROFILE,
    SKY_NETWORK_IDENTITY,
    SKY_NETWORK_ACCOUNT,
    SKY_NETWORK_KIND_COUNT
};

struct sky_network_item {
    int64_t seq;     /* from 1, by one */
    int64_t time_ms; /* the frame's `time`; runs up to 0.9 s backwards, as real ones do */
    enum sky_network_kind kind;
    struct sky_span frame;       /* header and body */
    const struct sky_post *post; /* the world's post, when `kind` is SKY_NETWORK_POST; NULL else */
};

struct sky_network;

/* A network around a new world of these options. SKY_E_CONFIG, SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_network_new(const struct sky_world_options *options, struct sky_network **network);
void sky_network_free(struct sky_network *network);

/* SKY_E_END and SKY_E_MEMORY as sky_world_next. */
SKY_MUST_USE enum sky_status sky_network_next(struct sky_network *network, struct sky_network_item *item);

/* For its truth: sky_world_events. */
const struct sky_world *sky_network_world(const struct sky_network *network);

#endif
