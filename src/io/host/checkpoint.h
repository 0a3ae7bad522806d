/* checkpoint.h: keeps one state on disk so that a crash at any instant leaves the last one or the one before it.
 *
 * Two files, PATH.a and PATH.b, are replaced in turn: the new state is written beside (PATH.tmp), flushed to the disk,
 * renamed over the older of the two, and the folder is flushed. At every instant at least one file is whole; each says
 * its generation, and load takes the newest that is intact.
 *
 *     offset  size  what (little endian)
 *          0     8  "SKYTREND"
 *          8     4  version of this layout and of all inside it, SKY_CHECKPOINT_VERSION
 *         12     4  low half of XXH3-64 of these 40 bytes, itself taken as 0: a damaged generation does not mislead
 *         16     8  generation, from 1
 *         24     8  length of the payload
 *         32     8  XXH3-64 of the payload
 *         40     -  payload: sections of tag (u32), length (u64), bytes
 *
 * Memory   sky_checkpoint_save allocates nothing; sky_checkpoint_load fills the caller's buffer.
 * Threads  one owner. One process at a time: a lock on PATH.lock refuses a second one.
 * Trust    files may be damaged: no length is trusted, a changed bit is found. */
#ifndef SKY_IO_HOST_CHECKPOINT_H
#define SKY_IO_HOST_CHECKPOINT_H

#include "base/buffer.h"

#define SKY_CHECKPOINT_VERSION        2
#define SKY_CHECKPOINT_HEADER_BYTES   40
#define SKY_CHECKPOINT_SIZE_BYTES_MAX (UINT64_C(8) << 30) /* ours, of one payload */
#define SKY_CHECKPOINT_MESSAGE_SIZE   512

struct sky_checkpoint;

/* Of one open call: what went wrong, for a person; empty when nothing did. */
struct sky_checkpoint_message {
    char text[SKY_CHECKPOINT_MESSAGE_SIZE];
};

/* `path` without the endings; its folder is made when missing.
 * SKY_E_IO (no folder, not writable), SKY_E_DUPLICATE (another process holds it), SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_checkpoint_open(const char *path, struct sky_checkpoint **checkpoint,
                                                 struct sky_checkpoint_message *message);
void sky_checkpoint_close(struct sky_checkpoint *checkpoint);

/* Durable when this returns SKY_OK. SKY_E_IO: what was there before is still there; SKY_E_LIMIT; SKY_E_MEMORY when the
 * payload buffer had failed. */
SKY_MUST_USE enum sky_status sky_checkpoint_save(struct sky_checkpoint *checkpoint, const struct sky_buffer *payload);

/* The newest intact payload into `payload`. sky_checkpoint_text then says if a newer one was damaged.
 *   SKY_E_END          there is none yet
 *   SKY_E_CHECKSUM     there are files, but none is whole
 *   SKY_E_UNSUPPORTED  whole, but of another version
 *   SKY_E_IO, SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_checkpoint_load(struct sky_checkpoint *checkpoint, struct sky_buffer *payload);

/* About the last call: what went wrong or was passed over; "" when nothing was. */
const char *sky_checkpoint_text(const struct sky_checkpoint *checkpoint);
uint64_t sky_checkpoint_generation(const struct sky_checkpoint *checkpoint); /* of the newest; 0: none */

/* Sections. A tag is four letters: SKY_CHECKPOINT_TAG('E','N','G','I'). */
#define SKY_CHECKPOINT_TAG(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Begin a section at the end of `payload`; what is put until sky_checkpoint_section_end(.., its result) is inside. */
SKY_MUST_USE size_t sky_checkpoint_section_begin(struct sky_buffer *payload, uint32_t tag);
void sky_checkpoint_section_end(struct sky_buffer *payload, size_t begin);

/* The first section with that tag. SKY_E_MISSING; SKY_E_TRUNCATED: the sections are not whole. */
SKY_MUST_USE enum sky_status sky_checkpoint_section(struct sky_span payload, uint32_t tag, struct sky_span *section);

#endif
