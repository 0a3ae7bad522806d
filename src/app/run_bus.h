/* run_bus.h: what `run` sends to Kafka: the engine's records as records of topics (docs/DATA.md), in transactions of
 * whole minutes (io/kafka/outbox.h), under kafka.transactional_id.
 *
 *     sky_run_bus_new(config, &bus)
 *     sky_run_bus_read_marker(bus)                               what was published, without disturbing anybody
 *     sky_run_bus_connect(bus)                                   from here on older instances are fenced, and know it
 *     sky_run_bus_counts, _activity, _sessions, _slide           as the engine gives them; a slide ends a minute
 *     sky_run_bus_turn(bus, now)                                 often: sends what is due
 *
 * Threads  one owner. */
#ifndef SKY_APP_RUN_BUS_H
#define SKY_APP_RUN_BUS_H

#include "io/kafka/outbox.h"
#include "ops/config.h"
#include "ops/topics.h"
#include "trend/record.h"

struct sky_run_bus;

/* No network yet. SKY_E_CONFIG, SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_run_bus_new(const struct sky_config *config, struct sky_run_bus **bus);
void sky_run_bus_free(struct sky_run_bus *bus); /* what is not committed is lost; NULL is fine */

/* Ask which was the last minute published. SKY_E_MISSING: none was; SKY_E_TIMEOUT, SKY_E_IO: ask again. */
SKY_MUST_USE enum sky_status sky_run_bus_read_marker(struct sky_run_bus *bus);
int64_t sky_run_bus_published_ms(const struct sky_run_bus *bus); /* its end; SKY_OUTBOX_NO_MARKER */

/* Make the topics that are missing, and become the one instance that publishes. SKY_E_TIMEOUT: call again;
 * SKY_E_CONFIG: a person is needed. */
SKY_MUST_USE enum sky_status sky_run_bus_connect(struct sky_run_bus *bus);

/* What was published before is of another network: publish everything. Before connect. */
void sky_run_bus_forget_marker(struct sky_run_bus *bus);

void sky_run_bus_counts(struct sky_run_bus *bus, const struct sky_keyword_count *counts, uint32_t count);
void sky_run_bus_activity(struct sky_run_bus *bus, const struct sky_activity_record *activity);
void sky_run_bus_sessions(struct sky_run_bus *bus, const struct sky_session *sessions, uint32_t count);
void sky_run_bus_slide(struct sky_run_bus *bus, const struct sky_trend_snapshot *snapshot);

/* Send what is due: a minute at once, or when many close within a second (catching up) all of them together. `now`: do
 * not wait for more. Statuses of sky_outbox_pump. */
SKY_MUST_USE enum sky_status sky_run_bus_turn(struct sky_run_bus *bus, bool now);

bool sky_run_bus_is_clear(const struct sky_run_bus *bus); /* a checkpoint may be made */
bool sky_run_bus_is_full(const struct sky_run_bus *bus);  /* take no more events until the brokers took these */

struct sky_run_bus_status {
    bool reached; /* transactions go through */
    uint64_t committed;
    uint64_t aborted;
    const char *abort_reason;          /* of the last one */
    uint64_t records[SKY_TOPIC_COUNT]; /* of minutes published */
    const char *problem;               /* the last one, "" when there is none */
};
void sky_run_bus_status(struct sky_run_bus *bus, struct sky_run_bus_status *status);

#endif
