/* score.h: how surprising a count is (docs/TRENDS.md, "How surprising it is").
 *
 * Memory   none; sky_null_take sorts the caller's array. */
#ifndef SKY_TREND_SCORE_H
#define SKY_TREND_SCORE_H

#include <stdint.h>

/* Signed root of the deviance of `voices` under a negative binomial with mean `expected` > 0 and size `size`, with half
 * a count of continuity correction. */
double sky_deviance_z(double voices, double expected, double size);

/* phi during a cold start: on top of what was learned, falling with uptime. */
double sky_cold_dispersion(uint32_t uptime_minutes);

/* 1 / (1 + exp(-2.2 (z - 4.2))) */
double sky_confidence(double z);

/* The null: what z does in keywords where nothing happens. */
struct sky_null {
    double median; /* not below 0 */
    double spread; /* 84 % quantile - median, not below 1 */
};

#define SKY_NULL_VALUES_MIN 50 /* fewer leave the null as it is */

/* From the z of `count` keywords, in any order; `z` is sorted. */
void sky_null_take(struct sky_null *null, double *z, uint32_t count);

static inline double sky_null_rescale(const struct sky_null *null, double z)
{
    return (z - null->median) / null->spread;
}

#endif
