/* row.h: what a count stage tells of a keyword, as the rank stage reads it. Numbers are little-endian base 128
 * (LEB128).
 *
 *     u8 flags, number language (languages: all of them together), number mentions, number authors,
 *     the keyword: with HAS_TEXT u8 kind, u8 length, bytes; otherwise u64 id (sky_hash_id of its bytes)
 *     with IS_ALL the number of languages it is spread over
 *     with HAS_PICKS u8 count and for each u64 post id, u64 author id: its samples, best first
 *
 * IS_ALONE: no other language has the keyword, so that this row is the one of all languages too.
 *
 * Memory   a read row borrows the input. */
#ifndef SKY_STAGE_ROW_H
#define SKY_STAGE_ROW_H

#include "base/buffer.h"
#include "engine/sample.h"

enum sky_row_flag { SKY_ROW_HAS_TEXT = 1, SKY_ROW_IS_ALL = 2, SKY_ROW_IS_ALONE = 4, SKY_ROW_HAS_PICKS = 8 };

void sky_number_put(struct sky_buffer *buffer, uint32_t number);
uint32_t sky_number_get(struct sky_reader *reader);

struct sky_row {
    uint32_t flags;
    uint32_t language;
    uint32_t count;
    uint32_t unique_authors;
    enum sky_keyword_kind kind; /* with HAS_TEXT */
    struct sky_span keyword;    /* likewise */
    uint64_t id;
    uint32_t spread; /* with IS_ALL */
    uint32_t picks_count;
    struct sky_sample_pick picks[SKY_SAMPLES_MAX];
};

void sky_row_put(struct sky_buffer *buffer, const struct sky_row *row);
void sky_row_get(struct sky_reader *reader, struct sky_row *row); /* errors are in the reader */

/* A list of rows of the most used: number of rows, and the rows, all with HAS_TEXT. */
void sky_rows_put(struct sky_buffer *buffer, const struct sky_sliding_row *rows, uint32_t count);

#endif
