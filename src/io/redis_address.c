#include "io/redis_address.h"

#include <stdio.h>

#include "io/redis.h"

static bool take_prefix(struct sky_span *text, const char *prefix)
{
    struct sky_span wanted = sky_span_from_string(prefix);
    if (!sky_span_starts_with(*text, wanted))
        return false;
    *text = sky_span_from(*text, wanted.len);
    return true;
}

static enum sky_status fail(const char **reason, enum sky_status status, const char *why)
{
    *reason = why;
    return status;
}

static enum sky_status copy_host(struct sky_span host, struct sky_redis_endpoint *endpoint, const char **reason)
{
    if (host.len == 0)
        return fail(reason, SKY_E_MALFORMED, "there is no host");
    if (host.len >= sizeof endpoint->host)
        return fail(reason, SKY_E_LIMIT, "the host or path is too long");
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] <= ' ' || host.ptr[i] > '~')
            return fail(reason, SKY_E_MALFORMED, "there is a byte in it that no host has");
    memcpy(endpoint->host, host.ptr, host.len);
    endpoint->host[host.len] = '\0';
    return SKY_OK;
}

static enum sky_status take_port(struct sky_span text, uint16_t *port, const char **reason)
{
    uint32_t number = 0;
    for (size_t i = 0; i < text.len && number <= UINT16_MAX; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return fail(reason, SKY_E_MALFORMED, "the port is not a number");
        number = number * 10 + (text.ptr[i] - '0');
    }
    if (number < 1 || number > UINT16_MAX)
        return fail(reason, SKY_E_MALFORMED, "the port is not from 1 to 65535");
    *port = (uint16_t)number;
    return SKY_OK;
}

/* host, host:port, [v6], [v6]:port. */
static enum sky_status take_authority(struct sky_span text, struct sky_redis_endpoint *endpoint, const char **reason)
{
    size_t end = 0; /* of the host */
    bool bracketed = text.len && text.ptr[0] == '[';
    while (end < text.len && text.ptr[end] != (bracketed ? ']' : ':'))
        end++;
    if (bracketed && end == text.len)
        return fail(reason, SKY_E_MALFORMED, "the ] of an IPv6 address is missing");
    struct sky_span host = bracketed ? sky_span_of(text.ptr + 1, end - 1) : sky_span_of(text.ptr, end);
    struct sky_span rest = sky_span_from(text, bracketed ? end + 1 : end);
    if (!bracketed && rest.len > 1 && memchr(rest.ptr + 1, ':', rest.len - 1))
        return fail(reason, SKY_E_MALFORMED, "an IPv6 address is written in brackets: [::1]:6379");
    enum sky_status status = copy_host(host, endpoint, reason);
    if (status != SKY_OK || rest.len == 0)
        return status;
    if (rest.ptr[0] != ':')
        return fail(reason, SKY_E_MALFORMED, "there is something between the host and the port");
    return take_port(sky_span_from(rest, 1), &endpoint->port, reason);
}

enum sky_status sky_redis_address_parse(struct sky_span text, struct sky_redis_address *address, const char **reason)
{
    *address = (struct sky_redis_address){.endpoint.port = SKY_REDIS_PORT};
    if (take_prefix(&text, "unix:")) {
        address->endpoint.port = 0;
        take_prefix(&text, "//");
        if (text.len == 0 || text.ptr[0] != '/')
            return fail(reason, SKY_E_MALFORMED, "the path of a Unix socket begins with /");
        return copy_host(text, &address->endpoint, reason);
    }
    address->secure = take_prefix(&text, "rediss://");
    if (!address->secure)
        take_prefix(&text, "redis://");
    if (text.len && text.ptr[text.len - 1] == '/')
        text.len--;
    if (text.len && memchr(text.ptr, '@', text.len))
        return fail(reason, SKY_E_MALFORMED, "user and password are settings of their own");
    if (text.len && memchr(text.ptr, '/', text.len))
        return fail(reason, SKY_E_MALFORMED, "a database is a setting of its own");
    return take_authority(text, &address->endpoint, reason);
}

void sky_redis_endpoint_write(const struct sky_redis_endpoint *endpoint, char *out, size_t size)
{
    if (endpoint->port == 0)
        snprintf(out, size, "unix:%s", endpoint->host);
    else
        snprintf(out, size, strchr(endpoint->host, ':') ? "[%s]:%u" : "%s:%u", endpoint->host, endpoint->port);
}
