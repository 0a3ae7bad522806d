/* sample.h: which posts of the window are shown for a keyword: the visible ones with the smallest ids (a hash of the
 * uri), one an author. The same in every run, and nobody can make sure to be chosen by posting more.
 *
 * Memory   the samples live in the arena, their texts in the store. */
#ifndef SKY_ENGINE_SAMPLE_H
#define SKY_ENGINE_SAMPLE_H

#include "base/arena.h"
#include "engine/post_store.h"
#include "trend/record.h"
#include "window/sliding.h"

#define SKY_SAMPLES_MAX 32

struct sky_sample_source {
    struct sky_arena *arena;
    struct sky_sliding *window; /* just closed */
    const struct sky_post_store *store;
    uint32_t limit; /* samples of a keyword, SKY_SAMPLES_MAX at most */
};

/* SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_sample_choose(const struct sky_sample_source *source,
                                               const struct sky_sliding_row *row,
                                               const struct sky_sample_post **samples, uint32_t *count);

#endif
