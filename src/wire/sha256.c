#include "wire/sha256.h"

#include <openssl/sha.h>
#include <stdatomic.h>

void sky_sha256_portable(struct sky_span data, uint8_t digest[SKY_SHA256_SIZE_BYTES])
{
    static const uint8_t nothing = 0;
    SHA256(data.len ? data.ptr : &nothing, data.len, digest);
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define BLOCK_SIZE_BYTES 64
#define HARDWARE         __attribute__((target("sha,sse4.1,ssse3")))

/* FIPS 180-4, 4.2.2. */
static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* The state as the instructions want it: {A,B,E,F} and {C,D,G,H}, high lane first. */
struct lanes {
    __m128i abef;
    __m128i cdgh;
};

HARDWARE static inline struct lanes compress_block(struct lanes state, const uint8_t *block)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    struct lanes next = state;
    __m128i words[4]; /* the last sixteen words of the message schedule, as a ring */
#pragma GCC unroll 16
    for (int quad = 0; quad < 16; quad++) {
        __m128i *w = &words[quad & 3];
        if (quad < 4) {
            *w = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(block + quad * 16)), big_endian);
        } else {
            __m128i last = words[(quad + 3) & 3];
            __m128i seven_back = _mm_alignr_epi8(last, words[(quad + 2) & 3], 4);
            *w = _mm_add_epi32(_mm_sha256msg1_epu32(*w, words[(quad + 1) & 3]), seven_back);
            *w = _mm_sha256msg2_epu32(*w, last);
        }
        __m128i sum =
            _mm_add_epi32(*w, _mm_load_si128((const __m128i *)(const void *)(round_constants + (size_t)quad * 4)));
        next.cdgh = _mm_sha256rnds2_epu32(next.cdgh, next.abef, sum);
        next.abef = _mm_sha256rnds2_epu32(next.abef, next.cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
    next.abef = _mm_add_epi32(next.abef, state.abef);
    next.cdgh = _mm_add_epi32(next.cdgh, state.cdgh);
    return next;
}

/* The end of the message, its padding and its bit length (FIPS 180-4, 5.1.1): one block or two. */
static size_t pad_tail(struct sky_span data, uint8_t tail[2 * BLOCK_SIZE_BYTES])
{
    size_t rest = data.len % BLOCK_SIZE_BYTES;
    size_t blocks = rest < BLOCK_SIZE_BYTES - 8 ? 1 : 2;
    uint64_t bits = __builtin_bswap64((uint64_t)data.len * 8);
    memset(tail, 0, 2 * BLOCK_SIZE_BYTES);
    if (rest)
        memcpy(tail, data.ptr + data.len - rest, rest);
    tail[rest] = 0x80;
    memcpy(tail + blocks * BLOCK_SIZE_BYTES - 8, &bits, 8);
    return blocks;
}

HARDWARE void sky_sha256_hardware(struct sky_span data, uint8_t digest[SKY_SHA256_SIZE_BYTES])
{
    /* FIPS 180-4, 5.3.3, in the order of struct lanes */
    struct lanes state = {.abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
                          .cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)};
    uint8_t tail[2 * BLOCK_SIZE_BYTES];
    size_t tail_blocks = pad_tail(data, tail); /* first: its stores are through by the time they are loaded again */
    const uint8_t *block = data.ptr;
    for (size_t left = data.len / BLOCK_SIZE_BYTES; left; left--, block += BLOCK_SIZE_BYTES)
        state = compress_block(state, block);
    for (size_t i = 0; i < tail_blocks; i++)
        state = compress_block(state, tail + i * BLOCK_SIZE_BYTES);

    const __m128i swap_all = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    __m128i abcd = _mm_unpackhi_epi64(state.cdgh, state.abef); /* high half: A,B; low half: C,D */
    __m128i efgh = _mm_unpacklo_epi64(state.cdgh, state.abef);
    _mm_storeu_si128((__m128i *)(void *)digest, _mm_shuffle_epi8(abcd, swap_all));
    _mm_storeu_si128((__m128i *)(void *)(digest + 16), _mm_shuffle_epi8(efgh, swap_all));
}

bool sky_sha256_has_hardware(void)
{
    unsigned a, b, c, d;
    bool leaf_1 = __get_cpuid(1, &a, &b, &c, &d);
    bool has_sse = leaf_1 && (c & bit_SSSE3) && (c & bit_SSE4_1);
    return has_sse && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

#else

bool sky_sha256_has_hardware(void)
{
    return false;
}

void sky_sha256_hardware(struct sky_span data, uint8_t digest[SKY_SHA256_SIZE_BYTES])
{
    sky_sha256_portable(data, digest);
}

#endif

void sky_sha256(struct sky_span data, uint8_t digest[SKY_SHA256_SIZE_BYTES])
{
    /* A constant of the machine, found at first use: CPUID traps under a hypervisor and costs microseconds. */
    static atomic_int hardware; /* 0 not asked yet, 1 yes, -1 no */
    int known = atomic_load_explicit(&hardware, memory_order_relaxed);
    if (!known) {
        known = sky_sha256_has_hardware() ? 1 : -1;
        atomic_store_explicit(&hardware, known, memory_order_relaxed);
    }
    if (known > 0)
        sky_sha256_hardware(data, digest);
    else
        sky_sha256_portable(data, digest);
}
