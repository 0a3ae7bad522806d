/* display_width.h: how many columns of a terminal a character takes.
 *
 * Spec     UAX #11 (East Asian Width): Wide and Fullwidth take two, Ambiguous one; marks and format characters none.
 * Terminals disagree on joined emoji: this is the sum of the parts, which is the most any of them uses. */
#ifndef SKY_TEXT_DISPLAY_WIDTH_H
#define SKY_TEXT_DISPLAY_WIDTH_H

#include "base/span.h"

/* Marks on one character that are kept; more are stacked up only to be seen outside their line. Ours. */
#define SKY_DISPLAY_MARKS_MAX 4

/* 0, 1 or 2. */
uint32_t sky_display_width_of(uint32_t code_point);

/* Of valid, printable UTF-8. */
uint32_t sky_display_width(struct sky_span text);

/* The longest prefix of valid, printable UTF-8 that takes at most `columns` and ends between characters; its width in
 * *width. It also ends before a mark beyond SKY_DISPLAY_MARKS_MAX. */
struct sky_span sky_display_prefix(struct sky_span text, uint32_t columns, uint32_t *width);

#endif
