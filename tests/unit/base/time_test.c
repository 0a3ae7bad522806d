#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"

/* Made with Python's datetime. */
static const struct {
    int64_t time_ms;
    const char *text;
} known[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {951827696789, "2000-02-29T12:34:56.789Z"},
    {4107542399999, "2100-02-28T23:59:59.999Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {1783175888999, "2026-07-04T14:38:08.999Z"},
    {-1234567890123, "1930-11-18T00:28:29.877Z"},
};

static void test_known_instants_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[SKY_TIME_TEXT_SIZE];
        int64_t time_ms;
        sky_time_format(known[i].time_ms, text);
        assert_string_equal(text, known[i].text);
        assert_int_equal(sky_time_parse(sky_span_from_string(known[i].text), &time_ms), SKY_OK);
        assert_int_equal(time_ms, known[i].time_ms);
    }
}

static void test_format_clamps_to_four_digit_years(void **state)
{
    (void)state;
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    sky_time_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void expect(const char *text, enum sky_status status, int64_t expected_ms)
{
    int64_t time_ms = 0;
    enum sky_status got = sky_time_parse(sky_span_from_string(text), &time_ms);
    if (got != status)
        fail_msg("%s: %s, not %s", text, sky_status_name(got), sky_status_name(status));
    if (status == SKY_OK)
        assert_int_equal(time_ms, expected_ms);
}

static void test_offsets_and_precisions(void **state)
{
    (void)state;
    expect("1970-01-01T00:00:00Z", SKY_OK, 0);
    expect("1970-01-01T01:00:00+01:00", SKY_OK, 0);
    expect("1969-12-31T18:30:00-05:30", SKY_OK, 0);
    expect("1970-01-01T00:00:00.1Z", SKY_OK, 100);
    expect("1970-01-01T00:00:00.0129Z", SKY_OK, 12);
    expect("1970-01-01T00:00:00.99999999999Z", SKY_OK, 999); /* cut, not rounded */
    expect("2016-12-31T23:59:60Z", SKY_OK, 1483228800000);   /* a leap second */
    expect("2024-02-29T00:00:00.000Z", SKY_OK, 1709164800000);
    expect("2024-12-31T00:00:00.000Z", SKY_OK, 1735603200000);
}

static void test_what_is_no_datetime(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",
                                            "1970",
                                            "1970-01-01",
                                            "1970-01-01T00:00:00",
                                            "1970-01-01t00:00:00Z",
                                            "1970-01-01T00:00:00z",
                                            "1970-01-01T00:00:00.Z",
                                            "1970-01-01T00:00:00-00:00",
                                            "1970-01-01 00:00:00Z",
                                            "1970-1-01T00:00:00Z",
                                            "1970-01-01T00:00:00+0100",
                                            "1970-01-01T00:00:00.000ZZ",
                                            "-970-01-01T00:00:00.000Z",
                                            "1970-01-01T00:00:0a.000Z",
                                            "1970-01-01T00:00:00.0a0Z"};
    static const char *const impossible[] = {"1970-13-01T00:00:00.000Z", "1970-00-01T00:00:00.000Z",
                                             "2023-02-29T00:00:00.000Z", "1970-01-32T00:00:00Z",
                                             "1970-01-01T24:00:00.000Z", "1970-01-01T00:60:00.000Z",
                                             "1970-01-01T00:00:61.000Z", "0000-01-01T00:00:00+00:01"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        expect(malformed[i], SKY_E_MALFORMED, 0);
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++)
        expect(impossible[i], SKY_E_RANGE, 0);
}

/* Every day of 60 years, counted on: the calendar has neither gap nor double. */
static void test_days_follow_each_other(void **state)
{
    (void)state;
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t expected_ms = 946684800000; /* 2000-01-01 */
    for (int year = 2000; year < 2060; year++)
        for (int month = 1; month <= 12; month++) {
            int last = days[month - 1] + (month == 2 && year % 4 == 0);
            for (int day = 1; day <= last; day++, expected_ms += SKY_DAY_MS) {
                char text[64];
                snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00.000Z", year, month, day);
                expect(text, SKY_OK, expected_ms);
            }
        }
}

static void test_floor_is_right_for_negative_instants(void **state)
{
    (void)state;
    assert_int_equal(sky_time_floor(119999, 60000), 60000);
    assert_int_equal(sky_time_floor(60000, 60000), 60000);
    assert_int_equal(sky_time_floor(-1, 60000), -60000);
    assert_int_equal(sky_time_floor(-60000, 60000), -60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_instants_both_ways), cmocka_unit_test(test_format_clamps_to_four_digit_years),
        cmocka_unit_test(test_offsets_and_precisions),   cmocka_unit_test(test_what_is_no_datetime),
        cmocka_unit_test(test_days_follow_each_other),   cmocka_unit_test(test_floor_is_right_for_negative_instants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
