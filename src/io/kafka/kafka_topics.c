#include "io/kafka/kafka_topics.h"

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

/* Ask for one topic to be made; one that another instance made meanwhile is fine. */
static enum sky_status create(rd_kafka_t *client, const struct sky_kafka_topic *topic, int timeout_ms,
                              struct sky_kafka_message *message)
{
    rd_kafka_NewTopic_t *wanted = describe(topic, message);
    if (!wanted)
        return SKY_E_CONFIG;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_CreateTopics(client, &wanted, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const char *why = event && code ? rd_kafka_event_error_string(event) : "";
    const rd_kafka_CreateTopics_result_t *result = event && !code ? rd_kafka_event_CreateTopics_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_topic_result_t **results = result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    if (count) {
        code = rd_kafka_topic_result_error(results[0]);
        why = rd_kafka_topic_result_error_string(results[0]);
    }
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code)
        sky_kafka_say(message, "topic %s cannot be made: %s", topic->name, why && *why ? why : rd_kafka_err2str(code));
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wanted);
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
    enum sky_status status = client ? get_metadata(client, timeout_ms, &metadata, &problem, message) : SKY_E_CONFIG;
    if (status == SKY_OK) {
        for (uint32_t i = 0; i < count && status == SKY_OK; i++)
            if (!count_led(metadata, topics[i].name))
                status = create(client, &topics[i], timeout_ms, message);
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
