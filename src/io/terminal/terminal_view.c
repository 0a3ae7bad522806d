#include "io/terminal/terminal_view.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/time.h"
#include "text/display_width.h"

#define SPARK_SLIDES 16
#define BAR_CELLS    6
#define CELL_SIZE    64 /* bytes of a short cell's text */
#define FOOT_LINES   2  /* empty, page */

/* Ours. More than a relay or, by default, a topic holds: what is further behind is not of now but replayed, as the
 * posts of a simulated network on Kafka. To say that it is months behind would mislead. */
#define LIVE_LAG_MS_MAX (30 * SKY_DAY_MS)

enum ink { PLAIN, BOLD, DIM, GREEN, RED, YELLOW, CYAN, BANNER, INKS };

/* SGR, ECMA-48 section 8.3.117: of the sixteen colours that the user's own theme defines. */
static const char *const inks[INKS] = {"0", "1", "2", "32", "31", "33", "36", "1;30;43"};

struct canvas {
    const struct sky_terminal_style *style;
    struct sky_buffer *frame;
    uint32_t line; /* begun so far */
    uint32_t column;
};

static bool is_live(const struct sky_board_status *status)
{
    return status->lag_ms <= LIVE_LAG_MS_MAX;
}

/* Writing */

static bool next_line(struct canvas *canvas)
{
    if (canvas->line == canvas->style->rows)
        return false;
    if (canvas->line++)
        sky_buffer_put_string(canvas->frame, "\r\n");
    sky_buffer_put_string(canvas->frame, "\x1b[K");
    canvas->column = 0;
    return true;
}

static void move_to(struct canvas *canvas, uint32_t column)
{
    sky_buffer_printf(canvas->frame, "\x1b[%uG", column + 1);
    canvas->column = column;
}

static void set_ink(struct canvas *canvas, enum ink ink)
{
    if (canvas->style->colour)
        sky_buffer_printf(canvas->frame, "\x1b[%sm", inks[ink]);
}

/* As much of `text` as `columns` and the line's end allow. Returns the width written. */
static uint32_t put(struct canvas *canvas, enum ink ink, struct sky_span text, uint32_t columns)
{
    uint32_t room = canvas->style->columns > canvas->column ? canvas->style->columns - canvas->column : 0;
    uint32_t width;
    struct sky_span shown = sky_display_prefix(text, columns < room ? columns : room, &width);
    if (!shown.len)
        return 0;
    if (ink != PLAIN)
        set_ink(canvas, ink);
    sky_buffer_put_span(canvas->frame, shown);
    if (ink != PLAIN)
        set_ink(canvas, PLAIN);
    canvas->column += width;
    return width;
}

static void print(struct canvas *canvas, enum ink ink, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void print(struct canvas *canvas, enum ink ink, const char *format, ...)
{
    char text[SKY_TERMINAL_COLUMNS_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(canvas, ink, sky_span_from_string(text), SKY_TERMINAL_COLUMNS_MAX);
}

/* Text from the network, cut to `columns` with an ellipsis. */
static void put_foreign(struct canvas *canvas, enum ink ink, struct sky_span text, uint32_t columns)
{
    struct sky_buffer clean = {0};
    sky_buffer_put_printable(&clean, text);
    struct sky_span whole = sky_buffer_span(&clean);
    if (sky_display_width(whole) <= columns) {
        put(canvas, ink, whole, columns);
    } else if (columns > 1) {
        put(canvas, ink, whole, columns - 1);
        put(canvas, ink, canvas->style->utf8 ? SKY_SPAN("\xe2\x80\xa6") : SKY_SPAN("~"), 1);
    }
    sky_buffer_clean_up(&clean);
}

/* Numbers */

static void format_times(double growth, char out[CELL_SIZE])
{
    double ratio = growth + 1; /* growth is (seen - expected) / expected */
    if (ratio >= 1000)
        snprintf(out, CELL_SIZE, "999x");
    else
        snprintf(out, CELL_SIZE, ratio >= 10 ? "%.0fx" : "%.1fx", ratio);
}

static void format_minutes(int64_t ms, char out[CELL_SIZE])
{
    int64_t minutes = ms > 0 ? ms / SKY_MINUTE_MS : 0;
    if (minutes < 60)
        snprintf(out, CELL_SIZE, "%d min", (int)minutes);
    else if (minutes < 24 * 60)
        snprintf(out, CELL_SIZE, "%dh%02d", (int)(minutes / 60), (int)(minutes % 60));
    else
        snprintf(out, CELL_SIZE, "%dd%02dh", (int)(minutes / 1440), (int)(minutes / 60 % 24));
}

static void format_clock(int64_t time_ms, char out[CELL_SIZE])
{
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, text);
    snprintf(out, CELL_SIZE, "%.8s", text + sizeof "2026-07-04T" - 1);
}

static unsigned percent(double share)
{
    double rounded = floor(share * 100 + 0.5);
    return rounded > 99 ? 99 : rounded < 0 ? 0 : (unsigned)rounded; /* never quite sure */
}

/* The cells of a row */

struct row {
    const struct sky_board_view *view;
    const struct sky_trend_alert *trend; /* NULL for a most mentioned word */
    const struct sky_top_keyword *top;
    struct sky_span keyword;
    struct sky_span language;
    uint32_t authors;
    uint32_t previous_rank;
    double confidence;
};

struct column;
typedef void (*cell_fn)(struct canvas *canvas, const struct row *row, const struct column *column);

struct column {
    const char *title;
    uint32_t width;        /* 0: the rest of the line */
    uint32_t line_columns; /* shown on lines of at least this width */
    bool right;            /* numbers stand to the right */
    cell_fn draw;
    uint32_t at; /* set by lay_out */
};

static void put_right(struct canvas *canvas, const struct column *column, enum ink ink, const char *text)
{
    struct sky_span span = sky_span_from_string(text);
    uint32_t width = sky_display_width(span);
    move_to(canvas, column->at + (column->width > width ? column->width - width : 0));
    put(canvas, ink, span, column->width);
}

static void draw_rank(struct canvas *canvas, const struct row *row, const struct column *column)
{
    char text[CELL_SIZE];
    if (!row->trend)
        return;
    snprintf(text, sizeof text, "%u", row->trend->rank);
    put_right(canvas, column, row->trend->rank <= 3 ? BOLD : PLAIN, text);
}

static void draw_move(struct canvas *canvas, const struct row *row, const struct column *column)
{
    bool utf8 = canvas->style->utf8;
    move_to(canvas, column->at);
    if (!row->trend)
        return;
    if (!row->previous_rank)
        print(canvas, CYAN, "new");
    else if (row->previous_rank > row->trend->rank)
        print(canvas, GREEN, utf8 ? "▲%u" : "+%u", row->previous_rank - row->trend->rank);
    else if (row->previous_rank < row->trend->rank)
        print(canvas, RED, utf8 ? "▼%u" : "-%u", row->trend->rank - row->previous_rank);
}

static void draw_keyword(struct canvas *canvas, const struct row *row, const struct column *column)
{
    move_to(canvas, column->at);
    put_foreign(canvas, row->trend ? BOLD : PLAIN, row->keyword, column->width);
}

static void draw_language(struct canvas *canvas, const struct row *row, const struct column *column)
{
    move_to(canvas, column->at);
    put_foreign(canvas, DIM, sky_span_equal(row->language, SKY_SPAN("*")) ? SKY_SPAN("all") : row->language,
                column->width);
}

static void draw_authors(struct canvas *canvas, const struct row *row, const struct column *column)
{
    char text[CELL_SIZE];
    snprintf(text, sizeof text, "%u", row->authors);
    put_right(canvas, column, PLAIN, text);
}

static void draw_mentions(struct canvas *canvas, const struct row *row, const struct column *column)
{
    char text[CELL_SIZE];
    snprintf(text, sizeof text, "%u", row->trend ? row->trend->frequency : row->top->count);
    put_right(canvas, column, DIM, text);
}

static void draw_growth(struct canvas *canvas, const struct row *row, const struct column *column)
{
    char text[CELL_SIZE];
    if (!row->trend)
        return;
    format_times(row->trend->growth_rate, text);
    put_right(canvas, column, BOLD, text);
}

/* `share` of `cells`, in eighths of a cell where block characters may be used. */
static void draw_bar(struct canvas *canvas, enum ink ink, double share, uint32_t cells)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double clamped = share < 0 ? 0 : share > 1 ? 1 : share;
    uint32_t units = (uint32_t)(clamped * cells * 8 + 0.5);
    for (uint32_t i = 0; i < units / 8; i++)
        print(canvas, ink, "%s", canvas->style->utf8 ? "█" : "#");
    if (canvas->style->utf8)
        print(canvas, ink, "%s", eighths[units % 8]);
}

static void draw_confidence(struct canvas *canvas, const struct row *row, const struct column *column)
{
    if (!row->trend)
        return;
    move_to(canvas, column->at);
    draw_bar(canvas, DIM, row->confidence, BAR_CELLS);
    move_to(canvas, column->at + BAR_CELLS + 1);
    print(canvas, PLAIN, "%2u%%", percent(row->confidence));
}

static void draw_spark(struct canvas *canvas, const struct row *row, const struct column *column)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const letters[] = {"_", ".", "-", "-", "=", "=", "^", "^"};
    struct sky_history_series series = {0};
    if (!sky_keyword_history_find(row->view->history, row->keyword, row->language, &series))
        return;
    int64_t now_ms = row->view->snapshot->window_end_ms;
    uint32_t top = 1;
    for (uint32_t i = 0; i < series.points_count; i++)
        if (series.points[i].unique_authors > top &&
            now_ms - series.points[i].window_end_ms < SPARK_SLIDES * SKY_MINUTE_MS)
            top = series.points[i].unique_authors;
    for (uint32_t i = 0; i < series.points_count; i++) {
        int64_t age = (now_ms - series.points[i].window_end_ms) / SKY_MINUTE_MS;
        if (age < 0 || age >= SPARK_SLIDES)
            continue;
        uint32_t level = series.points[i].unique_authors * 7 / top;
        move_to(canvas, column->at + SPARK_SLIDES - 1 - (uint32_t)age);
        print(canvas, CYAN, "%s", canvas->style->utf8 ? blocks[level] : letters[level]);
    }
}

static void draw_began(struct canvas *canvas, const struct row *row, const struct column *column)
{
    char text[CELL_SIZE];
    if (!row->trend)
        return;
    format_minutes(row->trend->window_end_ms - row->trend->started_at_ms, text);
    put_right(canvas, column, DIM, text);
}

/* The table */

static const struct column trend_columns[] = {
    {"#", 3, 0, true, draw_rank, 0},
    {"", 3, 40, false, draw_move, 0},
    {"Keyword", 0, 0, false, draw_keyword, 0},
    {"Lang", 5, 50, false, draw_language, 0},
    {"Authors", 7, 0, true, draw_authors, 0},
    {"Mentions", 8, 92, true, draw_mentions, 0},
    {"x usual", 7, 40, true, draw_growth, 0},
    {"Confidence", 10, 72, false, draw_confidence, 0},
    {"Last 16 min", SPARK_SLIDES, 84, false, draw_spark, 0},
    {"Began", 6, 60, true, draw_began, 0},
};
#define TREND_COLUMNS (sizeof trend_columns / sizeof trend_columns[0])

static const struct column top_columns[] = {
    {"Most mentioned", 0, 0, false, draw_keyword, 0},
    {"Lang", 5, 40, false, draw_language, 0},
    {"Mentions", 8, 0, true, draw_mentions, 0},
    {"Authors", 7, 50, true, draw_authors, 0},
    {"Last 16 min", SPARK_SLIDES, 72, false, draw_spark, 0},
};
#define TOP_COLUMNS (sizeof top_columns / sizeof top_columns[0])

struct table {
    struct column columns[TREND_COLUMNS];
    size_t count;
};

/* Choose the columns for this width and place them, two apart; the one without a width takes what is left. */
static void lay_out(struct table *table, const struct column *columns, size_t count, uint32_t line_columns)
{
    uint32_t fixed = 0, at = 0;
    table->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (line_columns < columns[i].line_columns)
            continue;
        table->columns[table->count++] = columns[i];
        fixed += columns[i].width + 2;
    }
    fixed -= 2;
    for (size_t i = 0; i < table->count; i++) {
        struct column *column = &table->columns[i];
        if (column->width == 0)
            column->width = line_columns > fixed + 1 ? line_columns - fixed : 1;
        column->at = at;
        at += column->width + 2;
    }
}

static void draw_titles(struct canvas *canvas, const struct table *table)
{
    if (!next_line(canvas))
        return;
    for (size_t i = 0; i < table->count; i++) {
        const struct column *column = &table->columns[i];
        if (column->right)
            put_right(canvas, column, DIM, column->title);
        else {
            move_to(canvas, column->at);
            put(canvas, DIM, sky_span_from_string(column->title), column->width);
        }
    }
}

static void draw_row(struct canvas *canvas, const struct table *table, const struct row *row)
{
    if (!next_line(canvas))
        return;
    for (size_t i = 0; i < table->count; i++)
        table->columns[i].draw(canvas, row, &table->columns[i]);
}

static uint32_t rows_left(const struct canvas *canvas)
{
    uint32_t used = canvas->line + FOOT_LINES;
    return canvas->style->rows > used ? canvas->style->rows - used : 0;
}

static void draw_trends(struct canvas *canvas, const struct sky_board_view *view)
{
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    struct table table;
    lay_out(&table, trend_columns, TREND_COLUMNS, canvas->style->columns);
    draw_titles(canvas, &table);
    uint32_t left = rows_left(canvas);
    for (uint32_t i = 0; i < snapshot->trends_count && i < left; i++) {
        const struct sky_trend_alert *trend = &snapshot->trends[i];
        draw_row(canvas, &table,
                 &(struct row){.view = view,
                               .trend = trend,
                               .keyword = trend->keyword,
                               .language = trend->language,
                               .authors = trend->unique_authors,
                               .previous_rank = view->previous_ranks[i],
                               .confidence = view->peak_confidences[i]});
    }
}

static void draw_top(struct canvas *canvas, const struct sky_board_view *view)
{
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    struct table table;
    lay_out(&table, top_columns, TOP_COLUMNS, canvas->style->columns);
    draw_titles(canvas, &table);
    uint32_t left = rows_left(canvas);
    for (uint32_t i = 0; i < snapshot->top_keywords_count && i < left; i++) {
        const struct sky_top_keyword *top = &snapshot->top_keywords[i];
        draw_row(canvas, &table,
                 &(struct row){.view = view,
                               .top = top,
                               .keyword = top->keyword,
                               .language = top->language,
                               .authors = top->unique_authors});
    }
}

/* Around the table */

static void draw_state(struct canvas *canvas, const struct sky_board_status *status)
{
    char clock[CELL_SIZE];
    print(canvas, PLAIN, "  ");
    put_foreign(canvas, PLAIN, sky_span_from_string(status->source), 48);
    format_clock(status->stalled_since_ms, clock);
    switch (status->connection) {
    case SKY_BOARD_CONNECTING: print(canvas, YELLOW, "  connecting"); break;
    case SKY_BOARD_CONNECTED: break;
    case SKY_BOARD_STALLED: print(canvas, RED, "  stalled since %s UTC: no posts arrive", clock); break;
    case SKY_BOARD_DISCONNECTED: print(canvas, RED, "  connection lost, trying again"); break;
    }
}

static void draw_head(struct canvas *canvas, const struct sky_board_view *view)
{
    const struct sky_board_status *status = view->status;
    char clock[CELL_SIZE];
    if (!next_line(canvas))
        return;
    print(canvas, BOLD, "Skytrend");
    if (status->simulated) {
        print(canvas, PLAIN, "  ");
        print(canvas, BANNER, " SIMULATED ");
    }
    draw_state(canvas, status);
    if (!next_line(canvas))
        return;
    format_clock(status->event_time_ms, clock);
    print(canvas, DIM, "%.0f posts/min", status->posts_per_minute);
    if (view->snapshot)
        print(canvas, DIM, "  %llu authors in 10 min", (unsigned long long)view->snapshot->active_authors);
    if (status->event_time_ms)
        print(canvas, DIM, "  %s UTC%s", clock, status->simulated ? " simulated" : "");
    if (status->event_time_ms && is_live(status))
        print(canvas, DIM, "  %.1f s behind", (double)status->lag_ms / 1000);
    else if (status->event_time_ms)
        print(canvas, DIM, "  replaying");
    next_line(canvas);
}

/* Why there is no connection, and when the next attempt is due. */
static void draw_problem(struct canvas *canvas, const struct sky_board_status *status)
{
    char due[CELL_SIZE] = "";
    if (!*status->problem || !next_line(canvas))
        return;
    if (status->retry_ms > 0)
        snprintf(due, sizeof due, "  next attempt in %lld s", (long long)((status->retry_ms + 999) / 1000));
    uint32_t due_width = (uint32_t)strlen(due), columns = canvas->style->columns;
    put_foreign(canvas, RED, sky_span_from_string(status->problem), columns > due_width ? columns - due_width : 0);
    print(canvas, DIM, "%s", due);
    next_line(canvas);
}

static void draw_warm_up(struct canvas *canvas, const struct sky_board_status *status)
{
    uint32_t left = status->warm_up_minutes_left;
    if (!next_line(canvas))
        return;
    print(canvas, YELLOW, "Learning what is usual: first trends in %u min", left);
    if (status->speed > 1)
        print(canvas, YELLOW, " of simulated time, %.0f s here", (double)left * 60 / status->speed);
    if (!next_line(canvas))
        return;
    print(canvas, DIM, "Until then the most mentioned words, by plain count. They are not trends.");
    next_line(canvas);
}

static void draw_body(struct canvas *canvas, const struct sky_board_view *view)
{
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    if (!snapshot) {
        if (next_line(canvas))
            print(canvas, DIM, "Waiting for the first posts.");
        return;
    }
    if (snapshot->warming_up) {
        draw_warm_up(canvas, view->status);
        draw_top(canvas, view);
        return;
    }
    if (snapshot->trends_count) {
        draw_trends(canvas, view);
        return;
    }
    if (next_line(canvas))
        print(canvas, PLAIN, "Nothing is above its usual level now.");
    next_line(canvas);
    draw_top(canvas, view);
}

static void draw_foot(struct canvas *canvas)
{
    if (!canvas->style->url)
        return;
    while (canvas->line + 1 < canvas->style->rows)
        next_line(canvas);
    if (next_line(canvas)) {
        print(canvas, DIM, "Page  ");
        print(canvas, PLAIN, "%s", canvas->style->url);
        print(canvas, DIM, "   Ctrl-C ends");
    }
}

void sky_terminal_view_table(const struct sky_board_view *view, const struct sky_terminal_style *style,
                             struct sky_buffer *frame)
{
    struct canvas canvas = {.style = style, .frame = frame};
    draw_head(&canvas, view);
    draw_problem(&canvas, view->status);
    draw_body(&canvas, view);
    draw_foot(&canvas);
}

/* One line */

static void put_word(struct sky_buffer *line, struct sky_span keyword, struct sky_span language)
{
    sky_buffer_put_string(line, " | ");
    sky_buffer_put_printable(line, keyword);
    sky_buffer_put_string(line, " [");
    sky_buffer_put_printable(line, language);
    sky_buffer_put_string(line, "]");
}

void sky_terminal_view_line(const struct sky_board_view *view, struct sky_buffer *line)
{
    const struct sky_trend_snapshot *snapshot = view->snapshot;
    const struct sky_board_status *status = view->status;
    char time[SKY_TIME_TEXT_SIZE], times[CELL_SIZE];
    if (!snapshot)
        return;
    sky_time_format(snapshot->window_end_ms, time);
    sky_buffer_printf(line, "%.19sZ %s posts/min=%.0f authors=%llu", time,
                      status->simulated ? "simulated"
                      : is_live(status) ? "live"
                                        : "replaying",
                      status->posts_per_minute, (unsigned long long)snapshot->active_authors);
    if (is_live(status))
        sky_buffer_printf(line, " behind=%.1fs", (double)status->lag_ms / 1000);
    if (status->connection != SKY_BOARD_CONNECTED)
        sky_buffer_printf(line, " connection=%s", sky_board_connection_name(status->connection));
    if (snapshot->warming_up)
        sky_buffer_printf(line, " warming-up=%umin most-mentioned", status->warm_up_minutes_left);
    else
        sky_buffer_printf(line, " trends=%u", snapshot->trends_count);
    for (uint32_t i = 0; snapshot->warming_up && i < snapshot->top_keywords_count && i < SKY_TERMINAL_LINE_WORDS; i++) {
        put_word(line, snapshot->top_keywords[i].keyword, snapshot->top_keywords[i].language);
        sky_buffer_printf(line, " %u", snapshot->top_keywords[i].count);
    }
    for (uint32_t i = 0; !snapshot->warming_up && i < snapshot->trends_count && i < SKY_TERMINAL_LINE_WORDS; i++) {
        const struct sky_trend_alert *trend = &snapshot->trends[i];
        format_times(trend->growth_rate, times);
        put_word(line, trend->keyword, trend->language);
        sky_buffer_printf(line, " %s %u authors", times, trend->unique_authors);
    }
    sky_buffer_put_u8(line, '\n');
}
