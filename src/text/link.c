/* A bare domain is told from two sentences without a space between them ("end.So") by its last label: it must be a
 * top-level domain in lower case, and one that is also a common word ("it", "so", "me") needs a path behind it. */
#include "text/link.h"

#include "base/utf8.h"

static const char *const top_level_domains[] = {
    "com",   "org",  "net",    "edu",   "gov",    "io",    "app",   "dev",  "info", "biz",  "social", "xyz",
    "news",  "blog", "online", "site",  "store",  "shop",  "tech",  "club", "tv",   "fm",   "gg",     "ai",
    "co",    "uk",   "jp",     "de",    "fr",     "es",    "nl",    "br",   "pt",   "eu",   "ca",     "au",
    "nz",    "ie",   "ch",     "pl",    "se",     "dk",    "fi",    "cz",   "hu",   "ro",   "gr",     "tr",
    "ru",    "ua",   "kr",     "cn",    "tw",     "hk",    "sg",    "ph",   "vn",   "mx",   "ar",     "cl",
    "za",    "ng",   "ke",     "il",    "ae",     "cat",   "art",   "live", "moe",  "page", "wiki",   "link",
    "cloud", "team", "game",   "games", "studio", "press", "radio", "ly",   "jobs", "ink",  "id",     "bsky"};

/* Top-level domains that are words, or whatever follows a full stop. */
static const char *const word_domains[] = {"it", "so", "me", "to", "is", "in", "no", "my", "be", "at", "do", "us",
                                           "as", "am", "an", "by", "cc", "gl", "la", "st", "sh", "li", "re", "vc",
                                           "ws", "nu", "pm", "ms", "im", "id", "hn", "al", "va", "gd", "tl", "lol"};

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_name(uint8_t c)
{
    return is_alnum(c) || c == '-' || c == '_' || c == '.';
}

static bool listed(const char *const *list, size_t count, struct sky_span label)
{
    for (size_t i = 0; i < count; i++)
        if (sky_span_equal(sky_span_from_string(list[i]), label))
            return true;
    return false;
}

static bool starts_with_nocase(struct sky_span text, size_t at, const char *prefix)
{
    for (; *prefix; prefix++, at++)
        if (at >= text.len || (text.ptr[at] | (text.ptr[at] >= 'A' && text.ptr[at] <= 'Z' ? 0x20 : 0)) != *prefix)
            return false;
    return true;
}

/* Where a URL that goes on at `at` ends. It ends at a space; and before a letter beyond ASCII that follows an ASCII
 * one directly, as in Japanese, unless that letter is in a path written unescaped. Closing punctuation is not part. */
static uint32_t url_end(const struct sky_link_search *search, size_t at)
{
    struct sky_span text = search->text;
    bool unescaped = false;
    size_t end = at;
    while (at < text.len) {
        size_t next = at;
        uint32_t c = sky_utf8_next(text, &next);
        enum sky_char_class class = sky_character_class(search->table, c);
        if (class == SKY_CHAR_SPACE || class == SKY_CHAR_NEWLINE || c == '<' || c == '>' || c == '"')
            break;
        if (c >= 0x80 && !unescaped) {
            uint8_t before = at > 0 ? text.ptr[at - 1] : 0;
            unescaped = class != SKY_CHAR_EMOJI && (before == '/' || before == '=' || class == SKY_CHAR_LETTER);
            if (!unescaped)
                break;
        }
        at = next;
        if (c >= 0x80 ? class != SKY_CHAR_OTHER && class != SKY_CHAR_CJK_PUNCT : !strchr(".,;:!?'()[]*", (int)c))
            end = at;
    }
    return (uint32_t)end;
}

/* The end of [A-Za-z0-9._-]*, without closing '.' and '-'. */
static size_t name_end(struct sky_span text, size_t at)
{
    size_t start = at;
    while (at < text.len && is_name(text.ptr[at]))
        at++;
    while (at > start && !is_alnum(text.ptr[at - 1]) && text.ptr[at - 1] != '_')
        at--;
    return at;
}

static bool is_domain(struct sky_span name, bool has_path)
{
    size_t label = 0, labels = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '_')
            return false;
        if (name.ptr[i] != '.')
            continue;
        if (i == label)
            return false;
        label = i + 1;
        labels++;
    }
    struct sky_span last = sky_span_from(name, label);
    if (labels == 0 || last.len < 2)
        return false;
    if (listed(top_level_domains, sizeof top_level_domains / sizeof *top_level_domains, last))
        return true;
    return has_path && listed(word_domains, sizeof word_domains / sizeof *word_domains, last);
}

/* A letter or digit of any script, or '_', that a name could go on with. */
static bool word_at(const struct sky_link_search *search, size_t at)
{
    if (at >= search->text.len)
        return false;
    uint32_t c = sky_utf8_next(search->text, &at);
    enum sky_char_class class = sky_character_class(search->table, c);
    return class == SKY_CHAR_LETTER || class == SKY_CHAR_DIGIT || class == SKY_CHAR_EXTEND_NUM_LET;
}

/* A URL, bare domain or mail address that begins at the letter or digit `at`. */
static bool url_at(const struct sky_link_search *search, size_t at, struct sky_link *link)
{
    struct sky_span text = search->text;
    size_t scheme = starts_with_nocase(text, at, "https://")  ? 8
                    : starts_with_nocase(text, at, "http://") ? 7
                    : starts_with_nocase(text, at, "at://")   ? 5
                                                              : 0;
    if (scheme && at + scheme < text.len && text.ptr[at + scheme] > ' ') {
        *link = (struct sky_link){(uint32_t)at, url_end(search, at + scheme), SKY_LINK_URL};
        return link->end > at + scheme;
    }
    size_t end = name_end(text, at);
    if (end + 1 < text.len && text.ptr[end] == '@' && is_alnum(text.ptr[end + 1])) {
        *link = (struct sky_link){(uint32_t)at, (uint32_t)name_end(text, end + 1), SKY_LINK_URL};
        return true;
    }
    bool has_path = end < text.len && text.ptr[end] == '/';
    bool www = end > at + 4 && starts_with_nocase(text, at, "www.") && memchr(text.ptr + at + 4, '.', end - at - 4);
    if (word_at(search, end) || !(www || is_domain(sky_span_of(text.ptr + at, end - at), has_path)))
        return false;
    bool goes_on = has_path || (end < text.len && (text.ptr[end] == '?' || text.ptr[end] == ':'));
    *link = (struct sky_link){(uint32_t)at, goes_on ? url_end(search, end) : (uint32_t)end, SKY_LINK_URL};
    if (link->end < end)
        link->end = (uint32_t)end;
    return true;
}

static bool mention_at(const struct sky_link_search *search, size_t at, struct sky_link *link)
{
    size_t end = name_end(search->text, at + 1);
    if (end == at + 1)
        return false;
    if (end + 1 < search->text.len && search->text.ptr[end] == '@' && is_alnum(search->text.ptr[end + 1]))
        end = name_end(search->text, end + 1); /* @user@host, as the fediverse writes it */
    *link = (struct sky_link){(uint32_t)at, (uint32_t)end, SKY_LINK_MENTION};
    return true;
}

static bool hashtag_at(const struct sky_link_search *search, size_t at, struct sky_link *link)
{
    struct sky_span rest = sky_span_from(search->text, at + 1);
    size_t len = 0;
    for (uint32_t i = 0; i < search->tags_count; i++)
        if (search->tags[i].len > len && sky_span_starts_with(rest, search->tags[i]))
            len = search->tags[i].len;
    while (len < rest.len) { /* a longer word than the tag is not that tag */
        size_t next = len;
        uint32_t c = sky_utf8_next(rest, &next);
        enum sky_char_class class = sky_character_class(search->table, c);
        bool word = class == SKY_CHAR_LETTER || class == SKY_CHAR_DIGIT || class == SKY_CHAR_EXTEND_NUM_LET ||
                    class == SKY_CHAR_COMPLEX || class == SKY_CHAR_CJK;
        if (!word)
            break;
        len = next;
    }
    *link = (struct sky_link){(uint32_t)at, (uint32_t)(at + 1 + len), SKY_LINK_HASHTAG};
    return len > 0;
}

bool sky_link_next(const struct sky_link_search *search, uint32_t from, uint32_t end, struct sky_link *link)
{
    const uint8_t *p = search->text.ptr;
    for (size_t at = from; at < end;) {
        uint8_t c = p[at];
        if (c == '@') { /* alone it parts words; ICU's rules would take it for a letter */
            if (!mention_at(search, at, link))
                *link = (struct sky_link){(uint32_t)at, (uint32_t)at + 1, SKY_LINK_MENTION};
            return true;
        }
        bool after_name = at > 0 && is_alnum(p[at - 1]); /* C# */
        if (c == '#' && !after_name && hashtag_at(search, at, link))
            return true;
        if (!is_alnum(c)) {
            at++;
            continue;
        }
        if (!(at > 0 && p[at - 1] >= 0xc3 && p[at - 1] < 0xe0) && url_at(search, at, link))
            return true;
        size_t skip = at;
        while (skip < end && is_name(p[skip]))
            skip++;
        at = skip;
    }
    return false;
}
