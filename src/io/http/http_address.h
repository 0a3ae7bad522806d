/* http_address.h: whose request it is: the peer's address, or the one that a trusted proxy says it speaks for.
 *
 * X-Forwarded-For can be written by anyone. It is looked at only when the peer is a trusted proxy, and then from its
 * end, which that proxy wrote: the last address that is not a trusted proxy itself is the client.
 *
 * Memory   none.
 * Threads  any. */
#ifndef SKY_IO_HTTP_HTTP_ADDRESS_H
#define SKY_IO_HTTP_HTTP_ADDRESS_H

#include "base/span.h"
#include "base/status.h"

struct sockaddr;

/* IPv6, or IPv4 as ::ffff:a.b.c.d. All zeros: not known. */
struct sky_http_address {
    uint8_t bytes[16];
};

struct sky_http_network {
    struct sky_http_address address;
    uint32_t bits; /* that count, of 128 */
};

struct sky_http_address sky_http_address_of(const struct sockaddr *socket_address);

/* "192.0.2.1", "2001:db8::1"; in a header also with a port: "192.0.2.1:80", "[2001:db8::1]:80". SKY_E_MALFORMED. */
SKY_MUST_USE enum sky_status sky_http_address_parse(struct sky_span text, struct sky_http_address *address);

/* "10.0.0.0/8", "2001:db8::/32", or one address. SKY_E_MALFORMED. */
SKY_MUST_USE enum sky_status sky_http_network_parse(struct sky_span text, struct sky_http_network *network);

/* What the addresses of one client have in common: of IPv6 the first 64 bits, as one client has all below. */
struct sky_span sky_http_address_client(const struct sky_http_address *address);

bool sky_http_network_has(const struct sky_http_network *network, const struct sky_http_address *address);

struct sky_http_proxies {
    const struct sky_http_network *networks;
    size_t count;
};

bool sky_http_proxies_have(const struct sky_http_proxies *proxies, const struct sky_http_address *address);

/* `forwarded`: all values of X-Forwarded-For in order, with commas between. */
struct sky_http_address sky_http_client_address(const struct sky_http_proxies *proxies,
                                                const struct sky_http_address *peer, struct sky_span forwarded);

#endif
