/* world.h: a simulated network of authors who post, with known trends in it.
 *
 * A seeded model gives posts in the order of their time and, beside them, the truth: which keyword burst when, where
 * it was spam, which bots tick. The same options give the same posts on every machine: nothing here reads a clock,
 * and every random number comes from the integers and basic IEEE arithmetic of random.h. docs/SIMULATOR.md tells
 * the model; world.c has the essay.
 *
 *     struct sky_world_options options;
 *     sky_world_options_default(&options);
 *     options.hours = 2;
 *     if (sky_world_new(&options, &world) != SKY_OK) ...
 *     while (sky_world_next(world, &post) == SKY_OK)
 *         use(&post);                                     // post.event_time_ms never goes back
 *     events = sky_world_events(world, &events_count);
 *
 * Memory   owned by the world; about 20 MiB, and some 30 kB for each hour of event time.
 * Threads  one owner. */
#ifndef SKY_SIM_WORLD_H
#define SKY_SIM_WORLD_H

#include "base/status.h"
#include "event/post.h"
#include "wire/json_write.h"

/* Raised whenever the same options would give other posts: figures of two versions are not to be compared. */
#define SKY_WORLD_VERSION 1

/* Keyword tokens and posts a minute at rate 1, on the average over a day. */
#define SKY_WORLD_TOKENS_PER_MINUTE 24000
#define SKY_WORLD_POSTS_PER_MINUTE  3000
#define SKY_WORLD_COMPANIONS_MAX    6

/* Real onsets are played from minute 150 on, and end in time: in a shorter world, or one without end, none is. */
#define SKY_WORLD_ONSETS_HOURS_MIN 9

enum sky_world_profile {
    SKY_WORLD_NORMAL,
    SKY_WORLD_HARSH, /* drift 1.6 x, half the clump shape */
    SKY_WORLD_COLD,  /* the normal world; for runs that are short and scored from their twelfth minute */
    SKY_WORLD_SPAM,  /* four times the spam, of both kinds */
    SKY_WORLD_SMALL, /* 500 tokens a minute in all */
    SKY_WORLD_DAILY, /* the normal world with 100 words that have an hour of every day of their own */
    SKY_WORLD_PROFILE_COUNT
};

/* Mentions a minute around the onset of an event that really happened (never part of the default world). */
struct sky_world_onset {
    const uint16_t *before;
    const uint16_t *after;
    uint32_t before_count;
    uint32_t after_count;
};

struct sky_world_options {
    uint64_t seed;
    int64_t start_ms; /* event time of the first minute; cut to a whole one */
    uint32_t hours;   /* of event time; 0: without end */
    double rate;      /* background volume, 1 is SKY_WORLD_TOKENS_PER_MINUTE; bursts keep their size */
    double bursts_per_hour;
    enum sky_world_profile profile;
    const struct sky_world_onset *onsets; /* borrowed until sky_world_free; needs SKY_WORLD_ONSETS_HOURS_MIN */
    uint32_t onsets_count;
    uint32_t onset_repeats; /* how often each is played */
};

enum sky_world_event_kind {
    SKY_WORLD_BURST,       /* many authors: what a detector is to find */
    SKY_WORLD_BY_FEW,      /* spam by one to three authors */
    SKY_WORLD_COORDINATED, /* copied texts by 5 to 15 authors */
    SKY_WORLD_BOT,         /* a few accounts that post every hour at the same minute; one event for each hour */
    SKY_WORLD_SURGE,       /* the volume of everything, or of one language, changes; no keyword */
    SKY_WORLD_EVENT_KIND_COUNT
};

/* One planned event. Counts are the plan's; the background mentions the same words too. */
struct sky_world_event {
    enum sky_world_event_kind kind;
    const char *shape;        /* "sudden", "ramp", "real"; "outage", "global", "language" for a surge */
    const char *vocabulary;   /* "new", "rare", "mid", "common": how frequent the keyword is otherwise */
    struct sky_span keyword;  /* as the keyword extractor gives it: normalised, '#' in front of a hashtag */
    struct sky_span language; /* "en", "ja", "pt", "de"; empty: all */
    struct sky_span companions[SKY_WORLD_COMPANIONS_MAX]; /* keywords that rise with it */
    uint32_t companions_count;
    uint32_t authors;        /* by few, coordinated, bot; for a burst the voices planned */
    uint32_t mentions;       /* planned, in all */
    uint32_t peak;           /* burst: most voices planned in any 10 minutes */
    double expected;         /* burst: background mentions in 10 minutes */
    bool detectable;         /* burst: peak >= 12, >= 1.5 expected, >= 5 sqrt(expected + 1) */
    double factor;           /* surge: volume is multiplied by it */
    int64_t onset_ms;        /* a whole minute */
    int64_t end_ms;          /* burst: 5 min after the last 10 minutes with 3 voices or more */
    const uint16_t *planned; /* burst: mentions in each minute from the onset on */
    uint32_t planned_count;
};

struct sky_world;

/* Seed 1, from 2026-01-05T00:00:00Z, 24 hours, rate 1, 6 bursts an hour, profile normal, no real onsets. */
void sky_world_options_default(struct sky_world_options *options);

/* SKY_E_CONFIG (an option out of range), SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_world_new(const struct sky_world_options *options, struct sky_world **world);
void sky_world_free(struct sky_world *world);

/* The next create, in order of event time. The post borrows the world until the next call; `cid` is empty and `seq`
 * counts from 1 (sky_network_next gives both as a relay would).
 *   SKY_E_END     the hours are over
 *   SKY_E_MEMORY  the world is then good only for sky_world_free */
SKY_MUST_USE enum sky_status sky_world_next(struct sky_world *world, struct sky_post *post);

/* The events planned so far, by onset hour: everything with an onset up to an hour after the last post's time. The
 * array moves when the world goes on; what its members point to stays. */
const struct sky_world_event *sky_world_events(const struct sky_world *world, size_t *count);

/* One JSON object: a line of the truth file (docs/SIMULATOR.md). */
void sky_world_event_write(struct sky_json_writer *json, const struct sky_world_event *event);
const char *sky_world_profile_name(enum sky_world_profile profile);
bool sky_world_profile_parse(const char *name, enum sky_world_profile *profile);

#endif
