/* minute_records.h: what is published beside the snapshots: WindowedKeywordCount rows and Activity.
 *
 * Memory   a builder owns the arrays of its records, until the next build; keywords and sample posts borrow the window
 *          and the store, until either changes. */
#ifndef SKY_ENGINE_MINUTE_RECORDS_H
#define SKY_ENGINE_MINUTE_RECORDS_H

#include "engine/sample.h"
#include "engine/snapshot.h"
#include "window/tumbling.h"

/* Ours: sample posts of a count at most; there are thousands of counts a minute. */
#define SKY_COUNT_SAMPLES_MAX 1

struct sky_count_builder { /* zeroed before the first build */
    struct sky_arena arena;
    struct sky_sliding_row *rows;
    uint32_t rows_capacity;
    uint64_t *post_ids; /* by row number: the post to show, when it may be shown */
    uint32_t post_ids_capacity;
    const struct sky_keyword_count *counts;
    uint32_t counts_count;
};

/* Every keyword of one language with at least options->min_frequency mentions in the window just closed, by language
 * (in the order of the options, then "other"), then keyword bytes. Of `input` the result is not used.
 * SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_counts_build(struct sky_count_builder *builder,
                                              const struct sky_snapshot_input *input);
void sky_count_builder_clean_up(struct sky_count_builder *builder);

/* The record of a window that has ended; its lists are in the arena. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_activity_build(struct sky_arena *arena, const struct sky_engine_options *options,
                                                const struct sky_activity *from, struct sky_activity_record *record);

#endif
