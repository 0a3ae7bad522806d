#include "event/post_record.h"

#include <stdlib.h>

#include "base/time.h"
#include "base/utf8.h"
#include "event/hashtag.h"
#include "event/syntax.h"
#include "wire/dagcbor.h"

/* A tag facet, with the place in the text that orders it. */
struct tag_facet {
    int64_t byte_start;
    uint32_t order; /* of appearance */
    struct sky_span tag;
};

/* What a post gathers while it is read; arrays are in the arena, made when first needed. */
struct gather {
    struct sky_dagcbor_reader cbor;
    struct sky_arena *arena;
    struct sky_post *post;
    struct tag_facet *tag_facets;
    uint32_t tag_facets_count;
    struct sky_span *mentions;
    struct sky_span *links;
    struct sky_span tags[SKY_POST_TAGS_MAX];
    uint32_t tags_count;
    bool has_type;
    bool no_memory;
};

#define FEATURES_MAX ((size_t)SKY_POST_FACETS_MAX * SKY_POST_FACET_FEATURES_MAX)

static void *need(struct gather *gather, size_t size_bytes)
{
    void *memory = sky_arena_alloc(gather->arena, size_bytes);
    gather->no_memory |= !memory;
    return memory;
}

static bool is_type(const struct gather *gather, enum sky_dagcbor_type type)
{
    return sky_dagcbor_peek(&gather->cbor) == type;
}

/* The next item when it is a text, else it is passed over. */
static struct sky_span text_or_skip(struct gather *gather)
{
    if (is_type(gather, SKY_DAGCBOR_TEXT))
        return sky_dagcbor_text(&gather->cbor);
    sky_dagcbor_skip(&gather->cbor);
    return (struct sky_span){0};
}

/* Into the next item when it is a map or array, else it is passed over. */
static bool enter_map(struct gather *gather, struct sky_dagcbor_map *map)
{
    bool is_map = is_type(gather, SKY_DAGCBOR_MAP);
    if (is_map)
        *map = sky_dagcbor_map(&gather->cbor);
    else
        sky_dagcbor_skip(&gather->cbor);
    return is_map;
}

static bool enter_array(struct gather *gather, struct sky_dagcbor_array *array)
{
    bool is_array = is_type(gather, SKY_DAGCBOR_ARRAY);
    if (is_array)
        *array = sky_dagcbor_array(&gather->cbor);
    else
        sky_dagcbor_skip(&gather->cbor);
    return is_array;
}

static void read_langs(struct gather *gather)
{
    struct sky_dagcbor_array array;
    struct sky_span *langs = NULL;
    uint32_t count = 0;
    if (!enter_array(gather, &array))
        return;
    while (sky_dagcbor_item(&gather->cbor, &array)) {
        struct sky_span tag = text_or_skip(gather);
        if (count == SKY_POST_LANGS_MAX || !sky_syntax_is_language(tag))
            continue;
        if (!langs && !(langs = need(gather, SKY_POST_LANGS_MAX * sizeof *langs)))
            continue;
        langs[count++] = tag;
    }
    gather->post->langs = langs;
    gather->post->langs_count = count;
}

static void read_tags(struct gather *gather)
{
    struct sky_dagcbor_array array;
    if (!enter_array(gather, &array))
        return;
    while (sky_dagcbor_item(&gather->cbor, &array)) {
        struct sky_span tag = text_or_skip(gather);
        if (tag.len && gather->tags_count < SKY_POST_TAGS_MAX)
            gather->tags[gather->tags_count++] = tag;
    }
}

/* {parent: {uri, cid}, root: {uri, cid}} */
static void read_reply(struct gather *gather)
{
    struct sky_dagcbor_map reply, parent;
    struct sky_span key;
    if (!enter_map(gather, &reply))
        return;
    while (sky_dagcbor_key(&gather->cbor, &reply, &key)) {
        if (!sky_span_equal(key, SKY_SPAN("parent"))) {
            sky_dagcbor_skip(&gather->cbor);
            continue;
        }
        if (!enter_map(gather, &parent))
            continue;
        while (sky_dagcbor_key(&gather->cbor, &parent, &key)) {
            bool is_uri = sky_span_equal(key, SKY_SPAN("uri"));
            struct sky_span uri = text_or_skip(gather);
            if (is_uri && sky_syntax_is_at_uri(uri))
                gather->post->reply_to = uri;
        }
    }
}

/* com.atproto.label.defs#selfLabels: {values: [{val}]} */
static void read_label(struct gather *gather, struct sky_span **labels)
{
    struct sky_dagcbor_map map;
    struct sky_span key;
    if (!enter_map(gather, &map))
        return;
    while (sky_dagcbor_key(&gather->cbor, &map, &key)) {
        bool is_val = sky_span_equal(key, SKY_SPAN("val"));
        struct sky_span val = text_or_skip(gather);
        if (!is_val || val.len == 0 || gather->post->labels_count == SKY_POST_LABELS_MAX)
            continue;
        if (!*labels && !(*labels = need(gather, SKY_POST_LABELS_MAX * sizeof **labels)))
            continue;
        (*labels)[gather->post->labels_count++] = val;
    }
}

static void read_labels(struct gather *gather)
{
    struct sky_dagcbor_map map;
    struct sky_dagcbor_array values;
    struct sky_span key, *labels = NULL;
    if (!enter_map(gather, &map))
        return;
    while (sky_dagcbor_key(&gather->cbor, &map, &key)) {
        if (!sky_span_equal(key, SKY_SPAN("values"))) {
            sky_dagcbor_skip(&gather->cbor);
            continue;
        }
        if (!enter_array(gather, &values))
            continue;
        while (sky_dagcbor_item(&gather->cbor, &values))
            read_label(gather, &labels);
    }
    gather->post->labels = labels;
}

static void add_tag_facet(struct gather *gather, struct sky_span tag)
{
    if (!gather->tag_facets && !(gather->tag_facets = need(gather, FEATURES_MAX * sizeof *gather->tag_facets)))
        return;
    uint32_t order = gather->tag_facets_count++;
    gather->tag_facets[order] = (struct tag_facet){.order = order, .tag = tag};
}

static void add_mention(struct gather *gather, struct sky_span did)
{
    if (!sky_syntax_is_did(did) ||
        (!gather->mentions && !(gather->mentions = need(gather, FEATURES_MAX * sizeof *gather->mentions))))
        return;
    gather->mentions[gather->post->mentions_count++] = did;
}

static void add_link(struct gather *gather, struct sky_span uri)
{
    if (uri.len == 0 || (!gather->links && !(gather->links = need(gather, FEATURES_MAX * sizeof *gather->links))))
        return;
    gather->links[gather->post->links_count++] = uri;
}

/* app.bsky.richtext.facet#tag {tag}, #mention {did}, #link {uri}; the $type is the fifth letter's neighbour in key
 * order, so the values are kept until the map is through. */
static void read_feature(struct gather *gather)
{
    struct sky_dagcbor_map map;
    struct sky_span key, type = {0}, tag = {0}, did = {0}, uri = {0};
    if (!enter_map(gather, &map))
        return;
    while (sky_dagcbor_key(&gather->cbor, &map, &key)) {
        struct sky_span value = text_or_skip(gather);
        if (sky_span_equal(key, SKY_SPAN("$type")))
            type = value;
        else if (sky_span_equal(key, SKY_SPAN("tag")))
            tag = value;
        else if (sky_span_equal(key, SKY_SPAN("did")))
            did = value;
        else if (sky_span_equal(key, SKY_SPAN("uri")))
            uri = value;
    }
    if (sky_span_equal(type, SKY_SPAN("app.bsky.richtext.facet#tag")))
        add_tag_facet(gather, tag);
    else if (sky_span_equal(type, SKY_SPAN("app.bsky.richtext.facet#mention")))
        add_mention(gather, did);
    else if (sky_span_equal(type, SKY_SPAN("app.bsky.richtext.facet#link")))
        add_link(gather, uri);
}

static int64_t integer_or_skip(struct gather *gather)
{
    if (is_type(gather, SKY_DAGCBOR_INTEGER))
        return sky_dagcbor_int(&gather->cbor);
    sky_dagcbor_skip(&gather->cbor);
    return -1;
}

/* Where the facet begins: INT64_MAX, behind all others, when the range is out of bounds, empty or inside a character.
 */
static int64_t read_index(struct gather *gather)
{
    struct sky_dagcbor_map map;
    struct sky_span key, text = gather->post->text;
    int64_t start = -1, end = -1;
    if (!enter_map(gather, &map))
        return INT64_MAX;
    while (sky_dagcbor_key(&gather->cbor, &map, &key)) {
        int64_t value = integer_or_skip(gather);
        if (sky_span_equal(key, SKY_SPAN("byteStart")))
            start = value;
        else if (sky_span_equal(key, SKY_SPAN("byteEnd")))
            end = value;
    }
    bool good = start >= 0 && start < end && (uint64_t)end <= text.len && sky_utf8_is_boundary(text, (size_t)start) &&
                sky_utf8_is_boundary(text, (size_t)end);
    return good ? start : INT64_MAX;
}

static void read_features(struct gather *gather)
{
    struct sky_dagcbor_array features;
    if (!enter_array(gather, &features))
        return;
    for (uint32_t i = 0; sky_dagcbor_item(&gather->cbor, &features); i++) {
        if (i < SKY_POST_FACET_FEATURES_MAX)
            read_feature(gather);
        else
            sky_dagcbor_skip(&gather->cbor);
    }
}

static void read_facet(struct gather *gather)
{
    struct sky_dagcbor_map map;
    struct sky_span key;
    int64_t byte_start = INT64_MAX;
    uint32_t first = gather->tag_facets_count;
    if (!enter_map(gather, &map))
        return;
    while (sky_dagcbor_key(&gather->cbor, &map, &key)) {
        if (sky_span_equal(key, SKY_SPAN("index")))
            byte_start = read_index(gather);
        else if (sky_span_equal(key, SKY_SPAN("features")))
            read_features(gather);
        else
            sky_dagcbor_skip(&gather->cbor);
    }
    for (uint32_t i = first; i < gather->tag_facets_count; i++)
        gather->tag_facets[i].byte_start = byte_start;
}

/* Key order puts `text` before `facets`, so the ranges can be checked against it. */
static void read_facets(struct gather *gather)
{
    struct sky_dagcbor_array facets;
    if (!enter_array(gather, &facets))
        return;
    for (uint32_t i = 0; sky_dagcbor_item(&gather->cbor, &facets); i++) {
        if (i < SKY_POST_FACETS_MAX)
            read_facet(gather);
        else
            sky_dagcbor_skip(&gather->cbor);
    }
    gather->post->mentions = gather->mentions;
    gather->post->links = gather->links;
}

static void read_created_at(struct gather *gather)
{
    struct sky_span text = text_or_skip(gather);
    gather->post->has_created_at = sky_time_parse(text, &gather->post->created_at_ms) == SKY_OK;
}

static void read_field(struct gather *gather, struct sky_span key)
{
    struct sky_dagcbor_reader *cbor = &gather->cbor;
    if (sky_span_equal(key, SKY_SPAN("text"))) {
        gather->post->text = sky_dagcbor_text(cbor);
        if (gather->post->text.len > SKY_POST_TEXT_BYTES_MAX)
            sky_dagcbor_fail(cbor, SKY_E_LIMIT, "a text over 3,000 bytes");
    } else if (sky_span_equal(key, SKY_SPAN("$type")))
        gather->has_type = sky_span_equal(text_or_skip(gather), SKY_SPAN(SKY_POST_COLLECTION));
    else if (sky_span_equal(key, SKY_SPAN("createdAt")))
        read_created_at(gather);
    else if (sky_span_equal(key, SKY_SPAN("langs")))
        read_langs(gather);
    else if (sky_span_equal(key, SKY_SPAN("reply")))
        read_reply(gather);
    else if (sky_span_equal(key, SKY_SPAN("facets")))
        read_facets(gather);
    else if (sky_span_equal(key, SKY_SPAN("tags")))
        read_tags(gather);
    else if (sky_span_equal(key, SKY_SPAN("labels")))
        read_labels(gather);
    else
        sky_dagcbor_skip(cbor);
}

static int compare_tag_facets(const void *a, const void *b)
{
    const struct tag_facet *x = a, *y = b;
    if (x->byte_start != y->byte_start)
        return x->byte_start < y->byte_start ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static bool may_hold_hashtag(struct sky_span text)
{
    return memchr(text.ptr, '#', text.len) || memmem(text.ptr, text.len, "\xef\xbc\x83", 3);
}

/* Facets by place, then tags, then bare #words of the text. */
static void gather_hashtags(struct gather *gather)
{
    struct sky_span text = gather->post->text;
    if (!gather->tag_facets_count && !gather->tags_count && (text.len == 0 || !may_hold_hashtag(text)))
        return;
    struct sky_hashtag_list list = {.tags = need(gather, SKY_POST_HASHTAGS_MAX * sizeof *list.tags)};
    if (!list.tags)
        return;
    if (gather->tag_facets_count > 1)
        qsort(gather->tag_facets, gather->tag_facets_count, sizeof *gather->tag_facets, compare_tag_facets);
    for (uint32_t i = 0; i < gather->tag_facets_count; i++)
        sky_hashtag_add(&list, gather->tag_facets[i].tag);
    for (uint32_t i = 0; i < gather->tags_count; i++)
        sky_hashtag_add(&list, gather->tags[i]);
    sky_hashtag_add_from_text(&list, text);
    gather->post->hashtags = list.tags;
    gather->post->hashtags_count = list.count;
}

static bool has_upper(struct sky_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z')
            return true;
    return false;
}

struct sky_span sky_post_primary_language(const struct sky_span *langs, uint32_t count, struct sky_arena *arena)
{
    if (count == 0)
        return SKY_SPAN("");
    const uint8_t *hyphen = memchr(langs[0].ptr, '-', langs[0].len);
    struct sky_span primary = sky_span_of(langs[0].ptr, hyphen ? (size_t)(hyphen - langs[0].ptr) : langs[0].len);
    if (primary.len < 2 || sky_span_equal(primary, SKY_SPAN("und")) || sky_span_equal(primary, SKY_SPAN("mul")))
        return SKY_SPAN("");
    if (!has_upper(primary))
        return primary;
    uint8_t *lower = sky_arena_alloc(arena, primary.len);
    for (size_t i = 0; lower && i < primary.len; i++)
        lower[i] = primary.ptr[i] | 0x20;
    return sky_span_of(lower, lower ? primary.len : 0);
}

enum sky_status sky_post_record_decode(struct sky_span record, struct sky_arena *arena, struct sky_post *post,
                                       struct sky_error *error)
{
    struct gather gather;
    struct sky_span key;
    memset(&gather, 0, offsetof(struct gather, tags));
    gather.arena = arena;
    gather.post = post;
    gather.tags_count = 0;
    gather.has_type = gather.no_memory = false;
    sky_dagcbor_init(&gather.cbor, record, SKY_DAGCBOR_RECORD);
    struct sky_dagcbor_map map = sky_dagcbor_map(&gather.cbor);
    while (sky_dagcbor_key(&gather.cbor, &map, &key))
        read_field(&gather, key);
    if (!sky_dagcbor_end(&gather.cbor)) {
        if (!gather.has_type)
            sky_dagcbor_fail(&gather.cbor, SKY_E_TYPE, "a record whose $type is not its collection");
        else if (!post->text.ptr)
            sky_dagcbor_fail(&gather.cbor, SKY_E_MISSING, "a post without text");
    }
    if (!gather.cbor.error.status) {
        gather_hashtags(&gather);
        post->language = sky_post_primary_language(post->langs, post->langs_count, arena);
        if (gather.no_memory || !post->language.ptr)
            sky_dagcbor_fail(&gather.cbor, SKY_E_MEMORY, "no memory");
    }
    *error = gather.cbor.error;
    return error->status;
}
