/* random.h: random numbers that are the same on every machine.
 *
 * xoshiro256** (Blackman, Vigna 2018) and distributions over it. exp, log and the wave are computed here from basic
 * IEEE operations in a fixed order, because a libm may differ from the next one, and from itself on another
 * processor, in the last bit: enough to give another world for the same seed. sqrt is correctly rounded everywhere.
 *
 * Memory   none. Threads  one owner for each generator. */
#ifndef SKY_SIM_RANDOM_H
#define SKY_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sky_random {
    uint64_t state[4];
    double spare; /* the second normal of a pair */
    bool has_spare;
};

/* Streams of one seed are independent of each other. */
void sky_random_seed(struct sky_random *random, uint64_t seed, uint64_t stream);

/* A strong 64-bit mixer (the finaliser of splitmix64), for values that are a function of numbers. */
static inline uint64_t sky_random_mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static inline uint64_t sky_random_rotate(uint64_t value, int by)
{
    return (value << by) | (value >> (64 - by));
}

static inline uint64_t sky_random_u64(struct sky_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = sky_random_rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = sky_random_rotate(s[3], 45);
    return result;
}

/* 0 .. below - 1; below > 0. The bias is below 2^-32 for what is drawn here. */
static inline uint32_t sky_random_below(struct sky_random *random, uint32_t below)
{
    return (uint32_t)(((sky_random_u64(random) >> 32) * below) >> 32);
}

/* low .. high, both included. */
static inline uint32_t sky_random_between(struct sky_random *random, uint32_t low, uint32_t high)
{
    return low + sky_random_below(random, high - low + 1);
}

/* [0, 1) with 53 bits. */
static inline double sky_random_unit(struct sky_random *random)
{
    return (double)(sky_random_u64(random) >> 11) * 0x1p-53;
}

static inline bool sky_random_chance(struct sky_random *random, double probability)
{
    return sky_random_unit(random) < probability;
}

double sky_random_uniform(struct sky_random *random, double low, double high);
double sky_random_normal(struct sky_random *random);
double sky_random_lognormal(struct sky_random *random, double median, double sigma);
double sky_random_gamma(struct sky_random *random, double shape); /* mean `shape`; shape > 0 */
uint32_t sky_random_poisson(struct sky_random *random, double mean);
uint32_t sky_random_binomial(struct sky_random *random, uint32_t trials, double probability);

double sky_random_exp(double x);      /* 0 below -700, x <= 700 */
double sky_random_log(double x);      /* x > 0 and normal */
double sky_random_wave(double turns); /* sin(2 pi turns) */
double sky_random_power(double base, double exponent);

/* Draws from fixed weights in constant time (Walker's alias method, built as Vose does, 1991). */
struct sky_random_alias {
    struct sky_random_alias_slot {
        uint32_t threshold; /* the slot's own index below it, `other` from it on; of 2^32 */
        uint32_t other;
    } * slots;
    uint32_t count;
};

/* Fill `slots` (of `count`) from `weights`, not negative, with a sum above 0; `scratch` holds `count` too. */
void sky_random_alias_build(struct sky_random_alias *alias, const double *weights, uint32_t *scratch);

static inline uint32_t sky_random_alias_draw(const struct sky_random_alias *alias, struct sky_random *random)
{
    uint64_t bits = sky_random_u64(random);
    uint32_t slot = (uint32_t)(((bits >> 32) * alias->count) >> 32);
    return (uint32_t)bits < alias->slots[slot].threshold ? slot : alias->slots[slot].other;
}

#endif
