/* role.h: which of the long-running services this process is: what it tells of itself depends on that. */
#ifndef SKY_OPS_ROLE_H
#define SKY_OPS_ROLE_H

enum sky_role {
    SKY_ROLE_RUN,
    SKY_ROLE_INGEST,
    SKY_ROLE_LAKE,
    SKY_ROLE_CACHE,
    SKY_ROLE_ALERTS,
    SKY_ROLE_SERVE,
    SKY_ROLE_FLINK, /* flink watch */
    SKY_ROLE_COUNT
};

/* As the subcommand: "run", "ingest", ... */
const char *sky_role_name(enum sky_role role);

#endif
