#include "io/terminal/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/terminal/terminal_view.h"

#define COLUMNS_DEFAULT  80
#define ROWS_DEFAULT     24
#define ROWS_LEFT_BEHIND 16   /* of the last table, on the ordinary screen */
#define WRITE_TIMEOUT_MS 1000 /* a terminal that takes no bytes for so long has gone away */

/* Alternate screen, no cursor (xterm, "Private modes" 1049 and 25); and back. */
static const char enter_screen[] = "\x1b[?1049h\x1b[?25l\x1b[2J";
static const char leave_screen[] = "\x1b[?25h\x1b[?1049l";
/* Synchronised update (mode 2026): the frame appears at once; terminals that do not know it ignore it. */
static const char begin_frame[] = "\x1b[?2026h\x1b[H";
static const char end_frame[] = "\x1b[J\x1b[?2026l";

struct sky_terminal {
    struct sky_terminal_options options;
    struct sky_terminal_style style;
    bool is_live;
    uint64_t lines_version; /* the last one printed as a line */
    struct sky_buffer frame;
    struct sky_buffer shown; /* the frame on the screen */
};

static bool says_utf8(void)
{
    const char *name = getenv("LC_ALL");
    if (!name || !*name)
        name = getenv("LC_CTYPE");
    if (!name || !*name)
        name = getenv("LANG");
    return !name || !*name || strcasestr(name, "UTF-8") || strcasestr(name, "UTF8"); /* unset, as in a container */
}

static void measure(struct sky_terminal *terminal)
{
    struct winsize size = {0};
    struct sky_terminal_style *style = &terminal->style;
    bool known = ioctl(terminal->options.fd, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
    style->columns = known ? size.ws_col : COLUMNS_DEFAULT;
    style->rows = known ? size.ws_row : ROWS_DEFAULT;
    if (style->columns > SKY_TERMINAL_COLUMNS_MAX)
        style->columns = SKY_TERMINAL_COLUMNS_MAX;
    if (style->rows > SKY_TERMINAL_ROWS_MAX)
        style->rows = SKY_TERMINAL_ROWS_MAX;
}

static enum sky_status write_all(int fd, struct sky_span bytes)
{
    while (bytes.len) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written > 0) {
            bytes = sky_span_from(bytes, (size_t)written);
            continue;
        }
        if (written < 0 && errno == EINTR)
            return SKY_E_IO; /* a reader that stands still must not hold up who was asked to end */
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return SKY_E_IO;
        if (poll(&ready, 1, WRITE_TIMEOUT_MS) == 0)
            return SKY_E_IO;
    }
    return SKY_OK;
}

static enum sky_status write_string(int fd, const char *string)
{
    return write_all(fd, sky_span_from_string(string));
}

enum sky_status sky_terminal_open(const struct sky_terminal_options *options, struct sky_terminal **result)
{
    struct sky_terminal *terminal = calloc(1, sizeof *terminal);
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    if (!terminal)
        return SKY_E_MEMORY;
    terminal->options = *options;
    terminal->is_live = !options->plain && isatty(options->fd) && term && strcmp(term, "dumb") != 0;
    terminal->style.colour = terminal->is_live && !(no_colour && *no_colour);
    terminal->style.utf8 = says_utf8();
    terminal->style.url = options->url;
    if (terminal->is_live && write_string(options->fd, enter_screen) != SKY_OK)
        terminal->is_live = false;
    *result = terminal;
    return SKY_OK;
}

static void read_table(void *context, const struct sky_board_view *view)
{
    struct sky_terminal *terminal = context;
    sky_terminal_view_table(view, &terminal->style, &terminal->frame);
}

static enum sky_status draw_table(struct sky_terminal *terminal)
{
    measure(terminal);
    terminal->frame.len = 0;
    sky_buffer_put_string(&terminal->frame, begin_frame);
    sky_board_read(terminal->options.board, read_table, terminal);
    sky_buffer_put_string(&terminal->frame, end_frame);
    if (terminal->frame.failed)
        return SKY_E_MEMORY;
    if (sky_span_equal(sky_buffer_span(&terminal->frame), sky_buffer_span(&terminal->shown)))
        return SKY_OK;
    struct sky_buffer drawn = terminal->frame;
    terminal->frame = terminal->shown;
    terminal->shown = drawn;
    return write_all(terminal->options.fd, sky_buffer_span(&drawn));
}

static void read_line(void *context, const struct sky_board_view *view)
{
    struct sky_terminal *terminal = context;
    if (view->version == terminal->lines_version)
        return;
    terminal->lines_version = view->version;
    sky_terminal_view_line(view, &terminal->frame);
}

static enum sky_status draw_line(struct sky_terminal *terminal)
{
    terminal->frame.len = 0;
    sky_board_read(terminal->options.board, read_line, terminal);
    if (terminal->frame.failed)
        return SKY_E_MEMORY;
    return write_all(terminal->options.fd, sky_buffer_span(&terminal->frame));
}

enum sky_status sky_terminal_draw(struct sky_terminal *terminal)
{
    return terminal->is_live ? draw_table(terminal) : draw_line(terminal);
}

/* The last table without the page's address, which answers no more. */
static void leave_table(struct sky_terminal *terminal)
{
    measure(terminal);
    terminal->style.url = NULL;
    if (terminal->style.rows > ROWS_LEFT_BEHIND)
        terminal->style.rows = ROWS_LEFT_BEHIND;
    terminal->frame.len = 0;
    sky_buffer_put_string(&terminal->frame, leave_screen);
    sky_board_read(terminal->options.board, read_table, terminal);
    sky_buffer_put_string(&terminal->frame, "\r\n");
    if (write_all(terminal->options.fd, sky_buffer_span(&terminal->frame)) != SKY_OK)
        return; /* nobody is looking any more */
}

void sky_terminal_close(struct sky_terminal *terminal)
{
    if (!terminal)
        return;
    if (terminal->is_live)
        leave_table(terminal);
    sky_buffer_clean_up(&terminal->frame);
    sky_buffer_clean_up(&terminal->shown);
    free(terminal);
}

bool sky_terminal_is_live(const struct sky_terminal *terminal)
{
    return terminal->is_live;
}
