#include "app/flink_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/time.h"
#include "io/host/folder.h"
#include "io/host/write_all.h"
#include "wire/json_write.h"

#define VERSION        1
#define FILE_BYTES_MAX 8192

static enum sky_status say(char *message, enum sky_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum sky_status say(char *message, enum sky_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, SKY_FLINK_MEMORY_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- as JSON ---- */

static void write_json(const struct sky_flink_memory *memory, struct sky_buffer *buffer)
{
    struct sky_json_writer json;
    sky_json_begin(&json, buffer);
    sky_json_object(&json);
    sky_json_key(&json, "version");
    sky_json_int(&json, VERSION);
    sky_json_key(&json, "job");
    sky_json_string(&json, memory->job);
    sky_json_key(&json, "submitting");
    sky_json_string(&json, memory->submitting);
    sky_json_key(&json, "stopped");
    sky_json_bool(&json, memory->stopped);
    sky_json_key(&json, "checkpoint");
    sky_json_object(&json);
    sky_json_key(&json, "id");
    sky_json_int(&json, memory->checkpoint.id);
    sky_json_key(&json, "completed");
    sky_json_time(&json, memory->checkpoint.completed_ms);
    sky_json_key(&json, "path");
    sky_json_string(&json, memory->checkpoint.path);
    sky_json_end(&json);
    sky_json_end(&json);
    sky_buffer_put_string(buffer, "\n");
}

/* An id, or "" for none. */
static bool read_id(const struct sky_json_value *object, const char *key, char id[SKY_FLINK_ID_SIZE])
{
    const struct sky_json_value *value = sky_json_member(object, key);
    id[0] = 0;
    if (!value || value->type != SKY_JSON_STRING)
        return false;
    return !value->text.len || sky_flink_read_id(object, key, id) == SKY_OK;
}

static bool read_values(const struct sky_json_value *root, struct sky_flink_memory *memory)
{
    const struct sky_json_value *version = sky_json_member(root, "version");
    const struct sky_json_value *stopped = sky_json_member(root, "stopped");
    const struct sky_json_value *checkpoint = sky_json_member(root, "checkpoint");
    const struct sky_json_value *id = sky_json_member(checkpoint, "id");
    const struct sky_json_value *path = sky_json_member(checkpoint, "path");
    bool whole = version && version->type == SKY_JSON_NUMBER && version->integer == VERSION && stopped &&
                 stopped->type == SKY_JSON_BOOL && id && id->is_integer && path && path->type == SKY_JSON_STRING &&
                 path->text.len < SKY_FLINK_PATH_SIZE && read_id(root, "job", memory->job) &&
                 read_id(root, "submitting", memory->submitting);
    if (!whole)
        return false;
    memory->stopped = stopped->boolean;
    memory->checkpoint.id = id->integer;
    snprintf(memory->checkpoint.path, SKY_FLINK_PATH_SIZE, "%.*s", (int)path->text.len,
             path->text.len ? (const char *)path->text.ptr : "");
    return sky_time_parse(sky_json_member_text(checkpoint, "completed"), &memory->checkpoint.completed_ms) == SKY_OK;
}

static bool parse(struct sky_span text, struct sky_flink_memory *memory)
{
    struct sky_json_document document;
    struct sky_error error = {0};
    sky_json_document_init(&document);
    bool right = sky_json_parse(&document, text, &error) == SKY_OK && read_values(document.values, memory);
    sky_json_document_clean_up(&document);
    return right;
}

/* ---- the file ---- */

static enum sky_status load(struct sky_flink_memory *memory, char *message)
{
    char text[FILE_BYTES_MAX];
    FILE *file = fopen(memory->file, "rbe");
    if (!file && errno == ENOENT)
        return SKY_OK;
    size_t len = file ? fread(text, 1, sizeof text, file) : 0;
    bool failed = !file || ferror(file);
    int error = errno;
    if (file)
        fclose(file);
    if (failed)
        return say(message, SKY_E_IO, "%s: %s", memory->file, strerror(error));
    if (len == sizeof text || !parse(sky_span_of(text, len), memory))
        return say(message, SKY_E_MALFORMED,
                   "%s is damaged, so where the job was is not known: put it right by hand, or begin from nothing with "
                   "--reset-state",
                   memory->file);
    return SKY_OK;
}

static bool join(char to[PATH_MAX], const char *directory, const char *name)
{
    int len = snprintf(to, PATH_MAX, "%s/%s", directory, name);
    return len > 0 && len < PATH_MAX;
}

static enum sky_status take_lock(struct sky_flink_memory *memory, const char *path, char *message)
{
    memory->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (memory->lock < 0)
        return say(message, SKY_E_IO, "%s: %s", path, strerror(errno));
    if (flock(memory->lock, LOCK_EX | LOCK_NB) != 0)
        return say(message, SKY_E_DUPLICATE,
                   "another `flink watch` uses %s: stop it, or give this one a data.directory", memory->folder);
    return SKY_OK;
}

static enum sky_status put_aside(struct sky_flink_memory *memory, char *message)
{
    char old[PATH_MAX];
    if (!join(old, memory->folder, "flink-watch.json.old"))
        return say(message, SKY_E_IO, "data.directory is too long");
    if (rename(memory->file, old) != 0 && errno != ENOENT)
        return say(message, SKY_E_IO, "%s: %s", memory->file, strerror(errno));
    return SKY_OK;
}

enum sky_status sky_flink_memory_open(const char *directory, bool reset, struct sky_flink_memory *memory,
                                      char message[SKY_FLINK_MEMORY_MESSAGE_SIZE])
{
    char lock[PATH_MAX];
    *memory = (struct sky_flink_memory){.lock = -1};
    snprintf(memory->folder, sizeof memory->folder, "%s", directory);
    if (!join(memory->file, directory, "flink-watch.json") ||
        !join(memory->temporary, directory, "flink-watch.json.new") || !join(lock, directory, "flink-watch.lock"))
        return say(message, SKY_E_IO, "data.directory is too long");
    int error = sky_folder_make(directory);
    if (error)
        return say(message, SKY_E_IO, "%s: %s", directory, strerror(error));
    enum sky_status status = take_lock(memory, lock, message);
    if (status != SKY_OK)
        return status;
    return reset ? put_aside(memory, message) : load(memory, message);
}

void sky_flink_memory_close(struct sky_flink_memory *memory)
{
    if (memory->lock >= 0)
        close(memory->lock);
    memory->lock = -1;
}

/* 0 or errno. */
static int write_file(const char *path, struct sky_span bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), error = 0;
    if (fd < 0)
        return errno;
    if (sky_write_all(fd, bytes) != SKY_OK || fsync(fd) != 0)
        error = errno;
    if (close(fd) != 0 && !error)
        error = errno;
    return error;
}

enum sky_status sky_flink_memory_save(struct sky_flink_memory *memory, char message[SKY_FLINK_MEMORY_MESSAGE_SIZE])
{
    struct sky_buffer text = {0};
    write_json(memory, &text);
    int error = text.failed ? ENOMEM : write_file(memory->temporary, sky_buffer_span(&text));
    if (!error && rename(memory->temporary, memory->file) != 0)
        error = errno;
    if (!error)
        error = sky_folder_sync(memory->folder);
    sky_buffer_clean_up(&text);
    return error ? say(message, SKY_E_IO, "%s: %s", memory->file, strerror(error)) : SKY_OK;
}
