/* The client against a server that does what a test says, byte for byte. The errors are those that Redis 7.0 writes;
 * the redirects are the cluster specification's. Real servers are in tests/system/redis_servers_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/io/redis/redis_peer.h"

#include "io/host/clock.h"
#include "io/redis/redis.h"

/* What the server says to the n-th command, over all connections, whatever it is; NULL ends the connection. */
struct script {
    const char *answers[16];
    atomic_int next;
    atomic_int commands;
    char heard[16][128];
};

static void serve(struct peer *peer, void *context)
{
    struct script *script = context;
    while (peer_read_command(peer)) {
        int i = atomic_fetch_add(&script->next, 1);
        if (i < 16)
            snprintf(script->heard[i], sizeof script->heard[i], "%.100s", peer->request);
        atomic_fetch_add(&script->commands, 1);
        const char *answer = i < 16 ? script->answers[i] : NULL;
        if (!answer || !peer_send_text(peer, answer))
            return;
    }
}

static struct sky_redis_options options_to(uint16_t port)
{
    static char address[32];
    struct sky_redis_options options;
    sky_redis_options_default(&options);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    options.addresses = address;
    return options;
}

static struct sky_redis *new_client(const struct sky_redis_options *options)
{
    struct sky_redis *redis;
    char problem[SKY_REDIS_PROBLEM_SIZE];
    if (sky_redis_new(options, &redis, problem) != SKY_OK)
        fail_msg("%s", problem);
    return redis;
}

static enum sky_status get(struct sky_redis *redis, struct sky_redis_reply *reply)
{
    struct sky_redis_command command;
    sky_redis_command_begin(&command, "GET");
    sky_redis_command_key(&command, SKY_SPAN("somekey"));
    return sky_redis_call(redis, &command, reply);
}

/* What a server's error makes of a call. */
static void test_errors(void **state)
{
    static const struct {
        const char *answer;
        enum sky_status status;
        enum sky_redis_trouble trouble;
    } cases[] = {
        {"-LOADING Redis is loading the dataset in memory\r\n", SKY_E_IO, SKY_REDIS_LOADING},
        {"-READONLY You can't write against a read only replica.\r\n", SKY_E_IO, SKY_REDIS_READONLY},
        {"-CLUSTERDOWN The cluster is down\r\n", SKY_E_IO, SKY_REDIS_CLUSTERDOWN},
        {"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n", SKY_E_IO,
         SKY_REDIS_MASTERDOWN},
        {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", SKY_E_IO, SKY_REDIS_FULL},
        {"-NOAUTH Authentication required.\r\n", SKY_E_CONFIG, SKY_REDIS_NOAUTH},
        {"-NOPERM this user has no permissions to run the 'get' command\r\n", SKY_E_CONFIG, SKY_REDIS_NOPERM},
        {"-ERR unknown command\r\n", SKY_E_UNSUPPORTED, SKY_REDIS_REFUSED},
        {"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", SKY_E_UNSUPPORTED,
         SKY_REDIS_REFUSED},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", SKY_E_MALFORMED, SKY_REDIS_MALFORMED},
        {"*100000\r\n", SKY_E_LIMIT, SKY_REDIS_TOO_LARGE},
        {"-\x1b[31mERR\r\n", SKY_E_UNSUPPORTED, SKY_REDIS_REFUSED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct script script = {.answers = {cases[i].answer}};
        struct scripted_server *server = scripted_server_new();
        scripted_server_start(server, serve, &script);
        struct sky_redis_options options = options_to(server->port);
        struct sky_redis *redis = new_client(&options);
        struct sky_redis_reply reply;
        assert_int_equal(get(redis, &reply), cases[i].status);
        assert_int_equal(sky_redis_trouble(redis), cases[i].trouble);
        assert_int_equal(reply.kind, SKY_REDIS_NIL);
        assert_non_null(strstr(sky_redis_problem(redis), "127.0.0.1:"));
        assert_null(strchr(sky_redis_problem(redis), '\x1b'));
        sky_redis_free(redis);
        scripted_server_stop(server);
    }
}

/* The password goes first, then the database; a wrong one is said in words, without the password in them. */
static void test_admission(void **state)
{
    struct script script = {.answers = {"+OK\r\n", "+OK\r\n", "$1\r\nx\r\n"}};
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, serve, &script);
    struct sky_redis_options options = options_to(server->port);
    options.user = "sky";
    options.password = "open sesame";
    char address[48];
    snprintf(address, sizeof address, "redis://127.0.0.1:%u/3", server->port);
    options.addresses = address;
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, &reply), SKY_OK);
    assert_memory_equal(reply.text.ptr, "x", 1);
    assert_string_equal(script.heard[0], "AUTH sky open sesame");
    assert_string_equal(script.heard[1], "SELECT 3");
    assert_string_equal(script.heard[2], "GET somekey");
    sky_redis_free(redis);
    scripted_server_stop(server);

    struct script wrong = {
        .answers = {"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "-NOAUTH\r\n"}};
    server = scripted_server_new();
    scripted_server_start(server, serve, &wrong);
    struct sky_redis_options again = options_to(server->port);
    again.password = "open sesame";
    redis = new_client(&again);
    assert_int_equal(get(redis, &reply), SKY_E_CONFIG);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_WRONGPASS);
    assert_null(strstr(sky_redis_problem(redis), "sesame"));
    assert_string_equal(wrong.heard[0], "AUTH open sesame");
    sky_redis_free(redis);
    scripted_server_stop(server);
}

/* A connection that was good and is gone is made again within the call; one that never was good is not. */
static void test_reconnects(void **state)
{
    struct script script = {.answers = {"$1\r\na\r\n", NULL, "$1\r\nb\r\n"}};
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, serve, &script);
    struct sky_redis_options options = options_to(server->port);
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, &reply), SKY_OK);
    assert_int_equal(get(redis, &reply), SKY_OK);
    assert_memory_equal(reply.text.ptr, "b", 1);
    struct sky_redis_stats stats;
    sky_redis_stats(redis, &stats);
    assert_int_equal(stats.connections, 2);
    assert_int_equal(script.commands, 3);
    sky_redis_free(redis);
    scripted_server_stop(server);
}

static void hold(struct peer *peer, void *context)
{
    peer_wait_end(peer);
}

/* A server that says nothing costs its timeout; then calls fail at once until the next attempt is due. */
static void test_silence(void **state)
{
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, hold, NULL);
    struct sky_redis_options options = options_to(server->port);
    options.answer_timeout_ms = 300;
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    int64_t began_ms = sky_clock_monotonic_ms();
    assert_int_equal(get(redis, &reply), SKY_E_IO);
    assert_true(sky_clock_monotonic_ms() - began_ms >= 300);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_TIMEOUT);
    began_ms = sky_clock_monotonic_ms();
    int at_once = 0;
    while (get(redis, &reply) == SKY_E_IO && sky_redis_trouble(redis) == SKY_REDIS_TIMEOUT &&
           sky_clock_monotonic_ms() - began_ms < 40) /* the first wait is 50 ms at least */
        at_once++;
    assert_true(at_once > 10);
    assert_int_equal(server->connections, 1);
    sky_redis_free(redis);
    scripted_server_stop(server);
}

/* Nobody listens: the next of the addresses is asked. */
static void test_next_address(void **state)
{
    struct scripted_server *gone = scripted_server_new(), *server = scripted_server_new();
    struct script script = {.answers = {"$1\r\na\r\n"}};
    scripted_server_start(gone, hold, NULL);
    scripted_server_start(server, serve, &script);
    char addresses[64];
    snprintf(addresses, sizeof addresses, "127.0.0.1:%u,127.0.0.1:%u", gone->port, server->port);
    scripted_server_stop(gone);
    struct sky_redis_options options = options_to(1);
    options.addresses = addresses;
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, &reply), SKY_OK);
    sky_redis_free(redis);
    scripted_server_stop(server);
}

/* "somekey" is in slot 11058. MOVED teaches the slot's owner, and the table is asked for before the next call. */
static void test_moved(void **state)
{
    char moved[64], table[128];
    struct script first = {0}, second = {.answers = {"$1\r\na\r\n", "$1\r\nb\r\n"}};
    struct scripted_server *one = scripted_server_new(), *two = scripted_server_new();
    scripted_server_start(two, serve, &second);
    snprintf(moved, sizeof moved, "-MOVED 11058 127.0.0.1:%u\r\n", two->port);
    snprintf(table, sizeof table, "*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:%u\r\n$2\r\nid\r\n",
             two->port);
    first.answers[0] = moved;
    first.answers[1] = table;
    scripted_server_start(one, serve, &first);
    struct sky_redis_options options = options_to(one->port);
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, &reply), SKY_OK);
    assert_memory_equal(reply.text.ptr, "a", 1);
    assert_int_equal(get(redis, &reply), SKY_OK);
    assert_memory_equal(reply.text.ptr, "b", 1);
    assert_string_equal(first.heard[1], "CLUSTER SLOTS");
    assert_int_equal(first.commands, 2);
    struct sky_redis_stats stats;
    sky_redis_stats(redis, &stats);
    assert_true(stats.is_cluster);
    assert_int_equal(stats.redirects, 1);
    sky_redis_free(redis);
    scripted_server_stop(one);
    scripted_server_stop(two);
}

/* ASK holds for the one command, behind ASKING. */
static void test_ask(void **state)
{
    char ask[64];
    struct script first = {0}, second = {.answers = {"+OK\r\n", "$1\r\na\r\n"}};
    struct scripted_server *one = scripted_server_new(), *two = scripted_server_new();
    scripted_server_start(two, serve, &second);
    snprintf(ask, sizeof ask, "-ASK 11058 127.0.0.1:%u\r\n", two->port);
    first.answers[0] = ask;
    first.answers[1] = "$1\r\nb\r\n";
    scripted_server_start(one, serve, &first);
    struct sky_redis_options options = options_to(one->port);
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, &reply), SKY_OK);
    assert_memory_equal(reply.text.ptr, "a", 1);
    assert_string_equal(second.heard[0], "ASKING");
    assert_string_equal(second.heard[1], "GET somekey");
    assert_int_equal(get(redis, &reply), SKY_OK);
    assert_memory_equal(reply.text.ptr, "b", 1);
    sky_redis_free(redis);
    scripted_server_stop(one);
    scripted_server_stop(two);
}

/* A server that sends us round and round, or to nowhere, is left. */
static void test_redirect_loop(void **state)
{
    static const char *const nowhere[] = {"-MOVED x\r\n", "-MOVED 99999 127.0.0.1:1\r\n", "-ASK 1\r\n"};
    struct script script = {0};
    char moved[64];
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, serve, &script);
    snprintf(moved, sizeof moved, "-MOVED 11058 127.0.0.1:%u\r\n", server->port);
    for (int i = 0; i < 16; i++)
        script.answers[i] = moved;
    struct sky_redis_options options = options_to(server->port);
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, &reply), SKY_E_IO);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_REDIRECTS);
    assert_true(script.commands <= 2 * (SKY_REDIS_REDIRECTS_MAX + 1));
    sky_redis_free(redis);
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        script.next = 0;
        script.answers[0] = nowhere[i];
        redis = new_client(&options);
        assert_int_equal(get(redis, &reply), SKY_E_IO);
        assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_REDIRECTS);
        sky_redis_free(redis);
    }
    scripted_server_stop(server);
}

static void test_pipeline(void **state)
{
    struct script script = {.answers = {"$1\r\na\r\n", "-ERR no\r\n", "$1\r\nc\r\n", "-ERR no\r\n"}};
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, serve, &script);
    struct sky_redis_options options = options_to(server->port);
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_command commands[3];
    struct sky_redis_reply replies[3];
    for (int i = 0; i < 3; i++) {
        sky_redis_command_begin(&commands[i], "GET");
        sky_redis_command_key(&commands[i], SKY_SPAN("k"));
    }
    assert_int_equal(sky_redis_pipeline(redis, commands, 3, replies), SKY_E_UNSUPPORTED);
    assert_memory_equal(replies[0].text.ptr, "a", 1);
    assert_int_equal(replies[1].kind, SKY_REDIS_NIL);
    assert_memory_equal(replies[2].text.ptr, "c", 1);
    sky_redis_free(redis);
    scripted_server_stop(server);
}

#define MANY 128

/* GET k, so many times. */
static enum sky_status get_many(struct sky_redis *redis, struct sky_redis_reply replies[MANY])
{
    static struct sky_redis_command commands[MANY];
    for (int i = 0; i < MANY; i++) {
        sky_redis_command_begin(&commands[i], "GET");
        sky_redis_command_key(&commands[i], SKY_SPAN("k"));
    }
    return sky_redis_pipeline(redis, commands, MANY, replies);
}

static void serve_slowly(struct peer *peer, void *context)
{
    while (peer_read_command(peer) && peer_send_text(peer, "$1\r\na\r\n"))
        usleep(50000);
}

/* Each reply comes in time, all together do not: a pipeline has its own time, the commands' second tries included. */
static void test_slow_pipeline(void **state)
{
    static struct sky_redis_reply replies[MANY];
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, serve_slowly, NULL);
    struct sky_redis_options options = options_to(server->port);
    options.answer_timeout_ms = options.connect_timeout_ms = 200;
    struct sky_redis *redis = new_client(&options);
    int64_t began_ms = sky_clock_monotonic_ms();
    assert_int_equal(get_many(redis, replies), SKY_E_IO);
    int64_t took_ms = sky_clock_monotonic_ms() - began_ms;
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_TIMEOUT);
    assert_non_null(strstr(sky_redis_problem(redis), "127.0.0.1:"));
    assert_in_range(took_ms, SKY_REDIS_CALL_TIMEOUTS * 200, SKY_REDIS_CALL_TIMEOUTS * 200 + 4000);
    assert_memory_equal(replies[0].text.ptr, "a", 1);
    assert_int_equal(replies[MANY - 1].kind, SKY_REDIS_NIL);
    sky_redis_free(redis);
    scripted_server_stop(server);
}

#define FAT_BYTES (1 << 20)

static void serve_fatly(struct peer *peer, void *context)
{
    atomic_size_t *sent = context;
    char *fat = calloc(1, FAT_BYTES + 2);
    memcpy(fat + FAT_BYTES, "\r\n", 2);
    while (peer_read_command(peer) && peer_send_text(peer, "$1048576\r\n") && peer_send(peer, fat, FAT_BYTES + 2))
        atomic_fetch_add(sent, FAT_BYTES);
    free(fat);
}

/* Each reply is small enough, all together are not. */
static void test_fat_pipeline(void **state)
{
    static struct sky_redis_reply replies[MANY];
    atomic_size_t sent = 0;
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, serve_fatly, &sent);
    struct sky_redis_options options = options_to(server->port);
    options.answer_timeout_ms = options.connect_timeout_ms = 60000; /* far above what it takes */
    struct sky_redis *redis = new_client(&options);
    assert_int_equal(get_many(redis, replies), SKY_E_LIMIT);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_TOO_LARGE);
    assert_non_null(strstr(sky_redis_problem(redis), "together"));
    assert_int_equal(replies[0].text.len, FAT_BYTES);
    assert_int_equal(replies[MANY - 1].kind, SKY_REDIS_NIL);
    sky_redis_free(redis);
    scripted_server_stop(server);
    /* what lies in the sockets' buffers was sent too, and not read */
    assert_in_range(sent, SKY_REDIS_CALL_BYTES_MAX - 2 * FAT_BYTES, SKY_REDIS_CALL_BYTES_MAX + 16 * FAT_BYTES);
}

/* Until 300 ms after the first question. */
static bool goes_on_for_a_while(void *context)
{
    int64_t *end_ms = context;
    if (!*end_ms)
        *end_ms = sky_clock_monotonic_ms() + 300;
    return sky_clock_monotonic_ms() < *end_ms;
}

/* A call that waits ends when it is told to, and the next one does not begin. */
static void test_stopped(void **state)
{
    int64_t end_ms = 0;
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, hold, NULL);
    struct sky_redis_options options = options_to(server->port);
    options.answer_timeout_ms = 30000;
    options.goes_on = goes_on_for_a_while;
    options.context = &end_ms;
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    int64_t began_ms = sky_clock_monotonic_ms();
    assert_int_equal(get(redis, &reply), SKY_E_IO);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_STOPPED);
    assert_int_equal(get(redis, &reply), SKY_E_IO);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_STOPPED);
    assert_true(sky_clock_monotonic_ms() - began_ms < 10000);
    assert_int_equal(server->connections, 1);
    sky_redis_free(redis);
    scripted_server_stop(server);
}

/* TLS: a certificate that is trusted and names the host; anything else is refused before a byte of ours is said. */
static void check_tls(const char *name, const char *host, bool trust, enum sky_redis_trouble expected)
{
    char file[] = "/tmp/redis_test_XXXXXX", address[64];
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    struct script script = {.answers = {"+OK\r\n", "$1\r\na\r\n"}};
    struct scripted_server *server = scripted_server_new();
    scripted_server_use_tls(server, name, file);
    scripted_server_start(server, serve, &script);
    snprintf(address, sizeof address, "rediss://%s:%u", host, server->port);
    struct sky_redis_options options = options_to(1);
    options.addresses = address;
    options.password = "secret";
    options.ca_file = trust ? file : NULL;
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    enum sky_status status = get(redis, &reply);
    if (sky_redis_trouble(redis) != expected)
        fail_msg("%s", sky_redis_problem(redis));
    assert_int_equal(status, expected == SKY_REDIS_FINE ? SKY_OK : SKY_E_CONFIG);
    assert_int_equal(script.commands, expected == SKY_REDIS_FINE ? 2 : 0);
    sky_redis_free(redis);
    scripted_server_stop(server);
    unlink(file);
}

static void test_tls(void **state)
{
    check_tls("localhost", "localhost", true, SKY_REDIS_FINE);
    check_tls("localhost", "localhost", false, SKY_REDIS_UNTRUSTED);
    check_tls("elsewhere.example", "localhost", true, SKY_REDIS_UNTRUSTED);
    check_tls("localhost", "127.0.0.1", true, SKY_REDIS_UNTRUSTED); /* it names no address */
}

/* A server without TLS at a TLS address: no handshake, and no command in clear. */
static void say_plain(struct peer *peer, void *context)
{
    peer_send_text(peer, "-ERR Protocol error\r\n");
    peer_wait_end(peer);
}

static void test_no_downgrade(void **state)
{
    char address[64];
    struct scripted_server *server = scripted_server_new();
    scripted_server_start(server, say_plain, NULL);
    snprintf(address, sizeof address, "rediss://127.0.0.1:%u", server->port);
    struct sky_redis_options options = options_to(1);
    options.addresses = address;
    struct sky_redis *redis = new_client(&options);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, &reply), SKY_E_CONFIG);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_UNTRUSTED);
    sky_redis_free(redis);
    scripted_server_stop(server);
}

static void test_bad_options(void **state)
{
    static const char *const bad[] = {"", ",a", "a,,b", "a,a", "rediss://a,b", "redis://u:secret@h", "a:0", "a/1,b/2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sky_redis_options options = options_to(1);
        struct sky_redis *redis;
        char problem[SKY_REDIS_PROBLEM_SIZE];
        options.addresses = bad[i];
        assert_int_equal(sky_redis_new(&options, &redis, problem), SKY_E_CONFIG);
        assert_true(problem[0]);
        assert_null(strstr(problem, "secret"));
    }
    struct sky_redis_options options = options_to(1);
    struct sky_redis *redis;
    char problem[SKY_REDIS_PROBLEM_SIZE];
    options.addresses = "rediss://a";
    options.ca_file = "/nowhere/ca.pem";
    assert_int_equal(sky_redis_new(&options, &redis, problem), SKY_E_CONFIG);
    assert_non_null(strstr(problem, "/nowhere/ca.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_admission),     cmocka_unit_test(test_reconnects),
        cmocka_unit_test(test_silence),       cmocka_unit_test(test_next_address),  cmocka_unit_test(test_moved),
        cmocka_unit_test(test_ask),           cmocka_unit_test(test_redirect_loop), cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_slow_pipeline), cmocka_unit_test(test_fat_pipeline),  cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_tls),           cmocka_unit_test(test_no_downgrade),  cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
