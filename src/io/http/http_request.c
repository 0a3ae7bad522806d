#include "io/http/http_request.h"

#include <strings.h>

#include "base/utf8.h"

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* Decode `encoded` behind the request's text (RFC 3986 section 2.1; in a query '+' is a space). */
static enum sky_status decode(struct sky_http_request *request, struct sky_span encoded, bool is_query,
                              struct sky_span *decoded)
{
    char *start = request->text + request->text_len;
    size_t len = 0;
    for (size_t i = 0; i < encoded.len; i++) {
        int byte = encoded.ptr[i];
        if (byte == '%') {
            int high = i + 2 < encoded.len ? hex_digit(encoded.ptr[i + 1]) : -1;
            int low = i + 2 < encoded.len ? hex_digit(encoded.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return SKY_E_MALFORMED;
            byte = high * 16 + low;
            i += 2;
        } else if (byte == '+' && is_query) {
            byte = ' ';
        }
        if (byte == 0)
            return SKY_E_MALFORMED;
        start[len++] = (char)byte;
    }
    request->text_len += len;
    *decoded = sky_span_of(start, len);
    return sky_utf8_is_valid(*decoded) ? SKY_OK : SKY_E_UTF8;
}

/* The part of `span` before the first `separator`, which is taken away with it; all of it when there is none. */
static struct sky_span cut(struct sky_span *span, uint8_t separator)
{
    const uint8_t *at = span->len ? memchr(span->ptr, separator, span->len) : NULL;
    size_t len = at ? (size_t)(at - span->ptr) : span->len;
    struct sky_span part = sky_span_of(span->ptr, len);
    *span = sky_span_from(*span, at ? len + 1 : len);
    return part;
}

static bool is_known(const struct sky_http_request *request, struct sky_span name)
{
    for (uint32_t i = 0; i < request->parameters_count; i++)
        if (sky_span_equal(request->parameters[i].name, name))
            return true;
    return false;
}

static enum sky_status parse_parameter(struct sky_http_request *request, struct sky_span part)
{
    struct sky_http_parameter parameter;
    if (request->parameters_count == SKY_HTTP_PARAMETERS_MAX)
        return SKY_E_LIMIT;
    enum sky_status status = decode(request, cut(&part, '='), true, &parameter.name);
    if (status == SKY_OK)
        status = decode(request, part, true, &parameter.value);
    if (status != SKY_OK)
        return status;
    if (is_known(request, parameter.name))
        return SKY_E_DUPLICATE;
    request->parameters[request->parameters_count++] = parameter;
    return SKY_OK;
}

enum sky_status sky_http_request_parse(struct sky_http_request *request, struct sky_span target)
{
    request->parameters_count = 0;
    request->text_len = 0;
    request->segment = (struct sky_span){0};
    if (target.len > SKY_HTTP_TARGET_BYTES_MAX)
        return SKY_E_LIMIT;
    if (target.len == 0 || target.ptr[0] != '/')
        return SKY_E_MALFORMED;
    struct sky_span query = target;
    struct sky_span path = cut(&query, '?');
    size_t slash = path.len;
    while (slash > 1 && path.ptr[slash - 1] != '/') /* it begins with one */
        slash--;
    struct sky_span folder = {0};
    enum sky_status status = decode(request, sky_span_of(path.ptr, slash), false, &folder);
    if (status == SKY_OK)
        status = decode(request, sky_span_from(path, slash), false, &request->segment);
    request->path = sky_span_of(folder.ptr, folder.len + request->segment.len);
    while (status == SKY_OK && query.len) {
        struct sky_span part = cut(&query, '&');
        status = part.len ? parse_parameter(request, part) : SKY_OK;
    }
    return status;
}

struct sky_span sky_http_request_parameter(const struct sky_http_request *request, const char *name)
{
    for (uint32_t i = 0; i < request->parameters_count; i++)
        if (sky_span_equal(request->parameters[i].name, sky_span_from_string(name)))
            return request->parameters[i].value;
    return (struct sky_span){0};
}

/* `host` without its port: "[::1]:8080" -> "[::1]". */
static struct sky_span without_port(struct sky_span host)
{
    for (size_t i = host.len; i > 0; i--) {
        uint8_t byte = host.ptr[i - 1];
        if (byte == ':')
            return sky_span_of(host.ptr, i - 1);
        if (byte < '0' || byte > '9')
            break;
    }
    return host;
}

bool sky_http_host_matches(struct sky_span host, const char *allowed)
{
    if (strcmp(allowed, "*") == 0)
        return true;
    struct sky_span name = without_port(host);
    return name.len == strlen(allowed) && strncasecmp((const char *)name.ptr, allowed, name.len) == 0;
}
