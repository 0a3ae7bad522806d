/* bench memory: what a million known keywords cost.
 *
 * A detector knows a keyword from its third author on. So each minute new keywords come, each from three authors, in
 * posts of fifty, through the window and the detectors as the engine drives them, until a million are known; those of
 * the window come on top of them. Printed are the keywords, the bytes of the detectors and of the window by their own
 * account, and the resident memory of the process with all it holds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "bench.h"
#include "trend/tracker.h"

#define KNOWN             1000000
#define KNOWN_QUICK       20000
#define NEW_PER_MINUTE    25000
#define KEYWORDS_PER_POST 50
#define AUTHORS           3
#define LANGUAGES         8
#define WINDOW_MINUTES    10
#define FIRST_MINUTE      INT64_C(29474880) /* a midnight: nothing is dropped for being of no weight before 04:00 */

struct state {
    struct sky_sliding *window;
    struct sky_tracker *tracker;
    uint64_t keywords;
    uint64_t authors;
    uint64_t posts;
};

/* Keywords number `from` and on, by one author. Ten letters each, as words and short phrases have. */
static enum sky_status add_post(struct state *state, int64_t minute, uint64_t from)
{
    char texts[KEYWORDS_PER_POST][24];
    struct sky_keyword keywords[KEYWORDS_PER_POST];
    struct sky_keyword_list list = {keywords, KEYWORDS_PER_POST};
    for (uint32_t i = 0; i < KEYWORDS_PER_POST; i++) {
        int len = snprintf(texts[i], sizeof texts[i], "w%09" PRIu64, from + i);
        keywords[i] = (struct sky_keyword){sky_span_of(texts[i], (size_t)len), sky_span_of(texts[i], (size_t)len),
                                           SKY_KEYWORD_WORD};
    }
    struct sky_sliding_post post = {.author_id = sky_hash_slot(++state->authors, 0),
                                    .post_id = sky_hash_slot(++state->posts, 1),
                                    .language = (uint32_t)(from / KEYWORDS_PER_POST % LANGUAGES)};
    return sky_sliding_add(state->window, minute, &post, &list);
}

static enum sky_status run_minute(struct state *state, int64_t minute)
{
    enum sky_status status = SKY_OK;
    struct sky_tracker_result result;
    for (uint64_t from = 0; from < NEW_PER_MINUTE; from += KEYWORDS_PER_POST)
        for (uint32_t author = 0; author < AUTHORS && status == SKY_OK; author++)
            status = add_post(state, minute, state->keywords + from);
    state->keywords += NEW_PER_MINUTE;
    if (status == SKY_OK)
        status = sky_sliding_close(state->window);
    return status == SKY_OK ? sky_tracker_slide(state->tracker, state->window, &result) : status;
}

static void print(const struct bench_options *options, const struct state *state, double elapsed_s)
{
    double known = (double)sky_tracker_known(state->tracker);
    double detectors_mb = (double)sky_tracker_size_bytes(state->tracker) / 1048576;
    double window_mb = (double)sky_sliding_size_bytes(state->window) / 1048576;
    if (options->json)
        printf("{\"bench\":\"memory\",\"mode\":\"known\",\"posts_per_s\":%.0f,\"mb_per_s\":%.1f,\"rss_mb\":%.1f,"
               "\"keywords_known\":%.0f,\"detectors_mb\":%.1f,\"window_mb\":%.1f}\n",
               (double)state->posts / elapsed_s, detectors_mb / elapsed_s, bench_rss_mb(), known, detectors_mb,
               window_mb);
    else
        printf("memory    %.0f keywords known: detectors %.1f MB, window of %llu keywords %.1f MB, resident %.1f MB\n",
               known, detectors_mb, (unsigned long long)sky_sliding_keywords(state->window), window_mb, bench_rss_mb());
}

int bench_memory(const struct bench_options *options)
{
    struct state state = {0};
    struct sky_sliding_options window = {
        .window_minutes = WINDOW_MINUTES, .languages = LANGUAGES, .hash_key = options->seed};
    struct sky_tracker_options tracker = {.languages = LANGUAGES};
    sky_detector_options_default(&tracker.detector);
    tracker.detector.hash_key = options->seed;
    state.window = sky_sliding_new(&window);
    state.tracker = sky_tracker_new(&tracker);
    enum sky_status status = state.window && state.tracker ? SKY_OK : SKY_E_MEMORY;
    double start_s = bench_cpu_s();
    uint64_t want = options->quick ? KNOWN_QUICK : KNOWN;
    if (status == SKY_OK)
        sky_sliding_start(state.window, FIRST_MINUTE);
    for (int64_t minute = FIRST_MINUTE; status == SKY_OK && sky_tracker_known(state.tracker) < want; minute++)
        status = minute < FIRST_MINUTE + 240 ? run_minute(&state, minute) : SKY_E_LIMIT;
    if (status == SKY_OK)
        print(options, &state, bench_cpu_s() - start_s);
    else
        fprintf(stderr, "bench memory: %s\n", sky_status_name(status));
    sky_tracker_free(state.tracker);
    sky_sliding_free(state.window);
    return status == SKY_OK ? 0 : 1;
}
