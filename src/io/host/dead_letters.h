/* dead_letters.h: keeps the frames or lines that could not be read whole, in a form that `skytrend replay` reads again.
 *
 * Two files share the room: when PATH is full it becomes PATH.old, in the place of the one before, and begins anew. So
 * the newest half of the room is always there. A file is made with the first letter, not before.
 *
 * Form     frames as a recording with receipts, lines as lines (recording.h).
 * Memory   owns one buffer as large as the largest letter so far. Threads  one owner. */
#ifndef SKY_IO_HOST_DEAD_LETTERS_H
#define SKY_IO_HOST_DEAD_LETTERS_H

#include "base/buffer.h"

#define SKY_DEAD_LETTERS_MESSAGE_SIZE 512

struct sky_dead_letters_options {
    const char *path;    /* copied */
    uint64_t room_bytes; /* of both files together */
    bool lines;          /* Jetstream JSON, else frames */
};

struct sky_dead_letters;

SKY_MUST_USE enum sky_status sky_dead_letters_new(const struct sky_dead_letters_options *options,
                                                  struct sky_dead_letters **letters); /* SKY_E_MEMORY */
void sky_dead_letters_free(struct sky_dead_letters *letters);                         /* NULL is fine */

/* Keep one. What an earlier process left is gone on with; a letter that it did not finish is cut off.
 *   SKY_E_LIMIT  larger than a recording takes, or than half the room: not kept
 *   SKY_E_IO     message says why; the next call tries again
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_dead_letters_add(struct sky_dead_letters *letters, struct sky_span letter,
                                                  int64_t receipt_ms);
const char *sky_dead_letters_message(const struct sky_dead_letters *letters);

#endif
