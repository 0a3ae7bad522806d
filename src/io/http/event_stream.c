#include "io/http/event_stream.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

struct item {
    struct sky_buffer bytes;
    uint64_t id; /* 0: a heartbeat */
};

/* The ring holds the items [oldest, next) of all ever sent, item n at n mod its size. */
struct sky_event_stream {
    pthread_mutex_t mutex;
    sky_event_wake_fn wake;
    struct item items[SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX];
    uint64_t oldest;
    uint64_t next;
    uint64_t next_id;
    size_t size_bytes;
    bool finished;
    struct sky_event_client *clients; /* a doubly linked list */
    struct sky_event_stream_stats stats;
};

struct sky_event_client {
    struct sky_event_stream *stream;
    struct sky_event_client *previous, *following;
    void *context;
    struct sky_buffer greeting;
    size_t greeting_offset;
    uint64_t place; /* the item it reads */
    size_t offset;  /* within that item */
    bool waiting;
};

void sky_event_stream_write(struct sky_buffer *buffer, const char *event, uint64_t id, struct sky_span data)
{
    if (id)
        sky_buffer_printf(buffer, "id: %" PRIu64 "\n", id);
    sky_buffer_printf(buffer, "event: %s\ndata: ", event);
    sky_buffer_put_span(buffer, data);
    sky_buffer_put(buffer, "\n\n", 2);
}

enum sky_status sky_event_stream_new(uint64_t first_id, sky_event_wake_fn wake, struct sky_event_stream **result)
{
    struct sky_event_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return SKY_E_MEMORY;
    pthread_mutex_init(&stream->mutex, NULL);
    stream->wake = wake;
    stream->next_id = first_id ? first_id : 1;
    *result = stream;
    return SKY_OK;
}

void sky_event_stream_free(struct sky_event_stream *stream)
{
    if (!stream)
        return;
    for (size_t i = 0; i < SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX; i++)
        sky_buffer_clean_up(&stream->items[i].bytes);
    pthread_mutex_destroy(&stream->mutex);
    free(stream);
}

static struct item *item_at(struct sky_event_stream *stream, uint64_t place)
{
    return &stream->items[place % SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX];
}

static void wake_all(struct sky_event_stream *stream)
{
    for (struct sky_event_client *client = stream->clients; client; client = client->following) {
        if (client->waiting) {
            client->waiting = false;
            stream->wake(client->context);
        }
    }
}

static void drop_oldest(struct sky_event_stream *stream)
{
    struct item *item = item_at(stream, stream->oldest++);
    stream->size_bytes -= item->bytes.len;
    sky_buffer_clean_up(&item->bytes);
}

/* Takes `bytes` over. */
static void push(struct sky_event_stream *stream, struct sky_buffer *bytes, uint64_t id)
{
    if (stream->next - stream->oldest == SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX)
        drop_oldest(stream);
    while (stream->next != stream->oldest && stream->size_bytes + bytes->len > SKY_EVENT_STREAM_BACKLOG_BYTES_MAX)
        drop_oldest(stream);
    *item_at(stream, stream->next++) = (struct item){*bytes, id};
    stream->size_bytes += bytes->len;
    wake_all(stream);
}

void sky_event_stream_send(struct sky_event_stream *stream, const char *event, struct sky_span data)
{
    pthread_mutex_lock(&stream->mutex);
    struct sky_buffer bytes = {0};
    sky_event_stream_write(&bytes, event, stream->next_id, data);
    if (bytes.failed) {
        sky_buffer_clean_up(&bytes); /* this event is lost; the next one tells the whole state again */
    } else {
        push(stream, &bytes, stream->next_id);
        stream->stats.events++;
    }
    stream->next_id++;
    pthread_mutex_unlock(&stream->mutex);
}

void sky_event_stream_heartbeat(struct sky_event_stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    struct sky_buffer bytes = {0};
    sky_buffer_put_string(&bytes, ": still here\n\n");
    if (bytes.failed)
        sky_buffer_clean_up(&bytes);
    else
        push(stream, &bytes, 0);
    pthread_mutex_unlock(&stream->mutex);
}

void sky_event_stream_finish(struct sky_event_stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    stream->finished = true;
    wake_all(stream);
    pthread_mutex_unlock(&stream->mutex);
}

static bool find_place(struct sky_event_stream *stream, uint64_t last_id, uint64_t *place)
{
    for (uint64_t at = stream->oldest; last_id && at != stream->next; at++) {
        if (item_at(stream, at)->id == last_id) {
            *place = at + 1;
            return true;
        }
    }
    *place = stream->next;
    return false;
}

struct sky_event_client *sky_event_client_new(struct sky_event_stream *stream, uint64_t last_id, bool *resumed,
                                              void *context)
{
    struct sky_event_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->stream = stream;
    client->context = context;
    pthread_mutex_lock(&stream->mutex);
    *resumed = find_place(stream, last_id, &client->place);
    client->following = stream->clients;
    if (client->following)
        client->following->previous = client;
    stream->clients = client;
    stream->stats.clients++;
    pthread_mutex_unlock(&stream->mutex);
    return client;
}

void sky_event_client_free(struct sky_event_client *client)
{
    if (!client)
        return;
    struct sky_event_stream *stream = client->stream;
    pthread_mutex_lock(&stream->mutex);
    if (client->previous)
        client->previous->following = client->following;
    else
        stream->clients = client->following;
    if (client->following)
        client->following->previous = client->previous;
    stream->stats.clients--;
    pthread_mutex_unlock(&stream->mutex);
    sky_buffer_clean_up(&client->greeting);
    free(client);
}

void sky_event_client_greet(struct sky_event_client *client, struct sky_buffer *greeting)
{
    sky_buffer_clean_up(&client->greeting);
    client->greeting = *greeting;
    client->greeting_offset = 0;
    *greeting = (struct sky_buffer){0};
}

static size_t copy_part(const struct sky_buffer *from, size_t *offset, char *out, size_t size)
{
    size_t rest = from->len - *offset;
    size_t len = rest < size ? rest : size;
    memcpy(out, from->ptr + *offset, len);
    *offset += len;
    return len;
}

static enum sky_status read_locked(struct sky_event_client *client, char *out, size_t size, size_t *len)
{
    struct sky_event_stream *stream = client->stream;
    if (stream->finished)
        return SKY_E_END;
    if (client->place < stream->oldest) {
        stream->stats.dropped++;
        return SKY_E_LIMIT;
    }
    if (client->place == stream->next)
        return SKY_E_MISSING;
    struct item *item = item_at(stream, client->place);
    *len = copy_part(&item->bytes, &client->offset, out, size);
    if (client->offset == item->bytes.len) {
        client->place++;
        client->offset = 0;
    }
    return SKY_OK;
}

enum sky_status sky_event_client_read(struct sky_event_client *client, char *out, size_t size, size_t *len,
                                      sky_event_wake_fn pause)
{
    if (client->greeting_offset < client->greeting.len) {
        *len = copy_part(&client->greeting, &client->greeting_offset, out, size);
        if (client->greeting_offset == client->greeting.len)
            sky_buffer_clean_up(&client->greeting);
        return SKY_OK;
    }
    pthread_mutex_lock(&client->stream->mutex);
    enum sky_status status = read_locked(client, out, size, len);
    if (status == SKY_E_MISSING) {
        client->waiting = true;
        pause(client->context);
    }
    pthread_mutex_unlock(&client->stream->mutex);
    return status;
}

void sky_event_stream_stats(struct sky_event_stream *stream, struct sky_event_stream_stats *stats)
{
    pthread_mutex_lock(&stream->mutex);
    *stats = stream->stats;
    pthread_mutex_unlock(&stream->mutex);
}
