/* The client against a server that answers as it is told: what a real one cannot be made to do. (The real MinIO is in
 * tests/system/s3_test.py.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/host/write_all.h"
#include "io/s3/s3.h"
#include "wire/sha256.h"

#define STEPS_MAX 16
#define OK_EMPTY  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"e\"\r\n\r\n"
#define BUSY      "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n"

/* One request and what becomes of it. */
struct step {
    const char *begins; /* what the request's first line must begin with */
    const char *answer; /* NULL: the connection is cut */
    size_t cut_after;   /* bytes of the body that are read before the cut */
    bool at_once;       /* the answer comes before the body, and ends the connection */
};

struct server {
    int fd;
    uint16_t port;
    pthread_t thread;
    const struct step *steps;
    size_t count;
    size_t done;
    bool wrong; /* a request that was not expected, or whose body is not what its hash says */
    char seen[256];
};

/* ---- the server ---- */

static bool read_head(int fd, struct sky_buffer *head)
{
    uint8_t byte;
    while (head->len < 65536 && read(fd, &byte, 1) == 1) {
        sky_buffer_put_u8(head, byte);
        if (head->len >= 4 && memcmp(head->ptr + head->len - 4, "\r\n\r\n", 4) == 0) {
            sky_buffer_put_u8(head, 0);
            return true;
        }
    }
    return false;
}

static size_t length_of(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");
    return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* The body is what was signed, and all that S3 wants signed is named. */
static bool is_signed(const char *head, struct sky_span body)
{
    uint8_t digest[SKY_SHA256_SIZE_BYTES];
    char line[128] = "\r\nx-amz-content-sha256: ";
    size_t len = strlen(line);
    sky_sha256(body, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        len += (size_t)snprintf(line + len, sizeof line - len, "%02x", digest[i]);
    return strcasestr(head, line) && strcasestr(head, "\r\nx-amz-security-token: token\r\n") &&
           strcasestr(head, "\r\nauthorization: AWS4-HMAC-SHA256 Credential=key/") &&
           strstr(head, "host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ");
}

static void answer_expectation(int fd, const char *head)
{
    if (strcasestr(head, "\r\nexpect: 100-continue"))
        assert_int_equal(sky_write_all(fd, SKY_SPAN("HTTP/1.1 100 Continue\r\n\r\n")), SKY_OK);
}

/* False: the connection is over. */
static bool serve_one(struct server *server, int fd)
{
    struct sky_buffer head = {0}, body = {0};
    bool go_on = false;
    if (read_head(fd, &head) && server->done < server->count) {
        const struct step *step = &server->steps[server->done++];
        const char *text = (const char *)head.ptr;
        size_t wanted = step->at_once ? 0 : length_of(text), max = step->answer ? wanted : step->cut_after;
        uint8_t bytes[65536];
        if (!step->at_once)
            answer_expectation(fd, text);
        while (body.len < wanted && body.len < max) {
            ssize_t got = read(fd, bytes, sizeof bytes);
            if (got <= 0)
                break;
            sky_buffer_put(&body, bytes, (size_t)got);
        }
        if (strncmp(text, step->begins, strlen(step->begins)) != 0 ||
            (step->answer && !step->at_once && !is_signed(text, sky_buffer_span(&body)))) {
            server->wrong = true;
            snprintf(server->seen, sizeof server->seen, "%.*s", (int)strcspn(text, "\r"), text);
        }
        go_on = step->answer && sky_write_all(fd, sky_span_from_string(step->answer)) == SKY_OK && !step->at_once;
    }
    sky_buffer_clean_up(&head);
    sky_buffer_clean_up(&body);
    return go_on;
}

static void *serve(void *context)
{
    struct server *server = context;
    int fd;
    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        while (serve_one(server, fd))
            ;
        close(fd);
    }
    return NULL;
}

static void start(struct server *server, const struct step *steps, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *server = (struct server){.fd = socket(AF_INET, SOCK_STREAM, 0), .steps = steps, .count = count};
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static struct sky_s3 *client(const struct server *server, const atomic_bool *stop)
{
    char endpoint[64], problem[SKY_S3_PROBLEM_SIZE];
    struct sky_s3_options options;
    struct sky_s3 *s3;
    sky_s3_options_default(&options);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", server->port);
    options.endpoint = endpoint;
    options.bucket = "bucket";
    options.access_key = "key";
    options.secret_key = "secret";
    options.session_token = "token";
    options.attempts_max = 3;
    options.stop = stop;
    assert_int_equal(sky_s3_new(&options, &s3, problem), SKY_OK);
    return s3;
}

static void finish(struct server *server, struct sky_s3 *s3)
{
    sky_s3_free(s3);
    shutdown(server->fd, SHUT_RDWR);
    close(server->fd);
    pthread_join(server->thread, NULL);
    if (server->wrong)
        fail_msg("request %zu was '%s'", server->done, server->seen);
    assert_int_equal(server->done, server->count);
}

#define START(...)                                                                                                     \
    static const struct step steps[] = {__VA_ARGS__};                                                                  \
    struct server server;                                                                                              \
    start(&server, steps, sizeof steps / sizeof steps[0]);                                                             \
    struct sky_s3 *s3 = client(&server, NULL)

#define XML(status, length, body)                                                                                      \
    "HTTP/1.1 " status "\r\nContent-Type: application/xml\r\nContent-Length: " length "\r\n\r\n" body

/* ---- tests ---- */

static void test_tries_again(void **state)
{
    START({"PUT /bucket/a%3Db/c HTTP", BUSY, 0}, {"PUT /bucket/a%3Db/c HTTP", NULL, 0},
          {"PUT /bucket/a%3Db/c HTTP", OK_EMPTY, 0});
    assert_int_equal(sky_s3_put(s3, "a=b/c", SKY_SPAN("hello")), SKY_OK);
    assert_true(sky_s3_retries(s3) >= 1); /* curl itself sends it again on a connection that was kept */
    finish(&server, s3);
}

static void test_gives_up(void **state)
{
    START({"GET", BUSY, 0}, {"GET", BUSY, 0}, {"GET", BUSY, 0});
    struct sky_buffer body = {0};
    assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_IO);
    assert_non_null(strstr(sky_s3_problem(s3), "503"));
    finish(&server, s3);
}

/* Cut in the middle of a body: sent again, whole (its hash is checked above). */
static void test_cut_upload(void **state)
{
    START({"PUT", NULL, 100000}, {"PUT", OK_EMPTY, 0});
    size_t len = 3000000;
    uint8_t *bytes = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    assert_int_equal(sky_s3_put(s3, "x", sky_span_of(bytes, len)), SKY_OK);
    free(bytes);
    finish(&server, s3);
}

/* A server that cannot now says so before it gets a large body, which is then sent once and not twice. */
static void test_refused_upload(void **state)
{
    START({"PUT", BUSY, .at_once = true}, {"PUT", OK_EMPTY, 0});
    size_t len = 3000000;
    uint8_t *bytes = calloc(1, len);
    assert_int_equal(sky_s3_put(s3, "x", sky_span_of(bytes, len)), SKY_OK);
    assert_int_equal(sky_s3_retries(s3), 1);
    free(bytes);
    finish(&server, s3);
}

static void test_damaged_upload(void **state)
{
    START({"PUT", XML("400 Bad Request", "54", "<Error><Code>XAmzContentSHA256Mismatch</Code></Error> "), 0},
          {"PUT", OK_EMPTY, 0});
    assert_int_equal(sky_s3_put(s3, "x", SKY_SPAN("hello")), SKY_OK);
    finish(&server, s3);
}

static void test_words(void **state)
{
    START({"GET",
           XML("403 Forbidden", "71", "<Error><Code>AccessDenied</Code><Message>\x1b[31mno</Message></Error>     "), 0},
          {"GET", XML("404 Not Found", "41", "<Error><Code>NoSuchBucket</Code></Error> "), 0},
          {"GET", XML("404 Not Found", "10", "<html>gone"), 0}, {"GET", XML("200 OK", "5", "hello"), 0});
    struct sky_buffer body = {0};
    assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_CONFIG);
    assert_non_null(strstr(sky_s3_problem(s3), "may not"));
    assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_CONFIG);
    assert_non_null(strstr(sky_s3_problem(s3), "no such bucket"));
    assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_MISSING);
    assert_int_equal(sky_s3_get(s3, "x", 4, &body), SKY_E_LIMIT);
    finish(&server, s3);
}

#define ELSEWHERE(region)                                                                                              \
    "HTTP/1.1 400 Bad Request\r\nx-amz-bucket-region: " region "\r\nContent-Length: 63\r\n\r\n"                        \
    "<Error><Code>AuthorizationHeaderMalformed</Code></Error>       "

/* A region is shown, so only what can be one is taken. */
static void test_regions(void **state)
{
    START({"GET", ELSEWHERE("eu-west-3"), 0}, {"GET", ELSEWHERE("\x1b]0;pwned\x07\x1b[31m"), 0},
          {"GET",
           ELSEWHERE("eu\xc2\x9b"
                     "31m"),
           0});
    struct sky_buffer body = {0};
    assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_CONFIG);
    assert_non_null(strstr(sky_s3_problem(s3), "it is eu-west-3"));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_CONFIG);
        assert_non_null(strstr(sky_s3_problem(s3), "region is probably wrong (Auth"));
    }
    finish(&server, s3);
}

#define BUSY_FOR(seconds) "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: " seconds "\r\n\r\n"

/* The least number there is, which counts as none, and then one whose milliseconds are 2^64 + 384. That is waited for,
 * a minute at most, and not 384 ms, so it is the stop that ends it. */
static void *stop_soon(void *context)
{
    sleep(1);
    atomic_store((atomic_bool *)context, true);
    return NULL;
}

static void test_retry_after(void **state)
{
    static const struct step steps[] = {{"GET", BUSY_FOR("-9223372036854775808"), 0},
                                        {"GET", BUSY_FOR("18446744073709552"), 0}};
    struct server server;
    atomic_bool stop = false;
    pthread_t thread;
    struct sky_buffer body = {0};
    start(&server, steps, 2);
    struct sky_s3 *s3 = client(&server, &stop);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_END);
    pthread_join(thread, NULL);
    finish(&server, s3);
}

#define LATE_ERROR XML("200 OK", "41", "<Error><Code>InternalError</Code></Error>")
#define LATE_NO    XML("200 OK", "40", "<Error><Code>AccessDenied</Code></Error>")
#define PORTAL     "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 21\r\n\r\n<html>log in \x1b[31mplease"
#define NO_ETAG    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OTHER_404  "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno route "

/* An error that comes in the body of a 200 is one, and passes or stays as it would with a 4xx or 5xx. */
static void test_late_errors(void **state)
{
    START({"PUT", LATE_ERROR, 0}, {"PUT", OK_EMPTY, 0}, {"PUT", LATE_NO, 0}, {"DELETE", LATE_ERROR, 0},
          {"DELETE", OK_EMPTY, 0}, {"GET /bucket/?list-type=2", LATE_NO, 0}, {"GET /bucket/?list-type=2", LATE_NO, 0});
    assert_int_equal(sky_s3_put(s3, "x", SKY_SPAN("hello")), SKY_OK);
    assert_int_equal(sky_s3_retries(s3), 1);
    assert_int_equal(sky_s3_put(s3, "x", SKY_SPAN("hello")), SKY_E_CONFIG);
    assert_non_null(strstr(sky_s3_problem(s3), "may not"));
    assert_int_equal(sky_s3_delete(s3, "x"), SKY_OK);
    assert_int_equal(sky_s3_retries(s3), 2);
    assert_int_equal(sky_s3_list(s3, "", NULL, NULL), SKY_E_CONFIG);
    assert_int_equal(sky_s3_check(s3), SKY_E_CONFIG);
    finish(&server, s3);
}

/* What is no S3 and says 200 to all, or 404. */
static void test_other_servers(void **state)
{
    START({"PUT", PORTAL, 0}, {"PUT", NO_ETAG, 0}, {"HEAD", NO_ETAG, 0}, {"GET /bucket/x ", NO_ETAG, 0},
          {"DELETE", PORTAL, 0}, {"DELETE", OTHER_404, 0}, {"GET /bucket/?list-type=2", PORTAL, 0},
          {"GET /bucket/?lifecycle=", OTHER_404, 0});
    struct sky_s3_object object;
    struct sky_buffer body = {0};
    const struct sky_s3_expiry rule = {"skytrend-raw", "raw/", 30};
    assert_int_equal(sky_s3_put(s3, "x", SKY_SPAN("hello")), SKY_E_MALFORMED);
    assert_non_null(strstr(sky_s3_problem(s3), "answered '<html>log in [31mple'"));
    assert_int_equal(sky_s3_put(s3, "x", SKY_SPAN("hello")), SKY_E_MALFORMED);
    assert_non_null(strstr(sky_s3_problem(s3), "ETag"));
    assert_int_equal(sky_s3_head(s3, "x", &object), SKY_E_MALFORMED);
    assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_MALFORMED);
    assert_int_equal(sky_s3_delete(s3, "x"), SKY_E_MALFORMED);
    assert_int_equal(sky_s3_delete(s3, "x"), SKY_E_MISSING);
    assert_int_equal(sky_s3_check(s3), SKY_E_MALFORMED);
    assert_non_null(strstr(sky_s3_problem(s3), "<html>"));
    assert_non_null(strstr(sky_s3_problem(s3), "instead of a listing"));
    assert_int_equal(sky_s3_put_expiry(s3, &rule, 1), SKY_E_MISSING);
    finish(&server, s3);
}

static char big_path[] = "/tmp/skytrend-s3-XXXXXX";

/* 2 parts and 1 byte. */
static int make_big(void **state)
{
    int fd = mkstemp(big_path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 2 * (off_t)SKY_S3_PART_BYTES + 1), 0);
    close(fd);
    return 0;
}

static int drop_big(void **state)
{
    return unlink(big_path);
}

#define BEGIN_PARTS                                                                                                    \
    {                                                                                                                  \
        "POST /bucket/x?uploads= ",                                                                                    \
            XML("200 OK", "87",                                                                                        \
                "<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>"),            \
            0                                                                                                          \
    }

static void test_parts(void **state)
{
    START(BEGIN_PARTS, {"PUT /bucket/x?partNumber=1&uploadId=u%2F1 ", OK_EMPTY, 0},
          {"PUT /bucket/x?partNumber=2&uploadId=u%2F1 ", NULL, 5000000},
          {"PUT /bucket/x?partNumber=2&uploadId=u%2F1 ", OK_EMPTY, 0},
          {"PUT /bucket/x?partNumber=3&uploadId=u%2F1 ", OK_EMPTY, 0},
          {"POST /bucket/x?uploadId=u%2F1 ", NULL, 0}, /* done, but the answer is lost */
          {"POST /bucket/x?uploadId=u%2F1 ", XML("404 Not Found", "40", "<Error><Code>NoSuchUpload</Code></Error>"), 0},
          {"HEAD /bucket/x ", "HTTP/1.1 200 OK\r\nContent-Length: 33554433\r\nETag: \"e\"\r\n\r\n", 0});
    assert_int_equal(sky_s3_put_file(s3, "x", big_path), SKY_OK);
    finish(&server, s3);
}

static void test_parts_refused(void **state)
{
    START(BEGIN_PARTS, {"PUT", OK_EMPTY, 0}, {"PUT", OK_EMPTY, 0}, {"PUT", OK_EMPTY, 0}, {"POST", LATE_ERROR, 0},
          {"POST", LATE_ERROR, 0}, {"POST", LATE_ERROR, 0}, {"DELETE /bucket/x?uploadId=u%2F1 ", OK_EMPTY, 0});
    assert_int_equal(sky_s3_put_file(s3, "x", big_path), SKY_E_IO);
    assert_non_null(strstr(sky_s3_problem(s3), "InternalError"));
    finish(&server, s3);
}

/* A 200 that says nothing of the object is no end of an upload. */
static void test_parts_not_completed(void **state)
{
    START(BEGIN_PARTS, {"PUT", OK_EMPTY, 0}, {"PUT", OK_EMPTY, 0}, {"PUT", OK_EMPTY, 0}, {"POST", OK_EMPTY, 0},
          {"DELETE /bucket/x?uploadId=u%2F1 ", OK_EMPTY, 0});
    assert_int_equal(sky_s3_put_file(s3, "x", big_path), SKY_E_MALFORMED);
    finish(&server, s3);
}

static enum sky_status take_key(void *context, const struct sky_s3_object *object)
{
    struct sky_buffer *out = context;
    sky_buffer_put_span(out, object->key);
    sky_buffer_printf(out, "=%llu@%lld;", (unsigned long long)object->size_bytes, (long long)object->modified_ms);
    return SKY_OK;
}

static void test_listing(void **state)
{
    START(
        {"GET /bucket/?list-type=2&prefix=a%2F ",
         XML("200 OK", "228",
             "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a/1&amp;2</Key><Size>7</Size>"
             "<LastModified>2026-01-05T14:00:00.500Z</LastModified></Contents>"
             "<NextContinuationToken>t+/=</NextContinuationToken></ListBucketResult> "),
         0},
        {"GET /bucket/?continuation-token=t%2B%2F%3D&list-type=2&prefix=a%2F ",
         XML("200 OK", "86", "<ListBucketResult><Contents><Key>a/3</Key><Size>8</Size></Contents></ListBucketResult>"),
         0});
    struct sky_buffer out = {0};
    assert_int_equal(sky_s3_list(s3, "a/", take_key, &out), SKY_OK);
    sky_buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.ptr, "a/1&2=7@1767621600500;a/3=8@0;");
    sky_buffer_clean_up(&out);
    finish(&server, s3);
}

static void test_hostile_listings(void **state)
{
    START({"GET", XML("200 OK", "60", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucke"), 0},
          {"GET", XML("200 OK", "68", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"), 0},
          {"GET", XML("200 OK", "14", "not XML at all"), 0}, {"GET", XML("200 OK", "0", ""), 0});
    struct sky_buffer out = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(sky_s3_list(s3, "", take_key, &out), SKY_E_MALFORMED);
    assert_int_equal(out.len, 0);
    finish(&server, s3);
}

static void test_listing_in_a_circle(void **state)
{
#define CIRCLE                                                                                                         \
    XML("200 OK", "116",                                                                                               \
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"            \
        "</ListBucketResult>")
    START({"GET /bucket/?list-type=2", CIRCLE, 0}, {"GET /bucket/?continuation-token=t&", CIRCLE, 0});
    struct sky_buffer out = {0};
    assert_int_equal(sky_s3_list(s3, "", take_key, &out), SKY_E_MALFORMED);
    assert_non_null(strstr(sky_s3_problem(s3), "does not go on"));
    finish(&server, s3);
}

static void test_expiry_of_others(void **state)
{
    START({"GET /bucket/?lifecycle= ",
           XML("200 OK", "75", "<LifecycleConfiguration><Rule><ID>mine</ID></Rule></LifecycleConfiguration>"), 0},
          {"GET /bucket/?lifecycle= ",
           XML("404 Not Found", "56", "<Error><Code>NoSuchLifecycleConfiguration</Code></Error>"), 0},
          {"PUT /bucket/?lifecycle= ", OK_EMPTY, 0});
    const struct sky_s3_expiry rule = {"skytrend-raw", "raw/", 30};
    assert_int_equal(sky_s3_put_expiry(s3, &rule, 1), SKY_E_DUPLICATE);
    assert_int_equal(sky_s3_put_expiry(s3, &rule, 1), SKY_OK);
    finish(&server, s3);
}

static void test_stop(void **state)
{
    static const struct step steps[] = {{"GET", BUSY, 0}};
    atomic_bool stop = true;
    struct server server;
    struct sky_buffer body = {0};
    start(&server, steps, 0);
    struct sky_s3 *s3 = client(&server, &stop);
    assert_int_equal(sky_s3_get(s3, "x", 100, &body), SKY_E_END);
    finish(&server, s3);
}

static void test_options(void **state)
{
    static const struct {
        const char *endpoint, *bucket, *access_key, *region;
    } wrong[] = {{"", "b", "k"},
                 {"", "Bucket", "k"},
                 {"", "a/b", "k"},
                 {"", "bucket", ""},
                 {"", "bucket", "k\nx"},
                 {"ftp://h", "bucket", "k"},
                 {"h:9000", "bucket", "k"},
                 {"http://h?x", "bucket", "k"},
                 {"http://", "bucket", "k"},
                 {"http://u@h", "bucket", "k"},
                 {"", "bucket", "k", "a:b"},
                 {"", "bucket", "k", "a b"},
                 {"", "bucket", "k", "a-region-of-65-bytes-as-it-is-longer-than-what-libcurl-signs-for-"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct sky_s3_options options;
        struct sky_s3 *s3;
        char problem[SKY_S3_PROBLEM_SIZE] = "";
        sky_s3_options_default(&options);
        options.endpoint = wrong[i].endpoint;
        options.bucket = wrong[i].bucket;
        options.access_key = wrong[i].access_key;
        options.region = wrong[i].region;
        options.secret_key = "secret";
        assert_int_equal(sky_s3_new(&options, &s3, problem), SKY_E_CONFIG);
        assert_true(problem[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tries_again),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_cut_upload),
        cmocka_unit_test(test_refused_upload),
        cmocka_unit_test(test_damaged_upload),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_parts_refused),
        cmocka_unit_test(test_parts_not_completed),
        cmocka_unit_test(test_late_errors),
        cmocka_unit_test(test_other_servers),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_hostile_listings),
        cmocka_unit_test(test_listing_in_a_circle),
        cmocka_unit_test(test_expiry_of_others),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, make_big, drop_big);
}
