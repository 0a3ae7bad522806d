#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/host/output_file.h"

static char path[] = "/tmp/skytrend-output-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void assert_content(const char *expected)
{
    char content[256] = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(content, 1, sizeof content - 1, file);
    fclose(file);
    assert_int_equal(len, strlen(expected));
    assert_string_equal(content, expected);
}

static void append(struct sky_output_file *file, const char *line)
{
    sky_buffer_put_string(sky_output_file_buffer(file), line);
    assert_int_equal(sky_output_file_write(file), SKY_OK);
}

static void test_lines_behind_the_checkpoint_are_cut(void **state)
{
    (void)state;
    struct sky_output_file *file;
    char message[SKY_OUTPUT_FILE_MESSAGE_SIZE];
    assert_int_equal(sky_output_file_open(path, &file, message), SKY_OK);
    append(file, "one\n");
    assert_int_equal(sky_output_file_sync(file), SKY_OK);
    uint64_t mark = sky_output_file_length_bytes(file);
    append(file, "two\nhal");
    sky_output_file_close(file);

    assert_int_equal(sky_output_file_open(path, &file, message), SKY_OK);
    assert_int_equal(sky_output_file_length_bytes(file), 11);
    assert_int_equal(sky_output_file_resume(file, mark, message), SKY_OK);
    append(file, "two\n");
    assert_int_equal(sky_output_file_length_bytes(file), 8);
    sky_output_file_close(file);
    assert_content("one\ntwo\n");
}

static void test_shorter_file_than_the_checkpoint_is_refused(void **state)
{
    (void)state;
    struct sky_output_file *file;
    char message[SKY_OUTPUT_FILE_MESSAGE_SIZE];
    assert_int_equal(sky_output_file_open(path, &file, message), SKY_OK);
    assert_int_equal(sky_output_file_resume(file, 1000, message), SKY_E_IO);
    assert_non_null(strstr(message, "1000"));
    sky_output_file_close(file);
    assert_content("one\ntwo\n");
}

static void test_full_disk_is_an_error(void **state)
{
    (void)state;
    struct sky_output_file *file;
    char message[SKY_OUTPUT_FILE_MESSAGE_SIZE];
    assert_int_equal(sky_output_file_open("/dev/full", &file, message), SKY_OK);
    sky_buffer_put_string(sky_output_file_buffer(file), "line\n");
    assert_int_equal(sky_output_file_write(file), SKY_E_IO);
    sky_output_file_close(file);
    assert_int_equal(sky_output_file_open("/no/such/folder/file", &file, message), SKY_E_IO);
    assert_non_null(strstr(message, "/no/such/folder/file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_behind_the_checkpoint_are_cut),
        cmocka_unit_test(test_shorter_file_than_the_checkpoint_is_refused),
        cmocka_unit_test(test_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
