#include "app/flink_submit.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

#include "io/host/clock.h"
#include "ops/topics.h"

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         15000
#define LONG_TIMEOUT_MS    180000 /* the job's jar over a slow line; its program on a busy JobManager */
#define TOPICS_MS          10000
#define DUPLICATE          "DuplicateJobSubmissionException"

/* Those of JobSettings.java, whose other defaults are none of ours: all are given. */
static const char *const names[] = {
    "kafka.bootstrap_servers",
    "kafka.security",
    "kafka.sasl_mechanism",
    "kafka.username",
    "kafka.password",
    "kafka.ca_file",
    "kafka.compression",
    "topics.posts",
    "topics.trends",
    "topics.trend_alerts",
    "topics.keyword_counts",
    "topics.activity",
    "topics.sessions",
    "topics.dead_letters",
    "window.minutes",
    "activity.minutes",
    "sessions.gap",
    "trend.languages",
    "trend.min_frequency",
    "trend.min_authors",
    "trend.min_growth",
    "trend.min_z",
    "trend.z_mode",
    "trend.samples",
    "trend.top_keywords",
    "trend.keep_labelled",
    "trend.rank_recurring",
    "flink.group",
    "flink.transactional_id",
    "flink.transaction_timeout",
    "flink.checkpoint_interval",
    "flink.checkpoint_timeout",
    "flink.from",
};

#define NAMES_COUNT (sizeof names / sizeof names[0])

static const enum sky_topic_kind topics[] = {SKY_TOPIC_POSTS,          SKY_TOPIC_TRENDS,   SKY_TOPIC_TREND_ALERTS,
                                             SKY_TOPIC_KEYWORD_COUNTS, SKY_TOPIC_ACTIVITY, SKY_TOPIC_SESSIONS,
                                             SKY_TOPIC_DEAD_LETTERS};

void sky_flink_rest_options(const struct sky_config *config, struct sky_flink_options *options)
{
    *options = (struct sky_flink_options){.url = config->flink.url,
                                          .ca_file = config->flink.ca_file,
                                          .user_agent = "skytrend/" SKY_VERSION,
                                          .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                          .timeout_ms = TIMEOUT_MS,
                                          .long_timeout_ms = LONG_TIMEOUT_MS};
}

static enum sky_status say(char message[SKY_FLINK_MESSAGE_SIZE], enum sky_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum sky_status say(char message[SKY_FLINK_MESSAGE_SIZE], enum sky_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, SKY_FLINK_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- settings ---- */

/* As it was written; of a secret what may be shown: file:PATH or "(hidden)". */
static const char *written(const struct sky_config *config, const char *name, const struct sky_setting **setting)
{
    size_t count, place = 0;
    const struct sky_setting *settings = sky_settings(&count);
    while (place < count && strcmp(settings[place].name, name) != 0)
        place++;
    assert(place < count);
    if (setting)
        *setting = &settings[place];
    return config->origins[place].value;
}

enum sky_status sky_flink_check_settings(const struct sky_config *config, char message[SKY_FLINK_MESSAGE_SIZE])
{
    const char *password = written(config, "kafka.password", NULL);
    if (config->kafka.certificate_file[0])
        return say(
            message, SKY_E_CONFIG,
            "kafka.certificate_file: the job logs in to Kafka by name and password (kafka.security sasl_ssl), not by "
            "a certificate");
    if (strncmp(password, "file:", 5) == 0 && password[5] != '/')
        return say(message, SKY_E_CONFIG,
                   "kafka.password: %.200s is read by the job's tasks, wherever they run: give file: and a path that "
                   "begins with /",
                   password);
    if (config->flink.transaction_timeout_ms <= config->flink.checkpoint_interval_ms)
        return say(
            message, SKY_E_CONFIG,
            "flink.transaction_timeout must be longer than flink.checkpoint_interval: a transaction is open from "
            "one checkpoint to the next");
    return SKY_OK;
}

/* In the one way of writing that the job reads: of 1_000 or `yes` it knows nothing. */
static void put_value(const struct sky_config *config, const char *name, struct sky_buffer *buffer)
{
    const struct sky_setting *setting;
    const char *text = written(config, name, &setting);
    struct sky_value value;
    enum sky_status status = sky_value_parse(&setting->rule, text, &value);
    assert(status == SKY_OK);
    if (status == SKY_OK && setting->rule.type != SKY_VALUE_SECRET)
        sky_value_write(&setting->rule, &value, buffer);
    else if (strncmp(text, "file:", 5) == 0) /* a secret is named, never told */
        sky_buffer_put_string(buffer, text);
}

/* --name value --name value ..., each ended by NUL. */
static void put_arguments(const struct sky_config *config, struct sky_buffer *buffer)
{
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        sky_buffer_put_string(buffer, "--");
        sky_buffer_put_string(buffer, names[i]);
        sky_buffer_put_u8(buffer, 0);
        put_value(config, names[i], buffer);
        sky_buffer_put_u8(buffer, 0);
    }
}

/* ---- submitting ---- */

void sky_flink_make_id(char id[SKY_FLINK_ID_SIZE])
{
    uint8_t bytes[(SKY_FLINK_ID_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        for (size_t i = 0; i < sizeof bytes; i++) /* an id need not be secret */
            bytes[i] = (uint8_t)((uint64_t)sky_clock_wall_ms() >> (i % 8 * 8)) ^ (uint8_t)i;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static enum sky_status ensure_topics(const struct sky_config *config, char message[SKY_FLINK_MESSAGE_SIZE])
{
    struct sky_kafka_message kafka;
    enum sky_status status = sky_topics_ensure(config, topics, sizeof topics / sizeof topics[0], TOPICS_MS, &kafka);
    if (status == SKY_OK)
        return SKY_OK;
    return say(message, status, "the topics on %.200s: %s%s", config->kafka.bootstrap_servers, kafka.text,
               status == SKY_E_CONFIG ? "" : ": are the brokers of kafka.bootstrap_servers there?");
}

static enum sky_status upload(struct sky_flink_rest *rest, const struct sky_config *config,
                              char jar[SKY_FLINK_NAME_SIZE], char message[SKY_FLINK_MESSAGE_SIZE])
{
    enum sky_status status = sky_flink_upload(rest, config->flink.jar, jar);
    if (status == SKY_OK)
        return SKY_OK;
    const char *hint = "";
    if (status == SKY_E_IO && strncmp(sky_flink_rest_problem(rest), "http", 4) != 0)
        hint = ": set flink.jar; scripts/build-flink.sh makes build/flink/skytrend-flink.jar";
    else if (sky_flink_rest_code(rest) == 404)
        hint = ": does the cluster allow jars (web.submit.enable)?";
    return say(message, status, "the job's jar: %s%s", sky_flink_rest_problem(rest), hint);
}

static enum sky_status run(struct sky_flink_rest *rest, const struct sky_flink_submission *submission, const char *jar,
                           char id[SKY_FLINK_ID_SIZE])
{
    struct sky_buffer text = {0};
    const char *arguments[2 * NAMES_COUNT];
    put_arguments(submission->config, &text);
    if (text.failed) {
        sky_buffer_clean_up(&text);
        return SKY_E_MEMORY;
    }
    const char *at = (const char *)text.ptr;
    for (size_t i = 0; i < 2 * NAMES_COUNT; i++, at += strlen(at) + 1)
        arguments[i] = at;
    const struct sky_flink_run run = {.jar = jar,
                                      .arguments = arguments,
                                      .arguments_count = 2 * NAMES_COUNT,
                                      .parallelism = submission->config->flink.parallelism,
                                      .job_id = submission->job_id,
                                      .savepoint = submission->savepoint,
                                      .allow_non_restored = submission->allow_non_restored};
    enum sky_status status = sky_flink_run(rest, &run, id);
    sky_buffer_clean_up(&text);
    return status;
}

enum sky_status sky_flink_submit(struct sky_flink_rest *rest, const struct sky_flink_submission *submission,
                                 char id[SKY_FLINK_ID_SIZE], bool *is_known, char message[SKY_FLINK_MESSAGE_SIZE])
{
    char jar[SKY_FLINK_NAME_SIZE];
    message[0] = 0;
    *is_known = true;
    enum sky_status status = ensure_topics(submission->config, message);
    if (status == SKY_OK)
        status = upload(rest, submission->config, jar, message);
    if (status != SKY_OK)
        return status;
    status = run(rest, submission, jar, id);
    bool is_there = strncmp(sky_flink_rest_reason(rest), DUPLICATE, strlen(DUPLICATE)) == 0;
    if (status != SKY_OK && is_there) { /* the first answer was lost, here or within libcurl */
        snprintf(id, SKY_FLINK_ID_SIZE, "%s", submission->job_id);
        status = SKY_OK;
    }
    if (status != SKY_OK) {
        *is_known = sky_flink_rest_code(rest) >= 300;
        const char *reason = sky_flink_rest_reason(rest);
        if (*reason)
            say(message, status, "%s refuses the job (%u): %s", sky_flink_rest_url(rest), sky_flink_rest_code(rest),
                reason);
        else
            say(message, status, "the job was not taken: %s", sky_flink_rest_problem(rest));
    }
    enum sky_status removed = sky_flink_remove(rest, jar);
    (void)removed; /* an upload that stays costs the cluster some disk, no more */
    return status;
}
