/* url.h: the parts of a ws:// or wss:// URL, and what a host name stands for.
 *
 * Spec     RFC 3986, RFC 6455 section 3 (no user, no fragment)
 * Memory   the parts are copied, with limits of ours. */
#ifndef SKY_IO_NET_URL_H
#define SKY_IO_NET_URL_H

#include "base/span.h"
#include "base/status.h"

#define SKY_URL_HOST_SIZE   256 /* DNS: a name has 253 bytes at most */
#define SKY_URL_PATH_SIZE   2048
#define SKY_URL_TEXT_SIZE   (SKY_URL_HOST_SIZE + SKY_URL_PATH_SIZE + 32)
#define SKY_URL_ADDRESS_MAX 8 /* addresses of one name that are tried */

struct sky_url {
    bool secure; /* wss */
    uint16_t port;
    char host[SKY_URL_HOST_SIZE]; /* lower case, without the brackets of IPv6 */
    char path[SKY_URL_PATH_SIZE]; /* with the query; "/" at least */
};

/* https:// and http:// are taken for wss:// and ws://, as redirects write them. SKY_E_MALFORMED, SKY_E_LIMIT: the URL
 * is empty. */
SKY_MUST_USE enum sky_status sky_url_parse(const char *text, struct sky_url *url);

/* Begins as ws:// or wss:// do. */
bool sky_url_is_websocket(const char *text);

/* smtp://HOST:PORT or smtps://HOST:PORT; `secure` is the latter. */
SKY_MUST_USE enum sky_status sky_url_parse_smtp(const char *text, struct sky_url *url);

/* scheme://host:port of what may have a secret behind it, for people: "(hidden)" stands for the rest. */
#define SKY_URL_SHOWN_SIZE (SKY_URL_HOST_SIZE + 64)
void sky_url_show(const char *text, char shown[SKY_URL_SHOWN_SIZE]);

/* `location` of a redirect, absolute or a path, seen from `base`. */
SKY_MUST_USE enum sky_status sky_url_resolve(const struct sky_url *base, const char *location, struct sky_url *url);

void sky_url_write(const struct sky_url *url, char text[SKY_URL_TEXT_SIZE]);

/* "host" or "host:port" or "[v6]:port", as the Host header has it. */
void sky_url_authority(const struct sky_url *url, char text[SKY_URL_HOST_SIZE + 16]);

/* The host is this machine by its own writing: localhost, 127.x.x.x, ::1. */
bool sky_url_is_loopback(const struct sky_url *url);

/* A numeric address that is nobody's on the public internet: loopback, private, link-local, shared, documentation,
 * multicast, or mapped onto one of these. Not a numeric address: true. */
bool sky_address_is_private(const char *address);

#endif
