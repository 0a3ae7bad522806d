/* event.h: one record of the topic of posts as the decode stage hands it to the post stage: what the text said is found
 * out, and nothing is kept that no later stage needs.
 *
 * Memory   spans of a read event borrow the input. Keywords are read one by one, from `keywords`. */
#ifndef SKY_STAGE_EVENT_H
#define SKY_STAGE_EVENT_H

#include "base/buffer.h"
#include "text/keyword.h"

struct sky_event {
    enum sky_post_op op;
    bool imported; /* create: created_at claims more than an hour before it was seen: not counted */
    bool reply;    /* create */
    bool unquoted; /* create, update: the author asked not to be shown to people who are not logged in */
    bool withheld; /* update: labelled adult or graphic */
    bool active;   /* account */
    int64_t event_time_ms;
    struct sky_span author_did; /* but a watermark's */
    struct sky_span uri;        /* of creates, updates, deletes */
    struct sky_span rev;        /* create */
    struct sky_span text;       /* create, update */
    struct sky_span status;     /* account */
    int64_t created_at_ms;      /* create */
    uint64_t sketch;            /* create */
    uint32_t language;          /* create: index in the order of the options */
    uint32_t keywords_count;    /* create */
    struct sky_span keywords;   /* create: for each u8 kind, u8 length, bytes */
};

/* Append. `list` is the keywords of a create; event->keywords and its count are not read. */
void sky_event_put(struct sky_buffer *buffer, const struct sky_event *event, const struct sky_keyword_list *list);

/* The next event; an error is in the reader. */
void sky_event_get(struct sky_reader *reader, struct sky_event *event);

void sky_keyword_put(struct sky_buffer *buffer, enum sky_keyword_kind kind, struct sky_span normalized);
void sky_keyword_get(struct sky_reader *reader, struct sky_keyword *keyword); /* surface is normalized */

#endif
