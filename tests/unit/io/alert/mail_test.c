/* A server that knows just enough of SMTP (RFC 5321) to take a mail, or to refuse it at any step. STARTTLS and AUTH are
 * tried with another server in tests/system/alerts_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <signal.h>

#include "io/alert/mail.h"
#include "io/host/clock.h"
#include "unit/io/alert/alerts.h"
#include "unit/io/net/scripted_server.h"

struct post_office {
    const char *greeting; /* what is answered at each step; NULL: hang up */
    const char *mail;
    const char *rcpt;
    const char *data;
    const char *end;
    char said[4096]; /* commands, a line each */
    char message[16384];
};

static const struct post_office friendly = {"220 mail ESMTP\r\n", "250 ok\r\n", "250 ok\r\n", "354 go on\r\n",
                                            "250 ok\r\n"};

static bool read_line(struct peer *peer, char *line, size_t size)
{
    size_t len = 0;
    while (len + 1 < size && peer_recv(peer, line + len, 1) == 1) {
        line[++len] = 0;
        if (line[len - 1] == '\n')
            return true;
    }
    return false;
}

static bool answer(struct peer *peer, const char *text)
{
    return text && peer_send_text(peer, text);
}

/* Lines up to ".", dots undone. */
static bool take_message(struct peer *peer, struct post_office *office)
{
    char line[1200];
    while (read_line(peer, line, sizeof line)) {
        if (strcmp(line, ".\r\n") == 0)
            return true;
        strcat(office->message, line + (line[0] == '.'));
    }
    return false;
}

static void serve(struct peer *peer, void *context)
{
    struct post_office *office = context;
    char line[1200];
    bool go_on = answer(peer, office->greeting);
    while (go_on && read_line(peer, line, sizeof line)) {
        strcat(office->said, line);
        if (strncmp(line, "EHLO", 4) == 0)
            go_on = answer(peer, "250-mail\r\n250 8BITMIME\r\n");
        else if (strncmp(line, "MAIL", 4) == 0)
            go_on = answer(peer, office->mail);
        else if (strncmp(line, "RCPT", 4) == 0)
            go_on = answer(peer, office->rcpt);
        else if (strncmp(line, "DATA", 4) == 0)
            go_on = answer(peer, office->data) &&
                    (office->data[0] != '3' || (take_message(peer, office) && answer(peer, office->end)));
        else if (strncmp(line, "QUIT", 4) == 0)
            go_on = office->end && !*office->end; /* as silent as before */
        else
            go_on = answer(peer, "502 what?\r\n");
    }
}

static struct sky_delivery deliver_within(struct post_office *office, size_t mails, int timeout_ms)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_mail *mail;
    struct sky_delivery delivery = {0};
    char url[64], problem[SKY_MAIL_PROBLEM_SIZE];
    struct sky_trend_alert alert = alert_of("storm", SKY_TREND_STARTED);
    const struct sky_trend_alert *list[] = {&alert};
    scripted_server_start(server, serve, office);
    snprintf(url, sizeof url, "smtp://127.0.0.1:%u", server->port);
    const struct sky_mail_options options = {.url = url,
                                             .from = "skytrend@example.org",
                                             .to = "a@example.org, b@example.org",
                                             .connect_timeout_ms = 5000,
                                             .timeout_ms = timeout_ms};
    assert_int_equal(sky_mail_new(&options, &mail, problem), SKY_OK);
    for (size_t i = 0; i < mails; i++)
        sky_mail_deliver(mail, (struct sky_alert_list){list, 1}, INT64_C(1767574501999), &delivery);
    sky_mail_free(mail);
    scripted_server_stop(server);
    return delivery;
}

static struct sky_delivery deliver(struct post_office *office, size_t mails)
{
    return deliver_within(office, mails, 10000);
}

static void test_a_mail(void **state)
{
    static struct post_office office;
    office = friendly;
    struct sky_delivery delivery = deliver(&office, 1);
    assert_string_equal(delivery.problem, "");
    assert_int_equal(delivery.result, SKY_DELIVERY_TAKEN);
    assert_non_null(strstr(office.said, "MAIL FROM:<skytrend@example.org>"));
    assert_non_null(strstr(office.said, "RCPT TO:<a@example.org>\r\n"));
    assert_non_null(strstr(office.said, "RCPT TO:<b@example.org>\r\n"));
    assert_non_null(strstr(office.message, "\r\nSubject: storm started\r\n"));

    struct sky_buffer expected = {0};
    struct sky_mail_addresses addresses;
    struct sky_span which;
    struct sky_trend_alert alert = alert_of("storm", SKY_TREND_STARTED);
    const struct sky_trend_alert *list[] = {&alert};
    assert_int_equal(
        sky_mail_addresses_parse("skytrend@example.org", "a@example.org,b@example.org", &addresses, &which), SKY_OK);
    sky_mail_message_write(&expected, &addresses, (struct sky_alert_list){list, 1}, INT64_C(1767574501999));
    sky_buffer_put_u8(&expected, 0);
    assert_string_equal(office.message, (char *)expected.ptr);
    sky_buffer_clean_up(&expected);
}

static void test_one_after_the_other(void **state)
{
    static struct post_office office;
    office = friendly;
    assert_int_equal(deliver(&office, 3).result, SKY_DELIVERY_TAKEN);
    int mails = 0;
    for (const char *at = office.said; (at = strstr(at, "MAIL FROM")); at++)
        mails++;
    assert_int_equal(mails, 3);
}

static void check(const struct post_office *how, enum sky_delivery_result expected)
{
    static struct post_office office;
    office = *how;
    struct sky_delivery delivery = deliver(&office, 1);
    if (delivery.result != expected)
        fail_msg("%d, not %d: %u %s", (int)delivery.result, (int)expected, delivery.code, delivery.problem);
    assert_true(strlen(delivery.problem) > 0);
}

static void test_refusals(void **state)
{
    struct post_office how = friendly;
    how.greeting = NULL;
    check(&how, SKY_DELIVERY_FAILED);
    how.greeting = "421 too busy\r\n";
    check(&how, SKY_DELIVERY_FAILED);
    how.greeting = "554 go away\r\n";
    check(&how, SKY_DELIVERY_REFUSED);
    how = friendly;
    how.mail = "451 try again\r\n";
    check(&how, SKY_DELIVERY_FAILED);
    how.mail = "550 not you\r\n";
    check(&how, SKY_DELIVERY_REFUSED);
    how = friendly;
    how.rcpt = "450 grey\r\n";
    check(&how, SKY_DELIVERY_FAILED);
    how.rcpt = "550 nobody\r\n";
    check(&how, SKY_DELIVERY_REFUSED);
    how = friendly;
    how.data = NULL;
    check(&how, SKY_DELIVERY_FAILED);
    how = friendly;
    how.end = NULL; /* gone before it said whether it took the mail */
    check(&how, SKY_DELIVERY_FAILED);
    how.end = "452 full\r\n";
    check(&how, SKY_DELIVERY_FAILED);
    how.end = "554 spam\r\n";
    check(&how, SKY_DELIVERY_REFUSED);
}

/* No word comes after the mail, nor to the QUIT behind it: libcurl would wait for that for two minutes more. */
static void test_silence_is_bounded(void **state)
{
    struct post_office how = friendly;
    int64_t begin_ms = sky_clock_monotonic_ms();
    how.end = "";
    struct sky_delivery delivery = deliver_within(&how, 1, 1500);
    assert_int_equal(delivery.result, SKY_DELIVERY_FAILED);
    assert_true(sky_clock_monotonic_ms() - begin_ms < 10000);
}

static void check_options(const char *url, const char *from, const char *to, const char *part)
{
    struct sky_mail *mail;
    char problem[SKY_MAIL_PROBLEM_SIZE];
    const struct sky_mail_options options = {.url = url, .from = from, .to = to};
    enum sky_status status = sky_mail_new(&options, &mail, problem);
    if ((status == SKY_OK) != !part || (part && !strstr(problem, part)))
        fail_msg("%s: %s", url, problem);
    sky_mail_free(mail);
}

static void test_options(void **state)
{
    check_options("smtp://mail.example.org", "a@b", "c@d", NULL);
    check_options("smtps://mail.example.org:465/", "a@b", "c@d", NULL);
    check_options("SMTP://[::1]:25", "a@b", "c@d", NULL);
    check_options("http://mail.example.org", "a@b", "c@d", "smtp://");
    check_options("mail.example.org", "a@b", "c@d", "smtp://");
    check_options("smtp://", "a@b", "c@d", "smtp://");
    check_options("smtp://mail.example.org/x", "a@b", "c@d", "smtp://");
    check_options("smtp://user:password@mail.example.org", "a@b", "c@d", "smtp://");
    check_options("smtp://mail.example.org", "nobody", "c@d", "'nobody' is no address");
    check_options("smtp://mail.example.org", "a@b", "c@d,x", "'x' is no address");
    check_options("smtp://mail.example.org", "a@b", "", "a recipient");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mail),   cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_silence_is_bounded),
        cmocka_unit_test(test_options),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
