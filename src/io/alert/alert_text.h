/* alert_text.h: one TrendAlert in the words and marks of those it is sent to.
 *
 * Trust    keyword and posts are text of the network: they are made printable here; a link is built only from a DID and
 *          a record key that are ones. */
#ifndef SKY_IO_ALERT_ALERT_TEXT_H
#define SKY_IO_ALERT_ALERT_TEXT_H

#include "trend/record.h"

#define SKY_ALERT_EVENT_SIZE      48
#define SKY_ALERT_QUOTE_CHARS_MAX 200 /* of a sample post's text */

struct sky_alert_list {
    const struct sky_trend_alert *const *alerts;
    size_t count;
};

/* "776d756af2178f8b-started-1767573540": id, kind and window_end (s since 1970). What happened once has one, however
 * often it is sent. Letters, digits and '-' only. */
void sky_alert_event(const struct sky_trend_alert *alert, char out[SKY_ALERT_EVENT_SIZE]);

/* "#eclipse (en) started: 562 posts by 524 people within 10 min, 49.7 expected; confidence 99 %". One line. */
void sky_alert_put_sentence(struct sky_buffer *buffer, const struct sky_trend_alert *alert);

/* https://bsky.app/profile/DID/post/RKEY; false, and nothing written, when `uri` is not that of a post. */
bool sky_alert_put_link(struct sky_buffer *buffer, struct sky_span uri);

/* The text in one line, cut to SKY_ALERT_QUOTE_CHARS_MAX characters. */
void sky_alert_put_quote(struct sky_buffer *buffer, struct sky_span text);

/* 0 to 99: never quite sure. */
unsigned sky_alert_confidence_percent(const struct sky_trend_alert *alert);

#endif
