/* Faults of a disk, one by one: what was saved comes back whole, or the one before it, or an error; never a mixture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/host/checkpoint.h"

struct fixture {
    char folder[64];
    char path[96];
    struct sky_checkpoint *checkpoint;
    struct sky_checkpoint_message message;
    struct sky_buffer loaded;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/checkpoint_test_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/deep/state", f->folder);
    assert_int_equal(sky_checkpoint_open(f->path, &f->checkpoint, &f->message), SKY_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    sky_checkpoint_close(f->checkpoint);
    sky_buffer_clean_up(&f->loaded);
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own making */
    free(f);
    return 0;
}

static enum sky_status save(struct fixture *f, const char *text)
{
    struct sky_buffer payload = {0};
    sky_buffer_put_string(&payload, text);
    enum sky_status status = sky_checkpoint_save(f->checkpoint, &payload);
    sky_buffer_clean_up(&payload);
    return status;
}

static void reopen(struct fixture *f)
{
    sky_checkpoint_close(f->checkpoint);
    assert_int_equal(sky_checkpoint_open(f->path, &f->checkpoint, &f->message), SKY_OK);
}

static void expect_loaded(struct fixture *f, const char *text)
{
    assert_int_equal(sky_checkpoint_load(f->checkpoint, &f->loaded), SKY_OK);
    assert_int_equal(f->loaded.len, strlen(text));
    assert_memory_equal(f->loaded.ptr, text, strlen(text));
}

static void slot_path(const struct fixture *f, char slot, char path[128])
{
    snprintf(path, 128, "%s.%c", f->path, slot);
}

static size_t read_slot(const struct fixture *f, char slot, uint8_t bytes[4096])
{
    char path[128];
    slot_path(f, slot, path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(bytes, 1, 4096, file);
    fclose(file);
    return len;
}

static void write_slot(const struct fixture *f, char slot, const uint8_t *bytes, size_t len)
{
    char path[128];
    slot_path(f, slot, path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void test_the_newest_comes_back(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(sky_checkpoint_load(f->checkpoint, &f->loaded), SKY_E_END);
    char text[32];
    for (int i = 1; i <= 5; i++) {
        snprintf(text, sizeof text, "state %d", i);
        assert_int_equal(save(f, text), SKY_OK);
        reopen(f);
        expect_loaded(f, text);
        assert_string_equal(sky_checkpoint_text(f->checkpoint), "");
        assert_int_equal(sky_checkpoint_generation(f->checkpoint), i);
    }
    assert_int_equal(save(f, ""), SKY_OK);
    expect_loaded(f, "");
}

/* The layout as the header of checkpoint.h has it, but for the checksums. */
static void test_layout(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[4096];
    static const uint8_t start[12] = "SKYTREND\x02\0\0", generation_and_length[16] = "\x01\0\0\0\0\0\0\0\x05";
    assert_int_equal(save(f, "abcde"), SKY_OK);
    assert_int_equal(read_slot(f, 'a', bytes), 45);
    assert_memory_equal(bytes, start, sizeof start);
    assert_memory_equal(bytes + 16, generation_and_length, sizeof generation_and_length);
    assert_memory_equal(bytes + 40, "abcde", 5);
}

/* Each bit of the newest file turned, each length of it: the one before comes back, and the damage is told. */
static void test_every_bit_and_every_length(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[4096];
    assert_int_equal(save(f, "first"), SKY_OK);
    assert_int_equal(save(f, "second"), SKY_OK);
    size_t len = read_slot(f, 'b', bytes);
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_slot(f, 'b', bytes, len);
        reopen(f);
        expect_loaded(f, "first");
        assert_non_null(strstr(sky_checkpoint_text(f->checkpoint), "/deep/state.b is "));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < len; cut++) {
        write_slot(f, 'b', bytes, cut);
        reopen(f);
        expect_loaded(f, "first");
    }
    memcpy(bytes + len, "more", 4);
    write_slot(f, 'b', bytes, len + 4);
    reopen(f);
    expect_loaded(f, "first");
    assert_int_equal(save(f, "third"), SKY_OK); /* over the damaged one */
    reopen(f);
    expect_loaded(f, "third");
    assert_int_equal(read_slot(f, 'a', bytes), 45); /* "first" is still there */
}

static void test_both_damaged(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(save(f, "first"), SKY_OK);
    assert_int_equal(save(f, "second"), SKY_OK);
    write_slot(f, 'a', (const uint8_t *)"", 0);
    write_slot(f, 'b', (const uint8_t *)"rubbish", 7);
    reopen(f);
    assert_int_equal(sky_checkpoint_load(f->checkpoint, &f->loaded), SKY_E_CHECKSUM);
    assert_non_null(strstr(sky_checkpoint_text(f->checkpoint), "state.a is damaged"));
    assert_non_null(strstr(sky_checkpoint_text(f->checkpoint), "state.b is damaged"));
    assert_int_equal(f->loaded.len, 0);
}

static void test_a_pipe_is_damage(void **state)
{
    struct fixture *f = *state;
    char path[128];
    assert_int_equal(save(f, "first"), SKY_OK);
    slot_path(f, 'b', path);
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(60);
    reopen(f);
    expect_loaded(f, "first");
    alarm(0);
    assert_non_null(strstr(sky_checkpoint_text(f->checkpoint), "state.b is damaged"));
}

static void test_another_version(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[4096];
    assert_int_equal(save(f, "first"), SKY_OK);
    size_t len = read_slot(f, 'a', bytes);
    bytes[8] = SKY_CHECKPOINT_VERSION + 1;
    memset(bytes + 12, 0, 4);
    uint32_t check = (uint32_t)sky_hash_id(sky_span_of(bytes, SKY_CHECKPOINT_HEADER_BYTES));
    memcpy(bytes + 12, &check, sizeof check); /* a whole file of that version */
    write_slot(f, 'a', bytes, len);
    reopen(f);
    assert_int_equal(sky_checkpoint_load(f->checkpoint, &f->loaded), SKY_E_UNSUPPORTED);
    assert_non_null(strstr(sky_checkpoint_text(f->checkpoint), "another version"));
}

/* A state that memory did not suffice for is not saved, and what was saved before stays. */
static void test_a_failed_payload(void **state)
{
    struct fixture *f = *state;
    struct sky_buffer failed = {.failed = true};
    assert_int_equal(save(f, "first"), SKY_OK);
    assert_int_equal(sky_checkpoint_save(f->checkpoint, &failed), SKY_E_MEMORY);
    assert_non_null(strstr(sky_checkpoint_text(f->checkpoint), "no memory"));
    reopen(f);
    expect_loaded(f, "first");
}

/* A crash between the write and the rename leaves PATH.tmp: it is never read. */
static void test_a_temporary_file_is_ignored(void **state)
{
    struct fixture *f = *state;
    char temporary[128];
    assert_int_equal(save(f, "first"), SKY_OK);
    snprintf(temporary, sizeof temporary, "%s.tmp", f->path);
    FILE *file = fopen(temporary, "we");
    assert_non_null(file);
    fputs("half of a newer st", file);
    fclose(file);
    reopen(f);
    expect_loaded(f, "first");
    assert_int_equal(save(f, "second"), SKY_OK);
    assert_int_equal(access(temporary, F_OK), -1);
}

/* As on a full disk: the write fails midway. */
static void test_no_space(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, small = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
    struct sky_buffer large = {0};
    for (int i = 0; i < 1000; i++)
        sky_buffer_put_string(&large, "0123456789");
    assert_int_equal(save(f, "first"), SKY_OK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum sky_status status = sky_checkpoint_save(f->checkpoint, &large);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, SKY_E_IO);
    assert_non_null(strstr(sky_checkpoint_text(f->checkpoint), strerror(EFBIG)));
    reopen(f);
    expect_loaded(f, "first");
    assert_int_equal(sky_checkpoint_save(f->checkpoint, &large), SKY_OK); /* there is space again */
    reopen(f);
    assert_int_equal(sky_checkpoint_load(f->checkpoint, &f->loaded), SKY_OK);
    assert_int_equal(f->loaded.len, large.len);
    assert_memory_equal(f->loaded.ptr, large.ptr, large.len);
    sky_buffer_clean_up(&large);
}

/* Root may write anywhere, so the folder is taken away instead of its permission. */
static void test_the_folder_is_gone(void **state)
{
    struct fixture *f = *state;
    char from[128], to[136];
    assert_int_equal(save(f, "first"), SKY_OK);
    snprintf(from, sizeof from, "%s/deep", f->folder);
    snprintf(to, sizeof to, "%s/away", f->folder);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(save(f, "second"), SKY_E_IO);
    assert_non_null(strstr(sky_checkpoint_text(f->checkpoint), strerror(ENOENT)));
    assert_int_equal(rename(to, from), 0);
    reopen(f);
    expect_loaded(f, "first");
}

static void test_read_only_folder(void **state)
{
    struct fixture *f = *state;
    if (geteuid() == 0) { /* permissions do not bind root: /proc/1 is a folder where nobody may write */
        struct sky_checkpoint *other;
        assert_int_equal(sky_checkpoint_open("/proc/1/state", &other, &f->message), SKY_E_IO);
        assert_null(other);
        assert_non_null(strstr(f->message.text, "/proc/1/state.lock: "));
        return;
    }
    char folder[128];
    snprintf(folder, sizeof folder, "%s/deep", f->folder);
    assert_int_equal(chmod(folder, 0500), 0);
    enum sky_status status = save(f, "first");
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(status, SKY_E_IO);
}

static void test_one_process_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct sky_checkpoint *second;
    assert_int_equal(sky_checkpoint_open(f->path, &second, &f->message), SKY_E_DUPLICATE);
    assert_null(second);
    assert_non_null(strstr(f->message.text, "another skytrend"));
}

/* Killed at a random moment of a series of saves, again and again: what is loaded is always whole and never older than
 * the last save that was reported done. */
static void test_kill_at_any_moment(void **state)
{
    struct fixture *f = *state;
    sky_checkpoint_close(f->checkpoint);
    f->checkpoint = NULL;
    uint64_t last = 0;
    for (int round = 0; round < 30 || (last <= 30 && round < 3000); round++) { /* a busy machine saves less often */
        int done[2];
        assert_int_equal(pipe(done), 0);
        pid_t child = fork();
        if (child == 0) {
            struct sky_buffer payload = {0};
            if (sky_checkpoint_open(f->path, &f->checkpoint, &f->message) != SKY_OK)
                _exit(1);
            for (uint64_t i = last + 1;; i++) {
                payload.len = 0;
                for (int repeat = 0; repeat < 5000; repeat++)
                    sky_buffer_put_u64(&payload, i);
                if (sky_checkpoint_save(f->checkpoint, &payload) != SKY_OK || write(done[1], &i, sizeof i) != sizeof i)
                    _exit(1);
            }
        }
        close(done[1]);
        usleep(2000 + (useconds_t)(round % 30) * 700);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        uint64_t reported = last, number;
        while (read(done[0], &number, sizeof number) == sizeof number)
            reported = number;
        close(done[0]);
        assert_int_equal(sky_checkpoint_open(f->path, &f->checkpoint, &f->message), SKY_OK);
        enum sky_status status = sky_checkpoint_load(f->checkpoint, &f->loaded);
        sky_checkpoint_close(f->checkpoint);
        f->checkpoint = NULL;
        if (reported == 0 && status == SKY_E_END)
            continue;
        assert_int_equal(status, SKY_OK);
        assert_int_equal(f->loaded.len, 5000 * 8);
        memcpy(&last, f->loaded.ptr, sizeof last);
        assert_true(last == reported || last == reported + 1);
        for (size_t i = 0; i < 5000; i++)
            assert_memory_equal(f->loaded.ptr + i * 8, &last, 8);
    }
    assert_true(last > 30); /* saves did happen */
}

static void test_sections(void **state)
{
    struct sky_buffer payload = {0};
    struct sky_span section;
    const uint32_t one = SKY_CHECKPOINT_TAG('O', 'N', 'E', ' '), two = SKY_CHECKPOINT_TAG('T', 'W', 'O', ' ');
    assert_int_equal(sky_checkpoint_section(sky_buffer_span(&payload), one, &section), SKY_E_MISSING);
    size_t begin = sky_checkpoint_section_begin(&payload, one);
    sky_buffer_put_string(&payload, "first");
    sky_checkpoint_section_end(&payload, begin);
    begin = sky_checkpoint_section_begin(&payload, two);
    sky_checkpoint_section_end(&payload, begin);
    static const uint8_t expected[] = "ONE \x05\0\0\0\0\0\0\0firstTWO \0\0\0\0\0\0\0";
    assert_int_equal(payload.len, sizeof expected);
    assert_memory_equal(payload.ptr, expected, sizeof expected);
    assert_int_equal(sky_checkpoint_section(sky_buffer_span(&payload), one, &section), SKY_OK);
    assert_true(sky_span_equal(section, SKY_SPAN("first")));
    assert_int_equal(sky_checkpoint_section(sky_buffer_span(&payload), two, &section), SKY_OK);
    assert_int_equal(section.len, 0);
    memset(payload.ptr + 4, 0xff, 8); /* a length of 2^64 - 1 */
    assert_int_equal(sky_checkpoint_section(sky_buffer_span(&payload), two, &section), SKY_E_TRUNCATED);
    sky_buffer_clean_up(&payload);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_newest_comes_back),
        TEST(test_layout),
        TEST(test_every_bit_and_every_length),
        TEST(test_both_damaged),
        TEST(test_a_pipe_is_damage),
        TEST(test_another_version),
        TEST(test_a_failed_payload),
        TEST(test_a_temporary_file_is_ignored),
        TEST(test_no_space),
        TEST(test_the_folder_is_gone),
        TEST(test_read_only_folder),
        TEST(test_one_process_at_a_time),
        TEST(test_kill_at_any_moment),
        cmocka_unit_test(test_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
