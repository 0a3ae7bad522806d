/* The handler may only touch what is async-signal-safe: a flag and a write to an eventfd. */
#include "ops/signal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_bool requested;
static int descriptor = -1;

static void on_signal(int number)
{
    int saved_errno = errno;
    if (atomic_exchange(&requested, true)) {
        signal(number, SIG_DFL);
        raise(number);
    }
    const uint64_t one = 1;
    ssize_t written = descriptor >= 0 ? write(descriptor, &one, sizeof one) : 0;
    (void)written; /* the flag is set whatever comes of it */
    errno = saved_errno;
}

void sky_signal_ignore_pipe(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void sky_signal_install(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: a blocking call returns with EINTR */
    if (descriptor < 0)
        descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sky_signal_ignore_pipe();
}

bool sky_signal_requested(void)
{
    return atomic_load(&requested);
}

int sky_signal_descriptor(void)
{
    return descriptor;
}

bool sky_signal_sleep(int ms)
{
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    if (!sky_signal_requested())
        poll(&wait, 1, ms); /* a negative descriptor is left out and the time is slept */
    return sky_signal_requested();
}
