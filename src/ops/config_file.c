#include "ops/config_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#define DEPTH_MAX 4 /* sections within sections */
#define NAME_SIZE 128

/* Where the walk through the file's events stands. */
struct walk {
    struct sky_config *config;
    struct sky_config_message *message;
    const char *file;
    yaml_parser_t parser;
    char name[NAME_SIZE];       /* the sections that are open and the key, with dots between */
    size_t sections[DEPTH_MAX]; /* length of `name` up to each open section */
    size_t depth;
    int lines[SKY_CONFIG_SETTINGS_MAX]; /* where each setting was set; 0: not yet */
};

static enum sky_status fail(struct walk *walk, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static enum sky_status fail(struct walk *walk, int line, const char *format, ...)
{
    int len = snprintf(walk->message->text, sizeof walk->message->text, "%.200s:%d: ", walk->file, line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(walk->message->text + len, sizeof walk->message->text - (size_t)len, format, arguments);
    va_end(arguments);
    return SKY_E_CONFIG;
}

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static enum sky_status next_event(struct walk *walk, yaml_event_t *event)
{
    if (yaml_parser_parse(&walk->parser, event))
        return SKY_OK;
    int line = (int)walk->parser.problem_mark.line + 1;
    if (walk->parser.error == YAML_MEMORY_ERROR)
        return SKY_E_MEMORY;
    return fail(walk, line, "not YAML: %s", walk->parser.problem ? walk->parser.problem : "unreadable");
}

/* Like next_event, but nothing that has an anchor or a tag. */
static enum sky_status next_plain_event(struct walk *walk, yaml_event_t *event)
{
    enum sky_status status = next_event(walk, event);
    if (status != SKY_OK)
        return status;
    bool special = event->type == YAML_ALIAS_EVENT;
    if (event->type == YAML_SCALAR_EVENT)
        special = event->data.scalar.anchor || event->data.scalar.tag;
    if (event->type == YAML_MAPPING_START_EVENT)
        special = event->data.mapping_start.anchor || event->data.mapping_start.tag;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        special = event->data.sequence_start.anchor || event->data.sequence_start.tag;
    if (!special)
        return SKY_OK;
    status = fail(walk, line_of(event), "anchors, aliases and tags are not supported");
    yaml_event_delete(event);
    return status;
}

static struct sky_span scalar(const yaml_event_t *event)
{
    return sky_span_of(event->data.scalar.value, event->data.scalar.length);
}

static size_t name_len(const struct walk *walk)
{
    return strlen(walk->name);
}

/* Append a key to the name of the section that is open. */
static enum sky_status enter_key(struct walk *walk, const yaml_event_t *event)
{
    struct sky_span key = scalar(event);
    size_t base = walk->depth ? walk->sections[walk->depth - 1] : 0;
    if (base + key.len + 2 > NAME_SIZE || memchr(key.ptr, 0, key.len))
        return fail(walk, line_of(event), "the name of a setting is too long");
    if (base)
        walk->name[base++] = '.';
    memcpy(walk->name + base, key.ptr, key.len);
    walk->name[base + key.len] = 0;
    return SKY_OK;
}

/* True when settings begin with the name, so that it may stand without a value: "trend:" and nothing inside. */
static bool is_section(const struct walk *walk)
{
    size_t count, len = name_len(walk);
    const struct sky_setting *settings = sky_settings(&count);
    for (size_t i = 0; i < count; i++)
        if (strncmp(settings[i].name, walk->name, len) == 0 && settings[i].name[len] == '.')
            return true;
    return false;
}

static enum sky_status refuse_repeated(struct walk *walk, int line)
{
    size_t count;
    const struct sky_setting *settings = sky_settings(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].name, walk->name) == 0) {
            if (walk->lines[i])
                return fail(walk, line, "%s is set twice, first in line %d", walk->name, walk->lines[i]);
            walk->lines[i] = line;
        }
    return SKY_OK;
}

static enum sky_status assign(struct walk *walk, struct sky_span value, int line)
{
    enum sky_status status = refuse_repeated(walk, line);
    if (status != SKY_OK)
        return status;
    if (memchr(value.ptr, 0, value.len))
        return fail(walk, line, "%s holds a NUL character", walk->name);
    char where[280];
    snprintf(where, sizeof where, "%.200s:%d", walk->file, line);
    struct sky_config_assignment assignment = {.name = sky_span_from_string(walk->name),
                                               .value = value,
                                               .layer = SKY_CONFIG_FILE,
                                               .line = line,
                                               .where = where};
    return sky_config_assign(walk->config, &assignment, walk->message);
}

static enum sky_status append_item(struct walk *walk, const yaml_event_t *event, struct sky_buffer *list)
{
    if (event->type != YAML_SCALAR_EVENT)
        return fail(walk, line_of(event), "%s is a list of words, nothing inside them", walk->name);
    struct sky_span item = scalar(event);
    if (memchr(item.ptr, ',', item.len))
        return fail(walk, line_of(event), "%s: a word of the list has a comma in it", walk->name);
    if (list->len)
        sky_buffer_put_u8(list, ',');
    sky_buffer_put_span(list, item);
    return list->failed ? SKY_E_MEMORY : SKY_OK;
}

/* The items of a sequence, joined as the flag would have them. */
static enum sky_status read_list(struct walk *walk, int line)
{
    struct sky_buffer list = {0};
    sky_buffer_put_u8(&list, 0); /* so that an empty list has a pointer; not part of it */
    list.len = 0;
    enum sky_status status = SKY_OK;
    for (bool open = true; open && status == SKY_OK;) {
        yaml_event_t event;
        status = next_plain_event(walk, &event);
        if (status != SKY_OK)
            break;
        open = event.type != YAML_SEQUENCE_END_EVENT;
        if (open)
            status = append_item(walk, &event, &list);
        yaml_event_delete(&event);
    }
    if (status == SKY_OK)
        status = assign(walk, sky_buffer_span(&list), line);
    sky_buffer_clean_up(&list);
    return status;
}

/* What stands behind the key in walk->name. */
static enum sky_status read_value(struct walk *walk)
{
    yaml_event_t event;
    enum sky_status status = next_plain_event(walk, &event);
    if (status != SKY_OK)
        return status;
    int line = line_of(&event);
    if (event.type == YAML_SEQUENCE_START_EVENT)
        status = read_list(walk, line);
    else if (event.type == YAML_MAPPING_START_EVENT && walk->depth == DEPTH_MAX)
        status = fail(walk, line, "sections are nested too deep");
    else if (event.type == YAML_MAPPING_START_EVENT)
        walk->sections[walk->depth++] = name_len(walk);
    else if (event.data.scalar.length > 0 || !is_section(walk))
        status = assign(walk, scalar(&event), line);
    yaml_event_delete(&event);
    return status;
}

/* From behind the start of the outermost mapping to its end. */
static enum sky_status read_mapping(struct walk *walk)
{
    for (;;) {
        yaml_event_t event;
        enum sky_status status = next_plain_event(walk, &event);
        if (status != SKY_OK)
            return status;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end && event.type != YAML_SCALAR_EVENT)
            status = fail(walk, line_of(&event), "the name of a setting is missing");
        else if (!end)
            status = enter_key(walk, &event);
        yaml_event_delete(&event);
        if (!end && status == SKY_OK)
            status = read_value(walk);
        if (status != SKY_OK || (end && walk->depth == 0))
            return status;
        walk->depth -= end;
    }
}

static enum sky_status read_document(struct walk *walk)
{
    bool seen = false;
    for (;;) {
        yaml_event_t event;
        enum sky_status status = next_plain_event(walk, &event);
        if (status != SKY_OK)
            return status;
        yaml_event_type_t type = event.type;
        int line = line_of(&event);
        bool empty = type == YAML_SCALAR_EVENT && event.data.scalar.length == 0;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return SKY_OK;
        if (type == YAML_DOCUMENT_START_EVENT && seen)
            return fail(walk, line, "a second document begins here");
        seen = seen || type == YAML_DOCUMENT_START_EVENT;
        if (type == YAML_MAPPING_START_EVENT)
            status = read_mapping(walk);
        else if ((type == YAML_SCALAR_EVENT && !empty) || type == YAML_SEQUENCE_START_EVENT)
            status = fail(walk, line, "the file must hold sections, such as `trend:`");
        if (status != SKY_OK)
            return status;
    }
}

static enum sky_status read_bytes(struct walk *walk, struct sky_buffer *text)
{
    FILE *file = fopen(walk->file, "re");
    if (!file) {
        snprintf(walk->message->text, sizeof walk->message->text, "%.300s: %s", walk->file, strerror(errno));
        return SKY_E_IO;
    }
    enum sky_status status = SKY_E_MEMORY;
    if (sky_buffer_reserve(text, SKY_CONFIG_FILE_BYTES_MAX + 1)) {
        text->len = fread(text->ptr, 1, SKY_CONFIG_FILE_BYTES_MAX + 1, file);
        status = ferror(file) ? SKY_E_IO : SKY_OK;
    }
    if (status == SKY_E_IO)
        snprintf(walk->message->text, sizeof walk->message->text, "%.300s: %s", walk->file, strerror(errno));
    if (status == SKY_OK && text->len > SKY_CONFIG_FILE_BYTES_MAX)
        status = fail(walk, 1, "a configuration of more than %zu bytes", SKY_CONFIG_FILE_BYTES_MAX);
    fclose(file);
    return status;
}

enum sky_status sky_config_file_read(struct sky_config *config, const char *file, struct sky_config_message *message)
{
    struct walk walk = {.config = config, .message = message, .file = file};
    struct sky_buffer text = {0};
    snprintf(config->file, sizeof config->file, "%s", file);
    enum sky_status status = read_bytes(&walk, &text);
    if (status == SKY_OK && !yaml_parser_initialize(&walk.parser))
        status = SKY_E_MEMORY;
    else if (status == SKY_OK) {
        yaml_parser_set_input_string(&walk.parser, text.ptr, text.len);
        status = read_document(&walk);
        yaml_parser_delete(&walk.parser);
    }
    sky_buffer_clean_up(&text);
    return status;
}
