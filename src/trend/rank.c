#include "trend/rank.h"

#include <stdlib.h>

#define FUSION_K 10 /* how much the first places stand out */

struct place {
    double score;
    double velocity; /* voices above the expected ones; the same window length divides all */
    struct sky_trend trend;
};

static int by_velocity(const void *a, const void *b)
{
    double x = ((const struct place *)a)->velocity, y = ((const struct place *)b)->velocity;
    return (x < y) - (x > y);
}

static int by_voices(const void *a, const void *b)
{
    uint32_t x = ((const struct place *)a)->trend.voices, y = ((const struct place *)b)->trend.voices;
    return (x < y) - (x > y);
}

static int by_score(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    int order = by_voices(x, y);
    if (!order)
        order = sky_span_compare(x->trend.keyword, y->trend.keyword);
    return order ? order : (x->trend.language > y->trend.language) - (x->trend.language < y->trend.language);
}

/* Sort, and add to each score what its rank is worth. */
static void add_ranks(struct place *places, uint32_t count, int (*order)(const void *, const void *))
{
    qsort(places, count, sizeof *places, order);
    uint32_t rank = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (i && order(&places[i - 1], &places[i]) != 0)
            rank = i + 1;
        places[i].score += 1.0 / (FUSION_K + rank);
    }
}

enum sky_status sky_rank(struct sky_trend *trends, uint32_t count)
{
    if (!count)
        return SKY_OK;
    struct place *places = malloc(count * sizeof *places);
    if (!places)
        return SKY_E_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        places[i] = (struct place){0, trends[i].voices - trends[i].expected, trends[i]};
    add_ranks(places, count, by_velocity);
    add_ranks(places, count, by_voices);
    qsort(places, count, sizeof *places, by_score);
    for (uint32_t i = 0; i < count; i++) {
        trends[i] = places[i].trend;
        trends[i].rank = i + 1;
    }
    free(places);
    return SKY_OK;
}
