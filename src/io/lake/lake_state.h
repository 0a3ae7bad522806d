/* lake_state.h: inside of lake*.c. */
#ifndef SKY_IO_LAKE_LAKE_STATE_H
#define SKY_IO_LAKE_LAKE_STATE_H

#include "io/lake/database.h"
#include "io/lake/lake.h"
#include "io/lake/lake_staging.h"
#include "io/lake/parquet.h"

struct sky_lake {
    struct sky_lake_store *store;
    struct sky_lake_staging staging;
    struct sky_database database;
    struct sky_parquet *writers[SKY_LAKE_TABLE_COUNT]; /* opened with the first row */
    struct sky_lake_totals totals;
    char problem[SKY_LAKE_PROBLEM_SIZE];
};

extern const struct sky_parquet_table sky_lake_tables[SKY_LAKE_TABLE_COUNT];

enum sky_status sky_lake_fail_store(struct sky_lake *lake, enum sky_status status);
enum sky_status sky_lake_fail_database(struct sky_lake *lake, enum sky_status status);

#endif
