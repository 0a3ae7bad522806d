/* redis_server.h: real redis-server processes for tests, on free loopback ports, with nothing kept on disk.
 *
 * They end with redis_server_stop; what a failed test leaves behind ends with the test's process group. */
#ifndef TESTS_SYSTEM_REDIS_SERVER_H
#define TESTS_SYSTEM_REDIS_SERVER_H

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REDIS_PATIENCE_MS 30000
#define REDIS_ARGUMENTS   40

extern char **environ;

struct redis_server {
    pid_t pid;
    uint16_t port;
    char directory[128];
    char log[160];
};

static inline bool redis_server_is_installed(void)
{
    return access("/usr/bin/redis-server", X_OK) == 0 && access("/usr/bin/redis-cli", X_OK) == 0;
}

/* Below 10,000 more than it may be 65535: a cluster's bus is at port + 10,000. */
static inline uint16_t redis_free_port(void)
{
    for (;;) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0);
        assert(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
        close(fd);
        if (ntohs(address.sin_port) < 55000)
            return ntohs(address.sin_port);
    }
}

static inline pid_t redis_spawn(const char *const *arguments, const char *output)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    assert(posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* To its end; true when it says 0. */
static inline bool redis_run(const char *const *arguments, const char *output)
{
    int status;
    pid_t pid = redis_spawn(arguments, output);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline void redis_wait_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static inline bool redis_log_has(const struct redis_server *server, const char *text)
{
    static char bytes[65536];
    FILE *file = fopen(server->log, "re");
    if (!file)
        return false;
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) >= (long)sizeof bytes) /* its end, when it has grown long */
        fseek(file, 1 - (long)sizeof bytes, SEEK_END);
    else
        rewind(file);
    size_t len = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    bytes[len] = '\0';
    return strstr(bytes, text) != NULL;
}

/* Start at server->port (0: any free one) in server->directory ("": a new one); `more` are words of its command line,
 * NULL at the end. Returns when it takes connections. */
static inline void redis_server_start(struct redis_server *server, const char *const *more)
{
    char port[8];
    const char *arguments[REDIS_ARGUMENTS] = {
        "redis-server", "--port", port,          "--bind", "127.0.0.1", "--save",         "",
        "--appendonly", "no",     "--daemonize", "no",     "--dir",     server->directory};
    size_t count = 13;
    bool has_port = false;
    for (; more && *more; more++) {
        assert(count + 1 < REDIS_ARGUMENTS);
        has_port |= strcmp(*more, "--tls-port") == 0;
        arguments[count++] = *more;
    }
    if (!server->directory[0]) {
        const char *parent = getenv("TEST_DIR");
        snprintf(server->directory, sizeof server->directory, "%s/redis-XXXXXX", parent ? parent : "/tmp");
        assert(mkdtemp(server->directory));
    }
    if (!server->port)
        server->port = redis_free_port();
    snprintf(port, sizeof port, "%u", has_port ? 0 : server->port);
    snprintf(server->log, sizeof server->log, "%s/log", server->directory);
    unlink(server->log);
    server->pid = redis_spawn(arguments, server->log);
    for (int waited_ms = 0; !redis_log_has(server, "Ready to accept connections"); waited_ms += 20) {
        int status;
        assert(waited_ms < REDIS_PATIENCE_MS && waitpid(server->pid, &status, WNOHANG) == 0);
        redis_wait_a_little();
    }
}

static inline void redis_server_kill(struct redis_server *server)
{
    int status;
    if (server->pid <= 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, &status, 0);
    server->pid = 0;
}

/* Also removes what it kept. */
static inline void redis_server_stop(struct redis_server *server)
{
    redis_server_kill(server);
    const char *const arguments[] = {"rm", "-rf", server->directory, NULL};
    if (server->directory[0])
        (void)redis_run(arguments, "/dev/null");
    server->directory[0] = '\0';
}

/* redis-cli to that server; true when it says 0. What it prints goes behind the server's log. */
static inline bool redis_cli(struct redis_server *server, const char *const *words)
{
    char port[8];
    const char *arguments[REDIS_ARGUMENTS] = {"redis-cli", "-e", "-h", "127.0.0.1", "-p", port};
    size_t count = 6;
    snprintf(port, sizeof port, "%u", server->port);
    for (; *words; words++)
        arguments[count++] = *words;
    return redis_run(arguments, server->log);
}

#define REDIS_CLI(server, ...) redis_cli(server, (const char *const[]){__VA_ARGS__, NULL})

/* Three masters, each with a third of the slots, all of them agreed. */
static inline void redis_cluster_start(struct redis_server servers[3])
{
    static const char *const more[] = {"--cluster-enabled", "yes", "--cluster-node-timeout", "2000", NULL};
    static const char *const ranges[3][2] = {{"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
    char port[8], epoch[4];
    for (int i = 0; i < 3; i++)
        redis_server_start(&servers[i], more);
    for (int i = 0; i < 3; i++) {
        snprintf(epoch, sizeof epoch, "%d", i + 1);
        assert(REDIS_CLI(&servers[i], "CLUSTER", "SET-CONFIG-EPOCH", epoch));
        assert(REDIS_CLI(&servers[i], "CLUSTER", "ADDSLOTSRANGE", ranges[i][0], ranges[i][1]));
        snprintf(port, sizeof port, "%u", servers[i].port);
        assert(REDIS_CLI(&servers[0], "CLUSTER", "MEET", "127.0.0.1", port));
    }
    for (int i = 0; i < 3; i++)
        for (int waited_ms = 0;; waited_ms += 20) {
            assert(waited_ms < REDIS_PATIENCE_MS);
            assert(REDIS_CLI(&servers[i], "CLUSTER", "INFO"));
            if (redis_log_has(&servers[i], "cluster_state:ok") &&
                redis_log_has(&servers[i], "cluster_slots_assigned:16384"))
                break;
            redis_wait_a_little();
        }
}

/* A certificate for localhost and 127.0.0.1 that signs itself: DIRECTORY/cert.pem and key.pem. */
static inline void redis_make_certificate(const char *directory)
{
    char key[160], certificate[160];
    snprintf(key, sizeof key, "%s/key.pem", directory);
    snprintf(certificate, sizeof certificate, "%s/cert.pem", directory);
    const char *const arguments[] = {"openssl",
                                     "req",
                                     "-x509",
                                     "-newkey",
                                     "ec",
                                     "-pkeyopt",
                                     "ec_paramgen_curve:P-256",
                                     "-nodes",
                                     "-days",
                                     "1",
                                     "-subj",
                                     "/CN=localhost",
                                     "-addext",
                                     "subjectAltName=DNS:localhost,IP:127.0.0.1",
                                     "-keyout",
                                     key,
                                     "-out",
                                     certificate,
                                     NULL};
    assert(redis_run(arguments, "/dev/null"));
}

#endif
