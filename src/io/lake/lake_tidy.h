/* lake_tidy.h: compaction in a thread beside. A round may take minutes (lists, many small files, a slow store), while
 * its owner has a group to stay in and a sign of life to give.
 *
 * Memory   memory_bytes for DuckDB during a round, and a connection to the store of its own.
 * Threads  one owner, and one of its own. */
#ifndef SKY_IO_LAKE_LAKE_TIDY_H
#define SKY_IO_LAKE_LAKE_TIDY_H

#include "io/lake/lake.h"

struct sky_lake_tidy;

struct sky_lake_tidy_options {
    const struct sky_lake_store_options *store; /* s3->stop is the module's own */
    const char *staging_directory;              /* as in sky_lake_options */
    uint64_t memory_bytes;
    bool compacts; /* false: only `also` */
    /* Called in its thread behind each round; it looks at sky_lake_tidy_goes_on now and then. NULL: nothing. */
    void (*also)(void *context, struct sky_lake_tidy *tidy, struct sky_lake_store *store, int64_t now_ms);
    void *context;
};

struct sky_lake_tidied {
    enum sky_status status; /* of the last round; SKY_E_END: it was stopped */
    bool whole;             /* that one left nothing to do, now or later */
    int64_t now_ms;         /* as it was asked */
    struct sky_lake_compacted done;
    char problem[SKY_LAKE_PROBLEM_SIZE];
};

/* As sky_lake_store_new; nothing is connected to. */
SKY_MUST_USE enum sky_status sky_lake_tidy_new(const struct sky_lake_tidy_options *options, struct sky_lake_tidy **tidy,
                                               char problem[SKY_LAKE_PROBLEM_SIZE]);
/* Stops, and waits for that: some seconds when files are becoming one just then. NULL is fine. */
void sky_lake_tidy_free(struct sky_lake_tidy *tidy);

/* No more rounds; one under way ends soon. Does not wait. */
void sky_lake_tidy_stop(struct sky_lake_tidy *tidy);
bool sky_lake_tidy_goes_on(const struct sky_lake_tidy *tidy); /* from any thread */

/* A round is wanted, behind the one under way if there is one; goes_on is the module's own. */
void sky_lake_tidy_ask(struct sky_lake_tidy *tidy, const struct sky_lake_compaction *compaction);
/* True: one or more rounds are over, and *tidied has what they did, once. */
bool sky_lake_tidy_take(struct sky_lake_tidy *tidy, struct sky_lake_tidied *tidied);

#endif
