/* car.h: walk and write the blocks of one CARv1 archive held in memory.
 *
 * Spec     https://ipld.io/specs/transport/car/carv1/
 * Memory   allocates nothing; every span borrows the input.
 * Threads  one owner per reader.
 * Trust    input is hostile: reads stay inside it, work is O(input bytes); bad bytes give a status.
 *
 * Several roots, blocks in any order, blocks that come twice and blocks nobody names are all fine. Sections of length
 * zero, varints not in their shortest form and CIDs of another form than cid.h takes are not. */
#ifndef SKY_WIRE_CAR_H
#define SKY_WIRE_CAR_H

#include "base/buffer.h"

#define SKY_CAR_FIND_MAX 256 /* blocks looked for in one pass; ours */

struct sky_car_block {
    struct sky_span cid;  /* binary; the digest is NOT verified here, see sky_cid_matches */
    struct sky_span data; /* undecoded, may be empty */
};

struct sky_car_reader {
    struct sky_span input;
    size_t offset;          /* of the next section */
    struct sky_span header; /* DAG-CBOR */
    struct sky_span root;   /* CID of the first root, empty when there is none */
    struct sky_error error;
};

/* Check the header and stop before the first block. The status is also in reader->error.
 *   SKY_E_UNSUPPORTED  another version of CAR */
SKY_MUST_USE enum sky_status sky_car_open(struct sky_car_reader *reader, struct sky_span input);

/* The next block; SKY_E_END behind the last one, any other error is sticky. */
SKY_MUST_USE enum sky_status sky_car_next(struct sky_car_reader *reader, struct sky_car_block *block);

struct sky_car_want {
    struct sky_span cid;  /* in */
    struct sky_span data; /* out: of the first block with this CID */
    bool found;           /* out; false before */
};

/* Look for all of `wants` in one pass over the rest of the archive, to its end, so that its framing is checked too.
 * Few are compared one by one, many are sorted and searched: work is O(blocks x log(count)). Two may name one block. */
SKY_MUST_USE enum sky_status sky_car_find(struct sky_car_reader *reader, struct sky_car_want *wants, size_t count);

/* The writer: a header with one root, then block by block. */
void sky_car_write_header(struct sky_buffer *buffer, struct sky_span root);
void sky_car_write_block(struct sky_buffer *buffer, struct sky_span cid, struct sky_span data);

/* Any section: its length and `content` (a header of another shape than the one above). */
void sky_car_write_section(struct sky_buffer *buffer, struct sky_span content);

#endif
