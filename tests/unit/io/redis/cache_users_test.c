/* The sums against a plain sum over all sessions, whatever order, repetition and change of owner they come by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/redis/cache_users.h"

#define START      INT64_C(1767574800000) /* 2026-01-05T01:00:00Z */
#define END        (START + 300000)
#define PARTITIONS 3
#define SESSIONS   200 /* of a partition */

static uint64_t random_state = 1;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % below;
}

static int64_t length_of(int partition, int64_t offset)
{
    return (offset * 7919 + partition * 104729) % 3600000;
}

static void write_users(struct sky_cache_users *users, struct sky_buffer *buffer)
{
    sky_buffer_clear(buffer);
    sky_cache_users_write(users, buffer);
    assert_false(buffer->failed);
}

/* Consumers come and go; each begins at the offset that was committed, which is at or below what was written; a write
 * is made of what Redis has and what the consumer read. */
static void test_exactly_once(void **state)
{
    struct sky_json_document document;
    struct sky_buffer value = {0};
    sky_json_document_init(&document);
    for (int round = 0; round < 30; round++) {
        int64_t committed[PARTITIONS] = {0}, written[PARTITIONS] = {0};
        bool done = false;
        sky_buffer_clear(&value);
        while (!done) {
            struct sky_cache_users users;
            int64_t next[PARTITIONS];
            sky_cache_users_init(&users, START, END);
            memcpy(next, committed, sizeof next);
            for (uint32_t flushes = 1 + draw(4); flushes; flushes--) {
                int partition = (int)draw(PARTITIONS); /* the others are another consumer's for now */
                for (uint32_t more = draw(30); more && next[partition] < SESSIONS; more--) {
                    struct sky_cache_session session = {partition, next[partition] * 2, 0};
                    session.length_ms = length_of(partition, next[partition]);
                    assert_int_equal(sky_cache_users_add_session(&users, &session), SKY_OK);
                    next[partition]++;
                }
                if (value.len)
                    assert_int_equal(sky_cache_users_read(&users, &document, sky_buffer_span(&value)), SKY_OK);
                assert_int_equal(sky_cache_users_sum(&users), SKY_OK);
                write_users(&users, &value);
                if (next[partition] > written[partition])
                    written[partition] = next[partition];
                if (draw(2))
                    committed[partition] = next[partition];
            }
            sky_cache_users_clean_up(&users);
            done = true;
            for (int i = 0; i < PARTITIONS; i++)
                done = done && written[i] == SESSIONS;
        }
        struct sky_cache_users users;
        uint64_t expected = 0, got = 0, ended = 0;
        for (int i = 0; i < PARTITIONS; i++)
            for (int64_t j = 0; j < SESSIONS; j++)
                expected += (uint64_t)length_of(i, j);
        sky_cache_users_init(&users, START, END);
        assert_int_equal(sky_cache_users_read(&users, &document, sky_buffer_span(&value)), SKY_OK);
        for (uint32_t i = 0; i < users.sums_count; i++) {
            got += users.sums[i].length_ms;
            ended += users.sums[i].ended;
        }
        assert_int_equal(ended, PARTITIONS * SESSIONS);
        assert_int_equal(got, expected);
        sky_cache_users_clean_up(&users);
    }
    sky_buffer_clean_up(&value);
    sky_json_document_clean_up(&document);
}

static void test_form(void **state)
{
    const struct sky_language_posts languages[] = {{SKY_SPAN("en"), 7}, {SKY_SPAN("ja"), 3}};
    struct sky_activity_record activity = {
        .posts = 10, .replies = 4, .unique_authors = 8, .by_language = languages, .by_language_count = 2};
    struct sky_cache_session session = {.partition = 1, .offset = 5, .length_ms = 90500};
    struct sky_cache_users users;
    struct sky_buffer value = {0};
    sky_cache_users_init(&users, START, END);
    write_users(&users, &value);
    sky_buffer_put_u8(&value, 0);
    assert_string_equal((const char *)value.ptr,
                        "{\"window_start\":\"2026-01-05T01:00:00.000Z\",\"window_end\":\"2026-01-05T01:05:00.000Z\","
                        "\"active_users\":null,\"posts\":null,\"replies\":null,\"by_language\":{},\"sessions_ended\":0,"
                        "\"mean_session_seconds\":null,\"session_sums\":[]}");
    assert_int_equal(sky_cache_users_set_activity(&users, &activity), SKY_OK);
    assert_int_equal(sky_cache_users_add_session(&users, &session), SKY_OK);
    session = (struct sky_cache_session){.partition = 0, .offset = 9, .length_ms = 0};
    assert_int_equal(sky_cache_users_add_session(&users, &session), SKY_OK);
    assert_int_equal(sky_cache_users_sum(&users), SKY_OK);
    write_users(&users, &value);
    sky_buffer_put_u8(&value, 0);
    assert_string_equal((const char *)value.ptr,
                        "{\"window_start\":\"2026-01-05T01:00:00.000Z\",\"window_end\":\"2026-01-05T01:05:00.000Z\","
                        "\"active_users\":8,\"posts\":10,\"replies\":4,\"by_language\":{\"en\":7,\"ja\":3},"
                        "\"sessions_ended\":2,\"mean_session_seconds\":45.250000,\"session_sums\":["
                        "{\"partition\":0,\"through\":9,\"ended\":1,\"length_ms\":0},"
                        "{\"partition\":1,\"through\":5,\"ended\":1,\"length_ms\":90500}]}");
    /* Read by one that has only sessions: the activity comes along. */
    struct sky_json_document document;
    struct sky_cache_users other;
    struct sky_buffer again = {0};
    sky_json_document_init(&document);
    sky_cache_users_init(&other, START, END);
    assert_int_equal(sky_cache_users_read(&other, &document, sky_span_of(value.ptr, value.len - 1)), SKY_OK);
    write_users(&other, &again);
    assert_int_equal(again.len, value.len - 1);
    assert_memory_equal(again.ptr, value.ptr, again.len);
    sky_cache_users_clean_up(&users);
    sky_cache_users_clean_up(&other);
    sky_buffer_clean_up(&value);
    sky_buffer_clean_up(&again);
    sky_json_document_clean_up(&document);
}

static void test_hostile(void **state)
{
#define WINDOW "{\"window_start\":\"2026-01-05T01:00:00.000Z\",\"window_end\":\"2026-01-05T01:05:00.000Z\","
    static const struct {
        const char *text;
        enum sky_status status;
    } cases[] = {
        {"7", SKY_E_MISSING},
        {"{}", SKY_E_MISSING},
        {WINDOW "\"session_sums\":7}", SKY_E_MISSING},
        {WINDOW "\"session_sums\":[7]}", SKY_E_MISSING},
        {WINDOW "\"session_sums\":[{\"partition\":-1,\"through\":9,\"ended\":1,\"length_ms\":0}]}", SKY_E_MISSING},
        {WINDOW "\"session_sums\":[{\"partition\":4294967296,\"through\":9,\"ended\":1,\"length_ms\":0}]}",
         SKY_E_MISSING},
        {"{\"window_start\":\"2026-01-05T01:05:00.000Z\",\"window_end\":\"2026-01-05T01:10:00.000Z\",\"session_sums\":["
         "]}",
         SKY_E_RANGE},
        {WINDOW "\"by_language\":[],\"active_users\":1,\"posts\":1,\"replies\":1,\"session_sums\":[]}", SKY_OK},
    };
    struct sky_json_document document;
    sky_json_document_init(&document);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sky_cache_users users;
        sky_cache_users_init(&users, START, END);
        assert_int_equal(sky_cache_users_read(&users, &document, sky_span_from_string(cases[i].text)), cases[i].status);
        assert_int_equal(users.sums_count, 0);
        sky_cache_users_clean_up(&users);
    }
    sky_json_document_clean_up(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exactly_once), cmocka_unit_test(test_form),
                                       cmocka_unit_test(test_hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
