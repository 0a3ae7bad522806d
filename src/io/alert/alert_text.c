#include "io/alert/alert_text.h"

#include <math.h>
#include <stdio.h>

#include "base/printable.h"
#include "base/time.h"
#include "base/utf8.h"
#include "event/syntax.h"

void sky_alert_event(const struct sky_trend_alert *alert, char out[SKY_ALERT_EVENT_SIZE])
{
    char id[SKY_TREND_ID_TEXT_SIZE];
    sky_trend_id_format(alert->id, id);
    snprintf(out, SKY_ALERT_EVENT_SIZE, "%s-%s-%lld", id, sky_trend_kind_name(alert->kind),
             (long long)(alert->window_end_ms / 1000));
}

unsigned sky_alert_confidence_percent(const struct sky_trend_alert *alert)
{
    double rounded = floor(alert->confidence_score * 100 + 0.5);
    return rounded > 99 ? 99 : rounded > 0 ? (unsigned)rounded : 0;
}

void sky_alert_put_sentence(struct sky_buffer *buffer, const struct sky_trend_alert *alert)
{
    sky_buffer_put_printable(buffer, alert->keyword);
    sky_buffer_put_string(buffer, " (");
    if (sky_span_equal(alert->language, SKY_SPAN("*")))
        sky_buffer_put_string(buffer, "all languages");
    else
        sky_buffer_put_printable(buffer, alert->language);
    sky_buffer_printf(buffer, ") %s: %u posts by %u people within %lld min, %.1f expected; confidence %u %%",
                      alert->kind == SKY_TREND_ONGOING ? "is on" : sky_trend_kind_name(alert->kind), alert->frequency,
                      alert->unique_authors,
                      (long long)((alert->window_end_ms - alert->window_start_ms) / SKY_MINUTE_MS), alert->expected,
                      sky_alert_confidence_percent(alert));
}

bool sky_alert_put_link(struct sky_buffer *buffer, struct sky_span uri)
{
    const struct sky_span middle = SKY_SPAN("/app.bsky.feed.post/");
    if (!sky_span_starts_with(uri, SKY_SPAN("at://")))
        return false;
    struct sky_span did = sky_span_from(uri, 5);
    const uint8_t *slash = did.len ? memchr(did.ptr, '/', did.len) : NULL;
    if (!slash)
        return false;
    struct sky_span rest = sky_span_from(did, (size_t)(slash - did.ptr));
    did.len = (size_t)(slash - did.ptr);
    if (!sky_span_starts_with(rest, middle))
        return false;
    struct sky_span key = sky_span_from(rest, middle.len);
    if (!sky_syntax_is_did(did) || !sky_syntax_is_record_key(key))
        return false;
    sky_buffer_put_string(buffer, "https://bsky.app/profile/");
    sky_buffer_put_span(buffer, did);
    sky_buffer_put_string(buffer, "/post/");
    sky_buffer_put_span(buffer, key);
    return true;
}

void sky_alert_put_quote(struct sky_buffer *buffer, struct sky_span text)
{
    struct sky_buffer clean = {0};
    sky_buffer_put_printable(&clean, text);
    struct sky_span whole = sky_buffer_span(&clean);
    size_t end = 0;
    for (uint32_t i = 0; i < SKY_ALERT_QUOTE_CHARS_MAX && end < whole.len; i++)
        sky_utf8_next(whole, &end);
    sky_buffer_put(buffer, whole.ptr, end);
    if (end < whole.len)
        sky_buffer_put_string(buffer, "\xe2\x80\xa6");
    buffer->failed |= clean.failed;
    sky_buffer_clean_up(&clean);
}
