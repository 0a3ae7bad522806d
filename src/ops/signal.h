/* signal.h: SIGTERM and SIGINT as a wish that a loop can ask for, and wait for.
 *
 * The first one asks to finish: what is under way is drained, and the program exits with 0. The second one ends it at
 * once, as the signal would have. SIGPIPE and SIGXFSZ are ignored, so that a closed pipe or a full quota is an error of
 * the write that meets it.
 *
 * Threads  the handlers may run in any; sky_signal_requested from any. Process-wide by nature. */
#ifndef SKY_OPS_SIGNAL_H
#define SKY_OPS_SIGNAL_H

#include <stdbool.h>

/* The latter only: for what is to end as ever by the others. */
void sky_signal_ignore_pipe(void);

/* Once, before any thread is started. */
void sky_signal_install(void);

/* True from the first SIGTERM or SIGINT on. */
bool sky_signal_requested(void);

/* Readable from then on, for poll and epoll; -1 before install or when there is no descriptor left. */
int sky_signal_descriptor(void);

/* Sleep, but no longer than until a signal: true when it is requested. */
bool sky_signal_sleep(int ms);

#endif
