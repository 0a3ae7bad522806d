#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/host/thread.h"
#include "io/spool/spool_state.h"

struct sky_spool_reader {
    struct sky_spool *spool;
    uint64_t position;          /* of the next record */
    bool began;                 /* a segment was entered: `serial` says where to look */
    uint64_t serial;            /* of the segment that is open, or of the first that may be entered next */
    struct sky_spool_scan scan; /* fd -1: none is open */
};

/* Where to look next, copied from the list. */
struct place {
    struct sky_spool_segment segment;
    bool has_segment;
    bool is_newest;
    uint64_t end_position; /* first position of the next segment; of the newest: the spool's end */
    uint64_t id;
};

enum sky_status sky_spool_reader_open(struct sky_spool *spool, uint64_t position, struct sky_spool_reader **out)
{
    struct sky_spool_reader *reader = calloc(1, sizeof *reader);
    *out = NULL;
    if (!reader)
        return SKY_E_MEMORY;
    reader->spool = spool;
    reader->position = position;
    reader->scan.fd = -1;
    *out = reader;
    return SKY_OK;
}

static void leave_segment(struct sky_spool_reader *reader)
{
    if (reader->scan.fd >= 0)
        close(reader->scan.fd);
    reader->scan.fd = -1;
}

void sky_spool_reader_close(struct sky_spool_reader *reader)
{
    if (!reader)
        return;
    leave_segment(reader);
    sky_spool_scan_clean_up(&reader->scan);
    free(reader);
}

/* The list's number of the segment to read: the one that is open or the first behind it, at the beginning the one that
 * the position lies in. */
static size_t find_segment(const struct sky_spool_reader *reader)
{
    const struct sky_spool *spool = reader->spool;
    size_t i = 0;
    if (reader->began) {
        while (i + 1 < spool->segments_count && spool->segments[i].serial < reader->serial)
            i++;
        return i;
    }
    while (i + 1 < spool->segments_count && spool->segments[i + 1].first_position <= reader->position)
        i++;
    return i;
}

static void find_place(const struct sky_spool_reader *reader, struct place *place)
{
    struct sky_spool *spool = reader->spool;
    *place = (struct place){0};
    pthread_mutex_lock(&spool->mutex);
    place->id = spool->id;
    place->has_segment = spool->segments_count > 0;
    if (place->has_segment) {
        size_t i = find_segment(reader);
        place->segment = spool->segments[i];
        place->is_newest = i + 1 == spool->segments_count;
        place->end_position = place->is_newest ? spool->next_position : spool->segments[i + 1].first_position;
    }
    pthread_mutex_unlock(&spool->mutex);
}

/* SKY_E_END: it cannot be read, or is gone. */
static enum sky_status enter_segment(struct sky_spool_reader *reader, const struct place *place)
{
    char path[SKY_SPOOL_PATH_SIZE];
    leave_segment(reader);
    if (!place->segment.readable)
        return SKY_E_END;
    sky_spool_segment_path(reader->spool, &place->segment, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? SKY_E_END : SKY_E_IO;
    reader->began = true;
    reader->serial = place->segment.serial;
    sky_spool_scan_begin(&reader->scan, fd, place->id, place->segment.first_position);
    return SKY_OK;
}

static void count_lost(struct sky_spool *spool, uint64_t lost)
{
    pthread_mutex_lock(&spool->mutex);
    spool->lost_records += lost;
    spool->lost_ranges += lost > 0;
    pthread_mutex_unlock(&spool->mutex);
}

/* Leave out what is below the reader's position, and tell what is missing before the batch. False: nothing is left. */
static bool fit(struct sky_spool_reader *reader, struct sky_spool_batch *batch)
{
    struct sky_spool_record record;
    bool is_state_only = batch->first_position == batch->next_position;
    if (batch->next_position < reader->position || (batch->next_position == reader->position && !is_state_only))
        return false;
    while (batch->first_position < reader->position && sky_spool_batch_next(batch, &record))
        ;
    batch->lost = batch->first_position - reader->position;
    count_lost(reader->spool, batch->lost);
    reader->position = batch->next_position;
    return true;
}

/* SKY_E_END: there is no more up to now. */
static enum sky_status read_on(struct sky_spool_reader *reader, struct sky_spool_batch *batch)
{
    for (;;) {
        struct place place;
        find_place(reader, &place);
        if (!place.has_segment)
            return SKY_E_END;
        enum sky_status status = SKY_OK;
        if (reader->scan.fd < 0 || reader->serial != place.segment.serial)
            status = enter_segment(reader, &place);
        if (status == SKY_OK) {
            reader->scan.end_position = place.end_position;
            status = sky_spool_scan_next(&reader->scan, place.segment.bytes, batch);
        }
        if (status == SKY_OK && fit(reader, batch))
            return SKY_OK;
        if (status != SKY_OK && status != SKY_E_END)
            return status;
        if (status == SKY_E_END && place.is_newest)
            return SKY_E_END;
        if (status == SKY_E_END) {
            leave_segment(reader);
            reader->began = true;
            reader->serial = place.segment.serial + 1;
        }
    }
}

/* Until a batch comes that was not there when `batches` were; false: none did. */
static bool wait_for_more(struct sky_spool *spool, uint64_t batches, const struct timespec *until)
{
    pthread_mutex_lock(&spool->mutex);
    uint64_t wakes = spool->wakes;
    int error = 0;
    while (spool->batches == batches && spool->wakes == wakes && !error)
        error = pthread_cond_timedwait(&spool->grown, &spool->mutex, until);
    bool more = spool->batches != batches;
    pthread_mutex_unlock(&spool->mutex);
    return more;
}

enum sky_status sky_spool_reader_next(struct sky_spool_reader *reader, int timeout_ms, struct sky_spool_batch *batch)
{
    struct sky_spool *spool = reader->spool;
    struct timespec until = sky_thread_time_in(timeout_ms);
    for (;;) {
        pthread_mutex_lock(&spool->mutex);
        uint64_t batches = spool->batches;
        pthread_mutex_unlock(&spool->mutex);
        enum sky_status status = read_on(reader, batch);
        if (status != SKY_E_END || timeout_ms <= 0 || !wait_for_more(spool, batches, &until))
            return status;
    }
}
