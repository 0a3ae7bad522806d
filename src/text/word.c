/* One pass over the normalised text cuts it into runs: Han and kana (cut later, when the language is known), and
 * runs of everything else up to a space, line end or emoji. Links inside such a run are taken out, and the rest goes
 * to the word rules of UAX #29, fast or by ICU. To the words of UAX #29 come a few rules of ours:
 *   - '_' at the ends goes; "a.b" is two words, except U.S. and the like; "a:b" is two words
 *   - a gap breaks phrases unless it is spaces, one hyphen or dash, or the full stop of an abbreviation. */
#include "text/word.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "text/link.h"
#include "text/segment.h"
#include <unicode/uchar.h>

struct sky_word_finder {
    struct sky_character_table *table;
    struct sky_normalizer *normalizer;
    struct sky_segmenter *segmenter;
    const struct sky_stopword_table *stopwords;
    struct sky_word *items;
    size_t count;
    size_t capacity;
    uint8_t *folded;
    size_t folded_len;
    size_t folded_capacity;
    struct sky_span text;
    uint32_t letters_capital;
    uint32_t letters_other;
    bool other_scripts;
    bool force_icu;
    uint8_t ends[256]; /* of bytes: ENDS_* */
};

/* What a byte does behind a word of letters. */
enum {
    ENDS_RUN = 1, /* space, line end; 0, which stands behind every text and never in one */
    ENDS_WORD =
        2,     /* punctuation that ends the word when a byte of ENDS_RUN follows, whatever the rules in between say */
    LINKS = 4, /* a link may begin or go on here */
    DIGIT = 8
};

static void fill_ends(uint8_t ends[256])
{
    ends[0] = ends[' '] = ends['\n'] = ENDS_RUN;
    for (const char *p = ",.!?;:)\"'"; *p; p++)
        ends[(uint8_t)*p] |= ENDS_WORD;
    for (const char *p = "@#/."; *p; p++)
        ends[(uint8_t)*p] |= LINKS;
    for (const char *p = "0123456789"; *p; p++)
        ends[(uint8_t)*p] = DIGIT;
}

enum sky_status sky_word_finder_new(const struct sky_stopword_table *stopwords, struct sky_word_finder **finder)
{
    struct sky_word_finder *f = calloc(1, sizeof *f);
    if (!f)
        return SKY_E_MEMORY;
    f->stopwords = stopwords;
    f->table = malloc(sizeof *f->table);
    enum sky_status status = f->table ? sky_character_table_fill(f->table) : SKY_E_MEMORY;
    if (status == SKY_OK)
        status = sky_normalizer_new(f->table, &f->normalizer);
    if (status == SKY_OK)
        status = sky_segmenter_new(f->table, &f->segmenter);
    fill_ends(f->ends);
    if (status != SKY_OK) {
        sky_word_finder_free(f);
        return status;
    }
    *finder = f;
    return SKY_OK;
}

void sky_word_finder_free(struct sky_word_finder *finder)
{
    if (!finder)
        return;
    sky_normalizer_free(finder->normalizer);
    sky_segmenter_free(finder->segmenter);
    free(finder->table);
    free(finder->items);
    free(finder->folded);
    free(finder);
}

void sky_word_finder_force_icu(struct sky_word_finder *finder, bool force)
{
    finder->force_icu = force;
}

struct sky_segmenter *sky_word_finder_segmenter(struct sky_word_finder *finder)
{
    return finder->segmenter;
}

const struct sky_character_table *sky_word_finder_table(const struct sky_word_finder *finder)
{
    return finder->table;
}

/* Room for every word that `len` bytes of text can give: a word has a byte. */
static bool reserve(struct sky_word_finder *f, size_t len)
{
    if (f->capacity < len + 1) {
        struct sky_word *items = realloc(f->items, (len + 1) * sizeof *items);
        if (!items)
            return false;
        f->items = items;
        f->capacity = len + 1;
    }
    return true;
}

/* Room for the folded forms of what the text holds from byte `from` on: folding by the table gives at most 3 bytes for
 * 2, and the word that begins there may be folded by ICU, which stops at SKY_WORD_BYTES_MAX. */
static bool reserve_folded(struct sky_word_finder *f, size_t from)
{
    size_t need = f->folded_len + (f->text.len - from + SKY_WORD_BYTES_MAX) * 2 + SKY_TEXT_PADDING_BYTES;
    if (need <= f->folded_capacity)
        return true;
    uint8_t *folded = realloc(f->folded, need * 2);
    if (!folded)
        return false;
    f->folded = folded;
    f->folded_capacity = need * 2;
    return true;
}

static uint32_t code_point_at(struct sky_span text, size_t at, size_t *next)
{
    *next = at;
    return sky_utf8_next(text, next);
}

static bool is_dash(uint32_t c)
{
    return c == '-' || c == 0x2010 || c == 0x2013;
}

static bool is_abbreviation(struct sky_span word)
{
    static const char *const known[] = {"mr",  "mrs", "ms",  "dr",  "st", "vs",  "prof", "jr",  "sr",  "mt", "ft",
                                        "gov", "sen", "rep", "gen", "lt", "sgt", "capt", "sra", "dra", "hr"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sky_span_equal(sky_span_from_string(known[i]), word))
            return true;
    return false;
}

/* May the full stop behind `word` belong to it? */
static bool keeps_stop(const struct sky_word_finder *f, const struct sky_word *word)
{
    struct sky_span folded = sky_span_of(f->folded + word->folded, word->folded_len);
    uint8_t first = f->text.ptr[word->start];
    if (word->flags & SKY_WORD_SINGLE)
        return first >= 'A' && first <= 'Z';
    return (folded.len && memchr(folded.ptr, '.', folded.len) && !(word->flags & SKY_WORD_NUMBER)) ||
           is_abbreviation(folded);
}

/* SKY_WORD_BREAK and SKY_WORD_GAP for what stands between the last word and `start`. */
static uint16_t gap_before(const struct sky_word_finder *f, uint32_t start)
{
    if (f->count == 0)
        return SKY_WORD_BREAK | SKY_WORD_GAP;
    const struct sky_word *last = &f->items[f->count - 1];
    size_t at = last->end;
    if (at == start)
        return 0;
    if (last->flags & SKY_WORD_CJK) /* a space there is punctuation */
        return SKY_WORD_BREAK | SKY_WORD_GAP;
    if (at + 1 == start && f->text.ptr[at] == ' ')
        return SKY_WORD_GAP;
    size_t next = 0;
    if (is_dash(code_point_at(f->text, at, &next)) && next == start)
        return SKY_WORD_GAP;
    at += sky_word_programming_suffix(f->text, last);
    if (at < start && f->text.ptr[at] == '.' && keeps_stop(f, last))
        at++;
    for (; at < start; at = next)
        if (sky_character_class(f->table, code_point_at(f->text, at, &next)) != SKY_CHAR_SPACE)
            return SKY_WORD_BREAK | SKY_WORD_GAP;
    return SKY_WORD_GAP;
}

struct letters {
    uint32_t capital;
    uint32_t other;
    uint32_t code_points;
};

static bool is_capital(const struct sky_character_table *table, uint32_t c)
{
    return c < SKY_FOLD_TABLE_END && sky_character_class(table, c) == SKY_CHAR_LETTER && table->fold[c] > SKY_FOLD_SS &&
           table->fold[c] != c && u_isupper((UChar32)c);
}

static void count_letters(struct sky_word_finder *f, struct sky_span word, struct letters *letters)
{
    for (size_t i = 0; i < word.len; letters->code_points++) {
        uint32_t c = sky_utf8_next(word, &i);
        enum sky_char_class class = sky_character_class(f->table, c);
        if (class == SKY_CHAR_COMPLEX ? !u_isalpha((UChar32)c) : class != SKY_CHAR_LETTER)
            continue;
        if (is_capital(f->table, c))
            letters->capital++;
        else
            letters->other++;
        bool latin = c < 0x250 || (c >= 0x1e00 && c <= 0x1eff);
        f->other_scripts |= !latin;
    }
}

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Lower the capitals of eight bytes. *upper and *letter get the high bit of each byte that was A..Z, or is a..z now.
 * Bytes from 0x80 on are no letters here. */
static uint64_t lower_eight(uint64_t v, uint64_t *upper, uint64_t *letter)
{
    uint64_t low = v & ~HIGH_BITS, ascii = ~v & HIGH_BITS;
    *upper = (low + EACH_BYTE * (0x80 - 'A')) & ~(low + EACH_BYTE * (0x7f - 'Z')) & ascii;
    low |= *upper >> 2;
    *letter = (low + EACH_BYTE * (0x80 - 'a')) & ~(low + EACH_BYTE * (0x7f - 'z')) & ascii;
    return v | *upper >> 2;
}

static uint32_t count_high_bits(uint64_t bits)
{
    return (uint32_t)((bits >> 7) * EACH_BYTE >> 56);
}

static uint64_t first_bytes(uint64_t v, uint32_t count)
{
    return count >= 8 ? v : v & ~(UINT64_MAX << (count * 8));
}

/* Fold up to 16 bytes of ASCII at once (bytes behind the word may be read: the text is padded). False when a byte is
 * not ASCII. */
static bool fold_short(struct sky_word_finder *f, uint32_t start, uint32_t len, struct letters *letters)
{
    uint64_t v[2];
    memcpy(v, f->text.ptr + start, sizeof v);
    v[0] = first_bytes(v[0], len);
    v[1] = len > 8 ? first_bytes(v[1], len - 8) : 0;
    if ((v[0] | v[1]) & HIGH_BITS)
        return false;
    for (size_t i = 0; i < 2; i++) {
        uint64_t upper, letter;
        v[i] = lower_eight(v[i], &upper, &letter);
        letters->capital += count_high_bits(upper);
        letters->other += count_high_bits(letter & ~upper);
    }
    letters->code_points = len;
    memcpy(f->folded + f->folded_len, v, sizeof v);
    return true;
}

/* "soooo" is looked up as "so" too: runs of three letters and more count as one, then as two. */
static const struct sky_stopword_entry *find_elongated(const struct sky_word_finder *f, const uint8_t *word, size_t len)
{
    uint8_t squeezed[SKY_WORD_BYTES_MAX];
    const struct sky_stopword_entry *entry = NULL;
    for (size_t keep = 1; keep <= 2; keep++) {
        size_t out = 0;
        for (size_t i = 0; i < len;) {
            size_t run = i;
            while (run < len && word[run] == word[i])
                run++;
            size_t copies = run - i >= 3 ? keep : run - i;
            memset(squeezed + out, word[i], copies);
            out += copies;
            i = run;
        }
        entry = sky_stopword_find(f->stopwords, sky_hash_id(sky_span_of(squeezed, out)));
        if (entry->stop)
            break;
    }
    return entry;
}

/* Three equal letters in a row, for words the lists do not know. Bytes behind the word may be read. */
static bool has_triple(const uint8_t *word, size_t len)
{
    for (size_t i = 0; i + 2 < len; i += 6) {
        uint64_t v;
        memcpy(&v, word + i, sizeof v);
        uint64_t differs = (v ^ v >> 8) | (v ^ v >> 16); /* byte k is 0 where k, k + 1 and k + 2 are equal */
        uint64_t zero = (differs - EACH_BYTE) & ~differs & ~v & HIGH_BITS;
        size_t places = len - 2 - i < 6 ? len - 2 - i : 6;
        if (zero & ~(UINT64_MAX << (places * 8)))
            return true;
    }
    return false;
}

static enum sky_status fold_word(struct sky_word_finder *f, struct sky_word *word, struct letters *letters)
{
    uint32_t len = word->end - word->start;
    if (!reserve_folded(f, word->start))
        return SKY_E_MEMORY;
    if (len <= 16 && fold_short(f, word->start, len, letters)) {
        word->flags |= SKY_WORD_ASCII;
        word->folded_len = (uint16_t)len;
        return SKY_OK;
    }
    struct sky_span span = sky_span_of(f->text.ptr + word->start, len);
    size_t folded_len = 0;
    *letters = (struct letters){0};
    count_letters(f, span, letters);
    size_t capacity = (len > SKY_WORD_BYTES_MAX ? len : SKY_WORD_BYTES_MAX) * 2;
    enum sky_status status = sky_normalize_fold(f->normalizer, span, f->folded + f->folded_len, capacity, &folded_len);
    if (status == SKY_E_MEMORY)
        return status;
    if (status != SKY_OK || folded_len > SKY_WORD_BYTES_MAX || folded_len == 0) {
        word->flags |= SKY_WORD_LONG;
        folded_len = 0;
    }
    word->folded_len = (uint16_t)folded_len;
    return SKY_OK;
}

/* A syllable block of Hangul can be a whole word, unlike one letter of an alphabet. */
static bool is_hangul_at(const struct sky_word_finder *f, size_t at)
{
    return sky_character_is_hangul(code_point_at(f->text, at, &at));
}

/* The word at items[count], folded: what follows from its letters, and its look-up. */
static void finish_word(struct sky_word_finder *f, struct sky_word *word, const struct letters *letters)
{
    const uint8_t *folded = f->folded + f->folded_len;
    f->folded_len += word->folded_len;
    f->letters_capital += letters->capital;
    f->letters_other += letters->other;
    if (letters->capital + letters->other == 0)
        word->flags |= SKY_WORD_NUMBER;
    else if (letters->code_points == 1 && !is_hangul_at(f, word->start))
        word->flags |= SKY_WORD_SINGLE;
    if (letters->capital >= 2 && letters->other == 0)
        word->flags |= SKY_WORD_CAPITALS;
    word->id = sky_hash_id(sky_span_of(folded, word->folded_len));
    word->entry = sky_stopword_find(f->stopwords, word->id);
    if (!word->entry->id && word->folded_len > 2 && has_triple(folded, word->folded_len))
        word->entry = find_elongated(f, folded, word->folded_len);
    f->count++;
}

/* Take [start, end) as one word. */
static enum sky_status add_word(struct sky_word_finder *f, uint32_t start, uint32_t end)
{
    struct sky_word *word = &f->items[f->count];
    struct letters letters = {0};
    *word = (struct sky_word){.start = start, .end = end, .folded = (uint32_t)f->folded_len};
    word->flags = gap_before(f, start);
    enum sky_status status = fold_word(f, word, &letters);
    if (status == SKY_OK)
        finish_word(f, word, &letters);
    return status;
}

/* The most frequent case without any general rule: a word of Latin letters, at most 16 bytes of ASCII or some more
 * with others, and behind it a space, with or without punctuation before that. Then it is a run of its own in which no
 * link and no mark can be. False, and nothing done, where that does not hold. */
static bool add_plain_word(struct sky_word_finder *f, uint32_t start)
{
    const uint8_t *p = f->text.ptr + start;
    uint8_t *out = f->folded + f->folded_len;
    uint64_t v[2], upper[2], letter[2];
    memcpy(v, p, sizeof v);
    v[0] = lower_eight(v[0], &upper[0], &letter[0]);
    v[1] = lower_eight(v[1], &upper[1], &letter[1]);
    uint64_t stop[2] = {~letter[0] & HIGH_BITS, ~letter[1] & HIGH_BITS};
    uint32_t len = stop[0]   ? (uint32_t)__builtin_ctzll(stop[0]) / 8
                   : stop[1] ? 8 + (uint32_t)__builtin_ctzll(stop[1]) / 8
                             : 16;
    uint8_t after = f->ends[p[len]];
    if (len == 0 || !(after & (ENDS_RUN | ENDS_WORD)) || !((after | f->ends[p[len + 1]]) & ENDS_RUN))
        return false;
    memcpy(out, v, sizeof v);
    uint32_t capital = count_high_bits(first_bytes(upper[0], len));
    capital += len > 8 ? count_high_bits(first_bytes(upper[1], len - 8)) : 0;
    struct letters letters = {capital, len - capital, len};
    struct sky_word *word = &f->items[f->count];
    *word = (struct sky_word){.start = start, .end = start + len, .folded = (uint32_t)f->folded_len};
    word->folded_len = (uint16_t)len;
    bool one_space = f->count > 0 && word[-1].end + 1 == start && p[-1] == ' ' && !(word[-1].flags & SKY_WORD_CJK);
    word->flags = (uint16_t)(SKY_WORD_ASCII | (one_space ? SKY_WORD_GAP : gap_before(f, start)));
    finish_word(f, word, &letters);
    return true;
}

/* "u.s" but not "end.start": every piece between full stops is one letter. */
static bool is_acronym(const struct sky_word_finder *f, uint32_t start, uint32_t end)
{
    size_t piece = 0;
    bool stop = false;
    for (size_t at = start; at < end;) {
        uint32_t c = sky_utf8_next(f->text, &at);
        if (c == '.') {
            piece = 0;
            stop = true;
        } else if (++piece > 1 || sky_character_class(f->table, c) != SKY_CHAR_LETTER) {
            return false;
        }
    }
    return stop;
}

/* Does the mark at `at`, inside a segment, stay inside a word? */
static bool is_inner_mark(const struct sky_word_finder *f, size_t at, uint32_t c, enum sky_char_class class)
{
    if (c == '\'' || c == 0x2019 || c == 0xb7 || c == '_')
        return true;
    uint8_t before = f->text.ptr[at - 1];
    return class != SKY_CHAR_MID_LETTER && before >= '0' && before <= '9';
}

static enum sky_status add_piece(struct sky_word_finder *f, uint32_t start, uint32_t end, bool apostrophe)
{
    enum sky_status status = add_word(f, start, end);
    if (status == SKY_OK && apostrophe)
        f->items[f->count - 1].flags |= SKY_WORD_APOSTROPHE;
    return status;
}

/* A segment that holds marks: cut it by our rules. */
static enum sky_status add_marked(struct sky_word_finder *f, uint32_t start, uint32_t end)
{
    while (start < end && f->text.ptr[start] == '_')
        start++;
    while (end > start && f->text.ptr[end - 1] == '_')
        end--;
    bool acronym = is_acronym(f, start, end), apostrophe = false;
    enum sky_status status = SKY_OK;
    size_t piece = start;
    for (size_t at = start, next = start; at < end && status == SKY_OK; at = next) {
        uint32_t c = sky_utf8_next(f->text, &next);
        enum sky_char_class class = sky_character_class(f->table, c);
        bool mark = class >= SKY_CHAR_MID_LETTER && class <= SKY_CHAR_EXTEND_NUM_LET;
        if (!mark || acronym || (at > piece && is_inner_mark(f, at, c, class))) {
            apostrophe |= c == '\'' || c == 0x2019;
            continue;
        }
        if (at > piece)
            status = add_piece(f, (uint32_t)piece, (uint32_t)at, apostrophe);
        apostrophe = false;
        piece = next;
    }
    return status == SKY_OK && piece < end ? add_piece(f, (uint32_t)piece, end, apostrophe) : status;
}

static bool holds_marks(const struct sky_word_finder *f, uint32_t start, uint32_t end)
{
    for (size_t at = start; at < end;) {
        uint8_t byte = f->text.ptr[at];
        enum sky_char_class class = byte < 0x80 ? (enum sky_char_class)(f->table->codes[byte] & 0x0f)
                                                : sky_character_class(f->table, code_point_at(f->text, at, &at));
        at += byte < 0x80;
        if (class >= SKY_CHAR_MID_LETTER && class <= SKY_CHAR_EXTEND_NUM_LET)
            return true;
    }
    return false;
}

static enum sky_status add_segment(struct sky_word_finder *f, struct sky_segment segment)
{
    if (!holds_marks(f, segment.start, segment.end))
        return add_word(f, segment.start, segment.end);
    return add_marked(f, segment.start, segment.end);
}

/* A run without space, links or CJK. */
static enum sky_status add_prose(struct sky_word_finder *f, uint32_t start, uint32_t end, bool complex)
{
    enum sky_status status = SKY_OK;
    if (!complex && !f->force_icu) {
        struct sky_segment segment;
        while (status == SKY_OK && sky_segment_fast(f->table, f->text, start, end, &segment)) {
            status = add_segment(f, segment);
            start = segment.end;
        }
        return status;
    }
    const struct sky_segment *segments = NULL;
    size_t count = 0;
    status = sky_segment_icu(f->segmenter, f->text, start, end, &segments, &count);
    for (size_t i = 0; i < count && status == SKY_OK; i++)
        status = add_segment(f, segments[i]);
    return status;
}

struct run {
    uint32_t end;
    bool complex; /* holds a code point that only ICU knows */
    bool links;   /* holds a byte that a link needs */
};

static bool may_end_run(enum sky_char_class class)
{
    return class == SKY_CHAR_SPACE || class == SKY_CHAR_NEWLINE || class == SKY_CHAR_EMOJI || class == SKY_CHAR_CJK ||
           class == SKY_CHAR_CJK_PUNCT;
}

static size_t skip_digits(const struct sky_word_finder *f, size_t at)
{
    while (at < f->text.len && f->text.ptr[at] >= '0' && f->text.ptr[at] <= '9')
        at++;
    return at;
}

static inline enum sky_char_class class_at(const struct sky_word_finder *f, size_t at, size_t *next)
{
    uint8_t byte = f->text.ptr[at]; /* padded */
    *next = at + 1;
    if (byte < 0x80)
        return (enum sky_char_class)(f->table->codes[byte] & 0x0f);
    return sky_character_class(f->table, code_point_at(f->text, at, next));
}

/* Digits before Han are part of its run: 10月 is a month, 月 alone the moon. Those that go on a word are the word's. */
static bool begins_cjk(const struct sky_word_finder *f, size_t at)
{
    size_t next = 0;
    return class_at(f, skip_digits(f, at), &next) == SKY_CHAR_CJK;
}

/* Hangul is complex beside anything but punctuation: ICU parts it from Latin letters and digits, which the Word_Break
 * property alone would not. */
static struct run scan_run(const struct sky_word_finder *f, uint32_t start)
{
    struct run run = {0};
    bool hangul = false, others = false, in_word = false;
    size_t at = start, next = 0;
    for (; at < f->text.len; at = next) {
        uint8_t byte = f->text.ptr[at];
        enum sky_char_class class = class_at(f, at, &next);
        if (may_end_run(class) || ((f->ends[byte] & DIGIT) && !in_word && begins_cjk(f, at)))
            break;
        in_word = class == SKY_CHAR_LETTER || class == SKY_CHAR_DIGIT; /* G7が, PS5を */
        run.links |= (f->ends[byte] & LINKS) != 0;
        run.complex |= class == SKY_CHAR_COMPLEX;
        bool syllable = byte >= 0xea && byte <= 0xed && is_hangul_at(f, at);
        hangul |= syllable;
        others |= !syllable && class >= SKY_CHAR_LETTER;
    }
    run.complex |= hangul && others;
    run.end = (uint32_t)at;
    return run;
}

/* The run [start, run.end), links taken out; *next is where to go on. */
static enum sky_status add_run(struct sky_word_finder *f, const struct sky_link_search *search, uint32_t start,
                               struct run run, uint32_t *next)
{
    struct sky_link link;
    enum sky_status status = SKY_OK;
    while (status == SKY_OK && run.links && start < run.end && sky_link_next(search, start, run.end, &link)) {
        status = add_prose(f, start, link.start, run.complex);
        start = link.end;
    }
    if (status == SKY_OK && start < run.end)
        status = add_prose(f, start, run.end, run.complex);
    *next = start > run.end ? start : run.end;
    return status;
}

/* Take a run of Han, kana, the marks inside a sentence and digits that touch them. */
static uint32_t add_cjk(struct sky_word_finder *f, uint32_t start)
{
    struct sky_word *word = &f->items[f->count];
    *word = (struct sky_word){.start = start, .flags = (uint16_t)(SKY_WORD_CJK | gap_before(f, start))};
    size_t at = start, next = 0;
    while (at < f->text.len) {
        size_t digits = skip_digits(f, at);
        enum sky_char_class class = class_at(f, digits, &next);
        bool cjk = class == SKY_CHAR_CJK || (class == SKY_CHAR_CJK_PUNCT && at > start);
        if (!cjk) {
            if (class != SKY_CHAR_LETTER && class != SKY_CHAR_COMPLEX && class != SKY_CHAR_EXTEND_NUM_LET)
                at = digits;
            break;
        }
        uint32_t c = code_point_at(f->text, digits, &next);
        if (class == SKY_CHAR_CJK) {
            f->letters_other++;
            word->flags |= sky_character_is_kana(c) ? SKY_WORD_KANA : 0;
        }
        at = next;
    }
    word->end = (uint32_t)at;
    word->entry = NULL;
    f->other_scripts = true;
    f->count++;
    return word->end;
}

static enum sky_status find(struct sky_word_finder *f, const struct sky_link_search *search)
{
    enum sky_status status = SKY_OK;
    size_t at = 0;
    while (at < f->text.len && status == SKY_OK) {
        size_t next = 0;
        enum sky_char_class class = class_at(f, at, &next);
        if (class == SKY_CHAR_SPACE) {
            at = next;
            continue;
        }
        if (class == SKY_CHAR_CJK || (class == SKY_CHAR_DIGIT && begins_cjk(f, at))) {
            at = add_cjk(f, (uint32_t)at);
        } else if (class == SKY_CHAR_LETTER && !f->force_icu && add_plain_word(f, (uint32_t)at)) {
            at = f->items[f->count - 1].end;
        } else if (class == SKY_CHAR_CJK_PUNCT ||
                   (class < SKY_CHAR_LETTER && f->text.ptr[at] != '@' && f->text.ptr[at] != '#')) {
            at = next;
        } else {
            uint32_t end = 0;
            status = add_run(f, search, (uint32_t)at, scan_run(f, (uint32_t)at), &end);
            at = end;
        }
    }
    return status;
}

enum sky_status sky_word_find(struct sky_word_finder *f, struct sky_span text, const struct sky_span *tags,
                              uint32_t tags_count, struct sky_words *words)
{
    f->count = 0;
    f->folded_len = 0;
    f->letters_capital = 0;
    f->letters_other = 0;
    f->other_scripts = false;
    *words = (struct sky_words){.text = SKY_SPAN("")};
    enum sky_status status = sky_normalize_text(f->normalizer, text, &f->text);
    if (status == SKY_OK && !reserve(f, f->text.len))
        status = SKY_E_MEMORY;
    if (status == SKY_OK && !reserve_folded(f, 0))
        status = SKY_E_MEMORY;
    struct sky_link_search search = {f->table, f->text, tags, tags_count};
    if (status == SKY_OK)
        status = find(f, &search);
    if (status != SKY_OK)
        return status;
    *words = (struct sky_words){.text = f->text,
                                .items = f->items,
                                .count = f->count,
                                .folded = f->folded,
                                .folded_len = f->folded_len,
                                .letters_capital = f->letters_capital,
                                .letters_other = f->letters_other,
                                .other_scripts = f->other_scripts};
    return SKY_OK;
}
