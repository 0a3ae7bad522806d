/* keyword.h: from a post to the keywords it counts for. (docs/TEXT.md has the rules with examples.)
 *
 * Only fields that PostData carries are used (text, hashtags, langs, language), so that the embedded engine and the
 * Flink job find the same keywords.
 *
 * Memory   `sky_text` owns the ICU and MeCab objects and its scratch; allocates at new, then only to grow scratch.
 * Threads  one owner; two threads use two objects.
 * Trust    `text` is hostile but valid UTF-8 of at most SKY_POST_TEXT_BYTES_MAX. */
#ifndef SKY_TEXT_KEYWORD_H
#define SKY_TEXT_KEYWORD_H

#include "base/status.h"
#include "event/post.h"

/* Longest keyword kept, in bytes of its normalised form; longer ones are dropped. Ours. */
#define SKY_KEYWORD_BYTES_MAX 192
/* Keywords of one post at most; further ones are dropped (3,000 bytes of text cannot give many more). Ours. */
#define SKY_KEYWORDS_MAX 1024

enum sky_keyword_kind { SKY_KEYWORD_WORD, SKY_KEYWORD_HASHTAG, SKY_KEYWORD_PHRASE };

struct sky_keyword {
    struct sky_span normalized; /* what is counted: NFKC, case-folded; "#tag" for a hashtag, single spaces in a phrase
                          (none between words of a script that writes none) */
    struct sky_span surface;    /* as written at its first place in the post (may equal normalized) */
    enum sky_keyword_kind kind;
};

struct sky_keyword_list {
    const struct sky_keyword *items; /* distinct by normalized; borrows `sky_text` and the post until the next call */
    size_t count;
};

struct sky_text;

struct sky_text_options {
    bool keep_labelled; /* count posts self-labelled porn, sexual, nudity, graphic-media too */
};

/* SKY_E_UNSUPPORTED: ICU data or the MeCab dictionary is missing; *reason says which and how to get it. */
SKY_MUST_USE enum sky_status sky_text_new(const struct sky_text_options *options, struct sky_text **text,
                                          const char **reason);
void sky_text_free(struct sky_text *text);

/* The language statistics are kept under: the lower-case primary subtag, "und" when neither tags nor text tell.
 * For Latin script and >= 20 letters the detector outranks the tag. Static or borrowed from the post. */
struct sky_span sky_text_language(struct sky_text *text, const struct sky_post *post);

/* True: the author labelled the post adult or graphic, and such posts neither count nor are shown (keep_labelled). */
bool sky_text_is_withheld(const struct sky_text *text, const struct sky_post *post);

/* The keywords of one create. `post->language` must be set (see sky_text_language). An empty list for a post that must
 * not count (labels, no words). SKY_E_MEMORY is the only error. */
SKY_MUST_USE enum sky_status sky_text_keywords(struct sky_text *text, const struct sky_post *post,
                                               struct sky_keyword_list *list);

/* A 64-bit sketch of the words of the post given to the last sky_text_keywords call, for finding near-copies (SimHash
 * over word hashes); 0 for a post without words. */
uint64_t sky_text_sketch(const struct sky_text *text);

/* Send all text that MeCab does not cut through ICU's word iterator: slower, the same keywords. For the tests that
 * prove it. */
void sky_text_force_icu(struct sky_text *text, bool force);

#endif
