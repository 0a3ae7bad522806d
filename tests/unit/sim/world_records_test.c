/* The engine's records of a simulated stream: however the authors' streams are interleaved within each minute, whatever
 * the hash key, with restarts or without, they are the same bytes; and each is read again and written the same.
 *
 * That the order within a minute does not matter is what lets partitions of a topic be read side by side. */
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
#include "sim/world.h"
#include "trend/record_json.h"

#define MINUTES   80
#define REST      60  /* minutes without a post behind them, in which all sessions end */
#define LANES     257 /* streams that are interleaved; an author is in one of them */
#define POSTS_MAX 300000

struct stream {
    struct sky_arena arena;
    struct sky_post *posts;
    size_t count;
    uint64_t random;
};

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % bound);
}

static struct sky_span keep(struct stream *stream, struct sky_span span)
{
    struct sky_span copy = sky_arena_copy(&stream->arena, span);
    assert_true(copy.ptr || !span.len);
    return span.ptr ? copy : span;
}

static const struct sky_span *keep_all(struct stream *stream, const struct sky_span *spans, uint32_t count)
{
    struct sky_span *copies = sky_arena_alloc(&stream->arena, count * sizeof *copies);
    assert_non_null(copies);
    for (uint32_t i = 0; i < count; i++)
        copies[i] = keep(stream, spans[i]);
    return copies;
}

static void append(struct stream *stream, const struct sky_post *post)
{
    assert_true(stream->count < POSTS_MAX);
    struct sky_post *kept = &stream->posts[stream->count++];
    *kept = *post;
    kept->uri = keep(stream, post->uri);
    kept->author_did = keep(stream, post->author_did);
    kept->text = keep(stream, post->text);
    kept->language = keep(stream, post->language);
    kept->reply_to = keep(stream, post->reply_to);
    kept->rev = keep(stream, post->rev);
    kept->langs = keep_all(stream, post->langs, post->langs_count);
    kept->hashtags = keep_all(stream, post->hashtags, post->hashtags_count);
    kept->labels = keep_all(stream, post->labels, post->labels_count);
    kept->mentions_count = kept->links_count = 0;
}

/* What else happens to a post, by its author: it is deleted, edited or written anew, its author leaves and returns, it
 * is told of twice. */
static void append_sequel(struct stream *stream, const struct sky_post *post)
{
    struct sky_post sequel = *post;
    switch (random_below(&stream->random, 12)) {
    case 0: sequel.op = SKY_POST_DELETE; break;
    case 1:
        sequel.op = SKY_POST_UPDATE;
        sequel.text = SKY_SPAN("edited");
        break;
    case 2: break;
    case 3:
        sequel.op = SKY_POST_DELETE;
        append(stream, &sequel);
        sequel = *post;
        sequel.rev = SKY_SPAN("anew");
        break;
    case 4:
        sequel.op = SKY_POST_ACCOUNT;
        append(stream, &sequel);
        sequel.active = random_below(&stream->random, 2);
        break;
    default: return;
    }
    append(stream, &sequel);
}

static void make_stream(struct stream *stream, enum sky_world_profile profile)
{
    struct sky_world_options options;
    struct sky_world *world;
    struct sky_post post;
    sky_world_options_default(&options);
    options.hours = 2;
    options.rate = 0.1;
    options.profile = profile;
    options.bursts_per_hour = 20;
    assert_int_equal(sky_world_new(&options, &world), SKY_OK);
    *stream = (struct stream){.posts = calloc(POSTS_MAX, sizeof *stream->posts), .random = 9};
    assert_non_null(stream->posts);
    while (sky_world_next(world, &post) == SKY_OK && post.event_time_ms < options.start_ms + MINUTES * SKY_MINUTE_MS) {
        append(stream, &post);
        append_sequel(stream, &post);
    }
    sky_world_free(world);
}

static uint32_t lane_of(const struct sky_post *post)
{
    return (uint32_t)(sky_hash_id(post->author_did) % LANES);
}

/* The posts [from, to) of one minute: lanes drawn at random, each lane in its order. */
static void shuffle_minute(struct stream *to, const struct stream *from, size_t begin, size_t end)
{
    size_t next[LANES];
    for (uint32_t lane = 0; lane < LANES; lane++)
        next[lane] = begin;
    for (size_t done = begin; done < end;) {
        uint32_t lane = random_below(&to->random, LANES);
        while (next[lane] < end && lane_of(&from->posts[next[lane]]) != lane)
            next[lane]++;
        if (next[lane] == end)
            continue;
        to->posts[done++] = from->posts[next[lane]++];
    }
}

static void shuffle(struct stream *to, const struct stream *from, uint64_t seed)
{
    *to = (struct stream){.posts = calloc(POSTS_MAX, sizeof *to->posts), .count = from->count, .random = seed};
    assert_non_null(to->posts);
    for (size_t begin = 0, end; begin < from->count; begin = end) {
        int64_t minute = from->posts[begin].event_time_ms / SKY_MINUTE_MS;
        for (end = begin; end < from->count && from->posts[end].event_time_ms / SKY_MINUTE_MS == minute;)
            end++;
        shuffle_minute(to, from, begin, end);
    }
}

static void free_stream(struct stream *stream)
{
    sky_arena_clean_up(&stream->arena);
    free(stream->posts);
}

/* ---- what comes out ---- */

struct output {
    struct sky_buffer lines;
    struct sky_record_reader reader;
    struct sky_buffer again;
    uint32_t snapshots, trends, counts, activities, sessions;
};

/* The line just begun at `from`: ended. */
static struct sky_span end_line(struct output *output, size_t from)
{
    struct sky_span line = sky_span_of(output->lines.ptr + from, output->lines.len - from);
    sky_buffer_put_u8(&output->lines, '\n');
    assert_false(output->lines.failed);
    output->again.len = 0;
    return line;
}

static void assert_same(const struct output *output, size_t from)
{
    struct sky_span line = sky_span_of(output->lines.ptr + from, output->lines.len - from - 1);
    assert_true(sky_span_equal(line, sky_buffer_span(&output->again)));
}

static bool on_counts(void *context, const struct sky_keyword_count *counts, uint32_t count)
{
    struct output *output = context;
    for (uint32_t i = 0; i < count; i++) {
        struct sky_json_writer json;
        struct sky_keyword_count read;
        struct sky_error error;
        size_t from = output->lines.len;
        sky_json_begin(&json, &output->lines);
        sky_keyword_count_write(&json, &counts[i]);
        assert_int_equal(sky_keyword_count_read(&output->reader, end_line(output, from), &read, &error), SKY_OK);
        sky_json_begin(&json, &output->again);
        sky_keyword_count_write(&json, &read);
        assert_same(output, from);
    }
    output->counts += count;
    return true;
}

static bool on_activity(void *context, const struct sky_activity_record *activity)
{
    struct output *output = context;
    struct sky_json_writer json;
    struct sky_activity_record read;
    struct sky_error error;
    size_t from = output->lines.len;
    sky_json_begin(&json, &output->lines);
    sky_activity_write(&json, activity);
    assert_int_equal(sky_activity_read(&output->reader, end_line(output, from), &read, &error), SKY_OK);
    sky_json_begin(&json, &output->again);
    sky_activity_write(&json, &read);
    assert_same(output, from);
    output->activities++;
    return true;
}

static bool on_sessions(void *context, const struct sky_session *sessions, uint32_t count)
{
    struct output *output = context;
    for (uint32_t i = 0; i < count; i++) {
        struct sky_json_writer json;
        struct sky_session read;
        struct sky_error error;
        size_t from = output->lines.len;
        sky_json_begin(&json, &output->lines);
        sky_session_write(&json, &sessions[i]);
        assert_int_equal(sky_session_read(&output->reader, end_line(output, from), &read, &error), SKY_OK);
        sky_json_begin(&json, &output->again);
        sky_session_write(&json, &read);
        assert_same(output, from);
    }
    output->sessions += count;
    return true;
}

static bool on_slide(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct output *output = context;
    struct sky_json_writer json;
    struct sky_trend_snapshot read;
    struct sky_error error;
    size_t from = output->lines.len;
    sky_json_begin(&json, &output->lines);
    sky_trend_snapshot_write(&json, snapshot);
    assert_int_equal(sky_trend_snapshot_read(&output->reader, end_line(output, from), &read, &error), SKY_OK);
    sky_json_begin(&json, &output->again);
    sky_trend_snapshot_write(&json, &read);
    assert_same(output, from);
    output->snapshots++;
    output->trends += snapshot->trends_count;
    return true;
}

static struct sky_engine *new_engine(uint64_t hash_key)
{
    struct sky_engine_options options;
    struct sky_engine *engine;
    const char *reason;
    sky_engine_options_default(&options);
    options.hash_key = hash_key;
    options.activity_minutes = 5;
    options.session_gap_minutes = 30;
    assert_int_equal(sky_engine_new(&options, &engine, &reason), SKY_OK);
    return engine;
}

/* Everything the stream gives; a restart after every `restart_every` posts, 0 for none. */
static void run(const struct stream *stream, uint64_t hash_key, size_t restart_every, struct output *output)
{
    const struct sky_engine_sink sink = {output, on_counts, on_activity, on_sessions, on_slide};
    struct sky_engine *engine = new_engine(hash_key);
    struct sky_buffer saved = {0};
    *output = (struct output){0};
    sky_record_reader_init(&output->reader);
    for (size_t i = 0; i < stream->count; i++) {
        assert_int_equal(sky_engine_post(engine, &stream->posts[i], &sink), SKY_OK);
        if (!restart_every || i % restart_every)
            continue;
        struct sky_error error;
        saved.len = 0;
        sky_engine_save(engine, &saved);
        assert_false(saved.failed);
        sky_engine_free(engine);
        engine = new_engine(hash_key + i);
        assert_int_equal(sky_engine_load(engine, sky_buffer_span(&saved), &error), SKY_OK);
    }
    int64_t end_ms = sky_time_floor(stream->posts[0].event_time_ms, SKY_MINUTE_MS) + (MINUTES + REST) * SKY_MINUTE_MS;
    assert_int_equal(sky_engine_advance(engine, end_ms, &sink), SKY_OK);
    sky_buffer_clean_up(&saved);
    sky_engine_free(engine);
}

static void free_output(struct output *output)
{
    sky_buffer_clean_up(&output->lines);
    sky_buffer_clean_up(&output->again);
    sky_record_reader_clean_up(&output->reader);
}

static void assert_same_output(const struct output *a, const struct output *b)
{
    struct sky_span x = sky_buffer_span(&a->lines), y = sky_buffer_span(&b->lines);
    size_t at = 0, line = 0;
    while (at < x.len && at < y.len && x.ptr[at] == y.ptr[at]) {
        at++;
        line = x.ptr[at - 1] == '\n' ? at : line;
    }
    if (at < x.len || at < y.len)
        fail_msg("differ at byte %zu:\n%.*s\n%.*s", at, 300, x.ptr + line, 300, y.ptr + line);
}

static void assert_order_does_not_matter(enum sky_world_profile profile)
{
    struct stream stream, shuffled;
    struct output plain, other;
    make_stream(&stream, profile);
    run(&stream, 1, 0, &plain);
    assert_int_equal(plain.snapshots, MINUTES + REST);
    assert_true(plain.trends > 30 && plain.counts > 3000 && plain.sessions > 1000);
    assert_int_equal(plain.activities, (MINUTES + REST) / 5);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        shuffle(&shuffled, &stream, seed);
        run(&shuffled, seed * 77, seed == 2 ? 997 : 0, &other);
        assert_same_output(&plain, &other);
        free_stream(&shuffled);
        free_output(&other);
    }
    free_output(&plain);
    free_stream(&stream);
}

static void test_order_within_a_minute_does_not_matter(void **state)
{
    (void)state;
    assert_order_does_not_matter(SKY_WORLD_NORMAL);
}

static void test_nor_with_much_spam(void **state)
{
    (void)state;
    assert_order_does_not_matter(SKY_WORLD_SPAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_within_a_minute_does_not_matter),
        cmocka_unit_test(test_nor_with_much_spam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
