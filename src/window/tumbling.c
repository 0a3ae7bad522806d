/* A tumbling window is a sliding one of a single pane, L minutes long: what counts keywords and authors is the same. */
#include "window/tumbling.h"

#include <assert.h>
#include <stdlib.h>

struct sky_tumbling {
    struct sky_tumbling_options options;
    struct sky_sliding *window; /* its "minutes" are numbers of windows */
    uint64_t replies;
    uint64_t by_language[SKY_SLIDING_LANGUAGES_MAX];
    uint64_t closed_by_language[SKY_SLIDING_LANGUAGES_MAX]; /* of the record handed out */
    struct sky_sliding_row *top_keywords;
    struct sky_sliding_row *top_hashtags;
};

struct sky_tumbling *sky_tumbling_new(const struct sky_tumbling_options *options)
{
    assert(options->length_minutes >= 1 && options->length_minutes <= SKY_SLIDING_WINDOW_MINUTES_MAX);
    struct sky_sliding_options pane = {1, options->languages, options->hash_key};
    struct sky_tumbling *tumbling = calloc(1, sizeof *tumbling);
    if (!tumbling)
        return NULL;
    tumbling->options = *options;
    tumbling->window = sky_sliding_new(&pane);
    tumbling->top_keywords = calloc(options->top + 1, sizeof *tumbling->top_keywords);
    tumbling->top_hashtags = calloc(options->top + 1, sizeof *tumbling->top_hashtags);
    if (!tumbling->window || !tumbling->top_keywords || !tumbling->top_hashtags) {
        sky_tumbling_free(tumbling);
        return NULL;
    }
    return tumbling;
}

void sky_tumbling_free(struct sky_tumbling *tumbling)
{
    if (!tumbling)
        return;
    sky_sliding_free(tumbling->window);
    free(tumbling->top_keywords);
    free(tumbling->top_hashtags);
    free(tumbling);
}

static int64_t number_of(const struct sky_tumbling *tumbling, int64_t minute)
{
    int64_t length = tumbling->options.length_minutes;
    return minute / length - (minute % length < 0);
}

static void fill(struct sky_tumbling *tumbling, int64_t number, struct sky_activity *activity)
{
    uint32_t all = tumbling->options.languages, top = tumbling->options.top;
    int64_t length = tumbling->options.length_minutes;
    *activity = (struct sky_activity){.window_start_minute = number * length,
                                      .window_end_minute = (number + 1) * length,
                                      .posts = sky_sliding_posts(tumbling->window),
                                      .replies = tumbling->replies,
                                      .unique_authors = sky_sliding_authors(tumbling->window),
                                      .by_language = tumbling->closed_by_language,
                                      .top_keywords = tumbling->top_keywords,
                                      .top_hashtags = tumbling->top_hashtags};
    activity->top_keywords_count = sky_sliding_top(
        tumbling->window, all, 1 << SKY_KEYWORD_WORD | 1 << SKY_KEYWORD_PHRASE, top, tumbling->top_keywords);
    activity->top_hashtags_count =
        sky_sliding_top(tumbling->window, all, 1 << SKY_KEYWORD_HASHTAG, top, tumbling->top_hashtags);
    memcpy(tumbling->closed_by_language, tumbling->by_language, sizeof tumbling->by_language);
    memset(tumbling->by_language, 0, sizeof tumbling->by_language);
    tumbling->replies = 0;
}

bool sky_tumbling_advance(struct sky_tumbling *tumbling, int64_t minute, struct sky_activity *activity)
{
    if (!sky_sliding_is_started(tumbling->window))
        return false;
    int64_t open = sky_sliding_open_minute(tumbling->window);
    if (number_of(tumbling, minute) <= open || sky_sliding_close(tumbling->window) != SKY_OK)
        return false;
    fill(tumbling, open, activity);
    return true;
}

enum sky_status sky_tumbling_add(struct sky_tumbling *tumbling, int64_t minute, const struct sky_sliding_post *post,
                                 bool is_reply, const struct sky_keyword_list *keywords)
{
    int64_t number = number_of(tumbling, minute);
    if (!sky_sliding_is_started(tumbling->window))
        sky_sliding_start(tumbling->window, number);
    enum sky_status status = sky_sliding_add(tumbling->window, number, post, keywords);
    if (status != SKY_OK)
        return status;
    tumbling->replies += is_reply;
    tumbling->by_language[post->language]++;
    return SKY_OK;
}

bool sky_tumbling_takes(const struct sky_tumbling *tumbling, int64_t minute)
{
    return !sky_sliding_is_started(tumbling->window) ||
           number_of(tumbling, minute) == sky_sliding_open_minute(tumbling->window);
}

void sky_tumbling_save(const struct sky_tumbling *tumbling, struct sky_buffer *buffer)
{
    sky_buffer_put_u32(buffer, tumbling->options.length_minutes);
    sky_buffer_put_u64(buffer, tumbling->replies);
    for (uint32_t g = 0; g < tumbling->options.languages; g++)
        sky_buffer_put_u64(buffer, tumbling->by_language[g]);
    sky_sliding_save(tumbling->window, buffer);
}

void sky_tumbling_load(struct sky_tumbling *tumbling, struct sky_reader *reader)
{
    if (sky_reader_u32(reader) != tumbling->options.length_minutes)
        sky_reader_fail(reader, SKY_E_CONFIG, "a tumbling window of another length");
    tumbling->replies = sky_reader_u64(reader);
    for (uint32_t g = 0; g < tumbling->options.languages; g++)
        tumbling->by_language[g] = sky_reader_u64(reader);
    if (sky_reader_ok(reader))
        sky_sliding_load(tumbling->window, reader);
}
