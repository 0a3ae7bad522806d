#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/repeats.h"

static struct sky_repeats *repeats_of(int64_t span_ms, uint32_t entries_max, uint64_t hash_key)
{
    struct sky_repeats *repeats;
    struct sky_repeats_options options = {span_ms, entries_max, hash_key};
    assert_int_equal(sky_repeats_new(&options, &repeats), SKY_OK);
    return repeats;
}

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void test_seen_within_the_span(void **state)
{
    struct sky_repeats *repeats = repeats_of(1000, 0, 5);
    assert_false(sky_repeats_seen(repeats, 7, 10000));
    assert_true(sky_repeats_seen(repeats, 7, 10000));
    assert_true(sky_repeats_seen(repeats, 7, 11000));
    assert_false(sky_repeats_seen(repeats, 8, 11000));
    assert_false(sky_repeats_seen(repeats, 7, 11001)); /* the first time counts, not the last */
    assert_int_equal(sky_repeats_count(repeats), 2);
    sky_repeats_free(repeats);
}

/* The model: every event that was new, in a plain list. */
static void test_agrees_with_a_list(void **state)
{
    enum { EVENTS = 4000, SPAN = 500 };
    static struct {
        uint64_t identity;
        int64_t time_ms;
    } list[EVENTS];
    for (uint64_t seed = 0; seed < 6; seed++) {
        uint32_t most = seed % 2 ? 64 : 4096;
        struct sky_repeats *repeats = repeats_of(SPAN, most, seed);
        uint64_t x = seed, count = 0, repeated = 0;
        int64_t now_ms = 0;
        for (int i = 0; i < EVENTS; i++) {
            x = mix(x);
            now_ms += (int64_t)(x % 5);
            uint64_t identity = (x >> 8) % 900 * (seed < 3 ? 1 : UINT64_C(0x100000001));
            bool known = false;
            for (uint64_t back = 1; back <= count && back <= most; back++)
                known =
                    known || (list[count - back].identity == identity && list[count - back].time_ms >= now_ms - SPAN);
            assert_int_equal(sky_repeats_seen(repeats, identity, now_ms), known);
            repeated += known;
            if (!known) {
                list[count].identity = identity;
                list[count++].time_ms = now_ms;
            }
        }
        assert_true(repeated > 100);
        assert_true(sky_repeats_count(repeats) <= most);
        sky_repeats_free(repeats);
    }
}

static void test_grows_to_its_bound(void **state)
{
    struct sky_repeats *repeats = repeats_of(1000, 16384, 1);
    for (uint64_t i = 0; i < 20000; i++)
        assert_false(sky_repeats_seen(repeats, mix(i), 0));
    assert_int_equal(sky_repeats_count(repeats), 16384);
    assert_true(sky_repeats_seen(repeats, mix(20000 - 16384), 0));
    assert_false(sky_repeats_seen(repeats, mix(20000 - 16385), 0));
    sky_repeats_free(repeats);
}

static struct sky_post post_of(enum sky_post_op op, const char *did, const char *rev, const char *rkey)
{
    return (struct sky_post){.op = op,
                             .author_did = sky_span_from_string(did),
                             .rev = sky_span_from_string(rev),
                             .rkey = sky_span_from_string(rkey)};
}

static void test_what_a_post_is_known_by(void **state)
{
    struct sky_post post = post_of(SKY_POST_CREATE, "did:plc:a", "rev1", "key1");
    uint64_t id = sky_repeats_identity(&post, SKY_SPAN("2026-01-01T00:00:00Z"));
    struct sky_post same = post;
    same.seq = 99; /* of another relay */
    same.relay = SKY_SPAN("other.example");
    assert_int_equal(sky_repeats_identity(&same, SKY_SPAN("2026-01-01T00:00:01Z")), id);
    struct sky_post others[] = {
        post_of(SKY_POST_CREATE, "did:plc:b", "rev1", "key1"), post_of(SKY_POST_CREATE, "did:plc:a", "rev2", "key1"),
        post_of(SKY_POST_DELETE, "did:plc:a", "rev1", "key2"), post_of(SKY_POST_CREATE, "did:plc:ar", "ev1", "key1"),
        post_of(SKY_POST_CREATE, "did:plc:a", "rev1k", "ey1"), post_of(SKY_POST_ACCOUNT, "did:plc:a", "", "")};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_not_equal(sky_repeats_identity(&others[i], SKY_SPAN("2026-01-01T00:00:00Z")), id);
}

static void test_account_events_are_told_by_their_time(void **state)
{
    struct sky_post post = {.op = SKY_POST_ACCOUNT, .author_did = SKY_SPAN("did:plc:a"), .status = SKY_SPAN("deleted")};
    uint64_t id = sky_repeats_identity(&post, SKY_SPAN("2026-01-01T00:00:00Z"));
    assert_int_equal(sky_repeats_identity(&post, SKY_SPAN("2026-01-01T00:00:00Z")), id);
    assert_int_not_equal(sky_repeats_identity(&post, SKY_SPAN("2026-01-01T00:00:01Z")), id);
    post.active = true;
    assert_int_not_equal(sky_repeats_identity(&post, SKY_SPAN("2026-01-01T00:00:00Z")), id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seen_within_the_span),
        cmocka_unit_test(test_agrees_with_a_list),
        cmocka_unit_test(test_grows_to_its_bound),
        cmocka_unit_test(test_what_a_post_is_known_by),
        cmocka_unit_test(test_account_events_are_told_by_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
