/* The world: minute by minute from counts of words to posts.
 *
 * The model is one of counts: how often each word is said in each minute (vocabulary.c), and what events add to that
 * (plan.c). A minute's words of a language are shuffled and dealt to posts of 2 to 16 words, 9 on average; an event's
 * mention gets a post of its own, which takes ordinary words beside it, so that a burst's posts have nothing in common
 * but the burst. Copied texts and machines' readings take none. Then all posts of the minute are shuffled and spread
 * over it.
 *
 * Authors are drawn by activity; a tenth of the posts go on where the same author left off, with half of the words,
 * which makes voices about 5 % fewer than mentions. Authors of a burst are anybody, each once, but for the planned
 * share who speak of it again. */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "sim/composer.h"
#include "sim/plan.h"
#include "sim/population.h"
#include "sim/world_text.h"

#define POPULATION_AT_RATE_1    200000
#define POPULATION_MIN          20000
#define WORDS_PER_POST_MIN      2
#define WORDS_PER_POST_MAX      16
#define FOLLOW_UP_SHARE         0.1
#define REPLY_SHARE             0.25
#define LINK_SHARE              0.06
#define WRONG_TAG_SHARE         0.05 /* Portuguese and German posts tagged "en" */
#define NO_TAG_SHARE            0.05
#define RECENT_POSTS            64 /* of a language, for replies; a power of two */
#define REPEAT_AUTHORS          20
#define BACKWARDS_SHARE         0.1 /* posts whose time is behind the stream's */
#define BACKWARDS_MS_MAX        900
#define NO_MENTION              UINT32_MAX
#define URI_BYTES_MAX           96
#define SMALL_TOKENS_PER_MINUTE 500

/* One post of the minute, before it is written. */
struct draft {
    uint32_t mention; /* index into the minute's mentions, or NO_MENTION */
    uint32_t ordinal; /* which of that mention's posts */
    uint32_t words_from;
    uint8_t words_count;
    uint8_t language;
    bool follows_up;
};

/* A post already sent, to be replied to or gone on from. */
struct recent {
    char uri[URI_BYTES_MAX];
    uint64_t thread;
    uint32_t author;
    uint8_t uri_len;
    uint8_t words_count;
    uint32_t words[SKY_COMPOSER_WORDS_MAX];
};

struct recent_ring {
    struct recent posts[RECENT_POSTS];
    uint32_t count;
};

struct sky_world {
    struct sky_world_options options;
    struct sky_random random;
    struct sky_vocabulary vocabulary;
    struct sky_lexicon lexicon;
    struct sky_plan plan;
    struct sky_population population;
    const struct sky_plan_minute *minute;
    uint32_t minutes; /* begun so far */
    struct draft *drafts;
    uint32_t drafts_count;
    uint32_t drafts_capacity;
    uint32_t drafts_next;
    uint64_t posts;
    int64_t event_time_ms;
    struct recent_ring recent[SKY_SIM_LANGUAGES];

    /* The post handed out last. */
    struct sky_composer_text text;
    struct sky_composer_words words;
    struct sky_span tags[SKY_COMPOSER_TAGS_MAX];
    struct sky_span langs[1];
    char uri[URI_BYTES_MAX];
    char reply_to[URI_BYTES_MAX];
    char rev[SKY_POPULATION_TID_LEN];
    size_t reply_to_len;
    uint32_t author;
};

void sky_world_options_default(struct sky_world_options *options)
{
    *options = (struct sky_world_options){
        .seed = 1,
        .start_ms = INT64_C(1767571200000), /* 2026-01-05T00:00:00Z */
        .hours = 24,
        .rate = 1,
        .bursts_per_hour = 6,
        .profile = SKY_WORLD_NORMAL,
        .onset_repeats = 1,
    };
}

static bool options_are_valid(const struct sky_world_options *options)
{
    return options->rate > 0 && options->rate <= 100 && options->hours <= 100000 && options->bursts_per_hour >= 0 &&
           options->bursts_per_hour <= 100 && options->start_ms >= 0 &&
           options->start_ms < INT64_C(253370764800000) /* year 9999 */ && options->onset_repeats <= 1000 &&
           options->profile < SKY_WORLD_PROFILE_COUNT;
}

static enum sky_status init(struct sky_world *world)
{
    const struct sky_world_options *options = &world->options;
    struct sky_vocabulary_options vocabulary = {
        .seed = options->seed,
        .tokens_per_minute = options->rate * SKY_WORLD_TOKENS_PER_MINUTE,
        .harsh = options->profile == SKY_WORLD_HARSH,
    };
    double size = POPULATION_AT_RATE_1 * options->rate;
    sky_random_seed(&world->random, options->seed, 3);
    sky_population_init(&world->population, options->seed, size < POPULATION_MIN ? POPULATION_MIN : (uint32_t)size);
    enum sky_status status = sky_vocabulary_init(&world->vocabulary, &vocabulary);
    if (status == SKY_OK)
        status = sky_lexicon_init(&world->lexicon, world->vocabulary.languages, SKY_VOCABULARY_WORDS);
    if (status == SKY_OK)
        status = sky_plan_init(&world->plan, options, &world->vocabulary, &world->lexicon);
    return status;
}

enum sky_status sky_world_new(const struct sky_world_options *options, struct sky_world **out)
{
    if (!options_are_valid(options))
        return SKY_E_CONFIG;
    struct sky_world *world = calloc(1, sizeof *world);
    if (!world)
        return SKY_E_MEMORY;
    world->options = *options;
    world->options.start_ms = sky_time_floor(options->start_ms, SKY_MINUTE_MS);
    if (options->profile == SKY_WORLD_SMALL)
        world->options.rate = (double)SMALL_TOKENS_PER_MINUTE / SKY_WORLD_TOKENS_PER_MINUTE;
    enum sky_status status = init(world);
    if (status != SKY_OK) {
        sky_world_free(world);
        return status;
    }
    *out = world;
    return SKY_OK;
}

void sky_world_free(struct sky_world *world)
{
    if (!world)
        return;
    sky_plan_clean_up(&world->plan);
    sky_lexicon_clean_up(&world->lexicon);
    sky_vocabulary_clean_up(&world->vocabulary);
    free(world->drafts);
    free(world);
}

/* ------------------------------------------------------------------------------------------- a minute */

static struct draft *add_draft(struct sky_world *world)
{
    if (world->drafts_count == world->drafts_capacity) {
        uint32_t capacity = world->drafts_capacity ? 2 * world->drafts_capacity : 4096;
        struct draft *drafts = realloc(world->drafts, capacity * sizeof *drafts);
        if (!drafts)
            return NULL;
        world->drafts = drafts;
        world->drafts_capacity = capacity;
    }
    struct draft *draft = &world->drafts[world->drafts_count++];
    *draft = (struct draft){.mention = NO_MENTION};
    return draft;
}

static bool takes_words(const struct sky_plan_mention *mention)
{
    return mention->kind == SKY_PLAN_BURST || mention->kind == SKY_PLAN_THREAD;
}

static uint32_t count_takers(const struct sky_world *world, uint32_t language)
{
    uint32_t takers = 0;
    for (uint32_t i = 0; i < world->minute->count; i++) {
        const struct sky_plan_mention *mention = &world->minute->mentions[i];
        if (world->lexicon.words[mention->word].language == language && takes_words(mention))
            takers += mention->count;
    }
    return takers;
}

struct deal {
    uint32_t language;
    uint32_t next; /* token */
    uint32_t left;
    uint32_t beside_max; /* ordinary words beside a mention */
};

static uint32_t take(struct deal *deal, struct draft *draft, uint32_t count)
{
    count = count < deal->left ? count : deal->left;
    draft->words_from = deal->next;
    draft->words_count = (uint8_t)count;
    draft->language = (uint8_t)deal->language;
    deal->next += count;
    deal->left -= count;
    return count;
}

static bool deal_mentions(struct sky_world *world, struct deal *deal)
{
    for (uint32_t i = 0; i < world->minute->count; i++) {
        const struct sky_plan_mention *mention = &world->minute->mentions[i];
        if (world->lexicon.words[mention->word].language != deal->language)
            continue;
        for (uint32_t j = 0; j < mention->count; j++) {
            struct draft *draft = add_draft(world);
            if (!draft)
                return false;
            draft->mention = i;
            draft->ordinal = j;
            take(deal, draft, takes_words(mention) ? sky_random_between(&world->random, 0, deal->beside_max) : 0);
        }
    }
    return true;
}

static bool deal_rest(struct sky_world *world, struct deal *deal)
{
    while (deal->left) {
        struct draft *draft = add_draft(world);
        if (!draft)
            return false;
        uint32_t count = sky_random_between(&world->random, WORDS_PER_POST_MIN, WORDS_PER_POST_MAX);
        draft->follows_up = sky_random_chance(&world->random, FOLLOW_UP_SHARE);
        take(deal, draft, draft->follows_up ? (count + 1) / 2 : count);
    }
    return true;
}

static void shuffle(struct sky_world *world)
{
    for (uint32_t i = world->drafts_count; i > 1; i--) {
        uint32_t j = sky_random_below(&world->random, i);
        struct draft draft = world->drafts[j];
        world->drafts[j] = world->drafts[i - 1];
        world->drafts[i - 1] = draft;
    }
}

static void activity(const struct sky_world *world, double factors[SKY_SIM_LANGUAGES])
{
    int64_t of_day = (world->options.start_ms / SKY_MINUTE_MS + world->minutes) % 1440;
    for (int l = 0; l < SKY_SIM_LANGUAGES; l++) {
        const struct sky_sim_language *language = sky_sim_languages[l];
        double wave = sky_random_wave((double)of_day / 1440 - language->phase);
        factors[l] = (1 + language->amplitude * wave) * world->minute->volume[l];
    }
}

static enum sky_status deal_minute(struct sky_world *world)
{
    double factors[SKY_SIM_LANGUAGES];
    if (world->minutes && world->minutes % 5 == 0)
        sky_vocabulary_drift(&world->vocabulary);
    activity(world, factors);
    if (sky_vocabulary_draw(&world->vocabulary, factors) != SKY_OK)
        return SKY_E_MEMORY;
    world->drafts_count = world->drafts_next = 0;
    for (uint32_t l = 0; l < SKY_SIM_LANGUAGES; l++) {
        struct deal deal = {.language = l, .left = world->vocabulary.tokens[l].count};
        uint32_t fair = 2 * deal.left / (count_takers(world, l) + 1);
        deal.beside_max = fair < WORDS_PER_POST_MAX ? fair : WORDS_PER_POST_MAX;
        if (!deal_mentions(world, &deal) || !deal_rest(world, &deal))
            return SKY_E_MEMORY;
    }
    shuffle(world);
    return SKY_OK;
}

static enum sky_status begin_minute(struct sky_world *world)
{
    if (world->options.hours && world->minutes == world->options.hours * 60)
        return SKY_E_END;
    if (world->minutes)
        sky_plan_close_minute(&world->plan, world->minutes - 1);
    enum sky_status status = sky_plan_open_minute(&world->plan, world->minutes, &world->minute);
    if (status == SKY_OK)
        status = deal_minute(world);
    world->minutes++;
    return status;
}

/* -------------------------------------------------------------------------------------------- a post */

static uint32_t account(const struct sky_world *world, uint64_t seed, uint64_t serial)
{
    return (uint32_t)(sky_random_mix(sky_random_mix(seed) + serial) % world->population.size);
}

static uint32_t mention_author(struct sky_world *world, const struct sky_plan_mention *mention, uint32_t ordinal)
{
    if (mention->kind != SKY_PLAN_BURST)
        return account(world, mention->seed, (mention->first + ordinal) % mention->authors);
    if (ordinal < mention->fresh)
        return account(world, mention->seed, mention->first + ordinal);
    uint32_t known = mention->first + mention->fresh;
    uint32_t back = sky_random_below(&world->random, known < REPEAT_AUTHORS ? known + 1 : REPEAT_AUTHORS);
    return account(world, mention->seed, known > back ? known - 1 - back : 0);
}

static void add_word(struct sky_composer_words *words, uint32_t word)
{
    for (uint32_t i = 0; i < words->count; i++)
        if (words->items[i] == word)
            return;
    if (words->count < SKY_COMPOSER_WORDS_MAX)
        words->items[words->count++] = word;
}

static void add_mention_words(struct sky_world *world, const struct sky_plan_mention *mention)
{
    add_word(&world->words, mention->word);
    for (uint32_t i = 0; i < mention->companions_count; i++)
        if (mention->kind != SKY_PLAN_BURST || sky_random_below(&world->random, 100) < mention->companion_percent)
            add_word(&world->words, mention->companions[i]);
}

static void reply_to(struct sky_world *world, const struct recent *parent)
{
    memcpy(world->reply_to, parent->uri, parent->uri_len);
    world->reply_to_len = parent->uri_len;
}

/* The newest post of the thread, if it is not forgotten. */
static const struct recent *find_thread(const struct recent_ring *ring, uint64_t thread)
{
    for (uint32_t i = 1; i <= RECENT_POSTS && i <= ring->count; i++) {
        const struct recent *post = &ring->posts[(ring->count - i) % RECENT_POSTS];
        if (post->thread == thread)
            return post;
    }
    return NULL;
}

/* The keyword stands anywhere among the ordinary words. */
static void mix_words(struct sky_world *world)
{
    struct sky_composer_words *words = &world->words;
    for (uint32_t i = words->count; i > 1; i--) {
        uint32_t j = sky_random_below(&world->random, i), word = words->items[j];
        words->items[j] = words->items[i - 1];
        words->items[i - 1] = word;
    }
}

static void write_mention(struct sky_world *world, const struct sky_plan_mention *mention, uint32_t ordinal)
{
    world->author = mention_author(world, mention, ordinal);
    add_mention_words(world, mention);
    if (mention->kind == SKY_PLAN_BOT) {
        sky_composer_write_reading(&world->lexicon, mention->word, &world->random, &world->text);
        return;
    }
    if (!takes_words(mention)) {
        struct sky_random same; /* every copy is written with the same dice */
        sky_random_seed(&same, mention->seed, 4);
        sky_composer_write(&world->lexicon, &world->words, &same, &world->text);
        return;
    }
    const struct recent *parent =
        mention->kind == SKY_PLAN_THREAD ? find_thread(&world->recent[world->words.language], mention->seed) : NULL;
    if (parent)
        reply_to(world, parent);
    mix_words(world);
    sky_composer_write(&world->lexicon, &world->words, &world->random, &world->text);
}

static void write_ordinary(struct sky_world *world, const struct draft *draft)
{
    const struct recent_ring *ring = &world->recent[draft->language];
    uint32_t known = ring->count < RECENT_POSTS ? ring->count : RECENT_POSTS;
    const struct recent *parent = known ? &ring->posts[sky_random_below(&world->random, known)] : NULL;
    world->author = sky_population_draw(&world->population, &world->random);
    if (draft->follows_up && parent) {
        world->author = parent->author;
        for (uint32_t i = 0; i < parent->words_count; i += 2)
            add_word(&world->words, parent->words[i]);
    }
    if (parent && (draft->follows_up || sky_random_chance(&world->random, REPLY_SHARE)))
        reply_to(world, parent);
    sky_composer_write(&world->lexicon, &world->words, &world->random, &world->text);
    if (sky_random_chance(&world->random, LINK_SHARE))
        sky_composer_add_link(&world->text, &world->random);
}

/* Events' posts are not gone on from: that would add mentions the truth does not know. */
static void remember(struct sky_world *world, const struct draft *draft, struct sky_span uri)
{
    const struct sky_plan_mention *mention =
        draft->mention == NO_MENTION ? NULL : &world->minute->mentions[draft->mention];
    if (mention && mention->kind != SKY_PLAN_THREAD)
        return;
    struct recent_ring *ring = &world->recent[draft->language];
    struct recent *post = &ring->posts[ring->count++ % RECENT_POSTS];
    memcpy(post->uri, uri.ptr, uri.len);
    post->uri_len = (uint8_t)uri.len;
    post->thread = mention ? mention->seed : 0;
    post->author = world->author;
    post->words_count = mention ? 0 : (uint8_t)world->words.count;
    memcpy(post->words, world->words.items, post->words_count * sizeof post->words[0]);
}

static void set_time(struct sky_world *world, struct sky_post *post)
{
    int64_t minute = world->options.start_ms + (int64_t)(world->minutes - 1) * SKY_MINUTE_MS;
    double place = (world->drafts_next - 1 + sky_random_unit(&world->random)) / world->drafts_count;
    int64_t now = minute + (int64_t)(place * (double)SKY_MINUTE_MS);
    post->observed_at_ms = now;
    if (sky_random_chance(&world->random, BACKWARDS_SHARE))
        post->observed_at_ms -= sky_random_below(&world->random, BACKWARDS_MS_MAX);
    if (post->observed_at_ms > world->event_time_ms)
        world->event_time_ms = post->observed_at_ms;
    post->event_time_ms = world->event_time_ms;
    post->created_at_ms = post->observed_at_ms - sky_random_below(&world->random, 3000);
    post->has_created_at = true;
}

static void set_ids(struct sky_world *world, struct sky_post *post)
{
    static const char collection[] = "/app.bsky.feed.post/";
    char *at = world->uri;
    memcpy(at, "at://", 5);
    sky_population_did(&world->population, world->author, at + 5);
    post->author_did = sky_span_of(at + 5, SKY_POPULATION_DID_LEN);
    at += 5 + SKY_POPULATION_DID_LEN;
    memcpy(at, collection, sizeof collection - 1);
    at += sizeof collection - 1;
    int64_t below_ms = (int64_t)(world->posts % 1000); /* so that no account writes two posts in a microsecond */
    sky_population_tid(post->created_at_ms * 1000 + below_ms, world->author, at);
    post->rkey = sky_span_of(at, SKY_POPULATION_TID_LEN);
    post->uri = sky_span_of(world->uri, (size_t)(at - world->uri) + SKY_POPULATION_TID_LEN);
    sky_population_tid(post->observed_at_ms * 1000 + below_ms, world->author, world->rev);
    post->rev = sky_span_of(world->rev, SKY_POPULATION_TID_LEN);
    post->seq = (int64_t)++world->posts;
    post->reply_to = sky_span_of(world->reply_to, world->reply_to_len);
}

static void set_language(struct sky_world *world, uint32_t language, struct sky_post *post)
{
    const char *code = sky_sim_languages[language]->code;
    bool latin = sky_sim_languages[language] != &sky_sim_japanese;
    if (sky_random_chance(&world->random, NO_TAG_SHARE))
        return;
    if (latin && sky_random_chance(&world->random, WRONG_TAG_SHARE))
        code = "en";
    world->langs[0] = sky_span_from_string(code);
    post->language = world->langs[0];
    post->langs = world->langs;
    post->langs_count = 1;
}

static void set_text(struct sky_world *world, struct sky_post *post)
{
    const struct sky_composer_text *text = &world->text;
    post->text = sky_span_of(text->bytes, text->len);
    for (uint32_t i = 0; i < text->tags_count; i++)
        world->tags[i] =
            sky_span_of(text->bytes + text->tags[i].start + 1, (size_t)(text->tags[i].end - text->tags[i].start - 1));
    post->hashtags = world->tags;
    post->hashtags_count = text->tags_count;
}

static void write_post(struct sky_world *world, const struct draft *draft, struct sky_post *post)
{
    const uint32_t *tokens = world->vocabulary.tokens[draft->language].words + draft->words_from;
    world->words.count = 0;
    world->words.language = draft->language;
    world->reply_to_len = 0;
    for (uint32_t i = 0; i < draft->words_count; i++)
        add_word(&world->words, tokens[i]);
    if (draft->mention != NO_MENTION)
        write_mention(world, &world->minute->mentions[draft->mention], draft->ordinal);
    else
        write_ordinary(world, draft);
    *post = (struct sky_post){.op = SKY_POST_CREATE};
    set_time(world, post);
    set_ids(world, post);
    set_language(world, draft->language, post);
    set_text(world, post);
    remember(world, draft, post->uri);
}

enum sky_status sky_world_next(struct sky_world *world, struct sky_post *post)
{
    while (world->drafts_next == world->drafts_count) {
        enum sky_status status = begin_minute(world);
        if (status != SKY_OK)
            return status;
    }
    const struct draft *draft = &world->drafts[world->drafts_next++];
    write_post(world, draft, post);
    return SKY_OK;
}

/* -------------------------------------------------------------------------------------------- truth */

const struct sky_world_event *sky_world_events(const struct sky_world *world, size_t *count)
{
    *count = world->plan.events_count;
    return world->plan.events;
}

struct sky_span sky_world_daily_keyword(const struct sky_world *world, uint32_t i)
{
    return sky_lexicon_normalized(&world->lexicon, sky_plan_daily_word(i));
}

const struct sky_composer_text *sky_world_text(const struct sky_world *world)
{
    return &world->text;
}

const struct sky_population *sky_world_population(const struct sky_world *world)
{
    return &world->population;
}
