/* relay.h: the live source: frames of a relay's firehose, or lines of a Jetstream server, from one connection after the
 * other, with the cursors that make a restart lose and repeat nothing.
 *
 *     sky_relay_new(&options, &relay);
 *     for (;;) {
 *         sky_relay_next(relay, 100, &item);
 *         case SKY_RELAY_CONNECTED:  sky_decoder_connected(decoder);
 *         case SKY_RELAY_MESSAGE:    status = sky_decoder_frame(decoder, item.data, item.receipt_ms, &decoded);
 *                                    if (sky_relay_judge(relay, status, &decoded))
 *                                        ... work on it ...
 *                                    sky_relay_complete(relay);      everything handed out is done with
 *         case SKY_RELAY_FAILED:     stop, item.reason says why
 *         others: worth a log line
 *     }
 *
 * Cursors. `received` moves with every readable message and is where a reconnect goes on; `completed` is what was
 * worked off and is all that sky_relay_save keeps. A relay's first seq below the cursor asked for means that it counts
 * anew (FutureCursor, announced or not): without reset_cursor that is SKY_RELAY_FAILED, since everything already seen
 * would come again or be missed without a trace.
 *
 * Seqs. The protocol lets a relay leave seqs out, so seqs_seen below seqs_expected is no loss by itself; a loss does
 * show there, also one that no connection noticed. A relay taken instead of another begins anew, and so does one that
 * counts anew.
 *
 * Retries. A connection that ends is made again after a random time below 1 s, doubling to 60 s with each failure,
 * or after what Retry-After asks; 60 s of good data make it small again. 50 bad messages in a row end a connection too;
 * if they come again at the same place, it is passed over by connecting live.
 *
 * Failover. When a relay fails three times in a row the next one of the list is tried; one that has never given
 * anything, at once. Relays number their events differently, so a cursor of one says nothing to the other: its present
 * seq is read from one live frame, and the place where the last relay ended is looked for from there, 6 steps at most.
 * Posts that come twice that way are dropped by the engine, which knows the posts of its window; what is older than
 * that place by a minute is not handed out at all.
 *
 * Spec     https://atproto.com/specs/event-stream, lexicon com.atproto.sync.subscribeRepos
 * Memory   owned by the relay; an item's data lives until the next call.
 * Threads  one owner; the connection receives in a thread of its own (websocket.h).
 * Time     clock, sleep and randomness are options, so that tests need no waiting. */
#ifndef SKY_IO_RELAY_RELAY_H
#define SKY_IO_RELAY_RELAY_H

#include "base/buffer.h"
#include "event/decoder.h"
#include "io/relay/websocket.h"

#define SKY_RELAY_SOURCES_MAX          8
#define SKY_RELAY_BAD_RUN_MAX          50 /* messages in a row */
#define SKY_RELAY_BACKOFF_MS_MIN       1000
#define SKY_RELAY_BACKOFF_MS_MAX       60000
#define SKY_RELAY_GOOD_MS              60000 /* of data: the backoff begins anew */
#define SKY_RELAY_GAP_MS               5000  /* a jump of the stream's time over a reconnect is reported */
#define SKY_RELAY_FAILURES_MAX         3     /* in a row before the next relay's turn */
#define SKY_RELAY_PROBES_MAX           6
#define SKY_RELAY_OVERLAP_MS           60000            /* before where the last relay ended that is read again */
#define SKY_RELAY_JETSTREAM_OVERLAP_US INT64_C(5000000) /* Jetstream's times are not ordered */

enum sky_relay_kind { SKY_RELAY_FIREHOSE, SKY_RELAY_JETSTREAM };

/* How the relay reaches the world; NULLs are the real thing. */
struct sky_relay_environment {
    int64_t (*now_ms)(void *context); /* monotonic */
    uint64_t (*random)(void *context);
    void (*sleep)(void *context, int ms);
    enum sky_status (*open)(void *context, const struct sky_websocket_options *options, void **connection);
    bool (*next)(void *connection, int timeout_ms, struct sky_websocket_event *event);
    void (*close)(void *connection);
    void *context;
};

struct sky_relay_options {
    enum sky_relay_kind kind;
    const char *urls;                       /* wss://HOST with commas between; the path is added when there is none */
    int64_t cursor;                         /* of the first URL; 0: from now on */
    bool reset_cursor;                      /* go on from now when the relay does not know the cursor */
    struct sky_websocket_options websocket; /* all but url */
    struct sky_relay_environment environment;
};

void sky_relay_options_default(struct sky_relay_options *options);

enum sky_relay_item_kind {
    SKY_RELAY_NOTHING,      /* within the time given */
    SKY_RELAY_CONNECTED,    /* seqs may begin anew: sky_decoder_connected */
    SKY_RELAY_MESSAGE,      /* data, receipt_ms, is_line; to be judged */
    SKY_RELAY_DISCONNECTED, /* reason; connects again by itself in retry_ms */
    SKY_RELAY_GAP,          /* events between from_ms and to_ms (times of the stream, 0: unknown) were missed */
    SKY_RELAY_FAILED        /* no hope without a person: reason; comes again with every call */
};

struct sky_relay_item {
    enum sky_relay_item_kind kind;
    const char *host; /* of the relay, "bsky.network" */
    struct sky_span data;
    int64_t receipt_ms;
    bool is_line; /* Jetstream JSON, else a firehose frame */
    const char *reason;
    int64_t retry_ms;
    int64_t from_ms;
    int64_t to_ms;
};

struct sky_relay;

/* Connects with the first sky_relay_next. SKY_E_CONFIG (no URL, too many, not ws:// or wss://), SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_relay_new(const struct sky_relay_options *options, struct sky_relay **relay);
void sky_relay_free(struct sky_relay *relay); /* NULL is fine */

void sky_relay_next(struct sky_relay *relay, int timeout_ms, struct sky_relay_item *item);

/* What the decoder said of the message just handed out. False: do not work on it: it is a repetition, or the cursor is
 * not known and the next item says so. */
SKY_MUST_USE bool sky_relay_judge(struct sky_relay *relay, enum sky_status status, const struct sky_decoded *decoded);

/* Everything handed out so far has been worked off. */
void sky_relay_complete(struct sky_relay *relay);

enum sky_relay_state {
    SKY_RELAY_CONNECTING,
    SKY_RELAY_STREAMING, /* connected, and data came */
    SKY_RELAY_SILENT,    /* connected, no data yet */
    SKY_RELAY_WAITING,   /* until the next attempt */
    SKY_RELAY_STOPPED    /* failed for good */
};

struct sky_relay_status {
    enum sky_relay_state state;
    const char *host;    /* the relay of now */
    bool ever_received;  /* a message came in this process */
    const char *problem; /* the last one, for a person; "" when there was none */
    int64_t retry_ms;    /* until the next attempt, when waiting */
    int64_t received;    /* cursor of this relay; 0: none */
    int64_t completed;   /* likewise */
    int64_t time_ms;     /* of the stream, of the last message; 0: none */
    uint64_t messages;
    uint64_t bytes;
    uint64_t bad;           /* messages that the decoder dropped whole */
    uint64_t repeated;      /* messages at or below the cursor */
    uint64_t seqs_seen;     /* each seq of a readable message once; Jetstream has none */
    uint64_t seqs_expected; /* from the first to the last seen, over reconnects to the same relay */
    uint64_t attempts;      /* to connect */
    uint64_t connections;   /* made */
    uint64_t gaps;
    uint64_t failovers;
    uint64_t ends[SKY_WEBSOCKET_END_COUNT]; /* connections and attempts that ended, by reason */
};

void sky_relay_status(const struct sky_relay *relay, struct sky_relay_status *status);

/* The completed cursor of each relay, for a checkpoint. load: before the first sky_relay_next; hostile input; relays
 * that are not in the list any more are left out. */
void sky_relay_save(const struct sky_relay *relay, struct sky_buffer *buffer);
SKY_MUST_USE enum sky_status sky_relay_load(struct sky_relay *relay, struct sky_reader *reader);

#endif
