/* replay: a recording through the decoder, and through the engine when snapshots are asked for. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "app/command.h"
#include "base/time.h"
#include "engine/engine.h"
#include "event/decoder.h"
#include "event/jetstream.h"
#include "event/post_json.h"
#include "io/host/clock.h"
#include "io/host/recording.h"
#include "ops/config.h"

#define OUTPUT_SIZE_BYTES  ((size_t)256 * 1024) /* written at once */
#define PROGRESS_PERIOD_S  0.1
#define PROGRESS_BAR_WIDTH 30
#define PACE_SLEEP_S_MAX   0.25 /* so that the bar moves on and Ctrl-C is felt */

enum to { TO_SNAPSHOTS, TO_JETSTREAM, TO_POSTS };

struct replay {
    enum to to;
    double speed; /* event seconds a second; 0: as fast as it goes */
    struct sky_recording_reader *reader;
    struct sky_decoder *decoder;
    struct sky_post_json_reader post_reader;
    struct sky_engine *engine; /* TO_SNAPSHOTS */
    struct sky_buffer out;
    bool is_post_data; /* the lines are PostData instead of Jetstream's */
    bool form_known;
    int output_error; /* errno; 0: what was written so far is out */
    uint64_t events;
    uint64_t lines_dropped; /* of PostData */
    int64_t event_time_ms;  /* of the last event; 0 before */

    double start_s; /* of the first event with a time, for the pace */
    int64_t start_ms;
    bool shows_progress;
    double began_s;
    double drawn_s;
};

static double now_s(void)
{
    return (double)sky_clock_monotonic_us() / 1e6;
}

static void erase_progress(struct replay *replay)
{
    if (replay->shows_progress && replay->drawn_s > 0)
        fputs("\r\033[K", stderr);
}

static void write_out(struct replay *replay)
{
    if (!replay->out.len)
        return;
    erase_progress(replay);
    bool written = fwrite(replay->out.ptr, 1, replay->out.len, stdout) == replay->out.len && fflush(stdout) == 0;
    if (!written || replay->out.failed)
        replay->output_error = written ? ENOMEM : errno;
    replay->out.len = 0;
}

static void draw_progress(struct replay *replay)
{
    double now = now_s();
    if (!replay->shows_progress || now - replay->drawn_s < PROGRESS_PERIOD_S)
        return;
    struct sky_recording_progress progress = sky_recording_progress(replay->reader);
    char time[SKY_TIME_TEXT_SIZE], bar[PROGRESS_BAR_WIDTH + 1];
    double share = progress.total_bytes ? (double)progress.read_bytes / (double)progress.total_bytes : 0;
    int filled = (int)(share * PROGRESS_BAR_WIDTH);
    memset(bar, '.', PROGRESS_BAR_WIDTH);
    memset(bar, '#', (size_t)(filled < PROGRESS_BAR_WIDTH ? filled : PROGRESS_BAR_WIDTH));
    bar[PROGRESS_BAR_WIDTH] = '\0';
    sky_time_format(replay->event_time_ms, time);
    replay->drawn_s = now;
    fprintf(stderr, "\r\033[K[%s] %3.0f %%  %" PRIu64 " events  %.0f/s  %.19s UTC", bar, share * 100, replay->events,
            (double)replay->events / (now - replay->began_s + 1e-9), replay->event_time_ms ? time : "-");
    fflush(stderr);
}

static void sleep_s(double seconds)
{
    struct timespec wait = {.tv_sec = (time_t)seconds};
    wait.tv_nsec = (long)((seconds - (double)wait.tv_sec) * 1e9);
    nanosleep(&wait, NULL);
}

/* Wait until an event of `event_time_ms` is due. */
static void keep_pace(struct replay *replay, int64_t event_time_ms)
{
    if (!replay->start_s) {
        replay->start_s = now_s();
        replay->start_ms = event_time_ms;
    }
    double due_s = replay->start_s + (double)(event_time_ms - replay->start_ms) / 1000 / replay->speed;
    if (now_s() < due_s)
        write_out(replay);
    while (now_s() < due_s) {
        draw_progress(replay);
        sleep_s(fmax(0, fmin(due_s - now_s(), PACE_SLEEP_S_MAX)));
    }
}

static bool put_snapshot(void *context, const struct sky_trend_snapshot *snapshot)
{
    struct replay *replay = context;
    struct sky_json_writer json;
    sky_json_begin(&json, &replay->out);
    sky_trend_snapshot_write(&json, snapshot);
    sky_buffer_put_u8(&replay->out, '\n');
    return !replay->out.failed;
}

static enum sky_status take_post(struct replay *replay, const struct sky_post *post)
{
    struct sky_json_writer json;
    const struct sky_engine_sink sink = {.context = replay, .on_slide = put_snapshot};
    enum sky_status status = SKY_OK;
    if (replay->to == TO_POSTS) {
        sky_json_begin(&json, &replay->out);
        sky_post_json_write(&json, post);
        sky_buffer_put_u8(&replay->out, '\n');
    } else if (post->op == SKY_POST_WATERMARK) {
        status = sky_engine_advance(replay->engine, post->event_time_ms, &sink);
    } else {
        status = sky_engine_post(replay->engine, post, &sink);
    }
    return status == SKY_E_LATE ? SKY_OK : status; /* the engine counts it */
}

static void note_time(struct replay *replay, int64_t event_time_ms)
{
    replay->event_time_ms = event_time_ms;
    if (replay->speed > 0)
        keep_pace(replay, event_time_ms);
}

/* A line of PostData: its event_time is the stored one. */
static enum sky_status take_post_line(struct replay *replay, struct sky_span line)
{
    struct sky_post post;
    struct sky_error error;
    enum sky_status status = sky_post_json_read(&replay->post_reader, line, &post, &error);
    if (status) {
        replay->lines_dropped++;
        return status == SKY_E_MEMORY ? status : SKY_OK;
    }
    note_time(replay, post.event_time_ms);
    return take_post(replay, &post);
}

static enum sky_status take_event(struct replay *replay, const struct sky_recording_item *item)
{
    const struct sky_engine_sink sink = {.context = replay, .on_slide = put_snapshot};
    struct sky_decoded decoded;
    bool is_line = sky_recording_form(replay->reader) == SKY_RECORDING_LINES;
    enum sky_status status = is_line ? sky_decoder_line(replay->decoder, item->bytes, &decoded)
                                     : sky_decoder_frame(replay->decoder, item->bytes, item->receipt_ms, &decoded);
    if (status)
        return status == SKY_E_MEMORY ? status : SKY_OK; /* dropped and counted */
    if (decoded.has_time)
        note_time(replay, decoded.event_time_ms);
    if (replay->to == TO_JETSTREAM) {
        sky_jetstream_write(decoded.event, decoded.observed_at_us, &replay->out);
        return SKY_OK;
    }
    for (uint32_t i = 0; i < decoded.posts_count && !status; i++)
        status = take_post(replay, &decoded.posts[i]);
    if (!status && replay->to == TO_SNAPSHOTS && decoded.has_time)
        status = sky_engine_advance(replay->engine, decoded.event_time_ms, &sink);
    return status;
}

/* PostData has an op, Jetstream's lines a kind. The first line that has either decides; those before it are dropped and
 * counted by the decoder. */
static void learn_form(struct replay *replay, struct sky_span line)
{
    struct sky_json_document document;
    struct sky_error error;
    sky_json_document_init(&document);
    bool is_json = sky_json_parse(&document, line, &error) == SKY_OK;
    bool has_op = is_json && sky_json_member(document.values, "op");
    bool has_kind = is_json && sky_json_member(document.values, "kind");
    replay->form_known = has_op || has_kind;
    replay->is_post_data = has_op && !has_kind;
    sky_json_document_clean_up(&document);
}

static enum sky_status take_item(struct replay *replay, const struct sky_recording_item *item)
{
    if (!replay->form_known && sky_recording_form(replay->reader) == SKY_RECORDING_LINES)
        learn_form(replay, item->bytes);
    if (replay->is_post_data && replay->to == TO_JETSTREAM)
        return SKY_E_UNSUPPORTED; /* a post is not the event it came from */
    replay->events++;
    return replay->is_post_data ? take_post_line(replay, item->bytes) : take_event(replay, item);
}

static enum sky_status go_through(struct replay *replay)
{
    struct sky_recording_item item;
    enum sky_status status = SKY_OK;
    while (!status && !replay->output_error && (status = sky_recording_next(replay->reader, &item)) == SKY_OK) {
        status = take_item(replay, &item);
        if (replay->out.len >= OUTPUT_SIZE_BYTES)
            write_out(replay);
        if (replay->shows_progress && (replay->events & 1023) == 0)
            draw_progress(replay);
    }
    write_out(replay);
    return status == SKY_E_END ? SKY_OK : status;
}

/* What was dropped, by reason, so that nobody has to guess why events are missing. */
static void report_drops(const struct replay *replay)
{
    const struct sky_decoder_stats *stats = sky_decoder_stats(replay->decoder);
    for (int i = 0; i < SKY_DROP_COUNT; i++)
        if (stats->drops[i])
            fprintf(stderr, "skytrend replay: dropped %" PRIu64 " %s: %s\n", stats->drops[i],
                    sky_drop_is_frame((enum sky_drop)i) ? "events" : "records", sky_drop_name((enum sky_drop)i));
    if (stats->time_forged)
        fprintf(stderr, "skytrend replay: corrected the time of %" PRIu64 " events\n", stats->time_forged);
    if (replay->lines_dropped)
        fprintf(stderr, "skytrend replay: dropped %" PRIu64 " lines: not PostData\n", replay->lines_dropped);
    struct sky_engine_stats counted = {0};
    if (replay->engine)
        sky_engine_stats(replay->engine, &counted);
    if (counted.posts_late)
        fprintf(stderr, "skytrend replay: dropped %" PRIu64 " posts: older than a minute that is closed already\n",
                counted.posts_late);
}

/* Why nothing more can be done, for a person. */
static const char *explain(const struct replay *replay, enum sky_status status)
{
    bool wrong_form = status == SKY_E_UNSUPPORTED && replay->is_post_data;
    return wrong_form ? "PostData lines cannot become Jetstream's events; use --to posts or --to snapshots"
                      : sky_status_name(status);
}

static int finish(struct replay *replay, const char *file, enum sky_status status)
{
    struct sky_error error = sky_recording_error(replay->reader);
    erase_progress(replay);
    if (replay->output_error)
        return sky_command_output_failed("replay", replay->output_error);
    report_drops(replay);
    if (error.status)
        fprintf(stderr, "skytrend replay: %s: error %s at byte %zu: %s\n", file, sky_status_name(error.status),
                error.offset, error.reason);
    else if (status)
        fprintf(stderr, "skytrend replay: %s: %s\n", file, explain(replay, status));
    return status ? SKY_EXIT_FAILURE : SKY_EXIT_OK;
}

static enum sky_status start_engine(struct replay *replay, const struct sky_config *config)
{
    struct sky_engine_options options;
    const char *reason = NULL;
    sky_engine_options_default(&options);
    if (config)
        sky_config_engine_options(config, &options);
    if (getrandom(&options.hash_key, sizeof options.hash_key, 0) != sizeof options.hash_key)
        options.hash_key = 0; /* only less protected from chosen keywords */
    enum sky_status status = sky_engine_new(&options, &replay->engine, &reason);
    if (status)
        fprintf(stderr, "skytrend replay: %s\n", reason ? reason : sky_status_name(status));
    return status;
}

static enum sky_status start(struct replay *replay, const struct sky_invocation *invocation)
{
    const char *file = invocation->options.arguments[0];
    struct sky_error error;
    struct sky_decoder_options options = {
        .scope = replay->to == TO_JETSTREAM ? SKY_DECODE_ALL_RECORDS : SKY_DECODE_POSTS, .relay = SKY_SPAN("")};
    enum sky_status status = sky_recording_open(file, &replay->reader, &error);
    if (status) {
        fprintf(stderr, "skytrend replay: %s: %s%s%s\n", file, error.reason, status == SKY_E_IO ? ": " : "",
                status == SKY_E_IO ? strerror(errno) : "");
        return status;
    }
    if (sky_options_bool(&invocation->options, "lines"))
        sky_recording_take_lines(replay->reader);
    status = sky_decoder_new(&options, &replay->decoder);
    if (status)
        fputs("skytrend replay: no memory\n", stderr);
    return status || replay->to != TO_SNAPSHOTS ? status : start_engine(replay, invocation->config);
}

static int run(const struct sky_invocation *invocation)
{
    const struct sky_options *given = &invocation->options;
    struct replay replay = {.to = (enum to)sky_options_choice_place(given, "to"),
                            .speed = sky_options_given(given, "speed") ? sky_options_double(given, "speed") : 0,
                            .shows_progress = isatty(STDERR_FILENO) == 1,
                            .began_s = now_s()};
    int result = SKY_EXIT_FAILURE;
    sky_post_json_reader_init(&replay.post_reader);
    if (start(&replay, invocation) == SKY_OK)
        result = finish(&replay, given->arguments[0], go_through(&replay));
    sky_engine_free(replay.engine);
    sky_decoder_free(replay.decoder);
    sky_post_json_reader_clean_up(&replay.post_reader);
    sky_recording_close(replay.reader);
    sky_buffer_clean_up(&replay.out);
    return result;
}

static const struct sky_option options[] = {
    {.name = "to",
     .rule = {SKY_VALUE_CHOICE, .choices = "snapshots|jetstream|posts"},
     .value = "snapshots",
     .help = "print a TrendSnapshot for each slide, every event in Jetstream's JSON, or posts as PostData"},
    {.name = "lines", .help = "FILE holds lines, though its first one may look like anything: dead letters"},
    {.name = "speed",
     .rule = {SKY_VALUE_DOUBLE, .min = 0.001, .max = 1e9},
     .placeholder = "FACTOR",
     .help = "pace by event time: 1 is as it was, 60 a minute in a second (default: as fast as it goes)"},
    {0},
};

const struct sky_command sky_command_replay = {
    .name = "replay",
    .summary = "go through a recording again",
    .description = "FILE holds length-prefixed firehose frames (as `simulate --record` writes them), or Jetstream or\n"
                   "PostData lines; .zst files are decompressed. What cannot be decoded is dropped and counted on\n"
                   "stderr. docs/RECORDS.md has the fields of what is printed.",
    .arguments = "FILE|-",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .takes_config = true,
    .examples =
        (const char *const[]){"# a recording to go through", "skytrend simulate --record hour.bin.zst --rate 0.02",
                              "skytrend replay hour.bin.zst", "# its posts, an hour in a minute",
                              "skytrend replay --speed 60 --to posts hour.bin.zst", NULL},
    .run = run,
};
