/* language.h: which language a post is in, from its words and letters.
 *
 * Clients set the tag of a post to the language of the app, so Latin text of some length is believed more than the
 * tag; short text, and text that gives no clear answer, keeps it.
 *
 * Threads  pure functions. */
#ifndef SKY_TEXT_LANGUAGE_H
#define SKY_TEXT_LANGUAGE_H

#include "text/word.h"

/* Letters a text needs before the detector may outrank a tag. Ours. */
#define SKY_LANGUAGE_LETTERS_MIN 20

/* The language of `words`; `tag` is the lower-case primary subtag the author gave, or empty. The answer is static or is
 * `tag`; "und" when nothing tells. */
struct sky_span sky_language_detect(const struct sky_words *words, const struct sky_character_table *table,
                                    const struct sky_stopword_table *stopwords, struct sky_span tag);

/* The stop-word bit of another language than `own` that the words are more of: two stop words or more that are none in
 * `own`, and more than are. 0 when there is none. Short posts keep a wrong tag, and their "das ist" is no news then. */
uint32_t sky_language_stop_words(const struct sky_words *words, const struct sky_stopword_table *stopwords,
                                 uint32_t own);

#endif
