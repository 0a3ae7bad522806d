/* past_lake.h: where `serve` and `run` find the past: the lake of the configuration, or the one that `run` writes.
 *
 * Memory   the options borrow the place and the configuration.
 * Threads  made by the owner; the report is called on the thread that asks the lake. */
#ifndef SKY_APP_PAST_LAKE_H
#define SKY_APP_PAST_LAKE_H

#include <limits.h>

#include "io/api/api_history.h"
#include "ops/config.h"
#include "ops/health.h"

struct sky_past_lake {
    char location[PATH_MAX];
    struct sky_s3_options s3;
    struct sky_lake_query_options query;
    struct sky_health *health; /* NULL: somebody else tells of this lake there */
    bool is_away;              /* of the thread that asks */
};

/* True, and *options filled: there is one, by lake.location or as a folder in data.directory. */
bool sky_past_lake_find(const struct sky_config *config, struct sky_health *health, struct sky_past_lake *lake,
                        struct sky_api_history_options *options);

/* The lake in that folder, which this process writes. */
void sky_past_lake_at(const char *folder, struct sky_past_lake *lake, struct sky_api_history_options *options);

#endif
