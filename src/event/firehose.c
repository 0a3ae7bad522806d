#include "event/firehose.h"

#include "base/time.h"
#include "event/syntax.h"
#include "event/usual_commit.h"
#include "wire/car.h"
#include "wire/cid.h"
#include "wire/dagcbor.h"

_Static_assert(SKY_COMMIT_OPS_MAX <= SKY_CAR_FIND_MAX, "all ops of a commit are looked for in one pass");

/* Fields seen, as bits. */
enum {
    HAS_SEQ = 1 << 0,
    HAS_DID = 1 << 1,
    HAS_TIME = 1 << 2,
    HAS_REV = 1 << 3,
    HAS_BLOCKS = 1 << 4,
    HAS_COMMIT = 1 << 5,
    HAS_OPS = 1 << 6,
    HAS_ACTIVE = 1 << 7,
    HAS_NAME = 1 << 8,
};

/* The lexicon's required fields, of those that are read here. */
static const unsigned required_fields[SKY_EVENT_KIND_COUNT] = {
    [SKY_EVENT_COMMIT] = HAS_SEQ | HAS_DID | HAS_TIME | HAS_REV | HAS_BLOCKS | HAS_COMMIT | HAS_OPS,
    [SKY_EVENT_SYNC] = HAS_SEQ | HAS_DID | HAS_TIME | HAS_REV | HAS_BLOCKS,
    [SKY_EVENT_IDENTITY] = HAS_SEQ | HAS_DID | HAS_TIME,
    [SKY_EVENT_ACCOUNT] = HAS_SEQ | HAS_DID | HAS_TIME | HAS_ACTIVE,
    [SKY_EVENT_INFO] = HAS_NAME,
    [SKY_EVENT_ERROR] = HAS_NAME,
};

struct frame {
    struct sky_dagcbor_reader cbor;
    struct sky_event *event;
    unsigned seen;
};

/* Keys of one length are told apart by a compare with a constant, which compiles to a word compare. */
static inline bool key_is(struct sky_span key, const char *name, size_t len)
{
    return memcmp(key.ptr, name, len) == 0;
}
#define KEY_IS(key, name) key_is(key, name, sizeof(name) - 1)

static enum sky_event_kind kind_of(struct sky_span type)
{
    if (sky_span_equal(type, SKY_SPAN("#commit")))
        return SKY_EVENT_COMMIT;
    if (sky_span_equal(type, SKY_SPAN("#sync")))
        return SKY_EVENT_SYNC;
    if (sky_span_equal(type, SKY_SPAN("#identity")))
        return SKY_EVENT_IDENTITY;
    if (sky_span_equal(type, SKY_SPAN("#account")))
        return SKY_EVENT_ACCOUNT;
    return sky_span_equal(type, SKY_SPAN("#info")) ? SKY_EVENT_INFO : SKY_EVENT_UNKNOWN;
}

/* event-stream, "Framing": {op: 1, t: "#kind"} is a message, {op: -1} an error; another op is ignored. */
static void read_header(struct frame *frame)
{
    struct sky_dagcbor_reader *cbor = &frame->cbor;
    struct sky_span key;
    int64_t op = 0;
    bool has_op = false;
    struct sky_dagcbor_map map = sky_dagcbor_map(cbor);
    while (sky_dagcbor_key(cbor, &map, &key)) {
        if (sky_span_equal(key, SKY_SPAN("op"))) {
            op = sky_dagcbor_int(cbor);
            has_op = true;
        } else if (sky_span_equal(key, SKY_SPAN("t")))
            frame->event->type = sky_dagcbor_text(cbor);
        else
            sky_dagcbor_skip(cbor);
    }
    if (!has_op)
        sky_dagcbor_fail(cbor, SKY_E_MISSING, "a header without op");
    else if (op == 1 && !frame->event->type.ptr)
        sky_dagcbor_fail(cbor, SKY_E_MISSING, "a header without t");
    frame->event->kind = op == 1 ? kind_of(frame->event->type) : op == -1 ? SKY_EVENT_ERROR : SKY_EVENT_UNKNOWN;
}

static enum sky_op_action action_of(struct sky_span text)
{
    if (text.len != 6)
        return SKY_OP_UNKNOWN;
    if (KEY_IS(text, "create"))
        return SKY_OP_CREATE;
    if (KEY_IS(text, "delete"))
        return SKY_OP_DELETE;
    return KEY_IS(text, "update") ? SKY_OP_UPDATE : SKY_OP_UNKNOWN;
}

/* #repoOp: action and path required, cid nullable, prev not used. */
static void read_op(struct sky_dagcbor_reader *cbor, struct sky_op *op)
{
    struct sky_span key, action = {0};
    *op = (struct sky_op){.action = SKY_OP_UNKNOWN};
    struct sky_dagcbor_map map = sky_dagcbor_map(cbor);
    while (sky_dagcbor_key(cbor, &map, &key)) {
        if (key.len == 3 && KEY_IS(key, "cid")) {
            if (sky_dagcbor_peek(cbor) == SKY_DAGCBOR_NULL)
                sky_dagcbor_null(cbor);
            else
                op->cid = sky_dagcbor_link(cbor);
        } else if (key.len == 4 && KEY_IS(key, "path"))
            op->path = sky_dagcbor_text(cbor);
        else if (key.len == 6 && KEY_IS(key, "action"))
            action = sky_dagcbor_text(cbor);
        else
            sky_dagcbor_skip(cbor);
    }
    if (!op->path.ptr || !action.ptr)
        sky_dagcbor_fail(cbor, SKY_E_MISSING, "an op without action or path");
    op->action = action.ptr ? action_of(action) : SKY_OP_UNKNOWN;
    if (!sky_syntax_split_path(op->path, &op->collection, &op->rkey))
        op->collection = op->rkey = (struct sky_span){0};
}

static void read_ops(struct frame *frame)
{
    struct sky_event *event = frame->event;
    struct sky_dagcbor_array array = sky_dagcbor_array(&frame->cbor);
    while (sky_dagcbor_item(&frame->cbor, &array)) {
        if (event->ops_count == SKY_COMMIT_OPS_MAX) {
            sky_dagcbor_fail(&frame->cbor, SKY_E_LIMIT, "more than 200 ops");
            return;
        }
        read_op(&frame->cbor, &event->ops[event->ops_count++]);
    }
}

static void read_seq(struct frame *frame)
{
    size_t offset = sky_dagcbor_offset(&frame->cbor);
    int64_t seq = sky_dagcbor_int(&frame->cbor);
    if (!sky_dagcbor_ok(&frame->cbor))
        return;
    if (seq >= 1 && seq <= SKY_SEQ_MAX) {
        frame->event->seq = seq;
        frame->seen |= HAS_SEQ;
        return;
    }
    sky_dagcbor_fail(&frame->cbor, SKY_E_RANGE, "a seq outside 1 to 2^53 - 1");
    frame->cbor.error.offset = offset;
}

static void read_text(struct frame *frame, struct sky_span *text, unsigned bit)
{
    *text = sky_dagcbor_text(&frame->cbor);
    frame->seen |= bit;
}

static void read_blocks(struct frame *frame)
{
    size_t offset = sky_dagcbor_offset(&frame->cbor);
    frame->event->blocks = sky_dagcbor_bytes(&frame->cbor);
    frame->seen |= HAS_BLOCKS;
    if (frame->event->blocks.len <= SKY_BLOCKS_SIZE_BYTES_MAX)
        return;
    sky_dagcbor_fail(&frame->cbor, SKY_E_LIMIT, "blocks over 2,000,000 bytes");
    frame->cbor.error.offset = offset;
}

/* Deprecated and unused fields (rebase, tooBig, blobs, since, prevData) are passed over, whatever they hold. */
static void read_commit_field(struct frame *frame, struct sky_span key)
{
    struct sky_event *event = frame->event;
    switch (key.len) {
    case 3:
        if (KEY_IS(key, "ops")) {
            frame->seen |= HAS_OPS;
            read_ops(frame);
            return;
        }
        if (KEY_IS(key, "rev")) {
            read_text(frame, &event->rev, HAS_REV);
            return;
        }
        if (KEY_IS(key, "seq")) {
            read_seq(frame);
            return;
        }
        break;
    case 4:
        if (KEY_IS(key, "repo")) {
            read_text(frame, &event->did, HAS_DID);
            return;
        }
        if (KEY_IS(key, "time")) {
            read_text(frame, &event->time, HAS_TIME);
            return;
        }
        break;
    case 6:
        if (KEY_IS(key, "blocks")) {
            read_blocks(frame);
            return;
        }
        if (KEY_IS(key, "commit")) {
            event->commit = sky_dagcbor_link(&frame->cbor);
            frame->seen |= HAS_COMMIT;
            return;
        }
        break;
    default: break;
    }
    sky_dagcbor_skip(&frame->cbor);
}

/* #sync, #identity, #account, #info and errors: rare, and their fields mean the same in each. */
static void read_other_field(struct frame *frame, struct sky_span key)
{
    struct sky_event *event = frame->event;
    bool is_error = event->kind == SKY_EVENT_ERROR;
    if (sky_span_equal(key, SKY_SPAN("seq")))
        read_seq(frame);
    else if (sky_span_equal(key, SKY_SPAN("did")))
        read_text(frame, &event->did, HAS_DID);
    else if (sky_span_equal(key, SKY_SPAN("time")))
        read_text(frame, &event->time, HAS_TIME);
    else if (sky_span_equal(key, SKY_SPAN("rev")))
        read_text(frame, &event->rev, HAS_REV);
    else if (sky_span_equal(key, SKY_SPAN("blocks")))
        read_blocks(frame);
    else if (sky_span_equal(key, SKY_SPAN("handle")))
        read_text(frame, &event->handle, 0);
    else if (sky_span_equal(key, SKY_SPAN("status")))
        read_text(frame, &event->status, 0);
    else if (sky_span_equal(key, SKY_SPAN("message")))
        read_text(frame, &event->message, 0);
    else if (sky_span_equal(key, is_error ? SKY_SPAN("error") : SKY_SPAN("name")))
        read_text(frame, &event->name, HAS_NAME);
    else if (sky_span_equal(key, SKY_SPAN("active"))) {
        event->active = sky_dagcbor_bool(&frame->cbor);
        frame->seen |= HAS_ACTIVE;
    } else
        sky_dagcbor_skip(&frame->cbor);
}

static void read_body(struct frame *frame)
{
    struct sky_dagcbor_reader *cbor = &frame->cbor;
    struct sky_span key;
    struct sky_dagcbor_map map = sky_dagcbor_map(cbor);
    if (frame->event->kind == SKY_EVENT_COMMIT) {
        while (sky_dagcbor_key(cbor, &map, &key))
            read_commit_field(frame, key);
    } else if (frame->event->kind == SKY_EVENT_UNKNOWN) {
        while (sky_dagcbor_key(cbor, &map, &key))
            sky_dagcbor_skip(cbor);
    } else {
        while (sky_dagcbor_key(cbor, &map, &key))
            read_other_field(frame, key);
    }
}

/* The first byte of `field` in the frame. */
static void fail_field(struct frame *frame, struct sky_span field, enum sky_status status, const char *reason)
{
    sky_dagcbor_fail(&frame->cbor, status, reason);
    if (field.ptr)
        frame->cbor.error.offset = (size_t)(field.ptr - frame->event->input.ptr);
}

static void check_fields(struct frame *frame)
{
    struct sky_event *event = frame->event;
    unsigned required = required_fields[event->kind];
    int64_t time_ms;
    if (!sky_dagcbor_ok(&frame->cbor))
        return;
    if ((frame->seen & required) != required)
        fail_field(frame, (struct sky_span){0}, SKY_E_MISSING, "a required field is absent");
    else if ((required & HAS_DID) && !sky_syntax_is_did(event->did))
        fail_field(frame, event->did, SKY_E_RANGE, "not a DID");
    else if ((required & HAS_REV) && !sky_syntax_is_tid(event->rev))
        fail_field(frame, event->rev, SKY_E_RANGE, "a rev that is not a TID");
    else if ((required & HAS_TIME) && sky_time_parse(event->time, &time_ms))
        fail_field(frame, event->time, SKY_E_RANGE, "a time that is not a datetime");
    else if (required & HAS_TIME)
        event->time_us = time_ms * 1000;
}

/* All but the ops, which are 25 KB and are set as far as ops_count says. */
static void clear_event(struct sky_event *event)
{
    memset(event, 0, offsetof(struct sky_event, ops));
}

enum sky_status sky_firehose_decode_any(struct sky_span input, struct sky_event *event, struct sky_error *error)
{
    struct frame frame = {.event = event};
    clear_event(event);
    event->input = input;
    event->kind = SKY_EVENT_UNKNOWN;
    *error = (struct sky_error){0};
    sky_dagcbor_init(&frame.cbor, input, SKY_DAGCBOR_RECORD);
    if (input.len > SKY_FRAME_SIZE_BYTES_MAX) {
        sky_dagcbor_fail(&frame.cbor, SKY_E_LIMIT, "a frame over 5,000,000 bytes");
    } else {
        read_header(&frame);
        read_body(&frame);
    }
    if (!sky_dagcbor_end(&frame.cbor))
        check_fields(&frame);
    *error = frame.cbor.error;
    return error->status;
}

enum sky_status sky_firehose_decode(struct sky_span input, struct sky_event *event, struct sky_error *error)
{
    clear_event(event);
    if (!sky_usual_commit_read(input, event))
        return sky_firehose_decode_any(input, event, error);
    *error = (struct sky_error){0};
    return SKY_OK;
}

static void fail_op(struct sky_op *op, enum sky_status status, const char *reason)
{
    op->error = (struct sky_error){status, 0, reason};
}

/* True when the op's record must be in the CAR; otherwise op->error may say why it cannot be. */
static bool wants_record(struct sky_op *op, struct sky_span collection)
{
    if (op->action != SKY_OP_CREATE && op->action != SKY_OP_UPDATE)
        return false;
    if (collection.len && !sky_span_equal(op->collection, collection))
        return false;
    if (!sky_syntax_is_nsid(op->collection) || !sky_syntax_is_record_key(op->rkey))
        fail_op(op, SKY_E_RANGE, "a path that is not a collection, '/' and a record key");
    else if (op->cid.len == 0)
        fail_op(op, SKY_E_MISSING, "a create or update without CID");
    else if (op->cid.ptr[1] != SKY_CID_DAG_CBOR)
        fail_op(op, SKY_E_CID, "a record whose CID is not of dag-cbor");
    return op->error.status == SKY_OK;
}

static void take_record(struct sky_op *op, const struct sky_car_want *want, size_t *total_bytes)
{
    if (!want->found)
        fail_op(op, SKY_E_MISSING, "the record's block is not in the CAR");
    else if (want->data.len > SKY_RECORD_SIZE_BYTES_MAX)
        fail_op(op, SKY_E_LIMIT, "a record over 1,000,000 bytes");
    else if (*total_bytes + want->data.len > SKY_COMMIT_RECORDS_BYTES_MAX)
        fail_op(op, SKY_E_LIMIT, "the records of one commit over 2,000,000 bytes");
    else if (!sky_cid_matches(op->cid, want->data))
        fail_op(op, SKY_E_CID, "the record's SHA-256 is not its CID's");
    else
        op->record = want->data;
    if (want->found && want->data.len <= SKY_RECORD_SIZE_BYTES_MAX)
        *total_bytes += want->data.len;
}

static enum sky_status find_blocks(const struct sky_event *event, struct sky_car_want *wants, size_t count,
                                   struct sky_error *error)
{
    struct sky_car_reader car;
    enum sky_status status = sky_car_open(&car, event->blocks);
    if (!status)
        status = sky_car_find(&car, wants, count);
    if (!status && !sky_cid_equal(car.root, event->commit)) {
        status = SKY_E_CID;
        car.error = (struct sky_error){status, 0, "the CAR's first root is not the commit"};
    }
    *error = car.error;
    if (status)
        error->offset += (size_t)(event->blocks.ptr - event->input.ptr);
    return status;
}

enum sky_status sky_firehose_read_records(struct sky_event *event, struct sky_span collection, struct sky_error *error)
{
    struct sky_car_want wants[SKY_COMMIT_OPS_MAX];
    struct sky_op *wanting[SKY_COMMIT_OPS_MAX];
    size_t count = 0, total_bytes = 0;
    *error = (struct sky_error){0};
    for (uint32_t i = 0; i < event->ops_count; i++) {
        struct sky_op *op = &event->ops[i];
        if (!wants_record(op, collection))
            continue;
        wants[count] = (struct sky_car_want){.cid = op->cid};
        wanting[count++] = op;
    }
    if (count == 0)
        return SKY_OK;
    for (size_t i = 0; i < event->blocks.len; i += 64)
        __builtin_prefetch(event->blocks.ptr + i);
    enum sky_status status = find_blocks(event, wants, count, error);
    for (size_t i = 0; i < count && !status; i++)
        take_record(wanting[i], &wants[i], &total_bytes);
    return status;
}

void sky_firehose_check_record(struct sky_op *op)
{
    struct sky_dagcbor_reader cbor;
    struct sky_span key, type = {0};
    sky_dagcbor_init(&cbor, op->record, SKY_DAGCBOR_RECORD);
    struct sky_dagcbor_map map = sky_dagcbor_map(&cbor);
    while (sky_dagcbor_key(&cbor, &map, &key)) {
        if (key.len == 5 && KEY_IS(key, "$type"))
            type = sky_dagcbor_text(&cbor);
        else
            sky_dagcbor_skip(&cbor);
    }
    if (!sky_dagcbor_end(&cbor) && !sky_span_equal(type, op->collection))
        sky_dagcbor_fail(&cbor, SKY_E_TYPE, "a record whose $type is not its collection");
    op->error = cbor.error;
}
