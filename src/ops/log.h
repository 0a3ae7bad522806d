/* log.h: what happened, for people and for machines: one line each on standard error.
 *
 *     sky_log(SKY_LOG_WARN, "frame_dropped",
 *             SKY_LOG_TEXT("reason", "record_utf8"), SKY_LOG_INT("seq", seq), SKY_LOG_SPAN("uri", uri));
 *
 *     {"time":"2026-07-04T14:38:08.999Z","level":"warn","event":"frame_dropped","reason":"record_utf8","seq":17,...}
 *     14:38:08.999 WARN  frame_dropped reason=record_utf8 seq=17 ...             (on a terminal, with colours)
 *
 * An event is a constant word that one can search for; what varies stands in fields. `seq` and `uri` follow one event
 * of the network through every line about it. The same event is shown SKY_LOG_BURST times at once and then
 * SKY_LOG_PER_MINUTE times a minute; its next line says how many were left out (`suppressed`). Errors are always shown,
 * and so is debug: who asks for it wants to follow one event among all.
 *
 * Threads  any. Process-wide by nature.
 * Trust    text from the network is hostile to eyes too: controls, bidirectional and invisible characters are written
 *          as <U+202E>, bytes that are not UTF-8 as U+FFFD, and a value is cut at SKY_LOG_VALUE_BYTES_MAX. */
#ifndef SKY_OPS_LOG_H
#define SKY_OPS_LOG_H

#include "base/buffer.h"

#define SKY_LOG_VALUE_BYTES_MAX 512
#define SKY_LOG_EVENTS_MAX      64 /* whose rate is kept; others share one */
#define SKY_LOG_BURST           20
#define SKY_LOG_PER_MINUTE      6

enum sky_log_level { SKY_LOG_DEBUG, SKY_LOG_INFO, SKY_LOG_WARN, SKY_LOG_ERROR }; /* as log.level lists them */

struct sky_log_field {
    const char *name; /* NULL ends the fields */
    enum { SKY_LOG_FIELD_INT, SKY_LOG_FIELD_DOUBLE, SKY_LOG_FIELD_SPAN } type;
    int64_t integer;
    double number;
    struct sky_span span;
};

#define SKY_LOG_INT(key, value)                                                                                        \
    ((struct sky_log_field){.name = (key), .type = SKY_LOG_FIELD_INT, .integer = (int64_t)(value)})
#define SKY_LOG_DOUBLE(key, value)                                                                                     \
    ((struct sky_log_field){.name = (key), .type = SKY_LOG_FIELD_DOUBLE, .number = (value)})
#define SKY_LOG_SPAN(key, value) ((struct sky_log_field){.name = (key), .type = SKY_LOG_FIELD_SPAN, .span = (value)})
#define SKY_LOG_TEXT(key, value) SKY_LOG_SPAN(key, sky_span_from_string(value))

/* With at least one field. */
#define sky_log(level, event, ...)                                                                                     \
    sky_log_fields((level), (event), (const struct sky_log_field[]){__VA_ARGS__, {.name = NULL}})

/* Would a line of that level be shown, but for its rate? Cheap: for what is not worth its fields when nobody looks. */
bool sky_log_shows(enum sky_log_level level);

void sky_log_fields(enum sky_log_level level, const char *event, const struct sky_log_field *fields);

/* A sentence to whoever started the program: where its page is, why it ends. It stands there by itself, whatever the
 * level; in a log of JSON lines it is the field `text` of one. */
void sky_log_say(enum sky_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What is shown, and how; before the first thread. Without it: info and above, JSON unless standard error is a
 * terminal. */
struct sky_log_options {
    enum sky_log_level level;
    bool json;
    bool colours; /* of text */
};
void sky_log_configure(const struct sky_log_options *options);

/* JSON or text (enum sky_log_format_setting of config.h) for this standard error: colours on a terminal, unless
 * NO_COLOR is set. */
void sky_log_options_for_terminal(int format, struct sky_log_options *options);

/* One line, newline included, as sky_log would write it: for tests. */
void sky_log_format(const struct sky_log_options *options, int64_t time_ms, enum sky_log_level level, const char *event,
                    const struct sky_log_field *fields, struct sky_buffer *line);

/* Lines let through and lines left out, for metrics. */
void sky_log_counts(uint64_t *written, uint64_t *suppressed);

#endif
