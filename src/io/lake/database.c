#include "io/lake/database.h"

#include <stdio.h>

#include "base/printable.h"
#include "io/host/thread.h"

void sky_sql_put_text(struct sky_buffer *sql, struct sky_span text)
{
    sky_buffer_put_u8(sql, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            sky_buffer_put_u8(sql, '\'');
        sky_buffer_put_u8(sql, text.ptr[i]);
    }
    sky_buffer_put_u8(sql, '\'');
}

/* DuckDB explains in paragraphs, with the statement at their end: the first line is what a person needs. */
enum sky_status sky_database_fail(struct sky_database *database, const char *error)
{
    struct sky_buffer clean = {0};
    size_t len = error ? strcspn(error, "\n") : 0;
    sky_buffer_put_printable(&clean, len ? sky_span_of(error, len) : SKY_SPAN("DuckDB failed"));
    snprintf(database->problem, sizeof database->problem, "%.*s",
             (int)(clean.len < sizeof database->problem ? clean.len : sizeof database->problem - 1),
             (const char *)clean.ptr);
    sky_buffer_clean_up(&clean);
    return SKY_E_IO;
}

enum sky_status sky_database_run(struct sky_database *database, const char *sql)
{
    duckdb_result result;
    enum sky_status status = SKY_OK;
    if (duckdb_query(database->connection, sql, &result) != DuckDBSuccess)
        status = sky_database_fail(database, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return status;
}

/* An option that this DuckDB does not know is a caller bug, found by every test. */
static bool set(duckdb_config config, const char *name, const char *value)
{
    return duckdb_set_config(config, name, value) == DuckDBSuccess;
}

enum sky_status sky_database_open(struct sky_database *database, const struct sky_database_options *options)
{
    char memory[32], threads[16], *error = NULL;
    duckdb_config config;
    *database = (struct sky_database){0};
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return SKY_E_MEMORY;
    snprintf(memory, sizeof memory, "%lluB", (unsigned long long)options->memory_bytes);
    snprintf(threads, sizeof threads, "%u", options->threads ? options->threads : 1);
    bool whole = set(config, "memory_limit", memory) && set(config, "threads", threads) &&
                 set(config, "temp_directory", options->spill_directory ? options->spill_directory : "") &&
                 set(config, "autoinstall_known_extensions", "false") &&
                 set(config, "autoload_known_extensions", "false");
    enum sky_status status = SKY_OK;
    sigset_t before;
    sky_thread_block_signals(&before);
    whole = whole && duckdb_open_ext(NULL, &database->database, config, &error) == DuckDBSuccess;
    sky_thread_restore_signals(&before);
    if (!whole) {
        sky_database_fail(database, error);
        status = SKY_E_CONFIG;
    } else if (duckdb_connect(database->database, &database->connection) != DuckDBSuccess) {
        status = SKY_E_MEMORY;
    }
    duckdb_free(error);
    duckdb_destroy_config(&config);
    return status;
}

void sky_database_close(struct sky_database *database)
{
    if (database->connection)
        duckdb_disconnect(&database->connection);
    if (database->database)
        duckdb_close(&database->database);
    database->connection = NULL;
    database->database = NULL;
}
