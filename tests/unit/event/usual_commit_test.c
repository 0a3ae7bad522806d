#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/firehose.h"
#include "event/usual_commit.h"
#include "unit/event/frames.h"

#define POST "app.bsky.feed.post"

static struct sky_event usual, any;
static struct sky_error error;

static bool same_span(struct sky_span a, struct sky_span b)
{
    return a.ptr == b.ptr && a.len == b.len;
}

static void assert_same_op(const struct sky_op *a, const struct sky_op *b)
{
    assert_int_equal(a->action, b->action);
    assert_true(same_span(a->path, b->path) && same_span(a->cid, b->cid) && same_span(a->record, b->record));
    assert_true(same_span(a->collection, b->collection) && same_span(a->rkey, b->rkey));
    assert_int_equal(a->error.status, b->error.status);
}

/* What the short way takes, the long way takes too, and they read the same in it. True when the short way did. */
static bool both_agree(struct sky_span frame)
{
    memset(&usual, 0, offsetof(struct sky_event, ops));
    if (!sky_usual_commit_read(frame, &usual))
        return false;
    assert_int_equal(sky_firehose_decode_any(frame, &any, &error), SKY_OK);
    assert_int_equal(usual.kind, any.kind);
    assert_int_equal(usual.seq, any.seq);
    assert_int_equal(usual.time_us, any.time_us);
    assert_true(same_span(usual.input, any.input) && same_span(usual.type, any.type));
    assert_true(same_span(usual.did, any.did) && same_span(usual.time, any.time) && same_span(usual.rev, any.rev));
    assert_true(same_span(usual.commit, any.commit) && same_span(usual.blocks, any.blocks));
    assert_int_equal(usual.ops_count, any.ops_count);
    for (uint32_t i = 0; i < usual.ops_count; i++)
        assert_same_op(&usual.ops[i], &any.ops[i]);
    return true;
}

static void put_key(struct sky_buffer *frame, const char *key)
{
    sky_dagcbor_put_text(frame, sky_span_from_string(key));
}

static void put_some_link(struct sky_buffer *frame, const char *of)
{
    uint8_t cid[SKY_CID_SIZE_BYTES];
    sky_cid_of(SKY_CID_DAG_CBOR, sky_span_from_string(of), cid);
    sky_dagcbor_put_link(frame, sky_span_of(cid, sizeof cid));
}

static void put_usual_op(struct sky_buffer *frame, const char *action, const char *path, bool has_cid)
{
    bool has_previous = strcmp(action, "create") != 0;
    sky_dagcbor_put_map(frame, has_previous ? 4 : 3);
    put_key(frame, "cid");
    if (has_cid)
        put_some_link(frame, path);
    else
        sky_dagcbor_put_null(frame);
    put_key(frame, "path");
    put_key(frame, path);
    if (has_previous) {
        put_key(frame, "prev");
        put_some_link(frame, "previous");
    }
    put_key(frame, "action");
    put_key(frame, action);
}

static void put_fields_behind_ops(struct sky_buffer *frame, int64_t seq, size_t blocks_len)
{
    uint8_t *blocks = calloc(1, blocks_len);
    put_key(frame, "rev");
    put_key(frame, TEST_REV);
    put_key(frame, "seq");
    sky_dagcbor_put_int(frame, seq);
    put_key(frame, "repo");
    put_key(frame, TEST_DID);
    put_key(frame, "time");
    put_key(frame, "2026-07-04T14:38:08.999Z");
    put_key(frame, "blobs");
    sky_dagcbor_put_array(frame, 0);
    put_key(frame, "since");
    put_key(frame, TEST_REV);
    put_key(frame, "blocks");
    sky_dagcbor_put_bytes(frame, sky_span_of(blocks, blocks_len));
    put_key(frame, "commit");
    put_some_link(frame, "commit");
    put_key(frame, "rebase");
    sky_dagcbor_put_bool(frame, false);
    put_key(frame, "tooBig");
    sky_dagcbor_put_bool(frame, false);
    put_key(frame, "prevData");
    put_some_link(frame, "data");
    free(blocks);
}

/* A commit as relays write them. */
static void put_usual_commit(struct sky_buffer *frame, int64_t seq, size_t blocks_len)
{
    frame->len = 0;
    put_header(frame, "#commit");
    sky_dagcbor_put_map(frame, 12);
    put_key(frame, "ops");
    sky_dagcbor_put_array(frame, 3);
    put_usual_op(frame, "create", POST "/3mptbyplj5d2a", true);
    put_usual_op(frame, "update", "a.b.c/self", true);
    put_usual_op(frame, "delete", POST "/3k", false);
    put_fields_behind_ops(frame, seq, blocks_len);
    assert_false(frame->failed);
}

static void test_takes_what_relays_write(void **state)
{
    static const int64_t seqs[] = {1,          23, 24, 255, 256, 65535, 65536, INT64_C(4294967295), INT64_C(4294967296),
                                   SKY_SEQ_MAX};
    static const size_t sizes[] = {1, 23, 24, 255, 256, 65535, 65536, SKY_BLOCKS_SIZE_BYTES_MAX};
    struct sky_buffer frame = {0};
    (void)state;
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
        put_usual_commit(&frame, seqs[i], 40);
        assert_true(both_agree(sky_buffer_span(&frame)));
        assert_int_equal(usual.seq, seqs[i]);
        assert_int_equal(usual.ops_count, 3);
        assert_int_equal(usual.ops[1].action, SKY_OP_UPDATE);
        assert_true(sky_span_equal(usual.ops[2].collection, SKY_SPAN(POST)));
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put_usual_commit(&frame, 7, sizes[i]);
        assert_true(both_agree(sky_buffer_span(&frame)));
        assert_int_equal(usual.blocks.len, sizes[i]);
    }
    sky_buffer_clean_up(&frame);
}

static void test_leaves_what_is_beyond_a_limit(void **state)
{
    struct sky_buffer frame = {0};
    (void)state;
    put_usual_commit(&frame, SKY_SEQ_MAX + 1, 40);
    assert_false(both_agree(sky_buffer_span(&frame)));
    put_usual_commit(&frame, 0, 40);
    assert_false(both_agree(sky_buffer_span(&frame)));
    put_usual_commit(&frame, 7, SKY_BLOCKS_SIZE_BYTES_MAX + 1);
    assert_false(both_agree(sky_buffer_span(&frame)));
    sky_buffer_clean_up(&frame);
}

/* Every byte set to every value, every byte left out, every length: the frame is copied to its exact size, so that the
 * sanitizer sees each read beyond it. */
static void test_agrees_about_every_neighbour_of_a_frame(void **state)
{
    struct sky_buffer frame = {0};
    size_t taken = 0;
    (void)state;
    put_usual_commit(&frame, 300, 40);
    uint8_t *copy = malloc(frame.len);
    assert_non_null(copy);
    for (size_t i = 0; i < frame.len; i++) {
        for (unsigned value = 0; value < 256; value++) {
            memcpy(copy, frame.ptr, frame.len);
            copy[i] = (uint8_t)value;
            taken += both_agree(sky_span_of(copy, frame.len));
        }
    }
    free(copy);
    for (size_t i = 0; i < frame.len; i++) {
        uint8_t *shorter = malloc(frame.len - 1), *cut = malloc(i + 1);
        assert_true(shorter && cut);
        memcpy(shorter, frame.ptr, i);
        memcpy(shorter + i, frame.ptr + i + 1, frame.len - i - 1);
        taken += both_agree(sky_span_of(shorter, frame.len - 1));
        memcpy(cut, frame.ptr, i);
        assert_false(both_agree(sky_span_of(cut, i)));
        free(shorter);
        free(cut);
    }
    assert_true(taken > frame.len); /* bytes of digests and blocks may be anything */
    sky_buffer_clean_up(&frame);
}

static void test_recorded_commits_are_usual(void **state)
{
    struct sky_buffer frames = load_recorded_frames();
    struct sky_span frame;
    size_t offset = 0, taken = 0, commits = 0;
    (void)state;
    while (next_recorded_frame(&frames, &offset, &frame)) {
        taken += both_agree(frame);
        commits += sky_firehose_decode(frame, &any, &error) == SKY_OK && any.kind == SKY_EVENT_COMMIT;
    }
    assert_int_equal(taken, commits);
    sky_buffer_clean_up(&frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_what_relays_write),
        cmocka_unit_test(test_leaves_what_is_beyond_a_limit),
        cmocka_unit_test(test_agrees_about_every_neighbour_of_a_frame),
        cmocka_unit_test(test_recorded_commits_are_usual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
