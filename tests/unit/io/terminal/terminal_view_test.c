/* The table as a terminal shows it: a small screen of our own obeys the escapes (ECMA-48) and keeps a grid of cells,
 * which is compared with rows written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/io/api/snapshots.h"

#include "base/utf8.h"
#include "io/terminal/terminal_view.h"
#include "text/display_width.h"

#define ROWS_MAX    60
#define COLUMNS_MAX 240

/* A cell is the bytes shown in it; the second half of a wide character is "". */
struct screen {
    char cells[ROWS_MAX][COLUMNS_MAX][16];
    uint32_t columns, rows, row, column;
    uint32_t overflows; /* characters that did not fit into their line */
    uint32_t colours;   /* SGR seen */
};

static size_t obey_escape(struct screen *screen, const char *text)
{
    char *end;
    assert_int_equal(text[1], '[');
    unsigned long number = strtoul(text + 2, &end, 10);
    while (*end == ';')
        number = strtoul(end + 1, &end, 10);
    switch (*end) {
    case 'G': screen->column = (uint32_t)(number ? number : 1) - 1; break;
    case 'K':
        for (uint32_t i = screen->column; i < screen->columns; i++)
            strcpy(screen->cells[screen->row][i], " ");
        break;
    case 'm': screen->colours++; break;
    default: fail_msg("the escape '%c' is not among those expected", *end);
    }
    return (size_t)(end + 1 - text);
}

static void put_cell(struct screen *screen, struct sky_span character)
{
    uint32_t width = sky_display_width(character);
    if (screen->column + width > screen->columns) {
        screen->overflows++;
        return;
    }
    char *cell = screen->cells[screen->row][width ? screen->column : screen->column - 1];
    size_t used = width ? 0 : strlen(cell);
    snprintf(cell + used, 16 - used, "%.*s", (int)character.len, (const char *)character.ptr);
    if (width == 2)
        screen->cells[screen->row][screen->column + 1][0] = '\0';
    screen->column += width;
}

static void show(struct screen *screen, struct sky_span text)
{
    for (size_t offset = 0; offset < text.len;) {
        const char *at = (const char *)text.ptr + offset;
        size_t start = offset;
        uint32_t code_point = sky_utf8_next(text, &offset);
        if (code_point == 0x1b) {
            offset = start + obey_escape(screen, at);
        } else if (code_point == '\r') {
            screen->column = 0;
        } else if (code_point == '\n') {
            assert_true(++screen->row < screen->rows);
        } else {
            if (code_point < 0x20)
                fail_msg("a control U+%04X reaches the terminal", code_point);
            put_cell(screen, sky_span_of(at, offset - start));
        }
    }
}

struct picture {
    struct sky_terminal_style style;
    struct screen screen;
};

static void read_table(void *context, const struct sky_board_view *view)
{
    struct picture *picture = context;
    struct sky_buffer frame = {0};
    sky_terminal_view_table(view, &picture->style, &frame);
    sky_buffer_put_u8(&frame, 0); /* strtoul stops */
    assert_false(frame.failed);
    frame.len--;
    show(&picture->screen, sky_buffer_span(&frame));
    sky_buffer_clean_up(&frame);
}

static struct picture *draw(struct sky_board *board, uint32_t columns, uint32_t rows)
{
    static struct picture picture;
    memset(&picture, 0, sizeof picture);
    picture.style =
        (struct sky_terminal_style){.columns = columns, .rows = rows, .utf8 = true, .url = "http://127.0.0.1:8080/"};
    picture.screen.columns = columns;
    picture.screen.rows = rows;
    sky_board_read(board, read_table, &picture);
    assert_int_equal(picture.screen.overflows, 0);
    return &picture;
}

static const char *row_text(const struct picture *picture, uint32_t row)
{
    static char text[COLUMNS_MAX * 16];
    size_t len = 0;
    for (uint32_t i = 0; i < picture->screen.columns; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", picture->screen.cells[row][i]);
    while (len && text[len - 1] == ' ')
        text[--len] = '\0';
    return text;
}

static int set_up(void **state)
{
    struct sky_board *board;
    assert_int_equal(sky_board_new(&board), SKY_OK);
    *state = board;
    return 0;
}

static int tear_down(void **state)
{
    sky_board_free(*state);
    return 0;
}

static struct sky_board_status simulated(void)
{
    return (struct sky_board_status){.source = "simulated network",
                                     .connection = SKY_BOARD_CONNECTED,
                                     .simulated = true,
                                     .speed = 60,
                                     .lag_ms = 400,
                                     .posts_per_minute = 1900,
                                     .event_time_ms = NOON + 61000,
                                     .version = "0.1.0"};
}

static void publish(struct sky_board *board, const struct sky_trend_alert *trends, uint32_t count, bool warming_up)
{
    struct sky_trend_snapshot snapshot = make_snapshot(trends, count, 1);
    snapshot.warming_up = warming_up;
    assert_int_equal(sky_board_publish(board, &snapshot), SKY_OK);
}

static void test_trends(void **state)
{
    struct sky_trend_alert trends[] = {make_trend(1, "eclipse", "*", 1, 1), make_trend(2, "地震", "ja", 2, 1)};
    struct sky_board_status status = simulated();
    sky_board_set_status(*state, &status);
    publish(*state, trends, 2, false);
    struct picture *picture = draw(*state, 100, 12);
    assert_string_equal(row_text(picture, 0), "Skytrend   SIMULATED   simulated network");
    assert_string_equal(row_text(picture, 1),
                        "1900 posts/min  13000 authors in 10 min  12:01:01 UTC simulated  0.4 s behind");
    assert_string_equal(row_text(picture, 3),
                        "  #       Keyword            Lang   Authors  Mentions  x usual  Confidence  "
                        "Last 16 min        Began");
    assert_string_equal(row_text(picture, 4),
                        "  1  new  eclipse            all        100       120      10x  █████▎ 88%  "
                        "               █   1 min");
    assert_string_equal(row_text(picture, 5),
                        "  2  new  地震               ja         100       120      10x  █████▎ 88%  "
                        "               █   1 min");
    assert_string_equal(row_text(picture, 11), "Page  http://127.0.0.1:8080/   Ctrl-C ends");
}

static void test_warming_up(void **state)
{
    struct sky_board_status status = simulated();
    status.warm_up_minutes_left = 12; /* the most there is by default: it must fit 80 columns */
    sky_board_set_status(*state, &status);
    publish(*state, NULL, 0, true);
    struct picture *picture = draw(*state, 80, 24);
    assert_string_equal(row_text(picture, 3),
                        "Learning what is usual: first trends in 12 min of simulated time, 12 s here");
    assert_string_equal(row_text(picture, 4),
                        "Until then the most mentioned words, by plain count. They are not trends.");
    assert_non_null(strstr(row_text(picture, 6), "Most mentioned"));
    assert_non_null(strstr(row_text(picture, 7), "today"));
    assert_non_null(strstr(row_text(picture, 7), "400"));
}

static void test_stalled_and_empty(void **state)
{
    struct sky_board_status status = simulated();
    status.simulated = false;
    status.connection = SKY_BOARD_STALLED;
    status.stalled_since_ms = NOON + 125000;
    sky_board_set_status(*state, &status);
    struct picture *picture = draw(*state, 80, 24);
    assert_non_null(strstr(row_text(picture, 0), "stalled since 12:02:05 UTC"));
    assert_null(strstr(row_text(picture, 0), "SIMULATED"));
    assert_string_equal(row_text(picture, 3), "Waiting for the first posts.");
    publish(*state, NULL, 0, false);
    picture = draw(*state, 80, 24);
    assert_string_equal(row_text(picture, 3), "Nothing is above its usual level now.");
}

/* What the relay said is shown whole or cut, but never at the cost of when the next attempt is. */
static void test_no_connection(void **state)
{
    struct sky_board_status status = simulated();
    status.simulated = false;
    status.connection = SKY_BOARD_CONNECTING;
    snprintf(status.problem, sizeof status.problem, "bsky.network: the name is not known\x1b[2J");
    status.retry_ms = 6001;
    sky_board_set_status(*state, &status);
    struct picture *picture = draw(*state, 80, 24);
    assert_non_null(strstr(row_text(picture, 0), "connecting"));
    const char *row = row_text(picture, 3);
    assert_ptr_equal(strstr(row, "bsky.network: the name is not known"), row);
    assert_non_null(strstr(row, "  next attempt in 7 s"));
    assert_string_equal(row_text(picture, 5), "Waiting for the first posts.");
    picture = draw(*state, 40, 24);
    assert_string_equal(row_text(picture, 3), "bsky.network: the …  next attempt in 7 s");
    status.retry_ms = 0; /* the attempt is being made */
    sky_board_set_status(*state, &status);
    picture = draw(*state, 80, 24);
    assert_null(strstr(row_text(picture, 3), "next"));
    status.problem[0] = '\0';
    sky_board_set_status(*state, &status);
    picture = draw(*state, 80, 24);
    assert_string_equal(row_text(picture, 3), "Waiting for the first posts.");
}

/* The columns stand in the same places whatever the keyword, and nothing of it acts on the terminal. */
static void test_hostile_keywords(void **state)
{
    static const char *const keywords[] = {"\x1b]0;title\x07\x1b[2J",
                                           "a\u202eb",
                                           "地震速報地震速報地震速報地震速報地震速報地震速報地震速報",
                                           "👩‍👩‍👧‍👦 family",
                                           "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81 stack",
                                           "tab\there",
                                           ""};
    struct sky_trend_alert trends[7];
    for (uint32_t i = 0; i < 7; i++)
        trends[i] = make_trend(i + 1, keywords[i], "en", i + 1, 1);
    publish(*state, trends, 7, false);
    struct picture *picture = draw(*state, 100, 20);
    for (uint32_t row = 4; row < 11; row++) {
        assert_string_equal(picture->screen.cells[row][40], "1"); /* the first digit of 100 authors */
        assert_string_equal(picture->screen.cells[row][64], "█");
    }
    assert_non_null(strstr(row_text(picture, 4), "]0;tit"));
    assert_non_null(strstr(row_text(picture, 5), "a b"));
    assert_non_null(strstr(row_text(picture, 6), "…"));
}

/* Every size gives a frame that fits: `draw` asserts it. */
static void test_all_sizes(void **state)
{
    struct sky_trend_alert trends[30];
    for (uint32_t i = 0; i < 30; i++)
        trends[i] = make_trend(i + 1, "a rather long keyword 地震", "en", i + 1, 1);
    publish(*state, trends, 30, false);
    for (uint32_t columns = 1; columns <= 200; columns += 3)
        for (uint32_t rows = 1; rows <= 50; rows += 7)
            draw(*state, columns, rows);
}

static void test_colours_only_when_asked(void **state)
{
    struct sky_trend_alert trend = make_trend(1, "eclipse", "en", 1, 1);
    struct picture picture = {.style = {.columns = 80, .rows = 10}, .screen = {.columns = 80, .rows = 10}};
    publish(*state, &trend, 1, false);
    sky_board_read(*state, read_table, &picture);
    assert_int_equal(picture.screen.colours, 0);
    picture.style.colour = true;
    picture.screen.row = 0;
    sky_board_read(*state, read_table, &picture);
    assert_true(picture.screen.colours > 0);
}

static void read_line(void *context, const struct sky_board_view *view)
{
    sky_terminal_view_line(view, context);
}

static void expect_line(struct sky_board *board, const char *expected)
{
    struct sky_buffer line = {0};
    sky_board_read(board, read_line, &line);
    sky_buffer_put_u8(&line, 0);
    assert_string_equal((const char *)line.ptr, expected);
    sky_buffer_clean_up(&line);
}

static void test_lines(void **state)
{
    struct sky_trend_alert trends[] = {make_trend(1, "eclipse", "*", 1, 1), make_trend(2, "\x1b[2J地震", "ja", 2, 1)};
    struct sky_board_status status = simulated();
    expect_line(*state, "");
    sky_board_set_status(*state, &status);
    publish(*state, trends, 2, false);
    expect_line(*state, "2026-07-04T12:01:00Z simulated posts/min=1900 authors=13000 behind=0.4s trends=2"
                        " | eclipse [*] 10x 100 authors | [2J地震 [ja] 10x 100 authors\n");
    status.warm_up_minutes_left = 3;
    status.simulated = false;
    status.connection = SKY_BOARD_STALLED;
    sky_board_set_status(*state, &status);
    publish(*state, NULL, 0, true);
    expect_line(*state, "2026-07-04T12:01:00Z live posts/min=1900 authors=13000 behind=0.4s connection=stalled"
                        " warming-up=3min most-mentioned | today [en] 400\n");
    status.lag_ms = INT64_C(300) * 86400 * 1000; /* of a simulated network, from Kafka */
    sky_board_set_status(*state, &status);
    expect_line(*state, "2026-07-04T12:01:00Z replaying posts/min=1900 authors=13000 connection=stalled"
                        " warming-up=3min most-mentioned | today [en] 400\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_warming_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stalled_and_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_keywords, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_colours_only_when_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
