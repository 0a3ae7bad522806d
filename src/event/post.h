/* post.h: one event of the stream of posts, as every later stage sees it (PostData in docs/RECORDS.md).
 *
 * Memory   every span and array borrows: from the decoded input or from the arena given to the decoder, and dies
 *          with the shorter-lived of the two.
 * Optional fields are empty spans when absent; an empty `text` is a text. */
#ifndef SKY_EVENT_POST_H
#define SKY_EVENT_POST_H

#include "base/span.h"

/* Limits of ours on one post. */
#define SKY_POST_TEXT_BYTES_MAX     3000 /* app.bsky.feed.post: text maxLength */
#define SKY_POST_LANGS_MAX          3    /* app.bsky.feed.post: langs maxLength */
#define SKY_POST_TAGS_MAX           8    /* app.bsky.feed.post: tags maxLength */
#define SKY_POST_FACETS_MAX         100  /* ours */
#define SKY_POST_FACET_FEATURES_MAX 8    /* ours */
#define SKY_POST_HASHTAG_BYTES_MAX  640  /* app.bsky.richtext.facet#tag: tag maxLength */
#define SKY_POST_HASHTAGS_MAX       128  /* ours: of facets, tags and text together */
#define SKY_POST_LABELS_MAX         10   /* com.atproto.label.defs#selfLabels: values maxLength */

enum sky_post_op {
    SKY_POST_CREATE,
    SKY_POST_UPDATE,
    SKY_POST_DELETE,   /* no text */
    SKY_POST_ACCOUNT,  /* author_did, active, status: an account was (de)activated or taken down */
    SKY_POST_WATERMARK /* event_time only: nothing older follows */
};

struct sky_post {
    enum sky_post_op op;
    bool active;            /* op account */
    bool time_forged;       /* observed_at is receipt + m, not the frame's claim */
    bool language_detected; /* `language` was decided by the detector or by the ingest, not copied from langs */
    bool late;              /* what it came in had told that nothing of its minute follows: it does not count */
    bool has_created_at;    /* false: created_at_ms was missing or invalid and is observed_at */

    struct sky_span uri; /* at://DID/app.bsky.feed.post/RKEY */
    struct sky_span author_did;
    struct sky_span rkey; /* inside `uri` */
    struct sky_span text;
    struct sky_span language; /* lower-case primary subtag, or empty */
    struct sky_span reply_to; /* at-uri of the parent, or empty */
    struct sky_span rev;
    struct sky_span cid;    /* base32 text form, empty for a delete */
    struct sky_span relay;  /* host the event came from, or empty */
    struct sky_span status; /* op account: takendown, suspended, deleted, deactivated, ..., or empty */

    int64_t created_at_ms;  /* the author's claim: stored, never used as time */
    int64_t observed_at_ms; /* the frame's time, corrected by the receipt rule */
    int64_t event_time_ms;  /* monotone in stream order */
    int64_t seq;

    const struct sky_span *langs; /* first valid BCP 47 tags, verbatim */
    const struct sky_span *mentions;
    const struct sky_span *hashtags; /* without '#', as written, deduplicated */
    const struct sky_span *labels;
    const struct sky_span *links; /* URIs of link facets; not part of PostData */
    uint32_t langs_count;
    uint32_t mentions_count;
    uint32_t hashtags_count;
    uint32_t labels_count;
    uint32_t links_count;
};

#endif
