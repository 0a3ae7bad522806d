/* cache_slides.h: the last slides, one key each, so that a page that begins now has the lines of the last day:
 * trends:slide:{window_end}, with {window_end} as 2026-01-05T01:05:00Z. Each is a TrendSnapshot without sample posts.
 *
 * A slide never changes, so writing it twice changes nothing.
 *
 * Memory   at most SKY_CACHE_SLIDES_MAX slides, some 20 KB each; when more wait, the oldest is let go.
 * Threads  one owner. */
#ifndef SKY_IO_REDIS_CACHE_SLIDES_H
#define SKY_IO_REDIS_CACHE_SLIDES_H

#include "io/redis/redis.h"
#include "trend/record_json.h"

/* Limits of ours. */
#define SKY_CACHE_SLIDES_MAX   256
#define SKY_CACHE_SLIDES_A_GO  32 /* of one round trip */
#define SKY_CACHE_SLIDE_TRENDS 500

struct sky_cache_slide {
    int64_t window_end_ms;
    struct sky_buffer json;
    bool waits;
};

struct sky_cache_slides {
    struct sky_cache_slide slides[SKY_CACHE_SLIDES_MAX];
    uint32_t count;
};

void sky_cache_slides_init(struct sky_cache_slides *slides);
void sky_cache_slides_clean_up(struct sky_cache_slides *slides);

/* SKY_E_MEMORY: it is left out. */
SKY_MUST_USE enum sky_status sky_cache_slides_add(struct sky_cache_slides *slides,
                                                  const struct sky_trend_snapshot *snapshot);

bool sky_cache_slides_wait(const struct sky_cache_slides *slides);
void sky_cache_slides_write_again(struct sky_cache_slides *slides);

/* Write those that wait; errors as of redis.h, and SKY_E_MALFORMED when SET was answered with anything but a status.
 * *writes counts on. */
SKY_MUST_USE enum sky_status sky_cache_slides_flush(struct sky_cache_slides *slides, struct sky_redis *redis,
                                                    int64_t ttl_ms, uint64_t *writes);

struct sky_cache_slides_wanted {
    int64_t first_end_ms; /* window_end in [first, last], a minute apart */
    int64_t last_end_ms;
    void (*each)(void *context, const struct sky_trend_snapshot *snapshot); /* by time */
    void *context;
};

/* Those that are there; what is no slide is passed over. Errors as of redis.h. */
SKY_MUST_USE enum sky_status sky_cache_slides_read(struct sky_redis *redis, struct sky_record_reader *reader,
                                                   const struct sky_cache_slides_wanted *wanted);

#endif
