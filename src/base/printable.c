#include "base/printable.h"

#include "base/utf8.h"

struct range {
    uint32_t first, last;
};

static const struct range unprintable[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, /* C0, DEL, C1: among them ESC, CSI and OSC */
    {0x061c, 0x061c}, {0x200e, 0x200f}, /* Arabic letter mark, left-to-right and right-to-left mark */
    {0x2028, 0x202e},                   /* line and paragraph separator; embeddings and overrides */
    {0x2066, 0x2069},                   /* isolates */
    {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, /* byte order mark; interlinear annotations */
};

bool sky_is_printable(uint32_t code_point)
{
    for (size_t i = 0; i < sizeof unprintable / sizeof unprintable[0]; i++)
        if (code_point >= unprintable[i].first && code_point <= unprintable[i].last)
            return false;
    return true;
}

static void put_valid(struct sky_buffer *buffer, struct sky_span text, size_t begin, bool *gap)
{
    for (size_t offset = 0; offset < text.len;) {
        size_t start = offset;
        uint32_t code_point = sky_utf8_next(text, &offset);
        if (!sky_is_printable(code_point)) {
            *gap = true;
            continue;
        }
        if (*gap && buffer->len > begin && code_point != ' ' && buffer->ptr[buffer->len - 1] != ' ')
            sky_buffer_put_u8(buffer, ' ');
        *gap = false;
        sky_buffer_put(buffer, text.ptr + start, offset - start);
    }
}

void sky_buffer_put_printable(struct sky_buffer *buffer, struct sky_span text)
{
    size_t begin = buffer->len;
    bool gap = false;
    while (text.len) {
        size_t valid = sky_utf8_valid_prefix(text);
        put_valid(buffer, sky_span_of(text.ptr, valid), begin, &gap);
        if (valid < text.len)
            put_valid(buffer, SKY_SPAN("\xef\xbf\xbd"), begin, &gap);
        text = sky_span_from(text, valid + 1);
    }
}
