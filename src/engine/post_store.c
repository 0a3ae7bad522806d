#include "engine/post_store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/sorted.h"

/* One minute's posts: entries in order of arrival, their uris and texts behind each other in `bytes`. */
struct minute {
    int64_t minute; /* event time / 60,000; INT64_MIN while unused */
    struct sky_buffer bytes;
    size_t text_bytes; /* of them */
    struct sky_stored_post *posts;
    uint32_t count;
    uint32_t capacity;
};

struct slot {
    uint64_t id;
    uint32_t minute; /* index of the ring */
    uint32_t post;   /* index in that minute + 1; 0 is a free slot */
};

struct hidden_author {
    uint64_t author_id; /* first: sky_lower_bound */
    int64_t since_minute;
};

struct sky_post_store {
    uint32_t keep_minutes;
    uint64_t slot_key;
    int64_t now_minute;  /* INT64_MIN before the first advance */
    struct minute *ring; /* keep_minutes of them, by minute mod keep_minutes */
    struct slot *slots;  /* open addressing, linear probing */
    size_t slots_size;   /* a power of two */
    size_t count;
    struct hidden_author *hidden; /* by author_id */
    size_t hidden_count;
    size_t hidden_capacity;
};

#define SLOTS_MIN 1024

struct sky_post_store *sky_post_store_new(uint32_t keep_minutes, uint64_t slot_key)
{
    struct sky_post_store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->keep_minutes = keep_minutes;
    store->slot_key = slot_key;
    store->now_minute = INT64_MIN;
    store->ring = calloc(keep_minutes, sizeof *store->ring);
    store->slots = calloc(SLOTS_MIN, sizeof *store->slots);
    store->slots_size = SLOTS_MIN;
    if (!store->ring || !store->slots) {
        sky_post_store_free(store);
        return NULL;
    }
    for (uint32_t i = 0; i < keep_minutes; i++)
        store->ring[i].minute = INT64_MIN;
    return store;
}

void sky_post_store_free(struct sky_post_store *store)
{
    if (!store)
        return;
    for (uint32_t i = 0; store->ring && i < store->keep_minutes; i++) {
        sky_buffer_clean_up(&store->ring[i].bytes);
        free(store->ring[i].posts);
    }
    free(store->ring);
    free(store->slots);
    free(store->hidden);
    free(store);
}

static size_t home_of(const struct sky_post_store *store, uint64_t id)
{
    return sky_hash_slot(id, store->slot_key) & (store->slots_size - 1);
}

/* The slot that holds `id`, or the free one where it would go. */
static struct slot *find_slot(const struct sky_post_store *store, uint64_t id)
{
    size_t at = home_of(store, id);
    while (store->slots[at].post && store->slots[at].id != id)
        at = (at + 1) & (store->slots_size - 1);
    return &store->slots[at];
}

static struct sky_stored_post *find_post(const struct sky_post_store *store, uint64_t id, struct minute **minute)
{
    struct slot *slot = find_slot(store, id);
    if (!slot->post)
        return NULL;
    *minute = &store->ring[slot->minute];
    return &(*minute)->posts[slot->post - 1];
}

/* Free a slot of a linear-probing table by moving later members of its run back (Knuth, TAOCP 6.4, algorithm R). */
static void free_slot(struct sky_post_store *store, struct slot *slot)
{
    size_t mask = store->slots_size - 1;
    size_t hole = (size_t)(slot - store->slots);
    size_t at = hole;
    for (;;) {
        at = (at + 1) & mask;
        if (!store->slots[at].post)
            break;
        size_t home = home_of(store, store->slots[at].id);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            store->slots[hole] = store->slots[at];
            hole = at;
        }
    }
    store->slots[hole].post = 0;
    store->count--;
}

static bool grow_slots(struct sky_post_store *store)
{
    if (store->count * 2 < store->slots_size)
        return true;
    struct slot *old = store->slots;
    size_t old_size = store->slots_size;
    struct slot *grown = calloc(old_size * 2, sizeof *grown);
    if (!grown)
        return false;
    store->slots = grown;
    store->slots_size = old_size * 2;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].post)
            *find_slot(store, old[i].id) = old[i];
    free(old);
    return true;
}

static void forget_minute(struct sky_post_store *store, uint32_t index)
{
    struct minute *minute = &store->ring[index];
    for (uint32_t i = 0; i < minute->count; i++) {
        struct slot *slot = find_slot(store, minute->posts[i].id);
        if (slot->post == i + 1 && slot->minute == index) /* not when the uri was created anew since */
            free_slot(store, slot);
    }
    minute->count = 0;
    minute->bytes.len = 0;
    minute->text_bytes = 0;
    minute->minute = INT64_MIN;
}

static uint32_t ring_index(const struct sky_post_store *store, int64_t minute)
{
    assert(store->keep_minutes > 0);
    int64_t rest = minute % (int64_t)store->keep_minutes;
    return (uint32_t)(rest < 0 ? rest + store->keep_minutes : rest);
}

static void forget_hidden(struct sky_post_store *store)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->hidden_count; i++)
        if (store->now_minute - store->hidden[i].since_minute < SKY_HIDDEN_MINUTES)
            store->hidden[kept++] = store->hidden[i];
    store->hidden_count = kept;
}

void sky_post_store_advance(struct sky_post_store *store, int64_t minute)
{
    if (minute <= store->now_minute)
        return;
    store->now_minute = minute;
    for (uint32_t i = 0; i < store->keep_minutes; i++)
        if (store->ring[i].minute != INT64_MIN && store->ring[i].minute <= minute - store->keep_minutes)
            forget_minute(store, i);
    store->ring[ring_index(store, minute)].minute = minute;
    forget_hidden(store);
}

bool sky_post_is_unquoted(const struct sky_post *post)
{
    for (uint32_t i = 0; i < post->labels_count; i++)
        if (sky_span_equal(post->labels[i], SKY_SPAN("!no-unauthenticated")))
            return true;
    return false;
}

static bool append_text(struct minute *minute, struct sky_stored_post *stored, struct sky_span text)
{
    if (minute->text_bytes + text.len > SKY_MINUTE_TEXT_BYTES_MAX) {
        text.len = 0;
        stored->deleted = true;
    }
    if (minute->bytes.len + text.len > UINT32_MAX)
        return false;
    minute->text_bytes += text.len;
    stored->text_offset = (uint32_t)minute->bytes.len;
    stored->text_len = (uint32_t)text.len;
    sky_buffer_put_span(&minute->bytes, text);
    return !minute->bytes.failed;
}

static struct sky_stored_post *append_post(struct minute *minute)
{
    if (minute->count == minute->capacity) {
        uint32_t want = minute->capacity ? minute->capacity * 2 : 64;
        struct sky_stored_post *grown = want > minute->capacity ? realloc(minute->posts, want * sizeof *grown) : NULL;
        if (!grown)
            return NULL;
        minute->posts = grown;
        minute->capacity = want;
    }
    return &minute->posts[minute->count++];
}

/* Enter the last post of `minute` into the table, over an older post with the same uri. */
static void index_post(struct sky_post_store *store, struct minute *minute)
{
    uint64_t id = minute->posts[minute->count - 1].id;
    struct slot *slot = find_slot(store, id);
    store->count += !slot->post;
    *slot = (struct slot){id, (uint32_t)(minute - store->ring), minute->count};
}

enum sky_status sky_post_store_add(struct sky_post_store *store, const struct sky_post *post)
{
    struct minute *minute = NULL;
    uint64_t id = sky_hash_id(post->uri), rev_id = sky_hash_id(post->rev);
    const struct sky_stored_post *known = find_post(store, id, &minute);
    if (known && known->rev_id == rev_id)
        return SKY_E_DUPLICATE;
    bool known_hidden = known && known->told_hidden; /* the post may move */
    minute = &store->ring[ring_index(store, store->now_minute)];
    if (!grow_slots(store) || minute->bytes.len + post->uri.len > UINT32_MAX)
        return SKY_E_MEMORY;
    struct sky_stored_post *stored = append_post(minute);
    if (!stored)
        return SKY_E_MEMORY;
    *stored = (struct sky_stored_post){
        .id = id,
        .author_id = sky_hash_id(post->author_did),
        .rev_id = rev_id,
        .created_at_ms = post->created_at_ms,
        .uri_offset = (uint32_t)minute->bytes.len,
        .uri_len = (uint32_t)post->uri.len,
        .unquoted = sky_post_is_unquoted(post),
    };
    sky_buffer_put_span(&minute->bytes, post->uri);
    if (!append_text(minute, stored, post->text))
        return SKY_E_MEMORY;
    stored->told_hidden = known_hidden;
    index_post(store, minute);
    return SKY_OK;
}

enum sky_status sky_post_store_update(struct sky_post_store *store, const struct sky_post *post)
{
    struct minute *minute;
    struct sky_stored_post *stored = find_post(store, sky_hash_id(post->uri), &minute);
    if (!stored)
        return SKY_OK;
    stored->unquoted = sky_post_is_unquoted(post);
    return append_text(minute, stored, post->text) ? SKY_OK : SKY_E_MEMORY;
}

void sky_post_store_delete(struct sky_post_store *store, const struct sky_post *post)
{
    struct minute *minute;
    struct sky_stored_post *stored = find_post(store, sky_hash_id(post->uri), &minute);
    if (stored)
        stored->deleted = true;
}

/* The first hidden author with an id not below `author_id`. */
static size_t hidden_position(const struct sky_post_store *store, uint64_t author_id)
{
    return sky_lower_bound(store->hidden, store->hidden_count, sizeof *store->hidden, author_id);
}

static bool is_hidden(const struct sky_post_store *store, uint64_t author_id)
{
    size_t at = hidden_position(store, author_id);
    return at < store->hidden_count && store->hidden[at].author_id == author_id;
}

static void drop_oldest_hidden(struct sky_post_store *store)
{
    size_t oldest = 0;
    for (size_t i = 1; i < store->hidden_count; i++)
        if (store->hidden[i].since_minute < store->hidden[oldest].since_minute)
            oldest = i;
    store->hidden_count--;
    memmove(&store->hidden[oldest], &store->hidden[oldest + 1], (store->hidden_count - oldest) * sizeof *store->hidden);
}

static enum sky_status hide_author(struct sky_post_store *store, uint64_t author_id)
{
    if (store->hidden_count == SKY_HIDDEN_AUTHORS_MAX)
        drop_oldest_hidden(store);
    if (store->hidden_count == store->hidden_capacity) {
        size_t want = store->hidden_capacity ? store->hidden_capacity * 2 : 64;
        struct hidden_author *grown = realloc(store->hidden, want * sizeof *grown);
        if (!grown)
            return SKY_E_MEMORY;
        store->hidden = grown;
        store->hidden_capacity = want;
    }
    size_t at = hidden_position(store, author_id);
    memmove(&store->hidden[at + 1], &store->hidden[at], (store->hidden_count - at) * sizeof *store->hidden);
    store->hidden[at] = (struct hidden_author){author_id, store->now_minute};
    store->hidden_count++;
    return SKY_OK;
}

enum sky_status sky_post_store_account(struct sky_post_store *store, const struct sky_post *post)
{
    uint64_t author_id = sky_hash_id(post->author_did);
    size_t at = hidden_position(store, author_id);
    bool known = at < store->hidden_count && store->hidden[at].author_id == author_id;
    if (post->active && known) {
        store->hidden_count--;
        memmove(&store->hidden[at], &store->hidden[at + 1], (store->hidden_count - at) * sizeof *store->hidden);
        return SKY_OK;
    }
    /* com.atproto.sync.subscribeRepos#account: these two speak of the host's trouble, not of the author's wish. */
    bool passing =
        sky_span_equal(post->status, SKY_SPAN("throttled")) || sky_span_equal(post->status, SKY_SPAN("desynchronized"));
    if (post->active || passing)
        return SKY_OK;
    if (known) {
        store->hidden[at].since_minute = store->now_minute;
        return SKY_OK;
    }
    return hide_author(store, author_id);
}

/* "at://DID/collection/rkey" -> DID. */
static struct sky_span did_of_uri(struct sky_span uri)
{
    struct sky_span rest = sky_span_from(uri, sizeof "at://" - 1);
    const uint8_t *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    return slash ? sky_span_of(rest.ptr, (size_t)(slash - rest.ptr)) : rest;
}

bool sky_post_store_show(const struct sky_post_store *store, uint64_t id, struct sky_shown_post *shown)
{
    struct minute *minute;
    const struct sky_stored_post *stored = find_post(store, id, &minute);
    if (!stored || stored->deleted || is_hidden(store, stored->author_id))
        return false;
    *shown = (struct sky_shown_post){
        .uri = sky_span_of(minute->bytes.ptr + stored->uri_offset, stored->uri_len),
        .text = sky_span_of(minute->bytes.ptr + stored->text_offset, stored->unquoted ? 0 : stored->text_len),
        .author_id = stored->author_id,
        .created_at_ms = stored->created_at_ms,
    };
    shown->author_did = did_of_uri(shown->uri);
    return true;
}

bool sky_post_store_find(const struct sky_post_store *store, uint64_t id, struct sky_known_post *known)
{
    struct minute *minute;
    const struct sky_stored_post *stored = find_post(store, id, &minute);
    if (!stored)
        return false;
    known->text = sky_span_of(minute->bytes.ptr + stored->text_offset, stored->text_len);
    known->told_hidden = stored->told_hidden;
    return true;
}

bool sky_post_store_next_change(struct sky_post_store *store, uint64_t *cursor, struct sky_visibility_change *change)
{
    uint32_t index = (uint32_t)(*cursor >> 32), number = (uint32_t)*cursor;
    for (; index < store->keep_minutes; index++, number = 0) {
        struct minute *minute = &store->ring[index];
        while (number < minute->count) {
            struct sky_stored_post *post = &minute->posts[number++];
            const struct slot *slot = find_slot(store, post->id);
            bool hidden = post->deleted || is_hidden(store, post->author_id);
            if (hidden == post->told_hidden || slot->minute != index || slot->post != number)
                continue;
            post->told_hidden = hidden;
            *change = (struct sky_visibility_change){
                .id = post->id,
                .text = sky_span_of(minute->bytes.ptr + post->text_offset, post->text_len),
                .visible = !hidden,
            };
            *cursor = (uint64_t)index << 32 | number;
            return true;
        }
    }
    return false;
}

/* One post in a checkpoint: ids and time, lengths and bytes of uri and text, a byte of flags. */
#define SAVED_POST_BYTES_MIN (4 * 8 + 2 * 4 + 1)

static void save_minute(const struct minute *minute, struct sky_buffer *buffer)
{
    sky_buffer_put_i64(buffer, minute->minute);
    sky_buffer_put_u64(buffer, minute->count);
    for (uint32_t i = 0; i < minute->count; i++) {
        const struct sky_stored_post *post = &minute->posts[i];
        sky_buffer_put_u64(buffer, post->author_id);
        sky_buffer_put_u64(buffer, post->rev_id);
        sky_buffer_put_i64(buffer, post->created_at_ms);
        sky_buffer_put_u8(buffer, (uint8_t)(post->deleted | post->unquoted << 1 | post->told_hidden << 2));
        sky_buffer_put_blob(buffer, sky_span_of(minute->bytes.ptr + post->uri_offset, post->uri_len));
        sky_buffer_put_blob(buffer, sky_span_of(minute->bytes.ptr + post->text_offset, post->text_len));
    }
}

void sky_post_store_save(const struct sky_post_store *store, struct sky_buffer *buffer)
{
    sky_buffer_put_i64(buffer, store->now_minute);
    uint32_t used = 0;
    for (uint32_t i = 0; i < store->keep_minutes; i++)
        used += store->ring[i].minute != INT64_MIN;
    sky_buffer_put_u32(buffer, used);
    for (int64_t back = (int64_t)store->keep_minutes - 1; used && back >= 0; back--) {
        const struct minute *minute = &store->ring[ring_index(store, store->now_minute - back)];
        if (minute->minute != INT64_MIN)
            save_minute(minute, buffer);
    }
    sky_buffer_put_u64(buffer, store->hidden_count);
    for (size_t i = 0; i < store->hidden_count; i++) {
        sky_buffer_put_u64(buffer, store->hidden[i].author_id);
        sky_buffer_put_i64(buffer, store->hidden[i].since_minute);
    }
}

static void load_post(struct sky_post_store *store, struct minute *minute, struct sky_reader *reader)
{
    struct sky_stored_post post = {.author_id = sky_reader_u64(reader)};
    post.rev_id = sky_reader_u64(reader);
    post.created_at_ms = sky_reader_i64(reader);
    uint8_t flags = sky_reader_u8(reader);
    struct sky_span uri = sky_reader_blob(reader), text = sky_reader_blob(reader);
    if (!sky_reader_ok(reader))
        return;
    post.id = sky_hash_id(uri);
    post.deleted = flags & 1;
    post.unquoted = flags >> 1 & 1;
    post.told_hidden = flags >> 2 & 1;
    post.uri_offset = (uint32_t)minute->bytes.len;
    post.uri_len = (uint32_t)uri.len;
    sky_buffer_put_span(&minute->bytes, uri);
    struct sky_stored_post *stored = NULL;
    if (!append_text(minute, &post, text) || !grow_slots(store) || !(stored = append_post(minute))) {
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the posts of the window");
        return;
    }
    *stored = post;
    index_post(store, minute);
}

static void load_minutes(struct sky_post_store *store, struct sky_reader *reader)
{
    uint32_t used = sky_reader_u32(reader);
    int64_t previous = INT64_MIN;
    for (uint32_t i = 0; i < used && sky_reader_ok(reader); i++) {
        int64_t minute = sky_reader_i64(reader);
        uint64_t count = sky_reader_count(reader, SAVED_POST_BYTES_MIN);
        bool in_window =
            minute > previous && minute <= store->now_minute && minute > store->now_minute - store->keep_minutes;
        if (!in_window) {
            sky_reader_fail(reader, SKY_E_RANGE, "a minute of posts outside the window");
            return;
        }
        previous = minute;
        struct minute *target = &store->ring[ring_index(store, minute)];
        target->minute = minute;
        for (uint64_t n = 0; n < count && sky_reader_ok(reader); n++)
            load_post(store, target, reader);
    }
}

static void load_hidden(struct sky_post_store *store, struct sky_reader *reader)
{
    uint64_t count = sky_reader_count(reader, 16);
    if (count > SKY_HIDDEN_AUTHORS_MAX)
        sky_reader_fail(reader, SKY_E_LIMIT, "more hidden authors than are kept");
    if (!sky_reader_ok(reader) || count == 0)
        return;
    store->hidden = calloc(count, sizeof *store->hidden);
    if (!store->hidden) {
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the hidden authors");
        return;
    }
    store->hidden_capacity = count;
    for (uint64_t i = 0; i < count; i++) {
        store->hidden[i].author_id = sky_reader_u64(reader);
        store->hidden[i].since_minute = sky_reader_i64(reader);
        if (i && store->hidden[i - 1].author_id >= store->hidden[i].author_id)
            sky_reader_fail(reader, SKY_E_MALFORMED, "hidden authors out of order");
    }
    store->hidden_count = count;
}

void sky_post_store_load(struct sky_post_store *store, struct sky_reader *reader)
{
    store->now_minute = sky_reader_i64(reader);
    int64_t limit = INT64_MAX / SKY_HIDDEN_MINUTES;
    if (store->now_minute != INT64_MIN && (store->now_minute < -limit || store->now_minute > limit))
        sky_reader_fail(reader, SKY_E_RANGE, "a minute outside all time");
    load_minutes(store, reader);
    load_hidden(store, reader);
}
