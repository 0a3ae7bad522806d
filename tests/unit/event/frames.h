/* frames.h: firehose frames for the tests: made to order, and the recorded ones where they are at hand. */
#ifndef SKY_TEST_FRAMES_H
#define SKY_TEST_FRAMES_H

#include <stdio.h>
#include <stdlib.h>

#include "wire/car.h"
#include "wire/cid.h"
#include "wire/dagcbor.h"

#define TEST_DID "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
#define TEST_REV "3mptbypluud2a"

/* A record of `collection` with a text; the keys are in canonical order. */
static inline void put_text_record(struct sky_buffer *record, const char *collection, const char *text)
{
    sky_dagcbor_put_map(record, 3);
    sky_dagcbor_put_text(record, SKY_SPAN("text"));
    sky_dagcbor_put_text(record, sky_span_from_string(text));
    sky_dagcbor_put_text(record, SKY_SPAN("$type"));
    sky_dagcbor_put_text(record, sky_span_from_string(collection));
    sky_dagcbor_put_text(record, SKY_SPAN("createdAt"));
    sky_dagcbor_put_text(record, SKY_SPAN("2026-07-04T14:38:08.999Z"));
}

enum test_flaw {
    FLAW_NONE,
    FLAW_NO_BLOCK,   /* the record's block is left out */
    FLAW_NO_CID,     /* null */
    FLAW_OTHER_DATA, /* the block holds something else than its CID says */
    FLAW_ROOT,       /* the CAR's root is not the commit */
};

struct test_op {
    const char *action;
    const char *path;
    struct sky_span record; /* empty on a delete */
    enum test_flaw flaw;
};

static inline void put_header(struct sky_buffer *frame, const char *type)
{
    sky_dagcbor_put_map(frame, 2);
    sky_dagcbor_put_text(frame, SKY_SPAN("t"));
    sky_dagcbor_put_text(frame, sky_span_from_string(type));
    sky_dagcbor_put_text(frame, SKY_SPAN("op"));
    sky_dagcbor_put_int(frame, 1);
}

static inline void put_ops(struct sky_buffer *frame, struct sky_buffer *car, const struct test_op *ops, size_t count)
{
    uint8_t cid[SKY_CID_SIZE_BYTES];
    sky_dagcbor_put_text(frame, SKY_SPAN("ops"));
    sky_dagcbor_put_array(frame, count);
    for (size_t i = 0; i < count; i++) {
        sky_cid_of(SKY_CID_DAG_CBOR, ops[i].record, cid);
        sky_dagcbor_put_map(frame, 3);
        sky_dagcbor_put_text(frame, SKY_SPAN("cid"));
        if (ops[i].record.len && ops[i].flaw != FLAW_NO_CID)
            sky_dagcbor_put_link(frame, sky_span_of(cid, sizeof cid));
        else
            sky_dagcbor_put_null(frame);
        sky_dagcbor_put_text(frame, SKY_SPAN("path"));
        sky_dagcbor_put_text(frame, sky_span_from_string(ops[i].path));
        sky_dagcbor_put_text(frame, SKY_SPAN("action"));
        sky_dagcbor_put_text(frame, sky_span_from_string(ops[i].action));
        bool other = ops[i].flaw == FLAW_OTHER_DATA;
        if (ops[i].record.len && ops[i].flaw != FLAW_NO_BLOCK)
            sky_car_write_block(car, sky_span_of(cid, sizeof cid), other ? SKY_SPAN("\xa0") : ops[i].record);
    }
}

/* A #commit frame, canonical, with the ops' records in its CAR. */
static inline void put_commit(struct sky_buffer *frame, int64_t seq, const char *time, const struct test_op *ops,
                              size_t count)
{
    struct sky_buffer car = {0};
    uint8_t commit[SKY_CID_SIZE_BYTES], root[SKY_CID_SIZE_BYTES];
    bool bad_root = count > 0 && ops[0].flaw == FLAW_ROOT;
    sky_cid_of(SKY_CID_DAG_CBOR, SKY_SPAN("commit"), commit);
    sky_cid_of(SKY_CID_DAG_CBOR, bad_root ? SKY_SPAN("other") : SKY_SPAN("commit"), root);
    sky_car_write_header(&car, sky_span_of(root, sizeof root));
    put_header(frame, "#commit");
    sky_dagcbor_put_map(frame, 8);
    put_ops(frame, &car, ops, count);
    sky_dagcbor_put_text(frame, SKY_SPAN("rev"));
    sky_dagcbor_put_text(frame, SKY_SPAN(TEST_REV));
    sky_dagcbor_put_text(frame, SKY_SPAN("seq"));
    sky_dagcbor_put_int(frame, seq);
    sky_dagcbor_put_text(frame, SKY_SPAN("repo"));
    sky_dagcbor_put_text(frame, SKY_SPAN(TEST_DID));
    sky_dagcbor_put_text(frame, SKY_SPAN("time"));
    sky_dagcbor_put_text(frame, sky_span_from_string(time));
    sky_dagcbor_put_text(frame, SKY_SPAN("blocks"));
    sky_dagcbor_put_bytes(frame, sky_buffer_span(&car));
    sky_dagcbor_put_text(frame, SKY_SPAN("commit"));
    sky_dagcbor_put_link(frame, sky_span_of(commit, sizeof commit));
    sky_dagcbor_put_text(frame, SKY_SPAN("tooBig"));
    sky_dagcbor_put_bool(frame, false);
    sky_buffer_clean_up(&car);
}

/* The recorded frames (u32 length + frame); empty where they are not at hand. */
static inline struct sky_buffer load_recorded_frames(void)
{
    struct sky_buffer frames = {0};
    FILE *pipe = popen("zstd -dcq '" SKY_SOURCE_DIR "/../shared/data/firehose/frames.bin.zst' 2>/dev/null", "r");
    uint8_t chunk[65536];
    size_t got;
    while (pipe && (got = fread(chunk, 1, sizeof chunk, pipe)) > 0)
        sky_buffer_put(&frames, chunk, got);
    if (pipe)
        pclose(pipe);
    return frames;
}

/* The frame at *offset, moving it; false at the end. */
static inline bool next_recorded_frame(const struct sky_buffer *frames, size_t *offset, struct sky_span *frame)
{
    if (*offset + 4 > frames->len)
        return false;
    const uint8_t *p = frames->ptr + *offset;
    size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    *frame = sky_span_of(p + 4, len);
    *offset += 4 + len;
    return true;
}

#endif
