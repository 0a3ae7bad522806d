#include "text/segment.h"

#include <stdlib.h>

#include "base/utf8.h"
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/utf16.h>

struct sky_segmenter {
    const struct sky_character_table *table;
    UBreakIterator *words;
    UChar *units;      /* the run as UTF-16, */
    uint32_t *offsets; /* and the byte of the text each unit came from */
    size_t units_capacity;
    struct sky_segment *segments;
    size_t segments_capacity;
};

enum sky_status sky_segmenter_new(const struct sky_character_table *table, struct sky_segmenter **segmenter)
{
    UErrorCode error = U_ZERO_ERROR;
    struct sky_segmenter *s = calloc(1, sizeof *s);
    if (!s)
        return SKY_E_MEMORY;
    s->table = table;
    s->words = ubrk_open(UBRK_WORD, "root", NULL, 0, &error);
    if (U_FAILURE(error)) {
        free(s);
        return SKY_E_UNSUPPORTED;
    }
    *segmenter = s;
    return SKY_OK;
}

void sky_segmenter_free(struct sky_segmenter *segmenter)
{
    if (!segmenter)
        return;
    ubrk_close(segmenter->words);
    free(segmenter->units);
    free(segmenter->offsets);
    free(segmenter->segments);
    free(segmenter);
}

/* The class of the code point at `at`, and its length. */
static enum sky_char_class class_at(const struct sky_character_table *table, struct sky_span text, size_t at,
                                    size_t *len)
{
    uint8_t byte = text.ptr[at];
    if (byte < 0x80) {
        *len = 1;
        return (enum sky_char_class)(table->codes[byte] & 0x0f);
    }
    size_t next = at;
    uint32_t c = sky_utf8_next(text, &next);
    *len = next - at;
    return sky_character_class(table, c);
}

/* WB6, WB7, WB11, WB12: does a mark between two letters or two digits join them? */
static bool joins(enum sky_char_class before, enum sky_char_class mark, enum sky_char_class after)
{
    if (before != after)
        return false;
    if (before == SKY_CHAR_LETTER)
        return mark == SKY_CHAR_MID_LETTER || mark == SKY_CHAR_MID_NUM_LET;
    return before == SKY_CHAR_DIGIT && (mark == SKY_CHAR_MID_NUM || mark == SKY_CHAR_MID_NUM_LET);
}

static bool is_word_class(enum sky_char_class class)
{
    return class == SKY_CHAR_LETTER || class == SKY_CHAR_DIGIT || class == SKY_CHAR_EXTEND_NUM_LET;
}

/* The end of the word that begins at `at`; *alphanumeric tells whether it holds more than '_'. */
static uint32_t word_end(const struct sky_character_table *table, struct sky_span text, size_t at, size_t end,
                         bool *alphanumeric)
{
    enum sky_char_class before = SKY_CHAR_OTHER;
    *alphanumeric = false;
    while (at < end) {
        size_t len = 0;
        enum sky_char_class class = class_at(table, text, at, &len);
        if (is_word_class(class)) { /* WB5, WB8, WB9, WB10, WB13a, WB13b */
            *alphanumeric |= class != SKY_CHAR_EXTEND_NUM_LET;
            before = class;
            at += len;
            continue;
        }
        size_t after_len = 0;
        if (at + len >= end || !joins(before, class, class_at(table, text, at + len, &after_len)))
            break;
        at += len + after_len;
    }
    return (uint32_t)at;
}

bool sky_segment_fast(const struct sky_character_table *table, struct sky_span text, uint32_t from, uint32_t end,
                      struct sky_segment *segment)
{
    for (size_t at = from; at < end;) {
        size_t len = 0;
        if (!is_word_class(class_at(table, text, at, &len))) {
            at += len;
            continue;
        }
        bool alphanumeric = false;
        segment->start = (uint32_t)at;
        segment->end = word_end(table, text, at, end, &alphanumeric);
        if (alphanumeric)
            return true;
        at = segment->end;
    }
    return false;
}

static bool reserve(struct sky_segmenter *s, size_t units)
{
    if (s->units_capacity < units) {
        UChar *u = realloc(s->units, units * sizeof *u);
        if (u)
            s->units = u;
        uint32_t *o = realloc(s->offsets, units * sizeof *o);
        if (o)
            s->offsets = o;
        if (!u || !o)
            return false;
        s->units_capacity = units;
    }
    if (s->segments_capacity < units) { /* a segment holds at least one unit */
        struct sky_segment *g = realloc(s->segments, units * sizeof *g);
        if (!g)
            return false;
        s->segments = g;
        s->segments_capacity = units;
    }
    return true;
}

static int32_t load(struct sky_segmenter *s, struct sky_span text, size_t from, size_t end)
{
    int32_t n = 0;
    while (from < end) {
        uint32_t start = (uint32_t)from;
        uint32_t c = sky_utf8_next(text, &from);
        s->offsets[n] = start;
        if (c >= 0x10000)
            s->offsets[n + 1] = start;
        U16_APPEND_UNSAFE(s->units, n, c);
    }
    s->offsets[n] = (uint32_t)end;
    return n;
}

static bool holds_alphanumeric(const struct sky_segmenter *s, int32_t from, int32_t end)
{
    while (from < end) {
        UChar32 c;
        U16_NEXT(s->units, from, end, c);
        enum sky_char_class class = sky_character_class(s->table, (uint32_t)c);
        if (class == SKY_CHAR_LETTER || class == SKY_CHAR_DIGIT || u_isalnum(c))
            return true;
    }
    return false;
}

enum sky_status sky_segment_icu(struct sky_segmenter *s, struct sky_span text, uint32_t from, uint32_t end,
                                const struct sky_segment **segments, size_t *count)
{
    *count = 0;
    if (!reserve(s, (size_t)end - from + 2))
        return SKY_E_MEMORY;
    int32_t len = load(s, text, from, end);
    UErrorCode error = U_ZERO_ERROR;
    ubrk_setText(s->words, s->units, len, &error);
    if (U_FAILURE(error))
        return SKY_E_MEMORY;
    int32_t start = ubrk_first(s->words);
    for (int32_t stop = ubrk_next(s->words); stop != UBRK_DONE; start = stop, stop = ubrk_next(s->words))
        if (holds_alphanumeric(s, start, stop))
            s->segments[(*count)++] = (struct sky_segment){s->offsets[start], s->offsets[stop]};
    *segments = s->segments;
    return SKY_OK;
}
