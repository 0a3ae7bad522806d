#include "io/redis/cache_merge.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_SIZE 24

static const char unchanged_script[] = "if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end\n"
                                       "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n"
                                       "return 1";

struct sky_cache_merge_item *sky_cache_merger_add(struct sky_cache_merger *merger)
{
    if (merger->count == SKY_CACHE_MERGE_MAX)
        return NULL;
    struct sky_cache_merge_item *item = &merger->items[merger->count++];
    *item = (struct sky_cache_merge_item){0};
    return item;
}

/* The items still to be done, in their order. */
static uint32_t list_open(struct sky_cache_merger *merger, struct sky_cache_merge_item *open[SKY_CACHE_MERGE_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < merger->count; i++)
        if (!merger->items[i].done)
            open[count++] = &merger->items[i];
    return count;
}

static enum sky_status read_old(struct sky_cache_merger *merger, struct sky_cache_merge_item *const *open,
                                uint32_t count)
{
    struct sky_redis_command commands[SKY_CACHE_MERGE_MAX] = {0};
    struct sky_redis_reply replies[SKY_CACHE_MERGE_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        sky_redis_command_begin(&commands[i], "GET");
        sky_redis_command_key(&commands[i], sky_span_from_string(open[i]->key));
    }
    enum sky_status status = sky_redis_pipeline(merger->redis, commands, count, replies);
    for (uint32_t i = 0; i < count && status == SKY_OK; i++) {
        sky_buffer_clear(&open[i]->old_value);
        if (replies[i].kind == SKY_REDIS_TEXT)
            sky_buffer_put_span(&open[i]->old_value, replies[i].text);
        else if (replies[i].kind != SKY_REDIS_NIL)
            status = SKY_E_MALFORMED; /* nothing that GET gives */
        if (open[i]->old_value.failed)
            status = SKY_E_MEMORY;
    }
    return status;
}

static enum sky_status merge_values(struct sky_cache_merger *merger, struct sky_cache_merge_item *const *open,
                                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sky_cache_merge_item *item = open[i];
        sky_buffer_clear(&item->new_value);
        enum sky_status status =
            merger->merge(merger->context, item->item, sky_buffer_span(&item->old_value), &item->new_value);
        if (status != SKY_OK)
            return status;
        if (item->new_value.failed)
            return SKY_E_MEMORY;
    }
    return SKY_OK;
}

static enum sky_status write_new(struct sky_cache_merger *merger, struct sky_cache_merge_item *const *open,
                                 uint32_t count)
{
    struct sky_redis_command commands[SKY_CACHE_MERGE_MAX] = {0};
    struct sky_redis_reply replies[SKY_CACHE_MERGE_MAX] = {0};
    char ttl[NUMBER_SIZE];
    snprintf(ttl, sizeof ttl, "%" PRId64, merger->ttl_ms);
    for (uint32_t i = 0; i < count; i++) {
        sky_redis_command_eval(&commands[i], unchanged_script, sky_span_from_string(open[i]->key));
        sky_redis_command_add(&commands[i], sky_buffer_span(&open[i]->old_value));
        sky_redis_command_add(&commands[i], sky_buffer_span(&open[i]->new_value));
        sky_redis_command_add(&commands[i], sky_span_from_string(ttl));
    }
    enum sky_status status = sky_redis_pipeline(merger->redis, commands, count, replies);
    bool all_fit = true;
    for (uint32_t i = 0; i < count; i++) {
        if (replies[i].kind != SKY_REDIS_INTEGER) {
            all_fit = false;
            continue;
        }
        if (replies[i].integer != 1) {
            merger->conflicts++;
            continue;
        }
        open[i]->done = true;
        merger->writes++;
        merger->merged(merger->context, open[i]->item, sky_buffer_span(&open[i]->new_value));
    }
    return status == SKY_OK && !all_fit ? SKY_E_MALFORMED : status; /* the script gives 0 or 1 */
}

enum sky_status sky_cache_merger_run(struct sky_cache_merger *merger)
{
    struct sky_cache_merge_item *open[SKY_CACHE_MERGE_MAX];
    enum sky_status status = SKY_OK;
    uint32_t count = list_open(merger, open);
    for (int i = 0; i < SKY_CACHE_MERGE_TRIES && count && status == SKY_OK; i++) {
        status = read_old(merger, open, count);
        if (status == SKY_OK)
            status = merge_values(merger, open, count);
        if (status == SKY_OK)
            status = write_new(merger, open, count);
        count = list_open(merger, open);
    }
    for (uint32_t i = 0; i < merger->count; i++) {
        sky_buffer_clean_up(&merger->items[i].old_value);
        sky_buffer_clean_up(&merger->items[i].new_value);
    }
    return status == SKY_OK && count ? SKY_E_IO : status;
}
