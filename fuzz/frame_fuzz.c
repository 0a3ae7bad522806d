/* The short way through the usual commit reads what the general reader reads. Both scopes of the decoder judge a
 * frame's envelope alike and find the same posts in it; all that a post holds is within its limits; and whatever comes,
 * the decoder stays usable. */
#include <stdlib.h>

#include "base/utf8.h"
#include "event/decoder.h"
#include "event/firehose.h"
#include "event/jetstream.h"
#include "event/post_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_post(const struct sky_post *post)
{
    require(post->text.len <= SKY_POST_TEXT_BYTES_MAX && sky_utf8_is_valid(post->text));
    require(post->langs_count <= SKY_POST_LANGS_MAX && post->labels_count <= SKY_POST_LABELS_MAX);
    require(post->hashtags_count <= SKY_POST_HASHTAGS_MAX);
    for (uint32_t i = 0; i < post->hashtags_count; i++)
        require(post->hashtags[i].len <= SKY_POST_HASHTAG_BYTES_MAX && sky_utf8_is_valid(post->hashtags[i]));
    require(post->op == SKY_POST_ACCOUNT || post->uri.len > 0);
}

/* What is printed is read back. */
static void check_json(const struct sky_post *post)
{
    struct sky_buffer line = {0}, again = {0};
    struct sky_json_writer json;
    struct sky_post_json_reader reader;
    struct sky_post read;
    struct sky_error error;
    sky_post_json_reader_init(&reader);
    sky_json_begin(&json, &line);
    sky_post_json_write(&json, post);
    require(sky_post_json_read(&reader, sky_buffer_span(&line), &read, &error) == SKY_OK);
    sky_json_begin(&json, &again);
    sky_post_json_write(&json, &read);
    require(sky_span_equal(sky_buffer_span(&line), sky_buffer_span(&again)));
    sky_buffer_clean_up(&line);
    sky_buffer_clean_up(&again);
    sky_post_json_reader_clean_up(&reader);
}

static bool same(struct sky_span a, struct sky_span b)
{
    return a.len == b.len && (a.len == 0 || a.ptr == b.ptr);
}

static void check_usual_commit(struct sky_span frame)
{
    static struct sky_event a, b;
    struct sky_error error_a, error_b;
    enum sky_status status = sky_firehose_decode(frame, &a, &error_a);
    require(sky_firehose_decode_any(frame, &b, &error_b) == status && error_a.offset == error_b.offset);
    require(a.kind == b.kind && a.seq == b.seq && a.time_us == b.time_us && a.ops_count == b.ops_count);
    require(same(a.type, b.type) && same(a.did, b.did) && same(a.time, b.time) && same(a.rev, b.rev));
    require(same(a.commit, b.commit) && same(a.blocks, b.blocks));
    for (uint32_t i = 0; i < a.ops_count && status == SKY_OK; i++) {
        const struct sky_op *x = &a.ops[i], *y = &b.ops[i];
        require(x->action == y->action && same(x->path, y->path) && same(x->cid, y->cid));
        require(same(x->collection, y->collection) && same(x->rkey, y->rkey));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sky_decoder *posts_only, *all;
    struct sky_decoded a, b;
    struct sky_buffer lines = {0};
    struct sky_decoder_options options = {.scope = SKY_DECODE_POSTS, .relay = SKY_SPAN("fuzz")};
    if (!posts_only) {
        require(sky_decoder_new(&options, &posts_only) == SKY_OK);
        options.scope = SKY_DECODE_ALL_RECORDS;
        require(sky_decoder_new(&options, &all) == SKY_OK);
    }
    check_usual_commit(sky_span_of(data, size));
    sky_decoder_connected(posts_only);
    sky_decoder_connected(all);
    enum sky_status posts_status = sky_decoder_frame(posts_only, sky_span_of(data, size), SKY_RECEIPT_NONE, &a);
    enum sky_status all_status = sky_decoder_frame(all, sky_span_of(data, size), SKY_RECEIPT_NONE, &b);
    if (posts_status != SKY_OK)
        require(all_status != SKY_OK && a.error.offset <= size);
    if (all_status == SKY_OK) {
        require(a.posts_count == b.posts_count);
        sky_jetstream_write(b.event, b.observed_at_us, &lines);
    }
    for (uint32_t i = 0; posts_status == SKY_OK && i < a.posts_count; i++) {
        check_post(&a.posts[i]);
        check_json(&a.posts[i]);
    }
    sky_buffer_clean_up(&lines);
    return 0;
}
