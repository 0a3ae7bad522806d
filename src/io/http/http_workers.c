#include "io/http/http_workers.h"

#include <stdlib.h>

#include "io/host/thread.h"

struct sky_http_workers {
    struct sky_http_work work;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void *jobs[SKY_HTTP_WORK_MAX]; /* a ring */
    unsigned first;
    unsigned count;
    bool stopping;
};

static void *take(struct sky_http_workers *workers)
{
    void *job = workers->jobs[workers->first];
    workers->first = (workers->first + 1) % SKY_HTTP_WORK_MAX;
    workers->count--;
    return job;
}

static void *work(void *context)
{
    struct sky_http_workers *workers = context;
    pthread_mutex_lock(&workers->mutex);
    while (!workers->stopping) {
        if (!workers->count) {
            pthread_cond_wait(&workers->changed, &workers->mutex);
            continue;
        }
        void *job = take(workers);
        pthread_mutex_unlock(&workers->mutex);
        workers->work.run(job);
        pthread_mutex_lock(&workers->mutex);
    }
    while (workers->count)
        workers->work.abandon(take(workers));
    pthread_mutex_unlock(&workers->mutex);
    return NULL;
}

enum sky_status sky_http_workers_new(const struct sky_http_work *functions, struct sky_http_workers **result)
{
    struct sky_http_workers *workers = calloc(1, sizeof *workers);
    *result = NULL;
    if (!workers)
        return SKY_E_MEMORY;
    workers->work = *functions;
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->changed, NULL);
    if (sky_thread_start(&workers->thread, work, workers) != SKY_OK) {
        pthread_cond_destroy(&workers->changed);
        pthread_mutex_destroy(&workers->mutex);
        free(workers);
        return SKY_E_IO;
    }
    *result = workers;
    return SKY_OK;
}

bool sky_http_workers_put(struct sky_http_workers *workers, void *job)
{
    pthread_mutex_lock(&workers->mutex);
    bool has_room = workers->count < SKY_HTTP_WORK_MAX && !workers->stopping;
    if (has_room) {
        workers->jobs[(workers->first + workers->count++) % SKY_HTTP_WORK_MAX] = job;
        pthread_cond_signal(&workers->changed);
    }
    pthread_mutex_unlock(&workers->mutex);
    return has_room;
}

void sky_http_workers_stop(struct sky_http_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->mutex);
    workers->stopping = true;
    pthread_cond_signal(&workers->changed);
    pthread_mutex_unlock(&workers->mutex);
    pthread_join(workers->thread, NULL);
}

void sky_http_workers_free(struct sky_http_workers *workers)
{
    if (!workers)
        return;
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->mutex);
    free(workers);
}
