/* segment.h: word boundaries of UAX #29.
 *
 * Two ways with one result: a loop over the character table for runs made only of code points whose rules it knows,
 * and ICU's word iterator for everything else. Tests run both over the same input and compare.
 *
 * Memory   the segmenter owns its ICU iterator and scratch, and borrows the character table.
 * Threads  one owner.
 * Trust    `text` is valid UTF-8 as sky_normalize_text gives it, padding included. */
#ifndef SKY_TEXT_SEGMENT_H
#define SKY_TEXT_SEGMENT_H

#include "text/character.h"

struct sky_segmenter;

/* A segment that holds a letter or digit: bytes [start, end) of the text. */
struct sky_segment {
    uint32_t start;
    uint32_t end;
};

/* SKY_E_UNSUPPORTED: ICU's break data is missing. */
SKY_MUST_USE enum sky_status sky_segmenter_new(const struct sky_character_table *table,
                                               struct sky_segmenter **segmenter);
void sky_segmenter_free(struct sky_segmenter *segmenter);

/* The next word at or after `from` and before `end`, by the fast loop. The run up to `end` must hold no
 * SKY_CHAR_COMPLEX. False when there is none. */
bool sky_segment_fast(const struct sky_character_table *table, struct sky_span text, uint32_t from, uint32_t end,
                      struct sky_segment *segment);

/* All words of [from, end) by ICU, valid until the next call. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_segment_icu(struct sky_segmenter *segmenter, struct sky_span text, uint32_t from,
                                             uint32_t end, const struct sky_segment **segments, size_t *count);

#endif
