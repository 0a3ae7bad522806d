/* The second half of the way to keywords. word.c has found the words; here, knowing the language, each becomes a
 * token, runs of Han and kana are cut into tokens of their own, and tokens give keywords.
 *
 * The folded tokens are laid end to end in one buffer, with a space where the text has a gap. So a phrase of two or
 * three tokens is a slice of that buffer, as a word is, and nothing is copied twice.
 *
 *     text     The Bank of England's   rate cut
 *     keys     the bank of england rate cut
 *     tokens   ^   ^    ^  ^       ^    ^          bank, england, rate, cut; "bank of england", "england rate", ... */
#include "text/keyword.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "text/japanese.h"
#include "text/language.h"
#include "text/segment.h"

/* More hashtags than this in one post, and none counts. Ours. */
#define HASHTAGS_MAX     8
#define PHRASE_WORDS_MAX 3
#define SEEN_SLOTS       4096 /* > 2 * SKY_KEYWORDS_MAX, a power of two */

enum {
    TOKEN_BREAK = 1,  /* no phrase goes over the gap before it */
    TOKEN_WORD = 2,   /* a keyword by itself, and what makes a phrase one */
    TOKEN_BEGINS = 4, /* may begin a phrase */
    TOKEN_ENDS = 8,   /* may end one */
    TOKEN_JOINED = 16 /* no space before it */
};

struct token {
    uint32_t start; /* bytes of the normalised text */
    uint32_t end;
    uint32_t key; /* bytes of sky_text.keys */
    uint32_t key_len;
    uint32_t flags;
    uint64_t id;
};

struct sky_text {
    struct sky_text_options options;
    struct sky_stopword_table *stopwords;
    struct sky_word_finder *finder;
    struct sky_japanese *japanese;
    struct sky_normalizer *tag_normalizer; /* the finder's own holds the text */

    /* The text last looked at, so that the language and the keywords of a post share the work. */
    uint8_t *seen_text;
    size_t seen_len;
    size_t seen_capacity;
    bool seen;
    struct sky_words words;
    bool shouting; /* written in capitals all over */
    bool pending_break;

    uint32_t language; /* bit in the stop-word lists */
    struct sky_span language_name;
    struct token *tokens;
    size_t tokens_count;
    size_t tokens_capacity;
    uint8_t *keys;
    size_t keys_len;
    size_t keys_capacity;

    uint8_t tags[HASHTAGS_MAX][SKY_KEYWORD_BYTES_MAX]; /* normalised hashtags of the post */
    char tag_language[4];

    struct sky_keyword items[SKY_KEYWORDS_MAX];
    uint64_t ids[SKY_KEYWORDS_MAX];
    uint16_t item_slots[SKY_KEYWORDS_MAX];
    size_t count;
    uint16_t slots[SEEN_SLOTS]; /* index into items + 1; 0 is empty */
};

enum sky_status sky_text_new(const struct sky_text_options *options, struct sky_text **text, const char **reason)
{
    struct sky_text *t = calloc(1, sizeof *t);
    if (!t)
        return SKY_E_MEMORY;
    if (options)
        t->options = *options;
    *reason = "ICU's data for normalisation or word boundaries is missing (Debian: libicu72)";
    enum sky_status status = sky_stopword_table_new(&t->stopwords);
    if (status == SKY_OK)
        status = sky_word_finder_new(t->stopwords, &t->finder);
    if (status == SKY_OK)
        status = sky_normalizer_new(sky_word_finder_table(t->finder), &t->tag_normalizer);
    if (status == SKY_OK)
        status = sky_japanese_new(&t->japanese, reason);
    if (status != SKY_OK) {
        sky_text_free(t);
        return status;
    }
    *reason = NULL;
    *text = t;
    return SKY_OK;
}

void sky_text_free(struct sky_text *text)
{
    if (!text)
        return;
    sky_japanese_free(text->japanese);
    sky_normalizer_free(text->tag_normalizer);
    sky_word_finder_free(text->finder);
    sky_stopword_table_free(text->stopwords);
    free(text->seen_text);
    free(text->tokens);
    free(text->keys);
    free(text);
}

void sky_text_force_icu(struct sky_text *text, bool force)
{
    sky_word_finder_force_icu(text->finder, force);
    text->seen = false;
}

/* Find the words of a post, unless the last call did. The tags count as part of the text: they say how far a hashtag
 * reaches, so the memory of the last text holds them too. */
static enum sky_status look_at(struct sky_text *t, const struct sky_post *post)
{
    size_t len = post->text.len;
    for (uint32_t i = 0; i < post->hashtags_count; i++)
        len += post->hashtags[i].len + 1;
    if (t->seen_capacity < len) {
        uint8_t *grown = realloc(t->seen_text, len);
        if (!grown)
            return SKY_E_MEMORY;
        t->seen_text = grown;
        t->seen_capacity = len;
        t->seen = false;
    }
    bool same = t->seen && t->seen_len == len;
    size_t at = 0;
    for (uint32_t i = 0; i <= post->hashtags_count; i++) {
        struct sky_span part = i == 0 ? post->text : post->hashtags[i - 1];
        if (i > 0) {
            same = same && t->seen_text[at] == 0xff; /* no byte of UTF-8 */
            t->seen_text[at++] = 0xff;
        }
        if (part.len == 0)
            continue;
        same = same && memcmp(t->seen_text + at, part.ptr, part.len) == 0;
        if (!same)
            memcpy(t->seen_text + at, part.ptr, part.len);
        at += part.len;
    }
    if (same)
        return SKY_OK;
    t->seen_len = len;
    enum sky_status status = sky_word_find(t->finder, post->text, post->hashtags, post->hashtags_count, &t->words);
    t->seen = status == SKY_OK;
    return status;
}

/* The lower-case primary subtag of a BCP 47 tag, or empty when it says nothing. */
static struct sky_span primary_subtag(struct sky_text *t, struct sky_span tag)
{
    size_t len = 0;
    while (len < tag.len && tag.ptr[len] != '-' && len < 4) {
        uint8_t c = tag.ptr[len] | 0x20;
        if (c < 'a' || c > 'z')
            return SKY_SPAN("");
        t->tag_language[len++] = (char)c;
    }
    bool whole = len == tag.len || tag.ptr[len] == '-';
    struct sky_span subtag = sky_span_of(t->tag_language, len);
    bool means_nothing = sky_span_equal(subtag, SKY_SPAN("und")) || sky_span_equal(subtag, SKY_SPAN("mul")) ||
                         sky_span_equal(subtag, SKY_SPAN("zxx")) || sky_span_equal(subtag, SKY_SPAN("mis"));
    return whole && (len == 2 || len == 3) && !means_nothing ? subtag : SKY_SPAN("");
}

struct sky_span sky_text_language(struct sky_text *t, const struct sky_post *post)
{
    struct sky_span tag = primary_subtag(t, post->language);
    if (tag.len && post->language_detected)
        return tag;
    for (uint32_t i = 0; tag.len == 0 && i < post->langs_count; i++)
        tag = primary_subtag(t, post->langs[i]);
    if (look_at(t, post) != SKY_OK)
        return tag.len ? tag : SKY_SPAN("und");
    return sky_language_detect(&t->words, sky_word_finder_table(t->finder), t->stopwords, tag);
}

bool sky_text_is_withheld(const struct sky_text *t, const struct sky_post *post)
{
    static const char *const labels[] = {"porn", "sexual", "nudity", "graphic-media"};
    for (uint32_t i = 0; i < post->labels_count && !t->options.keep_labelled; i++)
        for (size_t k = 0; k < sizeof labels / sizeof *labels; k++)
            if (sky_span_equal(post->labels[i], sky_span_from_string(labels[k])))
                return true;
    return false;
}

/* Take a keyword, unless the post has it already. */
static void add_keyword(struct sky_text *t, struct sky_keyword keyword, uint64_t id)
{
    if (keyword.normalized.len == 0 || keyword.normalized.len > SKY_KEYWORD_BYTES_MAX || t->count == SKY_KEYWORDS_MAX)
        return;
    size_t slot = id & (SEEN_SLOTS - 1);
    for (; t->slots[slot]; slot = (slot + 1) & (SEEN_SLOTS - 1)) {
        size_t i = t->slots[slot] - 1U;
        if (t->ids[i] == id && sky_span_equal(t->items[i].normalized, keyword.normalized))
            return;
    }
    t->items[t->count] = keyword;
    t->ids[t->count] = id;
    t->item_slots[t->count] = (uint16_t)slot;
    t->slots[slot] = (uint16_t)++t->count;
}

static void forget_keywords(struct sky_text *t)
{
    for (size_t i = 0; i < t->count; i++)
        t->slots[t->item_slots[i]] = 0;
    t->count = 0;
}

/* "#" and the folded tag, inner spaces single. 0 where it is no keyword: no letter, one letter alone, too long. */
static size_t put_hashtag(const struct sky_character_table *table, struct sky_span folded, uint8_t *key)
{
    size_t len = 0, letters = 0, code_points = 0;
    bool solid = false; /* one sign can be a word */
    key[len++] = '#';
    for (size_t i = 0; i < folded.len;) {
        size_t start = i;
        uint32_t c = sky_utf8_next(folded, &i);
        enum sky_char_class class = sky_character_class(table, c);
        bool space = class == SKY_CHAR_SPACE || class == SKY_CHAR_NEWLINE;
        if ((space && (len == 1 || key[len - 1] == ' ')) || (c == '#' && len == 1))
            continue;
        if (len + (i - start) > SKY_KEYWORD_BYTES_MAX)
            return 0;
        letters += class == SKY_CHAR_LETTER || class == SKY_CHAR_CJK || class == SKY_CHAR_COMPLEX;
        solid |= sky_character_is_han(c) || sky_character_is_hangul(c);
        code_points++;
        memcpy(key + len, space ? (const uint8_t *)" " : folded.ptr + start, space ? 1 : i - start);
        len += space ? 1 : i - start;
    }
    while (len > 1 && key[len - 1] == ' ')
        len--;
    return letters > 0 && (code_points > 1 || solid) ? len : 0;
}

static enum sky_status add_hashtag(struct sky_text *t, struct sky_span tag, uint8_t *key)
{
    struct sky_span normal;
    uint8_t folded[SKY_KEYWORD_BYTES_MAX * 2];
    size_t folded_len = 0;
    if (tag.len > SKY_POST_HASHTAG_BYTES_MAX)
        return SKY_OK;
    enum sky_status status = sky_normalize_text(t->tag_normalizer, tag, &normal);
    if (status == SKY_OK)
        status = sky_normalize_fold(t->tag_normalizer, normal, folded, sizeof folded, &folded_len);
    if (status != SKY_OK)
        return status == SKY_E_MEMORY ? status : SKY_OK;
    size_t len = put_hashtag(sky_word_finder_table(t->finder), sky_span_of(folded, folded_len), key);
    struct sky_span normalized = sky_span_of(key, len);
    if (len)
        add_keyword(t, (struct sky_keyword){normalized, tag, SKY_KEYWORD_HASHTAG}, sky_hash_id(normalized));
    return SKY_OK;
}

static enum sky_status add_hashtags(struct sky_text *t, const struct sky_post *post)
{
    enum sky_status status = SKY_OK;
    if (post->hashtags_count > HASHTAGS_MAX)
        return SKY_OK;
    for (uint32_t i = 0; i < post->hashtags_count && status == SKY_OK; i++)
        status = add_hashtag(t, post->hashtags[i], t->tags[i]);
    return status;
}

/* Room for the tokens of the words found: one for each word and, in a run still to be cut, for each byte; keys are
 * the folded words or the bytes of such runs, with a space before each, and a mark or two (c++). */
static bool reserve_tokens(struct sky_text *t)
{
    size_t tokens = t->words.count + t->words.text.len;
    size_t keys = t->words.folded_len + t->words.text.len + tokens * 3 + SKY_TEXT_PADDING_BYTES;
    if (t->tokens_capacity < tokens) {
        struct token *grown = realloc(t->tokens, tokens * sizeof *grown);
        if (!grown)
            return false;
        t->tokens = grown;
        t->tokens_capacity = tokens;
    }
    if (t->keys_capacity < keys) {
        uint8_t *grown = realloc(t->keys, keys);
        if (!grown)
            return false;
        t->keys = grown;
        t->keys_capacity = keys;
    }
    return true;
}

/* Lay `key` behind the other tokens' keys. token, the next one: start, end, flags and id are set. A short key is copied
 * as 16 bytes: every key's source is followed by as many that may be read. */
static inline void add_token(struct sky_text *t, struct token *token, struct sky_span key)
{
    token->flags |= t->pending_break ? TOKEN_BREAK : 0;
    t->pending_break = false;
    t->keys[t->keys_len] = ' ';
    t->keys_len += t->keys_len && !(token->flags & TOKEN_JOINED);
    token->key = (uint32_t)t->keys_len;
    token->key_len = (uint32_t)key.len;
    if (key.len <= 16)
        memcpy(t->keys + t->keys_len, key.ptr, 16);
    else
        memcpy(t->keys + t->keys_len, key.ptr, key.len);
    t->keys_len += key.len;
    t->tokens_count++;
}

static bool is_one_of(struct sky_span word, const char *const *list)
{
    for (; *list; list++)
        if (sky_span_equal(word, sky_span_from_string(*list)))
            return true;
    return false;
}

static bool language_is(const struct sky_text *t, const char *language)
{
    return sky_span_equal(t->language_name, sky_span_from_string(language));
}

/* What stays of a word with an apostrophe: l'eau -> eau (French, Italian, ...), Ankara'da -> ankara (Turkish),
 * president's -> president (all others). */
static struct sky_span strip_apostrophe(const struct sky_text *t, struct sky_span word)
{
    static const char *const elided[] = {"l",    "d",     "j",      "m",      "t",      "s",    "n",    "c",
                                         "qu",   "jusqu", "lorsqu", "puisqu", "quoiqu", "dell", "nell", "all",
                                         "sull", "dall",  "un",     "quell",  "quest",  "gl",   "v",    NULL};
    static const char *const eliding[] = {"fr", "it", "ca", "oc", "pt", NULL};
    static const char *const suffixing[] = {"tr", "az", NULL};
    const uint8_t *mark = memchr(word.ptr, '\'', word.len);
    if (!mark)
        return word;
    size_t at = (size_t)(mark - word.ptr);
    if (is_one_of(t->language_name, suffixing))
        return at > 0 ? sky_span_of(word.ptr, at) : word;
    if (is_one_of(t->language_name, eliding) && at + 1 < word.len && is_one_of(sky_span_of(word.ptr, at), elided))
        return sky_span_from(word, at + 1);
    if (word.len > 2 && word.ptr[word.len - 2] == '\'' && word.ptr[word.len - 1] == 's')
        return sky_span_of(word.ptr, word.len - 2);
    return word;
}

static void add_plain_word(struct sky_text *t, const struct sky_word *word)
{
    struct sky_span surface = sky_span_of(t->words.text.ptr + word->start, word->end - word->start);
    struct sky_span key = sky_span_of(t->words.folded + word->folded, word->folded_len);
    const struct sky_stopword_entry *entry = word->entry;
    struct token *token = &t->tokens[t->tokens_count];
    *token = (struct token){.start = word->start, .end = word->end, .id = word->id};
    bool stop = sky_stopword_is_stop(t->stopwords, entry, t->language);
    bool single = word->flags & SKY_WORD_SINGLE;
    uint8_t name[16] = {0};
    token->flags = (word->flags & SKY_WORD_BREAK ? TOKEN_BREAK : 0) | (word->flags & SKY_WORD_GAP ? 0 : TOKEN_JOINED);
    if ((word->flags & SKY_WORD_APOSTROPHE) && !stop) {
        struct sky_span rest = strip_apostrophe(t, key);
        if (rest.len != key.len) {
            key = rest;
            token->id = sky_hash_id(key);
            single = key.len == 1;
            stop = sky_stopword_is_stop(t->stopwords, sky_stopword_find(t->stopwords, token->id), t->language);
        }
    } else if (stop && (word->flags & SKY_WORD_CAPITALS) && !t->shouting && surface.len == key.len) {
        key = surface; /* WHO is not who */
        token->id = sky_hash_id(key);
        stop = false;
    }
    uint32_t suffix = sky_word_programming_suffix(t->words.text, word);
    if (suffix) {
        name[0] = key.ptr[0];
        memcpy(name + 1, t->words.text.ptr + word->end, suffix);
        key = sky_span_of(name, 1 + suffix);
        token->end = word->end + suffix;
        token->id = sky_hash_id(key);
        stop = single = false;
    }
    if (!stop)
        token->flags |= TOKEN_BEGINS | TOKEN_ENDS;
    if (!stop && !single && !(word->flags & SKY_WORD_NUMBER))
        token->flags |= TOKEN_WORD;
    add_token(t, token, key);
}

/* What a word of Han and kana is made of. */
struct signs {
    uint32_t han;
    uint32_t kana;
    uint32_t others;
};

static struct signs count_signs(struct sky_span word)
{
    struct signs signs = {0};
    for (size_t i = 0; i < word.len;) {
        uint32_t c = sky_utf8_next(word, &i);
        if (sky_character_is_han(c))
            signs.han++;
        else if (sky_character_is_kana(c) && c != 0x30fc)
            signs.kana++;
        else
            signs.others++;
    }
    return signs;
}

static uint32_t japanese_flags(const struct sky_text *t, const struct sky_morpheme *morpheme, struct sky_span key,
                               uint64_t id, bool after_number)
{
    static const char *const polite[] = {"お", "ご", "御", NULL};
    struct signs signs = count_signs(key);
    switch (morpheme->kind) {
    case SKY_MORPHEME_NUMBER: return TOKEN_BEGINS | TOKEN_ENDS;
    case SKY_MORPHEME_PREFIX: return is_one_of(key, polite) ? 0 : TOKEN_BEGINS;
    case SKY_MORPHEME_SUFFIX: return after_number ? 0 : TOKEN_ENDS;
    case SKY_MORPHEME_NOUN: break;
    case SKY_MORPHEME_OTHER: return 0;
    }
    bool counter = after_number && signs.han == 1 && signs.kana == 0; /* 10月 */
    bool word = signs.han > 0 || signs.kana > 1;
    if (counter || !word || sky_stopword_is_stop(t->stopwords, sky_stopword_find(t->stopwords, id), t->language))
        return 0;
    return TOKEN_WORD | TOKEN_BEGINS | TOKEN_ENDS;
}

static enum sky_status add_japanese(struct sky_text *t, const struct sky_word *run)
{
    const struct sky_morpheme *morphemes = NULL;
    size_t count = 0;
    struct sky_span text = sky_span_of(t->words.text.ptr + run->start, run->end - run->start);
    enum sky_status status = sky_japanese_parse(t->japanese, text, &morphemes, &count);
    bool after_number = false;
    for (size_t i = 0; i < count && status == SKY_OK; i++) {
        struct sky_span key = sky_span_of(text.ptr + morphemes[i].start, morphemes[i].end - morphemes[i].start);
        struct token *token = &t->tokens[t->tokens_count];
        *token = (struct token){run->start + morphemes[i].start, run->start + morphemes[i].end, .id = sky_hash_id(key)};
        token->flags = japanese_flags(t, &morphemes[i], key, token->id, after_number);
        after_number = morphemes[i].kind == SKY_MORPHEME_NUMBER;
        if (!token->flags) { /* phrases are made of nouns that touch */
            t->pending_break = true;
            continue;
        }
        bool first = i == 0;
        token->flags |= first && (run->flags & SKY_WORD_BREAK) ? TOKEN_BREAK : 0;
        token->flags |= first && (run->flags & SKY_WORD_GAP) ? TOKEN_BREAK : TOKEN_JOINED;
        add_token(t, token, key);
    }
    return status;
}

/* Han without kana in a text that is not Japanese: ICU's dictionary, which knows no parts of speech. */
static enum sky_status add_chinese(struct sky_text *t, const struct sky_word *run)
{
    const struct sky_segment *segments = NULL;
    size_t count = 0;
    enum sky_status status =
        sky_segment_icu(sky_word_finder_segmenter(t->finder), t->words.text, run->start, run->end, &segments, &count);
    uint32_t last_end = run->start;
    for (size_t i = 0; i < count && status == SKY_OK; i++) {
        struct sky_span key = sky_span_of(t->words.text.ptr + segments[i].start, segments[i].end - segments[i].start);
        struct token *token = &t->tokens[t->tokens_count];
        *token = (struct token){segments[i].start, segments[i].end, .id = sky_hash_id(key), .flags = TOKEN_JOINED};
        const struct sky_stopword_entry *entry = sky_stopword_find(t->stopwords, token->id);
        if (!sky_stopword_is_stop(t->stopwords, entry, t->language))
            token->flags |= TOKEN_BEGINS | TOKEN_ENDS | (count_signs(key).han ? TOKEN_WORD : 0);
        token->flags |= segments[i].start > last_end ? TOKEN_BREAK : 0; /* a mark between them */
        token->flags |= i == 0 && (run->flags & (SKY_WORD_BREAK | SKY_WORD_GAP)) ? TOKEN_BREAK : 0;
        last_end = segments[i].end;
        add_token(t, token, key);
    }
    if (last_end < run->end)
        t->pending_break = true;
    return status;
}

static enum sky_status add_tokens(struct sky_text *t)
{
    enum sky_status status = reserve_tokens(t) ? SKY_OK : SKY_E_MEMORY;
    bool japanese = language_is(t, "ja");
    t->tokens_count = 0;
    t->keys_len = 0;
    t->pending_break = false;
    t->shouting = t->words.letters_other * 4 < t->words.letters_capital;
    for (size_t i = 0; i < t->words.count && status == SKY_OK; i++) {
        const struct sky_word *word = &t->words.items[i];
        if (word->flags & SKY_WORD_LONG)
            t->pending_break = true;
        else if (!(word->flags & SKY_WORD_CJK))
            add_plain_word(t, word);
        else if (japanese || (word->flags & SKY_WORD_KANA))
            status = add_japanese(t, word);
        else
            status = add_chinese(t, word);
    }
    return status;
}

/* The tokens [first, last] as one keyword. */
static void add_slice(struct sky_text *t, size_t first, size_t last, uint64_t id)
{
    const struct token *a = &t->tokens[first], *b = &t->tokens[last];
    struct sky_keyword keyword = {sky_span_of(t->keys + a->key, b->key + b->key_len - a->key),
                                  sky_span_of(t->words.text.ptr + a->start, b->end - a->start),
                                  first == last ? SKY_KEYWORD_WORD : SKY_KEYWORD_PHRASE};
    add_keyword(t, keyword, id);
}

static uint64_t mix(uint64_t before, uint64_t id)
{
    return sky_hash_slot(before, id) * UINT64_C(0x9e3779b97f4a7c15);
}

/* The phrases that begin at token `first`. Their id is made of the ids of the parts between their spaces, and a part's
 * is that of its bytes, however it is cut into tokens: equal bytes always have equal ids. */
static void add_phrases(struct sky_text *t, size_t first)
{
    const struct token *part = &t->tokens[first]; /* the last part's first token */
    uint64_t before = 0, id = part->id;           /* of the parts before it; of itself */
    uint32_t flags = part->flags & TOKEN_WORD;
    bool parted = false;
    for (size_t last = first + 1; last < t->tokens_count && last < first + PHRASE_WORDS_MAX; last++) {
        const struct token *token = &t->tokens[last];
        if (token->flags & TOKEN_BREAK)
            return;
        if (token->flags & TOKEN_JOINED) {
            id = sky_hash_id(sky_span_of(t->keys + part->key, token->key + token->key_len - part->key));
        } else {
            before = parted ? mix(before, id) : id;
            parted = true;
            part = token;
            id = token->id;
        }
        flags |= token->flags & TOKEN_WORD;
        if (token->flags & TOKEN_ENDS && flags)
            add_slice(t, first, last, parted ? mix(before, id) : id);
    }
}

static void add_words(struct sky_text *t)
{
    for (size_t i = 0; i < t->tokens_count; i++) {
        if (t->tokens[i].flags & TOKEN_WORD)
            add_slice(t, i, i, t->tokens[i].id);
        if (t->tokens[i].flags & TOKEN_BEGINS)
            add_phrases(t, i);
    }
}

enum sky_status sky_text_keywords(struct sky_text *t, const struct sky_post *post, struct sky_keyword_list *list)
{
    forget_keywords(t);
    t->tokens_count = 0;
    *list = (struct sky_keyword_list){t->items, 0};
    if (sky_text_is_withheld(t, post))
        return SKY_OK;
    t->language_name = post->language;
    t->language = sky_stopword_language(t->stopwords, post->language);
    enum sky_status status = look_at(t, post);
    if (status == SKY_OK) {
        t->language |= sky_language_stop_words(&t->words, t->stopwords, t->language);
        status = add_hashtags(t, post);
    }
    if (status == SKY_OK)
        status = add_tokens(t);
    if (status != SKY_OK)
        return status;
    add_words(t);
    list->count = t->count;
    return SKY_OK;
}

/* SimHash (Charikar 2002): bit i is what most words' ids have there. The 64 counters are kept bit-sliced: planes[k]
 * holds bit k of each, so that adding an id is a ripple of carries through all of them at once, and so is the
 * comparison of each with half the number of words. */
#define PLANES 12 /* 2^12 > words in SKY_POST_TEXT_BYTES_MAX */

uint64_t sky_text_sketch(const struct sky_text *text)
{
    uint64_t planes[PLANES] = {0};
    size_t count = text->tokens_count < (1 << PLANES) ? text->tokens_count : (1 << PLANES) - 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t carry = text->tokens[i].id;
        for (size_t k = 0; carry && k < PLANES; k++) {
            uint64_t both = planes[k] & carry;
            planes[k] ^= carry;
            carry = both;
        }
    }
    uint64_t more = 0, equal = UINT64_MAX; /* than half, by the planes seen so far */
    for (size_t k = PLANES; k-- > 0;) {
        uint64_t half = (count / 2) >> k & 1 ? UINT64_MAX : 0;
        more |= equal & planes[k] & ~half;
        equal &= ~(planes[k] ^ half);
    }
    return more;
}
