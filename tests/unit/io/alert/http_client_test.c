/* A server that does what each case says, byte for byte, and what the client makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <signal.h>
#include <time.h>

#include "io/alert/http_client.h"
#include "io/host/clock.h"
#include "unit/io/net/scripted_server.h"

#define PATIENCE_MS 10000

static struct sky_http_client *client_of(const char *url, const char *ca_file, int timeout_ms, const atomic_bool *stop)
{
    struct sky_http_client *client;
    char problem[SKY_HTTP_CLIENT_PROBLEM_SIZE];
    const struct sky_http_client_options options = {.url = url,
                                                    .ca_file = ca_file,
                                                    .user_agent = "skytrend/test",
                                                    .connect_timeout_ms = timeout_ms,
                                                    .timeout_ms = timeout_ms,
                                                    .stop = stop};
    if (sky_http_client_new(&options, &client, problem) != SKY_OK)
        fail_msg("%s: %s", url, problem);
    return client;
}

/* One request to a server that answers with `script`. */
static struct sky_delivery post(peer_script script, const void *context, int timeout_ms)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_delivery delivery;
    char url[64];
    scripted_server_start(server, script, (void *)(uintptr_t)context);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server->port);
    struct sky_http_client *client = client_of(url, NULL, timeout_ms, NULL);
    sky_http_client_post(client, "text/plain", NULL, SKY_SPAN("body"), &delivery);
    sky_http_client_free(client);
    scripted_server_stop(server);
    return delivery;
}

static void answer(struct peer *peer, void *context)
{
    char body[4];
    if (peer_read_request(peer) && peer_recv(peer, body, sizeof body) == 4)
        peer_send_text(peer, context);
}

static void check(const char *reply, enum sky_delivery_result result, int64_t retry_after_ms, const char *problem)
{
    struct sky_delivery delivery = post(answer, reply, PATIENCE_MS);
    if (delivery.result != result || delivery.retry_after_ms != retry_after_ms || !strstr(delivery.problem, problem))
        fail_msg("%.40s: %d, %lld ms, %s", reply, (int)delivery.result, (long long)delivery.retry_after_ms,
                 delivery.problem);
    if (result == SKY_DELIVERY_TAKEN)
        assert_string_equal(delivery.problem, "");
}

static void test_answers(void **state)
{
    check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", SKY_DELIVERY_TAKEN, 0, "");
    check("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nRetry-After: 5\r\n\r\n", SKY_DELIVERY_TAKEN, 0, "");
    check("HTTP/1.1 500 No\r\nContent-Length: 7\r\n\r\nbroken\n", SKY_DELIVERY_FAILED, 0, "answered 500: broken");
    check("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", SKY_DELIVERY_REFUSED, 0, "answered 404");
    check("HTTP/1.1 429 No\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n", SKY_DELIVERY_FAILED, 7000, "429");
    check("HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: 999999999\r\n\r\n", SKY_DELIVERY_FAILED,
          SKY_RETRY_AFTER_MS_MAX, "503");
    check("HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: soon\r\n\r\n", SKY_DELIVERY_FAILED, 0, "503");
    check("HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: Mon, 05 Jan 1970 00:00:00 GMT\r\n\r\n",
          SKY_DELIVERY_FAILED, 0, "503");
    check("HTTP/1.1 400 No\r\nContent-Length: 11\r\n\r\n\x1b[2J\r\nHi\xff!\n", SKY_DELIVERY_REFUSED, 0,
          "answered 400: [2J Hi\xef\xbf\xbd!"); /* nothing that acts on a terminal */
}

static void test_retry_after_as_a_date(void **state)
{
    char reply[256], date[64];
    time_t later = time(NULL) + 120;
    struct tm when;
    gmtime_r(&later, &when);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &when);
    snprintf(reply, sizeof reply, "HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: %s\r\n\r\n", date);
    struct sky_delivery delivery = post(answer, reply, PATIENCE_MS);
    assert_in_range(delivery.retry_after_ms, 105000, 120000);
}

static void test_what_is_no_answer(void **state)
{
    check("", SKY_DELIVERY_FAILED, 0, "");
    check("HTTP/1.1 200 OK\r\nContent-Le", SKY_DELIVERY_FAILED, 0, "");
    check("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", SKY_DELIVERY_FAILED, 0, "");
    check("SSH-2.0-OpenSSH_9.2\r\n", SKY_DELIVERY_FAILED, 0, "");
}

/* Each connection is counted; a redirect that was followed would make a second one. */
static void send_elsewhere(struct peer *peer, void *context)
{
    char reply[256], body[4];
    atomic_fetch_add((atomic_int *)context, 1);
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    getsockname(peer->fd, (struct sockaddr *)&own, &len);
    snprintf(reply, sizeof reply,
             "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:%u/other\r\nConnection: close\r\n"
             "Content-Length: 0\r\n\r\n",
             ntohs(own.sin_port));
    if (peer_read_request(peer) && peer_recv(peer, body, sizeof body) == 4)
        peer_send_text(peer, reply);
}

static void test_redirects_are_not_followed(void **state)
{
    atomic_int connections = 0;
    struct sky_delivery delivery = post(send_elsewhere, &connections, PATIENCE_MS);
    assert_int_equal(delivery.result, SKY_DELIVERY_REFUSED);
    assert_int_equal(delivery.code, 307);
    assert_int_equal(atomic_load(&connections), 1);
}

static void hang(struct peer *peer, void *context)
{
    if (peer_read_request(peer))
        peer_wait_end(peer);
}

static void drip(struct peer *peer, void *context)
{
    if (!peer_read_request(peer))
        return;
    peer_send_text(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    struct timespec pause = {.tv_nsec = 20000000};
    while (peer_send_text(peer, "."))
        nanosleep(&pause, NULL);
}

static void test_time_is_bounded(void **state)
{
    int64_t begin = sky_clock_monotonic_ms();
    assert_int_equal(post(hang, NULL, 300).result, SKY_DELIVERY_FAILED);
    struct sky_delivery delivery = post(drip, NULL, 300);
    assert_int_equal(delivery.result, SKY_DELIVERY_FAILED);
    assert_non_null(strstr(delivery.problem, "timed out"));
    assert_true(sky_clock_monotonic_ms() - begin < PATIENCE_MS);
}

static void flood(struct peer *peer, void *context)
{
    static char chunk[65536];
    char body[4];
    memset(chunk, 'x', sizeof chunk);
    if (!peer_read_request(peer) || peer_recv(peer, body, 4) != 4)
        return;
    peer_send_text(peer, context);
    while (peer_send(peer, chunk, sizeof chunk))
        ;
}

static void test_an_endless_answer_is_cut(void **state)
{
    struct sky_delivery delivery = post(flood, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", PATIENCE_MS);
    assert_int_equal(delivery.result, SKY_DELIVERY_TAKEN);
    delivery = post(flood, "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n", PATIENCE_MS);
    assert_int_equal(delivery.result, SKY_DELIVERY_FAILED);
    assert_true(strlen(delivery.problem) < 200);
}

static void *stop_soon(void *context)
{
    struct timespec pause = {.tv_nsec = 100000000};
    nanosleep(&pause, NULL);
    atomic_store((atomic_bool *)context, true);
    return NULL;
}

static void test_can_be_stopped(void **state)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_delivery delivery;
    atomic_bool stop = false;
    pthread_t thread;
    char url[64];
    scripted_server_start(server, hang, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server->port);
    struct sky_http_client *client = client_of(url, NULL, 60000, &stop);
    int64_t begin = sky_clock_monotonic_ms();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    sky_http_client_post(client, "text/plain", NULL, SKY_SPAN("body"), &delivery);
    assert_int_equal(delivery.result, SKY_DELIVERY_FAILED);
    assert_string_equal(delivery.problem, "it was stopped");
    assert_true(sky_clock_monotonic_ms() - begin < PATIENCE_MS);
    pthread_join(thread, NULL);
    sky_http_client_free(client);
    scripted_server_stop(server);
}

static enum sky_delivery_result post_by_tls(const char *certificate_name, bool trusted)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_delivery delivery;
    char url[64], folder[] = "/tmp/skytrend-tls-XXXXXX", file[64], other[64];
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/cert.pem", folder);
    snprintf(other, sizeof other, "%s/other.pem", folder);
    struct scripted_server unused = {0};
    scripted_server_use_tls(&unused, "localhost", other);
    scripted_server_use_tls(server, certificate_name, file);
    scripted_server_start(server, answer, (void *)(uintptr_t) "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    snprintf(url, sizeof url, "https://localhost:%u/", server->port);
    struct sky_http_client *client = client_of(url, trusted ? file : other, PATIENCE_MS, NULL);
    sky_http_client_post(client, "text/plain", NULL, SKY_SPAN("body"), &delivery);
    sky_http_client_free(client);
    scripted_server_stop(server);
    SSL_CTX_free(unused.tls);
    unlink(file);
    unlink(other);
    rmdir(folder);
    return delivery.result;
}

static void test_certificates_are_verified(void **state)
{
    assert_int_equal(post_by_tls("localhost", true), SKY_DELIVERY_TAKEN);
    assert_int_equal(post_by_tls("localhost", false), SKY_DELIVERY_FAILED);
    assert_int_equal(post_by_tls("elsewhere.example", true), SKY_DELIVERY_FAILED);
}

static void check_url(const char *url, bool allow_plain, enum sky_status expected)
{
    struct sky_http_client *client;
    char problem[SKY_HTTP_CLIENT_PROBLEM_SIZE];
    const struct sky_http_client_options options = {.url = url, .user_agent = "t", .allow_plain = allow_plain};
    enum sky_status status = sky_http_client_new(&options, &client, problem);
    if (status != expected)
        fail_msg("%s: %s", url, sky_status_name(status));
    assert_true((status == SKY_OK) == (problem[0] == 0));
    assert_null(strstr(problem, "secret"));
    sky_http_client_free(client);
}

static void test_urls(void **state)
{
    check_url("https://hooks.example/secret", false, SKY_OK);
    check_url("http://127.0.0.1:9093/", false, SKY_OK);
    check_url("http://localhost/", false, SKY_OK);
    check_url("http://hooks.example/secret", false, SKY_E_CONFIG);
    check_url("http://hooks.example/secret", true, SKY_OK);
    check_url("", false, SKY_E_CONFIG);
    check_url("hooks.example/secret", false, SKY_E_CONFIG);
    check_url("file:///etc/passwd", true, SKY_E_CONFIG);
    check_url("gopher://127.0.0.1/", true, SKY_E_CONFIG);
    check_url("wss://hooks.example/", false, SKY_E_CONFIG);
    check_url("https://hooks.example/a b", false, SKY_E_CONFIG);
    check_url("http://127.0.0.1@hooks.example/secret", false, SKY_E_CONFIG);
    check_url("https://hooks.example/\r\nX: y", false, SKY_E_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_retry_after_as_a_date),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_redirects_are_not_followed),
        cmocka_unit_test(test_time_is_bounded),
        cmocka_unit_test(test_an_endless_answer_is_cut),
        cmocka_unit_test(test_can_be_stopped),
        cmocka_unit_test(test_certificates_are_verified),
        cmocka_unit_test(test_urls),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
