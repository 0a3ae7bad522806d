/* http_client.h: hands a body to an HTTP server by POST and says what came of it.
 *
 * Redirects are not followed: a receiver that moved is a setting to change, and what is signed for one address is not
 * handed to another. Certificates are verified. http:// goes to this machine only, unless it is allowed.
 *
 * Spec     RFC 9110; Retry-After in either of its forms (section 10.2.3)
 * Memory   owned by the client; it keeps its connection for the next request.
 * Threads  one owner.
 * Trust    an answer is hostile: SKY_HTTP_REPLY_BYTES_MAX of it are read, and only the start of its text is told. */
#ifndef SKY_IO_ALERT_HTTP_CLIENT_H
#define SKY_IO_ALERT_HTTP_CLIENT_H

#include <stdatomic.h>

#include "base/status.h"
#include "io/alert/delivery.h"

#define SKY_HTTP_REPLY_BYTES_MAX     65536
#define SKY_HTTP_POST_HEADERS_COUNT  8
#define SKY_HTTP_CLIENT_PROBLEM_SIZE 256

struct sky_http_client_options {
    const char *url;        /* http:// or https:// */
    const char *ca_file;    /* NULL: the system's */
    const char *user_agent; /* "skytrend/0.1.0" */
    bool allow_plain;       /* http:// to other machines than this one */
    int connect_timeout_ms;
    int timeout_ms;
    const atomic_bool *stop; /* true ends a request within a second; NULL: never */
};

struct sky_http_client;

/* All is copied but `stop`.
 *   SKY_E_CONFIG  the URL is none, or not encrypted: problem says so
 *   SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_http_client_new(const struct sky_http_client_options *options,
                                                 struct sky_http_client **client,
                                                 char problem[SKY_HTTP_CLIENT_PROBLEM_SIZE]);
void sky_http_client_free(struct sky_http_client *client); /* NULL is fine */

/* POST a body of `content_type`; `headers` are lines "name: value", NULL at the end, or NULL. */
void sky_http_client_post(struct sky_http_client *client, const char *content_type, const char *const *headers,
                          struct sky_span body, struct sky_delivery *delivery);

#endif
