/* The body against the schema of Alertmanager's openapi.yaml by hand; the real server reads it in
 * tests/system/alerts_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/alert/alertmanager.h"
#include "unit/io/alert/alerts.h"
#include "wire/json_read.h"

struct reading {
    struct sky_buffer body;
    struct sky_json_document document;
};

static const struct sky_json_value *write_one(struct reading *reading, const struct sky_trend_alert *alert,
                                              int64_t now_ms)
{
    struct sky_json_writer json;
    struct sky_error error;
    *reading = (struct reading){.body = {0}};
    sky_json_document_init(&reading->document);
    sky_json_begin(&json, &reading->body);
    sky_alertmanager_write(&json, (struct sky_alert_list){&alert, 1}, now_ms);
    assert_int_equal(sky_json_parse(&reading->document, sky_buffer_span(&reading->body), &error), SKY_OK);
    assert_int_equal(reading->document.values[0].type, SKY_JSON_ARRAY);
    assert_int_equal(reading->document.values[0].count, 1);
    return sky_json_first(reading->document.values);
}

static void end(struct reading *reading)
{
    sky_json_document_clean_up(&reading->document);
    sky_buffer_clean_up(&reading->body);
}

static void assert_text(const struct sky_json_value *object, const char *key, const char *expected)
{
    struct sky_span text = sky_json_member_text(object, key);
    if (!sky_span_equal(text, sky_span_from_string(expected)))
        fail_msg("%s is %.*s", key, (int)text.len, (const char *)text.ptr);
}

static void test_labels_stay_and_annotations_tell(void **state)
{
    static const enum sky_trend_kind kinds[] = {SKY_TREND_STARTED, SKY_TREND_ONGOING, SKY_TREND_ENDED};
    static const char *const says[] = {
        "紅茶 (ja) started: 562 posts by 524 people within 10 min, 49.7 expected; confidence 99 %",
        "紅茶 (ja) is on: 562 posts by 524 people within 10 min, 49.7 expected; confidence 99 %",
        "紅茶 (ja) ended: 562 posts by 524 people within 10 min, 49.7 expected; confidence 99 %"};
    for (size_t i = 0; i < 3; i++) {
        struct reading reading;
        struct sky_trend_alert alert = alert_of("紅茶", kinds[i]);
        const struct sky_json_value *item = write_one(&reading, &alert, ALERT_WINDOW_END_MS + 1500);
        const struct sky_json_value *labels = sky_json_member(item, "labels");
        const struct sky_json_value *annotations = sky_json_member(item, "annotations");
        assert_int_equal(labels->count, 3);
        assert_text(labels, "alertname", "BlueskyTrend");
        assert_text(labels, "language", "ja");
        assert_text(labels, "trend_id", "776d756af2178f8b");
        assert_text(annotations, "keyword", "紅茶");
        assert_text(annotations, "summary", says[i]);
        assert_text(annotations, "samples",
                    "https://bsky.app/profile/did:plc:xrfzsv5v3vow6suy3syzrgr4/post/3mbn7nth6tprh 紅茶のことです\n"
                    "https://bsky.app/profile/did:plc:aaaasv5v3vow6suy3syzrgr4/post/3mbn7nth6tpri");
        end(&reading);
    }
}

static void check_times(enum sky_trend_kind kind, int64_t now_ms, const char *starts, const char *ends)
{
    struct reading reading;
    struct sky_trend_alert alert = alert_of("storm", kind);
    const struct sky_json_value *item = write_one(&reading, &alert, now_ms);
    assert_text(item, "startsAt", starts);
    assert_text(item, "endsAt", ends);
    end(&reading);
}

static void test_times(void **state)
{
    int64_t now_ms = ALERT_WINDOW_END_MS + 1500, before_ms = ALERT_WINDOW_END_MS - SKY_DAY_MS;
    check_times(SKY_TREND_STARTED, now_ms, "2026-01-05T00:39:00.000Z", "2026-01-05T01:00:01.500Z");
    check_times(SKY_TREND_ONGOING, now_ms, "2026-01-05T00:39:00.000Z", "2026-01-05T01:00:01.500Z");
    check_times(SKY_TREND_ENDED, now_ms, "2026-01-05T00:39:00.000Z", "2026-01-05T00:55:00.000Z");
    /* Event time that is a day ahead of the clock: it must be over all the same, and not begin after its end. */
    check_times(SKY_TREND_STARTED, before_ms, "2026-01-04T00:55:00.000Z", "2026-01-04T01:00:00.000Z");
    check_times(SKY_TREND_ENDED, before_ms, "2026-01-04T00:55:00.000Z", "2026-01-04T00:55:00.000Z");
}

/* A keyword and posts from somebody who would like to write more than that. */
static void test_hostile_text(void **state)
{
    struct reading reading;
    struct sky_trend_alert alert = alert_of("a\",\"x\":\"\x1b[2J\xe2\x80\xae!", SKY_TREND_STARTED);
    const struct sky_sample_post posts[] = {
        {.uri = SKY_SPAN("javascript:alert(1)"), .text = SKY_SPAN("text")},
        {.uri = SKY_SPAN("at://did:plc:a/app.bsky.feed.post/3m\" onclick=\"x"), .text = SKY_SPAN("text")},
        {.uri = SKY_SPAN("at://did:plc:xrfzsv5v3vow6suy3syzrgr4/app.bsky.feed.like/3mbn7nth6tprh")},
    };
    alert.sample_posts = posts;
    alert.sample_posts_count = 3;
    const struct sky_json_value *item = write_one(&reading, &alert, ALERT_WINDOW_END_MS);
    const struct sky_json_value *annotations = sky_json_member(item, "annotations");
    assert_int_equal(annotations->count, 3);
    assert_text(annotations, "keyword", "a\",\"x\":\" [2J !");
    assert_text(annotations, "samples", "");
    end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_stay_and_annotations_tell),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
