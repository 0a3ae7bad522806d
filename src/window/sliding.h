/* sliding.h: how often, and by how many authors, each keyword of each language was used in the last minutes.
 *
 * The window is [end - W, end) with W = window_minutes and end moving one minute at a time. `count` is mentions (a
 * keyword counts once a post), `unique_authors` is exact up to collisions of 64-bit ids. Work is linear in the events
 * and does not depend on W.
 *
 * Order    within the open minute any order gives the same rows; an event of a closed minute is SKY_E_LATE. Repeats of
 *          a post are for the caller to drop: each call of sky_sliding_add is one post.
 *          Rows come in no order that may be relied on.
 * Memory   owned: about 30 bytes an occurrence, 40 a post, 60 a keyword and its text, tables included; what left the
 *          window is reused. Spans handed out live until the next add, close or load.
 * Threads  one owner.
 * Trust    keywords are hostile: table slots depend on `hash_key`, outputs never do.
 *
 *     sky_sliding_start(window, minute);
 *     sky_sliding_add(window, minute, &post, &keywords);   ... any number
 *     sky_sliding_close(window);                           the window now ends at the end of `minute`
 *     struct sky_sliding_row row;
 *     for (uint32_t cursor = 0; sky_sliding_next(window, &cursor, &row);) ... */
#ifndef SKY_WINDOW_SLIDING_H
#define SKY_WINDOW_SLIDING_H

#include "base/buffer.h"
#include "text/keyword.h"

/* Ours: languages with counts of their own, and the longest window. */
#define SKY_SLIDING_LANGUAGES_MAX      31
#define SKY_SLIDING_WINDOW_MINUTES_MAX 1440

struct sky_sliding;

struct sky_sliding_options {
    uint32_t window_minutes; /* 1 .. SKY_SLIDING_WINDOW_MINUTES_MAX */
    uint32_t languages;      /* languages are 0 .. languages - 1; `languages` itself names all of them together, `*` */
    uint64_t hash_key;
};

struct sky_sliding_post {
    uint64_t author_id; /* sky_hash_id of the DID */
    uint64_t post_id;   /* sky_hash_id of the uri */
    uint64_t sketch;    /* of the text, for finding near-copies */
    uint32_t language;
};

/* What a row's tag can hold: the owner of the statistics notes there where it keeps the keyword. */
#define SKY_SLIDING_TAG_UNKNOWN UINT32_C(0)          /* new in the window: not looked up yet */
#define SKY_SLIDING_TAG_NONE    UINT32_C(0xffffffff) /* looked up: not kept */

struct sky_sliding_row {
    uint64_t id; /* sky_hash_id(keyword): the same in every language */
    struct sky_span keyword;
    uint32_t language;
    enum sky_keyword_kind kind; /* of the first use in the window; bytes and kind go together ("#tag", spaces) */
    uint32_t count;             /* x */
    uint32_t unique_authors;    /* d */
    uint32_t voices;            /* unique_authors until near-copies are collapsed */
    uint32_t number;            /* of the row, for sky_sliding_all and _walk; good until the next add, close or load */
    bool shared;                /* rows of other languages may hold the same keyword */
    uint32_t *tag;              /* for the statistics of `language`; NULL in a row of all languages */
    uint32_t *tag_all;          /* for the statistics of `*` */
};

/* NULL when there is no memory. */
struct sky_sliding *sky_sliding_new(const struct sky_sliding_options *options);
void sky_sliding_free(struct sky_sliding *window);

/* Open the first minute (event time / 60,000). Once, before anything else but load. */
void sky_sliding_start(struct sky_sliding *window, int64_t minute);
bool sky_sliding_is_started(const struct sky_sliding *window);
int64_t sky_sliding_open_minute(const struct sky_sliding *window);

/* Count one post for each of its keywords (distinct by bytes). An empty list counts as a post and an author.
 *   SKY_E_LATE    `minute` is closed; nothing done
 *   SKY_E_RANGE   `minute` is not open yet, or no such language; nothing done
 *   SKY_E_MEMORY  the window is then good only for sky_sliding_free */
SKY_MUST_USE enum sky_status sky_sliding_add(struct sky_sliding *window, int64_t minute,
                                             const struct sky_sliding_post *post,
                                             const struct sky_keyword_list *keywords);

/* Close the open minute and open the next. Until the next add everything below speaks of the W minutes that end with
 * the closed one. SKY_E_MEMORY as above. */
SKY_MUST_USE enum sky_status sky_sliding_close(struct sky_sliding *window);

/* Each row with count > 0, of one language each. Start with *cursor = 0; false at the end. */
bool sky_sliding_next(struct sky_sliding *window, uint32_t *cursor, struct sky_sliding_row *row);

/* The same keyword over all languages: count is the sum; unique_authors and voices are 0 until sky_sliding_unite.
 * `spread` is how many languages have at least `spread_authors` authors. *first is true for one of
 * the keyword's rows, so that a pass over all rows can take each keyword once: that of the first such language, or if
 * there is none of the first language. */
struct sky_sliding_all {
    struct sky_sliding_row row; /* language = options.languages, tag NULL */
    uint32_t languages;         /* rows of one language that make it up */
    uint32_t spread;
    bool first;
    uint32_t numbers[SKY_SLIDING_LANGUAGES_MAX]; /* their row numbers, by language */
};
void sky_sliding_all(struct sky_sliding *window, const struct sky_sliding_row *row, uint32_t spread_authors,
                     struct sky_sliding_all *all);
/* Set unique_authors to the size of the union. The first call after a change costs a pass over the posts. */
void sky_sliding_unite(struct sky_sliding *window, struct sky_sliding_all *all);
/* Set tag_all in every row of that keyword. */
void sky_sliding_tag_all(struct sky_sliding *window, const struct sky_sliding_all *all, uint32_t tag);

/* The row of a keyword by its normalised bytes, `language` may be options.languages (all of them). False when it is
 * not in the window. */
bool sky_sliding_find(struct sky_sliding *window, uint32_t language, struct sky_span keyword,
                      struct sky_sliding_row *row);

/* The occurrences of a row, newest minute first, within a minute in an order of no meaning. A row of all languages
 * gives those of every language, one after the other. */
struct sky_sliding_occurrence {
    uint64_t author_id;
    uint64_t post_id;
    uint64_t sketch;
};
struct sky_sliding_walk {
    uint32_t next; /* occurrence */
    uint32_t left; /* of this row */
    uint32_t rows_left;
    uint32_t rows[SKY_SLIDING_LANGUAGES_MAX];
};
void sky_sliding_walk_begin(struct sky_sliding *window, const struct sky_sliding_row *row,
                            struct sky_sliding_walk *walk);
bool sky_sliding_walk_next(const struct sky_sliding *window, struct sky_sliding_walk *walk,
                           struct sky_sliding_occurrence *occurrence);

/* The smallest post id of each row with at least `min_count` mentions, at the place of its number; 0 at the places of
 * other rows. `post_ids` has sky_sliding_numbers(window) places. One pass over the occurrences as they lie in memory:
 * for many rows much faster than a walk for each. */
void sky_sliding_smallest_posts(const struct sky_sliding *window, uint32_t min_count, uint64_t *post_ids);
uint32_t sky_sliding_numbers(const struct sky_sliding *window); /* above every row's number */

/* The k rows with most authors, by unique_authors, then count, then keyword bytes, then language. `kinds` has bit
 * (1 << kind) for each kind wanted; `language` < options.languages for one, otherwise rows of every language. Returns
 * how many were written to `rows`. O(rows log k). */
uint32_t sky_sliding_top(struct sky_sliding *window, uint32_t language, uint32_t kinds, uint32_t k,
                         struct sky_sliding_row *rows);

/* < 0 when a stands before b in that order. */
int sky_sliding_order_of_use(const struct sky_sliding_row *a, const struct sky_sliding_row *b);

/* N of TRENDS.md: the sum of voices over words and hashtags; for options.languages the sum over languages. */
uint64_t sky_sliding_volume(const struct sky_sliding *window, uint32_t language);
uint64_t sky_sliding_posts(const struct sky_sliding *window);
uint64_t sky_sliding_authors(const struct sky_sliding *window);  /* distinct, over all languages */
uint64_t sky_sliding_keywords(const struct sky_sliding *window); /* rows with count > 0 */
size_t sky_sliding_size_bytes(const struct sky_sliding *window);

/* The whole state, the open minute included; tags are not part of it. Two windows that hold the same posts in the same
 * order save the same bytes, whatever their hash keys and what went before. */
void sky_sliding_save(const struct sky_sliding *window, struct sky_buffer *buffer);
/* Into a new window of the same options; errors are in the reader. The window is then good only for _free. */
void sky_sliding_load(struct sky_sliding *window, struct sky_reader *reader);

#endif
