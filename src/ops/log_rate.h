/* log_rate.h: how often one event may be logged: a bucket of SKY_LOG_BURST tokens, filled SKY_LOG_PER_MINUTE times a
 * minute. Time is a parameter. */
#ifndef SKY_OPS_LOG_RATE_H
#define SKY_OPS_LOG_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct sky_log_rate {
    int64_t full_at_ms; /* when the bucket will be full again; in the past: it is */
    uint64_t suppressed;
};

/* May a line be written now? Then *suppressed is how many were not since the last one. */
bool sky_log_rate_take(struct sky_log_rate *rate, int64_t now_ms, uint64_t *suppressed);

#endif
