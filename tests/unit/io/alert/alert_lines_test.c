/* Lines on pipes: that nobody reads, that close, that are slow. Widths of a row are counted with wcswidth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "io/alert/alert_lines.h"
#include "io/host/clock.h"
#include "trend/record_json.h"
#include "unit/io/alert/alerts.h"

static const char *const keywords[] = {"storm", "紅茶", "#éclipse", "한국어 키워드", "a\x1b[31mb\xe2\x80\xae!", "лето"};
#define KEYWORDS (sizeof keywords / sizeof keywords[0])

static struct sky_alert_lines *lines_of(int fd, bool json, const atomic_bool *stop)
{
    struct sky_alert_lines *lines;
    const struct sky_alert_lines_options options = {.fd = fd, .json = json, .style = {.columns = 90}, .stop = stop};
    assert_int_equal(sky_alert_lines_new(&options, &lines), SKY_OK);
    return lines;
}

static struct sky_delivery deliver(struct sky_alert_lines *lines, const char *keyword)
{
    struct sky_delivery delivery;
    struct sky_trend_alert alert = alert_of(keyword, SKY_TREND_STARTED);
    const struct sky_trend_alert *list[] = {&alert};
    sky_alert_lines_deliver(lines, (struct sky_alert_list){list, 1}, &delivery);
    return delivery;
}

static char *read_all(int fd)
{
    static char text[1 << 20];
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)got;
    text[len] = 0;
    return text;
}

static void test_rows_stand_below_each_other(void **state)
{
    int ends[2], rows = 0;
    assert_int_equal(pipe(ends), 0);
    struct sky_alert_lines *lines = lines_of(ends[1], false, NULL);
    for (size_t i = 0; i < KEYWORDS; i++)
        assert_int_equal(deliver(lines, keywords[i]).result, SKY_DELIVERY_TAKEN);
    char longer[400] = "";
    for (int i = 0; i < 100; i++)
        strcat(longer, "長");
    assert_int_equal(deliver(lines, longer).result, SKY_DELIVERY_TAKEN);
    close(ends[1]);
    for (char *line = strtok(read_all(ends[0]), "\n"); line; line = strtok(NULL, "\n"), rows++) {
        wchar_t wide[256];
        assert_true(mbstowcs(wide, line, 256) < 256);
        assert_int_equal(wcswidth(wide, 256), 90); /* -1 if anything in it is not printable */
        assert_string_equal(line + strlen(line) - 27,
                            rows ? "   562     524  10.5x   99%" : " POSTS  PEOPLE  TIMES  SURE");
        if (rows)
            assert_memory_equal(line, "2026-01-05 00:55  started  ", 27);
    }
    assert_int_equal(rows, KEYWORDS + 2);
    close(ends[0]);
    sky_alert_lines_free(lines);
}

static void test_json_lines_are_the_records(void **state)
{
    int ends[2];
    size_t count = 0;
    struct sky_record_reader reader;
    assert_int_equal(pipe(ends), 0);
    struct sky_alert_lines *lines = lines_of(ends[1], true, NULL);
    for (size_t i = 0; i < KEYWORDS; i++)
        assert_int_equal(deliver(lines, keywords[i]).result, SKY_DELIVERY_TAKEN);
    close(ends[1]);
    sky_record_reader_init(&reader);
    for (char *line = strtok(read_all(ends[0]), "\n"); line; line = strtok(NULL, "\n")) {
        struct sky_trend_alert alert;
        struct sky_error error;
        assert_int_equal(sky_trend_alert_read(&reader, sky_span_from_string(line), &alert, &error), SKY_OK);
        assert_true(sky_span_equal(alert.keyword, sky_span_from_string(keywords[count++])));
        assert_int_equal(alert.sample_posts_count, 2);
    }
    assert_int_equal(count, KEYWORDS);
    sky_record_reader_clean_up(&reader);
    close(ends[0]);
    sky_alert_lines_free(lines);
}

static void test_a_reader_that_closed(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct sky_alert_lines *lines = lines_of(ends[1], true, NULL);
    close(ends[0]);
    assert_int_equal(deliver(lines, "storm").result, SKY_DELIVERY_GONE);
    close(ends[1]);
    sky_alert_lines_free(lines);
}

static void test_a_full_disk(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        skip();
    struct sky_alert_lines *lines = lines_of(fd, true, NULL);
    struct sky_delivery delivery = deliver(lines, "storm");
    assert_int_equal(delivery.result, SKY_DELIVERY_FAILED);
    assert_true(strlen(delivery.problem) > 0);
    close(fd);
    sky_alert_lines_free(lines);
}

static void *stop_soon(void *context)
{
    struct timespec pause = {.tv_nsec = 100000000};
    nanosleep(&pause, NULL);
    atomic_store((atomic_bool *)context, true);
    return NULL;
}

/* A pipe holds 64 KiB; then its reader stands still. */
static void test_a_reader_that_stands_still(void **state)
{
    int ends[2];
    atomic_bool stop = false;
    pthread_t thread;
    assert_int_equal(pipe(ends), 0);
    struct sky_alert_lines *lines = lines_of(ends[1], true, &stop);
    int64_t begin_ms = sky_clock_monotonic_ms();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    struct sky_delivery delivery;
    do {
        delivery = deliver(lines, "storm");
    } while (delivery.result == SKY_DELIVERY_TAKEN);
    assert_int_equal(delivery.result, SKY_DELIVERY_FAILED);
    assert_string_equal(delivery.problem, "it was stopped");
    assert_true(sky_clock_monotonic_ms() - begin_ms < 10000);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(ends[1]);
    sky_alert_lines_free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_stand_below_each_other), cmocka_unit_test(test_json_lines_are_the_records),
        cmocka_unit_test(test_a_reader_that_closed),        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_a_reader_that_stands_still),
    };
    signal(SIGPIPE, SIG_IGN);
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
