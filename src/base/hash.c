#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t sky_hash_id(struct sky_span span)
{
    return XXH3_64bits(span.ptr, span.len);
}

uint64_t sky_hash_id_in(struct sky_span span, uint64_t space)
{
    return XXH3_64bits_withSeed(span.ptr, span.len, space);
}
