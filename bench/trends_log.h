/* trends_log.h: what one detector displayed, by keyword and minute.
 *
 * Memory   owned; keywords are copied. Threads  one owner. */
#ifndef SKY_BENCH_TRENDS_LOG_H
#define SKY_BENCH_TRENDS_LOG_H

#include "base/arena.h"
#include "sim/evaluation.h"

struct trends_map_entry {
    uint64_t id; /* 0: free */
    uint32_t value;
};

/* Numbers by 64-bit ids. */
struct trends_map {
    struct trends_map_entry *entries;
    uint64_t mask;
    uint64_t count;
};

struct trends_log {
    struct trends_map keywords; /* id of the bytes -> number of the keyword */
    struct sky_span *names;     /* by number */
    uint32_t names_count;
    uint32_t names_capacity;
    struct sky_arena arena;
    struct trends_map open; /* display -> interval */
    struct sky_evaluation_interval *intervals;
    size_t count;
    size_t capacity;
    int32_t now;
};

/* Gives the value under `id`, `fresh` when it was not there; UINT32_MAX without memory. */
uint32_t trends_map_put(struct trends_map *map, uint64_t id, uint32_t fresh);
bool trends_map_get(const struct trends_map *map, uint64_t id, uint32_t *value);

void trends_log_clean_up(struct trends_log *log);

/* The keyword's number; UINT32_MAX without memory. */
uint32_t trends_log_keyword(struct trends_log *log, struct sky_span keyword);

/* `display` is shown in minute log->now: a new interval, unless it was shown in the minute before. False: no memory. */
bool trends_log_show(struct trends_log *log, struct sky_span keyword, uint64_t display, double confidence);
/* It is not shown any more from this minute on. */
void trends_log_hide(struct trends_log *log, uint64_t display);

#endif
