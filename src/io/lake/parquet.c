/* Rows are put into DuckDB's own vectors, SKY_ROWS at a time, and these into a table in memory; a file is one COPY of
 * it. The table has one column more than the files, `_hour`. */
#include "io/lake/parquet.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "io/lake/database.h"

/* zstd's level: with 3 a chunk has a tenth fewer bytes for a quarter more CPU time; that compaction saves later. */
#define CHUNK_LEVEL      1
#define MERGED_LEVEL     3
#define ROW_GROUP_ROWS   122880
#define TABLE_NAME_SIZE  64
#define LIST_ITEMS_FIRST 4096 /* room for list items in a chunk, to begin with */

/* Where a column's values go in the chunk at hand. */
struct column {
    enum sky_parquet_type type;
    duckdb_vector vector;
    void *data;          /* of plain values, or the list entries */
    duckdb_vector child; /* of lists: the texts, or of counts the struct's keys */
    duckdb_vector child_values;
    int64_t *child_data; /* of counts */
    idx_t items;         /* in the list so far, over all rows of the chunk */
    idx_t room;
};

struct sky_parquet {
    const struct sky_parquet_table *table;
    struct sky_database *database;
    duckdb_logical_type types[SKY_PARQUET_COLUMNS_MAX + 1];
    duckdb_data_chunk chunk;
    duckdb_appender appender;
    struct column columns[SKY_PARQUET_COLUMNS_MAX + 1];
    int64_t hours_ms[SKY_PARQUET_HOURS_MAX];
    size_t hours_count;
    size_t at;      /* column */
    idx_t row;      /* of the chunk */
    idx_t capacity; /* rows in a chunk */
    uint64_t rows;
    enum sky_status status;
};

static const char *type_sql(enum sky_parquet_type type)
{
    static const char *const names[] = {"VARCHAR",   "VARCHAR[]",           "BIGINT", "DOUBLE", "BOOLEAN",
                                        "TIMESTAMP", "MAP(VARCHAR, BIGINT)"};
    return names[type];
}

static duckdb_logical_type make_type(enum sky_parquet_type type)
{
    static const duckdb_type plain[] = {[SKY_PARQUET_TEXT] = DUCKDB_TYPE_VARCHAR,
                                        [SKY_PARQUET_INT] = DUCKDB_TYPE_BIGINT,
                                        [SKY_PARQUET_DOUBLE] = DUCKDB_TYPE_DOUBLE,
                                        [SKY_PARQUET_BOOL] = DUCKDB_TYPE_BOOLEAN,
                                        [SKY_PARQUET_TIME] = DUCKDB_TYPE_TIMESTAMP};
    if (type != SKY_PARQUET_TEXTS && type != SKY_PARQUET_COUNTS)
        return duckdb_create_logical_type(plain[type]);
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_logical_type made =
        type == SKY_PARQUET_TEXTS ? duckdb_create_list_type(text) : duckdb_create_map_type(text, number);
    duckdb_destroy_logical_type(&text);
    duckdb_destroy_logical_type(&number);
    return made;
}

static enum sky_status fail(struct sky_parquet *writer, enum sky_status status)
{
    if (writer->status == SKY_OK)
        writer->status = status;
    return writer->status;
}

/* The pointers into the chunk, which a reset moves. */
static void bind_chunk(struct sky_parquet *writer)
{
    for (size_t i = 0; i <= writer->table->columns_count; i++) {
        struct column *column = &writer->columns[i];
        column->vector = duckdb_data_chunk_get_vector(writer->chunk, i);
        column->data = duckdb_vector_get_data(column->vector);
        column->items = 0;
        if (column->type != SKY_PARQUET_TEXTS && column->type != SKY_PARQUET_COUNTS)
            continue;
        column->room = 0;
        column->child = duckdb_list_vector_get_child(column->vector);
    }
    writer->row = 0;
}

static enum sky_status make_table(struct sky_parquet *writer)
{
    struct sky_buffer sql = {0};
    const struct sky_parquet_table *table = writer->table;
    sky_buffer_printf(&sql, "CREATE OR REPLACE TABLE waiting_%s (", table->name);
    for (size_t i = 0; i < table->columns_count; i++)
        sky_buffer_printf(&sql, "\"%s\" %s, ", table->columns[i].name, type_sql(table->columns[i].type));
    sky_buffer_put_string(&sql, "_hour BIGINT)");
    sky_buffer_put_u8(&sql, '\0');
    enum sky_status status = sql.failed ? SKY_E_MEMORY : sky_database_run(writer->database, (const char *)sql.ptr);
    sky_buffer_clean_up(&sql);
    char name[TABLE_NAME_SIZE];
    snprintf(name, sizeof name, "waiting_%s", table->name);
    if (status == SKY_OK &&
        duckdb_appender_create(writer->database->connection, NULL, name, &writer->appender) != DuckDBSuccess)
        status = SKY_E_MEMORY;
    return status;
}

enum sky_status sky_parquet_open(struct sky_database *database, const struct sky_parquet_table *table,
                                 struct sky_parquet **writer)
{
    struct sky_parquet *made = calloc(1, sizeof *made);
    *writer = made;
    if (!made)
        return SKY_E_MEMORY;
    assert(table->columns_count <= SKY_PARQUET_COLUMNS_MAX);
    made->table = table;
    made->database = database;
    size_t count = table->columns_count;
    for (size_t i = 0; i <= count; i++) {
        made->columns[i].type = i < count ? table->columns[i].type : SKY_PARQUET_INT;
        made->types[i] = make_type(made->columns[i].type);
    }
    enum sky_status status = make_table(made);
    if (status != SKY_OK)
        return fail(made, status);
    made->chunk = duckdb_create_data_chunk(made->types, count + 1);
    made->capacity = duckdb_vector_size();
    bind_chunk(made);
    return SKY_OK;
}

void sky_parquet_free(struct sky_parquet *writer)
{
    if (!writer)
        return;
    if (writer->appender)
        duckdb_appender_destroy(&writer->appender);
    if (writer->chunk)
        duckdb_destroy_data_chunk(&writer->chunk);
    for (size_t i = 0; i <= writer->table->columns_count; i++)
        if (writer->types[i])
            duckdb_destroy_logical_type(&writer->types[i]);
    free(writer);
}

/* ---- values ---- */

static struct column *next_column(struct sky_parquet *writer, enum sky_parquet_type type)
{
    assert(writer->at < writer->table->columns_count);
    struct column *column = &writer->columns[writer->at++];
    assert(column->type == type);
    (void)type;
    return column;
}

static void put_text(duckdb_vector vector, idx_t index, struct sky_span text)
{
    duckdb_unsafe_vector_assign_string_element_len(vector, index, text.len ? (const char *)text.ptr : "", text.len);
}

void sky_parquet_text(struct sky_parquet *writer, struct sky_span text)
{
    struct column *column = next_column(writer, SKY_PARQUET_TEXT);
    if (writer->status == SKY_OK)
        put_text(column->vector, writer->row, text);
}

void sky_parquet_text_or_null(struct sky_parquet *writer, struct sky_span text)
{
    struct column *column = next_column(writer, SKY_PARQUET_TEXT);
    if (writer->status != SKY_OK)
        return;
    if (text.len)
        put_text(column->vector, writer->row, text);
    else
        duckdb_vector_ensure_validity_writable(column->vector);
    uint64_t *validity = duckdb_vector_get_validity(column->vector);
    if (validity)
        duckdb_validity_set_row_validity(validity, writer->row, text.len > 0);
}

void sky_parquet_int(struct sky_parquet *writer, int64_t value)
{
    struct column *column = next_column(writer, SKY_PARQUET_INT);
    if (writer->status == SKY_OK)
        ((int64_t *)column->data)[writer->row] = value;
}

void sky_parquet_double(struct sky_parquet *writer, double value)
{
    struct column *column = next_column(writer, SKY_PARQUET_DOUBLE);
    if (writer->status == SKY_OK)
        ((double *)column->data)[writer->row] = value;
}

void sky_parquet_bool(struct sky_parquet *writer, bool value)
{
    struct column *column = next_column(writer, SKY_PARQUET_BOOL);
    if (writer->status == SKY_OK)
        ((bool *)column->data)[writer->row] = value;
}

void sky_parquet_time(struct sky_parquet *writer, int64_t time_ms)
{
    struct column *column = next_column(writer, SKY_PARQUET_TIME);
    if (writer->status == SKY_OK)
        ((int64_t *)column->data)[writer->row] = time_ms * 1000; /* a TIMESTAMP has microseconds */
}

/* ---- lists ---- */

static bool is_list(const struct column *column)
{
    return column->type == SKY_PARQUET_TEXTS || column->type == SKY_PARQUET_COUNTS;
}

void sky_parquet_list_begin(struct sky_parquet *writer)
{
    assert(writer->at < writer->table->columns_count && is_list(&writer->columns[writer->at]));
    struct column *column = &writer->columns[writer->at];
    if (writer->status == SKY_OK)
        ((duckdb_list_entry *)column->data)[writer->row] = (duckdb_list_entry){.offset = column->items, .length = 0};
}

/* Room for one more item; the pointers into the children move when they grow. */
static bool grow_list(struct sky_parquet *writer, struct column *column)
{
    if (writer->status != SKY_OK)
        return false;
    if (column->items < column->room)
        return true;
    idx_t room = column->room ? column->room * 2 : LIST_ITEMS_FIRST;
    if (duckdb_list_vector_set_size(column->vector, column->items) != DuckDBSuccess ||
        duckdb_list_vector_reserve(column->vector, room) != DuckDBSuccess) {
        fail(writer, SKY_E_MEMORY);
        return false;
    }
    column->room = room;
    column->child = duckdb_list_vector_get_child(column->vector);
    if (column->type == SKY_PARQUET_COUNTS) {
        duckdb_vector pair = column->child;
        column->child = duckdb_struct_vector_get_child(pair, 0);
        column->child_values = duckdb_struct_vector_get_child(pair, 1);
        column->child_data = (int64_t *)duckdb_vector_get_data(column->child_values);
    }
    return true;
}

static struct column *add_item(struct sky_parquet *writer, enum sky_parquet_type type)
{
    struct column *column = &writer->columns[writer->at];
    assert(column->type == type);
    (void)type;
    return grow_list(writer, column) ? column : NULL;
}

void sky_parquet_list_text(struct sky_parquet *writer, struct sky_span text)
{
    struct column *column = add_item(writer, SKY_PARQUET_TEXTS);
    if (column)
        put_text(column->child, column->items++, text);
}

void sky_parquet_list_count(struct sky_parquet *writer, struct sky_span key, int64_t value)
{
    struct column *column = add_item(writer, SKY_PARQUET_COUNTS);
    if (!column)
        return;
    put_text(column->child, column->items, key);
    column->child_data[column->items++] = value;
}

void sky_parquet_list_end(struct sky_parquet *writer)
{
    struct column *column = &writer->columns[writer->at++];
    if (writer->status == SKY_OK) {
        duckdb_list_entry *entry = &((duckdb_list_entry *)column->data)[writer->row];
        entry->length = column->items - entry->offset;
    }
}

void sky_parquet_texts(struct sky_parquet *writer, const struct sky_span *texts, size_t count)
{
    sky_parquet_list_begin(writer);
    for (size_t i = 0; i < count; i++)
        sky_parquet_list_text(writer, texts[i]);
    sky_parquet_list_end(writer);
}

/* ---- rows ---- */

static enum sky_status send_chunk(struct sky_parquet *writer)
{
    if (writer->status != SKY_OK || writer->row == 0)
        return writer->status;
    for (size_t i = 0; i < writer->table->columns_count; i++)
        if (is_list(&writer->columns[i]) &&
            duckdb_list_vector_set_size(writer->columns[i].vector, writer->columns[i].items) != DuckDBSuccess)
            return fail(writer, SKY_E_MEMORY);
    duckdb_data_chunk_set_size(writer->chunk, writer->row);
    if (duckdb_append_data_chunk(writer->appender, writer->chunk) != DuckDBSuccess) {
        duckdb_error_data error = duckdb_appender_error_data(writer->appender);
        sky_database_fail(writer->database, duckdb_error_data_message(error));
        duckdb_destroy_error_data(&error);
        return fail(writer, SKY_E_IO);
    }
    duckdb_data_chunk_reset(writer->chunk);
    bind_chunk(writer);
    return SKY_OK;
}

/* Rows of a stream mostly belong to the hour of the row before. */
static bool note_hour(struct sky_parquet *writer, int64_t hour_ms)
{
    size_t i = writer->hours_count;
    while (i > 0)
        if (writer->hours_ms[--i] == hour_ms)
            return true;
    if (writer->hours_count == SKY_PARQUET_HOURS_MAX)
        return false;
    writer->hours_ms[writer->hours_count++] = hour_ms;
    return true;
}

enum sky_status sky_parquet_end_row(struct sky_parquet *writer, int64_t time_ms)
{
    int64_t hour_ms = sky_time_floor(time_ms, SKY_HOUR_MS);
    assert(writer->at == writer->table->columns_count);
    writer->at = 0;
    if (writer->status != SKY_OK)
        return writer->status;
    if (!note_hour(writer, hour_ms))
        return SKY_E_LIMIT; /* the next row takes its place */
    ((int64_t *)writer->columns[writer->table->columns_count].data)[writer->row] = hour_ms;
    writer->rows++;
    return ++writer->row == writer->capacity ? send_chunk(writer) : SKY_OK;
}

uint64_t sky_parquet_rows(const struct sky_parquet *writer)
{
    return writer->rows;
}

size_t sky_parquet_hours(const struct sky_parquet *writer, const int64_t **hours_ms)
{
    *hours_ms = writer->hours_ms;
    return writer->hours_count;
}

/* ---- files ---- */

static enum sky_status fail_file(struct sky_database *database, const char *path)
{
    snprintf(database->problem, sizeof database->problem, "%.500s: %s", path, strerror(errno));
    return SKY_E_IO;
}

static enum sky_status finish_file(struct sky_database *database, const char *temporary, const char *path)
{
    if (rename(temporary, path) == 0)
        return SKY_OK;
    enum sky_status status = fail_file(database, path);
    unlink(temporary);
    return status;
}

static enum sky_status copy_out(struct sky_database *database, const char *query, int level, const char *path)
{
    char temporary[PATH_MAX];
    struct sky_buffer sql = {0};
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.tmp", path) >= sizeof temporary)
        return SKY_E_LIMIT;
    sky_buffer_printf(&sql, "COPY (%s) TO ", query);
    sky_sql_put_text(&sql, sky_span_from_string(temporary));
    sky_buffer_printf(&sql, " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL %d, ROW_GROUP_SIZE %d)%c", level,
                      ROW_GROUP_ROWS, '\0');
    enum sky_status status = sql.failed ? SKY_E_MEMORY : sky_database_run(database, (const char *)sql.ptr);
    sky_buffer_clean_up(&sql);
    if (status == SKY_OK)
        return finish_file(database, temporary, path);
    unlink(temporary);
    return status;
}

static enum sky_status flush(struct sky_parquet *writer)
{
    if (send_chunk(writer) != SKY_OK)
        return writer->status;
    if (duckdb_appender_flush(writer->appender) == DuckDBSuccess)
        return SKY_OK;
    duckdb_error_data error = duckdb_appender_error_data(writer->appender);
    sky_database_fail(writer->database, duckdb_error_data_message(error));
    duckdb_destroy_error_data(&error);
    return fail(writer, SKY_E_IO);
}

enum sky_status sky_parquet_write(struct sky_parquet *writer, int64_t hour_ms, const char *path)
{
    char query[256], where[64] = "";
    if (flush(writer) != SKY_OK)
        return writer->status;
    if (writer->hours_count > 1)
        snprintf(where, sizeof where, " WHERE _hour = %lld", (long long)hour_ms);
    snprintf(query, sizeof query, "SELECT * EXCLUDE (_hour) FROM waiting_%s%s", writer->table->name, where);
    return copy_out(writer->database, query, CHUNK_LEVEL, path);
}

enum sky_status sky_parquet_clear(struct sky_parquet *writer)
{
    if (writer->appender)
        duckdb_appender_destroy(&writer->appender);
    writer->appender = NULL;
    duckdb_data_chunk_reset(writer->chunk);
    bind_chunk(writer);
    writer->at = 0;
    writer->hours_count = 0;
    writer->rows = 0;
    writer->database->problem[0] = '\0';
    writer->status = SKY_OK;
    enum sky_status status = make_table(writer);
    return status == SKY_OK ? SKY_OK : fail(writer, status);
}

enum sky_status sky_parquet_merge(struct sky_database *database, const char *const *paths, size_t count, const char *to)
{
    struct sky_buffer query = {0};
    sky_buffer_put_string(&query, "SELECT * FROM read_parquet([");
    for (size_t i = 0; i < count; i++) {
        if (i)
            sky_buffer_put_u8(&query, ',');
        sky_sql_put_text(&query, sky_span_from_string(paths[i]));
    }
    sky_buffer_printf(&query, "], union_by_name = true, hive_partitioning = false)%c", '\0');
    enum sky_status status =
        query.failed ? SKY_E_MEMORY : copy_out(database, (const char *)query.ptr, MERGED_LEVEL, to);
    sky_buffer_clean_up(&query);
    return status;
}
