/* post_store.h: the posts of the live window, for showing samples of them; and whose may not be shown.
 *
 * A post stays for `keep_minutes` after its minute. Deletes hide it, updates replace its text, an inactive account
 * hides all posts of its author until it is active again (or HIDDEN_MINUTES passed: no sample is that old). None of
 * this touches a count.
 *
 * Memory   owns copies of uri and text, one run of bytes a minute, freed as a whole.
 * Threads  one owner. */
#ifndef SKY_ENGINE_POST_STORE_H
#define SKY_ENGINE_POST_STORE_H

#include "base/buffer.h"
#include "event/post.h"

/* Ours: the longest an inactive account is remembered, and how many; the oldest go first. */
#define SKY_HIDDEN_MINUTES     (12 * 60)
#define SKY_HIDDEN_AUTHORS_MAX 65536

/* Ours: texts of one minute, some 80 times what the network writes; one commit may name one text 200 times. What comes
 * behind that counts as ever, and is not shown. */
#define SKY_MINUTE_TEXT_BYTES_MAX ((size_t)32 << 20)

struct sky_stored_post {
    uint64_t id;        /* sky_hash_id of the uri */
    uint64_t author_id; /* sky_hash_id of the DID */
    uint64_t rev_id;    /* sky_hash_id of the rev the post came with */
    int64_t created_at_ms;
    uint32_t uri_offset; /* into the minute's bytes */
    uint32_t uri_len;
    uint32_t text_offset;
    uint32_t text_len;
    bool deleted;
    bool unquoted;    /* the author asked not to be shown to people who are not logged in */
    bool told_hidden; /* what sky_post_store_next_change said last */
};

/* The author asked not to be shown to people who are not logged in: label !no-unauthenticated. */
bool sky_post_is_unquoted(const struct sky_post *post);

struct sky_post_store;

/* NULL when there is no memory. `slot_key` as in hash.h. */
struct sky_post_store *sky_post_store_new(uint32_t keep_minutes, uint64_t slot_key);
void sky_post_store_free(struct sky_post_store *store);

/* Forget the posts of minutes before `minute` - keep_minutes + 1. Minutes are event time / 60,000 and never go back. */
void sky_post_store_advance(struct sky_post_store *store, int64_t minute);

/* A create of the current minute. SKY_E_DUPLICATE: the same uri and rev are there already (a repeat), nothing done.
 */
SKY_MUST_USE enum sky_status sky_post_store_add(struct sky_post_store *store, const struct sky_post *post);
SKY_MUST_USE enum sky_status sky_post_store_update(struct sky_post_store *store, const struct sky_post *post);
void sky_post_store_delete(struct sky_post_store *store, const struct sky_post *post);
SKY_MUST_USE enum sky_status sky_post_store_account(struct sky_post_store *store, const struct sky_post *post);

/* What may be shown of the post with that id; false when it is unknown or hidden. Borrows the store. */
struct sky_shown_post {
    struct sky_span uri;
    struct sky_span author_did;
    struct sky_span text; /* empty when it must not be quoted */
    uint64_t author_id;
    int64_t created_at_ms;
};
bool sky_post_store_show(const struct sky_post_store *store, uint64_t id, struct sky_shown_post *shown);

/* A post whether it may be shown or not; false when it is unknown. Borrows the store. */
struct sky_known_post {
    struct sky_span text;
    bool told_hidden; /* by sky_post_store_next_change, of this post or of an older one of the same uri */
};
bool sky_post_store_find(const struct sky_post_store *store, uint64_t id, struct sky_known_post *known);

/* Each post that may be shown now and could not when this was asked last, or the other way round; a new one counts as
 * visible before. Start with *cursor = 0; false at the end. Borrows the store. */
struct sky_visibility_change {
    uint64_t id;
    struct sky_span text; /* as of sky_post_store_find */
    bool visible;
};
bool sky_post_store_next_change(struct sky_post_store *store, uint64_t *cursor, struct sky_visibility_change *change);

void sky_post_store_save(const struct sky_post_store *store, struct sky_buffer *buffer);
void sky_post_store_load(struct sky_post_store *store, struct sky_reader *reader); /* into a new store; sticky errors */

#endif
