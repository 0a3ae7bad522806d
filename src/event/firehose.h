/* firehose.h: one frame of com.atproto.sync.subscribeRepos.
 *
 * Spec     atproto.com/specs/event-stream, atproto.com/specs/sync, lexicon com.atproto.sync.subscribeRepos
 * Memory   allocates nothing; what the event holds borrows the frame.
 * Threads  any, one event each.
 * Trust    input is hostile; work is O(bytes), see wire/dagcbor.h and wire/car.h. */
#ifndef SKY_EVENT_FIREHOSE_H
#define SKY_EVENT_FIREHOSE_H

#include "event/event.h"

/* Header and body, strictly. The CAR is not touched: `blocks` are bytes. Unknown kinds, actions and fields are no
 * errors. On an error `event` holds what was read before it (seq stays 0 unless it was read).
 *   SKY_E_LIMIT                 a named limit of event.h or dagcbor.h
 *   SKY_E_TYPE, _MISSING, _RANGE a field is not what the lexicon says
 *   others                      not strict DAG-CBOR */
SKY_MUST_USE enum sky_status sky_firehose_decode(struct sky_span frame, struct sky_event *event,
                                                 struct sky_error *error);

/* The same without the short cut for the usual commit (usual_commit.h), for the tests that both agree. */
SKY_MUST_USE enum sky_status sky_firehose_decode_any(struct sky_span frame, struct sky_event *event,
                                                     struct sky_error *error);

/* Find the records of a commit's creates and updates in `collection` (empty: of all) and check their CIDs: op->record
 * is set, or op->error says why not. Without such an op the CAR is not touched.
 * The status is that of the CAR: its framing, or a root that is not the commit. */
SKY_MUST_USE enum sky_status sky_firehose_read_records(struct sky_event *event, struct sky_span collection,
                                                       struct sky_error *error);

/* Validate the form of one record that was read, and that its $type is the op's collection; the result is op->error. */
void sky_firehose_check_record(struct sky_op *op);

#endif
