/* thread.h: threads that leave the signals to the main one, and waits by a clock that nobody sets.
 *
 * A signal goes to any thread that does not block it, and SIGTERM is to end the wait of the one that looks for it.
 * Those that tell of a fault of the thread itself (SIGSEGV and its like) are not blocked.
 *
 * Threads  any. */
#ifndef SKY_IO_HOST_THREAD_H
#define SKY_IO_HOST_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

#include "base/status.h"

/* As pthread_create. SKY_E_IO is the only error. */
SKY_MUST_USE enum sky_status sky_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

/* Around a call of a library that makes threads of its own: they have the mask of the one that makes them. */
void sky_thread_block_signals(sigset_t *before);
void sky_thread_restore_signals(const sigset_t *before);

/* A condition whose timed waits go by sky_clock_monotonic_ms. */
void sky_thread_condition_init(pthread_cond_t *condition);

/* For pthread_cond_timedwait on such a one. */
struct timespec sky_thread_time(int64_t monotonic_ms);
struct timespec sky_thread_time_in(int64_t ms);

#endif
