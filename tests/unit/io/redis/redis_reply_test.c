/* Expected: the examples of the protocol's specification (RESP2); the limits are redis_reply.h's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "io/redis/redis_reply.h"

struct fixture {
    struct sky_arena arena;
    struct sky_redis_reader *reader;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    return sky_redis_reader_new(&fixture->arena, &fixture->reader) == SKY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    sky_redis_reader_free(fixture->reader);
    sky_arena_clean_up(&fixture->arena);
    free(fixture);
    return 0;
}

static enum sky_status read_text(struct fixture *fixture, const char *text, struct sky_redis_reply *reply)
{
    assert_int_equal(sky_redis_reader_feed(fixture->reader, sky_span_from_string(text)), SKY_OK);
    return sky_redis_reader_next(fixture->reader, reply);
}

static void assert_text(const struct sky_redis_reply *reply, enum sky_redis_kind kind, const char *text)
{
    assert_int_equal(reply->kind, kind);
    assert_int_equal(reply->text.len, strlen(text));
    assert_memory_equal(reply->text.ptr, text, strlen(text));
}

static void test_kinds(void **state)
{
    struct sky_redis_reply reply;
    assert_int_equal(read_text(*state, "+OK\r\n", &reply), SKY_OK);
    assert_text(&reply, SKY_REDIS_STATUS, "OK");
    assert_int_equal(read_text(*state, "-ERR unknown command 'asdf'\r\n", &reply), SKY_OK);
    assert_text(&reply, SKY_REDIS_ERROR, "ERR unknown command 'asdf'");
    assert_int_equal(read_text(*state, ":-1000\r\n", &reply), SKY_OK);
    assert_int_equal(reply.kind, SKY_REDIS_INTEGER);
    assert_int_equal(reply.integer, -1000);
    assert_int_equal(read_text(*state, "$5\r\nhello\r\n", &reply), SKY_OK);
    assert_text(&reply, SKY_REDIS_TEXT, "hello");
    assert_int_equal(read_text(*state, "$0\r\n\r\n", &reply), SKY_OK);
    assert_text(&reply, SKY_REDIS_TEXT, "");
    assert_int_equal(read_text(*state, "$-1\r\n", &reply), SKY_OK);
    assert_int_equal(reply.kind, SKY_REDIS_NIL);
    assert_int_equal(read_text(*state, "*-1\r\n", &reply), SKY_OK);
    assert_int_equal(reply.kind, SKY_REDIS_NIL);
    assert_int_equal(read_text(*state, "*0\r\n", &reply), SKY_OK);
    assert_int_equal(reply.kind, SKY_REDIS_ARRAY);
    assert_int_equal(reply.count, 0);
}

static void test_arrays(void **state)
{
    struct sky_redis_reply reply;
    assert_int_equal(read_text(*state, "*2\r\n*3\r\n:1\r\n$-1\r\n:3\r\n*2\r\n+Hello\r\n-World\r\n", &reply), SKY_OK);
    assert_int_equal(reply.count, 2);
    assert_int_equal(reply.items[0].count, 3);
    assert_int_equal(reply.items[0].items[0].integer, 1);
    assert_int_equal(reply.items[0].items[1].kind, SKY_REDIS_NIL);
    assert_int_equal(reply.items[0].items[2].integer, 3);
    assert_text(&reply.items[1].items[0], SKY_REDIS_STATUS, "Hello");
    assert_text(&reply.items[1].items[1], SKY_REDIS_ERROR, "World");
}

/* Cut at every byte, the same comes out; and what stands behind it is the next. */
static void test_pieces(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] = "*2\r\n$3\r\na\0b\r\n:7\r\n+PONG\r\n";
    size_t whole = sizeof text - 1 - strlen("+PONG\r\n");
    for (size_t cut = 1; cut < whole; cut++) {
        struct sky_redis_reply reply;
        assert_int_equal(sky_redis_reader_feed(fixture->reader, sky_span_of(text, cut)), SKY_OK);
        assert_int_equal(sky_redis_reader_next(fixture->reader, &reply), SKY_E_TRUNCATED);
        assert_int_equal(sky_redis_reader_feed(fixture->reader, sky_span_of(text + cut, sizeof text - 1 - cut)),
                         SKY_OK);
        assert_int_equal(sky_redis_reader_next(fixture->reader, &reply), SKY_OK);
        assert_memory_equal(reply.items[0].text.ptr, "a\0b", 3);
        assert_int_equal(reply.items[1].integer, 7);
        assert_int_equal(sky_redis_reader_next(fixture->reader, &reply), SKY_OK);
        assert_text(&reply, SKY_REDIS_STATUS, "PONG");
    }
}

static void test_malformed(void **state)
{
    static const char *const bad[] = {
        "HTTP/1.1 400 Bad Request\r\n", "?\r\n", "$x\r\n", "*x\r\n", ":12a\r\n", "$-2\r\n", "*-2\r\n", ":\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fixture fixture = {0};
        struct sky_redis_reply reply;
        assert_int_equal(sky_redis_reader_new(&fixture.arena, &fixture.reader), SKY_OK);
        if (read_text(&fixture, bad[i], &reply) != SKY_E_MALFORMED)
            fail_msg("taken: %s", bad[i]);
        sky_redis_reader_free(fixture.reader);
        sky_arena_clean_up(&fixture.arena);
    }
}

static void test_depth(void **state)
{
    for (int depth = 1; depth < 40; depth++) {
        struct fixture fixture = {0};
        struct sky_redis_reply reply;
        struct sky_buffer text = {0};
        assert_int_equal(sky_redis_reader_new(&fixture.arena, &fixture.reader), SKY_OK);
        for (int i = 1; i < depth; i++)
            sky_buffer_put_string(&text, "*1\r\n");
        sky_buffer_put(&text, ":1\r\n", 5);
        enum sky_status status = read_text(&fixture, (const char *)text.ptr, &reply);
        assert_int_equal(status, depth <= SKY_REDIS_REPLY_DEPTH_MAX ? SKY_OK : SKY_E_LIMIT);
        sky_buffer_clean_up(&text);
        sky_redis_reader_free(fixture.reader);
        sky_arena_clean_up(&fixture.arena);
    }
}

static void test_claimed_counts(void **state)
{
    struct sky_redis_reply reply;
    assert_int_equal(read_text(*state, "*65537\r\n", &reply), SKY_E_LIMIT);
    struct fixture fixture = {0};
    assert_int_equal(sky_redis_reader_new(&fixture.arena, &fixture.reader), SKY_OK);
    assert_int_equal(read_text(&fixture, "*2147483648\r\n", &reply) == SKY_OK, false);
    sky_redis_reader_free(fixture.reader);
    /* Many within many: the sum counts. */
    assert_int_equal(sky_redis_reader_new(&fixture.arena, &fixture.reader), SKY_OK);
    assert_int_equal(read_text(&fixture, "*40000\r\n*30000\r\n", &reply), SKY_E_LIMIT);
    sky_redis_reader_free(fixture.reader);
    assert_true(sky_arena_size_bytes(&fixture.arena) < 16u << 20);
    sky_arena_clean_up(&fixture.arena);
}

/* A reply that never ends, and a text whose length is a lie, cost no more than the limit. */
static void test_endless(void **state)
{
    struct fixture *fixture = *state;
    static char block[65536];
    struct sky_redis_reply reply;
    size_t fed = 0;
    memset(block, 'a', sizeof block);
    assert_int_equal(read_text(*state, "$9223372036854775807\r\n", &reply), SKY_E_TRUNCATED);
    enum sky_status status;
    while ((status = sky_redis_reader_feed(fixture->reader, sky_span_of(block, sizeof block))) == SKY_OK)
        fed += sizeof block;
    assert_int_equal(status, SKY_E_LIMIT);
    assert_true(fed <= SKY_REDIS_REPLY_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_arrays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pieces, set_up, tear_down),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_depth),
        cmocka_unit_test_setup_teardown(test_claimed_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_endless, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
