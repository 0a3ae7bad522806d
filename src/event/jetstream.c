#include "event/jetstream.h"

#include "base/time.h"
#include "event/syntax.h"
#include "wire/atproto_json.h"
#include "wire/cid.h"

void sky_jetstream_reader_init(struct sky_jetstream_reader *reader)
{
    *reader = (struct sky_jetstream_reader){0};
}

void sky_jetstream_reader_clean_up(struct sky_jetstream_reader *reader)
{
    sky_json_document_clean_up(&reader->document);
    sky_arena_clean_up(&reader->scratch);
    sky_buffer_clean_up(&reader->record);
}

static enum sky_status fail(struct sky_error *error, size_t offset, enum sky_status status, const char *reason)
{
    *error = (struct sky_error){status, offset, reason};
    return status;
}

static enum sky_op_action action_of(struct sky_span operation)
{
    if (sky_span_equal(operation, SKY_SPAN("create")))
        return SKY_OP_CREATE;
    if (sky_span_equal(operation, SKY_SPAN("update")))
        return SKY_OP_UPDATE;
    return sky_span_equal(operation, SKY_SPAN("delete")) ? SKY_OP_DELETE : SKY_OP_UNKNOWN;
}

static void encode_record(struct sky_jetstream_reader *reader, const struct sky_json_value *record, struct sky_op *op)
{
    enum sky_status status = sky_atproto_json_read(record, &reader->scratch, &reader->record, &op->error);
    if (!status && reader->record.len > SKY_RECORD_SIZE_BYTES_MAX)
        op->error = (struct sky_error){SKY_E_LIMIT, 0, "a record over 1,000,000 bytes"};
    else if (!status)
        op->record = sky_buffer_span(&reader->record);
    else if (status != SKY_E_LIMIT && status != SKY_E_MEMORY)
        op->error.status = SKY_E_MALFORMED; /* whatever it is: no such record was ever signed */
}

/* The record as the bytes it had before Jetstream made JSON of it. */
static void read_record(struct sky_jetstream_reader *reader, const struct sky_json_value *record, struct sky_op *op)
{
    reader->record.len = 0;
    if (!record || record->type != SKY_JSON_OBJECT)
        op->error = (struct sky_error){SKY_E_MISSING, 0, "a create or update without record"};
    else if (!sky_syntax_is_nsid(op->collection) || !sky_syntax_is_record_key(op->rkey))
        op->error = (struct sky_error){SKY_E_RANGE, 0, "a collection or rkey that is none"};
    else
        encode_record(reader, record, op);
}

static void read_cid(struct sky_jetstream_reader *reader, struct sky_span text, struct sky_op *op)
{
    if (sky_cid_parse(text, reader->cid) == SKY_OK)
        op->cid = sky_span_of(reader->cid, sizeof reader->cid);
}

/* "collection/rkey" in the scratch, as a frame's op has it. */
static bool join_path(struct sky_jetstream_reader *reader, struct sky_op *op)
{
    size_t len = op->collection.len + 1 + op->rkey.len;
    uint8_t *path = sky_arena_alloc(&reader->scratch, len);
    if (!path)
        return false;
    memcpy(path, op->collection.ptr, op->collection.len);
    path[op->collection.len] = '/';
    memcpy(path + op->collection.len + 1, op->rkey.ptr, op->rkey.len);
    op->path = sky_span_of(path, len);
    return true;
}

static enum sky_status read_commit(struct sky_jetstream_reader *reader, const struct sky_json_value *commit,
                                   struct sky_event *event, struct sky_error *error)
{
    struct sky_op *op = &event->ops[0];
    *op = (struct sky_op){0};
    event->kind = SKY_EVENT_COMMIT;
    event->rev = sky_json_member_text(commit, "rev");
    op->action = action_of(sky_json_member_text(commit, "operation"));
    op->collection = sky_json_member_text(commit, "collection");
    op->rkey = sky_json_member_text(commit, "rkey");
    if (!sky_syntax_is_tid(event->rev) || !op->collection.len || !op->rkey.len)
        return fail(error, commit->offset, SKY_E_MISSING, "a commit without rev, collection or rkey");
    if (!join_path(reader, op))
        return fail(error, commit->offset, SKY_E_MEMORY, "no memory");
    event->ops_count = 1;
    read_cid(reader, sky_json_member_text(commit, "cid"), op);
    if (op->action == SKY_OP_CREATE || op->action == SKY_OP_UPDATE)
        read_record(reader, sky_json_member(commit, "record"), op);
    return op->error.status == SKY_E_MEMORY ? fail(error, commit->offset, SKY_E_MEMORY, "no memory") : SKY_OK;
}

/* seq and time, which identity and account carry on from the firehose. */
static void read_origin(const struct sky_json_value *object, struct sky_event *event)
{
    const struct sky_json_value *seq = sky_json_member(object, "seq");
    if (seq && seq->is_integer && seq->integer >= 1 && seq->integer <= SKY_SEQ_MAX)
        event->seq = seq->integer;
    event->time = sky_json_member_text(object, "time");
}

static enum sky_status read_account(const struct sky_json_value *account, struct sky_event *event,
                                    struct sky_error *error)
{
    const struct sky_json_value *active = sky_json_member(account, "active");
    event->kind = SKY_EVENT_ACCOUNT;
    read_origin(account, event);
    event->status = sky_json_member_text(account, "status");
    if (!active || active->type != SKY_JSON_BOOL)
        return fail(error, account->offset, SKY_E_MISSING, "an account event without active");
    event->active = active->boolean;
    return SKY_OK;
}

static enum sky_status read_kind(struct sky_jetstream_reader *reader, const struct sky_json_value *root,
                                 struct sky_event *event, struct sky_error *error)
{
    struct sky_span kind = sky_json_member_text(root, "kind");
    const struct sky_json_value *commit = sky_json_member(root, "commit");
    const struct sky_json_value *identity = sky_json_member(root, "identity");
    const struct sky_json_value *account = sky_json_member(root, "account");
    if (!kind.len)
        return fail(error, root->offset, SKY_E_MISSING, "a line without kind");
    if (sky_span_equal(kind, SKY_SPAN("commit")) && commit)
        return read_commit(reader, commit, event, error);
    if (sky_span_equal(kind, SKY_SPAN("account")) && account)
        return read_account(account, event, error);
    if (sky_span_equal(kind, SKY_SPAN("identity")) && identity) {
        event->kind = SKY_EVENT_IDENTITY;
        read_origin(identity, event);
        event->handle = sky_json_member_text(identity, "handle");
    }
    return SKY_OK;
}

enum sky_status sky_jetstream_read(struct sky_jetstream_reader *reader, struct sky_span line, struct sky_event *event,
                                   struct sky_error *error)
{
    memset(event, 0, offsetof(struct sky_event, ops));
    event->input = line;
    event->kind = SKY_EVENT_UNKNOWN;
    sky_arena_reset(&reader->scratch);
    if (sky_json_parse(&reader->document, line, error))
        return error->status;
    const struct sky_json_value *root = reader->document.values;
    const struct sky_json_value *time_us = sky_json_member(root, "time_us");
    event->did = sky_json_member_text(root, "did");
    if (!sky_syntax_is_did(event->did))
        return fail(error, root->offset, SKY_E_MISSING, "a line without a DID");
    if (!time_us || !time_us->is_integer || time_us->integer < 0)
        return fail(error, root->offset, SKY_E_MISSING, "a line without time_us");
    event->time_us = time_us->integer;
    return read_kind(reader, root, event, error);
}

static void write_head(struct sky_json_writer *json, const struct sky_event *event, int64_t time_us)
{
    sky_json_object(json);
    sky_json_key(json, "did");
    sky_json_span(json, event->did);
    sky_json_key(json, "time_us");
    sky_json_int(json, time_us);
    sky_json_key(json, "kind");
    sky_json_string(json, sky_event_kind_name(event->kind));
    sky_json_key(json, sky_event_kind_name(event->kind));
    sky_json_object(json);
}

static void write_text(struct sky_json_writer *json, const char *key, struct sky_span text)
{
    sky_json_key(json, key);
    sky_json_span(json, text);
}

static void write_end(struct sky_json_writer *json)
{
    sky_json_end(json);
    sky_json_end(json);
    sky_buffer_put_u8(json->buffer, '\n');
}

static void write_op(struct sky_json_writer *json, const struct sky_event *event, const struct sky_op *op)
{
    struct sky_dagcbor_reader record;
    char cid[SKY_CID_TEXT_SIZE];
    write_text(json, "rev", event->rev);
    sky_json_key(json, "operation");
    sky_json_string(json, sky_op_action_name(op->action));
    write_text(json, "collection", op->collection);
    write_text(json, "rkey", op->rkey);
    if (op->action == SKY_OP_DELETE)
        return;
    sky_json_key(json, "record");
    sky_dagcbor_init(&record, op->record, SKY_DAGCBOR_RECORD);
    sky_atproto_json_write(&record, json);
    if (!op->cid.len)
        return;
    sky_cid_format(op->cid, cid);
    sky_json_key(json, "cid");
    sky_json_string(json, cid);
}

/* identity {did, handle?, seq, time}, account {active, did, seq, status?, time}; seq and time as the frame had them. */
static void write_other(struct sky_json_writer *json, const struct sky_event *event)
{
    if (event->kind == SKY_EVENT_ACCOUNT) {
        sky_json_key(json, "active");
        sky_json_bool(json, event->active);
    }
    write_text(json, "did", event->did);
    if (event->handle.ptr)
        write_text(json, "handle", event->handle);
    sky_json_key(json, "seq");
    sky_json_int(json, event->seq);
    if (event->status.ptr)
        write_text(json, "status", event->status);
    write_text(json, "time", event->time);
}

void sky_jetstream_write(const struct sky_event *event, int64_t time_us, struct sky_buffer *lines)
{
    struct sky_json_writer json;
    if (event->kind == SKY_EVENT_IDENTITY || event->kind == SKY_EVENT_ACCOUNT) {
        sky_json_begin(&json, lines);
        write_head(&json, event, time_us);
        write_other(&json, event);
        write_end(&json);
    }
    if (event->kind != SKY_EVENT_COMMIT)
        return;
    for (uint32_t i = 0; i < event->ops_count; i++) {
        const struct sky_op *op = &event->ops[i];
        bool has_record = op->record.len > 0 || op->action == SKY_OP_DELETE;
        if (op->action == SKY_OP_UNKNOWN || op->error.status || !has_record)
            continue;
        sky_json_begin(&json, lines);
        write_head(&json, event, time_us);
        write_op(&json, event, op);
        write_end(&json);
    }
}
