#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "ops/log.h"
#include "ops/log_rate.h"

#define TIME_MS INT64_C(1783175888999) /* date -u -d @1783175888: 2026-07-04T14:38:08Z */

static void expect_line(const struct sky_log_options *options, const struct sky_log_field *fields, const char *expected)
{
    struct sky_buffer line = {0};
    sky_log_format(options, TIME_MS, SKY_LOG_WARN, "frame_dropped", fields, &line);
    sky_buffer_put_u8(&line, 0);
    assert_string_equal((const char *)line.ptr, expected);
    sky_buffer_clean_up(&line);
}

static void test_forms(void **state)
{
    const struct sky_log_field fields[] = {
        SKY_LOG_TEXT("reason", "record_utf8"),       SKY_LOG_INT("seq", 17),    SKY_LOG_DOUBLE("lag_s", 0.25),
        SKY_LOG_TEXT("detail", "say \"hi\" \\ bye"), SKY_LOG_TEXT("empty", ""), {.name = NULL}};
    expect_line(&(struct sky_log_options){.json = true}, fields,
                "{\"time\":\"2026-07-04T14:38:08.999Z\",\"level\":\"warn\",\"event\":\"frame_dropped\","
                "\"reason\":\"record_utf8\",\"seq\":17,\"lag_s\":0.250000,\"detail\":\"say \\\"hi\\\" \\\\ bye\","
                "\"empty\":\"\"}\n");
    expect_line(&(struct sky_log_options){.json = false}, fields,
                "14:38:08.999 WARN  frame_dropped reason=record_utf8 seq=17 lag_s=0.25 "
                "detail=\"say \\\"hi\\\" \\\\ bye\" empty=\"\"\n");
    expect_line(&(struct sky_log_options){.colours = true}, (const struct sky_log_field[]){{.name = NULL}},
                "\x1b[2m14:38:08.999\x1b[0m \x1b[33mWARN \x1b[0m frame_dropped\n");
}

/* What a terminal would obey, what reorders a line, what is not UTF-8 at all. */
static void test_hostile_text(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } cases[] = {
        {"\x1b[2J\x07", "<U+001B>[2J<U+0007>"},
        {"a\nlevel=ERROR", "a<U+000A>level=ERROR"},
        {"\xc2\x9b"
         "31m",
         "<U+009B>31m"}, /* CSI in one character */
        {"abc\xe2\x80\xae"
         "def",
         "abc<U+202E>def"},                                   /* right-to-left override */
        {"a\xe2\x81\xa6z\xe2\x80\x8b", "a<U+2066>z<U+200B>"}, /* isolate, zero-width space */
        {"\xf3\xa0\x81\xa1", "<U+E0061>"},                    /* tag letter */
        {"\xff\xc3(", "\xef\xbf\xbd\xef\xbf\xbd("},
        {"\xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x98\x80", "\xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x98\x80"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate is no character */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[300];
        const struct sky_log_field fields[] = {SKY_LOG_TEXT("t", cases[i].text), {.name = NULL}};
        snprintf(
            expected, sizeof expected,
            "{\"time\":\"2026-07-04T14:38:08.999Z\",\"level\":\"warn\",\"event\":\"frame_dropped\",\"t\":\"%s\"}\n",
            cases[i].shown);
        expect_line(&(struct sky_log_options){.json = true}, fields, expected);
    }
    char *huge = malloc(100001);
    struct sky_buffer line = {0};
    assert_non_null(huge);
    memset(huge, 'x', 100000);
    huge[100000] = 0;
    const struct sky_log_field fields[] = {SKY_LOG_TEXT("t", huge), {.name = NULL}};
    sky_log_format(&(struct sky_log_options){.json = true}, TIME_MS, SKY_LOG_INFO, "e", fields, &line);
    assert_true(line.len < SKY_LOG_VALUE_BYTES_MAX + 200);
    free(huge);
    sky_buffer_clean_up(&line);
}

/* 20 at once, then one every ten seconds; the next line tells how many were left out. */
static void test_rate(void **state)
{
    struct sky_log_rate rate = {0};
    uint64_t suppressed;
    int64_t now = 1000000;
    for (int i = 0; i < 20; i++)
        assert_true(sky_log_rate_take(&rate, now, &suppressed) && suppressed == 0);
    for (int i = 0; i < 99; i++)
        assert_false(sky_log_rate_take(&rate, now + i, &suppressed));
    assert_false(sky_log_rate_take(&rate, now + 9999, &suppressed));
    assert_true(sky_log_rate_take(&rate, now + 10000, &suppressed));
    assert_int_equal(suppressed, 100);
    assert_false(sky_log_rate_take(&rate, now + 10000, &suppressed));
    now += 3600000;
    for (int i = 0; i < 20; i++)
        assert_true(sky_log_rate_take(&rate, now, &suppressed));
    assert_false(sky_log_rate_take(&rate, now, &suppressed));
}

static void *log_a_lot(void *context)
{
    for (int i = 0; i < 50; i++)
        sky_log(SKY_LOG_ERROR, "busy", SKY_LOG_TEXT("thread", context), SKY_LOG_INT("i", i));
    return NULL;
}

/* What sky_log_say writes to standard error. */
static void expect_said(bool json, const char *expected)
{
    char text[512] = "";
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    sky_log_configure(&(struct sky_log_options){.level = SKY_LOG_ERROR, .json = json});
    sky_log_say(SKY_LOG_INFO, "listening", "The page is at %s\x1b[2J", "http://127.0.0.1:8080/");
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    assert_non_null(strstr(text, expected));
    assert_int_equal(text[0] == '{', json);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_null(strchr(text, '\x1b'));
}

static void test_sentences(void **state)
{
    expect_said(true, "\"level\":\"info\",\"event\":\"listening\",\"text\":\"The page is at http://127.0.0.1:8080/");
    expect_said(false, "The page is at http://127.0.0.1:8080/");
}

/* Standard error into a file: whole lines from several threads, levels and suppression as configured. */
static void test_lines_are_whole(void **state)
{
    char path[] = "/tmp/log_test_XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO);
    assert_true(file >= 0 && saved >= 0);
    fcntl(file, F_SETFL, O_APPEND);
    dup2(file, STDERR_FILENO);
    sky_log_configure(&(struct sky_log_options){.level = SKY_LOG_INFO, .json = true});
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, log_a_lot, (char[4][2]){"a", "b", "c", "d"}[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 30; i++)
        sky_log(SKY_LOG_WARN, "often", SKY_LOG_INT("i", i));
    sky_log(SKY_LOG_DEBUG, "hidden", SKY_LOG_INT("i", 1));
    assert_false(sky_log_shows(SKY_LOG_DEBUG));
    sky_log_configure(&(struct sky_log_options){.level = SKY_LOG_DEBUG, .json = true});
    assert_true(sky_log_shows(SKY_LOG_DEBUG));
    for (int i = 0; i < 50; i++)
        sky_log(SKY_LOG_DEBUG, "followed", SKY_LOG_INT("i", i));
    dup2(saved, STDERR_FILENO);
    close(saved);

    FILE *in = fopen(path, "re");
    char line[512];
    int busy = 0, often = 0, followed = 0;
    while (fgets(line, sizeof line, in)) {
        assert_memory_equal(line, "{\"time\":\"", 9);
        assert_string_equal(line + strlen(line) - 2, "}\n");
        busy += strstr(line, "\"event\":\"busy\"") != NULL;
        often += strstr(line, "\"event\":\"often\"") != NULL;
        followed += strstr(line, "\"event\":\"followed\"") != NULL;
        assert_null(strstr(line, "hidden"));
    }
    fclose(in);
    close(file);
    unlink(path);
    assert_int_equal(busy, 200); /* errors are never left out */
    assert_int_equal(often, SKY_LOG_BURST);
    assert_int_equal(followed, 50); /* nor is what somebody asked for */
    uint64_t written, suppressed;
    sky_log_counts(&written, &suppressed);
    assert_int_equal(written, 270);
    assert_int_equal(suppressed, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),           cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_rate),
        cmocka_unit_test(test_lines_are_whole), cmocka_unit_test(test_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
