#include "text/stopword.h"

#include <stdlib.h>

#include "base/hash.h"

/* Most words are in no list, and each would miss the cache in a table of 300 KB to find that out. So a bit for each
 * hash of 17 bits is asked first (a Bloom filter of one function, 16 KB): it is set for 5 of 100 words that are in no
 * list. */
#define FILTER_BITS  (UINT32_C(1) << 17)
#define FILTER_SHIFT 40 /* other bits of the id than the slot's */

struct sky_stopword_table {
    uint64_t filter[FILTER_BITS / 64];
    struct sky_stopword_entry *slots;
    uint64_t mask;
    uint32_t codes[SKY_STOPWORD_LANGUAGES_MAX]; /* the subtags as pack() has them */
    uint32_t languages_count;
    uint32_t english;
};

static const struct sky_stopword_entry no_entry;

/* A subtag of at most three letters as a number. */
static uint32_t pack(struct sky_span subtag)
{
    uint32_t code = 0;
    for (size_t i = 0; i < subtag.len && i < 4; i++)
        code = code << 8 | subtag.ptr[i];
    return code;
}

/* The next word of `line` from `*at`, by single spaces. */
static struct sky_span next_word(const char *line, size_t *at)
{
    while (line[*at] == ' ')
        ++*at;
    size_t start = *at;
    while (line[*at] && line[*at] != ' ')
        ++*at;
    return sky_span_of(line + start, *at - start);
}

static struct sky_stopword_entry *slot_of(const struct sky_stopword_table *table, uint64_t id)
{
    uint64_t i = id & table->mask;
    while (table->slots[i].id && table->slots[i].id != id)
        i = (i + 1) & table->mask;
    return &table->slots[i];
}

static uint64_t filter_bit(uint64_t id)
{
    return UINT64_C(1) << (id >> FILTER_SHIFT & 63);
}

static size_t filter_word(uint64_t id)
{
    return (id >> FILTER_SHIFT & (FILTER_BITS - 1)) / 64;
}

/* "word" stops and votes, "+word" and "-suffix" vote, "=word" stops, "!word" excepts. */
static void add_word(struct sky_stopword_table *table, struct sky_span word, uint32_t bit)
{
    uint8_t mark = word.ptr[0];
    bool marked = mark == '+' || mark == '=' || mark == '!';
    struct sky_span key = marked ? sky_span_from(word, 1) : word;
    struct sky_stopword_entry *entry = slot_of(table, sky_hash_id(key));
    entry->id = sky_hash_id(key);
    table->filter[filter_word(entry->id)] |= filter_bit(entry->id);
    if (mark == '!') {
        entry->except |= bit;
        return;
    }
    if (mark != '+' && mark != '-' && mark != '*')
        entry->stop |= bit;
    if (mark != '=')
        entry->vote |= bit;
}

static size_t count_words(void)
{
    size_t count = 0;
    for (const struct sky_stopword_list *list = sky_stopword_lists; list->language; list++)
        for (const char *const *line = list->lines; *line; line++)
            for (size_t at = 0; next_word(*line, &at).len;)
                count++;
    return count;
}

enum sky_status sky_stopword_table_new(struct sky_stopword_table **table)
{
    size_t slots = 64;
    while (slots < count_words() * 2)
        slots *= 2;
    struct sky_stopword_table *t = calloc(1, sizeof *t);
    if (!t)
        return SKY_E_MEMORY;
    t->slots = calloc(slots, sizeof *t->slots);
    if (!t->slots) {
        free(t);
        return SKY_E_MEMORY;
    }
    t->mask = slots - 1;
    for (const struct sky_stopword_list *list = sky_stopword_lists; list->language; list++) {
        if (t->languages_count == SKY_STOPWORD_LANGUAGES_MAX)
            break;
        t->codes[t->languages_count] = pack(sky_span_from_string(list->language));
        uint32_t bit = UINT32_C(1) << t->languages_count++;
        for (const char *const *line = list->lines; *line; line++) {
            size_t at = 0;
            for (struct sky_span word = next_word(*line, &at); word.len; word = next_word(*line, &at))
                add_word(t, word, bit);
        }
    }
    for (size_t i = 0; i < slots; i++)
        t->slots[i].voters = (uint32_t)__builtin_popcount(t->slots[i].vote);
    t->english = sky_stopword_language(t, SKY_SPAN("en"));
    *table = t;
    return SKY_OK;
}

void sky_stopword_table_free(struct sky_stopword_table *table)
{
    if (!table)
        return;
    free(table->slots);
    free(table);
}

const struct sky_stopword_entry *sky_stopword_find(const struct sky_stopword_table *table, uint64_t id)
{
    if (!(table->filter[filter_word(id)] & filter_bit(id)))
        return &no_entry;
    const struct sky_stopword_entry *entry = slot_of(table, id);
    return entry->id ? entry : &no_entry;
}

uint32_t sky_stopword_language(const struct sky_stopword_table *table, struct sky_span language)
{
    uint32_t code = pack(language);
    for (uint32_t i = 0; i < table->languages_count && language.len <= 3; i++)
        if (table->codes[i] == code)
            return UINT32_C(1) << i;
    return 0;
}

bool sky_stopword_is_stop(const struct sky_stopword_table *table, const struct sky_stopword_entry *entry,
                          uint32_t language)
{
    if (entry->stop & language)
        return true;
    return (entry->stop & table->english) && !(entry->except & language);
}

uint32_t sky_stopword_language_count(const struct sky_stopword_table *table)
{
    return table->languages_count;
}

struct sky_span sky_stopword_language_name(uint32_t index)
{
    return sky_span_from_string(sky_stopword_lists[index].language);
}
