#include "event/post_json.h"

#include "base/time.h"
#include "event/event_time.h"

const char *sky_post_op_name(enum sky_post_op op)
{
    static const char *const names[] = {"create", "update", "delete", "account", "watermark"};
    return names[op];
}

static void write_text(struct sky_json_writer *json, const char *key, struct sky_span text)
{
    sky_json_key(json, key);
    sky_json_span(json, text);
}

static void write_text_or_null(struct sky_json_writer *json, const char *key, struct sky_span text)
{
    sky_json_key(json, key);
    if (text.len)
        sky_json_span(json, text);
    else
        sky_json_null(json);
}

static void write_time(struct sky_json_writer *json, const char *key, int64_t time_ms)
{
    sky_json_key(json, key);
    sky_json_time(json, time_ms);
}

static void write_list(struct sky_json_writer *json, const char *key, const struct sky_span *items, uint32_t count)
{
    sky_json_key(json, key);
    sky_json_array(json);
    for (uint32_t i = 0; i < count; i++)
        sky_json_span(json, items[i]);
    sky_json_end(json);
}

static void write_content(struct sky_json_writer *json, const struct sky_post *post)
{
    write_text(json, "text", post->text);
    write_time(json, "created_at", post->created_at_ms);
    write_text_or_null(json, "language", post->language);
    write_text_or_null(json, "reply_to", post->reply_to);
    write_list(json, "mentions", post->mentions, post->mentions_count);
    write_list(json, "hashtags", post->hashtags, post->hashtags_count);
}

static void write_origin(struct sky_json_writer *json, const struct sky_post *post)
{
    write_time(json, "observed_at", post->observed_at_ms);
    sky_json_key(json, "seq");
    sky_json_int(json, post->seq);
    write_text(json, "rev", post->rev);
    write_text(json, "cid", post->cid);
    write_text(json, "relay", post->relay);
}

void sky_post_json_write(struct sky_json_writer *json, const struct sky_post *post)
{
    bool has_content = post->op == SKY_POST_CREATE || post->op == SKY_POST_UPDATE;
    sky_json_object(json);
    if (has_content || post->op == SKY_POST_DELETE)
        write_text(json, "uri", post->uri);
    if (post->op != SKY_POST_WATERMARK)
        write_text(json, "author_did", post->author_did);
    if (has_content)
        write_content(json, post);
    sky_json_key(json, "op");
    sky_json_string(json, sky_post_op_name(post->op));
    if (post->op == SKY_POST_ACCOUNT) {
        sky_json_key(json, "active");
        sky_json_bool(json, post->active);
        write_text_or_null(json, "status", post->status);
    }
    write_time(json, "event_time", post->event_time_ms);
    if (post->op != SKY_POST_WATERMARK)
        write_origin(json, post);
    if (has_content) {
        write_list(json, "langs", post->langs, post->langs_count);
        write_list(json, "labels", post->labels, post->labels_count);
    }
    sky_json_end(json);
}

void sky_post_json_reader_init(struct sky_post_json_reader *reader)
{
    *reader = (struct sky_post_json_reader){0};
}

void sky_post_json_reader_clean_up(struct sky_post_json_reader *reader)
{
    sky_json_document_clean_up(&reader->document);
    sky_arena_clean_up(&reader->lists);
}

static enum sky_status fail(struct sky_error *error, const struct sky_json_value *value, enum sky_status status,
                            const char *reason)
{
    if (error->status == SKY_OK)
        *error = (struct sky_error){status, value->offset, reason};
    return error->status;
}

/* ---- reading ---- */

/* In the order in which sky_post_json_write has them: then each key is the one that is looked at first. */
enum field {
    URI,
    AUTHOR_DID,
    TEXT,
    CREATED_AT,
    LANGUAGE,
    REPLY_TO,
    MENTIONS,
    HASHTAGS,
    OP,
    ACTIVE,
    STATUS,
    EVENT_TIME,
    OBSERVED_AT,
    SEQ,
    REV,
    CID,
    RELAY,
    LANGS,
    LABELS,
    FIELDS_COUNT
};

struct fields {
    const struct sky_json_value *at[FIELDS_COUNT]; /* NULL: not there */
};

static void find_fields(const struct sky_json_value *object, struct fields *fields)
{
    static const char *const names[FIELDS_COUNT] = {"uri",      "author_did", "text",        "created_at", "language",
                                                    "reply_to", "mentions",   "hashtags",    "op",         "active",
                                                    "status",   "event_time", "observed_at", "seq",        "rev",
                                                    "cid",      "relay",      "langs",       "labels"};
    const struct sky_json_value *key = sky_json_first(object);
    int expected = 0;
    *fields = (struct fields){0};
    for (uint32_t i = 0; i < object->count; i++, key = sky_json_next(key + 1))
        for (int tried = 0; tried < FIELDS_COUNT; tried++) {
            int field = (expected + tried) % FIELDS_COUNT;
            if (!sky_span_equal(key->text, sky_span_from_string(names[field])))
                continue;
            fields->at[field] = key + 1;
            expected = field + 1;
            break;
        }
}

static struct sky_span text_of(const struct sky_json_value *value)
{
    return value && value->type == SKY_JSON_STRING ? value->text : (struct sky_span){0};
}

/* The texts of an array, at most `max` of them; anything else in it is passed over. */
static const struct sky_span *read_list(struct sky_post_json_reader *reader, const struct sky_json_value *array,
                                        uint32_t max, uint32_t *count)
{
    *count = 0;
    if (!array || array->type != SKY_JSON_ARRAY || array->count == 0)
        return NULL;
    struct sky_span *list = sky_arena_alloc(&reader->lists, (array->count < max ? array->count : max) * sizeof *list);
    const struct sky_json_value *item = sky_json_first(array);
    for (uint32_t i = 0; list && i < array->count && *count < max; i++, item = sky_json_next(item))
        if (item->type == SKY_JSON_STRING)
            list[(*count)++] = item->text;
    return list;
}

static int64_t read_time(const struct sky_json_value *value, int64_t missing_ms, struct sky_error *error)
{
    int64_t time_ms;
    if (!value || value->type == SKY_JSON_NULL)
        return missing_ms;
    if (value->type == SKY_JSON_STRING && sky_time_parse(value->text, &time_ms) == SKY_OK)
        return time_ms;
    fail(error, value, SKY_E_RANGE, "a time that is not a datetime");
    return missing_ms;
}

static bool read_op(struct sky_span name, enum sky_post_op *op)
{
    for (int i = SKY_POST_CREATE; i <= SKY_POST_WATERMARK; i++) {
        *op = (enum sky_post_op)i;
        if (sky_span_equal(name, sky_span_from_string(sky_post_op_name(*op))))
            return true;
    }
    return false;
}

static void read_texts(const struct fields *fields, struct sky_post *post)
{
    post->uri = text_of(fields->at[URI]);
    post->author_did = text_of(fields->at[AUTHOR_DID]);
    post->text = text_of(fields->at[TEXT]);
    post->language = text_of(fields->at[LANGUAGE]);
    post->reply_to = text_of(fields->at[REPLY_TO]);
    post->rev = text_of(fields->at[REV]);
    post->cid = text_of(fields->at[CID]);
    post->relay = text_of(fields->at[RELAY]);
    post->status = text_of(fields->at[STATUS]);
    const uint8_t *slash = post->uri.len ? memrchr(post->uri.ptr, '/', post->uri.len) : NULL;
    if (slash)
        post->rkey = sky_span_from(post->uri, (size_t)(slash - post->uri.ptr) + 1);
}

static void read_lists(struct sky_post_json_reader *reader, const struct fields *fields, struct sky_post *post)
{
    const uint32_t mentions_max = SKY_POST_FACETS_MAX * SKY_POST_FACET_FEATURES_MAX;
    post->mentions = read_list(reader, fields->at[MENTIONS], mentions_max, &post->mentions_count);
    post->hashtags = read_list(reader, fields->at[HASHTAGS], SKY_POST_HASHTAGS_MAX, &post->hashtags_count);
    post->langs = read_list(reader, fields->at[LANGS], SKY_POST_LANGS_MAX, &post->langs_count);
    post->labels = read_list(reader, fields->at[LABELS], SKY_POST_LABELS_MAX, &post->labels_count);
}

static void check_required(const struct sky_json_value *root, const struct fields *fields, const struct sky_post *post,
                           struct sky_error *error)
{
    bool has_content = post->op == SKY_POST_CREATE || post->op == SKY_POST_UPDATE;
    if (!fields->at[EVENT_TIME])
        fail(error, root, SKY_E_MISSING, "no event_time");
    else if (post->op != SKY_POST_WATERMARK && !post->author_did.len)
        fail(error, root, SKY_E_MISSING, "no author_did");
    else if ((has_content || post->op == SKY_POST_DELETE) && !post->uri.len)
        fail(error, root, SKY_E_MISSING, "no uri");
    else if (has_content && !post->text.ptr)
        fail(error, root, SKY_E_MISSING, "no text");
    else if (post->text.len > SKY_POST_TEXT_BYTES_MAX)
        fail(error, root, SKY_E_RANGE, "a text over 3,000 bytes");
}

enum sky_status sky_post_json_read(struct sky_post_json_reader *reader, struct sky_span line, struct sky_post *post,
                                   struct sky_error *error)
{
    struct fields fields;
    *post = (struct sky_post){0};
    sky_arena_reset(&reader->lists);
    if (sky_json_parse(&reader->document, line, error))
        return error->status;
    const struct sky_json_value *root = reader->document.values;
    if (root->type != SKY_JSON_OBJECT)
        return fail(error, root, SKY_E_MISSING, "no op");
    find_fields(root, &fields);
    if (!fields.at[OP])
        return fail(error, root, SKY_E_MISSING, "no op");
    if (!read_op(text_of(fields.at[OP]), &post->op))
        return fail(error, root, SKY_E_RANGE, "an unknown op");
    read_texts(&fields, post);
    read_lists(reader, &fields, post);
    const struct sky_json_value *seq = fields.at[SEQ];
    post->seq = seq && seq->is_integer ? seq->integer : 0;
    post->active = fields.at[ACTIVE] && fields.at[ACTIVE]->boolean;
    post->event_time_ms = read_time(fields.at[EVENT_TIME], 0, error);
    post->observed_at_ms = read_time(fields.at[OBSERVED_AT], post->event_time_ms, error);
    post->created_at_ms = read_time(fields.at[CREATED_AT], post->observed_at_ms, error);
    post->has_created_at = fields.at[CREATED_AT] != NULL;
    check_required(root, &fields, post, error);
    return error->status;
}

enum sky_status sky_post_record_read(struct sky_post_json_reader *reader, const struct sky_post_record *record,
                                     struct sky_post *post, struct sky_error *error)
{
    if (sky_post_json_read(reader, record->value, post, error) == SKY_OK &&
        sky_event_time_is_ahead(post->event_time_ms, record->timestamp_ms))
        *error = (struct sky_error){SKY_E_RANGE, 0, "event_time is more than an hour ahead of the record's timestamp"};
    return error->status;
}
