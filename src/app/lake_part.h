/* lake_part.h: a partition on its way into the lake: the records that wait, and how far it is.
 *
 * The protocol that makes every record count once (docs/LAKE.md):
 *
 *     1. the plan is committed: offset = start, metadata "end=N"
 *     2. the files of [start, N) are written; their names follow from start and N
 *     3. the end is committed: offset = N, no metadata
 *
 * Whoever takes a partition over finds either a plain offset, and begins there, or a plan, and then does exactly that
 * chunk first, whatever its own limits are: it writes the same files again.
 *
 * Memory   a part owns its records. Threads  one owner. */
#ifndef SKY_APP_LAKE_PART_H
#define SKY_APP_LAKE_PART_H

#include "base/buffer.h"
#include "io/kafka/kafka.h"
#include "io/lake/lake_path.h"
#include "ops/topics.h"

#define SKY_LAKE_PARTS_MAX     4096 /* ours, that one member reads */
#define SKY_LAKE_METADATA_SIZE 32   /* "end=" and 20 digits */

struct sky_lake_part {
    char *topic;
    int32_t partition;
    enum sky_topic_kind kind;
    bool assigned;       /* to this member */
    uint64_t generation; /* another one after each assignment and revocation: what was begun before is void */
    int64_t start;       /* of the chunk; SKY_KAFKA_OFFSET_NONE until its first record when nothing was committed */
    int64_t end;         /* behind the last record that waits */
    int64_t seen_end;    /* all that there was below it has been given; 0: not known */
    int64_t plan_end;    /* of a plan that was found and is to be finished; 0: none */
    struct sky_buffer waiting; /* see sky_lake_records */
    uint64_t rows;
    int64_t since_clock_ms; /* when the first of them came */
};

struct sky_lake_parts {
    struct sky_lake_part *parts[SKY_LAKE_PARTS_MAX];
    size_t count;
    uint64_t waiting_bytes; /* of all */
};

void sky_lake_parts_clean_up(struct sky_lake_parts *parts);

/* The part of that name; made when missing. NULL: no memory, or too many. */
struct sky_lake_part *sky_lake_part_get(struct sky_lake_parts *parts, const char *topic, int32_t partition);

/* It is ours from `committed` on. Gives the offset to read from. */
int64_t sky_lake_part_assign(struct sky_lake_parts *parts, struct sky_lake_part *part, int64_t committed,
                             const char *metadata);
/* Not ours: what waits is dropped; another member reads it again. */
void sky_lake_part_revoke(struct sky_lake_parts *parts, struct sky_lake_part *part);

/* The brokers do not have what was committed any more: it goes on at an offset before `end`, when nothing waits. */
void sky_lake_part_reset(struct sky_lake_part *part, int64_t offset);

/* A record waits. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_lake_part_add(struct sky_lake_parts *parts, struct sky_lake_part *part,
                                               const struct sky_kafka_record *record, int64_t clock_ms);

/* What waits, as one chunk. The next one begins at its end. */
struct sky_lake_records {
    struct sky_lake_chunk chunk; /* its topic is the part's */
    enum sky_topic_kind kind;
    struct sky_buffer bytes; /* offset (8 bytes), length (4), bytes; ... */
    uint64_t count;
};

void sky_lake_part_take(struct sky_lake_parts *parts, struct sky_lake_part *part, struct sky_lake_records *records);

/* Go through them: start with *at = 0. */
bool sky_lake_records_next(const struct sky_lake_records *records, size_t *at, int64_t *offset,
                           struct sky_span *record);

void sky_lake_part_metadata(const struct sky_lake_part *part, char metadata[SKY_LAKE_METADATA_SIZE]);

/* All records of a plan that was found have come, the last of them being gone from the topic. */
bool sky_lake_part_ends_plan(const struct sky_lake_part *part);

#endif
