/* atproto_json.h: DAG-CBOR to JSON and back.
 *
 * Spec     atproto.com/specs/data-model (JSON representation); ipld.io/specs/codecs/dag-json/spec
 * ATProto  a link is {"$link": "b..."}, bytes are {"$bytes": base64 without padding}; no floats.
 * DAG-JSON a link is {"/": "b..."}, bytes are {"/": {"bytes": base64 without padding}}; a float always has a '.'.
 * Memory   writes to the caller's buffers; scratch is in the caller's arena. */
#ifndef SKY_WIRE_ATPROTO_JSON_H
#define SKY_WIRE_ATPROTO_JSON_H

#include "wire/dagcbor.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

/* One item as a JSON value, keys in the order they stand. An error is the reader's: then what was written is half. */
void sky_atproto_json_write(struct sky_dagcbor_reader *reader, struct sky_json_writer *json);
void sky_dag_json_write(struct sky_dagcbor_reader *reader, struct sky_json_writer *json);

/* A JSON value as canonical DAG-CBOR of the data model, appended to `cbor`. error->offset counts in the JSON text.
 *   SKY_E_RANGE      a number that is no integer of 64 bits with sign
 *   SKY_E_TYPE       $link or $bytes that is not a string, or has fields beside it
 *   SKY_E_CID        $link with something else than a CID we accept
 *   SKY_E_MALFORMED  $bytes with something else than base64
 *   SKY_E_LIMIT, SKY_E_MEMORY */
SKY_MUST_USE enum sky_status sky_atproto_json_read(const struct sky_json_value *value, struct sky_arena *arena,
                                                   struct sky_buffer *cbor, struct sky_error *error);

#endif
