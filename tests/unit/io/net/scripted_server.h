/* scripted_server.h: a server on 127.0.0.1 that does with each connection what a test says, byte for byte.
 *
 * It knows just enough of HTTP, WebSocket (RFC 6455) and TLS to misbehave in every way wanted, and nothing of the
 * client under test nor of its library. Connections are served one after the other by one thread.
 *
 * Asserts from the server's thread end the program: a test that makes the server fail has found something. */
#ifndef TESTS_UNIT_IO_NET_SCRIPTED_SERVER_H
#define TESTS_UNIT_IO_NET_SCRIPTED_SERVER_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
    int fd;
    SSL *tls;
    int number; /* of the connection, from 0 */
    char request[4096];
};

typedef void (*peer_script)(struct peer *peer, void *context);

struct scripted_server {
    int listener;
    uint16_t port; /* stays readable until stop */
    SSL_CTX *tls;
    peer_script script;
    void *context;
    pthread_t thread;
    atomic_bool stop;
    atomic_int connections;
};

static inline ssize_t peer_recv(struct peer *peer, void *to, size_t len)
{
    return peer->tls ? SSL_read(peer->tls, to, (int)len) : recv(peer->fd, to, len, 0);
}

/* False: the client is gone. */
static inline bool peer_send(struct peer *peer, const void *from, size_t len)
{
    const char *at = from;
    while (len) {
        ssize_t put = peer->tls ? SSL_write(peer->tls, at, (int)len) : send(peer->fd, at, len, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        at += put;
        len -= (size_t)put;
    }
    return true;
}

static inline bool peer_send_text(struct peer *peer, const char *text)
{
    return peer_send(peer, text, strlen(text));
}

/* The request up to its empty line, in peer->request. */
static inline bool peer_read_request(struct peer *peer)
{
    size_t len = 0;
    while (len + 1 < sizeof peer->request) {
        if (peer_recv(peer, peer->request + len, 1) != 1)
            return false;
        peer->request[++len] = 0;
        if (len >= 4 && strcmp(peer->request + len - 4, "\r\n\r\n") == 0)
            return true;
    }
    return false;
}

/* RFC 6455 section 4.2.2: the answer to a request read before. */
static inline bool peer_upgrade(struct peer *peer)
{
    const char *key = strcasestr(peer->request, "Sec-WebSocket-Key: ");
    if (!key)
        return false;
    char joined[128], answer[256];
    unsigned char digest[EVP_MAX_MD_SIZE], encoded[64];
    unsigned int digest_len;
    snprintf(joined, sizeof joined, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
    assert(EVP_Digest(joined, strlen(joined), digest, &digest_len, EVP_sha1(), NULL));
    EVP_EncodeBlock(encoded, digest, (int)digest_len);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             (const char *)encoded);
    return peer_send_text(peer, answer);
}

static inline bool peer_accept(struct peer *peer)
{
    return peer_read_request(peer) && peer_upgrade(peer);
}

enum { WS_MORE = 0x0, WS_TEXT = 0x1, WS_BINARY = 0x2, WS_CLOSE = 0x8, WS_PING = 0x9, WS_PONG = 0xa, WS_FIN = 0x80 };

/* One frame (RFC 6455 section 5.2); `head` is the first byte: WS_FIN | opcode. */
static inline bool peer_send_frame(struct peer *peer, int head, const void *data, size_t len)
{
    uint8_t bytes[10] = {(uint8_t)head};
    size_t size = 2;
    if (len < 126)
        bytes[1] = (uint8_t)len;
    else if (len < 65536) {
        bytes[1] = 126;
        size = 4;
    } else {
        bytes[1] = 127;
        size = 10;
    }
    for (size_t i = size - 1, rest = len; size > 2 && i >= 2; i--, rest >>= 8)
        bytes[i] = (uint8_t)rest;
    return peer_send(peer, bytes, size) && peer_send(peer, data, len);
}

static inline bool peer_send_binary(struct peer *peer, const char *text)
{
    return peer_send_frame(peer, WS_FIN | WS_BINARY, text, strlen(text));
}

static inline bool peer_send_close(struct peer *peer, int code, const char *reason)
{
    uint8_t bytes[125] = {(uint8_t)(code >> 8), (uint8_t)code};
    memcpy(bytes + 2, reason, strlen(reason));
    return peer_send_frame(peer, WS_FIN | WS_CLOSE, bytes, 2 + strlen(reason));
}

/* The opcode of the client's next frame, at most 125 bytes, its mask off; -1: none within timeout_ms, or gone. */
static inline int peer_read_frame(struct peer *peer, int timeout_ms)
{
    struct pollfd wait = {.fd = peer->fd, .events = POLLIN};
    uint8_t head[6], payload[125];
    if (poll(&wait, 1, timeout_ms) != 1)
        return -1;
    for (size_t i = 0; i < sizeof head; i++)
        if (peer_recv(peer, head + i, 1) != 1)
            return -1;
    for (size_t i = 0; i < (head[1] & 127u); i++)
        if (peer_recv(peer, payload + i, 1) != 1)
            return -1;
    return head[0] & 15;
}

/* Wait until the client goes away, 10 s at most. */
static inline void peer_wait_end(struct peer *peer)
{
    char byte;
    struct pollfd wait = {.fd = peer->fd, .events = POLLIN};
    while (poll(&wait, 1, 10000) == 1 && peer_recv(peer, &byte, 1) == 1)
        ;
}

static inline void scripted_server_serve(struct scripted_server *server, int fd)
{
    struct peer peer = {.fd = fd, .number = atomic_fetch_add(&server->connections, 1)};
    bool ready = true;
    if (server->tls) {
        peer.tls = SSL_new(server->tls);
        SSL_set_fd(peer.tls, fd);
        ready = SSL_accept(peer.tls) == 1;
    }
    if (ready)
        server->script(&peer, server->context);
    if (peer.tls)
        SSL_free(peer.tls);
    close(fd);
}

static inline void *scripted_server_run(void *context)
{
    struct scripted_server *server = context;
    while (!atomic_load(&server->stop)) {
        struct pollfd wait = {.fd = server->listener, .events = POLLIN};
        if (poll(&wait, 1, 20) != 1)
            continue;
        int fd = accept(server->listener, NULL, NULL);
        int on = 1;
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        scripted_server_serve(server, fd);
    }
    return NULL;
}

/* On the heap: a test that fails jumps out of its function, and the thread is still there. */
static inline struct scripted_server *scripted_server_new(void)
{
    struct scripted_server *server = calloc(1, sizeof *server);
    assert(server);
    return server;
}

static inline void scripted_server_start(struct scripted_server *server, peer_script script, void *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(server->listener >= 0);
    assert(bind(server->listener, (struct sockaddr *)&address, len) == 0 && listen(server->listener, 16) == 0);
    assert(getsockname(server->listener, (struct sockaddr *)&address, &len) == 0);
    server->port = ntohs(address.sin_port);
    server->script = script;
    server->context = context;
    assert(pthread_create(&server->thread, NULL, scripted_server_run, server) == 0);
}

/* Also frees. */
static inline void scripted_server_stop(struct scripted_server *server)
{
    atomic_store(&server->stop, true);
    pthread_join(server->thread, NULL);
    close(server->listener);
    SSL_CTX_free(server->tls);
    free(server);
}

/* Give the server a self-signed certificate for `name`, written to `file` for clients to trust. Before start. */
static inline void scripted_server_use_tls(struct scripted_server *server, const char *name, const char *file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    char alternative[280];
    snprintf(alternative, sizeof alternative, "DNS:%s", name);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    assert(X509_sign(certificate, key, EVP_sha256()));
    FILE *out = fopen(file, "we");
    assert(out && PEM_write_X509(out, certificate) && fclose(out) == 0);
    server->tls = SSL_CTX_new(TLS_server_method());
    assert(SSL_CTX_use_certificate(server->tls, certificate) == 1 && SSL_CTX_use_PrivateKey(server->tls, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

#endif
