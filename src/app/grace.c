#include "app/grace.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/host/thread.h"
#include "ops/signal.h"

/* False: the owner wants no more of it. */
static bool wait_signal(const struct sky_grace *grace)
{
    struct pollfd waits[] = {{.fd = grace->wake_fd, .events = POLLIN},
                             {.fd = sky_signal_descriptor(), .events = POLLIN}};
    while (!sky_signal_requested()) {
        int ready = poll(waits, 2, -1);
        if (ready > 0 && waits[0].revents)
            return false;
    }
    return true;
}

static void *run(void *context)
{
    struct sky_grace *grace = (struct sky_grace *)context;
    struct pollfd wait = {.fd = grace->wake_fd, .events = POLLIN};
    if (wait_signal(grace) && poll(&wait, 1, atomic_load(&grace->ms)) <= 0)
        atomic_store(&grace->is_over, true);
    return NULL;
}

enum sky_status sky_grace_init(struct sky_grace *grace)
{
    *grace = (struct sky_grace){.wake_fd = eventfd(0, EFD_CLOEXEC)};
    grace->started = grace->wake_fd >= 0 && sky_thread_start(&grace->thread, run, grace) == SKY_OK;
    return grace->started ? SKY_OK : SKY_E_MEMORY;
}

void sky_grace_clean_up(struct sky_grace *grace)
{
    const uint64_t one = 1;
    if (grace->started && write(grace->wake_fd, &one, sizeof one) == sizeof one)
        pthread_join(grace->thread, NULL);
    if (grace->wake_fd >= 0)
        close(grace->wake_fd);
    *grace = (struct sky_grace){.wake_fd = -1};
}

void sky_grace_allow(struct sky_grace *grace, int ms)
{
    atomic_store(&grace->ms, ms);
}
