/* Values as people write them; the expected ones worked out by hand from the units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/nearest.h"
#include "ops/value.h"

static bool parses(struct sky_value_rule rule, const char *text, struct sky_value *value)
{
    return sky_value_parse(&rule, text, value) == SKY_OK;
}

struct amount {
    const char *text;
    int64_t expected; /* < 0: refused */
};

static void test_durations_and_sizes(void **state)
{
    static const struct amount durations[] = {
        {"60s", 60000}, {"10m", 600000}, {"2h", 7200000}, {"1d", 86400000}, {"500ms", 500}, {"1.5s", 1500},
        {"0", 0},       {"0s", 0},       {"60", -1},      {"s", -1},        {"-1s", -1},    {"1e400s", -1},
        {"nans", -1},   {"infs", -1},    {"0x10s", -1},   {" 1s", -1},      {"1 s", -1},    {"1S", -1},
        {"1sx", -1},    {"", -1},        {"0.1ms", -1},
    };
    static const struct amount sizes[] = {
        {"16GiB", INT64_C(17179869184)},
        {"64MiB", 67108864},
        {"512KiB", 524288},
        {"1TiB", INT64_C(1099511627776)},
        {"1GB", 1000000000},
        {"3kB", 3000},
        {"100B", 100},
        {"100", 100},
        {"0", 0},
        {"1.5KiB", 1536},
        {"1gib", -1},
        {"GiB", -1},
        {"-1", -1},
        {"9999999999TiB", -1},
    };
    struct sky_value value;
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        bool ok = parses((struct sky_value_rule){.type = SKY_VALUE_DURATION}, durations[i].text, &value);
        if (ok != (durations[i].expected >= 0) || (ok && value.integer != durations[i].expected))
            fail_msg("duration '%s'", durations[i].text);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bool ok = parses((struct sky_value_rule){.type = SKY_VALUE_SIZE}, sizes[i].text, &value);
        if (ok != (sizes[i].expected >= 0) || (ok && value.integer != sizes[i].expected))
            fail_msg("size '%s'", sizes[i].text);
    }
}

static void test_numbers(void **state)
{
    const struct sky_value_rule port = {.type = SKY_VALUE_INT, .min = 1, .max = 65535};
    const struct sky_value_rule ratio = {.type = SKY_VALUE_DOUBLE, .min = -1, .max = 1};
    struct sky_value value;
    assert_true(parses(port, "65_535", &value) && value.integer == 65535);
    assert_true(parses((struct sky_value_rule){.type = SKY_VALUE_INT}, "9007199254740992", &value));
    assert_true(value.integer == INT64_C(9007199254740992));
    static const char *const wrong[] = {
        "0", "65536", "-1", "1.0", "", " 1", "1 ", "+1", "1_", "_1", "0x1", "1e3", "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (parses(port, wrong[i], &value))
            fail_msg("'%s' was taken", wrong[i]);
    assert_true(parses(ratio, "-0.25", &value) && value.number == -0.25);
    assert_true(parses(ratio, "1e-3", &value) && value.number == 0.001);
    assert_false(parses(ratio, "1.01", &value) || parses(ratio, "nan", &value) || parses(ratio, "0x1p-3", &value) ||
                 parses(ratio, "1,0", &value) || parses(ratio, "", &value));
}

static void test_words(void **state)
{
    const struct sky_value_rule kind = {.type = SKY_VALUE_CHOICE, .choices = "relay|jetstream|simulated"};
    const struct sky_value_rule list = {.type = SKY_VALUE_LIST, .choices = "en|ja"};
    struct sky_value value;
    assert_true(parses(kind, "jetstream", &value) && value.integer == 1);
    assert_false(parses(kind, "jet", &value) || parses(kind, "", &value) || parses(kind, "relay|jetstream", &value));
    assert_true(parses(list, "ja, en,", &value) && parses(list, "", &value));
    assert_false(parses(list, "ja,xx", &value));
    assert_true(parses((struct sky_value_rule){.type = SKY_VALUE_BOOL}, "Yes", &value) && value.boolean);
    assert_true(parses((struct sky_value_rule){.type = SKY_VALUE_BOOL}, "off", &value) && !value.boolean);
    assert_false(parses((struct sky_value_rule){.type = SKY_VALUE_BOOL}, "2", &value));
    const char *rest = " a,b c , ,d";
    struct sky_span word;
    assert_true(sky_list_next(&rest, &word) && sky_span_equal(word, SKY_SPAN("a")));
    assert_true(sky_list_next(&rest, &word) && sky_span_equal(word, SKY_SPAN("b c")));
    assert_true(sky_list_next(&rest, &word) && sky_span_equal(word, SKY_SPAN("d")));
    assert_false(sky_list_next(&rest, &word));
}

static void expect_written(struct sky_value_rule rule, const char *text, const char *expected)
{
    struct sky_value value;
    struct sky_buffer buffer = {0};
    assert_true(parses(rule, text, &value));
    sky_value_write(&rule, &value, &buffer);
    sky_buffer_put_u8(&buffer, 0);
    assert_string_equal((const char *)buffer.ptr, expected);
    sky_buffer_clean_up(&buffer);
}

static void test_written_back(void **state)
{
    expect_written((struct sky_value_rule){.type = SKY_VALUE_DURATION}, "600s", "10m");
    expect_written((struct sky_value_rule){.type = SKY_VALUE_DURATION}, "1500ms", "1500ms");
    expect_written((struct sky_value_rule){.type = SKY_VALUE_DURATION}, "0h", "0");
    expect_written((struct sky_value_rule){.type = SKY_VALUE_SIZE}, "1024MiB", "1GiB");
    expect_written((struct sky_value_rule){.type = SKY_VALUE_SIZE}, "1500B", "1500B");
    expect_written((struct sky_value_rule){.type = SKY_VALUE_DOUBLE}, "5.0", "5");
}

static void expect_nearest(const char *written, const char *expected)
{
    static const char *const known[] = {"trend.min_z", "trend.min_growth", "http.port", "replay", "run"};
    struct sky_nearest nearest;
    sky_nearest_init(&nearest, sky_span_from_string(written));
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        sky_nearest_offer(&nearest, known[i]);
    if (!expected)
        assert_null(nearest.best);
    else {
        assert_non_null(nearest.best);
        assert_string_equal(nearest.best, expected);
    }
}

static void test_nearest(void **state)
{
    expect_nearest("trend.min_zz", "trend.min_z");
    expect_nearest("trend.minz", "trend.min_z");
    expect_nearest("trend.min-z", "trend.min_z");
    expect_nearest("trnd.min_grwoth", "trend.min_growth"); /* one missing, two swapped */
    expect_nearest("rnu", "run");                          /* a swap is one step */
    expect_nearest("repaly", "replay");
    expect_nearest("", NULL);
    expect_nearest("elephants", NULL);
    expect_nearest("x", NULL);
    char very_long[1000];
    memset(very_long, 'r', sizeof very_long - 1);
    very_long[sizeof very_long - 1] = 0;
    expect_nearest(very_long, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_and_sizes), cmocka_unit_test(test_numbers), cmocka_unit_test(test_words),
        cmocka_unit_test(test_written_back),        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
