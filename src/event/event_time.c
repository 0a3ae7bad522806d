/* The median of a moving window, kept as a sorted array beside a ring: the difference that leaves and the one that
 * comes are each found by bisection, and only what lies between their places is moved (on real streams a few dozen
 * neighbours, less than a heap's pointer chasing costs). An even count takes the lower middle: a forged claim is always
 * ahead, so the lower one is the safer. */
#include "event/event_time.h"

void sky_event_time_init(struct sky_event_time *state)
{
    state->event_time_ms = 0;
    state->count = 0;
    state->oldest = 0;
}

/* The first place in the sorted differences that is not below `value`. */
static uint32_t lower_bound(const struct sky_event_time *state, int64_t value)
{
    uint32_t low = 0, high = state->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (state->sorted[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void append(struct sky_event_time *state, int64_t difference)
{
    uint32_t place = lower_bound(state, difference);
    memmove(state->sorted + place + 1, state->sorted + place, (state->count - place) * sizeof state->sorted[0]);
    state->sorted[place] = difference;
    state->ring[state->count++] = difference;
}

static void replace_oldest(struct sky_event_time *state, int64_t difference)
{
    uint32_t from = lower_bound(state, state->ring[state->oldest]);
    uint32_t to = lower_bound(state, difference);
    int64_t *sorted = state->sorted;
    if (to > from) {
        to--; /* its place once the old one is gone */
        memmove(sorted + from, sorted + from + 1, (to - from) * sizeof *sorted);
    } else {
        memmove(sorted + to + 1, sorted + to, (from - to) * sizeof *sorted);
    }
    sorted[to] = difference;
    state->ring[state->oldest] = difference;
    state->oldest = (state->oldest + 1) % SKY_RECEIPT_WINDOW;
}

int64_t sky_event_time_median_ms(const struct sky_event_time *state)
{
    return state->count ? state->sorted[(state->count - 1) / 2] : 0;
}

static bool is_difference(int64_t value)
{
    return value >= -SKY_TIME_DIFFERENCE_MS_MAX && value <= SKY_TIME_DIFFERENCE_MS_MAX;
}

struct sky_event_time_result sky_event_time_next(struct sky_event_time *state, int64_t claimed_ms, int64_t receipt_ms)
{
    struct sky_event_time_result result = {.observed_at_ms = claimed_ms};
    int64_t difference;
    if (receipt_ms != SKY_RECEIPT_NONE && !__builtin_sub_overflow(claimed_ms, receipt_ms, &difference) &&
        is_difference(difference)) {
        if (state->count == 0 && difference > SKY_TIME_FIRST_AHEAD_MS_MAX) {
            result.forged = true;
            difference = 0;
            result.observed_at_ms = receipt_ms;
        }
        if (state->count < SKY_RECEIPT_WINDOW)
            append(state, difference);
        else
            replace_oldest(state, difference);
        int64_t median = sky_event_time_median_ms(state);
        if (difference - SKY_TIME_AHEAD_MS_MAX > median) {
            result.forged = true;
            result.observed_at_ms = receipt_ms + median;
        }
    }
    if (state->event_time_ms < result.observed_at_ms)
        state->event_time_ms = result.observed_at_ms;
    result.event_time_ms = state->event_time_ms;
    return result;
}

bool sky_event_time_is_ahead(int64_t event_time_ms, int64_t record_ms)
{
    int64_t ahead_ms;
    if (__builtin_sub_overflow(event_time_ms, record_ms, &ahead_ms))
        return record_ms < 0;
    return ahead_ms > SKY_TIME_RECORD_AHEAD_MS_MAX;
}

void sky_event_time_save(const struct sky_event_time *state, struct sky_buffer *buffer)
{
    sky_buffer_put_i64(buffer, state->event_time_ms);
    sky_buffer_put_u64(buffer, state->count);
    for (uint32_t i = 0; i < state->count; i++)
        sky_buffer_put_i64(buffer, state->ring[(state->oldest + i) % SKY_RECEIPT_WINDOW]);
}

void sky_event_time_load(struct sky_event_time *state, struct sky_reader *reader)
{
    sky_event_time_init(state);
    state->event_time_ms = sky_reader_i64(reader);
    uint64_t count = sky_reader_count(reader, 8);
    if (count > SKY_RECEIPT_WINDOW)
        sky_reader_fail(reader, SKY_E_RANGE, "more receipt differences than the window holds");
    for (uint64_t i = 0; i < count && sky_reader_ok(reader); i++) {
        int64_t difference = sky_reader_i64(reader);
        if (!is_difference(difference))
            sky_reader_fail(reader, SKY_E_RANGE, "a receipt difference that no clock makes");
        append(state, difference);
    }
}
