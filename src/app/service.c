#include "app/service.h"

#include <stdio.h>

#include "io/host/clock.h"
#include "ops/log.h"
#include "ops/metrics_source.h"
#include "ops/signal.h"
#include "ops/topics.h"

#define METRICS_MS 250

int sky_service_fail(const struct sky_service *service, const char *what, const char *why)
{
    sky_log_say(SKY_LOG_ERROR, "failed", "skytrend %s: %s: %s", sky_role_name(service->role), what, why);
    return SKY_EXIT_FAILURE;
}

/* ---- the probes ---- */

static void render_alive(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    struct sky_service *service = context;
    (void)request;
    response->status = sky_health_render_alive(service->health, &response->body);
}

static void render_ready(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    struct sky_service *service = context;
    (void)request;
    response->status = sky_health_render_ready(service->health, &response->body);
}

static void render_metrics(void *context, const struct sky_http_request *request, struct sky_http_response *response)
{
    struct sky_service *service = context;
    (void)request;
    response->content_type = SKY_METRICS_CONTENT_TYPE;
    response->status = sky_metrics_render(service->metrics, &response->body);
}

static enum sky_status open_probes(struct sky_service *service)
{
    const struct sky_config *config = service->config;
    char message[SKY_HTTP_ERROR_SIZE];
    service->routes[0] = (struct sky_http_route){"/healthz", render_alive, service, .is_probe = true};
    service->routes[1] = (struct sky_http_route){"/readyz", render_ready, service, .is_probe = true};
    service->routes[2] = (struct sky_http_route){"/metrics", render_metrics, service, .is_probe = true};
    struct sky_http_server_options options = {
        .address = config->service.address,
        .port = (uint16_t)(config->service.port ? config->service.port : service->default_port),
        .host_names = config->host_names,
        .host_names_count = config->host_names_count,
        .access.connections_per_address = (uint32_t)config->http.connections_per_address,
        .routes = service->routes,
        .routes_count = 3,
    };
    enum sky_status status = sky_http_server_start(&options, &service->server, message);
    if (status != SKY_OK) {
        sky_service_fail(service, "the probes", message);
        return status;
    }
    sky_log_say(SKY_LOG_INFO, "listening", "skytrend %s: metrics and probes at http://%s:%u/metrics",
                sky_role_name(service->role), config->service.address, sky_http_server_port(service->server));
    return SKY_OK;
}

/* ---- beginning and end ---- */

int sky_service_start(const struct sky_service_options *options, struct sky_service *service)
{
    const struct sky_invocation *invocation = options->invocation;
    *service = (struct sky_service){.role = options->role,
                                    .config = invocation->config,
                                    .default_port = options->default_port,
                                    .ends_clock_ms = INT64_MAX};
    sky_config_log(service->config);
    sky_signal_install();
    sky_config_kafka_options(service->config, &service->kafka);
    if (sky_options_given(&invocation->options, "duration"))
        service->ends_clock_ms = sky_clock_monotonic_ms() + sky_options_duration_ms(&invocation->options, "duration");
    enum sky_status status = sky_metrics_new(options->role, &service->metrics);
    if (status == SKY_OK)
        status = sky_health_new(options->role, &service->health);
    if (status == SKY_OK)
        return SKY_EXIT_OK;
    sky_service_stop(service);
    return sky_service_fail(service, "its start", "no memory");
}

enum sky_status sky_service_open(struct sky_service *service)
{
    struct sky_kafka_message message;
    if (!sky_dependency_is_of(SKY_DEPENDENCY_KAFKA, service->role))
        return open_probes(service);
    enum sky_status status = sky_kafka_check(&service->kafka, &message);
    if (status == SKY_OK)
        return open_probes(service);
    sky_service_fail(service, "Kafka", message.text);
    return status;
}

void sky_service_stop(struct sky_service *service)
{
    sky_http_server_stop(service->server);
    sky_health_free(service->health);
    sky_metrics_free(service->metrics);
}

/* ---- turn by turn ---- */

static void tell_metrics(struct sky_service *service)
{
    struct sky_http_server_stats http = {0};
    if (service->server)
        sky_http_server_stats(service->server, &http);
    sky_metrics_take_http(service->metrics, &http);
    sky_metrics_take_health(service->metrics, service->health);
    sky_metrics_take_log(service->metrics);
}

bool sky_service_goes_on(struct sky_service *service)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    sky_health_beat(service->health);
    if (now_ms - service->metrics_clock_ms >= METRICS_MS) {
        service->metrics_clock_ms = now_ms;
        tell_metrics(service);
    }
    return !sky_signal_requested() && now_ms < service->ends_clock_ms;
}

/* Once for each new text, not for each time librdkafka says it. */
static void tell_problem(struct sky_service *service, const char *problem)
{
    if (strcmp(problem, service->problem) == 0)
        return;
    snprintf(service->problem, sizeof service->problem, "%s", problem);
    sky_health_set(service->health, SKY_DEPENDENCY_KAFKA, *problem ? SKY_HEALTH_FAILED : SKY_HEALTH_OK, problem);
    if (*problem)
        sky_log(SKY_LOG_WARN, "kafka_problem", SKY_LOG_TEXT("reason", problem));
    else
        sky_log(SKY_LOG_INFO, "kafka_recovered", SKY_LOG_TEXT("brokers", service->kafka.bootstrap_servers));
}

enum sky_kafka_event sky_service_next(struct sky_service *service, struct sky_kafka_consumer *consumer, int timeout_ms,
                                      struct sky_kafka_record *record)
{
    struct sky_kafka_message message;
    enum sky_kafka_event event = sky_kafka_consumer_next(consumer, timeout_ms, record, &message);
    switch (event) {
    case SKY_KAFKA_RECORD: {
        enum sky_topic_kind kind = sky_topic_kind_of(service->config, record->topic);
        if (kind < SKY_TOPIC_COUNT)
            sky_metric_add(service->metrics, SKY_METRIC_KAFKA_CONSUMED, kind, 1);
        return event;
    }
    case SKY_KAFKA_PARTITION_END:
    case SKY_KAFKA_IDLE: sky_kafka_consumer_problem(consumer, &message); break;
    case SKY_KAFKA_PROBLEM: break;
    case SKY_KAFKA_FAILED: sky_service_fail(service, "Kafka", message.text); return event;
    }
    tell_problem(service, message.text);
    if (!*message.text && sky_kafka_consumer_partitions(consumer))
        sky_health_set(service->health, SKY_DEPENDENCY_KAFKA, SKY_HEALTH_OK, NULL);
    sky_metric_set(service->metrics, SKY_METRIC_KAFKA_CONSUMER_LAG, 0, (double)sky_kafka_consumer_lag(consumer));
    sky_metric_set(service->metrics, SKY_METRIC_KAFKA_PARTITIONS, 0, (double)sky_kafka_consumer_partitions(consumer));
    return event;
}

void sky_service_bad_record(struct sky_service *service, const struct sky_kafka_record *record,
                            const struct sky_error *error)
{
    enum sky_topic_kind kind = sky_topic_kind_of(service->config, record->topic);
    if (kind < SKY_TOPIC_COUNT)
        sky_metric_add(service->metrics, SKY_METRIC_RECORDS_BAD, kind, 1);
    sky_log(SKY_LOG_WARN, "record_dropped", SKY_LOG_TEXT("topic", record->topic),
            SKY_LOG_INT("partition", record->partition), SKY_LOG_INT("offset", record->offset),
            SKY_LOG_TEXT("status", sky_status_name(error->status)), SKY_LOG_INT("byte", error->offset),
            SKY_LOG_TEXT("reason", error->reason ? error->reason : ""));
}
