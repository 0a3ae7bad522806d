#include "app/command.h"

static int run(const struct sky_invocation *invocation)
{
    if (invocation->options.arguments_count == 0) {
        sky_program_print_help(stdout);
        return SKY_EXIT_OK;
    }
    const struct sky_command *command = sky_command_find(invocation->options.arguments[0]);
    if (!command)
        return sky_unknown_command(invocation->options.arguments[0]);
    sky_command_print_help(command, stdout);
    return SKY_EXIT_OK;
}

const struct sky_command sky_command_help = {
    .name = "help",
    .summary = "explain a command",
    .arguments = "[COMMAND]",
    .arguments_max = 1,
    .examples = (const char *const[]){"skytrend help run", NULL},
    .run = run,
};
