#include "stage/options_json.h"

#include <stddef.h>
#include <stdlib.h>

#include "engine/sample.h"
#include "wire/json_read.h"

#define NUMBER_TEXT_SIZE 64

enum field_type { FIELD_NUMBER, FIELD_REAL, FIELD_BOOL };

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    uint32_t max; /* of a number */
};

#define FIELD(name, type, max)                                                                                         \
    {                                                                                                                  \
#name, type, offsetof(struct sky_engine_options, name), max                                                    \
    }

static const struct field fields[] = {
    FIELD(window_minutes, FIELD_NUMBER, SKY_SLIDING_WINDOW_MINUTES_MAX),
    FIELD(min_frequency, FIELD_NUMBER, INT32_MAX),
    FIELD(min_authors, FIELD_NUMBER, INT32_MAX),
    FIELD(min_growth, FIELD_REAL, 0),
    FIELD(min_z, FIELD_REAL, 0),
    FIELD(z_literal, FIELD_BOOL, 0),
    FIELD(rank_recurring, FIELD_BOOL, 0),
    FIELD(top_keywords, FIELD_NUMBER, 10000),
    FIELD(samples, FIELD_NUMBER, SKY_SAMPLES_MAX),
    FIELD(keep_labelled, FIELD_BOOL, 0),
    FIELD(activity_minutes, FIELD_NUMBER, SKY_SLIDING_WINDOW_MINUTES_MAX),
    FIELD(session_gap_minutes, FIELD_NUMBER, SKY_SLIDING_WINDOW_MINUTES_MAX),
};

static bool read_real(struct sky_span text, double *real)
{
    char copy[NUMBER_TEXT_SIZE], *end;
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *real = strtod(copy, &end);
    return !*end && *real >= 0 && *real < 1e9;
}

static bool read_field(const struct field *field, const struct sky_json_value *value,
                       struct sky_engine_options *options)
{
    uint8_t *at = (uint8_t *)options + field->offset;
    double real;
    switch (field->type) {
    case FIELD_NUMBER: {
        uint32_t number = (uint32_t)value->integer;
        memcpy(at, &number, sizeof number);
        return value->type == SKY_JSON_NUMBER && value->is_integer && value->integer >= 0 &&
               value->integer <= field->max;
    }
    case FIELD_REAL:
        if (value->type != SKY_JSON_NUMBER || !read_real(value->text, &real))
            return false;
        memcpy(at, &real, sizeof real);
        return true;
    case FIELD_BOOL: memcpy(at, &value->boolean, sizeof value->boolean); return value->type == SKY_JSON_BOOL;
    }
    return false;
}

/* The names, into the copy. */
static bool read_languages(const struct sky_json_value *value, struct sky_engine_options_copy *options)
{
    if (value->type != SKY_JSON_ARRAY || value->count >= SKY_ENGINE_LANGUAGES_MAX)
        return false;
    const struct sky_json_value *name = sky_json_first(value);
    for (uint32_t i = 0; i < value->count; i++, name = sky_json_next(name)) {
        char *to = options->language_names[i];
        if (name->type != SKY_JSON_STRING || name->text.len >= SKY_LANGUAGE_NAME_SIZE)
            return false;
        memcpy(to, name->text.ptr, name->text.len);
        to[name->text.len] = '\0';
        options->options.languages[i] = to;
    }
    options->options.languages_count = value->count;
    return true;
}

static bool read_member(struct sky_span name, const struct sky_json_value *value,
                        struct sky_engine_options_copy *options)
{
    if (sky_span_equal(name, SKY_SPAN("languages")))
        return read_languages(value, options);
    if (sky_span_equal(name, SKY_SPAN("hash_key"))) {
        options->options.hash_key = (uint64_t)value->integer;
        return value->type == SKY_JSON_NUMBER && value->is_integer;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (sky_span_equal(name, sky_span_from_string(fields[i].name)))
            return read_field(&fields[i], value, &options->options);
    return false;
}

static void read_members(const struct sky_json_value *object, struct sky_engine_options_copy *options,
                         struct sky_error *error)
{
    if (object->type != SKY_JSON_OBJECT) {
        *error = (struct sky_error){SKY_E_CONFIG, 0, "options that are no JSON object"};
        return;
    }
    const struct sky_json_value *name = sky_json_first(object);
    for (uint32_t i = 0; i < object->count; i++) {
        const struct sky_json_value *value = sky_json_next(name);
        if (!read_member(name->text, value, options)) {
            *error = (struct sky_error){SKY_E_CONFIG, name->offset, "an unknown option, or a value out of its range"};
            return;
        }
        name = sky_json_next(value);
    }
}

enum sky_status sky_engine_options_read(struct sky_span json, struct sky_engine_options_copy *options,
                                        struct sky_error *error)
{
    struct sky_json_document document;
    struct sky_engine_options defaults;
    const char *reason;
    sky_engine_options_default(&defaults);
    sky_engine_options_copy(options, &defaults);
    sky_json_document_init(&document);
    *error = (struct sky_error){0};
    if (sky_json_parse(&document, json, error) == SKY_OK)
        read_members(document.values, options, error);
    sky_json_document_clean_up(&document);
    if (error->status == SKY_OK && sky_engine_options_check(&options->options, &reason) != SKY_OK)
        *error = (struct sky_error){SKY_E_CONFIG, 0, reason};
    return error->status;
}
