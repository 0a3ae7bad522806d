#include "io/host/truth_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

struct sky_truth_file {
    FILE *stream;
    struct sky_buffer buffer;
    size_t written; /* events */
};

static enum sky_status flush(struct sky_truth_file *file)
{
    struct sky_buffer *buffer = &file->buffer;
    if (buffer->failed)
        return SKY_E_MEMORY;
    bool complete = fwrite(buffer->ptr, 1, buffer->len, file->stream) == buffer->len;
    buffer->len = 0;
    return complete && fflush(file->stream) == 0 ? SKY_OK : SKY_E_IO;
}

static void write_header(struct sky_buffer *buffer, const struct sky_world_options *options)
{
    struct sky_json_writer json;
    sky_json_begin(&json, buffer);
    sky_json_object(&json);
    sky_json_key(&json, "kind");
    sky_json_string(&json, "world");
    sky_json_key(&json, "version");
    sky_json_int(&json, SKY_WORLD_VERSION);
    sky_json_key(&json, "seed");
    sky_json_uint(&json, options->seed);
    sky_json_key(&json, "rate");
    sky_json_double(&json, options->rate);
    sky_json_key(&json, "bursts_per_hour");
    sky_json_double(&json, options->bursts_per_hour);
    sky_json_key(&json, "profile");
    sky_json_string(&json, sky_world_profile_name(options->profile));
    sky_json_key(&json, "start");
    sky_json_time(&json, options->start_ms);
    sky_json_key(&json, "hours");
    sky_json_uint(&json, options->hours);
    sky_json_end(&json);
    sky_buffer_put_u8(buffer, '\n');
}

/* Emptied only once it is ours: another process may be writing it. What cannot be locked or emptied is no file. */
static enum sky_status open_stream(const char *path, FILE **stream)
{
    *stream = strcmp(path, "-") == 0 ? stdout : fopen(path, "ae");
    if (!*stream)
        return SKY_E_IO;
    if (*stream == stdout)
        return SKY_OK;
    bool is_anothers = flock(fileno(*stream), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    int cut = is_anothers ? 0 : ftruncate(fileno(*stream), 0);
    (void)cut;
    if (is_anothers) {
        fclose(*stream);
        return SKY_E_FENCED;
    }
    return SKY_OK;
}

enum sky_status sky_truth_file_open(const char *path, const struct sky_world_options *options,
                                    struct sky_truth_file **out)
{
    struct sky_truth_file *file = calloc(1, sizeof *file);
    if (!file)
        return SKY_E_MEMORY;
    enum sky_status opened = open_stream(path, &file->stream);
    if (opened != SKY_OK) {
        free(file);
        return opened;
    }
    write_header(&file->buffer, options);
    enum sky_status status = flush(file);
    if (status != SKY_OK) {
        (void)!sky_truth_file_close(file);
        return status;
    }
    *out = file;
    return SKY_OK;
}

enum sky_status sky_truth_file_update(struct sky_truth_file *file, const struct sky_world *world)
{
    size_t count;
    const struct sky_world_event *events = sky_world_events(world, &count);
    if (file->written == count)
        return SKY_OK;
    for (; file->written < count; file->written++) {
        struct sky_json_writer json;
        sky_json_begin(&json, &file->buffer);
        sky_world_event_write(&json, &events[file->written]);
        sky_buffer_put_u8(&file->buffer, '\n');
    }
    return flush(file);
}

enum sky_status sky_truth_file_close(struct sky_truth_file *file)
{
    if (!file)
        return SKY_OK;
    bool failed = file->stream == stdout ? fflush(stdout) != 0 : fclose(file->stream) != 0;
    sky_buffer_clean_up(&file->buffer);
    free(file);
    return failed ? SKY_E_IO : SKY_OK;
}
