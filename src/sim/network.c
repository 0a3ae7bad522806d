/* Around each post of the world stand the other frames of the mixture: kinds are drawn until a post is due, and their
 * times lie between those of the posts. Likes and reposts are of posts sent lately, follows of accounts by activity,
 * a fifth of the deletes are of posts sent lately, so that a sample shown may go. */
#include "sim/network.h"

#include <stdlib.h>

#include "sim/commit_frame.h"
#include "sim/network_record.h"
#include "wire/dagcbor.h"

#define RECENT_POSTS       1024 /* a power of two */
#define BACKWARDS_SHARE    0.1
#define BACKWARDS_MS_MAX   900
#define PATH_BYTES_MAX     64
#define URI_BYTES_MAX      96
#define POST_DELETES_SHARE 0.2
#define INACTIVE_SHARE     0.3

/* Of 1,000 frames. */
static const uint32_t shares[SKY_NETWORK_KIND_COUNT] = {
    [SKY_NETWORK_POST] = 120,  [SKY_NETWORK_LIKE] = 540,  [SKY_NETWORK_FOLLOW] = 140, [SKY_NETWORK_REPOST] = 120,
    [SKY_NETWORK_DELETE] = 60, [SKY_NETWORK_PROFILE] = 6, [SKY_NETWORK_IDENTITY] = 7, [SKY_NETWORK_ACCOUNT] = 7,
};

struct recent {
    char uri[URI_BYTES_MAX];
    uint32_t uri_len;
    uint8_t cid[SKY_CID_SIZE_BYTES];
};

struct sky_network {
    struct sky_world *world;
    struct sky_random random;
    struct sky_commit_frame commit;
    struct sky_buffer record;
    struct sky_buffer event; /* frames that are not commits */
    struct sky_post post;    /* the next to send, or sent last */
    uint32_t others;         /* frames before that post still to send */
    int64_t others_from_ms;
    uint32_t others_count;
    bool has_post;
    int64_t seq;
    struct recent recent[RECENT_POSTS];
    uint64_t posts;
    char did[SKY_POPULATION_DID_LEN];
    char rev[SKY_POPULATION_TID_LEN];
    char since[SKY_POPULATION_TID_LEN];
    char path[PATH_BYTES_MAX];
};

enum sky_status sky_network_new(const struct sky_world_options *options, struct sky_network **out)
{
    struct sky_network *network = calloc(1, sizeof *network);
    if (!network)
        return SKY_E_MEMORY;
    enum sky_status status = sky_world_new(options, &network->world);
    if (status != SKY_OK) {
        free(network);
        return status;
    }
    sky_random_seed(&network->random, options->seed, 6);
    sky_commit_frame_init(&network->commit, options->seed);
    network->others_from_ms = options->start_ms;
    *out = network;
    return SKY_OK;
}

void sky_network_free(struct sky_network *network)
{
    if (!network)
        return;
    sky_world_free(network->world);
    sky_commit_frame_clean_up(&network->commit);
    sky_buffer_clean_up(&network->record);
    sky_buffer_clean_up(&network->event);
    free(network);
}

const struct sky_world *sky_network_world(const struct sky_network *network)
{
    return network->world;
}

/* ----------------------------------------------------------------------------------------------- commits */

static struct sky_span random_did(struct sky_network *network)
{
    const struct sky_population *population = sky_world_population(network->world);
    sky_population_did(population, sky_population_draw(population, &network->random), network->did);
    return sky_span_of(network->did, sizeof network->did);
}

/* collection/rkey, the rkey being a TID of its own or `rkey`. */
static struct sky_span make_path(struct sky_network *network, struct sky_span collection, struct sky_span rkey)
{
    memcpy(network->path, collection.ptr, collection.len);
    network->path[collection.len] = '/';
    memcpy(network->path + collection.len + 1, rkey.ptr, rkey.len);
    return sky_span_of(network->path, collection.len + 1 + rkey.len);
}

static struct sky_commit_frame_op make_op(struct sky_network *network, int64_t time_ms)
{
    uint32_t clock_id = (uint32_t)sky_random_u64(&network->random);
    sky_population_tid(time_ms * 1000 + network->seq % 1000, clock_id, network->rev);
    int64_t age_ms = sky_random_between(&network->random, 1000, 86400000);
    sky_population_tid((time_ms - age_ms) * 1000, clock_id, network->since);
    return (struct sky_commit_frame_op){
        .seq = network->seq,
        .time_ms = time_ms,
        .rev = sky_span_of(network->rev, sizeof network->rev),
        .since = sky_span_of(network->since, sizeof network->since),
    };
}

static enum sky_status send_commit(struct sky_network *network, const struct sky_commit_frame_op *op,
                                   uint8_t cid[SKY_CID_SIZE_BYTES], struct sky_network_item *item)
{
    item->frame = network->record.failed ? (struct sky_span){0} : sky_commit_frame_write(&network->commit, op, cid);
    return item->frame.len ? SKY_OK : SKY_E_MEMORY;
}

static const struct recent *find_recent(const struct sky_network *network, struct sky_span uri)
{
    for (uint64_t i = 1; i <= RECENT_POSTS && i <= network->posts; i++) {
        const struct recent *post = &network->recent[(network->posts - i) % RECENT_POSTS];
        if (sky_span_equal(sky_span_of(post->uri, post->uri_len), uri))
            return post;
    }
    return NULL;
}

static enum sky_status send_post(struct sky_network *network, struct sky_network_item *item)
{
    const struct sky_post *post = &network->post;
    struct sky_commit_frame_op op = make_op(network, post->observed_at_ms);
    uint8_t cid[SKY_CID_SIZE_BYTES];
    char cid_text[SKY_CID_TEXT_SIZE];
    const struct recent *parent = post->reply_to.len ? find_recent(network, post->reply_to) : NULL;
    if (parent)
        memcpy(cid, parent->cid, sizeof cid);
    else
        sky_random_cid(&network->random, cid);
    sky_cid_format(sky_span_of(cid, sizeof cid), cid_text);
    struct sky_network_reference reference = {post->reply_to, sky_span_of(cid_text, SKY_CID_TEXT_LEN)};
    network->record.len = 0;
    sky_network_record_post(&network->record, post, sky_world_text(network->world), &reference);
    op.repo = post->author_did;
    op.rev = post->rev;
    op.path = make_path(network, SKY_SPAN("app.bsky.feed.post"), post->rkey);
    op.record = sky_buffer_span(&network->record);
    item->post = post;
    struct recent *recent = &network->recent[network->posts++ % RECENT_POSTS];
    recent->uri_len = (uint32_t)post->uri.len;
    memcpy(recent->uri, post->uri.ptr, post->uri.len);
    return send_commit(network, &op, recent->cid, item);
}

static const struct recent *any_recent(struct sky_network *network)
{
    uint64_t known = network->posts < RECENT_POSTS ? network->posts : RECENT_POSTS;
    return known ? &network->recent[sky_random_below(&network->random, (uint32_t)known)] : NULL;
}

/* A like or repost; without any post yet, of one nobody saw. */
static void write_reference(struct sky_network *network, struct sky_span collection, int64_t time_ms)
{
    struct recent made_up = {.uri_len = 0};
    const struct recent *post = any_recent(network);
    char cid[SKY_CID_TEXT_SIZE];
    if (!post) {
        static const char rest[] = "/app.bsky.feed.post/3kkkkkkkkkk2k";
        struct sky_span did = random_did(network);
        memcpy(made_up.uri, "at://", 5);
        memcpy(made_up.uri + 5, did.ptr, did.len);
        memcpy(made_up.uri + 5 + did.len, rest, sizeof rest - 1);
        made_up.uri_len = (uint32_t)(5 + did.len + sizeof rest - 1);
        sky_random_cid(&network->random, made_up.cid);
        post = &made_up;
    }
    sky_cid_format(sky_span_of(post->cid, sizeof post->cid), cid);
    struct sky_network_reference subject = {sky_span_of(post->uri, post->uri_len), sky_span_of(cid, SKY_CID_TEXT_LEN)};
    sky_network_record_reference(&network->record, collection, &subject, time_ms);
}

static struct sky_span collection_of(enum sky_network_kind kind)
{
    switch (kind) {
    case SKY_NETWORK_LIKE: return SKY_SPAN("app.bsky.feed.like");
    case SKY_NETWORK_REPOST: return SKY_SPAN("app.bsky.feed.repost");
    case SKY_NETWORK_FOLLOW: return SKY_SPAN("app.bsky.graph.follow");
    case SKY_NETWORK_PROFILE: return SKY_SPAN("app.bsky.actor.profile");
    default: return SKY_SPAN("app.bsky.feed.post");
    }
}

static enum sky_status send_record(struct sky_network *network, int64_t time_ms, struct sky_network_item *item)
{
    uint8_t cid[SKY_CID_SIZE_BYTES];
    struct sky_span collection = collection_of(item->kind);
    struct sky_commit_frame_op op = make_op(network, time_ms);
    bool is_profile = item->kind == SKY_NETWORK_PROFILE;
    network->record.len = 0;
    if (item->kind == SKY_NETWORK_FOLLOW)
        sky_network_record_follow(&network->record, random_did(network), time_ms);
    else if (is_profile)
        sky_network_record_profile(&network->record, SKY_SPAN("somebody"), time_ms);
    else
        write_reference(network, collection, time_ms);
    op.repo = random_did(network);
    op.path = make_path(network, collection, is_profile ? SKY_SPAN("self") : op.rev);
    op.record = sky_buffer_span(&network->record);
    op.is_update = is_profile;
    return send_commit(network, &op, cid, item);
}

static enum sky_status send_delete(struct sky_network *network, int64_t time_ms, struct sky_network_item *item)
{
    uint8_t cid[SKY_CID_SIZE_BYTES];
    struct sky_commit_frame_op op = make_op(network, time_ms);
    const struct recent *post = sky_random_chance(&network->random, POST_DELETES_SHARE) ? any_recent(network) : NULL;
    if (post) {
        struct sky_span uri = sky_span_of(post->uri, post->uri_len);
        op.repo = sky_span_of(uri.ptr + 5, SKY_POPULATION_DID_LEN);
        op.path = sky_span_from(uri, 5 + SKY_POPULATION_DID_LEN + 1);
    } else {
        enum sky_network_kind kind = sky_random_chance(&network->random, 0.6) ? SKY_NETWORK_LIKE : SKY_NETWORK_FOLLOW;
        op.repo = random_did(network);
        op.path = make_path(network, collection_of(kind), op.since);
    }
    return send_commit(network, &op, cid, item);
}

/* ------------------------------------------------------------------------------- identity and account */

static enum sky_status send_event(struct sky_network *network, int64_t time_ms, struct sky_network_item *item)
{
    struct sky_buffer *event = &network->event;
    bool is_account = item->kind == SKY_NETWORK_ACCOUNT;
    bool is_inactive = is_account && sky_random_chance(&network->random, INACTIVE_SHARE);
    event->len = 0;
    sky_frame_put_header(event, is_account ? SKY_SPAN("#account") : SKY_SPAN("#identity"));
    sky_dagcbor_put_map(event, 3u + is_account + is_inactive);
    sky_network_put_text(event, SKY_SPAN("did"), random_did(network));
    sky_dagcbor_put_text(event, SKY_SPAN("seq"));
    sky_dagcbor_put_int(event, item->seq);
    sky_network_put_time(event, SKY_SPAN("time"), time_ms);
    if (is_account) {
        sky_dagcbor_put_text(event, SKY_SPAN("active"));
        sky_dagcbor_put_bool(event, !is_inactive);
    }
    if (is_inactive)
        sky_network_put_text(event, SKY_SPAN("status"), SKY_SPAN("deactivated"));
    item->frame = sky_buffer_span(event);
    return event->failed ? SKY_E_MEMORY : SKY_OK;
}

/* -------------------------------------------------------------------------------------------- the stream */

static enum sky_network_kind draw_kind(struct sky_network *network)
{
    uint32_t draw = sky_random_below(&network->random, 1000);
    int kind = 0;
    while (draw >= shares[kind])
        draw -= shares[kind++];
    return (enum sky_network_kind)kind;
}

static enum sky_network_kind draw_other(struct sky_network *network)
{
    enum sky_network_kind kind = SKY_NETWORK_POST;
    while (kind == SKY_NETWORK_POST)
        kind = draw_kind(network);
    return kind;
}

/* The next post, and how many other frames come before it. */
static enum sky_status fetch_post(struct sky_network *network)
{
    if (network->posts)
        network->others_from_ms = network->post.event_time_ms;
    enum sky_status status = sky_world_next(network->world, &network->post);
    if (status != SKY_OK)
        return status;
    network->others = 0;
    while (draw_kind(network) != SKY_NETWORK_POST)
        network->others++;
    network->others_count = network->others;
    network->has_post = true;
    return SKY_OK;
}

static int64_t other_time(struct sky_network *network)
{
    int64_t span_ms = network->post.event_time_ms - network->others_from_ms;
    uint32_t sent = network->others_count - network->others;
    int64_t time_ms = network->others_from_ms + span_ms * sent / (network->others_count + 1);
    if (sky_random_chance(&network->random, BACKWARDS_SHARE))
        time_ms -= sky_random_below(&network->random, BACKWARDS_MS_MAX);
    return time_ms;
}

enum sky_status sky_network_next(struct sky_network *network, struct sky_network_item *item)
{
    if (!network->has_post) {
        enum sky_status status = fetch_post(network);
        if (status != SKY_OK)
            return status;
    }
    *item = (struct sky_network_item){.seq = ++network->seq};
    if (network->others == 0) {
        network->has_post = false;
        network->post.seq = item->seq;
        item->kind = SKY_NETWORK_POST;
        item->time_ms = network->post.observed_at_ms;
        return send_post(network, item);
    }
    network->others--;
    item->kind = draw_other(network);
    item->time_ms = other_time(network);
    switch (item->kind) {
    case SKY_NETWORK_DELETE: return send_delete(network, item->time_ms, item);
    case SKY_NETWORK_IDENTITY:
    case SKY_NETWORK_ACCOUNT: return send_event(network, item->time_ms, item);
    default: return send_record(network, item->time_ms, item);
    }
}
