#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/wire/hex.h"
#include "wire/atproto_json.h"
#include "wire/data_model.h"

/* The CID of {}, as bytes and text (Python's hashlib and base64). */
#define LINK      "d82a582500 01711220 c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0"
#define LINK_TEXT "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"

enum dialect { ATPROTO, DAG_JSON };

static void expect_json(const char *hex, enum dialect dialect, const char *expected)
{
    struct sky_buffer cbor = {0}, json = {0};
    struct sky_dagcbor_reader reader;
    struct sky_json_writer writer;
    sky_json_begin(&writer, &json);
    sky_dagcbor_init(&reader, unhex(&cbor, hex), dialect == ATPROTO ? SKY_DAGCBOR_RECORD : SKY_DAGCBOR_DRISL);
    if (dialect == ATPROTO)
        sky_atproto_json_write(&reader, &writer);
    else
        sky_dag_json_write(&reader, &writer);
    assert_int_equal(sky_dagcbor_end(&reader), SKY_OK);
    sky_buffer_put_u8(&json, '\0');
    assert_string_equal((const char *)json.ptr, expected);
    sky_buffer_clean_up(&cbor);
    sky_buffer_clean_up(&json);
}

static void test_both_dialects(void **state)
{
    (void)state;
    expect_json("a2616101616282f5f6", ATPROTO, "{\"a\":1,\"b\":[true,null]}");
    expect_json(LINK, ATPROTO, "{\"$link\":\"" LINK_TEXT "\"}");
    expect_json(LINK, DAG_JSON, "{\"/\":\"" LINK_TEXT "\"}");
    expect_json("43666f6f", ATPROTO, "{\"$bytes\":\"Zm9v\"}");
    expect_json("4166", ATPROTO, "{\"$bytes\":\"Zg\"}");
    expect_json("4166", DAG_JSON, "{\"/\":{\"bytes\":\"Zg\"}}");
    expect_json("3b7fffffffffffffff", ATPROTO, "-9223372036854775808");
    expect_json("1bffffffffffffffff", DAG_JSON, "18446744073709551615");
    expect_json("3bffffffffffffffff", DAG_JSON, "-18446744073709551616");
    expect_json("3bfffffffffffffffe", DAG_JSON, "-18446744073709551615");
    expect_json("6561225c0a01", ATPROTO, "\"a\\\"\\\\\\n\\u0001\"");
}

/* A float reads back as itself and never looks like an integer. */
static void test_floats_have_a_point(void **state)
{
    (void)state;
    expect_json("fb3ff0000000000000", DAG_JSON, "1.0");
    expect_json("fb0000000000000000", DAG_JSON, "0.0");
    expect_json("fb3fb999999999999a", DAG_JSON, "0.1");
    expect_json("fb3fd5555555555555", DAG_JSON, "0.3333333333333333");
    expect_json("fbc05edd3c07ee0b0b", DAG_JSON, "-123.456789");
    expect_json("fb444b1ae4d6e2ef50", DAG_JSON, "1.0e+21");
    expect_json("fb0000000000000001", DAG_JSON, "5.0e-324");
}

static enum sky_status to_cbor(const char *json, struct sky_buffer *cbor, struct sky_error *error)
{
    struct sky_json_document document = {0};
    struct sky_arena arena = {0};
    cbor->len = 0;
    enum sky_status status = sky_json_parse(&document, sky_span_from_string(json), error);
    assert_int_equal(status, SKY_OK);
    status = sky_atproto_json_read(document.values, &arena, cbor, error);
    sky_json_document_clean_up(&document);
    sky_arena_clean_up(&arena);
    return status;
}

static void test_json_becomes_canonical_cbor(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *cbor;
    } pairs[] = {
        {"{\"bb\":1,\"a\":2,\"ab\":3}", "a3 6161 02 626162 03 626262 01"},
        {"[1,-1,true,null,\"x\",123.0]", "86 01 20 f5 f6 6178 187b"},
        {"{\"$link\":\"" LINK_TEXT "\"}", LINK},
        {"{\"$bytes\":\"Zm9v\"}", "43666f6f"},
        {"{\"$bytes\":\"Zg==\"}", "4166"},
        {"{\"$type\":\"blob\",\"size\":3}", "a2 6473697a65 03 652474797065 64626c6f62"},
    };
    struct sky_buffer cbor = {0}, expected = {0};
    struct sky_error error;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(to_cbor(pairs[i].json, &cbor, &error), SKY_OK);
        assert_true(sky_span_equal(sky_buffer_span(&cbor), unhex(&expected, pairs[i].cbor)));
    }
    sky_buffer_clean_up(&cbor);
    sky_buffer_clean_up(&expected);
}

static void test_json_that_no_record_can_be(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum sky_status status;
        size_t offset;
    } bad[] = {
        {"{\"a\":1.5}", SKY_E_RANGE, 5},
        {"{\"a\":9223372036854775808}", SKY_E_RANGE, 5},
        {"{\"$link\":\"bad\"}", SKY_E_CID, 9},
        {"{\"$link\":1}", SKY_E_TYPE, 9},
        {"{\"$link\":\"" LINK_TEXT "\",\"b\":1}", SKY_E_TYPE, 0},
        {"{\"$bytes\":\"Zm9v\",\"b\":1}", SKY_E_TYPE, 0},
        {"{\"$bytes\":[1]}", SKY_E_TYPE, 10},
        {"{\"$bytes\":\"!\"}", SKY_E_MALFORMED, 10},
    };
    struct sky_buffer cbor = {0};
    struct sky_error error;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum sky_status status = to_cbor(bad[i].json, &cbor, &error);
        if (status != bad[i].status || error.offset != bad[i].offset)
            fail_msg("%s: %s at %zu", bad[i].json, sky_status_name(status), error.offset);
    }
    sky_buffer_clean_up(&cbor);
}

static void expect_model(const char *json, enum sky_status expected)
{
    struct sky_buffer cbor = {0};
    struct sky_error error;
    assert_int_equal(to_cbor(json, &cbor, &error), SKY_OK);
    enum sky_status status = sky_data_model_check(sky_buffer_span(&cbor), &error);
    if (status != expected)
        fail_msg("%s: %s", json, sky_status_name(status));
    sky_buffer_clean_up(&cbor);
}

static void test_data_model(void **state)
{
    (void)state;
    expect_model("{}", SKY_OK);
    expect_model("{\"$type\":\"com.example.a\",\"b\":[{\"$type\":\"c\"}]}", SKY_OK);
    expect_model("[]", SKY_E_TYPE);
    expect_model("\"text\"", SKY_E_TYPE);
    expect_model("{\"$type\":\"\"}", SKY_E_RANGE);
    expect_model("{\"$type\":null}", SKY_E_TYPE);
    expect_model("{\"a\":[{\"$type\":1}]}", SKY_E_TYPE);
#define BLOB "{\"b\":{\"$type\":\"blob\",\"ref\":{\"$link\":\"" LINK_TEXT "\"},\"mimeType\":"
    expect_model(BLOB "\"image/png\",\"size\":1}}", SKY_OK);
    expect_model(BLOB "\"image/png\",\"size\":-1}}", SKY_E_MISSING);
    expect_model(BLOB "\"\",\"size\":1}}", SKY_E_MISSING);
    expect_model(BLOB "\"image/png\"}}", SKY_E_MISSING);
    expect_model("{\"b\":{\"$type\":\"blob\",\"mimeType\":\"a/b\",\"size\":1}}", SKY_E_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_dialects),
        cmocka_unit_test(test_floats_have_a_point),
        cmocka_unit_test(test_json_becomes_canonical_cbor),
        cmocka_unit_test(test_json_that_no_record_can_be),
        cmocka_unit_test(test_data_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
