/* ingest_sender.h: the half of `ingest` that takes batches from the spool and sends them to Kafka, in a thread of its
 * own, so that receiving goes on while the brokers are away.
 *
 * One transaction is the posts of some batches, a watermark in every partition of their topic, and the cursor behind
 * them. A transaction whose fate is not known is asked for by the cursor after a new producer has taken over, which
 * ends what the old one left open.
 *
 * The start is settled between two threads, since the cursor in Kafka may know more than the spool on the disk:
 *
 *     receiver                                        sender
 *     sky_ingest_sender_start                         topics, init_transactions, reads ingest-cursor
 *     sky_ingest_sender_await(.., &cursor)            answers
 *     ... compares it with the spool ...              waits
 *     sky_ingest_sender_go(&from)                     sends from there
 *
 * or, when no broker answers in time and the spool has a state, sky_ingest_sender_go(NULL): then the sender compares
 * later, by itself.
 *
 * Fenced    Kafka says the same to one that was replaced and to one whose transaction took too long. So each process
 *           writes a number of its own into the cursor; who is fenced looks there after a while, and only who finds an
 *           unknown number was replaced.
 * Threads   these functions are the receiver's. */
#ifndef SKY_APP_INGEST_SENDER_H
#define SKY_APP_INGEST_SENDER_H

#include "io/kafka/ingest_cursor.h"
#include "io/spool/spool.h"
#include "ops/config.h"
#include "ops/metrics.h"

#define SKY_INGEST_TRANSACTION_BYTES_MAX   (16 << 20) /* ours; a batch more */
#define SKY_INGEST_TRANSACTION_RECORDS_MAX 60000      /* likewise */
#define SKY_INGEST_TRANSACTION_MS_MAX      200        /* ours: waiting for more to send with it */

struct sky_ingest_sender_options {
    const struct sky_config *config; /* outlives the sender, as the others */
    const struct sky_kafka_options *kafka;
    struct sky_spool *spool;
    struct sky_metrics *metrics;
};

struct sky_ingest_sender;

/* SKY_E_MEMORY, SKY_E_IO (no thread). */
SKY_MUST_USE enum sky_status sky_ingest_sender_start(const struct sky_ingest_sender_options *options,
                                                     struct sky_ingest_sender **sender);

enum sky_ingest_answer {
    SKY_INGEST_WAITING,   /* the brokers have not answered yet */
    SKY_INGEST_NO_CURSOR, /* they have, and nothing was ever committed */
    SKY_INGEST_CURSOR,    /* *cursor is the last one */
    SKY_INGEST_FAILED     /* no hope without a person; the status says why */
};

/* What Kafka knows, within timeout_ms. `cursor` borrows until sky_ingest_sender_go. */
SKY_MUST_USE enum sky_ingest_answer sky_ingest_sender_await(struct sky_ingest_sender *sender, int timeout_ms,
                                                            const struct sky_ingest_cursor **cursor);

/* The spool is settled: send from from->position; its state and time are what is committed there (an empty state:
 * nothing ever was). NULL: not compared with Kafka's cursor yet. */
SKY_MUST_USE enum sky_status sky_ingest_sender_go(struct sky_ingest_sender *sender, const struct sky_spool_tail *from);

enum sky_ingest_sender_state {
    SKY_INGEST_CONNECTING,
    SKY_INGEST_SENDING,
    SKY_INGEST_STOPPED, /* asked to, or failed: then `problem` says why */
};

struct sky_ingest_sender_status {
    enum sky_ingest_sender_state state;
    bool failed;
    char problem[SKY_KAFKA_MESSAGE_SIZE]; /* of now; "" when there is none */
    uint64_t committed;                   /* position */
    int64_t committed_event_time_ms;      /* 0: none */
};

void sky_ingest_sender_status(struct sky_ingest_sender *sender, struct sky_ingest_sender_status *status);

/* Send what is in the spool, for at most drain_ms, and end. Frees the sender. NULL is fine.
 * True: everything in the spool is committed. */
bool sky_ingest_sender_stop(struct sky_ingest_sender *sender, int drain_ms);

#endif
