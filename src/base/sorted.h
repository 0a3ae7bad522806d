/* sorted.h: a place in an array that is sorted by ids. */
#ifndef SKY_BASE_SORTED_H
#define SKY_BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The first of `count` items of `size` bytes whose id, with which each begins, is not below `id`; `count`: none is. */
static inline size_t sky_lower_bound(const void *items, size_t count, size_t size, uint64_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t found;
        memcpy(&found, (const char *)items + middle * size, sizeof found);
        if (found < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
