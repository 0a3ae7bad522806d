/* redis_node.h: one server: its connection, who we are to it, and when to try again.
 *
 * Memory   owned; replies live in the arena of the owner.
 * Threads  one owner. */
#ifndef SKY_IO_REDIS_REDIS_NODE_H
#define SKY_IO_REDIS_REDIS_NODE_H

#include "io/redis/redis.h"

/* What all nodes of a client share; outlives them. */
struct sky_redis_access {
    struct sky_redis_tls *tls; /* NULL: plain */
    char *user;                /* "": the default one */
    char *password;            /* "": none */
    uint32_t database;
    int connect_timeout_ms;
    int answer_timeout_ms;
    bool (*goes_on)(void *context); /* NULL: always */
    void *context;
    struct sky_arena *arena;
    /* what the call under way has left for all its nodes and replies */
    int64_t until_ms; /* of sky_clock_monotonic_ms */
    size_t bytes;
};

struct sky_redis_failure {
    enum sky_redis_trouble trouble;
    char text[SKY_REDIS_PROBLEM_SIZE];
};

struct sky_redis_node {
    struct sky_redis_socket *socket; /* NULL: not connected */
    struct sky_redis_reader *reader;
    bool used;                        /* a command was answered on this connection */
    uint32_t failures;                /* in a row */
    int64_t due_ms;                   /* not before; of sky_clock_monotonic_ms */
    uint64_t connections;             /* made */
    struct sky_redis_failure failure; /* the last one */
};

/* Connected and admitted (AUTH, SELECT), when it was not; on a failure node->failure says why. While it is not yet time
 * to try again, the failure before stands. */
SKY_MUST_USE bool sky_redis_node_open(struct sky_redis_node *node, struct sky_redis_access *access,
                                      const struct sky_redis_endpoint *endpoint);

SKY_MUST_USE bool sky_redis_node_send(struct sky_redis_node *node, const struct sky_redis_access *access,
                                      struct sky_span bytes);

/* The next reply, errors of the server included; its bytes are taken from what the call has left. */
SKY_MUST_USE bool sky_redis_node_receive(struct sky_redis_node *node, struct sky_redis_access *access,
                                         struct sky_redis_reply *reply);

/* Close; `due` says whether the next attempt must wait as after a failure. */
void sky_redis_node_close(struct sky_redis_node *node, bool must_wait);

/* How long to wait after so many failures in a row. */
int64_t sky_redis_backoff_ms(uint32_t failures);

/* What an error reply means. */
enum sky_redis_trouble sky_redis_trouble_of(struct sky_span error);

/* "LOADING Redis is loading the dataset in memory" -> in our words where it is a state of the server, then its own,
 * printable. */
void sky_redis_failure_tell(struct sky_redis_failure *failure, enum sky_redis_trouble trouble, struct sky_span error);

/* Append a command in the protocol's form. */
void sky_redis_command_write(struct sky_buffer *buffer, const struct sky_span *arguments, uint32_t count);

#endif
