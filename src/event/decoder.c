#include "event/decoder.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/time.h"
#include "event/firehose.h"
#include "event/jetstream.h"
#include "event/post_record.h"
#include "event/syntax.h"
#include "wire/cid.h"

#define STATE_VERSION 1

struct sky_decoder {
    enum sky_decoder_scope scope;
    struct sky_span relay; /* owned */
    struct sky_decoder_stats stats;
    struct sky_event_time time;
    int64_t connection_seq; /* the last of this connection, 0 before */
    struct sky_arena arena; /* of the frame at hand */
    struct sky_jetstream_reader jetstream;
    struct sky_event event;
    struct sky_post posts[SKY_COMMIT_OPS_MAX];
    struct sky_decoder_drop drops[SKY_COMMIT_OPS_MAX];
};

static const char *const drop_names[SKY_DROP_COUNT] = {
    [SKY_DROP_FRAME_SIZE] = "frame_size",         [SKY_DROP_FRAME_CBOR] = "frame_cbor",
    [SKY_DROP_FRAME_SCHEMA] = "frame_schema",     [SKY_DROP_FRAME_CAR] = "frame_car",
    [SKY_DROP_FRAME_REPEATED] = "frame_repeated", [SKY_DROP_LINE_JSON] = "line_json",
    [SKY_DROP_LINE_SCHEMA] = "line_schema",       [SKY_DROP_RECORD_PATH] = "record_path",
    [SKY_DROP_RECORD_MISSING] = "record_missing", [SKY_DROP_RECORD_CID] = "record_cid",
    [SKY_DROP_RECORD_SIZE] = "record_size",       [SKY_DROP_RECORD_UTF8] = "record_utf8",
    [SKY_DROP_RECORD_CBOR] = "record_cbor",       [SKY_DROP_RECORD_TYPE] = "record_type",
    [SKY_DROP_RECORD_SCHEMA] = "record_schema",
};

const char *sky_drop_name(enum sky_drop drop)
{
    return (unsigned)drop < SKY_DROP_COUNT ? drop_names[drop] : "unknown";
}

bool sky_drop_is_frame(enum sky_drop drop)
{
    return drop < SKY_DROP_RECORD_PATH;
}

enum sky_status sky_decoder_new(const struct sky_decoder_options *options, struct sky_decoder **decoder)
{
    struct sky_decoder *made = calloc(1, sizeof *made);
    if (!made)
        return SKY_E_MEMORY;
    made->scope = options->scope;
    sky_event_time_init(&made->time);
    sky_jetstream_reader_init(&made->jetstream);
    if (sky_decoder_set_relay(made, options->relay)) {
        sky_decoder_free(made);
        return SKY_E_MEMORY;
    }
    *decoder = made;
    return SKY_OK;
}

void sky_decoder_free(struct sky_decoder *decoder)
{
    if (!decoder)
        return;
    sky_arena_clean_up(&decoder->arena);
    sky_jetstream_reader_clean_up(&decoder->jetstream);
    free((void *)(uintptr_t)decoder->relay.ptr);
    free(decoder);
}

enum sky_status sky_decoder_set_relay(struct sky_decoder *decoder, struct sky_span relay)
{
    uint8_t *copy = NULL;
    if (relay.len) {
        copy = malloc(relay.len);
        if (!copy)
            return SKY_E_MEMORY;
        memcpy(copy, relay.ptr, relay.len);
    }
    free((void *)(uintptr_t)decoder->relay.ptr);
    decoder->relay = sky_span_of(copy, relay.len);
    return SKY_OK;
}

void sky_decoder_connected(struct sky_decoder *decoder)
{
    decoder->connection_seq = 0;
}

const struct sky_decoder_stats *sky_decoder_stats(const struct sky_decoder *decoder)
{
    return &decoder->stats;
}

/* What is wrong with an envelope, by the status it gave. */
static enum sky_drop frame_drop(enum sky_status status)
{
    switch (status) {
    case SKY_E_LIMIT: return SKY_DROP_FRAME_SIZE;
    case SKY_E_TYPE:
    case SKY_E_MISSING:
    case SKY_E_RANGE: return SKY_DROP_FRAME_SCHEMA;
    default: return SKY_DROP_FRAME_CBOR;
    }
}

static enum sky_drop line_drop(enum sky_status status)
{
    switch (status) {
    case SKY_E_LIMIT: return SKY_DROP_FRAME_SIZE;
    case SKY_E_TYPE:
    case SKY_E_MISSING:
    case SKY_E_RANGE: return SKY_DROP_LINE_SCHEMA;
    default: return SKY_DROP_LINE_JSON;
    }
}

/* Why a record could not be had (sky_firehose_read_records, sky_jetstream_read). */
static enum sky_drop lookup_drop(enum sky_status status)
{
    switch (status) {
    case SKY_E_RANGE: return SKY_DROP_RECORD_PATH;
    case SKY_E_MISSING: return SKY_DROP_RECORD_MISSING;
    case SKY_E_LIMIT: return SKY_DROP_RECORD_SIZE;
    case SKY_E_CID: return SKY_DROP_RECORD_CID;
    default: return SKY_DROP_RECORD_CBOR;
    }
}

/* What is wrong inside a record. */
static enum sky_drop record_drop(enum sky_status status)
{
    switch (status) {
    case SKY_E_TYPE: return SKY_DROP_RECORD_TYPE;
    case SKY_E_MISSING: return SKY_DROP_RECORD_SCHEMA;
    case SKY_E_LIMIT: return SKY_DROP_RECORD_SIZE;
    case SKY_E_UTF8: return SKY_DROP_RECORD_UTF8;
    default: return SKY_DROP_RECORD_CBOR;
    }
}

static enum sky_status drop_frame(struct sky_decoder *decoder, struct sky_decoded *decoded, enum sky_drop reason,
                                  struct sky_error error)
{
    decoded->error = error;
    if (error.status == SKY_E_MEMORY)
        return SKY_E_MEMORY;
    decoder->stats.drops[reason]++;
    decoder->drops[0] = (struct sky_decoder_drop){.reason = reason, .error = error};
    decoded->drops_count = 1;
    decoded->posts_count = 0;
    return error.status;
}

static void drop_op(struct sky_decoder *decoder, struct sky_decoded *decoded, enum sky_drop reason,
                    const struct sky_op *op)
{
    decoder->stats.drops[reason]++;
    decoder->drops[decoded->drops_count++] =
        (struct sky_decoder_drop){.reason = reason, .error = op->error, .path = op->path};
}

/* Filled in place: a struct made and then copied is loaded wider than it was stored, which stalls. */
static void begin(struct sky_decoder *decoder, struct sky_span input, struct sky_decoded *decoded)
{
    sky_arena_reset(&decoder->arena);
    decoder->stats.frames++;
    decoder->stats.bytes += input.len;
    memset(decoded, 0, sizeof *decoded);
    decoded->event = &decoder->event;
    decoded->posts = decoder->posts;
    decoded->drops = decoder->drops;
}

/* What every post of the event has in common. */
static struct sky_post *next_post(struct sky_decoder *decoder, struct sky_decoded *decoded, enum sky_post_op op)
{
    struct sky_post *post = &decoder->posts[decoded->posts_count];
    *post = (struct sky_post){
        .op = op,
        .time_forged = decoded->time_forged,
        .author_did = decoder->event.did,
        .rev = decoder->event.rev,
        .relay = decoder->relay,
        .observed_at_ms = decoded->observed_at_ms,
        .event_time_ms = decoded->event_time_ms,
        .created_at_ms = decoded->observed_at_ms,
        .seq = decoder->event.seq,
    };
    return post;
}

static void keep_post(struct sky_decoder *decoder, struct sky_decoded *decoded, const struct sky_post *post)
{
    decoder->stats.posts[post->op]++;
    decoded->posts_count++;
}

/* at://DID/app.bsky.feed.post/RKEY */
static bool set_uri(struct sky_decoder *decoder, struct sky_post *post, const struct sky_op *op)
{
    const struct sky_span scheme = SKY_SPAN("at://");
    size_t len = scheme.len + post->author_did.len + 1 + op->path.len;
    uint8_t *uri = sky_arena_alloc(&decoder->arena, len);
    if (!uri)
        return false;
    memcpy(uri, scheme.ptr, scheme.len);
    memcpy(uri + scheme.len, post->author_did.ptr, post->author_did.len);
    uri[scheme.len + post->author_did.len] = '/';
    memcpy(uri + len - op->path.len, op->path.ptr, op->path.len);
    post->uri = sky_span_of(uri, len);
    post->rkey = sky_span_of(uri + len - op->rkey.len, op->rkey.len);
    return true;
}

static bool set_cid(struct sky_decoder *decoder, struct sky_post *post, const struct sky_op *op)
{
    if (!op->cid.len)
        return true;
    char *text = sky_arena_alloc(&decoder->arena, SKY_CID_TEXT_SIZE);
    if (!text)
        return false;
    sky_cid_format(op->cid, text);
    post->cid = sky_span_of(text, SKY_CID_TEXT_LEN);
    return true;
}

/* A create or update whose record was read. */
static enum sky_status take_record(struct sky_decoder *decoder, struct sky_decoded *decoded, struct sky_op *op)
{
    struct sky_post *post =
        next_post(decoder, decoded, op->action == SKY_OP_CREATE ? SKY_POST_CREATE : SKY_POST_UPDATE);
    enum sky_status status = sky_post_record_decode(op->record, &decoder->arena, post, &op->error);
    if (status == SKY_E_MEMORY)
        return status;
    if (status) {
        drop_op(decoder, decoded, record_drop(status), op);
        return SKY_OK;
    }
    if (!post->has_created_at) {
        post->created_at_ms = decoded->observed_at_ms;
        decoder->stats.created_at_invalid++;
    }
    if (!set_uri(decoder, post, op) || !set_cid(decoder, post, op))
        return SKY_E_MEMORY;
    keep_post(decoder, decoded, post);
    return SKY_OK;
}

static enum sky_status take_delete(struct sky_decoder *decoder, struct sky_decoded *decoded, struct sky_op *op)
{
    struct sky_post *post = next_post(decoder, decoded, SKY_POST_DELETE);
    if (!sky_syntax_is_record_key(op->rkey)) {
        op->error = (struct sky_error){SKY_E_RANGE, 0, "a path that is not a collection, '/' and a record key"};
        drop_op(decoder, decoded, SKY_DROP_RECORD_PATH, op);
        return SKY_OK;
    }
    if (!set_uri(decoder, post, op))
        return SKY_E_MEMORY;
    keep_post(decoder, decoded, post);
    return SKY_OK;
}

static enum sky_status take_op(struct sky_decoder *decoder, struct sky_decoded *decoded, struct sky_op *op)
{
    if (op->action == SKY_OP_UNKNOWN)
        return SKY_OK;
    if (op->error.status) {
        drop_op(decoder, decoded, lookup_drop(op->error.status), op);
        return SKY_OK;
    }
    if (op->collection.len == 0) {
        op->error = (struct sky_error){SKY_E_RANGE, 0, "a path without exactly one '/'"};
        drop_op(decoder, decoded, SKY_DROP_RECORD_PATH, op);
        return SKY_OK;
    }
    if (sky_span_equal(op->collection, SKY_SPAN(SKY_POST_COLLECTION)))
        return op->action == SKY_OP_DELETE ? take_delete(decoder, decoded, op) : take_record(decoder, decoded, op);
    if (decoder->scope == SKY_DECODE_ALL_RECORDS && op->record.len) {
        sky_firehose_check_record(op);
        if (op->error.status)
            drop_op(decoder, decoded, record_drop(op->error.status), op);
    }
    return SKY_OK;
}

static void take_account(struct sky_decoder *decoder, struct sky_decoded *decoded)
{
    struct sky_post *post = next_post(decoder, decoded, SKY_POST_ACCOUNT);
    post->active = decoder->event.active;
    post->status = decoder->event.status;
    keep_post(decoder, decoded, post);
}

/* The event is good: give it its time and take what is in it. */
static enum sky_status deliver(struct sky_decoder *decoder, struct sky_decoded *decoded, int64_t receipt_ms)
{
    struct sky_event *event = &decoder->event;
    enum sky_status status = SKY_OK;
    decoder->stats.kinds[event->kind]++;
    decoded->has_time = event->kind <= SKY_EVENT_ACCOUNT || event->time_us != 0; /* 1970 is a time as any other */
    if (decoded->has_time) {
        int64_t claimed_ms = event->time_us / 1000;
        struct sky_event_time_result time = sky_event_time_next(&decoder->time, claimed_ms, receipt_ms);
        decoded->time_forged = time.forged;
        decoded->observed_at_ms = time.observed_at_ms;
        decoded->observed_at_us = time.forged ? time.observed_at_ms * 1000 : event->time_us;
        decoded->event_time_ms = time.event_time_ms;
        decoder->stats.time_forged += time.forged;
        decoder->stats.event_time_ms = time.event_time_ms;
        decoder->stats.receipt_lag_ms = -sky_event_time_median_ms(&decoder->time);
    }
    if (event->kind == SKY_EVENT_ACCOUNT)
        take_account(decoder, decoded);
    decoder->stats.ops += event->ops_count;
    for (uint32_t i = 0; i < event->ops_count && !status; i++)
        status = take_op(decoder, decoded, &event->ops[i]);
    decoded->error.status = status;
    return status;
}

enum sky_status sky_decoder_frame(struct sky_decoder *decoder, struct sky_span frame, int64_t receipt_ms,
                                  struct sky_decoded *decoded)
{
    struct sky_event *event = &decoder->event;
    struct sky_error error;
    begin(decoder, frame, decoded);
    enum sky_status status = sky_firehose_decode(frame, event, &error);
    if (status)
        return drop_frame(decoder, decoded, frame_drop(status), error);
    if (event->seq) {
        if (event->seq <= decoder->connection_seq) {
            error = (struct sky_error){SKY_E_RANGE, 0, "a seq not above the last one of this connection"};
            return drop_frame(decoder, decoded, SKY_DROP_FRAME_REPEATED, error);
        }
        decoder->connection_seq = decoder->stats.last_seq = event->seq;
    }
    bool all = decoder->scope == SKY_DECODE_ALL_RECORDS;
    status = sky_firehose_read_records(event, all ? SKY_SPAN("") : SKY_SPAN(SKY_POST_COLLECTION), &error);
    if (status)
        return drop_frame(decoder, decoded, SKY_DROP_FRAME_CAR, error);
    return deliver(decoder, decoded, receipt_ms);
}

static struct sky_span without_line_end(struct sky_span line)
{
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    return line;
}

enum sky_status sky_decoder_line(struct sky_decoder *decoder, struct sky_span line, struct sky_decoded *decoded)
{
    struct sky_error error;
    begin(decoder, line, decoded);
    enum sky_status status = sky_jetstream_read(&decoder->jetstream, without_line_end(line), &decoder->event, &error);
    if (status)
        return drop_frame(decoder, decoded, line_drop(status), error);
    return deliver(decoder, decoded, SKY_RECEIPT_NONE);
}

void sky_decoder_save(const struct sky_decoder *decoder, struct sky_buffer *buffer)
{
    sky_buffer_put_u32(buffer, STATE_VERSION);
    sky_buffer_put_i64(buffer, decoder->stats.last_seq);
    sky_event_time_save(&decoder->time, buffer);
}

enum sky_status sky_decoder_load(struct sky_decoder *decoder, struct sky_reader *reader)
{
    if (sky_reader_u32(reader) != STATE_VERSION)
        sky_reader_fail(reader, SKY_E_UNSUPPORTED, "a decoder state of another version");
    decoder->stats.last_seq = decoder->connection_seq = sky_reader_i64(reader);
    sky_event_time_load(&decoder->time, reader);
    decoder->stats.event_time_ms = decoder->time.event_time_ms;
    decoder->stats.receipt_lag_ms = -sky_event_time_median_ms(&decoder->time);
    return reader->error.status;
}
