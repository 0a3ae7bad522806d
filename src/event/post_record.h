/* post_record.h: a record of the lexicon app.bsky.feed.post into struct sky_post.
 *
 * Memory   arrays and folded strings are in `arena`, everything else borrows the record.
 * Trust    input is hostile; work is O(bytes) times the limits of post.h.
 *
 * Only a missing or over-long text rejects a post. Any other field that is not what the lexicon says is as if absent.
 */
#ifndef SKY_EVENT_POST_RECORD_H
#define SKY_EVENT_POST_RECORD_H

#include "base/arena.h"
#include "event/post.h"

#define SKY_POST_COLLECTION "app.bsky.feed.post"

/* `post` is zeroed. Sets text, language, reply_to, created_at (has_created_at false: left for the caller), langs,
 * mentions, hashtags, labels and links; leaves the rest. The record's CBOR is checked strictly to its end. SKY_E_TYPE
 * $type is not app.bsky.feed.post SKY_E_MISSING  no text SKY_E_LIMIT    text over SKY_POST_TEXT_BYTES_MAX SKY_E_MEMORY
 * the arena others         not strict DAG-CBOR */
SKY_MUST_USE enum sky_status sky_post_record_decode(struct sky_span record, struct sky_arena *arena,
                                                    struct sky_post *post, struct sky_error *error);

/* What `language` is for these tags before a detector has spoken: the lower-case primary subtag of the first, empty for
 * und, mul and none. ptr is NULL only when the arena has no memory. */
struct sky_span sky_post_primary_language(const struct sky_span *langs, uint32_t count, struct sky_arena *arena);

#endif
