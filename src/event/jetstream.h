/* jetstream.h: the JSON lines of Jetstream v1, read and written.
 *
 * Spec     github.com/bluesky-social/jetstream (v1): {did, time_us, kind, commit | identity | account}
 * Memory   the reader owns the parsed line and the records re-encoded from it; the event borrows both and the line.
 * Threads  one owner per reader.
 * Trust    lines are hostile; see wire/json_read.h for the limits. */
#ifndef SKY_EVENT_JETSTREAM_H
#define SKY_EVENT_JETSTREAM_H

#include "base/buffer.h"
#include "event/event.h"
#include "wire/json_read.h"

struct sky_jetstream_reader {
    struct sky_json_document document;
    struct sky_arena scratch;
    struct sky_buffer record; /* DAG-CBOR of the line's record */
    uint8_t cid[36];
};

void sky_jetstream_reader_init(struct sky_jetstream_reader *reader);
void sky_jetstream_reader_clean_up(struct sky_jetstream_reader *reader);

/* One line without its '\n'. A commit has one op; its record is re-encoded as DAG-CBOR, so that the rest of the project
 * reads it as if it had come in a frame. A record that has no such encoding is that op's error. Unknown kinds and
 * fields are no errors.
 *   SKY_E_TYPE, _MISSING, _RANGE  not Jetstream's shape
 *   others                        not strict JSON, see sky_json_parse */
SKY_MUST_USE enum sky_status sky_jetstream_read(struct sky_jetstream_reader *reader, struct sky_span line,
                                                struct sky_event *event, struct sky_error *error);

/* The lines of one event, each with its '\n': one for each op without error, one for #identity and #account, none for
 * other kinds. Records must have been read and checked. `time_us` is when the event was observed. */
void sky_jetstream_write(const struct sky_event *event, int64_t time_us, struct sky_buffer *lines);

#endif
