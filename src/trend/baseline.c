#include "trend/baseline.h"

#include <math.h>

#define PRIOR_VOICES      0.5   /* a0 */
#define PRIOR_SHARE       5     /* b0 = N / 5 ... */
#define PRIOR_VOLUME_MIN  500.0 /* ... within these */
#define PRIOR_VOLUME_MAX  25000.0
#define DISPERSION_MIN    0.05 /* phi's prior, and its floor */
#define DISPERSION_WEIGHT 4.0  /* of the prior, in units of Q */
#define SAMPLE_SIGMAS     8.0  /* a trend must not teach that its word is erratic: d is cut there */
#define SAMPLE_SLACK      3.0

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void sky_decay_at(int64_t minutes, struct sky_decay *decay)
{
    int64_t steps = floor_div(minutes + 1, SKY_DISPERSION_EVERY_MINUTES);
    decay->slow = exp2((double)minutes / SKY_BASELINE_SLOW_MINUTES);
    decay->fast = exp2((double)minutes / SKY_BASELINE_FAST_MINUTES);
    decay->dispersion = exp2((double)(steps * SKY_DISPERSION_EVERY_MINUTES) / SKY_BASELINE_DISPERSION_MINUTES);
}

void sky_expect(const struct sky_baseline *past, const struct sky_volume_baseline *volume,
                struct sky_expectation *expectation)
{
    double b0 = fmin(PRIOR_VOLUME_MAX, fmax(PRIOR_VOLUME_MIN, volume->now / PRIOR_SHARE));
    double mass_slow = past->slow + PRIOR_VOICES, mass_fast = past->fast + PRIOR_VOICES;
    double expected_slow = volume->now * mass_slow / (volume->slow + b0);
    double expected_fast = volume->now * mass_fast / (volume->fast + b0);
    bool fast = expected_fast > expected_slow;
    expectation->expected = fast ? expected_fast : expected_slow;
    expectation->mass = fast ? mass_fast : mass_slow;
    expectation->expected_slow = expected_slow;
    expectation->mass_slow = mass_slow;
}

double sky_dispersion(const struct sky_baseline *past)
{
    return fmax(DISPERSION_MIN, (past->p + DISPERSION_MIN * DISPERSION_WEIGHT) / (past->q + DISPERSION_WEIGHT));
}

void sky_dispersion_sample(const struct sky_baseline *past, const struct sky_expectation *expectation, double voices,
                           double *p, double *q)
{
    double e = expectation->expected;
    double sigma = sqrt(e + e * e * (1 / expectation->mass + sky_dispersion(past)));
    double excess = fmin(voices, e + SAMPLE_SIGMAS * sigma + SAMPLE_SLACK) - e;
    *p = excess * excess - e;
    *q = e * e;
}
