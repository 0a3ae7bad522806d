/* redis.h: commands to a Redis server, or to a Redis Cluster, one key each.
 *
 *     sky_redis_new(&options, &redis, problem);                     no connection is made yet
 *     sky_redis_command_begin(&command, "SET");
 *     sky_redis_command_key(&command, SKY_SPAN("trends:current"));
 *     sky_redis_command_add(&command, value);
 *     status = sky_redis_call(redis, &command, &reply);
 *
 * A connection is made when a command needs one, and made again when it was lost; between attempts that fail the time
 * grows (SKY_REDIS_BACKOFF_MS_*), and a command in that time fails at once. A server that answers MOVED is a cluster's:
 * from then on its table of slots is kept (CLUSTER SLOTS), and asked for again when a node is gone or says MOVED.
 * ASK is followed too. As a command names one key at most, CROSSSLOT cannot happen.
 *
 * A command may be run twice, when a connection breaks before its answer: all of ours may be.
 *
 * Spec     https://redis.io/docs/latest/develop/reference/protocol-spec/,
 *          https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 * Memory   a reply lives until the next call. At most SKY_REDIS_REPLY_BYTES_MAX for each reply, and
 *          SKY_REDIS_CALL_BYTES_MAX for all of a call.
 * Threads  one owner. A call waits for each connection and each reply as long as its timeout is, in all
 *          SKY_REDIS_CALL_TIMEOUTS times the longer of the two, and no longer than goes_on says.
 * Trust    replies are bounded (redis_reply.h). Whoever answers at the address, which only TLS proves, is trusted with
 *          the password and to say where the other nodes are: those get it too, over TLS when the first did. */
#ifndef SKY_IO_REDIS_REDIS_H
#define SKY_IO_REDIS_REDIS_H

#include "base/buffer.h"
#include "io/redis/redis_socket.h"

/* Limits of ours. */
#define SKY_REDIS_ARGUMENTS_MAX  16
#define SKY_REDIS_CALL_TIMEOUTS  4                  /* of a call, a pipeline too, in the longer of the two timeouts */
#define SKY_REDIS_CALL_BYTES_MAX ((size_t)64 << 20) /* of the replies of a call, a pipeline too */
#define SKY_REDIS_PIPELINE_MAX   256                /* commands of one call */
#define SKY_REDIS_ADDRESSES_MAX  16
#define SKY_REDIS_REDIRECTS_MAX  5
#define SKY_REDIS_BACKOFF_MS_MIN 100 /* doubling to the other, of which half is random */
#define SKY_REDIS_BACKOFF_MS_MAX 5000
#define SKY_REDIS_PORT           6379

struct sky_redis_options {
    /* One, or some nodes of a cluster, with commas between: "redis://host:6379/0", "rediss://host:6380" (TLS),
     * "unix:///run/redis.sock", see redis_address.h; all with TLS or none, all with the same database. */
    const char *addresses;
    const char *user;     /* NULL or "": the default one */
    const char *password; /* NULL or "": no AUTH */
    const char *ca_file;  /* for rediss://; NULL or "": the system's certificates */
    int connect_timeout_ms;
    int answer_timeout_ms;
    /* Asked before each command and pipeline and every SKY_REDIS_ASK_MS while one waits: false ends the call with
     * SKY_REDIS_STOPPED. NULL: it goes on. */
    bool (*goes_on)(void *context);
    void *context;
};

void sky_redis_options_default(struct sky_redis_options *options); /* 127.0.0.1:6379; 2 s and 2 s */

enum sky_redis_trouble {
    SKY_REDIS_FINE,
    SKY_REDIS_UNREACHABLE,
    SKY_REDIS_TIMEOUT,
    SKY_REDIS_STOPPED,   /* the caller's goes_on said no */
    SKY_REDIS_UNTRUSTED, /* TLS */
    SKY_REDIS_CLOSED,    /* the connection broke */
    SKY_REDIS_MALFORMED, /* what answers does not speak the protocol */
    SKY_REDIS_TOO_LARGE, /* a reply over the limits */
    SKY_REDIS_MEMORY,    /* none here */
    SKY_REDIS_LOADING,   /* the server reads its data from disk */
    SKY_REDIS_READONLY,  /* a replica */
    SKY_REDIS_CLUSTERDOWN,
    SKY_REDIS_MASTERDOWN,
    SKY_REDIS_FULL,      /* the server has reached its maxmemory */
    SKY_REDIS_NOAUTH,    /* it wants a password */
    SKY_REDIS_WRONGPASS, /* another one */
    SKY_REDIS_NOPERM,    /* the user may not do this */
    SKY_REDIS_REDIRECTS, /* sent on too often, or to nowhere */
    SKY_REDIS_REFUSED,   /* any other error of a command */
    SKY_REDIS_TROUBLES
};

const char *sky_redis_trouble_name(enum sky_redis_trouble trouble); /* "fine", "unreachable", ...; for metrics */

struct sky_redis;

/* SKY_E_CONFIG: an address or the certificates' file is wrong, `problem` says how; SKY_E_MEMORY. What `options` points
 * to is copied. */
SKY_MUST_USE enum sky_status sky_redis_new(const struct sky_redis_options *options, struct sky_redis **redis,
                                           char problem[SKY_REDIS_PROBLEM_SIZE]);
void sky_redis_free(struct sky_redis *redis); /* NULL is fine */

/* Borrows what it is given. Its mistakes are the caller's bugs, and assert. */
struct sky_redis_command {
    struct sky_span arguments[SKY_REDIS_ARGUMENTS_MAX];
    uint32_t arguments_count;
    struct sky_span key; /* ptr NULL: none, any node will do */
};

void sky_redis_command_begin(struct sky_redis_command *command, const char *name);
void sky_redis_command_key(struct sky_redis_command *command, struct sky_span key); /* once */
void sky_redis_command_add(struct sky_redis_command *command, struct sky_span argument);

/* EVAL of a script over one key, KEYS[1]; what is added then are its ARGV. */
void sky_redis_command_eval(struct sky_redis_command *command, const char *script, struct sky_span key);

/* Run it. The reply is never an error:
 *   SKY_E_IO           not now: the server is away, busy or not whole; try again
 *   SKY_E_CONFIG       it will not work until somebody changes something: password, permission, certificate
 *   SKY_E_UNSUPPORTED  the command is refused
 *   SKY_E_MALFORMED    what answers is no Redis server
 *   SKY_E_LIMIT        the reply is over the limits, or those of a pipeline are
 *   SKY_E_MEMORY
 * sky_redis_trouble and sky_redis_problem say more. */
SKY_MUST_USE enum sky_status sky_redis_call(struct sky_redis *redis, const struct sky_redis_command *command,
                                            struct sky_redis_reply *reply);

/* Run them all, those of a node in one go; `count` <= SKY_REDIS_PIPELINE_MAX. No order between different keys. The
 * status is the first error's; replies[i] is nil where it failed. */
SKY_MUST_USE enum sky_status sky_redis_pipeline(struct sky_redis *redis, const struct sky_redis_command *commands,
                                                uint32_t count, struct sky_redis_reply *replies);

/* Of the last call. The text is printable ASCII, for a person: "127.0.0.1:6379: Connection refused". */
enum sky_redis_trouble sky_redis_trouble(const struct sky_redis *redis);
const char *sky_redis_problem(const struct sky_redis *redis); /* "" when fine */

struct sky_redis_stats {
    uint64_t commands;
    uint64_t connections; /* made, handshake and AUTH included */
    uint64_t redirects;   /* MOVED and ASK followed */
    bool is_cluster;
};
void sky_redis_stats(const struct sky_redis *redis, struct sky_redis_stats *stats);

#endif
