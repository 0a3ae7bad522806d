/* The live source against the simulated relay, over a real socket, while it sends garbage and half frames, cuts the
 * connection and stalls: every seq of the simulated network arrives once, in order, none is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "io/relay/relay.h"
#include "io/relay/relay_server.h"

#define FRAMES     20000
#define PATIENCE_S 60

static void *serve(void *server)
{
    if (sky_relay_server_run(server) != SKY_OK)
        return server;
    return NULL;
}

/* Quick where the real one is patient. */
static uint64_t no_jitter(void *context)
{
    return 0;
}

struct reading {
    struct sky_relay *relay;
    struct sky_decoder *decoder;
    int64_t seq; /* the last one seen */
    uint64_t bad;
    uint64_t disconnects;
    uint64_t gaps;
};

static void take(struct reading *reading, const struct sky_relay_item *item)
{
    struct sky_decoded decoded;
    enum sky_status status = sky_decoder_frame(reading->decoder, item->data, item->receipt_ms, &decoded);
    bool use = sky_relay_judge(reading->relay, status, &decoded);
    sky_relay_complete(reading->relay);
    reading->bad += status != SKY_OK;
    if (!use || decoded.event->seq == 0)
        return;
    if (reading->seq && decoded.event->seq != reading->seq + 1)
        fail_msg("after %lld comes %lld", (long long)reading->seq, (long long)decoded.event->seq);
    reading->seq = decoded.event->seq;
}

static void read_frames(struct reading *reading, int64_t until_seq)
{
    struct sky_relay_item item;
    for (int idle = 0; reading->seq < until_seq && idle < PATIENCE_S * 10;) {
        sky_relay_next(reading->relay, 100, &item);
        idle = item.kind == SKY_RELAY_NOTHING ? idle + 1 : 0;
        switch (item.kind) {
        case SKY_RELAY_NOTHING: break;
        case SKY_RELAY_CONNECTED: sky_decoder_connected(reading->decoder); break;
        case SKY_RELAY_MESSAGE: take(reading, &item); break;
        case SKY_RELAY_DISCONNECTED: reading->disconnects++; break;
        case SKY_RELAY_GAP: reading->gaps++; break;
        case SKY_RELAY_FAILED: fail_msg("failed: %s", item.reason); break;
        }
    }
    assert_true(reading->seq >= until_seq);
}

static void read_with_faults(unsigned faults, struct reading *reading)
{
    struct sky_relay_server_options server_options = {.faults = faults, .waits = true};
    struct sky_relay_server *server;
    struct sky_relay_options options;
    pthread_t thread;
    void *failed;
    char url[64];
    sky_world_options_default(&server_options.world);
    assert_int_equal(sky_relay_server_new(&server_options, &server), SKY_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve, server), 0);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u", sky_relay_server_port(server));
    sky_relay_options_default(&options);
    options.urls = url;
    options.environment.random = no_jitter;
    options.websocket.ping_interval_ms = 1000;
    options.websocket.dead_after_ms = 3000;
    struct sky_decoder_options decoder_options = {.relay = SKY_SPAN("simulated")};
    assert_int_equal(sky_relay_new(&options, &reading->relay), SKY_OK);
    assert_int_equal(sky_decoder_new(&decoder_options, &reading->decoder), SKY_OK);
    read_frames(reading, FRAMES);
    sky_relay_free(reading->relay);
    sky_decoder_free(reading->decoder);
    sky_relay_server_stop(server);
    pthread_join(thread, &failed);
    sky_relay_server_free(server);
    assert_null(failed);
}

static void test_undisturbed(void **state)
{
    struct reading reading = {0};
    read_with_faults(0, &reading);
    assert_int_equal(reading.bad, 0);
    assert_int_equal(reading.disconnects, 0);
    assert_int_equal(reading.gaps, 0);
}

/* Bad messages alone cut no connection. */
static void test_bad_messages(void **state)
{
    struct reading reading = {0};
    read_with_faults(SKY_RELAY_FAULT_GARBAGE | SKY_RELAY_FAULT_HALF_FRAME, &reading);
    assert_true(reading.bad > 0);
    assert_int_equal(reading.disconnects, 0);
    assert_int_equal(reading.gaps, 0);
}

static void test_all_faults(void **state)
{
    struct reading reading = {0};
    read_with_faults(
        SKY_RELAY_FAULT_GARBAGE | SKY_RELAY_FAULT_HALF_FRAME | SKY_RELAY_FAULT_DROP | SKY_RELAY_FAULT_STALL, &reading);
    print_message("%llu bad messages, %llu disconnects\n", (unsigned long long)reading.bad,
                  (unsigned long long)reading.disconnects);
    assert_true(reading.bad > 0); /* the faults did happen */
    assert_true(reading.disconnects > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_undisturbed), cmocka_unit_test(test_bad_messages),
                                       cmocka_unit_test(test_all_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
