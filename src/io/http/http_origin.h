/* http_origin.h: which other web pages may read the answers (CORS).
 *
 * Spec     WHATWG Fetch section 3.2 (CORS protocol)
 * Memory   none.
 * Threads  any. */
#ifndef SKY_IO_HTTP_HTTP_ORIGIN_H
#define SKY_IO_HTTP_HTTP_ORIGIN_H

#include "base/span.h"
#include "base/status.h"

struct sky_http_origins {
    const char *const *allowed; /* "https://example.org", "http://127.0.0.1:3000"; "*": every page */
    size_t count;
};

/* Whether a setting is an origin: scheme, host, perhaps a port, nothing behind; or "*". SKY_E_MALFORMED. */
SKY_MUST_USE enum sky_status sky_http_origin_check(const char *text);

/* What Access-Control-Allow-Origin says to the page of that Origin header: it, "*", or NULL for nothing. */
const char *sky_http_origin_answer(const struct sky_http_origins *origins, const char *origin);

#endif
