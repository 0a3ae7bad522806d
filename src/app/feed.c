#include "app/feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "io/host/clock.h"
#include "io/host/truth_file.h"
#include "ops/log.h"

/* One of the three sources is there. */
struct sky_feed {
    struct sky_relay *relay;
    struct sky_post_feed *posts;
    struct sky_network *network;

    struct sky_merged merged; /* the last of the posts */

    /* simulation */
    double speed;
    bool has_item;
    struct sky_network_item item; /* due at its time */
    int64_t first_event_ms;       /* event time of the first item */
    int64_t first_clock_ms;       /* monotonic clock at it */
    uint64_t bytes;
    struct sky_truth_file *truth;
};

static void sleep_ms(int64_t ms)
{
    struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
}

enum sky_status sky_feed_open_simulation(const struct sky_feed_simulation *simulation, struct sky_feed **feed,
                                         const char **reason)
{
    struct sky_feed *made = calloc(1, sizeof *made);
    *reason = "no memory for the simulated network";
    if (!made)
        return SKY_E_MEMORY;
    made->speed = simulation->speed;
    enum sky_status status = sky_network_new(&simulation->world, &made->network);
    if (status == SKY_E_CONFIG)
        *reason = "the simulated network cannot be made with these options";
    if (status == SKY_OK && simulation->truth_path) {
        status = sky_truth_file_open(simulation->truth_path, &simulation->world, &made->truth);
        if (status == SKY_E_IO)
            *reason = "the truth file cannot be written";
        if (status == SKY_E_FENCED)
            *reason = "another skytrend writes the truth file";
    }
    if (status != SKY_OK) {
        sky_feed_close(made);
        return status;
    }
    *feed = made;
    return SKY_OK;
}

enum sky_status sky_feed_open_relay(struct sky_relay *relay, struct sky_feed **feed)
{
    struct sky_feed *made = calloc(1, sizeof *made);
    if (!made) {
        sky_relay_free(relay);
        return SKY_E_MEMORY;
    }
    made->relay = relay;
    *feed = made;
    return SKY_OK;
}

enum sky_status sky_feed_open_posts(struct sky_post_feed *posts, struct sky_feed **feed)
{
    struct sky_feed *made = calloc(1, sizeof *made);
    if (!made) {
        sky_post_feed_close(posts);
        return SKY_E_MEMORY;
    }
    made->posts = posts;
    *feed = made;
    return SKY_OK;
}

void sky_feed_close(struct sky_feed *feed)
{
    if (!feed)
        return;
    if (feed->truth && sky_truth_file_close(feed->truth) != SKY_OK)
        sky_log(SKY_LOG_ERROR, "truth_file_not_complete", SKY_LOG_TEXT("reason", strerror(errno)));
    sky_network_free(feed->network);
    sky_relay_free(feed->relay);
    sky_post_feed_close(feed->posts);
    free(feed);
}

/* How long until event time `time_ms` is due, in ms of the clock. */
static int64_t due_in_ms(const struct sky_feed *feed, int64_t time_ms)
{
    if (feed->speed <= 0)
        return 0;
    double due_ms = (double)feed->first_clock_ms + (double)(time_ms - feed->first_event_ms) / feed->speed;
    return (int64_t)due_ms - sky_clock_monotonic_ms();
}

static enum sky_feed_state next_simulated(struct sky_feed *feed, int timeout_ms, struct sky_feed_item *item)
{
    if (!feed->has_item) {
        enum sky_status status = sky_network_next(feed->network, &feed->item);
        if (status == SKY_OK && feed->truth)
            status = sky_truth_file_update(feed->truth, sky_network_world(feed->network));
        if (status == SKY_E_END)
            return SKY_FEED_END;
        if (status != SKY_OK) {
            snprintf(item->notice, sizeof item->notice, "the simulated network stopped: %s",
                     status == SKY_E_IO ? strerror(errno) : sky_status_name(status));
            return SKY_FEED_FAILED;
        }
        feed->has_item = true;
    }
    if (!feed->first_clock_ms) {
        feed->first_clock_ms = sky_clock_monotonic_ms();
        feed->first_event_ms = feed->item.time_ms;
    }
    int64_t wait_ms = due_in_ms(feed, feed->item.time_ms);
    if (wait_ms > timeout_ms) {
        sleep_ms(timeout_ms);
        return SKY_FEED_IDLE;
    }
    if (wait_ms > 0)
        sleep_ms(wait_ms);
    feed->has_item = false;
    feed->bytes += feed->item.frame.len;
    /* No receipt: at another speed than the clock's it would say nothing about the frame's claim. */
    item->bytes = feed->item.frame;
    item->is_line = false;
    item->receipt_ms = SKY_RECEIPT_NONE;
    item->host = "simulated";
    return SKY_FEED_ITEM;
}

static void note_gap(const struct sky_relay_item *from, struct sky_feed_item *item)
{
    char begin[SKY_TIME_TEXT_SIZE] = "an unknown time", end[SKY_TIME_TEXT_SIZE] = "an unknown time";
    if (from->from_ms)
        sky_time_format(from->from_ms, begin);
    if (from->to_ms)
        sky_time_format(from->to_ms, end);
    snprintf(item->notice, sizeof item->notice, "%s: events from %s to %s were missed", from->host, begin, end);
}

static enum sky_feed_state next_live(struct sky_feed *feed, int timeout_ms, struct sky_feed_item *item)
{
    struct sky_relay_item got;
    sky_relay_next(feed->relay, timeout_ms, &got);
    item->host = got.host;
    switch (got.kind) {
    case SKY_RELAY_NOTHING: return SKY_FEED_IDLE;
    case SKY_RELAY_CONNECTED: return SKY_FEED_CONNECTED;
    case SKY_RELAY_MESSAGE:
        item->bytes = got.data;
        item->is_line = got.is_line;
        item->receipt_ms = got.receipt_ms;
        return SKY_FEED_ITEM;
    case SKY_RELAY_DISCONNECTED:
        if (got.retry_ms)
            snprintf(item->notice, sizeof item->notice, "%s; trying again in %lld ms", got.reason,
                     (long long)got.retry_ms);
        else
            snprintf(item->notice, sizeof item->notice, "%s; trying the next one", got.reason);
        return SKY_FEED_NOTICE;
    case SKY_RELAY_GAP: note_gap(&got, item); return SKY_FEED_NOTICE;
    case SKY_RELAY_FAILED: break;
    }
    snprintf(item->notice, sizeof item->notice, "%s", got.reason);
    return SKY_FEED_FAILED;
}

static enum sky_feed_state next_posted(struct sky_feed *feed, int timeout_ms, struct sky_feed_item *item)
{
    struct sky_merged *got = &feed->merged;
    enum sky_merge_event event = sky_post_feed_next(feed->posts, timeout_ms, got);
    item->bytes = got->record.value;
    item->post = got->post;
    item->is_line = true;
    item->receipt_ms = SKY_RECEIPT_NONE;
    item->host = "kafka";
    switch (event) {
    case SKY_MERGE_POST: return SKY_FEED_ITEM;
    case SKY_MERGE_WAITING: return SKY_FEED_IDLE;
    case SKY_MERGE_BAD:
        item->record = &got->record;
        snprintf(item->notice, sizeof item->notice, "byte %zu: %s", got->error.offset,
                 got->error.reason ? got->error.reason : sky_status_name(got->error.status));
        return SKY_FEED_BAD;
    case SKY_MERGE_FAILED: break;
    }
    snprintf(item->notice, sizeof item->notice, "%s", sky_post_feed_problem(feed->posts));
    return SKY_FEED_FAILED;
}

enum sky_feed_state sky_feed_next(struct sky_feed *feed, int timeout_ms, struct sky_feed_item *item)
{
    item->post = NULL;
    item->record = NULL;
    if (feed->posts)
        return next_posted(feed, timeout_ms, item);
    return feed->relay ? next_live(feed, timeout_ms, item) : next_simulated(feed, timeout_ms, item);
}

bool sky_feed_judge(struct sky_feed *feed, enum sky_status status, const struct sky_decoded *decoded)
{
    return feed->relay ? sky_relay_judge(feed->relay, status, decoded) : status == SKY_OK;
}

void sky_feed_complete(struct sky_feed *feed)
{
    if (feed->relay)
        sky_relay_complete(feed->relay);
}

struct sky_relay *sky_feed_relay(const struct sky_feed *feed)
{
    return feed->relay;
}

struct sky_post_feed *sky_feed_posts(const struct sky_feed *feed)
{
    return feed->posts;
}

static void posts_status(const struct sky_feed *feed, struct sky_feed_status *status)
{
    struct sky_post_feed_status posts;
    sky_post_feed_status(feed->posts, &posts);
    *status = (struct sky_feed_status){.name = posts.name,
                                       .connected = posts.ever_received && !*posts.problem,
                                       .ever_received = posts.ever_received,
                                       .speed = 1,
                                       .bytes = posts.bytes,
                                       .problem = posts.problem};
}

void sky_feed_status(const struct sky_feed *feed, struct sky_feed_status *status)
{
    if (feed->posts) {
        posts_status(feed, status);
        return;
    }
    if (!feed->relay) {
        *status = (struct sky_feed_status){.name = "simulated network",
                                           .simulated = true,
                                           .connected = true,
                                           .ever_received = true,
                                           .speed = feed->speed,
                                           .bytes = feed->bytes,
                                           .problem = ""};
        return;
    }
    struct sky_relay_status relay;
    sky_relay_status(feed->relay, &relay);
    *status = (struct sky_feed_status){.name = relay.host,
                                       .connected = relay.state == SKY_RELAY_STREAMING,
                                       .ever_received = relay.ever_received,
                                       .speed = 1,
                                       .bytes = relay.bytes,
                                       .problem = relay.problem,
                                       .retry_ms = relay.retry_ms};
}
