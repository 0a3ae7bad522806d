#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/decoder.h"
#include "event/jetstream.h"
#include "unit/event/frames.h"

static struct sky_jetstream_reader reader;
static struct sky_event event;

static enum sky_status read_line(const char *line)
{
    struct sky_error error;
    return sky_jetstream_read(&reader, sky_span_from_string(line), &event, &error);
}

#define HEAD    "{\"did\":\"" TEST_DID "\",\"time_us\":1783175888085434,\"kind\":"
#define COMMIT  HEAD "\"commit\",\"commit\":{\"rev\":\"" TEST_REV "\",\"operation\":"
#define ACCOUNT HEAD "\"account\",\"account\":"

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(read_line(COMMIT "\"delete\",\"collection\":\"app.bsky.feed.post\",\"rkey\":\"3k\"}}"), SKY_OK);
    assert_int_equal(event.kind, SKY_EVENT_COMMIT);
    assert_int_equal(event.time_us, 1783175888085434);
    assert_int_equal(event.ops[0].action, SKY_OP_DELETE);
    assert_true(sky_span_equal(event.ops[0].path, SKY_SPAN("app.bsky.feed.post/3k")));
    assert_int_equal(read_line(ACCOUNT "{\"active\":false,\"seq\":5,\"status\":\"deleted\",\"time\":\"t\"}}"), SKY_OK);
    assert_int_equal(event.kind, SKY_EVENT_ACCOUNT);
    assert_int_equal(event.seq, 5);
    assert_false(event.active);
    assert_int_equal(read_line(HEAD "\"identity\",\"identity\":{\"handle\":\"a.b\",\"seq\":6}}"), SKY_OK);
    assert_true(sky_span_equal(event.handle, SKY_SPAN("a.b")));
    assert_int_equal(read_line(HEAD "\"novelty\"}"), SKY_OK);
    assert_int_equal(event.kind, SKY_EVENT_UNKNOWN);
}

static void test_what_is_not_the_shape(void **state)
{
    (void)state;
    assert_int_equal(read_line("[]"), SKY_E_MISSING);
    assert_int_equal(read_line("{\"did\":\"me\",\"time_us\":1,\"kind\":\"x\"}"), SKY_E_MISSING);
    assert_int_equal(read_line("{\"did\":\"" TEST_DID "\",\"time_us\":1.5,\"kind\":\"x\"}"), SKY_E_MISSING);
    assert_int_equal(read_line(COMMIT "\"create\"}}"), SKY_E_MISSING);
    assert_int_equal(read_line(ACCOUNT "{\"seq\":5}}"), SKY_E_MISSING);
    assert_int_equal(read_line(HEAD "\"commit\""), SKY_E_TRUNCATED);
}

/* A record that no repository can hold is an error of its op alone. */
static void test_a_bad_record_drops_its_op(void **state)
{
    (void)state;
    assert_int_equal(read_line(COMMIT "\"create\",\"collection\":\"app.bsky.feed.post\",\"rkey\":\"3k\","
                                      "\"record\":{\"$type\":\"app.bsky.feed.post\",\"text\":1.5}}}"),
                     SKY_OK);
    assert_int_equal(event.ops[0].error.status, SKY_E_MALFORMED);
    assert_int_equal(event.ops[0].record.len, 0);
    assert_int_equal(read_line(COMMIT "\"create\",\"collection\":\"app.bsky.feed.post\",\"rkey\":\"3k\"}}"), SKY_OK);
    assert_int_equal(event.ops[0].error.status, SKY_E_MISSING);
}

static void assert_same_posts(const struct sky_decoded *a, const struct sky_decoded *b)
{
    assert_int_equal(a->posts_count, b->posts_count);
    for (uint32_t i = 0; i < a->posts_count; i++) {
        const struct sky_post *x = &a->posts[i], *y = &b->posts[i];
        assert_int_equal(x->op, y->op);
        assert_true(sky_span_equal(x->uri, y->uri));
        assert_true(sky_span_equal(x->text, y->text));
        assert_true(sky_span_equal(x->language, y->language));
        assert_true(sky_span_equal(x->reply_to, y->reply_to));
        assert_true(sky_span_equal(x->cid, y->cid));
        assert_true(sky_span_equal(x->rev, y->rev));
        assert_int_equal(x->created_at_ms, y->created_at_ms);
        assert_int_equal(x->observed_at_ms, y->observed_at_ms);
        assert_int_equal(x->event_time_ms, y->event_time_ms);
        assert_int_equal(x->hashtags_count, y->hashtags_count);
        assert_int_equal(x->mentions_count, y->mentions_count);
        assert_int_equal(x->langs_count, y->langs_count);
        assert_int_equal(x->labels_count, y->labels_count);
    }
}

/* Real frames, written as lines and read back: the same posts; and each line's record has its CID. */
static void test_lines_read_back_give_the_same_posts(void **state)
{
    (void)state;
    struct sky_decoder_options options = {.scope = SKY_DECODE_ALL_RECORDS, .relay = SKY_SPAN("")};
    struct sky_buffer frames = load_recorded_frames(), lines = {0};
    struct sky_decoder *from_frame, *from_line;
    struct sky_decoded a, b;
    struct sky_span frame;
    size_t offset = 0, count = 0;
    if (!frames.len) {
        print_message("no recorded frames at " SKY_SOURCE_DIR "/../shared\n");
        skip();
    }
    assert_int_equal(sky_decoder_new(&options, &from_frame), SKY_OK);
    assert_int_equal(sky_decoder_new(&options, &from_line), SKY_OK);
    while (next_recorded_frame(&frames, &offset, &frame)) {
        lines.len = 0;
        assert_int_equal(sky_decoder_frame(from_frame, frame, SKY_RECEIPT_NONE, &a), SKY_OK);
        sky_jetstream_write(a.event, a.observed_at_us, &lines);
        const uint8_t *end = lines.len ? memchr(lines.ptr, '\n', lines.len) : NULL;
        if (!end || end + 1 != lines.ptr + lines.len)
            continue; /* no line, or several */
        assert_int_equal(sky_decoder_line(from_line, sky_buffer_span(&lines), &b), SKY_OK);
        assert_same_posts(&a, &b);
        count++;
        const struct sky_op *op = &b.event->ops[0];
        if (b.event->kind == SKY_EVENT_COMMIT && op->action != SKY_OP_DELETE)
            assert_true(sky_cid_matches(op->cid, op->record));
    }
    assert_true(count > 100);
    sky_decoder_free(from_frame);
    sky_decoder_free(from_line);
    sky_buffer_clean_up(&frames);
    sky_buffer_clean_up(&lines);
}

static int clean_up(void **state)
{
    (void)state;
    sky_jetstream_reader_clean_up(&reader);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_is_not_the_shape),
        cmocka_unit_test(test_a_bad_record_drops_its_op),
        cmocka_unit_test(test_lines_read_back_give_the_same_posts),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
