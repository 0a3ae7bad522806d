/* cache.h: the trends and users of now and of the last days, in Redis.
 *
 *     trends:current             the newest TrendSnapshot, as docs/RECORDS.md has it; goes after current_ttl_ms
 *     trends:hourly:{hour}       {hour} as 2026-01-05T14:00:00Z: the hour's trends, see cache_hour.h
 *     trends:slide:{window_end}  each of the last slides, see cache_slides.h
 *     users:active:{window}      {window} as 2026-01-05T14:05:00Z, its beginning: see cache_users.h
 *     users:active:current       the newest of these
 *
 * Values are JSON. A write replaces one key whole, inside a script of the server, so that no reader sees half of it, on
 * a cluster neither. The two `current` are never replaced by an older window_end while they are there. The others are
 * merged: what is there is read, merged here, and written only when it still is what was read; else all over again. So
 * several writers, writers that begin again and topics that are read twice end at the same values.
 *
 * Writing goes through a batch, which takes records as they come and forgets what Redis has. It keeps what is newer
 * than SKY_CACHE_KEPT_MS before its newest record, as far as there is room, and writes all of that again when the
 * connection is a new one: a server that came back empty is right again at once. What is written never fills it: the
 * oldest of that gives way, so a topic that is read far ahead of the others holds up none of them.
 *
 * Memory   a batch holds one snapshot, and hours and windows up to SKY_CACHE_HOURS_MAX and SKY_CACHE_WINDOWS_MAX.
 * Threads  one owner.
 * Errors   as of redis.h, where sky_redis_problem says more; SKY_E_MALFORMED with SKY_REDIS_FINE: an answer, but not to
 *          what was asked. */
#ifndef SKY_IO_REDIS_CACHE_H
#define SKY_IO_REDIS_CACHE_H

#include "io/redis/cache_hour.h"
#include "io/redis/cache_slides.h"
#include "io/redis/cache_users.h"
#include "io/redis/redis.h"
#include "trend/record_json.h"

/* Limits of ours. */
#define SKY_CACHE_TRENDING_DEFAULT 50
#define SKY_CACHE_KEPT_MS          (2 * SKY_HOUR_MS)
#define SKY_CACHE_AHEAD_MS_MAX     SKY_DAY_MS /* of the clock, the end of a window */
#define SKY_CACHE_HOURS_MAX        72         /* not written yet */
#define SKY_CACHE_WINDOWS_MAX      1024       /* likewise */
#define SKY_CACHE_SESSIONS_MAX     1000000    /* likewise */
#define SKY_CACHE_KEY_SIZE         48

#define SKY_CACHE_CURRENT "trends:current"

struct sky_cache_options {
    int64_t current_ttl_ms; /* of both `current` */
    int64_t hourly_ttl_ms;
    int64_t slides_ttl_ms; /* 0: they are not kept */
    int64_t users_ttl_ms;
    int64_t users_window_ms; /* of Activity; sessions are put into windows of this length */
};

void sky_cache_options_default(struct sky_cache_options *options); /* 300 s, 7 days, 1 day, 2 days, 5 min */

struct sky_cache;

/* Borrows `redis`. SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_cache_new(const struct sky_cache_options *options, struct sky_redis *redis,
                                           struct sky_cache **cache);
void sky_cache_free(struct sky_cache *cache); /* NULL is fine */

void sky_cache_hour_key(int64_t hour_ms, char key[SKY_CACHE_KEY_SIZE]);
void sky_cache_users_key(int64_t window_start_ms, char key[SKY_CACHE_KEY_SIZE]);

/* Writing. The adds copy. SKY_E_LIMIT: as much waits as may; flush first. SKY_E_MEMORY. */

/* `json` is the record as it came. SKY_E_RANGE: not added, as its window ends more than SKY_CACHE_AHEAD_MS_MAX from
 * now. */
SKY_MUST_USE enum sky_status sky_cache_add_snapshot(struct sky_cache *cache, const struct sky_trend_snapshot *snapshot,
                                                    struct sky_span json);

/* SKY_E_RANGE: not added, as its window does not begin at a multiple of users_window_ms, is empty, or ends more than
 * SKY_CACHE_AHEAD_MS_MAX from now. */
SKY_MUST_USE enum sky_status sky_cache_add_activity(struct sky_cache *cache,
                                                    const struct sky_activity_record *activity);

/* The window is that of its end; SKY_E_RANGE: that is as far ahead. */
SKY_MUST_USE enum sky_status sky_cache_add_session(struct sky_cache *cache, const struct sky_session *session,
                                                   int32_t partition, int64_t offset);

/* Write what Redis does not have, trends:current first. SKY_OK: all of it is there. After an error the rest waits for
 * the next call. SKY_E_MALFORMED: an answer that is none to its command; SKY_E_IO also when a key kept changing. A call
 * that comes too soon after such an error (SKY_REDIS_BACKOFF_MS_*) asks nothing and gives it again. */
SKY_MUST_USE enum sky_status sky_cache_flush(struct sky_cache *cache);

bool sky_cache_is_flushed(const struct sky_cache *cache);
bool sky_cache_is_full(const struct sky_cache *cache); /* the next add may give SKY_E_LIMIT */

struct sky_cache_stats {
    uint64_t writes;        /* keys written */
    uint64_t refused;       /* a `current` that is newer was there */
    uint64_t conflicts;     /* a key changed between read and write, and was merged again */
    uint64_t repaired;      /* values that could not be read, replaced */
    int64_t window_end_ms;  /* of the newest snapshot taken; 0: none */
    int64_t written_end_ms; /* of the newest that Redis has from here */
    uint32_t waiting;       /* hours and windows to be written */
};
void sky_cache_stats(const struct sky_cache *cache, struct sky_cache_stats *stats);

/* Reading. What is handed out lives until the next call. SKY_E_MISSING: there is no such key, or it has gone. */

/* The newest trends by rank, at most `limit` (0: SKY_CACHE_TRENDING_DEFAULT). A value that is no TrendSnapshot gives
 * the status of sky_trend_snapshot_read. */
SKY_MUST_USE enum sky_status sky_cache_get_trending_keywords(struct sky_cache *cache, uint32_t limit,
                                                             const struct sky_trend_alert **trends, uint32_t *count);

/* The whole snapshot, unless its window_end is `known_end_ms`: then SKY_E_DUPLICATE, which costs a hundred bytes. Its
 * JSON by *json. */
SKY_MUST_USE enum sky_status sky_cache_get_current(struct sky_cache *cache, int64_t known_end_ms,
                                                   const struct sky_trend_snapshot **snapshot, struct sky_span *json);

/* The JSON of an hour; of a window; of the newest window. */
SKY_MUST_USE enum sky_status sky_cache_get_hour(struct sky_cache *cache, int64_t hour_ms, struct sky_span *json);
SKY_MUST_USE enum sky_status sky_cache_get_users(struct sky_cache *cache, int64_t window_start_ms,
                                                 struct sky_span *json);
SKY_MUST_USE enum sky_status sky_cache_get_users_now(struct sky_cache *cache, struct sky_span *json);

/* The slides whose window_end is in [first, last], as far as they are there, see cache_slides.h. */
SKY_MUST_USE enum sky_status sky_cache_get_slides(struct sky_cache *cache,
                                                  const struct sky_cache_slides_wanted *wanted);

/* How long ago trends:current was written, by what is left of its time. */
SKY_MUST_USE enum sky_status sky_cache_get_age(struct sky_cache *cache, int64_t *age_ms);

/* The server answers PING. */
SKY_MUST_USE enum sky_status sky_cache_ping(struct sky_cache *cache);

#endif
