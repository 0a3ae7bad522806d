/* Records as docs/RECORDS.md spells them, written and read again; and what is no record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trend/record_json.h"

static struct sky_record_reader reader;

#define WINDOW     "\"window_start\":\"2026-01-05T00:45:00.000Z\",\"window_end\":\"2026-01-05T00:55:00.000Z\""
#define START_MS   INT64_C(1767573900000) /* date -u -d 2026-01-05T00:45:00Z +%s000 */
#define END_MS     INT64_C(1767574500000)
#define STARTED_MS INT64_C(1767573540000) /* 00:39:00 */
#define CREATED_MS INT64_C(1767574053753) /* 00:47:33.753 */
#define SAMPLES                                                                                                        \
    "\"sample_posts\":[{\"uri\":\"at://did:plc:a/app.bsky.feed.post/3k\",\"author_did\":\"did:plc:a\","                \
    "\"text\":\"紅茶 \\\"x\\\"\",\"created_at\":\"2026-01-05T00:47:33.753Z\"}]"
#define ALERT                                                                                                          \
    "{\"keyword\":\"紅茶\",\"frequency\":562,\"growth_rate\":9.545055,\"confidence_score\":0.014576," WINDOW           \
    "," SAMPLES ",\"unique_authors\":524,\"rank\":0,\"id\":\"f76d756af2178f8b\",\"kind\":\"ended\","                   \
    "\"language\":\"ja\",\"z_score\":-2.284677,\"expected\":49.691539,"                                                \
    "\"started_at\":\"2026-01-05T00:39:00.000Z\",\"topic\":[]}"
#define TOP "{\"keyword\":\"#tea\",\"language\":\"en\",\"count\":12,\"unique_authors\":9}"
#define SNAPSHOT                                                                                                       \
    "{" WINDOW ",\"trends\":[" ALERT "," ALERT "],\"ended\":[],\"recurring\":[" ALERT                                  \
    "],\"posts\":31000,\"active_authors\":17000,\"volume\":{\"en\":120000,\"other\":7},\"top_keywords\":[" TOP         \
    "],\"warming_up\":true}"
#define COUNT                                                                                                          \
    "{\"keyword\":\"tea time\",\"normalized_keyword\":\"tea time\",\"language\":\"en\",\"count\":14,"                  \
    "\"unique_authors\":11,\"voices\":10," WINDOW "," SAMPLES "}"
#define ACTIVITY                                                                                                       \
    "{" WINDOW ",\"posts\":15000,\"replies\":6000,\"unique_authors\":9000,\"by_language\":{\"en\":9000,\"ja\":6000},"  \
    "\"top_keywords\":[" TOP "," TOP "],\"top_hashtags\":[" TOP "]}"
#define SESSION                                                                                                        \
    "{\"author_did\":\"did:plc:a\",\"session_start\":\"2026-01-05T00:45:00.000Z\","                                    \
    "\"session_end\":\"2026-01-05T00:47:33.753Z\",\"posts\":7,\"replies\":3}"

/* Any record, so that one table tests all. */
union record {
    struct sky_trend_alert alert;
    struct sky_trend_snapshot snapshot;
    struct sky_keyword_count count;
    struct sky_activity_record activity;
    struct sky_session session;
};

enum kind { AN_ALERT, A_SNAPSHOT, A_COUNT, AN_ACTIVITY, A_SESSION };

static enum sky_status read_record(enum kind kind, struct sky_span input, union record *record, struct sky_error *error)
{
    switch (kind) {
    case AN_ALERT: return sky_trend_alert_read(&reader, input, &record->alert, error);
    case A_SNAPSHOT: return sky_trend_snapshot_read(&reader, input, &record->snapshot, error);
    case A_COUNT: return sky_keyword_count_read(&reader, input, &record->count, error);
    case AN_ACTIVITY: return sky_activity_read(&reader, input, &record->activity, error);
    default: return sky_session_read(&reader, input, &record->session, error);
    }
}

static void write_record(enum kind kind, const union record *record, struct sky_buffer *out)
{
    struct sky_json_writer json;
    out->len = 0;
    sky_json_begin(&json, out);
    switch (kind) {
    case AN_ALERT: sky_trend_alert_write(&json, &record->alert); break;
    case A_SNAPSHOT: sky_trend_snapshot_write(&json, &record->snapshot); break;
    case A_COUNT: sky_keyword_count_write(&json, &record->count); break;
    case AN_ACTIVITY: sky_activity_write(&json, &record->activity); break;
    default: sky_session_write(&json, &record->session); break;
    }
}

static const struct record_text {
    enum kind kind;
    const char *text;
} texts[] = {
    {AN_ALERT, ALERT}, {A_SNAPSHOT, SNAPSHOT}, {A_COUNT, COUNT}, {AN_ACTIVITY, ACTIVITY}, {A_SESSION, SESSION},
};

#define TEXTS (sizeof texts / sizeof *texts)

static void test_read_and_written_again_is_the_same(void **state)
{
    (void)state;
    struct sky_buffer out = {0};
    for (size_t i = 0; i < TEXTS; i++) {
        union record record;
        struct sky_error error;
        assert_int_equal(read_record(texts[i].kind, sky_span_from_string(texts[i].text), &record, &error), SKY_OK);
        write_record(texts[i].kind, &record, &out);
        sky_buffer_put_u8(&out, 0);
        assert_string_equal((const char *)out.ptr, texts[i].text);
    }
    sky_buffer_clean_up(&out);
}

static void test_fields_of_an_alert(void **state)
{
    (void)state;
    struct sky_trend_alert alert;
    struct sky_error error;
    assert_int_equal(sky_trend_alert_read(&reader, SKY_SPAN(ALERT), &alert, &error), SKY_OK);
    assert_int_equal(alert.id, UINT64_C(0xf76d756af2178f8b));
    assert_int_equal(alert.kind, SKY_TREND_ENDED);
    assert_true(sky_span_equal(alert.keyword, SKY_SPAN("紅茶")));
    assert_true(sky_span_equal(alert.language, SKY_SPAN("ja")));
    assert_int_equal(alert.frequency, 562);
    assert_int_equal(alert.unique_authors, 524);
    assert_int_equal(alert.rank, 0);
    assert_true(alert.growth_rate == 9.545055 && alert.confidence_score == 0.014576);
    assert_true(alert.z_score == -2.284677 && alert.expected == 49.691539);
    assert_int_equal(alert.window_start_ms, START_MS);
    assert_int_equal(alert.window_end_ms, END_MS);
    assert_int_equal(alert.started_at_ms, STARTED_MS);
    assert_int_equal(alert.sample_posts_count, 1);
    assert_true(sky_span_equal(alert.sample_posts[0].text, SKY_SPAN("紅茶 \"x\"")));
    assert_int_equal(alert.sample_posts[0].created_at_ms, CREATED_MS);
}

static void test_fields_of_the_others(void **state)
{
    (void)state;
    struct sky_error error;
    struct sky_trend_snapshot snapshot;
    assert_int_equal(sky_trend_snapshot_read(&reader, SKY_SPAN(SNAPSHOT), &snapshot, &error), SKY_OK);
    assert_int_equal(snapshot.trends_count, 2);
    assert_int_equal(snapshot.ended_count, 0);
    assert_int_equal(snapshot.recurring_count, 1);
    assert_int_equal(snapshot.posts, 31000);
    assert_int_equal(snapshot.active_authors, 17000);
    assert_int_equal(snapshot.volume_count, 2);
    assert_true(sky_span_equal(snapshot.volume[1].language, SKY_SPAN("other")) && snapshot.volume[1].words == 7);
    assert_int_equal(snapshot.top_keywords[0].count, 12);
    assert_true(snapshot.warming_up);
    struct sky_keyword_count count;
    assert_int_equal(sky_keyword_count_read(&reader, SKY_SPAN(COUNT), &count, &error), SKY_OK);
    assert_int_equal(count.count, 14);
    assert_int_equal(count.voices, 10);
    assert_int_equal(count.window_end_ms, END_MS);
    struct sky_activity_record activity;
    assert_int_equal(sky_activity_read(&reader, SKY_SPAN(ACTIVITY), &activity, &error), SKY_OK);
    assert_int_equal(activity.replies, 6000);
    assert_int_equal(activity.by_language[1].posts, 6000);
    assert_int_equal(activity.top_keywords_count, 2);
    assert_int_equal(activity.top_hashtags[0].unique_authors, 9);
    struct sky_session session;
    assert_int_equal(sky_session_read(&reader, SKY_SPAN(SESSION), &session, &error), SKY_OK);
    assert_int_equal(session.session_start_ms, START_MS);
    assert_int_equal(session.session_end_ms, CREATED_MS);
    assert_int_equal(session.posts, 7);
    assert_int_equal(session.replies, 3);
}

/* Only what must be there, in another order, with fields of a later version. */
static void test_defaults_and_unknown_fields(void **state)
{
    (void)state;
    struct sky_error error;
    struct sky_trend_alert alert;
    assert_int_equal(sky_trend_alert_read(&reader,
                                          SKY_SPAN("{\"later\":{\"a\":[1]},\"kind\":\"started\"," WINDOW
                                                   ",\"id\":\"00000000000000ff\",\"keyword\":\"x\",\"rank\":null}"),
                                          &alert, &error),
                     SKY_OK);
    assert_int_equal(alert.id, 255);
    assert_int_equal(alert.frequency + alert.rank + alert.sample_posts_count, 0);
    assert_true(alert.z_score == 0 && alert.language.len == 0);
    struct sky_trend_snapshot snapshot;
    assert_int_equal(sky_trend_snapshot_read(&reader, SKY_SPAN("{" WINDOW "}"), &snapshot, &error), SKY_OK);
    assert_int_equal(snapshot.trends_count + snapshot.volume_count, 0);
    assert_false(snapshot.warming_up);
    struct sky_keyword_count count;
    assert_int_equal(
        sky_keyword_count_read(&reader, SKY_SPAN("{\"keyword\":\"Tea\",\"count\":1," WINDOW "}"), &count, &error),
        SKY_OK);
    assert_true(sky_span_equal(count.normalized_keyword, SKY_SPAN("Tea")));
}

static const struct bad {
    enum kind kind;
    const char *text;
    enum sky_status status;
} bad[] = {
    {AN_ALERT, "", SKY_E_TRUNCATED},
    {AN_ALERT, "[]", SKY_E_MISSING},
    {AN_ALERT, "{" WINDOW ",\"id\":\"00000000000000ff\",\"kind\":\"started\"}", SKY_E_MISSING},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"\",\"id\":\"00000000000000ff\",\"kind\":\"started\"}", SKY_E_MISSING},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"kind\":\"started\"}", SKY_E_MISSING},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"id\":\"00000000000000ff\"}", SKY_E_MISSING},
    {AN_ALERT, "{\"keyword\":\"x\",\"id\":\"00000000000000ff\",\"kind\":\"started\"}", SKY_E_MISSING},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"id\":\"ff\",\"kind\":\"started\"}", SKY_E_RANGE},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"id\":\"00000000000000FF\",\"kind\":\"started\"}", SKY_E_RANGE},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"id\":255,\"kind\":\"started\"}", SKY_E_TYPE},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"id\":\"00000000000000ff\",\"kind\":\"begun\"}", SKY_E_RANGE},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"id\":\"00000000000000ff\",\"kind\":\"started\",\"z_score\":1e999}",
     SKY_E_RANGE},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"id\":\"00000000000000ff\",\"kind\":\"started\",\"z_score\":\"1\"}",
     SKY_E_TYPE},
    {AN_ALERT, "{" WINDOW ",\"keyword\":\"x\",\"id\":\"00000000000000ff\",\"kind\":\"started\",\"sample_posts\":[1]}",
     SKY_E_TYPE},
    {A_SNAPSHOT, "{" WINDOW ",\"trends\":[" ALERT ",{}]}", SKY_E_MISSING},
    {A_SNAPSHOT, "{" WINDOW ",\"volume\":{\"en\":-1}}", SKY_E_RANGE},
    {A_SNAPSHOT, "{" WINDOW ",\"volume\":[]}", SKY_E_TYPE},
    {A_SNAPSHOT, "{\"window_start\":\"yesterday\",\"window_end\":\"2026-01-05T00:55:00.000Z\"}", SKY_E_RANGE},
    {A_SNAPSHOT, "{" WINDOW ",\"posts\":1.5}", SKY_E_RANGE},
    {A_SNAPSHOT, "{" WINDOW "} x", SKY_E_TRAILING},
    {A_COUNT, "{\"count\":1," WINDOW "}", SKY_E_MISSING},
    {A_COUNT, "{\"keyword\":\"x\",\"count\":4294967296," WINDOW "}", SKY_E_RANGE},
    {A_COUNT, "{\"keyword\":\"x\"," WINDOW "}", SKY_E_MISSING},
    {AN_ACTIVITY, "{" WINDOW "}", SKY_E_MISSING},
    {AN_ACTIVITY, "{" WINDOW ",\"posts\":1,\"top_hashtags\":[{}]}", SKY_E_MISSING},
    {A_SESSION, "{\"author_did\":\"did:plc:a\",\"posts\":1}", SKY_E_MISSING},
};

static void test_what_is_no_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        union record record;
        struct sky_error error;
        enum sky_status status = read_record(bad[i].kind, sky_span_from_string(bad[i].text), &record, &error);
        if (status != bad[i].status)
            fail_msg("%s: %s instead of %s", bad[i].text, sky_status_name(status), sky_status_name(bad[i].status));
        assert_int_equal(error.status, status);
        assert_non_null(error.reason);
        assert_true(error.offset <= strlen(bad[i].text));
    }
}

/* Cut anywhere: never a record, never a read past the end (the copy ends where the text does). */
static void test_every_cut_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXTS; i++)
        for (size_t len = 0; len < strlen(texts[i].text); len++) {
            union record record;
            struct sky_error error;
            uint8_t *cut = malloc(len + 1);
            assert_non_null(cut);
            memcpy(cut, texts[i].text, len);
            assert_int_not_equal(read_record(texts[i].kind, sky_span_of(cut, len), &record, &error), SKY_OK);
            free(cut);
        }
}

static int clean_up(void **state)
{
    (void)state;
    sky_record_reader_clean_up(&reader);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_and_written_again_is_the_same),
        cmocka_unit_test(test_fields_of_an_alert),
        cmocka_unit_test(test_fields_of_the_others),
        cmocka_unit_test(test_defaults_and_unknown_fields),
        cmocka_unit_test(test_what_is_no_record),
        cmocka_unit_test(test_every_cut_is_refused),
    };
    sky_record_reader_init(&reader);
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
