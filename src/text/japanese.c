/* MeCab is asked for the best path only, through one lattice that is used again and again. The part of speech comes
 * from the node's posid (ipadic's pos-id.def), so no feature string is read. The dictionary is looked for where
 * distributions put it, without mecabrc, so that a user's own settings cannot change the keywords; and it is proved to
 * be ipadic in UTF-8 by what it says about one word. */
#include "text/japanese.h"

#include <mecab.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const dictionary_dirs[] = {"/var/lib/mecab/dic/ipadic-utf8",
                                              "/var/lib/mecab/dic/debian",
                                              "/usr/lib/mecab/dic/ipadic-utf8",
                                              "/usr/lib/mecab/dic/ipadic",
                                              "/usr/lib64/mecab/dic/ipadic",
                                              "/usr/lib/x86_64-linux-gnu/mecab/dic/ipadic",
                                              "/usr/lib/aarch64-linux-gnu/mecab/dic/ipadic",
                                              "/usr/share/mecab/dic/ipadic-utf8",
                                              "/usr/local/lib/mecab/dic/ipadic"};

struct sky_japanese {
    mecab_model_t *model;
    mecab_t *tagger;
    mecab_lattice_t *lattice;
    struct sky_morpheme *morphemes;
    size_t capacity;
};

static enum sky_morpheme_kind kind_of(unsigned posid)
{
    switch (posid) {
    case 30: return SKY_MORPHEME_PREFIX; /* 接頭詞,名詞接続 */
    case 36:                             /* 名詞,サ変接続 */
    case 37:                             /* 名詞,ナイ形容詞語幹 */
    case 38:                             /* 名詞,一般 */
    case 40:                             /* 名詞,形容動詞語幹 */
    case 41:                             /* 名詞,固有名詞,... */
    case 42:
    case 43:
    case 44:
    case 45:
    case 46:
    case 47:
    case 67: return SKY_MORPHEME_NOUN;   /* 名詞,副詞可能 */
    case 48: return SKY_MORPHEME_NUMBER; /* 名詞,数 */
    case 50:                             /* 名詞,接尾,サ変接続 */
    case 51:                             /* 名詞,接尾,一般 */
    case 56: return SKY_MORPHEME_SUFFIX; /* 名詞,接尾,地域 */
    default: return SKY_MORPHEME_OTHER;
    }
}

/* Hiragana that the dictionary does not know is mostly slang and endings, which MeCab calls nouns. */
static enum sky_morpheme_kind kind_of_node(const mecab_node_t *node)
{
    const uint8_t *p = (const uint8_t *)node->surface;
    bool hiragana = node->length >= 3 && p[0] == 0xe3 && (p[1] == 0x81 || (p[1] == 0x82 && p[2] < 0xa0));
    return node->stat == MECAB_UNK_NODE && hiragana ? SKY_MORPHEME_OTHER : kind_of(node->posid);
}

static void close_model(struct sky_japanese *j)
{
    if (j->lattice)
        mecab_lattice_destroy(j->lattice);
    if (j->tagger)
        mecab_destroy(j->tagger);
    if (j->model)
        mecab_model_destroy(j->model);
    j->lattice = NULL;
    j->tagger = NULL;
    j->model = NULL;
}

/* 東京 is a place (posid 46) for ipadic in UTF-8, and for no other dictionary. */
static bool is_ipadic(struct sky_japanese *j)
{
    const char *word = "東京";
    mecab_lattice_set_sentence2(j->lattice, word, strlen(word));
    if (!mecab_parse_lattice(j->tagger, j->lattice))
        return false;
    const mecab_node_t *node = mecab_lattice_get_bos_node(j->lattice)->next;
    return node && node->length == strlen(word) && node->posid == 46;
}

static bool open_model(struct sky_japanese *j, const char *dir)
{
    char options[256];
    snprintf(options, sizeof options, "-r /dev/null -d %s", dir);
    j->model = mecab_model_new2(options);
    if (!j->model)
        return false;
    j->tagger = mecab_model_new_tagger(j->model);
    j->lattice = mecab_model_new_lattice(j->model);
    if (j->tagger && j->lattice && is_ipadic(j))
        return true;
    close_model(j);
    return false;
}

enum sky_status sky_japanese_new(struct sky_japanese **japanese, const char **reason)
{
    struct sky_japanese *j = calloc(1, sizeof *j);
    if (!j)
        return SKY_E_MEMORY;
    for (size_t i = 0; i < sizeof dictionary_dirs / sizeof *dictionary_dirs; i++) {
        if (open_model(j, dictionary_dirs[i])) {
            *japanese = j;
            return SKY_OK;
        }
    }
    *reason = "no MeCab dictionary: install ipadic in UTF-8 (Debian: mecab-ipadic-utf8)";
    free(j);
    return SKY_E_UNSUPPORTED;
}

void sky_japanese_free(struct sky_japanese *japanese)
{
    if (!japanese)
        return;
    close_model(japanese);
    free(japanese->morphemes);
    free(japanese);
}

enum sky_status sky_japanese_parse(struct sky_japanese *j, struct sky_span run, const struct sky_morpheme **morphemes,
                                   size_t *count)
{
    *count = 0;
    if (j->capacity < run.len) { /* a morpheme has at least one byte */
        struct sky_morpheme *grown = realloc(j->morphemes, run.len * sizeof *grown);
        if (!grown)
            return SKY_E_MEMORY;
        j->morphemes = grown;
        j->capacity = run.len;
    }
    *morphemes = j->morphemes;
    mecab_lattice_set_sentence2(j->lattice, (const char *)run.ptr, run.len);
    if (!mecab_parse_lattice(j->tagger, j->lattice))
        return SKY_OK; /* MeCab gives up on a run: no words */
    const char *base = mecab_lattice_get_sentence(j->lattice);
    for (const mecab_node_t *node = mecab_lattice_get_bos_node(j->lattice)->next; node && node->next;
         node = node->next) {
        uint32_t start = (uint32_t)(node->surface - base);
        j->morphemes[(*count)++] = (struct sky_morpheme){start, start + node->length, kind_of_node(node)};
    }
    return SKY_OK;
}
