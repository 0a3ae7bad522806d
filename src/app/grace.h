/* grace.h: after SIGTERM, what is under way may go on for so long; then a flag ends it (sky_s3_options.stop). For work
 * whose thread waits inside a call, and so cannot look at signals itself.
 *
 * Threads  one owner, and one of its own. */
#ifndef SKY_APP_GRACE_H
#define SKY_APP_GRACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/status.h"

struct sky_grace {
    atomic_bool is_over;
    /* the rest is the module's own */
    atomic_int ms;
    int wake_fd;
    bool started;
    pthread_t thread;
};

/* Behind sky_signal_install. It begins with no grace at all. SKY_E_MEMORY; *grace may be cleaned up in any case. */
SKY_MUST_USE enum sky_status sky_grace_init(struct sky_grace *grace);
void sky_grace_clean_up(struct sky_grace *grace);

/* From now on so long. */
void sky_grace_allow(struct sky_grace *grace, int ms);

#endif
