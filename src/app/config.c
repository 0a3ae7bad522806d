#include "ops/config.h"

#include <errno.h>

#include "app/command.h"
#include "ops/metrics.h"

static const struct sky_option options[] = {
    {.name = "json", .help = "one JSON object"},
    {.name = "markdown", .help = "the reference of all settings, docs/CONFIGURATION.md"},
    {.name = "metrics", .help = "the reference of all metrics, docs/METRICS.md"},
    {0},
};

static int run(const struct sky_invocation *invocation)
{
    struct sky_buffer text = {0};
    if (sky_options_bool(&invocation->options, "markdown"))
        sky_config_write_markdown(&text);
    else if (sky_options_bool(&invocation->options, "metrics"))
        sky_metrics_write_markdown(&text);
    else if (sky_options_bool(&invocation->options, "json"))
        sky_config_write_json(invocation->config, &text);
    else
        sky_config_write_text(invocation->config, &text);
    bool written = !text.failed && fwrite(text.ptr, 1, text.len, stdout) == text.len;
    int error = text.failed ? ENOMEM : errno;
    sky_buffer_clean_up(&text);
    return written ? SKY_EXIT_OK : sky_command_output_failed(invocation->command->name, error);
}

const struct sky_command sky_command_config = {
    .name = "config",
    .summary = "show the configuration in effect, and where each value comes from",
    .options = options,
    .takes_config = true,
    .examples = (const char *const[]){"skytrend config --trend.min_z 6",
                                      "SKYTREND_HTTP_PORT=9000 skytrend config --json", NULL},
    .run = run,
};
