#include "ops/role.h"

static const char *const names[SKY_ROLE_COUNT] = {
    [SKY_ROLE_RUN] = "run",       [SKY_ROLE_INGEST] = "ingest", [SKY_ROLE_LAKE] = "lake",   [SKY_ROLE_CACHE] = "cache",
    [SKY_ROLE_ALERTS] = "alerts", [SKY_ROLE_SERVE] = "serve",   [SKY_ROLE_FLINK] = "flink",
};

const char *sky_role_name(enum sky_role role)
{
    return names[role];
}
