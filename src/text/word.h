/* word.h: the words of a post, found without knowing its language: the first half of the way to keywords, shared by
 * the language detector and keyword.c.
 *
 * Memory   sky_words owns its buffers and the normalised text; allocates at new, then only to grow.
 * Threads  one owner.
 * Trust    any bytes; SKY_POST_TEXT_BYTES_MAX is the caller's limit, work is O(bytes). */
#ifndef SKY_TEXT_WORD_H
#define SKY_TEXT_WORD_H

#include "text/normalize.h"
#include "text/stopword.h"

/* A word's folded form may be this long; longer ones are marked SKY_WORD_LONG and stand for nothing. Ours. */
#define SKY_WORD_BYTES_MAX 192

enum {
    SKY_WORD_BREAK = 1,    /* no phrase goes over the gap before it */
    SKY_WORD_NUMBER = 2,   /* no letter in it */
    SKY_WORD_SINGLE = 4,   /* one letter of an alphabet */
    SKY_WORD_CAPITALS = 8, /* two letters or more, all capitals */
    SKY_WORD_APOSTROPHE = 16,
    SKY_WORD_CJK = 32,  /* not a word but a run of Han and kana still to be cut, not folded */
    SKY_WORD_KANA = 64, /* such a run with kana in it */
    SKY_WORD_LONG = 128,
    SKY_WORD_ASCII = 256,
    SKY_WORD_GAP = 512 /* something, if only a space, stands before it */
};

struct sky_word {
    uint32_t start; /* bytes [start, end) of the normalised text */
    uint32_t end;
    uint32_t folded; /* offset into sky_words.folded */
    uint16_t folded_len;
    uint16_t flags;
    uint64_t id; /* sky_hash_id of the folded form */
    const struct sky_stopword_entry *entry;
};

/* Bytes behind a word of one letter that make it the name of a programming language: C++, C#. */
static inline uint32_t sky_word_programming_suffix(struct sky_span text, const struct sky_word *word)
{
    const uint8_t *behind = text.ptr + word->end; /* padded */
    if (!(word->flags & SKY_WORD_SINGLE) || !(word->flags & SKY_WORD_ASCII))
        return 0;
    return behind[0] == '+' && behind[1] == '+' ? 2 : behind[0] == '#' ? 1 : 0;
}

struct sky_words {
    struct sky_span text; /* normalised, capitals kept, padded */
    const struct sky_word *items;
    size_t count;
    const uint8_t *folded; /* SKY_TEXT_PADDING_BYTES behind it may be read */
    size_t folded_len;
    uint32_t letters_capital; /* in words: what tells a post written all in capitals */
    uint32_t letters_other;
    bool other_scripts; /* letters beyond Latin */
};

struct sky_word_finder;

/* `stopwords` is borrowed. SKY_E_UNSUPPORTED: ICU data is missing. */
SKY_MUST_USE enum sky_status sky_word_finder_new(const struct sky_stopword_table *stopwords,
                                                 struct sky_word_finder **finder);
void sky_word_finder_free(struct sky_word_finder *finder);

/* Send every run through ICU (for the tests that prove both ways equal). */
void sky_word_finder_force_icu(struct sky_word_finder *finder, bool force);

/* The words of `text`; `tags` are its hashtags without '#', which are left out. `words` borrows the finder until the
 * next call. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_word_find(struct sky_word_finder *finder, struct sky_span text,
                                           const struct sky_span *tags, uint32_t tags_count, struct sky_words *words);

/* What the finder is made of, for the cutting of Han without Japanese (segment.h) and the folding of tags. */
struct sky_segmenter *sky_word_finder_segmenter(struct sky_word_finder *finder);
const struct sky_character_table *sky_word_finder_table(const struct sky_word_finder *finder);

#endif
