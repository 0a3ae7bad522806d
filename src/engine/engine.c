/* The engine: text -> sliding window -> trackers -> snapshot, one slide a minute of event time; beside it activity and
 * sessions, when they are asked for.
 *
 * A post of minute m first closes every minute before m, each giving its records, then is counted in m. What a post
 * counts for is decided here: creates only; not the ones that claim to be an hour older than they were seen (imports);
 * not the ones seen already. Updates, deletes and account events reach the samples alone. */
#include "engine/engine.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/minute_records.h"
#include "engine/options.h"
#include "engine/post_store.h"
#include "engine/snapshot.h"
#include "text/keyword.h"
#include "trend/tracker.h"
#include "window/sliding.h"

struct sky_engine {
    struct sky_engine_options_copy copy;
    const struct sky_engine_options *options; /* of the copy */
    struct sky_text *text;
    struct sky_sliding *window;
    struct sky_tracker *tracker;
    struct sky_post_store *store;
    struct sky_tumbling *activity; /* NULL: not asked for */
    struct sky_sessions *sessions; /* likewise */
    struct sky_snapshot_builder snapshot;
    struct sky_count_builder counts;
    struct sky_arena activity_lists;
    struct sky_engine_stats stats;
};

/* What a saved state has behind its end for those who asked: a tag, a setting, a blob. */
enum extra { EXTRA_ACTIVITY = 1, EXTRA_SESSIONS = 2 };

static enum sky_status begin_activity(struct sky_engine *engine)
{
    const struct sky_tumbling_options activity = sky_engine_activity_options(engine->options);
    engine->activity = activity.length_minutes ? sky_tumbling_new(&activity) : NULL;
    return engine->activity || !activity.length_minutes ? SKY_OK : SKY_E_MEMORY;
}

static enum sky_status begin_sessions(struct sky_engine *engine)
{
    struct sky_sessions_options sessions = {engine->options->session_gap_minutes, engine->options->hash_key};
    engine->sessions = sessions.gap_minutes ? sky_sessions_new(&sessions) : NULL;
    return engine->sessions || !sessions.gap_minutes ? SKY_OK : SKY_E_MEMORY;
}

/* The windows and detectors, empty; all of them or SKY_E_MEMORY. */
static enum sky_status begin_state(struct sky_engine *engine)
{
    const struct sky_sliding_options window = sky_engine_window_options(engine->options);
    const struct sky_tracker_options tracker = sky_engine_tracker_options(engine->options);
    engine->window = sky_sliding_new(&window);
    engine->tracker = sky_tracker_new(&tracker);
    engine->store = sky_post_store_new(engine->options->window_minutes + 1, engine->options->hash_key);
    return engine->window && engine->tracker && engine->store ? begin_activity(engine) : SKY_E_MEMORY;
}

static void end_state(struct sky_engine *engine)
{
    sky_sliding_free(engine->window);
    sky_tracker_free(engine->tracker);
    sky_post_store_free(engine->store);
    sky_tumbling_free(engine->activity);
    engine->activity = NULL;
    engine->window = NULL;
    engine->tracker = NULL;
    engine->store = NULL;
}

enum sky_status sky_engine_new(const struct sky_engine_options *options, struct sky_engine **engine,
                               const char **reason)
{
    enum sky_status status = sky_engine_options_check(options, reason);
    if (status != SKY_OK)
        return status;
    struct sky_engine *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    sky_engine_options_copy(&made->copy, options);
    made->options = &made->copy.options;
    const struct sky_text_options text = {.keep_labelled = options->keep_labelled};
    status = sky_text_new(&text, &made->text, reason);
    if (status == SKY_OK)
        status = begin_state(made);
    if (status == SKY_OK)
        status = begin_sessions(made);
    if (status != SKY_OK) {
        if (status == SKY_E_MEMORY)
            *reason = "no memory for the engine";
        sky_engine_free(made);
        return status;
    }
    *engine = made;
    return SKY_OK;
}

void sky_engine_free(struct sky_engine *engine)
{
    if (!engine)
        return;
    end_state(engine);
    sky_sessions_free(engine->sessions);
    sky_text_free(engine->text);
    sky_snapshot_builder_clean_up(&engine->snapshot);
    sky_count_builder_clean_up(&engine->counts);
    sky_arena_clean_up(&engine->activity_lists);
    free(engine);
}

/* ---- closing a minute ---- */

/* What is left to be done of a call: for whom, and whether they want to go on. */
struct closing {
    const struct sky_engine_sink *sink;
    bool go_on;
};

static enum sky_status give_counts(struct sky_engine *engine, const struct sky_snapshot_input *input,
                                   struct closing *closing)
{
    if (!closing->sink->on_counts)
        return SKY_OK;
    enum sky_status status = sky_counts_build(&engine->counts, input);
    if (status == SKY_OK && engine->counts.counts_count)
        closing->go_on =
            closing->sink->on_counts(closing->sink->context, engine->counts.counts, engine->counts.counts_count);
    return status;
}

/* The window of activity that ends at or before `minute`, if one does. */
static enum sky_status give_activity(struct sky_engine *engine, int64_t minute, struct closing *closing)
{
    struct sky_activity ended;
    struct sky_activity_record record;
    if (!engine->activity || !sky_tumbling_advance(engine->activity, minute, &ended) || !closing->sink->on_activity)
        return SKY_OK;
    sky_arena_reset(&engine->activity_lists);
    enum sky_status status = sky_activity_build(&engine->activity_lists, engine->options, &ended, &record);
    if (status == SKY_OK && closing->go_on)
        closing->go_on = closing->sink->on_activity(closing->sink->context, &record);
    return status;
}

static enum sky_status give_sessions(struct sky_engine *engine, int64_t minute, struct closing *closing)
{
    const struct sky_session *over;
    uint32_t count;
    if (!engine->sessions)
        return SKY_OK;
    enum sky_status status = sky_sessions_close(engine->sessions, minute * SKY_MINUTE_MS, &over, &count);
    if (status == SKY_OK && count && closing->sink->on_sessions && closing->go_on)
        closing->go_on = closing->sink->on_sessions(closing->sink->context, over, count);
    return status;
}

/* Close the open minute and hand out what it gives. */
static enum sky_status close_slide(struct sky_engine *engine, struct closing *closing)
{
    struct sky_tracker_result result;
    enum sky_status status = sky_sliding_close(engine->window);
    if (status == SKY_OK)
        status = sky_tracker_slide(engine->tracker, engine->window, &result);
    if (status != SKY_OK)
        return status;
    engine->stats.slides++;
    const struct sky_snapshot_input input = {
        .options = engine->options,
        .window = engine->window,
        .store = engine->store,
        .result = &result,
    };
    int64_t minute = sky_sliding_open_minute(engine->window);
    status = give_counts(engine, &input, closing);
    if (status == SKY_OK)
        status = give_activity(engine, minute, closing);
    if (status == SKY_OK)
        status = give_sessions(engine, minute, closing);
    if (status != SKY_OK || !closing->sink->on_slide || !closing->go_on)
        return status;
    status = sky_snapshot_build(&engine->snapshot, &input);
    if (status == SKY_OK)
        closing->go_on = closing->sink->on_slide(closing->sink->context, &engine->snapshot.snapshot);
    return status;
}

/* Event time jumps to `minute`, over more than the state is good for: what is open ends, and all begins anew. The
 * windows of activity in between, all empty, are not told one by one. */
static enum sky_status begin_anew(struct sky_engine *engine, int64_t minute, struct closing *closing)
{
    enum sky_status status = give_activity(engine, minute, closing);
    if (status == SKY_OK)
        status = give_sessions(engine, minute, closing);
    if (status != SKY_OK)
        return status;
    end_state(engine);
    return begin_state(engine);
}

enum sky_status sky_engine_advance(struct sky_engine *engine, int64_t event_time_ms, const struct sky_engine_sink *sink)
{
    static const struct sky_engine_sink nobody = {0};
    struct closing closing = {sink ? sink : &nobody, true};
    int64_t minute = sky_time_floor(event_time_ms, SKY_MINUTE_MS) / SKY_MINUTE_MS;
    if (sky_sliding_is_started(engine->window) &&
        minute - sky_sliding_open_minute(engine->window) > SKY_ENGINE_GAP_MINUTES_MAX) {
        enum sky_status status = begin_anew(engine, minute, &closing);
        if (status != SKY_OK)
            return status;
    }
    if (!sky_sliding_is_started(engine->window)) {
        sky_sliding_start(engine->window, minute);
        sky_post_store_advance(engine->store, minute);
    }
    while (closing.go_on && sky_sliding_open_minute(engine->window) < minute) {
        enum sky_status status = close_slide(engine, &closing);
        if (status != SKY_OK)
            return status;
        sky_post_store_advance(engine->store, sky_sliding_open_minute(engine->window));
    }
    if (event_time_ms > engine->stats.event_time_ms)
        engine->stats.event_time_ms = event_time_ms;
    return SKY_OK;
}

/* ---- posts ---- */

/* Activity and sessions of a create that counts. Their own reasons to refuse one are those that it was refused for
 * already (late), or are no reason to drop it (a DID too long to be one). */
static enum sky_status count_beside(struct sky_engine *engine, const struct sky_post *post,
                                    const struct sky_sliding_post *counted, const struct sky_keyword_list *keywords)
{
    bool is_reply = post->reply_to.len > 0;
    int64_t minute = sky_sliding_open_minute(engine->window);
    enum sky_status status = SKY_OK;
    if (engine->activity)
        status = sky_tumbling_add(engine->activity, minute, counted, is_reply, keywords);
    if (status != SKY_E_MEMORY && engine->sessions)
        status = sky_sessions_add(engine->sessions, post->author_did, post->event_time_ms, is_reply);
    return status == SKY_E_MEMORY ? status : SKY_OK;
}

/* Count a create that is neither late nor a repeat. */
static enum sky_status count_post(struct sky_engine *engine, const struct sky_post *post, int64_t minute)
{
    struct sky_post with_language = *post;
    if (!post->language_detected)
        with_language.language = sky_text_language(engine->text, post);
    struct sky_keyword_list keywords;
    enum sky_status status = sky_text_keywords(engine->text, &with_language, &keywords);
    if (status != SKY_OK)
        return status;
    engine->stats.posts_labelled += sky_text_is_withheld(engine->text, post);
    const struct sky_sliding_post counted = {
        .author_id = sky_hash_id(post->author_did),
        .post_id = sky_hash_id(post->uri),
        .sketch = sky_text_sketch(engine->text),
        .language = sky_engine_language_index(engine->options, with_language.language),
    };
    status = sky_sliding_add(engine->window, minute, &counted, &keywords);
    return status == SKY_OK ? count_beside(engine, post, &counted, &keywords) : status;
}

static enum sky_status take_create(struct sky_engine *engine, const struct sky_post *post, int64_t minute)
{
    if (sky_engine_is_import(post)) {
        engine->stats.posts_imported++;
        return SKY_OK;
    }
    enum sky_status status = sky_post_store_add(engine->store, post);
    if (status == SKY_E_DUPLICATE) {
        engine->stats.posts_duplicate++;
        return SKY_OK;
    }
    if (status != SKY_OK)
        return status;
    engine->stats.posts++;
    return count_post(engine, post, minute);
}

/* An update replaces a sample, or withdraws it: it never counts. */
static enum sky_status take_update(struct sky_engine *engine, const struct sky_post *post)
{
    engine->stats.updates++;
    if (!sky_text_is_withheld(engine->text, post))
        return sky_post_store_update(engine->store, post);
    sky_post_store_delete(engine->store, post);
    return SKY_OK;
}

enum sky_status sky_engine_post(struct sky_engine *engine, const struct sky_post *post,
                                const struct sky_engine_sink *sink)
{
    int64_t minute = sky_time_floor(post->event_time_ms, SKY_MINUTE_MS) / SKY_MINUTE_MS;
    if (post->late || (sky_sliding_is_started(engine->window) && minute < sky_sliding_open_minute(engine->window))) {
        engine->stats.posts_late++;
        return SKY_E_LATE;
    }
    enum sky_status status = sky_engine_advance(engine, post->event_time_ms, sink);
    if (status != SKY_OK)
        return status;
    switch (post->op) {
    case SKY_POST_CREATE: return take_create(engine, post, minute);
    case SKY_POST_UPDATE: return take_update(engine, post);
    case SKY_POST_DELETE:
        engine->stats.deletes++;
        sky_post_store_delete(engine->store, post);
        return SKY_OK;
    case SKY_POST_ACCOUNT: engine->stats.accounts++; return sky_post_store_account(engine->store, post);
    case SKY_POST_WATERMARK: break;
    }
    return SKY_OK;
}

void sky_engine_stats(const struct sky_engine *engine, struct sky_engine_stats *stats)
{
    *stats = engine->stats;
    stats->uptime_minutes = sky_tracker_uptime(engine->tracker);
    stats->keywords_known = sky_tracker_known(engine->tracker);
    stats->keywords_in_window = sky_sliding_keywords(engine->window);
}

static void save_stats(const struct sky_engine_stats *stats, struct sky_buffer *buffer)
{
    const uint64_t counters[] = {
        stats->posts,   stats->posts_late, stats->posts_imported, stats->posts_labelled, stats->posts_duplicate,
        stats->updates, stats->deletes,    stats->accounts,       stats->slides,
    };
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        sky_buffer_put_u64(buffer, counters[i]);
    sky_buffer_put_i64(buffer, stats->event_time_ms);
}

static void load_stats(struct sky_engine_stats *stats, struct sky_reader *reader)
{
    uint64_t *const counters[] = {
        &stats->posts,   &stats->posts_late, &stats->posts_imported, &stats->posts_labelled, &stats->posts_duplicate,
        &stats->updates, &stats->deletes,    &stats->accounts,       &stats->slides,
    };
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        *counters[i] = sky_reader_u64(reader);
    stats->event_time_ms = sky_reader_i64(reader);
}

static void save_extras(const struct sky_engine *engine, struct sky_buffer *buffer)
{
    struct sky_buffer extra = {0};
    if (engine->activity) {
        sky_tumbling_save(engine->activity, &extra);
        sky_buffer_put_u8(buffer, EXTRA_ACTIVITY);
        sky_buffer_put_u32(buffer, engine->options->activity_minutes);
        sky_buffer_put_blob(buffer, sky_buffer_span(&extra));
    }
    if (engine->sessions) {
        extra.len = 0;
        sky_sessions_save(engine->sessions, &extra);
        sky_buffer_put_u8(buffer, EXTRA_SESSIONS);
        sky_buffer_put_u32(buffer, engine->options->session_gap_minutes);
        sky_buffer_put_blob(buffer, sky_buffer_span(&extra));
    }
    buffer->failed |= extra.failed;
    sky_buffer_clean_up(&extra);
}

void sky_engine_save(const struct sky_engine *engine, struct sky_buffer *buffer)
{
    sky_engine_shape_save(engine->options, buffer);
    save_stats(&engine->stats, buffer);
    sky_post_store_save(engine->store, buffer);
    sky_sliding_save(engine->window, buffer);
    sky_tracker_save(engine->tracker, buffer);
    save_extras(engine, buffer);
}

static void load_activity(struct sky_engine *engine, struct sky_reader *reader)
{
    sky_tumbling_load(engine->activity, reader);
    int64_t minute = sky_sliding_open_minute(engine->window);
    if (sky_reader_ok(reader) && !sky_tumbling_takes(engine->activity, minute))
        sky_reader_fail(reader, SKY_E_RANGE, "a window of activity of another time");
}

/* One of what save_extras wrote: passed over when it is not wanted, or was made with another setting. */
static void load_extra(struct sky_engine *engine, struct sky_reader *reader, uint8_t *last_tag)
{
    uint8_t tag = sky_reader_u8(reader);
    struct sky_reader extra;
    if (tag <= *last_tag || tag > EXTRA_SESSIONS) {
        sky_reader_fail(reader, SKY_E_TRAILING, "bytes after the end of the state");
        return;
    }
    *last_tag = tag;
    uint32_t setting = sky_reader_u32(reader);
    sky_reader_init(&extra, sky_reader_blob(reader));
    if (!sky_reader_ok(reader))
        return;
    bool is_activity = tag == EXTRA_ACTIVITY;
    if (setting != (is_activity ? engine->options->activity_minutes : engine->options->session_gap_minutes))
        return;
    if (is_activity)
        load_activity(engine, &extra);
    else
        sky_sessions_load(engine->sessions, &extra);
    if (sky_reader_ok(&extra) && extra.offset != extra.input.len)
        sky_reader_fail(&extra, SKY_E_TRAILING, "bytes after the end of activity or sessions");
    if (!sky_reader_ok(&extra))
        sky_reader_fail(reader, extra.error.status, extra.error.reason);
}

enum sky_status sky_engine_load(struct sky_engine *engine, struct sky_span input, struct sky_error *error)
{
    struct sky_reader reader;
    uint8_t last_tag = 0;
    sky_reader_init(&reader, input);
    sky_engine_shape_load(engine->options, &reader);
    load_stats(&engine->stats, &reader);
    if (sky_reader_ok(&reader))
        sky_post_store_load(engine->store, &reader);
    if (sky_reader_ok(&reader))
        sky_sliding_load(engine->window, &reader);
    if (sky_reader_ok(&reader))
        sky_tracker_load(engine->tracker, &reader);
    while (sky_reader_ok(&reader) && reader.offset != input.len)
        load_extra(engine, &reader, &last_tag);
    *error = reader.error;
    return reader.error.status;
}
