#include "trend/record_json.h"

#include <math.h>
#include <stdlib.h>

#include "base/time.h"

/* The longest that "%.6f" makes of a double: a sign, 309 digits, a point and six more. */
#define NUMBER_BYTES_MAX 317

void sky_record_reader_init(struct sky_record_reader *reader)
{
    *reader = (struct sky_record_reader){0};
}

void sky_record_reader_clean_up(struct sky_record_reader *reader)
{
    sky_json_document_clean_up(&reader->document);
    sky_arena_clean_up(&reader->lists);
}

/* One object at work; sticky, with the first error. */
struct read {
    struct sky_record_reader *reader;
    const struct sky_json_value *object;
    struct sky_error *error;
};

enum need { OPTIONAL, NEEDED };

static void fail(const struct read *read, const struct sky_json_value *value, enum sky_status status,
                 const char *reason)
{
    if (read->error->status == SKY_OK)
        *read->error = (struct sky_error){status, value->offset, reason};
}

static bool ok(const struct read *read)
{
    return read->error->status == SKY_OK;
}

/* The member, or NULL when it is absent or null (an error where it is needed) or of another type. */
static const struct sky_json_value *member(const struct read *read, const char *key, enum sky_json_type type,
                                           enum need need)
{
    const struct sky_json_value *value = sky_json_member(read->object, key);
    if (!value || value->type == SKY_JSON_NULL) {
        if (need == NEEDED)
            fail(read, read->object, SKY_E_MISSING, "a field is missing that the record needs");
        return NULL;
    }
    if (value->type == type)
        return value;
    fail(read, value, SKY_E_TYPE, "a field of another type");
    return NULL;
}

static struct sky_span text(const struct read *read, const char *key, enum need need)
{
    const struct sky_json_value *value = member(read, key, SKY_JSON_STRING, need);
    if (value && need == NEEDED && !value->text.len)
        fail(read, value, SKY_E_MISSING, "a field is empty that the record needs");
    return value ? value->text : SKY_SPAN("");
}

static int64_t moment(const struct read *read, const char *key, enum need need)
{
    const struct sky_json_value *value = member(read, key, SKY_JSON_STRING, need);
    int64_t time_ms = 0;
    if (value && sky_time_parse(value->text, &time_ms) != SKY_OK)
        fail(read, value, SKY_E_RANGE, "a time that is not a datetime");
    return time_ms;
}

static uint64_t number_of(const struct read *read, const struct sky_json_value *value, int64_t max)
{
    if (value->type == SKY_JSON_NUMBER && value->is_integer && value->integer >= 0 && value->integer <= max)
        return (uint64_t)value->integer;
    fail(read, value, SKY_E_RANGE, "a count that is no number from 0 on, or too large");
    return 0;
}

static uint64_t count64(const struct read *read, const char *key, enum need need)
{
    const struct sky_json_value *value = member(read, key, SKY_JSON_NUMBER, need);
    return value ? number_of(read, value, INT64_MAX) : 0;
}

static uint32_t count32(const struct read *read, const char *key, enum need need)
{
    const struct sky_json_value *value = member(read, key, SKY_JSON_NUMBER, need);
    return value ? (uint32_t)number_of(read, value, UINT32_MAX) : 0;
}

static double rate(const struct read *read, const char *key)
{
    const struct sky_json_value *value = member(read, key, SKY_JSON_NUMBER, OPTIONAL);
    char copy[NUMBER_BYTES_MAX + 1];
    if (!value)
        return 0;
    if (value->text.len > NUMBER_BYTES_MAX) {
        fail(read, value, SKY_E_RANGE, "a number of too many digits");
        return 0;
    }
    memcpy(copy, value->text.ptr, value->text.len);
    copy[value->text.len] = '\0';
    double result = strtod(copy, NULL);
    if (isfinite(result))
        return result;
    fail(read, value, SKY_E_RANGE, "a number beyond all doubles");
    return 0;
}

/* ---- lists ---- */

/* An array's items through `read_item` into a new list; NULL when it is absent or empty. */
struct list {
    const char *key;
    size_t item_size;
    void (*read_item)(const struct read *read, void *item);
};

static void *read_list(const struct read *read, const struct list *list, uint32_t *count)
{
    const struct sky_json_value *array = member(read, list->key, SKY_JSON_ARRAY, OPTIONAL);
    *count = 0;
    if (!array || !array->count)
        return NULL;
    uint8_t *items = sky_arena_alloc(&read->reader->lists, array->count * list->item_size);
    if (!items) {
        fail(read, array, SKY_E_MEMORY, "no memory for the lists of a record");
        return NULL;
    }
    const struct sky_json_value *value = sky_json_first(array);
    for (uint32_t i = 0; i < array->count && ok(read); i++, value = sky_json_next(value)) {
        const struct read item = {read->reader, value, read->error};
        if (value->type != SKY_JSON_OBJECT)
            fail(&item, value, SKY_E_TYPE, "an item of a list that is no object");
        else
            list->read_item(&item, items + i * list->item_size);
    }
    *count = array->count;
    return items;
}

static void read_sample(const struct read *read, void *item)
{
    *(struct sky_sample_post *)item = (struct sky_sample_post){
        .uri = text(read, "uri", NEEDED),
        .author_did = text(read, "author_did", OPTIONAL),
        .text = text(read, "text", OPTIONAL),
        .created_at_ms = moment(read, "created_at", OPTIONAL),
    };
}

static const struct list samples_list = {"sample_posts", sizeof(struct sky_sample_post), read_sample};

static void read_top(const struct read *read, void *item)
{
    *(struct sky_top_keyword *)item = (struct sky_top_keyword){
        .keyword = text(read, "keyword", NEEDED),
        .language = text(read, "language", OPTIONAL),
        .count = count32(read, "count", OPTIONAL),
        .unique_authors = count32(read, "unique_authors", OPTIONAL),
    };
}

static const struct list top_keywords_list = {"top_keywords", sizeof(struct sky_top_keyword), read_top};
static const struct list top_hashtags_list = {"top_hashtags", sizeof(struct sky_top_keyword), read_top};

/* {language: number} */
static const struct sky_language_posts *read_languages(const struct read *read, const char *key, uint32_t *count)
{
    const struct sky_json_value *object = member(read, key, SKY_JSON_OBJECT, OPTIONAL);
    *count = 0;
    if (!object || !object->count)
        return NULL;
    struct sky_language_posts *pairs = sky_arena_alloc(&read->reader->lists, object->count * sizeof *pairs);
    if (!pairs) {
        fail(read, object, SKY_E_MEMORY, "no memory for the lists of a record");
        return NULL;
    }
    const struct sky_json_value *name = sky_json_first(object);
    for (uint32_t i = 0; i < object->count; i++, name = sky_json_next(sky_json_next(name)))
        pairs[i] = (struct sky_language_posts){name->text, number_of(read, sky_json_next(name), INT64_MAX)};
    *count = object->count;
    return pairs;
}

static void read_volume(const struct read *read, struct sky_trend_snapshot *snapshot)
{
    uint32_t count;
    const struct sky_language_posts *pairs = read_languages(read, "volume", &count);
    struct sky_language_volume *volume = sky_arena_alloc(&read->reader->lists, count * sizeof *volume);
    for (uint32_t i = 0; volume && i < count; i++)
        volume[i] = (struct sky_language_volume){pairs[i].language, pairs[i].posts};
    if (!volume)
        fail(read, read->object, SKY_E_MEMORY, "no memory for the lists of a record");
    snapshot->volume = volume;
    snapshot->volume_count = volume ? count : 0;
}

/* ---- records ---- */

static enum sky_trend_kind read_kind(const struct read *read)
{
    const struct sky_json_value *value = member(read, "kind", SKY_JSON_STRING, NEEDED);
    for (int i = SKY_TREND_STARTED; value && i <= SKY_TREND_ENDED; i++)
        if (sky_span_equal(value->text, sky_span_from_string(sky_trend_kind_name((enum sky_trend_kind)i))))
            return (enum sky_trend_kind)i;
    if (value)
        fail(read, value, SKY_E_RANGE, "an unknown kind of alert");
    return SKY_TREND_ONGOING;
}

static uint64_t read_id(const struct read *read)
{
    const struct sky_json_value *value = member(read, "id", SKY_JSON_STRING, NEEDED);
    uint64_t id = 0;
    if (!value)
        return 0;
    bool good = value->text.len == SKY_TREND_ID_TEXT_SIZE - 1;
    for (size_t i = 0; good && i < value->text.len; i++) {
        uint8_t c = value->text.ptr[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        id = id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (!good)
        fail(read, value, SKY_E_RANGE, "an id that is not 16 hex digits");
    return id;
}

static void read_alert(const struct read *read, void *item)
{
    struct sky_trend_alert *alert = item;
    *alert = (struct sky_trend_alert){
        .id = read_id(read),
        .kind = read_kind(read),
        .keyword = text(read, "keyword", NEEDED),
        .language = text(read, "language", OPTIONAL),
        .frequency = count32(read, "frequency", OPTIONAL),
        .unique_authors = count32(read, "unique_authors", OPTIONAL),
        .rank = count32(read, "rank", OPTIONAL),
        .growth_rate = rate(read, "growth_rate"),
        .confidence_score = rate(read, "confidence_score"),
        .z_score = rate(read, "z_score"),
        .expected = rate(read, "expected"),
        .window_start_ms = moment(read, "window_start", NEEDED),
        .window_end_ms = moment(read, "window_end", NEEDED),
        .started_at_ms = moment(read, "started_at", OPTIONAL),
    };
    alert->sample_posts = read_list(read, &samples_list, &alert->sample_posts_count);
}

static const struct sky_trend_alert *read_alerts(const struct read *read, const char *key, uint32_t *count)
{
    const struct list list = {key, sizeof(struct sky_trend_alert), read_alert};
    return read_list(read, &list, count);
}

/* Parse the text; false when there is nothing to read from. */
static bool begin(struct read *read, struct sky_record_reader *reader, struct sky_span input, struct sky_error *error)
{
    sky_arena_reset(&reader->lists);
    *error = (struct sky_error){0};
    *read = (struct read){reader, NULL, error};
    if (sky_json_parse(&reader->document, input, error) != SKY_OK)
        return false;
    read->object = reader->document.values;
    if (read->object->type != SKY_JSON_OBJECT)
        fail(read, read->object, SKY_E_MISSING, "no object");
    return ok(read);
}

enum sky_status sky_trend_alert_read(struct sky_record_reader *reader, struct sky_span input,
                                     struct sky_trend_alert *alert, struct sky_error *error)
{
    struct read read;
    *alert = (struct sky_trend_alert){0};
    if (begin(&read, reader, input, error))
        read_alert(&read, alert);
    return error->status;
}

enum sky_status sky_trend_snapshot_read(struct sky_record_reader *reader, struct sky_span input,
                                        struct sky_trend_snapshot *snapshot, struct sky_error *error)
{
    struct read read;
    *snapshot = (struct sky_trend_snapshot){0};
    if (!begin(&read, reader, input, error))
        return error->status;
    const struct sky_json_value *warming_up = member(&read, "warming_up", SKY_JSON_BOOL, OPTIONAL);
    *snapshot = (struct sky_trend_snapshot){
        .window_start_ms = moment(&read, "window_start", NEEDED),
        .window_end_ms = moment(&read, "window_end", NEEDED),
        .warming_up = warming_up && warming_up->boolean,
        .posts = count64(&read, "posts", OPTIONAL),
        .active_authors = count64(&read, "active_authors", OPTIONAL),
    };
    snapshot->trends = read_alerts(&read, "trends", &snapshot->trends_count);
    snapshot->ended = read_alerts(&read, "ended", &snapshot->ended_count);
    snapshot->recurring = read_alerts(&read, "recurring", &snapshot->recurring_count);
    read_volume(&read, snapshot);
    snapshot->top_keywords = read_list(&read, &top_keywords_list, &snapshot->top_keywords_count);
    return error->status;
}

enum sky_status sky_keyword_count_read(struct sky_record_reader *reader, struct sky_span input,
                                       struct sky_keyword_count *count, struct sky_error *error)
{
    struct read read;
    *count = (struct sky_keyword_count){0};
    if (!begin(&read, reader, input, error))
        return error->status;
    struct sky_span keyword = text(&read, "keyword", OPTIONAL);
    struct sky_span normalized = text(&read, "normalized_keyword", keyword.len ? OPTIONAL : NEEDED);
    *count = (struct sky_keyword_count){
        .keyword = keyword.len ? keyword : normalized,
        .normalized_keyword = normalized.len ? normalized : keyword,
        .language = text(&read, "language", OPTIONAL),
        .count = count32(&read, "count", NEEDED),
        .unique_authors = count32(&read, "unique_authors", OPTIONAL),
        .voices = count32(&read, "voices", OPTIONAL),
        .window_start_ms = moment(&read, "window_start", NEEDED),
        .window_end_ms = moment(&read, "window_end", NEEDED),
    };
    count->sample_posts = read_list(&read, &samples_list, &count->sample_posts_count);
    return error->status;
}

enum sky_status sky_activity_read(struct sky_record_reader *reader, struct sky_span input,
                                  struct sky_activity_record *activity, struct sky_error *error)
{
    struct read read;
    *activity = (struct sky_activity_record){0};
    if (!begin(&read, reader, input, error))
        return error->status;
    *activity = (struct sky_activity_record){
        .window_start_ms = moment(&read, "window_start", NEEDED),
        .window_end_ms = moment(&read, "window_end", NEEDED),
        .posts = count64(&read, "posts", NEEDED),
        .replies = count64(&read, "replies", OPTIONAL),
        .unique_authors = count64(&read, "unique_authors", OPTIONAL),
    };
    activity->by_language = read_languages(&read, "by_language", &activity->by_language_count);
    activity->top_keywords = read_list(&read, &top_keywords_list, &activity->top_keywords_count);
    activity->top_hashtags = read_list(&read, &top_hashtags_list, &activity->top_hashtags_count);
    return error->status;
}

enum sky_status sky_session_read(struct sky_record_reader *reader, struct sky_span input, struct sky_session *session,
                                 struct sky_error *error)
{
    struct read read;
    *session = (struct sky_session){0};
    if (!begin(&read, reader, input, error))
        return error->status;
    *session = (struct sky_session){
        .author_did = text(&read, "author_did", NEEDED),
        .session_start_ms = moment(&read, "session_start", NEEDED),
        .session_end_ms = moment(&read, "session_end", NEEDED),
        .posts = count32(&read, "posts", NEEDED),
        .replies = count32(&read, "replies", OPTIONAL),
    };
    return error->status;
}
