/* feed.h: where `run` gets its events from: a relay over the network, the topic of posts on Kafka, or the simulated
 * network in this process.
 *
 * Memory   a feed owns its source; an item lives until the next call. Threads  one owner. */
#ifndef SKY_APP_FEED_H
#define SKY_APP_FEED_H

#include "app/post_feed.h"
#include "io/relay/relay.h"
#include "sim/network.h"

#define SKY_FEED_NOTICE_SIZE 320

enum sky_feed_state {
    SKY_FEED_ITEM,      /* a frame or a line, to be judged; or a post */
    SKY_FEED_BAD,       /* bytes that should have been a post, and are passed: item.notice says why not */
    SKY_FEED_CONNECTED, /* seqs may begin anew: sky_decoder_connected */
    SKY_FEED_NOTICE,    /* worth a line in the log: item.notice */
    SKY_FEED_IDLE,      /* nothing within the time given */
    SKY_FEED_END,       /* the simulated hours are over */
    SKY_FEED_FAILED     /* no hope without a person: item.notice says why */
};

struct sky_feed_item {
    struct sky_span bytes;
    const struct sky_kafka_record *record; /* of SKY_FEED_BAD: what could not be read */
    const struct sky_post *post;           /* read from the bytes already; NULL: they are to be decoded */
    bool is_line;                          /* JSON, else a firehose frame */
    int64_t receipt_ms;
    const char *host;
    char notice[SKY_FEED_NOTICE_SIZE];
};

/* What a person may want to know of the feed. */
struct sky_feed_status {
    const char *name; /* "bsky.network", "simulated network" */
    bool simulated;
    bool connected;     /* and data came */
    bool ever_received; /* data, in this process */
    double speed;       /* of event time over the clock */
    uint64_t bytes;
    const char *problem; /* the last one, "" when there is none */
    int64_t retry_ms;    /* until the next attempt to connect, when waiting for it */
};

struct sky_feed;

/* A live feed; connects with the first sky_feed_next. `relay` is handed over in any case. */
SKY_MUST_USE enum sky_status sky_feed_open_relay(struct sky_relay *relay, struct sky_feed **feed);

/* Posts from Kafka. `posts` is handed over in any case. */
SKY_MUST_USE enum sky_status sky_feed_open_posts(struct sky_post_feed *posts, struct sky_feed **feed);

struct sky_feed_simulation {
    struct sky_world_options world;
    double speed;           /* 0: as fast as it goes */
    const char *truth_path; /* what is planned is written there; NULL: nowhere */
};

/* On an error *reason says what is wrong. */
SKY_MUST_USE enum sky_status sky_feed_open_simulation(const struct sky_feed_simulation *simulation,
                                                      struct sky_feed **feed, const char **reason);
void sky_feed_close(struct sky_feed *feed); /* NULL is fine */

enum sky_feed_state sky_feed_next(struct sky_feed *feed, int timeout_ms, struct sky_feed_item *item);

/* What the decoder said of the item just handed out. False: do not work on it, it is a repetition. */
SKY_MUST_USE bool sky_feed_judge(struct sky_feed *feed, enum sky_status status, const struct sky_decoded *decoded);

/* Everything handed out so far has been worked off. */
void sky_feed_complete(struct sky_feed *feed);

void sky_feed_status(const struct sky_feed *feed, struct sky_feed_status *status);

/* The relay or the topic behind a feed; NULL when it is none. */
struct sky_relay *sky_feed_relay(const struct sky_feed *feed);
struct sky_post_feed *sky_feed_posts(const struct sky_feed *feed);

#endif
