/* Expected keywords are written by hand from the rules of docs/TEXT.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/utf8.h"
#include "text/keyword.h"

static struct sky_text *text;

static int set_up(void **state)
{
    const char *reason = NULL;
    enum sky_status status = sky_text_new(&(struct sky_text_options){0}, &text, &reason);
    if (status != SKY_OK)
        print_error("%s\n", reason);
    return status == SKY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    sky_text_free(text);
    return 0;
}

/* The keywords as one string, in order, '|' between them. */
static const char *join(const struct sky_keyword_list *list)
{
    static char joined[65536];
    size_t len = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            joined[len++] = '|';
        memcpy(joined + len, list->items[i].normalized.ptr, list->items[i].normalized.len);
        len += list->items[i].normalized.len;
    }
    joined[len] = 0;
    return joined;
}

static const char *keywords_of_post(const struct sky_post *post)
{
    struct sky_keyword_list list;
    assert_int_equal(sky_text_keywords(text, post, &list), SKY_OK);
    return join(&list);
}

static struct sky_post post_of(const char *language, const char *words)
{
    return (struct sky_post){
        .op = SKY_POST_CREATE, .text = sky_span_from_string(words), .language = sky_span_from_string(language)};
}

/* Both ways through the text give the same. */
static void expect(const char *language, const char *words, const char *expected)
{
    struct sky_post post = post_of(language, words);
    assert_string_equal(keywords_of_post(&post), expected);
    sky_text_force_icu(text, true);
    assert_string_equal(keywords_of_post(&post), expected);
    sky_text_force_icu(text, false);
}

static void expect_tagged(const char *words, const char *const *tags, const char *expected)
{
    struct sky_span spans[16];
    struct sky_post post = post_of("en", words);
    for (; tags[post.hashtags_count]; post.hashtags_count++)
        spans[post.hashtags_count] = sky_span_from_string(tags[post.hashtags_count]);
    post.hashtags = spans;
    assert_string_equal(keywords_of_post(&post), expected);
}

static void words_and_phrases(void **state)
{
    expect("en", "Earthquake in Tokyo", "earthquake|earthquake in tokyo|tokyo");
    expect("en", "the Bank of England", "bank|bank of england|england");
    expect("en", "red green blue cyan",
           "red|red green|red green blue|green|green blue|green blue cyan|blue|blue cyan|cyan");
    expect("en", "tide tide tide", "tide|tide tide|tide tide tide");
    expect("en", "", "");
    expect("en", " \n\t ", "");
    expect("en", "and the of", "");
}

static void phrases_stop_at_breaks(void **state)
{
    expect("en", "storm. flood", "storm|flood");
    expect("en", "storm, flood", "storm|flood");
    expect("en", "storm\nflood", "storm|flood");
    expect("en", "storm \xF0\x9F\x98\x82 flood", "storm|flood");
    expect("en", "storm @kim.bsky.social flood", "storm|flood");
    expect("en", "storm https://example.com flood", "storm|flood");
    expect("en", "storm (flood) \"rain\"", "storm|flood|rain");
    expect("en", "storm: flood; rain / hail", "storm|flood|rain|hail");
    expect("en", "storm   flood", "storm|storm flood|flood");
    expect("en", "storm-flood", "storm|storm flood|flood");
    expect("en", "storm \xE2\x80\x93 flood", "storm|flood");
}

static void links_and_handles_are_no_keywords(void **state)
{
    expect("en", "https://example.com/path?q=storm#top", "");
    expect("en", "HTTP://EXAMPLE.COM", "");
    expect("en", "www.example.net/storm", "");
    expect("en", "example.com", "");
    expect("en", "example.com/x", "");
    expect("en", "youtu.be/dQw4w9 bit.ly/abc", "");
    expect("en", "storm (see example.org).", "storm");
    expect("en", "@kim.example.com @storm", "");
    expect("en", "@kim@mastodon.example storm", "storm");
    expect("en", "mail kim.lee@example.com", "mail");
    expect("en", "storm.Flood", "storm|flood");
    expect("en", "hello.it's storm", "storm");
    expect("ja", "\xE5\x9C\xB0\xE9\x9C\x87https://example.com/a\xE3\x81\xA7\xE3\x81\x99", "地震");
    expect("ja", "https://ja.example.org/wiki/東京 地震", "地震");
}

static void numbers_and_single_letters(void **state)
{
    expect("en", "1984", "");
    expect("en", "1,000.50 5-2", "");
    expect("en", "covid-19", "covid|covid 19");
    expect("en", "iOS 18.2 beta", "ios|ios 18.2|ios 18.2 beta|18.2 beta|beta");
    expect("en", "x", "");
    expect("en", "vitamin d", "vitamin|vitamin d");
    expect("en", "3D", "3d");
    expect("ja", "あ ア", "");
    expect("ja", "雪", "雪");
    expect("ja", "熊が雪の中", "熊|雪");
    expect("en", "'80s music", "80s|80s music|music");
}

static void capitals_make_names_of_stop_words(void **state)
{
    expect("en", "WHO warns of flu", "WHO|WHO warns|warns|warns of flu|flu");
    expect("en", "the US and IT", "US|US and IT|IT");
    expect("en", "who warns us", "warns");
    expect("en", "THE WHO WARNS US", "warns"); /* all in capitals: they mean nothing */
    expect("en", "I think A", "");             /* one letter is no name */
}

static void apostrophes(void **state)
{
    expect("en", "don't doesn\xE2\x80\x99t", "");
    expect("en", "London's fog", "london|london fog|fog");
    expect("en", "London\xE2\x80\x99s fog", "london|london fog|fog");
    expect("en", "O'Brien", "o'brien");
    expect("fr", "l'eau", "eau");
    expect("fr",
           "L\xE2\x80\x99\xC3\xA9"
           "cole",
           "école");
    expect("fr", "aujourd'hui", "");
    expect("it", "dell'acqua", "acqua");
    expect("tr", "Ankara'da deprem", "ankara|ankara deprem|deprem");
}

static void names_with_marks(void **state)
{
    expect("en", "C++", "c++");
    expect("en", "C# wins", "c#|c# wins|wins");
    expect("en", "U.S. Senate", "u.s|u.s senate|senate");
    expect("en", "$BTC", "btc");
    expect("en", "e.g. a.m.", "");
    expect("en", "Dr. Smith vs. Jones", "smith|smith vs jones|jones");
    expect("en", "snake_case _storm_ __", "snake_case|storm");
}

static void elongated_stop_words(void **state)
{
    expect("en", "soooo yesssss", "");
    expect("en", "gooool", "gooool");
}

static void normal_forms(void **state)
{
    expect("en", "\xEF\xBD\x93torm \xEF\xAC\x82ood", "storm|storm flood|flood"); /* fullwidth s, fl ligature */
    expect("en",
           "st\xE2\x80\x8Borm \xE2\x80\xAE"
           "flood\xE2\x80\xAC",
           "storm|storm flood|flood"); /* ZWSP, RLO, PDF */
    expect("pt",
           "mac\xCC\xA7"
           "a\xCC\x83",
           "maçã"); /* combining cedilla and tilde */
    expect("de", "Straße", "strasse");
    expect("de", "Donaudampfschifffahrtsgesellschaft", "donaudampfschifffahrtsgesellschaft");
    expect("tr", "\xC4\xB0zmir", "izmir");
    expect("en", "storm\xEF\xB8\x8F\xF0\x9F\x8F\xBD", "storm"); /* VS16, skin tone */
    expect("en", "NUL\x01is", "nul");                           /* a control is a space */
}

static void japanese(void **state)
{
    expect("ja", "東京で地震がありました", "東京|地震");
    expect("ja", "人工知能", "人工|人工知能|知能");
    expect("ja", "10月5日に会見", "会見");
    expect("ja", "ｱﾆﾒ", "アニメ");
    expect("ja", "iPhoneの新型", "iphone|新型");
    expect("ja", "G7が開幕", "g7|開幕"); /* digits behind letters are theirs, not those of a counter */
    expect("ja", "PS5を買った", "ps5");
    expect("ja", "3Dで見るF1", "3d|f1");
    expect("ja", "G7首脳会議", "g7|g7首脳|g7首脳会議|首脳|首脳会議|会議");
    expect("ja", "第3回大会", "大会");
    expect("ja", "東京・大阪", "東京|大阪");
    expect("ja", "お天気", "天気");
    expect("ja", "雪 熊", "雪|熊");
    expect("ja", "「雪」、「熊」", "雪|熊");
    expect("en", "東京で地震がありました", "東京|地震"); /* kana are Japanese whatever the tag says */
}

static void other_scripts(void **state)
{
    expect("zh", "北京下雪了", "北京|北京下雪|下雪");
    expect("ko", "서울 지진", "서울|서울 지진|지진");
    expect("ko", "5월 지진", "5월 지진|지진"); /* a counter alone says nothing */
    expect("zh", "G7峰会", "g7|g7峰会|峰会");
    expect("ru", "Землетрясение в Москве", "землетрясение|землетрясение в москве|москве");
    expect("he", "שלום עולם", "שלום|שלום עולם|עולם");
    expect("el", "Σεισμός", "σεισμόσ"); /* folding knows no final sigma */
    expect("hi", "दिल्ली", "दिल्ली");
}

static void hashtags(void **state)
{
    expect_tagged("#Storm is here", (const char *const[]){"Storm", NULL}, "#storm");
    expect_tagged("storm #storm", (const char *const[]){"storm", NULL}, "#storm|storm");
    expect_tagged("flood", (const char *const[]){"\xEF\xBC\x83Storm", NULL}, "#storm|flood");
    expect_tagged("#\xEF\xBC\xA1\xEF\xBC\xA9 art", (const char *const[]){"\xEF\xBC\xA1\xEF\xBC\xA9", NULL}, "#ai|art");
    expect_tagged("see #2024 #x", (const char *const[]){"2024", "x", NULL}, "");
    expect_tagged("#Storm #STORM", (const char *const[]){"Storm", "STORM", NULL}, "#storm");
    expect_tagged("#C-3PO droid", (const char *const[]){"C-3PO", NULL}, "#c-3po|droid");
    expect_tagged("#a1 #a2 #a3 #a4 #a5 #a6 #a7 #a8 flood",
                  (const char *const[]){"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", NULL},
                  "#a1|#a2|#a3|#a4|#a5|#a6|#a7|#a8|flood");
    expect_tagged("#a1 #a2 #a3 #a4 #a5 #a6 #a7 #a8 #a9 flood",
                  (const char *const[]){"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", NULL}, "flood");
}

static void labels_keep_a_post_out(void **state)
{
    static const char *const out[] = {"porn", "sexual", "nudity", "graphic-media"};
    struct sky_post post = post_of("en", "storm");
    struct sky_span label;
    post.labels = &label;
    post.labels_count = 1;
    for (size_t i = 0; i < 4; i++) {
        label = sky_span_from_string(out[i]);
        assert_string_equal(keywords_of_post(&post), "");
        assert_int_equal(sky_text_sketch(text), 0);
    }
    label = SKY_SPAN("!no-unauthenticated");
    assert_string_equal(keywords_of_post(&post), "storm");

    struct sky_text *keeping = NULL;
    struct sky_keyword_list list;
    const char *reason;
    assert_int_equal(sky_text_new(&(struct sky_text_options){.keep_labelled = true}, &keeping, &reason), SKY_OK);
    label = SKY_SPAN("porn");
    assert_int_equal(sky_text_keywords(keeping, &post, &list), SKY_OK);
    assert_string_equal(join(&list), "storm");
    sky_text_free(keeping);
}

static void kinds_and_surfaces(void **state)
{
    struct sky_span tag = SKY_SPAN("Rain");
    struct sky_post post = post_of("en", "New York #Rain");
    struct sky_keyword_list list;
    post.hashtags = &tag;
    post.hashtags_count = 1;
    assert_int_equal(sky_text_keywords(text, &post, &list), SKY_OK);
    assert_string_equal(join(&list), "#rain|new|new york|york");
    assert_int_equal(list.items[0].kind, SKY_KEYWORD_HASHTAG);
    assert_int_equal(list.items[1].kind, SKY_KEYWORD_WORD);
    assert_int_equal(list.items[2].kind, SKY_KEYWORD_PHRASE);
    assert_true(sky_span_equal(list.items[0].surface, SKY_SPAN("Rain")));
    assert_true(sky_span_equal(list.items[2].surface, SKY_SPAN("New York")));
}

/* The same text with other tags, or in another language, is not the text that was just looked at. */
static void nothing_is_kept_from_the_last_post(void **state)
{
    expect_tagged("#storm flood", (const char *const[]){"storm", NULL}, "#storm|flood");
    expect_tagged("#storm flood", (const char *const[]){"rain", NULL}, "#rain|flood");
    expect("en", "die storm", "die|die storm|storm");
    expect("de", "die storm", "storm");
    expect("ja", "大阪府", "大阪|大阪府"); /* a suffix is no word */
    expect("zh", "大阪府", "大阪|大阪府|府");
}

static void limits(void **state)
{
    struct sky_buffer buffer = {0};
    for (int i = 0; i < 193; i++)
        sky_buffer_put_u8(&buffer, 'a' + (uint8_t)(i % 7));
    struct sky_post post = post_of("en", "");
    post.text = sky_buffer_span(&buffer);
    assert_string_equal(keywords_of_post(&post), ""); /* a word of 193 bytes */
    post.text.len = 192;
    assert_int_equal(strlen(keywords_of_post(&post)), 192);
    buffer.len = 0;
    for (int i = 0; i < 1500; i++)
        sky_buffer_printf(&buffer, "%c%d ", 'b' + i % 20, i);
    post.text = sky_buffer_span(&buffer);
    struct sky_keyword_list list;
    assert_int_equal(sky_text_keywords(text, &post, &list), SKY_OK);
    assert_int_equal(list.count, SKY_KEYWORDS_MAX);
    sky_buffer_clean_up(&buffer);
}

static uint64_t sketch_of(const char *words)
{
    struct sky_post post = post_of("en", words);
    keywords_of_post(&post);
    return sky_text_sketch(text);
}

static void sketches(void **state)
{
    uint64_t a = sketch_of("breaking storm hits the northern coast, thousands without power tonight");
    uint64_t copy = sketch_of("BREAKING: storm hits the northern coast - thousands without power tonight!!");
    uint64_t near = sketch_of("breaking storm hits the northern coast, thousands without power now");
    uint64_t other = sketch_of("my cat refuses to eat anything but salmon from the blue bowl");
    assert_int_equal(a, copy);
    assert_true(__builtin_popcountll(a ^ near) <= 16);
    assert_true(__builtin_popcountll(a ^ other) >= 20);
    assert_int_equal(sketch_of(""), 0);
}

static void bytes_that_are_not_utf8(void **state)
{
    static const char *const bad[] = {"\xff",     "\xc3",   "storm\xe3\x81",   "\xf0\x9f\x98", "\xed\xa0\x80storm",
                                      "\xc0\xaf", "a\x80z", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sky_post post = post_of("en", bad[i]);
        struct sky_keyword_list list;
        assert_int_equal(sky_text_keywords(text, &post, &list), SKY_OK);
        for (size_t k = 0; k < list.count; k++)
            assert_true(sky_utf8_is_valid(list.items[k].normalized));
    }
}

/* A short post with a wrong tag: its language is not told, but what are stop words is. */
static void test_stop_words_of_a_mistagged_post(void **state)
{
    expect("en", "Das ist mein Laden", "laden");
    expect("en", "isso \xC3\xA9 s\xC3\xB3 Lisboa", "lisboa");
    expect("fr", "mein ist Berlin", "berlin");
    expect("", "das ist Berlin", "berlin");
    expect("en", "the das ist of Berlin and Rome",
           "das|das ist|ist|ist of berlin|berlin|berlin and rome|rome"); /* more English */
    expect("en", "war", "war");                                          /* one word of German says nothing */
    expect("en", "Hat trick for Kane", "hat|hat trick|trick|trick for kane|kane");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_words_of_a_mistagged_post),
        cmocka_unit_test(words_and_phrases),
        cmocka_unit_test(phrases_stop_at_breaks),
        cmocka_unit_test(links_and_handles_are_no_keywords),
        cmocka_unit_test(numbers_and_single_letters),
        cmocka_unit_test(capitals_make_names_of_stop_words),
        cmocka_unit_test(apostrophes),
        cmocka_unit_test(names_with_marks),
        cmocka_unit_test(elongated_stop_words),
        cmocka_unit_test(normal_forms),
        cmocka_unit_test(japanese),
        cmocka_unit_test(other_scripts),
        cmocka_unit_test(hashtags),
        cmocka_unit_test(labels_keep_a_post_out),
        cmocka_unit_test(kinds_and_surfaces),
        cmocka_unit_test(nothing_is_kept_from_the_last_post),
        cmocka_unit_test(limits),
        cmocka_unit_test(sketches),
        cmocka_unit_test(bytes_that_are_not_utf8),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
