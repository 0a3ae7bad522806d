/* bench trends: how well trends are found, on simulated posts whose truth is known (docs/TRENDS.md, docs/SIMULATOR.md).
 *
 * The same posts go through the engine as it is by default, through the engine with the plain z > 2 rule, and through
 * SigniTrend. What each displayed is scored by the rules of evaluation.h. A burst brings more than its keyword: phrases
 * around it, and the companions planned with it. A display of those during the burst is neither right nor wrong; of a
 * copied text's other words and phrases it counts as the copied keyword's, so that one event is one false alarm. Rows
 * of one keyword in several languages, "*" included, are one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "bench.h"
#include "engine/engine.h"
#include "io/host/onset_file.h"
#include "signitrend.h"
#include "trends_report.h"

#define DEFAULT_HOURS      6
#define COLD_MINUTES       90
#define LITERAL_Z          2.0
#define HOLD_MINUTES       12
#define SCORED_FROM_MINUTE 60
#define MARGIN_MINUTES     30
#define GAP_MINUTES        20

enum { ENGINE, LITERAL, SIGNITREND, DETECTORS };

static const char *const detector_names[DETECTORS] = {"skytrend", "plain_z2", "signitrend"};

/* One world and the detectors that watch it; those not asked for are NULL. */
struct trial {
    struct sky_world *world;
    struct sky_engine *engines[2];
    struct signitrend *signitrend;
    struct trends_log logs[DETECTORS];
    int64_t start_ms;
    int32_t minutes; /* to run */
    uint32_t shown_max;
    bool failed;
};

struct session {
    const struct bench_options *options;
    struct sky_world_options world;
    struct sky_onset_file onsets;
    struct sky_evaluation_rules rules;
    int32_t minutes;
    uint32_t trials;
    struct trends_report reports[DETECTORS];
};

struct slide_context {
    struct trial *trial;
    int detector;
};

static int32_t minute_of(const struct trial *trial, int64_t window_end_ms)
{
    return (int32_t)((window_end_ms - trial->start_ms) / SKY_MINUTE_MS) - 1;
}

static bool on_slide(void *context, const struct sky_trend_snapshot *snapshot)
{
    const struct slide_context *slide = context;
    struct trends_log *log = &slide->trial->logs[slide->detector];
    log->now = minute_of(slide->trial, snapshot->window_end_ms);
    for (uint32_t i = 0; i < snapshot->trends_count; i++) {
        const struct sky_trend_alert *alert = &snapshot->trends[i];
        if (!trends_log_show(log, alert->keyword, alert->id, alert->confidence_score))
            slide->trial->failed = true;
    }
    for (uint32_t i = 0; i < snapshot->ended_count; i++)
        trends_log_hide(log, snapshot->ended[i].id);
    return !slide->trial->failed;
}

static void on_word(void *context, struct sky_span keyword, uint64_t id)
{
    struct trial *trial = context;
    if (!trends_log_show(&trial->logs[SIGNITREND], keyword, id, 1))
        trial->failed = true;
}

static bool make_engine(int detector, struct sky_engine **engine)
{
    struct sky_engine_options options;
    const char *reason = NULL;
    sky_engine_options_default(&options);
    options.top_keywords = 0;
    options.samples = 0;
    options.hash_key = 1;
    if (detector == LITERAL) {
        options.z_literal = true;
        options.min_z = LITERAL_Z;
        options.min_authors = 1;
    }
    enum sky_status status = sky_engine_new(&options, engine, &reason);
    if (status != SKY_OK)
        fprintf(stderr, "bench: no engine: %s\n", reason ? reason : sky_status_name(status));
    return status == SKY_OK;
}

static bool is_asked(const struct bench_options *options, int detector)
{
    return !options->detector || strcmp(options->detector, detector_names[detector]) == 0;
}

static bool begin_trial(struct trial *trial, const struct session *session)
{
    const struct sky_world_options *world = &session->world;
    *trial = (struct trial){.start_ms = world->start_ms, .minutes = session->minutes};
    for (int i = ENGINE; i <= LITERAL; i++)
        if (is_asked(session->options, i) && !make_engine(i, &trial->engines[i]))
            return false;
    if (is_asked(session->options, SIGNITREND) && !(trial->signitrend = signitrend_new()))
        return false;
    return sky_world_new(world, &trial->world) == SKY_OK;
}

static void end_trial(struct trial *trial)
{
    sky_world_free(trial->world);
    sky_engine_free(trial->engines[ENGINE]);
    sky_engine_free(trial->engines[LITERAL]);
    signitrend_free(trial->signitrend);
    for (int i = 0; i < DETECTORS; i++)
        trends_log_clean_up(&trial->logs[i]);
}

static bool close_minute(struct trial *trial, int64_t minute)
{
    if (!trial->signitrend)
        return true;
    trial->logs[SIGNITREND].now = (int32_t)(minute - trial->start_ms / SKY_MINUTE_MS);
    return signitrend_close(trial->signitrend, minute, on_word, trial) && !trial->failed;
}

static bool take_post(struct trial *trial, const struct sky_post *post)
{
    for (int i = ENGINE; i <= LITERAL; i++) {
        struct slide_context slide = {trial, i};
        const struct sky_engine_sink sink = {.context = &slide, .on_slide = on_slide};
        if (!trial->engines[i])
            continue;
        enum sky_status status = sky_engine_post(trial->engines[i], post, &sink);
        if (status != SKY_OK && status != SKY_E_LATE)
            return false;
    }
    return !trial->signitrend || signitrend_post(trial->signitrend, post);
}

static bool run_trial(struct trial *trial)
{
    struct sky_post post;
    int64_t end_ms = trial->start_ms + trial->minutes * SKY_MINUTE_MS, open = trial->start_ms / SKY_MINUTE_MS;
    while (sky_world_next(trial->world, &post) == SKY_OK && post.event_time_ms < end_ms) {
        for (; open < post.event_time_ms / SKY_MINUTE_MS; open++)
            if (!close_minute(trial, open))
                return false;
        if (!take_post(trial, &post))
            return false;
    }
    for (int i = ENGINE; i <= LITERAL; i++) {
        struct slide_context slide = {trial, i};
        const struct sky_engine_sink sink = {.context = &slide, .on_slide = on_slide};
        if (trial->engines[i] && sky_engine_advance(trial->engines[i], end_ms, &sink) != SKY_OK)
            return false;
    }
    return close_minute(trial, end_ms / SKY_MINUTE_MS - 1) && !trial->failed;
}

static bool score_trial(struct session *session, struct trial *trial)
{
    size_t count;
    const struct sky_world_event *events = sky_world_events(trial->world, &count);
    struct sky_span daily[SKY_WORLD_DAILY_WORDS];
    for (uint32_t i = 0; i < SKY_WORLD_DAILY_WORDS; i++)
        daily[i] = sky_world_daily_keyword(trial->world, i);
    for (int i = 0; i < DETECTORS; i++) {
        struct trends_report_input input = {.log = &trial->logs[i],
                                            .events = events,
                                            .events_count = count,
                                            .daily = daily,
                                            .daily_count =
                                                session->world.profile == SKY_WORLD_DAILY ? SKY_WORLD_DAILY_WORDS : 0,
                                            .start_ms = trial->start_ms,
                                            .shown_from = HOLD_MINUTES,
                                            .list = session->options->list ? detector_names[i] : NULL};
        if (is_asked(session->options, i) && !trends_report_add(&session->reports[i], &session->rules, &input))
            return false;
    }
    return true;
}

static bool run_session(struct session *session)
{
    bool done = true;
    for (uint32_t i = 0; i < session->trials && done; i++) {
        struct trial trial;
        session->world.seed = session->options->seed + i * 1000;
        done = begin_trial(&trial, session) && run_trial(&trial) && score_trial(session, &trial);
        end_trial(&trial);
    }
    return done;
}

/* A cold start is over after an hour, so as many of them are run as hours are asked for. Each goes on for half an hour:
 * asked for are the onsets of minutes 12 to 60, and those too get the time that any burst gets to be found. */
static void set_rules(struct session *session, uint32_t hours)
{
    bool is_cold = session->world.profile == SKY_WORLD_COLD;
    session->trials = is_cold ? hours : 1;
    session->minutes = is_cold ? COLD_MINUTES : (int32_t)hours * 60;
    session->world.hours = is_cold ? 2 : hours;
    session->rules = (struct sky_evaluation_rules){
        .from = is_cold ? HOLD_MINUTES : SCORED_FROM_MINUTE,
        .to = session->minutes,
        .margin = MARGIN_MINUTES,
        .gap = GAP_MINUTES,
    };
}

static bool read_options(struct session *session)
{
    const struct bench_options *options = session->options;
    double hours = options->quick ? 2 : options->hours > 0 ? options->hours : DEFAULT_HOURS;
    sky_world_options_default(&session->world);
    if (options->profile && !sky_world_profile_parse(options->profile, &session->world.profile)) {
        fprintf(stderr, "bench: there is no profile '%s'\n", options->profile);
        return false;
    }
    if (options->quick)
        session->world.rate = 0.1;
    if (options->input) {
        if (sky_onset_file_read(options->input, &session->onsets) != SKY_OK) {
            fprintf(stderr, "bench: cannot read the onsets in %s\n", options->input);
            return false;
        }
        session->world.onsets = session->onsets.onsets;
        session->world.onsets_count = session->onsets.count;
        session->world.onset_repeats = 2;
    }
    set_rules(session, (uint32_t)ceil(hours));
    return true;
}

int bench_trends(const struct bench_options *options)
{
    struct session session = {.options = options};
    if (!read_options(&session))
        return 1;
    double began_s = bench_now_s();
    bool done = run_session(&session);
    for (int i = 0; i < DETECTORS; i++) {
        if (done && is_asked(options, i))
            done = trends_report_print(&session.reports[i], detector_names[i], options->json);
        trends_report_clean_up(&session.reports[i]);
    }
    sky_onset_file_clean_up(&session.onsets);
    if (!done)
        fprintf(stderr, "bench: the trial could not be run to its end\n");
    else if (!options->json)
        printf("world %d, seed %llu, profile %s: %.0f s, %.0f MB resident\n", SKY_WORLD_VERSION,
               (unsigned long long)options->seed, sky_world_profile_name(session.world.profile),
               bench_now_s() - began_s, bench_rss_mb());
    return done ? 0 : 1;
}
