/* The model is a list: batches in memory, each with its records, its state and its time. Whatever is done to the spool,
 * what it gives back is a part of that list, and here is said which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "io/spool.h"

#define BATCHES_MAX 4096
#define PATH_SIZE   512

struct model_batch {
    uint64_t first_position;
    uint32_t records_count;
    uint64_t seed; /* of its contents */
};

struct model {
    struct model_batch batches[BATCHES_MAX];
    size_t count;
    uint64_t next_position;
};

static char folder[64];

/* ---- contents: a function of the seed ---- */

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint8_t bytes_a[4096], bytes_b[4096];

/* Record number `i` of the batch; its bytes stand in `to`. */
static struct sky_spool_record record_of(const struct model_batch *batch, uint32_t i, uint8_t to[4096])
{
    uint64_t seed = mix(batch->seed ^ mix(i));
    size_t key_bytes = seed % 40, value_bytes = (seed >> 8) % 300;
    if (seed % 17 == 0)
        value_bytes = 0;
    for (size_t k = 0; k < key_bytes + value_bytes; k++)
        to[k] = (uint8_t)mix(seed + k);
    return (struct sky_spool_record){.position = batch->first_position + i,
                                     .event_time_ms = (int64_t)(batch->first_position + i),
                                     .seq = (int64_t)(seed >> 11),
                                     .identity = mix(seed),
                                     .op = (uint8_t)(seed % 5),
                                     .key = sky_span_of(to, key_bytes),
                                     .value = sky_span_of(to + key_bytes, value_bytes)};
}

static struct sky_span state_of(const struct model_batch *batch, uint8_t to[4096])
{
    size_t len = batch->seed % 61;
    for (size_t k = 0; k < len; k++)
        to[k] = (uint8_t)mix(batch->seed * 3 + k);
    return sky_span_of(to, len);
}

static int64_t time_of(const struct model_batch *batch)
{
    return (int64_t)(batch->first_position + batch->records_count) + 1;
}

static void assert_same_record(const struct sky_spool_record *got, const struct sky_spool_record *expected)
{
    assert_int_equal(got->position, expected->position);
    assert_int_equal(got->event_time_ms, expected->event_time_ms);
    assert_int_equal(got->seq, expected->seq);
    assert_int_equal(got->identity, expected->identity);
    assert_int_equal(got->op, expected->op);
    assert_true(sky_span_equal(got->key, expected->key));
    assert_true(sky_span_equal(got->value, expected->value));
}

/* The batch is the model's, or the part of it from its first position on. */
static void assert_same_batch(struct sky_spool_batch got, const struct model_batch *expected)
{
    struct sky_spool_record record;
    assert_true(got.first_position >= expected->first_position);
    assert_int_equal(got.next_position, expected->first_position + expected->records_count);
    assert_int_equal(got.event_time_ms, time_of(expected));
    assert_true(sky_span_equal(got.state, state_of(expected, bytes_a)));
    while (sky_spool_batch_next(&got, &record)) {
        struct sky_spool_record model =
            record_of(expected, (uint32_t)(record.position - expected->first_position), bytes_b);
        assert_same_record(&record, &model);
    }
    assert_int_equal(got.first_position, got.next_position);
}

/* ---- the folder ---- */

static void path_in(const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%.95s", folder, name);
}

/* The names that end so, sorted; returns how many. */
static int names_of(const char *ending, char names[][96], int max)
{
    int count = 0;
    struct dirent **entries;
    int found = scandir(folder, &entries, NULL, alphasort);
    assert_true(found >= 0);
    for (int i = 0; i < found; i++) {
        size_t len = strlen(entries[i]->d_name), tail = strlen(ending);
        if (len >= tail && strcmp(entries[i]->d_name + len - tail, ending) == 0 && count < max)
            snprintf(names[count++], 96, "%.95s", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return count;
}

static int segment_path(int number, char path[PATH_SIZE])
{
    static char names[256][96];
    int count = names_of(".spool", names, 256);
    if (number < 0)
        number += count;
    if (number >= 0 && number < count)
        path_in(names[number], path);
    return count;
}

static struct sky_buffer read_file(const char *path)
{
    struct sky_buffer bytes = {0};
    uint8_t part[4096];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    while ((got = read(fd, part, sizeof part)) > 0)
        sky_buffer_put(&bytes, part, (size_t)got);
    close(fd);
    assert_false(bytes.failed);
    return bytes;
}

static void write_file(const char *path, const uint8_t *ptr, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, ptr, len), (ssize_t)len);
    close(fd);
}

static int empty_folder(void)
{
    static char names[256][96];
    char path[PATH_SIZE];
    int count = names_of("", names, 256);
    for (int i = 0; i < count; i++) {
        path_in(names[i], path);
        if (names[i][0] != '.' && unlink(path) != 0)
            return -1;
    }
    return 0;
}

static int make_folder(void **state)
{
    strcpy(folder, "/tmp/skytrend-spool-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return empty_folder() == 0 ? rmdir(folder) : -1;
}

/* ---- the spool and its model side by side ---- */

static struct sky_spool_message message;

static struct sky_spool *open_with(struct sky_spool_options options)
{
    struct sky_spool *spool;
    options.directory = folder;
    enum sky_status status = sky_spool_open(&options, &spool, &message);
    if (status != SKY_OK)
        print_error("%s\n", message.text);
    assert_int_equal(status, SKY_OK);
    return spool;
}

static struct sky_spool *open_spool(uint64_t segment_bytes)
{
    return open_with((struct sky_spool_options){.segment_bytes = segment_bytes});
}

static void put_batch(struct sky_spool *spool, const struct model_batch *batch)
{
    for (uint32_t i = 0; i < batch->records_count; i++) {
        struct sky_spool_record record = record_of(batch, i, bytes_a);
        assert_int_equal(sky_spool_put(spool, &record), SKY_OK);
    }
}

static struct model_batch next_batch(const struct model *model, uint32_t records_count)
{
    return (struct model_batch){model->next_position, records_count, mix(model->count * 977 + records_count)};
}

static void add_to_model(struct model *model, const struct model_batch *batch)
{
    assert_true(model->count < BATCHES_MAX);
    model->batches[model->count++] = *batch;
    model->next_position += batch->records_count;
}

static enum sky_status commit(struct sky_spool *spool, const struct model_batch *batch)
{
    return sky_spool_commit(spool, time_of(batch), state_of(batch, bytes_a));
}

static void append(struct sky_spool *spool, struct model *model, uint32_t records_count)
{
    struct model_batch batch = next_batch(model, records_count);
    put_batch(spool, &batch);
    assert_int_equal(commit(spool, &batch), SKY_OK);
    add_to_model(model, &batch);
}

static void assert_tail(const struct sky_spool *spool, const struct model *model)
{
    struct sky_spool_tail tail;
    assert_int_equal(sky_spool_tail(spool, &tail), model->count > 0);
    assert_int_equal(tail.position, model->next_position);
    if (model->count) {
        const struct model_batch *last = &model->batches[model->count - 1];
        assert_int_equal(tail.event_time_ms, time_of(last));
        assert_true(sky_span_equal(tail.state, state_of(last, bytes_a)));
    }
}

/* From `position` on the spool gives the model's batches, all of them. */
static void assert_reads(struct sky_spool *spool, const struct model *model, uint64_t position)
{
    struct sky_spool_reader *reader;
    struct sky_spool_batch batch;
    uint64_t expected = position;
    assert_int_equal(sky_spool_reader_open(spool, position, &reader), SKY_OK);
    size_t at = 0;
    enum sky_status status;
    while ((status = sky_spool_reader_next(reader, 0, &batch)) == SKY_OK) {
        /* Batches without records may be left out at the beginning: they are of no position. */
        while (at < model->count &&
               (model->batches[at].first_position + model->batches[at].records_count != batch.next_position ||
                time_of(&model->batches[at]) != batch.event_time_ms ||
                !sky_span_equal(batch.state, state_of(&model->batches[at], bytes_a))))
            at++;
        assert_true(at < model->count);
        assert_int_equal(batch.lost, 0);
        assert_int_equal(batch.first_position, expected);
        assert_same_batch(batch, &model->batches[at++]);
        expected = batch.next_position;
    }
    assert_int_equal(status, SKY_E_END);
    assert_int_equal(expected, model->next_position > position ? model->next_position : position);
    sky_spool_reader_close(reader);
}

/* ---- tests ---- */

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

/* A write that stopped at any of its bytes, whatever the disk has behind it, is as if it had not begun. */
static void test_a_torn_batch_is_cut_off(void **state)
{
    static const uint8_t behind[3000];
    char path[PATH_SIZE];
    static struct model model, two;
    struct sky_spool *spool = open_spool(0);
    model = (struct model){0};
    append(spool, &model, 3);
    append(spool, &model, 4);
    two = model;
    segment_path(0, path);
    struct sky_buffer before = read_file(path);
    append(spool, &model, 5);
    struct sky_buffer after = read_file(path);
    sky_spool_close(spool);
    for (size_t len = before.len; len < after.len; len++)
        for (int zeros = 0; zeros < 2; zeros++) {
            struct sky_buffer torn = {0};
            sky_buffer_put(&torn, after.ptr, len);
            sky_buffer_put(&torn, behind, zeros ? sizeof behind : 0);
            write_file(path, torn.ptr, torn.len);
            spool = open_spool(0);
            model = two;
            assert_tail(spool, &model);
            assert_int_equal(*message.text != 0, torn.len > before.len);
            append(spool, &model, 6);
            assert_reads(spool, &model, 0);
            sky_spool_close(spool);
            spool = open_spool(0);
            assert_string_equal(message.text, ""); /* it was cut off for good */
            assert_tail(spool, &model);
            sky_spool_close(spool);
            sky_buffer_clean_up(&torn);
        }
    sky_buffer_clean_up(&before);
    sky_buffer_clean_up(&after);
}

/* Likewise where the write began a new segment. */
static void test_a_torn_segment_is_set_aside(void **state)
{
    char path[PATH_SIZE], aside[PATH_SIZE + 16];
    static struct model model, two;
    struct sky_spool *spool = open_spool(1);
    model = (struct model){0};
    append(spool, &model, 3);
    append(spool, &model, 4);
    two = model;
    append(spool, &model, 5);
    sky_spool_close(spool);
    assert_int_equal(segment_path(2, path), 3);
    struct sky_buffer whole = read_file(path);
    for (size_t len = 0; len < whole.len; len++) {
        write_file(path, whole.ptr, len);
        spool = open_spool(1);
        assert_non_null(strstr(message.text, "set aside"));
        model = two;
        assert_tail(spool, &model);
        assert_reads(spool, &model, 0);
        sky_spool_close(spool);
        snprintf(aside, sizeof aside, "%s.damaged", path);
        assert_int_equal(unlink(aside), 0);
    }
    spool = open_spool(1);
    append(spool, &model, 2);
    sky_spool_close(spool);
    spool = open_spool(1);
    assert_reads(spool, &model, 0);
    sky_spool_close(spool);
    sky_buffer_clean_up(&whole);
}

/* What can be read is right, in order, and the rest is told as lost. Returns how many records were read. */
static uint64_t read_damaged(struct sky_spool *spool, const struct model *model)
{
    struct sky_spool_reader *reader;
    struct sky_spool_batch batch;
    struct sky_spool_status status;
    uint64_t position = 0, records = 0, lost = 0;
    size_t at = 0;
    assert_int_equal(sky_spool_reader_open(spool, 0, &reader), SKY_OK);
    while (sky_spool_reader_next(reader, 0, &batch) == SKY_OK) {
        assert_int_equal(batch.lost, batch.first_position - position);
        while (at < model->count && model->batches[at].first_position < batch.first_position)
            at++;
        assert_true(at < model->count);
        assert_same_batch(batch, &model->batches[at]);
        records += batch.next_position - batch.first_position;
        lost += batch.lost;
        position = batch.next_position;
    }
    sky_spool_reader_close(reader);
    sky_spool_status(spool, &status);
    assert_int_equal(position, status.next_position);
    assert_int_equal(status.lost_records, lost);
    assert_int_equal(records + lost, position);
    return records;
}

static void test_a_changed_bit_is_found(void **state)
{
    char path[PATH_SIZE];
    static struct model model;
    struct sky_spool *spool = open_spool(2000);
    model = (struct model){0};
    while (segment_path(0, path) < 4)
        append(spool, &model, 3);
    append(spool, &model, 3);
    sky_spool_close(spool);
    for (int number = 0; number < 4; number++) {
        segment_path(number, path);
        struct sky_buffer whole = read_file(path);
        for (size_t at = 0; at < whole.len; at++) {
            uint8_t was = whole.ptr[at];
            whole.ptr[at] ^= (uint8_t)(1 << mix(at) % 8);
            write_file(path, whole.ptr, whole.len);
            struct sky_spool_options options = {.directory = folder, .segment_bytes = 2000};
            enum sky_status status = sky_spool_open(&options, &spool, &message);
            assert_int_equal(status, SKY_OK);
            uint64_t records = read_damaged(spool, &model);
            if (number < 3 && at >= SKY_SPOOL_SEGMENT_HEAD_BYTES)
                assert_int_equal(records, model.next_position - 3); /* that batch, and nothing else */
            else
                assert_true(records < model.next_position);
            sky_spool_close(spool);
            whole.ptr[at] = was;
            write_file(path, whole.ptr, whole.len);
            if (number == 3) {
                char aside[PATH_SIZE + 16];
                snprintf(aside, sizeof aside, "%s.damaged", path);
                unlink(aside);
            }
        }
        sky_buffer_clean_up(&whole);
    }
    spool = open_spool(2000);
    assert_reads(spool, &model, 0);
    sky_spool_close(spool);
}

/* Bytes that look like a batch, of another spool, or of a place before: not taken while a head is looked for. */
static void test_nothing_inside_a_record_is_a_batch(void **state)
{
    char path[PATH_SIZE];
    struct sky_spool *spool = open_spool(0);
    struct sky_spool_record record = {.value = SKY_SPAN("first")};
    assert_int_equal(sky_spool_put(spool, &record), SKY_OK);
    assert_int_equal(sky_spool_commit(spool, 1, SKY_SPAN("one")), SKY_OK);
    segment_path(0, path);
    struct sky_buffer bytes = read_file(path);
    uint8_t forged[SKY_SPOOL_BATCH_HEAD_BYTES];
    sky_spool_batch_head_write(forged, (struct sky_spool_batch_head){.first_position = 2}, sky_spool_id(spool) + 1,
                               SKY_SPAN(""));
    sky_buffer_put(&bytes, forged, sizeof forged);
    record.value = sky_span_from(sky_buffer_span(&bytes), SKY_SPOOL_SEGMENT_HEAD_BYTES);
    assert_int_equal(sky_spool_put(spool, &record), SKY_OK);
    assert_int_equal(sky_spool_commit(spool, 2, SKY_SPAN("two")), SKY_OK);
    record.value = SKY_SPAN("third");
    assert_int_equal(sky_spool_put(spool, &record), SKY_OK);
    assert_int_equal(sky_spool_commit(spool, 3, SKY_SPAN("three")), SKY_OK);
    size_t second = bytes.len - sizeof forged;
    sky_buffer_clean_up(&bytes);
    bytes = read_file(path);
    bytes.ptr[second] ^= 1; /* the second batch's head */
    write_file(path, bytes.ptr, bytes.len);
    struct sky_spool_reader *reader;
    struct sky_spool_batch batch;
    assert_int_equal(sky_spool_reader_open(spool, 0, &reader), SKY_OK);
    assert_int_equal(sky_spool_reader_next(reader, 0, &batch), SKY_OK);
    assert_int_equal(batch.next_position, 1);
    assert_int_equal(sky_spool_reader_next(reader, 0, &batch), SKY_OK);
    assert_int_equal(batch.lost, 1);
    assert_int_equal(batch.first_position, 2);
    assert_true(sky_span_equal(batch.state, SKY_SPAN("three")));
    assert_int_equal(sky_spool_reader_next(reader, 0, &batch), SKY_E_END);
    sky_spool_reader_close(reader);
    sky_buffer_clean_up(&bytes);
    sky_spool_close(spool);
}

static void test_a_segment_that_is_gone(void **state)
{
    char path[PATH_SIZE];
    static struct model model;
    struct sky_spool *spool = open_spool(1);
    model = (struct model){0};
    for (int i = 0; i < 5; i++)
        append(spool, &model, 2);
    segment_path(2, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_damaged(spool, &model), 8);
    sky_spool_close(spool);
    spool = open_spool(1);
    assert_int_equal(read_damaged(spool, &model), 8);
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

static void test_another_version_is_refused(void **state)
{
    char path[PATH_SIZE];
    static struct model model;
    struct sky_spool *spool = open_spool(0), *refused;
    struct sky_spool_options options = {.directory = folder};
    struct sky_spool_segment_head head;
    model = (struct model){0};
    append(spool, &model, 1);
    sky_spool_close(spool);
    segment_path(0, path);
    struct sky_buffer bytes = read_file(path);
    bytes.ptr[8] = 99;
    memset(bytes.ptr + 12, 0, 4);
    uint64_t check = sky_hash_id(sky_span_of(bytes.ptr, SKY_SPOOL_SEGMENT_HEAD_BYTES));
    for (int i = 0; i < 4; i++)
        bytes.ptr[12 + i] = (uint8_t)(check >> 8 * i);
    assert_int_equal(sky_spool_segment_head_read(bytes.ptr, &head), SKY_E_UNSUPPORTED);
    write_file(path, bytes.ptr, bytes.len);
    assert_int_equal(sky_spool_open(&options, &refused, &message), SKY_E_UNSUPPORTED);
    assert_non_null(strstr(message.text, "another version"));
    sky_buffer_clean_up(&bytes);
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
        cmocka_unit_test_setup_teardown(test_a_torn_batch_is_cut_off, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_torn_segment_is_set_aside, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_changed_bit_is_found, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_nothing_inside_a_record_is_a_batch, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_segment_that_is_gone, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_second_process_is_told_who_holds_it, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_another_version_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_full_one_takes_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_failed_write_is_done_again, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_limits_of_a_record_and_a_batch, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_restart, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_keeping, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_batches_without_records, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
