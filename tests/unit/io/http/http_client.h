/* http_client.h: one request over a plain socket, for tests: what is sent is exactly what is written. */
#ifndef TESTS_UNIT_IO_HTTP_HTTP_CLIENT_H
#define TESTS_UNIT_IO_HTTP_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REPLY_SIZE_MAX       (4 * 1024 * 1024)
#define CLIENT_TIMEOUT_S_MAX 10

static int client_connect(uint16_t port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = CLIENT_TIMEOUT_S_MAX};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &where.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    return fd;
}

static void client_send(int fd, const char *text)
{
    for (size_t len = strlen(text); len;) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server has closed already, and has said why */
        text += sent;
        len -= (size_t)sent;
    }
}

/* Read until `until` has come (NULL: until the other side closes). Returns the text read so far; free it. */
static char *client_read(int fd, const char *until)
{
    char *reply = malloc(REPLY_SIZE_MAX);
    size_t len = 0;
    reply[0] = '\0';
    while (len < REPLY_SIZE_MAX - 1) {
        ssize_t got = recv(fd, reply + len, REPLY_SIZE_MAX - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        reply[len] = '\0';
        if (until && strstr(reply, until))
            break;
    }
    return reply;
}

/* The whole reply to `request`, which must ask to close. */
static inline char *client_ask(uint16_t port, const char *request)
{
    int fd = client_connect(port);
    client_send(fd, request);
    char *reply = client_read(fd, NULL);
    close(fd);
    return reply;
}

static char *client_get(uint16_t port, const char *target)
{
    char request[8192];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target);
    return client_ask(port, request);
}

static int reply_status(const char *reply)
{
    return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? atoi(reply + 9) : 0;
}

static inline const char *reply_body(const char *reply)
{
    const char *body = strstr(reply, "\r\n\r\n");
    return body ? body + 4 : "";
}

/* The value of a header into `value`; false when it is not there. */
static inline bool reply_header(const char *reply, const char *name, char value[512])
{
    const char *end = strstr(reply, "\r\n\r\n");
    for (const char *line = strstr(reply, "\r\n"); line && line < end; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, strlen(name)) == 0 && line[2 + strlen(name)] == ':') {
            snprintf(value, 512, "%.*s", (int)strcspn(line + 4 + strlen(name), "\r"), line + 4 + strlen(name));
            return true;
        }
    }
    value[0] = '\0';
    return false;
}

#endif
