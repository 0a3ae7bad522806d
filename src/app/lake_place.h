/* lake_place.h: where the lake is, from the configuration.
 *
 * Memory   options borrow the configuration. */
#ifndef SKY_APP_LAKE_PLACE_H
#define SKY_APP_LAKE_PLACE_H

#include "io/lake/lake_store.h"
#include "ops/config.h"

/* lake.location, or lake in data.directory. False: longer than PATH_MAX. */
SKY_MUST_USE bool sky_lake_place(const struct sky_config *config, char location[PATH_MAX]);

/* For files on their way: lake-staging in data.directory, or .staging in the folder that the lake is, so that a file
 * gets its name there by a rename. False: longer than PATH_MAX. */
SKY_MUST_USE bool sky_lake_staging_place(const struct sky_config *config, char staging[PATH_MAX]);

/* The s3.* settings, without a bucket. */
void sky_lake_s3_options(const struct sky_config *config, struct sky_s3_options *options);

#endif
