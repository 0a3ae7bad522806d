/* event.h: one message of the network's event stream, whichever wire it came by (firehose frame or Jetstream line).
 *
 * Spec     lexicon com.atproto.sync.subscribeRepos; atproto.com/specs/event-stream
 * Memory   every span borrows the input (a Jetstream line's records: the arena) and dies with it. */
#ifndef SKY_EVENT_EVENT_H
#define SKY_EVENT_EVENT_H

#include "base/span.h"
#include "base/status.h"

/* Limits of the protocol. */
#define SKY_FRAME_SIZE_BYTES_MAX     5000000 /* one event-stream message */
#define SKY_BLOCKS_SIZE_BYTES_MAX    2000000 /* #commit: blocks maxLength */
#define SKY_RECORD_SIZE_BYTES_MAX    1000000 /* one record */
#define SKY_COMMIT_OPS_MAX           200     /* #commit: ops maxLength */
#define SKY_COMMIT_RECORDS_BYTES_MAX 2000000 /* ours: the ops' records together, as 200 ops may name one block */
#define SKY_SEQ_MAX                  INT64_C(9007199254740991) /* 2^53 - 1 */

enum sky_event_kind {
    SKY_EVENT_COMMIT,
    SKY_EVENT_SYNC,
    SKY_EVENT_IDENTITY,
    SKY_EVENT_ACCOUNT,
    SKY_EVENT_INFO,    /* name, message: OutdatedCursor */
    SKY_EVENT_ERROR,   /* name, message: FutureCursor, ConsumerTooSlow; the relay closes after it */
    SKY_EVENT_UNKNOWN, /* a kind added after this was written: ignored */
    SKY_EVENT_KIND_COUNT
};

enum sky_op_action { SKY_OP_CREATE, SKY_OP_UPDATE, SKY_OP_DELETE, SKY_OP_UNKNOWN };

/* One change of one record. `error` is this op's own: the event around it stays good. */
struct sky_op {
    enum sky_op_action action;
    struct sky_span path;       /* collection "/" rkey */
    struct sky_span collection; /* empty, as rkey, when `path` has not exactly one '/' */
    struct sky_span rkey;
    struct sky_span cid;    /* binary, 36 bytes; empty when null or absent */
    struct sky_span record; /* DAG-CBOR, CID and form checked; empty until the records were read, and on a delete */
    struct sky_error error; /* offset counts from the record's first byte */
};

struct sky_event {
    struct sky_span input; /* the frame or line it was read from */
    enum sky_event_kind kind;
    struct sky_span type; /* "#commit", ... as sent; empty for an error frame */
    int64_t seq;          /* 0 when the wire has none (Jetstream commits, #info, errors) */
    struct sky_span did;
    struct sky_span time; /* verbatim; empty when the kind has none */
    int64_t time_us;      /* the event's claim: `time` cut to ms, or Jetstream's time_us */

    struct sky_span rev;    /* commit, sync */
    struct sky_span commit; /* commit: binary CID */
    struct sky_span blocks; /* commit, sync: CARv1 bytes, not looked into yet */

    struct sky_span handle;  /* identity, or empty */
    struct sky_span status;  /* account, or empty */
    bool active;             /* account */
    struct sky_span name;    /* info, error */
    struct sky_span message; /* info, error, or empty */

    uint32_t ops_count;
    struct sky_op ops[SKY_COMMIT_OPS_MAX]; /* the first ops_count are set */
};

const char *sky_event_kind_name(enum sky_event_kind kind); /* "commit", ... */
const char *sky_op_action_name(enum sky_op_action action); /* "create", ... */

#endif
