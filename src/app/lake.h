/* lake.h: what `skytrend lake` consists of while it runs, inside `lake`. For the files lake*.c that have a
 * struct sky_lake_service.
 *
 *     lake.c         the command: records in, what is due out, compaction
 *     lake_open.c    what it needs is opened, and closed at the end
 *     lake_chunk.c   chunks: plan, store, commit
 *     lake_part.h    the records of a partition that wait
 *     lake_storer.h  the thread that writes chunks
 *
 * Threads  one reads and commits; the storer's writes; a third makes small files one (io/lake/lake_tidy.h). */
#ifndef SKY_APP_LAKE_H
#define SKY_APP_LAKE_H

#include "app/grace.h"
#include "app/lake_part.h"
#include "app/lake_storer.h"
#include "app/service.h"
#include "io/lake/lake_tidy.h"

#define SKY_LAKE_POLL_MS 100

struct sky_lake_service {
    struct sky_service service;
    const struct sky_config *config;
    struct sky_grace grace;
    char location[PATH_MAX];
    char staging[PATH_MAX];
    struct sky_lake_store *store;
    struct sky_lake *lake;
    struct sky_lake_tidy *tidy; /* NULL: nothing is made one */
    struct sky_kafka_consumer *consumer;
    struct sky_kafka_dead_letters *dead_letters;
    struct sky_lake_parts parts;
    struct sky_lake_storer *storer;
    struct sky_lake_part *stored_part; /* whose chunk the storer has, */
    uint64_t stored_generation;        /* as it was then */
    uint64_t stored_bytes;             /* of the chunk's records */
    struct sky_lake_totals totals;
    int64_t compact_clock_ms; /* of the next round */
    int64_t touched_ms;       /* what is older has been tidied, and not been written to since */
    int64_t tidied_ms;        /* as that was before the round under way */
    bool is_tidying;
    int64_t newest_ms; /* the newest event time seen */
    int64_t store_check_clock_ms;
    bool store_failed; /* and no chunk was stored since */
    bool failed;       /* no hope without a person; it has been told */
};

/* ---- lake_open.c ---- */

/* All that it needs; waits for the store. The exit code: SKY_EXIT_OK without a storer when it was asked to end
 * meanwhile; anything else has been told. Close in any case. */
SKY_MUST_USE int sky_lake_open(struct sky_lake_service *lake);
void sky_lake_close(struct sky_lake_service *lake);

/* ---- lake_chunk.c ---- */

/* What waits of a part is handed to the storer, with its plan committed; behind the chunk that is there before. The
 * part may be another member's afterwards: look at its generation. */
void sky_lake_begin_chunk(struct sky_lake_service *lake, struct sky_lake_part *part);
/* A chunk that has come to its end in the storer: the offset behind it is committed. */
void sky_lake_finish_chunk(struct sky_lake_service *lake);
/* Until the storer has nothing to do, and its chunk is finished. */
void sky_lake_await_storer(struct sky_lake_service *lake);

uint64_t sky_lake_waiting_bytes(const struct sky_lake_service *lake); /* of all records in memory */
void sky_lake_tell_totals(struct sky_lake_service *lake);

void sky_lake_store_works(struct sky_lake_service *lake);
/* A chunk that takes long, and a store that failed and may be back. */
void sky_lake_watch_store(struct sky_lake_service *lake);
void sky_lake_check_failed_store(struct sky_lake_service *lake);

/* A partition has no more for now below that offset. */
void sky_lake_note_end(struct sky_lake_service *lake, const char *topic, int32_t partition, int64_t offset);
void sky_lake_read_again(struct sky_lake_service *lake, const char *topic, int32_t partition, int64_t offset);

#endif
