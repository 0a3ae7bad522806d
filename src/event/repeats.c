/* A ring of (identity, time) in the order they came, and an open-addressing table of places in the ring. The oldest
 * leaves the ring and the table together; a slot is freed by moving back what stands behind it (Knuth, TAOCP 3, 6.4,
 * algorithm R), so that probes stay short without tombstones. */
#include "event/repeats.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

#define ENTRIES_MIN 1024
#define FREE        UINT32_MAX

struct entry {
    uint64_t identity;
    int64_t time_ms;
};

struct sky_repeats {
    int64_t span_ms;
    uint32_t entries_max;
    uint64_t hash_key;
    struct entry *ring;
    uint32_t capacity; /* of the ring, a power of two */
    uint32_t first;
    uint32_t count;
    uint32_t *slots; /* places in the ring; twice the capacity */
};

static uint32_t home(const struct sky_repeats *repeats, uint64_t identity)
{
    return (uint32_t)sky_hash_slot(identity, repeats->hash_key) & (2 * repeats->capacity - 1);
}

static uint32_t next(const struct sky_repeats *repeats, uint32_t slot)
{
    return (slot + 1) & (2 * repeats->capacity - 1);
}

/* Where it stands, or would. */
static uint32_t find(const struct sky_repeats *repeats, uint64_t identity)
{
    uint32_t slot = home(repeats, identity);
    while (repeats->slots[slot] != FREE && repeats->ring[repeats->slots[slot]].identity != identity)
        slot = next(repeats, slot);
    return slot;
}

static void free_slot(struct sky_repeats *repeats, uint32_t hole)
{
    uint32_t mask = 2 * repeats->capacity - 1;
    for (uint32_t slot = next(repeats, hole); repeats->slots[slot] != FREE; slot = next(repeats, slot)) {
        uint32_t from = home(repeats, repeats->ring[repeats->slots[slot]].identity);
        if (((slot - from) & mask) < ((slot - hole) & mask))
            continue; /* its home lies behind the hole */
        repeats->slots[hole] = repeats->slots[slot];
        hole = slot;
    }
    repeats->slots[hole] = FREE;
}

static void forget_oldest(struct sky_repeats *repeats)
{
    free_slot(repeats, find(repeats, repeats->ring[repeats->first].identity));
    repeats->first = (repeats->first + 1) & (repeats->capacity - 1);
    repeats->count--;
}

/* With room for `capacity`; what is there is kept. */
static bool make_room(struct sky_repeats *repeats, uint32_t capacity)
{
    assert(capacity > 0);
    struct entry *ring = malloc(capacity * sizeof *ring);
    uint32_t *slots = malloc((size_t)2 * capacity * sizeof *slots);
    if (!ring || !slots) {
        free(ring);
        free(slots);
        return false;
    }
    for (uint32_t i = 0; i < repeats->count; i++)
        ring[i] = repeats->ring[(repeats->first + i) & (repeats->capacity - 1)];
    free(repeats->ring);
    free(repeats->slots);
    repeats->ring = ring;
    repeats->slots = slots;
    repeats->capacity = capacity;
    repeats->first = 0;
    memset(slots, 0xff, (size_t)2 * capacity * sizeof *slots);
    for (uint32_t i = 0; i < repeats->count; i++)
        slots[find(repeats, ring[i].identity)] = i;
    return true;
}

enum sky_status sky_repeats_new(const struct sky_repeats_options *options, struct sky_repeats **out)
{
    struct sky_repeats *repeats = calloc(1, sizeof *repeats);
    *out = NULL;
    if (!repeats)
        return SKY_E_MEMORY;
    repeats->span_ms = options->span_ms ? options->span_ms : SKY_REPEATS_SPAN_MS;
    repeats->entries_max = options->entries_max ? options->entries_max : SKY_REPEATS_MAX;
    repeats->hash_key = options->hash_key;
    if (!make_room(repeats, repeats->entries_max < ENTRIES_MIN ? repeats->entries_max : ENTRIES_MIN)) {
        sky_repeats_free(repeats);
        return SKY_E_MEMORY;
    }
    *out = repeats;
    return SKY_OK;
}

void sky_repeats_free(struct sky_repeats *repeats)
{
    if (!repeats)
        return;
    free(repeats->ring);
    free(repeats->slots);
    free(repeats);
}

uint64_t sky_repeats_identity(const struct sky_post *post, struct sky_span time)
{
    bool is_account = post->op == SKY_POST_ACCOUNT;
    uint64_t id = sky_hash_id_in(post->author_did, is_account ? 1 + (uint64_t)post->active : 0);
    id = sky_hash_id_in(is_account ? post->status : post->rev, id);
    return sky_hash_id_in(is_account ? time : post->rkey, id);
}

bool sky_repeats_seen(struct sky_repeats *repeats, uint64_t identity, int64_t event_time_ms)
{
    while (repeats->count && repeats->ring[repeats->first].time_ms < event_time_ms - repeats->span_ms)
        forget_oldest(repeats);
    if (repeats->slots[find(repeats, identity)] != FREE)
        return true;
    bool is_full = repeats->count == repeats->capacity;
    if (is_full && (repeats->capacity >= repeats->entries_max || !make_room(repeats, 2 * repeats->capacity)))
        forget_oldest(repeats);
    uint32_t place = (repeats->first + repeats->count) & (repeats->capacity - 1);
    repeats->slots[find(repeats, identity)] = place;
    repeats->ring[place] = (struct entry){identity, event_time_ms};
    repeats->count++;
    return false;
}

uint32_t sky_repeats_count(const struct sky_repeats *repeats)
{
    return repeats->count;
}
