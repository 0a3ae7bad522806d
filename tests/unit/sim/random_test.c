/* Values of xoshiro256** and moments of the distributions by their formulas; exp, log and the wave against libm. */
#include "sim/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DRAWS 200000

/* The first outputs of xoshiro256** from the state 1, 2, 3, 4, as published with the Rust crate rand_xoshiro. */
static void gives_the_published_sequence(void **state)
{
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240, 1216172134540287360};
    struct sky_random random = {.state = {1, 2, 3, 4}};
    for (int i = 0; i < 5; i++)
        assert_true(sky_random_u64(&random) == expected[i]);
}

static void agrees_with_libm(void **state)
{
    for (double x = -40; x < 40; x += 0.0137)
        assert_true(fabs(sky_random_exp(x) / exp(x) - 1) < 1e-14);
    for (double x = 1e-9; x < 1e9; x *= 1.0173)
        assert_true(fabs(sky_random_log(x) - log(x)) < 1e-14 * fmax(1, fabs(log(x))));
    for (double x = -3; x < 3; x += 0.00137)
        assert_true(fabs(sky_random_wave(x) - sin(2 * acos(-1.0) * x)) < 1e-13);
}

struct moments {
    double mean;
    double variance;
};

typedef double (*draw_fn)(struct sky_random *random, double parameter);

static struct moments measure(draw_fn draw, double parameter)
{
    struct sky_random random;
    double sum = 0, squares = 0;
    sky_random_seed(&random, 7, 7);
    for (int i = 0; i < DRAWS; i++) {
        double value = draw(&random, parameter);
        sum += value;
        squares += value * value;
    }
    double mean = sum / DRAWS;
    return (struct moments){mean, squares / DRAWS - mean * mean};
}

static double draw_normal(struct sky_random *random, double parameter)
{
    return sky_random_normal(random) + parameter;
}

static double draw_poisson(struct sky_random *random, double mean)
{
    return sky_random_poisson(random, mean);
}

static double draw_binomial(struct sky_random *random, double probability)
{
    return sky_random_binomial(random, 40, probability);
}

static void assert_moments(struct moments got, double mean, double variance)
{
    assert_true(fabs(got.mean - mean) < 6 * sqrt(variance / DRAWS));
    assert_true(fabs(got.variance / variance - 1) < 0.05);
}

static void has_the_right_moments(void **state)
{
    static const double means[] = {0.05, 0.7, 4, 9.9, 10, 30, 500, 24000};
    static const double shapes[] = {0.7, 1, 4, 30};
    assert_moments(measure(draw_normal, 3), 3, 1);
    for (size_t i = 0; i < sizeof means / sizeof means[0]; i++)
        assert_moments(measure(draw_poisson, means[i]), means[i], means[i]);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        assert_moments(measure(sky_random_gamma, shapes[i]), shapes[i], shapes[i]);
    assert_moments(measure(draw_binomial, 0.94), 40 * 0.94, 40 * 0.94 * 0.06);
}

static void draws_by_weight(void **state)
{
    static const double weights[] = {0, 1, 2, 3, 10, 0.5, 0, 83.5};
    struct sky_random_alias_slot slots[8];
    struct sky_random_alias alias = {slots, 8};
    struct sky_random random;
    uint32_t scratch[8], counts[8] = {0};
    sky_random_alias_build(&alias, weights, scratch);
    sky_random_seed(&random, 1, 1);
    for (int i = 0; i < DRAWS; i++)
        counts[sky_random_alias_draw(&alias, &random)]++;
    for (int i = 0; i < 8; i++) {
        double expected = weights[i] / 100 * DRAWS;
        assert_true(fabs(counts[i] - expected) <= 5 * sqrt(expected + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_sequence),
        cmocka_unit_test(agrees_with_libm),
        cmocka_unit_test(has_the_right_moments),
        cmocka_unit_test(draws_by_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
