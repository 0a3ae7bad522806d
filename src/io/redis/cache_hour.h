/* cache_hour.h: the trends of one hour, each with the best it reached: what stands at trends:hourly:{hour}.
 *
 * Everything in it only grows (the highest frequency, the best rank, the latest slide), so slides may be added twice,
 * in any order and from several places, and the same slides always give the same hour; that holds as long as the hour
 * has SKY_CACHE_HOUR_TRENDS_MAX trends at most, behind which the lowest are left out.
 *
 * A slide belongs to the hour in which its last minute lies: of 14:00, those that end after 14:00 and by 15:00.
 *
 * Memory   owned; some 150 bytes a trend.
 * Threads  one owner.
 * Trust    what is read is checked; keywords are text from the network. */
#ifndef SKY_IO_REDIS_CACHE_HOUR_H
#define SKY_IO_REDIS_CACHE_HOUR_H

#include "base/time.h"
#include "trend/record.h"
#include "wire/json_read.h"

#define SKY_CACHE_HOUR_TRENDS_MAX 4000 /* ours; a busy hour has some hundred */

struct sky_cache_hour_trend {
    uint64_t id; /* first: sky_lower_bound */
    struct sky_span keyword;
    struct sky_span language;
    int64_t started_at_ms;
    int64_t first_seen_ms; /* window_end of the first slide of this hour that ranks it */
    int64_t last_seen_ms;
    uint32_t best_rank; /* 1 is first */
    uint32_t peak_frequency;
    uint32_t peak_unique_authors;
    double peak_growth_rate;
    double peak_confidence_score;
};

struct sky_cache_hour {
    int64_t hour_ms;                     /* its beginning */
    int64_t window_end_ms;               /* of its latest slide; 0: none */
    struct sky_cache_hour_trend *trends; /* by id */
    uint32_t trends_count;
    uint32_t trends_capacity;
    struct sky_arena texts;
};

/* The hour that a slide belongs to. */
static inline int64_t sky_cache_hour_of(int64_t window_end_ms)
{
    return sky_time_floor(window_end_ms - 1, SKY_HOUR_MS);
}

void sky_cache_hour_init(struct sky_cache_hour *hour, int64_t hour_ms);
void sky_cache_hour_clean_up(struct sky_cache_hour *hour);

/* Add the ranked trends of a slide of this hour. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_cache_hour_add(struct sky_cache_hour *hour, const struct sky_trend_snapshot *snapshot);

/* Add what sky_cache_hour_write wrote. On an error, which is one of sky_json_parse or SKY_E_MISSING, SKY_E_TYPE,
 * SKY_E_RANGE (another hour too), nothing was added; SKY_E_MEMORY: part of it. */
SKY_MUST_USE enum sky_status sky_cache_hour_read(struct sky_cache_hour *hour, struct sky_json_document *document,
                                                 struct sky_span input);

/* One JSON object, the trends by best rank, then frequency, then id. */
void sky_cache_hour_write(struct sky_cache_hour *hour, struct sky_buffer *buffer);

#endif
