/* The detector against tests/vectors/detector/detector.vec: what the reference implementation (another program, in
 * Python) made of the same counts; and that neither the hash key nor a restart changes anything. */
#include "trend/detector.h"

#include "base/hash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORDS_MAX     512
#define LANGUAGES_MAX 4
#define WINDOW        10
#define TOLERANCE     1e-6
#define FIRST_MINUTE  INT64_C(28400400) /* a multiple of 60: minute 9 of the vectors is minute 9 of an hour */
#define DAY_MINUTES   1440

struct vectors {
    FILE *file;
    char *line;
    size_t line_capacity;
    unsigned languages, words, slides;
    unsigned language[WORDS_MAX];
    uint64_t volume[LANGUAGES_MAX];
    uint32_t x[WINDOW][WORDS_MAX]; /* of the last ten minutes, ring */
    uint32_t d[WINDOW][WORDS_MAX];
    bool on[WORDS_MAX];
};

static void vectors_open(struct vectors *v)
{
    *v = (struct vectors){0};
    v->file = fopen(SKY_SOURCE_DIR "/tests/vectors/detector/detector.vec", "r");
    assert_non_null(v->file);
    assert_int_equal(fscanf(v->file, "L %u W %u T %u K", &v->languages, &v->words, &v->slides), 3);
    assert_true(v->words <= WORDS_MAX && v->languages <= LANGUAGES_MAX);
    for (unsigned w = 0; w < v->words; w++)
        assert_int_equal(fscanf(v->file, "%u", &v->language[w]), 1);
    assert_true(getline(&v->line, &v->line_capacity, v->file) > 0);
}

static void vectors_close(struct vectors *v)
{
    free(v->line);
    fclose(v->file);
}

static void take_counts(struct vectors *v, unsigned t, char *at)
{
    unsigned w = 0;
    memset(v->x[t % WINDOW], 0, sizeof v->x[0]);
    memset(v->d[t % WINDOW], 0, sizeof v->d[0]);
    while (*at >= 'a' && *at <= 'z') {
        for (; *at == 'z'; at++)
            w += 25;
        w += (unsigned)(*at++ - 'a');
        assert_true(w < v->words);
        v->x[t % WINDOW][w] = v->d[t % WINDOW][w] = (uint32_t)strtoul(at, &at, 10);
        if (*at == '.')
            v->d[t % WINDOW][w] = (uint32_t)strtoul(at + 1, &at, 10);
        w++;
    }
    assert_int_equal(*at, '\n');
}

/* T and C of slide t. */
static void vectors_counts(struct vectors *v, unsigned t)
{
    char *at;
    assert_true(getline(&v->line, &v->line_capacity, v->file) > 0);
    assert_int_equal(v->line[0], 'T');
    at = v->line + 1;
    for (unsigned g = 0; g < v->languages; g++)
        v->volume[g] = strtoull(at, &at, 10);
    assert_true(getline(&v->line, &v->line_capacity, v->file) > 0);
    assert_int_equal(v->line[0], 'C');
    take_counts(v, t, v->line + 2);
}

/* The next line if it is of that kind. */
static bool vectors_line(struct vectors *v, char kind)
{
    int c = fgetc(v->file);
    ungetc(c, v->file);
    return c == kind && getline(&v->line, &v->line_capacity, v->file) > 0;
}

struct rig {
    struct sky_detector *detectors[LANGUAGES_MAX];
    struct sky_detector_result results[LANGUAGES_MAX];
    uint32_t tags[WORDS_MAX];
    int64_t first_minute;
};

static void rig_open(struct rig *rig, unsigned languages, uint64_t hash_key)
{
    struct sky_detector_options options;
    sky_detector_options_default(&options);
    options.row_authors = 1; /* the reference knows every word from the first */
    options.hash_key = hash_key;
    *rig = (struct rig){.first_minute = FIRST_MINUTE};
    for (unsigned g = 0; g < languages; g++)
        assert_non_null(rig->detectors[g] = sky_detector_new(&options));
}

static void rig_close(struct rig *rig)
{
    for (unsigned g = 0; g < LANGUAGES_MAX; g++)
        sky_detector_free(rig->detectors[g]);
}

/* Words go in from the last to the first when `backwards`: no order may matter. */
static void rig_slide(struct rig *rig, const struct vectors *v, unsigned t, bool backwards)
{
    static char names[WORDS_MAX][12];
    for (unsigned g = 0; g < v->languages; g++)
        assert_int_equal(sky_detector_begin(rig->detectors[g], rig->first_minute + t, v->volume[g]), SKY_OK);
    for (unsigned i = 0; i < v->words; i++) {
        unsigned w = backwards ? v->words - 1 - i : i;
        struct sky_detector_count count = {0};
        for (unsigned k = 0; k < WINDOW; k++) {
            count.count += v->x[k][w];
            count.voices += v->d[k][w];
        }
        if (!count.voices)
            continue;
        snprintf(names[w], sizeof names[w], "w%u", w);
        count.keyword = sky_span_from_string(names[w]);
        count.id = sky_hash_id(count.keyword);
        assert_int_equal(sky_detector_add(rig->detectors[v->language[w]], &count, &rig->tags[w]), SKY_OK);
    }
    for (unsigned g = 0; g < v->languages; g++)
        assert_int_equal(sky_detector_end(rig->detectors[g], &rig->results[g]), SKY_OK);
}

static const struct sky_detector_score *score_of(const struct sky_detector_result *result, unsigned w)
{
    char name[12];
    snprintf(name, sizeof name, "w%u", w);
    for (uint32_t i = 0; i < result->scores_count; i++)
        if (sky_span_equal(result->scores[i].keyword, sky_span_from_string(name)))
            return &result->scores[i];
    return NULL;
}

static void assert_near(const char *what, unsigned t, unsigned w, double is, double should)
{
    if (fabs(is - should) > TOLERANCE * fmax(1, fabs(should)))
        fail_msg("slide %u, word %u: %s is %.9g, should be %.9g", t, w, what, is, should);
}

static unsigned check_scores(const struct rig *rig, const struct vectors *v, unsigned t)
{
    unsigned checked = 0;
    for (char *at = v->line + 1; *at == ' '; checked++) {
        unsigned w = (unsigned)strtoul(at, &at, 10);
        double expected = strtod(at + 1, &at), z = strtod(at + 1, &at), growth = strtod(at + 1, &at);
        const struct sky_detector_score *score = score_of(&rig->results[v->language[w]], w);
        if (!score) {
            fail_msg("slide %u: word %u is no candidate", t, w);
            return 0;
        }
        assert_near("E", t, w, score->expected, expected);
        assert_near("z'", t, w, score->z, z);
        assert_near("growth", t, w, score->growth, growth);
    }
    return checked;
}

static void take_on(struct vectors *v)
{
    memset(v->on, 0, sizeof v->on);
    for (char *at = v->line + 1; *at == ' ' && at[1] != '\n';)
        v->on[strtoul(at, &at, 10)] = true;
}

static unsigned word_of(struct sky_span keyword)
{
    unsigned w = 0;
    for (size_t i = 1; i < keyword.len; i++)
        w = w * 10 + (keyword.ptr[i] - '0');
    assert_true(w < WORDS_MAX);
    return w;
}

static unsigned check_on(const struct rig *rig, const struct vectors *v, unsigned t)
{
    unsigned should = 0, is = 0;
    for (unsigned w = 0; w < v->words; w++)
        should += v->on[w];
    for (unsigned g = 0; g < v->languages; g++)
        for (uint32_t i = 0; i < rig->results[g].on_count; i++, is++) {
            const struct sky_trend *trend = &rig->results[g].on[i];
            unsigned w = word_of(trend->keyword);
            if (!v->on[w] || v->language[w] != g)
                fail_msg("slide %u: word %u is on and should not be", t, w);
            assert_int_equal(trend->state == SKY_TREND_STARTED, trend->started_minute == rig->first_minute + t);
        }
    if (is != should)
        fail_msg("slide %u: %u trends are on, %u should be", t, is, should);
    return is;
}

static void run_against_vectors(int64_t first_minute, uint64_t hash_key, bool backwards)
{
    struct vectors v;
    struct rig rig;
    unsigned scores = 0, on = 0;
    vectors_open(&v);
    rig_open(&rig, v.languages, hash_key);
    rig.first_minute = first_minute;
    for (unsigned t = 0; t < v.slides; t++) {
        vectors_counts(&v, t);
        rig_slide(&rig, &v, t, backwards);
        if (vectors_line(&v, 'S'))
            scores += check_scores(&rig, &v, t);
        if (vectors_line(&v, 'O'))
            take_on(&v);
        on += check_on(&rig, &v, t);
    }
    assert_true(scores > 1000 && on > 1000); /* the vectors are there and are about something */
    rig_close(&rig);
    vectors_close(&v);
}

static void test_agrees_with_reference(void **state)
{
    (void)state;
    run_against_vectors(FIRST_MINUTE, 1, false);
}

static void test_order_and_hash_key_do_not_matter(void **state)
{
    (void)state;
    run_against_vectors(FIRST_MINUTE, UINT64_C(0xfeedfacecafebeef), true);
}

/* The landmark moves at every midnight: in the middle of the vectors, at their second slide, before 1970. */
static void test_landmark_moves(void **state)
{
    (void)state;
    int64_t midnight = FIRST_MINUTE - FIRST_MINUTE % DAY_MINUTES;
    run_against_vectors(midnight - 430, 1, false);
    run_against_vectors(midnight - 10, 1, false);
    run_against_vectors(-400, 1, false);
}

/* Bytes of everything a slide gives. */
static void put_results(const struct rig *rig, unsigned languages, struct sky_buffer *out)
{
    for (unsigned g = 0; g < languages; g++) {
        const struct sky_detector_result *result = &rig->results[g];
        for (uint32_t i = 0; i < result->on_count + result->ended_count; i++) {
            const struct sky_trend *trend =
                i < result->on_count ? &result->on[i] : &result->ended[i - result->on_count];
            sky_buffer_put_span(out, trend->keyword);
            sky_buffer_printf(out, " %d %u %u %a %a %a %a %lld\n", (int)trend->state, trend->count, trend->voices,
                              trend->z, trend->growth, trend->expected, trend->confidence,
                              (long long)trend->started_minute);
        }
    }
}

/* Save, load into detectors of another hash key, and go on with these: tags are forgotten. */
static void rig_restart(struct rig *rig, unsigned languages, uint64_t hash_key)
{
    struct rig next;
    rig_open(&next, languages, hash_key);
    next.first_minute = rig->first_minute;
    for (unsigned g = 0; g < languages; g++) {
        struct sky_buffer saved = {0}, again = {0};
        struct sky_reader reader;
        sky_detector_save(rig->detectors[g], &saved);
        sky_reader_init(&reader, sky_buffer_span(&saved));
        sky_detector_load(next.detectors[g], &reader);
        assert_int_equal(reader.error.status, SKY_OK);
        assert_int_equal(reader.offset, saved.len);
        sky_detector_save(next.detectors[g], &again);
        assert_int_equal(again.len, saved.len);
        assert_memory_equal(again.ptr, saved.ptr, saved.len);
        sky_buffer_clean_up(&saved);
        sky_buffer_clean_up(&again);
    }
    rig_close(rig);
    *rig = next;
}

static void run_restarted(unsigned every, struct sky_buffer *out)
{
    struct vectors v;
    struct rig rig;
    vectors_open(&v);
    rig_open(&rig, v.languages, 7);
    for (unsigned t = 0; t < v.slides; t++) {
        vectors_counts(&v, t);
        rig_slide(&rig, &v, t, every && t % 2);
        put_results(&rig, v.languages, out);
        while (vectors_line(&v, 'S') || vectors_line(&v, 'O'))
            ;
        if (every && t % every == every - 1)
            rig_restart(&rig, v.languages, t);
    }
    rig_close(&rig);
    vectors_close(&v);
}

static void test_restart_changes_nothing(void **state)
{
    (void)state;
    struct sky_buffer through = {0}, restarted = {0};
    run_restarted(0, &through);
    run_restarted(7, &restarted);
    assert_true(through.len > 10000);
    assert_int_equal(through.len, restarted.len);
    assert_memory_equal(through.ptr, restarted.ptr, through.len);
    sky_buffer_clean_up(&through);
    sky_buffer_clean_up(&restarted);
}

/* A baseline never holds its own window, however long windows are: with one of w minutes the first enters at the slide
 * that is w minutes younger, as a w-th of it, and each slide before decays by a half in 24 h (docs/TRENDS.md). */
static void test_length_of_the_window(void **state)
{
    static const uint32_t lengths[] = {1, 5, 10, 45};
    (void)state;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        struct sky_detector_options options;
        sky_detector_options_default(&options);
        options.window_minutes = lengths[k];
        struct sky_detector *detector = sky_detector_new(&options);
        assert_non_null(detector);
        struct sky_detector_count count = {.keyword = SKY_SPAN("storm"), .count = 90, .voices = 90};
        count.id = sky_hash_id(count.keyword);
        double slow = 0;
        uint32_t tag = 0;
        for (uint32_t t = 0; t < lengths[k] + 9; t++) {
            struct sky_detector_result result;
            struct sky_baseline past;
            assert_int_equal(sky_detector_begin(detector, FIRST_MINUTE + t, 1000), SKY_OK);
            assert_int_equal(sky_detector_add(detector, &count, &tag), SKY_OK);
            assert_int_equal(sky_detector_end(detector, &result), SKY_OK);
            if (t >= lengths[k])
                slow = slow * exp2(-1.0 / 1440) + 90.0 / lengths[k];
            assert_true(sky_detector_baseline(detector, count.id, &past));
            assert_near("slow", t, 0, past.slow, slow);
            assert_true(result.warming_up == (t < lengths[k] + 2));
        }
        sky_detector_free(detector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_reference), cmocka_unit_test(test_order_and_hash_key_do_not_matter),
        cmocka_unit_test(test_landmark_moves),        cmocka_unit_test(test_restart_changes_nothing),
        cmocka_unit_test(test_length_of_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
