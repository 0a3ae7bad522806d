/* TLS runs between two memory buffers, and one pair of functions moves bytes between those and the socket: so there is
 * one place that waits, and a write to a closed socket raises no signal (OpenSSL's own socket writes would). */
#include "io/redis/redis_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/host/clock.h"
#include "io/net/resolve.h"

#define BLOCK_BYTES        16384
#define ADDRESS_TIMEOUT_MS 2000 /* for one of several addresses */

struct sky_redis_tls {
    SSL_CTX *context;
};

struct sky_redis_socket {
    int fd;
    SSL *ssl; /* NULL: plain; owns the two buffers */
    BIO *in;  /* received, for OpenSSL to read */
    BIO *out; /* written by OpenSSL, to be sent */
};

/* TLS's context */

enum sky_status sky_redis_tls_new(const char *ca_file, struct sky_redis_tls **result,
                                  char problem[SKY_REDIS_PROBLEM_SIZE])
{
    struct sky_redis_tls *tls = calloc(1, sizeof *tls);
    *result = NULL;
    snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "no memory for TLS");
    if (!tls)
        return SKY_E_MEMORY;
    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context) {
        free(tls);
        return SKY_E_MEMORY;
    }
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->context, SSL_MODE_AUTO_RETRY | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int loaded = ca_file ? SSL_CTX_load_verify_locations(tls->context, ca_file, NULL)
                         : SSL_CTX_set_default_verify_paths(tls->context);
    if (loaded != 1) {
        snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "no certificates to trust can be read from %.160s",
                 ca_file ? ca_file : "the system's place");
        sky_redis_tls_free(tls);
        return SKY_E_CONFIG;
    }
    problem[0] = '\0';
    *result = tls;
    return SKY_OK;
}

void sky_redis_tls_free(struct sky_redis_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* Waiting */

static int left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - sky_clock_monotonic_ms();
    return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static bool goes_on(const struct sky_redis_patience *patience)
{
    return !patience->goes_on || patience->goes_on(patience->context);
}

/* Until one of `events`, an error or the deadline. */
static enum sky_redis_socket_end wait_for(int fd, short events, const struct sky_redis_patience *patience)
{
    struct pollfd what = {.fd = fd, .events = events};
    for (;;) {
        int left = left_ms(patience->until_ms);
        if (!goes_on(patience))
            return SKY_REDIS_SOCKET_STOPPED;
        int ready = poll(&what, 1, left < SKY_REDIS_ASK_MS ? left : SKY_REDIS_ASK_MS);
        if (ready > 0)
            return SKY_REDIS_SOCKET_OK; /* an error is told by what the caller does next */
        if (ready == 0 && left <= SKY_REDIS_ASK_MS)
            return SKY_REDIS_SOCKET_TIMEOUT;
        if (ready < 0 && errno != EINTR)
            return SKY_REDIS_SOCKET_CLOSED;
    }
}

static enum sky_redis_socket_end send_plain(int fd, struct sky_span bytes, const struct sky_redis_patience *patience)
{
    while (bytes.len) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes = sky_span_from(bytes, (size_t)sent);
        } else if (errno == EAGAIN) {
            enum sky_redis_socket_end end = wait_for(fd, POLLOUT, patience);
            if (end != SKY_REDIS_SOCKET_OK)
                return end;
        } else if (errno != EINTR) {
            return SKY_REDIS_SOCKET_CLOSED;
        }
    }
    return SKY_REDIS_SOCKET_OK;
}

static enum sky_redis_socket_end receive_plain(int fd, void *out, size_t size, size_t *len,
                                               const struct sky_redis_patience *patience)
{
    for (;;) {
        if (!goes_on(patience))
            return SKY_REDIS_SOCKET_STOPPED;
        if (left_ms(patience->until_ms) == 0)
            return SKY_REDIS_SOCKET_TIMEOUT;
        ssize_t got = recv(fd, out, size, 0);
        if (got > 0) {
            *len = (size_t)got;
            return SKY_REDIS_SOCKET_OK;
        }
        if (got == 0)
            return SKY_REDIS_SOCKET_CLOSED;
        if (errno != EAGAIN && errno != EINTR)
            return SKY_REDIS_SOCKET_CLOSED;
        enum sky_redis_socket_end end = wait_for(fd, POLLIN, patience);
        if (end != SKY_REDIS_SOCKET_OK)
            return end;
    }
}

/* TLS over the two buffers */

static enum sky_redis_socket_end flush(struct sky_redis_socket *socket, const struct sky_redis_patience *patience)
{
    char *bytes;
    long len = BIO_get_mem_data(socket->out, &bytes);
    if (len <= 0)
        return SKY_REDIS_SOCKET_OK;
    enum sky_redis_socket_end end = send_plain(socket->fd, sky_span_of(bytes, (size_t)len), patience);
    (void)BIO_reset(socket->out);
    return end;
}

static enum sky_redis_socket_end fill(struct sky_redis_socket *socket, const struct sky_redis_patience *patience)
{
    char block[BLOCK_BYTES];
    size_t len = 0;
    enum sky_redis_socket_end end = receive_plain(socket->fd, block, sizeof block, &len, patience);
    if (end != SKY_REDIS_SOCKET_OK)
        return end;
    return BIO_write(socket->in, block, (int)len) == (int)len ? SKY_REDIS_SOCKET_OK : SKY_REDIS_SOCKET_MEMORY;
}

/* After a call of OpenSSL gave `result` <= 0: do what it waits for. OK: call it again. */
static enum sky_redis_socket_end serve(struct sky_redis_socket *socket, int result,
                                       const struct sky_redis_patience *patience)
{
    int what = SSL_get_error(socket->ssl, result);
    enum sky_redis_socket_end end = flush(socket, patience); /* an alert too */
    if (what == SSL_ERROR_WANT_READ && end == SKY_REDIS_SOCKET_OK && left_ms(patience->until_ms) == 0)
        return SKY_REDIS_SOCKET_TIMEOUT; /* also where records without data come all the time */
    if (what == SSL_ERROR_WANT_READ && end == SKY_REDIS_SOCKET_OK)
        return fill(socket, patience);
    if (what == SSL_ERROR_WANT_WRITE || end != SKY_REDIS_SOCKET_OK)
        return end;
    return what == SSL_ERROR_SSL ? SKY_REDIS_SOCKET_UNTRUSTED : SKY_REDIS_SOCKET_CLOSED;
}

static void say_untrusted(struct sky_redis_socket *socket, char problem[SKY_REDIS_PROBLEM_SIZE])
{
    long verified = SSL_get_verify_result(socket->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (verified != X509_V_OK)
        snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "TLS: the certificate is not trusted: %.150s",
                 X509_verify_cert_error_string(verified));
    else
        snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "TLS: no handshake: %.150s (is it a TLS port?)",
                 reason ? reason : "unknown");
}

static bool name_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1) /* a numeric address; it is not told to the server */
        return true;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

static enum sky_redis_socket_end shake_hands(struct sky_redis_socket *socket, struct sky_redis_tls *tls,
                                             const char *host, const struct sky_redis_patience *patience,
                                             char problem[SKY_REDIS_PROBLEM_SIZE])
{
    ERR_clear_error();
    socket->ssl = SSL_new(tls->context);
    socket->in = BIO_new(BIO_s_mem());
    socket->out = BIO_new(BIO_s_mem());
    if (!socket->ssl || !socket->in || !socket->out) {
        BIO_free(socket->in);
        BIO_free(socket->out);
        SSL_free(socket->ssl);
        socket->ssl = NULL;
        return SKY_REDIS_SOCKET_MEMORY;
    }
    BIO_set_mem_eof_return(socket->in, -1); /* empty is "not yet", no end */
    SSL_set_bio(socket->ssl, socket->in, socket->out);
    if (!name_host(socket->ssl, host))
        return SKY_REDIS_SOCKET_MEMORY;
    for (;;) {
        int result = SSL_connect(socket->ssl);
        if (result == 1)
            return flush(socket, patience);
        enum sky_redis_socket_end end = serve(socket, result, patience);
        if (end == SKY_REDIS_SOCKET_UNTRUSTED)
            say_untrusted(socket, problem);
        if (end != SKY_REDIS_SOCKET_OK)
            return end;
    }
}

enum sky_redis_socket_end sky_redis_socket_send(struct sky_redis_socket *socket, struct sky_span bytes,
                                                const struct sky_redis_patience *patience)
{
    if (!socket->ssl)
        return send_plain(socket->fd, bytes, patience);
    ERR_clear_error();
    while (bytes.len) { /* a piece at a time, so that the buffer between stays small */
        size_t piece = bytes.len < BLOCK_BYTES ? bytes.len : BLOCK_BYTES, written = 0;
        int result = SSL_write_ex(socket->ssl, bytes.ptr, piece, &written);
        enum sky_redis_socket_end end = result == 1 ? flush(socket, patience) : serve(socket, result, patience);
        if (end != SKY_REDIS_SOCKET_OK)
            return end;
        bytes = sky_span_from(bytes, written);
    }
    return SKY_REDIS_SOCKET_OK;
}

enum sky_redis_socket_end sky_redis_socket_receive(struct sky_redis_socket *socket, void *out, size_t size, size_t *len,
                                                   const struct sky_redis_patience *patience)
{
    if (!socket->ssl)
        return receive_plain(socket->fd, out, size, len, patience);
    ERR_clear_error();
    for (;;) {
        int result = SSL_read_ex(socket->ssl, out, size, len);
        if (result == 1)
            return SKY_REDIS_SOCKET_OK;
        enum sky_redis_socket_end end = serve(socket, result, patience);
        if (end != SKY_REDIS_SOCKET_OK)
            return end;
    }
}

bool sky_redis_socket_is_quiet(struct sky_redis_socket *socket)
{
    struct pollfd what = {.fd = socket->fd, .events = POLLIN};
    if (poll(&what, 1, 0) == 0)
        return true;
    if (!socket->ssl || !(what.revents & POLLIN))
        return false;
    /* TLS 1.3: a ticket for a session may come at any time, and is no answer. */
    char byte;
    size_t len = 0;
    ERR_clear_error();
    const struct sky_redis_patience patience = {.until_ms = sky_clock_monotonic_ms() + SKY_REDIS_ASK_MS};
    return fill(socket, &patience) == SKY_REDIS_SOCKET_OK && /* it is there already: nothing is waited for */
           SSL_peek_ex(socket->ssl, &byte, 1, &len) != 1 && SSL_get_error(socket->ssl, 0) == SSL_ERROR_WANT_READ;
}

/* Connecting */

static enum sky_redis_socket_end connect_to(const struct sockaddr *address, socklen_t len,
                                            const struct sky_redis_patience *patience, int *fd)
{
    static const int on = 1;
    *fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return SKY_REDIS_SOCKET_UNREACHABLE;
    if (address->sa_family != AF_UNIX) {
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(*fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    int reason = 0;
    socklen_t reason_len = sizeof reason;
    enum sky_redis_socket_end end = SKY_REDIS_SOCKET_OK;
    if (connect(*fd, address, len) != 0) {
        reason = errno;
        if (reason == EINPROGRESS) {
            end = wait_for(*fd, POLLOUT, patience);
            if (end == SKY_REDIS_SOCKET_OK && getsockopt(*fd, SOL_SOCKET, SO_ERROR, &reason, &reason_len) != 0)
                reason = errno;
        }
    }
    if (end == SKY_REDIS_SOCKET_OK && reason == 0)
        return SKY_REDIS_SOCKET_OK;
    close(*fd);
    *fd = -1;
    errno = end == SKY_REDIS_SOCKET_OK ? reason : ETIMEDOUT;
    return end == SKY_REDIS_SOCKET_OK ? SKY_REDIS_SOCKET_UNREACHABLE : end;
}

static enum sky_redis_socket_end connect_path(const char *path, const struct sky_redis_patience *patience, int *fd,
                                              char problem[SKY_REDIS_PROBLEM_SIZE])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "the path of a Unix socket has %zu bytes at most",
                 sizeof address.sun_path - 1);
        return SKY_REDIS_SOCKET_UNREACHABLE;
    }
    memcpy(address.sun_path, path, strlen(path));
    enum sky_redis_socket_end end = connect_to((const struct sockaddr *)&address, sizeof address, patience, fd);
    if (end == SKY_REDIS_SOCKET_UNREACHABLE)
        snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "%s", strerror(errno));
    return end;
}

/* One numeric address. */
static enum sky_redis_socket_end connect_address(const char *address, uint16_t port,
                                                 const struct sky_redis_patience *patience, int *fd)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *where;
    char service[sizeof "65535"];
    snprintf(service, sizeof service, "%u", port);
    errno = EINVAL;
    if (getaddrinfo(address, service, &hints, &where) != 0)
        return SKY_REDIS_SOCKET_UNREACHABLE;
    enum sky_redis_socket_end end = connect_to(where->ai_addr, where->ai_addrlen, patience, fd);
    int reason = errno;
    freeaddrinfo(where);
    errno = reason;
    return end;
}

static enum sky_redis_socket_end connect_addresses(const struct sky_resolve *names, uint16_t port,
                                                   const struct sky_redis_patience *patience, int *fd,
                                                   char problem[SKY_REDIS_PROBLEM_SIZE])
{
    enum sky_redis_socket_end end = SKY_REDIS_SOCKET_UNREACHABLE;
    const char *address;
    for (size_t i = 0; (address = sky_resolve_address(names, i)); i++) {
        struct sky_redis_patience own = *patience;
        int64_t until_ms = sky_clock_monotonic_ms() + ADDRESS_TIMEOUT_MS;
        if (sky_resolve_address(names, i + 1) && until_ms < own.until_ms)
            own.until_ms = until_ms;
        end = connect_address(address, port, &own, fd);
        if (end == SKY_REDIS_SOCKET_OK || end == SKY_REDIS_SOCKET_STOPPED)
            return end;
        snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "%s",
                 end == SKY_REDIS_SOCKET_TIMEOUT ? "no answer in time" : strerror(errno));
    }
    return end;
}

static enum sky_status wait_for_names(struct sky_resolve *names, const struct sky_redis_patience *patience,
                                      const char **reason)
{
    for (;;) {
        int left = left_ms(patience->until_ms);
        enum sky_status status = sky_resolve_wait(names, left < SKY_REDIS_ASK_MS ? left : SKY_REDIS_ASK_MS, reason);
        if (status != SKY_E_LIMIT || left <= SKY_REDIS_ASK_MS || !goes_on(patience))
            return status;
    }
}

static enum sky_redis_socket_end connect_name(const struct sky_redis_endpoint *endpoint,
                                              const struct sky_redis_patience *patience, int *fd,
                                              char problem[SKY_REDIS_PROBLEM_SIZE])
{
    struct sky_resolve *names;
    const char *reason = "no thread";
    if (sky_resolve_start(endpoint->host, &names) != SKY_OK)
        return SKY_REDIS_SOCKET_MEMORY;
    enum sky_redis_socket_end end = SKY_REDIS_SOCKET_UNREACHABLE;
    switch (wait_for_names(names, patience, &reason)) {
    case SKY_OK: end = connect_addresses(names, endpoint->port, patience, fd, problem); break;
    case SKY_E_LIMIT: end = goes_on(patience) ? SKY_REDIS_SOCKET_TIMEOUT : SKY_REDIS_SOCKET_STOPPED; break;
    default: snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "no such host: %.160s", reason);
    }
    sky_resolve_release(names);
    return end;
}

enum sky_redis_socket_end sky_redis_socket_open(const struct sky_redis_endpoint *endpoint, struct sky_redis_tls *tls,
                                                const struct sky_redis_patience *patience,
                                                struct sky_redis_socket **result, char problem[SKY_REDIS_PROBLEM_SIZE])
{
    struct sky_redis_socket *socket = calloc(1, sizeof *socket);
    *result = NULL;
    if (!socket)
        return SKY_REDIS_SOCKET_MEMORY;
    socket->fd = -1;
    enum sky_redis_socket_end end = endpoint->port == 0 ? connect_path(endpoint->host, patience, &socket->fd, problem)
                                                        : connect_name(endpoint, patience, &socket->fd, problem);
    if (end == SKY_REDIS_SOCKET_OK && tls)
        end = shake_hands(socket, tls, endpoint->host, patience, problem);
    if (end != SKY_REDIS_SOCKET_OK) {
        sky_redis_socket_close(socket);
        return end;
    }
    *result = socket;
    return SKY_REDIS_SOCKET_OK;
}

void sky_redis_socket_close(struct sky_redis_socket *socket)
{
    if (!socket)
        return;
    SSL_free(socket->ssl);
    if (socket->fd >= 0)
        close(socket->fd);
    free(socket);
}
