/* Against a naive model that keeps every slide, and looks through all of them for each trend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/redis/cache_hour.h"

#define HOUR    INT64_C(1767574800000) /* 2026-01-05T01:00:00Z */
#define SLIDES  60
#define TRENDS  40 /* of a slide */
#define WORDS   90
#define SAMPLES 500

static uint64_t random_state = 1;

static uint32_t draw(uint32_t below) /* Knuth's MMIX generator */
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % below;
}

struct slide {
    struct sky_trend_alert alerts[TRENDS];
    struct sky_trend_snapshot snapshot;
};

static char words[WORDS][16];

static void make_slides(struct slide *slides)
{
    for (int i = 0; i < WORDS; i++)
        snprintf(words[i], sizeof words[i], "word\"%d", i);
    for (int i = 0; i < SLIDES; i++) {
        struct slide *slide = &slides[i];
        uint32_t first = draw(WORDS), count = draw(TRENDS + 1);
        *slide = (struct slide){0};
        for (uint32_t j = 0; j < count; j++) {
            uint32_t word = (first + j) % WORDS;
            slide->alerts[j] = (struct sky_trend_alert){
                .id = UINT64_C(0x9e3779b97f4a7c15) * (word + 1),
                .keyword = sky_span_from_string(words[word]),
                .language = word % 3 ? SKY_SPAN("en") : SKY_SPAN("*"),
                .rank = j + 1,
                .frequency = draw(1000),
                .unique_authors = draw(1000),
                .growth_rate = draw(100000) / 977.0,
                .confidence_score = draw(1000) / 999.0,
                .started_at_ms = HOUR - (int64_t)word * SKY_MINUTE_MS,
            };
        }
        slide->snapshot = (struct sky_trend_snapshot){
            .window_end_ms = HOUR + (i + 1) * SKY_MINUTE_MS, .trends = slide->alerts, .trends_count = count};
    }
}

static void assert_same(const struct sky_cache_hour *hour, const struct slide *slides)
{
    uint32_t found = 0;
    for (uint32_t word = 0; word < WORDS; word++) {
        struct sky_cache_hour_trend model = {.best_rank = UINT32_MAX};
        for (int i = 0; i < SLIDES; i++)
            for (uint32_t j = 0; j < slides[i].snapshot.trends_count; j++) {
                const struct sky_trend_alert *alert = &slides[i].alerts[j];
                if (!sky_span_equal(alert->keyword, sky_span_from_string(words[word])))
                    continue;
                int64_t end_ms = slides[i].snapshot.window_end_ms;
                model.id = alert->id;
                model.first_seen_ms =
                    model.first_seen_ms && model.first_seen_ms < end_ms ? model.first_seen_ms : end_ms;
                model.last_seen_ms = model.last_seen_ms > end_ms ? model.last_seen_ms : end_ms;
                model.best_rank = model.best_rank < alert->rank ? model.best_rank : alert->rank;
                if (alert->frequency > model.peak_frequency)
                    model.peak_frequency = alert->frequency;
                if (alert->unique_authors > model.peak_unique_authors)
                    model.peak_unique_authors = alert->unique_authors;
                if (alert->growth_rate > model.peak_growth_rate)
                    model.peak_growth_rate = alert->growth_rate;
                if (alert->confidence_score > model.peak_confidence_score)
                    model.peak_confidence_score = alert->confidence_score;
            }
        if (!model.id)
            continue;
        found++;
        const struct sky_cache_hour_trend *trend = NULL;
        for (uint32_t i = 0; i < hour->trends_count; i++)
            if (hour->trends[i].id == model.id)
                trend = &hour->trends[i];
        assert_non_null(trend);
        assert_true(sky_span_equal(trend->keyword, sky_span_from_string(words[word])));
        assert_int_equal(trend->first_seen_ms, model.first_seen_ms);
        assert_int_equal(trend->last_seen_ms, model.last_seen_ms);
        assert_int_equal(trend->best_rank, model.best_rank);
        assert_int_equal(trend->peak_frequency, model.peak_frequency);
        assert_int_equal(trend->peak_unique_authors, model.peak_unique_authors);
        assert_true(trend->peak_growth_rate == model.peak_growth_rate);
        assert_true(trend->peak_confidence_score == model.peak_confidence_score);
    }
    assert_int_equal(hour->trends_count, found);
}

static void write_hour(struct sky_cache_hour *hour, struct sky_buffer *buffer)
{
    sky_buffer_clear(buffer);
    sky_cache_hour_write(hour, buffer);
    assert_false(buffer->failed);
}

static void test_model(void **state)
{
    struct slide *slides = calloc(SLIDES, sizeof *slides);
    struct sky_cache_hour hour;
    make_slides(slides);
    sky_cache_hour_init(&hour, HOUR);
    for (int i = 0; i < SLIDES; i++)
        assert_int_equal(sky_cache_hour_add(&hour, &slides[i].snapshot), SKY_OK);
    assert_same(&hour, slides);
    assert_int_equal(hour.window_end_ms, HOUR + SKY_HOUR_MS);
    sky_cache_hour_clean_up(&hour);
    free(slides);
}

/* In any order, twice, and cut anywhere into two writers that read what the other wrote: the same bytes. */
static void test_idempotent(void **state)
{
    struct slide *slides = calloc(SLIDES, sizeof *slides);
    struct sky_json_document document;
    struct sky_buffer expected = {0}, value = {0};
    struct sky_cache_hour hour;
    make_slides(slides);
    sky_json_document_init(&document);
    sky_cache_hour_init(&hour, HOUR);
    for (int i = 0; i < SLIDES; i++)
        assert_int_equal(sky_cache_hour_add(&hour, &slides[i].snapshot), SKY_OK);
    write_hour(&hour, &expected);
    sky_cache_hour_clean_up(&hour);
    for (int round = 0; round < 20; round++) {
        sky_buffer_clear(&value);
        bool added[SLIDES] = {false};
        for (int left = SLIDES; left > 0 || draw(4);) {
            sky_cache_hour_init(&hour, HOUR); /* a writer that knows nothing */
            if (value.len)
                assert_int_equal(sky_cache_hour_read(&hour, &document, sky_buffer_span(&value)), SKY_OK);
            for (uint32_t more = draw(20); more; more--) {
                uint32_t i = draw(SLIDES);
                left -= !added[i];
                added[i] = true;
                assert_int_equal(sky_cache_hour_add(&hour, &slides[i].snapshot), SKY_OK);
            }
            if (draw(2) && value.len) /* read last instead of first */
                assert_int_equal(sky_cache_hour_read(&hour, &document, sky_buffer_span(&value)), SKY_OK);
            write_hour(&hour, &value);
            sky_cache_hour_clean_up(&hour);
        }
        assert_int_equal(value.len, expected.len);
        assert_memory_equal(value.ptr, expected.ptr, expected.len);
    }
    sky_buffer_clean_up(&expected);
    sky_buffer_clean_up(&value);
    sky_json_document_clean_up(&document);
    free(slides);
}

static void test_form(void **state)
{
    struct sky_trend_alert alerts[2] = {
        {.id = 2,
         .keyword = SKY_SPAN("b"),
         .language = SKY_SPAN("en"),
         .rank = 2,
         .frequency = 7,
         .unique_authors = 5,
         .growth_rate = 1.5,
         .confidence_score = 0.25,
         .started_at_ms = HOUR},
        {.id = 1, .keyword = SKY_SPAN("a"), .language = SKY_SPAN("ja"), .rank = 0, .frequency = 9}};
    struct sky_trend_snapshot snapshot = {.window_end_ms = HOUR + SKY_MINUTE_MS, .trends = alerts, .trends_count = 2};
    struct sky_cache_hour hour;
    struct sky_buffer value = {0};
    sky_cache_hour_init(&hour, HOUR);
    assert_int_equal(sky_cache_hour_add(&hour, &snapshot), SKY_OK);
    write_hour(&hour, &value);
    sky_buffer_put_u8(&value, 0);
    assert_string_equal(
        (const char *)value.ptr,
        "{\"hour\":\"2026-01-05T01:00:00.000Z\",\"window_end\":\"2026-01-05T01:01:00.000Z\",\"trends\":["
        "{\"keyword\":\"b\",\"language\":\"en\",\"id\":\"0000000000000002\","
        "\"started_at\":\"2026-01-05T01:00:00.000Z\",\"first_seen\":\"2026-01-05T01:01:00.000Z\","
        "\"last_seen\":\"2026-01-05T01:01:00.000Z\",\"best_rank\":2,\"peak_frequency\":7,"
        "\"peak_unique_authors\":5,\"peak_growth_rate\":1.500000,\"peak_confidence_score\":0.250000}]}");
    sky_buffer_clean_up(&value);
    sky_cache_hour_clean_up(&hour);
}

static void test_hours(void **state)
{
    assert_int_equal(sky_cache_hour_of(HOUR), HOUR - SKY_HOUR_MS); /* its last minute is of the hour before */
    assert_int_equal(sky_cache_hour_of(HOUR + SKY_MINUTE_MS), HOUR);
    assert_int_equal(sky_cache_hour_of(HOUR + SKY_HOUR_MS), HOUR);
}

static void test_hostile(void **state)
{
    static const struct {
        const char *text;
        enum sky_status status;
    } cases[] = {
        {"", SKY_E_TRUNCATED},
        {"[]", SKY_E_MISSING},
        {"{\"hour\":1}", SKY_E_MISSING},
        {"{\"hour\":\"2026-01-05T01:00:00.000Z\",\"window_end\":\"2026-01-05T01:01:00.000Z\",\"trends\":{}}",
         SKY_E_TYPE},
        {"{\"hour\":\"2026-01-05T02:00:00.000Z\",\"window_end\":\"2026-01-05T01:01:00.000Z\",\"trends\":[]}",
         SKY_E_RANGE},
        {"{\"hour\":\"2026-01-05T01:00:00.000Z\",\"window_end\":\"2026-01-05T01:01:00.000Z\",\"trends\":[7]}",
         SKY_E_RANGE},
        {"{\"hour\":\"2026-01-05T01:00:00.000Z\",\"window_end\":\"2026-01-05T01:01:00.000Z\",\"trends\":["
         "{\"keyword\":\"b\",\"language\":\"en\",\"id\":\"x000000000000002\"}]}",
         SKY_E_RANGE},
    };
    struct sky_json_document document;
    sky_json_document_init(&document);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sky_cache_hour hour;
        sky_cache_hour_init(&hour, HOUR);
        assert_int_equal(sky_cache_hour_read(&hour, &document, sky_span_from_string(cases[i].text)), cases[i].status);
        assert_int_equal(hour.trends_count, 0);
        assert_int_equal(hour.window_end_ms, 0);
        sky_cache_hour_clean_up(&hour);
    }
    sky_json_document_clean_up(&document);
}

/* More trends than an hour holds: the lowest go. */
static void test_limit(void **state)
{
    struct sky_cache_hour hour;
    sky_cache_hour_init(&hour, HOUR);
    for (uint32_t i = 0; i < SKY_CACHE_HOUR_TRENDS_MAX + SAMPLES; i++) {
        struct sky_trend_alert alert = {
            .id = i * UINT64_C(0x9e3779b97f4a7c15), .keyword = SKY_SPAN("k"), .rank = i + 1};
        struct sky_trend_snapshot snapshot = {
            .window_end_ms = HOUR + SKY_MINUTE_MS, .trends = &alert, .trends_count = 1};
        assert_int_equal(sky_cache_hour_add(&hour, &snapshot), SKY_OK);
    }
    assert_int_equal(hour.trends_count, SKY_CACHE_HOUR_TRENDS_MAX);
    for (uint32_t i = 0; i < hour.trends_count; i++)
        assert_true(hour.trends[i].best_rank <= SKY_CACHE_HOUR_TRENDS_MAX);
    sky_cache_hour_clean_up(&hour);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model), cmocka_unit_test(test_idempotent), cmocka_unit_test(test_form),
        cmocka_unit_test(test_hours), cmocka_unit_test(test_hostile),    cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
