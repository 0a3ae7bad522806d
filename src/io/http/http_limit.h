/* http_limit.h: how many requests a client may make: a token bucket for each address.
 *
 * A bucket holds a minute's requests and is filled evenly; a request takes one token. Of IPv6 the first 64 bits count,
 * as one client has all addresses below.
 *
 * Memory   fixed: SKY_HTTP_LIMIT_CLIENTS buckets of 16 bytes. Addresses are kept as a keyed hash only. When more
 * clients come, the bucket that is fullest among those of its place is given away: that of the client who asks least.
 * Threads  one owner.
 * Trust    the key is random, so nobody can choose addresses that share a place with another's. */
#ifndef SKY_IO_HTTP_HTTP_LIMIT_H
#define SKY_IO_HTTP_HTTP_LIMIT_H

#include "io/http/http_address.h"

#define SKY_HTTP_LIMIT_CLIENTS 8192 /* ours */

struct sky_http_limit;

/* SKY_E_MEMORY is the only error. `requests_per_minute` > 0; `key`: random. */
SKY_MUST_USE enum sky_status sky_http_limit_new(uint32_t requests_per_minute, uint64_t key,
                                                struct sky_http_limit **limit);
void sky_http_limit_free(struct sky_http_limit *limit); /* NULL is fine */

/* True: it may. False: not before *retry_after_s seconds have passed, at least 1. `now_ms` never goes back. */
bool sky_http_limit_take(struct sky_http_limit *limit, const struct sky_http_address *client, int64_t now_ms,
                         uint32_t *retry_after_s);

#endif
