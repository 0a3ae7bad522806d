/* Decoded values are Python's urllib.parse.unquote and parse_qs; what is refused is RFC 3986's grammar by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/http/http_request.h"

static void check(const char *target, const char *path, const char *segment)
{
    static struct sky_http_request request;
    assert_int_equal(sky_http_request_parse(&request, sky_span_from_string(target)), SKY_OK);
    assert_true(sky_span_equal(request.path, sky_span_from_string(path)));
    assert_true(sky_span_equal(request.segment, sky_span_from_string(segment)));
}

static void check_refused(const char *target, enum sky_status expected)
{
    static struct sky_http_request request;
    enum sky_status status = sky_http_request_parse(&request, sky_span_from_string(target));
    if (status != expected)
        fail_msg("%s: %s, not %s", target, sky_status_name(status), sky_status_name(expected));
}

static void check_parameter(const char *target, const char *name, const char *value)
{
    static struct sky_http_request request;
    assert_int_equal(sky_http_request_parse(&request, sky_span_from_string(target)), SKY_OK);
    struct sky_span found = sky_http_request_parameter(&request, name);
    if (!value)
        assert_null(found.ptr);
    else
        assert_true(found.ptr && sky_span_equal(found, sky_span_from_string(value)));
}

static void test_paths(void **state)
{
    check("/", "/", "");
    check("/v1/trends", "/v1/trends", "trends");
    check("/v1/trends/", "/v1/trends/", "");
    check("/v1/trends/eclipse?limit=5", "/v1/trends/eclipse", "eclipse");
    check("/v1/trends/%23eclipse", "/v1/trends/#eclipse", "#eclipse");
    check("/v1/trends/%E5%9C%B0%e9%9c%87", "/v1/trends/地震", "地震");
    check("/v1/trends/a+b", "/v1/trends/a+b", "a+b"); /* '+' is a space in queries only */
    check("/v1/trends/and%2For", "/v1/trends/and/or", "and/or");
    check("/../etc", "/../etc", "etc");
}

static void test_queries(void **state)
{
    check_parameter("/?limit=5&language=ja", "limit", "5");
    check_parameter("/?limit=5&language=ja", "language", "ja");
    check_parameter("/?q=good+morning%2B", "q", "good morning+");
    check_parameter("/?q=a=b", "q", "a=b");
    check_parameter("/?q", "q", "");
    check_parameter("/?&&q=1&", "q", "1");
    check_parameter("/?q=1", "limit", NULL);
    check_parameter("/?q=1?2", "q", "1?2");
}

static void test_refused(void **state)
{
    check_refused("", SKY_E_MALFORMED);
    check_refused("*", SKY_E_MALFORMED);
    check_refused("http://other/", SKY_E_MALFORMED);
    check_refused("/%", SKY_E_MALFORMED);
    check_refused("/%4", SKY_E_MALFORMED);
    check_refused("/%4g", SKY_E_MALFORMED);
    check_refused("/a%00b", SKY_E_MALFORMED);
    check_refused("/%ff", SKY_E_UTF8);
    check_refused("/?q=%c3%28", SKY_E_UTF8);
    check_refused("/%ed%a0%80", SKY_E_UTF8); /* a surrogate */
    check_refused("/?a=1&a=2", SKY_E_DUPLICATE);
    check_refused("/?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q", SKY_E_LIMIT);
}

static void test_length(void **state)
{
    static char target[SKY_HTTP_TARGET_BYTES_MAX + 2];
    memset(target, 'a', sizeof target - 1);
    target[0] = '/';
    check_refused(target, SKY_E_LIMIT);
    target[SKY_HTTP_TARGET_BYTES_MAX] = '\0';
    check_refused(target, SKY_OK);
}

static void test_hosts(void **state)
{
    static const struct {
        const char *host, *allowed;
        bool matches;
    } cases[] = {
        {"localhost", "localhost", true},
        {"localhost:8080", "localhost", true},
        {"LocalHost:1", "localhost", true},
        {"[::1]:8080", "[::1]", true},
        {"[::1]", "[::1]", true},
        {"127.0.0.1:80", "127.0.0.1", true},
        {"localhost.evil.example", "localhost", false},
        {"evil.example", "localhost", false},
        {"", "localhost", false},
        {"localhost:8080:9", "localhost", false},
        {"127.0.0.10", "127.0.0.1", false},
        {"evil.example", "*", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (sky_http_host_matches(sky_span_from_string(cases[i].host), cases[i].allowed) != cases[i].matches)
            fail_msg("'%s' against '%s'", cases[i].host, cases[i].allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),  cmocka_unit_test(test_queries), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_length), cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
