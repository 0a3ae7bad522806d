#include "io/redis/redis_address.h"

#include <stdio.h>

#include "io/redis/redis.h"

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

/* All of `text`; false: not a number, or above `max`. */
static bool take_number(struct sky_span text, uint32_t max, uint32_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || *number > max)
            return false;
        *number = *number * 10 + (text.ptr[i] - '0');
    }
    return text.len && *number <= max;
}

static enum sky_status take_port(struct sky_span text, uint16_t *port, const char **reason)
{
    uint32_t number;
    if (!take_number(text, UINT16_MAX, &number) || number == 0)
        return fail(reason, SKY_E_MALFORMED, "the port is not a number from 1 to 65535");
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
    if (text.len && memchr(text.ptr, '@', text.len))
        return fail(reason, SKY_E_MALFORMED, "user and password are settings of their own");
    const uint8_t *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    if (slash) {
        struct sky_span database = sky_span_from(text, (size_t)(slash + 1 - text.ptr));
        if (database.len && !take_number(database, UINT16_MAX, &address->database))
            return fail(reason, SKY_E_MALFORMED, "the database is not a number");
        text.len = (size_t)(slash - text.ptr);
    }
    return take_authority(text, &address->endpoint, reason);
}

void sky_redis_endpoint_write(const struct sky_redis_endpoint *endpoint, char *out, size_t size)
{
    if (endpoint->port == 0)
        snprintf(out, size, "unix:%s", endpoint->host);
    else
        snprintf(out, size, strchr(endpoint->host, ':') ? "[%s]:%u" : "%s:%u", endpoint->host, endpoint->port);
}
