/* time.h: instants as milliseconds since 1970-01-01T00:00:00Z, as text and in minutes.
 *
 * No clock is read here: time is a parameter everywhere in the core. */
#ifndef SKY_BASE_TIME_H
#define SKY_BASE_TIME_H

#include "base/span.h"
#include "base/status.h"

#define SKY_MINUTE_MS      INT64_C(60000)
#define SKY_HOUR_MS        (60 * SKY_MINUTE_MS)
#define SKY_DAY_MS         (24 * SKY_HOUR_MS)
#define SKY_TIME_TEXT_SIZE 25 /* "2026-07-04T14:38:08.999Z" and NUL */

/* Years 0000 to 9999 as RFC 3339 UTC with milliseconds, the form of every record. An instant outside is clamped. */
void sky_time_format(int64_t time_ms, char out[SKY_TIME_TEXT_SIZE]);

/* An ATProto datetime (atproto.com/specs/lexicon#datetime): RFC 3339 and ISO 8601 at once, upper-case T and Z,
 * any numeric offset but -00:00, any precision; cut (not rounded) to milliseconds.
 *   SKY_E_MALFORMED  not that syntax
 *   SKY_E_RANGE      that syntax, but no such date or time, or before year 0 in UTC */
SKY_MUST_USE enum sky_status sky_time_parse(struct sky_span text, int64_t *time_ms);

/* Floor division to a multiple of `step_ms` > 0, right for negative instants too. */
static inline int64_t sky_time_floor(int64_t time_ms, int64_t step_ms)
{
    int64_t rest = time_ms % step_ms;
    return time_ms - (rest < 0 ? rest + step_ms : rest);
}

#endif
