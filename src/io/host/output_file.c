#include "io/host/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/host/write_all.h"

struct sky_output_file {
    int fd;
    bool is_regular; /* can be cut and synced; a terminal or a pipe cannot */
    uint64_t length_bytes;
    struct sky_buffer buffer;
    char *path;
};

static enum sky_status fail(const char *path, const char *what, char message[SKY_OUTPUT_FILE_MESSAGE_SIZE])
{
    snprintf(message, SKY_OUTPUT_FILE_MESSAGE_SIZE, "%s: %s: %s", path, what, strerror(errno));
    return SKY_E_IO;
}

enum sky_status sky_output_file_open(const char *path, struct sky_output_file **file,
                                     char message[SKY_OUTPUT_FILE_MESSAGE_SIZE])
{
    struct sky_output_file *made = calloc(1, sizeof *made);
    if (!made || !(made->path = strdup(path))) {
        free(made);
        snprintf(message, SKY_OUTPUT_FILE_MESSAGE_SIZE, "no memory");
        return SKY_E_MEMORY;
    }
    bool is_stdout = strcmp(path, "-") == 0;
    made->fd = is_stdout ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    struct stat info;
    if (made->fd < 0 || fstat(made->fd, &info) != 0) {
        enum sky_status status = fail(path, "cannot be opened for writing", message);
        sky_output_file_close(made);
        return status;
    }
    char *full = is_stdout ? NULL : realpath(path, NULL);
    if (full) {
        free(made->path);
        made->path = full;
    }
    made->is_regular = !is_stdout && S_ISREG(info.st_mode);
    made->length_bytes = made->is_regular ? (uint64_t)info.st_size : 0;
    *file = made;
    return SKY_OK;
}

enum sky_status sky_output_file_resume(struct sky_output_file *file, uint64_t length_bytes,
                                       char message[SKY_OUTPUT_FILE_MESSAGE_SIZE])
{
    if (!file->is_regular)
        return SKY_OK;
    if (file->length_bytes < length_bytes) {
        snprintf(
            message, SKY_OUTPUT_FILE_MESSAGE_SIZE,
            "%s: has %llu bytes, but the checkpoint was made at %llu: put the file back, or begin anew without the "
            "checkpoint",
            file->path, (unsigned long long)file->length_bytes, (unsigned long long)length_bytes);
        return SKY_E_IO;
    }
    if (ftruncate(file->fd, (off_t)length_bytes) != 0)
        return fail(file->path, "cannot be cut back to the checkpoint", message);
    file->length_bytes = length_bytes;
    return SKY_OK;
}

struct sky_buffer *sky_output_file_buffer(struct sky_output_file *file)
{
    return &file->buffer;
}

enum sky_status sky_output_file_write(struct sky_output_file *file)
{
    if (file->buffer.failed)
        return SKY_E_MEMORY;
    enum sky_status status = sky_write_all(file->fd, sky_buffer_span(&file->buffer));
    if (status != SKY_OK)
        return status;
    file->length_bytes += file->buffer.len;
    file->buffer.len = 0;
    return SKY_OK;
}

enum sky_status sky_output_file_sync(struct sky_output_file *file)
{
    return !file->is_regular || fdatasync(file->fd) == 0 ? SKY_OK : SKY_E_IO;
}

uint64_t sky_output_file_length_bytes(const struct sky_output_file *file)
{
    return file->length_bytes;
}

const char *sky_output_file_path(const struct sky_output_file *file)
{
    return file->path;
}

void sky_output_file_close(struct sky_output_file *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    sky_buffer_clean_up(&file->buffer);
    free(file->path);
    free(file);
}
