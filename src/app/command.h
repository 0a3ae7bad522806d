/* command.h: a subcommand is one table: from it come the parsing, --help and the list of `help`.
 *
 * Each lives in src/app/NAME.c as `const struct sky_command sky_command_NAME`, and stands in the list of command.c.
 *
 *     static int run(const struct sky_invocation *invocation)
 *     {
 *         const char *file = invocation->options.arguments[0];
 *         if (sky_options_bool(&invocation->options, "hex")) ...
 *         return SKY_EXIT_OK;
 *     }
 *
 *     const struct sky_command sky_command_inspect = {
 *         .name = "inspect",
 *         .summary = "look into bytes of the protocol",
 *         .arguments = "FILE|-",
 *         .arguments_min = 1,
 *         .arguments_max = 1,
 *         .options = options,
 *         .examples = (const char *const[]){"skytrend inspect --as frame frame.bin", NULL},
 *         .run = run,
 *     };
 *
 * Results go to stdout, everything else to stderr. */
#ifndef SKY_APP_COMMAND_H
#define SKY_APP_COMMAND_H

#include <stdio.h>

#include "base/status.h"
#include "ops/options.h"

struct sky_config; /* ops/config.h */

enum sky_exit {
    SKY_EXIT_OK = 0,
    SKY_EXIT_FAILURE = 1, /* it could not be done, or the input is bad */
    SKY_EXIT_USAGE = 2    /* the command line or the configuration is wrong */
};

/* The enum sky_exit of a command that came so far: what a setting causes is the user's to mend. */
int sky_exit_of(enum sky_status status);

struct sky_invocation {
    const struct sky_command *command;
    struct sky_options options;
    const struct sky_config *config; /* NULL unless the command takes the configuration */
};

struct sky_command {
    const char *name;
    const char *summary;     /* one line, lower case, without a full stop */
    const char *description; /* paragraphs for --help, or NULL */
    const char *arguments;   /* "FILE", "[COMMAND]"; NULL: none */
    size_t arguments_min;
    size_t arguments_max;
    const struct sky_option *options; /* ends with {0}; NULL: none */
    const char *const *examples;      /* ends with NULL; a line that begins with # explains the next; NULL: none */
    bool takes_config;                /* --config FILE and --SECTION.KEY VALUE are allowed, and `config` is loaded */
    int (*run)(const struct sky_invocation *invocation); /* gives enum sky_exit */
};

/* All, in the order help lists them; ends with NULL. */
const struct sky_command *const *sky_commands(void);
const struct sky_command *sky_command_find(const char *name);

/* Parse argv[0..argc), load the configuration when it is wanted, run. argv[0] is the first word behind the name. */
int sky_command_call(const struct sky_command *command, int argc, char **argv);

void sky_command_print_help(const struct sky_command *command, FILE *out);
void sky_program_print_help(FILE *out);

/* Says that there is no such command, and which is near; gives SKY_EXIT_USAGE. */
int sky_unknown_command(const char *name);

/* Standard output of the command `name` cannot be written to; `error` is errno. A reader that went away, as `head`
 * does, is nobody looking any more: nothing is said, and it is SKY_EXIT_OK. Anything else is told, and
 * SKY_EXIT_FAILURE. */
int sky_command_output_failed(const char *name, int error);

/* "skytrend NAME: MESSAGE" and where help is, on stderr; gives SKY_EXIT_USAGE. */
int sky_command_usage_error(const struct sky_command *command, const char *message);

#endif
