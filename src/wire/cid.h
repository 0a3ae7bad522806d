/* cid.h: content identifiers: version 1, codec dag-cbor or raw, SHA-256.
 *
 * Spec     https://atproto.com/specs/data-model#link-and-cid-formats, https://dasl.ing/cid.html
 * A binary CID is 36 bytes: 0x01, codec, 0x12, 0x20, digest. Its text is "b" and base32, lower case, no padding. */
#ifndef SKY_WIRE_CID_H
#define SKY_WIRE_CID_H

#include "base/span.h"
#include "base/status.h"

#define SKY_CID_SIZE_BYTES 36
#define SKY_CID_TEXT_LEN   59
#define SKY_CID_TEXT_SIZE  (SKY_CID_TEXT_LEN + 1) /* with NUL */

enum sky_cid_codec { SKY_CID_RAW = 0x55, SKY_CID_DAG_CBOR = 0x71 };

/* A binary CID of the only form taken, all of `bytes`. Cheap: looks at the length and four bytes. */
static inline bool sky_cid_is_valid(struct sky_span bytes)
{
    return bytes.len == SKY_CID_SIZE_BYTES &&
           (memcmp(bytes.ptr, "\x01\x71\x12\x20", 4) == 0 || memcmp(bytes.ptr, "\x01\x55\x12\x20", 4) == 0);
}

/* Two valid ones that are the same; an empty one equals none. */
static inline bool sky_cid_equal(struct sky_span a, struct sky_span b)
{
    return a.len == SKY_CID_SIZE_BYTES && b.len == SKY_CID_SIZE_BYTES &&
           sky_bytes_equal(a.ptr, b.ptr, SKY_CID_SIZE_BYTES);
}

/* True when the digest in `cid` (valid) is that of `data`. */
bool sky_cid_matches(struct sky_span cid, struct sky_span data);

void sky_cid_of(enum sky_cid_codec codec, struct sky_span data, uint8_t cid[SKY_CID_SIZE_BYTES]);

/* `cid` is valid. Writes the text and a NUL. */
void sky_cid_format(struct sky_span cid, char text[SKY_CID_TEXT_SIZE]);

/* SKY_E_CID: not the text of a CID of the form above (other bases, versions and hashes are valid CIDs elsewhere). */
SKY_MUST_USE enum sky_status sky_cid_parse(struct sky_span text, uint8_t cid[SKY_CID_SIZE_BYTES]);

#endif
