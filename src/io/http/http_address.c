#include "io/http/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define IPV4_PREFIX_BITS 96 /* of ::ffff:0:0/96 */

static struct sky_http_address from_ipv4(const void *four_bytes)
{
    struct sky_http_address address = {.bytes = {[10] = 0xff, [11] = 0xff}};
    memcpy(address.bytes + 12, four_bytes, 4);
    return address;
}

struct sky_http_address sky_http_address_of(const struct sockaddr *socket_address)
{
    struct sky_http_address address = {0};
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    if (socket_address && socket_address->sa_family == AF_INET) {
        memcpy(&ipv4, socket_address, sizeof ipv4);
        address = from_ipv4(&ipv4.sin_addr);
    } else if (socket_address && socket_address->sa_family == AF_INET6) {
        memcpy(&ipv6, socket_address, sizeof ipv6);
        memcpy(address.bytes, &ipv6.sin6_addr, sizeof address.bytes);
    }
    return address;
}

/* Without a port, without brackets. */
static bool parse_bare(struct sky_span text, struct sky_http_address *address)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t four[4];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, four) == 1) {
        *address = from_ipv4(four);
        return true;
    }
    return inet_pton(AF_INET6, copy, address->bytes) == 1;
}

static bool is_port(struct sky_span text)
{
    for (size_t i = 1; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len == 0 || (text.len > 1 && text.len <= sizeof ":65535" - 1 && text.ptr[0] == ':');
}

enum sky_status sky_http_address_parse(struct sky_span text, struct sky_http_address *address)
{
    struct sky_span host = text, port = {0};
    const uint8_t *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    if (text.len && text.ptr[0] == '[') {
        const uint8_t *end = memchr(text.ptr, ']', text.len);
        if (!end)
            return SKY_E_MALFORMED;
        host = sky_span_of(text.ptr + 1, (size_t)(end - text.ptr - 1));
        port = sky_span_from(text, (size_t)(end - text.ptr) + 1);
    } else if (colon && !memchr(colon + 1, ':', text.len - (size_t)(colon - text.ptr) - 1)) {
        host.len = (size_t)(colon - text.ptr);
        port = sky_span_from(text, host.len);
    }
    return parse_bare(host, address) && is_port(port) ? SKY_OK : SKY_E_MALFORMED;
}

enum sky_status sky_http_network_parse(struct sky_span text, struct sky_http_network *network)
{
    const uint8_t *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    struct sky_span host = sky_span_of(text.ptr, slash ? (size_t)(slash - text.ptr) : text.len);
    if (!parse_bare(host, &network->address))
        return SKY_E_MALFORMED;
    uint32_t before = memchr(host.ptr, ':', host.len) ? 0 : IPV4_PREFIX_BITS;
    network->bits = 128;
    if (!slash)
        return SKY_OK;
    struct sky_span digits = sky_span_from(text, host.len + 1);
    uint32_t bits = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || bits > 128)
            return SKY_E_MALFORMED;
        bits = bits * 10 + (digits.ptr[i] - '0');
    }
    network->bits = before + bits;
    return digits.len && network->bits <= 128 ? SKY_OK : SKY_E_MALFORMED;
}

bool sky_http_network_has(const struct sky_http_network *network, const struct sky_http_address *address)
{
    uint32_t bytes = network->bits / 8, bits = network->bits % 8;
    if (memcmp(network->address.bytes, address->bytes, bytes) != 0)
        return false;
    return bits == 0 || (network->address.bytes[bytes] ^ address->bytes[bytes]) >> (8 - bits) == 0;
}

struct sky_span sky_http_address_client(const struct sky_http_address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool is_ipv4 = memcmp(address->bytes, mapped, sizeof mapped) == 0;
    return sky_span_of(address->bytes, is_ipv4 ? 16 : 8);
}

bool sky_http_proxies_have(const struct sky_http_proxies *proxies, const struct sky_http_address *address)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (sky_http_network_has(&proxies->networks[i], address))
            return true;
    return false;
}

/* The last item of a list, which is taken away. */
static struct sky_span cut_last(struct sky_span *list)
{
    size_t at = list->len;
    while (at > 0 && list->ptr[at - 1] != ',')
        at--;
    struct sky_span item = sky_span_from(*list, at);
    list->len = at ? at - 1 : 0;
    while (item.len && (item.ptr[0] == ' ' || item.ptr[0] == '\t'))
        item = sky_span_from(item, 1);
    while (item.len && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t'))
        item.len--;
    return item;
}

struct sky_http_address sky_http_client_address(const struct sky_http_proxies *proxies,
                                                const struct sky_http_address *peer, struct sky_span forwarded)
{
    struct sky_http_address address = *peer, next;
    while (forwarded.len && sky_http_proxies_have(proxies, &address)) {
        if (sky_http_address_parse(cut_last(&forwarded), &next) != SKY_OK)
            break; /* whoever wrote this: the one that passed it on answers for it */
        address = next;
    }
    return address;
}
