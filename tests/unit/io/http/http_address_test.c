/* Expected: by the addresses' own arithmetic; the use of X-Forwarded-For is http_address.h's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "io/http/http_address.h"

static struct sky_http_address address(const char *text)
{
    struct sky_http_address result;
    if (sky_http_address_parse(sky_span_from_string(text), &result) != SKY_OK)
        fail_msg("refused: %s", text);
    return result;
}

static bool same(struct sky_http_address a, struct sky_http_address b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void test_addresses(void **state)
{
    static const uint8_t ipv4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    assert_memory_equal(address("192.0.2.1").bytes, ipv4, 16);
    assert_true(same(address("192.0.2.1:65535"), address("::ffff:192.0.2.1")));
    assert_true(same(address("[2001:db8::1]:80"), address("2001:db8:0:0::1")));
    assert_true(same(address("[::1]"), address("::1")));
    static const char *const bad[] = {"",     "unknown",      "_hidden",          "1.2.3",     "1.2.3.4.5",
                                      "[::1", "[::1]x",       "1.2.3.4:",         "1.2.3.4:x", "1.2.3.4:123456",
                                      "::1:", "fe80::1%eth0", "1.2.3.4, 5.6.7.8", ":80"};
    struct sky_http_address result;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (sky_http_address_parse(sky_span_from_string(bad[i]), &result) == SKY_OK)
            fail_msg("taken: %s", bad[i]);
}

static void test_sockets(void **state)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    inet_pton(AF_INET, "192.0.2.1", &ipv4.sin_addr);
    inet_pton(AF_INET6, "2001:db8::7", &ipv6.sin6_addr);
    assert_true(same(sky_http_address_of((struct sockaddr *)&ipv4), address("192.0.2.1")));
    assert_true(same(sky_http_address_of((struct sockaddr *)&ipv6), address("2001:db8::7")));
    assert_true(same(sky_http_address_of(NULL), address("::")));
}

static bool has(const char *network, const char *text)
{
    struct sky_http_network parsed;
    struct sky_http_address of = address(text);
    if (sky_http_network_parse(sky_span_from_string(network), &parsed) != SKY_OK)
        fail_msg("refused: %s", network);
    return sky_http_network_has(&parsed, &of);
}

static void test_networks(void **state)
{
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("192.0.2.128/25", "192.0.2.129"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("192.0.2.1", "192.0.2.1"));
    assert_false(has("192.0.2.1", "192.0.2.2"));
    assert_true(has("0.0.0.0/0", "1.2.3.4"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("::/0", "1.2.3.4")); /* as ::ffff:1.2.3.4 */
    static const char *const bad[] = {"",           "10.0.0.0/",   "10.0.0.0/33", "::/129",
                                      "10.0.0.0/x", "example.org", "/8",          "10.0.0.0/99999999999"};
    struct sky_http_network network;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (sky_http_network_parse(sky_span_from_string(bad[i]), &network) == SKY_OK)
            fail_msg("taken: %s", bad[i]);
}

static void test_forwarded(void **state)
{
    static const struct {
        const char *peer, *forwarded, *client;
    } cases[] = {
        {"203.0.113.9", "1.1.1.1", "203.0.113.9"},             /* no proxy of ours: anyone can write that */
        {"10.0.0.1", "", "10.0.0.1"},                          /* nothing is said */
        {"10.0.0.1", "1.1.1.1", "1.1.1.1"},                    /* one proxy */
        {"10.0.0.1", "9.9.9.9, 1.1.1.1", "1.1.1.1"},           /* the client wrote the first itself */
        {"10.0.0.1", "9.9.9.9,1.1.1.1 , 10.7.7.7", "1.1.1.1"}, /* two proxies */
        {"10.0.0.1", "1.1.1.1, rubbish", "10.0.0.1"},          /* who wrote that? */
        {"10.0.0.1", "1.1.1.1, rubbish, 10.7.7.7", "10.7.7.7"},
        {"10.0.0.1", "[2001:db8::1]:99", "2001:db8::1"},
        {"10.0.0.1", ",,", "10.0.0.1"},
        {"10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"}, /* proxies all the way */
    };
    struct sky_http_network network;
    assert_int_equal(sky_http_network_parse(SKY_SPAN("10.0.0.0/8"), &network), SKY_OK);
    const struct sky_http_proxies proxies = {&network, 1}, none = {NULL, 0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sky_http_address peer = address(cases[i].peer);
        struct sky_span forwarded = sky_span_from_string(cases[i].forwarded);
        assert_true(same(sky_http_client_address(&proxies, &peer, forwarded), address(cases[i].client)));
        assert_true(same(sky_http_client_address(&none, &peer, forwarded), peer));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses), cmocka_unit_test(test_sockets),
                                       cmocka_unit_test(test_networks), cmocka_unit_test(test_forwarded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
