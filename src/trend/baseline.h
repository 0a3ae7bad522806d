/* baseline.h: what a keyword's past makes us expect of it now (docs/TRENDS.md, "What is expected").
 *
 * Sums decay exponentially, but nothing is swept to make them: with forward decay (Cormode, Shkapenyuk, Srivastava, Xu:
 * Forward Decay, ICDE 2009) an amount that comes in at t is stored times 2^((t - landmark) / half-life), and what is
 * stored is read divided by the same factor of now. Factors would outgrow a double, so the landmark moves with the day:
 * all half-lives divide a day, hence that sweep multiplies by a power of two and is exact.
 *
 * Memory   none. */
#ifndef SKY_TREND_BASELINE_H
#define SKY_TREND_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#define SKY_BASELINE_SLOW_MINUTES       1440 /* half-lives */
#define SKY_BASELINE_FAST_MINUTES       60
#define SKY_BASELINE_DISPERSION_MINUTES 1440 /* in steps of SKY_DISPERSION_EVERY_MINUTES */
#define SKY_DISPERSION_EVERY_MINUTES    10
#define SKY_LANDMARK_MINUTES            1440

/* Decayed sums, true values. */
struct sky_baseline {
    double slow; /* S_slow */
    double fast; /* S_fast */
    double p;    /* P and Q: squared excess over Poisson, and squared expectation */
    double q;
};

/* The same stored, or the factors between both. */
struct sky_decay {
    double slow;
    double fast;
    double dispersion;
};

/* The factors at `minutes` after the landmark (-1 for the slide before a landmark's day). */
void sky_decay_at(int64_t minutes, struct sky_decay *decay);

/* One language's volume: N of this window and the decayed sums of N that go with S. */
struct sky_volume_baseline {
    double now;
    double slow; /* G_slow */
    double fast;
};

struct sky_expectation {
    double expected; /* E: voices */
    double mass;     /* A: how much past that rests on */
    double expected_slow;
    double mass_slow;
};
void sky_expect(const struct sky_baseline *past, const struct sky_volume_baseline *volume,
                struct sky_expectation *expectation);

/* Over-dispersion learned from P and Q, without the part for a cold start. */
double sky_dispersion(const struct sky_baseline *past);

/* What a keyword that takes part adds to P and Q (before their weight) when it has `voices` now. */
void sky_dispersion_sample(const struct sky_baseline *past, const struct sky_expectation *expectation, double voices,
                           double *p, double *q);

#endif
