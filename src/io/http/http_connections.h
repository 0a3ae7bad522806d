/* http_connections.h: the connections of a server: whose they are, and how long each may stay as it is.
 *
 * libmicrohttpd's patience begins anew with each byte, so that whoever sends one now and then keeps a place for ever.
 * Here every connection has a time by which what it does must be done. One address has so many places. Where no place
 * is left, of the address or of the server, the connection that has waited longest without asking for anything makes
 * way for the next one; when all are busy, an address is refused, and a server has spare places left, for its probes.
 *
 * Memory   fixed, some 30 KiB.
 * Threads  any. A socket is only shut here; its owner closes it, after sky_http_connections_leave. */
#ifndef SKY_IO_HTTP_HTTP_CONNECTIONS_H
#define SKY_IO_HTTP_HTTP_CONNECTIONS_H

#include "io/http/http_address.h"

/* Limits of ours. */
#define SKY_HTTP_CONNECTIONS_MAX   512 /* open at once; below the usual limit of 1,024 open files */
#define SKY_HTTP_CONNECTIONS_SPARE 32  /* beyond that, for probes and for those that are being closed */
#define SKY_HTTP_REQUEST_S_MAX     10  /* from the connection to the end of its first request */
#define SKY_HTTP_IDLE_S_MAX        30  /* from an answer to the end of the next request; and without any byte */
#define SKY_HTTP_ANSWER_S_MAX      120 /* for an answer to be taken, but a stream */

enum sky_http_phase {
    SKY_HTTP_FIRST_REQUEST, /* being waited for, or not complete */
    SKY_HTTP_NEXT_REQUEST,  /* likewise, behind an answer */
    SKY_HTTP_ANSWERING,
    SKY_HTTP_FOLLOWING /* a stream, or an answer that is being made: as long as it takes */
};

struct sky_http_connections;
struct sky_http_seat; /* of one connection */

/* `per_address`: places of one, 0: all. The proxies speak for many: they are not counted. They outlive the
 * connections. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_http_connections_new(uint32_t per_address, const struct sky_http_proxies *proxies,
                                                      struct sky_http_connections **connections);
void sky_http_connections_free(struct sky_http_connections *connections); /* NULL is fine */

/* Whether a connection of this address may come in; another may have to leave for it. */
bool sky_http_connections_admit(struct sky_http_connections *connections, const struct sky_http_address *address);

/* It is in. NULL: more than SKY_HTTP_CONNECTIONS_MAX + SKY_HTTP_CONNECTIONS_SPARE are, so that it has no time and is
 * not counted; the others take NULL for a seat and do nothing. `now_ms` never goes back. */
struct sky_http_seat *sky_http_connections_enter(struct sky_http_connections *connections, int fd,
                                                 const struct sky_http_address *address, int64_t now_ms);
void sky_http_connections_leave(struct sky_http_connections *connections, struct sky_http_seat *seat);

void sky_http_connections_set(struct sky_http_connections *connections, struct sky_http_seat *seat,
                              enum sky_http_phase phase, int64_t now_ms);

/* Shut those whose time is over. */
void sky_http_connections_sweep(struct sky_http_connections *connections, int64_t now_ms);

/* More than SKY_HTTP_CONNECTIONS_MAX are open: only probes are answered. */
bool sky_http_connections_are_full(struct sky_http_connections *connections);

struct sky_http_connections_stats {
    uint64_t refused;   /* an address had all its places */
    uint64_t overdue;   /* were shut by sweep */
    uint64_t displaced; /* made way for others */
    uint32_t open;
};
void sky_http_connections_stats(struct sky_http_connections *connections, struct sky_http_connections_stats *stats);

#endif
