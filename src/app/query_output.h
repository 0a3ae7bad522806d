/* query_output.h: rows of a query on standard output: as an aligned table, as JSON lines, or as CSV.
 *
 * Trust    values are text from the network. In the table they are printable only and cut, in CSV printable only where
 *          it goes to a terminal, and as they are in a file or a pipe; CSV puts ' before a value that a spreadsheet
 *          would run as a formula (it begins with = + - @, a tab or a line break; numbers are left alone); JSON escapes
 *          what turns text around.
 * Memory   a table's rows are held, for the widths of its columns. Threads  one owner. */
#ifndef SKY_APP_QUERY_OUTPUT_H
#define SKY_APP_QUERY_OUTPUT_H

#include <stdio.h>

#include "io/lake/lake_query.h"

enum sky_query_format { SKY_QUERY_TABLE, SKY_QUERY_JSON, SKY_QUERY_CSV }; /* as --format lists them */

struct sky_query_output {
    enum sky_query_format format;
    const char *const *hidden; /* columns that a table leaves out; ends with NULL; NULL: none */
    bool for_terminal;
    FILE *out;
};

/* All rows of the query's last result. SKY_E_IO: not all could be written (errno), SKY_E_MEMORY, or the query's own. */
SKY_MUST_USE enum sky_status sky_query_output_write(const struct sky_query_output *output, struct sky_lake_query *query,
                                                    uint64_t *rows);

#endif
