#include "io/api/board.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/arena.h"

/* A snapshot and all it points to. Two of them take turns, so that the last one stands until the next is whole. */
struct copy {
    struct sky_arena arena;
    struct sky_trend_snapshot snapshot;
    uint32_t *previous_ranks;
    double *peak_confidences;
};

struct sky_board {
    pthread_mutex_t mutex;
    struct copy copies[2];
    uint32_t current;
    uint64_t version; /* 0: nothing published yet */
    struct sky_board_status status;
    struct sky_keyword_history *history;
    struct sky_board_slide slides[SKY_BOARD_SLIDES_MAX];
    uint32_t slides_count;

    pthread_mutex_t listener_mutex;
    sky_board_listener listener;
    void *listener_context;
};

const char *sky_board_connection_name(enum sky_board_connection connection)
{
    static const char *const names[] = {"connecting", "connected", "stalled", "disconnected"};
    return names[connection];
}

enum sky_status sky_board_new(struct sky_board **result)
{
    struct sky_board *board = calloc(1, sizeof *board);
    uint64_t hash_key = 0;
    if (!board)
        return SKY_E_MEMORY;
    if (getrandom(&hash_key, sizeof hash_key, GRND_NONBLOCK) < 0)
        hash_key = (uint64_t)(uintptr_t)board; /* early in boot: the address is not known to a sender either */
    if (sky_keyword_history_new(hash_key, &board->history) != SKY_OK) {
        free(board);
        return SKY_E_MEMORY;
    }
    pthread_mutex_init(&board->mutex, NULL);
    pthread_mutex_init(&board->listener_mutex, NULL);
    board->status.version = "";
    *result = board;
    return SKY_OK;
}

void sky_board_free(struct sky_board *board)
{
    if (!board)
        return;
    sky_arena_clean_up(&board->copies[0].arena);
    sky_arena_clean_up(&board->copies[1].arena);
    sky_keyword_history_free(board->history);
    pthread_mutex_destroy(&board->mutex);
    pthread_mutex_destroy(&board->listener_mutex);
    free(board);
}

/* Copying a snapshot. Allocation failure is sticky. */

struct copier {
    struct sky_arena *arena;
    bool failed;
};

static struct sky_span copy_span(struct copier *copier, struct sky_span span)
{
    struct sky_span copied = sky_arena_copy(copier->arena, span);
    copier->failed |= span.len && !copied.ptr;
    return copied.ptr ? copied : (struct sky_span){0};
}

static void *copy_array(struct copier *copier, const void *items, size_t size_bytes)
{
    void *copied = sky_arena_alloc(copier->arena, size_bytes);
    copier->failed |= !copied;
    if (copied && size_bytes)
        memcpy(copied, items, size_bytes);
    return copied;
}

static void copy_samples(struct copier *copier, struct sky_trend_alert *alert)
{
    struct sky_sample_post *posts =
        copy_array(copier, alert->sample_posts, alert->sample_posts_count * sizeof *alert->sample_posts);
    for (uint32_t i = 0; posts && i < alert->sample_posts_count; i++) {
        posts[i].uri = copy_span(copier, posts[i].uri);
        posts[i].author_did = copy_span(copier, posts[i].author_did);
        posts[i].text = copy_span(copier, posts[i].text);
    }
    alert->sample_posts = posts;
}

static struct sky_trend_alert *copy_alerts(struct copier *copier, const struct sky_trend_alert *from, uint32_t count)
{
    struct sky_trend_alert *alerts = copy_array(copier, from, count * sizeof *from);
    for (uint32_t i = 0; alerts && i < count; i++) {
        alerts[i].keyword = copy_span(copier, alerts[i].keyword);
        alerts[i].language = copy_span(copier, alerts[i].language);
        copy_samples(copier, &alerts[i]);
    }
    return alerts;
}

static uint32_t at_most(uint32_t count, uint32_t max)
{
    return count < max ? count : max;
}

static bool copy_snapshot(struct copy *copy, const struct sky_trend_snapshot *from)
{
    sky_arena_reset(&copy->arena);
    struct copier copier = {&copy->arena, false};
    struct sky_trend_snapshot *to = &copy->snapshot;
    *to = *from;
    to->trends_count = at_most(from->trends_count, SKY_BOARD_TRENDS_MAX);
    to->ended_count = at_most(from->ended_count, SKY_BOARD_TRENDS_MAX);
    to->top_keywords_count = at_most(from->top_keywords_count, SKY_BOARD_TOP_MAX);
    to->trends = copy_alerts(&copier, from->trends, to->trends_count);
    to->ended = copy_alerts(&copier, from->ended, to->ended_count);
    to->recurring_count = at_most(from->recurring_count, SKY_BOARD_TRENDS_MAX);
    to->recurring = copy_alerts(&copier, from->recurring, to->recurring_count);
    struct sky_language_volume *volume = copy_array(&copier, from->volume, from->volume_count * sizeof *from->volume);
    for (uint32_t i = 0; volume && i < to->volume_count; i++)
        volume[i].language = copy_span(&copier, volume[i].language);
    to->volume = volume;
    struct sky_top_keyword *top =
        copy_array(&copier, from->top_keywords, to->top_keywords_count * sizeof *from->top_keywords);
    for (uint32_t i = 0; top && i < to->top_keywords_count; i++) {
        top[i].keyword = copy_span(&copier, top[i].keyword);
        top[i].language = copy_span(&copier, top[i].language);
    }
    to->top_keywords = top;
    copy->previous_ranks = sky_arena_alloc(&copy->arena, (to->trends_count + 1) * sizeof *copy->previous_ranks);
    copy->peak_confidences = sky_arena_alloc(&copy->arena, (to->trends_count + 1) * sizeof *copy->peak_confidences);
    return !copier.failed && copy->previous_ranks && copy->peak_confidences;
}

/* What the slide before says of the same trends. */
static void compare(struct copy *copy, const struct copy *before)
{
    for (uint32_t i = 0; i < copy->snapshot.trends_count; i++) {
        const struct sky_trend_alert *trend = &copy->snapshot.trends[i];
        copy->previous_ranks[i] = 0;
        copy->peak_confidences[i] = trend->confidence_score;
        for (uint32_t j = 0; before && j < before->snapshot.trends_count; j++) {
            if (before->snapshot.trends[j].id != trend->id)
                continue;
            copy->previous_ranks[i] = before->snapshot.trends[j].rank;
            copy->peak_confidences[i] = fmax(trend->confidence_score, before->peak_confidences[j]);
        }
    }
}

/* History */

static struct sky_history_point point_of(const struct sky_trend_alert *alert)
{
    return (struct sky_history_point){
        .window_end_ms = alert->window_end_ms,
        .frequency = alert->frequency,
        .unique_authors = alert->unique_authors,
        .rank = alert->kind == SKY_TREND_ENDED ? 0 : alert->rank,
        .expected = (float)alert->expected,
        .z_score = (float)alert->z_score,
    };
}

static enum sky_status remember_alert(struct sky_keyword_history *history, const struct sky_trend_alert *alert)
{
    struct sky_history_point point = point_of(alert);
    enum sky_status status =
        sky_keyword_history_add(history, alert->keyword, alert->language, &point, alert->started_at_ms);
    if (alert->kind == SKY_TREND_ENDED)
        sky_keyword_history_end(history, alert->keyword, alert->language, alert->started_at_ms, alert->window_end_ms);
    return status;
}

static enum sky_status remember_top(struct sky_keyword_history *history, const struct sky_top_keyword *top,
                                    int64_t window_end_ms)
{
    struct sky_history_point point = {
        .window_end_ms = window_end_ms,
        .frequency = top->count,
        .unique_authors = top->unique_authors,
        .expected = NAN,
        .z_score = NAN,
    };
    return sky_keyword_history_add(history, top->keyword, top->language, &point, 0);
}

/* Trends first: where a keyword is both, the trend's point says more. */
static enum sky_status remember_keywords(struct sky_keyword_history *history, const struct sky_trend_snapshot *snapshot)
{
    enum sky_status status = SKY_OK;
    for (uint32_t i = 0; status == SKY_OK && i < snapshot->trends_count; i++)
        status = remember_alert(history, &snapshot->trends[i]);
    for (uint32_t i = 0; status == SKY_OK && i < snapshot->ended_count; i++)
        status = remember_alert(history, &snapshot->ended[i]);
    for (uint32_t i = 0; status == SKY_OK && i < snapshot->recurring_count; i++) {
        const struct sky_trend_alert *alert = &snapshot->recurring[i];
        struct sky_history_point point = point_of(alert);
        status =
            sky_keyword_history_add(history, alert->keyword, alert->language, &point, 0); /* no episode of trending */
    }
    for (uint32_t i = 0; status == SKY_OK && i < snapshot->top_keywords_count; i++)
        status = remember_top(history, &snapshot->top_keywords[i], snapshot->window_end_ms);
    sky_keyword_history_expire(history, snapshot->window_end_ms);
    return status;
}

static void remember_slide(struct sky_board *board, const struct sky_trend_snapshot *snapshot, bool is_past)
{
    if (board->slides_count == SKY_BOARD_SLIDES_MAX)
        memmove(board->slides, board->slides + 1, --board->slides_count * sizeof board->slides[0]);
    double minutes = (double)(snapshot->window_end_ms - snapshot->window_start_ms) / (double)SKY_MINUTE_MS;
    double mean = minutes > 0 ? (double)snapshot->posts / minutes : 0;
    board->slides[board->slides_count++] = (struct sky_board_slide){
        .window_end_ms = snapshot->window_end_ms,
        .posts = snapshot->posts,
        .active_authors = snapshot->active_authors,
        .posts_per_minute = board->status.posts_per_minute > 0 && !is_past ? board->status.posts_per_minute : mean,
        .trends = snapshot->trends_count,
    };
}

/* Publishing */

static void tell(struct sky_board *board, enum sky_board_change change)
{
    pthread_mutex_lock(&board->listener_mutex);
    if (board->listener)
        board->listener(board->listener_context, change);
    pthread_mutex_unlock(&board->listener_mutex);
}

static enum sky_status publish_locked(struct sky_board *board, const struct sky_trend_snapshot *snapshot, bool is_past)
{
    struct copy *before = board->version ? &board->copies[board->current] : NULL;
    struct copy *next = &board->copies[!board->current];
    if (!copy_snapshot(next, snapshot))
        return SKY_E_MEMORY;
    if (before && before->snapshot.window_end_ms > snapshot->window_end_ms) {
        sky_keyword_history_clear(board->history);
        board->slides_count = 0;
        before = NULL;
    }
    compare(next, before);
    board->current = !board->current;
    board->version++;
    remember_slide(board, &next->snapshot, is_past);
    return remember_keywords(board->history, &next->snapshot);
}

enum sky_status sky_board_publish(struct sky_board *board, const struct sky_trend_snapshot *snapshot)
{
    pthread_mutex_lock(&board->mutex);
    enum sky_status status = publish_locked(board, snapshot, false);
    pthread_mutex_unlock(&board->mutex);
    tell(board, SKY_BOARD_SNAPSHOT);
    return status;
}

enum sky_status sky_board_publish_past(struct sky_board *board, const struct sky_trend_snapshot *snapshot)
{
    pthread_mutex_lock(&board->mutex);
    enum sky_status status = publish_locked(board, snapshot, true);
    pthread_mutex_unlock(&board->mutex);
    return status;
}

void sky_board_set_status(struct sky_board *board, const struct sky_board_status *status)
{
    pthread_mutex_lock(&board->mutex);
    board->status = *status;
    board->status.source[SKY_BOARD_SOURCE_BYTES_MAX - 1] = '\0';
    board->status.problem[SKY_BOARD_PROBLEM_BYTES_MAX - 1] = '\0';
    if (!board->status.version)
        board->status.version = "";
    pthread_mutex_unlock(&board->mutex);
    tell(board, SKY_BOARD_STATUS);
}

void sky_board_listen(struct sky_board *board, sky_board_listener listener, void *context)
{
    pthread_mutex_lock(&board->listener_mutex);
    board->listener = listener;
    board->listener_context = context;
    pthread_mutex_unlock(&board->listener_mutex);
}

void sky_board_read(struct sky_board *board, sky_board_reader reader, void *context)
{
    pthread_mutex_lock(&board->mutex);
    const struct copy *copy = &board->copies[board->current];
    struct sky_board_view view = {
        .status = &board->status,
        .snapshot = board->version ? &copy->snapshot : NULL,
        .previous_ranks = copy->previous_ranks,
        .peak_confidences = copy->peak_confidences,
        .history = board->history,
        .slides = board->slides,
        .slides_count = board->slides_count,
        .version = board->version,
    };
    reader(context, &view);
    pthread_mutex_unlock(&board->mutex);
}
