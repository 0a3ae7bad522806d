#include "io/s3/s3.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/s3/s3_request.h"

#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MS         300000
#define ATTEMPTS           5
#define ENDPOINT_BYTES_MAX 300
#define BUCKET_BYTES_MIN   3 /* S3's */
#define BUCKET_BYTES_MAX   63
#define REGION_BYTES_MAX   64     /* libcurl's */
#define PAGES_MAX          100000 /* of a listing: 100 M keys; a server that never ends is none */

void sky_s3_options_default(struct sky_s3_options *options)
{
    *options = (struct sky_s3_options){
        .connect_timeout_ms = CONNECT_TIMEOUT_MS, .timeout_ms = TIMEOUT_MS, .attempts_max = ATTEMPTS};
}

static enum sky_status refuse(char problem[SKY_S3_PROBLEM_SIZE], const char *what)
{
    snprintf(problem, SKY_S3_PROBLEM_SIZE, "%s", what);
    return SKY_E_CONFIG;
}

static bool is_set(const char *text)
{
    return text && text[0];
}

static bool is_bucket(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    return len >= BUCKET_BYTES_MIN && len <= BUCKET_BYTES_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len && name[0] != '.' && name[0] != '-';
}

/* Visible ASCII only: it goes into a header. */
static bool is_header_value(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static enum sky_status check_options(const struct sky_s3_options *options, char problem[SKY_S3_PROBLEM_SIZE])
{
    if (!is_bucket(options->bucket))
        return refuse(problem, "a bucket's name has 3 to 63 of a-z, 0-9, '.' and '-'");
    if (!is_set(options->access_key) || !is_set(options->secret_key))
        return refuse(problem, "no access key or no secret key is given: set s3.access_key and s3.secret_key");
    if (!is_header_value(options->access_key) || !is_header_value(options->secret_key) ||
        (options->session_token && !is_header_value(options->session_token)) ||
        (options->region && !is_header_value(options->region)))
        return refuse(problem, "a key, a token or the region has a space or a control in it");
    if (options->region && (strlen(options->region) > REGION_BYTES_MAX || strchr(options->region, ':')))
        return refuse(problem, "a region has up to 64 characters and no ':', as eu-central-1");
    if (is_set(options->endpoint) &&
        (strlen(options->endpoint) > ENDPOINT_BYTES_MAX || !is_header_value(options->endpoint) ||
         (strncmp(options->endpoint, "https://", 8) != 0 && strncmp(options->endpoint, "http://", 7) != 0) ||
         strpbrk(options->endpoint, "?#@\\\"'<>") || strstr(options->endpoint, "://")[3] == '\0'))
        return refuse(problem, "an endpoint is written as https://s3.example.com or http://127.0.0.1:9000");
    return SKY_OK;
}

/* "https://host:9000/base/" -> scheme and host, host, path. */
static bool split_endpoint(struct sky_s3 *s3, const char *endpoint, bool virtual_hosted)
{
    const char *host = strstr(endpoint, "://") + 3;
    size_t host_len = strcspn(host, "/"), path_len = strlen(host + host_len);
    int scheme_len = (int)(host - endpoint);
    const char *path = host + host_len;
    while (path_len && path[path_len - 1] == '/')
        path_len--;
    const char *dot = virtual_hosted ? "." : "", *sub = virtual_hosted ? s3->bucket : "";
    const char *folder = virtual_hosted ? "" : s3->bucket, *slash = virtual_hosted ? "" : "/";
    return host_len > 0 && asprintf(&s3->host, "%s%s%.*s", sub, dot, (int)host_len, host) >= 0 &&
           asprintf(&s3->scheme_host, "%.*s%s", scheme_len, endpoint, s3->host) >= 0 &&
           asprintf(&s3->path, "%.*s/%s%s", (int)path_len, path, folder, slash) >= 0;
}

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

enum sky_status sky_s3_new(const struct sky_s3_options *options, struct sky_s3 **s3, char problem[SKY_S3_PROBLEM_SIZE])
{
    enum sky_status status = check_options(options, problem);
    if (status != SKY_OK)
        return status;
    struct sky_s3 *made = calloc(1, sizeof *made);
    if (!made || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(made);
        return SKY_E_MEMORY;
    }
    made->connect_timeout_ms = options->connect_timeout_ms;
    made->timeout_ms = options->timeout_ms;
    made->attempts_max = options->attempts_max ? options->attempts_max : 1;
    made->stop = options->stop;
    made->bucket = copy(options->bucket);
    made->access_key = copy(options->access_key);
    made->secret_key = copy(options->secret_key);
    made->session_token = copy(options->session_token);
    made->region = copy(is_set(options->region) ? options->region : "us-east-1");
    made->ca_file = copy(options->ca_file);
    made->curl = curl_easy_init();
    char aws[REGION_BYTES_MAX * 2];
    snprintf(aws, sizeof aws, "https://s3.%s.amazonaws.com", made->region ? made->region : "");
    bool whole = made->bucket && made->access_key && made->secret_key && made->session_token && made->region &&
                 made->ca_file && made->curl && asprintf(&made->signing, "aws:amz:%s:s3", made->region) >= 0 &&
                 split_endpoint(made, is_set(options->endpoint) ? options->endpoint : aws, options->virtual_hosted);
    if (!whole) {
        sky_s3_free(made);
        return SKY_E_MEMORY;
    }
    *s3 = made;
    return SKY_OK;
}

void sky_s3_free(struct sky_s3 *s3)
{
    if (!s3)
        return;
    if (s3->secret_key)
        explicit_bzero(s3->secret_key, strlen(s3->secret_key));
    if (s3->curl)
        curl_easy_cleanup(s3->curl);
    curl_global_cleanup();
    free(s3->scheme_host);
    free(s3->host);
    free(s3->path);
    free(s3->bucket);
    free(s3->access_key);
    free(s3->secret_key);
    free(s3->session_token);
    free(s3->region);
    free(s3->signing);
    free(s3->ca_file);
    sky_buffer_clean_up(&s3->url);
    sky_buffer_clean_up(&s3->body);
    sky_buffer_clean_up(&s3->part);
    free(s3);
}

const char *sky_s3_problem(const struct sky_s3 *s3)
{
    return s3->problem;
}

uint64_t sky_s3_retries(const struct sky_s3 *s3)
{
    return s3->retries;
}

const char *sky_s3_bucket(const struct sky_s3 *s3)
{
    return s3->bucket;
}

/* ---- objects ---- */

enum sky_status sky_s3_put(struct sky_s3 *s3, const char *key, struct sky_span body)
{
    struct sky_s3_answer answer;
    const struct sky_s3_request request = {
        .method = "PUT", .key = key, .body = body, .has_body = true, .doing = "write"};
    return sky_s3_call(s3, &request, &answer);
}

enum sky_status sky_s3_get(struct sky_s3 *s3, const char *key, size_t bytes_max, struct sky_buffer *body)
{
    struct sky_s3_answer answer;
    const struct sky_s3_request request = {.method = "GET", .key = key, .bytes_max = bytes_max, .doing = "read"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    if (status != SKY_OK)
        return status;
    sky_buffer_put_span(body, sky_buffer_span(&s3->body));
    return body->failed ? SKY_E_MEMORY : SKY_OK;
}

enum sky_status sky_s3_get_file(struct sky_s3 *s3, const char *key, const char *path)
{
    struct sky_s3_answer answer;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return sky_s3_fail(s3, SKY_E_IO, "%.300s: %s", path, strerror(errno));
    const struct sky_s3_request request = {
        .method = "GET", .key = key, .to_file = true, .answer_fd = fd, .doing = "read"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    if (close(fd) != 0 && status == SKY_OK)
        status = sky_s3_fail(s3, SKY_E_IO, "%.300s: %s", path, strerror(errno));
    if (status != SKY_OK)
        unlink(path);
    return status;
}

enum sky_status sky_s3_head(struct sky_s3 *s3, const char *key, struct sky_s3_object *object)
{
    struct sky_s3_answer answer;
    const struct sky_s3_request request = {.method = "HEAD", .key = key, .doing = "look at an object"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    *object = (struct sky_s3_object){
        .key = sky_span_from_string(key), .size_bytes = answer.length_bytes, .modified_ms = answer.modified_ms};
    return status;
}

enum sky_status sky_s3_delete(struct sky_s3 *s3, const char *key)
{
    struct sky_s3_answer answer;
    const struct sky_s3_request request = {.method = "DELETE", .key = key, .doing = "delete"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    return strcmp(answer.error.code, "NoSuchKey") == 0 ? SKY_OK : status; /* any other 404 is no answer of S3 */
}

/* ---- listings ---- */

static enum sky_status list_page(struct sky_s3 *s3, const char *prefix, sky_s3_each_fn each, void *context,
                                 struct sky_s3_page *page)
{
    struct sky_s3_answer answer;
    struct sky_s3_request request = {.method = "GET", .doing = "list"};
    if (page->next_token.len)
        request.query[request.query_count++] =
            (struct sky_s3_pair){SKY_SPAN("continuation-token"), sky_buffer_span(&page->next_token)};
    request.query[request.query_count++] = (struct sky_s3_pair){SKY_SPAN("list-type"), SKY_SPAN("2")};
    request.query[request.query_count++] = (struct sky_s3_pair){SKY_SPAN("prefix"), sky_span_from_string(prefix)};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    if (status != SKY_OK)
        return status;
    status = sky_s3_read_listing(sky_buffer_span(&s3->body), each, context, page);
    if (status == SKY_E_MALFORMED)
        return sky_s3_refuse_answer(s3, "a listing");
    return status;
}

enum sky_status sky_s3_list(struct sky_s3 *s3, const char *prefix, sky_s3_each_fn each, void *context)
{
    struct sky_s3_page page = {.is_truncated = true};
    struct sky_buffer last_token = {0};
    enum sky_status status = SKY_OK;
    for (uint32_t pages = 0; status == SKY_OK && page.is_truncated; pages++) {
        sky_buffer_clear(&last_token);
        sky_buffer_put_span(&last_token, sky_buffer_span(&page.next_token));
        status = last_token.failed ? SKY_E_MEMORY : list_page(s3, prefix, each, context, &page);
        bool goes_on = page.next_token.len && pages != PAGES_MAX &&
                       !sky_span_equal(sky_buffer_span(&page.next_token), sky_buffer_span(&last_token));
        if (status == SKY_OK && page.is_truncated && !goes_on)
            status = sky_s3_fail(s3, SKY_E_MALFORMED, "%s: a listing that does not go on", s3->scheme_host);
    }
    sky_buffer_clean_up(&page.next_token);
    sky_buffer_clean_up(&last_token);
    return status;
}

/* ---- the bucket ---- */

enum sky_status sky_s3_check(struct sky_s3 *s3)
{
    struct sky_s3_answer answer;
    const struct sky_s3_request request = {
        .method = "GET",
        .query = {{SKY_SPAN("list-type"), SKY_SPAN("2")}, {SKY_SPAN("max-keys"), SKY_SPAN("1")}},
        .query_count = 2,
        .doing = "list"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    if (status == SKY_OK && !sky_s3_is_document(sky_buffer_span(&s3->body), "ListBucketResult"))
        return sky_s3_refuse_answer(s3, "a listing");
    return status;
}

enum sky_status sky_s3_create_bucket(struct sky_s3 *s3)
{
    struct sky_s3_answer answer;
    struct sky_buffer body = {0};
    if (strcmp(s3->region, "us-east-1") != 0) /* which must not be named */
        sky_buffer_printf(&body,
                          "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                          "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
                          s3->region);
    const struct sky_s3_request request = {
        .method = "PUT", .body = sky_buffer_span(&body), .has_body = true, .doing = "make the bucket"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    sky_buffer_clean_up(&body);
    return strcmp(answer.error.code, "BucketAlreadyOwnedByYou") == 0 ? SKY_OK : status;
}

/* The rules that are there: are they all ours? */
static enum sky_status check_rules(struct sky_s3 *s3)
{
    struct sky_s3_answer answer;
    const struct sky_s3_request request = {.method = "GET",
                                           .query = {{SKY_SPAN("lifecycle"), SKY_SPAN("")}},
                                           .query_count = 1,
                                           .doing = "read the lifecycle rules"};
    enum sky_status status = sky_s3_call(s3, &request, &answer);
    if (status != SKY_OK)
        return strcmp(answer.error.code, "NoSuchLifecycleConfiguration") == 0 ? SKY_OK : status;
    bool foreign;
    status = sky_s3_read_rules(sky_buffer_span(&s3->body), &foreign);
    if (status == SKY_E_MALFORMED)
        return sky_s3_refuse_answer(s3, "lifecycle rules");
    if (status != SKY_OK)
        return status;
    if (foreign)
        return sky_s3_fail(s3, SKY_E_DUPLICATE,
                           "bucket %s has lifecycle rules of somebody else, which are left alone: add rules for the "
                           "lake to them by hand, or set no retention here",
                           s3->bucket);
    return SKY_OK;
}

static void put_rule(struct sky_buffer *body, const struct sky_s3_expiry *rule)
{
    sky_buffer_put_string(body, "<Rule><ID>");
    sky_s3_put_escaped(body, sky_span_from_string(rule->id));
    sky_buffer_put_string(body, "</ID><Filter><Prefix>");
    sky_s3_put_escaped(body, sky_span_from_string(rule->prefix));
    sky_buffer_printf(body, "</Prefix></Filter><Status>Enabled</Status><Expiration><Days>%u</Days></Expiration></Rule>",
                      rule->days);
}

enum sky_status sky_s3_put_expiry(struct sky_s3 *s3, const struct sky_s3_expiry *rules, size_t count)
{
    struct sky_s3_answer answer;
    struct sky_buffer body = {0};
    enum sky_status status = check_rules(s3);
    if (status != SKY_OK)
        return status;
    sky_buffer_put_string(&body, "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < count; i++)
        put_rule(&body, &rules[i]);
    sky_buffer_put_string(&body, "</LifecycleConfiguration>");
    const struct sky_s3_request request = {.method = "PUT",
                                           .query = {{SKY_SPAN("lifecycle"), SKY_SPAN("")}},
                                           .query_count = 1,
                                           .body = sky_buffer_span(&body),
                                           .has_body = true,
                                           .wants_md5 = true,
                                           .doing = "set lifecycle rules"};
    status = body.failed ? SKY_E_MEMORY : sky_s3_call(s3, &request, &answer);
    sky_buffer_clean_up(&body);
    return status;
}
