#include "io/http/http_listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG    128
#define SEND_BUFFER_BYTES (128 * 1024) /* the kernel's, of a connection that does not read; it would grow to 4 MiB */

static enum sky_status explain(const char *address, uint16_t port, char message[SKY_HTTP_ERROR_SIZE])
{
    int reason = errno;
    if (reason == EADDRINUSE)
        snprintf(message, SKY_HTTP_ERROR_SIZE,
                 "port %u of %s is taken by another program; stop it (`ss -ltnp 'sport = :%u'` names it) or choose "
                 "another port",
                 port, address, port);
    else if (reason == EACCES)
        snprintf(message, SKY_HTTP_ERROR_SIZE,
                 "port %u of %s may not be used: ports below 1024 belong to root; choose a larger one", port, address);
    else
        snprintf(message, SKY_HTTP_ERROR_SIZE, "cannot listen on port %u of %s: %s", port, address, strerror(reason));
    return SKY_E_IO;
}

static int listen_on(const struct addrinfo *where)
{
    static const int on = 1, send_bytes = SEND_BUFFER_BYTES;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* or a restart would wait for old connections */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes); /* connections inherit it */
    if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

enum sky_status sky_http_listen(const char *address, uint16_t port, struct sky_http_listener *listener,
                                char message[SKY_HTTP_ERROR_SIZE])
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *where;
    char service[sizeof "65535"];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(address, service, &hints, &where) != 0) {
        snprintf(message, SKY_HTTP_ERROR_SIZE, "'%.80s' is not a numeric address such as 127.0.0.1 or ::1", address);
        return SKY_E_CONFIG;
    }
    listener->fd = listen_on(where);
    freeaddrinfo(where);
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof bound;
    if (listener->fd < 0 || getsockname(listener->fd, (struct sockaddr *)&bound, &bound_len) != 0)
        return explain(address, port, message);
    char number[sizeof service];
    getnameinfo((struct sockaddr *)&bound, bound_len, NULL, 0, number, sizeof number, NI_NUMERICSERV);
    listener->port = (uint16_t)strtoul(number, NULL, 10);
    return SKY_OK;
}
