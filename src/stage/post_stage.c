/* A minute is taken when it is over: its events in the order they came in, then what may be shown is compared with what
 * was told before, then the windows close.
 *
 * The store of posts keeps, in the place of a post's text, its route: the buckets its keywords went to. That is whom to
 * tell when it must not be shown any more. A uri that is created anew keeps its old route too, for its old occurrences
 * are in the windows still. */
#include "stage/post_stage.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/options.h"
#include "engine/post_store.h"
#include "stage/activity_part.h"
#include "stage/event.h"
#include "stage/minute_windows.h"
#include "stage/record.h"

#define STATE_VERSION 1

struct sky_post_stage {
    struct sky_engine_options_copy copy;
    const struct sky_engine_options *options; /* of the copy */
    struct sky_post_store *store;
    struct sky_sessions *sessions;     /* NULL: not asked for */
    struct sky_minute_windows windows; /* of authors and posts, without keywords */
    struct sky_post_stage_stats stats;
    struct sky_buffer json;
    struct sky_keyword keywords[SKY_KEYWORDS_MAX]; /* of the post at hand, and their buckets */
    uint8_t buckets[SKY_KEYWORDS_MAX];
};

/* Where a post's keywords went, in the order of the buckets. */
struct route {
    uint8_t buckets[SKY_STAGE_BUCKETS];
    uint32_t count;
    bool is_hidden; /* as was told of the uri before */
};

/* The minute at hand. */
struct closing {
    int64_t minute;
    struct sky_packets *packets;
};

struct sky_post_stage *sky_post_stage_new(const struct sky_engine_options *options)
{
    struct sky_post_stage *stage = calloc(1, sizeof *stage);
    if (!stage)
        return NULL;
    const struct sky_sessions_options sessions = {options->session_gap_minutes, options->hash_key};
    sky_engine_options_copy(&stage->copy, options);
    stage->options = &stage->copy.options;
    sky_minute_windows_init(&stage->windows, stage->options);
    stage->store = sky_post_store_new(options->window_minutes + 1, options->hash_key);
    stage->sessions = sessions.gap_minutes ? sky_sessions_new(&sessions) : NULL;
    if (!stage->store || (sessions.gap_minutes && !stage->sessions)) {
        sky_post_stage_free(stage);
        return NULL;
    }
    return stage;
}

void sky_post_stage_free(struct sky_post_stage *stage)
{
    if (!stage)
        return;
    sky_post_store_free(stage->store);
    sky_sessions_free(stage->sessions);
    sky_minute_windows_clean_up(&stage->windows);
    sky_buffer_clean_up(&stage->json);
    free(stage);
}

enum sky_status sky_post_stage_take(struct sky_post_stage *stage, int64_t minute, struct sky_span events)
{
    enum sky_status status = sky_minute_windows_take(&stage->windows, minute, events);
    stage->stats.events_late += status == SKY_E_LATE;
    return status;
}

/* ---- a create ---- */

/* The keywords of a create and the buckets they belong to. */
static void read_keywords(struct sky_post_stage *stage, const struct sky_event *event, struct route *route,
                          struct sky_reader *reader)
{
    bool used[SKY_STAGE_BUCKETS] = {0};
    struct sky_reader keywords;
    sky_reader_init(&keywords, event->keywords);
    for (uint32_t i = 0; i < event->keywords_count && sky_reader_ok(&keywords); i++) {
        sky_keyword_get(&keywords, &stage->keywords[i]);
        stage->buckets[i] = (uint8_t)(sky_hash_id(stage->keywords[i].normalized) % SKY_STAGE_BUCKETS);
        used[stage->buckets[i]] = true;
    }
    if (!sky_reader_ok(&keywords))
        sky_reader_fail(reader, keywords.error.status, keywords.error.reason);
    route->count = 0;
    for (uint32_t bucket = 0; bucket < SKY_STAGE_BUCKETS; bucket++)
        if (used[bucket])
            route->buckets[route->count++] = (uint8_t)bucket;
}

static void put_occurrences(struct sky_post_stage *stage, const struct sky_sliding_post *post,
                            const struct sky_event *event, const struct route *route, uint32_t place,
                            const struct closing *closing)
{
    uint8_t bucket = route->buckets[place];
    struct sky_buffer *out = sky_packets_open(closing->packets, SKY_PACKET_OCCURRENCES, bucket, closing->minute);
    uint32_t count = 0;
    for (uint32_t i = 0; i < event->keywords_count; i++)
        count += stage->buckets[i] == bucket;
    sky_buffer_put_u8(out, route->is_hidden ? SKY_OCCURRENCE_HIDDEN_POST : SKY_OCCURRENCE_POST);
    sky_buffer_put_u64(out, post->author_id);
    sky_buffer_put_u64(out, post->post_id);
    sky_buffer_put_u64(out, post->sketch);
    sky_buffer_put_u8(out, (uint8_t)post->language);
    sky_buffer_put_u32(out, count);
    for (uint32_t i = 0; i < event->keywords_count; i++)
        if (stage->buckets[i] == bucket)
            sky_keyword_put(out, stage->keywords[i].kind, stage->keywords[i].normalized);
}

/* The post with its route for a text. A uri that was known keeps the buckets of its past. */
static enum sky_status store_route(struct sky_post_stage *stage, const struct sky_event *event, struct route *route)
{
    struct sky_known_post before;
    bool used[SKY_STAGE_BUCKETS] = {0};
    struct route whole = {.count = 0};
    if (!sky_post_store_find(stage->store, sky_hash_id(event->uri), &before))
        before = (struct sky_known_post){0};
    route->is_hidden = before.told_hidden;
    for (size_t i = 0; i < before.text.len; i++)
        used[before.text.ptr[i]] = true;
    for (uint32_t i = 0; i < route->count; i++)
        used[route->buckets[i]] = true;
    for (uint32_t bucket = 0; bucket < SKY_STAGE_BUCKETS; bucket++)
        if (used[bucket])
            whole.buckets[whole.count++] = (uint8_t)bucket;
    const struct sky_post post = {
        .op = SKY_POST_CREATE,
        .uri = event->uri,
        .author_did = event->author_did,
        .rev = event->rev,
        .text = sky_span_of(whole.buckets, whole.count),
    };
    return sky_post_store_add(stage->store, &post);
}

/* The author, wherever authors are counted. What refuses one for a reason of its own does not refuse the post. */
static enum sky_status count_author(struct sky_post_stage *stage, const struct sky_sliding_post *post,
                                    const struct sky_event *event, int64_t minute)
{
    const struct sky_keyword_list none = {0};
    enum sky_status status = sky_minute_windows_add(&stage->windows, minute, post, event->reply, &none);
    if (status == SKY_OK && stage->sessions)
        status = sky_sessions_add(stage->sessions, event->author_did, event->event_time_ms, event->reply);
    return status == SKY_E_MEMORY ? status : SKY_OK;
}

static void pass_on(const struct sky_event *event, const struct closing *closing)
{
    const struct sky_keyword_list none = {0};
    sky_event_put(sky_packets_open(closing->packets, SKY_PACKET_POSTS, 0, closing->minute), event, &none);
}

static enum sky_status take_create(struct sky_post_stage *stage, const struct sky_event *event,
                                   const struct closing *closing, struct sky_reader *reader)
{
    struct route route;
    if (event->imported) {
        stage->stats.posts_imported++;
        return SKY_OK;
    }
    if (event->language > stage->options->languages_count)
        sky_reader_fail(reader, SKY_E_RANGE, "a language that the options do not have");
    read_keywords(stage, event, &route, reader);
    if (!sky_reader_ok(reader))
        return SKY_OK;
    enum sky_status status = store_route(stage, event, &route);
    if (status == SKY_E_DUPLICATE) {
        stage->stats.posts_duplicate++;
        return SKY_OK;
    }
    if (status != SKY_OK)
        return status;
    const struct sky_sliding_post post = {
        .author_id = sky_hash_id(event->author_did),
        .post_id = sky_hash_id(event->uri),
        .sketch = event->sketch,
        .language = event->language,
    };
    stage->stats.posts++;
    for (uint32_t i = 0; i < route.count; i++)
        put_occurrences(stage, &post, event, &route, i, closing);
    pass_on(event, closing);
    return count_author(stage, &post, event, closing->minute);
}

/* ---- other events ---- */

static enum sky_status take_event(struct sky_post_stage *stage, const struct sky_event *event,
                                  const struct closing *closing, struct sky_reader *reader)
{
    const struct sky_post post = {.op = event->op,
                                  .uri = event->uri,
                                  .author_did = event->author_did,
                                  .active = event->active,
                                  .status = event->status};
    switch (event->op) {
    case SKY_POST_CREATE: return take_create(stage, event, closing, reader);
    case SKY_POST_UPDATE:
        if (event->withheld)
            sky_post_store_delete(stage->store, &post);
        break;
    case SKY_POST_DELETE: sky_post_store_delete(stage->store, &post); break;
    case SKY_POST_ACCOUNT: pass_on(event, closing); return sky_post_store_account(stage->store, &post);
    case SKY_POST_WATERMARK: return SKY_OK;
    }
    pass_on(event, closing);
    return SKY_OK;
}

static void tell_changes(struct sky_post_stage *stage, const struct closing *closing)
{
    struct sky_visibility_change change;
    for (uint64_t cursor = 0; sky_post_store_next_change(stage->store, &cursor, &change);)
        for (size_t i = 0; i < change.text.len; i++) {
            struct sky_buffer *out =
                sky_packets_open(closing->packets, SKY_PACKET_OCCURRENCES, change.text.ptr[i], closing->minute);
            sky_buffer_put_u8(out, change.visible ? SKY_OCCURRENCE_SHOW : SKY_OCCURRENCE_HIDE);
            sky_buffer_put_u64(out, change.id);
        }
}

/* ---- closing ---- */

static enum sky_status close_window(struct sky_post_stage *stage, const struct closing *closing, bool had_events)
{
    enum sky_status status = sky_minute_windows_close(&stage->windows);
    const struct sky_sliding *window = stage->windows.window;
    if (status != SKY_OK || (!window && !had_events))
        return status;
    struct sky_buffer *out = sky_packets_open(closing->packets, SKY_PACKET_TOTALS, 0, closing->minute);
    sky_buffer_put_u8(out, had_events);
    sky_buffer_put_u64(out, window ? sky_sliding_posts(window) : 0);
    sky_buffer_put_u64(out, window ? sky_sliding_authors(window) : 0);
    return SKY_OK;
}

static void close_activity(struct sky_post_stage *stage, const struct closing *closing)
{
    struct sky_activity ended;
    while (sky_minute_windows_activity(&stage->windows, closing->minute, &ended)) {
        struct sky_buffer *out = sky_packets_open(closing->packets, SKY_PACKET_ACTIVITY, 0, closing->minute);
        size_t begin = sky_buffer_begin_blob(out);
        sky_buffer_put_i64(out, ended.window_start_minute);
        sky_buffer_put_u8(out, SKY_ACTIVITY_POSTS);
        sky_buffer_put_u64(out, ended.posts);
        sky_buffer_put_u64(out, ended.replies);
        sky_buffer_put_u64(out, ended.unique_authors);
        sky_buffer_put_u32(out, stage->options->languages_count + 1);
        for (uint32_t g = 0; g <= stage->options->languages_count; g++)
            sky_buffer_put_u64(out, ended.by_language[g]);
        sky_buffer_end_blob(out, begin);
    }
}

static void put_record(void *context, const struct sky_published *record)
{
    const struct closing *closing = context;
    sky_record_put(sky_packets_open(closing->packets, SKY_PACKET_RECORDS, 0, closing->minute), record);
}

static enum sky_status close_sessions(struct sky_post_stage *stage, struct closing *closing)
{
    const struct sky_session *over;
    uint32_t count;
    if (!stage->sessions)
        return SKY_OK;
    enum sky_status status = sky_sessions_close(stage->sessions, (closing->minute + 1) * SKY_MINUTE_MS, &over, &count);
    const struct sky_publisher publisher = {closing, put_record, &stage->json};
    return status == SKY_OK ? sky_publish_sessions(&publisher, over, count) : status;
}

static enum sky_status close_minute(struct sky_post_stage *stage, struct closing *closing, struct sky_reader *reader)
{
    enum sky_status status = SKY_OK;
    bool had_events = reader->input.len > 0;
    sky_post_store_advance(stage->store, closing->minute);
    while (status == SKY_OK && sky_reader_ok(reader) && reader->offset < reader->input.len) {
        struct sky_event event;
        sky_event_get(reader, &event);
        if (sky_reader_ok(reader))
            status = take_event(stage, &event, closing, reader);
    }
    if (status != SKY_OK || !sky_reader_ok(reader))
        return status;
    tell_changes(stage, closing);
    status = close_window(stage, closing, had_events);
    close_activity(stage, closing);
    stage->windows.closed_minute = closing->minute;
    return status;
}

enum sky_status sky_post_stage_close(struct sky_post_stage *stage, int64_t minute, struct sky_packets *packets,
                                     struct sky_error *error)
{
    struct closing closing = {.packets = packets};
    enum sky_status status = SKY_OK;
    *error = (struct sky_error){0};
    while (status == SKY_OK && sky_minute_windows_next(&stage->windows, &closing.minute) && closing.minute <= minute) {
        struct sky_buffer events;
        struct sky_reader reader;
        sky_minutes_take(&stage->windows.waiting, closing.minute, &events);
        sky_reader_init(&reader, sky_buffer_span(&events));
        status = close_minute(stage, &closing, &reader);
        if (status == SKY_OK)
            status = close_sessions(stage, &closing);
        if (status == SKY_OK && !sky_reader_ok(&reader)) {
            *error = reader.error;
            status = reader.error.status;
        }
        sky_buffer_clean_up(&events);
    }
    if (status == SKY_OK && minute > stage->windows.closed_minute) {
        closing.minute = stage->windows.closed_minute = minute;
        status = close_sessions(stage, &closing);
    }
    if (status != SKY_OK && !error->status)
        *error = (struct sky_error){status, 0, "no memory to close a minute"};
    return status;
}

void sky_post_stage_stats(const struct sky_post_stage *stage, struct sky_post_stage_stats *stats)
{
    *stats = stage->stats;
}

/* ---- state ---- */

void sky_post_stage_save(const struct sky_post_stage *stage, struct sky_buffer *buffer)
{
    sky_buffer_put_u8(buffer, STATE_VERSION);
    sky_engine_shape_save(stage->options, buffer);
    sky_buffer_put_u32(buffer, stage->options->activity_minutes);
    sky_buffer_put_u32(buffer, stage->options->session_gap_minutes);
    const uint64_t counters[] = {stage->stats.posts, stage->stats.posts_imported, stage->stats.posts_duplicate,
                                 stage->stats.events_late};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        sky_buffer_put_u64(buffer, counters[i]);
    sky_post_store_save(stage->store, buffer);
    sky_minute_windows_save(&stage->windows, buffer);
    if (stage->sessions)
        sky_sessions_save(stage->sessions, buffer);
    sky_minutes_save(&stage->windows.waiting, buffer);
}

static void load_head(struct sky_post_stage *stage, struct sky_reader *reader)
{
    if (sky_reader_u8(reader) != STATE_VERSION)
        sky_reader_fail(reader, SKY_E_UNSUPPORTED, "a state of posts of another version");
    sky_engine_shape_load(stage->options, reader);
    bool same = sky_reader_u32(reader) == stage->options->activity_minutes;
    same = sky_reader_u32(reader) == stage->options->session_gap_minutes && same;
    if (!same)
        sky_reader_fail(reader, SKY_E_CONFIG, "the state was made with another window of activity or session gap");
    stage->stats.posts = sky_reader_u64(reader);
    stage->stats.posts_imported = sky_reader_u64(reader);
    stage->stats.posts_duplicate = sky_reader_u64(reader);
    stage->stats.events_late = sky_reader_u64(reader);
}

enum sky_status sky_post_stage_load(struct sky_post_stage *stage, struct sky_span input, struct sky_error *error)
{
    struct sky_reader reader;
    sky_reader_init(&reader, input);
    load_head(stage, &reader);
    if (sky_reader_ok(&reader))
        sky_post_store_load(stage->store, &reader);
    if (sky_reader_ok(&reader))
        sky_minute_windows_load(&stage->windows, &reader);
    if (sky_reader_ok(&reader) && stage->sessions)
        sky_sessions_load(stage->sessions, &reader);
    if (sky_reader_ok(&reader))
        sky_minutes_load(&stage->windows.waiting, &reader);
    if (sky_reader_ok(&reader) && reader.offset != input.len)
        sky_reader_fail(&reader, SKY_E_TRAILING, "bytes after the end of a state of posts");
    *error = reader.error;
    return reader.error.status;
}
