/* Against a naive model: a list of every offset and whether it is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/kafka/offset_ledger.h"

static struct sky_offset_ledger *ledger;

static int set_up(void **state)
{
    return sky_offset_ledger_new(&ledger) == SKY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    sky_offset_ledger_free(ledger);
    return 0;
}

static struct sky_offset_ticket take(int32_t partition, int64_t offset)
{
    struct sky_offset_ticket ticket;
    assert_int_equal(sky_offset_ledger_take(ledger, partition, offset, &ticket), SKY_OK);
    return ticket;
}

static int64_t due(int32_t partition)
{
    struct sky_offset_place place;
    return sky_offset_ledger_due_of(ledger, partition, &place) ? place.offset : -1;
}

static void test_what_is_done_out_of_order_waits_for_what_came_before(void **state)
{
    assert_int_equal(sky_offset_ledger_assign(ledger, 3), SKY_OK);
    assert_int_equal(due(3), -1);
    struct sky_offset_ticket a = take(3, 10), b = take(3, 11), c = take(3, 15); /* with a gap, as transactions leave */
    assert_int_equal(due(3), 10);
    sky_offset_ledger_done(ledger, &b);
    assert_int_equal(due(3), 10);
    sky_offset_ledger_done(ledger, &a);
    assert_int_equal(due(3), 15);
    sky_offset_ledger_done(ledger, &a); /* twice is once */
    sky_offset_ledger_done(ledger, &c);
    assert_int_equal(due(3), 16);
    sky_offset_ledger_pass(ledger, 3, 18, true);
    assert_int_equal(due(3), 18);
    struct sky_offset_place place;
    assert_true(sky_offset_ledger_due(ledger, &place));
    assert_int_equal(place.offset, 18);
    sky_offset_ledger_committed(ledger, &place);
    assert_false(sky_offset_ledger_due(ledger, &place));
}

static void test_tickets_of_before_are_void(void **state)
{
    struct sky_offset_place place;
    assert_int_equal(sky_offset_ledger_assign(ledger, 0), SKY_OK);
    struct sky_offset_ticket old = take(0, 5);
    assert_true(sky_offset_ledger_due_of(ledger, 0, &place));
    sky_offset_ledger_revoke(ledger, 0);
    assert_int_equal(due(0), -1);
    struct sky_offset_ticket ticket;
    assert_int_equal(sky_offset_ledger_take(ledger, 0, 6, &ticket), SKY_E_MISSING);
    assert_int_equal(sky_offset_ledger_assign(ledger, 0), SKY_OK);
    take(0, 5); /* given once more */
    sky_offset_ledger_done(ledger, &old);
    assert_int_equal(due(0), 5);
    sky_offset_ledger_committed(ledger, &place); /* of before, too: it says nothing about now */
    assert_int_equal(due(0), 5);
}

static void test_the_end(void **state)
{
    assert_false(sky_offset_ledger_is_at_end(ledger));
    assert_int_equal(sky_offset_ledger_assign(ledger, 0), SKY_OK);
    assert_int_equal(sky_offset_ledger_assign(ledger, 1), SKY_OK);
    struct sky_offset_ticket ticket = take(0, 1);
    sky_offset_ledger_pass(ledger, 0, 2, true);
    assert_false(sky_offset_ledger_is_at_end(ledger)); /* not 1 */
    sky_offset_ledger_pass(ledger, 1, 0, true);
    assert_false(sky_offset_ledger_is_at_end(ledger)); /* something is under way */
    sky_offset_ledger_done(ledger, &ticket);
    assert_true(sky_offset_ledger_is_at_end(ledger));
    ticket = take(1, 0);
    assert_false(sky_offset_ledger_is_at_end(ledger));
    sky_offset_ledger_done(ledger, &ticket);
    assert_false(sky_offset_ledger_is_at_end(ledger)); /* more may stand there */
    sky_offset_ledger_revoke(ledger, 1);
    assert_true(sky_offset_ledger_is_at_end(ledger));
}

enum { PARTITIONS = 3, OFFSETS = 2000 };

static void test_any_order(void **state)
{
    static bool done[PARTITIONS][OFFSETS];
    static struct sky_offset_ticket open[PARTITIONS * OFFSETS];
    size_t open_count = 0;
    int64_t next[PARTITIONS] = {0};
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(sky_offset_ledger_assign(ledger, p), SKY_OK);
    srand(7);
    for (int step = 0; step < 20000; step++) {
        int32_t p = rand() % PARTITIONS;
        if (rand() % 2 && next[p] < OFFSETS) {
            open[open_count++] = take(p, next[p]++);
        } else if (open_count) {
            size_t i = (size_t)rand() % open_count;
            struct sky_offset_ticket ticket = open[i];
            open[i] = open[--open_count];
            done[ticket.partition][ticket.offset] = true;
            sky_offset_ledger_done(ledger, &ticket);
        }
        int64_t expected = 0;
        while (expected < next[p] && done[p][expected])
            expected++;
        assert_int_equal(due(p), next[p] ? expected : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_done_out_of_order_waits_for_what_came_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tickets_of_before_are_void, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_any_order, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
