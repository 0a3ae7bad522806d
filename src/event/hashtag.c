#include "event/hashtag.h"

#include "base/utf8.h"

#define FULLWIDTH_NUMBER_SIGN 0xff03

static uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool same_tag(struct sky_span a, struct sky_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

static struct sky_span without_number_sign(struct sky_span tag)
{
    if (sky_span_starts_with(tag, SKY_SPAN("#")))
        return sky_span_from(tag, 1);
    return sky_span_starts_with(tag, SKY_SPAN("\xef\xbc\x83")) ? sky_span_from(tag, 3) : tag;
}

void sky_hashtag_add(struct sky_hashtag_list *list, struct sky_span tag)
{
    tag = without_number_sign(tag);
    if (tag.len == 0 || tag.len > SKY_POST_HASHTAG_BYTES_MAX || list->count == SKY_POST_HASHTAGS_MAX)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        if (same_tag(list->tags[i], tag))
            return;
    list->tags[list->count++] = tag;
}

/* White space, and the invisible characters that end a tag in Bluesky's clients. */
static bool ends_tag(uint32_t c)
{
    return c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x1680 || (c >= 0x2000 && c <= 0x200d) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x2060 || c == 0x20e2 || c == 0x3000 ||
           c == 0xfeff;
}

/* Punctuation (P*) of ASCII, Latin-1, general, CJK and fullwidth forms: what stands at the end of a tag in practice. */
static bool is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return strchr("!\"#%&'()*,-./:;?@[\\]_{}", (int)c) != NULL && c != 0;
    return c == 0xa1 || c == 0xa7 || c == 0xab || c == 0xb6 || c == 0xb7 || c == 0xbb || c == 0xbf ||
           (c >= 0x2010 && c <= 0x2027) || (c >= 0x2030 && c <= 0x205e && c != 0x2044 && c != 0x2052) ||
           (c >= 0x3001 && c <= 0x3003) || (c >= 0x3008 && c <= 0x3011) || (c >= 0x3014 && c <= 0x301f) ||
           c == 0x30fb || (c >= 0xff01 && c <= 0xff0f && c != 0xff04 && c != 0xff0b) || c == 0xff1a || c == 0xff1b ||
           c == 0xff1f || c == 0xff20 || (c >= 0xff3b && c <= 0xff3d) || c == 0xff3f || c == 0xff5b || c == 0xff5d ||
           (c >= 0xff5f && c <= 0xff65);
}

static bool is_digit(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 0xff10 && c <= 0xff19);
}

/* The word at *offset, behind a number sign; moves *offset to its end. */
static struct sky_span take_word(struct sky_span text, size_t *offset)
{
    size_t start = *offset, end = start; /* end: behind the last character that is no punctuation */
    bool has_substance = false;
    while (*offset < text.len) {
        size_t next = *offset;
        uint32_t c = sky_utf8_next(text, &next);
        bool keycap = c == 0xfe0f && *offset == start; /* "#️⃣" is an emoji */
        if (ends_tag(c) || keycap)
            break;
        *offset = next;
        if (is_punctuation(c))
            continue;
        end = next;
        has_substance |= !is_digit(c);
    }
    return sky_span_of(text.ptr + start, has_substance ? end - start : 0);
}

void sky_hashtag_add_from_text(struct sky_hashtag_list *list, struct sky_span text)
{
    bool at_start = true; /* of the text or behind white space */
    for (size_t offset = 0; offset < text.len;) {
        uint32_t c = sky_utf8_next(text, &offset);
        if (at_start && (c == '#' || c == FULLWIDTH_NUMBER_SIGN)) {
            sky_hashtag_add(list, take_word(text, &offset));
            at_start = false;
        } else {
            at_start = ends_tag(c);
        }
    }
}
