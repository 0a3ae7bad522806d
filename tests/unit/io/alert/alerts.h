/* alerts.h: a trend's alerts, for the tests of what sends them. */
#ifndef TESTS_UNIT_IO_ALERTS_H
#define TESTS_UNIT_IO_ALERTS_H

#include "base/time.h"
#include "trend/record.h"

#define ALERT_WINDOW_END_MS INT64_C(1767574500000) /* 2026-01-05T00:55:00Z */

/* Two; the author of the second asked not to be quoted. */
static inline const struct sky_sample_post *alert_samples(void)
{
    static struct sky_sample_post samples[2];
    samples[0] = (struct sky_sample_post){
        .uri = SKY_SPAN("at://did:plc:xrfzsv5v3vow6suy3syzrgr4/app.bsky.feed.post/3mbn7nth6tprh"),
        .author_did = SKY_SPAN("did:plc:xrfzsv5v3vow6suy3syzrgr4"),
        .text = SKY_SPAN("紅茶のことです"),
        .created_at_ms = ALERT_WINDOW_END_MS - 60000};
    samples[1] = (struct sky_sample_post){
        .uri = SKY_SPAN("at://did:plc:aaaasv5v3vow6suy3syzrgr4/app.bsky.feed.post/3mbn7nth6tpri"),
        .author_did = SKY_SPAN("did:plc:aaaasv5v3vow6suy3syzrgr4"),
        .created_at_ms = ALERT_WINDOW_END_MS - 50000};
    return samples;
}

static inline struct sky_trend_alert alert_of(const char *keyword, enum sky_trend_kind kind)
{
    return (struct sky_trend_alert){.id = UINT64_C(0x776d756af2178f8b),
                                    .kind = kind,
                                    .keyword = sky_span_from_string(keyword),
                                    .language = SKY_SPAN("ja"),
                                    .frequency = 562,
                                    .unique_authors = 524,
                                    .rank = kind == SKY_TREND_ENDED ? 0 : 1,
                                    .growth_rate = 9.545055,
                                    .confidence_score = 0.987,
                                    .z_score = 12.5,
                                    .expected = 49.691539,
                                    .window_start_ms = ALERT_WINDOW_END_MS - 10 * SKY_MINUTE_MS,
                                    .window_end_ms = ALERT_WINDOW_END_MS,
                                    .started_at_ms = ALERT_WINDOW_END_MS - 16 * SKY_MINUTE_MS,
                                    .sample_posts = alert_samples(),
                                    .sample_posts_count = 2};
}

#endif
