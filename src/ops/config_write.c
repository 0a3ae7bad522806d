/* The configuration as text: what is in effect (`skytrend config`), and what there is (docs/CONFIGURATION.md). */
#include "ops/config.h"
#include "wire/json_write.h"

#define VALUE_COLUMN  31
#define SOURCE_COLUMN 58

static void write_origin(const struct sky_config *config, const struct sky_config_origin *origin,
                         struct sky_buffer *buffer)
{
    switch (origin->layer) {
    case SKY_CONFIG_DEFAULT: sky_buffer_put_string(buffer, "default"); break;
    case SKY_CONFIG_FILE: sky_buffer_printf(buffer, "%s:%d", config->file, origin->line); break;
    case SKY_CONFIG_ENVIRONMENT: sky_buffer_put_string(buffer, "environment"); break;
    case SKY_CONFIG_FLAG: sky_buffer_put_string(buffer, "flag"); break;
    }
}

static void pad_to(struct sky_buffer *buffer, size_t line_from, size_t column)
{
    size_t width = buffer->len - line_from;
    sky_buffer_printf(buffer, "%*s", width < column ? (int)(column - width) : 2, "");
}

void sky_config_write_text(const struct sky_config *config, struct sky_buffer *buffer)
{
    size_t count;
    const struct sky_setting *settings = sky_settings(&count);
    for (size_t i = 0; i < count; i++) {
        size_t from = buffer->len;
        sky_buffer_put_string(buffer, settings[i].name);
        pad_to(buffer, from, VALUE_COLUMN);
        sky_buffer_put_string(buffer, config->origins[i].value);
        pad_to(buffer, from, SOURCE_COLUMN);
        write_origin(config, &config->origins[i], buffer);
        sky_buffer_put_string(buffer, "\n");
    }
}

static void write_json_value(struct sky_json_writer *json, const struct sky_setting *setting, const char *text)
{
    struct sky_value value;
    if (sky_value_parse(&setting->rule, text, &value) != SKY_OK) {
        sky_json_null(json);
        return;
    }
    struct sky_span word;
    switch (setting->rule.type) {
    case SKY_VALUE_BOOL: sky_json_bool(json, value.boolean); break;
    case SKY_VALUE_INT: sky_json_int(json, value.integer); break;
    case SKY_VALUE_DOUBLE: sky_json_double(json, value.number); break;
    case SKY_VALUE_LIST:
        sky_json_array(json);
        while (sky_list_next(&text, &word))
            sky_json_span(json, word);
        sky_json_end(json);
        break;
    case SKY_VALUE_DURATION:
    case SKY_VALUE_SIZE:
    case SKY_VALUE_STRING:
    case SKY_VALUE_SECRET:
    case SKY_VALUE_SECRET_URL:
    case SKY_VALUE_CHOICE: sky_json_string(json, text); break;
    }
}

void sky_config_write_json(const struct sky_config *config, struct sky_buffer *buffer)
{
    static const char *const layers[] = {"default", "file", "environment", "flag"};
    size_t count;
    const struct sky_setting *settings = sky_settings(&count);
    struct sky_json_writer json;
    sky_json_begin(&json, buffer);
    sky_json_object(&json);
    for (size_t i = 0; i < count; i++) {
        const struct sky_config_origin *origin = &config->origins[i];
        sky_json_key(&json, settings[i].name);
        sky_json_object(&json);
        sky_json_key(&json, "value");
        write_json_value(&json, &settings[i], origin->value);
        sky_json_key(&json, "source");
        sky_json_string(&json, layers[origin->layer]);
        if (origin->layer == SKY_CONFIG_FILE) {
            sky_json_key(&json, "file");
            sky_json_string(&json, config->file);
            sky_json_key(&json, "line");
            sky_json_int(&json, origin->line);
        }
        sky_json_end(&json);
    }
    sky_json_end(&json);
    sky_buffer_put_string(buffer, "\n");
}

static size_t section_len(const char *name)
{
    return strcspn(name, ".");
}

static void write_environment_name(const char *name, struct sky_buffer *buffer)
{
    sky_buffer_put_string(buffer, "SKYTREND_");
    for (; *name; name++)
        sky_buffer_put_u8(buffer, (uint8_t)(*name == '.' ? '_' : *name >= 'a' && *name <= 'z' ? *name - 32 : *name));
}

/* A choice's '|' would end the cell. */
static void write_cell(const char *text, struct sky_buffer *buffer)
{
    for (; *text; text++)
        sky_buffer_put_string(buffer, *text == '|' ? "\\|" : *text == ',' ? ", " : (char[]){*text, 0});
}

static void write_markdown_row(const struct sky_setting *setting, struct sky_buffer *buffer)
{
    struct sky_buffer allowed = {0};
    sky_value_rule_write(&setting->rule, &allowed);
    sky_buffer_printf(buffer, "| `%s` | `", setting->name);
    write_cell(setting->value, buffer);
    sky_buffer_put_string(buffer, "` | ");
    sky_buffer_put_span(buffer, sky_buffer_span(&allowed));
    sky_buffer_put_string(buffer, " | ");
    sky_buffer_put_string(buffer, setting->help);
    sky_buffer_put_string(buffer, " |\n");
    sky_buffer_clean_up(&allowed);
}

void sky_config_write_markdown(struct sky_buffer *buffer)
{
    size_t count;
    const struct sky_setting *settings = sky_settings(&count);
    sky_buffer_put_string(
        buffer,
        "<!-- Printed by `skytrend config --markdown`; a test fails when it is not what the program prints. -->\n\n"
        "# Configuration\n\n"
        "Every setting has a default, so none is needed. What is given counts in this order, the last one wins:\n\n"
        "1. the default below;\n"
        "2. a YAML file: `--config FILE`, or `skytrend.yaml` in the current folder when it is there;\n"
        "3. the environment: `trend.min_z` is `SKYTREND_TREND_MIN_Z`;\n"
        "4. a flag: `--trend.min_z 6`.\n\n"
        "`skytrend config` prints what is in effect and where each value comes from. An unknown setting, or a value\n"
        "that is not allowed, is an error that says where it stands and what is allowed.\n\n"
        "A secret is `file:PATH` (what the file holds, without the line break at its end). Only in the environment "
        "may\n"
        "it stand itself: a command line and a configuration file are read by too many. It is shown nowhere.\n"
        "A URL that may hold a secret may be `file:PATH` too, and no more of it than its host is shown.\n\n"
        "```yaml\n# skytrend.yaml\ntrend:\n  min_z: 6\n  languages: [en, ja]\nhttp:\n  port: 9000\n```\n");
    for (size_t i = 0; i < count; i++) {
        size_t len = section_len(settings[i].name);
        if (i == 0 || section_len(settings[i - 1].name) != len ||
            memcmp(settings[i - 1].name, settings[i].name, len) != 0)
            sky_buffer_printf(buffer, "\n## %.*s\n\n| setting | default | allowed | meaning |\n|---|---|---|---|\n",
                              (int)len, settings[i].name);
        write_markdown_row(&settings[i], buffer);
    }
    sky_buffer_put_string(buffer, "\n## Names in the environment\n\n");
    for (size_t i = 0; i < count; i++) {
        sky_buffer_put_string(buffer, i ? ", `" : "`");
        write_environment_name(settings[i].name, buffer);
        sky_buffer_put_string(buffer, "`");
    }
    sky_buffer_put_string(buffer, ".\n");
}
