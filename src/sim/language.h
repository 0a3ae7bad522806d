/* language.h: what the simulated authors write in: word lists, sentence patterns and parts for made-up words.
 *
 * Memory   constants.
 * A pattern holds '%' where a word goes; everything else in it is function words, so that the keyword extractor finds
 * the words drawn and next to nothing else. A made-up word is one of each part in a row; no two rows give the same
 * word within a language (lexicon.c checks, over all of them). */
#ifndef SKY_SIM_LANGUAGE_H
#define SKY_SIM_LANGUAGE_H

#include <stddef.h>
#include <stdint.h>

#define SKY_SIM_LANGUAGES         4
#define SKY_SIM_SLOTS_MAX         4 /* words in one pattern */
#define SKY_SIM_WORD_PARTS_MAX    7
#define SKY_SIM_PATTERN_BYTES_MAX 160

struct sky_sim_strings {
    const char *const *items;
    uint32_t count;
};

struct sky_sim_language {
    const char *code;
    const char *separator; /* between sentences of a post */
    double share;          /* of the posts */
    double phase;          /* of the daily cycle, in days: it is at its mean, and rising, then */
    double amplitude;
    struct sky_sim_strings words;                         /* nouns, most frequent first */
    struct sky_sim_strings parts[SKY_SIM_WORD_PARTS_MAX]; /* of made-up words, in order; unused ones are empty */
    struct sky_sim_strings patterns[SKY_SIM_SLOTS_MAX];   /* [n]: with n + 1 places */
};

#define SKY_SIM_STRINGS(array)                                                                                         \
    {                                                                                                                  \
        (array), sizeof(array) / sizeof((array)[0])                                                                    \
    }

extern const struct sky_sim_language sky_sim_english;
extern const struct sky_sim_language sky_sim_japanese;
extern const struct sky_sim_language sky_sim_portuguese;
extern const struct sky_sim_language sky_sim_german;

#endif
