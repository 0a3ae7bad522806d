/* service.h: what every long-running subcommand beside `run` has in common: a log, /healthz, /readyz and /metrics, a
 * consumer of topics, and an end by SIGTERM.
 *
 *     sky_service_start(options, &service)
 *     ... whatever of the configuration may be wrong is found ...
 *     sky_service_open(&service)
 *     while (sky_service_goes_on(service)) {
 *         ... a turn of work, some hundred ms at most ...
 *         sky_health_set(service->health, SKY_DEPENDENCY_KAFKA, SKY_HEALTH_OK, NULL);
 *     }
 *     ... drain ...
 *     sky_service_stop(service);
 *
 * Threads  one owner; the HTTP server renders what was set last. */
#ifndef SKY_APP_SERVICE_H
#define SKY_APP_SERVICE_H

#include "app/command.h"
#include "io/http/http_server.h"
#include "io/kafka/kafka_consumer.h"
#include "ops/config.h"
#include "ops/health.h"
#include "ops/metrics.h"

struct sky_service_options {
    const struct sky_invocation *invocation;
    enum sky_role role;
    int default_port; /* of /metrics and the probes, where service.port is 0 */
};

struct sky_service {
    enum sky_role role;
    const struct sky_config *config;
    struct sky_metrics *metrics;
    struct sky_health *health;
    struct sky_kafka_options kafka; /* from the configuration */
    /* the rest is the module's own */
    struct sky_http_server *server;
    struct sky_http_route routes[3];
    int default_port;
    int64_t ends_clock_ms; /* --duration; INT64_MAX: never */
    int64_t metrics_clock_ms;
    char problem[SKY_KAFKA_MESSAGE_SIZE]; /* of Kafka, told last */
};

/* For the tables of options: --port and --duration, as `run` has them. */
#define SKY_SERVICE_OPTIONS                                                                                            \
    {.name = "port",                                                                                                   \
     .letter = 'p',                                                                                                    \
     .rule.type = SKY_VALUE_STRING,                                                                                    \
     .setting = "service.port",                                                                                        \
     .help = "of /metrics, /healthz and /readyz"},                                                                     \
    {                                                                                                                  \
        .name = "duration", .rule = {.type = SKY_VALUE_DURATION, .max = 864e9},                                        \
        .help = "stop by itself after this time of the clock"                                                          \
    }

/* The log configured, signals taken. On an error it has been told; the exit code is returned, and there is nothing to
 * stop. SKY_EXIT_OK: *service is to be stopped. */
SKY_MUST_USE int sky_service_start(const struct sky_service_options *options, struct sky_service *service);

/* The probes answer from here on, if the settings of Kafka are such that it can be asked. On an error it has been told:
 * SKY_E_CONFIG, SKY_E_IO, SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_service_open(struct sky_service *service);
void sky_service_stop(struct sky_service *service);

/* False when it is to end: SIGTERM, SIGINT, or --duration is over. Call it at least every few seconds: it is the sign
 * of life of /healthz, and keeps the metrics of dependencies and log current. */
bool sky_service_goes_on(struct sky_service *service);

/* Say "skytrend NAME: WHAT: WHY"; SKY_EXIT_FAILURE. */
int sky_service_fail(const struct sky_service *service, const char *what, const char *why);

/* The next record of a consumer, with its problems logged once each and told to /readyz, lag and counts kept in the
 * metrics. SKY_KAFKA_FAILED: sky_service_fail has been called. */
enum sky_kafka_event sky_service_next(struct sky_service *service, struct sky_kafka_consumer *consumer, int timeout_ms,
                                      struct sky_kafka_record *record);

/* A record that cannot be read: counted, and logged with where it is. */
void sky_service_bad_record(struct sky_service *service, const struct sky_kafka_record *record,
                            const struct sky_error *error);

#endif
