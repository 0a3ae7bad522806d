/* Relays write a #commit with all twelve fields of the lexicon, and canonical CBOR leaves no choice of how: the same
 * keys stand in the same order, most values have one length. The general reader finds its way from item to item, and
 * each step waits for the one before: the head of an item says where the next one is. Here the way is known. The frame
 * is compared with what it must be, and only three lengths (a path, the DID, the blocks) are taken from it:
 *
 *     a2 "t" "#commit" "op" 1  ac "ops" 81 a3 "cid" 42(...) "path" 78 20 ... "action" "create"  "rev" 6d ...  "seq" ...
 *
 * Strictness is not weakened: a byte is either compared with the canonical one or is part of a value that is checked
 * as the general reader checks it. Whatever is different, if only a field more, goes to the general reader, which
 * decides alone what is wrong and says so. A fuzzer holds the two to the same result. */
#include "event/usual_commit.h"

#include <limits.h>

#include "base/time.h"
#include "event/syntax.h"
#include "wire/cid.h"

#define INLINE static inline __attribute__((always_inline))

#define LINK_HEAD    "\xd8\x2a\x58\x25\x00" /* tag 42, 37 bytes, the identity prefix; then the CID */
#define TIME_LEN     24                     /* "2026-07-04T14:38:08.999Z" */
#define ASCII_EIGHTS UINT64_C(0x8080808080808080)

/* RFC 8949, section 3: major types, and the five bits beside them when bytes of argument follow. */
enum { MAJOR_UINT = 0, MAJOR_BYTES = 2, MAJOR_TEXT = 3, MAJOR_ARRAY = 4, INFO_1_BYTE = 24, INFO_8_BYTES = 27 };

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

INLINE bool has(const struct cursor *cursor, size_t len)
{
    return (size_t)(cursor->end - cursor->at) >= len;
}

/* Past `bytes` when they come next. */
INLINE bool take(struct cursor *cursor, const char *bytes, size_t len)
{
    if (!has(cursor, len) || !sky_bytes_equal(cursor->at, bytes, len))
        return false;
    cursor->at += len;
    return true;
}
#define TAKE(cursor, literal) take(cursor, literal, sizeof(literal) - 1)

/* A text with its head; the head of a text of n < 24 bytes is 0x60 + n. */
#define TEXT(head, text) head text

INLINE bool take_bytes(struct cursor *cursor, size_t len, struct sky_span *bytes)
{
    if (!has(cursor, len))
        return false;
    *bytes = sky_span_of(cursor->at, len);
    cursor->at += len;
    return true;
}

INLINE bool take_link(struct cursor *cursor, struct sky_span *cid)
{
    return TAKE(cursor, LINK_HEAD) && take_bytes(cursor, SKY_CID_SIZE_BYTES, cid) && sky_cid_is_valid(*cid);
}

/* The head of an item of `major` type and its argument, in the shortest form (RFC 8949, sections 3 and 4.2.1). */
INLINE bool take_head(struct cursor *cursor, unsigned major, uint64_t *argument)
{
    static const uint64_t smallest[4] = {24, 0x100, 0x10000, UINT64_C(0x100000000)};
    unsigned info = has(cursor, 1) ? *cursor->at - (major << 5) : UINT_MAX;
    if (info < INFO_1_BYTE) {
        *argument = info;
        cursor->at++;
        return true;
    }
    size_t width_bytes = (size_t)1 << (info - INFO_1_BYTE) % 4;
    if (info > INFO_8_BYTES || !has(cursor, 1 + width_bytes))
        return false;
    switch (width_bytes) { /* each a load of its own */
    case 1: *argument = cursor->at[1]; break;
    case 2: *argument = sky_load_big_endian(cursor->at + 1, 2); break;
    case 4: *argument = sky_load_big_endian(cursor->at + 1, 4); break;
    default: *argument = sky_load_big_endian(cursor->at + 1, 8); break;
    }
    cursor->at += 1 + width_bytes;
    return *argument >= smallest[info - INFO_1_BYTE];
}

/* A text; what is in it is still to be checked. */
INLINE bool take_text(struct cursor *cursor, struct sky_span *text)
{
    uint64_t len;
    return take_head(cursor, MAJOR_TEXT, &len) && take_bytes(cursor, len, text);
}

/* By eights, the last of which overlaps the one before. */
INLINE bool is_ascii(struct sky_span text)
{
    uint64_t seen = 0;
    if (text.len < 8)
        return false;
    for (size_t i = 0; i + 8 < text.len; i += 8)
        seen |= sky_load_8(text.ptr + i);
    return ((seen | sky_load_8(text.ptr + text.len - 8)) & ASCII_EIGHTS) == 0;
}

INLINE bool take_path(struct cursor *cursor, struct sky_op *op)
{
    return TAKE(cursor, TEXT("\x64", "path")) && take_text(cursor, &op->path) && is_ascii(op->path) &&
           sky_syntax_split_path(op->path, &op->collection, &op->rkey);
}

INLINE bool take_action(struct cursor *cursor, enum sky_op_action *action)
{
    struct sky_span text;
    if (!TAKE(cursor, TEXT("\x66", "action") "\x66") || !take_bytes(cursor, 6, &text))
        return false;
    *action = sky_bytes_equal(text.ptr, "create", 6)   ? SKY_OP_CREATE
              : sky_bytes_equal(text.ptr, "delete", 6) ? SKY_OP_DELETE
              : sky_bytes_equal(text.ptr, "update", 6) ? SKY_OP_UPDATE
                                                       : SKY_OP_UNKNOWN;
    return *action != SKY_OP_UNKNOWN;
}

/* {cid, path, action}, or {cid, path, prev, action}; without a record the cid is null. */
INLINE bool take_op(struct cursor *cursor, struct sky_op *op)
{
    struct sky_span previous;
    *op = (struct sky_op){0};
    bool has_previous = TAKE(cursor, "\xa4");
    if (!(has_previous || TAKE(cursor, "\xa3")) || !TAKE(cursor, TEXT("\x63", "cid")))
        return false;
    if (!TAKE(cursor, "\xf6") && !take_link(cursor, &op->cid))
        return false;
    if (!take_path(cursor, op))
        return false;
    if (has_previous && !(TAKE(cursor, TEXT("\x64", "prev")) && take_link(cursor, &previous)))
        return false;
    return take_action(cursor, &op->action);
}

INLINE bool take_ops(struct cursor *cursor, struct sky_event *event)
{
    uint64_t count;
    if (!TAKE(cursor, TEXT("\x63", "ops")) || !take_head(cursor, MAJOR_ARRAY, &count) || count > SKY_COMMIT_OPS_MAX)
        return false;
    for (event->ops_count = 0; event->ops_count < count; event->ops_count++)
        if (!take_op(cursor, &event->ops[event->ops_count]))
            return false;
    return true;
}

INLINE bool take_seq(struct cursor *cursor, int64_t *seq)
{
    uint64_t value;
    if (!TAKE(cursor, TEXT("\x63", "seq")) || !take_head(cursor, MAJOR_UINT, &value))
        return false;
    *seq = (int64_t)value;
    return value >= 1 && value <= (uint64_t)SKY_SEQ_MAX;
}

INLINE bool take_blocks(struct cursor *cursor, struct sky_span *blocks)
{
    uint64_t len;
    return TAKE(cursor, TEXT("\x66", "blocks")) && take_head(cursor, MAJOR_BYTES, &len) &&
           len <= SKY_BLOCKS_SIZE_BYTES_MAX && take_bytes(cursor, len, blocks);
}

INLINE bool take_time(struct cursor *cursor, struct sky_event *event)
{
    int64_t time_ms;
    if (!TAKE(cursor, TEXT("\x64", "time") "\x78\x18") || !take_bytes(cursor, TIME_LEN, &event->time) ||
        sky_time_parse(event->time, &time_ms) != SKY_OK)
        return false;
    event->time_us = time_ms * 1000;
    return true;
}

/* Identifiers and times are ASCII when their own checks say they are right. */
INLINE bool take_before_blocks(struct cursor *cursor, struct sky_event *event)
{
    struct sky_span since;
    return take_ops(cursor, event) && TAKE(cursor, TEXT("\x63", "rev") "\x6d") &&
           take_bytes(cursor, SKY_TID_LEN, &event->rev) && sky_syntax_is_tid(event->rev) &&
           take_seq(cursor, &event->seq) && TAKE(cursor, TEXT("\x64", "repo")) && take_text(cursor, &event->did) &&
           sky_syntax_is_did(event->did) && take_time(cursor, event) && TAKE(cursor, TEXT("\x65", "blobs") "\x80") &&
           TAKE(cursor, TEXT("\x65", "since") "\x6d") && take_bytes(cursor, SKY_TID_LEN, &since) && is_ascii(since);
}

INLINE bool take_behind_blocks(struct cursor *cursor, struct sky_event *event)
{
    struct sky_span previous;
    return TAKE(cursor, TEXT("\x66", "commit")) && take_link(cursor, &event->commit) &&
           TAKE(cursor, TEXT("\x66", "rebase") "\xf4" TEXT("\x66", "tooBig") "\xf4" TEXT("\x68", "prevData")) &&
           take_link(cursor, &previous) && cursor->at == cursor->end;
}

bool sky_usual_commit_read(struct sky_span frame, struct sky_event *event)
{
    static const char begin[] = "\xa2" TEXT("\x61", "t") TEXT("\x67", "#commit") TEXT("\x62", "op") "\x01\xac";
    struct cursor cursor = {frame.ptr, frame.ptr + frame.len};
    if (frame.len > SKY_FRAME_SIZE_BYTES_MAX || !take(&cursor, begin, sizeof begin - 1))
        return false;
    event->input = frame;
    event->kind = SKY_EVENT_COMMIT;
    event->type = sky_span_of(frame.ptr + 4, 7);
    return take_before_blocks(&cursor, event) && take_blocks(&cursor, &event->blocks) &&
           take_behind_blocks(&cursor, event);
}
