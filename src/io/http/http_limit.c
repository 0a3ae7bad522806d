/* A bucket is the moment at which it will be full: it is `full_ms - now` ms of filling short. A request moves that
 * moment by what one token takes, and is refused when it would be more than a minute away (GCRA, ITU-T I.371, with a
 * burst of a minute). Times are in units of 1/1024 ms, so that rates that do not divide a minute keep their precision.
 */
#include "io/http/http_limit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/time.h"

#define WAYS  8 /* buckets of one place */
#define SETS  (SKY_HTTP_LIMIT_CLIENTS / WAYS)
#define UNITS 1024 /* of a ms */

struct bucket {
    uint64_t client; /* hash; 0: nobody */
    int64_t full_at; /* units */
};

struct sky_http_limit {
    int64_t token; /* units that one takes to be filled in */
    uint64_t key;
    struct bucket buckets[SETS][WAYS];
};

enum sky_status sky_http_limit_new(uint32_t requests_per_minute, uint64_t key, struct sky_http_limit **result)
{
    struct sky_http_limit *limit = calloc(1, sizeof *limit);
    *result = limit;
    if (!limit)
        return SKY_E_MEMORY;
    limit->token = SKY_MINUTE_MS * UNITS / requests_per_minute;
    if (limit->token < 1)
        limit->token = 1;
    limit->key = key;
    return SKY_OK;
}

void sky_http_limit_free(struct sky_http_limit *limit)
{
    free(limit);
}

static uint64_t hash_client(const struct sky_http_limit *limit, const struct sky_http_address *client)
{
    uint64_t hash = sky_hash_slot(sky_hash_id_in(sky_http_address_client(client), limit->key), limit->key);
    return hash ? hash : 1;
}

static struct bucket *find(struct sky_http_limit *limit, uint64_t client, int64_t now)
{
    struct bucket *set = limit->buckets[client % SETS], *fullest = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].client == client)
            return &set[i];
        if (set[i].full_at < fullest->full_at)
            fullest = &set[i];
    }
    *fullest = (struct bucket){.client = client, .full_at = now};
    return fullest;
}

bool sky_http_limit_take(struct sky_http_limit *limit, const struct sky_http_address *client, int64_t now_ms,
                         uint32_t *retry_after_s)
{
    int64_t now = now_ms * UNITS, burst = SKY_MINUTE_MS * UNITS;
    struct bucket *bucket = find(limit, hash_client(limit, client), now);
    int64_t full_at = (bucket->full_at > now ? bucket->full_at : now) + limit->token;
    int64_t over = full_at - now - burst;
    if (over <= 0) {
        bucket->full_at = full_at;
        return true;
    }
    *retry_after_s = (uint32_t)((over + 1000 * UNITS - 1) / (1000 * UNITS));
    return false;
}
