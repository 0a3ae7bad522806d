#include "io/lake/lake_tidy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/host/thread.h"

struct sky_lake_tidy {
    pthread_t thread;
    bool started;
    atomic_bool stop;
    pthread_mutex_t mutex; /* over the next four */
    pthread_cond_t wake;
    bool wanted;
    struct sky_lake_compaction asked;
    bool is_over;
    struct sky_lake_tidied tidied;
    /* the thread's own */
    struct sky_lake_tidy_options options;
    char *staging;
    struct sky_lake_store *store;
};

bool sky_lake_tidy_goes_on(const struct sky_lake_tidy *tidy)
{
    return !atomic_load_explicit(&tidy->stop, memory_order_relaxed);
}

static bool goes_on(void *context)
{
    return sky_lake_tidy_goes_on((const struct sky_lake_tidy *)context);
}

/* ---- a round, in the thread ---- */

/* With a lake for this round only: between them it would hold memory for nothing. */
static enum sky_status compact(struct sky_lake_tidy *tidy, const struct sky_lake_compaction *asked,
                               struct sky_lake_tidied *tidied)
{
    struct sky_lake *lake = NULL;
    struct sky_lake_compaction compaction = *asked;
    compaction.goes_on = goes_on;
    compaction.context = tidy;
    const struct sky_lake_options options = {tidy->store, tidy->staging, tidy->options.memory_bytes};
    enum sky_status status = sky_lake_new(&options, &lake, tidied->problem);
    if (status != SKY_OK)
        return status;
    status = sky_lake_compact(lake, &compaction, &tidied->done);
    if (status != SKY_OK)
        snprintf(tidied->problem, sizeof tidied->problem, "%s", sky_lake_problem(lake));
    sky_lake_free(lake);
    return status;
}

/* Rounds that the owner did not ask about yet count together. */
static void tell(struct sky_lake_tidy *tidy, const struct sky_lake_tidied *tidied)
{
    struct sky_lake_tidied *told = &tidy->tidied;
    struct sky_lake_compacted before = told->done;
    *told = *tidied;
    if (tidy->is_over) {
        told->done.merged += before.merged;
        told->done.replaced += before.replaced;
        told->done.deleted += before.deleted;
    }
    tidy->is_over = true;
}

static void *run(void *context)
{
    struct sky_lake_tidy *tidy = (struct sky_lake_tidy *)context;
    pthread_mutex_lock(&tidy->mutex);
    while (sky_lake_tidy_goes_on(tidy)) {
        if (!tidy->wanted) {
            pthread_cond_wait(&tidy->wake, &tidy->mutex);
            continue;
        }
        struct sky_lake_compaction asked = tidy->asked;
        struct sky_lake_tidied tidied = {.now_ms = asked.now_ms};
        tidy->wanted = false;
        pthread_mutex_unlock(&tidy->mutex);
        if (tidy->options.compacts) {
            tidied.status = compact(tidy, &asked, &tidied);
            tidied.whole = tidied.status == SKY_OK && !tidied.done.more && !tidied.done.waiting;
        }
        if (tidy->options.also && sky_lake_tidy_goes_on(tidy))
            tidy->options.also(tidy->options.context, tidy, tidy->store, asked.now_ms);
        pthread_mutex_lock(&tidy->mutex);
        tell(tidy, &tidied);
    }
    pthread_mutex_unlock(&tidy->mutex);
    return NULL;
}

/* ---- the owner ---- */

static enum sky_status open_store(struct sky_lake_tidy *tidy, const struct sky_lake_store_options *options,
                                  char problem[SKY_LAKE_PROBLEM_SIZE])
{
    struct sky_lake_store_options own = *options;
    struct sky_s3_options s3;
    if (options->s3) {
        s3 = *options->s3;
        s3.stop = &tidy->stop;
        own.s3 = &s3;
    }
    return sky_lake_store_new(&own, &tidy->store, problem);
}

enum sky_status sky_lake_tidy_new(const struct sky_lake_tidy_options *options, struct sky_lake_tidy **tidy,
                                  char problem[SKY_LAKE_PROBLEM_SIZE])
{
    struct sky_lake_tidy *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    made->options = *options;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->wake, NULL);
    made->staging = strdup(options->staging_directory);
    enum sky_status status = made->staging ? open_store(made, options->store, problem) : SKY_E_MEMORY;
    if (status == SKY_OK) {
        made->started = sky_thread_start(&made->thread, run, made) == SKY_OK;
        status = made->started ? SKY_OK : SKY_E_MEMORY;
    }
    if (status != SKY_OK) {
        sky_lake_tidy_free(made);
        return status;
    }
    *tidy = made;
    return SKY_OK;
}

void sky_lake_tidy_stop(struct sky_lake_tidy *tidy)
{
    pthread_mutex_lock(&tidy->mutex);
    atomic_store(&tidy->stop, true);
    pthread_cond_signal(&tidy->wake);
    pthread_mutex_unlock(&tidy->mutex);
}

void sky_lake_tidy_free(struct sky_lake_tidy *tidy)
{
    if (!tidy)
        return;
    sky_lake_tidy_stop(tidy);
    if (tidy->started)
        pthread_join(tidy->thread, NULL);
    pthread_mutex_destroy(&tidy->mutex);
    pthread_cond_destroy(&tidy->wake);
    sky_lake_store_free(tidy->store);
    free(tidy->staging);
    free(tidy);
}

void sky_lake_tidy_ask(struct sky_lake_tidy *tidy, const struct sky_lake_compaction *compaction)
{
    pthread_mutex_lock(&tidy->mutex);
    tidy->asked = *compaction;
    tidy->wanted = true;
    pthread_cond_signal(&tidy->wake);
    pthread_mutex_unlock(&tidy->mutex);
}

bool sky_lake_tidy_take(struct sky_lake_tidy *tidy, struct sky_lake_tidied *tidied)
{
    pthread_mutex_lock(&tidy->mutex);
    bool is_over = tidy->is_over;
    if (is_over)
        *tidied = tidy->tidied;
    tidy->is_over = false;
    pthread_mutex_unlock(&tidy->mutex);
    return is_over;
}
