#include "base/arena.h"

#include <stdlib.h>

#define CHUNK_SIZE_BYTES_MIN ((size_t)64 * 1024)

struct sky_arena_chunk {
    struct sky_arena_chunk *next;
    size_t size_bytes; /* of `bytes` */
    uint8_t bytes[];
};

_Static_assert(sizeof(struct sky_arena_chunk) % 8 == 0, "chunk bytes must be aligned");

static void use_chunk(struct sky_arena *arena, struct sky_arena_chunk *chunk)
{
    arena->current = chunk;
    arena->next = chunk ? chunk->bytes : NULL;
    arena->end = chunk ? chunk->bytes + chunk->size_bytes : NULL;
}

void sky_arena_init(struct sky_arena *arena)
{
    *arena = (struct sky_arena){0};
}

void sky_arena_clean_up(struct sky_arena *arena)
{
    struct sky_arena_chunk *chunk = arena->first;
    while (chunk) {
        struct sky_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    sky_arena_init(arena);
}

void sky_arena_reset(struct sky_arena *arena)
{
    use_chunk(arena, arena->first);
}

size_t sky_arena_size_bytes(const struct sky_arena *arena)
{
    size_t total = 0;
    for (const struct sky_arena_chunk *chunk = arena->first; chunk; chunk = chunk->next)
        total += sizeof *chunk + chunk->size_bytes;
    return total;
}

void *sky_arena_grow(struct sky_arena *arena, size_t size_bytes)
{
    if (size_bytes == 0) {
        static const uint64_t empty = 0;
        return (void *)(uintptr_t)&empty;
    }
    while (arena->current && arena->current->next) {
        use_chunk(arena, arena->current->next);
        if (arena->current->size_bytes >= size_bytes) {
            arena->next += size_bytes;
            return arena->current->bytes;
        }
    }
    size_t want = arena->current ? arena->current->size_bytes * 2 : CHUNK_SIZE_BYTES_MIN;
    if (want < size_bytes)
        want = size_bytes;
    bool possible = want <= SIZE_MAX - sizeof(struct sky_arena_chunk);
    struct sky_arena_chunk *chunk = possible ? malloc(sizeof *chunk + want) : NULL;
    if (!chunk)
        return NULL;
    chunk->next = NULL;
    chunk->size_bytes = want;
    if (arena->current)
        arena->current->next = chunk;
    else
        arena->first = chunk;
    use_chunk(arena, chunk);
    arena->next += size_bytes;
    return chunk->bytes;
}

struct sky_span sky_arena_copy(struct sky_arena *arena, struct sky_span span)
{
    uint8_t *copy = sky_arena_alloc(arena, span.len);
    if (!copy)
        return (struct sky_span){0};
    if (span.len)
        memcpy(copy, span.ptr, span.len);
    return sky_span_of(copy, span.len);
}
