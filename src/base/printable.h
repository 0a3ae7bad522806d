/* printable.h: text from the network, made safe to show to people.
 *
 * Controls and escapes move a terminal's cursor and can do worse; bidi controls (Unicode UAX #9, "Trojan Source",
 * CVE-2021-42574) turn the order of what follows; both are replaced. Used wherever such text is printed; JSON and the
 * page keep the text as it was. */
#ifndef SKY_BASE_PRINTABLE_H
#define SKY_BASE_PRINTABLE_H

#include "base/buffer.h"

/* False for controls (C0, DEL, C1), line and paragraph separators, bidi controls, and U+FEFF. */
bool sky_is_printable(uint32_t code_point);

/* Append `text` with each run of what is not printable as one space, none at the ends. What is not UTF-8 is shown as
 * U+FFFD, a byte each. */
void sky_buffer_put_printable(struct sky_buffer *buffer, struct sky_span text);

#endif
