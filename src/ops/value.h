/* value.h: what a person writes for a setting or an option, as a typed value.
 *
 * One grammar for the command line, the environment and the configuration file:
 *     bool      true false yes no on off 1 0
 *     int       a whole number; _ between digits is allowed
 *     double    a decimal number
 *     duration  a number and ms, s, m, h or d: 500ms 60s 10m 2h; kept in ms
 *     size      a number and B, KiB, MiB, GiB, TiB (1,024) or kB, MB, GB, TB (1,000), none for bytes: 16GiB; kept in B
 *     string    anything
 *     choice    one of the words of the rule, kept as its place in them
 *     list      words with commas between them; kept as that text, walked by sky_list_next
 *     secret    file:PATH, or the secret itself where others cannot read it; the value must not be shown
 *     secret URL  a URL, or file:PATH; no more of it than its host is shown
 *
 * Memory   nothing is allocated; string and list borrow the text they were parsed from. */
#ifndef SKY_OPS_VALUE_H
#define SKY_OPS_VALUE_H

#include "base/buffer.h"

enum sky_value_type {
    SKY_VALUE_BOOL,
    SKY_VALUE_INT,
    SKY_VALUE_DOUBLE,
    SKY_VALUE_DURATION,
    SKY_VALUE_SIZE,
    SKY_VALUE_STRING,
    SKY_VALUE_CHOICE,
    SKY_VALUE_LIST,
    SKY_VALUE_SECRET,
    SKY_VALUE_SECRET_URL
};

/* What is allowed. */
struct sky_value_rule {
    enum sky_value_type type;
    double min; /* of int, double, duration (ms) and size (B); min = max = 0: any that is not negative */
    double max;
    const char *choices; /* choice: "relay|jetstream"; list: the words allowed, or NULL for any */
};

struct sky_value {
    bool boolean;
    int64_t integer; /* int; duration in ms; size in bytes; place of a choice */
    double number;   /* double */
    const char *string;
};

/* SKY_E_CONFIG: not what the rule allows; sky_value_rule_write says what is. */
SKY_MUST_USE enum sky_status sky_value_parse(const struct sky_value_rule *rule, const char *text,
                                             struct sky_value *value);

/* What the rule allows, as the end of a sentence: "a whole number from 1 to 65535". */
void sky_value_rule_write(const struct sky_value_rule *rule, struct sky_buffer *buffer);

/* The value as one would write it: 600000 ms is "10m". */
void sky_value_write(const struct sky_value_rule *rule, const struct sky_value *value, struct sky_buffer *buffer);

/* The type as help names it: "DURATION", "relay|jetstream", ... */
const char *sky_value_placeholder(const struct sky_value_rule *rule);

/* The next word of a list, without the blanks around it; false at the end. Start with *rest = the list. */
bool sky_list_next(const char **rest, struct sky_span *word);

#endif
