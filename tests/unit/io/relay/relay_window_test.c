/* The replay window against a plain list of all frames. */
#include "io/relay/relay_window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FRAMES       5000
#define WINDOW_BYTES 20000

static size_t length_of(int64_t seq)
{
    return 1 + (size_t)(seq * 7919 % 1700);
}

static void fill(uint8_t *bytes, int64_t seq)
{
    memset(bytes, (int)(seq % 251), length_of(seq));
}

static void keeps_the_newest_frames(void **state)
{
    struct sky_relay_window window;
    uint8_t frame[1701], expected[1701];
    assert_int_equal(sky_relay_window_init(&window, WINDOW_BYTES), SKY_OK);
    assert_true(window.oldest_seq == window.newest_seq + 1);
    for (int64_t seq = 1; seq <= FRAMES; seq++) {
        fill(frame, seq);
        assert_int_equal(sky_relay_window_put(&window, sky_span_of(frame, length_of(seq))), SKY_OK);
        assert_int_equal(window.newest_seq, seq);
        size_t held = 0;
        for (int64_t old = window.oldest_seq; old <= seq; old++) {
            fill(expected, old);
            assert_true(sky_span_equal(sky_relay_window_get(&window, old), sky_span_of(expected, length_of(old))));
            held += length_of(old);
        }
        /* No more is given up than the new frame and the unused end need. */
        assert_true(window.oldest_seq == 1 || held + 3 * 1700 > WINDOW_BYTES || seq - window.oldest_seq + 2 > 40);
    }
    assert_true(window.oldest_seq > 1);
    sky_relay_window_clean_up(&window);
}

static void refuses_what_is_longer_than_the_window(void **state)
{
    static uint8_t frame[WINDOW_BYTES + 1];
    struct sky_relay_window window;
    assert_int_equal(sky_relay_window_init(&window, WINDOW_BYTES), SKY_OK);
    assert_int_equal(sky_relay_window_put(&window, sky_span_of(frame, sizeof frame)), SKY_E_LIMIT);
    assert_int_equal(sky_relay_window_put(&window, sky_span_of(frame, WINDOW_BYTES)), SKY_OK);
    assert_int_equal(window.newest_seq, 1);
    sky_relay_window_clean_up(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_newest_frames),
        cmocka_unit_test(refuses_what_is_longer_than_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
