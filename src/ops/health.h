/* health.h: the answers of /healthz and /readyz.
 *
 *     /healthz   is the program alive? 200 while the working thread beats, else 503: restart it
 *     /readyz    can it do its work now? 200 when everything it depends on is, else 503, with each one's state:
 *                {"ready":false,"version":"0.1.0","dependencies":{"source":{"state":"failed","required":true,
 *                 "since":"2026-07-04T14:38:08.999Z","detail":"bsky.network: no answer in time"},...}}
 *
 * Threads  set and beat by the worker, render by the HTTP server; a lock inside. */
#ifndef SKY_OPS_HEALTH_H
#define SKY_OPS_HEALTH_H

#include "base/buffer.h"
#include "ops/role.h"

#define SKY_HEALTH_DETAIL_SIZE 256
#define SKY_HEALTH_BEAT_MS_MAX 60000 /* without a beat for so long the program hangs */

/* What services depend on; which one on what, and whether it can do without, stands in health.c. */
enum sky_dependency {
    SKY_DEPENDENCY_SOURCE,
    SKY_DEPENDENCY_ENGINE,
    SKY_DEPENDENCY_CHECKPOINT, /* without it the work goes on, but a crash loses it: not required */
    SKY_DEPENDENCY_KAFKA,
    SKY_DEPENDENCY_SPOOL,
    SKY_DEPENDENCY_STORAGE, /* of the lake: S3 or a folder */
    SKY_DEPENDENCY_REDIS,
    SKY_DEPENDENCY_RECEIVERS, /* of alerts */
    SKY_DEPENDENCY_FLINK,     /* the cluster's REST API */
    SKY_DEPENDENCY_JOB,       /* on the cluster: all its tasks run */
    SKY_DEPENDENCY_COUNT
};

const char *sky_dependency_name(enum sky_dependency dependency); /* "source", ... */
bool sky_dependency_is_of(enum sky_dependency dependency, enum sky_role role);

enum sky_health_state {
    SKY_HEALTH_STARTING,
    SKY_HEALTH_OK,
    SKY_HEALTH_DEGRADED, /* works, but a person should look */
    SKY_HEALTH_FAILED,
    SKY_HEALTH_OFF /* not used in this run: as good as ok */
};

struct sky_health;

SKY_MUST_USE enum sky_status sky_health_new(enum sky_role role, struct sky_health **health); /* SKY_E_MEMORY */
void sky_health_free(struct sky_health *health);

/* `detail` is for people, copied; may be NULL. A dependency that the role does not have asserts. */
void sky_health_set(struct sky_health *health, enum sky_dependency dependency, enum sky_health_state state,
                    const char *detail);

/* True while it is OK, DEGRADED or OFF, or the role does not have it. */
bool sky_health_is_up(struct sky_health *health, enum sky_dependency dependency);

/* The working thread is alive: now and then, at least every few seconds. */
void sky_health_beat(struct sky_health *health);

/* Bodies of the answers, and their HTTP status; they fit sky_api_render_fn (io/api/api.h) with the health as context.
 */
unsigned sky_health_render_alive(void *health, struct sky_buffer *body);
unsigned sky_health_render_ready(void *health, struct sky_buffer *body);

#endif
