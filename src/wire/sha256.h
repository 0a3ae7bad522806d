/* sha256.h: SHA-256 (FIPS 180-4) of one span.
 *
 * On x86-64 with the SHA extensions an own loop over the hardware's rounds is used: blocks here are a few hundred
 * bytes, where OpenSSL's one-shot spends half its time in setting up. Elsewhere OpenSSL does it.
 *
 * Threads  any; the choice is made once and is the same for all. */
#ifndef SKY_WIRE_SHA256_H
#define SKY_WIRE_SHA256_H

#include "base/span.h"

#define SKY_SHA256_SIZE_BYTES 32

void sky_sha256(struct sky_span data, uint8_t digest[SKY_SHA256_SIZE_BYTES]);

/* The two ways behind it, for the test that both agree. */
bool sky_sha256_has_hardware(void);
void sky_sha256_hardware(struct sky_span data, uint8_t digest[SKY_SHA256_SIZE_BYTES]); /* only if it has */
void sky_sha256_portable(struct sky_span data, uint8_t digest[SKY_SHA256_SIZE_BYTES]);

#endif
