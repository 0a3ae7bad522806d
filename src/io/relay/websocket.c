/* The receiving thread: resolves the name, connects to its addresses in turn, follows redirects by itself (so that
 * each target is checked before a byte is sent to it), then serves the connection until it ends.
 *
 * libwebsockets calls back in this thread only. The owner's thread touches the queue, `stop`, and lws_cancel_service,
 * which wakes the service loop from any thread. */
#include "io/relay/websocket.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "io/host/clock.h"
#include "io/host/thread.h"
#include "io/net/resolve.h"
#include "io/net/url.h"
#include "io/relay/message_queue.h"

#define POLL_MS             50   /* how soon a look-up notices that it is not wanted any more */
#define ADDRESS_TIMEOUT_MS  4000 /* for one of several addresses */
#define RECEIVE_BUFFER_SIZE 65536
#define TICKS_A_PING        8 /* timers are looked at so often */
#define TICK_MS_MIN         5

/* A timer of libwebsockets and whose it is; the list comes first, as its address is all that the callback gets. */
struct timer {
    lws_sorted_usec_list_t list;
    struct sky_websocket *websocket;
};

struct sky_websocket {
    struct sky_websocket_options options;
    char url_text[SKY_URL_TEXT_SIZE];
    char user_agent[128];
    char ca_file[512];
    struct sky_message_queue *queue;
    struct lws_context *context;
    struct lws_protocols protocols[2];
    pthread_t thread;
    atomic_bool stop;

    /* below: the thread's own */
    struct sky_url url;     /* where to connect now */
    bool may_be_private;    /* the address of `url` need not be public */
    struct lws *connection; /* NULL: none */
    bool attempt_over;
    bool established;
    bool ending; /* `end` is decided, the connection not yet gone */
    struct sky_websocket_closed end;
    char location[SKY_URL_PATH_SIZE]; /* of a redirect; "": none */
    struct sky_buffer message;        /* of the message being received */
    int64_t attempt_until_ms;
    int64_t heard_ms; /* the last frame or pong */
    int64_t pinged_ms;
    bool ping_due;
    bool paused;
    struct timer timer;
};

void sky_websocket_options_default(struct sky_websocket_options *options)
{
    *options = (struct sky_websocket_options){.message_bytes_max = 5000000,
                                              .queue_bytes = (size_t)32 << 20,
                                              .connect_timeout_ms = 10000,
                                              .ping_interval_ms = 15000,
                                              .dead_after_ms = 30000};
}

const char *sky_websocket_end_name(enum sky_websocket_end end)
{
    static const char *const names[SKY_WEBSOCKET_END_COUNT] = {
        [SKY_WEBSOCKET_END_URL] = "url",         [SKY_WEBSOCKET_END_NAME] = "name",
        [SKY_WEBSOCKET_END_CONNECT] = "connect", [SKY_WEBSOCKET_END_TIMEOUT] = "timeout",
        [SKY_WEBSOCKET_END_STATUS] = "status",   [SKY_WEBSOCKET_END_REDIRECT] = "redirect",
        [SKY_WEBSOCKET_END_CLOSED] = "closed",   [SKY_WEBSOCKET_END_LOST] = "lost",
        [SKY_WEBSOCKET_END_DEAD] = "dead",       [SKY_WEBSOCKET_END_SIZE] = "size",
    };
    return (unsigned)end < SKY_WEBSOCKET_END_COUNT ? names[end] : "unknown";
}

/* What the peer sends may end up in a terminal: printable ASCII only. */
static void set_detail(struct sky_websocket *websocket, enum sky_websocket_end end, const char *text, size_t len)
{
    char *to = websocket->end.detail;
    size_t count = 0;
    for (; count < len && count + 1 < SKY_WEBSOCKET_DETAIL_SIZE && text[count]; count++)
        to[count] = (char)(text[count] >= ' ' && text[count] < 127 ? text[count] : '?');
    to[count] = 0;
    websocket->end.end = end;
}

static void set_end(struct sky_websocket *websocket, enum sky_websocket_end end, const char *text)
{
    set_detail(websocket, end, text, strlen(text));
}

/* Retry-After in seconds; the form with a date is not used by any relay. */
static int64_t read_retry_after(struct lws *connection)
{
    char text[32];
    int len = lws_hdr_copy(connection, text, sizeof text, WSI_TOKEN_HTTP_RETRY_AFTER);
    int64_t seconds = 0;
    if (len <= 0)
        return -1;
    for (int i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        seconds = seconds * 10 + (text[i] - '0');
        if (seconds * 1000 > SKY_WEBSOCKET_RETRY_AFTER_MS_MAX)
            return SKY_WEBSOCKET_RETRY_AFTER_MS_MAX;
    }
    return seconds * 1000;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void note_gone(struct sky_websocket *websocket, const struct lws *connection)
{
    if (connection != websocket->connection)
        return;
    websocket->attempt_over = true;
    websocket->connection = NULL;
}

/* The handshake failed: `in` is libwebsockets' word for why; an answer's status says more. */
static void note_failure(struct sky_websocket *websocket, struct lws *connection, const char *in, size_t len)
{
    note_gone(websocket, connection);
    if (websocket->ending || websocket->location[0])
        return;
    int status = (int)lws_http_client_http_response(connection);
    if (status >= 300 && status < 600) {
        websocket->end.http_status = status;
        websocket->end.retry_after_ms = read_retry_after(connection);
        if (is_redirect(status))
            lws_hdr_copy(connection, websocket->location, sizeof websocket->location, WSI_TOKEN_HTTP_LOCATION);
        char text[48];
        snprintf(text, sizeof text, "the server answered %d", status);
        set_end(websocket, SKY_WEBSOCKET_END_STATUS, text);
    } else if (in && len)
        set_detail(websocket, SKY_WEBSOCKET_END_CONNECT, in, len);
    else
        set_end(websocket, SKY_WEBSOCKET_END_CONNECT, "the connection failed");
}

static bool put(struct sky_websocket *websocket, enum sky_websocket_kind kind, struct sky_span data)
{
    bool pause = false;
    struct sky_message message = {.kind = kind, .receipt_ms = sky_clock_wall_ms(), .data = data};
    if (sky_message_queue_put(websocket->queue, &message, &pause) != SKY_OK)
        return false;
    if (pause && websocket->connection && !websocket->paused) {
        websocket->paused = true;
        lws_rx_flow_control(websocket->connection, 0);
    }
    return true;
}

static void resume(struct sky_websocket *websocket)
{
    if (!websocket->paused || !sky_message_queue_has_room(websocket->queue))
        return;
    websocket->paused = false;
    websocket->heard_ms = sky_clock_monotonic_ms(); /* pongs could not be read either */
    if (websocket->connection)
        lws_rx_flow_control(websocket->connection, 1);
}

static int open_connection(struct sky_websocket *websocket)
{
    char text[SKY_URL_TEXT_SIZE];
    websocket->established = true;
    websocket->heard_ms = websocket->pinged_ms = sky_clock_monotonic_ms();
    websocket->message.len = 0;
    set_end(websocket, SKY_WEBSOCKET_END_LOST, "the connection broke");
    sky_url_write(&websocket->url, text);
    return put(websocket, SKY_WEBSOCKET_OPEN, sky_span_from_string(text)) ? 0 : -1;
}

/* Nonzero, for the callback: the connection is to be closed, for a reason of ours. */
static int end_because(struct sky_websocket *websocket, enum sky_websocket_end end, const char *text)
{
    set_end(websocket, end, text);
    websocket->ending = true;
    return -1;
}

/* A piece of a message. Nonzero: give the connection up. */
static int receive(struct sky_websocket *websocket, struct lws *connection, const void *in, size_t len)
{
    if (websocket->ending)
        return -1;
    websocket->heard_ms = sky_clock_monotonic_ms();
    if (lws_is_first_fragment(connection))
        websocket->message.len = 0;
    /* No close frame with 1009: libwebsockets 4.1 would go on reading until it is answered, and write what comes behind
     * the end of its buffer. */
    if (websocket->message.len + len > websocket->options.message_bytes_max)
        return end_because(websocket, SKY_WEBSOCKET_END_SIZE, "a message over the limit");
    sky_buffer_put(&websocket->message, in, len);
    if (websocket->message.failed)
        return end_because(websocket, SKY_WEBSOCKET_END_LOST, "there is no memory");
    if (!lws_is_final_fragment(connection))
        return 0;
    enum sky_websocket_kind kind = lws_frame_is_binary(connection) ? SKY_WEBSOCKET_MESSAGE : SKY_WEBSOCKET_TEXT;
    if (!put(websocket, kind, sky_buffer_span(&websocket->message)))
        return end_because(websocket, SKY_WEBSOCKET_END_LOST, "the queue overran");
    return 0;
}

static int write_ping(struct sky_websocket *websocket, struct lws *connection)
{
    unsigned char room[LWS_PRE + 1];
    if (!websocket->ping_due)
        return 0;
    websocket->ping_due = false;
    return lws_write(connection, room + LWS_PRE, 0, LWS_WRITE_PING) < 0 ? -1 : 0;
}

static void note_peer_close(struct sky_websocket *websocket, const uint8_t *in, size_t len)
{
    if (websocket->ending)
        return;
    if (len >= 2)
        websocket->end.close_code = in[0] << 8 | in[1];
    if (len > 2)
        set_detail(websocket, SKY_WEBSOCKET_END_CLOSED, (const char *)in + 2, len - 2);
    else
        set_end(websocket, SKY_WEBSOCKET_END_CLOSED, "the server closed the connection");
}

/* Relays like to know who listens. `in` points to where the next header goes. */
static int append_headers(const struct sky_websocket *websocket, struct lws *connection, unsigned char **in, size_t len)
{
    size_t name_len = strlen(websocket->user_agent);
    if (!name_len)
        return 0;
    return lws_add_http_header_by_token(connection, WSI_TOKEN_HTTP_USER_AGENT,
                                        (const unsigned char *)websocket->user_agent, (int)name_len, in, *in + len);
}

static int call_back(struct lws *connection, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct sky_websocket *websocket = lws_context_user(lws_get_context(connection));
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: note_failure(websocket, connection, in, len); break;
    case LWS_CALLBACK_CLIENT_HTTP_REDIRECT:
        snprintf(websocket->location, sizeof websocket->location, "%s", (const char *)in);
        return -1; /* followed by us, after a look at where it leads */
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: return append_headers(websocket, connection, in, len);
    case LWS_CALLBACK_CLIENT_ESTABLISHED: return open_connection(websocket);
    case LWS_CALLBACK_CLIENT_RECEIVE: return receive(websocket, connection, in, len);
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG: websocket->heard_ms = sky_clock_monotonic_ms(); break;
    case LWS_CALLBACK_CLIENT_WRITEABLE: return write_ping(websocket, connection);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: note_peer_close(websocket, in, len); break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY: /* the only word there is when an answer is not even HTTP */
        note_gone(websocket, connection);
        break;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: resume(websocket); break;
    default: break;
    }
    return 0;
}

static int tick_ms(const struct sky_websocket *websocket)
{
    int tick = websocket->options.ping_interval_ms / TICKS_A_PING;
    return tick > TICK_MS_MIN ? tick : TICK_MS_MIN;
}

static void give_up(struct sky_websocket *websocket, enum sky_websocket_end end, const char *text)
{
    if (!websocket->ending)
        set_end(websocket, end, text);
    websocket->ending = true;
    lws_set_timeout(websocket->connection, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void on_timer(lws_sorted_usec_list_t *list)
{
    struct sky_websocket *websocket = ((struct timer *)list)->websocket;
    int64_t now = sky_clock_monotonic_ms();
    lws_sul_schedule(websocket->context, 0, list, on_timer, (lws_usec_t)tick_ms(websocket) * LWS_US_PER_MS);
    if (!websocket->connection || websocket->attempt_over)
        return;
    if (!websocket->established) {
        if (now >= websocket->attempt_until_ms)
            give_up(websocket, SKY_WEBSOCKET_END_TIMEOUT, "no answer in time");
        return;
    }
    if (websocket->ending || (!websocket->paused && now - websocket->heard_ms >= websocket->options.dead_after_ms)) {
        give_up(websocket, SKY_WEBSOCKET_END_DEAD, "neither data nor an answer to pings");
        return;
    }
    if (now - websocket->pinged_ms >= websocket->options.ping_interval_ms) {
        websocket->pinged_ms = now;
        websocket->ping_due = true;
        lws_callback_on_writable(websocket->connection);
    }
}

static bool is_wanted(const struct sky_websocket *websocket)
{
    return !atomic_load(&websocket->stop);
}

/* Connect to one address and stay until that is over. */
static void serve_address(struct sky_websocket *websocket, const char *address)
{
    char authority[SKY_URL_HOST_SIZE + 16];
    sky_url_authority(&websocket->url, authority);
    static const lws_retry_bo_t no_policy = {0}; /* pings and idleness are ours */
    const struct lws_client_connect_info info = {
        .context = websocket->context,
        .address = address,
        .port = websocket->url.port,
        .ssl_connection = websocket->url.secure ? LCCSCF_USE_SSL : 0,
        .path = websocket->url.path,
        .host = authority,
        .ietf_version_or_minus_one = -1,
        .local_protocol_name = websocket->protocols[0].name,
        .pwsi = &websocket->connection,
        .retry_and_idle_policy = &no_policy,
        .alpn = "http/1.1",
    };
    websocket->attempt_over = false;
    websocket->ending = false;
    websocket->location[0] = 0;
    websocket->end = (struct sky_websocket_closed){.retry_after_ms = -1};
    set_end(websocket, SKY_WEBSOCKET_END_CONNECT, "the handshake failed");
    if (!lws_client_connect_via_info(&info) && !websocket->attempt_over) {
        set_end(websocket, SKY_WEBSOCKET_END_CONNECT, "the connection failed");
        return;
    }
    while (is_wanted(websocket) && !websocket->attempt_over && lws_service(websocket->context, 0) >= 0)
        ;
}

/* The addresses of the host, each tried until one answers. */
static void connect_host(struct sky_websocket *websocket, const struct sky_resolve *request, int64_t deadline_ms)
{
    bool tried = false;
    const char *address;
    for (size_t i = 0; (address = sky_resolve_address(request, i)) && is_wanted(websocket); i++) {
        if (!websocket->may_be_private && sky_address_is_private(address))
            continue;
        int64_t now = sky_clock_monotonic_ms();
        bool last = !sky_resolve_address(request, i + 1);
        websocket->attempt_until_ms =
            !last && now + ADDRESS_TIMEOUT_MS < deadline_ms ? now + ADDRESS_TIMEOUT_MS : deadline_ms;
        tried = true;
        serve_address(websocket, address);
        bool answered = websocket->established || websocket->end.http_status || websocket->location[0];
        if (answered || sky_clock_monotonic_ms() >= deadline_ms)
            return;
    }
    if (!tried)
        set_end(websocket, SKY_WEBSOCKET_END_REDIRECT, "the redirect leads to a private address");
}

/* Look the host up and connect to it. */
static void serve_url(struct sky_websocket *websocket, int64_t deadline_ms)
{
    struct sky_resolve *request;
    const char *reason = "there is no memory";
    if (sky_resolve_start(websocket->url.host, &request) != SKY_OK) {
        set_end(websocket, SKY_WEBSOCKET_END_NAME, reason);
        return;
    }
    enum sky_status status = SKY_E_LIMIT;
    while (status == SKY_E_LIMIT && is_wanted(websocket) && sky_clock_monotonic_ms() < deadline_ms)
        status = sky_resolve_wait(request, POLL_MS, &reason);
    if (status == SKY_OK)
        connect_host(websocket, request, deadline_ms);
    else if (status == SKY_E_LIMIT)
        set_end(websocket, SKY_WEBSOCKET_END_TIMEOUT, "the look-up of the name took too long");
    else {
        char text[SKY_WEBSOCKET_DETAIL_SIZE];
        snprintf(text, sizeof text, "no address: %.150s", reason);
        set_end(websocket, SKY_WEBSOCKET_END_NAME, text);
    }
    sky_resolve_release(request);
}

/* Where a redirect leads, if it may lead there. */
static bool follow(struct sky_websocket *websocket)
{
    struct sky_url target;
    char text[SKY_WEBSOCKET_DETAIL_SIZE];
    if (sky_url_resolve(&websocket->url, websocket->location, &target) != SKY_OK) {
        set_end(websocket, SKY_WEBSOCKET_END_REDIRECT, "a redirect to what is no URL");
        return false;
    }
    if (websocket->url.secure && !target.secure) {
        snprintf(text, sizeof text, "a redirect from wss to ws, to %.100s", target.host);
        set_end(websocket, SKY_WEBSOCKET_END_REDIRECT, text);
        return false;
    }
    /* The host that the user named may be private, and so may its other ports and paths; nothing else may. */
    websocket->may_be_private = websocket->may_be_private && strcmp(target.host, websocket->url.host) == 0;
    if (!target.secure && !websocket->may_be_private && !websocket->options.allow_plain) {
        set_end(websocket, SKY_WEBSOCKET_END_REDIRECT, "a redirect to another host without encryption");
        return false;
    }
    websocket->url = target;
    return true;
}

static void serve(struct sky_websocket *websocket)
{
    int64_t deadline_ms = sky_clock_monotonic_ms() + websocket->options.connect_timeout_ms;
    websocket->may_be_private = true;
    for (int redirects = 0; is_wanted(websocket); redirects++) {
        websocket->location[0] = 0;
        serve_url(websocket, deadline_ms);
        if (!websocket->location[0] || websocket->established)
            return;
        if (redirects == SKY_WEBSOCKET_REDIRECTS_MAX) {
            set_end(websocket, SKY_WEBSOCKET_END_REDIRECT, "too many redirects");
            return;
        }
        if (!follow(websocket))
            return;
    }
}

static void *run(void *context)
{
    struct sky_websocket *websocket = context;
    websocket->end = (struct sky_websocket_closed){.end = SKY_WEBSOCKET_END_URL, .retry_after_ms = -1};
    if (sky_url_parse(websocket->url_text, &websocket->url) != SKY_OK)
        set_end(websocket, SKY_WEBSOCKET_END_URL, "not a ws:// or wss:// URL");
    else if (!websocket->url.secure && !websocket->options.allow_plain && !sky_url_is_loopback(&websocket->url))
        set_end(websocket, SKY_WEBSOCKET_END_URL, "ws:// is for this machine only; use wss://");
    else if (!websocket->context)
        set_end(websocket, SKY_WEBSOCKET_END_CONNECT, "TLS cannot be set up (are the certificates readable?)");
    else {
        websocket->timer.websocket = websocket;
        lws_sul_schedule(websocket->context, 0, &websocket->timer.list, on_timer,
                         (lws_usec_t)tick_ms(websocket) * LWS_US_PER_MS);
        serve(websocket);
    }
    websocket->connection = NULL; /* for `put`: there is nothing to pause any more */
    if (is_wanted(websocket) &&
        !put(websocket, SKY_WEBSOCKET_CLOSED, sky_span_of(&websocket->end, sizeof websocket->end)))
        abort(); /* the queue always has room for the close: see its header */
    return NULL;
}

static void on_room(void *context)
{
    struct sky_websocket *websocket = context;
    if (websocket->context)
        lws_cancel_service(websocket->context);
}

static void copy_options(struct sky_websocket *websocket, const struct sky_websocket_options *options)
{
    websocket->options = *options;
    snprintf(websocket->url_text, sizeof websocket->url_text, "%s", options->url);
    snprintf(websocket->user_agent, sizeof websocket->user_agent, "%s", options->user_agent ? options->user_agent : "");
    snprintf(websocket->ca_file, sizeof websocket->ca_file, "%s", options->ca_file ? options->ca_file : "");
    websocket->protocols[0] =
        (struct lws_protocols){.name = "skytrend", .callback = call_back, .rx_buffer_size = RECEIVE_BUFFER_SIZE};
}

static struct lws_context *create_context(struct sky_websocket *websocket)
{
    lws_set_log_level(0, NULL); /* failures are told by events */
    bool own_ca = websocket->ca_file[0];
    /* The library's own, 5 s by default, must not come before ours. */
    unsigned timeout_s = (unsigned)websocket->options.connect_timeout_ms / 1000 + 5;
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = websocket->protocols,
        .user = websocket,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | (own_ca ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
        .client_ssl_ca_filepath = own_ca ? websocket->ca_file : NULL,
        .pt_serv_buf_size = RECEIVE_BUFFER_SIZE,
        .timeout_secs = timeout_s,
        .connect_timeout_secs = timeout_s,
    };
    return lws_create_context(&info);
}

enum sky_status sky_websocket_open(const struct sky_websocket_options *options, struct sky_websocket **out)
{
    struct sky_websocket *websocket = calloc(1, sizeof *websocket);
    *out = NULL;
    if (!websocket)
        return SKY_E_MEMORY;
    copy_options(websocket, options);
    size_t largest = options->message_bytes_max > sizeof(struct sky_websocket_closed)
                         ? options->message_bytes_max
                         : sizeof(struct sky_websocket_closed);
    enum sky_status status = sky_message_queue_new(options->queue_bytes, largest, &websocket->queue);
    if (status == SKY_OK) {
        websocket->context = create_context(websocket);
        sky_message_queue_on_room(websocket->queue, on_room, websocket);
        if (sky_thread_start(&websocket->thread, run, websocket) == SKY_OK) {
            *out = websocket;
            return SKY_OK;
        }
        status = SKY_E_IO;
    }
    if (websocket->context)
        lws_context_destroy(websocket->context);
    sky_message_queue_free(websocket->queue);
    free(websocket);
    return status;
}

bool sky_websocket_next(struct sky_websocket *websocket, int timeout_ms, struct sky_websocket_event *event)
{
    struct sky_message message;
    if (!sky_message_queue_next(websocket->queue, timeout_ms, &message))
        return false;
    event->kind = (enum sky_websocket_kind)message.kind;
    event->receipt_ms = message.receipt_ms;
    event->data = message.data;
    if (event->kind == SKY_WEBSOCKET_CLOSED) {
        memcpy(&event->closed, message.data.ptr, sizeof event->closed);
        event->data = sky_span_from_string(event->closed.detail);
    }
    return true;
}

size_t sky_websocket_queued_bytes(struct sky_websocket *websocket)
{
    return sky_message_queue_bytes(websocket->queue);
}

void sky_websocket_close(struct sky_websocket *websocket)
{
    if (!websocket)
        return;
    atomic_store(&websocket->stop, true);
    if (websocket->context)
        lws_cancel_service(websocket->context);
    pthread_join(websocket->thread, NULL);
    if (websocket->context)
        lws_context_destroy(websocket->context);
    sky_message_queue_free(websocket->queue);
    sky_buffer_clean_up(&websocket->message);
    free(websocket);
}
