#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ops/health.h"

static struct sky_health *health;

static int set_up(void **state)
{
    return sky_health_new(SKY_ROLE_RUN, &health) == SKY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    sky_health_free(health);
    return 0;
}

static void expect_ready(unsigned status, const char *part)
{
    struct sky_buffer body = {0};
    assert_int_equal(sky_health_render_ready(health, &body), status);
    sky_buffer_put_u8(&body, 0);
    if (!strstr((const char *)body.ptr, part))
        fail_msg("no '%s' in %s", part, (const char *)body.ptr);
    sky_buffer_clean_up(&body);
}

static void test_ready_when_what_is_required_is(void **state)
{
    expect_ready(503, "{\"ready\":false,");
    sky_health_set(health, SKY_DEPENDENCY_ENGINE, SKY_HEALTH_OK, NULL);
    expect_ready(503, "\"engine\":{\"state\":\"ok\",\"required\":true,");
    sky_health_set(health, SKY_DEPENDENCY_SOURCE, SKY_HEALTH_DEGRADED, "stalled");
    expect_ready(503, "\"kafka\":{\"state\":\"starting\",\"required\":true,");
    assert_false(sky_health_is_up(health, SKY_DEPENDENCY_KAFKA));
    sky_health_set(health, SKY_DEPENDENCY_KAFKA, SKY_HEALTH_OFF, NULL); /* not used in this run */
    assert_true(sky_health_is_up(health, SKY_DEPENDENCY_KAFKA));
    expect_ready(200, "{\"ready\":true,");
    expect_ready(200, "\"detail\":\"stalled\"");
    sky_health_set(health, SKY_DEPENDENCY_CHECKPOINT, SKY_HEALTH_FAILED, "no space");
    expect_ready(200, "\"checkpoint\":{\"state\":\"failed\",\"required\":false,");
    sky_health_set(health, SKY_DEPENDENCY_SOURCE, SKY_HEALTH_FAILED, "gone");
    expect_ready(503, "\"source\":{\"state\":\"failed\",");
}

static void test_hostile_detail(void **state)
{
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    sky_health_set(health, SKY_DEPENDENCY_SOURCE, SKY_HEALTH_FAILED, "a\x1b[0m\xff\"</script>");
    expect_ready(503, "\"detail\":\"a?[0m?\\\"</script>\"");
    sky_health_set(health, SKY_DEPENDENCY_SOURCE, SKY_HEALTH_FAILED, text); /* cut */
    expect_ready(503, "xxx\"}");
}

static void test_alive(void **state)
{
    struct sky_buffer body = {0};
    sky_health_beat(health);
    assert_int_equal(sky_health_render_alive(health, &body), 200);
    assert_memory_equal(body.ptr, "{\"alive\":true,\"version\":\"", 25);
    sky_buffer_clean_up(&body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ready_when_what_is_required_is),
        TEST(test_hostile_detail),
        TEST(test_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
