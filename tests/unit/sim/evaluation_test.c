/* The scoring against tests/vectors/evaluation/evaluation.vec: what the reference implementation (another program, in
 * Python) made of the same random intervals and events. */
#include "sim/evaluation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define EVENTS_MAX    256
#define INTERVALS_MAX 2048
#define TOLERANCE     1e-6

struct test_case {
    struct sky_evaluation_rules rules;
    struct sky_evaluation_event events[EVENTS_MAX];
    struct sky_evaluation_interval intervals[INTERVALS_MAX];
    struct sky_evaluation_episode episodes[INTERVALS_MAX];
    size_t events_count;
    size_t intervals_count;
};

static void take_event(struct test_case *c, const char *line)
{
    struct sky_evaluation_event *event = &c->events[c->events_count++];
    unsigned kind, detectable;
    assert_true(c->events_count <= EVENTS_MAX);
    assert_int_equal(sscanf(line, "e %u %u %u %d %d", &event->keyword, &kind, &detectable, &event->onset, &event->end),
                     5);
    event->kind = (enum sky_evaluation_kind)kind;
    event->detectable = detectable != 0;
}

static void take_interval(struct test_case *c, const char *line)
{
    struct sky_evaluation_interval *interval = &c->intervals[c->intervals_count++];
    assert_true(c->intervals_count <= INTERVALS_MAX);
    assert_int_equal(sscanf(line, "i %u %d %d", &interval->keyword, &interval->from, &interval->to), 3);
}

static size_t latencies_of(const struct test_case *c, double *latencies)
{
    size_t count = 0;
    for (size_t i = 0; i < c->events_count; i++) {
        const struct sky_evaluation_event *event = &c->events[i];
        if (event->kind == SKY_EVALUATION_BURST && event->detectable && event->first >= 0 &&
            event->onset >= c->rules.from && event->onset < c->rules.to - c->rules.margin)
            latencies[count++] = event->first - event->onset;
    }
    return count;
}

static void check_case(struct test_case *c, const char *line)
{
    struct sky_evaluation expected = {0}, got;
    double median, p90, latencies[EVENTS_MAX];
    size_t episodes;
    assert_int_equal(sscanf(line, "= %u %u %u %u %u %ld %ld %lf %lf", &expected.bursts, &expected.found, &expected.hits,
                            &expected.false_alarms, &expected.coordinated, &expected.false_minutes, &expected.starts,
                            &median, &p90),
                     9);
    const struct sky_evaluation_input input = {c->intervals, c->intervals_count, c->events, c->events_count};
    assert_int_equal(sky_evaluate(&c->rules, &input, &got, c->episodes, &episodes), SKY_OK);
    assert_int_equal(got.bursts, expected.bursts);
    assert_int_equal(got.found, expected.found);
    assert_int_equal(got.hits, expected.hits);
    assert_int_equal(got.false_alarms, expected.false_alarms);
    assert_int_equal(got.coordinated, expected.coordinated);
    assert_int_equal(got.false_minutes, expected.false_minutes);
    assert_int_equal(got.starts, expected.starts);
    size_t count = latencies_of(c, latencies);
    assert_int_equal(count > 0, median >= 0);
    if (count) {
        assert_float_equal(sky_evaluation_quantile(latencies, count, 0.5), median, TOLERANCE);
        assert_float_equal(sky_evaluation_quantile(latencies, count, 0.9), p90, TOLERANCE);
    }
}

static void scores_as_the_reference_does(void **state)
{
    static struct test_case c;
    char line[256];
    unsigned cases = 0;
    FILE *file = fopen(SKY_SOURCE_DIR "/tests/vectors/evaluation/evaluation.vec", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        switch (line[0]) {
        case 'c':
            c.events_count = c.intervals_count = 0;
            c.rules = (struct sky_evaluation_rules){.margin = 30, .gap = 20};
            assert_int_equal(sscanf(line, "case %d %d", &c.rules.from, &c.rules.to), 2);
            break;
        case 'e': take_event(&c, line); break;
        case 'i': take_interval(&c, line); break;
        default: check_case(&c, line); cases++;
        }
    }
    fclose(file);
    assert_true(cases >= 100);
}

static void unites_overlapping_rows_of_one_keyword(void **state)
{
    struct sky_evaluation_interval rows[] = {{2, 10, 20, 0.5}, {1, 30, 40, 0.5}, {2, 15, 25, 0.9},
                                             {2, 26, 30, 0.1}, {1, 40, 41, 0.5}, {3, 12, 13, 0.5}};
    assert_int_equal(sky_evaluation_unite(rows, 6), 4);
    assert_int_equal(rows[0].keyword, 1);
    assert_int_equal(rows[0].to, 41);
    assert_int_equal(rows[1].from, 10);
    assert_int_equal(rows[1].to, 25);
    assert_float_equal(rows[1].confidence, 0.9, TOLERANCE);
    assert_int_equal(rows[2].from, 26);
    assert_int_equal(rows[3].keyword, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_as_the_reference_does),
        cmocka_unit_test(unites_overlapping_rows_of_one_keyword),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
