#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/net/resolve.h"
#include "io/net/url.h"

struct parsed {
    const char *text;
    bool secure;
    const char *host;
    uint16_t port;
    const char *path;
};

static void test_parts(void **state)
{
    static const struct parsed cases[] = {
        {"wss://bsky.network", true, "bsky.network", 443, "/"},
        {"ws://127.0.0.1:2470/xrpc/x?cursor=1", false, "127.0.0.1", 2470, "/xrpc/x?cursor=1"},
        {"WSS://Bsky.Network:8443?a=b", true, "bsky.network", 8443, "/?a=b"},
        {"https://[2001:db8::1]:99/p#fragment", true, "2001:db8::1", 99, "/p"},
        {"ws://[::1]", false, "::1", 80, "/"},
    };
    struct sky_url url;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(sky_url_parse(cases[i].text, &url), SKY_OK);
        assert_int_equal(url.secure, cases[i].secure);
        assert_string_equal(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_string_equal(url.path, cases[i].path);
    }
}

static void test_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "bsky.network",
        "ftp://a",
        "wss:/a",
        "wss://",
        "wss:///x",
        "wss://a:",
        "wss://a:0",
        "wss://a:65536",
        "wss://a:1x",
        "wss://u@a",
        "wss://u:p@a/",
        "wss://a b",
        "wss://[::1",
        "wss://[::1]x",
        "wss://a/\x1b",
        "wss://a/\r\nX: y",
        "wss://a/\xc3\xa4",
        "wss://a\xc3\xa4",
        "wss://[a]g",
        "wss://token@a/",
        "wss://user:token@a/",
    };
    struct sky_url url;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (sky_url_parse(wrong[i], &url) == SKY_OK || url.host[0])
            fail_msg("'%s' was taken", wrong[i]);
    char text[SKY_URL_PATH_SIZE + 100] = "wss://a/";
    memset(text + 8, 'x', SKY_URL_PATH_SIZE);
    assert_int_equal(sky_url_parse(text, &url), SKY_E_LIMIT);
}

static void expect_resolved(const char *base, const char *location, const char *expected)
{
    struct sky_url from, to;
    char text[SKY_URL_TEXT_SIZE];
    assert_int_equal(sky_url_parse(base, &from), SKY_OK);
    assert_int_equal(sky_url_resolve(&from, location, &to), SKY_OK);
    sky_url_write(&to, text);
    assert_string_equal(text, expected);
}

static void test_redirects(void **state)
{
    expect_resolved("wss://a.example:444/x?y", "/z", "wss://a.example:444/z");
    expect_resolved("wss://a.example/x", "//b.example/z", "wss://b.example/z");
    expect_resolved("wss://a.example/x", "https://b.example:444/z?q", "wss://b.example:444/z?q");
    expect_resolved("ws://[::1]:8/x", "/", "ws://[::1]:8/");
    struct sky_url from, to;
    assert_int_equal(sky_url_parse("wss://a.example/", &from), SKY_OK);
    assert_int_equal(sky_url_resolve(&from, "elsewhere", &to), SKY_E_MALFORMED);
}

/* From IANA's IPv4 and IPv6 special-purpose address registries: "Globally Reachable" or not. */
static void test_private_addresses(void **state)
{
    static const char *const private[] = {
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:0a00:0001::1",
        "not an address",
        "",
    };
    static const char *const public[] = {
        "1.1.1.1",    "100.63.255.255",  "100.128.0.0",     "172.15.255.255", "172.32.0.0",       "192.167.255.255",
        "198.20.0.0", "223.255.255.255", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2a00:1450::1",
    };
    for (size_t i = 0; i < sizeof private / sizeof private[0]; i++)
        if (!sky_address_is_private(private[i]))
            fail_msg("%s counts as public", private[i]);
    for (size_t i = 0; i < sizeof public / sizeof public[0]; i++)
        if (sky_address_is_private(public[i]))
            fail_msg("%s counts as private", public[i]);
}

static void test_loopback(void **state)
{
    static const char *const yes[] = {"ws://localhost", "ws://127.0.0.1", "ws://127.9.9.9:1", "ws://[::1]"};
    static const char *const no[] = {"ws://localhost.example", "ws://128.0.0.1", "ws://[::2]", "ws://127.0.0.1.nip.io"};
    struct sky_url url;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_int_equal(sky_url_parse(yes[i], &url), SKY_OK);
        assert_true(sky_url_is_loopback(&url));
        assert_int_equal(sky_url_parse(no[i], &url), SKY_OK);
        assert_false(sky_url_is_loopback(&url));
    }
}

static void test_names(void **state)
{
    struct sky_resolve *request;
    const char *reason = NULL;
    assert_int_equal(sky_resolve_start("127.0.0.1", &request), SKY_OK);
    assert_int_equal(sky_resolve_wait(request, 10000, &reason), SKY_OK);
    assert_string_equal(sky_resolve_address(request, 0), "127.0.0.1");
    assert_null(sky_resolve_address(request, 1));
    sky_resolve_release(request);
    for (int i = 0; i < 8; i++) { /* given up at once: the thread cleans up after itself */
        assert_int_equal(sky_resolve_start("name.invalid", &request), SKY_OK);
        sky_resolve_release(request);
    }
}

/* No more than the scheme, the host and its port of what may be a secret. */
static void test_show(void **state)
{
    static const char *const cases[][2] = {
        {"https://hooks.example.org/T0/sesame", "https://hooks.example.org/(hidden)"},
        {"https://hooks.example.org:8443?key=sesame", "https://hooks.example.org:8443/(hidden)"},
        {"http://me:sesame@[::1]:9093", "http://[::1]:9093/(hidden)"},
        {"http://a@b:sesame@host/", "http://host/(hidden)"},
        {"http://127.0.0.1:9093", "http://127.0.0.1:9093"},
        {"http://127.0.0.1:9093/", "http://127.0.0.1:9093"},
        {"sesame", "(hidden)"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char shown[SKY_URL_SHOWN_SIZE];
        sky_url_show(cases[i][0], shown);
        assert_string_equal(shown, cases[i][1]);
    }
}

static void test_smtp(void **state)
{
    struct sky_url url;
    (void)state;
    assert_int_equal(sky_url_parse_smtp("smtp://mail.example.org:587", &url), SKY_OK);
    assert_false(url.secure);
    assert_string_equal(url.host, "mail.example.org");
    assert_int_equal(sky_url_parse_smtp("SMTPS://[::1]:465", &url), SKY_OK);
    assert_true(url.secure && sky_url_is_loopback(&url));
    assert_int_equal(sky_url_parse_smtp("http://mail.example.org", &url), SKY_E_MALFORMED);
    assert_int_equal(sky_url_parse_smtp("smtp://mail.example.org/box", &url), SKY_E_MALFORMED);
    assert_int_equal(sky_url_parse_smtp("smtp://me:sesame@mail.example.org", &url), SKY_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),    cmocka_unit_test(test_show),      cmocka_unit_test(test_smtp),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_redirects), cmocka_unit_test(test_private_addresses),
        cmocka_unit_test(test_loopback), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
