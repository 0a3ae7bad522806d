/* redis_reply.h: the replies of a Redis server, from bytes to values.
 *
 * hiredis' reader does the protocol; what it makes is ours, so that a reply costs one arena and every size has a limit.
 *
 * Spec     https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2)
 * Memory   values and their text live in the arena given to sky_redis_reader_new until its owner resets it.
 * Threads  one owner.
 * Trust    the server is not trusted: depth, number of values and bytes of a reply are bounded; no length that it
 *          claims is allocated before the bytes are there, but for an array's places, which are bounded too. */
#ifndef SKY_IO_REDIS_REDIS_REPLY_H
#define SKY_IO_REDIS_REDIS_REPLY_H

#include "base/arena.h"

/* Limits of ours. */
#define SKY_REDIS_REPLY_BYTES_MAX  ((size_t)16 << 20)
#define SKY_REDIS_REPLY_VALUES_MAX 65536
#define SKY_REDIS_REPLY_DEPTH_MAX  6 /* CLUSTER SLOTS needs 4; hiredis allows 8 */

enum sky_redis_kind {
    SKY_REDIS_NIL,
    SKY_REDIS_INTEGER,
    SKY_REDIS_TEXT,   /* any bytes */
    SKY_REDIS_STATUS, /* "OK" */
    SKY_REDIS_ERROR,  /* "ERR unknown command" */
    SKY_REDIS_ARRAY
};

struct sky_redis_reply {
    enum sky_redis_kind kind;
    int64_t integer;
    struct sky_span text;                /* of a text, status or error */
    const struct sky_redis_reply *items; /* of an array */
    uint32_t count;
};

struct sky_redis_reader;

/* SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_redis_reader_new(struct sky_arena *arena, struct sky_redis_reader **reader);
void sky_redis_reader_free(struct sky_redis_reader *reader); /* NULL is fine */

/* Bytes as they came. SKY_E_LIMIT: more than SKY_REDIS_REPLY_BYTES_MAX without the end of a reply; SKY_E_MEMORY. */
SKY_MUST_USE enum sky_status sky_redis_reader_feed(struct sky_redis_reader *reader, struct sky_span bytes);

/* The next whole reply.
 *   SKY_E_TRUNCATED  its end has not come yet
 *   SKY_E_MALFORMED  not the protocol
 *   SKY_E_LIMIT      too deep, or too many values
 *   SKY_E_MEMORY
 * After an error but SKY_E_TRUNCATED the reader is good only for sky_redis_reader_free. */
SKY_MUST_USE enum sky_status sky_redis_reader_next(struct sky_redis_reader *reader, struct sky_redis_reply *reply);

#endif
