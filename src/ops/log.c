#include "ops/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/time.h"
#include "base/utf8.h"
#include "io/host/clock.h"
#include "ops/config.h"
#include "ops/log_rate.h"
#include "wire/json_write.h"

#define SAID_SIZE 8192 /* of a sentence: paths may be in it */

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Guards all below: lines are rare, and written whole. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct sky_log_options current;
static bool configured;
static atomic_int shown_level = SKY_LOG_INFO; /* that of `current`, to be read without the mutex */
static struct {
    const char *event;
    struct sky_log_rate rate;
} events[SKY_LOG_EVENTS_MAX];
static size_t events_count;
static uint64_t lines_written;
static uint64_t lines_suppressed;

/* Controls, and what reorders or hides the text around it: Unicode's bidirectional controls, zero-width characters,
 * line separators, tags and private use. */
static bool is_hostile(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
           (c >= 0xe000 && c <= 0xf8ff) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || c >= 0xe0000;
}

/* `value` with what is hostile replaced by <U+XXXX>, never cut inside a character. */
static void put_value(struct sky_buffer *to, struct sky_span value)
{
    size_t offset = 0;
    while (offset < value.len) {
        struct sky_span rest = sky_span_from(value, offset);
        size_t valid = sky_utf8_valid_prefix(rest.len > 8 ? sky_span_of(rest.ptr, 8) : rest);
        uint8_t bytes[4];
        uint32_t c = 0xfffd;
        size_t next = offset + 1;
        if (valid > 0) {
            next = offset;
            c = sky_utf8_next(value, &next);
        }
        if (to->len > SKY_LOG_VALUE_BYTES_MAX) {
            sky_buffer_put_string(to, "...");
            return;
        }
        if (is_hostile(c))
            sky_buffer_printf(to, "<U+%04X>", c);
        else
            sky_buffer_put(to, bytes, sky_utf8_put(c, bytes));
        offset = next;
    }
}

static void put_json(const struct sky_log_field *fields, struct sky_json_writer *json, struct sky_buffer *scratch)
{
    for (const struct sky_log_field *field = fields; field->name; field++) {
        sky_json_key(json, field->name);
        switch (field->type) {
        case SKY_LOG_FIELD_INT: sky_json_int(json, field->integer); break;
        case SKY_LOG_FIELD_DOUBLE: sky_json_double(json, field->number); break;
        case SKY_LOG_FIELD_SPAN:
            scratch->len = 0;
            put_value(scratch, field->span);
            sky_json_span(json, sky_buffer_span(scratch));
            break;
        }
    }
}

/* A value of several words is quoted, so that where a field ends is plain. */
static void put_text(const struct sky_log_field *field, struct sky_buffer *line, struct sky_buffer *scratch)
{
    sky_buffer_printf(line, " %s=", field->name);
    if (field->type == SKY_LOG_FIELD_INT)
        sky_buffer_printf(line, "%lld", (long long)field->integer);
    else if (field->type == SKY_LOG_FIELD_DOUBLE)
        sky_buffer_printf(line, "%.6g", field->number);
    else {
        scratch->len = 0;
        put_value(scratch, field->span);
        bool quote =
            scratch->len == 0 || memchr(scratch->ptr, ' ', scratch->len) || memchr(scratch->ptr, '"', scratch->len);
        sky_buffer_put_string(line, quote ? "\"" : "");
        for (size_t i = 0; i < scratch->len; i++) {
            if (scratch->ptr[i] == '"' || scratch->ptr[i] == '\\')
                sky_buffer_put_u8(line, '\\');
            sky_buffer_put_u8(line, scratch->ptr[i]);
        }
        sky_buffer_put_string(line, quote ? "\"" : "");
    }
}

static void format_text(const struct sky_log_options *options, const char *time, enum sky_log_level level,
                        const char *event, struct sky_buffer *line)
{
    static const char *const names[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
    static const char *const colours[] = {"\x1b[2m", "\x1b[36m", "\x1b[33m", "\x1b[31;1m"};
    if (options->colours)
        sky_buffer_printf(line, "\x1b[2m%.12s\x1b[0m %s%s\x1b[0m %s", time + 11, colours[level], names[level], event);
    else
        sky_buffer_printf(line, "%.12s %s %s", time + 11, names[level], event);
}

void sky_log_format(const struct sky_log_options *options, int64_t time_ms, enum sky_log_level level, const char *event,
                    const struct sky_log_field *fields, struct sky_buffer *line)
{
    struct sky_buffer scratch = {0};
    if (options->json) {
        struct sky_json_writer json;
        sky_json_begin(&json, line);
        sky_json_object(&json);
        sky_json_key(&json, "time");
        sky_json_time(&json, time_ms);
        sky_json_key(&json, "level");
        sky_json_string(&json, level_names[level]);
        sky_json_key(&json, "event");
        sky_json_string(&json, event);
        put_json(fields, &json, &scratch);
        sky_json_end(&json);
    } else {
        char time[SKY_TIME_TEXT_SIZE];
        sky_time_format(time_ms, time);
        format_text(options, time, level, event, line);
        for (const struct sky_log_field *field = fields; field->name; field++)
            put_text(field, line, &scratch);
    }
    sky_buffer_put_u8(line, '\n');
    sky_buffer_clean_up(&scratch);
}

void sky_log_options_for_terminal(int format, struct sky_log_options *options)
{
    bool terminal = isatty(STDERR_FILENO);
    const char *no_color = getenv("NO_COLOR"); /* no-color.org */
    options->json = format == SKY_LOG_JSON || (format == SKY_LOG_AUTO && !terminal);
    options->colours = terminal && !(no_color && *no_color);
}

void sky_log_configure(const struct sky_log_options *options)
{
    pthread_mutex_lock(&mutex);
    current = *options;
    atomic_store(&shown_level, (int)options->level);
    configured = true;
    pthread_mutex_unlock(&mutex);
}

/* With the mutex held. */
static struct sky_log_rate *rate_of(const char *event)
{
    for (size_t i = 0; i < events_count; i++)
        if (strcmp(events[i].event, event) == 0)
            return &events[i].rate;
    if (events_count < SKY_LOG_EVENTS_MAX)
        events[events_count++].event = event; /* a constant */
    return &events[events_count - 1].rate;
}

/* With the mutex held. */
static void configure_first(void)
{
    if (configured)
        return;
    current.level = SKY_LOG_INFO;
    sky_log_options_for_terminal(SKY_LOG_AUTO, &current);
    configured = true;
}

/* With the mutex held: may this line be shown? */
static bool admit(enum sky_log_level level, const char *event, uint64_t *suppressed)
{
    *suppressed = 0;
    configure_first();
    if (level < current.level)
        return false;
    bool is_always = level == SKY_LOG_ERROR || level == SKY_LOG_DEBUG;
    bool shown = is_always || sky_log_rate_take(rate_of(event), sky_clock_monotonic_ms(), suppressed);
    if (shown)
        lines_written++;
    else
        lines_suppressed++;
    return shown;
}

static void append_suppressed(const struct sky_log_options *options, uint64_t suppressed, struct sky_buffer *line)
{
    if (!suppressed || line->failed)
        return;
    line->len -= options->json ? 2 : 1; /* before the brace and the newline */
    sky_buffer_printf(line, options->json ? ",\"suppressed\":%llu}\n" : " suppressed=%llu\n",
                      (unsigned long long)suppressed);
}

bool sky_log_shows(enum sky_log_level level)
{
    return (int)level >= atomic_load_explicit(&shown_level, memory_order_relaxed);
}

/* One write a line: lines of several threads and processes do not mix. */
static void write_line(const struct sky_buffer *line)
{
    ssize_t written = line->failed ? 0 : write(STDERR_FILENO, line->ptr, line->len);
    (void)written; /* there is nowhere to say so */
}

void sky_log_fields(enum sky_log_level level, const char *event, const struct sky_log_field *fields)
{
    uint64_t suppressed;
    pthread_mutex_lock(&mutex);
    bool shown = admit(level, event, &suppressed);
    struct sky_log_options options = current;
    pthread_mutex_unlock(&mutex);
    if (!shown)
        return;
    struct sky_buffer line = {0};
    sky_log_format(&options, sky_clock_wall_ms(), level, event, fields, &line);
    append_suppressed(&options, suppressed, &line);
    write_line(&line);
    sky_buffer_clean_up(&line);
}

void sky_log_say(enum sky_log_level level, const char *event, const char *format, ...)
{
    char text[SAID_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&mutex);
    configure_first();
    struct sky_log_options options = current;
    lines_written += options.json;
    pthread_mutex_unlock(&mutex);
    struct sky_buffer line = {0};
    const struct sky_log_field fields[] = {SKY_LOG_TEXT("text", text), {.name = NULL}};
    if (options.json) {
        sky_log_format(&options, sky_clock_wall_ms(), level, event, fields, &line);
    } else {
        sky_buffer_put_printable(&line, sky_span_from_string(text));
        sky_buffer_put_u8(&line, '\n');
    }
    write_line(&line);
    sky_buffer_clean_up(&line);
}

void sky_log_counts(uint64_t *written, uint64_t *suppressed)
{
    pthread_mutex_lock(&mutex);
    *written = lines_written;
    *suppressed = lines_suppressed;
    pthread_mutex_unlock(&mutex);
}
