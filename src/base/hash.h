/* hash.h: XXH3, as identity and as table hash.
 *
 * An id (sky_hash_id) names a string everywhere, in both engines and in checkpoints: it is unkeyed and never
 * changes. A table's slot comes from sky_hash_slot, keyed with randomness given at start, so that a sender cannot
 * choose keywords that fall into one slot; no output may depend on that key. */
#ifndef SKY_BASE_HASH_H
#define SKY_BASE_HASH_H

#include "base/span.h"

uint64_t sky_hash_id(struct sky_span span);

/* The id of `span` within `space` (a language, a kind): other spaces give unrelated ids. */
uint64_t sky_hash_id_in(struct sky_span span, uint64_t space);

/* Spread an id over table slots under `key`: a strong 64-bit mixer (the finaliser of MurmurHash3). */
static inline uint64_t sky_hash_slot(uint64_t id, uint64_t key)
{
    uint64_t h = id ^ key;
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    h ^= h >> 33;
    return h;
}

#endif
