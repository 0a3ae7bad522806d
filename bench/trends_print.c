/* The figures of a report, each with the number of events it rests on and a bootstrap interval: the report's hours are
 * drawn anew, with replacement, a thousand times; 95 % of what comes out lies in the interval (Efron 1979). Hours and
 * not events are drawn, since what happens within one hour is not independent. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/random.h"
#include "trends_report.h"

#define ROUNDS 1000

struct ratio {
    const char *name;
    enum trends_count part;
    enum trends_count whole; /* the events, unless these are minutes */
    double scale;
};

static const struct ratio ratios[] = {
    {"recall", TRENDS_FOUND, TRENDS_BURSTS, 1},
    {"precision", TRENDS_HITS, TRENDS_JUDGED, 1},
    {"false_alarms_per_hour", TRENDS_FALSE, TRENDS_MINUTES, 60},
    {"apart_per_hour", TRENDS_APART, TRENDS_MINUTES, 60},
    {"coordinated_per_hour", TRENDS_COORDINATED, TRENDS_MINUTES, 60},
    {"spam_per_hour", TRENDS_SPAM, TRENDS_MINUTES, 60},
    {"bots_per_hour", TRENDS_BOTS, TRENDS_MINUTES, 60},
    {"background_per_hour", TRENDS_BACKGROUND, TRENDS_MINUTES, 60},
    {"early_per_hour", TRENDS_EARLY, TRENDS_MINUTES, 60},
    {"again_per_hour", TRENDS_AGAIN, TRENDS_MINUTES, 60},
    {"starts_per_burst", TRENDS_STARTS, TRENDS_FOUND, 1},
    {"ended_in_time", TRENDS_ENDED, TRENDS_FOUND, 1},
    {"recall_small", TRENDS_SMALL_FOUND, TRENDS_SMALL, 1},
    {"recall_real", TRENDS_REAL_FOUND, TRENDS_REAL, 1},
    {"false_shown_mean", TRENDS_SHOWN, TRENDS_SHOWN_MINUTES, 1},
    {"daily_starts_per_day", TRENDS_DAILY, TRENDS_DAILY_MINUTES, 1440},
};

#define RATIOS    (sizeof ratios / sizeof ratios[0])
#define QUANTILES 2 /* of the latencies */
#define FIGURES   (RATIOS + TRENDS_BINS + QUANTILES)

static const char *const quantile_names[QUANTILES] = {"latency_min_median", "latency_min_p90"};
static const double quantiles[QUANTILES] = {0.5, 0.9};

/* What is drawn: hours, with their latencies at hand. */
struct sample {
    double counts[TRENDS_COUNTS];
    double *latencies;
    size_t latencies_count;
};

struct figure {
    double value; /* NAN without events */
    double low;
    double high;
    double events;
};

struct bootstrap {
    const struct trends_report *report;
    struct trends_report_latency *latencies; /* by hour */
    size_t *first;                           /* latency of each hour, and the end */
    struct sample sample;
    double *rounds; /* FIGURES x ROUNDS */
};

static double divide(double part, double whole)
{
    return whole > 0 ? part / whole : (double)NAN;
}

static void add_hour(struct bootstrap *bootstrap, size_t hour)
{
    struct sample *sample = &bootstrap->sample;
    for (size_t i = 0; i < TRENDS_COUNTS; i++)
        sample->counts[i] += bootstrap->report->hours[hour].counts[i];
    for (size_t i = bootstrap->first[hour]; i < bootstrap->first[hour + 1]; i++)
        sample->latencies[sample->latencies_count++] = bootstrap->latencies[i].minutes;
}

static void measure(struct sample *sample, double values[FIGURES])
{
    for (size_t i = 0; i < RATIOS; i++)
        values[i] = ratios[i].scale * divide(sample->counts[ratios[i].part], sample->counts[ratios[i].whole]);
    for (size_t i = 0; i < TRENDS_BINS; i++)
        values[RATIOS + i] = divide(sample->counts[TRENDS_BIN_HITS + i], sample->counts[TRENDS_BIN_JUDGED + i]);
    for (size_t i = 0; i < QUANTILES; i++)
        values[RATIOS + TRENDS_BINS + i] =
            sample->latencies_count ? sky_evaluation_quantile(sample->latencies, sample->latencies_count, quantiles[i])
                                    : (double)NAN;
}

static void clear(struct sample *sample)
{
    memset(sample->counts, 0, sizeof sample->counts);
    sample->latencies_count = 0;
}

static int by_hour(const void *a, const void *b)
{
    uint32_t x = ((const struct trends_report_latency *)a)->hour, y = ((const struct trends_report_latency *)b)->hour;
    return (x > y) - (x < y);
}

static size_t most_latencies_of_an_hour(const struct bootstrap *bootstrap)
{
    size_t most = 0;
    for (size_t i = 0; i < bootstrap->report->hours_count; i++)
        if (bootstrap->first[i + 1] - bootstrap->first[i] > most)
            most = bootstrap->first[i + 1] - bootstrap->first[i];
    return most;
}

static bool begin(struct bootstrap *bootstrap, const struct trends_report *report)
{
    size_t count = report->latencies_count, hours = report->hours_count;
    *bootstrap = (struct bootstrap){.report = report};
    bootstrap->latencies = malloc((count + 1) * sizeof *bootstrap->latencies);
    bootstrap->first = malloc((hours + 1) * sizeof *bootstrap->first);
    bootstrap->rounds = malloc(FIGURES * ROUNDS * sizeof *bootstrap->rounds);
    if (!bootstrap->latencies || !bootstrap->first || !bootstrap->rounds)
        return false;
    if (count) {
        memcpy(bootstrap->latencies, report->latencies, count * sizeof *bootstrap->latencies);
        qsort(bootstrap->latencies, count, sizeof *bootstrap->latencies, by_hour);
    }
    for (size_t hour = 0, at = 0; hour <= hours; hour++) {
        while (at < count && bootstrap->latencies[at].hour < hour)
            at++;
        bootstrap->first[hour] = at;
    }
    size_t most = most_latencies_of_an_hour(bootstrap) * hours;
    bootstrap->sample.latencies = malloc((most + 1) * sizeof(double));
    return bootstrap->sample.latencies != NULL;
}

static void end(struct bootstrap *bootstrap)
{
    free(bootstrap->latencies);
    free(bootstrap->first);
    free(bootstrap->rounds);
    free(bootstrap->sample.latencies);
}

/* Where 95 % of the rounds lie; those that drew no event say nothing. */
static void set_range(double *rounds, struct figure *figure)
{
    size_t count = 0;
    for (size_t i = 0; i < ROUNDS; i++)
        if (!isnan(rounds[i]))
            rounds[count++] = rounds[i];
    figure->low = count ? sky_evaluation_quantile(rounds, count, 0.025) : (double)NAN;
    figure->high = count ? sky_evaluation_quantile(rounds, count, 0.975) : (double)NAN;
}

static double events_of(const struct sample *sample, size_t figure)
{
    if (figure >= RATIOS + TRENDS_BINS)
        return sample->counts[TRENDS_FOUND];
    if (figure >= RATIOS)
        return sample->counts[TRENDS_BIN_JUDGED + figure - RATIOS];
    const struct ratio *ratio = &ratios[figure]; /* of what is told by the hour or the day, the alarms are the events */
    return sample->counts[ratio->scale > 1 ? ratio->part : ratio->whole];
}

static void run(struct bootstrap *bootstrap, struct figure figures[FIGURES])
{
    struct sky_random random;
    double values[FIGURES];
    size_t hours = bootstrap->report->hours_count;
    sky_random_seed(&random, 1, 1);
    for (size_t round = 0; round < ROUNDS; round++) {
        clear(&bootstrap->sample);
        for (size_t i = 0; i < hours; i++)
            add_hour(bootstrap, sky_random_below(&random, (uint32_t)hours));
        measure(&bootstrap->sample, values);
        for (size_t i = 0; i < FIGURES; i++)
            bootstrap->rounds[i * ROUNDS + round] = values[i];
    }
    clear(&bootstrap->sample); /* the hours as they were */
    for (size_t i = 0; i < hours; i++)
        add_hour(bootstrap, i);
    measure(&bootstrap->sample, values);
    for (size_t i = 0; i < FIGURES; i++) {
        figures[i] = (struct figure){.value = values[i], .events = events_of(&bootstrap->sample, i)};
        set_range(&bootstrap->rounds[i * ROUNDS], &figures[i]);
    }
}

/* ------------------------------------------------------------------------------------------- printing */

static const char *name_of(size_t figure)
{
    return figure < RATIOS ? ratios[figure].name : quantile_names[figure - RATIOS - TRENDS_BINS];
}

static bool is_bin(size_t figure)
{
    return figure >= RATIOS && figure < RATIOS + TRENDS_BINS;
}

static void put_number(struct sky_json_writer *json, const char *name, double value)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%.6g", value);
    sky_json_key(json, name);
    if (isnan(value))
        sky_json_null(json);
    else
        sky_json_raw(json, sky_span_of(text, (size_t)len));
}

static void put_figure(struct sky_json_writer *json, const char *name, const struct figure *figure)
{
    static const char *const suffixes[] = {"low", "high", "events"};
    const double values[] = {figure->low, figure->high, figure->events};
    put_number(json, name, figure->value);
    for (size_t i = 0; i < 3; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s_%s", name, suffixes[i]);
        put_number(json, key, values[i]);
    }
}

static void put_bins(struct sky_json_writer *json, const struct trends_report *report, const struct figure *bins)
{
    sky_json_key(json, "confidence");
    sky_json_array(json);
    for (int i = 0; i < TRENDS_BINS; i++) {
        if (bins[i].events <= 0)
            continue;
        sky_json_object(json);
        put_number(json, "claimed", report->claimed[i] / bins[i].events);
        put_figure(json, "observed", &bins[i]);
        sky_json_end(json);
    }
    sky_json_end(json);
}

static double hours_of(const struct bootstrap *bootstrap)
{
    return bootstrap->sample.counts[TRENDS_MINUTES] / 60;
}

static void print_json(const struct bootstrap *bootstrap, const struct figure figures[FIGURES], const char *detector)
{
    struct sky_buffer buffer = {0};
    struct sky_json_writer json;
    sky_json_begin(&json, &buffer);
    sky_json_object(&json);
    sky_json_key(&json, "detector");
    sky_json_string(&json, detector);
    put_number(&json, "hours", hours_of(bootstrap));
    put_number(&json, "bursts", bootstrap->sample.counts[TRENDS_BURSTS]);
    for (size_t i = 0; i < FIGURES; i++)
        if (!is_bin(i))
            put_figure(&json, name_of(i), &figures[i]);
    put_number(&json, "false_shown_max", bootstrap->report->shown_max);
    put_bins(&json, bootstrap->report, figures + RATIOS);
    sky_json_end(&json);
    printf("%.*s\n", (int)buffer.len, (const char *)buffer.ptr);
    sky_buffer_clean_up(&buffer);
}

static void print_text(const struct bootstrap *bootstrap, const struct figure figures[FIGURES], const char *detector)
{
    const struct trends_report *report = bootstrap->report;
    printf("%s, %.1f hours, %.0f bursts to find\n", detector, hours_of(bootstrap),
           bootstrap->sample.counts[TRENDS_BURSTS]);
    printf("  %-24s %10s   %21s %8s\n", "", "", "95 %", "events");
    for (size_t i = 0; i < FIGURES; i++)
        if (!is_bin(i))
            printf("  %-24s %10.3f   %10.3f %10.3f %8.0f\n", name_of(i), figures[i].value, figures[i].low,
                   figures[i].high, figures[i].events);
    printf("  %-24s %10d\n", "false_shown_max", report->shown_max);
    for (size_t i = 0; i < TRENDS_BINS; i++) {
        const struct figure *bin = &figures[RATIOS + i];
        if (bin->events > 0)
            printf("  confidence %.3f, right   %10.3f   %10.3f %10.3f %8.0f\n", report->claimed[i] / bin->events,
                   bin->value, bin->low, bin->high, bin->events);
    }
}

bool trends_report_print(const struct trends_report *report, const char *detector, bool json)
{
    struct bootstrap bootstrap;
    struct figure figures[FIGURES];
    bool done = begin(&bootstrap, report);
    if (done) {
        run(&bootstrap, figures);
        if (json)
            print_json(&bootstrap, figures, detector);
        else
            print_text(&bootstrap, figures, detector);
    }
    end(&bootstrap);
    fflush(stdout);
    return done;
}
