/* One slide of a detector. The steps are numbered as in docs/TRENDS.md, and their order is part of the result: a score
 * must not see the baselines its own window has moved. */
#include "trend/detector_state.h"

#include <math.h>
#include <stdlib.h>

#define NULL_EXPECTED_MIN     4.0  /* keywords rarer than that say little about the null */
#define FREEZE_FROM_MINUTES   120  /* uptime */
#define FREEZE_MINUTES_MAX    720  /* age of a trend */
#define LEARN_FROM_MINUTES    30   /* uptime */
#define LEARN_STEPS_HALF_LIFE 144  /* SKY_BASELINE_DISPERSION_MINUTES in steps */
#define LEARN_ABSENT_ABOVE    20.0 /* S_slow from which a keyword's absence is worth learning from */
#define STAY_Z                2.5
#define STAY_GROWTH           0.5

/* ---- 2. scores, with S and G as the slide before left them ---- */

static void score_model(const struct sky_detector *detector, struct detector_candidate *candidate)
{
    struct sky_baseline past;
    struct sky_expectation expectation;
    detector_past(detector, &detector->rows[candidate->row], &past);
    sky_expect(&past, &detector->volume, &expectation);
    double phi = sky_dispersion(&past) + sky_cold_dispersion(detector->uptime);
    double voices = candidate->voices, slow = expectation.expected_slow;
    candidate->expected = expectation.expected;
    candidate->expected_slow = slow;
    candidate->z = sky_deviance_z(voices, expectation.expected, 1 / (1 / expectation.mass + phi));
    candidate->z_slow = sky_deviance_z(voices, slow, 1 / (1 / expectation.mass_slow + phi));
    candidate->growth = (voices - slow) / fmax(slow, 1);
}

static void score_literal(const struct sky_detector *detector, struct detector_candidate *candidate)
{
    struct sky_literal_moments moments;
    sky_literal_moments(detector->literal, candidate->row, &moments);
    double count = candidate->count;
    candidate->expected = candidate->expected_slow = moments.mean;
    candidate->z = candidate->z_slow = (count - moments.mean) / moments.deviation;
    candidate->growth = (count - moments.mean) / fmax(moments.mean, 1);
}

static bool candidate_add(struct sky_detector *detector, const struct detector_count *count)
{
    void *items = detector->candidates;
    if (!detector_reserve(&items, &detector->candidates_capacity, detector->candidates_count + 1,
                          sizeof *detector->candidates))
        return false;
    detector->candidates = items;
    struct detector_candidate *candidate = &detector->candidates[detector->candidates_count++];
    *candidate = (struct detector_candidate){.row = count->row, .count = count->count, .voices = count->voices};
    if (detector->literal)
        score_literal(detector, candidate);
    else
        score_model(detector, candidate);
    return true;
}

static bool null_take(struct sky_detector *detector)
{
    void *values = detector->values;
    if (!detector_reserve(&values, &detector->values_capacity, detector->candidates_count, sizeof(double)))
        return false;
    detector->values = values;
    uint32_t count = 0;
    for (uint32_t i = 0; i < detector->candidates_count; i++)
        if (detector->candidates[i].expected >= NULL_EXPECTED_MIN)
            detector->values[count++] = detector->candidates[i].z;
    sky_null_take(&detector->null, detector->values, count);
    return true;
}

/* First the candidates, then the trends that are on without being one: these take no part in the null. Returns how many
 * candidates there are, through *candidates. */
static bool score_all(struct sky_detector *detector, uint32_t *candidates)
{
    detector->candidates_count = 0;
    for (uint32_t i = 0; i < detector->on_count; i++)
        detector->on[i].candidate = DETECTOR_NO_CANDIDATE;
    for (uint32_t i = 0; i < detector->now_count; i++) {
        const struct detector_count *count = &detector->now[i];
        uint32_t on = detector->rows[count->row].on;
        if (count->count < detector->options.min_frequency)
            continue;
        if (on)
            detector->on[on - 1].candidate = detector->candidates_count;
        if (!candidate_add(detector, count))
            return false;
    }
    *candidates = detector->candidates_count;
    if (!detector->literal && !null_take(detector))
        return false;
    for (uint32_t i = 0; i < detector->now_count; i++) {
        uint32_t on = detector->rows[detector->now[i].row].on;
        if (!on || detector->on[on - 1].candidate != DETECTOR_NO_CANDIDATE)
            continue;
        detector->on[on - 1].candidate = detector->candidates_count;
        if (!candidate_add(detector, &detector->now[i]))
            return false;
    }
    for (uint32_t i = 0; i < detector->on_count; i++) {
        struct detector_on *on = &detector->on[i];
        if (on->candidate != DETECTOR_NO_CANDIDATE)
            continue;
        on->candidate = detector->candidates_count;
        if (!candidate_add(detector, &(struct detector_count){.row = on->row}))
            return false;
    }
    for (uint32_t i = 0; !detector->literal && i < detector->candidates_count; i++)
        detector->candidates[i].z = sky_null_rescale(&detector->null, detector->candidates[i].z);
    return true;
}

/* ---- 3. the window that ended ten minutes ago enters the baselines; 4. except those of trends ---- */

static struct detector_slide *oldest_slide(struct sky_detector *detector)
{
    return &detector->slides[detector->uptime % detector->options.window_minutes];
}

/* Forget the oldest slide and keep the one at hand in its place. */
static bool slide_keep(struct sky_detector *detector)
{
    struct detector_slide *slide = oldest_slide(detector);
    if (slide->counts_capacity > 4 * (detector->now_count + 1024)) { /* after a surge */
        free(slide->counts);
        *slide = (struct detector_slide){0};
    }
    void *counts = slide->counts;
    if (!detector_reserve(&counts, &slide->counts_capacity, detector->now_count, sizeof *slide->counts))
        return false;
    slide->counts = counts;
    for (uint32_t i = 0; i < detector->now_count; i++)
        slide->counts[i] = (struct detector_past_count){detector->now[i].row, detector->now[i].voices};
    slide->counts_count = detector->now_count;
    slide->volume = detector->volume_now;
    return true;
}

/* Step 4: the share S_slow / G_slow of a trend stays what it was, or it would become its own baseline. `held` are the
 * true S_slow of before. */
static void freeze(struct sky_detector *detector, const double *held, double volume_slow_before)
{
    if (detector->uptime < FREEZE_FROM_MINUTES || volume_slow_before <= 0)
        return;
    for (uint32_t i = 0; i < detector->on_count; i++)
        if (detector->minute - detector->on[i].started_minute <= FREEZE_MINUTES_MAX)
            detector->rows[detector->on[i].row].past.slow =
                held[i] * detector->volume.slow / volume_slow_before * detector->decay.slow;
}

static bool baselines_advance(struct sky_detector *detector)
{
    void *scratch = detector->values;
    if (!detector_reserve(&scratch, &detector->values_capacity, detector->on_count, sizeof(double)))
        return false;
    double *held = detector->values = scratch;
    for (uint32_t i = 0; i < detector->on_count; i++)
        held[i] = detector->rows[detector->on[i].row].past.slow / detector->decay.slow;
    sky_decay_at(detector->minute - detector->landmark, &detector->decay);
    const uint32_t window = detector->options.window_minutes;
    if (detector->uptime >= window) {
        const struct detector_slide *slide = oldest_slide(detector);
        double slow = detector->decay.slow / window, fast = detector->decay.fast / window;
        for (uint32_t i = 0; i < slide->counts_count; i++) {
            struct detector_row *row = &detector->rows[slide->counts[i].row];
            row->past.slow += slide->counts[i].voices * slow;
            row->past.fast += slide->counts[i].voices * fast;
        }
        double before = detector->volume.slow, volume = (double)slide->volume / window;
        detector->volume.slow = before * exp2(-1.0 / SKY_BASELINE_SLOW_MINUTES) + volume;
        detector->volume.fast = detector->volume.fast * exp2(-1.0 / SKY_BASELINE_FAST_MINUTES) + volume;
        freeze(detector, held, before);
    }
    return slide_keep(detector);
}

/* ---- 5. over-dispersion ---- */

static void learn_row(struct sky_detector *detector, struct detector_row *row, double voices, double weight)
{
    struct sky_baseline past;
    struct sky_expectation expectation;
    double p, q;
    detector_past(detector, row, &past);
    sky_expect(&past, &detector->volume, &expectation);
    sky_dispersion_sample(&past, &expectation, voices, &p, &q);
    row->past.p += weight * p;
    row->past.q += weight * q;
}

static void dispersion_learn(struct sky_detector *detector)
{
    int64_t step = detector->minute % SKY_DISPERSION_EVERY_MINUTES;
    if ((step < 0 ? step + SKY_DISPERSION_EVERY_MINUTES : step) != SKY_DISPERSION_EVERY_MINUTES - 1 ||
        detector->uptime < LEARN_FROM_MINUTES)
        return;
    double weight = (1 - exp2(-1.0 / LEARN_STEPS_HALF_LIFE)) * detector->decay.dispersion;
    for (uint32_t i = 0; i < detector->now_count; i++)
        learn_row(detector, &detector->rows[detector->now[i].row], detector->now[i].voices, weight);
    double absent_above = LEARN_ABSENT_ABOVE * detector->decay.slow;
    for (uint32_t i = 0; i < detector->rows_count; i++) {
        struct detector_row *row = &detector->rows[i];
        if (row->past.slow > absent_above && row->last_seen != (uint32_t)detector->minute && row->known)
            learn_row(detector, row, 0, weight);
    }
}

/* ---- 6. state ---- */

static bool may_start(const struct sky_detector *detector, const struct detector_candidate *candidate)
{
    const struct sky_detector_options *options = &detector->options;
    return detector->uptime >= sky_detector_warm_up_minutes(options->window_minutes) &&
           candidate->z >= options->min_z && candidate->growth >= options->min_growth &&
           candidate->voices >= options->min_authors;
}

static bool may_stay(const struct sky_detector *detector, const struct detector_candidate *candidate)
{
    if (candidate->count < detector->options.min_frequency)
        return false;
    if (detector->literal) /* the plain rule has no memory: on while it holds */
        return may_start(detector, candidate);
    return candidate->z_slow >= STAY_Z && candidate->growth >= STAY_GROWTH;
}

static struct sky_trend trend_of(const struct sky_detector *detector, const struct detector_on *on,
                                 enum sky_trend_kind state)
{
    const struct detector_candidate *candidate = &detector->candidates[on->candidate];
    return (struct sky_trend){.id = detector->rows[on->row].id,
                              .keyword = detector_row_text(detector, on->row),
                              .kind = detector->rows[on->row].kind,
                              .state = state,
                              .count = candidate->count,
                              .voices = candidate->voices,
                              .z = candidate->z,
                              .growth = candidate->growth,
                              .expected = candidate->expected_slow,
                              .confidence = sky_confidence(candidate->z),
                              .started_minute = on->started_minute};
}

static bool start(struct sky_detector *detector, uint32_t candidates)
{
    for (uint32_t i = 0; i < candidates; i++) {
        const struct detector_candidate *candidate = &detector->candidates[i];
        if (detector->rows[candidate->row].on || !may_start(detector, candidate))
            continue;
        void *on = detector->on;
        if (!detector_reserve(&on, &detector->on_capacity, detector->on_count + 1, sizeof *detector->on))
            return false;
        detector->on = on;
        detector->on[detector->on_count++] = (struct detector_on){candidate->row, i, detector->minute};
        detector->rows[candidate->row].on = detector->on_count;
    }
    return true;
}

/* Trends that were on before the slide stay or end; those that end go to `ended`. Returns how many. */
static uint32_t end(struct sky_detector *detector, uint32_t held, struct sky_trend *ended)
{
    uint32_t ended_count = 0, kept = 0;
    for (uint32_t i = 0; i < detector->on_count; i++) {
        struct detector_on on = detector->on[i];
        if (i >= held || may_stay(detector, &detector->candidates[on.candidate])) {
            detector->on[kept++] = on;
            detector->rows[on.row].on = kept;
        } else {
            ended[ended_count++] = trend_of(detector, &on, SKY_TREND_ENDED);
            detector->rows[on.row].on = 0;
        }
    }
    detector->on_count = kept;
    return ended_count;
}

static int by_keyword(const void *a, const void *b)
{
    return sky_span_compare(((const struct sky_trend *)a)->keyword, ((const struct sky_trend *)b)->keyword);
}

static bool transitions(struct sky_detector *detector, uint32_t candidates, struct sky_detector_result *result)
{
    uint32_t held = detector->on_count;
    if (!start(detector, candidates))
        return false;
    void *trends = detector->trends;
    if (!detector_reserve(&trends, &detector->trends_capacity, 2 * detector->on_count, sizeof *detector->trends))
        return false;
    detector->trends = trends;
    struct sky_trend *ended = detector->trends + detector->on_count;
    result->ended_count = end(detector, held, ended);
    for (uint32_t i = 0; i < detector->on_count; i++) {
        bool is_new = detector->on[i].started_minute == detector->minute;
        detector->trends[i] = trend_of(detector, &detector->on[i], is_new ? SKY_TREND_STARTED : SKY_TREND_ONGOING);
    }
    if (detector->on_count)
        qsort(detector->trends, detector->on_count, sizeof *detector->trends, by_keyword);
    if (result->ended_count)
        qsort(ended, result->ended_count, sizeof *ended, by_keyword);
    result->on = detector->trends;
    result->on_count = detector->on_count;
    result->ended = ended;
    return true;
}

static bool scores_tell(struct sky_detector *detector, uint32_t candidates, struct sky_detector_result *result)
{
    void *scores = detector->scores;
    if (!detector_reserve(&scores, &detector->scores_capacity, candidates, sizeof *detector->scores))
        return false;
    detector->scores = scores;
    for (uint32_t i = 0; i < candidates; i++) {
        const struct detector_candidate *from = &detector->candidates[i];
        detector->scores[i] = (struct sky_detector_score){.keyword = detector_row_text(detector, from->row),
                                                          .count = from->count,
                                                          .voices = from->voices,
                                                          .expected = from->expected,
                                                          .z = from->z,
                                                          .z_slow = from->z_slow,
                                                          .growth = from->growth,
                                                          .expected_slow = from->expected_slow};
    }
    result->scores = detector->scores;
    result->scores_count = candidates;
    return true;
}

/* The plain rule's history: every row that is in the window, and every one that was in the last. */
static bool literal_take(struct sky_detector *detector)
{
    if (!sky_literal_begin(detector->literal, detector->uptime))
        return false;
    const struct detector_slide *last =
        &detector->slides[(detector->uptime + detector->options.window_minutes - 1) % detector->options.window_minutes];
    for (uint32_t i = 0; i < last->counts_count; i++)
        if (detector->rows[last->counts[i].row].last_seen != (uint32_t)detector->minute &&
            !sky_literal_note(detector->literal, last->counts[i].row, 0))
            return false;
    for (uint32_t i = 0; i < detector->now_count; i++)
        if (!sky_literal_note(detector->literal, detector->now[i].row, detector->now[i].count))
            return false;
    return true;
}

enum sky_status sky_detector_end(struct sky_detector *detector, struct sky_detector_result *result)
{
    uint32_t candidates;
    *result = (struct sky_detector_result){
        .warming_up = detector->uptime < sky_detector_warm_up_minutes(detector->options.window_minutes)};
    detector->volume.now = (double)detector->volume_now;
    if ((detector->literal && !literal_take(detector)) || !score_all(detector, &candidates) ||
        !baselines_advance(detector))
        return SKY_E_MEMORY;
    dispersion_learn(detector);
    if (!transitions(detector, candidates, result) || !scores_tell(detector, candidates, result))
        return SKY_E_MEMORY;
    detector->uptime++;
    return SKY_OK;
}
