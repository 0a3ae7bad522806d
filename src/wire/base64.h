/* base64.h: base64 with the standard alphabet (RFC 4648, section 4), as ATProto's $bytes has it. */
#ifndef SKY_WIRE_BASE64_H
#define SKY_WIRE_BASE64_H

#include "base/buffer.h"

/* Without padding. */
void sky_base64_encode(struct sky_span bytes, struct sky_buffer *text);

/* Filled up with '=' to a multiple of four, as MIME and most others want it. */
void sky_base64_encode_padded(struct sky_span bytes, struct sky_buffer *text);

/* With or without padding; bits behind the last byte must be zero.
 *   SKY_E_MALFORMED  not base64 */
SKY_MUST_USE enum sky_status sky_base64_decode(struct sky_span text, struct sky_buffer *bytes);

#endif
