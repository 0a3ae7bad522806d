#include "app/serve_lake.h"

#include <unistd.h>

#include "app/lake_place.h"
#include "ops/log.h"

#define MEMORY_BYTES (UINT64_C(256) << 20) /* of one question; a month of trends is some 50 MB */
#define THREADS      2

/* Somebody waits for the answer, and others behind them. */
#define CONNECT_MS 3000
#define REQUEST_MS 8000
#define ATTEMPTS   2

/* Once for each change, beside /readyz, which a lake that is away does not make false: the rest goes on. */
static void report(void *context, enum sky_status status, const char *problem)
{
    struct sky_serve_lake *lake = context;
    bool was_up = sky_health_is_up(lake->health, SKY_DEPENDENCY_STORAGE), is_up = status == SKY_OK;
    sky_health_set(lake->health, SKY_DEPENDENCY_STORAGE, is_up ? SKY_HEALTH_OK : SKY_HEALTH_FAILED,
                   is_up ? NULL : problem);
    if (!is_up)
        sky_log(SKY_LOG_WARN, "lake_problem", SKY_LOG_TEXT("reason", problem));
    else if (!was_up)
        sky_log(SKY_LOG_INFO, "lake_answers", SKY_LOG_TEXT("location", lake->location));
}

bool sky_serve_lake_find(const struct sky_config *config, struct sky_health *health, struct sky_serve_lake *lake,
                         struct sky_api_history_options *options)
{
    *lake = (struct sky_serve_lake){.health = health};
    if (!sky_lake_place(config, lake->location) || (!config->lake.location[0] && access(lake->location, R_OK) != 0)) {
        sky_health_set(health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_OFF, NULL);
        return false;
    }
    sky_lake_s3_options(config, &lake->s3);
    lake->s3.connect_timeout_ms = CONNECT_MS;
    lake->s3.timeout_ms = REQUEST_MS;
    lake->s3.attempts_max = ATTEMPTS;
    lake->query = (struct sky_lake_query_options){
        .location = lake->location,
        .s3 = &lake->s3,
        .httpfs = config->lake.httpfs[0] ? config->lake.httpfs : SKY_HTTPFS,
        .memory_bytes = MEMORY_BYTES,
        .threads = THREADS,
    };
    *options = (struct sky_api_history_options){.lake = &lake->query, .report = report, .context = lake};
    return true;
}
