#include "ops/value.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

/* Whole numbers up to here are exact in a double too, which the rules are written in. */
#define INTEGER_MAX 9007199254740992.0 /* 2^53 */

struct unit {
    const char *name;
    double factor;
};

/* From large to small: sky_value_write takes the first that divides. */
static const struct unit duration_units[] = {{"d", 86400e3}, {"h", 3600e3}, {"m", 60e3}, {"s", 1e3}, {"ms", 1}};
static const struct unit size_units[] = {{"TiB", 1099511627776.0},
                                         {"GiB", 1073741824.0},
                                         {"MiB", 1048576.0},
                                         {"KiB", 1024.0},
                                         {"B", 1},
                                         {"TB", 1e12},
                                         {"GB", 1e9},
                                         {"MB", 1e6},
                                         {"kB", 1e3},
                                         {"", 1}};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

bool sky_list_next(const char **rest, struct sky_span *word)
{
    const char *from = *rest;
    if (!from)
        return false;
    while (*from == ' ' || *from == ',')
        from++;
    if (!*from)
        return false;
    size_t len = strcspn(from, ",");
    *rest = from + len;
    while (len && from[len - 1] == ' ')
        len--;
    *word = sky_span_of(from, len);
    return true;
}

/* The place of `word` among "a|b|c"; -1 when it is not there. */
static int choice_place(const char *choices, struct sky_span word)
{
    int place = 0;
    for (const char *at = choices;; place++) {
        size_t len = strcspn(at, "|");
        if (sky_span_equal(word, sky_span_of(at, len)))
            return place;
        if (!at[len])
            return -1;
        at += len + 1;
    }
}

static bool parse_bool(const char *text, bool *value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcasecmp(text, words[i]) == 0) {
            *value = i & 1;
            return true;
        }
    return false;
}

/* A plain decimal number at the start of `text`: neither hex nor inf nor nan nor blanks, which strtod would take. */
static bool parse_number(const char *text, double *number, const char **end)
{
    const char *at = text + (*text == '-' || *text == '+');
    if (!(*at >= '0' && *at <= '9') || (at[0] == '0' && (at[1] | 0x20) == 'x'))
        return false;
    char *stop;
    *number = strtod(text, &stop);
    *end = stop;
    return isfinite(*number);
}

static bool parse_int(const char *text, int64_t *integer)
{
    bool negative = *text == '-';
    double value = 0; /* exact: it stops above 2^53 */
    const char *at = text + negative;
    if (!(*at >= '0' && *at <= '9'))
        return false;
    for (; *at; at++) {
        if (*at == '_' && at[1] >= '0' && at[1] <= '9')
            continue;
        if (!(*at >= '0' && *at <= '9'))
            return false;
        value = value * 10 + (*at - '0');
        if (value > INTEGER_MAX)
            return false;
    }
    *integer = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool parse_with_unit(const char *text, const struct unit *units, size_t count, int64_t *integer)
{
    double number;
    const char *unit;
    if (!parse_number(text, &number, &unit))
        return false;
    if (number == 0 && !*unit) { /* nothing needs no unit */
        *integer = 0;
        return true;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(unit, units[i].name) == 0) {
            double value = number * units[i].factor;
            *integer = fabs(value) <= INTEGER_MAX ? (int64_t)llround(value) : 0;
            return fabs(value) <= INTEGER_MAX && (*integer != 0 || number == 0);
        }
    return false;
}

static bool in_range(const struct sky_value_rule *rule, double value)
{
    if (rule->min == 0 && rule->max == 0)
        return value >= 0;
    return value >= rule->min && value <= rule->max;
}

static bool parse_double(const char *text, double *number)
{
    const char *end;
    return parse_number(text, number, &end) && !*end;
}

static bool list_allowed(const struct sky_value_rule *rule, const char *text)
{
    struct sky_span word;
    while (rule->choices && sky_list_next(&text, &word))
        if (choice_place(rule->choices, word) < 0)
            return false;
    return true;
}

enum sky_status sky_value_parse(const struct sky_value_rule *rule, const char *text, struct sky_value *value)
{
    *value = (struct sky_value){.string = text};
    bool ok = false;
    switch (rule->type) {
    case SKY_VALUE_BOOL: ok = parse_bool(text, &value->boolean); break;
    case SKY_VALUE_INT: ok = parse_int(text, &value->integer) && in_range(rule, (double)value->integer); break;
    case SKY_VALUE_DOUBLE: ok = parse_double(text, &value->number) && in_range(rule, value->number); break;
    case SKY_VALUE_DURATION:
        ok = parse_with_unit(text, duration_units, COUNT_OF(duration_units), &value->integer) &&
             in_range(rule, (double)value->integer);
        break;
    case SKY_VALUE_SIZE:
        ok = parse_with_unit(text, size_units, COUNT_OF(size_units), &value->integer) &&
             in_range(rule, (double)value->integer);
        break;
    case SKY_VALUE_STRING:
    case SKY_VALUE_SECRET:
    case SKY_VALUE_SECRET_URL: ok = true; break;
    case SKY_VALUE_CHOICE:
        value->integer = choice_place(rule->choices, sky_span_from_string(text));
        ok = value->integer >= 0;
        break;
    case SKY_VALUE_LIST: ok = list_allowed(rule, text); break;
    }
    return ok ? SKY_OK : SKY_E_CONFIG;
}

static void write_amount(const struct unit *units, size_t count, int64_t amount, struct sky_buffer *buffer)
{
    for (size_t i = 0; i < count; i++)
        if (amount && fmod((double)amount, units[i].factor) == 0) {
            sky_buffer_printf(buffer, "%.0f%s", (double)amount / units[i].factor, units[i].name);
            return;
        }
    sky_buffer_put_string(buffer, "0");
}

void sky_value_write(const struct sky_value_rule *rule, const struct sky_value *value, struct sky_buffer *buffer)
{
    switch (rule->type) {
    case SKY_VALUE_BOOL: sky_buffer_put_string(buffer, value->boolean ? "true" : "false"); break;
    case SKY_VALUE_INT: sky_buffer_printf(buffer, "%lld", (long long)value->integer); break;
    case SKY_VALUE_DOUBLE: sky_buffer_printf(buffer, "%.12g", value->number); break;
    case SKY_VALUE_DURATION: write_amount(duration_units, COUNT_OF(duration_units), value->integer, buffer); break;
    case SKY_VALUE_SIZE: write_amount(size_units, COUNT_OF(size_units), value->integer, buffer); break;
    case SKY_VALUE_STRING:
    case SKY_VALUE_CHOICE:
    case SKY_VALUE_LIST: sky_buffer_put_string(buffer, value->string ? value->string : ""); break;
    case SKY_VALUE_SECRET:
    case SKY_VALUE_SECRET_URL: break;
    }
}

static void write_bound(const struct sky_value_rule *rule, double bound, struct sky_buffer *buffer)
{
    struct sky_value value = {.integer = (int64_t)bound, .number = bound};
    sky_value_write(rule, &value, buffer);
}

void sky_value_rule_write(const struct sky_value_rule *rule, struct sky_buffer *buffer)
{
    static const char *const names[] = {
        [SKY_VALUE_BOOL] = "true or false",
        [SKY_VALUE_INT] = "a whole number",
        [SKY_VALUE_DOUBLE] = "a number",
        [SKY_VALUE_DURATION] = "a duration such as 500ms, 60s, 10m, 2h or 1d",
        [SKY_VALUE_SIZE] = "a size such as 512KiB, 64MiB or 16GiB",
        [SKY_VALUE_STRING] = "text",
        [SKY_VALUE_CHOICE] = "one of ",
        [SKY_VALUE_LIST] = "a list with commas between",
        [SKY_VALUE_SECRET] = "file:PATH; in the environment the secret itself too",
        [SKY_VALUE_SECRET_URL] = "a URL, or file:PATH of one",
    };
    sky_buffer_put_string(buffer, names[rule->type]);
    if (rule->type == SKY_VALUE_LIST && rule->choices)
        sky_buffer_put_string(buffer, ", out of ");
    if (rule->choices)
        for (const char *at = rule->choices; *at; at++)
            sky_buffer_put_string(buffer, *at == '|' ? ", " : (char[]){*at, 0});
    if (rule->type == SKY_VALUE_BOOL || rule->type >= SKY_VALUE_STRING)
        return;
    if (rule->min == 0 && rule->max == 0)
        return;
    sky_buffer_put_string(buffer, ", ");
    write_bound(rule, rule->min, buffer);
    sky_buffer_put_string(buffer, " to ");
    write_bound(rule, rule->max, buffer);
}

const char *sky_value_placeholder(const struct sky_value_rule *rule)
{
    switch (rule->type) {
    case SKY_VALUE_BOOL: return "BOOL";
    case SKY_VALUE_INT: return "N";
    case SKY_VALUE_DOUBLE: return "X";
    case SKY_VALUE_DURATION: return "DURATION";
    case SKY_VALUE_SIZE: return "SIZE";
    case SKY_VALUE_STRING: return "TEXT";
    case SKY_VALUE_CHOICE: return rule->choices;
    case SKY_VALUE_LIST: return "A,B,...";
    case SKY_VALUE_SECRET: return "file:PATH";
    case SKY_VALUE_SECRET_URL: return "URL";
    }
    return "VALUE";
}
