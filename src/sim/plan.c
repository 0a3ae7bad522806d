/* The plan: an hour's worth of events drawn at its beginning.
 *
 * A burst is a curve of mentions a minute: it rises to a peak (in 1 to 3 minutes when sudden, in 10 to 40 as a ramp),
 * stays there for 3 to 19 and fades exponentially. Each minute's count is Poisson around the curve times a gamma
 * variate of shape 6; 94 % of the mentions are by authors new to the burst. The peak is spread evenly on a log scale
 * from 1.5 to 150 a minute, so that many bursts are too small for anybody to see. Whether one is large enough to be
 * asked of a detector follows from the counts drawn, not from the curve: `detectable` in world.h. */
#include "sim/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define WINDOW_MINUTES         10
#define FIRST_ONSET_MINUTE     14 /* a detector needs some minutes before it can say anything */
#define VOICES_SHARE           0.94
#define BY_FEW_AN_HOUR         3
#define COORDINATED_AN_HOUR    0.5
#define SPAM_PROFILE_FACTOR    4
#define THREADS_A_MINUTE       10.0
#define REAL_AFTER_MINUTES_MAX 300
#define REAL_FIRST_MINUTE      150
#define REAL_LAST_MINUTES      330 /* before the end */
#define CURVE_MINUTES_MAX      320

static struct sky_plan_minute *at(struct sky_plan *plan, uint32_t minute)
{
    return &plan->minutes[minute % SKY_PLAN_AHEAD_MINUTES];
}

static uint32_t end_minute(const struct sky_plan *plan)
{
    return plan->options.hours ? plan->options.hours * 60 : UINT32_MAX;
}

static void add_mention(struct sky_plan *plan, uint32_t minute, const struct sky_plan_mention *mention)
{
    if (minute >= end_minute(plan) || mention->count == 0)
        return;
    struct sky_plan_minute *m = at(plan, minute);
    if (m->count == m->capacity) {
        uint32_t capacity = m->capacity ? 2 * m->capacity : 64;
        struct sky_plan_mention *mentions = realloc(m->mentions, capacity * sizeof *mentions);
        if (!mentions) {
            plan->failed = true;
            return;
        }
        m->mentions = mentions;
        m->capacity = capacity;
    }
    m->mentions[m->count++] = *mention;
}

static int64_t time_of(const struct sky_plan *plan, uint32_t minute)
{
    uint32_t end = end_minute(plan);
    return plan->options.start_ms + (int64_t)(minute < end ? minute : end) * SKY_MINUTE_MS;
}

/* A zeroed event at the end of the list; NULL without memory. */
static struct sky_world_event *add_event(struct sky_plan *plan, enum sky_world_event_kind kind)
{
    if (plan->events_count == plan->events_capacity) {
        size_t capacity = plan->events_capacity ? 2 * plan->events_capacity : 256;
        struct sky_world_event *events = realloc(plan->events, capacity * sizeof *events);
        if (!events) {
            plan->failed = true;
            return NULL;
        }
        plan->events = events;
        plan->events_capacity = capacity;
    }
    struct sky_world_event *event = &plan->events[plan->events_count++];
    *event = (struct sky_world_event){.kind = kind, .shape = "", .vocabulary = ""};
    return event;
}

static void name_event(const struct sky_plan *plan, struct sky_world_event *event,
                       const struct sky_plan_mention *source)
{
    event->keyword = sky_lexicon_normalized(plan->lexicon, source->word);
    event->language = sky_span_from_string(sky_sim_languages[plan->lexicon->words[source->word].language]->code);
    event->companions_count = source->companions_count;
    for (uint32_t i = 0; i < source->companions_count; i++)
        event->companions[i] = sky_lexicon_normalized(plan->lexicon, source->companions[i]);
}

/* ------------------------------------------------------------------------------------------------ words */

#define TRIES_MAX 256

static uint32_t unused_word(struct sky_plan *plan, uint32_t low, uint32_t high)
{
    uint32_t word = low;
    for (int i = 0; i < TRIES_MAX; i++) {
        word = low + sky_random_below(&plan->random, high - low);
        if (!plan->used[word])
            break;
    }
    plan->used[word] = 1;
    return word;
}

/* Rare words of the source's language. */
static void draw_companions(struct sky_plan *plan, struct sky_plan_mention *source, uint32_t count)
{
    uint8_t language = plan->lexicon->words[source->word].language;
    source->companions_count = 0;
    for (int i = 0; i < TRIES_MAX && source->companions_count < count; i++) {
        uint32_t word = 20000 + sky_random_below(&plan->random, SKY_VOCABULARY_KNOWN - 20000);
        if (plan->used[word] || plan->lexicon->words[word].language != language)
            continue;
        plan->used[word] = 1;
        source->companions[source->companions_count++] = word;
    }
}

static uint32_t new_word(struct sky_plan *plan)
{
    if (plan->new_next < SKY_VOCABULARY_WORDS)
        return plan->new_next++;
    return unused_word(plan, SKY_VOCABULARY_KNOWN / 2, SKY_VOCABULARY_KNOWN);
}

static uint32_t draw_burst_word(struct sky_plan *plan, struct sky_world_event *event)
{
    if (sky_random_chance(&plan->random, 0.25)) {
        event->vocabulary = "new";
        return new_word(plan);
    }
    double unit = sky_random_unit(&plan->random);
    if (unit < 0.6) {
        event->vocabulary = "rare";
        return unused_word(plan, 20000, SKY_VOCABULARY_KNOWN);
    }
    event->vocabulary = unit < 0.85 ? "mid" : "common";
    return unit < 0.85 ? unused_word(plan, 2000, 20000) : unused_word(plan, 200, 2000);
}

/* ----------------------------------------------------------------------------------------------- bursts */

struct curve {
    uint32_t count;
    uint16_t mentions[CURVE_MINUTES_MAX];
    uint16_t voices[CURVE_MINUTES_MAX];
};

static void draw_voices(struct sky_plan *plan, struct curve *curve)
{
    for (uint32_t i = 0; i < curve->count; i++)
        curve->voices[i] = (uint16_t)sky_random_binomial(&plan->random, curve->mentions[i], VOICES_SHARE);
}

static void draw_curve(struct sky_plan *plan, double peak, bool sudden, struct curve *curve)
{
    struct sky_random *random = &plan->random;
    uint32_t rise = sudden ? sky_random_between(random, 1, 3) : sky_random_between(random, 10, 40);
    uint32_t plateau = sky_random_between(random, 3, 19);
    double fade = sky_random_uniform(random, 10, 60);
    curve->count = (uint32_t)(rise + plateau + fade * 4);
    for (uint32_t x = 0; x < curve->count; x++) {
        double level = peak;
        if (x < rise)
            level = peak * (x + 1) / rise;
        else if (x >= rise + plateau)
            level = peak * sky_random_exp(-(double)(x - rise - plateau) / fade);
        uint32_t count = sky_random_poisson(random, level * sky_random_gamma(random, 6) / 6);
        curve->mentions[x] = (uint16_t)(count < UINT16_MAX ? count : UINT16_MAX);
    }
    draw_voices(plan, curve);
}

/* Peak and end by the voices of each 10 minutes; what lies after the world's end does not happen. */
static void measure_burst(struct sky_plan *plan, struct sky_world_event *event, struct curve *curve, uint32_t onset,
                          double rate)
{
    uint32_t end = end_minute(plan), window = 0, last = 0;
    if (curve->count > end - onset)
        curve->count = end - onset;
    for (uint32_t i = 0; i < curve->count; i++) {
        window += curve->voices[i];
        if (i >= WINDOW_MINUTES)
            window -= curve->voices[i - WINDOW_MINUTES];
        if (window > event->peak)
            event->peak = window;
        if (window >= 3)
            last = i;
        event->mentions += curve->mentions[i];
        event->authors += curve->voices[i];
    }
    double expected = rate * WINDOW_MINUTES;
    event->expected = expected;
    event->detectable = event->peak >= 12 && event->peak >= 1.5 * expected && event->peak >= 5 * sqrt(expected + 1);
    event->onset_ms = time_of(plan, onset);
    event->end_ms = time_of(plan, onset + last + 5);
    struct sky_span kept =
        sky_arena_copy(&plan->arena, sky_span_of(curve->mentions, curve->count * sizeof curve->mentions[0]));
    plan->failed |= curve->count && !kept.ptr;
    event->planned = (const uint16_t *)(const void *)kept.ptr;
    event->planned_count = kept.ptr ? curve->count : 0;
}

static void add_burst_mentions(struct sky_plan *plan, const struct curve *curve, uint32_t onset,
                               struct sky_plan_mention *source)
{
    for (uint32_t i = 0; i < curve->count; i++) {
        source->count = curve->mentions[i];
        source->fresh = curve->voices[i];
        add_mention(plan, onset + i, source);
        source->first += curve->voices[i];
    }
}

static void plan_burst(struct sky_plan *plan, uint32_t onset)
{
    struct sky_random *random = &plan->random;
    struct sky_world_event *event = add_event(plan, SKY_WORLD_BURST);
    if (!event)
        return;
    struct sky_plan_mention source = {.kind = SKY_PLAN_BURST, .seed = plan->seed_next++};
    source.word = draw_burst_word(plan, event);
    double rate = plan->vocabulary->rates[source.word];
    double peak = sky_random_exp(sky_random_uniform(random, sky_random_log(1.5), sky_random_log(150)));
    if (event->vocabulary[0] == 'm' || event->vocabulary[0] == 'c') {
        double above = rate * sky_random_exp(sky_random_uniform(random, sky_random_log(1.5), sky_random_log(8)));
        peak = peak > above ? peak : above;
    }
    bool sudden = sky_random_chance(random, 0.6);
    event->shape = sudden ? "sudden" : "ramp";
    struct curve curve;
    draw_curve(plan, peak, sudden, &curve);
    draw_companions(plan, &source, sky_random_below(random, 3));
    source.companion_percent = (uint8_t)sky_random_between(random, 30, 60);
    measure_burst(plan, event, &curve, onset, rate);
    name_event(plan, event, &source);
    add_burst_mentions(plan, &curve, onset, &source);
}

/* A real onset: its counts as they were, under a new word; the hour before it as a trickle. */
static void plan_real(struct sky_plan *plan, const struct sky_world_onset *real, uint32_t onset)
{
    struct sky_world_event *event = add_event(plan, SKY_WORLD_BURST);
    if (!event)
        return;
    event->shape = "real";
    event->vocabulary = "new";
    struct sky_plan_mention source = {.kind = SKY_PLAN_BURST, .seed = plan->seed_next++, .word = new_word(plan)};
    for (uint32_t i = 0; i < real->before_count; i++) {
        source.count = source.fresh = real->before[i];
        add_mention(plan, onset - real->before_count + i, &source);
        source.first += source.fresh;
    }
    struct curve curve = {.count = real->after_count};
    if (curve.count > REAL_AFTER_MINUTES_MAX)
        curve.count = REAL_AFTER_MINUTES_MAX;
    memcpy(curve.mentions, real->after, curve.count * sizeof curve.mentions[0]);
    draw_voices(plan, &curve);
    measure_burst(plan, event, &curve, onset, plan->vocabulary->rates[source.word]);
    name_event(plan, event, &source);
    add_burst_mentions(plan, &curve, onset, &source);
}

static void plan_real_onsets(struct sky_plan *plan, uint32_t from, uint32_t to)
{
    for (; plan->real_next < plan->real_count; plan->real_next++) {
        const struct sky_world_onset *real = &plan->options.onsets[plan->real_next % plan->options.onsets_count];
        uint32_t onset = plan->real_onsets[plan->real_next];
        if (onset < from + 60 || onset >= to + 60)
            return;
        plan_real(plan, real, onset);
    }
}

/* ------------------------------------------------------------------------- spam, copies, bots, threads */

/* `posts` mentions at random minutes of `length`; who posts is told by kind and seed when they are written. */
static void scatter(struct sky_plan *plan, struct sky_plan_mention *source, uint32_t onset, uint32_t length,
                    uint32_t posts)
{
    uint16_t counts[64] = {0};
    for (uint32_t i = 0; i < posts; i++)
        counts[sky_random_below(&plan->random, length)]++;
    for (uint32_t i = 0; i < length; i++) {
        source->count = counts[i];
        add_mention(plan, onset + i, source);
        source->first += counts[i];
    }
}

struct few {
    enum sky_world_event_kind event_kind;
    uint32_t onset;
    uint32_t length;
    uint32_t posts;
};

static void plan_few(struct sky_plan *plan, struct sky_plan_mention *source, const struct few *few)
{
    struct sky_world_event *event = add_event(plan, few->event_kind);
    if (!event)
        return;
    name_event(plan, event, source);
    event->authors = source->authors;
    event->mentions = few->posts;
    event->onset_ms = time_of(plan, few->onset);
    event->end_ms = time_of(plan, few->onset + few->length + WINDOW_MINUTES);
    scatter(plan, source, few->onset, few->length, few->posts);
}

static void plan_by_few(struct sky_plan *plan, uint32_t hour)
{
    struct sky_random *random = &plan->random;
    struct sky_plan_mention source = {.kind = SKY_PLAN_FEW, .seed = plan->seed_next++};
    source.word = unused_word(plan, 2000, SKY_VOCABULARY_KNOWN);
    source.authors = (uint8_t)sky_random_between(random, 1, 3);
    struct few few = {.event_kind = SKY_WORLD_BY_FEW};
    few.onset = hour * 60 + sky_random_below(random, 60); /* one draw a statement: their order is part of the world */
    few.length = sky_random_between(random, 5, 30);
    few.posts = sky_random_between(random, 15, 100);
    draw_companions(plan, &source, sky_random_between(random, 4, 6));
    plan_few(plan, &source, &few);
}

static void plan_coordinated(struct sky_plan *plan, uint32_t hour)
{
    struct sky_random *random = &plan->random;
    struct sky_plan_mention source = {.kind = SKY_PLAN_COPIED, .seed = plan->seed_next++};
    source.word = unused_word(plan, 2000, SKY_VOCABULARY_KNOWN);
    source.authors = (uint8_t)sky_random_between(random, 5, 15);
    struct few few = {.event_kind = SKY_WORLD_COORDINATED};
    few.onset = hour * 60 + sky_random_below(random, 60);
    few.length = sky_random_between(random, 10, 30);
    few.posts = sky_random_between(random, 50, 200);
    draw_companions(plan, &source, 6);
    plan_few(plan, &source, &few);
}

static void draw_bots(struct sky_plan *plan)
{
    for (uint32_t i = 0; i < SKY_PLAN_BOTS; i++) {
        struct sky_plan_bot *bot = &plan->bots[i];
        bot->word = unused_word(plan, 500, 60000);
        bot->minute = sky_random_below(&plan->random, 60);
        bot->authors = sky_random_between(&plan->random, 4, 8);
        bot->posts = sky_random_between(&plan->random, 12, 40);
        bot->seed = plan->seed_next++;
    }
}

static void plan_bots(struct sky_plan *plan, uint32_t hour)
{
    for (uint32_t i = 0; i < SKY_PLAN_BOTS; i++) {
        const struct sky_plan_bot *bot = &plan->bots[i];
        struct sky_plan_mention source = {
            .kind = SKY_PLAN_BOT, .seed = bot->seed, .word = bot->word, .authors = (uint8_t)bot->authors};
        struct few few = {SKY_WORLD_BOT, hour * 60 + bot->minute, 4, bot->posts};
        plan_few(plan, &source, &few);
    }
}

/* Two to four people at length about one thing. */
static void plan_threads(struct sky_plan *plan, uint32_t minute)
{
    uint32_t count = sky_random_poisson(&plan->random, THREADS_A_MINUTE);
    for (uint32_t i = 0; i < count; i++) {
        struct sky_plan_mention source = {.kind = SKY_PLAN_THREAD, .seed = plan->seed_next++};
        source.word = 1000 + sky_random_below(&plan->random, SKY_VOCABULARY_KNOWN - 1000);
        source.authors = (uint8_t)sky_random_between(&plan->random, 2, 4);
        scatter(plan, &source, minute, 10, sky_random_between(&plan->random, 4, 15));
    }
}

/* 100 words, each with an hour of the day of its own in which some dozens say it ("good morning", a television
 * programme): usual, so never a trend once it is known. Not part of the truth: a start is a false alarm. */
static void plan_daily(struct sky_plan *plan, uint32_t hour)
{
    int64_t hour_of_day = (plan->options.start_ms / SKY_HOUR_MS + hour) % 24;
    for (uint32_t i = 0; i < SKY_WORLD_DAILY_WORDS; i++) {
        uint64_t traits = sky_random_mix(plan->options.seed * SKY_WORLD_DAILY_WORDS + i);
        if ((int64_t)(traits % 24) != hour_of_day)
            continue;
        struct sky_plan_mention source = {.kind = SKY_PLAN_BURST, .seed = plan->seed_next++};
        source.word = sky_plan_daily_word(i);
        double peak = 1.5 + (double)(traits >> 8 & 15);
        for (uint32_t m = 0; m < 60; m++) {
            double level = peak * sky_random_wave(m / 120.0);
            source.count = source.fresh = (uint16_t)sky_random_poisson(&plan->random, level);
            add_mention(plan, hour * 60 + m, &source);
            source.first += source.fresh;
        }
    }
}

/* ---------------------------------------------------------------------------------------------- volume */

static void change_volume(struct sky_plan *plan, uint32_t from, uint32_t length, int language, double factor)
{
    for (uint32_t m = from; m < from + length; m++)
        for (int l = 0; l < SKY_SIM_LANGUAGES; l++)
            if (language < 0 || l == language)
                at(plan, m)->volume[l] *= factor;
}

static void add_surge(struct sky_plan *plan, const char *shape, uint32_t from, uint32_t length, double factor)
{
    struct sky_world_event *event = add_event(plan, SKY_WORLD_SURGE);
    if (!event)
        return;
    event->shape = shape;
    event->factor = factor;
    event->onset_ms = time_of(plan, from);
    event->end_ms = time_of(plan, from + length);
}

/* A surge of everything every 18 hours, of one language every 10, an outage with its catch-up every 30. */
static void plan_surges(struct sky_plan *plan, uint32_t hour)
{
    struct sky_random *random = &plan->random;
    uint32_t from = hour * 60 + sky_random_below(random, 60);
    if (sky_random_chance(random, 1.0 / 18)) {
        uint32_t length = sky_random_between(random, 15, 45);
        double factor = sky_random_uniform(random, 2, 4);
        change_volume(plan, from, length, -1, factor);
        add_surge(plan, "global", from, length, factor);
    }
    if (sky_random_chance(random, 1.0 / 10)) {
        uint32_t length = sky_random_between(random, 20, 60);
        double factor = sky_random_uniform(random, 1.8, 3);
        int language = (int)sky_random_below(random, SKY_SIM_LANGUAGES);
        change_volume(plan, from, length, language, factor);
        add_surge(plan, "language", from, length, factor);
        if (!plan->failed)
            plan->events[plan->events_count - 1].language = sky_span_from_string(sky_sim_languages[language]->code);
    }
    if (sky_random_chance(random, 1.0 / 30)) {
        change_volume(plan, from, 5, -1, 0.1);
        change_volume(plan, from + 5, 5, -1, 1.9);
        add_surge(plan, "outage", from, 10, 1.9);
    }
}

/* ------------------------------------------------------------------------------------------------ hours */

static uint32_t draw_count(struct sky_plan *plan, double mean)
{
    uint32_t whole = (uint32_t)mean;
    return whole + (sky_random_chance(&plan->random, mean - whole) ? 1 : 0);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void plan_bursts(struct sky_plan *plan, uint32_t hour)
{
    uint32_t onsets[256], count = draw_count(plan, plan->options.bursts_per_hour);
    uint32_t first = hour ? 0 : FIRST_ONSET_MINUTE;
    for (uint32_t i = 0; i < count; i++)
        onsets[i] = hour * 60 + first + sky_random_below(&plan->random, 60 - first);
    qsort(onsets, count, sizeof onsets[0], by_value);
    for (uint32_t i = 0; i < count; i++)
        plan_burst(plan, onsets[i]);
}

static void plan_hour(struct sky_plan *plan, uint32_t hour)
{
    double factor = plan->options.profile == SKY_WORLD_SPAM ? SPAM_PROFILE_FACTOR : 1;
    if (hour > 0)
        plan_surges(plan, hour);
    plan_bursts(plan, hour);
    plan_real_onsets(plan, hour * 60, hour * 60 + 60);
    for (uint32_t i = draw_count(plan, BY_FEW_AN_HOUR * factor); i > 0; i--)
        plan_by_few(plan, hour);
    for (uint32_t i = draw_count(plan, COORDINATED_AN_HOUR * factor); i > 0; i--)
        plan_coordinated(plan, hour);
    plan_bots(plan, hour);
    if (plan->options.profile == SKY_WORLD_DAILY)
        plan_daily(plan, hour);
}

static bool draw_real_onsets(struct sky_plan *plan)
{
    uint32_t minutes = plan->options.hours * 60;
    if (!plan->options.onsets_count || minutes < REAL_FIRST_MINUTE + REAL_LAST_MINUTES + 60)
        return true;
    plan->real_count = plan->options.onsets_count * plan->options.onset_repeats;
    plan->real_onsets = malloc((plan->real_count + 1) * sizeof *plan->real_onsets);
    if (!plan->real_onsets)
        return false;
    for (uint32_t i = 0; i < plan->real_count; i++)
        plan->real_onsets[i] =
            REAL_FIRST_MINUTE + sky_random_below(&plan->random, minutes - REAL_FIRST_MINUTE - REAL_LAST_MINUTES);
    qsort(plan->real_onsets, plan->real_count, sizeof *plan->real_onsets, by_value);
    return true;
}

static void reset_minute(struct sky_plan_minute *minute)
{
    minute->count = 0;
    for (int l = 0; l < SKY_SIM_LANGUAGES; l++)
        minute->volume[l] = 1;
}

enum sky_status sky_plan_init(struct sky_plan *plan, const struct sky_world_options *options,
                              const struct sky_vocabulary *vocabulary, const struct sky_lexicon *lexicon)
{
    *plan = (struct sky_plan){.vocabulary = vocabulary, .lexicon = lexicon, .options = *options};
    plan->new_next = SKY_VOCABULARY_KNOWN;
    plan->seed_next = sky_random_mix(options->seed);
    sky_random_seed(&plan->random, options->seed, 2);
    for (uint32_t i = 0; i < SKY_PLAN_AHEAD_MINUTES; i++)
        reset_minute(&plan->minutes[i]);
    plan->used = calloc(1, SKY_VOCABULARY_WORDS);
    if (!plan->used || !draw_real_onsets(plan)) {
        sky_plan_clean_up(plan);
        return SKY_E_MEMORY;
    }
    for (uint32_t i = 0; i < SKY_WORLD_DAILY_WORDS && options->profile == SKY_WORLD_DAILY; i++)
        plan->used[sky_plan_daily_word(i)] = 1;
    draw_bots(plan);
    return SKY_OK;
}

void sky_plan_clean_up(struct sky_plan *plan)
{
    for (uint32_t i = 0; i < SKY_PLAN_AHEAD_MINUTES; i++)
        free(plan->minutes[i].mentions);
    sky_arena_clean_up(&plan->arena);
    free(plan->events);
    free(plan->used);
    free(plan->real_onsets);
    *plan = (struct sky_plan){0};
}

enum sky_status sky_plan_open_minute(struct sky_plan *plan, uint32_t minute, const struct sky_plan_minute **out)
{
    if (minute % 60 == 0)
        plan_hour(plan, minute / 60);
    plan_threads(plan, minute);
    *out = at(plan, minute);
    return plan->failed ? SKY_E_MEMORY : SKY_OK;
}

void sky_plan_close_minute(struct sky_plan *plan, uint32_t minute)
{
    reset_minute(at(plan, minute));
}
