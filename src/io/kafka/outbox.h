/* outbox.h: what `run` publishes on Kafka: whole minutes, each of them once, whoever dies when.
 *
 *     sky_outbox_put(outbox, &record);             the records of a minute
 *     sky_outbox_end_minute(outbox, window_end);   it is complete: or published already, then forgotten
 *     status = sky_outbox_pump(outbox, 100);       SKY_OK: all complete minutes are committed
 *
 * One transaction holds all minutes that are complete when it begins, and the *marker*: a record in a compacted topic,
 * under the transactional id, that names the end of the last of them. Committing it makes that known together with the
 * minutes. So after a restart the marker says what has been published: the minutes up to it are made again (from a
 * checkpoint at or before it) and forgotten here. A checkpoint may be written while sky_outbox_is_clear: then nothing
 * that led to its state waits to be published.
 *
 * Only one instance of a transactional id publishes: a newer one fences the older, which gets SKY_E_FENCED.
 *
 * An instance without work hears of a newer one by sky_outbox_check alone: a transaction that holds nothing but the
 * marker as it is. (librdkafka asks the brokers nothing for one that is empty.)
 *
 * When a transaction fails it is aborted and sent again. When that fails too, or it is not known what became of it, a
 * new connection is made and the marker read again: it knows.
 *
 * Memory   copies of the records until they are committed: the owner looks at sky_outbox_bytes and puts no more while
 *          that is too many.
 * Threads  one owner. */
#ifndef SKY_IO_KAFKA_OUTBOX_H
#define SKY_IO_KAFKA_OUTBOX_H

#include "base/buffer.h"
#include "io/kafka/kafka_producer.h"

#define SKY_OUTBOX_NO_MARKER INT64_MIN /* nothing was published yet */

/* What the outbox needs of Kafka; tests put something else in its place. Statuses are those of kafka_producer.h. */
struct sky_outbox_link {
    void *context;
    /* A new producer in the place of the one before, taken on by the brokers. SKY_E_TIMEOUT: to be called again. */
    enum sky_status (*connect)(void *context, int timeout_ms);
    /* The last committed marker. SKY_E_MISSING: there is none. SKY_E_TIMEOUT: to be called again. */
    enum sky_status (*read_marker)(void *context, int64_t *window_end_ms);
    enum sky_status (*begin)(void *context);
    enum sky_status (*send)(void *context, const struct sky_kafka_outgoing *record);
    enum sky_status (*send_marker)(void *context, int64_t window_end_ms); /* SKY_OUTBOX_NO_MARKER: that there is none */
    enum sky_status (*commit)(void *context, int timeout_ms);
    enum sky_status (*abort)(void *context, int timeout_ms);
};

struct sky_outbox;

/* NULL when there is no memory. `link` is copied. */
struct sky_outbox *sky_outbox_new(const struct sky_outbox_link *link);
void sky_outbox_free(struct sky_outbox *outbox); /* what is not committed is lost; NULL is fine */

/* Copied, but for `topic` and the names of headers. At most one header. */
void sky_outbox_put(struct sky_outbox *outbox, const struct sky_kafka_outgoing *record);

/* What was put since the last minute is one, whole. False: it was published already, and is forgotten. */
bool sky_outbox_end_minute(struct sky_outbox *outbox, int64_t window_end_ms);

/* Publish what is complete. Connects first.
 *   SKY_OK         connected, and nothing complete waits
 *   SKY_E_TIMEOUT  not done yet: call again
 *   SKY_E_FENCED   a newer instance publishes: stop
 *   SKY_E_CONFIG   the brokers refuse what is asked: a person is needed
 *   SKY_E_LIMIT    a record is too large for the brokers: likewise
 *   SKY_E_MEMORY   also when a put had failed */
SKY_MUST_USE enum sky_status sky_outbox_pump(struct sky_outbox *outbox, int timeout_ms);

/* The next pump asks the brokers whether this is still the instance that publishes, when nothing complete waits. */
void sky_outbox_check(struct sky_outbox *outbox);

bool sky_outbox_is_clear(const struct sky_outbox *outbox);      /* no complete minute waits */
bool sky_outbox_is_busy(const struct sky_outbox *outbox);       /* a transaction is open, or broke */
size_t sky_outbox_bytes(const struct sky_outbox *outbox);       /* that wait */
int64_t sky_outbox_marker_ms(const struct sky_outbox *outbox);  /* window_end of the last minute published */
uint64_t sky_outbox_committed(const struct sky_outbox *outbox); /* transactions */
uint64_t sky_outbox_aborted(const struct sky_outbox *outbox);   /* likewise, and those that broke */

#endif
