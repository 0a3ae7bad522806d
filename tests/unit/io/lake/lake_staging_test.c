/* Folders for files on their way: each owner's own, and those of ended processes removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/lake/lake_staging.h"

static char directory[] = "/tmp/skytrend-staging-XXXXXX/a/b";
#define ROOT_LEN (sizeof "/tmp/skytrend-staging-XXXXXX" - 1)

static int set_up(void **state)
{
    (void)state;
    directory[ROOT_LEN] = '\0';
    memcpy(directory + ROOT_LEN - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    directory[ROOT_LEN] = '/';
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %.*s", (int)ROOT_LEN, directory);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own making */
    return 0;
}

static void write_file(const struct sky_lake_staging *staging, const char *name)
{
    char path[PATH_MAX];
    assert_true(sky_lake_staging_path(staging, name, path));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(name, file);
    fclose(file);
}

static bool has_file(const struct sky_lake_staging *staging, const char *name)
{
    char path[PATH_MAX];
    assert_true(sky_lake_staging_path(staging, name, path));
    return access(path, F_OK) == 0;
}

/* Folders in the directory. */
static int count_folders(void)
{
    int count = 0;
    const struct dirent *entry;
    DIR *folder = opendir(directory);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void test_two_owners(void **state)
{
    struct sky_lake_staging one, other;
    (void)state;
    assert_int_equal(sky_lake_staging_open(directory, &one), SKY_OK);
    write_file(&one, "chunk.parquet");
    assert_int_equal(sky_lake_staging_open(directory, &other), SKY_OK);
    assert_true(has_file(&one, "chunk.parquet"));
    assert_false(has_file(&other, "chunk.parquet"));
    write_file(&other, "chunk.parquet");
    sky_lake_staging_close(&other);
    assert_true(has_file(&one, "chunk.parquet"));
    assert_int_equal(count_folders(), 1);
    sky_lake_staging_close(&one);
    assert_int_equal(count_folders(), 0);
    sky_lake_staging_close(&one); /* again changes nothing */
}

static void test_an_ended_process(void **state)
{
    struct sky_lake_staging staging;
    int status, ready[2];
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool is_open = sky_lake_staging_open(directory, &staging) == SKY_OK;
        write_file(&staging, "part-0.parquet");
        write_file(&staging, "chunk.parquet.tmp");
        if (!is_open || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(sky_lake_staging_open(directory, &staging), SKY_OK);
    assert_int_equal(count_folders(), 2); /* it lives */
    sky_lake_staging_close(&staging);
    assert_int_equal(count_folders(), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(sky_lake_staging_open(directory, &staging), SKY_OK);
    assert_int_equal(count_folders(), 1);
    sky_lake_staging_close(&staging);
    assert_int_equal(count_folders(), 0);
    close(ready[0]);
    close(ready[1]);
}

static void test_what_cannot_be(void **state)
{
    struct sky_lake_staging staging;
    char path[PATH_MAX];
    (void)state;
    assert_int_equal(sky_lake_staging_open("/dev/null/below", &staging), SKY_E_IO);
    sky_lake_staging_close(&staging);
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_int_equal(sky_lake_staging_open(path, &staging), SKY_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_owners, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_ended_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
