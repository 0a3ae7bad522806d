#include "io/host/onset_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/json_read.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

static enum sky_status read_counts(const struct sky_json_value *array, uint16_t *minutes, uint32_t *count)
{
    if (!array || array->type != SKY_JSON_ARRAY)
        return SKY_E_TYPE;
    if (array->count > SKY_ONSET_FILE_MINUTES_MAX)
        return SKY_E_LIMIT;
    const struct sky_json_value *item = array->count ? sky_json_first(array) : NULL;
    for (uint32_t i = 0; i < array->count; i++, item = sky_json_next(item)) {
        if (item->type != SKY_JSON_NUMBER || !item->is_integer || item->integer < 0 || item->integer > UINT16_MAX)
            return SKY_E_TYPE;
        minutes[i] = (uint16_t)item->integer;
    }
    *count = array->count;
    return SKY_OK;
}

static enum sky_status read_onset(const struct sky_json_value *value, struct sky_onset_file *file)
{
    struct sky_world_onset *onset = &file->onsets[file->count];
    uint16_t *before = file->minutes + (size_t)file->count * 2 * SKY_ONSET_FILE_MINUTES_MAX;
    uint16_t *after = before + SKY_ONSET_FILE_MINUTES_MAX;
    enum sky_status status = read_counts(sky_json_member(value, "before"), before, &onset->before_count);
    if (status == SKY_OK)
        status = read_counts(sky_json_member(value, "after"), after, &onset->after_count);
    if (status == SKY_OK && onset->before_count > 60)
        status = SKY_E_LIMIT; /* an hour is planned at its beginning: no onset may reach further back */
    onset->before = before;
    onset->after = after;
    file->count++;
    return status;
}

static enum sky_status read_document(const struct sky_json_document *document, struct sky_onset_file *file)
{
    const struct sky_json_value *events = sky_json_member(document->values, "events");
    if (!events || events->type != SKY_JSON_OBJECT)
        return SKY_E_TYPE;
    if (events->count > SKY_ONSET_FILE_ONSETS_MAX)
        return SKY_E_LIMIT;
    file->minutes = malloc((events->count + 1) * 2 * SKY_ONSET_FILE_MINUTES_MAX * sizeof *file->minutes);
    if (!file->minutes)
        return SKY_E_MEMORY;
    enum sky_status status = SKY_OK;
    const struct sky_json_value *key = events->count ? sky_json_first(events) : NULL;
    for (uint32_t i = 0; i < events->count && status == SKY_OK; i++) {
        const struct sky_json_value *value = sky_json_next(key);
        status = read_onset(value, file);
        key = sky_json_next(value);
    }
    return status;
}

static enum sky_status read_bytes(const char *path, struct sky_buffer *buffer)
{
    FILE *stream = fopen(path, "re");
    if (!stream)
        return SKY_E_IO;
    char chunk[65536];
    size_t len;
    while ((len = fread(chunk, 1, sizeof chunk, stream)) > 0 && buffer->len < FILE_BYTES_MAX)
        sky_buffer_put(buffer, chunk, len);
    bool failed = ferror(stream) != 0;
    fclose(stream);
    return failed ? SKY_E_IO : buffer->failed ? SKY_E_MEMORY : buffer->len >= FILE_BYTES_MAX ? SKY_E_LIMIT : SKY_OK;
}

enum sky_status sky_onset_file_read(const char *path, struct sky_onset_file *file)
{
    struct sky_buffer buffer = {0};
    struct sky_json_document document;
    struct sky_error error;
    *file = (struct sky_onset_file){.count = 0};
    sky_json_document_init(&document);
    enum sky_status status = read_bytes(path, &buffer);
    if (status == SKY_OK)
        status = sky_json_parse(&document, sky_buffer_span(&buffer), &error);
    if (status == SKY_OK)
        status = read_document(&document, file);
    sky_json_document_clean_up(&document);
    sky_buffer_clean_up(&buffer);
    if (status != SKY_OK)
        sky_onset_file_clean_up(file);
    return status;
}

void sky_onset_file_clean_up(struct sky_onset_file *file)
{
    free(file->minutes);
    *file = (struct sky_onset_file){.count = 0};
}
