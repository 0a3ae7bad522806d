/* options.h: the options of a command, from one table: parsed here, explained by sky_options_help.
 *
 *     static const struct sky_option options[] = {
 *         {.name = "duration", .rule.type = SKY_VALUE_DURATION, .help = "stop by itself after this time"},
 *         {.name = "to", .rule = {.type = SKY_VALUE_CHOICE, .choices = "json|hex"}, .value = "json", .help = "..."},
 *         {.name = "hex", .help = "each input line is one item in hex"}, // a flag
 *         {0},
 *     };
 *
 * On the command line: --name VALUE, --name=VALUE, -l VALUE; a flag stands alone, and --no-name takes it back; `--`
 * ends the options; `-` is an argument. '-' and '_' are the same in names. The last one given wins.
 *
 * Memory   values borrow argv and the table. Threads  none. */
#ifndef SKY_OPS_OPTIONS_H
#define SKY_OPS_OPTIONS_H

#include "ops/value.h"

#define SKY_OPTIONS_MAX          48 /* in one table */
#define SKY_OPTIONS_SETTINGS_MAX 64 /* settings given on one command line */
#define SKY_OPTIONS_MESSAGE_SIZE 384

struct sky_option {
    const char *name; /* without the dashes; NULL ends the table */
    char letter;      /* 0: none */
    struct sky_value_rule rule;
    const char *value;       /* the default as one would write it; NULL: none */
    const char *placeholder; /* what help calls the value; NULL: by its type */
    const char *setting;     /* the option is a short name of this setting (config.h), e.g. "http.port" */
    const char *help;        /* one sentence, lower case, without a full stop */
};

/* A setting of the configuration given as an option: --trend.min_z 6. */
struct sky_option_setting {
    const char *key; /* as in config.h when it came by a short name; else as typed, without the dashes */
    size_t key_len;
    const char *value;
    const char *written; /* the argument it came from, for messages */
};

struct sky_options {
    const struct sky_option *table;
    struct sky_value values[SKY_OPTIONS_MAX]; /* of the table's options, given or default */
    bool given[SKY_OPTIONS_MAX];
    struct sky_option_setting settings[SKY_OPTIONS_SETTINGS_MAX];
    size_t settings_count;
    bool help;        /* --help or -h was there: nothing else was checked */
    char **arguments; /* the rest, in order (a part of argv, reordered) */
    size_t arguments_count;
    char message[SKY_OPTIONS_MESSAGE_SIZE]; /* what was wrong, for a person */
};

/* Parse argv[0..argc), which begins behind the command's name. `with_settings`: --SECTION.KEY VALUE is taken as a
 * setting, unchecked. SKY_E_CONFIG: options->message says what is wrong, and the nearest known option. */
SKY_MUST_USE enum sky_status sky_options_parse(struct sky_options *options, const struct sky_option *table, int argc,
                                               char **argv, bool with_settings);

/* By name. A name or type that is not the table's is a caller bug and asserts. */
bool sky_options_given(const struct sky_options *options, const char *name);
bool sky_options_bool(const struct sky_options *options, const char *name);
int64_t sky_options_int(const struct sky_options *options, const char *name);
double sky_options_double(const struct sky_options *options, const char *name);
int64_t sky_options_duration_ms(const struct sky_options *options, const char *name);
int64_t sky_options_size_bytes(const struct sky_options *options, const char *name);
const char *sky_options_string(const struct sky_options *options, const char *name);  /* string, list; NULL: none */
const char *sky_options_choice(const struct sky_options *options, const char *name);  /* as in the table: "json" */
size_t sky_options_choice_place(const struct sky_options *options, const char *name); /* 0 is the first of `choices` */

/* The table as the lines of --help. */
void sky_options_help(const struct sky_option *table, struct sky_buffer *buffer);

#endif
