#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/post_json.h"

static struct sky_post_json_reader reader;

static struct sky_span tags[2];
static struct sky_span langs[1];

static struct sky_post make_post(enum sky_post_op op)
{
    tags[0] = SKY_SPAN("a");
    tags[1] = SKY_SPAN("b");
    langs[0] = SKY_SPAN("en-GB");
    return (struct sky_post){.op = op,
                             .uri = SKY_SPAN("at://did:plc:a/app.bsky.feed.post/3k"),
                             .author_did = SKY_SPAN("did:plc:a"),
                             .rkey = SKY_SPAN("3k"),
                             .text = SKY_SPAN("line\n\"two\""),
                             .language = SKY_SPAN("en"),
                             .rev = SKY_SPAN("3m"),
                             .cid = SKY_SPAN("bafy"),
                             .relay = SKY_SPAN("r"),
                             .created_at_ms = 1783175888999,
                             .observed_at_ms = 1783175889000,
                             .event_time_ms = 1783175889001,
                             .seq = 7,
                             .hashtags = tags,
                             .hashtags_count = 2,
                             .langs = langs,
                             .langs_count = 1};
}

static void expect(const struct sky_post *post, const char *expected)
{
    struct sky_buffer line = {0};
    struct sky_json_writer json;
    sky_json_begin(&json, &line);
    sky_post_json_write(&json, post);
    sky_buffer_put_u8(&line, '\0');
    assert_string_equal((const char *)line.ptr, expected);
    sky_buffer_clean_up(&line);
}

#define ORIGIN                                                                                                         \
    "\"event_time\":\"2026-07-04T14:38:09.001Z\",\"observed_at\":\"2026-07-04T14:38:09.000Z\",\"seq\":7,\"rev\":"      \
    "\"3m\","                                                                                                          \
    "\"cid\":\"bafy\",\"relay\":\"r\""
#define CREATE                                                                                                         \
    "{\"uri\":\"at://did:plc:a/app.bsky.feed.post/3k\",\"author_did\":\"did:plc:a\",\"text\":\"line\\n\\\"two\\\"\","  \
    "\"created_at\":\"2026-07-04T14:38:08.999Z\",\"language\":\"en\",\"reply_to\":null,\"mentions\":[],"               \
    "\"hashtags\":[\"a\",\"b\"],\"op\":\"create\"," ORIGIN ",\"langs\":[\"en-GB\"],\"labels\":[]}"

/* The spelling is the specification's. */
static void test_written_records(void **state)
{
    (void)state;
    struct sky_post post = make_post(SKY_POST_CREATE);
    expect(&post, CREATE);
    post = make_post(SKY_POST_DELETE);
    expect(&post,
           "{\"uri\":\"at://did:plc:a/app.bsky.feed.post/3k\",\"author_did\":\"did:plc:a\",\"op\":\"delete\"," ORIGIN
           "}");
    post = make_post(SKY_POST_ACCOUNT);
    post.status = SKY_SPAN("takendown");
    expect(&post,
           "{\"author_did\":\"did:plc:a\",\"op\":\"account\",\"active\":false,\"status\":\"takendown\"," ORIGIN "}");
    post = make_post(SKY_POST_WATERMARK);
    expect(&post, "{\"op\":\"watermark\",\"event_time\":\"2026-07-04T14:38:09.001Z\"}");
}

static enum sky_status read_line(const char *line, struct sky_post *post)
{
    struct sky_error error;
    return sky_post_json_read(&reader, sky_span_from_string(line), post, &error);
}

static void test_read_back(void **state)
{
    (void)state;
    struct sky_post post;
    assert_int_equal(read_line(CREATE, &post), SKY_OK);
    expect(&post, CREATE);
    assert_true(sky_span_equal(post.rkey, SKY_SPAN("3k")));
    assert_true(post.has_created_at);
}

/* RFC 8259, section 4: an object's members are unordered. CREATE, from its end to its beginning, strangers between. */
static void test_the_order_of_members_says_nothing(void **state)
{
    (void)state;
    struct sky_post post;
    assert_int_equal(
        read_line("{\"labels\":[],\"z\":{\"uri\":\"no\"},\"langs\":[\"en-GB\"],\"relay\":\"r\",\"cid\":\"bafy\","
                  "\"rev\":\"3m\","
                  "\"seq\":7,\"\":\"text\",\"observed_at\":\"2026-07-04T14:38:09.000Z\",\"event_time\":"
                  "\"2026-07-04T14:38:09.001Z\",\"op\":\"create\",\"hashtags\":[\"a\",\"b\"],\"mentions\":[],"
                  "\"reply_to\":null,\"language\":\"en\",\"created_at\":\"2026-07-04T14:38:08.999Z\",\"texts\":\"no\","
                  "\"text\":\"line\\n\\\"two\\\"\",\"author_did\":\"did:plc:a\",\"uri\":"
                  "\"at://did:plc:a/app.bsky.feed.post/3k\"}",
                  &post),
        SKY_OK);
    expect(&post, CREATE);
}

static void test_missing_optional_fields_get_defaults(void **state)
{
    (void)state;
    struct sky_post post;
    assert_int_equal(read_line("{\"op\":\"create\",\"uri\":\"at://a/b/c\",\"author_did\":\"did:plc:a\",\"text\":\"\","
                               "\"event_time\":\"1970-01-01T00:00:01Z\",\"new_field\":[{}]}",
                               &post),
                     SKY_OK);
    assert_int_equal(post.event_time_ms, 1000);
    assert_int_equal(post.observed_at_ms, 1000);
    assert_int_equal(post.created_at_ms, 1000);
    assert_false(post.has_created_at);
    assert_int_equal(post.language.len + post.langs_count + post.hashtags_count, 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum sky_status status;
    } bad[] = {
        {"[]", SKY_E_MISSING},
        {"{}", SKY_E_MISSING},
        {"{\"op\":\"fly\",\"event_time\":\"1970-01-01T00:00:01Z\"}", SKY_E_RANGE},
        {"{\"op\":\"watermark\"}", SKY_E_MISSING},
        {"{\"op\":\"watermark\",\"event_time\":\"soon\"}", SKY_E_RANGE},
        {"{\"op\":\"delete\",\"author_did\":\"a\",\"event_time\":\"1970-01-01T00:00:01Z\"}", SKY_E_MISSING},
        {"{\"op\":\"create\",\"author_did\":\"a\",\"uri\":\"b\",\"event_time\":\"1970-01-01T00:00:01Z\"}",
         SKY_E_MISSING},
        {"{\"op\":\"create\"", SKY_E_TRUNCATED},
    };
    struct sky_post post;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(read_line(bad[i].line, &post), bad[i].status);
}

static int clean_up(void **state)
{
    (void)state;
    sky_post_json_reader_clean_up(&reader);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_records),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_the_order_of_members_says_nothing),
        cmocka_unit_test(test_missing_optional_fields_get_defaults),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
