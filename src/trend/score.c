#include "trend/score.h"

#include <math.h>
#include <stdlib.h>

#define CONTINUITY             0.5
#define COLD_DISPERSION        0.5
#define COLD_HALF_LIFE_MINUTES 45.0
#define CONFIDENCE_SLOPE       2.5
#define CONFIDENCE_MIDDLE      4.9

double sky_deviance_z(double voices, double expected, double size)
{
    if (expected <= 0) /* a language without volume: nothing can be said */
        return 0;
    double x = voices - CONTINUITY > expected   ? voices - CONTINUITY
               : voices + CONTINUITY < expected ? voices + CONTINUITY
                                                : expected;
    double excess = x - expected;
    double deviance = 2 * (x * log1p(excess / expected) - (x + size) * log1p(excess / (expected + size)));
    double root = sqrt(fmax(0, deviance));
    return excess < 0 ? -root : root;
}

double sky_cold_dispersion(uint32_t uptime_minutes)
{
    return COLD_DISPERSION * exp2(-(double)uptime_minutes / COLD_HALF_LIFE_MINUTES);
}

double sky_confidence(double z)
{
    return 1 / (1 + exp(-CONFIDENCE_SLOPE * (z - CONFIDENCE_MIDDLE)));
}

static int order_of_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Type 7 of Hyndman and Fan: linear between the order statistics around (count - 1) q. */
static double quantile(const double *sorted, uint32_t count, double q)
{
    double at = (count - 1) * q;
    uint32_t below = (uint32_t)at;
    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (sorted[below + 1] - sorted[below]) * (at - below);
}

void sky_null_take(struct sky_null *null, double *z, uint32_t count)
{
    if (count < SKY_NULL_VALUES_MIN)
        return;
    qsort(z, count, sizeof *z, order_of_doubles);
    double median = quantile(z, count, 0.5);
    null->median = fmax(0, median);
    null->spread = fmax(1, quantile(z, count, 0.84) - median);
}
