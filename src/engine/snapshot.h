/* snapshot.h: from the state after a slide to the TrendSnapshot that is published.
 *
 * Memory   the builder owns the arrays of its snapshot, until the next build; keywords and sample posts borrow the
 *          tracker and the store, until either changes. */
#ifndef SKY_ENGINE_SNAPSHOT_H
#define SKY_ENGINE_SNAPSHOT_H

#include "base/arena.h"
#include "engine/engine.h"
#include "engine/post_store.h"
#include "trend/tracker.h"

/* Of a snapshot's top_keywords, for sky_sliding_top. */
#define SKY_SNAPSHOT_TOP_KINDS (1U << SKY_KEYWORD_WORD | 1U << SKY_KEYWORD_HASHTAG)

/* What a slide gave, wherever it was counted. */
struct sky_slide {
    const struct sky_engine_options *options;
    int64_t end_minute; /* of the window, exclusive */
    uint64_t posts;
    uint64_t active_authors;
    const uint64_t *volume;            /* by language; options->languages_count + 1 of them */
    const struct sky_sliding_row *top; /* the most used words and hashtags, in sky_sliding_top's order */
    uint32_t top_count;
    const struct sky_tracker_result *result;
    void *context;
    /* Set the alert's unique_authors and samples, which live in the arena; leave them when the trend's keyword is not
     * in the window. SKY_E_MEMORY is the only error. */
    enum sky_status (*describe)(void *context, struct sky_arena *arena, const struct sky_trend *trend,
                                struct sky_trend_alert *alert);
};

/* A slide that was counted in one window. */
struct sky_snapshot_input {
    const struct sky_engine_options *options;
    struct sky_sliding *window; /* just closed */
    const struct sky_post_store *store;
    const struct sky_tracker_result *result;
};

struct sky_snapshot_builder { /* zeroed before the first build */
    struct sky_arena arena;
    struct sky_trend_snapshot snapshot;
};

/* SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_snapshot_of_slide(struct sky_snapshot_builder *builder, const struct sky_slide *slide);
SKY_MUST_USE enum sky_status sky_snapshot_build(struct sky_snapshot_builder *builder,
                                                const struct sky_snapshot_input *input);
void sky_snapshot_builder_clean_up(struct sky_snapshot_builder *builder);

#endif
