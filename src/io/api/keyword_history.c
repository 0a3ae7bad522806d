#include "io/api/keyword_history.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

#define POINTS_FIRST 8 /* a keyword's room for points, to begin with */

struct entry {
    uint64_t id;
    struct entry *chain;         /* in its slot */
    struct entry *newer, *older; /* in the order last seen */
    struct sky_history_point *points;
    uint32_t points_count;
    uint32_t points_capacity;
    struct sky_history_episode episodes[SKY_HISTORY_EPISODES_MAX];
    uint32_t episodes_count;
    size_t keyword_len;
    size_t language_len;
    char text[]; /* keyword, language */
};

struct sky_keyword_history {
    uint64_t hash_key;
    int64_t horizon_ms; /* points before it are forgotten */
    uint32_t count;
    struct entry *newest, *oldest;
    struct entry *slots[SKY_HISTORY_KEYWORDS_MAX];
};

enum sky_status sky_keyword_history_new(uint64_t hash_key, struct sky_keyword_history **result)
{
    struct sky_keyword_history *history = calloc(1, sizeof *history);
    if (!history)
        return SKY_E_MEMORY;
    history->hash_key = hash_key;
    history->horizon_ms = INT64_MIN;
    *result = history;
    return SKY_OK;
}

static struct entry **slot_of(struct sky_keyword_history *history, uint64_t id)
{
    return &history->slots[sky_hash_slot(id, history->hash_key) % SKY_HISTORY_KEYWORDS_MAX];
}

static uint64_t id_of(struct sky_span keyword, struct sky_span language)
{
    return sky_hash_id_in(keyword, sky_hash_id(language));
}

static struct sky_span keyword_of(const struct entry *entry)
{
    return sky_span_of(entry->text, entry->keyword_len);
}

static struct sky_span language_of(const struct entry *entry)
{
    return sky_span_of(entry->text + entry->keyword_len, entry->language_len);
}

static void unlink_from_order(struct sky_keyword_history *history, struct entry *entry)
{
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        history->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        history->oldest = entry->newer;
}

static void link_as_newest(struct sky_keyword_history *history, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = history->newest;
    if (history->newest)
        history->newest->newer = entry;
    else
        history->oldest = entry;
    history->newest = entry;
}

static void forget(struct sky_keyword_history *history, struct entry *entry)
{
    struct entry **link = slot_of(history, entry->id);
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    unlink_from_order(history, entry);
    history->count--;
    free(entry->points);
    free(entry);
}

void sky_keyword_history_clear(struct sky_keyword_history *history)
{
    while (history->oldest)
        forget(history, history->oldest);
    history->horizon_ms = INT64_MIN;
}

void sky_keyword_history_free(struct sky_keyword_history *history)
{
    if (!history)
        return;
    sky_keyword_history_clear(history);
    free(history);
}

static struct entry *find(const struct sky_keyword_history *history, struct sky_span keyword, struct sky_span language)
{
    uint64_t id = id_of(keyword, language);
    struct entry *entry = history->slots[sky_hash_slot(id, history->hash_key) % SKY_HISTORY_KEYWORDS_MAX];
    while (entry && !(entry->id == id && sky_span_equal(keyword_of(entry), keyword) &&
                      sky_span_equal(language_of(entry), language)))
        entry = entry->chain;
    return entry;
}

static struct entry *insert(struct sky_keyword_history *history, struct sky_span keyword, struct sky_span language)
{
    if (history->count == SKY_HISTORY_KEYWORDS_MAX)
        forget(history, history->oldest);
    struct entry *entry = calloc(1, sizeof *entry + keyword.len + language.len);
    if (!entry)
        return NULL;
    entry->id = id_of(keyword, language);
    entry->keyword_len = keyword.len;
    entry->language_len = language.len;
    if (keyword.len)
        memcpy(entry->text, keyword.ptr, keyword.len);
    if (language.len)
        memcpy(entry->text + keyword.len, language.ptr, language.len);
    struct entry **slot = slot_of(history, entry->id);
    entry->chain = *slot;
    *slot = entry;
    link_as_newest(history, entry);
    history->count++;
    return entry;
}

static uint32_t expired_points(const struct sky_keyword_history *history, const struct entry *entry)
{
    uint32_t expired = 0;
    while (expired < entry->points_count && entry->points[expired].window_end_ms < history->horizon_ms)
        expired++;
    return expired;
}

static void drop_points(struct entry *entry, uint32_t count)
{
    entry->points_count -= count;
    assert(entry->points); /* there is a point to drop */
    memmove(entry->points, entry->points + count, entry->points_count * sizeof *entry->points);
}

static bool make_room(const struct sky_keyword_history *history, struct entry *entry)
{
    if (entry->points_count < entry->points_capacity)
        return true;
    uint32_t expired = expired_points(history, entry);
    if (expired == 0 && entry->points_count == SKY_HISTORY_POINTS_MAX)
        expired = 1;
    if (expired) {
        drop_points(entry, expired);
        return true;
    }
    uint32_t capacity = entry->points_capacity ? entry->points_capacity * 2 : POINTS_FIRST;
    if (capacity > SKY_HISTORY_POINTS_MAX)
        capacity = SKY_HISTORY_POINTS_MAX;
    struct sky_history_point *grown = realloc(entry->points, capacity * sizeof *grown);
    if (!grown)
        return false;
    entry->points = grown;
    entry->points_capacity = capacity;
    return true;
}

static void update_episode(struct entry *entry, const struct sky_history_point *point, int64_t started_at_ms)
{
    struct sky_history_episode *last = entry->episodes_count ? &entry->episodes[entry->episodes_count - 1] : NULL;
    if (!last || last->started_at_ms != started_at_ms) {
        if (entry->episodes_count == SKY_HISTORY_EPISODES_MAX)
            memmove(entry->episodes, entry->episodes + 1, --entry->episodes_count * sizeof *last);
        last = &entry->episodes[entry->episodes_count++];
        *last = (struct sky_history_episode){.started_at_ms = started_at_ms, .best_rank = point->rank};
    }
    if (point->frequency > last->peak_frequency)
        last->peak_frequency = point->frequency;
    if (point->rank && point->rank < last->best_rank)
        last->best_rank = point->rank;
}

enum sky_status sky_keyword_history_add(struct sky_keyword_history *history, struct sky_span keyword,
                                        struct sky_span language, const struct sky_history_point *point,
                                        int64_t started_at_ms)
{
    struct entry *entry = find(history, keyword, language);
    if (entry && entry->points_count && entry->points[entry->points_count - 1].window_end_ms >= point->window_end_ms)
        return SKY_OK;
    if (!entry)
        entry = insert(history, keyword, language);
    if (!entry || !make_room(history, entry))
        return SKY_E_MEMORY;
    entry->points[entry->points_count++] = *point;
    if (started_at_ms)
        update_episode(entry, point, started_at_ms);
    unlink_from_order(history, entry);
    link_as_newest(history, entry);
    return SKY_OK;
}

void sky_keyword_history_end(struct sky_keyword_history *history, struct sky_span keyword, struct sky_span language,
                             int64_t started_at_ms, int64_t ended_at_ms)
{
    struct entry *entry = find(history, keyword, language);
    for (uint32_t i = 0; entry && i < entry->episodes_count; i++)
        if (entry->episodes[i].started_at_ms == started_at_ms)
            entry->episodes[i].ended_at_ms = ended_at_ms;
}

void sky_keyword_history_expire(struct sky_keyword_history *history, int64_t now_ms)
{
    history->horizon_ms = now_ms - SKY_HISTORY_SPAN_MS;
    while (history->oldest && expired_points(history, history->oldest) == history->oldest->points_count) {
        assert(!history->oldest->older);
        forget(history, history->oldest);
    }
}

static void describe(const struct sky_keyword_history *history, const struct entry *entry,
                     struct sky_history_series *series)
{
    uint32_t expired = expired_points(history, entry);
    *series = (struct sky_history_series){
        .keyword = keyword_of(entry),
        .language = language_of(entry),
        .points = entry->points + expired,
        .points_count = entry->points_count - expired,
        .episodes = entry->episodes,
        .episodes_count = entry->episodes_count,
    };
}

bool sky_keyword_history_find(const struct sky_keyword_history *history, struct sky_span keyword,
                              struct sky_span language, struct sky_history_series *series)
{
    const struct entry *entry = find(history, keyword, language);
    if (!entry)
        return false;
    describe(history, entry, series);
    return true;
}

uint32_t sky_keyword_history_find_all(const struct sky_keyword_history *history, struct sky_span keyword,
                                      struct sky_history_series *series, uint32_t max)
{
    uint32_t found = 0;
    for (const struct entry *entry = history->newest; entry && found < max; entry = entry->older)
        if (sky_span_equal(keyword_of(entry), keyword))
            describe(history, entry, &series[found++]);
    return found;
}

uint32_t sky_keyword_history_count(const struct sky_keyword_history *history)
{
    return history->count;
}
