#include "trends_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"

#define SMALL_PEAK_MAX    40
#define ENDED_MINUTES_MAX 30
#define AFTER_MINUTES     10 /* a word stays in the window so long after its event */
#define DAILY_FROM_MINUTE (2 * 1440)
#define NO_EVENT          UINT32_MAX

/* ------------------------------------------------------------------------- what belongs to which event */

struct attribution {
    const struct trends_report_input *input;
    struct sky_evaluation_event *events;
    struct trends_map words; /* word id -> its first event, as keyword or companion */
    struct trends_map daily; /* word id: of the words with an hour of every day */
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

static bool index_daily(struct attribution *attribution)
{
    const struct trends_report_input *input = attribution->input;
    for (uint32_t i = 0; i < input->daily_count; i++)
        if (trends_map_put(&attribution->daily, sky_hash_id(input->daily[i]), i) == UINT32_MAX)
            return false;
    return true;
}

/* The word of `name` at *at, which moves behind it. */
static struct sky_span next_word(struct sky_span name, size_t *at)
{
    struct sky_span rest = sky_span_from(name, *at);
    const uint8_t *space = memchr(rest.ptr, ' ', rest.len);
    size_t len = space ? (size_t)(space - rest.ptr) : rest.len;
    *at += len + 1;
    return sky_span_of(rest.ptr, len);
}

/* The event that a display of `name` from minute `from` on belongs to by one of its words. */
static uint32_t event_of(const struct attribution *attribution, struct sky_span name, int32_t from)
{
    for (size_t at = 0; at < name.len;) {
        uint32_t event;
        if (!trends_map_get(&attribution->words, sky_hash_id(next_word(name, &at)), &event))
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

static uint32_t *count_of(struct trends_report *report, int32_t minute, enum trends_count count)
{
    return &report->hours[report->hours_from + (size_t)minute / 60].counts[count];
}

static void count(struct trends_report *report, int32_t minute, enum trends_count what, uint32_t more)
{
    *count_of(report, minute, what) += more;
}

static bool is_asked_for(const struct sky_evaluation_rules *rules, const struct sky_evaluation_event *event)
{
    return event->kind == SKY_EVALUATION_BURST && event->detectable && event->onset >= rules->from &&
           event->onset < rules->to - rules->margin;
}

/* Hours for this trial, and room for the latencies of its bursts. */
static bool make_room(struct trends_report *report, const struct sky_evaluation_rules *rules, size_t bursts)
{
    report->hours_from = report->hours_count;
    size_t hours = report->hours_count + (size_t)(rules->to + 59) / 60;
    struct trends_report_hour *grown_hours = realloc(report->hours, (hours + 1) * sizeof *grown_hours);
    if (grown_hours)
        report->hours = grown_hours;
    struct trends_report_latency *grown =
        realloc(report->latencies, (report->latencies_count + bursts + 1) * sizeof *grown);
    if (grown)
        report->latencies = grown;
    if (!grown_hours || !grown)
        return false;
    for (size_t i = report->hours_count; i < hours; i++)
        report->hours[i] = (struct trends_report_hour){0};
    report->hours_count = hours;
    return true;
}

static void add_minutes(struct trends_report *report, const struct sky_evaluation_rules *rules)
{
    for (int32_t minute = rules->from; minute < rules->to; minute++)
        count(report, minute, TRENDS_MINUTES, 1);
    for (int32_t minute = DAILY_FROM_MINUTE; minute < rules->to; minute++)
        count(report, minute, TRENDS_DAILY_MINUTES, 1);
}

static void add_burst(struct trends_report *report, const struct sky_evaluation_event *event,
                      const struct sky_world_event *truth)
{
    bool is_found = event->first >= 0;
    bool is_real = truth->shape[0] == 'r' && truth->shape[1] == 'e';
    count(report, event->onset, TRENDS_BURSTS, 1);
    count(report, event->onset, TRENDS_FOUND, is_found);
    count(report, event->onset, TRENDS_REAL, is_real);
    count(report, event->onset, TRENDS_REAL_FOUND, is_real && is_found);
    count(report, event->onset, TRENDS_SMALL, truth->peak < SMALL_PEAK_MAX);
    count(report, event->onset, TRENDS_SMALL_FOUND, truth->peak < SMALL_PEAK_MAX && is_found);
    if (!is_found)
        return;
    count(report, event->onset, TRENDS_STARTS, (uint32_t)event->starts);
    count(report, event->onset, TRENDS_ENDED, event->ended <= event->end + ENDED_MINUTES_MAX);
    report->latencies[report->latencies_count++] = (struct trends_report_latency){
        (uint32_t)(report->hours_from + (size_t)event->onset / 60), (double)(event->first - event->onset)};
}

static enum trends_count cause_of(const struct sky_evaluation_episode *episode)
{
    if (!episode->event)
        return TRENDS_BACKGROUND;
    switch (episode->event->kind) {
    case SKY_EVALUATION_OTHER: return TRENDS_BOTS;
    case SKY_EVALUATION_COORDINATED: return TRENDS_COORDINATED;
    case SKY_EVALUATION_BY_FEW: return TRENDS_SPAM;
    case SKY_EVALUATION_BURST: break;
    }
    return episode->from < episode->event->onset ? TRENDS_EARLY : TRENDS_AGAIN;
}

static void add_episode(struct trends_report *report, const struct sky_evaluation_episode *episode)
{
    int bin = (int)(episode->confidence * TRENDS_BINS);
    bin = bin < 0 ? 0 : bin >= TRENDS_BINS ? TRENDS_BINS - 1 : bin;
    bool is_hit = episode->verdict == SKY_EVALUATION_HIT, is_false = episode->verdict == SKY_EVALUATION_FALSE;
    if (!is_hit && !is_false)
        return;
    count(report, episode->from, TRENDS_JUDGED, 1);
    count(report, episode->from, TRENDS_HITS, is_hit);
    count(report, episode->from, (enum trends_count)(TRENDS_BIN_JUDGED + bin), 1);
    count(report, episode->from, (enum trends_count)(TRENDS_BIN_HITS + bin), is_hit);
    report->claimed[bin] += episode->confidence;
    if (!is_false)
        return;
    enum trends_count cause = cause_of(episode);
    count(report, episode->from, TRENDS_FALSE, 1);
    count(report, episode->from, TRENDS_APART, cause != TRENDS_COORDINATED);
    count(report, episode->from, cause, 1);
}

/* How many false trends are on the screen in each minute. A second start on a burst is not a false one to look at. */
static bool add_screen(struct trends_report *report, const struct sky_evaluation_rules *rules,
                       const struct sky_evaluation_episode *episodes, size_t episodes_count)
{
    int32_t *changes = calloc((size_t)rules->to + 2, sizeof *changes);
    if (!changes)
        return false;
    for (size_t i = 0; i < episodes_count; i++) {
        const struct sky_evaluation_episode *episode = &episodes[i];
        if (episode->verdict != SKY_EVALUATION_FALSE || cause_of(episode) == TRENDS_AGAIN)
            continue;
        changes[episode->from]++;
        changes[episode->to < rules->to ? episode->to : rules->to]--;
    }
    int32_t shown = 0;
    for (int32_t minute = rules->from; minute < rules->to; minute++) {
        shown += changes[minute];
        count(report, minute, TRENDS_SHOWN, (uint32_t)shown);
        count(report, minute, TRENDS_SHOWN_MINUTES, 1);
        if (shown > report->shown_max)
            report->shown_max = shown;
    }
    free(changes);
    return true;
}

/* Starts of the words with an hour of every day, their phrases included, once they had two days to become usual. */
static void add_daily(struct trends_report *report, const struct attribution *attribution,
                      const struct sky_evaluation_interval *intervals, size_t intervals_count)
{
    for (size_t i = 0; i < intervals_count; i++) {
        struct sky_span name = attribution->input->log->names[intervals[i].keyword];
        uint32_t daily;
        bool found = false;
        for (size_t at = 0; at < name.len && !found;)
            found = trends_map_get(&attribution->daily, sky_hash_id(next_word(name, &at)), &daily);
        if (found && intervals[i].from >= DAILY_FROM_MINUTE)
            count(report, intervals[i].from, TRENDS_DAILY, 1);
    }
}

/* One line for each false alarm and each missed burst: minutes, keyword, and what is known of it. */
static void list(const struct attribution *attribution, const struct sky_evaluation_rules *rules,
                 const struct sky_evaluation_episode *episodes, size_t episodes_count)
{
    const struct trends_report_input *input = attribution->input;
    for (size_t i = 0; i < episodes_count; i++) {
        const struct sky_evaluation_episode *episode = &episodes[i];
        struct sky_span name = input->log->names[episode->keyword];
        if (episode->verdict != SKY_EVALUATION_FALSE)
            continue;
        const char *kind = "background";
        if (episode->event)
            kind = sky_world_event_kind_name(input->events[episode->event - attribution->events].kind);
        fprintf(stderr, "%s false %d to %d, confidence %.3f, %s: %.*s\n", input->list, episode->from, episode->to,
                episode->confidence, kind, (int)name.len, (const char *)name.ptr);
    }
    for (size_t i = 0; i < input->events_count; i++) {
        const struct sky_evaluation_event *event = &attribution->events[i];
        const struct sky_world_event *truth = &input->events[i];
        if (is_asked_for(rules, event) && event->first < 0)
            fprintf(stderr, "%s missed %d to %d, peak %u, expected %.1f, %s %s: %.*s\n", input->list, event->onset,
                    event->end, truth->peak, truth->expected, truth->shape, truth->vocabulary, (int)truth->keyword.len,
                    (const char *)truth->keyword.ptr);
    }
}

static bool score(struct trends_report *report, const struct sky_evaluation_rules *rules,
                  struct attribution *attribution, struct sky_evaluation_episode *episodes)
{
    const struct trends_report_input *input = attribution->input;
    struct trends_log *log = input->log;
    size_t intervals = attribute(attribution, log->intervals, log->count), episodes_count;
    struct sky_evaluation one;
    intervals = sky_evaluation_unite(log->intervals, intervals);
    const struct sky_evaluation_input evaluated = {log->intervals, intervals, attribution->events, input->events_count};
    struct sky_evaluation_rules screen = *rules;
    screen.from = input->shown_from;
    if (!make_room(report, rules, input->events_count) ||
        sky_evaluate(&screen, &evaluated, &one, episodes, &episodes_count) != SKY_OK ||
        !add_screen(report, &screen, episodes, episodes_count) ||
        sky_evaluate(rules, &evaluated, &one, episodes, &episodes_count) != SKY_OK)
        return false;
    add_minutes(report, rules);
    add_daily(report, attribution, log->intervals, intervals);
    for (size_t i = 0; i < episodes_count; i++)
        add_episode(report, &episodes[i]);
    for (size_t i = 0; i < input->events_count; i++)
        if (is_asked_for(rules, &attribution->events[i]))
            add_burst(report, &attribution->events[i], &input->events[i]);
    if (input->list)
        list(attribution, rules, episodes, episodes_count);
    return true;
}

bool trends_report_add(struct trends_report *report, const struct sky_evaluation_rules *rules,
                       const struct trends_report_input *input)
{
    struct attribution attribution = {.input = input};
    struct sky_evaluation_episode *episodes = malloc((input->log->count + 1) * sizeof *episodes);
    bool done = episodes && index_events(&attribution) && index_daily(&attribution) &&
                score(report, rules, &attribution, episodes);
    free(episodes);
    free(attribution.events);
    free(attribution.words.entries);
    free(attribution.daily.entries);
    return done;
}

void trends_report_clean_up(struct trends_report *report)
{
    free(report->latencies);
    free(report->hours);
    *report = (struct trends_report){.latencies = NULL};
}
