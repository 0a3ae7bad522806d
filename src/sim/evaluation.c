#include "sim/evaluation.h"

#include <math.h>
#include <stdlib.h>

static int by_keyword_and_time(const void *a, const void *b)
{
    const struct sky_evaluation_interval *x = a, *y = b;
    if (x->keyword != y->keyword)
        return x->keyword < y->keyword ? -1 : 1;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

void sky_evaluation_sort(struct sky_evaluation_interval *intervals, size_t count)
{
    if (count)
        qsort(intervals, count, sizeof *intervals, by_keyword_and_time);
}

size_t sky_evaluation_unite(struct sky_evaluation_interval *intervals, size_t count)
{
    size_t kept = 0;
    sky_evaluation_sort(intervals, count);
    for (size_t i = 0; i < count; i++) {
        struct sky_evaluation_interval *last = kept ? &intervals[kept - 1] : NULL;
        if (last && last->keyword == intervals[i].keyword && intervals[i].from <= last->to) {
            last->to = intervals[i].to > last->to ? intervals[i].to : last->to;
            last->confidence = fmax(last->confidence, intervals[i].confidence);
        } else {
            intervals[kept++] = intervals[i];
        }
    }
    return kept;
}

/* The events of a keyword in their given order: a list through `next`, headed in an open-addressing table. */
struct index {
    uint32_t *heads; /* event + 1; 0: free */
    uint32_t *next;
    size_t mask;
};

static size_t slot_of(const struct index *index, const struct sky_evaluation_event *events, uint32_t keyword)
{
    size_t slot = keyword * UINT32_C(2654435761) & index->mask;
    while (index->heads[slot] && events[index->heads[slot] - 1].keyword != keyword)
        slot = (slot + 1) & index->mask;
    return slot;
}

static enum sky_status build_index(struct index *index, const struct sky_evaluation_event *events, size_t count)
{
    index->mask = 15;
    while (index->mask < 2 * count)
        index->mask = 2 * index->mask + 1;
    index->heads = calloc(index->mask + 1, sizeof *index->heads);
    index->next = calloc(count + 1, sizeof *index->next);
    if (!index->heads || !index->next)
        return SKY_E_MEMORY;
    for (size_t i = count; i > 0; i--) { /* from the back, so that each list begins with the first */
        size_t slot = slot_of(index, events, events[i - 1].keyword);
        index->next[i - 1] = index->heads[slot];
        index->heads[slot] = (uint32_t)i;
    }
    return SKY_OK;
}

static struct sky_evaluation_event *find_event(const struct index *index, struct sky_evaluation_event *events,
                                               const struct sky_evaluation_episode *episode)
{
    for (uint32_t i = index->heads[slot_of(index, events, episode->keyword)]; i; i = index->next[i - 1])
        if (episode->from <= events[i - 1].end && episode->to >= events[i - 1].onset)
            return &events[i - 1];
    return NULL;
}

static size_t join(const struct sky_evaluation_input *input, int32_t gap, struct sky_evaluation_episode *episodes)
{
    size_t count = 0;
    for (size_t i = 0; i < input->intervals_count; i++) {
        const struct sky_evaluation_interval *interval = &input->intervals[i];
        struct sky_evaluation_episode *last = count ? &episodes[count - 1] : NULL;
        if (last && last->keyword == interval->keyword && interval->from - last->to <= gap) {
            last->to = interval->to > last->to ? interval->to : last->to;
            last->displays++;
        } else {
            episodes[count++] = (struct sky_evaluation_episode){.keyword = interval->keyword,
                                                                .from = interval->from,
                                                                .to = interval->to,
                                                                .displays = 1,
                                                                .confidence = interval->confidence};
        }
    }
    return count;
}

static void count_false(const struct sky_evaluation_rules *rules, struct sky_evaluation_episode *episode,
                        struct sky_evaluation *result)
{
    episode->verdict = SKY_EVALUATION_FALSE;
    result->false_alarms++;
    result->false_minutes += (episode->to < rules->to ? episode->to : rules->to) - episode->from;
    if (episode->event && episode->event->kind == SKY_EVALUATION_COORDINATED)
        result->coordinated++;
    if (episode->event && episode->event->kind == SKY_EVALUATION_BY_FEW)
        result->by_few++;
}

static void judge(const struct sky_evaluation_rules *rules, struct sky_evaluation_episode *episode,
                  struct sky_evaluation_event *event, struct sky_evaluation *result)
{
    episode->event = event;
    if (!event || event->kind != SKY_EVALUATION_BURST || episode->from < event->onset) {
        count_false(rules, episode, result);
        return;
    }
    episode->verdict = SKY_EVALUATION_NEUTRAL;
    if (!event->detectable)
        return;
    event->starts += episode->displays;
    if (event->first >= 0) { /* a second start on a burst already found; what it shows is no lie, so no minutes */
        episode->verdict = SKY_EVALUATION_FALSE;
        result->false_alarms++;
        return;
    }
    episode->verdict = SKY_EVALUATION_HIT;
    event->first = episode->from;
    event->ended = episode->to;
    result->hits++;
}

enum sky_status sky_evaluate(const struct sky_evaluation_rules *rules, const struct sky_evaluation_input *input,
                             struct sky_evaluation *result, struct sky_evaluation_episode *episodes,
                             size_t *episodes_count)
{
    struct index index = {0};
    *result = (struct sky_evaluation){0};
    *episodes_count = join(input, rules->gap, episodes);
    for (size_t i = 0; i < input->events_count; i++) {
        input->events[i].first = input->events[i].ended = -1;
        input->events[i].starts = 0;
    }
    enum sky_status status = build_index(&index, input->events, input->events_count);
    for (size_t i = 0; i < *episodes_count && status == SKY_OK; i++) {
        struct sky_evaluation_episode *episode = &episodes[i];
        episode->verdict = SKY_EVALUATION_OUTSIDE;
        if (episode->from >= rules->from && episode->from < rules->to)
            judge(rules, episode, find_event(&index, input->events, episode), result);
    }
    for (size_t i = 0; i < input->events_count && status == SKY_OK; i++) {
        const struct sky_evaluation_event *event = &input->events[i];
        bool is_asked = event->kind == SKY_EVALUATION_BURST && event->detectable && event->onset >= rules->from &&
                        event->onset < rules->to - rules->margin;
        result->bursts += is_asked;
        result->found += is_asked && event->first >= 0;
        result->starts += is_asked && event->first >= 0 ? event->starts : 0;
    }
    free(index.heads);
    free(index.next);
    return status;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double sky_evaluation_quantile(double *values, size_t count, double q)
{
    qsort(values, count, sizeof *values, by_value);
    double place = q * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count)
        return values[count - 1];
    return values[below] + (place - (double)below) * (values[below + 1] - values[below]);
}
