#include "wire/cid.h"

#include <assert.h>

#include "wire/sha256.h"

#define PREFIX_SIZE_BYTES 4

bool sky_cid_matches(struct sky_span cid, struct sky_span data)
{
    uint8_t digest[SKY_SHA256_SIZE_BYTES];
    assert(cid.len == SKY_CID_SIZE_BYTES);
    sky_sha256(data, digest);
    return sky_bytes_equal(cid.ptr + PREFIX_SIZE_BYTES, digest, sizeof digest);
}

void sky_cid_of(enum sky_cid_codec codec, struct sky_span data, uint8_t cid[SKY_CID_SIZE_BYTES])
{
    cid[0] = 0x01;
    cid[1] = (uint8_t)codec;
    cid[2] = 0x12;
    cid[3] = 0x20;
    sky_sha256(data, cid + PREFIX_SIZE_BYTES);
}

/* RFC 4648, base32 in lower case without padding: 36 bytes are 58 characters, the last holding 3 bits and two zeros.
 * Five bytes at a time, which are eight characters. */
void sky_cid_format(struct sky_span cid, char text[SKY_CID_TEXT_SIZE])
{
    static const char alphabet[33] = "abcdefghijklmnopqrstuvwxyz234567";
    assert(cid.len == SKY_CID_SIZE_BYTES);
    const uint8_t *p = cid.ptr;
    char *out = text;
    *out++ = 'b';
    for (size_t group = 0; group < SKY_CID_SIZE_BYTES / 5; group++, p += 5, out += 8) {
        uint64_t bits = (uint64_t)p[0] << 32 | (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
        for (unsigned i = 0; i < 8; i++)
            out[i] = alphabet[bits >> (35 - 5 * i) & 31];
    }
    out[0] = alphabet[p[0] >> 3];
    out[1] = alphabet[p[0] << 2 & 31];
    out[2] = '\0';
}

static int base32_digit(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

enum sky_status sky_cid_parse(struct sky_span text, uint8_t cid[SKY_CID_SIZE_BYTES])
{
    if (text.len != SKY_CID_TEXT_LEN || text.ptr[0] != 'b')
        return SKY_E_CID;
    uint32_t bits = 0;
    unsigned count = 0;
    size_t len = 0;
    for (size_t i = 1; i < text.len; i++) {
        int digit = base32_digit(text.ptr[i]);
        if (digit < 0)
            return SKY_E_CID;
        bits = bits << 5 | (uint32_t)digit;
        count += 5;
        if (count >= 8) {
            count -= 8;
            cid[len++] = (uint8_t)(bits >> count);
        }
    }
    bool padded_with_zeros = (bits & ((1u << count) - 1)) == 0;
    return padded_with_zeros && sky_cid_is_valid(sky_span_of(cid, len)) ? SKY_OK : SKY_E_CID;
}
