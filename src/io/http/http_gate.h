/* http_gate.h: who may come to a server, how many at once, how often, and from where.
 *
 * Memory   owned; some 30 KiB, and 128 more where there is a limit of requests.
 * Threads  one owner: the server's thread; its connections know any. */
#ifndef SKY_IO_HTTP_HTTP_GATE_H
#define SKY_IO_HTTP_HTTP_GATE_H

#include "io/http/http_address.h"
#include "io/http/http_connections.h"
#include "io/http/http_listener.h"

struct MHD_Connection;

/* All zeros: everyone, as often as they like, and no other web page. What it points to outlives the server. */
struct sky_http_access {
    uint32_t requests_per_minute;       /* of a client; 0: any number */
    uint32_t connections_per_address;   /* that may be open; 0: any number. Trusted proxies are not counted */
    const char *const *trusted_proxies; /* whose X-Forwarded-For is believed, see http_address.h */
    size_t trusted_proxies_count;
    const char *const *cors_origins; /* see http_origin.h */
    size_t cors_origins_count;
};

/* SKY_E_CONFIG: a proxy is no address or network, or an origin is none; the message says which. */
SKY_MUST_USE enum sky_status sky_http_access_check(const struct sky_http_access *access,
                                                   char message[SKY_HTTP_ERROR_SIZE]);

struct sky_http_limit;

struct sky_http_gate {
    struct sky_http_limit *limit; /* NULL: none */
    struct sky_http_network *proxies;
    size_t proxies_count;
    struct sky_http_connections *connections;
};

/* Of what has been checked. SKY_E_MEMORY. Close in any case. */
SKY_MUST_USE enum sky_status sky_http_gate_open(struct sky_http_gate *gate, const struct sky_http_access *access);
void sky_http_gate_close(struct sky_http_gate *gate);

/* Whether the client of a new request is within its limit; else, when it may come again. */
bool sky_http_gate_admits(struct sky_http_gate *gate, struct MHD_Connection *connection, unsigned *retry_after_s);

#endif
