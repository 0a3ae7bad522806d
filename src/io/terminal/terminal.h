/* terminal.h: the live table in a terminal, redrawn in place; without a terminal, one line for each slide.
 *
 * On a terminal it owns the screen: the alternate one, without a cursor; sky_terminal_close puts everything back and
 * leaves the last table to read. Nothing else may write to it meanwhile.
 *
 * Threads  one owner at a time. With a live table any thread may draw, now and then; for lines, draw after each publish
 *          on the publishing thread, or slides would be left out. */
#ifndef SKY_IO_TERMINAL_TERMINAL_H
#define SKY_IO_TERMINAL_TERMINAL_H

#include "io/api/board.h"

struct sky_terminal;

struct sky_terminal_options {
    struct sky_board *board;
    int fd;          /* 1: standard output */
    const char *url; /* of the page; NULL: none; lives as long as the terminal */
    bool plain;      /* lines even on a terminal */
};

/* Colours only on a terminal, without NO_COLOR (no-color.org); TERM=dumb gets lines. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_terminal_open(const struct sky_terminal_options *options,
                                               struct sky_terminal **terminal);

/* Draw if there is something new: a slide, a status, another size. Cheap otherwise; call it some times a second.
 * SKY_E_IO: the terminal, or the reader of the lines, has gone away (errno EINTR: a signal came while
 * it stood still). SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_terminal_draw(struct sky_terminal *terminal);

/* Put the screen back. NULL is fine. */
void sky_terminal_close(struct sky_terminal *terminal);

bool sky_terminal_is_live(const struct sky_terminal *terminal); /* redraws a table, and does not print lines */

#endif
