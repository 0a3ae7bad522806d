#include "io/net/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "io/host/thread.h"

struct sky_resolve {
    pthread_mutex_t mutex;
    pthread_cond_t finished;
    int owners; /* the thread and the one who asked */
    bool done;
    int error; /* of getaddrinfo */
    char host[SKY_URL_HOST_SIZE];
    char addresses[SKY_URL_ADDRESS_MAX][SKY_RESOLVE_ADDRESS_SIZE];
    size_t addresses_count;
};

static void drop_owner(struct sky_resolve *request)
{
    pthread_mutex_lock(&request->mutex);
    bool last = --request->owners == 0;
    pthread_mutex_unlock(&request->mutex);
    if (!last)
        return;
    pthread_cond_destroy(&request->finished);
    pthread_mutex_destroy(&request->mutex);
    free(request);
}

static void collect(struct sky_resolve *request, const struct addrinfo *list)
{
    for (; list && request->addresses_count < SKY_URL_ADDRESS_MAX; list = list->ai_next) {
        char *to = request->addresses[request->addresses_count];
        if (getnameinfo(list->ai_addr, list->ai_addrlen, to, SKY_RESOLVE_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0)
            request->addresses_count++;
    }
}

static void *look_up(void *context)
{
    struct sky_resolve *request = context;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(request->host, NULL, &hints, &list);
    if (error != 0) { /* a name; of its addresses those that this machine can use */
        hints.ai_flags = AI_ADDRCONFIG;
        error = getaddrinfo(request->host, NULL, &hints, &list);
    }
    pthread_mutex_lock(&request->mutex);
    request->error = error;
    if (error == 0)
        collect(request, list);
    request->done = true;
    pthread_cond_signal(&request->finished);
    pthread_mutex_unlock(&request->mutex);
    if (error == 0)
        freeaddrinfo(list);
    drop_owner(request);
    return NULL;
}

enum sky_status sky_resolve_start(const char *host, struct sky_resolve **out)
{
    struct sky_resolve *request = calloc(1, sizeof *request);
    *out = NULL;
    if (!request)
        return SKY_E_MEMORY;
    pthread_mutex_init(&request->mutex, NULL);
    sky_thread_condition_init(&request->finished);
    request->owners = 2;
    strncpy(request->host, host, sizeof request->host - 1);
    pthread_t thread;
    if (sky_thread_start(&thread, look_up, request) != SKY_OK) {
        request->owners = 1;
        drop_owner(request);
        return SKY_E_IO;
    }
    pthread_detach(thread);
    *out = request;
    return SKY_OK;
}

enum sky_status sky_resolve_wait(struct sky_resolve *request, int timeout_ms, const char **reason)
{
    struct timespec until = sky_thread_time_in(timeout_ms);
    pthread_mutex_lock(&request->mutex);
    while (!request->done && pthread_cond_timedwait(&request->finished, &request->mutex, &until) == 0)
        ;
    bool done = request->done;
    int error = request->error;
    pthread_mutex_unlock(&request->mutex);
    if (!done)
        return SKY_E_LIMIT;
    if (error == 0 && request->addresses_count > 0)
        return SKY_OK;
    *reason = error ? gai_strerror(error) : "the name has no address";
    return SKY_E_IO;
}

const char *sky_resolve_address(const struct sky_resolve *request, size_t i)
{
    return i < request->addresses_count ? request->addresses[i] : NULL;
}

void sky_resolve_release(struct sky_resolve *request)
{
    if (request)
        drop_owner(request);
}
