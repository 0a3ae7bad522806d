#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/hashtag.h"

/* The tags of `text`, joined with '|'. */
static void expect(const char *text, const char *joined)
{
    struct sky_span tags[SKY_POST_HASHTAGS_MAX];
    struct sky_hashtag_list list = {.tags = tags};
    char got[4096] = "";
    sky_hashtag_add_from_text(&list, sky_span_from_string(text));
    for (uint32_t i = 0; i < list.count; i++) {
        strcat(got, i ? "|" : "");
        strncat(got, (const char *)tags[i].ptr, tags[i].len);
    }
    assert_string_equal(got, joined);
}

/* Most texts are those of @atproto/api's own detection test. */
static void test_bare_tags(void **state)
{
    (void)state;
    expect("no tag", "");
    expect("#tag", "tag");
    expect("text #tag and #other", "tag|other");
    expect("text#not", "");
    expect("#", "");
    expect("# x", "");
    expect("#1", "");
    expect("#1a", "1a");
    expect("#!", "");
    expect("#tag. #tag2, (#no)", "tag|tag2");
    expect("#double#tag", "double#tag");
    expect("#hyphen-ated", "hyphen-ated");
    expect("##two", "two");
    expect("a\n#line\tb", "line");
    expect("#\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x80\x82 x",
           "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");      /* 日本語。 */
    expect("\xef\xbc\x83\xe9\x9b\xaa", "\xe9\x9b\xaa");  /* ＃雪 */
    expect("\xe3\x80\x80#\xe9\x9b\xaa", "\xe9\x9b\xaa"); /* behind an ideographic space */
    expect("#\xef\xb8\x8f\xe2\x83\xa3", "");             /* the keycap emoji */
    expect("#a\xe2\x80\x8b"
           "b",
           "a"); /* zero width space */
}

static void test_each_once_whatever_its_case(void **state)
{
    (void)state;
    expect("#Tag #tag #TAG #tags", "Tag|tags");
}

static void test_limits(void **state)
{
    (void)state;
    struct sky_span tags[SKY_POST_HASHTAGS_MAX];
    struct sky_hashtag_list list = {.tags = tags};
    char text[4096], *at = text;
    memset(text, 'x', sizeof text);
    sky_hashtag_add(&list, sky_span_of(text, 641));
    assert_int_equal(list.count, 0);
    sky_hashtag_add(&list, sky_span_of(text, 640));
    assert_int_equal(list.count, 1);
    sky_hashtag_add(&list, SKY_SPAN(""));
    sky_hashtag_add(&list, SKY_SPAN("#"));
    assert_int_equal(list.count, 1);
    for (int i = 0; i < 500; i++)
        at += sprintf(at, "#t%d ", i);
    sky_hashtag_add_from_text(&list, sky_span_of(text, (size_t)(at - text)));
    assert_int_equal(list.count, SKY_POST_HASHTAGS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bare_tags),
                                       cmocka_unit_test(test_each_once_whatever_its_case),
                                       cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
