/* Mean and deviation of the plain rule against a model that keeps every count. */
#include "trend/literal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROWS    40
#define WINDOWS (2 * SKY_LITERAL_WINDOWS + 300)

static uint32_t counts[WINDOWS][ROWS];

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % bound);
}

/* Rows that change in every window, hardly ever, or stop for ever. */
static void make_counts(uint64_t seed)
{
    for (uint32_t t = 0; t < WINDOWS; t++)
        for (uint32_t row = 0; row < ROWS; row++) {
            uint32_t before = t ? counts[t - 1][row] : 0;
            bool changes = random_below(&seed, 1 + row * row) == 0;
            counts[t][row] = row % 7 == 6 && t > 300 ? 0 : changes ? random_below(&seed, 5 * row + 2) : before;
        }
}

static void check(const struct sky_literal *literal, uint32_t t)
{
    uint32_t from = t > SKY_LITERAL_WINDOWS ? t - SKY_LITERAL_WINDOWS : 0;
    for (uint32_t row = 0; row < ROWS; row++) {
        struct sky_literal_moments moments;
        double sum = 0, squares = 0, n = t - from;
        for (uint32_t i = from; i < t; i++)
            sum += counts[i][row];
        double mean = n > 0 ? sum / n : 0;
        for (uint32_t i = from; i < t; i++)
            squares += (counts[i][row] - mean) * (counts[i][row] - mean);
        double deviation = n > 0 ? sqrt(squares / n) : 0;
        sky_literal_moments(literal, row, &moments);
        if (fabs(moments.mean - mean) > 1e-9 || fabs(moments.deviation - (deviation < 0.001 ? 1 : deviation)) > 1e-6)
            fail_msg("window %u, row %u: %g +- %g should be %g +- %g", t, row, moments.mean, moments.deviation, mean,
                     deviation);
    }
}

static struct sky_literal *restart(struct sky_literal *literal)
{
    uint32_t numbers[ROWS];
    struct sky_buffer saved = {0};
    struct sky_reader reader;
    struct sky_literal *next = sky_literal_new();
    assert_non_null(next);
    for (uint32_t row = 0; row < ROWS; row++)
        numbers[row] = row;
    sky_literal_save(literal, numbers, ROWS, &saved);
    sky_reader_init(&reader, sky_buffer_span(&saved));
    sky_literal_load(next, ROWS, &reader);
    assert_int_equal(reader.error.status, SKY_OK);
    assert_int_equal(reader.offset, saved.len);
    sky_buffer_clean_up(&saved);
    sky_literal_free(literal);
    return next;
}

static void run(uint64_t seed, bool restarts)
{
    make_counts(seed);
    struct sky_literal *literal = sky_literal_new();
    assert_non_null(literal);
    for (uint32_t t = 0; t < WINDOWS; t++) {
        assert_true(sky_literal_begin(literal, t));
        for (uint32_t i = 0; i < ROWS; i++) {
            uint32_t row = t % 2 ? ROWS - 1 - i : i;
            if (!t || counts[t][row] != counts[t - 1][row] || t % 3)
                assert_true(sky_literal_note(literal, row, counts[t][row]));
        }
        if (t % 37 == 0 || t < 20)
            check(literal, t);
        if (restarts && t % 101 == 0)
            literal = restart(literal);
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        bool silent = true;
        for (uint32_t t = WINDOWS - SKY_LITERAL_WINDOWS - 3; t < WINDOWS; t++)
            silent = silent && !counts[t][row];
        assert_int_equal(sky_literal_is_forgotten(literal, row), silent);
        assert_true(silent || row % 7 != 6);
    }
    sky_literal_free(literal);
}

static void test_equals_model(void **state)
{
    (void)state;
    run(1, false);
}

static void test_equals_model_over_restarts(void **state)
{
    (void)state;
    run(2, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_model),
        cmocka_unit_test(test_equals_model_over_restarts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
