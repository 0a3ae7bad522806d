/* A lake in a folder: written, compacted and queried, beside an array of the same rows as the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/lake/lake.h"
#include "io/lake/lake_listing.h"
#include "io/lake/lake_query.h"

#define T_2026_01_05_14 INT64_C(1767621600000)
#define MINUTE_MS       INT64_C(60000)
#define HOUR_MS         INT64_C(3600000)
#define FOREVER         INT64_MAX
#define POSTS           5000 /* over more than two of DuckDB's vectors */

struct fixture {
    char folder[64];
    struct sky_lake_store *store;
    struct sky_lake *lake;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char staging[96], problem[SKY_LAKE_PROBLEM_SIZE];
    snprintf(f->folder, sizeof f->folder, "/tmp/skytrend-lake-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    const struct sky_lake_store_options store = {.location = f->folder};
    assert_int_equal(sky_lake_store_new(&store, &f->store, problem), SKY_OK);
    assert_int_equal(sky_lake_store_check(f->store, true), SKY_OK);
    snprintf(staging, sizeof staging, "%s/.staging", f->folder);
    const struct sky_lake_options options = {f->store, staging, UINT64_C(256) << 20};
    assert_int_equal(sky_lake_new(&options, &f->lake, problem), SKY_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    sky_lake_free(f->lake);
    sky_lake_store_free(f->store);
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own making */
    free(f);
    return 0;
}

struct post_text {
    char uri[80];
    char did[40];
    char text[60];
    char rev[16];
};

/* Post `i` of a stream with one post a second. */
static struct sky_post make_post(int i, struct post_text *text)
{
    static struct sky_span langs[2];
    langs[0] = SKY_SPAN("en");
    langs[1] = SKY_SPAN("pt-BR");
    snprintf(text->did, sizeof text->did, "did:plc:author%d", i % 97);
    snprintf(text->uri, sizeof text->uri, "at://%s/app.bsky.feed.post/%d", text->did, i);
    text->text[0] = '\0';
    if (i % 10)
        snprintf(text->text, sizeof text->text, "post %d: it's \"quoted\", caf\xc3\xa9", i);
    snprintf(text->rev, sizeof text->rev, "3%08d", i);
    return (struct sky_post){
        .op = i % 50 == 49 ? SKY_POST_UPDATE : SKY_POST_CREATE,
        .uri = sky_span_from_string(text->uri),
        .author_did = sky_span_from_string(text->did),
        .text = sky_span_from_string(text->text),
        .rev = sky_span_from_string(text->rev),
        .cid = SKY_SPAN("bafy"),
        .language = i % 3 ? SKY_SPAN("en") : (struct sky_span){0},
        .event_time_ms = T_2026_01_05_14 + 1000 * (int64_t)i,
        .observed_at_ms = T_2026_01_05_14 + 1000 * (int64_t)i - 1,
        .created_at_ms = T_2026_01_05_14 - i,
        .seq = 1000000 + i,
        .langs = langs,
        .langs_count = (uint32_t)(i % 3),
        .hashtags = langs,
        .hashtags_count = (uint32_t)(i % 2),
    };
}

static void store_posts(struct fixture *f, int from, int to)
{
    struct post_text text;
    const struct sky_lake_chunk chunk = {"bluesky-posts", 2, from, to};
    for (int i = from; i < to; i++) {
        struct sky_post post = make_post(i, &text);
        assert_int_equal(sky_lake_add_post(f->lake, &post), SKY_OK);
    }
    assert_int_equal(sky_lake_rows(f->lake), to - from);
    assert_int_equal(sky_lake_store_raw_posts(f->lake, &chunk), SKY_OK);
    assert_int_equal(sky_lake_clear(f->lake), SKY_OK);
}

static void store_event(struct fixture *f, const struct sky_post *post, int offset)
{
    const struct sky_lake_chunk chunk = {"bluesky-posts", 2, offset, offset + 1};
    assert_int_equal(sky_lake_add_post(f->lake, post), SKY_OK);
    assert_int_equal(sky_lake_store_raw_posts(f->lake, &chunk), SKY_OK);
    assert_int_equal(sky_lake_clear(f->lake), SKY_OK);
}

/* ---- results as text ---- */

static enum sky_status take_row(void *context, const struct sky_span *values)
{
    struct sky_buffer *out = context;
    for (size_t i = 0; i < out[1].len; i++) {
        sky_buffer_put_string(&out[0], i ? "|" : "");
        sky_buffer_put_span(&out[0], values[i].ptr ? values[i] : SKY_SPAN("NULL"));
    }
    sky_buffer_put_u8(&out[0], '\n');
    return SKY_OK;
}

static struct sky_lake_query *open_query(struct fixture *f)
{
    struct sky_lake_query *query;
    char problem[SKY_LAKE_QUERY_PROBLEM_SIZE];
    const struct sky_lake_query_options options = {
        .location = f->folder, .memory_bytes = UINT64_C(256) << 20, .threads = 1};
    assert_int_equal(sky_lake_query_new(&options, &query, problem), SKY_OK);
    return query;
}

static void assert_rows(struct sky_lake_query *query, const char *expected)
{
    struct sky_buffer out[2] = {{0}, {0}};
    sky_lake_query_columns(query, &out[1].len);
    assert_int_equal(sky_lake_query_rows(query, take_row, out), SKY_OK);
    sky_buffer_put_u8(&out[0], '\0');
    assert_string_equal((const char *)out[0].ptr, expected);
    sky_buffer_clean_up(&out[0]);
}

static void assert_sql(struct fixture *f, const char *sql, const char *expected)
{
    struct sky_lake_query *query = open_query(f);
    enum sky_status status = sky_lake_query_sql(query, sky_span_from_string(sql), 0, FOREVER, 0);
    if (status != SKY_OK)
        fail_msg("%s: %s", sql, sky_lake_query_problem(query));
    assert_rows(query, expected);
    sky_lake_query_free(query);
}

static void assert_refused(struct fixture *f, const char *sql)
{
    struct sky_lake_query *query = open_query(f);
    assert_int_equal(sky_lake_query_sql(query, sky_span_from_string(sql), 0, FOREVER, 0), SKY_E_RANGE);
    assert_true(sky_lake_query_problem(query)[0]);
    sky_lake_query_free(query);
}

static size_t count_files(struct fixture *f, enum sky_lake_table table, bool covered_too)
{
    struct sky_lake_listing listing;
    size_t count = 0;
    assert_int_equal(sky_lake_list(f->store, table, 0, FOREVER, &listing), SKY_OK);
    for (size_t i = 0; i < listing.count; i++)
        count += covered_too || !listing.entries[i].covered;
    sky_lake_listing_clean_up(&listing);
    return count;
}

/* ---- tests ---- */

static void test_posts(void **state)
{
    struct fixture *f = *state;
    store_posts(f, 0, POSTS);
    assert_int_equal(count_files(f, SKY_LAKE_POSTS, true), 2); /* 5,000 s from 14:00:00 on: two hours */
    assert_sql(f, "SELECT hour, count(*), min(seq), max(seq) FROM posts GROUP BY hour ORDER BY hour",
               "14|3600|1000000|1003599\n15|1400|1003600|1004999\n");
    assert_sql(f, "SELECT * FROM posts WHERE seq = 1000049;",
               "at://did:plc:author49/app.bsky.feed.post/49|did:plc:author49|post 49: it's \"quoted\", caf\xc3\xa9"
               "|2026-01-05T13:59:59.951Z|en|NULL|[]|[\"en\"]|update|2026-01-05T14:00:49.000Z"
               "|2026-01-05T14:00:48.999Z|1000049|300000049|bafy||[\"en\"]|[]|5|14|1|2026\n");
    assert_sql(
        f,
        "SELECT count(*) FILTER (language IS NULL), count(*) FILTER (text = ''), sum(len(langs)), sum(len(hashtags))"
        " FROM posts",
        "1667|500|4999|2500\n");
    store_posts(f, 0, POSTS); /* the same chunk again replaces its files */
    assert_sql(f, "SELECT count(*) FROM raw_posts -- a comment at the end", "5000\n");
    struct sky_lake_query *query = open_query(f);
    assert_int_equal(sky_lake_query_sql(query, SKY_SPAN("SELECT range FROM range(9) ORDER BY range DESC -- last first"),
                                        0, FOREVER, 3),
                     SKY_OK);
    assert_rows(query, "8\n7\n6\n");
    sky_lake_query_free(query);
}

static void test_deletes_and_accounts(void **state)
{
    struct fixture *f = *state;
    struct post_text text;
    store_posts(f, 0, 300);
    struct sky_post gone = make_post(7, &text);
    gone.op = SKY_POST_DELETE;
    gone.rev = SKY_SPAN("3z");
    gone.event_time_ms += 50 * HOUR_MS;
    store_event(f, &gone, 300);
    assert_sql(f, "SELECT count(*) FROM posts", "299\n");
    struct sky_post again = make_post(7, &text); /* the same key, used again later */
    again.rev = SKY_SPAN("3zz");
    again.event_time_ms = gone.event_time_ms + 1;
    store_event(f, &again, 301);
    assert_sql(f, "SELECT count(*), max(rev) FROM posts", "300|3zz\n");

    struct sky_post account = {.op = SKY_POST_ACCOUNT,
                               .author_did = SKY_SPAN("did:plc:author5"), /* posts 5, 102, 199, 296 */
                               .status = SKY_SPAN("throttled"),
                               .event_time_ms = T_2026_01_05_14};
    store_event(f, &account, 302);
    assert_sql(f, "SELECT count(*) FROM posts", "300\n");
    account.status = SKY_SPAN("takendown");
    account.event_time_ms += 1;
    store_event(f, &account, 303);
    assert_sql(f, "SELECT count(*) FROM posts", "296\n");
    account.active = true;
    account.status = (struct sky_span){0};
    account.event_time_ms += 1;
    store_event(f, &account, 304);
    assert_sql(f, "SELECT count(*) FROM posts", "300\n");
    assert_sql(f, "SELECT op, uri, active, status FROM deletes ORDER BY event_time, op",
               "account|NULL|false|throttled\naccount|NULL|false|takendown\naccount|NULL|true|NULL\n"
               "delete|at://did:plc:author7/app.bsky.feed.post/7|false|NULL\n");
}

/* Every row once, at every step of a compaction; small files become few, and the old ones go after the grace. */
static void test_compaction(void **state)
{
    struct fixture *f = *state;
    struct sky_lake_compacted done;
    struct sky_lake_compaction compaction = {.now_ms = T_2026_01_05_14 + 2 * HOUR_MS + HOUR_MS / 2,
                                             .clock_ms = INT64_C(4102444800000), /* 2100 */
                                             .closed_ms = HOUR_MS,
                                             .grace_ms = 0,
                                             .end_ms = FOREVER,
                                             .offset_max = 3000,
                                             .merges_max = 100};
    const char *all = "5000|5000|12502500\n",
               *sql = "SELECT count(*), count(DISTINCT uri), sum(seq - 999999) FROM raw_posts";
    for (int i = 0; i < POSTS; i += 500)
        store_posts(f, i, i + 500);
    assert_int_equal(count_files(f, SKY_LAKE_POSTS, true), 11); /* 3500 to 4000 in both hours */

    assert_int_equal(sky_lake_compact(f->lake, &compaction, &done), SKY_OK);
    assert_int_equal(done.merged, 1); /* hour 14, up to offset 3000; hour 15 has not been closed for an hour */
    assert_int_equal(done.replaced, 6);
    assert_int_equal(done.deleted, 0);
    assert_sql(f, sql, all);
    compaction.offset_max = FOREVER;
    compaction.now_ms = INT64_C(4102444800000); /* 2100 */
    assert_int_equal(sky_lake_compact(f->lake, &compaction, &done), SKY_OK);
    assert_int_equal(done.deleted, 6);
    assert_int_equal(done.merged, 2);
    assert_sql(f, sql, all);
    assert_int_equal(count_files(f, SKY_LAKE_POSTS, false), 2);
    assert_int_equal(sky_lake_compact(f->lake, &compaction, &done), SKY_OK);
    assert_int_equal(done.merged, 0);
    assert_int_equal(count_files(f, SKY_LAKE_POSTS, true), 2);
    assert_sql(f, sql, all);
    store_posts(f, 1000, 1500); /* a chunk that is done again after a crash is covered */
    assert_sql(f, sql, all);
    assert_sql(f, "SELECT seq FROM raw_posts LIMIT 2 OFFSET 2998", "1002998\n1002999\n"); /* the order is kept */
}

static struct sky_trend_alert make_alert(const char *keyword, uint64_t id, int64_t end_ms, uint32_t authors)
{
    static struct sky_sample_post samples[2];
    samples[0] = (struct sky_sample_post){SKY_SPAN("at://a/1"), SKY_SPAN("did:a"), SKY_SPAN("=cmd"), 0};
    samples[1] = (struct sky_sample_post){SKY_SPAN("at://b/2"), SKY_SPAN("did:b"), SKY_SPAN(""), 0};
    return (struct sky_trend_alert){
        .id = id,
        .kind = SKY_TREND_ONGOING,
        .keyword = sky_span_from_string(keyword),
        .language = SKY_SPAN("en"),
        .frequency = 2 * authors,
        .unique_authors = authors,
        .rank = 1,
        .growth_rate = 2.5,
        .z_score = 6,
        .confidence_score = 0.5,
        .expected = 3.25,
        .window_start_ms = end_ms - 10 * MINUTE_MS,
        .window_end_ms = end_ms,
        .started_at_ms = T_2026_01_05_14,
        .sample_posts = samples,
        .sample_posts_count = 2,
    };
}

static void store_trends(struct fixture *f)
{
    for (int minute = 0; minute < 90; minute++) {
        int64_t end_ms = T_2026_01_05_14 + minute * MINUTE_MS;
        struct sky_trend_alert alerts[] = {make_alert("storm", 1, end_ms, (uint32_t)(10 + minute)),
                                           make_alert("#tea", 2, end_ms, 7), make_alert("big storm", 3, end_ms, 8)};
        const struct sky_trend_snapshot snapshot = {.window_start_ms = end_ms - 10 * MINUTE_MS,
                                                    .window_end_ms = end_ms,
                                                    .posts = 100,
                                                    .trends = alerts,
                                                    .trends_count = 2,
                                                    .recurring = alerts + 2,
                                                    .recurring_count = 1};
        assert_int_equal(sky_lake_add_trends(f->lake, &snapshot), SKY_OK);
    }
    const struct sky_lake_chunk chunk = {"trends", 0, 0, 90};
    assert_int_equal(sky_lake_store_trend_aggregations(f->lake, &chunk), SKY_OK);
    assert_int_equal(sky_lake_clear(f->lake), SKY_OK);
}

static void test_historical_trends(void **state)
{
    struct fixture *f = *state;
    uint64_t files, bytes;
    store_trends(f);
    struct sky_lake_query *query = open_query(f);
    struct sky_lake_trends_wanted wanted = {.start_ms = T_2026_01_05_14 + 30 * MINUTE_MS,
                                            .end_ms = T_2026_01_05_14 + 40 * MINUTE_MS};
    assert_int_equal(sky_lake_query_historical_trends(query, &wanted), SKY_OK);
    assert_rows(query,
                "2026-01-05T14:00:00.000Z|2026-01-05T14:39:00.000Z|1|#tea|en|14|7|2.5|6.0|0.5|10|0000000000000002|false"
                "|[\"at://a/1\",\"at://b/2\"]\n"
                "2026-01-05T14:00:00.000Z|2026-01-05T14:39:00.000Z|1|big storm|en|16|8|2.5|6.0|0.5|10"
                "|0000000000000003|true|[\"at://a/1\",\"at://b/2\"]\n"
                "2026-01-05T14:00:00.000Z|2026-01-05T14:39:00.000Z|1|storm|en|98|49|2.5|6.0|0.5|10"
                "|0000000000000001|false|[\"at://a/1\",\"at://b/2\"]\n");
    sky_lake_query_extent(query, &files, &bytes);
    assert_int_equal(files, 1); /* hour 15 was not touched */
    assert_true(bytes > 0);
    wanted.keyword = SKY_SPAN("Storm");
    wanted.each_slide = true;
    wanted.limit = 3;
    assert_int_equal(sky_lake_query_historical_trends(query, &wanted), SKY_OK);
    assert_rows(query, "2026-01-05T14:30:00.000Z|1|big storm|en|ongoing|16|8|2.5|6.0|0.5|3.25|2026-01-05T14:00:00.000Z"
                       "|0000000000000003|true|[\"at://a/1\",\"at://b/2\"]\n"
                       "2026-01-05T14:30:00.000Z|1|storm|en|ongoing|80|40|2.5|6.0|0.5|3.25|2026-01-05T14:00:00.000Z"
                       "|0000000000000001|false|[\"at://a/1\",\"at://b/2\"]\n"
                       "2026-01-05T14:31:00.000Z|1|big storm|en|ongoing|16|8|2.5|6.0|0.5|3.25|2026-01-05T14:00:00.000Z"
                       "|0000000000000003|true|[\"at://a/1\",\"at://b/2\"]\n");
    wanted.keyword = SKY_SPAN("tor' OR '1'='1");
    assert_int_equal(sky_lake_query_historical_trends(query, &wanted), SKY_OK);
    assert_rows(query, "");
    wanted.start_ms = T_2026_01_05_14 - 1000 * HOUR_MS;
    wanted.end_ms = T_2026_01_05_14 - 999 * HOUR_MS;
    assert_int_equal(sky_lake_query_historical_trends(query, &wanted), SKY_OK);
    assert_rows(query, "");
    int64_t start_ms, end_ms;
    assert_int_equal(sky_lake_query_hours(query, SKY_LAKE_SESSIONS, &start_ms, &end_ms), SKY_E_MISSING);
    assert_int_equal(sky_lake_query_hours(query, SKY_LAKE_TRENDS, &start_ms, &end_ms), SKY_OK);
    assert_int_equal(start_ms, T_2026_01_05_14);
    assert_int_equal(end_ms, T_2026_01_05_14 + 2 * HOUR_MS);
    sky_lake_query_free(query);
}

static void test_activity_and_sessions(void **state)
{
    struct fixture *f = *state;
    const struct sky_language_posts languages[] = {{SKY_SPAN("en"), 5}, {SKY_SPAN("ja"), 3}, {SKY_SPAN("en"), 1}};
    const struct sky_top_keyword top[] = {{SKY_SPAN("tea"), SKY_SPAN("en"), 4, 3},
                                          {SKY_SPAN("x y"), SKY_SPAN("en"), 2, 2}};
    const struct sky_activity_record activity = {
        T_2026_01_05_14, T_2026_01_05_14 + 5 * MINUTE_MS, 9, 2, 8, languages, 3, top, 2, top, 0};
    const struct sky_session session = {SKY_SPAN("did:a"), T_2026_01_05_14 - 1, T_2026_01_05_14 + 1, 3, 1};
    const struct sky_lake_chunk chunk = {"activity-5m", 0, 0, 1};
    assert_int_equal(sky_lake_add_activity(f->lake, &activity), SKY_OK);
    assert_int_equal(sky_lake_add_session(f->lake, &session), SKY_OK);
    assert_int_equal(sky_lake_store_trend_aggregations(f->lake, &chunk), SKY_OK);
    assert_sql(f, "SELECT * EXCLUDE (year, month, day) FROM activity",
               "2026-01-05T14:00:00.000Z|2026-01-05T14:05:00.000Z|9|2|8|{\"en\":5,\"ja\":3}|[\"tea\",\"x y\"]|[]|14\n");
    assert_sql(f, "SELECT author_did, session_start, session_end, posts, replies, hour FROM sessions",
               "did:a|2026-01-05T13:59:59.999Z|2026-01-05T14:00:00.001Z|3|1|14\n");
}

static void test_read_only(void **state)
{
    struct fixture *f = *state;
    char sql[200];
    store_posts(f, 0, 10);
    assert_sql(f, "SELECT count(*) FROM trends", "0\n"); /* a table without files */
    assert_refused(f, "");
    assert_refused(f, "SELEC 1");
    assert_refused(f, "SELECT 1; SELECT 2");
    assert_refused(f, "DROP VIEW posts");
    assert_refused(f, "COPY (SELECT 1) TO '/tmp/skytrend-evil.csv'");
    snprintf(sql, sizeof sql, "COPY (SELECT 1) TO '%s/evil.csv'", f->folder);
    assert_refused(f, sql);
    assert_refused(f, "SELECT * FROM read_text('/etc/hostname')");
    assert_refused(f, "SELECT * FROM read_csv('http://127.0.0.1:9/x')");
    assert_refused(f, "ATTACH '/tmp/skytrend-evil.db'");
    assert_refused(f, "SET threads = 1");
    assert_refused(f, "INSTALL spatial");
}

static void test_no_such_lake(void **state)
{
    struct sky_lake_query *query;
    char problem[SKY_LAKE_QUERY_PROBLEM_SIZE];
    const struct sky_lake_query_options options = {
        .location = "/tmp/skytrend-there-is-no-such-folder", .memory_bytes = UINT64_C(64) << 20, .threads = 1};
    assert_int_equal(sky_lake_query_new(&options, &query, problem), SKY_E_CONFIG);
    assert_non_null(strstr(problem, "no such folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_posts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deletes_and_accounts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_historical_trends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_activity_and_sessions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_only, set_up, tear_down),
        cmocka_unit_test(test_no_such_lake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
