#include "window/index_table.h"

#include <stdlib.h>

#define CAPACITY_MIN 64

bool sky_index_table_reset(struct sky_index_table *table, uint64_t expected)
{
    uint64_t capacity = CAPACITY_MIN;
    while (capacity * 3 / 4 < expected)
        capacity *= 2;
    if (!table->slots || capacity != table->mask + 1) {
        struct sky_index_slot *slots = calloc(capacity, sizeof *slots);
        if (!slots)
            return false;
        free(table->slots);
        table->slots = slots;
        table->mask = capacity - 1;
    } else {
        memset(table->slots, 0, capacity * sizeof *table->slots);
    }
    table->used = 0;
    return true;
}

void sky_index_table_clean_up(struct sky_index_table *table)
{
    free(table->slots);
    *table = (struct sky_index_table){0};
}
