#include "app/lake_place.h"

#include <stdio.h>

bool sky_lake_place(const struct sky_config *config, char location[PATH_MAX])
{
    const char *set = config->lake.location;
    int length = set[0] ? snprintf(location, PATH_MAX, "%s", set)
                        : snprintf(location, PATH_MAX, "%s/lake", config->data.directory);
    return (size_t)length < PATH_MAX;
}

bool sky_lake_staging_place(const struct sky_config *config, char staging[PATH_MAX])
{
    char location[PATH_MAX];
    if (!sky_lake_place(config, location))
        return false;
    int length = sky_lake_is_s3(location) ? snprintf(staging, PATH_MAX, "%s/lake-staging", config->data.directory)
                                          : snprintf(staging, PATH_MAX, "%s/.staging", location);
    return (size_t)length < PATH_MAX;
}

void sky_lake_s3_options(const struct sky_config *config, struct sky_s3_options *options)
{
    sky_s3_options_default(options);
    options->endpoint = config->s3.endpoint;
    options->region = config->s3.region;
    options->access_key = config->s3.access_key;
    options->secret_key = config->s3.secret_key;
    options->session_token = config->s3.session_token;
    options->ca_file = config->s3.ca_file;
    options->virtual_hosted = !config->s3.path_style;
}
