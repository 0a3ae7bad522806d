/* database.h: one DuckDB in memory, with its limits: what parquet.c and lake_query.c have in common.
 *
 * Nothing is installed or fetched by DuckDB itself: extensions come from a file that is named.
 *
 * Memory   at most memory_bytes for DuckDB's own buffers, some tens of MB around them; what does not fit goes to
 *          spill_directory, or fails where there is none.
 * Threads  one owner; DuckDB uses `threads` of its own inside a call. */
#ifndef SKY_IO_LAKE_DATABASE_H
#define SKY_IO_LAKE_DATABASE_H

#include <duckdb.h>

#include "base/buffer.h"

#define SKY_DATABASE_PROBLEM_SIZE 1024

struct sky_database_options {
    uint64_t memory_bytes;
    uint32_t threads;
    const char *spill_directory; /* NULL: none */
};

struct sky_database {
    duckdb_database database;
    duckdb_connection connection;
    char problem[SKY_DATABASE_PROBLEM_SIZE]; /* of the last call that failed; printable */
};

/* SKY_E_MEMORY, SKY_E_CONFIG. Clean up in any case. */
SKY_MUST_USE enum sky_status sky_database_open(struct sky_database *database,
                                               const struct sky_database_options *options);
void sky_database_close(struct sky_database *database); /* a zeroed one is fine */

/* Run one statement and forget what it gives. SKY_E_IO: problem says why. */
SKY_MUST_USE enum sky_status sky_database_run(struct sky_database *database, const char *sql);

/* Keep what DuckDB says, its first line, for `problem`; gives SKY_E_IO. */
enum sky_status sky_database_fail(struct sky_database *database, const char *error);

/* Append 'text' as SQL writes it: in quotes, quotes doubled. */
void sky_sql_put_text(struct sky_buffer *sql, struct sky_span text);

#endif
