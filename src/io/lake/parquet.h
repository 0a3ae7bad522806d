/* parquet.h: rows into Parquet files (zstd), a file for each hour of their time, by DuckDB.
 *
 *     sky_parquet_open(&database, &table, &writer)
 *     for each row:  sky_parquet_text(writer, uri); sky_parquet_time(writer, t); ... one call a column, in their order
 *                    sky_parquet_end_row(writer, event_time_ms)
 *     for each hour: sky_parquet_write(writer, hour, path)
 *     sky_parquet_clear(writer)
 *
 * Rows stand in a file in the order they came. Times are TIMESTAMPs without a zone, in UTC.
 *
 * Memory   rows wait in DuckDB's memory, uncompressed: about their bytes, and as much again while a file is written.
 * Threads  one owner.
 * Errors   sticky: after one the puts do nothing, and sky_parquet_end_row and _write give it; the database's `problem`
 * says why. Only sky_parquet_clear makes the writer good again. */
#ifndef SKY_IO_LAKE_PARQUET_H
#define SKY_IO_LAKE_PARQUET_H

#include "io/lake/database.h"

#define SKY_PARQUET_COLUMNS_MAX 32
#define SKY_PARQUET_HOURS_MAX   8192 /* ours: of the rows that wait; more give that row is left out, SKY_E_LIMIT */

enum sky_parquet_type {
    SKY_PARQUET_TEXT,   /* VARCHAR */
    SKY_PARQUET_TEXTS,  /* VARCHAR[] */
    SKY_PARQUET_INT,    /* BIGINT */
    SKY_PARQUET_DOUBLE, /* DOUBLE */
    SKY_PARQUET_BOOL,   /* BOOLEAN */
    SKY_PARQUET_TIME,   /* TIMESTAMP */
    SKY_PARQUET_COUNTS  /* MAP(VARCHAR, BIGINT) */
};

struct sky_parquet_column {
    const char *name;
    enum sky_parquet_type type;
};

struct sky_parquet_table {
    const char *name;
    const struct sky_parquet_column *columns;
    size_t columns_count;
};

struct sky_parquet;

/* Borrows both; a database may serve a writer for each of several tables. */
SKY_MUST_USE enum sky_status sky_parquet_open(struct sky_database *database, const struct sky_parquet_table *table,
                                              struct sky_parquet **writer);
void sky_parquet_free(struct sky_parquet *writer); /* NULL is fine */

/* The next column of the row. A text must be UTF-8. Another type than the column's asserts. */
void sky_parquet_text(struct sky_parquet *writer, struct sky_span text);
void sky_parquet_text_or_null(struct sky_parquet *writer, struct sky_span text); /* NULL when empty */
void sky_parquet_texts(struct sky_parquet *writer, const struct sky_span *texts, size_t count);
void sky_parquet_int(struct sky_parquet *writer, int64_t value);
void sky_parquet_double(struct sky_parquet *writer, double value);
void sky_parquet_bool(struct sky_parquet *writer, bool value);
void sky_parquet_time(struct sky_parquet *writer, int64_t time_ms);

/* A list or map item by item: begin, any number of items, end. */
void sky_parquet_list_begin(struct sky_parquet *writer);
void sky_parquet_list_text(struct sky_parquet *writer, struct sky_span text);
void sky_parquet_list_count(struct sky_parquet *writer, struct sky_span key, int64_t value);
void sky_parquet_list_end(struct sky_parquet *writer);

/* The row is complete; `time_ms` says which hour it belongs to. SKY_E_IO, SKY_E_MEMORY, SKY_E_LIMIT. */
SKY_MUST_USE enum sky_status sky_parquet_end_row(struct sky_parquet *writer, int64_t time_ms);

uint64_t sky_parquet_rows(const struct sky_parquet *writer);
/* The hours of the rows that wait, each as its first ms, in no order. */
size_t sky_parquet_hours(const struct sky_parquet *writer, const int64_t **hours_ms);

/* The rows of one hour to `path`: written beside it and renamed, so that it is whole or not there. It is not flushed to
 * the disk: sky_lake_store_put does that where it is to stay. The folder must be there. */
SKY_MUST_USE enum sky_status sky_parquet_write(struct sky_parquet *writer, int64_t hour_ms, const char *path);

/* Forget all rows. */
SKY_MUST_USE enum sky_status sky_parquet_clear(struct sky_parquet *writer);

/* The rows of several files, in their order, as one. A column that some of them lack is NULL in their rows. */
SKY_MUST_USE enum sky_status sky_parquet_merge(struct sky_database *database, const char *const *paths, size_t count,
                                               const char *to);

#endif
