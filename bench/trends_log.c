#include "trends_log.h"

#include <stdlib.h>

#include "base/hash.h"

static struct trends_map_entry *find(struct trends_map_entry *entries, uint64_t mask, uint64_t id)
{
    uint64_t slot = id & mask;
    while (entries[slot].id && entries[slot].id != id)
        slot = (slot + 1) & mask;
    return &entries[slot];
}

static bool grow(struct trends_map *map)
{
    uint64_t mask = map->mask ? 2 * map->mask + 1 : 1023;
    struct trends_map_entry *entries = calloc(mask + 1, sizeof *entries);
    if (!entries)
        return false;
    for (uint64_t i = 0; map->entries && i <= map->mask; i++)
        if (map->entries[i].id)
            *find(entries, mask, map->entries[i].id) = map->entries[i];
    free(map->entries);
    map->entries = entries;
    map->mask = mask;
    return true;
}

uint32_t trends_map_put(struct trends_map *map, uint64_t id, uint32_t fresh)
{
    id |= 1;
    if (2 * map->count >= map->mask && !grow(map))
        return UINT32_MAX;
    struct trends_map_entry *entry = find(map->entries, map->mask, id);
    if (!entry->id) {
        *entry = (struct trends_map_entry){id, fresh};
        map->count++;
    }
    return entry->value;
}

bool trends_map_get(const struct trends_map *map, uint64_t id, uint32_t *value)
{
    if (!map->entries)
        return false;
    const struct trends_map_entry *entry = find(map->entries, map->mask, id | 1);
    *value = entry->value;
    return entry->id != 0;
}

void trends_log_clean_up(struct trends_log *log)
{
    free(log->keywords.entries);
    free(log->open.entries);
    free(log->names);
    free(log->intervals);
    sky_arena_clean_up(&log->arena);
    *log = (struct trends_log){.count = 0};
}

static bool reserve(void **items, size_t count, size_t size, size_t *capacity)
{
    if (count < *capacity)
        return true;
    size_t more = *capacity ? 2 * *capacity : 1024;
    void *grown = realloc(*items, more * size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = more;
    return true;
}

uint32_t trends_log_keyword(struct trends_log *log, struct sky_span keyword)
{
    uint32_t number = trends_map_put(&log->keywords, sky_hash_id(keyword), log->names_count);
    if (number != log->names_count)
        return number;
    size_t capacity = log->names_capacity;
    void *names = log->names;
    struct sky_span copy = sky_arena_copy(&log->arena, keyword);
    if (!copy.ptr || !reserve(&names, log->names_count, sizeof *log->names, &capacity))
        return UINT32_MAX;
    log->names = names;
    log->names_capacity = (uint32_t)capacity;
    log->names[log->names_count++] = copy;
    return number;
}

bool trends_log_show(struct trends_log *log, struct sky_span keyword, uint64_t display, double confidence)
{
    uint32_t number = trends_log_keyword(log, keyword);
    uint32_t place = trends_map_put(&log->open, display, (uint32_t)log->count);
    if (number == UINT32_MAX || place == UINT32_MAX)
        return false;
    if (place < log->count && log->intervals[place].to >= log->now - 1) {
        log->intervals[place].to = log->now;
        return true;
    }
    find(log->open.entries, log->open.mask, display | 1)->value = (uint32_t)log->count;
    void *intervals = log->intervals;
    if (!reserve(&intervals, log->count, sizeof *log->intervals, &log->capacity))
        return false;
    log->intervals = intervals;
    log->intervals[log->count++] = (struct sky_evaluation_interval){number, log->now, log->now, confidence};
    return true;
}

void trends_log_hide(struct trends_log *log, uint64_t display)
{
    uint32_t place;
    if (trends_map_get(&log->open, display, &place) && place < log->count)
        log->intervals[place].to = log->now;
}
