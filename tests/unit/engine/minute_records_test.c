/* Keyword counts, activity and sessions against a model that keeps every post and counts anew each time. */
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

#define START_MS         (INT64_C(29600000) * SKY_MINUTE_MS) /* a window of activity begins there: 5 divides it */
#define MINUTES          180
#define POSTS_A_MINUTE   30
#define POSTS_MAX        (MINUTES * POSTS_A_MINUTE)
#define AUTHORS          400
#define WORDS            20 /* as many hashtags */
#define KEYWORDS         (2 * WORDS)
#define LANGUAGES        3
#define MIN_FREQUENCY    4
#define TOP              25 /* of 60 words and of 60 hashtags */
#define WINDOW_MINUTES   10
#define ACTIVITY_MINUTES 5
#define GAP_MINUTES      30
#define NOT_DELETED      INT64_MAX

static const char *const language_names[LANGUAGES] = {"en", "ja", "other"};
static const char *const language_written[LANGUAGES] = {"en", "ja", "sw"};

struct model_post {
    char uri[64];
    uint32_t author, language;
    uint32_t word, hashtag; /* keywords */
    int64_t time_ms;
    int64_t deleted_ms;
    bool is_reply;
};

struct model {
    char keywords[KEYWORDS][16]; /* by bytes */
    struct model_post posts[POSTS_MAX];
    int count;
    uint64_t random;
    int slides, activities, counts, sessions, unsampled;
    bool counts_came; /* of the minute being closed */
};

static struct model model;

static uint32_t random_below(uint32_t bound)
{
    model.random = model.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((model.random >> 33) % bound);
}

/* '#' sorts before letters, and the numbers have as many digits. */
static void name_keywords(void)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        snprintf(model.keywords[i], sizeof model.keywords[i], "#tag%02u", i);
        snprintf(model.keywords[WORDS + i], sizeof model.keywords[i], "word%02u", i);
    }
}

static void did_of(uint32_t author, char did[32])
{
    snprintf(did, 32, "did:plc:author%03u", author);
}

struct tally {
    uint32_t count, authors;
    const struct model_post *sample; /* of those not deleted before `now` the one with the smallest id */
};

static struct tally tally(uint32_t language, uint32_t keyword, int64_t from_ms, int64_t to_ms)
{
    struct tally tally = {0};
    bool seen[AUTHORS] = {false};
    for (int i = 0; i < model.count; i++) {
        const struct model_post *post = &model.posts[i];
        if (post->time_ms < from_ms || post->time_ms >= to_ms || post->language != language ||
            (post->word != keyword && post->hashtag != keyword))
            continue;
        tally.count++;
        tally.authors += !seen[post->author];
        seen[post->author] = true;
        if (post->deleted_ms >= to_ms && (!tally.sample || sky_hash_id(sky_span_from_string(post->uri)) <
                                                               sky_hash_id(sky_span_from_string(tally.sample->uri))))
            tally.sample = post;
    }
    return tally;
}

static int64_t minute_ms(void)
{
    return START_MS + (model.slides + 1) * SKY_MINUTE_MS;
}

static bool on_counts(void *context, const struct sky_keyword_count *counts, uint32_t count)
{
    (void)context;
    int64_t end_ms = minute_ms(), start_ms = end_ms - WINDOW_MINUTES * SKY_MINUTE_MS;
    uint32_t at = 0;
    assert_true(count > 0);
    for (uint32_t g = 0; g < LANGUAGES; g++)
        for (uint32_t k = 0; k < KEYWORDS; k++) {
            struct tally expected = tally(g, k, start_ms, end_ms);
            if (expected.count < MIN_FREQUENCY)
                continue;
            assert_true(at < count);
            const struct sky_keyword_count *one = &counts[at++];
            assert_true(sky_span_equal(one->keyword, sky_span_from_string(model.keywords[k])));
            assert_true(sky_span_equal(one->normalized_keyword, one->keyword));
            assert_true(sky_span_equal(one->language, sky_span_from_string(language_names[g])));
            assert_int_equal(one->count, expected.count);
            assert_int_equal(one->unique_authors, expected.authors);
            assert_int_equal(one->voices, expected.authors);
            assert_int_equal(one->window_start_ms, start_ms);
            assert_int_equal(one->window_end_ms, end_ms);
            assert_int_equal(one->sample_posts_count, expected.sample ? 1 : 0);
            if (expected.sample)
                assert_true(sky_span_equal(one->sample_posts[0].uri, sky_span_from_string(expected.sample->uri)));
            model.unsampled += !expected.sample;
        }
    assert_int_equal(at, count);
    model.counts += (int)count;
    model.counts_came = true;
    return true;
}

struct use {
    uint32_t keyword, language;
    struct tally tally;
};

static int by_use(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    if (x->tally.authors != y->tally.authors)
        return x->tally.authors > y->tally.authors ? -1 : 1;
    if (x->tally.count != y->tally.count)
        return x->tally.count > y->tally.count ? -1 : 1;
    if (x->keyword != y->keyword)
        return x->keyword < y->keyword ? -1 : 1;
    return (x->language > y->language) - (x->language < y->language);
}

static void compare_top(const struct sky_top_keyword *top, uint32_t count, uint32_t first_keyword, int64_t start_ms)
{
    struct use uses[WORDS * LANGUAGES];
    uint32_t used = 0;
    for (uint32_t k = first_keyword; k < first_keyword + WORDS; k++)
        for (uint32_t g = 0; g < LANGUAGES; g++) {
            uses[used] = (struct use){k, g, tally(g, k, start_ms, start_ms + ACTIVITY_MINUTES * SKY_MINUTE_MS)};
            used += uses[used].tally.count > 0;
        }
    qsort(uses, used, sizeof *uses, by_use);
    assert_int_equal(count, used < TOP ? used : TOP);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(sky_span_equal(top[i].keyword, sky_span_from_string(model.keywords[uses[i].keyword])));
        assert_true(sky_span_equal(top[i].language, sky_span_from_string(language_names[uses[i].language])));
        assert_int_equal(top[i].count, uses[i].tally.count);
        assert_int_equal(top[i].unique_authors, uses[i].tally.authors);
    }
}

static bool on_activity(void *context, const struct sky_activity_record *activity)
{
    (void)context;
    int64_t end_ms = minute_ms(), start_ms = end_ms - ACTIVITY_MINUTES * SKY_MINUTE_MS;
    uint64_t posts = 0, replies = 0, authors = 0, by_language[LANGUAGES] = {0};
    bool seen[AUTHORS] = {false};
    for (int i = 0; i < model.count; i++) {
        const struct model_post *post = &model.posts[i];
        if (post->time_ms < start_ms || post->time_ms >= end_ms)
            continue;
        posts++;
        replies += post->is_reply;
        by_language[post->language]++;
        authors += !seen[post->author];
        seen[post->author] = true;
    }
    assert_int_equal(activity->window_start_ms, start_ms);
    assert_int_equal(activity->window_end_ms, end_ms);
    assert_int_equal(activity->posts, posts);
    assert_int_equal(activity->replies, replies);
    assert_int_equal(activity->unique_authors, authors);
    assert_int_equal(activity->by_language_count, LANGUAGES);
    for (uint32_t g = 0; g < LANGUAGES; g++) {
        assert_true(sky_span_equal(activity->by_language[g].language, sky_span_from_string(language_names[g])));
        assert_int_equal(activity->by_language[g].posts, by_language[g]);
    }
    compare_top(activity->top_keywords, activity->top_keywords_count, WORDS, start_ms);
    compare_top(activity->top_hashtags, activity->top_hashtags_count, 0, start_ms);
    model.activities++;
    return true;
}

/* ---- sessions ---- */

struct model_session {
    int64_t start_ms, end_ms;
    uint32_t author, posts, replies;
};

static struct model_session sessions[POSTS_MAX];
static int sessions_count;

static int by_end_start_author(const void *a, const void *b)
{
    const struct model_session *x = a, *y = b;
    if (x->end_ms != y->end_ms)
        return x->end_ms < y->end_ms ? -1 : 1;
    if (x->start_ms != y->start_ms)
        return x->start_ms < y->start_ms ? -1 : 1;
    return (x->author > y->author) - (x->author < y->author);
}

/* The posts are in the order of time. A session that ends earlier is over earlier, so that they come by their end. */
static void find_sessions(void)
{
    for (uint32_t author = 0; author < AUTHORS; author++) {
        struct model_session *open = NULL;
        for (int i = 0; i < model.count; i++) {
            const struct model_post *post = &model.posts[i];
            if (post->author != author)
                continue;
            if (!open || post->time_ms - open->end_ms >= GAP_MINUTES * SKY_MINUTE_MS) {
                open = &sessions[sessions_count++];
                *open = (struct model_session){.start_ms = post->time_ms, .author = author};
            }
            open->end_ms = post->time_ms;
            open->posts++;
            open->replies += post->is_reply;
        }
    }
    qsort(sessions, (size_t)sessions_count, sizeof *sessions, by_end_start_author);
}

struct seen_session {
    struct model_session session;
    int64_t told_ms;
};

static struct seen_session seen_sessions[POSTS_MAX];

static bool on_sessions(void *context, const struct sky_session *given, uint32_t count)
{
    (void)context;
    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        char did[32];
        uint32_t author = 0;
        for (did_of(0, did); !sky_span_equal(given[i].author_did, sky_span_from_string(did)); did_of(author, did))
            author++;
        seen_sessions[model.sessions++] = (struct seen_session){
            {given[i].session_start_ms, given[i].session_end_ms, author, given[i].posts, given[i].replies},
            minute_ms()};
    }
    return true;
}

static void compare_sessions(void)
{
    find_sessions();
    assert_true(model.sessions > AUTHORS);
    assert_int_equal(model.sessions, sessions_count);
    for (int i = 0; i < sessions_count; i++) {
        const struct model_session *a = &sessions[i], *b = &seen_sessions[i].session;
        assert_int_equal(a->start_ms, b->start_ms);
        assert_int_equal(a->end_ms, b->end_ms);
        assert_int_equal(a->author, b->author);
        assert_int_equal(a->posts, b->posts);
        assert_int_equal(a->replies, b->replies);
        int64_t over_ms = a->end_ms + GAP_MINUTES * SKY_MINUTE_MS;
        assert_in_range(seen_sessions[i].told_ms, over_ms, over_ms + SKY_MINUTE_MS - 1);
    }
}

static bool on_slide(void *context, const struct sky_trend_snapshot *snapshot)
{
    (void)context;
    int64_t end_ms = minute_ms();
    assert_int_equal(snapshot->window_end_ms, end_ms);
    bool expected = false;
    for (uint32_t g = 0; g < LANGUAGES; g++)
        for (uint32_t k = 0; k < KEYWORDS; k++)
            expected |= tally(g, k, end_ms - WINDOW_MINUTES * SKY_MINUTE_MS, end_ms).count >= MIN_FREQUENCY;
    assert_int_equal(model.counts_came, expected);
    model.counts_came = false;
    model.slides++;
    return true;
}

/* ---- the stream ---- */

static struct sky_engine *new_engine(void)
{
    struct sky_engine_options options;
    struct sky_engine *engine;
    const char *reason;
    sky_engine_options_default(&options);
    options.languages_count = LANGUAGES - 1; /* en, ja */
    options.min_frequency = MIN_FREQUENCY;
    options.top_keywords = TOP;
    options.activity_minutes = ACTIVITY_MINUTES;
    options.session_gap_minutes = GAP_MINUTES;
    options.hash_key = 99;
    assert_int_equal(sky_engine_new(&options, &engine, &reason), SKY_OK);
    return engine;
}

static void send(struct sky_engine *engine, const struct model_post *from, enum sky_post_op op, int64_t time_ms,
                 int64_t age_ms)
{
    const struct sky_engine_sink sink = {NULL, on_counts, on_activity, on_sessions, on_slide};
    char did[32];
    did_of(from->author, did);
    const struct sky_span hashtag = sky_span_from_string(model.keywords[from->hashtag] + 1);
    const struct sky_post post = {.op = op,
                                  .uri = sky_span_from_string(from->uri),
                                  .author_did = sky_span_from_string(did),
                                  .rev = SKY_SPAN("r"),
                                  .text = sky_span_from_string(model.keywords[from->word]),
                                  .hashtags = &hashtag,
                                  .hashtags_count = 1,
                                  .language = sky_span_from_string(language_written[from->language]),
                                  .language_detected = true,
                                  .reply_to = sky_span_from_string(from->is_reply ? "at://did:plc:x/y/z" : ""),
                                  .has_created_at = true,
                                  .created_at_ms = time_ms - age_ms,
                                  .observed_at_ms = time_ms,
                                  .event_time_ms = time_ms};
    assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
}

/* Most keywords are rare, so that some are under the gate. */
static uint32_t draw_rank(void)
{
    uint32_t a = random_below(WORDS), b = random_below(WORDS), c = random_below(WORDS);
    a = a < b ? a : b;
    return a < c ? a : c;
}

static void send_post(struct sky_engine *engine, int number, int64_t time_ms)
{
    struct model_post post = {.author = random_below(AUTHORS),
                              .language = random_below(LANGUAGES),
                              .hashtag = draw_rank(),
                              .word = WORDS + draw_rank(),
                              .is_reply = random_below(3) == 0,
                              .time_ms = time_ms,
                              .deleted_ms = NOT_DELETED};
    char did[32];
    did_of(post.author, did);
    snprintf(post.uri, sizeof post.uri, "at://%s/app.bsky.feed.post/%d", did, number);
    if (random_below(20) == 0) { /* an import: in none of the records */
        send(engine, &post, SKY_POST_CREATE, time_ms, 2 * SKY_HOUR_MS);
        return;
    }
    send(engine, &post, SKY_POST_CREATE, time_ms, 0);
    model.posts[model.count++] = post;
    if (random_below(20) == 0) /* told of again */
        send(engine, &post, SKY_POST_CREATE, time_ms, 0);
    struct model_post *other = &model.posts[model.count > 200 ? model.count - 1 - (int)random_below(200) : 0];
    if (random_below(5) && other->deleted_ms == NOT_DELETED) {
        send(engine, other, SKY_POST_DELETE, time_ms, 0);
        other->deleted_ms = time_ms;
    }
}

static void test_equals_the_model(void **state)
{
    (void)state;
    struct sky_engine *engine = new_engine();
    model.random = 11;
    name_keywords();
    for (int minute = 0, number = 0; minute < MINUTES; minute++)
        for (int i = 0; i < POSTS_A_MINUTE; i++, number++) {
            int64_t time_ms = START_MS + minute * SKY_MINUTE_MS + i * SKY_MINUTE_MS / POSTS_A_MINUTE;
            bool is_night = minute >= 100 && minute < 120; /* nothing: windows without a post, and no counts */
            if (!is_night)
                send_post(engine, number, time_ms);
        }
    const struct sky_engine_sink sink = {NULL, on_counts, on_activity, on_sessions, on_slide};
    int64_t end_ms = START_MS + (MINUTES + 2 * GAP_MINUTES) * SKY_MINUTE_MS;
    assert_int_equal(sky_engine_advance(engine, end_ms, &sink), SKY_OK);
    assert_int_equal(model.slides, MINUTES + 2 * GAP_MINUTES);
    assert_int_equal(model.activities, (MINUTES + 2 * GAP_MINUTES) / ACTIVITY_MINUTES);
    assert_true(model.counts > 5000 && model.unsampled > 10);
    compare_sessions();
    sky_engine_free(engine);
}

/* ---- what is not asked for ---- */

static bool count_calls(void *context, const struct sky_trend_snapshot *snapshot)
{
    (void)snapshot;
    ++*(int *)context;
    return true;
}

static bool never_sessions(void *context, const struct sky_session *given, uint32_t count)
{
    (void)context;
    (void)given;
    (void)count;
    fail();
    return false;
}

static bool never_activity(void *context, const struct sky_activity_record *activity)
{
    (void)context;
    (void)activity;
    fail();
    return false;
}

static struct sky_engine *engine_with(uint32_t activity_minutes, uint32_t gap_minutes)
{
    struct sky_engine_options options;
    struct sky_engine *engine;
    const char *reason;
    sky_engine_options_default(&options);
    options.activity_minutes = activity_minutes;
    options.session_gap_minutes = gap_minutes;
    assert_int_equal(sky_engine_new(&options, &engine, &reason), SKY_OK);
    return engine;
}

static struct sky_post plain_post(int64_t time_ms)
{
    return (struct sky_post){.op = SKY_POST_CREATE,
                             .uri = SKY_SPAN("at://did:plc:a/app.bsky.feed.post/1"),
                             .author_did = SKY_SPAN("did:plc:a"),
                             .text = SKY_SPAN("tea"),
                             .observed_at_ms = time_ms,
                             .event_time_ms = time_ms};
}

static void test_nothing_comes_unasked(void **state)
{
    (void)state;
    int slides = 0;
    const struct sky_engine_sink sink = {
        .context = &slides, .on_activity = never_activity, .on_sessions = never_sessions, .on_slide = count_calls};
    struct sky_engine *engine = engine_with(0, 0);
    struct sky_post post = plain_post(START_MS);
    assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
    assert_int_equal(sky_engine_advance(engine, START_MS + SKY_HOUR_MS, &sink), SKY_OK);
    assert_int_equal(slides, 60);
    sky_engine_free(engine);
}

struct told {
    int activities;
    uint64_t posts; /* of them */
    int sessions;
};

static bool tell_activity(void *context, const struct sky_activity_record *activity)
{
    struct told *told = context;
    told->activities++;
    told->posts += activity->posts;
    return true;
}

static bool tell_sessions(void *context, const struct sky_session *given, uint32_t count)
{
    (void)given;
    ((struct told *)context)->sessions += (int)count;
    return true;
}

/* State saved with `saved` settings, loaded with `loaded` ones, half an hour later. */
static struct told saved_and_loaded(const uint32_t saved[2], const uint32_t loaded[2])
{
    struct told told = {0};
    const struct sky_engine_sink sink = {.context = &told, .on_activity = tell_activity, .on_sessions = tell_sessions};
    struct sky_buffer state = {0};
    struct sky_error error;
    struct sky_engine *engine = engine_with(saved[0], saved[1]);
    struct sky_post post = plain_post(START_MS);
    assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
    sky_engine_save(engine, &state);
    sky_engine_free(engine);
    engine = engine_with(loaded[0], loaded[1]);
    assert_int_equal(sky_engine_load(engine, sky_buffer_span(&state), &error), SKY_OK);
    assert_int_equal(sky_engine_advance(engine, START_MS + 45 * SKY_MINUTE_MS, &sink), SKY_OK);
    sky_engine_free(engine);
    sky_buffer_clean_up(&state);
    return told;
}

static void test_state_with_and_without_them(void **state)
{
    (void)state;
    static const uint32_t without[2] = {0, 0}, with[2] = {5, 30}, others[2] = {10, 20};
    struct told told = saved_and_loaded(with, with);
    assert_int_equal(told.activities, 9);
    assert_int_equal(told.posts, 1);
    assert_int_equal(told.sessions, 1);
    told = saved_and_loaded(without, with); /* begin empty: no window is open before the first post */
    assert_int_equal(told.activities + told.sessions, 0);
    told = saved_and_loaded(with, without);
    assert_int_equal(told.activities + told.sessions, 0);
    told = saved_and_loaded(with, others);
    assert_int_equal(told.activities + told.sessions, 0);
}

/* Event time jumps over more than a week: what was open is told, and no thousands of empty windows. */
static void test_a_long_silence(void **state)
{
    (void)state;
    struct told told = {0};
    const struct sky_engine_sink sink = {.context = &told, .on_activity = tell_activity, .on_sessions = tell_sessions};
    struct sky_engine *engine = engine_with(5, 30);
    struct sky_post post = plain_post(START_MS);
    assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
    post.event_time_ms = post.observed_at_ms = START_MS + 8 * SKY_DAY_MS;
    assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
    assert_int_equal(told.activities, 1);
    assert_int_equal(told.posts, 1);
    assert_int_equal(told.sessions, 1);
    sky_engine_free(engine);
}

static void test_damaged_state_is_refused(void **state)
{
    (void)state;
    struct sky_buffer saved = {0}, again = {0};
    struct sky_error error;
    struct sky_engine *engine = engine_with(5, 30);
    struct sky_post post = plain_post(START_MS);
    assert_int_equal(sky_engine_post(engine, &post, NULL), SKY_OK);
    sky_engine_save(engine, &saved);
    sky_engine_free(engine);
    engine = engine_with(0, 0);
    sky_engine_save(engine, &again);
    size_t at_rest = again.len;
    sky_engine_free(engine);
    for (size_t len = at_rest; len < saved.len; len++) { /* a state of nothing is shorter than one with a post */
        engine = engine_with(5, 30);
        enum sky_status status = sky_engine_load(engine, sky_span_of(saved.ptr, len), &error);
        if (status == SKY_OK) { /* cut before activity, or between it and the sessions: each begins empty */
            again.len = 0;
            sky_engine_save(engine, &again);
            assert_true(again.len > len);
        }
        sky_engine_free(engine);
    }
    sky_buffer_put_u8(&saved, 2); /* the sessions once more */
    engine = engine_with(5, 30);
    assert_int_equal(sky_engine_load(engine, sky_buffer_span(&saved), &error), SKY_E_TRAILING);
    sky_engine_free(engine);
    sky_buffer_clean_up(&saved);
    sky_buffer_clean_up(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_the_model),
        cmocka_unit_test(test_nothing_comes_unasked),
        cmocka_unit_test(test_state_with_and_without_them),
        cmocka_unit_test(test_a_long_silence),
        cmocka_unit_test(test_damaged_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
