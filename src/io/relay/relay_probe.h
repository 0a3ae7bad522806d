/* relay_probe.h: where, in the numbering of a relay not read before, an instant of the stream lies.
 *
 * Relays number events for themselves and take no time as a cursor. So one live message gives a pair (seq, time); the
 * place of the wanted time is about rate x distance below it, and each connection tells the time of what is there. The
 * step back is doubled until a message is old enough.
 *
 * Pure: messages in, cursors out. Threads: one owner. */
#ifndef SKY_IO_RELAY_RELAY_PROBE_H
#define SKY_IO_RELAY_RELAY_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKY_RELAY_PAIRS              64  /* minutes that the rate is taken over */
#define SKY_RELAY_RATE_DEFAULT_PER_S 600 /* seqs; about the live network's */

/* (seq, time) once a minute, for the rate. */
struct sky_relay_rate {
    struct {
        int64_t seq;
        int64_t time_ms;
    } pairs[SKY_RELAY_PAIRS];
    size_t count;
    size_t source; /* whose seqs they are */
};

void sky_relay_rate_take(struct sky_relay_rate *rate, int64_t seq, int64_t time_ms, size_t source);
double sky_relay_rate_per_s(const struct sky_relay_rate *rate);

enum sky_relay_probe_result {
    SKY_RELAY_PROBE_AGAIN, /* connect with sky_relay_probe_cursor */
    SKY_RELAY_PROBE_FOUND, /* this message is at or before the instant: go on from it */
    SKY_RELAY_PROBE_GAP    /* nothing that old was found: go on from it, something was missed */
};

struct sky_relay_probe {
    bool active;
    bool outdated;
    int64_t wanted_ms;
    double rate_per_s;
    int64_t live_seq; /* 0: not read yet */
    int64_t step;     /* seqs below live_seq */
    int64_t cursor;
    int steps;
};

void sky_relay_probe_begin(struct sky_relay_probe *probe, int64_t wanted_ms, double rate_per_s);
void sky_relay_probe_end(struct sky_relay_probe *probe);
bool sky_relay_probe_active(const struct sky_relay_probe *probe);
int64_t sky_relay_probe_cursor(const struct sky_relay_probe *probe); /* 0: none, read live */

/* The relay said OutdatedCursor: further back is nothing. */
void sky_relay_probe_outdated(struct sky_relay_probe *probe);

/* The first message of a connection. Ends the probe unless AGAIN. */
enum sky_relay_probe_result sky_relay_probe_take(struct sky_relay_probe *probe, int64_t seq, int64_t time_ms);

#endif
