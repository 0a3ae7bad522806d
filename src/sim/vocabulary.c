#include "sim/vocabulary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ZIPF_EXPONENT      1.05
#define ZIPF_SHIFT         30.0
#define CLUMPY_RATE_MIN    0.1 /* a minute; below it the clumps are lost in the Poisson noise */
#define DRIFT_STEP_MINUTES 5.0
#define DRIFT_TIME_MINUTES 180.0

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static void draw_traits(struct sky_vocabulary *v, bool harsh)
{
    static const double shares[SKY_SIM_LANGUAGES] = {0.5, 0.7, 0.9, 1.0}; /* cumulated, in the order of lexicon.h */
    for (uint32_t w = 0; w < SKY_VOCABULARY_WORDS; w++) {
        double unit = sky_random_unit(&v->random);
        v->languages[w] = 0;
        while (unit >= shares[v->languages[w]])
            v->languages[w]++;
        double shape = clamp(sky_random_lognormal(&v->random, 4, 0.6), 1, 30);
        double sd = clamp(sky_random_lognormal(&v->random, 0.22, 0.5), 0.08, 0.8);
        v->shapes[w] = (float)(harsh ? clamp(shape * 0.5, 0.7, 20) : shape);
        v->drift_sd[w] = (float)(harsh ? clamp(sd * 1.6, 0.1, 1.0) : sd);
        v->drift[w] = (float)((double)v->drift_sd[w] * sky_random_normal(&v->random));
    }
}

static void set_rates(struct sky_vocabulary *v, double tokens_per_minute)
{
    double sum = 0;
    for (uint32_t w = 0; w < SKY_VOCABULARY_KNOWN; w++)
        sum += v->rates[w] = sky_random_power(w + ZIPF_SHIFT, -ZIPF_EXPONENT);
    for (uint32_t w = 0; w < SKY_VOCABULARY_KNOWN; w++) {
        v->rates[w] *= tokens_per_minute / sum;
        if (v->rates[w] >= CLUMPY_RATE_MIN)
            v->clumpy_count = w + 1;
    }
    for (uint32_t w = SKY_VOCABULARY_KNOWN; w < SKY_VOCABULARY_WORDS; w++)
        v->rates[w] = 0;
}

static void set_levels(struct sky_vocabulary *v)
{
    for (uint32_t w = 0; w < SKY_VOCABULARY_KNOWN; w++) {
        double sd = (double)v->drift_sd[w];
        v->levels[w] = v->rates[w] * sky_random_exp((double)v->drift[w] - sd * sd / 2);
    }
    for (uint32_t l = 0; l < SKY_SIM_LANGUAGES; l++) {
        struct sky_vocabulary_light *light = &v->light[l];
        light->sum = 0;
        for (uint32_t i = 0; i < light->alias.count; i++)
            light->sum += light->levels[i] = v->levels[light->words[i]];
        sky_random_alias_build(&light->alias, light->levels, v->scratch);
    }
}

static bool collect_light(struct sky_vocabulary *v)
{
    for (uint32_t w = v->clumpy_count; w < SKY_VOCABULARY_KNOWN; w++)
        v->light[v->languages[w]].alias.count++;
    for (uint32_t l = 0; l < SKY_SIM_LANGUAGES; l++) {
        struct sky_vocabulary_light *light = &v->light[l];
        light->words = malloc((light->alias.count + 1) * sizeof *light->words);
        light->levels = malloc((light->alias.count + 1) * sizeof *light->levels);
        light->alias.slots = malloc((light->alias.count + 1) * sizeof *light->alias.slots);
        if (!light->words || !light->levels || !light->alias.slots)
            return false;
        light->alias.count = 0;
    }
    for (uint32_t w = v->clumpy_count; w < SKY_VOCABULARY_KNOWN; w++) {
        struct sky_vocabulary_light *light = &v->light[v->languages[w]];
        light->words[light->alias.count++] = w;
    }
    return true;
}

enum sky_status sky_vocabulary_init(struct sky_vocabulary *v, const struct sky_vocabulary_options *options)
{
    *v = (struct sky_vocabulary){0};
    sky_random_seed(&v->random, options->seed, 1);
    v->languages = malloc(SKY_VOCABULARY_WORDS);
    v->rates = malloc(SKY_VOCABULARY_WORDS * sizeof *v->rates);
    v->levels = malloc(SKY_VOCABULARY_WORDS * sizeof *v->levels);
    v->drift = malloc(SKY_VOCABULARY_WORDS * sizeof *v->drift);
    v->drift_sd = malloc(SKY_VOCABULARY_WORDS * sizeof *v->drift_sd);
    v->shapes = malloc(SKY_VOCABULARY_WORDS * sizeof *v->shapes);
    v->scratch = malloc(SKY_VOCABULARY_WORDS * sizeof *v->scratch);
    if (!v->languages || !v->rates || !v->levels || !v->drift || !v->drift_sd || !v->shapes || !v->scratch) {
        sky_vocabulary_clean_up(v);
        return SKY_E_MEMORY;
    }
    draw_traits(v, options->harsh);
    set_rates(v, options->tokens_per_minute);
    if (!collect_light(v)) {
        sky_vocabulary_clean_up(v);
        return SKY_E_MEMORY;
    }
    set_levels(v);
    return SKY_OK;
}

void sky_vocabulary_clean_up(struct sky_vocabulary *v)
{
    for (uint32_t l = 0; l < SKY_SIM_LANGUAGES; l++) {
        free(v->light[l].words);
        free(v->light[l].levels);
        free(v->light[l].alias.slots);
        free(v->tokens[l].words);
    }
    free(v->languages);
    free(v->rates);
    free(v->levels);
    free(v->drift);
    free(v->drift_sd);
    free(v->shapes);
    free(v->scratch);
    *v = (struct sky_vocabulary){0};
}

void sky_vocabulary_drift(struct sky_vocabulary *v)
{
    double keep = sky_random_exp(-DRIFT_STEP_MINUTES / DRIFT_TIME_MINUTES), fresh = sqrt(1 - keep * keep);
    for (uint32_t w = 0; w < SKY_VOCABULARY_KNOWN; w++) {
        double step = fresh * (double)v->drift_sd[w] * sky_random_normal(&v->random);
        v->drift[w] = (float)(keep * (double)v->drift[w] + step);
    }
    set_levels(v);
}

static bool reserve(struct sky_vocabulary_tokens *tokens, uint32_t more)
{
    if (tokens->capacity - tokens->count >= more)
        return true;
    uint32_t capacity = 2 * (tokens->count + more);
    uint32_t *words = realloc(tokens->words, capacity * sizeof *words);
    if (!words)
        return false;
    tokens->words = words;
    tokens->capacity = capacity;
    return true;
}

static bool draw_clumpy(struct sky_vocabulary *v, const double factors[SKY_SIM_LANGUAGES])
{
    for (uint32_t w = 0; w < v->clumpy_count; w++) {
        double shape = (double)v->shapes[w], clump = sky_random_gamma(&v->random, shape) / shape;
        uint32_t language = v->languages[w];
        uint32_t count = sky_random_poisson(&v->random, v->levels[w] * factors[language] * clump);
        struct sky_vocabulary_tokens *tokens = &v->tokens[language];
        if (!reserve(tokens, count))
            return false;
        for (uint32_t i = 0; i < count; i++)
            tokens->words[tokens->count++] = w;
    }
    return true;
}

static void shuffle(struct sky_vocabulary_tokens *tokens, struct sky_random *random)
{
    for (uint32_t i = tokens->count; i > 1; i--) {
        uint32_t j = sky_random_below(random, i), word = tokens->words[j];
        tokens->words[j] = tokens->words[i - 1];
        tokens->words[i - 1] = word;
    }
}

enum sky_status sky_vocabulary_draw(struct sky_vocabulary *v, const double factors[SKY_SIM_LANGUAGES])
{
    for (uint32_t l = 0; l < SKY_SIM_LANGUAGES; l++)
        v->tokens[l].count = 0;
    if (!draw_clumpy(v, factors))
        return SKY_E_MEMORY;
    for (uint32_t l = 0; l < SKY_SIM_LANGUAGES; l++) {
        struct sky_vocabulary_tokens *tokens = &v->tokens[l];
        const struct sky_vocabulary_light *light = &v->light[l];
        uint32_t count = sky_random_poisson(&v->random, light->sum * factors[l]);
        if (!reserve(tokens, count))
            return SKY_E_MEMORY;
        for (uint32_t i = 0; i < count; i++)
            tokens->words[tokens->count++] = light->words[sky_random_alias_draw(&light->alias, &v->random)];
        shuffle(tokens, &v->random);
    }
    return SKY_OK;
}
