/* session.h: each author's sittings: runs of posts with less than 30 minutes from one to the next (record UserSession).
 *
 * Sessions are closed by event time: sky_sessions_close(time) ends those whose last post is a gap or more before
 * `time`. Posts at or after the last such time may come in any order: posts that turn out to lie between two sessions
 * join them.
 *
 * Memory   owned; 48 bytes and the DID for each open session, reused. Records live until the next add, close or load.
 * Work     an add is one look-up; a close passes over the open sessions, so call it about once a minute.
 * Threads  one owner. */
#ifndef SKY_WINDOW_SESSION_H
#define SKY_WINDOW_SESSION_H

#include "base/buffer.h"

#define SKY_SESSION_DID_BYTES_MAX 2048 /* ATProto: a DID is at most that long */

struct sky_session {
    struct sky_span author_did;
    int64_t session_start_ms; /* first post */
    int64_t session_end_ms;   /* last post */
    uint32_t posts;           /* replies included */
    uint32_t replies;
};

struct sky_sessions;

struct sky_sessions_options {
    uint32_t gap_minutes; /* 30, at least 1 */
    uint64_t hash_key;
};

/* NULL when there is no memory. */
struct sky_sessions *sky_sessions_new(const struct sky_sessions_options *options);
void sky_sessions_free(struct sky_sessions *sessions);

/* A post of `author_did` at `time_ms`.
 *   SKY_E_LATE    before the time of the last sky_sessions_close; nothing done
 *   SKY_E_LIMIT   the DID is too long; nothing done
 *   SKY_E_MEMORY  good only for sky_sessions_free */
SKY_MUST_USE enum sky_status sky_sessions_add(struct sky_sessions *sessions, struct sky_span author_did,
                                              int64_t time_ms, bool is_reply);

/* Event time has reached `time_ms` (never going back): the sessions whose last post is a gap or more before it are
 * over. Handed out in *closed, by end, then start, then DID bytes. */
SKY_MUST_USE enum sky_status sky_sessions_close(struct sky_sessions *sessions, int64_t time_ms,
                                                const struct sky_session **closed, uint32_t *closed_count);

uint64_t sky_sessions_open(const struct sky_sessions *sessions);

void sky_sessions_save(const struct sky_sessions *sessions, struct sky_buffer *buffer);
void sky_sessions_load(struct sky_sessions *sessions, struct sky_reader *reader); /* into a new one */

#endif
