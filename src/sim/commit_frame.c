#include "sim/commit_frame.h"

#include "sim/network_record.h"
#include "sim/population.h"
#include "wire/car.h"
#include "wire/dagcbor.h"

#define SIGNATURE_BYTES       64
#define RANDOM_KEY_CHARACTERS 10 /* of a TID; the first three of them change with `step` */
#define ENTRIES_SPAN          9  /* of a node that holds any: 1 + two dice of so many sides from 0 */
#define NODES_MIN             4
#define EMPTY_SHARE           0.23 /* nodes that only point further down */
#define SHALLOW_SHARE         0.06
#define LEFT_SHARE            0.15

void sky_commit_frame_init(struct sky_commit_frame *writer, uint64_t seed)
{
    *writer = (struct sky_commit_frame){0};
    sky_random_seed(&writer->random, seed, 5);
}

void sky_commit_frame_clean_up(struct sky_commit_frame *writer)
{
    sky_buffer_clean_up(&writer->nodes);
    sky_buffer_clean_up(&writer->commit);
    sky_buffer_clean_up(&writer->car);
    sky_buffer_clean_up(&writer->frame);
}

void sky_random_cid(struct sky_random *random, uint8_t cid[SKY_CID_SIZE_BYTES])
{
    static const uint8_t prefix[4] = {0x01, SKY_CID_DAG_CBOR, 0x12, 0x20};
    memcpy(cid, prefix, sizeof prefix);
    for (int i = 4; i < SKY_CID_SIZE_BYTES; i += 8) {
        uint64_t bits = sky_random_u64(random);
        for (int j = 0; j < 8; j++)
            cid[i + j] = (uint8_t)(bits >> (8 * j));
    }
}

void sky_frame_put_header(struct sky_buffer *buffer, struct sky_span type)
{
    sky_dagcbor_put_map(buffer, 2);
    sky_network_put_text(buffer, SKY_SPAN("t"), type);
    sky_dagcbor_put_text(buffer, SKY_SPAN("op"));
    sky_dagcbor_put_int(buffer, 1);
}

static struct sky_span cid_span(const uint8_t cid[SKY_CID_SIZE_BYTES])
{
    return sky_span_of(cid, SKY_CID_SIZE_BYTES);
}

static void put_random_link(struct sky_commit_frame *writer, struct sky_buffer *buffer)
{
    uint8_t cid[SKY_CID_SIZE_BYTES];
    sky_random_cid(&writer->random, cid);
    sky_dagcbor_put_link(buffer, cid_span(cid));
}

/* ---------------------------------------------------------------------------------------------- MST path */

struct entry {
    struct sky_span key;
    const uint8_t *tree; /* CID of the node to the right; NULL: random or none */
    bool has_tree;
    const uint8_t *value; /* NULL: random */
};

/* Keys stand without what they share with the one before them. */
static size_t shared_prefix(const struct sky_commit_frame *writer, struct sky_span key)
{
    size_t shared = 0;
    while (shared < key.len && shared < writer->key_len && key.ptr[shared] == writer->key[shared])
        shared++;
    return shared;
}

static void put_link(struct sky_commit_frame *writer, const uint8_t *cid)
{
    if (cid)
        sky_dagcbor_put_link(&writer->nodes, cid_span(cid));
    else
        put_random_link(writer, &writer->nodes);
}

static void put_entry(struct sky_commit_frame *writer, const struct entry *entry)
{
    struct sky_buffer *nodes = &writer->nodes;
    size_t shared = shared_prefix(writer, entry->key);
    sky_dagcbor_put_map(nodes, 4);
    sky_dagcbor_put_text(nodes, SKY_SPAN("k"));
    sky_dagcbor_put_bytes(nodes, sky_span_from(entry->key, shared));
    sky_dagcbor_put_text(nodes, SKY_SPAN("p"));
    sky_dagcbor_put_int(nodes, (int64_t)shared);
    sky_dagcbor_put_text(nodes, SKY_SPAN("t"));
    if (entry->tree || entry->has_tree)
        put_link(writer, entry->tree);
    else
        sky_dagcbor_put_null(nodes);
    sky_dagcbor_put_text(nodes, SKY_SPAN("v"));
    put_link(writer, entry->value);
    writer->key_len = entry->key.len < sizeof writer->key ? entry->key.len : sizeof writer->key;
    memcpy(writer->key, entry->key.ptr, writer->key_len);
}

/* The `step`-th of some keys near `path`, ascending in `step`: the last ten characters differ. */
static struct sky_span neighbour_key(struct sky_commit_frame *writer, struct sky_span path, uint32_t step,
                                     uint8_t key[SKY_COMMIT_FRAME_KEY_BYTES_MAX])
{
    char tid[SKY_POPULATION_TID_LEN];
    size_t len = path.len < SKY_COMMIT_FRAME_KEY_BYTES_MAX ? path.len : SKY_COMMIT_FRAME_KEY_BYTES_MAX;
    size_t random_len = len < RANDOM_KEY_CHARACTERS ? len : RANDOM_KEY_CHARACTERS;
    uint64_t below = sky_random_u64(&writer->random) >> (64 - 34);
    sky_population_tid((int64_t)((uint64_t)step << 34 | below), (uint32_t)below, tid);
    memcpy(key, path.ptr, len);
    memcpy(key + len - random_len, tid + SKY_POPULATION_TID_LEN - random_len, random_len);
    return sky_span_of(key, len);
}

static void put_neighbour(struct sky_commit_frame *writer, struct sky_span key, const uint8_t *tree)
{
    struct entry entry = {.key = key, .tree = tree, .has_tree = sky_random_u64(&writer->random) >> 63};
    put_entry(writer, &entry);
}

static void begin_node(struct sky_commit_frame *writer, uint32_t entries)
{
    writer->key_len = 0;
    sky_dagcbor_put_map(&writer->nodes, 2);
    sky_dagcbor_put_text(&writer->nodes, SKY_SPAN("e"));
    sky_dagcbor_put_array(&writer->nodes, entries);
}

static void end_node(struct sky_commit_frame *writer, const uint8_t *left)
{
    sky_dagcbor_put_text(&writer->nodes, SKY_SPAN("l"));
    if (left)
        sky_dagcbor_put_link(&writer->nodes, cid_span(left));
    else
        sky_dagcbor_put_null(&writer->nodes);
    size_t from = writer->nodes_count ? writer->node_ends[writer->nodes_count - 1] : 0;
    struct sky_span node = sky_span_from(sky_buffer_span(&writer->nodes), from);
    sky_cid_of(SKY_CID_DAG_CBOR, node, writer->node_cids[writer->nodes_count]);
    writer->node_ends[writer->nodes_count++] = writer->nodes.len;
}

/* The lowest node has the operation's own entry (for a delete: none of it any more). */
static void write_leaf(struct sky_commit_frame *writer, const struct sky_commit_frame_op *op, const uint8_t *record)
{
    struct entry own = {.key = op->path, .value = record};
    uint8_t key[SKY_COMMIT_FRAME_KEY_BYTES_MAX];
    uint32_t others = sky_random_below(&writer->random, 4);
    bool is_due = op->record.len > 0;
    begin_node(writer, others + is_due);
    for (uint32_t i = 0; i < others; i++) {
        struct sky_span neighbour = neighbour_key(writer, op->path, i, key);
        if (is_due && sky_span_compare(own.key, neighbour) < 0) {
            put_entry(writer, &own);
            is_due = false;
        }
        put_neighbour(writer, neighbour, NULL);
    }
    if (is_due)
        put_entry(writer, &own);
    end_node(writer, NULL);
}

/* A node above, which points to the one written last. */
static void write_parent(struct sky_commit_frame *writer, const struct sky_commit_frame_op *op)
{
    struct sky_random *random = &writer->random;
    const uint8_t *child = writer->node_cids[writer->nodes_count - 1];
    uint8_t key[SKY_COMMIT_FRAME_KEY_BYTES_MAX];
    uint32_t entries = 0;
    if (!sky_random_chance(random, EMPTY_SHARE))
        entries = 1 + sky_random_below(random, ENTRIES_SPAN) + sky_random_below(random, ENTRIES_SPAN);
    bool is_left = entries == 0 || sky_random_chance(random, LEFT_SHARE);
    uint32_t place = entries ? sky_random_below(random, entries) : 0;
    begin_node(writer, entries);
    for (uint32_t i = 0; i < entries; i++)
        put_neighbour(writer, neighbour_key(writer, op->path, i, key), !is_left && i == place ? child : NULL);
    end_node(writer, is_left ? child : NULL);
}

static void write_path(struct sky_commit_frame *writer, const struct sky_commit_frame_op *op, const uint8_t *record)
{
    struct sky_random *random = &writer->random;
    uint32_t depth = NODES_MIN + sky_random_below(random, SKY_COMMIT_FRAME_NODES_MAX - NODES_MIN + 1);
    if (sky_random_chance(random, SHALLOW_SHARE))
        depth = sky_random_between(random, 1, 2);
    writer->nodes.len = 0;
    writer->nodes_count = 0;
    write_leaf(writer, op, record);
    while (writer->nodes_count < depth)
        write_parent(writer, op);
}

/* -------------------------------------------------------------------------------------------- the frame */

/* com.atproto.sync: the signed commit object, version 3. */
static void write_commit(struct sky_commit_frame *writer, const struct sky_commit_frame_op *op)
{
    struct sky_buffer *commit = &writer->commit;
    uint8_t signature[SIGNATURE_BYTES];
    for (int i = 0; i < SIGNATURE_BYTES; i += 8) {
        uint64_t bits = sky_random_u64(&writer->random);
        for (int j = 0; j < 8; j++)
            signature[i + j] = (uint8_t)(bits >> (8 * j));
    }
    commit->len = 0;
    sky_dagcbor_put_map(commit, 6);
    sky_network_put_text(commit, SKY_SPAN("did"), op->repo);
    sky_network_put_text(commit, SKY_SPAN("rev"), op->rev);
    sky_dagcbor_put_text(commit, SKY_SPAN("sig"));
    sky_dagcbor_put_bytes(commit, sky_span_of(signature, sizeof signature));
    sky_dagcbor_put_text(commit, SKY_SPAN("data"));
    sky_dagcbor_put_link(commit, cid_span(writer->node_cids[writer->nodes_count - 1]));
    sky_dagcbor_put_text(commit, SKY_SPAN("prev"));
    sky_dagcbor_put_null(commit);
    sky_dagcbor_put_text(commit, SKY_SPAN("version"));
    sky_dagcbor_put_int(commit, 3);
}

/* Root first, then down, the record, and the commit last, as the reference PDS writes them. */
static void write_car(struct sky_commit_frame *writer, const struct sky_commit_frame_op *op, const uint8_t *record,
                      const uint8_t *commit)
{
    struct sky_buffer *car = &writer->car;
    car->len = 0;
    sky_car_write_header(car, cid_span(commit));
    for (uint32_t i = writer->nodes_count; i > 0; i--) {
        size_t from = i > 1 ? writer->node_ends[i - 2] : 0;
        struct sky_span node = sky_span_of(writer->nodes.ptr + from, writer->node_ends[i - 1] - from);
        sky_car_write_block(car, cid_span(writer->node_cids[i - 1]), node);
    }
    if (op->record.len > 0)
        sky_car_write_block(car, cid_span(record), op->record);
    sky_car_write_block(car, cid_span(commit), sky_buffer_span(&writer->commit));
}

static void put_op(struct sky_commit_frame *writer, const struct sky_commit_frame_op *op, const uint8_t *record)
{
    struct sky_buffer *frame = &writer->frame;
    bool is_delete = op->record.len == 0;
    sky_dagcbor_put_array(frame, 1);
    sky_dagcbor_put_map(frame, is_delete || op->is_update ? 4 : 3);
    sky_dagcbor_put_text(frame, SKY_SPAN("cid"));
    if (is_delete)
        sky_dagcbor_put_null(frame);
    else
        sky_dagcbor_put_link(frame, cid_span(record));
    sky_network_put_text(frame, SKY_SPAN("path"), op->path);
    if (is_delete || op->is_update) {
        sky_dagcbor_put_text(frame, SKY_SPAN("prev"));
        put_random_link(writer, frame);
    }
    sky_network_put_text(frame, SKY_SPAN("action"),
                         is_delete       ? SKY_SPAN("delete")
                         : op->is_update ? SKY_SPAN("update")
                                         : SKY_SPAN("create"));
}

static void put_body(struct sky_commit_frame *writer, const struct sky_commit_frame_op *op, const uint8_t *record,
                     const uint8_t *commit)
{
    struct sky_buffer *frame = &writer->frame;
    sky_dagcbor_put_map(frame, 12);
    sky_dagcbor_put_text(frame, SKY_SPAN("ops"));
    put_op(writer, op, record);
    sky_network_put_text(frame, SKY_SPAN("rev"), op->rev);
    sky_dagcbor_put_text(frame, SKY_SPAN("seq"));
    sky_dagcbor_put_int(frame, op->seq);
    sky_network_put_text(frame, SKY_SPAN("repo"), op->repo);
    sky_network_put_time(frame, SKY_SPAN("time"), op->time_ms);
    sky_dagcbor_put_text(frame, SKY_SPAN("blobs"));
    sky_dagcbor_put_array(frame, 0);
    sky_network_put_text(frame, SKY_SPAN("since"), op->since);
    sky_dagcbor_put_text(frame, SKY_SPAN("blocks"));
    sky_dagcbor_put_bytes(frame, sky_buffer_span(&writer->car));
    sky_dagcbor_put_text(frame, SKY_SPAN("commit"));
    sky_dagcbor_put_link(frame, cid_span(commit));
    sky_dagcbor_put_text(frame, SKY_SPAN("rebase"));
    sky_dagcbor_put_bool(frame, false);
    sky_dagcbor_put_text(frame, SKY_SPAN("tooBig"));
    sky_dagcbor_put_bool(frame, false);
    sky_dagcbor_put_text(frame, SKY_SPAN("prevData"));
    put_random_link(writer, frame);
}

struct sky_span sky_commit_frame_write(struct sky_commit_frame *writer, const struct sky_commit_frame_op *op,
                                       uint8_t cid[SKY_CID_SIZE_BYTES])
{
    uint8_t commit[SKY_CID_SIZE_BYTES];
    sky_cid_of(SKY_CID_DAG_CBOR, op->record, cid);
    write_path(writer, op, cid);
    write_commit(writer, op);
    sky_cid_of(SKY_CID_DAG_CBOR, sky_buffer_span(&writer->commit), commit);
    write_car(writer, op, cid, commit);
    writer->frame.len = 0;
    sky_frame_put_header(&writer->frame, SKY_SPAN("#commit"));
    put_body(writer, op, cid, commit);
    bool failed = writer->nodes.failed || writer->commit.failed || writer->car.failed || writer->frame.failed;
    return failed ? (struct sky_span){0} : sky_buffer_span(&writer->frame);
}
