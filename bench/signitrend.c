/* Mean m and second moment s of each word are averages with weight a on the newest minute: m <- (1-a) m + a x, and
 * likewise s with x^2, so the variance is s - m^2. A minute without the word multiplies both by 1-a; the product of
 * those factors up to now is kept once, and a word's own values are brought up to date when it is seen. The weight is
 * larger at first, so that the start is an average of what was seen. */
#include "signitrend.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "window/sliding.h"

#define WINDOW_MINUTES    10
#define HALF_LIFE_MINUTES 360.0
#define BIAS              3.0
#define Z_MIN             3.0
#define GROWTH_MIN        1.0
#define FREQUENCY_MIN     10
#define FIRST_MINUTE      15 /* after the start */

struct word {
    uint64_t id; /* 0: free */
    double mean;
    double square;
    double decayed; /* log of the decay product when they were right */
};

struct signitrend {
    struct sky_text *text;
    struct sky_sliding *window;
    struct word *words;
    uint64_t mask;
    uint64_t count;
    double decay; /* log of the product of 1 - a */
    double weight;
    double reference; /* volume */
    int64_t first_minute;
    struct sky_keyword kept[SKY_KEYWORDS_MAX];
};

struct signitrend *signitrend_new(void)
{
    struct signitrend *detector = calloc(1, sizeof *detector);
    const struct sky_text_options text = {.keep_labelled = true};
    const struct sky_sliding_options window = {.window_minutes = WINDOW_MINUTES, .languages = 1};
    const char *reason;
    if (!detector)
        return NULL;
    detector->mask = (1u << 16) - 1;
    detector->words = calloc(detector->mask + 1, sizeof *detector->words);
    detector->window = sky_sliding_new(&window);
    if (!detector->words || !detector->window || sky_text_new(&text, &detector->text, &reason) != SKY_OK) {
        signitrend_free(detector);
        return NULL;
    }
    return detector;
}

void signitrend_free(struct signitrend *detector)
{
    if (!detector)
        return;
    sky_text_free(detector->text);
    sky_sliding_free(detector->window);
    free(detector->words);
    free(detector);
}

bool signitrend_post(struct signitrend *detector, const struct sky_post *given)
{
    struct sky_keyword_list all, kept = {.items = detector->kept};
    struct sky_post post = *given;
    int64_t minute = post.event_time_ms / 60000;
    if (!sky_sliding_is_started(detector->window)) {
        sky_sliding_start(detector->window, minute);
        detector->first_minute = minute;
    }
    post.language = sky_text_language(detector->text, &post);
    if (sky_text_keywords(detector->text, &post, &all) != SKY_OK)
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (all.items[i].kind != SKY_KEYWORD_PHRASE)
            detector->kept[kept.count++] = all.items[i];
    struct sky_sliding_post counted = {.author_id = sky_hash_id(post.author_did), .post_id = sky_hash_id(post.uri)};
    return sky_sliding_add(detector->window, minute, &counted, &kept) != SKY_E_MEMORY;
}

static struct word *find(struct word *words, uint64_t mask, uint64_t id)
{
    uint64_t slot = id & mask;
    while (words[slot].id && words[slot].id != id)
        slot = (slot + 1) & mask;
    return &words[slot];
}

static bool grow(struct signitrend *detector)
{
    uint64_t mask = 2 * detector->mask + 1;
    struct word *words = calloc(mask + 1, sizeof *words);
    if (!words)
        return false;
    for (uint64_t i = 0; i <= detector->mask; i++)
        if (detector->words[i].id)
            *find(words, mask, detector->words[i].id) = detector->words[i];
    free(detector->words);
    detector->words = words;
    detector->mask = mask;
    return true;
}

static struct word *word_of(struct signitrend *detector, uint64_t id)
{
    if (2 * detector->count > detector->mask && !grow(detector))
        return NULL;
    struct word *word = find(detector->words, detector->mask, id | 1);
    if (!word->id) {
        *word = (struct word){.id = id | 1, .decayed = detector->decay};
        detector->count++;
    }
    double factor = exp(detector->decay - word->decayed);
    word->mean *= factor;
    word->square *= factor;
    word->decayed = detector->decay;
    return word;
}

static bool is_trending(const struct word *word, double x)
{
    double deviation = sqrt(fmax(0, word->square - word->mean * word->mean));
    double z = (x - fmax(word->mean, BIAS)) / (deviation + BIAS);
    return z >= Z_MIN && (x - word->mean) / fmax(word->mean, 1) >= GROWTH_MIN;
}

/* The weight of this minute: the average of what was seen, until that is the long average's. */
static double next_weight(struct signitrend *detector)
{
    double weight = 1 - exp2(-1 / HALF_LIFE_MINUTES);
    if (detector->weight < 1) {
        double more = (1 - detector->weight) * weight;
        weight = detector->weight > 0 ? weight / (detector->weight * (1 - weight) + weight) : 1;
        detector->weight += more;
    }
    return weight;
}

bool signitrend_close(struct signitrend *detector, int64_t minute, signitrend_fn on_trend, void *context)
{
    struct sky_sliding *window = detector->window;
    if (!sky_sliding_is_started(window))
        return true;
    while (sky_sliding_open_minute(window) <= minute)
        if (sky_sliding_close(window) != SKY_OK)
            return false;
    double volume = fmax(1, (double)sky_sliding_volume(window, 0));
    if (detector->reference <= 0)
        detector->reference = volume;
    detector->reference += 0.001 * (volume - detector->reference);
    double weight = next_weight(detector), scale = detector->reference / volume;
    double step = weight < 1 ? log1p(-weight) : -700;
    struct sky_sliding_row row;
    for (uint32_t cursor = 0; sky_sliding_next(window, &cursor, &row);) {
        struct word *word = word_of(detector, row.id);
        if (!word)
            return false;
        double x = row.count * scale;
        if (minute - detector->first_minute >= FIRST_MINUTE && row.count >= FREQUENCY_MIN && is_trending(word, x))
            on_trend(context, row.keyword, row.id);
        word->mean = (1 - weight) * word->mean + weight * x;
        word->square = weight < 1 ? (1 - weight) * word->square + weight * x * x : 2 * x * x;
        word->decayed = detector->decay + step;
    }
    detector->decay += step;
    return true;
}
