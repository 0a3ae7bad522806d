/* arena.h: memory that is given back all at once.
 *
 * Memory   owns its chunks; what it hands out lives until sky_arena_reset or sky_arena_clean_up.
 * Threads  one owner.
 *
 * After a reset the chunks are kept, so that a decoder which resets per item stops calling malloc. */
#ifndef SKY_BASE_ARENA_H
#define SKY_BASE_ARENA_H

#include "base/span.h"
#include "base/status.h"

struct sky_arena_chunk;

struct sky_arena {
    struct sky_arena_chunk *first;   /* chunks in order of use */
    struct sky_arena_chunk *current; /* the one allocated from; later ones are empty */
    uint8_t *next;                   /* first free byte of `current` */
    uint8_t *end;
};

/* Ready to use, without memory; cannot fail. A zeroed arena is the same. */
void sky_arena_init(struct sky_arena *arena);
void sky_arena_clean_up(struct sky_arena *arena);

/* Forget everything handed out, keep the chunks. */
void sky_arena_reset(struct sky_arena *arena);

/* Bytes held from the system. */
size_t sky_arena_size_bytes(const struct sky_arena *arena);

void *sky_arena_grow(struct sky_arena *arena, size_t size_bytes);

/* `size_bytes` bytes aligned to 8, not cleared; NULL when the system has no memory. */
static inline SKY_MUST_USE void *sky_arena_alloc(struct sky_arena *arena, size_t size_bytes)
{
    size_t rounded = (size_bytes + 7) & ~(size_t)7;
    if (rounded < size_bytes)
        return NULL;
    if ((size_t)(arena->end - arena->next) < rounded || !arena->next)
        return sky_arena_grow(arena, rounded);
    void *result = arena->next;
    arena->next += rounded;
    return result;
}

/* A copy of `span` in the arena; ptr is NULL when the system has no memory (and span.len > 0). */
SKY_MUST_USE struct sky_span sky_arena_copy(struct sky_arena *arena, struct sky_span span);

#endif
