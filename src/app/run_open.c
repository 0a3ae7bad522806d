#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/run.h"
#include "app/source.h"
#include "base/time.h"
#include "io/host/clock.h"
#include "ops/log.h"

/* Of a live source. A simulated network begins anew each time. */
static enum sky_status open_checkpoint(struct sky_run *run)
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
static enum sky_status load_checkpoint(struct sky_run *run)
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
static void open_lake(struct sky_run *run)
{
    sky_run_lake_close(run->lake);
    run->lake = run->state.posts ? NULL : sky_run_lake_open(run->config, !run->state.relay, run->report);
    run->state.lake = run->lake;
}

/* From here on the output file's length is known. */
static enum sky_status first_save(struct sky_run *run)
{
    enum sky_status status = sky_run_save(run);
    if (status != SKY_OK)
        sky_run_fail("the checkpoint cannot be written", run->state.message);
    return status;
}

static enum sky_status open_engine(struct sky_run *run)
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

static enum sky_status open_output(struct sky_run *run)
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
    struct sky_run *run = context;
    const struct sky_run_parts parts = {.board = run->board, .api = run->api};
    sky_run_report_waiting(run->report, &parts, problem);
    return sky_clock_monotonic_ms() < run->ends_clock_ms;
}

static enum sky_status open_page(struct sky_run *run)
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
static enum sky_status open_terminal(struct sky_run *run)
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

/* The past of the simulated network instead of the real one's. */
static void move_past(struct sky_run *run)
{
    struct sky_api_history_options history = {.lake = NULL};
    if (run->lake)
        sky_past_lake_at(sky_run_lake_folder(run->lake), &run->simulated_past, &history);
    if (run->api)
        sky_api_move_history(run->api, history.lake);
}

enum sky_status sky_run_fall_back(struct sky_run *run, int64_t now_clock_ms)
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

/* While the live table owns the terminal the log goes into a file. */
static void move_log(struct sky_run *run)
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

static void return_log(struct sky_run *run)
{
    if (run->log_fd < 0)
        return;
    dup2(run->log_fd, STDERR_FILENO);
    close(run->log_fd);
}

/* Where events come from, the state they lead on from, and where those go that cannot be read. */
static enum sky_status open_source(struct sky_run *run)
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

static enum sky_status check_kafka(const struct sky_run *run)
{
    struct sky_kafka_options kafka;
    struct sky_kafka_message message;
    sky_config_kafka_options(run->config, &kafka);
    enum sky_status status = sky_kafka_check(&kafka, &message);
    if (status != SKY_OK)
        sky_run_fail("Kafka", message.text);
    return status;
}

static enum sky_status join_bus(struct sky_run *run)
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
enum sky_status sky_run_open(struct sky_run *run)
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

void sky_run_close(struct sky_run *run)
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
