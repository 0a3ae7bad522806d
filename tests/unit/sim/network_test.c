/* Frames against the strict decoder of the event layer, which knows nothing of how they were made: every CID right,
 * every record of its lexicon; shares and sizes against those of the real network. */
#include "sim/network.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "event/decoder.h"
#include "sim/population.h"
#include "wire/car.h"
#include "wire/cid.h"

#define FRAMES 30000

static struct sky_network *new_network(uint64_t seed)
{
    struct sky_world_options options;
    struct sky_network *network;
    sky_world_options_default(&options);
    options.rate = 0.05;
    options.seed = seed;
    assert_int_equal(sky_network_new(&options, &network), SKY_OK);
    return network;
}

static struct sky_network_item next(struct sky_network *network)
{
    struct sky_network_item item;
    assert_int_equal(sky_network_next(network, &item), SKY_OK);
    return item;
}

static uint64_t hash_frames(uint64_t seed, uint32_t frames)
{
    struct sky_network *network = new_network(seed);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < frames; i++)
        hash = sky_hash_id_in(next(network).frame, hash);
    sky_network_free(network);
    return hash;
}

/* As in world_test.c: frozen with SKY_WORLD_VERSION. */
static void gives_the_frames_of_its_version(void **state)
{
    assert_true(hash_frames(1, 5000) == UINT64_C(0x90f2469a7c05774a));
    assert_true(hash_frames(1, 5000) != hash_frames(2, 5000));
}

/* Of 1,000 frames of the real network. */
static void has_the_mixture_and_sizes_of_the_network(void **state)
{
    static const double shares[SKY_NETWORK_KIND_COUNT] = {
        [SKY_NETWORK_POST] = 0.12,     [SKY_NETWORK_LIKE] = 0.54,      [SKY_NETWORK_FOLLOW] = 0.14,
        [SKY_NETWORK_REPOST] = 0.12,   [SKY_NETWORK_DELETE] = 0.06,    [SKY_NETWORK_PROFILE] = 0.006,
        [SKY_NETWORK_ACCOUNT] = 0.007, [SKY_NETWORK_IDENTITY] = 0.007,
    };
    struct sky_network *network = new_network(3);
    uint32_t counts[SKY_NETWORK_KIND_COUNT] = {0};
    double bytes = 0;
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct sky_network_item item = next(network);
        assert_int_equal(item.seq, i + 1);
        assert_int_equal(item.post != NULL, item.kind == SKY_NETWORK_POST);
        counts[item.kind]++;
        bytes += (double)item.frame.len;
        if (item.kind != SKY_NETWORK_IDENTITY && item.kind != SKY_NETWORK_ACCOUNT)
            assert_in_range(item.frame.len, 700, 16 * 1024);
    }
    assert_true(fabs(bytes / FRAMES - 5400) < 200);
    for (int kind = 0; kind < SKY_NETWORK_KIND_COUNT; kind++)
        assert_true(fabs(counts[kind] - shares[kind] * FRAMES) < 6 * sqrt(shares[kind] * FRAMES));
    sky_network_free(network);
}

/* Every block of the CAR has the CID it stands under, and the last one is the commit. */
static uint32_t check_blocks(const struct sky_event *event)
{
    struct sky_car_reader reader;
    struct sky_car_block block = {0};
    uint32_t blocks = 0;
    assert_int_equal(sky_car_open(&reader, event->blocks), SKY_OK);
    while (sky_car_next(&reader, &block) == SKY_OK) {
        assert_true(sky_cid_matches(block.cid, block.data));
        blocks++;
    }
    assert_int_equal(reader.error.status, SKY_OK);
    assert_true(sky_span_equal(block.cid, reader.root));
    return blocks;
}

static void check_post(const struct sky_post *sent, const struct sky_post *got)
{
    assert_int_equal(got->op, SKY_POST_CREATE);
    assert_true(sky_span_equal(sent->uri, got->uri));
    assert_true(sky_span_equal(sent->text, got->text));
    assert_true(sky_span_equal(sent->reply_to, got->reply_to));
    assert_int_equal(sent->created_at_ms, got->created_at_ms);
    assert_int_equal(sent->observed_at_ms, got->observed_at_ms);
    assert_int_equal(sent->hashtags_count, got->hashtags_count);
    for (uint32_t i = 0; i < sent->hashtags_count; i++)
        assert_true(sky_span_equal(sent->hashtags[i], got->hashtags[i]));
}

static void is_read_by_the_strict_decoder(void **state)
{
    const struct sky_decoder_options options = {.scope = SKY_DECODE_ALL_RECORDS};
    struct sky_decoder *decoder;
    struct sky_decoded decoded;
    struct sky_network *network = new_network(4);
    uint32_t blocks = 0, commits = 0;
    assert_int_equal(sky_decoder_new(&options, &decoder), SKY_OK);
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct sky_network_item item = next(network);
        assert_int_equal(sky_decoder_frame(decoder, item.frame, SKY_RECEIPT_NONE, &decoded), SKY_OK);
        assert_int_equal(decoded.drops_count, 0);
        assert_int_equal(decoded.event->seq, item.seq);
        assert_true(decoded.observed_at_ms == item.time_ms);
        if (item.post) {
            assert_int_equal(decoded.posts_count, 1);
            check_post(item.post, &decoded.posts[0]);
        }
        if (decoded.event->kind == SKY_EVENT_COMMIT) {
            blocks += check_blocks(decoded.event);
            commits++;
        }
    }
    assert_true(blocks > 9 * commits && blocks < 11 * commits);
    sky_decoder_free(decoder);
    sky_network_free(network);
}

/* The TID of atproto.com/specs/tid for 2024-01-01T00:00:00Z, clock id 0: 1704067200000000 us in base32-sortable. */
static void writes_tids(void **state)
{
    char tid[SKY_POPULATION_TID_LEN];
    sky_population_tid(INT64_C(1704067200000000), 0, tid);
    assert_memory_equal(tid, "3khuwc44c2222", SKY_POPULATION_TID_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_frames_of_its_version),
        cmocka_unit_test(has_the_mixture_and_sizes_of_the_network),
        cmocka_unit_test(is_read_by_the_strict_decoder),
        cmocka_unit_test(writes_tids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
