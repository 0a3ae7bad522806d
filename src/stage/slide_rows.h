/* slide_rows.h: the rows of one slide, from all buckets: sums and lists first, then the rows one by one; those that
 * have samples are kept to be looked up.
 *
 * Memory   owned, in an arena that the next slide reuses; rows borrow the packets they were read from.
 * Threads  one owner. */
#ifndef SKY_STAGE_SLIDE_ROWS_H
#define SKY_STAGE_SLIDE_ROWS_H

#include "base/arena.h"
#include "engine/options.h"
#include "stage/row.h"
#include "window/index_table.h"

struct sky_kept_row {
    uint64_t id;
    struct sky_span keyword;
    uint32_t language; /* languages: all of them */
    uint32_t count;
    uint32_t unique_authors;
    bool is_alone; /* it is the row of all languages too */
    const struct sky_sample_pick *picks;
    uint32_t picks_count;
};

struct sky_slide_rows { /* zeroed before the first use */
    struct sky_arena arena;
    uint64_t volume[SKY_ENGINE_LANGUAGES_MAX + 1]; /* the last is the sum, at options->languages_count + 1 */
    struct sky_sliding_row *top;                   /* the most used of all buckets, in order */
    uint32_t top_count;
    uint32_t top_capacity;
    struct sky_kept_row *kept;
    uint32_t kept_count;
    uint32_t kept_capacity;
    uint64_t rows; /* of one language each */
    struct sky_index_table by_id;
};

void sky_slide_rows_clean_up(struct sky_slide_rows *rows);

/* Begin a slide with what stands before the rows of each entry (SKY_PACKET_ROWS). SKY_E_MEMORY is returned, other
 * errors are in the reader. */
SKY_MUST_USE enum sky_status sky_slide_rows_begin(struct sky_slide_rows *rows, const struct sky_engine_options *options,
                                                  struct sky_reader *entries);

/* Give all rows to the tracker, which has begun the slide, and keep those with samples. `entries` again. */
SKY_MUST_USE enum sky_status sky_slide_rows_count(struct sky_slide_rows *rows, const struct sky_engine_options *options,
                                                  struct sky_reader *entries, struct sky_tracker *tracker);

/* NULL when there is none. */
const struct sky_kept_row *sky_slide_rows_find(const struct sky_slide_rows *rows,
                                               const struct sky_engine_options *options, uint32_t language,
                                               struct sky_span keyword);

/* Read a list of rows (sky_rows_put) into *items behind the `*count` that are there. */
SKY_MUST_USE enum sky_status sky_rows_get(struct sky_reader *reader, struct sky_sliding_row **items, uint32_t *count,
                                          uint32_t *capacity);

/* Sort by use and return how many are left of `count` when at most `limit` are wanted. */
uint32_t sky_rows_most_used(struct sky_sliding_row *items, uint32_t count, uint32_t limit);

#endif
