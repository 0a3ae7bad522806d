#include "engine/sample.h"

/* The `limit` best so far, by post_id, one an author. */
struct choice {
    struct sky_sample_pick *best;
    uint32_t count;
    uint32_t limit;
};

/* The place of the author's post, or `count`. */
static uint32_t author_place(const struct choice *choice, uint64_t author_id)
{
    uint32_t at = 0;
    while (at < choice->count && choice->best[at].author_id != author_id)
        at++;
    return at;
}

static void remove_place(struct choice *choice, uint32_t at)
{
    choice->count--;
    memmove(&choice->best[at], &choice->best[at + 1], (choice->count - at) * sizeof *choice->best);
}

static void consider(struct choice *choice, const struct sky_sample_filter *filter,
                     const struct sky_sliding_occurrence *occurrence)
{
    bool full = choice->count == choice->limit;
    if (full && occurrence->post_id >= choice->best[choice->count - 1].post_id)
        return;
    if (!filter->is_visible(filter->context, occurrence->post_id))
        return;
    uint32_t same_author = author_place(choice, occurrence->author_id);
    if (same_author < choice->count) {
        if (choice->best[same_author].post_id <= occurrence->post_id)
            return;
        remove_place(choice, same_author);
    } else if (full) {
        choice->count--;
    }
    uint32_t at = choice->count++;
    for (; at > 0 && choice->best[at - 1].post_id > occurrence->post_id; at--)
        choice->best[at] = choice->best[at - 1];
    choice->best[at] = (struct sky_sample_pick){occurrence->post_id, occurrence->author_id};
}

uint32_t sky_sample_picks(struct sky_sliding *window, const struct sky_sliding_row *row,
                          const struct sky_sample_filter *filter, uint32_t limit, struct sky_sample_pick *picks)
{
    struct choice choice = {.best = picks, .limit = limit < SKY_SAMPLES_MAX ? limit : SKY_SAMPLES_MAX};
    struct sky_sliding_walk walk;
    struct sky_sliding_occurrence occurrence;
    sky_sliding_walk_begin(window, row, &walk);
    while (choice.limit && sky_sliding_walk_next(window, &walk, &occurrence))
        consider(&choice, filter, &occurrence);
    return choice.count;
}

enum sky_status sky_sample_show(struct sky_arena *arena, const struct sky_post_store *store,
                                const struct sky_sample_pick *picks, uint32_t picks_count,
                                const struct sky_sample_post **samples, uint32_t *count)
{
    struct sky_sample_post *made = sky_arena_alloc(arena, picks_count * sizeof *made);
    struct sky_shown_post shown;
    *count = 0;
    if (!made)
        return SKY_E_MEMORY;
    for (uint32_t i = 0; i < picks_count; i++)
        if (sky_post_store_show(store, picks[i].post_id, &shown))
            made[(*count)++] = (struct sky_sample_post){shown.uri, shown.author_did, shown.text, shown.created_at_ms};
    *samples = made;
    return SKY_OK;
}

static bool is_shown(const void *context, uint64_t post_id)
{
    struct sky_shown_post shown;
    return sky_post_store_show(context, post_id, &shown);
}

enum sky_status sky_sample_choose(const struct sky_sample_source *source, const struct sky_sliding_row *row,
                                  const struct sky_sample_post **samples, uint32_t *count)
{
    struct sky_sample_pick picks[SKY_SAMPLES_MAX];
    const struct sky_sample_filter filter = {source->store, is_shown};
    uint32_t picked = sky_sample_picks(source->window, row, &filter, source->limit, picks);
    return sky_sample_show(source->arena, source->store, picks, picked, samples, count);
}
