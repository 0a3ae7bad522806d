#include "engine/options.h"

#include "base/time.h"

#define IMPORT_AGE_MS SKY_HOUR_MS

void sky_engine_options_default(struct sky_engine_options *options)
{
    *options = (struct sky_engine_options){
        .languages = {"en", "ja", "pt", "de", "es", "fr", "ko"},
        .languages_count = 7,
        .window_minutes = 10,
        .min_frequency = 10,
        .min_authors = 5,
        .min_growth = 1.0,
        .min_z = 5.0,
        .top_keywords = 50,
        .samples = 5,
    };
}

enum sky_status sky_engine_options_check(const struct sky_engine_options *options, const char **reason)
{
    *reason = NULL;
    if (options->languages_count >= SKY_ENGINE_LANGUAGES_MAX)
        *reason = "more languages than SKY_ENGINE_LANGUAGES_MAX - 1";
    if (options->window_minutes < 1 || options->window_minutes > SKY_SLIDING_WINDOW_MINUTES_MAX)
        *reason = "a window is 1 to 1,440 minutes";
    if (options->activity_minutes > SKY_SLIDING_WINDOW_MINUTES_MAX)
        *reason = "a window of activity is at most 1,440 minutes";
    for (uint32_t i = 0; i < options->languages_count && !*reason; i++)
        if (strlen(options->languages[i]) >= SKY_LANGUAGE_NAME_SIZE || !options->languages[i][0])
            *reason = "a language is a subtag of 1 to 8 letters";
    return *reason ? SKY_E_CONFIG : SKY_OK;
}

void sky_engine_options_copy(struct sky_engine_options_copy *copy, const struct sky_engine_options *options)
{
    copy->options = *options;
    for (uint32_t i = 0; i < options->languages_count; i++) {
        memcpy(copy->language_names[i], options->languages[i], strlen(options->languages[i]) + 1);
        copy->options.languages[i] = copy->language_names[i];
    }
}

uint32_t sky_engine_language_index(const struct sky_engine_options *options, struct sky_span language)
{
    for (uint32_t i = 0; i < options->languages_count; i++)
        if (sky_span_equal(language, sky_span_from_string(options->languages[i])))
            return i;
    return options->languages_count;
}

struct sky_span sky_engine_language_name(const struct sky_engine_options *options, uint32_t index)
{
    if (index < options->languages_count)
        return sky_span_from_string(options->languages[index]);
    return index == options->languages_count ? SKY_SPAN("other") : SKY_SPAN("*");
}

struct sky_sliding_options sky_engine_window_options(const struct sky_engine_options *options)
{
    return (struct sky_sliding_options){
        .window_minutes = options->window_minutes,
        .languages = options->languages_count + 1, /* the last is "other" */
        .hash_key = options->hash_key,
    };
}

struct sky_tumbling_options sky_engine_activity_options(const struct sky_engine_options *options)
{
    return (struct sky_tumbling_options){
        .length_minutes = options->activity_minutes,
        .languages = options->languages_count + 1,
        .top = options->top_keywords,
        .hash_key = options->hash_key,
    };
}

struct sky_tracker_options sky_engine_tracker_options(const struct sky_engine_options *options)
{
    struct sky_tracker_options tracker = {.languages = options->languages_count + 1};
    sky_detector_options_default(&tracker.detector);
    tracker.detector.window_minutes = options->window_minutes;
    tracker.detector.min_frequency = options->min_frequency;
    tracker.detector.min_authors = options->min_authors;
    tracker.detector.min_growth = options->min_growth;
    tracker.detector.min_z = options->min_z;
    tracker.detector.z_literal = options->z_literal;
    tracker.rank_recurring = options->rank_recurring || options->z_literal; /* the plain rule knows no more than z */
    tracker.detector.hash_key = options->hash_key;
    return tracker;
}

static void put_shape(const struct sky_engine_options *options, struct sky_buffer *shape)
{
    sky_buffer_put_u32(shape, options->window_minutes);
    sky_buffer_put_u8(shape, options->z_literal);
    sky_buffer_put_u32(shape, options->languages_count);
    for (uint32_t i = 0; i < options->languages_count; i++)
        sky_buffer_put_blob(shape, sky_span_from_string(options->languages[i]));
}

void sky_engine_shape_save(const struct sky_engine_options *options, struct sky_buffer *buffer)
{
    struct sky_buffer shape = {0};
    put_shape(options, &shape);
    sky_buffer_put_blob(buffer, sky_buffer_span(&shape));
    buffer->failed |= shape.failed;
    sky_buffer_clean_up(&shape);
}

void sky_engine_shape_load(const struct sky_engine_options *options, struct sky_reader *reader)
{
    struct sky_buffer shape = {0};
    put_shape(options, &shape);
    struct sky_span saved = sky_reader_blob(reader);
    if (sky_reader_ok(reader) && !sky_span_equal(saved, sky_buffer_span(&shape)))
        sky_reader_fail(reader, SKY_E_CONFIG, "the state was made with other languages, window or z_mode");
    sky_buffer_clean_up(&shape);
}

bool sky_engine_is_import(const struct sky_post *post)
{
    return post->has_created_at && post->observed_at_ms - post->created_at_ms > IMPORT_AGE_MS;
}
