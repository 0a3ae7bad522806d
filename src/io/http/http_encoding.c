#include "io/http/http_encoding.h"

#include <strings.h>
#include <zlib.h>

#define LEVEL        5         /* of 9; above, it takes much longer for little */
#define GZIP_WINDOW  (15 + 16) /* the largest, with gzip's header and trailer */
#define MEMORY_LEVEL 8

static struct sky_span trim(struct sky_span text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = sky_span_from(text, 1);
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static struct sky_span cut(struct sky_span *text, uint8_t separator)
{
    const uint8_t *at = text->len ? memchr(text->ptr, separator, text->len) : NULL;
    struct sky_span part = sky_span_of(text->ptr, at ? (size_t)(at - text->ptr) : text->len);
    *text = sky_span_from(*text, at ? part.len + 1 : part.len);
    return trim(part);
}

static bool is_word(struct sky_span text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.ptr, word, text.len) == 0;
}

/* RFC 9110 section 12.4.2: q=0, q=0.000 are "not acceptable". */
static bool is_refused(struct sky_span weight)
{
    if (!weight.len)
        return false;
    struct sky_span name = cut(&weight, '=');
    weight = trim(weight);
    if (!is_word(name, "q") || !weight.len)
        return true; /* not well-formed */
    for (size_t i = 0; i < weight.len; i++)
        if (weight.ptr[i] != '0' && weight.ptr[i] != '.')
            return weight.ptr[i] < '1' || weight.ptr[i] > '9';
    return true;
}

bool sky_http_accepts_gzip(const char *accept_encoding)
{
    struct sky_span rest = sky_span_from_string(accept_encoding);
    bool named = false, accepted = false, any = false;
    while (rest.len) {
        struct sky_span item = cut(&rest, ',');
        struct sky_span coding = cut(&item, ';');
        bool good = !is_refused(trim(item));
        if (is_word(coding, "gzip") || is_word(coding, "x-gzip")) {
            named = true;
            accepted |= good;
        } else if (is_word(coding, "*")) {
            any = good;
        }
    }
    return named ? accepted : any;
}

bool sky_http_gzip(struct sky_span bytes, struct sky_buffer *out)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t bound = deflateBound(&stream, bytes.len);
    bool ok = bytes.len <= UINT32_MAX && sky_buffer_reserve(out, bound);
    if (ok) {
        stream.next_in = (Bytef *)(uintptr_t)bytes.ptr;
        stream.avail_in = (uInt)bytes.len;
        stream.next_out = out->ptr + out->len;
        stream.avail_out = (uInt)bound;
        ok = deflate(&stream, Z_FINISH) == Z_STREAM_END;
        if (ok)
            out->len += bound - stream.avail_out;
    }
    deflateEnd(&stream);
    return ok;
}
