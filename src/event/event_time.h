/* event_time.h: when an event was, decided once, in stream order. (docs/PROTOCOL.md, "Time")
 *
 * A frame's `time` is a claim: relays forward what the author's server says. With the moment of receipt at hand a claim
 * is compared to the others': m is the median of (time - receipt) over the last 255 frames, and a claim more than 2 s
 * ahead of receipt + m is replaced by receipt + m. The very first claim has no others to be compared to: one more than
 * a day ahead of its receipt is replaced by that, or a stream that begins with a frame of 2099 would stay there for
 * good. Without receipt (an old recording) claims are taken as they are; so they are where receipt is no time at all.
 * event_time is observed_at made monotone: max(previous event_time, observed_at).
 *
 * A topic of Kafka can be written by others, and one event_time of the year 9999 would close every minute for good. A
 * record's event_time is believed up to SKY_TIME_RECORD_AHEAD_MS_MAX ahead of the record's own timestamp: from brokers
 * that bound that by their clock, or set it, no writer can forge it, and it is the same for all who read the record,
 * whenever they do. So both engines, and a restarted one, leave out the same records.
 *
 * Memory   a fixed size. Threads  one owner. Time is a parameter. */
#ifndef SKY_EVENT_EVENT_TIME_H
#define SKY_EVENT_EVENT_TIME_H

#include "base/buffer.h"

#define SKY_RECEIPT_NONE      INT64_MIN /* no receipt time is known */
#define SKY_RECEIPT_WINDOW    255       /* frames */
#define SKY_TIME_AHEAD_MS_MAX 2000

/* A clock that is wrong by more is none. */
#define SKY_TIME_FIRST_AHEAD_MS_MAX INT64_C(86400000)

/* What a broker of Kafka 4 lets a timestamp be ahead of its clock (message.timestamp.after.max.ms), too. */
#define SKY_TIME_RECORD_AHEAD_MS_MAX INT64_C(3600000)

/* Of claim and receipt: four million years. No sum or difference of two such leaves 64 bits. */
#define SKY_TIME_DIFFERENCE_MS_MAX (INT64_MAX / 64)

struct sky_event_time {
    int64_t event_time_ms;              /* the last one given out, 0 before the first */
    uint32_t count;                     /* differences held */
    uint32_t oldest;                    /* its place in `ring` */
    int64_t ring[SKY_RECEIPT_WINDOW];   /* time - receipt, in order of arrival */
    int64_t sorted[SKY_RECEIPT_WINDOW]; /* the same by size */
};

struct sky_event_time_result {
    int64_t observed_at_ms;
    int64_t event_time_ms;
    bool forged; /* the claim was replaced */
};

void sky_event_time_init(struct sky_event_time *state);

/* The next frame of the stream. `claimed_ms` is its time, `receipt_ms` when it came, or SKY_RECEIPT_NONE. */
struct sky_event_time_result sky_event_time_next(struct sky_event_time *state, int64_t claimed_ms, int64_t receipt_ms);

/* m; 0 before the first receipt. */
int64_t sky_event_time_median_ms(const struct sky_event_time *state);

/* Of a record in a topic: what it says of itself is too far ahead of the timestamp that Kafka has for it. Where Kafka
 * has none (-1), everything since 1970 is. */
bool sky_event_time_is_ahead(int64_t event_time_ms, int64_t record_ms);

void sky_event_time_save(const struct sky_event_time *state, struct sky_buffer *buffer);
/* Hostile input: errors are sticky in `reader`. */
void sky_event_time_load(struct sky_event_time *state, struct sky_reader *reader);

#endif
