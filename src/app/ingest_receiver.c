#include "app/ingest_receiver.h"

#include <errno.h>
#include <stdlib.h>

#include "app/trace.h"
#include "event/post_json.h"
#include "io/host/clock.h"
#include "io/kafka/ingest_cursor.h"
#include "ops/log.h"
#include "ops/signal.h"

#define POLL_MS       50  /* one wait for an event */
#define EVENTS_A_TURN 512 /* handled before clocks are looked at */

struct sky_ingest_receiver {
    struct sky_ingest_receiver_options options;
    struct sky_repeats *repeats;
    struct sky_buffer json;
    struct sky_buffer state;
    bool is_waiting; /* something came since the last batch */
    int64_t waiting_clock_ms;
    int64_t event_clock_ms;
    bool blocked;
    int64_t retry_clock_ms;
    char problem[SKY_FEED_NOTICE_SIZE];
};

enum sky_status sky_ingest_receiver_new(const struct sky_ingest_receiver_options *options,
                                        struct sky_ingest_receiver **out)
{
    struct sky_ingest_receiver *receiver = calloc(1, sizeof *receiver);
    const struct sky_repeats_options repeats = {.hash_key = options->hash_key};
    *out = NULL;
    if (!receiver)
        return SKY_E_MEMORY;
    receiver->options = *options;
    enum sky_status status = sky_repeats_new(&repeats, &receiver->repeats);
    if (status != SKY_OK) {
        sky_ingest_receiver_free(receiver);
        return status;
    }
    *out = receiver;
    return SKY_OK;
}

void sky_ingest_receiver_free(struct sky_ingest_receiver *receiver)
{
    if (!receiver)
        return;
    sky_repeats_free(receiver->repeats);
    sky_buffer_clean_up(&receiver->json);
    sky_buffer_clean_up(&receiver->state);
    free(receiver);
}

/* ---- going on ---- */

/* What the spool still has of the last minutes, sent or not. */
static enum sky_status learn_repeats(struct sky_ingest_receiver *receiver, int64_t event_time_ms)
{
    struct sky_spool *spool = receiver->options.spool;
    struct sky_spool_reader *reader;
    struct sky_spool_batch batch;
    struct sky_spool_record record;
    int64_t from_ms = event_time_ms - SKY_REPEATS_SPAN_MS;
    enum sky_status status = sky_spool_reader_open(spool, sky_spool_position_at(spool, from_ms), &reader);
    if (status != SKY_OK)
        return status;
    while ((status = sky_spool_reader_next(reader, 0, &batch)) == SKY_OK)
        while (sky_spool_batch_next(&batch, &record))
            if (record.event_time_ms >= from_ms)
                (void)sky_repeats_seen(receiver->repeats, record.identity, record.event_time_ms);
    sky_spool_reader_close(reader);
    return status == SKY_E_END ? SKY_OK : status;
}

enum sky_status sky_ingest_receiver_resume(struct sky_ingest_receiver *receiver, struct sky_error *error)
{
    const struct sky_source *source = &receiver->options.source;
    struct sky_spool_tail tail;
    if (!sky_spool_tail(receiver->options.spool, &tail))
        return SKY_OK;
    enum sky_status status = sky_ingest_state_load(tail.state, source->decoder, sky_feed_relay(source->feed), error);
    if (status == SKY_OK)
        status = learn_repeats(receiver, tail.event_time_ms);
    if (status != SKY_OK && !error->reason)
        error->reason = status == SKY_E_IO ? strerror(errno) : sky_status_name(status);
    return status;
}

/* ---- the spool ---- */

static void note_problem(struct sky_ingest_receiver *receiver, enum sky_status status)
{
    struct sky_spool_status spool;
    sky_spool_status(receiver->options.spool, &spool);
    if (status == SKY_E_LIMIT)
        snprintf(receiver->problem, sizeof receiver->problem,
                 "the spool is full: %llu of %llu bytes; the relay is not read until Kafka has taken some",
                 (unsigned long long)spool.bytes, (unsigned long long)spool.room_bytes);
    else
        snprintf(receiver->problem, sizeof receiver->problem, "the spool cannot be written: %s",
                 status == SKY_E_IO ? strerror(errno) : sky_status_name(status));
}

/* The batch and the state behind it onto the disk. */
static bool write_batch(struct sky_ingest_receiver *receiver)
{
    const struct sky_source *source = &receiver->options.source;
    int64_t event_time_ms = sky_decoder_stats(source->decoder)->event_time_ms;
    sky_buffer_clear(&receiver->state);
    sky_ingest_state_save(source->decoder, sky_feed_relay(source->feed), &receiver->state);
    enum sky_status status = SKY_E_MEMORY;
    if (!receiver->state.failed)
        status = sky_spool_commit(receiver->options.spool, event_time_ms, sky_buffer_span(&receiver->state));
    bool was_blocked = receiver->blocked;
    receiver->blocked = status != SKY_OK;
    if (status == SKY_OK) {
        receiver->is_waiting = false;
        receiver->problem[0] = 0;
        if (was_blocked)
            sky_log(SKY_LOG_INFO, "spool_takes_again", SKY_LOG_INT("event_time_ms", event_time_ms));
        return true;
    }
    note_problem(receiver, status);
    receiver->retry_clock_ms = sky_clock_monotonic_ms() + SKY_INGEST_RETRY_MS;
    if (!was_blocked)
        sky_log(SKY_LOG_ERROR, "spool_blocked", SKY_LOG_TEXT("reason", receiver->problem));
    return false;
}

static bool write_batch_when_due(struct sky_ingest_receiver *receiver)
{
    if (!receiver->is_waiting)
        return true;
    bool is_due = sky_spool_pending(receiver->options.spool).bytes >= SKY_INGEST_BATCH_BYTES ||
                  sky_clock_monotonic_ms() - receiver->waiting_clock_ms >= SKY_INGEST_BATCH_MS;
    return !is_due || write_batch(receiver);
}

bool sky_ingest_receiver_flush(struct sky_ingest_receiver *receiver)
{
    return !receiver->is_waiting || write_batch(receiver);
}

/* ---- each event ---- */

static void log_dropped(const char *event, const struct sky_post *post, size_t bytes)
{
    sky_log(SKY_LOG_WARN, event, SKY_LOG_INT("seq", post->seq), SKY_LOG_SPAN("uri", post->uri),
            SKY_LOG_INT("bytes", bytes));
}

static void count_post(struct sky_metrics *metrics, enum sky_post_op op)
{
    static const size_t places[] = {[SKY_POST_UPDATE] = SKY_METRIC_POST_UPDATE,
                                    [SKY_POST_DELETE] = SKY_METRIC_POST_DELETE,
                                    [SKY_POST_ACCOUNT] = SKY_METRIC_POST_ACCOUNT};
    if (op == SKY_POST_CREATE)
        sky_metric_add(metrics, SKY_METRIC_POSTS_PROCESSED, 0, 1);
    else
        sky_metric_add(metrics, SKY_METRIC_POST_EVENTS, places[op], 1);
}

static enum sky_status put_post(struct sky_ingest_receiver *receiver, const struct sky_post *post, struct sky_span time)
{
    struct sky_metrics *metrics = receiver->options.metrics;
    uint64_t identity = sky_repeats_identity(post, time);
    if (sky_repeats_seen(receiver->repeats, identity, post->event_time_ms)) {
        sky_metric_add(metrics, SKY_METRIC_POSTS_REPEATED, 0, 1);
        return SKY_OK;
    }
    struct sky_json_writer json;
    sky_buffer_clear(&receiver->json);
    sky_json_begin(&json, &receiver->json);
    sky_post_json_write(&json, post);
    if (receiver->json.failed)
        return SKY_E_MEMORY;
    if (receiver->json.len > SKY_INGEST_VALUE_BYTES_MAX) {
        sky_metric_add(metrics, SKY_METRIC_POSTS_TOO_LARGE, 0, 1);
        log_dropped("post_too_large", post, receiver->json.len);
        return SKY_OK;
    }
    const struct sky_spool_record record = {.event_time_ms = post->event_time_ms,
                                            .seq = post->seq,
                                            .identity = identity,
                                            .op = (uint8_t)post->op,
                                            .key = post->author_did,
                                            .value = sky_buffer_span(&receiver->json)};
    enum sky_status status = sky_spool_put(receiver->options.spool, &record);
    if (status == SKY_OK) {
        count_post(metrics, post->op);
        sky_trace_post("post_spooled", post);
    }
    return status;
}

static enum sky_status take_item(struct sky_ingest_receiver *receiver, const struct sky_feed_item *item)
{
    const struct sky_source *source = &receiver->options.source;
    struct sky_decoded decoded;
    bool good;
    int64_t now_ms = sky_clock_monotonic_ms();
    enum sky_status status = sky_source_decode(source, item, &decoded, &good);
    for (uint32_t i = 0; good && i < decoded.posts_count && status == SKY_OK; i++)
        status = put_post(receiver, &decoded.posts[i], decoded.event->time);
    if (status != SKY_OK)
        return status;
    sky_feed_complete(source->feed);
    receiver->event_clock_ms = now_ms;
    if (!receiver->is_waiting)
        receiver->waiting_clock_ms = now_ms;
    receiver->is_waiting = true;
    return SKY_OK;
}

static enum sky_status connected(struct sky_ingest_receiver *receiver, const char *host)
{
    struct sky_decoder *decoder = receiver->options.source.decoder;
    sky_decoder_connected(decoder);
    return sky_decoder_set_relay(decoder, sky_span_from_string(host));
}

/* The next one from the feed. SKY_E_MISSING: there is none now. */
static enum sky_status take_next(struct sky_ingest_receiver *receiver, int timeout_ms)
{
    struct sky_feed_item item;
    switch (sky_feed_next(receiver->options.source.feed, timeout_ms, &item)) {
    case SKY_FEED_IDLE: return SKY_E_MISSING;
    case SKY_FEED_END: return SKY_E_END;
    case SKY_FEED_CONNECTED: return connected(receiver, item.host);
    case SKY_FEED_NOTICE: sky_log(SKY_LOG_WARN, "source", SKY_LOG_TEXT("notice", item.notice)); return SKY_OK;
    case SKY_FEED_BAD: return SKY_OK; /* of posts on Kafka alone, which no ingest reads */
    case SKY_FEED_FAILED: snprintf(receiver->problem, sizeof receiver->problem, "%s", item.notice); return SKY_E_IO;
    case SKY_FEED_ITEM: break;
    }
    return take_item(receiver, &item);
}

enum sky_status sky_ingest_receiver_turn(struct sky_ingest_receiver *receiver)
{
    if (receiver->blocked) {
        if (sky_clock_monotonic_ms() < receiver->retry_clock_ms)
            (void)sky_signal_sleep(POLL_MS);
        else
            (void)write_batch(receiver);
        return SKY_OK;
    }
    enum sky_status status = SKY_OK;
    for (int i = 0; i < EVENTS_A_TURN && status == SKY_OK; i++) {
        status = take_next(receiver, i ? 0 : POLL_MS);
        if (status == SKY_OK && !write_batch_when_due(receiver))
            return SKY_OK;
    }
    if (status != SKY_OK && status != SKY_E_MISSING)
        return status;
    (void)write_batch_when_due(receiver);
    return SKY_OK;
}

void sky_ingest_receiver_status(const struct sky_ingest_receiver *receiver, struct sky_ingest_receiver_status *status)
{
    *status = (struct sky_ingest_receiver_status){
        .blocked = receiver->blocked, .problem = receiver->problem, .event_clock_ms = receiver->event_clock_ms};
}
