/* terminal.h: the live table in a terminal, and its one line a slide where there is no terminal.
 *
 * sky_terminal_render is pure: a board's view and a size in, the bytes of one frame out. sky_terminal_* around it own
 * the screen: alternate screen, hidden cursor, size; they put everything back in sky_terminal_close.
 *
 * Trust    keywords and posts come from the network: controls, escapes and bidi controls are stripped
 * (base/printable.h), and each column is set by an absolute position, so that a wide character cannot shift the next
 * one. Threads  one owner, which is not the engine's thread as a rule. */
#ifndef SKY_IO_TERMINAL_H
#define SKY_IO_TERMINAL_H

#include "base/buffer.h"
#include "io/board.h"

/* Limits of ours. */
#define SKY_TERMINAL_COLUMNS_MAX 400
#define SKY_TERMINAL_ROWS_MAX    200

struct sky_terminal_style {
    uint32_t columns;
    uint32_t rows;
    bool colour;
    bool utf8;       /* bars and sparklines by block characters; else ASCII */
    const char *url; /* of the page, for the last line; NULL: none */
    int64_t now_ms;  /* wall clock, for "stalled since" */
};

/* One whole frame: at most `rows` lines, none wider than `columns`. */
void sky_terminal_render(const struct sky_board_view *view, const struct sky_terminal_style *style,
                         struct sky_buffer *frame);

/* One line for the last snapshot, with '\n', without colours or escapes; nothing before the first snapshot. */
void sky_terminal_render_line(const struct sky_board_view *view, struct sky_buffer *line);

struct sky_terminal;

struct sky_terminal_options {
    struct sky_board *board;
    int fd;          /* 1: standard output */
    const char *url; /* of the page; NULL: none */
    bool plain;      /* one line a slide even on a terminal */
};

/* SKY_E_MEMORY is the only error. Colours only on a terminal, without NO_COLOR (no-color.org) and TERM=dumb. */
SKY_MUST_USE enum sky_status sky_terminal_open(const struct sky_terminal_options *options,
                                               struct sky_terminal **terminal);

/* Draw if there is something new (a publish, a status, another size, a second gone by); call it a few times a second.
 * SKY_E_IO: the terminal has gone away. */
SKY_MUST_USE enum sky_status sky_terminal_draw(struct sky_terminal *terminal, int64_t now_ms);

/* Put the screen back; on a terminal leave the last table on it. NULL is fine. */
void sky_terminal_close(struct sky_terminal *terminal);

bool sky_terminal_is_live(const struct sky_terminal *terminal); /* redraws a table, and does not print lines */

#endif
