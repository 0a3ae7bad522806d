/* lake_staging.h: a folder for the files that are on their way into a lake, of one owner alone.
 *
 * DIRECTORY may be shared: each owner has a folder of its own in it, which it holds by a lock on DIRECTORY/NAME/.lock.
 * The lock ends with the process; whoever comes next removes the folders that nobody holds any more.
 *
 * Memory   no more than the struct. Threads  one owner; others, in any process, have theirs. */
#ifndef SKY_IO_LAKE_LAKE_STAGING_H
#define SKY_IO_LAKE_LAKE_STAGING_H

#include <limits.h>
#include <stdbool.h>

#include "base/status.h"

struct sky_lake_staging {
    char path[PATH_MAX]; /* "": not open */
    int lock_fd;
};

/* Makes `directory` when it is missing. SKY_E_IO with errno; SKY_E_LIMIT: the path is too long. */
SKY_MUST_USE enum sky_status sky_lake_staging_open(const char *directory, struct sky_lake_staging *staging);
/* The folder goes, with all that is in it. One of zeroes is fine. */
void sky_lake_staging_close(struct sky_lake_staging *staging);

/* A path in the folder. False: too long. */
bool sky_lake_staging_path(const struct sky_lake_staging *staging, const char *name, char path[PATH_MAX]);

#endif
