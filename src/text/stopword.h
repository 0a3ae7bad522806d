/* stopword.h: words that are never keywords, by language, and what each word says about the language it is in.
 *
 * The lists are src/text/stopwords/LANG.txt (format: docs/TEXT.md), compiled in. One hash table holds them all, so
 * that one look-up for each word of a post serves both the stop rule and the language detector.
 *
 * Memory   the table is owned by its maker; about 300 KB.
 * Threads  constant once made. */
#ifndef SKY_TEXT_STOPWORD_H
#define SKY_TEXT_STOPWORD_H

#include "base/span.h"
#include "base/status.h"

#define SKY_STOPWORD_LANGUAGES_MAX 32 /* one bit each */

struct sky_stopword_list {
    const char *language; /* primary subtag; NULL ends sky_stopword_lists */
    const char *const *lines;
};
extern const struct sky_stopword_list sky_stopword_lists[];

/* Sets of languages, bit i for sky_stopword_lists[i]. */
struct sky_stopword_entry {
    uint64_t id;     /* sky_hash_id of the word; 0 in an empty slot */
    uint32_t stop;   /* it is a stop word there */
    uint32_t vote;   /* it speaks for the text being in one of these */
    uint32_t except; /* it is an English stop word, but a word of content there */
    uint32_t voters; /* how many languages `vote` holds */
};

struct sky_stopword_table;

SKY_MUST_USE enum sky_status sky_stopword_table_new(struct sky_stopword_table **table);
void sky_stopword_table_free(struct sky_stopword_table *table);

/* The entry of a folded word, by its sky_hash_id; never NULL: a word in no list has an entry of empty sets. */
const struct sky_stopword_entry *sky_stopword_find(const struct sky_stopword_table *table, uint64_t id);

/* The bit of a primary subtag; 0 when there is no list for it. */
uint32_t sky_stopword_language(const struct sky_stopword_table *table, struct sky_span language);

/* English stop words count as such in every language (they are quoted everywhere), save those a list excepts. */
bool sky_stopword_is_stop(const struct sky_stopword_table *table, const struct sky_stopword_entry *entry,
                          uint32_t language);

/* How many languages have a list, and the subtag of number `index`. */
uint32_t sky_stopword_language_count(const struct sky_stopword_table *table);
struct sky_span sky_stopword_language_name(uint32_t index);

#endif
