/* Settings of which no client can be made, and a system that has no thread for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "io/kafka/kafka.h"

static struct sky_kafka_options options_with(const char *brokers, enum sky_kafka_security security, const char *ca_file)
{
    return (struct sky_kafka_options){
        .bootstrap_servers = brokers,
        .security = security,
        .username = "",
        .password = "",
        .ca_file = ca_file,
        .certificate_file = "",
        .key_file = "",
        .client_id = "test",
        .linger_ms = 5,
        .retry_backoff_ms = 100,
        .reconnect_backoff_max_ms = 1000,
        .request_timeout_ms = 1000,
        .transaction_timeout_ms = 10000,
    };
}

static enum sky_status check(const char *brokers, enum sky_kafka_security security, const char *ca_file)
{
    const struct sky_kafka_options options = options_with(brokers, security, ca_file);
    struct sky_kafka_message message = {""};
    enum sky_status status = sky_kafka_check(&options, &message);
    assert_int_equal(status == SKY_OK, message.text[0] == '\0');
    return status;
}

static void test_settings(void **state)
{
    assert_int_equal(check("127.0.0.1:1", SKY_KAFKA_PLAINTEXT, ""), SKY_OK);
    assert_int_equal(check("", SKY_KAFKA_PLAINTEXT, ""), SKY_E_CONFIG);
    assert_int_equal(check("127.0.0.1:1", SKY_KAFKA_SSL, "/nowhere/ca.pem"), SKY_E_CONFIG);
}

/* A thread's stack as large as all addresses there are. Without TLS, whose context librdkafka then leaks. */
static void test_no_thread(void **state)
{
    pthread_attr_t before, vast;
    assert_int_equal(pthread_getattr_default_np(&before), 0);
    assert_int_equal(pthread_getattr_default_np(&vast), 0);
    assert_int_equal(pthread_attr_setstacksize(&vast, (size_t)1 << 47), 0);
    assert_int_equal(pthread_setattr_default_np(&vast), 0);
    enum sky_status status = check("127.0.0.1:1", SKY_KAFKA_PLAINTEXT, "");
    assert_int_equal(pthread_setattr_default_np(&before), 0);
    assert_int_equal(status, SKY_E_IO);
    assert_int_equal(check("127.0.0.1:1", SKY_KAFKA_PLAINTEXT, ""), SKY_OK);
    pthread_attr_destroy(&before);
    pthread_attr_destroy(&vast);
}

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define NO_CLIENT 1 /* librdkafka starts its threads by thrd_create, which the sanitizer does not see */
#endif
#endif

int main(void)
{
#ifdef NO_CLIENT
    puts("skipped: the thread sanitizer cannot follow the threads of librdkafka's clients");
    return 77;
#endif
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_settings), cmocka_unit_test(test_no_thread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
