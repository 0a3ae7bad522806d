/* composer.h: from words to the text of a post.
 *
 * Memory   the caller's; a text borrows nothing.
 * Words fill sentence patterns of their language in order; hashtags come at the end, where nothing can grow onto
 * them. Facet ranges are bytes of the text (app.bsky.richtext.facet). */
#ifndef SKY_SIM_COMPOSER_H
#define SKY_SIM_COMPOSER_H

#include "sim/lexicon.h"
#include "sim/random.h"

#define SKY_COMPOSER_WORDS_MAX 24
#define SKY_COMPOSER_TAGS_MAX  8
#define SKY_COMPOSER_BYTES_MAX 2800

struct sky_composer_range {
    uint16_t start;
    uint16_t end;
};

struct sky_composer_text {
    uint8_t bytes[SKY_COMPOSER_BYTES_MAX];
    uint16_t len;
    struct sky_composer_range tags[SKY_COMPOSER_TAGS_MAX]; /* with the '#' */
    uint16_t tags_count;
    struct sky_composer_range link; /* empty: none */
};

struct sky_composer_words {
    uint32_t items[SKY_COMPOSER_WORDS_MAX];
    uint32_t count;
    uint32_t language;
};

/* Sentences around the words, which must be of one language; hashtags above SKY_COMPOSER_TAGS_MAX are left out. */
void sky_composer_write(const struct sky_lexicon *lexicon, const struct sky_composer_words *words,
                        struct sky_random *random, struct sky_composer_text *text);

/* "Word: 14.2 / 83 / 1013": a machine's post. */
void sky_composer_write_reading(const struct sky_lexicon *lexicon, uint32_t word, struct sky_random *random,
                                struct sky_composer_text *text);

/* A link at the end, in a few of the posts an emoji before it. */
void sky_composer_add_link(struct sky_composer_text *text, struct sky_random *random);

#endif
