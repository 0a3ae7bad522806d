#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "event/event_time.h"
#include "io/host/dead_letters.h"
#include "io/host/recording.h"

static char folder[] = "/tmp/skytrend-letters-XXXXXX";
static char path[64], path_old[64];

static int make_folder(void **state)
{
    strcpy(folder, "/tmp/skytrend-letters-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/letters.bin", folder);
    snprintf(path_old, sizeof path_old, "%s/letters.bin.old", folder);
    return 0;
}

static int remove_folder(void **state)
{
    unlink(path);
    unlink(path_old);
    return rmdir(folder);
}

static struct sky_dead_letters *letters_of(uint64_t room_bytes, bool lines)
{
    struct sky_dead_letters *letters;
    struct sky_dead_letters_options options = {.path = path, .room_bytes = room_bytes, .lines = lines};
    assert_int_equal(sky_dead_letters_new(&options, &letters), SKY_OK);
    return letters;
}

/* The file, read as `skytrend replay` reads it, is these letters and nothing else. */
static void assert_holds(const char *file, const char *const *expected, size_t count)
{
    struct sky_recording_reader *reader;
    struct sky_recording_item item;
    struct sky_error error;
    assert_int_equal(sky_recording_open(file, &reader, &error), SKY_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sky_recording_next(reader, &item), SKY_OK);
        assert_int_equal(item.bytes.len, strlen(expected[i]));
        assert_memory_equal(item.bytes.ptr, expected[i], item.bytes.len);
    }
    assert_int_equal(sky_recording_next(reader, &item), SKY_E_END);
    sky_recording_close(reader);
}

static void add(struct sky_dead_letters *letters, const char *text)
{
    assert_int_equal(sky_dead_letters_add(letters, sky_span_from_string(text), 1767571200123), SKY_OK);
}

static void test_replay_reads_them(void **state)
{
    struct sky_dead_letters *letters = letters_of(1 << 20, false);
    assert_int_equal(access(path, F_OK), -1); /* no letter, no file */
    add(letters, "bad frame");
    add(letters, "");
    sky_dead_letters_free(letters);
    letters = letters_of(1 << 20, false); /* of the next process */
    add(letters, "another");
    sky_dead_letters_free(letters);
    assert_holds(path, (const char *const[]){"bad frame", "", "another"}, 3);

    struct sky_recording_reader *reader;
    struct sky_recording_item item;
    struct sky_error error;
    assert_int_equal(sky_recording_open(path, &reader, &error), SKY_OK);
    assert_int_equal(sky_recording_next(reader, &item), SKY_OK);
    assert_int_equal(item.receipt_ms, 1767571200123);
    sky_recording_close(reader);
}

static void test_lines(void **state)
{
    struct sky_dead_letters *letters = letters_of(1 << 20, true);
    add(letters, "{\"did\":");
    assert_int_equal(sky_dead_letters_add(letters, SKY_SPAN("two\nlines"), 0), SKY_E_LIMIT);
    add(letters, "{}");
    sky_dead_letters_free(letters);
    assert_holds(path, (const char *const[]){"{\"did\":", "{}"}, 2);
}

/* A crash in the middle of a letter: the half one goes, those before and behind it stay. */
static void test_half_a_letter(void **state)
{
    for (long cut = 1; cut < 12 + 4; cut++) {
        struct sky_dead_letters *letters = letters_of(1 << 20, false);
        struct stat info;
        add(letters, "first");
        add(letters, "half");
        sky_dead_letters_free(letters);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(truncate(path, info.st_size - cut), 0);
        letters = letters_of(1 << 20, false);
        add(letters, "last");
        sky_dead_letters_free(letters);
        assert_holds(path, (const char *const[]){"first", "last"}, 2);
        assert_int_equal(unlink(path), 0);
    }
}

static void test_room(void **state)
{
    static const uint8_t big[400];
    struct sky_dead_letters *letters = letters_of(1000, false);
    struct stat now, old;
    assert_int_equal(sky_dead_letters_add(letters, sky_span_of(big, 490), 0), SKY_E_LIMIT);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sky_dead_letters_add(letters, sky_span_of(big, (size_t)(i * 37 % 400)), 0), SKY_OK);
        assert_int_equal(stat(path, &now), 0);
        old.st_size = 0;
        (void)stat(path_old, &old);
        assert_true(now.st_size + old.st_size <= 1000);
    }
    sky_dead_letters_free(letters);
    assert_true(old.st_size > 0);
}

/* A file of something else is put aside, not cut. */
static void test_foreign_file(void **state)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("somebody's own notes", file);
    fclose(file);
    struct sky_dead_letters *letters = letters_of(1 << 20, false);
    add(letters, "bad frame");
    sky_dead_letters_free(letters);
    struct stat old;
    assert_int_equal(stat(path_old, &old), 0);
    assert_int_equal(old.st_size, 20);
    assert_holds(path, (const char *const[]){"bad frame"}, 1);
}

/* Larger than the room, and mostly a hole: put aside at once, not searched for its last letter. */
static void test_huge_file(void **state)
{
    struct sky_dead_letters *letters = letters_of(1 << 20, false);
    add(letters, "first");
    sky_dead_letters_free(letters);
    assert_int_equal(truncate(path, INT64_C(1) << 38), 0);
    alarm(60);
    letters = letters_of(1 << 20, false);
    add(letters, "bad frame");
    sky_dead_letters_free(letters);
    alarm(0);
    assert_holds(path, (const char *const[]){"bad frame"}, 1);
}

/* A pipe that nobody reads: letters are lost, and the caller does not wait. */
static void test_pipe(void **state)
{
    static const uint8_t big[4000];
    assert_int_equal(mkfifo(path, 0600), 0);
    struct sky_dead_letters *letters = letters_of(1 << 20, false);
    enum sky_status status = SKY_OK;
    alarm(60);
    for (int i = 0; i < 1000 && status == SKY_OK; i++)
        status = sky_dead_letters_add(letters, sky_span_of(big, sizeof big), 0);
    alarm(0);
    assert_int_equal(status, SKY_E_IO);
    sky_dead_letters_free(letters);
}

static void test_no_folder(void **state)
{
    char kept[64];
    strcpy(kept, path);
    snprintf(path, sizeof path, "%s/none/letters.bin", folder);
    struct sky_dead_letters *letters = letters_of(1 << 20, false);
    assert_int_equal(sky_dead_letters_add(letters, SKY_SPAN("x"), 0), SKY_E_IO);
    assert_non_null(strstr(sky_dead_letters_message(letters), "none/letters.bin: cannot be opened: No such file"));
    sky_dead_letters_free(letters);
    strcpy(path, kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replay_reads_them, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_lines, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_half_a_letter, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_room, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_foreign_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_huge_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_pipe, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_no_folder, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
