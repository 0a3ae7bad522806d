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

/* The post of an author that stands for a keyword. */
struct sky_sample_pick {
    uint64_t post_id;
    uint64_t author_id;
};

struct sky_sample_filter {
    const void *context;
    bool (*is_visible)(const void *context, uint64_t post_id);
};

/* At most `limit` (SKY_SAMPLES_MAX) picks of a row, the smallest post_id first; returns how many. */
uint32_t sky_sample_picks(struct sky_sliding *window, const struct sky_sliding_row *row,
                          const struct sky_sample_filter *filter, uint32_t limit, struct sky_sample_pick *picks);

/* The picks as they are shown; one that the store does not show is left out. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_sample_show(struct sky_arena *arena, const struct sky_post_store *store,
                                             const struct sky_sample_pick *picks, uint32_t picks_count,
                                             const struct sky_sample_post **samples, uint32_t *count);

struct sky_sample_source {
    struct sky_arena *arena;
    struct sky_sliding *window; /* just closed */
    const struct sky_post_store *store;
    uint32_t limit; /* samples of a keyword, SKY_SAMPLES_MAX at most */
};

/* Both in one. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_sample_choose(const struct sky_sample_source *source,
                                               const struct sky_sliding_row *row,
                                               const struct sky_sample_post **samples, uint32_t *count);

#endif
