#include "stage/event.h"

enum flag { IMPORTED = 1, REPLY = 2, UNQUOTED = 4, WITHHELD = 8, ACTIVE = 16 };

void sky_keyword_put(struct sky_buffer *buffer, enum sky_keyword_kind kind, struct sky_span normalized)
{
    sky_buffer_put_u8(buffer, (uint8_t)kind);
    sky_buffer_put_u8(buffer, (uint8_t)normalized.len); /* SKY_KEYWORD_BYTES_MAX */
    sky_buffer_put_span(buffer, normalized);
}

void sky_keyword_get(struct sky_reader *reader, struct sky_keyword *keyword)
{
    uint8_t kind = sky_reader_u8(reader);
    struct sky_span normalized = sky_reader_bytes(reader, sky_reader_u8(reader));
    if (kind > SKY_KEYWORD_PHRASE || normalized.len > SKY_KEYWORD_BYTES_MAX || !normalized.len)
        sky_reader_fail(reader, SKY_E_RANGE, "not a keyword");
    *keyword = (struct sky_keyword){normalized, normalized, kind};
}

static void put_create(struct sky_buffer *buffer, const struct sky_event *event, const struct sky_keyword_list *list)
{
    size_t size_bytes = 0;
    for (size_t i = 0; i < list->count; i++)
        size_bytes += 2 + list->items[i].normalized.len;
    sky_buffer_put_blob(buffer, event->rev);
    sky_buffer_put_i64(buffer, event->created_at_ms);
    sky_buffer_put_u64(buffer, event->sketch);
    sky_buffer_put_u8(buffer, (uint8_t)event->language);
    sky_buffer_put_u32(buffer, (uint32_t)list->count);
    sky_buffer_put_u32(buffer, (uint32_t)size_bytes); /* with what follows, a blob */
    for (size_t i = 0; i < list->count; i++)
        sky_keyword_put(buffer, list->items[i].kind, list->items[i].normalized);
}

void sky_event_put(struct sky_buffer *buffer, const struct sky_event *event, const struct sky_keyword_list *list)
{
    uint32_t flags = (event->imported ? IMPORTED : 0U) | (event->reply ? REPLY : 0U) |
                     (event->unquoted ? UNQUOTED : 0U) | (event->withheld ? WITHHELD : 0U) |
                     (event->active ? ACTIVE : 0U);
    sky_buffer_put_u8(buffer, (uint8_t)event->op);
    sky_buffer_put_u8(buffer, (uint8_t)flags);
    sky_buffer_put_i64(buffer, event->event_time_ms);
    if (event->op == SKY_POST_WATERMARK)
        return;
    sky_buffer_put_blob(buffer, event->author_did);
    if (event->op == SKY_POST_ACCOUNT) {
        sky_buffer_put_blob(buffer, event->status);
        return;
    }
    sky_buffer_put_blob(buffer, event->uri);
    if (event->op != SKY_POST_DELETE)
        sky_buffer_put_blob(buffer, event->text);
    if (event->op == SKY_POST_CREATE)
        put_create(buffer, event, list);
}

static void get_create(struct sky_reader *reader, struct sky_event *event)
{
    event->rev = sky_reader_blob(reader);
    event->created_at_ms = sky_reader_i64(reader);
    event->sketch = sky_reader_u64(reader);
    event->language = sky_reader_u8(reader);
    event->keywords_count = sky_reader_u32(reader);
    event->keywords = sky_reader_blob(reader);
    if (event->keywords_count > SKY_KEYWORDS_MAX)
        sky_reader_fail(reader, SKY_E_RANGE, "more keywords than a post has");
}

void sky_event_get(struct sky_reader *reader, struct sky_event *event)
{
    uint8_t op = sky_reader_u8(reader), flags = sky_reader_u8(reader);
    *event = (struct sky_event){
        .op = op,
        .imported = flags & IMPORTED,
        .reply = flags & REPLY,
        .unquoted = flags & UNQUOTED,
        .withheld = flags & WITHHELD,
        .active = flags & ACTIVE,
        .event_time_ms = sky_reader_i64(reader),
    };
    if (op > SKY_POST_WATERMARK)
        sky_reader_fail(reader, SKY_E_RANGE, "not an event of the stages");
    if (!sky_reader_ok(reader) || op == SKY_POST_WATERMARK)
        return;
    event->author_did = sky_reader_blob(reader);
    if (op == SKY_POST_ACCOUNT) {
        event->status = sky_reader_blob(reader);
        return;
    }
    event->uri = sky_reader_blob(reader);
    if (op != SKY_POST_DELETE)
        event->text = sky_reader_blob(reader);
    if (op == SKY_POST_CREATE)
        get_create(reader, event);
}
