/* hashtag.h: the hashtags of one post, collected from its facets, its tags and its text, each once.
 *
 * Spec     lexicons app.bsky.richtext.facet#tag, app.bsky.feed.post#tags; the bare "#word" as Bluesky's own clients
 *          find it (@atproto/api, rich-text/detection)
 * Memory   the list is the caller's; tags borrow what they are found in.
 * "Each once" compares without regard to ASCII case; stages that normalise further fold further. */
#ifndef SKY_EVENT_HASHTAG_H
#define SKY_EVENT_HASHTAG_H

#include "event/post.h"

struct sky_hashtag_list {
    struct sky_span *tags; /* room for SKY_POST_HASHTAGS_MAX */
    uint32_t count;
};

/* One tag, with or without a '#' or U+FF03 before it; dropped when empty, over SKY_POST_HASHTAG_BYTES_MAX, already
 * there, or when the list is full. */
void sky_hashtag_add(struct sky_hashtag_list *list, struct sky_span tag);

/* Every #word of `text` (valid UTF-8): at the start or behind white space, up to white space, without punctuation at
 * its end, and with something in it that is neither digit nor punctuation. */
void sky_hashtag_add_from_text(struct sky_hashtag_list *list, struct sky_span text);

#endif
