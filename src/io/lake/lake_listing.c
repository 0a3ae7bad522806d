#include "io/lake/lake_listing.h"

#include <stdlib.h>

#include "base/time.h"

#define FIRST_CAPACITY 256

static enum sky_status add(void *context, const struct sky_s3_object *object)
{
    struct sky_lake_listing *listing = (struct sky_lake_listing *)context;
    struct sky_lake_file file;
    if (!sky_lake_parse_key(object->key, &file) || file.hour_ms >= listing->end_ms ||
        file.hour_ms + SKY_HOUR_MS <= listing->start_ms)
        return SKY_OK;
    if (listing->count == SKY_LAKE_FILES_MAX)
        return SKY_E_LIMIT;
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity ? listing->capacity * 2 : FIRST_CAPACITY;
        struct sky_lake_entry *entries = reallocarray(listing->entries, capacity, sizeof *entries);
        if (!entries)
            return SKY_E_MEMORY;
        listing->entries = entries;
        listing->capacity = capacity;
    }
    struct sky_lake_entry *entry = &listing->entries[listing->count++];
    *entry = (struct sky_lake_entry){.size_bytes = object->size_bytes, .modified_ms = object->modified_ms};
    entry->key = sky_span_of(NULL, object->key.len); /* its place is known when all are there */
    sky_buffer_put_span(&listing->keys, object->key);
    sky_buffer_put_u8(&listing->keys, '\0');
    return listing->keys.failed ? SKY_E_MEMORY : SKY_OK;
}

static int compare_entries(const void *a, const void *b)
{
    const struct sky_lake_entry *p = (const struct sky_lake_entry *)a, *q = (const struct sky_lake_entry *)b;
    return sky_lake_file_compare(&p->file, &q->file);
}

/* Sorted, whatever covers an entry stands before it; and the one that reaches farthest covers if any does. */
static void mark_covered(struct sky_lake_listing *listing)
{
    size_t farthest = 0;
    for (size_t i = 1; i < listing->count; i++) {
        struct sky_lake_entry *entry = &listing->entries[i];
        const struct sky_lake_entry *outer = &listing->entries[farthest];
        entry->covered = sky_lake_covers(&outer->file, &entry->file);
        if (!entry->covered)
            farthest = i;
    }
}

enum sky_status sky_lake_list(struct sky_lake_store *store, enum sky_lake_table table, int64_t start_ms, int64_t end_ms,
                              struct sky_lake_listing *listing)
{
    char folder[SKY_LAKE_KEY_SIZE];
    *listing = (struct sky_lake_listing){.start_ms = start_ms, .end_ms = end_ms};
    sky_lake_get_common_path(table, start_ms, end_ms, folder);
    enum sky_status status = sky_lake_store_list(store, folder, add, listing);
    if (status != SKY_OK)
        return status;
    const uint8_t *key = listing->keys.ptr;
    for (size_t i = 0; i < listing->count; i++) {
        struct sky_lake_entry *entry = &listing->entries[i];
        entry->key.ptr = key;
        key += entry->key.len + 1;
        if (!sky_lake_parse_key(entry->key, &entry->file))
            return SKY_E_MALFORMED;
    }
    if (listing->count > 1)
        qsort(listing->entries, listing->count, sizeof *listing->entries, compare_entries);
    mark_covered(listing);
    return SKY_OK;
}

void sky_lake_listing_clean_up(struct sky_lake_listing *listing)
{
    free(listing->entries);
    sky_buffer_clean_up(&listing->keys);
}
