#include "io/redis/redis_map.h"

#include <stdio.h>

/* CRC-16/XMODEM, polynomial 0x1021, as appendix A of the cluster specification has it; keys are short, so a bit at a
 * time will do. */
static uint16_t crc16(struct sky_span bytes)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint32_t)bytes.ptr[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    }
    return (uint16_t)crc;
}

uint16_t sky_redis_slot(struct sky_span key)
{
    const uint8_t *open = key.len ? memchr(key.ptr, '{', key.len) : NULL;
    if (open) {
        size_t rest = (size_t)(key.ptr + key.len - open - 1);
        const uint8_t *close = rest ? memchr(open + 1, '}', rest) : NULL;
        if (close && close > open + 1)
            key = sky_span_of(open + 1, (size_t)(close - open - 1));
    }
    return crc16(key) % SKY_REDIS_SLOTS;
}

void sky_redis_map_clear(struct sky_redis_map *map)
{
    map->nodes_count = 0;
    memset(map->owner, 0, sizeof map->owner);
}

uint32_t sky_redis_map_node(struct sky_redis_map *map, const struct sky_redis_endpoint *endpoint)
{
    for (uint32_t i = 0; i < map->nodes_count; i++)
        if (map->nodes[i].port == endpoint->port && strcmp(map->nodes[i].host, endpoint->host) == 0)
            return i;
    if (map->nodes_count == SKY_REDIS_NODES_MAX)
        return SKY_REDIS_NO_NODE;
    map->nodes[map->nodes_count] = *endpoint;
    return map->nodes_count++;
}

uint32_t sky_redis_map_owner(const struct sky_redis_map *map, uint16_t slot)
{
    uint16_t owner = map->owner[slot % SKY_REDIS_SLOTS];
    return owner ? owner - 1u : SKY_REDIS_NO_NODE;
}

/* A host as a server names it: printable ASCII without spaces, so that it can go to a resolver and into a message. */
static bool take_host(struct sky_span host, const struct sky_redis_endpoint *asked, char out[SKY_REDIS_HOST_SIZE])
{
    if (host.len == 0 || sky_span_equal(host, SKY_SPAN("?"))) { /* "?": the node does not know its own name */
        snprintf(out, SKY_REDIS_HOST_SIZE, "%s", asked->host);
        return true;
    }
    if (host.len >= SKY_REDIS_HOST_SIZE)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] <= ' ' || host.ptr[i] > '~' || host.ptr[i] == '/')
            return false;
        out[i] = (char)host.ptr[i];
    }
    out[host.len] = '\0';
    return true;
}

static bool is_range(const struct sky_redis_reply *range)
{
    return range->kind == SKY_REDIS_ARRAY && range->count >= 3 && range->items[0].kind == SKY_REDIS_INTEGER &&
           range->items[1].kind == SKY_REDIS_INTEGER && range->items[0].integer >= 0 &&
           range->items[0].integer <= range->items[1].integer && range->items[1].integer < SKY_REDIS_SLOTS;
}

/* [host, port, id, ...]; the first node behind a range's two ends is the master. */
static bool take_node(const struct sky_redis_reply *node, const struct sky_redis_endpoint *asked,
                      struct sky_redis_endpoint *endpoint)
{
    if (node->kind != SKY_REDIS_ARRAY || node->count < 2 || node->items[1].kind != SKY_REDIS_INTEGER ||
        node->items[1].integer < 1 || node->items[1].integer > UINT16_MAX)
        return false;
    const struct sky_redis_reply *host = &node->items[0];
    if (host->kind != SKY_REDIS_TEXT && host->kind != SKY_REDIS_NIL)
        return false;
    endpoint->port = (uint16_t)node->items[1].integer;
    return take_host(host->text, asked, endpoint->host);
}

enum sky_status sky_redis_map_load(struct sky_redis_map *map, const struct sky_redis_reply *slots,
                                   const struct sky_redis_endpoint *asked)
{
    uint16_t owner[SKY_REDIS_SLOTS] = {0};
    if (slots->kind != SKY_REDIS_ARRAY)
        return SKY_E_MALFORMED;
    for (uint32_t i = 0; i < slots->count; i++) {
        const struct sky_redis_reply *range = &slots->items[i];
        struct sky_redis_endpoint endpoint = {0};
        if (!is_range(range) || !take_node(&range->items[2], asked, &endpoint))
            return SKY_E_MALFORMED;
        uint32_t node = sky_redis_map_node(map, &endpoint);
        if (node == SKY_REDIS_NO_NODE)
            return SKY_E_LIMIT;
        for (int64_t slot = range->items[0].integer; slot <= range->items[1].integer; slot++)
            owner[slot] = (uint16_t)(node + 1);
    }
    memcpy(map->owner, owner, sizeof owner);
    return SKY_OK;
}

/* The number at the beginning of `text`, which is taken away; -1: none, or above `max`. */
static int64_t take_number(struct sky_span *text, int64_t max)
{
    int64_t number = 0;
    size_t i = 0;
    for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9' && number <= max; i++)
        number = number * 10 + (text->ptr[i] - '0');
    *text = sky_span_from(*text, i);
    return i && number <= max ? number : -1;
}

enum sky_status sky_redis_map_redirect(struct sky_span text, const struct sky_redis_endpoint *asked, uint16_t *slot,
                                       struct sky_redis_endpoint *to)
{
    int64_t number = take_number(&text, SKY_REDIS_SLOTS - 1);
    if (number < 0 || text.len < 2 || text.ptr[0] != ' ')
        return SKY_E_MALFORMED;
    text = sky_span_from(text, 1);
    size_t colon = text.len; /* the last one: an IPv6 address has others */
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return SKY_E_MALFORMED;
    struct sky_span digits = sky_span_from(text, colon);
    int64_t port = take_number(&digits, UINT16_MAX);
    if (port < 1 || digits.len || !take_host(sky_span_of(text.ptr, colon - 1), asked, to->host))
        return SKY_E_MALFORMED;
    *slot = (uint16_t)number;
    to->port = (uint16_t)port;
    return SKY_OK;
}
