#include "io/redis/cache_users.h"

#include <stdlib.h>

#include "base/time.h"

#define FIRST_CAPACITY 64

void sky_cache_users_init(struct sky_cache_users *users, int64_t window_start_ms, int64_t window_end_ms)
{
    *users = (struct sky_cache_users){.window_start_ms = window_start_ms, .window_end_ms = window_end_ms};
}

void sky_cache_users_clean_up(struct sky_cache_users *users)
{
    free(users->sums);
    free(users->sessions);
    sky_arena_clean_up(&users->texts);
    *users = (struct sky_cache_users){0};
}

/* Adding */

static enum sky_status set_languages(struct sky_cache_users *users, const struct sky_language_posts *languages,
                                     uint32_t count)
{
    sky_arena_reset(&users->texts);
    users->by_language_count = 0;
    for (uint32_t i = 0; i < count && i < SKY_CACHE_USERS_LANGUAGES_MAX; i++) {
        struct sky_span language = sky_arena_copy(&users->texts, languages[i].language);
        if (languages[i].language.len && !language.ptr)
            return SKY_E_MEMORY;
        users->by_language[i] = (struct sky_language_posts){language, languages[i].posts};
        users->by_language_count++;
    }
    return SKY_OK;
}

enum sky_status sky_cache_users_set_activity(struct sky_cache_users *users, const struct sky_activity_record *activity)
{
    users->has_activity = true;
    users->active_users = activity->unique_authors;
    users->posts = activity->posts;
    users->replies = activity->replies;
    return set_languages(users, activity->by_language, activity->by_language_count);
}

enum sky_status sky_cache_users_add_session(struct sky_cache_users *users, const struct sky_cache_session *session)
{
    if (users->sessions_count == users->sessions_capacity) {
        uint32_t capacity = users->sessions_capacity ? 2 * users->sessions_capacity : FIRST_CAPACITY;
        struct sky_cache_session *sessions = realloc(users->sessions, capacity * sizeof *sessions);
        if (!sessions)
            return SKY_E_MEMORY;
        users->sessions = sessions;
        users->sessions_capacity = capacity;
    }
    users->sessions[users->sessions_count++] = *session;
    return SKY_OK;
}

/* Sums */

static struct sky_cache_session_sum *find_sum(const struct sky_cache_users *users, int32_t partition)
{
    for (uint32_t i = 0; i < users->sums_count; i++)
        if (users->sums[i].partition == partition)
            return &users->sums[i];
    return NULL;
}

static int compare_sums(const void *a, const void *b)
{
    const struct sky_cache_session_sum *one = a, *other = b;
    return (one->partition > other->partition) - (one->partition < other->partition);
}

/* The partition's sum, made when it is not there. NULL: no memory. Room for all is made by the caller. */
static struct sky_cache_session_sum *take_sum(struct sky_cache_users *users, int32_t partition)
{
    struct sky_cache_session_sum *sum = find_sum(users, partition);
    if (sum)
        return sum;
    sum = &users->sums[users->sums_count++];
    *sum = (struct sky_cache_session_sum){.partition = partition, .through = -1};
    return sum;
}

static enum sky_status reserve_sums(struct sky_cache_users *users, uint32_t more)
{
    struct sky_cache_session_sum *sums = realloc(users->sums, (users->sums_count + more + 1) * sizeof *sums);
    if (!sums)
        return SKY_E_MEMORY;
    users->sums = sums;
    return SKY_OK;
}

/* How many partitions the sessions, sorted, bring that have no sum yet. */
static uint32_t count_new_partitions(const struct sky_cache_users *users)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < users->sessions_count; i++) {
        int32_t partition = users->sessions[i].partition;
        if ((i == 0 || users->sessions[i - 1].partition != partition) && !find_sum(users, partition))
            count++;
    }
    return count;
}

static int compare_sessions(const void *a, const void *b)
{
    const struct sky_cache_session *one = a, *other = b;
    if (one->partition != other->partition)
        return one->partition > other->partition ? 1 : -1;
    return (one->offset > other->offset) - (one->offset < other->offset);
}

enum sky_status sky_cache_users_sum(struct sky_cache_users *users)
{
    if (users->sessions_count == 0)
        return SKY_OK;
    qsort(users->sessions, users->sessions_count, sizeof *users->sessions, compare_sessions);
    uint32_t more = count_new_partitions(users);
    if (more > SKY_CACHE_USERS_PARTITIONS_MAX - users->sums_count)
        return SKY_E_LIMIT;
    enum sky_status status = reserve_sums(users, more);
    if (status != SKY_OK)
        return status;
    for (uint32_t i = 0; i < users->sessions_count; i++) {
        const struct sky_cache_session *session = &users->sessions[i];
        struct sky_cache_session_sum *sum = take_sum(users, session->partition);
        if (session->offset <= sum->through)
            continue; /* in it already */
        sum->through = session->offset;
        sum->ended++;
        sum->length_ms += (uint64_t)session->length_ms;
    }
    qsort(users->sums, users->sums_count, sizeof *users->sums, compare_sums);
    users->sessions_count = 0;
    return SKY_OK;
}

/* Reading */

static bool take_number(const struct sky_json_value *object, const char *key, int64_t *number)
{
    const struct sky_json_value *value = sky_json_member(object, key);
    if (!value || value->type != SKY_JSON_NUMBER || !value->is_integer || value->integer < 0)
        return false;
    *number = value->integer;
    return true;
}

static bool take_sum_of(const struct sky_json_value *object, struct sky_cache_session_sum *sum)
{
    int64_t partition, ended, length_ms;
    if (!take_number(object, "partition", &partition) || !take_number(object, "through", &sum->through) ||
        !take_number(object, "ended", &ended) || !take_number(object, "length_ms", &length_ms) || partition > INT32_MAX)
        return false;
    sum->partition = (int32_t)partition;
    sum->ended = (uint64_t)ended;
    sum->length_ms = (uint64_t)length_ms;
    return true;
}

/* False: something in it is not as we write it. */
static bool check_sums(const struct sky_json_value *sums)
{
    struct sky_cache_session_sum sum;
    if (!sums || sums->type != SKY_JSON_ARRAY || sums->count > SKY_CACHE_USERS_PARTITIONS_MAX)
        return false;
    const struct sky_json_value *item = sky_json_first(sums);
    for (uint32_t i = 0; i < sums->count; i++, item = sky_json_next(item))
        if (!take_sum_of(item, &sum))
            return false;
    return true;
}

static void merge_sums(struct sky_cache_users *users, const struct sky_json_value *sums)
{
    const struct sky_json_value *item = sky_json_first(sums);
    for (uint32_t i = 0; i < sums->count; i++, item = sky_json_next(item)) {
        struct sky_cache_session_sum read;
        if (!take_sum_of(item, &read))
            continue;
        struct sky_cache_session_sum *known = take_sum(users, read.partition);
        if (read.through > known->through)
            *known = read;
    }
    qsort(users->sums, users->sums_count, sizeof *users->sums, compare_sums);
}

static enum sky_status read_activity(struct sky_cache_users *users, const struct sky_json_value *root)
{
    int64_t active_users, posts, replies;
    struct sky_language_posts languages[SKY_CACHE_USERS_LANGUAGES_MAX];
    uint32_t count = 0;
    if (users->has_activity || !take_number(root, "active_users", &active_users) ||
        !take_number(root, "posts", &posts) || !take_number(root, "replies", &replies))
        return SKY_OK; /* ours counts, or there is none */
    const struct sky_json_value *object = sky_json_member(root, "by_language");
    if (object && object->type == SKY_JSON_OBJECT) {
        const struct sky_json_value *name = sky_json_first(object);
        for (uint32_t i = 0; i < object->count && count < SKY_CACHE_USERS_LANGUAGES_MAX; i++) {
            const struct sky_json_value *value = sky_json_next(name);
            if (value->type == SKY_JSON_NUMBER && value->is_integer && value->integer >= 0)
                languages[count++] = (struct sky_language_posts){name->text, (uint64_t)value->integer};
            name = sky_json_next(value);
        }
    }
    users->has_activity = true;
    users->active_users = (uint64_t)active_users;
    users->posts = (uint64_t)posts;
    users->replies = (uint64_t)replies;
    return set_languages(users, languages, count);
}

enum sky_status sky_cache_users_read(struct sky_cache_users *users, struct sky_json_document *document,
                                     struct sky_span input)
{
    struct sky_error error;
    int64_t window_start_ms, window_end_ms;
    enum sky_status status = sky_json_parse(document, input, &error);
    if (status != SKY_OK)
        return status;
    const struct sky_json_value *root = document->values, *sums = sky_json_member(root, "session_sums");
    if (sky_time_parse(sky_json_member_text(root, "window_start"), &window_start_ms) != SKY_OK ||
        sky_time_parse(sky_json_member_text(root, "window_end"), &window_end_ms) != SKY_OK || !check_sums(sums))
        return SKY_E_MISSING;
    if (window_start_ms != users->window_start_ms)
        return SKY_E_RANGE;
    status = reserve_sums(users, sums->count);
    if (status != SKY_OK)
        return status;
    merge_sums(users, sums);
    return read_activity(users, root);
}

/* Writing */

static void write_activity(struct sky_json_writer *json, const struct sky_cache_users *users)
{
    if (users->has_activity) {
        sky_json_key(json, "active_users");
        sky_json_uint(json, users->active_users);
        sky_json_key(json, "posts");
        sky_json_uint(json, users->posts);
        sky_json_key(json, "replies");
        sky_json_uint(json, users->replies);
    } else {
        static const char *const keys[] = {"active_users", "posts", "replies"};
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            sky_json_key(json, keys[i]);
            sky_json_null(json);
        }
    }
    sky_json_key(json, "by_language");
    sky_json_object(json);
    for (uint32_t i = 0; i < users->by_language_count; i++) {
        sky_json_key_span(json, users->by_language[i].language);
        sky_json_uint(json, users->by_language[i].posts);
    }
    sky_json_end(json);
}

static void write_sums(struct sky_json_writer *json, const struct sky_cache_users *users)
{
    sky_json_key(json, "session_sums");
    sky_json_array(json);
    for (uint32_t i = 0; i < users->sums_count; i++) {
        sky_json_object(json);
        sky_json_key(json, "partition");
        sky_json_int(json, users->sums[i].partition);
        sky_json_key(json, "through");
        sky_json_int(json, users->sums[i].through);
        sky_json_key(json, "ended");
        sky_json_uint(json, users->sums[i].ended);
        sky_json_key(json, "length_ms");
        sky_json_uint(json, users->sums[i].length_ms);
        sky_json_end(json);
    }
    sky_json_end(json);
}

void sky_cache_users_write(const struct sky_cache_users *users, struct sky_buffer *buffer)
{
    struct sky_json_writer json;
    uint64_t ended = 0, length_ms = 0;
    for (uint32_t i = 0; i < users->sums_count; i++) {
        ended += users->sums[i].ended;
        length_ms += users->sums[i].length_ms;
    }
    sky_json_begin(&json, buffer);
    sky_json_object(&json);
    sky_json_key(&json, "window_start");
    sky_json_time(&json, users->window_start_ms);
    sky_json_key(&json, "window_end");
    sky_json_time(&json, users->window_end_ms);
    write_activity(&json, users);
    sky_json_key(&json, "sessions_ended");
    sky_json_uint(&json, ended);
    sky_json_key(&json, "mean_session_seconds");
    if (ended)
        sky_json_double(&json, (double)length_ms / 1000.0 / (double)ended);
    else
        sky_json_null(&json);
    write_sums(&json, users);
    sky_json_end(&json);
}
