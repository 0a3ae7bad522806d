/* The signature: the example that the libraries of Standard Webhooks are tested with. What goes over the wire is read
 * by a server that knows only HTTP; tests/system/alerts_test.py checks the signature of real requests once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/alert/alert_text.h"
#include "io/alert/webhook.h"
#include "unit/io/alert/alerts.h"
#include "unit/io/net/scripted_server.h"

static void test_published_example(void **state)
{
    struct sky_webhook_secrets secrets;
    char signature[SKY_WEBHOOK_SIGNATURE_SIZE];
    const struct sky_webhook_message message = {"msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                                SKY_SPAN("{\"test\": 2432232314}")};
    assert_int_equal(sky_webhook_secrets_parse(SKY_SPAN("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &secrets), SKY_OK);
    assert_int_equal(sky_webhook_sign(&secrets, &message, signature), SKY_OK);
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/* During a change of secrets both sign, the first one first. The second value is Python's hmac. */
static void test_two_secrets(void **state)
{
    struct sky_webhook_secrets secrets;
    char signature[SKY_WEBHOOK_SIGNATURE_SIZE];
    const struct sky_webhook_message message = {"msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                                SKY_SPAN("{\"test\": 2432232314}")};
    assert_int_equal(sky_webhook_secrets_parse(SKY_SPAN(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"
                                                        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"),
                                               &secrets),
                     SKY_OK);
    assert_int_equal(sky_webhook_sign(&secrets, &message, signature), SKY_OK);
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
                                   "v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI=");
}

static void test_what_is_no_secret(void **state)
{
    static const struct {
        const char *text;
        enum sky_status status;
    } cases[] = {
        {"", SKY_E_MISSING},
        {" \n", SKY_E_MISSING},
        {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SKY_E_MALFORMED},
        {"whsec_?", SKY_E_MALFORMED},
        {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFQ==", SKY_E_LIMIT}, /* 22 bytes */
        {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=",
         SKY_E_LIMIT}, /* 65 */
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw "
         "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
         SKY_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sky_webhook_secrets secrets;
        assert_int_equal(sky_webhook_secrets_parse(sky_span_from_string(cases[i].text), &secrets), cases[i].status);
    }
}

struct seen {
    char request[4096];
    char body[8192];
};

/* Reads one request and its body, says yes. */
static void take_request(struct peer *peer, void *context)
{
    struct seen *seen = context;
    if (!peer_read_request(peer))
        return;
    snprintf(seen->request, sizeof seen->request, "%s", peer->request);
    const char *length = strcasestr(peer->request, "\r\nContent-Length: ");
    size_t len = length ? strtoul(length + 18, NULL, 10) : 0, got = 0;
    while (got < len && got < sizeof seen->body - 1) {
        ssize_t more = peer_recv(peer, seen->body + got, len - got);
        if (more <= 0)
            break;
        got += (size_t)more;
    }
    seen->body[got] = 0;
    peer_send_text(peer, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

static void deliver(const char *secret, const struct sky_trend_alert *alert, struct seen *seen)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_webhook_secrets secrets;
    struct sky_webhook *webhook;
    struct sky_delivery delivery;
    char url[64], problem[SKY_HTTP_CLIENT_PROBLEM_SIZE];
    memset(seen, 0, sizeof *seen);
    scripted_server_start(server, take_request, seen);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/hook?a=b", server->port);
    const struct sky_http_client_options options = {
        .url = url, .user_agent = "skytrend/test", .connect_timeout_ms = 5000, .timeout_ms = 10000};
    if (secret)
        assert_int_equal(sky_webhook_secrets_parse(sky_span_from_string(secret), &secrets), SKY_OK);
    assert_int_equal(sky_webhook_new(&options, secret ? &secrets : NULL, &webhook, problem), SKY_OK);
    sky_webhook_deliver(webhook, alert, INT64_C(1614265330999), &delivery);
    scripted_server_stop(server);
    sky_webhook_free(webhook);
    assert_string_equal(delivery.problem, "");
    assert_int_equal(delivery.result, SKY_DELIVERY_TAKEN);
    assert_int_equal(delivery.code, 204);
}

static void test_a_request(void **state)
{
    static struct seen seen;
    struct sky_trend_alert alert = alert_of("紅茶", SKY_TREND_STARTED);
    struct sky_buffer expected = {0};
    struct sky_json_writer json;
    deliver("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &alert, &seen);
    assert_true(strncmp(seen.request, "POST /hook?a=b HTTP/1.1\r\n", 25) == 0);
    assert_non_null(strstr(seen.request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(seen.request, "\r\nUser-Agent: skytrend/test\r\n"));
    assert_non_null(strstr(seen.request, "\r\nwebhook-id: 776d756af2178f8b-started-1767574500\r\n"));
    assert_non_null(strstr(seen.request, "\r\nwebhook-timestamp: 1614265330\r\n"));
    assert_non_null(strstr(seen.request, "\r\nwebhook-signature: v1,"));
    assert_null(strcasestr(seen.request, "\r\nExpect:"));
    sky_json_begin(&json, &expected);
    sky_trend_alert_write(&json, &alert);
    sky_buffer_put_u8(&expected, 0);
    assert_string_equal(seen.body, (const char *)expected.ptr);
    sky_buffer_clean_up(&expected);
}

static void test_without_a_secret_nothing_is_signed(void **state)
{
    static struct seen seen;
    struct sky_trend_alert alert = alert_of("storm", SKY_TREND_ENDED);
    deliver(NULL, &alert, &seen);
    assert_non_null(strstr(seen.request, "\r\nwebhook-id: 776d756af2178f8b-ended-1767574500\r\n"));
    assert_null(strcasestr(seen.request, "webhook-signature"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_example),
        cmocka_unit_test(test_two_secrets),
        cmocka_unit_test(test_what_is_no_secret),
        cmocka_unit_test(test_a_request),
        cmocka_unit_test(test_without_a_secret_nothing_is_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
