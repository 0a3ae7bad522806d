/* The server is one libwebsockets context and one timer. The timer makes frames until event time has caught up with
 * the clock times `speed`, and asks for a writable callback of every client; each client reads the replay window at
 * its own pace. */
#include "io/relay/relay_server.h"

#include <libwebsockets.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "io/relay/relay_window.h"
#include "sim/commit_frame.h"
#include "sim/network_record.h"
#include "sim/random.h"
#include "wire/dagcbor.h"

#define PATH              "/xrpc/com.atproto.sync.subscribeRepos"
#define TICK_US           10000
#define REPORT_US         1000000
#define MAKE_FRAMES_MAX   2000 /* in one tick, so that clients are served in between */
#define WRITE_FRAMES_MAX  256  /* to one client in one callback */
#define LAG_MS_MAX        1000 /* a slow machine falls behind the clock for good beyond this */
#define PING_S            15
#define HANG_UP_S         45
#define STALL_US          3000000
#define GARBAGE_BYTES_MAX 4096

/* Chances of a fault before each frame sent. */
#define GARBAGE_CHANCE    0.002
#define HALF_FRAME_CHANCE 0.002
#define DROP_CHANCE       0.0002
#define STALL_CHANCE      0.0001

/* Of one connection, kept by libwebsockets. */
struct client {
    struct lws *wsi;
    int64_t next_seq;
    int64_t disturbed_seq; /* what may go wrong before that frame did */
    int64_t cursor;
    bool has_cursor;
    bool is_greeted;
};

struct sky_relay_server {
    struct sky_relay_server_options options;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct sky_network *network;
    struct sky_relay_window window;
    struct sky_random random;  /* of the faults */
    struct sky_buffer message; /* LWS_PRE bytes, then the message being sent */
    struct client *clients[SKY_RELAY_SERVER_CLIENTS_MAX];
    uint32_t clients_count;
    struct sky_relay_server_stats stats;
    sky_relay_server_tick_fn on_tick;
    void *tick_context;
    lws_usec_t ticked_us;
    lws_usec_t reported_us;
    lws_usec_t stalled_until_us;
    double target_ms; /* event time by the clock */
    bool has_ended;   /* the world */
    enum sky_status status;
    atomic_bool stop; /* from any thread */
    lws_sorted_usec_list_t timer;
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

static const struct lws_protocols protocols[] = {
    {.name = "subscribeRepos", .callback = on_event, .per_session_data_size = sizeof(struct client)},
    {0},
};

static const lws_retry_bo_t idle_policy = {.secs_since_valid_ping = PING_S, .secs_since_valid_hangup = HANG_UP_S};

/* ---------------------------------------------------------------------------------------------- messages */

static void begin_message(struct sky_relay_server *server)
{
    static const uint8_t headroom[LWS_PRE];
    server->message.len = 0;
    sky_buffer_put(&server->message, headroom, sizeof headroom);
}

/* False: the connection is to be closed. */
static bool send_message(struct sky_relay_server *server, struct client *client)
{
    struct sky_buffer *message = &server->message;
    if (message->failed)
        return false;
    size_t len = message->len - LWS_PRE;
    server->stats.bytes += len;
    return lws_write(client->wsi, message->ptr + LWS_PRE, len, LWS_WRITE_BINARY) >= (int)len;
}

static bool send_bytes(struct sky_relay_server *server, struct client *client, struct sky_span bytes)
{
    begin_message(server);
    sky_buffer_put_span(&server->message, bytes);
    return send_message(server, client);
}

/* event-stream: an error frame is {op: -1} and {error, message}; the connection is closed after it. */
static bool send_error(struct sky_relay_server *server, struct client *client, struct sky_span error,
                       struct sky_span text)
{
    begin_message(server);
    sky_dagcbor_put_map(&server->message, 1);
    sky_dagcbor_put_text(&server->message, SKY_SPAN("op"));
    sky_dagcbor_put_int(&server->message, -1);
    sky_dagcbor_put_map(&server->message, 2);
    sky_network_put_text(&server->message, SKY_SPAN("error"), error);
    sky_network_put_text(&server->message, SKY_SPAN("message"), text);
    (void)!send_message(server, client);
    lws_close_reason(client->wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, (unsigned char *)(uintptr_t)error.ptr, error.len);
    return false;
}

static bool send_outdated(struct sky_relay_server *server, struct client *client)
{
    begin_message(server);
    sky_frame_put_header(&server->message, SKY_SPAN("#info"));
    sky_dagcbor_put_map(&server->message, 2);
    sky_network_put_text(&server->message, SKY_SPAN("name"), SKY_SPAN("OutdatedCursor"));
    sky_network_put_text(&server->message, SKY_SPAN("message"),
                         SKY_SPAN("Requested cursor exceeded limit. Possibly missing events"));
    return send_message(server, client);
}

/* ------------------------------------------------------------------------------------------------ faults */

static bool has_fault(struct sky_relay_server *server, enum sky_relay_fault fault, double chance)
{
    if (!(server->options.faults & (unsigned)fault) || !sky_random_chance(&server->random, chance))
        return false;
    server->stats.faults++;
    return true;
}

static bool send_garbage(struct sky_relay_server *server, struct client *client)
{
    begin_message(server);
    for (uint32_t i = sky_random_below(&server->random, GARBAGE_BYTES_MAX) + 1; i > 0; i--)
        sky_buffer_put_u8(&server->message, (uint8_t)sky_random_u64(&server->random));
    return send_message(server, client);
}

/* seq counts from 1: of 1,000 it is those from 991 to 1000. */
static bool is_in_gap(const struct sky_relay_server *server, int64_t seq)
{
    return server->options.faults & (unsigned)SKY_RELAY_FAULT_GAP &&
           (seq - 1) % SKY_RELAY_GAP_EVERY_SEQS >= SKY_RELAY_GAP_EVERY_SEQS - SKY_RELAY_GAP_SEQS;
}

/* What goes wrong before a frame is sent: one message at most, since the pipe may be full after it. False: the
 * connection is cut. */
static bool do_faults(struct sky_relay_server *server, struct client *client, struct sky_span frame)
{
    bool open = true;
    if (has_fault(server, SKY_RELAY_FAULT_GARBAGE, GARBAGE_CHANCE))
        open = send_garbage(server, client);
    else if (has_fault(server, SKY_RELAY_FAULT_HALF_FRAME, HALF_FRAME_CHANCE))
        open = send_bytes(server, client, sky_span_of(frame.ptr, frame.len / 2));
    if (has_fault(server, SKY_RELAY_FAULT_STALL, STALL_CHANCE))
        server->stalled_until_us = lws_now_usecs() + STALL_US;
    return open && !has_fault(server, SKY_RELAY_FAULT_DROP, DROP_CHANCE);
}

/* ----------------------------------------------------------------------------------------------- clients */

static struct sky_relay_server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* "cursor=N" among the arguments; false when it is there but not a number. */
static bool read_cursor(struct lws *wsi, struct client *client)
{
    char argument[64];
    for (int i = 0; lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i) > 0; i++) {
        if (strncmp(argument, "cursor=", 7) != 0)
            continue;
        char *end;
        client->cursor = strtoll(argument + 7, &end, 10);
        client->has_cursor = true;
        return end != argument + 7 && *end == '\0' && client->cursor >= 0;
    }
    return true;
}

static int refuse(struct lws *wsi, unsigned status)
{
    lws_return_http_status(wsi, status, NULL);
    return -1;
}

/* Before the handshake is answered: only the one path, only so many clients. */
static int on_filter(struct lws *wsi)
{
    char path[128];
    struct client probe = {0};
    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) <= 0 || strcmp(path, PATH) != 0)
        return refuse(wsi, HTTP_STATUS_NOT_FOUND);
    if (!read_cursor(wsi, &probe))
        return refuse(wsi, HTTP_STATUS_BAD_REQUEST);
    if (server_of(wsi)->clients_count == SKY_RELAY_SERVER_CLIENTS_MAX)
        return refuse(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE);
    return 0;
}

static int on_open(struct lws *wsi, struct client *client)
{
    struct sky_relay_server *server = server_of(wsi);
    if (server->clients_count == SKY_RELAY_SERVER_CLIENTS_MAX)
        return -1;
    *client = (struct client){.wsi = wsi, .next_seq = server->window.newest_seq + 1};
    if (!read_cursor(wsi, client))
        return -1;
    server->clients[server->clients_count++] = client;
    server->stats.clients = server->clients_count;
    server->stats.clients_total++;
    lws_callback_on_writable(wsi);
    return 0;
}

static void on_closed(struct sky_relay_server *server, const struct client *client)
{
    for (uint32_t i = 0; i < server->clients_count; i++)
        if (server->clients[i] == client) {
            server->clients[i] = server->clients[--server->clients_count];
            break;
        }
    server->stats.clients = server->clients_count;
}

/* What the cursor asks for. Zero is "all you have" and never outdated. */
static bool greet(struct sky_relay_server *server, struct client *client)
{
    client->is_greeted = true;
    if (!client->has_cursor)
        return true;
    if (client->cursor > server->window.newest_seq)
        return send_error(server, client, SKY_SPAN("FutureCursor"), SKY_SPAN("Cursor in the future."));
    client->next_seq = client->cursor + 1;
    if (client->next_seq >= server->window.oldest_seq)
        return true;
    client->next_seq = server->window.oldest_seq;
    return client->cursor == 0 || send_outdated(server, client);
}

static int on_writable(struct lws *wsi, struct client *client)
{
    struct sky_relay_server *server = server_of(wsi);
    if (!client->is_greeted && !greet(server, client))
        return -1;
    for (int i = 0; i < WRITE_FRAMES_MAX && client->next_seq <= server->window.newest_seq; i++) {
        if (lws_send_pipe_choked(wsi) || lws_now_usecs() < server->stalled_until_us)
            break;
        if (client->next_seq < server->window.oldest_seq) {
            (void)!send_error(server, client, SKY_SPAN("ConsumerTooSlow"), SKY_SPAN("Stream consumer too slow"));
            return -1;
        }
        if (is_in_gap(server, client->next_seq)) {
            client->next_seq++;
            server->stats.faults++;
            continue;
        }
        struct sky_span frame = sky_relay_window_get(&server->window, client->next_seq);
        if (server->options.faults && client->disturbed_seq != client->next_seq) {
            client->disturbed_seq = client->next_seq;
            if (!do_faults(server, client, frame))
                return -1;
            continue; /* is there room for the frame itself? */
        }
        if (!send_bytes(server, client, frame))
            return -1;
        client->next_seq++;
    }
    if (client->next_seq <= server->window.newest_seq && lws_now_usecs() >= server->stalled_until_us)
        lws_callback_on_writable(wsi);
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    switch ((int)reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return on_filter(wsi);
    case LWS_CALLBACK_ESTABLISHED: return on_open(wsi, user);
    case LWS_CALLBACK_SERVER_WRITEABLE: return on_writable(wsi, user);
    case LWS_CALLBACK_CLOSED: on_closed(server_of(wsi), user); return 0;
    case LWS_CALLBACK_HTTP: return refuse(wsi, HTTP_STATUS_NOT_FOUND);
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

/* ------------------------------------------------------------------------------------------------ frames */

static int64_t slowest_seq(const struct sky_relay_server *server)
{
    int64_t slowest = server->window.newest_seq + 1;
    for (uint32_t i = 0; i < server->clients_count; i++)
        if (server->clients[i]->next_seq < slowest)
            slowest = server->clients[i]->next_seq;
    return slowest;
}

/* Bytes of the window not yet sent to the slowest client. */
static uint64_t unsent_bytes(const struct sky_relay_server *server)
{
    int64_t seq = slowest_seq(server);
    const struct sky_relay_window *window = &server->window;
    if (seq > window->newest_seq || seq < window->oldest_seq)
        return 0;
    return window->position - window->entries[(uint64_t)seq % window->entries_max].position;
}

static bool must_wait(const struct sky_relay_server *server)
{
    if (!server->options.waits)
        return false;
    return server->clients_count == 0 || unsent_bytes(server) > server->window.size_bytes / 2;
}

static void make_frame(struct sky_relay_server *server)
{
    struct sky_network_item item;
    enum sky_status status = sky_network_next(server->network, &item);
    if (status == SKY_OK)
        status = sky_relay_window_put(&server->window, item.frame);
    if (status == SKY_E_END)
        server->has_ended = true;
    else if (status != SKY_OK)
        server->status = status;
    if (status != SKY_OK)
        return;
    server->stats.frames++;
    server->stats.seq = item.seq;
    if (item.time_ms > server->stats.time_ms)
        server->stats.time_ms = item.time_ms;
}

static void make_frames(struct sky_relay_server *server, lws_usec_t now_us)
{
    double passed_ms = (double)(now_us - server->ticked_us) / 1000;
    server->ticked_us = now_us;
    if (server->has_ended || must_wait(server) || now_us < server->stalled_until_us)
        return;
    bool paced = server->options.speed > 0;
    double behind_ms = LAG_MS_MAX * server->options.speed;
    server->target_ms += passed_ms * server->options.speed;
    if (paced && server->target_ms > (double)server->stats.time_ms + behind_ms)
        server->target_ms = (double)server->stats.time_ms + behind_ms;
    for (int i = 0; i < MAKE_FRAMES_MAX && !server->has_ended && server->status == SKY_OK; i++) {
        if ((paced && (double)server->stats.time_ms >= server->target_ms) || must_wait(server))
            break;
        make_frame(server);
    }
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct sky_relay_server *server = (void *)((char *)timer - offsetof(struct sky_relay_server, timer));
    lws_usec_t now_us = lws_now_usecs();
    make_frames(server, now_us);
    if (now_us >= server->stalled_until_us)
        lws_callback_on_writable_all_protocol(server->context, &protocols[0]);
    if (server->on_tick && now_us - server->reported_us >= REPORT_US) {
        server->reported_us = now_us;
        server->on_tick(server->tick_context, &server->stats);
    }
    bool at_full_speed = server->options.speed <= 0 && !must_wait(server) && !server->has_ended;
    lws_sul_schedule(server->context, 0, &server->timer, on_timer, at_full_speed ? 1 : TICK_US);
}

/* ----------------------------------------------------------------------------------------------- life */

static enum sky_status listen_on(struct sky_relay_server *server)
{
    struct lws_context_creation_info info = {
        .port = server->options.port,
        .iface = "127.0.0.1",
        .protocols = protocols,
        .user = server,
        .retry_and_idle_policy = &idle_policy,
        .vhost_name = "relay",
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
    };
    lws_set_log_level(0, NULL);
    server->context = lws_create_context(&info);
    if (!server->context)
        return SKY_E_MEMORY;
    server->vhost = lws_create_vhost(server->context, &info);
    return server->vhost ? SKY_OK : SKY_E_IO;
}

enum sky_status sky_relay_server_new(const struct sky_relay_server_options *options, struct sky_relay_server **out)
{
    struct sky_relay_server *server = calloc(1, sizeof *server);
    if (!server)
        return SKY_E_MEMORY;
    server->options = *options;
    if (!options->window_bytes)
        server->options.window_bytes = SKY_RELAY_SERVER_WINDOW_BYTES;
    if (options->speed <= 0)
        server->options.waits = true;
    server->target_ms = (double)options->world.start_ms;
    server->stats.time_ms = options->world.start_ms;
    sky_random_seed(&server->random, options->world.seed, 7);
    enum sky_status status = sky_relay_window_init(&server->window, server->options.window_bytes);
    if (status == SKY_OK)
        status = sky_network_new(&options->world, &server->network);
    if (status == SKY_OK)
        status = listen_on(server);
    if (status != SKY_OK) {
        sky_relay_server_free(server);
        return status;
    }
    *out = server;
    return SKY_OK;
}

void sky_relay_server_free(struct sky_relay_server *server)
{
    if (!server)
        return;
    if (server->context)
        lws_context_destroy(server->context);
    sky_network_free(server->network);
    sky_relay_window_clean_up(&server->window);
    sky_buffer_clean_up(&server->message);
    free(server);
}

uint16_t sky_relay_server_port(const struct sky_relay_server *server)
{
    return (uint16_t)lws_get_vhost_listen_port(server->vhost);
}

const struct sky_world *sky_relay_server_world(const struct sky_relay_server *server)
{
    return sky_network_world(server->network);
}

void sky_relay_server_on_tick(struct sky_relay_server *server, sky_relay_server_tick_fn on_tick, void *context)
{
    server->on_tick = on_tick;
    server->tick_context = context;
}

/* Everything is with the kernel: libwebsockets keeps what a socket did not take of the last frame. */
static bool is_done(const struct sky_relay_server *server)
{
    for (uint32_t i = 0; i < server->clients_count; i++)
        if (lws_partial_buffered(server->clients[i]->wsi))
            return false;
    return server->has_ended && slowest_seq(server) > server->window.newest_seq;
}

enum sky_status sky_relay_server_run(struct sky_relay_server *server)
{
    server->ticked_us = server->reported_us = lws_now_usecs();
    lws_sul_schedule(server->context, 0, &server->timer, on_timer, 1);
    while (!atomic_load(&server->stop) && server->status == SKY_OK && !is_done(server))
        if (lws_service(server->context, 0) < 0)
            server->status = SKY_E_IO;
    lws_sul_schedule(server->context, 0, &server->timer, NULL, LWS_SET_TIMER_USEC_CANCEL);
    if (server->on_tick)
        server->on_tick(server->tick_context, &server->stats);
    return server->status;
}

void sky_relay_server_stop(struct sky_relay_server *server)
{
    atomic_store(&server->stop, true); /* seen at the next tick */
}
