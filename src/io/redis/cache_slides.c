#include "io/redis/cache_slides.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"

#define KEY_SIZE    48
#define NUMBER_SIZE 24

void sky_cache_slides_init(struct sky_cache_slides *slides)
{
    memset(slides, 0, sizeof *slides);
}

void sky_cache_slides_clean_up(struct sky_cache_slides *slides)
{
    for (uint32_t i = 0; i < slides->count; i++)
        sky_buffer_clean_up(&slides->slides[i].json);
    slides->count = 0;
}

static void write_key(int64_t window_end_ms, char key[KEY_SIZE])
{
    char text[SKY_TIME_TEXT_SIZE];
    sky_time_format(window_end_ms, text);
    snprintf(key, KEY_SIZE, "trends:slide:%.19sZ", text);
}

/* Adding */

/* The slide's own place, a new one, or that of the oldest; NULL: it is older than all. */
static struct sky_cache_slide *take_place(struct sky_cache_slides *slides, int64_t window_end_ms)
{
    struct sky_cache_slide *oldest = &slides->slides[0];
    for (uint32_t i = 0; i < slides->count; i++) {
        struct sky_cache_slide *slide = &slides->slides[i];
        if (slide->window_end_ms == window_end_ms)
            return slide;
        if (slide->window_end_ms < oldest->window_end_ms)
            oldest = slide;
    }
    if (slides->count < SKY_CACHE_SLIDES_MAX)
        return &slides->slides[slides->count++];
    return oldest->window_end_ms < window_end_ms ? oldest : NULL;
}

/* The alerts of a list without their posts. */
static struct sky_trend_alert *strip(const struct sky_trend_alert *alerts, uint32_t *count)
{
    *count = *count < SKY_CACHE_SLIDE_TRENDS ? *count : SKY_CACHE_SLIDE_TRENDS;
    struct sky_trend_alert *copies = calloc(*count + 1, sizeof *copies);
    for (uint32_t i = 0; copies && i < *count; i++) {
        copies[i] = alerts[i];
        copies[i].sample_posts_count = 0;
    }
    return copies;
}

enum sky_status sky_cache_slides_add(struct sky_cache_slides *slides, const struct sky_trend_snapshot *snapshot)
{
    struct sky_trend_snapshot bare = *snapshot;
    struct sky_cache_slide *slide = take_place(slides, snapshot->window_end_ms);
    if (!slide)
        return SKY_OK;
    struct sky_trend_alert *trends = strip(snapshot->trends, &bare.trends_count);
    struct sky_trend_alert *ended = strip(snapshot->ended, &bare.ended_count);
    struct sky_trend_alert *recurring = strip(snapshot->recurring, &bare.recurring_count);
    slide->window_end_ms = snapshot->window_end_ms;
    slide->waits = false;
    sky_buffer_clear(&slide->json);
    if (trends && ended && recurring) {
        struct sky_json_writer json;
        bare.trends = trends;
        bare.ended = ended;
        bare.recurring = recurring;
        sky_json_begin(&json, &slide->json);
        sky_trend_snapshot_write(&json, &bare);
        slide->waits = !slide->json.failed;
    }
    free(trends);
    free(ended);
    free(recurring);
    return slide->waits ? SKY_OK : SKY_E_MEMORY;
}

bool sky_cache_slides_wait(const struct sky_cache_slides *slides)
{
    for (uint32_t i = 0; i < slides->count; i++)
        if (slides->slides[i].waits)
            return true;
    return false;
}

void sky_cache_slides_write_again(struct sky_cache_slides *slides)
{
    for (uint32_t i = 0; i < slides->count; i++)
        slides->slides[i].waits = slides->slides[i].json.len > 0 && !slides->slides[i].json.failed;
}

/* Writing */

static enum sky_status flush_some(struct sky_cache_slides *slides, struct sky_redis *redis, const char *ttl,
                                  uint64_t *writes)
{
    struct sky_redis_command commands[SKY_CACHE_SLIDES_A_GO] = {0};
    struct sky_redis_reply replies[SKY_CACHE_SLIDES_A_GO] = {0};
    struct sky_cache_slide *written[SKY_CACHE_SLIDES_A_GO];
    char keys[SKY_CACHE_SLIDES_A_GO][KEY_SIZE];
    uint32_t count = 0, taken = 0;
    for (uint32_t i = 0; i < slides->count && count < SKY_CACHE_SLIDES_A_GO; i++) {
        struct sky_cache_slide *slide = &slides->slides[i];
        if (!slide->waits)
            continue;
        write_key(slide->window_end_ms, keys[count]);
        sky_redis_command_begin(&commands[count], "SET");
        sky_redis_command_key(&commands[count], sky_span_from_string(keys[count]));
        sky_redis_command_add(&commands[count], sky_buffer_span(&slide->json));
        sky_redis_command_add(&commands[count], SKY_SPAN("PX"));
        sky_redis_command_add(&commands[count], sky_span_from_string(ttl));
        written[count++] = slide;
    }
    enum sky_status status = sky_redis_pipeline(redis, commands, count, replies);
    for (uint32_t i = 0; i < count; i++)
        if (replies[i].kind == SKY_REDIS_STATUS) {
            written[i]->waits = false;
            taken++;
        }
    *writes += taken;
    return status == SKY_OK && taken < count ? SKY_E_MALFORMED : status; /* that is no answer to SET */
}

enum sky_status sky_cache_slides_flush(struct sky_cache_slides *slides, struct sky_redis *redis, int64_t ttl_ms,
                                       uint64_t *writes)
{
    char ttl[NUMBER_SIZE];
    enum sky_status status = SKY_OK;
    snprintf(ttl, sizeof ttl, "%" PRId64, ttl_ms);
    while (status == SKY_OK && sky_cache_slides_wait(slides))
        status = flush_some(slides, redis, ttl, writes);
    return status;
}

/* Reading */

static enum sky_status read_some(struct sky_redis *redis, struct sky_record_reader *reader,
                                 const struct sky_cache_slides_wanted *wanted, int64_t first_end_ms)
{
    struct sky_redis_command commands[SKY_CACHE_SLIDES_A_GO] = {0};
    struct sky_redis_reply replies[SKY_CACHE_SLIDES_A_GO] = {0};
    char keys[SKY_CACHE_SLIDES_A_GO][KEY_SIZE];
    uint32_t count = 0;
    for (; count < SKY_CACHE_SLIDES_A_GO; count++) {
        int64_t end_ms = first_end_ms + count * SKY_MINUTE_MS;
        if (end_ms > wanted->last_end_ms)
            break;
        write_key(end_ms, keys[count]);
        sky_redis_command_begin(&commands[count], "GET");
        sky_redis_command_key(&commands[count], sky_span_from_string(keys[count]));
    }
    enum sky_status status = sky_redis_pipeline(redis, commands, count, replies);
    for (uint32_t i = 0; i < count && status == SKY_OK; i++) {
        struct sky_trend_snapshot snapshot;
        struct sky_error error;
        if (replies[i].kind == SKY_REDIS_TEXT &&
            sky_trend_snapshot_read(reader, replies[i].text, &snapshot, &error) == SKY_OK &&
            snapshot.window_end_ms == first_end_ms + i * SKY_MINUTE_MS)
            wanted->each(wanted->context, &snapshot);
    }
    return status;
}

enum sky_status sky_cache_slides_read(struct sky_redis *redis, struct sky_record_reader *reader,
                                      const struct sky_cache_slides_wanted *wanted)
{
    enum sky_status status = SKY_OK;
    for (int64_t end_ms = wanted->first_end_ms; end_ms <= wanted->last_end_ms && status == SKY_OK;
         end_ms += SKY_CACHE_SLIDES_A_GO * SKY_MINUTE_MS)
        status = read_some(redis, reader, wanted, end_ms);
    return status;
}
