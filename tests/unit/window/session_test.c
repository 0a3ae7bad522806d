/* Sessions against a model: all posts of an author, sorted, cut where the gap is. */
#include "window/session.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define AUTHORS     40
#define POSTS_MAX   20000
#define GAP_MINUTES 30
#define START_MS    (INT64_C(29000000) * SKY_MINUTE_MS)

struct model_post {
    int64_t time_ms;
    uint32_t author;
    bool is_reply;
};

struct log {
    struct sky_buffer lines;
    uint32_t count;
};

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % bound);
}

static int by_author_and_time(const void *a, const void *b)
{
    const struct model_post *x = a, *y = b;
    if (x->author != y->author)
        return x->author < y->author ? -1 : 1;
    return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

struct line {
    int64_t end_ms, start_ms;
    uint32_t author, posts, replies;
};

static int by_end_start_author(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->end_ms != y->end_ms)
        return x->end_ms < y->end_ms ? -1 : 1;
    if (x->start_ms != y->start_ms)
        return x->start_ms < y->start_ms ? -1 : 1;
    return (x->author > y->author) - (x->author < y->author);
}

static void name_of(uint32_t author, char name[40])
{
    snprintf(name, 40, "did:plc:author%04u%s", author, author % 3 ? "" : "-longer-name");
}

/* Every session there is, in the order of its closing: by end. */
static void model_sessions(struct model_post *posts, uint32_t count, struct log *log)
{
    struct line *lines = calloc(count + 1, sizeof *lines);
    uint32_t lines_count = 0;
    assert_non_null(lines);
    qsort(posts, count, sizeof *posts, by_author_and_time);
    for (uint32_t i = 0; i < count; i++) {
        struct line *line = &lines[lines_count ? lines_count - 1 : 0];
        if (!i || posts[i].author != posts[i - 1].author ||
            posts[i].time_ms - posts[i - 1].time_ms >= GAP_MINUTES * SKY_MINUTE_MS) {
            line = &lines[lines_count++];
            *line = (struct line){.start_ms = posts[i].time_ms, .author = posts[i].author};
        }
        line->end_ms = posts[i].time_ms;
        line->posts++;
        line->replies += posts[i].is_reply;
    }
    qsort(lines, lines_count, sizeof *lines, by_end_start_author);
    for (uint32_t i = 0; i < lines_count; i++) {
        char name[40];
        name_of(lines[i].author, name);
        sky_buffer_printf(&log->lines, "%s %lld %lld %u %u\n", name, (long long)lines[i].start_ms,
                          (long long)lines[i].end_ms, lines[i].posts, lines[i].replies);
    }
    log->count = lines_count;
    free(lines);
}

static void close_until(struct sky_sessions *sessions, int64_t time_ms, struct log *log)
{
    const struct sky_session *closed;
    uint32_t count;
    assert_int_equal(sky_sessions_close(sessions, time_ms, &closed, &count), SKY_OK);
    for (uint32_t i = 0; i < count; i++, log->count++)
        sky_buffer_printf(&log->lines, "%.*s %lld %lld %u %u\n", (int)closed[i].author_did.len,
                          (const char *)closed[i].author_did.ptr, (long long)closed[i].session_start_ms,
                          (long long)closed[i].session_end_ms, closed[i].posts, closed[i].replies);
}

static struct sky_sessions *new_sessions(uint64_t hash_key)
{
    struct sky_sessions_options options = {GAP_MINUTES, hash_key};
    struct sky_sessions *sessions = sky_sessions_new(&options);
    assert_non_null(sessions);
    return sessions;
}

static struct sky_sessions *restart(struct sky_sessions *sessions, uint64_t hash_key)
{
    struct sky_buffer saved = {0};
    struct sky_reader reader;
    struct sky_sessions *next = new_sessions(hash_key);
    sky_sessions_save(sessions, &saved);
    sky_reader_init(&reader, sky_buffer_span(&saved));
    sky_sessions_load(next, &reader);
    assert_int_equal(reader.error.status, SKY_OK);
    assert_int_equal(reader.offset, saved.len);
    assert_int_equal(sky_sessions_open(next), sky_sessions_open(sessions));
    sky_buffer_clean_up(&saved);
    sky_sessions_free(sessions);
    return next;
}

/* Posts come shuffled within `step_minutes`, between two closes; some are late and must be refused. */
static void run(uint64_t seed, uint32_t step_minutes, bool restarts)
{
    static struct model_post posts[POSTS_MAX];
    uint32_t count = 0;
    uint64_t state = seed;
    struct log is = {{0}, 0}, should = {{0}, 0};
    struct sky_sessions *sessions = new_sessions(seed);
    int64_t open_ms = START_MS;
    for (uint32_t step = 0; step < 40 * 60 / step_minutes; step++) {
        close_until(sessions, open_ms, &is);
        for (uint32_t i = random_below(&state, 12 * step_minutes / 2 + 1); i; i--) {
            struct model_post post = {open_ms + random_below(&state, step_minutes * 60000),
                                      random_below(&state, 1 + random_below(&state, AUTHORS)), random_below(&state, 2)};
            if (random_below(&state, 40) == 0)
                post.time_ms = open_ms - 1 - random_below(&state, 4000000);
            char name[40];
            name_of(post.author, name);
            enum sky_status status =
                sky_sessions_add(sessions, sky_span_from_string(name), post.time_ms, post.is_reply);
            assert_int_equal(status, post.time_ms < open_ms ? SKY_E_LATE : SKY_OK);
            if (status == SKY_OK)
                posts[count++] = post;
            assert_true(count < POSTS_MAX);
        }
        if (restarts && random_below(&state, 5) == 0)
            sessions = restart(sessions, state);
        open_ms += step_minutes * SKY_MINUTE_MS;
    }
    close_until(sessions, open_ms + GAP_MINUTES * SKY_MINUTE_MS, &is);
    assert_int_equal(sky_sessions_open(sessions), 0);
    model_sessions(posts, count, &should);
    assert_true(should.count > 100);
    assert_int_equal(is.count, should.count);
    assert_int_equal(is.lines.len, should.lines.len);
    assert_memory_equal(is.lines.ptr, should.lines.ptr, is.lines.len);
    sky_buffer_clean_up(&is.lines);
    sky_buffer_clean_up(&should.lines);
    sky_sessions_free(sessions);
}

static void test_equals_model(void **state)
{
    (void)state;
    run(1, 1, false);
    run(2, 1, true);
    run(3, 7, true);
}

/* A post may lie between two sessions that were apart before it came. */
static void test_a_post_joins_two_sessions(void **state)
{
    (void)state;
    struct sky_sessions *sessions = new_sessions(3);
    struct log log = {{0}, 0};
    struct sky_span did = SKY_SPAN("did:plc:someone");
    assert_int_equal(sky_sessions_add(sessions, did, 100 * SKY_MINUTE_MS, false), SKY_OK);
    assert_int_equal(sky_sessions_add(sessions, did, 140 * SKY_MINUTE_MS, true), SKY_OK);
    assert_int_equal(sky_sessions_open(sessions), 2);
    assert_int_equal(sky_sessions_add(sessions, did, 120 * SKY_MINUTE_MS, false), SKY_OK);
    assert_int_equal(sky_sessions_open(sessions), 1);
    close_until(sessions, 170 * SKY_MINUTE_MS - 1, &log);
    assert_int_equal(log.count, 0);
    close_until(sessions, 170 * SKY_MINUTE_MS, &log);
    assert_int_equal(log.count, 1);
    sky_buffer_put_u8(&log.lines, 0);
    assert_string_equal((const char *)log.lines.ptr, "did:plc:someone 6000000 8400000 3 1\n");
    sky_buffer_clean_up(&log.lines);
    sky_sessions_free(sessions);
}

static void test_limits_and_damage(void **state)
{
    (void)state;
    static uint8_t did[SKY_SESSION_DID_BYTES_MAX + 1];
    struct sky_sessions *sessions = new_sessions(3);
    struct sky_buffer saved = {0};
    assert_int_equal(sky_sessions_add(sessions, sky_span_of(did, sizeof did), 5, false), SKY_E_LIMIT);
    assert_int_equal(sky_sessions_add(sessions, sky_span_of(did, 100), 5, false), SKY_OK);
    assert_int_equal(sky_sessions_add(sessions, sky_span_of(did, 30), 9, false), SKY_OK);
    sky_sessions_save(sessions, &saved);
    sky_sessions_free(sessions);
    for (size_t cut = 0; cut < saved.len; cut++) {
        struct sky_reader reader;
        sessions = new_sessions(4);
        sky_reader_init(&reader, sky_span_of(saved.ptr, cut));
        sky_sessions_load(sessions, &reader);
        assert_int_not_equal(reader.error.status, SKY_OK);
        sky_sessions_free(sessions);
    }
    sky_buffer_clean_up(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_model),
        cmocka_unit_test(test_a_post_joins_two_sessions),
        cmocka_unit_test(test_limits_and_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
