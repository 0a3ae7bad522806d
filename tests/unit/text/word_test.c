/* The fast way through a text and ICU's give the same words: over texts put together at random from pieces that
 * matter to word boundaries, and over the fuzzer's seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "base/utf8.h"
#include "text/keyword.h"
#include "text/word.h"
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#define TEXTS 60000

static struct sky_stopword_table *stopwords;
static struct sky_word_finder *fast, *slow;

static int set_up(void **state)
{
    if (sky_stopword_table_new(&stopwords) != SKY_OK || sky_word_finder_new(stopwords, &fast) != SKY_OK ||
        sky_word_finder_new(stopwords, &slow) != SKY_OK)
        return -1;
    sky_word_finder_force_icu(slow, true);
    return 0;
}

static int tear_down(void **state)
{
    sky_word_finder_free(fast);
    sky_word_finder_free(slow);
    sky_stopword_table_free(stopwords);
    return 0;
}

static const char *const pieces[] = {"storm",
                                     "The",
                                     "a",
                                     "I",
                                     "WHO",
                                     "don't",
                                     "don\xE2\x80\x99t",
                                     "caf\xC3\xA9",
                                     "\xC3\x89T\xC3\x89",
                                     "straße",
                                     "\xC4\xB0",
                                     "\xC4\xB1",
                                     "i\xCC\x87",
                                     "e\xCC\x81",
                                     "\xD0\x96\xD0\xB8\xD0\xB7\xD0\xBD\xD1\x8C",
                                     "\xCE\xA3\xCE\xAF\xCF\x82",
                                     "\xED\x95\x9C\xEA\xB5\xAD",
                                     "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
                                     "\xD7\x91\"\xD7\x94",
                                     "\xD8\xB3\xD9\x84\xD8\xA7\xD9\x85",
                                     "\xE0\xB8\x81\xE0\xB8\xA3\xE0\xB8\xB8",
                                     "\xE6\x9D\xB1\xE4\xBA\xAC",
                                     "\xE3\x81\xA7",
                                     "\xE3\x82\xA2\xE3\x83\x8B\xE3\x83\xA1",
                                     "\xE5\x8C\x97\xE4\xBA\xAC",
                                     "1",
                                     "10",
                                     "3.14",
                                     "1,000",
                                     "5-2",
                                     "2nd",
                                     "v1.2",
                                     "x2",
                                     " ",
                                     " ",
                                     " ",
                                     " ",
                                     " ",
                                     " ",
                                     " ",
                                     "\n",
                                     "\t",
                                     "\xC2\xA0",
                                     "\xE3\x80\x80",
                                     ".",
                                     ",",
                                     ". ",
                                     ", ",
                                     "! ",
                                     "?",
                                     ":",
                                     ";",
                                     "'",
                                     "\xE2\x80\x99",
                                     "\"",
                                     "-",
                                     "\xE2\x80\x93",
                                     "_",
                                     "__",
                                     "/",
                                     "\\",
                                     "&",
                                     "+",
                                     "++",
                                     "#",
                                     "@",
                                     "(",
                                     ")",
                                     "*",
                                     "~",
                                     "=",
                                     "\xC2\xB7",
                                     "\xE2\x80\xA6",
                                     "\xE2\x80\xA7",
                                     "\xC2\xAB",
                                     "\xE3\x80\x81",
                                     "\xE3\x80\x82",
                                     "\xE3\x83\xBB",
                                     "\xF0\x9F\x98\x82",
                                     "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9",
                                     "\xE2\x9D\xA4\xEF\xB8\x8F",
                                     "\xF0\x9F\x87\xAF\xF0\x9F\x87\xB5",
                                     "1\xEF\xB8\x8F\xE2\x83\xA3",
                                     "\xE2\x80\x8B",
                                     "\xE2\x80\x8D",
                                     "\xE2\x80\xAE",
                                     "\xC2\xAD",
                                     "\xEF\xBC\xA1",
                                     "\xEF\xBC\x8E",
                                     "\xC2\xBD",
                                     "\xE2\x84\xA2",
                                     "\xC2\xB2",
                                     "\xE2\x91\xA0",
                                     "https://ex.com/a",
                                     "example.com",
                                     "e.g.",
                                     "U.S.",
                                     "@kim.test",
                                     "#tag",
                                     "a@b.co",
                                     "sooooo",
                                     "supercalifragilistic",
                                     "Ab",
                                     "O'Neil",
                                     "l'eau",
                                     "\xF0\x9D\x93\x97",
                                     "\xE1\xBB\x87",
                                     "\xC7\xB0",
                                     "\xC5\x89",
                                     "\xCA\xBC",
                                     "\xE1\x82\xA0",
                                     "\xD5\xA1",
                                     "\xD9\xA1\xD9\xA2",
                                     "\xE0\xA4\x95\xE0\xA5\x8D\xE0\xA4\xB7"};

static uint64_t random_state = 1;

static uint32_t below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % n);
}

static size_t put_text(char *out)
{
    size_t len = 0;
    for (uint32_t n = 1 + below(24); n > 0; n--) {
        const char *piece = pieces[below(sizeof pieces / sizeof *pieces)];
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
    out[len] = 0;
    return len;
}

/* Folding as the Unicode rule says it, by ICU alone. */
static void check_fold(const struct sky_words *words, const struct sky_word *word)
{
    UErrorCode error = U_ZERO_ERROR;
    UChar from[1024], folded[1024];
    char back[2048];
    int32_t from_len = 0, len = 0, back_len = 0, kept = 0;
    u_strFromUTF8(from, 1024, &from_len, (const char *)words->text.ptr + word->start,
                  (int32_t)(word->end - word->start), &error);
    for (int pass = 0; pass < 2; pass++) { /* a dropped dot may let i compose with what follows */
        len = unorm2_normalize(unorm2_getNFKCCasefoldInstance(&error), from, from_len, folded, 1024, &error);
        for (int32_t i = kept = 0; i < len; i++)
            if (folded[i] != 0x307 || kept == 0 || folded[kept - 1] != 'i')
                folded[kept++] = folded[i] == 0x2019 ? '\'' : folded[i];
        memcpy(from, folded, (size_t)kept * sizeof *from);
        from_len = kept;
    }
    u_strToUTF8(back, sizeof back, &back_len, folded, kept, &error);
    assert_true(U_SUCCESS(error));
    assert_true(sky_span_equal(sky_span_of(back, (size_t)back_len),
                               sky_span_of(words->folded + word->folded, word->folded_len)));
}

static void check(struct sky_span text)
{
    struct sky_words a, b;
    assert_int_equal(sky_word_find(fast, text, NULL, 0, &a), SKY_OK);
    assert_int_equal(sky_word_find(slow, text, NULL, 0, &b), SKY_OK);
    bool same = a.count == b.count && a.letters_capital == b.letters_capital && a.letters_other == b.letters_other &&
                a.other_scripts == b.other_scripts;
    for (size_t i = 0; same && i < a.count; i++) {
        const struct sky_word *x = &a.items[i], *y = &b.items[i];
        same = x->start == y->start && x->end == y->end && x->id == y->id && x->entry == y->entry &&
               x->flags == y->flags && x->folded_len == y->folded_len;
    }
    if (!same)
        print_error("the ways differ over: %.*s\n", (int)text.len, (const char *)text.ptr);
    assert_true(same);
    for (size_t i = 0; i < a.count; i++)
        if (!(a.items[i].flags & (SKY_WORD_CJK | SKY_WORD_LONG)))
            check_fold(&a, &a.items[i]);
}

static void both_ways_agree_on_random_texts(void **state)
{
    char text[2048];
    for (int i = 0; i < TEXTS; i++)
        check(sky_span_of(text, put_text(text)));
}

static void both_ways_agree_on_every_code_point(void **state)
{
    uint8_t text[64];
    for (uint32_t c = 1; c < 0x30000; c++) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        size_t len = 0;
        text[len++] = 'a';
        len += sky_utf8_put(c, text + len);
        text[len++] = 'B';
        text[len++] = ' ';
        len += sky_utf8_put(c, text + len);
        text[len++] = '1';
        len += sky_utf8_put(c, text + len);
        text[len++] = '2';
        text[len++] = ' ';
        len += sky_utf8_put(c, text + len);
        len += sky_utf8_put(c, text + len);
        check(sky_span_of(text, len));
    }
}

static void both_ways_agree_on_the_seeds(void **state)
{
    const char *folder = SKY_SOURCE_DIR "/fuzz/corpus/text";
    DIR *dir = opendir(folder);
    char path[1024];
    static uint8_t bytes[1 << 16];
    int files = 0;
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file)
            continue;
        size_t len = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        check(sky_span_of(bytes, len));
        files++;
    }
    closedir(dir);
    assert_true(files > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_agree_on_random_texts),
        cmocka_unit_test(both_ways_agree_on_every_code_point),
        cmocka_unit_test(both_ways_agree_on_the_seeds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
