#include "ops/options.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "ops/config.h"
#include "ops/nearest.h"

#define HELP_COLUMN     28 /* where the sentences begin */
#define HELP_LINE_WIDTH 100

static enum sky_status fail(struct sky_options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));
static enum sky_status fail(struct sky_options *options, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(options->message, sizeof options->message, format, arguments);
    va_end(arguments);
    return SKY_E_CONFIG;
}

static bool same_name(struct sky_span written, const char *name)
{
    size_t i = 0;
    for (; i < written.len && name[i]; i++)
        if (written.ptr[i] != (uint8_t)name[i] && !(written.ptr[i] == '_' && name[i] == '-'))
            return false;
    return i == written.len && !name[i];
}

static const struct sky_option *find(const struct sky_option *table, struct sky_span name)
{
    for (; table && table->name; table++)
        if (same_name(name, table->name))
            return table;
    return NULL;
}

static enum sky_status unknown(struct sky_options *options, const char *written, struct sky_span name)
{
    if (sky_span_equal(name, SKY_SPAN("help")))
        return fail(options, "--help takes no value");
    struct sky_nearest nearest;
    sky_nearest_init(&nearest, name);
    for (const struct sky_option *option = options->table; option && option->name; option++)
        sky_nearest_offer(&nearest, option->name);
    sky_nearest_offer(&nearest, "help");
    int shown = (int)strcspn(written, "=");
    if (nearest.best)
        return fail(options, "unknown option %.*s; did you mean --%s?", shown, written, nearest.best);
    return fail(options, "unknown option %.*s", shown, written);
}

static enum sky_status add_setting(struct sky_options *options, struct sky_span key, const char *value,
                                   const char *written)
{
    if (options->settings_count == SKY_OPTIONS_SETTINGS_MAX)
        return fail(options, "more than %d settings on the command line", SKY_OPTIONS_SETTINGS_MAX);
    options->settings[options->settings_count++] = (struct sky_option_setting){
        .key = (const char *)key.ptr, .key_len = key.len, .value = value, .written = written};
    return SKY_OK;
}

static enum sky_status set(struct sky_options *options, const struct sky_option *option, const char *text,
                           const char *written)
{
    size_t place = (size_t)(option - options->table);
    if (sky_value_parse(&option->rule, text, &options->values[place]) != SKY_OK) {
        struct sky_buffer allowed = {0};
        sky_value_rule_write(&option->rule, &allowed);
        enum sky_status status = fail(options, "--%s: '%.80s' is not %.*s", option->name, text, (int)allowed.len,
                                      allowed.ptr ? (const char *)allowed.ptr : "");
        sky_buffer_clean_up(&allowed);
        return status;
    }
    options->given[place] = true;
    return option->setting ? add_setting(options, sky_span_from_string(option->setting), text, written) : SKY_OK;
}

/* One place of argv that begins with '-', and what may be its value. */
struct argument {
    const char *written;
    const char *attached; /* behind the '=' or the letter; NULL: none */
    const char *next;     /* the place behind it; NULL at the end */
    bool took_next;
};

static enum sky_status take_option(struct sky_options *options, const struct sky_option *option,
                                   struct argument *argument)
{
    if (argument->attached)
        return set(options, option, argument->attached, argument->written);
    if (option->rule.type == SKY_VALUE_BOOL)
        return set(options, option, "true", argument->written);
    if (!argument->next)
        return fail(options, "--%s needs a value", option->name);
    argument->took_next = true;
    return set(options, option, argument->next, argument->written);
}

static enum sky_status take_setting(struct sky_options *options, struct sky_span key, struct argument *argument)
{
    argument->took_next = !argument->attached;
    const char *value = argument->attached ? argument->attached : argument->next;
    if (!value)
        return fail(options, "%s needs a value", argument->written);
    return add_setting(options, key, value, argument->written);
}

static enum sky_status take_long(struct sky_options *options, struct argument *argument, bool with_settings)
{
    struct sky_span name = sky_span_of(argument->written + 2, strcspn(argument->written + 2, "="));
    if (argument->written[2 + name.len])
        argument->attached = argument->written + 2 + name.len + 1;
    const struct sky_option *option = find(options->table, name);
    if (option)
        return take_option(options, option, argument);
    if (!argument->attached && sky_span_starts_with(name, SKY_SPAN("no-"))) {
        option = find(options->table, sky_span_from(name, 3));
        if (option && option->rule.type == SKY_VALUE_BOOL)
            return set(options, option, "false", argument->written);
    }
    if (with_settings && memchr(name.ptr, '.', name.len))
        return take_setting(options, name, argument);
    return unknown(options, argument->written, name);
}

static enum sky_status take_short(struct sky_options *options, struct argument *argument)
{
    const char *written = argument->written;
    const struct sky_option *option = options->table;
    while (option && option->name && option->letter != written[1])
        option++;
    if (!option || !option->name)
        return unknown(options, written, sky_span_from_string(written + 1));
    if (written[2] && option->rule.type == SKY_VALUE_BOOL)
        return fail(options, "-%c takes no value", written[1]);
    argument->attached = written[2] ? written + 2 : NULL;
    return take_option(options, option, argument);
}

static void set_defaults(struct sky_options *options)
{
    size_t place = 0;
    for (const struct sky_option *option = options->table; option && option->name; option++, place++) {
        assert(place < SKY_OPTIONS_MAX);
        enum sky_status status = SKY_OK;
        if (option->value)
            status = sky_value_parse(&option->rule, option->value, &options->values[place]);
        assert(status == SKY_OK); /* the table's own default */
        (void)status;
    }
}

enum sky_status sky_options_parse(struct sky_options *options, const struct sky_option *table, int argc, char **argv,
                                  bool with_settings)
{
    memset(options, 0, sizeof *options);
    options->table = table;
    options->arguments = argv;
    set_defaults(options);
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            options->help = true;
            return SKY_OK;
        }
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        struct argument argument = {.written = argv[i], .next = i + 1 < argc ? argv[i + 1] : NULL};
        enum sky_status status = SKY_OK;
        if (only_arguments || argv[i][0] != '-' || !argv[i][1])
            options->arguments[options->arguments_count++] = argv[i]; /* never past i: that place is read already */
        else if (strcmp(argv[i], "--") == 0)
            only_arguments = true;
        else if (argv[i][1] == '-')
            status = take_long(options, &argument, with_settings);
        else
            status = take_short(options, &argument);
        if (status != SKY_OK)
            return status;
        i += argument.took_next;
    }
    return SKY_OK;
}

static size_t place_of(const struct sky_options *options, const char *name)
{
    const struct sky_option *option = find(options->table, sky_span_from_string(name));
    assert(option && "an option that is not in the command's table");
    return (size_t)(option - options->table);
}

static const struct sky_value *value_of(const struct sky_options *options, const char *name, enum sky_value_type type)
{
    size_t place = place_of(options, name);
    assert(options->table[place].rule.type == type);
    (void)type;
    return &options->values[place];
}

bool sky_options_given(const struct sky_options *options, const char *name)
{
    return options->given[place_of(options, name)];
}

bool sky_options_bool(const struct sky_options *options, const char *name)
{
    return value_of(options, name, SKY_VALUE_BOOL)->boolean;
}

int64_t sky_options_int(const struct sky_options *options, const char *name)
{
    return value_of(options, name, SKY_VALUE_INT)->integer;
}

double sky_options_double(const struct sky_options *options, const char *name)
{
    return value_of(options, name, SKY_VALUE_DOUBLE)->number;
}

int64_t sky_options_size_bytes(const struct sky_options *options, const char *name)
{
    return value_of(options, name, SKY_VALUE_SIZE)->integer;
}

int64_t sky_options_duration_ms(const struct sky_options *options, const char *name)
{
    return value_of(options, name, SKY_VALUE_DURATION)->integer;
}

const char *sky_options_string(const struct sky_options *options, const char *name)
{
    return options->values[place_of(options, name)].string;
}

const char *sky_options_choice(const struct sky_options *options, const char *name)
{
    return value_of(options, name, SKY_VALUE_CHOICE)->string;
}

size_t sky_options_choice_place(const struct sky_options *options, const char *name)
{
    return (size_t)value_of(options, name, SKY_VALUE_CHOICE)->integer;
}

/* `text` broken at blanks into lines that begin at HELP_COLUMN; the first one is already there. */
static void write_wrapped(const char *text, struct sky_buffer *buffer)
{
    size_t column = HELP_COLUMN;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + len > HELP_LINE_WIDTH) {
            sky_buffer_printf(buffer, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            sky_buffer_put_string(buffer, " ");
            column++;
        }
        sky_buffer_put(buffer, text, len);
        column += len;
        text += len;
        while (*text == ' ')
            text++;
    }
    sky_buffer_put_string(buffer, "\n");
}

/* A short name of a setting takes what the setting takes. */
static const char *placeholder_of(const struct sky_option *option)
{
    size_t count;
    const struct sky_setting *settings = sky_settings(&count);
    if (option->placeholder)
        return option->placeholder;
    for (size_t i = 0; option->setting && i < count; i++)
        if (strcmp(settings[i].name, option->setting) == 0)
            return sky_value_placeholder(&settings[i].rule);
    return sky_value_placeholder(&option->rule);
}

void sky_options_help(const struct sky_option *table, struct sky_buffer *buffer)
{
    for (; table && table->name; table++) {
        size_t from = buffer->len;
        if (table->letter)
            sky_buffer_printf(buffer, "  -%c, --%s", table->letter, table->name);
        else
            sky_buffer_printf(buffer, "      --%s", table->name);
        if (table->rule.type != SKY_VALUE_BOOL)
            sky_buffer_printf(buffer, " %s", placeholder_of(table));
        size_t width = buffer->len - from;
        if (width + 2 > HELP_COLUMN)
            sky_buffer_printf(buffer, "\n%*s", HELP_COLUMN, "");
        else
            sky_buffer_printf(buffer, "%*s", (int)(HELP_COLUMN - width), "");
        struct sky_buffer sentence = {0};
        sky_buffer_put_string(&sentence, table->help);
        if (table->value)
            sky_buffer_printf(&sentence, " [default: %s]", table->value);
        sky_buffer_put_u8(&sentence, 0);
        write_wrapped(sentence.failed ? table->help : (const char *)sentence.ptr, buffer);
        sky_buffer_clean_up(&sentence);
    }
}
