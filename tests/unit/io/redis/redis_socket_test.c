/* A server that always has something to say: the time of a call ends all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/io/redis/redis_peer.h"

#include "io/host/clock.h"
#include "io/redis/redis_socket.h"

#define PATIENCE_MS 30000

/* More than lies in the buffers between, so that there is always some left. */
static void talk(struct peer *peer, void *context)
{
    static const char words[1 << 20];
    while (peer_send(peer, words, sizeof words))
        ;
}

static bool never(void *context)
{
    return false;
}

static enum sky_redis_socket_end receive(struct sky_redis_socket *socket, int64_t patience_ms, bool (*goes_on)(void *))
{
    char block[1024];
    size_t len;
    const struct sky_redis_patience patience = {sky_clock_monotonic_ms() + patience_ms, goes_on, NULL};
    return sky_redis_socket_receive(socket, block, sizeof block, &len, &patience);
}

static void check(const char *ca_file)
{
    struct scripted_server *server = scripted_server_new();
    struct sky_redis_socket *socket;
    struct sky_redis_tls *tls = NULL;
    char problem[SKY_REDIS_PROBLEM_SIZE];
    if (ca_file) {
        scripted_server_use_tls(server, "localhost", ca_file);
        assert_int_equal(sky_redis_tls_new(ca_file, &tls, problem), SKY_OK);
    }
    scripted_server_start(server, talk, NULL);
    const struct sky_redis_endpoint endpoint = {"localhost", server->port};
    const struct sky_redis_patience patience = {.until_ms = sky_clock_monotonic_ms() + PATIENCE_MS};
    if (sky_redis_socket_open(&endpoint, tls, &patience, &socket, problem) != SKY_REDIS_SOCKET_OK)
        fail_msg("%s", problem);
    assert_int_equal(receive(socket, PATIENCE_MS, NULL), SKY_REDIS_SOCKET_OK);
    while (sky_redis_socket_is_quiet(socket))
        usleep(1000);
    /* Some records of TLS, of 16 KiB each, have been received already. */
    enum sky_redis_socket_end late = SKY_REDIS_SOCKET_OK, stopped = SKY_REDIS_SOCKET_OK;
    for (int i = 0; i < 100 && late == SKY_REDIS_SOCKET_OK; i++)
        late = receive(socket, 0, NULL);
    for (int i = 0; i < 100 && stopped == SKY_REDIS_SOCKET_OK; i++)
        stopped = receive(socket, PATIENCE_MS, never);
    assert_int_equal(late, SKY_REDIS_SOCKET_TIMEOUT);
    assert_int_equal(stopped, SKY_REDIS_SOCKET_STOPPED);
    assert_int_equal(receive(socket, PATIENCE_MS, NULL), SKY_REDIS_SOCKET_OK);
    sky_redis_socket_close(socket);
    sky_redis_tls_free(tls);
    scripted_server_stop(server);
}

static void test_plain(void **state)
{
    check(NULL);
}

static void test_tls(void **state)
{
    char file[] = "/tmp/redis_socket_test_XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    check(file);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_tls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
