#include "event/syntax.h"

#define LABEL_LEN_MAX 63 /* RFC 1035, section 2.3.4 */

/* What a byte may be part of. */
enum {
    LOWER = 1,
    UPPER = 2,
    DIGIT = 4,
    ALNUM = 16,
    IN_DID = 32,       /* letters, digits, ._-:% */
    IN_KEY = 64,       /* letters, digits, _~.:- */
    IN_FRAGMENT = 128, /* letters, digits, ._~:@!$&%')(*+,;=-[]/\ */
    IN_CID = 256,      /* letters, digits, += */
    IN_LABEL = 512,    /* letters, digits, - */
    IN_TID = 1024,     /* base32-sortable: 2 to 7, a to z */
    LETTER = LOWER | UPPER,
    ANYWHERE = ALNUM | IN_DID | IN_KEY | IN_FRAGMENT | IN_CID | IN_LABEL
};

__extension__ static const uint16_t classes_of[256] = {
    ['a' ... 'z'] = LOWER | ANYWHERE | IN_TID,
    ['A' ... 'Z'] = UPPER | ANYWHERE,
    ['0' ... '1'] = DIGIT | ANYWHERE,
    ['2' ... '7'] = DIGIT | ANYWHERE | IN_TID,
    ['8' ... '9'] = DIGIT | ANYWHERE,
    ['-'] = IN_LABEL | IN_DID | IN_KEY | IN_FRAGMENT,
    ['.'] = IN_DID | IN_KEY | IN_FRAGMENT,
    [':'] = IN_DID | IN_KEY | IN_FRAGMENT,
    ['_'] = IN_DID | IN_KEY | IN_FRAGMENT,
    ['~'] = IN_KEY | IN_FRAGMENT,
    ['%'] = IN_DID | IN_FRAGMENT,
    ['+'] = IN_FRAGMENT | IN_CID,
    ['='] = IN_FRAGMENT | IN_CID,
    ['@'] = IN_FRAGMENT,
    ['!'] = IN_FRAGMENT,
    ['$'] = IN_FRAGMENT,
    ['&'] = IN_FRAGMENT,
    ['\''] = IN_FRAGMENT,
    ['('] = IN_FRAGMENT,
    [')'] = IN_FRAGMENT,
    ['*'] = IN_FRAGMENT,
    [','] = IN_FRAGMENT,
    [';'] = IN_FRAGMENT,
    ['['] = IN_FRAGMENT,
    [']'] = IN_FRAGMENT,
    ['/'] = IN_FRAGMENT,
    ['\\'] = IN_FRAGMENT,
};

static unsigned class_of(uint8_t c)
{
    return classes_of[c];
}

/* Every byte is of the class. Without leaving early: nearly all texts are good, and so there is nothing to predict. */
static inline bool all_are(struct sky_span text, unsigned class)
{
    unsigned common = class;
    for (size_t i = 0; i < text.len; i++)
        common &= classes_of[text.ptr[i]];
    return common != 0;
}

static uint8_t last_byte(struct sky_span text)
{
    return text.ptr[text.len - 1];
}

/* The part of *rest before the next `separator`; *rest moves behind it. False when *rest was used up. */
static bool next_part(struct sky_span *rest, char separator, struct sky_span *part)
{
    if (!rest->ptr)
        return false;
    const uint8_t *found = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    size_t len = found ? (size_t)(found - rest->ptr) : rest->len;
    *part = sky_span_of(rest->ptr, len);
    *rest = found ? sky_span_from(*rest, len + 1) : (struct sky_span){0};
    return true;
}

bool sky_syntax_is_did(struct sky_span text)
{
    if (text.len > SKY_DID_LEN_MAX || !sky_span_starts_with(text, SKY_SPAN("did:")))
        return false;
    struct sky_span rest = sky_span_from(text, 4);
    if (sky_span_starts_with(rest, SKY_SPAN("plc:")) && rest.len == 28)
        return all_are(sky_span_from(rest, 4), IN_DID) && last_byte(rest) != ':' && last_byte(rest) != '%';
    const uint8_t *colon = rest.len ? memchr(rest.ptr, ':', rest.len) : NULL;
    if (!colon || colon == rest.ptr)
        return false;
    struct sky_span method = sky_span_of(rest.ptr, (size_t)(colon - rest.ptr));
    struct sky_span id = sky_span_from(rest, method.len + 1);
    return all_are(method, LOWER) && id.len > 0 && all_are(id, IN_DID) && last_byte(id) != ':' && last_byte(id) != '%';
}

/* A label of a domain name: 1 to 63 letters, digits and hyphens, no hyphen at an end. */
static bool is_label(struct sky_span label)
{
    return label.len >= 1 && label.len <= LABEL_LEN_MAX && all_are(label, IN_LABEL) && label.ptr[0] != '-' &&
           last_byte(label) != '-';
}

bool sky_syntax_is_handle(struct sky_span text)
{
    struct sky_span rest = text, label = {0};
    size_t labels = 0;
    if (text.len == 0 || text.len > SKY_HANDLE_LEN_MAX)
        return false;
    for (; next_part(&rest, '.', &label); labels++)
        if (!is_label(label))
            return false;
    return labels >= 2 && (class_of(label.ptr[0]) & LETTER);
}

/* Those that nine of ten records are in. */
static bool is_usual_collection(struct sky_span text)
{
    return sky_span_equal(text, SKY_SPAN("app.bsky.feed.like")) ||
           sky_span_equal(text, SKY_SPAN("app.bsky.feed.post")) ||
           sky_span_equal(text, SKY_SPAN("app.bsky.feed.repost")) ||
           sky_span_equal(text, SKY_SPAN("app.bsky.graph.follow"));
}

/* Three segments or more, parted by '.'; each is a label, the last one without hyphens and with a letter first. */
bool sky_syntax_is_nsid(struct sky_span text)
{
    size_t segments = 1, start = 0;
    if (is_usual_collection(text))
        return true;
    if (text.len == 0 || text.len > SKY_NSID_LEN_MAX || !(class_of(text.ptr[0]) & LETTER))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (class_of(text.ptr[i]) & ALNUM)
            continue;
        if (i == start) /* nothing between two '.', or a hyphen at the beginning */
            return false;
        if (text.ptr[i] == '-')
            continue;
        if (text.ptr[i] != '.' || text.ptr[i - 1] == '-' || i - start > LABEL_LEN_MAX)
            return false;
        start = i + 1;
        segments++;
    }
    struct sky_span name = sky_span_from(text, start);
    return segments >= 3 && name.len >= 1 && name.len <= LABEL_LEN_MAX && all_are(name, ALNUM) &&
           (class_of(name.ptr[0]) & LETTER);
}

bool sky_syntax_is_record_key(struct sky_span text)
{
    return text.len >= 1 && text.len <= SKY_RECORD_KEY_LEN_MAX && all_are(text, IN_KEY) &&
           !sky_span_equal(text, SKY_SPAN(".")) && !sky_span_equal(text, SKY_SPAN(".."));
}

bool sky_syntax_is_tid(struct sky_span text)
{
    /* base32-sortable; the first digit carries only four bits, the top one being 0 */
    if (text.len != SKY_TID_LEN || !((text.ptr[0] >= '2' && text.ptr[0] <= '7') || //
                                     (text.ptr[0] >= 'a' && text.ptr[0] <= 'j')))
        return false;
    return all_are(sky_span_of(text.ptr + 1, SKY_TID_LEN - 1), IN_TID);
}

/* "#/" and a JSON pointer. */
static bool is_fragment(struct sky_span text)
{
    return text.len >= 1 && text.ptr[0] == '/' && all_are(text, IN_FRAGMENT);
}

bool sky_syntax_is_at_uri(struct sky_span text)
{
    if (text.len > SKY_AT_URI_LEN_MAX || !sky_span_starts_with(text, SKY_SPAN("at://")))
        return false;
    struct sky_span rest = sky_span_from(text, 5), path, part;
    if (!next_part(&rest, '#', &path) || (rest.ptr && !is_fragment(rest)))
        return false;
    size_t parts = 0;
    for (; next_part(&path, '/', &part); parts++) {
        bool good = parts == 0   ? sky_syntax_is_did(part) || sky_syntax_is_handle(part)
                    : parts == 1 ? sky_syntax_is_nsid(part)
                                 : parts == 2 && sky_syntax_is_record_key(part);
        if (!good)
            return false;
    }
    return parts >= 1;
}

bool sky_syntax_is_language(struct sky_span text)
{
    struct sky_span rest = text, subtag;
    if (text.len == 0 || text.len > SKY_LANGUAGE_LEN_MAX || !next_part(&rest, '-', &subtag))
        return false;
    bool private_use = subtag.len == 1 && (subtag.ptr[0] | 0x20) == 'x' && rest.ptr;
    bool primary = private_use || sky_span_equal(subtag, SKY_SPAN("i")) ||
                   (subtag.len >= 2 && subtag.len <= 3 && all_are(subtag, LOWER));
    if (!primary)
        return false;
    while (next_part(&rest, '-', &subtag))
        if (subtag.len == 0 || !all_are(subtag, ALNUM))
            return false;
    return true;
}

bool sky_syntax_is_cid(struct sky_span text)
{
    return text.len >= 8 && text.len <= 256 && all_are(text, IN_CID) && !sky_span_starts_with(text, SKY_SPAN("Qmb"));
}

/* The bytes of `word` that are '/', as their high bits; exact (Hacker's Delight, 6-1). */
static inline uint64_t slashes(uint64_t word)
{
    const uint64_t low_bits = UINT64_C(0x7f7f7f7f7f7f7f7f);
    word ^= UINT64_C(0x0101010101010101) * '/';
    return ~(((word & low_bits) + low_bits) | word | low_bits);
}

/* Up to eight bytes, the first one lowest: for eight, one load. */
static inline uint64_t load_little_endian(const uint8_t *p, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

/* The place of the only '/' in `path`; false when there is none or more than one. By eights: a path has about thirty
 * bytes, and memchr would be called twice. */
static bool find_slash(struct sky_span path, size_t *place)
{
    size_t i = 0, found = 0;
    for (; i < path.len; i += 8) {
        uint64_t word;
        if (path.len - i >= 8)
            word = load_little_endian(path.ptr + i, 8);
        else if (path.len >= 8)
            word = load_little_endian(path.ptr + path.len - 8, 8) >> 8 * (8 - (path.len - i));
        else
            word = load_little_endian(path.ptr, path.len);
        uint64_t marks = slashes(word);
        if (!marks)
            continue;
        *place = i + (size_t)__builtin_ctzll(marks) / 8;
        if (found++ || marks & (marks - 1))
            return false;
    }
    return found;
}

bool sky_syntax_split_path(struct sky_span path, struct sky_span *collection, struct sky_span *rkey)
{
    size_t slash = 0;
    if (!find_slash(path, &slash))
        return false;
    *collection = sky_span_of(path.ptr, slash);
    *rkey = sky_span_of(path.ptr + slash + 1, path.len - slash - 1);
    return true;
}
