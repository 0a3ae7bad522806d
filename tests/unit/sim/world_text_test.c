/* The truth names keywords as the keyword extractor gives them: what is planned is found again in the posts. */
#include "sim/world_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "text/keyword.h"

#define HOURS      3
#define EVENTS_MAX 1024

static struct sky_text *new_text(void)
{
    const struct sky_text_options options = {.keep_labelled = true};
    struct sky_text *text;
    const char *reason;
    assert_int_equal(sky_text_new(&options, &text, &reason), SKY_OK);
    return text;
}

static struct sky_world *new_world(void)
{
    struct sky_world_options options;
    struct sky_world *world;
    sky_world_options_default(&options);
    options.hours = HOURS;
    options.rate = 0.05;
    options.seed = 11;
    options.bursts_per_hour = 30;
    assert_int_equal(sky_world_new(&options, &world), SKY_OK);
    return world;
}

struct tally {
    const struct sky_world_event *events;
    size_t count;
    uint32_t posts[EVENTS_MAX]; /* with the keyword, in the event's language */
};

static void count_keywords(struct tally *tally, const struct sky_keyword_list *list, struct sky_span language,
                           int64_t time_ms)
{
    for (size_t i = 0; i < tally->count; i++) {
        const struct sky_world_event *event = &tally->events[i];
        if (time_ms < event->onset_ms || time_ms > event->end_ms || !sky_span_equal(event->language, language))
            continue;
        for (size_t j = 0; j < list->count; j++)
            tally->posts[i] += sky_span_equal(list->items[j].normalized, event->keyword);
    }
}

static void extracts_what_was_planned(void **state)
{
    static struct tally tally;
    struct sky_text *text = new_text();
    struct sky_world *plan = new_world(), *world = new_world();
    struct sky_post post;
    struct sky_keyword_list list;
    uint32_t checked = 0;
    while (sky_world_next(plan, &post) == SKY_OK)
        ;
    tally.events = sky_world_events(plan, &tally.count);
    assert_true(tally.count <= EVENTS_MAX);
    while (sky_world_next(world, &post) == SKY_OK) {
        post.language = sky_text_language(text, &post);
        assert_int_equal(sky_text_keywords(text, &post, &list), SKY_OK);
        count_keywords(&tally, &list, post.language, post.event_time_ms);
    }
    for (size_t i = 0; i < tally.count; i++) {
        const struct sky_world_event *event = &tally.events[i];
        if (event->kind == SKY_WORLD_SURGE || event->end_ms >= post.event_time_ms)
            continue;
        /* Nine of ten in the event's own language: a short post with a wrong tag may be taken for another. */
        if (tally.posts[i] * 10 < event->mentions * 9)
            print_error("%.*s (%.*s): %u of %u\n", (int)event->keyword.len, (const char *)event->keyword.ptr,
                        (int)event->language.len, (const char *)event->language.ptr, tally.posts[i], event->mentions);
        assert_true(tally.posts[i] * 10 >= event->mentions * 9 || event->kind == SKY_WORLD_BOT);
        checked++;
    }
    assert_true(checked > 100);
    sky_world_free(world);
    sky_world_free(plan);
    sky_text_free(text);
}

static bool is_word_of(const struct sky_lexicon *lexicon, struct sky_span keyword)
{
    for (uint32_t i = 0; i < lexicon->count; i++)
        if (sky_span_equal(sky_lexicon_normalized(lexicon, i), keyword))
            return true;
    return false;
}

/* Function words of the patterns must be stop words: next to all words extracted are the lexicon's. */
static void extracts_little_else(void **state)
{
    struct sky_lexicon lexicon;
    static uint8_t languages[3000];
    struct sky_text *text = new_text();
    struct sky_random random;
    struct sky_keyword_list list;
    uint32_t words = 0, others = 0;
    sky_random_seed(&random, 3, 3);
    for (size_t i = 0; i < sizeof languages; i++)
        languages[i] = (uint8_t)(i % SKY_SIM_LANGUAGES);
    assert_int_equal(sky_lexicon_init(&lexicon, languages, sizeof languages), SKY_OK);
    for (uint32_t i = 0; i < 2000; i++) {
        struct sky_composer_words chosen = {.language = i % SKY_SIM_LANGUAGES};
        static struct sky_composer_text written;
        for (chosen.count = 0; chosen.count < 8; chosen.count++)
            chosen.items[chosen.count] =
                SKY_SIM_LANGUAGES * sky_random_below(&random, sizeof languages / SKY_SIM_LANGUAGES) + chosen.language;
        sky_composer_write(&lexicon, &chosen, &random, &written);
        struct sky_post post = {.text = sky_span_of(written.bytes, written.len)};
        post.language = sky_span_from_string(sky_sim_languages[chosen.language]->code);
        assert_int_equal(sky_text_keywords(text, &post, &list), SKY_OK);
        for (size_t j = 0; j < list.count; j++) {
            if (list.items[j].kind != SKY_KEYWORD_WORD)
                continue;
            bool is_known = is_word_of(&lexicon, list.items[j].normalized);
            if (!is_known && others < 40)
                print_message("%.*s ", (int)list.items[j].normalized.len, (const char *)list.items[j].normalized.ptr);
            words++;
            others += !is_known;
        }
    }
    print_message("%u words, %u others\n", words, others);
    assert_true(words > 10000 && others * 50 < words);
    sky_lexicon_clean_up(&lexicon);
    sky_text_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extracts_what_was_planned),
        cmocka_unit_test(extracts_little_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
