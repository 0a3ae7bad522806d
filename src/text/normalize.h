/* normalize.h: one form for texts that look alike: NFKC (UAX #15), invisible code points dropped, case folding.
 *
 * Two steps, because capitals still matter between them (WHO is not who):
 *   sky_normalize_text  NFKC of a whole text, in its own capitals. Default-ignorable code points (zero-width, bidi
 *                       controls, variation selectors), skin tones and the keycap are dropped; NUL, controls and bytes
 *                       that are not UTF-8 become spaces, line and paragraph ends become \n.
 *   sky_normalize_fold  NFKC_Casefold of one word of such a text, U+0307 after i dropped (Turkish capital I with dot),
 *                       U+2019 as the apostrophe it stands for. Folding its output again gives the output.
 *
 * Memory   the normalizer owns its scratch, grown as needed; it borrows the character table.
 * Threads  one owner.
 * Trust    any bytes. */
#ifndef SKY_TEXT_NORMALIZE_H
#define SKY_TEXT_NORMALIZE_H

#include "text/character.h"

/* Bytes behind a normalised text that may be read, so that loops can load eight at once. */
#define SKY_TEXT_PADDING_BYTES 32

struct sky_normalizer;

SKY_MUST_USE enum sky_status sky_normalizer_new(const struct sky_character_table *table,
                                                struct sky_normalizer **normalizer);
void sky_normalizer_free(struct sky_normalizer *normalizer);

/* `*out` borrows the normalizer until its next call of sky_normalize_text, and is followed by
 * SKY_TEXT_PADDING_BYTES zero bytes. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_normalize_text(struct sky_normalizer *normalizer, struct sky_span text,
                                                struct sky_span *out);

/* Fold `word`, UTF-8 that sky_normalize_text gave, into `out`; `*out_len` is its length.
 *   SKY_E_LIMIT  longer than `capacity` bytes
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_normalize_fold(struct sky_normalizer *normalizer, struct sky_span word, uint8_t *out,
                                                size_t capacity, size_t *out_len);

#endif
