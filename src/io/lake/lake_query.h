/* lake_query.h: reads a lake, in a bucket or a folder, by DuckDB. Nothing is ever written.
 *
 * Two ways: the trends between two instants (sky_lake_query_historical_trends), and any SELECT over these views:
 *
 *     posts       what is still to be seen: without repeats (uri, rev, op), deleted posts, and posts of accounts that
 *                 are gone
 *     raw_posts   all rows, as they were written
 *     deletes, trends, activity, sessions
 *
 * The files of the hours asked for are listed first and named one by one, so no other hour is touched, and files that
 * are covered by others are passed over. A SELECT can read these files and nothing else: no other file, no network.
 *
 * Memory   options.memory_bytes for DuckDB; results are held whole.
 * Threads  one owner; sky_lake_query_interrupt by any.
 * Errors   SKY_E_CONFIG  a person must act: no such lake, wrong keys, no httpfs extension
 *          SKY_E_RANGE   the SQL is wrong or not a SELECT
 *          SKY_E_IO      the store cannot be reached, or a file is damaged
 *          SKY_E_END     interrupted, or *s3->stop
 *          others as in s3.h. sky_lake_query_problem says it in words. */
#ifndef SKY_IO_LAKE_LAKE_QUERY_H
#define SKY_IO_LAKE_LAKE_QUERY_H

#include "io/lake/lake_path.h"
#include "io/lake/lake_store.h"

#define SKY_LAKE_QUERY_PROBLEM_SIZE 1200
#define SKY_LAKE_QUERY_COLUMNS_MAX  256

struct sky_lake_query_options {
    const char *location;            /* as in lake_store.h */
    const struct sky_s3_options *s3; /* may be NULL for a folder */
    const char *httpfs;              /* path of DuckDB's httpfs extension: for S3 */
    uint64_t memory_bytes;
    uint32_t threads;
};

struct sky_lake_query;

/* What a value is, so that it can be written as JSON: text, a number or a boolean as it is, or JSON already. */
enum sky_lake_value_kind { SKY_LAKE_VALUE_TEXT, SKY_LAKE_VALUE_NUMBER, SKY_LAKE_VALUE_BOOL, SKY_LAKE_VALUE_JSON };

struct sky_lake_column {
    const char *name;
    enum sky_lake_value_kind kind;
};

/* A row: NULL is a span without pointer. Times are RFC 3339. */
typedef enum sky_status (*sky_lake_row_fn)(void *context, const struct sky_span *values);

/* Looks whether the lake is there. */
SKY_MUST_USE enum sky_status sky_lake_query_new(const struct sky_lake_query_options *options,
                                                struct sky_lake_query **query,
                                                char problem[SKY_LAKE_QUERY_PROBLEM_SIZE]);
void sky_lake_query_free(struct sky_lake_query *query); /* NULL is fine */

/* End what is under way, and all that follows: the query is good for nothing any more. What DuckDB waits for of S3 ends
 * by its time-out, that of s3->timeout_ms; once more is seldom too often, since DuckDB forgets one that comes early. */
void sky_lake_query_interrupt(struct sky_lake_query *query);
const char *sky_lake_query_problem(const struct sky_lake_query *query);

struct sky_lake_trends_wanted {
    int64_t start_ms; /* window_end in [start_ms, end_ms) */
    int64_t end_ms;
    struct sky_span keyword;  /* that keyword, as a hashtag too, or a phrase with that word; empty: all */
    struct sky_span language; /* empty: all */
    bool each_slide;          /* a row for each slide of a trend, instead of one for each trend */
    uint64_t limit;           /* 0: none */
};

/* Runs the query: columns and rows are then to be had below. */
SKY_MUST_USE enum sky_status sky_lake_query_historical_trends(struct sky_lake_query *query,
                                                              const struct sky_lake_trends_wanted *wanted);

/* One SELECT, and of its rows the first `limit` (0: all). The views hold the hours of [start_ms, end_ms); deletes reach
 * on to now. After it the query is good for no other. */
SKY_MUST_USE enum sky_status sky_lake_query_sql(struct sky_lake_query *query, struct sky_span sql, int64_t start_ms,
                                                int64_t end_ms, uint64_t limit);

/* Of the last result. */
const struct sky_lake_column *sky_lake_query_columns(const struct sky_lake_query *query, size_t *count);
SKY_MUST_USE enum sky_status sky_lake_query_rows(struct sky_lake_query *query, sky_lake_row_fn each, void *context);

/* The hours of which the lake has that table: [*start_ms, *end_ms). Lists all of them. SKY_E_MISSING: of none. */
SKY_MUST_USE enum sky_status sky_lake_query_hours(struct sky_lake_query *query, enum sky_lake_table table,
                                                  int64_t *start_ms, int64_t *end_ms);

/* Files that the last query was given, and how many bytes they have. */
void sky_lake_query_extent(const struct sky_lake_query *query, uint64_t *files, uint64_t *bytes);

#endif
