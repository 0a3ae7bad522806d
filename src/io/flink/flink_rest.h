/* flink_rest.h: one request after the other to a Flink cluster's REST API, and its answers as JSON.
 *
 * Certificates are verified, redirects not followed; a proxy of the environment is not used for this machine.
 *
 * Spec     Flink's REST API, v1
 * Memory   owned by the client: an answer lives until the next request. It keeps its connection.
 * Threads  one owner.
 * Trust    an answer is hostile: it is as long as SKY_FLINK_ANSWER_BYTES_MAX, strict JSON, and what `problem` shows of
 *          it is cut and printable. */
#ifndef SKY_IO_FLINK_FLINK_REST_H
#define SKY_IO_FLINK_FLINK_REST_H

#include "wire/json_read.h"

/* Limits of ours. */
#define SKY_FLINK_URL_BYTES_MAX    300
#define SKY_FLINK_ANSWER_BYTES_MAX SKY_JSON_SIZE_BYTES_MAX
#define SKY_FLINK_PROBLEM_SIZE     1024

struct sky_flink_options {
    const char *url;        /* http:// or https://, without a path of its own or with one */
    const char *ca_file;    /* NULL or "": the system's */
    const char *user_agent; /* "skytrend/0.1.0" */
    int connect_timeout_ms;
    int timeout_ms;                 /* of a request */
    int long_timeout_ms;            /* of one that moves the job's jar or starts its program */
    bool (*goes_on)(void *context); /* asked about once a second; false ends a request. NULL: it goes on */
    void *context;
};

struct sky_flink_rest;

/* All is copied but `context`.
 *   SKY_E_CONFIG  the URL is none: problem says so
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_flink_rest_new(const struct sky_flink_options *options, struct sky_flink_rest **rest,
                                                char problem[SKY_FLINK_PROBLEM_SIZE]);
void sky_flink_rest_free(struct sky_flink_rest *rest); /* NULL is fine */

enum sky_flink_method { SKY_FLINK_GET, SKY_FLINK_POST, SKY_FLINK_PATCH, SKY_FLINK_DELETE };

struct sky_flink_request {
    enum sky_flink_method method;
    const char *path;     /* "/jobs/overview", escaped where it needs to be */
    struct sky_span body; /* JSON, of POST */
    const char *file;     /* of POST, instead of a body: uploaded as the form field `jarfile` */
    bool takes_long;
};

/* What problem and code say is of the last call.
 *   SKY_E_MISSING    404: no such job, jar or trigger
 *   SKY_E_TIMEOUT    no answer in time, or 503: asking again may help
 *   SKY_E_IO         not reached, the file cannot be read, stopped by goes_on (code is 0); or refused (code is not)
 *   SKY_E_LIMIT, SKY_E_MALFORMED   an answer that is too long or no JSON
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_flink_rest_call(struct sky_flink_rest *rest, const struct sky_flink_request *request);
SKY_MUST_USE enum sky_status sky_flink_rest_get(struct sky_flink_rest *rest, const char *path);

/* The root of the answer; after an error the error's, or NULL. */
const struct sky_json_value *sky_flink_rest_answer(const struct sky_flink_rest *rest);

/* The status of HTTP; 0: there was no whole answer. */
unsigned sky_flink_rest_code(const struct sky_flink_rest *rest);

/* "http://127.0.0.1:8081: Could not connect", or where and what the cluster wrote, in one line. */
const char *sky_flink_rest_problem(const struct sky_flink_rest *rest);
const char *sky_flink_rest_reason(const struct sky_flink_rest *rest); /* of it what the cluster wrote; "": nothing */
const char *sky_flink_rest_url(const struct sky_flink_rest *rest);

/* For who reads an answer and finds `status`: problem says that it is none of Flink. Gives `status`. */
SKY_MUST_USE enum sky_status sky_flink_rest_refuse(struct sky_flink_rest *rest, enum sky_status status);

/* What a person wants of a Java stack trace: the message of its last cause, in one printable line, cut to `size`. */
void sky_flink_shorten_trace(struct sky_span trace, char *text, size_t size);

#endif
