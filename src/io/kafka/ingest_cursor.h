/* ingest_cursor.h: how far `ingest` has come, in the two places where that must survive: the state beside each batch of
 * the spool, and the record of the topic ingest-cursor that is committed in one transaction with the posts up to it.
 *
 *     state    u32 SKY_INGEST_STATE_VERSION; the decoder's blob; the relay's blob     (little endian, base/buffer.h)
 *     record
 * {"version":1,"spool":"b0c4...","instance":"77e1...","position":4711,"event_time":"2026-07-04T14:38:08.999Z",
 *               "state":"AQAAAF..."}                    ids are 16 hexadecimal digits, the state is base64 with padding
 *
 * A position means something in the spool of that id only. `instance` is another number for each process: who finds one
 * of its own or the one it began after has not been replaced.
 *
 * Trust    what is read may be anything; it is used only when all of it was right. */
#ifndef SKY_IO_KAFKA_INGEST_CURSOR_H
#define SKY_IO_KAFKA_INGEST_CURSOR_H

#include "event/decoder.h"
#include "io/relay/relay.h"

#define SKY_INGEST_STATE_VERSION  1
#define SKY_INGEST_CURSOR_VERSION 1

/* The decoder's time state and the relay's completed cursors, at the end of `buffer`. */
void sky_ingest_state_save(const struct sky_decoder *decoder, const struct sky_relay *relay, struct sky_buffer *buffer);

/* Into a new decoder and a relay that has not been asked yet. SKY_E_UNSUPPORTED: of another version; others: as their
 * own loads give; error->reason says what. */
SKY_MUST_USE enum sky_status sky_ingest_state_load(struct sky_span state, struct sky_decoder *decoder,
                                                   struct sky_relay *relay, struct sky_error *error);

struct sky_ingest_cursor {
    uint64_t spool_id;
    uint64_t instance;
    uint64_t position; /* everything below is committed */
    int64_t event_time_ms;
    struct sky_buffer state; /* owned */
};

void sky_ingest_cursor_clean_up(struct sky_ingest_cursor *cursor); /* a zeroed one is empty */

/* As JSON, at the end of `buffer`. */
void sky_ingest_cursor_write(const struct sky_ingest_cursor *cursor, struct sky_buffer *buffer);

/* SKY_E_UNSUPPORTED: of another version; SKY_E_MISSING, SKY_E_RANGE, SKY_E_MEMORY, and as sky_json_parse;
 * error->reason says what. */
SKY_MUST_USE enum sky_status sky_ingest_cursor_read(struct sky_span json, struct sky_ingest_cursor *cursor,
                                                    struct sky_error *error);

#endif
