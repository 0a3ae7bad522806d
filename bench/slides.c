/* bench slides: what a slide costs, and how the work of the engine grows.
 *
 *     1x, 3x, 10x   posts of the simulated network at that many times today's rate (3,000 a minute), windows of ten
 * minutes 1x-60m        windows of an hour 1x-all, 10x-all  with all that can be asked for: keyword counts, activity,
 * sessions
 *
 * Each line tells the posts a second (text, window, and the slides' share) and how long closing a slide took: the
 * close, the detectors, the snapshot and its JSON. Work is linear in events when posts_per_s is the same at all rates,
 * and does not depend on the length of the window when it is the same for both. Only whole windows are measured:
 * MEASURED_MINUTES behind the first full one. A minute's posts are copied first, so that their making is not timed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/time.h"
#include "bench.h"
#include "engine/engine.h"
#include "sim/world.h"
#include "trend/record.h"

#define MEASURED_MINUTES 15
#define WARM_UP_MINUTES  3 /* behind the first full window: then every detector may start trends */
#define QUICK_RATE       0.05

struct posts {
    struct sky_arena arena;
    struct sky_post *items;
    size_t count;
    size_t capacity;
};

struct run {
    struct sky_engine *engine;
    bool all;           /* counts, activity and sessions too */
    struct posts posts; /* of one minute */
    struct sky_buffer json;
    uint64_t counted;
    uint64_t bytes;
    double elapsed_s;
    double slides_s[MEASURED_MINUTES];
    uint32_t slides;
};

static bool copy_span(struct sky_arena *arena, struct sky_span *span)
{
    struct sky_span copy = sky_arena_copy(arena, *span);
    bool copied = copy.ptr || !span->len;
    *span = copied && span->ptr ? copy : *span;
    return copied;
}

static bool copy_spans(struct sky_arena *arena, const struct sky_span **spans, uint32_t count)
{
    struct sky_span *copies = sky_arena_alloc(arena, count * sizeof *copies);
    bool copied = copies != NULL;
    for (uint32_t i = 0; copied && i < count; i++) {
        copies[i] = (*spans)[i];
        copied = copy_span(arena, &copies[i]);
    }
    *spans = copies;
    return copied;
}

/* All that the engine looks at. */
static bool keep_post(struct posts *posts, const struct sky_post *post)
{
    struct sky_arena *arena = &posts->arena;
    if (posts->count == posts->capacity) {
        size_t capacity = posts->capacity ? posts->capacity * 2 : 4096;
        struct sky_post *grown = realloc(posts->items, capacity * sizeof *grown);
        if (!grown)
            return false;
        posts->items = grown;
        posts->capacity = capacity;
    }
    struct sky_post *kept = &posts->items[posts->count++];
    *kept = *post;
    kept->mentions = kept->links = NULL;
    kept->mentions_count = kept->links_count = 0;
    return copy_span(arena, &kept->uri) && copy_span(arena, &kept->author_did) && copy_span(arena, &kept->text) &&
           copy_span(arena, &kept->language) && copy_span(arena, &kept->rev) &&
           copy_spans(arena, &kept->langs, kept->langs_count) &&
           copy_spans(arena, &kept->hashtags, kept->hashtags_count) &&
           copy_spans(arena, &kept->labels, kept->labels_count);
}

static bool publish_counts(void *context, const struct sky_keyword_count *counts, uint32_t count)
{
    struct run *run = context;
    struct sky_json_writer json;
    run->json.len = 0;
    for (uint32_t i = 0; i < count; i++) {
        sky_json_begin(&json, &run->json);
        sky_keyword_count_write(&json, &counts[i]);
    }
    return !run->json.failed;
}

static bool publish_activity(void *context, const struct sky_activity_record *activity)
{
    struct run *run = context;
    struct sky_json_writer json;
    run->json.len = 0;
    sky_json_begin(&json, &run->json);
    sky_activity_write(&json, activity);
    return !run->json.failed;
}

static bool publish_sessions(void *context, const struct sky_session *sessions, uint32_t count)
{
    struct run *run = context;
    struct sky_json_writer json;
    run->json.len = 0;
    for (uint32_t i = 0; i < count; i++) {
        sky_json_begin(&json, &run->json);
        sky_session_write(&json, &sessions[i]);
    }
    return !run->json.failed;
}

static bool publish(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct run *run = context;
    struct sky_json_writer json;
    run->json.len = 0;
    sky_json_begin(&json, &run->json);
    sky_trend_snapshot_write(&json, snapshot);
    return !run->json.failed;
}

/* Close the slides before `minute` and take the posts kept; timed when `measured`. */
static enum sky_status take_minute(struct run *run, int64_t minute, bool measured)
{
    struct sky_engine_sink sink = {.context = run, .on_slide = publish};
    if (run->all)
        sink = (struct sky_engine_sink){run, publish_counts, publish_activity, publish_sessions, publish};
    double start_s = bench_cpu_s();
    enum sky_status status = sky_engine_advance(run->engine, minute * SKY_MINUTE_MS, &sink);
    double slide_s = bench_cpu_s() - start_s;
    for (size_t i = 0; i < run->posts.count && status == SKY_OK; i++) {
        status = sky_engine_post(run->engine, &run->posts.items[i], &sink);
        run->bytes += measured ? run->posts.items[i].text.len : 0;
    }
    if (!measured)
        return status;
    run->elapsed_s += bench_cpu_s() - start_s;
    run->counted += run->posts.count;
    run->slides_s[run->slides++] = slide_s;
    return status;
}

static enum sky_status run_world(struct run *run, struct sky_world *world, int64_t start_minute, uint32_t warm_up)
{
    struct sky_post post;
    int64_t minute = start_minute;
    enum sky_status status = SKY_OK;
    while (run->slides < MEASURED_MINUTES && (status = sky_world_next(world, &post)) == SKY_OK) {
        int64_t of_post = post.event_time_ms / SKY_MINUTE_MS;
        if (of_post != minute && run->posts.count) {
            status = take_minute(run, minute, minute - start_minute >= warm_up);
            if (status != SKY_OK)
                return status;
            run->posts.count = 0;
            sky_arena_reset(&run->posts.arena);
        }
        minute = of_post;
        if (!keep_post(&run->posts, &post))
            return SKY_E_MEMORY;
    }
    return status;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const struct bench_options *options, struct run *run, const char *mode)
{
    qsort(run->slides_s, run->slides, sizeof *run->slides_s, by_value);
    double posts_per_s = (double)run->counted / run->elapsed_s, mb_per_s = (double)run->bytes / run->elapsed_s / 1e6;
    double median_ms = run->slides_s[run->slides / 2] * 1e3, slowest_ms = run->slides_s[run->slides - 1] * 1e3;
    struct sky_engine_stats stats;
    sky_engine_stats(run->engine, &stats);
    if (options->json)
        printf("{\"bench\":\"slides\",\"mode\":\"%s\",\"posts_per_s\":%.0f,\"mb_per_s\":%.1f,\"rss_mb\":%.1f,"
               "\"posts_per_minute\":%llu,\"slide_median_ms\":%.2f,\"slide_slowest_ms\":%.2f,\"keywords\":%llu}\n",
               mode, posts_per_s, mb_per_s, bench_rss_mb(), (unsigned long long)(run->counted / run->slides), median_ms,
               slowest_ms, (unsigned long long)stats.keywords_in_window);
    else
        printf(
            "slides    %-8s %7llu posts a minute %9.0f posts_per_s  slide %6.2f ms, slowest %6.2f ms, %8llu keywords\n",
            mode, (unsigned long long)(run->counted / run->slides), posts_per_s, median_ms, slowest_ms,
            (unsigned long long)stats.keywords_in_window);
    fflush(stdout);
}

struct mode {
    const char *name;
    double rate;
    uint32_t window_minutes;
    bool all;
};

static bool run_mode(const struct bench_options *options, const struct mode *mode)
{
    struct run run = {.all = mode->all};
    struct sky_world *world = NULL;
    struct sky_world_options world_options;
    struct sky_engine_options engine_options;
    const char *reason = NULL;
    sky_world_options_default(&world_options);
    sky_engine_options_default(&engine_options);
    world_options.seed = engine_options.hash_key = options->seed;
    world_options.rate = options->quick ? mode->rate * QUICK_RATE : mode->rate;
    world_options.hours = 2;
    engine_options.window_minutes = mode->window_minutes;
    engine_options.activity_minutes = mode->all ? 5 : 0;
    engine_options.session_gap_minutes = mode->all ? 30 : 0;
    enum sky_status status = sky_world_new(&world_options, &world);
    if (status == SKY_OK)
        status = sky_engine_new(&engine_options, &run.engine, &reason);
    if (status == SKY_OK)
        status = run_world(&run, world, world_options.start_ms / SKY_MINUTE_MS, mode->window_minutes + WARM_UP_MINUTES);
    if (status == SKY_OK)
        print(options, &run, mode->name);
    else
        fprintf(stderr, "bench slides: %s\n", reason ? reason : sky_status_name(status));
    sky_engine_free(run.engine);
    sky_world_free(world);
    sky_arena_clean_up(&run.posts.arena);
    sky_buffer_clean_up(&run.json);
    free(run.posts.items);
    return status == SKY_OK;
}

int bench_slides(const struct bench_options *options)
{
    static const struct mode modes[] = {
        {"1x", 1, 10, false},     {"3x", 3, 10, false},    {"10x", 10, 10, false},
        {"1x-60m", 1, 60, false}, {"1x-all", 1, 10, true}, {"10x-all", 10, 10, true},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!run_mode(options, &modes[i]))
            return 1;
    return 0;
}
