#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/lake/lake_path.h"

#define T_2026_01_05_14 INT64_C(1767621600000) /* date -u -d 2026-01-05T14:00:00Z +%s */
#define MINUTE_MS       INT64_C(60000)

static void test_partition_path(void **state)
{
    static const struct {
        enum sky_lake_table table;
        int64_t time_ms;
        const char *path;
    } cases[] = {
        {SKY_LAKE_POSTS, T_2026_01_05_14, "raw/posts/year=2026/month=01/day=05/hour=14/"},
        {SKY_LAKE_POSTS, T_2026_01_05_14 - 1, "raw/posts/year=2026/month=01/day=05/hour=13/"},
        {SKY_LAKE_DELETES, T_2026_01_05_14 + 59 * MINUTE_MS, "raw/deletes/year=2026/month=01/day=05/hour=14/"},
        {SKY_LAKE_TRENDS, 0, "processed/trends/year=1970/month=01/day=01/hour=00/"},
        {SKY_LAKE_ACTIVITY, INT64_C(1709251199999), "processed/activity/year=2024/month=02/day=29/hour=23/"},
        {SKY_LAKE_SESSIONS, -1, "processed/sessions/year=1969/month=12/day=31/hour=23/"},
    };
    char path[SKY_LAKE_KEY_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sky_lake_get_partition_path(cases[i].table, cases[i].time_ms, path);
        assert_string_equal(path, cases[i].path);
    }
}

static void test_common_path(void **state)
{
    char path[SKY_LAKE_KEY_SIZE];
    const int64_t hour = 60 * MINUTE_MS, t = T_2026_01_05_14;
    sky_lake_get_common_path(SKY_LAKE_TRENDS, t, t + hour, path);
    assert_string_equal(path, "processed/trends/year=2026/month=01/day=05/hour=14/");
    sky_lake_get_common_path(SKY_LAKE_TRENDS, t, t + hour + 1, path);
    assert_string_equal(path, "processed/trends/year=2026/month=01/day=05/");
    sky_lake_get_common_path(SKY_LAKE_TRENDS, t, t + 20 * hour, path);
    assert_string_equal(path, "processed/trends/year=2026/month=01/");
    sky_lake_get_common_path(SKY_LAKE_TRENDS, t, t + 60 * 24 * hour, path);
    assert_string_equal(path, "processed/trends/year=2026/");
    sky_lake_get_common_path(SKY_LAKE_TRENDS, 0, INT64_MAX, path);
    assert_string_equal(path, "processed/trends/");
}

static void test_keys_both_ways(void **state)
{
    const struct sky_lake_chunk chunk = {"blue-sky.posts_2", 13, 1234567, INT64_MAX};
    char key[SKY_LAKE_KEY_SIZE];
    struct sky_lake_file file;
    sky_lake_get_key(SKY_LAKE_DELETES, T_2026_01_05_14 + 1, &chunk, key);
    assert_string_equal(key, "raw/deletes/year=2026/month=01/day=05/hour=14/"
                             "blue-sky.posts_2-13-00000000000001234567-09223372036854775807.parquet");
    assert_true(sky_lake_parse_key(sky_span_from_string(key), &file));
    assert_int_equal(file.table, SKY_LAKE_DELETES);
    assert_int_equal(file.hour_ms, T_2026_01_05_14);
    assert_true(sky_span_equal(file.topic, sky_span_from_string(chunk.topic)));
    assert_int_equal(file.partition, 13);
    assert_int_equal(file.start, 1234567);
    assert_true(file.end == INT64_MAX);
}

static void test_foreign_keys(void **state)
{
    static const char *const wrong[] = {
        "",
        "raw/posts/",
        "raw/posts/year=2026/month=01/day=05/hour=14/",
        "raw/posts/year=2026/month=01/day=05/hour=14/x.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/t-0-1-2.csv",
        "raw/posts/year=2026/month=01/day=05/hour=14/t-0-2-2.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/t-0-3-2.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/t-0--2.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/-0-1-2.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/t-0-1-2.parquet.tmp",
        "raw/posts/year=2026/month=01/day=05/hour=14/t-2147483648-1-2.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/t-0-1-9223372036854775808.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/t-0-1-000000000000000000002.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/t'-0-1-2.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=14/sub/t-0-1-2.parquet",
        "raw/posts/year=2026/month=13/day=05/hour=14/t-0-1-2.parquet",
        "raw/posts/year=2026/month=02/day=30/hour=14/t-0-1-2.parquet",
        "raw/posts/year=2026/month=01/day=05/hour=24/t-0-1-2.parquet",
        "raw/posts/year=2026/month=1/day=05/hour=14/t-0-1-2.parquet",
        "raw/other/year=2026/month=01/day=05/hour=14/t-0-1-2.parquet",
        "x/raw/posts/year=2026/month=01/day=05/hour=14/t-0-1-2.parquet",
    };
    struct sky_lake_file file;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sky_lake_parse_key(sky_span_from_string(wrong[i]), &file));
    assert_true(sky_lake_parse_key(SKY_SPAN("raw/posts/year=2026/month=01/day=05/hour=14/t-0-1-2.parquet"), &file));
}

static void test_covering(void **state)
{
    struct sky_lake_file outer = {SKY_LAKE_POSTS, 0, SKY_SPAN("t"), 0, 100, 200};
    static const struct {
        int64_t start, end;
        bool covered;
    } cases[] = {{100, 200, false}, {100, 199, true},  {101, 200, true},  {120, 130, true},
                 {99, 150, false},  {150, 201, false}, {200, 300, false}, {0, 300, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sky_lake_file inner = outer;
        inner.start = cases[i].start;
        inner.end = cases[i].end;
        assert_int_equal(sky_lake_covers(&outer, &inner), cases[i].covered);
        if (cases[i].covered)
            assert_true(sky_lake_file_compare(&outer, &inner) < 0);
        struct sky_lake_file elsewhere = inner;
        elsewhere.partition = 1;
        assert_false(sky_lake_covers(&outer, &elsewhere));
        elsewhere = inner;
        elsewhere.hour_ms = 3600000;
        assert_false(sky_lake_covers(&outer, &elsewhere));
        elsewhere = inner;
        elsewhere.topic = SKY_SPAN("u");
        assert_false(sky_lake_covers(&outer, &elsewhere));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition_path), cmocka_unit_test(test_common_path),
        cmocka_unit_test(test_keys_both_ways), cmocka_unit_test(test_foreign_keys),
        cmocka_unit_test(test_covering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
