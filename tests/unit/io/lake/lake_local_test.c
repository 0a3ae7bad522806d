/* The lake of `run`: cuts, the way back to a checkpoint, and what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "io/lake/lake_listing.h"
#include "io/lake/lake_local.h"

#define T_2026_01_05_14 INT64_C(1767621600000)
#define HOUR_MS         INT64_C(3600000)
#define PATIENCE        600 /* looks, 50 ms apart */

static bool unlink_fails;

/* In the place of the C library's: files that cannot be removed. */
int unlink(const char *path)
{
    if (!unlink_fails)
        return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    errno = EIO;
    return -1;
}

struct fixture {
    char folder[64];
    struct sky_lake_local_options options;
    struct sky_lake_local *local;
    struct sky_lake_store *store;
};

static void open_local(struct fixture *f)
{
    char problem[SKY_LAKE_PROBLEM_SIZE];
    if (sky_lake_local_open(&f->options, &f->local, problem) != SKY_OK)
        fail_msg("%s", problem);
}

static void reopen(struct fixture *f)
{
    sky_lake_local_close(f->local);
    open_local(f);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char problem[SKY_S3_PROBLEM_SIZE];
    snprintf(f->folder, sizeof f->folder, "/tmp/skytrend-local-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->options = (struct sky_lake_local_options){.folder = f->folder, .closed_ms = HOUR_MS, .compacts = true};
    const struct sky_lake_store_options store = {.location = f->folder};
    assert_int_equal(sky_lake_store_new(&store, &f->store, problem), SKY_OK);
    open_local(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    sky_lake_local_close(f->local);
    sky_lake_store_free(f->store);
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own making */
    free(f);
    return 0;
}

static void add_posts(struct fixture *f, int count, int64_t time_ms)
{
    for (int i = 0; i < count; i++) {
        const struct sky_post post = {.op = SKY_POST_CREATE,
                                      .uri = SKY_SPAN("at://did:plc:a/app.bsky.feed.post/1"),
                                      .author_did = SKY_SPAN("did:plc:a"),
                                      .text = SKY_SPAN("text"),
                                      .event_time_ms = time_ms + i};
        sky_lake_local_post(f->local, &post);
    }
}

/* The files' row numbers: "0-10 10-15 " */
static void assert_files(struct fixture *f, const char *expected)
{
    struct sky_lake_listing listing;
    struct sky_buffer out = {0};
    assert_int_equal(sky_lake_list(f->store, SKY_LAKE_POSTS, 0, INT64_MAX, &listing), SKY_OK);
    for (size_t i = 0; i < listing.count; i++)
        sky_buffer_printf(&out, "%lld-%lld ", (long long)listing.entries[i].file.start,
                          (long long)listing.entries[i].file.end);
    sky_buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.ptr, expected);
    sky_buffer_clean_up(&out);
    sky_lake_listing_clean_up(&listing);
}

static void test_resume(void **state)
{
    struct fixture *f = *state;
    uint32_t removed;
    add_posts(f, 10, T_2026_01_05_14);
    assert_files(f, "");
    assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    assert_int_equal(sky_lake_local_position(f->local), 10);
    add_posts(f, 5, T_2026_01_05_14 + 1000);
    assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    assert_int_equal(sky_lake_local_cut(f->local), SKY_OK); /* nothing waits */
    assert_files(f, "0-10 10-15 ");

    reopen(f); /* a crash behind the checkpoint at 10 */
    assert_int_equal(sky_lake_local_position(f->local), 15);
    assert_int_equal(sky_lake_local_resume(f->local, 10, &removed), SKY_OK);
    assert_int_equal(removed, 1);
    assert_files(f, "0-10 ");
    add_posts(f, 7, T_2026_01_05_14 + 1000);
    assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    assert_files(f, "0-10 10-17 ");

    reopen(f); /* no checkpoint: nothing goes */
    add_posts(f, 1, T_2026_01_05_14 + 2000);
    assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    assert_files(f, "0-10 10-17 17-18 ");

    f->options.anew = true;
    reopen(f);
    assert_files(f, "");
    assert_int_equal(sky_lake_local_position(f->local), 0);
}

/* The thread beside works on its own time. */
static void wait_for(struct fixture *f, bool (*is_met)(const struct sky_lake_local_stats *stats))
{
    struct sky_lake_local_stats stats;
    for (int i = 0; i < PATIENCE; i++) {
        sky_lake_local_stats(f->local, &stats);
        if (is_met(&stats))
            return;
        usleep(50000);
    }
    fail_msg("waited in vain");
}

static bool has_compacted(const struct sky_lake_local_stats *stats)
{
    return stats->compacted == 3 && stats->bytes > 0;
}

static bool has_removed_2(const struct sky_lake_local_stats *stats)
{
    return stats->removed == 2;
}

static void test_compaction_up_to_the_checkpoint(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        add_posts(f, 10, T_2026_01_05_14 + 1000 * i);
        assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    }
    sky_lake_local_saved(f->local, T_2026_01_05_14 + 3 * HOUR_MS);
    wait_for(f, has_compacted);
    assert_files(f, "0-30 0-10 10-20 20-30 "); /* the small ones stay for a minute of the clock */
}

static void test_by_age(void **state)
{
    struct fixture *f = *state;
    f->options.keep_ms = 3 * HOUR_MS;
    f->options.compacts = false;
    reopen(f);
    for (int i = 0; i < 6; i++) {
        add_posts(f, 10, T_2026_01_05_14 + i * HOUR_MS);
        assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    }
    sky_lake_local_saved(f->local, T_2026_01_05_14 + 5 * HOUR_MS + 1); /* hours 14 and 15 have been over for 3 h */
    wait_for(f, has_removed_2);
    assert_files(f, "20-30 30-40 40-50 50-60 ");
}

static void test_by_size(void **state)
{
    struct fixture *f = *state;
    struct sky_lake_listing listing;
    f->options.compacts = false;
    for (int i = 0; i < 4; i++) {
        add_posts(f, 10, T_2026_01_05_14 + i * HOUR_MS);
        assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    }
    assert_int_equal(sky_lake_list(f->store, SKY_LAKE_POSTS, 0, INT64_MAX, &listing), SKY_OK);
    uint64_t last_two = listing.entries[2].size_bytes + listing.entries[3].size_bytes;
    sky_lake_listing_clean_up(&listing);
    f->options.bytes_max = last_two;
    reopen(f);
    sky_lake_local_saved(f->local, T_2026_01_05_14 + 3 * HOUR_MS);
    wait_for(f, has_removed_2);
    assert_files(f, "20-30 30-40 ");
}

static void test_one_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct sky_lake_local *second = NULL;
    char problem[SKY_LAKE_PROBLEM_SIZE] = "";
    assert_int_equal(sky_lake_local_open(&f->options, &second, problem), SKY_E_DUPLICATE);
    assert_non_null(strstr(problem, "another skytrend"));
    reopen(f); /* closed before: free again */
}

/* As long as rows behind the checkpoint cannot be removed, they are not written a second time. */
static void test_rows_behind_that_stay(void **state)
{
    struct fixture *f = *state;
    struct sky_lake_local_stats stats;
    uint32_t removed;
    add_posts(f, 10, T_2026_01_05_14);
    assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    add_posts(f, 5, T_2026_01_05_14 + 1000);
    assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);

    reopen(f);
    unlink_fails = true;
    assert_int_equal(sky_lake_local_resume(f->local, 10, &removed), SKY_E_IO);
    assert_int_equal(removed, 0);
    assert_non_null(strstr(sky_lake_local_problem(f->local), strerror(EIO)));
    add_posts(f, 7, T_2026_01_05_14 + 1000);
    assert_int_equal(sky_lake_local_cut(f->local), SKY_E_IO);
    assert_non_null(strstr(sky_lake_local_problem(f->local), strerror(EIO)));
    assert_files(f, "0-10 10-15 ");
    assert_int_equal(sky_lake_local_position(f->local), 10);

    add_posts(f, SKY_LAKE_LOCAL_ROWS_MAX - 7, T_2026_01_05_14 + 2000); /* too many to wait: they are dropped */
    assert_files(f, "0-10 10-15 ");
    assert_int_equal(sky_lake_local_position(f->local), 10); /* else a restart would take 10-15 for settled */
    sky_lake_local_stats(f->local, &stats);
    assert_int_equal(stats.dropped, SKY_LAKE_LOCAL_ROWS_MAX);

    unlink_fails = false;
    add_posts(f, 3, T_2026_01_05_14 + 3000);
    assert_int_equal(sky_lake_local_cut(f->local), SKY_OK);
    assert_files(f, "0-10 10-13 ");
    assert_int_equal(sky_lake_local_position(f->local), 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_resume, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rows_behind_that_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compaction_up_to_the_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_by_age, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_by_size, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
