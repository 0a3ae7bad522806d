/* redis_address.h: where a Redis server is, as a setting writes it.
 *
 * Forms    redis://host:port/database, rediss://... (TLS), unix:///path; shorter: host, host:port, [v6]:port,
 * unix:/path. A user or a password has no place in it: addresses are printed. */
#ifndef SKY_IO_REDIS_REDIS_ADDRESS_H
#define SKY_IO_REDIS_REDIS_ADDRESS_H

#include "io/redis/redis_map.h"

struct sky_redis_address {
    struct sky_redis_endpoint endpoint;
    bool secure;
    uint32_t database;
};

/* *reason is a constant sentence without a full stop. SKY_E_MALFORMED, SKY_E_LIMIT. */
SKY_MUST_USE enum sky_status sky_redis_address_parse(struct sky_span text, struct sky_redis_address *address,
                                                     const char **reason);

/* "host:port", "[v6]:port" or "unix:/path", cut to `size`. */
void sky_redis_endpoint_write(const struct sky_redis_endpoint *endpoint, char *out, size_t size);

#endif
