#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/host/truth_file.h"

static int64_t size_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static void test_anothers_is_left_alone(void **state)
{
    char path[] = "/tmp/truth_file_test_XXXXXX";
    struct sky_truth_file *first, *second;
    struct sky_world_options options;
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "older\n", 6), 6);
    close(fd);
    sky_world_options_default(&options);
    assert_int_equal(sky_truth_file_open(path, &options, &first), SKY_OK);
    int64_t size = size_of(path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fgetc(file), '{'); /* what was there is gone */
    fclose(file);
    assert_int_equal(sky_truth_file_open(path, &options, &second), SKY_E_FENCED);
    assert_int_equal(size_of(path), size);
    assert_int_equal(sky_truth_file_close(first), SKY_OK);
    assert_int_equal(sky_truth_file_open(path, &options, &second), SKY_OK);
    assert_int_equal(sky_truth_file_close(second), SKY_OK);
    assert_int_equal(size_of(path), size);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anothers_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
