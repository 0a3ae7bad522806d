#include "io/api/time_limit.h"

#include <stdlib.h>

#include "io/host/clock.h"
#include "io/host/thread.h"

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
        struct timespec at = sky_thread_time(until_ms);
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
    struct sky_time_limit *limit = calloc(1, sizeof *limit);
    *result = NULL;
    if (!limit)
        return SKY_E_MEMORY;
    *limit = (struct sky_time_limit){.strike = strike, .context = context, .until_ms = INT64_MAX};
    pthread_mutex_init(&limit->mutex, NULL);
    sky_thread_condition_init(&limit->changed);
    if (sky_thread_start(&limit->thread, watch, limit) != SKY_OK) {
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
