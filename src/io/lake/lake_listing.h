/* lake_listing.h: the files of a lake, for those who read it and those who tidy it.
 *
 * Memory   owns all keys. Threads  one owner. */
#ifndef SKY_IO_LAKE_LAKE_LISTING_H
#define SKY_IO_LAKE_LAKE_LISTING_H

#include "io/lake/lake_path.h"
#include "io/lake/lake_store.h"

#define SKY_LAKE_FILES_MAX 2000000 /* ours, of one listing: some 400 MB of names */

struct sky_lake_entry {
    struct sky_lake_file file;
    struct sky_span key; /* NUL stands behind it */
    uint64_t size_bytes;
    int64_t modified_ms;
    bool covered; /* by another entry */
};

struct sky_lake_listing {
    struct sky_lake_entry *entries; /* sorted as sky_lake_file_compare says */
    size_t count;
    /* the rest is the module's own */
    size_t capacity;
    struct sky_buffer keys;
    int64_t start_ms;
    int64_t end_ms;
};

/* The files of `table` whose hour overlaps [start_ms, end_ms); only folders of these are asked for. What is not a file
 * of the lake is passed over. SKY_E_LIMIT: more than SKY_LAKE_FILES_MAX; errors of the store: its problem says why. */
SKY_MUST_USE enum sky_status sky_lake_list(struct sky_lake_store *store, enum sky_lake_table table, int64_t start_ms,
                                           int64_t end_ms, struct sky_lake_listing *listing);
void sky_lake_listing_clean_up(struct sky_lake_listing *listing);

#endif
