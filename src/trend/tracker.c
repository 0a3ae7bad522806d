/* From the window to the ranked trends of a slide.
 *
 * Language `*`. A keyword with SKY_TRACKER_SPREAD_AUTHORS authors in two languages or more is counted over all
 * languages together, too: mentions are summed, authors united. If that stopped whenever one language fell below, and
 * began without a past, each word that two languages share would look new every time; so such a keyword starts with the
 * sum of its languages' baselines as its past, and is counted in every window it occurs in for as long as it is known
 * there. N of `*` is the sum of N over the languages. */
#include "trend/tracker.h"

#include "base/hash.h"
#include "trend/rank.h"
#include "trend/recurrence.h"

#include <assert.h>
#include <stdlib.h>

#define RISE_Z_MARGIN 2.0 /* docs/TRENDS.md */

struct sky_tracker {
    struct sky_tracker_options options;
    struct sky_detector *detectors[SKY_SLIDING_LANGUAGES_MAX + 1]; /* the one at `languages` is `*` */
    struct sky_recurrence *recurrence;
    struct sky_trend *trends; /* the result: those on, of these the recurring ones last, then those ended */
    uint32_t trends_capacity;
    int64_t minute; /* of the slide that is open */
};

struct sky_tracker *sky_tracker_new(const struct sky_tracker_options *options)
{
    assert(options->languages >= 1 && options->languages <= SKY_SLIDING_LANGUAGES_MAX);
    struct sky_tracker *tracker = calloc(1, sizeof *tracker);
    if (!tracker)
        return NULL;
    tracker->options = *options;
    tracker->recurrence = sky_recurrence_new();
    if (!tracker->recurrence) {
        sky_tracker_free(tracker);
        return NULL;
    }
    for (uint32_t g = 0; g <= options->languages; g++) {
        tracker->detectors[g] = sky_detector_new(&options->detector);
        if (!tracker->detectors[g]) {
            sky_tracker_free(tracker);
            return NULL;
        }
    }
    return tracker;
}

void sky_tracker_free(struct sky_tracker *tracker)
{
    if (!tracker)
        return;
    for (uint32_t g = 0; g <= tracker->options.languages; g++)
        sky_detector_free(tracker->detectors[g]);
    sky_recurrence_free(tracker->recurrence);
    free(tracker->trends);
    free(tracker);
}

struct sky_detector *sky_tracker_detector(struct sky_tracker *tracker, uint32_t language)
{
    assert(language <= tracker->options.languages);
    return tracker->detectors[language];
}

static struct sky_detector_count count_of(const struct sky_sliding_row *row)
{
    return (struct sky_detector_count){
        .id = row->id, .keyword = row->keyword, .kind = (uint8_t)row->kind, .count = row->count, .voices = row->voices};
}

/* The past of a keyword over all languages. They have not finished this slide, so all speak of the same time. */
static void sum_of_baselines(const struct sky_tracker *tracker, uint64_t id, struct sky_baseline *sum)
{
    *sum = (struct sky_baseline){0};
    for (uint32_t g = 0; g < tracker->options.languages; g++) {
        struct sky_baseline one;
        if (!sky_detector_baseline(tracker->detectors[g], id, &one))
            continue;
        sum->slow += one.slow;
        sum->fast += one.fast;
        sum->p += one.p;
        sum->q += one.q;
    }
}

/* Count a keyword for `*`: it is known there, or spread enough and begins with the past of its languages. */
static enum sky_status count_for_all(struct sky_tracker *tracker, const struct sky_detector_count *count, bool known,
                                     uint32_t *tag)
{
    struct sky_detector *detector = tracker->detectors[tracker->options.languages];
    enum sky_status status = sky_detector_add(detector, count, tag);
    if (status != SKY_OK || known || *tag == SKY_SLIDING_TAG_NONE)
        return status;
    struct sky_baseline past;
    sum_of_baselines(tracker, count->id, &past);
    sky_detector_seed(detector, count->id, &past);
    return SKY_OK;
}

enum sky_status sky_tracker_add_all(struct sky_tracker *tracker, const struct sky_detector_count *count,
                                    uint32_t spread)
{
    uint32_t tag = sky_detector_find(tracker->detectors[tracker->options.languages], count->id);
    bool known = tag != SKY_SLIDING_TAG_NONE;
    return known || spread >= 2 ? count_for_all(tracker, count, known, &tag) : SKY_OK;
}

/* The same from the window, which is asked for no more than is needed. */
static enum sky_status add_to_all(struct sky_tracker *tracker, struct sky_sliding *window,
                                  const struct sky_sliding_row *row)
{
    struct sky_detector *detector = tracker->detectors[tracker->options.languages];
    if (*row->tag_all == SKY_SLIDING_TAG_UNKNOWN)
        *row->tag_all = sky_detector_find(detector, row->id);
    bool known = *row->tag_all != SKY_SLIDING_TAG_NONE;
    if (!known && (!row->shared || row->voices < SKY_TRACKER_SPREAD_AUTHORS))
        return SKY_OK;
    struct sky_sliding_all all;
    sky_sliding_all(window, row, SKY_TRACKER_SPREAD_AUTHORS, &all);
    if (!all.first || (!known && all.spread < 2))
        return SKY_OK;
    sky_sliding_unite(window, &all);
    uint32_t tag = *row->tag_all;
    struct sky_detector_count count = count_of(&all.row);
    enum sky_status status = count_for_all(tracker, &count, known, &tag);
    if (status == SKY_OK && !known && tag != SKY_SLIDING_TAG_NONE)
        sky_sliding_tag_all(window, &all, tag);
    return status;
}

enum sky_status sky_tracker_add(struct sky_tracker *tracker, uint32_t language, const struct sky_detector_count *count,
                                uint32_t *tag)
{
    return sky_detector_add(tracker->detectors[language], count, tag);
}

static enum sky_status add_rows(struct sky_tracker *tracker, struct sky_sliding *window)
{
    struct sky_sliding_row row;
    for (uint32_t cursor = 0; sky_sliding_next(window, &cursor, &row);) {
        struct sky_detector_count count = count_of(&row);
        enum sky_status status = add_to_all(tracker, window, &row);
        if (status == SKY_OK)
            status = sky_tracker_add(tracker, row.language, &count, row.tag);
        if (status != SKY_OK)
            return status;
    }
    return SKY_OK;
}

static int by_keyword_and_language(const void *a, const void *b)
{
    const struct sky_trend *x = a, *y = b;
    int order = sky_span_compare(x->keyword, y->keyword);
    return order ? order : (x->language > y->language) - (x->language < y->language);
}

static struct sky_trend *copy_trends(struct sky_trend *to, const struct sky_trend *from, uint32_t count,
                                     uint32_t language)
{
    for (uint32_t i = 0; i < count; i++, to++) {
        *to = from[i];
        to->language = language;
    }
    return to;
}

static bool is_recurring(const struct sky_tracker *tracker, const struct sky_trend *trend)
{
    return !tracker->options.rank_recurring &&
           sky_recurrence_is_due(tracker->recurrence, sky_hash_slot(trend->id, trend->language), trend->started_minute);
}

/* A keyword rises when it passes all gates of a trend but for min_z, which it may miss by RISE_Z_MARGIN. */
static bool is_rise(const struct sky_detector_options *gates, const struct sky_detector_score *score)
{
    return score->z >= gates->min_z - RISE_Z_MARGIN && score->growth >= gates->min_growth &&
           score->count >= gates->min_frequency && score->voices >= gates->min_authors;
}

static enum sky_status note_rises(struct sky_tracker *tracker, const struct sky_detector_result *results,
                                  int64_t minute)
{
    const struct sky_detector_options *gates = &tracker->options.detector;
    for (uint32_t g = 0; g <= tracker->options.languages; g++) {
        for (uint32_t i = 0; !results[g].warming_up && i < results[g].scores_count; i++) {
            const struct sky_detector_score *score = &results[g].scores[i];
            if (!is_rise(gates, score))
                continue;
            uint64_t id = sky_hash_slot(sky_hash_id(score->keyword), g);
            enum sky_status status = sky_recurrence_note(tracker->recurrence, id, minute);
            if (status != SKY_OK)
                return status;
        }
    }
    return SKY_OK;
}

/* Trends that come back with the clock, behind the others; gives how many the others are. */
static uint32_t part(const struct sky_tracker *tracker, struct sky_trend *trends, uint32_t count)
{
    uint32_t others = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_recurring(tracker, &trends[i]))
            continue;
        struct sky_trend other = trends[i];
        trends[i] = trends[others];
        trends[others++] = other;
    }
    return others;
}

static void sort(struct sky_trend *trends, uint32_t count)
{
    if (count)
        qsort(trends, count, sizeof *trends, by_keyword_and_language);
}

/* The results of the detectors as one. */
static enum sky_status merge(struct sky_tracker *tracker, const struct sky_detector_result *results,
                             struct sky_tracker_result *result)
{
    *result = (struct sky_tracker_result){0};
    for (uint32_t g = 0; g <= tracker->options.languages; g++) {
        result->on_count += results[g].on_count;
        result->ended_count += results[g].ended_count;
        result->warming_up = result->warming_up || results[g].warming_up;
    }
    uint32_t count = result->on_count + result->ended_count;
    if (count > tracker->trends_capacity) {
        struct sky_trend *trends = realloc(tracker->trends, count * sizeof *trends);
        if (!trends)
            return SKY_E_MEMORY;
        tracker->trends = trends;
        tracker->trends_capacity = count;
    }
    struct sky_trend *on = tracker->trends, *ended = tracker->trends + result->on_count;
    result->on = on;
    result->ended = ended;
    for (uint32_t g = 0; g <= tracker->options.languages; g++) {
        on = copy_trends(on, results[g].on, results[g].on_count, g);
        ended = copy_trends(ended, results[g].ended, results[g].ended_count, g);
    }
    struct sky_trend *first_ended = tracker->trends + result->on_count;
    uint32_t ranked = part(tracker, tracker->trends, result->on_count);
    result->recurring = tracker->trends + ranked;
    result->recurring_count = result->on_count - ranked;
    result->on_count = ranked;
    sort(tracker->trends + ranked, result->recurring_count);
    result->ended_count = part(tracker, first_ended, result->ended_count);
    sort(first_ended, result->ended_count);
    return sky_rank(tracker->trends, ranked);
}

enum sky_status sky_tracker_begin(struct sky_tracker *tracker, int64_t minute, const uint64_t *volume)
{
    enum sky_status status = SKY_OK;
    tracker->minute = minute;
    for (uint32_t g = 0; status == SKY_OK && g <= tracker->options.languages; g++)
        status = sky_detector_begin(tracker->detectors[g], minute, volume[g]);
    return status;
}

enum sky_status sky_tracker_end(struct sky_tracker *tracker, struct sky_tracker_result *result)
{
    struct sky_detector_result results[SKY_SLIDING_LANGUAGES_MAX + 1];
    enum sky_status status = SKY_OK;
    for (uint32_t g = 0; status == SKY_OK && g <= tracker->options.languages; g++)
        status = sky_detector_end(tracker->detectors[g], &results[g]);
    if (status == SKY_OK && !tracker->options.rank_recurring)
        status = note_rises(tracker, results, tracker->minute);
    return status == SKY_OK ? merge(tracker, results, result) : status;
}

enum sky_status sky_tracker_slide(struct sky_tracker *tracker, struct sky_sliding *window,
                                  struct sky_tracker_result *result)
{
    uint64_t volume[SKY_SLIDING_LANGUAGES_MAX + 1];
    for (uint32_t g = 0; g <= tracker->options.languages; g++)
        volume[g] = sky_sliding_volume(window, g);
    enum sky_status status = sky_tracker_begin(tracker, sky_sliding_open_minute(window) - 1, volume);
    if (status == SKY_OK)
        status = add_rows(tracker, window);
    return status == SKY_OK ? sky_tracker_end(tracker, result) : status;
}

uint64_t sky_tracker_known(const struct sky_tracker *tracker)
{
    uint64_t known = 0;
    for (uint32_t g = 0; g <= tracker->options.languages; g++)
        known += sky_detector_known(tracker->detectors[g]);
    return known;
}

uint32_t sky_tracker_uptime(const struct sky_tracker *tracker)
{
    return sky_detector_uptime(tracker->detectors[0]);
}

size_t sky_tracker_size_bytes(const struct sky_tracker *tracker)
{
    size_t size = sizeof *tracker + tracker->trends_capacity * sizeof *tracker->trends +
                  sky_recurrence_size_bytes(tracker->recurrence);
    for (uint32_t g = 0; g <= tracker->options.languages; g++)
        size += sky_detector_size_bytes(tracker->detectors[g]);
    return size;
}

void sky_tracker_save(const struct sky_tracker *tracker, struct sky_buffer *buffer)
{
    sky_buffer_put_u32(buffer, tracker->options.languages);
    for (uint32_t g = 0; g <= tracker->options.languages; g++)
        sky_detector_save(tracker->detectors[g], buffer);
    sky_recurrence_save(tracker->recurrence, buffer);
}

void sky_tracker_load(struct sky_tracker *tracker, struct sky_reader *reader)
{
    if (sky_reader_u32(reader) != tracker->options.languages)
        sky_reader_fail(reader, SKY_E_CONFIG, "detectors of other languages");
    for (uint32_t g = 0; sky_reader_ok(reader) && g <= tracker->options.languages; g++)
        sky_detector_load(tracker->detectors[g], reader);
    if (sky_reader_ok(reader))
        sky_recurrence_load(tracker->recurrence, reader);
}
