#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/wire/hex.h"
#include "wire/sha256.h"

/* FIPS 180-4's examples, and the empty message. */
static void test_published_examples(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *digest;
    } examples[] = {
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };
    struct sky_buffer expected = {0};
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        uint8_t digest[SKY_SHA256_SIZE_BYTES];
        unhex(&expected, examples[i].digest);
        sky_sha256(sky_span_from_string(examples[i].message), digest);
        assert_memory_equal(digest, expected.ptr, sizeof digest);
        sky_sha256_portable(sky_span_from_string(examples[i].message), digest);
        assert_memory_equal(digest, expected.ptr, sizeof digest);
    }
    sky_buffer_clean_up(&expected);
}

static void test_hardware_agrees_with_openssl_at_every_length(void **state)
{
    (void)state;
    if (!sky_sha256_has_hardware())
        skip();
    static uint8_t data[1003];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    for (size_t len = 0; len <= 1000; len++)
        for (size_t start = 0; start < 3; start++) { /* aligned or not */
            uint8_t hardware[SKY_SHA256_SIZE_BYTES], portable[SKY_SHA256_SIZE_BYTES];
            sky_sha256_hardware(sky_span_of(data + start, len), hardware);
            sky_sha256_portable(sky_span_of(data + start, len), portable);
            assert_memory_equal(hardware, portable, sizeof hardware);
        }
}

static void test_a_million_bytes(void **state)
{
    (void)state;
    uint8_t *data = malloc(1000000), digest[SKY_SHA256_SIZE_BYTES];
    struct sky_buffer expected = {0};
    assert_non_null(data);
    memset(data, 'a', 1000000);
    sky_sha256(sky_span_of(data, 1000000), digest);
    unhex(&expected, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"); /* FIPS 180-2, B.3 */
    assert_memory_equal(digest, expected.ptr, sizeof digest);
    sky_buffer_clean_up(&expected);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published_examples),
                                       cmocka_unit_test(test_hardware_agrees_with_openssl_at_every_length),
                                       cmocka_unit_test(test_a_million_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
