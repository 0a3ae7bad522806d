/* http_encoding.h: gzip for answers, when the client takes it.
 *
 * Spec     RFC 9110 section 12.5.3 (Accept-Encoding), RFC 1952 (gzip) by zlib
 * Memory   some 300 KiB while it compresses.
 * Threads  any. */
#ifndef SKY_IO_HTTP_HTTP_ENCODING_H
#define SKY_IO_HTTP_HTTP_ENCODING_H

#include "base/buffer.h"

#define SKY_HTTP_GZIP_BYTES_MIN 1024 /* ours: below, the headers are most of it */

/* What the client's Accept-Encoding says; NULL: it sent none, which is no. gzip, x-gzip and "*" are yes, unless with
 * q=0; what is not well-formed is no. */
bool sky_http_accepts_gzip(const char *accept_encoding);

/* Append `bytes` compressed, always the same for the same bytes. False: no memory. */
SKY_MUST_USE bool sky_http_gzip(struct sky_span bytes, struct sky_buffer *out);

#endif
