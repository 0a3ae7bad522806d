/* skytrend check: is everything there that the configuration names, and if not, what is wrong? */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/alert_receivers.h"
#include "app/command.h"
#include "app/flink_submit.h"
#include "app/lake_place.h"
#include "base/printable.h"
#include "io/host/clock.h"
#include "io/lake/lake_store.h"
#include "io/net/reach.h"
#include "io/net/url.h"
#include "io/redis/redis.h"
#include "io/relay/websocket.h"
#include "ops/config.h"
#include "ops/topics.h"
#include "wire/json_write.h"

#define DETAIL_SIZE        640
#define SOURCES_MAX        8
#define LOW_SPACE_BYTES    (UINT64_C(1) << 30)
#define NO_SPACE_BYTES     (UINT64_C(1) << 20) /* not even a checkpoint */
#define TIMEOUT_MS_DEFAULT "5s"

/* What one look found. */
struct finding {
    enum { FINE, POOR, BAD, UNUSED } state; /* POOR: it works, but a person should look */
    char detail[DETAIL_SIZE];               /* for a person */
    const char *hint;                       /* what to do; NULL: nothing */
};

struct look {
    const struct sky_config *config;
    int timeout_ms;
    struct finding *finding;
};

static void say(struct look *look, int state, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void say(struct look *look, int state, const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(look->finding->detail, sizeof look->finding->detail, format, arguments);
    va_end(arguments);
    look->finding->state = (__typeof__(look->finding->state))state;
    look->finding->hint = hint;
}

/* ---- the source of events ---- */

/* The first message of a relay: true within the time. */
static bool hear(struct look *look, const char *url, char problem[DETAIL_SIZE / 2])
{
    struct sky_websocket_options options;
    struct sky_websocket *websocket;
    struct sky_websocket_event event;
    char address[512];
    sky_websocket_options_default(&options);
    bool jetstream = look->config->source.kind == SKY_SOURCE_JETSTREAM;
    const char *behind_scheme = strstr(url, "://");
    bool has_path = behind_scheme && strchr(behind_scheme + 3, '/');
    snprintf(address, sizeof address, "%s%s", url,
             has_path    ? ""
             : jetstream ? "/subscribe?wantedCollections=app.bsky.feed.post"
                         : "/xrpc/com.atproto.sync.subscribeRepos");
    options.url = address;
    options.allow_plain = look->config->source.allow_plain;
    options.connect_timeout_ms = look->timeout_ms;
    options.user_agent = "skytrend/" SKY_VERSION;
    snprintf(problem, DETAIL_SIZE / 2, "connected, but nothing came within %d ms", look->timeout_ms);
    if (sky_websocket_open(&options, &websocket) != SKY_OK) {
        snprintf(problem, DETAIL_SIZE / 2, "no thread or memory to connect with");
        return false;
    }
    int64_t until_ms = sky_clock_monotonic_ms() + look->timeout_ms;
    bool heard = false;
    for (int64_t left_ms = look->timeout_ms; !heard && left_ms > 0; left_ms = until_ms - sky_clock_monotonic_ms()) {
        if (!sky_websocket_next(websocket, (int)left_ms, &event))
            continue;
        heard = event.kind == SKY_WEBSOCKET_MESSAGE || event.kind == SKY_WEBSOCKET_TEXT;
        if (event.kind != SKY_WEBSOCKET_CLOSED)
            continue;
        snprintf(problem, DETAIL_SIZE / 2, "%s: %s", sky_websocket_end_name(event.closed.end), event.closed.detail);
        break;
    }
    sky_websocket_close(websocket);
    return heard;
}

/* All of the list: one that answers is enough to work, each that does not is told. */
static void look_at_source(struct look *look)
{
    const struct sky_config *config = look->config;
    if (config->source.kind != SKY_SOURCE_RELAY && config->source.kind != SKY_SOURCE_JETSTREAM) {
        say(look, UNUSED, NULL, "source.kind is none of the network");
        return;
    }
    const char *rest = config->source.kind == SKY_SOURCE_RELAY ? config->source.urls : config->source.jetstream_urls;
    char silent[DETAIL_SIZE] = "";
    struct sky_span word;
    size_t asked = 0, answered = 0, len = 0;
    while (asked < SOURCES_MAX && sky_list_next(&rest, &word)) {
        char url[256], problem[DETAIL_SIZE / 2];
        snprintf(url, sizeof url, "%.*s", (int)word.len, (const char *)word.ptr);
        asked++;
        if (hear(look, url, problem))
            answered++;
        else if (len < sizeof silent)
            len += (size_t)snprintf(silent + len, sizeof silent - len, "%s%s: %s", len ? "; " : "", url, problem);
    }
    if (answered == asked && asked)
        say(look, FINE, NULL, "%zu of %zu answer", answered, asked);
    else
        say(look, answered ? POOR : BAD,
            answered ? NULL : "see whether this machine reaches the internet, or set source.urls",
            "%zu of %zu answer; %.500s", answered, asked, silent);
}

/* ---- this machine ---- */

static void look_at_data(struct look *look)
{
    const char *directory = look->config->data.directory, *there = directory;
    char parent[PATH_MAX];
    struct statvfs space;
    snprintf(parent, sizeof parent, "%s", directory);
    while (access(there, F_OK) != 0 && errno == ENOENT) /* the first that needs it makes all of it */
        there = dirname(parent);
    if (access(there, W_OK | X_OK) != 0 || statvfs(there, &space) != 0)
        say(look, BAD, "give this user the right to write there, or set data.directory", "%s: %s", there,
            strerror(errno));
    else {
        uint64_t free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
        bool low = free_bytes < LOW_SPACE_BYTES, none = free_bytes < NO_SPACE_BYTES;
        say(look,
            none  ? BAD
            : low ? POOR
                  : FINE,
            low ? "make room, or set data.directory" : NULL, "%s: %.1f GiB free", directory,
            (double)free_bytes / (1 << 30));
    }
}

/* ---- services ---- */

static void look_at_kafka(struct look *look)
{
    struct sky_kafka_options options;
    struct sky_kafka_cluster cluster;
    struct sky_kafka_message message;
    const char *names[SKY_TOPIC_COUNT];
    sky_config_kafka_options(look->config, &options);
    for (enum sky_topic_kind kind = 0; kind < SKY_TOPIC_COUNT; kind++)
        names[kind] = sky_topic_name(look->config, kind);
    enum sky_status status = sky_kafka_ask(&options, names, SKY_TOPIC_COUNT, look->timeout_ms, &cluster, &message);
    if (status != SKY_OK)
        say(look, BAD,
            status == SKY_E_CONFIG ? "see the settings kafka.security, kafka.username and kafka.ca_file"
                                   : "start the brokers, or set kafka.bootstrap_servers",
            "%s: %s", options.bootstrap_servers, message.text);
    else if (cluster.topics == SKY_TOPIC_COUNT)
        say(look, FINE, NULL, "%s: %u brokers, all %u topics", options.bootstrap_servers, cluster.brokers,
            cluster.topics);
    else
        say(look, FINE, NULL, "%s: %u brokers, %u of %d topics; whoever writes to %s makes them",
            options.bootstrap_servers, cluster.brokers, cluster.topics, SKY_TOPIC_COUNT, cluster.missing);
}

static void look_at_redis(struct look *look)
{
    const struct sky_config *config = look->config;
    struct sky_redis_options options;
    struct sky_redis *redis = NULL;
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    char problem[SKY_REDIS_PROBLEM_SIZE];
    sky_config_redis_options(config, &options);
    options.connect_timeout_ms = options.answer_timeout_ms = look->timeout_ms;
    enum sky_status status = sky_redis_new(&options, &redis, problem);
    if (status == SKY_OK) {
        sky_redis_command_begin(&command, "PING");
        status = sky_redis_call(redis, &command, &reply);
        snprintf(problem, sizeof problem, "%s", sky_redis_problem(redis));
    }
    if (status == SKY_OK)
        say(look, FINE, NULL, "%s answers", config->redis.url);
    else
        say(look, BAD,
            status == SKY_E_CONFIG ? "see the settings redis.url, redis.username, redis.password and redis.ca_file"
                                   : "start Redis, or set redis.url",
            "%s", problem);
    sky_redis_free(redis);
}

static void look_at_lake(struct look *look)
{
    char location[PATH_MAX], problem[SKY_S3_PROBLEM_SIZE] = "data.directory is too long";
    struct sky_s3_options s3;
    struct sky_lake_store *store = NULL;
    sky_lake_s3_options(look->config, &s3);
    s3.connect_timeout_ms = s3.timeout_ms = look->timeout_ms;
    s3.attempts_max = 1;
    const struct sky_lake_store_options options = {.location = location, .s3 = &s3};
    enum sky_status status = sky_lake_place(look->config, location) ? SKY_OK : SKY_E_CONFIG;
    if (status == SKY_OK)
        status = sky_lake_store_new(&options, &store, problem);
    if (status == SKY_OK) {
        status = sky_lake_store_check(store, false);
        snprintf(problem, sizeof problem, "%s", sky_lake_store_problem(store));
    }
    if (status == SKY_OK)
        say(look, FINE, NULL, "%s can be read", location);
    else
        say(look, BAD, "see the settings lake.location and s3.*; `skytrend lake` makes what is missing", "%s", problem);
    sky_lake_store_free(store);
}

static bool is_output(const struct sky_config *config, enum sky_alert_output_kind kind)
{
    const char *rest = config->alerts.outputs;
    struct sky_span word;
    while (sky_list_next(&rest, &word))
        if (sky_span_equal(word, sky_span_from_string(sky_alert_output_name(kind))))
            return true;
    return false;
}

/* The receivers of `alerts`: each that has a URL, and each that wants one. */
static void look_at_alerts(struct look *look)
{
    const struct sky_config *config = look->config;
    char silent[DETAIL_SIZE] = "";
    size_t asked = 0, answered = 0, len = 0;
    for (enum sky_alert_output_kind kind = 0; kind < SKY_ALERT_TO_COUNT; kind++) {
        const char *url, *setting = sky_alert_output_url(config, kind, &url);
        char problem[SKY_REACH_PROBLEM_SIZE] = "is not set", shown[SKY_URL_SHOWN_SIZE];
        bool mail = kind == SKY_ALERT_TO_MAIL;
        const struct sky_reach_options options = {.url = url,
                                                  .ca_file = config->alerts.ca_file,
                                                  .user = mail ? config->alerts.mail_username : NULL,
                                                  .password = config->alerts.mail_password,
                                                  .allow_plain = config->alerts.allow_plain,
                                                  .timeout_ms = look->timeout_ms};
        if (!setting || (!*url && !is_output(config, kind)))
            continue;
        asked++;
        if (*url && sky_reach(&options, problem) == SKY_OK) {
            answered++;
        } else if (len < sizeof silent) {
            sky_url_show(url, shown); /* what stands behind the host may be a secret */
            len += (size_t)snprintf(silent + len, sizeof silent - len, "%s%s: %s", len ? "; " : "",
                                    *url ? shown : setting, problem);
        }
    }
    if (!asked)
        say(look, UNUSED, NULL, "not configured: no URL of a receiver is set");
    else if (asked == answered)
        say(look, FINE, NULL, "%zu of %zu receivers answer", answered, asked);
    else
        say(look, BAD, "see the settings alerts.*", "%zu of %zu receivers answer; %.500s", answered, asked, silent);
}

static void look_at_flink(struct look *look)
{
    char problem[SKY_FLINK_PROBLEM_SIZE];
    struct sky_flink_options options;
    struct sky_flink_rest *rest;
    struct sky_flink_slots slots = {0};
    sky_flink_rest_options(look->config, &options);
    options.connect_timeout_ms = options.timeout_ms = look->timeout_ms;
    enum sky_status status = sky_flink_rest_new(&options, &rest, problem);
    if (status == SKY_OK) {
        status = sky_flink_look_at_slots(rest, &slots);
        snprintf(problem, sizeof problem, "%s", sky_flink_rest_problem(rest));
    }
    if (status != SKY_OK)
        say(look, BAD, "start the cluster's JobManager, or set flink.url", "%.600s", problem);
    else
        say(look, slots.task_managers ? FINE : POOR, slots.task_managers ? NULL : "start a TaskManager",
            "%s: %lld TaskManagers, %lld of %lld slots free", sky_flink_rest_url(rest), (long long)slots.task_managers,
            (long long)slots.free, (long long)slots.total);
    sky_flink_rest_free(rest);
}

/* ---- all of them ---- */

static const struct {
    const char *name;
    const char *setting; /* given: it is used; NULL: always */
    void (*look)(struct look *look);
} parts[] = {
    {"source", NULL, look_at_source},
    {"data", NULL, look_at_data},
    {"kafka", "kafka.bootstrap_servers", look_at_kafka},
    {"redis", "redis.url", look_at_redis},
    {"lake", "lake.location", look_at_lake},
    {"alerts", NULL, look_at_alerts},
    {"flink", "flink.url", look_at_flink},
};

#define PARTS_COUNT (sizeof parts / sizeof parts[0])

static bool is_named(const struct sky_options *options, const char *name)
{
    for (size_t i = 0; i < options->arguments_count; i++)
        if (strcmp(options->arguments[i], name) == 0)
            return true;
    return false;
}

static const char *const state_names[] = {"ok", "degraded", "failed", "off"};

static void print_text(const char *name, const struct finding *finding, bool colours)
{
    static const char *const marks[] = {"\033[32m", "\033[33m", "\033[31m", "\033[2m"};
    struct sky_buffer detail = {0};
    sky_buffer_put_printable(&detail, sky_span_from_string(finding->detail));
    printf("%-8s %s%-8s%s  %.*s\n", name, colours ? marks[finding->state] : "", state_names[finding->state],
           colours ? "\033[0m" : "", (int)detail.len, detail.ptr ? (const char *)detail.ptr : "");
    if (finding->hint)
        printf("%19s%s\n", "", finding->hint);
    sky_buffer_clean_up(&detail);
}

static void write_json(struct sky_json_writer *json, const char *name, const struct finding *finding,
                       int64_t duration_ms)
{
    sky_json_key(json, name);
    sky_json_object(json);
    sky_json_key(json, "state");
    sky_json_string(json, state_names[finding->state]);
    sky_json_key(json, "detail");
    sky_json_string(json, finding->detail);
    sky_json_key(json, "hint");
    if (finding->hint)
        sky_json_string(json, finding->hint);
    else
        sky_json_null(json);
    sky_json_key(json, "duration_ms");
    sky_json_int(json, duration_ms);
    sky_json_end(json);
}

static bool all_known(const struct sky_invocation *invocation)
{
    for (size_t i = 0; i < invocation->options.arguments_count; i++) {
        bool known = false;
        for (size_t k = 0; k < PARTS_COUNT; k++)
            known = known || strcmp(invocation->options.arguments[i], parts[k].name) == 0;
        if (!known)
            return false;
    }
    return true;
}

static int run(const struct sky_invocation *invocation)
{
    const struct sky_options *options = &invocation->options;
    bool json_wanted = sky_options_bool(options, "json"), bad = false;
    bool colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    struct sky_buffer text = {0};
    struct sky_json_writer json;
    if (!all_known(invocation))
        return sky_command_usage_error(invocation->command,
                                       "there is to check: source, data, kafka, redis, lake, alerts, flink");
    sky_json_begin(&json, &text);
    sky_json_object(&json);
    for (size_t i = 0; i < PARTS_COUNT; i++) {
        bool named = is_named(options, parts[i].name);
        if (options->arguments_count && !named)
            continue;
        struct finding finding = {0};
        struct look look = {invocation->config, (int)sky_options_duration_ms(options, "timeout"), &finding};
        int64_t began_ms = sky_clock_monotonic_ms();
        if (named || !parts[i].setting || !sky_config_is_default(invocation->config, parts[i].setting))
            parts[i].look(&look);
        else
            say(&look, UNUSED, NULL, "not configured: %s has its default value", parts[i].setting);
        bad = bad || finding.state == BAD;
        write_json(&json, parts[i].name, &finding, sky_clock_monotonic_ms() - began_ms);
        if (!json_wanted)
            print_text(parts[i].name, &finding, colours);
        fflush(stdout);
    }
    sky_json_end(&json);
    if (json_wanted)
        printf("%.*s\n", (int)text.len, (const char *)text.ptr);
    sky_buffer_clean_up(&text);
    return bad ? SKY_EXIT_FAILURE : SKY_EXIT_OK;
}

static const struct sky_option check_options[] = {
    {.name = "json", .help = "one JSON object"},
    {.name = "timeout",
     .rule = {.type = SKY_VALUE_DURATION, .min = 100, .max = 600000},
     .value = TIMEOUT_MS_DEFAULT,
     .help = "longest wait for each answer"},
    {0},
};

const struct sky_command sky_command_check = {
    .name = "check",
    .summary = "see whether what the configuration names is there, and what is wrong",
    .description =
        "Looks at each thing that is configured: the relays, the data folder, Kafka, the lake's store, Redis, the\n"
        "receivers of alerts, the Flink cluster. Those named are looked at in any case. Exits with 1 when one fails.",
    .arguments = "[NAME...]",
    .arguments_max = PARTS_COUNT,
    .options = check_options,
    .takes_config = true,
    .examples = (const char *const[]){"skytrend check", "# only the brokers, for a script",
                                      "skytrend check kafka --json", NULL},
    .run = run,
};
