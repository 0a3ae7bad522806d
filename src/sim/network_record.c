#include "sim/network_record.h"

#include "base/time.h"
#include "wire/dagcbor.h"

void sky_network_put_text(struct sky_buffer *buffer, struct sky_span key, struct sky_span value)
{
    sky_dagcbor_put_text(buffer, key);
    sky_dagcbor_put_text(buffer, value);
}

void sky_network_put_time(struct sky_buffer *buffer, struct sky_span key, int64_t time_ms)
{
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, text);
    sky_network_put_text(buffer, key, sky_span_of(text, SKY_TIME_TEXT_SIZE - 1));
}

static void put_reference(struct sky_buffer *buffer, struct sky_span key, const struct sky_network_reference *reference)
{
    sky_dagcbor_put_text(buffer, key);
    sky_dagcbor_put_map(buffer, 2);
    sky_network_put_text(buffer, SKY_SPAN("cid"), reference->cid);
    sky_network_put_text(buffer, SKY_SPAN("uri"), reference->uri);
}

/* app.bsky.richtext.facet with one feature, {`name`: `value`}. */
static void put_facet(struct sky_buffer *buffer, struct sky_composer_range range, struct sky_span type,
                      struct sky_span name, struct sky_span value)
{
    sky_dagcbor_put_map(buffer, 2);
    sky_dagcbor_put_text(buffer, SKY_SPAN("index"));
    sky_dagcbor_put_map(buffer, 2);
    sky_dagcbor_put_text(buffer, SKY_SPAN("byteEnd"));
    sky_dagcbor_put_int(buffer, range.end);
    sky_dagcbor_put_text(buffer, SKY_SPAN("byteStart"));
    sky_dagcbor_put_int(buffer, range.start);
    sky_dagcbor_put_text(buffer, SKY_SPAN("features"));
    sky_dagcbor_put_array(buffer, 1);
    sky_dagcbor_put_map(buffer, 2);
    sky_network_put_text(buffer, name, value);
    sky_network_put_text(buffer, SKY_SPAN("$type"), type);
}

static void put_facets(struct sky_buffer *buffer, const struct sky_composer_text *text)
{
    bool has_link = text->link.end > text->link.start;
    sky_dagcbor_put_text(buffer, SKY_SPAN("facets"));
    sky_dagcbor_put_array(buffer, (uint64_t)text->tags_count + has_link);
    for (uint32_t i = 0; i < text->tags_count; i++) {
        struct sky_composer_range range = text->tags[i];
        struct sky_span tag = sky_span_of(text->bytes + range.start + 1, (size_t)(range.end - range.start - 1));
        put_facet(buffer, range, SKY_SPAN("app.bsky.richtext.facet#tag"), SKY_SPAN("tag"), tag);
    }
    if (has_link) {
        struct sky_span uri = sky_span_of(text->bytes + text->link.start, (size_t)(text->link.end - text->link.start));
        put_facet(buffer, text->link, SKY_SPAN("app.bsky.richtext.facet#link"), SKY_SPAN("uri"), uri);
    }
}

void sky_network_record_post(struct sky_buffer *buffer, const struct sky_post *post,
                             const struct sky_composer_text *text, const struct sky_network_reference *parent)
{
    bool has_facets = text->tags_count || text->link.end > text->link.start;
    bool is_reply = post->reply_to.len > 0;
    sky_dagcbor_put_map(buffer, 3u + (post->langs_count > 0) + is_reply + has_facets);
    sky_network_put_text(buffer, SKY_SPAN("text"), post->text);
    sky_network_put_text(buffer, SKY_SPAN("$type"), SKY_SPAN("app.bsky.feed.post"));
    if (post->langs_count) {
        sky_dagcbor_put_text(buffer, SKY_SPAN("langs"));
        sky_dagcbor_put_array(buffer, post->langs_count);
        for (uint32_t i = 0; i < post->langs_count; i++)
            sky_dagcbor_put_text(buffer, post->langs[i]);
    }
    if (is_reply) {
        sky_dagcbor_put_text(buffer, SKY_SPAN("reply"));
        sky_dagcbor_put_map(buffer, 2);
        put_reference(buffer, SKY_SPAN("root"), parent);
        put_reference(buffer, SKY_SPAN("parent"), parent);
    }
    if (has_facets)
        put_facets(buffer, text);
    sky_network_put_time(buffer, SKY_SPAN("createdAt"), post->created_at_ms);
}

void sky_network_record_reference(struct sky_buffer *buffer, struct sky_span type,
                                  const struct sky_network_reference *subject, int64_t created_at_ms)
{
    sky_dagcbor_put_map(buffer, 3);
    sky_network_put_text(buffer, SKY_SPAN("$type"), type);
    put_reference(buffer, SKY_SPAN("subject"), subject);
    sky_network_put_time(buffer, SKY_SPAN("createdAt"), created_at_ms);
}

void sky_network_record_follow(struct sky_buffer *buffer, struct sky_span did, int64_t created_at_ms)
{
    sky_dagcbor_put_map(buffer, 3);
    sky_network_put_text(buffer, SKY_SPAN("$type"), SKY_SPAN("app.bsky.graph.follow"));
    sky_network_put_text(buffer, SKY_SPAN("subject"), did);
    sky_network_put_time(buffer, SKY_SPAN("createdAt"), created_at_ms);
}

void sky_network_record_profile(struct sky_buffer *buffer, struct sky_span name, int64_t created_at_ms)
{
    sky_dagcbor_put_map(buffer, 4);
    sky_network_put_text(buffer, SKY_SPAN("$type"), SKY_SPAN("app.bsky.actor.profile"));
    sky_network_put_time(buffer, SKY_SPAN("createdAt"), created_at_ms);
    sky_network_put_text(buffer, SKY_SPAN("description"), SKY_SPAN("simulated"));
    sky_network_put_text(buffer, SKY_SPAN("displayName"), name);
}
