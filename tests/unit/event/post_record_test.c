#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/post_record.h"
#include "wire/atproto_json.h"

static struct sky_arena arena;
static struct sky_buffer cbor;
static struct sky_post post;

/* Decode the record written as ATProto JSON, `$type` added. */
static enum sky_status decode(const char *fields)
{
    struct sky_json_document document = {0};
    struct sky_arena scratch = {0};
    struct sky_error error;
    char json[8192];
    snprintf(json, sizeof json, "{\"$type\":\"app.bsky.feed.post\"%s%s}", *fields ? "," : "", fields);
    cbor.len = 0;
    assert_int_equal(sky_json_parse(&document, sky_span_from_string(json), &error), SKY_OK);
    assert_int_equal(sky_atproto_json_read(document.values, &scratch, &cbor, &error), SKY_OK);
    sky_json_document_clean_up(&document);
    sky_arena_clean_up(&scratch);
    sky_arena_reset(&arena);
    post = (struct sky_post){0};
    return sky_post_record_decode(sky_buffer_span(&cbor), &arena, &post, &error);
}

static void expect_list(const struct sky_span *items, uint32_t count, const char *joined)
{
    char got[4096] = "";
    for (uint32_t i = 0; i < count; i++) {
        strcat(got, i ? "|" : "");
        strncat(got, (const char *)items[i].ptr, items[i].len);
    }
    assert_string_equal(got, joined);
}

static void test_fields_of_the_lexicon(void **state)
{
    (void)state;
    assert_int_equal(decode("\"text\":\"hello\",\"createdAt\":\"2026-07-04T16:38:08.9995+02:00\","
                            "\"langs\":[\"pt-BR\",\"en\"],\"tags\":[\"one\"],"
                            "\"reply\":{\"root\":{\"uri\":\"at://did:plc:r/app.bsky.feed.post/r\"},"
                            "\"parent\":{\"uri\":\"at://did:plc:p/app.bsky.feed.post/p\"}},"
                            "\"labels\":{\"$type\":\"com.atproto.label.defs#selfLabels\","
                            "\"values\":[{\"val\":\"porn\"},{\"val\":\"!no-unauthenticated\"}]}"),
                     SKY_OK);
    assert_true(sky_span_equal(post.text, SKY_SPAN("hello")));
    assert_true(sky_span_equal(post.language, SKY_SPAN("pt")));
    assert_true(sky_span_equal(post.reply_to, SKY_SPAN("at://did:plc:p/app.bsky.feed.post/p")));
    assert_true(post.has_created_at);
    assert_int_equal(post.created_at_ms, 1783175888999);
    expect_list(post.langs, post.langs_count, "pt-BR|en");
    expect_list(post.hashtags, post.hashtags_count, "one");
    expect_list(post.labels, post.labels_count, "porn|!no-unauthenticated");
}

static void test_text_is_required_and_may_be_empty(void **state)
{
    (void)state;
    char fields[4096];
    assert_int_equal(decode("\"text\":\"\""), SKY_OK);
    assert_non_null(post.text.ptr);
    assert_int_equal(decode(""), SKY_E_MISSING);
    assert_int_equal(decode("\"text\":1"), SKY_E_TYPE);
    snprintf(fields, sizeof fields, "\"text\":\"%03000d\"", 0);
    assert_int_equal(decode(fields), SKY_OK);
    snprintf(fields, sizeof fields, "\"text\":\"%03001d\"", 0);
    assert_int_equal(decode(fields), SKY_E_LIMIT);
}

static void test_other_wrong_fields_are_as_if_absent(void **state)
{
    (void)state;
    assert_int_equal(decode("\"text\":\"x\",\"createdAt\":\"yesterday\",\"langs\":\"en\",\"tags\":{\"a\":1},"
                            "\"reply\":{\"parent\":{\"uri\":\"http://example.com\"}},\"facets\":[1,{\"index\":3}],"
                            "\"labels\":[]"),
                     SKY_OK);
    assert_false(post.has_created_at);
    assert_int_equal(post.langs_count + post.hashtags_count + post.labels_count + post.mentions_count, 0);
    assert_int_equal(post.language.len + post.reply_to.len, 0);
}

static void test_language(void **state)
{
    (void)state;
    static const struct {
        const char *langs;
        const char *language;
        const char *kept;
    } cases[] = {{"[]", "", ""},
                 {"[\"und\"]", "", "und"},
                 {"[\"mul\",\"de\"]", "", "mul|de"},
                 {"[\"not a tag\",\"de-CH\"]", "de", "de-CH"},
                 {"[\"a\",\"de\",\"fr\",\"es\",\"it\"]", "de", "de|fr|es"},
                 {"[7,\"ja\"]", "ja", "ja"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char fields[256];
        snprintf(fields, sizeof fields, "\"text\":\"x\",\"langs\":%s", cases[i].langs);
        assert_int_equal(decode(fields), SKY_OK);
        assert_true(sky_span_equal(post.language, sky_span_from_string(cases[i].language)));
        expect_list(post.langs, post.langs_count, cases[i].kept);
    }
}

#define FACET(start, end, features)                                                                                    \
    "{\"index\":{\"byteStart\":" start ",\"byteEnd\":" end "},\"features\":[" features "]}"
#define TAG(tag)     "{\"$type\":\"app.bsky.richtext.facet#tag\",\"tag\":\"" tag "\"}"
#define MENTION(did) "{\"$type\":\"app.bsky.richtext.facet#mention\",\"did\":\"" did "\"}"
#define URL(uri)     "{\"$type\":\"app.bsky.richtext.facet#link\",\"uri\":\"" uri "\"}"

/* The text is 日本 #b #a: bytes 0-6, then "#b" at 7 and "#a" at 10. */
static void test_facets(void **state)
{
    (void)state;
    assert_int_equal(
        decode("\"text\":\"\xe6\x97\xa5\xe6\x9c\xac #b #a\",\"tags\":[\"#z\",\"A\"],\"facets\":[" FACET("10", "12", TAG("a")) "," FACET(
            "7", "9",
            TAG("b") "," URL(
                "https://example.com")) "," FACET("1", "4",
                                                  TAG("inside")) "," FACET("90", "99",
                                                                           TAG("outside")) "," FACET("3", "3",
                                                                                                     MENTION(
                                                                                                         "did:plc:"
                                                                                                         "m")) "," FACET("0",
                                                                                                                         "3",
                                                                                                                         MENTION(
                                                                                                                             "nobody")) "," FACET("0",
                                                                                                                                                  "3",
                                                                                                                                                  "{\"$type\":\"app.bsky.richtext.facet#new\"}") "]"),
        SKY_OK);
    expect_list(post.hashtags, post.hashtags_count, "b|a|inside|outside|z");
    expect_list(post.mentions, post.mentions_count, "did:plc:m");
    expect_list(post.links, post.links_count, "https://example.com");
}

static void test_facet_limits(void **state)
{
    (void)state;
    char fields[8192], *at = fields;
    at += sprintf(at, "\"text\":\"x\",\"facets\":[{\"features\":[");
    for (int i = 0; i < 10; i++)
        at += sprintf(at, "%s" MENTION("did:plc:m%d"), i ? "," : "", i);
    sprintf(at, "]}]");
    assert_int_equal(decode(fields), SKY_OK);
    assert_int_equal(post.mentions_count, 8);
}

static void test_form_of_the_record(void **state)
{
    (void)state;
    struct sky_error error;
    assert_int_equal(decode("\"text\":\"x\""), SKY_OK);
    for (size_t len = 0; len < cbor.len; len++) {
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, cbor.ptr, len);
        post = (struct sky_post){0};
        assert_int_not_equal(sky_post_record_decode(sky_span_of(exact, len), &arena, &post, &error), SKY_OK);
        free(exact);
    }
    post = (struct sky_post){0};
    assert_int_equal(sky_post_record_decode(SKY_SPAN("\xa1\x64text\x61x"), &arena, &post, &error), SKY_E_TYPE);
    post = (struct sky_post){0};
    assert_int_equal(sky_post_record_decode(SKY_SPAN("\xa1\x64text\x61\xff"), &arena, &post, &error), SKY_E_UTF8);
}

static int clean_up(void **state)
{
    (void)state;
    sky_arena_clean_up(&arena);
    sky_buffer_clean_up(&cbor);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_the_lexicon),
        cmocka_unit_test(test_text_is_required_and_may_be_empty),
        cmocka_unit_test(test_other_wrong_fields_are_as_if_absent),
        cmocka_unit_test(test_language),
        cmocka_unit_test(test_facets),
        cmocka_unit_test(test_facet_limits),
        cmocka_unit_test(test_form_of_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
