/* One request: encoded, signed, sent, and sent again where that can help. */
#include "io/s3/s3_request.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/printable.h"
#include "io/host/clock.h"
#include "io/host/write_all.h"
#include "wire/sha256.h"

#define BACKOFF_FIRST_MS   200
#define BACKOFF_MS_MAX     10000
#define RETRY_AFTER_MS_MAX 60000
#define SLEEP_STEP_MS      50
#define SLOW_BYTES_PER_S   1024
#define SLOW_TIME_S        30
#define MD5_TEXT_SIZE      32
#define HASH_TEXT_SIZE     (2 * SKY_SHA256_SIZE_BYTES + 1)
#define HEADER_BYTES_MAX   1024 /* of an answer's header that we read */
#define SHOWN_BYTES_MAX    80   /* of an answer that is none */
#define CLOCK_SKEW_TEXT    "this machine's clock and the server's differ too much: set the clock (NTP)"

enum sky_status sky_s3_fail(struct sky_s3 *s3, enum sky_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s3->problem, sizeof s3->problem, format, arguments);
    va_end(arguments);
    return status;
}

static bool is_stopped(const struct sky_s3 *s3)
{
    return s3->stop && atomic_load_explicit(s3->stop, memory_order_relaxed);
}

/* ---- what comes back ---- */

struct receiver {
    struct sky_s3 *s3;
    const struct sky_s3_request *request;
    struct sky_s3_answer *answer;
    size_t received_bytes;
    bool too_large;
    int write_error; /* errno */
};

static bool is_success(const struct receiver *receiver)
{
    long status = 0;
    curl_easy_getinfo(receiver->s3->curl, CURLINFO_RESPONSE_CODE, &status);
    return status / 100 == 2;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct receiver *receiver = (struct receiver *)context;
    const struct sky_s3_request *request = receiver->request;
    bool asked_for = is_success(receiver), to_file = request->to_file && asked_for;
    size_t len = size * count, max = asked_for && request->bytes_max ? request->bytes_max : SKY_S3_ANSWER_BYTES_MAX;
    receiver->received_bytes += len;
    if (!to_file && receiver->received_bytes > max) {
        receiver->too_large = true;
        return 0;
    }
    if (to_file) {
        if (sky_write_all(request->answer_fd, sky_span_of(bytes, len)) == SKY_OK)
            return len;
        receiver->write_error = errno;
        return 0;
    }
    sky_buffer_put(&receiver->s3->body, bytes, len);
    return receiver->s3->body.failed ? 0 : len;
}

/* The value of the header `name` when the line is one, as text; its quotes are kept. */
static bool header_value(struct sky_span line, const char *name, char *out, size_t out_size)
{
    size_t name_len = strlen(name);
    if (line.len <= name_len || line.len > HEADER_BYTES_MAX || line.ptr[name_len] != ':' ||
        strncasecmp((const char *)line.ptr, name, name_len) != 0)
        return false;
    struct sky_span value = sky_span_from(line, name_len + 1);
    while (value.len && (value.ptr[0] == ' ' || value.ptr[0] == '\t'))
        value = sky_span_from(value, 1);
    while (value.len && value.ptr[value.len - 1] <= ' ')
        value.len--;
    if (value.len >= out_size)
        return false;
    memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
    return true;
}

/* It is shown: of the letters that the names of regions are made of, or left out. */
static void take_region(const char *text, char *region, size_t region_size)
{
    if (strlen(text) < region_size && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        snprintf(region, region_size, "%s", text);
}

/* In seconds; a date is not read. Negative: as we like. */
static int64_t read_retry_after(const char *text)
{
    int64_t seconds = strtoll(text, NULL, 10);
    return seconds >= RETRY_AFTER_MS_MAX / 1000 ? RETRY_AFTER_MS_MAX : seconds >= 0 ? seconds * 1000 : -1;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct receiver *receiver = (struct receiver *)context;
    struct sky_s3_answer *answer = receiver->answer;
    struct sky_span line = sky_span_of(bytes, size * count);
    char text[SKY_S3_ETAG_SIZE];
    if (header_value(line, "etag", text, sizeof text))
        snprintf(answer->etag, sizeof answer->etag, "%s", text);
    else if (header_value(line, "last-modified", text, sizeof text))
        answer->modified_ms = (int64_t)curl_getdate(text, NULL) * 1000;
    else if (header_value(line, "content-length", text, sizeof text))
        answer->length_bytes = strtoull(text, NULL, 10);
    else if (header_value(line, "retry-after", text, sizeof text))
        answer->retry_after_ms = read_retry_after(text);
    else if (header_value(line, "x-amz-bucket-region", text, sizeof text))
        take_region(text, answer->error.region, sizeof answer->error.region);
    return line.len;
}

static int watch_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    return is_stopped((const struct sky_s3 *)context);
}

/* ---- what goes out ---- */

struct headers {
    struct curl_slist *list;
    bool failed;
};

static void add(struct headers *headers, const char *name, const char *value)
{
    struct sky_buffer line = {0};
    sky_buffer_printf(&line, "%s: %s%c", name, value, '\0');
    struct curl_slist *more = line.failed ? NULL : curl_slist_append(headers->list, (const char *)line.ptr);
    headers->failed |= !more;
    headers->list = more ? more : headers->list;
    sky_buffer_clean_up(&line);
}

static bool put_md5(struct sky_span body, char out[MD5_TEXT_SIZE])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(body.ptr, body.len, digest, &length, EVP_md5(), NULL) != 1)
        return false; /* a machine without MD5 (FIPS): the signed SHA-256 has to do */
    EVP_EncodeBlock((unsigned char *)out, digest, (int)length);
    return true;
}

static void put_hash(struct sky_span body, char out[HASH_TEXT_SIZE])
{
    uint8_t digest[SKY_SHA256_SIZE_BYTES];
    sky_sha256(body, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* libcurl signs all of these, and puts host and date beside them. It would sign as well a header that is only there to
 * be taken away, as `expect:`; so a large body waits for the server's word, which spares it where that is a no. */
static void make_headers(const struct sky_s3 *s3, const struct sky_s3_request *request, struct headers *headers)
{
    char hash[HASH_TEXT_SIZE], md5[MD5_TEXT_SIZE];
    put_hash(request->body, hash);
    add(headers, "x-amz-content-sha256", hash);
    if (request->has_body)
        add(headers, "content-type", "application/octet-stream");
    if (request->wants_md5 && put_md5(request->body, md5))
        add(headers, "content-md5", md5);
    if (s3->session_token[0])
        add(headers, "x-amz-security-token", s3->session_token);
}

/* All but A-Z a-z 0-9 - . _ ~ as %XX. */
static bool put_encoded(struct sky_s3 *s3, struct sky_span text)
{
    char *encoded = text.len ? curl_easy_escape(s3->curl, (const char *)text.ptr, (int)text.len) : NULL;
    if (encoded)
        sky_buffer_put_string(&s3->url, encoded);
    bool done = encoded || !text.len; /* to curl, a length of 0 is one to be found out */
    curl_free(encoded);
    return done;
}

static bool is_dots(const char *part, size_t len)
{
    return (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.');
}

/* Its slashes stay. A part that is "." or ".." would be resolved as in a file's path: libcurl of 8.x signs no path as
 * it is, and several servers refuse such a key. */
static enum sky_status put_key(struct sky_s3 *s3, const char *key)
{
    for (;;) {
        size_t len = strcspn(key, "/");
        if (is_dots(key, len))
            return sky_s3_fail(s3, SKY_E_CONFIG, "an object's name cannot have a part that is '.' or '..'");
        if (!put_encoded(s3, sky_span_of((const uint8_t *)key, len)))
            return SKY_E_MEMORY;
        if (!key[len])
            return SKY_OK;
        sky_buffer_put_u8(&s3->url, '/');
        key += len + 1;
    }
}

/* libcurl signs path and query as they stand here. A signature wants them encoded once and sorted: S3 does not encode
 * the path a second time, as other services do. */
static enum sky_status build_url(struct sky_s3 *s3, const struct sky_s3_request *request)
{
    struct sky_buffer *url = &s3->url;
    sky_buffer_clear(url);
    sky_buffer_put_string(url, s3->scheme_host);
    sky_buffer_put_string(url, s3->path);
    enum sky_status status = request->key ? put_key(s3, request->key) : SKY_OK;
    for (size_t i = 0; status == SKY_OK && i < request->query_count; i++) {
        const struct sky_s3_pair *pair = &request->query[i];
        assert(i == 0 || sky_span_compare(pair[-1].name, pair->name) < 0);
        sky_buffer_put_u8(url, i ? '&' : '?');
        bool named = put_encoded(s3, pair->name);
        sky_buffer_put_u8(url, '=');
        status = named && put_encoded(s3, pair->value) ? SKY_OK : SKY_E_MEMORY;
    }
    sky_buffer_put_u8(url, '\0');
    return status == SKY_OK && url->failed ? SKY_E_MEMORY : status;
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 || strncmp(host, "[::1]", 5) == 0;
}

static void set_up(struct sky_s3 *s3, const struct sky_s3_request *request, struct receiver *receiver)
{
    CURL *curl = s3->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, (const char *)s3->url.ptr);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, s3->signing);
    curl_easy_setopt(curl, CURLOPT_USERNAME, s3->access_key);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, s3->secret_key);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->has_body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.len ? (const char *)request->body.ptr : "");
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)s3->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)s3->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_PER_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SLOW_TIME_S);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, receiver);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, receiver);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s3);
    if (s3->ca_file[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, s3->ca_file);
    if (is_loopback(s3->host))
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
}

/* ---- attempts ---- */

static bool rewind_file(const struct sky_s3_request *request)
{
    return !request->to_file || (ftruncate(request->answer_fd, 0) == 0 && lseek(request->answer_fd, 0, SEEK_SET) == 0);
}

static enum sky_status explain_transport(struct sky_s3 *s3, const struct receiver *receiver, CURLcode code)
{
    if (is_stopped(s3))
        return sky_s3_fail(s3, SKY_E_END, "stopped");
    if (receiver->write_error)
        return sky_s3_fail(s3, SKY_E_LIMIT, "the local file cannot be written: %s", strerror(receiver->write_error));
    if (receiver->too_large)
        return sky_s3_fail(s3, SKY_E_LIMIT, "%s: the answer is larger than expected", s3->scheme_host);
    if (code == CURLE_OUT_OF_MEMORY || s3->body.failed)
        return SKY_E_MEMORY;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return sky_s3_fail(s3, SKY_E_CONFIG, "%s: its certificate is not trusted: %s", s3->scheme_host,
                           curl_easy_strerror(code));
    return sky_s3_fail(s3, SKY_E_IO, "%s: %s", s3->scheme_host, curl_easy_strerror(code));
}

enum sky_status sky_s3_refuse_answer(struct sky_s3 *s3, const char *wanted)
{
    struct sky_buffer shown = {0};
    bool is_cut = s3->body.len > SHOWN_BYTES_MAX;
    sky_buffer_put_printable(&shown, sky_span_of(s3->body.ptr, is_cut ? SHOWN_BYTES_MAX : s3->body.len));
    sky_s3_fail(s3, SKY_E_MALFORMED, "%.100s: answered '%.*s%s' instead of %s: is that an S3 endpoint?",
                s3->scheme_host, (int)shown.len, shown.len ? (const char *)shown.ptr : "", is_cut ? "..." : "", wanted);
    sky_buffer_clean_up(&shown);
    return SKY_E_MALFORMED;
}

/* S3 may find out late that it cannot, and say so in the body of what began as a 200; of CompleteMultipartUpload AWS
 * says that itself. And what stands in between, or is no S3 at all, answers 200 to anything: an object's answer has an
 * ETag (an MD5 only where the object is not encrypted by KMS, so its value says nothing), one to a PUT or DELETE no
 * body. The documents are looked at by who asked for them. */
static enum sky_status check_success(struct sky_s3 *s3, const struct sky_s3_request *request,
                                     struct sky_s3_answer *answer)
{
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    bool puts = strcmp(request->method, "PUT") == 0, deletes = strcmp(request->method, "DELETE") == 0;
    bool is_object = request->key && (reads || puts);
    if (!(is_object && reads) && sky_s3_read_error(sky_buffer_span(&s3->body), &answer->error))
        return sky_s3_explain(s3, request, answer);
    if ((puts || deletes) && s3->body.len)
        return sky_s3_refuse_answer(s3, "nothing");
    if (is_object && !answer->etag[0])
        return sky_s3_refuse_answer(s3, "an answer with an ETag");
    return SKY_OK;
}

static enum sky_status attempt(struct sky_s3 *s3, const struct sky_s3_request *request, struct sky_s3_answer *answer)
{
    struct headers headers = {0};
    struct receiver receiver = {.s3 = s3, .request = request, .answer = answer};
    *answer = (struct sky_s3_answer){.retry_after_ms = -1};
    sky_buffer_clear(&s3->body);
    enum sky_status status = build_url(s3, request);
    if (status != SKY_OK)
        return status;
    make_headers(s3, request, &headers);
    if (headers.failed || !rewind_file(request)) {
        curl_slist_free_all(headers.list);
        return SKY_E_MEMORY;
    }
    set_up(s3, request, &receiver);
    curl_easy_setopt(s3->curl, CURLOPT_HTTPHEADER, headers.list);
    CURLcode code = curl_easy_perform(s3->curl);
    curl_slist_free_all(headers.list);
    curl_easy_getinfo(s3->curl, CURLINFO_RESPONSE_CODE, &answer->http_status);
    if (code != CURLE_OK)
        return explain_transport(s3, &receiver, code);
    if (answer->http_status / 100 == 2)
        return check_success(s3, request, answer);
    sky_s3_read_error(sky_buffer_span(&s3->body), &answer->error);
    return sky_s3_explain(s3, request, answer);
}

/* Never past a stop, and in steps short enough to see one. */
static void wait_ms(const struct sky_s3 *s3, int64_t ms)
{
    for (; ms > 0 && !is_stopped(s3); ms -= SLEEP_STEP_MS) {
        int64_t step = ms < SLEEP_STEP_MS ? ms : SLEEP_STEP_MS;
        nanosleep(&(struct timespec){.tv_nsec = (long)step * 1000000}, NULL);
    }
}

static int64_t backoff_ms(uint32_t tries, const struct sky_s3_answer *answer)
{
    uint32_t random = 0;
    int64_t most = BACKOFF_FIRST_MS;
    if (answer->retry_after_ms >= 0)
        return answer->retry_after_ms < RETRY_AFTER_MS_MAX ? answer->retry_after_ms : RETRY_AFTER_MS_MAX;
    while (--tries && most < BACKOFF_MS_MAX)
        most *= 2;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return most;
    return 1 + (int64_t)(random % (uint32_t)(most < BACKOFF_MS_MAX ? most : BACKOFF_MS_MAX));
}

enum sky_status sky_s3_call(struct sky_s3 *s3, const struct sky_s3_request *request, struct sky_s3_answer *answer)
{
    enum sky_status status = SKY_E_END;
    *answer = (struct sky_s3_answer){0}; /* where it is stopped before the first attempt */
    for (uint32_t tries = 1; !is_stopped(s3); tries++) {
        status = attempt(s3, request, answer);
        if ((status != SKY_E_IO && status != SKY_E_CHECKSUM) || tries >= s3->attempts_max)
            return status;
        s3->retries++;
        wait_ms(s3, backoff_ms(tries, answer));
    }
    return sky_s3_fail(s3, SKY_E_END, "stopped");
}

/* ---- errors in words ---- */

struct meaning {
    const char *code;
    enum sky_status status;
    const char *text; /* what to do */
    bool says_region; /* the answer's region is the right one */
};

/* docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what MinIO says. */
static const struct meaning meanings[] = {
    {"NoSuchKey", SKY_E_MISSING, "no such object"},
    {"NoSuchUpload", SKY_E_MISSING, "the upload in parts is not there any more"},
    {"NoSuchLifecycleConfiguration", SKY_E_MISSING, "the bucket has no lifecycle rules"},
    {"NoSuchBucket", SKY_E_CONFIG, "there is no such bucket: make it, or correct the bucket's name"},
    {"AccessDenied", SKY_E_CONFIG, "these keys may not do that: give them the right to list, read, write and delete"},
    {"AllAccessDisabled", SKY_E_CONFIG, "the bucket is closed to everyone"},
    {"InvalidAccessKeyId", SKY_E_CONFIG, "the server does not know this access key: check it"},
    {"SignatureDoesNotMatch", SKY_E_CONFIG, "the secret key does not fit the access key: check it"},
    {"ExpiredToken", SKY_E_CONFIG, "the session token has expired: get new keys"},
    {"InvalidToken", SKY_E_CONFIG, "the session token is not valid: get new keys"},
    {"AuthorizationHeaderMalformed", SKY_E_CONFIG, "the region is probably wrong", true},
    {"PermanentRedirect", SKY_E_CONFIG, "the bucket is at another endpoint: check region and endpoint", true},
    {"InvalidBucketName", SKY_E_CONFIG, "that cannot be a bucket's name"},
    {"BucketAlreadyExists", SKY_E_CONFIG, "the bucket belongs to somebody else: take another name"},
    {"RequestTimeTooSkewed", SKY_E_CONFIG, CLOCK_SKEW_TEXT},
    {"XMinioStorageFull", SKY_E_IO, "the server's disks are full"},
    {"XAmzContentSHA256Mismatch", SKY_E_CHECKSUM, "what arrived is not what was sent"},
    {"BadDigest", SKY_E_CHECKSUM, "what arrived is not what was sent"},
    {"IncompleteBody", SKY_E_IO, "the server did not get all of it"},
    {"RequestTimeout", SKY_E_IO, "the server waited too long"},
    {"EntityTooLarge", SKY_E_LIMIT, "too large for the server"},
    {"KeyTooLongError", SKY_E_LIMIT, "the key is too long"},
};

static const struct meaning *meaning_of(const char *code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (strcmp(meanings[i].code, code) == 0)
            return &meanings[i];
    return NULL;
}

/* Without an error document, as of a HEAD or of something that is no S3 server. */
static enum sky_status explain_bare(struct sky_s3 *s3, const char *where, long http_status)
{
    if (http_status == 404)
        return sky_s3_fail(s3, SKY_E_MISSING, "%s: there is no such thing (404)", where);
    if (http_status == 401 || http_status == 403)
        return sky_s3_fail(s3, SKY_E_CONFIG, "%s: not allowed (%ld): check the keys and their rights", where,
                           http_status);
    if (http_status / 100 == 3)
        return sky_s3_fail(s3, SKY_E_CONFIG, "%s: is at another endpoint (%ld): check region and endpoint", where,
                           http_status);
    return sky_s3_fail(s3, SKY_E_MALFORMED, "%s: answered %ld: is that an S3 endpoint?", where, http_status);
}

enum sky_status sky_s3_explain(struct sky_s3 *s3, const struct sky_s3_request *request,
                               const struct sky_s3_answer *answer)
{
    char where[SKY_S3_PROBLEM_SIZE / 2];
    long http_status = answer->http_status;
    const struct meaning *meaning = meaning_of(answer->error.code);
    bool passes = http_status >= 500 || http_status == 429 || http_status == 408 || http_status / 100 == 2;
    snprintf(where, sizeof where, "%.100s: cannot %s in bucket %.63s", s3->scheme_host, request->doing, s3->bucket);
    bool says_region = meaning && meaning->says_region && answer->error.region[0];
    if (meaning)
        return sky_s3_fail(s3, meaning->status, "%s: %s%s%s (%s)", where, meaning->text, says_region ? ", it is " : "",
                           says_region ? answer->error.region : "", answer->error.code);
    if (passes)
        return sky_s3_fail(s3, SKY_E_IO, "%s: the server is not able to now (%ld %s)", where, http_status,
                           answer->error.code);
    if (!answer->error.code[0])
        return explain_bare(s3, where, http_status);
    return sky_s3_fail(s3, SKY_E_CONFIG, "%s: %s (%ld %s)", where, answer->error.message, http_status,
                       answer->error.code);
}
