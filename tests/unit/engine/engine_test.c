/* The whole engine on a small made-up network: what is planned comes out, and neither hash keys nor restarts change a
 * byte of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/engine.h"

#define START_MS    INT64_C(1780000020000) /* a whole minute */
#define BURST_START 40                     /* minute */
#define BURST_END   55
#define MINUTES     80
#define CUTS        24

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* A stream of posts, the same for the same seed; in minutes BURST_START to BURST_END every fifth post says "volcano".
 */
struct stream {
    uint64_t random;
    int step;
    char uri[96], did[32], rev[16], text[128];
};

#define POSTS_A_MINUTE 60

static struct sky_post stream_next(struct stream *stream)
{
    int minute = stream->step / POSTS_A_MINUTE;
    bool burst = minute >= BURST_START && minute < BURST_END && stream->step % 5 == 0;
    snprintf(stream->did, sizeof stream->did, "did:plc:author%u", next_random(&stream->random) % 900);
    snprintf(stream->uri, sizeof stream->uri, "at://%s/app.bsky.feed.post/%d", stream->did, stream->step);
    snprintf(stream->rev, sizeof stream->rev, "r%d", stream->step);
    snprintf(stream->text, sizeof stream->text, "alpha%u is near bravo%u %s", next_random(&stream->random) % 50,
             next_random(&stream->random) % 300, burst ? "volcano" : "today");
    int64_t time_ms = START_MS + minute * SKY_MINUTE_MS + stream->step % POSTS_A_MINUTE * 1000;
    stream->step++;
    return (struct sky_post){.op = SKY_POST_CREATE,
                             .uri = sky_span_from_string(stream->uri),
                             .author_did = sky_span_from_string(stream->did),
                             .rev = sky_span_from_string(stream->rev),
                             .text = sky_span_from_string(stream->text),
                             .language = SKY_SPAN("en"),
                             .language_detected = true,
                             .has_created_at = true,
                             .created_at_ms = time_ms,
                             .observed_at_ms = time_ms,
                             .event_time_ms = time_ms};
}

static bool write_snapshot(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct sky_buffer *out = context;
    struct sky_json_writer json;
    sky_json_begin(&json, out);
    sky_trend_snapshot_write(&json, snapshot);
    sky_buffer_put_u8(out, '\n');
    return true;
}

static struct sky_engine *new_engine(uint64_t hash_key)
{
    struct sky_engine_options options;
    sky_engine_options_default(&options);
    options.hash_key = hash_key;
    struct sky_engine *engine = NULL;
    const char *reason = NULL;
    assert_int_equal(sky_engine_new(&options, &engine, &reason), SKY_OK);
    return engine;
}

static struct sky_engine *restart(struct sky_engine *engine, uint64_t hash_key)
{
    struct sky_buffer saved = {0};
    sky_engine_save(engine, &saved);
    assert_false(saved.failed);
    sky_engine_free(engine);
    engine = new_engine(hash_key);
    struct sky_error error;
    assert_int_equal(sky_engine_load(engine, sky_buffer_span(&saved), &error), SKY_OK);
    sky_buffer_clean_up(&saved);
    return engine;
}

/* All snapshots of the stream; a restart after every `restart_every` posts, 0 for none. */
static struct sky_buffer run_stream(uint64_t hash_key, int restart_every)
{
    struct sky_buffer out = {0};
    struct sky_engine *engine = new_engine(hash_key);
    const struct sky_engine_sink sink = {.context = &out, .on_slide = write_snapshot};
    struct stream stream = {.random = 5};
    for (int i = 0; i < MINUTES * POSTS_A_MINUTE; i++) {
        struct sky_post post = stream_next(&stream);
        assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
        if (restart_every && i % restart_every == restart_every - 1)
            engine = restart(engine, hash_key + (uint64_t)i);
    }
    sky_engine_free(engine);
    assert_false(out.failed);
    return out;
}

static void test_hash_key_changes_nothing(void **state)
{
    (void)state;
    struct sky_buffer one = run_stream(1, 0), other = run_stream(0xfeedfacecafebeefU, 0);
    assert_true(one.len > 10000);
    assert_true(sky_span_equal(sky_buffer_span(&one), sky_buffer_span(&other)));
    sky_buffer_clean_up(&one);
    sky_buffer_clean_up(&other);
}

static void test_restarts_change_nothing(void **state)
{
    (void)state;
    struct sky_buffer one = run_stream(1, 0), other = run_stream(2, 97);
    assert_true(sky_span_equal(sky_buffer_span(&one), sky_buffer_span(&other)));
    sky_buffer_clean_up(&one);
    sky_buffer_clean_up(&other);
}

struct seen {
    int64_t started_minute, ended_minute;
    int slides;
    int other_trends;
    bool has_samples;
};

static bool watch_volcano(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct seen *seen = context;
    int64_t minute = (snapshot->window_end_ms - START_MS) / SKY_MINUTE_MS;
    seen->slides++;
    for (uint32_t i = 0; i < snapshot->trends_count; i++) {
        const struct sky_trend_alert *alert = &snapshot->trends[i];
        if (!sky_span_equal(alert->keyword, SKY_SPAN("volcano"))) {
            seen->other_trends++;
            continue;
        }
        if (alert->kind == SKY_TREND_STARTED)
            seen->started_minute = minute;
        seen->has_samples = alert->sample_posts_count == 5;
        assert_true(alert->frequency >= alert->unique_authors);
        assert_true(alert->expected < alert->frequency);
    }
    for (uint32_t i = 0; i < snapshot->ended_count; i++)
        if (sky_span_equal(snapshot->ended[i].keyword, SKY_SPAN("volcano")))
            seen->ended_minute = minute;
    return true;
}

static void test_planned_burst_trends(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct sky_engine *engine = new_engine(3);
    const struct sky_engine_sink sink = {.context = &seen, .on_slide = watch_volcano};
    struct stream stream = {.random = 5};
    for (int i = 0; i < MINUTES * POSTS_A_MINUTE; i++) {
        struct sky_post post = stream_next(&stream);
        assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
    }
    assert_int_equal(seen.slides, MINUTES - 1);
    assert_in_range(seen.started_minute, BURST_START + 1, BURST_START + 3);
    assert_in_range(seen.ended_minute, BURST_END, BURST_END + 12);
    assert_true(seen.has_samples);
    assert_int_equal(seen.other_trends, 0);
    sky_engine_free(engine);
}

/* Every "volcano" of the stream, for the samples to be compared with. */
struct volcano {
    int minute;
    uint32_t author;
    char uri[96];
    bool shown; /* wanted as a sample of the window at hand */
};

#define VOLCANO_AUTHORS 23 /* each says it again and again */
#define SAMPLES         5

struct volcanoes {
    struct volcano said[400];
    int count;
    int compared;
};

static uint64_t id_of(const struct volcano *volcano)
{
    return sky_hash_id(sky_span_from_string(volcano->uri));
}

/* The smallest id that is not taken yet, of an author who has none. */
static struct volcano *best_of(struct volcanoes *all, int first_minute, int last_minute)
{
    struct volcano *best = NULL;
    for (int i = 0; i < all->count; i++) {
        struct volcano *one = &all->said[i];
        bool taken = one->minute < first_minute || one->minute > last_minute;
        for (int j = 0; j < all->count; j++)
            taken = taken || (all->said[j].shown && all->said[j].author == one->author);
        if (!taken && (!best || id_of(one) < id_of(best)))
            best = one;
    }
    return best;
}

static bool compare_samples(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct volcanoes *all = context;
    int end = (int)((snapshot->window_end_ms - START_MS) / SKY_MINUTE_MS);
    assert_int_equal(snapshot->window_end_ms - snapshot->window_start_ms, 10 * SKY_MINUTE_MS);
    for (int i = 0; i < all->count; i++)
        all->said[i].shown = false;
    for (uint32_t i = 0; i < snapshot->trends_count; i++) {
        const struct sky_trend_alert *alert = &snapshot->trends[i];
        if (!sky_span_equal(alert->keyword, SKY_SPAN("volcano")) || !sky_span_equal(alert->language, SKY_SPAN("en")))
            continue;
        assert_int_equal(alert->sample_posts_count, SAMPLES);
        for (int n = 0; n < SAMPLES; n++) {
            struct volcano *best = best_of(all, end - 10, end - 1);
            assert_true(sky_span_equal(alert->sample_posts[n].uri, sky_span_from_string(best->uri)));
            best->shown = true;
        }
        all->compared++;
    }
    return true;
}

/* The samples are the window's smallest hashes of a uri, one an author. */
static void test_samples_are_the_smallest_ids(void **state)
{
    (void)state;
    static struct volcanoes all;
    struct sky_engine *engine = new_engine(3);
    const struct sky_engine_sink sink = {.context = &all, .on_slide = compare_samples};
    struct stream stream = {.random = 5};
    for (int i = 0; i < MINUTES * POSTS_A_MINUTE; i++) {
        struct sky_post post = stream_next(&stream);
        struct volcano *said = &all.said[all.count];
        if (strstr(stream.text, "volcano")) {
            said->minute = i / POSTS_A_MINUTE;
            said->author = next_random(&stream.random) % VOLCANO_AUTHORS;
            snprintf(stream.did, sizeof stream.did, "did:plc:witness%u", said->author);
            snprintf(stream.uri, sizeof stream.uri, "at://%s/app.bsky.feed.post/%d", stream.did, i);
            snprintf(said->uri, sizeof said->uri, "%s", stream.uri);
            post.author_did = sky_span_from_string(stream.did);
            post.uri = sky_span_from_string(stream.uri);
        }
        assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
        all.count += said->uri[0] != 0; /* the slides that the post closes are without it */
    }
    assert_true(all.compared > 10);
    sky_engine_free(engine);
}

struct samples {
    char wanted[96];
    bool found;
};

static bool look_for_sample(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct samples *samples = context;
    samples->found = false;
    for (uint32_t i = 0; i < snapshot->trends_count; i++)
        for (uint32_t n = 0; n < snapshot->trends[i].sample_posts_count; n++)
            samples->found |=
                sky_span_equal(snapshot->trends[i].sample_posts[n].uri, sky_span_from_string(samples->wanted));
    if (!samples->wanted[0] && snapshot->trends_count && snapshot->trends[0].sample_posts_count)
        snprintf(samples->wanted, sizeof samples->wanted, "%.*s", (int)snapshot->trends[0].sample_posts[0].uri.len,
                 (const char *)snapshot->trends[0].sample_posts[0].uri.ptr);
    return true;
}

/* What takes a sample away by an event of this kind: is it shown before, and after? */
static void assert_withdrawn_by(struct sky_post event)
{
    struct samples samples = {{0}, false};
    struct sky_engine *engine = new_engine(3);
    const struct sky_engine_sink sink = {.context = &samples, .on_slide = look_for_sample};
    struct stream stream = {.random = 5};
    struct sky_post post = {0};
    for (int i = 0; i < 50 * POSTS_A_MINUTE && !samples.wanted[0]; i++) {
        post = stream_next(&stream);
        assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
    }
    assert_true(samples.wanted[0]);
    int64_t now_ms = post.event_time_ms;
    assert_int_equal(sky_engine_advance(engine, now_ms + SKY_MINUTE_MS, &sink), SKY_OK);
    assert_true(samples.found);
    event.uri = sky_span_from_string(samples.wanted);
    event.event_time_ms = now_ms + SKY_MINUTE_MS;
    assert_int_equal(sky_engine_post(engine, &event, &sink), SKY_OK);
    assert_int_equal(sky_engine_advance(engine, now_ms + 2 * SKY_MINUTE_MS, &sink), SKY_OK);
    assert_false(samples.found);
    sky_engine_free(engine);
}

static void test_deleted_post_is_no_sample(void **state)
{
    (void)state;
    assert_withdrawn_by((struct sky_post){.op = SKY_POST_DELETE});
}

/* The author marks it as adult after the fact. */
static void test_labelled_update_is_no_sample(void **state)
{
    (void)state;
    const struct sky_span label = SKY_SPAN("nudity");
    assert_withdrawn_by(
        (struct sky_post){.op = SKY_POST_UPDATE, .text = SKY_SPAN("volcano"), .labels = &label, .labels_count = 1});
}

#define DAY_MINUTES    1440
#define SHOW_MINUTE    600 /* of each day, when everybody writes about it for a quarter of an hour */
#define SHOW_LENGTH    15
#define QUIET_A_MINUTE 6 /* posts a minute otherwise */
#define SHOW_A_MINUTE  12

struct weekdays {
    int started[4];   /* day: starts among the trends */
    int recurring[4]; /* day: slides listed apart */
};

static bool watch_days(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct weekdays *seen = context;
    int64_t day = (snapshot->window_end_ms - START_MS) / SKY_MINUTE_MS / DAY_MINUTES;
    for (uint32_t i = 0; i < snapshot->trends_count; i++)
        if (sky_span_equal(snapshot->trends[i].keyword, SKY_SPAN("tsunami")))
            seen->started[day] += snapshot->trends[i].kind == SKY_TREND_STARTED;
    for (uint32_t i = 0; i < snapshot->recurring_count; i++) {
        assert_true(sky_span_equal(snapshot->recurring[i].keyword, SKY_SPAN("tsunami")));
        assert_int_equal(snapshot->recurring[i].rank, 0);
        seen->recurring[day]++;
    }
    for (uint32_t i = 0; i < snapshot->ended_count; i++)
        assert_true(day < 2 || !sky_span_equal(snapshot->ended[i].keyword, SKY_SPAN("tsunami")) || seen->started[day]);
    return true;
}

static void write_days(struct sky_engine *engine, struct weekdays *seen)
{
    const struct sky_engine_sink sink = {.context = seen, .on_slide = watch_days};
    struct stream stream = {.random = 5};
    for (int minute = 0; minute < 4 * DAY_MINUTES; minute++) {
        int of_day = minute % DAY_MINUTES;
        bool show = of_day >= SHOW_MINUTE && of_day < SHOW_MINUTE + SHOW_LENGTH;
        for (int n = 0; n < QUIET_A_MINUTE + (show ? SHOW_A_MINUTE : 0); n++) {
            struct sky_post post = stream_next(&stream);
            if (n >= QUIET_A_MINUTE)
                post.text = SKY_SPAN("look at the tsunami");
            post.event_time_ms = post.observed_at_ms = post.created_at_ms =
                START_MS + minute * SKY_MINUTE_MS + n * 1000;
            assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
        }
    }
}

/* What comes each day at the same time is listed apart from its third day on; unless it is asked for with the rest. */
static void test_recurring_trends_are_listed_apart(void **state)
{
    (void)state;
    struct weekdays seen = {{0}, {0}};
    struct sky_engine *engine = new_engine(3);
    write_days(engine, &seen);
    sky_engine_free(engine);
    assert_int_equal(seen.started[0], 1);
    assert_int_equal(seen.started[1], 1);
    assert_int_equal(seen.started[2] + seen.started[3], 0);
    assert_int_equal(seen.recurring[0] + seen.recurring[1], 0);
    assert_true(seen.recurring[2] >= SHOW_LENGTH && seen.recurring[3] >= SHOW_LENGTH);

    struct sky_engine_options options;
    const char *reason;
    sky_engine_options_default(&options);
    options.rank_recurring = true;
    seen = (struct weekdays){{0}, {0}};
    assert_int_equal(sky_engine_new(&options, &engine, &reason), SKY_OK);
    write_days(engine, &seen);
    sky_engine_free(engine);
    assert_int_equal(seen.started[0] + seen.started[1] + seen.started[2] + seen.started[3], 4);
    assert_int_equal(seen.recurring[2] + seen.recurring[3], 0);
}

static void test_what_does_not_count(void **state)
{
    (void)state;
    struct sky_engine *engine = new_engine(3);
    struct stream stream = {.random = 5};
    struct sky_post post = stream_next(&stream);
    post.created_at_ms -= 61 * SKY_MINUTE_MS;
    assert_int_equal(sky_engine_post(engine, &post, NULL), SKY_OK);
    post = stream_next(&stream);
    assert_int_equal(sky_engine_post(engine, &post, NULL), SKY_OK);
    assert_int_equal(sky_engine_post(engine, &post, NULL), SKY_OK); /* again */
    assert_int_equal(sky_engine_advance(engine, START_MS + 5 * SKY_MINUTE_MS, NULL), SKY_OK);
    assert_int_equal(sky_engine_post(engine, &post, NULL), SKY_E_LATE);
    struct sky_engine_stats stats;
    sky_engine_stats(engine, &stats);
    assert_int_equal(stats.posts, 1);
    assert_int_equal(stats.posts_imported, 1);
    assert_int_equal(stats.posts_duplicate, 1);
    assert_int_equal(stats.posts_late, 1);
    assert_int_equal(stats.slides, 5);
    sky_engine_free(engine);
}

static void test_state_of_other_settings_is_refused(void **state)
{
    (void)state;
    struct sky_engine *engine = new_engine(3);
    struct sky_buffer saved = {0};
    sky_engine_save(engine, &saved);
    sky_engine_free(engine);
    struct sky_engine_options options;
    sky_engine_options_default(&options);
    options.window_minutes = 20;
    const char *reason;
    assert_int_equal(sky_engine_new(&options, &engine, &reason), SKY_OK);
    struct sky_error error;
    assert_int_equal(sky_engine_load(engine, sky_buffer_span(&saved), &error), SKY_E_CONFIG);
    assert_non_null(error.reason);
    sky_engine_free(engine);
    sky_buffer_clean_up(&saved);
}

/* The state of a live window with a trend: whole, cut short anywhere, or with a byte too many. */
static void test_state_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    struct sky_engine *engine = new_engine(5);
    struct stream stream = {.random = 5};
    for (int i = 0; i < (BURST_START + 6) * POSTS_A_MINUTE; i++) {
        struct sky_post post = stream_next(&stream);
        assert_int_equal(sky_engine_post(engine, &post, NULL), SKY_OK);
    }
    struct sky_buffer saved = {0}, again = {0};
    struct sky_error error;
    sky_engine_save(engine, &saved);
    sky_engine_free(engine);
    engine = new_engine(6);
    assert_int_equal(sky_engine_load(engine, sky_buffer_span(&saved), &error), SKY_OK);
    sky_engine_save(engine, &again);
    assert_true(sky_span_equal(sky_buffer_span(&saved), sky_buffer_span(&again)));
    sky_engine_free(engine);
    for (size_t i = 0; i < CUTS; i++) {
        engine = new_engine(7);
        struct sky_span cut = sky_span_of(saved.ptr, saved.len * i / CUTS);
        assert_int_not_equal(sky_engine_load(engine, cut, &error), SKY_OK);
        assert_non_null(error.reason);
        assert_true(error.offset <= cut.len);
        sky_engine_free(engine);
    }
    sky_buffer_put_u8(&saved, 0);
    engine = new_engine(8);
    assert_int_equal(sky_engine_load(engine, sky_buffer_span(&saved), &error), SKY_E_TRAILING);
    sky_engine_free(engine);
    sky_buffer_clean_up(&saved);
    sky_buffer_clean_up(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_key_changes_nothing),
        cmocka_unit_test(test_restarts_change_nothing),
        cmocka_unit_test(test_planned_burst_trends),
        cmocka_unit_test(test_samples_are_the_smallest_ids),
        cmocka_unit_test(test_deleted_post_is_no_sample),
        cmocka_unit_test(test_labelled_update_is_no_sample),
        cmocka_unit_test(test_what_does_not_count),
        cmocka_unit_test(test_recurring_trends_are_listed_apart),
        cmocka_unit_test(test_state_of_other_settings_is_refused),
        cmocka_unit_test(test_state_that_is_not_whole_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
