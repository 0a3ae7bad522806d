/* time_limit.h: a limit on the time of work that runs on another thread and cannot look at a clock by itself.
 *
 *     sky_time_limit_begin(limit, 15000);      before the work
 *     ... work ...                             past the limit, `strike` is called again and again until it ends
 *     sky_time_limit_end(limit);
 *
 * Threads  begin and end by who works; `strike` is called on a thread of the limit's own, never outside begin and end;
 *          sky_time_limit_stop by any. */
#ifndef SKY_IO_API_TIME_LIMIT_H
#define SKY_IO_API_TIME_LIMIT_H

#include <stdbool.h>

#include "base/status.h"

enum sky_time_limit_end { SKY_TIME_LIMIT_KEPT, SKY_TIME_LIMIT_PASSED, SKY_TIME_LIMIT_STOPPED };

struct sky_time_limit;

/* SKY_E_MEMORY, SKY_E_IO (no thread). */
SKY_MUST_USE enum sky_status sky_time_limit_new(void (*strike)(void *context), void *context,
                                                struct sky_time_limit **limit);
void sky_time_limit_free(struct sky_time_limit *limit); /* no work under way; NULL is fine */

void sky_time_limit_begin(struct sky_time_limit *limit, int limit_ms);
enum sky_time_limit_end sky_time_limit_end(struct sky_time_limit *limit);

/* The time of what runs is over, and of all that begins. */
void sky_time_limit_stop(struct sky_time_limit *limit);

#endif
