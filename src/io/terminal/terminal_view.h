/* terminal_view.h: what the terminal shows, as bytes: a live table, or one line a slide.
 *
 * Pure: a board's view and a style in, bytes out; terminal.h owns the screen.
 *
 * Trust    keywords and posts come from the network: what is not printable is replaced (base/printable.h), and each
 *          column is set by an absolute position, so that a character of doubtful width cannot shift the next one.
 * Escapes  ECMA-48: CHA (CSI n G), SGR (CSI n m) and EL (CSI K), which every terminal in use knows. */
#ifndef SKY_IO_TERMINAL_TERMINAL_VIEW_H
#define SKY_IO_TERMINAL_TERMINAL_VIEW_H

#include "base/buffer.h"
#include "io/api/board.h"

/* Limits of ours. */
#define SKY_TERMINAL_COLUMNS_MAX 400
#define SKY_TERMINAL_ROWS_MAX    200
#define SKY_TERMINAL_LINE_WORDS  5 /* trends, or most mentioned words, that a line names */

struct sky_terminal_style {
    uint32_t columns;
    uint32_t rows;
    bool colour;
    bool utf8;       /* bars and sparklines by block characters; else ASCII */
    const char *url; /* of the page, for the last line; NULL: none */
};

/* One whole frame: at most `rows` lines ended by CR LF but for the last, none wider than `columns`. */
void sky_terminal_view_table(const struct sky_board_view *view, const struct sky_terminal_style *style,
                             struct sky_buffer *frame);

/* One line for the last snapshot, with '\n', without escapes; nothing before the first snapshot. */
void sky_terminal_view_line(const struct sky_board_view *view, struct sky_buffer *line);

#endif
