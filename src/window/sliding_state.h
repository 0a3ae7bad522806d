/* sliding_state.h: what a sliding window is made of; for the sliding_*.c files only.
 *
 * Three stores, and tables that find things in them:
 *
 *   posts        ring, one entry a post: author, post id, sketch. Minutes are runs of posts.
 *   occurrences  ring, one entry for each keyword of each post, in the posts' order: its row, its post, and the row's
 *                occurrence before it. So a row's occurrences can be walked newest to oldest, and the oldest minute is
 *                the first run of the ring.
 *   rows         one for each (keyword, language) of the window, with counts and the newest occurrence.
 *
 * Unique authors. Of the occurrences of one author in one row exactly one, the latest, is not `superseded`; d is the
 * number of these. When an author returns, the one before is found and superseded, and d stays; when an occurrence
 * leaves the window, d falls by one unless it was superseded. So leaving needs no look-up. Finding the one before is a
 * walk in rows of at most PAIRED_FROM occurrences (most rows have one), and in longer rows (`paired`) a look in the
 * table `pairs`. Active authors are counted over posts in the same way.
 *
 * Over all languages. The rows of one keyword are neighbours in the row table, and the union of their authors is the
 * sum of their d less each row's `overlap`: how many of its authors are in the row of an earlier language, too. Only an
 * author who wrote in several languages can be (a post's `mixed`; few are), so overlaps are counted from the
 * occurrences of such posts alone, when they are first asked for after a change.
 *
 * Ring positions are 32-bit sequence numbers that wrap; only differences and `& mask` are used. Tables hold ring
 * indices (sequence & mask); an index whose entry has left the window, or was taken over by another pair, fails the
 * check "alive, same row, same author, not superseded", which only the one right entry passes. Dead ones go when a
 * table is built anew.
 *
 * A row whose count fell to 0 stays, for most come back, until the row store is full; then the dead ones are squeezed
 * out, or the store is doubled when few are dead. */
#ifndef SKY_WINDOW_SLIDING_STATE_H
#define SKY_WINDOW_SLIDING_STATE_H

#include "window/index_table.h"
#include "window/sliding.h"

#define SLIDING_PAIRED_FROM 4 /* occurrences of a row above which authors are looked up, not walked to */
#define SLIDING_NONE        UINT32_MAX

struct sliding_post {
    uint64_t author_id;
    uint64_t post_id;
    uint64_t sketch;
    uint32_t first_occurrence; /* sequence; the next post's is the end */
    uint32_t previous;         /* sequence of the author's post before this one, if `follows` */
    uint8_t language;
    bool superseded : 1; /* the author has a later post in the window */
    bool follows : 1;    /* the author had an earlier one in the window when this one came */
    bool mixed : 1;      /* the author may have posts in other languages in the window */
};

struct sliding_occurrence {
    uint32_t row : 31;
    uint32_t superseded : 1;
    uint32_t post;     /* sequence */
    uint32_t previous; /* of the same row; meaningless in the row's oldest */
};

struct sliding_row {
    uint64_t id;
    uint32_t text_offset; /* into texts */
    uint32_t count;
    uint32_t unique;
    uint32_t newest; /* sequence of the newest occurrence; meaningless when count is 0 */
    uint32_t tag;
    uint32_t tag_all;
    uint32_t overlap : 24; /* when overlap_epoch is the window's; else 0 */
    uint32_t overlap_epoch : 8;
    uint8_t text_len;
    uint8_t language;
    uint8_t kind;
    bool paired : 1; /* its latest occurrences are in `pairs` */
    bool shared : 1; /* a row of another language has the same id */
};

struct sliding_ring {
    uint32_t head; /* sequence of the next entry */
    uint32_t tail; /* of the oldest */
    uint32_t mask;
};

struct sky_sliding {
    struct sky_sliding_options options;
    bool started;
    int64_t open_minute;
    uint32_t panes_held;  /* minutes held, the open one included */
    uint32_t *pane_posts; /* ring of window_minutes + 1 by minute: posts of it */

    struct sliding_ring post_ring;
    struct sliding_post *posts;
    struct sky_index_table authors; /* author -> index of the author's latest post */
    uint64_t authors_count;

    struct sliding_ring occurrence_ring;
    struct sliding_occurrence *occurrences;
    struct sky_index_table pairs; /* (row, author) -> index of the latest occurrence, in rows that are paired */

    struct sliding_row *rows;
    uint32_t rows_count;
    uint32_t rows_capacity;
    uint32_t rows_dead;               /* with count 0 */
    struct sky_index_table row_table; /* id -> row; the rows of one id are neighbours whatever their language */
    struct sky_buffer texts;

    bool overlaps_counted;  /* since the last change */
    uint8_t overlaps_epoch; /* never 0 once counted */

    uint64_t volume[SKY_SLIDING_LANGUAGES_MAX + 1];
};

/* A post whose keywords are given; the open minute is the caller's business. */
SKY_MUST_USE enum sky_status sliding_append(struct sky_sliding *window, const struct sky_sliding_post *post,
                                            const struct sky_keyword_list *keywords);

/* Sequence of the occurrence of `author_id` in `row` that is not superseded, through *found; false when there is none.
 */
bool sliding_find_latest(const struct sky_sliding *window, uint32_t row, uint64_t author_id, uint32_t *found);

static inline const struct sliding_post *sliding_post_at(const struct sky_sliding *window, uint32_t sequence)
{
    return &window->posts[sequence & window->post_ring.mask];
}

static inline struct sliding_occurrence *sliding_occurrence_at(const struct sky_sliding *window, uint32_t sequence)
{
    return &window->occurrences[sequence & window->occurrence_ring.mask];
}

static inline uint32_t sliding_ring_len(const struct sliding_ring *ring)
{
    return ring->head - ring->tail;
}

static inline uint64_t sliding_row_hash(const struct sky_sliding *window, uint64_t id)
{
    return sky_hash_slot(id, window->options.hash_key);
}

static inline struct sky_span sliding_row_text(const struct sky_sliding *window, const struct sliding_row *row)
{
    return sky_span_of(window->texts.ptr + row->text_offset, row->text_len);
}

#endif
