#include "io/redis/redis_node.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/host/clock.h"

#define BLOCK_BYTES 65536

/* Words */

const char *sky_redis_trouble_name(enum sky_redis_trouble trouble)
{
    static const char *const names[SKY_REDIS_TROUBLES] = {
        [SKY_REDIS_FINE] = "fine",
        [SKY_REDIS_UNREACHABLE] = "unreachable",
        [SKY_REDIS_TIMEOUT] = "timeout",
        [SKY_REDIS_STOPPED] = "stopped",
        [SKY_REDIS_UNTRUSTED] = "untrusted",
        [SKY_REDIS_CLOSED] = "closed",
        [SKY_REDIS_MALFORMED] = "malformed",
        [SKY_REDIS_TOO_LARGE] = "too_large",
        [SKY_REDIS_MEMORY] = "memory",
        [SKY_REDIS_LOADING] = "loading",
        [SKY_REDIS_READONLY] = "readonly",
        [SKY_REDIS_CLUSTERDOWN] = "clusterdown",
        [SKY_REDIS_MASTERDOWN] = "masterdown",
        [SKY_REDIS_FULL] = "full",
        [SKY_REDIS_NOAUTH] = "noauth",
        [SKY_REDIS_WRONGPASS] = "wrongpass",
        [SKY_REDIS_NOPERM] = "noperm",
        [SKY_REDIS_REDIRECTS] = "redirects",
        [SKY_REDIS_REFUSED] = "refused",
    };
    return (unsigned)trouble < SKY_REDIS_TROUBLES ? names[trouble] : "unknown";
}

enum sky_redis_trouble sky_redis_trouble_of(struct sky_span error)
{
    static const struct {
        const char *beginning;
        enum sky_redis_trouble trouble;
    } known[] = {
        {"LOADING", SKY_REDIS_LOADING},
        {"BUSY", SKY_REDIS_LOADING},
        {"READONLY", SKY_REDIS_READONLY},
        {"CLUSTERDOWN", SKY_REDIS_CLUSTERDOWN},
        {"TRYAGAIN", SKY_REDIS_CLUSTERDOWN},
        {"MASTERDOWN", SKY_REDIS_MASTERDOWN},
        {"NOREPLICAS", SKY_REDIS_MASTERDOWN},
        {"MISCONF", SKY_REDIS_READONLY},
        {"OOM", SKY_REDIS_FULL},
        {"NOAUTH", SKY_REDIS_NOAUTH},
        {"WRONGPASS", SKY_REDIS_WRONGPASS},
        {"ERR invalid password", SKY_REDIS_WRONGPASS},
        {"ERR AUTH", SKY_REDIS_WRONGPASS},
        {"NOPERM", SKY_REDIS_NOPERM},
        {"ERR max number of clients", SKY_REDIS_UNREACHABLE},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (sky_span_starts_with(error, sky_span_from_string(known[i].beginning)))
            return known[i].trouble;
    return SKY_REDIS_REFUSED;
}

static const char *words_for(enum sky_redis_trouble trouble)
{
    switch (trouble) {
    case SKY_REDIS_LOADING: return "the server is loading its data or busy";
    case SKY_REDIS_READONLY: return "the server takes no writes (a replica, or its disk is full)";
    case SKY_REDIS_CLUSTERDOWN: return "the cluster is not whole";
    case SKY_REDIS_MASTERDOWN: return "the server has lost its master or replicas";
    case SKY_REDIS_FULL: return "the server is full (its maxmemory)";
    case SKY_REDIS_NOAUTH: return "the server wants a password";
    case SKY_REDIS_WRONGPASS: return "the server does not take this user and password";
    case SKY_REDIS_NOPERM: return "the user may not do this";
    default: return NULL;
    }
}

void sky_redis_failure_tell(struct sky_redis_failure *failure, enum sky_redis_trouble trouble, struct sky_span error)
{
    char own[SKY_REDIS_PROBLEM_SIZE / 2];
    size_t len = 0;
    for (; len < error.len && len + 1 < sizeof own; len++)
        own[len] = (char)(error.ptr[len] >= ' ' && error.ptr[len] <= '~' ? error.ptr[len] : '?');
    own[len] = '\0';
    const char *words = words_for(trouble);
    failure->trouble = trouble;
    snprintf(failure->text, sizeof failure->text, words ? "%s: %s" : "%s%s", words ? words : "", own);
}

/* Commands */

void sky_redis_command_write(struct sky_buffer *buffer, const struct sky_span *arguments, uint32_t count)
{
    const char *pointers[SKY_REDIS_ARGUMENTS_MAX + 1];
    size_t lengths[SKY_REDIS_ARGUMENTS_MAX + 1];
    for (uint32_t i = 0; i < count; i++) {
        pointers[i] = arguments[i].len ? (const char *)arguments[i].ptr : "";
        lengths[i] = arguments[i].len;
    }
    char *text = NULL;
    int len = redisFormatCommandArgv(&text, (int)count, pointers, lengths);
    if (len < 0) {
        buffer->failed = true;
        return;
    }
    sky_buffer_put(buffer, text, (size_t)len);
    redisFreeCommand(text);
}

/* Failing */

/* Half fixed, half random: many clients of a server that was away do not come at once. */
int64_t sky_redis_backoff_ms(uint32_t failures)
{
    int64_t bound = SKY_REDIS_BACKOFF_MS_MIN;
    for (uint32_t i = 1; i < failures && bound < SKY_REDIS_BACKOFF_MS_MAX; i++)
        bound *= 2;
    if (bound > SKY_REDIS_BACKOFF_MS_MAX)
        bound = SKY_REDIS_BACKOFF_MS_MAX;
    return bound / 2 + (int64_t)arc4random_uniform((uint32_t)(bound / 2) + 1);
}

void sky_redis_node_close(struct sky_redis_node *node, bool must_wait)
{
    sky_redis_socket_close(node->socket);
    sky_redis_reader_free(node->reader);
    node->socket = NULL;
    node->reader = NULL;
    node->used = false;
    if (must_wait) {
        node->failures++;
        node->due_ms = sky_clock_monotonic_ms() + sky_redis_backoff_ms(node->failures);
    }
}

static bool fail(struct sky_redis_node *node, enum sky_redis_trouble trouble, const char *text)
{
    node->failure.trouble = trouble;
    if (text != node->failure.text)
        snprintf(node->failure.text, sizeof node->failure.text, "%s", text);
    return false;
}

/* A socket's end, in words unless it has said some. */
static bool fail_with(struct sky_redis_node *node, enum sky_redis_socket_end end)
{
    switch (end) {
    case SKY_REDIS_SOCKET_UNREACHABLE: return fail(node, SKY_REDIS_UNREACHABLE, node->failure.text);
    case SKY_REDIS_SOCKET_UNTRUSTED:
        return fail(node, SKY_REDIS_UNTRUSTED, node->failure.text[0] ? node->failure.text : "TLS: it broke");
    case SKY_REDIS_SOCKET_TIMEOUT: return fail(node, SKY_REDIS_TIMEOUT, "no answer in time");
    case SKY_REDIS_SOCKET_STOPPED: return fail(node, SKY_REDIS_STOPPED, "no answer yet, and the program ends");
    case SKY_REDIS_SOCKET_MEMORY: return fail(node, SKY_REDIS_MEMORY, "no memory for a connection");
    default: return fail(node, SKY_REDIS_CLOSED, "the server closed the connection");
    }
}

/* Talking */

/* For one wait; all those of a call together have the call's time. */
static struct sky_redis_patience patience_of(const struct sky_redis_access *access, int timeout_ms)
{
    int64_t until_ms = sky_clock_monotonic_ms() + timeout_ms;
    return (struct sky_redis_patience){until_ms < access->until_ms ? until_ms : access->until_ms, access->goes_on,
                                       access->context};
}

bool sky_redis_node_send(struct sky_redis_node *node, const struct sky_redis_access *access, struct sky_span bytes)
{
    struct sky_redis_patience patience = patience_of(access, access->answer_timeout_ms);
    enum sky_redis_socket_end end = sky_redis_socket_send(node->socket, bytes, &patience);
    node->failure.text[0] = '\0';
    return end == SKY_REDIS_SOCKET_OK || fail_with(node, end);
}

static bool judge_reader(struct sky_redis_node *node, enum sky_status status)
{
    switch (status) {
    case SKY_E_MALFORMED: return fail(node, SKY_REDIS_MALFORMED, "what answers does not speak the Redis protocol");
    case SKY_E_LIMIT: return fail(node, SKY_REDIS_TOO_LARGE, "the reply is larger than is allowed");
    default: return fail(node, SKY_REDIS_MEMORY, "no memory for a reply");
    }
}

bool sky_redis_node_receive(struct sky_redis_node *node, struct sky_redis_access *access, struct sky_redis_reply *reply)
{
    char block[BLOCK_BYTES];
    struct sky_redis_patience patience = patience_of(access, access->answer_timeout_ms);
    for (;;) {
        enum sky_status status = sky_redis_reader_next(node->reader, reply);
        if (status == SKY_OK) {
            node->used = true;
            return true;
        }
        if (status != SKY_E_TRUNCATED)
            return judge_reader(node, status);
        size_t len = 0;
        enum sky_redis_socket_end end = sky_redis_socket_receive(node->socket, block, sizeof block, &len, &patience);
        node->failure.text[0] = '\0';
        if (end != SKY_REDIS_SOCKET_OK)
            return fail_with(node, end);
        if (len > access->bytes) {
            access->bytes = 0;
            return fail(node, SKY_REDIS_TOO_LARGE, "the replies together are larger than is allowed");
        }
        access->bytes -= len;
        status = sky_redis_reader_feed(node->reader, sky_span_of(block, len));
        if (status != SKY_OK)
            return judge_reader(node, status);
    }
}

/* Opening */

/* AUTH and SELECT, as far as they are needed. */
static bool introduce(struct sky_redis_node *node, struct sky_redis_access *access)
{
    struct sky_buffer bytes = {0};
    struct sky_span auth[3] = {SKY_SPAN("AUTH")};
    uint32_t auth_count = 1, replies = 0;
    char number[16];
    if (access->user[0])
        auth[auth_count++] = sky_span_from_string(access->user);
    auth[auth_count++] = sky_span_from_string(access->password);
    if (access->password[0] || access->user[0]) {
        sky_redis_command_write(&bytes, auth, auth_count);
        replies++;
    }
    if (access->database) {
        snprintf(number, sizeof number, "%u", access->database);
        struct sky_span select[2] = {SKY_SPAN("SELECT"), sky_span_from_string(number)};
        sky_redis_command_write(&bytes, select, 2);
        replies++;
    }
    bool ok = !bytes.failed || fail(node, SKY_REDIS_MEMORY, "no memory for a connection");
    ok = ok && (replies == 0 || sky_redis_node_send(node, access, sky_buffer_span(&bytes)));
    for (; ok && replies; replies--) {
        struct sky_redis_reply reply;
        ok = sky_redis_node_receive(node, access, &reply);
        if (ok && reply.kind == SKY_REDIS_ERROR) {
            sky_redis_failure_tell(&node->failure, sky_redis_trouble_of(reply.text), reply.text);
            ok = false;
        }
    }
    if (bytes.ptr)
        explicit_bzero(bytes.ptr, bytes.capacity); /* the password */
    sky_buffer_clean_up(&bytes);
    node->used = false;
    return ok;
}

static bool connect_node(struct sky_redis_node *node, struct sky_redis_access *access,
                         const struct sky_redis_endpoint *endpoint)
{
    struct sky_redis_patience patience = patience_of(access, access->connect_timeout_ms);
    node->failure.text[0] = '\0';
    enum sky_redis_socket_end end = sky_redis_socket_open(endpoint, endpoint->port ? access->tls : NULL, &patience,
                                                          &node->socket, node->failure.text);
    if (end != SKY_REDIS_SOCKET_OK)
        return fail_with(node, end);
    if (sky_redis_reader_new(access->arena, &node->reader) != SKY_OK)
        return fail_with(node, SKY_REDIS_SOCKET_MEMORY);
    return introduce(node, access);
}

bool sky_redis_node_open(struct sky_redis_node *node, struct sky_redis_access *access,
                         const struct sky_redis_endpoint *endpoint)
{
    if (node->socket && node->used && !sky_redis_socket_is_quiet(node->socket))
        sky_redis_node_close(node, false); /* it said farewell while we were idle */
    if (node->socket)
        return true;
    if (sky_clock_monotonic_ms() < node->due_ms)
        return false;
    if (!connect_node(node, access, endpoint)) {
        sky_redis_node_close(node, true);
        return false;
    }
    node->failures = 0;
    node->due_ms = 0;
    node->connections++;
    return true;
}
