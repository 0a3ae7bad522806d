/* What a Redis server says, and what stands in it: replies cut anywhere are the same as in one piece, and stay within
 * their limits; the table of slots and redirects name only nodes that can be looked up; an hour or a window that was
 * taken is written as what is taken again to the same bytes. */
#include <stdlib.h>

#include "io/redis/cache_hour.h"
#include "io/redis/cache_users.h"
#include "io/redis/redis_map.h"

#define HOUR 1767574800000 /* 2026-01-05T01:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static uint32_t count_values(const struct sky_redis_reply *reply, uint32_t depth)
{
    uint32_t count = 1;
    require(depth <= SKY_REDIS_REPLY_DEPTH_MAX);
    for (uint32_t i = 0; reply->kind == SKY_REDIS_ARRAY && i < reply->count; i++)
        count += count_values(&reply->items[i], depth + 1);
    return count;
}

static bool same(const struct sky_redis_reply *a, const struct sky_redis_reply *b)
{
    if (a->kind != b->kind || a->integer != b->integer || a->count != b->count || !sky_span_equal(a->text, b->text))
        return false;
    for (uint32_t i = 0; a->kind == SKY_REDIS_ARRAY && i < a->count; i++)
        if (!same(&a->items[i], &b->items[i]))
            return false;
    return true;
}

/* The first reply of `input`, fed in two pieces. */
static enum sky_status read_reply(struct sky_arena *arena, struct sky_span input, size_t cut,
                                  struct sky_redis_reply *reply)
{
    struct sky_redis_reader *reader;
    if (sky_redis_reader_new(arena, &reader) != SKY_OK)
        abort();
    enum sky_status status = SKY_E_TRUNCATED;
    if (cut) {
        require(sky_redis_reader_feed(reader, sky_span_of(input.ptr, cut)) == SKY_OK);
        status = sky_redis_reader_next(reader, reply);
    }
    if (status == SKY_E_TRUNCATED && cut < input.len) {
        require(sky_redis_reader_feed(reader, sky_span_from(input, cut)) == SKY_OK);
        status = sky_redis_reader_next(reader, reply);
    }
    sky_redis_reader_free(reader);
    return status;
}

static void check_replies(struct sky_span input, size_t cut)
{
    static struct sky_redis_map map;
    static const struct sky_redis_endpoint asked = {"127.0.0.1", 6379};
    struct sky_arena arena = {0};
    struct sky_redis_reply whole = {0}, pieces = {0};
    enum sky_status status = read_reply(&arena, input, 0, &whole);
    require(read_reply(&arena, input, cut, &pieces) == status);
    if (status == SKY_OK) {
        require(same(&whole, &pieces));
        require(count_values(&whole, 1) <= SKY_REDIS_REPLY_VALUES_MAX);
        sky_redis_map_clear(&map);
        if (sky_redis_map_load(&map, &whole, &asked) == SKY_OK)
            for (uint32_t i = 0; i < map.nodes_count; i++)
                require(map.nodes[i].host[0] && map.nodes[i].port && !strchr(map.nodes[i].host, '/'));
    }
    uint16_t slot;
    struct sky_redis_endpoint to = {0};
    if (sky_redis_map_redirect(input, &asked, &slot, &to) == SKY_OK)
        require(slot < SKY_REDIS_SLOTS && to.host[0] && to.port);
    sky_arena_clean_up(&arena);
}

static void check_hour(struct sky_json_document *document, struct sky_span input)
{
    struct sky_cache_hour one, other;
    struct sky_buffer first = {0}, second = {0};
    sky_cache_hour_init(&one, HOUR);
    sky_cache_hour_init(&other, HOUR);
    if (sky_cache_hour_read(&one, document, input) == SKY_OK) {
        sky_cache_hour_write(&one, &first);
        require(sky_cache_hour_read(&other, document, sky_buffer_span(&first)) == SKY_OK);
        sky_cache_hour_write(&other, &second);
        require(sky_span_equal(sky_buffer_span(&first), sky_buffer_span(&second)));
    }
    sky_cache_hour_clean_up(&one);
    sky_cache_hour_clean_up(&other);
    sky_buffer_clean_up(&first);
    sky_buffer_clean_up(&second);
}

static void check_users(struct sky_json_document *document, struct sky_span input)
{
    struct sky_cache_users one, other;
    struct sky_buffer first = {0}, second = {0};
    sky_cache_users_init(&one, HOUR, HOUR + 300000);
    sky_cache_users_init(&other, HOUR, HOUR + 300000);
    if (sky_cache_users_read(&one, document, input) == SKY_OK) {
        sky_cache_users_write(&one, &first);
        require(sky_cache_users_read(&other, document, sky_buffer_span(&first)) == SKY_OK);
        sky_cache_users_write(&other, &second);
        require(sky_span_equal(sky_buffer_span(&first), sky_buffer_span(&second)));
    }
    sky_cache_users_clean_up(&one);
    sky_cache_users_clean_up(&other);
    sky_buffer_clean_up(&first);
    sky_buffer_clean_up(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sky_json_document document;
    if (size == 0)
        return 0;
    struct sky_span input = sky_span_of(data + 1, size - 1);
    sky_json_document_init(&document);
    check_replies(input, input.len ? data[0] % (input.len + 1) : 0);
    check_hour(&document, input);
    check_users(&document, input);
    sky_json_document_clean_up(&document);
    return 0;
}
