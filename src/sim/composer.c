#include "sim/composer.h"

#include <stdio.h>
#include <string.h>

static void put(struct sky_composer_text *text, const void *bytes, size_t len)
{
    if (len <= sizeof text->bytes - text->len) {
        memcpy(text->bytes + text->len, bytes, len);
        text->len = (uint16_t)(text->len + len);
    }
}

static void put_string(struct sky_composer_text *text, const char *string)
{
    put(text, string, strlen(string));
}

static void put_word(struct sky_composer_text *text, const struct sky_lexicon *lexicon, uint32_t word)
{
    put(text, lexicon->words[word].surface, lexicon->words[word].len);
}

/* One sentence with the first words of `words`; how many it took. */
static uint32_t put_sentence(struct sky_composer_text *text, const struct sky_lexicon *lexicon, const uint32_t *words,
                             uint32_t count, struct sky_random *random)
{
    const struct sky_sim_language *language = sky_sim_languages[lexicon->words[words[0]].language];
    uint32_t slots = sky_random_between(random, 1, count < SKY_SIM_SLOTS_MAX ? count : SKY_SIM_SLOTS_MAX);
    const struct sky_sim_strings *patterns = &language->patterns[slots - 1];
    const char *pattern = patterns->items[sky_random_below(random, patterns->count)];
    for (uint32_t i = 0; i < slots && i < count; i++) {
        const char *slot = strchr(pattern, '%');
        put(text, pattern, (size_t)(slot - pattern));
        put_word(text, lexicon, words[i]);
        pattern = slot + 1;
    }
    put_string(text, pattern);
    return slots;
}

static void put_tag(struct sky_composer_text *text, const struct sky_lexicon *lexicon, uint32_t word)
{
    if (text->tags_count == SKY_COMPOSER_TAGS_MAX)
        return;
    if (text->len)
        put(text, " ", 1);
    struct sky_composer_range *tag = &text->tags[text->tags_count++];
    tag->start = text->len;
    put_word(text, lexicon, word);
    tag->end = text->len;
}

void sky_composer_write(const struct sky_lexicon *lexicon, const struct sky_composer_words *words,
                        struct sky_random *random, struct sky_composer_text *text)
{
    uint32_t plain[SKY_COMPOSER_WORDS_MAX], tags[SKY_COMPOSER_WORDS_MAX], plain_count = 0, tags_count = 0;
    text->len = text->tags_count = 0;
    text->link = (struct sky_composer_range){0};
    for (uint32_t i = 0; i < words->count; i++)
        if (lexicon->words[words->items[i]].is_hashtag)
            tags[tags_count++] = words->items[i];
        else
            plain[plain_count++] = words->items[i];
    for (uint32_t done = 0; done < plain_count;) {
        if (done)
            put_string(text, sky_sim_languages[words->language]->separator);
        done += put_sentence(text, lexicon, plain + done, plain_count - done, random);
    }
    for (uint32_t i = 0; i < tags_count; i++)
        put_tag(text, lexicon, tags[i]);
}

void sky_composer_write_reading(const struct sky_lexicon *lexicon, uint32_t word, struct sky_random *random,
                                struct sky_composer_text *text)
{
    char numbers[64];
    text->len = text->tags_count = 0;
    text->link = (struct sky_composer_range){0};
    if (lexicon->words[word].is_hashtag)
        put_tag(text, lexicon, word);
    else
        put_word(text, lexicon, word);
    uint32_t degrees = sky_random_below(random, 300), percent = sky_random_below(random, 100);
    uint32_t pressure = sky_random_between(random, 980, 1039);
    int len = snprintf(numbers, sizeof numbers, " : %u.%u / %u / %u", degrees / 10, degrees % 10, percent, pressure);
    put(text, numbers, (size_t)len);
}

void sky_composer_add_link(struct sky_composer_text *text, struct sky_random *random)
{
    static const char *const emoji[] = {" \xf0\x9f\x98\x82", " \xf0\x9f\x94\xa5", " \xe2\x9d\xa4\xef\xb8\x8f"};
    char link[48];
    if (sky_random_chance(random, 0.3))
        put_string(text, emoji[sky_random_below(random, 3)]);
    int len = snprintf(link, sizeof link, "https://example.com/%08x", (unsigned)sky_random_u64(random));
    put(text, " ", 1);
    text->link.start = text->len;
    put(text, link, (size_t)len);
    text->link.end = text->len;
}
