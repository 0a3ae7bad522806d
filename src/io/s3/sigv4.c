#include "io/s3/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "wire/sha256.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define DAY_DIGITS 8 /* of a date: 20130524 */

static bool is_unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void sky_sigv4_put_encoded(struct sky_buffer *out, struct sky_span text, bool keep_slashes)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (is_unreserved(c) || (keep_slashes && c == '/')) {
            sky_buffer_put_u8(out, c);
            continue;
        }
        uint8_t escape[3] = {'%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
        sky_buffer_put(out, escape, sizeof escape);
    }
}

static int compare_pairs(const void *a, const void *b)
{
    const struct sky_sigv4_pair *p = (const struct sky_sigv4_pair *)a, *q = (const struct sky_sigv4_pair *)b;
    int order = sky_span_compare(p->name, q->name);
    return order ? order : sky_span_compare(p->value, q->value);
}

void sky_sigv4_put_query(struct sky_buffer *out, struct sky_sigv4_pair *pairs, size_t count)
{
    if (count > 1)
        qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i)
            sky_buffer_put_u8(out, '&');
        sky_sigv4_put_encoded(out, pairs[i].name, false);
        sky_buffer_put_u8(out, '=');
        sky_sigv4_put_encoded(out, pairs[i].value, false);
    }
}

void sky_sigv4_date(int64_t time_ms, char out[SKY_SIGV4_DATE_SIZE])
{
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, text); /* 2013-05-24T00:00:00.000Z */
    snprintf(out, SKY_SIGV4_DATE_SIZE, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", text, text + 5, text + 8, text + 11, text + 14,
             text + 17);
}

static void put_hex(const uint8_t digest[SKY_SHA256_SIZE_BYTES], char out[SKY_SIGV4_HASH_SIZE])
{
    for (size_t i = 0; i < SKY_SHA256_SIZE_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void sky_sigv4_hash(struct sky_span bytes, char out[SKY_SIGV4_HASH_SIZE])
{
    uint8_t digest[SKY_SHA256_SIZE_BYTES];
    sky_sha256(bytes, digest);
    put_hex(digest, out);
}

static void hmac(struct sky_span key, struct sky_span message, uint8_t digest[SKY_SHA256_SIZE_BYTES])
{
    unsigned length = SKY_SHA256_SIZE_BYTES;
    HMAC(EVP_sha256(), key.ptr, (int)key.len, message.ptr, message.len, digest, &length);
}

/* The names with ';' between: SignedHeaders. */
static void put_names(struct sky_buffer *out, const struct sky_sigv4_request *request)
{
    for (size_t i = 0; i < request->headers_count; i++) {
        if (i)
            sky_buffer_put_u8(out, ';');
        sky_buffer_put_span(out, request->headers[i].name);
    }
}

/* Task 1: the canonical request. */
static void hash_request(const struct sky_sigv4_request *request, char hash[SKY_SIGV4_HASH_SIZE])
{
    struct sky_buffer text = {0};
    sky_buffer_printf(&text, "%s\n", request->method);
    sky_buffer_put_span(&text, request->path);
    sky_buffer_put_u8(&text, '\n');
    sky_buffer_put_span(&text, request->query);
    sky_buffer_put_u8(&text, '\n');
    for (size_t i = 0; i < request->headers_count; i++) {
        sky_buffer_put_span(&text, request->headers[i].name);
        sky_buffer_put_u8(&text, ':');
        sky_buffer_put_span(&text, request->headers[i].value);
        sky_buffer_put_u8(&text, '\n');
    }
    sky_buffer_put_u8(&text, '\n');
    put_names(&text, request);
    sky_buffer_printf(&text, "\n%s", request->payload_hash);
    sky_sigv4_hash(sky_buffer_span(&text), hash);
    sky_buffer_clean_up(&text);
}

/* Task 3: the key of the day, the region and the service. */
static void derive_key(const struct sky_sigv4_scope *scope, const char *date, uint8_t key[SKY_SHA256_SIZE_BYTES])
{
    struct sky_buffer secret = {0};
    sky_buffer_printf(&secret, "AWS4%s", scope->secret_key);
    hmac(sky_buffer_span(&secret), sky_span_of(date, DAY_DIGITS), key);
    struct sky_span steps[] = {sky_span_from_string(scope->region), sky_span_from_string(scope->service),
                               SKY_SPAN("aws4_request")};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        hmac(sky_span_of(key, SKY_SHA256_SIZE_BYTES), steps[i], key);
    if (secret.len)
        explicit_bzero(secret.ptr, secret.len);
    sky_buffer_clean_up(&secret);
}

void sky_sigv4_put_authorization(struct sky_buffer *out, const struct sky_sigv4_scope *scope,
                                 const struct sky_sigv4_request *request, const char *date)
{
    char hash[SKY_SIGV4_HASH_SIZE];
    uint8_t key[SKY_SHA256_SIZE_BYTES], digest[SKY_SHA256_SIZE_BYTES];
    struct sky_buffer text = {0};
    hash_request(request, hash);
    /* Task 2: the string to sign. */
    sky_buffer_printf(&text, ALGORITHM "\n%s\n%.8s/%s/%s/aws4_request\n%s", date, date, scope->region, scope->service,
                      hash);
    derive_key(scope, date, key);
    hmac(sky_span_of(key, sizeof key), sky_buffer_span(&text), digest);
    put_hex(digest, hash);
    sky_buffer_clean_up(&text);
    sky_buffer_printf(out, ALGORITHM " Credential=%s/%.8s/%s/%s/aws4_request,SignedHeaders=", scope->access_key, date,
                      scope->region, scope->service);
    put_names(out, request);
    sky_buffer_printf(out, ",Signature=%s", hash);
    explicit_bzero(key, sizeof key);
}
