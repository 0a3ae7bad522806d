#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/decoder.h"
#include "unit/event/frames.h"

#define POST    "app.bsky.feed.post"
#define LIKE    "app.bsky.feed.like"
#define TIME    "2026-07-04T14:38:08.000Z"
#define TIME_MS INT64_C(1783175888000)

static struct sky_decoder *decoder;
static struct sky_decoded decoded;
static struct sky_buffer frame;
static struct sky_buffer record;

static void renew(enum sky_decoder_scope scope)
{
    struct sky_decoder_options options = {.scope = scope, .relay = SKY_SPAN("relay.example")};
    sky_decoder_free(decoder);
    assert_int_equal(sky_decoder_new(&options, &decoder), SKY_OK);
}

static enum sky_status decode_ops(int64_t seq, const struct test_op *ops, size_t count)
{
    frame.len = 0;
    put_commit(&frame, seq, TIME, ops, count);
    return sky_decoder_frame(decoder, sky_buffer_span(&frame), SKY_RECEIPT_NONE, &decoded);
}

static uint64_t drops(enum sky_drop reason)
{
    return sky_decoder_stats(decoder)->drops[reason];
}

static void test_a_post_with_all_its_marks(void **state)
{
    (void)state;
    renew(SKY_DECODE_POSTS);
    record.len = 0;
    put_text_record(&record, POST, "hello");
    struct test_op op = {"create", POST "/3k", sky_buffer_span(&record), FLAW_NONE};
    assert_int_equal(decode_ops(7, &op, 1), SKY_OK);
    assert_int_equal(decoded.posts_count, 1);
    const struct sky_post *post = decoded.posts;
    assert_int_equal(post->op, SKY_POST_CREATE);
    assert_true(sky_span_equal(post->uri, SKY_SPAN("at://" TEST_DID "/" POST "/3k")));
    assert_true(sky_span_equal(post->rkey, SKY_SPAN("3k")));
    assert_true(sky_span_equal(post->author_did, SKY_SPAN(TEST_DID)));
    assert_true(sky_span_equal(post->rev, SKY_SPAN(TEST_REV)));
    assert_true(sky_span_equal(post->relay, SKY_SPAN("relay.example")));
    assert_true(sky_span_equal(post->text, SKY_SPAN("hello")));
    assert_int_equal(post->cid.len, SKY_CID_TEXT_LEN);
    assert_int_equal(post->seq, 7);
    assert_int_equal(post->observed_at_ms, TIME_MS);
    assert_int_equal(post->event_time_ms, TIME_MS);
    assert_int_equal(post->created_at_ms, TIME_MS + 999);
    assert_int_equal(sky_decoder_stats(decoder)->last_seq, 7);
}

/* Each op that is bad is dropped for its own reason; the good ones around it stay. */
static void test_rejection_is_by_record(void **state)
{
    (void)state;
    struct sky_buffer bad_utf8 = {0}, other_type = {0}, no_text = {0}, with_float = {0}, large = {0};
    renew(SKY_DECODE_POSTS);
    record.len = 0;
    put_text_record(&record, POST, "good");
    put_text_record(&bad_utf8, POST, "bad \xff");
    put_text_record(&other_type, LIKE, "x");
    sky_buffer_put_string(&no_text, "\xa1\x65$type\x72" POST);
    sky_buffer_put_string(&with_float, "\xa1\x61"
                                       "a\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a");
    sky_dagcbor_put_map(&large, 1);
    sky_dagcbor_put_text(&large, SKY_SPAN("b"));
    static uint8_t megabyte[1000000];
    sky_dagcbor_put_bytes(&large, sky_span_of(megabyte, sizeof megabyte));
    struct sky_span good = sky_buffer_span(&record);
    const struct test_op ops[] = {
        {"create", POST "/1", good, FLAW_NONE},
        {"create", POST "/2", sky_buffer_span(&bad_utf8), FLAW_NONE},
        {"create", POST "/3", sky_buffer_span(&other_type), FLAW_NONE},
        {"create", POST "/4", sky_buffer_span(&no_text), FLAW_NONE},
        {"create", POST "/5", sky_buffer_span(&with_float), FLAW_NONE},
        {"create", POST "/6", sky_buffer_span(&large), FLAW_NONE},
        {"create", POST "/7", good, FLAW_NO_CID},
        {"create", POST "/bad key", good, FLAW_NONE},
        {"create", "no-slash", good, FLAW_NONE},
        {"delete", POST "/a b", {0}, FLAW_NONE},
        {"launch", POST "/8", good, FLAW_NONE}, /* an unknown action is no error */
        {"update", POST "/9", good, FLAW_NONE},
        {"delete", POST "/10", {0}, FLAW_NONE},
        {"create", LIKE "/11", good, FLAW_NO_BLOCK}, /* not looked at */
    };
    size_t count = sizeof ops / sizeof ops[0];
    assert_int_equal(decode_ops(1, ops, count), SKY_OK);
    assert_int_equal(decoded.posts_count, 3);
    assert_int_equal(decoded.posts[0].op, SKY_POST_CREATE);
    assert_int_equal(decoded.posts[1].op, SKY_POST_UPDATE);
    assert_int_equal(decoded.posts[2].op, SKY_POST_DELETE);
    assert_true(sky_span_equal(decoded.posts[2].rkey, SKY_SPAN("10")));
    assert_int_equal(drops(SKY_DROP_RECORD_UTF8), 1);
    assert_int_equal(drops(SKY_DROP_RECORD_TYPE), 1);
    assert_int_equal(drops(SKY_DROP_RECORD_SCHEMA), 1);
    assert_int_equal(drops(SKY_DROP_RECORD_CBOR), 1);
    assert_int_equal(drops(SKY_DROP_RECORD_SIZE), 1);
    assert_int_equal(drops(SKY_DROP_RECORD_MISSING), 1);
    assert_int_equal(drops(SKY_DROP_RECORD_PATH), 3);
    assert_int_equal(decoded.drops_count, 9);
    sky_buffer_clean_up(&bad_utf8);
    sky_buffer_clean_up(&other_type);
    sky_buffer_clean_up(&no_text);
    sky_buffer_clean_up(&with_float);
    sky_buffer_clean_up(&large);
}

static void test_blocks_that_lie_or_are_absent(void **state)
{
    (void)state;
    renew(SKY_DECODE_POSTS);
    record.len = 0;
    put_text_record(&record, POST, "good");
    struct test_op op = {"create", POST "/1", sky_buffer_span(&record), FLAW_OTHER_DATA};
    assert_int_equal(decode_ops(1, &op, 1), SKY_OK);
    assert_int_equal(drops(SKY_DROP_RECORD_CID), 1);
    op.flaw = FLAW_NO_BLOCK;
    assert_int_equal(decode_ops(2, &op, 1), SKY_OK);
    assert_int_equal(drops(SKY_DROP_RECORD_MISSING), 1);
    op.flaw = FLAW_ROOT;
    assert_int_equal(decode_ops(3, &op, 1), SKY_E_CID);
    assert_int_equal(drops(SKY_DROP_FRAME_CAR), 1);
    assert_int_equal(decoded.posts_count, 0);
    assert_int_equal(decoded.event->seq, 3); /* still readable, for the cursor */
}

static void test_200_ops_naming_one_large_block(void **state)
{
    (void)state;
    static struct test_op ops[201];
    struct sky_buffer large = {0};
    static char paths[201][40];
    static uint8_t bytes[500000];
    renew(SKY_DECODE_ALL_RECORDS);
    sky_dagcbor_put_map(&large, 1);
    sky_dagcbor_put_text(&large, SKY_SPAN("b"));
    sky_dagcbor_put_bytes(&large, sky_span_of(bytes, sizeof bytes));
    for (size_t i = 0; i < 201; i++) {
        snprintf(paths[i], sizeof paths[i], LIKE "/%zu", i);
        ops[i] = (struct test_op){"create", paths[i], sky_buffer_span(&large), i ? FLAW_NO_BLOCK : FLAW_NONE};
    }
    assert_int_equal(decode_ops(1, ops, 200), SKY_OK);
    assert_int_equal(drops(SKY_DROP_RECORD_SIZE), 197); /* three of 500 KB are within the 2 MB of all together */
    assert_int_equal(decode_ops(2, ops, 201), SKY_E_LIMIT);
    assert_int_equal(drops(SKY_DROP_FRAME_SIZE), 1);
    sky_buffer_clean_up(&large);
}

static void test_repeated_seqs(void **state)
{
    (void)state;
    renew(SKY_DECODE_POSTS);
    assert_int_equal(decode_ops(5, NULL, 0), SKY_OK);
    assert_int_equal(decode_ops(5, NULL, 0), SKY_E_RANGE);
    assert_int_equal(decode_ops(4, NULL, 0), SKY_E_RANGE);
    assert_int_equal(decode_ops(9, NULL, 0), SKY_OK); /* a gap is legal */
    assert_int_equal(drops(SKY_DROP_FRAME_REPEATED), 2);
    sky_decoder_connected(decoder);
    assert_int_equal(decode_ops(1, NULL, 0), SKY_OK);
}

static void test_seq_range(void **state)
{
    (void)state;
    renew(SKY_DECODE_POSTS);
    assert_int_equal(decode_ops(0, NULL, 0), SKY_E_RANGE);
    assert_int_equal(decode_ops(-1, NULL, 0), SKY_E_RANGE);
    assert_int_equal(decode_ops(INT64_C(9007199254740992), NULL, 0), SKY_E_RANGE);
    assert_int_equal(decode_ops(INT64_C(9007199254740991), NULL, 0), SKY_OK);
    assert_int_equal(drops(SKY_DROP_FRAME_SCHEMA), 3);
}

/* It is a claim like any other: the post is of the stream's time. */
static void test_a_frame_dated_1970(void **state)
{
    (void)state;
    renew(SKY_DECODE_POSTS);
    record.len = 0;
    put_text_record(&record, POST, "hello");
    struct test_op op = {"create", POST "/3k", sky_buffer_span(&record), FLAW_NONE};
    assert_int_equal(decode_ops(7, &op, 1), SKY_OK);
    frame.len = 0;
    put_commit(&frame, 8, "1970-01-01T00:00:00.000Z", &op, 1);
    assert_int_equal(sky_decoder_frame(decoder, sky_buffer_span(&frame), SKY_RECEIPT_NONE, &decoded), SKY_OK);
    assert_true(decoded.has_time);
    assert_int_equal(decoded.posts_count, 1);
    assert_int_equal(decoded.posts[0].observed_at_ms, 0);
    assert_int_equal(decoded.posts[0].event_time_ms, TIME_MS);
}

static void test_accounts_and_unknown_kinds(void **state)
{
    (void)state;
    renew(SKY_DECODE_POSTS);
    frame.len = 0;
    put_header(&frame, "#account");
    sky_buffer_put_string(&frame, "\xa5\x63"
                                  "did\x78\x20" TEST_DID "\x63seq\x05\x64time\x78\x18" TIME "\x66"
                                  "active\xf4\x66status\x69takendown");
    assert_int_equal(sky_decoder_frame(decoder, sky_buffer_span(&frame), SKY_RECEIPT_NONE, &decoded), SKY_OK);
    assert_int_equal(decoded.posts_count, 1);
    assert_int_equal(decoded.posts[0].op, SKY_POST_ACCOUNT);
    assert_false(decoded.posts[0].active);
    assert_true(sky_span_equal(decoded.posts[0].status, SKY_SPAN("takendown")));
    frame.len = 0;
    put_header(&frame, "#novelty");
    sky_buffer_put_string(&frame, "\xa1\x61x\x01");
    assert_int_equal(sky_decoder_frame(decoder, sky_buffer_span(&frame), SKY_RECEIPT_NONE, &decoded), SKY_OK);
    assert_int_equal(decoded.event->kind, SKY_EVENT_UNKNOWN);
    assert_false(decoded.has_time);
    struct sky_span error_frame = SKY_SPAN("\xa1\x62op\x20\xa2\x65"
                                           "error\x6c"
                                           "FutureCursor\x67message\x62no");
    assert_int_equal(sky_decoder_frame(decoder, error_frame, SKY_RECEIPT_NONE, &decoded), SKY_OK);
    assert_int_equal(decoded.event->kind, SKY_EVENT_ERROR);
    assert_true(sky_span_equal(decoded.event->name, SKY_SPAN("FutureCursor")));
}

static void test_forged_time(void **state)
{
    (void)state;
    renew(SKY_DECODE_POSTS);
    for (int64_t seq = 1; seq <= 5; seq++) {
        frame.len = 0;
        put_commit(&frame, seq, seq == 4 ? "2099-01-01T00:00:00.000Z" : TIME, NULL, 0);
        assert_int_equal(sky_decoder_frame(decoder, sky_buffer_span(&frame), TIME_MS + 100, &decoded), SKY_OK);
        assert_int_equal(decoded.time_forged, seq == 4);
        assert_int_equal(decoded.event_time_ms, TIME_MS);
    }
    assert_int_equal(sky_decoder_stats(decoder)->time_forged, 1);
    assert_int_equal(sky_decoder_stats(decoder)->receipt_lag_ms, 100);
}

static void test_state_survives_a_restart(void **state)
{
    (void)state;
    struct sky_buffer saved = {0};
    struct sky_reader reader;
    renew(SKY_DECODE_POSTS);
    assert_int_equal(decode_ops(5, NULL, 0), SKY_OK);
    sky_decoder_save(decoder, &saved);
    renew(SKY_DECODE_POSTS);
    sky_reader_init(&reader, sky_buffer_span(&saved));
    assert_int_equal(sky_decoder_load(decoder, &reader), SKY_OK);
    assert_int_equal(sky_decoder_stats(decoder)->event_time_ms, TIME_MS);
    assert_int_equal(decode_ops(5, NULL, 0), SKY_E_RANGE); /* seen before the restart */
    assert_int_equal(decode_ops(6, NULL, 0), SKY_OK);
    sky_buffer_clean_up(&saved);
}

/* No cut of a real frame is a frame, whatever is left; and none harms. */
static void test_recorded_frames_cut_at_every_byte(void **state)
{
    (void)state;
    struct sky_buffer frames = load_recorded_frames();
    struct sky_span whole;
    size_t offset = 0;
    if (!frames.len) {
        print_message("no recorded frames at " SKY_SOURCE_DIR "/../shared\n");
        skip();
    }
    renew(SKY_DECODE_ALL_RECORDS);
    for (size_t n = 0; next_recorded_frame(&frames, &offset, &whole); n++) {
        size_t step = n < 12 ? 1 : 97;
        for (size_t len = 0; len < whole.len; len += step) {
            uint8_t *exact = malloc(len + 1);
            assert_non_null(exact);
            memcpy(exact, whole.ptr, len);
            assert_int_not_equal(sky_decoder_frame(decoder, sky_span_of(exact, len), SKY_RECEIPT_NONE, &decoded),
                                 SKY_OK);
            free(exact);
        }
        sky_decoder_connected(decoder);
        assert_int_equal(sky_decoder_frame(decoder, whole, SKY_RECEIPT_NONE, &decoded), SKY_OK);
        assert_int_equal(decoded.drops_count, 0);
    }
    sky_buffer_clean_up(&frames);
}

/* Both scopes find the same posts. */
static void test_scopes_agree_on_posts(void **state)
{
    (void)state;
    struct sky_buffer frames = load_recorded_frames();
    struct sky_span whole;
    uint64_t posts[2] = {0};
    if (!frames.len)
        skip();
    for (int all = 0; all < 2; all++) {
        size_t offset = 0;
        renew(all ? SKY_DECODE_ALL_RECORDS : SKY_DECODE_POSTS);
        while (next_recorded_frame(&frames, &offset, &whole)) {
            assert_int_equal(sky_decoder_frame(decoder, whole, SKY_RECEIPT_NONE, &decoded), SKY_OK);
            posts[all] += decoded.posts_count;
        }
    }
    assert_int_equal(posts[0], 19); /* 17 creates, 1 delete, 1 account, as manifest and Jetstream have it */
    assert_int_equal(posts[1], 19);
    sky_buffer_clean_up(&frames);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < SKY_DROP_COUNT; i++) {
        const char *name = sky_drop_name((enum sky_drop)i);
        bool is_record = strncmp(name, "record_", 7) == 0;
        assert_int_equal(sky_drop_is_frame((enum sky_drop)i), !is_record);
    }
}

static int clean_up(void **state)
{
    (void)state;
    sky_decoder_free(decoder);
    sky_buffer_clean_up(&frame);
    sky_buffer_clean_up(&record);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_post_with_all_its_marks),
        cmocka_unit_test(test_rejection_is_by_record),
        cmocka_unit_test(test_blocks_that_lie_or_are_absent),
        cmocka_unit_test(test_200_ops_naming_one_large_block),
        cmocka_unit_test(test_repeated_seqs),
        cmocka_unit_test(test_seq_range),
        cmocka_unit_test(test_a_frame_dated_1970),
        cmocka_unit_test(test_accounts_and_unknown_kinds),
        cmocka_unit_test(test_forged_time),
        cmocka_unit_test(test_state_survives_a_restart),
        cmocka_unit_test(test_recorded_frames_cut_at_every_byte),
        cmocka_unit_test(test_scopes_agree_on_posts),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
