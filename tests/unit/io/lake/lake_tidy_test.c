/* Compaction in a thread beside: what a round tells, and that it ends when it is asked to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "io/host/clock.h"
#include "io/lake/lake_listing.h"
#include "io/lake/lake_tidy.h"

#define T_2026_01_05_14 INT64_C(1767621600000)
#define HOUR_MS         INT64_C(3600000)
#define FILES           6
#define WAIT_MS         20000

struct fixture {
    char folder[64];
    char staging[96];
    struct sky_lake_store_options place;
    struct sky_lake_store *store;
    struct sky_lake *lake;
    struct sky_lake_tidy *tidy;
    struct sky_lake_compaction compaction;
    atomic_bool is_inside; /* of `also` */
    atomic_int calls;      /* of may_go_on */
    int calls_max;
};

static void store_posts(struct fixture *f)
{
    for (int i = 0; i < FILES; i++) {
        const struct sky_lake_chunk chunk = {"posts", 0, i, i + 1};
        const struct sky_post post = {.op = SKY_POST_CREATE,
                                      .uri = SKY_SPAN("at://did:plc:a/app.bsky.feed.post/1"),
                                      .author_did = SKY_SPAN("did:plc:a"),
                                      .text = SKY_SPAN("text"),
                                      .event_time_ms = T_2026_01_05_14 + i};
        assert_int_equal(sky_lake_add_post(f->lake, &post), SKY_OK);
        assert_int_equal(sky_lake_store_raw_posts(f->lake, &chunk), SKY_OK);
        assert_int_equal(sky_lake_clear(f->lake), SKY_OK);
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char problem[SKY_LAKE_PROBLEM_SIZE];
    snprintf(f->folder, sizeof f->folder, "/tmp/skytrend-tidy-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->staging, sizeof f->staging, "%s/.staging", f->folder);
    f->place.location = f->folder;
    assert_int_equal(sky_lake_store_new(&f->place, &f->store, problem), SKY_OK);
    const struct sky_lake_options options = {f->store, f->staging, UINT64_C(128) << 20};
    assert_int_equal(sky_lake_new(&options, &f->lake, problem), SKY_OK);
    store_posts(f);
    f->compaction = (struct sky_lake_compaction){.now_ms = T_2026_01_05_14 + 3 * HOUR_MS,
                                                 .clock_ms = sky_clock_wall_ms() + HOUR_MS,
                                                 .start_ms = 0,
                                                 .end_ms = INT64_MAX,
                                                 .offset_max = INT64_MAX,
                                                 .merges_max = UINT32_MAX};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    sky_lake_tidy_free(f->tidy);
    sky_lake_free(f->lake);
    sky_lake_store_free(f->store);
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own making */
    free(f);
    return 0;
}

static void open_tidy(struct fixture *f, void (*also)(void *, struct sky_lake_tidy *, struct sky_lake_store *, int64_t))
{
    char problem[SKY_LAKE_PROBLEM_SIZE];
    const struct sky_lake_tidy_options options = {.store = &f->place,
                                                  .staging_directory = f->staging,
                                                  .memory_bytes = UINT64_C(128) << 20,
                                                  .compacts = true,
                                                  .also = also,
                                                  .context = f};
    assert_int_equal(sky_lake_tidy_new(&options, &f->tidy, problem), SKY_OK);
}

static struct sky_lake_tidied wait_over(struct fixture *f)
{
    struct sky_lake_tidied tidied;
    int64_t end_ms = sky_clock_monotonic_ms() + WAIT_MS;
    while (!sky_lake_tidy_take(f->tidy, &tidied)) {
        assert_true(sky_clock_monotonic_ms() < end_ms);
        usleep(1000);
    }
    return tidied;
}

static size_t count_files(struct fixture *f)
{
    struct sky_lake_listing listing;
    assert_int_equal(sky_lake_list(f->store, SKY_LAKE_POSTS, 0, INT64_MAX, &listing), SKY_OK);
    size_t count = listing.count;
    sky_lake_listing_clean_up(&listing);
    return count;
}

static void test_rounds(void **state)
{
    struct fixture *f = *state;
    struct sky_lake_tidied tidied;
    open_tidy(f, NULL);
    assert_false(sky_lake_tidy_take(f->tidy, &tidied));
    sky_lake_tidy_ask(f->tidy, &f->compaction);
    tidied = wait_over(f);
    assert_int_equal(tidied.status, SKY_OK);
    assert_int_equal(tidied.done.merged, 1);
    assert_int_equal(tidied.done.replaced, FILES);
    assert_false(tidied.whole); /* the old ones are still there */
    assert_int_equal(tidied.now_ms, f->compaction.now_ms);
    assert_int_equal(count_files(f), FILES + 1);
    assert_false(sky_lake_tidy_take(f->tidy, &tidied)); /* once */

    sky_lake_tidy_ask(f->tidy, &f->compaction);
    tidied = wait_over(f);
    assert_int_equal(tidied.done.deleted, FILES);
    assert_true(tidied.whole);
    assert_int_equal(count_files(f), 1);
}

/* Goes on for as long as it may. */
static void linger(void *context, struct sky_lake_tidy *tidy, struct sky_lake_store *store, int64_t now_ms)
{
    struct fixture *f = context;
    (void)store;
    assert_int_equal(now_ms, f->compaction.now_ms);
    atomic_store(&f->is_inside, true);
    while (sky_lake_tidy_goes_on(tidy))
        usleep(1000);
}

static void test_stop(void **state)
{
    struct fixture *f = *state;
    int64_t end_ms = sky_clock_monotonic_ms() + WAIT_MS;
    open_tidy(f, linger);
    sky_lake_tidy_ask(f->tidy, &f->compaction);
    while (!atomic_load(&f->is_inside)) {
        assert_true(sky_clock_monotonic_ms() < end_ms);
        usleep(1000);
    }
    sky_lake_tidy_free(f->tidy); /* ends at all */
    f->tidy = NULL;
}

static bool may_go_on(void *context)
{
    struct fixture *f = context;
    return atomic_fetch_add(&f->calls, 1) < f->calls_max;
}

/* Wherever it is stopped, each row is there once: either in the small files, or in the one that covers them all. */
static void test_stopped_anywhere(void **state)
{
    struct fixture *f = *state;
    struct sky_lake_compacted done;
    enum sky_status status = SKY_E_END;
    f->compaction.goes_on = may_go_on;
    f->compaction.context = f;
    for (f->calls_max = 0; f->calls_max <= FILES; f->calls_max++) {
        atomic_store(&f->calls, 0);
        assert_int_equal(sky_lake_compact(f->lake, &f->compaction, &done), SKY_E_END);
        assert_int_equal(f->calls, f->calls_max + 1); /* nothing behind the first no */
        assert_int_equal(count_files(f), FILES);
    }
    atomic_store(&f->calls, 0);
    assert_int_equal(sky_lake_compact(f->lake, &f->compaction, &done), SKY_OK);
    assert_int_equal(done.merged, 1);
    for (size_t left = FILES + 1; status == SKY_E_END; left--) { /* now they are deleted, one a call */
        f->calls_max = 1;
        atomic_store(&f->calls, 0);
        assert_int_equal(count_files(f), left);
        status = sky_lake_compact(f->lake, &f->compaction, &done);
    }
    assert_int_equal(status, SKY_OK);
    assert_int_equal(count_files(f), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stopped_anywhere, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
