#include "ops/topics.h"

#include <assert.h>

#include "ops/config.h"

/* `alone`: one partition, for what must be in one order, or is one small state. */
static const struct {
    const char *name;
    size_t setting; /* in struct sky_config */
    bool alone;
    bool compacted;
} topics[SKY_TOPIC_COUNT] = {
    [SKY_TOPIC_POSTS] = {"posts", offsetof(struct sky_config, topics.posts), false, false},
    [SKY_TOPIC_TRENDS] = {"trends", offsetof(struct sky_config, topics.trends), true, false},
    [SKY_TOPIC_TREND_ALERTS] = {"trend_alerts", offsetof(struct sky_config, topics.trend_alerts), false, false},
    [SKY_TOPIC_KEYWORD_COUNTS] = {"keyword_counts", offsetof(struct sky_config, topics.keyword_counts), false, false},
    [SKY_TOPIC_ACTIVITY] = {"activity", offsetof(struct sky_config, topics.activity), true, false},
    [SKY_TOPIC_SESSIONS] = {"sessions", offsetof(struct sky_config, topics.sessions), false, false},
    [SKY_TOPIC_DEAD_LETTERS] = {"dead_letters", offsetof(struct sky_config, topics.dead_letters), true, false},
    [SKY_TOPIC_INGEST_CURSOR] = {"ingest_cursor", offsetof(struct sky_config, topics.ingest_cursor), true, true},
    [SKY_TOPIC_RUN_MARKER] = {"run_marker", offsetof(struct sky_config, topics.run_marker), true, true},
};

const char *sky_topic_kind_name(enum sky_topic_kind kind)
{
    return topics[kind].name;
}

const char *sky_topic_name(const struct sky_config *config, enum sky_topic_kind kind)
{
    const char *name;
    memcpy(&name, (const char *)config + topics[kind].setting, sizeof name);
    return name;
}

enum sky_topic_kind sky_topic_kind_of(const struct sky_config *config, const char *name)
{
    enum sky_topic_kind kind = 0;
    while (kind < SKY_TOPIC_COUNT && strcmp(sky_topic_name(config, kind), name) != 0)
        kind++;
    return kind;
}

enum sky_status sky_topics_ensure(const struct sky_config *config, const enum sky_topic_kind *kinds, uint32_t count,
                                  int timeout_ms, struct sky_kafka_message *message)
{
    struct sky_kafka_topic wanted[SKY_TOPIC_COUNT];
    struct sky_kafka_options options;
    assert(count <= SKY_TOPIC_COUNT);
    sky_config_kafka_options(config, &options);
    for (uint32_t i = 0; i < count; i++)
        wanted[i] = (struct sky_kafka_topic){
            .name = sky_topic_name(config, kinds[i]),
            .partitions = topics[kinds[i]].alone ? 1 : (int32_t)config->kafka.partitions,
            .replication = (int32_t)config->kafka.replication,
            .retention_ms = config->kafka.retention_ms ? config->kafka.retention_ms : -1,
            .compacted = topics[kinds[i]].compacted,
            .alone = topics[kinds[i]].alone && topics[kinds[i]].compacted, /* state, read back from its partition */
        };
    return sky_kafka_ensure_topics(&options, wanted, count, timeout_ms, message);
}
