/* Is a server asked in the way in which it would be used? A password in clear, and a request that is refused as plain,
 * go to this machine alone. 0.0.0.0 leads here on Linux, and is no name that says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <signal.h>

#include "io/net/reach.h"
#include "unit/io/net/scripted_server.h"

struct office {
    char said[2048];
};

/* An SMTP server without STARTTLS that takes every password (RFC 4954). */
static void serve_mail(struct peer *peer, void *context)
{
    struct office *office = context;
    char c = 0;
    size_t len = 0, begin = 0;
    if (!peer_send_text(peer, "220 mail ESMTP\r\n"))
        return;
    while (len + 1 < sizeof office->said && peer_recv(peer, &c, 1) == 1) {
        office->said[len++] = c;
        office->said[len] = 0;
        if (c != '\n')
            continue;
        const char *line = office->said + begin;
        begin = len;
        const char *answer = strncmp(line, "EHLO", 4) == 0   ? "250-mail\r\n250 AUTH PLAIN\r\n"
                             : strncmp(line, "AUTH", 4) == 0 ? "334 \r\n"
                             : strncmp(line, "QUIT", 4) == 0 ? "221 bye\r\n"
                                                             : "235 welcome\r\n"; /* the password */
        if (!peer_send_text(peer, answer))
            return;
    }
}

static enum sky_status reach(const char *scheme, const char *host, uint16_t port, bool allow_plain)
{
    char url[64], problem[SKY_REACH_PROBLEM_SIZE];
    snprintf(url, sizeof url, "%s://%s:%u", scheme, host, port);
    const struct sky_reach_options options = {
        .url = url, .user = "me", .password = "open sesame", .allow_plain = allow_plain, .timeout_ms = 5000};
    return sky_reach(&options, problem);
}

static struct scripted_server *new_server(peer_script script, void *context)
{
    struct scripted_server *server = calloc(1, sizeof *server);
    assert_non_null(server);
    scripted_server_start(server, script, context);
    return server;
}

static void test_mail(void **state)
{
    (void)state;
    struct office office = {0};
    struct scripted_server *server = new_server(serve_mail, &office);
    assert_int_equal(reach("smtp", "127.0.0.1", server->port, false), SKY_OK);
    scripted_server_stop(server);
    assert_non_null(strstr(office.said, "AUTH PLAIN"));
    memset(&office, 0, sizeof office);
    server = new_server(serve_mail, &office);
    assert_int_equal(reach("smtp", "0.0.0.0", server->port, false), SKY_E_IO);
    scripted_server_stop(server);
    assert_non_null(strstr(office.said, "EHLO"));
    assert_null(strstr(office.said, "AUTH"));
}

static void hang_up(struct peer *peer, void *context)
{
    (void)peer;
    (void)context;
}

static void test_web(void **state)
{
    (void)state;
    struct scripted_server *server = new_server(hang_up, NULL);
    assert_int_equal(reach("http", "0.0.0.0", server->port, false), SKY_E_CONFIG);
    assert_int_equal(atomic_load(&server->connections), 0);
    assert_int_equal(reach("http", "0.0.0.0", server->port, true), SKY_OK);
    assert_int_equal(reach("http", "127.0.0.1", server->port, false), SKY_OK);
    assert_int_equal(reach("ftp", "127.0.0.1", server->port, false), SKY_E_CONFIG);
    scripted_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mail), cmocka_unit_test(test_web)};
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
