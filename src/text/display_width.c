#include "text/display_width.h"

#include <unicode/uchar.h>

#include "base/utf8.h"

#define HANGUL_VOWEL_FIRST 0x1160 /* vowels and finals join the syllable before them */
#define HANGUL_FINAL_LAST  0x11ff
#define SOFT_HYPHEN        0x00ad

uint32_t sky_display_width_of(uint32_t code_point)
{
    if (code_point < 0x0300)
        return code_point == SOFT_HYPHEN ? 0 : 1;
    if (code_point >= HANGUL_VOWEL_FIRST && code_point <= HANGUL_FINAL_LAST)
        return 0;
    uint32_t category = U_GET_GC_MASK((UChar32)code_point);
    if (category & (U_GC_MN_MASK | U_GC_ME_MASK | U_GC_CF_MASK))
        return 0;
    int32_t east_asian = u_getIntPropertyValue((UChar32)code_point, UCHAR_EAST_ASIAN_WIDTH);
    return east_asian == U_EA_WIDE || east_asian == U_EA_FULLWIDTH ? 2 : 1;
}

uint32_t sky_display_width(struct sky_span text)
{
    uint32_t width = 0;
    for (size_t offset = 0; offset < text.len;)
        width += sky_display_width_of(sky_utf8_next(text, &offset));
    return width;
}

struct sky_span sky_display_prefix(struct sky_span text, uint32_t columns, uint32_t *width)
{
    uint32_t used = 0, marks = 0;
    size_t end = 0;
    for (size_t offset = 0; offset < text.len; end = offset) {
        uint32_t wide = sky_display_width_of(sky_utf8_next(text, &offset));
        marks = wide ? 0 : marks + 1;
        if (used + wide > columns || marks > SKY_DISPLAY_MARKS_MAX)
            break;
        used += wide;
    }
    *width = used;
    return sky_span_of(text.ptr, end);
}
