/* Expected: WHATWG Fetch, "CORS check": the answer is the origin byte for byte, or "*". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/http/http_origin.h"

static void test_answers(void **state)
{
    static const char *const allowed[] = {"https://example.org", "http://127.0.0.1:3000"};
    static const char *const all[] = {"*"};
    const struct sky_http_origins some = {allowed, 2}, any = {all, 1}, none = {NULL, 0};
    assert_string_equal(sky_http_origin_answer(&some, "https://example.org"), "https://example.org");
    assert_string_equal(sky_http_origin_answer(&some, "http://127.0.0.1:3000"), "http://127.0.0.1:3000");
    static const char *const others[] = {"http://example.org",
                                         "https://example.org:444",
                                         "https://example.org.evil.test",
                                         "https://sub.example.org",
                                         "null",
                                         "",
                                         "*"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_null(sky_http_origin_answer(&some, others[i]));
    assert_null(sky_http_origin_answer(&some, NULL));
    assert_string_equal(sky_http_origin_answer(&any, "https://evil.test"), "*");
    assert_null(sky_http_origin_answer(&none, "https://example.org"));
}

static void test_settings(void **state)
{
    static const char *const good[] = {"*", "https://example.org", "http://[::1]:8080", "http://localhost:1"};
    static const char *const bad[] = {"",
                                      "example.org",
                                      "https://",
                                      "https://example.org/",
                                      "https://*.example.org",
                                      "ftp://example.org",
                                      "https://a b",
                                      "https://u@example.org",
                                      "null"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(sky_http_origin_check(good[i]), SKY_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(sky_http_origin_check(bad[i]), SKY_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers), cmocka_unit_test(test_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
