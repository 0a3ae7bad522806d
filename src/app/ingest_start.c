#include "app/ingest_start.h"

#include <errno.h>

#include "io/host/clock.h"
#include "io/spool/spool_end.h"
#include "ops/log.h"

#define LOOK_MS 100

void sky_ingest_tell_kafka(struct sky_service *service, const struct sky_ingest_sender_status *status)
{
    enum sky_health_state state = *status->problem || status->failed    ? SKY_HEALTH_FAILED
                                  : status->state == SKY_INGEST_SENDING ? SKY_HEALTH_OK
                                                                        : SKY_HEALTH_STARTING;
    sky_health_set(service->health, SKY_DEPENDENCY_KAFKA, state, status->problem);
}

/* Forget the spool, which is not what the cursor speaks of. */
static enum sky_status restart(struct sky_service *service, struct sky_spool *spool,
                               const struct sky_ingest_cursor *cursor, const char *reason)
{
    struct sky_spool_status status;
    sky_spool_status(spool, &status);
    sky_log(SKY_LOG_WARN, "going_on_from_kafka", SKY_LOG_TEXT("reason", reason),
            SKY_LOG_INT("position", cursor->position), SKY_LOG_INT("spool_position", status.next_position));
    const struct sky_spool_tail tail = {cursor->position, cursor->event_time_ms, sky_buffer_span(&cursor->state)};
    enum sky_status result = sky_spool_restart(spool, &tail);
    if (result != SKY_OK)
        (void)sky_service_fail(service, "the spool", result == SKY_E_IO ? strerror(errno) : sky_status_name(result));
    return result;
}

static enum sky_status go_on_from_cursor(struct sky_service *service, struct sky_spool *spool,
                                         struct sky_ingest_sender *sender, const struct sky_ingest_cursor *cursor)
{
    struct sky_spool_tail tail;
    enum sky_status status = SKY_OK;
    uint64_t end;
    bool was_alone = sky_spool_end_noted(spool, &end);
    if (!sky_spool_tail(spool, &tail))
        status = restart(service, spool, cursor, "the spool has no state");
    else if (sky_spool_id(spool) != cursor->spool_id)
        status = restart(service, spool, cursor, "another spool was committed after this one");
    else if (cursor->position > tail.position)
        status = restart(service, spool, cursor, "the spool lost its end");
    else if (was_alone && cursor->position > end)
        status = restart(service, spool, cursor, "the spool had lost its end, and was gone on from without Kafka");
    if (status == SKY_OK)
        sky_spool_end_forget(spool);
    const struct sky_spool_tail from = {cursor->position, cursor->event_time_ms, sky_buffer_span(&cursor->state)};
    return status == SKY_OK ? sky_ingest_sender_go(sender, &from) : status;
}

static enum sky_status go_on_without_cursor(struct sky_spool *spool, struct sky_ingest_sender *sender)
{
    struct sky_spool_status status;
    sky_spool_end_forget(spool);
    sky_spool_status(spool, &status);
    return sky_ingest_sender_go(
        sender, &(struct sky_spool_tail){.position = status.first_position, .event_time_ms = status.first_time_ms});
}

static enum sky_status go_on_alone(struct sky_service *service, struct sky_spool *spool,
                                   struct sky_ingest_sender *sender)
{
    if (sky_spool_end_note(spool) != SKY_OK) {
        (void)sky_service_fail(service, "the spool", strerror(errno));
        return SKY_E_IO;
    }
    return sky_ingest_sender_go(sender, NULL);
}

enum sky_status sky_ingest_settle(struct sky_service *service, struct sky_spool *spool,
                                  struct sky_ingest_sender *sender)
{
    struct sky_spool_tail tail;
    struct sky_ingest_sender_status status;
    bool has_tail = sky_spool_tail(spool, &tail), told = false;
    int64_t give_up_ms = sky_clock_monotonic_ms() + SKY_INGEST_ANSWER_MS;
    while (sky_service_goes_on(service)) {
        const struct sky_ingest_cursor *cursor;
        enum sky_ingest_answer answer = sky_ingest_sender_await(sender, LOOK_MS, &cursor);
        sky_ingest_sender_status(sender, &status);
        sky_ingest_tell_kafka(service, &status);
        switch (answer) {
        case SKY_INGEST_NO_CURSOR: return go_on_without_cursor(spool, sender);
        case SKY_INGEST_CURSOR: return go_on_from_cursor(service, spool, sender, cursor);
        case SKY_INGEST_FAILED: (void)sky_service_fail(service, "Kafka", status.problem); return SKY_E_CONFIG;
        case SKY_INGEST_WAITING: break;
        }
        if (sky_clock_monotonic_ms() < give_up_ms || told)
            continue;
        told = true;
        sky_log(SKY_LOG_WARN, has_tail ? "going_on_without_kafka" : "waiting_for_kafka",
                SKY_LOG_TEXT("reason", *status.problem ? status.problem : "no broker has answered yet"));
        if (has_tail)
            return go_on_alone(service, spool, sender);
    }
    return SKY_E_END;
}
