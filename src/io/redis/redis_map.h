/* redis_map.h: which node of a Redis Cluster serves a key.
 *
 * Spec     https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ (key distribution, hash tags)
 * Memory   no allocation; about 100 KiB.
 * Threads  one owner.
 * Trust    what a server says of other nodes is bounded and checked in form; see redis.h for what is trusted. */
#ifndef SKY_IO_REDIS_REDIS_MAP_H
#define SKY_IO_REDIS_REDIS_MAP_H

#include "io/redis/redis_reply.h"

#define SKY_REDIS_SLOTS     16384 /* of the specification */
#define SKY_REDIS_NODES_MAX 128   /* ours */
#define SKY_REDIS_HOST_SIZE 256   /* DNS; a path of a Unix socket is shorter */
#define SKY_REDIS_NO_NODE   UINT32_MAX

/* Where a server listens. */
struct sky_redis_endpoint {
    char host[SKY_REDIS_HOST_SIZE]; /* a name, an address without brackets, or the path of a Unix socket */
    uint16_t port;                  /* 0: a Unix socket */
};

struct sky_redis_map {
    struct sky_redis_endpoint nodes[SKY_REDIS_NODES_MAX];
    uint32_t nodes_count;
    uint16_t owner[SKY_REDIS_SLOTS]; /* place in `nodes`, plus 1; 0: not known */
};

/* The slot of a key: CRC16 (XMODEM) of it, or of what stands between the first '{' and the next '}' when that is not
 * empty, modulo SKY_REDIS_SLOTS. */
uint16_t sky_redis_slot(struct sky_span key);

void sky_redis_map_clear(struct sky_redis_map *map);

/* The node's place, which it gets when it has none; SKY_REDIS_NO_NODE when the map is full. */
uint32_t sky_redis_map_node(struct sky_redis_map *map, const struct sky_redis_endpoint *endpoint);

/* The node that serves a slot, or SKY_REDIS_NO_NODE. */
uint32_t sky_redis_map_owner(const struct sky_redis_map *map, uint16_t slot);

/* Take the answer of CLUSTER SLOTS over; a node without a host is at that of `asked`, who answered.
 * SKY_E_MALFORMED, SKY_E_LIMIT: the owners known before stay. */
SKY_MUST_USE enum sky_status sky_redis_map_load(struct sky_redis_map *map, const struct sky_redis_reply *slots,
                                                const struct sky_redis_endpoint *asked);

/* The error "MOVED 3999 127.0.0.1:6381" or "ASK ...", without its first word; no host: that of `asked`.
 * SKY_E_MALFORMED. */
SKY_MUST_USE enum sky_status sky_redis_map_redirect(struct sky_span text, const struct sky_redis_endpoint *asked,
                                                    uint16_t *slot, struct sky_redis_endpoint *to);

#endif
