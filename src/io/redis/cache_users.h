/* cache_users.h: what the users did in one window of five minutes: what stands at users:active:{window}.
 *
 * The window's Activity gives active users, posts and replies. Its sessions are those whose last post lies in it; each
 * is one record of a topic, and they come about half an hour later, from several partitions, perhaps twice. So for each
 * partition the sum is kept with the offset up to which it holds; what comes again is below that and does not count,
 * and of two sums of one partition the one that reaches further contains the other.
 *
 * Memory   owned; 24 bytes for each session not yet summed.
 * Threads  one owner.
 * Trust    what is read is checked. */
#ifndef SKY_IO_REDIS_CACHE_USERS_H
#define SKY_IO_REDIS_CACHE_USERS_H

#include "trend/record.h"
#include "wire/json_read.h"

/* Limits of ours. */
#define SKY_CACHE_USERS_PARTITIONS_MAX 1024 /* as many as kafka.partitions may be */
#define SKY_CACHE_USERS_LANGUAGES_MAX  64

struct sky_cache_session_sum {
    int32_t partition;
    int64_t through; /* offset of the last session in it */
    uint64_t ended;
    uint64_t length_ms; /* of all together */
};

struct sky_cache_session {
    int32_t partition;
    int64_t offset;
    int64_t length_ms;
};

struct sky_cache_users {
    int64_t window_start_ms;
    int64_t window_end_ms;
    bool has_activity;
    uint64_t active_users;
    uint64_t posts; /* replies included */
    uint64_t replies;
    struct sky_language_posts by_language[SKY_CACHE_USERS_LANGUAGES_MAX];
    uint32_t by_language_count;
    struct sky_cache_session_sum *sums; /* by partition */
    uint32_t sums_count;
    struct sky_cache_session *sessions; /* not yet summed */
    uint32_t sessions_count;
    uint32_t sessions_capacity;
    struct sky_arena texts;
};

void sky_cache_users_init(struct sky_cache_users *users, int64_t window_start_ms, int64_t window_end_ms);
void sky_cache_users_clean_up(struct sky_cache_users *users);

/* The window's Activity; a later call replaces it. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_cache_users_set_activity(struct sky_cache_users *users,
                                                          const struct sky_activity_record *activity);

/* A session of this window, as it stands in its topic. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_cache_users_add_session(struct sky_cache_users *users,
                                                         const struct sky_cache_session *session);

/* Take over what sky_cache_users_write wrote: the sums that reach further than ours, and the activity where there is
 * none here. On an error nothing changed: one of sky_json_parse, SKY_E_MISSING, SKY_E_RANGE (another window too),
 * SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_cache_users_read(struct sky_cache_users *users, struct sky_json_document *document,
                                                  struct sky_span input);

/* Put the sessions into the sums. SKY_E_MEMORY, SKY_E_LIMIT (partitions): nothing changed. */
SKY_MUST_USE enum sky_status sky_cache_users_sum(struct sky_cache_users *users);

/* One JSON object, of what is summed. */
void sky_cache_users_write(const struct sky_cache_users *users, struct sky_buffer *buffer);

#endif
