/* hex.h: bytes written as hex in the tests' tables. */
#ifndef SKY_TEST_HEX_H
#define SKY_TEST_HEX_H

#include <stdlib.h>

#include "base/buffer.h"

/* The bytes `text` spells, into `buffer` (replaced); blanks are passed over. */
static inline struct sky_span unhex(struct sky_buffer *buffer, const char *text)
{
    buffer->len = 0;
    for (const char *p = text; *p; p++) {
        char pair[3] = {p[0], p[1], '\0'};
        if (*p == ' ')
            continue;
        sky_buffer_put_u8(buffer, (uint8_t)strtoul(pair, NULL, 16));
        p++;
    }
    return sky_buffer_span(buffer);
}

#endif
