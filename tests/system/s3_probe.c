/* io/s3/s3.h against a real store: s3_test.py starts MinIO, which checks every signature, and runs this for each way to
 * reach it. The bucket is the program's argument, the rest comes by the settings' names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/s3/s3_request.h"

#define BIG_BYTES (2 * SKY_S3_PART_BYTES + 1) /* three parts */
#define PAGE_KEYS 1000u                       /* of one answer to a listing: S3's */

static const char *bucket;

/* What S3's guide to object keys calls safe, what it says needs care, and what a signature can get wrong. */
static const char *const keys[] = {
    "plain",
    "raw/posts/year=2026/month=01/day=05/hour=14/part-0.parquet",
    "a b",
    "a+b",
    "a%b",
    "a%20b",
    "a&b=c&d",
    "a?b#c",
    "~tilde-._!'()*",
    "a:b;c,d@e$f",
    "caf\xc3\xa9/\xe6\x97\xa5\xe6\x9c\xac/\xf0\x9f\x8c\x80",
    "[a]{b}|^`\"<c>",
    "a/..b/.c./...",
    "a.../b",
};
#define KEYS (sizeof keys / sizeof keys[0])

static struct sky_s3 *client(const char *secret_key)
{
    char problem[SKY_S3_PROBLEM_SIZE];
    const char *style = getenv("SKYTREND_S3_PATH_STYLE");
    struct sky_s3_options options;
    struct sky_s3 *s3;
    sky_s3_options_default(&options);
    options.endpoint = getenv("SKYTREND_S3_ENDPOINT");
    options.region = getenv("SKYTREND_S3_REGION");
    options.bucket = bucket;
    options.access_key = getenv("SKYTREND_S3_ACCESS_KEY");
    options.secret_key = secret_key ? secret_key : getenv("SKYTREND_S3_SECRET_KEY");
    options.session_token = getenv("SKYTREND_S3_SESSION_TOKEN");
    options.ca_file = getenv("SKYTREND_S3_CA_FILE");
    options.virtual_hosted = style && strcmp(style, "false") == 0;
    if (sky_s3_new(&options, &s3, problem) != SKY_OK)
        fail_msg("%s", problem);
    return s3;
}

static void expect(const struct sky_s3 *s3, enum sky_status got, enum sky_status wanted)
{
    if (got != wanted)
        fail_msg("%s instead of %s: %s", sky_status_name(got), sky_status_name(wanted), sky_s3_problem(s3));
}

static int begin(void **state)
{
    *state = client(NULL);
    return 0;
}

static int end(void **state)
{
    sky_s3_free(*state);
    return 0;
}

struct listing {
    struct sky_buffer keys; /* each with a line end */
    size_t count;
};

static enum sky_status take(void *context, const struct sky_s3_object *object)
{
    struct listing *listing = context;
    sky_buffer_put_span(&listing->keys, object->key);
    sky_buffer_put_u8(&listing->keys, '\n');
    listing->count++;
    return object->modified_ms > 0 ? SKY_OK : SKY_E_MALFORMED;
}

static void assert_listed(struct sky_s3 *s3, const char *prefix, const char *expected)
{
    struct listing listing = {0};
    expect(s3, sky_s3_list(s3, prefix, take, &listing), SKY_OK);
    sky_buffer_put_u8(&listing.keys, 0);
    assert_string_equal((const char *)listing.keys.ptr, expected);
    sky_buffer_clean_up(&listing.keys);
}

/* ---- tests ---- */

static void test_bucket(void **state)
{
    struct sky_s3 *s3 = *state;
    expect(s3, sky_s3_check(s3), SKY_E_CONFIG);
    assert_non_null(strstr(sky_s3_problem(s3), "(NoSuchBucket)"));
    expect(s3, sky_s3_create_bucket(s3), SKY_OK);
    expect(s3, sky_s3_create_bucket(s3), SKY_OK);
    expect(s3, sky_s3_check(s3), SKY_OK);
}

/* The key is the body, so that two keys which became one are seen. */
static void test_keys(void **state)
{
    struct sky_s3 *s3 = *state;
    for (size_t i = 0; i < KEYS; i++)
        expect(s3, sky_s3_put(s3, keys[i], sky_span_from_string(keys[i])), SKY_OK);
    for (size_t i = 0; i < KEYS; i++) {
        struct sky_s3_object object;
        struct sky_buffer body = {0};
        char line[SKY_S3_KEY_BYTES_MAX];
        expect(s3, sky_s3_head(s3, keys[i], &object), SKY_OK);
        assert_int_equal(object.size_bytes, strlen(keys[i]));
        expect(s3, sky_s3_get(s3, keys[i], SKY_S3_KEY_BYTES_MAX, &body), SKY_OK);
        assert_int_equal(body.len, strlen(keys[i]));
        assert_memory_equal(body.ptr, keys[i], body.len);
        snprintf(line, sizeof line, "%s\n", keys[i]);
        assert_listed(s3, keys[i], line);
        sky_buffer_clean_up(&body);
    }
    assert_listed(s3, "raw/posts/year=2026/", "raw/posts/year=2026/month=01/day=05/hour=14/part-0.parquet\n");
    assert_listed(s3, "a%", "a%20b\na%b\n");
    for (size_t i = 0; i < KEYS; i++)
        expect(s3, sky_s3_delete(s3, keys[i]), SKY_OK);
    assert_listed(s3, "", "");
    struct sky_s3_object object;
    expect(s3, sky_s3_head(s3, keys[0], &object), SKY_E_MISSING);
    expect(s3, sky_s3_delete(s3, keys[0]), SKY_OK);
}

/* They would reach another object. */
static void test_dots(void **state)
{
    static const char *const dots[] = {"raw/../b", "..", "./b", "a/."};
    for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++)
        expect(*state, sky_s3_put(*state, dots[i], SKY_SPAN("x")), SKY_E_CONFIG);
    assert_listed(*state, "", "");
}

/* More than one answer holds: the server's token for the next page goes into a query. */
static void test_pages(void **state)
{
    struct sky_s3 *s3 = *state;
    struct listing listing = {0};
    char key[64];
    for (unsigned i = 0; i < PAGE_KEYS + 5; i++) {
        snprintf(key, sizeof key, "pages/a=b+c/%04u", i);
        expect(s3, sky_s3_put(s3, key, SKY_SPAN("")), SKY_OK);
    }
    expect(s3, sky_s3_list(s3, "pages/a=b+c/", take, &listing), SKY_OK);
    assert_int_equal(listing.count, PAGE_KEYS + 5);
    sky_buffer_clean_up(&listing.keys);
}

static void read_whole(const char *path, struct sky_buffer *bytes)
{
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(sky_buffer_reserve(bytes, BIG_BYTES + 1));
    while ((got = read(fd, bytes->ptr + bytes->len, bytes->capacity - bytes->len)) > 0)
        bytes->len += (size_t)got;
    close(fd);
}

static void test_parts(void **state)
{
    struct sky_s3 *s3 = *state;
    char up[256], down[256];
    const char *folder = getenv("TEST_DIR");
    snprintf(up, sizeof up, "%.200s/%s.up", folder ? folder : "/tmp", bucket);
    snprintf(down, sizeof down, "%.200s/%s.down", folder ? folder : "/tmp", bucket);
    FILE *file = fopen(up, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < BIG_BYTES; i++)
        putc((int)((i * 31) >> 3 & 255), file);
    assert_int_equal(fclose(file), 0);
    expect(s3, sky_s3_put_file(s3, "parts/big file+1", up), SKY_OK);
    expect(s3, sky_s3_get_file(s3, "parts/big file+1", down), SKY_OK);
    struct sky_buffer sent = {0}, received = {0};
    read_whole(up, &sent);
    read_whole(down, &received);
    unlink(up);
    unlink(down);
    assert_int_equal(sent.len, BIG_BYTES);
    assert_int_equal(received.len, BIG_BYTES);
    assert_memory_equal(received.ptr, sent.ptr, BIG_BYTES);
    sky_buffer_clean_up(&sent);
    sky_buffer_clean_up(&received);
}

/* MinIO lists the uploads of one key only, by the whole of it. */
static void test_left_over(void **state)
{
    static const char key[] = "parts/year=2026/left over+1";
    const struct sky_s3_request request = {.method = "POST",
                                           .key = key,
                                           .query = {{SKY_SPAN("uploads"), SKY_SPAN("")}},
                                           .query_count = 1,
                                           .has_body = true,
                                           .doing = "write"};
    struct sky_s3_answer answer;
    uint32_t count;
    expect(*state, sky_s3_call(*state, &request, &answer), SKY_OK);
    expect(*state, sky_s3_abort_uploads(*state, key, 0, &count), SKY_OK);
    assert_int_equal(count, 0);
    expect(*state, sky_s3_abort_uploads(*state, key, INT64_MAX, &count), SKY_OK);
    assert_int_equal(count, 1);
    expect(*state, sky_s3_abort_uploads(*state, key, INT64_MAX, &count), SKY_OK);
    assert_int_equal(count, 0);
}

static void test_rules(void **state)
{
    struct sky_s3 *s3 = *state;
    const struct sky_s3_expiry rules[] = {{"skytrend-raw", "raw/", 30}, {"skytrend-processed", "a&b=<c>/", 3}};
    expect(s3, sky_s3_put_expiry(s3, rules, 2), SKY_OK);
    expect(s3, sky_s3_put_expiry(s3, rules, 1), SKY_OK);
}

static void test_wrong_secret(void **state)
{
    struct sky_s3 *s3 = client("not-the-secret-key");
    expect(s3, sky_s3_check(s3), SKY_E_CONFIG);
    assert_non_null(strstr(sky_s3_problem(s3), "(SignatureDoesNotMatch)"));
    sky_s3_free(s3);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bucket, begin, end),
        cmocka_unit_test_setup_teardown(test_keys, begin, end),
        cmocka_unit_test_setup_teardown(test_dots, begin, end),
        cmocka_unit_test_setup_teardown(test_pages, begin, end),
        cmocka_unit_test_setup_teardown(test_parts, begin, end),
        cmocka_unit_test_setup_teardown(test_left_over, begin, end),
        cmocka_unit_test_setup_teardown(test_rules, begin, end),
        cmocka_unit_test(test_wrong_secret),
    };
    if (argc != 2)
        return 2;
    bucket = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
