/* http_workers.h: a thread for the requests that take longer than a moment, and the queue before it.
 *
 * Memory   a queue of SKY_HTTP_WORK_MAX.
 * Threads  put by the HTTP server's thread; the functions are called on the worker's, `abandon` also by stop. */
#ifndef SKY_IO_HTTP_HTTP_WORKERS_H
#define SKY_IO_HTTP_HTTP_WORKERS_H

#include <stdbool.h>

#include "base/status.h"

#define SKY_HTTP_WORK_MAX 32 /* ours: requests that may wait; the next one gets 503 */

struct sky_http_workers;

struct sky_http_work {
    void (*run)(void *job);
    void (*abandon)(void *job); /* instead of run: the server ends */
};

/* SKY_E_MEMORY, SKY_E_IO (no thread). */
SKY_MUST_USE enum sky_status sky_http_workers_new(const struct sky_http_work *work, struct sky_http_workers **workers);

/* False: as many wait as may. */
SKY_MUST_USE bool sky_http_workers_put(struct sky_http_workers *workers, void *job);

/* Ends what runs, abandons what waits; from then on put gives false. NULL is fine. */
void sky_http_workers_stop(struct sky_http_workers *workers);
void sky_http_workers_free(struct sky_http_workers *workers); /* stopped, and without a put under way; NULL is fine */

#endif
