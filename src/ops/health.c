#include "ops/health.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "io/host/clock.h"
#include "wire/json_write.h"

#define BIT(role) (1U << SKY_ROLE_##role)

static const struct {
    const char *name;
    unsigned required; /* for these roles, a bit for each */
    unsigned optional; /* these use it, and can do without */
} dependencies[SKY_DEPENDENCY_COUNT] = {
    [SKY_DEPENDENCY_SOURCE] = {"source", BIT(RUN) | BIT(INGEST), 0},
    [SKY_DEPENDENCY_ENGINE] = {"engine", BIT(RUN), 0},
    [SKY_DEPENDENCY_CHECKPOINT] = {"checkpoint", 0, BIT(RUN) | BIT(FLINK)},
    [SKY_DEPENDENCY_KAFKA] = {"kafka", BIT(RUN) | BIT(INGEST) | BIT(LAKE) | BIT(CACHE) | BIT(ALERTS), 0},
    [SKY_DEPENDENCY_SPOOL] = {"spool", BIT(INGEST), 0},
    [SKY_DEPENDENCY_STORAGE] = {"storage", BIT(LAKE), BIT(RUN) | BIT(SERVE)},
    [SKY_DEPENDENCY_REDIS] = {"redis", BIT(CACHE) | BIT(SERVE), 0},
    [SKY_DEPENDENCY_RECEIVERS] = {"receivers", 0, BIT(ALERTS)},
    [SKY_DEPENDENCY_FLINK] = {"flink", BIT(FLINK), 0},
    [SKY_DEPENDENCY_JOB] = {"job", BIT(FLINK), 0},
};

static const char *const state_names[] = {"starting", "ok", "degraded", "failed", "off"};

struct sky_health {
    pthread_mutex_t mutex;
    enum sky_role role;
    int64_t beat_ms; /* monotonic */
    struct {
        enum sky_health_state state;
        int64_t since_ms; /* wall clock */
        char detail[SKY_HEALTH_DETAIL_SIZE];
    } states[SKY_DEPENDENCY_COUNT];
};

enum sky_status sky_health_new(enum sky_role role, struct sky_health **out)
{
    struct sky_health *health = calloc(1, sizeof *health);
    *out = health;
    if (!health)
        return SKY_E_MEMORY;
    pthread_mutex_init(&health->mutex, NULL);
    health->role = role;
    health->beat_ms = sky_clock_monotonic_ms();
    for (size_t i = 0; i < SKY_DEPENDENCY_COUNT; i++)
        health->states[i].since_ms = sky_clock_wall_ms();
    return SKY_OK;
}

void sky_health_free(struct sky_health *health)
{
    if (!health)
        return;
    pthread_mutex_destroy(&health->mutex);
    free(health);
}

const char *sky_dependency_name(enum sky_dependency dependency)
{
    return dependencies[dependency].name;
}

static bool is_required(const struct sky_health *health, size_t dependency)
{
    return dependencies[dependency].required >> health->role & 1;
}

bool sky_dependency_is_of(enum sky_dependency dependency, enum sky_role role)
{
    return (dependencies[dependency].required | dependencies[dependency].optional) >> role & 1;
}

static bool is_used(const struct sky_health *health, size_t dependency)
{
    return sky_dependency_is_of((enum sky_dependency)dependency, health->role);
}

/* Printable ASCII, cut to what fits: a path or a server's word may hold anything. */
static void copy_detail(char to[SKY_HEALTH_DETAIL_SIZE], const char *from)
{
    size_t len = 0;
    for (; from && from[len] && len + 1 < SKY_HEALTH_DETAIL_SIZE; len++)
        to[len] = (char)(from[len] >= ' ' && from[len] < 127 ? from[len] : '?');
    to[len] = 0;
}

void sky_health_set(struct sky_health *health, enum sky_dependency dependency, enum sky_health_state state,
                    const char *detail)
{
    assert(is_used(health, dependency));
    pthread_mutex_lock(&health->mutex);
    if (health->states[dependency].state != state)
        health->states[dependency].since_ms = sky_clock_wall_ms();
    health->states[dependency].state = state;
    copy_detail(health->states[dependency].detail, detail);
    pthread_mutex_unlock(&health->mutex);
}

void sky_health_beat(struct sky_health *health)
{
    pthread_mutex_lock(&health->mutex);
    health->beat_ms = sky_clock_monotonic_ms();
    pthread_mutex_unlock(&health->mutex);
}

unsigned sky_health_render_alive(void *context, struct sky_buffer *body)
{
    struct sky_health *health = context;
    pthread_mutex_lock(&health->mutex);
    int64_t silent_ms = sky_clock_monotonic_ms() - health->beat_ms;
    pthread_mutex_unlock(&health->mutex);
    bool alive = silent_ms <= SKY_HEALTH_BEAT_MS_MAX;
    struct sky_json_writer json;
    sky_json_begin(&json, body);
    sky_json_object(&json);
    sky_json_key(&json, "alive");
    sky_json_bool(&json, alive);
    sky_json_key(&json, "version");
    sky_json_string(&json, SKY_VERSION);
    sky_json_end(&json);
    return alive ? 200 : 503;
}

static bool is_fine(enum sky_health_state state)
{
    return state == SKY_HEALTH_OK || state == SKY_HEALTH_DEGRADED || state == SKY_HEALTH_OFF;
}

bool sky_health_is_up(struct sky_health *health, enum sky_dependency dependency)
{
    pthread_mutex_lock(&health->mutex);
    bool up = !is_used(health, dependency) || is_fine(health->states[dependency].state);
    pthread_mutex_unlock(&health->mutex);
    return up;
}

/* With the mutex held. */
static void write_dependencies(const struct sky_health *health, struct sky_json_writer *json)
{
    sky_json_object(json);
    for (size_t i = 0; i < SKY_DEPENDENCY_COUNT; i++) {
        if (!is_used(health, i))
            continue;
        sky_json_key(json, dependencies[i].name);
        sky_json_object(json);
        sky_json_key(json, "state");
        sky_json_string(json, state_names[health->states[i].state]);
        sky_json_key(json, "required");
        sky_json_bool(json, is_required(health, i));
        sky_json_key(json, "since");
        sky_json_time(json, health->states[i].since_ms);
        sky_json_key(json, "detail");
        sky_json_string(json, health->states[i].detail);
        sky_json_end(json);
    }
    sky_json_end(json);
}

unsigned sky_health_render_ready(void *context, struct sky_buffer *body)
{
    struct sky_health *health = context;
    bool ready = true;
    pthread_mutex_lock(&health->mutex);
    for (size_t i = 0; i < SKY_DEPENDENCY_COUNT; i++)
        ready = ready && (!is_required(health, i) || is_fine(health->states[i].state));
    struct sky_json_writer json;
    sky_json_begin(&json, body);
    sky_json_object(&json);
    sky_json_key(&json, "ready");
    sky_json_bool(&json, ready);
    sky_json_key(&json, "version");
    sky_json_string(&json, SKY_VERSION);
    sky_json_key(&json, "dependencies");
    write_dependencies(health, &json);
    sky_json_end(&json);
    pthread_mutex_unlock(&health->mutex);
    return ready ? 200 : 503;
}
