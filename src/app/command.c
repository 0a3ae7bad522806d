#include "app/command.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ops/config.h"
#include "ops/nearest.h"
#include "ops/signal.h"

extern const struct sky_command sky_command_run;
extern const struct sky_command sky_command_ingest;
extern const struct sky_command sky_command_lake;
extern const struct sky_command sky_command_cache;
extern const struct sky_command sky_command_alerts;
extern const struct sky_command sky_command_serve;
extern const struct sky_command sky_command_query;
extern const struct sky_command sky_command_replay;
extern const struct sky_command sky_command_simulate;
extern const struct sky_command sky_command_flink;
extern const struct sky_command sky_command_check;
extern const struct sky_command sky_command_inspect;
extern const struct sky_command sky_command_config;
extern const struct sky_command sky_command_help;

const struct sky_command *const *sky_commands(void)
{
    /* One a line, in the order of help. */
    /* clang-format off */
    static const struct sky_command *const all[] = {
        &sky_command_run,
        &sky_command_ingest,
        &sky_command_lake,
        &sky_command_cache,
        &sky_command_alerts,
        &sky_command_serve,
        &sky_command_query,
        &sky_command_replay,
        &sky_command_simulate,
        &sky_command_flink,
        &sky_command_check,
        &sky_command_inspect,
        &sky_command_config,
        &sky_command_help,
        NULL,
    };
    /* clang-format on */
    return all;
}

int sky_exit_of(enum sky_status status)
{
    return status == SKY_OK ? SKY_EXIT_OK : status == SKY_E_CONFIG ? SKY_EXIT_USAGE : SKY_EXIT_FAILURE;
}

const struct sky_command *sky_command_find(const char *name)
{
    for (const struct sky_command *const *command = sky_commands(); *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

int sky_unknown_command(const char *name)
{
    struct sky_nearest nearest;
    sky_nearest_init(&nearest, sky_span_from_string(name));
    for (const struct sky_command *const *command = sky_commands(); *command; command++)
        sky_nearest_offer(&nearest, (*command)->name);
    fprintf(stderr, "skytrend: there is no command '%.100s'", name);
    if (nearest.best)
        fprintf(stderr, "; did you mean %s?", nearest.best);
    fputs("\nTry `skytrend help`.\n", stderr);
    return SKY_EXIT_USAGE;
}

static void print(const struct sky_buffer *buffer, FILE *out)
{
    if (buffer->len)
        fwrite(buffer->ptr, 1, buffer->len, out);
}

void sky_command_print_help(const struct sky_command *command, FILE *out)
{
    static const struct sky_option config_options[] = {
        {.name = "config",
         .letter = 'c',
         .placeholder = "FILE",
         .rule.type = SKY_VALUE_STRING,
         .help = "the configuration file (else ./skytrend.yaml when it is there)"},
        {.name = "SECTION.KEY",
         .placeholder = "VALUE",
         .rule.type = SKY_VALUE_STRING,
         .help = "any setting; `skytrend config` lists them"},
        {0},
    };
    static const struct sky_option help_options[] = {{.name = "help", .letter = 'h', .help = "show this"}, {0}};
    bool arguments = command->arguments != NULL;
    fprintf(out, "Usage: skytrend %s [OPTION...]%s%s\n\n%c%s.\n", command->name, arguments ? " " : "",
            arguments ? command->arguments : "", command->summary[0] & ~0x20, command->summary + 1);
    if (command->description)
        fprintf(out, "\n%s\n", command->description);
    struct sky_buffer buffer = {0};
    sky_options_help(command->options, &buffer);
    if (command->takes_config)
        sky_options_help(config_options, &buffer);
    sky_options_help(help_options, &buffer);
    fputs("\nOptions:\n", out);
    print(&buffer, out);
    sky_buffer_clean_up(&buffer);
    if (command->examples)
        fputs("\nExamples:\n", out);
    for (const char *const *example = command->examples; example && *example; example++)
        fprintf(out, "  %s\n", *example);
}

void sky_program_print_help(FILE *out)
{
    fputs("Usage: skytrend COMMAND [OPTION...] [ARGUMENT...]\n\n"
          "Reads the Bluesky network as it happens and says what is trending, and how sure it is.\n\nCommands:\n",
          out);
    for (const struct sky_command *const *command = sky_commands(); *command; command++)
        fprintf(out, "  %-12s%s\n", (*command)->name, (*command)->summary);
    fputs("\n`skytrend help COMMAND` explains one; `skytrend --version` prints the version.\n", out);
}

int sky_command_usage_error(const struct sky_command *command, const char *message)
{
    fprintf(stderr, "skytrend %s: %s\nTry `skytrend help %s`.\n", command->name, message, command->name);
    return SKY_EXIT_USAGE;
}

int sky_command_output_failed(const char *name, int error)
{
    if (error == EPIPE)
        return SKY_EXIT_OK;
    fprintf(stderr, "skytrend %s: the output cannot be written: %s\n", name, strerror(error));
    return SKY_EXIT_FAILURE;
}

static int check_arguments(const struct sky_invocation *invocation)
{
    const struct sky_command *command = invocation->command;
    size_t count = invocation->options.arguments_count;
    char message[256];
    if (count < command->arguments_min)
        snprintf(message, sizeof message, "an argument is missing: %s", command->arguments);
    else if (count > command->arguments_max)
        snprintf(message, sizeof message, "one argument too many: '%.100s'",
                 invocation->options.arguments[command->arguments_max]);
    else
        return SKY_EXIT_OK;
    return sky_command_usage_error(command, message);
}

/* The command's options and those that every command with a configuration has. */
static void complete_table(const struct sky_command *command, struct sky_option table[SKY_OPTIONS_MAX + 1])
{
    static const struct sky_option config_option = {.name = "config", .letter = 'c', .rule.type = SKY_VALUE_STRING};
    size_t count = 0;
    for (const struct sky_option *option = command->options; option && option->name; option++) {
        assert(count < SKY_OPTIONS_MAX - 1);
        table[count++] = *option;
    }
    if (command->takes_config)
        table[count++] = config_option;
    table[count] = (struct sky_option){0};
}

/* Load what the command line, the environment and the file say, and run with it. */
static int run_with_config(struct sky_invocation *invocation)
{
    const struct sky_config_inputs inputs = {.file = sky_options_string(&invocation->options, "config"),
                                             .environment = environ,
                                             .flags = invocation->options.settings,
                                             .flags_count = invocation->options.settings_count};
    struct sky_config config;
    struct sky_config_message message;
    int exit_code;
    if (sky_config_load(&config, &inputs, &message) != SKY_OK)
        exit_code = sky_command_usage_error(invocation->command, message.text);
    else {
        invocation->config = &config;
        exit_code = invocation->command->run(invocation);
    }
    sky_config_clean_up(&config);
    return exit_code;
}

int sky_command_call(const struct sky_command *command, int argc, char **argv)
{
    struct sky_option table[SKY_OPTIONS_MAX + 1];
    struct sky_invocation invocation = {.command = command};
    complete_table(command, table);
    sky_signal_ignore_pipe();
    enum sky_status status = sky_options_parse(&invocation.options, table, argc, argv, command->takes_config);
    if (status != SKY_OK)
        return sky_command_usage_error(command, invocation.options.message);
    if (invocation.options.help) {
        sky_command_print_help(command, stdout);
        return SKY_EXIT_OK;
    }
    int exit_code = check_arguments(&invocation);
    if (exit_code == SKY_EXIT_OK)
        exit_code = command->takes_config ? run_with_config(&invocation) : command->run(&invocation);
    if (fflush(stdout) != 0 && exit_code == SKY_EXIT_OK) /* a full disk must not look like success */
        exit_code = sky_command_output_failed(command->name, errno);
    return exit_code;
}
