/* s3.h: one bucket of an S3 store (AWS, MinIO, Ceph, ...) by libcurl, which signs the requests (Signature Version 4).
 *
 * Spec     docs.aws.amazon.com/AmazonS3/latest/API
 * Memory   a client owns one connection and a buffer of SKY_S3_PART_BYTES while it uploads a file.
 * Threads  one owner per client; *options.stop may be set by any thread and ends what is under way within a second.
 * Trust    what the server says is hostile: answers are bounded, XML is read strictly, sky_s3_problem is printable
 * text.
 *
 * A key is any UTF-8 text up to SKY_S3_KEY_BYTES_MAX without a part that is "." or ".." between its slashes
 * (SKY_E_CONFIG).
 *
 * Every body is signed with its SHA-256, so that a server refuses what was damaged on the way (and we send it again).
 * A 2xx alone is no success: an object's answer has an ETag, one to a PUT or DELETE has no body, and what a listing or
 * the end of an upload answers is that document. An <Error> in it counts as the error it is.
 * What may pass by itself (no connection, a cut, 408, 429, 5xx) is tried again, options.attempts_max times in all,
 * after 0.2 s, 0.4 s, ... 10 s with full jitter, or what Retry-After says up to a minute.
 *
 * Status of all functions; sky_s3_problem says it in words, and what to do:
 *   SKY_E_MISSING   no such key
 *   SKY_E_CONFIG    a person must act: wrong keys, no such bucket, not allowed, wrong region, wrong endpoint
 *   SKY_E_IO        not reachable or failing, after all attempts; or a local file could not be read or written
 *   SKY_E_CHECKSUM  a body arrived damaged, at every attempt
 *   SKY_E_MALFORMED an answer that is no such answer: probably not an S3 server
 *   SKY_E_LIMIT     larger than the caller or S3 allows
 *   SKY_E_END       stopped by *stop
 *   SKY_E_MEMORY */
#ifndef SKY_IO_S3_S3_H
#define SKY_IO_S3_S3_H

#include <stdatomic.h>

#include "base/buffer.h"

#define SKY_S3_KEY_BYTES_MAX    1024u              /* S3's */
#define SKY_S3_PART_BYTES       ((size_t)16 << 20) /* files over this go up in parts */
#define SKY_S3_PARTS_MAX        10000u             /* S3's */
#define SKY_S3_ANSWER_BYTES_MAX ((size_t)8 << 20)  /* of one answer in XML: 1,000 keys have 1.5 MB */
#define SKY_S3_PROBLEM_SIZE     512

struct sky_s3_options {
    const char *endpoint; /* "https://s3.eu-west-1.amazonaws.com", "http://127.0.0.1:9000"; NULL or "": AWS by region */
    const char *region;   /* NULL or "": us-east-1 */
    const char *bucket;
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* NULL or "": none */
    const char *ca_file;       /* certificates to trust, PEM; NULL or "": the system's */
    bool virtual_hosted;       /* bucket.host/key instead of host/bucket/key */
    int64_t connect_timeout_ms;
    int64_t timeout_ms; /* of one request; less than 1 KiB/s for 30 s ends it before */
    uint32_t attempts_max;
    const atomic_bool *stop; /* NULL: never */
};

struct sky_s3;

struct sky_s3_object {
    struct sky_span key; /* borrowed: until the callback returns */
    uint64_t size_bytes;
    int64_t modified_ms; /* 0: the server did not say */
};

/* 10 s, 5 min, 5 attempts; the rest is empty. */
void sky_s3_options_default(struct sky_s3_options *options);

/* Copies the options; connects to nothing yet. SKY_E_CONFIG: `problem` says which option is wrong. */
SKY_MUST_USE enum sky_status sky_s3_new(const struct sky_s3_options *options, struct sky_s3 **s3,
                                        char problem[SKY_S3_PROBLEM_SIZE]);
void sky_s3_free(struct sky_s3 *s3); /* NULL is fine */

const char *sky_s3_problem(const struct sky_s3 *s3); /* of the last call that failed */
uint64_t sky_s3_retries(const struct sky_s3 *s3);    /* attempts that had to be repeated, since the start */
const char *sky_s3_bucket(const struct sky_s3 *s3);

/* Whole or not at all: an object is there only once all of it has arrived. */
SKY_MUST_USE enum sky_status sky_s3_put(struct sky_s3 *s3, const char *key, struct sky_span body);
SKY_MUST_USE enum sky_status sky_s3_put_file(struct sky_s3 *s3, const char *key, const char *path);

SKY_MUST_USE enum sky_status sky_s3_get(struct sky_s3 *s3, const char *key, size_t bytes_max, struct sky_buffer *body);
/* Into a file that is made or emptied; on an error it is removed. */
SKY_MUST_USE enum sky_status sky_s3_get_file(struct sky_s3 *s3, const char *key, const char *path);

SKY_MUST_USE enum sky_status sky_s3_head(struct sky_s3 *s3, const char *key, struct sky_s3_object *object);

/* Every key that begins with `prefix`, in the order of their bytes. The callback may not use the client. */
typedef enum sky_status (*sky_s3_each_fn)(void *context, const struct sky_s3_object *object);
SKY_MUST_USE enum sky_status sky_s3_list(struct sky_s3 *s3, const char *prefix, sky_s3_each_fn each, void *context);

SKY_MUST_USE enum sky_status sky_s3_delete(struct sky_s3 *s3, const char *key); /* SKY_OK if it was not there too */

/* SKY_OK too when it is there already and ours. */
SKY_MUST_USE enum sky_status sky_s3_create_bucket(struct sky_s3 *s3);
/* The bucket is there and we may list it. */
SKY_MUST_USE enum sky_status sky_s3_check(struct sky_s3 *s3);

/* Rules by which the server deletes objects `days` after they were written, and uploads in parts that nobody finished
 * after a day. They replace the bucket's rules; SKY_E_DUPLICATE, and nothing changed, when the bucket has rules whose
 * id does not begin with "skytrend-": those are somebody else's. */
struct sky_s3_expiry {
    const char *id;     /* "skytrend-..." */
    const char *prefix; /* of the keys */
    uint32_t days;      /* 1 at least */
};
SKY_MUST_USE enum sky_status sky_s3_put_expiry(struct sky_s3 *s3, const struct sky_s3_expiry *rules, size_t count);

/* Give up uploads in parts below `prefix` that were begun before `before_ms`: a killed process leaves them, and they
 * cost room unseen. *count: how many. */
SKY_MUST_USE enum sky_status sky_s3_abort_uploads(struct sky_s3 *s3, const char *prefix, int64_t before_ms,
                                                  uint32_t *count);

#endif
