#include "io/host/thread.h"

#include "io/host/clock.h"

void sky_thread_block_signals(sigset_t *before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, before);
}

void sky_thread_restore_signals(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

enum sky_status sky_thread_start(pthread_t *thread, void *(*run)(void *context), void *context)
{
    sigset_t before;
    sky_thread_block_signals(&before);
    int error = pthread_create(thread, NULL, run, context);
    sky_thread_restore_signals(&before);
    return error == 0 ? SKY_OK : SKY_E_IO;
}

void sky_thread_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct timespec sky_thread_time(int64_t monotonic_ms)
{
    return (struct timespec){monotonic_ms / 1000, monotonic_ms % 1000 * 1000000};
}

struct timespec sky_thread_time_in(int64_t ms)
{
    return sky_thread_time(sky_clock_monotonic_ms() + ms);
}
