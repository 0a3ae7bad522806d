/* From posts to ranked trends: planted bursts are found, a word of two languages is one of `*` too, phrases are known
 * from three authors on, and restarts and hash keys change nothing. */
#include "trend/tracker.h"

#include "base/hash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LANGUAGES 2
#define ALL       LANGUAGES
#define WORDS     400
#define START     INT64_C(28400405)
#define BURST     150 /* after the first two hours, from when on a trend does not become its own baseline */

struct rig {
    struct sky_sliding *window;
    struct sky_tracker *tracker;
    struct sky_tracker_result result;
    uint64_t random;
    uint64_t author;
    struct sky_buffer out; /* every trend of every slide */
};

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % bound);
}

static void rig_make(struct rig *rig, uint64_t hash_key, bool z_literal)
{
    struct sky_sliding_options window = {10, LANGUAGES, hash_key};
    struct sky_tracker_options options = {.languages = LANGUAGES};
    sky_detector_options_default(&options.detector);
    options.detector.hash_key = ~hash_key;
    options.detector.z_literal = z_literal;
    options.detector.min_z = z_literal ? 2 : options.detector.min_z;
    rig->window = sky_sliding_new(&window);
    rig->tracker = sky_tracker_new(&options);
    assert_non_null(rig->window);
    assert_non_null(rig->tracker);
}

static void rig_open(struct rig *rig, uint64_t hash_key, bool z_literal)
{
    *rig = (struct rig){.random = 1};
    rig_make(rig, hash_key, z_literal);
    sky_sliding_start(rig->window, START);
}

static void rig_close(struct rig *rig)
{
    sky_sliding_free(rig->window);
    sky_tracker_free(rig->tracker);
    sky_buffer_clean_up(&rig->out);
}

static void rig_restart(struct rig *rig, uint64_t hash_key, bool z_literal)
{
    struct sky_buffer saved = {0};
    struct sky_reader reader;
    sky_sliding_save(rig->window, &saved);
    sky_tracker_save(rig->tracker, &saved);
    sky_sliding_free(rig->window);
    sky_tracker_free(rig->tracker);
    rig_make(rig, hash_key, z_literal);
    sky_reader_init(&reader, sky_buffer_span(&saved));
    sky_sliding_load(rig->window, &reader);
    sky_tracker_load(rig->tracker, &reader);
    assert_int_equal(reader.error.status, SKY_OK);
    assert_int_equal(reader.offset, saved.len);
    sky_buffer_clean_up(&saved);
}

static void post(struct rig *rig, uint32_t language, uint64_t author, const char *text)
{
    struct sky_keyword keyword = {.normalized = sky_span_from_string(text),
                                  .kind = strchr(text, ' ') ? SKY_KEYWORD_PHRASE : SKY_KEYWORD_WORD};
    struct sky_keyword_list list = {&keyword, 1};
    struct sky_sliding_post given = {author, author * 3, 0, language};
    assert_int_equal(sky_sliding_add(rig->window, sky_sliding_open_minute(rig->window), &given, &list), SKY_OK);
}

static void post_many(struct rig *rig, uint32_t language, uint32_t count, const char *text)
{
    for (; count; count--)
        post(rig, language, ++rig->author, text);
}

/* Words of steady, different frequency. */
static void background(struct rig *rig)
{
    for (uint32_t i = 0; i < 2000; i++) {
        char word[16];
        uint32_t language = i % 3 == 0;
        snprintf(word, sizeof word, "%s%u", language ? "wort" : "word",
                 random_below(&rig->random, 1 + random_below(&rig->random, WORDS)));
        post(rig, language, ++rig->author, word);
    }
}

static void slide(struct rig *rig)
{
    assert_int_equal(sky_sliding_close(rig->window), SKY_OK);
    assert_int_equal(sky_tracker_slide(rig->tracker, rig->window, &rig->result), SKY_OK);
    for (uint32_t i = 0; i < rig->result.on_count + rig->result.ended_count; i++) {
        const struct sky_trend *trend =
            i < rig->result.on_count ? &rig->result.on[i] : &rig->result.ended[i - rig->result.on_count];
        sky_buffer_put_span(&rig->out, trend->keyword);
        sky_buffer_printf(&rig->out, " %u %u %d %u %u %a %a %a %a %lld\n", trend->language, trend->rank,
                          (int)trend->state, trend->count, trend->voices, trend->z, trend->growth, trend->expected,
                          trend->confidence, (long long)trend->started_minute);
    }
    sky_buffer_put_u8(&rig->out, '\n');
}

static const struct sky_trend *trend_of(const struct sky_trend *trends, uint32_t count, const char *keyword,
                                        uint32_t language)
{
    for (uint32_t i = 0; i < count; i++)
        if (sky_span_equal(trends[i].keyword, sky_span_from_string(keyword)) && trends[i].language == language)
            return &trends[i];
    return NULL;
}

static const struct sky_trend *on(const struct rig *rig, const char *keyword, uint32_t language)
{
    return trend_of(rig->result.on, rig->result.on_count, keyword, language);
}

static void test_a_burst_starts_stays_and_ends(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3, false);
    bool ended = false;
    for (uint32_t t = 0; t < 220; t++) {
        background(&rig);
        if (t >= BURST && t < BURST + 20) {
            post_many(&rig, 0, 30, "quake");
            for (uint32_t i = 0; i < 60; i++) /* two authors are no trend */
                post(&rig, 0, i % 2, "spam");
        }
        slide(&rig);
        assert_int_equal(rig.result.warming_up, t < 12);
        assert_null(on(&rig, "spam", 0));
        const struct sky_trend *quake = on(&rig, "quake", 0);
        if (t == BURST) {
            assert_non_null(quake);
            assert_int_equal(quake->state, SKY_TREND_STARTED);
            assert_int_equal(quake->started_minute, START + BURST);
            assert_int_equal(quake->count, 30);
            assert_int_equal(quake->voices, 30);
            assert_int_equal(quake->rank, 1);
            assert_true(quake->id == sky_hash_id(SKY_SPAN("quake")));
            assert_true(fabs(quake->confidence - 1 / (1 + exp(-2.5 * (quake->z - 4.9)))) < 1e-9);
        }
        if (t > BURST && t < BURST + 20) {
            assert_non_null(quake);
            assert_int_equal(quake->state, SKY_TREND_ONGOING);
        }
        assert_true(t >= BURST || rig.result.on_count == 0);
        ended = ended || trend_of(rig.result.ended, rig.result.ended_count, "quake", 0);
    }
    assert_true(ended);
    assert_null(on(&rig, "quake", 0));
    rig_close(&rig);
}

/* Burst in both languages: authors are united in `*`. */
static void test_two_languages_make_a_trend_of_all(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3, false);
    for (uint32_t t = 0; t < 45; t++) {
        background(&rig);
        if (t >= 40)
            for (uint32_t i = 0; i < 20; i++) {
                post(&rig, 0, 1000 + i, "tsunami");
                post(&rig, 1, 1010 + i, "tsunami");
                post(&rig, 0, 1000 + i, "only");
            }
        slide(&rig);
    }
    const struct sky_trend *trend = on(&rig, "tsunami", ALL);
    assert_non_null(trend);
    assert_int_equal(trend->count, 5 * 40);
    assert_int_equal(trend->voices, 30);
    assert_non_null(on(&rig, "tsunami", 0));
    assert_non_null(on(&rig, "tsunami", 1));
    assert_non_null(on(&rig, "only", 0));
    assert_null(on(&rig, "only", ALL));
    rig_close(&rig);
}

/* A steady word of one language that a second one takes up a little is nothing new, whether or not the second one is
 * there in each window. */
static void test_a_second_language_is_no_burst(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3, false);
    for (uint32_t t = 0; t < 400; t++) {
        background(&rig);
        post_many(&rig, 0, 12 + random_below(&rig.random, 3), "steady");
        if (t > 200 && t / 15 % 2)
            post_many(&rig, 1, 1, "steady");
        slide(&rig);
        assert_null(on(&rig, "steady", ALL));
        assert_null(on(&rig, "steady", 0));
    }
    assert_true(sky_detector_find(sky_tracker_detector(rig.tracker, ALL), sky_hash_id(SKY_SPAN("steady"))) !=
                SKY_SLIDING_TAG_NONE);
    rig_close(&rig);
}

/* The baseline of a known phrase holds every window with it, those of one or two authors too: else it would look
 * rarer than it is, and new whenever a surge lifts it above three. */
static void test_phrases_are_known_from_three_authors(void **state)
{
    (void)state;
    enum { SLIDES = 40, LAG = 10 };
    struct rig rig;
    rig_open(&rig, 3, false);
    struct sky_detector *detector = sky_tracker_detector(rig.tracker, 0);
    struct sky_baseline baseline;
    uint32_t posts[SLIDES] = {[0] = 1, [2] = 1, [14] = 1, [15] = 2, [20] = 1, [31] = 4};
    double slow = 0; /* a naive model: windows counted anew, decayed slide by slide */
    for (int32_t t = 0; t < SLIDES; t++) {
        bool known = sky_detector_find(detector, sky_hash_id(SKY_SPAN("two words"))) != SKY_SLIDING_TAG_NONE;
        assert_int_equal(known, t > 15); /* three authors at last: those of minutes 14 and 15 */
        post_many(&rig, 0, posts[t], "two words");
        slide(&rig);
        uint32_t past = 0;
        for (int32_t i = t - LAG; i >= 0 && i > t - 2 * LAG; i--)
            past += posts[i];
        slow = slow * exp2(-1.0 / (24 * 60)) + (t - LAG >= 15 ? past / 10.0 : 0);
    }
    assert_true(sky_detector_baseline(detector, sky_hash_id(SKY_SPAN("two words")), &baseline));
    assert_true(fabs(baseline.slow - slow) < 1e-9);
    rig_close(&rig);
}

/* Unused words are forgotten, and the memory with them. */
static void test_unused_words_are_forgotten(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3, false);
    for (uint32_t t = 0; t < 500; t++) {
        char word[24];
        for (uint32_t i = 0; i < 20; i++) {
            snprintf(word, sizeof word, "once-%u-%u", t, i);
            if (t < 200)
                post_many(&rig, 0, 3, word);
        }
        post_many(&rig, 0, 3, "always");
        slide(&rig);
        if (t == 150)
            assert_true(sky_tracker_known(rig.tracker) > 2500);
    }
    /* each has S_slow of about .3 x 10 when new, which takes four days to go below 0.05 */
    uint64_t known = sky_tracker_known(rig.tracker);
    for (uint32_t t = 500; t < 500 + 11 * 1440; t++) {
        post_many(&rig, 0, 3, "always");
        slide(&rig);
    }
    assert_int_equal(known, 20 * 200 + 1);
    assert_int_equal(sky_tracker_known(rig.tracker), 1);
    rig_close(&rig);
}

static void run(struct rig *rig, uint64_t hash_key, uint32_t restart_every, bool z_literal)
{
    static const char *const words[] = {"alpha", "beta", "gamma", "delta", "two words", "epsilon"};
    rig_open(rig, hash_key, z_literal);
    for (uint32_t t = 0; t < 400; t++) {
        background(rig);
        for (uint32_t i = 0; i < 6; i++)
            if (t > 15 && (t + 31 * i) % 90 < 25) {
                post_many(rig, i % 2, 4 + 3 * i, words[i]);
                post_many(rig, 1, t % 3, words[i]);
            }
        if (restart_every && t % restart_every == restart_every / 2)
            rig_restart(rig, t * UINT64_C(0x9e3779b97f4a7c15), z_literal); /* with the open minute half full */
        background(rig);
        slide(rig);
    }
}

static void assert_same_output(struct rig *a, struct rig *b)
{
    assert_true(a->out.len > 5000);
    assert_int_equal(a->out.len, b->out.len);
    assert_memory_equal(a->out.ptr, b->out.ptr, a->out.len);
}

static void test_restarts_and_hash_keys_change_nothing(void **state)
{
    (void)state;
    for (int z_literal = 0; z_literal < 2; z_literal++) {
        struct rig through, other_key, restarted;
        run(&through, 1, 0, z_literal);
        run(&other_key, UINT64_C(0xdeadbeef12345678), 0, z_literal);
        run(&restarted, 2, 13, z_literal);
        assert_same_output(&through, &other_key);
        assert_same_output(&through, &restarted);
        rig_close(&through);
        rig_close(&other_key);
        rig_close(&restarted);
    }
}

/* The plain rule, with its own gates: on in exactly the windows where it holds. */
static void test_literal(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 3, true);
    double sum = 0, squares = 0;
    uint32_t window[10] = {0};
    for (uint32_t t = 0; t < 300; t++) {
        uint32_t count = 3 + random_below(&rig.random, 3) + (t / 60 == 3 ? 25 : 0);
        post_many(&rig, 0, count, "word");
        window[t % 10] = count;
        slide(&rig);
        double x = 0, mean = t ? sum / t : 0, deviation = t ? sqrt(fmax(0, squares / t - mean * mean)) : 0;
        for (uint32_t i = 0; i < 10; i++)
            x += window[i];
        double z = (x - mean) / (deviation < 0.001 ? 1 : deviation), growth = (x - mean) / fmax(1, mean);
        const struct sky_trend *trend = on(&rig, "word", 0);
        assert_int_equal(trend != NULL, t >= 12 && z >= 2 && growth >= 1);
        assert_true(!trend || (fabs(trend->z - z) < 1e-6 && fabs(trend->expected - mean) < 1e-9));
        sum += x;
        squares += x * x;
    }
    assert_true(rig.out.len > 400);
    rig_close(&rig);
}

/* Every cut of a saved tracker is refused; flipped bits do no harm. */
static void test_damaged_input(void **state)
{
    (void)state;
    struct rig rig;
    struct sky_buffer saved = {0};
    rig_open(&rig, 3, true);
    for (uint32_t t = 0; t < 60; t++) {
        post_many(&rig, 0, t > 40 ? 40 : 4, "word");
        post_many(&rig, t % 2, 3, "other");
        slide(&rig);
    }
    sky_tracker_save(rig.tracker, &saved);
    for (size_t cut = 0; cut < saved.len; cut += 1 + cut / 300) {
        struct rig loaded = {0};
        struct sky_reader reader;
        rig_make(&loaded, 1, true);
        sky_reader_init(&reader, sky_span_of(saved.ptr, cut));
        sky_tracker_load(loaded.tracker, &reader);
        assert_int_not_equal(reader.error.status, SKY_OK);
        rig_close(&loaded);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        struct rig loaded = {0};
        struct sky_reader reader;
        uint32_t at = random_below(&rig.random, (uint32_t)(i % 2 ? saved.len : 500));
        uint8_t bit = (uint8_t)(1 << random_below(&rig.random, 8));
        rig_make(&loaded, 1, true);
        saved.ptr[at] ^= bit;
        sky_reader_init(&reader, sky_buffer_span(&saved));
        sky_tracker_load(loaded.tracker, &reader);
        if (reader.error.status == SKY_OK) {
            sky_sliding_start(loaded.window, START + 60);
            for (uint32_t t = 0; t < 12; t++) {
                post_many(&loaded, 0, 4, "word");
                slide(&loaded);
            }
        }
        saved.ptr[at] ^= bit;
        rig_close(&loaded);
    }
    sky_buffer_clean_up(&saved);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_starts_stays_and_ends),
        cmocka_unit_test(test_two_languages_make_a_trend_of_all),
        cmocka_unit_test(test_a_second_language_is_no_burst),
        cmocka_unit_test(test_phrases_are_known_from_three_authors),
        cmocka_unit_test(test_unused_words_are_forgotten),
        cmocka_unit_test(test_restarts_and_hash_keys_change_nothing),
        cmocka_unit_test(test_literal),
        cmocka_unit_test(test_damaged_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
