/* Any bytes as a post: the first byte picks its language, and whether the text's first word is a hashtag too. Every
 * keyword must be non-empty UTF-8 within the limit, stand once, and be its own normal form; both ways through the text
 * must agree. */
#include <stdlib.h>

#include "base/utf8.h"
#include "text/keyword.h"
#include "text/normalize.h"

static struct sky_text *fast, *slow;
static struct sky_character_table *table;
static struct sky_normalizer *normalizer;

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *reason = NULL;
    struct sky_text_options options = {.keep_labelled = true};
    table = malloc(sizeof *table);
    require(table && sky_character_table_fill(table) == SKY_OK);
    require(sky_normalizer_new(table, &normalizer) == SKY_OK);
    require(sky_text_new(&options, &fast, &reason) == SKY_OK && sky_text_new(&options, &slow, &reason) == SKY_OK);
    sky_text_force_icu(slow, true);
    return 0;
}

/* Words in capitals that would be stop words keep them; everything else is its own normal form. */
static void require_normal(struct sky_span keyword)
{
    uint8_t folded[SKY_KEYWORD_BYTES_MAX * 4];
    size_t len = 0;
    struct sky_span normal;
    require(sky_normalize_text(normalizer, keyword, &normal) == SKY_OK && sky_span_equal(normal, keyword));
    require(sky_normalize_fold(normalizer, keyword, folded, sizeof folded, &len) == SKY_OK);
    for (size_t i = 0; len == keyword.len && i < len; i++)
        require(folded[i] == keyword.ptr[i] || (keyword.ptr[i] < folded[i]));
    struct sky_span again = sky_span_of(folded, len);
    uint8_t twice[SKY_KEYWORD_BYTES_MAX * 4];
    require(len == keyword.len);
    require(sky_normalize_fold(normalizer, again, twice, sizeof twice, &len) == SKY_OK);
    require(sky_span_equal(again, sky_span_of(twice, len)));
}

static void check(const struct sky_keyword_list *a, const struct sky_keyword_list *b)
{
    require(a->count == b->count && a->count <= SKY_KEYWORDS_MAX);
    for (size_t i = 0; i < a->count; i++) {
        struct sky_span keyword = a->items[i].normalized;
        require(keyword.len > 0 && keyword.len <= SKY_KEYWORD_BYTES_MAX && sky_utf8_is_valid(keyword));
        require(sky_span_equal(keyword, b->items[i].normalized) && a->items[i].kind == b->items[i].kind);
        require_normal(keyword);
        for (size_t k = 0; k < i && i < 200; k++)
            require(!sky_span_equal(keyword, a->items[k].normalized));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = {"en", "ja", "pt", "tr", "fr", "zh", "", "und"};
    if (size < 1 || size > SKY_POST_TEXT_BYTES_MAX)
        return 0;
    struct sky_post post = {.op = SKY_POST_CREATE, .text = sky_span_of(data + 1, size - 1)};
    struct sky_keyword_list a, b;
    struct sky_span tag = post.text;
    post.language = sky_span_from_string(languages[data[0] & 7]);
    const uint8_t *space = memchr(tag.ptr, ' ', tag.len);
    if ((data[0] & 8) && space && space - tag.ptr < SKY_POST_HASHTAG_BYTES_MAX) {
        tag.len = (size_t)(space - tag.ptr);
        post.hashtags = &tag;
        post.hashtags_count = 1;
    }
    struct sky_span detected = sky_text_language(fast, &post);
    require(sky_span_equal(detected, sky_text_language(slow, &post)));
    post.language = detected;
    require(sky_text_keywords(fast, &post, &a) == SKY_OK && sky_text_keywords(slow, &post, &b) == SKY_OK);
    require(sky_text_sketch(fast) == sky_text_sketch(slow));
    check(&a, &b);
    return 0;
}
