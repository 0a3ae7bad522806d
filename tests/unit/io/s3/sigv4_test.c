/* The examples of the S3 documentation (sig-v4-header-based-auth) and requests of AWS's published test suite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "io/s3/sigv4.h"

struct example {
    const char *method;
    const char *path;
    struct sky_sigv4_pair query[2];
    size_t query_count;
    struct sky_sigv4_pair headers[6];
    size_t headers_count;
    const char *body; /* NULL: none */
    const char *signature;
};

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        .ptr = (const uint8_t *)(literal), .len = sizeof(literal) - 1                                                  \
    }
#define PAIR(header, text)                                                                                             \
    {                                                                                                                  \
        .name = TEXT(header), .value = TEXT(text)                                                                      \
    }
#define EMPTY    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define S3_HOST  PAIR("host", "examplebucket.s3.amazonaws.com")
#define S3_DATE  PAIR("x-amz-date", "20130524T000000Z")
#define S3_EMPTY PAIR("x-amz-content-sha256", EMPTY)

static const struct example of_s3[] = {
    {"GET", "/test.txt", .headers = {S3_HOST, PAIR("range", "bytes=0-9"), S3_EMPTY, S3_DATE}, .headers_count = 4,
     .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT", "/test$file.text",
     .headers = {PAIR("date", "Fri, 24 May 2013 00:00:00 GMT"), S3_HOST,
                 PAIR("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
                 S3_DATE, PAIR("x-amz-storage-class", "REDUCED_REDUNDANCY")},
     .headers_count = 5, .body = "Welcome to Amazon S3.",
     .signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET", "/", .query = {PAIR("lifecycle", "")}, .query_count = 1, .headers = {S3_HOST, S3_EMPTY, S3_DATE},
     .headers_count = 3, .signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET", "/", .query = {PAIR("prefix", "J"), PAIR("max-keys", "2")}, .query_count = 2,
     .headers = {S3_HOST, S3_EMPTY, S3_DATE}, .headers_count = 3,
     .signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

#define SUITE_HOST PAIR("host", "example.amazonaws.com")
#define SUITE_DATE PAIR("x-amz-date", "20150830T123600Z")

static const struct example of_suite[] = {
    {"GET", "/", .headers = {SUITE_HOST, SUITE_DATE}, .headers_count = 2,
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"}, /* get-vanilla */
    {"GET", "/", .query = {PAIR("Param2", "value2"), PAIR("Param1", "value1")}, .query_count = 2,
     .headers = {SUITE_HOST, SUITE_DATE}, .headers_count = 2,
     .signature =
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"}, /* get-vanilla-query-order-key-case */
    {"GET", "/", .headers = {SUITE_HOST, PAIR("my-header1", "value2,value2,value1"), SUITE_DATE}, .headers_count = 3,
     .signature = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"}, /* get-header-key-duplicate */
};

static void check(const struct sky_sigv4_scope *scope, const char *date, const struct example *example)
{
    struct sky_sigv4_pair pairs[2] = {example->query[0], example->query[1]};
    struct sky_buffer path = {0}, query = {0}, out = {0};
    char hash[SKY_SIGV4_HASH_SIZE] = SKY_SIGV4_EMPTY_HASH, expected[80];
    if (example->body)
        sky_sigv4_hash(sky_span_from_string(example->body), hash);
    sky_sigv4_put_encoded(&path, sky_span_from_string(example->path), true);
    sky_sigv4_put_query(&query, pairs, example->query_count);
    struct sky_sigv4_request request = {
        .method = example->method,
        .path = sky_buffer_span(&path),
        .query = sky_buffer_span(&query),
        .headers = example->headers,
        .headers_count = example->headers_count,
        .payload_hash = hash,
    };
    sky_sigv4_put_authorization(&out, scope, &request, date);
    sky_buffer_put_u8(&out, 0);
    snprintf(expected, sizeof expected, "Signature=%s", example->signature);
    const char *signature = strstr((const char *)out.ptr, "Signature=");
    assert_non_null(signature);
    assert_string_equal(signature, expected);
    sky_buffer_clean_up(&path);
    sky_buffer_clean_up(&query);
    sky_buffer_clean_up(&out);
}

static void test_examples_of_s3(void **state)
{
    const struct sky_sigv4_scope scope = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                          "us-east-1", "s3"};
    for (size_t i = 0; i < sizeof of_s3 / sizeof of_s3[0]; i++)
        check(&scope, "20130524T000000Z", &of_s3[i]);
}

static void test_suite_of_aws(void **state)
{
    const struct sky_sigv4_scope scope = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1",
                                          "service"};
    for (size_t i = 0; i < sizeof of_suite / sizeof of_suite[0]; i++)
        check(&scope, "20150830T123600Z", &of_suite[i]);
}

/* get-unreserved of the suite, its space, and the bytes of our own keys. */
static void test_encoding(void **state)
{
    struct sky_buffer out = {0};
    sky_sigv4_put_encoded(
        &out, SKY_SPAN("/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz /year=2026+\xe1\x88\xb4"),
        true);
    static const char expected[] = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz%20/"
                                   "year%3D2026%2B%E1%88%B4";
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.ptr, expected, out.len);
    sky_buffer_clear(&out);
    sky_sigv4_put_encoded(&out, SKY_SPAN("a/b"), false);
    assert_int_equal(out.len, 5);
    assert_memory_equal(out.ptr, "a%2Fb", 5);
    sky_buffer_clean_up(&out);
}

static void test_date(void **state)
{
    char date[SKY_SIGV4_DATE_SIZE];
    sky_sigv4_date(INT64_C(1369353600000), date);
    assert_string_equal(date, "20130524T000000Z");
    sky_sigv4_date(INT64_C(1440938160999), date);
    assert_string_equal(date, "20150830T123600Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_s3),
        cmocka_unit_test(test_suite_of_aws),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
