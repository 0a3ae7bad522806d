#include "io/http/event_stream.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

struct item {
    struct sky_buffer bytes;
    uint64_t id; /* 0: a heartbeat */
};

/* What new clients are told, and the item that comes next. */
struct greeting {
    struct sky_buffer bytes;
    uint64_t place;
    uint32_t holders;
};

/* The ring holds the items [oldest, next) of all ever sent, item n at n mod its size. */
struct sky_event_stream {
    pthread_mutex_t mutex;
    sky_event_wake_fn wake;
    struct item items[SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX];
    uint64_t oldest;
    uint64_t next;
    uint64_t next_id;
    size_t size_bytes;         /* of the items */
    struct greeting *greeting; /* the newest; NULL: none */
    size_t greetings_bytes;    /* of all that somebody holds */
    bool finished;
    struct sky_event_client *clients; /* a doubly linked list */
    struct sky_event_stream_stats stats;
};

struct sky_event_client {
    struct sky_event_stream *stream;
    struct sky_event_client *previous, *following;
    void *context;
    struct greeting *greeting; /* NULL: it has been told */
    uint64_t place;            /* the item it reads */
    size_t offset;             /* within that item, or the greeting */
    bool waiting;
    bool being_greeted; /* its place is of no account: it gets another */
    bool lost;          /* the ring has moved past it */
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

/* Both with the mutex held. */
static struct greeting *hold(struct greeting *greeting)
{
    greeting->holders++;
    return greeting;
}

static void let_go(struct sky_event_stream *stream, struct greeting **held)
{
    struct greeting *greeting = *held;
    *held = NULL;
    if (!greeting || --greeting->holders)
        return;
    stream->greetings_bytes -= greeting->bytes.len;
    sky_buffer_clean_up(&greeting->bytes);
    free(greeting);
}

void sky_event_stream_free(struct sky_event_stream *stream)
{
    if (!stream)
        return;
    let_go(stream, &stream->greeting);
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

static void drop_if_behind(struct sky_event_client *client)
{
    struct sky_event_stream *stream = client->stream;
    client->lost = client->place < stream->oldest;
    if (!client->lost)
        return;
    let_go(stream, &client->greeting);
    stream->stats.dropped++;
}

static void drop_oldest(struct sky_event_stream *stream)
{
    struct item *item = item_at(stream, stream->oldest++);
    stream->size_bytes -= item->bytes.len;
    sky_buffer_clean_up(&item->bytes);
    if (stream->greeting && stream->greeting->place < stream->oldest)
        let_go(stream, &stream->greeting);
    for (struct sky_event_client *client = stream->clients; client; client = client->following) {
        if (!client->being_greeted && !client->lost)
            drop_if_behind(client);
    }
}

/* Takes `bytes` over. */
static void push(struct sky_event_stream *stream, struct sky_buffer *bytes, uint64_t id)
{
    if (stream->next - stream->oldest == SKY_EVENT_STREAM_BACKLOG_EVENTS_MAX)
        drop_oldest(stream);
    while (stream->next != stream->oldest &&
           stream->size_bytes + stream->greetings_bytes + bytes->len > SKY_EVENT_STREAM_BACKLOG_BYTES_MAX)
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
    let_go(stream, &client->greeting);
    pthread_mutex_unlock(&stream->mutex);
    free(client);
}

/* It is while a newcomer gets less by what was sent since than by a new one. */
static bool is_worth_keeping(struct sky_event_stream *stream)
{
    size_t since_bytes = 0;
    if (!stream->greeting || stream->greeting->place < stream->oldest)
        return false;
    for (uint64_t at = stream->greeting->place; at != stream->next; at++)
        since_bytes += item_at(stream, at)->bytes.len;
    return since_bytes <= stream->greeting->bytes.len;
}

/* Takes `made` over; NULL: the newest will do. */
static void greet_locked(struct sky_event_client *client, struct greeting *made)
{
    struct sky_event_stream *stream = client->stream;
    if (made) {
        let_go(stream, &stream->greeting);
        stream->greeting = hold(made);
        stream->greetings_bytes += made->bytes.len;
    }
    client->greeting = stream->greeting->bytes.len ? hold(stream->greeting) : NULL;
    client->place = stream->greeting->place;
    client->offset = 0;
    client->being_greeted = false;
    drop_if_behind(client);
}

/* NULL: no memory. */
static struct greeting *make_greeting(uint64_t place, sky_event_greeting_fn make, void *context)
{
    struct greeting *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->place = place; /* what is sent while it is made comes after it once more */
    make(context, &made->bytes);
    if (!made->bytes.failed)
        return made;
    sky_buffer_clean_up(&made->bytes);
    free(made);
    return NULL;
}

bool sky_event_client_greet(struct sky_event_client *client, sky_event_greeting_fn make, void *context)
{
    struct sky_event_stream *stream = client->stream;
    pthread_mutex_lock(&stream->mutex);
    uint64_t place = stream->next;
    bool is_there = is_worth_keeping(stream);
    if (is_there)
        greet_locked(client, NULL);
    client->being_greeted = !is_there;
    pthread_mutex_unlock(&stream->mutex);
    if (is_there)
        return true;
    struct greeting *made = make_greeting(place, make, context);
    pthread_mutex_lock(&stream->mutex);
    if (made)
        greet_locked(client, made);
    client->being_greeted = false;
    pthread_mutex_unlock(&stream->mutex);
    return made != NULL;
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
    if (client->lost)
        return SKY_E_LIMIT;
    if (client->greeting) {
        *len = copy_part(&client->greeting->bytes, &client->offset, out, size);
        if (client->offset == client->greeting->bytes.len) {
            let_go(stream, &client->greeting);
            client->offset = 0;
        }
        return SKY_OK;
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
