/* japanese.h: the nouns of Japanese text, by MeCab with the ipadic dictionary.
 *
 * Memory   owns MeCab's model (a memory-mapped dictionary), tagger and lattice.
 * Threads  one owner. */
#ifndef SKY_TEXT_JAPANESE_H
#define SKY_TEXT_JAPANESE_H

#include "base/span.h"
#include "base/status.h"

struct sky_japanese;

enum sky_morpheme_kind {
    SKY_MORPHEME_OTHER,  /* particle, verb, mark, ...: ends a phrase */
    SKY_MORPHEME_NOUN,   /* a word of content */
    SKY_MORPHEME_NUMBER, /* counts inside phrases */
    SKY_MORPHEME_PREFIX, /* may begin a phrase */
    SKY_MORPHEME_SUFFIX  /* may end a phrase */
};

struct sky_morpheme {
    uint32_t start; /* bytes from the start of the run */
    uint32_t end;
    enum sky_morpheme_kind kind;
};

/* SKY_E_UNSUPPORTED: no UTF-8 ipadic found; *reason says how to get it. */
SKY_MUST_USE enum sky_status sky_japanese_new(struct sky_japanese **japanese, const char **reason);
void sky_japanese_free(struct sky_japanese *japanese);

/* The morphemes of `run`, valid UTF-8 in NFKC; valid until the next call. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_japanese_parse(struct sky_japanese *japanese, struct sky_span run,
                                                const struct sky_morpheme **morphemes, size_t *count);

#endif
