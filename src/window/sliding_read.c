/* What the window tells: rows, the same keyword over all languages, occurrences, the most used. */
#include "window/sliding_state.h"

#include <assert.h>

static void row_view(struct sky_sliding *window, uint32_t number, struct sky_sliding_row *view)
{
    struct sliding_row *row = &window->rows[number];
    *view = (struct sky_sliding_row){.id = row->id,
                                     .keyword = sliding_row_text(window, row),
                                     .language = row->language,
                                     .kind = row->kind,
                                     .count = row->count,
                                     .unique_authors = row->unique,
                                     .voices = row->unique,
                                     .number = number,
                                     .shared = row->shared,
                                     .tag = &row->tag,
                                     .tag_all = &row->tag_all};
}

bool sky_sliding_next(struct sky_sliding *window, uint32_t *cursor, struct sky_sliding_row *row)
{
    while (*cursor < window->rows_count && !window->rows[*cursor].count)
        ++*cursor;
    if (*cursor == window->rows_count)
        return false;
    row_view(window, (*cursor)++, row);
    return true;
}

/* The rows of one id that have occurrences, by language: the number of the one of language g in by_language[g], or
 * SLIDING_NONE. They are neighbours in the table, so this is one probe. */
static uint32_t rows_of_id(const struct sky_sliding *window, uint64_t id, uint32_t *by_language)
{
    uint32_t found = 0;
    for (uint32_t g = 0; g < window->options.languages; g++)
        by_language[g] = SLIDING_NONE;
    uint64_t hash = sliding_row_hash(window, id), probe = 0;
    for (uint32_t at; sky_index_table_next(&window->row_table, hash, &probe, &at);) {
        const struct sliding_row *row = &window->rows[at];
        if (row->id == id && row->count) {
            by_language[row->language] = at;
            found++;
        }
    }
    return found;
}

/* Whether the author has the keyword of `row` in an earlier language, too. */
static bool author_came_before(const struct sky_sliding *window, const struct sliding_row *row, uint64_t author_id)
{
    uint64_t hash = sliding_row_hash(window, row->id), probe = 0;
    uint32_t found;
    for (uint32_t at; sky_index_table_next(&window->row_table, hash, &probe, &at);) {
        const struct sliding_row *other = &window->rows[at];
        if (other->id == row->id && other->language < row->language &&
            sliding_find_latest(window, at, author_id, &found))
            return true;
    }
    return false;
}

/* A new epoch makes all overlaps 0. */
static void overlaps_reset(struct sky_sliding *window)
{
    if (++window->overlaps_epoch != 0)
        return;
    for (uint32_t i = 0; i < window->rows_count; i++)
        window->rows[i].overlap_epoch = 0;
    window->overlaps_epoch = 1;
}

static void overlaps_count(struct sky_sliding *window)
{
    overlaps_reset(window);
    uint32_t end = window->occurrence_ring.head;
    for (uint32_t at = window->post_ring.head; at != window->post_ring.tail;) {
        const struct sliding_post *post = sliding_post_at(window, --at);
        for (uint32_t i = post->mixed ? post->first_occurrence : end; i != end; i++) {
            const struct sliding_occurrence *occurrence = sliding_occurrence_at(window, i);
            struct sliding_row *row = &window->rows[occurrence->row];
            if (occurrence->superseded || !row->shared || !author_came_before(window, row, post->author_id))
                continue;
            if (row->overlap_epoch != window->overlaps_epoch)
                row->overlap = 0;
            row->overlap_epoch = window->overlaps_epoch;
            row->overlap++;
        }
        end = post->first_occurrence;
    }
    window->overlaps_counted = true;
}

void sky_sliding_all(struct sky_sliding *window, const struct sky_sliding_row *row, uint32_t spread_authors,
                     struct sky_sliding_all *all)
{
    uint32_t by_language[SKY_SLIDING_LANGUAGES_MAX], from = 0, end = window->options.languages;
    if (row->shared || row->language >= end) {
        rows_of_id(window, row->id, by_language);
    } else {
        from = row->language;
        end = from + 1;
        by_language[from] = row->number;
    }
    *all = (struct sky_sliding_all){.row = *row};
    all->row.language = window->options.languages;
    all->row.count = 0;
    uint32_t first = SLIDING_NONE;
    for (uint32_t g = from; g < end; g++) {
        if (by_language[g] == SLIDING_NONE)
            continue;
        const struct sliding_row *one = &window->rows[by_language[g]];
        all->row.count += one->count;
        all->numbers[all->languages++] = by_language[g];
        if (one->unique >= spread_authors && all->spread++ == 0)
            first = by_language[g];
    }
    assert(all->languages);
    all->first = row->number == (first == SLIDING_NONE ? all->numbers[0] : first);
    all->row.number = all->numbers[0];
    all->row.kind = window->rows[all->numbers[0]].kind;
    all->row.tag = NULL;
    all->row.tag_all = &window->rows[all->numbers[0]].tag_all;
    all->row.unique_authors = all->row.voices = 0;
}

void sky_sliding_unite(struct sky_sliding *window, struct sky_sliding_all *all)
{
    if (!window->overlaps_counted)
        overlaps_count(window);
    uint32_t authors = 0;
    for (uint32_t i = 0; i < all->languages; i++) {
        const struct sliding_row *row = &window->rows[all->numbers[i]];
        authors += row->unique - (row->overlap_epoch == window->overlaps_epoch ? row->overlap : 0);
    }
    all->row.unique_authors = all->row.voices = authors;
}

void sky_sliding_tag_all(struct sky_sliding *window, const struct sky_sliding_all *all, uint32_t tag)
{
    for (uint32_t i = 0; i < all->languages; i++)
        window->rows[all->numbers[i]].tag_all = tag;
}

bool sky_sliding_find(struct sky_sliding *window, uint32_t language, struct sky_span keyword,
                      struct sky_sliding_row *row)
{
    assert(language <= window->options.languages);
    uint32_t by_language[SKY_SLIDING_LANGUAGES_MAX];
    if (!rows_of_id(window, sky_hash_id(keyword), by_language))
        return false;
    if (language < window->options.languages) {
        if (by_language[language] == SLIDING_NONE)
            return false;
        row_view(window, by_language[language], row);
        return true;
    }
    uint32_t g = 0;
    while (by_language[g] == SLIDING_NONE)
        g++;
    row_view(window, by_language[g], row);
    struct sky_sliding_all all;
    sky_sliding_all(window, row, 0, &all);
    sky_sliding_unite(window, &all);
    *row = all.row;
    return true;
}

void sky_sliding_walk_begin(struct sky_sliding *window, const struct sky_sliding_row *row,
                            struct sky_sliding_walk *walk)
{
    *walk = (struct sky_sliding_walk){0};
    if (row->language < window->options.languages) {
        walk->rows[walk->rows_left++] = row->number;
        return;
    }
    uint32_t by_language[SKY_SLIDING_LANGUAGES_MAX];
    rows_of_id(window, row->id, by_language);
    for (uint32_t g = 0; g < window->options.languages; g++)
        if (by_language[g] != SLIDING_NONE)
            walk->rows[walk->rows_left++] = by_language[g];
}

bool sky_sliding_walk_next(const struct sky_sliding *window, struct sky_sliding_walk *walk,
                           struct sky_sliding_occurrence *occurrence)
{
    while (!walk->left) {
        if (!walk->rows_left)
            return false;
        const struct sliding_row *row = &window->rows[walk->rows[--walk->rows_left]];
        walk->left = row->count;
        walk->next = row->newest;
    }
    const struct sliding_occurrence *from = sliding_occurrence_at(window, walk->next);
    const struct sliding_post *post = sliding_post_at(window, from->post);
    *occurrence = (struct sky_sliding_occurrence){post->author_id, post->post_id, post->sketch};
    walk->next = from->previous;
    walk->left--;
    return true;
}

uint32_t sky_sliding_numbers(const struct sky_sliding *window)
{
    return window->rows_count;
}

void sky_sliding_smallest_posts(const struct sky_sliding *window, uint32_t min_count, uint64_t *post_ids)
{
    for (uint32_t i = 0; i < window->rows_count; i++) /* nothing is smaller than 0: rows of no interest stay so */
        post_ids[i] = window->rows[i].count && window->rows[i].count >= min_count ? UINT64_MAX : 0;
    for (uint32_t at = window->post_ring.tail; at != window->post_ring.head; at++) {
        const struct sliding_post *post = sliding_post_at(window, at);
        uint32_t end = at + 1 == window->post_ring.head ? window->occurrence_ring.head
                                                        : sliding_post_at(window, at + 1)->first_occurrence;
        for (uint32_t i = post->first_occurrence; i != end; i++) {
            uint64_t *smallest = &post_ids[sliding_occurrence_at(window, i)->row];
            *smallest = post->post_id < *smallest ? post->post_id : *smallest;
        }
    }
}

int sky_sliding_order_of_use(const struct sky_sliding_row *a, const struct sky_sliding_row *b)
{
    if (a->unique_authors != b->unique_authors)
        return a->unique_authors > b->unique_authors ? -1 : 1;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    int order = sky_span_compare(a->keyword, b->keyword);
    return order ? order : (a->language > b->language) - (a->language < b->language);
}

/* Move the row at `at` of a heap whose root is the last in order down to its place. */
static void heap_sink(struct sky_sliding_row *rows, uint32_t count, uint32_t at)
{
    for (;;) {
        uint32_t last = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (sky_sliding_order_of_use(&rows[child], &rows[last]) > 0)
                last = child;
        if (last == at)
            return;
        struct sky_sliding_row moved = rows[at];
        rows[at] = rows[last];
        rows[last] = moved;
        at = last;
    }
}

uint32_t sky_sliding_top(struct sky_sliding *window, uint32_t language, uint32_t kinds, uint32_t k,
                         struct sky_sliding_row *rows)
{
    uint32_t count = 0;
    for (uint32_t i = 0; k && i < window->rows_count; i++) {
        const struct sliding_row *row = &window->rows[i];
        if (!row->count || !(kinds >> row->kind & 1) ||
            (language < window->options.languages && row->language != language) ||
            (count == k && row->unique < rows[0].unique_authors))
            continue;
        struct sky_sliding_row view;
        row_view(window, i, &view);
        if (count < k) {
            rows[count++] = view;
            for (uint32_t at = count / 2; count == k && at-- > 0;)
                heap_sink(rows, count, at);
        } else if (sky_sliding_order_of_use(&view, &rows[0]) < 0) {
            rows[0] = view;
            heap_sink(rows, count, 0);
        }
    }
    for (uint32_t at = count / 2; count < k && at-- > 0;)
        heap_sink(rows, count, at);
    for (uint32_t end = count; end-- > 1;) { /* the last in order goes to the end */
        struct sky_sliding_row last = rows[0];
        rows[0] = rows[end];
        rows[end] = last;
        heap_sink(rows, end, 0);
    }
    return count;
}

uint64_t sky_sliding_volume(const struct sky_sliding *window, uint32_t language)
{
    assert(language <= window->options.languages);
    if (language < window->options.languages)
        return window->volume[language];
    uint64_t sum = 0;
    for (uint32_t g = 0; g < window->options.languages; g++)
        sum += window->volume[g];
    return sum;
}

uint64_t sky_sliding_posts(const struct sky_sliding *window)
{
    return sliding_ring_len(&window->post_ring);
}

uint64_t sky_sliding_authors(const struct sky_sliding *window)
{
    return window->authors_count;
}

uint64_t sky_sliding_keywords(const struct sky_sliding *window)
{
    return window->rows_count - window->rows_dead;
}

size_t sky_sliding_size_bytes(const struct sky_sliding *window)
{
    size_t slots = window->authors.mask + window->pairs.mask + window->row_table.mask + 3;
    return sizeof *window + slots * sizeof(struct sky_index_slot) + window->texts.capacity +
           window->rows_capacity * sizeof *window->rows + (window->post_ring.mask + 1) * sizeof *window->posts +
           (window->occurrence_ring.mask + 1) * sizeof *window->occurrences;
}
