#include "io/alert/alert_table.h"

#include <stdio.h>

#include "base/printable.h"
#include "base/time.h"
#include "io/alert/alert_text.h"
#include "text/display_width.h"

#define WIDTH_WHEN     16
#define WIDTH_WHAT     7
#define WIDTH_LANGUAGE 5
#define WIDTH_NUMBERS  29 /* "  POSTS  PEOPLE  TIMES  SURE" and the gap before it */
#define WIDTH_GAPS     6  /* of two each, between the first four */

static uint32_t keyword_width(const struct sky_alert_table_style *style)
{
    uint32_t columns = style->columns < SKY_ALERT_TABLE_COLUMNS_MIN   ? SKY_ALERT_TABLE_COLUMNS_MIN
                       : style->columns > SKY_ALERT_TABLE_COLUMNS_MAX ? SKY_ALERT_TABLE_COLUMNS_MAX
                                                                      : style->columns;
    return columns - WIDTH_WHEN - WIDTH_WHAT - WIDTH_LANGUAGE - WIDTH_NUMBERS - WIDTH_GAPS;
}

/* Text of the network in `width` columns: cut with an ellipsis, or filled up with spaces; then the gap. */
static void put_cell(struct sky_buffer *buffer, struct sky_span text, uint32_t width)
{
    struct sky_buffer clean = {0};
    uint32_t used;
    sky_buffer_put_printable(&clean, text);
    struct sky_span whole = sky_buffer_span(&clean);
    struct sky_span shown = sky_display_prefix(whole, width, &used);
    if (shown.len < whole.len) {
        shown = sky_display_prefix(whole, width - 1, &used);
        sky_buffer_put_span(buffer, shown);
        sky_buffer_put_string(buffer, "\xe2\x80\xa6");
        used++;
    } else {
        sky_buffer_put_span(buffer, shown);
    }
    sky_buffer_printf(buffer, "%*s", (int)(width - used + 2), "");
    buffer->failed |= clean.failed;
    sky_buffer_clean_up(&clean);
}

static void format_times(double growth, char out[16])
{
    double ratio = growth > -1 ? growth + 1 : 0; /* growth is (seen - expected) / expected */
    if (ratio >= 1000)
        snprintf(out, 16, "999x");
    else
        snprintf(out, 16, ratio >= 100 ? "%.0fx" : "%.1fx", ratio);
}

/* ECMA-48 section 8.3.117, of the colours that the user's own theme defines. */
static const char *ink_of(enum sky_trend_kind kind)
{
    return kind == SKY_TREND_STARTED ? "\x1b[1;32m" : kind == SKY_TREND_ENDED ? "\x1b[2m" : "";
}

void sky_alert_table_put_head(struct sky_buffer *buffer, const struct sky_alert_table_style *style)
{
    if (style->colour)
        sky_buffer_put_string(buffer, "\x1b[1m");
    put_cell(buffer, SKY_SPAN("WHEN (UTC)"), WIDTH_WHEN);
    put_cell(buffer, SKY_SPAN("WHAT"), WIDTH_WHAT);
    put_cell(buffer, SKY_SPAN("KEYWORD"), keyword_width(style));
    put_cell(buffer, SKY_SPAN("LANG"), WIDTH_LANGUAGE);
    sky_buffer_printf(buffer, "%6s  %6s  %5s  %4s%s\n", "POSTS", "PEOPLE", "TIMES", "SURE",
                      style->colour ? "\x1b[0m" : "");
}

void sky_alert_table_put_row(struct sky_buffer *buffer, const struct sky_alert_table_style *style,
                             const struct sky_trend_alert *alert)
{
    char when[SKY_TIME_TEXT_SIZE], times[16];
    const char *ink = style->colour ? ink_of(alert->kind) : "";
    struct sky_span language = sky_span_equal(alert->language, SKY_SPAN("*")) ? SKY_SPAN("all") : alert->language;
    sky_time_format(alert->window_end_ms, when);
    when[10] = ' ';
    format_times(alert->growth_rate, times);
    sky_buffer_put_string(buffer, ink);
    put_cell(buffer, sky_span_of(when, WIDTH_WHEN), WIDTH_WHEN);
    put_cell(buffer, sky_span_from_string(sky_trend_kind_name(alert->kind)), WIDTH_WHAT);
    put_cell(buffer, alert->keyword, keyword_width(style));
    put_cell(buffer, language, WIDTH_LANGUAGE);
    sky_buffer_printf(buffer, "%6u  %6u  %5s  %3u%%%s\n", alert->frequency, alert->unique_authors, times,
                      sky_alert_confidence_percent(alert), *ink ? "\x1b[0m" : "");
}
