/* lexicon.h: the written form of every word of the simulated network.
 *
 * Memory   owned by the lexicon; its spans live as long as it.
 * Words are numbers; the first ones of a language are its real nouns, the others are made up from its parts. Every
 * sixteenth made-up word is a hashtag. No two words of any languages share a normalised form. */
#ifndef SKY_SIM_LEXICON_H
#define SKY_SIM_LEXICON_H

#include "base/arena.h"
#include "sim/language.h"

struct sky_lexicon_word {
    const uint8_t *surface;    /* as authors write it, '#' included for a hashtag */
    const uint8_t *normalized; /* as the keyword extractor gives it */
    uint8_t len;               /* bytes of both: case is all that differs */
    uint8_t language;          /* index into sky_sim_languages */
    bool is_hashtag;
};

struct sky_lexicon {
    struct sky_lexicon_word *words;
    uint32_t count;
    struct sky_arena arena;
};

extern const struct sky_sim_language *const sky_sim_languages[SKY_SIM_LANGUAGES];

/* A word for each of `languages`, in that order. SKY_E_MEMORY; SKY_E_LIMIT when a language has too few parts. */
SKY_MUST_USE enum sky_status sky_lexicon_init(struct sky_lexicon *lexicon, const uint8_t *languages, uint32_t count);
void sky_lexicon_clean_up(struct sky_lexicon *lexicon);

static inline struct sky_span sky_lexicon_normalized(const struct sky_lexicon *lexicon, uint32_t word)
{
    return sky_span_of(lexicon->words[word].normalized, lexicon->words[word].len);
}

#endif
