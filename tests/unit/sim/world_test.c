/* The world against its model: shares, cycles, volumes; the same seed, the same posts; what is planned happens. */
#include "sim/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "base/utf8.h"

#define PLANNED_HOURS 24

static struct sky_world *make(const struct sky_world_options *options)
{
    struct sky_world *world;
    assert_int_equal(sky_world_new(options, &world), SKY_OK);
    return world;
}

static struct sky_world_options small_world(uint32_t hours)
{
    struct sky_world_options options;
    sky_world_options_default(&options);
    options.rate = 0.05;
    options.hours = hours;
    return options;
}

static uint64_t hash_post(const struct sky_post *post, uint64_t hash)
{
    hash = sky_hash_id_in(post->text, hash);
    hash = sky_hash_id_in(post->uri, hash);
    hash = sky_hash_id_in(post->reply_to, hash);
    hash = sky_hash_id_in(post->language, hash);
    return sky_hash_id_in(sky_span_of(&post->event_time_ms, sizeof post->event_time_ms), hash);
}

static uint64_t hash_world(const struct sky_world_options *options, uint32_t posts)
{
    struct sky_world *world = make(options);
    struct sky_post post;
    uint64_t hash = 0;
    for (uint32_t i = 0; i < posts; i++) {
        assert_int_equal(sky_world_next(world, &post), SKY_OK);
        hash = hash_post(&post, hash);
    }
    sky_world_free(world);
    return hash;
}

/* The generator is frozen: whoever changes what it gives raises SKY_WORLD_VERSION and these hashes together. */
static void gives_the_posts_of_its_version(void **state)
{
    struct sky_world_options options = small_world(24);
    assert_int_equal(SKY_WORLD_VERSION, 1);
    assert_true(hash_world(&options, 20000) == UINT64_C(0x70903ae3832dc2ab));
    options.seed = 2;
    assert_true(hash_world(&options, 20000) == UINT64_C(0x298e049ebe87938e));
}

static void refuses_what_is_out_of_range(void **state)
{
    struct sky_world_options options = small_world(1);
    struct sky_world *world;
    options.rate = 0;
    assert_int_equal(sky_world_new(&options, &world), SKY_E_CONFIG);
    options = small_world(1);
    options.bursts_per_hour = 1000;
    assert_int_equal(sky_world_new(&options, &world), SKY_E_CONFIG);
}

static void gives_posts_that_hold_together(void **state)
{
    struct sky_world_options options = small_world(1);
    struct sky_world *world = make(&options);
    struct sky_post post;
    int64_t last_ms = 0, seq = 0;
    uint64_t replies = 0, tagged = 0;
    while (sky_world_next(world, &post) == SKY_OK) {
        assert_true(post.event_time_ms >= last_ms);
        last_ms = post.event_time_ms;
        assert_true(post.observed_at_ms <= post.event_time_ms && post.observed_at_ms > post.event_time_ms - 10000);
        assert_int_equal(post.seq, ++seq);
        assert_true(post.text.len > 0 && post.text.len <= SKY_POST_TEXT_BYTES_MAX && sky_utf8_is_valid(post.text));
        assert_true(sky_span_starts_with(post.uri, SKY_SPAN("at://did:plc:")));
        assert_int_equal(post.rkey.len, 13);
        replies += post.reply_to.len > 0;
        tagged += post.hashtags_count > 0;
        for (uint32_t i = 0; i < post.hashtags_count; i++)
            assert_non_null(memmem(post.text.ptr, post.text.len, post.hashtags[i].ptr, post.hashtags[i].len));
    }
    assert_true(last_ms < options.start_ms + SKY_HOUR_MS);
    assert_true(replies * 4 > (uint64_t)seq && replies * 2 < (uint64_t)seq);
    assert_true(tagged * 10 > (uint64_t)seq);
    sky_world_free(world);
}

/* Posts of each language in each hour of a day. */
static void count_day(double counts[24][4])
{
    static const char *const codes[] = {"en", "ja", "pt", "de"};
    struct sky_world_options options = small_world(24);
    options.rate = 0.15; /* the threads do not follow the day: there should be more beside them */
    options.bursts_per_hour = 0;
    struct sky_world *world = make(&options);
    struct sky_post post;
    while (sky_world_next(world, &post) == SKY_OK)
        for (int l = 0; l < 4; l++)
            if (sky_span_equal(post.language, sky_span_from_string(codes[l])))
                counts[(post.event_time_ms - options.start_ms) / SKY_HOUR_MS][l]++;
    sky_world_free(world);
}

/* The wave of each language peaks a quarter of a day after its phase (.95, .35, .65, .85). */
static void follows_the_day(void **state)
{
    static const double shares[] = {0.5, 0.2, 0.2, 0.1};
    static const int peaks[] = {4, 14, 21, 2};
    static double counts[24][4];
    double sums[4] = {0}, total = 0;
    count_day(counts);
    for (int l = 0; l < 4; l++) {
        for (int h = 0; h < 24; h++)
            sums[l] += counts[h][l];
        total += sums[l];
    }
    for (int l = 0; l < 4; l++) {
        double peak = counts[peaks[l]][l], trough = counts[(peaks[l] + 12) % 24][l];
        assert_true(fabs(sums[l] / total - shares[l]) < 0.05);
        assert_true(peak > 1.8 * trough);
    }
}

static bool holds(struct sky_span text, struct sky_span keyword)
{
    for (size_t i = 0; i + keyword.len <= text.len; i++) {
        size_t j = 0;
        while (j < keyword.len) {
            uint8_t byte = text.ptr[i + j];
            if ((byte >= 'A' && byte <= 'Z' ? byte + 32 : byte) != keyword.ptr[j])
                break;
            j++;
        }
        if (j == keyword.len)
            return true;
    }
    return false;
}

/* Every planned mention of a burst of a new word is posted, in its minutes and its language. */
static void posts_what_is_planned(void **state)
{
    enum { HOURS = 4, EVENTS_MAX = 64 };
    struct sky_world_options options = small_world(HOURS);
    uint32_t seen[EVENTS_MAX] = {0}, checked = 0;
    struct sky_world *world = make(&options);
    struct sky_post post;
    size_t count;
    while (sky_world_next(world, &post) == SKY_OK)
        ;
    const struct sky_world_event *events = sky_world_events(world, &count);
    struct sky_world *again = make(&options);
    while (sky_world_next(again, &post) == SKY_OK)
        for (size_t i = 0, burst = 0; i < count && burst < EVENTS_MAX; i++) {
            if (events[i].kind != SKY_WORLD_BURST)
                continue;
            if (events[i].vocabulary[0] == 'n' && holds(post.text, events[i].keyword)) {
                assert_true(post.event_time_ms >= events[i].onset_ms);
                seen[burst]++;
            }
            burst++;
        }
    for (size_t i = 0, burst = 0; i < count && burst < EVENTS_MAX; i++) {
        if (events[i].kind != SKY_WORLD_BURST)
            continue;
        if (events[i].vocabulary[0] == 'n') {
            assert_int_equal(seen[burst], events[i].mentions);
            checked++;
        }
        burst++;
    }
    assert_true(checked >= 2);
    sky_world_free(again);
    sky_world_free(world);
}

static void plans_at_the_rates_of_the_model(void **state)
{
    struct sky_world_options options = small_world(PLANNED_HOURS);
    options.rate = 0.002;
    struct sky_world *world = make(&options);
    struct sky_post post;
    uint32_t kinds[SKY_WORLD_EVENT_KIND_COUNT] = {0}, detectable = 0;
    size_t count;
    while (sky_world_next(world, &post) == SKY_OK)
        ;
    const struct sky_world_event *events = sky_world_events(world, &count);
    for (size_t i = 0; i < count; i++) {
        const struct sky_world_event *event = &events[i];
        kinds[event->kind]++;
        detectable += event->detectable;
        if (event->kind == SKY_WORLD_BURST) {
            bool is_large = event->peak >= 12 && event->peak >= 1.5 * event->expected &&
                            event->peak >= 5 * sqrt(event->expected + 1);
            assert_int_equal(event->detectable, is_large);
            assert_true(event->onset_ms >= options.start_ms + 14 * SKY_MINUTE_MS);
            assert_true(event->end_ms >= event->onset_ms);
        }
        if (event->kind == SKY_WORLD_BY_FEW)
            assert_true(event->authors >= 1 && event->authors <= 3);
        if (event->kind == SKY_WORLD_COORDINATED)
            assert_true(event->authors >= 5 && event->authors <= 15);
    }
    assert_int_equal(kinds[SKY_WORLD_BURST], PLANNED_HOURS * 6);
    assert_int_equal(kinds[SKY_WORLD_BY_FEW], PLANNED_HOURS * 3);
    assert_int_equal(kinds[SKY_WORLD_BOT], PLANNED_HOURS * 60);
    assert_true(kinds[SKY_WORLD_COORDINATED] > PLANNED_HOURS / 4 && kinds[SKY_WORLD_COORDINATED] < PLANNED_HOURS);
    assert_true(kinds[SKY_WORLD_SURGE] > 0);
    assert_true(detectable > PLANNED_HOURS * 6 * 8 / 10);
    sky_world_free(world);
}

/* Whether the keyword stands in the text, whatever the case of its ASCII letters. */
static bool contains(struct sky_span text, struct sky_span keyword)
{
    for (size_t at = 0; at + keyword.len <= text.len; at++) {
        size_t same = 0;
        while (same < keyword.len) {
            uint8_t c = text.ptr[at + same];
            if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != keyword.ptr[same])
                break;
            same++;
        }
        if (same == keyword.len)
            return true;
    }
    return false;
}

/* The model: a peak of 1.5 to 16.5 mentions a minute, 9 on average; half a sine wave of an hour is 60 x 2/pi of it. */
static void daily_words_have_an_hour_of_their_own(void **state)
{
    static uint32_t mentions[SKY_WORLD_DAILY_WORDS][24];
    struct sky_world_options options = small_world(24);
    options.profile = SKY_WORLD_DAILY;
    options.rate = 0.01;
    options.bursts_per_hour = 0;
    struct sky_world *world = make(&options);
    struct sky_post post;
    while (sky_world_next(world, &post) == SKY_OK)
        for (uint32_t i = 0; i < SKY_WORLD_DAILY_WORDS; i++)
            mentions[i][post.event_time_ms / SKY_HOUR_MS % 24] +=
                contains(post.text, sky_world_daily_keyword(world, i));
    sky_world_free(world);
    double sum = 0, all = 0;
    for (uint32_t i = 0; i < SKY_WORLD_DAILY_WORDS; i++) {
        uint32_t most = 0;
        for (uint32_t hour = 0; hour < 24; hour++) {
            all += mentions[i][hour];
            most = mentions[i][hour] > most ? mentions[i][hour] : most;
        }
        sum += most;
    }
    assert_true(sum > 0.9 * all); /* threads have them now and then, and some are part of another word */
    double expected = SKY_WORLD_DAILY_WORDS * 9 * 60 * 2 / 3.14159265;
    assert_true(fabs(sum / expected - 1) < 0.15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_posts_of_its_version),        cmocka_unit_test(refuses_what_is_out_of_range),
        cmocka_unit_test(gives_posts_that_hold_together),        cmocka_unit_test(follows_the_day),
        cmocka_unit_test(daily_words_have_an_hour_of_their_own), cmocka_unit_test(posts_what_is_planned),
        cmocka_unit_test(plans_at_the_rates_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
