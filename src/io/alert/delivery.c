#include "io/alert/delivery.h"

enum sky_delivery_result sky_delivery_of_http(unsigned code)
{
    if (code >= 200 && code < 300)
        return SKY_DELIVERY_TAKEN;
    if (code < 100 || code >= 500 || code == 408 || code == 425 || code == 429)
        return SKY_DELIVERY_FAILED;
    return SKY_DELIVERY_REFUSED;
}

enum sky_delivery_result sky_delivery_of_smtp(unsigned code)
{
    return code >= 500 && code < 600 ? SKY_DELIVERY_REFUSED : SKY_DELIVERY_FAILED;
}

enum sky_retry_step sky_retry_step(const struct sky_retry *retry, const struct sky_retry_item *item, int64_t now_ms,
                                   int64_t *wake_ms)
{
    bool needs_no_attempt = item->attempts || retry->asked || sky_retry_is_dead(retry);
    *wake_ms = retry->next_ms;
    if (item->attempts && now_ms >= item->deadline_ms)
        return SKY_RETRY_GIVE_UP;
    if (now_ms >= retry->next_ms)
        return SKY_RETRY_TRY;
    if (needs_no_attempt && now_ms >= item->deadline_ms)
        return SKY_RETRY_GIVE_UP;
    if (needs_no_attempt && item->deadline_ms < *wake_ms)
        *wake_ms = item->deadline_ms;
    return SKY_RETRY_WAIT;
}

void sky_retry_answered(struct sky_retry *retry)
{
    *retry = (struct sky_retry){0};
}

void sky_retry_failed(struct sky_retry *retry, const struct sky_delivery *delivery, int64_t now_ms, uint64_t random)
{
    int64_t wait = SKY_RETRY_WAIT_MS_MIN;
    for (uint32_t i = 0; i < retry->failures && wait < SKY_RETRY_WAIT_MS_MAX; i++)
        wait *= 2;
    if (wait > SKY_RETRY_WAIT_MS_MAX)
        wait = SKY_RETRY_WAIT_MS_MAX;
    wait -= (int64_t)(random % (uint64_t)(wait / 2 + 1));
    int64_t asked =
        delivery->retry_after_ms < SKY_RETRY_AFTER_MS_MAX ? delivery->retry_after_ms : SKY_RETRY_AFTER_MS_MAX;
    retry->failures++;
    retry->asked = asked > 0;
    retry->next_ms = now_ms + (asked > wait ? asked : wait);
}

void sky_retry_gave_up(struct sky_retry *retry, int64_t now_ms)
{
    retry->given_up++;
    if (!sky_retry_is_dead(retry) && !retry->asked)
        retry->next_ms = now_ms;
}
