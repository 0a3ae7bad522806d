/* character.h: what the text stages need to know of a code point, in one byte.
 *
 * A table is filled from ICU's character data at start, so that the loops over a post ask no library; it covers
 * U+0000..U+1FFFF, and the rest follows rules simple enough to write down.
 *
 * Memory   `sky_character_table` is about 170 KB, owned by whoever makes it.
 * Threads  constant once filled: share it freely. */
#ifndef SKY_TEXT_CHARACTER_H
#define SKY_TEXT_CHARACTER_H

#include "base/span.h"
#include "base/status.h"

/* How a code point divides text. LETTER to EXTEND_NUM_LET are the Word_Break values of UAX #29 of the same name for
 * code points whose rules the fast path implements; COMPLEX is every other one (Hebrew, marks, Thai, ...). */
enum sky_char_class {
    SKY_CHAR_OTHER, /* punctuation and symbols */
    SKY_CHAR_SPACE,
    SKY_CHAR_NEWLINE,
    SKY_CHAR_EMOJI,
    SKY_CHAR_LETTER,
    SKY_CHAR_DIGIT,
    SKY_CHAR_MID_LETTER,
    SKY_CHAR_MID_NUM,
    SKY_CHAR_MID_NUM_LET, /* also Single_Quote, which differs only beside Hebrew letters */
    SKY_CHAR_EXTEND_NUM_LET,
    SKY_CHAR_CJK,       /* Han, Hiragana, Katakana and their marks */
    SKY_CHAR_CJK_PUNCT, /* marks that stand inside a Japanese sentence */
    SKY_CHAR_COMPLEX
};

/* What normalisation does to it. */
enum sky_char_norm {
    SKY_NORM_KEEP,    /* is its own NFKC form, whatever stands beside it */
    SKY_NORM_DROP,    /* default ignorable (zero width, bidi control, variation selector), skin tone, keycap */
    SKY_NORM_SPACE,   /* control */
    SKY_NORM_NEWLINE, /* any line or paragraph end */
    SKY_NORM_MAP,     /* has an NFKC form of its own, which does not depend on its neighbours */
    SKY_NORM_SLOW     /* may interact with its neighbours: the whole text goes through ICU */
};

#define SKY_CHARACTER_TABLE_END 0x20000
#define SKY_FOLD_TABLE_END      0x2000
#define SKY_FOLD_ICU            0 /* sky_character_table.fold: ask ICU */
#define SKY_FOLD_SS             1 /* two letters: ss */

struct sky_character_table {
    uint8_t codes[SKY_CHARACTER_TABLE_END]; /* class | norm << 4 */
    uint16_t fold[SKY_FOLD_TABLE_END];      /* NFKC_Casefold of one letter as one code point, or SKY_FOLD_* */
};

/* SKY_E_UNSUPPORTED: ICU's normalisation data is missing. */
SKY_MUST_USE enum sky_status sky_character_table_fill(struct sky_character_table *table);

uint8_t sky_character_code_beyond(uint32_t code_point);

static inline uint8_t sky_character_code(const struct sky_character_table *table, uint32_t code_point)
{
    return code_point < SKY_CHARACTER_TABLE_END ? table->codes[code_point] : sky_character_code_beyond(code_point);
}

static inline enum sky_char_class sky_character_class(const struct sky_character_table *table, uint32_t code_point)
{
    return (enum sky_char_class)(sky_character_code(table, code_point) & 0x0f);
}

static inline enum sky_char_norm sky_character_norm(const struct sky_character_table *table, uint32_t code_point)
{
    return (enum sky_char_norm)(sky_character_code(table, code_point) >> 4);
}

static inline bool sky_character_is_han(uint32_t c)
{
    return (c >= 0x3400 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff) ||
           c == 0x3005;
}

static inline bool sky_character_is_kana(uint32_t c)
{
    return (c >= 0x3041 && c <= 0x309f) || (c >= 0x30a1 && c <= 0x30ff && c != 0x30fb) || (c >= 0x31f0 && c <= 0x31ff);
}

static inline bool sky_character_is_hangul(uint32_t c)
{
    return c >= 0xac00 && c <= 0xd7a3;
}

#define SKY_CODE_POINT_INVALID UINT32_MAX

/* Decode one code point of bytes that need not be UTF-8; `len` is 1 for what is not. p < end. */
uint32_t sky_character_decode(const uint8_t *p, const uint8_t *end, size_t *len);

#endif
