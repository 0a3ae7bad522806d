#include "io/http/http_connections.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SEATS (SKY_HTTP_CONNECTIONS_MAX + SKY_HTTP_CONNECTIONS_SPARE)

struct sky_http_seat {
    bool is_taken;
    bool is_shut; /* its socket is: it counts for nothing any more */
    int fd;
    enum sky_http_phase phase;
    int64_t since_ms; /* of the phase */
    struct sky_http_address address;
};

struct sky_http_connections {
    pthread_mutex_t mutex;
    uint32_t per_address;
    struct sky_http_proxies proxies;
    struct sky_http_connections_stats stats;
    struct sky_http_seat seats[SEATS];
};

enum sky_status sky_http_connections_new(uint32_t per_address, const struct sky_http_proxies *proxies,
                                         struct sky_http_connections **connections)
{
    struct sky_http_connections *made = calloc(1, sizeof *made);
    *connections = made;
    if (!made)
        return SKY_E_MEMORY;
    pthread_mutex_init(&made->mutex, NULL);
    made->per_address = per_address;
    made->proxies = *proxies;
    return SKY_OK;
}

void sky_http_connections_free(struct sky_http_connections *connections)
{
    if (!connections)
        return;
    pthread_mutex_destroy(&connections->mutex);
    free(connections);
}

static bool is_counted(const struct sky_http_connections *connections, const struct sky_http_address *address)
{
    return connections->per_address > 0 && !sky_http_proxies_have(&connections->proxies, address);
}

/* Open, and of that client; NULL: of any. */
static bool is_of(const struct sky_http_seat *seat, const struct sky_http_address *client)
{
    return seat->is_taken && !seat->is_shut &&
           (!client || sky_span_equal(sky_http_address_client(&seat->address), sky_http_address_client(client)));
}

static bool is_waiting(const struct sky_http_seat *seat)
{
    return seat->phase == SKY_HTTP_FIRST_REQUEST || seat->phase == SKY_HTTP_NEXT_REQUEST;
}

static uint32_t count(const struct sky_http_connections *connections, const struct sky_http_address *client)
{
    uint32_t found = 0;
    for (size_t i = 0; i < SEATS; i++)
        found += is_of(&connections->seats[i], client);
    return found;
}

/* NULL: none waits. */
static struct sky_http_seat *find_longest_waiting(struct sky_http_connections *connections,
                                                  const struct sky_http_address *client)
{
    struct sky_http_seat *found = NULL;
    for (size_t i = 0; i < SEATS; i++) {
        struct sky_http_seat *seat = &connections->seats[i];
        if (is_of(seat, client) && is_waiting(seat) && (!found || seat->since_ms < found->since_ms))
            found = seat;
    }
    return found;
}

static void shut(struct sky_http_seat *seat)
{
    seat->is_shut = true;
    shutdown(seat->fd, SHUT_RDWR);
}

static bool displace(struct sky_http_connections *connections, const struct sky_http_address *client)
{
    struct sky_http_seat *seat = find_longest_waiting(connections, client);
    if (!seat)
        return false;
    shut(seat);
    connections->stats.displaced++;
    return true;
}

bool sky_http_connections_admit(struct sky_http_connections *connections, const struct sky_http_address *address)
{
    pthread_mutex_lock(&connections->mutex);
    bool has_place = !is_counted(connections, address) || count(connections, address) < connections->per_address ||
                     displace(connections, address);
    if (!has_place)
        connections->stats.refused++;
    else if (count(connections, NULL) >= SKY_HTTP_CONNECTIONS_MAX)
        displace(connections, NULL);
    pthread_mutex_unlock(&connections->mutex);
    return has_place;
}

struct sky_http_seat *sky_http_connections_enter(struct sky_http_connections *connections, int fd,
                                                 const struct sky_http_address *address, int64_t now_ms)
{
    struct sky_http_seat *found = NULL;
    pthread_mutex_lock(&connections->mutex);
    for (size_t i = 0; i < SEATS && !found; i++)
        if (!connections->seats[i].is_taken)
            found = &connections->seats[i];
    if (found)
        *found = (struct sky_http_seat){.is_taken = true, .fd = fd, .since_ms = now_ms, .address = *address};
    pthread_mutex_unlock(&connections->mutex);
    return found;
}

void sky_http_connections_leave(struct sky_http_connections *connections, struct sky_http_seat *seat)
{
    if (!seat)
        return;
    pthread_mutex_lock(&connections->mutex);
    seat->is_taken = false;
    pthread_mutex_unlock(&connections->mutex);
}

void sky_http_connections_set(struct sky_http_connections *connections, struct sky_http_seat *seat,
                              enum sky_http_phase phase, int64_t now_ms)
{
    if (!seat)
        return;
    pthread_mutex_lock(&connections->mutex);
    seat->phase = phase;
    seat->since_ms = now_ms;
    pthread_mutex_unlock(&connections->mutex);
}

static int64_t patience_ms(enum sky_http_phase phase)
{
    switch (phase) {
    case SKY_HTTP_FIRST_REQUEST: return SKY_HTTP_REQUEST_S_MAX * 1000;
    case SKY_HTTP_NEXT_REQUEST: return SKY_HTTP_IDLE_S_MAX * 1000;
    case SKY_HTTP_ANSWERING: return SKY_HTTP_ANSWER_S_MAX * 1000;
    case SKY_HTTP_FOLLOWING: break;
    }
    return INT64_MAX;
}

void sky_http_connections_sweep(struct sky_http_connections *connections, int64_t now_ms)
{
    pthread_mutex_lock(&connections->mutex);
    for (size_t i = 0; i < SEATS; i++) {
        struct sky_http_seat *seat = &connections->seats[i];
        if (is_of(seat, NULL) && now_ms - seat->since_ms >= patience_ms(seat->phase)) {
            shut(seat);
            connections->stats.overdue++;
        }
    }
    pthread_mutex_unlock(&connections->mutex);
}

bool sky_http_connections_are_full(struct sky_http_connections *connections)
{
    pthread_mutex_lock(&connections->mutex);
    bool are_full = count(connections, NULL) > SKY_HTTP_CONNECTIONS_MAX;
    pthread_mutex_unlock(&connections->mutex);
    return are_full;
}

void sky_http_connections_stats(struct sky_http_connections *connections, struct sky_http_connections_stats *stats)
{
    pthread_mutex_lock(&connections->mutex);
    *stats = connections->stats;
    stats->open = count(connections, NULL);
    pthread_mutex_unlock(&connections->mutex);
}
