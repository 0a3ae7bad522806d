/* bench decode: frames to posts, on one core, over frames held in memory.
 *
 *     strict   every record of every collection is found in its CAR, CID-checked and validated
 *     posts    what `run` does: header and body of every frame strictly, the CAR only where a post is
 *
 * The set is gone through again and again; each line is the median of several runs. By default the set is small enough
 * for the second-level cache (cached frames); `-cold` lines go through one larger than any cache, whose next frame is
 * fetched while one is decoded. Time is CPU time of
 * this thread, which is what one core does however busy the machine is. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "bench.h"
#include "event/decoder.h"
#include "io/host/recording.h"
#include "sim/network.h"

#define RUNS            7
#define RUN_S           0.4 /* of each run */
#define FRAMES_CACHED   150
#define COLD_SIZE_BYTES ((size_t)128 * 1024 * 1024)
#define CACHED_PREFETCH_BYTES                                                                                          \
    256 /* of the next frame: header and the beginning of the body; a cold one is fetched whole */

struct frames {
    struct sky_buffer bytes;
    size_t *offsets; /* count + 1 of them */
    size_t count;
    size_t capacity;
};

static bool append(struct frames *frames, struct sky_span frame)
{
    if (frames->count + 1 >= frames->capacity) {
        size_t capacity = frames->capacity ? frames->capacity * 2 : 1024;
        size_t *grown = realloc(frames->offsets, capacity * sizeof *grown);
        if (!grown)
            return false;
        frames->offsets = grown;
        frames->capacity = capacity;
    }
    frames->offsets[frames->count++] = frames->bytes.len;
    sky_buffer_put_span(&frames->bytes, frame);
    frames->offsets[frames->count] = frames->bytes.len;
    return !frames->bytes.failed;
}

static enum sky_status read_recording(const char *path, struct frames *frames)
{
    struct sky_recording_reader *reader;
    struct sky_recording_item item;
    struct sky_error error;
    enum sky_status status = sky_recording_open(path, &reader, &error);
    while (!status && frames->bytes.len < COLD_SIZE_BYTES && (status = sky_recording_next(reader, &item)) == SKY_OK)
        if (!append(frames, item.bytes))
            status = SKY_E_MEMORY;
    sky_recording_close(reader);
    return status == SKY_E_END ? SKY_OK : status;
}

static enum sky_status simulate(const struct bench_options *options, struct frames *frames)
{
    struct sky_world_options world;
    struct sky_network *network;
    struct sky_network_item item;
    size_t want = options->quick ? (size_t)FRAMES_CACHED * 8192 : COLD_SIZE_BYTES;
    sky_world_options_default(&world);
    world.seed = options->seed;
    enum sky_status status = sky_network_new(&world, &network);
    if (status)
        return status;
    while (frames->bytes.len < want && (status = sky_network_next(network, &item)) == SKY_OK)
        if (!append(frames, item.frame))
            status = SKY_E_MEMORY;
    sky_network_free(network);
    return status == SKY_E_END ? SKY_OK : status;
}

struct pass {
    uint64_t frames;
    uint64_t bytes;
    uint64_t dropped;
    uint64_t posts; /* used, so that nothing is optimised away */
    size_t prefetch_bytes;
};

static void decode_once(struct sky_decoder *decoder, const struct frames *frames, size_t count, struct pass *pass)
{
    struct sky_decoded decoded;
    sky_decoder_connected(decoder);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = frames->bytes.ptr + frames->offsets[i];
        size_t len = frames->offsets[i + 1] - frames->offsets[i];
        size_t next_len = i + 1 < count ? frames->offsets[i + 2] - frames->offsets[i + 1] : 0;
        for (size_t ahead = 0; ahead < next_len && ahead < pass->prefetch_bytes; ahead += 64)
            __builtin_prefetch(p + len + ahead);
        pass->dropped += sky_decoder_frame(decoder, sky_span_of(p, len), SKY_RECEIPT_NONE, &decoded) != SKY_OK ||
                         decoded.drops_count > 0;
        pass->posts += decoded.posts_count;
        pass->bytes += len;
    }
    pass->frames += count;
}

struct measure {
    double frames_per_s;
    double mb_per_s;
};

static int compare_measures(const void *a, const void *b)
{
    const struct measure *x = a, *y = b;
    return (x->frames_per_s > y->frames_per_s) - (x->frames_per_s < y->frames_per_s);
}

static bool measure(const struct bench_options *options, const struct frames *frames, size_t count,
                    enum sky_decoder_scope scope, const char *mode)
{
    struct measure runs[RUNS];
    struct sky_decoder_options decoder_options = {.scope = scope, .relay = SKY_SPAN("bench")};
    struct sky_decoder *decoder;
    size_t prefetch_bytes = count > FRAMES_CACHED ? SIZE_MAX : CACHED_PREFETCH_BYTES;
    struct pass warm_up = {.prefetch_bytes = prefetch_bytes};
    size_t runs_count = options->quick ? 1 : RUNS;
    if (sky_decoder_new(&decoder_options, &decoder))
        return false;
    decode_once(decoder, frames, count, &warm_up);
    for (size_t i = 0; i < runs_count; i++) {
        struct pass pass = {.prefetch_bytes = prefetch_bytes};
        double start_s = bench_cpu_s(), elapsed_s;
        do {
            decode_once(decoder, frames, count, &pass);
            elapsed_s = bench_cpu_s() - start_s;
        } while (!options->quick && elapsed_s < RUN_S);
        runs[i] = (struct measure){(double)pass.frames / elapsed_s, (double)pass.bytes / elapsed_s / 1e6};
    }
    sky_decoder_free(decoder);
    qsort(runs, runs_count, sizeof runs[0], compare_measures);
    if (warm_up.dropped)
        fprintf(stderr, "bench: %llu of %zu frames were dropped\n", (unsigned long long)warm_up.dropped, count);
    struct measure median = runs[runs_count / 2];
    bench_print(options, "decode", mode, "frames_per_s", median.frames_per_s, median.mb_per_s);
    return warm_up.dropped == 0;
}

int bench_decode(const struct bench_options *options)
{
    struct frames frames = {0};
    enum sky_status status = options->input ? read_recording(options->input, &frames) : simulate(options, &frames);
    bool good = status == SKY_OK && frames.count > 0;
    if (!good)
        fprintf(stderr, "bench: no frames (%s)\n", sky_status_name(status));
    size_t cached = frames.count < FRAMES_CACHED ? frames.count : FRAMES_CACHED;
    good = good && measure(options, &frames, cached, SKY_DECODE_ALL_RECORDS, "strict") &&
           measure(options, &frames, cached, SKY_DECODE_POSTS, "posts");
    if (good && frames.count > cached && !options->quick)
        good = measure(options, &frames, frames.count, SKY_DECODE_ALL_RECORDS, "strict-cold") &&
               measure(options, &frames, frames.count, SKY_DECODE_POSTS, "posts-cold");
    free(frames.offsets);
    sky_buffer_clean_up(&frames.bytes);
    return good ? 0 : 1;
}
