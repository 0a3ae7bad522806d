/* population.h: who posts: account numbers, their DIDs, and the ids of what they write.
 *
 * Memory   none.
 * Spec     https://atproto.com/specs/did (did:plc), https://atproto.com/specs/tid
 * Activity follows Zipf-Mandelbrot with exponent 1: the busiest account writes one of some 5,000 posts. */
#ifndef SKY_SIM_POPULATION_H
#define SKY_SIM_POPULATION_H

#include "sim/random.h"

#define SKY_POPULATION_DID_LEN 32 /* "did:plc:" and 24 base32 characters */
#define SKY_POPULATION_TID_LEN 13

struct sky_population {
    uint64_t seed;
    uint32_t size;
    double log_ratio; /* log((size + shift) / shift) */
};

void sky_population_init(struct sky_population *population, uint64_t seed, uint32_t size);

/* An account by activity. */
uint32_t sky_population_draw(const struct sky_population *population, struct sky_random *random);

/* Not NUL-terminated. */
void sky_population_did(const struct sky_population *population, uint32_t account, char out[SKY_POPULATION_DID_LEN]);

/* The TID of a microsecond and a clock id (10 bits). Not NUL-terminated. */
void sky_population_tid(int64_t time_us, uint32_t clock_id, char out[SKY_POPULATION_TID_LEN]);

#endif
