#include "text/character.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>

static uint8_t code_of(enum sky_char_class class, enum sky_char_norm norm)
{
    return (uint8_t)((unsigned)class | (unsigned)norm << 4);
}

static bool is_line_end(UChar32 c)
{
    return (c >= 0x0a && c <= 0x0d) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* Dropped from every text: what cannot be seen, and what only colours or frames an emoji. */
static bool is_dropped(UChar32 c)
{
    return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || (c >= 0x1f3fb && c <= 0x1f3ff) ||
           c == 0x20e3 || (c >= 0xfff9 && c <= 0xfffb);
}

static bool is_emoji(UChar32 c)
{
    return c > 0x7f && (u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) || u_hasBinaryProperty(c, UCHAR_EMOJI) ||
                        u_hasBinaryProperty(c, UCHAR_REGIONAL_INDICATOR));
}

static bool is_cjk(UChar32 c)
{
    UErrorCode error = U_ZERO_ERROR;
    UScriptCode script = uscript_getScript(c, &error);
    return script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ||
           u_getIntPropertyValue(c, UCHAR_WORD_BREAK) == U_WB_KATAKANA;
}

static bool is_cjk_punct(UChar32 c)
{
    return c == 0x3001 || (c >= 0x300c && c <= 0x300f) || c == 0x30fb || c == 0x301c;
}

static enum sky_char_class class_of_word_break(UChar32 c)
{
    if (c == ':') /* MidLetter in UAX #29, but not in ICU's root rules */
        return SKY_CHAR_OTHER;
    switch (u_getIntPropertyValue(c, UCHAR_WORD_BREAK)) {
    case U_WB_ALETTER: return SKY_CHAR_LETTER;
    case U_WB_NUMERIC: return SKY_CHAR_DIGIT;
    case U_WB_MIDLETTER: return SKY_CHAR_MID_LETTER;
    case U_WB_MIDNUM: return SKY_CHAR_MID_NUM;
    case U_WB_MIDNUMLET:
    case U_WB_SINGLE_QUOTE: return SKY_CHAR_MID_NUM_LET;
    case U_WB_EXTENDNUMLET: return SKY_CHAR_EXTEND_NUM_LET;
    case U_WB_DOUBLE_QUOTE: return SKY_CHAR_OTHER; /* differs only beside Hebrew letters, which are COMPLEX */
    case U_WB_OTHER: return u_isalnum(c) ? SKY_CHAR_COMPLEX : SKY_CHAR_OTHER;
    default: return SKY_CHAR_COMPLEX;
    }
}

static enum sky_char_class class_of(UChar32 c)
{
    if (is_line_end(c))
        return SKY_CHAR_NEWLINE;
    if (u_isUWhiteSpace(c) || u_charType(c) == U_CONTROL_CHAR)
        return SKY_CHAR_SPACE;
    if (is_emoji(c))
        return SKY_CHAR_EMOJI;
    if (is_cjk_punct(c))
        return SKY_CHAR_CJK_PUNCT;
    if (u_getIntPropertyValue(c, UCHAR_LINE_BREAK) == U_LB_COMPLEX_CONTEXT)
        return SKY_CHAR_COMPLEX; /* Thai, Lao, Khmer, Burmese: words come from dictionaries */
    if (is_cjk(c))
        return SKY_CHAR_CJK;
    return class_of_word_break(c);
}

static bool is_normalized(const UNormalizer2 *nfkc, UChar32 c)
{
    UErrorCode error = U_ZERO_ERROR;
    UChar text[2];
    int32_t len = 0;
    U16_APPEND_UNSAFE(text, len, c);
    return unorm2_quickCheck(nfkc, text, len, &error) == UNORM_YES && U_SUCCESS(error) && u_getCombiningClass(c) == 0;
}

/* NFKC of `c` alone is NFKC of it anywhere, and made only of code points that keep to themselves. */
static bool is_mapped(const UNormalizer2 *nfkc, UChar32 c)
{
    if (!unorm2_hasBoundaryBefore(nfkc, c) || !unorm2_hasBoundaryAfter(nfkc, c))
        return false;
    UErrorCode error = U_ZERO_ERROR;
    UChar from[2], to[32];
    int32_t len = 0;
    U16_APPEND_UNSAFE(from, len, c);
    int32_t to_len = unorm2_normalize(nfkc, from, len, to, 32, &error);
    for (int32_t i = 0; U_SUCCESS(error) && i < to_len;) {
        UChar32 d;
        U16_NEXT(to, i, to_len, d);
        if (!is_normalized(nfkc, d) || is_dropped(d))
            return false;
    }
    return U_SUCCESS(error);
}

static enum sky_char_norm norm_of(const UNormalizer2 *nfkc, UChar32 c)
{
    if (is_line_end(c))
        return c == '\n' ? SKY_NORM_KEEP : SKY_NORM_NEWLINE;
    if (u_charType(c) == U_CONTROL_CHAR)
        return SKY_NORM_SPACE;
    if (is_dropped(c))
        return SKY_NORM_DROP;
    if (is_normalized(nfkc, c))
        return SKY_NORM_KEEP;
    return is_mapped(nfkc, c) ? SKY_NORM_MAP : SKY_NORM_SLOW;
}

/* One letter's NFKC_Casefold, without the dot that the Turkish capital I leaves behind. */
static uint16_t fold_of(const UNormalizer2 *fold, UChar32 c)
{
    UErrorCode error = U_ZERO_ERROR;
    UChar from = (UChar)c, to[8];
    int32_t len = unorm2_normalize(fold, &from, 1, to, 8, &error);
    if (U_FAILURE(error))
        return SKY_FOLD_ICU;
    if (len == 2 && to[0] == 's' && to[1] == 's')
        return SKY_FOLD_SS;
    if (len == 2 && to[0] == 'i' && to[1] == 0x307)
        return 'i';
    return len == 1 && !U16_IS_SURROGATE(to[0]) && to[0] > SKY_FOLD_SS ? to[0] : SKY_FOLD_ICU;
}

enum sky_status sky_character_table_fill(struct sky_character_table *table)
{
    UErrorCode error = U_ZERO_ERROR;
    const UNormalizer2 *nfkc = unorm2_getNFKCInstance(&error);
    const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&error);
    if (U_FAILURE(error))
        return SKY_E_UNSUPPORTED;
    for (UChar32 c = 0; c < SKY_CHARACTER_TABLE_END; c++)
        table->codes[c] =
            U_IS_SURROGATE(c) ? code_of(SKY_CHAR_SPACE, SKY_NORM_SPACE) : code_of(class_of(c), norm_of(nfkc, c));
    for (UChar32 c = 0; c < SKY_FOLD_TABLE_END; c++) {
        bool plain = (table->codes[c] >> 4) == SKY_NORM_KEEP && (table->codes[c] & 0x0f) != SKY_CHAR_COMPLEX;
        table->fold[c] = plain ? fold_of(fold, c) : SKY_FOLD_ICU;
    }
    return SKY_OK;
}

uint8_t sky_character_code_beyond(uint32_t c)
{
    if (c >= 0xe0000 && c <= 0xe0fff)
        return code_of(SKY_CHAR_OTHER, SKY_NORM_DROP);
    bool compatibility = c >= 0x2f800 && c <= 0x2fa1f;
    if (c >= 0x20000 && c <= 0x3fffd)
        return code_of(SKY_CHAR_CJK, compatibility ? SKY_NORM_SLOW : SKY_NORM_KEEP);
    return code_of(SKY_CHAR_OTHER, SKY_NORM_KEEP); /* unassigned or for private use */
}

uint32_t sky_character_decode(const uint8_t *p, const uint8_t *end, size_t *len)
{
    uint32_t a = p[0];
    size_t left = (size_t)(end - p);
    *len = 1;
    if (a < 0x80)
        return a;
    if (a >= 0xc2 && a < 0xe0 && left >= 2 && (p[1] & 0xc0) == 0x80) {
        *len = 2;
        return (a & 0x1f) << 6 | (p[1] & 0x3fU);
    }
    if (a >= 0xe0 && a < 0xf0 && left >= 3 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) {
        uint32_t c = (a & 0x0f) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
        if (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))
            return SKY_CODE_POINT_INVALID;
        *len = 3;
        return c;
    }
    if (a >= 0xf0 && a < 0xf5 && left >= 4 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80) {
        uint32_t c = (a & 0x07) << 18 | (p[1] & 0x3fU) << 12 | (p[2] & 0x3fU) << 6 | (p[3] & 0x3fU);
        if (c < 0x10000 || c > 0x10ffff)
            return SKY_CODE_POINT_INVALID;
        *len = 4;
        return c;
    }
    return SKY_CODE_POINT_INVALID;
}
