#include "io/api/time_limit.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "io/host/clock.h"

#define STRIKE_MS 50 /* again after: what was struck between two of its steps has not noticed */

struct sky_time_limit {
    void (*strike)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int64_t until_ms; /* monotonic; INT64_MAX: nothing runs */
    bool struck;
    bool stopped;
    bool freed;
};

/* The mutex is held, so that the work does not end while it is struck. */
static void *watch(void *context)
{
    struct sky_time_limit *limit = context;
    pthread_mutex_lock(&limit->mutex);
    while (!limit->freed) {
        int64_t now_ms = sky_clock_monotonic_ms(), until_ms = limit->until_ms;
        bool runs = until_ms != INT64_MAX;
        if (runs && (limit->stopped || now_ms >= until_ms)) {
            limit->struck = true;
            limit->strike(limit->context);
            until_ms = now_ms + STRIKE_MS;
        }
        struct timespec at = {until_ms / 1000, until_ms % 1000 * 1000000};
        if (runs)
            pthread_cond_timedwait(&limit->changed, &limit->mutex, &at);
        else
            pthread_cond_wait(&limit->changed, &limit->mutex);
    }
    pthread_mutex_unlock(&limit->mutex);
    return NULL;
}

enum sky_status sky_time_limit_new(void (*strike)(void *context), void *context, struct sky_time_limit **result)
{
    pthread_condattr_t attributes;
    struct sky_time_limit *limit = calloc(1, sizeof *limit);
    *result = NULL;
    if (!limit)
        return SKY_E_MEMORY;
    *limit = (struct sky_time_limit){.strike = strike, .context = context, .until_ms = INT64_MAX};
    pthread_mutex_init(&limit->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&limit->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&limit->thread, NULL, watch, limit) != 0) {
        pthread_cond_destroy(&limit->changed);
        pthread_mutex_destroy(&limit->mutex);
        free(limit);
        return SKY_E_IO;
    }
    *result = limit;
    return SKY_OK;
}

void sky_time_limit_free(struct sky_time_limit *limit)
{
    if (!limit)
        return;
    pthread_mutex_lock(&limit->mutex);
    limit->freed = true;
    pthread_cond_signal(&limit->changed);
    pthread_mutex_unlock(&limit->mutex);
    pthread_join(limit->thread, NULL);
    pthread_cond_destroy(&limit->changed);
    pthread_mutex_destroy(&limit->mutex);
    free(limit);
}

void sky_time_limit_begin(struct sky_time_limit *limit, int limit_ms)
{
    pthread_mutex_lock(&limit->mutex);
    limit->until_ms = sky_clock_monotonic_ms() + limit_ms;
    limit->struck = false;
    pthread_cond_signal(&limit->changed);
    pthread_mutex_unlock(&limit->mutex);
}

enum sky_time_limit_end sky_time_limit_end(struct sky_time_limit *limit)
{
    pthread_mutex_lock(&limit->mutex);
    limit->until_ms = INT64_MAX;
    enum sky_time_limit_end end = limit->stopped  ? SKY_TIME_LIMIT_STOPPED
                                  : limit->struck ? SKY_TIME_LIMIT_PASSED
                                                  : SKY_TIME_LIMIT_KEPT;
    pthread_mutex_unlock(&limit->mutex);
    return end;
}

void sky_time_limit_stop(struct sky_time_limit *limit)
{
    pthread_mutex_lock(&limit->mutex);
    limit->stopped = true;
    pthread_cond_signal(&limit->changed);
    pthread_mutex_unlock(&limit->mutex);
}
