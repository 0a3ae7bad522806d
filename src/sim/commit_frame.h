/* commit_frame.h: one #commit frame around one operation of a repository.
 *
 * Spec     com.atproto.sync.subscribeRepos#commit, https://atproto.com/specs/repository
 * Memory   the writer owns its buffers; a frame lives until the next one is written.
 * The CAR holds the nodes of an MST path from the root to the operation's entry, the record, and last the commit: each
 * names the one before it by its CID. What hangs beside the path is random, as is the signature. */
#ifndef SKY_SIM_COMMIT_FRAME_H
#define SKY_SIM_COMMIT_FRAME_H

#include "base/buffer.h"
#include "sim/random.h"
#include "wire/cid.h"

#define SKY_COMMIT_FRAME_NODES_MAX     12
#define SKY_COMMIT_FRAME_KEY_BYTES_MAX 64

struct sky_commit_frame {
    struct sky_random random;
    struct sky_buffer nodes; /* leaf first */
    struct sky_buffer commit;
    struct sky_buffer car;
    struct sky_buffer frame;
    size_t node_ends[SKY_COMMIT_FRAME_NODES_MAX];
    uint8_t node_cids[SKY_COMMIT_FRAME_NODES_MAX][SKY_CID_SIZE_BYTES];
    uint32_t nodes_count;
    uint8_t key[SKY_COMMIT_FRAME_KEY_BYTES_MAX]; /* of the entry written last in the node */
    size_t key_len;
};

struct sky_commit_frame_op {
    int64_t seq;
    int64_t time_ms;
    struct sky_span repo; /* DID */
    struct sky_span rev;  /* TID */
    struct sky_span since;
    struct sky_span path;   /* collection/rkey */
    struct sky_span record; /* DAG-CBOR; empty: the operation is a delete */
    bool is_update;
};

void sky_commit_frame_init(struct sky_commit_frame *writer, uint64_t seed);
void sky_commit_frame_clean_up(struct sky_commit_frame *writer);

/* The frame; empty without memory. `cid` becomes the record's. */
SKY_MUST_USE struct sky_span sky_commit_frame_write(struct sky_commit_frame *writer,
                                                    const struct sky_commit_frame_op *op,
                                                    uint8_t cid[SKY_CID_SIZE_BYTES]);

/* A header of a frame of type `t`, as it stands before every body. */
void sky_frame_put_header(struct sky_buffer *buffer, struct sky_span type);

/* A CID of nothing in particular. */
void sky_random_cid(struct sky_random *random, uint8_t cid[SKY_CID_SIZE_BYTES]);

#endif
