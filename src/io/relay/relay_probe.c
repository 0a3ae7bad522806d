#include "io/relay/relay_probe.h"

#include <string.h>

#define MINUTE_MS   60000
#define STEPS_MAX   6
#define MARGIN_S    10 /* further back than computed: a repetition is dropped, a gap is not filled */
#define RATE_MIN    1.0
#define RATE_MAX    1e6
#define SPAN_MS_MIN 10000 /* below, two pairs say little of a rate */

void sky_relay_rate_take(struct sky_relay_rate *rate, int64_t seq, int64_t time_ms, size_t source)
{
    if (rate->source != source)
        rate->count = 0;
    rate->source = source;
    if (rate->count > 0 && time_ms < rate->pairs[rate->count - 1].time_ms + MINUTE_MS)
        return;
    if (rate->count == SKY_RELAY_PAIRS)
        memmove(rate->pairs, rate->pairs + 1, --rate->count * sizeof rate->pairs[0]);
    rate->pairs[rate->count].seq = seq;
    rate->pairs[rate->count++].time_ms = time_ms;
}

double sky_relay_rate_per_s(const struct sky_relay_rate *rate)
{
    if (rate->count < 2)
        return SKY_RELAY_RATE_DEFAULT_PER_S;
    int64_t span_ms = rate->pairs[rate->count - 1].time_ms - rate->pairs[0].time_ms;
    double seqs = (double)(rate->pairs[rate->count - 1].seq - rate->pairs[0].seq);
    double per_s = span_ms >= SPAN_MS_MIN ? seqs * 1000 / (double)span_ms : SKY_RELAY_RATE_DEFAULT_PER_S;
    return per_s < RATE_MIN ? RATE_MIN : per_s > RATE_MAX ? RATE_MAX : per_s;
}

void sky_relay_probe_begin(struct sky_relay_probe *probe, int64_t wanted_ms, double rate_per_s)
{
    *probe = (struct sky_relay_probe){.active = true, .wanted_ms = wanted_ms, .rate_per_s = rate_per_s};
}

void sky_relay_probe_end(struct sky_relay_probe *probe)
{
    probe->active = false;
}

bool sky_relay_probe_active(const struct sky_relay_probe *probe)
{
    return probe->active;
}

int64_t sky_relay_probe_cursor(const struct sky_relay_probe *probe)
{
    return probe->cursor;
}

void sky_relay_probe_outdated(struct sky_relay_probe *probe)
{
    probe->outdated = true;
}

enum sky_relay_probe_result sky_relay_probe_take(struct sky_relay_probe *probe, int64_t seq, int64_t time_ms)
{
    bool live = probe->live_seq == 0;
    if (time_ms <= probe->wanted_ms) {
        probe->active = false;
        return SKY_RELAY_PROBE_FOUND;
    }
    if (probe->steps == STEPS_MAX || probe->outdated || (!live && probe->cursor <= 1)) {
        probe->active = false;
        return SKY_RELAY_PROBE_GAP;
    }
    if (live) {
        double behind_s = (double)(time_ms - probe->wanted_ms) / 1000 + MARGIN_S;
        double step = behind_s * probe->rate_per_s;
        probe->live_seq = seq;
        probe->step = step < (double)seq ? (int64_t)step : seq;
    } else
        probe->step *= 2;
    probe->steps++;
    probe->cursor = probe->live_seq > probe->step ? probe->live_seq - probe->step : 1;
    return SKY_RELAY_PROBE_AGAIN;
}
