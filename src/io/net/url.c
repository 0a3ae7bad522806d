#include "io/net/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

static const struct {
    const char *prefix;
    bool secure;
} schemes[] = {{"wss://", true}, {"ws://", false}, {"https://", true}, {"http://", false}};

static enum sky_status parse_port(const char *text, size_t len, uint16_t *port)
{
    uint32_t value = 0;
    if (len < 1 || len > 5)
        return SKY_E_MALFORMED;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return SKY_E_MALFORMED;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    *port = (uint16_t)value;
    return value >= 1 && value <= 65535 ? SKY_OK : SKY_E_MALFORMED;
}

static bool is_host_letter(char c, bool bracketed)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c == '.' || (bracketed ? c == ':' : c == '-' || c == '_');
}

static enum sky_status copy_host(const char *text, size_t len, bool bracketed, struct sky_url *url)
{
    if (len == 0)
        return SKY_E_MALFORMED;
    if (len >= sizeof url->host)
        return SKY_E_LIMIT;
    for (size_t i = 0; i < len; i++) {
        if (!is_host_letter(text[i], bracketed))
            return SKY_E_MALFORMED;
        url->host[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    }
    url->host[len] = 0;
    return SKY_OK;
}

static enum sky_status copy_path(const char *text, struct sky_url *url)
{
    size_t len = strcspn(text, "#"); /* a fragment is not sent */
    bool slash = text[0] == '/';
    if (len + 2 > sizeof url->path)
        return SKY_E_LIMIT;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 127)
            return SKY_E_MALFORMED;
    snprintf(url->path, sizeof url->path, "%s%.*s", slash ? "" : "/", (int)len, text);
    return SKY_OK;
}

enum sky_status sky_url_parse(const char *text, struct sky_url *url)
{
    *url = (struct sky_url){0};
    const char *at = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0] && !at; i++)
        if (strncasecmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            at = text + strlen(schemes[i].prefix);
            url->secure = schemes[i].secure;
        }
    if (!at)
        return SKY_E_MALFORMED;
    size_t authority_len = strcspn(at, "/?#");
    const char *end = at + authority_len;
    bool bracketed = *at == '[';
    const char *host = at + bracketed;
    size_t host_len = strcspn(host, bracketed ? "]" : ":/?#");
    const char *after = host + host_len + bracketed;
    if (after > end) /* the bracket is not closed */
        return SKY_E_MALFORMED;
    url->port = url->secure ? 443 : 80;
    enum sky_status status = copy_host(host, host_len, bracketed, url);
    if (status == SKY_OK && after < end)
        status = *after == ':' ? parse_port(after + 1, (size_t)(end - after) - 1, &url->port) : SKY_E_MALFORMED;
    if (status == SKY_OK)
        status = copy_path(end, url);
    if (status != SKY_OK) /* what looked like a host may be a user or a password */
        *url = (struct sky_url){0};
    return status;
}

bool sky_url_is_websocket(const char *text)
{
    return strncasecmp(text, "ws://", 5) == 0 || strncasecmp(text, "wss://", 6) == 0;
}

enum sky_status sky_url_parse_smtp(const char *text, struct sky_url *url)
{
    char as_web[SKY_URL_TEXT_SIZE];
    bool secure = strncasecmp(text, "smtps://", 8) == 0;
    *url = (struct sky_url){0};
    if (!secure && strncasecmp(text, "smtp://", 7) != 0)
        return SKY_E_MALFORMED;
    const char *rest = text + (secure ? 8 : 7);
    if ((size_t)snprintf(as_web, sizeof as_web, "http://%s", rest) >= sizeof as_web)
        return SKY_E_LIMIT;
    enum sky_status status = sky_url_parse(as_web, url);
    url->secure = secure;
    return status != SKY_OK || strcmp(url->path, "/") == 0 ? status : SKY_E_MALFORMED;
}

void sky_url_show(const char *text, char shown[SKY_URL_SHOWN_SIZE])
{
    const char *scheme_end = strstr(text, "://");
    size_t scheme_len = scheme_end ? (size_t)(scheme_end - text) + 3 : 0;
    size_t len = strcspn(text + scheme_len, "/?#");
    const char *host = text + scheme_len, *at = memrchr(host, '@', len);
    size_t user_len = at ? (size_t)(at - host) + 1 : 0;
    bool more = user_len || (host[len] && strcmp(host + len, "/") != 0);
    if (!scheme_end) /* no URL: who knows what it is */
        snprintf(shown, SKY_URL_SHOWN_SIZE, "%s", *text ? "(hidden)" : "");
    else
        snprintf(shown, SKY_URL_SHOWN_SIZE, "%.*s%.*s%s", (int)(scheme_len < 16 ? scheme_len : 16), text,
                 (int)(len - user_len < SKY_URL_HOST_SIZE ? len - user_len : SKY_URL_HOST_SIZE), host + user_len,
                 more ? "/(hidden)" : "");
}

enum sky_status sky_url_resolve(const struct sky_url *base, const char *location, struct sky_url *url)
{
    char text[SKY_URL_TEXT_SIZE];
    if (location[0] == '/' && location[1] == '/') {
        if (snprintf(text, sizeof text, "%s%s", base->secure ? "wss:" : "ws:", location) >= (int)sizeof text)
            return SKY_E_LIMIT;
        return sky_url_parse(text, url);
    }
    if (location[0] != '/')
        return sky_url_parse(location, url);
    *url = *base;
    return copy_path(location, url);
}

void sky_url_authority(const struct sky_url *url, char text[SKY_URL_HOST_SIZE + 16])
{
    bool v6 = strchr(url->host, ':') != NULL;
    int len = snprintf(text, SKY_URL_HOST_SIZE + 16, "%s%s%s", v6 ? "[" : "", url->host, v6 ? "]" : "");
    if (url->port != (url->secure ? 443 : 80))
        snprintf(text + len, SKY_URL_HOST_SIZE + 16 - (size_t)len, ":%u", url->port);
}

void sky_url_write(const struct sky_url *url, char text[SKY_URL_TEXT_SIZE])
{
    char authority[SKY_URL_HOST_SIZE + 16];
    sky_url_authority(url, authority);
    snprintf(text, SKY_URL_TEXT_SIZE, "%s%s%s", url->secure ? "wss://" : "ws://", authority, url->path);
}

bool sky_url_is_loopback(const struct sky_url *url)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (strcmp(url->host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, url->host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, url->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* IANA's special-purpose registry for IPv4, what is not global of it. */
static bool v4_is_private(uint32_t address)
{
    static const struct {
        uint32_t prefix;
        int bits;
    } blocks[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
        {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if ((address ^ blocks[i].prefix) >> (32 - blocks[i].bits) == 0)
            return true;
    return false;
}

static bool v6_is_private(const struct in6_addr *address)
{
    const uint8_t *byte = address->s6_addr;
    uint32_t last = (uint32_t)byte[12] << 24 | (uint32_t)byte[13] << 16 | (uint32_t)byte[14] << 8 | byte[15];
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (IN6_IS_ADDR_V4MAPPED(address) || memcmp(byte, nat64, sizeof nat64) == 0)
        return v4_is_private(last);
    if (byte[0] == 0x20 && byte[1] == 0x02) /* 6to4 carries the IPv4 address behind its prefix */
        return v4_is_private((uint32_t)byte[2] << 24 | (uint32_t)byte[3] << 16 | (uint32_t)byte[4] << 8 | byte[5]);
    if (byte[0] == 0x20 && byte[1] == 0x01 && byte[2] == 0x0d && byte[3] == 0xb8) /* documentation */
        return true;
    return (byte[0] & 0xe0) != 0x20; /* global unicast is 2000::/3 */
}

bool sky_address_is_private(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return v4_is_private(ntohl(v4.s_addr));
    if (inet_pton(AF_INET6, address, &v6) == 1)
        return v6_is_private(&v6);
    return true;
}
