#include "event/syntax.h"

/* What a byte may be part of. */
enum {
    LOWER = 1,
    UPPER = 2,
    DIGIT = 4,
    HYPHEN = 8,
    IN_DID = 16,      /* ._-:% */
    IN_KEY = 32,      /* _~.:- */
    IN_FRAGMENT = 64, /* ._~:@!$&%')(*+,;=-[]/\ */
    IN_CID = 128,     /* += */
    LETTER = LOWER | UPPER,
    ALNUM = LETTER | DIGIT
};

__extension__ static const uint8_t classes_of[256] = {
    ['a' ... 'z'] = LOWER,
    ['A' ... 'Z'] = UPPER,
    ['0' ... '9'] = DIGIT,
    ['-'] = HYPHEN | IN_DID | IN_KEY | IN_FRAGMENT,
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

static int class_of(uint8_t c)
{
    return classes_of[c];
}

/* Every byte is of one of the classes. */
static inline bool all_are(struct sky_span text, int classes)
{
    for (size_t i = 0; i < text.len; i++)
        if (!(classes_of[text.ptr[i]] & classes))
            return false;
    return true;
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
        return all_are(sky_span_from(rest, 4), ALNUM | IN_DID) && last_byte(rest) != ':' && last_byte(rest) != '%';
    const uint8_t *colon = rest.len ? memchr(rest.ptr, ':', rest.len) : NULL;
    if (!colon || colon == rest.ptr)
        return false;
    struct sky_span method = sky_span_of(rest.ptr, (size_t)(colon - rest.ptr));
    struct sky_span id = sky_span_from(rest, method.len + 1);
    return all_are(method, LOWER) && id.len > 0 && all_are(id, ALNUM | IN_DID) && last_byte(id) != ':' &&
           last_byte(id) != '%';
}

/* A label of a domain name: 1 to 63 letters, digits and hyphens, no hyphen at an end. */
static bool is_label(struct sky_span label)
{
    return label.len >= 1 && label.len <= 63 && all_are(label, ALNUM | HYPHEN) && label.ptr[0] != '-' &&
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

bool sky_syntax_is_nsid(struct sky_span text)
{
    struct sky_span rest = text, segment = {0};
    size_t segments = 0;
    if (text.len == 0 || text.len > SKY_NSID_LEN_MAX || !(class_of(text.ptr[0]) & LETTER))
        return false;
    for (; next_part(&rest, '.', &segment); segments++)
        if (!is_label(segment))
            return false;
    return segments >= 3 && all_are(segment, ALNUM) && (class_of(segment.ptr[0]) & LETTER);
}

bool sky_syntax_is_record_key(struct sky_span text)
{
    return text.len >= 1 && text.len <= SKY_RECORD_KEY_LEN_MAX && all_are(text, ALNUM | IN_KEY) &&
           !sky_span_equal(text, SKY_SPAN(".")) && !sky_span_equal(text, SKY_SPAN(".."));
}

bool sky_syntax_is_tid(struct sky_span text)
{
    /* base32-sortable; the first digit carries only four bits, the top one being 0 */
    if (text.len != SKY_TID_LEN || !((text.ptr[0] >= '2' && text.ptr[0] <= '7') || //
                                     (text.ptr[0] >= 'a' && text.ptr[0] <= 'j')))
        return false;
    for (size_t i = 1; i < SKY_TID_LEN; i++)
        if (class_of(text.ptr[i]) != LOWER && (text.ptr[i] < '2' || text.ptr[i] > '7'))
            return false;
    return true;
}

/* "#/" and a JSON pointer. */
static bool is_fragment(struct sky_span text)
{
    return text.len >= 1 && text.ptr[0] == '/' && all_are(text, ALNUM | IN_FRAGMENT);
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
    return text.len >= 8 && text.len <= 256 && all_are(text, ALNUM | IN_CID) &&
           !sky_span_starts_with(text, SKY_SPAN("Qmb"));
}

bool sky_syntax_split_path(struct sky_span path, struct sky_span *collection, struct sky_span *rkey)
{
    struct sky_span rest = path;
    return next_part(&rest, '/', collection) && next_part(&rest, '/', rkey) && !rest.ptr;
}
