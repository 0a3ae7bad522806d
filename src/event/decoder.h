/* decoder.h: the front door of this folder: bytes of one frame or line in, posts with their times out.
 *
 *     struct sky_decoder_options options = {.relay = SKY_SPAN("bsky.network")};
 *     sky_decoder_new(&options, &decoder);
 *     for each frame:
 *         if (sky_decoder_frame(decoder, frame, receipt_ms, &decoded) != SKY_OK)
 *             ... dropped whole and counted: decoded.error says why, decoded.event->seq is set where it was readable
 *         else
 *             for (i < decoded.posts_count)  take decoded.posts[i]
 *             when decoded.has_time:         the stream's time is decoded.event_time_ms, posts or not
 *
 * Rejection is by record: an error of the envelope or of the CAR's framing drops the frame, an error of one record
 * drops that op alone. Both are counted by reason in struct sky_decoder_stats; nothing here stops a service.
 *
 * Memory   the decoder owns its scratch; what `decoded` points to borrows it and the input, until the next call. No
 *          allocation per frame once the scratch has grown.
 * Threads  one owner per decoder.
 * Trust    input is hostile; work is O(input bytes). */
#ifndef SKY_EVENT_DECODER_H
#define SKY_EVENT_DECODER_H

#include "base/buffer.h"
#include "event/event.h"
#include "event/event_time.h"
#include "event/post.h"

/* Why a frame, a line or an op was dropped. */
enum sky_drop {
    /* the whole frame or line */
    SKY_DROP_FRAME_SIZE,     /* over SKY_FRAME_SIZE_BYTES_MAX, or a named part over its limit */
    SKY_DROP_FRAME_CBOR,     /* header or body is not strict DAG-CBOR */
    SKY_DROP_FRAME_SCHEMA,   /* a field is missing, or not what the lexicon says */
    SKY_DROP_FRAME_CAR,      /* framing of the CAR, or its root is not the commit */
    SKY_DROP_FRAME_REPEATED, /* seq not above the last one of this connection */
    SKY_DROP_LINE_JSON,      /* not strict JSON */
    SKY_DROP_LINE_SCHEMA,    /* not Jetstream's shape */
    /* one op */
    SKY_DROP_RECORD_PATH,    /* not NSID "/" record key */
    SKY_DROP_RECORD_MISSING, /* null cid on a create, or its block is not in the CAR */
    SKY_DROP_RECORD_CID,     /* the block's SHA-256 is not the CID's */
    SKY_DROP_RECORD_SIZE,    /* over a named limit: record, text */
    SKY_DROP_RECORD_UTF8,
    SKY_DROP_RECORD_CBOR,
    SKY_DROP_RECORD_TYPE,   /* $type is not the collection */
    SKY_DROP_RECORD_SCHEMA, /* a post without text */
    SKY_DROP_COUNT
};

/* The reason as a metric label: "frame_cbor", "record_utf8", ... Never NULL. */
const char *sky_drop_name(enum sky_drop drop);

/* True for the reasons that drop the whole frame or line. */
bool sky_drop_is_frame(enum sky_drop drop);

enum sky_decoder_scope {
    SKY_DECODE_POSTS,       /* only app.bsky.feed.post is looked at; the CAR is not touched without one */
    SKY_DECODE_ALL_RECORDS, /* every record is found, CID-checked and validated: `decoded.event` has them all */
};

struct sky_decoder_options {
    enum sky_decoder_scope scope;
    struct sky_span relay; /* host the events come from, copied; may be empty */
};

struct sky_decoder_stats {
    uint64_t frames;                      /* given, dropped ones too; lines likewise */
    uint64_t bytes;                       /* of them */
    uint64_t kinds[SKY_EVENT_KIND_COUNT]; /* decoded */
    uint64_t ops;                         /* of decoded commits, whatever the collection */
    uint64_t posts[SKY_POST_WATERMARK];   /* delivered, by enum sky_post_op */
    uint64_t drops[SKY_DROP_COUNT];       /* frames, lines and ops, by reason */
    uint64_t time_forged;                 /* frames whose claim was replaced by the receipt rule */
    uint64_t created_at_invalid;          /* posts kept with createdAt missing or invalid */
    int64_t last_seq;                     /* of the last readable frame; 0 before */
    int64_t event_time_ms;                /* 0 before the first event with a time */
    int64_t receipt_lag_ms;               /* -m of the receipt rule: how far receipt runs behind `time` */
};

struct sky_decoder_drop {
    enum sky_drop reason;
    struct sky_error error; /* offset counts from the record's (or the line's) first byte */
    struct sky_span path;   /* of the op; empty for a frame */
};

struct sky_decoded {
    const struct sky_event *event; /* never NULL */
    bool has_time;                 /* the event's kind carries a time: the three below are set */
    bool time_forged;
    int64_t observed_at_ms;
    int64_t observed_at_us; /* the same, with Jetstream's microseconds where it has them */
    int64_t event_time_ms;

    const struct sky_post *posts; /* in stream order: creates, updates, deletes, account events */
    uint32_t posts_count;
    const struct sky_decoder_drop *drops; /* ops dropped; on an error the one reason of the frame */
    uint32_t drops_count;
    struct sky_error error; /* of the frame or line; offset counts from its first byte */
};

struct sky_decoder;

/* SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_decoder_new(const struct sky_decoder_options *options, struct sky_decoder **decoder);
void sky_decoder_free(struct sky_decoder *decoder);

/* One firehose frame (a WebSocket message). receipt_ms: when it arrived, or SKY_RECEIPT_NONE.
 * Anything but SKY_OK: dropped whole, counted, decoded->error and decoded->drops[0] say why; the decoder stays usable.
 * SKY_E_MEMORY: not the frame's fault, and not counted as a drop. */
SKY_MUST_USE enum sky_status sky_decoder_frame(struct sky_decoder *decoder, struct sky_span frame, int64_t receipt_ms,
                                               struct sky_decoded *decoded);

/* One line of Jetstream v1 JSON, with or without its '\n'. observed_at is its time_us. */
SKY_MUST_USE enum sky_status sky_decoder_line(struct sky_decoder *decoder, struct sky_span line,
                                              struct sky_decoded *decoded);

/* A new connection whose seqs may begin below the last one (another relay). Reconnecting to the same relay with a
 * cursor needs no call: what it sends again is then dropped as repeated. The time state is kept. */
void sky_decoder_connected(struct sky_decoder *decoder);

/* The host that posts name from now on as `relay`. */
SKY_MUST_USE enum sky_status sky_decoder_set_relay(struct sky_decoder *decoder, struct sky_span relay);

/* Lives as long as the decoder and always shows the present. */
const struct sky_decoder_stats *sky_decoder_stats(const struct sky_decoder *decoder);

/* The state that a checkpoint must hold so that decoding goes on as if never stopped: the time state and last_seq.
 * load: into a new decoder; hostile input; the error is also sticky in `reader`. */
void sky_decoder_save(const struct sky_decoder *decoder, struct sky_buffer *buffer);
SKY_MUST_USE enum sky_status sky_decoder_load(struct sky_decoder *decoder, struct sky_reader *reader);

#endif
