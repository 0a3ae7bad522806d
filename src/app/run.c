/* skytrend run: source -> engine -> page, terminal, output file, Kafka and checkpoint, in one process.
 *
 * One thread does the work, in the order of the stream; the page's server and the connection have threads of their own
 * (io/api/api.h, io/relay/relay.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/command.h"
#include "app/feed.h"
#include "app/past_lake.h"
#include "app/run_bus.h"
#include "app/run_lake.h"
#include "app/run_report.h"
#include "app/run_setup.h"
#include "app/run_state.h"
#include "app/source.h"
#include "app/trace.h"
#include "base/time.h"
#include "io/api/api.h"
#include "io/host/clock.h"
#include "io/terminal/terminal.h"
#include "ops/config.h"
#include "ops/log.h"
#include "ops/signal.h"

#define STATUS_MS        250
#define POLL_MS          100
#define DURATION_MS_MAX  864e9 /* 10,000 days */
#define EVENTS_A_TURN    512   /* handled before clocks are looked at */
#define DRAIN_MS         10000 /* for the brokers, at the end */
#define CATCH_UP_SAVE_MS 1000  /* between checkpoints while minutes close fast */
#define SIMULATED_RATE   "0.5"
#define SIMULATED_BURSTS "24" /* an hour: a story every few seconds at 60 times the clock */

static const struct sky_option run_options[] = {
    {.name = "simulate", .help = "the simulated network at once, without asking for a relay"},
    {.name = "live",
     .help = "never go on with the simulated network when no relay answers (as with --source and --out)"},
    {.name = "duration",
     .rule = {.type = SKY_VALUE_DURATION, .min = 0, .max = DURATION_MS_MAX},
     .help = "stop by itself after this time of the clock"},
    {.name = "source",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "URL[,URL]",
     .setting = "source.urls",
     .help = "relays instead of the public ones, or kafka://HOST:PORT for the posts there; implies --live"},
    SKY_SOURCE_CURSOR_OPTIONS,
    {.name = "reset-state",
     .help = "begin with nothing known, though minutes were published or a checkpoint was made before"},
    {.name = "out",
     .letter = 'o',
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "FILE",
     .help = "append each TrendSnapshot as a JSON line; - is standard output"},
    {.name = "plain", .help = "one line a slide instead of the live table"},
    {.name = "port", .letter = 'p', .rule.type = SKY_VALUE_STRING, .setting = "http.port", .help = "of the page"},
    {.name = "seed",
     .rule.type = SKY_VALUE_STRING,
     .setting = "simulated.seed",
     .help = "of the simulated network: the same seed gives the same events"},
    {.name = "speed",
     .rule.type = SKY_VALUE_STRING,
     .setting = "simulated.speed",
     .help = "of the simulated network, event time over the clock"},
    {.name = "rate",
     .rule = {.type = SKY_VALUE_DOUBLE, .min = 0.001, .max = 100},
     .value = SIMULATED_RATE,
     .help = "background volume of the simulated network; 1 is today's"},
    {.name = "bursts",
     .rule = {.type = SKY_VALUE_DOUBLE, .min = 0, .max = 100},
     .value = SIMULATED_BURSTS,
     .help = "trends that the simulated network plans an hour"},
    {.name = "truth",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "FILE",
     .help = "where the simulated network writes what it planned (default: simulated-truth.jsonl in data.directory)"},
    {0},
};

struct run {
    const struct sky_invocation *invocation;
    struct sky_config config_used;         /* with what follows from the source */
    struct sky_invocation invocation_used; /* with that */
    const struct sky_config *config;
    struct sky_run_source source;
    struct sky_feed *feed;
    struct sky_run_bus *bus;   /* NULL: nothing goes to Kafka */
    uint64_t bus_aborted;      /* transactions, as told last */
    bool bus_is_away;          /* likewise */
    bool waits_for_bus;        /* no event is taken until what is complete is published, for a checkpoint */
    struct sky_run_lake *lake; /* NULL: none */
    struct sky_past_lake past, simulated_past; /* where the page finds what was; the second after a fallback */
    struct sky_decoder *decoder;
    struct sky_engine *engine;
    struct sky_board *board;
    struct sky_api *api;
    struct sky_terminal *terminal;
    struct sky_checkpoint *checkpoint;
    struct sky_output_file *out;
    struct sky_dead_letters *dead_letters;
    struct sky_run_letters *letters; /* of the posts on Kafka; NULL: none */
    struct sky_run_report *report;
    struct sky_run_state state;
    bool has_past;               /* a checkpoint was gone on from */
    int64_t started_clock_ms;    /* monotonic */
    int64_t ends_clock_ms;       /* INT64_MAX: never */
    int64_t event_clock_ms;      /* when the last event was taken */
    int64_t arrived_ms;          /* wall clock, when it arrived */
    int64_t slide_clock_us;      /* when work on the present slide began */
    int64_t status_clock_ms;     /* when the status was last told */
    int64_t checkpoint_event_ms; /* event time of the next checkpoint */
    int64_t saved_clock_ms;      /* monotonic, of the last one */
    enum sky_status failed;      /* of a slide */
    int view_error;              /* errno: what is shown cannot be written any more; 0 */
    int log_fd;                  /* standard error as it was, while the log goes into a file; -1 */
};

/* ---- setting up ---- */

/* Everything up to the last event onto the disk. What it led to is published. */
static enum sky_status save(struct run *run)
{
    int64_t began_us = sky_clock_monotonic_us();
    if (!run->checkpoint)
        return SKY_OK;
    run->saved_clock_ms = began_us / 1000;
    enum sky_status status = sky_run_state_save(&run->state);
    struct sky_run_checkpoint checkpoint = {.status = status,
                                            .duration_s = (double)(sky_clock_monotonic_us() - began_us) / 1e6,
                                            .size_bytes = run->state.payload.len,
                                            .message = run->state.message};
    sky_run_report_checkpoint(run->report, &checkpoint);
    return status;
}

/* Of a live source. A simulated network begins anew each time. */
static enum sky_status open_checkpoint(struct run *run)
{
    char path[PATH_MAX];
    struct sky_checkpoint_message message;
    if (!run->config->checkpoint.enabled || sky_run_source_kind(run->invocation) == SKY_SOURCE_SIMULATED) {
        sky_run_report_no_checkpoint(run->report);
        return SKY_OK;
    }
    if (!sky_config_checkpoint_path(run->config, path)) {
        sky_run_fail("checkpoint.path", "too long");
        return SKY_E_CONFIG;
    }
    enum sky_status status = sky_checkpoint_open(path, &run->checkpoint, &message);
    if (status != SKY_OK) {
        sky_run_fail("the checkpoint", message.text);
        return status;
    }
    run->state.checkpoint = run->checkpoint;
    return SKY_OK;
}

/* The state of the last run, for a source that is open. */
static enum sky_status load_checkpoint(struct run *run)
{
    char path[PATH_MAX];
    if (!run->checkpoint || !sky_config_checkpoint_path(run->config, path))
        return SKY_OK;
    bool is_reset = sky_options_bool(&run->invocation->options, "reset-state");
    enum sky_status status = is_reset ? SKY_OK : sky_run_state_load(&run->state, &run->has_past);
    if (status != SKY_OK) {
        sky_run_fail(path, run->state.message);
        return status;
    }
    if (*sky_checkpoint_text(run->checkpoint))
        sky_log_say(SKY_LOG_WARN, "checkpoint", "skytrend run: %s", sky_checkpoint_text(run->checkpoint));
    if (run->has_past)
        sky_log_say(SKY_LOG_INFO, "checkpoint_found", "Going on where the checkpoint %s was made", path);
    return SKY_OK;
}

/* Beside the work. Posts that come from Kafka are kept by `skytrend lake`. */
static void open_lake(struct run *run)
{
    sky_run_lake_close(run->lake);
    run->lake = run->state.posts ? NULL : sky_run_lake_open(run->config, !run->state.relay, run->report);
    run->state.lake = run->lake;
}

/* From here on the output file's length is known. */
static enum sky_status first_save(struct run *run)
{
    enum sky_status status = save(run);
    if (status != SKY_OK)
        sky_run_fail("the checkpoint cannot be written", run->state.message);
    return status;
}

static enum sky_status open_engine(struct run *run)
{
    struct sky_engine_options options;
    const char *reason = "no memory";
    sky_config_engine_options(run->config, &options);
    if (run->bus || run->config->lake.local) {
        options.activity_minutes = (uint32_t)run->config->activity.minutes;
        options.session_gap_minutes = (uint32_t)(run->config->sessions.gap_ms / SKY_MINUTE_MS);
    }
    if (getrandom(&options.hash_key, sizeof options.hash_key, 0) != sizeof options.hash_key) {
        sky_run_fail("randomness", strerror(errno));
        return SKY_E_IO;
    }
    enum sky_status status = sky_engine_new(&options, &run->engine, &reason);
    struct sky_decoder_options decoder = {.scope = SKY_DECODE_POSTS};
    if (status == SKY_OK)
        status = sky_decoder_new(&decoder, &run->decoder);
    if (status != SKY_OK)
        sky_run_fail("the engine", reason);
    run->state.engine = run->engine;
    run->state.decoder = run->decoder;
    return status;
}

static enum sky_status open_output(struct run *run)
{
    const char *path = sky_options_string(&run->invocation->options, "out");
    char message[SKY_OUTPUT_FILE_MESSAGE_SIZE];
    enum sky_status status = path ? sky_output_file_open(path, &run->out, message) : SKY_OK;
    if (status != SKY_OK)
        sky_run_fail("--out", message);
    run->state.out = run->out;
    return status;
}

static bool wait_goes_on(void *context, const char *problem)
{
    struct run *run = context;
    const struct sky_run_parts parts = {.board = run->board, .api = run->api};
    sky_run_report_waiting(run->report, &parts, problem);
    return sky_clock_monotonic_ms() < run->ends_clock_ms;
}

static enum sky_status open_page(struct run *run)
{
    const struct sky_config *config = run->config;
    struct sky_api_options options = {.board = run->board,
                                      .address = config->http.address,
                                      .port = (uint16_t)config->http.port,
                                      .host_names = config->host_names,
                                      .host_names_count = config->host_names_count};
    char message[SKY_HTTP_ERROR_SIZE];
    sky_config_http_access(config, &options.access);
    sky_run_report_set_probes(run->report, &options);
    if (run->lake)
        sky_past_lake_at(sky_run_lake_folder(run->lake), &run->past, &options.history);
    else if (sky_run_source_kind(run->invocation) == SKY_SOURCE_KAFKA)
        (void)sky_past_lake_find(config, sky_run_report_health(run->report), &run->past, &options.history);
    enum sky_status status = config->http.enabled ? sky_api_start(&options, &run->api, message) : SKY_OK;
    if (status != SKY_OK)
        sky_run_fail("the page", message);
    else if (run->api)
        sky_log_say(SKY_LOG_INFO, "listening", "The page is at %s", sky_api_url(run->api));
    return status;
}

/* Standard output belongs to --out - when that is given. */
static enum sky_status open_terminal(struct run *run)
{
    const char *out = sky_options_string(&run->invocation->options, "out");
    struct sky_terminal_options options = {
        .board = run->board,
        .fd = out && strcmp(out, "-") == 0 ? STDERR_FILENO : STDOUT_FILENO,
        .url = run->api ? sky_api_url(run->api) : NULL,
        .plain = sky_options_bool(&run->invocation->options, "plain"),
    };
    return sky_terminal_open(&options, &run->terminal);
}

/* ---- each slide ---- */

static void draw(struct run *run)
{
    enum sky_status status = run->view_error ? SKY_OK : sky_terminal_draw(run->terminal);
    if (status != SKY_OK)
        run->view_error = status == SKY_E_IO ? errno : ENOMEM;
}

static bool write_line(struct run *run, const struct sky_trend_snapshot *snapshot)
{
    struct sky_json_writer json;
    struct sky_buffer *buffer = sky_output_file_buffer(run->out);
    sky_json_begin(&json, buffer);
    sky_trend_snapshot_write(&json, snapshot);
    sky_buffer_put_u8(buffer, '\n');
    run->failed = sky_output_file_write(run->out);
    if (run->failed == SKY_E_IO && errno == EPIPE) { /* as on the terminal: the slide is finished, then it ends */
        sky_buffer_clear(buffer);
        run->view_error = EPIPE;
        run->failed = SKY_OK;
    }
    return run->failed == SKY_OK;
}

static bool on_counts(void *context, const struct sky_keyword_count *counts, uint32_t count)
{
    sky_run_bus_counts(((struct run *)context)->bus, counts, count);
    return true;
}

static bool on_activity(void *context, const struct sky_activity_record *activity)
{
    struct run *run = context;
    if (run->bus)
        sky_run_bus_activity(run->bus, activity);
    sky_run_lake_activity(run->lake, activity);
    return true;
}

static bool on_sessions(void *context, const struct sky_session *sessions, uint32_t count)
{
    struct run *run = context;
    if (run->bus)
        sky_run_bus_sessions(run->bus, sessions, count);
    sky_run_lake_sessions(run->lake, sessions, count);
    return true;
}

static bool on_slide(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct run *run = context;
    if (run->bus)
        sky_run_bus_slide(run->bus, snapshot);
    sky_run_lake_trends(run->lake, snapshot);
    sky_trace_changes(SKY_LOG_INFO, "trend_started", "trend_ended", snapshot);
    sky_run_report_slide(run->report, &(struct sky_run_parts){.engine = run->engine, .board = run->board}, snapshot);
    if (run->out && !write_line(run, snapshot))
        return false;
    if (sky_board_publish(run->board, snapshot) != SKY_OK)
        sky_log(SKY_LOG_ERROR, "slide_not_shown", SKY_LOG_TEXT("reason", "no memory"));
    int64_t now_us = sky_clock_monotonic_us();
    struct sky_slide_timing timing = {.latency_s = (double)(sky_clock_wall_ms() - run->arrived_ms) / 1e3,
                                      .duration_s = (double)(now_us - run->slide_clock_us) / 1e6};
    sky_run_report_published(run->report, snapshot, &timing);
    run->slide_clock_us = now_us;
    /* A line a slide; a live table is drawn now and then. The slides of an event are finished whoever is looking: the
     * state that is saved then is whole. */
    if (!sky_terminal_is_live(run->terminal))
        draw(run);
    return true;
}

static struct sky_engine_sink sink_of(struct run *run)
{
    struct sky_engine_sink sink = {.context = run, .on_slide = on_slide};
    if (run->bus)
        sink.on_counts = on_counts;
    if (run->bus || run->lake) {
        sink.on_activity = on_activity;
        sink.on_sessions = on_sessions;
    }
    return sink;
}

/* ---- each event ---- */

static enum sky_status take_posts(struct run *run, const struct sky_decoded *decoded)
{
    const struct sky_engine_sink sink = sink_of(run);
    for (uint32_t i = 0; i < decoded->posts_count; i++) {
        enum sky_status status = sky_engine_post(run->engine, &decoded->posts[i], &sink);
        if (status != SKY_OK && status != SKY_E_LATE)
            return status;
        sky_trace_post("post_counted", &decoded->posts[i]);
        sky_run_lake_post(run->lake, &decoded->posts[i]);
    }
    return SKY_OK;
}

/* A post that was read already, or a watermark. */
static enum sky_status take_post(struct run *run, const struct sky_post *post)
{
    const struct sky_engine_sink sink = sink_of(run);
    enum sky_status status = sky_engine_post(run->engine, post, &sink);
    if (run->failed != SKY_OK)
        return run->failed;
    sky_trace_post("post_counted", post);
    return status == SKY_E_LATE ? SKY_OK : status; /* the engine counts it */
}

/* Decode and count one frame or line. Bad ones are counted by the decoder and change nothing else. */
static enum sky_status take_item(struct run *run, const struct sky_feed_item *item)
{
    const struct sky_engine_sink sink = sink_of(run);
    const struct sky_source source = {run->config, run->feed, run->decoder, run->dead_letters};
    struct sky_decoded decoded;
    bool good;
    enum sky_status status = sky_source_decode(&source, item, &decoded, &good);
    if (status != SKY_OK)
        return status;
    if (good && decoded.has_time) {
        status = sky_engine_advance(run->engine, decoded.event_time_ms, &sink);
        if (status == SKY_OK)
            status = take_posts(run, &decoded);
    }
    if (status == SKY_OK)
        sky_feed_complete(run->feed);
    return run->failed != SKY_OK ? run->failed : status;
}

/* Take up to EVENTS_A_TURN events. False: the run is over, *exit_code is how. */
static bool take_turn(struct run *run, int *exit_code)
{
    for (int i = 0; i < EVENTS_A_TURN; i++) {
        struct sky_feed_item item;
        switch (sky_feed_next(run->feed, i ? 0 : POLL_MS, &item)) {
        case SKY_FEED_IDLE: return true;
        case SKY_FEED_END: return false;
        case SKY_FEED_CONNECTED: sky_decoder_connected(run->decoder); continue;
        case SKY_FEED_NOTICE: sky_log(SKY_LOG_WARN, "source", SKY_LOG_TEXT("notice", item.notice)); continue;
        case SKY_FEED_BAD:
            if (sky_run_letters_put(run->letters, &item) != SKY_OK) {
                *exit_code = sky_run_fail("stopped", "no memory");
                return false;
            }
            continue;
        case SKY_FEED_FAILED: *exit_code = sky_run_fail("the source failed", item.notice); return false;
        case SKY_FEED_ITEM: break;
        }
        run->slide_clock_us = sky_clock_monotonic_us();
        run->event_clock_ms = run->slide_clock_us / 1000;
        run->arrived_ms = item.receipt_ms != SKY_RECEIPT_NONE ? item.receipt_ms : sky_clock_wall_ms();
        enum sky_status status = item.post ? take_post(run, item.post) : take_item(run, &item);
        if (status != SKY_OK) {
            *exit_code = sky_run_fail("stopped", status == SKY_E_IO ? strerror(errno) : sky_status_name(status));
            return false;
        }
    }
    return true;
}

/* ---- now and then ---- */

static void report(struct run *run)
{
    struct sky_run_parts parts = {.feed = run->feed,
                                  .decoder = run->decoder,
                                  .engine = run->engine,
                                  .board = run->board,
                                  .api = run->api,
                                  .bus = run->bus,
                                  .letters = run->letters,
                                  .event_clock_ms = run->event_clock_ms};
    sky_run_report_update(run->report, &parts);
}

/* Log when the brokers stop or begin again to take what is sent, and each transaction that broke. */
static void log_bus(struct run *run)
{
    struct sky_run_bus_status bus;
    sky_run_bus_status(run->bus, &bus);
    if (bus.aborted != run->bus_aborted)
        sky_log(SKY_LOG_WARN, "transaction_aborted", SKY_LOG_TEXT("reason", bus.abort_reason),
                SKY_LOG_TEXT("then", "it is sent again"));
    if (bus.reached != !run->bus_is_away)
        sky_log(bus.reached ? SKY_LOG_INFO : SKY_LOG_WARN, bus.reached ? "kafka_is_back" : "kafka_is_away",
                SKY_LOG_TEXT("reason", bus.problem));
    run->bus_aborted = bus.aborted;
    run->bus_is_away = !bus.reached;
}

/* What is due to Kafka. `now`: all that is complete. False: the run is over, *exit_code is how. */
static bool publish(struct run *run, bool now, int *exit_code)
{
    enum sky_status status = run->bus ? sky_run_bus_turn(run->bus, now) : SKY_OK;
    if (run->bus)
        log_bus(run);
    if (status == SKY_OK || status == SKY_E_TIMEOUT)
        return true;
    struct sky_run_bus_status bus;
    sky_run_bus_status(run->bus, &bus);
    if (status == SKY_E_FENCED)
        *exit_code =
            sky_run_fail(run->config->kafka.transactional_id,
                         "a newer instance of `run` publishes under this kafka.transactional_id; this one ends");
    else
        *exit_code = sky_run_fail("Kafka", *bus.problem ? bus.problem : sky_status_name(status));
    return false;
}

static bool is_checkpoint_due(const struct run *run, int64_t event_time_ms)
{
    if (!run->checkpoint || event_time_ms < run->checkpoint_event_ms)
        return false;
    /* Minutes that are caught up with share transactions, and a checkpoint waits for its transaction. */
    return (!run->state.posts && !run->bus) || sky_clock_monotonic_ms() - run->saved_clock_ms >= CATCH_UP_SAVE_MS;
}

/* One that cannot be written does not stop the work: the last good one stays, and the report says so. */
static bool save_when_due(struct run *run, int *exit_code)
{
    struct sky_engine_stats stats;
    sky_engine_stats(run->engine, &stats);
    bool is_due = is_checkpoint_due(run, stats.event_time_ms);
    if (!run->checkpoint)
        sky_run_lake_turn(run->lake, stats.event_time_ms);
    if (!publish(run, is_due, exit_code))
        return false;
    bool are_kept = sky_run_letters_settle(run->letters);
    /* Were events taken meanwhile, there would always be one more minute to publish. */
    run->waits_for_bus = is_due && run->bus && !run->bus_is_away && !sky_run_bus_is_clear(run->bus);
    if (!is_due || !are_kept || (run->bus && !sky_run_bus_is_clear(run->bus)))
        return true;
    run->checkpoint_event_ms = stats.event_time_ms + run->config->checkpoint.interval_ms;
    if (save(run) == SKY_OK)
        sky_run_lake_saved(run->lake, stats.event_time_ms);
    else
        run->checkpoint_event_ms = stats.event_time_ms + SKY_MINUTE_MS; /* try again soon */
    return true;
}

/* The past of the simulated network instead of the real one's. */
static void move_past(struct run *run)
{
    struct sky_api_history_options history = {.lake = NULL};
    if (run->lake)
        sky_past_lake_at(sky_run_lake_folder(run->lake), &run->simulated_past, &history);
    if (run->api)
        sky_api_move_history(run->api, history.lake);
}

/* No relay has answered in time: say so, and go on with the simulated network if that is allowed. */
static enum sky_status fall_back(struct run *run, int64_t now_clock_ms)
{
    struct sky_feed_status feed;
    sky_feed_status(run->feed, &feed);
    if (!run->source.may_simulate || feed.simulated || feed.ever_received ||
        now_clock_ms - run->started_clock_ms < run->config->source.answer_timeout_ms)
        return SKY_OK;
    sky_log_say(SKY_LOG_WARN, "no_relay", "skytrend run: no relay answered within %lld s (%s).",
                (long long)run->config->source.answer_timeout_ms / 1000, feed.problem);
    sky_log_say(SKY_LOG_WARN, "falling_back",
                "Going on with the SIMULATED network; --live keeps trying the real one instead.");
    sky_feed_close(run->feed);
    sky_checkpoint_close(run->checkpoint);
    sky_decoder_free(run->decoder);
    sky_engine_free(run->engine);
    run->feed = NULL;
    run->checkpoint = NULL;
    run->decoder = NULL;
    run->engine = NULL;
    run->state.checkpoint = NULL; /* what was learned of the real network stays as it is */
    run->state.relay = NULL;
    run->status_clock_ms = 0; /* tell of the new source before its first slide is shown */
    sky_run_report_no_checkpoint(run->report);
    run->source.feed = NULL;
    enum sky_status status = open_engine(run);
    if (status == SKY_OK)
        status = sky_run_open_simulation(&run->source);
    run->feed = run->source.feed;
    if (status == SKY_OK) {
        open_lake(run);
        move_past(run);
    }
    return status;
}

static bool keep_letters(struct run *run, int64_t until_ms)
{
    while (!sky_run_letters_settle(run->letters)) {
        if (sky_clock_monotonic_ms() >= until_ms)
            return false;
        usleep(POLL_MS * 1000);
    }
    return true;
}

/* At the end: what is complete goes out, unless the brokers are away for too long. */
static int drain(struct run *run, int exit_code)
{
    int64_t until_ms = sky_clock_monotonic_ms() + DRAIN_MS;
    while (exit_code == SKY_EXIT_OK && run->bus && !sky_run_bus_is_clear(run->bus) &&
           sky_clock_monotonic_ms() < until_ms)
        if (!publish(run, true, &exit_code))
            break;
    if (exit_code == SKY_EXIT_OK && run->bus && !sky_run_bus_is_clear(run->bus)) {
        sky_log(SKY_LOG_WARN, "not_published", SKY_LOG_TEXT("reason", "the brokers are away; the next run does it"));
        return exit_code; /* the last checkpoint is before what was not published */
    }
    if (exit_code == SKY_EXIT_OK && !keep_letters(run, until_ms)) {
        sky_log(SKY_LOG_WARN, "dead_letters_not_kept", SKY_LOG_TEXT("reason", "the next run does it"));
        return exit_code;
    }
    if (!run->checkpoint)
        sky_run_lake_cut(run->lake);
    if (exit_code == SKY_EXIT_OK && save(run) != SKY_OK)
        return sky_run_fail("the checkpoint cannot be written", run->state.message);
    return exit_code;
}

static int work(struct run *run)
{
    int exit_code = SKY_EXIT_OK;
    while (!sky_signal_requested()) {
        int64_t now_clock_ms = sky_clock_monotonic_ms();
        if (now_clock_ms >= run->ends_clock_ms)
            break;
        if (fall_back(run, now_clock_ms) != SKY_OK)
            return SKY_EXIT_FAILURE;
        if (now_clock_ms - run->status_clock_ms >= STATUS_MS) {
            run->status_clock_ms = now_clock_ms;
            report(run);
            draw(run);
        }
        if (run->view_error)
            break;
        if ((run->bus && sky_run_bus_is_full(run->bus)) || sky_run_letters_are_full(run->letters))
            usleep(POLL_MS * 1000);
        else if (!run->waits_for_bus && !take_turn(run, &exit_code))
            break;
        if (!save_when_due(run, &exit_code))
            break;
    }
    exit_code = drain(run, exit_code);
    /* A terminal that went away is nobody looking any more, as is a reader; a full disk is not. */
    if (exit_code == SKY_EXIT_OK && run->view_error && run->view_error != EINTR && !sky_terminal_is_live(run->terminal))
        return sky_command_output_failed(run->invocation->command->name, run->view_error);
    return exit_code;
}

/* While the live table owns the terminal the log goes into a file. */
static void move_log(struct run *run)
{
    char path[PATH_MAX];
    run->log_fd = -1;
    if (!sky_terminal_is_live(run->terminal) || !isatty(STDERR_FILENO) ||
        sky_source_path(run->config, "skytrend.log", path) != SKY_OK)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    run->log_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static void return_log(struct run *run)
{
    if (run->log_fd < 0)
        return;
    dup2(run->log_fd, STDERR_FILENO);
    close(run->log_fd);
}

/* Where events come from, the state they lead on from, and where those go that cannot be read. */
static enum sky_status open_source(struct run *run)
{
    run->source = (struct sky_run_source){.invocation = run->invocation, .wait = {wait_goes_on, run}};
    enum sky_status status = sky_run_open_source(&run->source);
    run->feed = run->source.feed;
    run->state.relay = run->feed ? sky_feed_relay(run->feed) : NULL;
    run->state.posts = run->feed ? sky_feed_posts(run->feed) : NULL;
    if (status != SKY_OK)
        return status;
    open_lake(run);
    status = load_checkpoint(run);
    if (status == SKY_OK)
        status = sky_run_open_dead_letters(&run->source, &run->dead_letters);
    if (status == SKY_OK)
        status = sky_run_open_letters(&run->source, &run->letters);
    return status;
}

static enum sky_status check_kafka(const struct run *run)
{
    struct sky_kafka_options kafka;
    struct sky_kafka_message message;
    sky_config_kafka_options(run->config, &kafka);
    enum sky_status status = sky_kafka_check(&kafka, &message);
    if (status != SKY_OK)
        sky_run_fail("Kafka", message.text);
    return status;
}

static enum sky_status join_bus(struct run *run)
{
    struct sky_engine_stats stats;
    sky_engine_stats(run->engine, &stats);
    const struct sky_run_past past = {
        .wait = {wait_goes_on, run},
        .has_checkpoint = run->has_past,
        .is_reset = sky_options_bool(&run->invocation->options, "reset-state"),
        .is_simulated = !run->state.relay && !run->state.posts,
        .repeats = run->state.posts != NULL,
        .closed_until_ms = stats.slides ? sky_time_floor(stats.event_time_ms, SKY_MINUTE_MS) : SKY_OUTBOX_NO_MARKER,
    };
    return sky_run_join_bus(run->bus, &past);
}

/* What may be wrong with the configuration is found first, then the page is open, and then Kafka is waited for. */
static enum sky_status set_up(struct run *run)
{
    bool reads_kafka = sky_run_source_kind(run->invocation) == SKY_SOURCE_KAFKA;
    sky_config_log(run->config);
    enum sky_status status = sky_run_report_new(run->config, &run->report);
    if (status == SKY_OK && (reads_kafka || run->config->kafka.outputs == SKY_OUTPUTS_ON))
        status = check_kafka(run);
    if (status == SKY_OK && run->config->kafka.outputs == SKY_OUTPUTS_ON)
        status = sky_run_bus_new(run->config, &run->bus);
    if (status == SKY_OK)
        status = sky_board_new(&run->board);
    if (status == SKY_OK)
        status = open_engine(run);
    if (status == SKY_OK)
        status = open_output(run);
    if (status == SKY_OK)
        status = open_checkpoint(run);
    if (status == SKY_OK && !reads_kafka)
        status = open_source(run);
    if (status == SKY_OK)
        status = open_page(run);
    if (status == SKY_OK && (reads_kafka || run->bus) && !wait_goes_on(run, ""))
        status = SKY_E_END;
    if (status == SKY_OK && reads_kafka)
        status = open_source(run);
    if (status == SKY_OK && run->bus)
        status = join_bus(run);
    if (status == SKY_OK)
        status = first_save(run);
    if (status == SKY_OK)
        status = open_terminal(run);
    if (status == SKY_OK)
        move_log(run);
    return status;
}

static void tear_down(struct run *run)
{
    sky_terminal_close(run->terminal);
    return_log(run);
    sky_run_bus_free(run->bus);
    sky_run_lake_close(run->lake);
    sky_api_stop(run->api);
    sky_run_report_free(run->report);
    sky_board_free(run->board);
    sky_dead_letters_free(run->dead_letters);
    sky_run_letters_free(run->letters);
    sky_checkpoint_close(run->checkpoint);
    sky_output_file_close(run->out);
    sky_feed_close(run->feed);
    sky_decoder_free(run->decoder);
    sky_engine_free(run->engine);
    sky_buffer_clean_up(&run->state.payload);
}

static int run_command(const struct sky_invocation *invocation)
{
    if (sky_options_bool(&invocation->options, "simulate") &&
        (sky_options_bool(&invocation->options, "live") || sky_options_given(&invocation->options, "source")))
        return sky_command_usage_error(invocation->command, "--simulate goes neither with --live nor with --source");
    sky_signal_install();
    int64_t now_clock_ms = sky_clock_monotonic_ms();
    struct run run = {
        .invocation = invocation,
        .started_clock_ms = now_clock_ms,
        .event_clock_ms = now_clock_ms,
        .ends_clock_ms = INT64_MAX,
        .log_fd = -1,
    };
    if (sky_options_given(&invocation->options, "duration"))
        run.ends_clock_ms = now_clock_ms + sky_options_duration_ms(&invocation->options, "duration");
    if (!sky_run_configure(invocation->config, &run.config_used))
        return sky_command_usage_error(invocation->command, "--source kafka:// wants HOST:PORT behind it");
    run.config = &run.config_used;
    run.invocation_used = *invocation;
    run.invocation_used.config = run.config;
    run.invocation = &run.invocation_used;
    enum sky_status status = set_up(&run);
    int exit_code = status == SKY_OK         ? work(&run)
                    : status == SKY_E_END    ? SKY_EXIT_OK
                    : status == SKY_E_CONFIG ? SKY_EXIT_USAGE
                                             : SKY_EXIT_FAILURE;
    tear_down(&run);
    return exit_code;
}

const struct sky_command sky_command_run = {
    .name = "run",
    .summary = "watch the network: what trends, why, and how sure",
    .description =
        "Reads the live network from a relay and shows ranked trends in the terminal and on a web page. When no relay\n"
        "answers it says so and goes on with a simulated network. What was learned is kept in data.directory, so\n"
        "that a restart goes on where it stopped.",
    .options = run_options,
    .examples = (const char *const[]){"# watch the live network", "skytrend run",
                                      "# a minute of the simulated one, an hour of its time",
                                      "skytrend run --simulate --duration 60s",
                                      "# write every slide as a JSON line, without a page",
                                      "skytrend run --out trends.jsonl --plain --http.enabled false", NULL},
    .takes_config = true,
    .run = run_command,
};
