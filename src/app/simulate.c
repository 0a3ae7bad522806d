/* skytrend simulate: the simulated network, as a relay for clients or as a recording. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "base/time.h"
#include "io/host/onset_file.h"
#include "io/host/recording.h"
#include "io/host/truth_file.h"
#include "io/relay/relay_server.h"

#define DEFAULT_RECORD_HOURS 1
#define PROGRESS_FRAMES      20000
#define NO_RECEIPT           0
#define MS_PER_SECOND        1000

static const struct sky_option options[] = {
    {.name = "seed", .rule = {.type = SKY_VALUE_INT}, .value = "1", .help = "the same seed gives the same network"},
    {.name = "rate",
     .rule = {.type = SKY_VALUE_DOUBLE, .min = 0.001, .max = 100},
     .value = "0.2",
     .help = "background volume; 1 is about 3,000 posts and 25,000 frames a minute"},
    {.name = "speed",
     .rule = {.type = SKY_VALUE_DOUBLE, .max = 1e6},
     .value = "1",
     .help = "event time passes so many times faster than the clock; 0: as fast as clients read"},
    {.name = "hours",
     .rule = {.type = SKY_VALUE_INT, .max = 100000},
     .help = "of event time, then stop (default: go on, or 1 with --record)"},
    {.name = "start",
     .rule.type = SKY_VALUE_STRING,
     .value = "2026-01-05T00:00:00Z",
     .help = "event time of the start"},
    {.name = "profile",
     .rule = {.type = SKY_VALUE_CHOICE, .choices = "normal|harsh|cold|spam|small|daily"},
     .value = "normal",
     .help = "the kind of world, docs/SIMULATOR.md"},
    {.name = "bursts", .rule = {.type = SKY_VALUE_DOUBLE, .max = 100}, .value = "6", .help = "trends planned an hour"},
    {.name = "onsets",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "FILE",
     .help = "play these onsets too (JSON, docs/SIMULATOR.md); wants --hours 9 or more"},
    {.name = "truth",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "FILE",
     .help = "write what is planned there, as JSON lines"},
    {.name = "record",
     .rule.type = SKY_VALUE_STRING,
     .placeholder = "FILE",
     .help = "write the frames there (.zst compresses; - is standard output) instead of serving them"},
    {.name = "port",
     .rule = {.type = SKY_VALUE_INT, .max = 65535},
     .value = "8790",
     .help = "of the relay, on 127.0.0.1; 0: any free one"},
    {.name = "keep",
     .rule = {.type = SKY_VALUE_SIZE, .min = 65536, .max = 1e12},
     .value = "256MiB",
     .help = "of frames, for clients that come back with a cursor; memory is used as they come"},
    {.name = "fault",
     .rule = {.type = SKY_VALUE_LIST, .choices = "garbage|half-frame|drop|stall|gap"},
     .help = "let the relay misbehave now and then: any of garbage, half-frame, drop, stall, gap"},
    {.name = "wait", .help = "let event time stand still while nobody is connected or a client is far behind"},
    {0},
};

/* Set by SIGINT and SIGTERM. */
static struct sky_relay_server *volatile serving;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    stopped = 1;
    if (serving)
        sky_relay_server_stop(serving);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int fail(const char *what, const char *path, enum sky_status status)
{
    const char *why = status == SKY_E_IO && errno ? strerror(errno) : sky_status_name(status);
    fprintf(stderr, "skytrend simulate: %s%s%s: %s\n", what, path ? " " : "", path ? path : "", why);
    return SKY_EXIT_FAILURE;
}

/* One simulation: what the command line asked for. */
struct simulation {
    struct sky_world_options world;
    struct sky_onset_file onsets;
    struct sky_truth_file *truth;
    const struct sky_world *running;
    bool ended_early;    /* a recording */
    int64_t recorded_ms; /* of event time */
};

static void report(const struct simulation *simulation, int64_t time_ms, uint64_t frames, uint64_t clients,
                   const char *end)
{
    char time[SKY_TIME_TEXT_SIZE];
    sky_time_format(time_ms, time);
    fprintf(stderr, "\r%.19sZ  %llu frames", time, (unsigned long long)frames);
    if (simulation->running && clients != UINT64_MAX)
        fprintf(stderr, "  %llu client%s ", (unsigned long long)clients, clients == 1 ? "" : "s");
    fputs(end, stderr);
}

static enum sky_status update_truth(struct simulation *simulation)
{
    return simulation->truth ? sky_truth_file_update(simulation->truth, simulation->running) : SKY_OK;
}

/* -------------------------------------------------------------------------------------------- recording */

static enum sky_status record_frames(struct simulation *simulation, struct sky_network *network,
                                     struct sky_recording_writer *writer)
{
    bool shows_progress = isatty(STDERR_FILENO);
    struct sky_network_item item = {0};
    uint64_t frames = 0;
    enum sky_status status = SKY_OK;
    while (!stopped && (status = sky_network_next(network, &item)) == SKY_OK) {
        status = sky_recording_write(writer, item.frame, NO_RECEIPT);
        if (status != SKY_OK)
            return status;
        if (++frames % PROGRESS_FRAMES == 0) {
            if (shows_progress)
                report(simulation, item.time_ms, frames, UINT64_MAX, "");
            status = update_truth(simulation);
            if (status != SKY_OK)
                return status;
        }
    }
    report(simulation, item.time_ms, frames, UINT64_MAX, "\n");
    simulation->ended_early = status == SKY_OK;
    simulation->recorded_ms = frames ? item.time_ms - simulation->world.start_ms : 0;
    return status == SKY_OK || status == SKY_E_END ? update_truth(simulation) : status;
}

/* What there is by then can be read; but it is not what was asked for. */
static int tell_early_end(const struct simulation *simulation, const char *path)
{
    long long seconds = simulation->recorded_ms / MS_PER_SECOND;
    fprintf(stderr, "skytrend simulate: %s: stopped early: %lld:%02lld:%02lld of %u:00:00\n", path, seconds / 3600,
            seconds / 60 % 60, seconds % 60, simulation->world.hours);
    return SKY_EXIT_FAILURE;
}

static int record(struct simulation *simulation, const char *path)
{
    const struct sky_recording_writer_options recording = {.with_receipts = false};
    struct sky_network *network;
    struct sky_recording_writer *writer;
    struct sky_error error;
    enum sky_status status = sky_network_new(&simulation->world, &network);
    if (status != SKY_OK)
        return fail("the network cannot be made", NULL, status);
    simulation->running = sky_network_world(network);
    status = sky_recording_create(path, &recording, &writer, &error);
    if (status == SKY_OK) {
        status = record_frames(simulation, network, writer);
        enum sky_status finished = sky_recording_finish(writer);
        status = status == SKY_OK ? finished : status;
    }
    sky_network_free(network);
    if (status == SKY_E_IO && strcmp(path, "-") == 0)
        return sky_command_output_failed("simulate", errno);
    if (status != SKY_OK)
        return fail("cannot record to", path, status);
    return simulation->ended_early ? tell_early_end(simulation, path) : SKY_EXIT_OK;
}

/* ----------------------------------------------------------------------------------------------- serving */

static void on_tick(void *context, const struct sky_relay_server_stats *stats)
{
    struct simulation *simulation = context;
    enum sky_status status = update_truth(simulation);
    if (status != SKY_OK) {
        fail("the truth cannot be written", NULL, status);
        stopped = 1;
        sky_relay_server_stop(serving);
    }
    if (isatty(STDERR_FILENO))
        report(simulation, stats->time_ms, stats->frames, stats->clients, "");
}

static int serve(struct simulation *simulation, struct sky_relay_server_options *relay)
{
    struct sky_relay_server *server;
    relay->world = simulation->world;
    enum sky_status status = sky_relay_server_new(relay, &server);
    if (status != SKY_OK) {
        fprintf(stderr, "skytrend simulate: cannot listen on port %u of 127.0.0.1: %s\n", relay->port,
                status == SKY_E_IO ? "it is taken, or not allowed; --port 0 takes a free one"
                                   : sky_status_name(status));
        return SKY_EXIT_FAILURE;
    }
    simulation->running = sky_relay_server_world(server);
    sky_relay_server_on_tick(server, on_tick, simulation);
    serving = server;
    printf("serving ws://127.0.0.1:%u/xrpc/com.atproto.sync.subscribeRepos\n", sky_relay_server_port(server));
    fflush(stdout);
    if (!stopped)
        status = sky_relay_server_run(server);
    serving = NULL;
    sky_relay_server_free(server);
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
    return status == SKY_OK ? SKY_EXIT_OK : fail("the relay stopped", NULL, status);
}

/* ---------------------------------------------------------------------------------------------- options */

static unsigned read_faults(const char *list)
{
    static const struct {
        const char *name;
        enum sky_relay_fault fault;
    } faults[] = {{"garbage", SKY_RELAY_FAULT_GARBAGE},
                  {"half-frame", SKY_RELAY_FAULT_HALF_FRAME},
                  {"drop", SKY_RELAY_FAULT_DROP},
                  {"stall", SKY_RELAY_FAULT_STALL},
                  {"gap", SKY_RELAY_FAULT_GAP}};
    unsigned set = 0;
    struct sky_span word;
    while (list && sky_list_next(&list, &word))
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
            if (sky_span_equal(word, sky_span_from_string(faults[i].name)))
                set |= (unsigned)faults[i].fault;
    return set;
}

/* What only a relay has, given beside --record; NULL: nothing. */
static const char *relay_option(const struct sky_options *given)
{
    static const char *const names[] = {"speed", "port", "keep", "fault", "wait"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sky_options_given(given, names[i]))
            return names[i];
    return NULL;
}

static int refuse_relay_option(const struct sky_invocation *invocation)
{
    const char *name = relay_option(&invocation->options);
    char message[96];
    if (!name || !sky_options_string(&invocation->options, "record"))
        return SKY_EXIT_OK;
    snprintf(message, sizeof message, "--%s is for the relay; with --record there is none", name);
    return sky_command_usage_error(invocation->command, message);
}

static int read_world(const struct sky_invocation *invocation, struct simulation *simulation)
{
    const struct sky_options *given = &invocation->options;
    struct sky_world_options *world = &simulation->world;
    const char *onsets = sky_options_string(given, "onsets");
    sky_world_options_default(world);
    world->seed = (uint64_t)sky_options_int(given, "seed");
    world->rate = sky_options_double(given, "rate");
    world->bursts_per_hour = sky_options_double(given, "bursts");
    world->profile = (enum sky_world_profile)sky_options_choice_place(given, "profile");
    world->hours = sky_options_string(given, "record") ? DEFAULT_RECORD_HOURS : 0;
    if (sky_options_given(given, "hours"))
        world->hours = (uint32_t)sky_options_int(given, "hours");
    if (sky_options_string(given, "record") && world->hours == 0)
        return sky_command_usage_error(invocation->command, "--record wants --hours above 0");
    if (onsets && world->hours < SKY_WORLD_ONSETS_HOURS_MIN)
        return sky_command_usage_error(invocation->command, "--onsets wants --hours 9 or more");
    if (sky_time_parse(sky_span_from_string(sky_options_string(given, "start")), &world->start_ms) != SKY_OK ||
        world->start_ms < 0)
        return sky_command_usage_error(invocation->command, "--start wants a time like 2026-01-05T00:00:00Z");
    if (!onsets)
        return SKY_EXIT_OK;
    enum sky_status status = sky_onset_file_read(onsets, &simulation->onsets);
    if (status != SKY_OK)
        return fail("cannot read", onsets, status);
    world->onsets = simulation->onsets.onsets;
    world->onsets_count = simulation->onsets.count;
    world->onset_repeats = 2;
    return SKY_EXIT_OK;
}

static int simulate(const struct sky_invocation *invocation, struct simulation *simulation)
{
    const struct sky_options *given = &invocation->options;
    const char *path = sky_options_string(given, "record");
    if (path)
        return record(simulation, path);
    struct sky_relay_server_options relay = {
        .port = (uint16_t)sky_options_int(given, "port"),
        .speed = sky_options_double(given, "speed"),
        .waits = sky_options_bool(given, "wait"),
        .window_bytes = (uint64_t)sky_options_size_bytes(given, "keep"),
        .faults = read_faults(sky_options_string(given, "fault")),
    };
    return serve(simulation, &relay);
}

static int run(const struct sky_invocation *invocation)
{
    struct simulation simulation = {.truth = NULL};
    int exit_code = refuse_relay_option(invocation);
    if (exit_code == SKY_EXIT_OK)
        exit_code = read_world(invocation, &simulation);
    if (exit_code != SKY_EXIT_OK)
        return exit_code;
    const char *truth = sky_options_string(&invocation->options, "truth");
    enum sky_status status = truth ? sky_truth_file_open(truth, &simulation.world, &simulation.truth) : SKY_OK;
    if (status == SKY_OK) {
        catch_signals();
        exit_code = simulate(invocation, &simulation);
        status = sky_truth_file_close(simulation.truth);
    }
    if (status != SKY_OK)
        exit_code = fail("cannot write", truth, status);
    sky_onset_file_clean_up(&simulation.onsets);
    return exit_code;
}

const struct sky_command sky_command_simulate = {
    .name = "simulate",
    .summary = "simulate the network: a relay with known trends, or a recording of it",
    .description =
        "Emits true firehose frames in the proportions of the real network, with bursts, spam and bots whose\n"
        "truth is known. The same seed gives the same frames on every machine. docs/SIMULATOR.md has the model.",
    .options = options,
    .examples =
        (const char *const[]){"skytrend simulate --speed 60 --truth truth.jsonl",
                              "skytrend simulate --record hour.bin.zst --hours 1 --seed 7", "# a relay that misbehaves",
                              "skytrend simulate --fault garbage,half-frame,drop", NULL},
    .run = run,
};
