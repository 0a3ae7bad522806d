#include "io/http/http_gate.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "io/host/clock.h"
#include "io/http/http_limit.h"
#include "io/http/http_origin.h"

#define FORWARDED_SIZE 1024

enum sky_status sky_http_access_check(const struct sky_http_access *access, char message[SKY_HTTP_ERROR_SIZE])
{
    struct sky_http_network network;
    for (size_t i = 0; i < access->trusted_proxies_count; i++)
        if (sky_http_network_parse(sky_span_from_string(access->trusted_proxies[i]), &network) != SKY_OK) {
            snprintf(message, SKY_HTTP_ERROR_SIZE, "'%.80s' is not an address or a network such as 10.0.0.0/8",
                     access->trusted_proxies[i]);
            return SKY_E_CONFIG;
        }
    for (size_t i = 0; i < access->cors_origins_count; i++)
        if (sky_http_origin_check(access->cors_origins[i]) != SKY_OK) {
            snprintf(message, SKY_HTTP_ERROR_SIZE, "'%.80s' is not an origin such as https://example.org, nor *",
                     access->cors_origins[i]);
            return SKY_E_CONFIG;
        }
    return SKY_OK;
}

enum sky_status sky_http_gate_open(struct sky_http_gate *gate, const struct sky_http_access *access)
{
    uint64_t key;
    *gate = (struct sky_http_gate){.proxies_count = access->trusted_proxies_count};
    gate->proxies = calloc(access->trusted_proxies_count + 1, sizeof *gate->proxies);
    if (!gate->proxies)
        return SKY_E_MEMORY;
    for (size_t i = 0; i < access->trusted_proxies_count; i++) {
        enum sky_status status =
            sky_http_network_parse(sky_span_from_string(access->trusted_proxies[i]), &gate->proxies[i]);
        if (status != SKY_OK)
            return status; /* sky_http_access_check has seen them */
    }
    arc4random_buf(&key, sizeof key);
    const struct sky_http_proxies proxies = {gate->proxies, gate->proxies_count};
    if (sky_http_connections_new(access->connections_per_address, &proxies, &gate->connections) != SKY_OK)
        return SKY_E_MEMORY;
    return access->requests_per_minute ? sky_http_limit_new(access->requests_per_minute, key, &gate->limit) : SKY_OK;
}

void sky_http_gate_close(struct sky_http_gate *gate)
{
    sky_http_connections_free(gate->connections);
    sky_http_limit_free(gate->limit);
    free(gate->proxies);
    *gate = (struct sky_http_gate){0};
}

/* All values of X-Forwarded-For; of a longer list the end, which is what counts. */
struct forwarded {
    char text[FORWARDED_SIZE];
    size_t len;
};

static enum MHD_Result take_forwarded(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct forwarded *list = context;
    if (strcasecmp(name, "X-Forwarded-For") != 0 || !value)
        return MHD_YES;
    size_t len = strlen(value);
    if (len > FORWARDED_SIZE / 2) {
        value += len - FORWARDED_SIZE / 2;
        len = FORWARDED_SIZE / 2;
    }
    if (list->len + len + 1 > FORWARDED_SIZE) {
        size_t drop = list->len + len + 1 - FORWARDED_SIZE;
        memmove(list->text, list->text + drop, list->len - drop);
        list->len -= drop;
    }
    list->text[list->len++] = ',';
    memcpy(list->text + list->len, value, len);
    list->len += len;
    return MHD_YES;
}

bool sky_http_gate_admits(struct sky_http_gate *gate, struct MHD_Connection *connection, unsigned *retry_after_s)
{
    if (!gate->limit)
        return true;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sky_http_address peer = sky_http_address_of(info ? info->client_addr : NULL), client = peer;
    const struct sky_http_proxies proxies = {gate->proxies, gate->proxies_count};
    if (proxies.count) {
        struct forwarded list = {.len = 0};
        MHD_get_connection_values(connection, MHD_HEADER_KIND, take_forwarded, &list);
        client = sky_http_client_address(&proxies, &peer, sky_span_of(list.text, list.len));
    }
    return sky_http_limit_take(gate->limit, &client, sky_clock_monotonic_ms(), retry_after_s);
}
