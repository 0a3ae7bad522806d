#include "io/redis/redis_reply.h"

#include <hiredis/read.h>
#include <stdlib.h>

struct sky_redis_reader {
    redisReader *reader;
    redisReplyObjectFunctions functions; /* a copy for each, as hiredis wants them writable */
    struct sky_arena *arena;
    size_t bytes;           /* fed since the end of the last reply */
    uint32_t values;        /* of the reply being read */
    enum sky_status status; /* why a value could not be made */
};

static void *fail(struct sky_redis_reader *reader, enum sky_status status)
{
    reader->status = status;
    return NULL;
}

/* Where the value of `task` goes: its place in its array, or a place of its own. NULL: a limit, or no memory. */
static struct sky_redis_reply *place(const redisReadTask *task, uint32_t more_values)
{
    struct sky_redis_reader *reader = task->privdata;
    uint32_t depth = 1;
    for (const redisReadTask *above = task->parent; above; above = above->parent)
        depth++;
    if (depth > SKY_REDIS_REPLY_DEPTH_MAX || more_values > SKY_REDIS_REPLY_VALUES_MAX - reader->values)
        return fail(reader, SKY_E_LIMIT);
    reader->values += more_values;
    if (task->parent) { /* the array's places are its own, written once each */
        const struct sky_redis_reply *array = task->parent->obj;
        return (struct sky_redis_reply *)(uintptr_t)&array->items[task->idx];
    }
    struct sky_redis_reply *reply = sky_arena_alloc(reader->arena, sizeof *reply);
    if (!reply)
        return fail(reader, SKY_E_MEMORY);
    *reply = (struct sky_redis_reply){0};
    return reply;
}

static void *create_text(const redisReadTask *task, char *text, size_t len)
{
    struct sky_redis_reader *reader = task->privdata;
    struct sky_redis_reply *reply = place(task, 1);
    if (!reply)
        return NULL;
    reply->kind = task->type == REDIS_REPLY_ERROR    ? SKY_REDIS_ERROR
                  : task->type == REDIS_REPLY_STATUS ? SKY_REDIS_STATUS
                                                     : SKY_REDIS_TEXT;
    reply->text = sky_arena_copy(reader->arena, sky_span_of(text, len));
    return len && !reply->text.ptr ? fail(reader, SKY_E_MEMORY) : reply;
}

static void *create_array(const redisReadTask *task, int count)
{
    struct sky_redis_reader *reader = task->privdata;
    if (count < 0 || count > SKY_REDIS_REPLY_VALUES_MAX)
        return fail(reader, SKY_E_LIMIT);
    struct sky_redis_reply *reply = place(task, 1 + (uint32_t)count);
    if (!reply)
        return NULL;
    struct sky_redis_reply *items = sky_arena_alloc(reader->arena, ((size_t)count + 1) * sizeof *items);
    if (!items)
        return fail(reader, SKY_E_MEMORY);
    memset(items, 0, ((size_t)count + 1) * sizeof *items);
    *reply = (struct sky_redis_reply){.kind = SKY_REDIS_ARRAY, .items = items, .count = (uint32_t)count};
    return reply;
}

static void *create_integer(const redisReadTask *task, long long value)
{
    struct sky_redis_reply *reply = place(task, 1);
    if (reply)
        *reply = (struct sky_redis_reply){.kind = SKY_REDIS_INTEGER, .integer = value};
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    struct sky_redis_reply *reply = place(task, 1);
    if (reply)
        *reply = (struct sky_redis_reply){.kind = SKY_REDIS_NIL};
    return reply;
}

static void free_object(void *object)
{
    (void)object; /* the arena's */
}

enum sky_status sky_redis_reader_new(struct sky_arena *arena, struct sky_redis_reader **result)
{
    struct sky_redis_reader *reader = calloc(1, sizeof *reader);
    *result = NULL;
    if (!reader)
        return SKY_E_MEMORY;
    reader->arena = arena;
    reader->functions = (redisReplyObjectFunctions){create_text, create_array, create_integer, create_nil, free_object};
    reader->reader = redisReaderCreateWithFunctions(&reader->functions);
    if (!reader->reader) {
        free(reader);
        return SKY_E_MEMORY;
    }
    reader->reader->privdata = reader;
    *result = reader;
    return SKY_OK;
}

void sky_redis_reader_free(struct sky_redis_reader *reader)
{
    if (!reader)
        return;
    redisReaderFree(reader->reader);
    free(reader);
}

enum sky_status sky_redis_reader_feed(struct sky_redis_reader *reader, struct sky_span bytes)
{
    if (bytes.len > SKY_REDIS_REPLY_BYTES_MAX - reader->bytes)
        return SKY_E_LIMIT;
    reader->bytes += bytes.len;
    return redisReaderFeed(reader->reader, (const char *)bytes.ptr, bytes.len) == REDIS_OK ? SKY_OK : SKY_E_MEMORY;
}

enum sky_status sky_redis_reader_next(struct sky_redis_reader *reader, struct sky_redis_reply *reply)
{
    void *whole = NULL;
    reader->status = SKY_OK;
    if (redisReaderGetReply(reader->reader, &whole) != REDIS_OK)
        return reader->status != SKY_OK                         ? reader->status
               : reader->reader->err == REDIS_ERR_OOM           ? SKY_E_MEMORY
               : strstr(reader->reader->errstr, "nested multi") ? SKY_E_LIMIT
                                                                : SKY_E_MALFORMED;
    if (!whole)
        return SKY_E_TRUNCATED;
    *reply = *(const struct sky_redis_reply *)whole;
    reader->values = 0;
    reader->bytes = reader->reader->len - reader->reader->pos; /* the beginning of the next */
    return SKY_OK;
}
