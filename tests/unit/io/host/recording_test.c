#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/buffer.h"
#include "io/host/recording.h"

static char path[64];

static void write_file(const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* The items of the file, joined with '|', then how it ended. */
static void expect(enum sky_recording_form form, const char *joined, enum sky_status end)
{
    struct sky_recording_reader *reader;
    struct sky_recording_item item;
    struct sky_error error;
    char got[1024] = "";
    enum sky_status status = sky_recording_open(path, &reader, &error);
    assert_int_equal(status, SKY_OK);
    assert_int_equal(sky_recording_form(reader), form);
    while ((status = sky_recording_next(reader, &item)) == SKY_OK) {
        strcat(got, *got ? "|" : "");
        strncat(got, (const char *)item.bytes.ptr, item.bytes.len);
    }
    assert_string_equal(got, joined);
    assert_int_equal(status, end);
    assert_int_equal(sky_recording_next(reader, &item), end); /* and stays so */
    sky_recording_close(reader);
}

#define WRITE(literal) write_file(literal, sizeof(literal) - 1)

static void test_frames(void **state)
{
    (void)state;
    WRITE("");
    expect(SKY_RECORDING_FRAMES, "", SKY_E_END);
    WRITE("\x03\0\0\0one\x00\0\0\0\x05\0\0\0three");
    expect(SKY_RECORDING_FRAMES, "one||three", SKY_E_END);
    WRITE("\x03\0\0\0one\x03\0\0\0tw");
    expect(SKY_RECORDING_FRAMES, "one", SKY_E_TRUNCATED);
    WRITE("\x03\0\0\0one\x03\0");
    expect(SKY_RECORDING_FRAMES, "one", SKY_E_TRUNCATED);
    WRITE("\x03\0\0\0one\xff\xff\xff\xff");
    expect(SKY_RECORDING_FRAMES, "one", SKY_E_LIMIT);
    WRITE("{\0\0\0"
          "0123456789012345678901234567890123456789012345678901234567890123456789"
          "01234567890123456789012345678901234567890123456789012"); /* a frame of 123 bytes, '{' */
    expect(
        SKY_RECORDING_FRAMES,
        "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
        "890123456789012",
        SKY_E_END);
}

static void test_lines(void **state)
{
    (void)state;
    WRITE("{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}");
    expect(SKY_RECORDING_LINES, "{\"a\":1}|{\"b\":2}|{\"c\":3}", SKY_E_END);
    WRITE("\n  {}\nnot json\n");
    expect(SKY_RECORDING_LINES, "  {}|not json", SKY_E_END);
    WRITE("{}");
    expect(SKY_RECORDING_LINES, "{}", SKY_E_END);
}

/* What looks like frames, or like nothing, is lines when that is asked for. */
static void test_lines_by_demand(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *items[3];
    } cases[] = {
        {"not json\n{\"a\":1}\n", {"not json", "{\"a\":1}"}},
        {"SKYREC1\n{\"a\":1}\n", {"SKYREC1", "{\"a\":1}"}},
        {"{\"a\":1}", {"{\"a\":1}"}},
        {"x", {"x"}},
        {"", {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sky_recording_reader *reader;
        struct sky_recording_item item;
        struct sky_error error;
        write_file(cases[i].text, strlen(cases[i].text));
        assert_int_equal(sky_recording_open(path, &reader, &error), SKY_OK);
        sky_recording_take_lines(reader);
        assert_int_equal(sky_recording_form(reader), SKY_RECORDING_LINES);
        for (const char *const *expected = cases[i].items; *expected; expected++) {
            assert_int_equal(sky_recording_next(reader, &item), SKY_OK);
            assert_true(sky_span_equal(item.bytes, sky_span_from_string(*expected)));
        }
        assert_int_equal(sky_recording_next(reader, &item), SKY_E_END);
        sky_recording_close(reader);
    }
}

static void test_long_lines(void **state)
{
    (void)state;
    struct sky_recording_reader *reader;
    struct sky_recording_item item;
    struct sky_error error;
    const size_t limit = 8u * 1024 * 1024;
    char *line = malloc(limit + 16);
    assert_non_null(line);
    memset(line, ' ', limit + 16);
    line[0] = '{';
    line[limit - 1] = '\n';
    write_file(line, limit);
    assert_int_equal(sky_recording_open(path, &reader, &error), SKY_OK);
    assert_int_equal(sky_recording_next(reader, &item), SKY_OK);
    assert_int_equal(item.bytes.len, limit - 1);
    assert_int_equal(sky_recording_next(reader, &item), SKY_E_END);
    sky_recording_close(reader);
    line[limit - 1] = ' ';
    write_file(line, limit + 16);
    assert_int_equal(sky_recording_open(path, &reader, &error), SKY_OK);
    assert_int_equal(sky_recording_next(reader, &item), SKY_E_LIMIT);
    sky_recording_close(reader);
    free(line);
}

/* Frames of many sizes, written and read in every form. */
static void test_round_trip(void **state)
{
    (void)state;
    static uint8_t bytes[300000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 997);
    for (int form = 0; form < 4; form++) {
        struct sky_recording_writer_options options = {.with_receipts = form & 1, .zstd = form & 2};
        struct sky_recording_writer *writer;
        struct sky_recording_reader *reader;
        struct sky_recording_item item;
        struct sky_error error;
        assert_int_equal(sky_recording_create(path, &options, &writer, &error), SKY_OK);
        for (size_t i = 0; i < 60; i++)
            assert_int_equal(sky_recording_write(writer, sky_span_of(bytes + i, i * i * 80), (int64_t)i - 5), SKY_OK);
        assert_int_equal(sky_recording_finish(writer), SKY_OK);
        assert_int_equal(sky_recording_open(path, &reader, &error), SKY_OK);
        assert_int_equal(sky_recording_form(reader), form & 1 ? SKY_RECORDING_RECEIPTS : SKY_RECORDING_FRAMES);
        for (size_t i = 0; i < 60; i++) {
            assert_int_equal(sky_recording_next(reader, &item), SKY_OK);
            assert_true(sky_span_equal(item.bytes, sky_span_of(bytes + i, i * i * 80)));
            assert_true(item.receipt_ms == (form & 1 ? (int64_t)i - 5 : SKY_RECEIPT_NONE));
        }
        assert_int_equal(sky_recording_next(reader, &item), SKY_E_END);
        struct sky_recording_progress progress = sky_recording_progress(reader);
        assert_true(progress.total_bytes > 0 && progress.read_bytes == progress.total_bytes);
        sky_recording_close(reader);
    }
}

static void test_damaged_zstd(void **state)
{
    (void)state;
    struct sky_recording_writer_options options = {.zstd = true};
    struct sky_recording_writer *writer;
    struct sky_recording_reader *reader;
    struct sky_recording_item item;
    struct sky_error error;
    assert_int_equal(sky_recording_create(path, &options, &writer, &error), SKY_OK);
    assert_int_equal(sky_recording_write(writer, SKY_SPAN("frame"), 0), SKY_OK);
    assert_int_equal(sky_recording_finish(writer), SKY_OK);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t whole[256];
    size_t len = fread(whole, 1, sizeof whole, file);
    fclose(file);
    for (size_t cut = 5; cut < len; cut++) {
        write_file(whole, cut);
        enum sky_status status = sky_recording_open(path, &reader, &error);
        while (!status)
            status = sky_recording_next(reader, &item);
        if (reader)
            sky_recording_close(reader);
        assert_int_equal(status, SKY_E_TRUNCATED);
    }
    /* a zstd frame that asks for a window of 128 MiB */
    WRITE("\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00");
    assert_int_equal(sky_recording_open(path, &reader, &error), SKY_E_MALFORMED);
    assert_null(reader);
}

static void test_no_such_file(void **state)
{
    (void)state;
    struct sky_recording_reader *reader;
    struct sky_error error;
    assert_int_equal(sky_recording_open("/nonexistent/recording", &reader, &error), SKY_E_IO);
    assert_null(reader);
    assert_non_null(error.reason);
    struct sky_recording_writer_options options = {0};
    struct sky_recording_writer *writer;
    assert_int_equal(sky_recording_create("/nonexistent/recording", &options, &writer, &error), SKY_E_IO);
}

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/skytrend-recording-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),          cmocka_unit_test(test_lines),      cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_lines_by_demand), cmocka_unit_test(test_round_trip), cmocka_unit_test(test_damaged_zstd),
        cmocka_unit_test(test_no_such_file),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
