/* skytrend run: source -> engine -> page, terminal, output file, Kafka and checkpoint, in one process. */
#include "app/run.h"

#include "app/source.h"
#include "io/host/clock.h"
#include "ops/signal.h"

#define DURATION_MS_MAX  864e9 /* 10,000 days */
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

static int run_command(const struct sky_invocation *invocation)
{
    if (sky_options_bool(&invocation->options, "simulate") &&
        (sky_options_bool(&invocation->options, "live") || sky_options_given(&invocation->options, "source")))
        return sky_command_usage_error(invocation->command, "--simulate goes neither with --live nor with --source");
    sky_signal_install();
    int64_t now_clock_ms = sky_clock_monotonic_ms();
    struct sky_run run = {
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
    enum sky_status status = sky_run_open(&run);
    int exit_code = status == SKY_OK ? sky_run_work(&run) : status == SKY_E_END ? SKY_EXIT_OK : sky_exit_of(status);
    sky_run_close(&run);
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
