#include "sim/random.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

void sky_random_seed(struct sky_random *random, uint64_t seed, uint64_t stream)
{
    uint64_t value = sky_random_mix(seed) ^ sky_random_mix(stream * UINT64_C(0xd1342543de82ef95) + 1);
    for (int i = 0; i < 4; i++)
        random->state[i] = value = sky_random_mix(value + (uint64_t)i);
    random->spare = 0;
    random->has_spare = false;
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* x = k ln 2 + r, |r| <= ln 2 / 2; exp r by its series to r^13, exact to 1e-16 there. */
double sky_random_exp(double x)
{
    if (x < -700)
        return 0;
    double k = floor(x * 1.4426950408889634 + 0.5);
    double r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
    static const double inverse_factorials[14] = {
        1.0,        1.0,         1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
        1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    double sum = inverse_factorials[13];
    for (int n = 12; n >= 0; n--)
        sum = sum * r + inverse_factorials[n];
    return sum * from_bits((uint64_t)(1023 + (int64_t)k) << 52);
}

/* x = m 2^k, m in [sqrt 1/2, sqrt 2); log m = 2 artanh s with s = (m - 1) / (m + 1), |s| < 0.172, to s^21. */
double sky_random_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t k = (int64_t)(bits >> 52) - 1023;
    double m = from_bits((bits & UINT64_C(0xfffffffffffff)) | UINT64_C(1023) << 52);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        k++;
    }
    double s = (m - 1) / (m + 1), square = s * s, sum = 0;
    static const double inverse_odds[11] = {1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9, 1.0 / 11,
                                            1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21};
    for (int n = 10; n >= 0; n--)
        sum = sum * square + inverse_odds[n];
    return 2 * s * sum + (double)k * 0.6931471805599453;
}

/* The series of sin, after folding the turn into a quarter on each side of 0. */
double sky_random_wave(double turns)
{
    double t = turns - floor(turns + 0.5); /* [-1/2, 1/2) */
    if (t > 0.25)
        t = 0.5 - t;
    else if (t < -0.25)
        t = -0.5 - t;
    double x = t * 6.283185307179586, square = x * x, sum = 1;
    for (int n = 18; n >= 2; n -= 2)
        sum = 1 - sum * square / (n * (n + 1));
    return x * sum;
}

double sky_random_power(double base, double exponent)
{
    return sky_random_exp(exponent * sky_random_log(base));
}

double sky_random_uniform(struct sky_random *random, double low, double high)
{
    return low + (high - low) * sky_random_unit(random);
}

/* Marsaglia's polar method. */
double sky_random_normal(struct sky_random *random)
{
    if (random->has_spare) {
        random->has_spare = false;
        return random->spare;
    }
    double u, v, s;
    do {
        u = 2 * sky_random_unit(random) - 1;
        v = 2 * sky_random_unit(random) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    double scale = sqrt(-2 * sky_random_log(s) / s);
    random->spare = v * scale;
    random->has_spare = true;
    return u * scale;
}

double sky_random_lognormal(struct sky_random *random, double median, double sigma)
{
    return median * sky_random_exp(sigma * sky_random_normal(random));
}

/* Marsaglia and Tsang (2000); shapes below 1 by the power of a uniform. */
double sky_random_gamma(struct sky_random *random, double shape)
{
    if (shape < 1) {
        double unit = sky_random_unit(random);
        return sky_random_gamma(random, shape + 1) * sky_random_power(unit > 0 ? unit : 0x1p-54, 1 / shape);
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = sky_random_normal(random), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = sky_random_unit(random), square = x * x;
        if (u < 1 - 0.0331 * square * square)
            return d * v;
        if (u > 0 && sky_random_log(u) < 0.5 * square + d * (1 - v + sky_random_log(v)))
            return d * v;
    }
}

/* log k! by Stirling's series, good to 1e-8 from k = 10 on; exact sums below. */
static double log_factorial(uint32_t k)
{
    if (k < 10) {
        double sum = 0;
        for (uint32_t i = 2; i <= k; i++)
            sum += sky_random_log(i);
        return sum;
    }
    double n = k;
    return (n + 0.5) * sky_random_log(n) - n + 0.9189385332046728 + 1 / (12 * n) - 1 / (360 * n * n * n);
}

/* Hörmann's transformed rejection (PTRS, 1993), for means of 10 and more. */
static uint32_t poisson_large(struct sky_random *random, double mean)
{
    double root = sqrt(mean), log_mean = sky_random_log(mean);
    double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        double u = sky_random_unit(random) - 0.5, v = sky_random_unit(random);
        double us = 0.5 - fabs(u), k = floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_r)
            return (uint32_t)k;
        if (k < 0 || v == 0 || (us < 0.013 && v > us))
            continue;
        double left = sky_random_log(v) + sky_random_log(inverse_alpha) - sky_random_log(a / (us * us) + b);
        if (left <= k * log_mean - mean - log_factorial((uint32_t)k))
            return (uint32_t)k;
    }
}

uint32_t sky_random_poisson(struct sky_random *random, double mean)
{
    if (mean <= 0)
        return 0;
    if (mean >= 10)
        return poisson_large(random, mean);
    double limit = sky_random_exp(-mean), product = sky_random_unit(random);
    uint32_t count = 0;
    while (product > limit) {
        product *= sky_random_unit(random);
        count++;
    }
    return count;
}

uint32_t sky_random_binomial(struct sky_random *random, uint32_t trials, double probability)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < trials; i++)
        count += sky_random_chance(random, probability);
    return count;
}

static void fill_slot(struct sky_random_alias *alias, uint32_t slot, double share, uint32_t other)
{
    double threshold = share * 0x1p32;
    alias->slots[slot].threshold = threshold >= 0x1p32 ? UINT32_MAX : (uint32_t)threshold;
    alias->slots[slot].other = other;
}

/* Slots below the mean are filled up by one above it each; `scratch` holds the light ones from the front and the
 * heavy ones from the back. A heavy slot's rest is kept in its threshold's place until it is final. */
void sky_random_alias_build(struct sky_random_alias *alias, const double *weights, uint32_t *scratch)
{
    uint32_t count = alias->count, light = 0, heavy = count;
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += weights[i];
    double scale = count / sum;
    for (uint32_t i = 0; i < count; i++)
        if (weights[i] * scale < 1)
            scratch[light++] = i;
        else
            scratch[--heavy] = i;
    double rest = heavy < count ? weights[scratch[heavy]] * scale : 0;
    while (light > 0 && heavy < count) {
        uint32_t small = scratch[--light], large = scratch[heavy];
        double share = weights[small] * scale;
        fill_slot(alias, small, share, large);
        rest -= 1 - share;
        while (rest < 1 && heavy < count) {
            /* The heavy slot has become light: its own rest is its share, the next heavy one fills it. */
            uint32_t next = heavy + 1;
            if (next == count) {
                fill_slot(alias, large, 1, large);
                heavy = count;
                break;
            }
            fill_slot(alias, large, rest, scratch[next]);
            rest = weights[scratch[next]] * scale - (1 - rest);
            large = scratch[next];
            heavy = next;
        }
    }
    while (light > 0) {
        uint32_t slot = scratch[--light];
        fill_slot(alias, slot, 1, slot);
    }
    for (; heavy < count; heavy++)
        fill_slot(alias, scratch[heavy], 1, scratch[heavy]);
}
