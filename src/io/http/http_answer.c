#include "io/http/http_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "io/http/http_encoding.h"
#include "io/http/http_origin.h"

#define ETAG_SIZE 24 /* 16 hex digits, perhaps "-gzip", in quotes, and NUL */

/* Nothing but our own files; no inline script or style, no frame around the page. */
static const char content_security_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void sky_http_answer_add_headers(struct MHD_Response *response, const char *content_type, const char *cache_control)
{
    if (content_type)
        MHD_add_response_header(response, "Content-Type", content_type);
    MHD_add_response_header(response, "Cache-Control", cache_control);
    MHD_add_response_header(response, "Content-Security-Policy", content_security_policy);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
}

const char *sky_http_answer_origin(const struct sky_http_exchange *exchange)
{
    const struct sky_http_access *access = &exchange->server->options.access;
    const struct sky_http_origins origins = {access->cors_origins, access->cors_origins_count};
    if (exchange->parsed != SKY_OK || !sky_span_starts_with(exchange->request.path, SKY_SPAN("/v1/")))
        return NULL;
    return sky_http_origin_answer(&origins,
                                  MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Origin"));
}

static void add_cors(const struct sky_http_exchange *exchange, struct MHD_Response *response)
{
    const char *origin = sky_http_answer_origin(exchange);
    if (exchange->server->options.access.cors_origins_count)
        MHD_add_response_header(response, "Vary", "Origin");
    if (!origin)
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
    MHD_add_response_header(response, "Access-Control-Expose-Headers", "ETag, Retry-After");
}

enum MHD_Result sky_http_answer_queue(struct sky_http_exchange *exchange, unsigned status,
                                      struct MHD_Response *response)
{
    sky_http_exchange_set_phase(exchange, SKY_HTTP_ANSWERING);
    if (sky_http_connections_are_full(exchange->server->gate.connections))
        MHD_add_response_header(response, "Connection", "close");
    if (status >= 500)
        exchange->server->responses_5xx++;
    else if (status >= 400)
        exchange->server->responses_4xx++;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "5");
    if (status == MHD_HTTP_TOO_MANY_REQUESTS) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", exchange->retry_after_s);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    add_cors(exchange, response);
    enum MHD_Result result = MHD_queue_response(exchange->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static bool may_compress(const struct sky_http_exchange *exchange, const struct sky_http_answer_body *what)
{
    return what->len >= SKY_HTTP_GZIP_BYTES_MIN &&
           sky_http_accepts_gzip(MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Accept-Encoding"));
}

/* RFC 9110 section 13.1.2: by weak comparison, which a W/ of a proxy passes, and in either coding, as they say the
 * same. */
static bool is_known_to_client(const struct sky_http_exchange *exchange, const char *hash)
{
    const char *known = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "If-None-Match");
    return known && (strcmp(known, "*") == 0 || strstr(known, hash));
}

static void compress(struct sky_http_answer_body *what)
{
    struct sky_buffer compressed = {0};
    if (!sky_http_gzip(sky_span_of(what->bytes, what->len), &compressed)) {
        sky_buffer_clean_up(&compressed);
        what->is_gzip = false; /* as it is, then */
        return;
    }
    sky_buffer_clean_up(&what->owned);
    what->owned = compressed;
    what->bytes = compressed.ptr;
    what->len = compressed.len;
    what->mode = MHD_RESPMEM_MUST_FREE;
}

enum MHD_Result sky_http_answer_queue_bytes(struct sky_http_exchange *exchange, unsigned status,
                                            const char *content_type, struct sky_http_answer_body *what)
{
    char etag[ETAG_SIZE];
    snprintf(what->hash, sizeof what->hash, "\"%016" PRIx64, sky_hash_id(sky_span_of(what->bytes, what->len)));
    bool unchanged = status == MHD_HTTP_OK && is_known_to_client(exchange, what->hash);
    bool depends = what->len >= SKY_HTTP_GZIP_BYTES_MIN;
    what->is_gzip = may_compress(exchange, what);
    if (what->is_gzip && !unchanged)
        compress(what);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(unchanged ? 0 : what->len, unchanged ? NULL : (void *)(uintptr_t)what->bytes,
                                        unchanged ? MHD_RESPMEM_PERSISTENT : what->mode);
    if (unchanged || !response)
        sky_buffer_clean_up(&what->owned);
    if (!response)
        return MHD_NO;
    snprintf(etag, sizeof etag, "%s%s\"", what->hash, what->is_gzip ? "-gzip" : "");
    if (status == MHD_HTTP_OK)
        MHD_add_response_header(response, "ETag", etag);
    if (depends)
        MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (what->is_gzip && !unchanged)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    sky_http_answer_add_headers(response, unchanged ? NULL : content_type, "no-cache");
    return sky_http_answer_queue(exchange, unchanged ? MHD_HTTP_NOT_MODIFIED : status, response);
}

enum MHD_Result sky_http_answer_queue_response(struct sky_http_exchange *exchange, struct sky_http_response *answer)
{
    if (answer->body.failed) {
        sky_buffer_clean_up(&answer->body);
        return MHD_NO; /* no memory: close the connection */
    }
    struct sky_http_answer_body what = {
        .bytes = answer->body.ptr, .len = answer->body.len, .mode = MHD_RESPMEM_MUST_FREE, .owned = answer->body};
    return sky_http_answer_queue_bytes(exchange, answer->status, answer->content_type, &what);
}

enum MHD_Result sky_http_answer_queue_error(struct sky_http_exchange *exchange, unsigned status, const char *code,
                                            const char *message, const char *hint)
{
    struct sky_http_response answer = {0};
    sky_http_fail(&answer, status, code, message, hint);
    return sky_http_answer_queue_response(exchange, &answer);
}
