/* skytrend serve: the page and the API of `run` from what `cache` keeps in Redis, so that any number can stand behind a
 * load balancer and give the same answers.
 *
 * The working thread asks Redis once a second whether there is a newer slide, and puts it on a board; the HTTP server
 * answers from that board alone. So requests cost Redis nothing, and while Redis is away the last state stays, with a
 * word since when. What was missed, before the start or while Redis was away, comes from the slides that are kept. The
 * past comes from the lake, on a thread of its own (io/api/api_history.h). */
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/past_lake.h"
#include "base/time.h"
#include "io/api/api.h"
#include "io/host/clock.h"
#include "io/redis/cache.h"
#include "ops/config.h"
#include "ops/log.h"
#include "ops/metrics_source.h"
#include "ops/signal.h"

#define POLL_MS     1000
#define TURN_MS     250
#define STALLED_MS  150000 /* of the clock without a new slide: two and a half are missing */
#define AWAY_MS     3000   /* a Redis that is away for less is not worth a word on the page */
#define LAG_MS_MAX  SKY_DAY_MS
#define SOURCE_NAME "Redis"

static const struct sky_option serve_options[] = {
    {.name = "port", .letter = 'p', .rule.type = SKY_VALUE_STRING, .setting = "http.port", .help = "of the page"},
    {.name = "duration",
     .rule = {.type = SKY_VALUE_DURATION, .max = 864e9},
     .help = "stop by itself after this time of the clock"},
    {0},
};

struct serve {
    const struct sky_config *config;
    struct sky_redis *redis;
    struct sky_cache *cache;
    struct sky_board *board;
    struct sky_api *api;
    struct sky_past_lake lake;
    struct sky_health *health;
    struct sky_metrics *metrics;
    struct sky_board_status status;
    int64_t window_end_ms; /* of what stands on the board; 0: nothing */
    int64_t new_clock_ms;  /* monotonic clock: when that was new */
    int64_t away_clock_ms; /* monotonic clock: since when Redis is away; 0: it is not */
    enum sky_redis_trouble trouble;
    bool was_told;
    bool was_shown; /* the board has a status */
    int64_t poll_clock_ms;
    int64_t ends_clock_ms;
};

static int fail(const char *what, const char *why)
{
    sky_log_say(SKY_LOG_ERROR, "failed", "skytrend serve: %s: %s", what, why);
    return SKY_EXIT_FAILURE;
}

/* Asked by Redis' client too while it waits: a slow Redis neither makes us look dead nor holds up the end. */
static bool goes_on(void *context)
{
    struct serve *serve = context;
    sky_health_beat(serve->health);
    return !sky_signal_requested() && sky_clock_monotonic_ms() < serve->ends_clock_ms;
}

/* ---- slides ---- */

static void take_past(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct serve *serve = context;
    if (sky_board_publish_past(serve->board, snapshot) != SKY_OK)
        sky_log(SKY_LOG_ERROR, "slide_not_shown", SKY_LOG_TEXT("reason", "no memory"));
}

/* The slides between what stands on the board and the new one. */
static enum sky_status catch_up(struct serve *serve, int64_t window_end_ms)
{
    int64_t first_ms = window_end_ms - SKY_DAY_MS + SKY_MINUTE_MS;
    bool goes_on = serve->window_end_ms && serve->window_end_ms < window_end_ms;
    if (goes_on && serve->window_end_ms + SKY_MINUTE_MS > first_ms)
        first_ms = serve->window_end_ms + SKY_MINUTE_MS;
    const struct sky_cache_slides_wanted wanted = {
        .first_end_ms = first_ms, .last_end_ms = window_end_ms - SKY_MINUTE_MS, .each = take_past, .context = serve};
    return sky_cache_get_slides(serve->cache, &wanted);
}

static void set_numbers(struct serve *serve, const struct sky_trend_snapshot *snapshot)
{
    int64_t length_ms = snapshot->window_end_ms - snapshot->window_start_ms;
    serve->status.event_time_ms = snapshot->window_end_ms;
    serve->status.posts_per_minute =
        length_ms > 0 ? (double)snapshot->posts * (double)SKY_MINUTE_MS / (double)length_ms : 0;
}

/* What was written some minutes ago is not new, though it is to us. */
static int64_t age_of_current(struct serve *serve)
{
    int64_t age_ms;
    return sky_cache_get_age(serve->cache, &age_ms) == SKY_OK ? age_ms : 0;
}

static enum sky_status take_current(struct serve *serve)
{
    const struct sky_trend_snapshot *snapshot;
    struct sky_span json;
    enum sky_status status = sky_cache_get_current(serve->cache, serve->window_end_ms, &snapshot, &json);
    if (status != SKY_OK)
        return status;
    int64_t window_end_ms = snapshot->window_end_ms;
    status = catch_up(serve, window_end_ms); /* which is the end of `snapshot` */
    if (status == SKY_OK)
        status = sky_cache_get_current(serve->cache, 0, &snapshot, &json);
    if (status != SKY_OK)
        return status;
    set_numbers(serve, snapshot);
    sky_board_set_status(serve->board, &serve->status);
    if (sky_board_publish(serve->board, snapshot) != SKY_OK)
        sky_log(SKY_LOG_ERROR, "slide_not_shown", SKY_LOG_TEXT("reason", "no memory"));
    serve->window_end_ms = snapshot->window_end_ms;
    sky_metric_set(serve->metrics, SKY_METRIC_ACTIVE_TRENDS, 0, snapshot->trends_count);
    serve->new_clock_ms = sky_clock_monotonic_ms() - age_of_current(serve);
    return SKY_OK;
}

/* ---- Redis ---- */

static bool is_answer(enum sky_status status)
{
    return status == SKY_OK || status == SKY_E_DUPLICATE || status == SKY_E_MISSING;
}

static void tell_redis(struct serve *serve, bool answers)
{
    enum sky_redis_trouble trouble = answers ? SKY_REDIS_FINE : sky_redis_trouble(serve->redis);
    const char *problem = sky_redis_problem(serve->redis);
    if (!answers && trouble == SKY_REDIS_FINE) { /* an answer, but not to what was asked */
        trouble = SKY_REDIS_MALFORMED;
        problem = "trends:current cannot be read";
    }
    if (!answers)
        sky_health_set(serve->health, SKY_DEPENDENCY_REDIS, SKY_HEALTH_FAILED, problem);
    else if (serve->window_end_ms)
        sky_health_set(serve->health, SKY_DEPENDENCY_REDIS, SKY_HEALTH_OK, NULL);
    else
        sky_health_set(serve->health, SKY_DEPENDENCY_REDIS, SKY_HEALTH_DEGRADED, "there are no trends in it yet");
    if (serve->was_told && trouble == serve->trouble)
        return;
    if (!answers)
        sky_log(SKY_LOG_WARN, "redis_problem", SKY_LOG_TEXT("reason", problem));
    else
        sky_log(SKY_LOG_INFO, serve->was_told ? "redis_recovered" : "redis_connected",
                SKY_LOG_TEXT("url", serve->config->redis.url));
    serve->trouble = trouble;
    serve->was_told = true;
}

static void poll_redis(struct serve *serve)
{
    enum sky_status status = take_current(serve);
    int64_t now_ms = sky_clock_monotonic_ms();
    bool answers = is_answer(status);
    serve->poll_clock_ms = now_ms;
    if (!answers && sky_redis_trouble(serve->redis) == SKY_REDIS_STOPPED)
        return;
    if (answers)
        serve->away_clock_ms = 0;
    else if (!serve->away_clock_ms)
        serve->away_clock_ms = now_ms;
    tell_redis(serve, answers);
}

/* ---- the board's status ---- */

/* What is shown is as of then: the last slide, when Redis stopped to answer or none came any more. */
static void tell_board(struct serve *serve)
{
    int64_t now_ms = sky_clock_monotonic_ms(), wall_ms = sky_clock_wall_ms();
    struct sky_board_status before = serve->status;
    bool is_away = serve->away_clock_ms && now_ms - serve->away_clock_ms > AWAY_MS;
    bool is_silent = serve->window_end_ms && now_ms - serve->new_clock_ms > STALLED_MS;
    int64_t since_ms = is_silent ? serve->new_clock_ms : serve->away_clock_ms;
    serve->status.connection = is_away && !serve->window_end_ms ? SKY_BOARD_DISCONNECTED
                               : is_away || is_silent           ? SKY_BOARD_STALLED
                               : serve->window_end_ms           ? SKY_BOARD_CONNECTED
                                                                : SKY_BOARD_CONNECTING;
    serve->status.stalled_since_ms =
        serve->status.connection == SKY_BOARD_STALLED ? sky_time_floor(wall_ms - (now_ms - since_ms), 1000) : 0;
    int64_t lag_ms = serve->status.event_time_ms ? wall_ms - serve->status.event_time_ms : 0;
    serve->status.lag_ms = lag_ms > LAG_MS_MAX || lag_ms < 0 ? 0 : sky_time_floor(lag_ms, 1000); /* else a replay */
    if (!serve->was_shown || before.connection != serve->status.connection || before.lag_ms != serve->status.lag_ms ||
        before.stalled_since_ms != serve->status.stalled_since_ms)
        sky_board_set_status(serve->board, &serve->status);
    serve->was_shown = true;
}

static void tell_metrics(struct serve *serve)
{
    struct sky_http_server_stats http;
    struct sky_redis_stats redis;
    sky_api_stats(serve->api, &http);
    sky_redis_stats(serve->redis, &redis);
    sky_metrics_take_http(serve->metrics, &http);
    sky_metric_set_total(serve->metrics, SKY_METRIC_REDIS_CONNECTIONS, 0, redis.connections);
    sky_metrics_take_health(serve->metrics, serve->health);
    sky_metrics_take_log(serve->metrics);
    if (!serve->window_end_ms)
        return;
    sky_metric_set(serve->metrics, SKY_METRIC_EVENT_TIME, 0, (double)serve->window_end_ms / 1e3);
    sky_metric_set(serve->metrics, SKY_METRIC_FRESHNESS, 0, (double)(sky_clock_wall_ms() - serve->window_end_ms) / 1e3);
}

/* ---- the command ---- */

static void work(struct serve *serve)
{
    tell_metrics(serve);
    poll_redis(serve);
    while (goes_on(serve)) {
        if (sky_clock_monotonic_ms() - serve->poll_clock_ms >= POLL_MS)
            poll_redis(serve);
        tell_board(serve);
        tell_metrics(serve);
        sky_signal_sleep(TURN_MS);
    }
}

static enum sky_status open_redis(struct serve *serve)
{
    struct sky_redis_options redis;
    struct sky_cache_options cache;
    char problem[SKY_REDIS_PROBLEM_SIZE];
    sky_config_redis_options(serve->config, &redis);
    redis.goes_on = goes_on;
    redis.context = serve;
    sky_config_cache_options(serve->config, &cache);
    enum sky_status status = sky_redis_new(&redis, &serve->redis, problem);
    if (status == SKY_OK)
        status = sky_cache_new(&cache, serve->redis, &serve->cache);
    if (status != SKY_OK)
        fail("Redis", problem);
    return status;
}

static enum sky_status open_page(struct serve *serve)
{
    const struct sky_config *config = serve->config;
    char message[SKY_HTTP_ERROR_SIZE];
    struct sky_api_options options = {
        .board = serve->board,
        .address = config->http.address,
        .port = (uint16_t)config->http.port,
        .host_names = config->host_names,
        .host_names_count = config->host_names_count,
        .healthz = {sky_health_render_alive, serve->health, NULL},
        .readyz = {sky_health_render_ready, serve->health, NULL},
        .metrics = {sky_metrics_render, serve->metrics, SKY_METRICS_CONTENT_TYPE},
    };
    sky_config_http_access(config, &options.access);
    if (sky_past_lake_find(config, serve->health, &serve->lake, &options.history))
        sky_log_say(SKY_LOG_INFO, "past_found", "The past is in %s", serve->lake.location);
    enum sky_status status = sky_api_start(&options, &serve->api, message);
    if (status != SKY_OK)
        fail("the page", message);
    else
        sky_log_say(SKY_LOG_INFO, "listening", "The page is at %s", sky_api_url(serve->api));
    return status;
}

static enum sky_status set_up(struct serve *serve)
{
    struct sky_log_options log;
    sky_log_options_for_terminal((int)serve->config->log.format, &log);
    log.level = (enum sky_log_level)serve->config->log.level;
    sky_log_configure(&log);
    sky_signal_install();
    enum sky_status status = sky_metrics_new(SKY_ROLE_SERVE, &serve->metrics);
    if (status == SKY_OK)
        status = sky_health_new(SKY_ROLE_SERVE, &serve->health);
    if (status == SKY_OK)
        status = sky_board_new(&serve->board);
    if (status == SKY_OK)
        status = open_redis(serve);
    if (status != SKY_OK)
        return status;
    snprintf(serve->status.source, sizeof serve->status.source, "%s", SOURCE_NAME);
    serve->status.speed = 1;
    serve->status.version = SKY_VERSION;
    sky_health_set(serve->health, SKY_DEPENDENCY_REDIS, SKY_HEALTH_STARTING, "what is in it is being read");
    tell_board(serve);
    return open_page(serve); /* before Redis is asked, which may take its time: the probes answer meanwhile */
}

static void tear_down(struct serve *serve)
{
    sky_api_stop(serve->api);
    sky_cache_free(serve->cache);
    sky_redis_free(serve->redis);
    sky_board_free(serve->board);
    sky_health_free(serve->health);
    sky_metrics_free(serve->metrics);
}

static int serve_command(const struct sky_invocation *invocation)
{
    struct serve serve = {.config = invocation->config, .ends_clock_ms = INT64_MAX};
    if (sky_options_given(&invocation->options, "duration"))
        serve.ends_clock_ms = sky_clock_monotonic_ms() + sky_options_duration_ms(&invocation->options, "duration");
    enum sky_status status = set_up(&serve);
    if (status == SKY_OK)
        work(&serve);
    tear_down(&serve);
    return sky_exit_of(status);
}

const struct sky_command sky_command_serve = {
    .name = "serve",
    .summary = "the page and the API from what `cache` keeps in Redis",
    .description =
        "Any number may run behind a load balancer: they give the same answers. While Redis is away the last\n"
        "state stays, with a word since when.",
    .options = serve_options,
    .examples = (const char *const[]){"skytrend serve --redis.url redis://127.0.0.1:6379/0 --port 8080",
                                      "# behind a proxy on another machine, for other hosts' pages too",
                                      "skytrend serve --http.address 0.0.0.0 --http.host_names trends.example.org "
                                      "--http.trusted_proxies 10.0.0.0/8 --http.cors_origins https://example.org",
                                      NULL},
    .takes_config = true,
    .run = serve_command,
};
