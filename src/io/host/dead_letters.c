#include "io/host/dead_letters.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/host/recording.h"
#include "io/host/write_all.h"

struct sky_dead_letters {
    char path[PATH_MAX];
    char path_old[PATH_MAX];
    uint64_t room_bytes;
    bool lines;
    int fd; /* -1: not open */
    uint64_t length_bytes;
    struct sky_buffer buffer;
    char message[SKY_DEAD_LETTERS_MESSAGE_SIZE];
};

enum sky_status sky_dead_letters_new(const struct sky_dead_letters_options *options, struct sky_dead_letters **letters)
{
    struct sky_dead_letters *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    made->fd = -1;
    made->room_bytes = options->room_bytes;
    made->lines = options->lines;
    snprintf(made->path, sizeof made->path, "%s", options->path);
    snprintf(made->path_old, sizeof made->path_old, "%.*s.old", PATH_MAX - 5, options->path);
    *letters = made;
    return SKY_OK;
}

void sky_dead_letters_free(struct sky_dead_letters *letters)
{
    if (!letters)
        return;
    if (letters->fd >= 0)
        close(letters->fd);
    sky_buffer_clean_up(&letters->buffer);
    free(letters);
}

const char *sky_dead_letters_message(const struct sky_dead_letters *letters)
{
    return letters->message;
}

static enum sky_status fail(struct sky_dead_letters *letters, const char *what)
{
    snprintf(letters->message, sizeof letters->message, "%.300s: %s: %s", letters->path, what, strerror(errno));
    if (letters->fd >= 0)
        close(letters->fd);
    letters->fd = -1;
    return SKY_E_IO;
}

/* How much of a file of `size` bytes is whole letters of frames. */
static uint64_t whole_frames_bytes(int fd, uint64_t size)
{
    uint8_t prefix[SKY_RECORDING_RECEIPT_HEAD_BYTES];
    uint64_t at = SKY_RECORDING_MAGIC_BYTES;
    if (size < SKY_RECORDING_MAGIC_BYTES ||
        pread(fd, prefix, SKY_RECORDING_MAGIC_BYTES, 0) != SKY_RECORDING_MAGIC_BYTES ||
        memcmp(prefix, SKY_RECORDING_MAGIC, SKY_RECORDING_MAGIC_BYTES) != 0)
        return 0;
    while (at + SKY_RECORDING_RECEIPT_HEAD_BYTES <= size &&
           pread(fd, prefix, SKY_RECORDING_RECEIPT_HEAD_BYTES, (off_t)at) == SKY_RECORDING_RECEIPT_HEAD_BYTES) {
        uint64_t length = prefix[0] | (uint64_t)prefix[1] << 8 | (uint64_t)prefix[2] << 16 | (uint64_t)prefix[3] << 24;
        if (length > SKY_FRAME_SIZE_BYTES_MAX || at + SKY_RECORDING_RECEIPT_HEAD_BYTES + length > size)
            break;
        at += SKY_RECORDING_RECEIPT_HEAD_BYTES + length;
    }
    return at;
}

/* A line ends with its '\n'; one that does not was not finished. */
static uint64_t whole_lines_bytes(int fd, uint64_t size)
{
    uint8_t last;
    while (size > 0 && pread(fd, &last, 1, (off_t)size - 1) == 1 && last != '\n')
        size--;
    return size;
}

static enum sky_status open_file(struct sky_dead_letters *letters);

/* What is at `path` becomes the old one; a new file is begun. */
static enum sky_status begin_anew(struct sky_dead_letters *letters)
{
    if (rename(letters->path, letters->path_old) != 0)
        return fail(letters, "cannot be renamed");
    close(letters->fd);
    return open_file(letters);
}

static enum sky_status open_file(struct sky_dead_letters *letters)
{
    struct stat info;
    /* O_NONBLOCK: a pipe in its place must not hold up the stream. */
    letters->fd = open(letters->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
    if (letters->fd < 0 || fstat(letters->fd, &info) != 0)
        return fail(letters, "cannot be opened");
    uint64_t size = (uint64_t)info.st_size;
    letters->length_bytes = 0;
    if (size > letters->room_bytes)
        return begin_anew(letters); /* nor is it worth being searched to its end */
    letters->length_bytes =
        letters->lines ? whole_lines_bytes(letters->fd, size) : whole_frames_bytes(letters->fd, size);
    if (letters->length_bytes == 0 && size > 0)
        return begin_anew(letters); /* of no form that is known: not ours to cut */
    if (letters->length_bytes < size && ftruncate(letters->fd, (off_t)letters->length_bytes) != 0)
        return fail(letters, "cannot be cut to its last whole letter");
    return SKY_OK;
}

static enum sky_status make_room(struct sky_dead_letters *letters, uint64_t bytes)
{
    bool fits = letters->length_bytes == 0 || letters->length_bytes + bytes <= letters->room_bytes / 2;
    return fits ? SKY_OK : begin_anew(letters);
}

/* The letter as it stands in the file; the head of a new file before it. */
static void put_letter(struct sky_dead_letters *letters, struct sky_span letter, int64_t receipt_ms)
{
    struct sky_buffer *buffer = &letters->buffer;
    if (letters->lines) {
        sky_buffer_put_span(buffer, letter);
        sky_buffer_put_u8(buffer, '\n');
        return;
    }
    if (letters->length_bytes == 0)
        sky_buffer_put_string(buffer, SKY_RECORDING_MAGIC);
    sky_recording_put_receipt(buffer, letter, receipt_ms);
}

static enum sky_status write_buffer(struct sky_dead_letters *letters)
{
    if (sky_write_all(letters->fd, sky_buffer_span(&letters->buffer)) != SKY_OK)
        return fail(letters, "cannot be written"); /* opened again, the half letter is cut off */
    letters->length_bytes += letters->buffer.len;
    return SKY_OK;
}

enum sky_status sky_dead_letters_add(struct sky_dead_letters *letters, struct sky_span letter, int64_t receipt_ms)
{
    uint64_t bytes = (uint64_t)letter.len + SKY_RECORDING_RECEIPT_HEAD_BYTES + SKY_RECORDING_MAGIC_BYTES;
    if (bytes > letters->room_bytes / 2 || letter.len > SKY_FRAME_SIZE_BYTES_MAX)
        return SKY_E_LIMIT;
    if (letters->lines && (letter.len == 0 || memchr(letter.ptr, '\n', letter.len)))
        return SKY_E_LIMIT; /* not one line */
    enum sky_status status = letters->fd < 0 ? open_file(letters) : SKY_OK;
    if (status == SKY_OK)
        status = make_room(letters, bytes);
    if (status != SKY_OK)
        return status;
    sky_buffer_clear(&letters->buffer);
    put_letter(letters, letter, receipt_ms);
    return letters->buffer.failed ? SKY_E_MEMORY : write_buffer(letters);
}
