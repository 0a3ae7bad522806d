/* http_request.h: what a request asks for: path, query parameters, the host it thinks it talks to.
 *
 * Spec     RFC 3986 sections 2.1 (percent-encoding) and 3; RFC 9110 section 7.2 (Host);
 *          WHATWG URL section 5 (a query's '+' is a space)
 * Memory   a request owns its copies in fixed arrays; spans point into it.
 * Trust    input is hostile: bad escapes, NUL and what is not UTF-8 are refused, never repaired. */
#ifndef SKY_IO_HTTP_HTTP_REQUEST_H
#define SKY_IO_HTTP_HTTP_REQUEST_H

#include "base/span.h"
#include "base/status.h"

/* Limits of ours. */
#define SKY_HTTP_TARGET_BYTES_MAX 2048 /* path and query as sent; 414 above */
#define SKY_HTTP_PARAMETERS_MAX   16   /* of a query; 400 above */
#define SKY_HTTP_HOST_BYTES_MAX   255  /* RFC 1035 section 2.3.4 */

struct sky_http_parameter {
    struct sky_span name;
    struct sky_span value;
};

struct sky_http_request {
    struct sky_span path;    /* decoded */
    struct sky_span segment; /* its part behind the last '/' as sent: an escaped %2F does not end it */
    struct sky_http_parameter parameters[SKY_HTTP_PARAMETERS_MAX];
    uint32_t parameters_count;
    char text[SKY_HTTP_TARGET_BYTES_MAX]; /* the decoded bytes; decoding never makes a text longer */
    size_t text_len;
};

/* Take apart the target of a request line in origin form ("/v1/trends/%23eclipse?limit=5").
 *   SKY_E_MALFORMED  not origin form, a bad percent escape, or NUL
 *   SKY_E_UTF8       decoded bytes are not UTF-8
 *   SKY_E_DUPLICATE  a parameter given twice
 *   SKY_E_LIMIT      longer than SKY_HTTP_TARGET_BYTES_MAX, or too many parameters */
SKY_MUST_USE enum sky_status sky_http_request_parse(struct sky_http_request *request, struct sky_span target);

/* The value of a parameter; ptr NULL when it was not given. */
struct sky_span sky_http_request_parameter(const struct sky_http_request *request, const char *name);

/* True when `host` (a Host header: name, optional port) names `allowed`, letter case aside; "*" allows all. */
bool sky_http_host_matches(struct sky_span host, const char *allowed);

#endif
