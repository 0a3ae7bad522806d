/* data_model.h: what ATProto's data model asks of a record beyond its encoding.
 *
 * Spec  https://atproto.com/specs/data-model: a record is an object; $type, where it stands, is a text that is not
 * empty; a blob is {$type: "blob", ref: link, mimeType: text that is not empty, size: integer that is not negative}. */
#ifndef SKY_WIRE_DATA_MODEL_H
#define SKY_WIRE_DATA_MODEL_H

#include "base/span.h"
#include "base/status.h"

/* Strict DAG-CBOR without floats, and the rules above at every depth; `record` is all of it.
 *   SKY_E_TYPE, SKY_E_MISSING, SKY_E_RANGE  one of the rules
 *   others                                  the encoding */
SKY_MUST_USE enum sky_status sky_data_model_check(struct sky_span record, struct sky_error *error);

#endif
