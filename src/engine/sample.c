#include "engine/sample.h"

struct candidate {
    uint64_t post_id;
    struct sky_shown_post shown;
};

/* The `limit` best so far, by post_id. */
struct choice {
    struct candidate best[SKY_SAMPLES_MAX];
    uint32_t count;
    uint32_t limit;
};

/* The place of the author's post, or `count`. */
static uint32_t author_place(const struct choice *choice, uint64_t author_id)
{
    uint32_t at = 0;
    while (at < choice->count && choice->best[at].shown.author_id != author_id)
        at++;
    return at;
}

static void remove_place(struct choice *choice, uint32_t at)
{
    choice->count--;
    memmove(&choice->best[at], &choice->best[at + 1], (choice->count - at) * sizeof *choice->best);
}

static void consider(struct choice *choice, const struct sky_post_store *store,
                     const struct sky_sliding_occurrence *occurrence)
{
    struct candidate candidate = {.post_id = occurrence->post_id};
    bool full = choice->count == choice->limit;
    if (full && candidate.post_id >= choice->best[choice->count - 1].post_id)
        return;
    if (!sky_post_store_show(store, candidate.post_id, &candidate.shown))
        return;
    uint32_t same_author = author_place(choice, candidate.shown.author_id);
    if (same_author < choice->count) {
        if (choice->best[same_author].post_id <= candidate.post_id)
            return;
        remove_place(choice, same_author);
    } else if (full) {
        choice->count--;
    }
    uint32_t at = choice->count++;
    for (; at > 0 && choice->best[at - 1].post_id > candidate.post_id; at--)
        choice->best[at] = choice->best[at - 1];
    choice->best[at] = candidate;
}

enum sky_status sky_sample_choose(const struct sky_sample_source *source, const struct sky_sliding_row *row,
                                  const struct sky_sample_post **samples, uint32_t *count)
{
    struct choice choice = {.limit = source->limit < SKY_SAMPLES_MAX ? source->limit : SKY_SAMPLES_MAX};
    struct sky_sliding_walk walk;
    struct sky_sliding_occurrence occurrence;
    sky_sliding_walk_begin(source->window, row, &walk);
    while (choice.limit && sky_sliding_walk_next(source->window, &walk, &occurrence))
        consider(&choice, source->store, &occurrence);
    struct sky_sample_post *made = sky_arena_alloc(source->arena, choice.count * sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    for (uint32_t i = 0; i < choice.count; i++) {
        const struct sky_shown_post *shown = &choice.best[i].shown;
        made[i] = (struct sky_sample_post){shown->uri, shown->author_did, shown->text, shown->created_at_ms};
    }
    *samples = made;
    *count = choice.count;
    return SKY_OK;
}
