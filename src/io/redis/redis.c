/* A command goes to the node that owns its key's slot, as far as that is known, else to the home node: the first of the
 * addresses that answers. Answers correct what is known:
 *
 *     MOVED slot host:port   the slot's owner, and this is a cluster: the whole table is asked for before the next call
 *     ASK slot host:port     only this once, behind ASKING
 *     no answer              the connection is made again once, when it had been good before; then the next of the
 *                            addresses, or (of a cluster) the owner in a fresh table */
#include "io/redis/redis.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/host/clock.h"
#include "io/redis/redis_address.h"
#include "io/redis/redis_node.h"

#define TABLE_INTERVAL_MS 500 /* CLUSTER SLOTS is not asked for more often */

struct sky_redis {
    struct sky_redis_access access;
    struct sky_arena arena; /* of the replies */
    struct sky_redis_map map;
    struct sky_redis_node nodes[SKY_REDIS_NODES_MAX]; /* as map.nodes */
    struct sky_redis_endpoint seeds[SKY_REDIS_ADDRESSES_MAX];
    uint32_t seeds_count;
    uint32_t home; /* the seed asked when nothing better is known */
    bool is_cluster;
    bool is_stale; /* the table of slots */
    int64_t table_due_ms;
    struct sky_redis_failure failure; /* of the last call */
    struct sky_redis_stats stats;
};

void sky_redis_options_default(struct sky_redis_options *options)
{
    *options = (struct sky_redis_options){
        .addresses = "127.0.0.1:6379", .connect_timeout_ms = 2000, .answer_timeout_ms = 2000};
}

/* Commands */

void sky_redis_command_begin(struct sky_redis_command *command, const char *name)
{
    command->arguments_count = 0;
    command->key = (struct sky_span){0};
    sky_redis_command_add(command, sky_span_from_string(name));
}

void sky_redis_command_add(struct sky_redis_command *command, struct sky_span argument)
{
    assert(command->arguments_count < SKY_REDIS_ARGUMENTS_MAX);
    command->arguments[command->arguments_count++] = argument;
}

void sky_redis_command_key(struct sky_redis_command *command, struct sky_span key)
{
    assert(!command->key.ptr && key.ptr);
    command->key = key;
    sky_redis_command_add(command, key);
}

void sky_redis_command_eval(struct sky_redis_command *command, const char *script, struct sky_span key)
{
    sky_redis_command_begin(command, "EVAL");
    sky_redis_command_add(command, sky_span_from_string(script));
    sky_redis_command_add(command, SKY_SPAN("1"));
    sky_redis_command_key(command, key);
}

/* Failing */

static enum sky_status status_of(enum sky_redis_trouble trouble)
{
    switch (trouble) {
    case SKY_REDIS_FINE: return SKY_OK;
    case SKY_REDIS_MALFORMED: return SKY_E_MALFORMED;
    case SKY_REDIS_TOO_LARGE: return SKY_E_LIMIT;
    case SKY_REDIS_MEMORY: return SKY_E_MEMORY;
    case SKY_REDIS_UNTRUSTED:
    case SKY_REDIS_NOAUTH:
    case SKY_REDIS_WRONGPASS:
    case SKY_REDIS_NOPERM: return SKY_E_CONFIG;
    case SKY_REDIS_REFUSED: return SKY_E_UNSUPPORTED;
    default: return SKY_E_IO;
    }
}

/* Keep what went wrong at a node, with the node's name before it. */
static void note_failure(struct sky_redis *redis, uint32_t node, const struct sky_redis_failure *failure)
{
    char where[SKY_REDIS_PROBLEM_SIZE / 2];
    sky_redis_endpoint_write(&redis->map.nodes[node], where, sizeof where);
    redis->failure.trouble = failure->trouble;
    snprintf(redis->failure.text, sizeof redis->failure.text, "%.80s: %.170s", where, failure->text);
}

static void note_error(struct sky_redis *redis, uint32_t node, struct sky_span error)
{
    struct sky_redis_failure failure;
    sky_redis_failure_tell(&failure, sky_redis_trouble_of(error), error);
    note_failure(redis, node, &failure);
}

static void note_own(struct sky_redis *redis, enum sky_redis_trouble trouble, const char *text)
{
    redis->failure.trouble = trouble;
    snprintf(redis->failure.text, sizeof redis->failure.text, "%s", text);
}

/* True, and noted as the failure: the call has had its time or bytes, or is to end, and begins nothing more. What went
 * wrong before stands. */
static bool note_if_over(struct sky_redis *redis)
{
    const struct sky_redis_access *access = &redis->access;
    bool is_known = redis->failure.trouble != SKY_REDIS_FINE;
    if (access->goes_on && !access->goes_on(access->context)) {
        if (!is_known)
            note_own(redis, SKY_REDIS_STOPPED, "the program ends");
        return true;
    }
    if (access->bytes && sky_clock_monotonic_ms() < access->until_ms)
        return false;
    if (!is_known)
        note_own(redis, SKY_REDIS_TIMEOUT, "no answer in time");
    return true;
}

/* Nodes */

static void forget_nodes(struct sky_redis *redis)
{
    for (uint32_t i = 0; i < redis->map.nodes_count; i++) {
        redis->stats.connections += redis->nodes[i].connections;
        sky_redis_node_close(&redis->nodes[i], false);
        redis->nodes[i] = (struct sky_redis_node){0};
    }
    sky_redis_map_clear(&redis->map);
}

/* The seeds are the map's first nodes. */
static void take_seeds(struct sky_redis *redis)
{
    for (uint32_t i = 0; i < redis->seeds_count; i++)
        (void)sky_redis_map_node(&redis->map, &redis->seeds[i]);
}

static uint32_t add_node(struct sky_redis *redis, const struct sky_redis_endpoint *endpoint)
{
    uint32_t node = sky_redis_map_node(&redis->map, endpoint);
    if (node != SKY_REDIS_NO_NODE)
        return node;
    forget_nodes(redis); /* of a cluster whose nodes came and went */
    take_seeds(redis);
    redis->is_stale = true;
    return sky_redis_map_node(&redis->map, endpoint);
}

static bool open_node(struct sky_redis *redis, uint32_t node)
{
    if (sky_redis_node_open(&redis->nodes[node], &redis->access, &redis->map.nodes[node]))
        return true;
    note_failure(redis, node, &redis->nodes[node].failure);
    return false;
}

/* One round trip; `bytes` holds `count` commands, of which the last reply is handed out. An error of the server is a
 * reply here. */
static bool exchange_once(struct sky_redis *redis, uint32_t node, struct sky_span bytes, uint32_t count,
                          struct sky_redis_reply *reply)
{
    struct sky_redis_node *at = &redis->nodes[node];
    if (!open_node(redis, node))
        return false;
    bool ok = sky_redis_node_send(at, &redis->access, bytes);
    for (; ok && count; count--)
        ok = sky_redis_node_receive(at, &redis->access, reply);
    if (ok)
        return true;
    note_failure(redis, node, &at->failure);
    return false;
}

/* The same, once more where an old connection turned out to be gone. */
static bool exchange(struct sky_redis *redis, uint32_t node, struct sky_span bytes, uint32_t count,
                     struct sky_redis_reply *reply)
{
    struct sky_redis_node *at = &redis->nodes[node];
    bool was_used = at->socket && at->used;
    if (exchange_once(redis, node, bytes, count, reply))
        return true;
    bool was_closed = redis->failure.trouble == SKY_REDIS_CLOSED;
    if (!at->socket)
        return false;
    sky_redis_node_close(at, !(was_used && was_closed));
    if (!was_used || !was_closed)
        return false;
    if (exchange_once(redis, node, bytes, count, reply))
        return true;
    if (at->socket)
        sky_redis_node_close(at, true);
    return false;
}

/* The table of slots */

static bool load_table(struct sky_redis *redis, uint32_t node)
{
    struct sky_buffer bytes = {0};
    struct sky_span words[2] = {SKY_SPAN("CLUSTER"), SKY_SPAN("SLOTS")};
    struct sky_redis_reply reply;
    sky_redis_command_write(&bytes, words, 2);
    bool ok = !bytes.failed && exchange(redis, node, sky_buffer_span(&bytes), 1, &reply);
    sky_buffer_clean_up(&bytes);
    if (!ok || reply.kind != SKY_REDIS_ARRAY || reply.count == 0)
        return false;
    struct sky_redis_endpoint asked = redis->map.nodes[node];
    enum sky_status status = sky_redis_map_load(&redis->map, &reply, &asked);
    if (status == SKY_E_LIMIT) { /* filled up with nodes that are gone */
        forget_nodes(redis);
        take_seeds(redis);
        status = sky_redis_map_load(&redis->map, &reply, &asked);
    }
    return status == SKY_OK;
}

/* From any node that answers; when none does, what is known stays. */
static void refresh_table(struct sky_redis *redis)
{
    int64_t now_ms = sky_clock_monotonic_ms();
    if (!redis->is_cluster || !redis->is_stale || now_ms < redis->table_due_ms)
        return;
    redis->table_due_ms = now_ms + TABLE_INTERVAL_MS;
    for (uint32_t i = 0; i < redis->map.nodes_count && !note_if_over(redis); i++)
        if (load_table(redis, i)) {
            redis->is_stale = false;
            return;
        }
}

static uint32_t node_for(const struct sky_redis *redis, const struct sky_redis_command *command)
{
    uint32_t node = SKY_REDIS_NO_NODE;
    if (redis->is_cluster && command->key.ptr)
        node = sky_redis_map_owner(&redis->map, sky_redis_slot(command->key));
    return node == SKY_REDIS_NO_NODE ? redis->home : node;
}

/* Calls */

/* Where a command is in its way. */
struct errand {
    const struct sky_redis_command *command;
    struct sky_buffer bytes;
    uint32_t asked;  /* the node of ASK; SKY_REDIS_NO_NODE: none */
    uint32_t homes;  /* addresses tried */
    uint32_t rounds; /* fresh tables tried after a failure */
    uint32_t redirects;
};

/* False: the redirect leads nowhere. */
static bool follow(struct sky_redis *redis, struct errand *errand, uint32_t node, struct sky_span error)
{
    bool is_ask = sky_span_starts_with(error, SKY_SPAN("ASK "));
    uint16_t slot;
    struct sky_redis_endpoint to = {0}, asked = redis->map.nodes[node];
    struct sky_span rest = sky_span_from(error, is_ask ? 4 : 6);
    if (sky_redis_map_redirect(rest, &asked, &slot, &to) != SKY_OK) {
        note_own(redis, SKY_REDIS_REDIRECTS, "the cluster sends a command on to a place that cannot be read");
        return false;
    }
    if (++errand->redirects > SKY_REDIS_REDIRECTS_MAX) {
        note_own(redis, SKY_REDIS_REDIRECTS, "the cluster sends a command on again and again");
        redis->is_stale = true;
        return false;
    }
    uint32_t target = add_node(redis, &to);
    redis->stats.redirects++;
    redis->is_cluster = redis->stats.is_cluster = true;
    if (is_ask) {
        errand->asked = target;
    } else {
        errand->asked = SKY_REDIS_NO_NODE;
        redis->map.owner[slot] = (uint16_t)(target + 1);
        redis->is_stale = true;
    }
    return true;
}

static bool is_redirect(const struct sky_redis_reply *reply)
{
    return reply->kind == SKY_REDIS_ERROR && (sky_span_starts_with(reply->text, SKY_SPAN("MOVED ")) ||
                                              sky_span_starts_with(reply->text, SKY_SPAN("ASK ")));
}

/* A node does not answer: whether it is worth to go on at another place. */
static bool evade(struct sky_redis *redis, struct errand *errand)
{
    errand->asked = SKY_REDIS_NO_NODE;
    if (redis->is_cluster) {
        redis->is_stale = true;
        refresh_table(redis);
        return !redis->is_stale && errand->rounds++ == 0;
    }
    if (++errand->homes >= redis->seeds_count)
        return false;
    redis->home = (redis->home + 1) % redis->seeds_count;
    return true;
}

/* An error that says that another node may do better, later: the next call begins afresh. */
static void judge_error(struct sky_redis *redis, uint32_t node)
{
    enum sky_redis_trouble trouble = redis->failure.trouble;
    if (trouble == SKY_REDIS_READONLY || trouble == SKY_REDIS_CLUSTERDOWN || trouble == SKY_REDIS_MASTERDOWN)
        redis->is_stale = true;
    if (redis->is_cluster || trouble == SKY_REDIS_REFUSED || trouble == SKY_REDIS_NOPERM)
        return;
    if (trouble == SKY_REDIS_READONLY || trouble == SKY_REDIS_NOAUTH) {
        sky_redis_node_close(&redis->nodes[node], true); /* its name may lead elsewhere by then */
        redis->home = (redis->home + 1) % redis->seeds_count;
    }
}

static bool exchange_errand(struct sky_redis *redis, struct errand *errand, uint32_t node,
                            struct sky_redis_reply *reply)
{
    struct sky_span asking = SKY_SPAN("ASKING");
    bool is_asked = errand->asked != SKY_REDIS_NO_NODE;
    sky_buffer_clear(&errand->bytes);
    if (is_asked)
        sky_redis_command_write(&errand->bytes, &asking, 1);
    sky_redis_command_write(&errand->bytes, errand->command->arguments, errand->command->arguments_count);
    if (errand->bytes.failed) {
        note_own(redis, SKY_REDIS_MEMORY, "no memory for a command");
        return false;
    }
    return exchange(redis, node, sky_buffer_span(&errand->bytes), is_asked ? 2 : 1, reply);
}

/* One command to its end; false: redis->failure says why. */
static bool run(struct sky_redis *redis, const struct sky_redis_command *command, struct sky_redis_reply *reply)
{
    struct errand errand = {.command = command, .asked = SKY_REDIS_NO_NODE};
    bool done = false, going = true;
    while (going && !note_if_over(redis)) {
        refresh_table(redis);
        uint32_t node = errand.asked != SKY_REDIS_NO_NODE ? errand.asked : node_for(redis, command);
        if (!exchange_errand(redis, &errand, node, reply)) {
            struct sky_redis_failure failure = redis->failure; /* the table's own must not hide it */
            going = !errand.bytes.failed && evade(redis, &errand);
            redis->failure = failure;
        } else if (is_redirect(reply)) {
            going = follow(redis, &errand, node, reply->text);
        } else {
            going = false;
            done = reply->kind != SKY_REDIS_ERROR;
            if (!done) {
                note_error(redis, node, reply->text);
                judge_error(redis, node);
            }
        }
    }
    sky_buffer_clean_up(&errand.bytes);
    if (!done)
        *reply = (struct sky_redis_reply){0};
    return done;
}

static void begin_call(struct sky_redis *redis, uint32_t commands)
{
    sky_arena_reset(&redis->arena);
    redis->stats.commands += commands;
    redis->failure = (struct sky_redis_failure){.trouble = SKY_REDIS_FINE};
    struct sky_redis_access *access = &redis->access;
    int longer_ms =
        access->connect_timeout_ms > access->answer_timeout_ms ? access->connect_timeout_ms : access->answer_timeout_ms;
    access->until_ms = sky_clock_monotonic_ms() + (int64_t)SKY_REDIS_CALL_TIMEOUTS * longer_ms;
    access->bytes = SKY_REDIS_CALL_BYTES_MAX;
}

enum sky_status sky_redis_call(struct sky_redis *redis, const struct sky_redis_command *command,
                               struct sky_redis_reply *reply)
{
    begin_call(redis, 1);
    if (!run(redis, command, reply))
        return status_of(redis->failure.trouble);
    redis->failure = (struct sky_redis_failure){.trouble = SKY_REDIS_FINE};
    return SKY_OK;
}

/* Pipelines */

struct pipeline {
    const struct sky_redis_command *commands;
    struct sky_redis_reply *replies;
    uint32_t nodes[SKY_REDIS_PIPELINE_MAX];
    bool done[SKY_REDIS_PIPELINE_MAX]; /* needs no second try */
    uint32_t count;
};

/* Those of one node: all are written, then all replies are read. */
static void pipeline_node(struct sky_redis *redis, struct pipeline *pipeline, uint32_t node)
{
    struct sky_buffer bytes = {0};
    struct sky_redis_node *at = &redis->nodes[node];
    if (note_if_over(redis))
        return;
    for (uint32_t i = 0; i < pipeline->count; i++)
        if (pipeline->nodes[i] == node)
            sky_redis_command_write(&bytes, pipeline->commands[i].arguments, pipeline->commands[i].arguments_count);
    bool ok =
        !bytes.failed && open_node(redis, node) && sky_redis_node_send(at, &redis->access, sky_buffer_span(&bytes));
    for (uint32_t i = 0; ok && i < pipeline->count; i++)
        if (pipeline->nodes[i] == node) {
            ok = sky_redis_node_receive(at, &redis->access, &pipeline->replies[i]);
            pipeline->done[i] = ok && pipeline->replies[i].kind != SKY_REDIS_ERROR;
        }
    if (!ok && at->socket) { /* replies may still be under way; each command is tried again by itself, in time */
        note_failure(redis, node, &at->failure);
        sky_redis_node_close(at, note_if_over(redis));
    }
    sky_buffer_clean_up(&bytes);
}

enum sky_status sky_redis_pipeline(struct sky_redis *redis, const struct sky_redis_command *commands, uint32_t count,
                                   struct sky_redis_reply *replies)
{
    struct pipeline pipeline = {.commands = commands, .replies = replies, .count = count};
    struct sky_redis_failure first = {.trouble = SKY_REDIS_FINE};
    assert(count <= SKY_REDIS_PIPELINE_MAX);
    begin_call(redis, count);
    refresh_table(redis);
    for (uint32_t i = 0; i < count; i++)
        pipeline.nodes[i] = node_for(redis, &commands[i]);
    for (uint32_t i = 0; i < count; i++) {
        bool is_first = true;
        for (uint32_t j = 0; j < i && is_first; j++)
            is_first = pipeline.nodes[j] != pipeline.nodes[i];
        if (is_first)
            pipeline_node(redis, &pipeline, pipeline.nodes[i]);
    }
    for (uint32_t i = 0; i < count; i++) /* redirected, refused or lost */
        if (!pipeline.done[i] && !run(redis, &commands[i], &replies[i]) && first.trouble == SKY_REDIS_FINE)
            first = redis->failure;
    redis->failure = first;
    return status_of(first.trouble);
}

/* Making */

/* NULL: the address is taken. */
static const char *take_address(struct sky_redis *redis, struct sky_span text, bool *secure)
{
    struct sky_redis_address address;
    const char *reason = NULL;
    if (sky_redis_address_parse(text, &address, &reason) != SKY_OK)
        return reason;
    if (redis->seeds_count && address.secure != *secure)
        return "either all are rediss:// or none is";
    if (redis->seeds_count && address.database != redis->access.database)
        return "they name different databases";
    for (uint32_t i = 0; i < redis->seeds_count; i++)
        if (redis->seeds[i].port == address.endpoint.port && strcmp(redis->seeds[i].host, address.endpoint.host) == 0)
            return "one is given twice";
    if (redis->seeds_count == SKY_REDIS_ADDRESSES_MAX)
        return "there are more than 16";
    *secure = address.secure;
    redis->access.database = address.database;
    redis->seeds[redis->seeds_count++] = address.endpoint;
    return NULL;
}

static enum sky_status take_addresses(struct sky_redis *redis, const char *addresses, bool *secure,
                                      char problem[SKY_REDIS_PROBLEM_SIZE])
{
    struct sky_span rest = sky_span_from_string(addresses);
    const char *reason = rest.len ? NULL : "there is none";
    while (rest.len && !reason) {
        const uint8_t *comma = memchr(rest.ptr, ',', rest.len);
        struct sky_span text = sky_span_of(rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len);
        rest = sky_span_from(rest, comma ? text.len + 1 : text.len);
        reason = take_address(redis, text, secure);
    }
    if (reason)
        snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "the addresses of Redis: %s", reason);
    return reason ? SKY_E_CONFIG : SKY_OK;
}

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

enum sky_status sky_redis_new(const struct sky_redis_options *options, struct sky_redis **result,
                              char problem[SKY_REDIS_PROBLEM_SIZE])
{
    struct sky_redis *redis = calloc(1, sizeof *redis);
    bool secure = false;
    *result = NULL;
    snprintf(problem, SKY_REDIS_PROBLEM_SIZE, "no memory for a Redis client");
    if (!redis)
        return SKY_E_MEMORY;
    redis->access = (struct sky_redis_access){.user = copy(options->user),
                                              .password = copy(options->password),
                                              .connect_timeout_ms = options->connect_timeout_ms,
                                              .answer_timeout_ms = options->answer_timeout_ms,
                                              .goes_on = options->goes_on,
                                              .context = options->context,
                                              .arena = &redis->arena};
    enum sky_status status = redis->access.user && redis->access.password ? SKY_OK : SKY_E_MEMORY;
    if (status == SKY_OK)
        status = take_addresses(redis, options->addresses, &secure, problem);
    if (status == SKY_OK && secure)
        status = sky_redis_tls_new(options->ca_file && options->ca_file[0] ? options->ca_file : NULL,
                                   &redis->access.tls, problem);
    if (status != SKY_OK) {
        sky_redis_free(redis);
        return status;
    }
    take_seeds(redis);
    problem[0] = '\0';
    *result = redis;
    return SKY_OK;
}

void sky_redis_free(struct sky_redis *redis)
{
    if (!redis)
        return;
    forget_nodes(redis);
    sky_redis_tls_free(redis->access.tls);
    if (redis->access.password)
        explicit_bzero(redis->access.password, strlen(redis->access.password));
    free(redis->access.password);
    free(redis->access.user);
    sky_arena_clean_up(&redis->arena);
    free(redis);
}

enum sky_redis_trouble sky_redis_trouble(const struct sky_redis *redis)
{
    return redis->failure.trouble;
}

const char *sky_redis_problem(const struct sky_redis *redis)
{
    return redis->failure.text;
}

void sky_redis_stats(const struct sky_redis *redis, struct sky_redis_stats *stats)
{
    *stats = redis->stats;
    for (uint32_t i = 0; i < redis->map.nodes_count; i++)
        stats->connections += redis->nodes[i].connections;
}
