#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_runs_are_aligned_apart_and_kept(void **state)
{
    (void)state;
    struct sky_arena arena;
    uint8_t *runs[500];
    sky_arena_init(&arena);
    for (size_t i = 0; i < 500; i++) {
        runs[i] = sky_arena_alloc(&arena, i * 7);
        assert_non_null(runs[i]);
        assert_int_equal((uintptr_t)runs[i] % 8, 0);
        memset(runs[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 500; i++)
        for (size_t j = 0; j < i * 7; j++)
            assert_int_equal(runs[i][j], (uint8_t)i);
    sky_arena_clean_up(&arena);
}

static void test_reset_keeps_the_memory(void **state)
{
    (void)state;
    struct sky_arena arena = {0};
    for (int round = 0; round < 50; round++) {
        sky_arena_reset(&arena);
        for (int i = 0; i < 100; i++)
            assert_non_null(sky_arena_alloc(&arena, 5000));
        static size_t after_first;
        if (round == 0)
            after_first = sky_arena_size_bytes(&arena);
        assert_int_equal(sky_arena_size_bytes(&arena), after_first);
    }
    sky_arena_clean_up(&arena);
    assert_int_equal(sky_arena_size_bytes(&arena), 0);
}

static void test_impossible_size_gives_null(void **state)
{
    (void)state;
    struct sky_arena arena = {0};
    assert_null(sky_arena_alloc(&arena, SIZE_MAX));
    assert_null(sky_arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(sky_arena_alloc(&arena, SIZE_MAX / 2));
    assert_non_null(sky_arena_alloc(&arena, 8));
    sky_arena_clean_up(&arena);
}

static void test_empty_runs_and_copies(void **state)
{
    (void)state;
    struct sky_arena arena = {0};
    assert_non_null(sky_arena_alloc(&arena, 0));
    struct sky_span copy = sky_arena_copy(&arena, SKY_SPAN("copied"));
    assert_true(sky_span_equal(copy, SKY_SPAN("copied")));
    assert_int_equal(sky_arena_copy(&arena, SKY_SPAN("")).len, 0);
    sky_arena_clean_up(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_are_aligned_apart_and_kept),
        cmocka_unit_test(test_reset_keeps_the_memory),
        cmocka_unit_test(test_impossible_size_gives_null),
        cmocka_unit_test(test_empty_runs_and_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
