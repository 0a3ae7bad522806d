/* What an open finds after a crash, and after the disk changed what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "io/spool/spool.h"
#include "unit/io/spool/spool_model.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_torn_batch_is_cut_off, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_torn_segment_is_set_aside, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_changed_bit_is_found, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_nothing_inside_a_record_is_a_batch, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_segment_that_is_gone, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_another_version_is_refused, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
