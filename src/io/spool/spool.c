#include "io/spool/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/host/folder.h"
#include "io/host/thread.h"
#include "io/host/write_all.h"
#include "io/spool/spool_state.h"

#define LOCK_NAME    "lock"
#define SEGMENTS_MIN 8 /* in the whole room: the newest, which is never removed, shall not be all of it */

void sky_spool_say(struct sky_spool_message *message, const char *format, ...)
{
    size_t len = strlen(message->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message->text + len, sizeof message->text - len, format, arguments);
    va_end(arguments);
}

void sky_spool_segment_path(const struct sky_spool *spool, const struct sky_spool_segment *segment,
                            char path[SKY_SPOOL_PATH_SIZE])
{
    snprintf(path, SKY_SPOOL_PATH_SIZE, "%.*s/%020" PRIu64 "-%010" PRIu64 ".spool",
             SKY_SPOOL_PATH_SIZE - SKY_SPOOL_NAME_SIZE - 2, spool->directory, segment->first_position, segment->serial);
}

bool sky_spool_add_segment(struct sky_spool *spool, const struct sky_spool_segment *segment)
{
    if (spool->segments_count == spool->segments_capacity) {
        size_t capacity = spool->segments_capacity ? 2 * spool->segments_capacity : 16;
        struct sky_spool_segment *grown = realloc(spool->segments, capacity * sizeof *grown);
        if (!grown)
            return false;
        spool->segments = grown;
        spool->segments_capacity = capacity;
    }
    spool->segments[spool->segments_count++] = *segment;
    spool->bytes += segment->bytes;
    return true;
}

/* ---- opening ---- */

/* Who holds it, as that process wrote it; digits only, since anything may stand there. 0: unknown. */
static long holder(int fd)
{
    char text[16] = "";
    return pread(fd, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static enum sky_status take_lock(struct sky_spool *spool, struct sky_spool_message *message)
{
    char path[SKY_SPOOL_PATH_SIZE], text[16];
    snprintf(path, sizeof path, "%.*s/" LOCK_NAME, SKY_SPOOL_PATH_SIZE - SKY_SPOOL_NAME_SIZE, spool->directory);
    spool->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (spool->lock_fd < 0) {
        sky_spool_say(message, "%s: %s", path, strerror(errno));
        return SKY_E_IO;
    }
    if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        long pid = holder(spool->lock_fd);
        sky_spool_say(message, "%s: another skytrend uses this spool", spool->directory);
        if (pid > 0)
            sky_spool_say(message, " (process %ld)", pid);
        return SKY_E_DUPLICATE;
    }
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(spool->lock_fd, 0) != 0 || pwrite(spool->lock_fd, text, (size_t)len, 0) != len)
        return SKY_OK; /* on a full disk the lock holds all the same */
    return SKY_OK;
}

static enum sky_status open_folder(struct sky_spool *spool, struct sky_spool_message *message)
{
    int error = sky_folder_make(spool->directory);
    if (error) {
        sky_spool_say(message, "%s: %s", spool->directory, strerror(error));
        return SKY_E_IO;
    }
    enum sky_status status = take_lock(spool, message);
    return status == SKY_OK ? sky_spool_recover(spool, message) : status;
}

static struct sky_spool *make_spool(const struct sky_spool_options *options)
{
    struct sky_spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return NULL;
    snprintf(spool->directory, sizeof spool->directory, "%s", options->directory);
    spool->room_bytes = options->room_bytes ? options->room_bytes : SKY_SPOOL_ROOM_BYTES;
    spool->segment_bytes = options->segment_bytes ? options->segment_bytes : SKY_SPOOL_SEGMENT_BYTES;
    if (spool->segment_bytes > spool->room_bytes / SEGMENTS_MIN)
        spool->segment_bytes = spool->room_bytes / SEGMENTS_MIN;
    spool->keep_ms = options->keep_ms;
    spool->lock_fd = -1;
    spool->fd = -1;
    pthread_mutex_init(&spool->mutex, NULL);
    sky_thread_condition_init(&spool->grown);
    return spool;
}

static void clear_pending(struct sky_spool *spool)
{
    static const uint8_t heads[SKY_SPOOL_PENDING_HEAD_BYTES];
    sky_buffer_clear(&spool->pending);
    sky_buffer_put(&spool->pending, heads, sizeof heads);
    spool->pending_count = 0;
}

enum sky_status sky_spool_open(const struct sky_spool_options *options, struct sky_spool **out,
                               struct sky_spool_message *message)
{
    *out = NULL;
    message->text[0] = 0;
    if (strlen(options->directory) + SKY_SPOOL_NAME_SIZE + 2 > SKY_SPOOL_PATH_SIZE) {
        sky_spool_say(message, "the path of the spool is too long");
        return SKY_E_IO;
    }
    struct sky_spool *spool = make_spool(options);
    if (!spool)
        return SKY_E_MEMORY;
    clear_pending(spool);
    enum sky_status status = spool->pending.failed ? SKY_E_MEMORY : open_folder(spool, message);
    if (status != SKY_OK) {
        sky_spool_close(spool);
        return status;
    }
    *out = spool;
    return SKY_OK;
}

void sky_spool_close(struct sky_spool *spool)
{
    if (!spool)
        return;
    if (spool->fd >= 0)
        close(spool->fd);
    if (spool->lock_fd >= 0)
        close(spool->lock_fd);
    pthread_cond_destroy(&spool->grown);
    pthread_mutex_destroy(&spool->mutex);
    sky_buffer_clean_up(&spool->pending);
    sky_buffer_clean_up(&spool->tail_state);
    free(spool->segments);
    free(spool);
}

/* ---- removing ---- */

/* The oldest segment. Under the mutex. */
static enum sky_status remove_oldest(struct sky_spool *spool)
{
    char path[SKY_SPOOL_PATH_SIZE];
    sky_spool_segment_path(spool, &spool->segments[0], path);
    if (unlink(path) != 0 && errno != ENOENT)
        return SKY_E_IO;
    spool->bytes -= spool->segments[0].bytes;
    spool->segments_count--;
    memmove(spool->segments, spool->segments + 1, spool->segments_count * sizeof *spool->segments);
    return SKY_OK;
}

/* Everything in the oldest segment was released, and it is not the newest. */
static bool oldest_is_done(const struct sky_spool *spool)
{
    return spool->segments_count > 1 && spool->segments[1].first_position <= spool->released;
}

enum sky_status sky_spool_release(struct sky_spool *spool, uint64_t position)
{
    enum sky_status status = SKY_OK;
    pthread_mutex_lock(&spool->mutex);
    if (position > spool->released)
        spool->released = position < spool->next_position ? position : spool->next_position;
    while (status == SKY_OK && oldest_is_done(spool) &&
           spool->segments[1].event_time_ms <= spool->event_time_ms - spool->keep_ms)
        status = remove_oldest(spool);
    pthread_mutex_unlock(&spool->mutex);
    return status;
}

/* Room for `bytes` more, if need be by what is only kept. */
static enum sky_status make_room(struct sky_spool *spool, uint64_t bytes)
{
    enum sky_status status = SKY_OK;
    pthread_mutex_lock(&spool->mutex);
    while (status == SKY_OK && spool->bytes + bytes > spool->room_bytes)
        status = oldest_is_done(spool) ? remove_oldest(spool) : SKY_E_LIMIT;
    pthread_mutex_unlock(&spool->mutex);
    return status;
}

/* ---- writing ---- */

enum sky_status sky_spool_put(struct sky_spool *spool, const struct sky_spool_record *record)
{
    size_t bytes = record->key.len + record->value.len;
    if (bytes > SKY_SPOOL_RECORD_BYTES_MAX || spool->pending.len + SKY_SPOOL_RECORD_HEAD_BYTES + bytes >
                                                  SKY_SPOOL_PENDING_HEAD_BYTES + SKY_SPOOL_RECORDS_BYTES_MAX)
        return SKY_E_LIMIT;
    sky_spool_record_write(&spool->pending, record);
    if (spool->pending.failed) {
        spool->pending.failed = false; /* nothing of it was written */
        return SKY_E_MEMORY;
    }
    spool->pending_count++;
    return SKY_OK;
}

struct sky_spool_pending sky_spool_pending(const struct sky_spool *spool)
{
    return (struct sky_spool_pending){spool->pending_count, spool->pending.len - SKY_SPOOL_PENDING_HEAD_BYTES};
}

/* A new file with these bytes, on the disk with its name, or none. */
static enum sky_status write_new(struct sky_spool *spool, const struct sky_spool_segment *segment,
                                 struct sky_span bytes)
{
    char path[SKY_SPOOL_PATH_SIZE];
    sky_spool_segment_path(spool, segment, path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return SKY_E_IO;
    int error = 0;
    if (sky_write_all(fd, bytes) != SKY_OK || fsync(fd) != 0)
        error = errno;
    if (!error)
        error = sky_folder_sync(spool->directory);
    if (error) {
        close(fd);
        unlink(path);
        errno = error;
        return SKY_E_IO;
    }
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = fd;
    return SKY_OK;
}

/* At the newest segment's end, over whatever a failed write left there. */
static enum sky_status write_more(struct sky_spool *spool, uint64_t end, struct sky_span bytes)
{
    if (lseek(spool->fd, (off_t)end, SEEK_SET) < 0)
        return SKY_E_IO;
    if (sky_write_all(spool->fd, bytes) == SKY_OK && fdatasync(spool->fd) == 0)
        return SKY_OK;
    int error = errno;
    if (ftruncate(spool->fd, (off_t)end) != 0)
        error = errno; /* what stands behind the end is cut off by the next open, or written over */
    errno = error;
    return SKY_E_IO;
}

/* The batch is on the disk: let it be seen. */
static void publish(struct sky_spool *spool, const struct sky_spool_batch_head *head, uint64_t bytes)
{
    pthread_mutex_lock(&spool->mutex);
    spool->segments[spool->segments_count - 1].bytes += bytes;
    spool->bytes += bytes;
    spool->next_position += head->records_count;
    spool->event_time_ms = head->event_time_ms;
    spool->batches++;
    pthread_cond_broadcast(&spool->grown);
    pthread_mutex_unlock(&spool->mutex);
}

/* Begin a segment with the pending bytes. */
static enum sky_status commit_to_new(struct sky_spool *spool, const struct sky_spool_batch_head *head)
{
    struct sky_spool_segment segment = {.first_position = spool->next_position,
                                        .serial = spool->next_serial,
                                        .event_time_ms = spool->event_time_ms,
                                        .readable = true};
    struct sky_spool_segment_head segment_head = {spool->id, segment.first_position, segment.event_time_ms};
    sky_spool_segment_head_write(spool->pending.ptr, &segment_head);
    pthread_mutex_lock(&spool->mutex);
    bool added = spool->segments_count < SKY_SPOOL_SEGMENTS_MAX && sky_spool_add_segment(spool, &segment);
    pthread_mutex_unlock(&spool->mutex);
    if (!added)
        return SKY_E_MEMORY;
    enum sky_status status = write_new(spool, &segment, sky_buffer_span(&spool->pending));
    if (status == SKY_OK) {
        spool->next_serial++;
        publish(spool, head, spool->pending.len);
        return SKY_OK;
    }
    pthread_mutex_lock(&spool->mutex);
    spool->segments_count--; /* it was the newest, and is empty: nothing removes it meanwhile */
    pthread_mutex_unlock(&spool->mutex);
    return status;
}

static enum sky_status commit_pending(struct sky_spool *spool, const struct sky_spool_batch_head *head)
{
    struct sky_span bytes = sky_buffer_span(&spool->pending);
    enum sky_status status = make_room(spool, bytes.len);
    if (status != SKY_OK)
        return status;
    pthread_mutex_lock(&spool->mutex);
    bool has_newest = spool->fd >= 0 && spool->segments_count;
    uint64_t end = has_newest ? spool->segments[spool->segments_count - 1].bytes : 0;
    pthread_mutex_unlock(&spool->mutex);
    if (!has_newest || end + bytes.len > spool->segment_bytes)
        return commit_to_new(spool, head);
    bytes = sky_span_from(bytes, SKY_SPOOL_SEGMENT_HEAD_BYTES);
    status = write_more(spool, end, bytes);
    if (status == SKY_OK)
        publish(spool, head, bytes.len);
    return status;
}

static enum sky_status give_id(struct sky_spool *spool)
{
    uint64_t id = spool->id;
    if (id)
        return SKY_OK;
    while (!id)
        if (getrandom(&id, sizeof id, 0) != sizeof id)
            return SKY_E_IO;
    pthread_mutex_lock(&spool->mutex);
    spool->id = id;
    pthread_mutex_unlock(&spool->mutex);
    return SKY_OK;
}

enum sky_status sky_spool_commit(struct sky_spool *spool, int64_t event_time_ms, struct sky_span state)
{
    assert(state.len <= SKY_SPOOL_STATE_BYTES_MAX);
    size_t records_end = spool->pending.len;
    struct sky_spool_batch_head head = {.first_position = spool->next_position,
                                        .records_count = spool->pending_count,
                                        .records_bytes = (uint32_t)(records_end - SKY_SPOOL_PENDING_HEAD_BYTES),
                                        .state_bytes = (uint32_t)state.len,
                                        .event_time_ms = event_time_ms};
    enum sky_status status = give_id(spool);
    if (status != SKY_OK)
        return status;
    sky_buffer_put_span(&spool->pending, state);
    if (spool->pending.failed || !sky_buffer_reserve(&spool->tail_state, state.len)) {
        spool->pending.failed = false;
        spool->pending.len = records_end;
        return SKY_E_MEMORY;
    }
    sky_spool_batch_head_write(spool->pending.ptr + SKY_SPOOL_SEGMENT_HEAD_BYTES, head, spool->id,
                               sky_span_from(sky_buffer_span(&spool->pending), SKY_SPOOL_PENDING_HEAD_BYTES));
    status = commit_pending(spool, &head);
    if (status != SKY_OK) {
        spool->pending.len = records_end;
        return status;
    }
    clear_pending(spool);
    sky_buffer_clear(&spool->tail_state);
    sky_buffer_put_span(&spool->tail_state, state);
    spool->has_tail = true;
    return SKY_OK;
}

bool sky_spool_tail(const struct sky_spool *spool, struct sky_spool_tail *tail)
{
    *tail = (struct sky_spool_tail){.position = spool->next_position,
                                    .event_time_ms = spool->event_time_ms,
                                    .state = sky_buffer_span(&spool->tail_state)};
    return spool->has_tail;
}

uint64_t sky_spool_id(struct sky_spool *spool)
{
    pthread_mutex_lock(&spool->mutex);
    uint64_t id = spool->id;
    pthread_mutex_unlock(&spool->mutex);
    return id;
}

enum sky_status sky_spool_restart(struct sky_spool *spool, const struct sky_spool_tail *tail)
{
    enum sky_status status = SKY_OK;
    pthread_mutex_lock(&spool->mutex);
    while (status == SKY_OK && spool->segments_count)
        status = remove_oldest(spool);
    if (status == SKY_OK) {
        spool->id = 0;
        spool->next_position = spool->released = tail->position;
        spool->event_time_ms = tail->event_time_ms;
        spool->has_tail = false;
    }
    pthread_mutex_unlock(&spool->mutex);
    if (status != SKY_OK)
        return status;
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
    clear_pending(spool);
    /* That the old names are gone before the new one is there: else they might be taken for newer. */
    int error = sky_folder_sync(spool->directory);
    errno = error;
    return error ? SKY_E_IO : sky_spool_commit(spool, tail->event_time_ms, tail->state);
}

/* ---- looking ---- */

uint64_t sky_spool_position_at(struct sky_spool *spool, int64_t time_ms)
{
    pthread_mutex_lock(&spool->mutex);
    uint64_t position = spool->segments_count ? spool->segments[0].first_position : spool->next_position;
    for (size_t i = 1; i < spool->segments_count && spool->segments[i].event_time_ms < time_ms; i++)
        position = spool->segments[i].first_position;
    pthread_mutex_unlock(&spool->mutex);
    return position;
}

void sky_spool_status(struct sky_spool *spool, struct sky_spool_status *status)
{
    pthread_mutex_lock(&spool->mutex);
    *status = (struct sky_spool_status){.bytes = spool->bytes,
                                        .room_bytes = spool->room_bytes,
                                        .segments = spool->segments_count,
                                        .first_position = spool->segments_count ? spool->segments[0].first_position
                                                                                : spool->next_position,
                                        .released = spool->released,
                                        .next_position = spool->next_position,
                                        .event_time_ms = spool->event_time_ms,
                                        .lost_records = spool->lost_records,
                                        .lost_ranges = spool->lost_ranges};
    pthread_mutex_unlock(&spool->mutex);
}

void sky_spool_wake(struct sky_spool *spool)
{
    pthread_mutex_lock(&spool->mutex);
    spool->wakes++;
    pthread_cond_broadcast(&spool->grown);
    pthread_mutex_unlock(&spool->mutex);
}
