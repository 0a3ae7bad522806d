#include "ops/log_rate.h"

#include "ops/log.h"

#define TOKEN_MS (60000 / SKY_LOG_PER_MINUTE)

bool sky_log_rate_take(struct sky_log_rate *rate, int64_t now_ms, uint64_t *suppressed)
{
    int64_t full_at_ms = rate->full_at_ms > now_ms ? rate->full_at_ms : now_ms;
    *suppressed = 0;
    if (full_at_ms + TOKEN_MS - now_ms > (int64_t)SKY_LOG_BURST * TOKEN_MS) {
        rate->suppressed++;
        return false;
    }
    rate->full_at_ms = full_at_ms + TOKEN_MS;
    *suppressed = rate->suppressed;
    rate->suppressed = 0;
    return true;
}
