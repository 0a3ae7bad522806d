#include "io/kafka/kafka_topics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "io/host/clock.h"
#include "io/kafka/kafka_client.h"

#define COMPACTED_SEGMENT_BYTES "16777216"
#define SETTLE_MS               50 /* between two looks at a topic just made */

static rd_kafka_t *open_client(const struct sky_kafka_options *options, struct sky_kafka_problem *problem,
                               struct sky_kafka_message *message)
{
    sky_kafka_problem_init(problem);
    rd_kafka_conf_t *conf = sky_kafka_conf_new(options, problem, message);
    return conf ? sky_kafka_client_new(RD_KAFKA_PRODUCER, conf, message) : NULL;
}

static void close_client(rd_kafka_t *client, struct sky_kafka_problem *problem)
{
    if (client)
        rd_kafka_destroy(client);
    sky_kafka_problem_clean_up(problem);
}

/* The partitions of a topic as the brokers know it; a leader for each, or it is not there yet: 0. */
static int count_led(const struct rd_kafka_metadata *metadata, const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        if (strcmp(topic->topic, name) != 0)
            continue;
        bool led = !topic->err && topic->partition_cnt > 0;
        for (int k = 0; k < topic->partition_cnt; k++)
            led = led && topic->partitions[k].leader >= 0;
        return led ? topic->partition_cnt : 0;
    }
    return 0;
}

static enum sky_status get_metadata(rd_kafka_t *client, int timeout_ms, const struct rd_kafka_metadata **metadata,
                                    struct sky_kafka_problem *problem, struct sky_kafka_message *message)
{
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 1, NULL, metadata, timeout_ms > 0 ? timeout_ms : 1);
    if (!code)
        return SKY_OK;
    struct sky_kafka_message behind;
    sky_kafka_problem_read(problem, &behind);
    sky_kafka_say(message, "the brokers do not answer: %s", *behind.text ? behind.text : rd_kafka_err2str(code));
    return sky_kafka_is_refused(behind.text) ? SKY_E_CONFIG : sky_kafka_status(code);
}

struct missing {
    rd_kafka_NewTopic_t *topics[SKY_KAFKA_ENSURE_MAX];
    size_t count;
};

static rd_kafka_NewTopic_t *describe(const struct sky_kafka_topic *topic, struct sky_kafka_message *message)
{
    char retention[32], why[256];
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(topic->name, topic->partitions, topic->replication, why, sizeof why);
    if (!made) {
        sky_kafka_say(message, "topic %s: %s", topic->name, why);
        return NULL;
    }
    snprintf(retention, sizeof retention, "%lld", (long long)topic->retention_ms);
    if (topic->compacted) {
        /* Only closed segments are compacted, and whoever looks for the last value of a key reads all there is. */
        rd_kafka_NewTopic_set_config(made, "cleanup.policy", "compact");
        rd_kafka_NewTopic_set_config(made, "segment.bytes", COMPACTED_SEGMENT_BYTES);
    } else {
        rd_kafka_NewTopic_set_config(made, "retention.ms", retention);
    }
    return made;
}

static enum sky_status add_missing(const struct rd_kafka_metadata *metadata, const struct sky_kafka_topic *topics,
                                   uint32_t count, struct missing *missing, struct sky_kafka_message *message)
{
    for (uint32_t i = 0; i < count; i++) {
        bool known = count_led(metadata, topics[i].name) > 0;
        for (uint32_t k = 0; k < i && !known; k++)
            known = strcmp(topics[k].name, topics[i].name) == 0; /* twice in a request is an error */
        if (known)
            continue;
        missing->topics[missing->count] = describe(&topics[i], message);
        if (!missing->topics[missing->count])
            return SKY_E_CONFIG;
        missing->count++;
    }
    return SKY_OK;
}

/* What the brokers say of each topic asked for; one that another instance made meanwhile is fine. */
static rd_kafka_resp_err_t look_at_answer(rd_kafka_event_t *event, struct sky_kafka_message *message)
{
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const char *name = "", *why = event && code ? rd_kafka_event_error_string(event) : NULL;
    const rd_kafka_CreateTopics_result_t *result = code ? NULL : rd_kafka_event_CreateTopics_result(event);
    size_t count = 0;
    const rd_kafka_topic_result_t **results = result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    for (size_t i = 0; i < count && !code; i++) {
        code = rd_kafka_topic_result_error(results[i]);
        if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            code = RD_KAFKA_RESP_ERR_NO_ERROR;
        name = rd_kafka_topic_result_name(results[i]);
        why = rd_kafka_topic_result_error_string(results[i]);
    }
    if (code)
        sky_kafka_say(message, "topic%s%s cannot be made: %s", *name ? " " : "s", name,
                      why && *why ? why : rd_kafka_err2str(code));
    return code;
}

/* In one request: each takes the brokers a while. */
static enum sky_status create(rd_kafka_t *client, struct missing *missing, int timeout_ms,
                              struct sky_kafka_message *message)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_CreateTopics(client, missing->topics, missing->count, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    rd_kafka_resp_err_t code = look_at_answer(event, message);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return sky_kafka_status(code);
}

/* One that was made by somebody else. What is kept in one partition would be looked for where it is not. */
static enum sky_status check_partitions(const struct sky_kafka_topic *topic, int partitions,
                                        struct sky_kafka_message *message)
{
    if (!topic->alone || partitions == 1)
        return SKY_OK;
    sky_kafka_say(
        message,
        "topic %s has %d partitions and must have 1, which is where it is read back from: let nobody use it "
        "and delete it, or name another one in the section topics; it is made with 1. What stands in it is not "
        "taken over: what was sent last may be sent again",
        topic->name, partitions);
    return SKY_E_CONFIG;
}

/* Until the brokers name a leader for each partition. */
static enum sky_status wait_for(rd_kafka_t *client, const struct sky_kafka_topic *topic, int64_t until_ms,
                                struct sky_kafka_problem *problem, struct sky_kafka_message *message)
{
    for (;;) {
        const struct rd_kafka_metadata *metadata;
        int64_t left_ms = until_ms - sky_clock_monotonic_ms();
        enum sky_status status = get_metadata(client, (int)left_ms, &metadata, problem, message);
        if (status != SKY_OK)
            return status;
        int partitions = count_led(metadata, topic->name);
        rd_kafka_metadata_destroy(metadata);
        if (partitions)
            return check_partitions(topic, partitions, message);
        if (left_ms <= 0) {
            sky_kafka_say(message, "topic %s has no leader yet", topic->name);
            return SKY_E_TIMEOUT;
        }
        nanosleep(&(struct timespec){0, SETTLE_MS * 1000000L}, NULL);
    }
}

enum sky_status sky_kafka_ensure_topics(const struct sky_kafka_options *options, const struct sky_kafka_topic *topics,
                                        uint32_t count, int timeout_ms, struct sky_kafka_message *message)
{
    struct sky_kafka_problem problem;
    const struct rd_kafka_metadata *metadata;
    int64_t until_ms = sky_clock_monotonic_ms() + timeout_ms;
    rd_kafka_t *client = open_client(options, &problem, message);
    struct missing missing = {.count = 0};
    assert(count <= SKY_KAFKA_ENSURE_MAX);
    enum sky_status status = client ? get_metadata(client, timeout_ms, &metadata, &problem, message) : SKY_E_CONFIG;
    if (status == SKY_OK) {
        status = add_missing(metadata, topics, count, &missing, message);
        if (status == SKY_OK && missing.count)
            status = create(client, &missing, timeout_ms, message);
        rd_kafka_NewTopic_destroy_array(missing.topics, missing.count);
        rd_kafka_metadata_destroy(metadata);
    }
    for (uint32_t i = 0; i < count && status == SKY_OK; i++)
        status = wait_for(client, &topics[i], until_ms, &problem, message);
    close_client(client, &problem);
    return status;
}

enum sky_status sky_kafka_ask(const struct sky_kafka_options *options, const char *const *topics, uint32_t count,
                              int timeout_ms, struct sky_kafka_cluster *cluster, struct sky_kafka_message *message)
{
    struct sky_kafka_problem problem;
    const struct rd_kafka_metadata *metadata;
    *cluster = (struct sky_kafka_cluster){0};
    rd_kafka_t *client = open_client(options, &problem, message);
    enum sky_status status = client ? get_metadata(client, timeout_ms, &metadata, &problem, message) : SKY_E_CONFIG;
    if (status == SKY_OK) {
        size_t len = 0;
        cluster->brokers = (uint32_t)metadata->broker_cnt;
        for (uint32_t i = 0; i < count; i++) {
            bool there = count_led(metadata, topics[i]) > 0;
            cluster->topics += there;
            if (!there && len < sizeof cluster->missing)
                len += (size_t)snprintf(cluster->missing + len, sizeof cluster->missing - len, "%s%s", len ? "," : "",
                                        topics[i]);
        }
        rd_kafka_metadata_destroy(metadata);
    }
    close_client(client, &problem);
    return status;
}
