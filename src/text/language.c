/* The detector for Latin script, in one pass over words that were looked up anyway:
 *   - a word in the list of n languages gives each of them a vote, the larger the smaller n is;
 *   - a word in no list is asked for the ending it has ("-ung", "-ção"), worth less;
 *   - each letter beyond ASCII speaks for the languages whose alphabet has it and against all others.
 * The winner must be well ahead of the second; against a tag, well ahead of the tag's own score too. It is a sum of
 * integers: the same everywhere.
 *
 * Other scripts are counted letter by letter, and their script alone decides, save where several languages share
 * one: there a few letters tell them apart, and a tag of that script is believed. */
#include "text/language.h"

#include "base/hash.h"
#include "base/utf8.h"
#include <unicode/uscript.h>

/* A vote of a word shared by n languages; n > 8 says nothing. */
static const int vote_weights[] = {0, 12, 8, 6, 4, 3, 2, 2, 1};
#define LANGUAGES_FOR_A_VOTE_MAX 8
#define LETTER_PENALTY           5

#define SCORE_MIN          20 /* to say anything against a tag */
#define SCORE_CLEAR        30 /* and twice the second: endings need not be asked */
#define SCORE_MIN_UNTAGGED 8

struct scores {
    int of[SKY_STOPWORD_LANGUAGES_MAX];
    int against_all; /* to be taken from each of them */
    uint32_t words;
};

static int weight_of(const struct sky_stopword_entry *entry)
{
    return entry->voters > LANGUAGES_FOR_A_VOTE_MAX ? 0 : vote_weights[entry->voters];
}

static void add_votes(struct scores *scores, uint32_t languages, int weight)
{
    for (; languages; languages &= languages - 1)
        scores->of[__builtin_ctz(languages)] += weight;
}

/* The longest ending in the lists. */
static void add_ending(struct scores *scores, const struct sky_stopword_table *stopwords, struct sky_span word)
{
    uint8_t ending[8] = "-";
    for (size_t len = 5; len >= 2; len--) {
        if (word.len < len + 3)
            continue;
        memcpy(ending + 1, word.ptr + word.len - len, len);
        const struct sky_stopword_entry *entry =
            sky_stopword_find(stopwords, sky_hash_id(sky_span_of(ending, len + 1)));
        if (entry->vote) {
            add_votes(scores, entry->vote, (weight_of(entry) + 1) / 2);
            return;
        }
    }
}

/* "*x" in a list: the letter x beyond ASCII is in that language's alphabet. */
static void add_letters(struct scores *scores, const struct sky_stopword_table *stopwords, struct sky_span word)
{
    uint8_t key[8] = "*";
    for (size_t i = 0; i < word.len;) {
        size_t start = i;
        if (sky_utf8_next(word, &i) < 0x80)
            continue;
        memcpy(key + 1, word.ptr + start, i - start);
        const struct sky_stopword_entry *entry =
            sky_stopword_find(stopwords, sky_hash_id(sky_span_of(key, i - start + 1)));
        if (!entry->vote)
            continue;
        scores->against_all += LETTER_PENALTY;
        add_votes(scores, entry->vote, LETTER_PENALTY + weight_of(entry));
    }
}

static struct sky_span folded_of(const struct sky_words *words, const struct sky_word *word)
{
    return sky_span_of(words->folded + word->folded, word->folded_len);
}

static bool is_prose(const struct sky_word *word)
{
    return !(word->flags & (SKY_WORD_CJK | SKY_WORD_NUMBER | SKY_WORD_LONG));
}

/* Votes of words and letters. */
static void score_words(struct scores *scores, const struct sky_words *words,
                        const struct sky_stopword_table *stopwords)
{
    for (size_t i = 0; i < words->count; i++) {
        const struct sky_word *word = &words->items[i];
        if (!is_prose(word))
            continue;
        scores->words++;
        if (!(word->flags & SKY_WORD_ASCII))
            add_letters(scores, stopwords, folded_of(words, word));
        int weight = weight_of(word->entry);
        add_votes(scores, word->entry->vote, word->folded_len == 1 ? (weight + 1) / 2 : weight);
    }
}

/* Votes of endings, asked for only where words leave it open. */
static void score_endings(struct scores *scores, const struct sky_words *words,
                          const struct sky_stopword_table *stopwords)
{
    for (size_t i = 0; i < words->count; i++)
        if (is_prose(&words->items[i]) && !words->items[i].entry->vote)
            add_ending(scores, stopwords, folded_of(words, &words->items[i]));
}

struct winner {
    uint32_t language;
    int score;
    int second;
};

static struct winner find_winner(const struct scores *scores, uint32_t languages)
{
    struct winner winner = {0, scores->of[0], 0};
    for (uint32_t l = 1; l < languages; l++) {
        if (scores->of[l] > winner.score) {
            winner.second = winner.score;
            winner.score = scores->of[l];
            winner.language = l;
        } else if (scores->of[l] > winner.second) {
            winner.second = scores->of[l];
        }
    }
    winner.score -= scores->against_all;
    winner.second -= scores->against_all;
    return winner;
}

static int score_of(const struct scores *scores, const struct sky_stopword_table *stopwords, struct sky_span language)
{
    uint32_t bit = sky_stopword_language(stopwords, language);
    return bit ? scores->of[__builtin_ctz(bit)] - scores->against_all : 0;
}

/* nb and nn are written with the words of no. */
static struct sky_span listed_name(struct sky_span tag)
{
    bool norwegian = sky_span_equal(tag, SKY_SPAN("nb")) || sky_span_equal(tag, SKY_SPAN("nn"));
    return norwegian ? SKY_SPAN("no") : tag;
}

static struct sky_span detect_latin(const struct sky_words *words, const struct sky_stopword_table *stopwords,
                                    struct sky_span tag)
{
    bool enough = words->letters_capital + words->letters_other >= SKY_LANGUAGE_LETTERS_MIN;
    if (tag.len && !enough)
        return tag;
    struct scores scores = {0};
    uint32_t languages = sky_stopword_language_count(stopwords);
    score_words(&scores, words, stopwords);
    struct winner winner = find_winner(&scores, languages);
    if (winner.score < SCORE_CLEAR || winner.score < winner.second * 2) {
        score_endings(&scores, words, stopwords);
        winner = find_winner(&scores, languages);
    }
    int score = winner.score, second = winner.second;
    struct sky_span name = sky_stopword_language_name(winner.language);
    if (tag.len == 0)
        return score >= SCORE_MIN_UNTAGGED && score > second + second / 8 ? name : SKY_SPAN("und");
    struct sky_span listed = listed_name(tag);
    if (sky_span_equal(name, listed))
        return tag;
    bool known = sky_stopword_language(stopwords, listed) != 0;
    int per_word = known ? 1 : 5; /* a language without a list cannot speak for itself: ask for denser votes */
    int against = score_of(&scores, stopwords, listed);
    bool clear = score >= SCORE_MIN && score * 3 >= second * 4 && score * 2 >= against * 3 + 16 &&
                 score >= (int)scores.words * per_word;
    return clear ? name : tag;
}

uint32_t sky_language_stop_words(const struct sky_words *words, const struct sky_stopword_table *stopwords,
                                 uint32_t own)
{
    uint32_t counts[SKY_STOPWORD_LANGUAGES_MAX] = {0}, own_count = 0, best = 0;
    bool other = false;
    for (size_t i = 0; i < words->count; i++) {
        const struct sky_word *word = &words->items[i];
        if (!is_prose(word) || !word->entry->stop)
            continue;
        if (sky_stopword_is_stop(stopwords, word->entry, own)) {
            own_count++;
            continue;
        }
        other = true;
        for (uint32_t languages = word->entry->stop; languages; languages &= languages - 1)
            counts[__builtin_ctz(languages)]++;
    }
    for (uint32_t l = 1; other && l < SKY_STOPWORD_LANGUAGES_MAX; l++)
        best = counts[l] > counts[best] ? l : best;
    return other && counts[best] >= 2 && counts[best] > own_count ? UINT32_C(1) << best : 0;
}

enum script { LATIN, KANA, HAN, HANGUL, CYRILLIC, ARABIC, HEBREW, GREEK, THAI, DEVANAGARI, OTHER_SCRIPT, SCRIPTS };

struct census {
    uint32_t letters[SCRIPTS];
    uint32_t ukrainian, belarusian, serbian, bulgarian, persian, urdu; /* letters only these use */
};

static enum script script_of(uint32_t c)
{
    if (c < 0x250 || (c >= 0x1e00 && c <= 0x1eff))
        return LATIN;
    if (c < 0x370)
        return OTHER_SCRIPT;
    if (c < 0x400)
        return GREEK;
    if (c < 0x530)
        return CYRILLIC;
    if (c >= 0x590 && c < 0x600)
        return HEBREW;
    if (c >= 0x600 && c < 0x780)
        return ARABIC;
    if (c >= 0x900 && c < 0x980)
        return DEVANAGARI;
    if (c >= 0xe00 && c < 0xe80)
        return THAI;
    if (c >= 0x1f00 && c < 0x2000)
        return GREEK;
    if (sky_character_is_kana(c))
        return KANA;
    if (sky_character_is_hangul(c))
        return HANGUL;
    return sky_character_is_han(c) ? HAN : OTHER_SCRIPT;
}

static void note_letter(struct census *census, uint32_t c)
{
    c = c >= 0x410 && c < 0x430 ? c + 0x20 : c >= 0x400 && c < 0x410 ? c + 0x50 : c;
    census->ukrainian += c == 0x456 || c == 0x457 || c == 0x454 || c == 0x491 || c == 0x406 || c == 0x407;
    census->belarusian += c == 0x45e;
    census->serbian += c == 0x458 || c == 0x459 || c == 0x45a || c == 0x452 || c == 0x45b || c == 0x45f;
    census->bulgarian += c == 0x44a;
    census->persian += c == 0x67e || c == 0x686 || c == 0x698 || c == 0x6af || c == 0x6cc || c == 0x6a9;
    census->urdu += c == 0x679 || c == 0x688 || c == 0x691 || c == 0x6ba || c == 0x6d2 || c == 0x6be;
}

static void take_census(struct census *census, const struct sky_words *words, const struct sky_character_table *table)
{
    for (size_t w = 0; w < words->count; w++) {
        const struct sky_word *word = &words->items[w];
        struct sky_span span = sky_span_of(words->text.ptr + word->start, word->end - word->start);
        for (size_t i = 0; i < span.len;) {
            uint32_t c = sky_utf8_next(span, &i);
            enum sky_char_class class = sky_character_class(table, c);
            if (class != SKY_CHAR_LETTER && class != SKY_CHAR_CJK && class != SKY_CHAR_COMPLEX)
                continue;
            census->letters[script_of(c)]++;
            note_letter(census, c);
        }
    }
}

static bool in_list(struct sky_span tag, const char *list)
{
    for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " "))
        if (tag.len == strcspn(p, " ") && memcmp(p, tag.ptr, tag.len) == 0)
            return true;
    return false;
}

/* The tag, when languages of this list share the script and it names one of them. */
static struct sky_span tag_or(struct sky_span tag, const char *list, const char *otherwise)
{
    return tag.len && in_list(tag, list) ? tag : sky_span_from_string(otherwise);
}

static struct sky_span detect_cyrillic(const struct census *census, struct sky_span tag)
{
    uint32_t letters = census->letters[CYRILLIC];
    const char *guess = census->serbian * 40 > letters      ? "sr"
                        : census->belarusian * 60 > letters ? "be"
                        : census->ukrainian * 40 > letters  ? "uk"
                        : census->bulgarian * 60 > letters  ? "bg"
                                                            : "ru";
    return tag_or(tag, "ru uk be bg sr mk kk ky mn tg tt ba cv os bs", guess);
}

static struct sky_span detect_arabic(const struct census *census, struct sky_span tag)
{
    uint32_t letters = census->letters[ARABIC];
    const char *guess = census->urdu * 25 > letters ? "ur" : census->persian * 25 > letters ? "fa" : "ar";
    return tag_or(tag, "ar fa ur ps ckb ku sd ug arz ary", guess);
}

/* Japanese says it with kana; Han alone is Chinese unless the tag says otherwise. */
static struct sky_span detect_han(const struct census *census, struct sky_span tag)
{
    if (census->letters[KANA] * 10 >= census->letters[HAN])
        return tag_or(tag, "ja ryu ain", "ja");
    return tag_or(tag, "zh ja yue lzh ko nan hak wuu", "zh");
}

struct sky_span sky_language_detect(const struct sky_words *words, const struct sky_character_table *table,
                                    const struct sky_stopword_table *stopwords, struct sky_span tag)
{
    if (!words->other_scripts)
        return detect_latin(words, stopwords, tag);
    struct census census = {0};
    take_census(&census, words, table);
    uint32_t cjk = census.letters[KANA] + census.letters[HAN];
    if (cjk * 3 >= census.letters[LATIN] && cjk >= census.letters[HANGUL] && cjk > 0)
        return detect_han(&census, tag);
    enum script most = LATIN;
    for (enum script s = HANGUL; s < SCRIPTS; s++)
        if (census.letters[s] * (most == LATIN ? 2 : 1) > census.letters[most])
            most = s;
    switch (most) {
    case HANGUL: return tag_or(tag, "ko", "ko");
    case CYRILLIC: return detect_cyrillic(&census, tag);
    case ARABIC: return detect_arabic(&census, tag);
    case HEBREW: return tag_or(tag, "he yi lad", "he");
    case GREEK: return tag_or(tag, "el grc", "el");
    case THAI: return tag_or(tag, "th", "th");
    case DEVANAGARI: return tag_or(tag, "hi mr ne sa bho mai kok", "hi");
    case OTHER_SCRIPT: return tag.len ? tag : SKY_SPAN("und");
    default: return detect_latin(words, stopwords, tag);
    }
}
