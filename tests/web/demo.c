/* demo: the API and the page over a board that a small script of rising and falling words feeds.
 *
 *     web_demo [live|warming|stalled|empty|hostile] [pause_ms]    one slide each pause; prints its URL, runs until
 * killed
 *
 * For looking at the page while working on it, and for the browser test, which needs each state at will. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "io/api/api.h"

#define START_MS       INT64_C(1783160100000) /* 2026-07-04T10:15:00Z */
#define SLIDES_AT_ONCE 75
#define TRENDS_MAX     32
#define WARM_UP        12

struct word {
    const char *keyword, *language, *text;
    double usual;    /* authors in ten minutes */
    double height;   /* added at the peak */
    double onset;    /* slide */
    double halflife; /* slides */
};

static const struct word words[] = {
    {"eclipse", "*", "The light went strange about ten minutes ago. Everyone on the street has stopped to look up.", 6,
     310, 52, 60},
    {"地震", "ja", "いま結構揺れた。みなさん大丈夫ですか。", 14, 260, 66, 18},
    {"power outage", "en", "Whole block is dark, traffic lights too. Anyone north of the river have power?", 3, 96, 58,
     40},
    {"#finale", "en", "I was not ready for that ending. No spoilers, but bring tissues. #finale", 8, 140, 40, 70},
    {"gewitter", "de", "Das Gewitter steht seit einer Stunde über der Stadt und geht nicht weg.", 5, 62, 47, 50},
    {"greve", "pt", "Greve confirmada: o metrô não abre amanhã de manhã.", 4, 58, 61, 60},
    {"penalty shootout", "en", "Penalty shootout. I cannot watch this. I am watching this.", 2, 74, 69, 12},
    {"雪", "ja", "七月に雪が降っている写真が流れてきた。", 9, 44, 55, 40},
    {"#caturday", "*", "She has been asleep on the keyboard since breakfast. #caturday", 30, 70, 20, 160},
    {"recall notice", "en", "Check your kitchen drawer: there is a recall notice for the blue-handled ones.", 1, 34, 63,
     30},
    {"orçamento", "pt", "O orçamento passou por dois votos.", 3, 30, 70, 40},
    {"aurora", "*", "Faint green band, low in the north. First time I have seen it from here.", 4, 28, 64, 50},
};
#define WORDS_COUNT (sizeof words / sizeof words[0])

static const struct sky_top_keyword common[] = {
    {.keyword = {(const uint8_t *)"today", 5},
     .language = {(const uint8_t *)"en", 2},
     .count = 412,
     .unique_authors = 398},
    {.keyword = {(const uint8_t *)"今日", 6},
     .language = {(const uint8_t *)"ja", 2},
     .count = 377,
     .unique_authors = 341},
    {.keyword = {(const uint8_t *)"good morning", 12},
     .language = {(const uint8_t *)"en", 2},
     .count = 240,
     .unique_authors = 233},
    {.keyword = {(const uint8_t *)"hoje", 4},
     .language = {(const uint8_t *)"pt", 2},
     .count = 151,
     .unique_authors = 149},
    {.keyword = {(const uint8_t *)"heute", 5},
     .language = {(const uint8_t *)"de", 2},
     .count = 96,
     .unique_authors = 92},
    {.keyword = {(const uint8_t *)"weekend", 7},
     .language = {(const uint8_t *)"en", 2},
     .count = 88,
     .unique_authors = 87},
    {.keyword = {(const uint8_t *)"coffee", 6},
     .language = {(const uint8_t *)"en", 2},
     .count = 71,
     .unique_authors = 69},
    {.keyword = {(const uint8_t *)"#photography", 12},
     .language = {(const uint8_t *)"*", 1},
     .count = 64,
     .unique_authors = 60},
};
#define COMMON_COUNT (sizeof common / sizeof common[0])

enum state { LIVE, WARMING, STALLED, EMPTY, HOSTILE };

struct scene {
    enum state state;
    struct sky_board *board;
    uint32_t random;
    int64_t started_at_ms[WORDS_COUNT];
    struct sky_trend_alert alerts[TRENDS_MAX], ended[TRENDS_MAX];
    uint32_t alerts_count, ended_count;
    struct sky_sample_post samples[TRENDS_MAX][3];
    char uris[TRENDS_MAX][3][128], dids[TRENDS_MAX][3][64];
};

static double noise(struct scene *scene)
{
    scene->random = scene->random * 1664525u + 1013904223u;
    return ((scene->random >> 8) % 2000) / 1000.0 - 1;
}

static double seen(struct scene *scene, const struct word *word, double slide)
{
    double since = slide - word->onset;
    double rise = since > 0 ? (1 - exp(-since / 3)) * exp2(-since / word->halflife) : 0;
    double mean = word->usual + word->height * rise;
    double value = mean + noise(scene) * sqrt(mean);
    return value > 0 ? value : 0;
}

static void add_samples(struct scene *scene, struct sky_trend_alert *alert, const struct word *word, int64_t now_ms)
{
    static const char *const hostile[] = {"javascript:alert(1)//", "at://did:plc:../app.bsky.feed.post/x",
                                          "at://did:web:a@b/app.bsky.feed.post/3k"};
    uint32_t at = scene->alerts_count;
    for (int i = 0; i < 3; i++) {
        struct sky_sample_post *post = &scene->samples[at][i];
        snprintf(scene->dids[at][i], 64, "did:plc:%c%cyzpatx2qmnw7v3kd4kj5eo", 'a' + (int)(word - words), 'b' + i);
        snprintf(scene->uris[at][i], 128, "at://%s/app.bsky.feed.post/3lt%czd2xq5k2%c", scene->dids[at][i],
                 'a' + (int)(word - words), 'b' + i);
        *post = (struct sky_sample_post){
            .uri = sky_span_from_string(scene->state == HOSTILE ? hostile[i] : scene->uris[at][i]),
            .author_did = sky_span_from_string(scene->dids[at][i]),
            .text = i == 2 ? (struct sky_span){0} : sky_span_from_string(word->text),
            .created_at_ms = now_ms - (i + 1) * 41000,
        };
    }
    if (scene->state == HOSTILE)
        scene->samples[at][0].text = SKY_SPAN("<img src=x onerror=alert(1)>\x1b[31m \xe2\x80\xaegnp.exe");
    alert->sample_posts = scene->samples[at];
    alert->sample_posts_count = 3;
}

static void add_trend(struct scene *scene, size_t place, double slide, int64_t now_ms)
{
    const struct word *word = &words[place];
    double authors = seen(scene, word, slide);
    double growth = (authors - word->usual) / fmax(1, word->usual);
    bool was_on = scene->started_at_ms[place] != 0;
    bool is_on = slide >= WARM_UP && authors >= 10 && growth >= (was_on ? 0.5 : 1.0);
    if (!is_on && !was_on)
        return;
    double z = (authors - word->usual) / sqrt(word->usual + 1) / 1.6;
    struct sky_trend_alert alert = {
        .id = place + 1,
        .kind = is_on ? (was_on ? SKY_TREND_ONGOING : SKY_TREND_STARTED) : SKY_TREND_ENDED,
        .keyword = sky_span_from_string(scene->state == HOSTILE && place == 0 ? "<b>bold</b>" : word->keyword),
        .language = sky_span_from_string(word->language),
        .frequency = (uint32_t)(authors * 1.2),
        .unique_authors = (uint32_t)authors,
        .growth_rate = growth,
        .confidence_score = 1 / (1 + exp(-2.2 * (z / 2 - 2.2))),
        .z_score = z,
        .expected = word->usual,
        .window_start_ms = now_ms - 10 * SKY_MINUTE_MS,
        .window_end_ms = now_ms,
        .started_at_ms = was_on ? scene->started_at_ms[place] : now_ms,
    };
    scene->started_at_ms[place] = is_on ? alert.started_at_ms : 0;
    if (is_on) {
        add_samples(scene, &alert, word, now_ms);
        scene->alerts[scene->alerts_count++] = alert;
    } else {
        scene->ended[scene->ended_count++] = alert;
    }
}

static int by_velocity(const void *a, const void *b)
{
    const struct sky_trend_alert *one = a, *two = b;
    double first = one->unique_authors - one->expected, second = two->unique_authors - two->expected;
    return (first < second) - (first > second);
}

static void publish(struct scene *scene, int slide)
{
    static const struct sky_language_volume volume[] = {{.language = {(const uint8_t *)"en", 2}, .words = 48210},
                                                        {.language = {(const uint8_t *)"ja", 2}, .words = 22400},
                                                        {.language = {(const uint8_t *)"pt", 2}, .words = 9120},
                                                        {.language = {(const uint8_t *)"de", 2}, .words = 5230},
                                                        {.language = {(const uint8_t *)"other", 5}, .words = 7040}};
    int64_t now_ms = START_MS + slide * SKY_MINUTE_MS;
    double per_minute = 1900 + 260 * sin(slide / 23.0) + 55 * noise(scene);
    struct sky_top_keyword top[COMMON_COUNT];
    memcpy(top, common, sizeof top);
    for (size_t i = 0; i < COMMON_COUNT; i++)
        top[i].count = (uint32_t)(top[i].count * (1 + 0.12 * noise(scene)));
    scene->alerts_count = scene->ended_count = 0;
    for (size_t i = 0; scene->state != EMPTY && i < WORDS_COUNT; i++)
        add_trend(scene, i, slide, now_ms);
    qsort(scene->alerts, scene->alerts_count, sizeof scene->alerts[0], by_velocity);
    for (uint32_t i = 0; i < scene->alerts_count; i++)
        scene->alerts[i].rank = i + 1;
    uint32_t left = slide < WARM_UP ? (uint32_t)(WARM_UP - slide) : 0;
    struct sky_board_status status = {.source = "simulated network",
                                      .connection = SKY_BOARD_CONNECTED,
                                      .simulated = true,
                                      .speed = 60,
                                      .lag_ms = 400,
                                      .posts_per_minute = per_minute,
                                      .event_time_ms = now_ms + 8200,
                                      .warm_up_minutes_left = left,
                                      .posts_total = (uint64_t)slide * 1900,
                                      .version = "0.1.0"};
    if (scene->state == STALLED) {
        status.connection = SKY_BOARD_STALLED;
        status.stalled_since_ms = now_ms;
        status.simulated = false;
        status.speed = 1;
        snprintf(status.source, sizeof status.source, "bsky.network");
    }
    struct sky_trend_alert morning = {.id = 99,
                                      .kind = SKY_TREND_ONGOING,
                                      .keyword = SKY_SPAN("bom dia"),
                                      .language = SKY_SPAN("pt"),
                                      .frequency = 220,
                                      .unique_authors = 213,
                                      .growth_rate = 3.2,
                                      .z_score = 6,
                                      .expected = 51,
                                      .confidence_score = 0.98,
                                      .window_start_ms = now_ms - 10 * SKY_MINUTE_MS,
                                      .window_end_ms = now_ms,
                                      .started_at_ms = now_ms - 20 * SKY_MINUTE_MS};
    struct sky_trend_snapshot snapshot = {.window_start_ms = now_ms - 10 * SKY_MINUTE_MS,
                                          .window_end_ms = now_ms,
                                          .warming_up = left > 0,
                                          .trends = scene->alerts,
                                          .trends_count = scene->alerts_count,
                                          .ended = scene->ended,
                                          .ended_count = scene->ended_count,
                                          .recurring = &morning,
                                          .recurring_count = scene->state == LIVE,
                                          .posts = (uint64_t)(per_minute * 10),
                                          .active_authors = (uint64_t)(per_minute * 7.3),
                                          .volume = volume,
                                          .volume_count = 5,
                                          .top_keywords = top,
                                          .top_keywords_count = COMMON_COUNT};
    sky_board_set_status(scene->board, &status);
    if (sky_board_publish(scene->board, &snapshot) != SKY_OK)
        abort();
}

static enum state state_of(const char *name)
{
    static const char *const names[] = {"live", "warming", "stalled", "empty", "hostile"};
    for (int i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum state)i;
    fprintf(stderr, "web_demo: no state '%s'\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    static struct scene scene = {.random = 7};
    char message[SKY_HTTP_ERROR_SIZE];
    struct sky_api *api;
    scene.state = state_of(argc > 1 ? argv[1] : "live");
    long pause_ms = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
    uint16_t port = argc > 3 ? (uint16_t)strtoul(argv[3], NULL, 10) : 0;
    if (sky_board_new(&scene.board) != SKY_OK)
        return 1;
    struct sky_api_options options = {.board = scene.board, .address = "127.0.0.1", .port = port};
    if (sky_api_start(&options, &api, message) != SKY_OK) {
        fprintf(stderr, "web_demo: %s\n", message);
        return 1;
    }
    printf("%s\n", sky_api_url(api));
    fflush(stdout);
    int slide = 1, at_once = scene.state == WARMING ? 4 : SLIDES_AT_ONCE;
    for (; slide < at_once; slide++)
        publish(&scene, slide);
    for (;; slide++) {
        nanosleep(&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000}, NULL);
        if (pause_ms && (scene.state == LIVE || scene.state == EMPTY))
            publish(&scene, slide);
        else
            pause();
    }
}
