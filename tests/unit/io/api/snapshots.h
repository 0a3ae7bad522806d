/* snapshots.h: small snapshots for the tests of what people see. */
#ifndef TESTS_UNIT_IO_SNAPSHOTS_H
#define TESTS_UNIT_IO_SNAPSHOTS_H

#include "base/time.h"
#include "trend/record.h"

#define NOON INT64_C(1783166400000) /* 2026-07-04T12:00:00Z */

static struct sky_trend_alert make_trend(uint64_t id, const char *keyword, const char *language, uint32_t rank,
                                         int64_t minute)
{
    static const struct sky_sample_post sample = {
        .uri = {(const uint8_t *)"at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3lt", 60},
        .author_did = {(const uint8_t *)"did:plc:ewvi7nxzyoun6zhxrhs64oiz", 32},
        .text = {(const uint8_t *)"look up", 7},
        .created_at_ms = NOON,
    };
    return (struct sky_trend_alert){
        .id = id,
        .kind = SKY_TREND_ONGOING,
        .keyword = sky_span_from_string(keyword),
        .language = sky_span_from_string(language),
        .frequency = 120,
        .unique_authors = 100,
        .rank = rank,
        .growth_rate = 9,
        .confidence_score = 0.875,
        .z_score = 5.5,
        .expected = 10,
        .window_start_ms = NOON + (minute - 10) * SKY_MINUTE_MS,
        .window_end_ms = NOON + minute * SKY_MINUTE_MS,
        .started_at_ms = NOON,
        .sample_posts = &sample,
        .sample_posts_count = 1,
    };
}

static struct sky_trend_snapshot make_snapshot(const struct sky_trend_alert *trends, uint32_t count, int64_t minute)
{
    static const struct sky_top_keyword top[] = {{.keyword = {(const uint8_t *)"today", 5},
                                                  .language = {(const uint8_t *)"en", 2},
                                                  .count = 400,
                                                  .unique_authors = 390}};
    static const struct sky_language_volume volume[] = {{.language = {(const uint8_t *)"en", 2}, .words = 5000},
                                                        {.language = {(const uint8_t *)"ja", 2}, .words = 700}};
    return (struct sky_trend_snapshot){
        .window_start_ms = NOON + (minute - 10) * SKY_MINUTE_MS,
        .window_end_ms = NOON + minute * SKY_MINUTE_MS,
        .trends = trends,
        .trends_count = count,
        .posts = 19000,
        .active_authors = 13000,
        .volume = volume,
        .volume_count = 2,
        .top_keywords = top,
        .top_keywords_count = 1,
    };
}

#endif
