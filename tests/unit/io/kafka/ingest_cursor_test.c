#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/kafka/ingest_cursor.h"

/* By hand, after the description in the header; the base64 is of "state". */
static const char written[] = "{\"version\":1,\"spool\":\"00000000000000ff\",\"instance\":\"fedcba9876543210\","
                              "\"position\":4711,\"event_time\":\"2026-07-04T14:38:08.999Z\",\"state\":\"c3RhdGU=\"}";

static void test_the_record(void **state)
{
    struct sky_ingest_cursor cursor = {.spool_id = 255,
                                       .instance = UINT64_C(0xfedcba9876543210),
                                       .position = 4711,
                                       .event_time_ms = INT64_C(1783175888999)},
                             read = {0};
    struct sky_buffer json = {0};
    struct sky_error error;
    sky_buffer_put_string(&cursor.state, "state");
    sky_ingest_cursor_write(&cursor, &json);
    assert_true(sky_span_equal(sky_buffer_span(&json), sky_span_from_string(written)));
    assert_int_equal(sky_ingest_cursor_read(sky_span_from_string(written), &read, &error), SKY_OK);
    assert_int_equal(read.spool_id, 255);
    assert_int_equal(read.instance, UINT64_C(0xfedcba9876543210));
    assert_int_equal(read.position, 4711);
    assert_int_equal(read.event_time_ms, INT64_C(1783175888999));
    assert_true(sky_span_equal(sky_buffer_span(&read.state), SKY_SPAN("state")));
    sky_buffer_clean_up(&json);
    sky_ingest_cursor_clean_up(&cursor);
    sky_ingest_cursor_clean_up(&read);
}

static void test_records_that_are_none(void **state)
{
    static const struct {
        const char *from, *to;
        enum sky_status status;
    } changes[] = {
        {"\"version\":1", "\"version\":2", SKY_E_UNSUPPORTED},
        {"\"version\":1", "\"ver\":1", SKY_E_MISSING},
        {"\"position\":4711", "\"pos\":4711", SKY_E_MISSING},
        {"\"position\":4711", "\"position\":-1", SKY_E_RANGE},
        {"\"position\":4711", "\"position\":1.5", SKY_E_RANGE},
        {"\"position\":4711", "\"position\":9007199254740993", SKY_E_RANGE},
        {"00000000000000ff", "ff", SKY_E_RANGE},
        {"fedcba9876543210", "fedcba987654321G", SKY_E_RANGE},
        {"fedcba9876543210", "FEDCBA9876543210", SKY_E_RANGE},
        {"2026-07-04T14:38:08.999Z", "yesterday", SKY_E_RANGE},
        {"c3RhdGU=", "c3RhdGU!", SKY_E_RANGE},
        {"c3RhdGU=", "", SKY_E_RANGE},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct sky_ingest_cursor cursor = {0};
        struct sky_buffer json = {0};
        struct sky_error error;
        const char *at = strstr(written, changes[i].from);
        assert_non_null(at);
        sky_buffer_put(&json, written, (size_t)(at - written));
        sky_buffer_put_string(&json, changes[i].to);
        sky_buffer_put_string(&json, at + strlen(changes[i].from));
        assert_int_equal(sky_ingest_cursor_read(sky_buffer_span(&json), &cursor, &error), changes[i].status);
        assert_non_null(error.reason);
        sky_buffer_clean_up(&json);
        sky_ingest_cursor_clean_up(&cursor);
    }
}

static struct sky_decoder *decoder_of(void)
{
    struct sky_decoder *decoder;
    struct sky_decoder_options options = {.relay = SKY_SPAN("a.example")};
    assert_int_equal(sky_decoder_new(&options, &decoder), SKY_OK);
    return decoder;
}

static struct sky_relay *relay_of(int64_t cursor)
{
    struct sky_relay *relay;
    struct sky_relay_options options;
    sky_relay_options_default(&options);
    options.urls = "ws://127.0.0.1:1";
    options.cursor = cursor;
    assert_int_equal(sky_relay_new(&options, &relay), SKY_OK);
    return relay;
}

static void test_the_state(void **state)
{
    static const char line[] =
        "{\"did\":\"did:plc:ewvi7nxzyoun6zhxrhs64oiz\",\"time_us\":1783175888999000,\"kind\":\"identity\","
        "\"identity\":{\"did\":\"did:plc:ewvi7nxzyoun6zhxrhs64oiz\",\"seq\":1,"
        "\"time\":\"2026-07-04T14:38:08.999Z\"}}";
    struct sky_decoder *decoder = decoder_of(), *loaded = decoder_of();
    struct sky_relay *relay = relay_of(4711), *relay_loaded = relay_of(0);
    struct sky_buffer saved = {0};
    struct sky_decoded decoded;
    struct sky_error error;
    struct sky_relay_status status;
    assert_int_equal(sky_decoder_line(decoder, sky_span_from_string(line), &decoded), SKY_OK);
    sky_ingest_state_save(decoder, relay, &saved);
    assert_false(saved.failed);
    for (size_t len = 0; len < saved.len; len++) {
        struct sky_decoder *other = decoder_of();
        struct sky_relay *other_relay = relay_of(0);
        assert_int_not_equal(sky_ingest_state_load(sky_span_of(saved.ptr, len), other, other_relay, &error), SKY_OK);
        sky_decoder_free(other);
        sky_relay_free(other_relay);
    }
    assert_int_equal(sky_ingest_state_load(sky_buffer_span(&saved), loaded, relay_loaded, &error), SKY_OK);
    assert_int_equal(sky_decoder_stats(loaded)->event_time_ms, INT64_C(1783175888999));
    sky_relay_status(relay_loaded, &status);
    assert_int_equal(status.completed, 4711);
    saved.ptr[0] = 2;
    assert_int_equal(sky_ingest_state_load(sky_buffer_span(&saved), loaded, relay_loaded, &error), SKY_E_UNSUPPORTED);
    sky_buffer_clean_up(&saved);
    sky_decoder_free(decoder);
    sky_decoder_free(loaded);
    sky_relay_free(relay);
    sky_relay_free(relay_loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_record),
        cmocka_unit_test(test_records_that_are_none),
        cmocka_unit_test(test_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
