#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/wire/hex.h"
#include "wire/cid.h"

/* Made with Python's hashlib and base64. */
#define HELLO_RAW "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
#define EMPTY_MAP "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"

static void test_made_formatted_and_parsed(void **state)
{
    (void)state;
    uint8_t cid[SKY_CID_SIZE_BYTES], parsed[SKY_CID_SIZE_BYTES];
    char text[SKY_CID_TEXT_SIZE];
    struct sky_buffer expected = {0};
    sky_cid_of(SKY_CID_RAW, SKY_SPAN("hello"), cid);
    unhex(&expected, "015512202cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_memory_equal(cid, expected.ptr, sizeof cid);
    sky_cid_format(sky_span_of(cid, sizeof cid), text);
    assert_string_equal(text, HELLO_RAW);
    assert_int_equal(sky_cid_parse(SKY_SPAN(HELLO_RAW), parsed), SKY_OK);
    assert_memory_equal(parsed, cid, sizeof cid);
    sky_cid_of(SKY_CID_DAG_CBOR, SKY_SPAN("\xa0"), cid);
    sky_cid_format(sky_span_of(cid, sizeof cid), text);
    assert_string_equal(text, EMPTY_MAP);
    sky_buffer_clean_up(&expected);
}

static void test_matches_only_its_own_data(void **state)
{
    (void)state;
    uint8_t cid[SKY_CID_SIZE_BYTES];
    assert_int_equal(sky_cid_parse(SKY_SPAN(HELLO_RAW), cid), SKY_OK);
    assert_true(sky_cid_matches(sky_span_of(cid, sizeof cid), SKY_SPAN("hello")));
    assert_false(sky_cid_matches(sky_span_of(cid, sizeof cid), SKY_SPAN("hellp")));
    for (size_t i = 4; i < sizeof cid; i++) {
        cid[i] ^= 1;
        assert_false(sky_cid_matches(sky_span_of(cid, sizeof cid), SKY_SPAN("hello")));
        cid[i] ^= 1;
    }
}

static void test_other_cids_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "b",
        "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n",    /* version 0 */
        "zdj7WhuEjrB52m1BisYCtmjH1hSKa7yZ3jEZ9JcXaFRD51wVz", /* base58 */
        "BAFKREIBM6JG3UX5QUMHCN2B3FLC3TYU6DMLB4XA7U5BF44YEGNRJHC4YEQ",
        "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4ye",   /* one short */
        "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeqa", /* one long */
        "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yer",  /* padding bits set */
        "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4ye1",  /* no base32 digit */
        "bafybeibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq",  /* dag-pb */
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t cid[SKY_CID_SIZE_BYTES];
        assert_int_equal(sky_cid_parse(sky_span_from_string(texts[i]), cid), SKY_E_CID);
    }
}

static void test_binary_form(void **state)
{
    (void)state;
    uint8_t cid[SKY_CID_SIZE_BYTES];
    assert_int_equal(sky_cid_parse(SKY_SPAN(HELLO_RAW), cid), SKY_OK);
    assert_true(sky_cid_is_valid(sky_span_of(cid, 36)));
    assert_false(sky_cid_is_valid(sky_span_of(cid, 35)));
    assert_false(sky_cid_is_valid(sky_span_of(NULL, 0)));
    for (size_t i = 0; i < 4; i++) {
        cid[i] ^= 0x80;
        assert_false(sky_cid_is_valid(sky_span_of(cid, 36)));
        cid[i] ^= 0x80;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_formatted_and_parsed), cmocka_unit_test(test_matches_only_its_own_data),
        cmocka_unit_test(test_other_cids_are_refused), cmocka_unit_test(test_binary_form)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
