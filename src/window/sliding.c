/* How the window is kept is told in sliding_state.h; here is what changes it: add, close, and the making of room. */
#include "window/sliding_state.h"

#include <assert.h>
#include <stdlib.h>

#define ROWS_MIN     256
#define RING_MIN     256
#define RING_MAX     (UINT32_C(1) << 30) /* sequence differences must stay far below 2^31 */
#define BATCH        64                  /* keywords whose cache misses are taken together */
#define EVICT_AHEAD  16                  /* rows fetched ahead of the one that is decremented */
#define ROW_MAX      (UINT32_C(1) << 30)
#define TABLE_GROWTH 2 /* a table built anew has room for that many times what is alive */

static bool ring_init(struct sliding_ring *ring, void **entries, size_t entry_size)
{
    ring->mask = RING_MIN - 1;
    *entries = calloc(RING_MIN, entry_size);
    return *entries != NULL;
}

struct sky_sliding *sky_sliding_new(const struct sky_sliding_options *options)
{
    assert(options->window_minutes >= 1 && options->window_minutes <= SKY_SLIDING_WINDOW_MINUTES_MAX);
    assert(options->languages >= 1 && options->languages <= SKY_SLIDING_LANGUAGES_MAX);
    struct sky_sliding *window = calloc(1, sizeof *window);
    if (!window)
        return NULL;
    window->options = *options;
    window->pane_posts = calloc(options->window_minutes + 1, sizeof *window->pane_posts);
    window->rows = calloc(ROWS_MIN, sizeof *window->rows);
    window->rows_capacity = ROWS_MIN;
    void *posts = NULL, *occurrences = NULL;
    bool ok = window->pane_posts && window->rows && ring_init(&window->post_ring, &posts, sizeof *window->posts) &&
              ring_init(&window->occurrence_ring, &occurrences, sizeof *window->occurrences) &&
              sky_index_table_reset(&window->authors, 0) && sky_index_table_reset(&window->pairs, 0) &&
              sky_index_table_reset(&window->row_table, ROWS_MIN);
    window->posts = posts;
    window->occurrences = occurrences;
    if (!ok) {
        sky_sliding_free(window);
        return NULL;
    }
    return window;
}

void sky_sliding_free(struct sky_sliding *window)
{
    if (!window)
        return;
    free(window->pane_posts);
    free(window->rows);
    free(window->posts);
    free(window->occurrences);
    sky_index_table_clean_up(&window->authors);
    sky_index_table_clean_up(&window->pairs);
    sky_index_table_clean_up(&window->row_table);
    sky_buffer_clean_up(&window->texts);
    free(window);
}

void sky_sliding_start(struct sky_sliding *window, int64_t minute)
{
    assert(!window->started);
    window->started = true;
    window->open_minute = minute;
    window->panes_held = 1;
}

bool sky_sliding_is_started(const struct sky_sliding *window)
{
    return window->started;
}

int64_t sky_sliding_open_minute(const struct sky_sliding *window)
{
    return window->open_minute;
}

static uint32_t *pane_posts(struct sky_sliding *window, int64_t minute)
{
    int64_t panes = (int64_t)window->options.window_minutes + 1;
    int64_t at = minute % panes;
    return &window->pane_posts[at < 0 ? at + panes : at];
}

/* ---- authors: the latest post of each ---- */

static bool index_is_alive(const struct sliding_ring *ring, uint32_t index)
{
    return ((index - ring->tail) & ring->mask) < sliding_ring_len(ring);
}

static bool author_table_rebuild(struct sky_sliding *window)
{
    if (!sky_index_table_reset(&window->authors, (window->authors_count + 1) * TABLE_GROWTH))
        return false;
    for (uint32_t at = window->post_ring.tail; at != window->post_ring.head; at++) {
        const struct sliding_post *post = sliding_post_at(window, at);
        if (!post->superseded)
            sky_index_table_insert(&window->authors, sky_hash_slot(post->author_id, window->options.hash_key),
                                   at & window->post_ring.mask);
    }
    return true;
}

/* All posts of an author of several languages are marked; done once, for later ones inherit it. */
static void author_mark_mixed(struct sky_sliding *window, uint32_t sequence)
{
    const struct sliding_ring *ring = &window->post_ring;
    for (;;) {
        struct sliding_post *post = &window->posts[sequence & ring->mask];
        if (sequence - ring->tail >= sliding_ring_len(ring) || post->mixed)
            return;
        post->mixed = true;
        if (!post->follows)
            return;
        sequence = post->previous;
    }
}

/* Supersede the author's latest post by `post`, which is about to be written at the ring's head. */
static bool author_note(struct sky_sliding *window, struct sliding_post *post)
{
    if (sky_index_table_is_full(&window->authors) && !author_table_rebuild(window))
        return false;
    const struct sliding_ring *ring = &window->post_ring;
    uint64_t hash = sky_hash_slot(post->author_id, window->options.hash_key), probe = 0;
    for (uint32_t at; sky_index_table_next(&window->authors, hash, &probe, &at);) {
        struct sliding_post *last = &window->posts[at];
        if (!index_is_alive(ring, at) || last->author_id != post->author_id || last->superseded)
            continue;
        last->superseded = true;
        post->follows = true;
        post->previous = ring->tail + ((at - ring->tail) & ring->mask);
        post->mixed = last->mixed || last->language != post->language;
        if (post->mixed)
            author_mark_mixed(window, post->previous);
        sky_index_table_replace(&window->authors, hash, probe, ring->head & ring->mask);
        return true;
    }
    sky_index_table_insert(&window->authors, hash, ring->head & ring->mask);
    window->authors_count++;
    return true;
}

/* ---- pairs: the latest occurrence of each author in a row with many ---- */

static uint64_t pair_hash(const struct sky_sliding *window, uint32_t row, uint64_t author_id)
{
    return sky_hash_slot(author_id + row * UINT64_C(0x9e3779b97f4a7c15), window->options.hash_key);
}

static void pair_insert(struct sky_sliding *window, uint32_t row, uint32_t sequence)
{
    uint64_t author_id = sliding_post_at(window, sliding_occurrence_at(window, sequence)->post)->author_id;
    sky_index_table_insert(&window->pairs, pair_hash(window, row, author_id), sequence & window->occurrence_ring.mask);
}

static bool pair_table_rebuild(struct sky_sliding *window)
{
    uint64_t alive = 0;
    for (uint32_t i = 0; i < window->rows_count; i++) {
        struct sliding_row *row = &window->rows[i];
        row->paired = row->count > SLIDING_PAIRED_FROM;
        alive += row->paired ? row->unique : 0;
    }
    if (!sky_index_table_reset(&window->pairs, (alive + BATCH) * TABLE_GROWTH))
        return false;
    for (uint32_t at = window->occurrence_ring.tail; at != window->occurrence_ring.head; at++) {
        const struct sliding_occurrence *occurrence = sliding_occurrence_at(window, at);
        if (!occurrence->superseded && window->rows[occurrence->row].paired)
            pair_insert(window, occurrence->row, at);
    }
    return true;
}

/* A row's authors are looked up from now on. */
static bool pair_row(struct sky_sliding *window, uint32_t number)
{
    struct sliding_row *row = &window->rows[number];
    uint32_t at = row->newest;
    for (uint32_t left = row->count; left; left--, at = sliding_occurrence_at(window, at)->previous) {
        if (sliding_occurrence_at(window, at)->superseded)
            continue;
        if (sky_index_table_is_full(&window->pairs)) /* takes this row's in as well: its count is above the bound */
            return pair_table_rebuild(window);
        pair_insert(window, number, at);
    }
    row->paired = true;
    return true;
}

static bool pair_find(const struct sky_sliding *window, uint32_t row, uint64_t author_id, uint64_t *probe,
                      uint32_t *index)
{
    uint64_t hash = pair_hash(window, row, author_id);
    while (sky_index_table_next(&window->pairs, hash, probe, index)) {
        const struct sliding_occurrence *occurrence = &window->occurrences[*index];
        if (index_is_alive(&window->occurrence_ring, *index) && occurrence->row == row && !occurrence->superseded &&
            sliding_post_at(window, occurrence->post)->author_id == author_id)
            return true;
    }
    return false;
}

bool sliding_find_latest(const struct sky_sliding *window, uint32_t number, uint64_t author_id, uint32_t *found)
{
    const struct sliding_row *row = &window->rows[number];
    if (row->paired) {
        uint64_t probe = 0;
        return pair_find(window, number, author_id, &probe, found);
    }
    uint32_t at = row->newest;
    for (uint32_t left = row->count; left; left--, at = sliding_occurrence_at(window, at)->previous) {
        const struct sliding_occurrence *occurrence = sliding_occurrence_at(window, at);
        if (!occurrence->superseded && sliding_post_at(window, occurrence->post)->author_id == author_id) {
            *found = at & window->occurrence_ring.mask;
            return true;
        }
    }
    return false;
}

/* ---- rows ---- */

static bool row_table_rebuild(struct sky_sliding *window)
{
    if (!sky_index_table_reset(&window->row_table, window->rows_capacity))
        return false;
    for (uint32_t i = 0; i < window->rows_count; i++)
        sky_index_table_insert(&window->row_table, sliding_row_hash(window, window->rows[i].id), i);
    return true;
}

/* Squeeze the dead rows out, in place; occurrences get their rows' new numbers. */
static bool rows_compact(struct sky_sliding *window)
{
    uint32_t *numbers = malloc(window->rows_count * sizeof *numbers);
    struct sky_buffer texts = {0};
    if (!numbers || !sky_buffer_reserve(&texts, window->texts.len)) {
        free(numbers);
        return false;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < window->rows_count; i++) {
        struct sliding_row row = window->rows[i];
        if (!row.count)
            continue;
        struct sky_span text = sliding_row_text(window, &row);
        row.text_offset = (uint32_t)texts.len;
        sky_buffer_put_span(&texts, text);
        numbers[i] = kept;
        window->rows[kept++] = row;
    }
    for (uint32_t at = window->occurrence_ring.tail; at != window->occurrence_ring.head; at++) {
        struct sliding_occurrence *occurrence = sliding_occurrence_at(window, at);
        occurrence->row = numbers[occurrence->row] & INT32_MAX;
    }
    free(numbers);
    sky_buffer_clean_up(&window->texts);
    window->texts = texts;
    window->rows_count = kept;
    window->rows_dead = 0;
    return pair_table_rebuild(window); /* pairs are hashed by row number */
}

/* Room for `more` rows, so that no row moves while a batch is worked on. */
static bool rows_reserve(struct sky_sliding *window, uint32_t more)
{
    if (window->rows_capacity - window->rows_count >= more && window->texts.len < UINT32_MAX / 2)
        return true;
    if (window->rows_dead >= window->rows_count / 4 && window->rows_dead && !rows_compact(window))
        return false;
    /* Up to 3/4 full, or the next squeeze would come at once. */
    if (window->rows_capacity - window->rows_count < more + window->rows_capacity / 4) {
        if (window->rows_capacity >= ROW_MAX)
            return false;
        struct sliding_row *rows = realloc(window->rows, (size_t)window->rows_capacity * 2 * sizeof *rows);
        if (!rows)
            return false;
        window->rows = rows;
        window->rows_capacity *= 2;
    }
    return row_table_rebuild(window);
}

/* The row of a keyword, made when there is none; room is reserved. */
static uint32_t row_obtain(struct sky_sliding *window, uint64_t id, uint32_t language,
                           const struct sky_keyword *keyword)
{
    uint64_t hash = sliding_row_hash(window, id);
    uint64_t probe = 0;
    bool shared = false;
    for (uint32_t at; sky_index_table_next(&window->row_table, hash, &probe, &at);) {
        struct sliding_row *row = &window->rows[at];
        if (row->id != id)
            continue;
        if (row->language == language) {
            if (!row->count)
                row->kind = (uint8_t)keyword->kind;
            return at;
        }
        row->shared = shared = true;
    }
    uint32_t number = window->rows_count++;
    window->rows[number] = (struct sliding_row){.id = id,
                                                .text_offset = (uint32_t)window->texts.len,
                                                .text_len = (uint8_t)keyword->normalized.len,
                                                .language = (uint8_t)language,
                                                .kind = (uint8_t)keyword->kind,
                                                .shared = shared};
    window->rows_dead++;
    sky_buffer_put_span(&window->texts, keyword->normalized);
    sky_index_table_insert(&window->row_table, hash, number);
    return number;
}

/* ---- occurrences ---- */

/* Room for `more` entries; every table that holds ring indices is built anew by the caller when *moved. */
static bool ring_reserve(struct sliding_ring *ring, void **entries, size_t entry_size, uint32_t more, bool *moved)
{
    uint32_t len = sliding_ring_len(ring), capacity = ring->mask + 1;
    *moved = false;
    if (capacity - len >= more)
        return true;
    uint32_t grown = capacity;
    while (grown - len < more)
        grown *= 2;
    uint8_t *to = grown <= RING_MAX ? malloc((size_t)grown * entry_size) : NULL;
    if (!to)
        return false;
    const uint8_t *from = *entries;
    for (uint32_t at = ring->tail; at != ring->head; at++)
        memcpy(to + (size_t)(at & (grown - 1)) * entry_size, from + (size_t)(at & ring->mask) * entry_size, entry_size);
    free(*entries);
    *entries = to;
    ring->mask = grown - 1;
    *moved = true;
    return true;
}

static bool post_ring_reserve(struct sky_sliding *window)
{
    bool moved;
    void *posts = window->posts;
    bool ok = ring_reserve(&window->post_ring, &posts, sizeof *window->posts, 1, &moved);
    window->posts = posts;
    return ok && (!moved || author_table_rebuild(window));
}

static bool occurrence_ring_reserve(struct sky_sliding *window, uint32_t more)
{
    bool moved;
    void *occurrences = window->occurrences;
    bool ok = ring_reserve(&window->occurrence_ring, &occurrences, sizeof *window->occurrences, more, &moved);
    window->occurrences = occurrences;
    return ok && (!moved || pair_table_rebuild(window));
}

static bool occurrence_append(struct sky_sliding *window, uint32_t number, uint32_t post, uint64_t author_id)
{
    if (sky_index_table_is_full(&window->pairs) && !pair_table_rebuild(window))
        return false;
    struct sliding_row *row = &window->rows[number];
    uint32_t sequence = window->occurrence_ring.head, index = sequence & window->occurrence_ring.mask, before;
    uint64_t probe = 0;
    bool paired = row->paired;
    bool known = !paired ? sliding_find_latest(window, number, author_id, &before)
                         : pair_find(window, number, author_id, &probe, &before);
    *sliding_occurrence_at(window, sequence) =
        (struct sliding_occurrence){.row = number & INT32_MAX, .post = post, .previous = row->newest};
    window->occurrence_ring.head++;
    row->newest = sequence;
    if (row->count++ == 0)
        window->rows_dead--;
    if (known) {
        window->occurrences[before].superseded = 1;
        if (paired)
            sky_index_table_replace(&window->pairs, pair_hash(window, number, author_id), probe, index);
    } else {
        row->unique++;
        window->volume[row->language] += row->kind != SKY_KEYWORD_PHRASE;
        if (paired)
            sky_index_table_insert(&window->pairs, pair_hash(window, number, author_id), index);
    }
    return paired || row->count <= SLIDING_PAIRED_FROM || pair_row(window, number);
}

/* Up to BATCH keywords: first all their table slots are fetched, then all their rows, so that the misses overlap. */
static bool batch_append(struct sky_sliding *window, const struct sky_sliding_post *post, uint32_t sequence,
                         const struct sky_keyword *keywords, uint32_t count)
{
    uint64_t ids[BATCH];
    uint32_t numbers[BATCH];
    if (!rows_reserve(window, count) || !occurrence_ring_reserve(window, count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = sky_hash_id(keywords[i].normalized);
        sky_index_table_prefetch(&window->row_table, sliding_row_hash(window, ids[i]));
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t probe = 0;
        uint32_t number;
        if (sky_index_table_next(&window->row_table, sliding_row_hash(window, ids[i]), &probe, &number))
            __builtin_prefetch(&window->rows[number]);
    }
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = row_obtain(window, ids[i], post->language, &keywords[i]);
        const struct sliding_row *row = &window->rows[numbers[i]];
        if (row->paired)
            sky_index_table_prefetch(&window->pairs, pair_hash(window, numbers[i], post->author_id));
        else if (row->count)
            __builtin_prefetch(sliding_occurrence_at(window, row->newest));
    }
    for (uint32_t i = 0; i < count; i++)
        if (!occurrence_append(window, numbers[i], sequence, post->author_id))
            return false;
    return !window->texts.failed;
}

enum sky_status sliding_append(struct sky_sliding *window, const struct sky_sliding_post *post,
                               const struct sky_keyword_list *keywords)
{
    window->overlaps_counted = false;
    if (!post_ring_reserve(window))
        return SKY_E_MEMORY;
    uint32_t sequence = window->post_ring.head;
    struct sliding_post entry = {.author_id = post->author_id,
                                 .post_id = post->post_id,
                                 .sketch = post->sketch,
                                 .first_occurrence = window->occurrence_ring.head,
                                 .language = (uint8_t)post->language};
    if (!author_note(window, &entry))
        return SKY_E_MEMORY;
    window->posts[sequence & window->post_ring.mask] = entry;
    window->post_ring.head++;
    for (size_t from = 0; from < keywords->count; from += BATCH) {
        size_t count = keywords->count - from < BATCH ? keywords->count - from : BATCH;
        if (!batch_append(window, post, sequence, keywords->items + from, (uint32_t)count))
            return SKY_E_MEMORY;
    }
    ++*pane_posts(window, window->open_minute);
    return SKY_OK;
}

enum sky_status sky_sliding_add(struct sky_sliding *window, int64_t minute, const struct sky_sliding_post *post,
                                const struct sky_keyword_list *keywords)
{
    assert(window->started);
    if (minute < window->open_minute)
        return SKY_E_LATE;
    if (minute > window->open_minute || post->language >= window->options.languages)
        return SKY_E_RANGE;
    return sliding_append(window, post, keywords);
}

/* ---- leaving ---- */

static void occurrences_evict(struct sky_sliding *window, uint32_t end)
{
    for (uint32_t at = window->occurrence_ring.tail; at != end; at++) {
        if (end - at > EVICT_AHEAD)
            __builtin_prefetch(&window->rows[sliding_occurrence_at(window, at + EVICT_AHEAD)->row], 1);
        const struct sliding_occurrence *occurrence = sliding_occurrence_at(window, at);
        struct sliding_row *row = &window->rows[occurrence->row];
        if (!occurrence->superseded) {
            row->unique--;
            window->volume[row->language] -= row->kind != SKY_KEYWORD_PHRASE;
        }
        if (--row->count == 0) {
            row->paired = false;
            row->tag = row->tag_all = SKY_SLIDING_TAG_UNKNOWN;
            window->rows_dead++;
        }
    }
    window->occurrence_ring.tail = end;
}

static void pane_evict(struct sky_sliding *window, int64_t minute)
{
    uint32_t *posts = pane_posts(window, minute);
    uint32_t end = window->post_ring.tail + *posts;
    occurrences_evict(window, end == window->post_ring.head ? window->occurrence_ring.head
                                                            : sliding_post_at(window, end)->first_occurrence);
    for (uint32_t at = window->post_ring.tail; at != end; at++)
        window->authors_count -= !sliding_post_at(window, at)->superseded;
    window->post_ring.tail = end;
    *posts = 0;
    window->panes_held--;
}

enum sky_status sky_sliding_close(struct sky_sliding *window)
{
    assert(window->started);
    if (window->panes_held > window->options.window_minutes)
        pane_evict(window, window->open_minute - window->options.window_minutes);
    window->overlaps_counted = false;
    window->open_minute++;
    window->panes_held++;
    return SKY_OK;
}
