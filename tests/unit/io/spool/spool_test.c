#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "io/spool/spool.h"
#include "unit/io/spool/spool_model.h"

static void test_an_empty_one(void **state)
{
    struct sky_spool *spool = open_spool(0);
    static struct model model;
    struct sky_spool_status status;
    assert_string_equal(message.text, "");
    assert_tail(spool, &model);
    assert_int_equal(sky_spool_id(spool), 0);
    assert_reads(spool, &model, 0);
    assert_int_equal(sky_spool_release(spool, 7), SKY_OK);
    sky_spool_status(spool, &status);
    assert_int_equal(status.bytes, 0);
    assert_int_equal(status.next_position, 0);
    assert_int_equal(status.room_bytes, SKY_SPOOL_ROOM_BYTES);
    sky_spool_close(spool);
}

static void test_random_work_agrees_with_a_list(void **state)
{
    static struct model model;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        model = (struct model){0};
        assert_int_equal(empty_folder(), 0);
        struct sky_spool *spool = open_spool(3000);
        uint64_t released = 0, x = seed;
        for (int step = 0; step < 300; step++) {
            x = mix(x);
            switch (x % 8) {
            default: append(spool, &model, (uint32_t)(x >> 8) % 9); break;
            case 5: /* killed: nothing is written at a close */
                sky_spool_close(spool);
                spool = open_spool(3000);
                assert_string_equal(message.text, "");
                break;
            case 6:
                if (model.next_position > released)
                    released += (x >> 8) % (model.next_position - released + 1);
                assert_int_equal(sky_spool_release(spool, released), SKY_OK);
                break;
            case 7: assert_reads(spool, &model, released + (x >> 8) % 5); break;
            }
            assert_tail(spool, &model);
        }
        assert_reads(spool, &model, released);
        sky_spool_close(spool);
    }
}

static void test_a_reader_follows(void **state)
{
    static struct model model;
    struct sky_spool *spool = open_spool(2000);
    struct sky_spool_reader *reader;
    struct sky_spool_batch batch;
    model = (struct model){0};
    assert_int_equal(sky_spool_reader_open(spool, 0, &reader), SKY_OK);
    assert_int_equal(sky_spool_reader_next(reader, 0, &batch), SKY_E_END);
    for (int i = 0; i < 200; i++) {
        append(spool, &model, i % 4 ? 5 : 0);
        assert_int_equal(sky_spool_reader_next(reader, 0, &batch), SKY_OK);
        assert_same_batch(batch, &model.batches[i]);
        assert_int_equal(sky_spool_reader_next(reader, 1, &batch), SKY_E_END);
        assert_int_equal(sky_spool_release(spool, model.next_position), SKY_OK);
    }
    char path[PATH_SIZE];
    assert_int_equal(segment_path(0, path), 1); /* everything was released: the newest is left */
    sky_spool_reader_close(reader);
    sky_spool_close(spool);
    spool = open_spool(2000);
    assert_tail(spool, &model);
    sky_spool_close(spool);
}

struct race {
    struct sky_spool *spool;
    uint64_t records;
};

static void *read_all(void *context)
{
    struct race *race = context;
    struct sky_spool_reader *reader;
    uint64_t position = 0;
    if (sky_spool_reader_open(race->spool, 0, &reader) != SKY_OK)
        return NULL;
    while (position < race->records) {
        struct sky_spool_batch batch;
        struct sky_spool_record record;
        enum sky_status status = sky_spool_reader_next(reader, 1000, &batch);
        if (status == SKY_E_END)
            continue;
        if (status != SKY_OK || batch.lost)
            break;
        uint64_t next = batch.next_position;
        while (sky_spool_batch_next(&batch, &record) && record.position == position && record.seq == (int64_t)position)
            position++;
        if (position != next || sky_spool_release(race->spool, next) != SKY_OK)
            break;
    }
    race->records = position;
    sky_spool_reader_close(reader);
    return NULL;
}

static void test_two_threads(void **state)
{
    struct sky_spool *spool = open_with((struct sky_spool_options){.segment_bytes = 20000, .room_bytes = 60000});
    struct race race = {spool, 5000};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_all, &race), 0);
    for (uint64_t i = 0; i < 5000; i++) {
        struct sky_spool_record record = {.seq = (int64_t)i, .value = SKY_SPAN("a value of some length, or so")};
        assert_int_equal(sky_spool_put(spool, &record), SKY_OK);
        enum sky_status status = SKY_OK;
        while (i % 7 == 0 || i == 4999) /* full until the reader has released some */
            if ((status = sky_spool_commit(spool, (int64_t)i, SKY_SPAN("state"))) != SKY_E_LIMIT)
                break;
        assert_int_equal(status, SKY_OK);
    }
    pthread_join(thread, NULL);
    assert_int_equal(race.records, 5000);
    sky_spool_close(spool);
}

static void test_a_second_process_is_told_who_holds_it(void **state)
{
    char holder[32];
    struct sky_spool *spool = open_spool(0), *second;
    struct sky_spool_options options = {.directory = folder};
    assert_int_equal(sky_spool_open(&options, &second, &message), SKY_E_DUPLICATE);
    snprintf(holder, sizeof holder, "process %ld", (long)getpid());
    assert_non_null(strstr(message.text, holder));
    assert_null(second);
    sky_spool_close(spool);
    sky_spool_close(open_spool(0));
}

static void test_a_full_one_takes_nothing(void **state)
{
    static struct model model;
    struct sky_spool *spool = open_with((struct sky_spool_options){.segment_bytes = 2000, .room_bytes = 6000});
    struct sky_spool_status before, after;
    struct model_batch batch;
    model = (struct model){0};
    enum sky_status status = SKY_OK;
    do {
        sky_spool_status(spool, &before);
        batch = next_batch(&model, 3);
        put_batch(spool, &batch);
        status = commit(spool, &batch);
        if (status == SKY_OK)
            add_to_model(&model, &batch);
    } while (status == SKY_OK);
    assert_int_equal(status, SKY_E_LIMIT);
    sky_spool_status(spool, &after);
    assert_int_equal(after.bytes, before.bytes);
    assert_true(after.bytes <= 6000);
    assert_int_equal(commit(spool, &batch), SKY_E_LIMIT);
    assert_int_equal(sky_spool_pending(spool).records_count, 3);
    assert_tail(spool, &model);
    assert_reads(spool, &model, 0);
    assert_int_equal(sky_spool_release(spool, model.next_position), SKY_OK);
    assert_int_equal(commit(spool, &batch), SKY_OK); /* the one that was kept */
    add_to_model(&model, &batch);
    sky_spool_close(spool);
    spool = open_spool(2000);
    sky_spool_status(spool, &after);
    assert_reads(spool, &model, after.first_position);
    sky_spool_close(spool);
}

static void limit_files(uint64_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A disk that takes part of a batch and no more, here through the limit on a file's size. */
static void test_a_failed_write_is_done_again(void **state)
{
    char path[PATH_SIZE];
    static struct model model;
    struct sky_spool *spool = open_spool(2000);
    model = (struct model){0};
    signal(SIGXFSZ, SIG_IGN);
    append(spool, &model, 3);
    for (uint64_t room = 0; room < 3000; room += 100) {
        int segments = segment_path(-1, path);
        struct stat info;
        stat(path, &info);
        uint64_t bytes = (uint64_t)info.st_size;
        struct model_batch batch = next_batch(&model, 3);
        put_batch(spool, &batch);
        limit_files(room % 400 ? bytes + room % 400 : 20); /* 20: nor can a new file be begun */
        enum sky_status status = commit(spool, &batch);
        limit_files(RLIM_INFINITY);
        if (status != SKY_OK) {
            assert_int_equal(status, SKY_E_IO);
            assert_tail(spool, &model);
            assert_reads(spool, &model, 0);
            assert_int_equal(segment_path(-1, path), segments);
            assert_int_equal(commit(spool, &batch), SKY_OK);
        }
        add_to_model(&model, &batch);
        assert_reads(spool, &model, 0);
    }
    sky_spool_close(spool);
    spool = open_spool(2000);
    assert_string_equal(message.text, "");
    assert_reads(spool, &model, 0);
    sky_spool_close(spool);
}

static void test_limits_of_a_record_and_a_batch(void **state)
{
    struct sky_spool *spool = open_spool(0);
    uint8_t *bytes = calloc(1, SKY_SPOOL_RECORD_BYTES_MAX + 1);
    assert_non_null(bytes);
    struct sky_spool_record record = {.value = sky_span_of(bytes, SKY_SPOOL_RECORD_BYTES_MAX + 1)};
    assert_int_equal(sky_spool_put(spool, &record), SKY_E_LIMIT);
    record.value.len--;
    int taken = 0;
    while (sky_spool_put(spool, &record) == SKY_OK)
        taken++;
    assert_int_equal(taken, 3); /* of 4 MiB and a head each, into 16 MiB */
    assert_int_equal(sky_spool_pending(spool).records_count, 3);
    assert_int_equal(sky_spool_commit(spool, 1, SKY_SPAN("")), SKY_OK);
    assert_int_equal(sky_spool_put(spool, &record), SKY_OK);
    sky_spool_close(spool);
    free(bytes);
}

static void test_restart(void **state)
{
    char path[PATH_SIZE];
    static struct model model;
    struct sky_spool *spool = open_spool(1);
    model = (struct model){0};
    append(spool, &model, 3);
    append(spool, &model, 3);
    uint64_t id = sky_spool_id(spool);
    struct sky_spool_tail known = {.position = 4711, .event_time_ms = 99, .state = SKY_SPAN("from elsewhere")}, tail;
    assert_int_equal(sky_spool_restart(spool, &known), SKY_OK);
    assert_int_not_equal(sky_spool_id(spool), id);
    id = sky_spool_id(spool);
    sky_spool_close(spool);
    assert_int_equal(segment_path(0, path), 1);
    spool = open_spool(1);
    assert_true(sky_spool_tail(spool, &tail));
    assert_int_equal(tail.position, 4711);
    assert_int_equal(tail.event_time_ms, 99);
    assert_true(sky_span_equal(tail.state, SKY_SPAN("from elsewhere")));
    assert_int_equal(sky_spool_id(spool), id);
    model = (struct model){.next_position = 4711};
    append(spool, &model, 2);
    assert_reads(spool, &model, 4711);
    assert_tail(spool, &model);
    sky_spool_close(spool);
}

/* Released records stay for a while of event time, unless their room is needed. */
static void test_keeping(void **state)
{
    char path[PATH_SIZE];
    static struct model model;
    struct sky_spool_options options = {.segment_bytes = 1, .keep_ms = 10};
    struct sky_spool *spool = open_with(options);
    struct sky_spool_status status;
    model = (struct model){0};
    for (int i = 0; i < 20; i++)
        append(spool, &model, 1); /* record i has event time i, and its batch ends at i + 2 */
    assert_int_equal(sky_spool_release(spool, 20), SKY_OK);
    uint64_t from = sky_spool_position_at(spool, 13);
    assert_true(from <= 13 && from >= 10);
    assert_reads(spool, &model, from);
    sky_spool_status(spool, &status);
    assert_true(status.first_position <= 11 && status.first_position >= 8);
    assert_int_equal(sky_spool_position_at(spool, 0), status.first_position);
    sky_spool_close(spool);
    options.room_bytes = status.bytes; /* as full as it may be: what is only kept makes room */
    spool = open_with(options);
    assert_int_equal(sky_spool_release(spool, 20), SKY_OK);
    append(spool, &model, 1);
    assert_true(segment_path(0, path) <= (int)status.segments + 1);
    sky_spool_close(spool);
}

/* Nothing but moving time: segments end all the same, and are removed. */
static void test_batches_without_records(void **state)
{
    char path[PATH_SIZE];
    static struct model model;
    struct sky_spool *spool = open_spool(500);
    model = (struct model){0};
    append(spool, &model, 1);
    for (int i = 0; i < 100; i++)
        append(spool, &model, 0);
    assert_true(segment_path(0, path) > 5);
    assert_reads(spool, &model, 0);
    sky_spool_close(spool);
    spool = open_spool(500);
    assert_tail(spool, &model);
    assert_int_equal(sky_spool_release(spool, 1), SKY_OK);
    assert_int_equal(segment_path(0, path), 1);
    append(spool, &model, 2);
    assert_reads(spool, &model, 1);
    sky_spool_close(spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_empty_one, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_random_work_agrees_with_a_list, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_reader_follows, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_two_threads, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_second_process_is_told_who_holds_it, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_full_one_takes_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_failed_write_is_done_again, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_limits_of_a_record_and_a_batch, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_restart, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_keeping, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_batches_without_records, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
