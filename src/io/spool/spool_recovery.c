/* What an open finds in the folder of a spool.
 *
 * The newest segment whose head and one batch are readable gives the tail: what stands behind its last whole batch was
 * never finished, and is cut off. Segments newer than that hold nothing that can be read; they are set aside. The
 * others are looked at by their heads alone: their damage is found when they are read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/host/folder.h"
#include "io/spool/spool_state.h"

#define POSITION_DIGITS 20
#define SERIAL_DIGITS   10
#define NAME_BYTES      (POSITION_DIGITS + 1 + SERIAL_DIGITS + 6) /* with ".spool" */

/* Exactly `count` digits. */
static bool read_digits(const char *from, int count, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (from[i] < '0' || from[i] > '9' || *value > SKY_SPOOL_POSITION_MAX)
            return false;
        *value = *value * 10 + (uint64_t)(from[i] - '0');
    }
    return *value <= SKY_SPOOL_POSITION_MAX;
}

static bool read_name(const char *name, struct sky_spool_segment *segment)
{
    *segment = (struct sky_spool_segment){0};
    return strlen(name) == NAME_BYTES && read_digits(name, POSITION_DIGITS, &segment->first_position) &&
           name[POSITION_DIGITS] == '-' && read_digits(name + POSITION_DIGITS + 1, SERIAL_DIGITS, &segment->serial) &&
           strcmp(name + POSITION_DIGITS + 1 + SERIAL_DIGITS, ".spool") == 0;
}

static int by_serial(const void *a, const void *b)
{
    const struct sky_spool_segment *left = a, *right = b;
    return (left->serial > right->serial) - (left->serial < right->serial);
}

static enum sky_status list_segments(struct sky_spool *spool, struct sky_spool_message *message)
{
    enum sky_status status = SKY_OK;
    DIR *folder = opendir(spool->directory);
    if (!folder) {
        sky_spool_say(message, "%s: %s", spool->directory, strerror(errno));
        return SKY_E_IO;
    }
    const struct dirent *entry;
    errno = 0;
    while (status == SKY_OK && (entry = readdir(folder)) != NULL) {
        struct sky_spool_segment segment;
        if (!read_name(entry->d_name, &segment))
            continue;
        if (spool->segments_count == SKY_SPOOL_SEGMENTS_MAX)
            status = SKY_E_LIMIT;
        else if (!sky_spool_add_segment(spool, &segment))
            status = SKY_E_MEMORY;
    }
    if (status == SKY_OK && errno)
        status = SKY_E_IO;
    if (status != SKY_OK)
        sky_spool_say(message, "%s: %s", spool->directory,
                      status == SKY_E_IO ? strerror(errno) : sky_status_name(status));
    closedir(folder);
    if (spool->segments_count)
        qsort(spool->segments, spool->segments_count, sizeof *spool->segments, by_serial);
    return status;
}

static enum sky_status fail(struct sky_spool_message *message, const char *path, enum sky_status status)
{
    if (status == SKY_E_IO)
        sky_spool_say(message, "%s: %s", path, strerror(errno));
    else if (status == SKY_E_UNSUPPORTED)
        sky_spool_say(message, "%s: written by another version of skytrend", path);
    else
        sky_spool_say(message, "%s: %s", path, sky_status_name(status));
    return status;
}

/* Its head and length. SKY_E_CHECKSUM: the head is not readable; SKY_E_UNSUPPORTED, SKY_E_IO. */
static enum sky_status read_head(const char *path, struct sky_spool_segment_head *head, uint64_t *bytes)
{
    uint8_t start[SKY_SPOOL_SEGMENT_HEAD_BYTES];
    struct stat info;
    /* Without waiting for the other end of a pipe, should it be one. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return SKY_E_IO;
    bool known = fstat(fd, &info) == 0;
    bool is_file = known && S_ISREG(info.st_mode);
    ssize_t got = is_file ? pread(fd, start, sizeof start, 0) : 0;
    enum sky_status status = !known || got < 0 ? SKY_E_IO : SKY_E_CHECKSUM;
    if (got == (ssize_t)sizeof start)
        status = sky_spool_segment_head_read(start, head);
    *bytes = is_file ? (uint64_t)info.st_size : 0;
    int error = errno;
    close(fd);
    errno = error;
    return status;
}

static enum sky_status read_heads(struct sky_spool *spool, struct sky_spool_message *message)
{
    spool->bytes = 0;
    /* From the newest: its id is the spool's. */
    for (size_t i = spool->segments_count; i-- > 0;) {
        struct sky_spool_segment *segment = &spool->segments[i];
        struct sky_spool_segment_head head;
        char path[SKY_SPOOL_PATH_SIZE];
        sky_spool_segment_path(spool, segment, path);
        enum sky_status status = read_head(path, &head, &segment->bytes);
        if (status != SKY_OK && status != SKY_E_CHECKSUM)
            return fail(message, path, status);
        if (status == SKY_OK && !spool->id)
            spool->id = head.id;
        segment->readable = status == SKY_OK && head.first_position == segment->first_position && head.id == spool->id;
        segment->event_time_ms = segment->readable ? head.event_time_ms : 0;
        spool->bytes += segment->bytes;
    }
    return SKY_OK;
}

/* Take the tail from its last whole batch, and cut off what stands behind it. *found: there is one. */
static enum sky_status take_tail(struct sky_spool *spool, const struct sky_spool_segment *segment, int fd, bool *found)
{
    struct sky_spool_scan scan = {0};
    struct sky_spool_batch batch;
    enum sky_status status;
    *found = false;
    sky_spool_scan_begin(&scan, fd, spool->id, segment->first_position);
    while ((status = sky_spool_scan_next(&scan, segment->bytes, &batch)) == SKY_OK) {
        sky_buffer_clear(&spool->tail_state);
        sky_buffer_put_span(&spool->tail_state, batch.state);
        if (spool->tail_state.failed)
            break;
        spool->next_position = batch.next_position;
        spool->event_time_ms = batch.event_time_ms;
        *found = true;
    }
    uint64_t good_end = scan.good_end;
    sky_spool_scan_clean_up(&scan);
    if (status != SKY_E_END)
        return status == SKY_OK ? SKY_E_MEMORY : status;
    if (*found && good_end < segment->bytes && (ftruncate(fd, (off_t)good_end) != 0 || fsync(fd) != 0))
        return SKY_E_IO;
    spool->bytes -= *found ? segment->bytes - good_end : 0;
    return SKY_OK;
}

/* The newest segment holds nothing that can be read: no longer one of the list. */
static enum sky_status set_aside(struct sky_spool *spool, const char *path, struct sky_spool_message *message)
{
    const struct sky_spool_segment *newest = &spool->segments[spool->segments_count - 1];
    char aside[SKY_SPOOL_PATH_SIZE + 16];
    snprintf(aside, sizeof aside, "%s.damaged", path);
    if (rename(path, aside) != 0)
        return fail(message, path, SKY_E_IO);
    sky_spool_say(message, "%s%s holds no whole batch: set aside as .damaged", message->text[0] ? "; " : "", path);
    spool->bytes -= newest->bytes;
    spool->segments_count--;
    int error = sky_folder_sync(spool->directory);
    errno = error;
    return error ? fail(message, spool->directory, SKY_E_IO) : SKY_OK;
}

/* Look for the tail in the newest segment. SKY_E_END: it is not there, and the segment is no more. */
static enum sky_status look_for_tail(struct sky_spool *spool, struct sky_spool_message *message)
{
    struct sky_spool_segment *newest = &spool->segments[spool->segments_count - 1];
    char path[SKY_SPOOL_PATH_SIZE];
    bool found = false;
    sky_spool_segment_path(spool, newest, path);
    if (newest->readable) {
        uint64_t bytes = spool->bytes;
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        enum sky_status status = fd < 0 ? SKY_E_IO : take_tail(spool, newest, fd, &found);
        if (status != SKY_OK)
            fail(message, path, status);
        if (status != SKY_OK || !found) {
            if (fd >= 0)
                close(fd);
            return status == SKY_OK ? set_aside(spool, path, message) == SKY_OK ? SKY_E_END : SKY_E_IO : status;
        }
        if (bytes > spool->bytes)
            sky_spool_say(message, "%s%s: %" PRIu64 " bytes of a batch that was not finished are cut off",
                          message->text[0] ? "; " : "", path, bytes - spool->bytes);
        newest->bytes -= bytes - spool->bytes;
        spool->fd = fd;
        spool->has_tail = true;
        return SKY_OK;
    }
    return set_aside(spool, path, message) == SKY_OK ? SKY_E_END : SKY_E_IO;
}

enum sky_status sky_spool_recover(struct sky_spool *spool, struct sky_spool_message *message)
{
    enum sky_status status = list_segments(spool, message);
    if (status == SKY_OK)
        status = read_heads(spool, message);
    if (status != SKY_OK)
        return status;
    if (spool->segments_count)
        spool->next_serial = spool->segments[spool->segments_count - 1].serial + 1;
    status = SKY_E_END;
    while (status == SKY_E_END && spool->segments_count)
        status = look_for_tail(spool, message);
    if (status == SKY_E_END)
        spool->id = 0; /* nothing is left of the spool it named */
    spool->released = spool->segments_count ? spool->segments[0].first_position : 0;
    return status == SKY_E_END ? SKY_OK : status;
}
