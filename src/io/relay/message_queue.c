#include "io/relay/message_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "io/host/thread.h"

struct record {
    uint32_t len;  /* of the bytes that follow, not rounded */
    uint32_t kind; /* SKIP: nothing follows, go on at the start of the ring */
    int64_t receipt_ms;
};

#define SKIP UINT32_MAX

struct sky_message_queue {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    uint8_t *ring;
    size_t capacity;
    size_t pause_above; /* bytes waiting */
    uint64_t head;      /* bytes ever put, padding too; place in the ring: modulo capacity */
    uint64_t tail;      /* bytes ever worked off */
    uint64_t taken;     /* tail once the message handed out is done with */
    bool paused;
    bool waiting; /* the consumer sleeps */
    void (*on_room)(void *context);
    void *context;
};

static size_t record_size(size_t len)
{
    return sizeof(struct record) + ((len + 7) & ~(size_t)7);
}

enum sky_status sky_message_queue_new(size_t capacity_bytes, size_t message_bytes_max, struct sky_message_queue **out)
{
    struct sky_message_queue *queue = calloc(1, sizeof *queue);
    size_t largest = record_size(message_bytes_max);
    *out = NULL;
    if (!queue)
        return SKY_E_MEMORY;
    /* Above the limit must fit: the message that crosses it, the one that its producer has in hand, the word of the
     * end, and the padding that one of them causes at the ring's end. */
    queue->capacity = (capacity_bytes > 6 * largest ? capacity_bytes : 6 * largest) & ~(size_t)7;
    queue->pause_above = queue->capacity - 4 * largest;
    queue->ring = malloc(queue->capacity);
    if (!queue->ring) {
        free(queue);
        return SKY_E_MEMORY;
    }
    pthread_mutex_init(&queue->mutex, NULL);
    sky_thread_condition_init(&queue->arrived);
    *out = queue;
    return SKY_OK;
}

void sky_message_queue_on_room(struct sky_message_queue *queue, void (*on_room)(void *context), void *context)
{
    queue->on_room = on_room;
    queue->context = context;
}

void sky_message_queue_free(struct sky_message_queue *queue)
{
    if (!queue)
        return;
    pthread_cond_destroy(&queue->arrived);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->ring);
    free(queue);
}

static void write_record(struct sky_message_queue *queue, const struct record *record, struct sky_span data)
{
    uint8_t *to = queue->ring + queue->head % queue->capacity;
    memcpy(to, record, sizeof *record);
    if (data.len)
        memcpy(to + sizeof *record, data.ptr, data.len);
    queue->head += record_size(data.len);
}

enum sky_status sky_message_queue_put(struct sky_message_queue *queue, const struct sky_message *message, bool *pause)
{
    size_t need = record_size(message->data.len);
    const struct record record = {(uint32_t)message->data.len, message->kind, message->receipt_ms};
    pthread_mutex_lock(&queue->mutex);
    size_t to_end = queue->capacity - queue->head % queue->capacity;
    size_t padding = to_end < need ? to_end : 0;
    bool fits = queue->head - queue->tail + padding + need <= queue->capacity;
    if (fits) {
        if (padding >= sizeof record)
            memcpy(queue->ring + queue->head % queue->capacity, &(struct record){.kind = SKIP}, sizeof record);
        queue->head += padding;
        write_record(queue, &record, message->data);
        queue->paused = queue->paused || queue->head - queue->tail > queue->pause_above;
    }
    *pause = queue->paused;
    bool wake = queue->waiting;
    pthread_mutex_unlock(&queue->mutex);
    if (wake)
        pthread_cond_signal(&queue->arrived);
    return fits ? SKY_OK : SKY_E_LIMIT;
}

bool sky_message_queue_has_room(struct sky_message_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    bool room = !queue->paused;
    pthread_mutex_unlock(&queue->mutex);
    return room;
}

size_t sky_message_queue_bytes(struct sky_message_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    size_t bytes = (size_t)(queue->head - queue->tail);
    pthread_mutex_unlock(&queue->mutex);
    return bytes;
}

static void wait_for_message(struct sky_message_queue *queue, int timeout_ms)
{
    struct timespec until = sky_thread_time_in(timeout_ms);
    queue->waiting = true;
    while (queue->tail == queue->head && pthread_cond_timedwait(&queue->arrived, &queue->mutex, &until) != ETIMEDOUT)
        ;
    queue->waiting = false;
}

/* The message at the tail, past the padding before it. */
static void read_record(struct sky_message_queue *queue, struct sky_message *message)
{
    size_t place = queue->tail % queue->capacity;
    struct record record = {.kind = SKIP};
    if (queue->capacity - place >= sizeof record)
        memcpy(&record, queue->ring + place, sizeof record);
    if (record.kind == SKIP) {
        queue->tail += queue->capacity - place;
        place = 0;
        memcpy(&record, queue->ring, sizeof record);
    }
    *message = (struct sky_message){.kind = record.kind,
                                    .receipt_ms = record.receipt_ms,
                                    .data = sky_span_of(queue->ring + place + sizeof record, record.len)};
    queue->taken = queue->tail + record_size(record.len);
}

/* Let a paused producer go on once half is worked off. */
static void make_room(struct sky_message_queue *queue)
{
    if (queue->taken > queue->tail)
        queue->tail = queue->taken;
    if (!queue->paused || queue->head - queue->tail > queue->pause_above / 2)
        return;
    queue->paused = false;
    if (!queue->on_room)
        return;
    pthread_mutex_unlock(&queue->mutex);
    queue->on_room(queue->context);
    pthread_mutex_lock(&queue->mutex);
}

bool sky_message_queue_next(struct sky_message_queue *queue, int timeout_ms, struct sky_message *message)
{
    pthread_mutex_lock(&queue->mutex);
    make_room(queue);
    if (queue->tail == queue->head && timeout_ms > 0)
        wait_for_message(queue, timeout_ms);
    bool found = queue->tail != queue->head;
    if (found)
        read_record(queue, message);
    pthread_mutex_unlock(&queue->mutex);
    return found;
}
