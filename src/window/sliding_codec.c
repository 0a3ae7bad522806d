/* The window as bytes: its minutes, their posts, and each post's keywords as numbers in order of first use; a keyword's
 * bytes follow its number where that is new. So the bytes say nothing of rows, tables and keys, and load is add.
 *
 *   u32 window_minutes  u32 languages  u8 started  i64 open_minute  u32 panes
 *   panes x { u64 posts x { u64 author  u64 post  u64 sketch  u8 language  u64 keywords x { u32 number [u8 kind  blob]
 * } } }
 */
#include "window/sliding_state.h"

#include <stdlib.h>

#define POST_SIZE_BYTES_MIN    (3 * 8 + 1 + 8)
#define KEYWORD_SIZE_BYTES_MIN 4

static void save_occurrences(const struct sky_sliding *window, uint32_t from, uint32_t end, uint32_t *numbers,
                             uint32_t *next, struct sky_buffer *buffer)
{
    sky_buffer_put_u64(buffer, end - from);
    for (uint32_t at = from; at != end; at++) {
        uint32_t row = sliding_occurrence_at(window, at)->row;
        bool is_new = numbers[row] == SLIDING_NONE;
        if (is_new)
            numbers[row] = (*next)++;
        sky_buffer_put_u32(buffer, numbers[row]);
        if (is_new) {
            sky_buffer_put_u8(buffer, window->rows[row].kind);
            sky_buffer_put_blob(buffer, sliding_row_text(window, &window->rows[row]));
        }
    }
}

static uint32_t pane_len(const struct sky_sliding *window, int64_t minute)
{
    int64_t panes = (int64_t)window->options.window_minutes + 1;
    int64_t at = minute % panes;
    return window->pane_posts[at < 0 ? at + panes : at];
}

void sky_sliding_save(const struct sky_sliding *window, struct sky_buffer *buffer)
{
    sky_buffer_put_u32(buffer, window->options.window_minutes);
    sky_buffer_put_u32(buffer, window->options.languages);
    sky_buffer_put_u8(buffer, window->started);
    sky_buffer_put_i64(buffer, window->open_minute);
    sky_buffer_put_u32(buffer, window->panes_held);
    uint32_t *numbers = malloc((window->rows_count + 1) * sizeof *numbers);
    if (!numbers) {
        buffer->failed = true;
        return;
    }
    memset(numbers, 0xff, window->rows_count * sizeof *numbers);
    uint32_t next = 0, at = window->post_ring.tail;
    for (uint32_t pane = window->panes_held; pane-- > 0;) {
        uint32_t posts = pane_len(window, window->open_minute - pane);
        sky_buffer_put_u64(buffer, posts);
        for (; posts; posts--, at++) {
            const struct sliding_post *post = sliding_post_at(window, at);
            uint32_t end = at + 1 == window->post_ring.head ? window->occurrence_ring.head
                                                            : sliding_post_at(window, at + 1)->first_occurrence;
            sky_buffer_put_u64(buffer, post->author_id);
            sky_buffer_put_u64(buffer, post->post_id);
            sky_buffer_put_u64(buffer, post->sketch);
            sky_buffer_put_u8(buffer, post->language);
            save_occurrences(window, post->first_occurrence, end, numbers, &next, buffer);
        }
    }
    free(numbers);
}

struct dictionary {
    struct sky_keyword *keywords; /* by number; borrow the input */
    uint32_t count;
    uint32_t capacity;
};

static bool dictionary_grow(struct dictionary *dictionary)
{
    if (dictionary->count < dictionary->capacity)
        return true;
    uint32_t capacity = dictionary->capacity ? dictionary->capacity * 2 : 1024;
    struct sky_keyword *keywords = realloc(dictionary->keywords, capacity * sizeof *keywords);
    if (!keywords)
        return false;
    dictionary->keywords = keywords;
    dictionary->capacity = capacity;
    return true;
}

static void load_keyword(struct dictionary *dictionary, struct sky_reader *reader, struct sky_keyword *keyword)
{
    uint32_t number = sky_reader_u32(reader);
    if (!sky_reader_ok(reader))
        return;
    if (number > dictionary->count) {
        sky_reader_fail(reader, SKY_E_RANGE, "a keyword's number is ahead of its bytes");
        return;
    }
    if (number == dictionary->count) {
        if (!dictionary_grow(dictionary)) {
            sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the window's keywords");
            return;
        }
        uint8_t kind = sky_reader_u8(reader);
        struct sky_span text = sky_reader_blob(reader);
        if (kind > SKY_KEYWORD_PHRASE || text.len > SKY_KEYWORD_BYTES_MAX || text.len == 0)
            sky_reader_fail(reader, SKY_E_RANGE, "not a keyword of the window");
        dictionary->keywords[dictionary->count++] =
            (struct sky_keyword){.normalized = text, .surface = text, .kind = kind};
    }
    *keyword = dictionary->keywords[number];
}

static void load_post(struct sky_sliding *window, struct dictionary *dictionary, struct sky_keyword *keywords,
                      struct sky_reader *reader)
{
    struct sky_sliding_post post = {.author_id = sky_reader_u64(reader)};
    post.post_id = sky_reader_u64(reader);
    post.sketch = sky_reader_u64(reader);
    post.language = sky_reader_u8(reader);
    uint64_t count = sky_reader_count(reader, KEYWORD_SIZE_BYTES_MIN);
    if (post.language >= window->options.languages || count > SKY_KEYWORDS_MAX)
        sky_reader_fail(reader, SKY_E_RANGE, "not a post of the window");
    for (uint64_t i = 0; sky_reader_ok(reader) && i < count; i++)
        load_keyword(dictionary, reader, &keywords[i]);
    if (!sky_reader_ok(reader))
        return;
    struct sky_keyword_list list = {keywords, count};
    if (sliding_append(window, &post, &list) != SKY_OK)
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the window");
}

static bool load_header(struct sky_sliding *window, struct sky_reader *reader, uint32_t *panes)
{
    bool same = sky_reader_u32(reader) == window->options.window_minutes;
    same = sky_reader_u32(reader) == window->options.languages && same;
    window->started = sky_reader_u8(reader);
    window->open_minute = sky_reader_i64(reader);
    *panes = sky_reader_u32(reader);
    if (!same)
        sky_reader_fail(reader, SKY_E_CONFIG, "a window of another length or of other languages");
    if (*panes > window->options.window_minutes + 1 || window->started != (*panes > 0) ||
        window->open_minute > INT64_MAX / SKY_SLIDING_WINDOW_MINUTES_MAX ||
        window->open_minute < -(INT64_MAX / SKY_SLIDING_WINDOW_MINUTES_MAX))
        sky_reader_fail(reader, SKY_E_RANGE, "minutes that no window holds");
    return sky_reader_ok(reader);
}

void sky_sliding_load(struct sky_sliding *window, struct sky_reader *reader)
{
    uint32_t panes;
    if (!load_header(window, reader, &panes))
        return;
    struct dictionary dictionary = {0};
    struct sky_keyword *keywords = malloc(SKY_KEYWORDS_MAX * sizeof *keywords);
    if (!keywords)
        sky_reader_fail(reader, SKY_E_MEMORY, "no memory for the window's keywords");
    int64_t open_minute = window->open_minute;
    for (uint32_t pane = panes; pane-- > 0 && sky_reader_ok(reader);) {
        window->open_minute = open_minute - pane; /* sliding_append counts the post for it */
        window->panes_held++;
        uint64_t posts = sky_reader_count(reader, POST_SIZE_BYTES_MIN);
        for (; posts && sky_reader_ok(reader); posts--)
            load_post(window, &dictionary, keywords, reader);
    }
    window->open_minute = open_minute;
    free(keywords);
    free(dictionary.keywords);
}
