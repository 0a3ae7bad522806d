#include "sim/lexicon.h"

#include <stdlib.h>

#include "base/hash.h"

#define WORD_BYTES_MAX     64
#define HASHTAG_EVERY      16
#define HASHTAG_AT         7
#define PERMUTATION_FACTOR UINT64_C(2654435761) /* a prime above every product of part counts */

const struct sky_sim_language *const sky_sim_languages[SKY_SIM_LANGUAGES] = {&sky_sim_english, &sky_sim_japanese,
                                                                             &sky_sim_portuguese, &sky_sim_german};

/* Open addressing over the ids of the normalised forms given out; 0 is free. */
struct seen {
    uint64_t *ids;
    uint64_t mask;
};

struct builder {
    struct sky_lexicon *lexicon;
    struct seen seen;
    uint64_t next[SKY_SIM_LANGUAGES]; /* candidates taken of each language */
};

static bool seen_add(struct seen *seen, struct sky_span form)
{
    uint64_t id = sky_hash_id(form) | 1;
    for (uint64_t slot = id & seen->mask;; slot = (slot + 1) & seen->mask) {
        if (seen->ids[slot] == id)
            return false;
        if (!seen->ids[slot]) {
            seen->ids[slot] = id;
            return true;
        }
    }
}

static uint64_t made_up_count(const struct sky_sim_language *language)
{
    uint64_t count = 1;
    for (int i = 0; i < SKY_SIM_WORD_PARTS_MAX && language->parts[i].count; i++)
        count *= language->parts[i].count;
    return count;
}

/* Candidate `index` of the language: 0 when there are no more, else its length. Neighbouring indices are spread over
 * all combinations by a multiplication, so that words close in frequency do not look alike. */
static size_t write_candidate(const struct sky_sim_language *language, uint64_t index, char out[WORD_BYTES_MAX])
{
    size_t len = 0;
    if (index < language->words.count) {
        len = strlen(language->words.items[index]);
        memcpy(out, language->words.items[index], len);
        return len;
    }
    index -= language->words.count;
    uint64_t total = made_up_count(language), rest = index * PERMUTATION_FACTOR % total;
    if (index >= total)
        return 0;
    if (index % HASHTAG_EVERY == HASHTAG_AT)
        out[len++] = '#';
    for (int i = 0; i < SKY_SIM_WORD_PARTS_MAX && language->parts[i].count; i++) {
        const char *part = language->parts[i].items[rest % language->parts[i].count];
        rest /= language->parts[i].count;
        memcpy(out + len, part, strlen(part));
        len += strlen(part);
    }
    return len;
}

/* Only ASCII has capitals in the lists. */
static bool lower_case(const char *surface, size_t len, char *out)
{
    bool changed = false;
    for (size_t i = 0; i < len; i++) {
        bool capital = surface[i] >= 'A' && surface[i] <= 'Z';
        out[i] = (char)(capital ? surface[i] + 32 : surface[i]);
        changed |= capital;
    }
    return changed;
}

static enum sky_status add_word(struct builder *builder, uint8_t language, struct sky_lexicon_word *word)
{
    char surface[WORD_BYTES_MAX], normalized[WORD_BYTES_MAX];
    size_t len;
    bool changed;
    do {
        len = write_candidate(sky_sim_languages[language], builder->next[language]++, surface);
        if (!len)
            return SKY_E_LIMIT;
        changed = lower_case(surface, len, normalized);
    } while (!seen_add(&builder->seen, sky_span_of(normalized, len)));
    struct sky_span kept = sky_arena_copy(&builder->lexicon->arena, sky_span_of(surface, len));
    struct sky_span folded = changed ? sky_arena_copy(&builder->lexicon->arena, sky_span_of(normalized, len)) : kept;
    if (!kept.ptr || !folded.ptr)
        return SKY_E_MEMORY;
    *word = (struct sky_lexicon_word){kept.ptr, folded.ptr, (uint8_t)len, language, surface[0] == '#'};
    return SKY_OK;
}

enum sky_status sky_lexicon_init(struct sky_lexicon *lexicon, const uint8_t *languages, uint32_t count)
{
    struct builder builder = {.lexicon = lexicon};
    uint64_t slots = 64;
    while (slots < 2 * (uint64_t)count)
        slots *= 2;
    *lexicon = (struct sky_lexicon){.count = count};
    lexicon->words = malloc(count * sizeof *lexicon->words);
    builder.seen = (struct seen){calloc(slots, sizeof(uint64_t)), slots - 1};
    enum sky_status status = lexicon->words && builder.seen.ids ? SKY_OK : SKY_E_MEMORY;
    for (uint32_t i = 0; i < count && status == SKY_OK; i++)
        status = add_word(&builder, languages[i], &lexicon->words[i]);
    free(builder.seen.ids);
    if (status != SKY_OK)
        sky_lexicon_clean_up(lexicon);
    return status;
}

void sky_lexicon_clean_up(struct sky_lexicon *lexicon)
{
    sky_arena_clean_up(&lexicon->arena);
    free(lexicon->words);
    *lexicon = (struct sky_lexicon){0};
}
