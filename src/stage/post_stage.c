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
#include "stage/minutes.h"
#include "stage/record.h"

#define STATE_VERSION  1
#define NOTHING_CLOSED INT64_MIN

struct sky_post_stage {
    struct sky_engine_options_copy copy;
    const struct sky_engine_options *options; /* of the copy */
    struct sky_post_store *store;
    struct sky_sessions *sessions; /* NULL: not asked for */
    struct sky_sliding *window;    /* authors and posts, without keywords; NULL while there is none */
    struct sky_tumbling *activity; /* likewise, and when it was not asked for */
    uint64_t activity_posts;       /* in its open window */
    struct sky_minutes waiting;
    int64_t closed_minute; /* the last that is over */
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
    stage->closed_minute = NOTHING_CLOSED;
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
    sky_sliding_free(stage->window);
    sky_tumbling_free(stage->activity);
    sky_minutes_clean_up(&stage->waiting);
    sky_buffer_clean_up(&stage->json);
    free(stage);
}

enum sky_status sky_post_stage_take(struct sky_post_stage *stage, int64_t minute, struct sky_span events)
{
    if (minute <= stage->closed_minute) {
        stage->stats.events_late++;
        return SKY_E_LATE;
    }
    struct sky_buffer *waiting = sky_minutes_open(&stage->waiting, minute);
    if (!waiting)
        return SKY_E_MEMORY;
    sky_buffer_put_span(waiting, events);
    return waiting->failed ? SKY_E_MEMORY : SKY_OK;
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

static enum sky_status begin_windows(struct sky_post_stage *stage, int64_t minute)
{
    const struct sky_sliding_options window = sky_engine_window_options(stage->options);
    const struct sky_tumbling_options activity = sky_engine_activity_options(stage->options);
    if (!stage->window) {
        stage->window = sky_sliding_new(&window);
        if (!stage->window)
            return SKY_E_MEMORY;
        sky_sliding_start(stage->window, minute);
    }
    if (!stage->activity && activity.length_minutes) {
        stage->activity = sky_tumbling_new(&activity);
        if (!stage->activity)
            return SKY_E_MEMORY;
    }
    return SKY_OK;
}

/* The author, wherever authors are counted. What refuses one for a reason of its own does not refuse the post. */
static enum sky_status count_author(struct sky_post_stage *stage, const struct sky_sliding_post *post,
                                    const struct sky_event *event, int64_t minute)
{
    const struct sky_keyword_list none = {0};
    enum sky_status status = begin_windows(stage, minute);
    if (status == SKY_OK)
        status = sky_sliding_add(stage->window, minute, post, &none);
    if (status == SKY_OK && stage->activity) {
        status = sky_tumbling_add(stage->activity, minute, post, event->reply, &none);
        stage->activity_posts += status == SKY_OK;
    }
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
    uint64_t posts = 0, authors = 0;
    if (stage->window) {
        if (sky_sliding_close(stage->window) != SKY_OK)
            return SKY_E_MEMORY;
        posts = sky_sliding_posts(stage->window);
        authors = sky_sliding_authors(stage->window);
    }
    if (posts || had_events) {
        struct sky_buffer *out = sky_packets_open(closing->packets, SKY_PACKET_TOTALS, 0, closing->minute);
        sky_buffer_put_u8(out, had_events);
        sky_buffer_put_u64(out, posts);
        sky_buffer_put_u64(out, authors);
    }
    if (!posts) {
        sky_sliding_free(stage->window);
        stage->window = NULL;
    }
    return SKY_OK;
}

static void close_activity(struct sky_post_stage *stage, const struct closing *closing)
{
    struct sky_activity ended;
    while (stage->activity && sky_tumbling_advance(stage->activity, closing->minute + 1, &ended)) {
        stage->activity_posts = 0;
        if (!ended.posts)
            continue;
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
    if (!stage->window && !stage->activity_posts) { /* it would tell every empty window until the next post */
        sky_tumbling_free(stage->activity);
        stage->activity = NULL;
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
    stage->closed_minute = closing->minute;
    return status;
}

/* The next minute that has something in it: the one after the last while a window holds posts, otherwise the first that
 * has events. */
static bool next_minute(const struct sky_post_stage *stage, int64_t *minute)
{
    if (stage->window || stage->activity) {
        *minute = stage->closed_minute + 1;
        return true;
    }
    if (stage->waiting.count)
        *minute = stage->waiting.items[0].minute;
    return stage->waiting.count > 0;
}

enum sky_status sky_post_stage_close(struct sky_post_stage *stage, int64_t minute, struct sky_packets *packets,
                                     struct sky_error *error)
{
    struct closing closing = {.packets = packets};
    enum sky_status status = SKY_OK;
    *error = (struct sky_error){0};
    while (status == SKY_OK && next_minute(stage, &closing.minute) && closing.minute <= minute) {
        struct sky_buffer events;
        struct sky_reader reader;
        sky_minutes_take(&stage->waiting, closing.minute, &events);
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
    if (status == SKY_OK && minute > stage->closed_minute) {
        closing.minute = stage->closed_minute = minute;
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
    sky_buffer_put_i64(buffer, stage->closed_minute);
    const uint64_t counters[] = {stage->stats.posts, stage->stats.posts_imported, stage->stats.posts_duplicate,
                                 stage->stats.events_late};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        sky_buffer_put_u64(buffer, counters[i]);
    sky_post_store_save(stage->store, buffer);
    sky_buffer_put_u8(buffer, stage->window != NULL);
    if (stage->window)
        sky_sliding_save(stage->window, buffer);
    sky_buffer_put_u8(buffer, stage->activity != NULL);
    sky_buffer_put_u64(buffer, stage->activity_posts);
    if (stage->activity)
        sky_tumbling_save(stage->activity, buffer);
    if (stage->sessions)
        sky_sessions_save(stage->sessions, buffer);
    sky_minutes_save(&stage->waiting, buffer);
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
    stage->closed_minute = sky_reader_i64(reader);
    stage->stats.posts = sky_reader_u64(reader);
    stage->stats.posts_imported = sky_reader_u64(reader);
    stage->stats.posts_duplicate = sky_reader_u64(reader);
    stage->stats.events_late = sky_reader_u64(reader);
}

static void load_windows(struct sky_post_stage *stage, struct sky_reader *reader)
{
    const struct sky_sliding_options window = sky_engine_window_options(stage->options);
    const struct sky_tumbling_options activity = sky_engine_activity_options(stage->options);
    if (sky_reader_u8(reader)) {
        stage->window = sky_sliding_new(&window);
        if (stage->window)
            sky_sliding_load(stage->window, reader);
        else
            sky_reader_fail(reader, SKY_E_MEMORY, "no memory for a window");
        if (sky_reader_ok(reader) && sky_sliding_open_minute(stage->window) != stage->closed_minute + 1)
            sky_reader_fail(reader, SKY_E_RANGE, "a window of another time");
    }
    bool has_activity = sky_reader_u8(reader);
    stage->activity_posts = sky_reader_u64(reader);
    if (has_activity && sky_reader_ok(reader)) {
        stage->activity = activity.length_minutes ? sky_tumbling_new(&activity) : NULL;
        if (stage->activity)
            sky_tumbling_load(stage->activity, reader);
        else
            sky_reader_fail(reader, SKY_E_MEMORY, "no memory for a window of activity");
    }
}

enum sky_status sky_post_stage_load(struct sky_post_stage *stage, struct sky_span input, struct sky_error *error)
{
    struct sky_reader reader;
    sky_reader_init(&reader, input);
    load_head(stage, &reader);
    if (sky_reader_ok(&reader))
        sky_post_store_load(stage->store, &reader);
    if (sky_reader_ok(&reader))
        load_windows(stage, &reader);
    if (sky_reader_ok(&reader) && stage->sessions)
        sky_sessions_load(stage->sessions, &reader);
    if (sky_reader_ok(&reader))
        sky_minutes_load(&stage->waiting, &reader);
    if (sky_reader_ok(&reader) && reader.offset != input.len)
        sky_reader_fail(&reader, SKY_E_TRAILING, "bytes after the end of a state of posts");
    *error = reader.error;
    return reader.error.status;
}
