/* cache_merge.h: values in Redis that are read, merged and written back, each only when nobody wrote it in between.
 *
 * Memory   the old and new values of at most SKY_CACHE_MERGE_MAX keys at a time.
 * Threads  one owner. */
#ifndef SKY_IO_REDIS_CACHE_MERGE_H
#define SKY_IO_REDIS_CACHE_MERGE_H

#include "io/redis/redis.h"

/* Limits of ours. */
#define SKY_CACHE_MERGE_MAX      32
#define SKY_CACHE_MERGE_TRIES    16 /* of one run, when others keep writing */
#define SKY_CACHE_MERGE_KEY_SIZE 48

struct sky_cache_merge_item {
    void *item; /* the caller's */
    char key[SKY_CACHE_MERGE_KEY_SIZE];
    struct sky_buffer old_value;
    struct sky_buffer new_value;
    bool done;
};

struct sky_cache_merger {
    struct sky_redis *redis;
    int64_t ttl_ms;
    void *context;
    /* Append the new value; `old` is empty where there is none. An error ends the run. Called again after a conflict.
     */
    enum sky_status (*merge)(void *context, void *item, struct sky_span old, struct sky_buffer *new_value);
    void (*merged)(void *context, void *item, struct sky_span value); /* it is in Redis */
    struct sky_cache_merge_item items[SKY_CACHE_MERGE_MAX];
    uint32_t count;
    uint64_t writes;
    uint64_t conflicts;
};

/* A place for one more key; NULL: there are SKY_CACHE_MERGE_MAX. */
struct sky_cache_merge_item *sky_cache_merger_add(struct sky_cache_merger *merger);

/* Two round trips for all keys, and two more for those that changed in between. Gives the memory back in any case.
 * SKY_E_IO: also when a key kept changing; SKY_E_MALFORMED: an answer that is none to GET or to the script. */
SKY_MUST_USE enum sky_status sky_cache_merger_run(struct sky_cache_merger *merger);

#endif
