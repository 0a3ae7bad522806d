/* plan.h: what happens in the simulated network and when: bursts, spam, bots, threads, surges.
 *
 * An hour is planned when it begins; what it plans reaches up to some hours ahead. For each minute the plan gives the
 * mentions to add to the background, and how busy each language is.
 *
 * Memory   owned by the plan; the mentions of a minute live until sky_plan_close_minute; events are kept for good. */
#ifndef SKY_SIM_PLAN_H
#define SKY_SIM_PLAN_H

#include "base/arena.h"
#include "sim/lexicon.h"
#include "sim/vocabulary.h"
#include "sim/world.h"

#define SKY_PLAN_AHEAD_MINUTES 1024 /* a power of two, above the longest event and an hour */

enum sky_plan_kind { SKY_PLAN_BURST, SKY_PLAN_FEW, SKY_PLAN_COPIED, SKY_PLAN_BOT, SKY_PLAN_THREAD };

/* Posts of one source in one minute, each with the same word. */
struct sky_plan_mention {
    uint64_t seed; /* of the source: its authors and texts follow from it */
    uint32_t word;
    uint32_t first; /* mentions of the source before this minute; for a burst, voices before it */
    uint16_t count;
    uint16_t fresh; /* burst: mentions by authors who have not spoken of it yet */
    uint8_t kind;   /* enum sky_plan_kind */
    uint8_t authors;
    uint8_t companions_count;
    uint8_t companion_percent; /* how many of the posts hold each companion */
    uint32_t companions[SKY_WORLD_COMPANIONS_MAX];
};

struct sky_plan_minute {
    struct sky_plan_mention *mentions;
    uint32_t count;
    uint32_t capacity;
    double volume[SKY_SIM_LANGUAGES];
};

struct sky_plan_bot {
    uint32_t word;
    uint32_t minute; /* of the hour */
    uint32_t authors;
    uint32_t posts;
    uint64_t seed;
};

#define SKY_PLAN_BOTS 60

/* The words with an hour of every day of their own, i < SKY_WORLD_DAILY_WORDS. */
static inline uint32_t sky_plan_daily_word(uint32_t i)
{
    return 2000 + i * 97;
}

struct sky_plan {
    const struct sky_vocabulary *vocabulary;
    const struct sky_lexicon *lexicon;
    struct sky_world_options options;
    struct sky_random random;
    struct sky_arena arena; /* counts of events */
    struct sky_world_event *events;
    size_t events_count;
    size_t events_capacity;
    struct sky_plan_minute minutes[SKY_PLAN_AHEAD_MINUTES];
    struct sky_plan_bot bots[SKY_PLAN_BOTS];
    uint8_t *used;     /* words that have an event of their own */
    uint32_t new_next; /* the next word nobody has said yet */
    uint64_t seed_next;
    uint32_t *real_onsets; /* minutes at which a real onset is played, ascending; options.onsets in turn */
    uint32_t real_count;
    uint32_t real_next;
    bool failed; /* out of memory */
};

SKY_MUST_USE enum sky_status sky_plan_init(struct sky_plan *plan, const struct sky_world_options *options,
                                           const struct sky_vocabulary *vocabulary, const struct sky_lexicon *lexicon);
void sky_plan_clean_up(struct sky_plan *plan);

/* What is to happen in minute `minute` of the world, asked for in order. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_plan_open_minute(struct sky_plan *plan, uint32_t minute,
                                                  const struct sky_plan_minute **out);
void sky_plan_close_minute(struct sky_plan *plan, uint32_t minute);

#endif
