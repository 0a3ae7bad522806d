/* Most posts are in NFKC already. So sky_normalize_text walks the text once with the character table: what keeps to
 * itself is copied, what has an NFKC form of its own is replaced alone, and only a text with a code point that may
 * interact with its neighbours (a combining mark, a conjoining jamo) goes to ICU as a whole. The quick check of
 * UAX #15 section 9 is what makes that exact: a text of code points with NFKC_QC=Yes and ccc=0 is normalised. */
#include "text/normalize.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

struct units { /* UTF-16 */
    UChar *ptr;
    int32_t len;
    int32_t capacity;
};

struct sky_normalizer {
    const struct sky_character_table *table;
    const UNormalizer2 *nfkc;
    const UNormalizer2 *fold;
    struct sky_buffer text;
    struct units from;
    struct units to;
};

static bool units_reserve(struct units *units, int32_t capacity)
{
    if (units->capacity >= capacity)
        return true;
    UChar *grown = realloc(units->ptr, (size_t)capacity * sizeof *grown);
    if (!grown)
        return false;
    units->ptr = grown;
    units->capacity = capacity;
    return true;
}

enum sky_status sky_normalizer_new(const struct sky_character_table *table, struct sky_normalizer **normalizer)
{
    UErrorCode error = U_ZERO_ERROR;
    struct sky_normalizer *n = calloc(1, sizeof *n);
    if (!n)
        return SKY_E_MEMORY;
    n->table = table;
    n->nfkc = unorm2_getNFKCInstance(&error);
    n->fold = unorm2_getNFKCCasefoldInstance(&error);
    if (U_FAILURE(error)) {
        free(n);
        return SKY_E_UNSUPPORTED;
    }
    *normalizer = n;
    return SKY_OK;
}

void sky_normalizer_free(struct sky_normalizer *normalizer)
{
    if (!normalizer)
        return;
    sky_buffer_clean_up(&normalizer->text);
    free(normalizer->from.ptr);
    free(normalizer->to.ptr);
    free(normalizer);
}

/* `from` through `form` into `to`. */
static enum sky_status normalize_units(struct sky_normalizer *n, const UNormalizer2 *form)
{
    if (!units_reserve(&n->to, n->from.len * 2 + 32))
        return SKY_E_MEMORY;
    for (;;) {
        UErrorCode error = U_ZERO_ERROR;
        n->to.len = unorm2_normalize(form, n->from.ptr, n->from.len, n->to.ptr, n->to.capacity, &error);
        if (error != U_BUFFER_OVERFLOW_ERROR)
            return U_SUCCESS(error) ? SKY_OK : SKY_E_MEMORY;
        if (!units_reserve(&n->to, n->to.len + 1))
            return SKY_E_MEMORY;
    }
}

/* `text` as UTF-16 in `from`, without what is dropped. */
static enum sky_status load_units(struct sky_normalizer *n, struct sky_span text)
{
    if (text.len > INT32_MAX / 4 || !units_reserve(&n->from, (int32_t)text.len + 1))
        return SKY_E_MEMORY;
    const uint8_t *end = text.ptr + text.len;
    size_t step = 0;
    n->from.len = 0;
    for (const uint8_t *p = text.ptr; p < end; p += step) {
        uint32_t c = sky_character_decode(p, end, &step);
        enum sky_char_norm norm = c == SKY_CODE_POINT_INVALID ? SKY_NORM_SPACE : sky_character_norm(n->table, c);
        if (norm == SKY_NORM_DROP)
            continue;
        if (norm == SKY_NORM_SPACE || norm == SKY_NORM_NEWLINE)
            c = norm == SKY_NORM_SPACE ? ' ' : '\n';
        U16_APPEND_UNSAFE(n->from.ptr, n->from.len, c);
    }
    return SKY_OK;
}

static void put_code_point(struct sky_buffer *buffer, uint32_t c)
{
    uint8_t bytes[4];
    sky_buffer_put(buffer, bytes, sky_utf8_put(c, bytes));
}

static void put_units(struct sky_buffer *buffer, const struct units *units)
{
    for (int32_t i = 0; i < units->len;) {
        UChar32 c;
        U16_NEXT(units->ptr, i, units->len, c);
        if (!U_IS_SURROGATE(c))
            put_code_point(buffer, (uint32_t)c);
    }
}

static enum sky_status normalize_slowly(struct sky_normalizer *n, struct sky_span text)
{
    enum sky_status status = load_units(n, text);
    if (status == SKY_OK)
        status = normalize_units(n, n->nfkc);
    n->text.len = 0;
    if (status == SKY_OK)
        put_units(&n->text, &n->to);
    return status;
}

static enum sky_status put_mapped(struct sky_normalizer *n, uint32_t c)
{
    if (!units_reserve(&n->from, 2))
        return SKY_E_MEMORY;
    n->from.len = 0;
    U16_APPEND_UNSAFE(n->from.ptr, n->from.len, c);
    enum sky_status status = normalize_units(n, n->nfkc);
    if (status == SKY_OK)
        put_units(&n->text, &n->to);
    return status;
}

/* How many bytes from p are printable ASCII or \n, by eights where possible. */
static size_t plain_prefix(const uint8_t *p, size_t len)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
        uint64_t below_space = (v - UINT64_C(0x2020202020202020)) & ~v;
        uint64_t del = v ^ UINT64_C(0x7f7f7f7f7f7f7f7f);
        del = (del - UINT64_C(0x0101010101010101)) & ~del;
        if ((v | below_space | del) & UINT64_C(0x8080808080808080))
            break;
    }
    while (i < len && ((p[i] >= 0x20 && p[i] < 0x7f) || p[i] == '\n'))
        i++;
    return i;
}

/* Normalise one code point; SKY_E_UNSUPPORTED when that takes its neighbours. */
static enum sky_status put_normalized(struct sky_normalizer *n, const uint8_t *p, uint32_t c, size_t len)
{
    switch (c == SKY_CODE_POINT_INVALID ? SKY_NORM_SPACE : sky_character_norm(n->table, c)) {
    case SKY_NORM_KEEP: sky_buffer_put(&n->text, p, len); return SKY_OK;
    case SKY_NORM_DROP: return SKY_OK;
    case SKY_NORM_SPACE: sky_buffer_put_u8(&n->text, ' '); return SKY_OK;
    case SKY_NORM_NEWLINE: sky_buffer_put_u8(&n->text, '\n'); return SKY_OK;
    case SKY_NORM_MAP: return put_mapped(n, c);
    case SKY_NORM_SLOW: break;
    }
    return SKY_E_UNSUPPORTED;
}

enum sky_status sky_normalize_text(struct sky_normalizer *n, struct sky_span text, struct sky_span *out)
{
    static const uint8_t padding[SKY_TEXT_PADDING_BYTES];
    enum sky_status status = SKY_OK;
    n->text.len = 0;
    sky_buffer_reserve(&n->text, text.len + SKY_TEXT_PADDING_BYTES);
    for (size_t i = 0; i < text.len && status == SKY_OK;) {
        size_t plain = plain_prefix(text.ptr + i, text.len - i);
        sky_buffer_put(&n->text, text.ptr + i, plain);
        i += plain;
        if (i == text.len)
            break;
        size_t len = 0;
        uint32_t c = sky_character_decode(text.ptr + i, text.ptr + text.len, &len);
        status = put_normalized(n, text.ptr + i, c, len);
        i += len;
    }
    if (status == SKY_E_UNSUPPORTED)
        status = normalize_slowly(n, text);
    size_t len = n->text.len;
    sky_buffer_put(&n->text, padding, sizeof padding);
    if (n->text.failed) {
        sky_buffer_clean_up(&n->text);
        status = SKY_E_MEMORY;
    }
    *out = sky_span_of(n->text.ptr, status == SKY_OK ? len : 0);
    return status;
}

/* Fold by the table alone; false where a letter needs ICU. */
static bool fold_by_table(const struct sky_character_table *table, struct sky_span word, uint8_t *out, size_t *out_len)
{
    size_t len = 0, i = 0;
    while (i < word.len) {
        uint32_t c = sky_utf8_next(word, &i);
        uint32_t folded = c;
        if (c == 0x2019) {
            folded = '\'';
        } else if (c < SKY_FOLD_TABLE_END) {
            folded = table->fold[c];
            if (folded == SKY_FOLD_ICU)
                return false;
        } else if (!sky_character_is_hangul(c) && sky_character_class(table, c) != SKY_CHAR_CJK) {
            return false;
        }
        if (folded == SKY_FOLD_SS) {
            out[len++] = 's';
            out[len++] = 's';
        } else {
            len += sky_utf8_put(folded, out + len);
        }
    }
    *out_len = len;
    return true;
}

/* Remove U+0307 after i, and turn U+2019 into the apostrophe; true when anything was removed. */
static bool drop_dots(struct units *units)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < units->len; i++) {
        UChar c = units->ptr[i];
        if (c == 0x307 && kept > 0 && units->ptr[kept - 1] == 'i')
            continue;
        units->ptr[kept++] = c == 0x2019 ? '\'' : c;
    }
    bool dropped = kept < units->len;
    units->len = kept;
    return dropped;
}

/* NFKC_Casefold until nothing changes: a dropped dot may let i and a later mark compose. */
static enum sky_status fold_by_icu(struct sky_normalizer *n, struct sky_span word)
{
    enum sky_status status = load_units(n, word);
    if (status == SKY_OK)
        status = normalize_units(n, n->fold);
    while (status == SKY_OK && drop_dots(&n->to)) {
        struct units swap = n->from;
        n->from = n->to;
        n->to = swap;
        status = normalize_units(n, n->fold);
    }
    return status;
}

enum sky_status sky_normalize_fold(struct sky_normalizer *n, struct sky_span word, uint8_t *out, size_t capacity,
                                   size_t *out_len)
{
    /* No table entry makes UTF-8 longer than 3 bytes for 2 (U+023A); twice the room is enough. */
    if (word.len * 2 <= capacity && fold_by_table(n->table, word, out, out_len))
        return SKY_OK;
    enum sky_status status = fold_by_icu(n, word);
    if (status != SKY_OK)
        return status;
    UErrorCode error = U_ZERO_ERROR;
    int32_t len = 0;
    u_strToUTF8((char *)out, (int32_t)capacity, &len, n->to.ptr, n->to.len, &error);
    if (error == U_BUFFER_OVERFLOW_ERROR)
        return SKY_E_LIMIT;
    *out_len = (size_t)len;
    return U_SUCCESS(error) ? SKY_OK : SKY_E_MALFORMED;
}
