/* vocabulary.h: how often each word is said, minute by minute, when nothing happens.
 *
 * Memory   owned by the vocabulary; the tokens of a minute live until the next one is drawn.
 * Word `w` is the one of rank w by frequency; its mean is Zipf-Mandelbrot's, its level drifts (Ornstein-Uhlenbeck on
 * the logarithm, 3 h), and a frequent word is clumpy: each minute's rate is multiplied by a gamma variate. */
#ifndef SKY_SIM_VOCABULARY_H
#define SKY_SIM_VOCABULARY_H

#include "base/status.h"
#include "sim/language.h"
#include "sim/random.h"

#define SKY_VOCABULARY_KNOWN 200000 /* words that are said anyway */
#define SKY_VOCABULARY_NEW   3000   /* words nobody says before their event */
#define SKY_VOCABULARY_WORDS (SKY_VOCABULARY_KNOWN + SKY_VOCABULARY_NEW)

struct sky_vocabulary_tokens {
    uint32_t *words; /* in random order */
    uint32_t count;
    uint32_t capacity;
};

struct sky_vocabulary_light {
    uint32_t *words;
    double *levels;
    struct sky_random_alias alias;
    double sum;
};

struct sky_vocabulary {
    struct sky_random random;
    uint8_t *languages; /* of each word */
    double *rates;      /* mentions a minute on average */
    double *levels;     /* with the drift of now */
    float *drift;       /* logarithm */
    float *drift_sd;
    float *shapes; /* of the gamma, a minute */
    uint32_t *scratch;
    uint32_t clumpy_count; /* words 0 .. clumpy_count - 1 are drawn one by one, the others from their sum */
    struct sky_vocabulary_light light[SKY_SIM_LANGUAGES];
    struct sky_vocabulary_tokens tokens[SKY_SIM_LANGUAGES]; /* of the minute drawn last */
};

struct sky_vocabulary_options {
    uint64_t seed;
    double tokens_per_minute;
    bool harsh; /* drift 1.6 x, half the clump shape */
};

SKY_MUST_USE enum sky_status sky_vocabulary_init(struct sky_vocabulary *vocabulary,
                                                 const struct sky_vocabulary_options *options);
void sky_vocabulary_clean_up(struct sky_vocabulary *vocabulary);

/* Five minutes of drift. */
void sky_vocabulary_drift(struct sky_vocabulary *vocabulary);

/* The tokens of a minute in which each language is `factors` times as busy as on average. SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_vocabulary_draw(struct sky_vocabulary *vocabulary,
                                                 const double factors[SKY_SIM_LANGUAGES]);

#endif
