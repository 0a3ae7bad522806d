#include "sim/population.h"

#include <string.h>

#define ACTIVITY_SHIFT 1000.0 /* ranks over which activity is nearly even */

void sky_population_init(struct sky_population *population, uint64_t seed, uint32_t size)
{
    population->seed = seed;
    population->size = size;
    population->log_ratio = sky_random_log((size + ACTIVITY_SHIFT) / ACTIVITY_SHIFT);
}

/* Inverts the cumulated density 1 / (rank + shift). */
uint32_t sky_population_draw(const struct sky_population *population, struct sky_random *random)
{
    double unit = sky_random_unit(random);
    double rank = ACTIVITY_SHIFT * (sky_random_exp(unit * population->log_ratio) - 1);
    return rank < population->size ? (uint32_t)rank : population->size - 1;
}

void sky_population_did(const struct sky_population *population, uint32_t account, char out[SKY_POPULATION_DID_LEN])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    memcpy(out, "did:plc:", 8);
    uint64_t bits = sky_random_mix(population->seed ^ sky_random_mix(account));
    for (int i = 8; i < SKY_POPULATION_DID_LEN; i += 12) {
        for (int j = 0; j < 12; j++)
            out[i + j] = alphabet[bits >> (5 * j) & 31];
        bits = sky_random_mix(bits);
    }
}

void sky_population_tid(int64_t time_us, uint32_t clock_id, char out[SKY_POPULATION_TID_LEN])
{
    static const char alphabet[] = "234567abcdefghijklmnopqrstuvwxyz";
    uint64_t bits = ((uint64_t)time_us & UINT64_C(0x1fffffffffffff)) << 10 | (clock_id & 1023);
    for (int i = SKY_POPULATION_TID_LEN - 1; i >= 0; i--) {
        out[i] = alphabet[bits & 31];
        bits >>= 5;
    }
}
