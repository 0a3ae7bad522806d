/* The stages against the engine in one piece: the same posts give the same records, byte for byte apart from their
 * order, however the partitions come in, in whatever order buckets are closed, and whatever is restarted in between.
 *
 * The network is made up: four languages, words that several share, bursts, repeats, imports, deletes, updates,
 * accounts that go and come back, quiet hours, and a silence of more than a week. A foreign writer puts records of the
 * future between, which both refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/options.h"
#include "event/post_json.h"
#include "stage/count_stage.h"
#include "stage/decode_stage.h"
#include "stage/post_stage.h"
#include "stage/rank_stage.h"
#include "stage/record.h"

#define START_MS       INT64_C(1780000020000) /* a whole minute, not a whole window of activity */
#define PARTITIONS     3
#define AUTHORS        500
#define EVENTS_MAX     40000
#define PAST           200 /* posts that may be deleted, changed or come again */
#define POSTS_A_MINUTE 120

/* ---- the network ---- */

struct event {
    int64_t time_ms;
    uint32_t partition;
    char *json;           /* NULL: a watermark of every partition */
    int64_t timestamp_ms; /* Kafka's of the record */
    bool is_refused;      /* it is too far ahead of that */
};

struct past_post {
    char uri[96], did[40], rev[16], text[256];
};

struct network {
    struct event events[EVENTS_MAX];
    uint32_t count;
    uint64_t random;
    struct past_post past[PAST];
    uint32_t posts;
    int64_t now_ms;
    bool has_foreign;
};

static struct network network;

static uint32_t random_below(uint32_t bound)
{
    network.random = network.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((network.random >> 33) % bound);
}

static void add_event(const struct sky_post *post)
{
    struct sky_buffer buffer = {0};
    struct sky_json_writer json;
    assert_true(network.count < EVENTS_MAX);
    sky_json_begin(&json, &buffer);
    sky_post_json_write(&json, post);
    sky_buffer_put_u8(&buffer, 0);
    network.events[network.count++] = (struct event){
        .time_ms = post->event_time_ms,
        .partition = (uint32_t)(sky_hash_id(post->author_did) % PARTITIONS),
        .json = (char *)buffer.ptr,
        .timestamp_ms = post->event_time_ms,
    };
}

static struct sky_post post_of(const struct past_post *past, enum sky_post_op op)
{
    return (struct sky_post){.op = op,
                             .uri = sky_span_from_string(past->uri),
                             .author_did = sky_span_from_string(past->did),
                             .rev = sky_span_from_string(past->rev),
                             .text = sky_span_from_string(past->text),
                             .has_created_at = true,
                             .created_at_ms = network.now_ms,
                             .observed_at_ms = network.now_ms,
                             .event_time_ms = network.now_ms};
}

static void write_text(struct past_post *past, uint32_t language, bool burst)
{
    static const char *const shared[] = {"volcano", "festival", "matchday"};
    const char *extra = burst ? shared[random_below(3)] : "";
    uint32_t a = random_below(60), b = random_below(300);
    switch (language) {
    case 0:
        snprintf(past->text, sizeof past->text, "the morning light over alpha%u and bravo%u was good %s", a, b, extra);
        break;
    case 1: snprintf(past->text, sizeof past->text, "東京タワーで雪%uを見た #タグ%u %s", a, b % 40, extra); break;
    case 2:
        snprintf(past->text, sizeof past->text, "não sei quando a chuva%u chega em cidade%u %s", a, b, extra);
        break;
    default: snprintf(past->text, sizeof past->text, "soppa och br%ud med #fika%u %s", a, b % 20, extra); break;
    }
}

static void add_create(uint32_t author, bool burst)
{
    static const char *const tags[] = {"en", "ja", "pt", "sv"};
    uint32_t language = burst ? random_below(3) : random_below(4);
    struct past_post *past = &network.past[network.posts % PAST];
    snprintf(past->did, sizeof past->did, "did:plc:author%u", author);
    snprintf(past->uri, sizeof past->uri, "at://did:plc:author%u/app.bsky.feed.post/p%u", author, network.posts);
    snprintf(past->rev, sizeof past->rev, "r%u", network.posts++);
    write_text(past, language, burst);
    struct sky_post post = post_of(past, SKY_POST_CREATE);
    struct sky_span tag = sky_span_from_string(tags[language]), label = SKY_SPAN("!no-unauthenticated"),
                    adult = SKY_SPAN("porn");
    post.langs = &tag;
    post.langs_count = 1;
    post.language = tag;
    if (random_below(4) == 0)
        post.reply_to = SKY_SPAN("at://did:plc:other/app.bsky.feed.post/1");
    if (random_below(20) == 0)
        post.labels = &label, post.labels_count = 1;
    else if (random_below(40) == 0)
        post.labels = &adult, post.labels_count = 1;
    if (random_below(50) == 0)
        post.created_at_ms -= 2 * SKY_HOUR_MS; /* an import */
    add_event(&post);
}

/* Something that happens to a post of before, or to its author. */
static void add_change(void)
{
    struct past_post *past = &network.past[random_below(network.posts < PAST ? network.posts : PAST)];
    struct sky_span adult = SKY_SPAN("porn");
    struct sky_post post = post_of(past, SKY_POST_DELETE);
    switch (random_below(6)) {
    case 0: break;
    case 1: /* anew after a delete, or a repeat */
        post.op = SKY_POST_CREATE;
        if (random_below(2)) {
            snprintf(past->rev, sizeof past->rev, "r%u-%u", network.posts, random_below(1000));
            write_text(past, random_below(4), random_below(2));
            post = post_of(past, SKY_POST_CREATE);
        }
        break;
    case 2: post.op = SKY_POST_UPDATE; break;
    case 3:
        post.op = SKY_POST_UPDATE;
        post.labels = &adult;
        post.labels_count = 1;
        break;
    case 4: post.op = SKY_POST_ACCOUNT, post.status = SKY_SPAN("takendown"); break;
    default: post.op = SKY_POST_ACCOUNT, post.active = true; break;
    }
    add_event(&post);
}

/* Written now, and dated an hour ahead or more: a watermark would close all minutes up to there. */
static void add_foreign(void)
{
    static const int64_t ahead_ms[] = {SKY_HOUR_MS + 1, 8 * SKY_DAY_MS, 365000 * SKY_DAY_MS};
    static uint32_t turn;
    const struct sky_post post = {.op = turn % 2 ? SKY_POST_CREATE : SKY_POST_WATERMARK,
                                  .uri = SKY_SPAN("at://did:plc:foreign/app.bsky.feed.post/1"),
                                  .author_did = SKY_SPAN("did:plc:foreign"),
                                  .text = SKY_SPAN("volcano"),
                                  .event_time_ms = network.now_ms + ahead_ms[turn % 3]};
    add_event(&post);
    struct event *event = &network.events[network.count - 1];
    event->partition = turn++ % PARTITIONS;
    event->timestamp_ms = network.now_ms;
    event->is_refused = true;
}

static void add_watermarks(void)
{
    network.events[network.count++] = (struct event){.time_ms = network.now_ms};
}

static void add_minutes(uint32_t minutes, uint32_t posts, bool burst)
{
    for (uint32_t i = 0; i < minutes * posts; i++) {
        network.now_ms += SKY_MINUTE_MS / posts;
        add_create(random_below(AUTHORS), burst && random_below(3) == 0);
        if (random_below(12) == 0)
            add_change();
        if (random_below(20) == 0)
            add_watermarks();
        if (network.has_foreign && i % 97 == 0)
            add_foreign();
    }
}

static void make_network(uint64_t seed, bool has_foreign)
{
    for (uint32_t i = 0; i < network.count; i++)
        free(network.events[i].json);
    network.count = network.posts = 0;
    network.random = seed;
    network.has_foreign = has_foreign;
    network.now_ms = START_MS;
    add_watermarks(); /* event time begins with a promise */
    network.now_ms += 3 * SKY_MINUTE_MS;
    add_minutes(40, POSTS_A_MINUTE, false);
    add_minutes(12, POSTS_A_MINUTE, true);
    add_minutes(30, POSTS_A_MINUTE, false);
    network.now_ms += 47 * SKY_MINUTE_MS; /* nobody writes */
    add_watermarks();
    add_minutes(5, 10, false);
    network.now_ms += 9 * SKY_DAY_MS;
    add_minutes(20, POSTS_A_MINUTE, false);
    add_minutes(6, POSTS_A_MINUTE, true);
    network.now_ms += SKY_HOUR_MS;
    add_watermarks();
}

/* ---- records ---- */

struct records {
    char **lines;
    uint32_t count, capacity;
    uint32_t of_kind[SKY_PUBLISHED_COUNT];
};

static void keep_record(void *context, const struct sky_published *record)
{
    struct records *records = context;
    if (records->count == records->capacity) {
        records->capacity = records->capacity ? records->capacity * 2 : 1024;
        records->lines = realloc(records->lines, records->capacity * sizeof *records->lines);
        assert_non_null(records->lines);
    }
    struct sky_buffer line = {0};
    sky_buffer_printf(&line, "%d %s%.*s @%lld #%llx %.*s", record->kind, record->key.ptr ? "key " : "no key",
                      (int)record->key.len, record->key.ptr ? (const char *)record->key.ptr : "",
                      (long long)record->timestamp_ms, (unsigned long long)record->correlation_id,
                      (int)record->value.len, (const char *)record->value.ptr);
    sky_buffer_put_u8(&line, 0);
    records->lines[records->count++] = (char *)line.ptr;
    records->of_kind[record->kind]++;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void assert_same(struct records *expected, struct records *got)
{
    qsort(expected->lines, expected->count, sizeof *expected->lines, by_text);
    qsort(got->lines, got->count, sizeof *got->lines, by_text);
    for (uint32_t i = 0; i < expected->count && i < got->count; i++) {
        const char *e = expected->lines[i], *g = got->lines[i];
        size_t same = 0;
        while (e[same] && e[same] == g[same])
            same++;
        if (e[same] != g[same]) /* they are long */
            fail_msg("record %u differs from byte %zu on:\nexpected %.40s ... %.200s\ngot      %.40s ... %.200s", i,
                     same, e, e + (same < 40 ? 0 : same - 40), g, g + (same < 40 ? 0 : same - 40));
    }
    assert_int_equal(got->count, expected->count);
}

static void clean_up(struct records *records)
{
    for (uint32_t i = 0; i < records->count; i++)
        free(records->lines[i]);
    free(records->lines);
    *records = (struct records){0};
}

static void make_options(struct sky_engine_options *options, uint64_t hash_key)
{
    sky_engine_options_default(options);
    options->activity_minutes = 5;
    options->session_gap_minutes = 30;
    options->min_z = 3;
    options->hash_key = hash_key;
}

/* ---- the engine in one piece ---- */

struct whole {
    struct sky_publisher publisher;
    struct sky_buffer json;
};

static bool on_counts(void *context, const struct sky_keyword_count *counts, uint32_t count)
{
    struct whole *whole = context;
    return sky_publish_counts(&whole->publisher, counts, count) == SKY_OK;
}

static bool on_activity(void *context, const struct sky_activity_record *activity)
{
    struct whole *whole = context;
    return sky_publish_activity(&whole->publisher, activity) == SKY_OK;
}

static bool on_sessions(void *context, const struct sky_session *sessions, uint32_t count)
{
    struct whole *whole = context;
    return sky_publish_sessions(&whole->publisher, sessions, count) == SKY_OK;
}

static bool on_slide(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct whole *whole = context;
    return sky_publish_snapshot(&whole->publisher, snapshot) == SKY_OK;
}

static void run_whole(struct records *records)
{
    struct whole whole = {.publisher = {records, keep_record, &whole.json}};
    const struct sky_engine_sink sink = {&whole, on_counts, on_activity, on_sessions, on_slide};
    struct sky_engine_options options;
    struct sky_engine *engine;
    struct sky_post_json_reader reader;
    struct sky_error error;
    const char *reason;
    make_options(&options, 1);
    sky_post_json_reader_init(&reader);
    assert_int_equal(sky_engine_new(&options, &engine, &reason), SKY_OK);
    for (uint32_t i = 0; i < network.count; i++) {
        const struct event *event = &network.events[i];
        struct sky_post post;
        if (!event->json) {
            assert_int_equal(sky_engine_advance(engine, event->time_ms, &sink), SKY_OK);
            continue;
        }
        const struct sky_post_record record = {sky_span_from_string(event->json), event->timestamp_ms};
        assert_int_equal(sky_post_record_read(&reader, &record, &post, &error),
                         event->is_refused ? SKY_E_RANGE : SKY_OK);
        if (!event->is_refused)
            assert_int_equal(sky_engine_post(engine, &post, &sink), SKY_OK);
    }
    sky_engine_free(engine);
    sky_post_json_reader_clean_up(&reader);
    sky_buffer_clean_up(&whole.json);
}

/* ---- the engine in pieces ---- */

#define PANES_MAX 64

struct pane {
    int64_t minute;
    struct sky_buffer occurrences;
};

struct bucket {
    struct sky_post_stage *posts;
    struct sky_count_stage *counts;
    struct pane panes[PANES_MAX]; /* by minute, those that a stage follows from */
    uint32_t panes_count;
};

struct pieces {
    struct sky_engine_options options;
    struct sky_decode_stage *decode;
    struct bucket buckets[SKY_STAGE_BUCKETS];
    struct sky_rank_stage *rank;
    struct sky_packets *packets;
    struct records *records;
    int64_t reached_ms[PARTITIONS];
    uint32_t next[PARTITIONS]; /* event */
    int64_t closed_minute;
};

static void pieces_make(struct pieces *pieces, struct records *records, uint64_t hash_key)
{
    const char *reason;
    *pieces = (struct pieces){.records = records, .closed_minute = INT64_MIN};
    make_options(&pieces->options, hash_key);
    assert_int_equal(sky_decode_stage_new(&pieces->options, &pieces->decode, &reason), SKY_OK);
    pieces->rank = sky_rank_stage_new(&pieces->options);
    pieces->packets = sky_packets_new();
    assert_non_null(pieces->rank);
    assert_non_null(pieces->packets);
    for (uint32_t b = 0; b < SKY_STAGE_BUCKETS; b++) {
        pieces->buckets[b].posts = sky_post_stage_new(&pieces->options);
        pieces->buckets[b].counts = sky_count_stage_new(&pieces->options);
        assert_non_null(pieces->buckets[b].posts);
        assert_non_null(pieces->buckets[b].counts);
    }
    for (uint32_t p = 0; p < PARTITIONS; p++)
        pieces->reached_ms[p] = INT64_MIN;
}

static void pieces_clean_up(struct pieces *pieces)
{
    sky_decode_stage_free(pieces->decode);
    sky_rank_stage_free(pieces->rank);
    sky_packets_free(pieces->packets);
    for (uint32_t b = 0; b < SKY_STAGE_BUCKETS; b++) {
        sky_post_stage_free(pieces->buckets[b].posts);
        sky_count_stage_free(pieces->buckets[b].counts);
        for (uint32_t i = 0; i < pieces->buckets[b].panes_count; i++)
            sky_buffer_clean_up(&pieces->buckets[b].panes[i].occurrences);
    }
}

static struct sky_buffer *pane_open(struct bucket *bucket, int64_t minute)
{
    for (uint32_t i = 0; i < bucket->panes_count; i++)
        if (bucket->panes[i].minute == minute)
            return &bucket->panes[i].occurrences;
    uint32_t at = bucket->panes_count++;
    assert_true(at < PANES_MAX);
    for (; at > 0 && bucket->panes[at - 1].minute > minute; at--)
        bucket->panes[at] = bucket->panes[at - 1];
    bucket->panes[at] = (struct pane){.minute = minute};
    return &bucket->panes[at].occurrences;
}

static void panes_forget(struct bucket *bucket, int64_t minute)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < bucket->panes_count; i++) {
        if (bucket->panes[i].minute > minute)
            bucket->panes[kept++] = bucket->panes[i];
        else
            sky_buffer_clean_up(&bucket->panes[i].occurrences);
    }
    bucket->panes_count = kept;
}

static void deliver(struct pieces *pieces, const struct sky_packet *packet)
{
    struct bucket *bucket = &pieces->buckets[packet->bucket];
    if (packet->kind == SKY_PACKET_OCCURRENCES) {
        sky_buffer_put_span(pane_open(bucket, packet->minute), packet->entries);
        assert_int_equal(sky_count_stage_take(bucket->counts, packet->minute, packet->entries), SKY_OK);
    } else if (packet->kind == SKY_PACKET_RECORDS) {
        struct sky_reader reader;
        sky_reader_init(&reader, packet->entries);
        while (reader.offset < packet->entries.len) {
            struct sky_published record;
            sky_record_get(&reader, &record);
            assert_int_equal(reader.error.status, SKY_OK);
            keep_record(pieces->records, &record);
        }
    } else {
        if (sky_rank_stage_take(pieces->rank, packet) != SKY_OK)
            fail_msg("kind %d minute %ld, closed %ld", packet->kind, packet->minute, pieces->closed_minute);
    }
}

static void deliver_all(struct pieces *pieces)
{
    struct sky_buffer taken = {0};
    struct sky_reader reader;
    struct sky_packet packet;
    assert_int_equal(sky_packets_take(pieces->packets, &taken), SKY_OK);
    sky_reader_init(&reader, sky_buffer_span(&taken));
    while (sky_packet_next(&reader, &packet))
        deliver(pieces, &packet);
    assert_int_equal(reader.error.status, SKY_OK);
    sky_buffer_clean_up(&taken);
}

/* Buckets in an order of chance. */
static uint32_t nth_bucket(uint32_t n, uint32_t start)
{
    return (n * 77 + start) % SKY_STAGE_BUCKETS; /* 77 is odd */
}

static void close_minutes(struct pieces *pieces, int64_t minute, uint32_t start)
{
    struct sky_error error;
    for (uint32_t n = 0; n < SKY_STAGE_BUCKETS; n++) {
        struct bucket *bucket = &pieces->buckets[nth_bucket(n, start)];
        assert_int_equal(sky_post_stage_close(bucket->posts, minute, pieces->packets, &error), SKY_OK);
        if (n % 50 == 0)
            deliver_all(pieces);
    }
    deliver_all(pieces);
    for (uint32_t n = 0; n < SKY_STAGE_BUCKETS; n++) {
        struct bucket *bucket = &pieces->buckets[nth_bucket(n, start + 5)];
        assert_int_equal(sky_count_stage_close(bucket->counts, minute, pieces->packets, &error), SKY_OK);
        panes_forget(bucket, minute - (int64_t)sky_count_stage_minutes(&pieces->options));
        if (n % 60 == 0)
            deliver_all(pieces);
    }
    deliver_all(pieces);
    assert_int_equal(sky_rank_stage_close(pieces->rank, minute, pieces->packets, &error), SKY_OK);
    deliver_all(pieces);
    pieces->closed_minute = minute;
}

/* Everything goes down and comes back from what was saved, and from panes. */
static void restart(struct pieces *pieces, uint64_t hash_key)
{
    struct sky_buffer saved = {0};
    struct sky_error error;
    pieces->options.hash_key = hash_key;
    sky_rank_stage_save(pieces->rank, &saved);
    assert_false(saved.failed);
    sky_rank_stage_free(pieces->rank);
    pieces->rank = sky_rank_stage_new(&pieces->options);
    assert_int_equal(sky_rank_stage_load(pieces->rank, sky_buffer_span(&saved), &error), SKY_OK);
    for (uint32_t b = 0; b < SKY_STAGE_BUCKETS; b++) {
        struct bucket *bucket = &pieces->buckets[b];
        sky_buffer_clear(&saved);
        sky_post_stage_save(bucket->posts, &saved);
        sky_post_stage_free(bucket->posts);
        bucket->posts = sky_post_stage_new(&pieces->options);
        assert_int_equal(sky_post_stage_load(bucket->posts, sky_buffer_span(&saved), &error), SKY_OK);
        sky_count_stage_free(bucket->counts);
        bucket->counts = sky_count_stage_new(&pieces->options);
        for (uint32_t i = 0; i < bucket->panes_count; i++)
            assert_int_equal(sky_count_stage_take(bucket->counts, bucket->panes[i].minute,
                                                  sky_buffer_span(&bucket->panes[i].occurrences)),
                             SKY_OK);
        assert_int_equal(sky_count_stage_close(bucket->counts, pieces->closed_minute, NULL, &error), SKY_OK);
    }
    sky_buffer_clean_up(&saved);
}

/* One event of a partition. False when it has no more. */
static bool take_event(struct pieces *pieces, uint32_t partition)
{
    while (pieces->next[partition] < network.count) {
        const struct event *event = &network.events[pieces->next[partition]++];
        if (event->json && event->partition != partition)
            continue;
        struct sky_buffer out = {0};
        struct sky_decoded decoded;
        struct sky_error error;
        char watermark[128], time[SKY_TIME_TEXT_SIZE];
        sky_time_format(event->time_ms, time);
        snprintf(watermark, sizeof watermark, "{\"op\":\"watermark\",\"event_time\":\"%s\"}", time);
        const struct sky_post_record record = {sky_span_from_string(event->json ? event->json : watermark),
                                               event->json ? event->timestamp_ms : event->time_ms};
        assert_int_equal(sky_decode_stage_record(pieces->decode, &record, &out, &decoded, &error),
                         event->is_refused ? SKY_E_RANGE : SKY_OK);
        if (event->is_refused) {
            assert_int_equal(out.len, 0);
            return true;
        }
        assert_int_equal(decoded.event_time_ms, event->time_ms);
        int64_t minute = sky_time_floor(event->time_ms, SKY_MINUTE_MS) / SKY_MINUTE_MS;
        assert_int_equal(sky_post_stage_take(pieces->buckets[decoded.bucket].posts, minute, sky_buffer_span(&out)),
                         SKY_OK);
        sky_buffer_clean_up(&out);
        pieces->reached_ms[partition] = event->time_ms;
        return true;
    }
    return false;
}

/* Close what all partitions have passed. */
static void advance(struct pieces *pieces, uint32_t start)
{
    int64_t reached_ms = INT64_MAX;
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (pieces->reached_ms[p] < reached_ms)
            reached_ms = pieces->reached_ms[p];
    if (reached_ms == INT64_MIN)
        return;
    int64_t minute = sky_time_floor(reached_ms, SKY_MINUTE_MS) / SKY_MINUTE_MS - 1;
    if (minute > pieces->closed_minute)
        close_minutes(pieces, minute, start);
}

static void run_pieces(struct records *records, uint64_t seed, uint32_t restart_every)
{
    static struct pieces pieces;
    uint32_t taken = 0, next_restart = restart_every;
    uint64_t random = seed;
    pieces_make(&pieces, records, seed);
    for (bool more = true; more;) {
        more = false;
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            random = random * UINT64_C(6364136223846793005) + 1;
            for (uint32_t n = (random >> 33) % 150; n > 0 && take_event(&pieces, p); n--)
                taken++;
            more = more || pieces.next[p] < network.count;
        }
        advance(&pieces, (uint32_t)(random >> 40));
        if (restart_every && taken > next_restart) {
            restart(&pieces, random);
            next_restart = taken + restart_every;
        }
    }
    pieces_clean_up(&pieces);
}

/* ---- tests ---- */

static void compare(uint64_t seed, uint32_t restart_every)
{
    struct records expected = {0}, got = {0};
    make_network(seed, false);
    run_whole(&expected);
    make_network(seed, true);
    run_pieces(&got, seed, restart_every);
    assert_same(&expected, &got);
    clean_up(&got);
    run_whole(&got);
    assert_same(&expected, &got);
    for (int kind = 0; kind < SKY_PUBLISHED_COUNT; kind++) /* it is about something */
        assert_true(expected.of_kind[kind] > 20);
    clean_up(&expected);
    clean_up(&got);
}

static void test_same_records(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        compare(seed, 0);
}

static void test_restarts_change_nothing(void **state)
{
    (void)state;
    compare(4, 900);
    compare(5, 2500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_records),
        cmocka_unit_test(test_restarts_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
