/* The client against real servers: plain, with a password, TLS, Unix socket, killed and back, full, a replica, and a
 * cluster of three whose slots move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "system/redis_server.h"

#include "io/host/clock.h"
#include "io/redis/redis.h"

static struct sky_redis *new_client(const struct sky_redis_options *options)
{
    struct sky_redis *redis;
    char problem[SKY_REDIS_PROBLEM_SIZE];
    if (sky_redis_new(options, &redis, problem) != SKY_OK)
        fail_msg("%s", problem);
    return redis;
}

static struct sky_redis *client_of(const struct redis_server *server)
{
    char address[32];
    struct sky_redis_options options;
    sky_redis_options_default(&options);
    snprintf(address, sizeof address, "127.0.0.1:%u", server->port);
    options.addresses = address;
    return new_client(&options);
}

static enum sky_status set(struct sky_redis *redis, const char *key, struct sky_span value)
{
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    sky_redis_command_begin(&command, "SET");
    sky_redis_command_key(&command, sky_span_from_string(key));
    sky_redis_command_add(&command, value);
    return sky_redis_call(redis, &command, &reply);
}

static enum sky_status get(struct sky_redis *redis, const char *key, struct sky_redis_reply *reply)
{
    struct sky_redis_command command;
    sky_redis_command_begin(&command, "GET");
    sky_redis_command_key(&command, sky_span_from_string(key));
    return sky_redis_call(redis, &command, reply);
}

static void assert_works(struct sky_redis *redis, const char *key, const char *value)
{
    struct sky_redis_reply reply;
    if (set(redis, key, sky_span_from_string(value)) != SKY_OK || get(redis, key, &reply) != SKY_OK)
        fail_msg("%s: %s", key, sky_redis_problem(redis));
    assert_int_equal(reply.kind, SKY_REDIS_TEXT);
    assert_int_equal(reply.text.len, strlen(value));
    assert_memory_equal(reply.text.ptr, value, strlen(value));
}

static bool works_within(struct sky_redis *redis, const char *key, int64_t patience_ms)
{
    int64_t until_ms = sky_clock_monotonic_ms() + patience_ms;
    while (set(redis, key, SKY_SPAN("again")) != SKY_OK) {
        if (sky_clock_monotonic_ms() > until_ms)
            return false;
        redis_wait_a_little();
    }
    return true;
}

static void test_plain(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct sky_redis *redis = client_of(&server);
    struct sky_redis_reply reply;
    assert_works(redis, "k", "v");
    assert_works(redis, "k", "");
    assert_int_equal(get(redis, "nothing", &reply), SKY_OK);
    assert_int_equal(reply.kind, SKY_REDIS_NIL);
    struct sky_buffer large = {0}; /* 10 MB of every byte */
    for (int i = 0; i < 10000000; i++)
        sky_buffer_put_u8(&large, (uint8_t)(i * 7));
    assert_int_equal(set(redis, "large", sky_buffer_span(&large)), SKY_OK);
    assert_int_equal(get(redis, "large", &reply), SKY_OK);
    assert_true(sky_span_equal(reply.text, sky_buffer_span(&large)));
    sky_buffer_clean_up(&large);
    struct sky_redis_command command;
    sky_redis_command_eval(&command, "return {KEYS[1], ARGV[1], {1, 2}}", SKY_SPAN("k"));
    sky_redis_command_add(&command, SKY_SPAN("x"));
    assert_int_equal(sky_redis_call(redis, &command, &reply), SKY_OK);
    assert_int_equal(reply.count, 3);
    assert_int_equal(reply.items[2].items[1].integer, 2);
    sky_redis_command_eval(&command, "this is no Lua", SKY_SPAN("k"));
    assert_int_equal(sky_redis_call(redis, &command, &reply), SKY_E_UNSUPPORTED);
    assert_works(redis, "k", "after an error");
    sky_redis_free(redis);
    redis_server_stop(&server);
}

static void test_password(void **state)
{
    static const char *const more[] = {"--requirepass", "open sesame", "--user", "sky", "on",
                                       ">second",       "~sky:*",      "+@all",  NULL};
    struct redis_server server = {0};
    redis_server_start(&server, more);
    struct sky_redis *redis = client_of(&server);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, "k", &reply), SKY_E_CONFIG);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_NOAUTH);
    sky_redis_free(redis);

    char address[32];
    struct sky_redis_options options;
    sky_redis_options_default(&options);
    snprintf(address, sizeof address, "redis://127.0.0.1:%u/2", server.port);
    options.addresses = address;
    options.password = "open sesame";
    redis = new_client(&options);
    assert_works(redis, "k", "v");
    sky_redis_free(redis);
    options.password = "wrong";
    redis = new_client(&options);
    assert_int_equal(get(redis, "k", &reply), SKY_E_CONFIG);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_WRONGPASS);
    sky_redis_free(redis);
    options.user = "sky";
    options.password = "second";
    address[strlen(address) - 1] = '0';
    redis = new_client(&options);
    assert_works(redis, "sky:k", "v");
    assert_int_equal(get(redis, "other", &reply), SKY_E_CONFIG);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_NOPERM);
    assert_works(redis, "sky:k", "w");
    sky_redis_free(redis);
    redis_server_stop(&server);
}

static void test_unix_socket(void **state)
{
    struct redis_server server = {0};
    char path[] = "/tmp/sky-redis-XXXXXX", file[64], address[96];
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/s", path);
    const char *const more[] = {"--unixsocket", file, NULL};
    redis_server_start(&server, more);
    struct sky_redis_options options;
    sky_redis_options_default(&options);
    snprintf(address, sizeof address, "unix:%s", file);
    options.addresses = address;
    struct sky_redis *redis = new_client(&options);
    assert_works(redis, "k", "v");
    redis_server_kill(&server);
    assert_int_equal(set(redis, "k", SKY_SPAN("v")), SKY_E_IO);
    sky_redis_free(redis);
    redis_server_stop(&server);
    unlink(file);
    rmdir(path);
}

static void test_tls(void **state)
{
    struct redis_server server = {.port = redis_free_port()};
    char port[8], certificate[160], key[160], address[64];
    const char *parent = getenv("TEST_DIR");
    snprintf(server.directory, sizeof server.directory, "%s/redis-tls-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(server.directory));
    redis_make_certificate(server.directory);
    snprintf(certificate, sizeof certificate, "%s/cert.pem", server.directory);
    snprintf(key, sizeof key, "%s/key.pem", server.directory);
    snprintf(port, sizeof port, "%u", server.port);
    const char *const more[] = {"--tls-port",
                                port,
                                "--tls-cert-file",
                                certificate,
                                "--tls-key-file",
                                key,
                                "--tls-ca-cert-file",
                                certificate,
                                "--tls-auth-clients",
                                "no",
                                NULL};
    redis_server_start(&server, more);
    struct sky_redis_options options;
    sky_redis_options_default(&options);
    options.addresses = address;
    options.ca_file = certificate;
    static const char *const names[] = {"localhost", "127.0.0.1"};
    for (int i = 0; i < 2; i++) {
        snprintf(address, sizeof address, "rediss://%s:%u", names[i], server.port);
        struct sky_redis *redis = new_client(&options);
        struct sky_redis_reply reply;
        assert_works(redis, "k", "v");
        struct sky_buffer large = {0};
        for (int j = 0; j < 5000000; j++)
            sky_buffer_put_u8(&large, (uint8_t)(j * 7));
        assert_int_equal(set(redis, "large", sky_buffer_span(&large)), SKY_OK);
        assert_int_equal(get(redis, "large", &reply), SKY_OK);
        assert_true(sky_span_equal(reply.text, sky_buffer_span(&large)));
        sky_buffer_clean_up(&large);
        assert_works(redis, "k", "w");
        struct sky_redis_stats stats;
        sky_redis_stats(redis, &stats);
        assert_int_equal(stats.connections, 1); /* a session ticket is not taken for a farewell */
        sky_redis_free(redis);
    }
    options.ca_file = NULL;
    struct sky_redis *redis = new_client(&options);
    assert_int_equal(set(redis, "k", SKY_SPAN("v")), SKY_E_CONFIG);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_UNTRUSTED);
    sky_redis_free(redis);
    redis_server_stop(&server);
}

static void test_killed_and_back(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    struct sky_redis *redis = client_of(&server);
    assert_works(redis, "k", "v");
    redis_server_kill(&server);
    assert_int_equal(set(redis, "k", SKY_SPAN("v")), SKY_E_IO);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_UNREACHABLE);
    assert_non_null(strstr(sky_redis_problem(redis), "refused"));
    redis_server_start(&server, NULL);
    assert_true(works_within(redis, "k", 2 * SKY_REDIS_BACKOFF_MS_MAX));
    /* While we were idle it went and came: the next command does not notice. */
    redis_server_kill(&server);
    redis_server_start(&server, NULL);
    assert_works(redis, "k", "v");
    sky_redis_free(redis);
    redis_server_stop(&server);
}

/* Stopped, not killed: connections are taken by the system, nothing answers. */
static void test_hanging(void **state)
{
    struct redis_server server = {0};
    redis_server_start(&server, NULL);
    char address[32];
    struct sky_redis_options options;
    sky_redis_options_default(&options);
    snprintf(address, sizeof address, "127.0.0.1:%u", server.port);
    options.addresses = address;
    options.answer_timeout_ms = 300;
    struct sky_redis *redis = new_client(&options);
    assert_works(redis, "k", "v");
    kill(server.pid, SIGSTOP);
    assert_int_equal(set(redis, "k", SKY_SPAN("v")), SKY_E_IO);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_TIMEOUT);
    kill(server.pid, SIGCONT);
    assert_true(works_within(redis, "k", 2 * SKY_REDIS_BACKOFF_MS_MAX));
    sky_redis_free(redis);
    redis_server_stop(&server);
}

static void test_full_and_replica(void **state)
{
    static const char *const small[] = {"--maxmemory", "2mb", "--maxmemory-policy", "noeviction", NULL};
    struct redis_server server = {0}, replica = {0};
    static uint8_t block[1000000];
    redis_server_start(&server, small);
    struct sky_redis *redis = client_of(&server);
    enum sky_status status = SKY_OK;
    for (int i = 0; i < 10 && status == SKY_OK; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        status = set(redis, key, sky_span_of(block, sizeof block));
    }
    assert_int_equal(status, SKY_E_IO);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_FULL);
    sky_redis_free(redis);

    char port[8];
    snprintf(port, sizeof port, "%u", server.port);
    const char *const follows[] = {"--replicaof", "127.0.0.1", port, NULL};
    redis_server_start(&replica, follows);
    redis = client_of(&replica);
    assert_int_equal(set(redis, "k", SKY_SPAN("v")), SKY_E_IO);
    assert_int_equal(sky_redis_trouble(redis), SKY_REDIS_READONLY);
    assert_true(REDIS_CLI(&replica, "REPLICAOF", "NO", "ONE")); /* it is promoted */
    assert_true(works_within(redis, "k", 2 * SKY_REDIS_BACKOFF_MS_MAX));
    sky_redis_free(redis);
    redis_server_stop(&replica);
    redis_server_stop(&server);
}

static void check_pipeline(struct sky_redis *redis)
{
    struct sky_redis_command commands[60];
    struct sky_redis_reply replies[60];
    char keys[60][24];
    for (int i = 0; i < 60; i++) {
        snprintf(keys[i], sizeof keys[i], "key:%d", i % 30);
        sky_redis_command_begin(&commands[i], i < 30 ? "SET" : "GET");
        sky_redis_command_key(&commands[i], sky_span_from_string(keys[i]));
        if (i < 30)
            sky_redis_command_add(&commands[i], sky_span_from_string(keys[i]));
    }
    if (sky_redis_pipeline(redis, commands, 60, replies) != SKY_OK)
        fail_msg("%s", sky_redis_problem(redis));
    for (int i = 30; i < 60; i++)
        assert_true(sky_span_equal(replies[i].text, sky_span_from_string(keys[i])));
}

/* All keys work whichever node is asked first; a slot that moves is followed, in the middle of the move too. */
static void test_cluster(void **state)
{
    struct redis_server servers[3] = {0};
    redis_cluster_start(servers);
    struct sky_redis *redis = client_of(&servers[1]);
    check_pipeline(redis);
    struct sky_redis_stats stats;
    sky_redis_stats(redis, &stats);
    assert_true(stats.is_cluster);
    uint64_t redirects = stats.redirects;
    assert_true(redirects > 0);
    check_pipeline(redis);
    sky_redis_stats(redis, &stats);
    assert_int_equal(stats.redirects, redirects); /* the table is known now */
    assert_int_equal(stats.connections, 3);

    /* Slot 11058 ("somekey", by the documentation) is of the third node: it goes to the first. */
    char ids[2][64];
    for (int i = 0; i < 2; i++) {
        struct sky_redis *direct = client_of(&servers[i ? 2 : 0]);
        struct sky_redis_command command;
        struct sky_redis_reply reply;
        sky_redis_command_begin(&command, "CLUSTER");
        sky_redis_command_add(&command, SKY_SPAN("MYID"));
        assert_int_equal(sky_redis_call(direct, &command, &reply), SKY_OK);
        snprintf(ids[i], sizeof ids[i], "%.*s", (int)reply.text.len, (const char *)reply.text.ptr);
        sky_redis_free(direct);
    }
    assert_true(REDIS_CLI(&servers[0], "CLUSTER", "SETSLOT", "11058", "IMPORTING", ids[1]));
    assert_true(REDIS_CLI(&servers[2], "CLUSTER", "SETSLOT", "11058", "MIGRATING", ids[0]));
    assert_works(redis, "somekey", "while it moves"); /* by ASK: the key is not there yet */
    sky_redis_stats(redis, &stats);
    assert_true(stats.redirects > redirects);
    assert_true(REDIS_CLI(&servers[0], "CLUSTER", "SETSLOT", "11058", "NODE", ids[0]));
    assert_true(REDIS_CLI(&servers[2], "CLUSTER", "SETSLOT", "11058", "NODE", ids[0]));
    assert_works(redis, "somekey", "where it is now");

    /* A node dies: its keys are in trouble, in words, others once the cluster is whole again. */
    redis_server_kill(&servers[2]);
    struct sky_redis_reply reply;
    assert_int_equal(get(redis, "foo", &reply), SKY_E_IO); /* slot 12182 */
    static const char *const more[] = {"--cluster-enabled", "yes", "--cluster-node-timeout", "2000", NULL};
    redis_server_start(&servers[2], more);
    assert_true(works_within(redis, "foo", 30000));
    assert_true(works_within(redis, "somekey", 30000));
    check_pipeline(redis);
    sky_redis_free(redis);
    for (int i = 0; i < 3; i++)
        redis_server_stop(&servers[i]);
}

static void ask_id(const struct redis_server *server, char id[64])
{
    struct sky_redis *direct = client_of(server);
    struct sky_redis_command command;
    struct sky_redis_reply reply;
    sky_redis_command_begin(&command, "CLUSTER");
    sky_redis_command_add(&command, SKY_SPAN("MYID"));
    assert_int_equal(sky_redis_call(direct, &command, &reply), SKY_OK);
    snprintf(id, 64, "%.*s", (int)reply.text.len, (const char *)reply.text.ptr);
    sky_redis_free(direct);
}

/* A master dies and its replica takes over: the client finds it by itself. */
static void test_failover(void **state)
{
    static const char *const more[] = {"--cluster-enabled", "yes", "--cluster-node-timeout", "2000", NULL};
    struct redis_server servers[3] = {0}, replica = {0};
    char port[8], id[64];
    redis_cluster_start(servers);
    redis_server_start(&replica, more);
    snprintf(port, sizeof port, "%u", replica.port);
    assert_true(REDIS_CLI(&servers[0], "CLUSTER", "MEET", "127.0.0.1", port));
    ask_id(&servers[2], id);
    for (int waited_ms = 0; !REDIS_CLI(&replica, "CLUSTER", "REPLICATE", id); waited_ms += 20) {
        assert_true(waited_ms < REDIS_PATIENCE_MS); /* it must have heard of that node first */
        redis_wait_a_little();
    }
    for (int waited_ms = 0; !redis_log_has(&replica, "master_link_status:up"); waited_ms += 20) {
        assert_true(waited_ms < REDIS_PATIENCE_MS);
        assert_true(REDIS_CLI(&replica, "INFO", "replication"));
        redis_wait_a_little();
    }
    struct sky_redis *redis = client_of(&servers[0]);
    assert_works(redis, "foo", "before"); /* slot 12182, of the third */
    redis_server_kill(&servers[2]);
    assert_int_equal(set(redis, "foo", SKY_SPAN("v")), SKY_E_IO);
    assert_true(works_within(redis, "foo", 30000));
    assert_works(redis, "foo", "after");
    check_pipeline(redis);
    sky_redis_free(redis);
    for (int i = 0; i < 3; i++)
        redis_server_stop(&servers[i]);
    redis_server_stop(&replica);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_killed_and_back),
        cmocka_unit_test(test_hanging),
        cmocka_unit_test(test_full_and_replica),
        cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_failover),
    };
    if (!redis_server_is_installed()) {
        printf("redis-server is not installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
