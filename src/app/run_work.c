#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/run.h"
#include "app/source.h"
#include "app/trace.h"
#include "base/time.h"
#include "io/host/clock.h"
#include "ops/log.h"
#include "ops/signal.h"

#define STATUS_MS        250
#define POLL_MS          100
#define EVENTS_A_TURN    512   /* handled before clocks are looked at */
#define DRAIN_MS         10000 /* for the brokers, at the end */
#define CATCH_UP_SAVE_MS 1000  /* between checkpoints while minutes close fast */

/* ---- each slide ---- */

static void draw(struct sky_run *run)
{
    enum sky_status status = run->view_error ? SKY_OK : sky_terminal_draw(run->terminal);
    if (status != SKY_OK)
        run->view_error = status == SKY_E_IO ? errno : ENOMEM;
}

static bool write_line(struct sky_run *run, const struct sky_trend_snapshot *snapshot)
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
    sky_run_bus_counts(((struct sky_run *)context)->bus, counts, count);
    return true;
}

static bool on_activity(void *context, const struct sky_activity_record *activity)
{
    struct sky_run *run = context;
    if (run->bus)
        sky_run_bus_activity(run->bus, activity);
    sky_run_lake_activity(run->lake, activity);
    return true;
}

static bool on_sessions(void *context, const struct sky_session *sessions, uint32_t count)
{
    struct sky_run *run = context;
    if (run->bus)
        sky_run_bus_sessions(run->bus, sessions, count);
    sky_run_lake_sessions(run->lake, sessions, count);
    return true;
}

static bool on_slide(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct sky_run *run = context;
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

static struct sky_engine_sink sink_of(struct sky_run *run)
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

static enum sky_status take_posts(struct sky_run *run, const struct sky_decoded *decoded)
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
static enum sky_status take_post(struct sky_run *run, const struct sky_post *post)
{
    const struct sky_engine_sink sink = sink_of(run);
    enum sky_status status = sky_engine_post(run->engine, post, &sink);
    if (run->failed != SKY_OK)
        return run->failed;
    sky_trace_post("post_counted", post);
    return status == SKY_E_LATE ? SKY_OK : status; /* the engine counts it */
}

/* Decode and count one frame or line. Bad ones are counted by the decoder and change nothing else. */
static enum sky_status take_item(struct sky_run *run, const struct sky_feed_item *item)
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
static bool take_turn(struct sky_run *run, int *exit_code)
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

static void report(struct sky_run *run)
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
static void log_bus(struct sky_run *run)
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
static bool publish(struct sky_run *run, bool now, int *exit_code)
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

enum sky_status sky_run_save(struct sky_run *run)
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

static bool is_checkpoint_due(const struct sky_run *run, int64_t event_time_ms)
{
    if (!run->checkpoint || event_time_ms < run->checkpoint_event_ms)
        return false;
    /* Minutes that are caught up with share transactions, and a checkpoint waits for its transaction. */
    return (!run->state.posts && !run->bus) || sky_clock_monotonic_ms() - run->saved_clock_ms >= CATCH_UP_SAVE_MS;
}

/* One that cannot be written does not stop the work: the last good one stays, and the report says so. */
static bool save_when_due(struct sky_run *run, int *exit_code)
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
    if (sky_run_save(run) == SKY_OK)
        sky_run_lake_saved(run->lake, stats.event_time_ms);
    else
        run->checkpoint_event_ms = stats.event_time_ms + SKY_MINUTE_MS; /* try again soon */
    return true;
}

static bool keep_letters(struct sky_run *run, int64_t until_ms)
{
    while (!sky_run_letters_settle(run->letters)) {
        if (sky_clock_monotonic_ms() >= until_ms)
            return false;
        usleep(POLL_MS * 1000);
    }
    return true;
}

/* At the end: what is complete goes out, unless the brokers are away for too long. */
static int drain(struct sky_run *run, int exit_code)
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
    if (exit_code == SKY_EXIT_OK && sky_run_save(run) != SKY_OK)
        return sky_run_fail("the checkpoint cannot be written", run->state.message);
    return exit_code;
}

int sky_run_work(struct sky_run *run)
{
    int exit_code = SKY_EXIT_OK;
    while (!sky_signal_requested()) {
        int64_t now_clock_ms = sky_clock_monotonic_ms();
        if (now_clock_ms >= run->ends_clock_ms)
            break;
        if (sky_run_fall_back(run, now_clock_ms) != SKY_OK)
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
