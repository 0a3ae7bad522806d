/* redis_socket.h: one connection to a server, over TCP, a Unix socket or TLS, where every call ends in time.
 *
 * Spec     RFC 8446 and 5246 (TLS 1.3, 1.2), by OpenSSL; RFC 6125 (the name in the certificate)
 * Memory   owned; about 100 KiB with TLS.
 * Threads  one owner; a call waits in poll() while its patience lasts, the look-up of a name in a thread (resolve.h).
 * Signals  none: what is written to a closed socket is an error.
 * Trust    with TLS the certificate must lead to a trusted one and name the host. */
#ifndef SKY_IO_REDIS_REDIS_SOCKET_H
#define SKY_IO_REDIS_REDIS_SOCKET_H

#include "io/redis/redis_map.h"

#define SKY_REDIS_PROBLEM_SIZE 256
#define SKY_REDIS_ASK_MS       250 /* ours: a wait asks so often whether it may go on */

struct sky_redis_tls;
struct sky_redis_socket;

/* What TLS connections share. `ca_file` (PEM) is trusted instead of the system's; NULL: the system's.
 * SKY_E_CONFIG: the file cannot be read, `problem` says so; SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_redis_tls_new(const char *ca_file, struct sky_redis_tls **tls,
                                               char problem[SKY_REDIS_PROBLEM_SIZE]);
void sky_redis_tls_free(struct sky_redis_tls *tls); /* after its sockets; NULL is fine */

/* How long a call may take: until then, and while goes_on says so, which is asked before each wait and during it, and
 * before each receipt: a server that never stops sending has no longer. */
struct sky_redis_patience {
    int64_t until_ms;               /* of sky_clock_monotonic_ms */
    bool (*goes_on)(void *context); /* NULL: it does */
    void *context;
};

/* How a call ended that did not do what it should; the text goes to `problem`. */
enum sky_redis_socket_end {
    SKY_REDIS_SOCKET_OK,
    SKY_REDIS_SOCKET_UNREACHABLE, /* no such name, refused, no route */
    SKY_REDIS_SOCKET_TIMEOUT,
    SKY_REDIS_SOCKET_STOPPED,   /* goes_on said no */
    SKY_REDIS_SOCKET_UNTRUSTED, /* TLS: the certificate or the handshake */
    SKY_REDIS_SOCKET_CLOSED,    /* by the other side, or broken */
    SKY_REDIS_SOCKET_MEMORY
};

/* Connect, and shake hands when `tls` is not NULL. */
SKY_MUST_USE enum sky_redis_socket_end sky_redis_socket_open(const struct sky_redis_endpoint *endpoint,
                                                             struct sky_redis_tls *tls,
                                                             const struct sky_redis_patience *patience,
                                                             struct sky_redis_socket **socket,
                                                             char problem[SKY_REDIS_PROBLEM_SIZE]);
void sky_redis_socket_close(struct sky_redis_socket *socket); /* NULL is fine */

/* All of `bytes`. */
SKY_MUST_USE enum sky_redis_socket_end sky_redis_socket_send(struct sky_redis_socket *socket, struct sky_span bytes,
                                                             const struct sky_redis_patience *patience);

/* At least one byte; *len says how many. */
SKY_MUST_USE enum sky_redis_socket_end sky_redis_socket_receive(struct sky_redis_socket *socket, void *out, size_t size,
                                                                size_t *len, const struct sky_redis_patience *patience);

/* Nothing has been sent by the other side, its farewell included: whether an idle connection may be used again. */
bool sky_redis_socket_is_quiet(struct sky_redis_socket *socket);

#endif
