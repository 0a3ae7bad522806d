/* record.h: what the engine publishes (docs/RECORDS.md), as structs and as JSON: TrendAlert, TrendSnapshot,
 * WindowedKeywordCount, Activity and UserSession. record_json.h reads them again.
 *
 * Memory   every span and array borrows what its producer says; the writers only read.
 * Units    times are ms since 1970 UTC, window_end is exclusive; rates have no unit. */
#ifndef SKY_TREND_RECORD_H
#define SKY_TREND_RECORD_H

#include "window/session.h"
#include "wire/json_write.h"

#define SKY_TREND_ID_TEXT_SIZE 17 /* 16 hex digits and NUL */

enum sky_trend_kind { SKY_TREND_STARTED, SKY_TREND_ONGOING, SKY_TREND_ENDED };

struct sky_sample_post {
    struct sky_span uri;
    struct sky_span author_did;
    struct sky_span text; /* empty when the author asked not to be quoted (!no-unauthenticated) */
    int64_t created_at_ms;
};

struct sky_trend_alert {
    uint64_t id; /* hash of language, keyword and the first window_end: the same in every alert of one trend */
    enum sky_trend_kind kind;
    struct sky_span keyword;  /* normalised */
    struct sky_span language; /* "en", ..., "other", "*" */
    uint32_t frequency;       /* mentions in the window, x */
    uint32_t unique_authors;
    uint32_t rank; /* 1 is first; 0 when ended */
    double growth_rate;
    double confidence_score;
    double z_score;
    double expected; /* voices, from the slow baseline */
    int64_t window_start_ms;
    int64_t window_end_ms;
    int64_t started_at_ms; /* window_end of the slide it started at */
    const struct sky_sample_post *sample_posts;
    uint32_t sample_posts_count;
};

struct sky_language_volume {
    struct sky_span language;
    uint64_t words; /* N_g: voices over words and hashtags in the window */
};

/* A keyword by plain count: shown while the baselines are young, as what it is. */
struct sky_top_keyword {
    struct sky_span keyword;
    struct sky_span language;
    uint32_t count;
    uint32_t unique_authors;
};

struct sky_trend_snapshot {
    int64_t window_start_ms;
    int64_t window_end_ms;
    bool warming_up;                      /* fewer minutes seen than the detector needs */
    const struct sky_trend_alert *trends; /* on, by rank */
    uint32_t trends_count;
    const struct sky_trend_alert *ended; /* ended at this slide; not part of `trends` */
    uint32_t ended_count;
    const struct sky_trend_alert *recurring; /* on, but back with the clock: not part of `trends`, rank 0 */
    uint32_t recurring_count;
    uint64_t posts; /* creates in the window */
    uint64_t active_authors;
    const struct sky_language_volume *volume;
    uint32_t volume_count;
    const struct sky_top_keyword *top_keywords; /* of most authors first, whether trending or not */
    uint32_t top_keywords_count;
};

/* WindowedKeywordCount: a keyword of one language in the window of a slide. */
struct sky_keyword_count {
    struct sky_span keyword; /* so far the same as normalized_keyword */
    struct sky_span normalized_keyword;
    struct sky_span language;
    uint32_t count; /* mentions, x */
    uint32_t unique_authors;
    uint32_t voices;
    int64_t window_start_ms;
    int64_t window_end_ms;
    const struct sky_sample_post *sample_posts;
    uint32_t sample_posts_count;
};

struct sky_language_posts {
    struct sky_span language;
    uint64_t posts;
};

/* Activity: what happened in one tumbling window. */
struct sky_activity_record {
    int64_t window_start_ms;
    int64_t window_end_ms;
    uint64_t posts; /* replies included */
    uint64_t replies;
    uint64_t unique_authors;
    const struct sky_language_posts *by_language;
    uint32_t by_language_count;
    const struct sky_top_keyword *top_keywords; /* words and phrases, of most authors first */
    uint32_t top_keywords_count;
    const struct sky_top_keyword *top_hashtags;
    uint32_t top_hashtags_count;
};

void sky_trend_alert_write(struct sky_json_writer *json, const struct sky_trend_alert *alert);

/* The same without its braces, inside an object that has more to say. */
void sky_trend_alert_write_fields(struct sky_json_writer *json, const struct sky_trend_alert *alert);

/* One JSON object; with a '\n' behind it, the line that `replay` and `run --out` print for each slide. */
void sky_trend_snapshot_write(struct sky_json_writer *json, const struct sky_trend_snapshot *snapshot);

/* One JSON object each. */
void sky_keyword_count_write(struct sky_json_writer *json, const struct sky_keyword_count *count);
void sky_activity_write(struct sky_json_writer *json, const struct sky_activity_record *activity);
void sky_session_write(struct sky_json_writer *json, const struct sky_session *session); /* UserSession */

const char *sky_trend_kind_name(enum sky_trend_kind kind); /* "started", "ongoing", "ended" */
void sky_trend_id_format(uint64_t id, char out[SKY_TREND_ID_TEXT_SIZE]);

#endif
