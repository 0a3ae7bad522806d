/* lake_storer.h: writes chunks into the lake in a thread of its own, one at a time, so that its owner reads on, keeps
 * its group and gives its sign of life whatever the store does.
 *
 *     sky_lake_part_take(&parts, part, &records)
 *     sky_lake_storer_begin(storer, &records)
 *     while (!sky_lake_storer_await(storer, 100)) ... other work ...
 *     sky_lake_storer_take(storer, &stored)
 *
 * What cannot be read is told of and kept as a dead letter; a chunk counts as stored when its letters are kept too.
 * While the store is away the chunk is tried again, until its owner says that the attempt under way is the last one.
 *
 * Memory   owns the records of its chunk.
 * Threads  one owner, and one of its own; the lake and the dead letters are that one's while a chunk is under way. */
#ifndef SKY_APP_LAKE_STORER_H
#define SKY_APP_LAKE_STORER_H

#include "app/lake_part.h"
#include "app/service.h"
#include "io/kafka/kafka_dead_letters.h"
#include "io/lake/lake.h"

struct sky_lake_storer;

struct sky_lake_storer_options {
    struct sky_service *service;  /* its metrics and health are told, and the rest is not touched */
    struct sky_lake_store *store; /* of the lake */
    struct sky_lake *lake;
    struct sky_kafka_dead_letters *dead_letters;
};

struct sky_lake_stored {
    enum sky_status status; /* SKY_E_END: the last attempt failed; SKY_E_MEMORY: no other will do better */
    struct sky_lake_chunk chunk;
    enum sky_topic_kind kind;
    uint64_t records;
    bool store_failed; /* at the last attempt */
    int64_t us;        /* that it took */
    int64_t oldest_ms; /* event times; INT64_MAX and 0 where there are none */
    int64_t newest_ms;
    struct sky_lake_totals totals; /* of the lake */
};

/* Borrows all that the options name. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_lake_storer_new(const struct sky_lake_storer_options *options,
                                                 struct sky_lake_storer **storer);
/* Waits for the attempt under way. NULL is fine. */
void sky_lake_storer_free(struct sky_lake_storer *storer);

/* Of a storer that has nothing to do. The records are taken over. */
void sky_lake_storer_begin(struct sky_lake_storer *storer, const struct sky_lake_records *records);
/* Likewise: is the store there? The answer is in sky_lake_stored.store_failed. */
void sky_lake_storer_begin_check(struct sky_lake_storer *storer);
/* The chunk under way is not tried again. */
void sky_lake_storer_let_go(struct sky_lake_storer *storer);

bool sky_lake_storer_is_busy(const struct sky_lake_storer *storer); /* from begin to take */
/* Waits so long at most for its end. True: nothing is under way. */
bool sky_lake_storer_await(struct sky_lake_storer *storer, int timeout_ms);
/* How long files have been on their way in the present attempt; 0: none are. */
int64_t sky_lake_storer_attempt_ms(struct sky_lake_storer *storer);
/* True: a chunk has come to its end, and *stored says how; once. */
bool sky_lake_storer_take(struct sky_lake_storer *storer, struct sky_lake_stored *stored);

/* Between attempts at the store and at a commit: the first wait, and the one behind it. */
#define SKY_LAKE_RETRY_FIRST_MS 500
int64_t sky_lake_longer_wait(int64_t wait_ms);

/* The store does not do what it should: logged, counted, told to /readyz. Any thread. */
void sky_lake_storer_tell_failure(const struct sky_service *service, const char *problem);

#endif
