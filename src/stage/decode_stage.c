#include "stage/decode_stage.h"

#include <stdlib.h>

#include "base/hash.h"
#include "engine/options.h"
#include "engine/post_store.h"
#include "stage/event.h"
#include "stage/packets.h"

struct sky_decode_stage {
    struct sky_engine_options_copy copy;
    struct sky_text *text;
    struct sky_post_json_reader reader;
};

enum sky_status sky_decode_stage_new(const struct sky_engine_options *options, struct sky_decode_stage **stage,
                                     const char **reason)
{
    enum sky_status status = sky_engine_options_check(options, reason);
    if (status != SKY_OK)
        return status;
    struct sky_decode_stage *made = calloc(1, sizeof *made);
    if (!made) {
        *reason = "no memory for a stage";
        return SKY_E_MEMORY;
    }
    const struct sky_text_options text = {.keep_labelled = options->keep_labelled};
    sky_engine_options_copy(&made->copy, options);
    sky_post_json_reader_init(&made->reader);
    status = sky_text_new(&text, &made->text, reason);
    if (status != SKY_OK) {
        sky_decode_stage_free(made);
        return status;
    }
    *stage = made;
    return SKY_OK;
}

void sky_decode_stage_free(struct sky_decode_stage *stage)
{
    if (!stage)
        return;
    sky_text_free(stage->text);
    sky_post_json_reader_clean_up(&stage->reader);
    free(stage);
}

static enum sky_status find_keywords(struct sky_decode_stage *stage, struct sky_post *post, struct sky_event *event,
                                     struct sky_keyword_list *keywords)
{
    event->imported = sky_engine_is_import(post);
    event->reply = post->reply_to.len > 0;
    event->rev = post->rev;
    event->created_at_ms = post->created_at_ms;
    if (event->imported)
        return SKY_OK;
    if (!post->language_detected)
        post->language = sky_text_language(stage->text, post);
    enum sky_status status = sky_text_keywords(stage->text, post, keywords);
    event->sketch = sky_text_sketch(stage->text);
    event->language = sky_engine_language_index(&stage->copy.options, post->language);
    return status;
}

enum sky_status sky_decode_stage_record(struct sky_decode_stage *stage, const struct sky_post_record *record,
                                        struct sky_buffer *out, struct sky_decoded *decoded, struct sky_error *error)
{
    struct sky_post post;
    struct sky_keyword_list keywords = {0};
    enum sky_status status = sky_post_record_read(&stage->reader, record, &post, error);
    if (status != SKY_OK)
        return status;
    struct sky_event event = {
        .op = post.op,
        .unquoted = sky_post_is_unquoted(&post),
        .withheld = sky_text_is_withheld(stage->text, &post),
        .active = post.active,
        .event_time_ms = post.event_time_ms,
        .author_did = post.author_did,
        .uri = post.uri,
        .text = post.text,
        .status = post.status,
    };
    if (post.op == SKY_POST_CREATE)
        status = find_keywords(stage, &post, &event, &keywords);
    size_t before = out->len;
    if (status == SKY_OK)
        sky_event_put(out, &event, &keywords);
    if (status != SKY_OK || out->failed) {
        out->len = before;
        *error = (struct sky_error){SKY_E_MEMORY, 0, "no memory for an event"};
        return SKY_E_MEMORY;
    }
    decoded->event_time_ms = post.event_time_ms;
    decoded->bucket = post.op == SKY_POST_WATERMARK ? 0 : (uint32_t)(sky_hash_id(post.author_did) % SKY_STAGE_BUCKETS);
    return SKY_OK;
}
