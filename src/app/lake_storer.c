#include "app/lake_storer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "app/trace.h"
#include "event/event_time.h"
#include "event/post_json.h"
#include "io/host/clock.h"
#include "io/host/thread.h"
#include "ops/log.h"
#include "trend/record_json.h"

#define RETRY_MS_MAX 60000
#define SETTLE_MS    5000

struct sky_lake_storer {
    struct sky_lake_storer_options options;
    pthread_t thread;
    bool started;
    bool busy;             /* the owner's */
    pthread_mutex_t mutex; /* over the next six */
    pthread_cond_t changed;
    bool wanted; /* a chunk, or a check, waits for the thread, or is under way there */
    bool done;   /* its end waits for the owner */
    bool let_go;
    bool stop;
    int64_t attempt_clock_ms; /* when it began; 0: between attempts */
    /* the thread's own while a chunk is under way */
    struct sky_lake_records records;
    bool checks; /* the store, and stores nothing */
    struct sky_lake_stored stored;
    int64_t newest_ms_max; /* a later event time is stored like others, but says nothing of how fresh the lake is */
    bool failed;           /* a dead letter is lost */
    struct sky_post_json_reader post_reader;
    struct sky_record_reader record_reader;
};

/* ---- records to rows ---- */

static void bury(struct sky_lake_storer *storer, const struct sky_kafka_record *record, const struct sky_error *error)
{
    const struct sky_kafka_dead_letter letter = {
        .service = "lake",
        .reason = error->reason ? error->reason : sky_status_name(error->status),
        .topic = record->topic,
        .partition = record->partition,
        .offset = record->offset,
        .value = record->value,
    };
    sky_service_bad_record(storer->options.service, record, error);
    if (sky_kafka_dead_letters_add(storer->options.dead_letters, &letter) != SKY_OK)
        storer->failed = true;
}

static void note_time(struct sky_lake_storer *storer, int64_t time_ms)
{
    if (time_ms < storer->stored.oldest_ms)
        storer->stored.oldest_ms = time_ms;
    if (time_ms > storer->stored.newest_ms && time_ms <= storer->newest_ms_max)
        storer->stored.newest_ms = time_ms;
}

/* The record as rows. An error of the record itself is in *error; what is returned is the lake's. */
static enum sky_status add_record(struct sky_lake_storer *storer, struct sky_span value, struct sky_error *error)
{
    struct sky_lake *lake = storer->options.lake;
    struct sky_post post;
    struct sky_trend_snapshot snapshot;
    struct sky_activity_record activity;
    struct sky_session session;
    *error = (struct sky_error){0};
    switch (storer->records.kind) {
    case SKY_TOPIC_POSTS:
        if (sky_post_json_read(&storer->post_reader, value, &post, error) != SKY_OK)
            return SKY_OK;
        note_time(storer, post.event_time_ms);
        sky_trace_post("post_stored", &post);
        return sky_lake_add_post(lake, &post);
    case SKY_TOPIC_TRENDS:
        if (sky_trend_snapshot_read(&storer->record_reader, value, &snapshot, error) != SKY_OK)
            return SKY_OK;
        note_time(storer, snapshot.window_end_ms);
        sky_trace_changes(SKY_LOG_DEBUG, "trend_start_stored", "trend_end_stored", &snapshot);
        return sky_lake_add_trends(lake, &snapshot);
    case SKY_TOPIC_ACTIVITY:
        if (sky_activity_read(&storer->record_reader, value, &activity, error) != SKY_OK)
            return SKY_OK;
        note_time(storer, activity.window_end_ms);
        return sky_lake_add_activity(lake, &activity);
    case SKY_TOPIC_SESSIONS:
        if (sky_session_read(&storer->record_reader, value, &session, error) != SKY_OK)
            return SKY_OK;
        note_time(storer, session.session_end_ms);
        return sky_lake_add_session(lake, &session);
    default: return SKY_OK;
    }
}

/* The chunk's records as rows. `first`: bad ones are told of, which a repetition does not do again. */
static enum sky_status add_records(struct sky_lake_storer *storer, bool first)
{
    const struct sky_lake_records *records = &storer->records;
    struct sky_kafka_record record = {.topic = records->chunk.topic, .partition = records->chunk.partition};
    struct sky_error error;
    size_t at = 0;
    enum sky_status status = sky_lake_clear(storer->options.lake);
    while (status == SKY_OK && sky_lake_records_next(records, &at, &record.offset, &record.value)) {
        status = add_record(storer, record.value, &error);
        if (status == SKY_E_LIMIT) {
            error = (struct sky_error){SKY_E_LIMIT, 0, "of one hour too many for its chunk"};
            status = SKY_OK;
        }
        if (error.status != SKY_OK && first)
            bury(storer, &record, &error);
    }
    return status;
}

/* ---- a chunk, in the thread ---- */

/* SKY_E_END: it is not to be tried again. */
static enum sky_status wait_to_retry(struct sky_lake_storer *storer, int64_t *wait_ms)
{
    struct timespec until = sky_thread_time_in(*wait_ms);
    int error = 0;
    *wait_ms = sky_lake_longer_wait(*wait_ms);
    pthread_mutex_lock(&storer->mutex);
    while (!storer->let_go && !storer->stop && !error)
        error = pthread_cond_timedwait(&storer->changed, &storer->mutex, &until);
    bool goes_on = !storer->let_go && !storer->stop;
    pthread_mutex_unlock(&storer->mutex);
    return goes_on ? SKY_OK : SKY_E_END;
}

int64_t sky_lake_longer_wait(int64_t wait_ms)
{
    return wait_ms * 2 < RETRY_MS_MAX ? wait_ms * 2 : RETRY_MS_MAX;
}

void sky_lake_storer_tell_failure(const struct sky_service *service, const char *problem)
{
    sky_metric_add(service->metrics, SKY_METRIC_LAKE_STORE_FAILURES, 0, 1);
    sky_health_set(service->health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_FAILED, problem);
    sky_log(SKY_LOG_WARN, "store_failed", SKY_LOG_TEXT("reason", problem));
}

static void note_attempt(struct sky_lake_storer *storer, int64_t clock_ms)
{
    pthread_mutex_lock(&storer->mutex);
    storer->attempt_clock_ms = clock_ms;
    pthread_mutex_unlock(&storer->mutex);
}

static enum sky_status store_files(struct sky_lake_storer *storer)
{
    struct sky_lake *lake = storer->options.lake;
    const struct sky_lake_chunk *chunk = &storer->records.chunk;
    int64_t wait_ms = SKY_LAKE_RETRY_FIRST_MS;
    for (bool first = true;; first = false) {
        note_attempt(storer, sky_clock_monotonic_ms());
        enum sky_status status = add_records(storer, first);
        if (status == SKY_OK)
            status = sky_lake_store_raw_posts(lake, chunk);
        if (status == SKY_OK)
            status = sky_lake_store_trend_aggregations(lake, chunk);
        note_attempt(storer, 0);
        if (storer->failed)
            return SKY_E_MEMORY;
        storer->stored.store_failed = status != SKY_OK;
        if (status == SKY_OK)
            return SKY_OK;
        sky_lake_storer_tell_failure(storer->options.service, sky_lake_problem(lake));
        if (wait_to_retry(storer, &wait_ms) != SKY_OK)
            return SKY_E_END;
    }
}

/* What could not be read is kept before the offset behind it is committed. */
static enum sky_status settle(struct sky_lake_storer *storer)
{
    struct sky_kafka_dead_letters *letters = storer->options.dead_letters;
    struct sky_kafka_message message;
    int64_t wait_ms = SKY_LAKE_RETRY_FIRST_MS;
    uint64_t count = sky_kafka_dead_letters_pending(letters);
    while (sky_kafka_dead_letters_settle(letters, SETTLE_MS, &message) != SKY_OK) {
        sky_log(SKY_LOG_WARN, "dead_letters_not_kept", SKY_LOG_TEXT("reason", message.text),
                SKY_LOG_INT("count", count));
        if (wait_to_retry(storer, &wait_ms) != SKY_OK)
            return SKY_E_END;
    }
    if (count)
        sky_metric_add(storer->options.service->metrics, SKY_METRIC_KAFKA_PRODUCED, SKY_TOPIC_DEAD_LETTERS, count);
    return SKY_OK;
}

static void store(struct sky_lake_storer *storer)
{
    struct sky_lake_stored *stored = &storer->stored;
    int64_t begun_us = sky_clock_monotonic_us();
    *stored = (struct sky_lake_stored){
        .chunk = storer->records.chunk,
        .kind = storer->records.kind,
        .records = storer->records.count,
        .oldest_ms = INT64_MAX,
    };
    storer->newest_ms_max = sky_clock_wall_ms() + SKY_TIME_RECORD_AHEAD_MS_MAX;
    stored->status = store_files(storer);
    if (stored->status == SKY_OK)
        stored->status = settle(storer);
    stored->us = sky_clock_monotonic_us() - begun_us;
    sky_lake_totals(storer->options.lake, &stored->totals);
    sky_buffer_clean_up(&storer->records.bytes);
}

static void check(struct sky_lake_storer *storer)
{
    storer->stored = (struct sky_lake_stored){.oldest_ms = INT64_MAX};
    storer->stored.store_failed = sky_lake_store_check(storer->options.store, false) != SKY_OK;
    sky_lake_totals(storer->options.lake, &storer->stored.totals);
}

static void *run(void *context)
{
    struct sky_lake_storer *storer = (struct sky_lake_storer *)context;
    pthread_mutex_lock(&storer->mutex);
    while (!storer->stop) {
        if (!storer->wanted) {
            pthread_cond_wait(&storer->changed, &storer->mutex);
            continue;
        }
        pthread_mutex_unlock(&storer->mutex);
        if (storer->checks)
            check(storer);
        else
            store(storer);
        pthread_mutex_lock(&storer->mutex);
        storer->wanted = false;
        storer->done = true;
        pthread_cond_broadcast(&storer->changed);
    }
    pthread_mutex_unlock(&storer->mutex);
    return NULL;
}

/* ---- the owner ---- */

enum sky_status sky_lake_storer_new(const struct sky_lake_storer_options *options, struct sky_lake_storer **storer)
{
    struct sky_lake_storer *made = calloc(1, sizeof *made);
    *storer = NULL;
    if (!made)
        return SKY_E_MEMORY;
    made->options = *options;
    sky_post_json_reader_init(&made->post_reader);
    sky_record_reader_init(&made->record_reader);
    pthread_mutex_init(&made->mutex, NULL);
    sky_thread_condition_init(&made->changed);
    made->started = sky_thread_start(&made->thread, run, made) == SKY_OK;
    if (!made->started) {
        sky_lake_storer_free(made);
        return SKY_E_MEMORY;
    }
    *storer = made;
    return SKY_OK;
}

void sky_lake_storer_free(struct sky_lake_storer *storer)
{
    if (!storer)
        return;
    pthread_mutex_lock(&storer->mutex);
    storer->stop = true;
    pthread_cond_broadcast(&storer->changed);
    pthread_mutex_unlock(&storer->mutex);
    if (storer->started)
        pthread_join(storer->thread, NULL);
    pthread_mutex_destroy(&storer->mutex);
    pthread_cond_destroy(&storer->changed);
    sky_post_json_reader_clean_up(&storer->post_reader);
    sky_record_reader_clean_up(&storer->record_reader);
    sky_buffer_clean_up(&storer->records.bytes);
    free(storer);
}

static void begin(struct sky_lake_storer *storer, const struct sky_lake_records *records)
{
    assert(!storer->busy);
    storer->busy = true;
    pthread_mutex_lock(&storer->mutex);
    storer->checks = !records;
    if (records)
        storer->records = *records;
    storer->wanted = true;
    storer->let_go = false;
    pthread_cond_broadcast(&storer->changed);
    pthread_mutex_unlock(&storer->mutex);
}

void sky_lake_storer_begin(struct sky_lake_storer *storer, const struct sky_lake_records *records)
{
    begin(storer, records);
}

void sky_lake_storer_begin_check(struct sky_lake_storer *storer)
{
    begin(storer, NULL);
}

void sky_lake_storer_let_go(struct sky_lake_storer *storer)
{
    pthread_mutex_lock(&storer->mutex);
    storer->let_go = true;
    pthread_cond_broadcast(&storer->changed);
    pthread_mutex_unlock(&storer->mutex);
}

bool sky_lake_storer_is_busy(const struct sky_lake_storer *storer)
{
    return storer->busy;
}

bool sky_lake_storer_await(struct sky_lake_storer *storer, int timeout_ms)
{
    struct timespec until = sky_thread_time_in(timeout_ms);
    int error = 0;
    pthread_mutex_lock(&storer->mutex);
    while (storer->wanted && !error)
        error = pthread_cond_timedwait(&storer->changed, &storer->mutex, &until);
    bool is_over = !storer->wanted;
    pthread_mutex_unlock(&storer->mutex);
    return is_over;
}

int64_t sky_lake_storer_attempt_ms(struct sky_lake_storer *storer)
{
    pthread_mutex_lock(&storer->mutex);
    int64_t begun_ms = storer->attempt_clock_ms;
    pthread_mutex_unlock(&storer->mutex);
    return begun_ms ? sky_clock_monotonic_ms() - begun_ms : 0;
}

bool sky_lake_storer_take(struct sky_lake_storer *storer, struct sky_lake_stored *stored)
{
    pthread_mutex_lock(&storer->mutex);
    bool done = storer->done;
    if (done)
        *stored = storer->stored;
    storer->done = false;
    pthread_mutex_unlock(&storer->mutex);
    if (done)
        storer->busy = false;
    return done;
}
