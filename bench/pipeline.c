/* bench pipeline: raw firehose frames to ranked trends, on one core.
 *
 *     cached   a few frames at a time are brought to where a socket or a file would have put them, in the cache, which
 *              is not timed; then they are worked on, which is
 *     cold     the frames lie in memory one behind the other, gigabytes of them, and are fetched while others are
 * worked on
 *
 * Frames come from a recording (--input) or from the simulated network. They are held in memory and gone through
 * several times; before each pass but the first their `time` is moved on by the length of the recording (in place, not
 * timed), so that the engine sees one long stream. The recording must be longer than a window, or the second pass would
 * be repeats; and all passes shorter than an hour, or their posts would be imports.
 *
 * Timed, by the CPU time of this thread, are decoding, text, windows, detectors and the building of each slide's
 * snapshot: all that `run` does but sockets, page and disk. */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "bench.h"
#include "engine/engine.h"
#include "event/decoder.h"
#include "io/host/recording.h"
#include "sim/network.h"

#define PASSES        3
#define MINUTES       12
#define FRAMES_MAX    2000000
#define CACHED_BYTES  ((size_t)256 * 1024) /* brought to the cache at a time: a part of the second level */
#define TIME_TEXT_LEN 24                   /* "2026-07-04T14:38:08.999Z" */

struct frames {
    struct sky_buffer bytes;
    size_t *offsets; /* count + 1 of them */
    size_t count;
    size_t capacity;
    int64_t first_ms, last_ms;
};

struct slides {
    uint64_t count;
    uint64_t trends;
};

static bool append_frame(struct frames *frames, struct sky_span frame)
{
    if (frames->count + 1 >= frames->capacity) {
        size_t want = frames->capacity ? frames->capacity * 2 : 4096;
        size_t *grown = realloc(frames->offsets, want * sizeof *grown);
        if (!grown)
            return false;
        frames->offsets = grown;
        frames->capacity = want;
    }
    frames->offsets[frames->count++] = frames->bytes.len;
    sky_buffer_put_span(&frames->bytes, frame);
    frames->offsets[frames->count] = frames->bytes.len;
    return !frames->bytes.failed;
}

static struct sky_span frame_at(const struct frames *frames, size_t i)
{
    return sky_span_of(frames->bytes.ptr + frames->offsets[i], frames->offsets[i + 1] - frames->offsets[i]);
}

static void note_time(struct frames *frames, int64_t time_ms)
{
    if (frames->first_ms == 0 || time_ms < frames->first_ms)
        frames->first_ms = time_ms;
    if (time_ms > frames->last_ms)
        frames->last_ms = time_ms;
}

static enum sky_status simulate_frames(const struct bench_options *options, struct frames *frames)
{
    struct sky_world_options world;
    sky_world_options_default(&world);
    world.seed = options->seed;
    world.hours = 1;
    int64_t minutes = options->quick ? 1 : options->hours > 0 ? (int64_t)(options->hours * 60) : MINUTES;
    struct sky_network *network;
    enum sky_status status = sky_network_new(&world, &network);
    if (status != SKY_OK)
        return status;
    struct sky_network_item item;
    while ((status = sky_network_next(network, &item)) == SKY_OK && frames->count < FRAMES_MAX) {
        if (item.time_ms >= world.start_ms + minutes * SKY_MINUTE_MS + 1000)
            break;
        note_time(frames, item.time_ms);
        if (!append_frame(frames, item.frame)) {
            status = SKY_E_MEMORY;
            break;
        }
    }
    sky_network_free(network);
    return status == SKY_E_END ? SKY_OK : status;
}

/* The value of a frame's `time` in the usual form: text(4) "time", text(24). NULL when it is written otherwise. */
static uint8_t *find_time(struct sky_span frame)
{
    static const uint8_t key[] = {0x64, 't', 'i', 'm', 'e', 0x78, TIME_TEXT_LEN};
    uint8_t *at = frame.ptr ? memmem(frame.ptr, frame.len, key, sizeof key) : NULL;
    return at && (size_t)(at - frame.ptr) + sizeof key + TIME_TEXT_LEN <= frame.len ? at + sizeof key : NULL;
}

static enum sky_status read_frames(const char *path, struct frames *frames)
{
    struct sky_recording_reader *reader;
    struct sky_error error;
    enum sky_status status = sky_recording_open(path, &reader, &error);
    struct sky_recording_item item;
    while (status == SKY_OK && frames->count < FRAMES_MAX && (status = sky_recording_next(reader, &item)) == SKY_OK) {
        int64_t time_ms;
        const uint8_t *time = find_time(item.bytes);
        if (time && sky_time_parse(sky_span_of(time, TIME_TEXT_LEN), &time_ms) == SKY_OK)
            note_time(frames, time_ms);
        if (!append_frame(frames, item.bytes))
            status = SKY_E_MEMORY;
    }
    sky_recording_close(reader);
    return status == SKY_E_END ? SKY_OK : status;
}

static void shift_time(struct frames *frames, int64_t by_ms)
{
    for (size_t i = 0; i < frames->count; i++) {
        uint8_t *time = find_time(frame_at(frames, i));
        int64_t time_ms;
        if (!time || sky_time_parse(sky_span_of(time, TIME_TEXT_LEN), &time_ms) != SKY_OK)
            continue;
        char text[SKY_TIME_TEXT_SIZE];
        sky_time_format(time_ms + by_ms, text);
        memcpy(time, text, TIME_TEXT_LEN);
    }
}

static bool count_slide(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct slides *slides = context;
    slides->count++;
    slides->trends += snapshot->trends_count;
    return true;
}

/* All lines of a frame, at once: walking through it later waits for one after the other. */
static void prefetch(const uint8_t *frame, size_t len)
{
    for (size_t at = 0; at < len; at += 64)
        __builtin_prefetch(frame + at);
}

struct pass {
    struct sky_decoder *decoder;
    struct sky_engine *engine;
    struct slides slides;
    double slowest_slide_s;
    bool cached;
    struct sky_buffer hot; /* the frames worked on, in the cache */
    int64_t minute;        /* of event time */
    double elapsed_s;
};

/* Move event time on; timed by itself when it closes a slide. */
static enum sky_status advance(struct pass *pass, int64_t event_time_ms)
{
    const struct sky_engine_sink sink = {.context = &pass->slides, .on_slide = count_slide};
    uint64_t before = pass->slides.count;
    double start_s = bench_cpu_s();
    enum sky_status status = sky_engine_advance(pass->engine, event_time_ms, &sink);
    double took_s = bench_cpu_s() - start_s;
    if (pass->slides.count == before + 1 && took_s > pass->slowest_slide_s)
        pass->slowest_slide_s = took_s;
    return status;
}

static enum sky_status take_frame(struct pass *pass, struct sky_span frame)
{
    const struct sky_engine_sink sink = {.context = &pass->slides, .on_slide = count_slide};
    struct sky_decoded decoded;
    enum sky_status status = sky_decoder_frame(pass->decoder, frame, SKY_RECEIPT_NONE, &decoded);
    if (status != SKY_OK || !decoded.has_time)
        return SKY_OK;
    if (decoded.event_time_ms / SKY_MINUTE_MS != pass->minute) {
        pass->minute = decoded.event_time_ms / SKY_MINUTE_MS;
        status = advance(pass, decoded.event_time_ms);
    }
    for (uint32_t n = 0; n < decoded.posts_count && status == SKY_OK; n++)
        status = sky_engine_post(pass->engine, &decoded.posts[n], &sink);
    return status;
}

/* Frames [from, to), which begin at `bytes`. */
static enum sky_status take_frames(struct pass *pass, const struct frames *frames, size_t from, size_t to,
                                   const uint8_t *bytes)
{
    enum sky_status status = SKY_OK;
    double start_s = bench_cpu_s();
    for (size_t i = from; i < to && status == SKY_OK; i++) {
        const uint8_t *frame = bytes + frames->offsets[i] - frames->offsets[from];
        size_t len = frames->offsets[i + 1] - frames->offsets[i];
        if (i + 1 < to)
            prefetch(frame + len, frames->offsets[i + 2] - frames->offsets[i + 1]);
        status = take_frame(pass, sky_span_of(frame, len));
    }
    pass->elapsed_s += bench_cpu_s() - start_s;
    return status;
}

static enum sky_status run_pass(const struct frames *frames, struct pass *pass)
{
    enum sky_status status = SKY_OK;
    sky_decoder_connected(pass->decoder);
    pass->elapsed_s = 0;
    if (!pass->cached)
        return take_frames(pass, frames, 0, frames->count, frames->bytes.ptr);
    for (size_t from = 0, to = 0; from < frames->count && status == SKY_OK; from = to) {
        while (to < frames->count && (to == from || frames->offsets[to + 1] - frames->offsets[from] <= CACHED_BYTES))
            to++;
        pass->hot.len = 0;
        sky_buffer_put(&pass->hot, frames->bytes.ptr + frames->offsets[from],
                       frames->offsets[to] - frames->offsets[from]);
        status = pass->hot.failed ? SKY_E_MEMORY : take_frames(pass, frames, from, to, pass->hot.ptr);
    }
    return status;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static enum sky_status run_passes(const struct bench_options *options, struct frames *frames, struct pass *pass)
{
    double frames_per_s[PASSES];
    int64_t length_ms = frames->last_ms - frames->first_ms + 1000;
    int passes = options->quick ? 1 : PASSES;
    for (int i = 0; i < passes; i++) {
        if (i)
            shift_time(frames, length_ms);
        enum sky_status status = run_pass(frames, pass);
        if (status != SKY_OK)
            return status;
        frames_per_s[i] = (double)frames->count / pass->elapsed_s;
    }
    shift_time(frames, -(passes - 1) * length_ms);
    qsort(frames_per_s, (size_t)passes, sizeof *frames_per_s, by_value);
    double median = frames_per_s[passes / 2];
    bench_print(options, "pipeline", pass->cached ? "cached" : "cold", "frames_per_s", median,
                median * (double)frames->bytes.len / (double)frames->count / 1e6);
    return SKY_OK;
}

static void report(const struct bench_options *options, const struct pass *pass)
{
    struct sky_engine_stats stats;
    sky_engine_stats(pass->engine, &stats);
    if (options->json)
        return;
    printf("  %llu posts, %llu slides, slowest slide %.1f ms, %llu keywords known, %llu in the window, %llu repeats\n",
           (unsigned long long)stats.posts, (unsigned long long)stats.slides, pass->slowest_slide_s * 1e3,
           (unsigned long long)stats.keywords_known, (unsigned long long)stats.keywords_in_window,
           (unsigned long long)stats.posts_duplicate);
}

static enum sky_status run_mode(const struct bench_options *options, struct frames *frames, bool cached)
{
    struct pass pass = {.cached = cached};
    struct sky_engine_options engine;
    struct sky_decoder_options decoder = {.scope = SKY_DECODE_POSTS};
    const char *reason = NULL;
    sky_engine_options_default(&engine);
    engine.hash_key = options->seed;
    enum sky_status status = sky_decoder_new(&decoder, &pass.decoder);
    if (status == SKY_OK)
        status = sky_engine_new(&engine, &pass.engine, &reason);
    if (status == SKY_OK && frames->count)
        status = run_passes(options, frames, &pass);
    if (status == SKY_OK)
        report(options, &pass);
    else
        fprintf(stderr, "bench pipeline: %s\n", reason ? reason : sky_status_name(status));
    sky_engine_free(pass.engine);
    sky_decoder_free(pass.decoder);
    sky_buffer_clean_up(&pass.hot);
    return status;
}

int bench_pipeline(const struct bench_options *options)
{
    struct frames frames = {0};
    enum sky_status status = options->input ? read_frames(options->input, &frames) : simulate_frames(options, &frames);
    if (status != SKY_OK)
        fprintf(stderr, "bench pipeline: %s\n", sky_status_name(status));
    for (int cached = 1; cached >= 0 && status == SKY_OK; cached--)
        status = run_mode(options, &frames, cached);
    sky_buffer_clean_up(&frames.bytes);
    free(frames.offsets);
    return status == SKY_OK ? 0 : 1;
}
