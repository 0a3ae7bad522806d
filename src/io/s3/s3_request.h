/* s3_request.h: inside of s3*.c: one signed request with its attempts, and the client's state. */
#ifndef SKY_IO_S3_S3_REQUEST_H
#define SKY_IO_S3_S3_REQUEST_H

#include <curl/curl.h>

#include "io/s3/answer.h"

#define SKY_S3_QUERY_MAX 6
#define SKY_S3_ETAG_SIZE 128

/* A parameter of a query. */
struct sky_s3_pair {
    struct sky_span name;
    struct sky_span value;
};

struct sky_s3 {
    char *scheme_host; /* "http://127.0.0.1:9000", or with the bucket before the host */
    char *host;        /* with its port */
    char *path;        /* before the key, encoded: "/" or "/bucket/" or "/base/bucket/" */
    char *bucket;
    char *access_key;
    char *secret_key;
    char *session_token;
    char *region;
    char *signing; /* what is signed for, as libcurl wants to be told it */
    char *ca_file;
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    uint32_t attempts_max;
    const atomic_bool *stop;
    CURL *curl;
    struct sky_buffer url;
    struct sky_buffer body; /* of answers that are read whole */
    struct sky_buffer part; /* of a file on its way up */
    uint64_t retries;
    char problem[SKY_S3_PROBLEM_SIZE];
};

struct sky_s3_request {
    const char *method;
    const char *key;                            /* NULL: the bucket itself */
    struct sky_s3_pair query[SKY_S3_QUERY_MAX]; /* by name: in this order it is sent and signed */
    size_t query_count;
    struct sky_span body;
    bool has_body;
    bool wants_md5;   /* some calls insist on it */
    size_t bytes_max; /* of the answer; 0: SKY_S3_ANSWER_BYTES_MAX */
    int answer_fd;    /* where the answer goes instead of s3->body when `to_file` */
    bool to_file;
    const char *doing; /* "list", "write": for messages */
};

struct sky_s3_answer {
    long http_status;
    char etag[SKY_S3_ETAG_SIZE];
    int64_t modified_ms;
    int64_t retry_after_ms; /* -1: not said */
    uint64_t length_bytes;  /* of Content-Length */
    struct sky_s3_error error;
};

/* With all attempts. The body of the answer is in s3->body. */
SKY_MUST_USE enum sky_status sky_s3_call(struct sky_s3 *s3, const struct sky_s3_request *request,
                                         struct sky_s3_answer *answer);

/* Remember why in words; gives `status`. */
enum sky_status sky_s3_fail(struct sky_s3 *s3, enum sky_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The answer in s3->body is a success, but not `wanted` ("a listing"): says what it is; SKY_E_MALFORMED. */
enum sky_status sky_s3_refuse_answer(struct sky_s3 *s3, const char *wanted);

/* What an error of the server means, for a person; gives the status it stands for. */
enum sky_status sky_s3_explain(struct sky_s3 *s3, const struct sky_s3_request *request,
                               const struct sky_s3_answer *answer);

#endif
