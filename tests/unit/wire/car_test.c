#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <time.h>

#include "unit/wire/hex.h"
#include "wire/car.h"
#include "wire/cid.h"

/* A CAR of `count` blocks, block i holding the byte i. */
static void make_car(struct sky_buffer *car, uint8_t cids[][SKY_CID_SIZE_BYTES], uint8_t count)
{
    car->len = 0;
    for (uint8_t i = 0; i < count; i++)
        sky_cid_of(SKY_CID_DAG_CBOR, sky_span_of(&i, 1), cids[i]);
    sky_car_write_header(car, sky_span_of(cids[0], SKY_CID_SIZE_BYTES));
    for (uint8_t i = 0; i < count; i++)
        sky_car_write_block(car, sky_span_of(cids[i], SKY_CID_SIZE_BYTES), sky_span_of(&i, 1));
}

/* Looking for a block goes its own, shorter way over the archive: to the same end. */
static void assert_find_ends_as(struct sky_span input, enum sky_status status, struct sky_error error)
{
    struct sky_car_reader reader;
    uint8_t cid[SKY_CID_SIZE_BYTES];
    sky_cid_of(SKY_CID_DAG_CBOR, SKY_SPAN("nowhere"), cid);
    struct sky_car_want want = {.cid = sky_span_of(cid, sizeof cid)};
    enum sky_status found = sky_car_open(&reader, input);
    if (!found)
        found = sky_car_find(&reader, &want, 1);
    assert_int_equal(found, status == SKY_E_END ? SKY_OK : status);
    assert_int_equal(reader.error.offset, error.offset);
    assert_false(want.found);
}

static enum sky_status walk(struct sky_span input, struct sky_error *error)
{
    struct sky_car_reader reader;
    struct sky_car_block block;
    enum sky_status status = sky_car_open(&reader, input);
    while (!status)
        status = sky_car_next(&reader, &block);
    *error = reader.error;
    assert_find_ends_as(input, status, *error);
    return status == SKY_E_END ? SKY_OK : status;
}

/* The header of a CAR with one root, by the specification: a map of roots and version. */
static void test_header_bytes(void **state)
{
    (void)state;
    struct sky_buffer car = {0}, expected = {0};
    uint8_t cids[1][SKY_CID_SIZE_BYTES];
    make_car(&car, cids, 1);
    unhex(&expected, "3a a2 65726f6f7473 81 d82a582500");
    sky_buffer_put(&expected, cids[0], SKY_CID_SIZE_BYTES);
    sky_buffer_put(&expected, "\x67version\x01", 9);
    sky_buffer_put(&expected, "\x25", 1); /* the block: 36 bytes of CID, 1 of data */
    assert_memory_equal(car.ptr, expected.ptr, expected.len);
    sky_buffer_clean_up(&car);
    sky_buffer_clean_up(&expected);
}

static void test_blocks_are_read_in_order(void **state)
{
    (void)state;
    struct sky_buffer car = {0};
    uint8_t cids[5][SKY_CID_SIZE_BYTES];
    struct sky_car_reader reader;
    struct sky_car_block block;
    make_car(&car, cids, 5);
    assert_int_equal(sky_car_open(&reader, sky_buffer_span(&car)), SKY_OK);
    assert_memory_equal(reader.root.ptr, cids[0], SKY_CID_SIZE_BYTES);
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(sky_car_next(&reader, &block), SKY_OK);
        assert_memory_equal(block.cid.ptr, cids[i], SKY_CID_SIZE_BYTES);
        assert_true(sky_span_equal(block.data, sky_span_of(&i, 1)));
    }
    assert_int_equal(sky_car_next(&reader, &block), SKY_E_END);
    sky_buffer_clean_up(&car);
}

/* A cut between two sections is a shorter archive; every other cut is an error. */
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    struct sky_buffer car = {0};
    uint8_t cids[3][SKY_CID_SIZE_BYTES];
    struct sky_error error;
    make_car(&car, cids, 3);
    for (size_t len = 0; len <= car.len; len++) {
        bool between = len >= 59 && (len - 59) % 38 == 0;
        assert_int_equal(walk(sky_span_of(car.ptr, len), &error), between ? SKY_OK : SKY_E_TRUNCATED);
    }
    sky_buffer_clean_up(&car);
}

/* A CID, of an empty block or a wrong one. */
#define BLOCK "0171122000000000000000000000000000000000000000000000000000000000 00000000"

static void expect_behind_header(const char *section, enum sky_status expected)
{
    struct sky_buffer car = {0}, bytes = {0};
    struct sky_error error;
    uint8_t cids[1][SKY_CID_SIZE_BYTES];
    make_car(&car, cids, 1);
    size_t start = car.len;
    sky_buffer_put_span(&car, unhex(&bytes, section));
    enum sky_status status = walk(sky_buffer_span(&car), &error);
    if (status != expected)
        fail_msg("%s: %s", section, sky_status_name(status));
    if (status)
        assert_in_range(error.offset, start, car.len);
    sky_buffer_clean_up(&car);
    sky_buffer_clean_up(&bytes);
}

static void test_bad_sections(void **state)
{
    (void)state;
    expect_behind_header("00", SKY_E_MALFORMED);       /* length zero */
    expect_behind_header("8000", SKY_E_NON_CANONICAL); /* a varint too long */
    expect_behind_header("a500", SKY_E_NON_CANONICAL);
    /* the same, and a length past the end, before as much as a block has */
    expect_behind_header("a400" BLOCK, SKY_E_NON_CANONICAL);
    expect_behind_header("a480 00" BLOCK, SKY_E_NON_CANONICAL);
    expect_behind_header("25" BLOCK, SKY_E_TRUNCATED);
    expect_behind_header("8801" BLOCK, SKY_E_TRUNCATED);
    expect_behind_header("ffffffffffffffffff01", SKY_E_MALFORMED); /* over 63 bits */
    expect_behind_header("ffffffffffffffff7f", SKY_E_TRUNCATED);   /* 2^63 - 1 */
    expect_behind_header("01 01", SKY_E_CID);
    expect_behind_header("24 0170122000000000000000000000000000000000000000000000000000000000 00000000", SKY_E_CID);
    expect_behind_header("24 0171122000000000000000000000000000000000000000000000000000000000 00000000", SKY_OK);
}

static void test_bad_headers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum sky_status status;
    } headers[] = {
        {"11 a2 65726f6f7473 80 6776657273696f6e 01", SKY_OK}, /* no root at all */
        {"11 a2 65726f6f7473 80 6776657273696f6e 02", SKY_E_UNSUPPORTED},
        {"0a a1 6776657273696f6e 01", SKY_E_MISSING},
        {"08 a1 65726f6f7473 80", SKY_E_UNSUPPORTED},
        {"12 a2 65726f6f7473 80 6776657273696f6e 01 00", SKY_E_TRAILING},
        {"11 a2 6776657273696f6e 01 65726f6f7473 80", SKY_E_NON_CANONICAL},
        {"01 00", SKY_E_TYPE},
        {"00", SKY_E_MALFORMED},
        {"", SKY_E_TRUNCATED},
    };
    struct sky_buffer bytes = {0};
    struct sky_error error;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        enum sky_status status = walk(unhex(&bytes, headers[i].bytes), &error);
        if (status != headers[i].status)
            fail_msg("%s: %s", headers[i].bytes, sky_status_name(status));
    }
    sky_buffer_clean_up(&bytes);
}

/* The same wants asked for few at a time and many at once: both searches find the same blocks. */
static void test_find_few_and_many_agree(void **state)
{
    (void)state;
    static uint8_t cids[200][SKY_CID_SIZE_BYTES];
    struct sky_buffer car = {0};
    make_car(&car, cids, 200);
    struct sky_car_want many[200] = {0};
    for (size_t i = 0; i < 200; i++)
        many[i].cid = sky_span_of(cids[(i * 7) % 100], SKY_CID_SIZE_BYTES); /* each asked for twice */
    uint8_t absent[SKY_CID_SIZE_BYTES];
    sky_cid_of(SKY_CID_DAG_CBOR, SKY_SPAN("absent"), absent);
    many[17].cid = sky_span_of(absent, sizeof absent);
    struct sky_car_reader reader;
    assert_int_equal(sky_car_open(&reader, sky_buffer_span(&car)), SKY_OK);
    assert_int_equal(sky_car_find(&reader, many, 200), SKY_OK);
    for (size_t i = 0; i < 200; i++) {
        struct sky_car_want few = {.cid = many[i].cid};
        assert_int_equal(sky_car_open(&reader, sky_buffer_span(&car)), SKY_OK);
        assert_int_equal(sky_car_find(&reader, &few, 1), SKY_OK);
        assert_int_equal(few.found, i != 17);
        assert_int_equal(many[i].found, i != 17);
        assert_ptr_equal(many[i].data.ptr, few.data.ptr);
        if (i != 17)
            assert_int_equal(many[i].data.ptr[0], (i * 7) % 100);
    }
    sky_buffer_clean_up(&car);
}

static void test_find_reports_framing_behind_what_it_found(void **state)
{
    (void)state;
    struct sky_buffer car = {0};
    uint8_t cids[2][SKY_CID_SIZE_BYTES];
    make_car(&car, cids, 2);
    sky_buffer_put_u8(&car, 0x00);
    struct sky_car_want want = {.cid = sky_span_of(cids[0], SKY_CID_SIZE_BYTES)};
    struct sky_car_reader reader;
    assert_int_equal(sky_car_open(&reader, sky_buffer_span(&car)), SKY_OK);
    assert_int_equal(sky_car_find(&reader, &want, 1), SKY_E_MALFORMED);
    sky_buffer_clean_up(&car);
}

/* 54,000 empty blocks, 200 wants that share their last bytes: no quadratic work. */
static void test_many_blocks_and_wants_take_little_time(void **state)
{
    (void)state;
    struct sky_buffer car = {0};
    static uint8_t wanted[200][SKY_CID_SIZE_BYTES];
    struct sky_car_want wants[200] = {0};
    uint8_t cid[SKY_CID_SIZE_BYTES];
    sky_cid_of(SKY_CID_DAG_CBOR, SKY_SPAN("root"), cid);
    sky_car_write_header(&car, sky_span_of(cid, sizeof cid));
    for (uint32_t i = 0; i < 54000; i++) {
        memcpy(cid + 4, &i, sizeof i);
        memset(cid + 8, 0, 28);
        sky_car_write_block(&car, sky_span_of(cid, sizeof cid), SKY_SPAN(""));
    }
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t name = i * 270;
        memcpy(wanted[i], cid, sizeof cid);
        memcpy(wanted[i] + 4, &name, sizeof name);
        wants[i].cid = sky_span_of(wanted[i], sizeof cid);
    }
    struct sky_car_reader reader;
    clock_t start = clock();
    assert_int_equal(sky_car_open(&reader, sky_buffer_span(&car)), SKY_OK);
    assert_int_equal(sky_car_find(&reader, wants, 200), SKY_OK);
    double took_s = (double)(clock() - start) / CLOCKS_PER_SEC;
    for (size_t i = 0; i < 200; i++)
        assert_true(wants[i].found);
    assert_true(took_s < 0.5); /* 54,000 x 8 compares; a naive search makes 10.8 million of 36 bytes */
    sky_buffer_clean_up(&car);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_bytes),
        cmocka_unit_test(test_blocks_are_read_in_order),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_bad_sections),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_find_few_and_many_agree),
        cmocka_unit_test(test_find_reports_framing_behind_what_it_found),
        cmocka_unit_test(test_many_blocks_and_wants_take_little_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
