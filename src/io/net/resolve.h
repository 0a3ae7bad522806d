/* resolve.h: the addresses of a host name, asked for in a thread of its own.
 *
 * getaddrinfo cannot be interrupted, and on a machine without a network it may take tens of seconds: whoever waits here
 * may give up at any time, and the thread ends by itself later.
 *
 * Memory   the request is shared by the thread and its owner; the last one frees it. */
#ifndef SKY_IO_NET_RESOLVE_H
#define SKY_IO_NET_RESOLVE_H

#include "io/net/url.h"

#define SKY_RESOLVE_ADDRESS_SIZE 46 /* of INET6_ADDRSTRLEN */

struct sky_resolve;

/* SKY_E_MEMORY, SKY_E_IO (no thread). */
SKY_MUST_USE enum sky_status sky_resolve_start(const char *host, struct sky_resolve **request);

/* SKY_OK: there; SKY_E_LIMIT: not within timeout_ms, ask again; SKY_E_IO: there is no such name, *reason says why. */
SKY_MUST_USE enum sky_status sky_resolve_wait(struct sky_resolve *request, int timeout_ms, const char **reason);

/* The i-th address as text; NULL behind the last. Only after sky_resolve_wait gave SKY_OK. */
const char *sky_resolve_address(const struct sky_resolve *request, size_t i);

void sky_resolve_release(struct sky_resolve *request);

#endif
