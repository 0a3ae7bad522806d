#include "stage/minute_windows.h"

void sky_minute_windows_init(struct sky_minute_windows *windows, const struct sky_engine_options *options)
{
    *windows = (struct sky_minute_windows){.options = options, .closed_minute = SKY_NOTHING_CLOSED};
}

void sky_minute_windows_clean_up(struct sky_minute_windows *windows)
{
    sky_sliding_free(windows->window);
    sky_tumbling_free(windows->activity);
    sky_minutes_clean_up(&windows->waiting);
}

enum sky_status sky_minute_windows_take(struct sky_minute_windows *windows, int64_t minute, struct sky_span entries)
{
    if (minute <= windows->closed_minute)
        return SKY_E_LATE;
    struct sky_buffer *waiting = sky_minutes_open(&windows->waiting, minute);
    if (!waiting)
        return SKY_E_MEMORY;
    sky_buffer_put_span(waiting, entries);
    return waiting->failed ? SKY_E_MEMORY : SKY_OK;
}

bool sky_minute_windows_next(const struct sky_minute_windows *windows, int64_t *minute)
{
    if (windows->window || windows->activity) {
        *minute = windows->closed_minute + 1;
        return true;
    }
    if (windows->waiting.count)
        *minute = windows->waiting.items[0].minute;
    return windows->waiting.count > 0;
}

static enum sky_status begin(struct sky_minute_windows *windows, int64_t minute)
{
    const struct sky_sliding_options window = sky_engine_window_options(windows->options);
    const struct sky_tumbling_options activity = sky_engine_activity_options(windows->options);
    if (!windows->window) {
        windows->window = sky_sliding_new(&window);
        if (!windows->window)
            return SKY_E_MEMORY;
        sky_sliding_start(windows->window, minute);
    }
    if (!windows->activity && activity.length_minutes) {
        windows->activity = sky_tumbling_new(&activity);
        if (!windows->activity)
            return SKY_E_MEMORY;
    }
    return SKY_OK;
}

enum sky_status sky_minute_windows_add(struct sky_minute_windows *windows, int64_t minute,
                                       const struct sky_sliding_post *post, bool is_reply,
                                       const struct sky_keyword_list *keywords)
{
    enum sky_status status = begin(windows, minute);
    if (status == SKY_OK)
        status = sky_sliding_add(windows->window, minute, post, keywords);
    if (status == SKY_OK && windows->activity) {
        status = sky_tumbling_add(windows->activity, minute, post, is_reply, keywords);
        windows->activity_posts += status == SKY_OK;
    }
    return status;
}

enum sky_status sky_minute_windows_close(struct sky_minute_windows *windows)
{
    if (!windows->window)
        return SKY_OK;
    enum sky_status status = sky_sliding_close(windows->window);
    if (status == SKY_OK && !sky_sliding_posts(windows->window)) {
        sky_sliding_free(windows->window);
        windows->window = NULL;
    }
    return status;
}

bool sky_minute_windows_activity(struct sky_minute_windows *windows, int64_t minute, struct sky_activity *activity)
{
    while (windows->activity && sky_tumbling_advance(windows->activity, minute + 1, activity)) {
        windows->activity_posts = 0;
        if (activity->posts)
            return true;
    }
    if (!windows->window && !windows->activity_posts) { /* it would tell every empty window until the next post */
        sky_tumbling_free(windows->activity);
        windows->activity = NULL;
    }
    return false;
}

void sky_minute_windows_save(const struct sky_minute_windows *windows, struct sky_buffer *buffer)
{
    sky_buffer_put_i64(buffer, windows->closed_minute);
    sky_buffer_put_u8(buffer, windows->window != NULL);
    if (windows->window)
        sky_sliding_save(windows->window, buffer);
    sky_buffer_put_u8(buffer, windows->activity != NULL);
    sky_buffer_put_u64(buffer, windows->activity_posts);
    if (windows->activity)
        sky_tumbling_save(windows->activity, buffer);
}

static void load_window(struct sky_minute_windows *windows, struct sky_reader *reader)
{
    const struct sky_sliding_options options = sky_engine_window_options(windows->options);
    windows->window = sky_sliding_new(&options);
    if (!windows->window) {
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for a window");
        return;
    }
    sky_sliding_load(windows->window, reader);
    if (sky_reader_ok(reader) && sky_sliding_open_minute(windows->window) - 1 != windows->closed_minute)
        sky_reader_fail(reader, SKY_E_RANGE, "a window of another time");
}

void sky_minute_windows_load(struct sky_minute_windows *windows, struct sky_reader *reader)
{
    const struct sky_tumbling_options options = sky_engine_activity_options(windows->options);
    windows->closed_minute = sky_reader_i64(reader);
    if (sky_reader_u8(reader))
        load_window(windows, reader);
    bool has_activity = sky_reader_u8(reader);
    windows->activity_posts = sky_reader_u64(reader);
    if (!has_activity || !sky_reader_ok(reader))
        return;
    windows->activity = options.length_minutes ? sky_tumbling_new(&options) : NULL;
    if (windows->activity)
        sky_tumbling_load(windows->activity, reader);
    else
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for a window of activity");
}
