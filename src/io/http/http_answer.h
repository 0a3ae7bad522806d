/* http_answer.h: an answer on its way: its headers, its ETag, compressed or not. For the files of the server alone.
 *
 * Spec     RFC 9110; WHATWG Fetch (CORS), see http_origin.h
 * Memory   takes over what is said below; an answer is freed by libmicrohttpd when it is through.
 * Threads  libmicrohttpd's one. */
#ifndef SKY_IO_HTTP_HTTP_ANSWER_H
#define SKY_IO_HTTP_HTTP_ANSWER_H

#include "io/http/http_exchange.h"

#define SKY_HTTP_HASH_TEXT_SIZE 18 /* a quote, 16 hex digits, and NUL */

/* What is answered: the bytes as they are, or compressed. */
struct sky_http_answer_body {
    const void *bytes;
    size_t len;
    enum MHD_ResponseMemoryMode mode; /* MUST_FREE: `owned` has them */
    struct sky_buffer owned;
    bool is_gzip;
    char hash[SKY_HTTP_HASH_TEXT_SIZE]; /* of the bytes as they are, behind a quote */
};

/* Each gives the answer to libmicrohttpd. MHD_NO: the connection is closed. */

/* With the bytes, or 304 when the client has them. Takes over what they own. */
enum MHD_Result sky_http_answer_queue_bytes(struct sky_http_exchange *exchange, unsigned status,
                                            const char *content_type, struct sky_http_answer_body *what);
/* Takes over the body. */
enum MHD_Result sky_http_answer_queue_response(struct sky_http_exchange *exchange, struct sky_http_response *answer);
enum MHD_Result sky_http_answer_queue_error(struct sky_http_exchange *exchange, unsigned status, const char *code,
                                            const char *message, const char *hint);
/* As it is, its headers complete. Takes over the response. */
enum MHD_Result sky_http_answer_queue(struct sky_http_exchange *exchange, unsigned status,
                                      struct MHD_Response *response);

/* The headers that every answer has. content_type NULL: it has no body. */
void sky_http_answer_add_headers(struct MHD_Response *response, const char *content_type, const char *cache_control);

/* The Origin header's answer, for what lies under /v1/; NULL: none. */
const char *sky_http_answer_origin(const struct sky_http_exchange *exchange);

#endif
