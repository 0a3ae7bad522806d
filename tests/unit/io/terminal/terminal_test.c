/* The terminal over a real pseudo-terminal and over a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "unit/io/api/snapshots.h"

#include "io/terminal/terminal.h"

struct fixture {
    struct sky_board *board;
    int reader, writer;
    char text[65536]; /* what the last read_all got */
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct winsize size = {.ws_row = 20, .ws_col = 100};
    assert_int_equal(sky_board_new(&fixture.board), SKY_OK);
    assert_int_equal(openpty(&fixture.reader, &fixture.writer, NULL, NULL, &size), 0);
    assert_true(fcntl(fixture.reader, F_SETFL, O_NONBLOCK) == 0);
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->reader);
    close(fixture->writer);
    sky_board_free(fixture->board);
    return 0;
}

static const char *read_all(struct fixture *fixture)
{
    size_t len = 0;
    ssize_t got;
    while ((got = read(fixture->reader, fixture->text + len, sizeof fixture->text - 1 - len)) > 0)
        len += (size_t)got;
    fixture->text[len] = '\0';
    return fixture->text;
}

static void publish(struct fixture *fixture, int64_t minute)
{
    struct sky_trend_alert trend = make_trend(1, "eclipse", "en", 1, minute);
    struct sky_trend_snapshot snapshot = make_snapshot(&trend, 1, minute);
    assert_int_equal(sky_board_publish(fixture->board, &snapshot), SKY_OK);
}

static struct sky_terminal *open_on(const struct fixture *fixture, int fd, bool plain)
{
    struct sky_terminal *terminal;
    struct sky_terminal_options options = {
        .board = fixture->board, .fd = fd, .url = "http://127.0.0.1:8080/", .plain = plain};
    assert_int_equal(sky_terminal_open(&options, &terminal), SKY_OK);
    return terminal;
}

static void test_live_table(void **state)
{
    struct fixture *fixture = *state;
    struct sky_terminal *terminal = open_on(fixture, fixture->writer, false);
    assert_true(sky_terminal_is_live(terminal));
    assert_non_null(strstr(read_all(fixture), "\x1b[?1049h")); /* the alternate screen */
    publish(fixture, 1);
    assert_int_equal(sky_terminal_draw(terminal), SKY_OK);
    assert_non_null(strstr(read_all(fixture), "eclipse"));
    assert_int_equal(sky_terminal_draw(terminal), SKY_OK);
    assert_string_equal(read_all(fixture), ""); /* nothing new: nothing drawn */
    struct winsize narrow = {.ws_row = 10, .ws_col = 50};
    assert_int_equal(ioctl(fixture->reader, TIOCSWINSZ, &narrow), 0);
    assert_int_equal(sky_terminal_draw(terminal), SKY_OK);
    assert_non_null(strstr(read_all(fixture), "eclipse")); /* another size */
    sky_terminal_close(terminal);
    const char *last = read_all(fixture);
    const char *back = strstr(last, "\x1b[?1049l");
    assert_non_null(strstr(last, "\x1b[?25h"));
    assert_non_null(back);
    assert_non_null(strstr(back, "eclipse")); /* the last table stays */
    assert_null(strstr(back, "http://"));     /* the page is gone */
}

static void test_no_color(void **state)
{
    struct fixture *fixture = *state;
    setenv("NO_COLOR", "1", 1);
    struct sky_terminal *terminal = open_on(fixture, fixture->writer, false);
    publish(fixture, 1);
    assert_int_equal(sky_terminal_draw(terminal), SKY_OK);
    sky_terminal_close(terminal);
    for (const char *at = read_all(fixture); (at = strstr(at, "\x1b[")) != NULL; at++)
        assert_int_not_equal(at[2 + strspn(at + 2, "0123456789;?")], 'm');
}

static void test_lines(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    char text[4096];
    assert_int_equal(pipe(ends), 0);
    struct sky_terminal *terminal = open_on(fixture, ends[1], false);
    assert_false(sky_terminal_is_live(terminal));
    assert_int_equal(sky_terminal_draw(terminal), SKY_OK); /* nothing yet */
    for (int64_t minute = 1; minute <= 2; minute++) {
        publish(fixture, minute);
        assert_int_equal(sky_terminal_draw(terminal), SKY_OK);
        assert_int_equal(sky_terminal_draw(terminal), SKY_OK); /* no slide twice */
    }
    sky_terminal_close(terminal);
    close(ends[1]);
    ssize_t len = read(ends[0], text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    char *second = strchr(text, '\n') + 1;
    assert_memory_equal(text, "2026-07-04T12:01:00Z ", 21);
    assert_memory_equal(second, "2026-07-04T12:02:00Z ", 21);
    assert_string_equal(strchr(second, '\n'), "\n");
    assert_null(strchr(text, '\x1b'));
    close(ends[0]);
}

static void test_plain_and_dumb(void **state)
{
    struct fixture *fixture = *state;
    struct sky_terminal *terminal = open_on(fixture, fixture->writer, true);
    assert_false(sky_terminal_is_live(terminal));
    sky_terminal_close(terminal);
    setenv("TERM", "dumb", 1);
    terminal = open_on(fixture, fixture->writer, false);
    assert_false(sky_terminal_is_live(terminal));
    sky_terminal_close(terminal);
    assert_string_equal(read_all(fixture), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_live_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_color, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_plain_and_dumb, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
