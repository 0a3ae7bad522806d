/* Folders made: which, and which folders above them are synced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/host/folder.h"

static char synced[1024]; /* the paths given to fsync, each with a space behind it */

/* In the place of the C library's: what it was asked to sync. */
int fsync(int fd)
{
    char name[64], path[256];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(name, path, sizeof path - 1);
    assert_true(len > 0);
    path[len] = '\0';
    assert_true(strlen(synced) + (size_t)len + 2 <= sizeof synced);
    strcat(strcat(synced, path), " "); /* NOLINT: its room was looked at */
    return 0;
}

static void assert_made(const char *path, const char *expected)
{
    struct stat info;
    synced[0] = '\0';
    assert_int_equal(sky_folder_make(path), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    assert_string_equal(synced, expected);
}

static void test_make(void **state)
{
    char root[] = "/tmp/skytrend-folder-XXXXXX", path[128], expected[256];
    (void)state;
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/a/b/c", root);
    snprintf(expected, sizeof expected, "%s %s/a %s/a/b ", root, root, root);
    assert_made(path, expected);
    assert_made(path, ""); /* all there */
    snprintf(path, sizeof path, "%s/a/b/d//", root);
    snprintf(expected, sizeof expected, "%s/a/b ", root);
    assert_made(path, expected);
    assert_int_equal(chdir(root), 0);
    snprintf(expected, sizeof expected, "%s ", root);
    assert_made("relative", expected);

    snprintf(path, sizeof path, "%s/file", root);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    snprintf(path, sizeof path, "%s/file/below", root);
    assert_int_equal(sky_folder_make(path), ENOTDIR);
    assert_int_equal(sky_folder_make(""), ENOENT);
    snprintf(path, sizeof path, "rm -rf %s", root);
    assert_int_equal(system(path), 0); /* NOLINT(cert-env33-c): a folder of our own making */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_make)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
