/* Scores against numbers computed elsewhere: with Python's math module and numpy.percentile, see the comments. */
#include "trend/score.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_near(double is, double should)
{
    if (fabs(is - should) > 1e-9 * fmax(1, fabs(should)))
        fail_msg("%.12g should be %.12g", is, should);
}

/* Python: x = 39.5; E = 20; r = 8; u = x - E; sqrt(2 * (x * log1p(u / E) - (x + r) * log1p(u / (E + r)))), and so on.
 */
static void test_deviance(void **state)
{
    (void)state;
    assert_near(sky_deviance_z(40, 20, 8), 1.8854732529743108);
    assert_near(sky_deviance_z(5, 20, 8), -2.3443707627550983);
    assert_near(sky_deviance_z(12, 0.3, 2.5), 6.229052477290059);
    assert_near(sky_deviance_z(1000, 10, 1e9), 85.00432031798121);
}

/* Within half a count of the expectation nothing is surprising. */
static void test_continuity(void **state)
{
    (void)state;
    assert_true(sky_deviance_z(20, 20.5, 8) == 0);
    assert_true(sky_deviance_z(20, 19.5, 8) == 0);
    assert_true(sky_deviance_z(20, 19.4, 8) > 0);
    assert_true(sky_deviance_z(20, 20.6, 8) < 0);
    assert_true(sky_deviance_z(20, 0, 8) == 0); /* no volume */
}

/* As the size grows the negative binomial becomes Poisson's law: Python, 2 * (x * log(x / E) - (x - E)). */
static void test_poisson_limit(void **state)
{
    (void)state;
    double x = 29.5, e = 12;
    assert_true(fabs(sky_deviance_z(30, e, 1e12) - sqrt(2 * (x * log(x / e) - (x - e)))) < 1e-5);
}

/* numpy.percentile([1, 2, ..., 60], (50, 84)) = 30.5, 50.56 */
static void test_null(void **state)
{
    (void)state;
    struct sky_null null = {0, 1};
    double z[60];
    for (int i = 0; i < 60; i++)
        z[i] = (i * 37) % 60 + 1; /* shuffled: 37 and 60 share no factor */
    sky_null_take(&null, z, 49);
    assert_true(null.median == 0 && null.spread == 1);
    for (int i = 0; i < 60; i++)
        z[i] = (i * 37) % 60 + 1;
    sky_null_take(&null, z, 60);
    assert_near(null.median, 30.5);
    assert_near(null.spread, 50.56 - 30.5);
    assert_near(sky_null_rescale(&null, 70.62), 2.0);
}

/* The median counts from 0 and the spread from 1 up; the spread is from the median as it is. */
static void test_null_bounds(void **state)
{
    (void)state;
    struct sky_null null = {3, 7};
    double z[60];
    for (int i = 0; i < 60; i++)
        z[i] = -5 - i / 1000.0;
    sky_null_take(&null, z, 60);
    assert_true(null.median == 0 && null.spread == 1);
    for (int i = 0; i < 60; i++)
        z[i] = i < 40 ? -4 : 2;
    sky_null_take(&null, z, 60);
    assert_true(null.median == 0);
    assert_near(null.spread, 6);
}

/* Python: 1 / (1 + math.exp(-2.5 * (5 - 4.9))) */
static void test_confidence(void **state)
{
    (void)state;
    assert_near(sky_confidence(4.9), 0.5);
    assert_near(sky_confidence(5), 0.562176500885798);
    assert_near(sky_cold_dispersion(0), 0.5);
    assert_near(sky_cold_dispersion(90), 0.125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deviance), cmocka_unit_test(test_continuity),  cmocka_unit_test(test_poisson_limit),
        cmocka_unit_test(test_null),     cmocka_unit_test(test_null_bounds), cmocka_unit_test(test_confidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
