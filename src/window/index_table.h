/* index_table.h: an open-addressing table from hashes to numbers (of rows, occurrences, posts, ...).
 *
 * The table knows no keys: the caller hashes (sky_hash_slot, keyed), and checks each number that comes up against what
 * it names. Nothing is ever removed one by one; the caller builds the table anew when it is full, leaving out what has
 * died. Probing is linear; 32 bits of the hash beside each number keep most misses from touching the caller's memory.
 *
 * Memory   owned; 8 bytes a slot, between 3/8 and 3/4 of them used after a reset for the right size. */
#ifndef SKY_WINDOW_INDEX_TABLE_H
#define SKY_WINDOW_INDEX_TABLE_H

#include "base/hash.h"
#include "base/status.h"

struct sky_index_slot {
    uint32_t fingerprint;
    uint32_t number_plus_1; /* 0: empty */
};

struct sky_index_table {
    struct sky_index_slot *slots;
    uint64_t mask; /* capacity - 1, a power of two */
    uint64_t used;
};

/* Empty, with room for `expected` numbers before it is full. False when there is no memory; what it held is kept then.
 * A zeroed table must be reset before anything else. */
SKY_MUST_USE bool sky_index_table_reset(struct sky_index_table *table, uint64_t expected);
void sky_index_table_clean_up(struct sky_index_table *table);

/* No room for one more: reset and insert what is alive, then go on. */
static inline bool sky_index_table_is_full(const struct sky_index_table *table)
{
    return table->used * 4 >= (table->mask + 1) * 3;
}

static inline void sky_index_table_prefetch(const struct sky_index_table *table, uint64_t hash)
{
    __builtin_prefetch(&table->slots[hash & table->mask]);
}

/* Each number inserted under a hash like this one, oldest first; start with *probe = 0. */
static inline bool sky_index_table_next(const struct sky_index_table *table, uint64_t hash, uint64_t *probe,
                                        uint32_t *number)
{
    for (;;) {
        const struct sky_index_slot *slot = &table->slots[(hash + (*probe)++) & table->mask];
        if (!slot->number_plus_1)
            return false;
        if (slot->fingerprint == (uint32_t)(hash >> 32)) {
            *number = slot->number_plus_1 - 1;
            return true;
        }
    }
}

/* Put another number where sky_index_table_next has just found one. */
static inline void sky_index_table_replace(struct sky_index_table *table, uint64_t hash, uint64_t probe,
                                           uint32_t number)
{
    table->slots[(hash + probe - 1) & table->mask].number_plus_1 = number + 1;
}

/* The table must not be full. */
static inline void sky_index_table_insert(struct sky_index_table *table, uint64_t hash, uint32_t number)
{
    uint64_t at = hash & table->mask;
    while (table->slots[at].number_plus_1)
        at = (at + 1) & table->mask;
    table->slots[at] = (struct sky_index_slot){(uint32_t)(hash >> 32), number + 1};
    table->used++;
}

#endif
