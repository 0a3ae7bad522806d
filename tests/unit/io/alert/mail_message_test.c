/* Messages are taken apart by rules of RFC 5322, 2045 and 2047, with a decoder of base64 that is OpenSSL's. Python's
 * email package reads real ones in tests/system/alerts_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/utf8.h"
#include "io/alert/mail_message.h"
#include "unit/io/alert/alerts.h"

#define TEXT_SIZE 65536

static void decode(const char *encoded, size_t len, char *out)
{
    size_t padding = len >= 1 && encoded[len - 1] == '=' ? len >= 2 && encoded[len - 2] == '=' ? 2 : 1 : 0;
    int bytes = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)encoded, (int)len);
    assert_true(bytes >= 0);
    out[(size_t)bytes - padding] = 0;
}

/* The message as a string; every line is checked on the way. */
static char *write_message(const struct sky_trend_alert *const *alerts, size_t count, const char *to)
{
    struct sky_buffer message = {0};
    struct sky_mail_addresses addresses;
    struct sky_span which;
    assert_int_equal(sky_mail_addresses_parse("skytrend@example.org", to, &addresses, &which), SKY_OK);
    sky_mail_message_write(&message, &addresses, (struct sky_alert_list){alerts, count}, INT64_C(1767574501999));
    size_t line_len = 0;
    for (size_t i = 0; i < message.len; i++) {
        uint8_t c = message.ptr[i];
        if (c == '\n') {
            assert_true(i && message.ptr[i - 1] == '\r');
            assert_true(line_len - 1 <= 78); /* RFC 5322 section 2.1.1 */
            line_len = 0;
            continue;
        }
        assert_true(c == '\r' ? message.ptr[i + 1] == '\n' : c >= ' ' && c <= '~');
        line_len++;
    }
    assert_int_equal(line_len, 0);
    sky_buffer_put_u8(&message, 0);
    assert_false(message.failed);
    return (char *)message.ptr;
}

/* The value of a header that is there once, its folding undone. */
static void header_of(const char *message, const char *name, char *value)
{
    const char *end = strstr(message, "\r\n\r\n"), *found = NULL;
    for (const char *line = message; line < end + 2; line = strstr(line, "\r\n") + 2)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            assert_null(found);
            found = line + strlen(name) + 2;
        }
    assert_non_null(found);
    size_t len = 0;
    for (; strncmp(found, "\r\n", 2) != 0 || found[2] == ' '; found += found[0] == '\r' ? 2 : 1)
        if (found[0] != '\r')
            value[len++] = *found;
    value[len] = 0;
}

/* RFC 2047 section 6.2: white space between encoded-words is not shown. */
static void subject_of(const char *message, char *subject)
{
    char raw[4096];
    header_of(message, "Subject", raw);
    if (strncmp(raw, "=?", 2) != 0) {
        strcpy(subject, raw);
        return;
    }
    subject[0] = 0;
    for (const char *word = raw; *word;) {
        assert_int_equal(strncmp(word, "=?UTF-8?B?", 10), 0);
        const char *end = strstr(word + 10, "?=");
        assert_true(end + 2 - word <= 75);
        char *part = subject + strlen(subject);
        decode(word + 10, (size_t)(end - word) - 10, part);
        assert_true(sky_utf8_is_valid(sky_span_from_string(part))); /* whole characters in each */
        word = end + 2;
        assert_true(!*word || *word == ' ');
        word += *word == ' ';
    }
}

static void body_of(const char *message, char *body)
{
    char joined[TEXT_SIZE];
    size_t len = 0;
    for (const char *at = strstr(message, "\r\n\r\n") + 4; *at; at++)
        if (*at != '\r' && *at != '\n')
            joined[len++] = *at;
    decode(joined, len, body);
}

static void test_one_alert(void **state)
{
    char value[4096], body[TEXT_SIZE];
    struct sky_trend_alert alert = alert_of("storm", SKY_TREND_STARTED);
    const struct sky_trend_alert *list[] = {&alert};
    char *message = write_message(list, 1, "a@example.org, b.c+d@sub.example.org");
    header_of(message, "Date", value);
    assert_string_equal(value, "Mon, 05 Jan 2026 00:55:01 +0000");
    header_of(message, "From", value);
    assert_string_equal(value, "Skytrend <skytrend@example.org>");
    header_of(message, "To", value);
    assert_string_equal(value, "<a@example.org>, <b.c+d@sub.example.org>");
    header_of(message, "Message-ID", value);
    assert_string_equal(value, "<776d756af2178f8b-started-1767574500@example.org>");
    header_of(message, "Auto-Submitted", value);
    assert_string_equal(value, "auto-generated");
    header_of(message, "Content-Type", value);
    assert_string_equal(value, "text/plain; charset=utf-8");
    subject_of(message, value);
    assert_string_equal(value, "storm started");
    body_of(message, body);
    assert_string_equal(body,
                        "storm (ja) started: 562 posts by 524 people within 10 min, 49.7 expected; confidence 99 %\r\n"
                        "  from 2026-01-05T00:45:00.000Z to 2026-01-05T00:55:00.000Z; id 776d756af2178f8b\r\n"
                        "  https://bsky.app/profile/did:plc:xrfzsv5v3vow6suy3syzrgr4/post/3mbn7nth6tprh\r\n"
                        "    紅茶のことです\r\n"
                        "  https://bsky.app/profile/did:plc:aaaasv5v3vow6suy3syzrgr4/post/3mbn7nth6tpri\r\n"
                        "\r\n");
    free(message);
}

static void test_many_alerts_are_one_mail(void **state)
{
    static const char *const keywords[] = {"storm", "紅茶", "#eclipse", "moon", "sun"};
    char value[4096], again[4096], body[TEXT_SIZE];
    struct sky_trend_alert alerts[5];
    const struct sky_trend_alert *list[5];
    for (size_t i = 0; i < 5; i++) {
        alerts[i] = alert_of(keywords[i], i % 2 ? SKY_TREND_ENDED : SKY_TREND_STARTED);
        alerts[i].id += i;
        list[i] = &alerts[i];
    }
    char *message = write_message(list, 5, "a@example.org");
    subject_of(message, value);
    assert_string_equal(value, "5 trends: storm, 紅茶, #eclipse and 2 more");
    body_of(message, body);
    for (size_t i = 0; i < 5; i++)
        assert_non_null(strstr(body, keywords[i]));
    header_of(message, "Message-ID", value);
    free(message);
    message = write_message(list, 5, "a@example.org");
    header_of(message, "Message-ID", again);
    assert_string_equal(again, value);
    free(message);
    message = write_message(list, 4, "a@example.org"); /* other contents, another one */
    header_of(message, "Message-ID", again);
    assert_string_not_equal(again, value);
    free(message);
}

/* A long subject of wide characters is cut between them, wherever they fall. */
static void test_long_subjects(void **state)
{
    static const char *const pieces[] = {"紅", "é", "a", "😀"};
    for (size_t lead = 0; lead < 8; lead++)
        for (size_t i = 0; i < 4; i++) {
            char keyword[512] = "", expected[1024], value[8192];
            for (size_t j = 0; j < lead; j++)
                strcat(keyword, "x");
            while (strlen(keyword) < 180)
                strcat(keyword, pieces[i]);
            struct sky_trend_alert alert = alert_of(keyword, SKY_TREND_ENDED);
            const struct sky_trend_alert *list[] = {&alert};
            char *message = write_message(list, 1, "a@example.org");
            snprintf(expected, sizeof expected, "%s ended", keyword);
            subject_of(message, value);
            assert_string_equal(value, expected);
            free(message);
        }
}

/* No keyword is a header, an address, the end of the mail or an encoded-word of its own. */
static void test_hostile_keywords(void **state)
{
    static const struct {
        const char *keyword;
        const char *shown;
    } cases[] = {
        {"x\r\nBcc: victim@example.org", "x Bcc: victim@example.org started"},
        {"x\nBcc: victim@example.org\n\nbody", "x Bcc: victim@example.org body started"},
        {"\r\n.\r\nMAIL FROM:<a@b>", ". MAIL FROM:<a@b> started"},
        {"=?UTF-8?Q?=0D=0ABcc:_x?=", "=?UTF-8?Q?=0D=0ABcc:_x?= started"},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd started"},
        {"\xe2\x80\xae"
         "evil\x1b]0;x\x07",
         "evil ]0;x started"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char value[4096], body[TEXT_SIZE];
        struct sky_trend_alert alert = alert_of(cases[i].keyword, SKY_TREND_STARTED);
        const struct sky_trend_alert *list[] = {&alert};
        char *message = write_message(list, 1, "a@example.org");
        subject_of(message, value);
        assert_string_equal(value, cases[i].shown);
        assert_null(strstr(message, "\nBcc"));
        assert_null(strstr(message, "\r\n."));
        body_of(message, body);
        assert_null(strchr(body, 0x1b));
        free(message);
    }
}

static void check_addresses(const char *from, const char *to, enum sky_status expected)
{
    struct sky_mail_addresses addresses;
    struct sky_span which;
    enum sky_status status = sky_mail_addresses_parse(from, to, &addresses, &which);
    if (status != expected)
        fail_msg("'%s' to '%s': %s", from, to, sky_status_name(status));
}

static void test_addresses(void **state)
{
    char many[1024] = "", longer[400];
    for (int i = 0; i <= SKY_MAIL_RECIPIENTS_MAX; i++)
        strcat(many, "a@b,");
    memset(longer, 'a', sizeof longer);
    memcpy(longer + sizeof longer - 3, "@b", 3);
    check_addresses("a@b", "c@d", SKY_OK);
    check_addresses("a@localhost", "c@d, , e@f,", SKY_OK);
    check_addresses("o'neil+x=y@mail-1.example.org", "c@d", SKY_OK);
    check_addresses("", "c@d", SKY_E_MISSING);
    check_addresses("a@b", "", SKY_E_MISSING);
    check_addresses("a@b", " ,", SKY_E_MISSING);
    check_addresses("a@b", many, SKY_E_LIMIT);
    check_addresses(longer, "c@d", SKY_E_MALFORMED);
    static const char *const bad[] = {"a",          "@b",    "a@",          "a@b@c", ".a@b",    "a.@b",  "a..b@c",
                                      "a@b..c",     "a@.b",  "a@b.",        "a b@c", "<a@b>",   "a@b>",  "a\"b@c",
                                      "a@b\r\nBcc", "a@b_c", "a@[1.2.3.4]", "ä@b",   "A <a@b>", "a@b;c", "a\x01@b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_addresses(bad[i], "c@d", SKY_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_alert),     cmocka_unit_test(test_many_alerts_are_one_mail),
        cmocka_unit_test(test_long_subjects), cmocka_unit_test(test_hostile_keywords),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
