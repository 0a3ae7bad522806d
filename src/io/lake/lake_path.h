/* lake_path.h: where the lake keeps what: tables, the folder of an hour, and files named by what they cover.
 *
 *     raw/posts/year=2026/month=01/day=05/hour=14/bluesky-posts-3-00000000000000000000-00000000000000050000.parquet
 *
 * The rule that all else rests on: a file holds every row of its topic's partition with an offset in [start, end) that
 * belongs to its table and hour. So writing it again changes nothing, and a file whose range lies within that of
 * another one in the same folder is *covered*: it says nothing that the other one does not. Compaction writes the
 * covering file first and deletes the covered ones later; whoever reads passes them over, and a crash in between hurts
 * nobody.
 *
 * Memory   none. Threads  any. Trust  names of files may be anything: what is not ours is told apart. */
#ifndef SKY_IO_LAKE_LAKE_PATH_H
#define SKY_IO_LAKE_LAKE_PATH_H

#include "base/span.h"

#define SKY_LAKE_TOPIC_SIZE 250 /* Kafka: a topic's name has 249 bytes at most */
#define SKY_LAKE_KEY_SIZE   512 /* folder and file name */

enum sky_lake_table {
    SKY_LAKE_POSTS,
    SKY_LAKE_DELETES, /* deleted posts, and account events: what a reader must know to hide posts */
    SKY_LAKE_TRENDS,
    SKY_LAKE_ACTIVITY,
    SKY_LAKE_SESSIONS,
    SKY_LAKE_TABLE_COUNT
};

const char *sky_lake_table_name(enum sky_lake_table table);   /* "posts" */
const char *sky_lake_table_folder(enum sky_lake_table table); /* "raw/posts/" */

/* "raw/posts/year=2026/month=01/day=05/hour=14/" of the hour that `time_ms` is in. */
void sky_lake_get_partition_path(enum sky_lake_table table, int64_t time_ms, char path[SKY_LAKE_KEY_SIZE]);

/* The longest folder that holds all hours of [start_ms, end_ms): "raw/posts/year=2026/month=01/". */
void sky_lake_get_common_path(enum sky_lake_table table, int64_t start_ms, int64_t end_ms,
                              char path[SKY_LAKE_KEY_SIZE]);

/* What a file covers. A topic's name is as Kafka allows it: A-Z a-z 0-9 . _ - */
struct sky_lake_chunk {
    const char *topic;
    int32_t partition;
    int64_t start; /* offset of the first record */
    int64_t end;   /* behind the last */
};

void sky_lake_get_key(enum sky_lake_table table, int64_t time_ms, const struct sky_lake_chunk *chunk,
                      char key[SKY_LAKE_KEY_SIZE]);

struct sky_lake_file {
    enum sky_lake_table table;
    int64_t hour_ms;
    struct sky_span topic; /* borrows the key */
    int32_t partition;
    int64_t start;
    int64_t end;
};

/* False: not a file of the lake. */
bool sky_lake_parse_key(struct sky_span key, struct sky_lake_file *file);

/* `inner` is of the same hour, topic and partition, and lies within `outer` without being it. */
bool sky_lake_covers(const struct sky_lake_file *outer, const struct sky_lake_file *inner);

/* By table, hour, topic, partition, start, and the longer one first: covered files stand behind what covers them. */
int sky_lake_file_compare(const struct sky_lake_file *a, const struct sky_lake_file *b);

#endif
