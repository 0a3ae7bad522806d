#include "app/run_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/source.h"
#include "base/time.h"
#include "ops/log.h"
#include "ops/signal.h"
#include "ops/topics.h"

#define ANSWER_MS 5000 /* one try to reach the brokers */
#define RETRY_MS  200
#define KAFKA_URL "kafka://"

int sky_run_fail(const char *what, const char *why)
{
    sky_log_say(SKY_LOG_ERROR, "failed", "skytrend run: %s: %s", what, why);
    return SKY_EXIT_FAILURE;
}

enum sky_status sky_run_open_simulation(struct sky_run_source *source)
{
    const struct sky_options *given = &source->invocation->options;
    const struct sky_config *config = source->invocation->config;
    struct sky_feed_simulation simulation = {.speed = config->simulated.speed};
    char path[PATH_MAX];
    sky_world_options_default(&simulation.world);
    simulation.world.seed = (uint64_t)config->simulated.seed;
    simulation.world.rate = sky_options_double(given, "rate");
    simulation.world.bursts_per_hour = sky_options_double(given, "bursts");
    simulation.world.hours = 0;
    simulation.truth_path = sky_options_string(given, "truth");
    if (!simulation.truth_path && sky_source_path(config, "simulated-truth.jsonl", path) == SKY_OK)
        simulation.truth_path = path;
    const char *reason;
    enum sky_status status = sky_feed_open_simulation(&simulation, &source->feed, &reason);
    if (status == SKY_E_FENCED && simulation.truth_path == path) { /* that other one keeps its own */
        simulation.truth_path = NULL;
        status = sky_feed_open_simulation(&simulation, &source->feed, &reason);
    }
    if (status != SKY_OK) {
        sky_run_fail("the simulated network", status == SKY_E_IO ? strerror(errno) : reason);
        return status;
    }
    sky_log_say(SKY_LOG_INFO, "simulated", "SIMULATED network, seed %lld, at %g times the clock; what it plans: %s",
                (long long)config->simulated.seed, config->simulated.speed,
                simulation.truth_path ? simulation.truth_path : "not written");
    return SKY_OK;
}

static enum sky_status open_live(struct sky_run_source *source)
{
    const struct sky_options *given = &source->invocation->options;
    const struct sky_config *config = source->invocation->config;
    enum sky_status status = sky_source_open(source->invocation, &source->feed);
    /* Lines of a simulated network have no business in a file of real ones. */
    if (status == SKY_OK)
        source->may_simulate = !sky_options_bool(given, "live") && !sky_options_given(given, "out") &&
                               config->kafka.outputs != SKY_OUTPUTS_ON &&
                               sky_config_is_default(config, "source.urls") &&
                               sky_config_is_default(config, "source.jetstream_urls");
    return status;
}

/* The word behind kafka:// of --source, or NULL. */
static const char *kafka_servers(const struct sky_config *config)
{
    size_t len = sizeof KAFKA_URL - 1;
    return strncmp(config->source.urls, KAFKA_URL, len) == 0 ? config->source.urls + len : NULL;
}

bool sky_run_configure(const struct sky_config *given, struct sky_config *config)
{
    *config = *given;
    const char *servers = kafka_servers(given);
    if (servers) {
        config->source.kind = SKY_SOURCE_KAFKA;
        config->kafka.bootstrap_servers = servers;
    }
    bool is_kafka = config->source.kind == SKY_SOURCE_KAFKA;
    if (config->kafka.outputs == SKY_OUTPUTS_AUTO)
        config->kafka.outputs = is_kafka ? SKY_OUTPUTS_ON : SKY_OUTPUTS_OFF;
    return !servers || *servers;
}

/* Tell of the wait once, and wait a moment. False: the program is to end. */
static bool wait_for_kafka(const struct sky_run_wait *wait, const char *problem, bool *told)
{
    if (sky_signal_requested() || !wait->goes_on(wait->context, problem))
        return false;
    if (!*told)
        sky_log_say(SKY_LOG_WARN, "waiting_for_kafka", "skytrend run: waiting for Kafka: %s", problem);
    *told = true;
    return !sky_signal_sleep(RETRY_MS);
}

/* The topic is made when it is missing: whoever comes first, the producer or we. */
static enum sky_status try_posts(const struct sky_config *config, struct sky_post_feed **posts,
                                 struct sky_kafka_message *message)
{
    static const enum sky_topic_kind kinds[] = {SKY_TOPIC_POSTS, SKY_TOPIC_DEAD_LETTERS};
    struct sky_kafka_options kafka;
    sky_config_kafka_options(config, &kafka);
    const struct sky_kafka_reader_options options = {.kafka = &kafka, .topic = sky_topic_name(config, SKY_TOPIC_POSTS)};
    enum sky_status status = sky_topics_ensure(config, kinds, sizeof kinds / sizeof *kinds, ANSWER_MS, message);
    return status == SKY_OK ? sky_post_feed_open(&options, posts, message) : status;
}

static enum sky_status open_posts(struct sky_run_source *source)
{
    const struct sky_config *config = source->invocation->config;
    struct sky_post_feed *posts;
    struct sky_kafka_message message;
    bool told = false;
    enum sky_status status;
    while ((status = try_posts(config, &posts, &message)) != SKY_OK)
        if (status == SKY_E_CONFIG || status == SKY_E_MEMORY) {
            sky_run_fail("the posts on Kafka", message.text);
            return status;
        } else if (!wait_for_kafka(&source->wait, message.text, &told)) {
            return SKY_E_END;
        }
    sky_log_say(SKY_LOG_INFO, "reading", "Reading %s on Kafka %s", sky_topic_name(config, SKY_TOPIC_POSTS),
                config->kafka.bootstrap_servers);
    return sky_feed_open_posts(posts, &source->feed);
}

/* Call it until the brokers have answered. */
static enum sky_status wait_for_answer(struct sky_run_bus *bus, const struct sky_run_wait *wait,
                                       enum sky_status (*call)(struct sky_run_bus *bus))
{
    bool told = false;
    for (;;) {
        enum sky_status status = call(bus);
        struct sky_run_bus_status now;
        sky_run_bus_status(bus, &now);
        if (status == SKY_OK || status == SKY_E_MISSING)
            return status;
        if (status != SKY_E_TIMEOUT && status != SKY_E_IO) {
            sky_run_fail("Kafka", *now.problem ? now.problem : sky_status_name(status));
            return status;
        }
        if (!wait_for_kafka(wait, now.problem, &told))
            return SKY_E_END;
    }
}

static enum sky_status refuse(const char *what, int64_t published_ms)
{
    char time[SKY_TIME_TEXT_SIZE], why[256];
    sky_time_format(published_ms, time);
    snprintf(why, sizeof why,
             "minutes up to %s were published, and %s; put data.directory back, or begin anew behind them with "
             "--reset-state",
             time, what);
    sky_run_fail("Kafka", why);
    return SKY_E_CONFIG;
}

static void tell_gap(int64_t published_ms, int64_t closed_until_ms)
{
    char from[SKY_TIME_TEXT_SIZE] = "the beginning", to[SKY_TIME_TEXT_SIZE];
    if (published_ms != SKY_OUTBOX_NO_MARKER)
        sky_time_format(published_ms, from);
    sky_time_format(closed_until_ms, to);
    sky_log_say(SKY_LOG_WARN, "minutes_not_sent",
                "skytrend run: minutes from %s to %s were not sent to Kafka, and will not be", from, to);
}

enum sky_status sky_run_join_bus(struct sky_run_bus *bus, const struct sky_run_past *past)
{
    if (past->is_simulated)
        sky_run_bus_forget_marker(bus);
    enum sky_status status = wait_for_answer(bus, &past->wait, sky_run_bus_read_marker);
    int64_t published_ms = sky_run_bus_published_ms(bus);
    bool is_published = published_ms != SKY_OUTBOX_NO_MARKER;
    if (status != SKY_OK && status != SKY_E_MISSING)
        return status;
    if (is_published && !past->has_checkpoint && !past->is_reset)
        return refuse("there is no checkpoint that leads there", published_ms);
    if (is_published && past->repeats && past->closed_until_ms > published_ms)
        return refuse("the checkpoint is ahead of them", published_ms);
    if (past->closed_until_ms > published_ms)
        tell_gap(published_ms, past->closed_until_ms);
    return wait_for_answer(bus, &past->wait, sky_run_bus_connect);
}

enum sky_source_kind sky_run_source_kind(const struct sky_invocation *invocation)
{
    return sky_options_bool(&invocation->options, "simulate") ? SKY_SOURCE_SIMULATED
                                                              : (enum sky_source_kind)invocation->config->source.kind;
}

enum sky_status sky_run_open_source(struct sky_run_source *source)
{
    enum sky_source_kind kind = sky_run_source_kind(source->invocation);
    if (kind == SKY_SOURCE_SIMULATED)
        return sky_run_open_simulation(source);
    return kind == SKY_SOURCE_KAFKA ? open_posts(source) : open_live(source);
}

enum sky_status sky_run_open_letters(const struct sky_run_source *source, struct sky_run_letters **letters)
{
    struct sky_kafka_message message;
    *letters = NULL;
    if (!sky_feed_posts(source->feed))
        return SKY_OK;
    enum sky_status status = sky_run_letters_new(source->invocation->config, letters, &message);
    if (status != SKY_OK)
        sky_run_fail("the dead letters on Kafka", message.text);
    return status;
}

enum sky_status sky_run_open_dead_letters(const struct sky_run_source *source, struct sky_dead_letters **letters)
{
    *letters = NULL;
    return sky_feed_relay(source->feed) ? sky_source_open_dead_letters(source->invocation, letters) : SKY_OK;
}
