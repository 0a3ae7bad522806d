#include "app/past_lake.h"

#include <stdio.h>
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
    struct sky_past_lake *lake = context;
    bool was_away = lake->is_away;
    lake->is_away = status != SKY_OK;
    if (lake->health)
        sky_health_set(lake->health, SKY_DEPENDENCY_STORAGE, lake->is_away ? SKY_HEALTH_FAILED : SKY_HEALTH_OK,
                       lake->is_away ? problem : NULL);
    if (lake->is_away)
        sky_log(SKY_LOG_WARN, "lake_problem", SKY_LOG_TEXT("reason", problem));
    else if (was_away)
        sky_log(SKY_LOG_INFO, "lake_answers", SKY_LOG_TEXT("location", lake->location));
}

static void fill(struct sky_past_lake *lake, const char *httpfs, struct sky_api_history_options *options)
{
    lake->query = (struct sky_lake_query_options){.location = lake->location,
                                                  .s3 = &lake->s3,
                                                  .httpfs = httpfs,
                                                  .memory_bytes = MEMORY_BYTES,
                                                  .threads = THREADS};
    *options = (struct sky_api_history_options){.lake = &lake->query, .report = report, .context = lake};
}

bool sky_past_lake_find(const struct sky_config *config, struct sky_health *health, struct sky_past_lake *lake,
                        struct sky_api_history_options *options)
{
    *lake = (struct sky_past_lake){.health = health};
    if (!sky_lake_place(config, lake->location) || (!config->lake.location[0] && access(lake->location, R_OK) != 0)) {
        sky_health_set(health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_OFF, NULL);
        return false;
    }
    sky_lake_s3_options(config, &lake->s3);
    sky_health_set(health, SKY_DEPENDENCY_STORAGE, SKY_HEALTH_OFF, "nobody has asked for the past yet");
    lake->s3.connect_timeout_ms = CONNECT_MS;
    lake->s3.timeout_ms = REQUEST_MS;
    lake->s3.attempts_max = ATTEMPTS;
    fill(lake, config->lake.httpfs[0] ? config->lake.httpfs : SKY_HTTPFS, options);
    return true;
}

void sky_past_lake_at(const char *folder, struct sky_past_lake *lake, struct sky_api_history_options *options)
{
    *lake = (struct sky_past_lake){.health = NULL};
    snprintf(lake->location, sizeof lake->location, "%s", folder);
    fill(lake, NULL, options);
}
