#include "trends_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"
#include "sim/random.h"

#define SMALL_PEAK_MAX    40
#define ENDED_MINUTES_MAX 30
#define AFTER_MINUTES     10 /* a word stays in the window so long after its event */
#define BOOTSTRAP_ROUNDS  1000
#define NO_EVENT          UINT32_MAX

/* ------------------------------------------------------------------------- what belongs to which event */

struct attribution {
    const struct trends_report_input *input;
    struct sky_evaluation_event *events;
    struct trends_map words; /* word id -> its first event, as keyword or companion */
    struct trends_map *names;
};

static int32_t minute_of(const struct trends_report_input *input, int64_t time_ms)
{
    return (int32_t)((time_ms - input->start_ms) / SKY_MINUTE_MS);
}

static enum sky_evaluation_kind kind_of(enum sky_world_event_kind kind)
{
    switch (kind) {
    case SKY_WORLD_BURST: return SKY_EVALUATION_BURST;
    case SKY_WORLD_BY_FEW: return SKY_EVALUATION_BY_FEW;
    case SKY_WORLD_COORDINATED: return SKY_EVALUATION_COORDINATED;
    default: return SKY_EVALUATION_OTHER;
    }
}

/* No two events but a bot's hours share a word, so the first event of a word tells whose it is. */
static bool index_events(struct attribution *attribution)
{
    const struct trends_report_input *input = attribution->input;
    attribution->events = calloc(input->events_count + 1, sizeof *attribution->events);
    if (!attribution->events)
        return false;
    for (size_t i = 0; i < input->events_count; i++) {
        const struct sky_world_event *event = &input->events[i];
        attribution->events[i] = (struct sky_evaluation_event){
            .keyword = trends_log_keyword(input->log, event->keyword),
            .kind = kind_of(event->kind),
            .detectable = event->detectable,
            .onset = minute_of(input, event->onset_ms),
            .end = minute_of(input, event->end_ms),
        };
        if (event->kind == SKY_WORLD_SURGE) { /* of no keyword */
            attribution->events[i].onset = INT32_MAX;
            continue;
        }
        uint32_t stored = trends_map_put(&attribution->words, sky_hash_id(event->keyword), (uint32_t)i);
        for (uint32_t j = 0; j < event->companions_count && stored != UINT32_MAX; j++)
            stored = trends_map_put(&attribution->words, sky_hash_id(event->companions[j]), (uint32_t)i);
        if (stored == UINT32_MAX)
            return false;
    }
    return true;
}

/* The event that a display of `name` from minute `from` on belongs to by one of its words. */
static uint32_t event_of(const struct attribution *attribution, struct sky_span name, int32_t from)
{
    for (size_t at = 0; at < name.len;) {
        struct sky_span rest = sky_span_from(name, at);
        const uint8_t *space = memchr(rest.ptr, ' ', rest.len);
        size_t len = space ? (size_t)(space - rest.ptr) : rest.len;
        uint32_t event;
        at += len + 1;
        if (!trends_map_get(&attribution->words, sky_hash_id(sky_span_of(rest.ptr, len)), &event))
            continue;
        const struct sky_evaluation_event *known = &attribution->events[event];
        if (from >= known->onset && from <= known->end + AFTER_MINUTES)
            return event;
    }
    return NO_EVENT;
}

/* Leave out what a burst brings with it; give what copies bring to their keyword. */
static size_t attribute(struct attribution *attribution, struct sky_evaluation_interval *intervals, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct sky_evaluation_interval interval = intervals[i];
        struct sky_span name = attribution->input->log->names[interval.keyword];
        uint32_t event = event_of(attribution, name, interval.from);
        if (event != NO_EVENT && attribution->events[event].keyword != interval.keyword) {
            if (attribution->events[event].kind == SKY_EVALUATION_BURST)
                continue;
            interval.keyword = attribution->events[event].keyword;
        }
        intervals[kept++] = interval;
    }
    return kept;
}

/* ----------------------------------------------------------------------------------------- adding up */

static void add_sum(struct sky_evaluation *sum, const struct sky_evaluation *one)
{
    sum->bursts += one->bursts;
    sum->found += one->found;
    sum->hits += one->hits;
    sum->false_alarms += one->false_alarms;
    sum->coordinated += one->coordinated;
    sum->by_few += one->by_few;
    sum->false_minutes += one->false_minutes;
    sum->starts += one->starts;
}

static bool make_room(struct trends_report *report, const struct sky_evaluation_rules *rules, size_t bursts)
{
    size_t hours = report->hours_count + (size_t)(rules->to - rules->from + 59) / 60;
    struct trends_report_hour *grown_hours = realloc(report->hours, (hours + 1) * sizeof *grown_hours);
    if (grown_hours)
        report->hours = grown_hours;
    double *grown = realloc(report->latencies, (report->latencies_count + bursts + 1) * sizeof *grown);
    if (grown)
        report->latencies = grown;
    if (!grown_hours || !grown)
        return false;
    for (size_t i = report->hours_count; i < hours; i++)
        report->hours[i] = (struct trends_report_hour){.bursts = 0};
    return true;
}

static void add_burst(struct trends_report *report, struct trends_report_hour *hours,
                      const struct sky_evaluation_rules *rules, const struct sky_evaluation_event *event,
                      const struct sky_world_event *truth)
{
    bool is_found = event->first >= 0;
    struct trends_report_hour *hour = &hours[(event->onset - rules->from) / 60];
    hour->bursts++;
    hour->found += is_found;
    if (truth->shape[0] == 'r' && truth->shape[1] == 'e') {
        report->real.bursts++;
        report->real.found += is_found;
    }
    if (truth->peak < SMALL_PEAK_MAX) {
        report->small.bursts++;
        report->small.found += is_found;
    }
    if (!is_found)
        return;
    report->ended_in_time += event->ended <= event->end + ENDED_MINUTES_MAX;
    report->latencies[report->latencies_count++] = event->first - event->onset;
}

static void add_episode(struct trends_report *report, struct trends_report_hour *hours,
                        const struct sky_evaluation_rules *rules, const struct sky_evaluation_episode *episode)
{
    int bin = (int)(episode->confidence * TRENDS_REPORT_BINS);
    bin = bin < 0 ? 0 : bin >= TRENDS_REPORT_BINS ? TRENDS_REPORT_BINS - 1 : bin;
    if (episode->verdict == SKY_EVALUATION_HIT || episode->verdict == SKY_EVALUATION_FALSE) {
        report->bins[bin].count++;
        report->bins[bin].claimed += episode->confidence;
        report->bins[bin].hits += episode->verdict == SKY_EVALUATION_HIT;
    }
    if (episode->verdict != SKY_EVALUATION_FALSE)
        return;
    hours[(episode->from - rules->from) / 60].false_alarms++;
    if (!episode->event)
        report->false_background++;
    else if (episode->event->kind == SKY_EVALUATION_OTHER)
        report->false_bots++;
    else if (episode->event->kind == SKY_EVALUATION_BURST && episode->from < episode->event->onset)
        report->false_early++;
    else if (episode->event->kind == SKY_EVALUATION_BURST)
        report->false_again++;
}

/* How many false trends are on the screen in each minute. A second start on a burst is not a false one to look at. */
static bool add_screen(struct trends_report *report, const struct sky_evaluation_rules *rules, int32_t from,
                       const struct sky_evaluation_episode *episodes, size_t count)
{
    int32_t *changes = calloc((size_t)rules->to + 2, sizeof *changes);
    if (!changes)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct sky_evaluation_episode *episode = &episodes[i];
        bool is_again =
            episode->event && episode->event->kind == SKY_EVALUATION_BURST && episode->from >= episode->event->onset;
        if (episode->verdict != SKY_EVALUATION_FALSE || is_again)
            continue;
        changes[episode->from < from ? from : episode->from]++;
        changes[episode->to < rules->to ? episode->to : rules->to]--;
    }
    int32_t shown = 0;
    for (int32_t minute = from; minute < rules->to; minute++) {
        shown += changes[minute];
        report->shown_false += shown;
        report->shown_minutes++;
        if (shown > report->shown_false_max)
            report->shown_false_max = shown;
    }
    free(changes);
    return true;
}

static bool score(struct trends_report *report, const struct sky_evaluation_rules *rules,
                  struct attribution *attribution, struct sky_evaluation_episode *episodes)
{
    const struct trends_report_input *input = attribution->input;
    struct trends_log *log = input->log;
    size_t count = attribute(attribution, log->intervals, log->count), episodes_count;
    struct sky_evaluation one;
    count = sky_evaluation_unite(log->intervals, count);
    const struct sky_evaluation_input evaluated = {log->intervals, count, attribution->events, input->events_count};
    struct sky_evaluation_rules screen = *rules;
    screen.from = input->shown_from;
    if (sky_evaluate(&screen, &evaluated, &one, episodes, &episodes_count) != SKY_OK ||
        !add_screen(report, rules, input->shown_from, episodes, episodes_count) ||
        sky_evaluate(rules, &evaluated, &one, episodes, &episodes_count) != SKY_OK ||
        !make_room(report, rules, one.bursts))
        return false;
    struct trends_report_hour *hours = report->hours + report->hours_count;
    add_sum(&report->sum, &one);
    for (size_t i = 0; i < episodes_count; i++)
        add_episode(report, hours, rules, &episodes[i]);
    for (size_t i = 0; i < input->events_count; i++) {
        const struct sky_evaluation_event *event = &attribution->events[i];
        if (event->kind == SKY_EVALUATION_BURST && event->detectable && event->onset >= rules->from &&
            event->onset < rules->to - rules->margin)
            add_burst(report, hours, rules, event, &input->events[i]);
    }
    report->hours_count += (size_t)(rules->to - rules->from + 59) / 60;
    report->scored_minutes += rules->to - rules->from;
    return true;
}

bool trends_report_add(struct trends_report *report, const struct sky_evaluation_rules *rules,
                       const struct trends_report_input *input)
{
    struct attribution attribution = {.input = input};
    struct sky_evaluation_episode *episodes = malloc((input->log->count + 1) * sizeof *episodes);
    bool done = episodes && index_events(&attribution) && score(report, rules, &attribution, episodes);
    free(episodes);
    free(attribution.events);
    free(attribution.words.entries);
    return done;
}

void trends_report_clean_up(struct trends_report *report)
{
    free(report->latencies);
    free(report->hours);
    *report = (struct trends_report){.latencies = NULL};
}

/* ------------------------------------------------------------------------------------------- printing */

struct range {
    double low;
    double high;
};

/* 95 % of what the same hours drawn again and again give. */
static void bootstrap(const struct trends_report *report, struct range *recall, struct range *false_alarms)
{
    static double recalls[BOOTSTRAP_ROUNDS], rates[BOOTSTRAP_ROUNDS];
    struct sky_random random;
    sky_random_seed(&random, 1, 1);
    for (int round = 0; round < BOOTSTRAP_ROUNDS; round++) {
        uint32_t bursts = 0, found = 0, alarms = 0;
        for (size_t i = 0; i < report->hours_count; i++) {
            const struct trends_report_hour *hour =
                &report->hours[sky_random_below(&random, (uint32_t)report->hours_count)];
            bursts += hour->bursts;
            found += hour->found;
            alarms += hour->false_alarms;
        }
        recalls[round] = bursts ? (double)found / bursts : 0;
        rates[round] = alarms * 60.0 / (double)(report->scored_minutes ? report->scored_minutes : 1);
    }
    *recall = (struct range){sky_evaluation_quantile(recalls, BOOTSTRAP_ROUNDS, 0.025),
                             sky_evaluation_quantile(recalls, BOOTSTRAP_ROUNDS, 0.975)};
    *false_alarms = (struct range){sky_evaluation_quantile(rates, BOOTSTRAP_ROUNDS, 0.025),
                                   sky_evaluation_quantile(rates, BOOTSTRAP_ROUNDS, 0.975)};
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

struct figure {
    const char *name;
    double value;
};

static void put_number(struct sky_json_writer *json, const char *name, double value)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%.6g", value);
    sky_json_key(json, name);
    sky_json_raw(json, sky_span_of(text, (size_t)len));
}

static void print_json(const struct figure *figures, size_t count, const struct trends_report *report,
                       const char *detector)
{
    struct sky_buffer buffer = {0};
    struct sky_json_writer json;
    sky_json_begin(&json, &buffer);
    sky_json_object(&json);
    sky_json_key(&json, "detector");
    sky_json_string(&json, detector);
    for (size_t i = 0; i < count; i++)
        put_number(&json, figures[i].name, figures[i].value);
    sky_json_key(&json, "confidence");
    sky_json_array(&json);
    for (int i = 0; i < TRENDS_REPORT_BINS; i++) {
        if (!report->bins[i].count)
            continue;
        sky_json_object(&json);
        put_number(&json, "claimed", report->bins[i].claimed / report->bins[i].count);
        put_number(&json, "observed", (double)report->bins[i].hits / report->bins[i].count);
        put_number(&json, "episodes", report->bins[i].count);
        sky_json_end(&json);
    }
    sky_json_end(&json);
    sky_json_end(&json);
    printf("%.*s\n", (int)buffer.len, (const char *)buffer.ptr);
    sky_buffer_clean_up(&buffer);
}

void trends_report_print(const struct trends_report *report, const char *detector, bool as_json)
{
    const struct sky_evaluation *sum = &report->sum;
    double hours = (double)report->scored_minutes / 60;
    size_t latencies = report->latencies_count;
    struct range recall, alarms;
    bootstrap(report, &recall, &alarms);
    const struct figure figures[] = {
        {"bursts", sum->bursts},
        {"recall", ratio(sum->found, sum->bursts)},
        {"recall_low", recall.low},
        {"recall_high", recall.high},
        {"precision", ratio(sum->hits, (double)sum->hits + sum->false_alarms)},
        {"false_alarms", sum->false_alarms},
        {"false_alarms_per_hour", ratio(sum->false_alarms, hours)},
        {"false_alarms_per_hour_low", alarms.low},
        {"false_alarms_per_hour_high", alarms.high},
        {"coordinated_per_hour", ratio(sum->coordinated, hours)},
        {"spam_per_hour", ratio(sum->by_few, hours)},
        {"bots_per_hour", ratio(report->false_bots, hours)},
        {"background_per_hour", ratio(report->false_background, hours)},
        {"early_per_hour", ratio(report->false_early, hours)},
        {"again_per_hour", ratio(report->false_again, hours)},
        {"latency_min_median", latencies ? sky_evaluation_quantile(report->latencies, latencies, 0.5) : 0},
        {"latency_min_p90", latencies ? sky_evaluation_quantile(report->latencies, latencies, 0.9) : 0},
        {"starts_per_burst", ratio((double)sum->starts, sum->found)},
        {"ended_in_time", ratio(report->ended_in_time, sum->found)},
        {"bursts_small", report->small.bursts},
        {"recall_small", ratio(report->small.found, report->small.bursts)},
        {"bursts_real", report->real.bursts},
        {"recall_real", ratio(report->real.found, report->real.bursts)},
        {"false_shown_mean", ratio((double)report->shown_false, (double)report->shown_minutes)},
        {"false_shown_max", report->shown_false_max},
        {"hours", hours},
    };
    size_t count = sizeof figures / sizeof figures[0];
    if (as_json) {
        print_json(figures, count, report, detector);
        return;
    }
    printf("%s\n", detector);
    for (size_t i = 0; i < count; i++)
        printf("  %-28s %10.3f\n", figures[i].name, figures[i].value);
}
