#include "io/http/http_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "io/host/clock.h"
#include "io/host/thread.h"
#include "io/http/http_exchange.h"
#include "wire/json_write.h"

#define DRAIN_MS_MAX  1000 /* sky_http_server_stop waits this long for answers under way */
#define DRAIN_STEP_MS 5

/* The second's beat: signs of life on the stream, and connections that waited too long. */
static void *beat(void *context)
{
    struct sky_http_server *server = context;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&server->mutex);
    for (unsigned second = 1; !server->stopping; second++) {
        next.tv_sec++;
        while (!server->stopping && pthread_cond_timedwait(&server->stop, &server->mutex, &next) != ETIMEDOUT)
            continue;
        if (!server->stopping && second % SKY_HTTP_HEARTBEAT_S == 0)
            sky_event_stream_heartbeat(server->stream);
        sky_http_connections_sweep(server->gate.connections, sky_clock_monotonic_ms());
    }
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

void sky_http_server_send(struct sky_http_server *server, const char *event, struct sky_span data)
{
    sky_event_stream_send(server->stream, event, data);
}

/* Connections */

static enum MHD_Result admit(void *context, const struct sockaddr *peer, socklen_t peer_len)
{
    struct sky_http_server *server = context;
    const struct sky_http_address address = sky_http_address_of(peer);
    return sky_http_connections_admit(server->gate.connections, &address) ? MHD_YES : MHD_NO;
}

/* libmicrohttpd tells of the end before it closes the socket. */
static void note_connection(void *context, struct MHD_Connection *connection, void **seat,
                            enum MHD_ConnectionNotificationCode code)
{
    struct sky_http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        sky_http_connections_leave(server->gate.connections, *seat);
        return;
    }
    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sky_http_address address = sky_http_address_of(peer->client_addr);
    *seat = sky_http_connections_enter(server->gate.connections, fd, &address, sky_clock_monotonic_ms());
}

/* Start and stop */

static bool start_threads(struct sky_http_server *server, int fd)
{
    sigset_t before;
    sky_thread_block_signals(&before);
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, admit, server, sky_http_exchange_handle, server,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(SKY_HTTP_CONNECTIONS_MAX + SKY_HTTP_CONNECTIONS_SPARE), MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SKY_HTTP_IDLE_S_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SKY_HTTP_CONNECTION_MEMORY_BYTES_MAX,
        MHD_OPTION_NOTIFY_CONNECTION, note_connection, server, MHD_OPTION_URI_LOG_CALLBACK, sky_http_exchange_begin,
        server, MHD_OPTION_NOTIFY_COMPLETED, sky_http_exchange_complete, server, MHD_OPTION_END);
    sky_thread_restore_signals(&before);
    bool ok = server->daemon && sky_thread_start(&server->heartbeat, beat, server) == SKY_OK;
    if (server->daemon && !ok)
        MHD_stop_daemon(server->daemon);
    else if (!ok)
        close(fd);
    return ok;
}

static bool start_worker(struct sky_http_server *server)
{
    bool is_wanted = false;
    for (size_t i = 0; i < server->options.routes_count; i++)
        is_wanted |= server->options.routes[i].is_slow;
    return !is_wanted || sky_http_workers_new(&sky_http_exchange_work, &server->workers) == SKY_OK;
}

static void clean_up(struct sky_http_server *server)
{
    sky_http_workers_free(server->workers);
    sky_http_gate_close(&server->gate);
    sky_event_stream_free(server->stream);
    pthread_cond_destroy(&server->stop);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

static struct sky_http_server *new_server(const struct sky_http_server_options *options)
{
    struct sky_http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->options = *options;
    if (sky_event_stream_new(options->first_event_id, sky_http_exchange_wake, &server->stream) != SKY_OK) {
        free(server);
        return NULL;
    }
    sky_thread_condition_init(&server->stop);
    pthread_mutex_init(&server->mutex, NULL);
    return server;
}

enum sky_status sky_http_server_start(const struct sky_http_server_options *options, struct sky_http_server **result,
                                      char message[SKY_HTTP_ERROR_SIZE])
{
    struct sky_http_listener listener;
    enum sky_status status = sky_http_access_check(&options->access, message);
    if (status == SKY_OK)
        status = sky_http_listen(options->address, options->port, &listener, message);
    if (status != SKY_OK)
        return status;
    snprintf(message, SKY_HTTP_ERROR_SIZE, "no memory for the HTTP server");
    struct sky_http_server *server = new_server(options);
    if (!server || sky_http_gate_open(&server->gate, &options->access) != SKY_OK) {
        close(listener.fd);
        if (server)
            clean_up(server);
        return SKY_E_MEMORY;
    }
    server->port = listener.port;
    if (!start_worker(server)) {
        snprintf(message, SKY_HTTP_ERROR_SIZE, "the HTTP server's threads cannot be started");
        close(listener.fd);
        clean_up(server);
        return SKY_E_IO;
    }
    if (!start_threads(server, listener.fd)) {
        snprintf(message, SKY_HTTP_ERROR_SIZE, "the HTTP server's threads cannot be started");
        sky_http_workers_stop(server->workers);
        clean_up(server);
        return SKY_E_IO;
    }
    message[0] = '\0';
    *result = server;
    return SKY_OK;
}

void sky_http_server_stop(struct sky_http_server *server)
{
    if (!server)
        return;
    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    pthread_cond_signal(&server->stop);
    pthread_mutex_unlock(&server->mutex);
    pthread_join(server->heartbeat, NULL);
    sky_event_stream_finish(server->stream);
    sky_http_workers_stop(server->workers);
    for (int waited_ms = 0; server->exchanges && waited_ms < DRAIN_MS_MAX; waited_ms += DRAIN_STEP_MS)
        nanosleep(&(struct timespec){.tv_nsec = DRAIN_STEP_MS * 1000000L}, NULL);
    MHD_stop_daemon(server->daemon);
    clean_up(server);
}

void sky_http_fail(struct sky_http_response *response, unsigned status, const char *code, const char *message,
                   const char *hint)
{
    struct sky_json_writer json;
    response->status = status;
    response->content_type = "application/json; charset=utf-8";
    response->body.len = 0;
    sky_json_begin(&json, &response->body);
    sky_json_object(&json);
    sky_json_key(&json, "error");
    sky_json_object(&json);
    sky_json_key(&json, "code");
    sky_json_string(&json, code);
    sky_json_key(&json, "message");
    sky_json_string(&json, message);
    sky_json_key(&json, "hint");
    if (hint)
        sky_json_string(&json, hint);
    else
        sky_json_null(&json);
    sky_json_end(&json);
    sky_json_end(&json);
}

uint16_t sky_http_server_port(const struct sky_http_server *server)
{
    return server->port;
}

void sky_http_server_stats(struct sky_http_server *server, struct sky_http_server_stats *stats)
{
    struct sky_event_stream_stats stream;
    sky_event_stream_stats(server->stream, &stream);
    *stats = (struct sky_http_server_stats){
        .requests = server->requests,
        .responses_4xx = server->responses_4xx,
        .responses_5xx = server->responses_5xx,
        .events = stream.events,
        .streams_dropped = stream.dropped,
        .streams_refused = server->streams_refused,
        .limited = server->limited,
        .streams = stream.clients,
    };
    sky_http_connections_stats(server->gate.connections, &stats->connections);
}
