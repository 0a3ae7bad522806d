#include "io/lake/lake.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "io/host/folder.h"
#include "io/lake/lake_state.h"

enum sky_status sky_lake_fail_store(struct sky_lake *lake, enum sky_status status)
{
    snprintf(lake->problem, sizeof lake->problem, "%s", sky_lake_store_problem(lake->store));
    return status;
}

enum sky_status sky_lake_fail_database(struct sky_lake *lake, enum sky_status status)
{
    const char *why = lake->database.problem;
    snprintf(lake->problem, sizeof lake->problem, "%s", why[0] ? why : sky_status_name(status));
    return status;
}

enum sky_status sky_lake_new(const struct sky_lake_options *options, struct sky_lake **lake,
                             char problem[SKY_LAKE_PROBLEM_SIZE])
{
    struct sky_lake *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    made->store = options->store;
    enum sky_status status = sky_lake_staging_open(options->staging_directory, &made->staging);
    if (status == SKY_E_IO)
        snprintf(problem, SKY_LAKE_PROBLEM_SIZE, "%.500s: %s", options->staging_directory, strerror(errno));
    if (status == SKY_OK) {
        const struct sky_database_options database = {
            .memory_bytes = options->memory_bytes, .threads = 1, .spill_directory = made->staging.path};
        status = sky_database_open(&made->database, &database);
        snprintf(problem, SKY_LAKE_PROBLEM_SIZE, "%s", made->database.problem);
    }
    if (status != SKY_OK) {
        sky_lake_free(made);
        return status;
    }
    *lake = made;
    return SKY_OK;
}

void sky_lake_free(struct sky_lake *lake)
{
    if (!lake)
        return;
    for (int table = 0; table < SKY_LAKE_TABLE_COUNT; table++)
        sky_parquet_free(lake->writers[table]);
    sky_database_close(&lake->database);
    sky_lake_staging_close(&lake->staging);
    free(lake);
}

const char *sky_lake_problem(const struct sky_lake *lake)
{
    return lake->problem;
}

uint64_t sky_lake_rows(const struct sky_lake *lake)
{
    uint64_t rows = 0;
    for (int table = 0; table < SKY_LAKE_TABLE_COUNT; table++)
        rows += lake->writers[table] ? sky_parquet_rows(lake->writers[table]) : 0;
    return rows;
}

void sky_lake_totals(const struct sky_lake *lake, struct sky_lake_totals *totals)
{
    *totals = lake->totals;
}

/* One file: written here, then put there. */
static enum sky_status store_hour(struct sky_lake *lake, enum sky_lake_table table, int64_t hour_ms,
                                  const struct sky_lake_chunk *chunk)
{
    char key[SKY_LAKE_KEY_SIZE], path[PATH_MAX];
    struct stat info;
    sky_lake_get_key(table, hour_ms, chunk, key);
    if (!sky_lake_staging_path(&lake->staging, "chunk.parquet", path))
        return SKY_E_LIMIT;
    enum sky_status status = sky_parquet_write(lake->writers[table], hour_ms, path);
    if (status != SKY_OK)
        return sky_lake_fail_database(lake, status);
    uint64_t bytes = stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
    status = sky_lake_store_put(lake->store, key, path);
    if (status != SKY_OK)
        return sky_lake_fail_store(lake, status);
    lake->totals.files++;
    lake->totals.bytes += bytes;
    return SKY_OK;
}

static enum sky_status store_table(struct sky_lake *lake, enum sky_lake_table table, const struct sky_lake_chunk *chunk)
{
    const int64_t *hours_ms;
    struct sky_parquet *writer = lake->writers[table];
    if (!writer || sky_parquet_rows(writer) == 0)
        return SKY_OK;
    enum sky_status status = SKY_OK;
    size_t hours = sky_parquet_hours(writer, &hours_ms);
    for (size_t i = 0; status == SKY_OK && i < hours; i++)
        status = store_hour(lake, table, hours_ms[i], chunk);
    if (status == SKY_OK)
        lake->totals.rows += sky_parquet_rows(writer);
    return status;
}

enum sky_status sky_lake_store_raw_posts(struct sky_lake *lake, const struct sky_lake_chunk *chunk)
{
    enum sky_status status = store_table(lake, SKY_LAKE_POSTS, chunk);
    return status == SKY_OK ? store_table(lake, SKY_LAKE_DELETES, chunk) : status;
}

enum sky_status sky_lake_store_trend_aggregations(struct sky_lake *lake, const struct sky_lake_chunk *chunk)
{
    enum sky_status status = store_table(lake, SKY_LAKE_TRENDS, chunk);
    if (status == SKY_OK)
        status = store_table(lake, SKY_LAKE_ACTIVITY, chunk);
    return status == SKY_OK ? store_table(lake, SKY_LAKE_SESSIONS, chunk) : status;
}

enum sky_status sky_lake_clear(struct sky_lake *lake)
{
    enum sky_status status = SKY_OK;
    for (int table = 0; status == SKY_OK && table < SKY_LAKE_TABLE_COUNT; table++)
        if (lake->writers[table])
            status = sky_parquet_clear(lake->writers[table]);
    return status == SKY_OK ? SKY_OK : sky_lake_fail_database(lake, status);
}
