/* Expected: appendix A of the cluster specification (CRC16 of "123456789"), the examples of its section on hash tags,
 * and the documentation of CLUSTER KEYSLOT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "io/redis/redis_map.h"

static uint16_t slot(const char *key)
{
    return sky_redis_slot(sky_span_from_string(key));
}

static void test_slots(void **state)
{
    assert_int_equal(slot("123456789"), 0x31c3); /* below 16384, so the slot is the whole sum */
    assert_int_equal(slot("somekey"), 11058);
    assert_int_equal(slot("foo{hash_tag}"), 2515);
    assert_int_equal(slot("bar{hash_tag}"), 2515);
    assert_int_equal(slot(""), 0);
}

static void test_hash_tags(void **state)
{
    assert_int_equal(slot("{user1000}.following"), slot("user1000"));
    assert_int_equal(slot("{user1000}.followers"), slot("user1000"));
    assert_int_equal(slot("foo{{bar}}zap"), slot("{bar"));
    assert_int_equal(slot("foo{bar}{zap}"), slot("bar"));
    assert_int_not_equal(slot("foo{}{bar}"), slot("bar")); /* all of it is hashed */
    assert_int_not_equal(slot("foo{}{bar}"), slot(""));
    assert_int_not_equal(slot("foo{bar"), slot("bar"));
    assert_int_equal(slot("{"), sky_redis_slot(SKY_SPAN("{")));
}

/* [first, last, [host, port]] */
struct range {
    struct sky_redis_reply node[2], parts[3];
};

static struct sky_redis_reply integer(int64_t value)
{
    return (struct sky_redis_reply){.kind = SKY_REDIS_INTEGER, .integer = value};
}

static struct sky_redis_reply array(const struct sky_redis_reply *items, uint32_t count)
{
    return (struct sky_redis_reply){.kind = SKY_REDIS_ARRAY, .items = items, .count = count};
}

static struct sky_redis_reply make_range(struct range *range, int64_t first, int64_t last, const char *host,
                                         int64_t port)
{
    range->node[0] = (struct sky_redis_reply){.kind = SKY_REDIS_TEXT, .text = sky_span_from_string(host)};
    range->node[1] = integer(port);
    range->parts[0] = integer(first);
    range->parts[1] = integer(last);
    range->parts[2] = array(range->node, 2);
    return array(range->parts, 3);
}

static const struct sky_redis_endpoint asked = {"10.0.0.9", 7000};

static void test_table(void **state)
{
    static struct sky_redis_map map;
    struct range made[3];
    struct sky_redis_reply ranges[3] = {make_range(&made[0], 0, 5460, "10.0.0.1", 7001),
                                        make_range(&made[1], 5461, 10922, "", 7002),
                                        make_range(&made[2], 12000, 16383, "10.0.0.1", 7001)};
    struct sky_redis_reply table = array(ranges, 3);
    sky_redis_map_clear(&map);
    assert_int_equal(sky_redis_map_load(&map, &table, &asked), SKY_OK);
    assert_int_equal(map.nodes_count, 2);
    assert_string_equal(map.nodes[0].host, "10.0.0.1");
    assert_string_equal(map.nodes[1].host, "10.0.0.9"); /* who answered */
    assert_int_equal(map.nodes[1].port, 7002);
    assert_int_equal(sky_redis_map_owner(&map, 0), 0);
    assert_int_equal(sky_redis_map_owner(&map, 5460), 0);
    assert_int_equal(sky_redis_map_owner(&map, 5461), 1);
    assert_int_equal(sky_redis_map_owner(&map, 10922), 1);
    assert_int_equal(sky_redis_map_owner(&map, 11000), SKY_REDIS_NO_NODE);
    assert_int_equal(sky_redis_map_owner(&map, 16383), 0);
}

static void test_bad_tables(void **state)
{
    static const struct {
        int64_t first, last, port;
        const char *host;
    } bad[] = {{5, 4, 7001, "a"},     {-1, 4, 7001, "a"}, {0, 16384, 7001, "a"},
               {0, 1, 0, "a"},        {0, 1, 65536, "a"}, {0, 1, 7001, "a b"},
               {0, 1, 7001, "a\x1b"}, {0, 1, 7001, "/x"}, {INT64_MIN, INT64_MAX, 7001, "a"}};
    static struct sky_redis_map map;
    struct range made;
    struct sky_redis_reply good = make_range(&made, 0, 16383, "a", 7001), table = array(&good, 1);
    sky_redis_map_clear(&map);
    assert_int_equal(sky_redis_map_load(&map, &table, &asked), SKY_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sky_redis_reply range = make_range(&made, bad[i].first, bad[i].last, bad[i].host, bad[i].port);
        table = array(&range, 1);
        assert_int_equal(sky_redis_map_load(&map, &table, &asked), SKY_E_MALFORMED);
        assert_int_equal(sky_redis_map_owner(&map, 16383), 0); /* what was known stays */
    }
    struct sky_redis_reply text = {.kind = SKY_REDIS_TEXT};
    assert_int_equal(sky_redis_map_load(&map, &text, &asked), SKY_E_MALFORMED);
}

static void test_too_many_nodes(void **state)
{
    static struct sky_redis_map map;
    static struct range made[SKY_REDIS_NODES_MAX + 1];
    static struct sky_redis_reply ranges[SKY_REDIS_NODES_MAX + 1];
    for (int i = 0; i <= SKY_REDIS_NODES_MAX; i++)
        ranges[i] = make_range(&made[i], i, i, "10.0.0.1", 7000 + i);
    struct sky_redis_reply table = array(ranges, SKY_REDIS_NODES_MAX);
    sky_redis_map_clear(&map);
    assert_int_equal(sky_redis_map_load(&map, &table, &asked), SKY_OK);
    sky_redis_map_clear(&map);
    table.count++;
    assert_int_equal(sky_redis_map_load(&map, &table, &asked), SKY_E_LIMIT);
}

static void expect_redirect(const char *text, int wanted_slot, const char *host, int port)
{
    struct sky_redis_endpoint to = {0};
    uint16_t got = 0;
    assert_int_equal(sky_redis_map_redirect(sky_span_from_string(text), &asked, &got, &to), SKY_OK);
    assert_int_equal(got, wanted_slot);
    assert_string_equal(to.host, host);
    assert_int_equal(to.port, port);
}

static void test_redirects(void **state)
{
    expect_redirect("3999 127.0.0.1:6381", 3999, "127.0.0.1", 6381); /* the specification's example */
    expect_redirect("0 :7002", 0, "10.0.0.9", 7002);
    expect_redirect("16383 ::1:7002", 16383, "::1", 7002);
    static const char *const bad[] = {"",          "3999",
                                      "3999 ",     "16384 a:1",
                                      "x a:1",     "1 a",
                                      "1 a:",      "1 a:0",
                                      "1 a:65536", "1 a:99999999999999999999",
                                      "1 a b:1",   "99999999999999999999 a:1",
                                      "1 a:6x",    "1  a:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sky_redis_endpoint to = {0};
        uint16_t got;
        assert_int_equal(sky_redis_map_redirect(sky_span_from_string(bad[i]), &asked, &got, &to), SKY_E_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),      cmocka_unit_test(test_hash_tags),      cmocka_unit_test(test_table),
        cmocka_unit_test(test_bad_tables), cmocka_unit_test(test_too_many_nodes), cmocka_unit_test(test_redirects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
