/* spool_model.h: the spool's model, and a folder to try it in, for the tests of the spool.
 *
 * The model is a list: batches in memory, each with its records, its state and its time. Whatever is done to the spool,
 * what it gives back is a part of that list, and the tests say which. */
#ifndef SKY_TESTS_UNIT_IO_SPOOL_MODEL_H
#define SKY_TESTS_UNIT_IO_SPOOL_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>

#include "io/spool/spool.h"

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

static inline uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint8_t bytes_a[4096], bytes_b[4096];

/* Record number `i` of the batch; its bytes stand in `to`. */
static inline struct sky_spool_record record_of(const struct model_batch *batch, uint32_t i, uint8_t to[4096])
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

static inline struct sky_span state_of(const struct model_batch *batch, uint8_t to[4096])
{
    size_t len = batch->seed % 61;
    for (size_t k = 0; k < len; k++)
        to[k] = (uint8_t)mix(batch->seed * 3 + k);
    return sky_span_of(to, len);
}

static inline int64_t time_of(const struct model_batch *batch)
{
    return (int64_t)(batch->first_position + batch->records_count) + 1;
}

static inline void assert_same_record(const struct sky_spool_record *got, const struct sky_spool_record *expected)
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
static inline void assert_same_batch(struct sky_spool_batch got, const struct model_batch *expected)
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

static inline void path_in(const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%.95s", folder, name);
}

/* The names that end so, sorted; returns how many. */
static inline int names_of(const char *ending, char names[][96], int max)
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

static inline int segment_path(int number, char path[PATH_SIZE])
{
    static char names[256][96];
    int count = names_of(".spool", names, 256);
    if (number < 0)
        number += count;
    if (number >= 0 && number < count)
        path_in(names[number], path);
    return count;
}

static inline struct sky_buffer read_file(const char *path)
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

static inline void write_file(const char *path, const uint8_t *ptr, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, ptr, len), (ssize_t)len);
    close(fd);
}

static inline int empty_folder(void)
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

static inline int make_folder(void **state)
{
    /* In memory where that can be: there is an fsync a batch, and none of it is about what the disk does with one. */
    snprintf(folder, sizeof folder, "%s/skytrend-spool-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    return empty_folder() == 0 ? rmdir(folder) : -1;
}

/* ---- the spool and its model side by side ---- */

static struct sky_spool_message message;

static inline struct sky_spool *open_with(struct sky_spool_options options)
{
    struct sky_spool *spool;
    options.directory = folder;
    enum sky_status status = sky_spool_open(&options, &spool, &message);
    if (status != SKY_OK)
        print_error("%s\n", message.text);
    assert_int_equal(status, SKY_OK);
    return spool;
}

static inline struct sky_spool *open_spool(uint64_t segment_bytes)
{
    return open_with((struct sky_spool_options){.segment_bytes = segment_bytes});
}

static inline void put_batch(struct sky_spool *spool, const struct model_batch *batch)
{
    for (uint32_t i = 0; i < batch->records_count; i++) {
        struct sky_spool_record record = record_of(batch, i, bytes_a);
        assert_int_equal(sky_spool_put(spool, &record), SKY_OK);
    }
}

static inline struct model_batch next_batch(const struct model *model, uint32_t records_count)
{
    return (struct model_batch){model->next_position, records_count, mix(model->count * 977 + records_count)};
}

static inline void add_to_model(struct model *model, const struct model_batch *batch)
{
    assert_true(model->count < BATCHES_MAX);
    model->batches[model->count++] = *batch;
    model->next_position += batch->records_count;
}

static inline enum sky_status commit(struct sky_spool *spool, const struct model_batch *batch)
{
    return sky_spool_commit(spool, time_of(batch), state_of(batch, bytes_a));
}

static inline void append(struct sky_spool *spool, struct model *model, uint32_t records_count)
{
    struct model_batch batch = next_batch(model, records_count);
    put_batch(spool, &batch);
    assert_int_equal(commit(spool, &batch), SKY_OK);
    add_to_model(model, &batch);
}

static inline void assert_tail(const struct sky_spool *spool, const struct model *model)
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
static inline void assert_reads(struct sky_spool *spool, const struct model *model, uint64_t position)
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

#endif
