/* Time. The engine that runs in one piece begins at its first event and starts anew where events are further apart than
 * SKY_ENGINE_GAP_MINUTES_MAX. Here windows are told of for as long as they hold posts, so only totals that say that
 * there were events count as such.
 *
 * Activity. A window's parts come with the minute it ends in, from the buckets that had something in it; the first
 * part there is begins the row of windows, and from then on each window gives a record. */
#include "stage/rank_stage.h"

#include <stdlib.h>

#include "base/time.h"
#include "engine/minute_records.h"
#include "engine/options.h"
#include "engine/snapshot.h"
#include "stage/activity_part.h"
#include "stage/event.h"
#include "stage/minute_windows.h"
#include "stage/record.h"
#include "stage/slide_rows.h"

#define STATE_VERSION 1
#define NO_ACTIVITY   INT64_MIN
#define MINUTE_MAX    (INT64_MAX / SKY_MINUTE_MS / 2) /* far beyond any time of ours; sums of minutes stay in 64 bits */

struct sky_rank_stage {
    struct sky_engine_options_copy copy;
    const struct sky_engine_options *options; /* of the copy */
    struct sky_tracker *tracker;
    struct sky_post_store *store;
    struct sky_minutes waiting[SKY_PACKET_KINDS]; /* packets of a kind, by their minute */
    int64_t closed_minute;
    int64_t event_minute;          /* the last up to the one to be closed next that had events */
    struct sky_minutes parts;      /* of activity, by the first minute of their window */
    int64_t activity_start_minute; /* of the window that is open; NO_ACTIVITY */
    struct sky_slide_rows rows;
    struct sky_snapshot_builder snapshot;
    struct sky_arena arena; /* of counts and activity */
    struct sky_sliding_row *lists[2];
    uint32_t lists_capacity[2];
    struct sky_buffer json;
    struct sky_rank_stage_stats stats;
};

/* The minute at hand, its packets by kind. */
struct slide {
    int64_t minute;
    struct sky_packets *packets;
    struct sky_buffer of_kind[SKY_PACKET_KINDS];
    uint64_t posts;
    uint64_t authors;
};

static enum sky_status begin_state(struct sky_rank_stage *stage)
{
    const struct sky_tracker_options tracker = sky_engine_tracker_options(stage->options);
    stage->tracker = sky_tracker_new(&tracker);
    stage->store = sky_post_store_new(stage->options->window_minutes + 1, stage->options->hash_key);
    stage->activity_start_minute = NO_ACTIVITY;
    return stage->tracker && stage->store ? SKY_OK : SKY_E_MEMORY;
}

static void end_state(struct sky_rank_stage *stage)
{
    sky_tracker_free(stage->tracker);
    sky_post_store_free(stage->store);
    stage->tracker = NULL;
    stage->store = NULL;
}

struct sky_rank_stage *sky_rank_stage_new(const struct sky_engine_options *options)
{
    struct sky_rank_stage *stage = calloc(1, sizeof *stage);
    if (!stage)
        return NULL;
    sky_engine_options_copy(&stage->copy, options);
    stage->options = &stage->copy.options;
    stage->closed_minute = SKY_NOTHING_CLOSED;
    if (begin_state(stage) != SKY_OK) {
        sky_rank_stage_free(stage);
        return NULL;
    }
    return stage;
}

void sky_rank_stage_free(struct sky_rank_stage *stage)
{
    if (!stage)
        return;
    end_state(stage);
    for (uint32_t kind = 0; kind < SKY_PACKET_KINDS; kind++)
        sky_minutes_clean_up(&stage->waiting[kind]);
    sky_minutes_clean_up(&stage->parts);
    sky_slide_rows_clean_up(&stage->rows);
    sky_snapshot_builder_clean_up(&stage->snapshot);
    sky_arena_clean_up(&stage->arena);
    sky_buffer_clean_up(&stage->json);
    free(stage->lists[0]);
    free(stage->lists[1]);
    free(stage);
}

enum sky_status sky_rank_stage_take(struct sky_rank_stage *stage, const struct sky_packet *packet)
{
    if (packet->kind != SKY_PACKET_POSTS && packet->kind != SKY_PACKET_TOTALS && packet->kind != SKY_PACKET_ROWS &&
        packet->kind != SKY_PACKET_ACTIVITY)
        return SKY_E_RANGE;
    if (packet->minute <= stage->closed_minute) {
        stage->stats.packets_late++;
        return SKY_E_LATE;
    }
    struct sky_buffer *waiting = sky_minutes_open(&stage->waiting[packet->kind], packet->minute);
    if (!waiting)
        return SKY_E_MEMORY;
    sky_buffer_put_span(waiting, packet->entries);
    return waiting->failed ? SKY_E_MEMORY : SKY_OK;
}

/* ---- a minute's posts and sums ---- */

static enum sky_status take_post(struct sky_rank_stage *stage, const struct sky_event *event)
{
    const struct sky_span unquoted = SKY_SPAN("!no-unauthenticated");
    const struct sky_post post = {
        .op = event->op,
        .uri = event->uri,
        .author_did = event->author_did,
        .rev = event->rev,
        .text = event->text,
        .created_at_ms = event->created_at_ms,
        .active = event->active,
        .status = event->status,
        .labels = &unquoted,
        .labels_count = event->unquoted,
    };
    switch (event->op) {
    case SKY_POST_CREATE: {
        enum sky_status status = sky_post_store_add(stage->store, &post);
        return status == SKY_E_DUPLICATE ? SKY_OK : status;
    }
    case SKY_POST_UPDATE:
        if (!event->withheld)
            return sky_post_store_update(stage->store, &post);
        sky_post_store_delete(stage->store, &post);
        return SKY_OK;
    case SKY_POST_DELETE: sky_post_store_delete(stage->store, &post); return SKY_OK;
    case SKY_POST_ACCOUNT: return sky_post_store_account(stage->store, &post);
    case SKY_POST_WATERMARK: break;
    }
    return SKY_OK;
}

static enum sky_status take_posts(struct sky_rank_stage *stage, struct sky_reader *posts)
{
    enum sky_status status = SKY_OK;
    while (status == SKY_OK && sky_reader_ok(posts) && posts->offset < posts->input.len) {
        struct sky_event event;
        sky_event_get(posts, &event);
        if (sky_reader_ok(posts))
            status = take_post(stage, &event);
    }
    return status;
}

static void add_totals(struct slide *slide, struct sky_reader *totals)
{
    while (sky_reader_ok(totals) && totals->offset < totals->input.len) {
        sky_reader_u8(totals);
        slide->posts += sky_reader_u64(totals);
        slide->authors += sky_reader_u64(totals);
    }
}

/* ---- its records ---- */

static void put_record(void *context, const struct sky_published *record)
{
    const struct slide *slide = context;
    sky_record_put(sky_packets_open(slide->packets, SKY_PACKET_RECORDS, 0, slide->minute), record);
}

static enum sky_status put_counts(struct sky_rank_stage *stage, const struct sky_publisher *publisher,
                                  int64_t end_minute)
{
    enum sky_status status = SKY_OK;
    for (uint32_t i = 0; status == SKY_OK && i < stage->rows.kept_count; i++) {
        const struct sky_kept_row *row = &stage->rows.kept[i];
        if (row->count < stage->options->min_frequency || row->language > stage->options->languages_count)
            continue;
        struct sky_keyword_count count = {
            .keyword = row->keyword,
            .normalized_keyword = row->keyword,
            .language = sky_engine_language_name(stage->options, row->language),
            .count = row->count,
            .unique_authors = row->unique_authors,
            .voices = row->unique_authors,
            .window_start_ms = (end_minute - stage->options->window_minutes) * SKY_MINUTE_MS,
            .window_end_ms = end_minute * SKY_MINUTE_MS,
        };
        uint32_t picks = row->picks_count < SKY_COUNT_SAMPLES_MAX ? row->picks_count : SKY_COUNT_SAMPLES_MAX;
        sky_arena_reset(&stage->arena);
        status = sky_sample_show(&stage->arena, stage->store, row->picks, picks, &count.sample_posts,
                                 &count.sample_posts_count);
        if (status == SKY_OK)
            status = sky_publish_counts(publisher, &count, 1);
    }
    return status;
}

static enum sky_status describe(void *context, struct sky_arena *arena, const struct sky_trend *trend,
                                struct sky_trend_alert *alert)
{
    const struct sky_rank_stage *stage = context;
    const struct sky_kept_row *row = sky_slide_rows_find(&stage->rows, stage->options, trend->language, trend->keyword);
    if (!row)
        return SKY_OK;
    alert->unique_authors = row->unique_authors;
    return sky_sample_show(arena, stage->store, row->picks, row->picks_count, &alert->sample_posts,
                           &alert->sample_posts_count);
}

static enum sky_status put_snapshot(struct sky_rank_stage *stage, const struct sky_publisher *publisher,
                                    const struct slide *slide, const struct sky_tracker_result *result)
{
    const struct sky_slide counted = {
        .options = stage->options,
        .end_minute = slide->minute + 1,
        .posts = slide->posts,
        .active_authors = slide->authors,
        .volume = stage->rows.volume,
        .top = stage->rows.top,
        .top_count = stage->rows.top_count,
        .result = result,
        .context = stage,
        .describe = describe,
    };
    enum sky_status status = sky_snapshot_of_slide(&stage->snapshot, &counted);
    return status == SKY_OK ? sky_publish_snapshot(publisher, &stage->snapshot.snapshot) : status;
}

/* ---- activity ---- */

/* File the parts that came with `minute`, the last one of their window. */
static enum sky_status file_parts(struct sky_rank_stage *stage, int64_t minute, struct sky_reader *parts)
{
    while (sky_reader_ok(parts) && parts->offset < parts->input.len) {
        struct sky_reader part;
        sky_reader_init(&part, sky_reader_blob(parts));
        int64_t start_minute = sky_reader_i64(&part);
        if (!sky_reader_ok(&part) || !sky_reader_ok(parts) ||
            start_minute != minute + 1 - (int64_t)stage->options->activity_minutes) {
            sky_reader_fail(parts, SKY_E_RANGE, "not a part of activity");
            return SKY_OK;
        }
        struct sky_buffer *filed = sky_minutes_open(&stage->parts, start_minute);
        if (!filed)
            return SKY_E_MEMORY;
        sky_buffer_put_blob(filed, sky_reader_bytes(&part, part.input.len - part.offset));
        if (filed->failed)
            return SKY_E_MEMORY;
        if (stage->activity_start_minute == NO_ACTIVITY)
            stage->activity_start_minute = start_minute;
    }
    return SKY_OK;
}

struct activity {
    struct sky_activity sums;
    uint64_t by_language[SKY_ENGINE_LANGUAGES_MAX];
    uint32_t lists_count[2];
};

static enum sky_status add_part(struct sky_rank_stage *stage, struct activity *activity, struct sky_reader *part)
{
    uint32_t languages = stage->options->languages_count + 1;
    if (sky_reader_u8(part) == SKY_ACTIVITY_KEYWORDS) {
        enum sky_status status = SKY_OK;
        for (uint32_t i = 0; i < 2 && status == SKY_OK; i++)
            status = sky_rows_get(part, &stage->lists[i], &activity->lists_count[i], &stage->lists_capacity[i]);
        return status;
    }
    activity->sums.posts += sky_reader_u64(part);
    activity->sums.replies += sky_reader_u64(part);
    activity->sums.unique_authors += sky_reader_u64(part);
    if (sky_reader_u32(part) != languages)
        sky_reader_fail(part, SKY_E_RANGE, "activity of other languages");
    for (uint32_t g = 0; g < languages && sky_reader_ok(part); g++)
        activity->by_language[g] += sky_reader_u64(part);
    return SKY_OK;
}

/* The record of the window that is open, of the parts there are. */
static enum sky_status put_window(struct sky_rank_stage *stage, struct slide *slide, struct sky_reader *filed)
{
    uint32_t top = stage->options->top_keywords;
    struct activity activity = {.sums = {.window_start_minute = stage->activity_start_minute}};
    activity.sums.window_end_minute = stage->activity_start_minute + stage->options->activity_minutes;
    activity.sums.by_language = activity.by_language;
    enum sky_status status = SKY_OK;
    while (status == SKY_OK && sky_reader_ok(filed) && filed->offset < filed->input.len) {
        struct sky_reader part;
        sky_reader_init(&part, sky_reader_blob(filed));
        status = add_part(stage, &activity, &part);
        if (!sky_reader_ok(&part))
            sky_reader_fail(filed, part.error.status, part.error.reason);
    }
    if (status != SKY_OK || !sky_reader_ok(filed))
        return status;
    activity.sums.top_keywords = stage->lists[0];
    activity.sums.top_keywords_count = sky_rows_most_used(stage->lists[0], activity.lists_count[0], top);
    activity.sums.top_hashtags = stage->lists[1];
    activity.sums.top_hashtags_count = sky_rows_most_used(stage->lists[1], activity.lists_count[1], top);
    struct sky_activity_record record;
    sky_arena_reset(&stage->arena);
    status = sky_activity_build(&stage->arena, stage->options, &activity.sums, &record);
    const struct sky_publisher publisher = {slide, put_record, &stage->json};
    return status == SKY_OK ? sky_publish_activity(&publisher, &record) : status;
}

/* The windows that have ended when the minute before `minute` is over. */
static enum sky_status put_activity(struct sky_rank_stage *stage, struct slide *slide, int64_t minute,
                                    struct sky_reader *parts)
{
    enum sky_status status = file_parts(stage, minute - 1, parts);
    uint32_t length = stage->options->activity_minutes;
    while (status == SKY_OK && sky_reader_ok(parts) && stage->activity_start_minute != NO_ACTIVITY &&
           stage->activity_start_minute + length <= minute) {
        struct sky_buffer filed;
        struct sky_reader reader;
        sky_minutes_take(&stage->parts, stage->activity_start_minute, &filed);
        sky_reader_init(&reader, sky_buffer_span(&filed));
        status = put_window(stage, slide, &reader);
        if (!sky_reader_ok(&reader))
            sky_reader_fail(parts, reader.error.status, reader.error.reason);
        sky_buffer_clean_up(&filed);
        stage->activity_start_minute += length;
    }
    return status;
}

/* ---- a slide ---- */

static void open_slide(struct sky_rank_stage *stage, struct slide *slide)
{
    for (uint32_t kind = 0; kind < SKY_PACKET_KINDS; kind++)
        sky_minutes_take(&stage->waiting[kind], slide->minute, &slide->of_kind[kind]);
}

static void close_slide(struct slide *slide)
{
    for (uint32_t kind = 0; kind < SKY_PACKET_KINDS; kind++)
        sky_buffer_clean_up(&slide->of_kind[kind]);
}

static struct sky_reader entries_of(const struct slide *slide, enum sky_packet_kind kind)
{
    struct sky_reader reader;
    sky_reader_init(&reader, sky_buffer_span(&slide->of_kind[kind]));
    return reader;
}

/* The first error of readers, when there was none of memory. */
static enum sky_status status_of(enum sky_status status, const struct sky_reader *reader, struct sky_error *error)
{
    if (status == SKY_OK && !sky_reader_ok(reader)) {
        *error = reader->error;
        return reader->error.status;
    }
    return status;
}

static enum sky_status rank(struct sky_rank_stage *stage, const struct slide *slide, struct sky_tracker_result *result,
                            struct sky_error *error)
{
    struct sky_reader heads = entries_of(slide, SKY_PACKET_ROWS), rows = heads;
    enum sky_status status = sky_slide_rows_begin(&stage->rows, stage->options, &heads);
    status = status_of(status, &heads, error);
    if (status == SKY_OK)
        status = sky_tracker_begin(stage->tracker, slide->minute, stage->rows.volume);
    if (status == SKY_OK)
        status = sky_slide_rows_count(&stage->rows, stage->options, &rows, stage->tracker);
    status = status_of(status, &rows, error);
    return status == SKY_OK ? sky_tracker_end(stage->tracker, result) : status;
}

static enum sky_status put_records(struct sky_rank_stage *stage, struct slide *slide,
                                   const struct sky_tracker_result *result, struct sky_error *error)
{
    struct sky_reader parts = entries_of(slide, SKY_PACKET_ACTIVITY);
    const struct sky_publisher publisher = {slide, put_record, &stage->json};
    enum sky_status status = put_counts(stage, &publisher, slide->minute + 1);
    if (status == SKY_OK)
        status = put_activity(stage, slide, slide->minute + 1, &parts);
    status = status_of(status, &parts, error);
    return status == SKY_OK ? put_snapshot(stage, &publisher, slide, result) : status;
}

static enum sky_status close_minute(struct sky_rank_stage *stage, struct slide *slide, struct sky_error *error)
{
    struct sky_tracker_result result;
    open_slide(stage, slide);
    struct sky_reader posts = entries_of(slide, SKY_PACKET_POSTS), totals = entries_of(slide, SKY_PACKET_TOTALS);
    sky_post_store_advance(stage->store, slide->minute);
    enum sky_status status = take_posts(stage, &posts);
    status = status_of(status, &posts, error);
    add_totals(slide, &totals);
    status = status_of(status, &totals, error);
    if (status == SKY_OK)
        status = rank(stage, slide, &result, error);
    if (status == SKY_OK)
        status = put_records(stage, slide, &result, error);
    if (status != SKY_OK)
        return status;
    stage->closed_minute = slide->minute;
    stage->stats.slides++;
    stage->stats.trends = result.on_count + result.recurring_count;
    stage->stats.keywords_in_window = stage->rows.rows;
    return SKY_OK;
}

/* ---- which minutes ---- */

static bool has_events(struct sky_span totals)
{
    struct sky_reader reader;
    sky_reader_init(&reader, totals);
    while (sky_reader_ok(&reader) && reader.offset < totals.len) {
        if (sky_reader_u8(&reader))
            return true;
        sky_reader_bytes(&reader, 2 * sizeof(uint64_t));
    }
    return false;
}

/* The first minute with events from `from` to `minute`; when there is none, the one after `minute`, which event time
 * has reached. */
static int64_t next_event(const struct sky_rank_stage *stage, int64_t from, int64_t minute)
{
    const struct sky_minutes *totals = &stage->waiting[SKY_PACKET_TOTALS];
    for (uint32_t i = 0; i < totals->count && totals->items[i].minute <= minute; i++)
        if (totals->items[i].minute >= from && has_events(sky_buffer_span(&totals->items[i].bytes)))
            return totals->items[i].minute;
    return minute + 1;
}

/* The first minute that something waits for; INT64_MAX: nothing does. */
static int64_t first_waiting(const struct sky_rank_stage *stage)
{
    int64_t first = INT64_MAX;
    for (uint32_t kind = 0; kind < SKY_PACKET_KINDS; kind++)
        if (stage->waiting[kind].count && stage->waiting[kind].items[0].minute < first)
            first = stage->waiting[kind].items[0].minute;
    return first;
}

/* Event time jumps to `minute`: the window of activity that is open ends, what else waits is of minutes that nobody
 * closes any more, and all begins anew. */
static enum sky_status begin_anew(struct sky_rank_stage *stage, int64_t minute, struct sky_packets *packets,
                                  struct sky_error *error)
{
    enum sky_status status = SKY_OK;
    struct slide last = {.minute = minute - 1, .packets = packets};
    while (status == SKY_OK && first_waiting(stage) < minute) {
        struct slide left = {.minute = first_waiting(stage)};
        open_slide(stage, &left);
        struct sky_reader parts = entries_of(&left, SKY_PACKET_ACTIVITY);
        status = file_parts(stage, left.minute, &parts);
        status = status_of(status, &parts, error);
        close_slide(&left);
    }
    struct sky_reader none = entries_of(&last, SKY_PACKET_ACTIVITY);
    if (status == SKY_OK && stage->activity_start_minute != NO_ACTIVITY)
        status = put_activity(stage, &last, stage->activity_start_minute + stage->options->activity_minutes, &none);
    status = status_of(status, &none, error);
    end_state(stage);
    sky_minutes_clean_up(&stage->parts);
    stage->closed_minute = minute - 1;
    stage->event_minute = minute;
    return status == SKY_OK ? begin_state(stage) : status;
}

enum sky_status sky_rank_stage_close(struct sky_rank_stage *stage, int64_t minute, struct sky_packets *packets,
                                     struct sky_error *error)
{
    enum sky_status status = SKY_OK;
    *error = (struct sky_error){0};
    if (minute > MINUTE_MAX || minute < -MINUTE_MAX)
        status = SKY_E_RANGE;
    while (status == SKY_OK && stage->closed_minute < minute) {
        if (stage->closed_minute == SKY_NOTHING_CLOSED) {
            stage->event_minute = next_event(stage, INT64_MIN, minute);
            if (stage->event_minute > minute)
                break;
            stage->closed_minute = stage->event_minute - 1;
        }
        struct slide slide = {.minute = stage->closed_minute + 1, .packets = packets};
        if (next_event(stage, slide.minute, minute) == slide.minute)
            stage->event_minute = slide.minute;
        int64_t next = next_event(stage, slide.minute + 1, minute);
        if (next - stage->event_minute > SKY_ENGINE_GAP_MINUTES_MAX) {
            status = begin_anew(stage, next, packets, error);
            continue;
        }
        status = close_minute(stage, &slide, error);
        close_slide(&slide);
    }
    if (status != SKY_OK && !error->status)
        *error = (struct sky_error){status, 0,
                                    status == SKY_E_RANGE ? "a minute outside all time" : "no memory for a slide"};
    return status;
}

void sky_rank_stage_stats(const struct sky_rank_stage *stage, struct sky_rank_stage_stats *stats)
{
    *stats = stage->stats;
    stats->keywords_known = sky_tracker_known(stage->tracker);
    stats->uptime_minutes = sky_tracker_uptime(stage->tracker);
    stats->closed_minute = stage->closed_minute;
}

/* ---- state ---- */

void sky_rank_stage_save(const struct sky_rank_stage *stage, struct sky_buffer *buffer)
{
    sky_buffer_put_u8(buffer, STATE_VERSION);
    sky_engine_shape_save(stage->options, buffer);
    sky_buffer_put_u32(buffer, stage->options->activity_minutes);
    sky_buffer_put_i64(buffer, stage->closed_minute);
    sky_buffer_put_i64(buffer, stage->event_minute);
    sky_buffer_put_u64(buffer, stage->stats.slides);
    sky_buffer_put_u64(buffer, stage->stats.packets_late);
    sky_post_store_save(stage->store, buffer);
    sky_tracker_save(stage->tracker, buffer);
    sky_buffer_put_i64(buffer, stage->activity_start_minute);
    sky_minutes_save(&stage->parts, buffer);
    for (uint32_t kind = 0; kind < SKY_PACKET_KINDS; kind++)
        sky_minutes_save(&stage->waiting[kind], buffer);
}

static void check_times(const struct sky_rank_stage *stage, struct sky_reader *reader)
{
    int64_t closed = stage->closed_minute, event = stage->event_minute;
    if (closed == SKY_NOTHING_CLOSED)
        return;
    if (closed > MINUTE_MAX || closed < -MINUTE_MAX || event > closed + 1 ||
        event < closed - SKY_ENGINE_GAP_MINUTES_MAX)
        sky_reader_fail(reader, SKY_E_RANGE, "minutes outside all time");
}

/* The window that is open holds the minute that is to be closed next. */
static void load_activity_start(struct sky_rank_stage *stage, struct sky_reader *reader)
{
    int64_t start_minute = sky_reader_i64(reader), closed = stage->closed_minute;
    stage->activity_start_minute = start_minute;
    if (start_minute != NO_ACTIVITY && sky_reader_ok(reader) &&
        (start_minute > closed + 1 || start_minute < closed + 2 - (int64_t)stage->options->activity_minutes))
        sky_reader_fail(reader, SKY_E_RANGE, "a window of activity of another time");
}

enum sky_status sky_rank_stage_load(struct sky_rank_stage *stage, struct sky_span input, struct sky_error *error)
{
    struct sky_reader reader;
    sky_reader_init(&reader, input);
    if (sky_reader_u8(&reader) != STATE_VERSION)
        sky_reader_fail(&reader, SKY_E_UNSUPPORTED, "a state of ranks of another version");
    sky_engine_shape_load(stage->options, &reader);
    if (sky_reader_u32(&reader) != stage->options->activity_minutes)
        sky_reader_fail(&reader, SKY_E_CONFIG, "the state was made with another window of activity");
    stage->closed_minute = sky_reader_i64(&reader);
    stage->event_minute = sky_reader_i64(&reader);
    check_times(stage, &reader);
    stage->stats.slides = sky_reader_u64(&reader);
    stage->stats.packets_late = sky_reader_u64(&reader);
    if (sky_reader_ok(&reader))
        sky_post_store_load(stage->store, &reader);
    if (sky_reader_ok(&reader))
        sky_tracker_load(stage->tracker, &reader);
    load_activity_start(stage, &reader);
    if (sky_reader_ok(&reader))
        sky_minutes_load(&stage->parts, &reader);
    for (uint32_t kind = 0; kind < SKY_PACKET_KINDS && sky_reader_ok(&reader); kind++)
        sky_minutes_load(&stage->waiting[kind], &reader);
    if (sky_reader_ok(&reader) && reader.offset != input.len)
        sky_reader_fail(&reader, SKY_E_TRAILING, "bytes after the end of a state of ranks");
    *error = reader.error;
    return reader.error.status;
}
