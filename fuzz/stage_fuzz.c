/* What the stages of the Flink job are handed, damaged. The first byte says to which stage the rest goes.
 *
 * What a stage takes, the stages behind it must take: whatever comes out of one is fed to the next, and an error there
 * is a failure here. A state that loads must save to bytes that load and save to themselves, and go on through some
 * minutes. */
#include <stdlib.h>

#include "base/time.h"
#include "engine/options.h"
#include "stage/count_stage.h"
#include "stage/post_stage.h"
#include "stage/rank_stage.h"
#include "stage/record.h"

#define MINUTE        29600000
#define MINUTES_AFTER 4

enum target { EVENTS, OCCURRENCES, RANKS, POST_STATE, RANK_STATE, TARGETS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void make_options(struct sky_engine_options *options)
{
    sky_engine_options_default(options);
    options->window_minutes = 3;
    options->activity_minutes = 2;
    options->session_gap_minutes = 2;
    options->min_frequency = 2;
    options->min_authors = 1;
    options->hash_key = 7;
}

struct pipeline {
    struct sky_engine_options options;
    struct sky_packets *packets;
    struct sky_count_stage *counts[SKY_STAGE_BUCKETS];
    struct sky_rank_stage *rank;
    int64_t minute; /* to be closed next */
};

static void pipeline_make(struct pipeline *pipeline)
{
    *pipeline = (struct pipeline){.minute = MINUTE};
    make_options(&pipeline->options);
    pipeline->packets = sky_packets_new();
    pipeline->rank = sky_rank_stage_new(&pipeline->options);
    require(pipeline->packets && pipeline->rank);
}

static void pipeline_clean_up(struct pipeline *pipeline)
{
    for (uint32_t b = 0; b < SKY_STAGE_BUCKETS; b++)
        sky_count_stage_free(pipeline->counts[b]);
    sky_rank_stage_free(pipeline->rank);
    sky_packets_free(pipeline->packets);
}

static struct sky_count_stage *counts_of(struct pipeline *pipeline, uint32_t bucket)
{
    if (!pipeline->counts[bucket])
        pipeline->counts[bucket] = sky_count_stage_new(&pipeline->options);
    require(pipeline->counts[bucket]);
    return pipeline->counts[bucket];
}

static void check_records(struct sky_span entries)
{
    struct sky_reader reader;
    struct sky_published record;
    sky_reader_init(&reader, entries);
    while (reader.offset < entries.len) {
        sky_record_get(&reader, &record);
        require(sky_reader_ok(&reader) && record.value.len && record.value.ptr[0] == '{');
    }
}

/* Hand out what waits. */
static void deliver(struct pipeline *pipeline)
{
    struct sky_buffer taken = {0};
    struct sky_reader reader;
    struct sky_packet packet;
    require(sky_packets_take(pipeline->packets, &taken) == SKY_OK);
    sky_reader_init(&reader, sky_buffer_span(&taken));
    while (sky_packet_next(&reader, &packet)) {
        if (packet.kind == SKY_PACKET_OCCURRENCES)
            require(sky_count_stage_take(counts_of(pipeline, packet.bucket), packet.minute, packet.entries) == SKY_OK);
        else if (packet.kind == SKY_PACKET_RECORDS)
            check_records(packet.entries);
        else
            require(sky_rank_stage_take(pipeline->rank, &packet) == SKY_OK);
    }
    require(sky_reader_ok(&reader));
    sky_buffer_clean_up(&taken);
}

/* Everything behind the stage of posts closes its minutes up to `minute`. */
static void close_rest(struct pipeline *pipeline, int64_t minute)
{
    struct sky_error error;
    deliver(pipeline);
    for (uint32_t b = 0; b < SKY_STAGE_BUCKETS; b++)
        if (pipeline->counts[b])
            require(sky_count_stage_close(pipeline->counts[b], minute, pipeline->packets, &error) == SKY_OK);
    deliver(pipeline);
    require(sky_rank_stage_close(pipeline->rank, minute, pipeline->packets, &error) == SKY_OK);
    deliver(pipeline);
}

static void fuzz_events(struct sky_span events)
{
    struct pipeline pipeline;
    struct sky_error error;
    pipeline_make(&pipeline);
    struct sky_post_stage *posts = sky_post_stage_new(&pipeline.options);
    require(posts && sky_post_stage_take(posts, MINUTE, events) == SKY_OK);
    enum sky_status status = SKY_OK;
    for (int64_t minute = MINUTE; status == SKY_OK && minute < MINUTE + MINUTES_AFTER; minute++) {
        status = sky_post_stage_close(posts, minute, pipeline.packets, &error);
        if (status == SKY_OK)
            close_rest(&pipeline, minute);
    }
    require(status == SKY_OK || error.reason);
    sky_post_stage_free(posts);
    pipeline_clean_up(&pipeline);
}

static void fuzz_occurrences(struct sky_span occurrences)
{
    struct pipeline pipeline;
    struct sky_error error;
    pipeline_make(&pipeline);
    struct sky_count_stage *counts = counts_of(&pipeline, 0);
    require(sky_count_stage_take(counts, MINUTE, occurrences) == SKY_OK);
    if (sky_count_stage_close(counts, MINUTE, pipeline.packets, &error) == SKY_OK)
        for (int64_t minute = MINUTE; minute < MINUTE + MINUTES_AFTER; minute++)
            close_rest(&pipeline, minute);
    else
        require(error.reason);
    pipeline_clean_up(&pipeline);
}

/* Packets as u8 kind, u16 length, bytes. */
static void fuzz_ranks(struct sky_span input)
{
    struct pipeline pipeline;
    struct sky_error error;
    pipeline_make(&pipeline);
    while (input.len >= 3) {
        size_t len = input.ptr[1] | (size_t)input.ptr[2] << 8;
        len = len < input.len - 3 ? len : input.len - 3;
        const struct sky_packet packet = {.kind = input.ptr[0] % SKY_PACKET_KINDS,
                                          .minute = MINUTE + (input.ptr[0] >> 4 & 1),
                                          .entries = sky_span_of(input.ptr + 3, len)};
        enum sky_status status = sky_rank_stage_take(pipeline.rank, &packet);
        require(status == SKY_OK || status == SKY_E_RANGE);
        input = sky_span_of(input.ptr + 3 + len, input.len - 3 - len);
    }
    if (sky_rank_stage_close(pipeline.rank, MINUTE + MINUTES_AFTER, pipeline.packets, &error) != SKY_OK)
        require(error.reason);
    pipeline_clean_up(&pipeline);
}

static void fuzz_post_state(struct sky_span state)
{
    struct pipeline pipeline;
    struct sky_error error;
    struct sky_buffer saved = {0}, again = {0};
    pipeline_make(&pipeline);
    struct sky_post_stage *posts = sky_post_stage_new(&pipeline.options);
    struct sky_post_stage *other = sky_post_stage_new(&pipeline.options);
    require(posts && other);
    if (sky_post_stage_load(posts, state, &error) == SKY_OK) {
        sky_post_stage_save(posts, &saved);
        require(sky_post_stage_load(other, sky_buffer_span(&saved), &error) == SKY_OK);
        sky_post_stage_save(other, &again);
        require(sky_span_equal(sky_buffer_span(&saved), sky_buffer_span(&again)));
    }
    sky_post_stage_free(posts);
    sky_post_stage_free(other);
    sky_buffer_clean_up(&saved);
    sky_buffer_clean_up(&again);
    pipeline_clean_up(&pipeline);
}

static void fuzz_rank_state(struct sky_span state)
{
    struct sky_engine_options options;
    struct sky_error error;
    struct sky_buffer saved = {0}, again = {0};
    make_options(&options);
    struct sky_rank_stage *rank = sky_rank_stage_new(&options), *other = sky_rank_stage_new(&options);
    require(rank && other);
    if (sky_rank_stage_load(rank, state, &error) == SKY_OK) {
        sky_rank_stage_save(rank, &saved);
        require(sky_rank_stage_load(other, sky_buffer_span(&saved), &error) == SKY_OK);
        sky_rank_stage_save(other, &again);
        require(sky_span_equal(sky_buffer_span(&saved), sky_buffer_span(&again)));
    }
    sky_rank_stage_free(rank);
    sky_rank_stage_free(other);
    sky_buffer_clean_up(&saved);
    sky_buffer_clean_up(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[TARGETS])(struct sky_span) = {
        [EVENTS] = fuzz_events,         [OCCURRENCES] = fuzz_occurrences, [RANKS] = fuzz_ranks,
        [POST_STATE] = fuzz_post_state, [RANK_STATE] = fuzz_rank_state,
    };
    if (size == 0)
        return 0;
    targets[data[0] % TARGETS](sky_span_of(data + 1, size - 1));
    return 0;
}
