/* sigv4.h: the signature of a request to S3 and to all that speak like it (AWS Signature Version 4).
 *
 * Spec     docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 * Memory   writes to the caller's buffers. Threads  any.
 *
 * What is signed is what is sent: the caller encodes the path once and sorts the query once, by the two functions
 * below, and gives the same bytes to the HTTP client. (S3 does not encode the path a second time, as other services
 * do.) */
#ifndef SKY_IO_S3_SIGV4_H
#define SKY_IO_S3_SIGV4_H

#include "base/buffer.h"

#define SKY_SIGV4_DATE_SIZE  17 /* "20130524T000000Z" and NUL */
#define SKY_SIGV4_HASH_SIZE  65 /* 64 hex digits and NUL */
#define SKY_SIGV4_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of no bytes */

/* A parameter of the query, or a header with its name in lower case. */
struct sky_sigv4_pair {
    struct sky_span name;
    struct sky_span value;
};

struct sky_sigv4_scope {
    const char *access_key;
    const char *secret_key;
    const char *region;
    const char *service; /* "s3" */
};

struct sky_sigv4_request {
    const char *method;
    struct sky_span path;                 /* encoded, with its first '/' */
    struct sky_span query;                /* as sky_sigv4_put_query writes it */
    const struct sky_sigv4_pair *headers; /* those that are signed, by name; "host" and all "x-amz-" must be there */
    size_t headers_count;
    const char *payload_hash; /* SHA-256 of the body in hex, or UNSIGNED-PAYLOAD */
};

/* All but A-Z a-z 0-9 - . _ ~ as %XX, and '/' too unless it is kept. */
void sky_sigv4_put_encoded(struct sky_buffer *out, struct sky_span text, bool keep_slashes);

/* "a=1&b=2&uploads=": sorts `pairs`, and encodes them. */
void sky_sigv4_put_query(struct sky_buffer *out, struct sky_sigv4_pair *pairs, size_t count);

void sky_sigv4_date(int64_t time_ms, char out[SKY_SIGV4_DATE_SIZE]);
void sky_sigv4_hash(struct sky_span bytes, char out[SKY_SIGV4_HASH_SIZE]);

/* Append the value of the header `authorization`. `date` is that of the header x-amz-date. */
void sky_sigv4_put_authorization(struct sky_buffer *out, const struct sky_sigv4_scope *scope,
                                 const struct sky_sigv4_request *request, const char *date);

#endif
