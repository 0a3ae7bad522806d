/* The sliding window against a model that keeps every post and counts each window anew. */
#include "window/sliding.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LANGUAGES 3
#define WORDS     3000
#define AUTHORS   64 /* one bit each */
#define PER_POST  7
#define POSTS_MAX 60000
#define MINUTES   90
#define TOP       20
#define START     INT64_C(29000003)

struct model_post {
    int64_t minute;
    uint32_t language, author, id, words_count;
    uint16_t words[PER_POST];
};

struct model {
    struct model_post posts[POSTS_MAX];
    uint32_t posts_count;
    uint32_t count[LANGUAGES][WORDS];
    uint64_t authors[LANGUAGES][WORDS];
    uint64_t post_ids[LANGUAGES][WORDS]; /* sum of what is given for each occurrence */
    uint64_t all_authors;
    uint32_t window_posts;
};

struct random {
    uint64_t state;
};

static uint32_t random_below(struct random *random, uint32_t bound)
{
    random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random->state >> 33) % bound);
}

static uint32_t popcount(uint64_t bits)
{
    return (uint32_t)__builtin_popcountll(bits);
}

/* What normalising would give: a hashtag, a phrase or a word, told apart by its bytes. */
static enum sky_keyword_kind word_kind(uint32_t word)
{
    return word % 7 == 3 ? SKY_KEYWORD_HASHTAG : word % 5 == 1 ? SKY_KEYWORD_PHRASE : SKY_KEYWORD_WORD;
}

static struct sky_span word_text(uint32_t word)
{
    static char texts[WORDS][16];
    static const char *const forms[] = {"word", "#tag", "two words"};
    if (!texts[word][0])
        snprintf(texts[word], sizeof texts[word], "%s%u", forms[word_kind(word)], word % 10000);
    return sky_span_from_string(texts[word]);
}

static uint64_t author_id(uint32_t author)
{
    return sky_hash_id(sky_span_of(&author, sizeof author));
}

static void model_count(struct model *model, int64_t first, int64_t last)
{
    memset(model->count, 0, sizeof model->count);
    memset(model->authors, 0, sizeof model->authors);
    memset(model->post_ids, 0, sizeof model->post_ids);
    model->all_authors = 0;
    model->window_posts = 0;
    for (uint32_t i = 0; i < model->posts_count; i++) {
        const struct model_post *post = &model->posts[i];
        if (post->minute < first || post->minute > last)
            continue;
        model->window_posts++;
        model->all_authors |= UINT64_C(1) << post->author;
        for (uint32_t k = 0; k < post->words_count; k++) {
            model->count[post->language][post->words[k]]++;
            model->authors[post->language][post->words[k]] |= UINT64_C(1) << post->author;
            model->post_ids[post->language][post->words[k]] += post->id * UINT64_C(3) + post->author;
        }
    }
}

/* Few words are used much, most hardly ever, and the vocabulary drifts, so that rows come, stay and are forgotten. */
static void make_post(struct random *random, int64_t minute, struct model_post *post)
{
    uint32_t drift = (uint32_t)(minute - START) * 25;
    *post = (struct model_post){.minute = minute,
                                .author = random_below(random, 1 + random_below(random, AUTHORS)),
                                .id = random_below(random, 1u << 30)};
    /* most authors keep to one language */
    post->language =
        post->author % 4 && random_below(random, 50) ? post->author % LANGUAGES : random_below(random, LANGUAGES);
    for (uint32_t wanted = random_below(random, PER_POST + 1); post->words_count < wanted;) {
        uint32_t word = random_below(random, 3) ? random_below(random, 1 + random_below(random, 60))
                                                : 60 + (drift + random_below(random, 400)) % (WORDS - 60);
        bool is_there = false;
        for (uint32_t k = 0; k < post->words_count; k++)
            is_there = is_there || post->words[k] == word;
        if (!is_there)
            post->words[post->words_count++] = (uint16_t)word;
    }
}

static enum sky_status give(struct sky_sliding *window, const struct model_post *post)
{
    struct sky_keyword keywords[PER_POST];
    for (uint32_t k = 0; k < post->words_count; k++)
        keywords[k] = (struct sky_keyword){.normalized = word_text(post->words[k]), .kind = word_kind(post->words[k])};
    struct sky_sliding_post given = {author_id(post->author), post->id, post->author, post->language};
    struct sky_keyword_list list = {keywords, post->words_count};
    return sky_sliding_add(window, post->minute, &given, &list);
}

static uint32_t word_of(const struct sky_sliding_row *row)
{
    uint32_t word = 0;
    for (size_t i = 0; i < row->keyword.len; i++)
        if (row->keyword.ptr[i] >= '0' && row->keyword.ptr[i] <= '9')
            word = word * 10 + (uint32_t)(row->keyword.ptr[i] - '0');
    assert_true(word < WORDS && sky_span_equal(row->keyword, word_text(word)));
    return word;
}

static uint64_t walk_sum(struct sky_sliding *window, const struct sky_sliding_row *row)
{
    struct sky_sliding_walk walk;
    struct sky_sliding_occurrence occurrence;
    uint64_t sum = 0;
    uint32_t count = 0;
    sky_sliding_walk_begin(window, row, &walk);
    for (; sky_sliding_walk_next(window, &walk, &occurrence); count++) {
        assert_true(occurrence.author_id == author_id((uint32_t)occurrence.sketch));
        sum += occurrence.post_id * UINT64_C(3) + occurrence.sketch;
    }
    assert_int_equal(count, row->count);
    return sum;
}

static void check_all_languages(struct sky_sliding *window, const struct model *model,
                                const struct sky_sliding_row *row, uint32_t word)
{
    struct sky_sliding_all all;
    uint64_t authors = 0, ids = 0;
    uint32_t count = 0, languages = 0, spread = 0, first = LANGUAGES, first_spread = LANGUAGES;
    for (uint32_t g = 0; g < LANGUAGES; g++) {
        authors |= model->authors[g][word];
        count += model->count[g][word];
        ids += model->post_ids[g][word];
        languages += model->count[g][word] > 0;
        spread += popcount(model->authors[g][word]) >= 3;
        first = first == LANGUAGES && model->count[g][word] ? g : first;
        first_spread = first_spread == LANGUAGES && popcount(model->authors[g][word]) >= 3 ? g : first_spread;
    }
    sky_sliding_all(window, row, 3, &all);
    sky_sliding_unite(window, &all);
    assert_int_equal(all.row.count, count);
    assert_int_equal(all.row.unique_authors, popcount(authors));
    assert_int_equal(all.languages, languages);
    assert_int_equal(all.spread, spread);
    assert_int_equal(all.first, row->language == (first_spread < LANGUAGES ? first_spread : first));
    assert_int_equal(all.row.language, LANGUAGES);
    assert_true(walk_sum(window, &all.row) == ids);
    assert_true(languages == 1 || row->shared);
}

static void check_rows(struct sky_sliding *window, const struct model *model)
{
    struct sky_sliding_row row, found;
    uint64_t rows = 0, volume[LANGUAGES + 1] = {0};
    for (uint32_t cursor = 0; sky_sliding_next(window, &cursor, &row); rows++) {
        uint32_t word = word_of(&row);
        assert_true(row.language < LANGUAGES);
        assert_int_equal(row.count, model->count[row.language][word]);
        assert_int_equal(row.unique_authors, popcount(model->authors[row.language][word]));
        assert_int_equal(row.voices, row.unique_authors);
        assert_int_equal(row.kind, word_kind(word));
        assert_true(row.id == sky_hash_id(row.keyword));
        assert_true(walk_sum(window, &row) == model->post_ids[row.language][word]);
        assert_true(sky_sliding_find(window, row.language, row.keyword, &found) && found.number == row.number);
        check_all_languages(window, model, &row, word);
    }
    for (uint32_t g = 0; g < LANGUAGES; g++)
        for (uint32_t word = 0; word < WORDS; word++) {
            rows -= model->count[g][word] > 0;
            uint32_t voices = word_kind(word) == SKY_KEYWORD_PHRASE ? 0 : popcount(model->authors[g][word]);
            volume[g] += voices;
            volume[LANGUAGES] += voices;
        }
    assert_int_equal(rows, 0);
    for (uint32_t g = 0; g <= LANGUAGES; g++)
        assert_int_equal(sky_sliding_volume(window, g), volume[g]);
}

/* Each of the top must beat the next, and as many as the model says must stand before the last. */
static void check_top(struct sky_sliding *window, const struct model *model, uint32_t language, uint32_t kinds)
{
    struct sky_sliding_row top[TOP];
    uint32_t count = sky_sliding_top(window, language, kinds, TOP, top), better = 0, present = 0;
    for (uint32_t i = 1; i < count; i++) {
        const struct sky_sliding_row *a = &top[i - 1], *b = &top[i];
        int order = sky_span_compare(a->keyword, b->keyword);
        assert_true(a->unique_authors > b->unique_authors ||
                    (a->unique_authors == b->unique_authors &&
                     (a->count > b->count ||
                      (a->count == b->count && (order < 0 || (order == 0 && a->language < b->language))))));
    }
    for (uint32_t g = 0; g < LANGUAGES; g++)
        for (uint32_t word = 0; word < WORDS; word++) {
            if (!model->count[g][word] || !(kinds >> word_kind(word) & 1) || (language < LANGUAGES && g != language))
                continue;
            present++;
            better += count && popcount(model->authors[g][word]) > top[count - 1].unique_authors;
        }
    assert_int_equal(count, present < TOP ? present : TOP);
    assert_true(!count || better < count);
}

static void check(struct sky_sliding *window, struct model *model, uint32_t window_minutes)
{
    int64_t last = sky_sliding_open_minute(window) - 1;
    model_count(model, last - window_minutes + 1, last);
    assert_int_equal(sky_sliding_posts(window), model->window_posts);
    assert_int_equal(sky_sliding_authors(window), popcount(model->all_authors));
    check_rows(window, model);
    check_top(window, model, LANGUAGES, 1 << SKY_KEYWORD_WORD | 1 << SKY_KEYWORD_HASHTAG);
    check_top(window, model, 1, 1 << SKY_KEYWORD_PHRASE);
}

static struct sky_sliding *new_window(uint32_t window_minutes, uint64_t hash_key)
{
    struct sky_sliding_options options = {window_minutes, LANGUAGES, hash_key};
    struct sky_sliding *window = sky_sliding_new(&options);
    assert_non_null(window);
    return window;
}

static struct sky_sliding *restart(struct sky_sliding *window, uint32_t window_minutes, uint64_t hash_key)
{
    struct sky_buffer saved = {0}, again = {0};
    struct sky_reader reader;
    struct sky_sliding *next = new_window(window_minutes, hash_key);
    sky_sliding_save(window, &saved);
    sky_reader_init(&reader, sky_buffer_span(&saved));
    sky_sliding_load(next, &reader);
    assert_int_equal(reader.error.status, SKY_OK);
    assert_int_equal(reader.offset, saved.len);
    sky_sliding_save(next, &again);
    assert_int_equal(again.len, saved.len);
    assert_memory_equal(again.ptr, saved.ptr, saved.len);
    sky_buffer_clean_up(&saved);
    sky_buffer_clean_up(&again);
    sky_sliding_free(window);
    return next;
}

/* A stream with repeats, late posts, posts of the future, silent minutes and surges. `restarts`: save and load now and
 * then, in the middle of a minute too. */
static void run(uint32_t window_minutes, uint64_t seed, bool restarts)
{
    struct model *model = calloc(1, sizeof *model);
    struct random random = {seed};
    struct sky_sliding *window = new_window(window_minutes, seed * 77);
    assert_non_null(model);
    sky_sliding_start(window, START);
    for (int64_t minute = START; minute < START + MINUTES; minute++) {
        uint32_t posts = minute % 11 == 5 ? 0 : minute % 23 == 7 ? 1500 : random_below(&random, 300);
        for (uint32_t i = 0; i < posts; i++) {
            struct model_post *post = &model->posts[model->posts_count];
            bool repeat = model->posts_count && !random_below(&random, 20);
            if (repeat)
                *post = post[-1];
            else
                make_post(&random, minute, post);
            if (!random_below(&random, 15))
                post->minute = minute - 3 + random_below(&random, 6);
            enum sky_status status = give(window, post);
            assert_int_equal(status, post->minute < minute ? SKY_E_LATE : post->minute > minute ? SKY_E_RANGE : SKY_OK);
            model->posts_count += status == SKY_OK;
            assert_true(model->posts_count < POSTS_MAX);
            if (restarts && !random_below(&random, 1500))
                window = restart(window, window_minutes, random.state);
        }
        assert_int_equal(sky_sliding_close(window), SKY_OK);
        check(window, model, window_minutes);
        if (restarts && minute % 4 == 0) {
            window = restart(window, window_minutes, random.state);
            check(window, model, window_minutes);
        }
    }
    sky_sliding_free(window);
    free(model);
}

static void test_equals_model(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1, 2, 10, 13, 60};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        run(lengths[i], 1000 + i, false);
}

static void test_equals_model_over_restarts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        run(10, seed, true);
}

static void test_empties(void **state)
{
    (void)state;
    struct sky_sliding *window = new_window(10, 5);
    struct sky_sliding_row row;
    struct model_post post = {START, 2, 5, 9, 2, {4, 5}};
    uint32_t cursor = 0;
    sky_sliding_start(window, START);
    assert_int_equal(give(window, &post), SKY_OK);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(sky_sliding_close(window), SKY_OK);
        assert_int_equal(sky_sliding_keywords(window), 2);
        assert_int_equal(sky_sliding_authors(window), 1);
    }
    assert_int_equal(sky_sliding_close(window), SKY_OK);
    assert_false(sky_sliding_next(window, &cursor, &row));
    assert_false(sky_sliding_find(window, 2, word_text(4), &row));
    assert_false(sky_sliding_find(window, LANGUAGES, word_text(4), &row));
    assert_int_equal(sky_sliding_keywords(window), 0);
    assert_int_equal(sky_sliding_authors(window), 0);
    sky_sliding_free(window);
}

/* Who is in two languages is counted anew for each window, however often that was done: in even minutes one author uses
 * the word in both, in odd ones two authors use it in one each. */
static void test_authors_of_two_languages_stay_exact(void **state)
{
    (void)state;
    struct sky_sliding *window = new_window(1, 5);
    struct sky_sliding_row row;
    sky_sliding_start(window, START);
    for (uint32_t t = 0; t < 600; t++) {
        struct model_post first = {START + t, 0, 1, 2 * t, 1, {4}}, second = {START + t, 1, 1, 2 * t + 1, 1, {4}};
        first.author += t % 2;
        second.author += 2 * (t % 2);
        assert_int_equal(give(window, &first), SKY_OK);
        assert_int_equal(give(window, &second), SKY_OK);
        assert_int_equal(sky_sliding_close(window), SKY_OK);
        assert_true(sky_sliding_find(window, LANGUAGES, word_text(4), &row));
        assert_int_equal(row.count, 2);
        assert_int_equal(row.unique_authors, t % 2 ? 2 : 1);
    }
    sky_sliding_free(window);
}

/* Tags stay with their keyword while it is in the window, and are gone after. */
static void test_tags(void **state)
{
    (void)state;
    struct sky_sliding *window = new_window(2, 5);
    struct sky_sliding_row row;
    struct sky_sliding_all all;
    struct model_post post = {START, 0, 5, 9, 1, {4}};
    sky_sliding_start(window, START);
    assert_int_equal(give(window, &post), SKY_OK);
    post.language = 1;
    assert_int_equal(give(window, &post), SKY_OK);
    assert_true(sky_sliding_find(window, 1, word_text(4), &row));
    assert_int_equal(*row.tag, SKY_SLIDING_TAG_UNKNOWN);
    *row.tag = 77;
    sky_sliding_all(window, &row, 3, &all);
    sky_sliding_tag_all(window, &all, 88);
    post.minute++;
    assert_int_equal(sky_sliding_close(window), SKY_OK);
    for (uint16_t word = 100; word < 1500; word++) { /* rows move */
        post.words[0] = word;
        assert_int_equal(give(window, &post), SKY_OK);
    }
    assert_int_equal(sky_sliding_close(window), SKY_OK);
    assert_true(sky_sliding_find(window, 1, word_text(4), &row));
    assert_int_equal(*row.tag, 77);
    assert_true(sky_sliding_find(window, 0, word_text(4), &row));
    assert_int_equal(*row.tag, SKY_SLIDING_TAG_UNKNOWN);
    assert_int_equal(*row.tag_all, 88);
    assert_int_equal(sky_sliding_close(window), SKY_OK);
    post = (struct model_post){START + 3, 1, 5, 9, 1, {4}};
    assert_int_equal(give(window, &post), SKY_OK);
    assert_true(sky_sliding_find(window, 1, word_text(4), &row));
    assert_int_equal(*row.tag, SKY_SLIDING_TAG_UNKNOWN);
    sky_sliding_free(window);
}

/* A damaged checkpoint is refused or gives another window, and nothing worse: every cut and many flipped bits. */
static void test_damaged_input(void **state)
{
    (void)state;
    struct random random = {9};
    struct sky_buffer saved = {0};
    struct sky_sliding *window = new_window(10, 5);
    sky_sliding_start(window, START);
    for (int64_t minute = START; minute < START + 4; minute++) {
        for (uint32_t i = 0; i < 12; i++) {
            struct model_post post;
            make_post(&random, minute, &post);
            assert_int_equal(give(window, &post), SKY_OK);
        }
        assert_int_equal(sky_sliding_close(window), SKY_OK);
    }
    sky_sliding_save(window, &saved);
    sky_sliding_free(window);
    for (size_t cut = 0; cut < saved.len; cut++) {
        struct sky_reader reader;
        window = new_window(10, 6);
        sky_reader_init(&reader, sky_span_of(saved.ptr, cut));
        sky_sliding_load(window, &reader);
        assert_int_not_equal(reader.error.status, SKY_OK);
        sky_sliding_free(window);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        struct sky_reader reader;
        struct sky_sliding_row row;
        uint32_t at = random_below(&random, (uint32_t)saved.len), cursor = 0;
        uint8_t bit = (uint8_t)(1 << random_below(&random, 8));
        window = new_window(10, 6);
        saved.ptr[at] ^= bit;
        sky_reader_init(&reader, sky_buffer_span(&saved));
        sky_sliding_load(window, &reader);
        for (uint32_t k = 0; reader.error.status == SKY_OK && k < 12; k++)
            assert_int_equal(sky_sliding_close(window), SKY_OK);
        assert_true(reader.error.status != SKY_OK || !sky_sliding_next(window, &cursor, &row) ||
                    !sky_sliding_is_started(window));
        saved.ptr[at] ^= bit;
        sky_sliding_free(window);
    }
    sky_buffer_clean_up(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_model), cmocka_unit_test(test_equals_model_over_restarts),
        cmocka_unit_test(test_empties),      cmocka_unit_test(test_authors_of_two_languages_stay_exact),
        cmocka_unit_test(test_tags),         cmocka_unit_test(test_damaged_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
