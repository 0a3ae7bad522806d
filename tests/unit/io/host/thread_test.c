#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "io/host/clock.h"
#include "io/host/thread.h"

static void *read_mask(void *mask)
{
    pthread_sigmask(SIG_SETMASK, NULL, mask);
    return NULL;
}

static void test_signals_are_left_to_the_one_that_starts(void **state)
{
    static const int others[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGUSR1, SIGCHLD, SIGPIPE};
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t before, after, own;
    pthread_t thread;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(sky_thread_start(&thread, read_mask, &own), SKY_OK);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(sigismember(&own, others[i]), 1);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        assert_int_equal(sigismember(&own, faults[i]), 0);
    for (int number = 1; number < 32; number++)
        assert_int_equal(sigismember(&after, number), sigismember(&before, number));
}

/* By the wall clock a time since the machine's start would be long past. */
static void test_a_wait_goes_by_the_monotonic_clock(void **state)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    sky_thread_condition_init(&condition);
    int64_t begun_ms = sky_clock_monotonic_ms();
    struct timespec until = sky_thread_time_in(30);
    pthread_mutex_lock(&mutex);
    int error = 0;
    while (!error)
        error = pthread_cond_timedwait(&condition, &mutex, &until);
    pthread_mutex_unlock(&mutex);
    int64_t waited_ms = sky_clock_monotonic_ms() - begun_ms;
    assert_int_equal(error, ETIMEDOUT);
    assert_true(waited_ms >= 30);
    pthread_cond_destroy(&condition);
}

static void test_a_time_is_split_into_seconds_and_nanoseconds(void **state)
{
    struct timespec time = sky_thread_time(12345);
    assert_int_equal(time.tv_sec, 12);
    assert_int_equal(time.tv_nsec, 345000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_are_left_to_the_one_that_starts),
        cmocka_unit_test(test_a_wait_goes_by_the_monotonic_clock),
        cmocka_unit_test(test_a_time_is_split_into_seconds_and_nanoseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
