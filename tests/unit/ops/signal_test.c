/* Each case in a child of its own: what is tested ends programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ops/signal.h"

static int child_status(void (*body)(void))
{
    pid_t child = fork();
    if (child == 0) {
        body();
        _exit(42);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void first_signal(void)
{
    sky_signal_install();
    struct pollfd wait = {.fd = sky_signal_descriptor(), .events = POLLIN};
    if (sky_signal_requested() || sky_signal_sleep(1) || poll(&wait, 1, 0) != 0)
        _exit(1);
    raise(SIGTERM);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    if (!sky_signal_requested() || !sky_signal_sleep(60000) || poll(&wait, 1, 0) != 1)
        _exit(2);
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (after.tv_sec - before.tv_sec > 5)
        _exit(3);
}

static void second_signal(void)
{
    sky_signal_install();
    raise(SIGINT);
    raise(SIGINT);
}

static void broken_pipe(void)
{
    int ends[2];
    sky_signal_install();
    if (pipe(ends) != 0 || close(ends[0]) != 0)
        _exit(1);
    if (write(ends[1], "x", 1) != -1)
        _exit(2);
}

static void test_the_first_is_a_wish(void **state)
{
    int status = child_status(first_signal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void test_the_second_ends(void **state)
{
    int status = child_status(second_signal);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

static void test_a_broken_pipe_is_an_error(void **state)
{
    int status = child_status(broken_pipe);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_is_a_wish),
        cmocka_unit_test(test_the_second_ends),
        cmocka_unit_test(test_a_broken_pipe_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
