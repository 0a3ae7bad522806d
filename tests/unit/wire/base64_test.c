#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/base64.h"

/* RFC 4648, section 10. */
static const struct {
    const char *bytes;
    const char *padded;
} examples[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};

static void test_published_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct sky_buffer text = {0}, bytes = {0};
        struct sky_span padded = sky_span_from_string(examples[i].padded), bare = padded;
        while (bare.len && bare.ptr[bare.len - 1] == '=')
            bare.len--;
        sky_base64_encode(sky_span_from_string(examples[i].bytes), &text);
        assert_true(sky_span_equal(sky_buffer_span(&text), bare));
        sky_buffer_clear(&text);
        sky_base64_encode_padded(sky_span_from_string(examples[i].bytes), &text);
        assert_true(sky_span_equal(sky_buffer_span(&text), padded));
        assert_int_equal(sky_base64_decode(padded, &bytes), SKY_OK);
        assert_int_equal(sky_base64_decode(bare, &bytes), SKY_OK);
        size_t len = strlen(examples[i].bytes);
        assert_int_equal(bytes.len, 2 * len);
        assert_true(sky_span_equal(sky_span_of(bytes.ptr + len, len), sky_span_from_string(examples[i].bytes)));
        sky_buffer_clean_up(&text);
        sky_buffer_clean_up(&bytes);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"Z", "Zg=", "Zg===", "Zh", "Zm9", "Z-9v", "Zm9v====", "=", "Zm 9v", "Zm9vY"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sky_buffer bytes = {0};
        if (sky_base64_decode(sky_span_from_string(texts[i]), &bytes) != SKY_E_MALFORMED)
            fail_msg("%s was taken", texts[i]);
        sky_buffer_clean_up(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published_examples), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
