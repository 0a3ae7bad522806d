#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "event/decoder.h"
#include "ops/metrics.h"

static struct sky_metrics *metrics;

static int set_up(void **state)
{
    return sky_metrics_new(SKY_ROLE_RUN, &metrics) == SKY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    sky_metrics_free(metrics);
    return 0;
}

/* The page as a string; lives until the next call. */
static const char *page(void)
{
    static char text[65536];
    struct sky_buffer buffer = {0};
    assert_int_equal(sky_metrics_render(metrics, &buffer), 200);
    assert_true(buffer.len < sizeof text);
    memcpy(text, buffer.ptr, buffer.len);
    text[buffer.len] = 0;
    sky_buffer_clean_up(&buffer);
    return text;
}

static void expect_line(const char *line)
{
    char framed[200];
    snprintf(framed, sizeof framed, "\n%s\n", line);
    if (!strstr(page(), framed))
        fail_msg("no line '%s'", line);
}

/* https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void test_format(void **state)
{
    sky_metric_add(metrics, SKY_METRIC_POSTS_PROCESSED, 0, 40);
    sky_metric_add(metrics, SKY_METRIC_POSTS_PROCESSED, 0, 2);
    sky_metric_set(metrics, SKY_METRIC_ACTIVE_TRENDS, 0, 7);
    sky_metric_set(metrics, SKY_METRIC_FRESHNESS, 0, 1.25);
    sky_metric_set_total(metrics, SKY_METRIC_DROPS, SKY_DROP_RECORD_UTF8, 3);
    sky_metric_set_total(metrics, SKY_METRIC_HTTP_ERRORS, SKY_METRIC_HTTP_5XX, 1);
    sky_metric_set_total(metrics, SKY_METRIC_SOURCE_BYTES, 0, UINT64_MAX);
    assert_memory_equal(
        page(),
        "# HELP posts_processed_total Posts worked off: counted, spooled, stored, whatever the service does with "
        "them.\n"
        "# TYPE posts_processed_total counter\nposts_processed_total 42\n",
        strlen("# HELP posts_processed_total Posts worked off: counted, spooled, stored, whatever the service does "
               "with them.\n# TYPE posts_processed_total counter\nposts_processed_total 42\n"));
    expect_line("active_trends 7");
    expect_line("# TYPE active_trends gauge");
    expect_line("skytrend_freshness_seconds 1.25");
    expect_line("skytrend_drops_total{reason=\"record_utf8\"} 3");
    expect_line("skytrend_drops_total{reason=\"frame_cbor\"} 0");
    expect_line("skytrend_http_errors_total{class=\"5xx\"} 1");
    expect_line("skytrend_source_bytes_total 18446744073709551615");
    expect_line("skytrend_completeness_ratio 1");
    expect_line("skytrend_readable_ratio 1");
}

static void test_histogram(void **state)
{
    static const double seconds[] = {0.0005, 0.001, 0.0011, 0.3, 2.5, 100, -1};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
        sky_metric_observe(metrics, SKY_METRIC_TREND_DETECTION_LATENCY, seconds[i]);
    expect_line("# TYPE trend_detection_latency_seconds histogram");
    expect_line("trend_detection_latency_seconds_bucket{le=\"0.001\"} 3"); /* bounds are inclusive */
    expect_line("trend_detection_latency_seconds_bucket{le=\"0.005\"} 4");
    expect_line("trend_detection_latency_seconds_bucket{le=\"0.25\"} 4");
    expect_line("trend_detection_latency_seconds_bucket{le=\"0.5\"} 5");
    expect_line("trend_detection_latency_seconds_bucket{le=\"2.5\"} 6");
    expect_line("trend_detection_latency_seconds_bucket{le=\"10\"} 6");
    expect_line("trend_detection_latency_seconds_bucket{le=\"+Inf\"} 7");
    expect_line("trend_detection_latency_seconds_sum 102.802600");
    expect_line("trend_detection_latency_seconds_count 7");
}

static void *count_up(void *context)
{
    for (int i = 0; i < 20000; i++) {
        sky_metric_add(metrics, SKY_METRIC_SLIDES, 0, 1);
        sky_metric_observe(metrics, SKY_METRIC_SLIDE_DURATION, 0.002);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count_up, NULL);
    for (int i = 0; i < 20; i++)
        page();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    expect_line("skytrend_slides_total 80000");
    expect_line("skytrend_slide_duration_seconds_count 80000");
    expect_line("skytrend_slide_duration_seconds_sum 160.000000");
}

/* Prometheus' own parser and linter. */
static void test_promtool(void **state)
{
    if (system("command -v promtool >/dev/null") != 0) { /* NOLINT(cert-env33-c): a constant command */
        print_message("promtool is not installed: skipped\n");
        skip();
    }
    sky_metric_observe(metrics, SKY_METRIC_SLIDE_DURATION, 0.02);
    FILE *promtool = popen("promtool check metrics >&2", "w"); /* NOLINT(cert-env33-c): likewise */
    assert_non_null(promtool);
    fputs(page(), promtool);
    assert_int_equal(pclose(promtool), 0);
    promtool = popen("promtool check metrics 2>/dev/null >&2", "w"); /* NOLINT(cert-env33-c): likewise */
    assert_non_null(promtool);
    fputs("a_counter{x=\"1\"} zero\n", promtool);
    assert_int_not_equal(pclose(promtool), 0); /* it does look */
}

/* Each service tells of what it does, and of nothing else: a 0 of what it never counts would say something false. */
static void test_roles(void **state)
{
    struct sky_metrics *cache;
    struct sky_buffer text = {0};
    assert_int_equal(sky_metrics_new(SKY_ROLE_CACHE, &cache), SKY_OK);
    sky_metrics_write(cache, &text);
    sky_buffer_put_u8(&text, 0);
    assert_non_null(strstr((const char *)text.ptr, "\nkafka_consumer_lag 0\n"));
    assert_null(strstr((const char *)text.ptr, "active_trends"));
    sky_buffer_clean_up(&text);
    sky_metrics_free(cache);
}

/* docs/METRICS.md is what the table prints. */
static void test_the_reference_is_current(void **state)
{
    static char found[65536];
    struct sky_buffer expected = {0};
    FILE *in = fopen(SKY_SOURCE_DIR "/docs/METRICS.md", "re");
    assert_non_null(in);
    size_t len = fread(found, 1, sizeof found, in);
    fclose(in);
    sky_metrics_write_markdown(&expected);
    assert_int_equal(len, expected.len);
    assert_memory_equal(found, expected.ptr, len);
    sky_buffer_clean_up(&expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_format),   TEST(test_histogram), TEST(test_threads),
        TEST(test_promtool), TEST(test_roles),     TEST(test_the_reference_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
