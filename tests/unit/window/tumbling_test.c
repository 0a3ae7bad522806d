/* Tumbling windows against a model that counts each window's posts anew. */
#include "window/tumbling.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LANGUAGES 2
#define WORDS     60
#define AUTHORS   64 /* one bit each */
#define POSTS_MAX 20000
#define LENGTH    5
#define TOP       8
#define START     INT64_C(29000002)

struct model_post {
    int64_t minute;
    uint32_t language, author, word, other_word;
    bool is_reply;
};

static struct model_post posts[POSTS_MAX];

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % bound);
}

static enum sky_keyword_kind word_kind(uint32_t word)
{
    return word % 3 == 0 ? SKY_KEYWORD_HASHTAG : word % 3 == 1 ? SKY_KEYWORD_PHRASE : SKY_KEYWORD_WORD;
}

static struct sky_span word_text(uint32_t word)
{
    static char texts[WORDS][16];
    snprintf(texts[word], sizeof texts[word], "%s%02u", word_kind(word) == SKY_KEYWORD_HASHTAG ? "#" : "w ",
             word % 100);
    return sky_span_from_string(texts[word]);
}

struct place {
    uint32_t word, language, count, authors;
};

static int by_use(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->authors != y->authors)
        return x->authors > y->authors ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    int order = sky_span_compare(word_text(x->word), word_text(y->word));
    return order ? order : (x->language > y->language) - (x->language < y->language);
}

static void check_top(const struct sky_sliding_row *top, uint32_t count, uint32_t from, uint32_t end, bool hashtags)
{
    struct place places[WORDS * LANGUAGES];
    uint32_t places_count = 0;
    for (uint32_t g = 0; g < LANGUAGES; g++)
        for (uint32_t w = 0; w < WORDS; w++) {
            uint64_t authors = 0;
            uint32_t uses = 0;
            for (uint32_t i = from; i < end; i++)
                if (posts[i].language == g && (posts[i].word == w || posts[i].other_word == w)) {
                    uses++;
                    authors |= UINT64_C(1) << posts[i].author;
                }
            if (uses && (word_kind(w) == SKY_KEYWORD_HASHTAG) == hashtags)
                places[places_count++] = (struct place){w, g, uses, (uint32_t)__builtin_popcountll(authors)};
        }
    qsort(places, places_count, sizeof *places, by_use);
    assert_int_equal(count, places_count < TOP ? places_count : TOP);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(sky_span_equal(top[i].keyword, word_text(places[i].word)));
        assert_int_equal(top[i].language, places[i].language);
        assert_int_equal(top[i].count, places[i].count);
        assert_int_equal(top[i].unique_authors, places[i].authors);
    }
}

static void check(const struct sky_activity *activity, int64_t number, uint32_t count)
{
    uint64_t authors = 0, replies = 0, by_language[LANGUAGES] = {0};
    uint32_t from = 0, end;
    while (from < count && posts[from].minute < number * LENGTH)
        from++;
    for (end = from; end < count && posts[end].minute < (number + 1) * LENGTH; end++) {
        authors |= UINT64_C(1) << posts[end].author;
        replies += posts[end].is_reply;
        by_language[posts[end].language]++;
    }
    assert_int_equal(activity->window_start_minute, number * LENGTH);
    assert_int_equal(activity->window_end_minute, (number + 1) * LENGTH);
    assert_int_equal(activity->posts, end - from);
    assert_int_equal(activity->replies, replies);
    assert_int_equal(activity->unique_authors, __builtin_popcountll(authors));
    for (uint32_t g = 0; g < LANGUAGES; g++)
        assert_int_equal(activity->by_language[g], by_language[g]);
    check_top(activity->top_keywords, activity->top_keywords_count, from, end, false);
    check_top(activity->top_hashtags, activity->top_hashtags_count, from, end, true);
}

static struct sky_tumbling *new_tumbling(uint64_t hash_key)
{
    struct sky_tumbling_options options = {LENGTH, LANGUAGES, TOP, hash_key};
    struct sky_tumbling *tumbling = sky_tumbling_new(&options);
    assert_non_null(tumbling);
    return tumbling;
}

static struct sky_tumbling *restart(struct sky_tumbling *tumbling, uint64_t hash_key)
{
    struct sky_buffer saved = {0};
    struct sky_reader reader;
    struct sky_tumbling *next = new_tumbling(hash_key);
    sky_tumbling_save(tumbling, &saved);
    sky_reader_init(&reader, sky_buffer_span(&saved));
    sky_tumbling_load(next, &reader);
    assert_int_equal(reader.error.status, SKY_OK);
    assert_int_equal(reader.offset, saved.len);
    sky_buffer_clean_up(&saved);
    sky_tumbling_free(tumbling);
    return next;
}

static enum sky_status give(struct sky_tumbling *tumbling, const struct model_post *post)
{
    struct sky_keyword keywords[2] = {{.normalized = word_text(post->word), .kind = word_kind(post->word)},
                                      {.normalized = word_text(post->other_word), .kind = word_kind(post->other_word)}};
    struct sky_keyword_list list = {keywords, post->word == post->other_word ? 1 : 2};
    struct sky_sliding_post given = {sky_hash_id(sky_span_of(&post->author, sizeof post->author)), 1, 2,
                                     post->language};
    return sky_tumbling_add(tumbling, post->minute, &given, post->is_reply, &list);
}

static void test_equals_model(void **state)
{
    (void)state;
    uint64_t random = 5;
    uint32_t count = 0;
    int64_t number = START / LENGTH;
    struct sky_tumbling *tumbling = new_tumbling(1);
    struct sky_activity activity;
    assert_false(sky_tumbling_advance(tumbling, START, &activity)); /* none is open yet */
    for (int64_t minute = START; minute < START + 200; minute++) {
        while (sky_tumbling_advance(tumbling, minute, &activity))
            check(&activity, number++, count);
        if (minute > START)
            assert_int_equal(number, minute / LENGTH);
        uint32_t many = minute == START ? 5 : (minute - START) / 37 % 3 == 2 ? 0 : random_below(&random, 200);
        for (uint32_t i = 0; i < many; i++) {
            struct model_post *post = &posts[count];
            *post = (struct model_post){minute,
                                        random_below(&random, LANGUAGES),
                                        random_below(&random, 1 + random_below(&random, AUTHORS)),
                                        random_below(&random, 1 + random_below(&random, WORDS)),
                                        random_below(&random, WORDS),
                                        random_below(&random, 3) == 0};
            struct model_post late = *post, early = *post;
            late.minute = number * LENGTH - 1 - random_below(&random, 20);
            early.minute = (number + 1) * LENGTH;
            assert_int_equal(give(tumbling, post), SKY_OK);
            count++;
            assert_int_equal(give(tumbling, &late), SKY_E_LATE);
            assert_int_equal(give(tumbling, &early), SKY_E_RANGE);
            assert_true(count < POSTS_MAX);
        }
        if (random_below(&random, 4) == 0)
            tumbling = restart(tumbling, random);
    }
    assert_true(count > 5000);
    sky_tumbling_free(tumbling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_equals_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
