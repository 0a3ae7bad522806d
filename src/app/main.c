/* main.c: the program `skytrend`: finds the subcommand and leaves the rest to it. */
#include <locale.h>
#include <string.h>

#include "app/command.h"

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8"); /* the terminal's width of characters; numbers stay as C writes them */
    if (argc < 2) {
        sky_program_print_help(stderr);
        return SKY_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        printf("skytrend %s\n", SKY_VERSION);
        return SKY_EXIT_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    const struct sky_command *command = sky_command_find(name);
    if (!command)
        return sky_unknown_command(name);
    return sky_command_call(command, argc - 2, argv + 2);
}
