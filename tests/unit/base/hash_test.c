#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"

/* XXH3-64 values published in xxHash's own test (XSUM_XXH3_testdata): the empty input with seed 0 and with PRIME64. */
static void test_ids_are_xxh3(void **state)
{
    (void)state;
    assert_true(sky_hash_id(SKY_SPAN("")) == UINT64_C(0x2d06800538d394c2));
    assert_true(sky_hash_id_in(SKY_SPAN(""), UINT64_C(0x9e3779b185ebca8d)) == UINT64_C(0xa8a6b918b2f0364a));
    assert_true(sky_hash_id_in(SKY_SPAN("word"), 0) == sky_hash_id(SKY_SPAN("word")));
    assert_false(sky_hash_id_in(SKY_SPAN("word"), 1) == sky_hash_id(SKY_SPAN("word")));
}

/* Keyed slots of successive ids fill a table about evenly, whatever the key. */
static void test_slots_spread(void **state)
{
    (void)state;
    for (uint64_t key = 0; key < 3; key++) {
        unsigned counts[64] = {0};
        for (uint64_t id = 0; id < 64000; id++)
            counts[sky_hash_slot(id, key * UINT64_C(0x123456789abcdef)) & 63]++;
        for (size_t i = 0; i < 64; i++)
            assert_in_range(counts[i], 800, 1200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids_are_xxh3), cmocka_unit_test(test_slots_spread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
