/* engine.h: the one module that sees all stages: posts in, the records of each minute out (docs/RECORDS.md).
 *
 * Sans-I/O and deterministic: the same posts give the same records, whatever the hash key, the machine, the number of
 * restarts in between (sky_engine_save, sky_engine_load) and the order of the posts within a minute, as long as what
 * one author did is in the order it was done.
 *
 * Memory   owned by the engine; what a record points to lives until the next call on the engine.
 * Threads  one owner.
 * Limits   memory grows with the posts of the last window and the keywords known, not with time. */
#ifndef SKY_ENGINE_ENGINE_H
#define SKY_ENGINE_ENGINE_H

#include "base/buffer.h"
#include "event/post.h"
#include "trend/record.h"

#define SKY_ENGINE_LANGUAGES_MAX 16

struct sky_engine_options {
    const char
        *languages[SKY_ENGINE_LANGUAGES_MAX]; /* with statistics of their own, lower case; all others are "other" */
    uint32_t languages_count;
    uint32_t window_minutes; /* 10 */
    uint32_t min_frequency;  /* gates, docs/TRENDS.md */
    uint32_t min_authors;
    double min_growth;
    double min_z;
    bool z_literal;               /* z_mode: literal */
    bool rank_recurring;          /* rank trends that come back with the clock with the others */
    uint32_t top_keywords;        /* how many most mentioned keywords a snapshot carries */
    uint32_t samples;             /* sample posts of a trend at most */
    bool keep_labelled;           /* count posts self-labelled adult or graphic too */
    uint32_t activity_minutes;    /* length of Activity's windows; 0: none are kept */
    uint32_t session_gap_minutes; /* of UserSession; 0: none are kept */
    uint64_t hash_key;            /* from the system's randomness; no output depends on it */
};

struct sky_engine;

/* The defaults of docs/CONFIGURATION.md. */
void sky_engine_options_default(struct sky_engine_options *options);

/* SKY_E_CONFIG, SKY_E_MEMORY, SKY_E_UNSUPPORTED (ICU or MeCab data missing); *reason says what. */
SKY_MUST_USE enum sky_status sky_engine_new(const struct sky_engine_options *options, struct sky_engine **engine,
                                            const char **reason);
void sky_engine_free(struct sky_engine *engine);

/* Who takes what closing a minute gives; what is NULL is not made. One call of sky_engine_post or sky_engine_advance
 * may close many minutes: each in order, and of each first the counts, then the activity if a window of it ends there,
 * then the sessions that are over, then the snapshot, which so says that the minute is complete. Lists are never empty.
 * Return false to stop the process early (the engine is then good only for sky_engine_free). */
struct sky_engine_sink {
    void *context;
    /* By language in the order of the options, then keyword bytes. */
    bool (*on_counts)(void *context, const struct sky_keyword_count *counts, uint32_t count);
    bool (*on_activity)(void *context, const struct sky_activity_record *activity);
    bool (*on_sessions)(void *context, const struct sky_session *sessions, uint32_t count); /* in session.h's order */
    bool (*on_slide)(void *context, const struct sky_trend_snapshot *snapshot);
};

/* Take one post. event_time_ms is set; minutes that end at or before it are closed first, for `sink` (NULL: for
 * nobody).
 *   SKY_E_LATE    it is late by itself, or its event time is before the last closed slide: counted and dropped
 *   SKY_E_MEMORY  the engine is then good only for sky_engine_free */
SKY_MUST_USE enum sky_status sky_engine_post(struct sky_engine *engine, const struct sky_post *post,
                                             const struct sky_engine_sink *sink);

/* Event time has reached `event_time_ms` (a like, a watermark): close the minutes that end at or before it. */
SKY_MUST_USE enum sky_status sky_engine_advance(struct sky_engine *engine, int64_t event_time_ms,
                                                const struct sky_engine_sink *sink);

/* What was dropped or left out so far, for metrics. */
struct sky_engine_stats {
    uint64_t posts; /* creates taken */
    uint64_t posts_late;
    uint64_t posts_imported; /* created_at more than 1 h older: not counted for trends */
    uint64_t posts_labelled;
    uint64_t posts_duplicate;
    uint64_t updates;
    uint64_t deletes;
    uint64_t accounts;
    uint64_t keywords_known; /* rows of the detectors */
    uint64_t keywords_in_window;
    uint64_t slides;
    uint32_t uptime_minutes; /* of event time since the state was made: young baselines below 12 */
    int64_t event_time_ms;   /* 0 before the first post */
};
void sky_engine_stats(const struct sky_engine *engine, struct sky_engine_stats *stats);

/* The whole state, in a form that does not depend on hash keys; versioned by the checkpoint around it. */
void sky_engine_save(const struct sky_engine *engine, struct sky_buffer *buffer);

/* Into an engine made with the same options and not used yet. Activity and sessions may be asked for with other lengths
 * than they were saved with, or anew: they then begin empty. On an error the engine is good only for sky_engine_free.
 * Input is hostile (a damaged file): reads stay inside it, no length is trusted. */
SKY_MUST_USE enum sky_status sky_engine_load(struct sky_engine *engine, struct sky_span input, struct sky_error *error);

#endif
