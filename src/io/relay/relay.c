/* The policy of the live source, as a state machine that is turned by sky_relay_next and sky_relay_judge. It owns at
 * most one connection; everything that takes time is behind struct sky_relay_environment.
 *
 *     WAITING --time--> CONNECTING --open--> SILENT --first message--> STREAMING
 *        ^                  |                   |                          |
 *        +------------------+------ closed -----+--------------------------+
 *
 * A search for the place in another relay's numbering (struct sky_relay_probe) runs in SILENT, before the caller hears
 * of the connection. */
#include "io/relay/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "event/firehose.h"
#include "io/host/clock.h"
#include "io/net/url.h"
#include "io/relay/relay_probe.h"

#define FIREHOSE_PATH  "/xrpc/com.atproto.sync.subscribeRepos"
#define JETSTREAM_PATH "/subscribe?wantedCollections=app.bsky.feed.post"

/* A message that is bad otherwise may not move the cursor further than this: its seq may be bad too. */
#define BAD_SEQ_STEP_MAX 1000000

#define HOST_SIZE    (SKY_URL_HOST_SIZE + 16)
#define PROBLEM_SIZE 512
#define ITEMS_MAX    4 /* waiting to be handed out; one step makes 2 at most */

/* One relay of the list. */
struct source {
    struct sky_url url;
    char host[HOST_SIZE];
    int64_t received;  /* cursor; 0: none */
    int64_t completed; /* likewise */
    int64_t time_ms;   /* of the stream at `received` */
    int64_t completed_time_ms;
    bool refused;      /* 501: it will never serve us */
    int failures;      /* in a row */
    int64_t closed_ms; /* clock; it asked not to be asked before (Retry-After) */
};

struct sky_relay {
    struct sky_relay_options options;
    struct source sources[SKY_RELAY_SOURCES_MAX];
    size_t sources_count;
    size_t current;
    enum sky_relay_state state;
    void *connection; /* NULL: none */
    void *leaving;    /* closed by the next call: the caller may still look at its last message */
    char url[SKY_URL_TEXT_SIZE];

    int64_t asked;          /* the cursor this connection was asked for; 0: none */
    int64_t last_seq;       /* of this connection; 0: none yet */
    int64_t counted_seq;    /* the last one in seqs_expected, over connections to one relay; 0: none yet */
    int64_t good_since_ms;  /* clock; 0: not yet */
    int64_t attempt_due_ms; /* clock, in WAITING */
    int failures;           /* in a row over all relays, for the backoff */
    size_t round;           /* relays tried since one gave data */
    int bad_run;            /* bad messages in a row */
    int64_t bad_seq;        /* the last readable seq of such a run; 0: none */
    int64_t bad_run_at;     /* `received` where the last such run ended a connection; 0: none */
    bool pass_over;         /* connect live the next time */
    int64_t time_ms;        /* of the stream, over all relays */
    int64_t time_before_ms; /* of the stream when this connection was made; 0: nothing to compare with */
    int64_t completed_time_ms;
    int64_t seen_until_ms; /* of the stream, by another relay; 0: this one has come so far */
    struct sky_relay_rate rate;
    struct sky_relay_probe probe;

    struct sky_relay_item items[ITEMS_MAX]; /* to be handed out before anything else */
    size_t items_count;
    struct sky_relay_item held; /* the message that ended a probe: kind NOTHING when there is none */
    char problem[PROBLEM_SIZE];
    struct sky_relay_status status;
};

/* ---- the real world ---- */

static int64_t real_now_ms(void *context)
{
    return sky_clock_monotonic_ms();
}

static uint64_t real_random(void *context)
{
    uint64_t value = 0;
    if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value)
        value = (uint64_t)real_now_ms(NULL) * UINT64_C(0x9e3779b97f4a7c15);
    return value;
}

static void real_sleep(void *context, int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static enum sky_status real_open(void *context, const struct sky_websocket_options *options, void **connection)
{
    struct sky_websocket *websocket = NULL;
    enum sky_status status = sky_websocket_open(options, &websocket);
    *connection = websocket;
    return status;
}

static bool real_next(void *connection, int timeout_ms, struct sky_websocket_event *event)
{
    return sky_websocket_next(connection, timeout_ms, event);
}

static void real_close(void *connection)
{
    sky_websocket_close(connection);
}

static void complete_environment(struct sky_relay_environment *environment)
{
    if (!environment->now_ms)
        environment->now_ms = real_now_ms;
    if (!environment->random)
        environment->random = real_random;
    if (!environment->sleep)
        environment->sleep = real_sleep;
    if (!environment->open) {
        environment->open = real_open;
        environment->next = real_next;
        environment->close = real_close;
    }
}

static int64_t now_ms(const struct sky_relay *relay)
{
    return relay->options.environment.now_ms(relay->options.environment.context);
}

/* ---- items ---- */

static struct source *source_of(struct sky_relay *relay)
{
    return &relay->sources[relay->current];
}

static struct sky_relay_item *queue_item(struct sky_relay *relay, enum sky_relay_item_kind kind)
{
    struct sky_relay_item *item = &relay->items[relay->items_count < ITEMS_MAX ? relay->items_count++ : ITEMS_MAX - 1];
    *item = (struct sky_relay_item){.kind = kind, .host = source_of(relay)->host, .reason = relay->problem};
    return item;
}

static void queue_gap(struct sky_relay *relay, int64_t to_ms)
{
    struct sky_relay_item *item = queue_item(relay, SKY_RELAY_GAP);
    item->from_ms = relay->time_ms;
    item->to_ms = to_ms;
    relay->status.gaps++;
}

static void release_leaving(struct sky_relay *relay)
{
    if (relay->leaving)
        relay->options.environment.close(relay->leaving);
    relay->leaving = NULL;
}

static void close_connection(struct sky_relay *relay)
{
    release_leaving(relay);
    relay->leaving = relay->connection;
    relay->connection = NULL;
}

static void stop(struct sky_relay *relay, const char *problem)
{
    if (problem != relay->problem)
        snprintf(relay->problem, sizeof relay->problem, "%s", problem);
    close_connection(relay);
    relay->state = SKY_RELAY_STOPPED;
}

/* ---- when and where to connect next ---- */

static bool any_left(const struct sky_relay *relay)
{
    for (size_t i = 0; i < relay->sources_count; i++)
        if (!relay->sources[i].refused)
            return true;
    return false;
}

static int64_t wait_ms(const struct sky_relay *relay, size_t source)
{
    int64_t left_ms = relay->sources[source].closed_ms - now_ms(relay);
    return left_ms > 0 ? left_ms : 0;
}

/* The next of the list that may be asked now; where none may, the one that may be asked first. */
static void choose_next_source(struct sky_relay *relay)
{
    size_t before = relay->current, best = relay->sources_count;
    for (size_t step = 1; step <= relay->sources_count; step++) {
        size_t at = (before + step) % relay->sources_count;
        if (relay->sources[at].refused)
            continue;
        if (best == relay->sources_count || wait_ms(relay, at) < wait_ms(relay, best))
            best = at;
    }
    relay->current = best;
    source_of(relay)->failures = 0;
    if (relay->current == before)
        return;
    relay->counted_seq = 0;
    sky_relay_probe_end(&relay->probe); /* what it knows is of the other relay */
    relay->status.failovers++;
}

/* Full jitter: anything from 0 to the bound, so that many clients of a relay that was away do not come at once. */
static int64_t backoff_ms(struct sky_relay *relay)
{
    int64_t bound = SKY_RELAY_BACKOFF_MS_MIN;
    for (int i = 1; i < relay->failures && bound < SKY_RELAY_BACKOFF_MS_MAX; i++)
        bound *= 2;
    if (bound > SKY_RELAY_BACKOFF_MS_MAX)
        bound = SKY_RELAY_BACKOFF_MS_MAX;
    struct sky_relay_environment *environment = &relay->options.environment;
    return (int64_t)(environment->random(environment->context) % (uint64_t)(bound + 1));
}

/* After a failure or an end: which relay, and when. `retry_after_ms` < 0: as we like. */
static int64_t plan_attempt(struct sky_relay *relay, int64_t retry_after_ms)
{
    struct source *source = source_of(relay);
    bool new_round = false;
    source->failures++;
    source->closed_ms = retry_after_ms > 0 ? now_ms(relay) + retry_after_ms : 0;
    if (source->refused || !source->received || source->failures >= SKY_RELAY_FAILURES_MAX) {
        choose_next_source(relay);
        new_round = ++relay->round >= relay->sources_count;
    }
    if (new_round)
        relay->round = 0;
    bool other = source_of(relay) != source;
    int64_t delay_ms = 0;
    if (!other || new_round) { /* the others of the list are tried at once */
        relay->failures++;
        delay_ms = backoff_ms(relay);
    }
    if (wait_ms(relay, relay->current) > delay_ms)
        delay_ms = wait_ms(relay, relay->current);
    relay->state = SKY_RELAY_WAITING;
    relay->attempt_due_ms = now_ms(relay) + delay_ms;
    return delay_ms;
}

/* ---- connecting ---- */

/* The cursor to ask for; 0: none, from now on. */
static int64_t cursor_to_ask(struct sky_relay *relay)
{
    const struct source *source = source_of(relay);
    if (relay->options.kind == SKY_RELAY_JETSTREAM) {
        int64_t cursor = 0; /* a time: as good for one server as for another */
        for (size_t i = 0; i < relay->sources_count; i++)
            if (relay->sources[i].received > cursor)
                cursor = relay->sources[i].received;
        return relay->pass_over || cursor <= SKY_RELAY_JETSTREAM_OVERLAP_US ? 0
                                                                            : cursor - SKY_RELAY_JETSTREAM_OVERLAP_US;
    }
    if (sky_relay_probe_active(&relay->probe))
        return sky_relay_probe_cursor(&relay->probe);
    return relay->pass_over ? 0 : source->received;
}

/* A relay whose own cursor ends where the stream ended can go on from it; any other must be searched. */
static void prepare_probe(struct sky_relay *relay)
{
    const struct source *source = source_of(relay);
    bool own = source->received && source->time_ms >= relay->time_ms - SKY_RELAY_GAP_MS;
    if (relay->options.kind == SKY_RELAY_JETSTREAM || own || !relay->time_ms || relay->pass_over)
        sky_relay_probe_end(&relay->probe);
    else if (!sky_relay_probe_active(&relay->probe))
        sky_relay_probe_begin(&relay->probe, relay->time_ms, sky_relay_rate_per_s(&relay->rate));
}

static void write_url(struct sky_relay *relay)
{
    struct sky_url url = source_of(relay)->url;
    bool bare = strcmp(url.path, "/") == 0;
    const char *path = relay->options.kind == SKY_RELAY_JETSTREAM ? JETSTREAM_PATH : FIREHOSE_PATH;
    char base[SKY_URL_PATH_SIZE];
    snprintf(base, sizeof base, "%s", bare ? path : url.path);
    if (relay->asked > 0)
        snprintf(url.path, sizeof url.path, "%.*s%ccursor=%lld", (int)sizeof url.path - 40, base,
                 strchr(base, '?') ? '&' : '?', (long long)relay->asked);
    else
        snprintf(url.path, sizeof url.path, "%s", base);
    sky_url_write(&url, relay->url);
}

static void connect_now(struct sky_relay *relay)
{
    prepare_probe(relay);
    relay->asked = cursor_to_ask(relay);
    relay->last_seq = 0;
    relay->good_since_ms = 0;
    relay->bad_run = 0;
    relay->bad_seq = 0;
    relay->time_before_ms = relay->time_ms;
    relay->seen_until_ms = 0;
    write_url(relay);
    struct sky_websocket_options websocket = relay->options.websocket;
    websocket.url = relay->url;
    relay->status.attempts++;
    relay->state = SKY_RELAY_CONNECTING;
    struct sky_relay_environment *environment = &relay->options.environment;
    if (environment->open(environment->context, &websocket, &relay->connection) != SKY_OK) {
        relay->connection = NULL;
        snprintf(relay->problem, sizeof relay->problem, "no memory or no thread for a connection");
        queue_item(relay, SKY_RELAY_DISCONNECTED)->retry_ms = plan_attempt(relay, SKY_RELAY_BACKOFF_MS_MIN);
    }
}

/* ---- what the connection says ---- */

static void take_end(struct sky_relay *relay, const struct sky_websocket_closed *closed)
{
    close_connection(relay);
    relay->status.ends[closed->end]++;
    const char *host = source_of(relay)->host;
    snprintf(relay->problem, sizeof relay->problem, "%s: %s", host, closed->detail);
    bool hopeless = closed->end == SKY_WEBSOCKET_END_URL || closed->http_status == 501;
    source_of(relay)->refused = hopeless;
    if (hopeless && !any_left(relay)) {
        stop(relay, relay->problem);
        return;
    }
    struct sky_relay_item *item = queue_item(relay, SKY_RELAY_DISCONNECTED);
    item->host = host;
    item->retry_ms = plan_attempt(relay, closed->retry_after_ms);
}

/* Close from our side and connect to the same relay again. */
static void reconnect(struct sky_relay *relay, const char *why, int64_t retry_ms)
{
    snprintf(relay->problem, sizeof relay->problem, "%s: %s", source_of(relay)->host, why);
    close_connection(relay);
    relay->state = SKY_RELAY_WAITING;
    relay->attempt_due_ms = now_ms(relay) + retry_ms;
    queue_item(relay, SKY_RELAY_DISCONNECTED)->retry_ms = retry_ms;
}

static void queue_connected(struct sky_relay *relay)
{
    relay->state = SKY_RELAY_SILENT;
    queue_item(relay, SKY_RELAY_CONNECTED);
}

/* A message while the place in this relay's numbering is searched. */
static void take_probe_message(struct sky_relay *relay, const struct sky_relay_item *item)
{
    struct sky_event event;
    struct sky_error error;
    int64_t time_ms = 0;
    if (sky_firehose_decode(item->data, &event, &error) == SKY_OK) {
        time_ms = event.time_us / 1000;
        if (event.kind == SKY_EVENT_INFO) /* OutdatedCursor: what comes next is the oldest there is */
            sky_relay_probe_outdated(&relay->probe);
    }
    if (time_ms == 0 || event.seq == 0)
        return; /* one without a time: the next one will have it */
    switch (sky_relay_probe_take(&relay->probe, event.seq, time_ms)) {
    case SKY_RELAY_PROBE_AGAIN: reconnect(relay, "searching for where the last relay ended", 0); break;
    case SKY_RELAY_PROBE_FOUND:
    case SKY_RELAY_PROBE_GAP:
        relay->asked = 0; /* the seq is where it is: no cursor of ours to compare with */
        relay->seen_until_ms = relay->probe.wanted_ms;
        queue_connected(relay);
        relay->held = *item;
        break;
    }
}

static void take_message(struct sky_relay *relay, const struct sky_websocket_event *event, struct sky_relay_item *item)
{
    relay->status.messages++;
    relay->status.bytes += event->data.len;
    *item = (struct sky_relay_item){.kind = SKY_RELAY_MESSAGE,
                                    .host = source_of(relay)->host,
                                    .data = event->data,
                                    .receipt_ms = event->receipt_ms,
                                    .is_line = relay->options.kind == SKY_RELAY_JETSTREAM};
    if (sky_relay_probe_active(&relay->probe)) {
        take_probe_message(relay, item);
        item->kind = SKY_RELAY_NOTHING;
    }
}

/* Wait for the connection's next word. */
static void listen_once(struct sky_relay *relay, int timeout_ms, struct sky_relay_item *item)
{
    struct sky_websocket_event event;
    if (!relay->options.environment.next(relay->connection, timeout_ms, &event))
        return;
    switch (event.kind) {
    case SKY_WEBSOCKET_OPEN:
        relay->status.connections++;
        relay->state = SKY_RELAY_SILENT;
        if (!sky_relay_probe_active(&relay->probe))
            queue_connected(relay);
        break;
    case SKY_WEBSOCKET_MESSAGE:
    case SKY_WEBSOCKET_TEXT: take_message(relay, &event, item); break;
    case SKY_WEBSOCKET_CLOSED: take_end(relay, &event.closed); break;
    }
}

static void wait_for_attempt(struct sky_relay *relay, int timeout_ms)
{
    int64_t left_ms = relay->attempt_due_ms - now_ms(relay);
    if (left_ms > 0 && timeout_ms > 0)
        relay->options.environment.sleep(relay->options.environment.context,
                                         left_ms < timeout_ms ? (int)left_ms : timeout_ms);
    if (now_ms(relay) >= relay->attempt_due_ms)
        connect_now(relay);
}

static bool hand_out(struct sky_relay *relay, struct sky_relay_item *item)
{
    if (relay->items_count > 0) {
        *item = relay->items[0];
        memmove(relay->items, relay->items + 1, --relay->items_count * sizeof relay->items[0]);
        return true;
    }
    if (relay->held.kind == SKY_RELAY_NOTHING)
        return false;
    *item = relay->held;
    relay->held.kind = SKY_RELAY_NOTHING;
    return true;
}

void sky_relay_next(struct sky_relay *relay, int timeout_ms, struct sky_relay_item *item)
{
    *item = (struct sky_relay_item){.kind = SKY_RELAY_NOTHING, .host = source_of(relay)->host, .reason = ""};
    if (hand_out(relay, item))
        return;
    release_leaving(relay);
    if (relay->state == SKY_RELAY_STOPPED) {
        item->kind = SKY_RELAY_FAILED;
        item->reason = relay->problem;
        return;
    }
    if (relay->state == SKY_RELAY_WAITING)
        wait_for_attempt(relay, timeout_ms);
    else
        listen_once(relay, timeout_ms, item);
    if (item->kind == SKY_RELAY_NOTHING)
        hand_out(relay, item);
}

/* ---- judging ---- */

/* The relay counts anew, or never had that seq. */
static void cursor_unknown(struct sky_relay *relay)
{
    struct source *source = source_of(relay);
    if (!relay->options.reset_cursor) {
        char text[PROBLEM_SIZE];
        snprintf(text, sizeof text,
                 "%.150s does not know the cursor %lld (FutureCursor): it was reset, or is another relay than before; "
                 "--reset-cursor goes on from now",
                 source->host, (long long)relay->asked);
        stop(relay, text);
        return;
    }
    source->received = source->completed = 0;
    relay->counted_seq = 0;
    queue_gap(relay, 0);
    relay->failures++;
    reconnect(relay, "the cursor is not known; going on from now", backoff_ms(relay));
}

/* False: not for the caller. */
static bool judge_word(struct sky_relay *relay, const struct sky_event *event)
{
    if (event->kind == SKY_EVENT_INFO && sky_span_equal(event->name, SKY_SPAN("OutdatedCursor")))
        relay->time_before_ms = relay->time_ms ? -relay->time_ms : 0; /* a gap, whatever its length */
    if (event->kind == SKY_EVENT_ERROR && sky_span_equal(event->name, SKY_SPAN("FutureCursor"))) {
        cursor_unknown(relay);
        return false;
    }
    return true;
}

static void report_jump(struct sky_relay *relay, int64_t time_ms)
{
    int64_t before_ms = relay->time_before_ms;
    relay->time_before_ms = 0;
    if (before_ms < 0 || (before_ms > 0 && time_ms - before_ms > SKY_RELAY_GAP_MS))
        queue_gap(relay, time_ms);
}

static bool judge_bad(struct sky_relay *relay, const struct sky_event *event)
{
    struct source *source = source_of(relay);
    relay->status.bad++;
    /* Its seq, when it is readable, does not move the cursor yet: the message may come whole behind it, or after the
     * next connection. */
    bool placed = relay->last_seq > 0 || relay->asked > 0;
    if (placed && event->seq > relay->bad_seq && event->seq - source->received <= BAD_SEQ_STEP_MAX)
        relay->bad_seq = event->seq;
    if (++relay->bad_run < SKY_RELAY_BAD_RUN_MAX)
        return false;
    if (relay->bad_seq > source->received)
        source->received = relay->bad_seq;
    relay->pass_over = relay->bad_run_at == source->received && source->received > 0;
    relay->bad_run_at = source->received;
    if (relay->pass_over)
        queue_gap(relay, 0);
    relay->failures++;
    reconnect(relay, "50 bad messages in a row", backoff_ms(relay));
    return false;
}

/* A live connection may find a relay that counts anew. */
static void count_seq(struct sky_relay *relay, int64_t seq)
{
    bool first = seq <= relay->counted_seq || !relay->counted_seq;
    relay->status.seqs_seen++;
    relay->status.seqs_expected += first ? 1 : (uint64_t)(seq - relay->counted_seq);
    relay->counted_seq = seq;
}

/* A message with a seq. False: it was here before, or must not be. */
static bool judge_seq(struct sky_relay *relay, int64_t seq)
{
    struct source *source = source_of(relay);
    bool first = relay->last_seq == 0;
    if (first && relay->asked > 0 && seq < relay->asked) {
        cursor_unknown(relay);
        return false;
    }
    if (first && relay->asked == 0) /* live: its numbers begin here, wherever that is */
        source->received = seq - 1;
    if (seq <= source->received) {
        relay->last_seq = seq;
        relay->status.repeated++;
        return false;
    }
    source->received = relay->last_seq = seq;
    count_seq(relay, seq);
    return true;
}

static void note_good(struct sky_relay *relay)
{
    int64_t now = now_ms(relay);
    if (!relay->good_since_ms)
        relay->good_since_ms = now;
    if (now - relay->good_since_ms >= SKY_RELAY_GOOD_MS)
        relay->failures = 0;
    relay->state = SKY_RELAY_STREAMING;
    relay->status.ever_received = true;
    source_of(relay)->failures = 0;
    relay->round = 0;
    relay->bad_run = 0;
    relay->bad_seq = 0;
    relay->pass_over = false;
}

/* The time of a good message. False: it is from long before where the last relay ended, and was here by that one. The
 * step back may have been far too long: a live message that claimed a wrong time makes it so. */
static bool judge_time(struct sky_relay *relay, int64_t time_ms)
{
    report_jump(relay, time_ms);
    source_of(relay)->time_ms = time_ms;
    if (time_ms < relay->seen_until_ms - SKY_RELAY_OVERLAP_MS) {
        relay->status.repeated++;
        return false;
    }
    if (time_ms >= relay->seen_until_ms)
        relay->seen_until_ms = 0;
    relay->time_ms = time_ms;
    return true;
}

bool sky_relay_judge(struct sky_relay *relay, enum sky_status status, const struct sky_decoded *decoded)
{
    struct source *source = source_of(relay);
    const struct sky_event *event = decoded->event;
    if (status == SKY_E_MEMORY)
        return false;
    if (status != SKY_OK && !(event->seq > 0 && relay->last_seq > 0 && event->seq <= source->received))
        return judge_bad(relay, event);
    if (!judge_word(relay, event))
        return false;
    if (event->kind != SKY_EVENT_INFO && event->kind != SKY_EVENT_ERROR) /* words about the stream are no data */
        note_good(relay);
    if (relay->options.kind == SKY_RELAY_JETSTREAM) {
        if (event->time_us > source->received)
            source->received = event->time_us;
    } else if (event->seq > 0 && !judge_seq(relay, event->seq))
        return false;
    if (decoded->has_time) {
        if (!judge_time(relay, decoded->observed_at_ms))
            return false;
        if (event->seq > 0)
            sky_relay_rate_take(&relay->rate, event->seq, decoded->observed_at_ms, relay->current);
    }
    return status == SKY_OK;
}

void sky_relay_complete(struct sky_relay *relay)
{
    struct source *source = source_of(relay);
    source->completed = source->received;
    source->completed_time_ms = source->time_ms;
    relay->completed_time_ms = relay->time_ms;
}

/* ---- life ---- */

void sky_relay_options_default(struct sky_relay_options *options)
{
    *options = (struct sky_relay_options){.urls = "wss://bsky.network"};
    sky_websocket_options_default(&options->websocket);
}

static enum sky_status add_sources(struct sky_relay *relay)
{
    const char *rest = relay->options.urls;
    while (rest && *rest) {
        char text[SKY_URL_TEXT_SIZE];
        size_t len = strcspn(rest, ", ");
        if (len > 0) {
            struct source *source = &relay->sources[relay->sources_count];
            if (len >= sizeof text || relay->sources_count == SKY_RELAY_SOURCES_MAX)
                return SKY_E_CONFIG;
            memcpy(text, rest, len);
            text[len] = 0;
            if (!sky_url_is_websocket(text) || sky_url_parse(text, &source->url) != SKY_OK)
                return SKY_E_CONFIG;
            sky_url_authority(&source->url, source->host);
            relay->sources_count++;
        }
        rest += len + (rest[len] != 0);
    }
    return relay->sources_count > 0 ? SKY_OK : SKY_E_CONFIG;
}

enum sky_status sky_relay_new(const struct sky_relay_options *options, struct sky_relay **out)
{
    struct sky_relay *relay = calloc(1, sizeof *relay);
    *out = NULL;
    if (!relay)
        return SKY_E_MEMORY;
    relay->options = *options;
    complete_environment(&relay->options.environment);
    enum sky_status status = add_sources(relay);
    if (status != SKY_OK) {
        free(relay);
        return status;
    }
    relay->options.urls = NULL; /* the caller's, and not needed any more */
    relay->sources[0].received = relay->sources[0].completed = options->cursor > 0 ? options->cursor : 0;
    relay->state = SKY_RELAY_WAITING;
    relay->attempt_due_ms = now_ms(relay);
    *out = relay;
    return SKY_OK;
}

void sky_relay_free(struct sky_relay *relay)
{
    if (!relay)
        return;
    close_connection(relay);
    release_leaving(relay);
    free(relay);
}

void sky_relay_status(const struct sky_relay *relay, struct sky_relay_status *status)
{
    const struct source *source = &relay->sources[relay->current];
    *status = relay->status;
    status->state = relay->state;
    status->host = source->host;
    status->problem = relay->problem;
    status->received = source->received;
    status->completed = source->completed;
    status->time_ms = relay->time_ms;
    int64_t left_ms = relay->attempt_due_ms - now_ms(relay);
    status->retry_ms = relay->state == SKY_RELAY_WAITING && left_ms > 0 ? left_ms : 0;
}

void sky_relay_save(const struct sky_relay *relay, struct sky_buffer *buffer)
{
    sky_buffer_put_u8(buffer, (uint8_t)relay->options.kind);
    sky_buffer_put_i64(buffer, relay->completed_time_ms);
    sky_buffer_put_u32(buffer, (uint32_t)relay->current);
    sky_buffer_put_u32(buffer, (uint32_t)relay->sources_count);
    for (size_t i = 0; i < relay->sources_count; i++) {
        const struct source *source = &relay->sources[i];
        sky_buffer_put_blob(buffer, sky_span_from_string(source->host));
        sky_buffer_put_i64(buffer, source->completed);
        sky_buffer_put_i64(buffer, source->completed_time_ms);
    }
}

static void load_source(struct sky_relay *relay, struct sky_reader *reader, bool is_current)
{
    struct sky_span host = sky_reader_blob(reader);
    int64_t completed = sky_reader_i64(reader);
    int64_t time_ms = sky_reader_i64(reader);
    if (completed < 0)
        sky_reader_fail(reader, SKY_E_RANGE, "a cursor below 0");
    for (size_t i = 0; i < relay->sources_count && sky_reader_ok(reader); i++)
        if (sky_span_equal(host, sky_span_from_string(relay->sources[i].host))) {
            relay->sources[i].received = relay->sources[i].completed = completed;
            relay->sources[i].time_ms = relay->sources[i].completed_time_ms = time_ms;
            if (is_current)
                relay->current = i;
        }
}

enum sky_status sky_relay_load(struct sky_relay *relay, struct sky_reader *reader)
{
    uint8_t kind = sky_reader_u8(reader);
    int64_t time_ms = sky_reader_i64(reader);
    uint32_t current = sky_reader_u32(reader);
    uint32_t count = sky_reader_u32(reader);
    if (kind > SKY_RELAY_JETSTREAM || count > SKY_RELAY_SOURCES_MAX)
        sky_reader_fail(reader, SKY_E_RANGE, "no relay state");
    bool same_kind = kind == relay->options.kind; /* a seq is no time: another kind begins anew */
    size_t sources_count = relay->sources_count;
    if (!same_kind)
        relay->sources_count = 0; /* read past them */
    for (uint32_t i = 0; i < count && sky_reader_ok(reader); i++)
        load_source(relay, reader, i == current);
    relay->sources_count = sources_count;
    if (sky_reader_ok(reader) && same_kind)
        relay->time_ms = relay->completed_time_ms = time_ms;
    return reader->error.status;
}
